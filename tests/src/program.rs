//! One program that the lab runs: its output goes to a log and can be waited for, and it ends with its group.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::wait;

/// How long a program may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(3);

/// A running program, leader of its own process group.
pub struct Program {
    name: String,
    child: Mutex<Child>,
    lines: tokio::sync::Mutex<UnboundedReceiver<String>>,
    log: PathBuf,
}

impl Program {
    /// Starts `command`. Standard output goes line by line to `NAME.out.log` and to whoever waits for a line;
    /// standard error goes to `NAME.err.log`. Standard input stays as `command` has it.
    pub fn start(name: &str, command: &mut Command, logs: &Path) -> Result<Self> {
        let log = free_name(logs, name);
        let err = File::create(log.with_extension("err.log"))?;
        let mut out = File::create(log.with_extension("out.log"))?;
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(err)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name} ({})", command.get_program().display()))?;
        let stdout = child.stdout.take().context("standard output is piped")?;
        let (send, lines) = unbounded_channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                // A log that cannot be written must not stop the program whose pipe this empties.
                let _ = out.write_all(&line);
                let _ = send.send(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
        });
        Ok(Self {
            name: name.to_owned(),
            child: Mutex::new(child),
            lines: tokio::sync::Mutex::new(lines),
            log,
        })
    }

    /// Its process id, which is also its group's.
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Waits for a line of standard output that `pick` takes; the lines before it are dropped.
    pub async fn line<T>(&self, what: &str, mut pick: impl FnMut(&str) -> Option<T>) -> Result<T> {
        let mut lines = self.lines.lock().await;
        let found = async {
            while let Some(line) = lines.recv().await {
                if let Some(found) = pick(&line) {
                    return Some(found);
                }
            }
            None
        };
        match tokio::time::timeout(wait::STEP, found).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(anyhow!(
                "{} ended before this came: {what}\n{}",
                self.name,
                self.tail()
            )),
            Err(_) => bail!("{} did not say this: {what}\n{}", self.name, self.tail()),
        }
    }

    /// The lines of standard output that nobody took yet.
    pub async fn drain(&self) -> Vec<String> {
        let mut lines = self.lines.lock().await;
        let mut taken = Vec::new();
        while let Ok(line) = lines.try_recv() {
            taken.push(line);
        }
        taken
    }

    /// Waits until it ends by itself.
    pub async fn ended(&self, limit: Duration) -> Result<ExitStatus> {
        wait::until(&format!("the end of {}", self.name), limit, async || {
            Ok(self.child().try_wait()?)
        })
        .await
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        self.child().try_wait().is_ok_and(|status| status.is_none())
    }

    /// Ends it and its whole group: asked first, then made to.
    pub fn stop(&self) {
        let mut child = self.child();
        let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        if child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = kill_process_group(group, Signal::TERM);
            wait_for_end(group, GRACE);
        }
        // The group may outlive its leader.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.wait();
    }

    /// The end of what it wrote, for an error message.
    fn tail(&self) -> String {
        let mut text = String::new();
        for end in ["out.log", "err.log"] {
            let log = std::fs::read_to_string(self.log.with_extension(end)).unwrap_or_default();
            let from = log.len().saturating_sub(2_000);
            text.push_str(log.get(log.ceil_char_boundary(from)..).unwrap_or_default());
        }
        text
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a short command to its end and gives back its standard output.
///
/// Its output goes to files and not to pipes: what the command leaves running inherits them, and a pipe would
/// be open for as long as that runs.
pub fn run(command: &mut Command) -> Result<String> {
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let shown = command.get_program().display().to_string();
    let mut child = command
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?)
        .spawn()
        .with_context(|| format!("running {shown}"))?;
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        wait_for_end(pid, wait::STEP);
    }
    let Some(status) = child.try_wait()? else {
        child.kill()?;
        child.wait()?;
        bail!("{shown} did not end within {} s", wait::STEP.as_secs());
    };
    let (out, err) = (text_of(&mut out)?, text_of(&mut err)?);
    if !status.success() {
        bail!("{shown} failed ({status}): {err}");
    }
    Ok(out)
}

fn text_of(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// `NAME`, or `NAME-2` and so on when a program of that name has already written its log. The extension is
/// still to be added.
fn free_name(logs: &Path, name: &str) -> PathBuf {
    let mut path = logs.join(name);
    let mut number = 2;
    while path.with_extension("err.log").exists() {
        path = logs.join(format!("{name}-{number}"));
        number += 1;
    }
    path
}

/// Blocks until the process is gone, at most `limit`.
fn wait_for_end(pid: Pid, limit: Duration) {
    let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    let _ = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit));
}
