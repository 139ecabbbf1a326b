//! The guard in front of a real axum server on a loopback port, and in front of bare tower services: what it
//! accepts, what it refuses and how it says so, and how it comes by its keys.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod api;
mod dpop;
mod issuer;
mod keys;
mod layers;
mod requests;
mod settings;
mod signer;
mod tokens;
