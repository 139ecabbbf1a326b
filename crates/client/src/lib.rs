//! The client role of OAuth: providers, sign-in attempts, accounts, fresh tokens, and the gateway that calls
//! protected APIs. Owns the ports it needs of the world; knows no shell, no window and no terminal.
//!
//! [`Client`] is where a shell begins: open one, [`Client::sign_in`], [`Client::call`], [`Client::sign_out`].

mod account;
mod browsers;
mod catalogue;
mod check_up;
mod client;
mod directory;
mod dpop;
mod error;
mod fresh_token;
mod gateway;
mod keychain;
mod picture;
pub mod ports;
mod provider;
mod providers;
mod rows;
mod sign_in;
mod sign_out;
mod step_up;
mod store;
mod terms;
#[cfg(test)]
mod testing;
mod trace;
mod vault;

pub use account::{
    Account, AccountId, AccountState, Forecast, NextTry, Picture, Receipt, ReceiptLine, ReceiptOutcome,
    SignInNeed, Storage,
};
pub use browsers::{
    BrowserChoice, BrowserKind, BrowserProfile, BrowserUnknown, BrowserWish, InstalledBrowser,
};
pub use catalogue::KnownCall;
pub use check_up::{CheckUpError, Finding, Repair, Standing};
pub use client::{Change, Client, Config};
pub use error::{AccountError, AttemptError, Category, Error, SignOutError};
pub use fresh_token::FreshToken;
pub use gateway::{
    ApiRefusal, ApiRequest, ApiResponse, CollectedResponse, DEFAULT_BODY_LIMIT, Decision, OriginRule,
    PolicyError,
};
pub use keychain::{SecretPlace, StoredSecret};
pub use provider::{
    AdHocProvider, DEVELOPMENT_SCHEME_REDIRECT, LoopbackSettings, Provider, ProviderDraft, ProviderId,
    ProviderKind, ProviderSource, Route, SCHEME_REDIRECT, SandboxAddress, scheme_of,
};
pub use providers::ProviderError;
pub use sign_in::{
    AnotherPerson, Attempt, AttemptBrowser, AttemptEnd, AttemptId, AttemptSnapshot, DevicePrompt,
    MAX_ATTEMPT, Page, Person, ProviderChoice, SignIn, SignedIn, Stage,
};
pub use sign_out::{
    BrowserSignOut, BrowserSignOutEnd, MAX_BROWSER_SIGN_OUT, OpenSignOut, OpenSignOutId, OpenStage, Retried,
    SignOutWay,
};
pub use step_up::StepUp;
pub use store::StoreError;
pub use tessera_oidc::checks::{CheckId, Outcome, Verdict, Verdicts};
pub use trace::{
    Field, FieldValue, FlowId, FlowKind, FlowOutcome, MessageId, Party, Report, Secret, Step, TraceEvent,
};

/// The protocol's words that a shell needs; it imports nothing else of the protocol.
pub use tessera_oidc::{
    AccessToken, AddressError, ClientId, ClientSecret, Issuer, RedirectUri, Scopes, Subject, UnixTime,
};
