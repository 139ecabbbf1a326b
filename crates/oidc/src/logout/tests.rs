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
