//! The request that is being answered, for those who do not have it at hand: rules of faults that are for one path,
//! and the checkers of proofs, who ask for nonces without saying for whom.

use std::cell::OnceCell;

use crate::clients::Dialect;
use crate::faults::{Circumstances, Fault};
use crate::options::{Dpop, PushedRequests};
use crate::serve::Server;
use crate::world::World;

tokio::task_local! {
    /// Set for as long as a request is being answered.
    pub(crate) static CURRENT: CurrentRequest;
}

/// Who asks for what, and what was said of it so far. A fault that tells how the server stands is looked at often while
/// one request is answered; it counts as shown once, and says the same each time.
#[derive(Default)]
pub(crate) struct CurrentRequest {
    path: String,
    client: Option<String>,
    grant_type: Option<String>,
    pushed_requests: OnceCell<Option<PushedRequests>>,
    dpop: OnceCell<Option<Dpop>>,
    ever_new_nonces: OnceCell<bool>,
}

impl CurrentRequest {
    pub(crate) fn new(path: String, client: Option<String>, grant_type: Option<String>) -> Self {
        Self {
            path,
            client,
            grant_type,
            ..Self::default()
        }
    }

    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            client: self.client.as_deref(),
            grant_type: self.grant_type.as_deref(),
            ..Circumstances::of(Dialect::Standard)
        }
    }
}

/// Whether a request for this path is being answered.
pub(crate) fn is_at(path: &str) -> bool {
    CURRENT
        .try_with(|current| current.path == path)
        .unwrap_or_default()
}

impl World {
    /// How the provider stands to pushed requests now: the last fault that says something of it, or the options.
    pub(crate) fn pushed_requests(&self) -> PushedRequests {
        let look = |current: &CurrentRequest| {
            *current.pushed_requests.get_or_init(|| {
                self.stance(current, |fault| match fault {
                    Fault::PushedRequests(stance) => Some(*stance),
                    _ => None,
                })
            })
        };
        let said = CURRENT.try_with(look).unwrap_or_default();
        said.unwrap_or(self.options.pushed_requests)
    }

    /// How it stands with DPoP now: the last fault that says something of it, or the options.
    pub(crate) fn dpop(&self) -> Dpop {
        let look = |current: &CurrentRequest| {
            *current.dpop.get_or_init(|| {
                self.stance(current, |fault| match fault {
                    Fault::Dpop(stance) => Some(*stance),
                    _ => None,
                })
            })
        };
        CURRENT
            .try_with(look)
            .unwrap_or_default()
            .unwrap_or(self.options.dpop)
    }

    /// Whether this server wants another nonce after every proof. Each request is one server's.
    pub(crate) fn wants_ever_new_nonces(&self, server: Server) -> bool {
        let look = |current: &CurrentRequest| {
            *current.ever_new_nonces.get_or_init(|| {
                self.stance(current, |fault| match fault {
                    Fault::EverNewNonces { api } => (*api == (server == Server::Api)).then_some(()),
                    _ => None,
                })
                .is_some()
            })
        };
        CURRENT.try_with(look).unwrap_or_default()
    }

    fn stance<T>(&self, current: &CurrentRequest, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut taken = self.faults.take(&current.circumstances(), pick);
        taken.pop().map(|taken| taken.what)
    }
}
