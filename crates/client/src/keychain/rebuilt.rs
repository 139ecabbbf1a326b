//! What the keychain holds of an account beside its secrets: enough to bring the account back where the store that knew
//! it was lost.

use serde::{Deserialize, Serialize};
use tessera_oidc::checks::Verdicts;
use tessera_oidc::{ClientId, Scopes, Subject, UnixTime};
use url::Url;

use crate::account::{Account, AccountId, AccountState, SignInNeed, Storage};
use crate::client::{Change, Client};
use crate::error::Error;
use crate::fresh_token::over;
use crate::ports::{SecretBytes, VaultError};
use crate::provider::ProviderId;
use crate::sign_out::OpenSignOutId;
use crate::vault::{ACCOUNT, REVOKE};

/// As it is kept. What is shown only until the next sign-in, such as claims and checks, is not.
#[derive(Serialize, Deserialize)]
struct Row {
    provider: String,
    provider_name: String,
    kind: String,
    issuer: String,
    subject: String,
    client_id: String,
    name: String,
    email: Option<String>,
    requested: String,
    granted: String,
    apis: Vec<String>,
    signed_in_at: i64,
}

impl Row {
    fn of(account: &Account) -> Self {
        Self {
            provider: account.provider.to_string(),
            provider_name: account.provider_name.clone(),
            kind: account.kind.clone(),
            issuer: account.issuer.as_str().to_owned(),
            subject: account.subject.as_str().to_owned(),
            client_id: account.client_id.as_str().to_owned(),
            name: account.name.clone(),
            email: account.email.clone(),
            requested: account.requested.to_string(),
            granted: account.granted.to_string(),
            apis: account.apis.iter().map(Url::to_string).collect(),
            signed_in_at: account.signed_in_at.0,
        }
    }

    /// The account `id`; `None` if this is not what is kept of it.
    fn into_account(self, id: &AccountId) -> Option<Account> {
        let issuer = self.issuer.parse().ok()?;
        let subject = Subject::new(self.subject);
        let signed_in_at = UnixTime(self.signed_in_at);
        Some(Account {
            id: Some(AccountId::of(&issuer, &subject)).filter(|made| made == id)?,
            provider: ProviderId::new(&self.provider)?,
            provider_name: self.provider_name,
            kind: self.kind,
            issuer,
            subject,
            client_id: ClientId::new(self.client_id),
            name: self.name,
            email: self.email,
            picture: None,
            claims: Vec::new(),
            requested: Scopes::parse(&self.requested),
            granted: Scopes::parse(&self.granted),
            checks: Verdicts::new(),
            apis: self.apis.iter().filter_map(|api| Url::parse(api).ok()).collect(),
            storage: Storage::Keychain,
            state: AccountState::SignedIn,
            access_expires_at: None,
            signed_in_at,
            nonce: None,
            renewed_at: signed_in_at,
            refresh_expires_at: None,
            rotation: 0,
            generation: 0,
        })
    }
}

impl Client {
    /// Why the list of accounts was begun anew at this start, if it was.
    pub fn store_problem(&self) -> Option<Error> {
        self.inner().store_problem.clone()
    }

    /// Brings back the accounts that the keychain knows, where a damaged list of them was kept aside, and says how many
    /// those are. The keychain may ask the person to unlock it. Nothing is done where that is not so; for a shell, when
    /// it has opened the client.
    ///
    /// # Errors
    /// When the store or the keychain cannot be read; it is tried again at the next start then.
    pub async fn rebuild_accounts(&self) -> Result<usize, Error> {
        if !self.inner().store.has_lost_accounts().await? {
            return Ok(0);
        }
        // The list would not ask.
        self.inner().secrets.mark().await?;
        self.rebuild_unasked().await
    }

    /// The same wherever the list is new, from a keychain that is open.
    pub(super) async fn rebuild_unasked(&self) -> Result<usize, Error> {
        let inner = self.inner();
        let _alone = inner.rebuilding.lock().await;
        if !inner.store.is_made_anew().await? {
            return Ok(0);
        }
        let listed = inner.secrets.listed().await?.unwrap_or_default();
        let mut rebuilt = 0;
        for entry in &listed {
            let id = entry.strip_prefix(ACCOUNT).and_then(|id| id.strip_prefix('/'));
            if let Some(id) = id.and_then(AccountId::parse) {
                let turn = self.take_turn(&id).await?;
                let brought_back = self.rebuild(&id, &listed).await;
                self.end_turn(turn).await;
                rebuilt += usize::from(brought_back?);
            }
        }
        for entry in &listed {
            let id = entry.strip_prefix(REVOKE).and_then(|id| id.strip_prefix('/'));
            if let Some(id) = id.and_then(OpenSignOutId::parse) {
                self.tidy_open(&id).await?;
            }
        }
        inner.store.set_looked_through().await?;
        if rebuilt > 0 {
            self.changed(Change::Accounts);
        }
        Ok(rebuilt)
    }

    async fn rebuild(&self, id: &AccountId, listed: &[String]) -> Result<bool, Error> {
        let inner = self.inner();
        if inner.store.account(id).await?.is_some() {
            return Ok(false);
        }
        let row = match inner.secrets.entry(ACCOUNT, id, Storage::Keychain).await {
            Err(VaultError::Damaged) => None,
            row => row?,
        };
        let row = row.and_then(|row| serde_json::from_slice::<Row>(row.expose()).ok());
        let Some(mut account) = row.and_then(|row| row.into_account(id)) else {
            tracing::warn!("what the keychain holds of an account cannot be read");
            return Ok(false);
        };
        let access = inner.secrets.access(id, Storage::Keychain).await?;
        let can_renew = listed.contains(&format!("refresh/{id}"));
        account.rotation = u64::from(can_renew);
        if !can_renew && access.is_none() {
            account.state = over(&account, SignInNeed::SecretsGone, None).into();
        }
        if let Some(access) = access {
            account.access_expires_at = access.expires_at;
            account.renewed_at = access.received_at;
        }
        let account = inner.store.put_signed_in(account).await?;
        self.note_keychain(&account).await;
        Ok(true)
    }

    /// Keeps in the keychain what it takes to bring the account back.
    pub(super) async fn put_account(&self, account: &Account) -> Result<(), Error> {
        let row = serde_json::to_vec(&Row::of(account)).map_err(|_| VaultError::Damaged)?;
        let row = SecretBytes::new(row);
        let secrets = &self.inner().secrets;
        secrets
            .put_entry(ACCOUNT, &account.id, Storage::Keychain, &row)
            .await?;
        Ok(())
    }
}
