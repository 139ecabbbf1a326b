//! Who may ask: the registered clients, and the rule by which a redirect address is recognised.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::secret::Fingerprint;

/// Whose rules the sandbox speaks by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenID Connect as the specifications have it.
    Standard,
    /// Google's documented behaviour, under `/google`.
    Google,
    /// GitHub's documented behaviour, under `/github`.
    GitHub,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Google, Self::GitHub];

    /// A stable name: `standard`, `google`, `github`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Google => "google",
            Self::GitHub => "github",
        }
    }

    /// Reads [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// What its paths start with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Standard => "",
            Self::Google => "/google",
            Self::GitHub => "/github",
        }
    }
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Whose rules it is registered under.
    pub dialect: Dialect,
    /// `client_id`.
    pub id: String,
    /// What the consent page calls it.
    pub name: String,
    /// What is kept of the client secret; `None` for a public client.
    pub secret: Option<Fingerprint>,
    /// Redirect addresses. One of plain http to a loopback IP literal stands for any port there
    /// (RFC 8252 section 7.3).
    pub redirect_uris: Vec<String>,
}

/// The public client of the app, with both private schemes and the loopback addresses.
pub const CLIENT_ID: &str = "tessera-desktop";
/// A client that has a secret and shows it by `client_secret_basic`, with the same addresses.
pub const CONFIDENTIAL_CLIENT_ID: &str = "tessera-with-secret";
/// Its secret. The colon and the percent sign are there because they must be written differently in the header.
pub const CONFIDENTIAL_CLIENT_SECRET: &str = "sandbox: 100% not so secret";
/// The app's client in the Google dialect.
pub const GOOGLE_CLIENT_ID: &str = "tessera-desktop.apps.sandbox.example";
/// Its secret, which proves nothing (RFC 8252 section 8.5) and is yet demanded.
pub const GOOGLE_CLIENT_SECRET: &str = "sandbox-google-not-so-secret";
/// The app's client in the GitHub dialect.
pub const GITHUB_CLIENT_ID: &str = "Ov23sandboxtessera01";
/// Its secret, demanded by the web flow.
pub const GITHUB_CLIENT_SECRET: &str = "sandbox-github-not-so-secret";

const SCHEMES: [&str; 2] = [
    "app.tessera.desktop:/callback",
    "app.tessera.desktop.dev:/callback",
];
const LOOPBACK: [&str; 2] = ["http://127.0.0.1/callback", "http://[::1]/callback"];

impl Client {
    /// A public client of the standard dialect.
    pub fn public(id: &str, name: &str, redirect_uris: &[&str]) -> Self {
        Self {
            dialect: Dialect::Standard,
            id: id.to_owned(),
            name: name.to_owned(),
            secret: None,
            redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
        }
    }

    /// The app's three registrations, and the one of a client with a secret.
    pub fn defaults() -> Vec<Self> {
        let everything = [SCHEMES, LOOPBACK].concat();
        vec![
            Self::public(CLIENT_ID, "Tessera", &everything),
            Self {
                secret: Some(Fingerprint::of(CONFIDENTIAL_CLIENT_SECRET)),
                ..Self::public(CONFIDENTIAL_CLIENT_ID, "Tessera with a secret", &everything)
            },
            Self {
                dialect: Dialect::Google,
                secret: Some(Fingerprint::of(GOOGLE_CLIENT_SECRET)),
                // Nothing is registered for a desktop client there: any loopback address is taken.
                ..Self::public(GOOGLE_CLIENT_ID, "Tessera", &[])
            },
            Self {
                dialect: Dialect::GitHub,
                secret: Some(Fingerprint::of(GITHUB_CLIENT_SECRET)),
                ..Self::public(GITHUB_CLIENT_ID, "Tessera", &everything)
            },
        ]
    }

    /// Whether `asked` is one of the registered addresses.
    pub(crate) fn accepts_redirect(&self, asked: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| same_redirect(registered, asked))
    }

    /// The same with no leave for the port of a loopback address.
    pub(crate) fn accepts_redirect_to_the_letter(&self, asked: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered == asked)
    }

    /// Whether the browser may be sent to `asked` after sign-out.
    pub(crate) fn accepts_post_logout_redirect(&self, asked: &str) -> bool {
        self.accepts_redirect(asked)
            || asked
                .strip_suffix("/signed-out")
                .is_some_and(|base| self.accepts_redirect(&format!("{base}/callback")))
    }
}

/// Letter for letter, but for the port when both are plain http to the same loopback IP literal
/// (RFC 8252 section 7.3; RFC 9700 section 4.1.3). The name `localhost` gets no such leave.
fn same_redirect(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    match (loopback_without_port(registered), loopback_without_port(asked)) {
        (Some(registered), Some(asked)) => registered == asked,
        _ => false,
    }
}

/// The address without its port when it is plain http to `127.0.0.1` or `[::1]`, spelled as such. Everything
/// else in it stays letter for letter.
fn loopback_without_port(address: &str) -> Option<(&'static str, &str)> {
    let rest = address.strip_prefix("http://")?;
    let (host, rest) = ["127.0.0.1", "[::1]"]
        .into_iter()
        .find_map(|host| rest.strip_prefix(host).map(|rest| (host, rest)))?;
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse::<u16>().ok()?;
            &rest[end..]
        }
    };
    (rest.is_empty() || rest.starts_with('/')).then_some((host, rest))
}

/// Whether `address` is plain http to this machine by IP literal or the name `localhost`: what Google takes
/// from a desktop client.
pub(crate) fn is_loopback_redirect(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        url.scheme() == "http"
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && match url.host() {
                Some(Host::Ipv4(ip)) => ip == Ipv4Addr::LOCALHOST,
                Some(Host::Ipv6(ip)) => ip == Ipv6Addr::LOCALHOST,
                Some(Host::Domain(name)) => name == "localhost",
                None => false,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_matches_exactly_but_for_the_loopback_port() {
        let client = &Client::defaults()[0];
        let check = |asked: &str, good: bool| assert_eq!(client.accepts_redirect(asked), good, "{asked}");
        check("app.tessera.desktop:/callback", true);
        check("app.tessera.desktop.dev:/callback", true);
        check("http://127.0.0.1/callback", true);
        check("http://127.0.0.1:49152/callback", true);
        check("http://[::1]:49152/callback", true);
        check("app.tessera.desktop:/callback/", false);
        check("app.tessera.desktop:/Callback", false);
        check("app.tessera.desktop://callback", false);
        check("APP.tessera.desktop:/callback", false);
        check("app.tessera.desktop:/callback?x=1", false);
        check("http://127.0.0.1:49152/other", false);
        check("http://127.0.0.1:49152/callback?x=1", false);
        check("http://127.0.0.1:49152/callback#x", false);
        check("http://127.0.0.1:99999/callback", false);
        check("http://127.0.0.1:/callback", false);
        check("http://127.0.0.1.evil.example/callback", false);
        check("http://127.0.0.1:80@evil.example/callback", false);
        check("http://127.0.0.1@evil.example/callback", false);
        check("http://localhost:49152/callback", false);
        check("http://127.1:49152/callback", false);
        check("http://127.0.0.2:49152/callback", false);
        check("https://127.0.0.1:49152/callback", false);
        check("https://evil.example/callback", false);
        check("", false);
    }

    #[test]
    fn google_takes_loopback_only() {
        let check = |asked: &str, good: bool| assert_eq!(is_loopback_redirect(asked), good, "{asked}");
        check("http://127.0.0.1:5000", true);
        check("http://127.0.0.1:5000/any/path", true);
        check("http://:x@127.0.0.1:5/", false);
        check("http://x@127.0.0.1:5/", false);
        check("http://[::1]:5000/callback", true);
        check("http://localhost:5000", true);
        check("app.tessera.desktop:/callback", false);
        check("https://127.0.0.1:5000", false);
        check("http://evil.example", false);
    }
}
