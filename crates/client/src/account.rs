//! Accounts: a person at a provider, and where that stands.

use sha2::{Digest as _, Sha256};
use tessera_oidc::checks::Verdicts;
use tessera_oidc::{ClientId, Issuer, Scopes, Subject, UnixTime};
use url::Url;

use crate::provider::ProviderId;

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
    /// What the provider said about the person, name and text of each claim.
    pub claims: Vec<(String, String)>,
    /// What was asked for at the last sign-in.
    pub requested: Scopes,
    /// What was granted.
    pub granted: Scopes,
    /// Every check of the last sign-in.
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
    /// A new sign-in is needed.
    NeedsSignIn {
        /// Why, as a sentence.
        reason: String,
    },
}

impl AccountState {
    /// `signed_in`, `refreshing`, `offline` or `needs_sign_in`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Refreshing => "refreshing",
            Self::Offline { .. } => "offline",
            Self::NeedsSignIn { .. } => "needs_sign_in",
        }
    }

    /// Why, for the states that have a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::SignedIn | Self::Refreshing => None,
            Self::Offline { reason, .. } | Self::NeedsSignIn { reason } => Some(reason),
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
    /// Stable id: `refresh_token_revoked`, `access_token_revoked`, `secrets_deleted`, `account_removed`, …
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
    /// Tried, and it did not work.
    Failed,
    /// The provider has no way to do it.
    NotPossible,
    /// It can be done, when the person asks for it.
    Offered,
}

impl ReceiptOutcome {
    /// `done`, `failed`, `not_possible` or `offered`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::NotPossible => "not_possible",
            Self::Offered => "offered",
        }
    }
}
