//! What outlives a restart: ports, keys, sessions, grants and the fingerprints of tokens, in one JSON file that
//! only its owner can read. It is written whole beside the old one and then put in its place, so that there is
//! always a complete one. No token is in it, only fingerprints.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};

use crate::clients::Dialect;
use crate::keys::{KeyError, KeyRing, SigningKey};
use crate::records::{AccessToken, Consent, Grant, Records, RefreshToken, Session};
use crate::scopes::Scopes;
use crate::secret::Fingerprint;
use crate::world::World;

/// The state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder or the file in it cannot be made, read or written.
    #[error("the state file {path} cannot be used: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// In the system's words.
        reason: std::io::Error,
    },
    /// Another sandbox works with the same folder.
    #[error("another sandbox is using the state folder {0}")]
    InUse(PathBuf),
    /// The file is not one that this program wrote.
    #[error("the state file {0} is damaged; remove it to start afresh")]
    Damaged(PathBuf),
}

/// The file in the state folder.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    /// Keeps other sandboxes out for as long as this one runs. Also lets one writer in at a time: each takes its
    /// own picture of the records, so the last one on disk is the newest.
    claim: Mutex<Option<File>>,
}

/// What was read.
pub(crate) struct Restored {
    pub(crate) port: u16,
    pub(crate) api_port: u16,
    pub(crate) keys: KeyRing,
    pub(crate) google_keys: Option<KeyRing>,
    pub(crate) records: Records,
}

const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct FileRow {
    format: u32,
    port: u16,
    api_port: u16,
    keys: Vec<KeyRow>,
    google_keys: Vec<KeyRow>,
    sessions: Vec<SessionRow>,
    consents: Vec<ConsentRow>,
    grants: HashMap<String, GrantRow>,
    refresh_tokens: HashMap<String, RefreshTokenRow>,
    access_tokens: HashMap<String, AccessTokenRow>,
}

#[derive(Serialize, Deserialize)]
struct KeyRow {
    id: String,
    pkcs8: String,
}

#[derive(Serialize, Deserialize)]
struct SessionRow {
    fingerprint: String,
    dialect: String,
    subject: String,
    auth_time: i64,
    #[serde(default)]
    second_step: bool,
    expires: i64,
}

#[derive(Serialize, Deserialize)]
struct ConsentRow {
    dialect: String,
    subject: String,
    client: String,
    scopes: String,
}

#[derive(Serialize, Deserialize)]
struct GrantRow {
    dialect: String,
    client: String,
    subject: String,
    scopes: String,
    auth_time: i64,
    #[serde(default)]
    second_step: bool,
    created: i64,
    by_device: bool,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    revoked: bool,
}

#[derive(Serialize, Deserialize)]
struct RefreshTokenRow {
    grant: String,
    expires: i64,
    used: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct AccessTokenRow {
    grant: String,
    scopes: String,
    expires: Option<i64>,
    jti: Option<String>,
}

impl StateFile {
    /// Opens the folder, making it if need be, and reads what is there.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Option<Restored>), StateError> {
        let path = folder.join("sandbox.json");
        let failed = |reason| StateError::Io {
            path: path.clone(),
            reason,
        };
        make_private_folder(folder).map_err(failed)?;
        let claim = File::create(folder.join("sandbox.lock")).map_err(failed)?;
        claim.try_lock().map_err(|refused| match refused {
            TryLockError::WouldBlock => StateError::InUse(folder.to_owned()),
            TryLockError::Error(reason) => failed(reason),
        })?;
        let restored = match std::fs::read(&path) {
            Ok(bytes) => Some(
                serde_json::from_slice::<FileRow>(&bytes)
                    .ok()
                    .filter(|row| row.format == FORMAT)
                    .and_then(|row| Restored::try_from(row).ok())
                    .ok_or_else(|| StateError::Damaged(path.clone()))?,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let file = Self {
            path,
            claim: Mutex::new(Some(claim)),
        };
        Ok((file, restored))
    }

    /// Waits for whoever is writing, and lets other sandboxes use the folder. Nothing is written from then on.
    pub(crate) fn close(&self) {
        self.claim().take();
    }

    fn claim(&self) -> MutexGuard<'_, Option<File>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes everything, unless the file is closed. Blocks on the disk.
    pub(crate) fn write(&self, world: &World, port: u16, api_port: u16) -> Result<(), StateError> {
        let claim = self.claim();
        if claim.is_none() {
            return Ok(());
        }
        let failed = |reason| StateError::Io {
            path: self.path.clone(),
            reason,
        };
        let row = picture(world, port, api_port);
        let bytes = serde_json::to_vec_pretty(&row).map_err(|error| failed(error.into()))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        // Temporary files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

fn picture(world: &World, port: u16, api_port: u16) -> FileRow {
    let keys = world.keys().all().map(KeyRow::from).collect();
    let google_keys = world
        .google_keys()
        .map(|ring| ring.all().map(KeyRow::from).collect())
        .unwrap_or_default();
    let records = world.records();
    FileRow {
        format: FORMAT,
        port,
        api_port,
        keys,
        google_keys,
        sessions: records
            .sessions
            .iter()
            .map(|(fingerprint, session)| SessionRow {
                fingerprint: fingerprint.to_hex(),
                dialect: session.dialect.name().to_owned(),
                subject: session.subject.clone(),
                auth_time: session.auth_time,
                second_step: session.second_step,
                expires: session.expires,
            })
            .collect(),
        consents: records
            .consents
            .iter()
            .map(|(consent, scopes)| ConsentRow {
                dialect: consent.dialect.name().to_owned(),
                subject: consent.subject.clone(),
                client: consent.client.clone(),
                scopes: scopes.to_string(),
            })
            .collect(),
        grants: records
            .grants
            .iter()
            .map(|(id, grant)| {
                let row = GrantRow {
                    dialect: grant.dialect.name().to_owned(),
                    client: grant.client.clone(),
                    subject: grant.subject.clone(),
                    scopes: grant.scopes.to_string(),
                    auth_time: grant.auth_time,
                    second_step: grant.second_step,
                    created: grant.created,
                    by_device: grant.by_device,
                    key: grant.key.clone(),
                    nonce: grant.nonce.clone(),
                    revoked: grant.revoked,
                };
                (id.clone(), row)
            })
            .collect(),
        refresh_tokens: records
            .refresh_tokens
            .iter()
            .map(|(fingerprint, token)| {
                let row = RefreshTokenRow {
                    grant: token.grant.clone(),
                    expires: token.expires,
                    used: token.used,
                };
                (fingerprint.to_hex(), row)
            })
            .collect(),
        access_tokens: records
            .access_tokens
            .iter()
            .map(|(fingerprint, token)| {
                let row = AccessTokenRow {
                    grant: token.grant.clone(),
                    scopes: token.scopes.to_string(),
                    expires: token.expires,
                    jti: token.jti.clone(),
                };
                (fingerprint.to_hex(), row)
            })
            .collect(),
    }
}

impl From<&SigningKey> for KeyRow {
    fn from(key: &SigningKey) -> Self {
        Self {
            id: key.id.clone(),
            pkcs8: STANDARD.encode(&key.pkcs8),
        }
    }
}

/// A row does not mean anything.
struct Meaningless;

impl From<KeyError> for Meaningless {
    fn from(_: KeyError) -> Self {
        Self
    }
}

impl TryFrom<FileRow> for Restored {
    type Error = Meaningless;

    fn try_from(row: FileRow) -> Result<Self, Meaningless> {
        let mut records = Records::default();
        for session in row.sessions {
            records.sessions.insert(
                fingerprint(&session.fingerprint)?,
                Session {
                    dialect: dialect(&session.dialect)?,
                    subject: session.subject,
                    auth_time: session.auth_time,
                    second_step: session.second_step,
                    expires: session.expires,
                },
            );
        }
        for consent in row.consents {
            records.consents.insert(
                Consent {
                    dialect: dialect(&consent.dialect)?,
                    subject: consent.subject,
                    client: consent.client,
                },
                Scopes::parse(&consent.scopes),
            );
        }
        for (id, grant) in row.grants {
            records.grants.insert(
                id,
                Grant {
                    dialect: dialect(&grant.dialect)?,
                    client: grant.client,
                    subject: grant.subject,
                    scopes: Scopes::parse(&grant.scopes),
                    auth_time: grant.auth_time,
                    second_step: grant.second_step,
                    created: grant.created,
                    by_device: grant.by_device,
                    key: grant.key,
                    nonce: grant.nonce,
                    revoked: grant.revoked,
                },
            );
        }
        for (token, row) in row.refresh_tokens {
            records.refresh_tokens.insert(
                fingerprint(&token)?,
                RefreshToken {
                    grant: row.grant,
                    expires: row.expires,
                    used: row.used,
                },
            );
        }
        for (token, row) in row.access_tokens {
            records.access_tokens.insert(
                fingerprint(&token)?,
                AccessToken {
                    grant: row.grant,
                    scopes: Scopes::parse(&row.scopes),
                    expires: row.expires,
                    jti: row.jti,
                },
            );
        }
        Ok(Self {
            port: row.port,
            api_port: row.api_port,
            keys: ring(row.keys, Algorithm::ES256)?.ok_or(Meaningless)?,
            google_keys: ring(row.google_keys, Algorithm::RS256)?,
            records,
        })
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, Meaningless> {
    Fingerprint::from_hex(text).ok_or(Meaningless)
}

fn dialect(name: &str) -> Result<Dialect, Meaningless> {
    Dialect::from_name(name).ok_or(Meaningless)
}

/// The first row is the key in use.
fn ring(rows: Vec<KeyRow>, algorithm: Algorithm) -> Result<Option<KeyRing>, Meaningless> {
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let pkcs8 = STANDARD.decode(row.pkcs8).map_err(|_| Meaningless)?;
        keys.push(SigningKey::from_pkcs8(row.id, algorithm, pkcs8)?);
    }
    let mut keys = keys.into_iter();
    Ok(keys.next().map(|current| KeyRing::new(current, keys.collect())))
}
