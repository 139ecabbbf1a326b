//! The app in its real window, signed in to through a real browser, with the answer coming back by the private
//! scheme, and everything kept in a real keyring: what a person does, in the order they do it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use anyhow::{Result, ensure};
use lab::pages::{ANN, BOB, Pages};
use lab::setting::{self, Setting};
use lab::{app, journey, keyring};
use tessera_sandbox::log::Endpoint;

/// What a person sees of a sign-in that was checked.
const CHECKS: [&str; 8] = [
    "callback.state",
    "callback.iss",
    "id_token.signature",
    "id_token.iss",
    "id_token.aud",
    "id_token.exp",
    "id_token.nonce",
    "id_token.at_hash",
];

#[tokio::test(flavor = "multi_thread")]
async fn signs_in_while_the_app_is_open_and_calls_the_protected_api() -> Result<()> {
    journey("sign-in-hot", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        desktop.focus(&scene.browser.window().await?).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        keyring::holds(desktop, &["attempt"]).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;

        setting::signed_in(&app, ANN).await?;
        app.find("welcome").await?;
        app.comes_forward().await?;
        ensure!(
            scene.codes_spent() == 1,
            "{} codes were spent",
            scene.codes_spent()
        );
        keyring::holds(desktop, &["access", "refresh"]).await?;

        app.click("account-open").await?;
        for check in CHECKS {
            let outcome = app.attribute(&format!("check-{check}"), "data-outcome").await?;
            ensure!(outcome == "passed", "{check} {outcome}");
        }
        scene.call_profile(&app, ANN).await?;
        ensure!(scene.asked(Endpoint::Api).len() == 1, "one call reached the API");
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_in_though_the_app_was_closed_before_the_browser_was_done() -> Result<()> {
    journey("sign-in-cold", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let program = &scene.build.program;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        app.close().await?;
        keyring::holds(desktop, &["attempt"]).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;

        // The browser starts the app, which nobody drives.
        keyring::holds(desktop, &["access", "refresh"]).await?;
        app::comes_forward(desktop, program).await?;
        ensure!(
            scene.codes_spent() == 1,
            "{} codes were spent",
            scene.codes_spent()
        );
        for process in desktop.processes_of(program) {
            ensure!(
                !process.shown().contains("code="),
                "the callback stays in {}",
                process.shown()
            );
        }
        app::close(desktop, program).await?;

        let app = scene.open().await?;
        app.click("nav-accounts").await?;
        setting::signed_in(&app, ANN).await?;
        scene.call_profile(&app, ANN).await?;
        ensure!(
            scene.codes_spent() == 1,
            "{} codes were spent",
            scene.codes_spent()
        );
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn stays_signed_in_without_a_browser_until_the_sign_out_which_revokes() -> Result<()> {
    journey("restart-and-sign-out", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let app = scene.restart(app, ANN).await?;
        scene.sign_out(&app).await?;
        app.click("receipt-close").await?;
        app.find("accounts-empty").await?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_sign_in_is_over_whatever_the_browser_brings_later() -> Result<()> {
    journey("cancel", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        app.click("cancel-sign-in").await?;
        app.gone("attempt-waiting").await?;
        keyring::holds(desktop, &[]).await?;

        // The page in the browser does not know.
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::error(&app, "attempt_gone").await?;
        app.comes_forward().await?;
        ensure!(
            scene.asked(Endpoint::Token).is_empty(),
            "a token request was spent"
        );
        app.click("nav-accounts").await?;
        app.find("accounts-empty").await?;

        scene.sign_in_again(&app, ANN).await?;
        ensure!(
            scene.codes_spent() == 1,
            "{} codes were spent",
            scene.codes_spent()
        );
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_was_not_awaited_spends_nothing_and_the_sign_in_goes_on() -> Result<()> {
    journey("wrong-state", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        let (scheme, issuer) = (scene.build.scheme, scene.sandbox.issuer());
        let state = keyring::value(desktop, "attempt", "state")?;
        for (forged, code) in [
            (
                format!("/callback?code=forged&state=forged&iss={issuer}"),
                "attempt_gone",
            ),
            (format!("/callback?code=forged&iss={issuer}"), "attempt_gone"),
            (
                format!(
                    "/callback?code=forged&state={}&iss={issuer}",
                    state.to_lowercase()
                ),
                "attempt_gone",
            ),
            (
                format!("/callback?error=access_denied&state=forged&iss={issuer}"),
                "attempt_gone",
            ),
            (
                format!("/elsewhere?code=forged&state={state}&iss={issuer}"),
                "redirect_uri_mismatch",
            ),
            (
                format!("/callback?code=forged&state={state}&state={state}&iss={issuer}"),
                "callback_duplicate_parameter",
            ),
        ] {
            desktop.focus(&scene.browser.window().await?).await?;
            scene.hand_over(&format!("{scheme}:{forged}"))?;
            setting::error(&app, code).await?;
            app.comes_forward().await?;
            setting::waiting(&app).await?;
            app.click("notice-dismiss").await?;
            app.gone("error").await?;
        }
        ensure!(
            scene.asked(Endpoint::Token).is_empty(),
            "a token request was spent"
        );

        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::signed_in(&app, ANN).await?;
        ensure!(
            scene.codes_spent() == 1,
            "{} codes were spent",
            scene.codes_spent()
        );
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_loaded_anew_shows_what_goes_on_and_who_is_signed_in() -> Result<()> {
    journey("reload", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        app.reload().await?;
        setting::waiting(&app).await?;
        Pages::Sandbox.log_in_with(&scene.browser, BOB).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::signed_in(&app, BOB).await?;

        app.reload().await?;
        setting::signed_in(&app, BOB).await?;
        ensure!(!app.shows("attempt-waiting").await?, "something still waits");
        scene.call_profile(&app, BOB).await?;
        ensure!(
            scene.codes_spent() == 1,
            "{} codes were spent",
            scene.codes_spent()
        );
        app.close().await
    })
    .await
}
