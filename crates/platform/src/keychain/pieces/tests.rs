//! Pieces on a store that can be made to fail at any step, which no real store can.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Mutex;

use keyring_core::api::{CredentialApi, CredentialStoreApi};
use keyring_core::{Credential, Entry};

use super::*;

const KEY: &str = "refresh/3f2c";

/// A store in memory that takes `limit` bytes per entry, counts its changes, and refuses those after `changes`.
#[derive(Clone)]
struct Fragile(Arc<Mutex<State>>);

struct State {
    entries: BTreeMap<String, Vec<u8>>,
    limit: usize,
    changes_left: usize,
}

struct Slot {
    store: Fragile,
    name: String,
}

impl Fragile {
    fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            entries: BTreeMap::new(),
            limit,
            changes_left: usize::MAX,
        })))
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(Arc::new(self.clone()), "tests".to_owned(), |_| HashMap::new())
    }

    /// From now on only so many changes work.
    fn allow(&self, changes: usize) {
        self.0.lock().unwrap().changes_left = changes;
    }

    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().entries.keys().cloned().collect()
    }

    fn change(&self, with: impl FnOnce(&mut State) -> Result<(), Error>) -> Result<(), Error> {
        let mut state = self.0.lock().unwrap();
        if state.changes_left == 0 {
            return Err(Error::PlatformFailure("torn".into()));
        }
        state.changes_left -= 1;
        with(&mut state)
    }
}

impl CredentialStoreApi for Fragile {
    fn vendor(&self) -> String {
        String::new()
    }

    fn id(&self) -> String {
        String::new()
    }

    fn build(&self, service: &str, user: &str, _: Option<&HashMap<&str, &str>>) -> Result<Entry, Error> {
        assert_eq!(service, "tests");
        let (store, name) = (self.clone(), user.to_owned());
        Ok(Entry::new_with_credential(Arc::new(Slot { store, name })))
    }

    fn search(&self, wanted: &HashMap<&str, &str>) -> Result<Vec<Entry>, Error> {
        if wanted.is_empty() {
            return Err(Error::NotSupportedByStore("it keeps no list".to_owned()));
        }
        let slot = |name| {
            let store = self.clone();
            Entry::new_with_credential(Arc::new(Slot { store, name }))
        };
        Ok(self.names().into_iter().map(slot).collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

impl CredentialApi for Slot {
    fn set_secret(&self, secret: &[u8]) -> Result<(), Error> {
        self.store.change(|state| {
            if secret.len() > state.limit {
                return Err(Error::TooLong(
                    "secret".to_owned(),
                    u32::try_from(state.limit).unwrap(),
                ));
            }
            state.entries.insert(self.name.clone(), secret.to_vec());
            Ok(())
        })
    }

    fn get_secret(&self) -> Result<Vec<u8>, Error> {
        self.store
            .0
            .lock()
            .unwrap()
            .entries
            .get(&self.name)
            .cloned()
            .ok_or(Error::NoEntry)
    }

    fn delete_credential(&self) -> Result<(), Error> {
        self.store
            .change(|state| state.entries.remove(&self.name).map(|_| ()).ok_or(Error::NoEntry))
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>, Error> {
        self.get_secret().map(|_| None)
    }

    /// As the library for Windows does, which knows one name and cuts it at its last dot.
    fn get_specifiers(&self) -> Option<(String, String)> {
        let name = match self.name.as_str() {
            "elsewhere" => "refresh/9999.other".to_owned(),
            name => format!("{name}.tests"),
        };
        let (user, service) = name.rsplit_once('.')?;
        Some((service.to_owned(), user.to_owned()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

/// Bytes of every value, different for each `seed`.
fn secret(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|index| u8::try_from((index * 7 + seed * 13 + index / 251) % 256).unwrap())
        .collect()
}

fn read(shelf: &Shelf) -> Option<Vec<u8>> {
    shelf.get(KEY).unwrap().map(|value| value.to_vec())
}

/// Spoils the entries; the second argument names a piece.
type Damage = fn(&mut BTreeMap<String, Vec<u8>>, &str);

const WINDOWS: usize = 2560;
const SIZES: [usize; 8] = [0, 1, 1000, 1790, 1794, 1795, 5000, 20_000];

#[test]
fn every_size_comes_back_and_nothing_is_left_behind() {
    for limit in [WINDOWS, 512, usize::from(u16::MAX)] {
        let store = Fragile::new(limit);
        let shelf = store.shelf();
        assert_eq!(read(&shelf), None);
        for (seed, size) in SIZES.iter().chain(SIZES.iter().rev()).enumerate() {
            let value = secret(*size, seed);
            shelf.put(KEY, &value).unwrap();
            assert_eq!(read(&shelf), Some(value), "{size} bytes, {limit} per entry");
        }
        assert_eq!(store.names(), [KEY]);
        shelf.put(KEY, &secret(20_000, 1)).unwrap();
        shelf.delete(KEY).unwrap();
        assert_eq!((read(&shelf), store.names()), (None, vec![]));
        shelf.delete(KEY).unwrap();
    }
}

#[test]
fn no_entry_is_longer_than_windows_allows() {
    let store = Fragile::new(WINDOWS);
    for size in SIZES {
        store.shelf().put(KEY, &secret(size, 0)).unwrap();
        assert!(
            store
                .0
                .lock()
                .unwrap()
                .entries
                .values()
                .all(|entry| entry.len() <= PIECE)
        );
        assert!(
            store
                .0
                .lock()
                .unwrap()
                .entries
                .values()
                .all(|entry| entry.is_ascii())
        );
    }
}

#[test]
fn a_write_torn_anywhere_leaves_the_old_value_or_the_new_one() {
    for (before, after) in [
        (100, 200),
        (100, 9000),
        (9000, 100),
        (9000, 12_000),
        (12_000, 5000),
    ] {
        let (old, new) = (secret(before, 1), secret(after, 2));
        let mut done = false;
        for changes in 0..40 {
            let store = Fragile::new(WINDOWS);
            let shelf = store.shelf();
            shelf.put(KEY, &old).unwrap();
            store.allow(changes);
            done = shelf.put(KEY, &new).is_ok();
            store.allow(usize::MAX);
            let found = read(&shelf).expect("a value is there");
            assert!(
                found == old || found == new,
                "{before} to {after}, torn after {changes}"
            );
            assert!(!done || found == new);
            // Whatever the torn write left behind is gone after the next write, and after removal.
            shelf.put(KEY, &secret(3, 3)).unwrap();
            assert_eq!(store.names(), [KEY], "{before} to {after}, torn after {changes}");
            store.allow(changes);
            let _ = shelf.put(KEY, &new);
            store.allow(usize::MAX);
            shelf.delete(KEY).unwrap();
            assert_eq!(store.names(), Vec::<String>::new());
        }
        assert!(done, "{before} to {after} never finished");
    }
}

#[test]
fn a_removal_torn_anywhere_can_be_finished() {
    for changes in 0..12 {
        let store = Fragile::new(WINDOWS);
        let shelf = store.shelf();
        shelf.put(KEY, &secret(9000, 1)).unwrap();
        store.allow(changes);
        let _ = shelf.delete(KEY);
        store.allow(usize::MAX);
        // Nobody may remember the key: what is left is listed under it.
        let mut listed = store.names();
        let is_left = !listed.is_empty();
        gather(&mut listed);
        assert_eq!(
            listed,
            if is_left { vec![KEY] } else { Vec::new() },
            "torn after {changes}"
        );
        shelf.delete(KEY).unwrap();
        assert_eq!(store.names(), Vec::<String>::new(), "torn after {changes}");
    }
}

#[test]
fn what_cannot_be_read_whole_is_damaged_and_can_be_replaced_and_removed() {
    fn set(entries: &mut BTreeMap<String, Vec<u8>>, name: &str, bytes: &[u8]) {
        entries.insert(name.to_owned(), bytes.to_vec());
    }
    let piece = format!("{KEY}#a1");
    let damages: [(&str, Damage); 7] = [
        ("a piece is missing", |entries, piece| {
            entries.remove(piece);
        }),
        ("a piece is another's", |entries, piece| {
            set(entries, piece, b"AAAA");
        }),
        ("a piece is no base64", |entries, piece| set(entries, piece, b"!")),
        ("a piece is no text", |entries, piece| {
            set(entries, piece, b"\xff");
        }),
        ("the header is something else", |entries, _| {
            set(entries, KEY, b"plain");
        }),
        ("the header is no text", |entries, _| set(entries, KEY, b"\xff")),
        ("the header names too much", |entries, _| {
            set(entries, KEY, b"tessera1+a:99999999999:x");
        }),
    ];
    for (name, damage) in damages {
        let store = Fragile::new(WINDOWS);
        let shelf = store.shelf();
        let value = secret(9000, 1);
        let spoil = || {
            shelf.put(KEY, &value).unwrap();
            shelf.put(KEY, &[]).unwrap();
            shelf.put(KEY, &value).unwrap();
            damage(&mut store.0.lock().unwrap().entries, &piece);
        };
        spoil();
        assert!(matches!(shelf.get(KEY), Err(ShelfError::Damaged)), "{name}");
        shelf.put(KEY, &value).unwrap();
        assert_eq!(read(&shelf), Some(value.clone()), "{name}");
        spoil();
        shelf.delete(KEY).unwrap();
        assert_eq!((read(&shelf), store.names()), (None, vec![]), "{name}");
    }
}

#[test]
fn what_is_listed_is_the_namespaces_own_entries_and_not_their_pieces() {
    let store = Fragile::new(WINDOWS);
    let shelf = store.shelf();
    let all: fn(&str) -> HashMap<&'static str, String> =
        |namespace| HashMap::from([("service", namespace.to_owned())]);
    assert_eq!(shelf.list(all).unwrap(), Some(Vec::new()));
    shelf.put(KEY, &secret(9000, 1)).unwrap();
    shelf.put("access/a.b", &secret(10, 2)).unwrap();
    let elsewhere = Entry::new_with_credential(Arc::new(Slot {
        store: store.clone(),
        name: "elsewhere".to_owned(),
    }));
    elsewhere.set_secret(b"another folder's").unwrap();
    assert!(store.names().len() > 4, "{:?}", store.names());
    let listed = ["access/a.b", KEY].map(str::to_owned).to_vec();
    assert_eq!(shelf.list(all).unwrap(), Some(listed));
    assert_eq!(
        shelf.list(|_| HashMap::new()).unwrap(),
        None,
        "a store without a list"
    );
}

#[test]
fn a_store_that_takes_next_to_nothing_is_an_error() {
    let shelf = Fragile::new(64).shelf();
    let error = shelf.put(KEY, &secret(1000, 0)).unwrap_err();
    assert!(matches!(error, ShelfError::Store(StoreError(Error::TooLong(..)))));
}

#[test]
fn an_error_that_holds_the_secret_does_not_show_it() {
    let text = format!(
        "{:?}",
        ShelfError::from(Error::BadEncoding(b"the-secret".to_vec()))
    );
    assert_eq!(text, "Damaged");
    let inner = Error::PlatformFailure("the-secret".into());
    assert!(!format!("{:?}", ShelfError::from(inner)).contains("the-secret"));
}
