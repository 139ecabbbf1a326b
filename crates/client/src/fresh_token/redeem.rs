//! A refresh token on its way to the provider: with an entry in the journal ([`crate::store`]) while its answer is not
//! known, and what is done with the entries that an earlier process left.

use tessera_oidc::RefreshToken;
use tessera_oidc::dpop::DpopKey;

use super::fresh;
use super::renewed::{Renewed, no_more_than_before};
use super::trouble::left_unspent;
use crate::account::{Account, SignInNeed};
use crate::client::Client;
use crate::dpop::For;
use crate::error::Error;
use crate::store::Doubt;
use crate::trace::{Exchange, Flow, MessageId};

impl Client {
    /// Sends the refresh token to the account's provider, with an entry in the journal while its answer is not known.
    /// Says in `doubt` what was known of the token before.
    pub(super) async fn redeem(
        &self,
        account: &Account,
        token: &RefreshToken,
        doubt: &mut Doubt,
        flow: &Flow,
    ) -> Result<Renewed, Error> {
        let inner = self.inner();
        let prepared = async {
            let terms = self.terms_of(account, Some(flow)).await?;
            let metadata = inner.directory.metadata(&terms, flow).await?;
            let key = self.key_that_binds(account, flow).await?;
            Ok((terms, metadata, key))
        };
        let (terms, metadata, key) = inner.flights.unless_closing(prepared).await?;
        let registration = terms.registration(&metadata);
        let request = tessera_oidc::token::refresh_request(token, &metadata, &registration, None);
        let key = key.as_ref();
        let unsaved = inner.flights.unsaved(&account.id, account.generation).is_some();
        *doubt = inner
            .store
            .begin_redemption(account, token, unsaved, &self.process_name().await, self.now())
            .await?;
        if unsaved && inner.flights.set_unsaved_sent(&account.id, true) {
            *doubt = Doubt::MaybeRotated;
        }
        let answered = async {
            let answer = self
                .exchange(&terms, key, For::Provider, Exchange::TOKEN, request, flow)
                .await?;
            let dialect = terms.dialect(key);
            let response = tessera_oidc::token::parse_token_response(&answer, &dialect, &account.granted)?;
            Ok(response)
        };
        let answered: Result<_, Error> = answered.await;
        if answered.as_ref().is_err_and(left_unspent) && *doubt == Doubt::None {
            if unsaved {
                inner.flights.set_unsaved_sent(&account.id, false);
            } else {
                self.end_redemption(account, false).await;
            }
        }
        let mut response = answered?;
        let granted = terms.granted(&account.requested, &response.scopes, true);
        response.scopes = no_more_than_before(account, &granted);
        Ok(Renewed {
            response,
            terms,
            metadata,
        })
    }

    /// The key that the account's tokens are bound to; `None` when they are not. Without it they are of no use, and
    /// the provider would take a request that lacks its proof for a stolen token's (RFC 9449 section 5).
    async fn key_that_binds(&self, account: &Account, flow: &Flow) -> Result<Option<DpopKey>, Error> {
        let secrets = &self.inner().secrets;
        let key = secrets.settle_dpop_key(&account.id, account.storage).await?;
        if key.is_some() {
            flow.read(account.storage, MessageId::KeyRead, Vec::new());
        } else {
            let kept = secrets.access(&account.id, account.storage).await?;
            if kept.is_some_and(|access| fresh(access).is_bound()) {
                return Err(self.needs_sign_in(account, SignInNeed::SecretsGone, None).await?);
            }
        }
        Ok(key)
    }

    /// Notes that what came in place of the journal's token is in this process only. A failure costs a sign-in where
    /// another process uses the void token meanwhile.
    pub(super) async fn hold_redemption(&self, account: &Account) {
        let (store, process) = (&self.inner().store, self.process_name().await);
        let held = store.hold_redemption(&account.id, account.generation, &process);
        if let Err(error) = held.await {
            tracing::warn!(
                code = Error::from(error).code(),
                "that a refresh token is in memory only could not be noted"
            );
        }
    }

    /// Whether another process has the account's refresh token in its memory only, and lives.
    pub(super) async fn is_held_elsewhere(&self, account: &Account) -> Result<bool, Error> {
        let holder = self.inner().store.redemption_holder(account).await?;
        Ok(match holder {
            Some(holder) => self.is_present(&holder).await,
            None => false,
        })
    }

    /// Closes the journal. A failure is harmless: a refusal that comes later is then told with another reason.
    pub(crate) async fn end_redemption(&self, account: &Account, replaced: bool) {
        let (store, generation) = (&self.inner().store, account.generation);
        if let Err(error) = store.end_redemption(&account.id, generation, replaced).await {
            tracing::warn!(
                code = Error::from(error).code(),
                "what came of a refresh token could not be noted"
            );
        }
    }
}
