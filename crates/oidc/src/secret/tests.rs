//! No secret shows itself: neither the wrapped ones, nor the values that hold them, nor any refusal.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fmt::Debug;

use serde_json::json;

use crate::authorize::{Pending, TokenAuth};
use crate::callback::Callback;
use crate::device::{self, PollOutcome, parse_device_response};
use crate::logout::LogoutRequest;
use crate::revocation::{TokenToRevoke, github_revocation_request, revocation_request};
use crate::testing::{
    SECRET, begin, callback_text, json_response, metadata, registration, request, url, validated,
};
use crate::token::{Dialect, code_request, parse_token_response, refresh_request};
use crate::userinfo::userinfo_request;
use crate::{AccessToken, ClientId, RawIdToken, RefreshToken, Scopes};

#[test]
fn no_secret_shows_itself_when_formatted() {
    let value = "5b1d-the-secret-value";
    let all = super::formatted(value);
    assert!(!all.is_empty());
    for (name, text) in all {
        assert!(!text.contains(value), "{name} shows its value: {text}");
        assert!(
            text.contains("[redacted]"),
            "{name} does not say that it is hidden: {text}"
        );
    }
}

#[test]
fn secrets_compare_by_value() {
    assert_eq!(super::State::new("a"), super::State::new("a"));
    assert_ne!(super::State::new("a"), super::State::new("b"));
    assert_ne!(super::State::new("a"), super::State::new("aa"));
}

#[test]
fn nothing_that_holds_a_secret_shows_it_when_formatted() {
    let (access, refresh, id_token) = ("acce55-t0ken", "refre5h-t0ken", "he4d.b0dy.s1g");
    let (_, pending) = begin(&metadata(&json!({})), request());
    let kept = [
        pending.state().expose().to_owned(),
        pending.nonce().unwrap().expose().to_owned(),
        pending.verifier.expose().to_owned(),
    ];
    let mut secrets = vec!["c0de", access, refresh, id_token, SECRET, "d3vice", "c0de%"];
    secrets.extend(kept.iter().map(String::as_str));

    let check = |name: &str, value: &dyn Debug| {
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            for secret in &secrets {
                assert!(!text.contains(secret), "{name} shows {secret}: {text}");
            }
        }
    };
    let metadata = metadata(&json!({}));
    let post = registration(TokenAuth::SecretPost);
    check("Pending", &pending);
    check(
        "Pending, read back",
        &Pending::from_secret_json(&pending.to_secret_json()).unwrap(),
    );
    let callback = || Callback::parse(&callback_text(&pending, &json!({}))).unwrap();
    check("Callback", &callback());
    check("ValidatedCallback", &validated());
    let stray = Callback::parse("app.tessera.desktop:/other?code=c0de").unwrap();
    check(
        "CallbackRefusal",
        &stray.validate(begin(&metadata, request()).1).unwrap_err(),
    );
    check("Registration", &post);
    check("code request", &code_request(&validated(), &metadata, &post));
    let (access, refresh) = (AccessToken::new(access), RefreshToken::new(refresh));
    for auth in [TokenAuth::SecretPost, TokenAuth::SecretBasic] {
        let request = refresh_request(&refresh, &metadata, &registration(auth), None);
        check("refresh request", &request);
        check("its headers", &request.headers);
    }
    let request = userinfo_request(&url("https://login.example/userinfo"), &access);
    check("userinfo request", &request);
    check("its headers", &request.headers);
    let endpoint = url("https://login.example/revoke?token=acce55-t0ken");
    check(
        "revocation request",
        &revocation_request(&endpoint, TokenToRevoke::Access(&access), &post),
    );
    check("TokenToRevoke", &TokenToRevoke::Refresh(&refresh));
    let request = github_revocation_request(&url("https://api.example"), &post, &access).unwrap();
    check("GitHub's revocation request", &request);
    check("its headers", &request.headers);

    let answer = json_response(
        200,
        &json!({"access_token": access.expose(), "refresh_token": refresh.expose(), "id_token": id_token,
            "token_type": "bearer"}),
    );
    check("Response", &answer);
    check(
        "TokenResponse",
        &parse_token_response(&answer, &Dialect::STANDARD, &Scopes::default()).unwrap(),
    );
    let done = device::parse_poll_response(&answer, &Dialect::STANDARD, &Scopes::default(), 5);
    assert!(matches!(done, PollOutcome::Done(_)));
    check("PollOutcome", &done);
    let codes =
        json!({"device_code": "d3vice", "user_code": "A", "verification_uri": "https://login.example/"});
    check(
        "DeviceGrant",
        &parse_device_response(&json_response(200, &codes), &Dialect::STANDARD).unwrap(),
    );
    check(
        "LogoutRequest",
        &LogoutRequest {
            client_id: &ClientId::new("c"),
            id_token_hint: Some(&RawIdToken::new(id_token)),
            logout_hint: None,
            post_logout_redirect_uri: None,
            state: Some(pending.state()),
        },
    );
}
