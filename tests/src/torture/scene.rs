//! What is tortured: the built `tessera`, signed in at a sandbox, with a real keyring and a real store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use lab::processes::Process;
use lab::terminal::{Ended, Terminal};
use lab::{Desktop, tools};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tessera_sandbox::faults::{Change, Document, Fault, Rule};
use tessera_sandbox::{CLIENT_ID, Options, Sandbox};

use crate::traces::{self, Clean, MARK, Notes};

/// A provider, and an account that the terminal is signed in to.
pub(crate) struct Scene<'a> {
    pub(crate) desktop: &'a Desktop,
    pub(crate) terminal: Terminal<'a>,
    pub(crate) tessera: PathBuf,
    pub(crate) sandbox: Sandbox,
    pub(crate) notes: Notes,
}

impl<'a> Scene<'a> {
    /// With a provider that takes a refresh token again within `grace` seconds.
    pub(crate) async fn set(desktop: &'a Desktop, grace: i64) -> Result<Self> {
        Self::with(desktop, Terminal::open(desktop)?, grace).await
    }

    /// The same, in this terminal.
    pub(crate) async fn with(desktop: &'a Desktop, terminal: Terminal<'a>, grace: i64) -> Result<Self> {
        let options = Options {
            refresh_reuse_grace: grace,
            ..Options::default()
        };
        Self::at(desktop, terminal, options).await
    }

    /// The same, with a provider that is set up so.
    pub(crate) async fn at(desktop: &'a Desktop, terminal: Terminal<'a>, options: Options) -> Result<Self> {
        let sandbox = Sandbox::start(Options {
            refresh_token_mark: MARK.to_owned(),
            ..options
        })
        .await?;
        // Every command finds its token expired, and renews it.
        let expired = Fault::Json {
            document: Document::TokenResponse,
            change: Change::Set("expires_in", Value::from(0)),
        };
        sandbox.faults().set(Rule::new(expired));
        traces::mark(&sandbox);
        let scene = Self {
            desktop,
            terminal,
            tessera: tools::built("tessera")?,
            sandbox,
            notes: Notes::default(),
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
        let ended = run.end().await?;
        self.notes.add(ended.notes);
        Ok(())
    }

    /// A renewal that nobody disturbs.
    pub(crate) async fn renew(&self) -> Result<Ended> {
        let ended = self
            .terminal
            .run(&["token", "ann@example.test", "--json"])
            .await?;
        self.notes.add(&ended.notes);
        Ok(ended)
    }

    /// The account as it is listed.
    pub(crate) async fn account(&self) -> Result<Value> {
        let accounts = self.terminal.json(&["accounts", "--json"]).await?;
        accounts.into_iter().next().context("the account is still listed")
    }

    /// How many refresh tokens were sent.
    pub(crate) fn sent(&self) -> usize {
        self.sandbox.log().token_requests("refresh_token")
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

    /// No secret is outside the keyring.
    pub(crate) fn search(&self) -> Result<Clean> {
        self.search_in(&self.desktop.tessera(), Vec::new())
    }

    /// The same, with another place for the data folder, and with processes that were there a moment ago.
    pub(crate) fn search_in(&self, folder: &Path, were: Vec<Process>) -> Result<Clean> {
        traces::search(self.desktop, folder, &self.notes, were)
    }
}
