//! An attempt as the keychain keeps it while it lives, so that a callback that finds the app closed starts it
//! and completes the sign-in. It holds the verifier, so it is a secret as a whole.

use serde::{Deserialize, Serialize};
use tessera_oidc::authorize::Pending;
use tessera_oidc::dpop::DpopKey;
use tessera_oidc::{State, UnixTime};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use url::Url;
use zeroize::Zeroizing;

use crate::account::{AccountId, Storage};
use crate::browsers::BrowserWish;
use crate::client::Client;
use crate::error::Error;
use crate::ports::{SecretBytes, VaultError};
use crate::provider::{Provider, ProviderId};
use crate::sign_in::{MAX_ATTEMPT, ProviderChoice, SignIn};
use crate::vault::attempt_entry;

/// An attempt that was begun, perhaps by another process.
pub(crate) struct Kept {
    pub(crate) pending: Pending,
    pub(crate) provider: Provider,
    pub(crate) apis: Vec<Url>,
    /// The key that the code is bound to (RFC 9449).
    pub(crate) dpop_key: Option<DpopKey>,
    /// The one account that may come of it; `None` when any may.
    pub(crate) only: Option<AccountId>,
    /// Where its page was opened.
    pub(crate) browser: BrowserWish,
    /// The account that is to be signed in again; `None` when nobody in particular is expected.
    pub(crate) expected: Option<AccountId>,
    /// Whether the person was to choose an account.
    choose: bool,
    /// Whether the person can be asked when another one comes.
    can_ask: bool,
}

#[derive(Serialize, Deserialize)]
struct Row {
    /// `Pending`'s own secret form, as text.
    pending: Zeroizing<String>,
    provider: String,
    issuer: String,
    client_id: String,
    apis: Vec<String>,
    /// An attempt that an earlier version left has none.
    #[serde(default)]
    dpop_key: Option<Zeroizing<String>>,
    #[serde(default)]
    only: Option<String>,
    #[serde(default)]
    browser: Option<String>,
    expected: Option<String>,
    #[serde(default)]
    choose: bool,
    #[serde(default)]
    can_ask: bool,
}

impl Kept {
    /// Stores an attempt. Also shows, before any browser opens, that the keychain takes what the end of the
    /// attempt will bring.
    pub(crate) async fn put(
        client: &Client,
        pending: &Pending,
        provider: &Provider,
        apis: &[Url],
        dpop_key: Option<&DpopKey>,
        request: &SignIn,
    ) -> Result<(), Error> {
        let secret = pending.to_secret_json();
        let row = Row {
            pending: Zeroizing::new(String::from_utf8(secret.to_vec()).map_err(|_| VaultError::Damaged)?),
            provider: provider.id.to_string(),
            issuer: provider.issuer.to_string(),
            client_id: pending.client_id().to_string(),
            apis: apis.iter().map(Url::to_string).collect(),
            dpop_key: dpop_key.map(DpopKey::to_secret),
            only: request.only().map(ToString::to_string),
            browser: request.browser.to_text(),
            expected: request.expected().map(ToString::to_string),
            choose: request.choose,
            can_ask: request.can_ask,
        };
        let bytes = SecretBytes::new(serde_json::to_vec(&row).map_err(|_| VaultError::Damaged)?);
        let entry = attempt_entry(pending.state());
        client.inner().store.note_attempt(&entry, client.now()).await?;
        client.inner().secrets.put_attempt(&entry, bytes).await?;
        Ok(())
    }

    /// The sign-in that it is part of, as far as that was kept.
    pub(crate) fn request(&self) -> SignIn {
        SignIn {
            apis: self
                .apis
                .iter()
                .map(|api| api.origin().ascii_serialization())
                .collect(),
            account: self.only.clone().or_else(|| self.expected.clone()),
            browser: self.browser.clone(),
            choose: self.choose,
            can_ask: self.can_ask,
            ..SignIn::with(ProviderChoice::Known(self.provider.id.clone()))
        }
    }

    /// Takes the attempt with this `state`, which is then gone for everybody else; `None` when there is none,
    /// it is too old, or its provider is not there any more.
    pub(crate) async fn take(client: &Client, state: &State) -> Result<Option<Self>, Error> {
        let entry = attempt_entry(state);
        if !client.inner().store.has_attempt(&entry).await? {
            return Ok(None);
        }
        // A keychain that gives nothing now leaves the attempt as it is.
        let secret = client.inner().secrets.attempt(&entry).await?;
        let remover = Remover::of(client, entry);
        let claimed = remover.claim().await?;
        remover.remove().await;
        if !claimed {
            return Ok(None);
        }
        let Some(row) = secret.and_then(|secret| serde_json::from_slice::<Row>(secret.expose()).ok()) else {
            return Ok(None);
        };
        // What it was for must be known, or somebody else could be let in.
        let only = row.only.as_deref().map(AccountId::parse);
        let expected = row.expected.as_deref().map(AccountId::parse);
        if only == Some(None) || expected == Some(None) {
            return Ok(None);
        }
        let pending = Pending::from_secret_json(row.pending.as_bytes())?;
        let dpop_key = row.dpop_key.as_ref().map(|secret| DpopKey::from_secret(secret));
        let dpop_key = dpop_key.transpose()?;
        let age = client.now().since(pending.created_at());
        let limit = i64::try_from(MAX_ATTEMPT.as_secs()).unwrap_or(600);
        let provider = ProviderId::new(&row.provider).and_then(|id| client.provider(&id).ok());
        let provider = provider.filter(|provider| {
            provider.issuer.as_str() == row.issuer
                && provider
                    .client_id
                    .as_ref()
                    .is_some_and(|id| id.as_str() == row.client_id)
        });
        Ok(provider
            .filter(|_| (0..limit).contains(&age))
            .map(|provider| Self {
                pending,
                provider,
                apis: row.apis.iter().filter_map(|api| Url::parse(api).ok()).collect(),
                dpop_key,
                only: only.flatten(),
                browser: row
                    .browser
                    .as_deref()
                    .and_then(BrowserWish::parse)
                    .unwrap_or_default(),
                expected: expected.flatten(),
                choose: row.choose,
                can_ask: row.can_ask,
            }))
    }

    /// Removes what attempts of dead processes left behind. Where there is none, the keychain is not touched; one that
    /// would ask the person is left for another start.
    pub(crate) async fn sweep(client: Client) {
        let limit = i64::try_from(MAX_ATTEMPT.as_secs()).unwrap_or(600);
        let before = UnixTime(client.now().0.saturating_sub(limit));
        match client.inner().store.old_attempts(before).await {
            Ok(entries) if entries.is_empty() || client.inner().secrets.keychain_asks().await => {}
            Ok(entries) => {
                for entry in entries {
                    remove(client.clone(), entry).await;
                }
            }
            Err(error) => tracing::warn!(
                code = Error::from(error).code(),
                "attempts of earlier runs could not be looked for"
            ),
        }
    }

    /// Shows that the keychain takes a secret and gives it up again, for an attempt that keeps none there itself.
    pub(crate) async fn probe(client: &Client, storage: Storage, name: &str) -> Result<(), Error> {
        let entry = format!("probe/{name}");
        let remover = Self::applies(storage).then(|| Remover::of(client, entry.clone()));
        let probed = client.inner().secrets.probe(storage, &entry).await;
        if let Some(remover) = remover
            && matches!(probed, Ok(()) | Err(VaultError::Locked))
        {
            remover.needless().await;
        }
        Ok(probed?)
    }

    /// Whether attempts with this storage are kept at all: "until I quit" leaves nothing behind.
    pub(crate) fn applies(storage: Storage) -> bool {
        storage == Storage::Keychain
    }
}

/// Sees to it that an entry does not outlive its attempt: dropping it, wherever that happens, has the entry
/// removed in the background.
pub(super) struct Remover {
    client: Client,
    entry: Option<String>,
}

impl Remover {
    /// To be made before the entry.
    pub(super) fn of(client: &Client, entry: String) -> Self {
        Self {
            client: client.clone(),
            entry: Some(entry),
        }
    }

    /// Makes the attempt one that nobody can answer any more. Says whether it still was one that somebody could.
    pub(super) async fn claim(&self) -> Result<bool, Error> {
        match &self.entry {
            Some(entry) => Ok(self.client.inner().store.claim_attempt(entry).await?),
            None => Ok(false),
        }
    }

    /// Removes the entry now, and waits for that.
    pub(super) async fn remove(mut self) {
        if let Some(task) = self.begin() {
            let _ = task.await;
        }
    }

    /// Has nothing to remove after all: it is gone, or a keychain that stayed locked never took it. Asking that one
    /// again would ask the person again, who has just declined.
    pub(super) async fn needless(mut self) {
        let Some(entry) = self.entry.take() else { return };
        if let Err(error) = self.client.inner().store.forget_attempt(&entry).await {
            tracing::warn!(
                code = Error::from(error).code(),
                "the name of an attempt could not be forgotten"
            );
        }
    }

    fn begin(&mut self) -> Option<JoinHandle<()>> {
        let entry = self.entry.take()?;
        // Without a runtime the program is at its end; the next one sweeps.
        let runtime = Handle::try_current().ok()?;
        let removal = remove(self.client.clone(), entry);
        Some(self.client.inner().tidying.spawn_on(removal, &runtime))
    }
}

impl Drop for Remover {
    fn drop(&mut self) {
        self.begin();
    }
}

/// Removes an entry, its name last: as long as the keychain may hold it, it can be found.
async fn remove(client: Client, entry: String) {
    let inner = client.inner();
    let result = async {
        let claimed = inner.store.claim_attempt(&entry).await;
        inner.secrets.delete_attempt(&entry).await?;
        claimed?;
        inner.store.forget_attempt(&entry).await?;
        Ok::<_, Error>(())
    };
    if let Err(error) = result.await {
        tracing::warn!(
            code = error.code(),
            "what was kept of an attempt could not be removed yet"
        );
    }
}
