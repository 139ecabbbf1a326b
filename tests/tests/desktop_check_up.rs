//! The check-up in Settings, in the real window: an address goes out through the system and comes back, and what is
//! wrong is put right by a button.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use anyhow::{Result, ensure};
use lab::app::App;
use lab::pages::ANN;
use lab::setting::Setting;
use lab::{Desktop, journey, prompt, wait};

const CHECKS: [&str; 10] = [
    "data_folder",
    "providers",
    "session_bus",
    "keychain",
    "loopback",
    "browser",
    "scheme",
    "provider",
    "clock",
    "single_instance",
];

/// Looks, and gives back how this check stands.
async fn look(app: &App<'_>, check: &str) -> Result<String> {
    app.click("check-up-look").await?;
    ended(app).await?;
    app.attribute(&format!("finding-{check}"), "data-standing").await
}

/// Waits until nothing is looked at any more.
async fn ended(app: &App<'_>) -> Result<()> {
    app.find("check-up-verdict").await?;
    wait::until_true("the end of the check-up", wait::STEP, async || {
        let busy = "return document.querySelector('[data-testid=check-up] [aria-busy]') !== null;";
        Ok(app.script(busy).await?["value"] == false)
    })
    .await
}

/// Looks until all is well. An address has less than two seconds to come back, which a busy machine may need more than.
async fn all_is_well(app: &App<'_>) -> Result<()> {
    wait::until_true("a check-up that finds nothing wrong", wait::STEP, async || {
        Ok(look(app, "scheme").await? == "ok"
            && app.attribute("check-up-verdict", "data-wrong").await? == "0")
    })
    .await
}

/// Waits until the app has registered itself, which it does at its start.
async fn registered(desktop: &Desktop, scheme: &str) -> Result<()> {
    wait::until_true("the app registered with the system", wait::STEP, async || {
        Ok(!desktop.scheme_handler(scheme)?.trim().is_empty())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_and_no_browser_opens() -> Result<()> {
    journey("check-up", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        registered(desktop, scene.build.scheme).await?;
        app.click("nav-settings").await?;
        let tabs = scene.browser.tabs().await?;
        all_is_well(&app).await?;
        for check in CHECKS {
            let standing = app
                .attribute(&format!("finding-{check}"), "data-standing")
                .await?;
            ensure!(standing == "ok", "{check} {standing}");
        }
        app.says("finding-scheme", "came back to this program").await?;
        // What came back is no answer to anything: nothing is refused, nothing begins, nothing opens.
        ensure!(!app.shows("error").await?, "an error is shown");
        ensure!(!app.shows("notice-dismiss").await?, "a notice is shown");
        ensure!(scene.browser.tabs().await? == tabs, "a page was opened");
        // Neither is one that comes by itself, from whichever program.
        scene.hand_over(&format!("{}:/check?nonce=1&code=c&state=s", scene.build.scheme))?;
        all_is_well(&app).await?;
        ensure!(!app.shows("error").await?, "an error is shown");
        scene.sign_in(&app, ANN).await?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_the_system_forgot_is_registered_again_by_a_button() -> Result<()> {
    journey("check-up-repair", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        registered(desktop, scene.build.scheme).await?;
        let entry = desktop
            .data()
            .join("applications")
            .join(desktop.scheme_handler(scene.build.scheme)?.trim());
        std::fs::remove_file(&entry)?;

        app.click("nav-settings").await?;
        let tabs = scene.browser.tabs().await?;
        ensure!(look(&app, "scheme").await? == "failed", "nobody takes the scheme");
        app.says("finding-scheme", "Register Tessera again").await?;
        ensure!(scene.browser.tabs().await? == tabs, "a page was opened");

        app.click("repair-scheme").await?;
        wait::until_true(
            "the app registered again",
            wait::STEP,
            async || Ok(entry.exists()),
        )
        .await?;
        ended(&app).await?;
        all_is_well(&app).await?;
        // It is what sign-ins need.
        scene.sign_in(&app, ANN).await?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_keychain_is_unlocked_by_a_button_and_nobody_is_asked_before() -> Result<()> {
    journey("check-up-unlock", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        registered(desktop, scene.build.scheme).await?;
        scene.sign_in(&app, ANN).await?;
        app.click("nav-settings").await?;
        all_is_well(&app).await?;

        prompt::lock(desktop)?;
        ensure!(look(&app, "keychain").await? == "failed", "it is locked");
        app.says("finding-keychain", "Your keychain is locked.").await?;
        prompt::nobody_asks(desktop)?;

        // Whoever declines is told, and can do it after all.
        app.click("repair-keychain").await?;
        prompt::decline(desktop).await?;
        app.says("error", "Your keychain is locked.").await?;
        app.click("repair-keychain").await?;
        prompt::agree(desktop).await?;
        prompt::gone(desktop).await?;
        wait::until_true("the keychain being open", wait::STEP, async || {
            let standing = app.attribute("finding-keychain", "data-standing").await?;
            Ok(standing == "ok")
        })
        .await?;
        ended(&app).await?;
        ensure!(!app.shows("error").await?, "an error is still shown");
        all_is_well(&app).await?;
        app.close().await
    })
    .await
}
