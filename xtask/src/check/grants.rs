//! What the page in the window may do is granted by name: one capability, for one window, own commands only.

use anyhow::{Context, Result};
use serde_json::Value;

use super::none_found;
use crate::tree;

/// Where the page may take anything from at all: itself, pictures inside its own text, and the bridge to Rust.
const SOURCES: [&str; 5] = ["'none'", "'self'", "data:", "ipc:", "http://ipc.localhost"];

/// What the page may do nothing of. `default-src` is what holds for every directive that is not named.
const FROM_NOTHING: [&str; 5] = [
    "default-src",
    "base-uri",
    "form-action",
    "frame-ancestors",
    "object-src",
];

/// Reads the shell's configuration and its capabilities.
pub(crate) fn check() -> Result<()> {
    let mut found = Vec::new();
    let shell: Value = json("src-tauri/tauri.conf.json")?;
    let security = &shell["app"]["security"];
    let capabilities = security["capabilities"].as_array().map_or(0, Vec::len);
    if capabilities != 1 {
        found.push(format!(
            "tauri.conf.json names {capabilities} capabilities: it must name the one"
        ));
    }
    found.extend(policy(&security["csp"]));
    if shell["app"]["withGlobalTauri"].as_bool().unwrap_or(false) {
        found.push("withGlobalTauri hands every script the bridge to Rust".to_owned());
    }
    if security["assetProtocol"]["enable"].as_bool().unwrap_or(false) {
        found.push("the asset protocol lets the page read files".to_owned());
    }

    for file in tree::files()? {
        if file.starts_with("src-tauri/capabilities/") {
            found.extend(capability(&file)?);
        }
    }
    none_found(&found, "grants that the page must not have")
}

/// What is wrong with the content security policy: a table of directives.
fn policy(policy: &Value) -> Vec<String> {
    let Some(directives) = policy.as_object() else {
        return vec!["tauri.conf.json has no table of content security directives".to_owned()];
    };
    let mut found = Vec::new();
    for (directive, sources) in directives {
        for source in sources.as_str().unwrap_or("*").split_whitespace() {
            if !SOURCES.contains(&source) {
                found.push(format!(
                    "the content security policy allows {source} in {directive}"
                ));
            }
        }
    }
    for directive in FROM_NOTHING {
        if directives.get(directive).and_then(Value::as_str) != Some("'none'") {
            found.push(format!(
                "the content security policy does not set {directive} to 'none'"
            ));
        }
    }
    found
}

fn capability(file: &str) -> Result<Vec<String>> {
    let capability = json(file)?;
    let mut found = Vec::new();
    let windows: Vec<&str> = capability["windows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if windows != ["main"] {
        found.push(format!(
            "{file} is for the windows {windows:?}, not for main alone"
        ));
    }
    if !capability["remote"].is_null() {
        found.push(format!("{file} grants something to pages from elsewhere"));
    }
    for permission in capability["permissions"].as_array().into_iter().flatten() {
        // A permission of the app's own commands has no plugin's name before a colon.
        let name = permission
            .as_str()
            .or_else(|| permission["identifier"].as_str())
            .unwrap_or("");
        if !name.starts_with("allow-") || name.contains(':') {
            found.push(format!(
                "{file} grants {name}, which is none of the app's own commands"
            ));
        }
    }
    Ok(found)
}

fn json(file: &str) -> Result<Value> {
    let text = std::fs::read_to_string(tree::path(file)).with_context(|| format!("read {file}"))?;
    serde_json::from_str(&text).with_context(|| format!("read {file}"))
}
