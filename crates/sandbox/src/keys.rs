//! The keys that sign: ES256 by default, RS256 for the Google dialect, which signs so too.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

use crate::faults::SignatureFault;
use crate::secret::random_name;

/// A key could not be made, read or used.
#[derive(Debug, thiserror::Error)]
#[error("the signing key cannot be used: {0}")]
pub struct KeyError(String);

/// A private key with its name.
#[derive(Clone)]
pub(crate) struct SigningKey {
    pub(crate) id: String,
    pub(crate) algorithm: Algorithm,
    /// PKCS#8, as it is stored.
    pub(crate) pkcs8: Vec<u8>,
    encoding: EncodingKey,
    public: Jwk,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({} {:?})", self.id, self.algorithm)
    }
}

impl SigningKey {
    /// A new key under a new name. Only ES256 and RS256 are known here.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError("the generator failed".to_owned());
        let pkcs8 = match algorithm {
            Algorithm::ES256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                    .map_err(failed)?
                    .as_ref()
                    .to_vec()
            }
            Algorithm::RS256 => KeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| pair.as_der())
                .map_err(failed)?
                .as_ref()
                .to_vec(),
            other => return Err(KeyError(format!("{other:?} is not one of ours"))),
        };
        Self::from_pkcs8(random_name(), algorithm, pkcs8)
    }

    /// A key that was stored.
    pub(crate) fn from_pkcs8(id: String, algorithm: Algorithm, pkcs8: Vec<u8>) -> Result<Self, KeyError> {
        let failed = |error: jsonwebtoken::errors::Error| KeyError(error.to_string());
        let encoding = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&pkcs8),
            // The library takes PKCS#1 as bytes and PKCS#8 only as text.
            _ => EncodingKey::from_rsa_pem(
                format!(
                    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                    STANDARD.encode(&pkcs8)
                )
                .as_bytes(),
            )
            .map_err(failed)?,
        };
        let mut public = Jwk::from_encoding_key(&encoding, algorithm).map_err(failed)?;
        public.common.key_id = Some(id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            id,
            algorithm,
            pkcs8,
            encoding,
            public,
        })
    }

    /// A compact JWS over `claims`, whose `typ` is `kind`.
    pub(crate) fn sign(&self, kind: &str, claims: &Map<String, Value>) -> Result<String, KeyError> {
        let mut header = Header::new(self.algorithm);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|error| KeyError(error.to_string()))
    }
}

/// The key in use and those still published.
#[derive(Debug)]
pub(crate) struct KeyRing {
    current: SigningKey,
    earlier: Vec<SigningKey>,
}

impl KeyRing {
    pub(crate) fn new(current: SigningKey, earlier: Vec<SigningKey>) -> Self {
        Self { current, earlier }
    }

    pub(crate) fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The key in use first, then those still published.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.current).chain(&self.earlier)
    }

    /// Signs with a new key from now on. The earlier one stays in the key set if `keep_earlier`.
    pub(crate) fn rotate(&mut self, keep_earlier: bool) -> Result<(), KeyError> {
        let next = SigningKey::generate(self.current.algorithm)?;
        let earlier = std::mem::replace(&mut self.current, next);
        if keep_earlier {
            self.earlier.insert(0, earlier);
        } else {
            self.earlier.clear();
        }
        Ok(())
    }

    /// The key set (RFC 7517 section 5): public halves only.
    pub(crate) fn public(&self) -> Value {
        json!({ "keys": self.all().map(|key| &key.public).collect::<Vec<_>>() })
    }

    /// Signs an ID token, rightly or as a fault demands. `header` is what else the header should hold.
    pub(crate) fn sign_id_token(
        &self,
        claims: &Map<String, Value>,
        fault: Option<SignatureFault>,
        change_header: &[crate::faults::Change],
        client_id: &str,
    ) -> Result<String, KeyError> {
        let key = &self.current;
        let stranger = || SigningKey::generate(key.algorithm);
        match fault {
            None if change_header.is_empty() => key.sign("JWT", claims),
            None => {
                let mut header = header(key.algorithm, Some(&key.id));
                for change in change_header {
                    change.apply_to(&mut header);
                }
                sign_as(&header, claims, key)
            }
            Some(SignatureFault::Broken) => Ok(break_signature(&key.sign("JWT", claims)?)),
            Some(SignatureFault::None) => {
                let mut header = header(key.algorithm, None);
                header.insert("alg".to_owned(), json!("none"));
                Ok(format!("{}.", signing_input(&header, claims)))
            }
            Some(SignatureFault::OtherKey) => {
                sign_as(&header(key.algorithm, Some(&key.id)), claims, &stranger()?)
            }
            Some(SignatureFault::UnknownKey) => stranger()?.sign("JWT", claims),
            Some(SignatureFault::NoKeyId) => sign_as(&header(key.algorithm, None), claims, key),
            Some(SignatureFault::Hmac) => {
                let header = Header::new(Algorithm::HS256);
                jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(client_id.as_bytes()))
                    .map_err(|error| KeyError(error.to_string()))
            }
        }
    }
}

fn header(algorithm: Algorithm, key_id: Option<&str>) -> Map<String, Value> {
    let mut header = Map::new();
    header.insert("typ".to_owned(), json!("JWT"));
    header.insert("alg".to_owned(), json!(algorithm));
    if let Some(id) = key_id {
        header.insert("kid".to_owned(), json!(id));
    }
    header
}

fn signing_input(header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let encode = |part: &Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string());
    format!("{}.{}", encode(header), encode(claims))
}

fn sign_as(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    key: &SigningKey,
) -> Result<String, KeyError> {
    let input = signing_input(header, claims);
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key.encoding, key.algorithm)
        .map_err(|error| KeyError(error.to_string()))?;
    Ok(format!("{input}.{signature}"))
}

/// Turns bits of every signature byte, as the conformance suite does.
fn break_signature(token: &str) -> String {
    let Some((input, signature)) = token.rsplit_once('.') else {
        return token.to_owned();
    };
    let broken: Vec<u8> = URL_SAFE_NO_PAD
        .decode(signature)
        .unwrap_or_default()
        .iter()
        .map(|byte| byte ^ 0x5a)
        .collect();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(broken))
}
