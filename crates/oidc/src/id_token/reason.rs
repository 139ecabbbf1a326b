//! Why an ID token was refused, in words for a program and for a person.

use crate::checks::CheckId;
use crate::explain::explained;

/// The first check of an ID token that failed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdTokenError {
    /// It is not a signed token, or too large, or its claims are not JSON.
    Malformed,
    /// It is encrypted, which this app did not ask for.
    Encrypted,
    /// It is not signed, or by a method that is not accepted: one whose key the app itself would hold, or
    /// that the provider does not use.
    Algorithm {
        /// The method that it names.
        seen: String,
    },
    /// It asks for an extension that is not known.
    Critical,
    /// It is a token of another kind.
    Type {
        /// Which kind.
        seen: String,
    },
    /// Its key is not in the key set at hand; a newer set may have it.
    UnknownKey,
    /// The provider's keys do not say which one signed it, or the one it names cannot have.
    Key,
    /// The signature is wrong.
    Signature,
    /// It is from another issuer.
    Issuer {
        /// Whose it should be.
        expected: String,
        /// Whose it is.
        seen: Option<String>,
    },
    /// It names no person.
    Subject,
    /// It is for another app, or for others as well.
    Audience,
    /// It was handed to another app.
    AuthorizedParty,
    /// It has expired, or does not say when it does.
    Expiry {
        /// Seconds ago.
        seconds: Option<i64>,
    },
    /// It was issued in the future or long ago, or does not say when.
    IssuedAt {
        /// Seconds ago; negative for the future.
        seconds: Option<i64>,
    },
    /// Its time has not begun.
    NotBefore {
        /// Seconds until it does.
        seconds: Option<i64>,
    },
    /// By this computer's clock its time is not now, by the provider's own it is: this computer's clock is wrong.
    ClockDiffers {
        /// Seconds that this computer's clock is ahead of the provider's; negative when it is behind.
        ahead: i64,
        /// The check that failed because of it.
        check: CheckId,
    },
    /// It answers another sign-in.
    Nonce,
    /// The sign-in was not as strong as was asked for.
    Acr,
    /// The person signed in longer ago than was asked for.
    AuthTime,
    /// The access token is not the one that came with it.
    AccessTokenHash,
    /// A renewed ID token differs from the one before where it must not.
    Changed(CheckId),
}

impl IdTokenError {
    /// The check that failed.
    pub fn check(&self) -> CheckId {
        match self {
            Self::Malformed | Self::Encrypted => CheckId::IdTokenForm,
            Self::Algorithm { .. } => CheckId::IdTokenAlgorithm,
            Self::Critical => CheckId::IdTokenCritical,
            Self::Type { .. } => CheckId::IdTokenType,
            Self::UnknownKey | Self::Key => CheckId::IdTokenKey,
            Self::Signature => CheckId::IdTokenSignature,
            Self::Issuer { .. } => CheckId::IdTokenIssuer,
            Self::Subject => CheckId::IdTokenSubject,
            Self::Audience => CheckId::IdTokenAudience,
            Self::AuthorizedParty => CheckId::IdTokenAuthorizedParty,
            Self::Expiry { .. } => CheckId::IdTokenExpiry,
            Self::IssuedAt { .. } => CheckId::IdTokenIssuedAt,
            Self::NotBefore { .. } => CheckId::IdTokenNotBefore,
            Self::Nonce => CheckId::IdTokenNonce,
            Self::Acr => CheckId::IdTokenAcr,
            Self::AuthTime => CheckId::IdTokenAuthTime,
            Self::AccessTokenHash => CheckId::IdTokenAccessTokenHash,
            Self::ClockDiffers { check, .. } | Self::Changed(check) => *check,
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "id_token_malformed",
            Self::Encrypted => "id_token_encrypted",
            Self::Algorithm { .. } => "id_token_alg",
            Self::Critical => "id_token_crit",
            Self::Type { .. } => "id_token_typ",
            Self::UnknownKey => "id_token_unknown_key",
            Self::Key => "id_token_key",
            Self::Signature => "id_token_signature",
            Self::Issuer { .. } => "id_token_iss",
            Self::Subject => "id_token_sub",
            Self::Audience => "id_token_aud",
            Self::AuthorizedParty => "id_token_azp",
            Self::Expiry { .. } => "id_token_exp",
            Self::IssuedAt { .. } => "id_token_iat",
            Self::NotBefore { .. } => "id_token_nbf",
            Self::ClockDiffers { .. } => "clock_differs",
            Self::Nonce => "id_token_nonce",
            Self::Acr => "id_token_acr",
            Self::AuthTime => "id_token_auth_time",
            Self::AccessTokenHash => "id_token_at_hash",
            Self::Changed(CheckId::RefreshIssuer) => "refresh_iss",
            Self::Changed(CheckId::RefreshSubject) => "refresh_sub",
            Self::Changed(CheckId::RefreshAudience) => "refresh_aud",
            Self::Changed(CheckId::RefreshIssuedAt) => "refresh_iat",
            Self::Changed(_) => "refresh_auth_time",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        let what = match self {
            Self::ClockDiffers { ahead, .. } => {
                let direction = if *ahead < 0 { "behind" } else { "ahead of" };
                return format!(
                    "Your computer's clock is {} {direction} the provider's, so nothing that the provider dates can be checked.",
                    span(*ahead)
                );
            }
            Self::Malformed => "the provider's statement of who you are cannot be read".to_owned(),
            Self::Encrypted => "the provider's statement of who you are is encrypted, which this app did not ask for".to_owned(),
            Self::Algorithm { seen } => {
                format!("the provider's statement of who you are is signed by a method that proves nothing here ({seen})")
            }
            Self::Critical => "the provider's statement of who you are needs something this app does not know".to_owned(),
            Self::Type { seen } => format!("the provider sent a statement of another kind ({seen})"),
            Self::UnknownKey | Self::Key => {
                "the provider's statement of who you are is signed with a key that is not one of the provider's".to_owned()
            }
            Self::Signature => {
                "the provider's statement of who you are was changed on the way, or is not the provider's".to_owned()
            }
            Self::Issuer { expected, seen: Some(seen) } => {
                format!("you asked {expected}, but {seen} answered who you are")
            }
            Self::Issuer { expected, seen: None } => {
                format!("the statement of who you are does not say that it comes from {expected}")
            }
            Self::Subject => "the provider's statement does not say who you are".to_owned(),
            Self::Audience => "the provider's statement of who you are was made for another app".to_owned(),
            Self::AuthorizedParty => "the provider's statement of who you are was handed to another app".to_owned(),
            Self::Expiry { seconds: Some(seconds) } => {
                format!("the provider's statement of who you are expired {} ago", span(*seconds))
            }
            Self::IssuedAt { seconds: Some(seconds) } if *seconds < 0 => {
                format!("the provider's statement of who you are is dated {} in the future", span(*seconds))
            }
            Self::IssuedAt { seconds: Some(seconds) } => {
                format!("the provider's statement of who you are is {} old", span(*seconds))
            }
            Self::NotBefore { seconds: Some(seconds) } => {
                format!("the provider's statement of who you are is good only in {}", span(*seconds))
            }
            Self::Expiry { seconds: None } | Self::IssuedAt { seconds: None } | Self::NotBefore { seconds: None } => {
                "the provider's statement of who you are does not say for which time it holds".to_owned()
            }
            Self::Nonce => "the provider's statement of who you are answers another sign-in".to_owned(),
            Self::Acr => "you did not sign in as strongly as was asked for".to_owned(),
            Self::AuthTime => "you last signed in at the provider longer ago than was asked for".to_owned(),
            Self::AccessTokenHash => "the access that came with the provider's statement is not the one it was made for".to_owned(),
            Self::Changed(CheckId::RefreshSubject) => "the provider's new statement is about someone else".to_owned(),
            Self::Changed(_) => "the provider's new statement of who you are contradicts the one before".to_owned(),
        };
        format!("You were not signed in: {what}.")
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::ClockDiffers { .. } => "Set this computer's clock by the internet, then try again.",
            Self::Expiry { seconds: Some(_) } | Self::IssuedAt { seconds: Some(_) } | Self::NotBefore { seconds: Some(_) } => {
                "Set this computer's clock by the internet, then sign in again."
            }
            Self::AuthTime | Self::Acr | Self::Nonce => "Sign in again.",
            Self::UnknownKey => "Sign in again; if it stays so, tell whoever runs the provider.",
            _ => "Sign in again; if it happens once more, do not sign in there, copy the report and give it to whoever runs the provider.",
        }
        .to_owned()
    }
}

explained!(IdTokenError);

/// A span of time in words, without its sign.
fn span(seconds: i64) -> String {
    let of = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    match seconds.unsigned_abs() {
        seconds @ 0..120 => of(seconds, "second"),
        seconds @ 120..7_200 => of(seconds / 60, "minute"),
        seconds @ 7_200..172_800 => of(seconds / 3_600, "hour"),
        seconds => of(seconds / 86_400, "day"),
    }
}
