//! The way to a provider, and its time against this computer's: one request for both.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use tessera_oidc::Issuer;
use tessera_oidc::discovery;
use tessera_oidc::message::Request;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::problem::apart;
use super::{CHECK_PATIENCE, CheckUpError, Finding, Repair, Standing};
use crate::account::Account;
use crate::client::Client;
use crate::error::Error;
use crate::ports::{HttpError, Limits};
use crate::provider::{Provider, ProviderId};

/// How many providers are tried at most, all at once: more would be in each other's way, and none answer in time.
const MOST: usize = 12;

/// How long the list of accounts is waited for: without it, the providers are tried in their own order.
const ACCOUNTS: Duration = Duration::from_millis(300);

/// Seconds that two clocks may differ without a word, for an answer is on its way for a while.
const AGREEING: u64 = 60;

/// Seconds that two clocks may differ at all: what the check of an ID token allows for.
const TOLERATED: u64 = 5 * 60;

/// Whom to ask.
struct Asked {
    provider: ProviderId,
    name: String,
    issuer: Issuer,
    /// Whether it describes itself, as GitHub does not.
    described: bool,
}

impl Client {
    /// The providers with which a sign-in could begin.
    pub(super) fn ready_providers(&self) -> Vec<Provider> {
        let mut ready = self.providers();
        ready.retain(|provider| self.readiness(provider).is_none());
        ready
    }

    /// Asks providers: those with an account first, then the others that are ready.
    pub(super) async fn try_providers(&self, until: Instant) -> Vec<Finding> {
        let accounts = timeout(ACCOUNTS, self.inner().store.accounts()).await;
        // What is wrong with the store is told by its own check.
        let accounts = accounts.ok().and_then(Result::ok).unwrap_or_default();
        let mut asked = self.whom_to_ask(&accounts);
        let left = asked.split_off(asked.len().min(MOST));
        let found = join_all(asked.iter().map(|asked| self.try_provider(asked, until))).await;
        let mut found: Vec<Finding> = found.into_iter().flatten().collect();
        if asked.is_empty() {
            let sentence = "This computer's clock was compared with none: no provider is set up yet.";
            found.push(unseen("clock", sentence.to_owned()));
        }
        if !left.is_empty() {
            let names: Vec<&str> = left.iter().map(|left| left.name.as_str()).collect();
            let sentence = format!(
                "Not looked at, because a check-up asks {MOST} providers at most: {}.",
                names.join(", ")
            );
            found.push(unseen("providers_left", sentence));
        }
        found
    }

    fn whom_to_ask(&self, accounts: &[Account]) -> Vec<Asked> {
        let of = |provider: Provider| Asked {
            described: provider.kind.is_openid(),
            provider: provider.id,
            name: provider.name,
            issuer: provider.issuer,
        };
        let has_account =
            |provider: &Provider| accounts.iter().any(|account| account.provider == provider.id);
        let (with, without): (Vec<_>, Vec<_>) = self.ready_providers().into_iter().partition(has_account);
        // A provider that was named for one sign-in only is known by its account alone.
        let named_once = accounts
            .iter()
            .filter(|account| account.kind != "github" && self.provider(&account.provider).is_err())
            .map(|account| Asked {
                provider: account.provider.clone(),
                name: account.provider_name.clone(),
                issuer: account.issuer.clone(),
                described: true,
            });
        let mut asked: Vec<Asked> = with.into_iter().map(of).collect();
        for other in named_once.chain(without.into_iter().map(of)) {
            if asked.iter().all(|one| one.issuer != other.issuer) {
                asked.push(other);
            }
        }
        asked
    }

    /// Whether its description comes, by what way, and what time it is there.
    async fn try_provider(&self, asked: &Asked, until: Instant) -> Vec<Finding> {
        let mut request = discovery::discovery_request(&asked.issuer);
        if !asked.described {
            request.url = asked.issuer.url().clone();
            request.method = Method::HEAD;
        }
        let url = request.url.clone();
        let http = &self.inner().ports.http;
        let by = match http.proxy(&url) {
            Some(proxy) => format!("by the proxy {proxy}"),
            None => "without a proxy".to_owned(),
        };
        let (reached, ahead) = self.ask_provider(asked, request, until).await;
        let reached = reached.map(|()| format!("{} answers at {}, {by}.", asked.name, place(&url)));
        let mut reached = Finding::of("provider", reached)
            .repaired_by(|problem| {
                // What may be wrong with the address that a person entered.
                matches!(
                    problem,
                    Error::Discovery(_) | Error::Http(HttpError::Unreachable { .. })
                )
                .then(|| Repair::ProviderSettings(asked.provider.clone()))
            })
            .about(&asked.provider);
        if reached.problem.is_some() {
            reached.sentence = format!("{}: {} It was asked {by}.", asked.name, reached.sentence);
        }
        let clock = match ahead {
            Ok(ahead) => self.clock_told(ahead, asked),
            Err(why) => {
                let name = &asked.name;
                let sentence =
                    format!("This computer's clock could not be compared with that of {name}, which {why}.");
                unseen("clock", sentence).about(&asked.provider)
            }
        };
        vec![reached, clock]
    }

    /// Whether it answered as it should, and the seconds that this computer's clock is ahead of its own; why they are not
    /// known, as the end of a sentence.
    async fn ask_provider(
        &self,
        asked: &Asked,
        request: Request,
        until: Instant,
    ) -> (Result<(), Error>, Result<i64, &'static str>) {
        let limits = Limits {
            time: CHECK_PATIENCE,
            ..Limits::PROTOCOL
        };
        let late = HttpError::TimedOut(place(&request.url));
        let sent = timeout_at(until, self.inner().ports.http.send(request, limits)).await;
        match sent.unwrap_or(Err(late)) {
            Err(error) => (Err(error.into()), Err("did not answer")),
            Ok(response) => {
                let read = if asked.described {
                    discovery::parse_metadata(&asked.issuer, &response).map(drop)
                } else {
                    Ok(())
                };
                let ahead = match (&read, response.date()) {
                    // Whoever answers in the provider's place says nothing of its time.
                    (Err(_), _) => Err("gave no answer that can be relied on"),
                    (Ok(()), None) => Err("does not say what time it has"),
                    (Ok(()), Some(date)) => Ok(self.now().since(date)),
                };
                (read.map_err(Error::from), ahead)
            }
        }
    }

    fn clock_told(&self, ahead: i64, asked: &Asked) -> Finding {
        let name = &asked.name;
        let found = match ahead.unsigned_abs() {
            0 => Ok(format!("This computer's clock and that of {name} agree.")),
            1..=TOLERATED => Ok(format!(
                "This computer's clock is {} that of {name}; up to five minutes are allowed for.",
                apart(ahead)
            )),
            _ => Err(CheckUpError::ClockDiffers {
                ahead,
                name: name.clone(),
            }
            .into()),
        };
        let mut finding = Finding::of("clock", found)
            .repaired_by(|_| self.inner().ports.desktop.set_clock().map(Repair::Command))
            .about(&asked.provider);
        if finding.standing == Standing::Ok && ahead.unsigned_abs() > AGREEING {
            finding.standing = Standing::Tolerated;
        }
        finding
    }
}

/// What was not looked at, which is no fault of anything.
fn unseen(check: &'static str, sentence: String) -> Finding {
    Finding {
        standing: Standing::Tolerated,
        ..Finding::of(check, Ok(sentence))
    }
}

/// Host, and port where the address names one.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
