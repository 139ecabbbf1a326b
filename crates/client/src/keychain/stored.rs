//! Where each secret of an account is, how large it is, and why it is kept; never what it is.

use crate::account::{Account, AccountId, Storage};
use crate::client::Client;
use crate::error::{AccountError, Error};
use crate::vault::KINDS;

/// A secret of an account, from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Stable id: `refresh_token`, `access_token`, `dpop_key`, `client_secret` or `id_token`.
    pub what: &'static str,
    /// Where it is.
    pub place: SecretPlace,
    /// That place, as a person calls it.
    pub place_name: String,
    /// How many bytes are kept.
    pub bytes: usize,
    /// Why it is kept, as a sentence.
    pub why: &'static str,
}

/// Where a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// In the keychain.
    Keychain,
    /// In this process's memory, as the person chose.
    Memory,
    /// In this process's memory, because the keychain has not taken it yet: there is the one before it.
    Unsaved,
}

impl SecretPlace {
    /// The stable name: `keychain`, `memory` or `unsaved`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::Memory => "memory",
            Self::Unsaved => "unsaved",
        }
    }
}

impl Client {
    /// Every secret that is kept of an account. Asks the person nothing: a keychain that is locked says so.
    ///
    /// # Errors
    /// When there is no such account, or the keychain gives nothing now.
    pub async fn stored_secrets(&self, id: &AccountId) -> Result<Vec<StoredSecret>, Error> {
        let inner = self.inner();
        let stored = inner.store.account(id).await?;
        let account = stored.ok_or_else(|| AccountError::Unknown(id.to_string()))?;
        // What is not in the list need not be asked for; and asking for the list asks nobody to unlock anything.
        let listed = match account.storage {
            Storage::Keychain => inner.secrets.listed().await?,
            Storage::UntilQuit => None,
        };
        let unsaved = inner.flights.unsaved(id, account.generation);
        let mut secrets = Vec::new();
        for kind in KINDS {
            if let Some(token) = unsaved.as_ref().filter(|_| kind == "refresh") {
                secrets.push(self.stored(kind, SecretPlace::Unsaved, token.expose().len()));
                continue;
            }
            let entry = format!("{kind}/{id}");
            if listed.as_ref().is_some_and(|listed| !listed.contains(&entry)) {
                continue;
            }
            if let Some(secret) = inner.secrets.entry(kind, id, account.storage).await? {
                secrets.push(self.stored(kind, place(&account), secret.expose().len()));
            }
        }
        Ok(secrets)
    }

    fn stored(&self, kind: &str, place: SecretPlace, bytes: usize) -> StoredSecret {
        let keychain = self.inner().secrets.keychain_name();
        let (what, why) = told(kind);
        StoredSecret {
            what,
            place,
            place_name: match place {
                SecretPlace::Keychain => keychain,
                SecretPlace::Memory => "Tessera’s memory".to_owned(),
                SecretPlace::Unsaved => format!("Tessera’s memory, until {keychain} takes it"),
            },
            bytes,
            why,
        }
    }
}

fn place(account: &Account) -> SecretPlace {
    match account.storage {
        Storage::Keychain => SecretPlace::Keychain,
        Storage::UntilQuit => SecretPlace::Memory,
    }
}

/// The id of a kind of entry, and why it is kept.
fn told(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "refresh" => ("refresh_token", "Keeps you signed in: new access is had with it."),
        "access" => (
            "access_token",
            "Calls APIs for you, and is kept so that the next start needs no new one.",
        ),
        "dpop" => (
            "dpop_key",
            "Your tokens are bound to it: without it nobody can use them.",
        ),
        "client" => (
            "client_secret",
            "Came with this sign-in only, and the provider asks for it at each renewal.",
        ),
        _ => (
            "id_token",
            "Tells the provider whose session it is when you sign out in the browser.",
        ),
    }
}
