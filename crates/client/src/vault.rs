//! Which secret is kept under which name, in the keychain or in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tessera_oidc::dpop::DpopKey;
use tessera_oidc::{AccessToken, ClientSecret, RawIdToken, RefreshToken, State, UnixTime};
use zeroize::{Zeroize as _, Zeroizing};

use crate::account::{AccountId, Storage};
use crate::ports::{SecretBytes, Vault, VaultError};
use crate::sign_out::OpenSignOutId;

/// The secrets that are kept of an account: the first part of their entries' names.
pub(crate) const KINDS: [&str; 5] = ["refresh", "access", "dpop", "client", "id_token"];

/// The same of what the account can be brought back from, which is no secret.
pub(crate) const ACCOUNT: &str = "account";

/// What a sign-out that is not finished still has to give back: the first part of its entry's name.
pub(crate) const REVOKE: &str = "revoke";

/// The same of a sign-in that is under way, and of what only shows that the keychain takes a secret.
pub(crate) const ATTEMPT: &str = "attempt";
pub(crate) const PROBE: &str = "probe";

/// The entry that says which keychain this is.
pub(crate) const MARK: &str = "keychain/marker";

/// An access token as it is kept: beside the refresh token, so that the next process needs no refresh.
#[derive(Clone, Debug)]
pub(crate) struct StoredAccess {
    pub(crate) token: AccessToken,
    /// How it is presented: `Bearer` or `DPoP`.
    pub(crate) token_type: String,
    /// When it expires; `None` when the provider did not say.
    pub(crate) expires_at: Option<UnixTime>,
    /// When it was received, from which its remaining worth is judged.
    pub(crate) received_at: UnixTime,
}

#[derive(Serialize, Deserialize)]
struct AccessRow {
    token: String,
    token_type: String,
    expires_at: Option<i64>,
    received_at: i64,
}

impl Drop for AccessRow {
    fn drop(&mut self) {
        self.token.zeroize();
    }
}

/// The keys of two sign-ins, while the later one takes the place of the other.
#[derive(Serialize, Deserialize)]
struct DpopKeysRow {
    before: Option<Zeroizing<String>>,
    after: Option<Zeroizing<String>>,
    /// By what the later one's refresh token is known; `None` when it has none.
    refresh: Option<String>,
}

/// All secrets of this data folder.
#[derive(Clone)]
pub(crate) struct Secrets {
    keychain: Arc<dyn Vault>,
    memory: Arc<MemoryVault>,
}

impl Secrets {
    pub(crate) fn new(keychain: Arc<dyn Vault>) -> Self {
        Self {
            keychain,
            memory: Arc::default(),
        }
    }

    fn vault(&self, storage: Storage) -> &dyn Vault {
        match storage {
            Storage::Keychain => &*self.keychain,
            Storage::UntilQuit => &*self.memory,
        }
    }

    /// What the person's keychain is called.
    pub(crate) fn keychain_name(&self) -> String {
        self.keychain.describe()
    }

    /// Whether the keychain would ask the person something when it is used next, such as to unlock it.
    pub(crate) async fn keychain_asks(&self) -> bool {
        self.keychain.asks().await
    }

    /// Whether this process has a refresh token of the account in its memory.
    pub(crate) async fn holds_refresh(&self, id: &AccountId) -> bool {
        matches!(self.refresh(id, Storage::UntilQuit).await, Ok(Some(_)))
    }

    pub(crate) async fn put_refresh(
        &self,
        id: &AccountId,
        storage: Storage,
        token: &RefreshToken,
    ) -> Result<(), VaultError> {
        self.vault(storage)
            .put(&format!("refresh/{id}"), SecretBytes::new(token.expose()))
            .await
    }

    pub(crate) async fn refresh(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<Option<RefreshToken>, VaultError> {
        let secret = self.vault(storage).get(&format!("refresh/{id}")).await?;
        secret
            .map(|secret| text(&secret).map(RefreshToken::new))
            .transpose()
    }

    pub(crate) async fn put_access(
        &self,
        id: &AccountId,
        storage: Storage,
        access: &StoredAccess,
    ) -> Result<(), VaultError> {
        let row = AccessRow {
            token: access.token.expose().to_owned(),
            token_type: access.token_type.clone(),
            expires_at: access.expires_at.map(|at| at.0),
            received_at: access.received_at.0,
        };
        let bytes = serde_json::to_vec(&row).map_err(|_| VaultError::Damaged)?;
        self.vault(storage)
            .put(&format!("access/{id}"), SecretBytes::new(bytes))
            .await
    }

    /// The kept access token; one that cannot be read is as good as none, for a refresh brings another.
    pub(crate) async fn access(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<Option<StoredAccess>, VaultError> {
        let secret = match self.vault(storage).get(&format!("access/{id}")).await {
            Err(VaultError::Damaged) => None,
            other => other?,
        };
        let row = secret.and_then(|secret| serde_json::from_slice::<AccessRow>(secret.expose()).ok());
        Ok(row.map(|row| StoredAccess {
            token: AccessToken::new(row.token.as_str()),
            token_type: row.token_type.clone(),
            expires_at: row.expires_at.map(UnixTime),
            received_at: UnixTime(row.received_at),
        }))
    }

    /// The key that the account's tokens are bound to (RFC 9449), without which they are of no use; `None` when they are
    /// not. Of two, it is the one that the refresh token at hand belongs to.
    pub(crate) async fn dpop_key(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<Option<DpopKey>, VaultError> {
        Ok(self.kept_dpop_key(id, storage).await?.0)
    }

    /// The same, and whether there were two.
    async fn kept_dpop_key(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<(Option<DpopKey>, bool), VaultError> {
        let Some(secret) = self.vault(storage).get(&dpop_entry(id)).await? else {
            return Ok((None, false));
        };
        if !secret.expose().starts_with(b"{") {
            let text = Zeroizing::new(text(&secret)?);
            return Ok((key_of(Some(&text))?, false));
        }
        let keys: DpopKeysRow = serde_json::from_slice(secret.expose()).map_err(|_| VaultError::Damaged)?;
        let token = self.refresh(id, storage).await?;
        let is_later = token.as_ref().map(RefreshToken::fingerprint) == keys.refresh;
        let key = if is_later { keys.after } else { keys.before };
        Ok((key_of(key.as_ref())?, true))
    }

    /// Keeps the key of a new sign-in beside that of the one before, each of which may be none: whoever comes next
    /// knows by the refresh token which of both counts, wherever the writing ends. `token` is the new sign-in's.
    pub(crate) async fn put_dpop_keys(
        &self,
        id: &AccountId,
        storage: Storage,
        before: Option<&DpopKey>,
        after: Option<&DpopKey>,
        token: Option<&RefreshToken>,
    ) -> Result<(), VaultError> {
        let row = DpopKeysRow {
            before: before.map(DpopKey::to_secret),
            after: after.map(DpopKey::to_secret),
            refresh: token.map(RefreshToken::fingerprint),
        };
        let bytes = serde_json::to_vec(&row).map_err(|_| VaultError::Damaged)?;
        self.vault(storage)
            .put(&dpop_entry(id), SecretBytes::new(bytes))
            .await
    }

    /// Leaves of two keys the one that counts, before the refresh token that tells them apart is replaced; and gives
    /// it back.
    pub(crate) async fn settle_dpop_key(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<Option<DpopKey>, VaultError> {
        let (key, of_two) = self.kept_dpop_key(id, storage).await?;
        match &key {
            _ if !of_two => {}
            Some(key) => {
                let secret = SecretBytes::new(key.to_secret().as_bytes());
                self.vault(storage).put(&dpop_entry(id), secret).await?;
            }
            None => self.delete_dpop_key(id, storage).await?,
        }
        Ok(key)
    }

    /// A sign-in that is bound to no key must not go on with that of an earlier one.
    pub(crate) async fn delete_dpop_key(&self, id: &AccountId, storage: Storage) -> Result<(), VaultError> {
        self.vault(storage).delete(&dpop_entry(id)).await
    }

    pub(crate) async fn delete_access(&self, id: &AccountId, storage: Storage) -> Result<(), VaultError> {
        self.vault(storage).delete(&format!("access/{id}")).await
    }

    pub(crate) async fn delete_refresh(&self, id: &AccountId, storage: Storage) -> Result<(), VaultError> {
        self.vault(storage).delete(&format!("refresh/{id}")).await
    }

    /// Keeps the client secret of a provider that was named for one sign-in only; refreshes need it later.
    pub(crate) async fn put_client_secret(
        &self,
        id: &AccountId,
        storage: Storage,
        secret: &ClientSecret,
    ) -> Result<(), VaultError> {
        self.vault(storage)
            .put(&format!("client/{id}"), SecretBytes::new(secret.expose()))
            .await
    }

    pub(crate) async fn client_secret(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<Option<ClientSecret>, VaultError> {
        let secret = self.vault(storage).get(&format!("client/{id}")).await?;
        secret
            .map(|secret| text(&secret).map(ClientSecret::new))
            .transpose()
    }

    /// A sign-in without a secret of its own must not go on with that of another client.
    pub(crate) async fn delete_client_secret(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<(), VaultError> {
        self.vault(storage).delete(&format!("client/{id}")).await
    }

    /// Keeps the ID token, with which a sign-out tells the provider whose session it is (OpenID Connect
    /// RP-Initiated Logout section 2, `id_token_hint`).
    pub(crate) async fn put_id_token(
        &self,
        id: &AccountId,
        storage: Storage,
        token: &RawIdToken,
    ) -> Result<(), VaultError> {
        self.vault(storage)
            .put(&format!("id_token/{id}"), SecretBytes::new(token.expose()))
            .await
    }

    pub(crate) async fn id_token(
        &self,
        id: &AccountId,
        storage: Storage,
    ) -> Result<Option<RawIdToken>, VaultError> {
        let secret = self.vault(storage).get(&format!("id_token/{id}")).await?;
        secret
            .map(|secret| text(&secret).map(RawIdToken::new))
            .transpose()
    }

    /// The mark by which the keychain is known again; `None` where it has none.
    pub(crate) async fn mark(&self) -> Result<Option<String>, VaultError> {
        let secret = self.keychain.get(MARK).await?;
        secret.map(|secret| text(&secret)).transpose()
    }

    /// Marks the keychain, which has no mark.
    pub(crate) async fn put_mark(&self, mark: &str) -> Result<(), VaultError> {
        self.keychain.put(MARK, SecretBytes::new(mark)).await
    }

    /// The names of all entries of the keychain; `None` where it has no way to tell them.
    pub(crate) async fn listed(&self) -> Result<Option<Vec<String>>, VaultError> {
        self.keychain.list().await
    }

    /// One entry of the keychain, by its whole name.
    pub(crate) async fn any_entry(&self, entry: &str) -> Result<Option<SecretBytes>, VaultError> {
        self.keychain.get(entry).await
    }

    /// Removes one entry from the keychain.
    pub(crate) async fn delete_entry(&self, entry: &str) -> Result<(), VaultError> {
        self.keychain.delete(entry).await
    }

    /// What is kept of an account, as it is kept. `kind` is one of [`KINDS`], or [`ACCOUNT`].
    pub(crate) async fn entry(
        &self,
        kind: &str,
        id: &AccountId,
        storage: Storage,
    ) -> Result<Option<SecretBytes>, VaultError> {
        self.vault(storage).get(&format!("{kind}/{id}")).await
    }

    /// Puts what is kept of an account where it is to be, and reads it again to see that it is there.
    pub(crate) async fn put_entry(
        &self,
        kind: &str,
        id: &AccountId,
        storage: Storage,
        secret: &SecretBytes,
    ) -> Result<(), VaultError> {
        self.put_whole(&format!("{kind}/{id}"), storage, secret).await
    }

    async fn put_whole(&self, entry: &str, storage: Storage, secret: &SecretBytes) -> Result<(), VaultError> {
        let vault = self.vault(storage);
        vault.put(entry, secret.clone()).await?;
        if vault.get(entry).await?.as_ref() == Some(secret) {
            Ok(())
        } else {
            Err(VaultError::Damaged)
        }
    }

    /// Keeps what a sign-out still has to give back, and reads it again to see that it is there.
    pub(crate) async fn put_to_revoke(
        &self,
        id: &OpenSignOutId,
        storage: Storage,
        secret: &SecretBytes,
    ) -> Result<(), VaultError> {
        self.put_whole(&format!("{REVOKE}/{id}"), storage, secret).await
    }

    pub(crate) async fn to_revoke(
        &self,
        id: &OpenSignOutId,
        storage: Storage,
    ) -> Result<Option<SecretBytes>, VaultError> {
        self.vault(storage).get(&format!("{REVOKE}/{id}")).await
    }

    pub(crate) async fn delete_to_revoke(
        &self,
        id: &OpenSignOutId,
        storage: Storage,
    ) -> Result<(), VaultError> {
        self.vault(storage).delete(&format!("{REVOKE}/{id}")).await
    }

    /// Removes everything of an account from where it is kept, what is worth most first. Ends with the first failure: what is
    /// still there then belongs together.
    pub(crate) async fn forget(&self, id: &AccountId, storage: Storage) -> Result<(), VaultError> {
        for kind in KINDS.into_iter().chain([ACCOUNT]) {
            self.vault(storage).delete(&format!("{kind}/{id}")).await?;
        }
        Ok(())
    }

    /// Shows that the vault takes a secret and gives it up again, before a person is sent anywhere.
    pub(crate) async fn probe(&self, storage: Storage, entry: &str) -> Result<(), VaultError> {
        self.vault(storage)
            .put(entry, SecretBytes::new(*b"probe"))
            .await?;
        self.vault(storage).delete(entry).await
    }

    pub(crate) async fn put_attempt(&self, entry: &str, bytes: SecretBytes) -> Result<(), VaultError> {
        self.keychain.put(entry, bytes).await
    }

    pub(crate) async fn attempt(&self, entry: &str) -> Result<Option<SecretBytes>, VaultError> {
        self.keychain.get(entry).await
    }

    pub(crate) async fn delete_attempt(&self, entry: &str) -> Result<(), VaultError> {
        self.keychain.delete(entry).await
    }
}

/// The name of the entry that holds the attempt with this `state`. Named by a hash, because names of entries
/// are not secret and the state is.
pub(crate) fn attempt_entry(state: &State) -> String {
    format!("{ATTEMPT}/{}", state.fingerprint())
}

fn dpop_entry(id: &AccountId) -> String {
    format!("dpop/{id}")
}

fn key_of(text: Option<&Zeroizing<String>>) -> Result<Option<DpopKey>, VaultError> {
    text.map(|text| DpopKey::from_secret(text).map_err(|_| VaultError::Damaged))
        .transpose()
}

fn text(secret: &SecretBytes) -> Result<String, VaultError> {
    std::str::from_utf8(secret.expose())
        .map(str::to_owned)
        .map_err(|_| VaultError::Damaged)
}

/// Secrets in this process's memory, wiped when it ends.
#[derive(Default)]
pub(crate) struct MemoryVault {
    entries: Mutex<HashMap<String, Zeroizing<Vec<u8>>>>,
}

#[async_trait]
impl Vault for MemoryVault {
    async fn put(&self, key: &str, secret: SecretBytes) -> Result<(), VaultError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key.to_owned(), Zeroizing::new(secret.expose().to_vec()));
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<SecretBytes>, VaultError> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(entries.get(key).map(|bytes| SecretBytes::new(bytes.to_vec())))
    }

    async fn delete(&self, key: &str) -> Result<(), VaultError> {
        self.entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        Ok(())
    }

    async fn list(&self) -> Result<Option<Vec<String>>, VaultError> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(entries.keys().cloned().collect()))
    }

    fn describe(&self) -> String {
        "this app's memory".to_owned()
    }
}
