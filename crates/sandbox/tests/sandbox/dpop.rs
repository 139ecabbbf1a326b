//! Proof of possession (RFC 9449) at the provider, and the faults about it: for whom, where, and how often.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tessera_sandbox::{CLIENT_ID, CONFIDENTIAL_CLIENT_ID, Dpop, Options};
use url::Url;

use crate::common::{Attempt, Lab, claims, encode, json as body_of, parameter};
use crate::faults::named;

/// A client's key, and a count for the names of its proofs.
struct Key(EcdsaKeyPair, std::cell::Cell<u32>);

impl Key {
    fn generate() -> Self {
        Self(
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            std::cell::Cell::default(),
        )
    }

    fn coordinates(&self) -> (String, String) {
        let point = self.0.public_key().as_ref();
        (
            URL_SAFE_NO_PAD.encode(&point[1..33]),
            URL_SAFE_NO_PAD.encode(&point[33..]),
        )
    }

    fn thumbprint(&self) -> String {
        let (x, y) = self.coordinates();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
    }

    fn proof(&self, lab: &Lab, path: &str) -> String {
        let (x, y) = self.coordinates();
        self.1.set(self.1.get() + 1);
        let header = json!({
            "typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y},
        });
        let said = json!({
            "jti": self.1.get().to_string(), "htm": "POST", "htu": lab.at(path), "iat": lab.sandbox.clock().now(),
        });
        let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(header), encoded(said));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A form with a proof of this key.
async fn post(lab: &Lab, path: &str, key: &Key, fields: &[(&str, &str)]) -> Value {
    let request = lab.http.post(lab.at(path)).header("dpop", key.proof(lab, path));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    body_of(request.body(encode(fields)).send().await.unwrap()).await
}

async fn push(lab: &Lab, key: &Key, attempt: &Attempt) -> Value {
    let url = Url::parse(&attempt.url(lab)).unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let fields: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    post(lab, "/par", key, &fields).await
}

async fn exchange(lab: &Lab, key: &Key, attempt: &Attempt, code: &str) -> Value {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("code", code),
        ("redirect_uri", &attempt.redirect_uri),
        ("code_verifier", &attempt.verifier),
    ];
    post(lab, "/token", key, &fields).await
}

/// RFC 9449 section 10.1.
#[tokio::test]
async fn a_proof_with_a_pushed_request_binds_its_code() {
    let lab = Lab::with(Options {
        dpop: Dpop::Offered,
        ..Options::default()
    })
    .await;
    let (own, other) = (Key::generate(), Key::generate());
    for (key, expected) in [(&own, None), (&other, Some("invalid_grant"))] {
        let attempt = Attempt::new("openid");
        let name = push(&lab, &own, &attempt).await["request_uri"].clone();
        let query = encode(&[("client_id", CLIENT_ID), ("request_uri", name.as_str().unwrap())]);
        let address = lab.at(&format!("/authorize?{query}"));
        let callback = lab.sandbox.visitor("ann").visit(&address).await.unwrap();
        let code = parameter(&callback, "code").unwrap();
        let answer = exchange(&lab, key, &attempt, &code).await;
        assert_eq!(answer["error"].as_str(), expected, "{answer}");
    }
    let named = |key: &Key| Attempt::new("openid").set("dpop_jkt", &key.thumbprint());
    assert!(push(&lab, &own, &named(&own)).await["request_uri"].is_string());
    assert_eq!(
        push(&lab, &own, &named(&other)).await["error"],
        "invalid_dpop_proof"
    );
}

/// What the token endpoint says to a refresh with a proof and no token.
async fn asked(lab: &Lab, key: &Key, client: &str) -> Value {
    let fields = [("grant_type", "refresh_token"), ("client_id", client)];
    post(lab, "/token", key, &fields).await["error"].clone()
}

#[tokio::test]
async fn a_fault_about_proofs_shows_once_per_request_and_for_its_client_and_path() {
    let lab = Lab::start().await;
    let key = Key::generate();
    // One request looks at it more than once, and has spent it once.
    named(
        &lab,
        json!({ "fault": "dpop-nonces", "times": 2, "client_id": CLIENT_ID }),
    )
    .await;
    lab.get_json("/.well-known/openid-configuration").await;
    for expected in ["use_dpop_nonce", "use_dpop_nonce", "invalid_request"] {
        assert_eq!(asked(&lab, &key, CLIENT_ID).await, expected);
    }
    named(
        &lab,
        json!({ "fault": "dpop-nonces", "client_id": CONFIDENTIAL_CLIENT_ID }),
    )
    .await;
    assert_eq!(asked(&lab, &key, CLIENT_ID).await, "invalid_request");
    lab.sandbox.faults().clear();
    named(&lab, json!({ "fault": "dpop-nonces", "path": "/par" })).await;
    assert_eq!(asked(&lab, &key, CLIENT_ID).await, "invalid_request");
    let answer = push(&lab, &key, &Attempt::new("openid")).await;
    assert_eq!(answer["error"], "use_dpop_nonce");
}

#[tokio::test]
async fn pushed_requests_can_be_required_of_one_client() {
    let lab = Lab::start().await;
    let visit = || async {
        lab.sandbox
            .visitor("ann")
            .visit(&Attempt::new("openid").url(&lab))
            .await
    };
    named(
        &lab,
        json!({ "fault": "par-required", "client_id": CONFIDENTIAL_CLIENT_ID }),
    )
    .await;
    visit().await.unwrap();
    named(&lab, json!({ "fault": "par-required", "client_id": CLIENT_ID })).await;
    assert!(visit().await.is_err());
}

/// OpenID Connect Core section 12.2.
#[tokio::test]
async fn an_id_token_of_a_refresh_repeats_the_nonce_of_the_sign_in() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid offline_access").await;
    let renewed = lab.refresh(&tokens).await.unwrap();
    let nonce = claims(&tokens["id_token"])["nonce"].clone();
    assert!(nonce.is_string());
    assert_eq!(claims(&renewed["id_token"])["nonce"], nonce);
    named(&lab, json!({ "fault": "id-token-wrong-nonce" })).await;
    let renewed = lab.refresh(&renewed).await.unwrap();
    assert_ne!(claims(&renewed["id_token"])["nonce"], nonce);
}
