//! Installs what is missing by the system's own package manager, and tauri-driver by cargo.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Need;
use super::probe::program;
use crate::command::Run;
use crate::{build, table, tree};

/// The tauri-driver that the journeys were written against.
const TAURI_DRIVER: &str = "2.1.0";

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
    let mut names: Vec<&str> = needs
        .iter()
        .flat_map(|need| (system.names)(need))
        .copied()
        .collect();
    names.sort_unstable();
    names.dedup();
    println!("Installing with {}: {}", system.program, names.join(" "));

    if !system.refresh.is_empty() {
        // Old lists may still name what is needed: go on, and let the installation decide.
        if let Err(error) = as_root(system.program)?
            .args(system.refresh)
            .at_most(TIME)
            .quietly("system-refresh")
        {
            println!("warning: {error:#}");
        }
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let installing = as_root(system.program)?
            .args(system.install)
            .args(&names)
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
