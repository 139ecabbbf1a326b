//! Refreshes under way, and taking turns: in this process by flights that callers share, beside it by leases.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use tessera_oidc::RefreshToken;
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::look::Obtained;
use super::presence::Presence;
use crate::account::{Account, AccountId};
use crate::client::{Change, Client};
use crate::error::Error;
use crate::ports::{Entropy, VaultError};
use crate::store::StoreError;

/// How long a lease holds: longer than a refresh can take, which asks for a description, a token and a key set and the
/// keychain five times, each with 20 seconds of patience, and for a person to unlock the keychain. Only a holder that
/// hangs outlives it.
const LEASE: Duration = Duration::from_mins(5);

/// How often a waiting process looks whether the lease is free. There is no event to wait for between
/// processes that share only a file.
const LEASE_LOOK: Duration = Duration::from_millis(50);

/// How long to wait before a token that the keychain did not take is offered to it again, at first and at most. It may
/// ask the person each time.
const SAVE_AGAIN: std::ops::RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_mins(5);

/// How long a process that ends waits for a turn, to put a token into the keychain that has not taken it so far.
const LAST_TURN: Duration = Duration::from_secs(10);

pub(super) type Flight = Shared<BoxFuture<'static, Result<Obtained, Error>>>;

/// A refresh that others may join.
pub(super) struct UnderWay {
    pub(super) flight: Flight,
    /// Whether it began before the kept token's end.
    pub(super) ahead: bool,
}

/// The refreshes under way in this process.
pub(crate) struct Flights {
    presence: Presence,
    pub(super) under_way: Mutex<HashMap<AccountId, UnderWay>>,
    /// Their tasks, which outlive whoever asked.
    pub(super) tasks: TaskTracker,
    /// Nothing is begun any more, and what has not spent anything stops.
    closing: CancellationToken,
    /// Rotated refresh tokens that the keychain did not take: the only good copy, until it does.
    unsaved: Mutex<AllUnsaved>,
    /// Told when the keychain may take now what it did not take before.
    may_save: Notify,
    /// What went wrong last, as only this process knows it.
    troubles: Mutex<HashMap<AccountId, Trouble>>,
    /// Whose turn it is in this process. A lease keeps other processes away, and none of this one's own.
    places: Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>>,
    /// The accounts that a provider is being asked about.
    refreshing: Mutex<HashSet<AccountId>>,
}

/// A refresh token that is in memory only.
#[derive(Clone)]
struct Unsaved {
    /// Of which sign-in.
    generation: u64,
    token: RefreshToken,
    /// It was sent, and what came of that is not known: for such a one no journal is needed, for it ends with this
    /// process.
    sent: bool,
}

/// Everything that is in memory only.
#[derive(Default)]
struct AllUnsaved {
    tokens: HashMap<AccountId, Unsaved>,
    /// The accounts whose token is offered to the keychain again and again; others need not begin it.
    offered: HashSet<AccountId>,
}

/// The right to write an account's secrets, which nobody else has until [`Client::end_turn`], in this process or another.
pub(crate) struct Turn {
    id: AccountId,
    place: OwnedMutexGuard<()>,
}

/// How long a turn is waited for.
#[derive(Clone, Copy)]
enum Patience {
    /// Until this process is about to end.
    UntilClosing,
    /// Beyond that, for a little while.
    Last,
}

/// An account that is shown as refreshing.
pub(super) struct Refreshing<'a> {
    flights: &'a Flights,
    id: AccountId,
}

impl Drop for Refreshing<'_> {
    fn drop(&mut self) {
        let mut refreshing = self
            .flights
            .refreshing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        refreshing.remove(&self.id);
    }
}

/// What went wrong with an account here since it last went well.
#[derive(Default)]
struct Trouble {
    /// How often its provider could not be asked.
    failures: u32,
    /// Why the keychain did not give or take its secrets. Another process may have another keychain, or see it open.
    keychain: Option<VaultError>,
}

impl Flights {
    pub(crate) fn new(data_folder: &Path, entropy: &dyn Entropy) -> Self {
        Self {
            presence: Presence::new(data_folder, entropy),
            under_way: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            unsaved: Mutex::default(),
            may_save: Notify::new(),
            troubles: Mutex::default(),
            places: Mutex::default(),
            refreshing: Mutex::default(),
        }
    }

    /// Notes that the provider could not be asked, and says how often that happened before.
    pub(super) fn failed(&self, id: &AccountId) -> u32 {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = troubles.entry(id.clone()).or_default();
        let before = trouble.failures;
        trouble.failures = before.saturating_add(1);
        before
    }

    /// Everything is well with the account.
    pub(super) fn succeeded(&self, id: &AccountId) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.remove(id);
    }

    /// Passes a result on, and remembers what it says about the keychain.
    pub(super) fn heard_of_keychain<T>(&self, id: &AccountId, result: Result<T, Error>) -> Result<T, Error> {
        let heard = match &result {
            Ok(_) => None,
            Err(Error::Vault(error)) => Some(error.clone()),
            Err(_) => return result,
        };
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.is_some() || troubles.contains_key(id) {
            troubles.entry(id.clone()).or_default().keychain = heard;
        }
        result
    }

    /// Why the keychain did not give or take this account's secrets when it was last asked.
    pub(crate) fn keychain_trouble(&self, id: &AccountId) -> Option<VaultError> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.get(id).and_then(|trouble| trouble.keychain.clone())
    }

    /// Notes that the keychain would have to be unlocked for this account. Says whether that is new.
    pub(super) fn found_locked(&self, id: &AccountId) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut troubles.entry(id.clone()).or_default().keychain;
        let is_new = known.is_none();
        known.get_or_insert(VaultError::Locked);
        is_new
    }

    /// The keychain was unlocked: no account waits for that any more. Says whether one did.
    fn found_unlocked(&self) -> bool {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let locked = |error: &mut VaultError| *error == VaultError::Locked;
        let waited = troubles
            .values_mut()
            .filter_map(|trouble| trouble.keychain.take_if(locked))
            .count();
        waited > 0
    }

    pub(crate) fn refreshing(&self, id: &AccountId) -> bool {
        let refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        refreshing.contains(id)
    }

    /// From now on the account is shown as refreshing, until what is given back is dropped. A flight that finds a good
    /// token is not told: nobody would say that it is over.
    pub(super) fn begin_refreshing(&self, id: &AccountId) -> Refreshing<'_> {
        let mut refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        refreshing.insert(id.clone());
        Refreshing {
            flights: self,
            id: id.clone(),
        }
    }

    /// Whether the account's token is being renewed ahead of its end.
    pub(super) fn is_ahead(&self, id: &AccountId) -> bool {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.get(id).is_some_and(|under_way| under_way.ahead)
    }

    /// A flight's answer is for those who wait for it; the next caller may need another.
    pub(super) fn landed(&self, id: &AccountId) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(id);
    }

    fn place(&self, id: &AccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for need not be remembered.
        places.retain(|_, place| Arc::strong_count(place) > 1);
        places.entry(id.clone()).or_default().clone()
    }

    /// Where a newer version has changed the store, nothing is begun here any more and no lease can be given back: all are
    /// given up, so that it does not wait for the end of this process. Not while an account has a turn here, or a refresh
    /// token that is nowhere else: nobody else may send what is kept of it meanwhile.
    fn make_way(&self, error: &StoreError) {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let has_turn = places.values().any(|place| Arc::strong_count(place) > 1);
        if matches!(error, StoreError::TooNew { .. }) && !has_turn && self.all_unsaved().tokens.is_empty() {
            self.presence.leave();
        }
    }

    fn all_unsaved(&self) -> MutexGuard<'_, AllUnsaved> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The refresh token of this sign-in that is nowhere but here.
    pub(crate) fn unsaved(&self, id: &AccountId, generation: u64) -> Option<RefreshToken> {
        let unsaved = self.all_unsaved();
        let unsaved = unsaved.tokens.get(id);
        unsaved
            .filter(|unsaved| unsaved.generation == generation)
            .map(|unsaved| unsaved.token.clone())
    }

    /// From now on this token of the account is nowhere but here.
    pub(super) fn set_unsaved(&self, id: &AccountId, generation: u64, token: RefreshToken) {
        let unsaved = Unsaved {
            generation,
            token,
            sent: false,
        };
        self.all_unsaved().tokens.insert(id.clone(), unsaved);
    }

    /// The account has no such token any more: it is safe elsewhere, or of no use.
    pub(crate) fn forget_unsaved(&self, id: &AccountId) {
        self.all_unsaved().tokens.remove(id);
    }

    /// Notes whether the account's refresh token that is nowhere but here is being sent, and says whether it was
    /// before.
    pub(super) fn set_unsaved_sent(&self, id: &AccountId, sent: bool) -> bool {
        let mut unsaved = self.all_unsaved();
        let unsaved = unsaved.tokens.get_mut(id);
        unsaved.is_some_and(|unsaved| std::mem::replace(&mut unsaved.sent, sent))
    }

    /// Says whether nobody offers the account's token to the keychain yet; whoever asks does from now on.
    fn begin_offering(&self, id: &AccountId) -> bool {
        self.all_unsaved().offered.insert(id.clone())
    }

    /// What is to be offered to the keychain. When it is nothing, the offering is over.
    fn to_offer(&self, id: &AccountId) -> Option<Unsaved> {
        let mut unsaved = self.all_unsaved();
        let token = unsaved.tokens.get(id).cloned();
        if token.is_none() {
            unsaved.offered.remove(id);
        }
        token
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
    /// The keychain was unlocked: has everything that is in memory only offered to it at once, and says of no account any
    /// more that it is locked.
    pub(crate) fn keychain_unlocked(&self) {
        let flights = &self.inner().flights;
        flights.may_save.notify_waiters();
        if flights.found_unlocked() {
            self.changed(Change::Accounts);
        }
    }

    /// To be called last, and awaited before the process ends: what a provider may already have answered is
    /// brought home, and what the keychain did not take is offered to it once more. Whoever is asked about another
    /// person's sign-in has said no. Takes as long as a refresh can take; nothing new is begun any more.
    ///
    /// # Errors
    /// [`Error::NotSaved`] when a renewed sign-in is lost with this process.
    pub async fn settle(&self) -> Result<(), Error> {
        let flights = &self.inner().flights;
        flights.closing.cancel();
        flights.tasks.close();
        tokio::join!(flights.tasks.wait(), self.unask());
        let unsaved = flights.all_unsaved().tokens.clone();
        let mut result = Ok(());
        for (id, unsaved) in unsaved {
            let saved = self.save_in_turn(&id, &unsaved, Patience::Last).await;
            result = result.and(saved);
        }
        result
    }

    /// Offers it to the keychain, in the account's turn: neither a refresh that brings another token nor a new sign-in is
    /// overtaken by it. A newer version lets nobody have a turn; it does not touch the account either, as long as this
    /// process lives.
    async fn save_in_turn(&self, id: &AccountId, unsaved: &Unsaved, patience: Patience) -> Result<(), Error> {
        match self.turn(id, patience).await {
            Ok(turn) => {
                let saved = self.save(id, unsaved).await;
                self.end_turn(turn).await;
                saved
            }
            Err(Error::Store(error @ StoreError::TooNew { .. })) => {
                let account = self.inner().store.account(id).await?;
                if let Some(account) = account.filter(|account| account.generation == unsaved.generation) {
                    self.put_unsaved(&account, &unsaved.token).await?;
                }
                self.inner().flights.forget_unsaved(id);
                self.inner().flights.make_way(&error);
                Ok(())
            }
            Err(Error::Stopped) if matches!(patience, Patience::Last) => Err(Error::NotSaved(
                VaultError::Failed("another program did not let it be written".to_owned()),
            )),
            Err(error) => Err(error),
        }
    }

    async fn save(&self, id: &AccountId, unsaved: &Unsaved) -> Result<(), Error> {
        let flights = &self.inner().flights;
        if flights.unsaved(id, unsaved.generation).as_ref() != Some(&unsaved.token) {
            return Ok(());
        }
        let account = self.inner().store.account(id).await?;
        let account = account.filter(|account| account.generation == unsaved.generation);
        if let Some(account) = &account {
            self.put_unsaved(account, &unsaved.token).await?;
        }
        // As soon as it is there: another process may use it, and this copy is void then.
        flights.forget_unsaved(id);
        if let Some(account) = &account {
            self.end_redemption(account, true).await;
        }
        Ok(())
    }

    async fn put_unsaved(&self, account: &Account, token: &RefreshToken) -> Result<(), Error> {
        let secrets = &self.inner().secrets;
        let stored = secrets.put_refresh(&account.id, account.storage, token).await;
        stored.map_err(Error::NotSaved)
    }

    /// Offers a token that the keychain did not take to it again, until it takes it or another one has replaced it.
    pub(super) fn save_later(&self, id: &AccountId) {
        let (client, id) = (self.clone(), id.clone());
        if !self.inner().flights.begin_offering(&id) {
            return;
        }
        self.inner().flights.tasks.spawn(async move {
            let flights = &client.inner().flights;
            let mut pause = *SAVE_AGAIN.start();
            loop {
                let told = flights.may_save.notified();
                if flights.to_offer(&id).is_none() {
                    return;
                }
                let waited = async {
                    // What is told ends the pause; so does its end.
                    let _ = tokio::time::timeout(pause, told).await;
                    Ok(())
                };
                if flights.unless_closing(waited).await.is_err() {
                    return;
                }
                let Some(unsaved) = flights.to_offer(&id) else {
                    return;
                };
                match client.save_in_turn(&id, &unsaved, Patience::UntilClosing).await {
                    Ok(()) => client.changed(Change::Accounts),
                    Err(Error::Stopped) => return,
                    Err(_) => {}
                }
                pause = pause.saturating_mul(2).min(*SAVE_AGAIN.end());
            }
        });
    }

    /// Waits until nobody else writes the account's secrets, and whoever does has finished.
    pub(crate) async fn take_turn(&self, id: &AccountId) -> Result<Turn, Error> {
        self.turn(id, Patience::UntilClosing).await
    }

    async fn turn(&self, id: &AccountId, patience: Patience) -> Result<Turn, Error> {
        let place = self.inner().flights.place(id).lock_owned().await;
        let inner = self.inner();
        let (store, presence) = (&inner.store, &inner.flights.presence);
        let holder = presence.holder().await;
        let began = Instant::now();
        let mut seen: Option<((String, i64), Instant)> = None;
        loop {
            let now = self.now();
            let until = now.plus(LEASE.as_secs().cast_signed());
            match store.take_lease(id, &holder, now, until).await {
                Ok(true) => {
                    let id = id.clone();
                    return Ok(Turn { id, place });
                }
                Ok(false) => {}
                Err(error) => {
                    drop(place);
                    inner.flights.make_way(&error);
                    return Err(error.into());
                }
            }
            if let Some(lease) = store.lease_holder(id).await? {
                let (_, since) = seen
                    .take()
                    .filter(|(other, _)| *other == lease)
                    .unwrap_or_else(|| (lease.clone(), Instant::now()));
                // One that lives and hangs, as a stopped process does, is not waited for without end.
                if presence.is_gone(&lease.0).await || since.elapsed() >= LEASE {
                    store.release_lease(id, &lease.0).await?;
                    continue;
                }
                seen = Some((lease, since));
            }
            let pause = async {
                tokio::time::sleep(LEASE_LOOK).await;
                Ok(())
            };
            match patience {
                Patience::UntilClosing => inner.flights.unless_closing(pause).await?,
                Patience::Last if began.elapsed() < LAST_TURN => pause.await?,
                Patience::Last => return Err(Error::Stopped),
            }
        }
    }

    /// The name of this process among those that share the data folder.
    pub(crate) async fn process_name(&self) -> String {
        self.inner().flights.presence.holder().await
    }

    /// Whether it is certain that another process of this name lives.
    pub(super) async fn is_present(&self, process: &str) -> bool {
        let presence = &self.inner().flights.presence;
        process != presence.holder().await && presence.is_present(process).await
    }

    /// Whether it is certain that the process of this name has ended.
    pub(crate) async fn is_gone(&self, process: &str) -> bool {
        self.inner().flights.presence.is_gone(process).await
    }

    /// Lets others write the account's tokens. A failure is harmless: the lease runs out by itself.
    pub(crate) async fn end_turn(&self, turn: Turn) {
        let Turn { id, place } = turn;
        let holder = self.inner().flights.presence.holder().await;
        if let Err(error) = self.inner().store.release_lease(&id, &holder).await {
            drop(place);
            self.inner().flights.make_way(&error);
            tracing::warn!(
                code = Error::from(error).code(),
                "a refresh lease could not be given back"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::account;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    #[test]
    fn what_is_in_memory_only_is_offered_by_one_until_it_is_there() {
        let flights = Flights::new(Path::new("/nowhere"), &Zeros);
        let id = account("https://login.example", "ann", &[]).id;
        flights.set_unsaved(&id, 1, RefreshToken::new("one"));
        assert!(flights.begin_offering(&id));
        // Another renewal whose token is not taken either.
        flights.set_unsaved(&id, 1, RefreshToken::new("two"));
        assert!(!flights.begin_offering(&id));
        let offered = flights.to_offer(&id).map(|unsaved| unsaved.token);
        assert_eq!(offered, Some(RefreshToken::new("two")));
        flights.forget_unsaved(&id);
        assert!(flights.to_offer(&id).is_none());
        assert!(flights.begin_offering(&id), "the one before has ended");
    }
}
