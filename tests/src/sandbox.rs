//! Tessera's own provider and protected API, run as the process that people run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::program::Program;
use crate::{Desktop, tools};

/// A running sandbox.
pub struct Sandbox {
    /// Its issuer identifier.
    pub issuer: String,
    /// Where its protected API is.
    pub api: String,
    /// The native public client that it knows.
    pub client_id: String,
    /// What it said when it was ready, with the addresses of its dialects.
    pub ready: Value,
    program: Arc<Program>,
}

impl Sandbox {
    /// Starts one for a desktop.
    pub async fn start(desktop: &Desktop, arguments: &[&str]) -> Result<Self> {
        Self::ready(desktop.spawn("sandbox", &mut command(arguments)?)?).await
    }

    /// Starts one without a desktop; its log goes to `logs`.
    pub async fn start_alone(logs: &Path, arguments: &[&str]) -> Result<Self> {
        Self::ready(Arc::new(Program::start(
            "sandbox",
            &mut command(arguments)?,
            logs,
        )?))
        .await
    }

    async fn ready(program: Arc<Program>) -> Result<Self> {
        let ready = program
            .line("the sandbox being ready", |line| {
                let event: Value = serde_json::from_str(line).ok()?;
                (event["event"] == "ready").then_some(event)
            })
            .await?;
        let text = |name: &str| {
            let value = ready[name].as_str();
            value
                .map(ToOwned::to_owned)
                .with_context(|| format!("`{name}` in the sandbox's first line"))
        };
        Ok(Self {
            issuer: text("issuer")?,
            api: text("api")?,
            client_id: text("client_id")?,
            program,
            ready,
        })
    }

    /// A text of one of its dialects, for example `("google", "client_secret")`.
    pub fn dialect(&self, dialect: &str, name: &str) -> Result<String> {
        let value = self.ready["dialects"][dialect][name].as_str();
        value
            .map(ToOwned::to_owned)
            .with_context(|| format!("`{name}` of the sandbox's dialect {dialect}"))
    }

    /// Stops it, as when the network or the provider goes away.
    pub fn stop(&self) {
        self.program.stop();
    }
}

fn command(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(tools::built("tessera-sandbox")?);
    command
        .args(arguments)
        .arg("--exit-with-stdin")
        .stdin(Stdio::piped());
    Ok(command)
}
