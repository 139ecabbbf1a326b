//! This computer's clock is not the provider's: what is tolerated, and what a person is told beyond that.

use std::sync::atomic::Ordering;

use tessera_client::{Category, Error, Route, SignInNeed};
use tessera_oidc::checks::{CheckId, Outcome};
use tessera_sandbox::log::Endpoint;

use crate::rig::{Rig, rule};

/// Signs in with a clock that is so many seconds ahead.
async fn sign_in(rig: &Rig, ahead: i64) -> Result<tessera_client::SignedIn, Error> {
    rig.ahead.store(ahead, Ordering::SeqCst);
    let client = rig.client().await;
    rig.sign_in_with(&client, rig.request(Route::Scheme), "ann").await
}

#[tokio::test]
async fn five_minutes_are_no_matter() {
    for ahead in [-290, 290] {
        let signed_in = sign_in(&Rig::new().await, ahead).await.unwrap();
        let issued_at = signed_in.checks.outcome(CheckId::IdTokenIssuedAt);
        assert_eq!(issued_at, Some(Outcome::Passed), "{ahead}");
    }
}

#[tokio::test]
async fn a_clock_that_is_further_off_is_named_with_its_difference() {
    for (ahead, told, check) in [
        (
            12 * 60,
            "Your computer's clock is 12 minutes ahead of the provider's,",
            CheckId::IdTokenExpiry,
        ),
        (
            -12 * 60,
            "Your computer's clock is 12 minutes behind the provider's,",
            CheckId::IdTokenIssuedAt,
        ),
        (
            365 * 86_400,
            "Your computer's clock is 365 days ahead of the provider's,",
            CheckId::IdTokenExpiry,
        ),
    ] {
        let rig = Rig::new().await;
        let error = sign_in(&rig, ahead).await.unwrap_err();
        assert_eq!(error.code(), "clock_differs", "{ahead}");
        assert_eq!(error.category(), Category::CheckFailed);
        // A second may pass between the answer and the check.
        let told_late = told.replace("12 minutes behind", "11 minutes behind");
        assert!(
            error.message().starts_with(told) || error.message().starts_with(&told_late),
            "{}",
            error.message()
        );
        assert!(error.hint().contains("clock"), "{}", error.hint());
        let Error::IdToken(refusal) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(refusal.verdicts.outcome(check), Some(Outcome::Failed));
        // Nothing was asked for with what a refused statement came with, and nothing was kept.
        assert_eq!(rig.requests(Endpoint::Userinfo), 0);
        assert!(rig.keychain.kinds().is_empty());
    }
}

#[tokio::test]
async fn a_token_that_is_out_of_date_at_the_provider_too_is_not_put_on_the_clock() {
    for (fault, code) in [
        ("id-token-expired", "id_token_exp"),
        ("id-token-from-the-future", "id_token_iat"),
        ("id-token-old", "id_token_iat"),
    ] {
        for ahead in [0, 290] {
            let rig = Rig::new().await;
            rig.fault(fault);
            let error = sign_in(&rig, ahead).await.unwrap_err();
            assert_eq!(error.code(), code, "{fault}, {ahead} seconds ahead");
        }
    }
    let rig = Rig::new().await;
    rig.fault("id-token-expired");
    let error = sign_in(&rig, 3600).await.unwrap_err();
    assert_eq!(error.code(), "id_token_exp", "it would be expired by any clock");
}

#[tokio::test]
async fn a_clock_that_went_wrong_since_the_sign_in_signs_nobody_out() {
    for ahead in [3600, -3600] {
        let rig = Rig::new().await;
        let id = sign_in(&rig, 0).await.unwrap().account.id;
        rig.sandbox.clock().advance(2 * 3600);
        let client = rig.client().await;
        rig.ahead.store(ahead, Ordering::SeqCst);
        let error = client.access_token(&id).await.unwrap_err();
        assert_eq!(error.code(), "clock_differs", "{ahead}");
        assert!(error.message().contains("computer's clock is"), "{error}");
        let state = client.account(&id).await.unwrap().state;
        assert_eq!(state.as_str(), "signed_in", "{ahead}");
        // The refresh token that came was kept: the next one works, in this process or another.
        rig.ahead.store(0, Ordering::SeqCst);
        client.access_token(&id).await.unwrap();
        rig.sandbox.clock().advance(2 * 3600);
        rig.client().await.access_token(&id).await.unwrap();
        assert_eq!(rig.token_requests("refresh_token"), 3);
    }
}

#[tokio::test]
async fn a_small_difference_at_a_refresh_is_no_matter() {
    for ahead in [290, -290] {
        let rig = Rig::new().await;
        let id = sign_in(&rig, 0).await.unwrap().account.id;
        rig.sandbox.clock().advance(2 * 3600);
        rig.ahead.store(ahead, Ordering::SeqCst);
        rig.client().await.access_token(&id).await.unwrap();
    }
}

#[tokio::test]
async fn a_renewed_statement_is_not_believed_because_of_the_time_it_gives_itself() {
    let rig = Rig::new().await;
    let id = sign_in(&rig, 0).await.unwrap().account.id;
    rig.sandbox.clock().advance(2 * 3600);
    rig.sandbox
        .faults()
        .set(rule("id-token-from-the-future").grant_type("refresh_token"));
    let error = rig.client().await.access_token(&id).await.unwrap_err();
    assert_eq!(error.code(), "id_token_iat");
}

#[tokio::test]
async fn what_cannot_be_renewed_is_over_by_the_clock_and_good_again_by_a_clock_that_is_put_right() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.fault("token-no-refresh-token");
    let id = rig.sign_in(&client, "ann").await.account.id;
    rig.sandbox.clock().advance(24 * 60 * 60);
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.code(), "needs_sign_in");
    let state = async || rig.client().await.account(&id).await.unwrap().state;
    assert_eq!(state().await.need(), Some(SignInNeed::NotRenewable));
    rig.sandbox.clock().advance(-24 * 60 * 60);
    assert_eq!(state().await.as_str(), "signed_in");
    client.access_token(&id).await.unwrap();
}
