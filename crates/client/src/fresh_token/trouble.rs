//! What a failure that passes says about an account: whether the provider was reached at all, and when it is tried
//! again. Nothing here ends a session.

use tessera_oidc::UnixTime;
use tessera_oidc::discovery::DiscoveryError;
use tessera_oidc::key_set::KeySetError;
use tessera_oidc::token::TokenError;

use crate::account::{AccountState, NextTry};
use crate::error::Error;
use crate::ports::HttpError;

/// The first pause before a provider is tried again, in seconds; each further one is twice as long.
const FIRST_PAUSE: i64 = 15;

/// The longest pause that is not named by the provider, in seconds.
const LONGEST_PAUSE: i64 = 15 * 60;

/// After so many failures without a network (about ten minutes) it is not looked for so often any more.
const OFFLINE_SOON: u32 = 75;

/// The state of an account after such a failure. `failures` counts those that came before it without a success between.
pub(super) fn state(error: &Error, failures: u32, now: UnixTime) -> AccountState {
    let reason = error.message();
    if is_network(error) {
        return AccountState::Offline { since: now, reason };
    }
    AccountState::ProviderUnavailable {
        since: now,
        next_try: next_try(error, failures, now),
        reason,
    }
}

/// When to try again by oneself.
pub(crate) fn next_try(error: &Error, failures: u32, now: UnixTime) -> NextTry {
    if let Some(seconds) = retry_after(error) {
        let seconds = i64::try_from(seconds).unwrap_or(NextTry::LONGEST);
        return NextTry {
            at: now.plus(seconds.min(NextTry::LONGEST)),
            named: true,
        };
    }
    NextTry {
        at: now.plus(pause(failures)),
        named: false,
    }
}

/// How long to wait by oneself before a provider that was reached is tried again, in seconds.
pub(super) fn pause(failures: u32) -> i64 {
    FIRST_PAUSE
        .saturating_mul(1 << failures.min(10))
        .min(LONGEST_PAUSE)
}

/// The same for one that was not reached: that costs nobody anything, and where a network comes back behind a router,
/// nobody tells it here.
pub(super) fn offline_pause(failures: u32) -> i64 {
    match failures {
        0 => 2,
        1 => 4,
        2..OFFLINE_SOON => 8,
        _ => 60,
    }
}

fn retry_after(error: &Error) -> Option<u64> {
    match error {
        Error::Token(error) => error.retry_after(),
        Error::Revocation(error) => error.retry_after(),
        Error::Discovery(DiscoveryError::Status { retry_after, .. }) => *retry_after,
        _ => None,
    }
}

/// Whether the provider itself was not reached: no connection, or a network that answers in its place, as those do that
/// want people to sign in to them first.
fn is_network(error: &Error) -> bool {
    let redirects = |status: u16| (300..400).contains(&status);
    match error {
        Error::Http(_) | Error::KeySet(KeySetError::WebPage) => true,
        Error::Token(TokenError::NotJson { html }) | Error::Discovery(DiscoveryError::NotJson { html }) => {
            *html
        }
        Error::Token(TokenError::Status { status, html, .. }) => {
            redirects(*status) || (*html && *status < 500)
        }
        Error::Discovery(DiscoveryError::Status { status, .. }) => redirects(*status),
        _ => false,
    }
}

/// Whether it is certain that the provider did not get the refresh token, or did not use it up.
pub(super) fn left_unspent(error: &Error) -> bool {
    match error {
        Error::Http(HttpError::Unreachable { .. } | HttpError::Insecure(_) | HttpError::Tls { .. }) => true,
        // An error response says that nothing was granted (RFC 6749 section 5.2); one of a server that is not well
        // may come from in front of it.
        Error::Token(error @ TokenError::Refused(_)) => !error.is_passing(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_left_alone_for_as_long_as_it_said_and_no_longer_for_a_wrong_clock() {
        let next = |at, named| NextTry {
            at: UnixTime(at),
            named,
        };
        let now = UnixTime(1_000);
        assert_eq!(next(1_050, true).wait(now), Some(50));
        assert_eq!(
            next(1_000 + NextTry::LONGEST, true).wait(now),
            Some(NextTry::LONGEST)
        );
        assert_eq!(next(1_001 + NextTry::LONGEST, true).wait(now), None);
        assert_eq!(next(1_000, true).wait(now), None);
        assert_eq!(next(1_050, false).wait(now), None);
    }
}
