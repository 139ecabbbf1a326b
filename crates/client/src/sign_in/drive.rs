//! The course of an attempt: prepare, wait, finish. Each part can be cancelled at once, except the last step
//! that writes the account, which is whole or not at all.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use tessera_oidc::authorize::{self, AuthorizationRequest, Pending, Prompt};
use tessera_oidc::callback::{Callback, CallbackRefusal, ValidatedCallback};
use tessera_oidc::discovery::Metadata;
use tessera_oidc::dpop::DpopKey;
use tessera_oidc::par;
use tessera_oidc::{RedirectUri, Scopes};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::kept::Remover;
use super::{Attempt, AttemptEnd, Delivery, Kept, Page, SignIn, SignedIn, Stage, device, finish};
use crate::account::Storage;
use crate::client::Change;
use crate::error::{AttemptError, Error};
use crate::ports::{BrowserPage, LoopbackBind, LoopbackCallback, LoopbackListener, VaultError};
use crate::provider::{Provider, ProviderKind, Route};
use crate::providers::ProviderError;
use crate::terms::Terms;
use crate::trace::{Exchange, Field, Flow, FlowKind, MessageId, Party, parameters, place};
use crate::vault::attempt_entry;

/// What an attempt is to do.
pub(super) struct Plan {
    pub(super) provider: Provider,
    pub(super) route: Route,
    pub(super) apis: Vec<Url>,
    pub(super) request: SignIn,
}

/// Drives a new attempt to its end.
pub(super) async fn drive(attempt: Attempt, plan: Plan, deliveries: mpsc::Receiver<Delivery>) {
    let mut flow = attempt
        .client
        .inner()
        .tracer
        .flow(FlowKind::SignIn, Some(&plan.provider.id), None);
    flow.message(
        Party::Person,
        Party::Tessera,
        MessageId::SignIn,
        vec![Field::shown("provider", &plan.provider.name)],
    );
    let timeout = plan.request.timeout.min(super::MAX_ATTEMPT);
    let result = Box::pin(course(
        &attempt,
        &plan,
        deliveries,
        &mut flow,
        Instant::now() + timeout,
    ))
    .await;
    end(&attempt, &flow, result);
}

/// Drives an attempt that another process began, from where its callback comes in.
pub(super) async fn resume(attempt: Attempt, kept: Kept, mut deliveries: mpsc::Receiver<Delivery>) {
    let mut flow = attempt
        .client
        .inner()
        .tracer
        .flow(FlowKind::SignIn, Some(&kept.provider.id), None);
    let result = async {
        let terms = Terms::of(&kept.provider)?;
        let Some(delivery) = deliveries.recv().await else {
            return Err(AttemptError::Gone.into());
        };
        let callback = match judge(delivery.text.as_str(), kept.pending, &flow) {
            Judged::Taken(callback) => callback,
            Judged::NotAwaited(_, error) | Judged::Over(error) => {
                answer(delivery.taken, Err(error.clone()));
                return Err(error);
            }
        };
        answer(delivery.taken, Ok(()));
        attempt.update(|view| view.stage = Stage::Finishing);
        let metadata =
            unless_cancelled(&attempt, attempt.client.inner().directory.metadata(&terms, &flow)).await?;
        let wanted = finish::Wanted {
            provider: kept.provider,
            apis: kept.apis,
            storage: Storage::Keychain,
            dpop_key: kept.dpop_key,
            only: kept.only,
        };
        finish::with_code(&attempt, &terms, &metadata, &callback, wanted, &mut flow).await
    }
    .await;
    end(&attempt, &flow, result);
}

async fn course(
    attempt: &Attempt,
    plan: &Plan,
    deliveries: mpsc::Receiver<Delivery>,
    flow: &mut Flow,
    deadline: Instant,
) -> Result<SignedIn, Error> {
    let client = &attempt.client;
    let terms = Terms::of(&plan.provider)?;
    let mut wanted = finish::Wanted {
        provider: plan.provider.clone(),
        apis: plan.apis.clone(),
        storage: plan.request.storage,
        dpop_key: None,
        only: plan.request.only().cloned(),
    };
    if plan.route == Route::Device {
        let metadata = before(attempt, deadline, client.inner().directory.metadata(&terms, flow)).await?;
        wanted.dpop_key = client.new_dpop_key(&terms, &metadata, flow)?;
        let scopes = asked_scopes(plan, &metadata);
        let open_browser = plan.request.open_browser;
        return Box::pin(device::course(
            attempt,
            &terms,
            &metadata,
            &scopes,
            wanted,
            open_browser,
            flow,
            deadline,
        ))
        .await;
    }

    let (mut prepared, pending) = before(attempt, deadline, prepare(attempt, plan, &terms, flow)).await?;
    wanted.dpop_key = prepared.dpop_key.take();
    // Outside of what can be cut: from here on there may be something to remove.
    let state = pending.state().clone();
    let mut kept = Kept::applies(plan.request.storage).then(|| Remover::of(client, attempt_entry(&state)));
    let awaited = async {
        if kept.is_some() {
            let key = wanted.dpop_key.as_ref();
            let only = plan.request.only();
            Kept::put(client, &pending, &plan.provider, &plan.apis, key, only).await?;
            flow.message(
                Party::Tessera,
                Party::Keychain,
                MessageId::AttemptKept,
                vec![Field::masked("state", &state)],
            );
        }
        attempt.set_state(Some(state));
        let url = prepared.url.clone();
        let waiting = wait(&mut prepared, pending, deliveries, flow);
        show(attempt, plan.request.open_browser, &url, flow, waiting).await
    };
    let awaited = before(attempt, deadline, awaited).await;
    // Whatever came, the attempt can be answered only once: nobody can any more before anything else is done.
    attempt.set_state(None);
    let claimed = match &kept {
        Some(kept) => kept.claim().await,
        None => Ok(true),
    };
    if matches!(awaited, Err(Error::Vault(VaultError::Locked)))
        && let Some(kept) = kept.take()
    {
        kept.needless().await;
    }
    let (callback, page) = awaited?;
    if !claimed? {
        return Err(AttemptError::Gone.into());
    }
    // The answer is here: whoever else comes to the port finds it closed instead of waiting in vain.
    let metadata = prepared.metadata.clone();
    drop(prepared);
    attempt.update(|view| view.stage = Stage::Finishing);
    let removal = async {
        if let Some(kept) = kept {
            kept.remove().await;
        }
    };
    let finish = finish::with_code(attempt, &terms, &metadata, &callback, wanted, flow);
    let (result, ()) = tokio::join!(finish, unless_over(attempt, removal));
    if let Some(page) = page {
        flow.message(
            Party::Tessera,
            Party::Browser,
            MessageId::FinishedPage,
            Vec::new(),
        );
        page(if result.is_ok() {
            BrowserPage::Finished
        } else {
            BrowserPage::Refused
        });
    }
    result
}

/// An attempt that has its page.
struct Prepared {
    metadata: std::sync::Arc<Metadata>,
    listener: Option<Box<dyn LoopbackListener>>,
    redirect_uri: RedirectUri,
    /// The page to sign in on.
    url: Url,
    /// The key that the code and all that comes of it are bound to.
    dpop_key: Option<DpopKey>,
}

async fn prepare(
    attempt: &Attempt,
    plan: &Plan,
    terms: &Terms,
    flow: &Flow,
) -> Result<(Prepared, Pending), Error> {
    let client = &attempt.client;
    let inner = client.inner();
    let metadata = inner.directory.metadata(terms, flow).await?;
    let scopes = asked_scopes(plan, &metadata);
    let dpop_key = client.new_dpop_key(terms, &metadata, flow)?;
    let (redirect_uri, listener) = way_back(attempt, plan).await?;
    let login_hint = match &plan.request.account {
        Some(id) => inner.store.account(id).await?.and_then(|account| account.email),
        None => None,
    };
    let request = AuthorizationRequest {
        redirect_uri: redirect_uri.clone(),
        prompt: prompt(&plan.provider, &metadata, &scopes),
        scopes,
        login_hint,
        dpop_jkt: dpop_key.as_ref().map(DpopKey::thumbprint),
        max_age: plan.request.step_up.as_ref().and_then(|wanted| wanted.max_age),
        acr_values: plan
            .request
            .step_up
            .as_ref()
            .map(|wanted| wanted.acr_values.clone())
            .unwrap_or_default(),
        extra: Vec::new(),
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

    let url = match par::push_request(&metadata, &registration, &url)? {
        None => url,
        Some(request) => {
            let response = flow.exchange(&*inner.ports.http, Exchange::PUSH, request).await?;
            let pushed = par::parse_push_response(&response)?;
            pushed.authorization_url(&metadata, &registration.client_id)
        }
    };

    let prepared = Prepared {
        metadata,
        listener,
        redirect_uri,
        url,
        dpop_key,
    };
    Ok((prepared, pending))
}

/// Tells everyone where the page is, and opens it if that was asked for, while `waiting` for what comes of it.
/// That no browser starts is not the end: the person can open the link themselves.
pub(super) async fn show<T>(
    attempt: &Attempt,
    open_browser: bool,
    url: &Url,
    flow: &Flow,
    waiting: impl Future<Output = T>,
) -> T {
    let mut fields = vec![Field::shown("page", place(url))];
    fields.extend(parameters(url.query().unwrap_or_default().as_bytes()));
    flow.message(
        Party::Tessera,
        Party::Browser,
        MessageId::AuthorizationRequest,
        fields,
    );
    flow.message(Party::Person, Party::Provider, MessageId::SignInPages, Vec::new());
    // Before the opener has been watched for its failure, which takes seconds where it becomes the browser.
    attempt.shared.page.send_replace(Some(Page {
        url: url.clone(),
        browser_opened: open_browser,
    }));
    attempt.update(|view| {
        view.stage = Stage::Waiting;
        view.page = format!("{}{}", url.origin().ascii_serialization(), url.path());
        view.browser_opened = open_browser;
    });
    let opening = async {
        if open_browser && attempt.client.inner().ports.browser.open(url).await.is_err() {
            tracing::warn!("no browser could be started");
            attempt.shared.page.send_modify(|page| {
                if let Some(page) = page {
                    page.browser_opened = false;
                }
            });
            attempt.update(|view| view.browser_opened = false);
        }
        std::future::pending().await
    };
    tokio::select! {
        result = waiting => result,
        never = opening => never,
    }
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
/// that is not among it: some refuse the whole request for a name they do not know.
fn asked_scopes(plan: &Plan, metadata: &Metadata) -> Scopes {
    let named = plan.request.scopes.is_some() || plan.provider.scopes_named;
    let usual = plan.request.scopes.as_ref().unwrap_or(&plan.provider.scopes);
    let offered = &metadata.scopes_supported;
    let usual = if named || offered.is_empty() || offered.contains("offline_access") {
        usual.clone()
    } else {
        usual.difference(&Scopes::parse("offline_access"))
    };
    usual.union(&plan.request.extra_scopes)
}

/// OpenID Connect Core section 11 wants `prompt=consent` with `offline_access`, and providers that go by it
/// give no refresh token without. Microsoft Entra does not go by it, and there a consent page can only be
/// passed by an administrator.
fn prompt(provider: &Provider, metadata: &Metadata, scopes: &Scopes) -> Option<Prompt> {
    let by_the_book = matches!(provider.kind, ProviderKind::Oidc | ProviderKind::Sandbox)
        && provider.issuer.url().host_str() != Some("login.microsoftonline.com");
    let offered =
        metadata.prompts_supported.is_empty() || metadata.prompts_supported.iter().any(|p| p == "consent");
    (by_the_book && offered && scopes.contains("offline_access")).then_some(Prompt::Consent)
}

type Answer = Box<dyn FnOnce(BrowserPage) + Send>;

/// Waits for the callback that passes; tells everyone else why theirs does not.
async fn wait(
    prepared: &mut Prepared,
    pending: Pending,
    mut deliveries: mpsc::Receiver<Delivery>,
    flow: &Flow,
) -> Result<(ValidatedCallback, Option<Answer>), Error> {
    let mut awaited = Some(pending);
    loop {
        let came = tokio::select! {
            delivery = deliveries.recv() => match delivery {
                Some(delivery) => Came::Delivered(delivery),
                None => return Err(AttemptError::Gone.into()),
            },
            callback = heard(prepared.listener.as_mut()) => Came::Heard(callback?),
        };
        let Some(pending) = awaited.take() else {
            return Err(AttemptError::Gone.into());
        };
        match came {
            Came::Delivered(delivery) => match judge(delivery.text.as_str(), pending, flow) {
                Judged::Taken(callback) => {
                    answer(delivery.taken, Ok(()));
                    return Ok((callback, None));
                }
                Judged::NotAwaited(pending, error) => {
                    awaited = Some(pending);
                    answer(delivery.taken, Err(error));
                }
                Judged::Over(error) => {
                    answer(delivery.taken, Err(error.clone()));
                    return Err(error);
                }
            },
            Came::Heard(heard) => {
                let url = received_on(&prepared.redirect_uri, &heard.target);
                match judge(&url, pending, flow) {
                    Judged::Taken(callback) => return Ok((callback, Some(heard.answer))),
                    Judged::NotAwaited(pending, _) => {
                        awaited = Some(pending);
                        (heard.answer)(BrowserPage::NotAwaited);
                    }
                    Judged::Over(error) => {
                        (heard.answer)(BrowserPage::Refused);
                        return Err(error);
                    }
                }
            }
        }
    }
}

enum Came {
    Delivered(Delivery),
    Heard(LoopbackCallback),
}

async fn heard(listener: Option<&mut Box<dyn LoopbackListener>>) -> Result<LoopbackCallback, Error> {
    match listener {
        Some(listener) => Ok(listener.next().await?),
        None => std::future::pending().await,
    }
}

/// The whole address of a request to the listener, which reports path and query.
pub(crate) fn received_on(redirect_uri: &RedirectUri, target: &str) -> Zeroizing<String> {
    let origin = Url::parse(redirect_uri.as_str())
        .map(|url| url.origin().ascii_serialization())
        .unwrap_or_default();
    Zeroizing::new(format!("{origin}{target}"))
}

enum Judged {
    Taken(ValidatedCallback),
    NotAwaited(Pending, Error),
    Over(Error),
}

fn judge(text: &str, pending: Pending, flow: &Flow) -> Judged {
    let callback = match Callback::parse(text) {
        Ok(callback) => callback,
        Err(error) => return Judged::NotAwaited(pending, error.into()),
    };
    let query = text.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let fields = parameters(query.as_bytes()).take(30).collect();
    flow.message(Party::Browser, Party::Tessera, MessageId::Callback, fields);
    match callback.validate(pending) {
        Ok(callback) => {
            flow.checks(callback.verdicts());
            Judged::Taken(callback)
        }
        Err(refusal) => {
            flow.checks(refusal.verdicts());
            // What is not awaited hands the attempt back; every other refusal is its end.
            match refusal {
                CallbackRefusal::NotAwaited { pending, why, .. } => {
                    Judged::NotAwaited(*pending, Error::NotAwaited(why))
                }
                other => Judged::Over(Error::Refused(std::sync::Arc::new(other))),
            }
        }
    }
}

/// Runs a cancellable part within the attempt's time.
pub(super) async fn before<T>(
    attempt: &Attempt,
    deadline: Instant,
    part: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timed = async {
        match tokio::time::timeout_at(deadline, part).await {
            Ok(result) => result,
            Err(_) => Err(AttemptError::TimedOut.into()),
        }
    };
    unless_cancelled(attempt, timed).await
}

/// Runs a part that a cancel ends at once.
pub(super) async fn unless_cancelled<T>(
    attempt: &Attempt,
    part: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        () = attempt.shared.cancel.cancelled() => {
            let why = attempt.shared.why_cancelled.lock().unwrap_or_else(PoisonError::into_inner);
            Err(why.clone().into())
        }
        result = part => result,
    }
}

/// Waits for something that must not hold up a cancel.
async fn unless_over(attempt: &Attempt, part: impl Future<Output = ()>) {
    tokio::select! {
        () = attempt.shared.cancel.cancelled() => {}
        () = part => {}
    }
}

/// Waits between two polls of the device grant.
pub(super) async fn pause(attempt: &Attempt, deadline: Instant, time: Duration) -> Result<(), Error> {
    before(attempt, deadline, async {
        tokio::time::sleep(time).await;
        Ok(())
    })
    .await
}

fn answer(taken: oneshot::Sender<Result<(), Error>>, result: Result<(), Error>) {
    // Whoever brought the callback may have gone.
    let _ = taken.send(result);
}

fn end(attempt: &Attempt, flow: &Flow, result: Result<SignedIn, Error>) {
    let client = &attempt.client;
    flow.ended(result.as_ref().err());
    {
        let mut current = client
            .inner()
            .attempts
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_some_and(|current| current.id() == attempt.id())
        {
            *current = None;
        }
    }
    attempt.set_state(None);
    let end = match &result {
        Ok(signed_in) => AttemptEnd::SignedIn(signed_in.account.id.clone()),
        Err(Error::Attempt(AttemptError::Cancelled | AttemptError::Replaced)) => AttemptEnd::Cancelled,
        Err(error) => AttemptEnd::Failed(error.clone()),
    };
    attempt.shared.end.send_replace(Some(result));
    if matches!(end, AttemptEnd::SignedIn(_)) {
        client.changed(Change::Accounts);
    }
    client.changed(Change::AttemptEnded {
        id: attempt.id().clone(),
        end,
    });
}
