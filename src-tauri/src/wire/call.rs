//! Calls of APIs: what is known, what is sent, and what came back.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

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
