//! Which profiles a browser has, from the files in which it writes them down.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tessera_client::BrowserProfile;

use super::read;

/// More profiles than this are not offered.
const MOST_PROFILES: usize = 50;

/// What Chromium and its kin write down of their profiles, in a file named `Local State`.
#[derive(Deserialize)]
struct LocalState {
    profile: LocalProfiles,
}

#[derive(Deserialize)]
struct LocalProfiles {
    info_cache: BTreeMap<String, LocalProfile>,
    #[serde(default)]
    profiles_order: Vec<String>,
}

#[derive(Deserialize)]
struct LocalProfile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    is_ephemeral: bool,
}

pub(super) fn of_chromium(folder: &Path) -> Vec<BrowserProfile> {
    let Some(text) = read(&folder.join("Local State")) else {
        return Vec::new();
    };
    let Ok(LocalState { profile }) = serde_json::from_str(&text) else {
        return Vec::new();
    };
    let place = |id: &String| profile.profiles_order.iter().position(|own| own == id);
    let mut known: Vec<(&String, &LocalProfile)> = profile
        .info_cache
        .iter()
        .filter(|(id, own)| !own.is_ephemeral && is_plain(id))
        .collect();
    known.sort_by_key(|(id, _)| (place(id).unwrap_or(usize::MAX), (*id).clone()));
    let known = known.into_iter().take(MOST_PROFILES);
    known.map(|(id, own)| named(id, &own.name)).collect()
}

/// What Firefox writes down of its profiles, in a file named `profiles.ini`: sections named `Profile` and a number.
pub(super) fn of_firefox(folder: &Path) -> Vec<BrowserProfile> {
    let text = read(&folder.join("profiles.ini")).unwrap_or_default();
    let mut is_profile = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            is_profile = section.starts_with("Profile");
        } else if let Some(name) = line.strip_prefix("Name=").filter(|_| is_profile) {
            names.push(name);
        }
    }
    let names = names.into_iter().filter(|name| is_plain(name));
    names.take(MOST_PROFILES).map(|name| named(name, name)).collect()
}

fn named(id: &str, name: &str) -> BrowserProfile {
    let shown = name.trim();
    BrowserProfile {
        id: id.to_owned(),
        name: if shown.is_empty() { id } else { shown }.to_owned(),
    }
}

/// Whether this can stand alone in a program's arguments, and is no path that leads elsewhere.
fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && !id.starts_with('-')
        && id != ".."
        && !id.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
}
