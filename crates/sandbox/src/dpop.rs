//! Proof of possession (RFC 9449): what the provider and its API make of proofs, and the nonces they hand out.

use std::sync::{Arc, Weak};

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, Uri};
use sha2::{Digest as _, Sha256};
use tessera_guard::UnixTime;
use tessera_guard::dpop::{NONCE, Nonces, PROOF, ProofFault, ProofFor, Proofs};

use crate::answer::{self, OAuthError};
use crate::options::Dpop;
use crate::records::Grant;
use crate::secret::random_name;
use crate::serve::Server;
use crate::world::World;

/// Seconds after which another nonce is wanted. The one before passes as long again.
const NONCE_LIFE: i64 = 300;

/// The checker of proofs for one of the two servers.
pub(crate) fn proofs(world: &Arc<World>, server: Server) -> Option<Proofs> {
    let address = match server {
        Server::Provider => &world.origin,
        Server::Api => &world.api_origin,
    };
    let nonces = ByTime {
        world: Arc::downgrade(world),
        server,
        seed: random_name(),
    };
    Proofs::at(address).ok().map(|proofs| proofs.nonces(nonces))
}

/// Nonces that follow from the time, so that none has to be remembered.
struct ByTime {
    /// The world holds the checker that holds this.
    world: Weak<World>,
    server: Server,
    seed: String,
}

impl ByTime {
    fn at(&self, period: i64) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{} {period}", self.seed)))
    }
}

impl Nonces for ByTime {
    fn wanted(&self) -> Option<String> {
        let world = self.world.upgrade()?;
        if world.wants_ever_new_nonces(self.server) {
            return Some(random_name());
        }
        (world.dpop() == Dpop::WithNonces).then(|| self.at(world.now() / NONCE_LIFE))
    }

    fn accepts(&self, nonce: &str) -> bool {
        self.world.upgrade().is_some_and(|world| {
            let period = world.now() / NONCE_LIFE;
            !world.wants_ever_new_nonces(self.server)
                && (nonce == self.at(period) || nonce == self.at(period - 1))
        })
    }
}

impl World {
    /// The thumbprint of the key that a request to the provider brings a proof of; `None` when it brings none, or
    /// nobody here looks at proofs.
    pub(crate) fn key_shown(
        &self,
        path: &'static str,
        headers: &HeaderMap,
        token: Option<&str>,
    ) -> Result<Option<String>, OAuthError> {
        let fields: Vec<HeaderValue> = headers.get_all(PROOF).iter().cloned().collect();
        if fields.is_empty() || self.dpop() == Dpop::Unmentioned {
            return Ok(None);
        }
        // The profile is asked for with GET; nobody here sends its form.
        let method = if token.is_some() {
            Method::GET
        } else {
            Method::POST
        };
        let proof = ProofFor {
            method: &method,
            uri: &Uri::from_static(path),
            fields: &fields,
            token,
            bound_to: None,
        };
        let proofs = self.proofs.get().ok_or_else(OAuthError::broken)?;
        match proofs.check(&proof, UnixTime(self.now())) {
            Ok(proof) => Ok(Some(proof.thumbprint().to_owned())),
            Err(ProofFault::NonceNeeded(_)) => Err(OAuthError::new(
                "use_dpop_nonce",
                "The proof must have the nonce of this answer.",
            )),
            Err(fault) => {
                tracing::info!(code = fault.code(), "a proof was not taken");
                Err(OAuthError::new("invalid_dpop_proof", "The proof is not good."))
            }
        }
    }

    /// Hands out the next nonce with an answer, where nonces are wanted (RFC 9449 section 8.2).
    pub(crate) fn with_nonce(&self, headers: &HeaderMap, mut response: Response) -> Response {
        if headers.contains_key(PROOF)
            && let Some(nonce) = self.proofs.get().and_then(Proofs::next_nonce)
        {
            response.headers_mut().insert(NONCE, nonce);
        }
        response
    }

    /// What is said to a request for the profile that does not show the key that its token is bound to, or shows one for
    /// a token that is bound to none; `None` when it is as it should be.
    pub(crate) fn badly_presented(
        &self,
        grant: &Grant,
        token: &str,
        headers: &HeaderMap,
    ) -> Option<Response> {
        let by_proof = answer::scheme(headers).is_some_and(|scheme| scheme.eq_ignore_ascii_case("dpop"));
        match (&grant.key, by_proof) {
            (None, false) => None,
            (Some(key), true) => match self.key_shown("/userinfo", headers, Some(token)) {
                Ok(Some(shown)) if shown == *key => None,
                Ok(_) => Some(answer::proof_refused("invalid_dpop_proof")),
                Err(error) => Some(answer::proof_refused(error.code)),
            },
            _ => Some(answer::bearer_refused(true)),
        }
    }
}
