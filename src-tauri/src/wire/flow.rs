//! Flows as the window draws them: messages between parties, checks, decisions, an end.

use serde::Serialize;
use specta::Type;
use specta_typescript::Number;

use super::{CheckView, ErrorView};

/// What a flow is for.
#[derive(Clone, Copy, Debug, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum FlowKindView {
    /// A person signs in.
    SignIn,
    /// A fresh access token is fetched.
    Refresh,
    /// An API is called.
    Call,
    /// A person signs out.
    SignOut,
}

/// How a flow stands.
#[derive(Clone, Copy, Debug, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum FlowOutcomeView {
    /// It has not ended.
    Running,
    /// It went well.
    Done,
    /// The person, or something newer that they began, ended it.
    Cancelled,
    /// An API answered a call with a no.
    Refused,
    /// It did not go well.
    Failed,
}

/// Who takes part.
#[derive(Clone, Copy, Debug, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum PartyView {
    /// The person.
    Person,
    /// This app.
    Tessera,
    /// The person's browser.
    Browser,
    /// The identity provider.
    Provider,
    /// A protected API.
    Api,
    /// The keychain.
    Keychain,
}

/// A step of a flow.
#[derive(Clone, Debug, Serialize, Type)]
pub struct FlowEventView {
    /// Counts up over all flows of this run.
    #[specta(type = Number)]
    pub sequence: u64,
    /// Milliseconds since 1970.
    #[specta(type = Number)]
    pub at_millis: i64,
    /// Which flow.
    #[specta(type = Number)]
    pub flow: u64,
    /// What it is for.
    pub kind: FlowKindView,
    /// The provider's name, once known.
    pub provider: Option<String>,
    /// The account's id, once known.
    pub account: Option<String>,
    /// What happened.
    pub step: FlowStepView,
}

/// What happened in a step.
#[derive(Clone, Debug, Serialize, Type)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FlowStepView {
    /// A message went from one party to another.
    Message {
        /// Who sent it.
        from: PartyView,
        /// Who got it.
        to: PartyView,
        /// Which message, for example `token_request`.
        id: String,
        /// What it is, in a few words.
        title: String,
        /// Why it exists, in two sentences.
        why: String,
        /// Where it is written down.
        section: Option<String>,
        /// Whether it happens where Tessera cannot see it.
        unseen: bool,
        /// What was in it.
        fields: Vec<FlowFieldView>,
    },
    /// Checks were made.
    Checks {
        /// In order.
        checks: Vec<CheckView>,
    },
    /// Something was decided.
    Decision {
        /// Stable id.
        code: String,
        /// A sentence.
        sentence: String,
    },
    /// The flow is over.
    Ended {
        /// How: `done`, `cancelled`, `refused` or `failed`.
        outcome: FlowOutcomeView,
        /// Why it did not go well; `None` when it did.
        error: Option<ErrorView>,
    },
}

/// A named value in a message.
#[derive(Clone, Debug, Serialize, Type)]
pub struct FlowFieldView {
    /// As it is named on the wire.
    pub name: String,
    /// The value, when it is public.
    pub value: Option<String>,
    /// How many characters it has, when it is not.
    #[specta(type = Option<Number>)]
    pub characters: Option<usize>,
}

/// Where a report was written.
#[derive(Clone, Debug, Serialize, Type)]
pub struct SavedReport {
    /// The JSON file.
    pub json: String,
    /// The Markdown file.
    pub markdown: String,
}
