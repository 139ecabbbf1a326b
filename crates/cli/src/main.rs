//! The `tessera` command.

use std::process::ExitCode;

use clap::Parser as _;
use tessera_cli::arguments::Arguments;

fn main() -> ExitCode {
    // Wrong usage ends here: clap explains it and answers with 2.
    let arguments = Arguments::parse();
    tessera_cli::run(arguments)
}
