//! The stored form of accounts. Small structs of their own, so that a change of a domain type never changes
//! the file by accident.

use rusqlite::types::FromSql;
use rusqlite::{Row, Transaction, named_params};
use serde::{Deserialize, Serialize};
use tessera_oidc::checks::{CheckId, Outcome, Verdict, Verdicts};
use tessera_oidc::{ClientId, Scopes, Subject, UnixTime};
use url::Url;

use crate::account::{Account, AccountId, AccountState, NextTry, Picture, SignInNeed, Storage};
use crate::provider::ProviderId;
use crate::store::StoreError;

/// The columns of an account in the order in which a row is read. To look each up by its name would take most of the
/// time that a long list takes.
macro_rules! columns {
    ($claims:literal, $checks:literal) => {
        concat!(
            "id, provider, provider_name, kind, issuer, subject, client_id, name, email, picture_type, picture, ",
            $claims,
            ", requested, granted, ",
            $checks,
            ", apis, storage, state, reason, state_since, need, next_try_at, next_try_named, access_expires_at,
            signed_in_at, nonce, renewed_at, refresh_expires_at, rotation, generation"
        )
    };
}

/// All that is kept of an account.
pub(crate) const WHOLE: &str = columns!("claims", "checks");

/// What a list of all needs: what the last sign-in said and what was checked is left out, which is most of it.
pub(crate) const LISTED: &str = columns!("'[]'", "'[]'");

/// One row of `account`.
pub(crate) struct AccountRow {
    pub(crate) id: String,
    provider: String,
    provider_name: String,
    kind: String,
    issuer: String,
    subject: String,
    client_id: String,
    name: String,
    email: Option<String>,
    picture: Option<Picture>,
    claims: String,
    requested: String,
    granted: String,
    checks: String,
    apis: String,
    storage: String,
    state: String,
    reason: Option<String>,
    state_since: i64,
    need: Option<String>,
    next_try_at: Option<i64>,
    next_try_named: bool,
    access_expires_at: Option<i64>,
    signed_in_at: i64,
    nonce: Option<String>,
    renewed_at: i64,
    refresh_expires_at: Option<i64>,
    rotation: u64,
    generation: u64,
}

/// The values of a row, one after the other.
struct InOrder<'a> {
    row: &'a Row<'a>,
    column: usize,
}

impl InOrder<'_> {
    fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let value = self.row.get(self.column)?;
        self.column += 1;
        Ok(value)
    }
}

#[derive(Serialize, Deserialize)]
struct CheckRow {
    check: String,
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<String>,
}

impl AccountRow {
    pub(crate) fn of(account: &Account) -> Self {
        let checks: Vec<CheckRow> = account
            .checks
            .iter()
            .map(|verdict| CheckRow {
                check: verdict.check.code().to_owned(),
                outcome: verdict.outcome.as_str().to_owned(),
                expected: verdict.expected.clone(),
                seen: verdict.seen.clone(),
            })
            .collect();
        let apis: Vec<&str> = account.apis.iter().map(Url::as_str).collect();
        let state_since = match account.state {
            AccountState::Offline { since, .. } | AccountState::ProviderUnavailable { since, .. } => since,
            _ => account.signed_in_at,
        };
        Self {
            id: account.id.as_str().to_owned(),
            provider: account.provider.as_str().to_owned(),
            provider_name: account.provider_name.clone(),
            kind: account.kind.clone(),
            issuer: account.issuer.as_str().to_owned(),
            subject: account.subject.as_str().to_owned(),
            client_id: account.client_id.as_str().to_owned(),
            name: account.name.clone(),
            email: account.email.clone(),
            picture: account.picture.clone(),
            claims: json(&account.claims),
            requested: account.requested.to_string(),
            granted: account.granted.to_string(),
            checks: json(&checks),
            apis: json(&apis),
            storage: storage_name(account.storage).to_owned(),
            state: account.state.as_str().to_owned(),
            reason: account.state.reason().map(str::to_owned),
            state_since: state_since.0,
            need: account.state.need().map(|need| need.as_str().to_owned()),
            next_try_at: account.state.next_try().map(|next| next.at.0),
            next_try_named: account.state.next_try().is_some_and(|next| next.named),
            access_expires_at: account.access_expires_at.map(|at| at.0),
            signed_in_at: account.signed_in_at.0,
            nonce: account.nonce.clone(),
            renewed_at: account.renewed_at.0,
            refresh_expires_at: account.refresh_expires_at.map(|at| at.0),
            rotation: account.rotation,
            generation: account.generation,
        }
    }

    /// This row as the next generation of `previous`: what a new sign-in does not say again is kept, such as the
    /// APIs that the person named for the account.
    pub(crate) fn succeeding(mut self, previous: Option<Self>) -> Self {
        self.generation = 1;
        let Some(previous) = previous else { return self };
        self.generation = previous.generation.saturating_add(1);
        if self.picture.is_none() {
            self.picture = previous.picture;
        }
        let mut apis: Vec<String> = serde_json::from_str(&self.apis).unwrap_or_default();
        let before: Vec<String> = serde_json::from_str(&previous.apis).unwrap_or_default();
        for api in before {
            if !apis.contains(&api) {
                apis.push(api);
            }
        }
        self.apis = json(&apis);
        self
    }

    /// Reads a row of [`WHOLE`] or [`LISTED`].
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let picture = |media_type: Option<String>, bytes: Option<Vec<u8>>| {
            let (media_type, bytes) = media_type.zip(bytes)?;
            Some(Picture { media_type, bytes })
        };
        let mut next = InOrder { row, column: 0 };
        // As `columns` has them.
        Ok(Self {
            id: next.take()?,
            provider: next.take()?,
            provider_name: next.take()?,
            kind: next.take()?,
            issuer: next.take()?,
            subject: next.take()?,
            client_id: next.take()?,
            name: next.take()?,
            email: next.take()?,
            picture: picture(next.take()?, next.take()?),
            claims: next.take()?,
            requested: next.take()?,
            granted: next.take()?,
            checks: next.take()?,
            apis: next.take()?,
            storage: next.take()?,
            state: next.take()?,
            reason: next.take()?,
            state_since: next.take()?,
            need: next.take()?,
            next_try_at: next.take()?,
            next_try_named: next.take()?,
            access_expires_at: next.take()?,
            signed_in_at: next.take()?,
            nonce: next.take()?,
            renewed_at: next.take()?,
            refresh_expires_at: next.take()?,
            rotation: next.take()?,
            generation: next.take()?,
        })
    }

    pub(crate) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        transaction.execute(
            "INSERT OR REPLACE INTO account (id, provider, provider_name, kind, issuer, subject, client_id, name,
                email, picture_type, picture, claims, requested, granted, checks, apis, storage, state, reason,
                state_since, need, next_try_at, next_try_named, access_expires_at, signed_in_at, nonce, renewed_at,
                refresh_expires_at, rotation, generation)
             VALUES (:id, :provider, :provider_name, :kind, :issuer, :subject, :client_id, :name,
                :email, :picture_type, :picture, :claims, :requested, :granted, :checks, :apis, :storage, :state,
                :reason, :state_since, :need, :next_try_at, :next_try_named, :access_expires_at, :signed_in_at, :nonce,
                :renewed_at, :refresh_expires_at, :rotation, :generation)",
            named_params! {
                ":id": self.id, ":provider": self.provider, ":provider_name": self.provider_name,
                ":kind": self.kind, ":issuer": self.issuer, ":subject": self.subject,
                ":client_id": self.client_id, ":name": self.name, ":email": self.email,
                ":picture_type": self.picture.as_ref().map(|picture| &picture.media_type),
                ":picture": self.picture.as_ref().map(|picture| &picture.bytes),
                ":claims": self.claims, ":requested": self.requested, ":granted": self.granted,
                ":checks": self.checks, ":apis": self.apis, ":storage": self.storage, ":state": self.state,
                ":reason": self.reason, ":state_since": self.state_since, ":need": self.need,
                ":next_try_at": self.next_try_at, ":next_try_named": self.next_try_named,
                ":access_expires_at": self.access_expires_at, ":signed_in_at": self.signed_in_at,
                ":nonce": self.nonce, ":renewed_at": self.renewed_at, ":refresh_expires_at": self.refresh_expires_at,
                ":rotation": self.rotation,
                ":generation": self.generation,
            },
        )?;
        Ok(())
    }

    pub(crate) fn into_account(self) -> Result<Account, StoreError> {
        let damaged = |what: &str| StoreError::Damaged(format!("an account's {what} cannot be read"));
        let checks: Vec<CheckRow> = serde_json::from_str(&self.checks).map_err(|_| damaged("checks"))?;
        let apis: Vec<Url> = serde_json::from_str::<Vec<String>>(&self.apis)
            .ok()
            .and_then(|apis| apis.iter().map(|api| Url::parse(api).ok()).collect())
            .ok_or_else(|| damaged("list of allowed addresses"))?;
        let reason = self.reason.unwrap_or_default();
        let state = match self.state.as_str() {
            "signed_in" | "refreshing" => AccountState::SignedIn,
            "offline" => AccountState::Offline {
                since: UnixTime(self.state_since),
                reason,
            },
            "provider_unavailable" => AccountState::ProviderUnavailable {
                since: UnixTime(self.state_since),
                next_try: NextTry {
                    at: UnixTime(self.next_try_at.unwrap_or(self.state_since)),
                    named: self.next_try_named,
                },
                reason,
            },
            "needs_sign_in" => AccountState::NeedsSignIn {
                // One that a newer version knows is an end as well.
                need: self
                    .need
                    .as_deref()
                    .and_then(SignInNeed::parse)
                    .unwrap_or(SignInNeed::Ended),
                reason,
            },
            _ => return Err(damaged("state")),
        };
        Ok(Account {
            id: AccountId::parse(&self.id).ok_or_else(|| damaged("id"))?,
            provider: ProviderId::new(&self.provider).ok_or_else(|| damaged("provider"))?,
            provider_name: self.provider_name,
            kind: self.kind,
            issuer: self.issuer.parse().map_err(|_| damaged("issuer"))?,
            subject: Subject::new(self.subject),
            client_id: ClientId::new(self.client_id),
            name: self.name,
            email: self.email,
            picture: self.picture,
            claims: serde_json::from_str(&self.claims).map_err(|_| damaged("claims"))?,
            requested: Scopes::parse(&self.requested),
            granted: Scopes::parse(&self.granted),
            // A check that this version does not know any more is left out, not an error.
            checks: checks
                .into_iter()
                .filter_map(CheckRow::into_verdict)
                .collect::<Verdicts>(),
            apis,
            storage: match self.storage.as_str() {
                "keychain" => Storage::Keychain,
                "until_quit" => Storage::UntilQuit,
                _ => return Err(damaged("storage")),
            },
            state,
            access_expires_at: self.access_expires_at.map(UnixTime),
            signed_in_at: UnixTime(self.signed_in_at),
            nonce: self.nonce,
            renewed_at: UnixTime(self.renewed_at),
            refresh_expires_at: self.refresh_expires_at.map(UnixTime),
            rotation: self.rotation,
            generation: self.generation,
        })
    }
}

impl CheckRow {
    fn into_verdict(self) -> Option<Verdict> {
        Some(Verdict {
            check: CheckId::from_code(&self.check)?,
            outcome: Outcome::from_code(&self.outcome)?,
            expected: self.expected,
            seen: self.seen,
        })
    }
}

pub(crate) fn storage_name(storage: Storage) -> &'static str {
    match storage {
        Storage::Keychain => "keychain",
        Storage::UntilQuit => "until_quit",
    }
}

fn json(value: &impl Serialize) -> String {
    // Strings and lists of strings always serialise.
    serde_json::to_string(value).unwrap_or_else(|_| "[]".to_owned())
}
