//! Builds what the other tasks use: npm packages, the UI, the Rust programs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::{Ended, Run};
use crate::{table, tree};

/// How everything is built while working on it: the development shell with the built UI inside. One set of
/// features for every task, so that cargo builds each dependency once.
pub(crate) const FEATURES: &str = "tessera-desktop/custom-protocol,tessera-desktop/development";

/// The features of what people install.
pub(crate) const RELEASED_FEATURES: &str = "tessera-desktop/custom-protocol";

/// How long npm may take for one package folder.
const NPM_TIME: Duration = Duration::from_mins(10);

/// Whether this is an unattended build: nothing may ask, and lock files are law.
pub(crate) fn unattended() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Cargo with a subcommand, holding to Cargo.lock where nobody watches.
pub(crate) fn cargo(subcommand: &str) -> Run {
    let cargo = Run::cargo().arg(subcommand);
    if unattended() {
        cargo.arg("--locked")
    } else {
        cargo
    }
}

/// Installs the npm packages of every folder that has a lock file, where they are not as the lock file says.
pub(crate) fn npm_packages() -> Result<()> {
    for folder in tree::NODE_PACKAGES {
        npm_package(folder)?;
    }
    Ok(())
}

/// Installs the npm packages of one folder, where they are not as its lock file says.
pub(crate) fn npm_package(folder: &str) -> Result<()> {
    let lock = tree::path(folder).join("package-lock.json");
    let installed = tree::path(folder).join("node_modules/.package-lock.json");
    if !lock.is_file() || !older(&installed, &lock) {
        return Ok(());
    }
    println!("npm packages of {folder} …");
    let mut last = None;
    // A registry that drops one connection must not fail an unattended build.
    for _ in 0..3 {
        let installing = Run::npm()
            .args(["ci", "--no-audit", "--no-fund", "--no-progress"])
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .in_folder(folder)
            .at_most(NPM_TIME)
            .quietly(&format!("npm-ci-{}", folder.replace('/', "-")));
        match installing {
            Ok(ended) => {
                println!("npm packages of {folder}: {}", table::duration(ended.took));
                return Ok(());
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("npm ci failed")))
        .with_context(|| format!("npm ci in {folder}"))
}

/// Whether `made` is missing or older than `source`.
fn older(made: &std::path::Path, source: &std::path::Path) -> bool {
    let time = |path: &std::path::Path| path.metadata().and_then(|data| data.modified()).ok();
    match (time(made), time(source)) {
        (Some(made), Some(source)) => made < source,
        _ => true,
    }
}

/// Builds the UI into ui/dist, which the desktop shell takes in when it is compiled.
pub(crate) fn ui() -> Result<Ended> {
    Run::npm()
        .args(["run", "build"])
        .in_folder("ui")
        .quietly("ui-build")
}

/// Builds every target of the workspace, tests included.
pub(crate) fn everything() -> Result<Ended> {
    all_targets().shown_and_logged("cargo-build")
}

/// The test programs that [`everything`] built.
pub(crate) fn built_tests() -> Result<Vec<TestProgram>> {
    test_programs(&all_targets().args(["--message-format", "json"]).output()?)
}

fn all_targets() -> Run {
    cargo("build").args(["--workspace", "--all-targets", "--features", FEATURES])
}

/// A test program that cargo built.
pub(crate) struct TestProgram {
    /// Its crate.
    pub(crate) package: String,
    /// What it tests: `unit tests`, or the name of the file under tests/.
    pub(crate) target: String,
    /// The program.
    pub(crate) program: PathBuf,
    /// The folder of its crate, where cargo would start it.
    pub(crate) folder: PathBuf,
}

fn test_programs(messages: &str) -> Result<Vec<TestProgram>> {
    use cargo_metadata::{Message, TargetKind};
    let mut programs = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str::<Message>(line) else {
            continue;
        };
        let (true, Some(program)) = (artifact.profile.test, artifact.executable) else {
            continue;
        };
        let folder = artifact
            .manifest_path
            .parent()
            .context("a manifest has a folder")?
            .as_std_path()
            .to_owned();
        let manifest_name = package_name(&folder)?;
        let target = if artifact.target.kind.contains(&TargetKind::Test) {
            artifact.target.name.clone()
        } else {
            format!("unit tests of {}", artifact.target.name)
        };
        programs.push(TestProgram {
            package: manifest_name,
            target,
            program: program.into_std_path_buf(),
            folder,
        });
    }
    programs.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(programs)
}

/// The name that a crate's manifest gives it.
fn package_name(folder: &std::path::Path) -> Result<String> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))?;
    let named = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    named.map(str::to_owned).context("a crate has a name")
}
