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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::testing::{Signer, key_set};
    use super::*;
    use crate::key_set::Algorithm;

    /// What happened to the cache before it is asked.
    #[derive(Clone, Copy)]
    enum Event {
        Started(i64),
        Succeeded(i64),
        Failed(i64),
    }

    use Event::{Failed, Started, Succeeded};

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;

    /// Asks for the known key, the unknown one, any one and a newer one, in this order.
    fn check(story: &[Event], now: i64, expected: [&str; 4]) {
        let keys = key_set(&[Signer::new(Algorithm::ES256, "known").jwk()]);
        let mut cache = KeySetCache::new();
        for event in story {
            match *event {
                Started(at) => cache.fetch_started(UnixTime(at)),
                Succeeded(at) => cache.fetch_succeeded(UnixTime(at), keys.clone()),
                Failed(at) => cache.fetch_failed(UnixTime(at)),
            }
        }
        let wanted = [
            Wanted::Kid("known"),
            Wanted::Kid("unknown"),
            Wanted::Any,
            Wanted::Newer,
        ];
        let found = wanted.map(|wanted| match cache.decide(UnixTime(now), wanted) {
            Decision::Use(_) => "use".to_owned(),
            Decision::UseAndFetch(_) => "use and fetch".to_owned(),
            Decision::Fetch => "fetch".to_owned(),
            Decision::Unavailable { retry_after } => format!("wait {retry_after}"),
        });
        assert_eq!(found, expected, "at {now}");
    }

    #[test]
    fn nothing_yet() {
        check(&[], 0, ["fetch"; 4]);
        check(&[Started(100)], 100, ["wait 30"; 4]);
        check(&[Failed(100)], 101, ["wait 29"; 4]);
        check(&[Failed(100)], 129, ["wait 1"; 4]);
        check(&[Failed(100)], 130, ["fetch"; 4]);
    }

    #[test]
    fn fresh() {
        let story = [Started(99), Succeeded(100)];
        check(&story, 100, ["use"; 4]);
        check(&story, 129, ["use"; 4]);
        check(&story, 130, ["use", "fetch", "use", "fetch"]);
        check(&story, 100 + 10 * MINUTE - 1, ["use", "fetch", "use", "fetch"]);
    }

    #[test]
    fn an_unknown_key_costs_at_most_one_fetch_every_thirty_seconds() {
        let story = [Succeeded(100), Started(200), Succeeded(201)];
        check(&story, 230, ["use"; 4]);
        check(&story, 231, ["use", "fetch", "use", "fetch"]);
        // One that failed counts as well. Then the key cannot be said not to exist.
        let story = [Succeeded(100), Started(200), Failed(205)];
        check(&story, 206, ["use", "wait 29", "use", "wait 29"]);
        check(&story, 234, ["use", "wait 1", "use", "wait 1"]);
        check(&story, 235, ["use", "fetch", "use", "fetch"]);
    }

    #[test]
    fn stale() {
        let story = [Succeeded(0)];
        check(
            &story,
            10 * MINUTE,
            ["use and fetch", "fetch", "use and fetch", "fetch"],
        );
        check(
            &story,
            20 * MINUTE - 1,
            ["use and fetch", "fetch", "use and fetch", "fetch"],
        );
        check(&story, 20 * MINUTE, ["fetch"; 4]);
        check(&story, 23 * HOUR, ["fetch"; 4]);
    }

    #[test]
    fn stale_while_the_issuer_is_down() {
        let down = 5 * HOUR;
        let story = [Succeeded(0), Failed(down)];
        check(&story, down + 1, ["use", "wait 29", "use", "wait 29"]);
        check(
            &story,
            down + 30,
            ["use and fetch", "fetch", "use and fetch", "fetch"],
        );
        let story = [Succeeded(0), Failed(24 * HOUR - 1)];
        check(&story, 24 * HOUR - 1, ["use", "wait 30", "use", "wait 30"]);
        check(&story, 24 * HOUR, ["wait 29"; 4]);
        check(&story, 24 * HOUR + 29, ["fetch"; 4]);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_fresh_and_nothing_cooled_down_for_ever() {
        let story = [Succeeded(10 * HOUR)];
        check(&story, 9 * HOUR, ["fetch"; 4]);
        check(&[Failed(10 * HOUR)], 9 * HOUR, ["fetch"; 4]);
        check(
            &[Succeeded(10 * HOUR), Failed(9 * HOUR)],
            9 * HOUR,
            ["use", "wait 30", "use", "wait 30"],
        );
    }

    #[test]
    fn a_newer_set_replaces_the_older_one_as_a_whole() {
        let mut cache = KeySetCache::new();
        cache.fetch_succeeded(
            UnixTime(0),
            key_set(&[Signer::new(Algorithm::ES256, "old").jwk()]),
        );
        cache.fetch_succeeded(
            UnixTime(1),
            key_set(&[Signer::new(Algorithm::ES256, "new").jwk()]),
        );
        let Decision::Use(keys) = cache.decide(UnixTime(2), Wanted::Kid("new")) else {
            unreachable!("the set is fresh")
        };
        assert!(keys.contains("new") && !keys.contains("old"));
    }
}
