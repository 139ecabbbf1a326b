//! A list of accounts that is damaged, in the terminal: it is said once, the file is kept, and the keyring's secrets go
//! on being used.

use anyhow::{Result, ensure};
use lab::{journey, keyring};

use crate::scene::Scene;

#[tokio::test]
async fn a_damaged_list_is_told_of_and_its_account_comes_back_from_the_keyring() -> Result<()> {
    journey("errors-damaged", async |desktop| {
        let scene = Scene::new(desktop).await?;
        let held = keyring::entries(desktop)?;
        let file = desktop.tessera().join("tessera.db");
        let mut bytes = std::fs::read(&file)?;
        bytes[..100].fill(b'x');
        std::fs::write(&file, &bytes)?;

        let listed = scene.terminal.run(&["accounts", "--json"]).await?;
        ensure!(listed.code == Some(0), "{listed:?}");
        ensure!(
            listed.notes.contains("kept it aside and began a new one"),
            "{listed:?}"
        );
        let account = &listed.json()?[0];
        for field in ["id", "name", "email", "state", "expires_at"] {
            ensure!(account[field] == scene.account[field], "{field}: {account}");
        }
        let names = std::fs::read_dir(desktop.tessera())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<Vec<_>>>()?;
        ensure!(
            names.iter().any(|name| name.starts_with("tessera.db.damaged-")),
            "{names:?}"
        );
        ensure!(keyring::entries(desktop)? == held, "the keyring is as it was");

        let called = scene.call().await?;
        ensure!(called.code == Some(0) && called.notes.is_empty(), "{called:?}");
        scene.hunt(&[], &[]).await
    })
    .await
}
