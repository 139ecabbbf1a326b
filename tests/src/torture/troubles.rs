//! Everything else that goes wrong around a renewal, each once, and what must come of it: meanwhile and afterwards.

use std::fmt;

use anyhow::{Context as _, Result};
use lab::full_disk::FullDisk;
use lab::journey;
use lab::terminal::{Ended, Terminal};
use tessera_client::{AccountId, AccountState, Client, Error};
use tessera_sandbox::Options;
use tessera_sandbox::faults::{Fault, FaultId, HttpFault, Rule};
use tessera_sandbox::log::Endpoint;

use crate::scene::Scene;
use crate::traces::Clean;

mod clock;
mod disk;
mod keychain;
mod network;
mod scale;

/// Seconds in which the provider takes a refresh token again: all of this must cost nobody anything.
const GRACE: i64 = 300;

/// Characters of a refresh token that the keychain keeps in pieces.
const LONG: usize = 20_000;

/// A line of the table.
struct Row {
    area: &'static str,
    what: &'static str,
    expected: &'static str,
    seen: String,
}

/// What was seen of something that went wrong, and that no secret was left anywhere by it.
type Seen = (String, Clean);

impl Row {
    fn new(area: &'static str, what: &'static str, expected: &'static str, (seen, _): Seen) -> Self {
        Self {
            area,
            what,
            expected,
            seen,
        }
    }

    /// What stands over the table.
    fn heading() -> String {
        format!(
            "{:<9} {:<58} {:<66} seen",
            "what", "how it is broken", "expected: meanwhile -> afterwards"
        )
    }

    /// Whether it came out as it must.
    fn is_as_expected(&self) -> bool {
        self.expected == self.seen
    }
}

/// The rows so far, each printed as it comes.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    #[expect(clippy::print_stdout, reason = "a program's own word to whoever ran it")]
    fn add(&mut self, row: Row) {
        if self.0.is_empty() {
            println!("\n{}", Row::heading());
        }
        println!("{row}");
        self.0.push(row);
    }

    /// How many came out as they must, and how many did not.
    pub(crate) fn count(&self) -> (usize, usize) {
        let good = self.0.iter().filter(|row| row.is_as_expected()).count();
        (good, self.0.len() - good)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = if self.is_as_expected() {
            "the same"
        } else {
            &self.seen
        };
        write!(
            f,
            "{:<9} {:<58} {:<66} {seen}",
            self.area, self.what, self.expected
        )
    }
}

/// All of it; what is measured only when there is `time`.
pub(crate) async fn all(time: bool) -> Result<Table> {
    let mut table = Table::default();
    journey("torture-network", async |desktop| {
        network::real(&Scene::set(desktop, GRACE).await?, &mut table).await
    })
    .await?;
    network::asks_to_wait(&mut table).await?;
    clock::all(&mut table).await?;
    journey("torture-keychain", async |desktop| {
        keychain::real(&Scene::set(desktop, GRACE).await?, &mut table).await
    })
    .await?;
    journey("torture-keychain-locked", async |desktop| {
        keychain::locked_underneath(&Scene::set(desktop, 0).await?, &mut table).await
    })
    .await?;
    journey("torture-keychain-pieces", async |desktop| {
        let options = Options {
            refresh_token_length: LONG,
            ..Options::default()
        };
        let scene = Scene::at(desktop, Terminal::open(desktop)?, options).await?;
        keychain::half_a_refresh_token(&scene, &mut table).await
    })
    .await?;
    keychain::failing(&mut table).await?;
    journey("torture-disk", async |desktop| {
        let disk = FullDisk::mount(desktop, &desktop.tessera()).await?;
        let terminal = Terminal::open(desktop)?.behind(disk.before());
        let scene = Scene::with(desktop, terminal, GRACE).await?;
        disk::without_room(&scene, &disk, &mut table).await
    })
    .await?;
    journey("torture-store", async |desktop| {
        disk::store(&Scene::set(desktop, GRACE).await?, &mut table).await
    })
    .await?;
    journey("torture-versions", async |desktop| {
        disk::two_versions(&Scene::set(desktop, 0).await?, &mut table).await
    })
    .await?;
    if time {
        journey("torture-scale", async |desktop| {
            scale::compare(&Scene::set(desktop, GRACE).await?, &mut table).await
        })
        .await?;
    }
    Ok(table)
}

/// What a call of the client library came to, and how the account stands then.
pub(crate) async fn seen_by<T>(client: &Client, id: &AccountId, came: Result<T, Error>) -> Result<String> {
    let told = came.map_or_else(|error| error.code(), |_| "well");
    let mut changes = client.changes();
    loop {
        let state = client.account(id).await?.state;
        if state != AccountState::Refreshing {
            let need = state.need().map(|need| format!(": {}", need.as_str()));
            return Ok(format!("{told}, {}{}", state.as_str(), need.unwrap_or_default()));
        }
        // The upkeep may be at it as well, ahead of the next call.
        changes.recv().await?;
    }
}

/// What a command came to: `well`, or the code of its error.
fn told(ended: &Ended) -> Result<String> {
    if ended.code == Some(0) {
        return Ok("well".to_owned());
    }
    let code = ended.error()?["code"].as_str().map(str::to_owned);
    code.with_context(|| format!("{ended:?}"))
}

impl Scene<'_> {
    /// What a renewal comes to, and how the account is listed then.
    async fn seen(&self) -> Result<String> {
        let ended = self.renew().await?;
        self.listed(&ended).await
    }

    async fn listed(&self, ended: &Ended) -> Result<String> {
        let account = self.account().await?;
        let state = account["state"].as_str().context("a state")?;
        let need = account["need"].as_str().map(|need| format!(": {need}"));
        Ok(format!("{}, {state}{}", told(ended)?, need.unwrap_or_default()))
    }

    /// What is seen while the provider does this, and when it does not any more.
    async fn under(&self, fault: Fault) -> Result<Seen> {
        let rule = self.sandbox.faults().set(Rule::new(fault));
        let meanwhile = self.seen().await?;
        self.sandbox.faults().remove(rule);
        self.after(meanwhile).await
    }

    async fn after(&self, meanwhile: String) -> Result<Seen> {
        let seen = format!("{meanwhile} -> {}", self.seen().await?);
        let clean = self.search().with_context(|| seen.clone())?;
        Ok((seen, clean))
    }

    /// Holds the provider's answers to renewals back from now on, which it makes all the same. Gives back what is to be
    /// removed so that they go out.
    fn hold_answers(&self) -> FaultId {
        let held = Fault::Http {
            endpoint: Endpoint::Token,
            fault: HttpFault::HoldAfter,
        };
        self.sandbox.faults().set(Rule::new(held))
    }
}
