//! The claims of an access token, judged one by one (RFC 9068 sections 2.2 and 4).

use std::sync::Arc;

use serde_json::{Map, Value};
use tessera_oidc::key_set::VerifiedJws;
use tessera_oidc::{ClientId, Issuer, Scopes, Subject, UnixTime};

use crate::caller::{Caller, Verified};
use crate::refusal::{Space, TokenFault};

/// What a token for this API must say.
pub(crate) struct Expectations {
    pub(crate) issuer: Issuer,
    /// The names of this API; never empty.
    pub(crate) audiences: Vec<String>,
    /// Seconds by which clocks may differ.
    pub(crate) leeway: i64,
    /// What refusals are headed with.
    pub(crate) space: Space,
}

/// Whether a header's `typ` says access token: `at+jwt` or `application/at+jwt`, media types being
/// case-insensitive (RFC 9068 section 4, RFC 7515 section 4.1.9).
pub(crate) fn is_access_token(typ: Option<&str>) -> bool {
    typ.is_some_and(|typ| {
        typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
    })
}

/// Judges what the issuer signed.
pub(crate) fn judge(
    jws: &VerifiedJws,
    expected: &Expectations,
    with_proof: bool,
    now: UnixTime,
) -> Result<Caller, TokenFault> {
    let Ok(claims) = serde_json::from_slice::<Map<String, Value>>(jws.payload()) else {
        return Err(TokenFault::NotClaims);
    };

    if text(&claims, "iss")? != expected.issuer.as_str() {
        return Err(TokenFault::WrongIssuer);
    }
    if !is_for(&claims, &expected.audiences)? {
        return Err(TokenFault::WrongAudience);
    }
    let expires_at = time(&claims, "exp")?.ok_or(TokenFault::MissingClaim("exp"))?;
    if now >= expires_at.plus(expected.leeway) {
        return Err(TokenFault::Expired);
    }
    if time(&claims, "nbf")?.is_some_and(|not_before| now.plus(expected.leeway) < not_before) {
        return Err(TokenFault::NotYetValid);
    }
    let issued_at = time(&claims, "iat")?.ok_or(TokenFault::MissingClaim("iat"))?;
    if now.plus(expected.leeway) < issued_at {
        return Err(TokenFault::IssuedInFuture);
    }
    let subject = Subject::new(text(&claims, "sub")?);
    let client_id = ClientId::new(text(&claims, "client_id")?);
    let token_id = text(&claims, "jti")?.to_owned();
    let bound_to = confirmation(&claims, with_proof)?;
    let scopes = optional_text(&claims, "scope")?
        .map(Scopes::parse)
        .unwrap_or_default();
    let auth_time = time(&claims, "auth_time")?;
    let acr = optional_text(&claims, "acr")?.map(str::to_owned);

    Ok(Caller {
        verified: Arc::new(Verified {
            issuer: expected.issuer.clone(),
            subject,
            client_id,
            scopes,
            token_id,
            issued_at,
            expires_at,
            auth_time,
            acr,
            checked_at: now,
            leeway: expected.leeway,
            bound_to,
            claims,
            space: Space {
                by_proof: with_proof,
                ..expected.space.clone()
            },
        }),
    })
}

/// The thumbprint of the key that the token is bound to (RFC 9449 section 6.1), for one that is presented with a
/// proof. Any other way of confirming is one that nobody here can check, and a token that names none is no token for a
/// proof.
fn confirmation(claims: &Map<String, Value>, with_proof: bool) -> Result<Option<String>, TokenFault> {
    let cnf = match (claims.get("cnf"), with_proof) {
        (None, false) => return Ok(None),
        (Some(_), false) => return Err(TokenFault::KeyBound),
        (None, true) => return Err(TokenFault::NotBound),
        (Some(cnf), true) => cnf.as_object().ok_or(TokenFault::MalformedClaim("cnf"))?,
    };
    match cnf.get("jkt").and_then(Value::as_str) {
        Some(thumbprint) if cnf.len() == 1 && !thumbprint.is_empty() => Ok(Some(thumbprint.to_owned())),
        _ => Err(TokenFault::MalformedClaim("cnf")),
    }
}

/// Whether one of the API's names is `aud`, or is among them (RFC 7519 section 4.1.3).
fn is_for(claims: &Map<String, Value>, audiences: &[String]) -> Result<bool, TokenFault> {
    let is_ours = |name: &str| audiences.iter().any(|audience| audience == name);
    match claims.get("aud") {
        None => Err(TokenFault::MissingClaim("aud")),
        Some(Value::String(name)) => Ok(is_ours(name)),
        Some(Value::Array(names)) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            let names = names.ok_or(TokenFault::MalformedClaim("aud"))?;
            Ok(names.into_iter().any(is_ours))
        }
        Some(_) => Err(TokenFault::MalformedClaim("aud")),
    }
}

/// A claim that must be there and say something.
pub(crate) fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, TokenFault> {
    match optional_text(claims, name)? {
        None => Err(TokenFault::MissingClaim(name)),
        Some("") => Err(TokenFault::MalformedClaim(name)),
        Some(text) => Ok(text),
    }
}

fn optional_text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, TokenFault> {
    claims
        .get(name)
        .map(|value| value.as_str().ok_or(TokenFault::MalformedClaim(name)))
        .transpose()
}

/// A NumericDate (RFC 7519 section 2), which may have a fraction; it is rounded down.
pub(crate) fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<UnixTime>, TokenFault> {
    /// About 30 million years, and still exact as a floating-point number.
    const FAR: f64 = 1e15;
    let read = |value: &Value| {
        if let Some(whole) = value.as_i64() {
            return Some(UnixTime(whole));
        }
        let fractional = value.as_f64().filter(|seconds| seconds.abs() < FAR)?;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        Some(UnixTime(fractional.floor() as i64))
    };
    claims
        .get(name)
        .map(|value| read(value).ok_or(TokenFault::MalformedClaim(name)))
        .transpose()
}
