//! Tessera at providers that somebody else wrote: npm `oidc-provider`, which is OpenID-certified, with refresh
//! tokens that rotate, and Debian's `glewlwyd`. What is claimed of the first is read from its own log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod features;
mod glewlwyd;
mod library;
mod rig;
mod terminal;
