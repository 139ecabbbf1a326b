//! Looking for secrets where they must not be: files, captured output, and what `/proc` shows of a process.
//!
//! A secret is looked for as it is and as it looks percent-encoded, in base64 of either alphabet and at any
//! offset, in hexadecimal and in UTF-16. Long ones are looked for in pieces, because a database may cut a value
//! in two where a page ends.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::form_urlencoded::byte_serialize;

use crate::processes::Process;

/// Shorter values cannot be told from ordinary text.
const SHORTEST: usize = 16;

/// Length of a piece of a long secret.
const PIECE: usize = 32;

/// The secrets of a journey.
#[derive(Default)]
pub struct Secrets {
    known: BTreeSet<String>,
}

impl Secrets {
    /// Remembers secrets. A value too short to be looked for is refused, lest it seem to be covered.
    pub fn add(&mut self, values: impl IntoIterator<Item = impl Into<String>>) -> Result<()> {
        for value in values {
            let value = value.into();
            ensure!(
                value.len() >= SHORTEST,
                "a secret of {} characters cannot be looked for",
                value.len()
            );
            self.known.insert(value);
        }
        Ok(())
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none are known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Looks through everything in `places` and fails with a list of what was found where.
    pub fn hunt(&self, places: &Places) -> Result<()> {
        let found = self.found(places)?;
        if found.is_empty() {
            return Ok(());
        }
        bail!("secrets were found where none may be:\n  {}", found.join("\n  "));
    }

    /// One line for each place and secret.
    pub fn found(&self, places: &Places) -> Result<Vec<String>> {
        ensure!(!self.is_empty(), "no secret is known, so none can be looked for");
        let traces: Vec<(String, Vec<u8>)> = self.known.iter().flat_map(|secret| traces(secret)).collect();
        let searcher = AhoCorasick::new(traces.iter().map(|(_, bytes)| bytes))?;
        let mut found = BTreeSet::new();
        let mut look = |place: String, bytes: &[u8]| {
            for hit in searcher.find_overlapping_iter(bytes) {
                let (what, _) = &traces[hit.pattern().as_usize()];
                found.insert(format!("{place}: {what}"));
            }
        };
        for folder in &places.folders {
            for file in files(folder, &places.except)? {
                look(file.display().to_string(), file.to_string_lossy().as_bytes());
                let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
                look(file.display().to_string(), &bytes);
            }
        }
        for process in &places.processes {
            let name = format!("process {} ({})", process.pid, process.exe.display());
            look(format!("{name}, arguments"), &process.arguments);
            look(format!("{name}, environment"), &process.environment);
        }
        for (name, bytes) in &places.texts {
            look(name.clone(), bytes);
        }
        Ok(found.into_iter().collect())
    }
}

/// Where to look.
#[derive(Default)]
pub struct Places {
    /// Folders, with everything in them.
    pub folders: Vec<PathBuf>,
    /// Folders and files in them that are left out.
    pub except: Vec<PathBuf>,
    /// Processes.
    pub processes: Vec<Process>,
    /// Anything else that was captured, by name.
    pub texts: Vec<(String, Vec<u8>)>,
}

/// Everything that a secret may look like, each with a name that does not give it away.
fn traces(secret: &str) -> Vec<(String, Vec<u8>)> {
    let name = format!(
        "{}… ({} characters)",
        secret.get(..4).unwrap_or_default(),
        secret.len()
    );
    pieces(secret)
        .into_iter()
        .flat_map(|piece| spellings(&name, piece))
        .collect()
}

/// The parts of a secret that are looked for: all of a short one; of a long one, and of each part of a JWT but
/// its header, which all tokens of an issuer share, its beginning, middle and end.
fn pieces(secret: &str) -> Vec<&str> {
    let parts: Vec<&str> = match secret.split('.').collect::<Vec<_>>().as_slice() {
        [header, payload, signature] if header.starts_with("eyJ") => vec![payload, signature],
        _ => vec![secret],
    };
    parts
        .into_iter()
        .filter(|part| part.len() >= SHORTEST)
        .flat_map(|part| {
            let end = part.len().saturating_sub(PIECE);
            BTreeSet::from([0, end / 2, end])
                .into_iter()
                .filter_map(|from| part.get(from..(from + PIECE).min(part.len())))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn spellings(name: &str, piece: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = piece.as_bytes();
    let hex = hexadecimal(bytes);
    let mut spellings = vec![
        (name.to_owned(), bytes.to_vec()),
        (format!("{name}, in hexadecimal"), hex.to_uppercase().into_bytes()),
        (format!("{name}, in hexadecimal"), hex.into_bytes()),
        (
            format!("{name}, in UTF-16"),
            piece.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
    ];
    let percent: String = byte_serialize(bytes).collect();
    if percent != piece {
        spellings.push((format!("{name}, percent-encoded"), percent.into_bytes()));
    }
    // Base64 depends on how many bytes stand before; the characters that neighbours share are cut off.
    for before in 0..3_usize {
        let padded: Vec<u8> = std::iter::repeat_n(0, before)
            .chain(bytes.iter().copied())
            .collect();
        let whole = padded.len() / 3 * 3;
        let skip = [0, 2, 3][before];
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded[..whole]);
            spellings.push((format!("{name}, in base64"), text.as_bytes()[skip..].to_vec()));
        }
    }
    spellings
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// All files under `folder`. One that goes away meanwhile is no error: temporary files do.
fn files(folder: &Path, except: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))? {
            let entry = entry?;
            let path = entry.path();
            if except.contains(&path) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    const SECRET: &str = "v1.MjQ0-kQx7_the+quick/brown~fox=jumps.over%the";
    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4iLCJhdWQiOiJodHRwOi8vMTI3LjAuMC4xIn0.\
                       c2lnbmF0dXJlLXRoYXQtbm9ib2R5LWtub3dzLXdoYXQtaXQtaXM";

    fn check(secret: &str, planted: impl Into<Vec<u8>>, expected: bool) {
        let planted = planted.into();
        let mut secrets = Secrets::default();
        secrets.add([secret]).unwrap();
        let places = Places {
            texts: vec![("log".into(), planted.clone())],
            ..Places::default()
        };
        let found = secrets.found(&places).unwrap();
        assert_eq!(
            !found.is_empty(),
            expected,
            "{}",
            String::from_utf8_lossy(&planted)
        );
        assert!(found.iter().all(|line| !line.contains(secret)));
    }

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        check(SECRET, format!("code={SECRET}&x"), true);
        check(
            SECRET,
            format!("code={}", byte_serialize(SECRET.as_bytes()).collect::<String>()),
            true,
        );
        for before in ["", "a", "ab", "abc", "{\"token\":\""] {
            let text = format!("{before}{SECRET} and more");
            check(SECRET, STANDARD_NO_PAD.encode(&text), true);
            check(SECRET, URL_SAFE_NO_PAD.encode(&text), true);
        }
        check(SECRET, hexadecimal(SECRET.as_bytes()).to_uppercase(), true);
        check(
            SECRET,
            SECRET
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>(),
            true,
        );
        check(SECRET, b"nothing of the kind", false);
    }

    #[test]
    fn a_token_is_found_by_a_piece_but_not_by_its_header() {
        check(JWT, &JWT.as_bytes()[30..], true);
        check(JWT, &JWT.as_bytes()[..90], true);
        check(JWT, b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln", false);
    }

    #[test]
    fn files_are_searched_by_name_and_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::write(
            folder.path().join("in/tessera.db-wal"),
            [b"\0\x01page", SECRET.as_bytes(), b"\0"].concat(),
        )
        .unwrap();
        fs::write(folder.path().join("out/keyring"), SECRET).unwrap();
        let mut secrets = Secrets::default();
        secrets.add([SECRET]).unwrap();
        let mut places = Places {
            folders: vec![folder.path().to_owned()],
            except: vec![folder.path().join("out")],
            ..Places::default()
        };
        let found = secrets.found(&places).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("tessera.db-wal"), "{found:?}");
        assert!(secrets.hunt(&places).is_err());
        places.except.push(folder.path().join("in"));
        secrets.hunt(&places).unwrap();
    }

    #[test]
    fn nothing_to_look_for_is_an_error() {
        assert!(Secrets::default().hunt(&Places::default()).is_err());
        assert!(Secrets::default().add(["short"]).is_err());
    }
}
