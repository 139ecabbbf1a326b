//! The device grant (RFC 8628): what is asked for, and for how long.

use std::time::Duration;

use tessera_client::{Attempt, Route, Scopes, SignIn};
use tessera_sandbox::Options;
use tessera_sandbox::log::Endpoint;

use crate::rig::Rig;

/// Types the code of `attempt` as `person`.
async fn enter_code(rig: &Rig, attempt: &Attempt, person: &str) {
    attempt.opened().await.unwrap();
    let prompt = attempt.view().device.unwrap();
    let mut visitor = rig.sandbox.visitor(person);
    visitor
        .enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
}

/// Without `openid` there would be no ID token (OpenID Connect Core section 3.1.2.1), and nobody signed in.
#[tokio::test]
async fn openid_is_asked_for_though_nobody_named_it() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let request = SignIn {
        scopes: Some(Scopes::parse("email")),
        ..rig.request(Route::Device)
    };
    let attempt = client.sign_in(request).unwrap();
    enter_code(&rig, &attempt, "bob").await;
    let account = attempt.wait().await.unwrap().account;
    assert_eq!(account.email.as_deref(), Some("bob@example.test"));
    assert_eq!(account.requested, Scopes::parse("openid email"));
}

#[tokio::test]
async fn what_is_shown_as_its_end_is_whichever_comes_first() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let request = SignIn {
        timeout: Duration::from_mins(1),
        ..rig.request(Route::Device)
    };
    let attempt = client.sign_in(request).unwrap();
    // The sandbox's codes are good for longer than that.
    let own_end = attempt.view().expires_at;
    attempt.opened().await.unwrap();
    assert_eq!(attempt.view().expires_at, own_end);
    attempt.cancel();
}

/// The provider says how long its codes are good for (RFC 8628 section 3.2), so nobody has to ask it again.
#[tokio::test]
async fn codes_that_have_run_out_are_not_asked_about() {
    let rig = Rig::with(Options {
        device_code_life: 60,
        ..Options::default()
    })
    .await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Device)).unwrap();
    attempt.opened().await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    assert_eq!(attempt.wait().await.unwrap_err().code(), "timed_out");
    assert_eq!(rig.requests(Endpoint::Token), 0);
}
