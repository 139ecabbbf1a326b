//! Taking tokens back (RFC 7009), and GitHub's own way of it. What is deleted on this machine is deleted
//! whatever the provider answers; the answer only decides what the person is told.

use http::{HeaderValue, Method, StatusCode, header};
use url::Url;
use zeroize::Zeroizing;

use crate::authorize::Registration;
use crate::error_code::ErrorCode;
use crate::explain::explained;
use crate::json;
use crate::message::{Request, Response};
use crate::secret::{AccessToken, RefreshToken};
use crate::token::{basic_credentials, token_request};
use crate::userinfo::github_request;

/// A token that is to be good no more.
#[derive(Clone, Copy, Debug)]
pub enum TokenToRevoke<'a> {
    /// The refresh token; with it go the access tokens that came from it (RFC 7009 section 2.1).
    Refresh(&'a RefreshToken),
    /// An access token.
    Access(&'a AccessToken),
}

/// Asks the provider to revoke a token (RFC 7009 section 2.1).
pub fn revocation_request(endpoint: &Url, token: TokenToRevoke<'_>, registration: &Registration) -> Request {
    let (token, kind) = match token {
        TokenToRevoke::Refresh(token) => (token.expose(), "refresh_token"),
        TokenToRevoke::Access(token) => (token.expose(), "access_token"),
    };
    token_request(
        endpoint,
        registration,
        &[("token", token), ("token_type_hint", kind)],
    )
}

/// Asks GitHub to delete an app's token. Needs the client secret; `None` without one. `api` is
/// `https://api.github.com`, or an Enterprise Server's `https://HOST/api/v3`.
pub fn github_revocation_request(
    api: &Url,
    registration: &Registration,
    token: &AccessToken,
) -> Option<Request> {
    github_deletion(api, "token", registration, token)
}

/// Asks GitHub to forget all that the token's owner allowed this app, with every token of it on every device. Needs
/// the client secret; `None` without one. `api` as with [`github_revocation_request`].
pub fn github_grant_deletion_request(
    api: &Url,
    registration: &Registration,
    token: &AccessToken,
) -> Option<Request> {
    github_deletion(api, "grant", registration, token)
}

fn github_deletion(
    api: &Url,
    what: &str,
    registration: &Registration,
    token: &AccessToken,
) -> Option<Request> {
    let client_id = registration.client_id.as_str();
    let secret = registration.client_secret.as_ref()?;
    let mut request = github_request(api, &["applications", client_id, what]);
    request.method = Method::DELETE;
    request.headers.insert(
        header::AUTHORIZATION,
        basic_credentials(client_id, secret.expose()),
    );
    let token = quoted(token.expose());
    set_json(
        &mut request,
        &format_secret(&[r#"{"access_token":"#, &token, "}"]),
    );
    Some(request)
}

/// Tells GitHub that these tokens were seen by somebody who should not have: it ends them, and writes to their owner.
/// Takes no secret and no `Authorization`, with which it is refused.
pub fn github_leak_report(
    api: &Url,
    refresh: Option<&RefreshToken>,
    access: Option<&AccessToken>,
) -> Request {
    let mut request = github_request(api, &["credentials", "revoke"]);
    request.method = Method::POST;
    let tokens = [refresh.map(RefreshToken::expose), access.map(AccessToken::expose)];
    let quoted: Vec<_> = tokens.into_iter().flatten().map(quoted).collect();
    let listed = Zeroizing::new(
        quoted
            .iter()
            .map(|token| token.as_str())
            .collect::<Vec<_>>()
            .join(","),
    );
    set_json(
        &mut request,
        &format_secret(&[r#"{"credentials":["#, &listed, "]}"]),
    );
    request
}

fn set_json(request: &mut Request, body: &Zeroizing<String>) {
    request
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.body = Zeroizing::new(body.as_bytes().to_vec());
}

/// A token as a JSON string. It is visible ASCII, of which JSON escapes only quotes and backslashes.
fn quoted(token: &str) -> Zeroizing<String> {
    let escaped = Zeroizing::new(token.replace('\\', "\\\\").replace('"', "\\\""));
    format_secret(&["\"", &escaped, "\""])
}

/// The parts as one text, of which no copy is left behind.
fn format_secret(parts: &[&str]) -> Zeroizing<String> {
    Zeroizing::new(parts.concat())
}

/// Judges the provider's answer. `Ok` means that the token is good no more, also when it was not before (RFC
/// 7009 section 2.2).
pub fn judge(response: &Response) -> Result<(), RevocationError> {
    let status = response.status;
    if matches!(status, StatusCode::OK | StatusCode::NO_CONTENT) {
        return Ok(());
    }
    if json::is_passing(status) {
        return Err(RevocationError::Unavailable {
            status: status.as_u16(),
            retry_after: json::retry_after(response),
        });
    }
    let error = json::read::<serde_json::Map<_, _>>(response).ok();
    let error = error
        .as_ref()
        .and_then(|error| error.get("error"))
        .and_then(serde_json::Value::as_str);
    match error.map(ErrorCode::parse) {
        Some(ErrorCode::InvalidToken) => Ok(()),
        Some(error) => Err(RevocationError::Refused { error }),
        None => Err(RevocationError::Status {
            status: status.as_u16(),
        }),
    }
}

/// Judges GitHub's answer to [`github_revocation_request`]: 404 and 422 say that there is no such token.
pub fn judge_github(response: &Response) -> Result<(), RevocationError> {
    match response.status {
        StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY if !json::is_html(response) => Ok(()),
        _ => judge(response),
    }
}

/// Judges GitHub's answer to [`github_grant_deletion_request`]. A token that it does not know shows no one whose grant it
/// could forget, so that 404 and 422 are no yes.
pub fn judge_github_grant_deletion(response: &Response) -> Result<(), RevocationError> {
    judge(response)
}

/// Judges GitHub's answer to [`github_leak_report`]: 202, whatever it knows of the tokens.
pub fn judge_github_leak_report(response: &Response) -> Result<(), RevocationError> {
    match response.status {
        StatusCode::ACCEPTED => Ok(()),
        _ => judge(response),
    }
}

/// Why a token may still be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationError {
    /// The provider has trouble of its own (RFC 7009 section 2.2.1).
    Unavailable {
        /// The status.
        status: u16,
        /// Seconds after which to ask again, if the provider said so.
        retry_after: Option<u64>,
    },
    /// The provider said no, and why.
    Refused {
        /// The error.
        error: ErrorCode,
    },
    /// Another status, without an error that could be read.
    Status {
        /// The status.
        status: u16,
    },
}

impl RevocationError {
    /// Whether the same request may be answered otherwise in a while.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Seconds after which the provider wants to be asked again, if it said so.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Refused { .. } | Self::Status { .. } => None,
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "revocation_unavailable",
            Self::Refused { .. } => "revocation_refused",
            Self::Status { .. } => "revocation_status",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::Unavailable { .. } => {
                "You are signed out here, but the provider has trouble and could not end this app's access on its side."
                    .to_owned()
            }
            Self::Refused { .. } | Self::Status { .. } => {
                "You are signed out here, but the provider did not end this app's access on its side.".to_owned()
            }
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        "To be sure, remove this app on the provider's page of connected apps; otherwise its access ends by itself."
            .to_owned()
    }
}

explained!(RevocationError);

#[cfg(test)]
mod tests;
