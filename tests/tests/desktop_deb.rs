//! The journey of `desktop.rs` against the package that people install: a release, started from `/usr/bin`, found by
//! the system through the entry that the package brings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use anyhow::{Result, ensure};
use lab::journey;
use lab::package::Package;
use lab::pages::ANN;
use lab::setting::{Build, Setting};
use tessera_sandbox::Options;

#[tokio::test(flavor = "multi_thread")]
async fn the_installed_package_signs_in_stays_signed_in_and_signs_out() -> Result<()> {
    let package = Package::install()?;
    let (program, entry) = (package.file("tessera-desktop")?, package.file("Tessera.desktop")?);
    journey("installed", async |desktop| {
        let build = Build::release(program.clone());
        let scheme = build.scheme;
        let scene = Setting::new(desktop, build, Options::default()).await?;
        let handler = desktop.scheme_handler(scheme)?;
        ensure!(entry.ends_with(&handler), "`{scheme}` is handled by `{handler}`");

        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        app.comes_forward().await?;
        ensure!(
            scene.codes_spent() == 1,
            "{} codes were spent",
            scene.codes_spent()
        );
        scene.call_profile(&app, ANN).await?;
        let app = scene.restart(app, ANN).await?;
        scene.sign_out(&app).await?;
        app.close().await?;

        // An entry of the person's own would outlive the package.
        for entry in fs::read_dir(desktop.data().join("applications"))? {
            let name = entry?.file_name();
            ensure!(
                !name.to_string_lossy().contains("essera"),
                "{} was written",
                name.display()
            );
        }
        Ok(())
    })
    .await?;
    package.remove()?;
    ensure!(
        !program.exists() && !entry.exists(),
        "something of the package is left"
    );
    Ok(())
}
