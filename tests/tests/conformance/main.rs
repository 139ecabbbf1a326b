//! The conformance suite: what the standards ask of a native client, a named case for each, as data.
//!
//! A [row](row::Row) says what the provider does and what the client must make of it: take it, or refuse it by a
//! stable code and send nothing more. The names are those of the OpenID Foundation's client modules where there is
//! one. One [runner](runner) plays every row with the real client over real HTTP, and the provider's own log proves
//! what was sent and what was not. docs/conformance.md is written from here; see [`document`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

mod acts;
mod document;
mod elsewhere;
mod foundation;
mod requirements;
mod row;
mod rows;
mod runner;
mod scene;
