//! Which browsers are installed, which profiles they have, and how a page is opened in one of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tessera_client::{BrowserKind, BrowserProfile, InstalledBrowser};

/// A browser's own file of its profiles is smaller than this, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// More profiles than this are not offered.
const MOST_PROFILES: usize = 50;

/// The systems, each of which keeps browsers and their files in places of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Linux,
    MacOs,
    Windows,
}

impl System {
    const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Linux
    };
}

/// The folders that everything is looked for in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) home: PathBuf,
    /// Where programs are looked for by name.
    pub(crate) path: Vec<PathBuf>,
    /// Where programs have folders of their own: `/Applications`, `C:\Program Files`.
    pub(crate) programs: Vec<PathBuf>,
    /// `$XDG_CONFIG_HOME`, `~/Library/Application Support` or `%LOCALAPPDATA%`.
    pub(crate) config: PathBuf,
    /// `%APPDATA%`; elsewhere nothing.
    pub(crate) roaming: PathBuf,
}

impl Places {
    /// This machine's, for whoever runs this program.
    pub(crate) fn here() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "where programs and their files are is told by the environment"
        )]
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let folder = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = std::env::home_dir().unwrap_or_default();
        let path = variable("PATH").map(|path| std::env::split_paths(&path).collect());
        let (programs, config) = match System::HERE {
            System::Linux => (
                Vec::new(),
                folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            ),
            System::MacOs => (
                vec!["/Applications".into(), home.join("Applications")],
                home.join("Library/Application Support"),
            ),
            System::Windows => (
                ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"]
                    .into_iter()
                    .filter_map(folder)
                    .collect(),
                folder("LOCALAPPDATA").unwrap_or_default(),
            ),
        };
        Self {
            path: path.unwrap_or_default(),
            programs,
            config,
            roaming: folder("APPDATA").unwrap_or_default(),
            home,
        }
    }
}

/// A browser that is there, and the program that opens pages in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) browser: InstalledBrowser,
    program: PathBuf,
}

impl Found {
    /// The program, and what it is started with to open `url` in a profile.
    pub(crate) fn command(&self, profile: Option<&str>, url: &str) -> (PathBuf, Vec<OsString>) {
        let mut arguments: Vec<OsString> = Vec::new();
        match (self.browser.kind, profile) {
            (_, None) => {}
            (BrowserKind::Firefox, Some(profile)) => arguments.extend(["-P".into(), profile.into()]),
            (_, Some(profile)) => arguments.push(format!("--profile-directory={profile}").into()),
        }
        arguments.push(url.into());
        (self.program.clone(), arguments)
    }
}

/// Everything that is installed on this machine. Reads files.
pub(crate) fn here() -> Vec<Found> {
    on(System::HERE, &Places::here())
}

/// Everything that is installed on such a system.
pub(crate) fn on(system: System, places: &Places) -> Vec<Found> {
    let found = BrowserKind::ALL.into_iter().filter_map(|kind| {
        let table = table(kind);
        let program = program(system, &table, places)?;
        let profiles = folders(system, &table, places, Packed::of(&program))
            .iter()
            .map(|folder| match kind {
                BrowserKind::Firefox => firefox_profiles(folder),
                _ => chromium_profiles(folder),
            })
            .find(|profiles| !profiles.is_empty())
            .unwrap_or_default();
        let browser = InstalledBrowser { kind, profiles };
        Some(Found { browser, program })
    });
    found.collect()
}

/// What a browser's programs and folders are called.
struct Table {
    /// On Linux, by name, the first that is there.
    commands: &'static [&'static str],
    /// Its name as a Flatpak.
    flatpak: &'static str,
    /// Below the folder for settings on Linux. Firefox has one of its own beside that.
    linux: &'static str,
    /// The folder of its Snap, and what is below that.
    snap: Option<(&'static str, &'static str)>,
    /// The application on macOS.
    application: &'static str,
    /// Below `~/Library/Application Support`.
    macos: &'static str,
    /// The program on Windows, below the folders for programs.
    windows_program: &'static str,
    /// Below `%LOCALAPPDATA%`; for Firefox below `%APPDATA%`.
    windows: &'static str,
}

fn table(kind: BrowserKind) -> Table {
    match kind {
        BrowserKind::Chrome => Table {
            commands: &["google-chrome-stable", "google-chrome"],
            flatpak: "com.google.Chrome",
            linux: "google-chrome",
            snap: None,
            application: "Google Chrome",
            macos: "Google/Chrome",
            windows_program: "Google/Chrome/Application/chrome.exe",
            windows: "Google/Chrome/User Data",
        },
        BrowserKind::Chromium => Table {
            commands: &["chromium", "chromium-browser"],
            flatpak: "org.chromium.Chromium",
            linux: "chromium",
            snap: Some(("chromium", "common/chromium")),
            application: "Chromium",
            macos: "Chromium",
            windows_program: "Chromium/Application/chrome.exe",
            windows: "Chromium/User Data",
        },
        BrowserKind::Edge => Table {
            commands: &["microsoft-edge-stable", "microsoft-edge"],
            flatpak: "com.microsoft.Edge",
            linux: "microsoft-edge",
            snap: None,
            application: "Microsoft Edge",
            macos: "Microsoft Edge",
            windows_program: "Microsoft/Edge/Application/msedge.exe",
            windows: "Microsoft/Edge/User Data",
        },
        BrowserKind::Brave => Table {
            commands: &["brave-browser-stable", "brave-browser", "brave"],
            flatpak: "com.brave.Browser",
            linux: "BraveSoftware/Brave-Browser",
            snap: Some(("brave", "current/.config/BraveSoftware/Brave-Browser")),
            application: "Brave Browser",
            macos: "BraveSoftware/Brave-Browser",
            windows_program: "BraveSoftware/Brave-Browser/Application/brave.exe",
            windows: "BraveSoftware/Brave-Browser/User Data",
        },
        BrowserKind::Firefox => Table {
            commands: &["firefox", "firefox-esr"],
            flatpak: "org.mozilla.firefox",
            linux: "mozilla/firefox",
            snap: Some(("firefox", "common/.mozilla/firefox")),
            application: "Firefox",
            macos: "Firefox",
            windows_program: "Mozilla Firefox/firefox.exe",
            windows: "Mozilla/Firefox",
        },
    }
}

fn program(system: System, table: &Table, places: &Places) -> Option<PathBuf> {
    let all: Vec<PathBuf> = match system {
        System::Linux => {
            let exported = [
                places.home.join(".local/share/flatpak/exports/bin"),
                "/var/lib/flatpak/exports/bin".into(),
            ];
            let named = table
                .commands
                .iter()
                .flat_map(|name| places.path.iter().map(move |folder| folder.join(name)));
            let exported = exported.into_iter().map(|folder| folder.join(table.flatpak));
            named.chain(exported).collect()
        }
        System::MacOs => {
            let inside = format!("{0}.app/Contents/MacOS/{0}", table.application);
            // Firefox's own program has another name than its application.
            let inside = inside.replace("MacOS/Firefox", "MacOS/firefox");
            places
                .programs
                .iter()
                .map(|folder| folder.join(&inside))
                .collect()
        }
        System::Windows => places
            .programs
            .iter()
            .map(|folder| folder.join(table.windows_program))
            .collect(),
    };
    all.into_iter().find(|path| path.is_file())
}

/// How a browser came onto a Linux system, which decides where it keeps its profiles: what another installation of it
/// left there is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packed {
    /// As a package of the system, or unpacked by hand.
    Plain,
    Snap,
    Flatpak,
}

impl Packed {
    fn of(program: &Path) -> Self {
        let lies_in = |folder: &str| program.components().any(|part| part.as_os_str() == folder);
        if lies_in("flatpak") {
            return Self::Flatpak;
        }
        if lies_in("snap")
            || program
                .canonicalize()
                .is_ok_and(|path| path.ends_with("bin/snap"))
        {
            return Self::Snap;
        }
        // Where a system hands on to one of them, there is a script in the package's place.
        match script(program) {
            Some(script) if script.contains("/snap/bin/") || script.contains("snap run ") => Self::Snap,
            Some(script) if script.contains("flatpak run ") => Self::Flatpak,
            _ => Self::Plain,
        }
    }
}

/// The program's text, where it is a script.
fn script(program: &Path) -> Option<String> {
    let mut start = [0; 2];
    let mut file = std::fs::File::open(program).ok()?;
    file.read_exact(&mut start).ok()?;
    (start == *b"#!").then(|| read(program))?
}

/// Where its profiles may be, in the order in which that is likely.
fn folders(system: System, table: &Table, places: &Places, packed: Packed) -> Vec<PathBuf> {
    let is_firefox = table.application == "Firefox";
    let sandboxed = places.home.join(".var/app").join(table.flatpak);
    match system {
        System::Linux => match packed {
            Packed::Plain if is_firefox => vec![
                places.config.join(table.linux),
                places.home.join(".mozilla/firefox"),
            ],
            Packed::Plain => vec![places.config.join(table.linux)],
            Packed::Snap => {
                let snap = table.snap.map(|(name, below)| Path::new(name).join(below));
                snap.into_iter()
                    .map(|below| places.home.join("snap").join(below))
                    .collect()
            }
            Packed::Flatpak if is_firefox => vec![
                sandboxed.join(".mozilla/firefox"),
                sandboxed.join("config").join(table.linux),
            ],
            Packed::Flatpak => vec![sandboxed.join("config").join(table.linux)],
        },
        System::MacOs => vec![places.config.join(table.macos)],
        System::Windows if is_firefox => vec![places.roaming.join(table.windows)],
        System::Windows => vec![places.config.join(table.windows)],
    }
}

fn read(file: &Path) -> Option<String> {
    let mut text = String::new();
    let file = std::fs::File::open(file).ok()?;
    file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

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

fn chromium_profiles(folder: &Path) -> Vec<BrowserProfile> {
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
fn firefox_profiles(folder: &Path) -> Vec<BrowserProfile> {
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

#[cfg(test)]
mod tests {
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
}
