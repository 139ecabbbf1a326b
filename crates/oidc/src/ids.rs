//! The names that the specifications use, one type each.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::explain::explained;

/// Why an address cannot be an issuer or an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressError {
    /// The text is not a URL at all.
    NotAUrl(String),
    /// Plain http is allowed only to this machine's loopback addresses.
    NotHttps(String),
    /// An issuer has no query and no fragment (OpenID Connect Discovery section 3).
    QueryOrFragment(String),
    /// A user name or password in an address would be sent and logged.
    Credentials,
}

impl AddressError {
    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAUrl(_) => "address_malformed",
            Self::NotHttps(_) => "address_insecure",
            Self::QueryOrFragment(_) => "address_query",
            Self::Credentials => "address_credentials",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::NotAUrl(text) => format!("You gave “{text}”, which is not an address."),
            Self::NotHttps(text) => {
                format!("You gave {text}, which is not encrypted, so others could read along.")
            }
            Self::QueryOrFragment(text) => format!("You gave {text} with a part that does not belong there."),
            Self::Credentials => "You gave an address with a user name or password in it.".to_owned(),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NotAUrl(_) => "Enter a whole address, such as https://login.example.com.",
            Self::NotHttps(_) => "Enter an address that starts with https://.",
            Self::QueryOrFragment(_) => "Leave out everything from the first ? or # on.",
            Self::Credentials => "Leave out everything between // and @.",
        }
        .to_owned()
    }
}

explained!(AddressError);

/// Whether this address may be spoken to at all: https anywhere, or http to a loopback address by its IP
/// literal or the name `localhost`.
pub fn is_secure(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        },
        _ => false,
    }
}

/// The text without what must not be repeated in a message: no query, no fragment, no credentials, bounded.
fn shown(text: &str) -> String {
    let bare = text.split(['?', '#']).next().unwrap_or_default();
    let bare = match (bare.find("://"), bare.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://{}", &bare[..scheme], &bare[at + 1..]),
        _ => bare.to_owned(),
    };
    bare.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// An issuer identifier (OpenID Connect Core section 1.2), kept letter for letter: issuers are compared as
/// strings and never normalised (OpenID Connect Discovery section 4.3).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// The identifier exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same, parsed.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl FromStr for Issuer {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::NotAUrl(shown(text)))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::QueryOrFragment(shown(text)));
        }
        if !is_secure(&url) {
            return Err(AddressError::NotHttps(shown(text)));
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.text)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Takes the value as it is.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The value as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// What the authorization server calls this client (RFC 6749 section 2.2).
    ClientId;
    /// The issuer's own, never reassigned name for a person (OpenID Connect Core section 2, `sub`).
    Subject;
}

/// A set of scope tokens (RFC 6749 section 3.3), in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Splits a space-delimited list.
    pub fn parse(text: &str) -> Self {
        Self::from_tokens(text.split(' '))
    }

    /// Collects single tokens; empty ones are dropped.
    pub fn from_tokens<T: Into<String>>(tokens: impl IntoIterator<Item = T>) -> Self {
        Self(
            tokens
                .into_iter()
                .map(Into::into)
                .filter(|token| !token.is_empty())
                .collect(),
        )
    }

    /// Whether `scope` is in the set.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Both sets together.
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// What is in `self` and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }
}

impl fmt::Display for Scopes {
    /// The space-delimited list as it is sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

/// Where the authorization server sends the browser back to (RFC 6749 section 3.1.2), letter for letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Takes an absolute URI without a fragment (RFC 6749 section 3.1.2).
    pub fn new(text: impl Into<String>) -> Result<Self, AddressError> {
        let text = text.into();
        let url = Url::parse(&text).map_err(|_| AddressError::NotAUrl(shown(&text)))?;
        if url.fragment().is_some() {
            return Err(AddressError::QueryOrFragment(shown(&text)));
        }
        Ok(Self(text))
    }

    /// The URI exactly as it is sent, twice, and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Seconds since 1970-01-01T00:00:00Z on the wall clock, as JWTs count them (RFC 7519 section 2, NumericDate).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// This moment and `seconds` more; negative for earlier. Saturates.
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` until `self`; negative when `earlier` is the later one.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_issuer_keeps_its_spelling() {
        for text in [
            "https://login.example",
            "https://login.example/",
            "https://Login.Example/a/b/",
        ] {
            assert_eq!(
                text.parse::<Issuer>().map(|issuer| issuer.to_string()),
                Ok(text.to_owned())
            );
        }
        assert_ne!(
            "https://login.example".parse::<Issuer>(),
            "https://login.example/".parse::<Issuer>()
        );
    }

    #[test]
    fn an_issuer_is_https_or_loopback() {
        let check = |text: &str, good: bool| assert_eq!(text.parse::<Issuer>().is_ok(), good, "{text}");
        check("https://login.example", true);
        check("http://127.0.0.1:4000", true);
        check("http://[::1]:4000/x", true);
        check("http://localhost:4000", true);
        check("http://localhost.evil.example", false);
        check("http://login.example", false);
        check("http://10.0.0.1", false);
        check("ftp://login.example", false);
        check("https://login.example?x=1", false);
        check("https://login.example#x", false);
        check("https://user:pass@login.example", false);
        check("login.example", false);
        check("", false);
    }

    #[test]
    fn a_message_repeats_no_credentials_and_no_query() {
        let error = "http://ann:pw@login.example/x?code=abc"
            .parse::<Issuer>()
            .map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| !text.contains("pw") && !text.contains("abc")));
        assert_eq!(
            shown("http://ann:pw@login.example/x?code=abc"),
            "http://login.example/x"
        );
    }

    #[test]
    fn a_redirect_uri_has_no_fragment() {
        let check = |text: &str, good: bool| assert_eq!(RedirectUri::new(text).is_ok(), good, "{text}");
        check("app.tessera.desktop:/callback", true);
        check("http://127.0.0.1:49152/callback?x=1", true);
        check("http://127.0.0.1:49152/callback#x", false);
        check("app.tessera.desktop:/callback#", false);
        check("/callback", false);
    }

    #[test]
    fn scopes_are_a_set() {
        let scopes = Scopes::parse("profile openid  openid");
        assert_eq!(scopes.to_string(), "openid profile");
        assert_eq!(scopes.difference(&Scopes::parse("openid")).to_string(), "profile");
    }

    proptest! {
        #[test]
        fn scopes_are_the_same_when_they_are_written_and_read_again(text in "\\PC{0,60}", tokens in prop::collection::vec("[!-~]{0,8}", 0..8)) {
            for scopes in [Scopes::parse(&text), Scopes::from_tokens(tokens)] {
                prop_assert_eq!(Scopes::parse(&scopes.to_string()), scopes.clone());
                prop_assert!(scopes.iter().all(|scope| !scope.is_empty() && scopes.contains(scope)));
                prop_assert_eq!(scopes.union(&scopes), scopes.clone());
                prop_assert!(scopes.difference(&scopes).is_empty());
            }
        }

        #[test]
        fn an_address_that_is_taken_keeps_its_spelling(text in "(https://|http://127.0.0.1|app.x:/)?[ -~]{0,30}") {
            if let Ok(issuer) = text.parse::<Issuer>() {
                prop_assert_eq!(issuer.as_str(), text.as_str());
                prop_assert!(is_secure(issuer.url()));
            }
            if let Ok(redirect_uri) = RedirectUri::new(text.as_str()) {
                prop_assert_eq!(redirect_uri.as_str(), text.as_str());
            }
        }
    }
}
