//! The provider's answers: metadata, keys, codes for a device, tokens.
//!
//! An input is an answer as it would be written down: status and media type on the first line, then the body. Without
//! such a line, all of it is the body of a good answer.

use http::StatusCode;
use tessera_oidc::device::{PollOutcome, parse_device_response, parse_poll_response};
use tessera_oidc::discovery::parse_metadata;
use tessera_oidc::key_set::{KeySet, MAX_KEY_SET_BYTES};
use tessera_oidc::message::{MAX_RESPONSE_BYTES, Response};
use tessera_oidc::token::{Dialect, TokenError, TokenResponse, parse_token_response};
use tessera_oidc::{Explain, Scopes, is_secure};

use crate::refusal::{conceals, refused, secret_parts};
use crate::scene::{self, THE_ISSUER};
use crate::{Judged, Limit};

/// The token that the kept inputs carry, wherever a provider may put one.
const TOKEN: &str = "gho_16C7e42F292c6912E7710c838347Ae178B4a";

/// What is kept of an answer is read into members that are known; what is not known is passed over.
const LIMIT: Limit = Limit {
    fixed: 64 * 1024,
    per_byte: 100,
    largest: MAX_RESPONSE_BYTES,
};

/// The discovery document (OpenID Connect Discovery section 4.2).
pub(crate) fn discovery_document(input: &[u8]) -> Judged {
    let response = response(input);
    match LIMIT.holds(response.body.len(), || parse_metadata(&THE_ISSUER, &response)) {
        Ok(metadata) => {
            assert_eq!(metadata.issuer, *THE_ISSUER);
            let endpoints = [&metadata.authorization_endpoint, &metadata.token_endpoint];
            let optional = [
                &metadata.jwks_uri,
                &metadata.userinfo_endpoint,
                &metadata.revocation_endpoint,
                &metadata.end_session_endpoint,
                &metadata.device_authorization_endpoint,
                &metadata.pushed_authorization_request_endpoint,
            ];
            for endpoint in endpoints.into_iter().chain(optional.into_iter().flatten()) {
                assert!(is_secure(endpoint), "{endpoint}");
            }
            Judged::Accepted
        }
        // It is public, and who says that they are the issuer is told as they say it.
        Err(error) => refused(error.code(), &error.message(), &error.hint(), &error, &[]),
    }
}

/// The key set (RFC 7517 section 5).
pub(crate) fn key_set(input: &[u8]) -> Judged {
    const LIMIT: Limit = Limit {
        fixed: 16 * 1024,
        per_byte: 100,
        largest: MAX_KEY_SET_BYTES,
    };
    match LIMIT.holds(input.len(), || KeySet::parse(input)) {
        Ok(keys) => {
            let good = scene::sign(scene::jws_header("JWT").as_bytes(), b"{}");
            if LIMIT
                .holds(good.len(), || {
                    keys.verify(&good, tessera_oidc::key_set::Algorithm::ALL)
                })
                .is_ok()
            {
                assert!(keys.contains("key-1") || !keys.is_empty());
            }
            Judged::Accepted
        }
        Err(error) => {
            let sentence = error.to_string();
            refused(error.code(), &sentence, &sentence, &error, &[])
        }
    }
}

/// The answer of the token endpoint (RFC 6749 sections 5.1 and 5.2), in every dialect.
pub(crate) fn token_response(input: &[u8]) -> Judged {
    let response = response(input);
    let requested = Scopes::parse("openid profile");
    let github = parse(&response, Dialect::GITHUB, &requested);
    match parse(&response, Dialect::STANDARD, &requested) {
        Ok(tokens) => {
            assert_eq!(response.status, StatusCode::OK);
            assert_tokens(&tokens);
            Judged::Accepted
        }
        Err(error) => {
            let refused = explained(&error);
            match github {
                Ok(tokens) => {
                    assert_tokens(&tokens);
                    Judged::Accepted
                }
                Err(error) => {
                    explained(&error);
                    refused
                }
            }
        }
    }
}

fn parse(response: &Response, dialect: Dialect, requested: &Scopes) -> Result<TokenResponse, TokenError> {
    LIMIT.holds(response.body.len(), || {
        parse_token_response(response, &dialect, requested)
    })
}

/// Tokens go into header fields and forms: nothing in them may end a line.
fn assert_tokens(tokens: &TokenResponse) {
    let refresh = tokens.refresh_token.as_ref().map_or("", |token| token.expose());
    let id = tokens.id_token.as_ref().map_or("", |token| token.expose());
    for token in [tokens.access_token.expose(), refresh, id] {
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{token:?}");
    }
    assert!(!tokens.access_token.expose().is_empty());
}

/// The answers to a device authorization request and to a poll (RFC 8628 sections 3.2 and 3.5).
pub(crate) fn device_response(input: &[u8]) -> Judged {
    let response = response(input);
    let size = response.body.len();
    let requested = Scopes::parse("openid");
    for dialect in [Dialect::STANDARD, Dialect::GITHUB] {
        let polled = LIMIT.holds(size, || parse_poll_response(&response, &dialect, &requested, 5));
        match polled {
            PollOutcome::Unavailable { error } | PollOutcome::Failed { error } => {
                explained(&error);
            }
            PollOutcome::Done(tokens) => assert_tokens(&tokens),
            PollOutcome::SlowDown { interval } => assert!((10..=3600).contains(&interval), "{interval}"),
            PollOutcome::Pending | PollOutcome::Denied | PollOutcome::Expired => {}
        }
    }
    match LIMIT.holds(size, || parse_device_response(&response, &Dialect::STANDARD)) {
        Ok(grant) => {
            assert!(is_secure(&grant.verification_uri), "{}", grant.verification_uri);
            assert!(grant.verification_uri_complete.as_ref().is_none_or(is_secure));
            assert!((1..=3600).contains(&grant.interval) && grant.expires_in <= 3600);
            conceals(
                &[&format!("{:?}", grant.device_code)],
                &secret_parts(grant.device_code.expose()),
            );
            Judged::Accepted
        }
        Err(error) => explained(&error),
    }
}

fn explained<E: Explain>(error: &E) -> Judged {
    refused(error.code(), &error.message(), &error.hint(), error, &[TOKEN])
}

/// Reads the first line as status and media type.
fn response(input: &[u8]) -> Response {
    let first = input.iter().position(|byte| *byte == b'\n');
    let described = first.and_then(|end| {
        let (line, body) = input.split_at_checked(end)?;
        let (status, media_type) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let status = StatusCode::from_bytes(status.as_bytes()).ok()?;
        Some(scene::answer(status, media_type, body.get(1..)?))
    });
    described.unwrap_or_else(|| scene::answer(StatusCode::OK, "application/json", input))
}
