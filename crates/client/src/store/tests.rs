//! Generations, leases and attempts in a real file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use super::*;
use crate::account::NextTry;
use crate::testing::account;

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tessera.db")).await.unwrap();
    (folder, store)
}

#[tokio::test]
async fn an_account_comes_back_as_it_was_written() {
    let (_folder, store) = store().await;
    let before = account("https://login.example", "ann", &["https://api.example/"]);
    let written = store.put_signed_in(before.clone()).await.unwrap();
    assert_eq!(written.generation, 1);
    let read = store.account(&before.id).await.unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
    assert_eq!(store.accounts().await.unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt as _;

    let (folder, store) = store().await;
    let written = store.put_signed_in(account("https://login.example", "ann", &[]));
    written.await.unwrap();
    for name in ["tessera.db", "tessera.db-wal", "tessera.db-shm"] {
        let mode = folder.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn signing_in_again_is_the_same_account_and_a_new_generation() {
    let (_folder, store) = store().await;
    let first = store
        .put_signed_in(account("https://login.example", "ann", &["https://a.example/"]))
        .await
        .unwrap();
    let again = store
        .put_signed_in(account("https://login.example", "ann", &["https://b.example/"]))
        .await
        .unwrap();
    assert_eq!((&again.id, again.generation), (&first.id, 2));
    let apis: Vec<&str> = again.apis.iter().map(url::Url::as_str).collect();
    assert_eq!(
        apis,
        ["https://b.example/", "https://a.example/"],
        "what was allowed stays allowed"
    );
    store
        .put_signed_in(account("https://login.example", "bob", &[]))
        .await
        .unwrap();
    assert_eq!(store.accounts().await.unwrap().len(), 2);
}

#[tokio::test]
async fn late_work_of_an_older_sign_in_writes_nothing() {
    let (_folder, store) = store().await;
    let old = store
        .put_signed_in(account("https://login.example", "ann", &[]))
        .await
        .unwrap();
    let new = store
        .put_signed_in(account("https://login.example", "ann", &[]))
        .await
        .unwrap();
    let over = AccountState::NeedsSignIn {
        need: SignInNeed::Revoked,
        reason: "It was revoked.".to_owned(),
    };
    assert!(
        !store
            .set_state(&old.id, old.generation, &over, UnixTime(5))
            .await
            .unwrap()
    );
    assert!(
        !store
            .set_refreshed(&old.id, old.generation, refreshed(None, false), UnixTime(5))
            .await
            .unwrap()
    );
    assert_eq!(
        store.account(&new.id).await.unwrap().unwrap().state,
        AccountState::SignedIn
    );
    assert!(
        store
            .set_state(&new.id, new.generation, &over, UnixTime(6))
            .await
            .unwrap()
    );
    assert_eq!(store.account(&new.id).await.unwrap().unwrap().state, over);
}

#[tokio::test]
async fn offline_since_keeps_its_meaning() {
    let (_folder, store) = store().await;
    let ann = store
        .put_signed_in(account("https://login.example", "ann", &[]))
        .await
        .unwrap();
    for (now, reason) in [(10, "No network."), (20, "No answer.")] {
        let state = AccountState::Offline {
            since: UnixTime(now),
            reason: reason.to_owned(),
        };
        store
            .set_state(&ann.id, ann.generation, &state, UnixTime(now))
            .await
            .unwrap();
    }
    let state = store.account(&ann.id).await.unwrap().unwrap().state;
    assert_eq!(
        state,
        AccountState::Offline {
            since: UnixTime(10),
            reason: "No answer.".to_owned()
        }
    );
}

fn refreshed(refresh_expires_at: Option<i64>, replaced: bool) -> Refreshed {
    Refreshed {
        access_expires_at: None,
        refresh_expires_at: refresh_expires_at.map(UnixTime),
        replaced,
        granted: "openid".to_owned(),
    }
}

#[tokio::test]
async fn what_is_known_of_the_refresh_tokens_end_belongs_to_that_token() {
    let (_folder, store) = store().await;
    let ann = store
        .put_signed_in(account("https://login.example", "ann", &[]))
        .await
        .unwrap();
    for (told, replaced, known) in [
        (Some(900), false, Some(900)),
        (None, false, Some(900)),
        (Some(950), true, Some(950)),
        (None, true, None),
    ] {
        let noted = store.set_refreshed(&ann.id, ann.generation, refreshed(told, replaced), UnixTime(5));
        assert!(noted.await.unwrap());
        let now = store.account(&ann.id).await.unwrap().unwrap();
        assert_eq!(now.refresh_expires_at, known.map(UnixTime));
        assert_eq!(now.renewed_at, UnixTime(5));
    }
}

#[tokio::test]
async fn a_provider_that_is_unavailable_says_when_it_is_tried_again() {
    let (_folder, store) = store().await;
    let ann = store
        .put_signed_in(account("https://login.example", "ann", &[]))
        .await
        .unwrap();
    for (since, at, named) in [(10, 25, false), (30, 60, true)] {
        let next_try = NextTry {
            at: UnixTime(at),
            named,
        };
        let state = AccountState::ProviderUnavailable {
            since: UnixTime(since),
            next_try,
            reason: "It is busy.".to_owned(),
        };
        store
            .set_state(&ann.id, ann.generation, &state, UnixTime(since))
            .await
            .unwrap();
        let kept = store.account(&ann.id).await.unwrap().unwrap().state;
        assert_eq!(kept.next_try(), Some(next_try));
        assert!(matches!(kept, AccountState::ProviderUnavailable { since, .. } if since == UnixTime(10)));
    }
}

#[tokio::test]
async fn a_file_of_the_first_layout_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tessera.db");
    let old = Connection::open(&file).unwrap();
    old.execute_batch(MIGRATIONS[0]).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute_batch(
        "INSERT INTO account VALUES ('0123456789abcdef', 'acme', 'Acme', 'oidc', 'https://login.example', 'ann', 'client',
            'Ann', NULL, NULL, NULL, '[]', 'openid', 'openid', '[]', '[]', 'keychain', 'needs_sign_in', 'It was revoked.',
            7, NULL, 5, 3)",
    )
    .unwrap();
    drop(old);
    let ann = Store::open(&file)
        .await
        .unwrap()
        .accounts()
        .await
        .unwrap()
        .remove(0);
    assert_eq!((ann.renewed_at, ann.rotation), (UnixTime(5), 1));
    assert_eq!(ann.state.need(), Some(SignInNeed::Ended));
    assert_eq!(ann.state.reason(), Some("It was revoked."));
}

#[tokio::test]
async fn one_holder_has_the_lease_until_it_ends() {
    let (_folder, store) = store().await;
    let id = account("https://login.example", "ann", &[]).id;
    let take = async |holder: &str, now: i64| {
        store
            .take_lease(&id, holder, UnixTime(now), UnixTime(now + 45))
            .await
            .unwrap()
    };
    assert!(take("a", 100).await);
    assert!(!take("b", 101).await);
    assert!(take("a", 102).await, "a holder may take its own lease again");
    store.release_lease(&id, "b").await.unwrap();
    assert!(!take("b", 103).await, "only the holder gives it back");
    assert!(take("b", 102 + 45).await, "a holder that died loses it in time");
    store.release_lease(&id, "b").await.unwrap();
    assert!(take("a", 150).await);
}

#[tokio::test]
async fn an_attempt_is_claimed_once() {
    let (_folder, store) = store().await;
    store.note_attempt("attempt/a", UnixTime(10)).await.unwrap();
    store.note_attempt("attempt/b", UnixTime(100)).await.unwrap();
    assert_eq!(store.old_attempts(UnixTime(50)).await.unwrap(), ["attempt/a"]);
    assert!(store.has_attempt("attempt/b").await.unwrap());
    assert!(store.claim_attempt("attempt/b").await.unwrap());
    assert!(!store.claim_attempt("attempt/b").await.unwrap());
    assert!(!store.has_attempt("attempt/b").await.unwrap());
    // Who claimed it may die before the keychain's entry is gone: it is found again by its name.
    assert_eq!(
        store.old_attempts(UnixTime(50)).await.unwrap(),
        ["attempt/a", "attempt/b"]
    );
    store.forget_attempt("attempt/a").await.unwrap();
    store.forget_attempt("attempt/b").await.unwrap();
    assert!(store.old_attempts(UnixTime(1000)).await.unwrap().is_empty());
    assert!(!store.claim_attempt("attempt/a").await.unwrap());
}

#[tokio::test]
async fn two_processes_may_have_the_file_open() {
    let (folder, first) = store().await;
    let second = Store::open(&folder.path().join("tessera.db")).await.unwrap();
    first
        .put_signed_in(account("https://login.example", "ann", &[]))
        .await
        .unwrap();
    assert_eq!(second.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tessera.db");
    std::fs::write(
        &file,
        "this is not a database, and long enough to be seen as none".repeat(50),
    )
    .unwrap();
    assert!(matches!(Store::open(&file).await, Err(StoreError::Damaged(_))));
    assert!(matches!(
        Store::open(&folder.path().join("no/such/folder.db")).await,
        Err(StoreError::Unusable(_))
    ));

    let newer = folder.path().join("newer.db");
    Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    assert!(matches!(
        Store::open(&newer).await,
        Err(StoreError::TooNew { found: 999, .. })
    ));
}

#[tokio::test]
async fn what_a_renewed_id_token_would_have_to_repeat_is_forgotten_and_nothing_else() {
    let (_folder, store) = store().await;
    let mut ann = account("https://login.example", "ann", &[]);
    ann.nonce = Some("fingerprint".to_owned());
    let claim = |name: &str| (name.to_owned(), "\"1\" [a]".to_owned());
    ann.claims = ["iat", "auth_time", "name"].map(claim).to_vec();
    let ann = store.put_signed_in(ann).await.unwrap();
    store.forget_moment(&ann.id).await.unwrap();
    let read = store.account(&ann.id).await.unwrap().unwrap();
    assert_eq!(
        (read.nonce, read.claims),
        (None, ["iat", "name"].map(claim).to_vec())
    );
}
