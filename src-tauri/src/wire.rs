//! What crosses to the web view: small structs of their own, with nothing in them that a hostile page could use.
//!
//! No type here has a field for a token, a code, a verifier, a state, a client secret or a full authorization
//! URL. The UI shows addresses only as origin and path.

mod check_up;
mod flow;

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

pub use check_up::{FindingView, RepairView, StandingView};
pub use flow::{
    FlowEventView, FlowFieldView, FlowKindView, FlowOutcomeView, FlowStepView, PartyView, SavedReport,
};

/// What went wrong, for a person. `code` is stable; `message` says what happened to you, `hint` what to do.
#[derive(Clone, Debug, Serialize, Type)]
pub struct ErrorView {
    /// Stable, dotted or snake-case; what the UI branches on and a report names.
    pub code: String,
    /// One sentence: what happened.
    pub message: String,
    /// One sentence: what to do next.
    pub hint: String,
    /// Technical detail behind the disclosure; never a secret.
    pub detail: Option<String>,
}

/// What this build is, and what the UI must know once.
#[derive(Clone, Debug, Serialize, Type)]
pub struct AppInfo {
    /// Version of the app.
    pub version: String,
    /// Whether this is a development build (own scheme, sandbox).
    pub development: bool,
    /// `linux`, `macos` or `windows`.
    pub platform: String,
    /// Where providers.toml lives.
    pub providers_file: String,
    /// Why providers.toml could not be used, when it could not. The built-in providers still work.
    pub providers_problem: Option<ErrorView>,
}

/// How the browser's answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum RouteView {
    /// The private scheme.
    Scheme,
    /// A listener on this machine's loopback address.
    Loopback,
    /// A code typed on another device.
    Device,
}

/// A provider that a person can pick.
#[derive(Clone, Debug, Serialize, Type)]
pub struct ProviderView {
    /// Stable name: `google`, `github`, `sandbox`, or what providers.toml says.
    pub id: String,
    /// What to show.
    pub name: String,
    /// `google`, `github`, `sandbox` or `oidc`: which mark to draw.
    pub kind: String,
    /// The issuer's address, or for GitHub its site.
    pub issuer: String,
    /// Whether a sign-in can start.
    pub ready: bool,
    /// What is missing when it is not ready (for example a client id).
    pub problem: Option<ErrorView>,
    /// The client id in use; public.
    pub client_id: Option<String>,
    /// Ways back that this provider takes, best first.
    pub routes: Vec<RouteView>,
    /// Origins, beside the issuer's own, that tokens of its accounts may be sent to.
    pub apis: Vec<String>,
    /// Whether a person added it here, so that it can be changed and removed here.
    pub editable: bool,
}

/// A provider as a person enters it in Settings. A client secret, where a provider wants one, goes into
/// providers.toml by hand: it never passes through the web view.
#[derive(Clone, Debug, Deserialize, Type)]
pub struct ProviderInput {
    /// `google`, `github`, or empty to make a new one for `issuer`.
    pub id: String,
    /// What to show; empty for the issuer's host.
    pub name: String,
    /// Issuer address; ignored for the built-in providers.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// Origins, beside the issuer's own, that its tokens may be sent to.
    pub apis: Vec<String>,
}

/// What a person asked for when they pressed Sign in.
#[derive(Clone, Debug, Deserialize, Type)]
pub struct SignInRequest {
    /// The provider's id.
    pub provider: String,
    /// A certain way back, or the provider's first.
    pub route: Option<RouteView>,
    /// Keep the tokens in memory only, until the app quits.
    pub until_quit: bool,
    /// The account that is to be signed in again, when it is.
    pub account: Option<String>,
    /// Whether the provider is to let the person choose an account, to add another one.
    pub choose: bool,
    /// What an API wants of it. Then `account` says whose it is, and nobody else can be signed in by it.
    pub step_up: Option<StepUpInput>,
    /// The browser to open, by a [`BrowserView`]'s or [`ProfileView`]'s id, or `system`; nothing for where the account was
    /// opened before.
    pub browser: Option<String>,
}

/// A sign-in that is going on.
#[derive(Clone, Debug, Serialize, Type)]
pub struct AttemptView {
    /// Names the attempt in later commands.
    pub id: String,
    /// Counts its changes: of two views of one attempt, the one with the higher number is the newer. A command's
    /// answer and the events may arrive in any order.
    pub revision: u32,
    /// Which provider.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// The way back in use.
    pub route: RouteView,
    /// Other ways back that can be tried instead.
    pub other_routes: Vec<RouteView>,
    /// Where the browser was sent: origin and path, no query.
    pub page: String,
    /// Whether the system said that a browser was started.
    pub browser_opened: bool,
    /// Where it stands.
    pub stage: AttemptStage,
    /// Seconds since 1970 at which it times out.
    #[specta(type = Number)]
    pub expires_at: i64,
    /// For the device route: what to type, and where.
    pub device: Option<DeviceView>,
    /// At the stage `another_person`: who came in whose place.
    pub another: Option<AnotherPersonView>,
    /// The browser that the page is opened in, where it is another than the system's default, or was to be.
    pub browser: Option<AttemptBrowserView>,
}

/// The browser that a sign-in's page is opened in.
#[derive(Clone, Debug, Serialize, Type)]
pub struct AttemptBrowserView {
    /// What people call it.
    pub name: String,
    /// The profile, by the name that the person gave it.
    pub profile: Option<String>,
    /// Whether it is not here any more, so that the page is in the system's default browser instead.
    pub missing: bool,
}

/// A browser that is installed and can be chosen.
#[derive(Clone, Debug, Serialize, Type)]
pub struct BrowserView {
    /// Names it in a choice.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its profiles.
    pub profiles: Vec<ProfileView>,
}

/// One profile of a browser.
#[derive(Clone, Debug, Serialize, Type)]
pub struct ProfileView {
    /// Names it, with its browser, in a choice.
    pub id: String,
    /// What the person called it.
    pub name: String,
}

/// What a person types on another device.
#[derive(Clone, Debug, Serialize, Type)]
pub struct DeviceView {
    /// The code to type.
    pub user_code: String,
    /// The page to type it on.
    pub verification_uri: String,
}

/// Where an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStage {
    /// The provider's metadata is being read; no browser yet.
    Preparing,
    /// The person is in the browser.
    Waiting,
    /// The callback came; tokens are being fetched and checked.
    Finishing,
    /// Another person signed in than was expected, and it is asked what to do.
    AnotherPerson,
}

/// Another person signed in than the sign-in was for. Nothing of them is kept yet.
#[derive(Clone, Debug, Serialize, Type)]
pub struct AnotherPersonView {
    /// Whom it was for.
    pub expected: PersonView,
    /// Who signed in.
    pub came: PersonView,
    /// Whether the account of whoever signed in is here already.
    pub is_here: bool,
}

/// Somebody, as their provider calls them.
#[derive(Clone, Debug, Serialize, Type)]
pub struct PersonView {
    /// A name to show; never empty.
    pub name: String,
    /// E-mail address, when the provider gave one.
    pub email: Option<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug, Serialize, Type)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum AttemptEnd {
    /// Signed in as this account.
    SignedIn {
        /// The account's id.
        account: String,
        /// Whether another one was to be added, and this one was here already.
        already: bool,
    },
    /// It did not work.
    Failed {
        /// Why.
        error: ErrorView,
    },
    /// The person, or a newer attempt, ended it.
    Cancelled,
}

/// How a sign-out in the browser ended.
#[derive(Clone, Debug, Serialize, Type)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum BrowserSignOutEnd {
    /// The provider sent the browser back.
    Returned,
    /// The browser did not come back, which is no failure.
    NotReturned,
    /// It could not be begun.
    Failed {
        /// Why.
        error: ErrorView,
    },
}

/// What the UI is told without asking. The first event on a new subscription is `Snapshot`.
#[derive(Clone, Debug, Serialize, Type)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AppEvent {
    /// Everything as it is now.
    Snapshot {
        /// All accounts.
        accounts: Vec<AccountView>,
        /// The attempt that is going on.
        attempt: Option<AttemptView>,
        /// All providers.
        providers: Vec<ProviderView>,
        /// All sign-outs that are not finished.
        open_sign_outs: Vec<OpenSignOutView>,
    },
    /// An attempt began or moved on.
    Attempt {
        /// As it is now.
        attempt: AttemptView,
    },
    /// An attempt ended.
    AttemptEnded {
        /// Which.
        id: String,
        /// How.
        end: AttemptEnd,
    },
    /// A sign-out in the browser ended.
    BrowserSignOut {
        /// The account that had been signed out.
        account: String,
        /// How it ended.
        end: BrowserSignOutEnd,
    },
    /// Accounts were added, removed or changed state.
    Accounts {
        /// All of them.
        accounts: Vec<AccountView>,
    },
    /// Sign-outs that are not finished were added, removed or changed.
    OpenSignOuts {
        /// All of them.
        open_sign_outs: Vec<OpenSignOutView>,
    },
    /// Providers were added, removed or changed.
    Providers {
        /// All of them.
        providers: Vec<ProviderView>,
    },
    /// A step of a flow was made.
    Flow {
        /// The step.
        step: FlowEventView,
    },
    /// Something arrived that could not be used, for example a callback for an attempt that is gone.
    Notice {
        /// What, and what to do.
        error: ErrorView,
    },
}

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

/// A known call of a provider's API.
#[derive(Clone, Debug, Serialize, Type)]
pub struct CatalogueEntry {
    /// Stable id.
    pub id: String,
    /// What it does, in plain words.
    pub title: String,
    /// Method.
    pub method: String,
    /// Address.
    pub url: String,
    /// The permission it needs, when it needs one.
    pub scope: Option<String>,
}

/// A call that a person wants to make.
#[derive(Clone, Debug, Deserialize, Type)]
pub struct CallRequest {
    /// The account's id.
    pub account: String,
    /// Method.
    pub method: String,
    /// Address.
    pub url: String,
    /// JSON body, when there is one.
    pub body: Option<String>,
}

/// An API's answer.
#[derive(Clone, Debug, Serialize, Type)]
pub struct CallResponse {
    /// HTTP status.
    pub status: u16,
    /// Milliseconds from pressing Send until the whole answer was here.
    #[specta(type = Number)]
    pub milliseconds: u64,
    /// Header fields; those that may carry secrets are masked.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BodyView,
    /// The address of the next page (RFC 8288 `Link: rel="next"`), when there is one.
    pub next: Option<String>,
    /// What the gateway decided, in order, as sentences.
    pub decisions: Vec<String>,
    /// What the API wants first, when that is why it refused.
    pub step_up: Option<StepUpView>,
}

/// What an API wants before it answers: permissions, or another sign-in (RFC 9470).
#[derive(Clone, Debug, Serialize, Type)]
pub struct StepUpView {
    /// In sentences.
    pub reason: String,
    /// The permissions in plain words, where some are missing.
    pub meaning: Option<String>,
    /// The permissions that are missing.
    pub scopes: Vec<String>,
    /// The authentication contexts of which one is wanted.
    pub acr_values: Vec<String>,
    /// The most seconds that may have passed since the person signed in.
    pub max_age: Option<u32>,
}

/// The same, as the window asks the person for it.
#[derive(Clone, Debug, Deserialize, Type)]
pub struct StepUpInput {
    /// The permissions that are missing.
    pub scopes: Vec<String>,
    /// The authentication contexts of which one is wanted.
    pub acr_values: Vec<String>,
    /// The most seconds that may have passed since the person signed in.
    pub max_age: Option<u32>,
}

/// A body, prepared for showing.
#[derive(Clone, Debug, Serialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BodyView {
    /// Nothing.
    Empty,
    /// JSON, as text.
    Json {
        /// The document.
        text: String,
    },
    /// Any other text.
    Text {
        /// The text.
        text: String,
        /// Whether it was cut.
        truncated: bool,
    },
    /// An image.
    Image {
        /// As a `data:` URL.
        data_url: String,
    },
    /// Anything else.
    Binary {
        /// Media type.
        media_type: String,
        /// Size in bytes.
        #[specta(type = Number)]
        bytes: u64,
    },
}
