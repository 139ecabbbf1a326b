//! The client library against the sandbox: real HTTP, a real listener, a real store, and a person who walks
//! the provider's pages. Only the keychain is in memory, because these tests make it fail on purpose; the
//! desktop journeys use the real one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

mod accounts;
mod browser_sign_out;
mod browsers;
mod check_up;
mod clock;
mod damaged;
mod device;
mod dpop;
mod errors;
mod finish;
mod gateway;
mod github;
mod google;
mod interrupted;
mod keychain;
mod open_sign_out;
mod par;
mod refresh;
mod report;
mod rotation;
mod routes;
mod sign_in;
mod sign_out;
mod step_up;
mod trace;
mod upkeep;
mod versions;

use lab::rig;
