//! The address that signs out at the provider. Names with dashes are modules of the OpenID conformance suite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::json;

use super::*;
use crate::testing::{CLIENT, metadata};

#[test]
fn the_provider_is_told_who_signs_out_and_where_to_come_back_to() {
    let (client_id, token) = (ClientId::new(CLIENT), RawIdToken::new("aa.bb.cc"));
    let back = RedirectUri::new("app.tessera.desktop:/signed-out").unwrap();
    let state = State::new("5tate");
    let nothing = LogoutRequest {
        client_id: &client_id,
        id_token_hint: None,
        logout_hint: None,
        post_logout_redirect_uri: None,
        state: None,
    };
    let check = |endpoint: serde_json::Value, request: &LogoutRequest<'_>, expected: Option<&str>| {
        let metadata = metadata(&json!({ "end_session_endpoint": endpoint }));
        assert_eq!(
            logout_url(&metadata, request).map(String::from).as_deref(),
            expected
        );
    };
    let endpoint = || json!("https://login.example/logout");
    check(json!(null), &nothing, None);
    check(
        endpoint(),
        &nothing,
        Some("https://login.example/logout?client_id=tessera-desktop"),
    );
    // oidcc-client-test-rp-init-logout
    let whole = LogoutRequest {
        id_token_hint: Some(&token),
        logout_hint: Some("ann@example.test"),
        post_logout_redirect_uri: Some(&back),
        state: Some(&state),
        ..nothing
    };
    check(
        endpoint(),
        &whole,
        Some(
            "https://login.example/logout?client_id=tessera-desktop&id_token_hint=aa.bb.cc\
             &logout_hint=ann%40example.test&post_logout_redirect_uri=app.tessera.desktop%3A%2Fsigned-out&state=5tate",
        ),
    );
    let no_way_back = LogoutRequest {
        state: Some(&state),
        ..nothing
    };
    check(
        endpoint(),
        &no_way_back,
        Some("https://login.example/logout?client_id=tessera-desktop"),
    );
    check(
        json!("https://login.example/logout?p=1&client_id=forged"),
        &nothing,
        Some("https://login.example/logout?p=1&client_id=tessera-desktop"),
    );
}

#[test]
fn only_the_state_that_was_sent_is_the_awaited_return() {
    let sent = State::new("5tate");
    let check = |home: &str, text: &str, expected: Option<ReturnVerdict>| {
        let home = RedirectUri::new(home).unwrap();
        let found = LogoutReturn::parse(text, &home).map(|back| back.judge(&sent));
        assert_eq!(found, expected, "{text}");
    };
    let scheme = "app.tessera.desktop:/signed-out";
    let awaited = Some(ReturnVerdict::Awaited);
    check(scheme, "app.tessera.desktop:/signed-out?state=5tate", awaited);
    check(
        scheme,
        " app.tessera.desktop:///signed-out?x=1&state=5tate#top\n",
        awaited,
    );
    // oidcc-client-test-rp-init-logout-no-state, oidcc-client-test-rp-init-logout-other-state
    let no_state = Some(ReturnVerdict::NoState);
    check(scheme, "app.tessera.desktop:/signed-out", no_state);
    check(scheme, "app.tessera.desktop:/signed-out?state=", no_state);
    check(scheme, "app.tessera.desktop:/signed-out#state=5tate", no_state);
    let other = Some(ReturnVerdict::OtherState);
    check(scheme, "app.tessera.desktop:/signed-out?state=5tates", other);
    check(
        scheme,
        "app.tessera.desktop:/signed-out?state=5tate&state=5tate",
        other,
    );
    for elsewhere in [
        "app.tessera.desktop:/callback?state=5tate",
        "app.tessera.desktop:/signed-out/?state=5tate",
        "app.tessera.desktop.dev:/signed-out?state=5tate",
        "app.tessera.desktop://evil/signed-out?state=5tate",
        "https://app.tessera.desktop/signed-out?state=5tate",
        "state=5tate",
        "",
    ] {
        check(scheme, elsewhere, None);
    }
    let long = format!("{scheme}?state=5tate&x={}", "a".repeat(MAX_CALLBACK_BYTES));
    check(scheme, &long, None);
    let loopback = "http://127.0.0.1:4000/signed-out";
    check(loopback, "http://127.0.0.1:4000/signed-out?state=5tate", awaited);
    check(loopback, "http://127.0.0.1:4001/signed-out?state=5tate", None);
}
