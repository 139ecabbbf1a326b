//! Providers: whom a person can sign in with, and by which of that provider's rules.

use tessera_oidc::{ClientId, ClientSecret, Issuer, RedirectUri, Scopes};
use url::Url;

use crate::ports::LoopbackHost;

/// A provider's stable name in this data folder: `google`, `github`, `sandbox`, or what providers.toml says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderId(String);

impl ProviderId {
    /// The built-in provider for Google accounts.
    pub const GOOGLE: &'static str = "google";
    /// The built-in provider for GitHub accounts.
    pub const GITHUB: &'static str = "github";
    /// The sandbox of development builds.
    pub const SANDBOX: &'static str = "sandbox";

    /// Takes 1 to 64 characters of `a-z 0-9 . _ -`; `None` for anything else.
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let fits = (1..=64).contains(&text.len()) && text.chars().all(allowed);
        fits.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProviderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Someone to sign in with.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Stable name.
    pub id: ProviderId,
    /// What to show.
    pub name: String,
    /// Whose rules it follows.
    pub kind: ProviderKind,
    /// The issuer: what accounts are bound to. For GitHub, what it calls itself in callbacks.
    pub issuer: Issuer,
    /// What the provider calls this client; `None` while nobody has given it.
    pub client_id: Option<ClientId>,
    /// For providers that insist on one although it proves nothing (RFC 8252 section 8.5).
    pub client_secret: Option<ClientSecret>,
    /// The permissions that every sign-in asks for.
    pub scopes: Scopes,
    /// Ways back that it takes, best first.
    pub routes: Vec<Route>,
    /// Loopback details, for when that route is used.
    pub loopback: LoopbackSettings,
    /// Whether somebody named these permissions for this provider, instead of their being the usual ones.
    pub scopes_named: bool,
    /// Whether its tokens are to be bound to a key of this app (RFC 9449), where it offers that.
    pub dpop: bool,
    /// Origins beside the issuer's own that its tokens may be sent to.
    pub apis: Vec<Url>,
    /// Where this definition came from.
    pub source: ProviderSource,
}

/// Whose rules a provider follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// Plain OpenID Connect by discovery.
    Oidc,
    /// Google: OpenID Connect, with its own ways.
    Google,
    /// GitHub: OAuth 2 without an ID token, at these addresses.
    GitHub {
        /// Web pages and token endpoint, `https://github.com`.
        web: Url,
        /// The API, `https://api.github.com`.
        api: Url,
    },
    /// The sandbox: plain OpenID Connect, named so that it can be shown as what it is.
    Sandbox,
}

impl ProviderKind {
    /// `oidc`, `google`, `github` or `sandbox`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Google => "google",
            Self::GitHub { .. } => "github",
            Self::Sandbox => "sandbox",
        }
    }

    /// Whether it issues ID tokens.
    pub(crate) fn is_openid(&self) -> bool {
        !matches!(self, Self::GitHub { .. })
    }
}

/// Where a provider's definition came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderSource {
    /// Part of the build.
    BuiltIn,
    /// From providers.toml, also when Settings wrote it.
    File,
    /// Named on the command line, or started with the app.
    Run,
}

/// How the browser's answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The app's private scheme (RFC 8252 section 7.1).
    Scheme,
    /// A listener on a loopback address (RFC 8252 section 7.3).
    Loopback,
    /// The person copies the address that the browser ends on; nothing listens.
    Paste,
    /// A code typed on another device (RFC 8628).
    Device,
}

impl Route {
    /// `scheme`, `loopback`, `paste` or `device`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::Loopback => "loopback",
            Self::Paste => "paste",
            Self::Device => "device",
        }
    }

    /// The reverse of [`Route::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Scheme, Self::Loopback, Self::Paste, Self::Device]
            .into_iter()
            .find(|route| route.as_str() == text)
    }
}

/// The loopback redirect as this provider's registration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopbackSettings {
    /// Which spelling of loopback.
    pub host: LoopbackHost,
    /// Ports in order of preference; 0 is "any".
    pub ports: Vec<u16>,
    /// Path, starting with `/`.
    pub path: String,
}

impl Default for LoopbackSettings {
    fn default() -> Self {
        Self {
            host: LoopbackHost::V4,
            ports: vec![0],
            path: "/callback".to_owned(),
        }
    }
}

/// A sandbox that runs beside a development build.
#[derive(Clone, Debug)]
pub struct SandboxAddress {
    /// Its issuer.
    pub issuer: Issuer,
    /// The client id it knows this app by.
    pub client_id: ClientId,
    /// Its protected API.
    pub api: Url,
}

/// A provider as a person describes it.
#[derive(Clone, Debug)]
pub struct ProviderDraft {
    /// An existing id to change, or `None` to make a new provider.
    pub id: Option<ProviderId>,
    /// What to show; empty for the issuer's host.
    pub name: String,
    /// The issuer's address; ignored for `google` and `github`.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// Further origins its tokens may go to.
    pub apis: Vec<String>,
}

/// A provider named for one sign-in, as on a command line.
#[derive(Clone, Debug)]
pub struct AdHocProvider {
    /// The issuer's address.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// A client secret, where the provider insists on one.
    pub client_secret: Option<ClientSecret>,
}

/// The private scheme of release builds.
pub(crate) const SCHEME: &str = "app.tessera.desktop";
/// The private scheme of development builds.
pub(crate) const DEVELOPMENT_SCHEME: &str = "app.tessera.desktop.dev";

/// The private-scheme redirect URI of release builds.
pub const SCHEME_REDIRECT: &str = "app.tessera.desktop:/callback";
/// The private-scheme redirect URI of development builds, so that the two never take each other's callbacks.
pub const DEVELOPMENT_SCHEME_REDIRECT: &str = "app.tessera.desktop.dev:/callback";

/// The scheme part of a private-scheme redirect URI.
pub fn scheme_of(redirect: &RedirectUri) -> &str {
    redirect.as_str().split(':').next().unwrap_or_default()
}
