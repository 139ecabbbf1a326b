//! Looks inside a package that was made: what must be in it, and what must not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::describe;
use crate::command::Run;
use crate::count::Count;
use crate::tree;

/// The scheme by which the browser's answer comes back, with a slash after it in addresses.
const SCHEME: &str = "x-scheme-handler/app.tessera.desktop";

/// Traces of what only a development build has. The check-up of every build names the other build's scheme; nobody but
/// a development build asks for its callback.
const DEVELOPMENT: [&str; 3] = [
    "tessera-sandbox",
    "tessera_sandbox",
    "app.tessera.desktop.dev:/callback",
];

/// What the package must ask for, so that the browser opens and the scheme is known.
const DEPENDS: [&str; 2] = ["xdg-utils", "desktop-file-utils"];

/// Unpacks `package` and prints what holds and what does not.
pub(super) fn package(package: &Path) -> Result<Count> {
    println!("{}", describe(package));
    let kind = package.extension().and_then(|end| end.to_str()).unwrap_or("");
    let folder = tree::target().join("xtask/unpacked").join(kind);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let requires = match kind {
        "deb" => unpack_deb(package, &folder)?,
        "rpm" => unpack_rpm(package, &folder)?,
        _ => bail!("{} is no package that can be unpacked here", package.display()),
    };
    let files = files_below(&folder)?;

    let mut count = Count::default();
    let mut say = |what: &str, problem: Option<String>| {
        match &problem {
            None => println!("  ok    {what}"),
            Some(problem) => println!("  FAIL  {what}: {problem}"),
        }
        count = count + Count::of(problem.is_none());
    };
    for name in ["usr/bin/tessera-desktop", "usr/bin/tessera"] {
        say(
            &format!("/{name} is there"),
            (!files.contains_key(name)).then(|| "it is not".to_owned()),
        );
    }
    say(
        "nothing of the sandbox or of a development build",
        development_traces(&files)?,
    );
    say("the desktop entry takes the callback", desktop_entry(&files)?);
    let missing: Vec<&str> = DEPENDS
        .into_iter()
        .filter(|name| !requires.contains(name))
        .collect();
    say(
        "it asks for what it uses",
        (!missing.is_empty()).then(|| format!("does not depend on {}", missing.join(", "))),
    );
    say(
        "the icons are there",
        (!files
            .keys()
            .any(|name| name.ends_with("128x128/apps/tessera-desktop.png")))
        .then(|| "no icon of 128 by 128".to_owned()),
    );
    Ok(count)
}

/// Unpacks a .deb and hands back what it depends on and recommends.
fn unpack_deb(package: &Path, folder: &Path) -> Result<String> {
    if Run::new("dpkg-deb").arg("--version").succeeds() {
        Run::new("dpkg-deb").arg("-x").arg(package).arg(folder).output()?;
        return Run::new("dpkg-deb")
            .arg("-f")
            .arg(package)
            .args(["Depends", "Recommends"])
            .output();
    }
    // Elsewhere than on Debian: a .deb is an `ar` archive of two tar archives.
    let script = r#"cd "$2" && ar p "$1" data.tar.gz | tar xz && ar p "$1" control.tar.gz | tar xzO ./control control 2>/dev/null || true"#;
    Run::new("sh")
        .args(["-ec", script, "sh"])
        .arg(package)
        .arg(folder)
        .output()
}

/// Unpacks a .rpm and hands back what it requires and recommends.
fn unpack_rpm(package: &Path, folder: &Path) -> Result<String> {
    let script = r#"cd "$2" && rpm2cpio "$1" | cpio -idm --quiet"#;
    Run::new("sh")
        .args(["-ec", script, "sh"])
        .arg(package)
        .arg(folder)
        .output()?;
    Run::new("rpm")
        .args(["-qp", "--requires", "--recommends"])
        .arg(package)
        .output()
}

/// Every file below `folder`: its name from there, and where it is.
fn files_below(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).context("a file is below its folder")?;
                files.insert(name.to_string_lossy().into_owned(), path);
            }
        }
    }
    Ok(files)
}

/// The first trace of a development build in a file's name or content.
fn development_traces(files: &BTreeMap<String, PathBuf>) -> Result<Option<String>> {
    for (name, path) in files {
        if name.contains("sandbox") {
            return Ok(Some(format!("/{name} is there")));
        }
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(path).with_context(|| format!("read /{name}"))?;
        for trace in DEVELOPMENT {
            if bytes.windows(trace.len()).any(|part| part == trace.as_bytes()) {
                return Ok(Some(format!("/{name} holds the words {trace}")));
            }
        }
    }
    Ok(None)
}

/// What is wrong with the desktop entry: without `%u` the address that the browser hands over is lost.
fn desktop_entry(files: &BTreeMap<String, PathBuf>) -> Result<Option<String>> {
    let entry = files.iter().find(|(name, _)| {
        name.starts_with("usr/share/applications/")
            && Path::new(name).extension().is_some_and(|end| end == "desktop")
    });
    let Some((name, path)) = entry else {
        return Ok(Some("there is none".to_owned()));
    };
    let text = std::fs::read_to_string(path)?;
    let field = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or("")
    };
    if field("Exec") != "tessera-desktop %u" {
        return Ok(Some(format!("/{name} says Exec={}", field("Exec"))));
    }
    if !field("MimeType").split(';').any(|kind| kind == SCHEME) {
        return Ok(Some(format!("/{name} says MimeType={}", field("MimeType"))));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A folder as a package would be unpacked to, with one file in it.
    fn unpacked(name: &str, content: &str) -> (tempfile::TempDir, BTreeMap<String, PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
        let files = files_below(folder.path()).unwrap();
        (folder, files)
    }

    #[test]
    fn the_desktop_entry_must_take_the_callback() {
        let check = |entry: &str, good: bool| {
            let (_folder, files) = unpacked("usr/share/applications/Tessera.desktop", entry);
            assert_eq!(desktop_entry(&files).unwrap().is_none(), good, "{entry}");
        };
        let scheme = "MimeType=x-scheme-handler/app.tessera.desktop";
        check(&format!("Exec=tessera-desktop %u\n{scheme}"), true);
        check(&format!("Exec=tessera-desktop %u\n{scheme};x/y;"), true);
        check(&format!("Exec=tessera-desktop\n{scheme}"), false);
        check("Exec=tessera-desktop %u", false);
        check(
            "Exec=tessera-desktop %u\nMimeType=x-scheme-handler/app.tessera.desktop.dev",
            false,
        );
        let (_folder, files) = unpacked("usr/bin/tessera-desktop", "");
        assert!(desktop_entry(&files).unwrap().is_some());
    }

    #[test]
    fn traces_of_a_development_build_are_seen() {
        for (name, content, clean) in [
            ("usr/bin/tessera", "release", true),
            ("usr/bin/tessera", "app.tessera.desktop.dev", true),
            ("usr/bin/tessera-sandbox", "", false),
            ("usr/bin/tessera-desktop", "\0tessera-sandbox\0", false),
            (
                "usr/bin/tessera-desktop",
                "app.tessera.desktop.dev:/callback",
                false,
            ),
        ] {
            let (_folder, files) = unpacked(name, content);
            assert_eq!(development_traces(&files).unwrap().is_none(), clean, "{name}");
        }
    }
}
