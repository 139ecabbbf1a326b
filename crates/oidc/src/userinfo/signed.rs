//! A profile that the provider signed (OpenID Connect Core section 5.3.2): a JWT, sent as `application/jwt`. Whether
//! it comes so is agreed on where the client is registered; here either form is read as it comes.

use http::StatusCode;
use serde_json::Value;

use super::{OF_SIGNED, Userinfo, UserinfoError, is_there, of_the_same_person};
use crate::checks::{CheckId, Verdicts};
use crate::id_token::LEEWAY_SECONDS;
use crate::identity::{Claims, Identity};
use crate::ids::{ClientId, UnixTime};
use crate::issuer_policy::IssuerPolicy;
use crate::key_set::{Algorithm, JwsError, KeySet, UnverifiedJws};
use crate::message::Response;
use crate::text;

/// What a signed profile is held against.
#[derive(Clone, Copy, Debug)]
pub struct SignedExpectations<'a> {
    /// Whose it must be.
    pub issuer: &'a IssuerPolicy,
    /// For whom it must be.
    pub client_id: &'a ClientId,
    /// The signature algorithms that are accepted; see [`crate::discovery::Metadata::userinfo_algorithms`].
    pub algorithms: &'a [Algorithm],
    /// The time.
    pub now: UnixTime,
}

/// Why a signed profile does not prove what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileFlaw {
    /// It is not signed, or by a method that is not accepted.
    Algorithm,
    /// It asks for an extension that is not known.
    Critical,
    /// It is a token of another kind.
    Type,
    /// Its key is not in the key set at hand; a newer set may have it.
    UnknownKey,
    /// The provider's keys do not say which one signed it, or the one it names cannot have.
    Key,
    /// The signature is wrong.
    Signature,
    /// It is from another issuer, or does not say from which.
    Issuer,
    /// It is for another app, or does not say for which.
    Audience,
    /// It has expired.
    Expiry,
}

impl ProfileFlaw {
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Algorithm => "userinfo_alg",
            Self::Critical => "userinfo_crit",
            Self::Type => "userinfo_typ",
            Self::UnknownKey => "userinfo_unknown_key",
            Self::Key => "userinfo_key",
            Self::Signature => "userinfo_signature",
            Self::Issuer => "userinfo_iss",
            Self::Audience => "userinfo_aud",
            Self::Expiry => "userinfo_exp",
        }
    }

    /// What happened to you.
    pub(super) fn message(self) -> String {
        let what = match self {
            Self::Algorithm => "is signed by a method that proves nothing here",
            Self::Critical => "needs something this app does not know",
            Self::Type => "is a statement of another kind",
            Self::UnknownKey | Self::Key => "is signed with a key that is not one of the provider's",
            Self::Signature => "was changed on the way, or is not the provider's",
            Self::Issuer => "does not come from the provider that was asked",
            Self::Audience => "was made for another app",
            Self::Expiry => "has expired",
        };
        format!("You were not signed in: the profile that was sent of you {what}.")
    }

    fn check(self) -> CheckId {
        match self {
            Self::Issuer => CheckId::UserinfoIssuer,
            Self::Audience => CheckId::UserinfoAudience,
            Self::Expiry => CheckId::UserinfoExpiry,
            _ => CheckId::UserinfoSignature,
        }
    }
}

/// Whether an answer of the userinfo endpoint is a signed or encrypted profile and not one in plain JSON.
pub fn is_signed(response: &Response) -> bool {
    response.status == StatusCode::OK && response.media_type() == "application/jwt"
}

/// Judges a signed profile: the provider must have signed it, for this app, and it must be the same person's as the ID
/// token. The section only recommends that it has `iss` and `aud`; here it must, because without them any token that
/// the provider ever signed could be shown as a profile (RFC 8725 sections 3.8 and 3.9).
pub fn parse_signed_userinfo(
    response: &Response,
    identity: &Identity,
    keys: &KeySet,
    expected: &SignedExpectations<'_>,
) -> Result<Userinfo, UserinfoError> {
    is_there(response)?;
    let token = std::str::from_utf8(&response.body)
        .map_err(|_| UserinfoError::Malformed)?
        .trim_ascii();
    let claims = match signed_claims(token, keys, expected.algorithms) {
        Ok(claims) => claims,
        Err(Refused::Unreadable(error)) => return Err(error),
        Err(Refused::Flawed(flaw)) => {
            let mut verdicts = Verdicts::new();
            verdicts.compared(flaw.check(), false, "the provider's signature", None);
            return Err(flawed(flaw, verdicts));
        }
    };
    let mut verdicts = Verdicts::new();
    verdicts.passed(CheckId::UserinfoSignature);
    let checks = [
        (
            issuer(&claims, identity, expected, &mut verdicts),
            ProfileFlaw::Issuer,
        ),
        (
            audience(&claims, expected.client_id, &mut verdicts),
            ProfileFlaw::Audience,
        ),
        (expiry(&claims, expected.now, &mut verdicts), ProfileFlaw::Expiry),
    ];
    match checks.into_iter().find(|(good, _)| !good) {
        Some((_, flaw)) => Err(flawed(flaw, verdicts)),
        None => of_the_same_person(claims, identity, verdicts),
    }
}

fn flawed(flaw: ProfileFlaw, mut verdicts: Verdicts) -> UserinfoError {
    verdicts.rest_not_reached(&OF_SIGNED);
    verdicts.rest_not_reached(&[CheckId::UserinfoSubject]);
    UserinfoError::Flawed { flaw, verdicts }
}

/// Why there are no claims to check.
enum Refused {
    Flawed(ProfileFlaw),
    Unreadable(UserinfoError),
}

/// The claims, once it is certain who signed them.
fn signed_claims(token: &str, keys: &KeySet, algorithms: &[Algorithm]) -> Result<Claims, Refused> {
    let refused = |error: JwsError| match error {
        JwsError::TooLarge | JwsError::Malformed(_) => {
            let encrypted = token.bytes().filter(|&byte| byte == b'.').count() == 4;
            Refused::Unreadable(if encrypted {
                UserinfoError::Encrypted
            } else {
                UserinfoError::Malformed
            })
        }
        JwsError::AlgorithmNotAllowed { .. } => Refused::Flawed(ProfileFlaw::Algorithm),
        JwsError::UnsupportedCritical => Refused::Flawed(ProfileFlaw::Critical),
        JwsError::UnknownKey { .. } => Refused::Flawed(ProfileFlaw::UnknownKey),
        JwsError::UnfitKey | JwsError::AmbiguousKey => Refused::Flawed(ProfileFlaw::Key),
        JwsError::BadSignature => Refused::Flawed(ProfileFlaw::Signature),
    };
    let jws = UnverifiedJws::parse(token, algorithms).map_err(refused)?;
    // `JWT` says nothing; another kind is not a profile (RFC 8725 section 3.11).
    let generic = |typ: &String| {
        ["jwt", "application/jwt"]
            .iter()
            .any(|known| typ.eq_ignore_ascii_case(known))
    };
    if !jws.header().typ.as_ref().is_none_or(generic) {
        return Err(Refused::Flawed(ProfileFlaw::Type));
    }
    let verified = keys.verify_parsed(&jws).map_err(refused)?;
    serde_json::from_slice(verified.payload()).map_err(|_| Refused::Unreadable(UserinfoError::Malformed))
}

/// The same issuer as the ID token's, in any spelling that this one is known to use.
fn issuer(
    claims: &Claims,
    identity: &Identity,
    expected: &SignedExpectations<'_>,
    verdicts: &mut Verdicts,
) -> bool {
    let of = |name: &str| claims.get(name).and_then(Value::as_str);
    let seen = of("iss");
    let accepted = seen.and_then(|iss| expected.issuer.accept_id_token(iss, of("tid")));
    verdicts.compared(
        CheckId::UserinfoIssuer,
        accepted.is_some_and(|issuer| issuer == *identity.issuer()),
        text::value(&expected.issuer.shown()),
        seen.map(text::value),
    )
}

/// The client is the audience, or one of them.
fn audience(claims: &Claims, client_id: &ClientId, verdicts: &mut Verdicts) -> bool {
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let seen = (!audience.is_empty()).then(|| text::value(&audience.join(" ")));
    verdicts.compared(
        CheckId::UserinfoAudience,
        audience.contains(&client_id.as_str()),
        text::value(client_id.as_str()),
        seen,
    )
}

/// A profile need not say until when it holds; one that does must not be used later.
fn expiry(claims: &Claims, now: UnixTime, verdicts: &mut Verdicts) -> bool {
    let Some(exp) = claims.get("exp") else {
        verdicts.not_applicable(CheckId::UserinfoExpiry);
        return true;
    };
    let leeway = i64::try_from(LEEWAY_SECONDS).unwrap_or_default();
    let exp = exp.as_i64().map(UnixTime);
    verdicts.compared(
        CheckId::UserinfoExpiry,
        exp.is_some_and(|exp| now < exp.plus(leeway)),
        format!("later than {}", now.0),
        exp.map(|exp| exp.0.to_string()),
    )
}
