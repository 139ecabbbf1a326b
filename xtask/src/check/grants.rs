//! What the page in the window may do is granted by name: one capability, for one window, own commands only.

use anyhow::{Context, Result};
use serde_json::Value;

use super::none_found;
use crate::tree;

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
    match security["csp"].as_str() {
        None => found.push("tauri.conf.json has no content security policy".to_owned()),
        Some(policy) => {
            for weak in ["unsafe-inline", "unsafe-eval", "*", "http://localhost", "https:"] {
                if policy
                    .split([' ', ';'])
                    .any(|word| word.trim_matches('\'') == weak)
                {
                    found.push(format!("the content security policy allows {weak}"));
                }
            }
            if !policy.contains("default-src 'none'") {
                found.push("the content security policy does not start from nothing".to_owned());
            }
        }
    }
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
