//! What was asked of the sandbox, for tests and for people who wonder: one entry for every request, without a
//! single secret in it.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::sync::watch;

use crate::clients::Dialect;
use crate::secret::Fingerprint;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The discovery document.
    Discovery,
    /// The key set.
    KeySet,
    /// Where an authorization request is pushed beforehand (RFC 9126).
    PushedAuthorization,
    /// The authorization endpoint.
    Authorization,
    /// The sign-in and consent pages, and what is sent from them.
    Page,
    /// The token endpoint.
    Token,
    /// Who the token is about.
    Userinfo,
    /// Revocation (RFC 7009), and GitHub's ways to do it.
    Revocation,
    /// RP-initiated logout.
    EndSession,
    /// Where a device asks for its codes (RFC 8628).
    DeviceAuthorization,
    /// Pictures and style sheets.
    Asset,
    /// The sandbox's own switches.
    Control,
    /// The protected API.
    Api,
    /// Where a fault sends its victims: whoever asks here followed an address that it should not have.
    Elsewhere,
    /// An address that nothing is at.
    Unknown,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts up from 1.
    pub number: u64,
    /// When it came, in seconds since 1970 by the sandbox's clock.
    pub at: i64,
    /// Where the connection came from: requests that have the same are of one process.
    pub from: Option<SocketAddr>,
    /// Whose rules apply.
    pub dialect: Dialect,
    /// What it is for.
    pub endpoint: Endpoint,
    /// The method.
    pub method: Method,
    /// The path, without the query. The names of one-time pages are masked.
    pub path: String,
    /// `client_id`, where the request has one.
    pub client: Option<String>,
    /// The scheme of its `Authorization` field.
    pub scheme: Option<String>,
    /// Whether it brings a proof of possession (RFC 9449).
    pub with_proof: bool,
    /// The names of the parameters in its form or its query, in order.
    pub parameters: Vec<String>,
    /// `grant_type`, where the request has one.
    pub grant_type: Option<String>,
    /// The fingerprint of the credential it presents: code, device code, refresh token or bearer token.
    pub credential: Option<Fingerprint>,
    /// What the refresh token that it presents hangs on: all that came of one sign-in have the same. `None` for one that
    /// was never handed out.
    pub family: Option<Fingerprint>,
    /// How it was answered; `None` while it is being answered.
    pub outcome: Option<Outcome>,
}

/// How a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The status.
    pub status: u16,
    /// The OAuth error code, if it was one.
    pub error: Option<String>,
    /// The refresh token had been used before, and everything that came of its sign-in was ended for that.
    pub ended_family: bool,
    /// The names of the faults that changed the answer.
    pub faults: Vec<String>,
}

impl Outcome {
    /// Answered as asked: neither an error status nor an error code (GitHub says errors with status 200).
    pub fn is_success(&self) -> bool {
        self.status < 400 && self.error.is_none()
    }
}

/// The log. Grows as long as the sandbox runs, by at most [`LIMIT`] entries.
#[derive(Debug)]
pub struct RequestLog {
    entries: Mutex<Vec<Entry>>,
    changed: watch::Sender<u64>,
}

/// Older entries are dropped beyond this many.
pub const LIMIT: usize = 100_000;

/// How long [`RequestLog::wait_for`] waits before it says what it saw instead.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was awaited did not come.
#[derive(Debug, thiserror::Error)]
#[error("no such request came in {PATIENCE:?}; these did: {seen:#?}")]
pub struct NotSeen {
    /// Everything in the log.
    pub seen: Vec<Entry>,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl RequestLog {
    /// A copy of everything, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    /// Those for which `wanted` says yes.
    pub fn matching(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.lock()
            .iter()
            .filter(|entry| wanted(entry))
            .cloned()
            .collect()
    }

    /// How many token requests with this grant type came.
    pub fn token_requests(&self, grant_type: &str) -> usize {
        self.matching(|entry| {
            entry.endpoint == Endpoint::Token && entry.grant_type.as_deref() == Some(grant_type)
        })
        .len()
    }

    /// The number of the request that came last; 0 before the first.
    pub fn newest(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Forgets everything; numbers go on counting.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The first entry for which `wanted` says yes, as soon as there is one. An entry is there when the request
    /// has come, and gets its outcome when it is answered: ask for `outcome` to wait for that.
    pub async fn wait_for(&self, wanted: impl Fn(&Entry) -> bool) -> Result<Entry, NotSeen> {
        self.wait_until(|entries| entries.iter().find(|entry| wanted(entry)).cloned())
            .await
    }

    /// Waits until at least `count` entries are such as `wanted` says.
    pub async fn wait_for_count(
        &self,
        count: usize,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, NotSeen> {
        self.wait_until(|entries| {
            let found: Vec<Entry> = entries.iter().filter(|entry| wanted(entry)).cloned().collect();
            (found.len() >= count).then_some(found)
        })
        .await
    }

    async fn wait_until<T>(&self, look: impl Fn(&[Entry]) -> Option<T>) -> Result<T, NotSeen> {
        let mut changed = self.changed.subscribe();
        let seen = async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = look(&self.lock()) {
                    return Some(found);
                }
                if changed.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, seen).await {
            Ok(Some(found)) => Ok(found),
            _ => Err(NotSeen { seen: self.entries() }),
        }
    }

    /// Writes down that a request came.
    pub(crate) fn begin(&self, mut entry: Entry) -> u64 {
        let mut entries = self.lock();
        let mut number = 0;
        self.changed.send_modify(|count| {
            *count += 1;
            number = *count;
        });
        entry.number = number;
        if entries.len() >= LIMIT {
            entries.drain(..LIMIT / 10);
        }
        entries.push(entry);
        number
    }

    /// Writes down how it was answered.
    pub(crate) fn end(&self, number: u64, outcome: Outcome) {
        let mut entries = self.lock();
        if let Some(entry) = entries.iter_mut().rev().find(|entry| entry.number == number) {
            entry.outcome = Some(outcome);
        }
        drop(entries);
        self.changed.send_modify(|_| {});
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
