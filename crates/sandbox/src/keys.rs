//! The keys that sign: ES256 by default, RS256 for the Google dialect, which signs so too.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};

use crate::faults::{KeySetFault, SignatureFault};
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

    /// Signs an ID token, rightly or as a fault demands. `changes` is what a fault makes of the header, `elsewhere` an
    /// address for the faults that name one.
    pub(crate) fn sign_id_token(
        &self,
        claims: &Map<String, Value>,
        fault: Option<SignatureFault>,
        changes: &[crate::faults::Change],
        client_id: &str,
        elsewhere: &str,
    ) -> Result<String, KeyError> {
        let key = &self.current;
        let stranger = || SigningKey::generate(key.algorithm);
        let head = |key: &SigningKey| {
            let mut header = header(key.algorithm, Some(&key.id));
            for change in changes {
                change.apply_to(&mut header);
            }
            header
        };
        let with = |mut header: Map<String, Value>, name: &str, value: Value| {
            header.insert(name.to_owned(), value);
            header
        };
        match fault {
            None | Some(SignatureFault::Rotated) => sign_as(&head(key), claims, key),
            Some(SignatureFault::Broken) => Ok(break_signature(&sign_as(&head(key), claims, key)?)),
            Some(SignatureFault::None) => Ok(unsigned(&with(head(key), "alg", json!("none")), claims)),
            Some(SignatureFault::NoneSpelledOddly) => {
                Ok(unsigned(&with(head(key), "alg", json!("nOnE")), claims))
            }
            Some(SignatureFault::OtherKey) => sign_as(&head(key), claims, &stranger()?),
            Some(SignatureFault::UnknownKey) => {
                let stranger = stranger()?;
                sign_as(&head(&stranger), claims, &stranger)
            }
            Some(SignatureFault::NoKeyId) => {
                let mut header = head(key);
                header.remove("kid");
                sign_as(&header, claims, key)
            }
            Some(SignatureFault::Hmac) => hmac(&head(key), claims, client_id.as_bytes()),
            Some(SignatureFault::HmacPublicKey) => {
                hmac(&head(key), claims, json!(key.public).to_string().as_bytes())
            }
            Some(SignatureFault::Es512) => es512(&with(head(key), "alg", json!("ES512")), claims),
            Some(SignatureFault::OtherAlgorithm) => {
                let other = match key.algorithm {
                    Algorithm::ES256 => Algorithm::RS256,
                    _ => Algorithm::ES256,
                };
                let other = SigningKey::generate(other)?;
                sign_as(&with(head(key), "alg", json!(other.algorithm)), claims, &other)
            }
            Some(SignatureFault::EmbeddedKey) => {
                let stranger = stranger()?;
                let header = with(head(&stranger), "jwk", json!(stranger.public));
                sign_as(&header, claims, &stranger)
            }
            Some(SignatureFault::KeyElsewhere(name)) => {
                let stranger = stranger()?;
                let header = with(head(&stranger), name, json!(elsewhere));
                sign_as(&header, claims, &stranger)
            }
            Some(SignatureFault::Encrypted) => {
                let mut header = head(key);
                header.insert("alg".to_owned(), json!("RSA-OAEP-256"));
                header.insert("enc".to_owned(), json!("A256GCM"));
                let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
                let header = part(&Value::Object(header).to_string());
                let [key, iv, sealed, tag] = ["key", "nonce", "sealed", "tag"].map(part);
                Ok(format!("{header}.{key}.{iv}.{sealed}.{tag}"))
            }
            Some(SignatureFault::JsonForm) => {
                let compact = sign_as(&head(key), claims, key)?;
                let mut parts = compact.split('.');
                let mut next = || parts.next().unwrap_or_default();
                let form = json!({ "protected": next(), "payload": next(), "signature": next() });
                Ok(form.to_string())
            }
        }
    }
}

/// What a fault makes of a key set.
pub(crate) fn spoil_key_set(set: &mut Value, fault: KeySetFault) {
    let Some(keys) = set.get_mut("keys").and_then(Value::as_array_mut) else {
        return;
    };
    match fault {
        KeySetFault::Empty => keys.clear(),
        // Not the real one, which nobody may see: whoever finds any must not trust the set.
        KeySetFault::Private => keys.iter_mut().take(1).for_each(|key| key["d"] = json!("AAAA")),
        KeySetFault::Symmetric => keys.push(json!({ "kty": "oct", "kid": "secret", "k": "AAAA" })),
        KeySetFault::NoKeyIds => {
            for key in keys.iter_mut().filter_map(Value::as_object_mut) {
                key.remove("kid");
            }
        }
        KeySetFault::OtherAlgorithm => keys.iter_mut().for_each(|key| {
            key["alg"] = json!(if key["kty"] == "RSA" { "RS512" } else { "ES384" });
        }),
        KeySetFault::ForEncryption => keys.iter_mut().for_each(|key| key["use"] = json!("enc")),
        KeySetFault::OffTheCurve => {
            // Swapped, and the mirrored point is on no curve in use.
            for key in keys.iter_mut().filter(|key| key["kty"] == "EC") {
                let (x, y) = (key["x"].take(), key["y"].take());
                (key["x"], key["y"]) = (y, x);
            }
        }
        KeySetFault::TooMany => {
            keys.extend((0..300).map(|n| json!({ "kty": "unknown", "kid": n.to_string() })));
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

fn unsigned(header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    format!("{}.", signing_input(header, claims))
}

/// HS256 with what somebody else can know as the secret.
fn hmac(header: &Map<String, Value>, claims: &Map<String, Value>, secret: &[u8]) -> Result<String, KeyError> {
    let mut header = header.clone();
    header.insert("alg".to_owned(), json!("HS256"));
    let input = signing_input(&header, claims);
    let secret = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &secret, Algorithm::HS256)
        .map_err(|error| KeyError(error.to_string()))?;
    Ok(format!("{input}.{signature}"))
}

/// The JWT library does not know this algorithm.
fn es512(header: &Map<String, Value>, claims: &Map<String, Value>) -> Result<String, KeyError> {
    let failed = |_| KeyError("ES512 failed".to_owned());
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P521_SHA512_FIXED_SIGNING, &random).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_FIXED_SIGNING, pkcs8.as_ref())
        .map_err(|error| KeyError(error.to_string()))?;
    let input = signing_input(header, claims);
    let signature = pair.sign(&random, input.as_bytes()).map_err(failed)?;
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
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
