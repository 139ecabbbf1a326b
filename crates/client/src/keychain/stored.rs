//! Where each secret is, how large it is, and why it is kept; never what it is. So is what lies beside them in the
//! keychain and is no secret: whoever looks there finds nothing that is not told here.

use crate::account::{AccountId, Storage};
use crate::client::Client;
use crate::error::{AccountError, Error};
use crate::sign_out::OpenSignOut;
use crate::vault::{ACCOUNT, ATTEMPT, KINDS, MARK, PROBE, REVOKE};

/// What is kept, from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Stable id. Of an account: `refresh_token`, `access_token`, `dpop_key`, `client_secret`, `id_token` or `account`.
    /// Of none: `open_sign_out`, `attempt`, `keychain_mark`, `probe`, `leftover` or
    /// `unknown`.
    pub what: &'static str,
    /// Whose it is, as a person knows it, where it is of somebody who is signed out.
    pub of: Option<String>,
    /// Where it is.
    pub place: SecretPlace,
    /// That place, as a person calls it.
    pub place_name: String,
    /// How many bytes are kept; `None` where the keychain does not say now.
    pub bytes: Option<usize>,
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
    /// Everything that is kept of an account. Asks the person nothing: a keychain that is locked says so.
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
        for kind in KINDS.into_iter().chain([ACCOUNT]) {
            if let Some(token) = unsaved.as_ref().filter(|_| kind == "refresh") {
                let bytes = Some(token.expose().len());
                secrets.push(self.stored(kind, SecretPlace::Unsaved, bytes));
                continue;
            }
            let entry = format!("{kind}/{id}");
            if listed.as_ref().is_some_and(|listed| !listed.contains(&entry)) {
                continue;
            }
            if let Some(secret) = inner.secrets.entry(kind, id, account.storage).await? {
                let bytes = Some(secret.expose().len());
                secrets.push(self.stored(kind, place(account.storage), bytes));
            }
        }
        Ok(secrets)
    }

    /// Everything that is kept and is of no account that is signed in: sign-outs that are not finished first. Asks the
    /// person nothing; while the keychain tells nothing, what the store knows of it is still told.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn stored_beside_accounts(&self) -> Result<Vec<StoredSecret>, Error> {
        let inner = self.inner();
        let listed = inner.secrets.listed().await;
        let open = self.open_sign_outs().await?;
        let accounts = inner.store.accounts().await?;
        let mut stored = Vec::new();
        for open in &open {
            stored.extend(self.stored_of_sign_out(open, &listed).await);
        }
        // Its order is the keychain's own, which may change from one look to the next.
        let mut names = listed.ok().flatten().unwrap_or_default();
        names.sort();
        for name in names {
            let (kind, id) = name.split_once('/').unwrap_or((name.as_str(), ""));
            // What is told elsewhere: with its account, or as a sign-out above.
            let is_told = match kind {
                REVOKE => open
                    .iter()
                    .any(|open| open.id.as_str() == id && open.storage == Storage::Keychain),
                kind if of_an_account(kind) => accounts
                    .iter()
                    .any(|account| account.id.as_str() == id && account.storage == Storage::Keychain),
                _ => false,
            };
            if !is_told {
                // Whoever is to be asked first, or what has gone meanwhile, has no size.
                let bytes = match inner.secrets.any_entry(&name).await {
                    Ok(None) => continue,
                    Ok(Some(secret)) => Some(secret.expose().len()),
                    Err(_) => None,
                };
                let kind = match kind {
                    REVOKE | ATTEMPT | PROBE => kind,
                    _ if name == MARK => MARK,
                    _ if of_an_account(kind) && AccountId::parse(id).is_some() => LEFTOVER,
                    _ => UNKNOWN,
                };
                stored.push(self.stored(kind, SecretPlace::Keychain, bytes));
            }
        }
        Ok(stored)
    }

    /// What a sign-out still has to give back; `None` where it has nothing any more, or another process has it.
    async fn stored_of_sign_out(
        &self,
        open: &OpenSignOut,
        listed: &Result<Option<Vec<String>>, crate::ports::VaultError>,
    ) -> Option<StoredSecret> {
        let entry = format!("{REVOKE}/{}", open.id);
        let bytes = match (open.storage, listed) {
            (Storage::Keychain, Err(_)) => None,
            (Storage::Keychain, Ok(Some(listed))) if !listed.contains(&entry) => return None,
            _ => match self.inner().secrets.to_revoke(&open.id, open.storage).await {
                Ok(secret) => Some(secret?.expose().len()),
                Err(_) => None,
            },
        };
        Some(StoredSecret {
            of: Some(format!("{}, {}", open.name, open.provider_name)),
            ..self.stored(REVOKE, place(open.storage), bytes)
        })
    }

    fn stored(&self, kind: &str, place: SecretPlace, bytes: Option<usize>) -> StoredSecret {
        let keychain = self.inner().secrets.keychain_name();
        let (what, why) = told(kind);
        StoredSecret {
            what,
            of: None,
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

/// What stands here for an entry of an account that is gone, and for one that this version knows nothing of.
const LEFTOVER: &str = "leftover";
const UNKNOWN: &str = "unknown";

fn of_an_account(kind: &str) -> bool {
    kind == ACCOUNT || KINDS.contains(&kind)
}

fn place(storage: Storage) -> SecretPlace {
    match storage {
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
        "id_token" => (
            "id_token",
            "Tells the provider whose session it is when you sign out in the browser.",
        ),
        ACCOUNT => (
            "account",
            "No secret: who you are and what you allowed, so that the account comes back if Tessera’s list of accounts is damaged.",
        ),
        REVOKE => (
            "open_sign_out",
            "Ends Tessera’s access at the provider as soon as that can be reached, and is used for nothing else.",
        ),
        ATTEMPT => (
            "attempt",
            "Ends a sign-in that is under way, also when Tessera is closed meanwhile; deleted after ten minutes at most.",
        ),
        MARK => (
            "keychain_mark",
            "No secret: a made-up name of this keychain, so that another one is not taken for it.",
        ),
        PROBE => (
            "probe",
            "No secret: shows that your keychain takes one, and is deleted at once.",
        ),
        UNKNOWN => (
            UNKNOWN,
            "Was put there by another version of Tessera; this one leaves it alone.",
        ),
        _ => (
            LEFTOVER,
            "Belongs to nobody who is signed in here any more; Tessera deletes it when it is opened the next time.",
        ),
    }
}
