//! The course of an attempt: prepare, wait, finish. Each part can be cancelled at once, except the last step
//! that writes the account, which is whole or not at all.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use tessera_oidc::authorize::{self, AuthorizationRequest, Pending, Prompt};
use tessera_oidc::callback::{Callback, CallbackRefusal, ValidatedCallback};
use tessera_oidc::discovery::Metadata;
use tessera_oidc::{RedirectUri, Scopes};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::{Attempt, AttemptEnd, Delivery, Kept, Page, SignIn, SignedIn, Stage, device, finish};
use crate::account::Storage;
use crate::client::Change;
use crate::error::{AttemptError, Error};
use crate::ports::{BrowserPage, LoopbackBind, LoopbackCallback, LoopbackListener};
use crate::provider::{Provider, ProviderKind, Route};
use crate::providers::ProviderError;
use crate::terms::Terms;
use crate::trace::{Field, Flow, FlowKind, Party};

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
        "sign_in",
        vec![Field::shown("provider", &plan.provider.name)],
    );
    let timeout = plan.request.timeout.min(super::MAX_ATTEMPT);
    let result = course(&attempt, &plan, deliveries, &mut flow, Instant::now() + timeout).await;
    end(&attempt, &flow, result);
    // Not at start-up: it touches the keychain, and can wait until somebody uses that anyway.
    if let Err(error) = Kept::sweep(&attempt.client).await {
        tracing::warn!(code = error.code(), "attempts of earlier runs could not be swept");
    }
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
        let metadata = unless_cancelled(&attempt, attempt.client.inner().directory.metadata(&terms)).await?;
        let wanted = finish::Wanted {
            provider: kept.provider,
            apis: kept.apis,
            storage: Storage::Keychain,
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
    let wanted = finish::Wanted {
        provider: plan.provider.clone(),
        apis: plan.apis.clone(),
        storage: plan.request.storage,
    };
    let scopes = asked_scopes(plan);
    if plan.route == Route::Device {
        let metadata = before(attempt, deadline, client.inner().directory.metadata(&terms)).await?;
        flow.checks(metadata.verdicts());
        let open_browser = plan.request.open_browser;
        return device::course(
            attempt,
            &terms,
            &metadata,
            &scopes,
            wanted,
            open_browser,
            flow,
            deadline,
        )
        .await;
    }

    let mut prepared = before(attempt, deadline, prepare(attempt, plan, &terms, scopes, flow)).await?;
    let awaited = before(attempt, deadline, wait(&mut prepared, deliveries, flow)).await;
    // Whatever came, the attempt can be answered only once: its secret goes before anything else is done.
    attempt.set_state(None);
    if let Some(state) = &prepared.kept {
        let removed = Kept::remove(client, state).await;
        if awaited.is_ok() && !removed? {
            return Err(AttemptError::Gone.into());
        }
    }
    let (callback, page) = awaited?;
    attempt.update(|view| view.stage = Stage::Finishing);
    let result = finish::with_code(attempt, &terms, &prepared.metadata, &callback, wanted, flow).await;
    if let Some(page) = page {
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
    pending: Option<Pending>,
    listener: Option<Box<dyn LoopbackListener>>,
    redirect_uri: RedirectUri,
    kept: Option<tessera_oidc::State>,
}

async fn prepare(
    attempt: &Attempt,
    plan: &Plan,
    terms: &Terms,
    scopes: Scopes,
    flow: &Flow,
) -> Result<Prepared, Error> {
    let client = &attempt.client;
    let inner = client.inner();
    let metadata = inner.directory.metadata(terms).await?;
    flow.checks(metadata.verdicts());
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
        max_age: None,
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

    let kept = Kept::applies(plan.request.storage);
    if kept {
        Kept::put(client, &pending, &plan.provider, &plan.apis).await?;
    }
    attempt.set_state(Some(pending.state().clone()));
    let prepared = Prepared {
        kept: kept.then(|| pending.state().clone()),
        metadata,
        pending: Some(pending),
        listener,
        redirect_uri,
    };
    show(attempt, plan.request.open_browser, &url, flow).await;
    Ok(prepared)
}

/// Tells everyone where the page is, and opens it if that was asked for. That no browser starts is not the
/// end: the person can open the link themselves.
pub(super) async fn show(attempt: &Attempt, open_browser: bool, url: &Url, flow: &Flow) {
    let browser_opened = open_browser && {
        let opened = attempt.client.inner().ports.browser.open(url).await;
        if opened.is_err() {
            tracing::warn!("no browser could be started");
        }
        opened.is_ok()
    };
    flow.message(
        Party::Tessera,
        Party::Browser,
        "authorization_request",
        url.query_pairs()
            .filter_map(|(name, value)| shown_parameter(&name, &value))
            .collect(),
    );
    attempt.shared.page.send_replace(Some(Page {
        url: url.clone(),
        browser_opened,
    }));
    attempt.update(|view| {
        view.stage = Stage::Waiting;
        view.page = format!("{}{}", url.origin().ascii_serialization(), url.path());
        view.browser_opened = browser_opened;
    });
}

/// What the trace shows of an authorization request: `state` and `nonce` only by their length.
fn shown_parameter(name: &str, value: &str) -> Option<Field> {
    const SHOWN: &[&str] = &[
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "login_hint",
        "prompt",
        "redirect_uri",
        "response_type",
        "scope",
    ];
    match name {
        "state" => Some(Field::masked("state", &tessera_oidc::State::new(value))),
        "nonce" => Some(Field::masked("nonce", &tessera_oidc::Nonce::new(value))),
        _ => SHOWN
            .iter()
            .find(|shown| **shown == name)
            .map(|name| Field::shown(name, value)),
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

fn asked_scopes(plan: &Plan) -> Scopes {
    plan.request
        .scopes
        .as_ref()
        .unwrap_or(&plan.provider.scopes)
        .union(&plan.request.extra_scopes)
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
    mut deliveries: mpsc::Receiver<Delivery>,
    flow: &Flow,
) -> Result<(ValidatedCallback, Option<Answer>), Error> {
    loop {
        let came = tokio::select! {
            delivery = deliveries.recv() => match delivery {
                Some(delivery) => Came::Delivered(delivery),
                None => return Err(AttemptError::Gone.into()),
            },
            callback = heard(prepared.listener.as_mut()) => Came::Heard(callback?),
        };
        let Some(pending) = prepared.pending.take() else {
            return Err(AttemptError::Gone.into());
        };
        match came {
            Came::Delivered(delivery) => match judge(delivery.text.as_str(), pending, flow) {
                Judged::Taken(callback) => {
                    answer(delivery.taken, Ok(()));
                    return Ok((callback, None));
                }
                Judged::NotAwaited(pending, error) => {
                    prepared.pending = Some(pending);
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
                        prepared.pending = Some(pending);
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
fn received_on(redirect_uri: &RedirectUri, target: &str) -> Zeroizing<String> {
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
    let fields = callback
        .state()
        .map(|state| Field::masked("state", state))
        .into_iter()
        .collect();
    flow.message(Party::Browser, Party::Tessera, "callback", fields);
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
    flow.ended(result.as_ref().err().map(Error::code));
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
