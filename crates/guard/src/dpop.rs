//! Proof of possession (RFC 9449): whoever presents a token that is bound to a key shows with each request that they
//! have the key. The checks are those of section 4.3, by its numbers.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Method, Uri};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tessera_oidc::key_set::{Algorithm, JwsError, KeySet, KeySetError, UnverifiedJws};
use tessera_oidc::{UnixTime, is_secure};
use url::Url;

use crate::claims::{text, time};
use crate::guard::{DEFAULT_ALGORITHMS, GuardError};
use crate::refusal::TokenFault;

mod seen;

use seen::Seen;

/// The header field that carries a proof.
pub const PROOF: HeaderName = HeaderName::from_static("dpop");

/// The header field that hands out a nonce.
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The most bytes that a proof may have.
pub const MAX_PROOF_BYTES: usize = 8 * 1024;

/// The most bytes that a proof's `jti` may have.
const MAX_JTI_BYTES: usize = 256;

/// The most seconds by which a proof's `iat` may be allowed to differ from the clock.
pub const MAX_PROOF_WINDOW_SECONDS: u32 = 300;

/// How many proofs are remembered where no other number is given.
pub const DEFAULT_PROOF_MEMORY: usize = 100_000;

/// How many of them may be of one key: a fiftieth, so that one caller cannot take the place of all others. With a window
/// of 60 seconds that is 33 requests in each of them.
pub const DEFAULT_PROOF_MEMORY_PER_KEY: usize = 2_000;

/// Hands out nonces, and knows those it handed out (RFC 9449 sections 8 and 9). For servers that do not want to rely
/// on their callers' clocks.
pub trait Nonces: Send + Sync {
    /// The nonce that a proof must have now; `None` while none is needed.
    fn wanted(&self) -> Option<String>;
    /// Whether a proof with this one may pass: it is wanted, or was a moment ago.
    fn accepts(&self, nonce: &str) -> bool;
}

/// Checks proofs for one server, and remembers those that it took. Copies share what they remember.
#[derive(Clone)]
pub struct Proofs {
    base: String,
    window: i64,
    algorithms: Vec<Algorithm>,
    nonces: Option<Arc<dyn Nonces>>,
    seen: Arc<Mutex<Seen>>,
}

/// What a proof is to be a proof for.
#[derive(Clone, Copy, Debug)]
pub struct ProofFor<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// The address of the request, as it came; only its path is looked at.
    pub uri: &'a Uri,
    /// Every `DPoP` field of the request.
    pub fields: &'a [HeaderValue],
    /// The access token that comes along; `None` at an authorization server.
    pub token: Option<&'a str>,
    /// The thumbprint of the key that it must be a proof of; `None` when any will do.
    pub bound_to: Option<&'a str>,
}

/// A proof that passed every check. It cannot be made otherwise, and not twice of the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    thumbprint: String,
}

impl Proof {
    /// The thumbprint (RFC 7638, SHA-256, base64url) of the key that was shown to be had.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}

impl Proofs {
    /// For a server that its callers know by this address: `https://api.example`, with a path only where every path of
    /// it begins so for the callers and not for the server. Proofs name the address that was called, and a server behind
    /// others cannot see it.
    ///
    /// # Errors
    /// When it is no address that can be called.
    pub fn at(address: &str) -> Result<Self, GuardError> {
        let usable = |url: &Url| is_secure(url) && url.query().is_none() && url.fragment().is_none();
        let url = Url::parse(address).ok().filter(usable);
        let url = url.ok_or_else(|| GuardError::ProofAddress(address.to_owned()))?;
        Ok(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            window: 60,
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            nonces: None,
            seen: Arc::new(Mutex::new(Seen::with_capacity(
                DEFAULT_PROOF_MEMORY,
                DEFAULT_PROOF_MEMORY_PER_KEY,
            ))),
        })
    }

    /// By how many seconds a proof's `iat` may differ from the clock, at most [`MAX_PROOF_WINDOW_SECONDS`]; 60 where
    /// nothing is said.
    ///
    /// # Errors
    /// When it is more than that.
    pub fn window(mut self, seconds: u32) -> Result<Self, GuardError> {
        if seconds > MAX_PROOF_WINDOW_SECONDS {
            return Err(GuardError::ProofWindow(seconds));
        }
        self.window = seconds.into();
        Ok(self)
    }

    /// How many proofs are remembered at most, in all and of one key, instead of [`DEFAULT_PROOF_MEMORY`] and
    /// [`DEFAULT_PROOF_MEMORY_PER_KEY`]. While that many are in their time, no other proof (of that key) is taken:
    /// forgetting one would mean that it could be used again.
    #[must_use]
    pub fn memory(mut self, proofs: usize, per_key: usize) -> Self {
        self.seen = Arc::new(Mutex::new(Seen::with_capacity(proofs, per_key)));
        self
    }

    /// Proofs must have one of these nonces.
    #[must_use]
    pub fn nonces(mut self, nonces: impl Nonces + 'static) -> Self {
        self.nonces = Some(Arc::new(nonces));
        self
    }

    /// The algorithms that are taken, as a challenge names them.
    pub(crate) fn algorithms(&self) -> String {
        let names: Vec<&str> = self.algorithms.iter().map(|alg| alg.as_str()).collect();
        names.join(" ")
    }

    /// The nonce that the next proof should have, for an answer to hand out.
    pub fn next_nonce(&self) -> Option<HeaderValue> {
        let nonce = self.nonces.as_ref()?.wanted()?;
        HeaderValue::try_from(nonce).ok()
    }

    /// Checks the one proof in `fields`, and remembers it: the same one is not taken again.
    ///
    /// # Errors
    /// Why it is no proof for this request.
    pub fn check(&self, of: &ProofFor<'_>, now: UnixTime) -> Result<Proof, ProofFault> {
        // 1: one field.
        let field = match of.fields {
            [] => return Err(ProofFault::Missing),
            [field] => field,
            _ => return Err(ProofFault::Repeated),
        };
        // 2, 5: one signed token by an algorithm with a public half.
        let compact = field
            .to_str()
            .map_err(|_| ProofFault::Signature(JwsError::Malformed("it is not plain text")))?;
        if compact.len() > MAX_PROOF_BYTES {
            return Err(ProofFault::TooLong);
        }
        let jws = UnverifiedJws::parse(compact, &self.algorithms).map_err(ProofFault::Signature)?;
        // 4: of its own kind, so that no other signed token of the same key can be one.
        let kind = jws.header().typ.as_deref();
        if !kind.is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
            return Err(ProofFault::NotAProof);
        }
        // 6, 7: signed by the key that it shows, and showing the public half only.
        let jwk = shown_key(compact)?;
        let thumbprint = thumbprint(&jwk).ok_or(ProofFault::UnusableKey)?;
        let verified = own_key(jwk, jws.header().kid.as_deref())?.verify_parsed(&jws);
        let verified = verified.map_err(ProofFault::Signature)?;
        // 3, 8, 9: for this request.
        let claims: Map<String, Value> =
            serde_json::from_slice(verified.payload()).map_err(|_| ProofFault::NotClaims)?;
        let jti = text(&claims, "jti").map_err(ProofFault::from)?;
        if jti.len() > MAX_JTI_BYTES {
            return Err(ProofFault::Claim("jti"));
        }
        if text(&claims, "htm")? != of.method.as_str() {
            return Err(ProofFault::OtherMethod);
        }
        if !self.is_target(text(&claims, "htu")?, of.uri) {
            return Err(ProofFault::OtherAddress);
        }
        // 12: for this token, which is bound to this key.
        if let Some(token) = of.token
            && text(&claims, "ath")? != URL_SAFE_NO_PAD.encode(Sha256::digest(token))
        {
            return Err(ProofFault::OtherToken);
        }
        if of.bound_to.is_some_and(|key| key != thumbprint) {
            return Err(ProofFault::OtherKey);
        }
        // 10, 11: made now.
        self.check_nonce(&claims)?;
        let issued_at = time(&claims, "iat")?.ok_or(ProofFault::Claim("iat"))?;
        if now.since(issued_at).saturating_abs() > self.window {
            return Err(ProofFault::OutOfTime);
        }
        // Section 11.1: once. Last, so that only those are remembered who could have come through.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.take(&thumbprint, jti, issued_at.plus(self.window), now)?;
        Ok(Proof { thumbprint })
    }

    fn is_target(&self, htu: &str, uri: &Uri) -> bool {
        let normal = |text: &str| {
            let mut url = Url::parse(text).ok()?;
            url.set_query(None);
            url.set_fragment(None);
            Some(url)
        };
        let path = uri.path();
        // What a proof says may be normalised (section 4.3), what was asked for may not: the server behind this takes
        // it as it came, and `/a/../b` is not `/b` there.
        let own = (path.starts_with('/') && is_normal(path)).then(|| normal(&format!("{}{path}", self.base)));
        own.flatten().is_some_and(|own| normal(htu) == Some(own))
    }

    fn check_nonce(&self, claims: &Map<String, Value>) -> Result<(), ProofFault> {
        let Some((nonces, wanted)) = self
            .nonces
            .as_ref()
            .and_then(|nonces| Some((nonces, nonces.wanted()?)))
        else {
            return Ok(());
        };
        match claims.get("nonce").and_then(Value::as_str) {
            Some(nonce) if nonces.accepts(nonce) => Ok(()),
            _ => Err(ProofFault::NonceNeeded(wanted)),
        }
    }
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proofs")
            .field("base", &self.base)
            .field("window", &self.window)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

/// Whether reading a path as that of a URL leaves its segments alone: none of them means this or the one above, and
/// slashes are slashes.
fn is_normal(path: &str) -> bool {
    let is_dots = |segment: &str| {
        matches!(
            segment.to_ascii_lowercase().replace("%2e", ".").as_str(),
            "." | ".."
        )
    };
    !path.contains('\\') && !path.split('/').any(is_dots)
}

/// The key that a proof's header shows.
fn shown_key(compact: &str) -> Result<Map<String, Value>, ProofFault> {
    let header = compact.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: Map<String, Value> = serde_json::from_slice(&header).unwrap_or_default();
    match header.get("jwk") {
        Some(Value::Object(jwk)) => Ok(jwk.clone()),
        _ => Err(ProofFault::UnusableKey),
    }
}

/// A set of that one key, which answers to whatever name the header has for it.
fn own_key(mut jwk: Map<String, Value>, kid: Option<&str>) -> Result<KeySet, ProofFault> {
    match kid {
        Some(kid) => jwk.insert("kid".to_owned(), kid.into()),
        None => jwk.remove("kid"),
    };
    let keys = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes());
    match keys {
        Ok(keys) if !keys.is_empty() => Ok(keys),
        Err(KeySetError::PrivateKey | KeySetError::SymmetricKey) => Err(ProofFault::PrivateKey),
        _ => Err(ProofFault::UnusableKey),
    }
}

/// RFC 7638 section 3: the required members in the order of their names, without white space.
fn thumbprint(jwk: &Map<String, Value>) -> Option<String> {
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let members: Option<Vec<String>> = names
        .iter()
        .map(|name| {
            let value = jwk.get(*name).filter(|value| value.is_string())?;
            Some(format!("\"{name}\":{value}"))
        })
        .collect();
    let canonical = format!("{{{}}}", members?.join(","));
    Some(URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)))
}

/// What is wrong with a proof. Repeats nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFault {
    /// There is none.
    #[error("there is no DPoP field")]
    Missing,
    /// There are several.
    #[error("there is more than one DPoP field")]
    Repeated,
    /// It has more than [`MAX_PROOF_BYTES`] bytes.
    #[error("it is too long")]
    TooLong,
    /// It has not the form of a signed token, or its own key did not sign it.
    #[error("{}", crate::refusal::in_short(.0))]
    Signature(JwsError),
    /// Its `typ` is not `dpop+jwt`.
    #[error("its type is not dpop+jwt")]
    NotAProof,
    /// It shows no key that can check it.
    #[error("it shows no public key that can be used")]
    UnusableKey,
    /// It shows a private or symmetric key, which is of no worth any more.
    #[error("it shows a key that should be secret")]
    PrivateKey,
    /// What was signed is not a JSON object.
    #[error("it does not contain claims")]
    NotClaims,
    /// A claim is missing or not of its type.
    #[error("its claim {0} is missing or cannot be read")]
    Claim(&'static str),
    /// It is for a request with another method.
    #[error("it is for another method")]
    OtherMethod,
    /// It is for a request to another address.
    #[error("it is for another address")]
    OtherAddress,
    /// It is for another access token.
    #[error("it is for another access token")]
    OtherToken,
    /// It is of another key than the access token is bound to.
    #[error("the access token is bound to another key")]
    OtherKey,
    /// It was made too long ago, or in the future.
    #[error("it was not made just now")]
    OutOfTime,
    /// It was used before.
    #[error("it was used before")]
    Replayed,
    /// It lacks this nonce.
    #[error("it lacks the nonce that is wanted now")]
    NonceNeeded(String),
    /// Too many proofs are in their time to remember another.
    #[error("too many proofs came at once")]
    Crowded,
    /// Too many proofs of this key are in their time to remember another.
    #[error("too many proofs of this key came at once")]
    KeyCrowded,
}

impl ProofFault {
    /// A name for programs to branch on; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "proof_missing",
            Self::Repeated => "proof_repeated",
            Self::TooLong => "proof_too_large",
            Self::Signature(_) => "proof_signature",
            Self::NotAProof => "proof_type",
            Self::UnusableKey => "proof_key",
            Self::PrivateKey => "proof_private_key",
            Self::NotClaims => "proof_no_claims",
            Self::Claim(_) => "proof_claim",
            Self::OtherMethod => "proof_method",
            Self::OtherAddress => "proof_address",
            Self::OtherToken => "proof_token",
            Self::OtherKey => "proof_other_key",
            Self::OutOfTime => "proof_time",
            Self::Replayed => "proof_replayed",
            Self::NonceNeeded(_) => "proof_nonce",
            Self::Crowded => "proof_crowded",
            Self::KeyCrowded => "proof_key_crowded",
        }
    }
}

impl From<TokenFault> for ProofFault {
    /// Of the reading of claims, which is the same for both.
    fn from(fault: TokenFault) -> Self {
        match fault {
            TokenFault::MissingClaim(name) | TokenFault::MalformedClaim(name) => Self::Claim(name),
            _ => Self::NotClaims,
        }
    }
}
