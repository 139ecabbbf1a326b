//! Tells the system that this app takes the callbacks of its private scheme (RFC 8252 section 7.1).

use tauri::{AppHandle, Runtime};

/// Registers the scheme for this person, off the start-up path: on Linux it starts several programs. That it fails
/// is a warning: the other ways back still work. Says why it failed.
pub(crate) fn register<R: Runtime>(app: &AppHandle<R>) -> Result<(), String> {
    match system::register(app) {
        Ok(true) => tracing::info!("the private scheme is registered"),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(error, "the private scheme could not be registered");
            return Err(error);
        }
    }
    Ok(())
}

/// An entry of our own for each scheme. The deep-link plugin names its entry after the program, which is the same in a
/// development build and a release: each would take the other's callbacks.
#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use tauri::{AppHandle, Manager as _, Runtime};

    /// Writes the entry and makes it the one for the scheme, unless a package has brought its own.
    pub(super) fn register<R: Runtime>(app: &AppHandle<R>) -> Result<bool, String> {
        let program = tauri::utils::platform::current_exe().map_err(|error| error.to_string())?;
        let entries = app.path().data_dir().map_err(|error| error.to_string())?;
        let entries = entries.join("applications");
        let scheme = &app.config().identifier;
        let mime = format!("x-scheme-handler/{scheme}");
        if program.starts_with("/usr/bin") && is_packages_own(&entries, &mime) {
            return Ok(false);
        }
        // An AppImage's program lies in a folder that goes away with it.
        let program = app.env().appimage.map_or(program, Into::into);
        let program = program.to_str().ok_or("the program's path is not text")?;
        let file = format!("{scheme}-handler.desktop");
        write(&entries, &file, &entry(program, &mime)).map_err(|error| error.to_string())?;
        // Without it the system finds the entry all the same, only not as fast.
        let _ = run("update-desktop-database", &[&entries.display().to_string()]);
        run("xdg-mime", &["default", &file, &mime])?;
        Ok(true)
    }

    /// Whether the entry that takes the scheme's addresses now is one of the system's: a package of ours brings one.
    /// Another beside it would outlive the package.
    fn is_packages_own(entries: &Path, mime: &str) -> bool {
        run("xdg-mime", &["query", "default", mime])
            .is_ok_and(|entry| !entry.is_empty() && !entries.join(entry).exists())
    }

    fn write(entries: &Path, file: &str, entry: &str) -> std::io::Result<()> {
        let file = entries.join(file);
        if fs::read_to_string(&file).is_ok_and(|there| there == entry) {
            return Ok(());
        }
        fs::create_dir_all(entries)?;
        fs::write(file, entry)
    }

    /// An entry that no menu shows.
    pub(super) fn entry(program: &str, mime: &str) -> String {
        format!(
            "[Desktop Entry]\nType=Application\nName=Tessera\nExec={} %u\nTerminal=false\nMimeType={mime};\n\
             NoDisplay=true\n",
            quoted(program)
        )
    }

    /// As an argument of `Exec`: in quotes, with what means something in them escaped, and escaped once more because
    /// it stands in a string value (Desktop Entry Specification, "The Exec key"). `%` begins a field code.
    fn quoted(argument: &str) -> String {
        let mut quoted = String::from('"');
        for c in argument.chars() {
            match c {
                '\\' => quoted.push_str(r"\\\\"),
                '"' | '`' | '$' => {
                    quoted.push_str(r"\\");
                    quoted.push(c);
                }
                '%' => quoted.push_str("%%"),
                _ => quoted.push(c),
            }
        }
        quoted.push('"');
        quoted
    }

    /// Runs a program of the system's and gives back what it said.
    #[expect(
        clippy::disallowed_methods,
        reason = "the desktop's own tools, on which the person's environment bears"
    )]
    fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
        let ended = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        if !ended.status.success() {
            return Err(format!("{program}: {}", ended.status));
        }
        Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    }
}

/// Only the registering is taken from the plugin. Its event for new addresses could be sent and heard by a web view,
/// and plays no part in how callbacks come in; see `inbox`.
#[cfg(windows)]
mod system {
    use tauri::{AppHandle, Runtime};
    use tauri_plugin_deep_link::DeepLinkExt as _;

    pub(super) fn register<R: Runtime>(app: &AppHandle<R>) -> Result<bool, String> {
        // The plugin reads the arguments as text, and panics over those that are none.
        if std::env::args_os().any(|argument| argument.to_str().is_none()) {
            return Err("an argument of this program is not text".to_owned());
        }
        app.plugin(tauri_plugin_deep_link::init())
            .map_err(|error| error.to_string())?;
        app.deep_link()
            .register_all()
            .map_err(|error| error.to_string())?;
        Ok(true)
    }
}

/// There the bundle itself names the scheme.
#[cfg(not(any(target_os = "linux", windows)))]
mod system {
    use tauri::{AppHandle, Runtime};

    #[expect(clippy::unnecessary_wraps, reason = "as on the other systems")]
    pub(super) fn register<R: Runtime>(_app: &AppHandle<R>) -> Result<bool, String> {
        Ok(false)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::system::entry;

    #[test]
    fn the_entry_starts_the_program_wherever_it_lies() {
        let check = |program: &str, expected: &str| {
            let entry = entry(program, "x-scheme-handler/app.example");
            let exec = entry.lines().find_map(|line| line.strip_prefix("Exec="));
            assert_eq!(exec, Some(expected), "{program}");
        };
        check("/opt/tessera", r#""/opt/tessera" %u"#);
        check("/home/Ann A/tessera", r#""/home/Ann A/tessera" %u"#);
        check("/a%b/t", r#""/a%%b/t" %u"#);
        check(r#"/a"b/$c/`d`"#, r#""/a\\"b/\\$c/\\`d\\`" %u"#);
        check(r"/a\b", r#""/a\\\\b" %u"#);
    }
}
