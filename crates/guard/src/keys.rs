//! Where the issuer's keys come from: a set that is fixed, or an address that is asked when the cache says so.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tessera_oidc::key_set::{Decision, KeySet, KeySetCache, KeySetError, MAX_KEY_SET_BYTES, Wanted};
use tessera_oidc::key_set::{JwsError, UnverifiedJws, VerifiedJws};
use url::Url;

use crate::clock::Clock;
use crate::refusal::{Reason, TokenFault};

/// How long one fetch of the keys may take.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches a document. The one thing that the guard needs of an HTTP client.
///
/// An implementation follows no redirects (the keys would come from wherever the redirect points), verifies
/// TLS, and accepts status 200 only. It need not retry, cache, or keep a time limit: the guard does.
#[async_trait]
pub trait FetchKeys: Send + Sync {
    /// The body found at `address`, which is https or on this machine; at most `limit` bytes are read.
    async fn fetch(&self, address: &Url, limit: usize) -> Result<Vec<u8>, FetchError>;
}

/// Why there is no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Nothing answered, or the connection was not trusted or broke off.
    #[error("the issuer's keys cannot be reached: {0}")]
    Unreachable(String),
    /// Something answered, but not with the document.
    #[error("the address of the issuer's keys answered with status {0}")]
    Status(u16),
    /// The answer had more bytes than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// It took longer than [`FETCH_TIMEOUT`].
    #[error("the issuer's keys did not come in time")]
    TimedOut,
    /// The document is not a key set to rely on.
    #[error(transparent)]
    Document(#[from] KeySetError),
}

impl FetchError {
    /// Whether the issuer showed what must stay secret, so that the keys it had before are not to be relied on either.
    fn spoils_all(&self) -> bool {
        matches!(
            self,
            Self::Document(KeySetError::PrivateKey | KeySetError::SymmetricKey)
        )
    }
}

/// Where the guard has its keys from.
pub struct KeySource(pub(crate) Source);

pub(crate) enum Source {
    Fixed(Arc<KeySet>),
    Remote {
        address: String,
        fetch: Box<dyn FetchKeys>,
    },
}

impl KeySource {
    /// A set that does not change while the guard lives.
    pub fn fixed(keys: KeySet) -> Self {
        Self(Source::Fixed(Arc::new(keys)))
    }

    /// The issuer's `jwks_uri`, an https address or one on this machine. It is fetched when it is first
    /// needed, again when it is ten minutes old, and when a token names a key that is not known, though not
    /// more than once in 30 seconds. While the issuer is down, known keys keep serving for 24 hours.
    pub fn remote(jwks_uri: impl Into<String>, fetch: impl FetchKeys + 'static) -> Self {
        Self(Source::Remote {
            address: jwks_uri.into(),
            fetch: Box::new(fetch),
        })
    }
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Source::Fixed(keys) => write!(f, "KeySource(fixed, {} keys)", keys.len()),
            Source::Remote { address, .. } => write!(f, "KeySource({address:?})"),
        }
    }
}

/// The keys in use.
pub(crate) enum Keys {
    Fixed(Arc<KeySet>),
    Remote(Arc<RemoteKeys>),
}

impl Keys {
    /// Checks a signature, with newer keys if the ones at hand do not settle it.
    pub(crate) async fn verify(&self, jws: &UnverifiedJws<'_>) -> Result<VerifiedJws, Reason> {
        let remote = match self {
            Self::Fixed(keys) => return Ok(keys.verify_parsed(jws).map_err(TokenFault::Signature)?),
            Self::Remote(remote) => remote,
        };
        let kid = jws.header().kid.as_deref();
        let keys = remote.keys(kid.map_or(Wanted::Any, Wanted::Kid)).await?;
        let verdict = match keys.verify_parsed(jws) {
            // A token that names no key may have been signed with one that has just been published.
            Err(JwsError::UnknownKey { .. } | JwsError::BadSignature) if kid.is_none() => {
                remote.keys(Wanted::Newer).await?.verify_parsed(jws)
            }
            verdict => verdict,
        };
        Ok(verdict.map_err(TokenFault::Signature)?)
    }
}

/// The keys at an address. One fetch runs at a time; it goes on when the request that caused it goes away, so
/// that callers who hang up can neither multiply fetches nor undo them.
pub(crate) struct RemoteKeys {
    address: Url,
    fetch: Box<dyn FetchKeys>,
    clock: Arc<dyn Clock>,
    cache: Mutex<KeySetCache>,
    /// Held by whoever fetches.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

impl RemoteKeys {
    pub(crate) fn new(address: Url, fetch: Box<dyn FetchKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            address,
            fetch,
            clock,
            cache: Mutex::default(),
            fetching: Arc::default(),
        }
    }

    /// The set to use for a token that needs the `wanted` key.
    async fn keys(self: &Arc<Self>, wanted: Wanted<'_>) -> Result<Arc<KeySet>, Reason> {
        match self.decide(wanted) {
            Decision::Use(keys) => return Ok(keys),
            Decision::UseAndFetch(keys) => {
                if let Ok(turn) = self.fetching.clone().try_lock_owned() {
                    self.start(turn);
                }
                return Ok(keys);
            }
            // Also when it is unavailable: a fetch may be under way.
            Decision::Fetch | Decision::Unavailable { .. } => {}
        }
        let turn = self.fetching.clone().lock_owned().await;
        if matches!(self.decide(wanted), Decision::Fetch) {
            // An error would mean that the fetch panicked or the runtime ends: there is no newer set then.
            let _ = self.start(turn).await;
        }
        match self.decide(wanted) {
            Decision::Use(keys) | Decision::UseAndFetch(keys) => Ok(keys),
            Decision::Fetch => Err(Reason::KeysUnavailable { retry_after: 1 }),
            Decision::Unavailable { retry_after } => Err(Reason::KeysUnavailable { retry_after }),
        }
    }

    fn decide(&self, wanted: Wanted<'_>) -> Decision {
        let now = self.clock.now();
        self.with_cache(|cache| cache.decide(now, wanted))
    }

    /// Fetches in a task of its own, which keeps the turn until the outcome is in the cache.
    fn start(self: &Arc<Self>, turn: tokio::sync::OwnedMutexGuard<()>) -> tokio::task::JoinHandle<()> {
        let now = self.clock.now();
        self.with_cache(|cache| cache.fetch_started(now));
        let this = self.clone();
        tokio::spawn(async move {
            let outcome = this.fetched().await;
            let now = this.clock.now();
            match outcome {
                Ok(keys) => {
                    tracing::debug!(address = %this.address, keys = keys.len(), "fetched the issuer's keys");
                    this.with_cache(|cache| cache.fetch_succeeded(now, keys));
                }
                Err(error) => {
                    tracing::warn!(address = %this.address, %error, "no keys from the issuer");
                    this.with_cache(|cache| {
                        if error.spoils_all() {
                            // Whoever read the document can sign with the keys at hand.
                            *cache = KeySetCache::new();
                        }
                        cache.fetch_failed(now);
                    });
                }
            }
            drop(turn);
        })
    }

    async fn fetched(&self) -> Result<KeySet, FetchError> {
        let fetch = self.fetch.fetch(&self.address, MAX_KEY_SET_BYTES);
        let document = tokio::time::timeout(FETCH_TIMEOUT, fetch)
            .await
            .map_err(|_| FetchError::TimedOut)??;
        Ok(KeySet::parse(&document)?)
    }

    /// The cache is sound between any two of its calls, so a panic elsewhere does not spoil it.
    fn with_cache<T>(&self, use_it: impl FnOnce(&mut KeySetCache) -> T) -> T {
        use_it(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
