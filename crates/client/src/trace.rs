//! What happened, as typed events: who sent what to whom, which checks were made, what was decided.
//!
//! Made for a screen to draw and a report to hold. Secrets are masked by type: a field can be made from a
//! secret only as its length, so no caller has to remember to hide it.

mod echo;
mod exchange;
mod kept;
mod messages;
mod report;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tessera_oidc::checks::Verdicts;
use tessera_oidc::{
    AccessToken, AuthorizationCode, ClientSecret, DeviceCode, Nonce, PkceVerifier, RawIdToken, RefreshToken,
    State, UnixTime,
};
use tokio::sync::broadcast;
use tokio::time::Instant;

pub(crate) use exchange::{Exchange, parameters, place, request_fields};
use kept::Kept;
pub use messages::MessageId;
pub use report::Report;

use crate::account::{AccountId, Storage};
use crate::error::Error;
use crate::ports::Clock;
use crate::provider::ProviderId;

/// How many events are kept for someone who starts to look later.
const KEPT: usize = 2_000;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct TraceEvent {
    /// Counts up from 1 within this process.
    pub sequence: u64,
    /// Milliseconds since 1970, by the clock as it stood when the flow began.
    pub at_millis: i64,
    /// Which flow it belongs to.
    pub flow: FlowId,
    /// What kind of flow that is.
    pub kind: FlowKind,
    /// The provider, once known.
    pub provider: Option<ProviderId>,
    /// The account, once known.
    pub account: Option<AccountId>,
    /// What happened.
    pub step: Step,
}

/// Names a flow within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

/// How a flow stands: one list of words for the window, a report and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowOutcome {
    /// It has not ended.
    Running,
    /// It went well.
    Done,
    /// The person, or something newer that they began, ended it.
    Cancelled,
    /// An API answered a call with a no: Tessera did what it was asked for.
    Refused,
    /// It did not go well.
    Failed,
}

impl FlowOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Done,
        Self::Cancelled,
        Self::Refused,
        Self::Failed,
    ];

    /// How a flow stands that ended with this error, or without one.
    pub fn of(error: Option<&Error>) -> Self {
        match error {
            None => Self::Done,
            Some(Error::Api(refusal)) if refusal.status.is_client_error() => Self::Refused,
            Some(error) if error.is_called_off() => Self::Cancelled,
            Some(_) => Self::Failed,
        }
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// What a person reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Running => "Going on",
            Self::Done => "Done",
            Self::Cancelled => "Cancelled",
            Self::Refused => "Refused by the API",
            Self::Failed => "Failed",
        }
    }
}

/// What a flow is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// A person signs in.
    SignIn,
    /// A fresh access token is fetched.
    Refresh,
    /// An API is called.
    Call,
    /// A person signs out.
    SignOut,
}

impl FlowKind {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Refresh => "refresh",
            Self::Call => "call",
            Self::SignOut => "sign_out",
        }
    }
}

/// What happened at one point of a flow.
#[derive(Clone, Debug)]
pub enum Step {
    /// A message went from one party to another.
    Message {
        /// Who sent it.
        from: Party,
        /// Who got it.
        to: Party,
        /// Which message.
        message: MessageId,
        /// What was in it.
        fields: Vec<Field>,
    },
    /// Checks were made.
    Checks(Verdicts),
    /// Something was decided.
    Decision {
        /// Stable id.
        code: &'static str,
        /// A sentence.
        sentence: String,
    },
    /// The flow is over.
    Ended {
        /// `None` when it went well.
        error: Option<Error>,
    },
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The person.
    Person,
    /// This app.
    Tessera,
    /// The person's browser.
    Browser,
    /// The identity provider.
    Provider,
    /// A protected API.
    Api,
    /// The keychain.
    Keychain,
}

impl Party {
    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::Tessera => "Tessera",
            Self::Browser => "Browser",
            Self::Provider => "Provider",
            Self::Api => "API",
            Self::Keychain => "Keychain",
        }
    }
}

/// A named value in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it is named on the wire.
    pub name: Cow<'static, str>,
    /// What may be shown of it.
    pub value: FieldValue,
}

/// What may be shown of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// The value is public.
    Shown(String),
    /// The value is secret; only its length in characters is known here.
    Masked {
        /// Its length.
        characters: usize,
    },
}

impl Field {
    /// A public value.
    pub fn shown(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: FieldValue::Shown(value.into()),
        }
    }

    /// A secret value, of which only the length goes in.
    pub fn masked<S: Secret>(name: &'static str, secret: &S) -> Self {
        Self {
            name: name.into(),
            value: FieldValue::Masked {
                characters: secret.characters(),
            },
        }
    }
}

/// A secret whose length may be told.
pub trait Secret {
    /// How many characters it has.
    fn characters(&self) -> usize;
}

macro_rules! secret_lengths {
    ($($name:ty),*) => {$(
        impl Secret for $name {
            fn characters(&self) -> usize {
                self.expose().chars().count()
            }
        }
    )*};
}

secret_lengths!(
    AccessToken,
    AuthorizationCode,
    ClientSecret,
    DeviceCode,
    Nonce,
    PkceVerifier,
    RawIdToken,
    RefreshToken,
    State
);

/// Where events go.
#[derive(Clone)]
pub(crate) struct Tracer {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    sender: broadcast::Sender<TraceEvent>,
    kept: Mutex<Kept>,
    sequence: AtomicU64,
    flows: AtomicU64,
}

impl Tracer {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let shared = Shared {
            clock,
            sender: broadcast::Sender::new(1024),
            kept: Mutex::new(Kept::with_room(KEPT)),
            sequence: AtomicU64::new(0),
            flows: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Events from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<TraceEvent> {
        self.shared.sender.subscribe()
    }

    /// Events so far, oldest first: whole flows, as many as are kept.
    pub(crate) fn kept(&self) -> Vec<TraceEvent> {
        self.shared
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all()
    }

    /// Starts a flow.
    pub(crate) fn flow(
        &self,
        kind: FlowKind,
        provider: Option<&ProviderId>,
        account: Option<&AccountId>,
    ) -> Flow {
        let id = FlowId(self.shared.flows.fetch_add(1, Ordering::Relaxed) + 1);
        Flow {
            tracer: self.clone(),
            id,
            kind,
            provider: provider.cloned(),
            account: account.cloned(),
            begun: Arc::default(),
        }
    }
}

/// One flow's pen.
#[derive(Clone)]
pub(crate) struct Flow {
    tracer: Tracer,
    id: FlowId,
    kind: FlowKind,
    provider: Option<ProviderId>,
    account: Option<AccountId>,
    /// When the first step was written, by the clock, in milliseconds since 1970, and on a watch that nobody sets.
    begun: Arc<OnceLock<(i64, Instant)>>,
}

impl Flow {
    /// Says whose flow it turned out to be.
    pub(crate) fn concerns(&mut self, account: &AccountId) {
        self.account = Some(account.clone());
    }

    pub(crate) fn message(&self, from: Party, to: Party, message: MessageId, fields: Vec<Field>) {
        self.write(Step::Message {
            from,
            to,
            message,
            fields,
        });
    }

    /// Says that something was read from where an account's secrets are kept.
    pub(crate) fn read(&self, storage: Storage, message: MessageId, fields: Vec<Field>) {
        self.message(keeper(storage), Party::Tessera, message, fields);
    }

    /// Says that something was written or deleted there.
    pub(crate) fn wrote(&self, storage: Storage, message: MessageId, fields: Vec<Field>) {
        self.message(Party::Tessera, keeper(storage), message, fields);
    }

    /// Says that an ID token is being checked, which happens in Tessera alone. Its verdicts follow.
    pub(crate) fn checks_id_token(&self, id_token: &RawIdToken) {
        let fields = vec![Field::masked("id_token", id_token)];
        self.message(Party::Tessera, Party::Tessera, MessageId::IdTokenCheck, fields);
    }

    pub(crate) fn checks(&self, verdicts: &Verdicts) {
        self.write(Step::Checks(verdicts.clone()));
    }

    pub(crate) fn decided(&self, code: &'static str, sentence: impl Into<String>) {
        self.write(Step::Decision {
            code,
            sentence: sentence.into(),
        });
    }

    pub(crate) fn ended(&self, error: Option<&Error>) {
        self.write(Step::Ended {
            error: error.cloned(),
        });
    }

    fn write(&self, step: Step) {
        let shared = &self.tracer.shared;
        // The lock is held over numbering, keeping and sending, so that all three agree on the order.
        let mut kept = shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if self.begun.get().is_some() && !kept.has(self.id) {
            return;
        }
        let (began, watch) = self
            .begun
            .get_or_init(|| (shared.clock.now_millis(), Instant::now()));
        let passed = i64::try_from(watch.elapsed().as_millis()).unwrap_or(i64::MAX);
        let event = TraceEvent {
            sequence: shared.sequence.fetch_add(1, Ordering::Relaxed) + 1,
            // A clock that is set meanwhile changes nothing of how long a step took.
            at_millis: began.saturating_add(passed),
            flow: self.id,
            kind: self.kind,
            provider: self.provider.clone(),
            account: self.account.clone(),
            step,
        };
        kept.add(event.clone());
        // Nobody listening is the ordinary case.
        let _ = shared.sender.send(event);
    }
}

/// A time as a person reads it.
pub(crate) fn shown_time(at: UnixTime) -> String {
    let since = Duration::from_secs(u64::try_from(at.0).unwrap_or(0));
    // What a date has room for: a provider may name any number.
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .filter(|_| at.0 < LAST_DATE)
        .map_or_else(|| "a day that is far off".to_owned(), httpdate::fmt_http_date)
}

/// The end of the year 9999, in seconds since 1970.
const LAST_DATE: i64 = 253_402_300_800;

/// Who keeps an account's secrets: what is only in memory is Tessera's own.
fn keeper(storage: Storage) -> Party {
    match storage {
        Storage::Keychain => Party::Keychain,
        Storage::UntilQuit => Party::Tessera,
    }
}
