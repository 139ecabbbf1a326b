//! Pushed authorization requests (RFC 9126): the request goes to the provider beforehand, on a connection of the
//! client's own, and the browser carries no more than the name that the provider gave it.

use http::StatusCode;
use serde::Deserialize;
use url::Url;

use crate::authorize::{Registration, TokenAuth, query_of_endpoint};
use crate::discovery::Metadata;
use crate::error_code::ErrorCode;
use crate::explain::explained;
use crate::ids::ClientId;
use crate::json::{self, NotJson};
use crate::message::{Request, Response};
use crate::text;
use crate::token::token_request;

/// The most bytes that a `request_uri` may have: it must fit into an address that every browser takes.
pub const MAX_REQUEST_URI_BYTES: usize = 2048;

/// Pushes the request that [`authorize::begin`](crate::authorize::begin) wrote as `url`: every parameter of it as
/// a form, with the client presented as at the token endpoint (RFC 9126 section 2.1). `None` when the provider
/// takes requests only by the browser.
///
/// # Errors
/// When the provider takes only pushed requests and does not say where (RFC 9126 section 5).
pub fn push_request(
    metadata: &Metadata,
    registration: &Registration,
    url: &Url,
) -> Result<Option<Request>, ParError> {
    let Some(endpoint) = &metadata.pushed_authorization_request_endpoint else {
        return if metadata.require_pushed_authorization_requests {
            Err(ParError::NoEndpoint)
        } else {
            Ok(None)
        };
    };
    // The authorization endpoint's own query is part of its address, not of the request.
    let of_endpoint = query_of_endpoint(&metadata.authorization_endpoint).len();
    let in_header = registration.token_auth == TokenAuth::SecretBasic && registration.client_secret.is_some();
    let parameters: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .skip(of_endpoint)
        // A parameter of every request; but no parameter may come twice, and the credentials may bring it along.
        .filter(|(name, _)| in_header || name != "client_id")
        .collect();
    let fields: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Ok(Some(token_request(endpoint, registration, &fields)))
}

/// What the provider calls a pushed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedRequest {
    /// Its name, good for one use.
    pub request_uri: String,
    /// Seconds that it can be used.
    pub expires_in: u64,
}

impl PushedRequest {
    /// The address to open in the browser: the client and the name of its request, and nothing else (RFC 9126
    /// section 4).
    pub fn authorization_url(&self, metadata: &Metadata, client_id: &ClientId) -> Url {
        let mut url = metadata.authorization_endpoint.clone();
        let kept = query_of_endpoint(&url);
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("client_id", client_id.as_str())
            .append_pair("request_uri", &self.request_uri);
        url
    }
}

/// Judges the answer to a pushed request (RFC 9126 sections 2.2 and 2.3): only status 201 took it.
///
/// # Errors
/// When the provider refused it, or the answer names no request that could be used.
pub fn parse_push_response(response: &Response) -> Result<PushedRequest, ParError> {
    let status = || ParError::Status {
        status: response.status.as_u16(),
    };
    let row = match json::read::<PushedRow>(response) {
        Ok(row) => row,
        Err(_) if response.status != StatusCode::CREATED => return Err(status()),
        Err(NotJson::Html) => return Err(ParError::NotJson { html: true }),
        Err(NotJson::TooLarge | NotJson::Malformed) => return Err(ParError::NotJson { html: false }),
    };
    if response.status != StatusCode::CREATED {
        let error = row.error.filter(|error| !error.is_empty()).ok_or_else(status)?;
        return Err(ParError::Refused {
            error: ErrorCode::parse(&error),
            description: row.error_description.as_deref().map(text::providers_words),
            status: response.status.as_u16(),
        });
    }
    let usable = |uri: &String| {
        (1..=MAX_REQUEST_URI_BYTES).contains(&uri.len()) && uri.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let malformed = |field| ParError::Malformed { field };
    Ok(PushedRequest {
        request_uri: row
            .request_uri
            .filter(usable)
            .ok_or_else(|| malformed("request_uri"))?,
        expires_in: row
            .expires_in
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| malformed("expires_in"))?,
    })
}

/// Why a request could not be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParError {
    /// The provider takes only pushed requests, and does not say where.
    NoEndpoint,
    /// The provider said no, and why.
    Refused {
        /// The error.
        error: ErrorCode,
        /// In the provider's own words, made fit to be shown.
        description: Option<String>,
        /// The status it came with.
        status: u16,
    },
    /// Another status than 201, without an error that could be read.
    Status {
        /// The status.
        status: u16,
    },
    /// Status 201 with something that is not JSON.
    NotJson {
        /// Whether it was a web page.
        html: bool,
    },
    /// The answer lacks something, or holds something that cannot be used.
    Malformed {
        /// What.
        field: &'static str,
    },
}

impl ParError {
    /// Whether the trouble is likely to pass by itself.
    pub fn is_passing(&self) -> bool {
        let passing = |status: u16| StatusCode::from_u16(status).is_ok_and(json::is_passing);
        match self {
            Self::Refused { error, status, .. } => passing(*status) || error.is_passing(),
            Self::Status { status } => passing(*status),
            Self::NotJson { .. } => true,
            Self::NoEndpoint | Self::Malformed { .. } => false,
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoEndpoint => "par_endpoint_missing",
            Self::Refused { .. } => "par_refused",
            Self::Status { .. } => "par_status",
            Self::NotJson { .. } => "par_not_json",
            Self::Malformed { .. } => "par_malformed",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::NoEndpoint => {
                "You cannot sign in there: the provider wants to be told of every sign-in beforehand, and does not say where.".to_owned()
            }
            Self::Refused { description: Some(words), .. } if !words.is_empty() => {
                format!("You cannot sign in now: the provider did not take the request for it. It said: {words}")
            }
            Self::Refused { .. } => {
                "You cannot sign in now: the provider did not take the request for it.".to_owned()
            }
            Self::Status { status } => {
                format!("You cannot sign in now: the provider answered with status {status} when it was told of the sign-in.")
            }
            Self::NotJson { html: true } => {
                "You cannot sign in now: a web page came where the provider's answer should be.".to_owned()
            }
            Self::NotJson { html: false } => {
                "You cannot sign in now: the provider's answer cannot be read.".to_owned()
            }
            Self::Malformed { field } => {
                format!("You cannot sign in now: the provider's answer has no {field} that can be used.")
            }
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Refused { error, .. } => error.hint(),
            Self::Status { status: 429 | 500.. } | Self::NotJson { html: false } => {
                "Try again in a few minutes; nothing is lost."
            }
            Self::NotJson { html: true } => {
                "Open a browser and see whether the network you are on wants you to sign in to it, then try again."
            }
            Self::NoEndpoint | Self::Status { .. } | Self::Malformed { .. } => {
                "Tell whoever runs the provider; only they can change this."
            }
        }
        .to_owned()
    }
}

explained!(ParError);

/// The answer to a pushed request or an error response, as it comes.
#[derive(Deserialize)]
struct PushedRow {
    request_uri: Option<String>,
    #[serde(default, deserialize_with = "json::seconds")]
    expires_in: Option<u64>,
    error: Option<String>,
    error_description: Option<String>,
}

#[cfg(test)]
mod tests;
