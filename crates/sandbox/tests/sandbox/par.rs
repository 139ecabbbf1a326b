//! Pushed authorization requests (RFC 9126): what is taken, and what a name is good for.

use serde_json::{Value, json};
use tessera_sandbox::{CLIENT_ID, CONFIDENTIAL_CLIENT_ID, Options, PushedRequests, VisitError};
use url::Url;

use crate::common::{Attempt, Lab, encode, parameter};

/// Pushes an attempt's request, with more parameters.
async fn push(lab: &Lab, attempt: &Attempt, more: &[(&str, &str)]) -> (u16, Value) {
    let url = Url::parse(&attempt.url(lab)).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut fields: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fields.extend(more);
    lab.post("/par", &fields).await
}

async fn pushed(lab: &Lab, attempt: &Attempt) -> String {
    let (status, body) = push(lab, attempt, &[]).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["expires_in"], 60);
    body["request_uri"].as_str().unwrap().to_owned()
}

fn named(lab: &Lab, client: &str, request_uri: &str) -> String {
    let query = encode(&[("client_id", client), ("request_uri", request_uri)]);
    lab.at(&format!("/authorize?{query}"))
}

async fn refused_on_a_page(lab: &Lab, address: &str) {
    let end = lab.sandbox.visitor("ann").visit(address).await;
    assert!(matches!(end, Err(VisitError::Page { .. })), "{end:?}");
}

#[tokio::test]
async fn a_pushed_request_is_good_once() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid");
    let address = named(&lab, CLIENT_ID, &pushed(&lab, &attempt).await);
    let callback = lab.sandbox.visitor("ann").visit(&address).await.unwrap();
    let code = parameter(&callback, "code").unwrap();
    assert_eq!(
        parameter(&callback, "state").as_deref(),
        Some(attempt.state.as_str())
    );
    lab.exchange(&attempt, &code).await.unwrap();
    refused_on_a_page(&lab, &address).await;
}

#[tokio::test]
async fn a_fault_lets_it_run_out_as_soon_as_it_is_named() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid");
    let name = pushed(&lab, &attempt).await;
    assert_eq!(
        crate::faults::named(&lab, json!({ "fault": "par-expired", "times": 1 })).await,
        204
    );
    refused_on_a_page(&lab, &named(&lab, CLIENT_ID, &name)).await;
}

#[tokio::test]
async fn it_runs_out_and_is_of_use_to_its_own_client_only() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid");
    let name = pushed(&lab, &attempt).await;
    refused_on_a_page(&lab, &named(&lab, CONFIDENTIAL_CLIENT_ID, &name)).await;
    refused_on_a_page(
        &lab,
        &named(&lab, CLIENT_ID, "urn:ietf:params:oauth:request_uri:x"),
    )
    .await;
    let address = named(&lab, CLIENT_ID, &name);
    lab.sandbox.visitor("ann").visit(&address).await.unwrap();

    let name = pushed(&lab, &attempt).await;
    lab.sandbox.clock().advance(60);
    refused_on_a_page(&lab, &named(&lab, CLIENT_ID, &name)).await;
}

#[tokio::test]
async fn what_an_authorization_request_may_not_be_is_not_taken() {
    let lab = Lab::start().await;
    let good = || Attempt::new("openid");
    for (attempt, more, expected) in [
        (good().set("client_id", "nobody"), vec![], "invalid_client"),
        // It has a secret, and does not show it.
        (
            good().set("client_id", CONFIDENTIAL_CLIENT_ID),
            vec![],
            "invalid_client",
        ),
        (
            good().set("redirect_uri", "https://evil.example/"),
            vec![],
            "invalid_redirect_uri",
        ),
        (good().without("code_challenge"), vec![], "invalid_request"),
        (good().set("scope", "openid unheard:of"), vec![], "invalid_scope"),
        (good(), vec![("request_uri", "urn:x")], "invalid_request"),
        (good(), vec![("nonce", "again")], "invalid_request"),
    ] {
        let (status, body) = push(&lab, &attempt, &more).await;
        assert!(status == 400 || status == 401, "{status}");
        assert_eq!(body["error"], expected);
        assert_eq!(body.get("request_uri"), None);
    }
}

#[tokio::test]
async fn where_it_is_required_nothing_else_is_taken() {
    let lab = Lab::start().await;
    let document = lab.get_json("/.well-known/openid-configuration").await;
    assert_eq!(document.get("pushed_authorization_request_endpoint"), None);

    let lab = Lab::with(Options {
        pushed_requests: PushedRequests::Required,
        ..Options::default()
    })
    .await;
    let document = lab.get_json("/.well-known/openid-configuration").await;
    assert_eq!(document["pushed_authorization_request_endpoint"], lab.at("/par"));
    assert_eq!(document["require_pushed_authorization_requests"], true);
    let attempt = Attempt::new("openid");
    refused_on_a_page(&lab, &attempt.url(&lab)).await;
    let address = named(&lab, CLIENT_ID, &pushed(&lab, &attempt).await);
    lab.sandbox.visitor("ann").visit(&address).await.unwrap();
}
