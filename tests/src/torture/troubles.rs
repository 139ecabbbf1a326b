//! Everything else that goes wrong around a renewal, each once, and what must come of it: meanwhile and afterwards.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lab::full_disk::FullDisk;
use lab::journey;
use lab::rig::Rig;
use lab::secrets::{Places, Secrets};
use lab::terminal::{Ended, Terminal};
use lab::untrusted::Untrusted;
use rusqlite::Connection;
use tessera_client::{AccountId, AccountState, Client, Error};
use tessera_sandbox::faults::{Fault, HttpFault, Rule};
use tessera_sandbox::log::Endpoint;

use crate::scene::Scene;

mod clock;
mod keychain;
mod scale;

/// Seconds in which the provider takes a refresh token again: all of this must cost nobody anything.
const GRACE: i64 = 300;

/// A line of the table.
struct Row {
    area: &'static str,
    what: &'static str,
    expected: &'static str,
    seen: String,
}

impl Row {
    fn new(area: &'static str, what: &'static str, expected: &'static str, seen: String) -> Self {
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
            "{:<9} {:<55} {:<66} seen",
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
            "{:<9} {:<55} {:<66} {seen}",
            self.area, self.what, self.expected
        )
    }
}

/// All of it; what is measured only when there is `time`.
pub(crate) async fn all(time: bool) -> Result<Table> {
    let mut table = Table::default();
    journey("torture-network", async |desktop| {
        network(&Scene::set(desktop, GRACE).await?, &mut table).await?;
        Ok(())
    })
    .await?;
    clock::all(&mut table).await?;
    journey("torture-keychain", async |desktop| {
        keychain::real(&Scene::set(desktop, GRACE).await?, &mut table).await?;
        Ok(())
    })
    .await?;
    keychain::failing(&mut table).await?;
    journey("torture-disk", async |desktop| {
        let disk = FullDisk::mount(desktop, &desktop.tessera()).await?;
        let terminal = Terminal::open(desktop)?.behind(disk.before());
        let scene = Scene::with(desktop, terminal, GRACE).await?;
        full(&scene, &disk, &mut table).await?;
        Ok(())
    })
    .await?;
    journey("torture-store", async |desktop| {
        store(&Scene::set(desktop, GRACE).await?, &mut table).await?;
        Ok(())
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

/// What that client was ever given to keep is nowhere in its data folder.
fn no_secret_is_beside(rig: &Rig) -> Result<()> {
    let mut secrets = Secrets::default();
    let entries = rig.keychain.entries.lock();
    let entries = entries.unwrap_or_else(PoisonError::into_inner);
    // What the keychain itself is known by is no secret.
    let marks: Vec<_> = entries
        .iter()
        .filter(|(name, _)| name.starts_with("keychain/"))
        .collect();
    let given = rig.keychain.given.lock();
    let given = given.unwrap_or_else(PoisonError::into_inner);
    let long = given
        .iter()
        .filter(|secret| secret.len() >= 16 && marks.iter().all(|(_, mark)| mark != secret));
    secrets.add(long.map(|secret| String::from_utf8_lossy(secret).into_owned()))?;
    secrets.hunt(&Places {
        folders: vec![rig.folder().to_owned()],
        ..Places::default()
    })
}

/// What a call of the client library came to, and how the account stands then.
async fn seen_by<T>(client: &Client, id: &AccountId, came: Result<T, Error>) -> Result<String> {
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
    async fn under(&self, fault: Fault) -> Result<String> {
        let rule = self.sandbox.faults().set(Rule::new(fault));
        let meanwhile = self.seen().await?;
        self.sandbox.faults().remove(rule);
        self.after(meanwhile).await
    }

    async fn after(&self, meanwhile: String) -> Result<String> {
        let seen = format!("{meanwhile} -> {}", self.seen().await?);
        self.no_secret_is_outside().with_context(|| seen.clone())?;
        Ok(seen)
    }

    /// The account is of this issuer from now on.
    fn set_issuer(&self, issuer: &str) -> Result<()> {
        let changed = Connection::open(self.store())?.execute("UPDATE account SET issuer = ?1", [issuer])?;
        ensure!(changed == 1, "{changed} accounts");
        Ok(())
    }
}

async fn network(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let untrusted = Untrusted::start().await?;
    let offline = "unreachable, offline -> well, signed_in";
    let broken = "answer_broken, offline -> well, signed_in";
    for (what, issuer, expected) in [
        // Nothing listens there.
        ("the connection is refused", "http://127.0.0.1:1", offline),
        // A name that is reserved for having no address (RFC 2606).
        ("the name is not found", "https://login.invalid", offline),
        (
            "the certificate is of an unknown root",
            &untrusted.issuer(),
            "tls_untrusted, offline -> well, signed_in",
        ),
    ] {
        scene.set_issuer(issuer)?;
        let meanwhile = scene.seen().await?;
        scene.set_issuer(scene.sandbox.issuer())?;
        table.add(Row::new("network", what, expected, scene.after(meanwhile).await?));
    }
    let unavailable = "token_endpoint_status, provider_unavailable -> well, signed_in";
    let status = |status| HttpFault::Status {
        status,
        retry_after: None,
    };
    for (what, fault, expected) in [
        ("the connection is dropped", HttpFault::Drop, broken),
        (
            "it is dropped after the request was carried out",
            HttpFault::DropAfter,
            broken,
        ),
        (
            "the answer comes two seconds late",
            HttpFault::Slow(Duration::from_secs(2)),
            "well, signed_in -> well, signed_in",
        ),
        ("the answer is cut in the middle", HttpFault::Cut, broken),
        (
            "a captive portal answers: status 200, a web page",
            HttpFault::Html,
            "token_response_not_json, offline -> well, signed_in",
        ),
        (
            "a captive portal sends elsewhere",
            HttpFault::Redirect("http://portal.invalid/"),
            "token_endpoint_status, offline -> well, signed_in",
        ),
        ("status 429", status(429), unavailable),
        ("status 500", status(500), unavailable),
        ("status 502 and a web page", HttpFault::Page(502), unavailable),
    ] {
        let endpoint = Endpoint::Token;
        let seen = scene.under(Fault::Http { endpoint, fault }).await?;
        table.add(Row::new("network", what, expected, seen));
    }
    Ok(())
}

async fn full(scene: &Scene<'_>, disk: &FullDisk<'_>, table: &mut Table) -> Result<()> {
    disk.fill()?;
    let meanwhile = scene.seen().await?;
    disk.make_room()?;
    table.add(Row::new(
        "disk",
        "it is full",
        "disk_full, signed_in -> well, signed_in",
        format!("{meanwhile} -> {}", scene.seen().await?),
    ));
    disk.set_read_only(true)?;
    let meanwhile = told(&scene.renew().await?)?;
    disk.set_read_only(false)?;
    table.add(Row::new(
        "disk",
        "it can only be read",
        "store_unusable -> well, signed_in",
        format!("{meanwhile} -> {}", scene.seen().await?),
    ));
    let copy = tempfile::tempdir()?;
    disk.copy_to(copy.path())?;
    scene.no_secret_is_in(copy.path())?;
    Ok(())
}

async fn store(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let set = |layout: i64| -> Result<i64> {
        let store = Connection::open(scene.store())?;
        let before = store.pragma_query_value(None, "user_version", |row| row.get(0))?;
        store.pragma_update(None, "user_version", layout)?;
        Ok(before)
    };
    let before = set(9_999)?;
    let meanwhile = told(&scene.renew().await?)?;
    let unchanged = set(before)? == 9_999;
    ensure!(unchanged, "the older version wrote over the newer one's store");
    table.add(Row::new(
        "disk",
        "a newer version of the app has been at the store",
        "store_too_new -> well, signed_in",
        scene.after(meanwhile).await?,
    ));

    let was = scene.account().await?;
    let file = scene.store();
    let length = std::fs::metadata(&file)?.len();
    std::fs::write(&file, vec![0x55; usize::try_from(length)?])?;
    let meanwhile = scene.seen().await?;
    let aside: BTreeSet<String> = std::fs::read_dir(scene.desktop.tessera())?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.contains("damaged"))
        .collect();
    ensure!(!aside.is_empty(), "the damaged store was not kept");
    table.add(Row::new(
        "disk",
        "the store is overwritten",
        "well, signed_in -> well, signed_in",
        scene.after(meanwhile).await?,
    ));
    let is = scene.account().await?;
    for name in ["id", "name", "email", "issuer"] {
        ensure!(was[name] == is[name], "{name}: {was} and {is}");
    }
    Ok(())
}
