//! Signed tokens in compact form (RFC 7515 section 7.1): reading them strictly, and what reading proved.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

/// The most bytes that a token may have, all three parts and the dots.
pub const MAX_JWS_BYTES: usize = 64 * 1024;

/// The most bytes that a token's `kid` may have. It is text from outside that is compared, and shown in logs.
pub const MAX_KID_BYTES: usize = 256;

macro_rules! algorithms {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        /// A signature algorithm with a public and a private half (RFC 7518 section 3.1, RFC 8037). The ones
        /// that sign with a shared secret (`HS…`) and `none` cannot be named at all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Algorithm {
            $($(#[$meta])* $name,)*
        }

        impl Algorithm {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it is written in a header's `alg`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            fn library(self) -> jsonwebtoken::Algorithm {
                match self {
                    $(Self::$name => jsonwebtoken::Algorithm::$name,)*
                }
            }
        }

        impl FromStr for Algorithm {
            type Err = UnknownAlgorithm;

            /// Letter for letter: names of algorithms are case-sensitive (RFC 7515 section 4.1.1).
            fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
                match text {
                    $(stringify!($name) => Ok(Self::$name),)*
                    _ => Err(UnknownAlgorithm),
                }
            }
        }
    };
}

algorithms! {
    /// RSASSA-PKCS1-v1_5 with SHA-256, what OpenID Connect takes for granted.
    RS256;
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384;
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512;
    /// RSASSA-PSS with SHA-256.
    PS256;
    /// RSASSA-PSS with SHA-384.
    PS384;
    /// RSASSA-PSS with SHA-512.
    PS512;
    /// ECDSA on P-256 with SHA-256.
    ES256;
    /// ECDSA on P-384 with SHA-384.
    ES384;
    /// Ed25519.
    EdDSA;
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no algorithm with which a public key checks a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a signature algorithm that can be used here")]
pub struct UnknownAlgorithm;

/// Why a token is not one that the issuer signed, or cannot be told to be one. Repeats nothing of the token
/// but its `alg` and `kid`, bounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// It has more than [`MAX_JWS_BYTES`] bytes.
    #[error("the token has more than {MAX_JWS_BYTES} bytes")]
    TooLarge,
    /// It is not three parts of unpadded base64url, of which the first is a JSON object with the right types.
    #[error("the token is not a signed token in compact form: {0}")]
    Malformed(&'static str),
    /// It is signed with an algorithm that was not asked for, or not signed at all.
    #[error("the token is signed with {alg:?}, which is not allowed here")]
    AlgorithmNotAllowed {
        /// What the header says, shortened.
        alg: String,
    },
    /// Its header says that some extension must be understood (RFC 7515 section 4.1.11). None is.
    #[error("the token requires an extension that is not understood here")]
    UnsupportedCritical,
    /// No key of the set has its `kid`; or it has none, and no key of the set is of its algorithm's type.
    /// The set may be out of date.
    #[error("the token is signed with a key that is not known: {kid:?}")]
    UnknownKey {
        /// The header's `kid`.
        kid: Option<String>,
    },
    /// The key that it names is of another type or for another algorithm.
    #[error("the token names a key that is not for its algorithm")]
    UnfitKey,
    /// More keys than may be tried could have signed it, and it does not say which did.
    #[error("the token does not say which of many keys signed it")]
    AmbiguousKey,
    /// None of the keys that could have signed it did, or it was changed afterwards.
    #[error("the token's signature is wrong")]
    BadSignature,
}

impl JwsError {
    /// A name for programs to branch on; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "token_too_large",
            Self::Malformed(_) => "token_malformed",
            Self::AlgorithmNotAllowed { .. } => "token_algorithm",
            Self::UnsupportedCritical => "token_critical",
            Self::UnknownKey { .. } => "token_unknown_key",
            Self::UnfitKey => "token_unfit_key",
            Self::AmbiguousKey => "token_ambiguous_key",
            Self::BadSignature => "token_signature",
        }
    }
}

/// What a token's header says of it, as far as it matters here (RFC 7515 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwsHeader {
    /// The algorithm; one of those that were allowed.
    pub alg: Algorithm,
    /// The name of the key.
    pub kid: Option<String>,
    /// The kind of token, as it is written.
    pub typ: Option<String>,
}

/// A token that has the right form and an allowed algorithm. Nobody has vouched for it: its only use is to
/// be verified, and to say before that which key is needed.
pub struct UnverifiedJws<'a> {
    header: JwsHeader,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> UnverifiedJws<'a> {
    /// Reads the compact form; the JSON forms and encrypted tokens are not read (RFC 8725 section 3.10).
    pub fn parse(compact: &'a str, allowed: &[Algorithm]) -> Result<Self, JwsError> {
        if compact.len() > MAX_JWS_BYTES {
            return Err(JwsError::TooLarge);
        }
        let three = JwsError::Malformed("it does not have three parts");
        let (signed, signature) = compact.rsplit_once('.').ok_or(three.clone())?;
        let (header, payload) = signed.split_once('.').ok_or(three.clone())?;
        if payload.contains('.') {
            return Err(three);
        }
        let header = URL_SAFE_NO_PAD
            .decode(header)
            .map_err(|_| JwsError::Malformed("its header is not base64url"))?;
        let header: RawHeader = serde_json::from_slice(&header)
            .map_err(|_| JwsError::Malformed("its header is not a JSON object of the right types"))?;
        let alg = header
            .alg
            .parse()
            .ok()
            .filter(|alg| allowed.contains(alg))
            .ok_or_else(|| JwsError::AlgorithmNotAllowed {
                alg: header.alg.chars().take(16).collect(),
            })?;
        if header.crit {
            return Err(JwsError::UnsupportedCritical);
        }
        if header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(JwsError::Malformed("its kid is too long"));
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| JwsError::Malformed("its signature is not base64url"))?;
        Ok(Self {
            header: JwsHeader {
                alg,
                kid: header.kid,
                typ: header.typ,
            },
            signed,
            payload,
            signature,
        })
    }

    /// The header, not vouched for.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// Whether the holder of this key's private half signed it. The library's own verifier is asked directly,
    /// because its convenience functions ask whichever was installed for the whole process first.
    pub(super) fn is_signed_by(&self, key: &DecodingKey) -> bool {
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&self.header.alg.library(), key)
            .is_ok_and(|verifier| verifier.verify(self.signed.as_bytes(), &self.signature).is_ok())
    }

    /// For the key set only, after [`Self::is_signed_by`].
    pub(super) fn verified(&self) -> Result<VerifiedJws, JwsError> {
        let payload = URL_SAFE_NO_PAD
            .decode(self.payload)
            .map_err(|_| JwsError::Malformed("its payload is not base64url"))?;
        Ok(VerifiedJws {
            header: self.header.clone(),
            payload,
        })
    }
}

impl fmt::Debug for UnverifiedJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedJws({:?}, [redacted])", self.header)
    }
}

/// What a key of the issuer signed. Only [`KeySet`](super::KeySet) can make one. Whether the claims in it are
/// true here and now (issuer, audience, time …) is not known yet.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedJws {
    header: JwsHeader,
    payload: Vec<u8>,
}

impl VerifiedJws {
    /// The header.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// The payload: for a JWT, its claims as a JSON object.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl fmt::Debug for VerifiedJws {
    /// The header and the size: the payload is about a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedJws({:?}, {} bytes)", self.header, self.payload.len())
    }
}

/// The header as it comes. A name that is there twice is an error (RFC 7515 section 4); other names are not
/// looked at.
#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    #[serde(default, deserialize_with = "present_text")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present_text")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// A string: `null` is not the same as nothing.
fn present_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// That a member is there, whatever it is.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
