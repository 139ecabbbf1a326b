//! Doing something for many accounts without being a burden to their provider.

use std::future::Future;

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
    /// Anything else, which is this account's own.
    Failed,
}

impl Outcome {
    /// Whether it is about the provider, and so the same for all that are its.
    pub(super) fn is_providers(self) -> bool {
        matches!(self, Self::Offline | Self::Unavailable)
    }
}

/// Does something for accounts of one issuer, the first alone. Stops where the provider cannot be asked: the others could
/// not either.
pub(super) async fn gently<T, F: Future<Output = (AccountId, Outcome)>>(
    mut first: Vec<T>,
    each: impl Fn(T) -> F,
) -> Vec<(AccountId, Outcome)> {
    let mut outcomes = Vec::new();
    let others = first.split_off(1.min(first.len()));
    for (group, at_once) in [(first, 1), (others, AT_ONCE)] {
        let mut all = stream::iter(group).map(&each).buffer_unordered(at_once);
        while let Some((id, outcome)) = all.next().await {
            outcomes.push((id, outcome));
            if outcome.is_providers() {
                return outcomes;
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
