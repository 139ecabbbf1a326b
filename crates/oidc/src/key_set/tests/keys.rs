//! Which documents are key sets, and which of the keys in them may check which tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{PAYLOAD, verdict, with};
use crate::key_set::testing::{Signer, key_set};
use crate::key_set::{Algorithm, KeySet, KeySetError, MAX_KEY_SET_BYTES, MAX_KEYS};

#[test]
fn a_key_is_used_only_for_what_its_issuer_means_it() {
    let signer = Signer::new(Algorithm::RS256, "k");
    let token = signer.sign(PAYLOAD);
    let check = |changes: Value, expected: &str| {
        let set = key_set(&[with(signer.jwk(), &changes)]);
        assert_eq!(verdict(&set, &token, Algorithm::ALL), expected, "{changes}");
    };
    check(json!({}), "ok");
    check(
        json!({"use": "sig", "alg": "RS256", "key_ops": ["verify"], "x5c": ["MIIB"], "ext": true}),
        "ok",
    );
    check(json!({"key_ops": ["sign", "verify"]}), "ok");
    check(json!({"use": "enc"}), "token_unknown_key");
    check(json!({"use": "SIG"}), "token_unknown_key");
    check(json!({"use": null}), "token_unknown_key");
    check(json!({"key_ops": ["encrypt"]}), "token_unknown_key");
    check(json!({"key_ops": []}), "token_unknown_key");
    check(json!({"key_ops": "verify"}), "token_unknown_key");
    check(json!({"alg": "PS256"}), "token_unfit_key");
    check(json!({"alg": "RS512"}), "token_unfit_key");
    check(json!({"alg": "rs256"}), "token_unfit_key");
    check(json!({"alg": "RSA-OAEP"}), "token_unfit_key");
    check(json!({"alg": 256}), "token_unknown_key");
    check(json!({"kid": "other"}), "token_unknown_key");
    check(json!({"kid": 7}), "token_unknown_key");
    check(json!({"kty": "rsa"}), "token_unknown_key");
    check(json!({"kty": "EC"}), "token_unknown_key");
    check(json!({"kty": null}), "token_unknown_key");
    check(json!({"n": null}), "token_unknown_key");
    check(
        json!({"n": URL_SAFE_NO_PAD.encode([0xff; 128])}),
        "token_unknown_key",
    );
    check(
        json!({"n": URL_SAFE_NO_PAD.encode([0xff; 1025])}),
        "token_unknown_key",
    );
    check(
        json!({"n": URL_SAFE_NO_PAD.encode([0xff; 256])}),
        "token_signature",
    );
    check(json!({"e": ""}), "token_unknown_key");
    check(json!({"e": "AQAB="}), "token_unknown_key");
    check(json!({"e": "AQ"}), "token_signature");
}

#[test]
fn a_point_off_the_curve_or_of_the_wrong_length_verifies_nothing() {
    for (alg, length) in [
        (Algorithm::ES256, 32),
        (Algorithm::ES384, 48),
        (Algorithm::EdDSA, 32),
    ] {
        let signer = Signer::new(alg, "k");
        let token = signer.sign(PAYLOAD);
        let check = |changes: Value, expected: &str| {
            let set = key_set(&[with(signer.jwk(), &changes)]);
            assert_eq!(verdict(&set, &token, Algorithm::ALL), expected, "{alg} {changes}");
        };
        let text = |byte: u8, length: usize| json!(URL_SAFE_NO_PAD.encode(vec![byte; length]));
        check(json!({}), "ok");
        check(json!({"x": text(1, length)}), "token_signature");
        check(json!({"x": text(0, length)}), "token_signature");
        check(json!({"x": text(1, length + 1)}), "token_unknown_key");
        check(json!({"x": text(1, length - 1)}), "token_unknown_key");
        check(json!({"x": ""}), "token_unknown_key");
        check(json!({"crv": "P-521"}), "token_unknown_key");
        check(json!({"crv": "secp256k1"}), "token_unknown_key");
        check(json!({"crv": null}), "token_unknown_key");
    }
}

#[test]
fn a_key_set_is_refused_or_read_with_what_is_usable() {
    let good = Signer::new(Algorithm::ES256, "good").jwk();
    let check = |document: &[u8], expected: Result<usize, KeySetError>| {
        let found = KeySet::parse(document).map(|set| set.len());
        assert_eq!(found, expected, "{:.200}", String::from_utf8_lossy(document));
    };
    let check_key = |key: Value, expected: Result<usize, KeySetError>| {
        check(json!({"keys": [good, key]}).to_string().as_bytes(), expected);
    };
    check(br#"{"keys":[]}"#, Ok(0));
    check(b"\n<!doctype html>", Err(KeySetError::WebPage));
    check(b"<html>", Err(KeySetError::WebPage));
    for document in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        r#"{"keys":[]} x"#,
    ] {
        check(document.as_bytes(), Err(KeySetError::Malformed));
    }
    check(b"{\"keys\":[],\"\xff\":1}", Err(KeySetError::Malformed));
    check_key(good.clone(), Ok(2));
    for skipped in [
        json!({}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
        json!({"kty": ["EC"]}),
    ] {
        check_key(skipped, Ok(1));
    }
    for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
        let rsa = Signer::new(Algorithm::RS256, "k").jwk();
        check_key(with(rsa, &json!({secret: "AA"})), Err(KeySetError::PrivateKey));
    }
    for secret in ["d", "priv"] {
        check_key(
            with(good.clone(), &json!({secret: "AA"})),
            Err(KeySetError::PrivateKey),
        );
        check_key(
            json!({"kty": "later", secret: null}),
            Err(KeySetError::PrivateKey),
        );
    }
    check_key(json!({"kty": "oct", "k": "AA"}), Err(KeySetError::SymmetricKey));
    check_key(json!({"kty": "oct"}), Err(KeySetError::SymmetricKey));
    check_key(json!({"k": "AA"}), Err(KeySetError::SymmetricKey));

    check(
        json!({"keys": vec![json!({}); MAX_KEYS]}).to_string().as_bytes(),
        Ok(0),
    );
    check(
        json!({"keys": vec![json!({}); MAX_KEYS + 1]})
            .to_string()
            .as_bytes(),
        Err(KeySetError::TooManyKeys),
    );
    check(&vec![b' '; MAX_KEY_SET_BYTES + 1], Err(KeySetError::TooLarge));
    check(
        &"[".repeat(MAX_KEY_SET_BYTES).into_bytes(),
        Err(KeySetError::Malformed),
    );
}
