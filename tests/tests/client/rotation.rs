//! Refresh tokens that are replaced at each use: what happens when nobody hears the answer, or the keychain does not
//! take what it brought.

use std::time::Duration;

use tessera_client::ports::VaultError;
use tessera_client::{AccountId, AccountState, Category, Change, Client, Route, SignIn, SignInNeed, Storage};
use tessera_sandbox::Options;

use crate::refresh::held_up;
use crate::rig::Rig;

/// A sandbox in which a refresh token may be used again for so many seconds, and an account with an expired token.
async fn expired(grace: i64) -> (Rig, Client, AccountId) {
    let rig = Rig::with(Options {
        refresh_reuse_grace: grace,
        ..Options::default()
    })
    .await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.sandbox.clock().advance(3600);
    (rig, client, account.id)
}

async fn state(client: &Client, id: &AccountId) -> AccountState {
    client.account(id).await.unwrap().state
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_told_as_that_and_tried_once() {
    for fault in ["token-cut", "token-drop-after"] {
        let (rig, client, id) = expired(0).await;
        rig.fault(fault);
        let error = client.access_token(&id).await.unwrap_err();
        assert_eq!(error.category(), Category::Network, "{fault}");
        assert_eq!(state(&client, &id).await.as_str(), "offline", "{fault}");
        rig.sandbox.faults().clear();

        // The next process knows it too.
        let next = rig.client().await;
        let error = next.access_token(&id).await.unwrap_err();
        assert_eq!(error.category(), Category::NeedsSignIn, "{fault}");
        let over = state(&next, &id).await;
        assert_eq!(over.need(), Some(SignInNeed::MaybeRotated), "{fault}");
        assert!(over.reason().unwrap().contains("interrupted"), "{over:?}");
        assert_eq!(rig.token_requests("refresh_token"), 2, "{fault}");
        for client in [&client, &next] {
            let error = client.access_token(&id).await.unwrap_err();
            assert_eq!(error.category(), Category::NeedsSignIn, "{fault}");
        }
        assert_eq!(rig.token_requests("refresh_token"), 2, "{fault}: no loop");

        // A new sign-in has nothing of the old one's doubts.
        rig.sign_in(&next, "ann").await;
        rig.sandbox.clock().advance(3600);
        next.access_token(&id).await.unwrap();
        rig.sandbox.revoke_everything();
        rig.sandbox.clock().advance(3600);
        next.access_token(&id).await.unwrap_err();
        let over = state(&next, &id).await;
        assert_ne!(over.need(), Some(SignInNeed::MaybeRotated), "{fault}");
    }
}

#[tokio::test]
async fn a_provider_that_forgives_makes_good_what_was_lost() {
    for fault in ["token-cut", "token-drop-after"] {
        let (rig, client, id) = expired(30).await;
        rig.fault(fault);
        client.access_token(&id).await.unwrap_err();
        rig.sandbox.faults().clear();
        let next = rig.client().await;
        next.access_token(&id).await.unwrap();
        assert_eq!(state(&next, &id).await.as_str(), "signed_in", "{fault}");
        // What came is what is used from now on, and nothing is in doubt.
        rig.sandbox.clock().advance(3600);
        next.access_token(&id).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_earlier_process_left_open_is_tried_at_the_next_start() {
    for (grace, state_after, need) in [
        (30, "signed_in", None),
        (0, "needs_sign_in", Some(SignInNeed::MaybeRotated)),
    ] {
        let rig = Rig::with(Options {
            refresh_reuse_grace: grace,
            ..Options::default()
        })
        .await;
        let client = rig.client().await;
        let id = rig.sign_in(&client, "ann").await.account.id;
        let good = client.access_token(&id).await.unwrap().access_token;
        rig.fault("token-cut");
        // Its access token has a few seconds to live yet.
        rig.sandbox.clock().advance(290);
        client.access_token(&id).await.unwrap();
        rig.sandbox.faults().clear();
        assert_eq!(rig.token_requests("refresh_token"), 1, "the one that was cut");

        let next = rig.client().await;
        next.resolve_doubts().await.unwrap();
        assert_eq!(rig.token_requests("refresh_token"), 2, "grace {grace}");
        let state = state(&next, &id).await;
        assert_eq!((state.as_str(), state.need()), (state_after, need));
        if grace > 0 {
            assert_ne!(next.access_token(&id).await.unwrap().access_token, good);
        }
        next.resolve_doubts().await.unwrap();
        assert_eq!(
            rig.token_requests("refresh_token"),
            2,
            "nothing is in doubt any more"
        );
    }
}

#[tokio::test]
async fn what_was_never_sent_leaves_no_doubt() {
    // The provider refuses for another reason, or is not even asked: a later end is told with its own reason.
    for fault in ["token-invalid-client", "discovery-500"] {
        let (rig, client, id) = expired(0).await;
        rig.fault(fault);
        client.access_token(&id).await.unwrap_err();
        rig.sandbox.faults().clear();
        rig.sandbox.revoke_everything();
        let error = client.access_token(&id).await.unwrap_err();
        assert_eq!(error.category(), Category::NeedsSignIn, "{fault}");
        let over = state(&client, &id).await;
        assert_ne!(over.need(), Some(SignInNeed::MaybeRotated), "{fault}");
    }
}

#[tokio::test]
async fn what_the_keychain_did_not_take_is_offered_again_by_itself() {
    let (rig, client, id) = expired(0).await;
    let (held, caller) = held_up(&rig, &client, &id).await;
    let kept = || rig.keychain.entries.lock().unwrap()[&format!("refresh/{id}")].clone();
    let before = kept();
    rig.keychain
        .refuse("refresh/", VaultError::Failed("it is full".to_owned()));
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    assert_eq!(kept(), before);

    let mut changes = client.changes();
    rig.keychain.relent();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3)).await;
    tokio::time::resume();
    while kept() == before {
        changes.recv().await.unwrap();
    }
    // It is the good one, and the next process renews with it.
    rig.sandbox.clock().advance(3600);
    let next = rig.client().await;
    next.access_token(&id).await.unwrap();
    assert_eq!(state(&next, &id).await.as_str(), "signed_in");
}

#[tokio::test]
async fn a_token_that_was_taken_out_of_the_keychain_by_hand_is_told_as_that() {
    let (rig, client, id) = expired(0).await;
    rig.keychain
        .entries
        .lock()
        .unwrap()
        .remove(&format!("refresh/{id}"));
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.category(), Category::NeedsSignIn);
    assert_eq!(state(&client, &id).await.need(), Some(SignInNeed::SecretsGone));
    assert_eq!(rig.token_requests("refresh_token"), 0);
}

/// A client that has the renewed refresh token in its memory only, a life of an access token later; and the sandbox
/// forgives nothing.
async fn unsaved() -> (Rig, Client, AccountId) {
    let (rig, client, id) = expired(0).await;
    rig.keychain
        .refuse("put refresh/", VaultError::Full("no room".to_owned()));
    client.access_token(&id).await.unwrap();
    assert_eq!(rig.token_requests("refresh_token"), 1);
    rig.sandbox.clock().advance(3600);
    (rig, client, id)
}

#[tokio::test]
async fn what_is_in_memory_only_is_in_doubt_too_when_its_answer_is_lost() {
    let (rig, client, id) = unsaved().await;
    // Refused before it is read, and sent again: nothing is in doubt of that.
    rig.fault("token-invalid-client");
    client.access_token(&id).await.unwrap_err();
    rig.sandbox.faults().clear();
    rig.fault("token-cut");
    client.access_token(&id).await.unwrap_err();
    rig.sandbox.faults().clear();
    client.access_token(&id).await.unwrap_err();
    assert_eq!(state(&client, &id).await.need(), Some(SignInNeed::MaybeRotated));

    let (rig, client, id) = unsaved().await;
    rig.fault("token-invalid-client");
    client.access_token(&id).await.unwrap_err();
    rig.sandbox.faults().clear();
    rig.sandbox.revoke_everything();
    client.access_token(&id).await.unwrap_err();
    assert_ne!(state(&client, &id).await.need(), Some(SignInNeed::MaybeRotated));
}

#[tokio::test]
async fn what_is_in_memory_only_is_not_offered_once_its_session_is_over() {
    let (rig, client, id) = unsaved().await;
    let account = client.account(&id).await.unwrap();
    let sentence = client.storage_sentence(&account);
    assert!(sentence.contains("only in Tessera's memory"), "{sentence}");
    rig.sandbox.revoke_everything();
    client.access_token(&id).await.unwrap_err();
    rig.keychain.relent();
    rig.keychain.diary.lock().unwrap().clear();
    client.settle().await.unwrap();
    assert!(
        !rig.keychain
            .diary
            .lock()
            .unwrap()
            .contains(&"put refresh".to_owned())
    );
    let sentence = client.storage_sentence(&account);
    assert!(!sentence.contains("memory"), "{sentence}");
}

#[tokio::test]
async fn nobody_sends_the_void_token_while_another_process_has_the_new_one() {
    let (rig, client, id) = unsaved().await;
    let other = rig.client().await;
    other.resolve_doubts().await.unwrap();
    assert_eq!(
        state(&other, &id).await.as_str(),
        "signed_in",
        "it was not even tried"
    );
    let error = other.access_token(&id).await.unwrap_err();
    let held = ("held_elsewhere", Category::Keychain);
    assert_eq!((error.code(), error.category()), held);
    assert_eq!(rig.token_requests("refresh_token"), 1);
    assert_eq!(state(&other, &id).await.as_str(), "keychain_unavailable");

    // The one that has it goes on. The keychain may even have taken it, and have said that it did not.
    client.access_token(&id).await.unwrap();
    rig.sandbox.clock().advance(3600);
    assert_eq!(other.access_token(&id).await.unwrap_err().code(), held.0);
    let lying = rig.keychain.given.lock().unwrap().last().cloned().unwrap();
    let entry = format!("refresh/{id}");
    let void = rig.keychain.entries.lock().unwrap().insert(entry.clone(), lying);
    assert_eq!(other.access_token(&id).await.unwrap_err().code(), held.0);
    rig.keychain.entries.lock().unwrap().insert(entry, void.unwrap());

    // As soon as the keychain takes it, everybody goes on.
    rig.keychain.diary.lock().unwrap().clear();
    client.unlock_keychain().await.unwrap();
    rig.keychain.asked_to("put refresh").await;
    rig.keychain.relent();
    let mut changes = client.changes();
    while client.unlock_keychain().await.is_ok() {
        let change = tokio::time::timeout(Duration::from_millis(50), changes.recv()).await;
        if matches!(change, Ok(Ok(Change::Accounts))) {
            break;
        }
    }
    let diary = rig.keychain.diary.lock().unwrap().clone();
    let offers = diary.iter().filter(|line| *line == "put refresh").count();
    assert_eq!(offers, 2, "at each unlock: {diary:?}");
    other.access_token(&id).await.unwrap();
    assert_eq!(state(&other, &id).await.as_str(), "signed_in");
    client.settle().await.unwrap();
    assert_eq!(rig.token_requests("refresh_token"), 3);
    rig.sandbox.clock().advance(3600);
    rig.client().await.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_token_that_the_keychain_took_without_saying_so_is_not_unsaved() {
    let (rig, client, id) = expired(0).await;
    *rig.keychain.denies.lock().unwrap() = Some("refresh/");
    client.access_token(&id).await.unwrap();
    *rig.keychain.denies.lock().unwrap() = None;
    rig.sandbox.clock().advance(3600);
    rig.client().await.access_token(&id).await.unwrap();
    // Nothing is laid over what came since.
    client.settle().await.unwrap();
    rig.sandbox.clock().advance(3600);
    rig.client().await.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_not_asked_for_each_token_in_doubt() {
    let rig = Rig::with(Options {
        refresh_reuse_grace: 30,
        ..Options::default()
    })
    .await;
    let client = rig.client().await;
    let mut ids = Vec::new();
    for person in ["ann", "bob"] {
        ids.push(rig.sign_in(&client, person).await.account.id);
    }
    rig.sandbox.clock().advance(3600);
    rig.fault("token-cut");
    for id in &ids {
        client.access_token(id).await.unwrap_err();
    }
    rig.sandbox.faults().clear();
    rig.fault("token-500");
    let next = rig.client().await;
    assert!(next.resolve_doubts().await.unwrap(), "one is left");
    assert_eq!(rig.token_requests("refresh_token"), 2 + 1);
    rig.sandbox.faults().clear();
    assert!(!next.resolve_doubts().await.unwrap());
    assert_eq!(rig.token_requests("refresh_token"), 2 + 1 + 2);
    for id in &ids {
        assert_eq!(state(&next, id).await.as_str(), "signed_in");
    }
}

#[tokio::test]
async fn a_doubt_that_the_keychain_kept_from_being_tried_is_left_and_one_that_was_answered_is_not() {
    let (rig, client, id) = expired(0).await;
    rig.fault("token-cut");
    client.access_token(&id).await.unwrap_err();
    rig.sandbox.faults().clear();
    let next = rig.client().await;
    rig.keychain
        .refuse("get refresh/", VaultError::Failed("it is slow".to_owned()));
    assert!(next.resolve_doubts().await.unwrap());
    assert_eq!(rig.token_requests("refresh_token"), 1);
    rig.keychain.relent();
    assert!(!next.resolve_doubts().await.unwrap(), "it was refused");
    assert_eq!(rig.token_requests("refresh_token"), 2);
}

#[tokio::test]
async fn a_new_sign_in_elsewhere_that_breaks_off_leaves_what_is_in_memory_only() {
    let (rig, client, id) = unsaved().await;
    rig.name_provider();
    let request = SignIn {
        storage: Storage::UntilQuit,
        ..rig.request(Route::Scheme)
    };
    // It is written whole into memory, and then the list of accounts does not take it.
    let store = rusqlite::Connection::open(rig.folder().join("tessera.db")).unwrap();
    store
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON account BEGIN SELECT RAISE(ABORT, 'not now'); END",
        )
        .unwrap();
    rig.sign_in_with(&client, request, "ann").await.unwrap_err();
    store.execute_batch("DROP TRIGGER refuse").unwrap();
    client.access_token(&id).await.unwrap();
    assert_eq!(state(&client, &id).await.as_str(), "signed_in");
}
