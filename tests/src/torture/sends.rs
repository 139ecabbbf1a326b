//! What the provider's log says of the refresh tokens that were sent: each once, and again only when the process that
//! had sent it was killed before anybody heard what came of it.
//!
//! A token that this app sends twice by itself ends the sign-in at a strict provider exactly as a kill does. Only the
//! log can tell the two apart.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use tessera_sandbox::Fingerprint;
use tessera_sandbox::log::{Endpoint, Entry, Outcome};

/// A process that was killed before it had ended.
#[derive(Clone, Debug)]
pub(crate) struct Killed {
    /// The ends of its connections.
    pub(crate) connections: HashSet<SocketAddr>,
    /// The number of the last request that had come when it was stopped: what it sent itself may come a moment later,
    /// what others send because it is gone comes later.
    pub(crate) stopped_after: u64,
}

/// Everything that was sent in a run.
#[derive(Default)]
pub(crate) struct Sends {
    /// The last to have sent each token, unless it was killed: nobody may send it after that.
    settled: HashSet<Fingerprint>,
    /// How often a token was sent, by token.
    times: HashMap<Fingerprint, usize>,
    /// The families that were ended because a token came back.
    ended: HashSet<Fingerprint>,
}

/// What a round came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Round {
    /// Renewals that were granted.
    pub(crate) granted: usize,
    /// Whether the sign-in was ended, because the token of a process that was killed was tried once more.
    pub(crate) lost: bool,
}

/// A refresh token that was sent.
pub(crate) fn is_renewal(entry: &Entry) -> bool {
    entry.endpoint == Endpoint::Token && entry.grant_type.as_deref() == Some("refresh_token")
}

/// A renewal that was granted.
pub(crate) fn is_granted(entry: &Entry) -> bool {
    is_renewal(entry) && entry.outcome.as_ref().is_some_and(Outcome::is_success)
}

impl Sends {
    /// Judges the log of a round in which these were killed, and everybody else went on to the end.
    ///
    /// # Errors
    /// What should not have been sent.
    pub(crate) fn judge(&mut self, log: &[Entry], killed: &[Killed]) -> Result<Round> {
        let mut latest: HashMap<Fingerprint, &Entry> = HashMap::new();
        let mut lost = false;
        for entry in log.iter().filter(|entry| is_renewal(entry)) {
            let token = entry.credential.context("a renewal without a refresh token")?;
            let family = entry
                .family
                .context("a refresh token that was never handed out was sent")?;
            *self.times.entry(token).or_default() += 1;
            ensure!(
                !self.settled.contains(&token),
                "a refresh token was sent again whose sender had lived to hear what came of it: {entry:?}"
            );
            let before = latest.insert(token, entry);
            if let Some(before) = before {
                let sender = killed
                    .iter()
                    .find(|killed| killed.has_sent(before))
                    .with_context(|| {
                        format!("a refresh token was sent twice, and nobody was killed in between: {before:?}, {entry:?}")
                    })?;
                ensure!(
                    !sender.has_sent(entry),
                    "one process sent a refresh token twice: {before:?}, {entry:?}"
                );
                ensure!(
                    sender.stopped_after < entry.number,
                    "two processes that lived sent the same refresh token: {before:?}, {entry:?}"
                );
            }
            if entry.outcome.as_ref().is_some_and(|outcome| outcome.ended_family) {
                ensure!(
                    before.is_some(),
                    "a family was ended by a token that nobody had sent in this round: {entry:?}"
                );
                ensure!(self.ended.insert(family), "a family was ended twice: {entry:?}");
                lost = true;
            }
        }
        for (token, entry) in latest {
            if !killed.iter().any(|killed| killed.has_sent(entry)) {
                self.settled.insert(token);
            }
        }
        Ok(Round {
            granted: log.iter().filter(|entry| is_granted(entry)).count(),
            lost,
        })
    }

    /// How many tokens were sent exactly so often.
    pub(crate) fn sent(&self, times: usize) -> usize {
        self.times.values().filter(|sent| **sent == times).count()
    }

    /// How many families were ended because a token came back.
    pub(crate) fn ended(&self) -> usize {
        self.ended.len()
    }
}

impl Killed {
    fn has_sent(&self, entry: &Entry) -> bool {
        entry.from.is_some_and(|from| self.connections.contains(&from))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;
    use reqwest::Method;
    use tessera_sandbox::Dialect;

    /// A renewal by the process `from` with this token.
    fn sent(number: u64, from: u16, token: &str, outcome: Option<bool>) -> Entry {
        Entry {
            number,
            at: 0,
            from: Some(place(from)),
            dialect: Dialect::Standard,
            endpoint: Endpoint::Token,
            method: Method::POST,
            path: "/token".to_owned(),
            client: None,
            scheme: None,
            with_proof: false,
            parameters: Vec::new(),
            grant_type: Some("refresh_token".to_owned()),
            credential: Some(Fingerprint::of(token)),
            family: Some(Fingerprint::of("family")),
            outcome: outcome.map(|granted| Outcome {
                status: if granted { 200 } else { 400 },
                error: (!granted).then(|| "invalid_grant".to_owned()),
                ended_family: !granted,
                faults: Vec::new(),
            }),
        }
    }

    fn place(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn killed(port: u16, stopped_after: u64) -> Killed {
        Killed {
            connections: HashSet::from([place(port)]),
            stopped_after,
        }
    }

    fn check(log: &[Entry], killed: &[Killed], expected: Result<Round, &str>) {
        match (Sends::default().judge(log, killed), expected) {
            (Ok(round), Ok(expected)) => assert_eq!(round, expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (seen, expected) => panic!("{seen:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_token_is_sent_again_only_for_one_that_was_killed() {
        let round = |granted, lost| Ok(Round { granted, lost });
        let granted = Some(true);
        check(
            &[sent(1, 1, "a", granted), sent(2, 1, "b", granted)],
            &[],
            round(2, false),
        );
        let again = [sent(1, 1, "a", granted), sent(2, 2, "a", granted)];
        check(&again, &[killed(1, 1)], round(2, false));
        check(
            &[sent(1, 1, "a", None), sent(2, 2, "a", granted)],
            &[killed(1, 1)],
            round(1, false),
        );
        check(&again, &[], Err("nobody was killed"));
        check(&again, &[killed(2, 2)], Err("nobody was killed"));
        check(&again, &[killed(1, 2)], Err("two processes that lived"));
        let by_one = [sent(1, 1, "a", granted), sent(2, 1, "a", granted)];
        check(&by_one, &[killed(1, 1)], Err("one process"));
        // The second was killed as well.
        let thrice = [again[0].clone(), again[1].clone(), sent(3, 3, "a", granted)];
        check(&thrice, &[killed(1, 1), killed(2, 2)], round(3, false));
        check(&thrice, &[killed(1, 1)], Err("nobody was killed"));
    }

    #[test]
    fn a_loss_comes_of_a_kill_and_ends_a_family_once() {
        let lost = [sent(1, 1, "a", Some(true)), sent(2, 2, "a", Some(false))];
        check(
            &lost,
            &[killed(1, 1)],
            Ok(Round {
                granted: 1,
                lost: true,
            }),
        );
        check(&lost, &[], Err("nobody was killed"));
        let twice = [
            lost[0].clone(),
            lost[1].clone(),
            sent(3, 3, "b", Some(true)),
            sent(4, 4, "b", Some(false)),
        ];
        check(&twice, &[killed(1, 1), killed(3, 3)], Err("ended twice"));
        check(&lost[1..], &[], Err("that nobody had sent"));
    }

    #[test]
    fn what_was_heard_is_not_sent_in_a_later_round() {
        let mut sends = Sends::default();
        sends.judge(&[sent(1, 1, "a", Some(true))], &[]).unwrap();
        let error = sends.judge(&[sent(2, 2, "a", Some(true))], &[]).unwrap_err();
        assert!(error.to_string().contains("had lived to hear"), "{error}");
        assert_eq!((sends.sent(1), sends.sent(2), sends.ended()), (0, 1, 0));
    }
}
