//! A keyring that is locked, and the window in which the person is asked for its password.

use anyhow::{Result, ensure};

use crate::desktop::{Desktop, KEYRING_PASSWORD};
use crate::processes::Process;
use crate::{tools, wait};

/// Locks the desktop's keyring.
pub fn lock(desktop: &Desktop) -> Result<()> {
    let mut lock = desktop.command(tools::find("gdbus")?);
    lock.args(["call", "--session", "--dest", "org.freedesktop.secrets"])
        .args(["--object-path", "/org/freedesktop/secrets"])
        .args(["--method", "org.freedesktop.Secret.Service.Lock"])
        .arg("['/org/freedesktop/secrets/collection/login']");
    desktop.run(&mut lock).map(drop)
}

/// Waits until the person is asked, and declines.
pub async fn decline(desktop: &Desktop) -> Result<()> {
    shown(desktop).await?;
    desktop.press("Escape")
}

/// Waits until the person is asked, and types the password.
pub async fn agree(desktop: &Desktop) -> Result<()> {
    shown(desktop).await?;
    desktop.type_text(std::str::from_utf8(KEYRING_PASSWORD)?)?;
    desktop.press("Return")
}

/// Waits until the window is there and takes what is typed.
async fn shown(desktop: &Desktop) -> Result<()> {
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

/// An error when the person is being asked.
pub fn nobody_asks(desktop: &Desktop) -> Result<()> {
    let asking = prompters(desktop)
        .into_iter()
        .any(|pid| !desktop.windows_of(pid).is_empty());
    ensure!(!asking, "the person is asked for the keyring's password");
    Ok(())
}

/// Waits until nobody asks any more.
pub async fn gone(desktop: &Desktop) -> Result<()> {
    wait::until_true("the prompt being gone", wait::STEP, async || {
        let mut windows = prompters(desktop)
            .into_iter()
            .flat_map(|pid| desktop.windows_of(pid));
        Ok(windows.next().is_none())
    })
    .await
}

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
