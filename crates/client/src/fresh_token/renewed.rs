//! What came with a refresh is believed no further than the specifications allow: an ID token must be about the
//! person who signed in (OpenID Connect Core section 12.2), and permissions cannot grow (RFC 6749 section 6).

use tessera_oidc::checks::CheckId;
use tessera_oidc::discovery::Metadata;
use tessera_oidc::id_token::{self, Expectations, IdTokenRefusal};
use tessera_oidc::key_set::{KeySet, Wanted};
use tessera_oidc::token::TokenResponse;
use tessera_oidc::{PreviousIdToken, Scopes, UnixTime};

use crate::account::{Account, SignInNeed};
use crate::client::Client;
use crate::error::Error;
use crate::terms::Terms;
use crate::trace::Flow;

/// What a refresh brought, and by whose rules.
pub(super) struct Renewed {
    pub(super) response: TokenResponse,
    pub(super) terms: Terms,
    pub(super) metadata: std::sync::Arc<Metadata>,
}

impl Client {
    /// Checks the ID token, where one came along; providers need not send one.
    ///
    /// # Errors
    /// The refusal; or, when the provider's keys cannot be had now, why. Then nothing is known against it.
    pub(super) async fn check_renewed(
        &self,
        account: &Account,
        renewed: &Renewed,
        flow: &Flow,
    ) -> Result<(), Error> {
        let Some(id_token) = renewed
            .response
            .id_token
            .as_ref()
            .filter(|_| renewed.terms.is_openid())
        else {
            return Ok(());
        };
        let metadata = &renewed.metadata;
        let (policy, previous) = (renewed.terms.issuer_policy(), previous(account));
        let directory = &self.inner().directory;
        // By the same rule as a sign-in: a clock that differs too much is an error that says so. The account stays,
        // and so does the refresh token that came: both are good again as soon as the clock is.
        let check = |keys: &KeySet| {
            let (algorithms, now) = (&metadata.id_token_algorithms, self.now());
            let mut expected = Expectations::new(&policy, &account.client_id, algorithms, now);
            let answered_at = renewed.response.answered_at;
            expected.provider_time = directory.time_at(&account.issuer, now, answered_at);
            expected.access_token = Some(&renewed.response.access_token);
            expected.refresh = Some(&previous);
            id_token::verify(id_token, keys, &expected)
        };
        let jwks_uri = metadata.jwks_uri.as_ref().ok_or(Error::NoKeySet)?;
        let keys = directory.keys(jwks_uri, Wanted::Any, flow).await?;
        let mut result = check(&keys);
        if result.as_ref().is_err_and(IdTokenRefusal::wants_new_keys) {
            result = check(&*directory.newer_keys(jwks_uri, &keys, flow).await?);
        }
        flow.checks_id_token(id_token);
        match result {
            Ok((_, verdicts)) => {
                flow.checks(&verdicts);
                Ok(())
            }
            Err(refusal) => {
                flow.checks(&refusal.verdicts);
                if is_about_another(&refusal) {
                    self.discard(account).await?;
                }
                Err(refusal.into())
            }
        }
    }

    /// Ends an account whose refresh token, old and new, is another's now.
    async fn discard(&self, account: &Account) -> Result<(), Error> {
        let inner = self.inner();
        // First, because a state that is written is enough for the token never to be used again.
        self.needs_sign_in(account, SignInNeed::OtherPerson, None).await?;
        inner.flights.forget_unsaved(&account.id);
        inner.secrets.delete_refresh(&account.id, account.storage).await?;
        Ok(())
    }
}

/// What is granted now, of what was asked for or granted before.
pub(super) fn no_more_than_before(account: &Account, granted: &Scopes) -> Scopes {
    let before = account.requested.union(&account.granted);
    Scopes::from_tokens(granted.iter().filter(|scope| before.contains(scope)))
}

/// Whether it is certain, by the provider's own signature, that it renewed somebody else's sign-in. Anything else that
/// is wrong with an ID token (a clock, an audience more, a wrong `iss`) is the provider's mistake, and may be right the
/// next time: nobody is signed out for it.
fn is_about_another(refusal: &IdTokenRefusal) -> bool {
    let mut failed = refusal.verdicts.failed();
    failed.any(|verdict| verdict.check == CheckId::RefreshSubject)
}

/// What the ID token of the sign-in said, as far as the account keeps it.
fn previous(account: &Account) -> PreviousIdToken {
    let date = |name: &str| {
        let claim = account.claims.iter().find(|(claim, _)| claim == name)?;
        claim.1.parse().ok().map(UnixTime)
    };
    PreviousIdToken {
        issuer: account.issuer.clone(),
        subject: account.subject.clone(),
        audience: vec![account.client_id.to_string()],
        issued_at: date("iat").unwrap_or(UnixTime(0)),
        auth_time: date("auth_time"),
        nonce: account.nonce.clone(),
    }
}
