//! An address of the private scheme goes out through the system's opener and is to come back to this program.
//!
//! Its path is not that of any callback, it holds no code and no state, and nothing that it brings is used: it is
//! known by a number that only this process has. So nothing that comes this way can be taken for an answer of a
//! browser, and an answer of a browser cannot come this way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::CheckUpError;
use crate::client::Client;
use crate::error::Error;

/// The path of such an address.
const PATH: &str = "/check";

/// Addresses that are under way, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct RoundTrips(Mutex<HashMap<String, oneshot::Sender<()>>>);

/// One that is under way; given up when it is dropped.
struct UnderWay<'a> {
    trips: &'a RoundTrips,
    nonce: String,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.trips.take(&self.nonce);
    }
}

impl RoundTrips {
    fn take(&self, nonce: &str) -> Option<oneshot::Sender<()>> {
        let mut trips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trips.remove(nonce)
    }

    fn begin(&self, nonce: String) -> (UnderWay<'_>, oneshot::Receiver<()>) {
        let (came, coming) = oneshot::channel();
        let mut trips = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trips.insert(nonce.clone(), came);
        (UnderWay { trips: self, nonce }, coming)
    }
}

impl Client {
    /// Whether an address that the system brought is one of the check-up's, and no callback. Whoever takes addresses
    /// from the system asks this first; nothing more is to be done about one that is.
    pub fn takes_back(&self, text: &str) -> bool {
        let own = self.scheme();
        let Some(address) = Url::parse(text)
            .ok()
            .filter(|address| own.is_some_and(|own| address.scheme() == own) && address.path() == PATH)
        else {
            return false;
        };
        let nonce = address.query().and_then(|query| query.strip_prefix("nonce="));
        if let Some(came) = nonce.and_then(|nonce| self.inner().round_trips.take(nonce)) {
            // Nobody waits for one that came too late.
            let _ = came.send(());
        }
        true
    }

    /// Sends an address out and waits for it.
    pub(super) async fn go_round(&self, scheme: &str, until: Instant) -> Result<(), Error> {
        let (under_way, coming) = self.inner().round_trips.begin(self.probe(""));
        let address = format!("{scheme}:{PATH}?nonce={}", under_way.nonce);
        let address = Url::parse(&address).map_err(|_| CheckUpError::SchemeNotReturned)?;
        let trip = async {
            let desktop = &self.inner().ports.desktop;
            let mut coming = coming;
            tokio::select! {
                // Only this says that it worked: an opener knows that it started something, not what.
                came = &mut coming => return came.map_err(|_| CheckUpError::SchemeNotReturned),
                handed = desktop.hand_over(&address) => handed.map_err(CheckUpError::Desktop)?,
            }
            coming.await.map_err(|_| CheckUpError::SchemeNotReturned)
        };
        let came = timeout_at(until, trip).await;
        Ok(came.unwrap_or(Err(CheckUpError::SchemeNotReturned))?)
    }
}
