//! An issuer with real keys, which signs whatever it is told to.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tessera_guard::KeySet;

pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const NOW: i64 = 1_800_000_000;

/// An ES256 key and its name.
pub(crate) struct Signer {
    kid: &'static str,
    key: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid, key }
    }

    pub(crate) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "x": text(&point[1..33]), "y": text(&point[33..])})
    }

    /// The header of a good access token.
    pub(crate) fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": self.kid, "typ": "at+jwt"})
    }

    /// A good access token.
    pub(crate) fn token(&self) -> String {
        self.sign(&self.header(), &claims())
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn sign_text(&self, header: &str, payload: &str) -> String {
        let signed = [header, payload]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// The claims of a good access token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "client_id": "app", "jti": "token-1",
        "iat": NOW, "exp": NOW + 300, "scope": "orders:read profile",
    })
}

/// The document that publishes these keys.
pub(crate) fn document(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}

pub(crate) fn key_set(signers: &[&Signer]) -> KeySet {
    KeySet::parse(document(signers).as_bytes()).unwrap()
}
