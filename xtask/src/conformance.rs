//! `cargo xtask conformance`: the documents that the conformance suite writes from its own rows and from the catalogue of faults.

use std::process::ExitCode;

use anyhow::Result;

use crate::build::{self, FEATURES};

/// The variable that makes the suite write what it otherwise compares.
const WRITE: &str = "TESSERA_WRITE_DOCUMENTS";

/// `cargo xtask conformance`.
pub(crate) fn run() -> Result<ExitCode> {
    build::cargo("test")
        .args(["--workspace", FEATURES, "--test", "conformance", "document::"])
        .env(WRITE, "1")
        .quietly("conformance")?;
    println!("wrote docs/conformance.md and docs/sandbox-faults.md");
    Ok(ExitCode::SUCCESS)
}
