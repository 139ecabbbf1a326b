//! Every refusal, held to what a program and a person may expect of it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;

use serde_json::json;

use super::Explain;
use crate::authorize::PendingError;
use crate::callback::{Callback, CallbackError};
use crate::checks::{CheckId, Verdicts};
use crate::device::DeviceError;
use crate::discovery::DiscoveryError;
use crate::dpop::DpopKeyError;
use crate::id_token::IdTokenError;
use crate::par::ParError;
use crate::revocation::RevocationError;
use crate::testing::{begin, callback_text, metadata, request};
use crate::token::{TokenError, TokenRefusal};
use crate::userinfo::{ProfileFlaw, UserinfoError};
use crate::{AddressError, ErrorCode};

fn refusals() -> Vec<Box<dyn Explain>> {
    let mut all: Vec<Box<dyn Explain>> = vec![Box::new(PendingError)];
    let retry_after = Some(5);
    let text = |text: &str| text.to_owned();
    for status in [302, 404, 500] {
        all.push(Box::new(DiscoveryError::Status { status, retry_after }));
        all.push(Box::new(UserinfoError::Status { status, retry_after }));
        all.push(Box::new(DeviceError::Status { status, retry_after }));
        all.push(Box::new(RevocationError::Unavailable { status, retry_after }));
        all.push(Box::new(RevocationError::Status { status }));
        all.push(Box::new(ParError::Status { status }));
        for html in [true, false] {
            all.push(Box::new(TokenError::Status {
                status,
                html,
                retry_after,
            }));
        }
    }
    for html in [true, false] {
        all.push(Box::new(DiscoveryError::NotJson { html }));
        all.push(Box::new(TokenError::NotJson { html }));
        all.push(Box::new(UserinfoError::NotJson { html }));
        all.push(Box::new(DeviceError::NotJson { html }));
        all.push(Box::new(ParError::NotJson { html }));
    }
    all.push(Box::new(AddressError::NotAUrl(text("login"))));
    all.push(Box::new(AddressError::NotHttps(text("http://login.example"))));
    all.push(Box::new(AddressError::QueryOrFragment(text(
        "https://login.example",
    ))));
    all.push(Box::new(AddressError::Credentials));
    all.push(Box::new(DiscoveryError::TooLarge));
    all.push(Box::new(DiscoveryError::Malformed {
        what: text("it names no issuer"),
    }));
    all.push(Box::new(DiscoveryError::IssuerMismatch {
        expected: text("a"),
        seen: text("b"),
    }));
    all.push(Box::new(DiscoveryError::InsecureEndpoint {
        name: "jwks_uri",
        address: text("http://a"),
    }));
    all.push(Box::new(DiscoveryError::PrivateEndpoint {
        name: "jwks_uri",
        address: text("https://10.0.0.1/keys"),
    }));
    all.push(Box::new(DiscoveryError::PkceExcluded));
    all.push(Box::new(TokenError::Missing {
        field: "access_token",
    }));
    all.push(Box::new(TokenError::Unusable {
        field: "access_token",
    }));
    all.push(Box::new(TokenError::TokenType { seen: text("mac") }));
    all.push(Box::new(TokenError::Downgrade { seen: text("Bearer") }));
    all.push(Box::new(DpopKeyError));
    all.push(Box::new(UserinfoError::Unauthorized));
    all.push(Box::new(UserinfoError::Encrypted));
    for flaw in [
        ProfileFlaw::Algorithm,
        ProfileFlaw::Critical,
        ProfileFlaw::Type,
        ProfileFlaw::UnknownKey,
        ProfileFlaw::Key,
        ProfileFlaw::Signature,
        ProfileFlaw::Issuer,
        ProfileFlaw::Audience,
        ProfileFlaw::Expiry,
    ] {
        all.push(Box::new(UserinfoError::Flawed {
            flaw,
            verdicts: Verdicts::new(),
        }));
    }
    all.push(Box::new(UserinfoError::Malformed));
    all.push(Box::new(UserinfoError::OtherSubject {
        verdicts: Verdicts::new(),
    }));
    all.push(Box::new(DeviceError::Malformed { field: "user_code" }));
    all.push(Box::new(ParError::NoEndpoint));
    all.push(Box::new(ParError::Malformed { field: "request_uri" }));
    for error in ErrorCode::known().into_iter().chain([ErrorCode::parse("odd")]) {
        for status in [200, 400, 503] {
            let description = Some(text("Because."));
            all.push(Box::new(TokenError::Refused(TokenRefusal {
                error: error.clone(),
                description: description.clone(),
                status,
                interval: None,
                retry_after,
            })));
            all.push(Box::new(ParError::Refused {
                error: error.clone(),
                description: None,
                status,
            }));
            all.push(Box::new(DeviceError::Refused {
                error: error.clone(),
                description,
                status,
            }));
        }
        all.push(Box::new(RevocationError::Refused { error }));
    }
    for error in [
        CallbackError::TooLong,
        CallbackError::NotAnAddress,
        CallbackError::DuplicateParameter,
        CallbackError::TooManyParameters,
        CallbackError::Fragment,
    ] {
        all.push(Box::new(error));
    }
    for changes in [
        json!({"state": null}),
        json!({"state": "x"}),
        json!({"iss": null}),
        json!({"iss": "x"}),
        json!({"code": null}),
        json!({"error": "access_denied"}),
    ] {
        let (_, pending) = begin(&metadata(&json!({})), request());
        let callback = Callback::parse(&callback_text(&pending, &changes)).unwrap();
        all.push(Box::new(callback.validate(pending).unwrap_err()));
    }
    let (_, pending) = begin(&metadata(&json!({})), request());
    all.push(Box::new(
        Callback::parse("x:/y").unwrap().validate(pending).unwrap_err(),
    ));
    for reason in [
        IdTokenError::Malformed,
        IdTokenError::Encrypted,
        IdTokenError::Algorithm { seen: text("none") },
        IdTokenError::Critical,
        IdTokenError::Type { seen: text("at+jwt") },
        IdTokenError::UnknownKey,
        IdTokenError::Key,
        IdTokenError::Signature,
        IdTokenError::ClockDiffers {
            ahead: 720,
            check: CheckId::IdTokenExpiry,
        },
        IdTokenError::Issuer {
            expected: text("a"),
            seen: Some(text("b")),
        },
        IdTokenError::Issuer {
            expected: text("a"),
            seen: None,
        },
        IdTokenError::Subject,
        IdTokenError::Audience,
        IdTokenError::AuthorizedParty,
        IdTokenError::Expiry { seconds: Some(90) },
        IdTokenError::Expiry { seconds: None },
        IdTokenError::IssuedAt { seconds: Some(-90) },
        IdTokenError::IssuedAt {
            seconds: Some(90_000),
        },
        IdTokenError::IssuedAt { seconds: None },
        IdTokenError::NotBefore { seconds: Some(90) },
        IdTokenError::NotBefore { seconds: None },
        IdTokenError::Nonce,
        IdTokenError::Acr,
        IdTokenError::AuthTime,
        IdTokenError::AccessTokenHash,
        IdTokenError::Changed(CheckId::RefreshIssuer),
        IdTokenError::Changed(CheckId::RefreshSubject),
        IdTokenError::Changed(CheckId::RefreshAudience),
        IdTokenError::Changed(CheckId::RefreshIssuedAt),
        IdTokenError::Changed(CheckId::RefreshAuthTime),
    ] {
        all.push(Box::new(reason));
    }
    all
}

#[test]
fn every_refusal_speaks_to_a_program_and_to_a_person() {
    const JARGON: &[&str] = &[
        "JSON",
        "JWT",
        "nonce",
        "authenticat",
        "principal",
        "OAuth",
        "HTTP",
        "PKCE",
        " token",
        "grant",
    ];
    for refusal in refusals() {
        let (code, message, hint) = (refusal.code(), refusal.message(), refusal.hint());
        let shown = format!("{code}: {message} / {hint}");
        assert!(
            code.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{shown}"
        );
        assert!(
            message.starts_with("You ") || message.starts_with("Your "),
            "{shown}"
        );
        assert!(message.ends_with('.'), "{shown}");
        assert!(
            hint.ends_with('.') && hint.starts_with(|c: char| c.is_ascii_uppercase()),
            "{shown}"
        );
        for word in JARGON {
            assert!(
                !message.contains(word) && !hint.contains(word),
                "{word} in {shown}"
            );
        }
        assert_eq!(refusal.to_string(), message);
    }
}

/// A program that branches on a code must not have to know what it is from.
#[test]
fn a_code_means_one_thing() {
    let mut meanings = BTreeMap::<_, String>::new();
    for refusal in refusals() {
        if ErrorCode::known()
            .iter()
            .any(|known| known.as_str() == refusal.code())
        {
            continue;
        }
        // What differs within one code is a number or a name, not the first words.
        let words = refusal.message().split(' ').take(4).collect::<Vec<_>>().join(" ");
        let first = meanings.entry(refusal.code()).or_insert_with(|| words.clone());
        assert_eq!(*first, words, "{}", refusal.code());
    }
}
