//! Renewals that are killed.
//!
//! Two processes of the built `tessera` renew one account's tokens at the same time, at a provider that replaces its
//! refresh tokens; each is killed at a random instant. Then a third one is asked for a token and left alone. Where the
//! provider forgives a token that comes back within a while, the account must be well every time. Where it does not, the
//! account may be lost, but only with the reason *maybe rotated*, and only when the provider had answered a process that
//! was killed; and nobody asks again.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use lab::journey;
use lab::terminal::Ended;
use tessera_sandbox::log::{Endpoint, Entry, Outcome};
use tokio::process::Command;

use crate::Wanted;
use crate::scene::Scene;

/// About how long it takes until a token that was answered is in the keyring.
const SAVING: Duration = Duration::from_millis(20);

/// Seconds in which a forgiving provider takes a refresh token again.
const GRACE: i64 = 30;

/// What `tessera` ends with when a new sign-in is needed (docs/cli.md).
const NEEDS_SIGN_IN: i32 = 7;

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

/// Kills for each kind of provider.
pub(crate) async fn all(wanted: &Wanted) -> Result<Vec<Tally>> {
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
pub(crate) struct Tally {
    grace: i64,
    kills: usize,
    /// How many were killed before they had ended by themselves.
    in_time: usize,
    renewals: usize,
    lost: usize,
}

impl Tally {
    pub(crate) const HEADING: &'static str = "provider              kills  in time  renewals  lost  expected";

    pub(crate) fn row(&self) -> String {
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

impl Scene<'_> {
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
        let account = self.account().await?;
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
}
