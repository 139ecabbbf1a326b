//! `cargo xtask torture`: breaks renewals on purpose, and says what became of the accounts.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::command::Run;
use crate::needs::{self, For};
use crate::{build, tree};

/// How long the long run may take.
const TIME: Duration = Duration::from_mins(30);

/// How much to break.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A few kills instead of a thousand for each kind of provider: what `cargo xtask test` does.
    #[arg(long)]
    short: bool,
    /// The number that it is drawn from when each process is killed; a run says its own.
    #[arg(long)]
    seed: Option<u64>,
    /// Take this machine as it is: install nothing.
    #[arg(long)]
    no_install: bool,
}

/// `cargo xtask torture`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !options.no_install {
        needs::meet(&[For::Build, For::Lab])?;
    }
    build::npm_packages()?;
    // The shell takes the built UI in.
    let ui = build::ui()?;
    anyhow::ensure!(ui.success, "the UI: {}", ui.why);
    let built = build::everything()?;
    anyhow::ensure!(built.success, "cargo build: {}", built.why);
    let mut torture = program()?;
    if options.short {
        torture = torture.arg("--short");
    }
    if let Some(seed) = options.seed {
        torture = torture.args(["--seed", &seed.to_string()]);
    }
    let ended = torture.at_most(TIME).shown_and_logged("torture")?;
    Ok(if ended.success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The program that does it.
pub(crate) fn program() -> Result<Run> {
    let torture = Run::new(tree::debug_program("torture")).env("PATH", tree::path_with_tools()?);
    Ok(torture.named("torture"))
}
