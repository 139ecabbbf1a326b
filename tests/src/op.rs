//! npm `oidc-provider` as a provider to sign in to: certified, and written by somebody else.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::program::Program;
use crate::{Desktop, tools, wait};

/// How the provider behaves.
#[derive(Clone, Copy, Debug)]
pub struct OpOptions {
    /// How long an access token lives.
    pub access_token_seconds: u32,
    /// Whether each refresh brings a new refresh token and spends the old one.
    pub rotate: bool,
    /// Its optional features, by the names that op/server.mjs knows.
    pub features: &'static [&'static str],
}

impl Default for OpOptions {
    fn default() -> Self {
        Self {
            access_token_seconds: 3600,
            rotate: true,
            features: &[],
        }
    }
}

/// A running provider.
pub struct Op {
    /// Its issuer identifier.
    pub issuer: String,
    /// The native public client that it knows.
    pub client_id: String,
    program: Arc<Program>,
    events: Mutex<Vec<Value>>,
    marks: AtomicU64,
}

impl Op {
    /// Starts one beside everything else on `desktop`.
    pub async fn start(desktop: &Desktop, options: OpOptions) -> Result<Self> {
        let mut command = command(options)?;
        // Outside the desktop's environment: a provider is somebody else's machine, and it knows every secret.
        let program = desktop.spawn("oidc-provider", &mut command)?;
        Self::ready(program).await
    }

    /// Starts one without a desktop; its log goes to `logs`.
    pub async fn start_alone(logs: &std::path::Path, options: OpOptions) -> Result<Self> {
        Self::ready(Arc::new(Program::start(
            "oidc-provider",
            &mut command(options)?,
            logs,
        )?))
        .await
    }

    async fn ready(program: Arc<Program>) -> Result<Self> {
        let ready = program
            .line("the provider being ready", |line| {
                let event: Value = serde_json::from_str(line).ok()?;
                (event["event"] == "ready").then_some(event)
            })
            .await?;
        Ok(Self {
            issuer: ready["issuer"].as_str().context("an issuer")?.to_owned(),
            client_id: ready["client_id"].as_str().context("a client id")?.to_owned(),
            program,
            events: Mutex::default(),
            marks: AtomicU64::default(),
        })
    }

    /// What it has seen of one kind (`token`, `authorization`, `revocation` …) up to now, oldest first.
    pub async fn events(&self, kind: &str) -> Result<Vec<Value>> {
        if self.program.runs() {
            let mark = self.marks.fetch_add(1, Ordering::Relaxed);
            self.order(&json!({ "mark": mark })).await?;
            wait::until_true("the provider's log up to now", wait::STEP, async || {
                self.take_in().await;
                let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(events.iter().any(|event| event["mark"] == mark))
            })
            .await?;
        } else {
            self.take_in().await;
        }
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(events
            .iter()
            .filter(|event| event["event"] == kind)
            .cloned()
            .collect())
    }

    async fn take_in(&self) {
        let new = self.program.drain().await;
        let read = new
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.extend(read);
    }

    /// Sets its clock that many seconds ahead of the machine's.
    pub async fn set_ahead(&self, seconds: i64) -> Result<()> {
        self.order(&json!({ "ahead": seconds })).await
    }

    /// Lets it err by a name that op/server.mjs knows; `None` ends that.
    pub async fn set_fault(&self, name: Option<&str>) -> Result<()> {
        self.order(&json!({ "fault": name })).await
    }

    async fn order(&self, order: &Value) -> Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let sent = http
            .post(format!("{}/lab", self.issuer))
            .json(order)
            .send()
            .await?;
        ensure!(
            sent.status().is_success(),
            "{order} was not taken: {}",
            sent.status()
        );
        Ok(())
    }

    /// How many token requests of one grant type it answered with success.
    pub async fn tokens_given(&self, grant: &str) -> Result<usize> {
        let given = self.events("token").await?;
        Ok(given
            .iter()
            .filter(|event| event["grant"] == grant && event["status"] == 200)
            .count())
    }

    /// Every secret that it has handed out or been shown.
    pub async fn secrets(&self) -> Result<BTreeSet<String>> {
        let mut secrets = self.lasting_secrets().await?;
        secrets.extend(self.named(&["code", "nonce", "state"]).await?);
        Ok(secrets)
    }

    /// Those of them that are in no address: a browser is never shown one.
    pub async fn lasting_secrets(&self) -> Result<BTreeSet<String>> {
        self.named(&[
            "access_token",
            "client_secret",
            "device_code",
            "id_token",
            "refresh_token",
            "refresh_token_used",
            "token",
            "verifier",
        ])
        .await
    }

    async fn named(&self, fields: &[&str]) -> Result<BTreeSet<String>> {
        let mut named = BTreeSet::new();
        for kind in [
            "token",
            "authorization",
            "device_authorization",
            "revocation",
            "userinfo",
        ] {
            for event in self.events(kind).await? {
                let texts = fields.iter().filter_map(|field| event[*field].as_str());
                named.extend(texts.map(ToOwned::to_owned));
            }
        }
        Ok(named)
    }

    /// Stops it, as when the network or the provider goes away.
    pub fn stop(&self) {
        self.program.stop();
    }
}

fn command(options: OpOptions) -> Result<Command> {
    let dir = tools::tests_dir().join("op");
    if !dir.join("node_modules/oidc-provider/package.json").is_file() {
        bail!(
            "npm `oidc-provider` is not installed in {}. `cargo xtask test` installs it, or do it by hand: npm ci \
             --prefix {}",
            dir.display(),
            dir.display()
        );
    }
    let options = json!({
        "accessTokenSeconds": options.access_token_seconds,
        "rotate": options.rotate,
        "features": options.features,
    });
    let mut command = Command::new(tools::find("node")?);
    command
        .arg(dir.join("server.mjs"))
        .arg(options.to_string())
        .env_remove("NODE_OPTIONS")
        .stdin(Stdio::piped());
    Ok(command)
}
