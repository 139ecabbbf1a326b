//! The course of an attempt: prepare, wait, finish. Each part can be cancelled at once, except the last step
//! that writes the account, which is whole or not at all.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use tessera_oidc::RedirectUri;
use tessera_oidc::authorize::Pending;
use tessera_oidc::callback::{Callback, CallbackError, CallbackRefusal, ValidatedCallback};
use tessera_oidc::device::DeviceRequest;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::kept::Remover;
use super::prepare::Prepared;
use super::{
    Attempt, AttemptEnd, Delivery, Kept, Page, SignIn, SignedIn, Stage, device, finish, prepare, question,
};
use crate::account::Storage;
use crate::client::{Change, Client};
use crate::error::{AttemptError, Error};
use crate::ports::{BrowserPage, LoopbackCallback, LoopbackListener, VaultError};
use crate::provider::{Provider, Route};
use crate::terms::Terms;
use crate::trace::{Field, Flow, FlowKind, MessageId, Party, parameters, place};
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
    let state = Field::masked("state", kept.pending.state());
    flow.read(Storage::Keychain, MessageId::AttemptRead, vec![state]);
    let result = async {
        let terms = Terms::of(&kept.provider)?;
        let Some(delivery) = deliveries.recv().await else {
            return Err(AttemptError::Gone.into());
        };
        let callback = match judge(delivery.by, delivery.text.as_str(), kept.pending, &flow) {
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
            expected: kept.expected,
        };
        let came = Box::pin(finish::with_code(
            &attempt, &terms, &metadata, &callback, &wanted, &flow,
        ))
        .await?;
        question::settle(&attempt, &terms, &metadata, came, wanted, &mut flow, |_| {}).await
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
        expected: plan.request.expected().cloned(),
    };
    if plan.route == Route::Device {
        let metadata = before(attempt, deadline, client.inner().directory.metadata(&terms, flow)).await?;
        wanted.dpop_key = client.new_dpop_key(&terms, &metadata, flow)?;
        let account = prepare::expected(attempt, plan).await?;
        let scopes = prepare::asked_scopes(plan, &metadata, account.as_ref());
        let step_up = plan.request.step_up.as_ref();
        let requested = DeviceRequest {
            scopes: &scopes,
            max_age: step_up.and_then(|wanted| wanted.max_age),
            acr_values: step_up.map_or(&[], |wanted| wanted.acr_values.as_slice()),
        };
        let open_browser = plan.request.open_browser;
        return Box::pin(device::course(
            attempt,
            &terms,
            &metadata,
            requested,
            wanted,
            open_browser,
            flow,
            deadline,
        ))
        .await;
    }

    let (mut prepared, pending) =
        before(attempt, deadline, prepare::prepare(attempt, plan, &terms, flow)).await?;
    wanted.dpop_key = prepared.dpop_key.take();
    // Outside of what can be cut: from here on there may be something to remove.
    let state = pending.state().clone();
    let mut kept = Kept::applies(plan.request.storage).then(|| Remover::of(client, attempt_entry(&state)));
    let awaited = async {
        if kept.is_some() {
            let key = wanted.dpop_key.as_ref();
            Kept::put(client, &pending, &plan.provider, &plan.apis, key, &plan.request).await?;
            flow.message(
                Party::Tessera,
                Party::Keychain,
                MessageId::AttemptKept,
                vec![Field::masked("state", &state)],
            );
        }
        attempt.set_state(Some(state));
        let page = prepared.page.clone();
        let waiting = wait(client, &mut prepared, pending, deliveries, flow);
        show(attempt, page, MessageId::AuthorizationRequest, flow, waiting).await
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
    let (callback, mut page) = awaited?;
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
    let finish = async {
        let came = finish::with_code(attempt, &terms, &metadata, &callback, &wanted, flow).await?;
        // The browser is told at once: how long a person thinks nobody knows.
        let asking = |flow: &Flow| {
            if let Some(page) = page.take() {
                show_last(flow, page, BrowserPage::Question);
            }
        };
        question::settle(attempt, &terms, &metadata, came, wanted, flow, asking).await
    };
    let (result, ()) = tokio::join!(Box::pin(finish), unless_over(attempt, removal));
    if let Some(page) = page {
        let shown = if result.is_ok() {
            BrowserPage::Finished
        } else {
            BrowserPage::Refused
        };
        show_last(flow, page, shown);
    }
    result
}

/// Tells everyone where the page is, as `message`, and opens it if that was asked for, while `waiting` for what comes
/// of it.
/// That no browser starts is not the end: the person can open the link themselves.
pub(super) async fn show<T>(
    attempt: &Attempt,
    page: Page,
    message: MessageId,
    flow: &Flow,
    waiting: impl Future<Output = T>,
) -> T {
    let whom = if page.browser_opened {
        Party::Browser
    } else {
        Party::Person
    };
    sent_to(flow, whom, message, &page.url);
    flow.message(Party::Person, Party::Provider, MessageId::SignInPages, Vec::new());
    let Page {
        url, browser_opened, ..
    } = page.clone();
    let opening = attempt.opening().await;
    let browser = opening.shown.clone().filter(|_| browser_opened);
    if browser.as_ref().is_some_and(|browser| browser.is_missing) {
        flow.decided("browser_missing", BROWSER_MISSING);
    }
    // Before the opener has been watched for its failure, which takes seconds where it becomes the browser.
    attempt.shared.page.send_replace(Some(page));
    attempt.update(|view| {
        view.stage = Stage::Waiting;
        view.page = format!("{}{}", url.origin().ascii_serialization(), url.path());
        view.browser_opened = browser_opened;
        view.browser = browser;
    });
    let opening = async {
        if browser_opened && let Err(error) = opening.open(&attempt.client, &url).await {
            tracing::warn!("no browser could be started");
            flow.decided(error.code(), error.message());
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

/// Writes down that somebody is sent to the page: a browser, or the person who is to open it themselves.
pub(super) fn sent_to(flow: &Flow, whom: Party, message: MessageId, url: &Url) {
    let mut fields = vec![Field::shown("page", place(url))];
    fields.extend(parameters(url.query().unwrap_or_default().as_bytes()));
    flow.message(Party::Tessera, whom, message, fields);
}

const BROWSER_MISSING: &str = "The browser or profile of this account is not here any more: the system's default browser is opened instead.";

type Answer = Box<dyn FnOnce(BrowserPage) + Send>;

/// Has the browser show what came of the answer that it brought.
fn show_last(flow: &Flow, answer: Answer, page: BrowserPage) {
    let shows = match page {
        BrowserPage::Finished => "you are signed in",
        BrowserPage::NotAwaited => "this is not the answer that is awaited",
        BrowserPage::Question => "another account was chosen than was expected",
        _ => "you are not signed in",
    };
    let fields = vec![Field::shown("page", shows)];
    flow.message(Party::Tessera, Party::Browser, MessageId::FinishedPage, fields);
    answer(page);
}

/// Waits for the callback that passes; tells everyone else why theirs does not.
async fn wait(
    client: &Client,
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
            Came::Delivered(delivery) => match judge(delivery.by, delivery.text.as_str(), pending, flow) {
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
                match judge(Party::Browser, &url, pending, flow) {
                    Judged::Taken(callback) => return Ok((callback, Some(heard.answer))),
                    Judged::NotAwaited(pending, error) => {
                        awaited = Some(pending);
                        show_last(flow, heard.answer, BrowserPage::NotAwaited);
                        // Whoever delivers one is told; nobody delivered this.
                        client.changed(Change::Notice(error));
                    }
                    Judged::Over(error) => {
                        show_last(flow, heard.answer, BrowserPage::Refused);
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

/// Judges what somebody brought: the browser, or the person who pasted it.
fn judge(by: Party, text: &str, pending: Pending, flow: &Flow) -> Judged {
    let callback = match Callback::parse(text) {
        Ok(callback) => callback,
        Err(error) => {
            told(flow, by, text, Some(&error));
            let error = Error::from(error);
            flow.decided(error.code(), error.message());
            return Judged::NotAwaited(pending, error);
        }
    };
    told(flow, by, text, None);
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

/// Writes down what came, and what is public in it.
fn told(flow: &Flow, by: Party, text: &str, refused: Option<&CallbackError>) {
    let (text, fragment) = text.trim().split_once('#').unwrap_or((text.trim(), ""));
    let query = text.split_once('?').map_or("", |(_, query)| query);
    let answer = match refused {
        // What is no address has no names that could be shown, and what is too long is not taken apart.
        Some(CallbackError::NotAnAddress | CallbackError::TooLong) => Zeroizing::default(),
        // The answer is in the wrong place.
        Some(CallbackError::Fragment) => Zeroizing::new(format!("{query}&{fragment}")),
        _ => Zeroizing::new(query.to_owned()),
    };
    let fields = parameters(answer.as_bytes()).take(30).collect();
    flow.message(by, Party::Tessera, MessageId::Callback, fields);
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
    let unwanted = attempt
        .shared
        .unwanted
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match unwanted {
        None => flow.ended(result.as_ref().err()),
        // Nobody waits for the provider to end what nobody wants.
        Some(unwanted) => {
            let (client, flow, error) = (client.clone(), flow.clone(), result.as_ref().err().cloned());
            attempt.client.inner().tidying.spawn(async move {
                unwanted.revoke(&client, &flow).await;
                flow.ended(error.as_ref());
            });
        }
    }
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
        Ok(signed_in) => AttemptEnd::SignedIn {
            account: signed_in.account.id.clone(),
            already: signed_in.was_here && attempt.shared.request.wants_another(),
        },
        Err(Error::Attempt(AttemptError::Cancelled | AttemptError::Replaced)) => AttemptEnd::Cancelled,
        Err(error) => AttemptEnd::Failed(error.clone()),
    };
    attempt.shared.end.send_replace(Some(result));
    if matches!(end, AttemptEnd::SignedIn { .. }) {
        client.changed(Change::Accounts);
    }
    client.changed(Change::AttemptEnded {
        id: attempt.id().clone(),
        end,
    });
}
