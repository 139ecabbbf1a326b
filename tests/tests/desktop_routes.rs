//! A sign-in that does not go as it was begun, in the real window: the browser does not come back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use anyhow::{Result, ensure};
use lab::journey;
use lab::pages::{ANN, Pages};
use lab::setting::{self, Setting};
use tessera_sandbox::log::Endpoint;

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
