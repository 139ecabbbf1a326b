//! Doing something for many accounts without being a burden to their provider.

use std::future::{Future, ready};
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::account::{AccountId, AccountState};
use crate::client::Client;

/// How many accounts of one provider are renewed at the same time.
const AT_ONCE: usize = 4;

/// Whether the keychain would ask the person something, looked at once, when it is first of use.
#[derive(Default)]
pub(super) struct Asks(Option<bool>);

impl Asks {
    pub(super) async fn look(&mut self, client: &Client) -> bool {
        if let Some(asks) = self.0 {
            return asks;
        }
        let asks = client.inner().secrets.keychain_asks().await;
        self.0 = Some(asks);
        asks
    }
}

/// What came of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Renewed,
    /// A new sign-in is needed, or there has been one, or the account is gone.
    Over,
    /// The provider was not reached.
    Offline,
    /// It was, and could not do it.
    Unavailable,
    /// The keychain or the store stood in the way.
    Hindered,
    /// Anything else, which is this account's own.
    Failed,
}

impl Outcome {
    /// Whether it is about the provider, and so the same for all that are its.
    pub(super) fn is_providers(self) -> bool {
        matches!(self, Self::Offline | Self::Unavailable)
    }
}

/// Does something for accounts of one issuer, the first alone. Begins no other where the provider cannot be asked: it could
/// not be for that one either. What has begun comes to its end, for it may have a turn to give back.
pub(super) async fn gently<T, F: Future<Output = (AccountId, Outcome)>>(
    mut first: Vec<T>,
    each: impl Fn(T) -> F,
) -> Vec<(AccountId, Outcome)> {
    let (mut outcomes, stopped) = (Vec::new(), AtomicBool::new(false));
    let others = first.split_off(1.min(first.len()));
    for (group, at_once) in [(first, 1), (others, AT_ONCE)] {
        let mut all = stream::iter(group)
            .take_while(|_| ready(!stopped.load(Ordering::Relaxed)))
            .map(&each)
            .buffer_unordered(at_once);
        while let Some((id, outcome)) = all.next().await {
            outcomes.push((id, outcome));
            if outcome.is_providers() {
                stopped.store(true, Ordering::Relaxed);
            }
        }
    }
    outcomes
}

/// What the account's state says of its provider.
pub(super) async fn of_state(client: &Client, id: &AccountId) -> Outcome {
    match client.inner().store.account(id).await {
        Ok(Some(account)) if matches!(account.state, AccountState::Offline { .. }) => Outcome::Offline,
        Ok(Some(account)) if matches!(account.state, AccountState::ProviderUnavailable { .. }) => {
            Outcome::Unavailable
        }
        _ => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::testing::account;

    #[tokio::test]
    async fn where_a_provider_cannot_be_asked_what_has_begun_ends_and_nothing_begins() {
        let id = account("https://login.example", "ann", &[]).id;
        let (begun, ended) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let failed = tokio::sync::Semaphore::new(0);
        let outcomes = gently((0..20).collect(), |number: usize| {
            let (id, begun, ended, failed) = (id.clone(), &begun, &ended, &failed);
            async move {
                lock(begun).push(number);
                let outcome = match number {
                    0 => Outcome::Renewed,
                    4 => {
                        failed.add_permits(20);
                        Outcome::Offline
                    }
                    _ => {
                        // Until the other one has failed.
                        drop(failed.acquire().await);
                        Outcome::Failed
                    }
                };
                lock(ended).push(number);
                (id, outcome)
            }
        })
        .await;
        assert_eq!(*lock(&begun), [0, 1, 2, 3, 4]);
        assert_eq!(lock(&ended).len(), 5);
        assert_eq!(outcomes.len(), 5);
    }

    fn lock(numbers: &Mutex<Vec<usize>>) -> std::sync::MutexGuard<'_, Vec<usize>> {
        numbers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
