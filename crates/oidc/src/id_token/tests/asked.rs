//! What was asked for, and what came before, held against an ID token.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::super::claims::half_hash;
use super::super::*;
use super::{ACCESS, Stage, claims};
use crate::Subject;
use crate::testing::{CLIENT, ISSUER, NOW, issuer};

#[test]
fn the_access_token_is_the_one_that_came_with_it() {
    let half = |hash: &[u8]| URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]);
    let (short, middle, long) = (
        half(&Sha256::digest(ACCESS)),
        half(&Sha384::digest(ACCESS)),
        half(&Sha512::digest(ACCESS)),
    );
    for &algorithm in Algorithm::ALL {
        let stage = Stage::new(algorithm);
        let good = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &short,
            Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &middle,
            Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &long,
        };
        for hash in [&short, &middle, &long] {
            let expected = if hash == good { "ok" } else { "id_token_at_hash" };
            stage.check(algorithm.as_str(), &json!({ "at_hash": hash }), expected);
        }
    }
    let stage = Stage::new(Algorithm::ES256);
    stage.check(
        "oidcc-client-test-invalid-athash",
        &json!({"at_hash": format!("{short}1")}),
        "id_token_at_hash",
    );
    stage.check(
        "the whole hash",
        &json!({"at_hash": URL_SAFE_NO_PAD.encode(Sha256::digest(ACCESS))}),
        "id_token_at_hash",
    );
    stage.check(
        "at_hash of another type",
        &json!({"at_hash": 7}),
        "id_token_at_hash",
    );
    stage.check(
        "at_hash that is empty",
        &json!({"at_hash": ""}),
        "id_token_at_hash",
    );
    // Optional in the code flow (Core section 3.1.3.6).
    stage.check("no at_hash", &json!({}), "ok");
    // OpenID Connect Core has no example of this flow; this is the one of its appendix A.3.
    assert_eq!(
        half_hash(Algorithm::RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        "77QmUPtjPfzWtF2AnpK9RQ"
    );
}

/// Two authentication contexts were asked for.
fn strong(expected: &mut Expectations<'_>) {
    static ACR: LazyLock<Vec<String>> = LazyLock::new(|| vec!["a".into(), "b".into()]);
    expected.acr_values = &ACR;
}

/// One other audience is trusted.
fn trusting(expected: &mut Expectations<'_>) {
    static TRUSTED: LazyLock<Vec<String>> = LazyLock::new(|| vec!["project".into()]);
    expected.trusted_audiences = &TRUSTED;
}

#[test]
fn what_was_asked_for_is_held_against_the_token() {
    let stage = Stage::new(Algorithm::ES256);
    let check = |name: &str, change: fn(&mut Expectations<'_>), changes: Value, expected: &str| {
        let mut expectations = stage.expectations();
        change(&mut expectations);
        let token = stage.token(&claims(&changes));
        assert_eq!(
            Stage::verdict(&token, &stage.keys(), &expectations),
            expected,
            "{name} {changes}"
        );
    };
    let hour = |expected: &mut Expectations<'_>| expected.max_age = Some(3600);
    check("max_age", hour, json!({"auth_time": NOW.0 - 3600}), "ok");
    check(
        "max_age within the leeway",
        hour,
        json!({"auth_time": NOW.0 - 3900}),
        "ok",
    );
    check(
        "max_age is over",
        hour,
        json!({"auth_time": NOW.0 - 3901}),
        "id_token_auth_time",
    );
    check(
        "signed in in the future",
        hour,
        json!({"auth_time": NOW.0 + 301}),
        "id_token_auth_time",
    );
    check("max_age without auth_time", hour, json!({}), "id_token_auth_time");
    check(
        "max_age of the longest",
        |expected| expected.max_age = Some(u64::MAX),
        json!({"auth_time": 0}),
        "ok",
    );
    check(
        "auth_time that nobody asked for",
        |_| {},
        json!({"auth_time": 0}),
        "ok",
    );

    check("acr", strong, json!({"acr": "b"}), "ok");
    check("another acr", strong, json!({"acr": "c"}), "id_token_acr");
    check("no acr", strong, json!({}), "id_token_acr");
    check("acr that nobody asked for", |_| {}, json!({"acr": "c"}), "ok");

    let none = |expected: &mut Expectations<'_>| expected.nonce = None;
    check("no nonce was sent", none, json!({"nonce": null}), "ok");

    check(
        "an audience that is trusted",
        trusting,
        json!({"aud": [CLIENT, "project"]}),
        "ok",
    );
    check(
        "only that audience",
        trusting,
        json!({"aud": ["project"]}),
        "id_token_aud",
    );
    check(
        "one more",
        trusting,
        json!({"aud": [CLIENT, "project", "x"]}),
        "id_token_aud",
    );

    let generous = |expected: &mut Expectations<'_>| expected.leeway = u64::MAX;
    check("leeway has an end", generous, json!({"exp": NOW.0 - 299}), "ok");
    check(
        "leeway has an end",
        generous,
        json!({"exp": NOW.0 - 300}),
        "id_token_exp",
    );
    let strict = |expected: &mut Expectations<'_>| expected.leeway = 0;
    check("no leeway", strict, json!({"exp": NOW.0}), "id_token_exp");
    check("no leeway", strict, json!({"exp": NOW.0 + 1}), "ok");
    let never = |expected: &mut Expectations<'_>| expected.now = UnixTime(i64::MAX);
    check("at the end of time", never, json!({}), "id_token_exp");
}

/// OpenID Connect Core section 12.2.
#[test]
fn a_renewed_id_token_is_held_against_the_one_before() {
    let stage = Stage::new(Algorithm::ES256);
    let previous = PreviousIdToken {
        issuer: issuer(),
        subject: Subject::new("ann-1"),
        audience: vec![CLIENT.to_owned()],
        issued_at: NOW.plus(-100),
        auth_time: Some(NOW.plus(-200)),
        nonce: None,
    };
    let check = |name: &str, change: fn(&mut PreviousIdToken), changes: Value, expected: &str| {
        let mut previous = previous.clone();
        change(&mut previous);
        let expectations = Expectations {
            refresh: Some(&previous),
            ..stage.expectations()
        };
        let token = stage.token(&claims(&changes));
        assert_eq!(
            Stage::verdict(&token, &stage.keys(), &expectations),
            expected,
            "{name} {changes}"
        );
    };
    let same = |_: &mut PreviousIdToken| {};
    check("oidcc-client-test-refresh-token", same, json!({}), "ok");
    check("nonce is absent", same, json!({"nonce": null}), "ok");
    check("nonce is another", same, json!({"nonce": "x"}), "id_token_nonce");
    // A process that did not send it knows its fingerprint only.
    let mut known = previous.clone();
    known.nonce = stage.expectations().nonce.map(Nonce::fingerprint);
    for (changes, expected) in [
        (json!({}), "ok"),
        (json!({"nonce": null}), "ok"),
        (json!({"nonce": "x"}), "id_token_nonce"),
        (json!({"nonce": 5}), "id_token_nonce"),
    ] {
        let expectations = Expectations {
            refresh: Some(&known),
            nonce: None,
            ..stage.expectations()
        };
        let token = stage.token(&claims(&changes));
        let verdict = Stage::verdict(&token, &stage.keys(), &expectations);
        assert_eq!(verdict, expected, "fingerprint, {changes}");
    }
    check(
        "oidcc-client-test-refresh-token-invalid-issuer",
        same,
        json!({"iss": format!("{ISSUER}1")}),
        "id_token_iss",
    );
    let other_issuer =
        |previous: &mut PreviousIdToken| previous.issuer = "https://other.example".parse().unwrap();
    check("another issuer before", other_issuer, json!({}), "refresh_iss");
    check(
        "oidcc-client-test-refresh-token-invalid-sub",
        same,
        json!({"sub": "bob-2"}),
        "refresh_sub",
    );
    check(
        "audience",
        |previous| previous.audience.push("gone".into()),
        json!({}),
        "refresh_aud",
    );
    check(
        "iat is the same",
        |previous| previous.issued_at = NOW,
        json!({}),
        "ok",
    );
    check(
        "iat is older",
        |previous| previous.issued_at = NOW.plus(1),
        json!({}),
        "refresh_iat",
    );
    check(
        "auth_time is the same",
        same,
        json!({"auth_time": NOW.0 - 200}),
        "ok",
    );
    check(
        "auth_time is another",
        same,
        json!({"auth_time": NOW.0 - 199}),
        "refresh_auth_time",
    );
    check(
        "auth_time is new",
        |previous| previous.auth_time = None,
        json!({"auth_time": NOW.0}),
        "ok",
    );
}
