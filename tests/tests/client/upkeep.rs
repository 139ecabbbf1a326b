//! Access tokens are renewed before anybody waits for them, and no provider suffers from it.

use std::process::Command;
use std::sync::Arc;

use lab::alarm::TestAlarm;
use tessera_client::ports::{Alarm as _, Clock as _, Woken};
use tessera_client::{AccountId, Client, Route, SignIn, Storage, UnixTime};
use tessera_platform::{SystemAlarm, SystemClock};
use tessera_sandbox::faults::{Fault, HttpFault, Rule};
use tessera_sandbox::log::{Endpoint, Entry};
use tessera_sandbox::{Options, Person};
use tokio::task::JoinHandle;

use crate::rig::{Rig, rule};

/// How long the sandbox's access tokens live, in seconds.
const LIFE: i64 = 300;

/// A client that keeps its accounts fresh.
struct Kept {
    client: Client,
    alarm: Arc<TestAlarm>,
    upkeep: JoinHandle<()>,
}

impl Kept {
    async fn fresh(rig: &Rig) -> Self {
        let client = rig.client().await;
        let alarm = TestAlarm::new(&rig.sandbox);
        let upkeep = tokio::spawn({
            let (client, alarm) = (client.clone(), alarm.clone());
            async move { client.keep_fresh(&*alarm).await }
        });
        Self {
            client,
            alarm,
            upkeep,
        }
    }

    /// Waits until the account stands so.
    async fn becomes(&self, id: &AccountId, state: &str) {
        let mut changes = self.client.changes();
        while self.client.account(id).await.unwrap().state.as_str() != state {
            changes.recv().await.unwrap();
        }
    }

    /// Waits until it is waited for some moment after `now`.
    async fn next(&self, now: i64) -> UnixTime {
        self.alarm
            .waits_for(|at| at.is_some_and(|at| now < at.0))
            .await
            .unwrap()
    }
}

/// A sandbox whose clock only moves when it is told to, and an account of Ann's.
async fn ann() -> (Rig, AccountId) {
    let rig = Rig::new().await;
    let id = signed_in(&rig, rig.request(Route::Scheme), "ann").await;
    (rig, id)
}

async fn signed_in(rig: &Rig, request: SignIn, person: &str) -> AccountId {
    rig.sandbox.clock().set_now(rig.sandbox.clock().now());
    let client = rig.client().await;
    rig.sign_in_with(&client, request, person)
        .await
        .unwrap()
        .account
        .id
}

fn is_renewal(entry: &Entry) -> bool {
    entry.grant_type.as_deref() == Some("refresh_token")
}

/// Waits until the provider was asked so often to renew.
async fn renewals(rig: &Rig, count: usize) {
    let answered = |entry: &Entry| is_renewal(entry) && entry.outcome.is_some();
    rig.sandbox.log().wait_for_count(count, answered).await.unwrap();
    assert_eq!(rig.token_requests("refresh_token"), count);
}

/// The provider's token endpoint does this.
fn token(fault: HttpFault) -> Rule {
    Rule::new(Fault::Http {
        endpoint: Endpoint::Token,
        fault,
    })
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_no_call_waits_for_it() {
    let (rig, id) = ann().await;
    let began = rig.sandbox.clock().now();
    let kept = Kept::fresh(&rig).await;
    let due = kept.next(began).await;
    let ahead = began + LIFE - due.0;
    assert!((75..=112).contains(&ahead), "{ahead}");
    assert_eq!(rig.token_requests("refresh_token"), 0);

    let first = kept.client.access_token(&id).await.unwrap().access_token;
    let held = rig.sandbox.faults().set(rule("token-hold"));
    kept.alarm.pass_until(due);
    rig.sandbox.log().wait_for(is_renewal).await.unwrap();
    // What is good for a minute more is given out meanwhile.
    assert_eq!(kept.client.access_token(&id).await.unwrap().access_token, first);
    rig.sandbox.faults().remove(held);

    kept.next(due.0).await;
    kept.alarm.pass(100);
    let second = kept.client.access_token(&id).await.unwrap().access_token;
    assert_ne!(first, second);
}

#[tokio::test]
async fn after_nine_hours_of_sleep_every_account_is_fresh_without_being_asked_for() {
    let (rig, ann) = ann().await;
    let bob = signed_in(&rig, rig.request(Route::Scheme), "bob").await;
    let kept = Kept::fresh(&rig).await;
    kept.next(rig.sandbox.clock().now()).await;
    rig.sandbox.clock().advance(9 * 3600);
    kept.alarm.tell(Woken::Clock);
    renewals(&rig, 2).await;
    kept.next(rig.sandbox.clock().now()).await;
    for id in [ann, bob] {
        kept.client.access_token(&id).await.unwrap();
    }
    assert_eq!(rig.token_requests("refresh_token"), 2);
}

#[tokio::test]
async fn what_failed_without_a_network_is_tried_at_once_when_there_is_one_and_by_itself_soon() {
    let (rig, id) = ann().await;
    let fault = rig.sandbox.faults().set(token(HttpFault::Drop));
    let kept = Kept::fresh(&rig).await;
    kept.alarm.pass(LIFE);
    renewals(&rig, 1).await;
    let now = rig.sandbox.clock().now();
    assert_eq!(kept.next(now).await, UnixTime(now + 2));
    assert_eq!(kept.client.account(&id).await.unwrap().state.as_str(), "offline");
    kept.alarm.pass(2);
    renewals(&rig, 2).await;
    let next = kept.next(now + 2).await;
    assert!((now + 2 + 3..=now + 2 + 4).contains(&next.0), "{next:?}");

    rig.sandbox.faults().remove(fault);
    kept.alarm.tell(Woken::Network);
    renewals(&rig, 3).await;
    kept.next(now + 130).await;
    assert_eq!(
        kept.client.account(&id).await.unwrap().state.as_str(),
        "signed_in"
    );
}

#[tokio::test]
async fn a_provider_that_names_a_time_is_not_asked_before_whatever_happens() {
    let (rig, id) = ann().await;
    let wait = HttpFault::Status {
        status: 429,
        retry_after: Some(120),
    };
    rig.sandbox.faults().set(token(wait).times(1));
    let kept = Kept::fresh(&rig).await;
    kept.alarm.pass(LIFE);
    renewals(&rig, 1).await;
    let now = rig.sandbox.clock().now();
    assert_eq!(kept.next(now + 100).await, UnixTime(now + 120));
    kept.alarm.tell(Woken::Network);
    kept.alarm.pass(60);
    kept.next(now + 100).await;
    assert_eq!(rig.token_requests("refresh_token"), 1);
    kept.alarm.pass(60);
    renewals(&rig, 2).await;
    kept.next(now + 130).await;
    assert_eq!(
        kept.client.account(&id).await.unwrap().state.as_str(),
        "signed_in"
    );
}

#[tokio::test]
async fn a_thousand_accounts_are_no_storm() {
    let people = (0..1_000).map(|number| Person::new(&format!("p{number}"), "P", "Person", 2_000 + number));
    let rig = Rig::with(Options {
        people: people.collect(),
        ..Options::default()
    })
    .await;
    rig.sandbox.clock().set_now(rig.sandbox.clock().now());
    let client = rig.client().await;
    for number in 0..1_000 {
        rig.sign_in(&client, &format!("p{number}")).await;
    }
    let refusing = HttpFault::Status {
        status: 503,
        retry_after: None,
    };
    let fault = rig.sandbox.faults().set(token(refusing));
    let kept = Kept::fresh(&rig).await;
    kept.alarm.pass(LIFE);
    // The first finds out for all.
    renewals(&rig, 1).await;
    let now = rig.sandbox.clock().now();
    let next = kept.next(now).await;
    assert!((now + 12..=now + 15).contains(&next.0), "{next:?}");
    assert_eq!(rig.token_requests("refresh_token"), 1);
    rig.sandbox.faults().remove(fault);

    // When it can again, no more than four are at it at the same time.
    let held = rig.sandbox.faults().set(token(HttpFault::Hold).after(1));
    kept.alarm.pass(15);
    rig.sandbox
        .log()
        .wait_for_count(1 + 1 + 4, is_renewal)
        .await
        .unwrap();
    kept.alarm.tell(Woken::Network);
    assert_eq!(rig.token_requests("refresh_token"), 1 + 1 + 4);
    rig.sandbox.faults().remove(held);
    renewals(&rig, 1 + 1_000).await;
    kept.next(now + 130).await;
    let accounts = kept.client.accounts().await.unwrap();
    assert!(
        accounts
            .iter()
            .all(|account| account.state.as_str() == "signed_in")
    );
}

#[tokio::test]
async fn a_session_that_its_provider_ended_is_not_asked_for_again() {
    let (rig, id) = ann().await;
    rig.sandbox
        .faults()
        .set(Rule::new(Fault::Refuse("invalid_grant")).grant_type("refresh_token"));
    let kept = Kept::fresh(&rig).await;
    kept.alarm.pass(LIFE);
    kept.becomes(&id, "needs_sign_in").await;
    // It goes on with others, and never comes back to this one.
    let bob = signed_in(&rig, rig.request(Route::Scheme), "bob").await;
    rig.sandbox.faults().set(token(HttpFault::Status {
        status: 503,
        retry_after: None,
    }));
    kept.alarm.tell(Woken::Network);
    kept.alarm.pass(LIFE);
    kept.becomes(&bob, "provider_unavailable").await;
    assert_eq!(rig.token_requests("refresh_token"), 2);
}

#[tokio::test]
async fn nobody_is_asked_to_unlock_a_keychain_for_it() {
    let (rig, id) = ann().await;
    *rig.keychain.asks.lock().unwrap() = true;
    rig.keychain.diary.lock().unwrap().clear();
    let kept = Kept::fresh(&rig).await;
    kept.alarm.pass(LIFE);
    let now = rig.sandbox.clock().now();
    assert_eq!(kept.next(now).await, UnixTime(now + 60));
    assert_eq!(rig.token_requests("refresh_token"), 0);
    let read = |line: &String| line.ends_with("refresh") || line.ends_with("access");
    assert!(!rig.keychain.diary.lock().unwrap().iter().any(read));
    // It is shown what stands in the way.
    kept.becomes(&id, "keychain_locked").await;

    // Nor does it stay so when it was unlocked.
    *rig.keychain.asks.lock().unwrap() = false;
    kept.alarm.pass(60);
    renewals(&rig, 1).await;
    kept.becomes(&id, "signed_in").await;
}

#[tokio::test]
async fn what_an_earlier_run_left_open_is_tried_at_the_start_and_when_the_keychain_is_unlocked() {
    for (locked, told) in [(false, false), (true, true), (true, false)] {
        let rig = Rig::with(Options {
            access_token_life: 3600,
            refresh_reuse_grace: 3600,
            ..Options::default()
        })
        .await;
        let id = signed_in(&rig, rig.request(Route::Scheme), "ann").await;
        let client = rig.client().await;
        // Its answer is lost, and its access token has a few seconds to live yet.
        let cut = rig.sandbox.faults().set(token(HttpFault::Cut));
        rig.sandbox.clock().advance(3600 - 10);
        client.access_token(&id).await.unwrap();
        rig.sandbox.faults().remove(cut);
        // It is long until the account would be renewed for itself.
        rig.sandbox.clock().advance(-2000);

        *rig.keychain.asks.lock().unwrap() = locked;
        rig.keychain.diary.lock().unwrap().clear();
        let kept = Kept::fresh(&rig).await;
        if locked {
            rig.keychain.asked_to("asks").await;
            let again = UnixTime(rig.sandbox.clock().now() + 300);
            kept.alarm.waits_for(|at| at == Some(again)).await;
            assert_eq!(
                rig.token_requests("refresh_token"),
                1,
                "only the one that was cut"
            );
            *rig.keychain.asks.lock().unwrap() = false;
            if told {
                kept.alarm.tell(Woken::Keychain);
            } else {
                kept.alarm.pass(300);
            }
        }
        renewals(&rig, 2).await;
        kept.becomes(&id, "signed_in").await;
    }
}

#[tokio::test]
async fn what_another_process_has_in_its_memory_is_left_alone() {
    let rig = Rig::new().await;
    let request = SignIn {
        storage: Storage::UntilQuit,
        ..rig.request(Route::Scheme)
    };
    signed_in(&rig, request, "ann").await;
    let kept = Kept::fresh(&rig).await;
    signed_in(&rig, rig.request(Route::Scheme), "bob").await;
    kept.alarm.pass(LIFE);
    renewals(&rig, 1).await;
    let now = rig.sandbox.clock().now();
    let next = kept.next(now).await;
    assert!(
        next.since(UnixTime(now)) > 100,
        "only Bob's next renewal is waited for"
    );
}

#[tokio::test]
async fn it_goes_on_with_accounts_that_come_and_ends_with_the_app() {
    let rig = Rig::new().await;
    rig.sandbox.clock().set_now(rig.sandbox.clock().now());
    let kept = Kept::fresh(&rig).await;
    kept.alarm.waits_for(|at| at.is_none()).await;
    rig.sign_in(&kept.client, "ann").await;
    kept.next(rig.sandbox.clock().now()).await;
    kept.client.settle().await.unwrap();
    kept.upkeep.await.unwrap();
}

/// Set for the process that has networks of its own.
const INSIDE: &str = "TESSERA_TEST_OWN_NETWORKS";

/// With the system's own alarm, on networks that only this test has.
#[tokio::test]
async fn when_the_systems_network_returns_every_account_is_fresh() {
    let name = "upkeep::when_the_systems_network_returns_every_account_is_fresh";
    if std::env::var_os(INSIDE).is_none() {
        let inside = Command::new("unshare")
            .args(["--map-root-user", "--net"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&inside.stdout);
        assert!(inside.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let address = |verb: &str| {
        let set = Command::new("ip")
            .args(["address", verb, "127.0.0.1/8", "dev", "lo"])
            .status();
        assert!(set.unwrap().success(), "{verb}");
    };
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(up.unwrap().success());
    let (rig, id) = ann().await;
    address("del");
    let client = rig.client().await;
    // By the sandbox's clock, which stands still from now on: the system's is hours behind it, and no time that is waited
    // for comes before this test ends.
    rig.sandbox.clock().advance(9 * 3600);
    let alarm = SystemAlarm::new();
    // What there is already is no change.
    let patience = SystemClock.now().plus(3);
    assert_eq!(alarm.wait(Some(patience)).await, Woken::Time);
    let kept = Kept {
        client: client.clone(),
        alarm: TestAlarm::new(&rig.sandbox),
        upkeep: tokio::spawn(async move { client.keep_fresh(&alarm).await }),
    };
    kept.becomes(&id, "offline").await;
    assert_eq!(rig.token_requests("refresh_token"), 0);
    address("add");
    kept.becomes(&id, "signed_in").await;
    assert_eq!(rig.token_requests("refresh_token"), 1);
}
