//! Moving an account's secrets to another place: from the keychain into memory and back.

use crate::account::{Account, AccountId, SignInNeed, Storage};
use crate::client::{Change, Client};
use crate::error::{AccountError, Error};
use crate::fresh_token::over;
use crate::ports::SecretBytes;
use crate::vault::KINDS;

impl Client {
    /// Moves an account's secrets: into the keychain, or into this process's memory, where they are gone when it ends.
    /// They are written and read back at the new place before the account is said to be there, and removed from the
    /// old one last. A failure leaves them where they were.
    ///
    /// # Errors
    /// When there is no such account, its secrets are not here, or the keychain does not give or take them.
    pub async fn move_secrets(&self, id: &AccountId, to: Storage) -> Result<(), Error> {
        let turn = self.take_turn(id).await?;
        let moved = self.move_in_turn(id, to).await;
        self.end_turn(turn).await;
        if moved.is_ok() {
            self.changed(Change::Accounts);
        }
        moved
    }

    async fn move_in_turn(&self, id: &AccountId, to: Storage) -> Result<(), Error> {
        let inner = self.inner();
        let stored = inner.store.account(id).await?;
        let account = stored.ok_or_else(|| AccountError::Unknown(id.to_string()))?;
        if account.storage == to {
            return Ok(());
        }
        let kept = self.all_kept(&account).await?;
        let written = async {
            for (kind, secret) in &kept {
                inner.secrets.put_entry(kind, id, to, secret).await?;
            }
            if inner.store.set_storage(id, account.generation, to).await? {
                Ok(())
            } else {
                Err(Error::from(AccountError::Superseded))
            }
        };
        let (left, result) = match written.await {
            Ok(()) => (account.storage, Ok(())),
            Err(error) => (to, Err(error)),
        };
        if result.is_ok() {
            let moved = Account {
                storage: to,
                ..account.clone()
            };
            self.note_keychain(&moved).await;
            if inner.flights.unsaved(id, account.generation).is_some() {
                inner.flights.forget_unsaved(id);
                inner.store.end_redemption(id, account.generation, true).await?;
            }
        }
        if let Err(error) = inner.secrets.forget(id, left).await {
            // Found and removed by whoever tidies up.
            tracing::warn!(
                code = Error::from(error).code(),
                "secrets that were moved could not be removed from where they were"
            );
        }
        result
    }

    /// Everything that is kept of an account. A refresh token that the keychain has not taken yet is the one that counts.
    async fn all_kept(&self, account: &Account) -> Result<Vec<(&'static str, SecretBytes)>, Error> {
        let inner = self.inner();
        let mut kept = Vec::new();
        for kind in KINDS {
            let secret = inner.secrets.entry(kind, &account.id, account.storage).await?;
            kept.extend(secret.map(|secret| (kind, secret)));
        }
        if let Some(token) = inner.flights.unsaved(&account.id, account.generation) {
            kept.retain(|(kind, _)| *kind != "refresh");
            kept.push(("refresh", SecretBytes::new(token.expose())));
        }
        if kept.is_empty() {
            // Another process, or another keychain, may have them.
            let need = match account.storage {
                Storage::UntilQuit => SignInNeed::UntilQuit,
                Storage::Keychain => {
                    self.is_in_this_keychain(account).await?;
                    SignInNeed::SecretsGone
                }
            };
            return Err(over(account, need, None).into());
        }
        Ok(kept)
    }
}
