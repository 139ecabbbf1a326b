//! Makes sure that a Secret Service is there and unlocked before the store is asked for anything.
//!
//! The store's library unlocks by itself, but waits for the prompt without an end and lets nobody else in
//! meanwhile. Here a prompt is waited for with a limit, and there is one at a time: whoever finds the keychain
//! locked while it is open waits for the same one, even after others have given up on it. It is left open
//! then, so that a person who comes back late still unlocks; and `Dismiss` is never called, for it ends the
//! GNOME keyring (seen with 42.1) and with it everything that was unlocked.
//!
//! Interface: <https://specifications.freedesktop.org/secret-service/latest/>.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use tessera_client::ports::VaultError;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::time::timeout;
use zbus::fdo::{self, DBusProxy};
use zbus::names::{BusName, OwnedUniqueName, WellKnownName};
use zbus::proxy::CacheProperties;
use zbus::zvariant::{OwnedObjectPath, Value};
use zbus::{Connection, proxy};

use super::{Intent, KeychainLimits, Service};

const NAME: &str = "org.freedesktop.secrets";

/// The path that means "none".
const NOTHING: &str = "/";

/// What a new keyring is called where there is none. The desktop's own programs use this name, too.
const NEW_KEYRING: &str = "Default keyring";

/// Programs that provide a Secret Service, by what the kernel calls them (15 characters), and what a person
/// calls them.
const PROVIDERS: [(&str, &str); 6] = [
    ("gnome-keyring-d", "the GNOME keyring"),
    ("ksecretd", "KWallet"),
    ("kwalletd5", "KWallet"),
    ("kwalletd6", "KWallet"),
    ("keepassxc", "KeePassXC"),
    ("oo7-daemon", "the oo7 keyring"),
];

#[proxy(
    interface = "org.freedesktop.Secret.Service",
    default_service = "org.freedesktop.secrets",
    default_path = "/org/freedesktop/secrets",
    gen_blocking = false
)]
trait SecretService {
    fn search_items(
        &self,
        attributes: HashMap<&str, &str>,
    ) -> zbus::Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>)>;
    fn unlock(&self, objects: &[OwnedObjectPath]) -> zbus::Result<(Vec<OwnedObjectPath>, OwnedObjectPath)>;
    fn read_alias(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn create_collection(
        &self,
        properties: HashMap<&str, Value<'_>>,
        alias: &str,
    ) -> zbus::Result<(OwnedObjectPath, OwnedObjectPath)>;
}

#[proxy(
    interface = "org.freedesktop.Secret.Collection",
    default_service = "org.freedesktop.secrets",
    gen_blocking = false
)]
trait Collection {
    #[zbus(property)]
    fn locked(&self) -> zbus::Result<bool>;
}

#[proxy(
    interface = "org.freedesktop.Secret.Item",
    default_service = "org.freedesktop.secrets",
    gen_blocking = false
)]
trait Item {
    #[zbus(property)]
    fn attributes(&self) -> zbus::Result<HashMap<String, String>>;
}

#[proxy(
    interface = "org.freedesktop.Secret.Prompt",
    default_service = "org.freedesktop.secrets",
    gen_blocking = false
)]
trait Prompt {
    fn prompt(&self, window_id: &str) -> zbus::Result<()>;
    #[zbus(signal)]
    fn completed(&self, dismissed: bool, result: Value<'_>) -> zbus::Result<()>;
}

/// The way to an unlocked Secret Service.
pub(super) struct Gate {
    limits: KeychainLimits,
    connection: AsyncMutex<Option<Connection>>,
    /// The last prompt, and what came of it.
    prompt: AsyncMutex<Option<Outcome>>,
    /// How many prompts were declined. Whoever began before that does not ask again.
    declined: Arc<AtomicU64>,
    provider: Mutex<Option<&'static str>>,
}

/// What a person did about a prompt; `None` while it is open.
type Outcome = watch::Receiver<Option<Answer>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Agreed,
    Declined,
    /// The service went away while it asked.
    Gone,
}

/// What a person may have to be asked for.
enum Wish {
    Unlock(Vec<OwnedObjectPath>),
    /// Makes the keyring that everything goes to by default; the person chooses its password.
    CreateDefault,
}

/// Why the way is not free.
enum Blocked {
    /// The bus or the service went away; a new connection may do better.
    Lost,
    For(VaultError),
}

impl From<VaultError> for Blocked {
    fn from(error: VaultError) -> Self {
        Self::For(error)
    }
}

impl Gate {
    pub(super) fn new(limits: KeychainLimits) -> Self {
        Self {
            limits,
            connection: AsyncMutex::default(),
            prompt: AsyncMutex::default(),
            declined: Arc::default(),
            provider: Mutex::default(),
        }
    }

    /// Returns which run of the service is there, unlocked, with a place to put things where `intent` needs one.
    pub(super) async fn open(
        &self,
        namespace: &str,
        key: &str,
        intent: Intent,
    ) -> Result<Service, VaultError> {
        let declined = self.declined.load(Ordering::Acquire);
        for _ in 0..2 {
            let connection = self.connection().await?;
            match self.open_on(&connection, namespace, key, intent, declined).await {
                Ok(service) => return Ok(service),
                Err(Blocked::For(error)) => return Err(error),
                Err(Blocked::Lost) => self.forget().await,
            }
        }
        Err(lost())
    }

    /// The names of all entries of a namespace. Nobody is asked for anything: where something is locked, not all of
    /// them may be seen.
    pub(super) async fn list(&self, namespace: &str) -> Result<Vec<String>, VaultError> {
        for _ in 0..2 {
            let connection = self.connection().await?;
            match self.list_on(&connection, namespace).await {
                Ok(names) => return Ok(names),
                Err(Blocked::For(error)) => return Err(error),
                Err(Blocked::Lost) => self.forget().await,
            }
        }
        Err(lost())
    }

    async fn list_on(&self, connection: &Connection, namespace: &str) -> Result<Vec<String>, Blocked> {
        self.owner(connection).await?;
        let service = self.answered(SecretServiceProxy::new(connection)).await?;
        let default = self.answered(service.read_alias("default")).await?;
        let has_default = default.as_str() != NOTHING;
        if has_default && self.is_locked(connection, &default).await? {
            return Err(Blocked::For(VaultError::Locked));
        }
        let ours = HashMap::from([("service", namespace)]);
        let (open, locked) = self.answered(service.search_items(ours)).await?;
        if !locked.is_empty() {
            return Err(Blocked::For(VaultError::Locked));
        }
        if !has_default && open.is_empty() {
            return Err(Blocked::For(no_keyring()));
        }
        let mut names = Vec::with_capacity(open.len());
        for path in &open {
            let item = ItemProxy::builder(connection)
                .cache_properties(CacheProperties::No)
                .path(path.as_ref());
            let item = self.answered(async { item?.build().await }).await?;
            // One that was removed meanwhile is none.
            if let Ok(mut attributes) = self.answered(item.attributes()).await
                && let Some(name) = attributes.remove("username")
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Whether the way is not free without asking a person.
    pub(super) async fn asks(&self) -> bool {
        let looked = async {
            let connection = self.connection().await?;
            self.owner(&connection).await?;
            let service = self.answered(SecretServiceProxy::new(&connection)).await?;
            let default = self.answered(service.read_alias("default")).await?;
            Ok::<_, Blocked>(default.as_str() == NOTHING || self.is_locked(&connection, &default).await?)
        };
        match looked.await {
            Ok(asks) => asks,
            Err(Blocked::Lost) => {
                self.forget().await;
                true
            }
            Err(Blocked::For(_)) => true,
        }
    }

    /// Connects anew next time.
    pub(super) async fn forget(&self) {
        self.connection.lock().await.take();
    }

    /// What provides the service, as far as it was seen.
    pub(super) fn describe(&self) -> String {
        let provider = *self.provider.lock().unwrap_or_else(PoisonError::into_inner);
        provider.unwrap_or("the Secret Service").to_owned()
    }

    async fn connection(&self) -> Result<Connection, VaultError> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        let connection = self.connect().await?;
        *kept = Some(connection.clone());
        Ok(connection)
    }

    async fn connect(&self) -> Result<Connection, VaultError> {
        match timeout(self.limits.answer, Connection::session()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(VaultError::Missing(format!("no session bus: {error}"))),
            Err(_) => Err(VaultError::Missing("the session bus does not answer".to_owned())),
        }
    }

    async fn open_on(
        &self,
        connection: &Connection,
        namespace: &str,
        key: &str,
        intent: Intent,
        declined: u64,
    ) -> Result<Service, Blocked> {
        let owner = self.owner(connection).await?;
        let service = self.answered(SecretServiceProxy::new(connection)).await?;
        let default = self.answered(service.read_alias("default")).await?;
        let has_default = default.as_str() != NOTHING;
        if has_default && self.is_locked(connection, &default).await? {
            // A locked keychain may hide its entries: without this, what is there would seem not to be.
            self.grant(Wish::Unlock(vec![default]), declined).await?;
        }
        let attributes = HashMap::from([("service", namespace), ("username", key)]);
        let (open, locked) = self.answered(service.search_items(attributes)).await?;
        let found = !open.is_empty() || !locked.is_empty();
        if !locked.is_empty() {
            self.grant(Wish::Unlock(locked), declined).await?;
        }
        match intent {
            Intent::Store if !has_default && !found => {
                let created = self.grant(Wish::CreateDefault, declined).await;
                created.map_err(|blocked| match blocked {
                    Blocked::For(VaultError::Locked) => Blocked::For(no_keyring()),
                    other => other,
                })?;
            }
            Intent::Read if !has_default && !found => return Err(Blocked::For(no_keyring())),
            _ => {}
        }
        Ok(owner.to_string())
    }

    /// Who answers for the service now; started where the bus knows how.
    async fn owner(&self, connection: &Connection) -> Result<OwnedUniqueName, Blocked> {
        let bus = self.answered(DBusProxy::new(connection)).await?;
        let name = WellKnownName::from_static_str_unchecked(NAME);
        let ask = || async { Ok(bus.get_name_owner(BusName::from(name.clone())).await?) };
        let owner = match self.answered(ask()).await {
            Err(Blocked::For(VaultError::Missing(_))) => {
                self.answered(async { Ok(bus.start_service_by_name(name.clone(), 0).await?) })
                    .await?;
                self.answered(ask()).await?
            }
            answer => answer?,
        };
        if let Ok(process) = bus
            .get_connection_unix_process_id(owner.clone().into_inner().into())
            .await
        {
            let program = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            let known = PROVIDERS.iter().find(|(kernel, _)| *kernel == program.trim_end());
            *self.provider.lock().unwrap_or_else(PoisonError::into_inner) = known.map(|(_, person)| *person);
        }
        Ok(owner)
    }

    async fn is_locked(&self, connection: &Connection, path: &OwnedObjectPath) -> Result<bool, Blocked> {
        let collection = CollectionProxy::builder(connection)
            .cache_properties(CacheProperties::No)
            .path(path.as_ref());
        let collection = self.answered(async { collection?.build().await }).await?;
        self.answered(collection.locked()).await
    }

    /// Has a wish granted, by asking the person where the service wants that. `declined` is how many prompts
    /// had been declined when the caller began.
    async fn grant(&self, wish: Wish, declined: u64) -> Result<(), Blocked> {
        loop {
            let mut last = self.prompt.lock().await;
            let open = last.clone().filter(|outcome| outcome.borrow().is_none());
            if let Some(outcome) = open {
                drop(last);
                self.wait(outcome).await?;
                // That prompt was another's; what it opened may be enough for this wish, too.
                continue;
            }
            if self.declined.load(Ordering::Acquire) != declined {
                return Err(Blocked::For(VaultError::Locked));
            }
            // A connection of its own, which the prompt belongs to and keeps.
            let connection = self.connect().await?;
            let prompt = self.ask(&connection, &wish).await?;
            if prompt.as_str() == NOTHING {
                return Ok(());
            }
            let outcome = self.show(&connection, &prompt).await?;
            *last = Some(outcome.clone());
            drop(last);
            return self.wait(outcome).await;
        }
    }

    async fn ask(&self, connection: &Connection, wish: &Wish) -> Result<OwnedObjectPath, Blocked> {
        let service = self.answered(SecretServiceProxy::new(connection)).await?;
        match wish {
            Wish::Unlock(objects) => Ok(self.answered(service.unlock(objects)).await?.1),
            Wish::CreateDefault => {
                let label = (
                    "org.freedesktop.Secret.Collection.Label",
                    Value::from(NEW_KEYRING),
                );
                Ok(self
                    .answered(service.create_collection(HashMap::from([label]), "default"))
                    .await?
                    .1)
            }
        }
    }

    /// Shows a prompt. What comes of it is seen even when nobody waits any more.
    async fn show(&self, connection: &Connection, path: &OwnedObjectPath) -> Result<Outcome, Blocked> {
        let prompt = PromptProxy::builder(connection)
            .cache_properties(CacheProperties::No)
            .path(path.clone());
        let prompt = self.answered(async { prompt?.build().await }).await?;
        let mut completed = self.answered(prompt.receive_completed()).await?;
        let mut owner = self.answered(prompt.inner().receive_owner_changed()).await?;
        self.answered(prompt.prompt("")).await?;
        let (report, outcome) = watch::channel(None);
        let declined = Arc::clone(&self.declined);
        tokio::spawn(async move {
            let answer = loop {
                tokio::select! {
                    signal = completed.next() => break match signal.as_ref().map(Completed::args) {
                        Some(Ok(answer)) if !answer.dismissed => Answer::Agreed,
                        Some(_) => Answer::Declined,
                        None => Answer::Gone,
                    },
                    changed = owner.next() => if !matches!(changed, Some(Some(_))) {
                        break Answer::Gone;
                    },
                }
            };
            if answer == Answer::Declined {
                declined.fetch_add(1, Ordering::AcqRel);
            }
            report.send_replace(Some(answer));
        });
        Ok(outcome)
    }

    async fn wait(&self, mut outcome: Outcome) -> Result<(), Blocked> {
        match timeout(self.limits.unlock, outcome.wait_for(Option::is_some)).await {
            Ok(Ok(answer)) if *answer == Some(Answer::Agreed) => Ok(()),
            Ok(Ok(answer)) if *answer == Some(Answer::Gone) => Err(Blocked::For(VaultError::Failed(
                "it ended while it asked".to_owned(),
            ))),
            // Declined, nobody there, or a runtime that ends.
            _ => Err(Blocked::For(VaultError::Locked)),
        }
    }

    /// A reply, within the limit.
    async fn answered<T>(&self, reply: impl Future<Output = zbus::Result<T>>) -> Result<T, Blocked> {
        match timeout(self.limits.answer, reply).await {
            Ok(reply) => reply.map_err(sorted),
            Err(_) => Err(Blocked::For(VaultError::Failed(
                "it did not answer in time".to_owned(),
            ))),
        }
    }
}

fn lost() -> VaultError {
    VaultError::Failed("the connection to it is lost again and again".to_owned())
}

/// What an error of the bus that the store's library passed on says of the keychain.
pub(super) fn failure(error: &zbus::Error, told: &dyn std::error::Error) -> VaultError {
    match sorted(error.clone()) {
        Blocked::For(VaultError::Failed(_)) | Blocked::Lost => VaultError::Failed(told.to_string()),
        Blocked::For(known) => known,
    }
}

fn no_keyring() -> VaultError {
    VaultError::Missing("it has no default keyring".to_owned())
}

fn sorted(error: zbus::Error) -> Blocked {
    let text = error.to_string();
    let missing = || Blocked::For(VaultError::Missing("no Secret Service is running".to_owned()));
    match error {
        zbus::Error::FDO(error) => match *error {
            fdo::Error::ServiceUnknown(_)
            | fdo::Error::NameHasNoOwner(_)
            | fdo::Error::SpawnFailed(_)
            | fdo::Error::SpawnExecFailed(_)
            | fdo::Error::SpawnForkFailed(_)
            | fdo::Error::SpawnChildExited(_)
            | fdo::Error::SpawnChildSignaled(_)
            | fdo::Error::SpawnServiceNotFound(_)
            | fdo::Error::SpawnServiceNotValid(_)
            | fdo::Error::SpawnFileInvalid(_)
            | fdo::Error::TimedOut(_) => missing(),
            fdo::Error::AccessDenied(reason) => Blocked::For(VaultError::Refused(reason)),
            fdo::Error::LimitsExceeded(reason) | fdo::Error::NoMemory(reason) => {
                Blocked::For(VaultError::Full(reason))
            }
            fdo::Error::Disconnected(_) | fdo::Error::NoReply(_) => Blocked::Lost,
            fdo::Error::ZBus(error) => sorted(error),
            _ => Blocked::For(VaultError::Failed(text)),
        },
        error @ zbus::Error::MethodError(..) => match fdo::Error::from(error) {
            fdo::Error::ZBus(_) => Blocked::For(VaultError::Failed(text)),
            known => sorted(zbus::Error::FDO(Box::new(known))),
        },
        zbus::Error::InputOutput(_) => Blocked::Lost,
        _ => Blocked::For(VaultError::Failed(text)),
    }
}
