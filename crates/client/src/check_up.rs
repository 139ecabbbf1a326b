//! A look at everything a sign-in needs on this computer, before anyone is sent to a browser.

use crate::client::Client;
use crate::error::Error;
use crate::ports::{LoopbackBind, SecretBytes, VaultError};
use crate::provider::LoopbackSettings;

/// Bytes of the secret that the keychain is tried with: as large as refresh tokens of any provider get.
const LARGE_SECRET: usize = 20_000;

/// One thing that was tried.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Stable id: `data_folder`, `providers`, `keychain`, `loopback`.
    pub check: &'static str,
    /// What was found, as a sentence.
    pub sentence: String,
    /// What is wrong, if anything is.
    pub problem: Option<Error>,
}

impl Client {
    /// Tries, for real, what a sign-in needs here. No network is touched.
    pub async fn check_up(&self) -> Vec<Finding> {
        let (store, keychain, loopback) =
            tokio::join!(self.try_folder(), self.try_keychain(), self.try_loopback());
        let folder = self.inner().config.data_folder.display();
        vec![
            finding(
                "data_folder",
                store.map(|accounts| match accounts {
                    1 => format!("{folder} can be used; 1 account is in it."),
                    count => format!("{folder} can be used; {count} accounts are in it."),
                }),
            ),
            finding(
                "providers",
                self.providers_problem()
                    .map_or_else(|| Ok(self.ready_providers()), Err),
            ),
            finding(
                "keychain",
                keychain.map(|()| {
                    format!(
                        "{} keeps, returns and deletes a large secret.",
                        self.inner().ports.keychain.describe()
                    )
                }),
            ),
            finding(
                "loopback",
                loopback
                    .map(|port| format!("A place to wait for the browser was opened at 127.0.0.1:{port}.")),
            ),
        ]
    }

    fn ready_providers(&self) -> String {
        let ready = self
            .providers()
            .iter()
            .filter(|provider| self.readiness(provider).is_none())
            .count();
        match ready {
            0 => "No provider has a client id yet; one can be named by issuer address.".to_owned(),
            1 => "1 provider is ready to sign in with.".to_owned(),
            ready => format!("{ready} providers are ready to sign in with."),
        }
    }

    /// A name that nothing has.
    fn probe(&self) -> String {
        let mut name = [0; 8];
        self.inner().ports.entropy.fill(&mut name);
        format!("probe/{:016x}", u64::from_be_bytes(name))
    }

    /// Writes something and takes it away again, and counts the accounts.
    async fn try_folder(&self) -> Result<usize, Error> {
        let (store, entry) = (&self.inner().store, self.probe());
        store.note_attempt(&entry, self.now()).await?;
        store.claim_attempt(&entry).await?;
        Ok(store.accounts().await?.len())
    }

    async fn try_keychain(&self) -> Result<(), Error> {
        let keychain = &self.inner().ports.keychain;
        let mut secret = vec![0; LARGE_SECRET];
        self.inner().ports.entropy.fill(&mut secret);
        let secret = SecretBytes::new(secret);
        let entry = self.probe();
        keychain.put(&entry, secret.clone()).await?;
        let read = keychain.get(&entry).await;
        keychain.delete(&entry).await?;
        if read? == Some(secret) {
            Ok(())
        } else {
            Err(VaultError::Damaged.into())
        }
    }

    async fn try_loopback(&self) -> Result<u16, Error> {
        let usual = LoopbackSettings::default();
        let bind = LoopbackBind {
            host: usual.host,
            ports: usual.ports,
            path: usual.path,
        };
        Ok(self.inner().ports.loopback.bind(bind).await?.address().port())
    }
}

fn finding(check: &'static str, found: Result<String, Error>) -> Finding {
    match found {
        Ok(sentence) => Finding {
            check,
            sentence,
            problem: None,
        },
        Err(problem) => Finding {
            check,
            sentence: problem.message(),
            problem: Some(problem),
        },
    }
}
