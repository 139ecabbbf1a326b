//! Which tokens a key set must accept and refuse, as data: one signer, one change, one verdict.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod keys;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{Signer, key_set};
use super::*;

const PAYLOAD: &[u8] = br#"{"sub":"ann"}"#;

/// What `KeySet::verify` says, in one word.
fn verdict(set: &KeySet, token: &str, allowed: &[Algorithm]) -> &'static str {
    match set.verify(token, allowed) {
        Ok(verified) if verified.payload() == PAYLOAD => "ok",
        Ok(_) => "another payload",
        Err(error) => error.code(),
    }
}

fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

#[test]
fn every_algorithm_verifies_with_its_own_key_and_no_other() {
    let signers: Vec<Signer> = Algorithm::ALL.iter().map(|alg| Signer::new(*alg, "k")).collect();
    for (signer, alg) in signers.iter().zip(Algorithm::ALL) {
        let token = signer.sign(PAYLOAD);
        for (other, other_alg) in signers.iter().zip(Algorithm::ALL) {
            let set = key_set(&[with(other.jwk(), &json!({"alg": other_alg.as_str()}))]);
            let expected = if alg == other_alg { "ok" } else { "token_unfit_key" };
            assert_eq!(
                verdict(&set, &token, Algorithm::ALL),
                expected,
                "{alg} by {other_alg}"
            );
            // A key that is not bound to an algorithm still has a type and a curve.
            let is_same_kind = ["kty", "crv"]
                .iter()
                .all(|name| signer.jwk()[name] == other.jwk()[name]);
            let is_unfit = verdict(&key_set(&[other.jwk()]), &token, Algorithm::ALL) == "token_unfit_key";
            assert_eq!(is_unfit, !is_same_kind, "{alg} by an unbound key of {other_alg}");
        }
        let others: Vec<Algorithm> = Algorithm::ALL
            .iter()
            .copied()
            .filter(|other| other != alg)
            .collect();
        let set = key_set(&[signer.jwk()]);
        assert_eq!(
            verdict(&set, &token, &others),
            "token_algorithm",
            "{alg} not allowed"
        );
        assert_eq!(verdict(&set, &token, &[]), "token_algorithm", "nothing allowed");
    }
}

#[test]
fn examples_of_the_specifications_verify() {
    let check = |jwk: Value, token: &str, payload: &str| {
        let verified = key_set(&[jwk]).verify(token, Algorithm::ALL).unwrap();
        assert_eq!(std::str::from_utf8(verified.payload()), Ok(payload));
    };
    let joe = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    // RFC 7515 appendix A.2.
    check(
        json!({"kty": "RSA", "e": "AQAB", "n": concat!(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql",
            "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs",
            "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud",
            "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ")}),
        concat!(
            "eyJhbGciOiJSUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG",
            "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K",
            "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6",
            "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        ),
        joe,
    );
    // RFC 7515 appendix A.3.
    check(
        json!({"kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
        concat!(
            "eyJhbGciOiJFUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
        joe,
    );
    // RFC 8037 appendix A.4.
    check(
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
        concat!(
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        ),
        "Example of Ed25519 signing",
    );
}

/// Headers that say what they should not, each signed by the right key.
#[test]
fn a_header_is_judged_before_the_signature() {
    let signer = Signer::new(Algorithm::ES256, "k");
    let stranger = Signer::new(Algorithm::ES256, "k");
    let set = key_set(&[signer.jwk()]);
    let check = |header: &str, expected: &str| {
        let token = signer.sign_as(header.as_bytes(), PAYLOAD);
        assert_eq!(verdict(&set, &token, Algorithm::ALL), expected, "{header}");
    };
    check(r#"{"alg":"ES256","kid":"k"}"#, "ok");
    check(
        r#" {"kid":"k","typ":"at+jwt","alg":"ES256","unheard-of":{"a":[1]}} "#,
        "ok",
    );
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "es256", "ES256 ", "ES512", "RSA-OAEP",
    ] {
        check(&json!({"alg": alg, "kid": "k"}).to_string(), "token_algorithm");
    }
    for header in [
        "",
        "null",
        "[]",
        "\"ES256\"",
        "{",
        r#"{"alg":"ES256"} x"#,
        "{}",
        r#"{"kid":"k"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["ES256"]}"#,
        r#"{"alg":256}"#,
        r#"{"alg":"ES256","kid":null}"#,
        r#"{"alg":"ES256","kid":7}"#,
        r#"{"alg":"ES256","kid":"k","typ":1}"#,
        r#"{"alg":"ES256","alg":"ES256","kid":"k"}"#,
        r#"{"alg":"ES256","kid":"k","kid":"k"}"#,
    ] {
        check(header, "token_malformed");
    }
    for crit in [
        json!(["exp"]),
        json!(["b64"]),
        json!([]),
        json!("exp"),
        Value::Null,
        json!({}),
        json!(["alg"]),
    ] {
        check(
            &json!({"alg": "ES256", "kid": "k", "crit": crit, "b64": true}).to_string(),
            "token_critical",
        );
    }
    check(
        &json!({"alg": "ES256", "kid": "K"}).to_string(),
        "token_unknown_key",
    );
    check(
        &json!({"alg": "ES256", "kid": ""}).to_string(),
        "token_unknown_key",
    );
    check(
        &json!({"alg": "ES256", "kid": "k".repeat(MAX_KID_BYTES + 1)}).to_string(),
        "token_malformed",
    );
    check(
        &json!({"alg": "ES256", "kid": "../../etc/passwd' OR 1=1"}).to_string(),
        "token_unknown_key",
    );
    check(
        &json!({"alg": "RS256", "kid": "k"}).to_string(),
        "token_unfit_key",
    );
    check(
        &json!({"alg": "ES384", "kid": "k"}).to_string(),
        "token_unfit_key",
    );

    // A key that the token brings along is not looked at, whoever it belongs to.
    let brought =
        json!({"alg": "ES256", "kid": "k", "jwk": stranger.jwk(), "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/x5u", "x5c": ["MIIB"]})
        .to_string();
    check(&brought, "ok");
    let forged = stranger.sign_as(brought.as_bytes(), PAYLOAD);
    assert_eq!(verdict(&set, &forged, Algorithm::ALL), "token_signature");
}

#[test]
fn only_the_strict_compact_form_is_read() {
    let signer = Signer::new(Algorithm::ES256, None);
    let set = key_set(&[signer.jwk()]);
    let token = signer.sign(PAYLOAD);
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        unreachable!()
    };
    let check = |token: &str, expected: &str| {
        assert_eq!(verdict(&set, token, Algorithm::ALL), expected, "{token:.80}");
    };
    check(&token, "ok");
    check("", "token_malformed");
    check(".", "token_malformed");
    check("..", "token_malformed");
    check(&format!("{header}.{payload}"), "token_malformed");
    check(&format!("{header}.{payload}."), "token_signature");
    check(&format!("{header}..{signature}"), "token_signature");
    check(&format!("{token}."), "token_malformed");
    check(&format!(".{token}"), "token_malformed");
    check(
        &format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        "token_malformed",
    );
    check(&format!("{token}="), "token_malformed");
    check(&format!("{token}=="), "token_malformed");
    check(&format!("{token} "), "token_malformed");
    check(&format!(" {token}"), "token_malformed");
    check(&format!("{token}\n"), "token_malformed");
    check(&format!("{header}=.{payload}.{signature}"), "token_malformed");
    // The last character of a P-256 signature has four bits to spare; only zeros there are canonical.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = alphabet.find(last).unwrap();
    let twin = alphabet.chars().nth(index + 1).unwrap();
    check(
        &format!("{header}.{payload}.{}{twin}", &signature[..signature.len() - 1]),
        "token_malformed",
    );
    check(
        &token.replace(['-', '_'], "+"),
        if token.contains(['-', '_']) {
            "token_malformed"
        } else {
            "ok"
        },
    );
    let json_form = json!({"payload": payload, "protected": header, "signature": signature}).to_string();
    check(&json_form, "token_malformed");
    check(&"a".repeat(MAX_JWS_BYTES + 1), "token_too_large");
    let big = signer.sign(&vec![b' '; MAX_JWS_BYTES]);
    check(&big, "token_too_large");
    // ECDSA signatures are r and s side by side (RFC 7518 section 3.4), never DER.
    check(
        &format!(
            "{header}.{payload}.{}",
            URL_SAFE_NO_PAD.encode([0x30, 0x44, 2, 0x20])
        ),
        "token_signature",
    );
    check(
        &format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        "token_signature",
    );
}

/// Named like the OpenID conformance modules where there is one.
#[test]
fn tokens_without_a_kid_and_keys_that_share_one() {
    let signers: Vec<Signer> = (0..=MAX_TRIES)
        .map(|_| Signer::new(Algorithm::ES256, None))
        .collect();
    let jwks: Vec<Value> = signers.iter().map(Signer::jwk).collect();
    let token = signers[0].sign(PAYLOAD);
    let all = Algorithm::ALL;
    let named = |kid: &str| with(jwks[0].clone(), &json!({"kid": kid}));

    // oidcc-client-test-kid-absent-single-jwks
    assert_eq!(verdict(&key_set(&jwks[..1]), &token, all), "ok");
    assert_eq!(verdict(&key_set(&[named("k")]), &token, all), "ok");
    // oidcc-client-test-kid-absent-multiple-jwks
    assert_eq!(verdict(&key_set(&jwks[..MAX_TRIES]), &token, all), "ok");
    assert_eq!(verdict(&key_set(&jwks[1..]), &token, all), "token_signature");
    assert_eq!(verdict(&key_set(&jwks), &token, all), "token_ambiguous_key");
    // Keys of other types do not count as tries.
    let rsa = Signer::new(Algorithm::RS256, None).jwk();
    let mixed = [vec![rsa.clone(); MAX_TRIES], jwks[..1].to_vec()].concat();
    assert_eq!(verdict(&key_set(&mixed), &token, all), "ok");
    assert_eq!(verdict(&key_set(&[rsa]), &token, all), "token_unknown_key");
    assert_eq!(verdict(&key_set(&[]), &token, all), "token_unknown_key");

    let same_name = |count: usize| {
        key_set(
            &[
                vec![with(jwks[1].clone(), &json!({"kid": "k"})); count],
                vec![named("k")],
            ]
            .concat(),
        )
    };
    let naming = signers[0].sign_as(br#"{"alg":"ES256","kid":"k"}"#, PAYLOAD);
    assert_eq!(verdict(&same_name(MAX_TRIES - 1), &naming, all), "ok");
    assert_eq!(
        verdict(&same_name(MAX_TRIES), &naming, all),
        "token_ambiguous_key"
    );
    // A key without a name does not answer to one.
    assert_eq!(verdict(&key_set(&jwks[..1]), &naming, all), "token_unknown_key");
}

/// The classic confusion: an HMAC keyed with the public key's own bytes.
#[test]
fn a_public_key_is_never_a_shared_secret() {
    let signer = Signer::new(Algorithm::RS256, "k");
    let set = key_set(&[signer.jwk()]);
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","kid":"k"}"#);
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(PAYLOAD));
    let modulus = URL_SAFE_NO_PAD
        .decode(signer.jwk()["n"].as_str().unwrap())
        .unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &modulus);
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
    assert_eq!(verdict(&set, &token, Algorithm::ALL), "token_algorithm");
}

#[test]
fn algorithms_are_named_letter_for_letter() {
    for alg in Algorithm::ALL {
        assert_eq!(alg.as_str().parse(), Ok(*alg));
        assert_eq!(
            alg.as_str().to_lowercase().parse::<Algorithm>(),
            Err(UnknownAlgorithm)
        );
    }
    for text in ["", "none", "HS256", "ES512", "RS256 ", "Ed25519"] {
        assert_eq!(text.parse::<Algorithm>(), Err(UnknownAlgorithm), "{text}");
    }
}

#[test]
fn nothing_formatted_shows_the_token() {
    let signer = Signer::new(Algorithm::ES256, "k");
    let token = signer.sign(b"{\"sub\":\"who-it-is\"}");
    let signature = token.rsplit('.').next().unwrap().to_owned();
    let unverified = UnverifiedJws::parse(&token, Algorithm::ALL).unwrap();
    let verified = key_set(&[signer.jwk()]).verify_parsed(&unverified).unwrap();
    let broken = KeySet::default().verify(&token, Algorithm::ALL).unwrap_err();
    for text in [
        format!("{unverified:?}"),
        format!("{verified:?}"),
        format!("{broken:?} {broken}"),
    ] {
        for hidden in ["who-it-is", &signature, token.split('.').nth(1).unwrap()] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
    let header = json!({"alg": format!("\u{1b}[2J{}", "x".repeat(1000)), "kid": "k"}).to_string();
    let error = key_set(&[])
        .verify(&signer.sign_as(header.as_bytes(), b"{}"), Algorithm::ALL)
        .unwrap_err();
    assert!(
        error.to_string().len() < 100 && !error.to_string().contains('\u{1b}'),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever single byte of whatever token is changed into whatever else: it does not verify any more.
    #[test]
    fn a_token_with_one_byte_changed_never_verifies(
        which in 0..Algorithm::ALL.len(),
        kid in proptest::option::of("[a-z0-9]{1,8}"),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let alg = Algorithm::ALL[which];
        let signer = Signer::new(alg, kid.as_deref());
        let set = key_set(&[signer.jwk()]);
        let token = signer.sign(&payload);
        let verified = set.verify(&token, Algorithm::ALL).unwrap();
        prop_assert_eq!(verified.payload(), &payload[..]);
        let mut bytes = token.clone().into_bytes();
        let index = position.index(bytes.len());
        prop_assume!(bytes[index] != byte);
        bytes[index] = byte;
        // Text that is not UTF-8 cannot even be asked about.
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(set.verify(&changed, Algorithm::ALL).is_err(), "{} became {}", token, changed);
        }
    }

    /// Nothing that comes from outside makes it panic.
    #[test]
    fn junk_is_an_error(token in "[ -~]{0,4}(\\.[A-Za-z0-9_=+/-]{0,12}){0,4}", document in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(KeySet::default().verify(&token, Algorithm::ALL).is_err());
        prop_assert!(KeySet::parse(&document).is_err());
    }
}
