//! `cargo xtask bindings`: what the UI takes from Rust, written from Rust itself. The TypeScript that it calls commands
//! through, and the words of flows for its scripted host.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::build::{self, FEATURES};
use crate::command::Run;
use crate::tree;

/// What is generated, in the order in which the shell's example is told where to write it.
const FILES: [&str; 2] = ["ui/src/host/bindings.ts", "ui/src/host/fake/words.json"];

/// Write, or only compare.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only say whether the files are what the commands would give.
    #[arg(long)]
    check: bool,
}

/// `cargo xtask bindings`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.check {
        unchanged()?;
        println!("{} are what the shell gives", FILES.join(" and "));
    } else {
        for (file, fresh) in FILES.iter().zip(generate()?) {
            std::fs::write(tree::path(file), fresh).with_context(|| format!("write {file}"))?;
            println!("wrote {file}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An error when a file in the work tree is not what the shell gives.
pub(crate) fn unchanged() -> Result<()> {
    for (file, fresh) in FILES.iter().zip(generate()?) {
        let kept = std::fs::read_to_string(tree::path(file)).with_context(|| format!("read {file}"))?;
        if fresh != kept {
            bail!(
                "{file} is not what the shell gives: run `cargo xtask bindings` and look at the difference"
            );
        }
    }
    Ok(())
}

/// The files as the desktop shell writes them, in the order of [`FILES`].
fn generate() -> Result<Vec<String>> {
    let folder = tree::target().join("xtask");
    std::fs::create_dir_all(&folder)?;
    let files: Vec<PathBuf> = ["bindings.ts", "words.json"].map(|name| folder.join(name)).into();
    // Built as everything is, so that nothing is compiled a second time with other features.
    build::cargo("build")
        .args(["--workspace", "--example", "bindings", FEATURES])
        .quietly("bindings-build")?;
    Run::new(tree::debug_program("examples/bindings"))
        .args(&files)
        .quietly("bindings")?;
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).with_context(|| format!("read {}", file.display())))
        .collect()
}
