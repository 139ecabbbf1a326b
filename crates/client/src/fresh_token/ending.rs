//! Why a session is over: what the provider said, held against what is known of the account, and what a person is told
//! of it. Providers put the reason into words of their own (RFC 6749 section 5.2 has one code for all of them), so the
//! words are looked at; what is not understood is told as the provider told it.

use tessera_oidc::ErrorCode;
use tessera_oidc::UnixTime;
use tessera_oidc::token::{TokenError, TokenRefusal};

use crate::account::{Account, AccountState, SignInNeed};
use crate::error::{AccountError, Error};
use crate::store::Doubt;

const DAY: i64 = 24 * 60 * 60;

/// What providers call an unused refresh token too old by: Google six months, Microsoft Entra 90 days. Less than the
/// smaller is not taken for the reason.
const UNUSED: i64 = 90 * DAY;

/// What is in a provider's words, and what it means. The first that fits counts.
const WORDS: &[(&str, SignInNeed)] = &[
    // Microsoft Entra's numbers: learn.microsoft.com, "Error codes".
    ("aadsts50173", SignInNeed::PasswordChanged),
    ("aadsts700082", SignInNeed::Unused),
    ("aadsts70043", SignInNeed::Expired),
    ("aadsts700084", SignInNeed::Expired),
    ("aadsts65001", SignInNeed::PermissionWithdrawn),
    ("aadsts50076", SignInNeed::Interaction),
    ("aadsts50078", SignInNeed::Interaction),
    ("aadsts50079", SignInNeed::Interaction),
    ("password", SignInNeed::PasswordChanged),
    ("inactiv", SignInNeed::Unused),
    ("unused", SignInNeed::Unused),
    ("idle", SignInNeed::Unused),
    ("consent", SignInNeed::PermissionWithdrawn),
    ("expired or revoked", SignInNeed::Ended),
    ("revoked or expired", SignInNeed::Ended),
    ("revoked", SignInNeed::Revoked),
    ("expired", SignInNeed::Expired),
];

/// Why the provider's refusal ends the session.
pub(super) fn need(account: &Account, refusal: &TokenError, doubt: Doubt, now: UnixTime) -> SignInNeed {
    let TokenError::Refused(refusal) = refusal else {
        return SignInNeed::Ended;
    };
    match refusal.error {
        ErrorCode::ConsentRequired => return SignInNeed::PermissionWithdrawn,
        ErrorCode::InteractionRequired | ErrorCode::LoginRequired | ErrorCode::AccountSelectionRequired => {
            return SignInNeed::Interaction;
        }
        _ if doubt == Doubt::MaybeRotated => return SignInNeed::MaybeRotated,
        _ => {}
    }
    let said = in_words(refusal);
    let end = account.refresh_expires_at.filter(|at| *at <= now);
    match said {
        // What the provider says for certain counts more than what is likely.
        Some(need) if need != SignInNeed::Ended => need,
        // By the end that was told, however late it is met; or, where none was, by when it is met.
        _ if account.ends_with_testing(end.unwrap_or(now)) => SignInNeed::TestingLimit,
        _ if end.is_some() => SignInNeed::Expired,
        _ if now.since(account.renewed_at) >= UNUSED => SignInNeed::Unused,
        _ => SignInNeed::Ended,
    }
}

fn in_words(refusal: &TokenRefusal) -> Option<SignInNeed> {
    let words = refusal.description.as_deref()?.to_ascii_lowercase();
    WORDS
        .iter()
        .find(|(part, _)| words.contains(part))
        .map(|(_, need)| *need)
}

/// The state of an account that needs a new sign-in for this reason. `said` is what the provider told of it.
pub(crate) fn over(account: &Account, need: SignInNeed, said: Option<&str>) -> Over {
    let sentence = sentence(need, &account.provider_name);
    let reason = match said.filter(|words| !words.is_empty()) {
        Some(words) => format!("{sentence} It said: {words}"),
        None => sentence,
    };
    Over { need, reason }
}

/// The end of a session.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    need: SignInNeed,
    reason: String,
}

impl From<Over> for AccountState {
    fn from(Over { need, reason }: Over) -> Self {
        Self::NeedsSignIn { need, reason }
    }
}

impl From<Over> for Error {
    fn from(Over { need, reason }: Over) -> Self {
        AccountError::NeedsSignIn { need, reason }.into()
    }
}

/// What the provider said, where it said anything.
pub(super) fn said(refusal: &TokenError) -> Option<&str> {
    match refusal {
        TokenError::Refused(refusal) => refusal.description.as_deref(),
        _ => None,
    }
}

/// The error of an account that needs a new sign-in.
pub(super) fn error(state: &AccountState) -> Option<AccountError> {
    match state {
        AccountState::NeedsSignIn { need, reason } => Some(AccountError::NeedsSignIn {
            need: *need,
            reason: reason.clone(),
        }),
        _ => None,
    }
}

fn sentence(need: SignInNeed, provider: &str) -> String {
    match need {
        SignInNeed::Ended => format!("{provider} has ended this sign-in."),
        SignInNeed::Expired => format!("{provider} keeps a sign-in for a limited time, and that is over."),
        SignInNeed::Revoked => format!("This sign-in was ended at {provider}, by you or by whoever runs it."),
        SignInNeed::PasswordChanged => {
            format!("Your password at {provider} was changed, which ends sign-ins that were made before.")
        }
        SignInNeed::TestingLimit => format!(
            "{provider} ends a sign-in after seven days while the app that was registered there is in testing. Whoever registered it can publish it, and then it lasts."
        ),
        SignInNeed::Unused => {
            format!("This sign-in was not used for a long time, and {provider} has ended it for that.")
        }
        SignInNeed::PermissionWithdrawn => {
            format!("A permission that this sign-in needs was taken back at {provider}.")
        }
        SignInNeed::Interaction => format!("{provider} wants to see you again before this sign-in goes on."),
        SignInNeed::MaybeRotated => format!(
            "Tessera was interrupted while {provider} renewed this sign-in: the renewed one did not arrive, and the one before it is good no more."
        ),
        SignInNeed::OtherPerson => {
            "The provider renewed this sign-in for another account or app, so what it gave was thrown away."
                .to_owned()
        }
        SignInNeed::NotRenewable => {
            format!("This sign-in has run out, and {provider} gave nothing with which it could be renewed.")
        }
        SignInNeed::SecretsGone => {
            "What this sign-in could be renewed with is not in your keychain any more.".to_owned()
        }
        SignInNeed::UntilQuit => {
            "You chose to stay signed in only until Tessera quits, and nothing was kept after that."
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;
    use crate::testing::account;

    fn refused(error: &str, description: &str) -> TokenError {
        TokenError::Refused(TokenRefusal {
            error: ErrorCode::parse(error),
            description: Some(description.to_owned()),
            status: 400,
            interval: None,
            retry_after: None,
        })
    }

    #[test]
    fn the_reason_is_the_one_that_the_provider_gives_or_the_one_that_fits() {
        use SignInNeed::*;
        // error, description, doubt, kind, days since the sign-in, days since it was renewed, expected
        let rows = [
            ("invalid_grant", "", Doubt::None, "oidc", 1, 0, Ended),
            (
                "invalid_grant",
                "",
                Doubt::MaybeRotated,
                "oidc",
                1,
                0,
                MaybeRotated,
            ),
            (
                "bad_refresh_token",
                "",
                Doubt::MaybeRotated,
                "github",
                1,
                0,
                MaybeRotated,
            ),
            (
                "invalid_grant",
                "grant has been revoked",
                Doubt::None,
                "oidc",
                1,
                0,
                Revoked,
            ),
            (
                "invalid_grant",
                "refresh token is expired",
                Doubt::None,
                "oidc",
                1,
                0,
                Expired,
            ),
            (
                "invalid_grant",
                "Token has been expired or revoked.",
                Doubt::None,
                "google",
                7,
                0,
                TestingLimit,
            ),
            (
                "invalid_grant",
                "Token has been expired or revoked.",
                Doubt::None,
                "google",
                3,
                0,
                Ended,
            ),
            (
                "invalid_grant",
                "Token has been expired or revoked.",
                Doubt::None,
                "google",
                300,
                200,
                Unused,
            ),
            ("invalid_grant", "", Doubt::None, "oidc", 7, 0, Ended),
            ("invalid_grant", "", Doubt::None, "oidc", 100, 91, Unused),
            (
                "invalid_grant",
                "AADSTS50173: The provided grant has expired due to it being revoked.",
                Doubt::None,
                "oidc",
                1,
                0,
                PasswordChanged,
            ),
            (
                "invalid_grant",
                "AADSTS700082: The refresh token has expired due to inactivity.",
                Doubt::None,
                "oidc",
                99,
                91,
                Unused,
            ),
            (
                "invalid_grant",
                "AADSTS65001: The user has not consented",
                Doubt::None,
                "oidc",
                1,
                0,
                PermissionWithdrawn,
            ),
            (
                "interaction_required",
                "AADSTS50076",
                Doubt::MaybeRotated,
                "oidc",
                1,
                0,
                Interaction,
            ),
            (
                "consent_required",
                "",
                Doubt::None,
                "oidc",
                1,
                0,
                PermissionWithdrawn,
            ),
        ];
        for (error, description, doubt, kind, signed_in, renewed, expected) in rows {
            let mut ann = account("https://login.example", "ann", &[]);
            kind.clone_into(&mut ann.kind);
            let now = UnixTime(1_000_000_000);
            ann.signed_in_at = now.plus(-signed_in * DAY);
            ann.renewed_at = now.plus(-renewed * DAY);
            let seen = need(&ann, &refused(error, description), doubt, now);
            assert_eq!(seen, expected, "{error} {description}");
        }
        let mut ann = account("https://login.example", "ann", &[]);
        ann.refresh_expires_at = Some(UnixTime(1_500));
        let seen = need(&ann, &refused("invalid_grant", ""), Doubt::None, UnixTime(1_500));
        assert_eq!(seen, Expired);

        // The end of Google's testing is that also for who comes back days after it.
        "google".clone_into(&mut ann.kind);
        ann.signed_in_at = UnixTime(0);
        ann.refresh_expires_at = Some(UnixTime(7 * DAY));
        for (day, expected) in [
            (7, TestingLimit),
            (9, TestingLimit),
            (20, TestingLimit),
            (3, Ended),
        ] {
            let now = UnixTime(day * DAY);
            let seen = need(&ann, &refused("invalid_grant", ""), Doubt::None, now);
            assert_eq!(seen, expected, "day {day}");
        }
    }

    #[test]
    fn each_need_has_a_name_a_sentence_and_a_way_back_from_its_name() {
        let ann = account("https://login.example", "ann", &[]);
        for name in [
            "ended",
            "expired",
            "revoked",
            "password_changed",
            "testing_limit",
            "unused",
            "permission_withdrawn",
            "interaction",
            "maybe_rotated",
            "other_person",
            "not_renewable",
            "secrets_gone",
            "until_quit",
        ] {
            let need = SignInNeed::parse(name).unwrap();
            assert_eq!(need.as_str(), name);
            let state = AccountState::from(over(&ann, need, Some("no")));
            assert!(state.reason().unwrap().ends_with(". It said: no"), "{state:?}");
        }
        assert_eq!(SignInNeed::parse("bored"), None);
    }
}
