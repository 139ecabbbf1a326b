//! An issuer's published keys (RFC 7517), and the one question asked of them: did the issuer sign this?
//!
//! The client asks it of ID tokens and a resource server of access tokens, so it is answered here once. Which
//! key may answer is decided by the key set alone: whatever keys or addresses of keys a token carries in its
//! own header (`jwk`, `jku`, `x5u`, `x5c`) are not looked at. When to fetch the set again is decided by
//! [`KeySetCache`]; the fetching itself is for the caller.

mod cache;
mod jws;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

pub use cache::{COOL_DOWN_SECONDS, Decision, FRESH_SECONDS, KeySetCache, STALE_SECONDS, Wanted};
pub use jws::{
    Algorithm, JwsError, JwsHeader, MAX_JWS_BYTES, MAX_KID_BYTES, UnknownAlgorithm, UnverifiedJws,
    VerifiedJws,
};

/// The most bytes that a key set may have.
pub const MAX_KEY_SET_BYTES: usize = 256 * 1024;

/// The most keys that a key set may have, usable or not.
pub const MAX_KEYS: usize = 100;

/// The most keys that are tried on one token. More than one is tried only when the token does not say which
/// key it was signed with, or when several keys answer to the same name.
pub const MAX_TRIES: usize = 8;

/// Why a document is not a key set to rely on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It has more than [`MAX_KEY_SET_BYTES`] bytes.
    #[error("the key set has more than {MAX_KEY_SET_BYTES} bytes")]
    TooLarge,
    /// It has more than [`MAX_KEYS`] keys.
    #[error("the key set has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// It is a web page, as a network gives that wants people to sign in to it.
    #[error("a web page came instead of a key set")]
    WebPage,
    /// It is not a JSON object with an array of objects named `keys` (RFC 7517 section 5).
    #[error("the answer is not a key set")]
    Malformed,
    /// It shows a private key. Whoever read it can sign in the issuer's name, so none of it is trusted.
    #[error("the key set contains a private key")]
    PrivateKey,
    /// It shows a symmetric key, which is a secret and would let its reader sign in the issuer's name.
    #[error("the key set contains a symmetric key")]
    SymmetricKey,
}

impl KeySetError {
    /// A name for programs to branch on; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "key_set_too_large",
            Self::TooManyKeys => "key_set_too_many_keys",
            Self::WebPage => "key_set_not_json",
            Self::Malformed => "key_set_malformed",
            Self::PrivateKey => "key_set_private_key",
            Self::SymmetricKey => "key_set_symmetric_key",
        }
    }
}

/// The public keys of one issuer that can check signatures.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    kid: Option<String>,
    material: Material,
    /// What the key's own `alg` allows (RFC 7517 section 4.4); `None` when it names none.
    bound_to: Option<String>,
    decoding: DecodingKey,
}

/// Key type and curve: what decides which algorithms a key can take part in at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Material {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeySet {
    /// Reads a JWK Set document (RFC 7517 section 5).
    ///
    /// Keys of an unknown type, keys that lack what their type needs, RSA keys under 2048 bits and keys that
    /// are not for checking signatures are left out, as section 5 asks. A private or symmetric key anywhere
    /// refuses the whole set. A set without a usable key is a set: it verifies nothing.
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        if document.len() > MAX_KEY_SET_BYTES {
            return Err(KeySetError::TooLarge);
        }
        if document.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') {
            return Err(KeySetError::WebPage);
        }
        let document: Value = serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        let entries = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(KeySetError::Malformed)?;
        if entries.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry.as_object().ok_or(KeySetError::Malformed)?;
            refuse_secrets(entry)?;
            keys.extend(Key::read(entry));
        }
        Ok(Self { keys })
    }

    /// Whether a usable key is named `kid`.
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// How many usable keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no usable key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Reads `compact` (RFC 7515 section 7.1) and checks its signature: [`UnverifiedJws::parse`] and
    /// [`KeySet::verify_parsed`] in one.
    pub fn verify(&self, compact: &str, allowed: &[Algorithm]) -> Result<VerifiedJws, JwsError> {
        self.verify_parsed(&UnverifiedJws::parse(compact, allowed)?)
    }

    /// Checks the signature with the keys that fit: of the algorithm's type, of the token's `kid` where it
    /// has one, and not meant by the issuer for anything else.
    pub fn verify_parsed(&self, jws: &UnverifiedJws<'_>) -> Result<VerifiedJws, JwsError> {
        let header = jws.header();
        let kid = header.kid.as_deref();
        if !self.keys.iter().any(|key| key.is_named(kid)) {
            return Err(JwsError::UnknownKey {
                kid: header.kid.clone(),
            });
        }
        let fitting: Vec<&Key> = self
            .keys
            .iter()
            .filter(|key| key.is_named(kid) && key.fits(header.alg))
            .collect();
        match fitting.len() {
            // A token that names no key may have been signed with one that is not known yet.
            0 if kid.is_none() => Err(JwsError::UnknownKey { kid: None }),
            0 => Err(JwsError::UnfitKey),
            1..=MAX_TRIES => {
                if fitting.iter().any(|key| jws.is_signed_by(&key.decoding)) {
                    jws.verified()
                } else {
                    Err(JwsError::BadSignature)
                }
            }
            _ => Err(JwsError::AmbiguousKey),
        }
    }
}

impl Key {
    /// Reads one entry; `None` when it cannot check signatures here.
    fn read(entry: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| entry.get(name).map(Value::as_str);
        // A member that is there must be a string; one that is missing is fine.
        let optional = |name: &str| match text(name) {
            None => Some(None),
            Some(Some(value)) => Some(Some(value.to_owned())),
            Some(None) => None,
        };
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)??).ok();

        // RFC 7517 sections 4.2 and 4.3.
        if optional("use")?.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        if let Some(operations) = entry.get("key_ops")
            && !operations
                .as_array()?
                .iter()
                .any(|operation| operation == "verify")
        {
            return None;
        }

        let (material, decoding) = match (text("kty")??, text("crv").flatten()) {
            ("RSA", _) => {
                let (modulus, exponent) = (bytes("n")?, bytes("e")?);
                let is_sound = (256..=1024).contains(&modulus.len()) && (1..=8).contains(&exponent.len());
                let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
                is_sound.then_some((Material::Rsa, key))?
            }
            ("EC", Some("P-256")) => (Material::P256, ec_key(&bytes("x")?, &bytes("y")?, 32)?),
            ("EC", Some("P-384")) => (Material::P384, ec_key(&bytes("x")?, &bytes("y")?, 48)?),
            ("OKP", Some("Ed25519")) => {
                let point = bytes("x")?;
                let key = DecodingKey::from_ed_der(&point);
                (point.len() == 32).then_some((Material::Ed25519, key))?
            }
            _ => return None,
        };
        Some(Self {
            kid: optional("kid")?,
            material,
            bound_to: optional("alg")?,
            decoding,
        })
    }

    /// Whether a token whose header says `kid` may mean this key.
    fn is_named(&self, kid: Option<&str>) -> bool {
        kid.is_none() || self.kid.as_deref() == kid
    }

    /// Whether this key's type, curve and own `alg` allow `alg`.
    fn fits(&self, alg: Algorithm) -> bool {
        let material_fits = match alg {
            Algorithm::ES256 => self.material == Material::P256,
            Algorithm::ES384 => self.material == Material::P384,
            Algorithm::EdDSA => self.material == Material::Ed25519,
            _ => self.material == Material::Rsa,
        };
        material_fits && self.bound_to.as_deref().is_none_or(|bound| bound == alg.as_str())
    }
}

/// An uncompressed point (SEC 1 section 2.3.3). That it lies on the curve is checked by whoever uses it.
fn ec_key(x: &[u8], y: &[u8], coordinate_bytes: usize) -> Option<DecodingKey> {
    let is_sound = x.len() == coordinate_bytes && y.len() == coordinate_bytes;
    let point = [&[4], x, y].concat();
    is_sound.then(|| DecodingKey::from_ec_der(&point))
}

/// Refuses an entry that shows what only the issuer may know (RFC 7518 section 6; `priv` is the newer types').
fn refuse_secrets(entry: &Map<String, Value>) -> Result<(), KeySetError> {
    let kind = entry.get("kty").and_then(Value::as_str).unwrap_or_default();
    if kind == "oct" || entry.contains_key("k") {
        return Err(KeySetError::SymmetricKey);
    }
    let private: &[&str] = match kind {
        "RSA" => &["d", "p", "q", "dp", "dq", "qi", "oth", "priv"],
        _ => &["d", "priv"],
    };
    if private.iter().any(|name| entry.contains_key(*name)) {
        return Err(KeySetError::PrivateKey);
    }
    Ok(())
}
