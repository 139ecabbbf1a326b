//! What renewing by oneself has to know of every account: a few columns, because it is looked at often.

use rusqlite::Row;
use tessera_oidc::UnixTime;

use super::{Store, StoreError};
use crate::account::{AccountId, NextTry, Storage};

/// An account that can be renewed.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Which.
    pub(crate) id: AccountId,
    /// Whose it is; as stored, for telling providers apart.
    pub(crate) issuer: String,
    /// Where its secrets are.
    pub(crate) storage: Storage,
    /// When its access token expires.
    pub(crate) expires_at: UnixTime,
    /// When that was given.
    pub(crate) renewed_at: UnixTime,
    /// When its provider said that it wants to be asked again.
    pub(crate) named: Option<UnixTime>,
}

impl Standing {
    /// Before when its provider does not want to be asked.
    pub(crate) fn not_before(&self, now: UnixTime) -> Option<UnixTime> {
        let at = self.named?;
        let next = NextTry { at, named: true };
        next.wait(now).map(|_| at)
    }
}

impl Store {
    /// Every account that has something to be renewed with and an access token that expires, except those that need a
    /// new sign-in.
    pub(crate) async fn renewable(&self) -> Result<Vec<Standing>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, issuer, storage, access_expires_at, renewed_at,
                    CASE WHEN next_try_named THEN next_try_at END AS not_before
                 FROM account
                 WHERE state <> 'needs_sign_in' AND rotation > 0 AND access_expires_at IS NOT NULL",
            )?;
            let rows = statement.query_map([], read)?;
            rows.filter_map(Result::transpose).collect()
        })
        .await
    }
}

/// `None` for a row whose id is none, which only the list of accounts has to speak of.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Standing>> {
    let id: String = row.get("id")?;
    let storage: String = row.get("storage")?;
    let Some(id) = AccountId::parse(&id) else {
        return Ok(None);
    };
    Ok(Some(Standing {
        id,
        issuer: row.get("issuer")?,
        storage: if storage == "until_quit" {
            Storage::UntilQuit
        } else {
            Storage::Keychain
        },
        expires_at: UnixTime(row.get("access_expires_at")?),
        renewed_at: UnixTime(row.get("renewed_at")?),
        named: row.get::<_, Option<i64>>("not_before")?.map(UnixTime),
    }))
}
