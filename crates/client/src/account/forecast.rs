//! When a new sign-in will be needed, as far as it can be known beforehand.

use tessera_oidc::UnixTime;

use super::{Account, AccountState, SignInNeed, Storage};

const DAY: i64 = 24 * 60 * 60;

/// How long after the sign-in Google ends those of apps in testing, in seconds: seven days, give or take half of one.
pub(crate) const TESTING_LIMIT: std::ops::Range<i64> = 7 * DAY - DAY / 2..8 * DAY;

/// A new sign-in that will be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// When, unless the provider extends it with a renewal before; `None` when it does not hang on the time.
    pub at: Option<UnixTime>,
    /// Why: one of [`SignInNeed::Expired`], [`SignInNeed::TestingLimit`], [`SignInNeed::NotRenewable`] and
    /// [`SignInNeed::UntilQuit`].
    pub why: SignInNeed,
    /// From when on a person is told without asking: a day before, where it lasts for more than two. Nobody wants to be
    /// told of an hour that is known to be one.
    pub notice_from: Option<UnixTime>,
}

impl Forecast {
    /// The seconds that are left, once a person is to be told of it without asking.
    pub fn left_when_due(&self, now: UnixTime) -> Option<i64> {
        let at = self.at?;
        self.notice_from
            .filter(|from| *from <= now)
            .map(|_| at.since(now))
    }
}

impl Account {
    /// Whether a sign-in that ends then ends because its app is in Google's testing.
    pub(crate) fn ends_with_testing(&self, at: UnixTime) -> bool {
        self.kind == "google" && TESTING_LIMIT.contains(&at.since(self.signed_in_at))
    }

    /// The new sign-in that will be needed, where one can be foreseen. Providers that renew a sign-in for as long as it
    /// is used tell of no end, and may end it nevertheless.
    pub fn forecast(&self) -> Option<Forecast> {
        if matches!(self.state, AccountState::NeedsSignIn { .. }) {
            return None;
        }
        if self.storage == Storage::UntilQuit {
            return Some(Forecast {
                at: None,
                why: SignInNeed::UntilQuit,
                notice_from: None,
            });
        }
        let (at, why) = if self.rotation == 0 {
            (self.access_expires_at?, SignInNeed::NotRenewable)
        } else {
            let at = self.refresh_expires_at?;
            let why = if self.ends_with_testing(at) {
                SignInNeed::TestingLimit
            } else {
                SignInNeed::Expired
            };
            (at, why)
        };
        let is_long = at.since(self.renewed_at) > 2 * DAY || at.since(self.signed_in_at) > 2 * DAY;
        Some(Forecast {
            at: Some(at),
            why,
            notice_from: is_long.then(|| UnixTime(at.0 - DAY)),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;
    use crate::testing;

    /// Signed in at 1,000; then changed.
    fn account(change: impl FnOnce(&mut Account)) -> Account {
        let mut account = testing::account("https://acme.example", "ann", &[]);
        change(&mut account);
        account
    }

    fn check(change: impl FnOnce(&mut Account), expected: Option<(Option<i64>, SignInNeed, Option<i64>)>) {
        let seen = account(change).forecast().map(|forecast| {
            let seconds = |at: Option<UnixTime>| at.map(|at| at.0);
            (seconds(forecast.at), forecast.why, seconds(forecast.notice_from))
        });
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_renewed_without_an_end_has_no_forecast() {
        check(|_| {}, None);
    }

    #[test]
    fn an_end_that_the_provider_tells_is_foreseen_and_noticed_a_day_before() {
        let lasting = |seconds| {
            move |account: &mut Account| account.refresh_expires_at = Some(UnixTime(1_000 + seconds))
        };
        let expired = SignInNeed::Expired;
        check(
            lasting(30 * DAY),
            Some((Some(1_000 + 30 * DAY), expired, Some(1_000 + 29 * DAY))),
        );
        let forecast = account(lasting(30 * DAY)).forecast().unwrap();
        assert_eq!(forecast.left_when_due(UnixTime(999 + 29 * DAY)), None);
        assert_eq!(forecast.left_when_due(UnixTime(1_010 + 29 * DAY)), Some(DAY - 10));
        check(lasting(2 * DAY), Some((Some(1_000 + 2 * DAY), expired, None)));
        // What is left of it after a renewal is less, and it was long all the same.
        let renewed = |account: &mut Account| {
            lasting(30 * DAY)(account);
            account.renewed_at = UnixTime(1_000 + 29 * DAY);
        };
        check(
            renewed,
            Some((Some(1_000 + 30 * DAY), expired, Some(1_000 + 29 * DAY))),
        );
    }

    #[test]
    fn the_week_of_an_app_in_testing_is_known_for_what_it_is() {
        let week = |kind: &'static str| {
            move |account: &mut Account| {
                account.kind = kind.to_owned();
                account.refresh_expires_at = Some(UnixTime(1_000 + 7 * DAY));
            }
        };
        let (at, notice) = (Some(1_000 + 7 * DAY), Some(1_000 + 6 * DAY));
        check(week("google"), Some((at, SignInNeed::TestingLimit, notice)));
        check(week("oidc"), Some((at, SignInNeed::Expired, notice)));
    }

    #[test]
    fn what_cannot_be_renewed_ends_with_its_access_token() {
        check(
            |account| account.rotation = 0,
            Some((Some(2_000), SignInNeed::NotRenewable, None)),
        );
        // An access token that does not end.
        check(
            |account| {
                account.rotation = 0;
                account.access_expires_at = None;
            },
            None,
        );
    }

    #[test]
    fn what_is_in_memory_ends_with_the_program() {
        check(
            |account| account.storage = Storage::UntilQuit,
            Some((None, SignInNeed::UntilQuit, None)),
        );
    }

    #[test]
    fn what_is_over_needs_no_forecast() {
        check(
            |account| {
                account.refresh_expires_at = Some(UnixTime(9_000));
                account.state = AccountState::NeedsSignIn {
                    need: SignInNeed::Revoked,
                    reason: String::new(),
                };
            },
            None,
        );
    }
}
