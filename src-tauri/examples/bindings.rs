//! Writes the typed bindings of the window's commands: `cargo run -p tessera-desktop --example bindings -- PATH`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

fn main() -> anyhow::Result<ExitCode> {
    let path = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .context("name the file to write")?;
    tessera_desktop::bindings::write(&path)?;
    Ok(ExitCode::SUCCESS)
}
