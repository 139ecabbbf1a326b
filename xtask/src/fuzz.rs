//! `cargo xtask fuzz`: lets libFuzzer make up inputs for everything that reads what comes from outside (`fuzz/`).
//!
//! libFuzzer comes as source with its crate, and stable Rust can watch a program for it: nothing has to be installed but
//! a C++ compiler. The same package also works with `cargo fuzz run TARGET --sanitizer none`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::build;
use crate::command::{Ended, Run};
use crate::needs::{self, For};
use crate::{table, tree};

/// The package with the targets.
const PACKAGE: &str = "tessera-fuzz";

/// How long each target runs when nothing else is said.
const SMOKE: u64 = 60;

/// The most seconds that one input may take. The slowest takes a hundredth of that; the rest is for busy machines.
const INPUT_SECONDS: u64 = 30;

/// The most memory that a whole program may take.
const MEMORY_MIB: u64 = 1024;

/// How much longer than told a program may take before it is ended.
const GRACE: Duration = Duration::from_mins(3);

/// What makes the compiler count every edge and tell libFuzzer of every comparison, as `cargo fuzz` does it. Memory is not
/// watched (that takes a nightly compiler): this is safe Rust, and the targets measure what is allocated themselves.
const WATCHED: [&str; 8] = [
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
];

/// What to fuzz, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these targets (the names of the folders in fuzz/corpus).
    targets: Vec<String>,
    /// Every target for 60 seconds, which is also what is done when nothing is said.
    #[arg(long, conflicts_with_all = ["targets", "seconds"])]
    smoke: bool,
    /// How many seconds each target runs.
    #[arg(long, default_value_t = SMOKE)]
    seconds: u64,
    /// Take this machine as it is: install nothing.
    #[arg(long)]
    no_install: bool,
}

/// `cargo xtask fuzz`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    ensure!(
        !cfg!(windows),
        "libFuzzer is not built on Windows; use Linux or macOS"
    );
    if !options.no_install {
        needs::meet(&[For::Fuzz])?;
    }
    let all = targets()?;
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; these are: {}", all.join(", "));
    }
    let wanted = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    let programs = build()?;

    let mut rows = vec![vec![
        "target".to_owned(),
        "inputs".into(),
        "time".into(),
        "result".into(),
    ]];
    let mut failed = 0;
    for target in wanted {
        println!("\n== {target}");
        let ended = fuzz(&programs, target, options.seconds)?;
        if !ended.success {
            failed += 1;
        }
        rows.push(vec![
            target.clone(),
            tried(&ended.text).unwrap_or("?").to_owned(),
            table::duration(ended.took),
            if ended.success { "ok" } else { "FAILED" }.to_owned(),
        ]);
    }
    println!("\n{}", table::columns(&rows));
    if failed > 0 {
        println!(
            "What broke a promise is in {}. Mend the code, then keep the input in fuzz/corpus/TARGET.",
            findings().display()
        );
    }
    println!("{} passed, {failed} failed", wanted.len() - failed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The names of the targets: each has a folder of inputs.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(tree::path("fuzz/corpus")).context("list the targets")? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds the targets in a target folder of their own, because everything is compiled in another way. Says where the
/// programs are.
fn build() -> Result<PathBuf> {
    println!("Building the targets (the first time takes minutes) …");
    let compiler = Run::new("rustc").arg("-vV").output()?;
    let host = compiler
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc says what it builds for")?;
    // With the target named, the flags are not for build scripts and macros, which run without libFuzzer.
    build::cargo("build")
        .args([
            "--package",
            PACKAGE,
            "--bins",
            "--profile",
            "fuzz",
            "--target",
            host,
        ])
        .arg("--target-dir")
        .arg(own_target())
        .env("RUSTFLAGS", WATCHED.join(" "))
        .plainly()?;
    Ok(own_target().join(host).join("fuzz"))
}

/// Lets libFuzzer run one target. It starts from the kept inputs and from what it found in earlier runs.
fn fuzz(programs: &Path, target: &str, seconds: u64) -> Result<Ended> {
    let found = own_target().join("corpus").join(target);
    for folder in [&found, &findings()] {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let mut artifacts = findings().join(target).into_os_string();
    artifacts.push("-");
    let mut prefix = std::ffi::OsString::from("-artifact_prefix=");
    prefix.push(artifacts);
    Run::new(programs.join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(prefix)
        .args(["-print_final_stats=1", "-verbosity=1", "-reload=0"])
        .arg(format!("-dict={}", tree::path("fuzz/words.dict").display()))
        .arg(found)
        .arg(tree::path("fuzz/corpus").join(target))
        .named(target)
        .at_most(Duration::from_secs(seconds) + GRACE)
        .shown_and_logged(&format!("fuzz-{target}"))
}

fn own_target() -> PathBuf {
    tree::target().join("fuzz")
}

/// Where inputs are put that broke a promise.
fn findings() -> PathBuf {
    own_target().join("findings")
}

/// How many inputs libFuzzer says that it tried.
fn tried(output: &str) -> Option<&str> {
    output
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_inputs_is_read_from_what_libfuzzer_prints() {
        let output = "Done 12 runs in 1 second(s)\nstat::number_of_executed_units: 12345\nstat::slowest_unit_time_sec: 0\n";
        assert_eq!(tried(output), Some("12345"));
        assert_eq!(tried("nothing"), None);
    }
}
