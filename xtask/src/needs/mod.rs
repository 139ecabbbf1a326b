//! What a machine must have to build, run and test Tessera: one table that says what, why, how to see that it
//! is there, and what each system calls it.

mod install;
mod probe;

use std::process::ExitCode;

use anyhow::{Result, bail};

use self::probe::Probe;
use crate::command::Run;

/// What a need is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum For {
    /// Building the programs.
    Build,
    /// Opening the app on this desktop.
    Desktop,
    /// A whole desktop without a screen: for the tests, and for `run` where there is no display.
    Lab,
    /// Making and reading packages.
    Bundle,
    /// Fuzzing.
    Fuzz,
}

/// One thing that a machine must have.
pub(crate) struct Need {
    /// What it is.
    what: &'static str,
    /// Why it is needed.
    why: &'static str,
    /// What it is needed for.
    purposes: &'static [For],
    /// How to see that it is there.
    probe: Probe,
    /// Its packages on Debian and Ubuntu.
    apt: &'static [&'static str],
    /// Its packages on Fedora and its kin; a path stands for whatever package holds it.
    dnf: &'static [&'static str],
    /// Its packages on Arch and its kin.
    pacman: &'static [&'static str],
}

/// The need that Ubuntu has no package for.
const BROWSER: &str = "Chromium and its driver";

/// Everything that is installed by the system's package manager on Linux.
const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler",
        why: "the cryptography (aws-lc) and SQLite are compiled from C",
        purposes: &[For::Build],
        probe: Probe::Programs(&[&["cc"]]),
        apt: &["build-essential"],
        dnf: &["gcc", "gcc-c++", "make"],
        pacman: &["base-devel"],
    },
    Need {
        what: "a C++ compiler",
        why: "libFuzzer is compiled from C++",
        purposes: &[For::Fuzz],
        probe: Probe::Programs(&[&["c++"]]),
        apt: &["build-essential"],
        dnf: &["gcc-c++"],
        pacman: &["base-devel"],
    },
    Need {
        what: "pkg-config",
        why: "finds the libraries of the web view",
        purposes: &[For::Build],
        probe: Probe::Programs(&[&["pkg-config"]]),
        apt: &["pkg-config"],
        dnf: &["pkgconf-pkg-config"],
        pacman: &["pkgconf"],
    },
    Need {
        what: "WebKitGTK 4.1, to build against",
        why: "the window's web view on Linux",
        purposes: &[For::Build],
        probe: Probe::Library("webkit2gtk-4.1"),
        apt: &["libwebkit2gtk-4.1-dev"],
        dnf: &["webkit2gtk4.1-devel"],
        pacman: &["webkit2gtk-4.1"],
    },
    Need {
        what: "xdg-utils",
        why: "opens the person's browser, and makes Tessera the handler of its private scheme",
        purposes: &[For::Desktop, For::Lab],
        probe: Probe::Programs(&[&["xdg-mime"]]),
        apt: &["xdg-utils"],
        dnf: &["xdg-utils"],
        pacman: &["xdg-utils"],
    },
    Need {
        what: "desktop-file-utils",
        why: "tells the desktop which program opens which scheme",
        purposes: &[For::Desktop, For::Lab],
        probe: Probe::Programs(&[&["update-desktop-database"]]),
        apt: &["desktop-file-utils"],
        dnf: &["desktop-file-utils"],
        pacman: &["desktop-file-utils"],
    },
    Need {
        what: "WebKitWebDriver",
        why: "drives the app's real window in the journeys",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["WebKitWebDriver"]]),
        apt: &["webkit2gtk-driver"],
        dnf: &["/usr/bin/WebKitWebDriver"],
        pacman: &["webkit2gtk-4.1"],
    },
    Need {
        what: "Xvfb",
        why: "a screen that nobody sees",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["Xvfb"], &["xauth"]]),
        apt: &["xvfb", "xauth"],
        dnf: &["xorg-x11-server-Xvfb", "xorg-x11-xauth"],
        pacman: &["xorg-server-xvfb", "xorg-xauth"],
    },
    Need {
        what: "a session bus",
        why: "the keychain and the single running instance are reached over it",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["dbus-run-session"], &["dbus-daemon"]]),
        apt: &["dbus"],
        dnf: &["dbus-daemon"],
        pacman: &["dbus"],
    },
    Need {
        what: "GNOME keyring",
        why: "a real keychain (Secret Service) for the journeys",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["gnome-keyring-daemon"]]),
        apt: &["gnome-keyring"],
        dnf: &["gnome-keyring"],
        pacman: &["gnome-keyring"],
    },
    Need {
        what: "the keyring's prompt",
        why: "asks the person to unlock a keychain, which a journey declines and then does",
        purposes: &[For::Lab],
        probe: Probe::File("/usr/share/dbus-1/services/org.gnome.keyring.SystemPrompter.service"),
        apt: &["gcr"],
        dnf: &["/usr/libexec/gcr-prompter"],
        pacman: &["gcr"],
    },
    Need {
        what: "secret-tool",
        why: "reads the keychain from outside, to see what was really kept",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["secret-tool"]]),
        apt: &["libsecret-tools"],
        dnf: &["libsecret"],
        pacman: &["libsecret"],
    },
    Need {
        what: "gio and gdbus",
        why: "starts the handler of a scheme when xdg-open is asked to, and talks to the session bus",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["gio"], &["gdbus"]]),
        apt: &["libglib2.0-bin"],
        dnf: &["glib2"],
        pacman: &["glib2"],
    },
    Need {
        what: BROWSER,
        why: "the person's own browser in the journeys, and the UI's component tests",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[
            &["chromium", "google-chrome-stable", "google-chrome"],
            &["chromedriver"],
        ]),
        apt: &["chromium", "chromium-driver"],
        dnf: &["chromium", "chromedriver"],
        pacman: &["chromium"],
    },
    Need {
        what: "openbox",
        why: "a window manager: without one nothing comes to the front",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["openbox"]]),
        apt: &["openbox"],
        dnf: &["openbox"],
        pacman: &["openbox"],
    },
    Need {
        what: "xdotool",
        why: "asks which window is in front, and types as a person does",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["xdotool"]]),
        apt: &["xdotool"],
        dnf: &["xdotool"],
        pacman: &["xdotool"],
    },
    Need {
        what: "ImageMagick",
        why: "takes the pictures of the screen",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["import"]]),
        apt: &["imagemagick"],
        dnf: &["ImageMagick"],
        pacman: &["imagemagick"],
    },
    Need {
        what: "a font",
        why: "text in the pictures and in the browser",
        purposes: &[For::Lab],
        probe: Probe::Folder("/usr/share/fonts"),
        apt: &["fonts-dejavu-core"],
        dnf: &["dejavu-sans-fonts"],
        pacman: &["ttf-dejavu"],
    },
    Need {
        what: "ps",
        why: "looks for secrets in the arguments of running programs",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["ps"]]),
        apt: &["procps"],
        dnf: &["procps-ng"],
        pacman: &["procps-ng"],
    },
    Need {
        what: "ip and unshare",
        why: "lets a network come and go where nobody else notices",
        purposes: &[For::Lab],
        probe: Probe::Programs(&[&["ip"], &["unshare"]]),
        apt: &["iproute2", "util-linux"],
        dnf: &["iproute", "util-linux"],
        pacman: &["iproute2", "util-linux"],
    },
    Need {
        what: "rpm",
        why: "looks into the .rpm that was built",
        purposes: &[For::Bundle],
        probe: Probe::Programs(&[&["rpm"], &["rpm2cpio"], &["cpio"]]),
        apt: &["rpm", "cpio"],
        dnf: &["rpm", "cpio"],
        pacman: &["rpm-tools", "cpio"],
    },
];

/// Which needs to look at.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Install what is missing.
    #[arg(long)]
    install: bool,
    /// What for; everything when not given.
    #[arg(long = "for", value_enum)]
    purposes: Vec<For>,
}

/// `cargo xtask needs`.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let all = [For::Build, For::Desktop, For::Lab, For::Bundle, For::Fuzz];
    let purposes = if options.purposes.is_empty() {
        &all[..]
    } else {
        &options.purposes
    };
    if options.install {
        meet(purposes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let missing = missing(purposes);
    tell(&missing);
    check_node()?;
    if missing.is_empty() {
        println!("nothing is missing");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Sees to it that this machine has what the purposes need: says what is missing and why, then installs it.
pub(crate) fn meet(purposes: &[For]) -> Result<()> {
    check_node()?;
    if !cfg!(target_os = "linux") {
        return other_systems(purposes);
    }
    let missing = missing(purposes);
    if !missing.is_empty() {
        tell(&missing);
        install::packages(&missing)?;
        let still: Vec<&str> = missing
            .iter()
            .filter(|need| !need.probe.holds())
            .map(|need| need.what)
            .collect();
        if !still.is_empty() {
            bail!("still missing after the installation: {}", still.join(", "));
        }
    }
    if purposes.contains(&For::Lab) {
        install::tauri_driver()?;
        install::glewlwyd()?;
    }
    Ok(())
}

fn missing(purposes: &[For]) -> Vec<&'static Need> {
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    NEEDS
        .iter()
        .filter(|need| need.purposes.iter().any(|purpose| purposes.contains(purpose)))
        .filter(|need| !need.probe.holds())
        .collect()
}

fn tell(missing: &[&Need]) {
    if !missing.is_empty() {
        println!("This machine lacks:");
    }
    for need in missing {
        println!("  {}: {}", need.what, need.why);
    }
}

/// Node is the person's choice to install: there are too many ways. Its age is checked here.
fn check_node() -> Result<()> {
    const OLDEST: (u32, u32) = (20, 19);
    let Ok(version) = Run::new("node").arg("--version").output() else {
        bail!(
            "Node.js is missing. It builds the window's contents. Install version 20.19 or newer: https://nodejs.org"
        );
    };
    let mut numbers = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        bail!(
            "Node.js {} is too old: 20.19 or newer is needed. https://nodejs.org",
            version.trim()
        );
    }
    if !Run::npm().arg("--version").succeeds() {
        bail!("npm is missing. It comes with Node.js: https://nodejs.org");
    }
    Ok(())
}

/// Where Microsoft's updater notes which WebView2 is installed: for all users, and for this one.
const WEBVIEW2: [&str; 2] = [
    r"HKLM\SOFTWARE\WOW6432Node\Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}",
    r"HKCU\Software\Microsoft\EdgeUpdate\Clients\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}",
];

/// On macOS and Windows nothing is installed; the tasks only look and tell. That Rust can link needs no look: this
/// task is a Rust program.
fn other_systems(purposes: &[For]) -> Result<()> {
    let noted = |key: &&str| Run::new("reg").args(["query", *key, "/v", "pv"]).succeeds();
    if cfg!(windows) && !WEBVIEW2.iter().any(noted) {
        bail!(
            "The WebView2 runtime is missing. It draws the app's window. Install it from: \
             https://developer.microsoft.com/microsoft-edge/webview2"
        );
    }
    if cfg!(target_os = "macos") && !Run::new("xcode-select").arg("-p").succeeds() {
        bail!(
            "Apple's command-line tools are missing. They compile C. Install them with: xcode-select --install"
        );
    }
    if purposes.contains(&For::Lab) {
        println!(
            "The desktop journeys run on Linux only: there is no driver for this system's web view here."
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_says_why_and_has_a_name_everywhere() {
        for need in NEEDS {
            assert!(!need.why.is_empty() && !need.purposes.is_empty(), "{}", need.what);
            for names in [need.apt, need.dnf, need.pacman] {
                assert!(!names.is_empty(), "{} has no package on some system", need.what);
            }
        }
    }
}
