//! What is tortured: the built `tessera`, signed in at a sandbox, with a real keyring and a real store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use lab::secrets::{Places, Secrets};
use lab::terminal::{Ended, Terminal};
use lab::{Desktop, keyring, tools};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tessera_sandbox::faults::{Change, Document, Fault, Rule};
use tessera_sandbox::{CLIENT_ID, Options, Sandbox};

/// A provider, and an account that the terminal is signed in to.
pub(crate) struct Scene<'a> {
    pub(crate) desktop: &'a Desktop,
    pub(crate) terminal: Terminal<'a>,
    pub(crate) tessera: PathBuf,
    pub(crate) sandbox: Sandbox,
    pub(crate) grace: i64,
}

impl<'a> Scene<'a> {
    pub(crate) async fn set(desktop: &'a Desktop, grace: i64) -> Result<Self> {
        Self::with(desktop, Terminal::open(desktop)?, grace).await
    }

    /// The same, in this terminal.
    pub(crate) async fn with(desktop: &'a Desktop, terminal: Terminal<'a>, grace: i64) -> Result<Self> {
        let sandbox = Sandbox::start(Options {
            refresh_reuse_grace: grace,
            ..Options::default()
        })
        .await?;
        // Every command finds its token expired, and renews it.
        let expired = Fault::Json {
            document: Document::TokenResponse,
            change: Change::Set("expires_in", Value::from(0)),
        };
        sandbox.faults().set(Rule::new(expired));
        let scene = Self {
            desktop,
            terminal,
            tessera: tools::built("tessera")?,
            sandbox,
            grace,
        };
        scene.sign_in().await?;
        Ok(scene)
    }

    pub(crate) async fn sign_in(&self) -> Result<()> {
        let mut run = self.terminal.start(&[
            "login",
            "--issuer",
            self.sandbox.issuer(),
            "--client-id",
            CLIENT_ID,
            "--redirect",
            "loopback",
            "--no-browser",
            "--json",
        ])?;
        let page = run.open().await?;
        let callback = self.sandbox.visitor("ann").visit(page.as_str()).await?;
        reqwest::get(callback).await?;
        let event = run.event().await?;
        ensure!(event["event"] == "signed_in", "{event}");
        run.end().await?;
        Ok(())
    }

    /// A renewal that nobody disturbs.
    pub(crate) async fn renew(&self) -> Result<Ended> {
        self.terminal.run(&["token", "ann@example.test", "--json"]).await
    }

    /// The account as it is listed.
    pub(crate) async fn account(&self) -> Result<Value> {
        let accounts = self.terminal.json(&["accounts", "--json"]).await?;
        accounts.into_iter().next().context("the account is still listed")
    }

    /// Where the file with the accounts is.
    pub(crate) fn store(&self) -> PathBuf {
        self.desktop.tessera().join("tessera.db")
    }

    pub(crate) fn store_is_sound(&self) -> Result<()> {
        let store = Connection::open_with_flags(self.store(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let told: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(told == "ok", "the store: {told}");
        Ok(())
    }

    /// What the keyring holds is nowhere in the data folder.
    pub(crate) fn no_secret_is_outside(&self) -> Result<()> {
        self.no_secret_is_in(&self.desktop.tessera())
    }

    /// What the keyring holds is nowhere in this folder.
    pub(crate) fn no_secret_is_in(&self, folder: &Path) -> Result<()> {
        let mut secrets = Secrets::default();
        for entry in keyring::entries(self.desktop)? {
            let long = entry.secrets().into_iter().filter(|secret| secret.len() >= 16);
            secrets.add(long)?;
        }
        ensure!(!secrets.is_empty(), "the keyring holds nothing");
        secrets.hunt(&Places {
            folders: vec![folder.to_owned()],
            ..Places::default()
        })
    }
}
