//! Fresh tokens: one refresh at a time, nothing lost, nobody signed out for no reason.

use serde_json::json;
use tessera_client::ports::VaultError;
use tessera_client::{AccountId, ApiRequest, Category, Change, Client, Error, FreshToken, SignInNeed};
use tessera_sandbox::Options;
use tessera_sandbox::faults::{self as sandbox, Document, Fault, FaultId, HttpFault, Rule};
use tessera_sandbox::log::Endpoint;
use tokio::task::JoinHandle;

use crate::rig::{Rig, rule};

/// A signed-in account whose access token has expired.
pub(crate) async fn expired(rig: &Rig) -> (Client, AccountId) {
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.sandbox.clock().advance(3600);
    (client, account.id)
}

/// Somebody who asks for a token.
pub(crate) fn ask(client: &Client, id: &AccountId) -> JoinHandle<Result<FreshToken, Error>> {
    let (client, id) = (client.clone(), id.clone());
    tokio::spawn(async move { client.access_token(&id).await })
}

/// A refresh that the provider has the request of and does not answer until the fault is removed, and whoever waits
/// for it.
pub(crate) async fn held_up(
    rig: &Rig,
    client: &Client,
    id: &AccountId,
) -> (FaultId, JoinHandle<Result<FreshToken, Error>>) {
    let held = rig.sandbox.faults().set(rule("token-hold"));
    let caller = ask(client, id);
    rig.sandbox
        .log()
        .wait_for(|entry| entry.grant_type.as_deref() == Some("refresh_token"))
        .await
        .unwrap();
    (held, caller)
}

#[tokio::test]
async fn a_good_token_needs_no_refresh_even_in_the_next_process() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let first = client.access_token(&account.id).await.unwrap();
    let second = rig.client().await.access_token(&account.id).await.unwrap();
    assert_eq!(first.access_token, second.access_token);
    assert_eq!(rig.token_requests("refresh_token"), 0);
}

#[tokio::test]
async fn a_hundred_callers_on_an_expired_token_are_one_refresh() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let (client, id) = (client.clone(), id.clone());
            tokio::spawn(async move { client.access_token(&id).await })
        })
        .collect();
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.unwrap().unwrap().access_token);
    }
    assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(rig.token_requests("refresh_token"), 1);
}

#[tokio::test]
async fn two_processes_take_turns() {
    let rig = Rig::new().await;
    let (one, id) = expired(&rig).await;
    let two = rig.client().await;
    let (first, second) = tokio::join!(one.access_token(&id), two.access_token(&id));
    assert_eq!(first.unwrap().access_token, second.unwrap().access_token);
    assert_eq!(rig.token_requests("refresh_token"), 1);
}

#[tokio::test]
async fn the_rotated_token_is_stored_before_the_access_token_is_seen() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    rig.keychain.diary.lock().unwrap().clear();
    client.access_token(&id).await.unwrap();
    let puts: Vec<String> = rig
        .keychain
        .diary
        .lock()
        .unwrap()
        .iter()
        .filter(|line| line.starts_with("put"))
        .cloned()
        .collect();
    assert_eq!(puts, ["put probe", "put refresh", "put access", "put id_token"]);
    // And it is the one that works next time.
    rig.sandbox.clock().advance(3600);
    client.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_caller_who_goes_away_breaks_nothing_off() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let (held, caller) = held_up(&rig, &client, &id).await;
    caller.abort();
    rig.sandbox.faults().remove(held);
    client.access_token(&id).await.unwrap();
    rig.sandbox.clock().advance(3600);
    client.access_token(&id).await.unwrap();
    assert_eq!(client.account(&id).await.unwrap().state.as_str(), "signed_in");
}

#[tokio::test]
async fn an_account_is_refreshing_while_its_provider_is_asked_and_not_while_a_good_token_is_read() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let id = rig.sign_in(&client, "ann").await.account.id;
    let state = async || client.account(&id).await.unwrap().state.as_str();
    rig.keychain.diary.lock().unwrap().clear();
    rig.keychain.silent.send_replace(Some(("get", "access/")));
    let caller = ask(&client, &id);
    rig.keychain.asked_to("get access").await;
    assert_eq!(state().await, "signed_in");
    rig.keychain.silent.send_replace(None);
    caller.await.unwrap().unwrap();

    rig.sandbox.clock().advance(3600);
    let (held, caller) = held_up(&rig, &client, &id).await;
    assert_eq!(state().await, "refreshing");
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    assert_eq!(state().await, "signed_in");
}

#[tokio::test]
async fn trouble_that_passes_signs_nobody_out() {
    for (fault, state) in [
        ("token-500", "provider_unavailable"),
        ("token-503-retry-after", "provider_unavailable"),
        ("token-429-retry-after", "provider_unavailable"),
        ("token-html", "offline"),
        ("token-not-json", "provider_unavailable"),
        ("token-drop", "offline"),
        ("token-redirect", "offline"),
    ] {
        let rig = Rig::new().await;
        let (client, id) = expired(&rig).await;
        rig.fault(fault);
        let error = client.access_token(&id).await.unwrap_err();
        assert_eq!(error.category(), Category::Network, "{fault}: {}", error.code());
        let account = client.account(&id).await.unwrap();
        assert_eq!(account.state.as_str(), state, "{fault}");
        let next_try = account.state.next_try();
        assert_eq!(next_try.is_some(), state == "provider_unavailable", "{fault}");
        assert_eq!(
            next_try.is_some_and(|next| next.named),
            fault.ends_with("retry-after"),
            "{fault}"
        );
        assert!(
            account.state.reason().is_some_and(|reason| !reason.is_empty()),
            "{fault}"
        );
        rig.sandbox.faults().clear();
        if let Some(next_try) = next_try.filter(|next| next.named) {
            // A provider that said when it wants to be asked again is not asked before.
            let asked = rig.token_requests("refresh_token");
            let error = client.access_token(&id).await.unwrap_err();
            assert_eq!(error.code(), "provider_unavailable", "{fault}");
            assert_eq!(rig.token_requests("refresh_token"), asked, "{fault}");
            rig.sandbox
                .clock()
                .advance(next_try.at.0 - rig.sandbox.clock().now());
        }
        client
            .access_token(&id)
            .await
            .unwrap_or_else(|error| panic!("{fault}: {error:?}"));
        assert_eq!(
            client.account(&id).await.unwrap().state.as_str(),
            "signed_in",
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_refusal_that_does_not_say_why_signs_nobody_out_and_names_both_ways_on() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    rig.fault("token-bare-400");
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.code(), "token_endpoint_status");
    assert!(error.hint().contains("Try again") && error.hint().contains("sign in again"));
    assert_ne!(client.account(&id).await.unwrap().state.as_str(), "needs_sign_in");
    rig.sandbox.faults().clear();
    client.access_token(&id).await.unwrap();
    assert_eq!(client.account(&id).await.unwrap().state.as_str(), "signed_in");
}

#[tokio::test]
async fn a_token_about_to_expire_still_does_while_the_provider_is_away() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let first = client.access_token(&account.id).await.unwrap();
    rig.sandbox.clock().advance(290);
    rig.fault("token-500");
    let still = client.access_token(&account.id).await.unwrap();
    assert_eq!(still.access_token, first.access_token);
}

#[tokio::test]
async fn only_the_providers_word_ends_a_session_and_it_is_asked_once() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    rig.sandbox.revoke_everything();
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("needs_sign_in", Category::NeedsSignIn)
    );
    assert_eq!(rig.token_requests("refresh_token"), 1);
    for _ in 0..3 {
        assert_eq!(
            client.access_token(&id).await.unwrap_err().category(),
            Category::NeedsSignIn
        );
    }
    assert_eq!(rig.token_requests("refresh_token"), 1, "no loop");
    let account = client.account(&id).await.unwrap();
    assert_eq!(account.state.as_str(), "needs_sign_in");
    assert_ne!(account.state.need(), Some(SignInNeed::MaybeRotated));
    // Signing in again is the same account, well again.
    let again = rig.sign_in(&client, "ann").await.account;
    assert_eq!(
        (again.id.clone(), again.state.as_str()),
        (id.clone(), "signed_in")
    );
    client.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_refusal_that_another_process_caused_is_looked_at_twice() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let entry = format!("refresh/{id}");
    let old = rig.keychain.entries.lock().unwrap().get(&entry).cloned().unwrap();
    rig.client().await.access_token(&id).await.unwrap();
    let new = rig.keychain.entries.lock().unwrap().get(&entry).cloned().unwrap();
    assert_ne!(old, new, "the sandbox rotates");
    assert_eq!(rig.token_requests("refresh_token"), 1);
    rig.sandbox.clock().advance(3600);
    client.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_refused_token_that_another_one_has_replaced_meanwhile_ends_nothing() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let entry = format!("refresh/{id}");
    let stored = || rig.keychain.entries.lock().unwrap().get(&entry).cloned().unwrap();
    let older = stored();
    rig.sign_in(&rig.client().await, "ann").await;
    let newer = stored();
    rig.sandbox.clock().advance(3600);
    // The one that this client reads is the older one.
    rig.keychain.entries.lock().unwrap().insert(entry.clone(), older);
    let refused = rule("token-invalid-grant").grant_type("refresh_token").times(1);
    rig.sandbox.faults().set(refused);
    let (held, caller) = held_up(&rig, &client, &id).await;
    rig.keychain.entries.lock().unwrap().insert(entry, newer);
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    let sent = rig
        .sandbox
        .log()
        .matching(|entry| entry.grant_type.as_deref() == Some("refresh_token"));
    assert_eq!(sent.len(), 2);
    assert_ne!(
        sent[0].credential, sent[1].credential,
        "the same one is not sent again"
    );
    assert_eq!(client.account(&id).await.unwrap().state.as_str(), "signed_in");
}

#[tokio::test]
async fn who_looks_for_doubts_does_not_let_others_in_while_an_answer_is_on_its_way() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let (held, caller) = held_up(&rig, &client, &id).await;
    let doubts = tokio::spawn({
        let client = client.clone();
        async move { client.resolve_doubts().await }
    });
    let other = rig.client().await;
    let elsewhere = ask(&other, &id);
    // Long enough for whoever could have had a turn to have sent the token too.
    rig.client().await.accounts().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(rig.token_requests("refresh_token"), 1);
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    elsewhere.await.unwrap().unwrap();
    doubts.await.unwrap().unwrap();
    assert_eq!(rig.token_requests("refresh_token"), 1, "it served both");
}

#[tokio::test]
async fn a_keychain_that_takes_nothing_costs_nobody_the_session() {
    let rig = Rig::with(Options {
        access_token_life: 60,
        ..Options::default()
    })
    .await;
    let (client, id) = expired(&rig).await;
    let mut changes = client.changes();
    rig.keychain.refuse("refresh/", VaultError::Locked);
    // Reading is refused too: the account stays as it is.
    assert_eq!(
        client.access_token(&id).await.unwrap_err().category(),
        Category::Keychain
    );
    let state = client.account(&id).await.unwrap().state;
    assert_eq!(state.as_str(), "keychain_locked");
    // What this process sees of its keychain is not the next one's business.
    let elsewhere = rig.client().await.account(&id).await.unwrap().state;
    assert_eq!(elsewhere.as_str(), "signed_in");
    rig.keychain.relent();

    // It is readable, but the rotated token cannot be written.
    let (held, caller) = held_up(&rig, &client, &id).await;
    rig.keychain.refuse("refresh/", VaultError::Locked);
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    loop {
        if let Change::Notice(error) = changes.recv().await.unwrap() {
            assert_eq!(error.code(), "token_not_saved");
            break;
        }
    }
    // The copy in memory is the one that is used, and saved when that works again.
    rig.sandbox.clock().advance(3600);
    rig.keychain.relent();
    client.access_token(&id).await.unwrap();
    rig.sandbox.clock().advance(3600);
    rig.client().await.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_not_well_is_unavailable_and_not_a_sign_out() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    rig.fault("discovery-500");
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.code(), "metadata_status");
    let state = client.account(&id).await.unwrap().state;
    assert_eq!(state.as_str(), "provider_unavailable");
    rig.sandbox.faults().clear();
    client.access_token(&id).await.unwrap();
    assert!(rig.requests(Endpoint::Discovery) >= 2);
}

/// A refresh that the provider has the request of, and whose caller has gone away.
async fn abandoned(rig: &Rig, client: &Client, id: &AccountId) -> FaultId {
    let (held, caller) = held_up(rig, client, id).await;
    caller.abort();
    held
}

#[tokio::test]
async fn what_is_under_way_lands_before_the_process_ends() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let held = abandoned(&rig, &client, &id).await;
    let settling = tokio::spawn({
        let client = client.clone();
        async move { client.settle().await }
    });
    rig.sandbox.faults().remove(held);
    settling.await.unwrap().unwrap();
    // Nothing new is begun by a process that is about to end.
    assert_eq!(rig.token_requests("refresh_token"), 1);
    rig.sandbox.clock().advance(3600);
    assert_eq!(client.access_token(&id).await.unwrap_err().code(), "stopped");
    assert_eq!(rig.token_requests("refresh_token"), 1);
    let next = rig.client().await;
    next.access_token(&id).await.unwrap();
    assert_eq!(next.account(&id).await.unwrap().state.as_str(), "signed_in");
}

#[tokio::test]
async fn what_the_keychain_did_not_take_is_offered_again_at_the_end() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let held = abandoned(&rig, &client, &id).await;
    rig.keychain.refuse("refresh/", VaultError::Locked);
    rig.sandbox.faults().remove(held);
    let error = client.settle().await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("token_not_saved", Category::Keychain)
    );
    rig.keychain.relent();
    client.settle().await.unwrap();
    rig.sandbox.clock().advance(3600);
    rig.client().await.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_keychain_that_takes_nothing_stops_a_refresh_before_anything_is_spent() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    rig.keychain
        .refuse("probe/", VaultError::Failed("it is full".to_owned()));
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.category(), Category::Keychain);
    assert_eq!(rig.token_requests("refresh_token"), 0);
    rig.keychain.relent();
    client.access_token(&id).await.unwrap();
}

#[tokio::test]
async fn a_token_that_an_api_refused_is_not_handed_out_again() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    // Little is left of it, so that it would do while the provider is away.
    rig.sandbox.clock().advance(290);
    rig.fault("token-500");
    rig.sandbox.faults().set(Rule::new(Fault::Http {
        endpoint: Endpoint::Api,
        fault: HttpFault::Status {
            status: 401,
            retry_after: None,
        },
    }));
    let profile = format!("{}/profile", rig.sandbox.api());
    let answer = client.call(&account.id, ApiRequest::get(profile)).await;
    let error = answer.err().map(|error| error.code());
    assert_eq!(error, Some("token_endpoint_status"));
    assert_eq!(
        rig.token_requests("refresh_token"),
        2,
        "one for the margin, one for the refusal"
    );
    assert_eq!(rig.requests(Endpoint::Api), 1);
}

#[tokio::test]
async fn a_renewed_id_token_is_checked_and_nothing_is_given_out_when_it_is_wrong() {
    for (fault, code, ends) in [
        ("id-token-wrong-sub", "refresh_sub", true),
        ("id-token-wrong-iss", "id_token_iss", false),
        ("id-token-wrong-aud", "id_token_aud", false),
        ("id-token-extra-aud", "id_token_aud", false),
        ("id-token-wrong-nonce", "id_token_nonce", false),
        ("id-token-bad-signature", "id_token_signature", false),
        ("id-token-expired", "id_token_exp", false),
        ("id-token-old", "id_token_iat", false),
        ("id-token-no-iat", "id_token_iat", false),
        ("id-token-wrong-at-hash", "id_token_at_hash", false),
    ] {
        let rig = Rig::new().await;
        let (client, id) = expired(&rig).await;
        let kept = |kind: &str| {
            let entries = rig.keychain.entries.lock().unwrap();
            entries.get(&format!("{kind}/{id}")).cloned()
        };
        let before = kept("access");
        rig.sandbox.faults().set(rule(fault).grant_type("refresh_token"));
        let error = client.access_token(&id).await.unwrap_err();
        assert_eq!(
            (error.code(), error.category()),
            (code, Category::CheckFailed),
            "{fault}"
        );
        assert_eq!(kept("access"), before, "{fault}: the access token was kept");
        rig.sandbox.faults().clear();
        let again = client.access_token(&id).await;
        if ends {
            // What the provider gave is somebody else's, and what it was given is spent.
            assert_eq!(again.unwrap_err().category(), Category::NeedsSignIn, "{fault}");
            assert_eq!(kept("refresh"), None, "{fault}");
            assert_eq!(rig.token_requests("refresh_token"), 1, "{fault}");
        } else {
            again.unwrap_or_else(|error| panic!("{fault}: {error:?}"));
        }
        rig.sign_in(&client, "ann").await;
        client.access_token(&id).await.unwrap();
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_cost_nobody_the_session() {
    for (fault, state) in [
        ("key-set-500", "provider_unavailable"),
        ("key-set-html", "offline"),
    ] {
        let rig = Rig::new().await;
        let (_, id) = expired(&rig).await;
        // Another process, which has no keys yet.
        let client = rig.client().await;
        rig.fault(fault);
        let error = client.access_token(&id).await.unwrap_err();
        assert_eq!(error.category(), Category::Network, "{fault}");
        assert_eq!(
            client.account(&id).await.unwrap().state.as_str(),
            state,
            "{fault}"
        );
        rig.sandbox.faults().clear();
        rig.client()
            .await
            .access_token(&id)
            .await
            .unwrap_or_else(|error| panic!("{fault}: {error:?}"));
    }
}

#[tokio::test]
async fn a_refresh_gives_no_more_permissions_than_there_were() {
    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    let wider = Fault::Json {
        document: Document::TokenResponse,
        change: sandbox::Change::Set("scope", json!("openid email admin:everything")),
    };
    rig.sandbox
        .faults()
        .set(Rule::new(wider).grant_type("refresh_token"));
    client.access_token(&id).await.unwrap();
    let granted = client.account(&id).await.unwrap().granted;
    assert!(
        granted.contains("email") && !granted.contains("admin:everything") && !granted.contains("profile"),
        "{granted}"
    );
}

#[tokio::test]
async fn a_web_page_where_the_provider_should_be_is_offline() {
    for fault in ["discovery-html", "token-html", "key-set-html"] {
        let rig = Rig::new().await;
        let (_, id) = expired(&rig).await;
        // Another process, which has read nothing yet.
        let client = rig.client().await;
        rig.fault(fault);
        let error = client.access_token(&id).await.unwrap_err();
        assert_eq!(error.category(), Category::Network, "{fault}");
        assert_eq!(
            client.account(&id).await.unwrap().state.as_str(),
            "offline",
            "{fault}"
        );
        rig.sandbox.faults().clear();
        rig.client().await.access_token(&id).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_of_unknown_life_is_renewed_after_an_hour_where_it_can_be() {
    for (without, requests) in [(None, 1), (Some("token-no-refresh-token"), 0)] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        rig.fault("token-no-expires-in");
        if let Some(fault) = without {
            rig.fault(fault);
        }
        let id = rig.sign_in(&client, "ann").await.account.id;
        rig.sandbox.clock().advance(3500);
        client.access_token(&id).await.unwrap();
        assert_eq!(rig.token_requests("refresh_token"), 0);
        rig.sandbox.clock().advance(101);
        client.access_token(&id).await.unwrap();
        assert_eq!(rig.token_requests("refresh_token"), requests, "{without:?}");
    }
}
