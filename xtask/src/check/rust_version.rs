//! The oldest Rust that the manifest promises must be no older than what any dependency asks for.

use anyhow::{Context, Result};

use super::{edges, none_found};

/// Compares the workspace's `rust-version` with every dependency's.
pub(crate) fn check() -> Result<()> {
    let metadata = edges::metadata()?;
    let ours = metadata
        .workspace_packages()
        .iter()
        .filter_map(|package| package.rust_version.clone())
        .max()
        .context("the workspace names its oldest Rust")?;
    let found: Vec<String> = metadata
        .packages
        .iter()
        .filter_map(|package| Some((package, package.rust_version.as_ref()?)))
        .filter(|(_, needed)| **needed > ours)
        .map(|(package, needed)| format!("{} {} needs Rust {needed}", package.name, package.version))
        .collect();
    none_found(
        &found,
        &format!("dependencies need a newer Rust than the {ours} that Cargo.toml promises"),
    )
}
