//! The codes, and what each answer to a poll means.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::authorize::TokenAuth;
use crate::testing::{CLIENT, SECRET, form, json_response, metadata, registration, response, url, with};

fn good() -> Value {
    json!({
        "device_code": "d3vice",
        "user_code": "WDJB-MJHT",
        "verification_uri": "https://login.example/device",
        "verification_uri_complete": "https://login.example/device?user_code=WDJB-MJHT",
        "expires_in": 900,
        "interval": 7,
    })
}

fn parsed(changes: &Value) -> Result<DeviceGrant, DeviceError> {
    parse_device_response(&json_response(200, &with(good(), changes)), &Dialect::STANDARD)
}

#[test]
fn codes_are_asked_for_where_there_is_an_endpoint() {
    let (some, none) = (
        metadata(&json!({})),
        metadata(&json!({"device_authorization_endpoint": null})),
    );
    let (scopes, registration) = (Scopes::parse("openid email"), registration(TokenAuth::None));
    let asked = DeviceRequest {
        scopes: &scopes,
        max_age: None,
        acr_values: &[],
    };
    assert!(device_request(&none, &registration, &asked).is_none());
    let request = device_request(&some, &registration, &asked).unwrap();
    assert_eq!(request.url, url("https://login.example/device"));
    assert_eq!(
        (
            form(&request)["scope"].as_str(),
            form(&request)["client_id"].as_str()
        ),
        ("email openid", CLIENT)
    );
    for name in ["max_age", "acr_values"] {
        assert!(!form(&request).contains_key(name), "{name}");
    }
    let nothing = DeviceRequest {
        scopes: &Scopes::default(),
        ..asked
    };
    let request = device_request(&some, &registration, &nothing).unwrap();
    assert!(!form(&request).contains_key("scope"));
    let acr_values = ["x:2".to_owned(), "x:1".to_owned()];
    let stronger = DeviceRequest {
        max_age: Some(0),
        acr_values: &acr_values,
        ..asked
    };
    let fields = form(&device_request(&some, &registration, &stronger).unwrap());
    assert_eq!(
        (fields["max_age"].as_str(), fields["acr_values"].as_str()),
        ("0", "x:2 x:1")
    );
}

#[test]
fn a_poll_names_the_grant_the_code_and_the_client() {
    let poll = |auth| {
        form(&poll_request(
            &DeviceCode::new("d3vice"),
            &metadata(&json!({})),
            &registration(auth),
        ))
    };
    let fields = poll(TokenAuth::None);
    assert_eq!(
        fields["grant_type"],
        "urn:ietf:params:oauth:grant-type:device_code"
    );
    assert_eq!(
        (fields["device_code"].as_str(), fields["client_id"].as_str()),
        ("d3vice", CLIENT)
    );
    assert_eq!(poll(TokenAuth::SecretPost)["client_secret"], SECRET);
}

#[test]
fn codes_are_accepted_or_refused() {
    let check = |name: &str, changes: Value, expected: &str| {
        let result = parsed(&changes).map_or_else(|error| error.code().to_owned(), |_| "ok".to_owned());
        assert_eq!(result, expected, "{name}");
    };
    check("RFC 8628 section 3.2", json!({}), "ok");
    check(
        "without what may be missing",
        json!({"verification_uri_complete": null, "interval": null, "expires_in": null}),
        "ok",
    );
    check(
        "Google's name",
        json!({"verification_uri": null, "verification_url": "https://www.google.com/device"}),
        "ok",
    );
    for field in ["device_code", "user_code", "verification_uri"] {
        check(field, json!({field: null}), "device_malformed");
        check(field, json!({field: ""}), "device_malformed");
    }
    check(
        "not encrypted",
        json!({"verification_uri": "http://login.example/device"}),
        "device_malformed",
    );
    check(
        "a program",
        json!({"verification_uri": "file:///bin/sh"}),
        "device_malformed",
    );
    check(
        "script",
        json!({"verification_uri": "javascript:alert(1)"}),
        "device_malformed",
    );
    check(
        "a code nobody can type",
        json!({"user_code": "\u{202e}abc"}),
        "device_malformed",
    );
    check(
        "a code without end",
        json!({"user_code": "A".repeat(65)}),
        "device_malformed",
    );
}

#[test]
fn codes_are_read_with_sensible_times() {
    let check = |changes: Value, expires_in: u64, interval: u64| {
        let grant = parsed(&changes).unwrap();
        assert_eq!(
            (grant.expires_in, grant.interval),
            (expires_in, interval),
            "{changes}"
        );
    };
    check(json!({}), 900, 7);
    check(json!({"interval": null}), 900, 5);
    check(json!({"interval": 0}), 900, 1);
    check(json!({"interval": 1e18}), 900, 3600);
    check(json!({"expires_in": null}), 3600, 7);
    check(json!({"expires_in": 1e18}), 3600, 7);
    let grant = parsed(&json!({"verification_uri_complete": "http://login.example/x"})).unwrap();
    assert_eq!(grant.verification_uri_complete, None);
    assert_eq!(
        (grant.device_code.expose(), grant.user_code.as_str()),
        ("d3vice", "WDJB-MJHT")
    );
}

#[test]
fn refused_codes_say_why() {
    let check = |status: u16, body: &str, dialect: &Dialect, expected: &str, passes: bool| {
        let error = parse_device_response(&response(status, "", body), dialect).unwrap_err();
        assert_eq!(
            (error.code(), error.is_passing()),
            (expected, passes),
            "{status} {body}"
        );
    };
    let disabled = r#"{"error":"device_flow_disabled"}"#;
    check(200, disabled, &Dialect::GITHUB, "device_flow_disabled", false);
    check(200, disabled, &Dialect::STANDARD, "device_malformed", false);
    check(400, disabled, &Dialect::STANDARD, "device_flow_disabled", false);
    check(
        401,
        r#"{"error":"invalid_client"}"#,
        &Dialect::STANDARD,
        "invalid_client",
        false,
    );
    check(404, "Not Found", &Dialect::STANDARD, "device_status", false);
    check(503, "{}", &Dialect::STANDARD, "device_status", true);
    check(200, "<html>", &Dialect::STANDARD, "device_not_json", true);
    check(200, "[]", &Dialect::STANDARD, "device_not_json", true);
}

#[test]
fn each_answer_to_a_poll_has_its_meaning() {
    let check = |status: u16, body: &str, dialect: &Dialect, expected: &str| {
        let answer = response(status, "application/json", body);
        let outcome = parse_poll_response(&answer, dialect, &Scopes::parse("openid"), 5);
        let shown = match outcome {
            PollOutcome::Pending => "pending".to_owned(),
            PollOutcome::SlowDown { interval } => format!("slower {interval}"),
            PollOutcome::Unavailable { error } => format!("unavailable {}", error.code()),
            PollOutcome::Denied => "denied".to_owned(),
            PollOutcome::Expired => "expired".to_owned(),
            PollOutcome::Done(tokens) => format!("done {}", tokens.scopes),
            PollOutcome::Failed { error } => format!("failed {}", error.code()),
        };
        assert_eq!(shown, expected, "{status} {body}");
    };
    let standard = Dialect::STANDARD;
    let pending = r#"{"error":"authorization_pending"}"#;
    check(400, pending, &standard, "pending");
    check(428, pending, &standard, "pending");
    check(200, pending, &Dialect::GITHUB, "pending");
    check(400, r#"{"error":"slow_down"}"#, &standard, "slower 10");
    check(403, r#"{"error":"slow_down"}"#, &standard, "slower 10");
    check(
        200,
        r#"{"error":"slow_down","interval":12}"#,
        &Dialect::GITHUB,
        "slower 12",
    );
    check(
        200,
        r#"{"error":"slow_down","interval":1}"#,
        &Dialect::GITHUB,
        "slower 10",
    );
    check(400, r#"{"error":"access_denied"}"#, &standard, "denied");
    check(400, r#"{"error":"authorization_declined"}"#, &standard, "denied");
    check(400, r#"{"error":"expired_token"}"#, &standard, "expired");
    check(
        400,
        r#"{"error":"invalid_grant"}"#,
        &standard,
        "failed invalid_grant",
    );
    check(
        200,
        r#"{"error":"incorrect_device_code"}"#,
        &Dialect::GITHUB,
        "failed incorrect_device_code",
    );
    check(503, "", &standard, "unavailable token_endpoint_status");
    check(429, "{}", &standard, "unavailable token_endpoint_status");
    check(200, "<html>", &standard, "unavailable token_response_not_json");
    check(
        400,
        r#"{"error":"temporarily_unavailable"}"#,
        &standard,
        "unavailable temporarily_unavailable",
    );
    check(
        200,
        r#"{"access_token":"a","token_type":"bearer"}"#,
        &standard,
        "done openid",
    );
    check(
        200,
        r#"{"access_token":"a","token_type":"mac"}"#,
        &standard,
        "failed token_type_unsupported",
    );
}

proptest! {
    #[test]
    fn any_answer_is_judged(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200),
        interval in any::<u64>()) {
        let response = response(status, "application/json", body);
        let _ = parse_device_response(&response, &Dialect::GITHUB);
        let _ = parse_poll_response(&response, &Dialect::GITHUB, &Scopes::default(), interval);
    }
}
