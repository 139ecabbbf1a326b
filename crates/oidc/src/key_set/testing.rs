//! An issuer for tests: it has real keys of every type and signs whatever it is told to, with the
//! cryptography library directly, so that what is tested does not also make the test data.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Algorithm, KeySet};

/// Making an RSA key takes long, so there is one.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

/// One signing key and the name it is published under.
pub(crate) struct Signer {
    alg: Algorithm,
    kid: Option<String>,
    key: PrivateKey,
}

enum PrivateKey {
    Rsa(&'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// A new key; the RSA algorithms share one.
    pub(crate) fn new<'a>(alg: Algorithm, kid: impl Into<Option<&'a str>>) -> Self {
        let ec = |curve| PrivateKey::Ec(EcdsaKeyPair::generate(curve).unwrap());
        let key = match alg {
            Algorithm::RS256 => PrivateKey::Rsa(&RSA_PKCS1_SHA256),
            Algorithm::RS384 => PrivateKey::Rsa(&RSA_PKCS1_SHA384),
            Algorithm::RS512 => PrivateKey::Rsa(&RSA_PKCS1_SHA512),
            Algorithm::PS256 => PrivateKey::Rsa(&RSA_PSS_SHA256),
            Algorithm::PS384 => PrivateKey::Rsa(&RSA_PSS_SHA384),
            Algorithm::PS512 => PrivateKey::Rsa(&RSA_PSS_SHA512),
            Algorithm::ES256 => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::EdDSA => PrivateKey::Ed(Ed25519KeyPair::generate().unwrap()),
        };
        let kid = kid.into().map(str::to_owned);
        Self { alg, kid, key }
    }

    /// The public half as a JWK: `kty`, its parameters, and `kid` if it has one.
    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.key {
            PrivateKey::Rsa(_) => {
                let RsaPublicKeyComponents { n, e } =
                    RsaPublicKeyComponents::<Vec<u8>>::from(RSA.public_key());
                json!({"kty": "RSA", "n": text(&n), "e": text(&e)})
            }
            PrivateKey::Ec(key) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            PrivateKey::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())})
            }
        };
        if let Some(kid) = &self.kid {
            jwk["kid"] = json!(kid);
        }
        jwk
    }

    /// The header it gives its tokens: `alg`, and `kid` if it has one.
    pub(crate) fn header(&self) -> Value {
        let mut header = json!({"alg": self.alg.as_str()});
        if let Some(kid) = &self.kid {
            header["kid"] = json!(kid);
        }
        header
    }

    /// Signs a payload under its own header.
    pub(crate) fn sign(&self, payload: &[u8]) -> String {
        self.sign_as(self.header().to_string().as_bytes(), payload)
    }

    /// Signs a payload under any header, which may say anything.
    pub(crate) fn sign_as(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = [URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)].join(".");
        let random = SystemRandom::new();
        let signature = match &self.key {
            PrivateKey::Rsa(encoding) => {
                let mut signature = vec![0; RSA.public_modulus_len()];
                RSA.sign(*encoding, &random, signed.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            PrivateKey::Ec(key) => key.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            PrivateKey::Ed(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
        };
        [signed, URL_SAFE_NO_PAD.encode(signature)].join(".")
    }
}

/// The key set that publishes these JWKs.
pub(crate) fn key_set(jwks: &[Value]) -> KeySet {
    KeySet::parse(json!({"keys": jwks}).to_string().as_bytes()).expect("a sound key set")
}
