//! Every way in which the guard says no, and how it says it: by the rules of RFC 6750 section 3 for the
//! program that called, and in plain words for the person who wrote it.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde_json::json;
use tessera_oidc::Scopes;
use tessera_oidc::key_set::JwsError;

use crate::dpop::{self, ProofFault};

/// A request that goes no further.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    #[source]
    reason: Reason,
    space: Space,
}

/// The protected space that a refusal is about, and how one gets in (RFC 9110 section 11.5).
#[derive(Clone, Debug)]
pub(crate) struct Space {
    pub(crate) realm: Arc<str>,
    /// The algorithms that proofs may be signed with; `None` where proofs are not looked at.
    pub(crate) algorithms: Option<Arc<str>>,
    /// Whether the request tried to get in by a proof.
    pub(crate) by_proof: bool,
}

/// Why a request goes no further. Repeats nothing of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// No access token was presented (401, without an error code: RFC 6750 section 3.1).
    #[error("this API needs an access token")]
    NoToken,
    /// The `Authorization` field cannot be read as one bearer token (400).
    #[error("the request cannot be read: {0}")]
    MalformedRequest(&'static str),
    /// The token is not good for this API now (401).
    #[error("the access token was not accepted: {0}")]
    InvalidToken(#[from] TokenFault),
    /// The proof that a bound token needs is none for this request (401: RFC 9449 section 7.1).
    #[error("the DPoP proof was not accepted: {0}")]
    InvalidProof(#[from] ProofFault),
    /// The token does not carry every scope that is needed (403).
    #[error("the access token does not permit this")]
    InsufficientScope {
        /// All scopes that are needed.
        needed: Scopes,
    },
    /// The person signed in too long ago, or not strongly enough (401: RFC 9470 section 3).
    #[error("{}", of_authentication(.acr_values, *.max_age))]
    InsufficientAuthentication {
        /// The authentication contexts of which one is needed; empty when any will do.
        acr_values: Vec<String>,
        /// The most seconds that may have passed since the sign-in.
        max_age: Option<u64>,
    },
    /// The issuer's keys are not to be had, so nothing can be said about the token (503).
    #[error("the keys that check access tokens are not available at the moment")]
    KeysUnavailable {
        /// Seconds after which another try makes sense.
        retry_after: u32,
    },
    /// A scope or a [`Caller`](crate::Caller) was asked for where no [`RequireAuth`](crate::RequireAuth) had
    /// checked the request: a mistake in the API, and closed rather than open (500).
    #[error("this API does not check its callers here")]
    Unguarded,
}

/// What is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// It has more than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES) bytes.
    #[error("it is too long")]
    TooLong,
    /// It has not the form of a signed token, or the issuer's keys did not sign it.
    #[error("{}", in_short(.0))]
    Signature(JwsError),
    /// Its `typ` is not `at+jwt`: an ID token, for example, is not for calling APIs (RFC 9068 section 2.1).
    #[error("it is not an access token by its type")]
    NotAnAccessToken,
    /// What was signed is not a JSON object.
    #[error("it does not contain claims")]
    NotClaims,
    /// A claim that RFC 9068 section 2.2 requires is not there.
    #[error("it lacks the claim {0}")]
    MissingClaim(&'static str),
    /// A claim is there and is not of its type.
    #[error("its claim {0} cannot be read")]
    MalformedClaim(&'static str),
    /// Another issuer made it.
    #[error("it comes from another issuer")]
    WrongIssuer,
    /// It is for another API.
    #[error("it is for another API")]
    WrongAudience,
    /// Its `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// Its `nbf` has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Its `iat` has not come.
    #[error("it says that it was issued in the future")]
    IssuedInFuture,
    /// It has a `cnf`: it is of use only together with a key (RFC 7800), and whoever presents it as a bearer
    /// token has not shown that key.
    #[error("it is bound to a key and cannot be used as a bearer token")]
    KeyBound,
    /// It is bound to no key, and was presented with a proof of one (RFC 9449 section 7.1).
    #[error("it is not bound to a key, so no proof can go with it")]
    NotBound,
}

impl TokenFault {
    /// A name for programs to branch on; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_large",
            Self::Signature(error) => error.code(),
            Self::NotAnAccessToken => "token_type",
            Self::NotClaims => "token_no_claims",
            Self::MissingClaim(_) => "token_claim_missing",
            Self::MalformedClaim(_) => "token_claim_malformed",
            Self::WrongIssuer => "token_issuer",
            Self::WrongAudience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::IssuedInFuture => "token_issued_in_future",
            Self::KeyBound => "token_key_bound",
            Self::NotBound => "token_not_bound",
        }
    }
}

fn of_authentication(acr_values: &[String], max_age: Option<u64>) -> &'static str {
    match (acr_values, max_age) {
        ([], _) => "a more recent sign-in is needed",
        (_, None) => "a stronger sign-in is needed",
        (_, Some(_)) => "a stronger and more recent sign-in is needed",
    }
}

/// Without `alg` and `kid`, which are the caller's own text.
pub(crate) fn in_short(error: &JwsError) -> &'static str {
    match error {
        JwsError::TooLarge => "it is too long",
        JwsError::Malformed(_) => "it is not a signed token",
        JwsError::AlgorithmNotAllowed { .. } => "it is not signed with an algorithm that is allowed here",
        JwsError::UnsupportedCritical => "it requires an extension that is not understood here",
        JwsError::UnknownKey { .. } => "its issuer has no such key",
        JwsError::UnfitKey => "it names a key that is not for its algorithm",
        JwsError::AmbiguousKey => "it does not say which key signed it",
        JwsError::BadSignature => "its signature is wrong",
    }
}

impl Refusal {
    pub(crate) fn new(reason: Reason, space: Space) -> Self {
        Self { reason, space }
    }

    /// For where no guard has been, so that there is no realm.
    pub(crate) fn unguarded() -> Self {
        let space = Space {
            realm: Arc::from(""),
            algorithms: None,
            by_proof: false,
        };
        Self::new(Reason::Unguarded, space)
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self.reason {
            Reason::KeysUnavailable { .. } | Reason::InvalidProof(ProofFault::Crowded) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Reason::InvalidProof(ProofFault::KeyCrowded) => StatusCode::TOO_MANY_REQUESTS,
            Reason::NoToken
            | Reason::InvalidToken(_)
            | Reason::InvalidProof(_)
            | Reason::InsufficientAuthentication { .. } => StatusCode::UNAUTHORIZED,
            Reason::MalformedRequest(_) => StatusCode::BAD_REQUEST,
            Reason::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Reason::Unguarded => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The `error` of the answer's body; where RFC 6750 section 3.1 or RFC 9470 section 3 has a
    /// code, that one.
    pub fn code(&self) -> &'static str {
        match self.reason {
            Reason::NoToken => "token_required",
            Reason::MalformedRequest(_) => "invalid_request",
            Reason::InvalidToken(_) => "invalid_token",
            Reason::InvalidProof(ProofFault::NonceNeeded(_)) => "use_dpop_nonce",
            Reason::KeysUnavailable { .. } | Reason::InvalidProof(ProofFault::Crowded) => {
                "temporarily_unavailable"
            }
            Reason::InvalidProof(ProofFault::KeyCrowded) => "too_many_requests",
            Reason::InvalidProof(_) => "invalid_dpop_proof",
            Reason::InsufficientScope { .. } => "insufficient_scope",
            Reason::InsufficientAuthentication { .. } => "insufficient_user_authentication",
            Reason::Unguarded => "server_error",
        }
    }

    /// What the caller can do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match &self.reason {
            Reason::NoToken => "Send an access token in the header field Authorization: Bearer TOKEN.",
            Reason::MalformedRequest(_) => {
                "Send one header field Authorization: Bearer TOKEN, with one token and nothing else."
            }
            Reason::InvalidToken(TokenFault::NotAnAccessToken) => {
                "Send the access token, not the ID token; its issuer must mark it with typ at+jwt."
            }
            Reason::InvalidToken(TokenFault::WrongAudience) => {
                "Ask the issuer for an access token for this API."
            }
            Reason::InvalidToken(TokenFault::KeyBound) if self.space.algorithms.is_some() => {
                "Send it as Authorization: DPoP TOKEN, with a proof of its key in the field DPoP."
            }
            Reason::InvalidToken(TokenFault::NotBound) => {
                "Send it as Authorization: Bearer TOKEN, without a proof."
            }
            Reason::InvalidProof(ProofFault::NonceNeeded(_)) => {
                "Send the request again, with the value of DPoP-Nonce as `nonce` in a new proof."
            }
            Reason::InvalidProof(ProofFault::Crowded) => "Try again in a moment; the proof may well be good.",
            Reason::InvalidProof(ProofFault::KeyCrowded) => "Ask less often; the proof may well be good.",
            Reason::InvalidProof(ProofFault::OutOfTime) => {
                "Make a new proof for each request, and compare the clock of that computer with this one's."
            }
            Reason::InvalidProof(_) => {
                "Make a new proof for this request, with the key that the access token is bound to (RFC 9449 section 4)."
            }
            Reason::InvalidToken(_) => "Get a new access token from its issuer and try again.",
            Reason::InsufficientScope { needed } => {
                return Some(format!("Ask for permission again, with the scopes: {needed}"));
            }
            Reason::InsufficientAuthentication { acr_values, max_age } => {
                let age = max_age.map(|seconds| format!("max_age={seconds}"));
                let acr = (!acr_values.is_empty()).then(|| format!("acr_values={}", acr_values.join(" ")));
                let asked: Vec<String> = [age, acr].into_iter().flatten().collect();
                return Some(format!(
                    "Have the person sign in again, with {}",
                    asked.join(" and ")
                ));
            }
            Reason::KeysUnavailable { .. } => "Try again later; the token may well be good.",
            Reason::Unguarded => return None,
        };
        Some(text.to_owned())
    }

    /// The answer, with a small JSON body `{error, error_description, hint?}`.
    pub fn to_response<B: From<String>>(&self) -> Response<B> {
        let mut body = json!({"error": self.code(), "error_description": self.reason.to_string()});
        if let Some(hint) = self.hint() {
            body["hint"] = hint.into();
        }
        let mut response = Response::new(B::from(body.to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for challenge in self.challenges() {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        match &self.reason {
            Reason::KeysUnavailable { retry_after } => {
                headers.insert(RETRY_AFTER, (*retry_after).into());
            }
            Reason::InvalidProof(ProofFault::Crowded | ProofFault::KeyCrowded) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Reason::InvalidProof(ProofFault::NonceNeeded(nonce)) => {
                if let Ok(nonce) = HeaderValue::from_str(nonce) {
                    headers.insert(dpop::NONCE, nonce);
                }
            }
            _ => {}
        }
        response
    }

    /// The `WWW-Authenticate` fields: by the scheme that was tried, and, where proofs are looked at, what one needs for
    /// the other (RFC 9449 section 7.2).
    fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let tried = self.challenge();
        let offer = self.space.algorithms.as_ref().filter(|_| !self.space.by_proof);
        let offer = offer.filter(|_| tried.is_some()).and_then(|algorithms| {
            let realm = quoted(&self.space.realm);
            HeaderValue::from_str(&format!("DPoP realm={realm}, algs={}", quoted(algorithms))).ok()
        });
        tried.into_iter().chain(offer)
    }

    /// The `WWW-Authenticate` field (RFC 6750 section 3) of the scheme that was tried; none where another token would
    /// not help.
    fn challenge(&self) -> Option<HeaderValue> {
        let scheme = if self.space.by_proof { "DPoP" } else { "Bearer" };
        let mut text = format!("{scheme} realm={}", quoted(&self.space.realm));
        match &self.reason {
            Reason::NoToken => {}
            Reason::InvalidProof(ProofFault::Crowded | ProofFault::KeyCrowded)
            | Reason::KeysUnavailable { .. }
            | Reason::Unguarded => return None,
            Reason::MalformedRequest(_)
            | Reason::InvalidToken(_)
            | Reason::InvalidProof(_)
            | Reason::InsufficientScope { .. }
            | Reason::InsufficientAuthentication { .. } => {
                let description = quoted(&self.reason.to_string());
                text.extend([
                    ", error=",
                    &quoted(self.code()),
                    ", error_description=",
                    &description,
                ]);
            }
        }
        if let Some(algorithms) = self.space.algorithms.as_ref().filter(|_| self.space.by_proof) {
            text.extend([", algs=", &quoted(algorithms)]);
        }
        if let Reason::InsufficientScope { needed } = &self.reason {
            text.extend([", scope=", &quoted(&needed.to_string())]);
        }
        if let Reason::InsufficientAuthentication { acr_values, max_age } = &self.reason {
            if !acr_values.is_empty() {
                text.extend([", acr_values=", &quoted(&acr_values.join(" "))]);
            }
            if let Some(seconds) = max_age {
                text.extend([", max_age=", &quoted(&seconds.to_string())]);
            }
        }
        HeaderValue::from_str(&text).ok()
    }
}

/// A quoted string (RFC 9110 section 5.6.4) of visible ASCII and spaces. Quotes and backslashes become
/// apostrophes and slashes: RFC 6750 section 3 forbids them in these values even when they are escaped.
fn quoted(text: &str) -> String {
    let safe = text.chars().map(|character| match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    });
    format!("\"{}\"", safe.collect::<String>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_quoted_value_stays_inside_its_quotes() {
        let check = |text: &str, expected: &str| assert_eq!(quoted(text), expected);
        check("", r#""""#);
        check("https://api.example/v1", r#""https://api.example/v1""#);
        check(r#"a", error="none"#, r#""a', error='none""#);
        check(r"a\", r#""a/""#);
        check("a\r\nSet-Cookie: b", r#""a??Set-Cookie: b""#);
        check("straße\u{7f}\0", r#""stra?e??""#);
    }

    #[test]
    fn whatever_the_realm_and_the_scopes_are_there_is_one_challenge() {
        let needed = Scopes::from_tokens(["a\"b", "c\nd", "ü"]);
        let refusal = Refusal::new(
            Reason::InsufficientScope { needed },
            Space {
                realm: Arc::from("r\"\\\n"),
                algorithms: None,
                by_proof: false,
            },
        );
        let response = refusal.to_response::<String>();
        let field = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
        let expected = concat!(
            r#"Bearer realm="r'/?", error="insufficient_scope", "#,
            r#"error_description="the access token does not permit this", scope="a'b c?d ?""#
        );
        assert_eq!(field, expected);
    }
}
