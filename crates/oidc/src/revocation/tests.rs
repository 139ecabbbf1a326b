//! What is sent to take a token back, and what the answers mean.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::authorize::TokenAuth;
use crate::testing::{CLIENT, form, header, registration, response, url};

#[test]
fn a_token_is_named_with_its_kind() {
    let (refresh, access) = (RefreshToken::new("refre5h"), AccessToken::new("acce55"));
    let check = |token, text: &str, kind: &str| {
        let endpoint = url("https://login.example/revoke");
        let request = revocation_request(&endpoint, token, &registration(TokenAuth::None));
        assert_eq!((&request.method, &request.url), (&Method::POST, &endpoint));
        let fields = form(&request);
        assert_eq!(fields["token"], text);
        assert_eq!(fields["token_type_hint"], kind);
        assert_eq!(fields["client_id"], CLIENT);
    };
    check(TokenToRevoke::Refresh(&refresh), "refre5h", "refresh_token");
    check(TokenToRevoke::Access(&access), "acce55", "access_token");
}

#[test]
fn github_deletes_an_apps_token_for_its_secret() {
    let api = url("https://api.github.com");
    let token = AccessToken::new(r#"gho_"1\2"#);
    assert!(github_revocation_request(&api, &registration(TokenAuth::None), &token).is_none());
    let request = github_revocation_request(&api, &registration(TokenAuth::SecretPost), &token).unwrap();
    assert_eq!(request.method, Method::DELETE);
    assert_eq!(
        request.url.as_str(),
        format!("https://api.github.com/applications/{CLIENT}/token")
    );
    assert!(header(&request, "authorization").unwrap().starts_with("Basic "));
    assert!(request.headers["authorization"].is_sensitive());
    assert!(header(&request, "user-agent").is_some());
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({"access_token": token.expose()}));
    let mut odd = registration(TokenAuth::SecretPost);
    odd.client_id = crate::ClientId::new("../../user?x#y");
    let request = github_revocation_request(&api, &odd, &token).unwrap();
    assert_eq!(
        request.url.as_str(),
        "https://api.github.com/applications/..%2F..%2Fuser%3Fx%23y/token"
    );
}

#[test]
fn github_forgets_all_that_was_allowed_for_the_secret() {
    let api = url("https://api.github.com");
    let token = AccessToken::new("gho_1");
    assert!(github_grant_deletion_request(&api, &registration(TokenAuth::None), &token).is_none());
    let request = github_grant_deletion_request(&api, &registration(TokenAuth::SecretPost), &token).unwrap();
    assert_eq!(request.method, Method::DELETE);
    assert_eq!(
        request.url.as_str(),
        format!("https://api.github.com/applications/{CLIENT}/grant")
    );
    assert!(request.headers["authorization"].is_sensitive());
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body, json!({"access_token": "gho_1"}));
}

#[test]
fn github_is_told_of_a_leak_by_nobody_in_particular() {
    let api = url("https://ghes.example/api/v3");
    let (refresh, access) = (RefreshToken::new(r#"ghr_"1\2"#), AccessToken::new("gho_1"));
    let check = |refresh, access, credentials: serde_json::Value| {
        let request = github_leak_report(&api, refresh, access);
        assert_eq!(request.method, Method::POST);
        assert_eq!(
            request.url.as_str(),
            "https://ghes.example/api/v3/credentials/revoke"
        );
        assert_eq!(header(&request, "authorization"), None);
        assert!(header(&request, "user-agent").is_some());
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, json!({"credentials": credentials}));
    };
    check(Some(&refresh), Some(&access), json!([refresh.expose(), "gho_1"]));
    check(None, Some(&access), json!(["gho_1"]));
    check(None, None, json!([]));
}

#[test]
fn a_yes_to_all_of_it_is_another_than_to_one_token() {
    let check = |status: u16, grant: &str, leak: &str| {
        let code = |result: Result<(), RevocationError>| result.map_or_else(|error| error.code(), |()| "ok");
        let response = response(status, "application/json", "{}");
        assert_eq!(code(judge_github_grant_deletion(&response)), grant, "{status}");
        assert_eq!(code(judge_github_leak_report(&response)), leak, "{status} leak");
    };
    check(204, "ok", "ok");
    check(202, "revocation_status", "ok");
    // No token that is known, and so nobody whose grant is meant.
    check(404, "revocation_status", "revocation_status");
    check(422, "revocation_status", "revocation_status");
    check(403, "revocation_status", "revocation_status");
    check(429, "revocation_unavailable", "revocation_unavailable");
}

#[test]
fn answers_mean_that_the_token_is_gone_or_may_not_be() {
    let check = |status: u16, body: &str, plain: &str, github: &str| {
        let code = |result: Result<(), RevocationError>| result.map_or_else(|error| error.code(), |()| "ok");
        let response = response(status, "application/json", body);
        assert_eq!(code(judge(&response)), plain, "{status} {body}");
        assert_eq!(code(judge_github(&response)), github, "{status} {body} GitHub");
    };
    check(200, "", "ok", "ok");
    check(200, "{}", "ok", "ok");
    check(204, "", "ok", "ok");
    // Google says so of a token that is gone already.
    check(400, r#"{"error":"invalid_token"}"#, "ok", "ok");
    check(
        400,
        r#"{"error":"unsupported_token_type"}"#,
        "revocation_refused",
        "revocation_refused",
    );
    check(
        401,
        r#"{"error":"invalid_client"}"#,
        "revocation_refused",
        "revocation_refused",
    );
    check(403, "", "revocation_status", "revocation_status");
    check(404, r#"{"message":"Not Found"}"#, "revocation_status", "ok");
    check(422, "{}", "revocation_status", "ok");
    check(404, "<html>", "revocation_status", "revocation_status");
    check(302, "", "revocation_unavailable", "revocation_unavailable");
    check(
        503,
        r#"{"error":"invalid_token"}"#,
        "revocation_unavailable",
        "revocation_unavailable",
    );
    check(429, "", "revocation_unavailable", "revocation_unavailable");
}

#[test]
fn when_to_ask_again_is_kept() {
    let mut response = response(503, "", "");
    response
        .headers
        .insert(header::RETRY_AFTER, HeaderValue::from_static("7"));
    assert_eq!(
        judge(&response),
        Err(RevocationError::Unavailable {
            status: 503,
            retry_after: Some(7)
        })
    );
    let error = judge(&response).unwrap_err();
    assert_eq!((error.is_passing(), error.retry_after()), (true, Some(7)));
    let refused = RevocationError::Status { status: 403 };
    assert_eq!((refused.is_passing(), refused.retry_after()), (false, None));
}

proptest! {
    #[test]
    fn any_answer_is_judged(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let response = response(status, "application/json", body);
        let _ = (judge(&response), judge_github(&response));
    }
}
