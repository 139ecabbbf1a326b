//! Builds what the other tasks use: npm packages, the UI, the Rust programs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::{Ended, Run};
use crate::{table, tree};

/// How everything is built while working on it: with every feature there is, which makes the shell a development
/// one with the built UI inside. The same for every task, so that cargo builds each dependency once.
pub(crate) const FEATURES: &str = "--all-features";

/// The features of what people install.
pub(crate) const RELEASED_FEATURES: &str = "--features=tessera-desktop/custom-protocol";

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
    cargo("build").args(["--workspace", "--all-targets", FEATURES])
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
    use cargo_metadata::{Message, MetadataCommand, TargetKind};
    let workspace = MetadataCommand::new()
        .manifest_path(tree::path("Cargo.toml"))
        .no_deps()
        .exec()?;
    let mut programs = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str::<Message>(line) else {
            continue;
        };
        let kinds = &artifact.target.kind;
        // Benchmarks are built in the same way, and would run for minutes.
        let is_test = artifact.profile.test && !kinds.contains(&TargetKind::Bench);
        let (true, Some(program)) = (is_test, artifact.executable) else {
            continue;
        };
        let package = workspace
            .packages
            .iter()
            .find(|package| package.id == artifact.package_id)
            .context("a test program belongs to the workspace")?;
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest has a folder")?;
        let target = if kinds.contains(&TargetKind::Test) {
            artifact.target.name.clone()
        } else {
            format!("unit tests of {}", artifact.target.name)
        };
        programs.push(TestProgram {
            package: package.name.to_string(),
            target,
            program: program.into_std_path_buf(),
            folder: folder.as_std_path().to_owned(),
        });
    }
    programs.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(programs)
}
