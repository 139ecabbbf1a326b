//! A keyring that is locked: the real prompt, which the person declines, and then does not.

use anyhow::{Result, ensure};
use lab::processes::Process;
use lab::{Desktop, journey, keyring, tools, wait};

use crate::scene::{Scene, check};

/// The processes that ask for the keyring's password.
fn prompters(desktop: &Desktop) -> Vec<u32> {
    let asks = |process: &&Process| {
        ["gcr-prompter", "gcr4-prompter"]
            .iter()
            .any(|name| process.exe.ends_with(name))
    };
    desktop
        .processes()
        .iter()
        .filter(asks)
        .map(|process| process.pid)
        .collect()
}

/// Waits until the prompt is there and takes what is typed.
async fn prompt(desktop: &Desktop) -> Result<()> {
    wait::until_true(
        "the keyring's prompt (of the package gcr)",
        wait::STEP,
        async || {
            let active = desktop.active_window();
            Ok(active.is_some_and(|window| prompters(desktop).contains(&window.pid)))
        },
    )
    .await
}

/// Waits until nobody asks any more.
async fn no_prompt(desktop: &Desktop) -> Result<()> {
    wait::until_true("the prompt being gone", wait::STEP, async || {
        let mut windows = prompters(desktop)
            .into_iter()
            .flat_map(|pid| desktop.windows_of(pid));
        Ok(windows.next().is_none())
    })
    .await
}

fn lock(desktop: &Desktop) -> Result<()> {
    let mut lock = desktop.command(tools::find("gdbus")?);
    lock.args(["call", "--session", "--dest", "org.freedesktop.secrets"])
        .args(["--object-path", "/org/freedesktop/secrets"])
        .args(["--method", "org.freedesktop.Secret.Service.Lock"])
        .arg("['/org/freedesktop/secrets/collection/login']");
    desktop.run(&mut lock).map(drop)
}

#[tokio::test]
async fn a_locked_keyring_is_asked_for_and_costs_nothing_when_it_stays_locked() -> Result<()> {
    journey("errors-locked", async |desktop| {
        let scene = Scene::new(desktop).await?;
        lock(desktop)?;
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
            prompt(desktop).await?;
            desktop.press("Escape")?;
            check("a locked keyring", &run.end().await?, 6, "keychain_locked")?;
            no_prompt(desktop).await?;
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
        prompt(desktop).await?;
        desktop.type_text(std::str::from_utf8(lab::desktop::KEYRING_PASSWORD)?)?;
        desktop.press("Return")?;
        let ended = run.end().await?;
        ensure!(ended.code == Some(0), "{:?}", ended.notes);
        ensure!(keyring::kinds(desktop)? == ["access", "id_token", "refresh"]);
        let called = scene.call().await?;
        ensure!(called.code == Some(0), "{called:?}");
        ensure!(scene.listed().await? == scene.account);
        Ok(())
    })
    .await
}
