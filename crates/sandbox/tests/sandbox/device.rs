//! Signing in on another device.

use serde_json::Value;
use tessera_sandbox::CLIENT_ID;

use crate::common::{Attempt, Lab, claims};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn codes(lab: &Lab) -> Value {
    let fields = [
        ("client_id", CLIENT_ID),
        ("scope", "openid offline_access items:read"),
    ];
    let (status, codes) = lab.post("/device_authorization", &fields).await;
    assert_eq!(status, 200, "{codes}");
    codes
}

async fn poll(lab: &Lab, codes: &Value) -> Result<Value, String> {
    lab.token(&[
        ("grant_type", GRANT),
        ("client_id", CLIENT_ID),
        ("device_code", codes["device_code"].as_str().unwrap()),
    ])
    .await
}

#[tokio::test]
async fn a_person_lets_a_device_in() {
    let lab = Lab::start().await;
    lab.sandbox.clock().set_now(1_800_000_000);
    let codes = codes(&lab).await;
    assert_eq!(codes["interval"], 5);
    assert_eq!(codes["expires_in"], 900);
    assert_eq!(
        poll(&lab, &codes).await.err().as_deref(),
        Some("authorization_pending")
    );

    let page = codes["verification_uri"].as_str().unwrap();
    // People type small letters and leave the dash out.
    let typed = codes["user_code"]
        .as_str()
        .unwrap()
        .replace('-', " ")
        .to_lowercase();
    let title = lab.sandbox.visitor("ann").enter_code(page, &typed).await.unwrap();
    assert_eq!(title, "Your device is connected");

    let tokens = poll(&lab, &codes).await.unwrap();
    assert_eq!(claims(&tokens["id_token"])["sub"], "person-1001");
    lab.call(&lab.api("/items"), &tokens).await.unwrap();
    lab.refresh(&tokens).await.unwrap();
    assert_eq!(
        poll(&lab, &codes).await.err().as_deref(),
        Some("invalid_grant"),
        "a second time"
    );
}

#[tokio::test]
async fn a_person_keeps_a_device_out() {
    let lab = Lab::start().await;
    let codes = codes(&lab).await;
    let page = codes["verification_uri_complete"].as_str().unwrap();
    let code = codes["user_code"].as_str().unwrap();
    let title = lab
        .sandbox
        .visitor("ann")
        .denying()
        .enter_code(page, code)
        .await
        .unwrap();
    assert_eq!(title, "Your device is not connected");
    assert_eq!(poll(&lab, &codes).await.err().as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn what_was_allowed_before_is_no_decision_for_a_device() {
    let lab = Lab::start().await;
    let mut ann = lab.sandbox.visitor("ann");
    let attempt = Attempt::new("openid offline_access items:read");
    ann.visit(&attempt.url(&lab)).await.unwrap();
    let codes = codes(&lab).await;
    let page = codes["verification_uri_complete"].as_str().unwrap();
    let title = ann
        .denying()
        .enter_code(page, codes["user_code"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(title, "Your device is not connected");
}

#[tokio::test]
async fn polling_too_often_slows_down() {
    let lab = Lab::start().await;
    lab.sandbox.clock().set_now(1_800_000_000);
    let codes = codes(&lab).await;
    for (wait, expected) in [
        (0, "authorization_pending"),
        (4, "slow_down"),
        // The interval is ten seconds now.
        (9, "slow_down"),
        (15, "authorization_pending"),
        (900, "expired_token"),
    ] {
        lab.sandbox.clock().advance(wait);
        assert_eq!(
            poll(&lab, &codes).await.err().as_deref(),
            Some(expected),
            "after {wait} more seconds"
        );
    }
}

#[tokio::test]
async fn only_the_device_itself_gets_the_tokens() {
    let lab = Lab::start().await;
    let codes = codes(&lab).await;
    let page = codes["verification_uri"].as_str().unwrap();
    let code = codes["user_code"].as_str().unwrap();
    lab.sandbox.visitor("ann").enter_code(page, code).await.unwrap();
    let by_user_code = lab
        .token(&[
            ("grant_type", GRANT),
            ("client_id", CLIENT_ID),
            ("device_code", code),
        ])
        .await;
    assert_eq!(by_user_code.err().as_deref(), Some("invalid_grant"));
    assert!(
        lab.sandbox.visitor("bob").enter_code(page, code).await.is_err(),
        "the code is used up"
    );
}

#[tokio::test]
async fn a_wrong_code_connects_nothing() {
    let lab = Lab::start().await;
    let codes = codes(&lab).await;
    let page = codes["verification_uri"].as_str().unwrap();
    assert!(
        lab.sandbox
            .visitor("ann")
            .enter_code(page, "BBBB-BBBB")
            .await
            .is_err()
    );
    assert_eq!(
        poll(&lab, &codes).await.err().as_deref(),
        Some("authorization_pending")
    );
}

#[tokio::test]
async fn a_device_asks_for_what_there_is() {
    let lab = Lab::start().await;
    for (fields, error) in [
        (vec![("client_id", "someone-else")], "invalid_client"),
        (
            vec![("client_id", CLIENT_ID), ("scope", "unheard:of")],
            "invalid_scope",
        ),
        (
            vec![("client_id", CLIENT_ID), ("max_age", "soon")],
            "invalid_request",
        ),
        (
            vec![("client_id", CLIENT_ID), ("acr_values", "urn:example:iris")],
            "unmet_authentication_requirements",
        ),
    ] {
        let (_, body) = lab.post("/device_authorization", &fields).await;
        assert_eq!(body["error"], error, "{fields:?}");
    }
}
