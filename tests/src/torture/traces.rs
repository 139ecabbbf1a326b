//! Looking for traces of secrets after everything that is broken.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use lab::Desktop;
use lab::keyring;
use lab::processes::Process;
use lab::rig::Rig;
use lab::secrets::{Places, Secrets};
use serde_json::Value;
use tessera_client::Client;
use tessera_sandbox::Sandbox;
use tessera_sandbox::faults::{Change, Document, Fault, Rule};

/// Stands in every token that the sandbox of the torture makes: a token is found by it also where nobody lived to say
/// which one it was, as when the process is killed that had just received it.
pub(crate) const MARK: &str = "marked-by-the-torture";

/// That a search found nothing. Only a search makes one, and every line of the table takes one.
#[derive(Clone, Copy)]
pub(crate) struct Clean(());

/// Has the sandbox put the mark into its access and ID tokens; the refresh tokens have it by its options. Of an ID
/// token it is in the header, because what the claims say is no secret to the account.
pub(crate) fn mark(sandbox: &Sandbox) {
    for document in [Document::AccessToken, Document::IdTokenHeader] {
        let change = Change::Set("mark", Value::from(MARK));
        sandbox.faults().set(Rule::new(Fault::Json { document, change }));
    }
}

/// What the processes of a scene wrote on standard error, where no secret may be either.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<u8>>);

impl Notes {
    pub(crate) fn add(&self, text: impl AsRef<[u8]>) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.extend_from_slice(text.as_ref());
        notes.push(b'\n');
    }

    fn so_far(&self) -> (String, Vec<u8>) {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ("standard error".to_owned(), notes.clone())
    }
}

/// Looks for what the keyring holds, and for the mark: in the data folder, in what was written on standard error, and
/// in the arguments and the environment of all that runs and of those that `were` just killed.
///
/// # Errors
/// What was found, and where.
pub(crate) fn search(desktop: &Desktop, folder: &Path, notes: &Notes, were: Vec<Process>) -> Result<Clean> {
    let mut secrets = Secrets::default();
    secrets.add([MARK])?;
    let entries = keyring::entries(desktop)?;
    let held = entries
        .iter()
        .map(|entry| (entry.name.clone(), entry.value.clone().into_bytes()));
    let held = Places {
        texts: held.collect(),
        ..Places::default()
    };
    ensure!(
        !secrets.found(&held)?.is_empty(),
        "the keyring holds no token with the mark"
    );
    for entry in entries {
        let long = entry.secrets().into_iter().filter(|secret| secret.len() >= 16);
        secrets.add(long)?;
    }
    let mut processes = desktop.processes();
    processes.extend(were);
    secrets.hunt(&Places {
        folders: vec![folder.to_owned()],
        processes,
        texts: vec![notes.so_far()],
        ..Places::default()
    })?;
    Ok(Clean(()))
}

/// Looks for what a client was ever given to keep: in its data folder, and in what it told of what it did.
///
/// # Errors
/// What was found, and where.
pub(crate) fn search_beside(rig: &Rig, clients: &[&Client]) -> Result<Clean> {
    let mut secrets = Secrets::default();
    let entries = rig.keychain.entries.lock();
    let entries = entries.unwrap_or_else(PoisonError::into_inner);
    // What the keychain itself is known by is no secret.
    let marks: Vec<_> = entries
        .iter()
        .filter(|(name, _)| name.starts_with("keychain/"))
        .collect();
    let given = rig.keychain.given.lock();
    let given = given.unwrap_or_else(PoisonError::into_inner);
    let long = given
        .iter()
        .filter(|secret| secret.len() >= 16 && marks.iter().all(|(_, mark)| mark != secret));
    secrets.add(long.map(|secret| String::from_utf8_lossy(secret).into_owned()))?;
    let told = clients.iter().map(|client| {
        let told = format!("{:?}", client.traced());
        ("what was told".to_owned(), told.into_bytes())
    });
    secrets.hunt(&Places {
        folders: vec![rig.folder().to_owned()],
        texts: told.collect(),
        ..Places::default()
    })?;
    Ok(Clean(()))
}
