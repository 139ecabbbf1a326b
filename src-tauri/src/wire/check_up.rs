//! The check-up as the window shows it: what was tried, how it stands, and what can be done.

use serde::Serialize;
use specta::Type;

use super::ErrorView;

/// One thing that was tried.
#[derive(Clone, Debug, Serialize, Type)]
pub struct FindingView {
    /// Stable id: `keychain`, `scheme`, `clock`, …
    pub check: String,
    /// The id of the provider that it is about, where it is about one.
    pub about: Option<String>,
    /// How it stands.
    pub standing: StandingView,
    /// What was found, as a sentence.
    pub sentence: String,
    /// What is wrong, if anything is.
    pub problem: Option<ErrorView>,
    /// What puts it right, where that is known.
    pub repair: Option<RepairView>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StandingView {
    /// As it should be.
    Ok,
    /// Not as it should be, but a sign-in works.
    Tolerated,
    /// A sign-in, or one way of it, does not work.
    Failed,
}

/// What puts a finding right. Where there is neither command nor provider, the app does it when it is asked to.
#[derive(Clone, Debug, Serialize, Type)]
pub struct RepairView {
    /// Stable id: `register_scheme`, `unlock_keychain`, `provider_settings` or `command`.
    pub id: String,
    /// What a button says that does it.
    pub label: String,
    /// A command for the person to run.
    pub command: Option<String>,
    /// The id of the provider whose settings are to be looked at.
    pub provider: Option<String>,
}
