//! Fresh access tokens: one refresh at a time per account, however many ask, in this process and beside it.
//!
//! Callers in this process share one flight. Processes take turns by a lease in the store; whoever waited
//! reads the keychain anew and uses what the other one brought. A rotated refresh token is stored before
//! anyone sees the access token that came with it. Only the provider's own word ends a session.

mod doubts;
mod ending;
mod flights;
mod gently;
mod look;
mod presence;
mod redeem;
mod renewed;
mod trouble;
mod upkeep;

use std::sync::PoisonError;

use futures_util::FutureExt as _;
use tessera_oidc::token::{TokenError, TokenType};
use tessera_oidc::{AccessToken, RefreshToken, UnixTime};

use crate::account::{Account, AccountId, SignInNeed, Storage};
use crate::client::{Change, Client};
use crate::error::{AccountError, Error};
use crate::ports::VaultError;
use crate::store::{Doubt, Refreshed};
use crate::trace::{Field, Flow, FlowKind, MessageId};
use crate::vault::StoredAccess;
pub(crate) use ending::over;
pub(crate) use flights::Flights;
use flights::{Flight, UnderWay};
use look::{Look, Obtained, Wish, is_old};
use renewed::Renewed;
pub(crate) use trouble::next_try;

/// An access token is given out only while it has at least this long to live, in seconds.
const MARGIN_SECONDS: i64 = 30;

/// How long an access token is taken to be good for, in seconds, when the provider does not say and there is a
/// refresh token to get another with.
const PRESUMED_LIFE_SECONDS: i64 = 3600;

/// An access token that may be used now.
#[derive(Clone, Debug)]
pub struct FreshToken {
    /// The token.
    pub access_token: AccessToken,
    /// How it is presented: `Bearer`, or `DPoP` for one that is bound to a key of this app and of no use elsewhere.
    pub token_type: String,
    /// When it expires; `None` when the provider did not say.
    pub expires_at: Option<UnixTime>,
}

impl FreshToken {
    /// Whether it is bound to a key (RFC 9449), which never leaves this app.
    pub fn is_bound(&self) -> bool {
        self.token_type.eq_ignore_ascii_case(TokenType::Dpop.as_str())
    }
}

/// What a refresh came to: a token, and why it is the one before, when it is.
type Refresh = (FreshToken, Option<Error>);

impl Client {
    /// An access token of this account that is good for a while: the kept one, or a new one.
    ///
    /// # Errors
    /// When a new sign-in is needed, or the provider or keychain cannot be reached. The account is lost by
    /// none of these but the provider's own refusal.
    pub async fn access_token(&self, id: &AccountId) -> Result<FreshToken, Error> {
        let obtained = self.obtained(id, Wish::default()).await?;
        if let Some((provider, _)) = &obtained.kept {
            // A refresh tells of itself; that there was none has no other place.
            let flow = self
                .inner()
                .tracer
                .flow(FlowKind::Refresh, Some(provider), Some(id));
            obtained.tell(&flow);
            flow.ended(None);
        }
        Ok(obtained.token)
    }

    /// The same for a call: a token other than `refused`, which an API did not take. Whether there was one already is
    /// told in the call's flow.
    pub(crate) async fn token_for_call(
        &self,
        id: &AccountId,
        refused: Option<&AccessToken>,
        flow: &Flow,
    ) -> Result<FreshToken, Error> {
        let wish = refused.cloned().map_or_else(Wish::default, Wish::other_than);
        let obtained = self.obtained(id, wish).await?;
        obtained.tell(flow);
        Ok(obtained.token)
    }

    /// A flight's token, or the kept one while that is being renewed ahead of its end: nobody needs to wait for that.
    async fn obtained(&self, id: &AccountId, wish: Wish) -> Result<Obtained, Error> {
        let inner = self.inner();
        if wish.is_for_any()
            && inner.flights.is_ahead(id)
            && let Ok(Some(account)) = inner.store.account(id).await
            && ending::error(&account.state).is_none()
            && let Ok(Look::Good(token)) = self.look(&account, &wish).await
        {
            let kept = Some((account.provider, account.storage));
            return Ok(Obtained { token, kept });
        }
        self.fly(id, wish).await
    }

    /// A flight's token. One that was joined may have begun before a token was refused; then another is taken, once:
    /// a provider may have no other token to give.
    async fn fly(&self, id: &AccountId, wish: Wish) -> Result<Obtained, Error> {
        let obtained = self.board(id, wish.clone()).await?;
        if wish.refuses(&obtained.token.access_token) {
            return self.board(id, wish).await;
        }
        Ok(obtained)
    }

    /// Joins the flight under way, or starts one.
    async fn board(&self, id: &AccountId, wish: Wish) -> Result<Obtained, Error> {
        let flights = &self.inner().flights;
        let flight = {
            let mut under_way = flights.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            // One that broke down has told so to those who were waiting.
            let joined = under_way
                .get(id)
                .filter(|under_way| under_way.flight.peek().is_none())
                .map(|under_way| under_way.flight.clone());
            joined.unwrap_or_else(|| {
                let (client, id_of_flight) = (self.clone(), id.clone());
                let ahead = wish.is_ahead();
                // Its own task: a caller who goes away must not break off a refresh that the provider may
                // already have answered.
                let task = flights.tasks.spawn(async move {
                    let token = client.obtain(&id_of_flight, &wish).await;
                    // Also when all who waited have gone away: whoever asks later must not get an old answer.
                    client.inner().flights.landed(&id_of_flight);
                    token
                });
                let flight: Flight = task
                    .map(|result| result.unwrap_or(Err(Error::Stopped)))
                    .boxed()
                    .shared();
                let begun = UnderWay {
                    flight: flight.clone(),
                    ahead,
                };
                under_way.insert(id.clone(), begun);
                flight
            })
        };
        flight.await
    }

    async fn obtain(&self, id: &AccountId, wish: &Wish) -> Result<Obtained, Error> {
        let stored = self.inner().store.account(id).await?;
        let account = stored.ok_or_else(|| AccountError::Unknown(id.to_string()))?;
        if let Some(error) = ending::error(&account.state) {
            return Err(error.into());
        }
        let flights = &self.inner().flights;
        let flow = self
            .inner()
            .tracer
            .flow(FlowKind::Refresh, Some(&account.provider), Some(id));
        let look = flights.unless_closing(self.look(&account, wish)).await;
        match flights.heard_of_keychain(id, look) {
            Ok(Look::Good(token)) => {
                let kept = Some((account.provider, account.storage));
                return Ok(Obtained { token, kept });
            }
            Ok(Look::Unfit(..)) => {}
            Err(error) => {
                if matches!(error, Error::Vault(_)) {
                    flow.ended(Some(&error));
                }
                return Err(error);
            }
        }
        if let Some(seconds) = account.state.next_try().and_then(|next| next.wait(self.now())) {
            return Err(AccountError::ProviderAsksToWait { seconds }.into());
        }
        let shown = flights.begin_refreshing(id);
        self.changed(Change::Accounts);
        let result = self.refresh_in_turn(&account, wish, &flow).await;
        let result = flights.heard_of_keychain(id, result);
        // Before it is told, or whoever looks then would see it still.
        drop(shown);
        flow.ended(match &result {
            Ok((_, unrenewed)) => unrenewed.as_ref(),
            Err(error) => Some(error),
        });
        self.changed(Change::Accounts);
        result.map(|(token, _)| Obtained { token, kept: None })
    }

    /// Looks whether the kept access token has a while to live and is what is wished for.
    async fn look(&self, account: &Account, wish: &Wish) -> Result<Look, Error> {
        let access = self.inner().secrets.access(&account.id, account.storage).await?;
        let now = self.now();
        if let Some(access) = access
            .as_ref()
            .filter(|access| !wish.refuses(&access.token) && is_old(access, now))
            && self.refresh_token_at_hand(account).await?.is_some()
        {
            return Ok(Look::old(access.clone()));
        }
        Ok(Look::at(access, wish, now))
    }

    async fn refresh_in_turn(&self, account: &Account, wish: &Wish, flow: &Flow) -> Result<Refresh, Error> {
        let turn = self.take_turn(&account.id).await?;
        let result = async {
            // Its secrets may have been moved meanwhile.
            let moved = self.inner().store.account(&account.id).await?;
            let account = moved.as_ref().unwrap_or(account);
            // Another process may have done it meanwhile, also between our look at the keychain and our turn.
            let look = self.look(account, wish).await?;
            look.tell(account.storage, flow);
            if let Look::Good(token) = look {
                return Ok((token, None));
            }
            self.refresh(account, wish, flow).await
        }
        .await;
        self.end_turn(turn).await;
        result
    }

    async fn refresh(&self, account: &Account, wish: &Wish, flow: &Flow) -> Result<Refresh, Error> {
        let ready = self.token_to_spend(account, flow);
        let mut token = self.inner().flights.unless_closing(ready).await?;
        let mut reread = false;
        loop {
            let mut doubt = Doubt::None;
            let result = match self.redeem(account, &token, &mut doubt, flow).await {
                Ok(renewed) => self.keep(account, &token, renewed, flow).await,
                Err(error) => Err(error),
            };
            match result {
                Err(Error::Token(refusal)) if refusal.ends_session() => {
                    // Another process, or another version of the app, may have used it a moment ago.
                    if !reread {
                        reread = true;
                        let again = self.stored_refresh_token(account, flow).await?;
                        if again != token {
                            token = again;
                            continue;
                        }
                    }
                    return Err(self.session_ended(account, &refusal, doubt).await?);
                }
                Err(error) => return self.carry_on(account, wish, error, flow).await,
                Ok(token) => return Ok((token, None)),
            }
        }
    }

    /// The refresh token, once it is known that the keychain would take the one that replaces it: a provider that
    /// rotates them voids this one as soon as it is asked.
    async fn token_to_spend(&self, account: &Account, flow: &Flow) -> Result<RefreshToken, Error> {
        let token = self.stored_refresh_token(account, flow).await?;
        let inner = self.inner();
        // What is in memory only can lose nothing more.
        if inner.flights.unsaved(&account.id, account.generation).is_none() {
            if self.is_held_elsewhere(account).await? {
                return Err(VaultError::HeldElsewhere.into());
            }
            inner
                .secrets
                .probe(account.storage, &format!("probe/{}", account.id))
                .await?;
        }
        Ok(token)
    }

    async fn refresh_token_at_hand(&self, account: &Account) -> Result<Option<RefreshToken>, Error> {
        let inner = self.inner();
        if let Some(token) = inner.flights.unsaved(&account.id, account.generation) {
            return Ok(Some(token));
        }
        match inner.secrets.refresh(&account.id, account.storage).await {
            // It can be read, and what it has is no token any more: that does not come back by waiting.
            Err(VaultError::Damaged) => Ok(None),
            other => Ok(other?),
        }
    }

    async fn stored_refresh_token(&self, account: &Account, flow: &Flow) -> Result<RefreshToken, Error> {
        if let Some(token) = self.refresh_token_at_hand(account).await? {
            // One that the keychain did not take comes from nowhere but here.
            let is_unsaved = self
                .inner()
                .flights
                .unsaved(&account.id, account.generation)
                .as_ref()
                == Some(&token);
            let storage = if is_unsaved {
                Storage::UntilQuit
            } else {
                account.storage
            };
            let fields = vec![Field::masked("refresh_token", &token)];
            flow.read(storage, MessageId::RefreshTokenRead, fields);
            return Ok(token);
        }
        flow.read(account.storage, MessageId::RefreshTokenRead, Vec::new());
        flow.decided(
            "refresh_token_missing",
            "No refresh token is kept for this account.",
        );
        if account.storage == Storage::UntilQuit {
            // Another process may hold it: nothing is written of what is not known here.
            return Err(over(account, SignInNeed::UntilQuit, None).into());
        }
        self.is_in_this_keychain(account).await?;
        // Either the provider gives none, or the entry is gone.
        let has_expired = account.access_expires_at.is_some_and(|at| at <= self.now());
        if account.rotation > 0 {
            return Err(self.needs_sign_in(account, SignInNeed::SecretsGone, None).await?);
        }
        if has_expired {
            // It is not written: by a clock that is put right it may be good still.
            return Err(over(account, SignInNeed::NotRenewable, None).into());
        }
        Err(AccountError::NoRefreshToken.into())
    }

    /// Stores what a refresh brought, the refresh token first, and only then gives the access token out.
    async fn keep(
        &self,
        account: &Account,
        used: &RefreshToken,
        renewed: Renewed,
        flow: &Flow,
    ) -> Result<FreshToken, Error> {
        let inner = self.inner();
        let now = self.now();
        let response = &renewed.response;
        flow.checks(&response.verdicts);

        // A sign-in or sign-out that came between owns the account now.
        let current = inner.store.account(&account.id).await?;
        if current.is_none_or(|current| current.generation != account.generation) {
            return Err(AccountError::Superseded.into());
        }
        let rotated = response.refresh_token.as_ref().filter(|token| *token != used);
        if let Some(token) = rotated {
            match self.put_for_certain(account, token).await {
                Ok(()) => {
                    inner.flights.forget_unsaved(&account.id);
                    self.end_redemption(account, true).await;
                    let fields = vec![Field::masked("refresh_token", token)];
                    flow.wrote(account.storage, MessageId::TokensStored, fields);
                }
                Err(error) => {
                    // The old one is void at the provider: this copy in memory is all there is.
                    inner
                        .flights
                        .set_unsaved(&account.id, account.generation, token.clone());
                    let error = Error::NotSaved(error);
                    flow.decided(error.code(), error.message());
                    self.changed(Change::Notice(error));
                    self.hold_redemption(account).await;
                    self.save_later(&account.id);
                }
            }
        } else if inner.flights.unsaved(&account.id, account.generation).is_none() {
            self.end_redemption(account, false).await;
        } else {
            inner.flights.set_unsaved_sent(&account.id, false);
        }
        let replaced = rotated.is_some();
        // After it: the keys may have to be fetched first, and that may fail.
        self.check_renewed(account, &renewed, flow).await?;
        let response = renewed.response;
        let access = StoredAccess {
            token: response.access_token,
            token_type: response.token_type.as_str().to_owned(),
            expires_at: response
                .expires_in
                .map(|seconds| now.plus(i64::try_from(seconds).unwrap_or(i64::MAX))),
            received_at: now,
        };
        let kept = inner
            .secrets
            .put_access(&account.id, account.storage, &access)
            .await;
        match kept {
            Ok(()) => {
                let fields = vec![Field::masked("access_token", &access.token)];
                flow.wrote(account.storage, MessageId::TokensStored, fields);
            }
            Err(error) => {
                // Only costs the next process a refresh.
                let code = Error::from(error).code();
                tracing::warn!(code, "a fresh access token could not be kept");
                flow.decided(
                    "access_token_not_kept",
                    "The access token could not be kept, so another will be asked for the next time.",
                );
            }
        }
        if let Some(token) = response.id_token.filter(|_| renewed.terms.is_openid()) {
            self.keep_logout_hint(&account.id, account.storage, &token).await;
        }
        let refreshed = Refreshed {
            access_expires_at: access.expires_at,
            refresh_expires_at: response
                .refresh_expires_in
                .map(|seconds| now.plus(i64::try_from(seconds).unwrap_or(i64::MAX))),
            replaced,
            granted: response.scopes.to_string(),
        };
        inner.flights.succeeded(&account.id);
        let noted = inner
            .store
            .set_refreshed(&account.id, account.generation, refreshed, now)
            .await;
        if let Err(error) = noted {
            // Both tokens are safe in the keychain: what is shown of them is older than they are, and no more.
            tracing::warn!(code = Error::from(error).code(), "a refresh could not be noted");
        }
        if response.scopes != account.granted {
            self.note_keychain(&Account {
                granted: response.scopes,
                ..account.clone()
            })
            .await;
        }
        Ok(fresh(access))
    }

    /// Puts a refresh token into the keychain. One that is there although the keychain failed is there.
    async fn put_for_certain(&self, account: &Account, token: &RefreshToken) -> Result<(), VaultError> {
        let secrets = &self.inner().secrets;
        let (id, storage) = (&account.id, account.storage);
        let Err(error) = secrets.put_refresh(id, storage, token).await else {
            return Ok(());
        };
        match secrets.refresh(id, storage).await {
            Ok(Some(kept)) if kept == *token => Ok(()),
            _ => Err(error),
        }
    }

    /// The provider said that the session is over.
    async fn session_ended(
        &self,
        account: &Account,
        refusal: &TokenError,
        doubt: Doubt,
    ) -> Result<Error, Error> {
        let need = ending::need(account, refusal, doubt, self.now());
        self.needs_sign_in(account, need, ending::said(refusal)).await
    }

    /// Notes that the account needs a new sign-in, and gives back the error that says so.
    async fn needs_sign_in(
        &self,
        account: &Account,
        need: SignInNeed,
        said: Option<&str>,
    ) -> Result<Error, Error> {
        let over = over(account, need, said);
        let (inner, state) = (self.inner(), over.clone().into());
        inner
            .store
            .set_state(&account.id, account.generation, &state, self.now())
            .await?;
        if inner.flights.unsaved(&account.id, account.generation).is_some() {
            // Nothing comes of it any more, and the keychain may ask the person each time it is offered.
            inner.flights.forget_unsaved(&account.id);
        }
        Ok(over.into())
    }

    /// The provider could not be asked, or did not say that the session is over: the account stays as it is,
    /// and a kept token that still lives will do, unless it is the one that an API refused.
    async fn carry_on(
        &self,
        account: &Account,
        wish: &Wish,
        error: Error,
        flow: &Flow,
    ) -> Result<Refresh, Error> {
        // This process broke it off: nothing is known of the provider.
        if matches!(error, Error::Stopped) || !error.is_transient() {
            return Err(error);
        }
        let now = self.now();
        let state = trouble::state(&error, self.inner().flights.failed(&account.id), now);
        self.inner()
            .store
            .set_state(&account.id, account.generation, &state, now)
            .await?;
        let kept = self
            .inner()
            .secrets
            .access(&account.id, account.storage)
            .await
            .ok()
            .flatten();
        let lives = |access: &StoredAccess| access.expires_at.is_none_or(|at| now < at);
        match kept.filter(|access| lives(access) && !wish.refuses(&access.token)) {
            Some(access) => {
                let fields = vec![Field::masked("access_token", &access.token)];
                flow.read(account.storage, MessageId::AccessTokenRead, fields);
                flow.decided(
                    "access_token_lives",
                    "The provider gave no other access token; the kept one is used for as long as it lives.",
                );
                Ok((fresh(access), Some(error)))
            }
            None => Err(error),
        }
    }
}

fn fresh(access: StoredAccess) -> FreshToken {
    FreshToken {
        access_token: access.token,
        token_type: access.token_type,
        expires_at: access.expires_at,
    }
}
