//! Writes what the window's source takes from the shell, the typed bindings of its commands and the words of flows:
//! `cargo run -p tessera-desktop --example bindings -- BINDINGS WORDS`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

fn main() -> anyhow::Result<ExitCode> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let bindings = paths.next().context("name the file for the bindings")?;
    let words = paths.next().context("name the file for the words")?;
    tessera_desktop::bindings::write(&bindings)?;
    std::fs::write(words, tessera_desktop::bindings::words()?)?;
    Ok(ExitCode::SUCCESS)
}
