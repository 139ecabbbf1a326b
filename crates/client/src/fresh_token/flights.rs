//! Refreshes under way, and taking turns: in this process by flights that callers share, beside it by leases.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use tessera_oidc::RefreshToken;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::FreshToken;
use super::presence::Presence;
use crate::account::AccountId;
use crate::client::Client;
use crate::error::Error;
use crate::ports::Entropy;

/// How long a lease holds, in seconds: longer than a refresh can take, which asks for a description, a token and a
/// key set and the keychain five times, each with 20 seconds of patience. Only a holder that hangs outlives it.
const LEASE_SECONDS: i64 = 180;

/// How often a waiting process looks whether the lease is free. There is no event to wait for between
/// processes that share only a file.
const LEASE_LOOK: Duration = Duration::from_millis(50);

pub(super) type Flight = Shared<BoxFuture<'static, Result<FreshToken, Error>>>;

/// The refreshes under way in this process.
pub(crate) struct Flights {
    presence: Presence,
    pub(super) under_way: Mutex<HashMap<AccountId, Flight>>,
    /// Their tasks, which outlive whoever asked.
    pub(super) tasks: TaskTracker,
    /// Nothing is begun any more, and what has not spent anything stops.
    closing: CancellationToken,
    /// Rotated refresh tokens that the keychain did not take: the only good copy, until it does.
    unsaved: Mutex<HashMap<AccountId, (u64, RefreshToken)>>,
}

impl Flights {
    pub(crate) fn new(data_folder: &Path, entropy: &dyn Entropy) -> Self {
        Self {
            presence: Presence::new(data_folder, entropy),
            under_way: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            unsaved: Mutex::default(),
        }
    }

    pub(crate) fn refreshing(&self, id: &AccountId) -> bool {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.get(id).is_some_and(|flight| flight.peek().is_none())
    }

    /// A flight's answer is for those who wait for it; the next caller may need another.
    pub(super) fn landed(&self, id: &AccountId) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(id);
    }

    /// The refresh token of this sign-in that is nowhere but here.
    pub(crate) fn unsaved(&self, id: &AccountId, generation: u64) -> Option<RefreshToken> {
        let unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        unsaved
            .get(id)
            .filter(|(of, _)| *of == generation)
            .map(|(_, token)| token.clone())
    }

    pub(crate) fn set_unsaved(&self, id: &AccountId, token: Option<(u64, RefreshToken)>) {
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        match token {
            Some(token) => unsaved.insert(id.clone(), token),
            None => unsaved.remove(id),
        };
    }

    fn all_unsaved(&self) -> HashMap<AccountId, (u64, RefreshToken)> {
        self.unsaved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs what may be broken off when this process is about to end.
    pub(super) async fn unless_closing<T>(
        &self,
        part: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(Error::Stopped),
            result = part => result,
        }
    }
}

impl Client {
    /// To be called last, and awaited before the process ends: what a provider may already have answered is
    /// brought home, and what the keychain did not take is offered to it once more. Takes as long as a refresh
    /// can take; nothing new is begun any more.
    ///
    /// # Errors
    /// [`Error::NotSaved`] when a renewed sign-in is lost with this process.
    pub async fn settle(&self) -> Result<(), Error> {
        let flights = &self.inner().flights;
        flights.closing.cancel();
        flights.tasks.close();
        flights.tasks.wait().await;
        let mut result = Ok(());
        for (id, (generation, token)) in flights.all_unsaved() {
            let saved = self.save(&id, generation, &token).await;
            result = result.and(saved);
        }
        result
    }

    async fn save(&self, id: &AccountId, generation: u64, token: &RefreshToken) -> Result<(), Error> {
        let inner = self.inner();
        let account = inner.store.account(id).await?;
        if let Some(account) = account.filter(|account| account.generation == generation) {
            let stored = inner.secrets.put_refresh(id, account.storage, token).await;
            stored.map_err(Error::NotSaved)?;
        }
        inner.flights.set_unsaved(id, None);
        Ok(())
    }

    /// Waits until this process may write the account's tokens.
    pub(crate) async fn take_turn(&self, id: &AccountId) -> Result<(), Error> {
        let inner = self.inner();
        let (store, presence) = (&inner.store, &inner.flights.presence);
        let holder = presence.holder().await;
        loop {
            let now = self.now();
            if store
                .take_lease(id, &holder, now, now.plus(LEASE_SECONDS))
                .await?
            {
                return Ok(());
            }
            if let Some(other) = store.lease_holder(id).await?
                && presence.is_gone(&other).await
            {
                store.release_lease(id, &other).await?;
                continue;
            }
            let pause = async {
                tokio::time::sleep(LEASE_LOOK).await;
                Ok(())
            };
            inner.flights.unless_closing(pause).await?;
        }
    }

    /// Lets others write the account's tokens. A failure is harmless: the lease runs out by itself.
    pub(crate) async fn end_turn(&self, id: &AccountId) {
        let holder = self.inner().flights.presence.holder().await;
        if let Err(error) = self.inner().store.release_lease(id, &holder).await {
            tracing::warn!(
                code = Error::from(error).code(),
                "a refresh lease could not be given back"
            );
        }
    }
}
