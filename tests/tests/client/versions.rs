//! Two versions of the app on one store: the older one has it open when the newer one changes the layout.

use rusqlite::Connection;
use tessera_client::ports::VaultError;
use tessera_client::{AccountId, Client};
use tessera_sandbox::log::Entry;

use crate::refresh::{ask, held_up};
use crate::rig::{Rig, rule};

/// A newer version, which has changed the layout.
struct Newer(Connection);

impl Newer {
    fn comes(rig: &Rig) -> Self {
        let store = Connection::open(rig.folder().join("tessera.db")).unwrap();
        store
            .execute_batch(
                "BEGIN IMMEDIATE;
                 ALTER TABLE account ADD COLUMN newer TEXT NOT NULL DEFAULT '';
                 PRAGMA user_version = 9999;
                 COMMIT;",
            )
            .unwrap();
        Self(store)
    }

    /// Changes when somebody else has written.
    fn writes(&self) -> i64 {
        self.0
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .unwrap()
    }

    /// Puts back the layout of before: this version's next process stands for the newer one.
    fn goes(self, layout: i64) {
        self.0
            .execute("ALTER TABLE account DROP COLUMN newer", [])
            .unwrap();
        self.0.pragma_update(None, "user_version", layout).unwrap();
    }
}

fn layout(rig: &Rig) -> i64 {
    let store = Connection::open(rig.folder().join("tessera.db")).unwrap();
    store
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

async fn expired(person: &str, rig: &Rig, client: &Client) -> AccountId {
    let id = rig.sign_in(client, person).await.account.id;
    rig.sandbox.clock().advance(3600);
    id
}

async fn told(client: &Client, id: &AccountId) -> &'static str {
    let came = client.access_token(id).await;
    came.map_or_else(|error| error.code(), |_| "well")
}

/// The fingerprints of the refresh tokens that were sent.
fn sent(rig: &Rig) -> Vec<String> {
    let is_renewal = |entry: &Entry| entry.grant_type.as_deref() == Some("refresh_token");
    let sent = rig.sandbox.log().matching(is_renewal);
    sent.iter()
        .map(|entry| entry.credential.unwrap().to_hex())
        .collect()
}

#[tokio::test]
async fn an_older_version_neither_writes_nor_sends_anything_any_more() {
    let rig = Rig::new().await;
    let older = rig.client().await;
    let id = expired("ann", &rig, &older).await;
    let kept = rig.keychain.entries.lock().unwrap().clone();
    let newer = Newer::comes(&rig);
    let writes = newer.writes();
    for _ in 0..2 {
        assert_eq!(told(&older, &id).await, "store_too_new");
    }
    let request = rig.request(tessera_client::Route::Scheme);
    let error = rig.sign_in_with(&older, request, "bob").await.unwrap_err();
    assert_eq!(error.code(), "store_too_new");
    let error = older.sign_out(&id).await.unwrap_err();
    assert_eq!(error.code(), "store_too_new");
    assert_eq!(newer.writes(), writes, "somebody wrote");
    assert_eq!(sent(&rig), [""; 0]);
    assert_eq!(*rig.keychain.entries.lock().unwrap(), kept);
    // What it knows can still be read.
    assert_eq!(older.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_under_way_when_the_newer_version_came_is_kept_and_nobody_waits_for_the_older_one() {
    let rig = Rig::new().await;
    let older = rig.client().await;
    let before = layout(&rig);
    let id = expired("ann", &rig, &older).await;
    let (held, caller) = held_up(&rig, &older, &id).await;
    let newer = Newer::comes(&rig);
    let writes = newer.writes();
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    assert_eq!(newer.writes(), writes, "somebody wrote");
    newer.goes(before);

    // The older one is still there, and could not give its turn back.
    rig.sandbox.clock().advance(3600);
    assert_eq!(told(&rig.client().await, &id).await, "well");
    let sent = sent(&rig);
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0], sent[1], "a refresh token was sent twice");
    drop(older);
}

#[tokio::test]
async fn a_turn_that_is_needed_is_kept_when_another_accounts_is_over() {
    let rig = Rig::new().await;
    let older = rig.client().await;
    let before = layout(&rig);
    let ann = expired("ann", &rig, &older).await;
    let bob = expired("bob", &rig, &older).await;
    let renewals = rule("token-hold").grant_type("refresh_token");
    let held = rig.sandbox.faults().set(renewals);
    let caller = ask(&older, &ann);
    let is_renewal = |entry: &Entry| entry.grant_type.as_deref() == Some("refresh_token");
    rig.sandbox.log().wait_for(is_renewal).await.unwrap();
    let newer = Newer::comes(&rig);
    assert_eq!(told(&older, &bob).await, "store_too_new");
    newer.goes(before);

    // The next one must not send what the older one is being answered for.
    let next = rig.client().await;
    let waiting = tokio::spawn(async move {
        let came = next.access_token(&ann).await;
        came.map_or_else(|error| error.code(), |_| "well")
    });
    // Which takes longer than it would take to send that.
    rig.sign_in(&rig.client().await, "bob").await;
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    assert_eq!(waiting.await.unwrap(), "well");
    let sent = sent(&rig);
    for token in &sent {
        assert_eq!(sent.iter().filter(|other| *other == token).count(), 1);
    }
}

#[tokio::test]
async fn a_token_that_only_the_older_version_has_is_not_given_up() {
    for saves in [false, true] {
        let rig = Rig::new().await;
        let older = rig.client().await;
        let id = expired("ann", &rig, &older).await;
        rig.keychain
            .refuse("put refresh/", VaultError::Full("no room".to_owned()));
        older.access_token(&id).await.unwrap();
        rig.sandbox.clock().advance(3600);

        let before = layout(&rig);
        let newer = Newer::comes(&rig);
        assert_eq!(told(&older, &id).await, "store_too_new");
        if saves {
            rig.keychain.relent();
            rig.keychain.diary.lock().unwrap().clear();
            older.unlock_keychain().await.unwrap();
            rig.keychain.asked_to("put refresh").await;
            older.settle().await.unwrap();
        }
        newer.goes(before);
        let next = rig.client().await;
        // The sandbox forgives nothing: the void token would end the sign-in.
        let expected = if saves { "well" } else { "held_elsewhere" };
        assert_eq!(told(&next, &id).await, expected);
        rig.keychain.relent();
        older.settle().await.unwrap();
        assert_eq!(told(&next, &id).await, "well");
    }
}
