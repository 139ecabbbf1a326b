//! What the keychain holds is accounted for: what belongs to nothing is removed, and another keychain is not taken for
//! an empty one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tessera_client::ports::VaultError;
use tessera_client::{
    AccountId, AccountState, Change, Client, Error, Route, SecretPlace, SignIn, SignInNeed, Storage,
};
use tokio::task::JoinHandle;

use crate::refresh::{expired, held_up};
use crate::rig::{Rig, rule};

/// An account that was here once.
const GONE: &str = "0123456789abcdef";

fn plant(rig: &Rig, entries: &[&str]) {
    let mut kept = rig.keychain.entries.lock().unwrap();
    for entry in entries {
        kept.insert((*entry).to_owned(), b"left".to_vec());
    }
}

fn names(rig: &Rig) -> Vec<String> {
    rig.keychain.entries.lock().unwrap().keys().cloned().collect()
}

/// A client whose store has looked through the keychain already, as that of a second start has.
async fn second_start(rig: &Rig) -> Client {
    let client = rig.client().await;
    client.tidy_secrets().await.unwrap();
    client
}

#[tokio::test]
async fn what_belongs_to_nothing_is_removed_and_nothing_else() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let ann = rig.sign_in(&client, "ann").await.account;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig.visit(&attempt, "bob").await.unwrap();
    let before = names(&rig);
    let left = ["refresh", "access", "dpop", "client", "id_token"].map(|kind| format!("{kind}/{GONE}"));
    let left: Vec<&str> = left.iter().map(String::as_str).collect();
    plant(&rig, &left);
    plant(&rig, &["attempt/4711", "probe/4711"]);
    // Of what is not known, nothing is said.
    plant(&rig, &["refresh/of a later version", "later/0123456789abcdef"]);
    assert_eq!(client.tidy_secrets().await.unwrap(), 7);
    let unknown = ["refresh/of a later version", "later/0123456789abcdef"];
    let known: Vec<String> = names(&rig)
        .into_iter()
        .filter(|name| !unknown.contains(&name.as_str()))
        .collect();
    assert_eq!(known.len() + unknown.len(), names(&rig).len());
    assert_eq!(known, before);
    client.deliver_callback(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
    client.access_token(&ann.id).await.unwrap();
    assert_eq!(client.tidy_secrets().await.unwrap(), 0);
}

#[tokio::test]
async fn a_store_that_was_made_anew_has_nothing_removed() {
    let rig = Rig::new().await;
    plant(&rig, &["refresh/0123456789abcdef"]);
    let client = rig.client().await;
    assert_eq!(client.tidy_secrets().await.unwrap(), 0);
    assert_eq!(names(&rig), ["refresh/0123456789abcdef"]);
}

#[tokio::test]
async fn a_sign_in_that_is_being_written_is_waited_for() {
    for same_process in [false, true] {
        let rig = Rig::new().await;
        let tidying = second_start(&rig).await;
        let writing = if same_process {
            tidying.clone()
        } else {
            rig.client().await
        };
        let attempt = writing.sign_in(rig.request(Route::Scheme)).unwrap();
        let callback = rig.visit(&attempt, "ann").await.unwrap();
        // The refresh token is there, and the account is not yet.
        rig.keychain.silent.send_replace(Some(("put", "access/")));
        let delivered = tokio::spawn(async move { writing.deliver_callback(callback.as_str()).await });
        rig.keychain.asked_to("put access").await;
        assert_eq!(rig.keychain.kinds(), ["refresh"]);
        let mut tidied = tokio::spawn(async move { tidying.tidy_secrets().await });
        // Waiting shows nowhere, so this waits for its not coming to an end.
        let ended = tokio::time::timeout(Duration::from_millis(500), &mut tidied).await;
        assert!(ended.is_err(), "{same_process}: {ended:?}");
        rig.keychain.silent.send_replace(None);
        delivered.await.unwrap().unwrap();
        let id = attempt.wait().await.unwrap().account.id;
        assert_eq!(tidied.await.unwrap().unwrap(), 0);
        rig.sandbox.clock().advance(3600);
        rig.client().await.access_token(&id).await.unwrap();
    }
}

#[tokio::test]
async fn a_keychain_that_is_locked_or_has_no_list_is_left_as_it_is() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    plant(&rig, &["refresh/0123456789abcdef"]);
    rig.keychain.refuse("", VaultError::Locked);
    let error = client.tidy_secrets().await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    rig.keychain.relent();
    rig.keychain.keeps_no_list.store(true, Ordering::SeqCst);
    assert_eq!(client.tidy_secrets().await.unwrap(), 0);
    assert_eq!(names(&rig), ["refresh/0123456789abcdef"]);
}

#[tokio::test]
async fn what_the_keychain_still_holds_of_an_account_in_memory_is_removed() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let request = SignIn {
        storage: Storage::UntilQuit,
        ..rig.request(Route::Scheme)
    };
    let ann = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    let left = format!("refresh/{}", ann.id);
    plant(&rig, &[&left]);
    assert_eq!(client.tidy_secrets().await.unwrap(), 1);
    assert!(rig.keychain.kinds().is_empty());
    client.access_token(&ann.id).await.unwrap();
}

async fn state(client: &Client, id: &AccountId) -> AccountState {
    client.account(id).await.unwrap().state
}

#[tokio::test]
async fn another_keychain_is_not_taken_for_one_that_lost_its_secrets() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    let bob = rig.sign_in(&client, "bob").await.account.id;
    let first = rig.keychain.entries.lock().unwrap().clone();
    let other = [("keychain/marker".to_owned(), b"another".to_vec())];
    for entries in [Vec::new(), other.to_vec()] {
        *rig.keychain.entries.lock().unwrap() = entries.into_iter().collect();
        let client = rig.client().await;
        let error = client.access_token(&ann).await.unwrap_err();
        assert_eq!(error.code(), "keychain_replaced");
        let state = state(&client, &ann).await;
        assert_eq!(state.as_str(), "keychain_unavailable");
        assert_eq!(state.reason(), Some(error.message().as_str()));
        client.tidy_secrets().await.unwrap();
    }
    // Back where it was, all is well.
    *rig.keychain.entries.lock().unwrap() = first.clone();
    client.access_token(&ann).await.unwrap();

    // Who signs in anew is at home in the other one; who does not, still is not.
    *rig.keychain.entries.lock().unwrap() = other.into_iter().collect();
    rig.sign_in(&client, "ann").await;
    assert_eq!(
        client.access_token(&bob).await.unwrap_err().code(),
        "keychain_replaced"
    );
    client.access_token(&ann).await.unwrap();
    *rig.keychain.entries.lock().unwrap() = first;
    rig.client().await.access_token(&bob).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_was_taken_out_of_the_same_keychain_is_gone() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    // Also when the mark was taken out before: what is still there shows which keychain it is.
    rig.keychain.entries.lock().unwrap().remove("keychain/marker");
    client.tidy_secrets().await.unwrap();
    let taken = ["refresh", "access"].map(|kind| format!("{kind}/{ann}"));
    rig.keychain
        .entries
        .lock()
        .unwrap()
        .retain(|name, _| !taken.contains(name));
    let error = client.access_token(&ann).await.unwrap_err();
    assert_eq!(error.code(), "needs_sign_in");
    assert_eq!(state(&client, &ann).await.need(), Some(SignInNeed::SecretsGone));
}

/// The secrets that are kept of an account, as `what place`.
async fn kept(client: &Client, id: &AccountId) -> Vec<String> {
    let kept = client.stored_secrets(id).await.unwrap();
    kept.iter()
        .filter(|kept| kept.what != "account")
        .map(|secret| format!("{} {}", secret.what, secret.place.as_str()))
        .collect()
}

/// The secrets of an account at the sandbox.
const ALL: [&str; 3] = ["refresh_token", "access_token", "id_token"];

fn all_in(place: &str) -> Vec<String> {
    ALL.iter().map(|what| format!("{what} {place}")).collect()
}

#[tokio::test]
async fn secrets_move_into_memory_and_back_and_every_call_goes_on() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    let before = rig.keychain.entries.lock().unwrap().clone();
    assert_eq!(kept(&client, &ann).await, all_in("keychain"));

    client.move_secrets(&ann, Storage::UntilQuit).await.unwrap();
    assert!(rig.keychain.kinds().is_empty());
    assert_eq!(kept(&client, &ann).await, all_in("memory"));
    assert_eq!(client.account(&ann).await.unwrap().storage, Storage::UntilQuit);
    rig.sandbox.clock().advance(3600);
    client.access_token(&ann).await.unwrap();
    // Another process has nothing of it, so it has nothing to move.
    let other = rig.client().await;
    let error = other.move_secrets(&ann, Storage::Keychain).await.unwrap_err();
    assert_eq!(error.code(), "needs_sign_in");

    client.move_secrets(&ann, Storage::Keychain).await.unwrap();
    assert_eq!(kept(&client, &ann).await, all_in("keychain"));
    assert_eq!(names(&rig), before.keys().cloned().collect::<Vec<_>>());
    rig.sandbox.clock().advance(3600);
    other.access_token(&ann).await.unwrap();
    // Where it is already, nothing is done.
    rig.keychain.diary.lock().unwrap().clear();
    client.move_secrets(&ann, Storage::Keychain).await.unwrap();
    assert!(rig.keychain.diary.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_move_that_fails_leaves_the_secrets_where_they_were() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    // The keychain does not give the last of them.
    rig.keychain.refuse("id_token/", VaultError::Locked);
    let error = client.move_secrets(&ann, Storage::UntilQuit).await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    rig.keychain.relent();
    assert_eq!(kept(&client, &ann).await, all_in("keychain"));
    client.move_secrets(&ann, Storage::UntilQuit).await.unwrap();
    // It does not take the last of them.
    rig.keychain
        .refuse("id_token/", VaultError::Full("no room".to_owned()));
    let error = client.move_secrets(&ann, Storage::Keychain).await.unwrap_err();
    assert_eq!(error.code(), "keychain_full");
    rig.keychain.relent();
    assert!(rig.keychain.kinds().is_empty());
    assert_eq!(kept(&client, &ann).await, all_in("memory"));
    rig.sandbox.clock().advance(3600);
    client.access_token(&ann).await.unwrap();
}

#[tokio::test]
async fn what_the_old_place_does_not_give_up_is_removed_later() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    rig.keychain.refuse("delete ", VaultError::Locked);
    client.move_secrets(&ann, Storage::UntilQuit).await.unwrap();
    rig.keychain.relent();
    assert_eq!(kept(&client, &ann).await, all_in("memory"));
    assert_eq!(client.tidy_secrets().await.unwrap(), 4);
    assert!(rig.keychain.kinds().is_empty());
}

#[tokio::test]
async fn a_token_that_the_keychain_did_not_take_moves_in_the_place_of_the_old_one() {
    let rig = Rig::new().await;
    let (client, ann) = expired(&rig).await;
    let (held, caller) = held_up(&rig, &client, &ann).await;
    rig.keychain
        .refuse("refresh/", VaultError::Full("no room".to_owned()));
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    let unsaved = client.stored_secrets(&ann).await.unwrap();
    assert_eq!(unsaved[0].place, SecretPlace::Unsaved);
    assert_eq!(
        unsaved[0].place_name,
        "Tessera’s memory, until the test's keychain takes it"
    );
    rig.keychain.relent();
    client.move_secrets(&ann, Storage::UntilQuit).await.unwrap();
    client.move_secrets(&ann, Storage::Keychain).await.unwrap();
    rig.sandbox.clock().advance(3600);
    rig.client().await.access_token(&ann).await.unwrap();
}

/// A move that has its turn, and waits for the keychain until nothing is silent any more.
async fn moving(rig: &Rig, client: &Client, id: &AccountId) -> JoinHandle<Result<(), Error>> {
    rig.keychain.diary.lock().unwrap().clear();
    rig.keychain.silent.send_replace(Some(("get", "id_token/")));
    let (client, id) = (client.clone(), id.clone());
    let moving = tokio::spawn(async move { client.move_secrets(&id, Storage::UntilQuit).await });
    rig.keychain.asked_to("get id_token").await;
    moving
}

#[tokio::test]
async fn who_wants_a_token_while_the_secrets_move_finds_them() {
    let rig = Rig::new().await;
    let (client, ann) = expired(&rig).await;
    let moving = moving(&rig, &client, &ann).await;
    let caller = tokio::spawn({
        let (client, ann) = (client.clone(), ann.clone());
        async move { client.access_token(&ann).await }
    });
    let mut changes = client.changes();
    while state(&client, &ann).await != AccountState::Refreshing {
        changes.recv().await.unwrap();
    }
    rig.keychain.silent.send_replace(None);
    moving.await.unwrap().unwrap();
    caller.await.unwrap().unwrap();
    assert_eq!(kept(&client, &ann).await, all_in("memory"));
}

#[tokio::test]
async fn who_signs_out_while_the_secrets_move_leaves_none_behind() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    client.move_secrets(&ann, Storage::UntilQuit).await.unwrap();
    // Back into the keychain, which takes its time.
    rig.keychain.diary.lock().unwrap().clear();
    rig.keychain.silent.send_replace(Some(("put", "id_token/")));
    let moving = tokio::spawn({
        let (client, ann) = (client.clone(), ann.clone());
        async move { client.move_secrets(&ann, Storage::Keychain).await }
    });
    rig.keychain.asked_to("put refresh").await;
    let mut trace = client.trace();
    let leaving = tokio::spawn({
        let (client, ann) = (client.clone(), ann.clone());
        async move { client.sign_out(&ann).await }
    });
    // It has looked at the account, and waits for its turn.
    trace.recv().await.unwrap();
    rig.keychain.silent.send_replace(None);
    moving.await.unwrap().unwrap();
    leaving.await.unwrap().unwrap();
    assert_eq!(names(&rig), ["keychain/marker"]);
}

#[tokio::test]
async fn a_secret_is_shown_by_its_size_and_place_and_nobody_is_asked_for_it() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    let shown = client.stored_secrets(&ann).await.unwrap();
    let refresh = rig.keychain.entries.lock().unwrap()[&format!("refresh/{ann}")].clone();
    assert_eq!(
        (
            shown[0].what,
            shown[0].bytes.unwrap(),
            shown[0].place_name.as_str()
        ),
        ("refresh_token", refresh.len(), "the test's keychain")
    );
    let all = format!("{shown:?}");
    for secret in rig.keychain.given.lock().unwrap().iter() {
        let secret = String::from_utf8_lossy(secret);
        assert!(secret.len() < 16 || !all.contains(secret.as_ref()));
    }
    assert_eq!(shown.last().unwrap().what, "account");
    rig.keychain.refuse("", VaultError::Locked);
    rig.keychain.diary.lock().unwrap().clear();
    let error = client.stored_secrets(&ann).await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    assert_eq!(*rig.keychain.diary.lock().unwrap(), ["list "]);
}

#[tokio::test]
async fn what_an_account_comes_back_from_goes_with_it() {
    let rig = Rig::new().await;
    let client = second_start(&rig).await;
    let ann = rig.sign_in(&client, "ann").await.account;
    let entry = format!("account/{}", ann.id);
    let kept = rig.keychain.entries.lock().unwrap()[&entry].clone();
    for (name, secret) in rig.keychain.entries.lock().unwrap().iter() {
        let secret = String::from_utf8_lossy(secret).into_owned();
        let shown = String::from_utf8_lossy(&kept).contains(&secret);
        assert!(*name == entry || !shown, "{name}");
    }
    // An account of an earlier version has none yet.
    rig.keychain.entries.lock().unwrap().remove(&entry);
    client.tidy_secrets().await.unwrap();
    assert_eq!(rig.keychain.entries.lock().unwrap()[&entry], kept);
    client.move_secrets(&ann.id, Storage::UntilQuit).await.unwrap();
    assert!(!names(&rig).contains(&entry));
    client.move_secrets(&ann.id, Storage::Keychain).await.unwrap();
    assert!(names(&rig).contains(&entry));
    client.sign_out(&ann.id).await.unwrap();
    assert!(!names(&rig).contains(&entry));
}

#[tokio::test]
async fn a_refresh_token_that_is_no_token_any_more_is_told_as_gone_and_not_waited_for() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let entry = format!("refresh/{id}");
    rig.keychain
        .entries
        .lock()
        .unwrap()
        .insert(entry, b"\xff\xfe".to_vec());
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.code(), "needs_sign_in");
    let state = client.account(&id).await.unwrap().state;
    assert_eq!(state.need(), Some(SignInNeed::SecretsGone));
    assert_eq!(rig.token_requests("refresh_token"), 0);
}

#[tokio::test]
async fn a_token_without_a_known_end_is_used_where_there_is_no_readable_refresh_token() {
    let rig = Rig::new().await;
    rig.fault("token-no-expires-in");
    let client = rig.client().await;
    let id = rig.sign_in(&client, "ann").await.account.id;
    rig.sandbox.clock().advance(3601);
    let entry = format!("refresh/{id}");
    let damaged = b"\xff\xfe".to_vec();
    rig.keychain.entries.lock().unwrap().insert(entry, damaged);
    client.access_token(&id).await.unwrap();
    assert_eq!(state(&client, &id).await.as_str(), "signed_in");
}

#[tokio::test]
async fn an_account_is_well_again_as_soon_as_the_keychain_was_unlocked() {
    let rig = Rig::new().await;
    let id = rig.sign_in(&rig.client().await, "ann").await.account.id;
    // One of its own, to which nothing else is told.
    let client = rig.client().await;
    rig.keychain.refuse("", VaultError::Locked);
    client.access_token(&id).await.unwrap_err();
    assert_eq!(state(&client, &id).await.as_str(), "keychain_locked");
    client.unlock_keychain().await.unwrap_err();
    assert_eq!(state(&client, &id).await.as_str(), "keychain_locked");
    rig.keychain.relent();
    let mut changes = client.changes();
    client.unlock_keychain().await.unwrap();
    assert!(matches!(changes.recv().await, Ok(Change::Accounts)));
    assert_eq!(state(&client, &id).await.as_str(), "signed_in");
}

/// Whoever looks into the keychain finds nothing that the window does not tell of.
#[tokio::test]
async fn every_entry_of_the_keychain_is_told_with_its_place_and_reason() {
    let rig = Rig::new().await;
    rig.fault("dpop-offered");
    let client = rig.client().await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    // Somebody who is signed out, and whose provider could not be told.
    let bob = rig.sign_in(&client, "bob").await.account;
    let fault = rig.sandbox.faults().set(rule("revocation-drop"));
    client.sign_out(&bob.id).await.unwrap();
    rig.sandbox.faults().remove(fault);
    // A sign-in that is under way, something of nobody, and a trial that nobody took away.
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    attempt.opened().await.unwrap();
    let of_ann = format!("client/{ann}");
    // Of an account's name alone, nothing follows: a trial and what a newer version keeps may have it too.
    let (trial, newer) = (format!("probe/{ann}"), format!("later/{ann}"));
    plant(
        &rig,
        &[
            "refresh/0123456789abcdef",
            "probe/4711",
            "later/4711",
            &of_ann,
            &trial,
            &newer,
        ],
    );

    let mut told = client.stored_secrets(&ann).await.unwrap();
    let beside = client.stored_beside_accounts().await.unwrap();
    let what: Vec<_> = beside.iter().map(|stored| stored.what).collect();
    assert_eq!(
        what,
        [
            "open_sign_out",
            "attempt",
            "keychain_mark",
            "unknown",
            "unknown",
            "probe",
            "probe",
            "leftover"
        ],
        "{beside:#?}"
    );
    let whose = beside[0].of.as_deref().unwrap();
    assert!(
        whose.starts_with(&bob.name) && whose.ends_with(&bob.provider_name),
        "{whose}"
    );
    told.extend(beside);
    let entries = rig.keychain.entries.lock().unwrap().clone();
    assert_eq!(told.len(), entries.len(), "{told:#?} {:?}", entries.keys());
    let mut sizes: Vec<_> = told.iter().map(|stored| stored.bytes.unwrap()).collect();
    let mut kept: Vec<_> = entries.values().map(Vec::len).collect();
    sizes.sort_unstable();
    kept.sort_unstable();
    assert_eq!(sizes, kept);
    assert!(told.iter().all(|stored| {
        stored.place == SecretPlace::Keychain
            && stored.place_name == "the test's keychain"
            && stored.why.ends_with('.')
    }));

    // While the keychain tells nothing, what is known without it is told, and nobody is asked.
    rig.keychain.refuse("", VaultError::Locked);
    rig.keychain.diary.lock().unwrap().clear();
    let beside = client.stored_beside_accounts().await.unwrap();
    assert_eq!(
        beside
            .iter()
            .map(|stored| (stored.what, stored.bytes))
            .collect::<Vec<_>>(),
        [("open_sign_out", None)]
    );
    assert_eq!(*rig.keychain.diary.lock().unwrap(), ["list "]);
}

#[tokio::test]
async fn what_an_open_sign_out_keeps_in_memory_is_told_as_that() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let request = SignIn {
        storage: Storage::UntilQuit,
        ..rig.request(Route::Scheme)
    };
    let ann = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    let fault = rig.sandbox.faults().set(rule("revocation-drop"));
    client.sign_out(&ann.id).await.unwrap();
    rig.sandbox.faults().remove(fault);
    let beside = client.stored_beside_accounts().await.unwrap();
    let told: Vec<_> = beside.iter().map(|stored| (stored.what, stored.place)).collect();
    assert_eq!(told[0], ("open_sign_out", SecretPlace::Memory), "{beside:#?}");
}
