//! Accounts: a person at a provider, and where that stands.

mod forecast;

use sha2::{Digest as _, Sha256};
use tessera_oidc::checks::Verdicts;
use tessera_oidc::{ClientId, Issuer, Scopes, Subject, UnixTime};
use url::Url;

use crate::provider::ProviderId;

pub use forecast::Forecast;

/// An account's id: made of issuer and subject, so that signing in again as the same person is the same account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
    /// The id of this person at this issuer: 16 hexadecimal digits of a hash over both.
    pub fn of(issuer: &Issuer, subject: &Subject) -> Self {
        let mut hash = Sha256::new();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hash.update((issuer.as_str().len() as u64).to_be_bytes());
        hash.update(issuer.as_str());
        hash.update(subject.as_str());
        let digest = hash.finalize();
        Self(
            digest
                .iter()
                .take(8)
                .fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
        )
    }

    /// Takes an id as it was shown or stored; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 16
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person's account, with nothing secret in it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The provider it was signed in with.
    pub provider: ProviderId,
    /// That provider's name at the time.
    pub provider_name: String,
    /// That provider's kind: `oidc`, `google`, `github` or `sandbox`.
    pub kind: String,
    /// The issuer.
    pub issuer: Issuer,
    /// The issuer's name for the person.
    pub subject: Subject,
    /// The client id that the tokens belong to.
    pub client_id: ClientId,
    /// A name to show; never empty.
    pub name: String,
    /// E-mail address, when the provider gave one.
    pub email: Option<String>,
    /// A picture, fetched without any token: media type and bytes.
    pub picture: Option<Picture>,
    /// What the provider said about the person, name and text of each claim; nothing in a list of accounts.
    pub claims: Vec<(String, String)>,
    /// What was asked for at the last sign-in.
    pub requested: Scopes,
    /// What was granted.
    pub granted: Scopes,
    /// Every check of the last sign-in; none in a list of accounts.
    pub checks: Verdicts,
    /// Origins allowed for this account beside its provider's.
    pub apis: Vec<Url>,
    /// Where its secrets are.
    pub storage: Storage,
    /// Where it stands.
    pub state: AccountState,
    /// When the current access token expires, where known.
    pub access_expires_at: Option<UnixTime>,
    /// When the last sign-in was.
    pub signed_in_at: UnixTime,
    /// The fingerprint of the sign-in's nonce, which a renewed ID token may repeat; `None` where none was sent.
    pub nonce: Option<String>,
    /// When the provider last gave tokens: at the sign-in, or by a renewal.
    pub renewed_at: UnixTime,
    /// When the refresh token expires unless it is renewed before, where the provider says so.
    pub refresh_expires_at: Option<UnixTime>,
    /// How many refresh tokens there have been since the sign-in; 0 where the provider gave none.
    pub rotation: u64,
    /// Counts sign-ins, so that late work of an older one cannot write.
    pub generation: u64,
}

/// A small picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its media type, one of `image/png`, `image/jpeg`, `image/gif`, `image/webp`.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Where an account's secrets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In the operating system's keychain.
    Keychain,
    /// In this process's memory, gone when it quits.
    UntilQuit,
}

/// Where an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Calls work.
    SignedIn,
    /// A fresh token is being fetched.
    Refreshing,
    /// The provider could not be reached; nothing is lost.
    Offline {
        /// Since when.
        since: UnixTime,
        /// What happened, as a sentence.
        reason: String,
    },
    /// The provider was reached and could not do it now; nothing is lost.
    ProviderUnavailable {
        /// Since when.
        since: UnixTime,
        /// When it is tried again, and who said so.
        next_try: NextTry,
        /// What happened, as a sentence.
        reason: String,
    },
    /// The keychain that holds the account's secrets does not give or take them now; nothing is lost.
    KeychainUnavailable {
        /// Whether it is only locked, so that unlocking it is all that is needed.
        locked: bool,
        /// What happened, as a sentence.
        reason: String,
    },
    /// A new sign-in is needed.
    NeedsSignIn {
        /// Why, for programs.
        need: SignInNeed,
        /// Why, as a sentence.
        reason: String,
    },
}

/// When a provider that is unavailable is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextTry {
    /// Not before then.
    pub at: UnixTime,
    /// Whether the provider named the time itself (`Retry-After`, RFC 9110 section 10.2.3). Then it is not asked
    /// before, whoever wants it.
    pub named: bool,
}

impl NextTry {
    /// The longest pause that a provider can name, in seconds: whatever it says, it is asked once a day.
    pub(crate) const LONGEST: i64 = 24 * 60 * 60;

    /// The seconds for which the provider still wants to be left alone, where it said so. A time that is further off than
    /// any provider's word reaches was reckoned by a clock that has been set since, and binds nobody.
    pub(crate) fn wait(self, now: UnixTime) -> Option<i64> {
        let left = self.at.since(now);
        (self.named && (1..=Self::LONGEST).contains(&left)).then_some(left)
    }
}

/// Why a new sign-in is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInNeed {
    /// The provider ended the session, and it is not known why.
    Ended,
    /// The sign-in was good for a limited time, which is over.
    Expired,
    /// Somebody ended it at the provider.
    Revoked,
    /// The person's password was changed there.
    PasswordChanged,
    /// The provider ends sign-ins of apps that are in testing after a week, as Google does.
    TestingLimit,
    /// It was not used for longer than the provider allows.
    Unused,
    /// A permission that it rests on was taken back.
    PermissionWithdrawn,
    /// The provider wants to see the person: another factor, new terms, a choice.
    Interaction,
    /// A renewal was interrupted after it had been asked for, and the token that it was asked with is good no more.
    MaybeRotated,
    /// The provider renewed it for another person or app.
    OtherPerson,
    /// It has run out, and the provider gave nothing to renew it with.
    NotRenewable,
    /// What it could be renewed with is not in the keychain any more.
    SecretsGone,
    /// It was to last until the app quits, and that is what happened.
    UntilQuit,
}

impl SignInNeed {
    const ALL: [Self; 13] = [
        Self::Ended,
        Self::Expired,
        Self::Revoked,
        Self::PasswordChanged,
        Self::TestingLimit,
        Self::Unused,
        Self::PermissionWithdrawn,
        Self::Interaction,
        Self::MaybeRotated,
        Self::OtherPerson,
        Self::NotRenewable,
        Self::SecretsGone,
        Self::UntilQuit,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::TestingLimit => "testing_limit",
            Self::Unused => "unused",
            Self::PermissionWithdrawn => "permission_withdrawn",
            Self::Interaction => "interaction",
            Self::MaybeRotated => "maybe_rotated",
            Self::OtherPerson => "other_person",
            Self::NotRenewable => "not_renewable",
            Self::SecretsGone => "secrets_gone",
            Self::UntilQuit => "until_quit",
        }
    }

    /// The reverse of [`SignInNeed::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|need| need.as_str() == text)
    }
}

impl AccountState {
    /// The stable name: `signed_in`, `refreshing`, `offline`, `provider_unavailable`, `keychain_locked`,
    /// `keychain_unavailable` or `needs_sign_in`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Refreshing => "refreshing",
            Self::Offline { .. } => "offline",
            Self::ProviderUnavailable { .. } => "provider_unavailable",
            Self::KeychainUnavailable { locked: true, .. } => "keychain_locked",
            Self::KeychainUnavailable { locked: false, .. } => "keychain_unavailable",
            Self::NeedsSignIn { .. } => "needs_sign_in",
        }
    }

    /// Why, for the states that have a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::SignedIn | Self::Refreshing => None,
            Self::Offline { reason, .. }
            | Self::ProviderUnavailable { reason, .. }
            | Self::KeychainUnavailable { reason, .. }
            | Self::NeedsSignIn { reason, .. } => Some(reason),
        }
    }

    /// Why a new sign-in is needed, when one is.
    pub fn need(&self) -> Option<SignInNeed> {
        match self {
            Self::NeedsSignIn { need, .. } => Some(*need),
            _ => None,
        }
    }

    /// When it is tried again, where that is known.
    pub fn next_try(&self) -> Option<NextTry> {
        match self {
            Self::ProviderUnavailable { next_try, .. } => Some(*next_try),
            _ => None,
        }
    }
}

/// What a sign-out did.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The account that was signed out.
    pub account: AccountId,
    /// Whose it was.
    pub name: String,
    /// The provider's name.
    pub provider_name: String,
    /// Each step in order.
    pub lines: Vec<ReceiptLine>,
    /// Where a person can end by hand what could not be ended from here.
    pub provider_page: Option<Url>,
    /// Whether the browser can be signed out too ([`crate::Client::sign_out_in_browser`]), for the next ten minutes.
    pub browser: bool,
}

/// One step of a sign-out.
#[derive(Clone, Debug)]
pub struct ReceiptLine {
    /// Stable id: `refresh_token_revoked`, `access_token_revoked`, `everywhere_revoked`, `leaked_tokens_revoked`,
    /// `secrets_deleted`, `account_removed`, …
    pub what: &'static str,
    /// How it went.
    pub outcome: ReceiptOutcome,
    /// A sentence for the person.
    pub sentence: String,
}

/// How one step of a sign-out went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// Done.
    Done,
    /// It could not be done yet, and is tried again until it is ([`crate::Client::open_sign_outs`]).
    Open,
    /// Tried, and it did not work.
    Failed,
    /// The provider has no way to do it.
    NotPossible,
    /// It can be done, when the person asks for it.
    Offered,
}

impl ReceiptOutcome {
    /// `done`, `open`, `failed`, `not_possible` or `offered`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Open => "open",
            Self::Failed => "failed",
            Self::NotPossible => "not_possible",
            Self::Offered => "offered",
        }
    }
}
