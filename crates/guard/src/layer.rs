//! The guard as tower layers: in front of a whole service, or of one route.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tessera_oidc::Scopes;
use tower_layer::Layer;
use tower_service::Service;

use crate::bearer::hide;
use crate::caller::{Caller, scopes};
use crate::dpop::NONCE;
use crate::guard::Guard;
use crate::refusal::Refusal;

/// Lets through only requests with a good access token, and adds their [`Caller`] as an extension.
#[derive(Clone, Debug)]
pub struct RequireAuth {
    guard: Guard,
}

impl RequireAuth {
    /// A layer that asks this guard.
    pub fn new(guard: Guard) -> Self {
        Self { guard }
    }
}

impl<S> Layer<S> for RequireAuth {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            guard: self.guard.clone(),
            inner,
        }
    }
}

/// A service behind [`RequireAuth`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answer<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let guard = self.guard.clone();
        let mut inner = take_ready(&mut self.inner);
        let presented = guard.find(request.method(), request.uri(), request.headers());
        hide(request.headers_mut());
        Box::pin(async move {
            match guard.check_presented(presented).await {
                Ok(caller) => {
                    let nonce = guard.next_nonce().filter(|_| caller.bound_to().is_some());
                    request.extensions_mut().insert(caller);
                    let mut response = inner.call(request).await?;
                    if let Some(nonce) = nonce {
                        response.headers_mut().insert(NONCE, nonce);
                    }
                    Ok(response)
                }
                Err(refusal) => Ok(refusal.to_response()),
            }
        })
    }
}

/// Lets through only callers whose token carries every one of some scopes. Belongs behind [`RequireAuth`];
/// without it, every request is refused with status 500.
#[derive(Clone, Debug)]
pub struct RequireScope {
    needed: Scopes,
}

impl RequireScope {
    /// A layer that needs all of these. An empty list names nothing that a token could permit: every request is
    /// then refused with status 500.
    pub fn all<T: AsRef<str>>(needed: impl IntoIterator<Item = T>) -> Self {
        Self {
            needed: scopes(needed),
        }
    }
}

impl<S> Layer<S> for RequireScope {
    type Service = ScopeGuarded<S>;

    fn layer(&self, inner: S) -> ScopeGuarded<S> {
        ScopeGuarded {
            needed: self.needed.clone(),
            inner,
        }
    }
}

/// A service behind [`RequireScope`].
#[derive(Clone, Debug)]
pub struct ScopeGuarded<S> {
    needed: Scopes,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for ScopeGuarded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: From<String> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answer<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let verdict = request
            .extensions()
            .get::<Caller>()
            .filter(|_| !self.needed.is_empty())
            .ok_or_else(Refusal::unguarded)
            .and_then(|caller| caller.require(&self.needed));
        match verdict {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(refusal) => Box::pin(std::future::ready(Ok(refusal.to_response()))),
        }
    }
}

/// Lets through only callers who signed in recently enough and strongly enough; tells others what to ask for
/// (RFC 9470). Belongs behind [`RequireAuth`]; without it, every request is refused with status 500.
///
/// The token must say so by its claims `auth_time` and `acr` (RFC 9068 section 2.2.1): one that does not is refused
/// like one that says too little.
///
/// ```
/// use tessera_guard::RequireAuthentication;
///
/// let layer = RequireAuthentication::new().max_age(300).acr_values(["urn:example:two-factor"]);
/// # let _ = layer;
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequireAuthentication {
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: Vec<String>,
}

impl RequireAuthentication {
    /// A layer that asks for nothing yet. Until something is added, every request is refused with status 500.
    pub fn new() -> Self {
        Self::default()
    }

    /// The person signed in at most so many seconds ago. Clocks may differ by the guard's leeway.
    #[must_use]
    pub fn max_age(mut self, seconds: u64) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// They signed in by one of these authentication contexts, named as the issuer names them, best first.
    #[must_use]
    pub fn acr_values<T: Into<String>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.acr_values = values.into_iter().map(Into::into).collect();
        self
    }

    pub(crate) fn asks_for_nothing(&self) -> bool {
        self.max_age.is_none() && self.acr_values.is_empty()
    }
}

impl<S> Layer<S> for RequireAuthentication {
    type Service = AuthenticationGuarded<S>;

    fn layer(&self, inner: S) -> AuthenticationGuarded<S> {
        AuthenticationGuarded {
            needed: self.clone(),
            inner,
        }
    }
}

/// A service behind [`RequireAuthentication`].
#[derive(Clone, Debug)]
pub struct AuthenticationGuarded<S> {
    needed: RequireAuthentication,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for AuthenticationGuarded<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: From<String> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answer<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let verdict = request
            .extensions()
            .get::<Caller>()
            .ok_or_else(Refusal::unguarded)
            .and_then(|caller| caller.require_authentication(&self.needed));
        match verdict {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(refusal) => Box::pin(std::future::ready(Ok(refusal.to_response()))),
        }
    }
}

/// What the layers' services answer with, sooner or later.
pub type Answer<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

/// Takes the service that was polled ready and leaves a copy in its place: readiness belongs to one instance,
/// and the copy may not be ready.
fn take_ready<S: Clone>(service: &mut S) -> S {
    let copy = service.clone();
    mem::replace(service, copy)
}
