//! Which browsers are installed, which profiles they have, and how a page is opened in one of them.

mod profiles;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tessera_client::{BrowserKind, InstalledBrowser};

/// A browser's own file of its profiles is smaller than this, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

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
                BrowserKind::Firefox => profiles::of_firefox(folder),
                _ => profiles::of_chromium(folder),
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
