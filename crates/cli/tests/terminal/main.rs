//! `tessera` as it is used: the real binary, the real keyring of a session of its own, and a sandbox in this
//! process with people who walk its pages.
//!
//! Needs the packages dbus and gnome-keyring.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and makes the world that it runs in"
)]

mod accounts;
mod commands;
mod ends;
mod hints;
mod interrupted;
mod login;
mod logout;
mod session;
mod step_up;
mod table;
mod terminal;
mod trace;
