//! When an issuer's key set is fetched, and which one is used meanwhile: a state machine without clock and
//! without IO, so that the client and the guard, which fetch differently, decide alike.
//!
//! The caller owns three things: the time, the fetch, and that only one fetch runs at once.

use std::sync::Arc;

use super::KeySet;
use crate::UnixTime;

/// For so long after it was fetched a set is used without asking again.
pub const FRESH_SECONDS: i64 = 10 * 60;

/// The least time between two fetches, whatever the first one's outcome. Anybody can make up a token with an
/// unknown key, so unknown keys must not be a way to flood the issuer.
pub const COOL_DOWN_SECONDS: i64 = 30;

/// For so long after it was fetched a set is used, for keys that are in it, while the issuer cannot be
/// reached. A key that the issuer withdraws meanwhile is trusted for at most this long.
pub const STALE_SECONDS: i64 = 24 * 60 * 60;

/// Which key a token needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// The one with this `kid`.
    Kid(&'a str),
    /// The token does not say.
    Any,
    /// The token does not say, and none of the keys at hand fits it: only a newer set can help.
    Newer,
}

/// What to do for a token.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Use this set.
    Use(Arc<KeySet>),
    /// Use this set, and have the next one fetched meanwhile; a caller who does nothing meanwhile may as well
    /// fetch first and ask again.
    UseAndFetch(Arc<KeySet>),
    /// Fetch, report how it went, and ask again.
    Fetch,
    /// Whether the key exists cannot be known before this many seconds have passed: the last fetch failed.
    Unavailable {
        /// Seconds, at least 1.
        retry_after: u32,
    },
}

/// The last key set of one issuer, and how the last fetch went.
#[derive(Clone, Debug, Default)]
pub struct KeySetCache {
    held: Option<Held>,
    last_fetch: Option<Fetch>,
}

#[derive(Clone, Debug)]
struct Held {
    keys: Arc<KeySet>,
    since: UnixTime,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    at: UnixTime,
    failed: bool,
}

impl KeySetCache {
    /// Holds nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do for a token that needs the `wanted` key.
    pub fn decide(&self, now: UnixTime, wanted: Wanted<'_>) -> Decision {
        let unknown = match self.resting(now) {
            None => Decision::Fetch,
            Some(retry_after) => Decision::Unavailable { retry_after },
        };
        let Some((keys, age)) = self.usable(now) else {
            return unknown;
        };
        let has_key = match wanted {
            Wanted::Kid(kid) => keys.contains(kid),
            Wanted::Any => true,
            Wanted::Newer => false,
        };
        let failing = self.last_fetch.is_some_and(|fetch| fetch.failed);
        match (has_key, unknown) {
            (true, _) if (0..FRESH_SECONDS).contains(&age) => Decision::Use(keys),
            (true, Decision::Unavailable { .. }) => Decision::Use(keys),
            // After a failure nobody waits for the next try, as long as the keys at hand will do.
            (true, _) if failing || (0..2 * FRESH_SECONDS).contains(&age) => Decision::UseAndFetch(keys),
            // The set was fetched just now and does not have the key: the token will be refused.
            (false, Decision::Unavailable { .. }) if !failing => Decision::Use(keys),
            (_, unknown) => unknown,
        }
    }

    /// A fetch begins. Until it is reported it counts as failed, so that one that vanishes is cooled down too.
    pub fn fetch_started(&mut self, now: UnixTime) {
        self.last_fetch = Some(Fetch {
            at: now,
            failed: true,
        });
    }

    /// The fetch brought this set.
    pub fn fetch_succeeded(&mut self, now: UnixTime, keys: KeySet) {
        self.held = Some(Held {
            keys: Arc::new(keys),
            since: now,
        });
        self.last_fetch = Some(Fetch {
            at: now,
            failed: false,
        });
    }

    /// The fetch brought nothing that can be used.
    pub fn fetch_failed(&mut self, now: UnixTime) {
        self.fetch_started(now);
    }

    /// The set at hand and its age, unless it is too old. A clock that was set back makes the age unknown:
    /// negative, which is neither fresh nor too old.
    fn usable(&self, now: UnixTime) -> Option<(Arc<KeySet>, i64)> {
        let held = self.held.as_ref()?;
        let age = now.since(held.since);
        (age < STALE_SECONDS).then(|| (held.keys.clone(), age))
    }

    /// Seconds until the next fetch is allowed; `None` when it is.
    fn resting(&self, now: UnixTime) -> Option<u32> {
        let since = now.since(self.last_fetch?.at);
        (0..COOL_DOWN_SECONDS)
            .contains(&since)
            .then(|| u32::try_from(COOL_DOWN_SECONDS - since).unwrap_or(1))
    }
}
