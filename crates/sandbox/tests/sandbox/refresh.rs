//! Refresh tokens: rotation, reuse, narrowing, revocation, and how long things last.

use serde_json::{Value, json};
use tessera_sandbox::log::Entry;
use tessera_sandbox::{CLIENT_ID, Options};

use crate::common::Lab;

const SCOPE: &str = "openid offline_access items:read";

#[tokio::test]
async fn a_used_refresh_token_ends_the_family() {
    let lab = Lab::start().await;
    let first = lab.sign_in("ann", SCOPE).await;
    let other_family = lab.sign_in("ann", SCOPE).await;
    let second = lab.refresh(&first).await.unwrap();
    assert_eq!(lab.refresh(&first).await.err().as_deref(), Some("invalid_grant"));
    assert_eq!(lab.refresh(&second).await.err().as_deref(), Some("invalid_grant"));
    assert_eq!(lab.call(&lab.api("/profile"), &second).await, Err(401));
    lab.refresh(&other_family).await.unwrap();
}

/// What the log says of each refresh token that came.
fn renewals(lab: &Lab) -> Vec<Entry> {
    let is_renewal = |entry: &Entry| entry.grant_type.as_deref() == Some("refresh_token");
    lab.sandbox.log().matching(is_renewal)
}

#[tokio::test]
async fn the_log_tells_which_token_came_of_which_family_and_what_ended_it() {
    let lab = Lab::start().await;
    let first = lab.sign_in("ann", SCOPE).await;
    let other_family = lab.sign_in("ann", SCOPE).await;
    let second = lab.refresh(&first).await.unwrap();
    for tokens in [&first, &first, &second] {
        lab.refresh(tokens).await.unwrap_err();
    }
    lab.refresh(&other_family).await.unwrap();
    lab.refresh(&json!({ "refresh_token": "never handed out" }))
        .await
        .unwrap_err();
    let entries = renewals(&lab);
    let [a, b, c, d, other, unknown] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    for entry in [b, c] {
        assert_eq!(entry.credential, a.credential);
    }
    assert_ne!(d.credential, a.credential);
    for entry in [b, c, d] {
        assert_eq!(entry.family, a.family);
    }
    assert_ne!(other.family, a.family);
    assert!(a.family.is_some() && other.family.is_some());
    assert_eq!(unknown.family, None);
    let ended = |entry: &Entry| entry.outcome.as_ref().unwrap().ended_family;
    assert_eq!(
        entries.iter().map(ended).collect::<Vec<_>>(),
        [false, true, false, false, false, false]
    );
    assert!(entries.iter().all(|entry| entry.from.is_some()));
}

#[tokio::test]
async fn refresh_tokens_are_marked_and_as_long_as_is_asked() {
    let lab = Lab::with(Options {
        refresh_token_mark: "marked_".to_owned(),
        refresh_token_length: 5_000,
        ..Options::default()
    })
    .await;
    let first = lab.sign_in("ann", SCOPE).await;
    let second = lab.refresh(&first).await.unwrap();
    for tokens in [&first, &second] {
        let token = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(token.len(), 5_000);
        assert!(token.starts_with("marked_"));
    }
    assert_ne!(first["refresh_token"], second["refresh_token"]);
}

#[tokio::test]
async fn a_grace_period_forgives_a_lost_answer() {
    let lab = Lab::with(Options {
        refresh_reuse_grace: 10,
        ..Options::default()
    })
    .await;
    lab.sandbox.clock().set_now(1_800_000_000);
    let first = lab.sign_in("ann", SCOPE).await;
    lab.refresh(&first).await.unwrap();
    lab.sandbox.clock().advance(10);
    let again = lab.refresh(&first).await.unwrap();
    lab.sandbox.clock().advance(1);
    assert_eq!(lab.refresh(&first).await.err().as_deref(), Some("invalid_grant"));
    assert_eq!(lab.refresh(&again).await.err().as_deref(), Some("invalid_grant"));
}

#[tokio::test]
async fn scopes_narrow_and_never_widen() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", SCOPE).await;
    let refresh = |token: String, scope: &'static str| {
        let lab = &lab;
        async move {
            lab.token(&[
                ("grant_type", "refresh_token"),
                ("client_id", CLIENT_ID),
                ("refresh_token", &token),
                ("scope", scope),
            ])
            .await
        }
    };
    let token_of = |tokens: &Value| tokens["refresh_token"].as_str().unwrap().to_owned();
    let wider = refresh(token_of(&tokens), "openid ledger:read").await;
    assert_eq!(wider.err().as_deref(), Some("invalid_scope"));
    // The refused request has not used the token up.
    let narrow = refresh(token_of(&tokens), "openid").await.unwrap();
    assert_eq!(narrow["scope"], "openid");
    assert_eq!(lab.call(&lab.api("/items"), &narrow).await, Err(403));
    let whole = lab.refresh(&narrow).await.unwrap();
    assert_eq!(whole["scope"], SCOPE);
}

#[tokio::test]
async fn another_client_cannot_use_the_token() {
    let mut options = Options::default();
    options.clients.push(tessera_sandbox::Client::public(
        "other",
        "Other",
        &["other.app:/callback"],
    ));
    let lab = Lab::with(options).await;
    let tokens = lab.sign_in("ann", SCOPE).await;
    let stolen = lab
        .token(&[
            ("grant_type", "refresh_token"),
            ("client_id", "other"),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ])
        .await;
    assert_eq!(stolen.err().as_deref(), Some("invalid_grant"));
    let (status, _) = lab
        .post(
            "/revoke",
            &[
                ("client_id", "other"),
                ("token", tokens["refresh_token"].as_str().unwrap()),
            ],
        )
        .await;
    assert_eq!(status, 200);
    lab.refresh(&tokens).await.unwrap();
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_access_tokens_too() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", SCOPE).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let (status, body) = lab
        .post("/revoke", &[("client_id", CLIENT_ID), ("token", token)])
        .await;
    assert_eq!((status, body), (200, Value::Null));
    assert_eq!(lab.refresh(&tokens).await.err().as_deref(), Some("invalid_grant"));
    assert_eq!(lab.userinfo(&tokens).await, Err(401));
    assert_eq!(lab.call(&lab.api("/profile"), &tokens).await, Err(401));
}

#[tokio::test]
async fn revoking_an_access_token_leaves_the_refresh_token() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", SCOPE).await;
    let token = tokens["access_token"].as_str().unwrap();
    lab.post("/revoke", &[("client_id", CLIENT_ID), ("token", token)])
        .await;
    assert_eq!(lab.call(&lab.api("/profile"), &tokens).await, Err(401));
    let refreshed = lab.refresh(&tokens).await.unwrap();
    lab.call(&lab.api("/profile"), &refreshed).await.unwrap();
}

#[tokio::test]
async fn revocation_answers_as_the_specification_says() {
    let lab = Lab::start().await;
    for (fields, status, error) in [
        (
            vec![("client_id", CLIENT_ID), ("token", "unknown")],
            200,
            Value::Null,
        ),
        (vec![("client_id", CLIENT_ID)], 400, json!("invalid_request")),
        (vec![("token", "unknown")], 401, json!("invalid_client")),
    ] {
        let (answered, body) = lab.post("/revoke", &fields).await;
        assert_eq!((answered, &body["error"]), (status, &error), "{fields:?}");
    }
}

#[tokio::test]
async fn access_tokens_last_as_long_as_they_say() {
    let lab = Lab::start().await;
    lab.sandbox.clock().set_now(1_800_000_000);
    let tokens = lab.sign_in("ann", SCOPE).await;
    lab.sandbox.clock().advance(299);
    lab.call(&lab.api("/profile"), &tokens).await.unwrap();
    lab.userinfo(&tokens).await.unwrap();
    lab.sandbox.clock().advance(1);
    assert_eq!(lab.call(&lab.api("/profile"), &tokens).await, Err(401));
    assert_eq!(lab.userinfo(&tokens).await, Err(401));

    let tokens = lab.refresh(&tokens).await.unwrap();
    lab.call(&lab.api("/profile"), &tokens).await.unwrap();
    lab.sandbox.expire_access_tokens();
    assert_eq!(lab.call(&lab.api("/profile"), &tokens).await, Err(401));
    lab.refresh(&tokens).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_runs_out() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", SCOPE).await;
    lab.sandbox.clock().advance(30 * 24 * 60 * 60);
    assert_eq!(lab.refresh(&tokens).await.err().as_deref(), Some("invalid_grant"));
}

#[tokio::test]
async fn everything_can_be_revoked_at_the_provider() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", SCOPE).await;
    lab.sandbox.revoke_everything();
    assert_eq!(lab.refresh(&tokens).await.err().as_deref(), Some("invalid_grant"));
    assert_eq!(lab.call(&lab.api("/profile"), &tokens).await, Err(401));
}
