//! Everything that reads what comes from outside, as functions from bytes to a verdict: what libFuzzer calls with
//! inputs of its own making (`cargo xtask fuzz`), and what a test calls with the inputs kept in `corpus/` and with
//! shapes made to hurt (`tests/replay.rs`).
//!
//! Each target promises for every input that nothing panics, that no more memory is taken than its [`Limit`], that
//! whatever is accepted is what was asked for, and that whatever is refused says so by a code and shows no secret.

mod allocated;
mod authorization_endpoint;
mod bearer_header;
mod callback;
mod documents;
mod dpop_proof;
mod id_token;
mod loopback_request;
mod refusal;
mod scene;
mod wire;

use tessera_oidc::callback::MAX_CALLBACK_BYTES;
use tessera_oidc::key_set::{MAX_JWS_BYTES, MAX_KEY_SET_BYTES};
use tessera_oidc::message::MAX_RESPONSE_BYTES;

pub use allocated::Limit;

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is good.
    Accepted,
    /// It is not; the stable code says why.
    Refused(&'static str),
}

/// Something that reads what comes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the program in `bin/`, and of the folder in `corpus/`.
    pub name: &'static str,
    /// Reads an input. Panics when a promise is broken.
    pub judge: fn(&[u8]) -> Judged,
    /// The most bytes that are read; more are refused, or not taken in.
    pub largest: usize,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    target("authorization_endpoint", authorization_endpoint::judge, 64 * 1024),
    target(
        "bearer_header",
        bearer_header::judge,
        tessera_guard::MAX_TOKEN_BYTES,
    ),
    target("callback", callback::judge, MAX_CALLBACK_BYTES),
    target("device_response", documents::device_response, MAX_RESPONSE_BYTES),
    target(
        "discovery_document",
        documents::discovery_document,
        MAX_RESPONSE_BYTES,
    ),
    target(
        "dpop_proof",
        dpop_proof::judge,
        tessera_guard::dpop::MAX_PROOF_BYTES,
    ),
    target("id_token", id_token::judge, MAX_JWS_BYTES),
    target("key_set", documents::key_set, MAX_KEY_SET_BYTES),
    target("loopback_request", loopback_request::judge, 32 * 1024),
    target("token_response", documents::token_response, MAX_RESPONSE_BYTES),
];

const fn target(name: &'static str, judge: fn(&[u8]) -> Judged, largest: usize) -> Target {
    Target { name, judge, largest }
}

/// Reads an input by the target of this name.
///
/// # Panics
/// When there is no such target, or a promise of it is broken.
pub fn judge(name: &str, input: &[u8]) -> Judged {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("there is no target {name}"));
    (target.judge)(input)
}

/// The program of a target. Only a build with `--cfg fuzzing` has libFuzzer in it.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            $crate::judge($name, input);
        });

        #[cfg(not(fuzzing))]
        fn main() -> Result<(), &'static str> {
            Err(concat!(
                "this build is not watched by libFuzzer: cargo xtask fuzz ",
                $name
            ))
        }
    };
}
