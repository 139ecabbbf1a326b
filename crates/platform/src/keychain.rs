//! The operating system's keychain, by the keyring family of crates: the Secret Service on Linux, the
//! Credential Manager on Windows, the login keychain on macOS.
//!
//! The stores block, some of them until a person has answered a prompt. Every call therefore runs on a thread
//! of its own and is waited for with a limit. It is no `spawn_blocking` thread: a runtime that ends waits for
//! those, so an unanswered prompt would keep the whole program from ending.

mod pieces;
#[cfg(target_os = "linux")]
mod secret_service;

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use keyring_core::{CredentialStore, Error};
use tessera_client::ports::{SecretBytes, Vault, VaultError};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use crate::paths::DataFolder;
use pieces::{Shelf, ShelfError, StoreError};

/// Held by the process that changes an entry, so that the app and the terminal do not write one at once.
const LOCK_FILE: &str = "keychain.lock";

/// How long the keychain may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeychainLimits {
    /// For a person to unlock it, when it asks.
    pub unlock: Duration,
    /// For the keychain itself to answer.
    pub answer: Duration,
}

impl Default for KeychainLimits {
    fn default() -> Self {
        Self {
            unlock: Duration::from_secs(90),
            answer: Duration::from_secs(20),
        }
    }
}

/// The keychain entries of one data folder. Looks for the keychain when it is first needed.
pub struct OsKeychain {
    shared: Arc<Shared>,
    limits: KeychainLimits,
    #[cfg(target_os = "linux")]
    gate: secret_service::Gate,
}

struct Shared {
    namespace: String,
    lock_file: PathBuf,
    /// The store, and the running service that it was opened with.
    store: Mutex<Option<(Service, Arc<CredentialStore>)>>,
    entries: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
}

/// Names one run of the keychain's service: what was opened with one run is of no use to the next.
type Service = String;

/// Keeps other work on the same entry away. Goes with the work onto its thread, so that work that is no longer
/// waited for cannot overtake later work.
type Turn = Arc<OwnedMutexGuard<()>>;

impl OsKeychain {
    /// The entries that belong to `folder`.
    pub fn new(folder: &DataFolder) -> Self {
        Self::with_limits(folder, KeychainLimits::default())
    }

    /// The same, with other limits.
    pub fn with_limits(folder: &DataFolder, limits: KeychainLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                namespace: folder.namespace().to_owned(),
                lock_file: folder.path().join(LOCK_FILE),
                store: Mutex::default(),
                entries: Mutex::default(),
            }),
            limits,
            #[cfg(target_os = "linux")]
            gate: secret_service::Gate::new(limits),
        }
    }

    /// Waits for the turn of `key`, makes sure that the keychain is there and open, and does `work`; once more
    /// from the beginning when the keychain's service went away underneath.
    async fn with_shelf<T, W>(&self, key: &str, intent: Intent, work: W) -> Result<T, VaultError>
    where
        T: Send + 'static,
        W: Fn(&Shelf) -> Result<T, ShelfError> + Send + Sync + 'static,
    {
        let patience = self.limits.unlock + self.limits.answer;
        let turn = timeout(patience, self.shared.turn(key))
            .await
            .map_err(|_| VaultError::Locked)?;
        let work = Arc::new(work);
        let mut once_more = true;
        loop {
            let service = self.ready(key, intent).await?;
            let result = self.on_thread(service, intent, &turn, Arc::clone(&work)).await;
            match result {
                Err(Failure::Store(StoreError(Error::PlatformFailure(_))))
                    if once_more && cfg!(target_os = "linux") =>
                {
                    once_more = false;
                    self.forget().await;
                }
                Err(failure) => {
                    self.forget().await;
                    return Err(failure.explained());
                }
                Ok(value) => return Ok(value),
            }
        }
    }

    #[cfg(target_os = "linux")]
    async fn ready(&self, key: &str, intent: Intent) -> Result<Service, VaultError> {
        self.gate.open(&self.shared.namespace, key, intent).await
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(
        clippy::unused_async,
        reason = "only the Secret Service must be waited for beforehand"
    )]
    async fn ready(&self, _key: &str, _intent: Intent) -> Result<Service, VaultError> {
        Ok(Service::new())
    }

    async fn on_thread<T, W>(
        &self,
        service: Service,
        intent: Intent,
        turn: &Turn,
        work: Arc<W>,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: Fn(&Shelf) -> Result<T, ShelfError> + Send + Sync + 'static,
    {
        let (report, result) = oneshot::channel();
        let (shared, turn) = (Arc::clone(&self.shared), Arc::clone(turn));
        let task = move || {
            let outcome = shared.work(service, intent, &*work);
            drop(turn);
            let _ = report.send(outcome);
        };
        std::thread::Builder::new()
            .name("keychain".to_owned())
            .spawn(task)
            .map_err(|error| Failure::Other(error.kind().to_string()))?;
        // Where the system itself asks the person, that happens within the call.
        let patience = if cfg!(target_os = "linux") {
            self.limits.answer
        } else {
            self.limits.answer + self.limits.unlock
        };
        match timeout(patience, result).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(ShelfError::Damaged))) => Err(Failure::Damaged),
            Ok(Ok(Err(ShelfError::Store(error)))) => Err(Failure::Store(error)),
            Ok(Err(_)) => Err(Failure::Other("its library broke down".to_owned())),
            Err(_) => Err(Failure::Silent),
        }
    }

    /// Opens everything anew next time.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(clippy::unused_async, reason = "closes a connection on Linux")
    )]
    async fn forget(&self) {
        self.shared
            .store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        #[cfg(target_os = "linux")]
        self.gate.forget().await;
    }
}

#[async_trait]
impl Vault for OsKeychain {
    async fn put(&self, key: &str, secret: SecretBytes) -> Result<(), VaultError> {
        let name = checked(key)?;
        self.with_shelf(key, Intent::Store, move |shelf| shelf.put(&name, secret.expose()))
            .await
    }

    async fn get(&self, key: &str) -> Result<Option<SecretBytes>, VaultError> {
        let name = checked(key)?;
        let value = self
            .with_shelf(key, Intent::Read, move |shelf| shelf.get(&name))
            .await?;
        Ok(value.map(|mut value| SecretBytes::new(std::mem::take(&mut *value))))
    }

    async fn delete(&self, key: &str) -> Result<(), VaultError> {
        let name = checked(key)?;
        self.with_shelf(key, Intent::Remove, move |shelf| shelf.delete(&name))
            .await
    }

    #[cfg(target_os = "linux")]
    async fn list(&self) -> Result<Option<Vec<String>>, VaultError> {
        let mut keys = self.gate.list(&self.shared.namespace).await?;
        pieces::gather(&mut keys);
        Ok(Some(keys))
    }

    #[cfg(not(target_os = "linux"))]
    async fn list(&self) -> Result<Option<Vec<String>>, VaultError> {
        // A name that no entry has.
        self.with_shelf("#", Intent::Read, |shelf| shelf.list(native::search))
            .await
    }

    #[cfg(target_os = "linux")]
    async fn asks(&self) -> bool {
        self.gate.asks().await
    }

    fn describe(&self) -> String {
        #[cfg(target_os = "linux")]
        let name = self.gate.describe();
        #[cfg(not(target_os = "linux"))]
        let name = native::NAME.to_owned();
        name
    }
}

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    Read,
    Store,
    Remove,
}

impl Shared {
    async fn turn(&self, key: &str) -> Turn {
        let lock = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            // Locks that nobody holds or waits for need not be remembered.
            entries.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(entries.entry(key.to_owned()).or_default())
        };
        Arc::new(lock.lock_owned().await)
    }

    /// Runs on a thread where blocking harms nobody.
    fn work<T>(
        &self,
        service: Service,
        intent: Intent,
        work: &(dyn Fn(&Shelf) -> Result<T, ShelfError> + Send + Sync),
    ) -> Result<T, ShelfError> {
        let store = self.store(service)?;
        let entries = Shelf::new(store, self.namespace.clone(), native::modifiers);
        let _alone = match intent {
            Intent::Read => None,
            Intent::Store | Intent::Remove => self.alone(),
        };
        work(&entries)
    }

    /// The store that was opened with this run of the service, or a new one.
    fn store(&self, service: Service) -> Result<Arc<CredentialStore>, Error> {
        let known = |kept: &Option<(Service, Arc<CredentialStore>)>| {
            kept.as_ref()
                .filter(|(with, _)| *with == service)
                .map(|(_, store)| Arc::clone(store))
        };
        if let Some(store) = known(&self.store.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(store);
        }
        // Opened outside the lock: a service that does not answer must not stop the others.
        let store = native::store()?;
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some((service, Arc::clone(&store)));
        Ok(store)
    }

    /// Keeps other processes from changing entries until the file is closed. Where files cannot be locked,
    /// readers still notice a value that was written by two at once.
    fn alone(&self) -> Option<File> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(&self.lock_file)
            .ok()?;
        file.lock().ok()?;
        Some(file)
    }
}

/// Why there is no result.
enum Failure {
    Damaged,
    Store(StoreError),
    /// No answer in time.
    Silent,
    Other(String),
}

impl Failure {
    fn explained(self) -> VaultError {
        match self {
            Self::Damaged => VaultError::Damaged,
            Self::Silent if cfg!(target_os = "linux") => {
                VaultError::Failed("it did not answer in time".to_owned())
            }
            Self::Silent => VaultError::Locked,
            Self::Other(reason) => VaultError::Failed(reason),
            Self::Store(StoreError(error)) => match error {
                // `Display` of the error beneath; `Debug` could hold the secret.
                Error::NoStorageAccess(cause) => native::no_access(&*cause),
                Error::PlatformFailure(cause) => native::failure(&*cause),
                Error::TooLong(_, limit) => VaultError::TooSmall { limit },
                Error::NotSupportedByStore(reason) | Error::BadStoreFormat(reason) => {
                    VaultError::Failed(reason)
                }
                _ => VaultError::Failed("it gave an answer that is not understood".to_owned()),
            },
        }
    }
}

/// A name that cannot be mistaken for one of its own pieces.
fn checked(key: &str) -> Result<String, VaultError> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    if key.is_empty() || key.len() > 200 || !key.bytes().all(plain) {
        return Err(VaultError::Failed(
            "an entry's name must be short plain text".to_owned(),
        ));
    }
    Ok(key.to_owned())
}

#[cfg(target_os = "linux")]
mod native {
    use super::{Arc, CredentialStore, Error, HashMap, VaultError};

    pub(super) fn store() -> Result<Arc<CredentialStore>, Error> {
        Ok(zbus_secret_service_keyring_store::Store::new()?)
    }

    /// What a person sees in the keychain's own window.
    pub(super) fn modifiers(name: &str) -> HashMap<&'static str, String> {
        HashMap::from([("label", format!("Tessera {name}"))])
    }

    pub(super) fn no_access(_: &dyn std::error::Error) -> VaultError {
        VaultError::Locked
    }

    pub(super) fn failure(cause: &(dyn std::error::Error + 'static)) -> VaultError {
        // The bus's own error lies somewhere beneath those of the libraries.
        let mut beneath = Some(cause);
        while let Some(error) = beneath {
            if let Some(error) = error.downcast_ref::<zbus::Error>() {
                return super::secret_service::failure(error, cause);
            }
            beneath = error.source();
        }
        VaultError::Failed(cause.to_string())
    }
}

#[cfg(target_os = "windows")]
mod native {
    use super::{Arc, CredentialStore, Error, HashMap, VaultError};

    pub(super) const NAME: &str = "Windows Credential Manager";

    pub(super) fn store() -> Result<Arc<CredentialStore>, Error> {
        Ok(windows_native_keyring_store::Store::new()?)
    }

    /// Entries stay on this machine; by default they would follow the person to others of the same domain.
    pub(super) fn modifiers(_name: &str) -> HashMap<&'static str, String> {
        HashMap::from([("persistence", "local".to_owned())])
    }

    /// All of them: its own search is for parts of names, and what is another's is left out afterwards.
    pub(super) fn search(_namespace: &str) -> HashMap<&'static str, String> {
        HashMap::new()
    }

    /// A session without a log-on of its own, such as SSH, has no Credential Manager.
    pub(super) fn no_access(cause: &dyn std::error::Error) -> VaultError {
        VaultError::Missing(cause.to_string())
    }

    pub(super) fn failure(cause: &(dyn std::error::Error + 'static)) -> VaultError {
        VaultError::Failed(cause.to_string())
    }
}

#[cfg(target_os = "macos")]
mod native {
    use super::{Arc, CredentialStore, Error, HashMap, VaultError};

    pub(super) const NAME: &str = "the macOS login keychain";

    pub(super) fn store() -> Result<Arc<CredentialStore>, Error> {
        Ok(apple_native_keyring_store::keychain::Store::new()?)
    }

    pub(super) fn modifiers(_name: &str) -> HashMap<&'static str, String> {
        HashMap::new()
    }

    pub(super) fn search(namespace: &str) -> HashMap<&'static str, String> {
        HashMap::from([("service", namespace.to_owned())])
    }

    pub(super) fn no_access(cause: &dyn std::error::Error) -> VaultError {
        VaultError::Refused(cause.to_string())
    }

    pub(super) fn failure(cause: &(dyn std::error::Error + 'static)) -> VaultError {
        // errSecUserCanceled, errSecAuthFailed, errSecInteractionNotAllowed, errSecDiskFull: SecBase.h.
        match cause
            .downcast_ref::<security_framework::base::Error>()
            .map(|error| error.code())
        {
            Some(-128 | -25293) => VaultError::Refused("access was declined".to_owned()),
            Some(-25308) => VaultError::Locked,
            Some(-34) => VaultError::Full(cause.to_string()),
            _ => VaultError::Failed(cause.to_string()),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "windows", target_os = "macos")))]
mod native {
    use super::{Arc, CredentialStore, Error, HashMap, VaultError};

    pub(super) const NAME: &str = "no keychain";

    pub(super) fn store() -> Result<Arc<CredentialStore>, Error> {
        Err(Error::NotSupportedByStore(
            "this system has no keychain that Tessera knows".to_owned(),
        ))
    }

    pub(super) fn modifiers(_name: &str) -> HashMap<&'static str, String> {
        HashMap::new()
    }

    pub(super) fn search(_namespace: &str) -> HashMap<&'static str, String> {
        HashMap::new()
    }

    pub(super) fn no_access(cause: &dyn std::error::Error) -> VaultError {
        VaultError::Missing(cause.to_string())
    }

    pub(super) fn failure(cause: &(dyn std::error::Error + 'static)) -> VaultError {
        VaultError::Failed(cause.to_string())
    }
}
