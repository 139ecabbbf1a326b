//! What the store knows of the keychain beside it: which one holds an account's secrets, and whether the store itself
//! is younger than what the keychain holds.

use rusqlite::OptionalExtension as _;

use super::{Store, StoreError};
use crate::account::{AccountId, Storage};
use crate::rows::storage_name;

impl Store {
    /// The mark of the keychain that an account's secrets were put into, where it is known.
    pub(crate) async fn kept_in(&self, id: &AccountId) -> Result<Option<String>, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let keychain = "SELECT keychain FROM kept_in WHERE account = ?1";
            connection
                .query_row(keychain, [id.as_str()], |row| row.get(0))
                .optional()
        })
        .await
    }

    /// Notes which keychain holds an account's secrets; `None` when none does, or it is not known which.
    pub(crate) async fn set_kept_in(&self, id: &AccountId, mark: Option<&str>) -> Result<(), StoreError> {
        let (id, mark) = (id.clone(), mark.map(str::to_owned));
        self.run(move |connection| {
            match mark {
                Some(mark) => connection.execute(
                    "INSERT OR REPLACE INTO kept_in (account, keychain) VALUES (?1, ?2)",
                    [id.as_str(), &mark],
                ),
                None => connection.execute("DELETE FROM kept_in WHERE account = ?1", [id.as_str()]),
            }?;
            Ok(())
        })
        .await
    }

    /// Notes where an account's secrets are, unless it has been signed in anew or out since `generation`. Says whether
    /// anything was written.
    pub(crate) async fn set_storage(
        &self,
        id: &AccountId,
        generation: u64,
        storage: Storage,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let changed = connection.execute(
                "UPDATE account SET storage = ?3 WHERE id = ?1 AND generation = ?2",
                rusqlite::params![id.as_str(), generation, storage_name(storage)],
            )?;
            Ok(changed > 0)
        })
        .await
    }

    /// Whether the file was made anew, and the keychain has not been looked through since.
    pub(crate) async fn is_made_anew(&self) -> Result<bool, StoreError> {
        self.run(|connection| connection.prepare_cached("SELECT 1 FROM made_anew")?.exists([]))
            .await
    }

    /// The same, for a file that took the place of a damaged one: there were accounts, most likely.
    pub(crate) async fn has_lost_accounts(&self) -> Result<bool, StoreError> {
        self.run(|connection| {
            connection
                .prepare_cached("SELECT 1 FROM made_anew WHERE damaged = 1")?
                .exists([])
        })
        .await
    }

    /// The keychain has been looked through.
    pub(crate) async fn set_looked_through(&self) -> Result<(), StoreError> {
        self.run(|connection| connection.execute("DELETE FROM made_anew", []).map(drop))
            .await
    }
}
