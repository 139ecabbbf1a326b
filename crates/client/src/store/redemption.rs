//! The journal of refresh tokens that were sent to their provider: a token that is replaced at each use is void as soon
//! as the provider has read it, so whoever finds an entry here knows that the kept one may be.
//!
//! An entry is written before the token is sent, and removed when its answer is known and what came with it is safe in
//! the keychain. It names the token by the start of a hash, which is enough to tell whether the keychain still holds
//! the one that was sent, and of no use for anything else. Where the keychain did not take what came, the entry names
//! the process that has it in its memory: as long as that lives, the kept token is void for certain.

use rusqlite::{OptionalExtension as _, TransactionBehavior};
use tessera_oidc::{RefreshToken, UnixTime};

use super::{Store, StoreError};
use crate::account::{Account, AccountId};

/// What is known of a refresh token that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It was not sent before, or what came of that is known.
    None,
    /// It was sent before, and nobody heard what came of it: the provider may have replaced it.
    MaybeRotated,
}

impl Store {
    /// Notes that this refresh token of the account is about to be sent, and says what is known of it. A token that is
    /// `unsaved`, in memory only, leaves an entry as it is that names the one in the keychain: if this process dies,
    /// that is the one which is found.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when `holder` has the account's turn no longer: a process that was stopped for long must not
    /// send what another one has sent since.
    pub(crate) async fn begin_redemption(
        &self,
        account: &Account,
        token: &RefreshToken,
        unsaved: bool,
        holder: &str,
        now: UnixTime,
    ) -> Result<Doubt, StoreError> {
        let (id, generation, rotation) = (account.id.clone(), account.generation, account.rotation);
        let holder = holder.to_owned();
        let token = token.fingerprint();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let has_turn = transaction
                .prepare_cached("SELECT 1 FROM lease WHERE account = ?1 AND holder = ?2")?
                .exists([id.as_str(), &holder])?;
            if !has_turn {
                return Ok(None);
            }
            let before: Option<String> = transaction
                .query_row(
                    "SELECT token FROM redemption WHERE account = ?1 AND generation = ?2",
                    rusqlite::params![id.as_str(), generation],
                    |row| row.get(0),
                )
                .optional()?;
            if before.as_ref() == Some(&token) {
                return Ok(Some(Doubt::MaybeRotated));
            }
            if before.is_none() || !unsaved {
                transaction.execute(
                    "INSERT OR REPLACE INTO redemption (account, generation, rotation, token, since)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    rusqlite::params![id.as_str(), generation, rotation, token, now.0],
                )?;
                transaction.commit()?;
            }
            Ok(Some(Doubt::None))
        })
        .await?
        .ok_or(StoreError::Busy)
    }

    /// Notes in the entry that what came in the token's place is in the memory of this process only.
    pub(crate) async fn hold_redemption(
        &self,
        id: &AccountId,
        generation: u64,
        process: &str,
    ) -> Result<(), StoreError> {
        let (id, process) = (id.clone(), process.to_owned());
        self.run(move |connection| {
            connection.execute(
                "UPDATE redemption SET held_by = ?3 WHERE account = ?1 AND generation = ?2",
                rusqlite::params![id.as_str(), generation, process],
            )?;
            Ok(())
        })
        .await
    }

    /// Which process has the account's refresh token in its memory only; it may have ended since. `None` where none has.
    /// Whatever the keychain holds: it may have taken what it said it did not.
    pub(crate) async fn redemption_holder(&self, account: &Account) -> Result<Option<String>, StoreError> {
        let (id, generation) = (account.id.clone(), account.generation);
        self.run(move |connection| {
            let holder = connection
                .query_row(
                    "SELECT held_by FROM redemption WHERE account = ?1 AND generation = ?2",
                    rusqlite::params![id.as_str(), generation],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(holder.flatten())
        })
        .await
    }

    /// Removes the entry: what came of the token is known, and where it was `replaced`, the new one is safe.
    pub(crate) async fn end_redemption(
        &self,
        id: &AccountId,
        generation: u64,
        replaced: bool,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute(
                "DELETE FROM redemption WHERE account = ?1 AND generation = ?2",
                rusqlite::params![id.as_str(), generation],
            )?;
            if replaced {
                transaction.execute(
                    "UPDATE account SET rotation = rotation + 1 WHERE id = ?1 AND generation = ?2",
                    rusqlite::params![id.as_str(), generation],
                )?;
            }
            transaction.commit()
        })
        .await
    }

    /// The accounts whose refresh token was sent, and nobody heard what came of it.
    pub(crate) async fn open_redemptions(&self) -> Result<Vec<AccountId>, StoreError> {
        let ids = self
            .run(|connection| {
                let mut statement = connection.prepare("SELECT account FROM redemption ORDER BY since")?;
                let ids = statement.query_map([], |row| row.get::<_, String>(0))?;
                ids.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        Ok(ids.iter().filter_map(|id| AccountId::parse(id)).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;
    use crate::account::{AccountState, SignInNeed};
    use crate::testing::account;

    async fn ann() -> (tempfile::TempDir, Store, Account) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tessera.db")).await.unwrap();
        let ann = account("https://login.example", "ann", &[]);
        let ann = store.put_signed_in(ann).await.unwrap();
        (folder, store, ann)
    }

    async fn begin(store: &Store, account: &Account, token: &str, unsaved: bool) -> Doubt {
        let token = RefreshToken::new(token);
        let leased = store.take_lease(&account.id, "me", UnixTime(7), UnixTime(9));
        assert!(leased.await.unwrap());
        let begun = store.begin_redemption(account, &token, unsaved, "me", UnixTime(7));
        begun.await.unwrap()
    }

    #[tokio::test]
    async fn whoever_has_lost_the_turn_sends_nothing() {
        let (_folder, store, ann) = ann().await;
        let token = RefreshToken::new("one");
        for other in [None, Some("another")] {
            if let Some(other) = other {
                let leased = store.take_lease(&ann.id, other, UnixTime(7), UnixTime(9));
                assert!(leased.await.unwrap());
            }
            let begun = store.begin_redemption(&ann, &token, false, "me", UnixTime(7));
            assert_eq!(begun.await, Err(StoreError::Busy), "{other:?}");
            assert!(store.open_redemptions().await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_token_whose_answer_nobody_heard_is_in_doubt_until_something_is_known() {
        let (_folder, store, ann) = ann().await;
        assert_eq!(begin(&store, &ann, "one", false).await, Doubt::None);
        assert_eq!(
            store.open_redemptions().await.unwrap(),
            std::slice::from_ref(&ann.id)
        );
        assert_eq!(begin(&store, &ann, "one", false).await, Doubt::MaybeRotated);
        // The keychain holds another one by now: that one was saved.
        assert_eq!(begin(&store, &ann, "two", false).await, Doubt::None);
        assert_eq!(begin(&store, &ann, "two", false).await, Doubt::MaybeRotated);
        store.end_redemption(&ann.id, ann.generation, true).await.unwrap();
        assert!(store.open_redemptions().await.unwrap().is_empty());
        let now = store.account(&ann.id).await.unwrap().unwrap();
        assert_eq!(now.rotation, ann.rotation + 1);
        assert_eq!(begin(&store, &ann, "two", false).await, Doubt::None);
    }

    #[tokio::test]
    async fn a_token_in_memory_does_not_hide_the_one_in_the_keychain() {
        let (_folder, store, ann) = ann().await;
        begin(&store, &ann, "kept", false).await;
        assert_eq!(begin(&store, &ann, "in memory", true).await, Doubt::None);
        assert_eq!(begin(&store, &ann, "kept", false).await, Doubt::MaybeRotated);
    }

    #[tokio::test]
    async fn whoever_has_what_came_in_memory_is_named_until_another_one_is_sent() {
        let (_folder, store, ann) = ann().await;
        begin(&store, &ann, "kept", false).await;
        assert_eq!(store.redemption_holder(&ann).await.unwrap(), None);
        store
            .hold_redemption(&ann.id, ann.generation, "present-7")
            .await
            .unwrap();
        let holder = store.redemption_holder(&ann).await.unwrap();
        assert_eq!(holder.as_deref(), Some("present-7"));
        begin(&store, &ann, "in memory", true).await;
        let holder = store.redemption_holder(&ann).await.unwrap();
        assert_eq!(holder.as_deref(), Some("present-7"));
        // Its holder has died, and the one in the keychain is sent.
        begin(&store, &ann, "another", false).await;
        assert_eq!(store.redemption_holder(&ann).await.unwrap(), None);
        store
            .hold_redemption(&ann.id, ann.generation, "present-7")
            .await
            .unwrap();
        let later = store.put_signed_in(ann).await.unwrap();
        assert_eq!(store.redemption_holder(&later).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_new_sign_in_an_end_and_a_sign_out_leave_no_entry() {
        let (_folder, store, ann) = ann().await;
        begin(&store, &ann, "one", false).await;
        let ann = store.put_signed_in(ann).await.unwrap();
        assert!(store.open_redemptions().await.unwrap().is_empty());

        begin(&store, &ann, "one", false).await;
        // Late work of the sign-in before has nothing to say.
        store
            .end_redemption(&ann.id, ann.generation - 1, true)
            .await
            .unwrap();
        assert_eq!(store.open_redemptions().await.unwrap().len(), 1);
        let over = AccountState::NeedsSignIn {
            need: SignInNeed::MaybeRotated,
            reason: "It was interrupted.".to_owned(),
        };
        store
            .set_state(&ann.id, ann.generation, &over, UnixTime(9))
            .await
            .unwrap();
        assert!(store.open_redemptions().await.unwrap().is_empty());
        assert_eq!(store.account(&ann.id).await.unwrap().unwrap().state, over);

        begin(&store, &ann, "one", false).await;
        store.remove_account(&ann.id).await.unwrap();
        assert!(store.open_redemptions().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_journal_names_no_token() {
        let (folder, store, ann) = ann().await;
        begin(&store, &ann, "a-very-secret-refresh-token", false).await;
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(memchr::memmem::find(&bytes, b"a-very-secret-refresh-token").is_none());
        }
    }
}
