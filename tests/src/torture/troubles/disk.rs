//! The disk, and the store on it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use lab::full_disk::FullDisk;
use lab::keyring;
use rusqlite::Connection;

use super::{Row, Seen, Table, told};
use crate::resident::Resident;
use crate::scene::Scene;
use crate::sends::{Sends, is_renewal};

/// A layout that no version of today knows.
const NEWER: i64 = 9_999;

pub(super) async fn without_room(scene: &Scene<'_>, disk: &FullDisk<'_>, table: &mut Table) -> Result<()> {
    let sent = scene.sent();
    disk.fill()?;
    let meanwhile = format!("{}, {} sent", scene.seen().await?, scene.sent() - sent);
    disk.make_room()?;
    let seen = after(scene, disk, meanwhile).await?;
    table.add(Row::new(
        "disk",
        "it is full",
        "disk_full, signed_in, 0 sent -> well, signed_in",
        seen,
    ));
    let sent = scene.sent();
    // SQLite reads from such a disk only where the last process has left its log and the index of it there.
    let copy = tempfile::tempdir()?;
    disk.copy_to(copy.path())?;
    let has_log = copy.path().join("tessera.db-wal").exists();
    disk.set_read_only(true)?;
    let meanwhile = told(&scene.renew().await?)?;
    let listed = match told(&scene.terminal.run(&["accounts", "--json"]).await?)?.as_str() {
        "well" if has_log => "listed if it has a log".to_owned(),
        "store_unusable" if !has_log => "listed if it has a log".to_owned(),
        other => format!("{other} (log: {has_log})"),
    };
    disk.set_read_only(false)?;
    let meanwhile = format!("{meanwhile}, {listed}, {} sent", scene.sent() - sent);
    let seen = after(scene, disk, meanwhile).await?;
    table.add(Row::new(
        "disk",
        "it can only be read",
        "store_unusable, listed if it has a log, 0 sent -> well, signed_in",
        seen,
    ));
    Ok(())
}

/// What is seen when all is well again. What is on the disk is searched in a copy: nobody else sees the disk itself.
async fn after(scene: &Scene<'_>, disk: &FullDisk<'_>, meanwhile: String) -> Result<Seen> {
    let seen = format!("{meanwhile} -> {}", scene.seen().await?);
    let copy = tempfile::tempdir()?;
    disk.copy_to(copy.path())?;
    let clean = scene.search_in(copy.path(), Vec::new());
    Ok((seen.clone(), clean.context(seen)?))
}

pub(super) async fn store(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let was = scene.account().await?;
    let file = scene.store();
    // All of it is in this one file then: what is in the log beside it would make the damage good.
    Connection::open(&file)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let length = std::fs::metadata(&file)?.len();
    std::fs::write(&file, vec![0x55; usize::try_from(length)?])?;
    let meanwhile = scene.seen().await?;
    let aside: BTreeSet<String> = std::fs::read_dir(scene.desktop.tessera())?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name.contains("damaged"))
        .collect();
    ensure!(!aside.is_empty(), "the damaged store was not kept");
    table.add(Row::new(
        "disk",
        "the store is overwritten",
        "well, signed_in -> well, signed_in",
        scene.after(meanwhile).await?,
    ));
    let is = scene.account().await?;
    for name in ["id", "name", "email", "issuer"] {
        ensure!(was[name] == is[name], "{name}: {was} and {is}");
    }
    Ok(())
}

/// A newer version's hold on the store: it has changed the layout, and sees whether somebody else writes.
struct Newer {
    store: Connection,
    before: i64,
    writes: i64,
}

impl Newer {
    /// Changes the layout, as a newer version does at its start.
    fn comes(scene: &Scene<'_>) -> Result<Self> {
        let store = Connection::open(scene.store())?;
        let before = store.pragma_query_value(None, "user_version", |row| row.get(0))?;
        store.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             ALTER TABLE account ADD COLUMN newer TEXT NOT NULL DEFAULT 'not known before';
             PRAGMA user_version = {NEWER};
             COMMIT;"
        ))?;
        let writes = writes(&store)?;
        Ok(Self {
            store,
            before,
            writes,
        })
    }

    /// How the store was left by everybody else.
    fn told(&self) -> Result<&'static str> {
        let found: i64 = self
            .store
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        ensure!(found == NEWER, "the older version put layout {found} back");
        Ok(if writes(&self.store)? == self.writes {
            "nothing written"
        } else {
            "written to"
        })
    }

    /// Puts back what the version that is tried can read: it stands for the newer one that goes on.
    fn goes(self) -> Result<()> {
        Ok(self.store.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             ALTER TABLE account DROP COLUMN newer;
             PRAGMA user_version = {};
             COMMIT;",
            self.before
        ))?)
    }
}

/// Changes when another connection than this one has written.
fn writes(store: &Connection) -> Result<i64> {
    Ok(store.pragma_query_value(None, "data_version", |row| row.get(0))?)
}

/// Two versions of the app on one store, at a provider that forgives nothing.
pub(super) async fn two_versions(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let newer = Newer::comes(scene)?;
    let meanwhile = format!("{}, {}", told(&scene.renew().await?)?, newer.told()?);
    newer.goes()?;
    table.add(Row::new(
        "disk",
        "a newer version of the app has been at the store",
        "store_too_new, nothing written -> well, signed_in",
        scene.after(meanwhile).await?,
    ));

    let mut older = Resident::start(scene.desktop).await?;
    let (kept, sent) = (keyring::entries(scene.desktop)?, scene.sent());
    let newer = Newer::comes(scene)?;
    let meanwhile = older.asked("token").await?;
    let meanwhile = format!("{meanwhile}, {}", older.asked("accounts").await?);
    let meanwhile = format!("{meanwhile}, {} sent, {}", scene.sent() - sent, newer.told()?);
    ensure!(
        kept == keyring::entries(scene.desktop)?,
        "the older version changed the keyring"
    );
    newer.goes()?;
    older.end(scene).await?;
    table.add(Row::new(
        "disk",
        "a newer version comes to the store that this one has open",
        "store_too_new, signed_in, 1 listed, 0 sent, nothing written -> well, signed_in",
        scene.after(meanwhile).await?,
    ));

    let mut older = Resident::start(scene.desktop).await?;
    scene.sandbox.log().clear();
    let held = scene.hold_answers();
    older.ask("token").await?;
    scene.sandbox.log().wait_for(is_renewal).await?;
    let newer = Newer::comes(scene)?;
    scene.sandbox.faults().remove(held);
    let meanwhile = format!("{}, {}", older.answer().await?, newer.told()?);
    newer.goes()?;
    // The newer one goes on while the older one is still there.
    let seen = scene.after(meanwhile).await?;
    // What the older one had been given was kept: nobody sends what it had sent.
    Sends::default().judge(&scene.sandbox.log().entries(), &[])?;
    older.end(scene).await?;
    table.add(Row::new(
        "disk",
        "the same while a renewal is under way",
        "well, signed_in, nothing written -> well, signed_in",
        seen,
    ));
    Ok(())
}
