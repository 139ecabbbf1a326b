//! A terminal on the desktop, in which somebody types `tessera`: the built program, with the desktop's own
//! session bus and keyring.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use url::Url;

use crate::{Desktop, tools, wait};

/// Where `tessera` is typed, and everything that it ever wrote there.
pub struct Terminal<'a> {
    desktop: &'a Desktop,
    tessera: PathBuf,
    before: Vec<OsString>,
    written: Arc<Mutex<String>>,
}

/// A command that runs. It is ended when this is dropped.
pub struct Run {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    notes: UnboundedReceiver<String>,
    written: Arc<Mutex<String>>,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What was on standard output and not read before.
    pub out: String,
    /// Standard error.
    pub notes: String,
}

impl<'a> Terminal<'a> {
    /// One on `desktop`.
    pub fn open(desktop: &'a Desktop) -> Result<Self> {
        Ok(Self::of(desktop, tools::built("tessera")?))
    }

    /// The same for another program that is typed there, and answers in lines as `tessera` does.
    pub fn of(desktop: &'a Desktop, program: PathBuf) -> Self {
        Self {
            desktop,
            tessera: program,
            before: Vec::new(),
            written: Arc::default(),
        }
    }

    /// Another one, in which every command is run by `before`: a program and its first arguments.
    pub fn behind(&self, before: Vec<OsString>) -> Self {
        Self {
            desktop: self.desktop,
            tessera: self.tessera.clone(),
            before,
            written: Arc::clone(&self.written),
        }
    }

    /// Types a command.
    pub fn start(&self, arguments: &[&str]) -> Result<Run> {
        self.start_with(arguments, &[])
    }

    /// Types a command with other variables than the desktop's; an empty value takes one away.
    pub fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        let mut command = match self.before.split_first() {
            None => self.desktop.command(&self.tessera),
            Some((program, first)) => {
                let mut command = self.desktop.command(program);
                command.args(first).arg(&self.tessera);
                command
            }
        };
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .context("starting tessera")?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut stderr = BufReader::new(stderr.context("standard error is piped")?).lines();
        let (tell, notes) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = stderr.next_line().await {
                let _ = tell.send(line);
            }
        });
        Ok(Run {
            input: child.stdin.take(),
            lines: BufReader::new(stdout.context("standard output is piped")?).lines(),
            notes,
            written: Arc::clone(&self.written),
            child,
        })
    }

    /// Types a command and waits for its end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.start(arguments)?.end().await
    }

    /// The lines of a `--json` command that must end well.
    pub async fn json(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let ended = self.run(arguments).await?;
        ensure!(ended.code == Some(0), "{arguments:?}: {ended:?}");
        ended.json()
    }

    /// Everything that was ever written on standard output and error, but for the addresses to open: they hold
    /// what the browser brings back.
    pub fn written(&self) -> String {
        self.written
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Run {
    /// The next line of standard output, as JSON.
    pub async fn event(&mut self) -> Result<Value> {
        let line = timeout(wait::STEP, self.lines.next_line())
            .await
            .context("tessera says nothing more")??;
        let line = line.context("tessera ended before it said this")?;
        let event: Value = serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))?;
        if event["event"] != "open" {
            self.write_down(&line);
        }
        Ok(event)
    }

    /// The address of the `open` event, which must come next.
    pub async fn open(&mut self) -> Result<Url> {
        let event = self.event().await?;
        if event["event"] != "open" {
            bail!("instead of an address to open came {event}");
        }
        Ok(event["url"].as_str().context("an address to open")?.parse()?)
    }

    /// The next line of standard error.
    pub async fn note(&mut self) -> Result<String> {
        let line = timeout(wait::STEP, self.notes.recv())
            .await
            .context("tessera notes nothing more")?;
        let line = line.context("tessera ended before it noted this")?;
        self.write_down(&line);
        Ok(line)
    }

    /// Types a line on standard input.
    pub async fn type_line(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("standard input is closed")?;
        Ok(input.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// Presses Ctrl-C.
    pub fn interrupt(&self) -> Result<()> {
        let id = self.child.id().context("tessera has ended")?;
        let pid = Pid::from_raw(i32::try_from(id)?).context("a process id")?;
        Ok(kill_process(pid, Signal::INT)?)
    }

    /// Waits for the end.
    pub async fn end(mut self) -> Result<Ended> {
        let ended = async {
            let mut out = String::new();
            while let Some(line) = self.lines.next_line().await? {
                out.push_str(&line);
                out.push('\n');
            }
            let mut notes = String::new();
            while let Some(line) = self.notes.recv().await {
                notes.push_str(&line);
                notes.push('\n');
            }
            let code = self.child.wait().await?.code();
            anyhow::Ok(Ended { code, out, notes })
        };
        let ended = timeout(wait::STEP, ended)
            .await
            .context("tessera does not end")??;
        self.write_down(&ended.out);
        self.write_down(&ended.notes);
        Ok(ended)
    }

    fn write_down(&self, text: &str) {
        if text.starts_with("  http") {
            return;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string cannot fail.
        let _ = writeln!(written, "{text}");
    }
}

impl Ended {
    /// The lines of standard output.
    pub fn json(&self) -> Result<Vec<Value>> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
            .collect()
    }

    /// The error of the `failed` event, which must be the last line.
    pub fn error(&self) -> Result<Value> {
        let last = self
            .json()?
            .pop()
            .with_context(|| format!("nothing was said: {self:?}"))?;
        ensure!(last["event"] == "failed", "{last}");
        Ok(last["error"].clone())
    }
}
