//! What the desktop's real keyring holds, read from outside by the Secret Service's own means.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use crate::{Desktop, tools, wait};

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
    /// Each text in it: the value itself, or when it is JSON, those that stand in it at any depth. What accounts can be
    /// brought back from is no secret.
    pub fn secrets(&self) -> Vec<String> {
        if self.name.starts_with("account/") {
            return Vec::new();
        }
        texts(&Value::String(self.value.clone()))
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Every entry of the keyring, by name, but the one that it is known by.
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
        if username.starts_with("keychain/") {
            continue;
        }
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

/// Waits until the keyring holds entries of exactly these kinds.
pub async fn holds(desktop: &Desktop, expected: &[&str]) -> Result<()> {
    let mut last = Vec::new();
    let held = wait::until_true("what the keyring should hold", wait::STEP, async || {
        // An entry may go while it is read.
        match kinds(desktop) {
            Ok(kinds) => last = kinds,
            Err(_) => return Ok(false),
        }
        Ok(last == expected)
    })
    .await;
    held.with_context(|| format!("expected {expected:?}; it holds {last:?}"))
}

/// Removes the entry of this name.
pub fn remove(desktop: &Desktop, name: &str) -> Result<()> {
    let mut clear = desktop.command(tools::find("secret-tool")?);
    desktop.run(clear.args(["clear", "username", name])).map(drop)
}

/// The value called `name` in the first entry of a kind; `name` is empty when the entry is no JSON.
pub fn value(desktop: &Desktop, kind: &str, name: &str) -> Result<String> {
    let entries = entries(desktop)?;
    let entry = entries
        .iter()
        .find(|entry| entry.name.starts_with(&format!("{kind}/")))
        .with_context(|| format!("no `{kind}` in the keyring: {entries:?}"))?;
    if name.is_empty() {
        return Ok(entry.value.clone());
    }
    named(&Value::String(entry.value.clone()), name).with_context(|| format!("no `{name}` in {entry:?}"))
}

fn named(json: &Value, name: &str) -> Option<String> {
    match json {
        Value::String(text) => {
            let inner: Value = serde_json::from_str(text).ok()?;
            inner.is_object().then(|| named(&inner, name)).flatten()
        }
        Value::Object(values) => match values.get(name) {
            Some(Value::String(found)) => Some(found.clone()),
            _ => values.values().find_map(|value| named(value, name)),
        },
        _ => None,
    }
}

/// Which process the keyring is, by its id, after everything has been dealt with that was sent to it before. Where it has
/// ended meanwhile it is another one, which the bus has started, and which is locked.
pub fn process(desktop: &Desktop) -> Result<String> {
    // One that ends at this very moment does not answer.
    let _ = gdbus(
        desktop,
        "/org/freedesktop/secrets",
        "org.freedesktop.DBus.Peer.Ping",
        &[],
    );
    let mut owner = desktop.command(tools::find("gdbus")?);
    owner
        .args(["call", "--session", "--dest", "org.freedesktop.DBus"])
        .args(["--object-path", "/org/freedesktop/DBus"])
        .args(["--method", "org.freedesktop.DBus.GetConnectionUnixProcessID"])
        .arg("org.freedesktop.secrets");
    desktop.run(&mut owner)
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
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Array(_) | Value::Object(_))) => texts(&inner),
            _ => vec![text.clone()],
        },
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
