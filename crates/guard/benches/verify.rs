//! What the whole check of a token costs beyond the signature check that it cannot do without: both are
//! measured in one run, and the ratio is what counts.
//!
//! ```text
//! cargo bench -p tessera-guard --bench verify
//! ```

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and its data is its own"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark is about the clock on the wall"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds per round are far below 2^52"
)]

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::json;
use tessera_guard::{Guard, KeySet, KeySource, UnixTime};

const NOW: i64 = 1_800_000_000;
const ROUNDS: u32 = 2_000;
const SAMPLES: usize = 9;

fn main() {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = key.public_key().as_ref().to_vec();
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk =
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": text(&point[1..33]), "y": text(&point[33..])});
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "k"});
    let claims = json!({"iss": "https://login.example", "aud": "https://api.example", "sub": "ann", "jti": "1",
        "client_id": "app", "iat": NOW, "exp": NOW + 300, "scope": "openid profile orders:read orders:write"});
    let signed = [
        text(header.to_string().as_bytes()),
        text(claims.to_string().as_bytes()),
    ]
    .join(".");
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let token = format!("Bearer {signed}.{}", text(signature.as_ref()));

    let guard = Guard::builder("https://login.example")
        .audience("https://api.example")
        .key_source(KeySource::fixed(
            KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap(),
        ))
        .clock(|| UnixTime(NOW))
        .build()
        .unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, token.parse().unwrap())]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);

    let bare = nanoseconds(|| {
        public
            .verify(black_box(signed.as_bytes()), signature.as_ref())
            .unwrap();
    });
    let whole = nanoseconds(|| {
        black_box(runtime.block_on(guard.check(black_box(&headers))).unwrap());
    });
    println!("bare signature check {bare:>9.0} ns");
    println!("whole check          {whole:>9.0} ns");
    println!("ratio                {:>9.3}", whole / bare);
}

/// The median over the samples, for one round.
fn nanoseconds(mut round: impl FnMut()) -> f64 {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| round());
            start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[SAMPLES / 2]
}
