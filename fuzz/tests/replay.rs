//! Every target with the inputs that are kept for it, and with shapes made to hurt: what libFuzzer found once, and what
//! it is too slow to build, is tried each time.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tessera_fuzz::{Judged, Limit, TARGETS, Target};

/// The most bytes that one kept input may have: larger ones say nothing more.
const LARGEST_KEPT: usize = 4 * 1024;

/// One test at a time: what another one allocates would count.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// What the target says; when it breaks a promise, the input's name is told.
fn judged(target: &Target, what: &str, input: &[u8]) -> Judged {
    catch_unwind(AssertUnwindSafe(|| (target.judge)(input)))
        .unwrap_or_else(|_| panic!("{} broke a promise at {what}", target.name))
}

#[test]
fn every_kept_input_is_judged_and_the_good_ones_are_good() {
    let _turn = turn();
    for target in TARGETS {
        let kept = entries(&folder("corpus").join(target.name));
        let mut good = 0;
        for path in &kept {
            let input = std::fs::read(path).unwrap();
            assert!(input.len() <= LARGEST_KEPT, "{} is large", path.display());
            let judged = judged(target, &path.display().to_string(), &input);
            if stem(path).starts_with("good-") {
                assert_eq!(judged, Judged::Accepted, "{}", path.display());
                good += 1;
            }
        }
        assert!(
            good > 0,
            "{} has no good input, so nothing behind its checks is reached",
            target.name
        );
        assert!(kept.len() - good >= 3, "{} has few bad inputs", target.name);
    }
}

#[test]
fn a_target_has_a_program_and_kept_inputs_and_nothing_is_left_over() {
    let _turn = turn();
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    for place in ["corpus", "bin"] {
        let found: BTreeSet<String> = entries(&folder(place)).iter().map(|path| stem(path)).collect();
        assert_eq!(found, names, "{place}");
    }
}

/// Deep, wide, endless: each made of a beginning and of a piece that is repeated.
#[test]
fn inputs_without_end_are_judged_within_the_limits() {
    let _turn = turn();
    let shapes: &[(&str, &str)] = &[
        ("", "["),
        ("", "{\"a\":"),
        ("{\"keys\":[", "{\"\":0},"),
        ("{\"keys\":[", "[],"),
        ("[", "0,"),
        ("{\"scopes_supported\":[", "\"a\","),
        ("{\"scope\":\"", "a "),
        ("{\"access_token\":\"", "a"),
        ("{\"error_description\":\"", "\\u0000"),
        ("{\"issuer\":\"https://", "a."),
        ("{", "\"issuer\":\"x\","),
        ("", "\u{202e}"),
        ("app.tessera.desktop:/callback?", "a&"),
        ("app.tessera.desktop:/callback?code=", "%00"),
        ("app.tessera.desktop:/callback?state=", "+"),
        (
            "client_id=tessera-desktop&redirect_uri=app.tessera.desktop:/callback&",
            "scope=a+b&",
        ),
        ("", "."),
        ("eyJhbGciOiJFZERTQSJ9.", "A"),
        ("Bearer ", "a"),
        ("Bearer ", "="),
        ("", "Bearer a\n"),
        ("GET /callback?code=", "a"),
        ("GET /callback HTTP/1.1\r\n", "Host: {authority}\r\n"),
        ("GET /callback HTTP/1.1\r\nHost: {authority}\r\n", "a:b\r\n"),
        (
            "GET /callback HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 9999999999\r\n\r\n",
            "a",
        ),
        ("", "\r\n"),
        ("", "\0"),
    ];
    for target in TARGETS {
        for (beginning, piece) in shapes {
            for size in [1_000, target.largest, 2 * target.largest] {
                let input = format!("{beginning}{}", piece.repeat(size / piece.len()));
                judged(
                    target,
                    &format!("{size} bytes of {beginning}{piece}"),
                    input.as_bytes(),
                );
            }
        }
    }
}

#[test]
fn memory_beyond_the_limit_is_seen() {
    let _turn = turn();
    // So large that the few kilobytes which the test harness's own thread takes meanwhile decide nothing.
    let limit = Limit {
        fixed: 1_000_000,
        per_byte: 10_000,
        largest: 100,
    };
    let take = |bytes: usize, length: usize| {
        catch_unwind(|| limit.holds(length, || drop(std::hint::black_box(vec![1_u8; bytes])))).is_ok()
    };
    assert!(take(900_000, 0));
    assert!(!take(5_000_000, 0), "more than the fixed part");
    assert!(take(1_900_000, 100), "what an input of a hundred bytes may take");
    assert!(
        !take(5_000_000, 100_000),
        "the limit grows with what is read, not with what is sent"
    );
}
