//! An attempt as the keychain keeps it while it lives, so that a callback that finds the app closed starts it
//! and completes the sign-in. It holds the verifier, so it is a secret as a whole.

use serde::{Deserialize, Serialize};
use tessera_oidc::authorize::Pending;
use tessera_oidc::{State, UnixTime};
use url::Url;
use zeroize::Zeroizing;

use crate::account::Storage;
use crate::client::Client;
use crate::error::Error;
use crate::ports::{SecretBytes, VaultError};
use crate::provider::{Provider, ProviderId};
use crate::sign_in::MAX_ATTEMPT;
use crate::vault::attempt_entry;

/// An attempt that was begun, perhaps by another process.
pub(crate) struct Kept {
    pub(crate) pending: Pending,
    pub(crate) provider: Provider,
    pub(crate) apis: Vec<Url>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    /// `Pending`'s own secret form, as text.
    pending: Zeroizing<String>,
    provider: String,
    issuer: String,
    client_id: String,
    apis: Vec<String>,
}

impl Kept {
    /// Stores an attempt. Also shows, before any browser opens, that the keychain takes what the end of the
    /// attempt will bring.
    pub(crate) async fn put(
        client: &Client,
        pending: &Pending,
        provider: &Provider,
        apis: &[Url],
    ) -> Result<(), Error> {
        let secret = pending.to_secret_json();
        let row = Row {
            pending: Zeroizing::new(String::from_utf8(secret.to_vec()).map_err(|_| VaultError::Damaged)?),
            provider: provider.id.to_string(),
            issuer: provider.issuer.to_string(),
            client_id: pending.client_id().to_string(),
            apis: apis.iter().map(Url::to_string).collect(),
        };
        let bytes = SecretBytes::new(serde_json::to_vec(&row).map_err(|_| VaultError::Damaged)?);
        let entry = attempt_entry(pending.state());
        client.inner().store.note_attempt(&entry, client.now()).await?;
        client.inner().secrets.put_attempt(&entry, bytes).await?;
        Ok(())
    }

    /// Takes the attempt with this `state`, which is then gone for everybody else; `None` when there is none,
    /// it is too old, or its provider is not there any more.
    pub(crate) async fn take(client: &Client, state: &State) -> Result<Option<Self>, Error> {
        let entry = attempt_entry(state);
        if !client.inner().store.claim_attempt(&entry).await? {
            return Ok(None);
        }
        let secret = client.inner().secrets.attempt(&entry).await?;
        client.inner().secrets.delete_attempt(&entry).await?;
        let Some(row) = secret.and_then(|secret| serde_json::from_slice::<Row>(secret.expose()).ok()) else {
            return Ok(None);
        };
        let pending = Pending::from_secret_json(row.pending.as_bytes())?;
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
            }))
    }

    /// Removes the attempt with this `state`. Says whether it was still there to be removed: if not, someone
    /// else has answered it.
    pub(crate) async fn remove(client: &Client, state: &State) -> Result<bool, Error> {
        let entry = attempt_entry(state);
        let claimed = client.inner().store.claim_attempt(&entry).await?;
        client.inner().secrets.delete_attempt(&entry).await?;
        Ok(claimed)
    }

    /// Removes what attempts of dead processes left behind.
    pub(crate) async fn sweep(client: &Client) -> Result<(), Error> {
        let limit = i64::try_from(MAX_ATTEMPT.as_secs()).unwrap_or(600);
        let before = UnixTime(client.now().0.saturating_sub(limit));
        for entry in client.inner().store.sweep_attempts(before).await? {
            client.inner().secrets.delete_attempt(&entry).await?;
        }
        Ok(())
    }

    /// Whether attempts with this storage are kept at all: "until I quit" leaves nothing behind.
    pub(crate) fn applies(storage: Storage) -> bool {
        storage == Storage::Keychain
    }
}
