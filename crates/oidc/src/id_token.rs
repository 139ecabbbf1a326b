//! The checks of an ID token (OpenID Connect Core sections 2, 3.1.3.7, 3.1.3.8 and 12.2), each with a verdict
//! of its own. Who signed it is checked first, and nothing in it is read before that; then every claim is
//! checked, so that a report shows all that is wrong and not only the first of it.

mod claims;
mod reason;

use crate::checks::{CheckId, Verdicts};
use crate::identity::{Claims, Identity, PreviousIdToken};
use crate::ids::{ClientId, UnixTime};
use crate::issuer_policy::IssuerPolicy;
use crate::key_set::{Algorithm, JwsError, KeySet, UnverifiedJws};
use crate::secret::{AccessToken, Nonce, RawIdToken};
use crate::text;

pub use reason::IdTokenError;

/// Seconds that two clocks may differ unless something else is said: five minutes, of which RFC 7519 sections
/// 4.1.4 and 4.1.5 say that it is usually the most.
pub const LEEWAY_SECONDS: u64 = 300;

/// The most seconds of leeway that are granted, whatever is said.
pub const MAX_LEEWAY_SECONDS: u64 = 300;

/// Seconds beyond `max_age` that may have passed since the person signed in, when it is known what the time is at
/// the provider: its pages and two answers take a while, its clock agrees with itself.
pub const MAX_AGE_LEEWAY_SECONDS: u64 = 60;

/// Seconds after which a token counts as issued too long ago to be the answer to a request made just now.
pub const MAX_AGE_SECONDS: i64 = 24 * 60 * 60;

/// The checks of an ID token, in order.
const CHECKS: &[CheckId] = &[
    CheckId::IdTokenForm,
    CheckId::IdTokenAlgorithm,
    CheckId::IdTokenCritical,
    CheckId::IdTokenType,
    CheckId::IdTokenKey,
    CheckId::IdTokenSignature,
    CheckId::IdTokenIssuer,
    CheckId::IdTokenSubject,
    CheckId::IdTokenAudience,
    CheckId::IdTokenAuthorizedParty,
    CheckId::IdTokenExpiry,
    CheckId::IdTokenIssuedAt,
    CheckId::IdTokenNotBefore,
    CheckId::IdTokenNonce,
    CheckId::IdTokenAcr,
    CheckId::IdTokenAuthTime,
    CheckId::IdTokenAccessTokenHash,
];

/// Those that a renewed ID token goes through as well.
const REFRESH_CHECKS: &[CheckId] = &[
    CheckId::RefreshIssuer,
    CheckId::RefreshSubject,
    CheckId::RefreshAudience,
    CheckId::RefreshIssuedAt,
    CheckId::RefreshAuthTime,
];

/// What an ID token is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// Whose token it must be.
    pub issuer: &'a IssuerPolicy,
    /// For whom it must be.
    pub client_id: &'a ClientId,
    /// Other audiences that are known and trusted; any that is not refuses the token.
    pub trusted_audiences: &'a [String],
    /// The nonce that was sent. `None` when none was sent, or when it is no longer known at a refresh.
    pub nonce: Option<&'a Nonce>,
    /// The access token that came along, for `at_hash`.
    pub access_token: Option<&'a AccessToken>,
    /// The signature algorithms that are accepted; see [`crate::discovery::Metadata::id_token_algorithms`].
    pub algorithms: &'a [Algorithm],
    /// The time.
    pub now: UnixTime,
    /// Seconds that the clocks may differ, at most [`MAX_LEEWAY_SECONDS`].
    pub leeway: u64,
    /// The time at the provider, from the `Date` field of the answer that brought the token. What is refused by
    /// [`now`](Self::now) is refused whatever this says; but where it would have passed by this, the reason is that
    /// the clocks differ, and by how much. `None` when it is not known.
    pub provider_time: Option<UnixTime>,
    /// The most seconds that may have passed since the person signed in, if that was asked for.
    pub max_age: Option<u64>,
    /// The authentication contexts of which one was asked for; empty when none was.
    pub acr_values: &'a [String],
    /// What the ID token before said, when this one came by a refresh.
    pub refresh: Option<&'a PreviousIdToken>,
}

impl<'a> Expectations<'a> {
    /// The least that can be expected; the rest is set on the fields.
    pub fn new(
        issuer: &'a IssuerPolicy,
        client_id: &'a ClientId,
        algorithms: &'a [Algorithm],
        now: UnixTime,
    ) -> Self {
        Self {
            issuer,
            client_id,
            trusted_audiences: &[],
            nonce: None,
            access_token: None,
            algorithms,
            now,
            leeway: LEEWAY_SECONDS,
            provider_time: None,
            max_age: None,
            acr_values: &[],
            refresh: None,
        }
    }
}

/// An ID token was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenRefusal {
    /// What every check said.
    pub verdicts: Verdicts,
    /// The first of them that failed, and how.
    pub reason: IdTokenError,
    /// Whether the token names its key.
    names_key: bool,
}

impl IdTokenRefusal {
    /// Whether the key set at hand lacks the token's key, or may: of a token that names none it is only known that none
    /// of the keys signed it. The issuer may have changed its keys since the set was read: read it once more and
    /// check again, once.
    pub fn wants_new_keys(&self) -> bool {
        match self.reason {
            IdTokenError::UnknownKey => true,
            IdTokenError::Signature => !self.names_key,
            _ => false,
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        self.reason.message()
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        self.reason.hint()
    }
}

crate::explain::explained!(IdTokenRefusal);

/// Checks an ID token: who signed it, then every claim. The verdicts list each check, also those for which
/// there was nothing to check.
pub fn verify(
    token: &RawIdToken,
    keys: &KeySet,
    expected: &Expectations<'_>,
) -> Result<(Identity, Verdicts), IdTokenRefusal> {
    let mut verdicts = Verdicts::new();
    let checked = signed_claims(token.expose(), keys, expected.algorithms, &mut verdicts)
        .and_then(|(algorithm, claims)| claims::examine(claims, algorithm, expected, &mut verdicts));
    match checked {
        Ok(identity) => Ok((identity, verdicts)),
        Err(reason) => {
            verdicts.rest_not_reached(CHECKS);
            if expected.refresh.is_some() {
                verdicts.rest_not_reached(REFRESH_CHECKS);
            }
            let parsed = UnverifiedJws::parse(token.expose(), expected.algorithms);
            Err(IdTokenRefusal {
                verdicts,
                reason,
                names_key: parsed.is_ok_and(|jws| jws.header().kid.is_some()),
            })
        }
    }
}

/// The claims, once it is certain who signed them.
fn signed_claims(
    token: &str,
    keys: &KeySet,
    algorithms: &[Algorithm],
    verdicts: &mut Verdicts,
) -> Result<(Algorithm, Claims), IdTokenError> {
    let jws = UnverifiedJws::parse(token, algorithms).map_err(|error| refused(token, &error, verdicts))?;
    verdicts.passed(CheckId::IdTokenForm);
    verdicts.compared(
        CheckId::IdTokenAlgorithm,
        true,
        listed(algorithms),
        Some(jws.header().alg.as_str().to_owned()),
    );
    verdicts.passed(CheckId::IdTokenCritical);
    match &jws.header().typ {
        None => verdicts.not_applicable(CheckId::IdTokenType),
        Some(typ) => {
            let seen = text::value(typ);
            if !verdicts.compared(
                CheckId::IdTokenType,
                is_id_token_type(typ),
                "JWT",
                Some(seen.clone()),
            ) {
                return Err(IdTokenError::Type { seen });
            }
        }
    }
    let verified = keys
        .verify_parsed(&jws)
        .map_err(|error| refused(token, &error, verdicts))?;
    verdicts.passed(CheckId::IdTokenKey);
    verdicts.passed(CheckId::IdTokenSignature);
    let claims = serde_json::from_slice(verified.payload()).map_err(|_| {
        verdicts.overturn(CheckId::IdTokenForm, "claims in JSON", "something else");
        IdTokenError::Malformed
    })?;
    Ok((verified.header().alg, claims))
}

/// The kinds of token that `typ` may name. `JWT` says nothing; any other kind is not an ID token (RFC 8725
/// section 3.12).
fn is_id_token_type(typ: &str) -> bool {
    let short = typ
        .get(..12)
        .filter(|prefix| prefix.eq_ignore_ascii_case("application/"));
    let short = short.map_or(typ, |_| &typ[12..]);
    ["jwt", "id_token+jwt"]
        .iter()
        .any(|known| short.eq_ignore_ascii_case(known))
}

/// Turns what the key set said into verdicts and a reason.
fn refused(token: &str, error: &JwsError, verdicts: &mut Verdicts) -> IdTokenError {
    let mut passed = |checks: &[CheckId]| {
        for &check in checks {
            if verdicts.outcome(check).is_none() {
                verdicts.passed(check);
            }
        }
    };
    match error {
        JwsError::AlgorithmNotAllowed { alg } => {
            passed(&CHECKS[..1]);
            let seen = text::value(alg);
            verdicts.compared(
                CheckId::IdTokenAlgorithm,
                false,
                "a public-key algorithm of the provider",
                Some(seen.clone()),
            );
            IdTokenError::Algorithm { seen }
        }
        JwsError::UnsupportedCritical => {
            passed(&CHECKS[..2]);
            verdicts.compared(
                CheckId::IdTokenCritical,
                false,
                "no extension",
                Some("an extension".to_owned()),
            );
            IdTokenError::Critical
        }
        JwsError::UnknownKey { kid } => {
            let seen = kid.as_deref().map(text::value);
            verdicts.compared(CheckId::IdTokenKey, false, "a key of the provider", seen);
            IdTokenError::UnknownKey
        }
        JwsError::UnfitKey => {
            verdicts.compared(
                CheckId::IdTokenKey,
                false,
                "a key for this algorithm",
                Some("another key".to_owned()),
            );
            IdTokenError::Key
        }
        JwsError::AmbiguousKey => {
            verdicts.compared(
                CheckId::IdTokenKey,
                false,
                "one key",
                Some("many keys".to_owned()),
            );
            IdTokenError::Key
        }
        JwsError::BadSignature => {
            passed(&[CheckId::IdTokenKey]);
            verdicts.compared(
                CheckId::IdTokenSignature,
                false,
                "the provider's signature",
                Some("another".to_owned()),
            );
            IdTokenError::Signature
        }
        JwsError::TooLarge | JwsError::Malformed(_) => {
            let encrypted = token.bytes().filter(|&byte| byte == b'.').count() == 4;
            let seen = match (error, encrypted) {
                (JwsError::TooLarge, _) => "too large a token",
                (_, true) => "an encrypted token",
                _ => "something else",
            };
            verdicts.compared(
                CheckId::IdTokenForm,
                false,
                "a signed token",
                Some(seen.to_owned()),
            );
            if encrypted {
                IdTokenError::Encrypted
            } else {
                IdTokenError::Malformed
            }
        }
    }
}

fn listed(algorithms: &[Algorithm]) -> String {
    algorithms
        .iter()
        .map(|algorithm| algorithm.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
