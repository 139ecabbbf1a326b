//! What providers publish of themselves, fetched when needed and kept for a while: descriptions and key sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tessera_oidc::discovery::{self, Metadata};
use tessera_oidc::key_set::{COOL_DOWN_SECONDS, Decision, KeySet, KeySetCache, Wanted};
use tessera_oidc::message::Request;
use tessera_oidc::{Issuer, UnixTime};
use url::Url;

use crate::error::Error;
use crate::ports::{Clock, Http};
use crate::terms::Terms;
use crate::trace::{Exchange, Flow};

/// How long a description is used without asking again, in seconds.
const METADATA_SECONDS: i64 = 10 * 60;

/// Descriptions and key sets, of this process.
pub(crate) struct Directory {
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    metadata: Mutex<HashMap<Issuer, (UnixTime, Arc<Metadata>)>>,
    /// Seconds that this computer's clock was ahead of the issuer's when it last described itself.
    ahead: Mutex<HashMap<Issuer, i64>>,
    keys: Mutex<HashMap<Url, SharedKeys>>,
}

/// A lock for each provider, because it is held over a fetch: one that does not answer must not keep the others' waiting.
type SharedKeys = Arc<tokio::sync::Mutex<Keys>>;

/// One provider's keys.
#[derive(Default)]
struct Keys {
    cache: KeySetCache,
    /// When a newer set was last looked for because a token's key was unknown.
    looked: Option<UnixTime>,
}

impl Directory {
    pub(crate) fn new(http: Arc<dyn Http>, clock: Arc<dyn Clock>) -> Self {
        Self {
            http,
            clock,
            metadata: Mutex::default(),
            ahead: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// The provider's description.
    pub(crate) async fn metadata(&self, terms: &Terms, flow: &Flow) -> Result<Arc<Metadata>, Error> {
        if let Some(fixed) = terms.fixed_metadata() {
            return fixed.map(Arc::new);
        }
        let now = self.clock.now();
        let kept = {
            let metadata = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
            metadata.get(&terms.issuer).cloned()
        };
        if let Some((since, metadata)) = kept
            && (0..METADATA_SECONDS).contains(&now.since(since))
        {
            flow.decided(
                "metadata_kept",
                "The provider's description was read less than ten minutes ago and is used again.",
            );
            return Ok(metadata);
        }
        let request = discovery::discovery_request(&terms.issuer);
        let response = flow.exchange(&*self.http, Exchange::METADATA, request).await?;
        if let Some(date) = response.date() {
            let ahead = self.clock.now().since(date);
            let mut all = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(terms.issuer.clone(), ahead);
        }
        let metadata = discovery::parse_metadata(&terms.issuer, &response)?;
        flow.checks(metadata.verdicts());
        let metadata = Arc::new(metadata);
        let mut all = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(terms.issuer.clone(), (now, metadata.clone()));
        Ok(metadata)
    }

    /// What the time is at this issuer when it is `now` here, by the last answer of its that was dated: `by` when that
    /// is one, otherwise its description. `None` when it dates nothing.
    pub(crate) fn time_at(&self, issuer: &Issuer, now: UnixTime, by: Option<UnixTime>) -> Option<UnixTime> {
        by.or_else(|| {
            let all = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            let ahead = all.get(issuer)?;
            Some(now.plus(ahead.saturating_neg()))
        })
    }

    fn keys_of(&self, jwks_uri: &Url) -> SharedKeys {
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(jwks_uri.clone()).or_default().clone()
    }

    /// The keys to check a token with that needs the `wanted` one.
    pub(crate) async fn keys(
        &self,
        jwks_uri: &Url,
        wanted: Wanted<'_>,
        flow: &Flow,
    ) -> Result<Arc<KeySet>, Error> {
        // Held over the fetch: those who come meanwhile want its result, not a fetch of their own.
        let shared = self.keys_of(jwks_uri);
        let mut held = shared.lock().await;
        let cache = &mut held.cache;
        let now = self.clock.now();
        let at_hand = match cache.decide(now, wanted) {
            Decision::Use(keys) => return Ok(keys),
            Decision::Unavailable { retry_after } => return Err(Error::KeysUnavailable { retry_after }),
            Decision::UseAndFetch(keys) => Some(keys),
            Decision::Fetch => None,
        };
        match (self.refresh_keys(cache, jwks_uri, now, flow).await, at_hand) {
            (Ok(()), _) => now_at_hand(cache, now, wanted),
            (Err(error), Some(keys)) if error.is_transient() => Ok(keys),
            // While the provider is away, what was read within a day serves for the keys that are in it.
            (Err(error), _) => match cache.decide(now, wanted) {
                Decision::Use(keys) | Decision::UseAndFetch(keys) => Ok(keys),
                Decision::Fetch | Decision::Unavailable { .. } => Err(error),
            },
        }
    }

    /// A set that is newer than `than`, for a token that an exchange of ours brought and no key of that set fits.
    /// One fetch is made at once, however young `than` is: the provider may have changed its keys a moment ago. The
    /// next such fetch has to wait for [`COOL_DOWN_SECONDS`]; until then the keys at hand are all there are.
    pub(crate) async fn newer_keys(
        &self,
        jwks_uri: &Url,
        than: &Arc<KeySet>,
        flow: &Flow,
    ) -> Result<Arc<KeySet>, Error> {
        let shared = self.keys_of(jwks_uri);
        let mut held = shared.lock().await;
        let Keys { cache, looked } = &mut *held;
        let now = self.clock.now();
        if let Decision::Use(keys) = cache.decide(now, Wanted::Any)
            && !Arc::ptr_eq(&keys, than)
        {
            return Ok(keys);
        }
        if looked.is_some_and(|at| (0..COOL_DOWN_SECONDS).contains(&now.since(at))) {
            // A look that came to nothing says nothing of the token.
            return match cache.decide(now, Wanted::Newer) {
                Decision::Unavailable { retry_after } => Err(Error::KeysUnavailable { retry_after }),
                _ => Ok(than.clone()),
            };
        }
        let fetched = self.refresh_keys(cache, jwks_uri, now, flow).await;
        // Not before: one that was broken off has looked at nothing.
        *looked = Some(now);
        fetched?;
        now_at_hand(cache, now, Wanted::Any)
    }

    /// Fetches the key set into `cache`. One that must not be relied on takes those that were read before along: they
    /// are the same provider's, and it cannot be trusted with keys.
    async fn refresh_keys(
        &self,
        cache: &mut KeySetCache,
        jwks_uri: &Url,
        now: UnixTime,
        flow: &Flow,
    ) -> Result<(), Error> {
        let fetched = self.fetch_keys(jwks_uri, flow).await;
        // Not before it is over: a person who cancels has not shown that the provider fails, and the lock on the cache
        // keeps everybody else waiting meanwhile.
        match fetched {
            Ok(keys) => cache.fetch_succeeded(now, keys),
            Err(error) => {
                if !error.is_transient() {
                    *cache = KeySetCache::new();
                }
                cache.fetch_failed(now);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn fetch_keys(&self, jwks_uri: &Url, flow: &Flow) -> Result<KeySet, Error> {
        let request = Request::get_json(jwks_uri.clone());
        let response = flow.exchange(&*self.http, Exchange::KEY_SET, request).await?;
        if response.status != http::StatusCode::OK {
            return Err(Error::KeySetStatus(response.status.as_u16()));
        }
        Ok(KeySet::parse(&response.body)?)
    }
}

/// What there is after a fetch that succeeded.
fn now_at_hand(cache: &KeySetCache, now: UnixTime, wanted: Wanted<'_>) -> Result<Arc<KeySet>, Error> {
    match cache.decide(now, wanted) {
        Decision::Use(keys) | Decision::UseAndFetch(keys) => Ok(keys),
        Decision::Fetch => Err(Error::KeysUnavailable { retry_after: 1 }),
        Decision::Unavailable { retry_after } => Err(Error::KeysUnavailable { retry_after }),
    }
}
