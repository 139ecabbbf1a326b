//! From a checked callback to who it is, code to tokens and ID token to identity; and from there to an account, tokens
//! into the keychain and what is not secret into the store. Between the two nothing is kept ([`super::question`]).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tessera_oidc::callback::ValidatedCallback;
use tessera_oidc::checks::{CheckId, Outcome, Verdict, Verdicts};
use tessera_oidc::discovery::Metadata;
use tessera_oidc::dpop::DpopKey;
use tessera_oidc::id_token::{self, Expectations, IdTokenRefusal};
use tessera_oidc::key_set::{KeySet, Wanted as WantedKey};
use tessera_oidc::message::{Request, Response};
use tessera_oidc::token::{self, TokenResponse};
use tessera_oidc::userinfo::{self, SignedExpectations, Userinfo, UserinfoError};
use tessera_oidc::{Identity, Nonce, RawIdToken, UnixTime, text};
use tokio::time::Instant;
use url::Url;

use super::Attempt;
use super::drive::unless_cancelled;
use super::question;
use crate::account::{Account, AccountId, AccountState, Storage};
use crate::client::Client;
use crate::dpop::For;
use crate::error::{AttemptError, Error};
use crate::ports::{HttpError, VaultError};
use crate::provider::{Provider, ProviderKind, ProviderSource};
use crate::providers;
use crate::terms::Terms;
use crate::trace::{Exchange, Field, Flow, MessageId};
use crate::vault::StoredAccess;

/// How long the provider may take, in all its answers, from the callback until it is known who signed in.
pub(super) const FINISH_TIME: Duration = Duration::from_mins(1);

/// What the account is to be like.
pub(super) struct Wanted {
    pub(super) provider: Provider,
    pub(super) apis: Vec<Url>,
    pub(super) storage: Storage,
    /// The key that its tokens are bound to (RFC 9449).
    pub(super) dpop_key: Option<DpopKey>,
    /// The one account that may come of it; `None` when any may.
    pub(super) only: Option<AccountId>,
    /// The account that is to be signed in again; `None` when nobody in particular is expected.
    pub(super) expected: Option<AccountId>,
}

/// Whoever signed in, as the provider says, and what came with them: in memory only.
pub(super) struct Came<'a> {
    pub(super) tokens: TokenResponse,
    pub(super) identity: Identity,
    pub(super) checks: Verdicts,
    asked: Asked<'a>,
    /// When the tokens were received: a person may think for a while before they are kept.
    received_at: UnixTime,
}

impl Wanted {
    /// A call may wait for one account: whoever else signed in, nothing is kept.
    fn awaits(&self, id: &AccountId) -> bool {
        self.only.as_ref().is_none_or(|only| only == id)
    }
}

/// Redeems the code that a checked callback brought.
pub(super) async fn with_code<'a>(
    attempt: &Attempt,
    terms: &Terms,
    metadata: &Arc<Metadata>,
    callback: &'a ValidatedCallback,
    wanted: &Wanted,
    flow: &Flow,
) -> Result<Came<'a>, Error> {
    let client = &attempt.client;
    let until = Instant::now() + FINISH_TIME;
    let exchange = async {
        let request = token::code_request(callback, metadata, &terms.registration(metadata));
        let key = wanted.dpop_key.as_ref();
        let response = client
            .exchange(terms, key, For::Provider, Exchange::TOKEN, request, flow)
            .await?;
        Ok(token::parse_token_response(
            &response,
            &terms.dialect(key),
            callback.scopes(),
        )?)
    };
    let tokens = within(attempt, terms, until, exchange).await?;
    let mut checks = metadata.verdicts().clone();
    checks.extend(callback.verdicts().iter().cloned());
    let asked = Asked {
        nonce: callback.nonce(),
        scopes: callback.scopes(),
        max_age: callback.max_age(),
        acr_values: callback.acr_values(),
        until,
    };
    with_tokens(attempt, terms, metadata, tokens, asked, checks, wanted, flow).await
}

/// What the authorization request asked for.
pub(super) struct Asked<'a> {
    pub(super) nonce: Option<&'a Nonce>,
    pub(super) scopes: &'a tessera_oidc::Scopes,
    pub(super) max_age: Option<u64>,
    pub(super) acr_values: &'a [String],
    /// When the provider must have said everything that is asked of it: see [`FINISH_TIME`].
    pub(super) until: Instant,
}

/// Runs a part of the exchange that a cancel ends at once, and that does not last beyond `until`.
async fn within<T>(
    attempt: &Attempt,
    terms: &Terms,
    until: Instant,
    part: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timed = async {
        let in_time = tokio::time::timeout_at(until, part).await;
        in_time.unwrap_or_else(|_| Err(HttpError::TimedOut(providers::host(terms.issuer.url())).into()))
    };
    unless_cancelled(attempt, timed).await
}

/// Checks what the tokens say.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a different part of one exchange, named at both callers"
)]
pub(super) async fn with_tokens<'a>(
    attempt: &Attempt,
    terms: &Terms,
    metadata: &Arc<Metadata>,
    tokens: TokenResponse,
    asked: Asked<'a>,
    mut checks: Verdicts,
    wanted: &Wanted,
    flow: &Flow,
) -> Result<Came<'a>, Error> {
    let received_at = attempt.client.now();
    flow.checks(&tokens.verdicts);
    checks.extend(tokens.verdicts.iter().cloned());

    let client = &attempt.client;
    let known = identify(client, terms, metadata, &tokens, &asked, flow);
    let (mut identity, verdicts) = within(attempt, terms, asked.until, known).await?;
    checks.extend(verdicts.iter().cloned());
    // Before the profile: it is not for this app to read whoever else's it is.
    let id = AccountId::of(identity.issuer(), identity.subject());
    if !wanted.awaits(&id) {
        let is_here = client.inner().store.account(&id).await?.is_some();
        question::turn_away(attempt, terms, metadata, &tokens, is_here, flow);
        return Err(AttemptError::OtherAccount.into());
    }
    if let Some(endpoint) = &metadata.userinfo_endpoint
        && terms.is_openid()
    {
        let request = userinfo::userinfo_request(endpoint, &tokens.access_token);
        let profile = profile(client, terms, metadata, request, &tokens, &identity, wanted, flow);
        let profile = read_profile(profile, asked.until, flow);
        let (profile, verdicts) = Box::pin(within(attempt, terms, asked.until, profile)).await?;
        checks.extend(verdicts.iter().cloned());
        if let Some(profile) = profile {
            identity = identity.with_userinfo(profile);
        }
    }
    Ok(Came {
        tokens,
        identity,
        checks,
        asked,
        received_at,
    })
}

/// Who signed in, and every check that says so.
async fn identify(
    client: &Client,
    terms: &Terms,
    metadata: &Metadata,
    tokens: &TokenResponse,
    asked: &Asked<'_>,
    flow: &Flow,
) -> Result<(Identity, Verdicts), Error> {
    if let ProviderKind::GitHub { api, .. } = &terms.kind {
        let request = userinfo::github_user_request(api, &tokens.access_token);
        let http = &*client.inner().ports.http;
        let response = flow.exchange(http, Exchange::USERINFO, request).await?;
        let identity = userinfo::github_identity(&response, &terms.issuer)?;
        return Ok((identity, Verdicts::new()));
    }
    let id_token = tokens.id_token.as_ref().ok_or(Error::NoIdToken)?;
    verified(client, terms, metadata, id_token, tokens, asked, flow).await
}

/// The profile of whoever signed in (OpenID Connect Core section 5.3).
#[expect(
    clippy::too_many_arguments,
    reason = "each is a different part of one exchange, named at one caller"
)]
async fn profile(
    client: &Client,
    terms: &Terms,
    metadata: &Metadata,
    request: Request,
    tokens: &TokenResponse,
    identity: &Identity,
    wanted: &Wanted,
    flow: &Flow,
) -> Result<Userinfo, Error> {
    let whom = For::Resource(&tokens.access_token);
    let key = wanted.dpop_key.as_ref();
    let response = client
        .exchange(terms, key, whom, Exchange::USERINFO, request, flow)
        .await?;
    if userinfo::is_signed(&response) {
        signed_profile(client, terms, metadata, &response, identity, flow).await
    } else {
        Ok(userinfo::parse_userinfo(&response, identity)?)
    }
}

/// Waits for the profile; `None` when it could not be read, which no sign-in fails for.
///
/// # Errors
/// When it is somebody else's, or not the provider's.
async fn read_profile(
    profile: impl Future<Output = Result<Userinfo, Error>>,
    until: Instant,
    flow: &Flow,
) -> Result<(Option<Userinfo>, Verdicts), Error> {
    // A little before the rest's end, so that a profile that does not come costs the profile and no more.
    let limit = until.checked_sub(Duration::from_secs(1)).unwrap_or(until);
    match tokio::time::timeout_at(limit, profile).await {
        Ok(Ok(profile)) => {
            flow.checks(profile.verdicts());
            let verdicts = profile.verdicts().clone();
            Ok((Some(profile), verdicts))
        }
        // Somebody else's profile, or not the provider's: then one of the two tokens need not be this person's either
        // (OpenID Connect Core section 5.3.2).
        Ok(Err(Error::Userinfo(error))) if error.failed_checks().is_some() => {
            if let Some(verdicts) = error.failed_checks() {
                flow.checks(verdicts);
            }
            Err(error.into())
        }
        // Who signed in is known from the ID token; no specification makes a sign-in wait for the profile.
        unread => {
            let code = unread
                .ok()
                .and_then(Result::err)
                .map_or("timed_out", |error| error.code());
            tracing::warn!(code, "the profile could not be read");
            let missing = Verdicts::from_iter([Verdict {
                check: CheckId::UserinfoSubject,
                outcome: Outcome::NotReached,
                expected: None,
                seen: None,
            }]);
            flow.checks(&missing);
            Ok((None, missing))
        }
    }
}

/// Judges a signed profile by the same keys as the ID token.
async fn signed_profile(
    client: &Client,
    terms: &Terms,
    metadata: &Metadata,
    response: &Response,
    identity: &Identity,
    flow: &Flow,
) -> Result<Userinfo, Error> {
    let policy = terms.issuer_policy();
    let directory = &client.inner().directory;
    let expected = SignedExpectations {
        issuer: &policy,
        client_id: &terms.client_id,
        algorithms: &metadata.userinfo_algorithms,
        now: client.now(),
    };
    let check = |keys: &KeySet| userinfo::parse_signed_userinfo(response, identity, keys, &expected);
    let jwks_uri = metadata.jwks_uri.as_ref().ok_or(Error::NoKeySet)?;
    let keys = directory.keys(jwks_uri, WantedKey::Any, flow).await?;
    let mut result = check(&keys);
    if result.as_ref().is_err_and(UserinfoError::wants_new_keys) {
        let newer = directory.newer_keys(jwks_uri, &keys, flow).await?;
        result = check(&newer);
    }
    Ok(result?)
}

/// Verifies the ID token; a key that is not in the set at hand is worth one look at a newer set.
async fn verified(
    client: &Client,
    terms: &Terms,
    metadata: &Metadata,
    id_token: &RawIdToken,
    tokens: &TokenResponse,
    asked: &Asked<'_>,
    flow: &Flow,
) -> Result<(Identity, Verdicts), Error> {
    let policy = terms.issuer_policy();
    let directory = &client.inner().directory;
    let check = |keys: &KeySet| {
        let now = client.now();
        let mut expected = Expectations::new(&policy, &terms.client_id, &metadata.id_token_algorithms, now);
        expected.provider_time = directory.time_at(&terms.issuer, now, tokens.answered_at);
        expected.nonce = asked.nonce;
        expected.access_token = Some(&tokens.access_token);
        expected.max_age = asked.max_age;
        expected.acr_values = asked.acr_values;
        id_token::verify(id_token, keys, &expected)
    };
    let jwks_uri = metadata.jwks_uri.as_ref().ok_or(Error::NoKeySet)?;
    let keys = directory.keys(jwks_uri, WantedKey::Any, flow).await?;
    let mut result = check(&keys);
    if result.as_ref().is_err_and(IdTokenRefusal::wants_new_keys) {
        let newer = directory.newer_keys(jwks_uri, &keys, flow).await?;
        result = check(&newer);
    }
    flow.checks_id_token(id_token);
    match result {
        Ok((identity, verdicts)) => {
            flow.checks(&verdicts);
            Ok((identity, verdicts))
        }
        Err(refusal) => {
            flow.checks(&refusal.verdicts);
            Err(refusal.into())
        }
    }
}

/// Tokens into the keychain, the rest into the store. Turns are taken with refreshes of the same account in
/// this and other processes, so that none of them can lay an older token over the new one. Says too whether the
/// account was here already.
pub(super) async fn keep(
    client: &Client,
    terms: &Terms,
    came: Came<'_>,
    wanted: Wanted,
    flow: &mut Flow,
) -> Result<(Account, bool), Error> {
    let Came {
        tokens,
        identity,
        checks,
        asked,
        received_at: now,
    } = came;
    let inner = client.inner();
    let id = AccountId::of(identity.issuer(), identity.subject());
    flow.concerns(&id);
    let access = StoredAccess {
        token: tokens.access_token,
        token_type: tokens.token_type.as_str().to_owned(),
        expires_at: tokens
            .expires_in
            .map(|seconds| now.plus(i64::try_from(seconds).unwrap_or(i64::MAX))),
        received_at: now,
    };
    let account = Account {
        id: id.clone(),
        provider: wanted.provider.id.clone(),
        provider_name: wanted.provider.name.clone(),
        kind: terms.kind.as_str().to_owned(),
        issuer: terms.issuer.clone(),
        subject: identity.subject().clone(),
        client_id: terms.client_id.clone(),
        name: shown_name(&identity),
        email: identity.email().map(text::value),
        picture: None,
        claims: identity
            .claims()
            .iter()
            .map(|(name, value)| (name.clone(), claim_text(value)))
            .collect(),
        requested: asked.scopes.clone(),
        granted: terms.granted(asked.scopes, &tokens.scopes, tokens.refresh_token.is_some()),
        checks,
        // Only what the person named; the provider's own are taken from its entry at each call.
        apis: wanted.apis,
        storage: wanted.storage,
        state: AccountState::SignedIn,
        access_expires_at: access.expires_at,
        signed_in_at: now,
        nonce: asked.nonce.map(Nonce::fingerprint),
        renewed_at: now,
        refresh_expires_at: tokens
            .refresh_expires_in
            .filter(|_| tokens.refresh_token.is_some())
            .map(|seconds| now.plus(i64::try_from(seconds).unwrap_or(i64::MAX))),
        rotation: u64::from(tokens.refresh_token.is_some()),
        generation: 0,
    };

    let mut stored = vec![Field::masked("access_token", &access.token)];
    stored.extend(
        tokens
            .refresh_token
            .as_ref()
            .map(|token| Field::masked("refresh_token", token)),
    );

    let turn = client.take_turn(&id).await?;
    let before = inner.store.account(&id).await;
    let is_new = matches!(before, Ok(None));
    let secrets = &inner.secrets;
    let written: Result<_, Error> = async {
        let before = before?;
        if before.is_some() {
            inner.store.forget_moment(&id).await?;
        }
        // Before what is bound to it, which would be of no use without; and beside that of the sign-in before, whose
        // tokens stay when this breaks off.
        let key = wanted.dpop_key.as_ref();
        let key_before = match secrets.dpop_key(&id, account.storage).await {
            Err(VaultError::Damaged) => None,
            other => other?,
        };
        let token = tokens.refresh_token.as_ref();
        let has_keys = key.is_some() || key_before.is_some();
        if has_keys {
            let key_before = key_before.as_ref();
            secrets
                .put_dpop_keys(&id, account.storage, key_before, key, token)
                .await?;
        } else {
            secrets.delete_dpop_key(&id, account.storage).await?;
        }
        match token {
            Some(token) => {
                if key_before.is_some() {
                    // It is bound to that key, which goes; the refresh token that stays brings another.
                    secrets.delete_access(&id, account.storage).await?;
                }
                secrets.put_refresh(&id, account.storage, token).await?;
            }
            // One of an earlier sign-in would not belong to the new access token.
            None => secrets.delete_refresh(&id, account.storage).await?,
        }
        // Whatever becomes of the rest: a token of the sign-in before that is in memory only must not be laid over it.
        if let Some(before) = before.as_ref().filter(|before| before.storage == account.storage) {
            inner.flights.forget_unsaved(&id);
            client.end_redemption(before, true).await;
        }
        if has_keys {
            secrets.settle_dpop_key(&id, account.storage).await?;
        }
        secrets.put_access(&id, account.storage, &access).await?;
        if let Some(token) = &tokens.id_token {
            client.keep_logout_hint(&id, account.storage, token).await;
        }
        match (&terms.client_secret, wanted.provider.source) {
            (Some(secret), ProviderSource::Run) => {
                secrets.put_client_secret(&id, account.storage, secret).await?;
            }
            // One of an earlier sign-in belongs to the client that signed in then.
            _ => secrets.delete_client_secret(&id, account.storage).await?,
        }
        let written = inner.store.put_signed_in(account).await?;
        inner.flights.forget_unsaved(&id);
        client.note_keychain(&written).await;
        if let Some(before) = before.filter(|before| before.storage != written.storage)
            && let Err(error) = secrets.forget(&id, before.storage).await
        {
            tracing::warn!(
                code = Error::from(error).code(),
                "secrets of an earlier sign-in could not be removed"
            );
        }
        Ok(written)
    }
    .await;
    // Nobody could find or end what was kept for an account that is not there.
    if written.is_err()
        && is_new
        && let Err(error) = secrets.forget(&id, wanted.storage).await
    {
        tracing::warn!(
            code = Error::from(error).code(),
            "secrets of an account that could not be written were left behind"
        );
    }
    client.end_turn(turn).await;
    if written.is_ok() {
        flow.wrote(wanted.storage, MessageId::TokensStored, stored);
    }
    Ok((written?, !is_new))
}

/// The name that an account of this person goes by; never empty.
pub(super) fn shown_name(identity: &Identity) -> String {
    let fit = |name: &str| text::value(name).trim().to_owned();
    let user_name = identity.claims().get("preferred_username");
    [
        identity.name(),
        identity.email(),
        user_name.and_then(|name| name.as_str()),
    ]
    .into_iter()
    .flatten()
    .map(fit)
    .find(|name| !name.is_empty())
    .unwrap_or_else(|| fit(identity.subject().as_str()))
}

/// A claim as text: strings as they are, everything else as JSON.
fn claim_text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
