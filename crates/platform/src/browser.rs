//! Opens the person's own browser, the way the system's own opener would.

#[cfg(target_os = "linux")]
mod environment;
mod installed;

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tessera_client::ports::{Browser, BrowserError};
use tessera_client::{BrowserChoice, InstalledBrowser};
use tessera_oidc::is_secure;
use tokio::sync::oneshot;
use tokio::time::timeout;
use url::Url;

/// How long an opener is watched. One that fails does so at once; one that still runs has become the browser,
/// or waits for it.
pub(crate) const WATCH: Duration = Duration::from_secs(3);

/// The system's default browser. On Linux that is what `xdg-open` says, which honours `BROWSER`.
#[derive(Clone, Debug)]
pub struct SystemBrowser {
    watch: Duration,
}

impl SystemBrowser {
    /// The browser of whoever runs this program.
    pub fn new() -> Self {
        Self { watch: WATCH }
    }
}

impl Default for SystemBrowser {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Browser for SystemBrowser {
    async fn open(&self, url: &Url) -> Result<(), BrowserError> {
        may_be_opened(url)?;
        hand_to_opener(url, self.watch).await.map_err(BrowserError)
    }

    async fn installed(&self) -> Vec<InstalledBrowser> {
        found().await.into_iter().map(|found| found.browser).collect()
    }

    async fn open_in(&self, url: &Url, choice: &BrowserChoice) -> Result<(), BrowserError> {
        may_be_opened(url)?;
        let name = choice.kind.name();
        let found = found().await;
        let found = found.iter().find(|found| found.browser.kind == choice.kind);
        let found = found.ok_or_else(|| BrowserError(format!("{name} is not installed")))?;
        // Only what the browser itself knows becomes an argument.
        let known = |id: &String| found.browser.profiles.iter().any(|profile| profile.id == *id);
        if choice.profile.as_ref().is_some_and(|id| !known(id)) {
            return Err(BrowserError(format!("{name} has no such profile")));
        }
        let (program, arguments) = found.command(choice.profile.as_deref(), url.as_str());
        #[expect(
            clippy::disallowed_methods,
            reason = "prepared below, as the system's opener is"
        )]
        let mut command = Command::new(program);
        command.args(arguments);
        prepare(&mut command);
        start(command, self.watch).await.map_err(|trouble| match trouble {
            Trouble::Missing => BrowserError(format!("{name} is not installed")),
            Trouble::Failed(reason) => BrowserError(reason),
        })
    }
}

/// Looks for the browsers that are installed, on a thread where that may take its time.
async fn found() -> Vec<installed::Found> {
    tokio::task::spawn_blocking(installed::here)
        .await
        .unwrap_or_default()
}

fn may_be_opened(url: &Url) -> Result<(), BrowserError> {
    if is_secure(url) {
        return Ok(());
    }
    Err(BrowserError(format!(
        "a {} address is not opened; it must be https, or this computer",
        url.scheme()
    )))
}

/// Hands `url` to the system's opener, and watches that for a moment.
pub(crate) async fn hand_to_opener(url: &Url, watch: Duration) -> Result<(), String> {
    let mut first = None;
    for mut command in open::commands(url.as_str()) {
        prepare(&mut command);
        match start(command, watch).await {
            Ok(()) => return Ok(()),
            // A missing opener later in the list says less than the failure of one that is there.
            Err(Trouble::Missing) => {}
            Err(Trouble::Failed(reason)) => first = first.or(Some(reason)),
        }
    }
    Err(first.unwrap_or_else(|| nothing_to_open_with().to_owned()))
}

fn nothing_to_open_with() -> &'static str {
    if cfg!(target_os = "linux") {
        "xdg-open is not installed (package xdg-utils)"
    } else {
        "the system has no program for opening addresses"
    }
}

/// Why an opener did not open.
enum Trouble {
    Missing,
    Failed(String),
}

/// Detaches the opener from this program: its streams, its folder, its keyboard and its environment.
pub(crate) fn prepare(command: &mut Command) {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    {
        // Ctrl-C in the terminal that runs us must not close the person's browser.
        std::os::unix::process::CommandExt::process_group(command, 0);
        // An AppImage changes into its own mount, which the browser would keep busy.
        command.current_dir(
            std::env::home_dir()
                .filter(|home| home.is_dir())
                .unwrap_or_else(|| "/".into()),
        );
    }
    #[cfg(target_os = "linux")]
    {
        #[expect(
            clippy::disallowed_methods,
            reason = "what a program inherits is decided where it starts"
        )]
        let inherited = std::env::vars_os();
        for (name, value) in environment::restored(inherited) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// Starts an opener and watches it for a moment. It is waited for on a thread of its own, however long it
/// runs, so that it never becomes a zombie.
async fn start(mut command: Command, watch: Duration) -> Result<(), Trouble> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |reason: &str| Trouble::Failed(format!("{program} {reason}"));
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Trouble::Missing),
        Err(error) => return Err(failed(&format!("did not start: {}", error.kind()))),
    };
    let (report, ended) = oneshot::channel::<io::Result<ExitStatus>>();
    let waiter = std::thread::Builder::new()
        .name("browser".to_owned())
        .spawn(move || {
            let _ = report.send(child.wait());
        });
    if waiter.is_err() {
        // It runs; only its end will not be seen.
        return Ok(());
    }
    match timeout(watch, ended).await {
        Ok(Ok(Ok(status))) if !status.success() && counts(&program) => Err(failed(&match status.code() {
            Some(code) => format!("ended with {code}"),
            None => "was ended by a signal".to_owned(),
        })),
        // It succeeded, still runs, or cannot be watched: opening once more would open twice.
        _ => Ok(()),
    }
}

/// Whether the exit status of this opener means anything. Explorer's does not.
fn counts(program: &str) -> bool {
    program != "explorer.exe"
}
