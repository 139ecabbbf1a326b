//! The authorization-server role, for trying and testing: an identity provider and a protected API on this
//! machine, with faults on demand. Never part of a release.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tessera_sandbox::{Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default()).await?;
//! println!("{} {}", sandbox.issuer(), sandbox.api());
//! sandbox.stop().await;
//! # Ok(()) }
//! ```

#![warn(missing_docs)]

mod answer;
mod api;
mod browser;
mod clients;
mod clock;
mod control;
mod discovery;
pub mod faults;
mod github;
mod google;
mod issue;
mod keys;
pub mod log;
mod options;
mod pages;
mod parameters;
mod people;
mod provider;
mod ready;
mod records;
mod sandbox;
mod scopes;
mod secret;
mod serve;
mod state_file;
pub mod visitor;
mod world;

pub use clients::{
    CLIENT_ID, Client, Dialect, GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID,
    GOOGLE_CLIENT_SECRET,
};
pub use clock::SandboxClock;
pub use keys::KeyError;
pub use options::Options;
pub use people::Person;
pub use ready::{Dialects, GitHub, Google, Ready};
pub use sandbox::{Sandbox, StartError};
pub use secret::Fingerprint;
pub use state_file::StateError;
pub use visitor::{VisitError, Visitor};
