//! The layout of the file while it is open. A newer version of the app may change it at any moment, and does not know
//! that an older one still runs. The older one then writes nothing more: it cannot know what its words mean there.
//!
//! Whoever looks at the layout first and writes afterwards can be overtaken in between. So SQLite looks, within each
//! write, by triggers that only this connection has.

use rusqlite::Connection;

use super::{MIGRATIONS, StoreError};

/// The layout that this version knows.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The layout of the file now.
pub(super) fn found(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Has every write of this connection refused as soon as the layout is another one.
pub(super) fn guard(connection: &Connection) -> rusqlite::Result<()> {
    // The triggers are nowhere on the disk, which may be full.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let tables = {
        let mut named = connection.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'")?;
        let tables = named.query_map([], |row| row.get::<_, String>(0))?;
        tables.collect::<rusqlite::Result<Vec<_>>>()?
    };
    let known = known();
    for table in tables.iter().filter(|table| !table.starts_with("sqlite_")) {
        for write in ["INSERT", "UPDATE", "DELETE"] {
            connection.execute_batch(&format!(
                "CREATE TEMP TRIGGER {table}_{write} BEFORE {write} ON main.{table}
                 WHEN (SELECT user_version FROM pragma_user_version) <> {known}
                 BEGIN SELECT RAISE(ABORT, 'the layout is another one'); END"
            ))?;
        }
    }
    Ok(())
}

/// Why something failed, if it is that a newer version has changed the layout: whatever else SQLite says then comes of
/// that.
pub(super) fn too_new(connection: &Connection) -> Option<StoreError> {
    let (found, known) = (found(connection).ok()?, known());
    (found > known).then_some(StoreError::TooNew { found, known })
}
