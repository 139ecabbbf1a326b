//! Who signed an ID token, and how: nothing in it is read before that is certain.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::*;
use super::{Stage, claims};
use crate::checks::Outcome;
use crate::key_set::testing::{Signer, key_set};
use crate::testing::with;

#[test]
fn nothing_is_read_of_a_token_before_its_signature_is_good() {
    let stage = Stage::new(Algorithm::ES256);
    let check = |name: &str, token: &RawIdToken, keys: &KeySet, expected: &str| {
        let expectations = stage.expectations();
        assert_eq!(Stage::verdict(token, keys, &expectations), expected, "{name}");
        if let Err(refusal) = verify(token, keys, &expectations) {
            for &claim in &CHECKS[6..] {
                assert_eq!(
                    refusal.verdicts.outcome(claim),
                    Some(Outcome::NotReached),
                    "{name}: {claim}"
                );
            }
        }
    };
    let (good, keys) = (stage.token(&claims(&json!({}))), stage.keys());
    let header = |changes: &Value| stage.token_as(&with(stage.signer.header(), changes), &claims(&json!({})));
    let text = |text: &str| RawIdToken::new(text);

    // oidcc-client-test-idtoken-sig-none may be skipped by refusing it.
    check(
        "oidcc-client-test-idtoken-sig-none",
        &header(&json!({"alg": "none"})),
        &keys,
        "id_token_alg",
    );
    let unsigned = good.expose().rsplit_once('.').unwrap().0;
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let body = unsigned.split_once('.').unwrap().1;
    check(
        "no signature at all",
        &text(&format!("{none}.{body}.")),
        &keys,
        "id_token_alg",
    );
    check(
        "invalid-null-alg",
        &header(&json!({"alg": ""})),
        &keys,
        "id_token_alg",
    );
    check(
        "oidcc-client-test-invalid-sig-hs256",
        &header(&json!({"alg": "HS256"})),
        &keys,
        "id_token_alg",
    );
    check(
        "invalid-alternate-alg",
        &header(&json!({"alg": "RS256"})),
        &keys,
        "id_token_key",
    );
    check(
        "oidcc-client-test-invalid-sig-es256",
        &text(&changed(good.expose())),
        &keys,
        "id_token_signature",
    );
    check(
        "a signature that is cut off",
        &text(&format!("{unsigned}.")),
        &keys,
        "id_token_signature",
    );
    check(
        "a critical extension",
        &header(&json!({"crit": ["b64"], "b64": false})),
        &keys,
        "id_token_crit",
    );
    check("a key of nobody", &good, &key_set(&[]), "id_token_unknown_key");
    let stranger = Signer::new(Algorithm::ES256, "k");
    check(
        "another's key of the same name",
        &good,
        &key_set(&[stranger.jwk()]),
        "id_token_signature",
    );
    check("encrypted", &text("a.b.c.d.e"), &keys, "id_token_encrypted");
    check("two parts", &text("a.b"), &keys, "id_token_malformed");
    check("nothing", &text(""), &keys, "id_token_malformed");
    check("JSON", &text("{}"), &keys, "id_token_malformed");
    check(
        "too large",
        &stage.token(&claims(&json!({"x": "x".repeat(64 * 1024)}))),
        &keys,
        "id_token_malformed",
    );
    let not_claims = RawIdToken::new(stage.signer.sign(b"[]"));
    check("no claims", &not_claims, &keys, "id_token_malformed");
}

/// The token with the last byte of its signature changed, as the suite does it.
fn changed(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    *signature.last_mut().unwrap() ^= 0x5a;
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn keys_are_chosen_as_the_suite_wants() {
    let stage = Stage::new(Algorithm::RS256);
    let nameless = Signer::new(Algorithm::RS256, None);
    let token = RawIdToken::new(nameless.sign(claims(&json!({})).to_string().as_bytes()));
    let check = |name: &str, token: &RawIdToken, keys: &KeySet, expected: &str| {
        assert_eq!(
            Stage::verdict(token, keys, &stage.expectations()),
            expected,
            "{name}"
        );
    };
    check(
        "oidcc-client-test-idtoken-sig-rs256",
        &stage.token(&claims(&json!({}))),
        &stage.keys(),
        "ok",
    );
    let bad = RawIdToken::new(changed(stage.token(&claims(&json!({}))).expose()));
    check(
        "oidcc-client-test-invalid-sig-rs256",
        &bad,
        &stage.keys(),
        "id_token_signature",
    );
    check(
        "oidcc-client-test-kid-absent-single-jwks",
        &token,
        &key_set(&[nameless.jwk()]),
        "ok",
    );
    let other = Signer::new(Algorithm::ES256, None);
    let both = key_set(&[other.jwk(), nameless.jwk()]);
    check("oidcc-client-test-kid-absent-multiple-jwks", &token, &both, "ok");
}

#[test]
fn a_rotated_key_asks_for_a_newer_set_and_passes_with_it() {
    let stage = Stage::new(Algorithm::ES256);
    let old = key_set(&[Signer::new(Algorithm::ES256, "old").jwk()]);
    let token = stage.token(&claims(&json!({})));
    let refusal = verify(&token, &old, &stage.expectations()).unwrap_err();
    assert!(refusal.wants_new_keys(), "oidcc-client-test-signing-key-rotation");
    assert!(verify(&token, &stage.keys(), &stage.expectations()).is_ok());
    let bad = RawIdToken::new(changed(token.expose()));
    let refusal = verify(&bad, &stage.keys(), &stage.expectations()).unwrap_err();
    assert!(
        !refusal.wants_new_keys(),
        "a wrong signature is no reason to ask for keys"
    );
}

#[test]
fn only_the_algorithms_that_are_named_are_accepted() {
    let stage = Stage::new(Algorithm::ES256);
    let token = stage.token(&claims(&json!({})));
    let check = |algorithms: &[Algorithm], expected: &str| {
        let expectations = Expectations {
            algorithms,
            ..stage.expectations()
        };
        assert_eq!(
            Stage::verdict(&token, &stage.keys(), &expectations),
            expected,
            "{algorithms:?}"
        );
    };
    check(&[Algorithm::ES256], "ok");
    check(&[Algorithm::RS256, Algorithm::ES256], "ok");
    check(&[Algorithm::RS256], "id_token_alg");
    check(&[], "id_token_alg");
}

#[test]
fn another_kind_of_token_is_not_an_id_token() {
    let stage = Stage::new(Algorithm::ES256);
    for (typ, expected) in [
        (json!("JWT"), "ok"),
        (json!("jwt"), "ok"),
        (json!("application/jwt"), "ok"),
        (json!("id_token+jwt"), "ok"),
        (json!("at+jwt"), "id_token_typ"),
        (json!("application/at+jwt"), "id_token_typ"),
        (json!("logout+jwt"), "id_token_typ"),
        (json!("dpop+jwt"), "id_token_typ"),
        (json!("é"), "id_token_typ"),
        (json!("application"), "id_token_typ"),
        (json!(""), "id_token_typ"),
        (json!(7), "id_token_malformed"),
    ] {
        let token = stage.token_as(
            &with(stage.signer.header(), &json!({ "typ": typ })),
            &claims(&json!({})),
        );
        assert_eq!(
            Stage::verdict(&token, &stage.keys(), &stage.expectations()),
            expected,
            "{typ}"
        );
    }
}
