//! The words of every error: code, category, sentence and hint, in one place so that they can be read side by
//! side.

mod around;

use tessera_oidc::ErrorCode;
use tessera_oidc::callback::{CallbackRefusal, NotAwaited};
use tessera_oidc::discovery::DiscoveryError;
use tessera_oidc::key_set::KeySetError;
use tessera_oidc::par::ParError;
use tessera_oidc::token::TokenError;

use super::{AccountError, AttemptError, Category, Error, SignOutError};
use around::{of_http, of_policy, of_provider, of_store, of_vault};

/// Code, category, message and hint of one error.
pub(super) struct Told {
    pub(super) code: &'static str,
    pub(super) category: Category,
    pub(super) message: String,
    pub(super) hint: String,
}

fn told(code: &'static str, category: Category, message: impl Into<String>, hint: impl Into<String>) -> Told {
    Told {
        code,
        category,
        message: message.into(),
        hint: hint.into(),
    }
}

impl Error {
    pub(super) fn told(&self) -> Told {
        match self {
            Self::Account(error) => of_account(error),
            Self::Api(refusal) => told(
                refusal.code(),
                Category::Network,
                refusal.message(),
                refusal.hint(),
            ),
            Self::Attempt(error) => of_attempt(error),
            Self::Browser(_) => told(
                "browser_not_started",
                Category::Machine,
                "Your browser could not be started.",
                "Copy the link and open it in a browser yourself.",
            ),
            Self::BrowserUnknown(unknown) => told(
                "browser_unknown",
                Category::Usage,
                format!("This computer has no browser or profile “{}”.", unknown.asked),
                match unknown.here.as_slice() {
                    [] => "None was found whose profiles can be chosen; leave it to the system.".to_owned(),
                    here => format!("Choose one of these, or “system”: {}.", here.join(", ")),
                },
            ),
            Self::Callback(error) => told(error.code(), Category::CheckFailed, error.message(), error.hint()),
            Self::Refused(refusal) => {
                let category = match &**refusal {
                    CallbackRefusal::Provider { refusal, .. } if refusal.error == ErrorCode::AccessDenied => {
                        Category::Cancelled
                    }
                    CallbackRefusal::Provider { .. } => Category::Network,
                    _ => Category::CheckFailed,
                };
                told(refusal.code(), category, refusal.message(), refusal.hint())
            }
            Self::NotAwaited(why) => told(
                match why {
                    NotAwaited::OtherAddress => "redirect_uri_mismatch",
                    NotAwaited::NoState => "state_missing",
                    NotAwaited::OtherState => "state_mismatch",
                },
                Category::CheckFailed,
                "You brought an answer that does not belong to this sign-in, so it was not used.",
                "Finish the sign-in in the browser page that was opened last, or start again.",
            ),
            Self::CheckUp(error) => told(error.code(), error.category(), error.message(), error.hint()),
            Self::NoKeySet => told(
                "key_set_missing",
                Category::CheckFailed,
                "You were not signed in: the provider does not say which keys it signs with.",
                "Tell whoever runs the provider; only they can change this.",
            ),
            Self::Device(error) => told(error.code(), Category::Network, error.message(), error.hint()),
            Self::DeclinedOnDevice => told(
                "access_denied",
                Category::Cancelled,
                "You were not signed in: the request was declined on the other device.",
                "Sign in again, and allow it there.",
            ),
            Self::Discovery(error) => {
                let category = match error {
                    DiscoveryError::IssuerMismatch { .. }
                    | DiscoveryError::InsecureEndpoint { .. }
                    | DiscoveryError::PrivateEndpoint { .. }
                    | DiscoveryError::PkceExcluded => Category::CheckFailed,
                    _ => Category::Network,
                };
                told(error.code(), category, error.message(), error.hint())
            }
            Self::DpopKey(error) => told(error.code(), Category::Keychain, error.message(), error.hint()),
            Self::Http(error) => of_http(error),
            Self::IdToken(error) => told(error.code(), Category::CheckFailed, error.message(), error.hint()),
            Self::NoIdToken => told(
                "id_token_missing",
                Category::CheckFailed,
                "You were not signed in: the provider did not say who you are.",
                "Ask whoever runs the provider whether this app is registered for OpenID Connect.",
            ),
            Self::KeySet(error) => of_key_set(error),
            Self::KeySetStatus(status) => told(
                "key_set_status",
                Category::Network,
                format!(
                    "You cannot sign in now: the provider answered {status} when it was asked for its keys."
                ),
                "Try again in a few minutes; nothing is lost.",
            ),
            Self::KeysUnavailable { retry_after } => told(
                "key_set_unavailable",
                Category::Network,
                "You cannot sign in now: the provider's keys could not be fetched.",
                format!("Try again in {retry_after} seconds; nothing is lost."),
            ),
            Self::Loopback(_) => told(
                "loopback_unavailable",
                Category::Machine,
                "This computer gave Tessera no place to wait for your browser's answer.",
                "Choose another way back, or paste the address that your browser ends on.",
            ),
            Self::NotSaved(error) => {
                let of_vault = of_vault(error);
                told(
                    "token_not_saved",
                    Category::Keychain,
                    "Your renewed sign-in could not be saved: it lasts until Tessera ends, and then this account needs a new one.",
                    of_vault.hint,
                )
            }
            Self::Par(error) => told(error.code(), of_par(error), error.message(), error.hint()),
            Self::Pending(error) => told(error.code(), Category::CheckFailed, error.message(), error.hint()),
            Self::Policy(error) => of_policy(error),
            Self::Provider(error) => of_provider(error),
            Self::Revocation(error) => told(error.code(), Category::Network, error.message(), error.hint()),
            Self::SignOut(error) => of_sign_out(*error),
            Self::Stopped => told(
                "stopped",
                Category::Machine,
                "The work was broken off because Tessera is closing.",
                "Try again; nothing is lost.",
            ),
            Self::Store(error) => of_store(error),
            Self::Token(TokenError::Refused(refusal)) if refusal.error.ends_session() => {
                // A refresh that ends this way is told as `NeedsSignIn`: this is the exchange of a new sign-in.
                let said = refusal
                    .description
                    .iter()
                    .map(|words| format!(" It said: {words}"));
                told(
                    refusal.error.refusal_code(),
                    Category::Network,
                    format!(
                        "You were not signed in: the provider did not take what it had given for this sign-in.{}",
                        said.collect::<String>()
                    ),
                    "Sign in again; if it stays so, tell whoever runs the provider.",
                )
            }
            Self::Token(error) => {
                let check = matches!(
                    error,
                    TokenError::TokenType { .. } | TokenError::Downgrade { .. } | TokenError::Unusable { .. }
                );
                let category = if check {
                    Category::CheckFailed
                } else {
                    Category::Network
                };
                told(error.code(), category, error.message(), error.hint())
            }
            Self::Userinfo(error) => {
                let category = if error.failed_checks().is_some() {
                    Category::CheckFailed
                } else {
                    Category::Network
                };
                told(error.code(), category, error.message(), error.hint())
            }
            Self::Vault(error) => of_vault(error),
        }
    }
}

fn of_par(error: &ParError) -> Category {
    match error {
        // What the provider says of itself, or answers, does not hold together: nobody was asked to sign in.
        ParError::NoEndpoint | ParError::Malformed { .. } => Category::CheckFailed,
        ParError::Refused { .. } | ParError::Status { .. } | ParError::NotJson { .. } => Category::Network,
    }
}

/// A key set that shows a secret must not be trusted; one that cannot be read is an answer that is none.
fn of_key_set(error: &KeySetError) -> Told {
    let (category, message, hint) = match error {
        KeySetError::PrivateKey | KeySetError::SymmetricKey => (
            Category::CheckFailed,
            "You were kept from going on: the provider shows keys that should be secret, so nobody can trust them.",
            "Do not sign in there, and tell whoever runs the provider.",
        ),
        KeySetError::WebPage => (
            Category::Network,
            "You could not go on: a web page came where the provider's keys should be.",
            "Open a browser and see whether the network you are on wants you to sign in to it, then try again.",
        ),
        KeySetError::Malformed | KeySetError::TooLarge | KeySetError::TooManyKeys => (
            Category::Network,
            "You could not go on: the provider's signing keys cannot be read.",
            "Try again in a few minutes; if it stays so, tell whoever runs the provider.",
        ),
    };
    told(error.code(), category, message, hint)
}

fn of_account(error: &AccountError) -> Told {
    match error {
        AccountError::Unknown(name) => told(
            "account_unknown",
            Category::Usage,
            format!("You have no account called `{name}` here."),
            "Look at the list of accounts for its name or id.",
        ),
        AccountError::Ambiguous(name) => told(
            "account_ambiguous",
            Category::Usage,
            format!("Several of your accounts fit `{name}`."),
            "Use the account's id instead.",
        ),
        AccountError::ProviderAsksToWait { seconds } => told(
            "provider_unavailable",
            Category::Network,
            "Your provider is busy, and has said when it wants to be asked again.",
            format!("Nothing is lost. Try again in {}.", shown_duration(*seconds)),
        ),
        AccountError::OtherProvider => told(
            "account_of_other_provider",
            Category::Usage,
            "You named an account that is not one of that provider.",
            "Leave the provider out, or name an account that is one of it.",
        ),
        AccountError::NeedsSignIn { reason, .. } => told(
            "needs_sign_in",
            Category::NeedsSignIn,
            reason.clone(),
            "Sign in again; nothing else is lost.",
        ),
        AccountError::NoRefreshToken => told(
            "no_refresh_token",
            Category::NeedsSignIn,
            "Your sign-in cannot be renewed, because the provider gave nothing to do it with.",
            "Sign in again; where the provider offers it, allow access while you are away.",
        ),
        AccountError::Superseded => told(
            "superseded",
            Category::Cancelled,
            "You signed in again or out while this was under way, so it was dropped.",
            "Try again.",
        ),
    }
}

fn of_attempt(error: &AttemptError) -> Told {
    match error {
        AttemptError::Cancelled => told(
            "cancelled",
            Category::Cancelled,
            "You cancelled the sign-in.",
            "Sign in again whenever you like.",
        ),
        AttemptError::Interrupted => told(
            "interrupted",
            Category::Cancelled,
            "You interrupted it.",
            "Run it again whenever you like; nothing is lost.",
        ),
        AttemptError::Replaced => told(
            "replaced",
            Category::Cancelled,
            "You started another sign-in, which took the place of this one.",
            "Go on with the newer one.",
        ),
        AttemptError::TimedOut => told(
            "timed_out",
            Category::Cancelled,
            "Your browser brought no answer in time that could be used.",
            "Sign in again. If your browser shows an error about the client or the redirect address, compare the client id in Settings with the provider's; if it does finish, try another way back or paste the address it ends on.",
        ),
        AttemptError::Gone => told(
            "attempt_gone",
            Category::CheckFailed,
            "Your browser brought an answer for a sign-in that is already over.",
            "Start a new sign-in here; you can close that page.",
        ),
        AttemptError::NotThisOne => told(
            "answer_not_awaited",
            Category::CheckFailed,
            "An answer came that is not the one Tessera is waiting for; your sign-in goes on.",
            "There is nothing to do: finish the sign-in in the browser page that was opened last.",
        ),
        AttemptError::OtherAccount => told(
            "other_account",
            Category::CheckFailed,
            "You chose another account than this was for, so nothing was changed.",
            "Sign in again and choose the account that it is for, or add the other one by itself.",
        ),
        AttemptError::NotAnswered => told(
            "question_not_answered",
            Category::Cancelled,
            "You chose another account than this was for, and did not say what to do about it, so nothing was changed.",
            "Sign in again whenever you like, and choose the account that it is for.",
        ),
        AttemptError::NotACallback => told(
            "not_a_callback",
            Category::Usage,
            "That is not the address your browser ends on after signing in.",
            "Copy the whole address from the browser's address bar and paste it again.",
        ),
        AttemptError::NoPage => told(
            "no_page",
            Category::Usage,
            "There is no page to open right now.",
            "Wait until the page is known, or start a new sign-in.",
        ),
    }
}

fn of_sign_out(error: SignOutError) -> Told {
    const NOTHING_CHANGED: &str = "There is nothing to do here. To be sure of your browser, open the provider's site and look whether you are signed in there.";
    match error {
        SignOutError::NotOffered => told(
            "browser_sign_out_not_offered",
            Category::Usage,
            "You cannot be signed out in your browser from here: the provider has no page for it, or it is too long ago.",
            "Open the provider's site in your browser and sign out there.",
        ),
        SignOutError::NotOpened => told(
            "browser_sign_out_not_opened",
            Category::Machine,
            "Your browser could not be started, so you may still be signed in there. Here you are signed out.",
            "Open the provider's site in your browser and sign out there.",
        ),
        SignOutError::ReturnNotAwaited => told(
            "sign_out_return_not_awaited",
            Category::CheckFailed,
            "Your browser came back from a sign-out that Tessera is not waiting for; nothing was changed.",
            NOTHING_CHANGED,
        ),
        SignOutError::ReturnWithoutState => told(
            "sign_out_return_no_state",
            Category::CheckFailed,
            "Your browser came back from a sign-out, but nothing shows that it is the one you started; nothing was changed.",
            NOTHING_CHANGED,
        ),
        SignOutError::ReturnWithOtherState => told(
            "sign_out_return_mismatch",
            Category::CheckFailed,
            "Your browser came back from another sign-out than the one you started; nothing was changed.",
            NOTHING_CHANGED,
        ),
        SignOutError::EverywhereNotOffered => told(
            "sign_out_everywhere_not_offered",
            Category::Usage,
            "You cannot be signed out on all devices from here: the provider gives this app no way to do it. Nothing was changed.",
            "Sign out here, and end this app's access on the other devices, or on the provider's page of connected apps.",
        ),
        SignOutError::LeakNotOffered => told(
            "leak_report_not_offered",
            Category::Usage,
            "You cannot report a leaked token to this provider: it takes no such reports. Nothing was changed.",
            "Sign out here, which ends the tokens where the provider lets apps do that; then look at its page of connected apps.",
        ),
        SignOutError::NotOpen => told(
            "open_sign_out_unknown",
            Category::Usage,
            "You have no such sign-out that still has to be finished.",
            "Look at the list of accounts: what is not finished stands below it.",
        ),
        SignOutError::NoWay => told(
            "revocation_not_offered",
            Category::Network,
            "You are signed out here, but the provider offers apps like this one no way to end their access on its side.",
            "To be sure, remove this app on the provider's page of connected apps; otherwise its access ends by itself.",
        ),
        SignOutError::TokensGone => told(
            "open_sign_out_tokens_gone",
            Category::Keychain,
            "You are signed out here, but what it takes to end this app's access at the provider is not here any more.",
            "To be sure, remove this app on the provider's page of connected apps; otherwise its access ends by itself.",
        ),
    }
}

/// A time to wait, as a person would say it.
fn shown_duration(seconds: i64) -> String {
    let of = |count: i64, unit: &str| match count {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    };
    match seconds.max(1) {
        seconds @ ..100 => of(seconds, "second"),
        seconds @ ..6_000 => of((seconds + 59) / 60, "minute"),
        seconds => of((seconds + 3_599) / 3_600, "hour"),
    }
}
