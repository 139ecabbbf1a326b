//! Renewing access tokens ahead of their end, for a shell that stays open: a call then never waits for it, and a
//! sign-in does not grow old unused.
//!
//! It goes by the wall clock, so that time slept through counts. It is gentle with providers: the accounts of one are
//! renewed a few at a time and each at a moment of its own, the first alone; when that one cannot be, the others wait
//! with it. Sign-outs that are not finished are tried again in the same way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tessera_oidc::UnixTime;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::gently::{Asks, Outcome, gently, of_state};
use super::look::Wish;
use super::trouble;
use crate::account::{AccountId, NextTry, Storage};
use crate::client::{Change, Client};
use crate::error::{AccountError, Error};
use crate::ports::{Alarm, Woken};
use crate::sign_out::{OpenSignOutId, OpenStage};
use crate::store::Standing;

/// How long before its end an access token is renewed, in seconds; a quarter of its life where that is less. The spread
/// adds at most half of it.
const AHEAD_SECONDS: i64 = 5 * 60;

/// Access tokens with less life than this, in seconds, are only renewed when one is needed: their provider would be
/// asked all day.
const SHORTEST_LIFE_SECONDS: i64 = 2 * 60;

/// When to look again, in seconds, where something stands in the way that nobody tells the end of: a keychain that is
/// locked, a store that cannot be read.
const LOOK_AGAIN_SECONDS: i64 = 60;

/// When refresh tokens in doubt are tried again whose provider could not be asked, in seconds.
const DOUBTS_AGAIN_SECONDS: i64 = 5 * 60;

/// By which part of a pause its end may come earlier than the state of an account tells, so that those who wait for the
/// same provider do not all come back at once.
const EARLIER: i64 = 4;

/// How long changes of accounts are gathered before they are looked at.
const GATHER: Duration = Duration::from_secs(1);

impl Client {
    /// Keeps every account's access token fresh, until [`Client::settle`] is called. For a shell that stays open, when
    /// its window is there. Nobody is asked to unlock a keychain for it.
    pub async fn keep_fresh(&self, alarm: &dyn Alarm) {
        let mut upkeep = Upkeep {
            client: self.clone(),
            held: HashMap::new(),
            failing: HashMap::new(),
            busy: HashSet::new(),
            ending: HashMap::new(),
            anew: true,
            doubts: Some(self.now()),
            jitter: RandomState::new(),
        };
        let work = upkeep.run(alarm).map(Ok::<(), Error>);
        // An error only says that this process is about to end.
        let _ = self.inner().flights.unless_closing(work).await;
    }
}

struct Upkeep {
    client: Client,
    /// The accounts that could not be renewed, and when they are tried again.
    held: HashMap<AccountId, Held>,
    /// The same for providers, by issuer.
    failing: HashMap<String, Held>,
    /// The issuers whose accounts are being renewed.
    busy: HashSet<String>,
    /// The sign-outs that are being finished (`None`), or could not even be tried, and when they are.
    ending: HashMap<OpenSignOutId, Option<UnixTime>>,
    /// What failed before says nothing of now: sign-outs are tried again at once.
    anew: bool,
    /// When refresh tokens in doubt are looked for; `None` when that is being done, or need not be.
    doubts: Option<UnixTime>,
    /// Sets pauses apart from those of others who began theirs in the same moment.
    jitter: RandomState,
}

#[derive(Clone, Copy)]
struct Held {
    failures: u32,
    until: UnixTime,
}

/// What is to be done now, by issuer, and when there is more.
struct Plan {
    now: BTreeMap<String, Vec<Standing>>,
    sign_outs: Vec<OpenSignOutId>,
    next: Option<UnixTime>,
}

impl Plan {
    fn look_at(&mut self, at: UnixTime) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// What came of the accounts of one issuer.
struct Report {
    issuer: String,
    outcomes: Vec<(AccountId, Outcome)>,
}

impl Upkeep {
    async fn run(&mut self, alarm: &dyn Alarm) {
        let mut changes = self.client.changes();
        let mut work = FuturesUnordered::new();
        let mut ends = FuturesUnordered::new();
        let mut looks = FuturesUnordered::new();
        let mut gathered = pin!(tokio::time::sleep(GATHER));
        let mut gathering = false;
        loop {
            let mut plan = self.plan().await;
            match self.doubts {
                Some(at) if at > self.client.now() => plan.look_at(at),
                Some(_) if looks.is_empty() => {
                    self.doubts = None;
                    looks.push(look_for_doubts(self.client.clone()));
                }
                _ => {}
            }
            self.plan_sign_outs(&mut plan).await;
            for id in plan.sign_outs {
                self.ending.insert(id.clone(), None);
                ends.push(finish(self.client.clone(), id));
            }
            for (issuer, accounts) in plan.now {
                self.busy.insert(issuer.clone());
                work.push(renew_all(self.client.clone(), issuer, accounts));
            }
            tokio::select! {
                Some(report) = work.next() => self.note(report),
                Some((id, tried)) = ends.next() => {
                    self.ending.remove(&id);
                    if !tried {
                        let look_again = self.client.now().plus(LOOK_AGAIN_SECONDS);
                        self.ending.insert(id, Some(look_again));
                    }
                }
                Some(left) = looks.next() => if left && self.doubts.is_none() {
                    self.doubts = Some(self.client.now().plus(DOUBTS_AGAIN_SECONDS));
                },
                woken = alarm.wait(plan.next) => self.woken(woken),
                anew = accounts_change(&mut changes), if !gathering => {
                    self.anew |= anew;
                    gathering = true;
                    gathered.as_mut().reset(Instant::now() + GATHER);
                }
                () = &mut gathered, if gathering => gathering = false,
            }
        }
    }

    fn woken(&mut self, woken: Woken) {
        match woken {
            Woken::Time => return,
            // The accounts that it stood in the way of are looked at; it says nothing of providers.
            Woken::Keychain => self.client.keychain_unlocked(),
            // What failed before says nothing of now.
            Woken::Clock | Woken::Network => self.failing.clear(),
        }
        self.held.clear();
        self.anew = true;
        self.doubts = Some(self.client.now());
    }

    async fn plan(&self) -> Plan {
        let (inner, now) = (self.client.inner(), self.client.now());
        let mut plan = Plan {
            now: BTreeMap::new(),
            sign_outs: Vec::new(),
            next: None,
        };
        let look_again = now.plus(LOOK_AGAIN_SECONDS);
        let standings = match inner.store.renewable().await {
            Ok(standings) => standings,
            Err(error) => {
                tracing::warn!(
                    code = Error::from(error).code(),
                    "the accounts could not be looked through"
                );
                plan.next = Some(look_again);
                return plan;
            }
        };
        let mut asks = Asks::default();
        let mut found_locked = false;
        for standing in standings {
            let Some(due) = due(&standing).filter(|_| !self.busy.contains(&standing.issuer)) else {
                continue;
            };
            let held = [self.held.get(&standing.id), self.failing.get(&standing.issuer)];
            let held = held.into_iter().flatten().map(|held| held.until);
            let mut at = held.chain(standing.not_before(now)).fold(due, UnixTime::max);
            if at <= now {
                match standing.storage {
                    Storage::Keychain if asks.look(&self.client).await => {
                        at = look_again;
                        found_locked |= inner.flights.found_locked(&standing.id);
                    }
                    // Another process has it, or had it.
                    Storage::UntilQuit if !inner.secrets.holds_refresh(&standing.id).await => continue,
                    Storage::Keychain | Storage::UntilQuit => {}
                }
            }
            if at <= now {
                plan.now
                    .entry(standing.issuer.clone())
                    .or_default()
                    .push(standing);
            } else {
                plan.look_at(at);
            }
        }
        if found_locked {
            self.client.changed(Change::Accounts);
        }
        // Whoever was without one for longest comes first.
        for accounts in plan.now.values_mut() {
            accounts.sort_by_key(|standing| standing.expires_at);
        }
        plan
    }

    /// Adds the sign-outs that are to be tried again. Nobody is asked to unlock a keychain for them.
    async fn plan_sign_outs(&mut self, plan: &mut Plan) {
        let (inner, now) = (self.client.inner(), self.client.now());
        let Ok(open) = inner.store.open_sign_outs().await else {
            // Said of the accounts already, which are in the same file.
            return plan.look_at(now.plus(LOOK_AGAIN_SECONDS));
        };
        let anew = std::mem::take(&mut self.anew);
        if anew {
            self.ending.retain(|_, until| until.is_none());
        }
        let mut asks = Asks::default();
        for open in open {
            let due = match open.next_try {
                _ if open.stage == OpenStage::Over => continue,
                // By a clock that has been set since.
                Some(next) if next.at.since(now) > NextTry::LONGEST => now,
                Some(next) if next.named || !anew => next.at,
                None if !anew && open.stage == OpenStage::Waiting => continue,
                _ => now,
            };
            let due = match self.ending.get(&open.id) {
                Some(None) => continue,
                Some(Some(until)) => due.max(*until),
                None => due,
            };
            if self.client.is_of_another_process(&open).await {
                continue;
            }
            if due > now {
                plan.look_at(due);
                continue;
            }
            if open.storage == Storage::Keychain && asks.look(&self.client).await {
                plan.look_at(now.plus(LOOK_AGAIN_SECONDS));
                continue;
            }
            plan.sign_outs.push(open.id);
        }
    }

    fn note(&mut self, report: Report) {
        let now = self.client.now();
        self.busy.remove(&report.issuer);
        for (id, outcome) in report.outcomes {
            match outcome {
                Outcome::Renewed => {
                    self.held.remove(&id);
                    self.failing.remove(&report.issuer);
                }
                Outcome::Offline | Outcome::Unavailable => {
                    let pause = if outcome == Outcome::Offline {
                        trouble::offline_pause
                    } else {
                        trouble::pause
                    };
                    hold(&mut self.failing, report.issuer.clone(), now, pause, &self.jitter);
                }
                // Those that are over are not planned any more, or wait until what is stored says the same.
                Outcome::Over | Outcome::Hindered | Outcome::Failed => {
                    hold(&mut self.held, id, now, trouble::pause, &self.jitter);
                }
            }
        }
    }
}

/// Lets what failed rest for a while, which is longer each time.
fn hold<K: Hash + Eq>(
    all: &mut HashMap<K, Held>,
    key: K,
    now: UnixTime,
    pause: fn(u32) -> i64,
    jitter: &RandomState,
) {
    let failures = all.get(&key).map_or(0, |held| held.failures);
    let pause = pause(failures);
    let earlier = share(jitter.hash_one((&key, failures)), pause / EARLIER);
    let held = Held {
        failures: failures.saturating_add(1),
        until: now.plus(pause - earlier),
    };
    all.insert(key, held);
}

/// When an account is to be renewed; `None` for one that is not by itself.
fn due(standing: &Standing) -> Option<UnixTime> {
    let life = standing.expires_at.since(standing.renewed_at);
    if life < SHORTEST_LIFE_SECONDS {
        return None;
    }
    let ahead = AHEAD_SECONDS.min(life / 4);
    Some(standing.expires_at.plus(-ahead - spread(standing, ahead / 2)))
}

/// Up to `most` seconds that set accounts apart which were signed in together. The same each time it is looked at.
fn spread(standing: &Standing, most: i64) -> i64 {
    // FNV-1a: it only has to be even, not hard to guess.
    let end = standing.expires_at.0.to_be_bytes();
    let bytes = standing.id.as_str().bytes().chain(end);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    share(hash, most)
}

/// A number from 0 to `most` that this hash stands for.
fn share(hash: u64, most: i64) -> i64 {
    i64::try_from(hash >> 32).unwrap_or(0) % (most + 1)
}

/// Renews accounts of one issuer.
async fn renew_all(client: Client, issuer: String, accounts: Vec<Standing>) -> Report {
    let outcomes = gently(accounts, |standing| renew(client.clone(), standing)).await;
    Report { issuer, outcomes }
}

async fn renew(client: Client, standing: Standing) -> (AccountId, Outcome) {
    let id = standing.id.clone();
    let result = client.fly(&id, Wish::beyond(standing.expires_at)).await;
    let outcome = match result {
        Ok(obtained)
            if obtained
                .token
                .expires_at
                .is_none_or(|at| standing.expires_at < at) =>
        {
            Outcome::Renewed
        }
        Err(Error::Account(
            AccountError::NeedsSignIn { .. } | AccountError::Superseded | AccountError::Unknown(_),
        )) => Outcome::Over,
        Err(error) if !error.is_transient() => {
            tracing::info!(
                code = error.code(),
                "an account could not be renewed ahead of time"
            );
            Outcome::Failed
        }
        // Or the kept token was given once more. Its state says why.
        Ok(_) | Err(_) => of_state(&client, &id).await,
    };
    (id, outcome)
}

/// Says whether it is to be done again by itself.
async fn look_for_doubts(client: Client) -> bool {
    client.resolve_doubts().await.unwrap_or_else(|error| {
        tracing::warn!(
            code = error.code(),
            "what an earlier run left open was not looked at"
        );
        true
    })
}

/// Tries once more to finish a sign-out, and says whether what came of it is noted in the store.
async fn finish(client: Client, id: OpenSignOutId) -> (OpenSignOutId, bool) {
    let result = client.retry_sign_out(&id).await;
    if let Err(error) = &result {
        tracing::info!(code = error.code(), "a sign-out could not be tried again");
    }
    (id, result.is_ok())
}

/// Returns when the accounts, or what is left of them, have changed. Says whether what failed before may be otherwise
/// now.
async fn accounts_change(changes: &mut broadcast::Receiver<Change>) -> bool {
    loop {
        match changes.recv().await {
            Ok(Change::Accounts | Change::OpenSignOuts) => return false,
            Ok(Change::Providers) | Err(RecvError::Lagged(_)) => return true,
            Ok(_) => {}
            // The client outlives this.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    fn standing(number: u64, life: i64) -> Standing {
        Standing {
            id: AccountId::parse(&format!("{number:016x}")).unwrap(),
            issuer: "https://login.example".to_owned(),
            storage: Storage::Keychain,
            expires_at: UnixTime(10_000 + life),
            renewed_at: UnixTime(10_000),
            named: None,
        }
    }

    #[test]
    fn a_token_is_renewed_in_the_last_part_of_its_life_and_a_short_one_is_not() {
        // life, the earliest and the latest moment before the end
        let rows = [
            (3600, 450, 300),
            (120, 45, 30),
            (800, 300, 200),
            (86_400, 450, 300),
        ];
        for (life, earliest, latest) in rows {
            for number in 0..200 {
                let standing = standing(number, life);
                let ahead = standing.expires_at.since(due(&standing).unwrap());
                assert!((latest..=earliest).contains(&ahead), "{life}: {ahead}");
            }
        }
        for life in [119, 0, -5] {
            assert_eq!(due(&standing(1, life)), None);
        }
    }

    #[test]
    fn whoever_waits_for_a_provider_comes_back_at_a_moment_of_their_own_and_not_later_than_told() {
        let now = UnixTime(1_000);
        let mut moments = HashSet::new();
        for _ in 0..50 {
            let (jitter, mut all) = (RandomState::new(), HashMap::new());
            for failures in 0..12 {
                hold(&mut all, "https://login.example", now, trouble::pause, &jitter);
                let held = all["https://login.example"];
                let (pause, waits) = (trouble::pause(failures), held.until.since(now));
                assert!((pause - pause / EARLIER..=pause).contains(&waits), "{waits}");
                moments.insert((failures, waits));
            }
        }
        assert!(moments.len() > 100, "{}", moments.len());
    }

    #[test]
    fn accounts_that_were_signed_in_together_are_spread_and_each_keeps_its_moment() {
        let all: Vec<_> = (0..1000)
            .map(|number| due(&standing(number, 3600)).unwrap())
            .collect();
        let again: Vec<_> = (0..1000)
            .map(|number| due(&standing(number, 3600)).unwrap())
            .collect();
        assert_eq!(all, again);
        let mut each: HashMap<UnixTime, usize> = HashMap::new();
        for at in all {
            *each.entry(at).or_default() += 1;
        }
        assert!(each.len() > 140, "{}", each.len());
        assert!(each.values().all(|count| *count < 25), "{each:?}");
    }
}
