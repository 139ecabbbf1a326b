//! What an API expects of access tokens, and the check of one against it.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Uri};
use tessera_oidc::key_set::{Algorithm, UnverifiedJws};
use tessera_oidc::{AddressError, Issuer, is_secure};
use url::Url;

use crate::bearer::Presented;
use crate::caller::Caller;
use crate::claims::{self, Expectations};
use crate::clock::{Clock, SystemClock};
use crate::dpop::{MAX_PROOF_WINDOW_SECONDS, ProofFor, Proofs};
use crate::keys::{KeySource, Keys, RemoteKeys, Source};
use crate::refusal::{Reason, Refusal, Space, TokenFault};

/// The most bytes that an access token may have.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The most seconds by which the clocks of issuer and API may be allowed to differ.
pub const MAX_LEEWAY_SECONDS: u32 = 60;

/// The algorithms that are allowed where none are named.
pub const DEFAULT_ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// Checks access tokens of one issuer for one API. Copies share their keys.
#[derive(Clone)]
pub struct Guard {
    inner: Arc<Inner>,
}

struct Inner {
    expected: Expectations,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    proofs: Option<Proofs>,
    clock: Arc<dyn Clock>,
}

impl Guard {
    /// Starts with the issuer, exactly as its tokens and its discovery document spell it.
    pub fn builder(issuer: impl Into<String>) -> GuardBuilder {
        GuardBuilder {
            issuer: issuer.into(),
            audiences: Vec::new(),
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            keys: None,
            leeway: 30,
            realm: None,
            proofs: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Finds the access token in these header fields and checks it: what [`RequireAuth`](crate::RequireAuth)
    /// does for a whole service, for where no layer fits. Bearer tokens only: a proof is about method and address, too
    /// ([`Guard::check_request`]).
    pub async fn check(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        self.check_presented(Presented::find(headers, None)).await
    }

    /// The same, with what proofs of possession are compared with.
    pub async fn check_request(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Caller, Refusal> {
        self.check_presented(self.find(method, uri, headers)).await
    }

    /// Finds the token, and the proof where proofs are looked at.
    pub(crate) fn find(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Presented, Reason> {
        let request = self.inner.proofs.as_ref().map(|_| (method, uri));
        Presented::find(headers, request)
    }

    /// The nonce that the next proof should have.
    pub(crate) fn next_nonce(&self) -> Option<HeaderValue> {
        self.inner.proofs.as_ref()?.next_nonce()
    }

    pub(crate) async fn check_presented(
        &self,
        presented: Result<Presented, Reason>,
    ) -> Result<Caller, Refusal> {
        let by_proof = presented
            .as_ref()
            .is_ok_and(|presented| presented.proof().is_some());
        let verdict = match presented {
            Ok(presented) => self.verdict(&presented).await,
            Err(reason) => Err(reason),
        };
        verdict.map_err(|reason| {
            match &reason {
                Reason::InvalidToken(fault) => {
                    tracing::debug!(code = fault.code(), "an access token was not accepted");
                }
                Reason::InvalidProof(fault) => {
                    tracing::debug!(code = fault.code(), "a proof of possession was not accepted");
                }
                _ => {}
            }
            let space = Space {
                by_proof,
                ..self.inner.expected.space.clone()
            };
            Refusal::new(reason, space)
        })
    }

    /// Form, algorithm and type first, so that a token which can never be good costs no look at the keys.
    async fn verdict(&self, presented: &Presented) -> Result<Caller, Reason> {
        let (inner, token) = (&self.inner, presented.expose());
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenFault::TooLong.into());
        }
        let jws = UnverifiedJws::parse(token, &inner.algorithms).map_err(TokenFault::Signature)?;
        if !claims::is_access_token(jws.header().typ.as_deref()) {
            return Err(TokenFault::NotAnAccessToken.into());
        }
        let verified = inner.keys.verify(&jws).await?;
        let now = inner.clock.now();
        let proof = presented.proof();
        let caller = claims::judge(&verified, &inner.expected, proof.is_some(), now)?;
        // After the token: only proofs that go with a good one are worth remembering.
        if let Some(proof) = proof {
            let proofs = inner.proofs.as_ref().ok_or(Reason::NoToken)?;
            let of = ProofFor {
                method: &proof.method,
                uri: &proof.uri,
                fields: &proof.fields,
                token: Some(token),
                // Judged with a proof, so it is there; without it nothing would be compared.
                bound_to: Some(caller.bound_to().ok_or(TokenFault::NotBound)?),
            };
            proofs.check(&of, now)?;
        }
        Ok(caller)
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("issuer", &self.inner.expected.issuer)
            .field("audiences", &self.inner.expected.audiences)
            .field("algorithms", &self.inner.algorithms)
            .finish_non_exhaustive()
    }
}

/// Collects what a [`Guard`] expects.
#[must_use = "a guard is made by `build`"]
pub struct GuardBuilder {
    issuer: String,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    keys: Option<KeySource>,
    leeway: u32,
    realm: Option<String>,
    proofs: Option<Proofs>,
    clock: Arc<dyn Clock>,
}

impl GuardBuilder {
    /// A name of this API: tokens must have it in `aud`. Called more than once, any of the names will do.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// The algorithms that the issuer signs access tokens with, instead of [`DEFAULT_ALGORITHMS`].
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Where the issuer's keys come from.
    pub fn key_source(mut self, source: KeySource) -> Self {
        self.keys = Some(source);
        self
    }

    /// By how many seconds the clocks of issuer and API may differ, at most [`MAX_LEEWAY_SECONDS`]; 30 where
    /// nothing is said.
    pub fn leeway(mut self, seconds: u32) -> Self {
        self.leeway = seconds;
        self
    }

    /// What refusals name as the protected space (RFC 9110 section 11.5), instead of the first audience.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Accepts tokens that are bound to a key as well, with a proof of it (RFC 9449). Without this they are refused.
    pub fn proofs(mut self, proofs: Proofs) -> Self {
        self.proofs = Some(proofs);
        self
    }

    /// The clock, instead of the operating system's.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The guard, unless what it is to expect would leave something unchecked.
    pub fn build(self) -> Result<Guard, GuardError> {
        let issuer: Issuer = self.issuer.parse().map_err(GuardError::Issuer)?;
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(GuardError::NoAudience);
        }
        if self.algorithms.is_empty() {
            return Err(GuardError::NoAlgorithm);
        }
        if self.leeway > MAX_LEEWAY_SECONDS {
            return Err(GuardError::Leeway(self.leeway));
        }
        let keys = match self.keys.ok_or(GuardError::NoKeySource)?.0 {
            Source::Fixed(keys) => Keys::Fixed(keys),
            Source::Remote { address, fetch } => {
                let address = Url::parse(&address)
                    .ok()
                    .filter(is_secure)
                    .ok_or(GuardError::KeyAddress(address))?;
                Keys::Remote(Arc::new(RemoteKeys::new(address, fetch, self.clock.clone())))
            }
        };
        let realm = self.realm.unwrap_or_else(|| self.audiences[0].clone());
        Ok(Guard {
            inner: Arc::new(Inner {
                expected: Expectations {
                    issuer,
                    audiences: self.audiences,
                    leeway: self.leeway.into(),
                    space: Space {
                        realm: realm.into(),
                        algorithms: self.proofs.as_ref().map(|proofs| proofs.algorithms().into()),
                        by_proof: false,
                    },
                },
                algorithms: self.algorithms,
                keys,
                proofs: self.proofs,
                clock: self.clock,
            }),
        })
    }
}

impl std::fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardBuilder")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// Why a guard cannot be built. All of them are mistakes in the API's configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The issuer is not one.
    #[error("the issuer cannot be used: {0}")]
    Issuer(#[source] AddressError),
    /// There is no name for this API, so tokens for other APIs would be accepted.
    #[error("the guard needs an audience: the name of this API in the tokens it accepts")]
    NoAudience,
    /// No algorithm is allowed, so no token could ever be good.
    #[error("the guard needs an algorithm")]
    NoAlgorithm,
    /// There are no keys to check signatures with.
    #[error("the guard needs a key source")]
    NoKeySource,
    /// The clocks may differ by too much.
    #[error("a leeway of {0} seconds is more than {MAX_LEEWAY_SECONDS}")]
    Leeway(u32),
    /// The keys would come over an open line.
    #[error("the address of the keys must start with https:// (or be on this machine): `{0}`")]
    KeyAddress(String),
    /// Proofs cannot be about this address.
    #[error("the address that proofs name must start with https:// (or be on this machine): `{0}`")]
    ProofAddress(String),
    /// Proofs would be taken for too long.
    #[error("a window of {0} seconds is more than {MAX_PROOF_WINDOW_SECONDS}")]
    ProofWindow(u32),
}

impl GuardError {
    /// A name for programs to branch on; never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Issuer(_) => "guard_issuer",
            Self::NoAudience => "guard_no_audience",
            Self::NoAlgorithm => "guard_no_algorithm",
            Self::NoKeySource => "guard_no_key_source",
            Self::Leeway(_) => "guard_leeway",
            Self::KeyAddress(_) => "guard_key_address",
            Self::ProofAddress(_) => "guard_proof_address",
            Self::ProofWindow(_) => "guard_proof_window",
        }
    }
}
