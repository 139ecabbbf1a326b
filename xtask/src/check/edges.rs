//! Who may import whom. The table is the house's plan: a new line in it is a decision, with a note in
//! docs/decisions/.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use super::none_found;
use crate::{build, tree};

/// Each crate of ours, and which of ours it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("tessera-oidc", &[]),
    ("tessera-client", &["tessera-oidc"]),
    // The ports speak in the protocol's own messages.
    ("tessera-platform", &["tessera-client", "tessera-oidc"]),
    // Only for the key set, which both roles need and which is written once.
    ("tessera-guard", &["tessera-oidc"]),
    ("tessera-sandbox", &["tessera-guard"]),
    ("tessera-cli", &["tessera-client", "tessera-platform"]),
    ("tessera-desktop", &["tessera-client", "tessera-platform"]),
    (
        "tessera-tests",
        &[
            "tessera-client",
            "tessera-guard",
            "tessera-oidc",
            "tessera-platform",
            "tessera-sandbox",
        ],
    ),
    // It calls whatever reads what comes from outside.
    (
        "tessera-fuzz",
        &[
            "tessera-client",
            "tessera-guard",
            "tessera-oidc",
            "tessera-platform",
            "tessera-sandbox",
        ],
    ),
    ("xtask", &[]),
];

/// What the tests of a crate may import beside that. A program's tests start it by the name that cargo gives them, and
/// cargo gives it to its own package only, so those of the terminal client cannot stand in tests/.
const TESTS_MAY_IMPORT: &[(&str, &[&str])] = &[("tessera-cli", &["tessera-sandbox"])];

/// What a crate must not have anywhere below it, and why.
const NEVER_BELOW: &[(&str, &[&str], &str)] = &[
    (
        "tessera-oidc",
        &[
            "tokio",
            "reqwest",
            "hyper",
            "rusqlite",
            "keyring-core",
            "tauri",
            "clap",
        ],
        "the protocol does no IO",
    ),
    (
        "tessera-client",
        &["reqwest", "hyper", "keyring-core", "tauri", "clap"],
        "the client reaches the world by its ports",
    ),
    (
        "tessera-guard",
        &["reqwest", "axum", "rusqlite", "tauri", "clap"],
        "the guard fits any tower service",
    ),
    (
        "tessera-platform",
        &["tauri", "clap"],
        "the core imports no shell",
    ),
    (
        "tessera-sandbox",
        &["tauri", "tessera-client", "tessera-platform"],
        "the sandbox shares no code with the client it tries",
    ),
    (
        "tessera-cli",
        &["tauri", "tessera-sandbox"],
        "a release has no sandbox",
    ),
    (
        "tessera-desktop",
        &["tessera-sandbox"],
        "a release has no sandbox",
    ),
];

/// Compares cargo's picture of the workspace with the tables above.
pub(crate) fn check() -> Result<()> {
    let metadata = metadata()?;
    let mut found = Vec::new();
    let ours: BTreeSet<&str> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.as_str())
        .collect();

    for package in metadata.workspace_packages() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == package.name.as_str()) else {
            found.push(format!(
                "{} is in no line of the table in xtask/src/check/edges.rs",
                package.name
            ));
            continue;
        };
        let for_tests = TESTS_MAY_IMPORT
            .iter()
            .find(|(name, _)| *name == package.name.as_str());
        for dependency in package
            .dependencies
            .iter()
            .filter(|one| ours.contains(one.name.as_str()))
        {
            let name = dependency.name.as_str();
            let for_tests = dependency.kind == DependencyKind::Development
                && for_tests.is_some_and(|(_, allowed)| allowed.contains(&name));
            if !allowed.contains(&name) && !for_tests {
                found.push(format!("{} imports {name}", package.name));
            }
        }
    }
    for (name, banned, why) in NEVER_BELOW {
        let below = below(&metadata, name)?;
        for one in banned.iter().filter(|one| below.contains_key(**one)) {
            found.push(format!(
                "{name} has {one} below it, by way of {}: {why}",
                way(&below, one)
            ));
        }
    }
    none_found(&found, "edges that the house does not have")
}

/// What cargo knows of the workspace, for every system at once.
pub(crate) fn metadata() -> Result<Metadata> {
    let locked = build::unattended().then(|| "--locked".to_owned());
    MetadataCommand::new()
        .manifest_path(tree::path("Cargo.toml"))
        .other_options(locked.into_iter().collect::<Vec<_>>())
        .exec()
        .context("read the workspace with cargo metadata")
}

/// Every package below `name` that ends up in its program, each with the package that brought it.
fn below(metadata: &Metadata, name: &str) -> Result<BTreeMap<String, String>> {
    let resolve = metadata
        .resolve
        .as_ref()
        .context("cargo metadata resolves the dependencies")?;
    let start = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == name);
    let start = &start.with_context(|| format!("{name} is in the workspace"))?.id;
    let title = |id: &PackageId| metadata[id].name.to_string();

    let mut seen = BTreeMap::new();
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        let node = resolve
            .nodes
            .iter()
            .find(|node| &node.id == id)
            .context("every package is resolved")?;
        for dependency in &node.deps {
            let linked = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal);
            let name = title(&dependency.pkg);
            if linked && !seen.contains_key(&name) {
                seen.insert(name, title(id));
                open.push(&dependency.pkg);
            }
        }
    }
    Ok(seen)
}

/// The chain that leads to `name`.
fn way(below: &BTreeMap<String, String>, name: &str) -> String {
    let mut chain = vec![name];
    while let Some(parent) = below.get(*chain.last().unwrap_or(&name)) {
        if chain.contains(&parent.as_str()) {
            break;
        }
        chain.push(parent);
    }
    chain.reverse();
    chain.join(" → ")
}
