//! Who signed in, after the checks. Only a check can make an [`Identity`]: of an ID token
//! ([`crate::id_token::verify`]) or, where the provider has none, of its own answer about the person
//! ([`crate::userinfo::github_identity`]).

use serde_json::{Map, Value};
use url::Url;

use crate::ids::{Issuer, Subject, UnixTime, is_secure};
use crate::userinfo::Userinfo;

/// Claims about a person, by name.
pub type Claims = Map<String, Value>;

/// A person at an issuer. The pair of issuer and subject is the account; everything else may change.
#[derive(Clone, PartialEq)]
pub struct Identity {
    issuer: Issuer,
    subject: Subject,
    claims: Claims,
    audience: Vec<String>,
    issued_at: Option<UnixTime>,
    auth_time: Option<UnixTime>,
}

impl Identity {
    pub(crate) fn new(issuer: Issuer, subject: Subject, claims: Claims) -> Self {
        Self {
            issuer,
            subject,
            claims,
            audience: Vec::new(),
            issued_at: None,
            auth_time: None,
        }
    }

    pub(crate) fn from_id_token(
        issuer: Issuer,
        subject: Subject,
        mut claims: Claims,
        audience: Vec<String>,
        issued_at: UnixTime,
        auth_time: Option<UnixTime>,
    ) -> Self {
        claims.retain(|name, _| !matches!(name.as_str(), "nonce" | "at_hash" | "c_hash" | "s_hash"));
        Self {
            issuer,
            subject,
            claims,
            audience,
            issued_at: Some(issued_at),
            auth_time,
        }
    }

    /// Who says so.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The issuer's own, never reassigned name for the person.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// All claims, without the ones that only serve the protocol's checks (`nonce` and hashes).
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// A name to show; the sign-in name or the e-mail address where there is no other. Never to be compared.
    pub fn name(&self) -> Option<&str> {
        ["name", "preferred_username", "nickname", "email"]
            .into_iter()
            .find_map(|name| self.text(name))
    }

    /// The e-mail address. Not a key: it can change and be given to someone else.
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// The address of a picture, if it is an encrypted one, or on this machine like the issuer itself.
    pub fn picture(&self) -> Option<&str> {
        let fetchable =
            |url: &Url| is_secure(url) && (url.scheme() == "https" || self.issuer.url().scheme() == "http");
        self.text("picture")
            .filter(|address| Url::parse(address).is_ok_and(|url| fetchable(&url)))
    }

    /// When the ID token was issued; `None` where there is none.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// When the person last signed in at the issuer, if it said so.
    pub fn auth_time(&self) -> Option<UnixTime> {
        self.auth_time
    }

    /// What a renewed ID token will be held against (OpenID Connect Core section 12.2); `None` where there was
    /// no ID token.
    pub fn previous(&self) -> Option<PreviousIdToken> {
        Some(PreviousIdToken {
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            audience: self.audience.clone(),
            issued_at: self.issued_at?,
            auth_time: self.auth_time,
            nonce: None,
        })
    }

    /// Adds what userinfo said of the same person. Claims of the ID token that carry the identity itself stay
    /// as they were signed.
    pub fn with_userinfo(mut self, userinfo: Userinfo) -> Self {
        const SIGNED: &[&str] = &[
            "iss",
            "sub",
            "aud",
            "azp",
            "exp",
            "iat",
            "nbf",
            "auth_time",
            "acr",
            "amr",
            "tid",
        ];
        for (name, value) in userinfo.into_claims() {
            if !SIGNED.contains(&name.as_str()) && !value.is_null() {
                self.claims.insert(name, value);
            }
        }
        self
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims
            .get(claim)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }
}

impl std::fmt::Debug for Identity {
    /// Issuer and subject: the claims are about a person, and no log needs them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Identity({} at {}, {} claims)",
            self.subject,
            self.issuer,
            self.claims.len()
        )
    }
}

/// What the ID token before this one said, for the checks of a renewed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousIdToken {
    /// Its issuer.
    pub issuer: Issuer,
    /// Its subject.
    pub subject: Subject,
    /// Its audience, in any order.
    pub audience: Vec<String>,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// When the person had signed in, if it said so.
    pub auth_time: Option<UnixTime>,
    /// [`Nonce::fingerprint`](crate::Nonce::fingerprint) of its nonce, if it had one and that is still known.
    pub nonce: Option<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use serde_json::json;

    use super::*;

    fn identity(issuer: &str, claims: &Value) -> Identity {
        Identity::new(
            issuer.parse().unwrap(),
            Subject::new("1"),
            claims.as_object().unwrap().clone(),
        )
    }

    #[test]
    fn a_name_to_show_is_found_where_there_is_one() {
        let check = |claims: Value, name: Option<&str>| {
            assert_eq!(identity("https://a.example", &claims).name(), name, "{claims}");
        };
        check(
            json!({"name": "Ann Archer", "email": "ann@example.test"}),
            Some("Ann Archer"),
        );
        check(json!({"name": " ", "preferred_username": "ann"}), Some("ann"));
        check(json!({"name": 7, "nickname": "annie"}), Some("annie"));
        check(json!({"email": "ann@example.test"}), Some("ann@example.test"));
        check(json!({}), None);
    }

    #[test]
    fn a_picture_is_encrypted_or_as_local_as_its_issuer() {
        let check = |issuer: &str, picture: &str, shown: bool| {
            let identity = identity(issuer, &json!({ "picture": picture }));
            assert_eq!(identity.picture(), shown.then_some(picture), "{issuer} {picture}");
        };
        check("https://a.example", "https://b.example/ann.png", true);
        check("https://a.example", "http://b.example/ann.png", false);
        check("https://a.example", "http://127.0.0.1:9/ann.png", false);
        check("http://127.0.0.1:8", "http://127.0.0.1:9/ann.png", true);
        check("http://127.0.0.1:8", "http://b.example/ann.png", false);
        check("https://a.example", "data:image/png;base64,AA==", false);
        check("https://a.example", "file:///etc/passwd", false);
        check("https://a.example", "ann.png", false);
    }
}
