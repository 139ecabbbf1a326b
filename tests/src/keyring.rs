//! What the desktop's real keyring holds, read from outside by the Secret Service's own means.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use crate::{Desktop, tools};

/// How Tessera begins an entry that holds a value whole; base64 follows (crates/platform, `keychain`).
const WHOLE: &str = "tessera1:";

/// One entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is called, for example `refresh/3f2c…`.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Entry {
    /// What is secret in it: the value itself, or each text in it when it is JSON.
    pub fn secrets(&self) -> Vec<String> {
        match serde_json::from_str(&self.value) {
            Ok(json) => texts(&json),
            Err(_) => vec![self.value.clone()],
        }
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Every entry of the keyring, by name.
pub fn entries(desktop: &Desktop) -> Result<Vec<Entry>> {
    let found = gdbus(
        desktop,
        "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service.SearchItems",
        &["{}"],
    )?;
    let mut entries = Vec::new();
    for path in quoted(&found) {
        let attributes = gdbus(
            desktop,
            path,
            "org.freedesktop.DBus.Properties.Get",
            &["org.freedesktop.Secret.Item", "Attributes"],
        )?;
        let attributes = quoted(&attributes);
        let named = |name: &str| {
            let at = attributes.iter().position(|text| *text == name);
            let value = at.and_then(|at| attributes.get(at + 1)).copied();
            value.with_context(|| format!("`{name}` of {path}"))
        };
        let (service, username) = (named("service")?, named("username")?);
        let mut lookup = desktop.command(tools::find("secret-tool")?);
        let stored = desktop.run(lookup.args(["lookup", "service", service, "username", username]))?;
        let value = match stored.strip_prefix(WHOLE) {
            Some(text) => String::from_utf8(STANDARD_NO_PAD.decode(text)?)?,
            None => stored,
        };
        entries.push(Entry {
            name: username.to_owned(),
            value,
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The kinds of the entries, for example `access` and `refresh`.
pub fn kinds(desktop: &Desktop) -> Result<Vec<String>> {
    let entries = entries(desktop)?;
    Ok(entries
        .iter()
        .map(|entry| entry.name.split('/').next().unwrap_or_default().to_owned())
        .collect())
}

fn gdbus(desktop: &Desktop, path: &str, method: &str, arguments: &[&str]) -> Result<String> {
    let mut command = desktop.command(tools::find("gdbus")?);
    command
        .args(["call", "--session", "--dest", "org.freedesktop.secrets"])
        .args(["--object-path", path, "--method", method])
        .args(arguments);
    desktop.run(&mut command)
}

/// What stands between single quotes. None of the names here holds one.
fn quoted(text: &str) -> Vec<&str> {
    text.split('\'').skip(1).step_by(2).collect()
}

fn texts(json: &Value) -> Vec<String> {
    match json {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
