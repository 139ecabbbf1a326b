//! A file that is no database any more, or a damaged one, is kept aside and a new one begun: nobody can do anything with
//! the app until then, and the keychain knows most of what was in it.

use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tessera_oidc::UnixTime;

use super::{Sharing, Store, StoreError, blocking, connect};

/// The files of a database. The log goes first: beside a new file it would be taken for that one's.
const PARTS: [&str; 3] = ["-wal", "-shm", ""];

impl Store {
    /// Opens the file as [`Store::open`] does. One that is damaged is kept aside, and a new one is made; then the name
    /// of what was kept is given back as well.
    pub(crate) async fn open_or_begin_anew(
        file: &Path,
        now: UnixTime,
    ) -> Result<(Self, Option<PathBuf>), StoreError> {
        match Self::open(file).await {
            Err(StoreError::Damaged(_)) => {}
            opened => return Ok((opened?, None)),
        }
        let path = file.to_owned();
        let kept = blocking(move || begin_anew(&path, now)).await?;
        Ok((Self::open(file).await?, kept))
    }
}

/// One process at a time: the second would put the new file aside.
fn begin_anew(file: &Path, now: UnixTime) -> Result<Option<PathBuf>, StoreError> {
    let lock = File::options()
        .create(true)
        .append(true)
        .open(with_end(file, ".lock"));
    let lock = lock.map_err(|error| unusable(&error))?;
    // Where files cannot be locked, two that come at the same moment are left to chance.
    let _ = lock.lock();
    match connect(file, Sharing::WithOthers) {
        Err(StoreError::Damaged(_)) => {}
        opened => return opened.map(|_| None),
    }
    let kept = put_aside(file, now)?;
    let connection = connect(file, Sharing::WithOthers)?;
    connection.execute("UPDATE made_anew SET damaged = 1", [])?;
    Ok(Some(kept))
}

fn put_aside(file: &Path, now: UnixTime) -> Result<PathBuf, StoreError> {
    let stamp: String = Connection::open_in_memory()?.query_row(
        "SELECT strftime('%Y%m%dT%H%M%SZ', ?1, 'unixepoch')",
        [now.0],
        |row| row.get(0),
    )?;
    let base = with_end(file, &format!(".damaged-{stamp}"));
    let mut kept = base.clone();
    let mut others = 1;
    while kept.exists() {
        others += 1;
        kept = with_end(&base, &format!("-{others}"));
    }
    for part in PARTS {
        match std::fs::rename(with_end(file, part), with_end(&kept, part)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(unusable(&error)),
            _ => {}
        }
    }
    Ok(kept)
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(end);
    name.into()
}

fn unusable(error: &std::io::Error) -> StoreError {
    StoreError::Unusable(error.to_string())
}
