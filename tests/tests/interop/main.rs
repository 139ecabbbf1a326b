//! Tessera at a provider that somebody else wrote: npm `oidc-provider`, which is OpenID-certified, with refresh
//! tokens that rotate. What is claimed here is read from the provider's own log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod features;
mod library;
mod rig;
mod terminal;
