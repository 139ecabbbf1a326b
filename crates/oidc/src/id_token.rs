//! The checks of an ID token (OpenID Connect Core sections 2, 3.1.3.7, 3.1.3.8 and 12.2), each with a verdict
//! of its own. Who signed it is checked first, and nothing in it is read before that; then every claim is
//! checked, so that a report shows all that is wrong and not only the first of it.

mod reason;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use crate::checks::{CheckId, Verdicts};
use crate::identity::{Claims, Identity, PreviousIdToken};
use crate::ids::{ClientId, Issuer, Subject, UnixTime};
use crate::issuer_policy::IssuerPolicy;
use crate::key_set::{Algorithm, JwsError, JwsHeader, KeySet, UnverifiedJws};
use crate::secret::{AccessToken, Nonce, RawIdToken};
use crate::text;

pub use reason::IdTokenError;

/// Seconds that two clocks may differ unless something else is said.
pub const LEEWAY_SECONDS: u64 = 60;

/// The most seconds of leeway that are granted, whatever is said.
pub const MAX_LEEWAY_SECONDS: u64 = 300;

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
}

impl IdTokenRefusal {
    /// Whether the key set at hand lacks the token's key. The issuer may have changed its keys since it was
    /// read: read it once more and check again, once.
    pub fn wants_new_keys(&self) -> bool {
        self.reason == IdTokenError::UnknownKey
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
    let (header, claims) = match signed_claims(token.expose(), keys, expected.algorithms, &mut verdicts) {
        Ok(signed) => signed,
        Err(reason) => {
            verdicts.rest_not_reached(CHECKS);
            if expected.refresh.is_some() {
                verdicts.rest_not_reached(REFRESH_CHECKS);
            }
            return Err(IdTokenRefusal { verdicts, reason });
        }
    };
    let mut examination = Examination {
        claims: &claims,
        expected,
        verdicts,
        first: None,
    };
    let found = examination.examine(&header);
    let Examination { verdicts, first, .. } = examination;
    let (issuer, subject, audience, issued_at, auth_time) = match (first, found) {
        (None, Some(found)) => found,
        (first, _) => {
            let reason = first.unwrap_or(IdTokenError::Malformed);
            return Err(IdTokenRefusal { verdicts, reason });
        }
    };
    let mut claims = claims;
    claims.retain(|name, _| !matches!(name.as_str(), "nonce" | "at_hash" | "c_hash" | "s_hash"));
    Ok((
        Identity::from_id_token(issuer, subject, claims, audience, issued_at, auth_time),
        verdicts,
    ))
}

/// The claims, once it is certain who signed them.
fn signed_claims(
    token: &str,
    keys: &KeySet,
    algorithms: &[Algorithm],
    verdicts: &mut Verdicts,
) -> Result<(JwsHeader, Claims), IdTokenError> {
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
    Ok((verified.header().clone(), claims))
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

type Found = (Issuer, Subject, Vec<String>, UnixTime, Option<UnixTime>);

/// The claims of one token on their way through the checks.
struct Examination<'a> {
    claims: &'a Claims,
    expected: &'a Expectations<'a>,
    verdicts: Verdicts,
    first: Option<IdTokenError>,
}

impl Examination<'_> {
    /// Makes every check; what an identity is made of comes back if it is all there.
    fn examine(&mut self, header: &JwsHeader) -> Option<Found> {
        let issuer = self.issuer();
        let subject = self.subject();
        let audience = self.audience();
        self.authorized_party();
        self.expiry();
        let issued_at = self.issued_at();
        self.not_before();
        self.nonce();
        self.acr();
        let auth_time = self.date("auth_time");
        self.auth_time(auth_time);
        self.access_token_hash(header.alg);
        if let Some(previous) = self.expected.refresh {
            self.unchanged(
                previous,
                issuer.as_ref(),
                subject.as_ref(),
                &audience,
                issued_at,
                auth_time,
            );
        }
        Some((issuer?, subject?, audience, issued_at?, auth_time))
    }

    fn issuer(&mut self) -> Option<Issuer> {
        let policy = self.expected.issuer;
        let seen = self.text("iss");
        let accepted = seen.and_then(|iss| policy.accept_id_token(iss, self.text("tid")));
        let (expected, seen) = (text::value(&policy.shown()), seen.map(text::value));
        let passed = self.verdicts.compared(
            CheckId::IdTokenIssuer,
            accepted.is_some(),
            expected.as_str(),
            seen.clone(),
        );
        self.note(passed, || IdTokenError::Issuer { expected, seen });
        accepted
    }

    /// At most 255 ASCII characters (Core section 2).
    fn subject(&mut self) -> Option<Subject> {
        let sub = self.text("sub");
        let fits = |sub: &&str| {
            (1..=255).contains(&sub.len()) && sub.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        };
        let subject = sub.filter(fits).map(Subject::new);
        let seen = match (sub, &subject) {
            (None, _) => None,
            (Some(_), Some(_)) => Some("a name".to_owned()),
            (Some(_), None) => Some("something that is not a name".to_owned()),
        };
        let passed = self
            .verdicts
            .compared(CheckId::IdTokenSubject, subject.is_some(), "a name", seen);
        self.note(passed, || IdTokenError::Subject);
        subject
    }

    fn audience(&mut self) -> Vec<String> {
        let client_id = self.expected.client_id.as_str();
        let audience = match self.claims.get("aud") {
            Some(Value::String(one)) => Some(vec![one.clone()]),
            Some(Value::Array(many)) => many
                .iter()
                .map(|one| one.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>(),
            _ => None,
        };
        let audience = audience.unwrap_or_default();
        let trusted = |one: &String| one == client_id || self.expected.trusted_audiences.contains(one);
        let good = audience.iter().any(|one| one == client_id) && audience.iter().all(trusted);
        let seen = (!audience.is_empty()).then(|| text::value(&audience.join(" ")));
        let passed = self
            .verdicts
            .compared(CheckId::IdTokenAudience, good, text::value(client_id), seen);
        self.note(passed, || IdTokenError::Audience);
        audience
    }

    fn authorized_party(&mut self) {
        let Some(azp) = self.claims.get("azp") else {
            return self.verdicts.not_applicable(CheckId::IdTokenAuthorizedParty);
        };
        let client_id = self.expected.client_id.as_str();
        let seen = azp.as_str().unwrap_or("something that is not a name");
        let passed = self.verdicts.compared(
            CheckId::IdTokenAuthorizedParty,
            seen == client_id,
            text::value(client_id),
            Some(text::value(seen)),
        );
        self.note(passed, || IdTokenError::AuthorizedParty);
    }

    fn expiry(&mut self) {
        let (now, leeway) = (self.expected.now, self.leeway());
        let exp = self.date("exp");
        let good = exp.is_some_and(|exp| now < exp.plus(leeway));
        let passed = self.compared_dates(CheckId::IdTokenExpiry, good, format!("later than {}", now.0), exp);
        self.note(passed, || IdTokenError::Expiry {
            seconds: exp.map(|exp| now.since(exp)),
        });
    }

    fn issued_at(&mut self) -> Option<UnixTime> {
        let (now, leeway) = (self.expected.now, self.leeway());
        let iat = self.date("iat");
        let good =
            iat.is_some_and(|iat| iat <= now.plus(leeway) && iat >= now.plus(-MAX_AGE_SECONDS).plus(-leeway));
        let passed = self.compared_dates(CheckId::IdTokenIssuedAt, good, format!("about {}", now.0), iat);
        self.note(passed, || IdTokenError::IssuedAt {
            seconds: iat.map(|iat| now.since(iat)),
        });
        iat
    }

    fn not_before(&mut self) {
        if !self.claims.contains_key("nbf") {
            return self.verdicts.not_applicable(CheckId::IdTokenNotBefore);
        }
        let (now, leeway) = (self.expected.now, self.leeway());
        let nbf = self.date("nbf");
        let good = nbf.is_some_and(|nbf| nbf <= now.plus(leeway));
        let passed = self.compared_dates(
            CheckId::IdTokenNotBefore,
            good,
            format!("not later than {}", now.0),
            nbf,
        );
        self.note(passed, || IdTokenError::NotBefore {
            seconds: nbf.map(|nbf| nbf.since(now)),
        });
    }

    /// A renewed ID token need not repeat the nonce; if it does, it must be the same (Core section 12.2).
    fn nonce(&mut self) {
        let seen = self.claims.get("nonce");
        let optional = self.expected.refresh.is_some() && seen.is_none();
        let Some(sent) = self.expected.nonce.filter(|_| !optional) else {
            return self.verdicts.not_applicable(CheckId::IdTokenNonce);
        };
        let equal = seen.map(|nonce| nonce.as_str().is_some_and(|nonce| Nonce::new(nonce) == *sent));
        let passed = self.verdicts.compared_hidden(CheckId::IdTokenNonce, equal);
        self.note(passed, || IdTokenError::Nonce);
    }

    fn acr(&mut self) {
        if self.expected.acr_values.is_empty() {
            return self.verdicts.not_applicable(CheckId::IdTokenAcr);
        }
        let acr = self.text("acr");
        let good = acr.is_some_and(|acr| self.expected.acr_values.iter().any(|asked| asked == acr));
        let expected = text::value(&self.expected.acr_values.join(" "));
        let passed = self
            .verdicts
            .compared(CheckId::IdTokenAcr, good, expected, acr.map(text::value));
        self.note(passed, || IdTokenError::Acr);
    }

    fn auth_time(&mut self, auth_time: Option<UnixTime>) {
        let Some(max_age) = self.expected.max_age else {
            return self.verdicts.not_applicable(CheckId::IdTokenAuthTime);
        };
        let (now, leeway) = (self.expected.now, self.leeway());
        let max_age = i64::try_from(max_age).unwrap_or(i64::MAX);
        let good = auth_time
            .is_some_and(|at| now.since(at) <= max_age.saturating_add(leeway) && at <= now.plus(leeway));
        let expected = format!("not before {}", now.0.saturating_sub(max_age));
        let passed = self.compared_dates(CheckId::IdTokenAuthTime, good, expected, auth_time);
        self.note(passed, || IdTokenError::AuthTime);
    }

    /// The left half of the access token's hash (Core section 3.1.3.8). Optional in this flow; wrong is wrong.
    fn access_token_hash(&mut self, algorithm: Algorithm) {
        let seen = self.claims.get("at_hash");
        let (Some(seen), Some(token)) = (seen, self.expected.access_token) else {
            return self.verdicts.not_applicable(CheckId::IdTokenAccessTokenHash);
        };
        let expected = half_hash(algorithm, token.expose());
        let equal = seen
            .as_str()
            .is_some_and(|seen| seen.as_bytes().ct_eq(expected.as_bytes()).into());
        let passed = self
            .verdicts
            .compared_hidden(CheckId::IdTokenAccessTokenHash, Some(equal));
        self.note(passed, || IdTokenError::AccessTokenHash);
    }

    /// What must not change from one ID token to its renewal (Core section 12.2).
    fn unchanged(
        &mut self,
        previous: &PreviousIdToken,
        issuer: Option<&Issuer>,
        subject: Option<&Subject>,
        audience: &[String],
        issued_at: Option<UnixTime>,
        auth_time: Option<UnixTime>,
    ) {
        let same = issuer.map(|issuer| *issuer == previous.issuer);
        let passed = self.verdicts.compared_hidden(CheckId::RefreshIssuer, same);
        self.note(passed, || IdTokenError::Changed(CheckId::RefreshIssuer));

        let same = subject.map(|subject| *subject == previous.subject);
        let passed = self.verdicts.compared_hidden(CheckId::RefreshSubject, same);
        self.note(passed, || IdTokenError::Changed(CheckId::RefreshSubject));

        let same = previous.audience.iter().all(|one| audience.contains(one));
        let passed = self
            .verdicts
            .compared_hidden(CheckId::RefreshAudience, Some(same));
        self.note(passed, || IdTokenError::Changed(CheckId::RefreshAudience));

        let good = issued_at.is_some_and(|iat| iat >= previous.issued_at);
        let expected = format!("not before {}", previous.issued_at.0);
        let passed = self.compared_dates(CheckId::RefreshIssuedAt, good, expected, issued_at);
        self.note(passed, || IdTokenError::Changed(CheckId::RefreshIssuedAt));

        match (previous.auth_time, auth_time) {
            (Some(before), Some(now)) => {
                let expected = before.0.to_string();
                let passed =
                    self.compared_dates(CheckId::RefreshAuthTime, before == now, expected, Some(now));
                self.note(passed, || IdTokenError::Changed(CheckId::RefreshAuthTime));
            }
            _ => self.verdicts.not_applicable(CheckId::RefreshAuthTime),
        }
    }

    fn compared_dates(
        &mut self,
        check: CheckId,
        passed: bool,
        expected: String,
        seen: Option<UnixTime>,
    ) -> bool {
        self.verdicts
            .compared(check, passed, expected, seen.map(|seen| seen.0.to_string()))
    }

    fn note(&mut self, passed: bool, reason: impl FnOnce() -> IdTokenError) {
        if !passed && self.first.is_none() {
            self.first = Some(reason());
        }
    }

    fn leeway(&self) -> i64 {
        i64::try_from(self.expected.leeway.min(MAX_LEEWAY_SECONDS)).unwrap_or_default()
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A NumericDate (RFC 7519 section 2); fractions are cut off.
    fn date(&self, claim: &str) -> Option<UnixTime> {
        let number = self.claims.get(claim)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float cast saturates, which is what is wanted here"
        )]
        let seconds = number
            .as_i64()
            .or_else(|| number.as_f64().map(|seconds| seconds.floor() as i64))?;
        Some(UnixTime(seconds))
    }
}

/// base64url of the left half of the hash that goes with the signature's algorithm; Ed25519 goes with SHA-512.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let half = |hash: &[u8]| URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]);
    match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => half(&Sha256::digest(text)),
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => half(&Sha384::digest(text)),
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => half(&Sha512::digest(text)),
    }
}

#[cfg(test)]
mod tests;
