//! Lock files name the public registries and nothing else: a mirror's address would not work elsewhere, and a
//! package from somewhere else would be nobody's to vouch for.

use anyhow::{Context, Result};
use serde_json::Value;

use super::none_found;
use crate::tree;

const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";
const NPM: &str = "https://registry.npmjs.org/";

/// Reads every lock file, and the settings that could turn a registry into another.
pub(crate) fn check() -> Result<()> {
    let mut found = Vec::new();
    for file in tree::files()? {
        let name = file.rsplit('/').next().unwrap_or(&file);
        match name {
            "Cargo.lock" => found.extend(cargo_lock(&file)?),
            "package-lock.json" => found.extend(npm_lock(&file)?),
            ".npmrc" | "config.toml" => {
                let text = tree::text(&file)?.unwrap_or_default();
                if text.lines().any(turns_a_registry) {
                    found.push(format!("{file} turns a registry into another"));
                }
            }
            _ => {}
        }
    }
    none_found(&found, "sources that are not the public registries")
}

/// Whether a line of settings names a registry to use instead of the public one.
fn turns_a_registry(line: &str) -> bool {
    let name = line.split('=').next().unwrap_or("").trim();
    name == "registry"
        || name.ends_with(":registry")
        || name == "replace-with"
        || name.starts_with("[registries")
}

fn cargo_lock(file: &str) -> Result<Vec<String>> {
    let text = tree::text(file)?.context("Cargo.lock is text")?;
    let sources = text
        .lines()
        .filter_map(|line| line.strip_prefix("source = \"")?.strip_suffix('"'));
    Ok(sources
        .filter(|source| *source != CRATES)
        .map(|source| format!("{file}: {source}"))
        .collect())
}

fn npm_lock(file: &str) -> Result<Vec<String>> {
    let text = tree::text(file)?.context("package-lock.json is text")?;
    let lock: Value = serde_json::from_str(&text).with_context(|| format!("read {file}"))?;
    let packages = lock["packages"]
        .as_object()
        .with_context(|| format!("{file} lists packages"))?;
    let mut found = Vec::new();
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        // Without an address npm takes the package from the registry in force and holds it to its checksum.
        match package["resolved"].as_str() {
            Some(address) if !address.starts_with(NPM) => {
                found.push(format!("{file}: {name} comes from {address}"));
            }
            _ if !package["integrity"].is_string() => found.push(format!("{file}: {name} has no checksum")),
            _ => {}
        }
    }
    Ok(found)
}
