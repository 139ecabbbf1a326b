//! Who calls: what a token said of its bearer, once all of it was checked.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use tessera_oidc::{ClientId, Issuer, Scopes, Subject, UnixTime};

use crate::layer::RequireAuthentication;
use crate::refusal::{Reason, Refusal, Space};

/// A caller whose access token was checked. It is found in the request's extensions behind
/// [`RequireAuth`](crate::RequireAuth) and cannot be made otherwise, so code that has one need not check
/// again. Copies share what they hold.
#[derive(Clone)]
pub struct Caller {
    pub(crate) verified: Arc<Verified>,
}

pub(crate) struct Verified {
    pub(crate) issuer: Issuer,
    pub(crate) subject: Subject,
    pub(crate) client_id: ClientId,
    pub(crate) scopes: Scopes,
    pub(crate) token_id: String,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
    pub(crate) auth_time: Option<UnixTime>,
    pub(crate) acr: Option<String>,
    /// The time by which all of it was judged.
    pub(crate) checked_at: UnixTime,
    /// Seconds by which clocks may differ.
    pub(crate) leeway: i64,
    pub(crate) claims: Map<String, Value>,
    /// The thumbprint of the key that the token is bound to.
    pub(crate) bound_to: Option<String>,
    pub(crate) space: Space,
}

impl Caller {
    /// Who vouches for the caller. A subject means something only together with its issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.verified.issuer
    }

    /// The person, or the client itself where no person is involved (RFC 9068 section 2.2).
    pub fn subject(&self) -> &Subject {
        &self.verified.subject
    }

    /// The app through which they call.
    pub fn client_id(&self) -> &ClientId {
        &self.verified.client_id
    }

    /// What the token permits; empty when it says nothing.
    pub fn scopes(&self) -> &Scopes {
        &self.verified.scopes
    }

    /// The token's own name, `jti`: unique at its issuer, and safe to log.
    pub fn token_id(&self) -> &str {
        &self.verified.token_id
    }

    /// When the token was issued.
    pub fn issued_at(&self) -> UnixTime {
        self.verified.issued_at
    }

    /// When the token ends.
    pub fn expires_at(&self) -> UnixTime {
        self.verified.expires_at
    }

    /// When the person last signed in at the issuer, if it says so.
    pub fn auth_time(&self) -> Option<UnixTime> {
        self.verified.auth_time
    }

    /// How strongly they did, in the issuer's own terms (`acr`).
    pub fn acr(&self) -> Option<&str> {
        self.verified.acr.as_deref()
    }

    /// The thumbprint of the key that the token is bound to (RFC 9449 section 6.1), which the caller has shown to have;
    /// `None` for a bearer token.
    pub fn bound_to(&self) -> Option<&str> {
        self.verified.bound_to.as_deref()
    }

    /// Every claim of the token as it came.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.verified.claims
    }

    /// Refuses a caller whose token lacks one of these scopes. For what a handler finds out only when it
    /// runs; where the route decides, [`RequireScope`](crate::RequireScope) says it in one place.
    pub fn require_scopes<T: AsRef<str>>(&self, needed: impl IntoIterator<Item = T>) -> Result<(), Refusal> {
        self.require(&scopes(needed))
    }

    pub(crate) fn require(&self, needed: &Scopes) -> Result<(), Refusal> {
        if needed.difference(self.scopes()).is_empty() {
            return Ok(());
        }
        let reason = Reason::InsufficientScope {
            needed: needed.clone(),
        };
        Err(Refusal::new(reason, self.verified.space.clone()))
    }

    /// Refuses a caller who signed in too long ago or not strongly enough, with the challenge of RFC 9470 section
    /// 3. For what a handler finds out only when it runs; where the route decides, the layer says it in one place.
    pub fn require_authentication(&self, needed: &RequireAuthentication) -> Result<(), Refusal> {
        if needed.asks_for_nothing() {
            return Err(Refusal::unguarded());
        }
        let recent = needed.max_age.is_none_or(|max_age| {
            let (now, leeway) = (self.verified.checked_at, self.verified.leeway);
            let max_age = i64::try_from(max_age).unwrap_or(i64::MAX);
            self.auth_time()
                .is_some_and(|at| now.since(at) <= max_age.saturating_add(leeway) && at <= now.plus(leeway))
        });
        let strong = needed.acr_values.is_empty()
            || self
                .acr()
                .is_some_and(|acr| needed.acr_values.iter().any(|good| good == acr));
        if recent && strong {
            return Ok(());
        }
        let reason = Reason::InsufficientAuthentication {
            acr_values: needed.acr_values.clone(),
            max_age: needed.max_age,
        };
        Err(Refusal::new(reason, self.verified.space.clone()))
    }
}

impl fmt::Debug for Caller {
    /// Names only: other claims may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("issuer", self.issuer())
            .field("subject", self.subject())
            .field("client_id", self.client_id())
            .field("scopes", self.scopes())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// Single scopes; an item that is a list of them is taken apart.
pub(crate) fn scopes<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Scopes {
    items
        .into_iter()
        .map(|item| Scopes::parse(item.as_ref()))
        .fold(Scopes::default(), |all, some| all.union(&some))
}
