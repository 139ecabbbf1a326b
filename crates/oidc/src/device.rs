//! The device grant (RFC 8628): a code typed on another device, for when no browser here can come back to the
//! app.

use http::StatusCode;
use serde::Deserialize;
use url::Url;

use crate::authorize::Registration;
use crate::discovery::Metadata;
use crate::error_code::ErrorCode;
use crate::explain::explained;
use crate::ids::{Scopes, is_secure};
use crate::json::{self, NotJson, SecretText};
use crate::message::{Request, Response};
use crate::secret::DeviceCode;
use crate::text;
use crate::token::{self, Dialect, MAX_TOKEN_BYTES, TokenError, TokenResponse, token_request};

/// Seconds between two polls when the provider does not say, and what `slow_down` adds (RFC 8628 sections 3.2
/// and 3.5).
pub const INTERVAL_SECONDS: u64 = 5;

/// Seconds that the codes are good for when the provider does not say, and at most.
pub const MAX_LIFETIME_SECONDS: u64 = 60 * 60;

/// What is asked for when the codes are.
#[derive(Clone, Copy, Debug)]
pub struct DeviceRequest<'a> {
    /// What access is asked for.
    pub scopes: &'a Scopes,
    /// The most seconds that may have passed since the person signed in. RFC 8628 does not define it for this request,
    /// and lets specifications that do say so (section 3.1). A provider that does not know it passes over it (RFC 6749
    /// section 3.2); whether it was heard is for the checks of the ID token to tell.
    pub max_age: Option<u64>,
    /// The authentication contexts of which the sign-in must have one, best first. The same goes for it.
    pub acr_values: &'a [String],
}

/// Asks for the codes (RFC 8628 section 3.1); `None` when the provider has no device grant.
pub fn device_request(
    metadata: &Metadata,
    registration: &Registration,
    asked: &DeviceRequest<'_>,
) -> Option<Request> {
    let endpoint = metadata.device_authorization_endpoint.as_ref()?;
    let scope = asked.scopes.to_string();
    let max_age = asked.max_age.map(|seconds| seconds.to_string());
    let acr_values = asked.acr_values.join(" ");
    let fields: Vec<(&str, &str)> = [
        ("scope", scope.as_str()),
        ("max_age", max_age.as_deref().unwrap_or_default()),
        ("acr_values", acr_values.as_str()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect();
    Some(token_request(endpoint, registration, &fields))
}

/// What a person types, and what the app polls with.
#[derive(Clone, Debug)]
pub struct DeviceGrant {
    /// What the app polls with.
    pub device_code: DeviceCode,
    /// What the person types. Always shown, also beside a complete address (RFC 8628 section 3.3.1).
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: Url,
    /// The same with the code in it.
    pub verification_uri_complete: Option<Url>,
    /// Seconds until both codes end.
    pub expires_in: u64,
    /// Seconds between two polls, at least.
    pub interval: u64,
}

/// Judges the answer with the codes (RFC 8628 section 3.2). Google's `verification_url` is taken as well.
pub fn parse_device_response(response: &Response, dialect: &Dialect) -> Result<DeviceGrant, DeviceError> {
    let row = match json::read::<DeviceRow>(response) {
        Ok(row) => row,
        Err(_) if response.status != StatusCode::OK => return Err(status(response)),
        Err(NotJson::Html) => return Err(DeviceError::NotJson { html: true }),
        Err(NotJson::TooLarge | NotJson::Malformed) => return Err(DeviceError::NotJson { html: false }),
    };
    if (response.status != StatusCode::OK || dialect.error_in_ok)
        && let Some(error) = row.error.as_deref().filter(|error| !error.is_empty())
    {
        return Err(DeviceError::Refused {
            error: ErrorCode::parse(error),
            description: row.error_description.as_deref().map(text::providers_words),
            status: response.status.as_u16(),
        });
    }
    if response.status != StatusCode::OK {
        return Err(status(response));
    }
    let device_code = row.device_code.map(|code| code.0).filter(|code| !code.is_empty());
    let device_code = device_code.filter(|code| code.len() <= MAX_TOKEN_BYTES);
    let device_code = device_code.ok_or(DeviceError::Malformed { field: "device_code" })?;
    let user_code = row.user_code.filter(|code| is_user_code(code));
    let user_code = user_code.ok_or(DeviceError::Malformed { field: "user_code" })?;
    let address = |text: &str| Url::parse(text).ok().filter(is_secure);
    let verification_uri = row
        .verification_uri
        .or(row.verification_url)
        .as_deref()
        .and_then(address);
    Ok(DeviceGrant {
        device_code: DeviceCode::new(device_code.as_str()),
        user_code,
        verification_uri: verification_uri.ok_or(DeviceError::Malformed {
            field: "verification_uri",
        })?,
        verification_uri_complete: row.verification_uri_complete.as_deref().and_then(address),
        expires_in: row
            .expires_in
            .unwrap_or(MAX_LIFETIME_SECONDS)
            .min(MAX_LIFETIME_SECONDS),
        interval: row
            .interval
            .unwrap_or(INTERVAL_SECONDS)
            .clamp(1, MAX_LIFETIME_SECONDS),
    })
}

/// Asks whether the person has finished (RFC 8628 section 3.4).
pub fn poll_request(code: &DeviceCode, metadata: &Metadata, registration: &Registration) -> Request {
    token_request(
        &metadata.token_endpoint,
        registration,
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", code.expose()),
        ],
    )
}

/// What came of a poll.
#[derive(Clone, Debug)]
pub enum PollOutcome {
    /// Not yet: poll again.
    Pending,
    /// Not yet, and the provider wants to be asked less often.
    SlowDown {
        /// Seconds between two polls from now on.
        interval: u64,
    },
    /// The provider could not answer, which says nothing about the person: poll again, less often (RFC 8628
    /// section 3.5).
    Unavailable {
        /// Why.
        error: TokenError,
    },
    /// The person said no.
    Denied,
    /// The codes ended before the person did.
    Expired,
    /// The person agreed.
    Done(Box<TokenResponse>),
    /// Anything else, which ends the attempt.
    Failed {
        /// Why.
        error: TokenError,
    },
}

/// Judges the answer to a poll (RFC 8628 section 3.5). `interval` is the one in force, `requested` what was
/// asked for.
pub fn parse_poll_response(
    response: &Response,
    dialect: &Dialect,
    requested: &Scopes,
    interval: u64,
) -> PollOutcome {
    let error = match token::parse_token_response(response, dialect, requested) {
        Ok(tokens) => return PollOutcome::Done(Box::new(tokens)),
        Err(error) => error,
    };
    let TokenError::Refused(refusal) = &error else {
        return if error.is_passing() {
            PollOutcome::Unavailable { error }
        } else {
            PollOutcome::Failed { error }
        };
    };
    match refusal.error {
        ErrorCode::AuthorizationPending => PollOutcome::Pending,
        ErrorCode::SlowDown => {
            let slower = interval.saturating_add(INTERVAL_SECONDS);
            let told = refusal.interval.unwrap_or_default();
            PollOutcome::SlowDown {
                interval: slower.max(told).min(MAX_LIFETIME_SECONDS),
            }
        }
        ErrorCode::AccessDenied | ErrorCode::AuthorizationDeclined => PollOutcome::Denied,
        ErrorCode::ExpiredToken => PollOutcome::Expired,
        _ if error.is_passing() => PollOutcome::Unavailable { error },
        _ => PollOutcome::Failed { error },
    }
}

/// Why there are no codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// The provider said no, and why.
    Refused {
        /// The error.
        error: ErrorCode,
        /// In the provider's own words, made fit to be shown.
        description: Option<String>,
        /// The status it came with.
        status: u16,
    },
    /// Another status, without an error that could be read.
    Status {
        /// The status.
        status: u16,
        /// Seconds after which to ask again, if the provider said so.
        retry_after: Option<u64>,
    },
    /// Status 200 with something that is not JSON.
    NotJson {
        /// Whether it was a web page.
        html: bool,
    },
    /// Something is missing or cannot be used.
    Malformed {
        /// What.
        field: &'static str,
    },
}

impl DeviceError {
    /// Whether the trouble is likely to pass by itself.
    pub fn is_passing(&self) -> bool {
        let passing = |status: u16| StatusCode::from_u16(status).is_ok_and(json::is_passing);
        match self {
            Self::Refused { error, status, .. } => passing(*status) || error.is_passing(),
            Self::Status { status, .. } => passing(*status),
            Self::NotJson { .. } => true,
            Self::Malformed { .. } => false,
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { error, .. } => error.refusal_code(),
            Self::Status { .. } => "device_status",
            Self::NotJson { .. } => "device_not_json",
            Self::Malformed { .. } => "device_malformed",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::Refused { error, description, .. } => error.message(description.as_deref()),
            Self::Status { status, .. } => {
                format!("You could not be given a code to type: the provider answered with status {status}.")
            }
            Self::NotJson { html: true } => {
                "You could not be given a code to type: a web page came where the provider's answer should be.".to_owned()
            }
            Self::NotJson { html: false } => {
                "You could not be given a code to type: the provider's answer cannot be read.".to_owned()
            }
            Self::Malformed { field } => {
                format!("You could not be given a code to type: the {field} in the provider's answer cannot be used.")
            }
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Refused { error, .. } => error.hint(),
            Self::Status { .. } | Self::NotJson { .. } => {
                "Try again in a few minutes, or sign in with the browser on this computer."
            }
            Self::Malformed { .. } => "Sign in with the browser on this computer instead.",
        }
        .to_owned()
    }
}

explained!(DeviceError);

fn status(response: &Response) -> DeviceError {
    DeviceError::Status {
        status: response.status.as_u16(),
        retry_after: json::retry_after(response),
    }
}

/// Something a person can read and type: 1 to 64 visible ASCII characters, spaces in between allowed.
fn is_user_code(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.trim() == code
        && code.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// A device authorization response or an error response, as it comes.
#[derive(Deserialize)]
struct DeviceRow {
    device_code: Option<SecretText>,
    user_code: Option<String>,
    verification_uri: Option<String>,
    verification_url: Option<String>,
    verification_uri_complete: Option<String>,
    #[serde(default, deserialize_with = "json::seconds")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "json::seconds")]
    interval: Option<u64>,
    error: Option<String>,
    error_description: Option<String>,
}

#[cfg(test)]
mod tests;
