//! Looks whether something is on this machine, whichever way it came there.

use std::path::{Path, PathBuf};

use crate::command::Run;
use crate::tree;

/// How to see that something is there.
pub(crate) enum Probe {
    /// Programs: of each group, one.
    Programs(&'static [&'static [&'static str]]),
    /// A library with its headers.
    Library(&'static str),
    /// A folder with something in it.
    Folder(&'static str),
    /// A file.
    File(&'static str),
}

impl Probe {
    /// Whether it is there.
    pub(crate) fn holds(&self) -> bool {
        match self {
            Self::Programs(groups) => groups
                .iter()
                .all(|names| names.iter().any(|name| program(name).is_some())),
            Self::Library(name) => Run::new("pkg-config").args(["--exists", name]).succeeds(),
            Self::File(path) => Path::new(path).is_file(),
            Self::Folder(path) => std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()),
        }
    }
}

/// Where a program is: installed by these tasks, in PATH, or where root's programs are.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let also = ["/usr/sbin", "/sbin"];
    std::iter::once(tree::tools().join("bin"))
        .chain(std::env::split_paths(&path))
        .chain(also.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

/// Whether a file is a program. Ubuntu has a script in Chromium's place that only says where else to get it.
fn is_program(file: &Path) -> bool {
    if !file.is_file() {
        return false;
    }
    let size = file.metadata().map_or(0, |data| data.len());
    let advises_only = size < 4096
        && std::fs::read_to_string(file)
            .is_ok_and(|text| text.starts_with("#!") && text.contains("snap install"));
    !advises_only
}
