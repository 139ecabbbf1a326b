//! A process that stays, as the app's does while its window is open: the client library with every port of the real
//! program, which does what it is told on standard input. `tessera` ends after each command, so it cannot be what a
//! keyring is locked under, or a newer version's store put before.

use std::ops::ControlFlow;

use anyhow::{Context as _, Result, bail, ensure};
use lab::Desktop;
use lab::terminal::{Run, Terminal};
use serde_json::{Value, json};
use tessera_client::{AccountId, Client, Config};
use tessera_platform::{DataFolder, IDENTIFIER};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::scene::Scene;
use crate::troubles::seen_by;

/// What this program is called by to be one.
pub(crate) const ARGUMENT: &str = "--resident";

/// A process that stays, from outside.
pub(crate) struct Resident(Run);

impl Resident {
    /// Starts one with the data folder of the desktop, where one account is signed in.
    pub(crate) async fn start(desktop: &Desktop) -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut resident = Self(Terminal::of(desktop, program).start(&[ARGUMENT])?);
        let seen = resident.answer().await?;
        ensure!(seen == "ready", "{seen}");
        Ok(resident)
    }

    /// Has it do something: `token`, or `accounts`.
    pub(crate) async fn ask(&mut self, what: &str) -> Result<()> {
        self.0.type_line(what).await
    }

    /// What came of it, and how the account stands then.
    pub(crate) async fn answer(&mut self) -> Result<String> {
        let event = self.0.event().await?;
        let seen = event["seen"].as_str().map(str::to_owned);
        seen.with_context(|| event.to_string())
    }

    /// Both.
    pub(crate) async fn asked(&mut self, what: &str) -> Result<String> {
        self.ask(what).await?;
        self.answer().await
    }

    /// Has it end as a program should.
    pub(crate) async fn end(mut self, scene: &Scene<'_>) -> Result<()> {
        let seen = self.asked("end").await?;
        let ended = self.0.end().await?;
        scene.notes.add(ended.notes);
        ensure!(seen == "well" && ended.code == Some(0), "it ended with {seen}");
        Ok(())
    }
}

/// What runs in that process.
pub(crate) async fn run() -> Result<()> {
    let folder = DataFolder::locate(IDENTIFIER)?;
    let config = Config {
        data_folder: folder.path().to_owned(),
        scheme_redirect: None,
    };
    let client = Client::open(config, tessera_platform::ports(&folder)).await?;
    let account = client.accounts().await?.into_iter().next();
    let id = account.context("an account")?.id;
    say("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match obey(&client, &id, &line).await? {
            ControlFlow::Continue(seen) => say(&seen),
            ControlFlow::Break(seen) => {
                say(&seen);
                break;
            }
        }
    }
    Ok(())
}

async fn obey(client: &Client, id: &AccountId, line: &str) -> Result<ControlFlow<String, String>> {
    Ok(ControlFlow::Continue(match line {
        "token" => {
            let came = client.access_token(id).await;
            match &came {
                // Then nothing else can be told either.
                Err(error) if client.account(id).await.is_err() => error.code().to_owned(),
                _ => seen_by(client, id, came).await?,
            }
        }
        "accounts" => match client.accounts().await {
            Ok(accounts) => format!("{} listed", accounts.len()),
            Err(error) => error.code().to_owned(),
        },
        "end" => {
            let settled = client.settle().await;
            let told = settled.map_or_else(|error| error.code(), |()| "well");
            return Ok(ControlFlow::Break(told.to_owned()));
        }
        other => bail!("{other} is not known"),
    }))
}

#[expect(clippy::print_stdout, reason = "how it answers")]
fn say(seen: &str) {
    println!("{}", Value::from_iter([("seen", json!(seen))]));
}
