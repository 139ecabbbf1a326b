//! Accounts as the window shows them: who it is, what is kept, and how a sign-out went.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum AccountStateView {
    /// Calls work.
    SignedIn,
    /// A fresh token is being fetched.
    Refreshing,
    /// The provider cannot be reached now; nothing is lost.
    Offline,
    /// The provider was reached and could not do it now; nothing is lost.
    ProviderUnavailable,
    /// The keychain is locked; nothing is lost.
    KeychainLocked,
    /// The keychain does not give or take secrets now, for another reason; nothing is lost.
    KeychainUnavailable,
    /// A new sign-in is needed.
    NeedsSignIn,
}

/// A person's account at a provider.
#[derive(Clone, Debug, Serialize, Type)]
pub struct AccountView {
    /// Stable id.
    pub id: String,
    /// The provider's id.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// Which mark to draw, as in `ProviderView`.
    pub kind: String,
    /// The issuer.
    pub issuer: String,
    /// The issuer's name for the person.
    pub subject: String,
    /// A name to show; never empty.
    pub name: String,
    /// E-mail address, when the provider gave one.
    pub email: Option<String>,
    /// A picture as a `data:` URL, when there is one.
    pub picture: Option<String>,
    /// State.
    pub state: AccountStateView,
    /// Why, when the state is not `signed_in`.
    pub reason: Option<String>,
    /// Why a new sign-in is needed, when one is: `revoked`, `expired`, `maybe_rotated`, …
    pub need: Option<String>,
    /// Seconds since 1970 since when it is so, for `offline` and `provider_unavailable`.
    #[specta(type = Option<Number>)]
    pub since: Option<i64>,
    /// Seconds since 1970 at which a provider that is unavailable is tried again by itself.
    #[specta(type = Option<Number>)]
    pub next_try_at: Option<i64>,
    /// Whether the provider named that time, so that it is not asked before, whoever wants it.
    pub next_try_named: bool,
    /// Seconds since 1970 of the last sign-in.
    #[specta(type = Number)]
    pub signed_in_at: i64,
    /// Whether its secret is kept only until the app quits.
    pub until_quit: bool,
    /// The new sign-in that can be foreseen.
    pub forecast: Option<ForecastView>,
}

/// A new sign-in that will be needed.
#[derive(Clone, Debug, Serialize, Type)]
pub struct ForecastView {
    /// Seconds since 1970; `null` when it does not hang on the time.
    #[specta(type = Option<Number>)]
    pub at: Option<i64>,
    /// Why: `expired`, `testing_limit`, `not_renewable` or `until_quit`.
    pub why: String,
    /// Seconds since 1970 from when on the person is told without asking.
    #[specta(type = Option<Number>)]
    pub notice_from: Option<i64>,
}

/// An account, opened.
#[derive(Clone, Debug, Serialize, Type)]
pub struct AccountDetail {
    /// The account itself.
    pub account: AccountView,
    /// What the provider said about the person.
    pub claims: Vec<ClaimView>,
    /// What was granted, in plain words.
    pub permissions: Vec<PermissionView>,
    /// Every check of the last sign-in.
    pub checks: Vec<CheckView>,
    /// Origins that its token may be sent to.
    pub apis: Vec<String>,
    /// Where the secret is kept, as a sentence.
    pub storage: String,
    /// Seconds since 1970 at which the access token expires, when known.
    #[specta(type = Option<Number>)]
    pub access_expires_at: Option<i64>,
    /// The browser that its pages are opened in; nothing for the system's default.
    pub browser: Option<String>,
    /// Whether a sign-out can end the app's access on every device.
    pub can_sign_out_everywhere: bool,
    /// Whether the provider takes reports of leaked tokens.
    pub can_report_leak: bool,
}

/// Something secret that is kept of an account, from outside.
#[derive(Clone, Debug, Serialize, Type)]
pub struct KeptView {
    /// What it is. Of an account: `refresh_token`, `access_token`, `dpop_key`, `client_secret`, `id_token` or `account`;
    /// of none: `open_sign_out`, `attempt`, `keychain_mark`, `probe`, `leftover` or `unknown`.
    pub what: String,
    /// Whose it is, where it is of somebody who is signed out.
    pub of: Option<String>,
    /// Where it is: `keychain`, `memory` or `unsaved`.
    pub place: String,
    /// That place, as a person calls it.
    pub place_name: String,
    /// Its size in bytes; `None` where the keychain does not say now.
    pub bytes: Option<u32>,
    /// Why it is kept, as a sentence.
    pub why: String,
}

/// One claim.
#[derive(Clone, Debug, Serialize, Type)]
pub struct ClaimView {
    /// Name of the claim.
    pub name: String,
    /// Its value as text.
    pub value: String,
}

/// One permission.
#[derive(Clone, Debug, Serialize, Type)]
pub struct PermissionView {
    /// The scope as the provider calls it.
    pub scope: String,
    /// In plain words.
    pub meaning: String,
    /// Whether it was granted, or asked for and not granted.
    pub granted: bool,
}

/// A check and its verdict.
#[derive(Clone, Debug, Serialize, Type)]
pub struct CheckView {
    /// Stable id, for example `id_token.nonce`.
    pub id: String,
    /// What was checked, in plain words.
    pub title: String,
    /// The section of the standard.
    pub section: String,
    /// `passed`, `failed`, `not_applicable` or `not_reached`.
    pub outcome: String,
    /// What was expected, when it may be shown.
    pub expected: Option<String>,
    /// What was seen, when it may be shown.
    pub seen: Option<String>,
}

/// What a sign-out did.
#[derive(Clone, Debug, Serialize, Type)]
pub struct ReceiptView {
    /// The account's id.
    pub account: String,
    /// Whose account it was.
    pub name: String,
    /// The provider's name.
    pub provider_name: String,
    /// Each step.
    pub lines: Vec<ReceiptLine>,
    /// Where a person can end what the app could not, when there is such a page.
    pub provider_page: Option<String>,
    /// Whether the browser can be signed out too, for the next ten minutes.
    pub browser: bool,
}

/// How much a sign-out is to end at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SignOutWayView {
    /// This sign-in, on this computer.
    Here,
    /// All access of the app, on every device.
    Everywhere,
    /// Tokens that somebody else saw.
    Leaked,
}

/// A sign-out that the provider could not be told of yet.
#[derive(Clone, Debug, Serialize, Type)]
pub struct OpenSignOutView {
    /// Stable id.
    pub id: String,
    /// The provider's id.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// Which mark to draw, as in `ProviderView`.
    pub kind: String,
    /// Whose account it was.
    pub name: String,
    /// Seconds since 1970 of the sign-out here.
    #[specta(type = Number)]
    pub since: i64,
    /// Whether it cannot be finished, and is only told.
    pub over: bool,
    /// Why it is not finished, as a sentence; `null` where it was not tried in this list's memory.
    pub reason: Option<String>,
    /// Seconds since 1970 at which it is tried again by itself; `null` when it is at the next start or network.
    #[specta(type = Option<Number>)]
    pub next_try_at: Option<i64>,
    /// Whether there is a page where it can be ended by hand.
    pub page: bool,
}

/// What another try to finish a sign-out came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum RetriedView {
    /// It is finished.
    Done,
    /// It is still open.
    Open,
    /// It cannot be finished.
    Over,
}

/// One step of a sign-out.
#[derive(Clone, Debug, Serialize, Type)]
pub struct ReceiptLine {
    /// What it was about: `refresh_token_revoked`, `access_token_revoked`, `everywhere_revoked`,
    /// `leaked_tokens_revoked`, `secrets_deleted`, `account_removed` or `browser_session`.
    pub what: String,
    /// `done`, `open`, `failed`, `not_possible` or `offered`.
    pub outcome: String,
    /// A sentence.
    pub sentence: String,
}
