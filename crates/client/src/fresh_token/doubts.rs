//! Refresh tokens that were sent, and whose answer nobody lived to hear.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::gently::{Asks, Outcome, gently, of_state};
use super::look::Wish;
use crate::account::{AccountId, Storage};
use crate::client::Client;
use crate::error::Error;

impl Client {
    /// Tries, once each, the refresh tokens whose answer an earlier process did not live to hear: a provider may have
    /// replaced them, and one that forgives does so for a short while only. What comes of it shows in the accounts'
    /// states. Nobody is asked to unlock a keychain for it, and no provider is asked on that cannot be. Says whether
    /// some could not be tried now. [`Client::keep_fresh`] does it at its start, and when it may go better than before.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resolve_doubts(&self) -> Result<bool, Error> {
        let mut doubtful: BTreeMap<String, Vec<AccountId>> = BTreeMap::new();
        let (mut asks, mut left) = (Asks::default(), false);
        for id in self.inner().store.open_redemptions().await? {
            let Some(account) = self.inner().store.account(&id).await? else {
                continue;
            };
            // The entry is about the one that the keychain has, in whose place there is another here, or elsewhere.
            let unsaved = self.inner().flights.unsaved(&id, account.generation);
            if unsaved.is_some() {
                continue;
            }
            // Nobody tells when the other process ends, and not every keychain when it is unlocked.
            if self.is_held_elsewhere(&account).await?
                || account.storage == Storage::Keychain && asks.look(self).await
            {
                left = true;
                continue;
            }
            doubtful
                .entry(account.issuer.as_str().to_owned())
                .or_default()
                .push(id);
        }
        let mut tries: FuturesUnordered<_> = doubtful
            .into_values()
            .map(|ids| gently(ids, |id| resolve(self.clone(), id)))
            .collect();
        while let Some(outcomes) = tries.next().await {
            // Whoever was answered is not asked again: that could go on for ever.
            let is_left = |outcome: &Outcome| outcome.is_providers() || *outcome == Outcome::Hindered;
            left |= outcomes.iter().any(|(_, outcome)| is_left(outcome));
        }
        Ok(left)
    }
}

/// Tries a token that is in doubt, unless its answer comes meanwhile.
async fn resolve(client: Client, id: AccountId) -> (AccountId, Outcome) {
    let tried = async {
        // Whoever has the turn may be hearing the answer now.
        let turn = client.take_turn(&id).await?;
        let open = client.inner().store.open_redemptions().await;
        client.end_turn(turn).await;
        let account = client.inner().store.account(&id).await?;
        let Some(account) = account.filter(|_| open.is_ok_and(|open| open.contains(&id))) else {
            return Ok(None);
        };
        // An access token that is still good says nothing of the refresh token.
        let kept = client.inner().secrets.access(&id, account.storage).await;
        let kept = kept.ok().flatten();
        let wish = kept.map_or_else(Wish::default, |access| Wish::other_than(access.token));
        client.fly(&id, wish).await.map(Some)
    };
    let tried: Result<_, Error> = tried.await;
    let outcome = match tried {
        Ok(_) => Outcome::Renewed,
        Err(error) => {
            tracing::info!(code = error.code(), "a sign-in that was in doubt was not renewed");
            match error {
                Error::Vault(_) | Error::Store(_) => Outcome::Hindered,
                _ => of_state(&client, &id).await,
            }
        }
    };
    (id, outcome)
}
