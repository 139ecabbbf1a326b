//! The names of the keychain's entries for attempts under way, so that what a process left behind is found again.

use tessera_oidc::UnixTime;

use super::{Store, StoreError};

/// When an attempt "was begun" that has been claimed: before all time, so that it counts as old.
const CLAIMED: i64 = i64::MIN;

impl Store {
    /// Notes that the keychain holds an attempt under `entry`, so that it can be swept if its process dies.
    pub(crate) async fn note_attempt(&self, entry: &str, now: UnixTime) -> Result<(), StoreError> {
        let entry = entry.to_owned();
        self.run(move |connection| {
            connection.execute(
                "INSERT INTO attempt (entry, created_at) VALUES (?1, ?2) ON CONFLICT (entry) DO NOTHING",
                rusqlite::params![entry, now.0],
            )?;
            Ok(())
        })
        .await
    }

    /// Whether an attempt is there that nobody has claimed.
    pub(crate) async fn has_attempt(&self, entry: &str) -> Result<bool, StoreError> {
        let entry = entry.to_owned();
        self.run(move |connection| {
            connection
                .prepare_cached("SELECT 1 FROM attempt WHERE entry = ?1 AND created_at <> ?2")?
                .exists(rusqlite::params![entry, CLAIMED])
        })
        .await
    }

    /// Claims an attempt: the one caller that gets `true` may go on with it. Its name stays noted until
    /// [`Store::forget_attempt`], so that what the keychain holds of it is found again whatever happens.
    pub(crate) async fn claim_attempt(&self, entry: &str) -> Result<bool, StoreError> {
        let entry = entry.to_owned();
        self.run(move |connection| {
            let claimed = connection.execute(
                "UPDATE attempt SET created_at = ?2 WHERE entry = ?1 AND created_at <> ?2",
                rusqlite::params![entry, CLAIMED],
            )?;
            Ok(claimed > 0)
        })
        .await
    }

    /// Forgets an attempt of which nothing is left in the keychain.
    pub(crate) async fn forget_attempt(&self, entry: &str) -> Result<(), StoreError> {
        let entry = entry.to_owned();
        self.run(move |connection| {
            connection.execute("DELETE FROM attempt WHERE entry = ?1", [entry])?;
            Ok(())
        })
        .await
    }

    /// Whether anything is noted of an attempt, claimed or not.
    pub(crate) async fn knows_attempt(&self, entry: &str) -> Result<bool, StoreError> {
        let entry = entry.to_owned();
        self.run(move |connection| {
            connection
                .prepare_cached("SELECT 1 FROM attempt WHERE entry = ?1")?
                .exists([entry])
        })
        .await
    }

    /// The attempts that were begun before `before`, and those that were claimed.
    pub(crate) async fn old_attempts(&self, before: UnixTime) -> Result<Vec<String>, StoreError> {
        self.run(move |connection| {
            let mut statement =
                connection.prepare("SELECT entry FROM attempt WHERE created_at < ?1 ORDER BY entry")?;
            let entries = statement.query_map([before.0], |row| row.get(0))?;
            entries.collect()
        })
        .await
    }
}
