//! Proof of possession (RFC 9449, DPoP): tokens that are bound to a key, and the proof that goes with each request.
//! A bound token is useless to whoever copies it without the key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use crate::challenge::Challenge;
use crate::explain::explained;
use crate::ids::UnixTime;
use crate::json;
use crate::message::{Request, Response};
use crate::secret::AccessToken;
use crate::token::sensitive;

/// The one algorithm that proofs are signed with here: every provider that offers DPoP for native apps has it.
pub const ALGORITHM: &str = "ES256";

/// The header field that carries a proof.
pub const PROOF: HeaderName = HeaderName::from_static("dpop");

/// The header field by which a server hands out a nonce.
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The most bytes that a nonce may have.
pub const MAX_NONCE_BYTES: usize = 512;

/// A key that tokens are bound to: P-256, for ES256. Made for one sign-in, and of use to nobody once its tokens are
/// gone.
#[derive(Clone)]
pub struct DpopKey {
    pair: Arc<EcdsaKeyPair>,
    /// The private number, as it is kept.
    secret: Zeroizing<[u8; 32]>,
    /// The public point, in base64url.
    x: String,
    y: String,
}

impl DpopKey {
    /// A new key, of 32 bytes that `random` gives.
    ///
    /// # Errors
    /// When no key can be made of what `random` gives, again and again: it is not random.
    pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> Result<Self, DpopKeyError> {
        // All but one in four billion numbers of 32 bytes are keys of this curve.
        for _ in 0..8 {
            let mut secret = Zeroizing::new([0_u8; 32]);
            random(secret.as_mut_slice());
            if let Ok(key) = Self::of(secret) {
                return Ok(key);
            }
        }
        Err(DpopKeyError)
    }

    /// The reverse of [`DpopKey::to_secret`].
    ///
    /// # Errors
    /// When it is not what [`DpopKey::to_secret`] gave.
    pub fn from_secret(text: &str) -> Result<Self, DpopKeyError> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        match URL_SAFE_NO_PAD.decode_slice(text, secret.as_mut_slice()) {
            Ok(32) => Self::of(secret),
            _ => Err(DpopKeyError),
        }
    }

    /// The private number in base64url, for the keychain.
    pub fn to_secret(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(44));
        URL_SAFE_NO_PAD.encode_string(self.secret.as_slice(), &mut text);
        text
    }

    fn of(secret: Zeroizing<[u8; 32]>) -> Result<Self, DpopKeyError> {
        let number = agreement::PrivateKey::from_private_key(&ECDH_P256, secret.as_slice());
        let point = number.map_err(|_| DpopKeyError)?.compute_public_key();
        let point = point.map_err(|_| DpopKeyError)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            secret.as_slice(),
            point.as_ref(),
        );
        // Uncompressed: a four, and two numbers of 32 bytes (SEC 1 section 2.3.3).
        let coordinates = point.as_ref().strip_prefix(&[4]).unwrap_or_default();
        let (x, y) = coordinates.split_at_checked(32).ok_or(DpopKeyError)?;
        Ok(Self {
            pair: Arc::new(pair.map_err(|_| DpopKeyError)?),
            secret,
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        })
    }

    /// What tokens that are bound to it name it by: the SHA-256 of its public half (RFC 7638, RFC 9449 section 6.1).
    pub fn thumbprint(&self) -> String {
        // Exactly these members, in this order, without white space.
        let (x, y) = (&self.x, &self.y);
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
    }

    /// Adds to `request` a proof that its sender has this key (RFC 9449 section 4.2). With `token` the request is one
    /// to a resource server: the token is presented along with it (section 7.1), and the proof names its hash. To be
    /// called anew for each sending: a proof is good once.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn prove(
        &self,
        request: &mut Request,
        token: Option<&AccessToken>,
        nonce: Option<&DpopNonce>,
        now: UnixTime,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), DpopKeyError> {
        let mut jti = [0_u8; 16];
        random(&mut jti);
        let mut claims = json!({
            "jti": URL_SAFE_NO_PAD.encode(jti),
            "htm": request.method.as_str(),
            "htu": target(&request.url),
            "iat": now.0,
        });
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token.expose())).into();
        }
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.0.as_str().into();
        }
        let proof = self.sign(&claims)?;
        request.headers.insert(PROOF, sensitive(&proof));
        if let Some(token) = token {
            let text = Zeroizing::new(format!("DPoP {}", token.expose()));
            request.headers.insert(header::AUTHORIZATION, sensitive(&text));
        }
        Ok(())
    }

    fn sign(&self, claims: &serde_json::Value) -> Result<String, DpopKeyError> {
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y});
        let head = json!({"typ": "dpop+jwt", "alg": ALGORITHM, "jwk": jwk});
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(claims));
        // The library draws the number that each signature needs by itself, whatever it is given here.
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map_err(|_| DpopKeyError)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for DpopKey {
    /// The public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DpopKey({})", self.thumbprint())
    }
}

impl PartialEq for DpopKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.x, &self.y) == (&other.x, &other.y)
    }
}

impl Eq for DpopKey {}

/// The address as a proof names it: without query and fragment (RFC 9449 section 4.2).
fn target(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// What a server wants to see in the next proof (RFC 9449 sections 8 and 9). Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopNonce(String);

impl DpopNonce {
    /// The one that an answer hands out; `None` when there is none, or more than one, or it has other characters than
    /// section 8.1 allows.
    pub fn of(headers: &http::HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(NONCE).iter();
        let (field, None) = (fields.next()?, fields.next()) else {
            return None;
        };
        let text = field.to_str().ok()?;
        let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        ((1..=MAX_NONCE_BYTES).contains(&text.len()) && text.bytes().all(allowed))
            .then(|| Self(text.to_owned()))
    }
}

/// Whether an authorization server asks for the request once more, with its nonce in the proof (RFC 9449 section 8).
pub fn wants_nonce(response: &Response) -> bool {
    #[derive(Deserialize)]
    struct Row {
        error: Option<String>,
    }
    response.status == StatusCode::BAD_REQUEST
        && json::read::<Row>(response)
            .is_ok_and(|row| row.error.is_some_and(|error| error == "use_dpop_nonce"))
}

/// Whether a resource server asks for the request once more, with its nonce in the proof (RFC 9449 section 9).
pub fn challenges_for_nonce(status: StatusCode, headers: &http::HeaderMap) -> bool {
    status == StatusCode::UNAUTHORIZED
        && headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|field| field.to_str().ok())
            .any(asks_in_challenge)
}

/// Whether one of a field's challenges is of the scheme `DPoP` and has the error `use_dpop_nonce`.
fn asks_in_challenge(field: &str) -> bool {
    Challenge::parse_all(field)
        .iter()
        .any(|challenge| challenge.is_of("DPoP") && challenge.parameter("error") == Some("use_dpop_nonce"))
}

/// A key cannot be made, read back or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DpopKeyError;

impl DpopKeyError {
    /// The stable name.
    pub fn code(&self) -> &'static str {
        "dpop_key_unusable"
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        "You could not go on: the key that this sign-in is bound to cannot be used.".to_owned()
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        "Sign in again; that makes a new one.".to_owned()
    }
}

explained!(DpopKeyError);

#[cfg(test)]
mod tests;
