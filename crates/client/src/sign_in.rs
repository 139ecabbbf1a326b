//! Signing in: attempts, of which there is one at a time, and the callbacks that answer them.
//!
//! An attempt is driven by its own task ([`drive`]). Shells hold an [`Attempt`] to watch it, feed it a pasted
//! address, open its page again or cancel it. Everything that was received is checked by `tessera-oidc`
//! before a token request is spent on it; what comes for an attempt that is gone is refused in words.

mod device;
mod drive;
mod finish;
mod kept;
mod prepare;
mod question;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tessera_oidc::callback::Callback;
use tessera_oidc::checks::Verdicts;
use tessera_oidc::{Scopes, State, UnixTime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use url::Url;
use zeroize::Zeroizing;

use crate::account::{Account, AccountId, Storage};
use crate::browsers::BrowserWish;
use crate::client::{Change, Client};
use crate::error::{AttemptError, Error};
use crate::provider::{AdHocProvider, Provider, ProviderId, Route};
use crate::providers::{self, ProviderError};
use crate::step_up::StepUp;
use crate::trace::{MessageId, Party};
use prepare::Push;
use question::Unwanted;

pub(crate) use drive::received_on;
pub(crate) use kept::Kept;
pub use question::{AnotherPerson, Person};

/// How long an attempt may take, at most: ten minutes.
pub const MAX_ATTEMPT: Duration = Duration::from_mins(10);

/// Whom to sign in with.
#[derive(Clone, Debug)]
pub enum ProviderChoice {
    /// One of [`Client::providers`].
    Known(ProviderId),
    /// One named for this sign-in.
    AdHoc(AdHocProvider),
}

/// What to do.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Whom to sign in with.
    pub provider: ProviderChoice,
    /// A certain way back, or the provider's first.
    pub route: Option<Route>,
    /// The permissions to ask for instead of the usual ones: the provider's, and those of the account that is likely to
    /// be signed in again (`account`, or the only one that this client has at the provider).
    pub scopes: Option<Scopes>,
    /// Further origins that the account's token may go to.
    pub apis: Vec<String>,
    /// Where to keep the account's secrets.
    pub storage: Storage,
    /// The account that is to be signed in again, when it is. When another person signs in, nobody is kept by that alone
    /// (`can_ask`).
    pub account: Option<AccountId>,
    /// Whether the provider is to let the person choose an account, also where their browser knows one: to add another
    /// one, or because the wrong one was chosen. Without it that is done where an account of this provider is here and
    /// none is named.
    pub choose: bool,
    /// Whether the person can be asked what is to be done when another one signs in than `account`
    /// ([`Stage::AnotherPerson`]). Otherwise that is the attempt's end, and nothing is changed.
    pub can_ask: bool,
    /// What an API wants of this sign-in ([`Client::step_up`]). Then nobody but `account` can be signed in by it.
    pub step_up: Option<StepUp>,
    /// Whether to open the browser.
    pub open_browser: bool,
    /// Which browser to open.
    pub browser: BrowserWish,
    /// How long to wait, at most [`MAX_ATTEMPT`].
    pub timeout: Duration,
}

impl SignIn {
    /// The one account that may come of it; `None` when any may.
    fn only(&self) -> Option<&AccountId> {
        self.step_up.as_ref().and(self.account.as_ref())
    }

    /// Whether it is to add an account beside those there are.
    fn wants_another(&self) -> bool {
        self.choose && self.account.is_none()
    }

    /// The account that is to come of it, but need not.
    fn expected(&self) -> Option<&AccountId> {
        self.account.as_ref().filter(|_| self.step_up.is_none())
    }

    /// The usual sign-in with this provider.
    pub fn with(provider: ProviderChoice) -> Self {
        Self {
            provider,
            route: None,
            scopes: None,
            apis: Vec::new(),
            storage: Storage::Keychain,
            account: None,
            choose: false,
            can_ask: false,
            step_up: None,
            open_browser: true,
            browser: BrowserWish::Remembered,
            timeout: MAX_ATTEMPT,
        }
    }
}

/// Names an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttemptId(String);

impl AttemptId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An attempt as it is now, with nothing in it that could answer it.
#[derive(Clone, Debug)]
pub struct AttemptSnapshot {
    /// Which.
    pub id: AttemptId,
    /// Counts its changes. Of two views of one attempt, the one with the higher number is the newer.
    pub revision: u32,
    /// The provider.
    pub provider: ProviderId,
    /// Its name.
    pub provider_name: String,
    /// The way back in use.
    pub route: Route,
    /// The other ways back that could be tried instead.
    pub other_routes: Vec<Route>,
    /// Where the browser is sent: origin and path.
    pub page: String,
    /// Whether a browser was started, or is being started.
    pub browser_opened: bool,
    /// Which, where it is another than the system's default, or was to be.
    pub browser: Option<AttemptBrowser>,
    /// Where it stands.
    pub stage: Stage,
    /// When it times out.
    pub expires_at: UnixTime,
    /// What to type on another device, for that route.
    pub device: Option<DevicePrompt>,
    /// Who signed in in the place of whom, while that is asked.
    pub another: Option<Box<AnotherPerson>>,
}

/// The browser that an attempt's page is opened in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptBrowser {
    /// What people call it.
    pub name: &'static str,
    /// The profile, by the name that the person gave it.
    pub profile: Option<String>,
    /// Whether it is not installed any more, so that the page is in the system's default browser instead.
    pub is_missing: bool,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The provider's description is being read; there is no page yet.
    Preparing,
    /// The person is in the browser.
    Waiting,
    /// The answer is here; tokens are being fetched and checked.
    Finishing,
    /// Another person signed in than was expected: [`Attempt::keep`], [`Attempt::ask_again`] or [`Attempt::cancel`].
    AnotherPerson,
}

/// What a person types on another device (RFC 8628 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePrompt {
    /// The code to type.
    pub user_code: String,
    /// The page to type it on.
    pub verification_uri: String,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum AttemptEnd {
    /// Signed in.
    SignedIn {
        /// As which account.
        account: AccountId,
        /// Whether another one was to be added, and this one was here already.
        already: bool,
    },
    /// It did not work.
    Failed(Error),
    /// The person or a newer attempt ended it.
    Cancelled,
}

/// What a sign-in brought.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// Every check that was made.
    pub checks: Verdicts,
    /// Whether the account was here before, and has been renewed.
    pub was_here: bool,
}

/// The page to sign in on.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its whole address. It holds `state`: for a browser and a clipboard, never for a web view or a log.
    pub url: Url,
    /// Whether a browser was started with it, or is being started.
    pub browser_opened: bool,
    /// How long it can be opened after it was told, and then only once; `None` where neither is limited (RFC 9126
    /// section 2.2).
    pub lifetime: Option<Duration>,
}

/// The attempt under way, if there is one.
#[derive(Default)]
pub(crate) struct Attempts {
    current: Mutex<Option<Attempt>>,
}

/// A hold on an attempt. Dropping it does not end the attempt.
#[derive(Clone)]
pub struct Attempt {
    pub(crate) client: Client,
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    id: AttemptId,
    /// What was asked for, to begin the same anew.
    request: SignIn,
    view: watch::Sender<AttemptSnapshot>,
    page: watch::Sender<Option<Page>>,
    /// What is pushed anew each time that the page is to be opened; none where the browser carries the request.
    push: OnceLock<Push>,
    end: watch::Sender<Option<Result<SignedIn, Error>>>,
    state: Mutex<Option<State>>,
    /// Where the answer goes while the person is asked whether to keep whoever came.
    question: Mutex<Option<oneshot::Sender<()>>>,
    /// What was received for somebody who is not kept.
    unwanted: Mutex<Option<Unwanted>>,
    deliveries: mpsc::Sender<Delivery>,
    cancel: CancellationToken,
    why_cancelled: Mutex<AttemptError>,
}

/// A callback that someone brings, and who wants to know what became of it.
pub(crate) struct Delivery {
    by: Party,
    text: Zeroizing<String>,
    taken: oneshot::Sender<Result<(), Error>>,
}

impl Client {
    /// Starts an attempt and returns at once; the one under way ends. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// When the provider cannot be used as asked. What goes wrong later is the attempt's end.
    pub fn sign_in(&self, request: SignIn) -> Result<Attempt, Error> {
        let provider = match &request.provider {
            ProviderChoice::Known(id) => self.provider(id)?,
            ProviderChoice::AdHoc(named) => providers::ad_hoc(named, &self.providers())?,
        };
        if let Some(missing) = self.readiness(&provider) {
            return Err(missing);
        }
        let route = self.route(&provider, request.route)?;
        let apis = request
            .apis
            .iter()
            .map(|api| providers::api_origin(api))
            .collect::<Result<Vec<_>, _>>()?;
        let (attempt, deliveries) = self.new_attempt(&provider, route, request.clone());
        let plan = drive::Plan {
            provider,
            route,
            apis,
            request,
        };
        tokio::spawn(drive::drive(attempt.clone(), plan, deliveries));
        Ok(attempt)
    }

    /// The attempt under way.
    pub fn attempt(&self) -> Option<Attempt> {
        self.inner()
            .attempts
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Brings an address that the system handed to this process: a callback, or the return from a sign-out in the
    /// browser. Finds the attempt that a callback answers: the one under way, or one that another process began
    /// and left in the keychain.
    ///
    /// # Errors
    /// When the text is neither, or answers nothing that is under way. Subscribers to [`Client::changes`] are told too.
    pub async fn deliver_callback(&self, text: &str) -> Result<(), Error> {
        let result = self.route_callback(text).await;
        if let Err(error) = &result {
            self.changed(Change::Notice(error.clone()));
        }
        result
    }

    async fn route_callback(&self, text: &str) -> Result<(), Error> {
        if let Some(back) = self.logout_return(text) {
            return Ok(self.take_logout_return(&back)?);
        }
        let callback = match Callback::parse(text) {
            Ok(callback) => callback,
            Err(error) => {
                self.written_down(text).await;
                return Err(error.into());
            }
        };
        // A person whose sign-in goes on must not be told that it is over.
        let not_awaited = || match self.attempt() {
            Some(_) => AttemptError::NotThisOne,
            None => AttemptError::Gone,
        };
        let Some(state) = callback.state() else {
            self.written_down(text).await;
            return Err(not_awaited().into());
        };
        if let Some(attempt) = self.attempt().filter(|attempt| attempt.is_for(state)) {
            return attempt.bring(Party::Browser, text).await;
        }
        let Some(kept) = Kept::take(self, state).await? else {
            self.written_down(text).await;
            return Err(not_awaited().into());
        };
        let (attempt, deliveries) = self.new_attempt(&kept.provider, Route::Scheme, kept.request());
        tokio::spawn(drive::resume(attempt.clone(), kept, deliveries));
        attempt.bring(Party::Browser, text).await
    }

    /// Has the attempt that waits for a callback judge one that is not its own, so that it is told in its flow like
    /// every other that is refused.
    async fn written_down(&self, text: &str) {
        if let Some(attempt) = self.attempt().filter(Attempt::awaits_callback) {
            // What is told of it is known already.
            let _ = attempt.bring(Party::Browser, text).await;
        }
    }

    fn route(&self, provider: &Provider, wanted: Option<Route>) -> Result<Route, Error> {
        let routes = self.routes(provider);
        let refused = |route: Route| ProviderError::Route {
            name: provider.name.clone(),
            route: route.as_str(),
        };
        match wanted {
            None => Ok(*routes.first().ok_or_else(|| refused(Route::Scheme))?),
            // Whoever takes a loopback redirect takes a pasted one: it is the same address.
            Some(Route::Paste) if routes.contains(&Route::Loopback) => Ok(Route::Paste),
            Some(route) if routes.contains(&route) => Ok(route),
            Some(route) => Err(refused(route).into()),
        }
    }

    fn new_attempt(
        &self,
        provider: &Provider,
        route: Route,
        request: SignIn,
    ) -> (Attempt, mpsc::Receiver<Delivery>) {
        let timeout = request.timeout.min(MAX_ATTEMPT);
        let mut bytes = [0; 8];
        self.inner().ports.entropy.fill(&mut bytes);
        let id = AttemptId(format!("{:016x}", u64::from_be_bytes(bytes)));
        let seconds = i64::try_from(timeout.as_secs()).unwrap_or(600);
        let view = AttemptSnapshot {
            id: id.clone(),
            revision: 0,
            provider: provider.id.clone(),
            provider_name: provider.name.clone(),
            route,
            other_routes: self
                .routes(provider)
                .into_iter()
                .filter(|other| *other != route)
                .collect(),
            page: String::new(),
            browser_opened: false,
            browser: None,
            stage: Stage::Preparing,
            expires_at: self.now().plus(seconds),
            device: None,
            another: None,
        };
        let (sender, deliveries) = mpsc::channel(4);
        let shared = Shared {
            id,
            request,
            view: watch::Sender::new(view),
            page: watch::Sender::new(None),
            push: OnceLock::new(),
            end: watch::Sender::new(None),
            state: Mutex::default(),
            question: Mutex::default(),
            unwanted: Mutex::default(),
            deliveries: sender,
            cancel: CancellationToken::new(),
            why_cancelled: Mutex::new(AttemptError::Cancelled),
        };
        let attempt = Attempt {
            client: self.clone(),
            shared: Arc::new(shared),
        };
        let before = {
            let mut current = self
                .inner()
                .attempts
                .current
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            current.replace(attempt.clone())
        };
        if let Some(before) = before {
            before.end_because(AttemptError::Replaced);
        }
        self.changed(Change::Attempt(Box::new(attempt.view())));
        (attempt, deliveries)
    }
}

impl Attempt {
    /// Which attempt this is.
    pub fn id(&self) -> &AttemptId {
        &self.shared.id
    }

    /// As it is now.
    pub fn view(&self) -> AttemptSnapshot {
        self.shared.view.borrow().clone()
    }

    /// The page to sign in on, as soon as it is known.
    ///
    /// # Errors
    /// The attempt's end, when it comes before there is a page.
    pub async fn opened(&self) -> Result<Page, Error> {
        let (mut page, mut end) = (self.shared.page.subscribe(), self.shared.end.subscribe());
        loop {
            if let Some(page) = page.borrow_and_update().clone() {
                return Ok(page);
            }
            if let Some(ended) = end.borrow_and_update().clone() {
                return Err(ended.err().unwrap_or(Error::Attempt(AttemptError::NoPage)));
            }
            tokio::select! {
                _ = page.changed() => {}
                _ = end.changed() => {}
            }
        }
    }

    /// The page's whole address, for the clipboard. What was pushed is pushed anew for it, because its name may be
    /// used up or too old (RFC 9126 section 4); the attempt goes on also when that fails.
    ///
    /// # Errors
    /// When there is no page, the request cannot be pushed, or the attempt is over.
    pub async fn link(&self) -> Result<Url, Error> {
        let page = self.shared.page.borrow().clone().ok_or(AttemptError::NoPage)?;
        let Some(push) = self.shared.push.get() else {
            return Ok(page.url);
        };
        let pushed = drive::unless_cancelled(self, push.send(&self.client)).await?;
        let fresh = push.page(&pushed, page.browser_opened);
        self.shared.page.send_replace(Some(fresh.clone()));
        Ok(fresh.url)
    }

    /// What it was asked to do.
    pub(crate) fn request(&self) -> &SignIn {
        &self.shared.request
    }

    /// Opens the page in the browser once more, at an address that nobody has used yet ([`Attempt::link`]).
    ///
    /// # Errors
    /// When there is no page, its request cannot be pushed, or no browser can be started.
    pub async fn open_again(&self) -> Result<(), Error> {
        let url = self.link().await?;
        if let Some(push) = self.shared.push.get() {
            drive::sent_to(push.flow(), Party::Browser, MessageId::AuthorizationRequest, &url);
        }
        let opening = self.opening().await;
        self.update(|view| view.browser.clone_from(&opening.shown));
        opening.open(&self.client, &url).await?;
        self.update(|view| view.browser_opened = true);
        Ok(())
    }

    /// Ends this attempt, which waits in vain, and begins the same sign-in by another way back: with its account,
    /// permissions, APIs and storage. A browser opens once more only where the way needs one on this computer: who
    /// wants a code for another device can open its page here, and is not made to.
    ///
    /// # Errors
    /// When the attempt does not wait any more, or the provider does not take that way.
    pub fn go_by(&self, route: Route) -> Result<Self, Error> {
        let waits = matches!(self.view().stage, Stage::Preparing | Stage::Waiting);
        let is_current = self
            .client
            .attempt()
            .is_some_and(|current| current.id() == self.id());
        if !waits || !is_current {
            return Err(AttemptError::Gone.into());
        }
        let request = self.shared.request.clone();
        self.client.sign_in(SignIn {
            route: Some(route),
            open_browser: request.open_browser && route != Route::Device,
            ..request
        })
    }

    /// Brings the address that the browser ended on. Returns when it has been judged: taken, or refused with
    /// the reason while the attempt goes on waiting.
    ///
    /// # Errors
    /// When it is not the answer that is awaited, or the attempt is over.
    pub async fn deliver(&self, text: &str) -> Result<(), Error> {
        self.bring(Party::Person, text).await
    }

    async fn bring(&self, by: Party, text: &str) -> Result<(), Error> {
        let (taken, answer) = oneshot::channel();
        let delivery = Delivery {
            by,
            text: Zeroizing::new(text.to_owned()),
            taken,
        };
        self.shared
            .deliveries
            .send(delivery)
            .await
            .map_err(|_| AttemptError::Gone)?;
        answer.await.unwrap_or(Err(Error::Attempt(AttemptError::Gone)))
    }

    /// Ends the attempt at once. An attempt that has ended stays as it ended.
    pub fn cancel(&self) {
        self.end_because(AttemptError::Cancelled);
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// Every end but a sign-in: cancelled, timed out, refused, failed.
    pub async fn wait(&self) -> Result<SignedIn, Error> {
        let mut end = self.shared.end.subscribe();
        let ended = end.wait_for(Option::is_some).await;
        ended
            .ok()
            .and_then(|ended| ended.clone())
            .unwrap_or(Err(Error::Stopped))
    }

    fn end_because(&self, why: AttemptError) {
        if !self.shared.cancel.is_cancelled() {
            *self
                .shared
                .why_cancelled
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = why;
            self.shared.cancel.cancel();
        }
    }

    fn is_for(&self, state: &State) -> bool {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            == Some(state)
    }

    /// Whether it listens to callbacks now: it has sent the person to a page that one comes back from.
    fn awaits_callback(&self) -> bool {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    fn set_state(&self, state: Option<State>) {
        *self.shared.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn update(&self, change: impl FnOnce(&mut AttemptSnapshot)) {
        self.shared.view.send_modify(|view| {
            change(view);
            view.revision = view.revision.saturating_add(1);
        });
        self.client.changed(Change::Attempt(Box::new(self.view())));
    }
}
