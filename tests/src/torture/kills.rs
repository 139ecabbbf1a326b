//! Renewals that are killed.
//!
//! Two processes of the built `tessera` renew one account's tokens at the same time, at a provider that replaces its
//! refresh tokens; each is killed at a random instant. Then a third one is asked for a token and left alone. Where the
//! provider forgives a token that comes back within a while, the account must be well every time. Where it does not,
//! the account may be lost, but only with the reason *maybe rotated*, and only when a process was killed that had been
//! answered; and nobody asks again. The provider's log shows each time that no refresh token was sent but once, and
//! again only in place of a process that was killed.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use lab::desktop::journey_within;
use lab::keyring;
use lab::processes::Process;
use lab::terminal::Ended;
use rustix::process::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::plan::{Aim, Plan};
use crate::scene::Scene;
use crate::sends::{Killed, Round, Sends, is_granted, is_renewal};
use crate::victim::Stopped;
use crate::{LIMIT, Wanted};

/// Seconds in which a forgiving provider takes a refresh token again.
const GRACE: i64 = 30;

/// Among how many kills the keyring's own program may break off once, beside two that chance may bring together.
const BROKEN_KEYRINGS: usize = 50;

/// What `tessera` ends with when a new sign-in is needed (docs/cli.md).
const NEEDS_SIGN_IN: i32 = 7;

/// Kills for each kind of provider.
pub(crate) async fn all(wanted: &Wanted) -> Result<Vec<Tally>> {
    let mut tallies = Vec::new();
    for grace in [GRACE, 0] {
        let mut tally = None;
        journey_within("torture", LIMIT, async |desktop| {
            let scene = Scene::set(desktop, grace).await?;
            tally = Some(scene.kill(wanted, grace).await?);
            Ok(())
        })
        .await?;
        tallies.push(tally.context("a tally")?);
    }
    Ok(tallies)
}

/// What became of it.
#[derive(Default)]
pub(crate) struct Tally {
    grace: i64,
    /// How many were to be killed.
    kills: usize,
    /// How many of them had not ended by themselves before.
    in_time: usize,
    renewals: usize,
    /// Refresh tokens that were sent once more, and twice more.
    again: [usize; 2],
    ended: usize,
    lost: usize,
    /// How often the keyring's own program broke off. Such a round is looked through, and not counted.
    broken_keyrings: usize,
}

impl Tally {
    pub(crate) const HEADING: &'static str = "provider              kills  in time  renewals  sent twice  thrice  ended  lost  keyring broke  expected";

    pub(crate) fn row(&self) -> String {
        let (provider, expected) = if self.grace > 0 {
            (format!("forgives for {} s", self.grace), "none lost")
        } else {
            ("forgives nothing".to_owned(), "lost only as maybe rotated")
        };
        let [twice, thrice] = self.again;
        format!(
            "{provider:<20}  {:>5}  {:>7}  {:>8}  {twice:>10}  {thrice:>6}  {:>5}  {:>4}  {:>13}  {expected}",
            self.kills, self.in_time, self.renewals, self.ended, self.lost, self.broken_keyrings
        )
    }
}

impl Scene<'_> {
    async fn kill(&self, wanted: &Wanted, grace: i64) -> Result<Tally> {
        let mut plan = Plan::of(wanted.seed);
        let mut sends = Sends::default();
        let mut keyring = keyring::process(self.desktop)?;
        let mut tally = Tally {
            grace,
            ..Tally::default()
        };
        // Whoever had ended before was not killed.
        while tally.in_time < wanted.kills {
            self.sandbox.log().clear();
            let aims = plan.next_round();
            // Two at once, one of which often waits for the other.
            let (first, second) = tokio::join!(self.kill_at(aims[0]), self.kill_at(aims[1]));
            let victims: Vec<Victim> = [first?, second?].into_iter().flatten().collect();
            let in_time = victims.len();
            let (killed, were): (Vec<Killed>, Vec<Process>) = victims
                .into_iter()
                .map(|victim| (victim.killed, victim.was))
                .unzip();
            let keyring_after = keyring::process(self.desktop).ok();
            if keyring_after.as_ref() != Some(&keyring) {
                // GNOME Keyring breaks off when a process is gone whose session it is about to open. What came of the
                // other one without a keyring is not the kill's; what was sent, and what was left about, is.
                tally.broken_keyrings += 1;
                ensure!(
                    tally.broken_keyrings <= 2 + tally.kills / BROKEN_KEYRINGS,
                    "the keyring breaks off too often for chance: {} times in {} kills",
                    tally.broken_keyrings,
                    tally.kills
                );
                sends
                    .judge(&self.sandbox.log().entries(), &killed)
                    .with_context(|| format!("a round whose keyring broke, {aims:?}"))?;
                self.desktop.end_keyring().await?;
                self.desktop.start_keyring()?;
                keyring = keyring::process(self.desktop)?;
                self.store_is_sound()?;
                self.search_in(&self.desktop.tessera(), were)?;
                self.sign_in().await?;
                continue;
            }
            tally.kills += 2;
            tally.in_time += in_time;
            self.store_is_sound()?;
            let ended = self.renew().await?;
            let round = sends.judge(&self.sandbox.log().entries(), &killed);
            let round = round.with_context(|| format!("round {}, {aims:?}", tally.kills / 2))?;
            self.ended_as_it_may(&ended, &round, grace)
                .await
                .with_context(|| format!("round {}, {aims:?}: {round:?}", tally.kills / 2))?;
            tally.renewals += round.granted;
            self.search_in(&self.desktop.tessera(), were)?;
            if round.lost {
                tally.lost += 1;
                self.sign_in().await?;
            }
        }
        tally.again = [sends.sent(2), sends.sent(3)];
        tally.ended = sends.ended();
        Ok(tally)
    }

    /// Starts a renewal and kills it when the aim says so. `None` if it had ended before.
    async fn kill_at(&self, aim: Aim) -> Result<Option<Victim>> {
        let mut command = self.desktop.command(&self.tessera);
        command
            .args(["token", "ann@example.test", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = Command::from(command).kill_on_drop(true).spawn()?;
        let log = self.sandbox.log();
        let instant = async {
            // What is waited for does not come when the other one was killed before, or has done it alone.
            let pause = match aim {
                Aim::Started(pause) => pause,
                Aim::Asked(times, pause) => {
                    let _ = log.wait_for_count(times, is_renewal).await;
                    pause
                }
                Aim::Answered(times, pause) => {
                    let _ = log.wait_for_count(times, is_granted).await;
                    pause
                }
            };
            tokio::time::sleep(pause).await;
        };
        let ended = tokio::select! {
            ended = child.wait() => { ended?; true }
            () = instant => false,
        };
        let stopped = match child.id() {
            Some(pid) if !ended => Stopped::stop(pid)?,
            _ => None,
        };
        let stopped_after = log.newest();
        // SIGKILL: nothing of the program runs any more.
        child.kill().await?;
        let killed = child.wait().await?.signal() == Some(Signal::KILL.as_raw());
        let mut notes = Vec::new();
        let mut stderr = child.stderr.take().context("standard error is piped")?;
        stderr.read_to_end(&mut notes).await?;
        self.notes.add(notes);
        Ok(stopped.filter(|_| killed).map(|stopped| Victim {
            killed: Killed {
                connections: stopped.connections,
                stopped_after,
            },
            was: stopped.process,
        }))
    }

    /// What the third process came to fits what the provider did in the round.
    async fn ended_as_it_may(&self, ended: &Ended, round: &Round, grace: i64) -> Result<()> {
        match ended.code {
            Some(0) => ensure!(
                !round.lost,
                "the provider has ended a sign-in that is said to be well"
            ),
            Some(NEEDS_SIGN_IN) => {
                ensure!(grace == 0, "an account was lost that could be saved: {ended:?}");
                let account = self.account().await?;
                ensure!(account["need"] == "maybe_rotated", "{account}");
                ensure!(round.lost, "the provider has not ended it: {account}");
                let sent = self.sent();
                let again = self.renew().await?;
                ensure!(again.code == Some(NEEDS_SIGN_IN), "{again:?}");
                ensure!(sent == self.sent(), "a token that was refused was sent again");
            }
            _ => bail!("{ended:?}"),
        }
        Ok(())
    }
}

/// A process that was killed before its end.
struct Victim {
    killed: Killed,
    was: Process,
}
