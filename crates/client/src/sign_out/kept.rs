//! What a sign-out that is not finished leaves in the keychain, and how it is found again.

use serde::{Deserialize, Serialize};
use tessera_oidc::{AccessToken, ClientId, ClientSecret, RefreshToken, UnixTime};
use zeroize::Zeroize as _;

use super::open::{OpenSignOut, OpenSignOutId, OpenStage};
use super::revoke::{Revocations, There, ToRevoke};
use super::{SignOutError, SignOutWay};
use crate::account::{Account, AccountId, NextTry, Storage};
use crate::client::{Change, Client};
use crate::error::Error;
use crate::fresh_token::next_try;
use crate::ports::{SecretBytes, VaultError};
use crate::provider::ProviderId;
use crate::trace::{Field, Flow, MessageId};

/// What the keychain holds of it: enough to go on where the store was lost.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    account: String,
    provider: String,
    provider_name: String,
    kind: String,
    issuer: String,
    client_id: String,
    name: String,
    way: String,
    since: i64,
    refresh: Option<String>,
    access: Option<String>,
    client_secret: Option<String>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.refresh.zeroize();
        self.access.zeroize();
        self.client_secret.zeroize();
    }
}

impl Entry {
    pub(super) fn of(open: &OpenSignOut, to: &ToRevoke, client_secret: Option<&ClientSecret>) -> Self {
        Self {
            account: open.account.to_string(),
            provider: open.provider.to_string(),
            provider_name: open.provider_name.clone(),
            kind: open.kind.clone(),
            issuer: open.issuer.as_str().to_owned(),
            client_id: open.client_id.as_str().to_owned(),
            name: open.name.clone(),
            way: to.way.as_str().to_owned(),
            since: open.since.0,
            refresh: to.refresh.as_ref().map(|token| token.expose().to_owned()),
            access: to.access.as_ref().map(|token| token.expose().to_owned()),
            client_secret: client_secret.map(|secret| secret.expose().to_owned()),
        }
    }

    pub(super) fn read(secret: &SecretBytes) -> Option<Self> {
        serde_json::from_slice(secret.expose()).ok()
    }

    pub(super) fn secret(&self) -> Result<SecretBytes, VaultError> {
        let bytes = serde_json::to_vec(self).map_err(|_| VaultError::Damaged)?;
        Ok(SecretBytes::new(bytes))
    }

    pub(super) fn client_secret(&self) -> Option<ClientSecret> {
        self.client_secret.as_deref().map(ClientSecret::new)
    }

    pub(super) fn to_revoke(&self) -> ToRevoke {
        ToRevoke {
            way: SignOutWay::parse(&self.way).unwrap_or(SignOutWay::Here),
            refresh: self.refresh.as_deref().map(RefreshToken::new),
            access: self.access.as_deref().map(AccessToken::new),
        }
    }

    /// The sign-out that this is of, as if it had not been tried yet; `None` if it is of none.
    fn open(&self, id: &OpenSignOutId, mark: Option<String>) -> Option<OpenSignOut> {
        Some(OpenSignOut {
            id: id.clone(),
            account: AccountId::parse(&self.account)?,
            provider: ProviderId::new(&self.provider)?,
            provider_name: self.provider_name.clone(),
            kind: self.kind.clone(),
            issuer: self.issuer.parse().ok()?,
            client_id: ClientId::new(self.client_id.as_str()),
            name: self.name.clone(),
            storage: Storage::Keychain,
            way: SignOutWay::parse(&self.way)?,
            refresh: self.refresh.is_some(),
            access: self.access.is_some(),
            since: UnixTime(self.since),
            tries: 0,
            stage: OpenStage::Waiting,
            code: None,
            reason: None,
            next_try: Some(NextTry {
                at: UnixTime(self.since),
                named: false,
            }),
            holder: None,
            keychain: mark,
        })
    }
}

impl Client {
    /// Keeps what could not be given back yet, if anything could not, so that it is tried again: first the tokens, then
    /// the note of them, both before the account's own are deleted. `None` where there is nothing, or it cannot be kept.
    pub(super) async fn keep_open(
        &self,
        account: &Account,
        there: &There,
        revocations: &Revocations,
        flow: &Flow,
    ) -> Option<OpenSignOutId> {
        let (left, error) = (revocations.left.as_ref()?, revocations.passing()?);
        // The list of providers may have it no more when it is tried again.
        let own_secret = match there {
            Ok((terms, _)) if self.provider_of(account).is_none() => terms.client_secret.clone(),
            Ok(_) => None,
            Err(_) => {
                let kept = self
                    .inner()
                    .secrets
                    .client_secret(&account.id, account.storage)
                    .await;
                kept.unwrap_or_default()
            }
        };
        let kept = self
            .keep_to_revoke(account, left, own_secret.as_ref(), error)
            .await;
        match kept {
            Ok(id) => {
                let fields = [
                    left.refresh
                        .as_ref()
                        .map(|token| Field::masked("refresh_token", token)),
                    left.access
                        .as_ref()
                        .map(|token| Field::masked("access_token", token)),
                ];
                let fields = fields.into_iter().flatten().collect();
                flow.wrote(account.storage, MessageId::RevocationKept, fields);
                Some(id)
            }
            Err(error) => {
                flow.decided(
                    "revocation_not_kept",
                    "What could not be given back cannot be kept for another try either, and is only deleted here.",
                );
                tracing::warn!(
                    code = error.code(),
                    "a sign-out could not be kept for another try"
                );
                None
            }
        }
    }

    async fn keep_to_revoke(
        &self,
        account: &Account,
        left: &ToRevoke,
        client_secret: Option<&ClientSecret>,
        error: &Error,
    ) -> Result<OpenSignOutId, Error> {
        let inner = self.inner();
        let (storage, now) = (account.storage, self.now());
        let mut random = [0; 8];
        inner.ports.entropy.fill(&mut random);
        let id = format!("{:016x}", u64::from_be_bytes(random));
        let id = OpenSignOutId::parse(&id).ok_or(SignOutError::NotOpen)?;
        let (holder, keychain) = match storage {
            Storage::Keychain => (None, Some(self.keychain_mark().await?)),
            Storage::UntilQuit => (Some(self.process_name().await), None),
        };
        let open = OpenSignOut {
            id: id.clone(),
            account: account.id.clone(),
            provider: account.provider.clone(),
            provider_name: account.provider_name.clone(),
            kind: account.kind.clone(),
            issuer: account.issuer.clone(),
            client_id: account.client_id.clone(),
            name: account.name.clone(),
            storage,
            way: left.way,
            refresh: left.refresh.is_some(),
            access: left.access.is_some(),
            since: now,
            tries: 1,
            stage: OpenStage::Waiting,
            code: Some(error.code().to_owned()),
            reason: Some(error.message()),
            next_try: Some(next_try(error, 0, now)),
            holder,
            keychain,
        };
        let entry = Entry::of(&open, left, client_secret).secret()?;
        let kept = async {
            inner.secrets.put_to_revoke(&id, storage, &entry).await?;
            inner.store.put_open_sign_out(&open).await?;
            Ok(())
        };
        if let Err(error) = kept.await {
            self.take_back(&id, account).await;
            return Err(error);
        }
        Ok(id)
    }

    /// The sign-out did not come to pass: the account is still here, and has its tokens. Where it has lost them, what was
    /// kept for the provider is all there is, and stays. What cannot be deleted is tidied up.
    pub(super) async fn take_back(&self, id: &OpenSignOutId, account: &Account) {
        let (inner, storage) = (self.inner(), account.storage);
        let secret = inner.secrets.to_revoke(id, storage).await;
        let entry = secret.ok().flatten().as_ref().and_then(Entry::read);
        let is_whole = match &entry {
            Some(entry) => self.still_holds_all(&account.id, entry).await.unwrap_or_default(),
            None => true,
        };
        if !is_whole {
            return;
        }
        let _ = inner.store.remove_open_sign_out(id).await;
        let _ = inner.secrets.delete_to_revoke(id, storage).await;
    }

    /// Looks at what the keychain holds for a sign-out that is not finished. Where the store knows it, it stays, unless it
    /// is not tried any more. Where it does not, the sign-out either did not come to pass, and the account is still here
    /// with these very tokens; or it did, and is taken up again. Says whether the entry was removed.
    pub(crate) async fn tidy_open(&self, id: &OpenSignOutId) -> Result<bool, Error> {
        let inner = self.inner();
        let secret = match inner.secrets.to_revoke(id, Storage::Keychain).await {
            Err(VaultError::Damaged) => None,
            secret => secret?,
        };
        let entry = secret.as_ref().and_then(Entry::read);
        let mark = self.keychain_mark().await?;
        let open = entry.as_ref().and_then(|entry| entry.open(id, Some(mark)));
        let (Some(entry), Some(open)) = (entry, open) else {
            inner.secrets.delete_to_revoke(id, Storage::Keychain).await?;
            return Ok(true);
        };
        // Whoever signs the account out has its turn from before the entry was written until the account is gone.
        let turn = self.take_turn(&open.account).await?;
        let tidied = async {
            let known = inner.store.open_sign_out(id).await?;
            let useless = match known {
                Some(known) => {
                    self.finish_here(&known, &entry).await?;
                    known.stage != OpenStage::Waiting
                }
                None => self.still_holds(&open.account, &entry).await?,
            };
            if useless {
                inner.secrets.delete_to_revoke(id, Storage::Keychain).await?;
            } else {
                // One that is known stays as it is.
                inner.store.put_open_sign_out(&open).await?;
                self.changed(Change::OpenSignOuts);
            }
            Ok(useless)
        };
        let tidied = tidied.await;
        self.end_turn(turn).await;
        tidied
    }

    /// Removes the account of a sign-out that broke off before it came to that: whoever asked for it is not to find the
    /// account again. One that was signed in anew since stays. For whoever has the account's turn.
    async fn finish_here(&self, open: &OpenSignOut, entry: &Entry) -> Result<(), Error> {
        let inner = self.inner();
        let Some(account) = inner.store.account(&open.account).await? else {
            return Ok(());
        };
        let is_it = account.signed_in_at < open.since || self.still_holds(&account.id, entry).await?;
        if is_it {
            inner.secrets.forget(&account.id, account.storage).await?;
            inner.flights.forget_unsaved(&account.id);
            inner.store.remove_account(&account.id).await?;
            self.changed(Change::Accounts);
        }
        Ok(())
    }

    /// The same, in the account's turn.
    pub(super) async fn finish_here_too(&self, open: &OpenSignOut, entry: &Entry) -> Result<(), Error> {
        let turn = self.take_turn(&open.account).await?;
        let finished = self.finish_here(open, entry).await;
        self.end_turn(turn).await;
        finished
    }

    /// How many tokens of the entry the account has; `None` when it is not here any more.
    async fn held(&self, id: &AccountId, entry: &Entry) -> Result<Option<usize>, Error> {
        let inner = self.inner();
        let Some(account) = inner.store.account(id).await? else {
            return Ok(None);
        };
        let refresh = inner.secrets.refresh(id, account.storage).await?;
        let access = inner.secrets.access(id, account.storage).await?;
        let kept = [
            refresh.as_ref().map(RefreshToken::expose),
            access.as_ref().map(|kept| kept.token.expose()),
        ];
        let pairs = kept.into_iter().zip([&entry.refresh, &entry.access]);
        let same = pairs.filter(|(kept, own)| kept.is_some() && *kept == own.as_deref());
        Ok(Some(same.count()))
    }

    /// Whether the account is here, with a token that is in the entry.
    async fn still_holds(&self, id: &AccountId, entry: &Entry) -> Result<bool, Error> {
        Ok(self.held(id, entry).await?.is_some_and(|count| count > 0))
    }

    /// Whether the account is here, with every token that is in the entry.
    async fn still_holds_all(&self, id: &AccountId, entry: &Entry) -> Result<bool, Error> {
        let all = [&entry.refresh, &entry.access].into_iter().flatten().count();
        Ok(self.held(id, entry).await? == Some(all))
    }
}
