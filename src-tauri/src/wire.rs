//! What crosses to the web view: small structs of their own, with nothing in them that a hostile page could use.
//!
//! No type here has a field for a token, a code, a verifier, a state, a client secret or a full authorization
//! URL. The UI shows addresses only as origin and path.

mod account;
mod call;
mod check_up;
mod flow;

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

pub use account::{
    AccountDetail, AccountStateView, AccountView, CheckView, ClaimView, ForecastView, KeptView,
    OpenSignOutView, PermissionView, ReceiptLine, ReceiptView, RetriedView, SignOutWayView,
};
pub use call::{BodyView, CallRequest, CallResponse, CatalogueEntry, StepUpInput, StepUpView};
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
