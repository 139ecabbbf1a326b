//! What every handler shares.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use tessera_guard::dpop::Proofs;

use crate::clients::{Client, Dialect};
use crate::clock::SandboxClock;
use crate::faults::{ELSEWHERE, Faults};
use crate::keys::{KeyError, KeyRing, SigningKey};
use crate::log::RequestLog;
use crate::options::Options;
use crate::people::Person;
use crate::records::Records;

/// Where the API's server has the address that [`ELSEWHERE`] stands for.
pub(crate) const ELSEWHERE_PATH: &str = "/somewhere-else";

/// The sandbox's insides. Handlers hold it behind an `Arc`.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    /// `http://127.0.0.1:P`: the provider's origin and the standard dialect's issuer.
    pub(crate) origin: String,
    /// `http://127.0.0.1:Q`: the protected API's origin, and the audience of access tokens.
    pub(crate) api_origin: String,
    pub(crate) clock: SandboxClock,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    keys: Mutex<KeyRing>,
    /// Making an RSA key takes a while, so it is made when the first one needs it.
    google_keys: OnceLock<Mutex<KeyRing>>,
    records: Mutex<Records>,
    /// Checks the proofs that come to the provider.
    pub(crate) proofs: OnceLock<Proofs>,
    changed: AtomicBool,
}

impl World {
    pub(crate) fn new(
        options: Options,
        origin: String,
        api_origin: String,
        keys: KeyRing,
        google_keys: Option<KeyRing>,
        records: Records,
    ) -> Self {
        Self {
            options,
            origin,
            api_origin,
            clock: SandboxClock::default(),
            faults: Faults::default(),
            log: RequestLog::default(),
            keys: Mutex::new(keys),
            google_keys: google_keys.map_or_else(OnceLock::new, |keys| OnceLock::from(Mutex::new(keys))),
            records: Mutex::new(records),
            proofs: OnceLock::new(),
            changed: AtomicBool::new(false),
        }
    }

    /// The address that [`ELSEWHERE`] stands for: on the other server than the provider's.
    pub(crate) fn elsewhere(&self) -> String {
        format!("{}{ELSEWHERE_PATH}", self.api_origin)
    }

    /// Writes the real address where a fault put [`ELSEWHERE`].
    pub(crate) fn name_elsewhere(&self, object: &mut Map<String, Value>) {
        for value in object.values_mut() {
            match value {
                Value::String(text) if text == ELSEWHERE => *text = self.elsewhere(),
                Value::Object(inner) => self.name_elsewhere(inner),
                _ => {}
            }
        }
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The issuer's name, or for GitHub, which has no issuer in the sense of OpenID Connect, the one it gives
    /// itself in the callback (RFC 9207).
    pub(crate) fn issuer(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Standard => self.origin.clone(),
            Dialect::Google => format!("{}/google", self.origin),
            Dialect::GitHub => format!("{}/github/login/oauth", self.origin),
        }
    }

    pub(crate) fn client(&self, dialect: Dialect, id: &str) -> Option<&Client> {
        self.options
            .clients
            .iter()
            .find(|client| client.dialect == dialect && client.id == id)
    }

    pub(crate) fn person(&self, subject: &str) -> Option<&Person> {
        self.options
            .people
            .iter()
            .find(|person| person.subject == subject)
    }

    /// The records, to read.
    pub(crate) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records, to change: they will be written before the request is answered.
    pub(crate) fn records_mut(&self) -> MutexGuard<'_, Records> {
        self.changed.store(true, Ordering::SeqCst);
        self.records()
    }

    /// Whether something has changed since this was last asked.
    pub(crate) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::SeqCst)
    }

    /// The standard dialect's keys.
    pub(crate) fn keys(&self) -> MutexGuard<'_, KeyRing> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that ID tokens of this dialect are signed with.
    pub(crate) fn keys_of(&self, dialect: Dialect) -> Result<MutexGuard<'_, KeyRing>, KeyError> {
        if dialect != Dialect::Google {
            return Ok(self.keys());
        }
        let ring = if let Some(ring) = self.google_keys.get() {
            ring
        } else {
            let ring = KeyRing::new(SigningKey::generate(Algorithm::RS256)?, Vec::new());
            self.changed.store(true, Ordering::SeqCst);
            self.google_keys.get_or_init(|| Mutex::new(ring))
        };
        Ok(ring.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The Google dialect's keys, if they have been needed.
    pub(crate) fn google_keys(&self) -> Option<MutexGuard<'_, KeyRing>> {
        self.google_keys
            .get()
            .map(|ring| ring.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs with new keys from now on.
    pub(crate) fn rotate_keys(&self, keep_earlier: bool) -> Result<(), KeyError> {
        self.changed.store(true, Ordering::SeqCst);
        self.keys().rotate(keep_earlier)?;
        if let Some(mut keys) = self.google_keys() {
            keys.rotate(keep_earlier)?;
        }
        Ok(())
    }
}
