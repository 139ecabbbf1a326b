//! What is not secret, in SQLite: accounts, refresh leases, and the names of attempts under way.
//!
//! One connection per process, used off the async threads. The app and the terminal may have the same file
//! open at once: WAL and a busy timeout make that ordinary.

mod aside;
mod attempts;
mod browsers;
mod keychain;
mod layout;
mod open_sign_out;
mod redemption;
mod standing;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior, named_params};
use tessera_oidc::{ClientId, Issuer, UnixTime};

use crate::account::{Account, AccountId, AccountState, SignInNeed};
use crate::rows::{AccountRow, LISTED, WHOLE};

pub(crate) use open_sign_out::Noted;
pub(crate) use redemption::Doubt;
pub(crate) use standing::Standing;

/// Why the store did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space is left where the data folder is.
    #[error("the disk is full")]
    Full,
    /// The folder or file cannot be written or opened.
    #[error("the data folder cannot be used: {0}")]
    Unusable(String),
    /// The file is not a database, or is damaged.
    #[error("the account list is damaged: {0}")]
    Damaged(String),
    /// The file was damaged; it was kept aside, and a new one was begun.
    #[error("the account list was damaged, and is kept as {}", .0.display())]
    BegunAnew(PathBuf),
    /// A newer version of the app has changed the file's layout.
    #[error("the account list was written by a newer version (layout {found}, this version knows {known})")]
    TooNew {
        /// Layout found.
        found: i64,
        /// Newest layout known here.
        known: i64,
    },
    /// Another process held the file for too long.
    #[error("the account list is in use by another process")]
    Busy,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // The index beside the write-ahead log cannot grow, which is told as a failure to read or write.
        let index = error
            .sqlite_error()
            .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(_) if index => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            // Without a code of SQLite's own it is a row that does not read as what this version writes.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
                Self::Damaged(error.to_string())
            }
            Some(_) => Self::Unusable(error.to_string()),
        }
    }
}

/// Holders whose lease does not run out, as a pattern of SQLite's `GLOB`.
const PRESENT_HOLDERS: &str = "present-*";

/// Each step changes the layout from its index to the next.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE account (
        id TEXT PRIMARY KEY,
        provider TEXT NOT NULL,
        provider_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        client_id TEXT NOT NULL,
        name TEXT NOT NULL,
        email TEXT,
        picture_type TEXT,
        picture BLOB,
        claims TEXT NOT NULL,
        requested TEXT NOT NULL,
        granted TEXT NOT NULL,
        checks TEXT NOT NULL,
        apis TEXT NOT NULL,
        storage TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        state_since INTEGER NOT NULL,
        access_expires_at INTEGER,
        signed_in_at INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        UNIQUE (issuer, subject)
    ) STRICT;
    CREATE TABLE lease (
        account TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE attempt (
        entry TEXT PRIMARY KEY,
        created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE account ADD COLUMN need TEXT;
    ALTER TABLE account ADD COLUMN next_try_at INTEGER;
    ALTER TABLE account ADD COLUMN next_try_named INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE account ADD COLUMN renewed_at INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE account ADD COLUMN refresh_expires_at INTEGER;
    ALTER TABLE account ADD COLUMN nonce TEXT;
    ALTER TABLE account ADD COLUMN rotation INTEGER NOT NULL DEFAULT 1;
    UPDATE account SET renewed_at = signed_in_at;
    CREATE TABLE redemption (
        account TEXT PRIMARY KEY,
        generation INTEGER NOT NULL,
        rotation INTEGER NOT NULL,
        token TEXT NOT NULL,
        since INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE kept_in (
        account TEXT PRIMARY KEY,
        keychain TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE made_anew (
        since INTEGER NOT NULL
    ) STRICT;
",
    "
    ALTER TABLE made_anew ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;
",
    "
    CREATE TABLE opens_in (
        account TEXT PRIMARY KEY,
        browser TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE open_sign_out (
        id TEXT PRIMARY KEY,
        account TEXT NOT NULL,
        provider TEXT NOT NULL,
        provider_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        client_id TEXT NOT NULL,
        name TEXT NOT NULL,
        storage TEXT NOT NULL,
        holder TEXT,
        keychain TEXT,
        way TEXT NOT NULL,
        refresh INTEGER NOT NULL,
        access INTEGER NOT NULL,
        since INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        stage TEXT NOT NULL,
        code TEXT,
        reason TEXT,
        next_try_at INTEGER,
        next_try_named INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE redemption ADD COLUMN held_by TEXT;
",
];

/// What a refresh brought, as far as it is not secret.
pub(crate) struct Refreshed {
    /// When the access token expires.
    pub(crate) access_expires_at: Option<UnixTime>,
    /// When the refresh token does.
    pub(crate) refresh_expires_at: Option<UnixTime>,
    /// Whether there is a new refresh token.
    pub(crate) replaced: bool,
    /// The permissions.
    pub(crate) granted: String,
}

/// The open store.
#[derive(Clone)]
pub(crate) struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens or creates the file and brings its layout up to date. What is there can be read on a full disk, too.
    pub(crate) async fn open(file: &Path) -> Result<Self, StoreError> {
        let file = file.to_owned();
        blocking(move || {
            let connection = match connect(&file, Sharing::WithOthers) {
                Err(StoreError::Full) => connect(&file, Sharing::Alone)?,
                connected => connected?,
            };
            Ok(Self {
                connection: Arc::new(Mutex::new(connection)),
            })
        })
        .await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let connection = self.connection.clone();
        blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let done = work(&mut connection);
            done.map_err(|error| layout::too_new(&connection).unwrap_or_else(|| error.into()))
        })
        .await
    }

    /// All accounts, by name, without their claims and checks.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = self
            .run(|connection| {
                let all = format!("SELECT {LISTED} FROM account ORDER BY name COLLATE NOCASE, id");
                let mut statement = connection.prepare_cached(&all)?;
                let rows = statement.query_map([], AccountRow::read)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(AccountRow::into_account).collect()
    }

    /// Two of the accounts that this client has at this provider, or as many as there are; `signed_in`: only of those
    /// that need no new sign-in.
    pub(crate) async fn two_accounts(
        &self,
        issuer: &Issuer,
        client_id: &ClientId,
        signed_in: bool,
    ) -> Result<Vec<Account>, StoreError> {
        let (issuer, client_id) = (issuer.as_str().to_owned(), client_id.to_string());
        let rows = self
            .run(move |connection| {
                let two = format!(
                    "SELECT {WHOLE} FROM account WHERE issuer = ?1 AND client_id = ?2
                    AND NOT (?3 AND state = 'needs_sign_in') LIMIT 2"
                );
                let mut statement = connection.prepare_cached(&two)?;
                let rows = statement.query_map((issuer, client_id, signed_in), AccountRow::read)?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(AccountRow::into_account).collect()
    }

    /// One account.
    pub(crate) async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let id = id.clone();
        let row = self
            .run(move |connection| row_of(connection, id.as_str()))
            .await?;
        row.map(AccountRow::into_account).transpose()
    }

    /// Writes an account after a sign-in. Its generation becomes one more than what was there, which is what
    /// makes late work of the older sign-in void; origins allowed before stay allowed.
    pub(crate) async fn put_signed_in(&self, account: Account) -> Result<Account, StoreError> {
        let row = AccountRow::of(&account);
        let row = self
            .run(move |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let previous = row_of(&transaction, &row.id)?;
                let row = row.succeeding(previous);
                row.write(&transaction)?;
                // What an earlier sign-in left unanswered is nothing to this one.
                transaction.execute("DELETE FROM redemption WHERE account = ?1", [&row.id])?;
                transaction.commit()?;
                Ok(row)
            })
            .await?;
        row.into_account()
    }

    /// Forgets what a renewed ID token of an account would have to repeat, its nonce and the time of the sign-in: tokens
    /// of another one are about to take the place of its own, and if that is broken off, nobody can say to which of the
    /// two a renewed ID token belongs.
    pub(crate) async fn forget_moment(&self, id: &AccountId) -> Result<(), StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let without = "UPDATE account SET nonce = NULL, claims = (
                    SELECT json_group_array(json(value)) FROM json_each(claims)
                    WHERE json_extract(value, '$[0]') <> 'auth_time'
                ) WHERE id = ?1";
            connection.execute(without, [id.as_str()])?;
            Ok(())
        })
        .await
    }

    /// Notes a new state, unless the account has been signed in anew or out since `generation`. Says whether
    /// anything was written.
    pub(crate) async fn set_state(
        &self,
        id: &AccountId,
        generation: u64,
        state: &AccountState,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let (id, state) = (id.clone(), state.clone());
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let next_try = state.next_try();
            // `state_since` only moves when the state does, so that "offline since" keeps its meaning.
            let changed = transaction
                .prepare_cached(
                    "UPDATE account SET
                    state_since = CASE WHEN state = :state THEN state_since ELSE :now END,
                    state = :state, reason = :reason, need = :need, next_try_at = :next_try_at,
                    next_try_named = :next_try_named
                 WHERE id = :id AND generation = :generation
                    AND (state <> :state OR reason IS NOT :reason OR next_try_at IS NOT :next_try_at)",
                )?
                .execute(named_params! {
                    ":id": id.as_str(), ":generation": generation, ":state": state.as_str(),
                    ":reason": state.reason(), ":need": state.need().map(SignInNeed::as_str), ":now": now.0,
                    ":next_try_at": next_try.map(|next| next.at.0),
                    ":next_try_named": next_try.is_some_and(|next| next.named),
                })?;
            if state.need().is_some() {
                // Nothing hangs on what became of the token any more.
                transaction.execute(
                    "DELETE FROM redemption WHERE account = ?1 AND generation = ?2",
                    rusqlite::params![id.as_str(), generation],
                )?;
            }
            transaction.commit()?;
            Ok(changed > 0)
        })
        .await
    }

    /// Notes what a refresh brought, under the same condition as [`Store::set_state`].
    pub(crate) async fn set_refreshed(
        &self,
        id: &AccountId,
        generation: u64,
        refreshed: Refreshed,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            // A refresh token whose end is not told again keeps the one that was told, unless it was replaced.
            let changed = connection.execute(
                "UPDATE account SET access_expires_at = :expires_at, granted = :granted, reason = NULL, need = NULL,
                    next_try_at = NULL, next_try_named = 0, renewed_at = :now,
                    refresh_expires_at = CASE WHEN :replaced OR :refresh_expires_at IS NOT NULL
                        THEN :refresh_expires_at ELSE refresh_expires_at END,
                    state_since = CASE WHEN state = 'signed_in' THEN state_since ELSE :now END, state = 'signed_in'
                 WHERE id = :id AND generation = :generation",
                named_params! {
                    ":id": id.as_str(), ":generation": generation,
                    ":expires_at": refreshed.access_expires_at.map(|at| at.0),
                    ":refresh_expires_at": refreshed.refresh_expires_at.map(|at| at.0),
                    ":replaced": refreshed.replaced, ":granted": refreshed.granted, ":now": now.0,
                },
            )?;
            Ok(changed > 0)
        })
        .await
    }

    /// Stores a picture, under the same condition as [`Store::set_state`].
    pub(crate) async fn set_picture(
        &self,
        id: &AccountId,
        generation: u64,
        picture: crate::account::Picture,
    ) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let changed = connection.execute(
                "UPDATE account SET picture_type = ?3, picture = ?4 WHERE id = ?1 AND generation = ?2",
                rusqlite::params![id.as_str(), generation, picture.media_type, picture.bytes],
            )?;
            Ok(changed > 0)
        })
        .await
    }

    /// Removes an account and its lease. Says whether there was one.
    pub(crate) async fn remove_account(&self, id: &AccountId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM lease WHERE account = ?1", [id.as_str()])?;
            transaction.execute("DELETE FROM redemption WHERE account = ?1", [id.as_str()])?;
            transaction.execute("DELETE FROM kept_in WHERE account = ?1", [id.as_str()])?;
            transaction.execute("DELETE FROM opens_in WHERE account = ?1", [id.as_str()])?;
            let removed = transaction.execute("DELETE FROM account WHERE id = ?1", [id.as_str()])?;
            transaction.commit()?;
            Ok(removed > 0)
        })
        .await
    }

    /// Takes the right to refresh this account until `until`, if nobody else holds it now. One that can be asked whether
    /// it lives keeps it however late it is: a clock is set, and a computer sleeps.
    pub(crate) async fn take_lease(
        &self,
        id: &AccountId,
        holder: &str,
        now: UnixTime,
        until: UnixTime,
    ) -> Result<bool, StoreError> {
        let (id, holder) = (id.clone(), holder.to_owned());
        self.run(move |connection| {
            let taken = connection.execute(
                "INSERT INTO lease (account, holder, until) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account) DO UPDATE SET holder = ?2, until = ?3
                 WHERE lease.holder = ?2 OR (lease.until <= ?4 AND lease.holder NOT GLOB ?5)",
                rusqlite::params![id.as_str(), holder, until.0, now.0, PRESENT_HOLDERS],
            )?;
            Ok(taken > 0)
        })
        .await
    }

    /// Who holds the lease, run out or not, and until when.
    pub(crate) async fn lease_holder(&self, id: &AccountId) -> Result<Option<(String, i64)>, StoreError> {
        let id = id.clone();
        self.run(move |connection| {
            let holder = "SELECT holder, until FROM lease WHERE account = ?1";
            connection
                .query_row(holder, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .await
    }

    /// Gives the lease back, if it is still this holder's.
    pub(crate) async fn release_lease(&self, id: &AccountId, holder: &str) -> Result<(), StoreError> {
        let (id, holder) = (id.clone(), holder.to_owned());
        self.run(move |connection| {
            connection.execute(
                "DELETE FROM lease WHERE account = ?1 AND holder = ?2",
                [id.as_str(), holder.as_str()],
            )?;
            Ok(())
        })
        .await
    }
}

fn row_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<AccountRow>> {
    let one = format!("SELECT {WHOLE} FROM account WHERE id = ?1");
    let mut statement = connection.prepare_cached(&one)?;
    statement.query_row([id], AccountRow::read).optional()
}

/// Who may have the file open at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// The app and any number of commands. They share an index, for which the disk must have room.
    WithOthers,
    /// Only this process, which then has its index in memory.
    Alone,
}

fn connect(file: &Path, sharing: Sharing) -> Result<Connection, StoreError> {
    make_private_file(file)?;
    let mut connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    if sharing == Sharing::Alone {
        // Where the index is, is decided at the first look at the file (SQLite, "Use of WAL Without
        // Shared-Memory").
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A rotated token's bookkeeping must survive a power cut, not only a crash.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Deleted people are not to linger in free pages.
    connection.pragma_update(None, "secure_delete", "ON")?;
    migrate(&mut connection)?;
    // Damage anywhere is found now, not by whoever happens to read that page.
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(StoreError::Damaged(found));
    }
    layout::guard(&connection)?;
    Ok(connection)
}

/// Makes a file that only its owner may read; SQLite gives the files beside it the same rights. The folder may be
/// one that others can look into.
fn make_private_file(file: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Err(StoreError::Full),
        // One that is there keeps its rights; of what else is in the way SQLite says more.
        _ => Ok(()),
    }
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = layout::known();
    if layout::found(connection)? == known {
        // Nothing is written then: neither a full disk nor somebody else's writing is in the way.
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = layout::found(&transaction)?;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    if found == 0 {
        // What the keychain holds may be of accounts that an earlier file knew.
        transaction.execute("INSERT INTO made_anew (since) VALUES (unixepoch())", [])?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unusable(
            "the worker that reads it stopped".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests;
