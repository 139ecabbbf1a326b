//! `cargo xtask bundle`: the packages that people install, by Tauri's own bundler, and a look inside each of
//! them before anyone else does.

mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::command::Run;
use crate::count::Count;
use crate::needs::{self, For};
use crate::{build, icons, table, tree};

/// The packages that can be made with nothing from elsewhere.
const PACKAGES: &str = "deb,rpm";

/// How long fetching the AppImage's tools and making it may take.
const APPIMAGE_TIME: Duration = Duration::from_mins(10);

/// What to make.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Do not try the AppImage, whose tools are fetched from GitHub.
    #[arg(long)]
    no_appimage: bool,
}

/// `cargo xtask bundle`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    ensure!(
        cfg!(target_os = "linux"),
        "the .deb and .rpm are made on Linux; elsewhere Tauri's bundler is used as it is: npx tauri build"
    );
    needs::meet(&[For::Build, For::Bundle])?;
    build::npm_package("ui")?;
    build::npm_package("xtask")?;
    println!("The app, the terminal client, and their packages (the first time takes many minutes) …");
    bundler("build", PACKAGES).args(["--", "--locked"]).plainly()?;
    let count = look()?;
    if !options.no_appimage {
        appimage();
    }
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(if count.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Makes the packages without a word, and looks inside them: for the tests, which then install one.
pub(crate) fn make_and_look() -> Result<Count> {
    bundler("build", PACKAGES)
        .args(["--", "--locked"])
        .quietly("bundle")?;
    look()
}

/// The .deb that was made last, where there is one.
pub(crate) fn deb() -> Option<PathBuf> {
    newest("deb").ok()
}

/// Looks inside every package that was made.
fn look() -> Result<Count> {
    let mut count = Count::default();
    for kind in PACKAGES.split(',') {
        count = count + verify::package(&newest(kind)?)?;
    }
    Ok(count)
}

/// Tauri's bundler with src-tauri/tauri.conf.json, which also builds the UI and the terminal client. That file names
/// what goes into the packages by its place in `target`, so that is where everything is built.
fn bundler(subcommand: &str, bundles: &str) -> Run {
    icons::tauri()
        .args([subcommand, "--ci", "--bundles", bundles])
        .env("CARGO_TARGET_DIR", tree::path("target"))
}

/// Makes the AppImage where its tools can be had. They come from GitHub, which not every build machine reaches;
/// that is told, and is no failure.
fn appimage() {
    println!("The AppImage …");
    let made = bundler("bundle", "appimage")
        .at_most(APPIMAGE_TIME)
        .quietly("bundle-appimage");
    match made.and_then(|_| newest("appimage")) {
        Ok(file) => println!("{}", describe(&file)),
        Err(error) => println!("No AppImage: its tools (linuxdeploy, AppRun) could not be had.\n{error:#}"),
    }
}

/// The package of a kind that was made last.
fn newest(kind: &str) -> Result<PathBuf> {
    let folder = tree::path("target/release/bundle").join(kind);
    let mut packages: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case(kind)))
        .collect();
    packages.sort_by_key(|path| path.metadata().and_then(|data| data.modified()).ok());
    packages
        .pop()
        .with_context(|| format!("no .{kind} in {}", folder.display()))
}

/// A package's place and size.
fn describe(package: &Path) -> String {
    let size = package.metadata().map_or(0, |data| data.len());
    format!("{} ({})", package.display(), table::size(size))
}
