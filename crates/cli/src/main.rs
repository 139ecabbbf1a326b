//! The `tessera` command.

use std::process::ExitCode;

use clap::Parser as _;
use tessera_cli::arguments::Arguments;

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => tessera_cli::run(arguments),
        Err(error) => tessera_cli::usage(&error, std::env::args_os().any(|argument| argument == "--json")),
    }
}
