//! Fresh access tokens: one refresh at a time per account, however many ask, in this process and beside it.
//!
//! Callers in this process share one flight. Processes take turns by a lease in the store; whoever waited
//! reads the keychain anew and uses what the other one brought. A rotated refresh token is stored before
//! anyone sees the access token that came with it. Only the provider's own word ends a session.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tessera_oidc::token::{TokenError, TokenResponse};
use tessera_oidc::{AccessToken, RefreshToken, UnixTime};

use crate::account::{Account, AccountId, AccountState, Storage};
use crate::client::{Change, Client, UNTIL_QUIT_REASON};
use crate::error::{AccountError, Error};
use crate::ports::{Entropy, Limits};
use crate::trace::{Field, Flow, FlowKind, Party};
use crate::vault::StoredAccess;

/// An access token is given out only while it has at least this long to live, in seconds.
const MARGIN_SECONDS: i64 = 30;

/// How long a lease holds, in seconds: longer than a refresh can take, so that it is only ever outlived by a
/// holder that died.
const LEASE_SECONDS: i64 = 45;

/// How often a waiting process looks whether the lease is free. There is no event to wait for between
/// processes that share only a file.
const LEASE_LOOK: Duration = Duration::from_millis(50);

/// An access token that may be used now.
#[derive(Clone, Debug)]
pub struct FreshToken {
    /// The token.
    pub access_token: AccessToken,
    /// Its type in lower case: `bearer`.
    pub token_type: String,
    /// When it expires; `None` when the provider did not say.
    pub expires_at: Option<UnixTime>,
}

type Flight = Shared<BoxFuture<'static, Result<FreshToken, Error>>>;

/// The refreshes under way in this process.
pub(crate) struct Flights {
    /// Names this process to others in the store's lease table.
    pub(crate) holder: String,
    under_way: Mutex<HashMap<AccountId, Flight>>,
    /// Rotated refresh tokens that the keychain did not take: the only good copy, until it does.
    unsaved: Mutex<HashMap<AccountId, (u64, RefreshToken)>>,
}

impl Flights {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        let holder = format!("{}-{:016x}", std::process::id(), u64::from_be_bytes(bytes));
        Self {
            holder,
            under_way: Mutex::default(),
            unsaved: Mutex::default(),
        }
    }

    pub(crate) fn refreshing(&self, id: &AccountId) -> bool {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.get(id).is_some_and(|flight| flight.peek().is_none())
    }

    fn unsaved(&self, id: &AccountId, generation: u64) -> Option<RefreshToken> {
        let unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        unsaved
            .get(id)
            .filter(|(of, _)| *of == generation)
            .map(|(_, token)| token.clone())
    }

    pub(crate) fn set_unsaved(&self, id: &AccountId, token: Option<(u64, RefreshToken)>) {
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        match token {
            Some(token) => unsaved.insert(id.clone(), token),
            None => unsaved.remove(id),
        };
    }
}

impl Client {
    /// An access token of this account that is good for a while: the kept one, or a new one.
    ///
    /// # Errors
    /// When a new sign-in is needed, or the provider or keychain cannot be reached. The account is lost by
    /// none of these but the provider's own refusal.
    pub async fn access_token(&self, id: &AccountId) -> Result<FreshToken, Error> {
        self.fly(id, None).await
    }

    /// A token other than `refused`, which an API did not take.
    pub(crate) async fn another_token(
        &self,
        id: &AccountId,
        refused: &AccessToken,
    ) -> Result<FreshToken, Error> {
        self.fly(id, Some(refused.clone())).await
    }

    /// Joins the flight under way, or starts one.
    async fn fly(&self, id: &AccountId, refused: Option<AccessToken>) -> Result<FreshToken, Error> {
        let flight = {
            let mut under_way = self
                .inner()
                .flights
                .under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // A flight that has landed answered those who were waiting; the next caller may need another.
            let joined = under_way
                .get(id)
                .filter(|flight| flight.peek().is_none())
                .cloned();
            joined.unwrap_or_else(|| {
                let (client, id_of_flight, refused) = (self.clone(), id.clone(), refused.clone());
                // Its own task: a caller who goes away must not break off a refresh that the provider may
                // already have answered.
                let task = tokio::spawn(async move { client.obtain(&id_of_flight, refused.as_ref()).await });
                let flight: Flight = task
                    .map(|result| result.unwrap_or(Err(Error::Stopped)))
                    .boxed()
                    .shared();
                under_way.insert(id.clone(), flight.clone());
                flight
            })
        };
        let token = flight.await;
        {
            let mut under_way = self
                .inner()
                .flights
                .under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if under_way.get(id).is_some_and(|flight| flight.peek().is_some()) {
                under_way.remove(id);
            }
        }
        match (token, refused) {
            // The flight that was joined did not know that this token had been refused.
            (Ok(token), Some(refused)) if token.access_token == refused => {
                Box::pin(self.fly(id, Some(refused))).await
            }
            (token, _) => token,
        }
    }

    async fn obtain(&self, id: &AccountId, refused: Option<&AccessToken>) -> Result<FreshToken, Error> {
        let stored = self.inner().store.account(id).await?;
        let account = stored.ok_or_else(|| AccountError::Unknown(id.to_string()))?;
        if let AccountState::NeedsSignIn { reason } = &account.state {
            return Err(AccountError::NeedsSignIn(reason.clone()).into());
        }
        if let Some(token) = self.kept(&account, refused).await? {
            return Ok(token);
        }
        let mut flow = self
            .inner()
            .tracer
            .flow(FlowKind::Refresh, Some(&account.provider), Some(id));
        flow.concerns(id);
        self.changed(Change::Accounts);
        let result = self.refresh_in_turn(&account, refused, &flow).await;
        flow.ended(result.as_ref().err().map(Error::code));
        self.changed(Change::Accounts);
        result
    }

    /// The kept access token, if it has a while to live and is not the refused one.
    async fn kept(
        &self,
        account: &Account,
        refused: Option<&AccessToken>,
    ) -> Result<Option<FreshToken>, Error> {
        let kept = self.inner().secrets.access(&account.id, account.storage).await?;
        let now = self.now();
        Ok(kept
            .filter(|access| refused != Some(&access.token) && is_good(access, now))
            .map(fresh))
    }

    async fn refresh_in_turn(
        &self,
        account: &Account,
        refused: Option<&AccessToken>,
        flow: &Flow,
    ) -> Result<FreshToken, Error> {
        let waited = self.take_turn(&account.id).await?;
        let result = async {
            // Another process may have done it meanwhile.
            if waited && let Some(token) = self.kept(account, refused).await? {
                return Ok(token);
            }
            self.refresh(account, flow).await
        }
        .await;
        self.end_turn(&account.id).await;
        result
    }

    /// Waits until this process may write the account's tokens. Says whether it had to wait.
    pub(crate) async fn take_turn(&self, id: &AccountId) -> Result<bool, Error> {
        let inner = self.inner();
        let mut waited = false;
        loop {
            let now = self.now();
            if inner
                .store
                .take_lease(id, &inner.flights.holder, now, now.plus(LEASE_SECONDS))
                .await?
            {
                return Ok(waited);
            }
            waited = true;
            tokio::time::sleep(LEASE_LOOK).await;
        }
    }

    /// Lets others write the account's tokens. A failure is harmless: the lease runs out by itself.
    pub(crate) async fn end_turn(&self, id: &AccountId) {
        if let Err(error) = self
            .inner()
            .store
            .release_lease(id, &self.inner().flights.holder)
            .await
        {
            tracing::warn!(
                code = Error::from(error).code(),
                "a refresh lease could not be given back"
            );
        }
    }

    async fn refresh(&self, account: &Account, flow: &Flow) -> Result<FreshToken, Error> {
        let mut token = self.stored_refresh_token(account).await?;
        let mut reread = false;
        loop {
            flow.message(
                Party::Tessera,
                Party::Provider,
                "token_request",
                vec![
                    Field::shown("grant_type", "refresh_token"),
                    Field::masked("refresh_token", &token),
                ],
            );
            match self.redeem(account, &token).await {
                Ok(response) => return self.keep(account, &token, response, flow).await,
                Err(Error::Token(refusal)) if refusal.ends_session() => {
                    // Another process, or another version of the app, may have used it a moment ago.
                    if !reread {
                        reread = true;
                        let again = self.stored_refresh_token(account).await?;
                        if again != token {
                            token = again;
                            continue;
                        }
                    }
                    return Err(self.session_ended(account, &refusal).await?);
                }
                Err(error) => return self.carry_on(account, error).await,
            }
        }
    }

    async fn stored_refresh_token(&self, account: &Account) -> Result<RefreshToken, Error> {
        if let Some(token) = self.inner().flights.unsaved(&account.id, account.generation) {
            return Ok(token);
        }
        if let Some(token) = self.inner().secrets.refresh(&account.id, account.storage).await? {
            return Ok(token);
        }
        if account.storage == Storage::UntilQuit {
            return Err(AccountError::NeedsSignIn(UNTIL_QUIT_REASON.to_owned()).into());
        }
        // Either the provider gives none, or the entry is gone.
        let has_expired = account.access_expires_at.is_some_and(|at| at <= self.now());
        if has_expired {
            let reason =
                "The sign-in has run out, and nothing is kept with which it could be renewed.".to_owned();
            self.needs_sign_in(account, &reason).await?;
            return Err(AccountError::NeedsSignIn(reason).into());
        }
        Err(AccountError::NoRefreshToken.into())
    }

    /// Sends the refresh token to the account's provider.
    async fn redeem(&self, account: &Account, token: &RefreshToken) -> Result<TokenResponse, Error> {
        let inner = self.inner();
        let terms = self.terms_of(account).await?;
        let metadata = inner.directory.metadata(&terms).await?;
        let registration = terms.registration(&metadata);
        let request = tessera_oidc::token::refresh_request(token, &metadata, &registration, None);
        let response = inner.ports.http.send(request, Limits::PROTOCOL).await?;
        let dialect = terms.dialect();
        let mut response = tessera_oidc::token::parse_token_response(&response, &dialect, &account.granted)?;
        response.scopes = terms.granted(&account.requested, &response.scopes, true);
        Ok(response)
    }

    /// Stores what a refresh brought, the refresh token first, and only then gives the access token out.
    async fn keep(
        &self,
        account: &Account,
        used: &RefreshToken,
        response: TokenResponse,
        flow: &Flow,
    ) -> Result<FreshToken, Error> {
        let inner = self.inner();
        let now = self.now();
        let mut fields = vec![Field::masked("access_token", &response.access_token)];
        if let Some(token) = &response.refresh_token {
            fields.push(Field::masked("refresh_token", token));
        }
        flow.message(Party::Provider, Party::Tessera, "token_response", fields);

        // A sign-in or sign-out that came between owns the account now.
        let current = inner.store.account(&account.id).await?;
        if current.is_none_or(|current| current.generation != account.generation) {
            return Err(AccountError::Superseded.into());
        }
        let rotated = response.refresh_token.as_ref().filter(|token| *token != used);
        if let Some(token) = rotated {
            match inner
                .secrets
                .put_refresh(&account.id, account.storage, token)
                .await
            {
                Ok(()) => inner.flights.set_unsaved(&account.id, None),
                Err(error) => {
                    // The old one is void at the provider: this copy in memory is all there is.
                    inner
                        .flights
                        .set_unsaved(&account.id, Some((account.generation, token.clone())));
                    self.changed(Change::Notice(Error::NotSaved(error)));
                }
            }
        }
        let access = StoredAccess {
            token: response.access_token,
            token_type: response.token_type.as_str().to_owned(),
            expires_at: response
                .expires_in
                .map(|seconds| now.plus(i64::try_from(seconds).unwrap_or(i64::MAX))),
            received_at: now,
        };
        if let Err(error) = inner
            .secrets
            .put_access(&account.id, account.storage, &access)
            .await
        {
            // Only costs the next process a refresh.
            tracing::warn!(
                code = Error::from(error).code(),
                "a fresh access token could not be kept"
            );
        }
        let granted = response.scopes.to_string();
        let noted = inner
            .store
            .set_refreshed(&account.id, account.generation, access.expires_at, granted, now)
            .await;
        if let Err(error) = noted {
            // Both tokens are safe in the keychain: what is shown of them is older than they are, and no more.
            tracing::warn!(code = Error::from(error).code(), "a refresh could not be noted");
        }
        Ok(fresh(access))
    }

    /// The provider said that the session is over.
    async fn session_ended(&self, account: &Account, refusal: &TokenError) -> Result<Error, Error> {
        let reason = refusal.message();
        self.needs_sign_in(account, &reason).await?;
        Ok(AccountError::NeedsSignIn(reason).into())
    }

    async fn needs_sign_in(&self, account: &Account, reason: &str) -> Result<(), Error> {
        let state = AccountState::NeedsSignIn {
            reason: reason.to_owned(),
        };
        self.inner()
            .store
            .set_state(&account.id, account.generation, &state, self.now())
            .await?;
        Ok(())
    }

    /// The provider could not be asked, or did not say that the session is over: the account stays as it is,
    /// and a kept token that still lives will do.
    async fn carry_on(&self, account: &Account, error: Error) -> Result<FreshToken, Error> {
        let now = self.now();
        if error.is_transient() {
            let state = AccountState::Offline {
                since: now,
                reason: error.message(),
            };
            self.inner()
                .store
                .set_state(&account.id, account.generation, &state, now)
                .await?;
        }
        let kept = self
            .inner()
            .secrets
            .access(&account.id, account.storage)
            .await
            .ok()
            .flatten();
        match kept.filter(|access| access.expires_at.is_none_or(|at| now < at)) {
            // It was not good enough a moment ago only because it is about to expire.
            Some(access) if error.is_transient() && !is_good(&access, now) => Ok(fresh(access)),
            _ => Err(error),
        }
    }
}

/// Whether a kept token has a while to live: the margin, or a tenth of its life if that is less.
fn is_good(access: &StoredAccess, now: UnixTime) -> bool {
    access.expires_at.is_none_or(|expires_at| {
        let life = expires_at.since(access.received_at);
        expires_at.since(now) > MARGIN_SECONDS.min(life / 10)
    })
}

fn fresh(access: StoredAccess) -> FreshToken {
    FreshToken {
        access_token: access.token,
        token_type: access.token_type,
        expires_at: access.expires_at,
    }
}
