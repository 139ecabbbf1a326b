//! `cargo xtask icons`: every size of the mark, from the one drawing.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::{build, tree};

/// The drawing.
const SOURCE: &str = "icons/tessera.svg";

/// What the bundles use of all that the generator makes.
const KEPT: [&str; 7] = [
    "32x32.png",
    "64x64.png",
    "128x128.png",
    "128x128@2x.png",
    "icon.png",
    "icon.ico",
    "icon.icns",
];

/// `cargo xtask icons`.
pub(crate) fn run() -> Result<ExitCode> {
    build::npm_package("xtask")?;
    let made = tree::target().join("xtask/icons");
    tauri()
        .args(["icon", SOURCE, "--output"])
        .arg(&made)
        .quietly("icons")?;
    for name in KEPT {
        let to = tree::path("icons").join(name);
        std::fs::copy(made.join(name), &to).with_context(|| format!("write {}", to.display()))?;
        println!("icons/{name}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Tauri's command line, as pinned in xtask/package.json.
pub(crate) fn tauri() -> Run {
    Run::new("node")
        .arg(tree::path("xtask/node_modules/@tauri-apps/cli/tauri.js"))
        .named("tauri")
}
