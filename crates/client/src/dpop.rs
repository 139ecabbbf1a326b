//! Requests that show that a key is had (RFC 9449): when a sign-in is bound to one, which nonce goes into the next
//! proof, and the one more try that a server's nonce is worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use tessera_oidc::AccessToken;
use tessera_oidc::discovery::Metadata;
use tessera_oidc::dpop::{self, DpopKey, DpopNonce};
use tessera_oidc::message::{Request, Response};
use url::{Origin, Url};

use crate::client::Client;
use crate::error::Error;
use crate::terms::Terms;
use crate::trace::{Exchange, Flow};

/// How many servers' nonces are kept; beyond that they are all forgotten, which costs each server one more request.
const MAX_ORIGINS: usize = 100;

/// The latest nonce of each server, of this process (RFC 9449 section 8.2).
#[derive(Default)]
pub(crate) struct Nonces(Mutex<HashMap<Origin, DpopNonce>>);

impl Nonces {
    fn of(&self, url: &Url) -> Option<DpopNonce> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&url.origin()).cloned()
    }

    /// Takes the nonce that an answer hands out. Says whether there was one.
    pub(crate) fn take(&self, url: &Url, headers: &HeaderMap) -> bool {
        let Some(nonce) = DpopNonce::of(headers) else {
            return false;
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_ORIGINS && !all.contains_key(&url.origin()) {
            all.clear();
        }
        all.insert(url.origin(), nonce);
        true
    }
}

/// Whom a proof is made for.
#[derive(Clone, Copy)]
pub(crate) enum For<'a> {
    /// The authorization server.
    Provider,
    /// A resource server, which this token is presented to.
    Resource(&'a AccessToken),
}

impl Client {
    /// The key that a sign-in is to be bound to: where the provider's profile asks for one, and the provider says that
    /// it takes proofs of the kind that are made here.
    pub(crate) fn new_dpop_key(
        &self,
        terms: &Terms,
        metadata: &Metadata,
        flow: &Flow,
    ) -> Result<Option<DpopKey>, Error> {
        if !terms.dpop {
            return Ok(None);
        }
        if !metadata
            .dpop_algorithms
            .iter()
            .any(|name| name == dpop::ALGORITHM)
        {
            flow.decided(
                "dpop_not_offered",
                "The provider does not offer to bind tokens to a key, so they are not bound.",
            );
            return Ok(None);
        }
        let entropy = &self.inner().ports.entropy;
        let key = DpopKey::generate(&mut |buffer| entropy.fill(buffer))?;
        Ok(Some(key))
    }

    /// Adds a new proof to a request, with the server's latest nonce. It is dated by the provider's clock, as far as
    /// that is known: a proof has to be made just now by the clock of whoever checks it.
    pub(crate) fn prove(
        &self,
        terms: &Terms,
        key: &DpopKey,
        whom: For<'_>,
        request: &mut Request,
    ) -> Result<(), Error> {
        let inner = self.inner();
        let now = self.now();
        let now = inner.directory.time_at(&terms.issuer, now, None).unwrap_or(now);
        let nonce = inner.nonces.of(&request.url);
        let token = match whom {
            For::Provider => None,
            For::Resource(token) => Some(token),
        };
        let entropy = &inner.ports.entropy;
        key.prove(request, token, nonce.as_ref(), now, &mut |buffer| {
            entropy.fill(buffer);
        })?;
        Ok(())
    }

    /// Sends a request to the provider, with a proof where there is a `key`; once more if the provider asks for that
    /// with a nonce (RFC 9449 sections 8 and 9), and only once: a nonce that is refused again is an error like any other.
    pub(crate) async fn exchange(
        &self,
        terms: &Terms,
        key: Option<&DpopKey>,
        whom: For<'_>,
        exchange: Exchange,
        mut request: Request,
        flow: &Flow,
    ) -> Result<Response, Error> {
        let http = &*self.inner().ports.http;
        let Some(key) = key else {
            return Ok(flow.exchange(http, exchange, request).await?);
        };
        let url = request.url.clone();
        self.prove(terms, key, whom, &mut request)?;
        let response = flow.exchange(http, exchange, request.clone()).await?;
        let is_asked = match whom {
            For::Provider => dpop::wants_nonce(&response),
            For::Resource(_) => dpop::challenges_for_nonce(response.status, &response.headers),
        };
        if !(self.inner().nonces.take(&url, &response.headers) && is_asked) {
            return Ok(response);
        }
        told(flow);
        self.prove(terms, key, whom, &mut request)?;
        let response = flow.exchange(http, exchange, request).await?;
        self.inner().nonces.take(&url, &response.headers);
        Ok(response)
    }
}

/// Writes down why a request is sent once more.
pub(crate) fn told(flow: &Flow) {
    flow.decided(
        "dpop_nonce",
        "The server wants its own nonce in the proof, so the request is sent once more with it.",
    );
}
