//! Where things are in the work tree.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command::Run;

/// Folders with a package-lock.json of their own.
pub(crate) const NODE_PACKAGES: [&str; 3] = ["ui", "tests/op", "xtask"];

/// The root of the work tree.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A path below the root.
pub(crate) fn path(relative: impl AsRef<Path>) -> PathBuf {
    root().join(relative)
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => path("target"),
    }
}

/// Logs of what the tasks ran: one file a command.
pub(crate) fn logs() -> PathBuf {
    target().join("xtask/logs")
}

/// Tools that the tasks install for themselves, never into the person's own folders.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// A program that the debug build makes.
pub(crate) fn debug_program(name: &str) -> PathBuf {
    target()
        .join("debug")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Every file that git tracks or would track, relative to the root, sorted.
pub(crate) fn files() -> Result<Vec<String>> {
    // A CI machine's clone often belongs to someone else than who runs in it; reading names is harmless.
    let listed = Run::new("git")
        .args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("list the files of the work tree")?;
    let mut files: Vec<String> = listed
        .split('\0')
        .filter(|name| !name.is_empty() && root().join(name).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    ensure!(!files.is_empty(), "git lists no files here");
    Ok(files)
}

/// A tracked text file's content; `None` when it is not text.
pub(crate) fn text(relative: &str) -> Result<Option<String>> {
    let bytes = std::fs::read(path(relative)).with_context(|| format!("read {relative}"))?;
    Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')))
}

/// PATH with the tools that the tasks installed for themselves in front.
pub(crate) fn path_with_tools() -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools().join("bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("a folder in PATH has a name that PATH cannot hold")
}
