//! What is pushed, what the browser still carries, and what each answer means.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::authorize::AuthorizationRequest;
use crate::testing::{
    CLIENT, begin, form, header, json_response, metadata, registration, request, response, url, with,
};

const ENDPOINT: &str = "https://login.example/par";

fn good() -> Value {
    json!({"request_uri": "urn:ietf:params:oauth:request_uri:6esc", "expires_in": 60})
}

fn parsed(changes: &Value) -> Result<PushedRequest, ParError> {
    parse_push_response(&json_response(201, &with(good(), changes)))
}

fn query(url: &Url) -> BTreeMap<String, String> {
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let fields: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(fields.len(), pairs.len(), "a parameter is there twice: {url}");
    fields
}

fn full() -> AuthorizationRequest {
    AuthorizationRequest {
        login_hint: Some("ann@example.org".to_owned()),
        extra: vec![("resource".to_owned(), "https://api.example".to_owned())],
        ..request()
    }
}

#[test]
fn every_parameter_of_the_request_is_pushed_once_with_the_client_presented() {
    let metadata = metadata(&json!({
        "pushed_authorization_request_endpoint": ENDPOINT,
        "authorization_endpoint": "https://login.example/authorize?tenant=1",
    }));
    let (address, _) = begin(&metadata, full());
    for auth in [TokenAuth::None, TokenAuth::SecretBasic, TokenAuth::SecretPost] {
        let request = push_request(&metadata, &registration(auth), &address)
            .unwrap()
            .unwrap();
        assert_eq!(request.url, url(ENDPOINT));
        assert_eq!(request.method, http::Method::POST);
        let mut expected = query(&address);
        expected.remove("tenant").unwrap();
        let mut sent = form(&request);
        let in_form = sent.remove("client_secret").is_some();
        assert_eq!(sent, expected, "{auth:?}");
        assert_eq!(in_form, auth == TokenAuth::SecretPost);
        assert_eq!(
            header(&request, "authorization").is_some(),
            auth == TokenAuth::SecretBasic
        );
        for name in ["state", "nonce", "code_challenge", "login_hint", "resource"] {
            assert!(sent.contains_key(name), "{name}");
        }
        assert!(!sent.contains_key("request_uri"));
    }
}

#[test]
fn a_provider_that_offers_nothing_gets_nothing_and_one_that_demands_must_say_where() {
    let push = |changes: Value| {
        let metadata = metadata(&changes);
        let (address, _) = begin(&metadata, request());
        push_request(&metadata, &registration(TokenAuth::None), &address).map(|request| request.is_some())
    };
    assert_eq!(push(json!({})), Ok(false));
    assert_eq!(
        push(json!({"pushed_authorization_request_endpoint": ENDPOINT})),
        Ok(true)
    );
    assert_eq!(
        push(json!({"require_pushed_authorization_requests": true})),
        Err(ParError::NoEndpoint)
    );
}

#[test]
fn the_browser_carries_the_client_and_the_name_of_the_request_and_nothing_else() {
    let metadata = metadata(&json!({
        "authorization_endpoint": "https://login.example/authorize?tenant=1&state=theirs",
    }));
    let pushed = parsed(&json!({})).unwrap();
    let address = pushed.authorization_url(&metadata, &ClientId::new(CLIENT));
    assert_eq!(
        address.as_str(),
        "https://login.example/authorize?tenant=1&client_id=tessera-desktop\
         &request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc"
    );
}

#[test]
fn each_answer_is_told_apart() {
    let check = |changes: Value, code: &str| {
        let error = parsed(&changes).unwrap_err();
        assert_eq!(error.code(), code, "{changes}");
    };
    for request_uri in [
        json!(null),
        json!(""),
        json!("a b"),
        json!("a\nb"),
        json!("x".repeat(2049)),
    ] {
        check(json!({"request_uri": request_uri}), "par_malformed");
    }
    for expires_in in [json!(null), json!(0), json!(-1), json!("soon")] {
        check(json!({"expires_in": expires_in}), "par_malformed");
    }
    check(json!({"request_uri": 7}), "par_not_json");

    let answer = |response: &Response| parse_push_response(response).unwrap_err();
    // Only 201 says that it was taken.
    assert_eq!(
        answer(&json_response(200, &good())),
        ParError::Status { status: 200 }
    );
    assert_eq!(
        answer(&response(201, "text/html", "<html>")),
        ParError::NotJson { html: true }
    );
    assert_eq!(
        answer(&response(201, "application/json", "{")),
        ParError::NotJson { html: false }
    );
    assert_eq!(
        answer(&response(502, "text/html", "<html>")),
        ParError::Status { status: 502 }
    );
    let refused = answer(&json_response(
        400,
        &json!({"error": "invalid_request", "error_description": "no\u{202e} \u{7}scope"}),
    ));
    assert_eq!(refused.code(), "par_refused");
    assert!(refused.message().ends_with("It said: no scope"), "{refused}");
    assert!(!refused.is_passing());
    assert!(answer(&json_response(503, &json!({"error": "invalid_request"}))).is_passing());
    assert!(answer(&json_response(400, &json!({"error": "server_error"}))).is_passing());
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(status in 200_u16..600, body in ".{0,200}") {
        let _ = parse_push_response(&response(status, "application/json", body));
    }
}
