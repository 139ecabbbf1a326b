//! Entries in the keychain that belong to nothing any more: of accounts that are gone, of sign-ins that nobody goes on
//! with, of trials. A process that was killed leaves them, and so does a keychain that was locked when it was asked.
//! What a sign-out still has to give back is none of these: it is taken up again where nobody knows it.

use std::collections::BTreeMap;

use crate::account::{AccountId, Storage};
use crate::client::Client;
use crate::error::Error;
use crate::sign_out::OpenSignOutId;
use crate::vault::{ACCOUNT, KINDS, REVOKE};

/// What the keychain holds of one account, by the names of the entries.
type Entries = BTreeMap<AccountId, Vec<String>>;

impl Client {
    /// Removes from the keychain what belongs to nothing that is here, and says how many entries that were. Where the
    /// store was made anew nothing is removed; what the keychain knows of accounts is brought back first. Asks the
    /// person nothing: a keychain that is locked is left as it is. For a shell that stays open, when its window is
    /// there.
    ///
    /// # Errors
    /// When the store or the keychain cannot be read; what could be removed until then is.
    pub async fn tidy_secrets(&self) -> Result<usize, Error> {
        let inner = self.inner();
        if inner.store.is_made_anew().await? {
            // It knew none of the accounts that the file before it knew: nothing here belongs to nobody.
            self.rebuild_unasked().await?;
            return Ok(0);
        }
        // Looked at before the store is: what is put there after this is not in the list.
        let Some(entries) = inner.secrets.listed().await? else {
            return Ok(0);
        };
        let mut accounts = Entries::new();
        let mut removed = 0;
        for entry in entries {
            match entry.split_once('/') {
                // What is noted is under way, or is removed by whoever sweeps up after attempts.
                Some(("attempt" | "probe", _)) if !inner.store.knows_attempt(&entry).await? => {
                    inner.secrets.delete_entry(&entry).await?;
                    removed += 1;
                }
                Some((REVOKE, id)) => {
                    if let Some(id) = OpenSignOutId::parse(id) {
                        removed += usize::from(self.tidy_open(&id).await?);
                    }
                }
                Some((kind, id)) if kind == ACCOUNT || KINDS.contains(&kind) => {
                    if let Some(id) = AccountId::parse(id) {
                        accounts.entry(id).or_default().push(entry);
                    }
                }
                _ => {}
            }
        }
        for (id, entries) in accounts {
            removed += self.tidy_account(&id, &entries).await?;
        }
        Ok(removed)
    }

    /// Removes what is left of an account that is gone, or that keeps its secrets elsewhere; of one that is there,
    /// notes that this is its keychain.
    async fn tidy_account(&self, id: &AccountId, entries: &[String]) -> Result<usize, Error> {
        let inner = self.inner();
        // A sign-in that is writing has the turn, and its account is there when it gives it back.
        let turn = self.take_turn(id).await?;
        let tidied = async {
            match inner.store.account(id).await? {
                Some(account) if account.storage == Storage::Keychain => {
                    let holds = |kind: &str| entries.iter().any(|entry| entry.starts_with(kind));
                    if holds("refresh/") || holds("access/") {
                        let mark = self.keychain_mark().await?;
                        inner.store.set_kept_in(id, Some(&mark)).await?;
                        if !holds(ACCOUNT) {
                            self.put_account(&account).await?;
                        }
                    }
                    Ok(0)
                }
                _ => {
                    for entry in entries {
                        inner.secrets.delete_entry(entry).await?;
                    }
                    Ok(entries.len())
                }
            }
        };
        let tidied = tidied.await;
        self.end_turn(turn).await;
        tidied
    }
}
