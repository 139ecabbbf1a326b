//! Everything that goes wrong has its own code, a sentence and a hint; what was signed in before still is, and no
//! secret is in anything that was said or written. The provider is one that somebody else wrote, which tells every
//! secret that it has seen; keychain, screen and disk are real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod damaged;
mod full_disk;
mod keychain;
mod scene;
mod table;
mod words;
