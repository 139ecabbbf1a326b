//! The checks of an ID token's claims, once it is certain who signed them: one method per check.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::{Expectations, IdTokenError, MAX_AGE_LEEWAY_SECONDS, MAX_AGE_SECONDS, MAX_LEEWAY_SECONDS};
use crate::checks::{CheckId, Verdicts};
use crate::identity::{Claims, Identity, PreviousIdToken};
use crate::ids::{Issuer, Subject, UnixTime};
use crate::key_set::Algorithm;
use crate::secret::Nonce;
use crate::text;

/// Makes every check of the claims; the first that fails is the reason, and the verdicts have them all.
pub(super) fn examine(
    claims: Claims,
    algorithm: Algorithm,
    expected: &Expectations<'_>,
    verdicts: &mut Verdicts,
) -> Result<Identity, IdTokenError> {
    let mut examination = Examination {
        claims: &claims,
        expected,
        verdicts,
        first: None,
    };
    let issuer = examination.issuer();
    let subject = examination.subject();
    let audience = examination.audience();
    examination.authorized_party();
    examination.expiry();
    let issued_at = examination.issued_at();
    examination.not_before();
    examination.nonce();
    examination.acr();
    let auth_time = examination.auth_time();
    examination.access_token_hash(algorithm);
    if let Some(previous) = expected.refresh {
        examination.same_issuer(previous, issuer.as_ref());
        examination.same_subject(previous, subject.as_ref());
        examination.same_audience(previous, &audience);
        examination.not_older(previous, issued_at);
        examination.same_auth_time(previous, auth_time);
    }
    let first = examination.clock_differs().or_else(|| examination.first.take());
    match (first, issuer, subject, issued_at) {
        (None, Some(issuer), Some(subject), Some(issued_at)) => Ok(Identity::from_id_token(
            issuer, subject, claims, audience, issued_at, auth_time,
        )),
        (first, ..) => Err(first.unwrap_or(IdTokenError::Malformed)),
    }
}

/// The claims of one token on their way through the checks.
struct Examination<'a> {
    claims: &'a Claims,
    expected: &'a Expectations<'a>,
    verdicts: &'a mut Verdicts,
    first: Option<IdTokenError>,
}

impl<'a> Examination<'a> {
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
        let now = self.expected.now;
        let exp = self.date("exp");
        let good = self.is_before_expiry(now);
        let passed = self.compared_dates(CheckId::IdTokenExpiry, good, format!("later than {}", now.0), exp);
        self.note(passed, || IdTokenError::Expiry {
            seconds: exp.map(|exp| now.since(exp)),
        });
    }

    fn issued_at(&mut self) -> Option<UnixTime> {
        let now = self.expected.now;
        let iat = self.date("iat");
        let good = self.is_issued_recently(now);
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
        let now = self.expected.now;
        let nbf = self.date("nbf");
        let good = self.has_begun(now);
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

    fn is_before_expiry(&self, now: UnixTime) -> bool {
        let exp = self.date("exp");
        exp.is_some_and(|exp| now < exp.plus(self.leeway()))
    }

    fn is_issued_recently(&self, now: UnixTime) -> bool {
        let leeway = self.leeway();
        let iat = self.date("iat");
        iat.is_some_and(|iat| iat <= now.plus(leeway) && iat >= now.plus(-MAX_AGE_SECONDS).plus(-leeway))
    }

    fn has_begun(&self, now: UnixTime) -> bool {
        let nbf = self.date("nbf");
        !self.claims.contains_key("nbf") || nbf.is_some_and(|nbf| nbf <= now.plus(self.leeway()))
    }

    /// The truer reason, where nothing but the time is wrong and that is right by the provider's own clock.
    fn clock_differs(&self) -> Option<IdTokenError> {
        const OF_TIME: [CheckId; 3] = [
            CheckId::IdTokenExpiry,
            CheckId::IdTokenIssuedAt,
            CheckId::IdTokenNotBefore,
        ];
        let there = self.expected.provider_time?;
        let ahead = self.expected.now.since(there);
        let check = self.first.as_ref()?.check();
        let only_time = self
            .verdicts
            .failed()
            .all(|verdict| OF_TIME.contains(&verdict.check));
        let good_there =
            self.is_before_expiry(there) && self.is_issued_recently(there) && self.has_begun(there);
        let far = ahead.saturating_abs() > self.leeway();
        (only_time && good_there && far).then_some(IdTokenError::ClockDiffers { ahead, check })
    }

    /// A renewed ID token need not repeat the nonce; if it does, it must be the same (Core section 12.2).
    fn nonce(&mut self) {
        let seen = self.claims.get("nonce");
        let optional = self.expected.refresh.is_some() && seen.is_none();
        // At a refresh the nonce itself is gone, and what is known of it is enough.
        let known = self
            .expected
            .refresh
            .and_then(|previous| previous.nonce.as_deref());
        let is_it = |nonce: &Nonce| match (self.expected.nonce, known) {
            (Some(sent), _) => nonce == sent,
            (None, Some(known)) => nonce.fingerprint() == known,
            (None, None) => false,
        };
        if optional || (self.expected.nonce.is_none() && known.is_none()) {
            return self.verdicts.not_applicable(CheckId::IdTokenNonce);
        }
        let equal = seen.map(|nonce| nonce.as_str().is_some_and(|nonce| is_it(&Nonce::new(nonce))));
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

    /// Told to the caller even when no `max_age` was asked for, so that a renewal can be held against it. It is the
    /// provider's own time, and is held against that where it is known.
    fn auth_time(&mut self) -> Option<UnixTime> {
        let auth_time = self.date("auth_time");
        let Some(max_age) = self.expected.max_age else {
            self.verdicts.not_applicable(CheckId::IdTokenAuthTime);
            return auth_time;
        };
        let leeway = self.leeway();
        let own = i64::try_from(MAX_AGE_LEEWAY_SECONDS).unwrap_or_default();
        let (now, leeway) = match self.expected.provider_time {
            Some(there) => (there, leeway.min(own)),
            None => (self.expected.now, leeway),
        };
        let max_age = i64::try_from(max_age).unwrap_or(i64::MAX);
        let good = auth_time
            .is_some_and(|at| now.since(at) <= max_age.saturating_add(leeway) && at <= now.plus(leeway));
        let expected = format!("not before {}", now.0.saturating_sub(max_age));
        let passed = self.compared_dates(CheckId::IdTokenAuthTime, good, expected, auth_time);
        self.note(passed, || IdTokenError::AuthTime);
        auth_time
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

    fn same_issuer(&mut self, previous: &PreviousIdToken, issuer: Option<&Issuer>) {
        self.unchanged(
            CheckId::RefreshIssuer,
            issuer.map(|issuer| *issuer == previous.issuer),
        );
    }

    fn same_subject(&mut self, previous: &PreviousIdToken, subject: Option<&Subject>) {
        self.unchanged(
            CheckId::RefreshSubject,
            subject.map(|subject| *subject == previous.subject),
        );
    }

    fn same_audience(&mut self, previous: &PreviousIdToken, audience: &[String]) {
        let included = previous.audience.iter().all(|one| audience.contains(one));
        self.unchanged(CheckId::RefreshAudience, Some(included));
    }

    fn not_older(&mut self, previous: &PreviousIdToken, issued_at: Option<UnixTime>) {
        let good = issued_at.is_some_and(|iat| iat >= previous.issued_at);
        let expected = format!("not before {}", previous.issued_at.0);
        let passed = self.compared_dates(CheckId::RefreshIssuedAt, good, expected, issued_at);
        self.note(passed, || IdTokenError::Changed(CheckId::RefreshIssuedAt));
    }

    fn same_auth_time(&mut self, previous: &PreviousIdToken, auth_time: Option<UnixTime>) {
        let (Some(before), Some(now)) = (previous.auth_time, auth_time) else {
            return self.verdicts.not_applicable(CheckId::RefreshAuthTime);
        };
        let expected = before.0.to_string();
        let passed = self.compared_dates(CheckId::RefreshAuthTime, before == now, expected, Some(now));
        self.note(passed, || IdTokenError::Changed(CheckId::RefreshAuthTime));
    }

    fn unchanged(&mut self, check: CheckId, same: Option<bool>) {
        let passed = self.verdicts.compared_hidden(check, same);
        self.note(passed, || IdTokenError::Changed(check));
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

    fn text(&self, claim: &str) -> Option<&'a str> {
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
pub(super) fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let half = |hash: &[u8]| URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]);
    match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => half(&Sha256::digest(text)),
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => half(&Sha384::digest(text)),
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => half(&Sha512::digest(text)),
    }
}
