//! What the client role needs of the world, and owns as traits: keychain, browser, loopback listener, HTTP,
//! clock and desktop. `tessera-platform` makes them real; tests use the real ones too, except for faults that the
//! real thing cannot be made to show.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, StatusCode};
use tessera_oidc::UnixTime;
use tessera_oidc::message::{Request, Response};
use url::Url;

use crate::browsers::{BrowserChoice, InstalledBrowser};
use zeroize::Zeroizing;

/// A secret as the keychain holds it: bytes, wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Wraps bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for the keychain or for whoever asked for the secret.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretBytes([redacted])")
    }
}

/// A place for secrets: the operating system's keychain, or this process's memory.
///
/// Keys are short ASCII names such as `refresh/3f2c…`; they name no person and no secret. A vault is bound to
/// one data folder, so that two folders never see each other's entries.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Stores `secret` under `key`, replacing what was there as a whole or not at all.
    async fn put(&self, key: &str, secret: SecretBytes) -> Result<(), VaultError>;
    /// Reads what is stored under `key`; `None` when there is nothing.
    async fn get(&self, key: &str) -> Result<Option<SecretBytes>, VaultError>;
    /// Removes what is stored under `key`; nothing there is not an error.
    async fn delete(&self, key: &str) -> Result<(), VaultError>;
    /// The keys of everything that is stored; `None` where the store has no way to tell. Asks the person nothing: what
    /// would have to be unlocked first is told as [`VaultError::Locked`].
    async fn list(&self) -> Result<Option<Vec<String>>, VaultError>;
    /// Whether it cannot be used now without asking the person something, such as to unlock it. For work that nobody
    /// waits for; where it cannot be known, `false`.
    async fn asks(&self) -> bool {
        false
    }
    /// What this vault is, for a person: "the GNOME keyring", "Windows Credential Manager", "memory".
    fn describe(&self) -> String;
}

/// Why a keychain did not do what was asked. Carries no secret and no library error, whose debug form could
/// hold one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no keychain: no Secret Service on the session bus, or no session bus.
    #[error("there is no keychain here: {0}")]
    Missing(String),
    /// It is locked, and was not unlocked in time or the person declined.
    #[error("the keychain is locked")]
    Locked,
    /// It refused access to this program.
    #[error("the keychain refused access: {0}")]
    Refused(String),
    /// There is no room for another secret.
    #[error("the keychain is full: {0}")]
    Full(String),
    /// It takes only smaller secrets, even in pieces.
    #[error("the keychain takes at most {limit} bytes at a time")]
    TooSmall {
        /// What it takes, in bytes.
        limit: u32,
    },
    /// It is another one than the secrets were put into.
    #[error("this is another keychain than the one that holds the secrets")]
    Replaced,
    /// What it did not take is in the memory of another process that runs, and what it has instead is void.
    #[error("another running program holds what the keychain did not take")]
    HeldElsewhere,
    /// An entry is there but cannot be read back whole.
    #[error("an entry in the keychain is damaged")]
    Damaged,
    /// Anything else that it answered.
    #[error("the keychain failed: {0}")]
    Failed(String),
}

/// The person's own browser.
#[async_trait]
pub trait Browser: Send + Sync {
    /// Opens `url` in the system's default browser. Returning `Ok` means that a program was started, not that
    /// a page was shown.
    async fn open(&self, url: &Url) -> Result<(), BrowserError>;

    /// The browsers that are installed here and whose profiles can be chosen.
    async fn installed(&self) -> Vec<InstalledBrowser>;

    /// Opens `url` in one of [`Browser::installed`], as [`Browser::open`] does.
    async fn open_in(&self, url: &Url, choice: &BrowserChoice) -> Result<(), BrowserError>;
}

/// No browser could be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no browser could be started: {0}")]
pub struct BrowserError(pub String);

/// Opens loopback listeners for callbacks (RFC 8252 section 7.3).
#[async_trait]
pub trait Loopback: Send + Sync {
    /// Binds the first of `ports` that is free (0 = chosen by the system) on `host`'s loopback address.
    async fn bind(&self, request: LoopbackBind) -> Result<Box<dyn LoopbackListener>, LoopbackError>;

    /// Whether a listener could be opened at `port` now, and at which one where it is 0. Opens none: whoever does so
    /// meanwhile gets the port, where the system lets two programs ask for one.
    async fn try_port(&self, host: LoopbackHost, port: u16) -> Result<u16, LoopbackError>;
}

/// What to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopbackBind {
    /// IPv4, IPv6, or the name `localhost` (both addresses on one port).
    pub host: LoopbackHost,
    /// Ports in order of preference.
    pub ports: Vec<u16>,
    /// The exact path a callback has, starting with `/`.
    pub path: String,
}

/// The host part of a loopback redirect URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoopbackHost {
    /// `127.0.0.1`, what RFC 8252 section 7.3 recommends.
    #[default]
    V4,
    /// `[::1]`.
    V6,
    /// `localhost`, only for providers that insist on it (Microsoft Entra).
    Localhost,
}

impl LoopbackHost {
    /// As it is written in a URI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "127.0.0.1",
            Self::V6 => "[::1]",
            Self::Localhost => "localhost",
        }
    }
}

/// A listener that is open; dropping it closes the port.
#[async_trait]
pub trait LoopbackListener: Send + Sync {
    /// Where it listens.
    fn address(&self) -> SocketAddr;
    /// The next GET on the exact path, with its query; everything else has been answered with an error page
    /// and is not reported. Waits as long as it takes.
    async fn next(&mut self) -> Result<LoopbackCallback, LoopbackError>;
}

/// A request that may be the callback. The browser waits until it is answered or dropped.
pub struct LoopbackCallback {
    /// Path and query exactly as received, for example `/callback?code=…`. Secret: never logged.
    pub target: Zeroizing<String>,
    /// Sends the browser its page; dropping it without an answer shows the plain finished page.
    pub answer: Box<dyn FnOnce(BrowserPage) + Send>,
}

impl std::fmt::Debug for LoopbackCallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoopbackCallback([redacted])")
    }
}

/// What the browser shows at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrowserPage {
    /// "You can close this page and go back to Tessera."
    Finished,
    /// "This is not the answer Tessera is waiting for."
    NotAwaited,
    /// "You were not signed in. Tessera says why."
    Refused,
    /// "You chose another account. Tessera asks what to do."
    Question,
    /// "You are signed out."
    SignedOut,
    /// "This is not the sign-out that Tessera started."
    SignOutNotAwaited,
}

/// The loopback route is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoopbackError {
    /// None of the ports was free.
    #[error("no port of {0:?} could be opened: {1}")]
    NoPort(Vec<u16>, String),
    /// The listener broke.
    #[error("the listener failed: {0}")]
    Failed(String),
}

/// Sends HTTP requests: system trust roots and proxy, no redirects, https or loopback only.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends `request` and reads the whole answer, at most `limits.body` bytes of it.
    async fn send(&self, request: Request, limits: Limits) -> Result<Response, HttpError>;
    /// Sends `request` and hands the body on as it arrives. `limits.body` still holds.
    async fn stream(&self, request: Request, limits: Limits) -> Result<StreamedResponse, HttpError>;
    /// Host and port of the proxy by which a request to `url` goes, when it goes by one. Never its credentials.
    fn proxy(&self, url: &Url) -> Option<String>;
}

/// How much an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of body, after decompression.
    pub body: usize,
    /// Time until the answer is complete (`send`), or until its headers are there and between two chunks
    /// (`stream`).
    pub time: Duration,
}

impl Limits {
    /// For protocol messages: metadata, key sets, token responses, userinfo.
    pub const PROTOCOL: Self = Self {
        body: tessera_oidc::message::MAX_RESPONSE_BYTES,
        time: Duration::from_secs(20),
    };
}

/// A body as it arrives.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, HttpError>> + Send>>;

/// An answer whose body has not been read yet.
pub struct StreamedResponse {
    /// The status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: BodyStream,
}

/// Why there is no answer. Says nothing of headers, bodies or queries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Plain http to something other than loopback; nothing was sent.
    #[error("{0} is not encrypted")]
    Insecure(String),
    /// The name could not be resolved, or nothing answered there.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// In the system's words.
        reason: String,
    },
    /// The certificate was not accepted.
    #[error("the connection to {host} is not trusted: {reason}")]
    Tls {
        /// Host and port.
        host: String,
        /// In the TLS library's words.
        reason: String,
    },
    /// It took longer than allowed.
    #[error("{0} did not answer in time")]
    TimedOut(String),
    /// The answer was larger than allowed.
    #[error("{host} sent more than {limit} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer broke off or was not HTTP.
    #[error("the answer of {host} broke off: {reason}")]
    Broken {
        /// Host and port.
        host: String,
        /// In the library's words.
        reason: String,
    },
}

/// The wall clock, so that sleep and a corrected clock are seen.
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn now(&self) -> UnixTime;
    /// Milliseconds since 1970, for the trace.
    fn now_millis(&self) -> i64 {
        self.now().0.saturating_mul(1000)
    }
}

/// Waits by the wall clock, which goes on while the computer sleeps.
#[async_trait]
pub trait Alarm: Send + Sync {
    /// Returns when the wall clock has reached `at` (never, when `None`), or before that when something happened after
    /// which all plans are to be made anew. What happens while nobody waits is told to whoever waits next.
    async fn wait(&self, at: Option<UnixTime>) -> Woken;
}

/// What an [`Alarm`] returns for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// It is time.
    Time,
    /// The computer has slept, or its clock was set.
    Clock,
    /// A network came or went.
    Network,
    /// A keychain was unlocked.
    Keychain,
}

/// Bytes nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills `buffer` from a cryptographically secure generator.
    fn fill(&self, buffer: &mut [u8]);
}

/// The desktop around this program: what it would start, and what of it answers. Asked by the check-up alone; no
/// sign-in waits for it.
#[async_trait]
pub trait Desktop: Send + Sync {
    /// What the system would start for an address of `scheme`.
    async fn scheme_handler(&self, scheme: &str) -> Result<SchemeHandler, DesktopError>;
    /// Hands `url` to whatever takes its scheme, as a browser does. To be called only where [`scheme_handler`]
    /// names a program: some openers show an address that nobody takes in a browser.
    ///
    /// [`scheme_handler`]: Desktop::scheme_handler
    async fn hand_over(&self, url: &Url) -> Result<(), DesktopError>;
    /// What opens pages, as a sentence.
    async fn browser(&self) -> Result<String, DesktopError>;
    /// What answers on the session bus; `None` where the system has no such thing.
    async fn session_bus(&self) -> Result<Option<SecretService>, DesktopError>;
    /// Whose `name` on the session bus is.
    async fn name_holder(&self, name: &str) -> Result<Holder, DesktopError>;
    /// Who gets what comes to this port of `host`; the first that is found, where its addresses have several.
    async fn port_holder(&self, host: LoopbackHost, port: u16) -> Holder;
    /// A command that sets the clock by the network, where the system has one.
    fn set_clock(&self) -> Option<String>;
}

/// Who takes the addresses of a private scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemeHandler {
    /// Nobody.
    Nobody,
    /// A program.
    Program(HandlerProgram),
    /// The system has no way to ask.
    Untold,
}

/// A program that takes the addresses of a private scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerProgram {
    /// Under which name the system knows it: on Linux that of its desktop entry.
    pub entry: String,
    /// Where it is, or what the entry calls it where it is nowhere.
    pub program: String,
    /// Whether it is there.
    pub exists: bool,
    /// Whether it is the program that asks.
    pub is_this: bool,
}

/// Whose something is that only one process has at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody's.
    Nobody,
    /// This very process's.
    This,
    /// Another process's.
    Program {
        /// The program's file, or its name where that is all that is told; `None` for another user's.
        program: Option<String>,
        /// The process's number, where it is told.
        process: Option<u32>,
    },
    /// The system has no way to ask, or no such thing.
    Untold,
}

/// The Secret Service of the session bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretService {
    /// It is there, and its usual keyring is open or was not made yet.
    Open,
    /// It is there, and its usual keyring is locked.
    Locked,
    /// It is not running; the bus knows how to start it.
    Startable,
    /// There is none.
    Missing,
}

/// Why something is not known of the desktop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DesktopError {
    /// A program that the question takes is not installed.
    #[error("{0} is not installed")]
    NotInstalled(String),
    /// There is no session bus.
    #[error("there is no session bus: {0}")]
    NoBus(String),
    /// What was asked gave no answer that can be used.
    #[error("{0}")]
    Failed(String),
}

/// All ports in one bag.
#[derive(Clone)]
pub struct Ports {
    /// The operating system's keychain.
    pub keychain: std::sync::Arc<dyn Vault>,
    /// The person's browser.
    pub browser: std::sync::Arc<dyn Browser>,
    /// Loopback listeners.
    pub loopback: std::sync::Arc<dyn Loopback>,
    /// HTTP.
    pub http: std::sync::Arc<dyn Http>,
    /// The wall clock.
    pub clock: std::sync::Arc<dyn Clock>,
    /// Randomness.
    pub entropy: std::sync::Arc<dyn Entropy>,
    /// The desktop.
    pub desktop: std::sync::Arc<dyn Desktop>,
}
