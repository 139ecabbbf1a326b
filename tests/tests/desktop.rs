//! The app in its real window, signed in to through a real browser, with the answer coming back by the private
//! scheme, and everything kept in a real keyring: what a person does, in the order they do it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use anyhow::{Result, ensure};
use lab::pages::{ANN, BOB, Pages};
use lab::setting::{self, Setting};
use lab::trap::Trap;
use lab::{app, journey, keyring, wait};
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
        keyring::holds(desktop, &["access", "account", "id_token", "refresh"]).await?;

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
        keyring::holds(desktop, &["access", "account", "id_token", "refresh"]).await?;
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
        let mut first = true;
        for (forged, code) in [
            (
                format!("/callback?code=forged&state=forged&iss={issuer}"),
                "answer_not_awaited",
            ),
            (
                format!("/callback?code=forged&iss={issuer}"),
                "answer_not_awaited",
            ),
            (
                format!(
                    "/callback?code=forged&state={}&iss={issuer}",
                    state.to_lowercase()
                ),
                "answer_not_awaited",
            ),
            (
                format!("/callback?error=access_denied&state=forged&iss={issuer}"),
                "answer_not_awaited",
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
            let browser = scene.browser.window().await?;
            desktop.focus(&browser).await?;
            scene.hand_over(&format!("{scheme}:{forged}"))?;
            setting::error(&app, code).await?;
            // Whoever sends such addresses calls the person to the window once.
            if first {
                app.comes_forward().await?;
                first = false;
            } else {
                let active = desktop.active_window();
                ensure!(active.as_ref() == Some(&browser), "{active:?} came forward");
            }
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
async fn a_damaged_list_of_accounts_is_told_of_and_comes_back_from_the_keyring() -> Result<()> {
    journey("damaged-list", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::signed_in(&app, ANN).await?;
        app.close().await?;
        // An app that ended leaves what it wrote last in the log beside the file.
        for file in ["tessera.db", "tessera.db-wal"] {
            fs::write(
                desktop.tessera().join(file),
                "this is not a database any more".repeat(500),
            )?;
        }

        let app = scene.open().await?;
        setting::error(&app, "store_begun_anew").await?;
        app.click("notice-dismiss").await?;
        app.click("nav-accounts").await?;
        setting::signed_in(&app, ANN).await?;
        app.click("account-open").await?;
        app.says("kept-refresh_token", "the GNOME keyring").await?;
        scene.call_profile(&app, ANN).await?;
        keyring::holds(desktop, &["access", "account", "id_token", "refresh"]).await?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_the_addresses_of_its_own_scheme_and_leaves_the_other_builds_where_they_are() -> Result<()> {
    journey("two-builds", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let entries = desktop.data().join("applications");
        // As a release that was not installed leaves it: by its own name, and by the one that the program has.
        let release = "app.tessera.desktop";
        let others = [
            format!("{release}-handler.desktop"),
            "tessera-desktop-handler.desktop".to_owned(),
        ];
        let entry = format!(
            "[Desktop Entry]\nType=Application\nName=Tessera\nExec=/bin/true %u\nNoDisplay=true\n\
             MimeType=x-scheme-handler/{release};\n"
        );
        for other in &others {
            fs::write(entries.join(other), &entry)?;
            desktop.handle_scheme(release, other)?;
            let app = scene.open().await?;
            let own = format!("{}-handler.desktop", scene.build.scheme);
            wait::until_true("the scheme's own entry", wait::STEP, async || {
                Ok(desktop.scheme_handler(scene.build.scheme)? == own)
            })
            .await?;
            ensure!(
                desktop.scheme_handler(release)? == *other,
                "the release lost its scheme"
            );
            ensure!(
                fs::read_to_string(entries.join(other))? == entry,
                "{other} was changed"
            );
            let own = fs::read_to_string(entries.join(own))?;
            ensure!(
                own.contains(&format!("Exec=\"{}\" %u", scene.build.program.display())),
                "{own}"
            );
            app.close().await?;
        }
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_person_allows_gets_the_token_at_once() -> Result<()> {
    journey("allow-api", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let trap = Trap::set().await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        setting::refused_call(&app, &trap.origin).await?;

        app.click("nav-settings").await?;
        app.click(&format!("provider-set-{}", setting::PROVIDER)).await?;
        let apis = format!("{} {}", scene.sandbox.api(), trap.origin);
        app.fill("apis-input", &apis).await?;
        app.click("provider-save").await?;
        let question = app.question().await?;
        desktop.press("Escape")?;
        app.answered(&question).await?;
        setting::error(&app, "api_not_allowed").await?;
        setting::refused_call(&app, &trap.origin).await?;
        ensure!(trap.caught().is_empty(), "{:?}", trap.caught());

        app.click("nav-settings").await?;
        app.click(&format!("provider-set-{}", setting::PROVIDER)).await?;
        app.fill("apis-input", &apis).await?;
        app.click("provider-save").await?;
        let question = app.question().await?;
        // From the button that says no, to the one beside it.
        desktop.press("Tab")?;
        desktop.press("Return")?;
        app.answered(&question).await?;
        app.gone("provider-form").await?;
        setting::call(&app, &trap.origin, "caught").await?;
        let caught = trap.caught();
        ensure!(
            caught.len() == 1 && caught[0].to_lowercase().contains("authorization: bearer"),
            "{caught:?}"
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
