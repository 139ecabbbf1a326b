//! The desktop as the check-up asks it: who takes an address, what opens a page, what answers on the session bus.

#[cfg(target_os = "linux")]
mod bus;
#[cfg(target_os = "linux")]
mod entry;
#[cfg(target_os = "linux")]
mod process;
#[cfg(any(windows, test))]
mod registry;

use async_trait::async_trait;
use tessera_client::ports::{Desktop, DesktopError, Holder, LoopbackHost, SchemeHandler, SecretService};
use url::Url;

use crate::browser;

/// The desktop of whoever runs this program. Knows nothing until it is asked, and keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDesktop;

#[async_trait]
impl Desktop for SystemDesktop {
    async fn scheme_handler(&self, scheme: &str) -> Result<SchemeHandler, DesktopError> {
        system::scheme_handler(scheme).await
    }

    async fn hand_over(&self, url: &Url) -> Result<(), DesktopError> {
        browser::hand_to_opener(url, browser::WATCH)
            .await
            .map_err(DesktopError::Failed)
    }

    async fn browser(&self) -> Result<String, DesktopError> {
        system::browser().await
    }

    async fn session_bus(&self) -> Result<Option<SecretService>, DesktopError> {
        system::session_bus().await
    }

    async fn name_holder(&self, name: &str) -> Result<Holder, DesktopError> {
        system::name_holder(name).await
    }

    async fn port_holder(&self, host: LoopbackHost, port: u16) -> Holder {
        system::port_holder(host, port).await
    }

    fn set_clock(&self) -> Option<String> {
        let command = if cfg!(target_os = "linux") {
            "timedatectl set-ntp true"
        } else if cfg!(windows) {
            "w32tm /resync"
        } else {
            "sudo sntp -sS time.apple.com"
        };
        Some(command.to_owned())
    }
}

/// Whether `program` is the one that runs here, whatever way leads to its file.
#[cfg(any(target_os = "linux", windows))]
fn is_this(program: &std::path::Path) -> bool {
    let same = |own: Option<std::path::PathBuf>| {
        own.and_then(|own| own.canonicalize().ok())
            .is_some_and(|own| program.canonicalize().is_ok_and(|program| program == own))
    };
    // An AppImage's own program lies in a mount that nobody else knows the way to.
    #[expect(clippy::disallowed_methods, reason = "how this program was started")]
    let image = std::env::var_os("APPIMAGE").map(Into::into);
    same(image) || same(std::env::current_exe().ok())
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use tessera_client::ports::{DesktopError, HandlerProgram, SchemeHandler};

    pub(super) use super::bus::{name_holder, session_bus};
    pub(super) use super::process::port_holder;
    use super::{entry, is_this};
    use crate::browser;

    /// By the desktop's own tool, which knows what each kind of desktop goes by.
    pub(super) async fn scheme_handler(scheme: &str) -> Result<SchemeHandler, DesktopError> {
        let mime = format!("x-scheme-handler/{scheme}");
        let said = asked("xdg-mime", &["query", "default", &mime]).await?;
        // Some desktops name several, the first of which counts.
        let Some(id) = said.split([';', '\n']).map(str::trim).find(|id| !id.is_empty()) else {
            return Ok(SchemeHandler::Nobody);
        };
        let id = id.to_owned();
        let found = tokio::task::spawn_blocking(move || handler(id)).await;
        Ok(SchemeHandler::Program(
            found.map_err(|error| DesktopError::Failed(error.to_string()))?,
        ))
    }

    pub(super) async fn browser() -> Result<String, DesktopError> {
        let openers = open::commands("https://localhost/");
        let opener = openers
            .iter()
            .find(|command| on_path(Path::new(command.get_program())).is_some())
            .ok_or_else(|| DesktopError::NotInstalled("xdg-open (package xdg-utils)".to_owned()))?;
        let opener = opener.get_program().to_string_lossy().into_owned();
        if let Some(named) = variable("BROWSER").filter(|named| !named.is_empty()) {
            return Ok(format!("Pages are opened by {opener}, in {}.", named.display()));
        }
        // What is not known here, the opener may still know: it looks in more places than one.
        Ok(match scheme_handler("https").await {
            Ok(SchemeHandler::Program(handler)) if handler.exists => {
                format!("Pages are opened by {opener}, in {}.", handler.program)
            }
            Ok(SchemeHandler::Program(handler)) => {
                return Err(DesktopError::NotInstalled(handler.program));
            }
            _ => format!(
                "Pages are opened by {opener}, in the first browser that it finds: none is set as yours."
            ),
        })
    }

    /// The program that the desktop entry called `id` starts.
    fn handler(id: String) -> HandlerProgram {
        let text = folders()
            .flat_map(|folder| files(&folder.join("applications"), &id))
            .find_map(|file| std::fs::read_to_string(file).ok());
        let program = text.as_deref().and_then(entry::program);
        let found = program.as_deref().and_then(|program| on_path(Path::new(program)));
        HandlerProgram {
            is_this: found.as_deref().is_some_and(is_this),
            exists: found.is_some(),
            program: match (found, program) {
                (Some(found), _) => found.display().to_string(),
                (None, Some(program)) => program,
                (None, None) => id.clone(),
            },
            entry: id,
        }
    }

    /// Where an entry of this id can be: a hyphen may stand for a folder (Desktop Entry Specification, "Desktop File
    /// ID").
    fn files(applications: &Path, id: &str) -> Vec<PathBuf> {
        let mut files = vec![applications.join(id)];
        files.extend(
            id.char_indices()
                .filter(|(_, c)| *c == '-')
                .map(|(at, _)| applications.join(&id[..at]).join(&id[at + 1..])),
        );
        files
    }

    /// The folders of the XDG Base Directory Specification, the person's own first.
    fn folders() -> impl Iterator<Item = PathBuf> {
        let own = directories::BaseDirs::new().map(|dirs| dirs.data_dir().to_owned());
        let shared = variable("XDG_DATA_DIRS").filter(|value| !value.is_empty());
        let shared = shared.unwrap_or_else(|| "/usr/local/share:/usr/share".into());
        own.into_iter()
            .chain(std::env::split_paths(&shared).collect::<Vec<_>>())
    }

    /// The file that is started when `program` is.
    fn on_path(program: &Path) -> Option<PathBuf> {
        let starts = |file: &PathBuf| {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
        };
        if program.is_absolute() {
            return Some(program.to_owned()).filter(starts);
        }
        let path = variable("PATH")?;
        std::env::split_paths(&path)
            .map(|folder| folder.join(program))
            .find(starts)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "what a desktop is told by its environment"
    )]
    fn variable(name: &str) -> Option<std::ffi::OsString> {
        std::env::var_os(name)
    }

    /// Runs a tool of the desktop's and gives back what it said. Nobody waits for it any more when this is dropped.
    async fn asked(program: &str, arguments: &[&str]) -> Result<String, DesktopError> {
        #[expect(clippy::disallowed_methods, reason = "the desktop's own tools answer for it")]
        let mut command = Command::new(program);
        browser::prepare(&mut command);
        command.args(arguments).stdout(Stdio::piped());
        let ended = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    DesktopError::NotInstalled(format!("{program} (package xdg-utils)"))
                }
                kind => DesktopError::Failed(format!("{program} did not start: {kind}")),
            })?;
        // It ends with an error where nothing is set, too.
        Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_hyphen_in_an_id_may_be_a_folder() {
            let found = files(Path::new("/a"), "kde-org-x.desktop");
            let expected = [
                "/a/kde-org-x.desktop",
                "/a/kde/org-x.desktop",
                "/a/kde-org/x.desktop",
            ];
            assert_eq!(found, expected.map(PathBuf::from));
        }
    }
}

#[cfg(windows)]
mod system {
    use std::os::windows::process::CommandExt as _;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use tessera_client::ports::{
        DesktopError, HandlerProgram, Holder, LoopbackHost, SchemeHandler, SecretService,
    };

    use super::{is_this, registry};

    /// No console window beside it (`CREATE_NO_WINDOW`).
    const NO_WINDOW: u32 = 0x0800_0000;

    pub(super) async fn scheme_handler(scheme: &str) -> Result<SchemeHandler, DesktopError> {
        let key = format!(r"HKCU\Software\Classes\{scheme}\shell\open\command");
        #[expect(clippy::disallowed_methods, reason = "the system's own tool")]
        let mut command = Command::new("reg");
        command
            .args(["query", &key, "/ve"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .creation_flags(NO_WINDOW);
        let ended = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| DesktopError::Failed(format!("reg did not start: {}", error.kind())))?;
        let said = String::from_utf8_lossy(&ended.stdout);
        Ok(match registry::program(&said) {
            None => SchemeHandler::Nobody,
            Some(program) => SchemeHandler::Program(HandlerProgram {
                exists: Path::new(&program).is_file(),
                is_this: is_this(Path::new(&program)),
                program,
                entry: key,
            }),
        })
    }

    pub(super) async fn browser() -> Result<String, DesktopError> {
        Ok("Pages are opened by Windows, in your default browser.".to_owned())
    }

    pub(super) async fn session_bus() -> Result<Option<SecretService>, DesktopError> {
        Ok(None)
    }

    pub(super) async fn name_holder(_name: &str) -> Result<Holder, DesktopError> {
        Ok(Holder::Untold)
    }

    pub(super) async fn port_holder(_host: LoopbackHost, _port: u16) -> Holder {
        Holder::Untold
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
#[expect(clippy::unused_async, reason = "as on the other systems")]
mod system {
    use tessera_client::ports::{DesktopError, Holder, LoopbackHost, SchemeHandler, SecretService};

    pub(super) async fn scheme_handler(_scheme: &str) -> Result<SchemeHandler, DesktopError> {
        Ok(SchemeHandler::Untold)
    }

    pub(super) async fn browser() -> Result<String, DesktopError> {
        Ok("Pages are opened by the system, in your default browser.".to_owned())
    }

    pub(super) async fn session_bus() -> Result<Option<SecretService>, DesktopError> {
        Ok(None)
    }

    pub(super) async fn name_holder(_name: &str) -> Result<Holder, DesktopError> {
        Ok(Holder::Untold)
    }

    pub(super) async fn port_holder(_host: LoopbackHost, _port: u16) -> Holder {
        Holder::Untold
    }
}
