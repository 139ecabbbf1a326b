//! `cargo xtask run`: from a fresh machine to the open app, or, where there is no display, to a walk through
//! everything on a virtual one.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::build::{self, FEATURES};
use crate::command::Run;
use crate::needs::{self, For};
use crate::tree;

/// How to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Walk through it all on a virtual display, even when there is a real one.
    #[arg(long)]
    headless: bool,
}

/// `cargo xtask run`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let headless = options.headless || !has_display();
    needs::meet(&[For::Build, if headless { For::Lab } else { For::Desktop }])?;
    // The UI and the interop fixtures have packages of their own; only the UI's are needed here.
    build::npm_package("ui")?;
    println!("Building the window's contents …");
    build::ui()?;
    println!("Building Tessera and its sandbox (the first time takes minutes) …");
    // The walk needs nearly everything, and then the whole, as the tests build it, is built only once.
    let programs: &[&str] = if headless {
        &["--workspace"]
    } else {
        &["-p", "tessera-desktop", "-p", "tessera-sandbox"]
    };
    build::cargo("build")
        .args(programs)
        .args(["--bins", FEATURES])
        .plainly()?;

    if headless {
        println!("\nThere is no display: this walks through Tessera on a virtual one.\n");
        walk()
    } else {
        println!("\nOpening Tessera. Sign in to the sandbox as `ann`, with the password `ann`.\n");
        open()
    }
}

/// Opens the app, which starts the sandbox, and waits until it is closed.
fn open() -> Result<ExitCode> {
    let status = Command::new(tree::debug_program("tessera-desktop"))
        .current_dir(tree::root())
        .status()
        .context("open the app")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Does by machine what a person would do, step by step, with a picture of every screen.
fn walk() -> Result<ExitCode> {
    let ended = trial()?.shown_and_logged("trial")?;
    println!(
        "\nPictures of every screen: {}",
        tree::target().join("run").display()
    );
    Ok(if ended.success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The program that does it.
pub(crate) fn trial() -> Result<Run> {
    let trial = Run::new(tree::debug_program("trial")).env("PATH", tree::path_with_tools()?);
    Ok(trial.named("trial"))
}

/// Whether a window could be opened here.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
