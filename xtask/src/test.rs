//! `cargo xtask test`: installs what is missing, builds everything, and runs every test in groups. A group that
//! fails does not stop the others; the last line alone says how many tests passed and failed.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::build::{self, FEATURES, TestProgram};
use crate::command::{Ended, Run};
use crate::count::Count;
use crate::needs::{self, For};
use crate::{bundle, check, run, table, torture, tree};

/// How long one test program may take where nobody watches.
const TIME: Duration = Duration::from_mins(20);

/// Crates whose tests drive a whole desktop; they run last.
const JOURNEYS: &str = "tessera-tests";

/// Where the journeys find the package that they install, when it was made.
const DEB: &str = "TESSERA_DEB";

/// Which groups to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only groups whose name contains this; several may be given.
    only: Vec<String>,
    /// Take this machine as it is: install nothing.
    #[arg(long)]
    no_install: bool,
}

struct Group {
    name: String,
    count: Count,
    took: Duration,
    /// The end of what it printed, when it failed.
    last_words: String,
}

/// What came of a group.
struct Outcome {
    count: Count,
    last_words: String,
}

impl Outcome {
    fn of(count: Count, ended: &Ended) -> Self {
        Self {
            count,
            last_words: ended.last_words(),
        }
    }
}

impl From<Count> for Outcome {
    fn from(count: Count) -> Self {
        Self {
            count,
            last_words: String::new(),
        }
    }
}

struct Groups {
    only: Vec<String>,
    done: Vec<Group>,
}

impl Groups {
    fn wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    fn run<T: Into<Outcome>>(&mut self, name: &str, group: impl FnOnce() -> Result<T>) {
        if !self.wanted(name) {
            return;
        }
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = group().map_or_else(
            |error| {
                println!("error: {error:#}");
                Outcome {
                    count: Count::of(false),
                    last_words: format!("error: {error:#}"),
                }
            },
            Into::into,
        );
        self.done.push(Group {
            name: name.to_owned(),
            count: outcome.count,
            took: started.elapsed(),
            last_words: outcome.last_words,
        });
    }
}

/// `cargo xtask test`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let started = Instant::now();
    let mut groups = Groups {
        only: options.only.clone(),
        done: Vec::new(),
    };

    if !options.no_install {
        needs::meet(&[For::Build, For::Lab, For::Bundle])?;
    }
    build::npm_packages()?;

    // The shell takes the built UI in, so nothing of Rust can be built before it.
    let ui_built = build::ui();
    if let Err(error) = &ui_built {
        println!("{error:#}");
        groups.run("ui: build", || Ok(Count::of(false)));
    }
    groups.run("ui: tests", ui_tests);
    groups.run("ui: every state of every screen", ui_screens);
    if ui_built.is_ok() {
        rust(&mut groups);
    }
    groups.run("check", || Ok(check::all()));

    let total = groups
        .done
        .iter()
        .fold(Count::default(), |sum, group| sum + group.count);
    report(&groups.done, started.elapsed());
    println!("{} passed, {} failed", total.passed, total.failed);
    let good = total.failed == 0 && total.passed > 0;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn ui_tests() -> Result<Outcome> {
    let ended = Run::npm()
        .args(["test"])
        .in_folder("ui")
        .at_most(TIME)
        .shown_and_logged("ui-tests")?;
    Ok(Outcome::of(Count::read(&ended.text, ended.success), &ended))
}

/// Draws them all; one that breaks the content security policy, throws or scrolls sideways is a failure.
fn ui_screens() -> Result<Outcome> {
    let ended = Run::npm()
        .args(["run", "test:screens"])
        .in_folder("ui")
        .at_most(TIME)
        .shown_and_logged("ui-screens")?;
    Ok(Outcome::of(Count::of(ended.success), &ended))
}

fn rust(groups: &mut Groups) {
    println!("\n== build");
    let started = Instant::now();
    let built = build::everything().and_then(|ended| {
        anyhow::ensure!(ended.success, "cargo build: {}", ended.why);
        build::built_tests()
    });
    if let Err(error) = &built {
        println!("error: {error:#}");
    }
    groups.done.push(Group {
        name: "build".to_owned(),
        count: if built.is_ok() {
            Count::default()
        } else {
            Count::of(false)
        },
        took: started.elapsed(),
        last_words: built
            .as_ref()
            .err()
            .map_or_else(String::new, |error| format!("error: {error:#}")),
    });
    let Ok(programs) = built else { return };

    if cfg!(target_os = "linux") {
        groups.run("packages", bundle::make_and_look);
        groups.run("trial on a virtual display", trial);
        groups.run("torture, the short one", torture);
    }
    let mut packages: Vec<&str> = programs.iter().map(|program| program.package.as_str()).collect();
    packages.dedup();
    packages.sort_by_key(|package| *package == JOURNEYS);
    for package in packages {
        for program in programs.iter().filter(|program| program.package == package) {
            let name = format!("{}: {}", package.trim_start_matches("tessera-"), program.target);
            if groups.wanted(&name) && has_tests(program) {
                groups.run(&name, || test_program(program));
            }
        }
    }
    groups.run("doc tests", || {
        let ended = build::cargo("test")
            .args(["--workspace", "--doc", "--no-fail-fast", FEATURES])
            .at_most(TIME)
            .shown_and_logged("doc-tests")?;
        Ok(Outcome::of(
            Count::read_if_any(&ended.text, ended.success),
            &ended,
        ))
    });
}

/// The walk of `cargo xtask run --headless`.
fn trial() -> Result<Outcome> {
    let ended = run::trial()?.at_most(TIME).shown_and_logged("trial")?;
    Ok(Outcome::of(Count::of(ended.success), &ended))
}

/// The short run of `cargo xtask torture`.
fn torture() -> Result<Outcome> {
    let torture = torture::program()?.arg("--short");
    let ended = torture.at_most(TIME).shown_and_logged("torture")?;
    Ok(Outcome::of(Count::read(&ended.text, ended.success), &ended))
}

/// Whether a test program holds any test: most programs have an empty one for their `main.rs`.
fn has_tests(program: &TestProgram) -> bool {
    Run::new(&program.program)
        .args(["--list", "--format", "terse"])
        .output()
        .map_or(true, |list| list.lines().any(|line| line.ends_with(": test")))
}

fn test_program(program: &TestProgram) -> Result<Outcome> {
    let log = format!("test-{}-{}", program.package, program.target.replace(' ', "-"));
    let mut run = Run::new(&program.program)
        .named(&format!("{} ({})", program.target, program.package))
        .in_folder(&program.folder)
        .env("CARGO_MANIFEST_DIR", &program.folder)
        .env("PATH", tree::path_with_tools()?);
    if let Some(deb) = bundle::deb() {
        run = run.env(DEB, deb);
    }
    let ended = run.at_most(TIME).shown_and_logged(&log)?;
    if !ended.success {
        println!("{}", ended.why);
    }
    Ok(Outcome::of(Count::read(&ended.text, ended.success), &ended))
}

fn report(groups: &[Group], took: Duration) {
    let mut rows = vec![vec![
        "group".into(),
        "passed".into(),
        "failed".into(),
        "time".into(),
    ]];
    for group in groups {
        rows.push(vec![
            group.name.clone(),
            group.count.passed.to_string(),
            group.count.failed.to_string(),
            table::duration(group.took),
        ]);
    }
    // At the end, where whoever looks at a long record looks first.
    for group in groups.iter().filter(|group| group.count.failed > 0) {
        println!(
            "\n== {} failed. Its last words:\n{}",
            group.name, group.last_words
        );
    }
    println!("\n{}", table::columns(&rows));
    println!(
        "The whole took {}; every log is in {}",
        table::duration(took),
        tree::logs().display()
    );
}
