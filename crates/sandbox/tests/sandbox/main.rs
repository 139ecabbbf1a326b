//! The sandbox over real HTTP, as apps and people meet it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says where"
)]

mod api;
mod code;
mod common;
mod device;
mod dpop;
mod faults;
mod flow;
mod github;
mod google;
mod pages;
mod par;
mod process;
mod refresh;
mod state;
