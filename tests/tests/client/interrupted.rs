//! Attempts that are cut off, wherever that is, and what is left of them.

use std::time::Duration;

use tessera_client::ports::VaultError;
use tessera_client::{Attempt, Client, ProviderChoice, ProviderId, Route, SignIn};
use tessera_sandbox::faults::{Fault, HttpFault};
use tessera_sandbox::log::{Endpoint, Entry};
use url::Url;

use crate::rig::{Rig, tidied};

/// For what must come at once where the mistake is that it never comes.
const SOON: Duration = Duration::from_secs(30);

/// A provider that a later process knows, too.
fn known(rig: &Rig) -> SignIn {
    rig.name_provider();
    SignIn::with(ProviderChoice::Known(ProviderId::new("box").unwrap()))
}

async fn begun(rig: &Rig) -> (Client, Attempt, Url) {
    let request = known(rig);
    let client = rig.client().await;
    let attempt = client.sign_in(request).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    (client, attempt, callback)
}

async fn cancelled(attempt: &Attempt) {
    attempt.cancel();
    let end = tokio::time::timeout(SOON, attempt.wait()).await;
    let end = end.expect("a cancel waits for nothing").unwrap_err();
    assert_eq!(end.code(), "cancelled");
}

/// Neither this process nor the next takes the answer any more.
async fn unanswerable(rig: &Rig, client: &Client, callback: &Url) {
    let next = rig.client().await;
    for client in [client, &next] {
        let late = client.deliver_callback(callback.as_str()).await.unwrap_err();
        assert_eq!(late.code(), "attempt_gone");
    }
    assert_eq!(rig.token_requests("authorization_code"), 0);
}

#[tokio::test]
async fn the_page_is_told_while_the_opener_is_still_watched_and_a_cancel_leaves_nothing() {
    let rig = Rig::new().await;
    *rig.browser.stays.lock().unwrap() = true;
    for route in [Route::Scheme, Route::Loopback, Route::Device] {
        let request = SignIn {
            route: Some(route),
            ..known(&rig)
        };
        let client = rig.client().await;
        let attempt = client.sign_in(request).unwrap();
        let page = tokio::time::timeout(SOON, attempt.opened()).await;
        let page = page.expect("the page is told at once").unwrap();
        assert!(page.browser_opened);
        let callback = match route {
            Route::Scheme => Some(rig.visit(&attempt, "ann").await.unwrap()),
            _ => None,
        };
        cancelled(&attempt).await;
        tidied(&client).await;
        assert!(rig.keychain.kinds().is_empty(), "{route:?}");
        if let Some(callback) = callback {
            unanswerable(&rig, &client, &callback).await;
        }
    }
}

#[tokio::test]
async fn a_cancel_does_not_wait_for_a_keychain_that_is_silent() {
    let rig = Rig::new().await;
    let (client, attempt, callback) = begun(&rig).await;
    rig.keychain.silent.send_replace(Some(("delete", "attempt/")));
    cancelled(&attempt).await;
    assert_eq!(rig.keychain.kinds(), ["attempt"]);
    unanswerable(&rig, &client, &callback).await;

    rig.keychain.silent.send_replace(None);
    tidied(&client).await;
    assert!(rig.keychain.kinds().is_empty());
}

#[tokio::test]
async fn a_cancel_while_the_keychain_takes_the_attempt_leaves_nothing() {
    let rig = Rig::new().await;
    let request = known(&rig);
    let client = rig.client().await;
    rig.keychain.silent.send_replace(Some(("put", "attempt/")));
    let attempt = client.sign_in(request).unwrap();
    rig.keychain.asked_to("put attempt").await;
    cancelled(&attempt).await;
    rig.keychain.silent.send_replace(None);
    tidied(&client).await;
    assert!(rig.keychain.kinds().is_empty());
    assert!(rig.browser.opened.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_cancel_while_the_keychain_is_tried_leaves_nothing() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.keychain.silent.send_replace(Some(("delete", "probe/")));
    let attempt = client.sign_in(rig.request(Route::Device)).unwrap();
    rig.keychain.asked_to("delete probe").await;
    assert_eq!(rig.keychain.kinds(), ["probe"]);
    cancelled(&attempt).await;
    rig.keychain.silent.send_replace(None);
    tidied(&client).await;
    assert!(rig.keychain.kinds().is_empty());
}

#[tokio::test]
async fn a_cancel_while_the_keys_are_fetched_is_not_held_against_the_next_sign_in() {
    let rig = Rig::new().await;
    let (client, attempt, callback) = begun(&rig).await;
    let held = rig.sandbox.faults().set(Fault::Http {
        endpoint: Endpoint::KeySet,
        fault: HttpFault::Hold,
    });
    client.deliver_callback(callback.as_str()).await.unwrap();
    let asked = |entry: &Entry| entry.endpoint == Endpoint::KeySet;
    rig.sandbox.log().wait_for(asked).await.unwrap();
    cancelled(&attempt).await;
    rig.sandbox.faults().remove(held);
    rig.sign_in(&client, "ann").await;
}

#[tokio::test]
async fn a_keychain_that_is_locked_at_a_cold_start_keeps_the_attempt() {
    let rig = Rig::new().await;
    let (_first, _attempt, callback) = begun(&rig).await;
    let client = rig.client().await;
    rig.keychain.refuse("attempt/", VaultError::Locked);
    let refused = client.deliver_callback(callback.as_str()).await.unwrap_err();
    assert_eq!(refused.code(), "keychain_locked");
    assert_eq!(rig.keychain.kinds(), ["attempt"]);

    rig.keychain.relent();
    client.deliver_callback(callback.as_str()).await.unwrap();
    if let Some(attempt) = client.attempt() {
        attempt.wait().await.unwrap();
    }
    assert_eq!(client.accounts().await.unwrap().len(), 1);
    assert_eq!(rig.keychain.kinds(), ["access", "account", "id_token", "refresh"]);
}

#[tokio::test]
async fn what_a_dead_process_left_is_swept_at_the_next_start() {
    let rig = Rig::new().await;
    let (_dead, _attempt, callback) = begun(&rig).await;
    let asked = |rig: &Rig| rig.keychain.diary.lock().unwrap().len();
    let before = asked(&rig);
    tidied(&rig.client().await).await;
    assert_eq!(
        asked(&rig),
        before,
        "one that may still be answered is no reason to touch the keychain"
    );

    rig.sandbox.clock().advance(11 * 60);
    // Nobody is asked to unlock it for that.
    *rig.keychain.asks.lock().unwrap() = true;
    tidied(&rig.client().await).await;
    assert_eq!(rig.keychain.kinds(), ["attempt"]);
    assert!(!rig.keychain.diary.lock().unwrap()[before..].contains(&"delete attempt".to_owned()));
    *rig.keychain.asks.lock().unwrap() = false;
    // Where it gives nothing up now, it is asked again later.
    rig.keychain.refuse("delete attempt/", VaultError::Locked);
    let client = rig.client().await;
    tidied(&client).await;
    assert_eq!(rig.keychain.kinds(), ["attempt"]);
    let late = client.deliver_callback(callback.as_str()).await.unwrap_err();
    assert_eq!(late.code(), "attempt_gone");
    rig.keychain.relent();
    tidied(&rig.client().await).await;
    assert!(rig.keychain.kinds().is_empty());

    let before = asked(&rig);
    tidied(&rig.client().await).await;
    assert_eq!(asked(&rig), before, "nothing is left to be swept");
}

#[tokio::test]
async fn the_port_is_closed_as_soon_as_the_answer_is_taken() {
    let rig = Rig::new().await;
    rig.fault("token-hold");
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Loopback)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let page = tokio::spawn(reqwest::get(callback.clone()));
    rig.sandbox
        .log()
        .wait_for(|entry| entry.endpoint == Endpoint::Token)
        .await
        .unwrap();
    let second = tokio::time::timeout(SOON, reqwest::get(callback)).await;
    assert!(second.expect("nobody waits in vain").is_err());
    rig.sandbox.faults().clear();
    attempt.wait().await.unwrap();
    assert_eq!(page.await.unwrap().unwrap().status(), 200);
}
