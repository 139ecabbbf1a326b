//! The ID token: a text that claims to be signed, and whatever its signer may have put into it.

use serde_json::Value;
use tessera_oidc::id_token::{Expectations, verify};
use tessera_oidc::key_set::{Algorithm, MAX_JWS_BYTES};
use tessera_oidc::{ClientId, IssuerPolicy, RawIdToken};

use crate::refusal::{refused, secret_parts};
use crate::scene::{self, CLIENT, ISSUER, KEYS, NOW, THE_ISSUER};
use crate::{Judged, Limit};

const LIMIT: Limit = Limit {
    fixed: 64 * 1024,
    per_byte: 200,
    largest: MAX_JWS_BYTES,
};

/// Reads the input as a token, as the header of a token that the provider signed, and as the claims of one.
pub(crate) fn judge(input: &[u8]) -> Judged {
    let claims = br#"{"iss":"https://login.example"}"#;
    judge_token(&scene::sign(input, claims));
    if judge_token(&scene::sign(scene::jws_header("JWT").as_bytes(), input)) == Judged::Accepted {
        assert_claims(input);
        return Judged::Accepted;
    }
    // Tokens come in JSON, which is text.
    judge_token(&String::from_utf8_lossy(input))
}

fn judge_token(text: &str) -> Judged {
    let (policy, client) = (IssuerPolicy::exact(&THE_ISSUER), ClientId::new(CLIENT));
    let awaited = scene::pending();
    let expectations = Expectations {
        nonce: awaited.nonce(),
        ..Expectations::new(&policy, &client, Algorithm::ALL, NOW)
    };
    let token = RawIdToken::new(text);
    match LIMIT.holds(text.len(), || verify(&token, &KEYS, &expectations)) {
        Ok(_) => {
            assert!(scene::is_signed(text), "nobody signed {text:?}");
            Judged::Accepted
        }
        Err(error) => {
            let parts = secret_parts(text);
            refused(
                error.code(),
                &error.message(),
                &error.hint(),
                &error.reason,
                &parts,
            )
        }
    }
}

/// Checks what was accepted without the code that accepted it.
fn assert_claims(payload: &[u8]) {
    let claims: Value = serde_json::from_slice(payload).unwrap_or_default();
    let audience = &claims["aud"];
    let is_for_us = match audience.as_array() {
        Some(list) => list.iter().any(|one| one == CLIENT),
        None => audience == CLIENT,
    };
    let nonce = scene::pending().nonce().map(|nonce| nonce.expose().to_owned());
    assert_eq!(claims["iss"], ISSUER);
    assert!(is_for_us, "{audience}");
    assert_eq!(claims["nonce"].as_str(), nonce.as_deref());
    assert!(claims["sub"].as_str().is_some_and(|subject| !subject.is_empty()));
    assert!(claims["exp"].as_f64().is_some_and(|end| end > 1_799_999_000.0));
    assert!(
        claims["iat"]
            .as_f64()
            .is_some_and(|start| start < 1_800_001_000.0)
    );
}
