//! The ways of a sign-in, in the real window: into the browser that was chosen, and on by another way where the browser
//! does not come back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};
use lab::desktop::Desktop;
use lab::journey;
use lab::pages::{ANN, Pages};
use lab::setting::{self, Setting};
use lab::visitor::{Decision, Visitor};
use tessera_sandbox::log::Endpoint;
use url::Url;

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_in_vain_goes_on_by_another_way_with_one_press() -> Result<()> {
    journey("routes-back", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        let tabs = scene.browser.tabs().await?;

        // After a while the next way is offered, and no more than that.
        app.find("offer").await?;
        ensure!(
            scene.browser.tabs().await? == tabs && scene.asked(Endpoint::Authorization).len() == 1,
            "a page was opened that nobody asked for"
        );

        app.click("other-route-loopback").await?;
        scene.browser.new_page(scene.sandbox.issuer()).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::signed_in(&app, ANN).await?;
        app.comes_forward().await?;
        let asked = scene.asked(Endpoint::Authorization);
        ensure!(
            asked.len() == 2 && scene.browser.tabs().await? == tabs + 1,
            "the browser was sent {} times",
            asked.len()
        );
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
async fn whose_browser_is_on_another_device_types_a_code_there() -> Result<()> {
    journey("another-device", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        let tabs = scene.browser.tabs().await?;

        app.click("other-route-device").await?;
        app.find("device-code").await?;
        let code = app.text("device-code").await?;
        let page = Url::parse(&app.text("device-page").await?)?;
        ensure!(
            page.origin() == Url::parse(scene.sandbox.issuer())?.origin(),
            "{page}"
        );
        let visitor = Visitor::new(Pages::Sandbox)?;
        visitor.enter_code(&page, &code, ANN, Decision::Allow).await?;
        setting::signed_in(&app, ANN).await?;
        scene.call_profile(&app, ANN).await?;
        let of_device = scene.asked(Endpoint::DeviceAuthorization).len();
        ensure!(
            of_device == 1 && scene.codes_spent() == 0 && scene.browser.tabs().await? == tabs,
            "a device asked {of_device} times, {} codes were spent, {} tabs were {tabs}",
            scene.codes_spent(),
            scene.browser.tabs().await?
        );
        scene.restart(app, ANN).await?.close().await
    })
    .await
}

/// A browser with two profiles, which writes down how it was started and leaves the page to the one that is there.
fn another_browser(desktop: &Desktop) -> Result<()> {
    let program = desktop.bin().join("brave-browser");
    let started = desktop.home().join("started");
    let script = format!(
        "#!/bin/sh\necho \"$1\" >> '{}'\nexec '{}' \"$2\"\n",
        started.display(),
        desktop.bin().join("browser").display()
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let folder = desktop.config().join("BraveSoftware/Brave-Browser");
    fs::create_dir_all(&folder)?;
    let profiles =
        r#"{"profile": {"info_cache": {"Default": {"name": "Home"}, "Profile 1": {"name": "Work"}}}}"#;
    Ok(fs::write(folder.join("Local State"), profiles)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_and_profile_that_were_chosen_are_opened_and_remembered() -> Result<()> {
    journey("another-browser", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        another_browser(desktop)?;
        let started = || fs::read_to_string(desktop.home().join("started")).unwrap_or_default();
        let app = scene.open().await?;
        app.choose("browser-choice", "Brave \u{2013} Work").await?;
        scene.begin(&app).await?;
        app.says("attempt-browser", "Brave, with the profile \u{201c}Work\u{201d}")
            .await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::signed_in(&app, ANN).await?;
        ensure!(started() == "--profile-directory=Profile 1\n", "{}", started());

        // Another start of the app, and nothing is chosen.
        app.close().await?;
        let app = scene.open().await?;
        app.click("nav-accounts").await?;
        app.click("account-open").await?;
        app.click("account-sign-in-again").await?;
        scene.browser.new_page(scene.sandbox.issuer()).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        app.says("welcome", ANN.name).await?;
        ensure!(
            started() == "--profile-directory=Profile 1\n".repeat(2),
            "{}",
            started()
        );
        app.close().await
    })
    .await
}
