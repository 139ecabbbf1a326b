//! A private desktop: screen, session bus, keyring, window manager and a home, gone when it is dropped.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use futures_util::FutureExt as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::processes::{self, MARK, Process};
use crate::program::{self, Program};
use crate::{tools, wait};

/// How long a whole journey may take.
const JOURNEY: Duration = Duration::from_mins(5);

/// Unlocks the private keyring. It guards nothing but this journey's own made-up tokens.
pub const KEYRING_PASSWORD: &[u8] = b"lab";

/// The keyring's program.
const KEYRING: &str = "gnome-keyring-daemon";

/// Size of the virtual screen: the app's window and a browser's beside it.
const SCREEN: &str = "1600x1000x24";

/// Runs `steps` on a desktop of their own. When they fail, the logs and a picture of the screen stay in
/// `target/lab/NAME/`, and the error says so.
pub async fn journey(name: &str, steps: impl AsyncFnOnce(&Desktop) -> Result<()>) -> Result<()> {
    journey_within(name, JOURNEY, steps).await
}

/// The same, for steps that may take longer than an ordinary journey's.
pub async fn journey_within(
    name: &str,
    limit: Duration,
    steps: impl AsyncFnOnce(&Desktop) -> Result<()>,
) -> Result<()> {
    let desktop = Desktop::start(name).await?;
    // A panic is a failure like any other, and leaves its logs as well.
    let steps = AssertUnwindSafe(steps(&desktop)).catch_unwind();
    let end = match tokio::time::timeout(limit, steps).await {
        Ok(Ok(end)) => end,
        Ok(Err(_)) => Err(anyhow!("the journey panicked; its message is above")),
        Err(_) => Err(anyhow!("the journey took more than {} s", limit.as_secs())),
    };
    let Err(error) = end else { return Ok(()) };
    Err(desktop.keep_traces(name, error))
}

/// A window as the window manager knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The window's id.
    pub id: String,
    /// The process it belongs to.
    pub pid: u32,
    /// What its title bar says.
    pub title: String,
}

/// A desktop that nothing else shares.
pub struct Desktop {
    base: PathBuf,
    mark: String,
    environment: Mutex<BTreeMap<OsString, OsString>>,
    programs: Mutex<Vec<Arc<Program>>>,
    sweeper: Mutex<Option<Child>>,
}

impl Desktop {
    /// Starts screen, bus, keyring and window manager.
    pub async fn start(name: &str) -> Result<Self> {
        // Under /tmp, because the path of a socket has at most 107 bytes.
        let base = tempfile::Builder::new().prefix("lab-").tempdir_in("/tmp")?.keep();
        let mark = base
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let desktop = Self {
            sweeper: Mutex::new(Some(sweeper(&base, &mark)?)),
            environment: Mutex::new(environment(&base, &mark)),
            programs: Mutex::default(),
            base,
            mark,
        };
        match desktop.fill().await {
            Ok(()) => Ok(desktop),
            Err(error) => Err(desktop.keep_traces(name, error.context("starting the desktop"))),
        }
    }

    async fn fill(&self) -> Result<()> {
        for dir in [
            "bin",
            "cache",
            "config",
            "data/applications",
            "home",
            "logs",
            "run",
            "state",
            "tessera",
            "tmp",
        ] {
            fs::create_dir_all(self.base.join(dir))?;
        }
        fs::set_permissions(self.base.join("run"), fs::Permissions::from_mode(0o700))?;

        let mut screen = self.command(tools::find("Xvfb")?);
        screen.args(["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"]);
        // Without this the screen starts anew, and turns everyone away meanwhile, whenever its last client goes.
        screen.arg("-noreset");
        let screen = self.spawn("screen", &mut screen)?;
        let display: u32 = screen
            .line("the number of the screen", |line| line.parse().ok())
            .await?;
        self.set("DISPLAY", format!(":{display}"));

        let address = format!("unix:path={}", self.base.join("run/bus").display());
        let mut bus = self.command(tools::find("dbus-daemon")?);
        bus.args([
            "--session",
            "--nofork",
            "--print-address=1",
            "--address",
            &address,
        ]);
        let bus = self.spawn("bus", &mut bus)?;
        let address = bus
            .line("the address of the session bus", |line| {
                line.starts_with("unix:").then(|| line.to_owned())
            })
            .await?;
        self.set("DBUS_SESSION_BUS_ADDRESS", address);

        self.start_keyring()?;

        self.spawn("window-manager", &mut self.command(tools::find("openbox")?))?;
        let xdotool = tools::find("xdotool")?;
        wait::until_true("the window manager", wait::STEP, async || {
            // Without a window manager nobody answers which desktop is shown.
            Ok(self.run(self.command(&xdotool).arg("get_desktop")).is_ok())
        })
        .await
    }

    /// Ends the keyring, as a crash does.
    pub async fn end_keyring(&self) -> Result<()> {
        let running = || {
            let processes = self.processes().into_iter();
            processes.filter(|process| process.exe.ends_with(KEYRING))
        };
        for process in running() {
            let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
            kill_process(pid.context("a process id")?, Signal::KILL)?;
        }
        wait::until_true("the end of the keyring", wait::STEP, async || {
            Ok(running().next().is_none())
        })
        .await
    }

    /// Starts the keyring, unlocked, also in the place of one that the bus has started.
    pub fn start_keyring(&self) -> Result<()> {
        let password = self.base.join("run/keyring-password");
        fs::write(&password, KEYRING_PASSWORD)?;
        let mut keyring = self.command(tools::find(KEYRING)?);
        keyring
            .args(["--foreground", "--unlock", "--replace", "--components=secrets"])
            .stdin(fs::File::open(&password)?);
        self.spawn("keyring", &mut keyring)?;
        fs::remove_file(password)?;
        let mut wait = self.command(tools::find("gdbus")?);
        wait.args(["wait", "--session", "--timeout", "30", "org.freedesktop.secrets"]);
        self.run(&mut wait)
            .context("waiting for the keyring on the session bus")
            .map(drop)
    }

    /// A command that runs on this desktop, in its home, with nothing of the surrounding environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(
                self.environment
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .iter(),
            )
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Starts a program that lives as long as the desktop unless it is stopped.
    pub fn spawn(&self, name: &str, command: &mut Command) -> Result<Arc<Program>> {
        let program = Arc::new(Program::start(name, command, &self.logs())?);
        self.programs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&program));
        Ok(program)
    }

    /// Runs a short command to its end and gives back its standard output.
    ///
    /// What the command leaves running, as `xdg-open` does with a browser, is not waited for.
    pub fn run(&self, command: &mut Command) -> Result<String> {
        program::run(command)
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&self, name: &str, value: impl Into<OsString>) {
        self.environment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.into(), value.into());
    }

    /// A variable as programs on this desktop see it.
    pub fn get(&self, name: &str) -> Option<OsString> {
        self.environment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(OsStr::new(name))
            .cloned()
    }

    /// Every variable that programs on this desktop see, as `NAME=VALUE`.
    pub fn variables(&self) -> Vec<OsString> {
        let environment = self.environment.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = environment.iter();
        pairs
            .map(|(name, value)| {
                let mut pair = name.clone();
                pair.push("=");
                pair.push(value);
                pair
            })
            .collect()
    }

    /// Types text, in whichever window has the focus.
    pub fn type_text(&self, text: &str) -> Result<()> {
        self.xdotool(&["type", text]).map(drop)
    }

    /// The folder that everything of this desktop lies in.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// What marks this desktop's processes in their environment.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// `HOME`.
    pub fn home(&self) -> PathBuf {
        self.base.join("home")
    }

    /// A folder that is first in `PATH`.
    pub fn bin(&self) -> PathBuf {
        self.base.join("bin")
    }

    /// `XDG_DATA_HOME`.
    pub fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    /// `XDG_CONFIG_HOME`.
    pub fn config(&self) -> PathBuf {
        self.base.join("config")
    }

    /// `TESSERA_HOME`: the app's data folder.
    pub fn tessera(&self) -> PathBuf {
        self.base.join("tessera")
    }

    /// Where programs' output goes.
    pub fn logs(&self) -> PathBuf {
        self.base.join("logs")
    }

    /// Makes an installed `.desktop` file the handler of a scheme, as a person's desktop would.
    pub fn handle_scheme(&self, scheme: &str, desktop_file: &str) -> Result<()> {
        let mime = format!("x-scheme-handler/{scheme}");
        self.run(
            self.command(tools::find("xdg-mime")?)
                .args(["default", desktop_file, &mime]),
        )?;
        Ok(())
    }

    /// Which `.desktop` file handles a scheme now; empty when none does.
    pub fn scheme_handler(&self, scheme: &str) -> Result<String> {
        let mime = format!("x-scheme-handler/{scheme}");
        self.run(
            self.command(tools::find("xdg-mime")?)
                .args(["query", "default", &mime]),
        )
    }

    /// Takes a picture of the whole screen.
    pub fn picture(&self, path: &Path) -> Result<()> {
        self.import("root", path)
    }

    /// Takes a picture of a window, which has to be in front.
    pub fn picture_of(&self, window: &Window, path: &Path) -> Result<()> {
        self.import(&window.id, path)
    }

    fn import(&self, window: &str, path: &Path) -> Result<()> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        self.run(
            self.command(tools::find("import")?)
                .args(["-window", window])
                .arg(path),
        )?;
        Ok(())
    }

    /// The window that has the focus, when one has.
    pub fn active_window(&self) -> Option<Window> {
        let id = self.xdotool(&["getactivewindow"]).ok()?;
        self.window(&id)
    }

    /// All windows of a process that can be seen.
    pub fn windows_of(&self, pid: u32) -> Vec<Window> {
        let found = self
            .xdotool(&[
                "search",
                "--onlyvisible",
                "--all",
                "--pid",
                &pid.to_string(),
                "--name",
                ".",
            ])
            .unwrap_or_default();
        found.lines().filter_map(|id| self.window(id)).collect()
    }

    /// Presses keys, for example `alt+F4`, in whichever window has the focus.
    pub fn press(&self, keys: &str) -> Result<()> {
        self.xdotool(&["key", "--clearmodifiers", keys]).map(drop)
    }

    /// Brings a window forward and gives it the focus, and waits until it has it.
    pub async fn focus(&self, window: &Window) -> Result<()> {
        self.xdotool(&["windowactivate", &window.id])?;
        wait::until_true("the focus on another window", wait::STEP, async || {
            Ok(self.active_window().is_some_and(|active| active.id == window.id))
        })
        .await
    }

    fn window(&self, id: &str) -> Option<Window> {
        Some(Window {
            id: id.to_owned(),
            pid: self.xdotool(&["getwindowpid", id]).ok()?.parse().ok()?,
            title: self.xdotool(&["getwindowname", id]).ok()?,
        })
    }

    fn xdotool(&self, arguments: &[&str]) -> Result<String> {
        self.run(self.command(tools::find("xdotool")?).args(arguments))
    }

    /// Every process of this desktop.
    pub fn processes(&self) -> Vec<Process> {
        let sweeper = self
            .sweeper
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(Child::id);
        let mut processes = processes::marked(&self.mark, &self.base);
        processes.retain(|process| Some(process.pid) != sweeper);
        processes
    }

    /// Every process of this desktop that runs `program`.
    pub fn processes_of(&self, program: &Path) -> Vec<Process> {
        self.processes()
            .into_iter()
            .filter(|process| process.exe == program)
            .collect()
    }

    /// After a failure: leaves the logs and a picture of the screen in `target/lab/NAME/`, and says so.
    fn keep_traces(&self, name: &str, error: anyhow::Error) -> anyhow::Error {
        let kept = tools::target_dir().and_then(|target| {
            let kept = target.join("lab").join(name);
            if kept.exists() {
                fs::remove_dir_all(&kept)?;
            }
            self.keep_logs(&kept)?;
            Ok(kept)
        });
        match kept {
            Ok(kept) => {
                let picture = match self.picture(&kept.join("screen.png")) {
                    Ok(()) => String::new(),
                    Err(error) => format!("; no picture could be taken: {error:#}"),
                };
                error.context(format!(
                    "{name} failed; its logs are in {}{picture}",
                    kept.display()
                ))
            }
            Err(lost) => error.context(format!("{name} failed, and its logs could not be kept: {lost:#}")),
        }
    }

    /// Copies the logs to `to`.
    pub fn keep_logs(&self, to: &Path) -> Result<()> {
        fs::create_dir_all(to)?;
        for (from, prefix) in [(self.logs(), ""), (self.tessera().join("logs"), "app-")] {
            for entry in fs::read_dir(from).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                    let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                    fs::copy(entry.path(), to.join(name))?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // In the opposite order of starting, so that nothing loses the screen or the bus under its feet.
        let mut programs = std::mem::take(&mut *self.programs.lock().unwrap_or_else(PoisonError::into_inner));
        while let Some(program) = programs.pop() {
            program.stop();
        }
        let sweeper = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut sweeper) = sweeper {
            drop(sweeper.stdin.take());
            let _ = sweeper.wait();
        }
    }
}

/// Everything a program on this desktop sees of its surroundings.
fn environment(base: &Path, mark: &str) -> BTreeMap<OsString, OsString> {
    let path = format!(
        "{}:/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
        base.join("bin").display()
    );
    let fixed = [
        ("PATH", path.as_str()),
        (MARK, mark),
        ("LANG", "C.UTF-8"),
        // xdg-utils 1.1.3 cannot start an `Exec` line with a quoted path by itself; on GNOME it leaves that to
        // `gio`, which can.
        ("XDG_CURRENT_DESKTOP", "GNOME"),
        ("XDG_SESSION_TYPE", "x11"),
        ("GDK_BACKEND", "x11"),
        ("GSETTINGS_BACKEND", "memory"),
        ("GIO_USE_VFS", "local"),
        ("NO_AT_BRIDGE", "1"),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("WEBKIT_DISABLE_COMPOSITING_MODE", "1"),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
        ("RUST_BACKTRACE", "1"),
    ];
    let folders = [
        ("HOME", "home"),
        ("TESSERA_HOME", "tessera"),
        ("TMPDIR", "tmp"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_RUNTIME_DIR", "run"),
        ("XDG_STATE_HOME", "state"),
    ];
    fixed
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .chain(
            folders
                .into_iter()
                .map(|(name, dir)| (name.into(), base.join(dir).into_os_string())),
        )
        .collect()
}

/// A shell that waits until its standard input closes, which happens when the desktop is dropped and also when
/// the test is killed; then it ends what is left of the desktop's processes and removes its folder.
fn sweeper(base: &Path, mark: &str) -> Result<Child> {
    let script = format!(
        r#"cat >/dev/null
for dir in /proc/[0-9]*; do
    pid=${{dir#/proc/}}
    if [ "$pid" != $$ ] && {{ grep -qzx '{MARK}={mark}' "$dir/environ" || grep -qF "$1" "$dir/cmdline"; }}; then
        kill -9 "$pid"
    fi
done 2>/dev/null
rm -rf "$1""#
    );
    Command::new("/bin/sh")
        .args(["-c", &script, "sweeper"])
        .arg(base)
        .env_remove(MARK)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("starting the shell that sweeps up")
}
