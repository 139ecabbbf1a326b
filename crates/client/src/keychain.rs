//! The keychain as a place that can be another one tomorrow: each is marked, so that what was put into one is not taken
//! for lost when another is found in its stead; and what it holds is accounted for.

mod moved;
mod rebuilt;
mod stored;
mod tidy;

use crate::account::{Account, Storage};
use crate::client::Client;
use crate::error::Error;
use crate::ports::VaultError;

pub use stored::{SecretPlace, StoredSecret};

impl Client {
    /// Whether this is the keychain that the account's secrets were put into, as far as is known. To be asked where one
    /// of them is not there: in another keychain it cannot be, and is not lost for that.
    pub(crate) async fn is_in_this_keychain(&self, account: &Account) -> Result<(), Error> {
        let inner = self.inner();
        match inner.store.kept_in(&account.id).await? {
            Some(mark) if inner.secrets.mark().await?.as_ref() != Some(&mark) => {
                Err(VaultError::Replaced.into())
            }
            _ => Ok(()),
        }
    }

    /// Notes in which keychain an account's secrets now are, and keeps there what it takes to bring the account back.
    /// What cannot be noted is not known, which is no reason to do without the account.
    pub(crate) async fn note_keychain(&self, account: &Account) {
        let inner = self.inner();
        let noted = async {
            let mark = match account.storage {
                Storage::Keychain => Some(self.keychain_mark().await),
                Storage::UntilQuit => None,
            };
            let mark = mark.transpose();
            let known = mark.as_ref().ok().and_then(Option::as_deref);
            inner.store.set_kept_in(&account.id, known).await?;
            if mark?.is_some() {
                self.put_account(account).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = noted.await {
            tracing::warn!(
                code = error.code(),
                "it could not be noted which keychain this is"
            );
        }
    }

    /// The mark of this keychain, which is given one where it has none.
    pub(crate) async fn keychain_mark(&self) -> Result<String, Error> {
        let inner = self.inner();
        if let Some(mark) = inner.secrets.mark().await? {
            return Ok(mark);
        }
        let mut random = [0; 16];
        inner.ports.entropy.fill(&mut random);
        let mark = format!("{:032x}", u128::from_be_bytes(random));
        inner.secrets.put_mark(&mark).await?;
        Ok(mark)
    }
}
