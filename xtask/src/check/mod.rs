//! `cargo xtask check`: what must hold before a commit, one line an item, each with its time. Two minutes at
//! most on a warm build.

mod documents;
mod edges;
mod grants;
mod locks;
mod rust_version;
mod words;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::command::Run;
use crate::count::Count;
use crate::needs::{self, For};
use crate::{bindings, build, table, tree};

/// Which items to check.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only items whose name contains this; several may be given.
    only: Vec<String>,
}

/// `cargo xtask check`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    needs::meet(&[For::Build])?;
    build::npm_package("ui")?;
    let started = Instant::now();
    let count = items(&options.only);
    println!("checked in {}", table::duration(started.elapsed()));
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(if count.failed == 0 && count.passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Everything, for the tests' own group.
pub(crate) fn all() -> Count {
    items(&[])
}

/// What is checked: a name, and what looks.
type Item = (&'static str, fn() -> Result<()>);

/// Quick ones first, so that a slip is seen at once.
const ITEMS: [Item; 12] = [
    ("format", format),
    // Before anything asks cargo, which may write Cargo.lock anew.
    ("locks", locks::check),
    ("edges", edges::check),
    ("grants", grants::check),
    ("rust version", rust_version::check),
    ("words", words::check),
    ("documents", documents::check),
    ("ui lint", ui_lint),
    ("ui types", ui_types),
    ("bindings", bindings::unchanged),
    ("clippy", clippy),
    ("clippy as released", clippy_as_released),
];

fn items(only: &[String]) -> Count {
    ITEMS
        .iter()
        .filter(|(name, _)| only.is_empty() || only.iter().any(|part| name.contains(part.as_str())))
        .map(|(name, check)| {
            let started = Instant::now();
            let held = check();
            let word = if held.is_ok() { "ok  " } else { "FAIL" };
            println!("{word}  {name:<20} {}", table::duration(started.elapsed()));
            if let Err(error) = &held {
                println!("{}", indented(&format!("{error:#}")));
            }
            Count::of(held.is_ok())
        })
        .fold(Count::default(), |sum, one| sum + one)
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("      {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Fails with everything that was found, each on its line.
fn none_found(found: &[String], what: &str) -> Result<()> {
    if !found.is_empty() {
        bail!("{}\n{} {what}", found.join("\n"), found.len());
    }
    Ok(())
}

fn format() -> Result<()> {
    Run::cargo()
        .args(["fmt", "--all", "--", "--check", "-l", "--color", "never"])
        .quietly("check-format")
        .map(drop)
}

/// As it is worked on. The desktop shell takes ui/dist in, so that must be there.
fn clippy() -> Result<()> {
    built_ui()?;
    build::cargo("clippy")
        .args([
            "--workspace",
            "--all-targets",
            build::FEATURES,
            "--",
            "-D",
            "warnings",
        ])
        .quietly("check-clippy")
        .map(drop)
}

/// As people get it: without the development feature other code is compiled.
fn clippy_as_released() -> Result<()> {
    built_ui()?;
    build::cargo("clippy")
        .args(["--workspace", "--all-targets", build::RELEASED_FEATURES])
        .args(["--", "-D", "warnings"])
        .quietly("check-clippy-released")
        .map(drop)
}

fn built_ui() -> Result<()> {
    if !tree::path("ui/dist/index.html").is_file() {
        build::ui()?;
    }
    Ok(())
}

fn ui_lint() -> Result<()> {
    Run::npm()
        .args(["run", "--silent", "lint"])
        .in_folder("ui")
        .quietly("check-ui-lint")
        .map(drop)
}

fn ui_types() -> Result<()> {
    Run::npm()
        .args(["run", "--silent", "check"])
        .in_folder("ui")
        .quietly("check-ui-types")
        .map(drop)
}
