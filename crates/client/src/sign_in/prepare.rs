//! The start of an attempt whose answer comes back as a callback: what to ask for, where the answer is to come, and
//! the page to send the person to.

use std::sync::Arc;
use std::time::Duration;

use tessera_oidc::authorize::{self, AuthorizationRequest, Pending, Prompt};
use tessera_oidc::discovery::Metadata;
use tessera_oidc::dpop::DpopKey;
use tessera_oidc::message::Request;
use tessera_oidc::par::{self, PushedRequest};
use tessera_oidc::{ClientId, RedirectUri, Scopes};

use super::drive::Plan;
use super::{Attempt, Page};
use crate::account::{Account, AccountId};
use crate::client::Client;
use crate::error::Error;
use crate::ports::{LoopbackBind, LoopbackListener};
use crate::provider::{Provider, ProviderKind, Route};
use crate::providers::ProviderError;
use crate::terms::Terms;
use crate::trace::{Exchange, Flow};

/// An attempt that has its page.
pub(super) struct Prepared {
    pub(super) metadata: Arc<Metadata>,
    pub(super) listener: Option<Box<dyn LoopbackListener>>,
    pub(super) redirect_uri: RedirectUri,
    /// The page to sign in on.
    pub(super) page: Page,
    /// The key that the code and all that comes of it are bound to.
    pub(super) dpop_key: Option<DpopKey>,
}

/// Reads the provider's description, makes the way back and writes the authorization request; pushes it where the
/// provider takes pushed ones.
pub(super) async fn prepare(
    attempt: &Attempt,
    plan: &Plan,
    terms: &Terms,
    flow: &Flow,
) -> Result<(Prepared, Pending), Error> {
    let client = &attempt.client;
    let inner = client.inner();
    let metadata = inner.directory.metadata(terms, flow).await?;
    let account = expected(attempt, plan).await?;
    let scopes = asked_scopes(plan, &metadata, account.as_ref());
    let dpop_key = client.new_dpop_key(terms, &metadata, flow)?;
    let (redirect_uri, listener) = way_back(attempt, plan).await?;
    let step_up = plan.request.step_up.as_ref();
    let prompt = [
        choice(attempt, plan, &metadata).await?,
        consent(&plan.provider, &metadata, &scopes),
    ];
    // Whoever named no account may want to sign in as somebody else.
    let hint = account
        .filter(|_| plan.request.account.is_some())
        .and_then(|account| hint(&account));
    let (login_hint, extra) = match (&plan.provider.kind, hint) {
        // GitHub's own name for it.
        (ProviderKind::GitHub { .. }, Some(hint)) => (None, vec![("login".to_owned(), hint)]),
        (_, hint) => (hint, Vec::new()),
    };
    let request = AuthorizationRequest {
        redirect_uri: redirect_uri.clone(),
        prompt: prompt.into_iter().flatten().collect(),
        scopes,
        login_hint,
        dpop_jkt: dpop_key.as_ref().map(DpopKey::thumbprint),
        max_age: step_up.and_then(|wanted| wanted.max_age),
        acr_values: step_up
            .map(|wanted| wanted.acr_values.clone())
            .unwrap_or_default(),
        extra,
        openid: terms.is_openid(),
    };
    let registration = terms.registration(&metadata);
    let policy = terms.issuer_policy();
    let (url, pending) = authorize::begin(
        &metadata,
        &registration,
        request,
        &policy,
        client.now(),
        &mut |buffer| {
            inner.ports.entropy.fill(buffer);
        },
    );

    let browser_opened = plan.request.open_browser;
    let page = match par::push_request(&metadata, &registration, &url)? {
        None => Page {
            url,
            browser_opened,
            lifetime: None,
        },
        Some(request) => {
            let push = Push {
                request,
                metadata: metadata.clone(),
                client_id: registration.client_id,
                flow: flow.clone(),
            };
            let pushed = push.send(client).await?;
            // An attempt is prepared once.
            let push = attempt.shared.push.get_or_init(|| push);
            push.page(&pushed, browser_opened)
        }
    };

    let prepared = Prepared {
        metadata,
        listener,
        redirect_uri,
        page,
        dpop_key,
    };
    Ok((prepared, pending))
}

/// A request to push, as often as somebody is to open its page: the name that a provider gives it is good for one
/// use and a short time (RFC 9126 sections 2.2 and 4). State, nonce and challenge are the same each time.
pub(super) struct Push {
    request: Request,
    metadata: Arc<Metadata>,
    client_id: ClientId,
    flow: Flow,
}

impl Push {
    /// Pushes it.
    pub(super) async fn send(&self, client: &Client) -> Result<PushedRequest, Error> {
        let http = &*client.inner().ports.http;
        let response = self
            .flow
            .exchange(http, Exchange::PUSH, self.request.clone())
            .await?;
        Ok(par::parse_push_response(&response)?)
    }

    /// The page of what was pushed.
    pub(super) fn page(&self, pushed: &PushedRequest, browser_opened: bool) -> Page {
        Page {
            url: pushed.authorization_url(&self.metadata, &self.client_id),
            browser_opened,
            lifetime: Some(Duration::from_secs(pushed.expires_in)),
        }
    }

    /// The flow that it belongs to.
    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }
}

/// The account that is likely to be signed in again: the one that was named, where it is one of this provider, or the
/// only one that this client has there. Of several it is not known who will sign in, and nobody is to be asked for
/// what somebody else was granted.
pub(super) async fn expected(attempt: &Attempt, plan: &Plan) -> Result<Option<Account>, Error> {
    if let Some(id) = &plan.request.account {
        return named(&attempt.client, &plan.provider, id).await;
    }
    if plan.request.choose {
        return Ok(None);
    }
    let mut accounts = some_of_this_client(attempt, plan, false).await?.into_iter();
    let only = accounts.next();
    Ok(only.filter(|_| accounts.next().is_none()))
}

/// The account that was named, where it is here and one of this provider.
pub(super) async fn named(
    client: &Client,
    provider: &Provider,
    id: &AccountId,
) -> Result<Option<Account>, Error> {
    let account = client.inner().store.account(id).await?;
    Ok(account.filter(|account| account.issuer == provider.issuer))
}

/// Two of the accounts that this client has at the provider, or as many as there are; `signed_in`: only of those that
/// need no new sign-in.
async fn some_of_this_client(attempt: &Attempt, plan: &Plan, signed_in: bool) -> Result<Vec<Account>, Error> {
    let provider = &plan.provider;
    let Some(client_id) = &provider.client_id else {
        return Ok(Vec::new());
    };
    let store = &attempt.client.inner().store;
    Ok(store.two_accounts(&provider.issuer, client_id, signed_in).await?)
}

async fn way_back(
    attempt: &Attempt,
    plan: &Plan,
) -> Result<(RedirectUri, Option<Box<dyn LoopbackListener>>), Error> {
    let inner = attempt.client.inner();
    if plan.route == Route::Scheme {
        let scheme = inner.config.scheme_redirect.clone();
        let refused = || ProviderError::Route {
            name: plan.provider.name.clone(),
            route: Route::Scheme.as_str(),
        };
        return Ok((scheme.ok_or_else(refused)?, None));
    }
    let settings = &plan.provider.loopback;
    let bind = LoopbackBind {
        host: settings.host,
        ports: settings.ports.clone(),
        path: settings.path.clone(),
    };
    // With `Paste` too: where the browser is on this machine, it need not be pasted.
    let listener = inner.ports.loopback.bind(bind).await?;
    let uri = format!(
        "http://{}:{}{}",
        settings.host.as_str(),
        listener.address().port(),
        settings.path
    );
    let redirect_uri = RedirectUri::new(uri).map_err(ProviderError::Issuer)?;
    Ok((redirect_uri, Some(listener)))
}

/// What to ask for. Of what nobody named, `offline_access` is left out where the provider says what it has and
/// that is not among it: some refuse the whole request for a name they do not know. An account that is signed in
/// again is not to lose what it was granted before, unless this request names its permissions itself. `openid` is
/// among them by every route: without it there is no ID token (OpenID Connect Core section 3.1.2.1).
pub(super) fn asked_scopes(plan: &Plan, metadata: &Metadata, account: Option<&Account>) -> Scopes {
    let scopes = named_scopes(plan, metadata, account);
    if plan.provider.kind.is_openid() {
        scopes.union(&Scopes::parse("openid"))
    } else {
        scopes
    }
}

/// The same, as somebody named them.
fn named_scopes(plan: &Plan, metadata: &Metadata, account: Option<&Account>) -> Scopes {
    if let Some(named) = &plan.request.scopes {
        return named.clone();
    }
    let usual = &plan.provider.scopes;
    let offered = &metadata.scopes_supported;
    let usual = if plan.provider.scopes_named || offered.is_empty() || offered.contains("offline_access") {
        usual.clone()
    } else {
        usual.difference(&Scopes::parse("offline_access"))
    };
    match account {
        Some(account) => usual.union(&account.granted),
        None => usual,
    }
}

/// What the provider knows the person by: an address or a user name (OpenID Connect Core section 3.1.2.1), at GitHub the
/// user name.
fn hint(account: &Account) -> Option<String> {
    let user_name = || {
        let found = account
            .claims
            .iter()
            .find(|(name, _)| name == "preferred_username");
        found.map(|(_, value)| value.clone())
    };
    match account.kind.as_str() {
        "github" => user_name(),
        _ => account.email.clone().or_else(user_name),
    }
}

/// What has the provider let the person choose an account instead of answering for the one that their browser knows.
/// A provider that is not known to have such a page may have them sign in anew, which whoever asked for a choice is not
/// spared then. Nobody else is made to: an account that needs a new sign-in is not one that the browser would stand for
/// unasked.
async fn choice(attempt: &Attempt, plan: &Plan, metadata: &Metadata) -> Result<Option<Prompt>, Error> {
    let offered = &metadata.prompts_supported;
    let named = |prompt: Prompt| offered.iter().any(|own| own == prompt.as_str());
    // Some providers that do not say what they know refuse the whole request for a prompt they do not.
    let selects = named(Prompt::SelectAccount) || (offered.is_empty() && selects_unnamed(&plan.provider));
    if plan.request.choose {
        let signs_in = offered.is_empty() || named(Prompt::Login);
        let (select, login) = (Some(Prompt::SelectAccount), Some(Prompt::Login));
        return Ok(select.filter(|_| selects).or(login.filter(|_| signs_in)));
    }
    if plan.request.account.is_some() || !selects {
        return Ok(None);
    }
    let signed_in = some_of_this_client(attempt, plan, true).await?;
    Ok((!signed_in.is_empty()).then_some(Prompt::SelectAccount))
}

/// Whether it is known to let people choose an account, although its description names no prompts.
fn selects_unnamed(provider: &Provider) -> bool {
    matches!(provider.kind, ProviderKind::Google | ProviderKind::GitHub { .. }) || is_entra(provider)
}

fn is_entra(provider: &Provider) -> bool {
    provider.issuer.url().host_str() == Some("login.microsoftonline.com")
}

/// OpenID Connect Core section 11 wants `prompt=consent` with `offline_access`, and providers that go by it
/// give no refresh token without. Microsoft Entra does not go by it, and there a consent page can only be
/// passed by an administrator.
fn consent(provider: &Provider, metadata: &Metadata, scopes: &Scopes) -> Option<Prompt> {
    let by_the_book =
        matches!(provider.kind, ProviderKind::Oidc | ProviderKind::Sandbox) && !is_entra(provider);
    let offered =
        metadata.prompts_supported.is_empty() || metadata.prompts_supported.iter().any(|p| p == "consent");
    (by_the_book && offered && scopes.contains("offline_access")).then_some(Prompt::Consent)
}
