//! The main path: discovery, sign-in, consent, code, tokens, userinfo, refresh; and signing in again.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tessera_sandbox::CLIENT_ID;
use tessera_sandbox::log::Endpoint;

use crate::common::{Attempt, Lab, claims, header, parameter};

#[tokio::test]
async fn from_discovery_to_refresh() {
    let lab = Lab::start().await;
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
    assert_eq!(tokens["scope"], attempt.scope);

    let userinfo = lab.userinfo(&tokens).await.unwrap();
    assert_eq!(userinfo["sub"], "person-1001");
    assert_eq!(userinfo["name"], "Ann Archer");
    assert_eq!(userinfo["preferred_username"], "ann");
    assert_eq!(userinfo["email"], "ann@example.test");
    assert_eq!(userinfo["email_verified"], true);

    let refreshed = lab.refresh(&tokens).await.unwrap();
    assert_ne!(refreshed["refresh_token"], tokens["refresh_token"]);
    assert_ne!(refreshed["access_token"], tokens["access_token"]);
    lab.userinfo(&refreshed).await.unwrap();
}

#[tokio::test]
async fn how_a_person_can_be_reached_is_said_by_userinfo_and_to_whom_it_was_allowed() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid phone address").await;
    let userinfo = lab.userinfo(&tokens).await.unwrap();
    assert_eq!(
        userinfo,
        json!({
            "sub": "person-1001",
            "phone_number": "+1 202 555 0101",
            "phone_number_verified": true,
            "address": {
                "formatted": "1001 Sandbox Street\nExampleton 00000\nNowhere",
                "street_address": "1001 Sandbox Street",
                "locality": "Exampleton",
                "postal_code": "00000",
                "country": "Nowhere",
            },
        })
    );
    let claims = claims(&tokens["id_token"]);
    assert!(claims.get("phone_number").is_none() && claims.get("address").is_none());
    let tokens = lab.sign_in("ann", "openid phone").await;
    assert!(lab.userinfo(&tokens).await.unwrap().get("address").is_none());
}

#[tokio::test]
async fn the_discovery_document_is_complete() {
    let lab = Lab::start().await;
    let metadata = lab.get_json("/.well-known/openid-configuration").await;
    let issuer = lab.sandbox.issuer();
    assert_eq!(metadata["issuer"], issuer);
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "end_session_endpoint",
        "device_authorization_endpoint",
    ] {
        let address = metadata[endpoint].as_str().unwrap_or_default();
        assert!(address.starts_with(issuer), "{endpoint}: {address}");
    }
    for (member, expected) in [
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query"])),
        (
            "grant_types_supported",
            json!([
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code"
            ]),
        ),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        (
            "token_endpoint_auth_methods_supported",
            json!(["none", "client_secret_basic"]),
        ),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("request_uri_parameter_supported", json!(false)),
    ] {
        assert_eq!(metadata[member], expected, "{member}");
    }
    assert_eq!(
        lab.get_json("/.well-known/oauth-authorization-server").await,
        metadata
    );
}

#[tokio::test]
async fn tokens_are_signed_by_the_published_key() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid items:read").await;
    let keys: JwkSet = serde_json::from_value(lab.get_json("/keys").await).unwrap();
    let check = |token: &Value, audience: &str, typ: &str| {
        let token = token.as_str().unwrap();
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!(header.typ.as_deref(), Some(typ));
        let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[lab.sandbox.issuer()]);
        validation.set_audience(&[audience]);
        jsonwebtoken::decode::<Value>(token, &key, &validation)
            .unwrap()
            .claims
    };
    let id = check(&tokens["id_token"], CLIENT_ID, "JWT");
    assert_eq!(id["sub"], "person-1001");
    assert_eq!(id["nonce"], "nonce-of-this-attempt");
    assert!(
        id["auth_time"].is_i64() && id["iat"].is_i64() && id["at_hash"].is_string(),
        "{id}"
    );

    let access = check(&tokens["access_token"], lab.sandbox.api(), "at+jwt");
    for claim in ["sub", "client_id", "iat", "exp", "jti", "scope"] {
        assert!(!access[claim].is_null(), "{claim} in {access}");
    }
    assert_eq!(access["aud"], lab.sandbox.api());
    assert_eq!(access["scope"], "openid items:read");
}

#[tokio::test]
async fn a_refreshed_id_token_is_of_the_same_sign_in() {
    let lab = Lab::start().await;
    let first = lab.sign_in("ann", "openid offline_access").await;
    lab.sandbox.clock().advance(60);
    let second = lab.refresh(&first).await.unwrap();
    let (before, after) = (claims(&first["id_token"]), claims(&second["id_token"]));
    for claim in ["iss", "sub", "aud", "auth_time", "nonce"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert!(
        after["iat"].as_i64() >= before["iat"].as_i64().map(|iat| iat + 60),
        "{after}"
    );
    assert!(after["nonce"].is_string(), "{after}");
}

#[tokio::test]
async fn claims_follow_the_scopes() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("bob", "openid").await;
    let userinfo = lab.userinfo(&tokens).await.unwrap();
    assert_eq!(userinfo, json!({ "sub": "person-1002" }));
    assert!(
        tokens.get("refresh_token").is_none(),
        "offline_access was not asked for"
    );

    let tokens = lab.sign_in("bob", "items:read").await;
    assert!(tokens.get("id_token").is_none(), "openid was not asked for");
    assert_eq!(lab.userinfo(&tokens).await, Err(403));
}

#[tokio::test]
async fn a_rotated_key_signs_and_the_earlier_one_is_still_published() {
    let lab = Lab::start().await;
    let before = lab.sign_in("ann", "openid items:read").await;
    lab.sandbox.rotate_keys(true).unwrap();
    let after = lab.sign_in("ann", "openid items:read").await;
    assert_ne!(
        header(&before["id_token"])["kid"],
        header(&after["id_token"])["kid"]
    );
    let keys = lab.get_json("/keys").await;
    let names: Vec<&Value> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kid"])
        .collect();
    assert_eq!(
        names,
        [
            &header(&after["id_token"])["kid"],
            &header(&before["id_token"])["kid"]
        ]
    );
    assert!(
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key.get("d").is_none())
    );
    for tokens in [&before, &after] {
        lab.call(&lab.api("/items"), tokens).await.unwrap();
    }

    lab.sandbox.rotate_keys(false).unwrap();
    let keys = lab.get_json("/keys").await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert_eq!(lab.call(&lab.api("/items"), &before).await, Err(401));
}

#[tokio::test]
async fn a_second_sign_in_in_the_same_browser_needs_no_password() {
    let lab = Lab::start().await;
    let mut ann = lab.sandbox.visitor("ann");
    let sign_ins = || lab.sandbox.log().matching(|entry| entry.path == "/sign-in").len();
    let attempt = Attempt::new("openid");
    ann.visit(&attempt.url(&lab)).await.unwrap();
    assert_eq!(sign_ins(), 1);
    ann.visit(&attempt.url(&lab)).await.unwrap();
    assert_eq!(sign_ins(), 1);
    ann.visit(&attempt.clone().set("prompt", "login").url(&lab))
        .await
        .unwrap();
    assert_eq!(sign_ins(), 2);

    // The account of the hint is another one.
    ann.now_as(&lab.sandbox, "bob");
    let callback = ann
        .visit(&attempt.clone().set("login_hint", "bob").url(&lab))
        .await
        .unwrap();
    assert_eq!(sign_ins(), 3);
    let tokens = lab
        .exchange(&attempt, &attempt.code(&lab, &callback))
        .await
        .unwrap();
    assert_eq!(claims(&tokens["id_token"])["sub"], "person-1002");
}

#[tokio::test]
async fn someone_else_can_be_chosen() {
    let lab = Lab::start().await;
    let mut browser = lab.sandbox.visitor("ann");
    let attempt = Attempt::new("openid").set("prompt", "select_account");
    browser.visit(&attempt.url(&lab)).await.unwrap();
    browser.now_as(&lab.sandbox, "bob");
    let callback = browser.visit(&attempt.url(&lab)).await.unwrap();
    let tokens = lab
        .exchange(&attempt, &attempt.code(&lab, &callback))
        .await
        .unwrap();
    assert_eq!(claims(&tokens["id_token"])["sub"], "person-1002");
}

#[tokio::test]
async fn prompt_none_shows_no_page() {
    let lab = Lab::start().await;
    let mut ann = lab.sandbox.visitor("ann");
    let silent = Attempt::new("openid").set("prompt", "none");
    let callback = ann.visit(&silent.url(&lab)).await.unwrap();
    assert_eq!(parameter(&callback, "error").as_deref(), Some("login_required"));
    assert_eq!(parameter(&callback, "iss").as_deref(), Some(lab.sandbox.issuer()));
    assert_eq!(
        parameter(&callback, "state").as_deref(),
        Some(silent.state.as_str())
    );

    ann.visit(&Attempt::new("openid").url(&lab)).await.unwrap();
    let callback = ann.visit(&silent.url(&lab)).await.unwrap();
    silent.code(&lab, &callback);

    let more = Attempt::new("openid items:read").set("prompt", "none");
    let callback = ann.visit(&more.url(&lab)).await.unwrap();
    assert_eq!(parameter(&callback, "error").as_deref(), Some("consent_required"));

    lab.sandbox.clock().advance(120);
    let fresh = silent.clone().set("max_age", "60");
    let callback = ann.visit(&fresh.url(&lab)).await.unwrap();
    assert_eq!(parameter(&callback, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn the_log_knows_who_asked_for_what_and_no_secret() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid offline_access");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&attempt.url(&lab))
        .await
        .unwrap();
    let code = attempt.code(&lab, &callback);
    let tokens = lab.exchange(&attempt, &code).await.unwrap();
    lab.refresh(&tokens).await.unwrap();
    lab.userinfo(&tokens).await.unwrap();

    let entry = lab
        .sandbox
        .log()
        .wait_for(|entry| entry.grant_type.as_deref() == Some("refresh_token") && entry.outcome.is_some())
        .await
        .unwrap();
    assert_eq!(entry.endpoint, Endpoint::Token);
    assert_eq!(entry.client.as_deref(), Some(CLIENT_ID));
    assert!(entry.outcome.unwrap().is_success());
    assert_eq!(lab.sandbox.log().token_requests("refresh_token"), 1);
    assert_eq!(lab.sandbox.log().token_requests("authorization_code"), 1);

    let entries = lab.sandbox.log().entries();
    let one_time_pages: Vec<&str> = entries
        .iter()
        .map(|entry| entry.path.as_str())
        .filter(|path| path.starts_with("/interaction/"))
        .collect();
    assert_eq!(one_time_pages, ["/interaction/…"]);
    let written = format!("{entries:?}");
    let mut secrets = vec![code.as_str(), attempt.verifier.as_str(), attempt.state.as_str()];
    secrets.extend(["access_token", "refresh_token", "id_token"].map(|name| tokens[name].as_str().unwrap()));
    for secret in secrets {
        assert!(!written.contains(secret));
    }
}
