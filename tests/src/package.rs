//! A Debian package, installed on this machine for as long as a journey goes on, and removed whatever happens.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{program, tools};

/// Names the package; `cargo xtask test` sets it to the one that it has made.
const VARIABLE: &str = "TESSERA_DEB";

/// An installed package.
pub struct Package {
    name: String,
    remover: Option<Child>,
}

impl Package {
    /// Installs the package that `TESSERA_DEB` names. One of that name must not be there yet: it would be somebody's.
    pub fn install() -> Result<Self> {
        let deb = env::var_os(VARIABLE).with_context(|| {
            format!(
                "{VARIABLE} names no package to install. `cargo xtask test` makes one and names it; by hand: cargo \
                 xtask bundle, then set {VARIABLE} to the .deb in target/release/bundle/deb. Without a package, leave \
                 this test out: cargo test … -- --skip installed"
            )
        })?;
        let deb = PathBuf::from(deb);
        ensure!(
            deb.is_file(),
            "{VARIABLE} names {}, which is no file",
            deb.display()
        );
        let mut field = Command::new(tools::find("dpkg-deb")?);
        let name = program::run(field.arg("--field").arg(&deb).arg("Package"))?;
        ensure!(
            !is_installed(&name)?,
            "the package `{name}` is installed on this machine already; remove it first: apt-get remove {name}"
        );
        let mut remover = as_root("/bin/sh")?;
        // It waits until its standard input closes, which happens when the journey ends and also when it is killed.
        remover
            .args(["-c", "cat >/dev/null; exec dpkg --purge \"$1\"", "remover", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let package = Self {
            name,
            remover: Some(
                remover
                    .spawn()
                    .context("starting the shell that removes the package")?,
            ),
        };
        program::run(as_root("dpkg")?.arg("--install").arg(&deb)).with_context(|| {
            format!(
                "installing {}. What it depends on has to be there: apt-get install xdg-utils desktop-file-utils",
                deb.display()
            )
        })?;
        Ok(package)
    }

    /// Where a file of the package with this name was put.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let files = program::run(Command::new("dpkg-query").args(["--listfiles", &self.name]))?;
        let mut paths = files.lines().map(Path::new);
        let found = paths.find(|path| path.file_name().is_some_and(|found| found == name));
        let found = found.with_context(|| format!("no `{name}` in `{}`:\n{files}", self.name))?;
        Ok(found.to_owned())
    }

    /// Removes it.
    pub fn remove(mut self) -> Result<()> {
        self.end();
        ensure!(!is_installed(&self.name)?, "`{}` could not be removed", self.name);
        Ok(())
    }

    fn end(&mut self) {
        if let Some(mut remover) = self.remover.take() {
            drop(remover.stdin.take());
            let _ = remover.wait();
        }
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        self.end();
    }
}

fn is_installed(name: &str) -> Result<bool> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", name]);
    let found = query.output().context("running dpkg-query")?;
    Ok(found.status.success() && found.stdout != b"not-installed")
}

/// A command with the rights to install.
fn as_root(program: &str) -> Result<Command> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(program)
    } else {
        let may = Command::new("sudo").args(["-n", "true"]).output();
        ensure!(
            may.is_ok_and(|may| may.status.success()),
            "installing a package takes the rights of root: run this test as root, or let `sudo -n` work without a \
             password"
        );
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "--", program]);
        sudo
    };
    // dpkg finds its own tools by the system's path.
    let path = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    let mut with_system = path;
    with_system.push(":/usr/local/sbin:/usr/sbin:/sbin");
    command
        .env("PATH", with_system)
        .env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}
