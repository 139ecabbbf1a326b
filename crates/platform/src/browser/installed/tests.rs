#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use tempfile::TempDir;

use super::*;

const LOCAL_STATE: &str = r#"{"profile": {"info_cache": {
    "Default": {"name": "Ann"},
    "Profile 1": {"name": "Work", "user_name": "ann@example.test"},
    "Profile 2": {"name": "Guest", "is_ephemeral": true},
    "Profile 3": {"name": " "},
    "../../etc": {"name": "elsewhere"}
}, "profiles_order": ["Profile 1", "Default"]}, "browser": {}}"#;

const PROFILES_INI: &str = "[Install4F96D1932A9F858E]\nDefault=x.default\n\n[Profile1]\nName=work\nIsRelative=1\nPath=a.work\n\n\
                            [Profile0]\nName=default-release\nPath=b\n[General]\nName=not a profile\n[Profile2]\nName=--evil\n";

fn put(root: &TempDir, file: &str, text: &str) -> PathBuf {
    let path = root.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn places(root: &TempDir) -> Places {
    let at = |name: &str| root.path().join(name);
    Places {
        home: at("home"),
        path: vec![at("bin"), at("sbin"), at("bin/snap")],
        programs: vec![at("programs")],
        config: at("config"),
        roaming: at("roaming"),
    }
}

fn profiles(found: &Found) -> Vec<(&str, &str)> {
    let own = found.browser.profiles.iter();
    own.map(|profile| (profile.id.as_str(), profile.name.as_str()))
        .collect()
}

const OF_LOCAL_STATE: [(&str, &str); 3] = [
    ("Profile 1", "Work"),
    ("Default", "Ann"),
    ("Profile 3", "Profile 3"),
];
const OF_PROFILES_INI: [(&str, &str); 2] = [("work", "work"), ("default-release", "default-release")];

#[test]
fn each_is_found_with_its_profiles_on_every_system() {
    use BrowserKind::{Brave, Chrome, Chromium, Edge, Firefox};
    use System::{Linux, MacOs, Windows};
    let rows = [
        (
            Linux,
            Chrome,
            "bin/google-chrome",
            "config/google-chrome/Local State",
        ),
        (Linux, Chromium, "sbin/chromium", "config/chromium/Local State"),
        (
            Linux,
            Chromium,
            "bin/snap/chromium",
            "home/snap/chromium/common/chromium/Local State",
        ),
        (
            Linux,
            Edge,
            "bin/microsoft-edge",
            "config/microsoft-edge/Local State",
        ),
        (
            Linux,
            Brave,
            "bin/brave-browser",
            "config/BraveSoftware/Brave-Browser/Local State",
        ),
        (
            Linux,
            Chrome,
            "home/.local/share/flatpak/exports/bin/com.google.Chrome",
            "home/.var/app/com.google.Chrome/config/google-chrome/Local State",
        ),
        (
            Linux,
            Firefox,
            "bin/firefox",
            "home/.mozilla/firefox/profiles.ini",
        ),
        (
            Linux,
            Firefox,
            "bin/firefox-esr",
            "config/mozilla/firefox/profiles.ini",
        ),
        (
            Linux,
            Firefox,
            "bin/snap/firefox",
            "home/snap/firefox/common/.mozilla/firefox/profiles.ini",
        ),
        (
            MacOs,
            Chrome,
            "programs/Google Chrome.app/Contents/MacOS/Google Chrome",
            "config/Google/Chrome/Local State",
        ),
        (
            MacOs,
            Chromium,
            "programs/Chromium.app/Contents/MacOS/Chromium",
            "config/Chromium/Local State",
        ),
        (
            MacOs,
            Edge,
            "programs/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
            "config/Microsoft Edge/Local State",
        ),
        (
            MacOs,
            Brave,
            "programs/Brave Browser.app/Contents/MacOS/Brave Browser",
            "config/BraveSoftware/Brave-Browser/Local State",
        ),
        (
            MacOs,
            Firefox,
            "programs/Firefox.app/Contents/MacOS/firefox",
            "config/Firefox/profiles.ini",
        ),
        (
            Windows,
            Chrome,
            "programs/Google/Chrome/Application/chrome.exe",
            "config/Google/Chrome/User Data/Local State",
        ),
        (
            Windows,
            Chromium,
            "programs/Chromium/Application/chrome.exe",
            "config/Chromium/User Data/Local State",
        ),
        (
            Windows,
            Edge,
            "programs/Microsoft/Edge/Application/msedge.exe",
            "config/Microsoft/Edge/User Data/Local State",
        ),
        (
            Windows,
            Brave,
            "programs/BraveSoftware/Brave-Browser/Application/brave.exe",
            "config/BraveSoftware/Brave-Browser/User Data/Local State",
        ),
        (
            Windows,
            Firefox,
            "programs/Mozilla Firefox/firefox.exe",
            "roaming/Mozilla/Firefox/profiles.ini",
        ),
    ];
    for (system, kind, program, file) in rows {
        let root = TempDir::new().unwrap();
        let places = places(&root);
        let is_firefox = kind == Firefox;
        put(&root, file, if is_firefox { PROFILES_INI } else { LOCAL_STATE });
        assert_eq!(on(system, &places), [], "{file} alone is no browser");
        let program = put(&root, program, "");
        let found = on(system, &places);
        assert_eq!(found.len(), 1, "{file}");
        let expected: &[(&str, &str)] = if is_firefox {
            &OF_PROFILES_INI
        } else {
            &OF_LOCAL_STATE
        };
        assert_eq!(profiles(&found[0]), expected, "{file}");
        assert_eq!(found[0].program, program);
        assert_eq!(found[0].browser.kind, kind);
    }
}

#[test]
fn what_another_installation_left_is_not_offered() {
    let root = TempDir::new().unwrap();
    let files = [
        "config/chromium/Local State",
        "home/snap/chromium/common/chromium/Local State",
        "home/.var/app/org.chromium.Chromium/config/chromium/Local State",
    ];
    for (file, name) in files.iter().zip(["plain", "snap", "flatpak"]) {
        put(&root, file, &LOCAL_STATE.replace("Work", name));
    }
    let own = |root: &TempDir| {
        let found = on(System::Linux, &places(root));
        profiles(&found[0])[0].1.to_owned()
    };
    put(
        &root,
        "home/.local/share/flatpak/exports/bin/org.chromium.Chromium",
        "#!/bin/sh\n",
    );
    assert_eq!(own(&root), "flatpak");
    // The first that is found by name is the one that opens.
    let program = put(&root, "bin/chromium", "\u{7f}ELF snap run /snap/bin/");
    assert_eq!(own(&root), "plain");
    for (text, packed) in [
        ("#!/bin/sh\nexec /usr/lib/chromium/chromium \"$@\"\n", "plain"),
        ("#!/bin/sh\nexec /snap/bin/chromium \"$@\"\n", "snap"),
        (
            "#!/bin/sh\nexec flatpak run org.chromium.Chromium \"$@\"\n",
            "flatpak",
        ),
    ] {
        fs::write(&program, text).unwrap();
        assert_eq!(own(&root), packed, "{text}");
    }
    for file in files {
        fs::remove_file(root.path().join(file)).unwrap();
    }
    assert_eq!(on(System::Linux, &places(&root))[0].browser.profiles, []);
}

#[test]
fn one_that_was_never_used_or_whose_file_is_broken_has_no_profiles() {
    let root = TempDir::new().unwrap();
    put(&root, "bin/chromium", "");
    put(&root, "bin/firefox", "");
    let none = |root: &TempDir| {
        let found = on(System::Linux, &places(root));
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|found| found.browser.profiles.is_empty()));
    };
    none(&root);
    put(&root, "home/.mozilla/firefox/profiles.ini", "\u{0}[[[Name=x\n=\n");
    for text in ["", "{", "[]", r#"{"profile": {"info_cache": []}}"#, "\u{fffd}"] {
        put(&root, "config/chromium/Local State", text);
        none(&root);
    }
}

#[test]
fn the_profile_and_the_page_are_arguments_of_their_own() {
    let of = |kind, profile: Option<&str>| {
        let found = Found {
            browser: InstalledBrowser {
                kind,
                profiles: Vec::new(),
            },
            program: "browser".into(),
        };
        found.command(profile, "https://provider.example/?a=b c").1
    };
    let url = "https://provider.example/?a=b c";
    assert_eq!(of(BrowserKind::Chrome, None), [url]);
    assert_eq!(
        of(BrowserKind::Edge, Some("Profile 1")),
        ["--profile-directory=Profile 1", url]
    );
    assert_eq!(of(BrowserKind::Firefox, Some("work")), ["-P", "work", url]);
}
