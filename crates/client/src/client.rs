//! The client as a whole: what a shell holds and asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tessera_oidc::{ClientId, Issuer, RedirectUri, UnixTime};
use tokio::sync::{Mutex, broadcast};
use tokio_util::task::TaskTracker;

use crate::account::{Account, AccountId, AccountState, SignInNeed, Storage};
use crate::catalogue::{self, KnownCall};
use crate::check_up::RoundTrips;
use crate::directory::Directory;
use crate::dpop::Nonces;
use crate::error::{AccountError, Error};
use crate::fresh_token::{Flights, over};
use crate::gateway::{self, OriginRule};
use crate::ports::{Ports, VaultError};
use crate::provider::{Provider, ProviderDraft, ProviderId, ProviderKind, Route, SandboxAddress};
use crate::providers::{ProviderError, Providers};
use crate::sign_in::{AttemptEnd, AttemptId, AttemptSnapshot, Attempts, Kept};
use crate::sign_out::{BrowserSignOutEnd, BrowserSignOuts};
use crate::store::{Store, StoreError};
use crate::trace::{TraceEvent, Tracer};
use crate::vault::Secrets;

/// What a client is opened with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the store and providers.toml are. Made when missing.
    pub data_folder: PathBuf,
    /// The private-scheme redirect URI that the system brings to this process; `None` where it brings none,
    /// as in a terminal.
    pub scheme_redirect: Option<RedirectUri>,
}

/// Something a shell will want to show.
#[derive(Clone, Debug)]
pub enum Change {
    /// An attempt began or moved on.
    Attempt(Box<AttemptSnapshot>),
    /// An attempt ended.
    AttemptEnded {
        /// Which.
        id: AttemptId,
        /// How.
        end: AttemptEnd,
    },
    /// A sign-out in the browser ended.
    BrowserSignOut {
        /// Whose it was.
        account: AccountId,
        /// How.
        end: BrowserSignOutEnd,
    },
    /// Accounts were added, removed or changed.
    Accounts,
    /// Sign-outs that are not finished were added, removed or changed.
    OpenSignOuts,
    /// Providers were added, removed or changed.
    Providers,
    /// Something arrived that could not be used.
    Notice(Error),
}

/// The client role. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) ports: Ports,
    pub(crate) providers: Providers,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    pub(crate) directory: Directory,
    pub(crate) nonces: Nonces,
    pub(crate) tracer: Tracer,
    pub(crate) attempts: Attempts,
    pub(crate) browser_sign_outs: Arc<BrowserSignOuts>,
    pub(crate) flights: Flights,
    pub(crate) round_trips: RoundTrips,
    pub(crate) changes: broadcast::Sender<Change>,
    /// What is tidied up while nobody waits for it.
    pub(crate) tidying: TaskTracker,
    pub(crate) store_problem: Option<Error>,
    /// Held while accounts are brought back.
    pub(crate) rebuilding: Mutex<()>,
}

impl Client {
    /// Opens the store and reads the providers. No network and no keychain are waited for: only where an earlier
    /// run left an attempt behind, that is removed from the keychain in the background. Must be called within a
    /// Tokio runtime.
    ///
    /// # Errors
    /// When the data folder or the store in it cannot be used.
    pub async fn open(config: Config, ports: Ports) -> Result<Self, Error> {
        let folder = config.data_folder.clone();
        let made = tokio::task::spawn_blocking(move || {
            make_private_folder(&folder)?;
            Ok(Providers::load(folder.join("providers.toml")))
        });
        let providers = made
            .await
            .unwrap_or_else(|_| Err(std::io::Error::other("the worker that opens it stopped")))
            .map_err(|error| StoreError::Unusable(error.to_string()))?;
        let file = config.data_folder.join("tessera.db");
        let (store, damaged) = Store::open_or_begin_anew(&file, ports.clock.now()).await?;
        let inner = Inner {
            directory: Directory::new(ports.http.clone(), ports.clock.clone()),
            nonces: Nonces::default(),
            tracer: Tracer::new(ports.clock.clone()),
            secrets: Secrets::new(ports.keychain.clone()),
            attempts: Attempts::default(),
            browser_sign_outs: Arc::default(),
            flights: Flights::new(&config.data_folder, &*ports.entropy),
            round_trips: RoundTrips::default(),
            changes: broadcast::Sender::new(256),
            tidying: TaskTracker::new(),
            store_problem: damaged.map(|file| StoreError::BegunAnew(file).into()),
            rebuilding: Mutex::default(),
            config,
            ports,
            providers,
            store,
        };
        // A closed tracker still takes tasks; being closed only means that waiting for none ends.
        inner.tidying.close();
        let client = Self {
            inner: Arc::new(inner),
        };
        client.inner.tidying.spawn(Kept::sweep(client.clone()));
        Ok(client)
    }

    /// Waits until nothing is left to be tidied up in the background, at most `patience`. For a program that is
    /// about to end. Meanwhile nothing of it can be used by anybody: only the keychain may still hold it.
    pub async fn tidied(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.inner.tidying.wait()).await;
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// The wall clock by which all of this goes.
    pub fn now(&self) -> UnixTime {
        self.inner.ports.clock.now()
    }

    pub(crate) fn changed(&self, change: Change) {
        // Nobody listening is the ordinary case in a terminal.
        let _ = self.inner.changes.send(change);
    }

    /// What changes from now on. A receiver that lags is told so, and should look at everything anew.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes.subscribe()
    }

    /// What happens from now on, step by step.
    pub fn trace(&self) -> broadcast::Receiver<TraceEvent> {
        self.inner.tracer.subscribe()
    }

    /// What happened so far in this process, as much as is kept.
    pub fn traced(&self) -> Vec<TraceEvent> {
        self.inner.tracer.kept()
    }

    /// All providers: the sandbox where it runs, the built-in ones, then those of providers.toml.
    pub fn providers(&self) -> Vec<Provider> {
        self.inner.providers.all()
    }

    /// The provider with this id.
    ///
    /// # Errors
    /// When there is none.
    pub fn provider(&self, id: &ProviderId) -> Result<Provider, Error> {
        Ok(self
            .inner
            .providers
            .find(id)
            .ok_or_else(|| ProviderError::Unknown(id.to_string()))?)
    }

    /// Where providers.toml is.
    pub fn providers_file(&self) -> PathBuf {
        self.inner.providers.file().to_owned()
    }

    /// Why providers.toml could not be used, when it could not.
    pub fn providers_problem(&self) -> Option<Error> {
        self.inner.providers.problem().map(Error::from)
    }

    /// Writes a provider into providers.toml, keeping the rest of the file as it is.
    ///
    /// # Errors
    /// When the draft cannot be a provider, or the file cannot be read or written.
    pub async fn save_provider(&self, draft: ProviderDraft) -> Result<Provider, Error> {
        let client = self.clone();
        let saved = tokio::task::spawn_blocking(move || client.inner.providers.save(&draft)).await;
        let provider =
            saved.map_err(|_| ProviderError::Save("the worker that saves it stopped".to_owned()))??;
        self.changed(Change::Providers);
        Ok(provider)
    }

    /// Removes a provider from providers.toml. Its accounts stay.
    ///
    /// # Errors
    /// When it is not in the file, or the file cannot be written.
    pub async fn remove_provider(&self, id: &ProviderId) -> Result<(), Error> {
        let (client, id) = (self.clone(), id.clone());
        let removed = tokio::task::spawn_blocking(move || client.inner.providers.remove(&id)).await;
        removed.map_err(|_| ProviderError::Save("the worker that saves it stopped".to_owned()))??;
        self.changed(Change::Providers);
        Ok(())
    }

    /// Says where the sandbox of a development build runs.
    pub fn set_sandbox(&self, address: &SandboxAddress) {
        self.inner.providers.set_sandbox(address);
        self.changed(Change::Providers);
    }

    /// What is missing before anyone can sign in with this provider; `None` when nothing is.
    pub fn readiness(&self, provider: &Provider) -> Option<Error> {
        if provider.client_id.is_none() {
            return Some(ProviderError::NoClientId(provider.name.clone()).into());
        }
        // Google asks its desktop clients for a secret even with PKCE.
        if provider.kind == ProviderKind::Google && provider.client_secret.is_none() {
            return Some(ProviderError::NoClientSecret(provider.name.clone()).into());
        }
        if self.routes(provider).is_empty() {
            let route = provider.routes.first().map_or("none", |route| route.as_str());
            return Some(
                ProviderError::Route {
                    name: provider.name.clone(),
                    route,
                }
                .into(),
            );
        }
        None
    }

    /// The ways back that this provider takes and this process can receive, best first.
    pub fn routes(&self, provider: &Provider) -> Vec<Route> {
        let here = |route: &Route| *route != Route::Scheme || self.inner.config.scheme_redirect.is_some();
        provider.routes.iter().copied().filter(here).collect()
    }

    /// All accounts, by name, without what their last sign-in said and what was checked: [`Client::account`] has it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let mut accounts = self.inner.store.accounts().await?;
        for account in &mut accounts {
            self.show_state(account).await;
        }
        Ok(accounts)
    }

    /// One account.
    ///
    /// # Errors
    /// When there is none with this id, or the store cannot be read.
    pub async fn account(&self, id: &AccountId) -> Result<Account, Error> {
        let found = self.inner.store.account(id).await?;
        let mut account = found.ok_or_else(|| AccountError::Unknown(id.to_string()))?;
        self.show_state(&mut account).await;
        Ok(account)
    }

    /// The account that a person means: by id, the start of an id, e-mail address, name or subject.
    ///
    /// # Errors
    /// When none or several fit, or the store cannot be read.
    pub async fn find_account(&self, text: &str) -> Result<Account, Error> {
        let shown = || {
            text.chars()
                .filter(|c| !c.is_control())
                .take(100)
                .collect::<String>()
        };
        let accounts = self.accounts().await?;
        if let Some(account) = accounts.iter().find(|account| account.id.as_str() == text) {
            return Ok(account.clone());
        }
        let named = |account: &&Account| {
            account
                .email
                .as_deref()
                .is_some_and(|email| email.eq_ignore_ascii_case(text))
                || account.name.eq_ignore_ascii_case(text)
                || account.subject.as_str() == text
                || (text.len() >= 4 && account.id.as_str().starts_with(text))
        };
        let mut fitting = accounts.iter().filter(named);
        match (fitting.next(), fitting.next()) {
            (Some(account), None) => Ok(account.clone()),
            (None, _) => Err(AccountError::Unknown(shown()).into()),
            (Some(_), Some(_)) => Err(AccountError::Ambiguous(shown()).into()),
        }
    }

    /// Lays over the stored state what only this process knows.
    async fn show_state(&self, account: &mut Account) {
        if account.state.need().is_some() {
            // No flight begins from here.
            return;
        }
        if self.inner.flights.refreshing(&account.id) {
            account.state = AccountState::Refreshing;
        } else if account.storage == Storage::UntilQuit {
            let kept = self.inner.secrets.access(&account.id, Storage::UntilQuit).await;
            if !matches!(kept, Ok(Some(_))) {
                account.state = over(account, SignInNeed::UntilQuit, None).into();
            }
        } else if account.rotation == 0 && account.access_expires_at.is_some_and(|at| at <= self.now()) {
            account.state = over(account, SignInNeed::NotRenewable, None).into();
        } else if let Some(error) = self.inner.flights.keychain_trouble(&account.id) {
            account.state = AccountState::KeychainUnavailable {
                locked: error == VaultError::Locked,
                reason: Error::from(error).message(),
            };
        }
    }

    /// The provider that an account belongs to, if it is still there with the same issuer and client id.
    pub(crate) fn provider_of(&self, account: &Account) -> Option<Provider> {
        self.provider_still(&account.provider, &account.issuer, &account.client_id)
    }

    /// The provider of this name, if it still has this issuer and client id.
    pub(crate) fn provider_still(
        &self,
        id: &ProviderId,
        issuer: &Issuer,
        client_id: &ClientId,
    ) -> Option<Provider> {
        let found = self.inner.providers.find(id);
        found.filter(|provider| provider.issuer == *issuer && provider.client_id.as_ref() == Some(client_id))
    }

    /// The origins that this account's token may go to, each once, and why.
    pub fn apis(&self, account: &Account) -> Vec<(String, OriginRule)> {
        gateway::origins(account, self.provider_of(account).as_ref())
    }

    /// Known calls of the APIs that this account's token may go to.
    pub fn catalogue(&self, account: &Account) -> Vec<KnownCall> {
        catalogue::known_calls(account, self.provider_of(account).as_ref())
    }

    /// Where this account's secrets are, as a sentence.
    pub fn storage_sentence(&self, account: &Account) -> String {
        let is_unsaved = self
            .inner
            .flights
            .unsaved(&account.id, account.generation)
            .is_some();
        let keychain = self.inner.secrets.keychain_name();
        match account.storage {
            Storage::Keychain if is_unsaved => format!(
                "The refresh token is only in Tessera's memory until {keychain} takes it, and is gone if Tessera quits before."
            ),
            Storage::Keychain => {
                format!("The refresh token and the current access token are in {keychain}, and nowhere else.")
            }
            Storage::UntilQuit => {
                "The tokens are only in Tessera's memory, and are gone when it quits, as you chose."
                    .to_owned()
            }
        }
    }
}

/// Makes a folder that only its owner may look into.
fn make_private_folder(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
