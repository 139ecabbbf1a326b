//! What an authorization request and a code must be like.

use tessera_sandbox::{CLIENT_ID, CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, VisitError};

use crate::common::{Attempt, Lab, REDIRECT, parameter};

/// A request that is refused at the client, with this error.
#[tokio::test]
async fn refused_at_the_client() {
    let lab = Lab::start().await;
    let good = || Attempt::new("openid");
    for (attempt, expected) in [
        (
            good().without("code_challenge").without("code_challenge_method"),
            "invalid_request",
        ),
        (good().without("code_challenge_method"), "invalid_request"),
        (good().set("code_challenge_method", "plain"), "invalid_request"),
        (good().set("code_challenge", "short"), "invalid_request"),
        (good().set("code_challenge", &"=".repeat(43)), "invalid_request"),
        (good().without("response_type"), "invalid_request"),
        (good().set("response_type", "token"), "unsupported_response_type"),
        (
            good().set("response_type", "code id_token"),
            "unsupported_response_type",
        ),
        (good().set("response_mode", "fragment"), "invalid_request"),
        (good().set("scope", "openid unheard:of"), "invalid_scope"),
        (good().set("prompt", "none login"), "invalid_request"),
        (good().set("max_age", "-1"), "invalid_request"),
        (good().set("request", "e30."), "request_not_supported"),
    ] {
        let callback = lab
            .sandbox
            .visitor("ann")
            .visit(&attempt.url(&lab))
            .await
            .unwrap();
        let changes = &attempt.changes;
        assert_eq!(
            parameter(&callback, "error").as_deref(),
            Some(expected),
            "{changes:?}"
        );
        assert_eq!(
            parameter(&callback, "iss").as_deref(),
            Some(lab.sandbox.issuer()),
            "{changes:?}"
        );
        assert_eq!(
            parameter(&callback, "state").as_deref(),
            Some(attempt.state.as_str()),
            "{changes:?}"
        );
        assert_eq!(parameter(&callback, "code"), None, "{changes:?}");
    }
    let twice = format!("{}&nonce=again", good().url(&lab));
    let callback = lab.sandbox.visitor("ann").visit(&twice).await.unwrap();
    assert_eq!(parameter(&callback, "error").as_deref(), Some("invalid_request"));
}

/// A request after which the browser is sent nowhere.
#[tokio::test]
async fn refused_on_a_page() {
    let lab = Lab::start().await;
    let good = || Attempt::new("openid");
    for attempt in [
        good().without("client_id"),
        good().set("client_id", "someone-else"),
        good().without("redirect_uri"),
        good().set("redirect_uri", "https://evil.example/callback"),
        good().set("request_uri", "https://app.example/r"),
        good().set("redirect_uri", "app.tessera.desktop:/callback/more"),
        good().set("redirect_uri", "app.tessera.desktop:/callback?x=1"),
        good().set("redirect_uri", "http://localhost:5000/callback"),
        good().set("redirect_uri", "http://127.0.0.1:5000/other"),
    ] {
        let refused = lab.sandbox.visitor("ann").visit(&attempt.url(&lab)).await;
        let Err(VisitError::Page { status: 400, title }) = refused else {
            panic!("{:?}: {refused:?}", attempt.changes);
        };
        assert_eq!(title, "This sign-in cannot start", "{:?}", attempt.changes);
    }
    let twice = format!("{}&redirect_uri=https://evil.example", good().url(&lab));
    assert!(lab.sandbox.visitor("ann").visit(&twice).await.is_err());
}

#[tokio::test]
async fn any_port_on_loopback_will_do() {
    let lab = Lab::start().await;
    for redirect_uri in [
        "http://127.0.0.1:49152/callback",
        "http://[::1]:49153/callback",
        "app.tessera.desktop.dev:/callback",
    ] {
        let attempt = Attempt {
            redirect_uri: redirect_uri.to_owned(),
            ..Attempt::new("openid")
        };
        let callback = lab
            .sandbox
            .visitor("ann")
            .visit(&attempt.url(&lab))
            .await
            .unwrap();
        lab.exchange(&attempt, &attempt.code(&lab, &callback))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn denied_means_denied() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid");
    let callback = lab
        .sandbox
        .visitor("ann")
        .denying()
        .visit(&attempt.url(&lab))
        .await
        .unwrap();
    assert!(callback.as_str().starts_with(REDIRECT));
    assert_eq!(parameter(&callback, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&callback, "iss").as_deref(), Some(lab.sandbox.issuer()));
    assert_eq!(parameter(&callback, "code"), None);
}

/// Token requests that a good code does not help.
#[tokio::test]
async fn a_code_is_exchanged_only_by_who_asked_for_it() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid");
    for (change, expected) in [
        (
            Some((
                "code_verifier",
                "another-verifier-that-is-long-enough-0123456789-ab",
            )),
            "invalid_grant",
        ),
        (Some(("code_verifier", "")), "invalid_grant"),
        (
            Some(("redirect_uri", "app.tessera.desktop.dev:/callback")),
            "invalid_grant",
        ),
        (Some(("redirect_uri", "")), "invalid_grant"),
        (Some(("client_id", "someone-else")), "invalid_client"),
        (Some(("client_secret", "a-secret")), "invalid_client"),
        (Some(("grant_type", "password")), "unsupported_grant_type"),
        (Some(("grant_type", "")), "invalid_request"),
        (Some(("code", "guessed")), "invalid_grant"),
        (Some(("code", "")), "invalid_request"),
        (None, ""),
    ] {
        let callback = lab
            .sandbox
            .visitor("ann")
            .visit(&attempt.url(&lab))
            .await
            .unwrap();
        let code = attempt.code(&lab, &callback);
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", attempt.verifier.as_str()),
        ];
        if let Some((name, value)) = change {
            fields.retain(|(own, _)| *own != name);
            fields.push((name, value));
        }
        let answer = lab.token(&fields).await;
        match change {
            Some(_) => assert_eq!(answer.err().as_deref(), Some(expected), "{change:?}"),
            None => assert!(answer.is_ok()),
        }
    }
    let twice = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", "a"),
        ("code", "a"),
    ];
    assert_eq!(lab.token(&twice).await.err().as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_code_works_once_and_a_second_try_revokes_what_came_of_it() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid offline_access items:read");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&attempt.url(&lab))
        .await
        .unwrap();
    let code = attempt.code(&lab, &callback);
    let tokens = lab.exchange(&attempt, &code).await.unwrap();
    let refreshed = lab.refresh(&tokens).await.unwrap();
    lab.call(&lab.api("/profile"), &refreshed).await.unwrap();

    assert_eq!(
        lab.exchange(&attempt, &code).await.err().as_deref(),
        Some("invalid_grant")
    );
    assert_eq!(
        lab.refresh(&refreshed).await.err().as_deref(),
        Some("invalid_grant")
    );
    assert_eq!(lab.userinfo(&refreshed).await, Err(401));
    assert_eq!(lab.call(&lab.api("/profile"), &refreshed).await, Err(401));
}

#[tokio::test]
async fn a_code_lasts_a_minute() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid");
    let mut ann = lab.sandbox.visitor("ann");
    for (wait, good) in [(59, true), (60, false)] {
        // The clock stands still, so that the wait is exactly as long as it says.
        lab.sandbox.clock().set_now(1_800_000_000);
        let callback = ann.visit(&attempt.url(&lab)).await.unwrap();
        lab.sandbox.clock().advance(wait);
        let exchanged = lab.exchange(&attempt, &attempt.code(&lab, &callback)).await;
        assert_eq!(exchanged.is_ok(), good, "after {wait} seconds");
    }
}

#[tokio::test]
async fn a_client_with_a_secret_shows_it_in_the_header() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid").set("client_id", CONFIDENTIAL_CLIENT_ID);
    let visit = lab.sandbox.visitor("ann").visit(&attempt.url(&lab)).await;
    let code = attempt.code(&lab, &visit.unwrap());
    let body = crate::common::encode(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &attempt.redirect_uri),
        ("code_verifier", &attempt.verifier),
    ]);
    let ask = async |secret: Option<&str>, more: &str| {
        let mut request = lab
            .http
            .post(lab.at("/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("{body}{more}"));
        if let Some(secret) = secret {
            let encoded =
                |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encoded(CONFIDENTIAL_CLIENT_ID), Some(encoded(secret)));
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        ask(None, &format!("&client_id={CONFIDENTIAL_CLIENT_ID}")).await,
        401
    );
    assert_eq!(ask(Some("wrong"), "").await, 401);
    assert_eq!(
        ask(Some(CONFIDENTIAL_CLIENT_SECRET), "&client_secret=x").await,
        401
    );
    // None of them has used the code up.
    assert_eq!(ask(Some(CONFIDENTIAL_CLIENT_SECRET), "").await, 200);
}
