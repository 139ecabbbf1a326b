//! Answers that several endpoints give, and the notes they leave for the log.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// Left on a response for the log: the OAuth error code in it.
#[derive(Clone, Debug)]
pub(crate) struct ErrorCode(pub(crate) String);

/// Left on a response for the log: faults that changed it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown(pub(crate) Vec<String>);

/// Left on a response for the log: a refresh token came back, and its family is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FamilyEnded;

/// An error of an OAuth endpoint (RFC 6749 section 5.2).
#[derive(Clone, Debug)]
pub(crate) struct OAuthError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) description: &'static str,
    /// Everything that came of the sign-in is ended by this.
    pub(crate) ends_family: bool,
}

impl OAuthError {
    /// Status 400.
    pub(crate) fn new(code: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            description,
            ends_family: false,
        }
    }

    /// With an end to everything that came of the sign-in.
    pub(crate) fn ending_family(mut self) -> Self {
        self.ends_family = true;
        self
    }

    /// Another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Something broke in here.
    pub(crate) fn broken() -> Self {
        Self::new("server_error", "The sandbox could not do this.").status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<crate::keys::KeyError> for OAuthError {
    fn from(error: crate::keys::KeyError) -> Self {
        tracing::error!(%error, "cannot sign");
        Self::broken()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        // RFC 6749 section 5.2: a client that tried to say who it is by a header field gets one back.
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"sandbox\""),
            );
        }
        if self.ends_family {
            response.extensions_mut().insert(FamilyEnded);
        }
        not_stored(with_error(response, self.code))
    }
}

/// Leaves the error code for the log.
pub(crate) fn with_error(mut response: Response, code: &str) -> Response {
    response.extensions_mut().insert(ErrorCode(code.to_owned()));
    response
}

/// Leaves the names of faults for the log.
pub(crate) fn with_faults(mut response: Response, names: impl IntoIterator<Item = String>) -> Response {
    let mut shown = response.extensions_mut().remove::<Shown>().unwrap_or_default();
    shown.0.extend(names);
    response.extensions_mut().insert(shown);
    response
}

/// Marks an answer that holds secrets (RFC 6749 section 5.1).
pub(crate) fn not_stored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A JSON object with status 200 that nobody may store.
pub(crate) fn secret_json(body: Value) -> Response {
    not_stored(Json(body).into_response())
}

/// The answer to a bearer token that is missing or not good (RFC 6750 section 3): no error code when there was
/// no token at all.
pub(crate) fn bearer_refused(presented: bool) -> Response {
    let (challenge, body) = if presented {
        (
            "Bearer realm=\"sandbox\", error=\"invalid_token\", error_description=\"The access token is not good (any more)\"",
            json!({ "error": "invalid_token", "error_description": "The access token is not good (any more)." }),
        )
    } else {
        ("Bearer realm=\"sandbox\"", json!({}))
    };
    let mut response = (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    if presented {
        response = with_error(response, "invalid_token");
    }
    not_stored(response)
}

/// The answer to a good bearer token that does not permit this (RFC 6750 section 3.1).
pub(crate) fn scope_missing(scope: &str) -> Response {
    let code = "insufficient_scope";
    let body = json!({ "error": code, "error_description": "The access token does not permit this." });
    let mut response = (StatusCode::FORBIDDEN, Json(body)).into_response();
    let challenge = format!("Bearer realm=\"sandbox\", error=\"{code}\", scope=\"{scope}\"");
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    not_stored(with_error(response, code))
}

/// The answer to a bound token whose proof is missing or not good (RFC 9449 section 7.1).
pub(crate) fn proof_refused(code: &'static str) -> Response {
    let body = json!({ "error": code, "error_description": "The proof of possession is not good." });
    let mut response = (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    let challenge = format!("DPoP realm=\"sandbox\", error=\"{code}\"");
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    not_stored(with_error(response, code))
}

/// The scheme of the `Authorization` field.
pub(crate) fn scheme(headers: &http::HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.split_once(' ').map(|(scheme, _)| scheme)
}

/// The bearer token of the `Authorization` field (RFC 6750 section 2.1).
pub(crate) fn bearer_token(headers: &http::HeaderMap) -> Option<&str> {
    credential(headers, &["bearer"])
}

/// The access token of the `Authorization` field, bound to a key (RFC 9449 section 7.1) or not.
pub(crate) fn access_token(headers: &http::HeaderMap) -> Option<&str> {
    credential(headers, &["bearer", "dpop"])
}

fn credential<'a>(headers: &'a http::HeaderMap, schemes: &[&str]) -> Option<&'a str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let known = schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    known.then(|| token.trim())
}

/// Name and secret of `Authorization: Basic`, form-decoded (RFC 6749 section 2.3.1).
pub(crate) fn basic_credentials(headers: &http::HeaderMap) -> Option<(String, String)> {
    let (name, secret) = raw_basic_credentials(headers)?;
    let decode = |part: &str| {
        url::form_urlencoded::parse(format!("part={part}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    Some((decode(&name), decode(&secret)))
}

/// The same as they stand there.
pub(crate) fn raw_basic_credentials(headers: &http::HeaderMap) -> Option<(String, String)> {
    use base64::Engine as _;
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded.trim())
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, secret) = text.split_once(':')?;
    Some((name.to_owned(), secret.to_owned()))
}
