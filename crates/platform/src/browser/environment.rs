//! What a program outside the AppImage must not inherit from one inside.
//!
//! An AppImage starts its program with library and module paths that point into its own mount. A browser that
//! inherits them loads the wrong libraries and fails without a word.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Variables that only describe the AppImage, or that its start script sets for its own program.
const OWN: [&str; 9] = [
    "APPDIR",
    "APPIMAGE",
    "ARGV0",
    "OWD",
    "GDK_BACKEND",
    "GTK_THEME",
    "LD_PRELOAD",
    "PYTHONHOME",
    "PYTHONPATH",
];

/// Set by the desktop app for its own web view, wherever it runs from.
const WEB_VIEW: [&str; 2] = [
    "WEBKIT_DISABLE_COMPOSITING_MODE",
    "WEBKIT_DISABLE_DMABUF_RENDERER",
];

/// A start script that keeps the person's own value keeps it under a name that ends or begins so.
const KEPT_SUFFIX: &str = "_ORIG";
const KEPT_PREFIX: &str = "APPIMAGE_ORIGINAL_";

/// What must change in `environment`: a new value, or removal.
pub(super) fn restored(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, Option<OsString>)> {
    let environment: BTreeMap<OsString, OsString> = environment.into_iter().collect();
    let mut changes: BTreeMap<OsString, Option<OsString>> = BTreeMap::new();
    for name in WEB_VIEW {
        changes.insert(name.into(), None);
    }
    let mount = environment
        .get(OsStr::new("APPDIR"))
        .filter(|mount| mount.len() > 1);
    if let Some(mount) = mount {
        for (name, value) in &environment {
            if let Some(value) = outside(value, mount) {
                changes.insert(name.clone(), value);
            }
        }
    }
    if mount.is_some() || environment.contains_key(OsStr::new("APPIMAGE")) {
        for name in OWN {
            changes.insert(name.into(), None);
        }
        for (name, value) in &environment {
            if let Some(original) = original(name) {
                changes.insert(original, (!value.is_empty()).then(|| value.clone()));
                changes.insert(name.clone(), None);
            }
        }
    }
    changes.retain(|name, value| environment.get(name) != value.as_ref());
    changes.into_iter().collect()
}

/// `value` without the parts that lie in `mount`; `None` when there are none. A list of paths keeps the rest.
#[expect(
    clippy::option_option,
    reason = "no change, a new value, and removal are three things"
)]
fn outside(value: &OsStr, mount: &OsStr) -> Option<Option<OsString>> {
    let within = |part: &[u8]| {
        part.strip_prefix(mount.as_bytes())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || mount.as_bytes().ends_with(b"/"))
    };
    let parts: Vec<&[u8]> = value.as_bytes().split(|byte| *byte == b':').collect();
    if !parts.iter().any(|part| within(part)) {
        return None;
    }
    let rest: Vec<&[u8]> = parts
        .into_iter()
        .filter(|part| !part.is_empty() && !within(part))
        .collect();
    Some((!rest.is_empty()).then(|| OsString::from_vec(rest.join(&b':'))))
}

/// The variable whose own value is kept under `name`.
fn original(name: &OsStr) -> Option<OsString> {
    let name = name.as_bytes();
    let original = name
        .strip_suffix(KEPT_SUFFIX.as_bytes())
        .or_else(|| name.strip_prefix(KEPT_PREFIX.as_bytes()))?;
    (!original.is_empty()).then(|| OsString::from_vec(original.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies what `restored` says to `before`.
    fn check(before: &[(&str, &str)], expected: &[(&str, &str)]) {
        let owned = |pairs: &[(&str, &str)]| -> BTreeMap<OsString, OsString> {
            pairs
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect()
        };
        let mut after = owned(before);
        for (name, value) in restored(owned(before)) {
            match value {
                Some(value) => after.insert(name, value),
                None => after.remove(&name),
            };
        }
        assert_eq!(after, owned(expected));
    }

    #[test]
    fn outside_an_appimage_the_environment_is_the_persons_own() {
        let own = [
            ("PATH", "/usr/bin:/opt/bin"),
            ("LD_LIBRARY_PATH", "/opt/lib"),
            ("GDK_BACKEND", "wayland"),
            ("XAUTH_ORIG", "x"),
        ];
        check(&own, &own);
        check(&[("WEBKIT_DISABLE_DMABUF_RENDERER", "1")], &[]);
    }

    #[test]
    fn what_points_into_the_appimage_is_taken_out() {
        check(
            &[
                ("APPDIR", "/tmp/.mount_abc"),
                ("APPIMAGE", "/home/ann/Tessera.AppImage"),
                ("ARGV0", "./Tessera.AppImage"),
                ("OWD", "/home/ann"),
                ("GDK_BACKEND", "x11"),
                (
                    "LD_LIBRARY_PATH",
                    "/tmp/.mount_abc/usr/lib:/tmp/.mount_abc/usr/lib/x86_64-linux-gnu",
                ),
                (
                    "XDG_DATA_DIRS",
                    "/tmp/.mount_abc/usr/share:/usr/local/share:/usr/share",
                ),
                ("PATH", "/tmp/.mount_abc/usr/bin:/usr/bin:/tmp/.mount_abcd/bin"),
                ("GIO_MODULE_DIR", "/tmp/.mount_abc/usr/lib/gio/modules"),
                ("GTK_PATH", "/tmp/.mount_abc/usr/lib/gtk-3.0"),
                ("HOME", "/home/ann"),
                ("DISPLAY", ":0"),
            ],
            &[
                ("XDG_DATA_DIRS", "/usr/local/share:/usr/share"),
                ("PATH", "/usr/bin:/tmp/.mount_abcd/bin"),
                ("HOME", "/home/ann"),
                ("DISPLAY", ":0"),
            ],
        );
    }

    #[test]
    fn a_value_that_was_put_aside_comes_back() {
        check(
            &[
                ("APPDIR", "/mnt/app"),
                ("LD_LIBRARY_PATH", "/mnt/app/lib"),
                ("LD_LIBRARY_PATH_ORIG", "/opt/lib"),
                ("QT_PLUGIN_PATH_ORIG", ""),
                ("QT_PLUGIN_PATH", "/mnt/app/qt"),
                ("APPIMAGE_ORIGINAL_XDG_DATA_DIRS", "/usr/share"),
            ],
            &[("LD_LIBRARY_PATH", "/opt/lib"), ("XDG_DATA_DIRS", "/usr/share")],
        );
    }
}
