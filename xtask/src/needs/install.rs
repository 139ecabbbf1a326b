//! Installs what is missing by the system's own package manager, and tauri-driver by cargo.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::probe::program;
use super::{BROWSER, Need};
use crate::command::Run;
use crate::{build, table, tree};

/// The tauri-driver that the journeys were written against.
const TAURI_DRIVER: &str = "2.1.0";

/// The program that fetches Chrome for Testing, and its version.
const BROWSERS: &str = "@puppeteer/browsers@2.13.0";

/// What Chrome for Testing links to and WebKitGTK does not bring.
const CHROME_LIBRARIES: [&str; 2] = ["libasound2t64", "libnss3"];

/// The provider that is unpacked and not installed.
const PROVIDER: &str = "glewlwyd";

/// How long one run of a package manager may take.
const TIME: Duration = Duration::from_mins(20);

/// A package manager.
struct System {
    program: &'static str,
    names: fn(&Need) -> &'static [&'static str],
    /// Brings its list of packages up to date, where that is a step of its own.
    refresh: &'static [&'static str],
    /// Installs the packages whose names follow.
    install: &'static [&'static str],
}

const SYSTEMS: [System; 3] = [
    System {
        program: "apt-get",
        names: |need| need.apt,
        refresh: &[
            "-q",
            "-o",
            "Acquire::Retries=5",
            "-o",
            "DPkg::Lock::Timeout=300",
            "update",
        ],
        install: &[
            "-q",
            "-y",
            "-o",
            "Acquire::Retries=5",
            "-o",
            "DPkg::Lock::Timeout=300",
            "-o",
            "Dpkg::Options::=--force-confold",
            "install",
            "--no-install-recommends",
        ],
    },
    System {
        program: "dnf",
        names: |need| need.dnf,
        refresh: &[],
        install: &[
            "-q",
            "-y",
            "install",
            "--setopt=install_weak_deps=False",
            "--setopt=retries=5",
        ],
    },
    System {
        program: "pacman",
        names: |need| need.pacman,
        refresh: &[],
        // -y without -u would mix two states of the distribution; what is already listed is enough.
        install: &["-S", "--needed", "--noconfirm"],
    },
];

/// Installs the packages of `needs`.
pub(crate) fn packages(needs: &[&Need]) -> Result<()> {
    let Some(system) = SYSTEMS.iter().find(|system| program(system.program).is_some()) else {
        bail!(
            "no package manager known here (apt, dnf, pacman): please install what is listed above yourself"
        );
    };
    if !system.refresh.is_empty() {
        // Old lists may still name what is needed: go on, and let the installation decide.
        let refreshed = as_root(system.program)?
            .args(system.refresh)
            .at_most(TIME)
            .quietly("system-refresh");
        if let Err(error) = refreshed {
            println!("warning: {error:#}");
        }
    }
    // Ubuntu has Chromium as a snap only, which cannot use a home of the test's own.
    let browser_elsewhere = system.program == "apt-get"
        && needs.iter().any(|need| need.what == BROWSER)
        && !Run::new("apt-cache").args(["show", "chromium"]).succeeds();

    let mut names: Vec<&str> = needs
        .iter()
        .filter(|need| !(browser_elsewhere && need.what == BROWSER))
        .flat_map(|need| (system.names)(need))
        .copied()
        .collect();
    if browser_elsewhere {
        names.extend(CHROME_LIBRARIES);
    }
    names.sort_unstable();
    names.dedup();
    println!("Installing with {}: {}", system.program, names.join(" "));
    install(system, &names)?;
    if browser_elsewhere {
        chrome_for_testing()
    } else {
        Ok(())
    }
}

fn install(system: &System, names: &[&str]) -> Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        let installing = as_root(system.program)?
            .args(system.install)
            .args(names)
            .at_most(TIME)
            .quietly("system-install");
        match installing {
            Ok(ended) => {
                println!("installed in {}", table::duration(ended.took));
                return Ok(());
            }
            Err(error) if tries < 3 => println!("warning: trying again: {error:#}"),
            Err(error) => return Err(error).with_context(|| format!("install with {}", system.program)),
        }
    }
}

/// A command that runs as root: as it is for root, by sudo for everyone else.
fn as_root(name: &str) -> Result<Run> {
    let root = Run::new("id").arg("-u").output().is_ok_and(|id| id.trim() == "0");
    let run = if root {
        Run::new("env")
    } else if program("sudo").is_some() {
        // Unattended, a question for a password would wait for ever.
        let sudo = Run::new("sudo");
        if build::unattended() {
            sudo.arg("-n").arg("env")
        } else {
            sudo.arg("env").with_stdin()
        }
    } else {
        bail!("installing needs root, and sudo is not here: run this as root once");
    };
    Ok(run.args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", name]))
}

/// Installs Google's own build of Chromium for tests, with its driver, into target/tools.
fn chrome_for_testing() -> Result<()> {
    let folder = tree::tools().join("browsers");
    println!("Fetching Chrome for Testing: there is no Chromium package here …");
    for (wanted, program, name) in [
        ("chrome@stable", "chrome", "google-chrome"),
        ("chromedriver@stable", "chromedriver", "chromedriver"),
    ] {
        // The last line is `BROWSER@VERSION PATH`.
        let installed = Run::new("npx")
            .args(["--yes", BROWSERS, "install", wanted, "--path"])
            .arg(&folder)
            .at_most(TIME)
            .quietly(&format!("install-{program}"))?;
        let place = installed
            .text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(program)?.split_once(' '));
        let (_, place) = place.with_context(|| format!("find out where {program} was put"))?;
        let bin = tree::tools().join("bin");
        std::fs::create_dir_all(&bin)?;
        link(Path::new(place.trim()), &bin.join(name))?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> Result<()> {
    if at.is_symlink() {
        std::fs::remove_file(at)?;
    }
    std::os::unix::fs::symlink(to, at).with_context(|| format!("link {}", at.display()))
}

#[cfg(not(unix))]
fn link(to: &Path, at: &Path) -> Result<()> {
    std::fs::copy(to, at)
        .map(drop)
        .with_context(|| format!("copy to {}", at.display()))
}

/// Unpacks Debian's glewlwyd, a provider for the journeys, into target/tools, and installs the libraries that it needs.
/// The package itself is not installed: that would set up a system user and start a service.
pub(crate) fn glewlwyd() -> Result<()> {
    let folder = tree::tools().join("glewlwyd");
    if program(PROVIDER).is_some() || folder.join("usr/bin").join(PROVIDER).is_file() {
        return Ok(());
    }
    let [apt, ..] = SYSTEMS;
    if program(apt.program).is_none() {
        println!("{PROVIDER}: only Debian and its kin have a package of it; its journey will fail here");
        return Ok(());
    }
    println!("Unpacking {PROVIDER}: a provider that somebody else wrote, for the journeys …");
    let download = tree::tools().join("glewlwyd-package");
    std::fs::create_dir_all(&download)?;
    as_root(apt.program)?
        .args(apt.refresh)
        .at_most(TIME)
        .quietly("system-refresh")?;
    Run::new(apt.program)
        .args(["-q", "-o", "Acquire::Retries=5", "download", PROVIDER])
        .in_folder(&download)
        .at_most(TIME)
        .quietly("glewlwyd-download")?;
    let package = std::fs::read_dir(&download)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("find the package that was downloaded")?;
    let depends = Run::new("dpkg-deb")
        .arg("--field")
        .arg(&package)
        .arg("Depends")
        .output()?;
    let libraries = libraries(&depends);
    install(&apt, &libraries)?;
    Run::new("dpkg-deb")
        .arg("--extract")
        .arg(&package)
        .arg(&folder)
        .at_most(TIME)
        .quietly("glewlwyd-unpack")?;
    Ok(())
}

/// The libraries among what a Debian package depends on: `libfoo1 (>= 1.2), adduser, a | b`.
fn libraries(depends: &str) -> Vec<&str> {
    depends
        .split(',')
        .filter_map(|one| one.split_whitespace().next())
        .filter(|name| name.starts_with("lib"))
        .collect()
}

/// Installs tauri-driver into target/tools, not into the person's own cargo folder.
pub(crate) fn tauri_driver() -> Result<()> {
    let root = tree::tools();
    let listed = std::fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
    if listed.contains(&format!("\"tauri-driver {TAURI_DRIVER} ")) && root.join("bin/tauri-driver").is_file()
    {
        return Ok(());
    }
    println!("Building tauri-driver {TAURI_DRIVER}: the journeys drive the app's window with it …");
    let ended = Run::cargo()
        .args([
            "install",
            "--locked",
            "--quiet",
            "tauri-driver",
            "--version",
            TAURI_DRIVER,
            "--root",
        ])
        .arg(&root)
        .env("CARGO_TARGET_DIR", tree::target().join("tools-build"))
        .quietly("tauri-driver")?;
    println!("tauri-driver: {}", table::duration(ended.took));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_package_depends_on_only_libraries_are_installed() {
        let depends = "libc6 (>= 2.34), libconfig9, debconf (>= 0.5) | debconf-2.0, sqlite3, adduser\n";
        assert_eq!(libraries(depends), ["libc6", "libconfig9"]);
    }
}
