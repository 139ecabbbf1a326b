//! What is this person's own: the data folder, providers.toml, the keychain.

use std::future::Future;

use super::{Finding, Repair};
use crate::client::Client;
use crate::error::Error;
use crate::ports::{SecretBytes, SecretService, VaultError};

/// Bytes of the secret that the keychain is tried with: as large as refresh tokens of any provider get.
const LARGE_SECRET: usize = 20_000;

/// What is done about a keychain that is locked.
pub(super) fn unlock(problem: &Error) -> Option<Repair> {
    matches!(problem, Error::Vault(VaultError::Locked)).then_some(Repair::UnlockKeychain)
}

impl Client {
    /// Writes something and takes it away again, and counts the accounts.
    pub(super) async fn try_folder(&self) -> Result<String, Error> {
        let (store, entry) = (&self.inner().store, self.probe("probe/"));
        store.note_attempt(&entry, self.now()).await?;
        store.claim_attempt(&entry).await?;
        store.forget_attempt(&entry).await?;
        let folder = self.inner().config.data_folder.display();
        Ok(match store.accounts().await?.len() {
            1 => format!("{folder} can be used; 1 account is in it."),
            count => format!("{folder} can be used; {count} accounts are in it."),
        })
    }

    pub(super) fn providers_file_finding(&self) -> Finding {
        let problem = self.providers_problem();
        Finding::of(
            "providers",
            problem.map_or_else(|| Ok(self.ready_providers_told()), Err),
        )
    }

    fn ready_providers_told(&self) -> String {
        match self.ready_providers().len() {
            0 => "No provider is set up yet; one can be named by its address and a client id.".to_owned(),
            1 => "1 provider is ready to sign in with.".to_owned(),
            ready => format!("{ready} providers are ready to sign in with."),
        }
    }

    /// Puts a large secret into the keychain, reads it and takes it away. One that is locked is told as such, and the
    /// person not asked: they came to look.
    pub(super) async fn try_keychain(
        &self,
        bus: impl Future<Output = Result<Option<SecretService>, Error>>,
    ) -> Result<String, Error> {
        if let Ok(Some(SecretService::Locked)) = bus.await {
            return Err(VaultError::Locked.into());
        }
        // Goes on when nobody waits any more, so that nothing is left behind.
        let client = self.clone();
        let using = self
            .inner()
            .tidying
            .spawn(async move { client.use_keychain().await });
        using.await.unwrap_or(Err(Error::Stopped))?;
        let keychain = self.inner().ports.keychain.describe();
        Ok(format!(
            "A large secret was kept, returned and deleted by {keychain}."
        ))
    }

    pub(super) async fn use_keychain(&self) -> Result<(), Error> {
        let keychain = &self.inner().ports.keychain;
        let mut secret = vec![0; LARGE_SECRET];
        self.inner().ports.entropy.fill(&mut secret);
        let secret = SecretBytes::new(secret);
        let entry = self.probe("probe/");
        if let Err(error) = keychain.put(&entry, secret.clone()).await {
            // One that failed in the middle left a part; one that nobody let in left nothing, and asks no second time.
            if matches!(
                error,
                VaultError::Full(_) | VaultError::TooSmall { .. } | VaultError::Failed(_)
            ) {
                let _ = keychain.delete(&entry).await;
            }
            return Err(error.into());
        }
        let read = keychain.get(&entry).await;
        keychain.delete(&entry).await?;
        if read? == Some(secret) {
            Ok(())
        } else {
            Err(VaultError::Damaged.into())
        }
    }

    /// A name that nothing has.
    pub(super) fn probe(&self, prefix: &str) -> String {
        let mut name = [0; 16];
        self.inner().ports.entropy.fill(&mut name);
        format!("{prefix}{:032x}", u128::from_be_bytes(name))
    }
}
