//! Every check of a sign-in, by name, and what came of it. A person can see the list, a report can carry it,
//! and a test can ask for one check by its stable name.

use std::fmt;

macro_rules! checks {
    ($($(#[$meta:meta])* $variant:ident = $code:literal, $title:literal, $section:literal;)*) => {
        /// A check of the protocol. Listed in the order in which a sign-in makes them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum CheckId {
            $($(#[$meta])* #[doc = concat!($title, " (", $section, ").")] $variant,)*
        }

        impl CheckId {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name, such as `id_token.nonce`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// What holds when the check passes, in plain words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// Where the check is written down.
            pub fn section(self) -> &'static str {
                match self { $(Self::$variant => $section),* }
            }
        }
    };
}

checks! {
    DiscoveryResponse = "discovery.response", "The provider describes itself in JSON",
        "OpenID Connect Discovery 4.2";
    DiscoveryIssuer = "discovery.issuer", "The description belongs to the issuer that was asked",
        "OpenID Connect Discovery 4.3";
    DiscoveryEndpoints = "discovery.endpoints", "Every address of the provider is encrypted, or on this computer",
        "OpenID Connect Core 16.17";
    DiscoveryPkce = "discovery.pkce", "The provider does not exclude PKCE with S256",
        "RFC 9700 2.1.1";
    CallbackRedirectUri = "callback.redirect_uri", "The answer came back to the address that was asked for",
        "RFC 8252 8.10";
    CallbackState = "callback.state", "The answer belongs to this sign-in",
        "RFC 6749 10.12";
    CallbackIssuer = "callback.iss", "The answer comes from the provider that was asked",
        "RFC 9207 2.4";
    CallbackCode = "callback.code", "The provider agreed and sent a code",
        "RFC 6749 4.1.2";
    TokenType = "token.token_type", "The access token is of a kind this app can use",
        "RFC 6749 7.1";
    IdTokenForm = "id_token.form", "The ID token is a signed token of a sensible size",
        "RFC 7519 7.2";
    IdTokenAlgorithm = "id_token.alg", "It is signed by a method that only the provider can sign with",
        "OpenID Connect Core 3.1.3.7 (7, 8)";
    IdTokenCritical = "id_token.crit", "It asks for no extension that this app does not know",
        "RFC 7515 4.1.11";
    IdTokenType = "id_token.typ", "It is not a token of another kind",
        "RFC 8725 3.11";
    IdTokenKey = "id_token.key", "Its key is one of the provider's own",
        "OpenID Connect Core 10.1";
    IdTokenSignature = "id_token.signature", "The provider signed it and nobody changed it",
        "OpenID Connect Core 3.1.3.7 (6)";
    IdTokenIssuer = "id_token.iss", "It was issued by the provider that was asked",
        "OpenID Connect Core 3.1.3.7 (2)";
    IdTokenSubject = "id_token.sub", "It names a person",
        "OpenID Connect Core 2";
    IdTokenAudience = "id_token.aud", "It was issued for this app and for no other",
        "OpenID Connect Core 3.1.3.7 (3)";
    IdTokenAuthorizedParty = "id_token.azp", "This app is the one that it was handed to",
        "OpenID Connect Core 3.1.3.7 (5)";
    IdTokenExpiry = "id_token.exp", "It has not expired",
        "OpenID Connect Core 3.1.3.7 (9)";
    IdTokenIssuedAt = "id_token.iat", "It was issued just now",
        "OpenID Connect Core 3.1.3.7 (10)";
    IdTokenNotBefore = "id_token.nbf", "Its time has begun",
        "RFC 7519 4.1.5";
    IdTokenNonce = "id_token.nonce", "It answers this sign-in and no earlier one",
        "OpenID Connect Core 3.1.3.7 (11)";
    IdTokenAcr = "id_token.acr", "The sign-in was as strong as was asked for",
        "OpenID Connect Core 3.1.3.7 (12)";
    IdTokenAuthTime = "id_token.auth_time", "The person signed in as recently as was asked for",
        "OpenID Connect Core 3.1.3.7 (13)";
    IdTokenAccessTokenHash = "id_token.at_hash", "The access token belongs to it",
        "OpenID Connect Core 3.1.3.8";
    RefreshIssuer = "refresh.iss", "The renewed ID token has the same issuer as before",
        "OpenID Connect Core 12.2";
    RefreshSubject = "refresh.sub", "The renewed ID token names the same person as before",
        "OpenID Connect Core 12.2";
    RefreshAudience = "refresh.aud", "The renewed ID token is for the same app as before",
        "OpenID Connect Core 12.2";
    RefreshIssuedAt = "refresh.iat", "The renewed ID token is not older than the one before",
        "OpenID Connect Core 12.2";
    RefreshAuthTime = "refresh.auth_time", "The renewed ID token tells the same time of sign-in as before",
        "OpenID Connect Core 12.2";
    UserinfoSignature = "userinfo.signature", "Where the profile is signed, the provider signed it and nobody changed it",
        "OpenID Connect Core 5.3.2";
    UserinfoIssuer = "userinfo.iss", "Where the profile is signed, it was issued by the provider that was asked",
        "OpenID Connect Core 5.3.2";
    UserinfoAudience = "userinfo.aud", "Where the profile is signed, it was issued for this app",
        "OpenID Connect Core 5.3.2";
    UserinfoExpiry = "userinfo.exp", "Where the profile says how long it holds, it still does",
        "RFC 7519 4.1.4";
    UserinfoSubject = "userinfo.sub", "The profile is the signed-in person's own",
        "OpenID Connect Core 5.3.2";
}

impl CheckId {
    /// The reverse of [`CheckId::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| check.code() == code)
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It held.
    Passed,
    /// It did not hold; the sign-in ends.
    Failed,
    /// There was nothing to check: the value is optional and absent, or was not asked for.
    NotApplicable,
    /// An earlier check failed, so that there was nothing left that could be trusted enough to check.
    NotReached,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::NotApplicable, Self::NotReached];

    /// `passed`, `failed`, `not_applicable` or `not_reached`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotApplicable => "not_applicable",
            Self::NotReached => "not_reached",
        }
    }

    /// The reverse of [`Outcome::as_str`].
    pub fn from_code(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// One check and what came of it. Never holds a secret: a value that must stay hidden is shown as `equal` or
/// `different`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Which check.
    pub check: CheckId,
    /// What came of it.
    pub outcome: Outcome,
    /// What would have passed.
    pub expected: Option<String>,
    /// What was there.
    pub seen: Option<String>,
}

/// The checks of one sign-in or refresh, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts(Vec<Verdict>);

impl Verdicts {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Verdict> {
        self.0.iter()
    }

    /// Adds later ones.
    pub fn extend(&mut self, later: impl IntoIterator<Item = Verdict>) {
        self.0.extend(later);
    }

    /// What came of `check`, if it was made.
    pub fn outcome(&self, check: CheckId) -> Option<Outcome> {
        self.0
            .iter()
            .find(|verdict| verdict.check == check)
            .map(|verdict| verdict.outcome)
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Verdict> {
        self.0.iter().filter(|verdict| verdict.outcome == Outcome::Failed)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, verdict: Verdict) {
        self.0.push(verdict);
    }

    pub(crate) fn passed(&mut self, check: CheckId) {
        self.push(Verdict {
            check,
            outcome: Outcome::Passed,
            expected: None,
            seen: None,
        });
    }

    pub(crate) fn not_applicable(&mut self, check: CheckId) {
        self.push(Verdict {
            check,
            outcome: Outcome::NotApplicable,
            expected: None,
            seen: None,
        });
    }

    /// Notes whether two values that may be shown are what they should be; says whether it passed.
    pub(crate) fn compared(
        &mut self,
        check: CheckId,
        passed: bool,
        expected: impl Into<String>,
        seen: Option<String>,
    ) -> bool {
        self.push(Verdict {
            check,
            outcome: if passed { Outcome::Passed } else { Outcome::Failed },
            expected: Some(expected.into()),
            seen: Some(seen.unwrap_or_else(|| "nothing".to_owned())),
        });
        passed
    }

    /// Notes whether two values that must stay hidden are equal; `None` for a value that is missing.
    pub(crate) fn compared_hidden(&mut self, check: CheckId, equal: Option<bool>) -> bool {
        let seen = match equal {
            Some(true) => "equal",
            Some(false) => "different",
            None => "nothing",
        };
        self.compared(check, equal == Some(true), "equal", Some(seen.to_owned()))
    }

    /// Notes that `check`, which had passed, does not hold after all.
    pub(crate) fn overturn(&mut self, check: CheckId, expected: &str, seen: &str) {
        self.0.retain(|verdict| verdict.check != check);
        self.compared(check, false, expected, Some(seen.to_owned()));
    }

    /// Notes that the checks of `all` that have no verdict yet were not reached.
    pub(crate) fn rest_not_reached(&mut self, all: &[CheckId]) {
        for &check in all {
            if self.outcome(check).is_none() {
                self.push(Verdict {
                    check,
                    outcome: Outcome::NotReached,
                    expected: None,
                    seen: None,
                });
            }
        }
    }
}

impl<'a> IntoIterator for &'a Verdicts {
    type Item = &'a Verdict;
    type IntoIter = std::slice::Iter<'a, Verdict>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl FromIterator<Verdict> for Verdicts {
    fn from_iter<T: IntoIterator<Item = Verdict>>(verdicts: T) -> Self {
        Self(verdicts.into_iter().collect())
    }
}

impl IntoIterator for Verdicts {
    type Item = Verdict;
    type IntoIter = std::vec::IntoIter<Verdict>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own_that_leads_back_to_it() {
        let names = CheckId::ALL
            .iter()
            .map(|check| check.code())
            .collect::<BTreeSet<_>>();
        assert_eq!(names.len(), CheckId::ALL.len());
        for &check in CheckId::ALL {
            assert_eq!(CheckId::from_code(check.code()), Some(check));
            let shape = |c: char| c.is_ascii_lowercase() || matches!(c, '.' | '_');
            assert!(
                check.code().chars().all(shape) && check.code().matches('.').count() == 1,
                "{check}"
            );
            assert!(
                !check.title().is_empty() && check.section().contains(' '),
                "{check}"
            );
        }
        assert_eq!(CheckId::from_code("id_token.none"), None);
    }

    #[test]
    fn every_outcome_has_a_name_that_leads_back_to_it() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.as_str()), Some(outcome));
        }
        assert_eq!(Outcome::from_code("Passed"), None);
    }
}
