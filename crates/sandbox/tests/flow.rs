//! The whole way over real HTTP: discovery, sign-in, consent, code, tokens, userinfo, refresh.

#![allow(clippy::unwrap_used, reason = "test code")]

mod common;

use common::{Attempt, Lab};

#[tokio::test]
async fn from_discovery_to_refresh() {
    let lab = Lab::start().await;
    let metadata = lab.get_json("/.well-known/openid-configuration").await;
    assert_eq!(metadata["issuer"], lab.sandbox.issuer());

    let attempt = Attempt::new("openid profile email offline_access items:read");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&attempt.url(&lab))
        .await
        .unwrap();
    let code = attempt.code(&lab, &callback);
    let tokens = lab.exchange(&attempt, &code).await.unwrap();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 300);

    let userinfo = lab.userinfo(&tokens).await.unwrap();
    assert_eq!(userinfo["sub"], "person-1001");
    assert_eq!(userinfo["name"], "Ann Archer");
    assert_eq!(userinfo["email"], "ann@example.test");

    let refreshed = lab.refresh(&tokens).await.unwrap();
    assert_ne!(refreshed["refresh_token"], tokens["refresh_token"]);
    assert_ne!(refreshed["access_token"], tokens["access_token"]);
    lab.userinfo(&refreshed).await.unwrap();
}
