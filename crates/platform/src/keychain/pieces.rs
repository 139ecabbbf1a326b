//! How a secret of any size and content fits into stores that hold short text.
//!
//! KWallet holds UTF-8 only, so everything is base64. Windows holds 2,560 bytes per entry, so what is longer
//! lies in pieces beside a header. There are two sets of pieces, `a` and `b`, of which the header names one.
//! A new value goes into the other set, then the header changes, then the old set is removed: a write that is
//! torn anywhere leaves the old value readable, and the next write or removal clears what it left behind.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use keyring_core::{CredentialStore, Entry, Error};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The most characters that one entry gets: what Windows takes, with room to spare. The same everywhere, so
/// that what is used on one system is tested on all.
const PIECE: usize = 2400;

/// A store that takes less than this per entry is of no use.
const LEAST_PIECE: usize = 128;

/// The most pieces a value may have; a header that names more is damaged.
const MOST_PIECES: usize = 4096;

/// How often a value that changes while it is read is read again.
const READS: usize = 5;

/// Begins an entry that holds a value whole.
const WHOLE: &str = "tessera1:";
/// Begins an entry that names a set of pieces.
const HEADER: &str = "tessera1+";

/// The entries of one namespace in a store.
pub(super) struct Shelf {
    store: Arc<CredentialStore>,
    namespace: String,
    modifiers: fn(&str) -> HashMap<&'static str, String>,
}

/// Why a value was not stored, read or removed.
#[derive(Debug)]
pub(super) enum ShelfError {
    /// It is there, and cannot be read back whole.
    Damaged,
    /// The store's own words. Never formatted with `Debug`: some of them hold the secret.
    Store(StoreError),
}

/// Keeps a store's error from being shown by accident.
pub(super) struct StoreError(pub(super) Error);

impl std::fmt::Debug for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreError([redacted])")
    }
}

impl From<Error> for ShelfError {
    fn from(error: Error) -> Self {
        match error {
            Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::Ambiguous(_) => Self::Damaged,
            error => Self::Store(StoreError(error)),
        }
    }
}

/// Makes the names of entries, each of which is then there once, from those of all that is stored. A piece belongs to its
/// entry also where the header is gone: what a torn removal left must be found, or it stays for ever.
pub(super) fn gather(names: &mut Vec<String>) {
    for name in names.iter_mut() {
        if let Some((entry, _)) = name.split_once('#') {
            *name = entry.to_owned();
        }
    }
    names.sort();
    names.dedup();
}

type Secret = Zeroizing<Vec<u8>>;

impl Shelf {
    /// `modifiers` gives what the store is told about the entry of a name.
    pub(super) fn new(
        store: Arc<CredentialStore>,
        namespace: String,
        modifiers: fn(&str) -> HashMap<&'static str, String>,
    ) -> Self {
        Self {
            store,
            namespace,
            modifiers,
        }
    }

    /// Stores `secret` under `key`.
    pub(super) fn put(&self, key: &str, secret: &[u8]) -> Result<(), ShelfError> {
        let text = encoded(secret);
        let mut piece = PIECE;
        loop {
            match self.put_in_pieces(key, secret, &text, piece) {
                Err(ShelfError::Store(StoreError(Error::TooLong(_, limit)))) => {
                    // Some stores count characters of a wider kind than they say.
                    let smaller = usize::try_from(limit).unwrap_or(piece).min(piece / 2);
                    if smaller < LEAST_PIECE {
                        return Err(Error::TooLong("secret".to_owned(), limit).into());
                    }
                    piece = smaller;
                }
                result => return result,
            }
        }
    }

    /// What is stored under `key`.
    pub(super) fn get(&self, key: &str) -> Result<Option<Secret>, ShelfError> {
        let mut header = self.read(key)?;
        for _ in 0..READS {
            let Some(stored) = &header else { return Ok(None) };
            if let Ok(value) = self.assemble(key, stored) {
                return Ok(Some(value));
            }
            // Another process may have replaced it in the middle; then the header is another one, too.
            let now = self.read(key)?;
            if now == header {
                return Err(ShelfError::Damaged);
            }
            header = now;
        }
        Err(ShelfError::Damaged)
    }

    /// Removes what is stored under `key`, header first: pieces without a header are nothing.
    pub(super) fn delete(&self, key: &str) -> Result<(), ShelfError> {
        let count = self.pieces(key)?.map_or(0, |(_, count)| count);
        self.remove(key)?;
        self.clear_both(key, count)
    }

    /// The keys of everything that is stored; `None` where the store has no way to tell. `search` gives what it is
    /// asked for, given the namespace.
    #[cfg(any(test, not(target_os = "linux")))]
    pub(super) fn list(
        &self,
        search: fn(&str) -> HashMap<&'static str, String>,
    ) -> Result<Option<Vec<String>>, ShelfError> {
        let wanted = search(&self.namespace);
        let wanted: HashMap<&str, &str> = wanted
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let found = match self.store.search(&wanted) {
            Err(Error::NotSupportedByStore(_)) => return Ok(None),
            found => found?,
        };
        // Windows has one name for both, and its library cuts it at the last of the dots that a namespace may have.
        let end = format!(".{}", self.namespace);
        let mut keys: Vec<String> = found
            .iter()
            .filter_map(Entry::get_specifiers)
            .filter_map(|(service, user)| Some(format!("{user}.{service}").strip_suffix(&end)?.to_owned()))
            .collect();
        gather(&mut keys);
        Ok(Some(keys))
    }

    fn put_in_pieces(&self, key: &str, secret: &[u8], text: &str, piece: usize) -> Result<(), ShelfError> {
        let in_use = self.pieces(key)?;
        let count = in_use.map_or(0, |(_, count)| count);
        if WHOLE.len() + text.len() <= piece {
            self.write(key, &Zeroizing::new(format!("{WHOLE}{text}")))?;
            return self.clear_both(key, count);
        }
        let set = in_use.map_or(Set::A, |(set, _)| set.other());
        // Pieces that a torn write left beyond the new ones would never be found again.
        self.clear(key, set, 0)?;
        let mut written = 0;
        for (index, part) in text.as_bytes().chunks(piece).enumerate() {
            self.write(
                &set.entry(key, index),
                &Zeroizing::new(String::from_utf8_lossy(part).into_owned()),
            )?;
            written = index + 1;
        }
        self.write(
            key,
            &format!("{HEADER}{}:{written}:{}", set.name(), fingerprint(secret)),
        )?;
        self.clear(key, set.other(), count)
    }

    fn assemble(&self, key: &str, stored: &str) -> Result<Secret, ShelfError> {
        match Stored::parse(stored)? {
            Stored::Whole(text) => decoded(text),
            Stored::Pieces {
                set,
                count,
                fingerprint: expected,
            } => {
                let mut parts = Vec::with_capacity(count);
                for index in 0..count {
                    parts.push(self.read(&set.entry(key, index))?.ok_or(ShelfError::Damaged)?);
                }
                let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).collect();
                let value = decoded(&Zeroizing::new(parts.concat()))?;
                if fingerprint(&value) == expected {
                    Ok(value)
                } else {
                    Err(ShelfError::Damaged)
                }
            }
        }
    }

    /// The set of pieces that the header under `key` names, and how many. What cannot be read names none, and
    /// makes way.
    fn pieces(&self, key: &str) -> Result<Option<(Set, usize)>, ShelfError> {
        match self.read(key) {
            Ok(stored) => Ok(stored.and_then(|stored| Stored::parse(&stored).ok()?.pieces())),
            Err(ShelfError::Damaged) => self.remove(key).map(|()| None),
            Err(error) => Err(error),
        }
    }

    fn clear_both(&self, key: &str, count: usize) -> Result<(), ShelfError> {
        Set::BOTH
            .into_iter()
            .try_for_each(|set| self.clear(key, set, count))
    }

    /// Removes the pieces of a set: the first `known`, and what follows them without a gap. The last goes
    /// first, so that a removal that is torn leaves no gap behind which the next one would not look.
    fn clear(&self, key: &str, set: Set, known: usize) -> Result<(), ShelfError> {
        let mut count = known;
        while count < MOST_PIECES && self.exists(&set.entry(key, count))? {
            count += 1;
        }
        for index in (0..count).rev() {
            self.remove(&set.entry(key, index))?;
        }
        Ok(())
    }

    fn entry(&self, name: &str) -> Result<Entry, ShelfError> {
        let modifiers = (self.modifiers)(name);
        let modifiers: HashMap<&str, &str> = modifiers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        Ok(self.store.build(&self.namespace, name, Some(&modifiers))?)
    }

    fn read(&self, name: &str) -> Result<Option<Zeroizing<String>>, ShelfError> {
        match self.entry(name)?.get_secret() {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Zeroizing::new(text))),
                Err(error) => {
                    drop(Zeroizing::new(error.into_bytes()));
                    Err(ShelfError::Damaged)
                }
            },
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn exists(&self, name: &str) -> Result<bool, ShelfError> {
        match self.entry(name)?.get_credential() {
            Ok(_) | Err(Error::Ambiguous(_)) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), ShelfError> {
        let entry = self.entry(name)?;
        match entry.set_secret(text.as_bytes()) {
            Err(Error::Ambiguous(_)) => {
                self.remove(name)?;
                Ok(entry.set_secret(text.as_bytes())?)
            }
            result => Ok(result?),
        }
    }

    fn remove(&self, name: &str) -> Result<(), ShelfError> {
        let gone = |result: Result<(), Error>| match result {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(ShelfError::from(error)),
        };
        match self.entry(name)?.delete_credential() {
            // The same entry in two collections: both are ours.
            Err(Error::Ambiguous(entries)) => entries
                .iter()
                .try_for_each(|entry| gone(entry.delete_credential())),
            result => gone(result),
        }
    }
}

/// One of the two sets of pieces of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    A,
    B,
}

impl Set {
    const BOTH: [Self; 2] = [Self::A, Self::B];

    fn name(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
        }
    }

    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    fn entry(self, key: &str, index: usize) -> String {
        format!("{key}#{}{index}", self.name())
    }
}

/// What an entry says.
enum Stored<'t> {
    Whole(&'t str),
    Pieces {
        set: Set,
        count: usize,
        fingerprint: &'t str,
    },
}

impl<'t> Stored<'t> {
    fn parse(text: &'t str) -> Result<Self, ShelfError> {
        if let Some(text) = text.strip_prefix(WHOLE) {
            return Ok(Self::Whole(text));
        }
        let mut fields = text.strip_prefix(HEADER).ok_or(ShelfError::Damaged)?.split(':');
        let set = match fields.next() {
            Some("a") => Set::A,
            Some("b") => Set::B,
            _ => return Err(ShelfError::Damaged),
        };
        let count = fields.next().and_then(|count| count.parse().ok());
        let count = count
            .filter(|count| *count <= MOST_PIECES)
            .ok_or(ShelfError::Damaged)?;
        let fingerprint = fields.next().ok_or(ShelfError::Damaged)?;
        Ok(Self::Pieces {
            set,
            count,
            fingerprint,
        })
    }

    fn pieces(self) -> Option<(Set, usize)> {
        match self {
            Self::Whole(_) => None,
            Self::Pieces { set, count, .. } => Some((set, count)),
        }
    }
}

fn encoded(secret: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD_NO_PAD.encode(secret))
}

fn decoded(text: &str) -> Result<Secret, ShelfError> {
    STANDARD_NO_PAD
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| ShelfError::Damaged)
}

/// Tells pieces of one write from those of another.
fn fingerprint(secret: &[u8]) -> String {
    STANDARD_NO_PAD.encode(Sha256::digest(secret))
}

#[cfg(test)]
mod tests;
