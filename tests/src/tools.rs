//! Where the lab's tools are, and which package brings the one that is missing.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

/// Programs from the system, and the Debian and Ubuntu package of each.
const PACKAGES: [(&str, &str); 15] = [
    ("WebKitWebDriver", "webkit2gtk-driver"),
    ("Xvfb", "xvfb"),
    ("chromedriver", "chromium-driver"),
    ("chromium", "chromium"),
    ("dbus-daemon", "dbus"),
    ("dpkg-deb", "dpkg"),
    ("gdbus", "libglib2.0-bin"),
    ("gio", "libglib2.0-bin"),
    ("gnome-keyring-daemon", "gnome-keyring"),
    ("import", "imagemagick"),
    ("node", "nodejs"),
    ("openbox", "openbox"),
    ("secret-tool", "libsecret-tools"),
    ("xdg-open", "xdg-utils"),
    ("xdotool", "xdotool"),
];

/// The absolute path of a program of the system.
pub fn find(program: &str) -> Result<PathBuf> {
    if let Some(path) = in_path(program) {
        return Ok(path);
    }
    let package = PACKAGES
        .iter()
        .find_map(|(name, package)| (*name == program).then_some(*package))
        .unwrap_or(program);
    bail!(
        "`{program}` is not installed. It comes with the package `{package}`; `cargo xtask test` installs it, \
         or do it by hand: apt-get install {package}"
    )
}

/// The browser that plays the person's own: Debian's Chromium, or Google's build of it.
pub fn chromium() -> Result<PathBuf> {
    ["chromium", "google-chrome-stable", "google-chrome"]
        .into_iter()
        .find_map(in_path)
        .map_or_else(|| find("chromium"), Ok)
}

/// The driver that starts the app under test: from `target/tools`, where `cargo xtask` puts it, or from PATH.
pub fn tauri_driver() -> Result<PathBuf> {
    let ours = target_dir()?.join("tools/bin/tauri-driver");
    if ours.is_file() {
        return Ok(ours);
    }
    in_path("tauri-driver").ok_or_else(|| {
        anyhow!(
            "`tauri-driver` is not installed. `cargo xtask test` installs it, or do it by hand: cargo install \
             --locked tauri-driver --version 2.1.0 --root {}",
            target_dir().map_or_else(|_| "target/tools".into(), |dir| dir.join("tools").display().to_string())
        )
    })
}

/// The provider from Debian: from `target/tools`, where `cargo xtask` unpacks it, or from PATH.
pub fn glewlwyd() -> Result<PathBuf> {
    let ours = target_dir()?.join("tools/glewlwyd/usr/bin/glewlwyd");
    if ours.is_file() {
        return Ok(ours);
    }
    in_path("glewlwyd").ok_or_else(|| {
        anyhow!(
            "`glewlwyd` is not here. `cargo xtask test` unpacks it from its Debian package where there is apt; no other \
             system's package manager has it."
        )
    })
}

/// A program of this workspace, built beforehand into the folder that this test was built into.
pub fn built(binary: &str) -> Result<PathBuf> {
    let path = profile_dir()?.join(binary);
    if path.is_file() {
        return Ok(path);
    }
    bail!(
        "{} is not built. `cargo xtask test` builds everything first.",
        path.display()
    )
}

/// The workspace's target folder.
pub fn target_dir() -> Result<PathBuf> {
    Ok(profile_dir()?
        .parent()
        .context("a profile folder lies in the target folder")?
        .to_owned())
}

/// `tests/` in the source tree.
pub fn tests_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `target/debug`, or whichever profile this program was built with.
fn profile_dir() -> Result<PathBuf> {
    let exe = env::current_exe().context("finding out where this test runs from")?;
    let dir = exe.parent().context("a program lies in a folder")?;
    let dir = if dir.ends_with("deps") {
        dir.parent().unwrap_or(dir)
    } else {
        dir
    };
    Ok(dir.to_owned())
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}
