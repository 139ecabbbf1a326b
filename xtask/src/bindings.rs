//! `cargo xtask bindings`: the TypeScript that the UI calls Rust through, written from the commands themselves.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::build::{self, FEATURES};
use crate::command::Run;
use crate::tree;

/// What is generated.
const FILE: &str = "ui/src/host/bindings.ts";

/// Write, or only compare.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only say whether the file is what the commands would give.
    #[arg(long)]
    check: bool,
}

/// `cargo xtask bindings`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.check {
        unchanged()?;
        println!("{FILE} is what the commands give");
    } else {
        let fresh = generate()?;
        std::fs::write(tree::path(FILE), fresh).with_context(|| format!("write {FILE}"))?;
        println!("wrote {FILE}");
    }
    Ok(ExitCode::SUCCESS)
}

/// An error when the file in the work tree is not what the commands give.
pub(crate) fn unchanged() -> Result<()> {
    let fresh = generate()?;
    let kept = std::fs::read_to_string(tree::path(FILE)).with_context(|| format!("read {FILE}"))?;
    if fresh != kept {
        bail!("{FILE} is not what the commands give: run `cargo xtask bindings` and look at the difference");
    }
    Ok(())
}

/// The bindings as the desktop shell writes them.
fn generate() -> Result<String> {
    let folder = tree::target().join("xtask");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("bindings.ts");
    // Built as everything is, so that nothing is compiled a second time with other features.
    build::cargo("build")
        .args(["--workspace", "--example", "bindings", FEATURES])
        .quietly("bindings-build")?;
    Run::new(tree::debug_program("examples/bindings"))
        .arg(&file)
        .quietly("bindings")?;
    std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
}
