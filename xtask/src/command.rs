//! Runs other programs: shown or captured, always logged, ended when they hang.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{IsTerminal, PipeReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tree;

/// How long a program's output may stay open after the program itself ended: something that it left behind
/// may hold the pipe.
const AFTER_EXIT: Duration = Duration::from_secs(2);

/// A program about to be run, by default in the root of the work tree and without standard input.
pub(crate) struct Run {
    command: Command,
    shown: String,
    deadline: Option<Duration>,
}

/// How a shown program ended.
pub(crate) struct Ended {
    /// Whether it said that it succeeded.
    pub(crate) success: bool,
    /// Standard output and standard error, in the order in which they came.
    pub(crate) text: String,
    /// How long it took.
    pub(crate) took: Duration,
    /// Why it did not succeed, in a few words.
    pub(crate) why: String,
}

impl Ended {
    /// The last lines of what it printed: where a program says what went wrong.
    pub(crate) fn last_words(&self) -> String {
        const LINES: usize = 40;
        let lines: Vec<&str> = self.text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Run {
    /// `program` as found in PATH.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program.as_ref());
        command.current_dir(tree::root()).stdin(Stdio::null());
        Self {
            command,
            shown: program.as_ref().to_string_lossy().into_owned(),
            deadline: None,
        }
    }

    /// The cargo that runs this task.
    pub(crate) fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).named("cargo")
    }

    /// npm, whose program on Windows is a script.
    pub(crate) fn npm() -> Self {
        Self::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in another folder, given relative to the root or absolute.
    pub(crate) fn in_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(tree::path(folder));
        self
    }

    /// What to call it when it is shown.
    pub(crate) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.shown);
        self
    }

    /// Lets it talk to the person: for programs that ask for a password.
    pub(crate) fn with_stdin(mut self) -> Self {
        self.command.stdin(Stdio::inherit());
        self
    }

    /// Ends it, with everything it started, when it takes longer. Only where nobody watches: at a terminal the
    /// person decides, and Ctrl-C must reach the program.
    pub(crate) fn at_most(mut self, time: Duration) -> Self {
        self.deadline = (!std::io::stdin().is_terminal()).then_some(time);
        self
    }

    /// Runs it and hands back its standard output; an error when it fails.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("start {}", self.shown))?;
        if !output.status.success() {
            bail!(
                "{} ended with {}: {}",
                self.shown,
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it can be started and says that it succeeded.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Runs it with its output on the terminal, untouched; an error when it fails.
    pub(crate) fn plainly(mut self) -> Result<()> {
        println!("$ {}", self.shown);
        let status = self
            .command
            .status()
            .with_context(|| format!("start {}", self.shown))?;
        if !status.success() {
            bail!("{} ended with {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it, shows its output as it comes and keeps it in the log `name`.
    pub(crate) fn shown_and_logged(self, name: &str) -> Result<Ended> {
        self.logged_to(name, true)
    }

    /// Runs it and keeps its output in the log `name`; when it fails, the error says where and shows the end.
    pub(crate) fn quietly(self, name: &str) -> Result<Ended> {
        let shown = self.shown.clone();
        let ended = self.logged_to(name, false)?;
        if !ended.success {
            let tail = ended.last_words();
            bail!(
                "{tail}\n{shown}: {}; the whole output is in {}",
                ended.why,
                log_path(name).display()
            );
        }
        Ok(ended)
    }

    fn logged_to(mut self, name: &str, show: bool) -> Result<Ended> {
        let path = log_path(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut log = File::create(&path).with_context(|| format!("write {}", path.display()))?;
        writeln!(log, "$ {}", self.shown)?;
        if show {
            println!("$ {}", self.shown);
        }

        let started = Instant::now();
        let (reader, writer) = std::io::pipe()?;
        self.command
            .env("NO_COLOR", "1")
            .env("CARGO_TERM_COLOR", "never")
            .env_remove("FORCE_COLOR")
            .stdout(writer.try_clone()?)
            .stderr(writer);
        if self.deadline.is_some() {
            own_group(&mut self.command);
        }
        let mut child = self
            .command
            .spawn()
            .with_context(|| format!("start {}", self.shown))?;
        // The command holds the writing ends of the pipe; only the program may keep it open.
        drop(self.command);

        let mut sink = Sink {
            log,
            text: Vec::new(),
            show,
        };
        let late = follow(&mut child, reader, &mut sink, self.deadline)?;
        let status = child.wait()?;
        let why = if late {
            let minutes = self.deadline.unwrap_or_default().as_secs() / 60;
            format!("was ended after {minutes} minutes without an end")
        } else {
            status.to_string()
        };
        Ok(Ended {
            success: status.success() && !late,
            text: String::from_utf8_lossy(&sink.text).into_owned(),
            took: started.elapsed(),
            why,
        })
    }
}

struct Sink {
    log: File,
    text: Vec<u8>,
    show: bool,
}

impl Sink {
    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.log.write_all(bytes)?;
        self.text.extend_from_slice(bytes);
        if self.show {
            let mut out = std::io::stdout();
            out.write_all(bytes)?;
            out.flush()?;
        }
        Ok(())
    }
}

/// Reads everything that `child` writes until it has ended; says whether it had to be ended.
fn follow(
    child: &mut Child,
    mut reader: PipeReader,
    sink: &mut Sink,
    deadline: Option<Duration>,
) -> Result<bool> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count) = reader.read(&mut buffer) {
            if count == 0 || send.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });

    let started = Instant::now();
    let mut late = false;
    let mut ended: Option<Instant> = None;
    loop {
        match receive.recv_timeout(Duration::from_millis(200)) {
            Ok(bytes) => sink.take(&bytes)?,
            Err(RecvTimeoutError::Disconnected) => return Ok(late),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() && child.try_wait()?.is_some() {
            ended = Some(Instant::now());
        }
        if ended.is_some_and(|at| at.elapsed() > AFTER_EXIT) {
            return Ok(late);
        }
        if !late && deadline.is_some_and(|limit| started.elapsed() > limit) {
            late = true;
            end_group(child);
        }
    }
}

fn log_path(name: &str) -> PathBuf {
    tree::logs().join(format!("{name}.log"))
}

#[cfg(unix)]
fn own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_group(_command: &mut Command) {}

fn end_group(child: &mut Child) {
    if cfg!(unix) {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    }
    let _ = child.kill();
}
