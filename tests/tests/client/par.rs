//! Pushed authorization requests (RFC 9126): used where the provider offers them, and what comes of it when they
//! fail. The sandbox's log says what was sent.

use tessera_client::{Category, Client, Error, MessageId, Route, Stage, Step};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, Options, PushedRequests};
use url::Url;

use crate::rig::{Rig, tidied};

async fn rig(pushed_requests: PushedRequests) -> Rig {
    Rig::with(Options {
        pushed_requests,
        ..Options::default()
    })
    .await
}

/// The names of the parameters of the one request of this kind.
fn sent(rig: &Rig, endpoint: Endpoint) -> Vec<String> {
    let mut entries = rig.sandbox.log().matching(|entry| entry.endpoint == endpoint);
    assert_eq!(entries.len(), 1, "{endpoint:?}");
    entries.remove(0).parameters
}

fn messages(client: &Client) -> Vec<MessageId> {
    let steps = client.traced().into_iter().map(|event| event.step);
    steps
        .filter_map(|step| match step {
            // That the attempt is kept happens in between.
            Step::Message { message, .. } if message != MessageId::AttemptKept => Some(message),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn where_they_are_offered_the_browser_carries_only_the_client_and_the_name() {
    for stand in [PushedRequests::Offered, PushedRequests::Required] {
        for route in [Route::Scheme, Route::Loopback] {
            let rig = rig(stand).await;
            let client = rig.client().await;
            let attempt = client.sign_in(rig.request(route)).unwrap();
            let callback = rig.visit(&attempt, "ann").await.unwrap();
            assert_eq!(sent(&rig, Endpoint::Authorization), ["client_id", "request_uri"]);
            let pushed = sent(&rig, Endpoint::PushedAuthorization);
            for name in [
                "client_id",
                "redirect_uri",
                "state",
                "nonce",
                "code_challenge",
                "scope",
            ] {
                assert!(pushed.iter().any(|sent| sent == name), "{name}");
            }
            assert!(!pushed.iter().any(|sent| sent == "request_uri"));

            if route == Route::Loopback {
                reqwest::get(callback).await.unwrap();
            } else {
                client.deliver_callback(callback.as_str()).await.unwrap();
            }
            assert_eq!(attempt.wait().await.unwrap().account.name, "Ann Archer");
            let told = messages(&client);
            let first = told
                .iter()
                .position(|id| *id == MessageId::PushedRequest)
                .unwrap();
            assert_eq!(
                told[first..first + 3],
                [
                    MessageId::PushedRequest,
                    MessageId::PushedResponse,
                    MessageId::AuthorizationRequest
                ]
            );
        }
    }
}

#[tokio::test]
async fn where_they_are_not_mentioned_nothing_is_pushed() {
    let rig = rig(PushedRequests::Unmentioned).await;
    let client = rig.client().await;
    rig.sign_in(&client, "ann").await;
    assert_eq!(rig.requests(Endpoint::PushedAuthorization), 0);
    assert!(
        sent(&rig, Endpoint::Authorization)
            .iter()
            .any(|name| name == "code_challenge")
    );
}

#[tokio::test]
async fn a_client_with_a_secret_shows_it_when_it_pushes() {
    let rig = rig(PushedRequests::Required).await;
    let text = format!(
        "[[provider]]\nid = \"box\"\nissuer = \"{}\"\nclient_id = \"{CONFIDENTIAL_CLIENT_ID}\"\nclient_secret = \"{CONFIDENTIAL_CLIENT_SECRET}\"\n",
        rig.sandbox.issuer(),
    );
    std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
    let client = rig.client().await;
    let known = tessera_client::ProviderChoice::Known(tessera_client::ProviderId::new("box").unwrap());
    rig.sign_in_with(&client, tessera_client::SignIn::with(known), "ann")
        .await
        .unwrap();
    let pushed = sent(&rig, Endpoint::PushedAuthorization);
    assert!(
        !pushed.iter().any(|name| name == "client_secret"),
        "it is in the header"
    );
    assert_eq!(pushed.iter().filter(|name| *name == "client_id").count(), 1);
}

#[tokio::test]
async fn a_callback_that_finds_the_app_closed_completes_a_pushed_sign_in() {
    let rig = rig(PushedRequests::Required).await;
    rig.name_provider();
    let known = tessera_client::ProviderChoice::Known(tessera_client::ProviderId::new("box").unwrap());
    let callback = {
        let client = rig.client().await;
        let attempt = client.sign_in(tessera_client::SignIn::with(known)).unwrap();
        rig.visit(&attempt, "ann").await.unwrap()
    };
    let client = rig.client().await;
    client.deliver_callback(callback.as_str()).await.unwrap();
    if let Some(attempt) = client.attempt() {
        attempt.wait().await.unwrap();
    }
    assert_eq!(client.accounts().await.unwrap().len(), 1);
    assert_eq!(rig.requests(Endpoint::PushedAuthorization), 1);
}

async fn failed(rig: &Rig) -> Error {
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Loopback)).unwrap();
    let error = attempt.wait().await.unwrap_err();
    tidied(&client).await;
    error
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart_and_nobody_is_sent_to_a_page() {
    use Category::{CheckFailed, Network};
    for (fault, code, category, pushed) in [
        ("par-required-nowhere", "par_endpoint_missing", CheckFailed, 0),
        ("par-insecure", "endpoint_insecure", CheckFailed, 0),
        ("par-no-request-uri", "par_malformed", CheckFailed, 1),
        ("par-odd-request-uri", "par_malformed", CheckFailed, 1),
        ("par-no-expires-in", "par_malformed", CheckFailed, 1),
        ("par-200", "par_status", Network, 1),
        ("par-400", "par_status", Network, 1),
        ("par-500", "par_status", Network, 1),
        ("par-redirect", "par_status", Network, 1),
        ("par-html", "par_status", Network, 1),
        ("par-drop", "answer_broken", Network, 1),
    ] {
        let rig = if fault == "par-required-nowhere" {
            rig(PushedRequests::Unmentioned).await
        } else {
            rig(PushedRequests::Offered).await
        };
        rig.fault(fault);
        let error = failed(&rig).await;
        assert_eq!(
            (error.code(), error.category()),
            (code, category),
            "{fault}: {error:?}"
        );
        assert_eq!(rig.requests(Endpoint::PushedAuthorization), pushed, "{fault}");
        assert!(rig.browser.opened.lock().unwrap().is_empty(), "{fault}");
        assert_eq!(rig.requests(Endpoint::Authorization), 0, "{fault}");
        assert!(rig.keychain.kinds().is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn the_providers_no_is_told_in_its_words() {
    let rig = rig(PushedRequests::Offered).await;
    let client = rig.client().await;
    let request = tessera_client::SignIn {
        scopes: Some(tessera_oidc::Scopes::parse("openid unheard:of")),
        ..rig.request(Route::Scheme)
    };
    let error = client.sign_in(request).unwrap().wait().await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("par_refused", Category::Network)
    );
    assert!(error.message().contains("A scope is not known here."), "{error}");
    assert_eq!(
        error.hint(),
        "Ask for fewer permissions, or have them allowed at the provider."
    );
    assert!(rig.browser.opened.lock().unwrap().is_empty());
}

/// The status that a browser gets on this page.
async fn status(page: &Url) -> u16 {
    reqwest::get(page.clone()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_page_that_was_looked_at_can_be_opened_again_and_copied() {
    for route in [Route::Scheme, Route::Loopback] {
        for copied in [false, true] {
            let rig = rig(PushedRequests::Required).await;
            let client = rig.client().await;
            let attempt = client.sign_in(rig.request(route)).unwrap();
            let first = rig.browser.opened_page().await;
            assert_eq!(status(&first).await, 200);
            assert_eq!(status(&first).await, 400, "it is used up");

            let second = if copied {
                attempt.link().await.unwrap()
            } else {
                attempt.open_again().await.unwrap();
                rig.browser.opened_page().await
            };
            assert_eq!(rig.requests(Endpoint::PushedAuthorization), 2);
            let callback = rig.sandbox.visitor("ann").visit(second.as_str()).await.unwrap();
            // The answer is to the request of the beginning: its state, its nonce, its verifier.
            attempt.deliver(callback.as_str()).await.unwrap();
            assert_eq!(attempt.wait().await.unwrap().account.name, "Ann Archer");
        }
    }
}

#[tokio::test]
async fn what_is_pushed_anew_is_the_same_request() {
    let rig = rig(PushedRequests::Offered).await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let first = attempt.opened().await.unwrap();
    assert_eq!(first.lifetime.unwrap().as_secs(), 60);
    assert_ne!(attempt.link().await.unwrap(), first.url);
    let pushed = rig
        .sandbox
        .log()
        .matching(|entry| entry.endpoint == Endpoint::PushedAuthorization);
    assert_eq!(pushed[0].parameters, pushed[1].parameters);
    attempt.open_again().await.unwrap();
    let told = messages(&client);
    let told = &told[told.len() - 3..];
    assert_eq!(
        told,
        [
            MessageId::PushedRequest,
            MessageId::PushedResponse,
            MessageId::AuthorizationRequest
        ]
    );
    attempt.cancel();
    assert_eq!(attempt.wait().await.unwrap_err().code(), "cancelled");
}

#[tokio::test]
async fn a_page_that_cannot_be_pushed_anew_says_why_and_the_attempt_goes_on() {
    let rig = rig(PushedRequests::Required).await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let first = rig.browser.opened_page().await;
    assert_eq!(status(&first).await, 200);
    for (fault, code) in [
        ("par-500", "par_status"),
        ("par-drop", "answer_broken"),
        ("par-no-request-uri", "par_malformed"),
    ] {
        rig.fault(fault);
        assert_eq!(attempt.open_again().await.unwrap_err().code(), code, "{fault}");
        assert_eq!(attempt.link().await.unwrap_err().code(), code, "{fault}");
        rig.sandbox.faults().clear();
    }
    assert!(rig.browser.opened.lock().unwrap().is_empty());
    assert_eq!(attempt.view().stage, Stage::Waiting);

    attempt.open_again().await.unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
}
