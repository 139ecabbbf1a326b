//! What `cargo xtask torture` does: breaks renewals on purpose, again and again, and says what became of the account.
//!
//! Two processes of the built `tessera` renew one account's tokens at the same time, at a provider that replaces its
//! refresh tokens, with a real keyring and a real store; each is killed at a random instant. Then a third one is asked
//! for a token and left alone. Where the provider forgives a token that comes back within a while, the account must be
//! well every time. Where it does not, the account may be lost, but only with the reason *maybe rotated*, and only when
//! the provider had answered a process that was killed; and nobody asks again.
#![expect(clippy::print_stdout, reason = "a program's own word to whoever ran it")]

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use lab::secrets::{Places, Secrets};
use lab::terminal::{Ended, Terminal};
use lab::{Desktop, journey, keyring, tools};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tessera_sandbox::faults::{Change, Document, Fault, Rule};
use tessera_sandbox::log::{Endpoint, Entry, Outcome};
use tessera_sandbox::{CLIENT_ID, Options, Sandbox};
use tokio::process::Command;

/// Kills for each kind of provider: in the long run, and in the short one that is part of the tests.
const KILLS: [usize; 2] = [1_000, 40];

/// About how long it takes until a token that was answered is in the keyring.
const SAVING: Duration = Duration::from_millis(20);

/// Seconds in which a forgiving provider takes a refresh token again.
const GRACE: i64 = 30;

/// What `tessera` ends with when a new sign-in is needed (docs/cli.md).
const NEEDS_SIGN_IN: i32 = 7;

fn main() -> ExitCode {
    let wanted = match Wanted::read() {
        Ok(wanted) => wanted,
        Err(error) => {
            println!("{error:#}\n\nUsage: torture [--short] [--seed NUMBER]");
            return ExitCode::FAILURE;
        }
    };
    println!("Seed {}: the same instants again with --seed {0}.", wanted.seed);
    let started = Instant::now();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(torture(&wanted)));
    match done {
        Ok(tallies) => {
            println!("\n{}", Tally::HEADING);
            for tally in &tallies {
                println!("{}", tally.row());
            }
            println!(
                "\nNothing came out otherwise than expected, in {:.0} s.",
                started.elapsed().as_secs_f64()
            );
            println!("{} passed, 0 failed", tallies.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!(
                "\nIt came out otherwise than expected (seed {}): {error:#}",
                wanted.seed
            );
            println!("0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

/// What to do.
struct Wanted {
    kills: usize,
    seed: u64,
}

impl Wanted {
    fn read() -> Result<Self> {
        let mut wanted = Self {
            kills: KILLS[0],
            seed: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)?
                .as_secs(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--short" => wanted.kills = KILLS[1],
                "--seed" => wanted.seed = arguments.next().context("--seed names a number")?.parse()?,
                other => bail!("{other} is not known"),
            }
        }
        Ok(wanted)
    }
}

/// Numbers that are the same for the same seed (Marsaglia's xorshift): nothing secret comes of them.
struct Instants(u64);

impl Instants {
    /// An instant within a span.
    fn within(&mut self, span: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.0 % micros)
    }
}

async fn torture(wanted: &Wanted) -> Result<Vec<Tally>> {
    let mut tallies = Vec::new();
    for grace in [GRACE, 0] {
        let mut tally = None;
        journey("torture", async |desktop| {
            let scene = Scene::set(desktop, grace).await?;
            tally = Some(scene.kill(wanted).await?);
            Ok(())
        })
        .await?;
        tallies.push(tally.context("a tally")?);
    }
    Ok(tallies)
}

/// When a process is killed.
enum Aim {
    /// So long after it was started.
    At(Duration),
    /// So long after the provider has answered a renewal, be it this process's or another's.
    AfterAnAnswer(Duration),
}

/// A renewal that was granted.
fn is_renewal(entry: &Entry) -> bool {
    entry.endpoint == Endpoint::Token
        && entry.grant_type.as_deref() == Some("refresh_token")
        && entry.outcome.as_ref().is_some_and(Outcome::is_success)
}

/// What became of it.
struct Tally {
    grace: i64,
    kills: usize,
    /// How many were killed before they had ended by themselves.
    in_time: usize,
    renewals: usize,
    lost: usize,
}

impl Tally {
    const HEADING: &'static str = "provider              kills  in time  renewals  lost  expected";

    fn row(&self) -> String {
        let (provider, expected) = if self.grace > 0 {
            (format!("forgives for {} s", self.grace), "none lost")
        } else {
            ("forgives nothing".to_owned(), "lost only as maybe rotated")
        };
        format!(
            "{provider:<20}  {:>5}  {:>7}  {:>8}  {:>4}  {expected}",
            self.kills, self.in_time, self.renewals, self.lost
        )
    }
}

/// A provider, and an account that the terminal is signed in to.
struct Scene<'a> {
    desktop: &'a Desktop,
    terminal: Terminal<'a>,
    tessera: PathBuf,
    sandbox: Sandbox,
    grace: i64,
}

impl<'a> Scene<'a> {
    async fn set(desktop: &'a Desktop, grace: i64) -> Result<Self> {
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
            terminal: Terminal::open(desktop)?,
            tessera: tools::built("tessera")?,
            sandbox,
            grace,
        };
        scene.sign_in().await?;
        Ok(scene)
    }

    async fn sign_in(&self) -> Result<()> {
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
    async fn renew(&self) -> Result<Ended> {
        self.terminal.run(&["token", "ann@example.test", "--json"]).await
    }

    async fn kill(&self, wanted: &Wanted) -> Result<Tally> {
        let mut instants = Instants(wanted.seed | 1);
        let mut longest = Duration::ZERO;
        for _ in 0..3 {
            let began = Instant::now();
            let ended = self.renew().await?;
            ensure!(ended.code == Some(0), "{ended:?}");
            longest = longest.max(began.elapsed());
        }
        let mut tally = Tally {
            grace: self.grace,
            kills: 0,
            in_time: 0,
            renewals: 0,
            lost: 0,
        };
        while tally.kills < wanted.kills {
            self.sandbox.log().clear();
            // Two at once, one of which often waits for the other. Every other time one of them is killed just after the
            // provider has answered, where the most can be lost.
            let first = if tally.kills.is_multiple_of(4) {
                Aim::At(instants.within(longest * 2))
            } else {
                Aim::AfterAnAnswer(instants.within(SAVING))
            };
            let second = Aim::At(instants.within(longest * 2));
            let (first, second) = tokio::join!(self.kill_at(first), self.kill_at(second));
            tally.kills += 2;
            tally.in_time += usize::from(first?) + usize::from(second?);
            let answered = self.answered();
            self.store_is_sound()?;

            let ended = self.renew().await?;
            match ended.code {
                Some(0) => {}
                Some(NEEDS_SIGN_IN) => {
                    self.is_lost_for_a_reason(answered, &ended).await?;
                    tally.lost += 1;
                    self.no_secret_is_outside()?;
                    self.sign_in().await?;
                }
                _ => bail!("after {} kills: {ended:?}", tally.kills),
            }
            tally.renewals += self.answered();
        }
        self.no_secret_is_outside()?;
        Ok(tally)
    }

    /// Starts a renewal and kills it at this instant. Says whether it had not ended before.
    async fn kill_at(&self, aim: Aim) -> Result<bool> {
        let mut command = self.desktop.command(&self.tessera);
        command
            .args(["token", "ann@example.test", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = Command::from(command).kill_on_drop(true).spawn()?;
        let instant = async {
            match aim {
                Aim::At(instant) => tokio::time::sleep(instant).await,
                Aim::AfterAnAnswer(pause) => {
                    // None comes when both were killed before.
                    let _ = self.sandbox.log().wait_for(is_renewal).await;
                    tokio::time::sleep(pause).await;
                }
            }
        };
        let in_time = tokio::select! {
            ended = child.wait() => { ended?; false }
            () = instant => true,
        };
        // SIGKILL: nothing of the program runs any more.
        child.kill().await?;
        Ok(in_time)
    }

    /// How many renewals the provider has granted since the log was cleared.
    fn answered(&self) -> usize {
        self.sandbox.log().matching(is_renewal).len()
    }

    async fn is_lost_for_a_reason(&self, answered: usize, ended: &Ended) -> Result<()> {
        ensure!(
            self.grace == 0,
            "an account was lost that could be saved: {ended:?}"
        );
        let accounts = self.terminal.json(&["accounts", "--json"]).await?;
        let account = accounts.first().context("the account is still listed")?;
        ensure!(account["need"] == "maybe_rotated", "{account}");
        ensure!(
            answered > 0,
            "the provider had answered nobody who was killed: {account}"
        );
        let asked = self.sandbox.log().token_requests("refresh_token");
        let again = self.renew().await?;
        ensure!(again.code == Some(NEEDS_SIGN_IN), "{again:?}");
        let asked_again = self.sandbox.log().token_requests("refresh_token");
        ensure!(asked == asked_again, "a token that was refused was sent again");
        Ok(())
    }

    fn store_is_sound(&self) -> Result<()> {
        let file = self.desktop.tessera().join("tessera.db");
        let store = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let told: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        ensure!(told == "ok", "the store: {told}");
        Ok(())
    }

    /// What the keyring holds is nowhere in the data folder.
    fn no_secret_is_outside(&self) -> Result<()> {
        let mut secrets = Secrets::default();
        for entry in keyring::entries(self.desktop)? {
            let long = entry.secrets().into_iter().filter(|secret| secret.len() >= 16);
            secrets.add(long)?;
        }
        ensure!(!secrets.is_empty(), "the keyring holds nothing");
        secrets.hunt(&Places {
            folders: vec![self.desktop.tessera()],
            ..Places::default()
        })
    }
}
