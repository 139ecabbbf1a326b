//! The authorization-server role, for trying and testing: an identity provider and a protected API on this
//! machine, with faults on demand. Never part of a release.
//!
//! It runs as a process of its own (`tessera-sandbox`) or inside a test:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tessera_sandbox::{Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default()).await?;
//! // An app begins a sign-in and opens this address in the browser; a visitor stands in for browser and person.
//! let address = format!(
//!     "{}/authorize?response_type=code&client_id=tessera-desktop&redirect_uri=app.tessera.desktop:/callback\
//!      &scope=openid&state=abc&code_challenge_method=S256\
//!      &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
//!     sandbox.issuer()
//! );
//! let callback = sandbox.visitor("ann").visit(&address).await?;
//! assert!(callback.as_str().starts_with("app.tessera.desktop:/callback?code="));
//! sandbox.stop().await;
//! # Ok(()) }
//! ```
//!
//! # The provider
//!
//! OpenID Connect with PKCE (S256, always), exact redirect addresses (any port on a loopback IP literal), codes
//! that work once and for a minute, pushed authorization requests (RFC 9126; offered or demanded by an option or a
//! fault), tokens that are bound to a key (RFC 9449; likewise), `iss` in every authorization response (RFC 9207), refresh tokens for
//! `offline_access` that are replaced at every use and whose reuse ends the grant, signed access tokens
//! (RFC 9068) for the protected API, revocation (RFC 7009), sign-in on another device (RFC 8628), and RP-initiated
//! logout. Its pages work without scripts. `/.well-known/openid-configuration` names every endpoint.
//!
//! The same process speaks two **dialects**, each by the rules that its namesake has in fact: Google's under
//! `/google`, and GitHub's under `/github` (its API under `/github` at the API's origin).
//!
//! People are `ann` and `bob`; the password is the user name. The public client is [`CLIENT_ID`];
//! [`CONFIDENTIAL_CLIENT_ID`] has a secret and shows it by `client_secret_basic`.
//!
//! # The protected API
//!
//! On an origin of its own, behind `tessera-guard`: `/profile`, `/items` (pages; `items:read`, and `items:write`
//! to add one), `/ledger` (`ledger:read`), `/picture`, `/echo`, which repeats what it was sent, and `/elsewhere`, which leads to another origin.
//!
//! # Faults
//!
//! In a test, [`Sandbox::faults`] takes typed [`faults::Rule`]s. A running sandbox takes them by name:
//!
//! ```text
//! GET    /faults      {"active": [names], "known": [names]}
//! DELETE /faults      ends all
//! POST   /faults      Content-Type: application/json
//!   {"fault": "token-500",         a name from "known"
//!    "times": 1, "after": 0,       how often it shows, and after how many that go well   (else: always, at once)
//!    "client_id": "…", "dialect": "standard|google|github", "grant_type": "…", "path": "…"}   for whom (else: all)
//!   {"expire_access_tokens": true}
//!   {"rotate_keys": true, "forget_earlier_keys": false}
//!   {"advance_seconds": 3600}      moves the clock
//! ```
//!
//! The members of one `POST` may be combined.
//!
//! # What it keeps
//!
//! Of codes, tokens and cookies only fingerprints (SHA-256), in memory and in the state file alike. It listens
//! on loopback addresses only, and answers only to their names. The log ([`Sandbox::log`]) holds no secret.

#![warn(missing_docs)]

mod answer;
mod api;
mod browser;
mod clients;
mod clock;
mod control;
mod discovery;
mod dpop;
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
mod request;
mod sandbox;
mod scopes;
mod secret;
mod serve;
mod state_file;
pub mod visitor;
mod world;

pub use clients::{
    CLIENT_ID, CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, Client, Dialect, GITHUB_CLIENT_ID,
    GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET,
};
pub use clock::SandboxClock;
pub use keys::KeyError;
pub use options::{Dpop, Options, PushedRequests};
pub use people::{Address, Person};
pub use ready::{Dialects, GitHub, Google, Ready};
pub use records::{ACR_PASSWORD, ACR_SECOND_STEP};
pub use sandbox::{Sandbox, StartError};
pub use secret::Fingerprint;
pub use state_file::StateError;
pub use visitor::{VisitError, Visitor};
