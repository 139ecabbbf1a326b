//! A keyring that is locked: the real prompt, which the person declines, and then does not.

use anyhow::{Result, ensure};
use lab::{journey, keyring, prompt};

use crate::scene::{Scene, check};

#[tokio::test]
async fn a_locked_keyring_is_asked_for_and_costs_nothing_when_it_stays_locked() -> Result<()> {
    journey("errors-locked", async |desktop| {
        let scene = Scene::new(desktop).await?;
        prompt::lock(desktop)?;
        let token = [
            "token",
            scene.account["id"].as_str().unwrap_or_default(),
            "--json",
        ];
        let given = scene.op.events("token").await?;
        for signing_in in [true, false] {
            let run = if signing_in {
                scene.login(&[])?
            } else {
                scene.terminal.start(&token)?
            };
            prompt::decline(desktop).await?;
            check("a locked keyring", &run.end().await?, 6, "keychain_locked")?;
            prompt::gone(desktop).await?;
            ensure!(scene.listed().await? == scene.account, "the list asks no keyring");
        }
        ensure!(
            scene.op.events("authorization").await?.len() == 1,
            "no page was opened"
        );
        ensure!(
            scene.op.events("token").await? == given,
            "the provider was not asked"
        );

        // The person unlocks it, and what was waiting goes on.
        let run = scene.terminal.start(&token)?;
        prompt::agree(desktop).await?;
        let ended = run.end().await?;
        ensure!(ended.code == Some(0), "{:?}", ended.notes);
        ensure!(keyring::kinds(desktop)? == ["access", "account", "id_token", "refresh"]);
        let called = scene.call().await?;
        ensure!(called.code == Some(0), "{called:?}");
        ensure!(scene.listed().await? == scene.account);
        Ok(())
    })
    .await
}
