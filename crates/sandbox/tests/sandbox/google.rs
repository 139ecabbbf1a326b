//! Google's manner.

use serde_json::{Value, json};
use tessera_sandbox::{GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, Options, VisitError};
use url::Url;

use crate::common::{Attempt, Lab, claims, encode, header, parameter};

const LOOPBACK: &str = "http://127.0.0.1:49152/callback";
const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";

fn attempt(scope: &str) -> Attempt {
    Attempt {
        redirect_uri: LOOPBACK.to_owned(),
        ..Attempt::new(scope)
    }
}

fn url(lab: &Lab, attempt: &Attempt) -> String {
    format!(
        "{}?{}",
        lab.at("/google/o/oauth2/v2/auth"),
        attempt.query(GOOGLE_CLIENT_ID)
    )
}

async fn token(lab: &Lab, fields: &[(&str, &str)]) -> (u16, Value) {
    let mut all = vec![
        ("client_id", GOOGLE_CLIENT_ID),
        ("client_secret", GOOGLE_CLIENT_SECRET),
    ];
    all.retain(|(name, _)| !fields.iter().any(|(own, _)| own == name));
    all.extend(fields);
    lab.post("/google/token", &all).await
}

async fn exchange(lab: &Lab, attempt: &Attempt, callback: &Url, more: &[(&str, &str)]) -> (u16, Value) {
    let code = parameter(callback, "code").unwrap();
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", LOOPBACK),
        ("code_verifier", attempt.verifier.as_str()),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(own, _)| own == name));
    fields.extend(more);
    token(lab, &fields).await
}

async fn sign_in(lab: &Lab, username: &str, scope: &str) -> Value {
    let attempt = attempt(scope);
    let callback = lab
        .sandbox
        .visitor(username)
        .visit(&url(lab, &attempt))
        .await
        .unwrap();
    let (status, tokens) = exchange(lab, &attempt, &callback, &[]).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

#[tokio::test]
async fn the_whole_way() {
    let lab = Lab::start().await;
    let metadata = lab.get_json("/google/.well-known/openid-configuration").await;
    assert_eq!(metadata["issuer"], format!("{}/google", lab.sandbox.issuer()));
    assert!(
        metadata
            .get("authorization_response_iss_parameter_supported")
            .is_none()
    );
    assert!(metadata.get("end_session_endpoint").is_none());

    let attempt = attempt("openid profile email");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&url(&lab, &attempt))
        .await
        .unwrap();
    for (name, expected) in [
        ("iss", lab.at("/google").as_str()),
        ("state", attempt.state.as_str()),
        ("authuser", "0"),
        ("prompt", "consent"),
        ("hd", "example.test"),
    ] {
        assert_eq!(parameter(&callback, name).as_deref(), Some(expected), "{name}");
    }
    let (status, tokens) = exchange(&lab, &attempt, &callback, &[]).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(
        tokens["scope"],
        "openid https://www.googleapis.com/auth/userinfo.profile https://www.googleapis.com/auth/userinfo.email"
    );
    assert_eq!(tokens["expires_in"], 3599);
    assert!(tokens["refresh_token"].is_string(), "without offline_access too");
    assert_eq!(header(&tokens["id_token"])["alg"], "RS256");
    let id = claims(&tokens["id_token"]);
    assert_eq!(id["iss"], lab.at("/google"));
    assert_eq!(id["azp"], GOOGLE_CLIENT_ID);
    assert!(id["at_hash"].is_string());
    let keys = lab.get_json("/google/oauth2/v3/certs").await;
    assert_eq!(keys["keys"][0]["kid"], header(&tokens["id_token"])["kid"]);
    let userinfo = lab.call(&lab.at("/google/v1/userinfo"), &tokens).await.unwrap();
    assert_eq!(userinfo["sub"], id["sub"]);

    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    for _ in 0..2 {
        let (status, refreshed) = token(&lab, &refresh).await;
        assert_eq!(status, 200);
        assert!(refreshed.get("refresh_token").is_none(), "not rotated");
    }
}

#[tokio::test]
async fn the_issuer_may_come_without_its_scheme() {
    let lab = Lab::with(Options {
        google_short_issuer: true,
        ..Options::default()
    })
    .await;
    let tokens = sign_in(&lab, "ann", "openid").await;
    let full = lab.at("/google");
    assert_eq!(
        claims(&tokens["id_token"])["iss"],
        full.trim_start_matches("http://")
    );
}

#[tokio::test]
async fn what_is_not_right_ends_on_a_page() {
    let lab = Lab::start().await;
    let good = || attempt("openid");
    for (attempt, code) in [
        (
            good().set("redirect_uri", "app.tessera.desktop:/callback"),
            "invalid_request",
        ),
        (
            good().set("redirect_uri", "https://app.example/callback"),
            "redirect_uri_mismatch",
        ),
        (good().set("scope", "openid offline_access"), "invalid_scope"),
        (good().without("scope"), "invalid_request"),
        (good().set("client_id", "someone-else"), "invalid_client"),
    ] {
        lab.sandbox.log().clear();
        let refused = lab.sandbox.visitor("ann").visit(&url(&lab, &attempt)).await;
        assert!(
            matches!(refused, Err(VisitError::Page { status: 400, .. })),
            "{:?}",
            attempt.changes
        );
        let outcome = lab.sandbox.log().entries()[0].outcome.clone().unwrap();
        assert_eq!(outcome.error.as_deref(), Some(code), "{:?}", attempt.changes);
    }
}

#[tokio::test]
async fn the_secret_is_demanded() {
    let lab = Lab::start().await;
    for (change, status, error, description) in [
        (
            ("client_secret", ""),
            400,
            "invalid_request",
            "client_secret is missing.",
        ),
        (("client_secret", "wrong"), 401, "invalid_client", "Unauthorized"),
        (
            ("code_verifier", ""),
            400,
            "invalid_grant",
            "Missing code verifier.",
        ),
        (
            ("code_verifier", "wrong"),
            400,
            "invalid_grant",
            "Invalid code verifier.",
        ),
        (
            ("redirect_uri", "http://127.0.0.1:1/callback"),
            400,
            "redirect_uri_mismatch",
            "Bad Request",
        ),
        (
            ("code", "4/guessed"),
            400,
            "invalid_grant",
            "Malformed auth code.",
        ),
    ] {
        let attempt = attempt("openid");
        let callback = lab
            .sandbox
            .visitor("ann")
            .visit(&url(&lab, &attempt))
            .await
            .unwrap();
        let (answered, body) = exchange(&lab, &attempt, &callback, &[change]).await;
        assert_eq!(answered, status, "{change:?}");
        assert_eq!(
            body,
            json!({ "error": error, "error_description": description }),
            "{change:?}"
        );
    }
    let tokens = sign_in(&lab, "ann", "openid").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh),
        ("client_secret", ""),
    ];
    assert_eq!(
        token(&lab, &fields).await.1["error_description"],
        "client_secret is missing."
    );
}

#[tokio::test]
async fn a_person_may_leave_a_scope_out() {
    let lab = Lab::start().await;
    let attempt = attempt(&format!("openid email {CALENDAR}"));
    let mut ann = lab.sandbox.visitor("ann").without(CALENDAR);
    let callback = ann.visit(&url(&lab, &attempt)).await.unwrap();
    let (_, tokens) = exchange(&lab, &attempt, &callback, &[]).await;
    assert_eq!(
        tokens["scope"],
        "openid https://www.googleapis.com/auth/userinfo.email"
    );

    let tokens = sign_in(&lab, "ann", &attempt.scope).await;
    assert!(tokens["scope"].as_str().unwrap().contains(CALENDAR));
}

#[tokio::test]
async fn revoking_one_token_ends_everything_for_the_client() {
    let lab = Lab::start().await;
    let here = sign_in(&lab, "ann", "openid").await;
    let there = sign_in(&lab, "ann", "openid").await;
    let bobs = sign_in(&lab, "bob", "openid").await;
    let revoke = |token: String| {
        let lab = &lab;
        async move { lab.post("/google/revoke", &[("token", &token)]).await }
    };
    let token_of = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(revoke(token_of(&here)).await, (200, json!({})));
    let (status, body) = revoke(token_of(&here)).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_token")));
    for (tokens, status) in [(&here, 400), (&there, 400), (&bobs, 200)] {
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        assert_eq!(token(&lab, &fields).await.0, status);
    }
    // By the query, too.
    let address = format!(
        "{}?{}",
        lab.at("/google/revoke"),
        encode(&[("token", &token_of(&bobs))])
    );
    assert_eq!(lab.http.post(address).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_hundred_and_first_sign_in_drops_the_first() {
    let lab = Lab::start().await;
    lab.sandbox.clock().set_now(1_800_000_000);
    let mut ann = lab.sandbox.visitor("ann");
    let attempt = attempt("https://www.googleapis.com/auth/gmail.labels");
    let mut all = Vec::new();
    for _ in 0..101 {
        lab.sandbox.clock().advance(1);
        let callback = ann.visit(&url(&lab, &attempt)).await.unwrap();
        all.push(exchange(&lab, &attempt, &callback, &[]).await.1);
    }
    for (index, status) in [(0, 400), (1, 200), (100, 200)] {
        let refresh = all[index]["refresh_token"].as_str().unwrap();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        assert_eq!(token(&lab, &fields).await.0, status, "sign-in {index}");
    }
}

#[tokio::test]
async fn a_desktop_client_gets_no_device_code() {
    let lab = Lab::start().await;
    let (status, body) = lab
        .post("/google/device/code", &[("client_id", GOOGLE_CLIENT_ID)])
        .await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
}
