//! What a guard can be told to expect, and what it refuses to be told.

use serde_json::{Value, json};
use tessera_guard::{Algorithm, Guard, GuardBuilder, HttpKeys, KeySource, UnixTime};

use crate::api::fields;
use crate::signer::{AUDIENCE, ISSUER, NOW, Signer, claims, key_set};
use crate::tokens::{changed, verdict};

#[tokio::test]
async fn what_is_expected_can_be_set() {
    let signer = Signer::new("k");
    let builder = || {
        Guard::builder(ISSUER)
            .audience("first")
            .key_source(KeySource::fixed(key_set(&[&signer])))
            .clock(|| UnixTime(NOW))
    };
    let check = async |guard: Guard, changes: Value, expected: &str| {
        let token = signer.sign(&signer.header(), &changed(claims(), &changes));
        let outcome = guard.check(&fields(&format!("Bearer {token}"))).await;
        assert_eq!(verdict(&outcome), expected, "{changes}");
    };
    let two = builder().audience("second").build().unwrap();
    check(two.clone(), json!({"aud": "first"}), "ok").await;
    check(two.clone(), json!({"aud": ["second"]}), "ok").await;
    check(two, json!({"aud": AUDIENCE}), "token_audience").await;
    let exact = builder().leeway(0).build().unwrap();
    check(exact.clone(), json!({"aud": "first", "exp": NOW + 1}), "ok").await;
    check(
        exact.clone(),
        json!({"aud": "first", "exp": NOW}),
        "token_expired",
    )
    .await;
    check(
        exact.clone(),
        json!({"aud": "first", "nbf": NOW + 1}),
        "token_not_yet_valid",
    )
    .await;
    check(
        exact,
        json!({"aud": "first", "iat": NOW + 1}),
        "token_issued_in_future",
    )
    .await;
    let most = builder().leeway(60).build().unwrap();
    check(most.clone(), json!({"aud": "first", "exp": NOW - 59}), "ok").await;
    check(most, json!({"aud": "first", "exp": NOW - 60}), "token_expired").await;
    let other = builder()
        .algorithms([Algorithm::ES384, Algorithm::RS256])
        .build()
        .unwrap();
    check(other, json!({"aud": "first"}), "token_algorithm").await;
}

#[test]
fn a_guard_that_would_leave_something_unchecked_is_not_built() {
    let signer = Signer::new("k");
    let keys = || KeySource::fixed(key_set(&[&signer]));
    let remote = |address: &str| KeySource::remote(address, HttpKeys::new().unwrap());
    let base = || Guard::builder(ISSUER).audience(AUDIENCE);
    let check = |name: &str, builder: GuardBuilder, expected: &str| {
        let found = builder.build().map_or_else(|error| error.code(), |_| "ok");
        assert_eq!(found, expected, "{name}");
    };
    check("good", base().key_source(keys()), "ok");
    check(
        "no audience",
        Guard::builder(ISSUER).key_source(keys()),
        "guard_no_audience",
    );
    check(
        "empty audience",
        base().audience("").key_source(keys()),
        "guard_no_audience",
    );
    check("no keys", base(), "guard_no_key_source");
    check(
        "no algorithm",
        base().key_source(keys()).algorithms([]),
        "guard_no_algorithm",
    );
    check("leeway", base().key_source(keys()).leeway(61), "guard_leeway");
    check(
        "http issuer",
        Guard::builder("http://login.example")
            .audience(AUDIENCE)
            .key_source(keys()),
        "guard_issuer",
    );
    check(
        "no issuer",
        Guard::builder("").audience(AUDIENCE).key_source(keys()),
        "guard_issuer",
    );
    check(
        "http keys",
        base().key_source(remote("http://login.example/jwks")),
        "guard_key_address",
    );
    check(
        "no address",
        base().key_source(remote("jwks")),
        "guard_key_address",
    );
    check(
        "https keys",
        base().key_source(remote("https://login.example/jwks")),
        "ok",
    );
    check(
        "loopback keys",
        base().key_source(remote("http://127.0.0.1:1/jwks")),
        "ok",
    );
}
