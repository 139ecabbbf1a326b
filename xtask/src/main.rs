//! The project's own tasks, so that every chore is one command, the same for a person and for CI:
//! `cargo xtask run`, `test`, `check`, `fuzz`, `torture`, `bundle`, `bindings`,
//! `conformance`, `icons`.
#![expect(clippy::print_stdout, reason = "a task talks to the person who started it")]

mod bindings;
mod build;
mod bundle;
mod check;
mod command;
mod conformance;
mod count;
mod fuzz;
mod icons;
mod needs;
mod run;
mod table;
mod test;
mod torture;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing, build, and open the app with its sandbox; without a display, walk through it all
    /// on a virtual one.
    Run(run::Options),
    /// Install what is missing and run every test there is.
    Test(test::Options),
    /// Formatting, lints, crate edges, bindings, lock files, documents: what must hold before a commit.
    Check(check::Options),
    /// Let libFuzzer make up inputs for everything that reads what comes from outside: each target for 60 seconds.
    Fuzz(fuzz::Options),
    /// Build the packages that people install, and look inside them.
    Bundle(bundle::Options),
    /// Write what the UI takes from Rust: ui/src/host/bindings.ts and ui/src/host/fake/words.json.
    Bindings(bindings::Options),
    /// Write docs/conformance.md and docs/sandbox-faults.md from the conformance suite.
    Conformance,
    /// Make the icon files of every size from icons/tessera.svg.
    Icons,
    /// Kill renewals of tokens at random instants, and say what became of the accounts.
    Torture(torture::Options),
    /// Say what this machine lacks, and with --install, install it.
    Needs(needs::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Run(options) => run::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Check(options) => check::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Bundle(options) => bundle::run(&options),
        Task::Bindings(options) => bindings::run(&options),
        Task::Conformance => conformance::run(),
        Task::Icons => icons::run(),
        Task::Torture(options) => torture::run(&options),
        Task::Needs(options) => needs::run(&options),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            println!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
