//! GitHub's manner.

use serde_json::{Value, json};
use tessera_sandbox::{GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, Options};
use url::{Url, form_urlencoded};

use crate::common::{Attempt, Lab, encode, parameter};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const TOKEN: &str = "/github/login/oauth/access_token";

fn url(lab: &Lab, attempt: &Attempt) -> String {
    format!(
        "{}?{}",
        lab.at("/github/login/oauth/authorize"),
        attempt.query(GITHUB_CLIENT_ID)
    )
}

async fn post(lab: &Lab, path: &str, fields: &[(&str, &str)]) -> Value {
    let response = lab
        .http
        .post(lab.at(path))
        .header("accept", "application/json")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encode(fields))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200, "errors come with status 200");
    crate::common::json(response).await
}

async fn exchange(lab: &Lab, attempt: &Attempt, callback: &Url, more: &[(&str, &str)]) -> Value {
    let code = parameter(callback, "code").unwrap();
    let mut fields = vec![
        ("client_id", GITHUB_CLIENT_ID),
        ("client_secret", GITHUB_CLIENT_SECRET),
        ("code", code.as_str()),
        ("redirect_uri", attempt.redirect_uri.as_str()),
        ("code_verifier", attempt.verifier.as_str()),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(own, _)| own == name));
    fields.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    post(lab, TOKEN, &fields).await
}

async fn sign_in(lab: &Lab, username: &str, scope: &str) -> Value {
    let attempt = Attempt::new(scope);
    let callback = lab
        .sandbox
        .visitor(username)
        .visit(&url(lab, &attempt))
        .await
        .unwrap();
    exchange(lab, &attempt, &callback, &[]).await
}

/// A GET to its API: status and JSON.
async fn call(lab: &Lab, path: &str, tokens: &Value) -> (u16, Value) {
    let response = lab
        .http
        .get(lab.api(&format!("/github{path}")))
        .header("user-agent", "test")
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), crate::common::json(response).await)
}

#[tokio::test]
async fn the_whole_way() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("read:user user:email");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&url(&lab, &attempt))
        .await
        .unwrap();
    assert_eq!(
        parameter(&callback, "iss").unwrap(),
        lab.at("/github/login/oauth")
    );
    assert_eq!(parameter(&callback, "state").unwrap(), attempt.state);

    let tokens = exchange(&lab, &attempt, &callback, &[]).await;
    assert!(tokens["access_token"].as_str().unwrap().starts_with("gho_"));
    assert_eq!(tokens["scope"], "read:user,user:email");
    assert_eq!(tokens["token_type"], "bearer");
    assert!(tokens.get("expires_in").is_none() && tokens.get("refresh_token").is_none());
    assert!(tokens.get("id_token").is_none());

    let (_, user) = call(&lab, "/user", &tokens).await;
    assert_eq!(user["login"], "ann");
    assert_eq!(user["id"], 1001);
    assert_eq!(user["name"], "Ann Archer");
    let (_, emails) = call(&lab, "/user/emails", &tokens).await;
    assert_eq!(emails[0]["email"], "ann@example.test");
    // It does not expire.
    lab.sandbox.clock().advance(365 * 24 * 60 * 60);
    assert_eq!(call(&lab, "/user", &tokens).await.0, 200);
}

#[tokio::test]
async fn answers_are_forms_unless_json_is_asked_for() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("read:user gist");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&url(&lab, &attempt))
        .await
        .unwrap();
    let code = parameter(&callback, "code").unwrap();
    let fields = [
        ("client_id", GITHUB_CLIENT_ID),
        ("client_secret", GITHUB_CLIENT_SECRET),
        ("code", &code),
        ("code_verifier", &attempt.verifier),
    ];
    for expected in ["access_token", "error"] {
        let response = lab
            .http
            .post(lab.at(TOKEN))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encode(&fields))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(
            media_type.starts_with("application/x-www-form-urlencoded"),
            "{media_type}"
        );
        let body = response.bytes().await.unwrap();
        let names: Vec<String> = form_urlencoded::parse(&body)
            .map(|(name, _)| name.into_owned())
            .collect();
        assert!(names.iter().any(|name| name == expected), "{names:?}");
    }
}

#[tokio::test]
async fn errors_have_its_own_names() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("gist");
    for (change, error) in [
        (("client_secret", ""), "incorrect_client_credentials"),
        (("client_secret", "wrong"), "incorrect_client_credentials"),
        (("client_id", "unknown"), "incorrect_client_credentials"),
        (("code", "guessed"), "bad_verification_code"),
        (("code_verifier", "wrong"), "bad_verification_code"),
        (("code_verifier", ""), "bad_verification_code"),
        (
            ("redirect_uri", "app.tessera.desktop.dev:/callback"),
            "redirect_uri_mismatch",
        ),
        (("grant_type", "password"), "unsupported_grant_type"),
    ] {
        let callback = lab
            .sandbox
            .visitor("ann")
            .visit(&url(&lab, &attempt))
            .await
            .unwrap();
        let body = exchange(&lab, &attempt, &callback, &[change]).await;
        assert_eq!(body["error"], error, "{change:?}");
        assert!(body["error_uri"].is_string(), "{change:?}");
    }
    let used = lab
        .sandbox
        .visitor("ann")
        .visit(&url(&lab, &attempt))
        .await
        .unwrap();
    exchange(&lab, &attempt, &used, &[]).await;
    assert_eq!(
        exchange(&lab, &attempt, &used, &[]).await["error"],
        "bad_verification_code"
    );
}

#[tokio::test]
async fn pkce_is_taken_and_not_required() {
    let lab = Lab::start().await;
    let without = Attempt::new("gist")
        .without("code_challenge")
        .without("code_challenge_method");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&url(&lab, &without))
        .await
        .unwrap();
    let tokens = exchange(&lab, &without, &callback, &[("code_verifier", "")]).await;
    assert!(tokens["access_token"].is_string(), "{tokens}");
    let plain = Attempt::new("gist").set("code_challenge_method", "plain");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&url(&lab, &plain))
        .await
        .unwrap();
    assert_eq!(parameter(&callback, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_wrong_redirect_is_told_at_the_registered_one() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("gist").set("redirect_uri", "https://evil.example/callback");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&url(&lab, &attempt))
        .await
        .unwrap();
    assert!(
        callback.as_str().starts_with("app.tessera.desktop:/callback"),
        "{callback}"
    );
    assert_eq!(
        parameter(&callback, "error").as_deref(),
        Some("redirect_uri_mismatch")
    );
}

#[tokio::test]
async fn without_scopes_the_earlier_ones_are_meant() {
    let lab = Lab::start().await;
    let mut ann = lab.sandbox.visitor("ann");
    let attempt = Attempt::new("gist notifications unheard-of");
    let callback = ann.visit(&url(&lab, &attempt)).await.unwrap();
    assert_eq!(
        exchange(&lab, &attempt, &callback, &[]).await["scope"],
        "gist,notifications"
    );
    let attempt = Attempt::new("").without("scope");
    let callback = ann.visit(&url(&lab, &attempt)).await.unwrap();
    assert_eq!(
        exchange(&lab, &attempt, &callback, &[]).await["scope"],
        "gist,notifications"
    );
    assert_eq!(sign_in(&lab, "bob", "").await["scope"], "");
}

#[tokio::test]
async fn offline_access_makes_tokens_that_expire_and_refresh_once() {
    let lab = Lab::start().await;
    let tokens = sign_in(&lab, "ann", "read:user offline_access").await;
    assert_eq!(tokens["expires_in"], 28_800);
    assert_eq!(tokens["refresh_token_expires_in"], 15_897_600);
    assert_eq!(tokens["scope"], "read:user");
    let refresh = |tokens: &Value, secret: &'static str| {
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let lab = &lab;
        async move {
            let mut fields = vec![
                ("client_id", GITHUB_CLIENT_ID),
                ("grant_type", "refresh_token"),
                ("refresh_token", token.as_str()),
            ];
            if !secret.is_empty() {
                fields.push(("client_secret", secret));
            }
            post(lab, TOKEN, &fields).await
        }
    };
    assert_eq!(
        refresh(&tokens, "").await["error"],
        "incorrect_client_credentials"
    );
    let second = refresh(&tokens, GITHUB_CLIENT_SECRET).await;
    assert!(second["refresh_token"].as_str().unwrap().starts_with("ghr_"));
    assert_eq!(
        call(&lab, "/user", &tokens).await.0,
        401,
        "the earlier access token is ended"
    );
    assert_eq!(
        refresh(&tokens, GITHUB_CLIENT_SECRET).await["error"],
        "bad_refresh_token"
    );
    assert_eq!(call(&lab, "/user", &second).await.0, 200);
    lab.sandbox.clock().advance(28_800);
    assert_eq!(call(&lab, "/user", &second).await.0, 401);
}

#[tokio::test]
async fn a_device_needs_no_secret() {
    let lab = Lab::start().await;
    lab.sandbox.clock().set_now(1_800_000_000);
    let fields = [
        ("client_id", GITHUB_CLIENT_ID),
        ("scope", "read:user offline_access"),
    ];
    let codes = post(&lab, "/github/login/device/code", &fields).await;
    assert_eq!(
        (&codes["interval"], &codes["expires_in"]),
        (&json!(5), &json!(900))
    );
    let device_code = codes["device_code"].as_str().unwrap().to_owned();
    let poll = || {
        let device_code = device_code.clone();
        let lab = &lab;
        async move {
            let fields = [
                ("client_id", GITHUB_CLIENT_ID),
                ("device_code", device_code.as_str()),
                ("grant_type", DEVICE_GRANT),
            ];
            post(lab, TOKEN, &fields).await
        }
    };
    assert_eq!(poll().await["error"], "authorization_pending");
    let slow = poll().await;
    assert_eq!(
        (&slow["error"], &slow["interval"]),
        (&json!("slow_down"), &json!(10))
    );
    let page = codes["verification_uri"].as_str().unwrap();
    assert!(page.ends_with("/github/login/device"));
    let code = codes["user_code"].as_str().unwrap();
    lab.sandbox.visitor("bob").enter_code(page, code).await.unwrap();
    let tokens = poll().await;
    assert_eq!(call(&lab, "/user", &tokens).await.1["login"], "bob");

    let refresh = [
        ("client_id", GITHUB_CLIENT_ID),
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let refreshed = post(&lab, TOKEN, &refresh).await;
    assert!(refreshed["access_token"].is_string(), "{refreshed}");
    assert_eq!(poll().await["error"], "incorrect_device_code");
}

#[tokio::test]
async fn the_device_flow_can_be_switched_off() {
    let lab = Lab::with(Options {
        github_device_flow: false,
        ..Options::default()
    })
    .await;
    let codes = post(
        &lab,
        "/github/login/device/code",
        &[("client_id", GITHUB_CLIENT_ID)],
    )
    .await;
    assert_eq!(codes["error"], "device_flow_disabled");
}

#[tokio::test]
async fn its_api_wants_a_user_agent_and_the_right_scopes() {
    let lab = Lab::start().await;
    let tokens = sign_in(&lab, "ann", "read:user").await;
    let bare = lab
        .http
        .get(lab.api("/github/user"))
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 403);
    assert_eq!(call(&lab, "/user/emails", &tokens).await.0, 404);
    let (status, body) = call(&lab, "/user", &json!({ "access_token": "gho_guessed" })).await;
    assert_eq!((status, &body["message"]), (401, &json!("Bad credentials")));
    assert_eq!(call(&lab, "/nowhere", &tokens).await.0, 404);
}

#[tokio::test]
async fn repositories_page_by_links() {
    let lab = Lab::start().await;
    for (scope, count) in [("", 40), ("repo", 45)] {
        let tokens = sign_in(&lab, "ann", scope).await;
        let (_, first) = call(&lab, "/user/repos", &tokens).await;
        let (_, second) = call(&lab, "/user/repos?page=2", &tokens).await;
        let found = first.as_array().unwrap().len() + second.as_array().unwrap().len();
        assert_eq!(found, count, "with {scope:?}");
    }
}

#[tokio::test]
async fn tokens_are_ended_by_the_app_or_by_who_finds_them() {
    let lab = Lab::start().await;
    let delete = |tokens: &Value, secret: &'static str| {
        let address = lab.api(&format!("/github/applications/{GITHUB_CLIENT_ID}/token"));
        lab.http
            .delete(address)
            .header("user-agent", "test")
            .basic_auth(GITHUB_CLIENT_ID, Some(secret))
            .body(json!({ "access_token": tokens["access_token"] }).to_string())
            .send()
    };
    let tokens = sign_in(&lab, "ann", "gist").await;
    assert_eq!(delete(&tokens, "wrong").await.unwrap().status(), 401);
    assert_eq!(call(&lab, "/user", &tokens).await.0, 200);
    assert_eq!(delete(&tokens, GITHUB_CLIENT_SECRET).await.unwrap().status(), 204);
    assert_eq!(call(&lab, "/user", &tokens).await.0, 401);
    assert_eq!(delete(&tokens, GITHUB_CLIENT_SECRET).await.unwrap().status(), 404);

    let tokens = sign_in(&lab, "ann", "gist").await;
    let leaked = |bearer: bool| {
        let request = lab
            .http
            .post(lab.api("/github/credentials/revoke"))
            .header("user-agent", "test")
            .body(json!({ "credentials": [tokens["access_token"]] }).to_string());
        if bearer {
            request.bearer_auth("gho_any")
        } else {
            request
        }
        .send()
    };
    assert_eq!(leaked(true).await.unwrap().status(), 403);
    assert_eq!(leaked(false).await.unwrap().status(), 202);
    assert_eq!(call(&lab, "/user", &tokens).await.0, 401);
}

#[tokio::test]
async fn the_account_is_asked_for_when_the_answer_goes_to_an_app() {
    let lab = Lab::start().await;
    let mut ann = lab.sandbox.visitor("ann");
    let choices = || lab.sandbox.log().matching(|entry| entry.path == "/account").len();
    let to_app = Attempt::new("gist");
    let to_loopback = Attempt {
        redirect_uri: "http://127.0.0.1:5000/callback".to_owned(),
        ..Attempt::new("gist")
    };
    ann.visit(&url(&lab, &to_app)).await.unwrap();
    assert_eq!(choices(), 0, "a sign-in is a choice");
    ann.visit(&url(&lab, &to_loopback)).await.unwrap();
    assert_eq!(choices(), 0);
    ann.visit(&url(&lab, &to_app)).await.unwrap();
    assert_eq!(choices(), 1);
    ann.visit(&url(&lab, &to_loopback.set("prompt", "select_account")))
        .await
        .unwrap();
    assert_eq!(choices(), 2);
}

#[tokio::test]
async fn only_ten_sign_ins_with_the_same_scopes_stay() {
    let lab = Lab::start().await;
    lab.sandbox.clock().set_now(1_800_000_000);
    let mut all = Vec::new();
    for _ in 0..11 {
        lab.sandbox.clock().advance(1);
        all.push(sign_in(&lab, "ann", "gist").await);
    }
    assert_eq!(call(&lab, "/user", &all[0]).await.0, 401);
    assert_eq!(call(&lab, "/user", &all[1]).await.0, 200);
}
