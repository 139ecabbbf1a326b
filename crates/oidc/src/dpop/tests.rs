//! What a proof says, read with the key set's own eyes and not with the code that wrote it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use http::HeaderValue;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::key_set::{Algorithm, KeySet};
use crate::testing::{NOW, counting, header as field, json_response, response, url};

/// RFC 9449 section 4.1's key, whose thumbprint section 6.1 gives.
const KNOWN: (&str, &str, &str) = (
    "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
);

fn key() -> DpopKey {
    DpopKey::generate(&mut counting()).unwrap()
}

/// Header and claims of a request's proof, once its own key has verified it.
fn proof(request: &Request) -> (Value, Value) {
    let proof = field(request, "dpop").unwrap();
    let head = URL_SAFE_NO_PAD.decode(proof.split('.').next().unwrap()).unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    // A set refuses private keys, so none is shown.
    let keys = KeySet::parse(json!({"keys": [head["jwk"]]}).to_string().as_bytes()).unwrap();
    let verified = keys.verify(&proof, &[Algorithm::ES256]).unwrap();
    assert_eq!(verified.header().typ.as_deref(), Some("dpop+jwt"));
    (head, serde_json::from_slice(verified.payload()).unwrap())
}

fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn proven(token: Option<&str>, nonce: Option<&str>) -> Request {
    let mut request = Request::post_form(url("https://login.example/token?tenant=1#part"), []);
    let token = token.map(AccessToken::new);
    let nonce = nonce.map(|text| DpopNonce(text.to_owned()));
    key()
        .prove(&mut request, token.as_ref(), nonce.as_ref(), NOW, &mut counting())
        .unwrap();
    request
}

#[test]
fn a_proof_is_for_one_request_and_shows_the_public_key_only() {
    let (head, claims) = proof(&proven(None, None));
    assert_eq!(names(&head), ["alg", "jwk", "typ"]);
    assert_eq!(names(&head["jwk"]), ["crv", "kty", "x", "y"]);
    assert_eq!(
        claims,
        json!({
            "jti": "AAECAwQFBgcICQoLDA0ODw",
            "htm": "POST",
            "htu": "https://login.example/token",
            "iat": NOW.0,
        })
    );
}

#[test]
fn a_token_comes_along_with_its_hash_in_the_proof_and_a_nonce_as_it_was_given() {
    let request = proven(Some("t0ken"), Some("n-1"));
    assert_eq!(field(&request, "authorization").as_deref(), Some("DPoP t0ken"));
    assert!(request.headers["authorization"].is_sensitive());
    let (_, claims) = proof(&request);
    assert_eq!(claims["nonce"], "n-1");
    assert_eq!(claims["ath"], URL_SAFE_NO_PAD.encode(Sha256::digest("t0ken")));
    assert_eq!(field(&proven(None, None), "authorization"), None);
}

#[test]
fn every_proof_has_a_name_of_its_own_and_replaces_the_one_before() {
    let mut random = counting();
    let mut request = Request::get_json(url("https://api.example/items"));
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..10 {
        key().prove(&mut request, None, None, NOW, &mut random).unwrap();
        assert_eq!(request.headers.get_all("dpop").iter().count(), 1);
        names.insert(proof(&request).1["jti"].to_string());
    }
    assert_eq!(names.len(), 10);
}

#[test]
fn the_thumbprint_is_that_of_the_specification() {
    let (x, y, thumbprint) = KNOWN;
    let key = DpopKey {
        x: x.to_owned(),
        y: y.to_owned(),
        ..key()
    };
    assert_eq!(key.thumbprint(), thumbprint);
}

#[test]
fn a_key_that_was_kept_is_the_same_key() {
    let key = key();
    let kept = key.to_secret();
    let read = DpopKey::from_secret(&kept).unwrap();
    assert_eq!((read.thumbprint(), &read), (key.thumbprint(), &key));
    assert!(!format!("{key:?} {key:#?}").contains(kept.as_str()));
    for broken in [
        "",
        "AAAA",
        &"A".repeat(43),
        &"_".repeat(43),
        &format!("{}A", &*kept),
        "ü",
    ] {
        assert_eq!(DpopKey::from_secret(broken), Err(DpopKeyError), "{broken}");
    }
    assert!(DpopKey::generate(&mut |buffer| buffer.fill(0)).is_err());
    assert!(DpopKey::generate(&mut |buffer| buffer.fill(0xff)).is_err());
}

fn headers(name: &'static str, values: &[&str]) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

#[test]
fn a_nonce_is_taken_only_as_the_specification_writes_it() {
    let check = |values: &[&str], expected: Option<&str>| {
        let nonce = DpopNonce::of(&headers("dpop-nonce", values));
        assert_eq!(nonce.map(|nonce| nonce.0).as_deref(), expected, "{values:?}");
    };
    check(&["eyJ7S_zG.eyJH0-Z.HX4w-7v"], Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"));
    check(&[], None);
    check(&[""], None);
    check(&["one", "two"], None);
    check(&["a b"], None);
    check(&["a\"b"], None);
    check(&["a\\b"], None);
    check(&["ü"], None);
    check(
        &[&"n".repeat(MAX_NONCE_BYTES)],
        Some(&"n".repeat(MAX_NONCE_BYTES)),
    );
    check(&[&"n".repeat(MAX_NONCE_BYTES + 1)], None);
}

#[test]
fn only_the_servers_own_word_asks_for_a_nonce() {
    let asked = json!({"error": "use_dpop_nonce"});
    assert!(wants_nonce(&json_response(400, &asked)));
    assert!(!wants_nonce(&json_response(401, &asked)));
    assert!(!wants_nonce(&json_response(200, &asked)));
    assert!(!wants_nonce(&json_response(
        400,
        &json!({"error": "invalid_request"})
    )));
    assert!(!wants_nonce(&response(400, "text/html", "<p>use_dpop_nonce")));

    let check = |status: u16, fields: &[&str], expected: bool| {
        let status = StatusCode::from_u16(status).unwrap();
        let asks = challenges_for_nonce(status, &headers("www-authenticate", fields));
        assert_eq!(asks, expected, "{status} {fields:?}");
    };
    check(
        401,
        &[r#"DPoP error="use_dpop_nonce", error_description="x""#],
        true,
    );
    check(401, &[r#"dpop algs="ES256", error="use_dpop_nonce""#], true);
    check(401, &["DPoP error=use_dpop_nonce"], true);
    check(
        401,
        &[r#"Bearer realm="x", DPoP algs="ES256", error="use_dpop_nonce""#],
        true,
    );
    check(401, &["Bearer", r#"DPoP error="use_dpop_nonce""#], true);
    check(
        401,
        &[r#"DPoP error_description="a nonce, as announced", error="use_dpop_nonce""#],
        true,
    );
    check(403, &[r#"DPoP error="use_dpop_nonce""#], false);
    check(401, &[r#"DPoP error="invalid_token""#], false);
    check(401, &[r#"Bearer error="use_dpop_nonce""#], false);
    check(
        401,
        &[r#"DPoP algs="ES256", Bearer error="use_dpop_nonce""#],
        false,
    );
    check(401, &[], false);
}

proptest! {
    #[test]
    fn nothing_from_outside_makes_it_panic(text in ".{0,100}", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = DpopKey::from_secret(&text);
        let _ = asks_in_challenge(&text);
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let headers = [(NONCE, value)].into_iter().collect();
            let _ = DpopNonce::of(&headers);
        }
    }
}
