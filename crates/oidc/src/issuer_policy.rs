//! Which spellings of an issuer are accepted where. The rule is one exact string; the exceptions are real
//! providers, each named by whoever configures it and never guessed from an answer.

use crate::ids::Issuer;

/// What `iss` must be in the callback and in the ID token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerPolicy {
    issuer: Issuer,
    callback: String,
    also: Vec<String>,
    tenants: bool,
}

impl IssuerPolicy {
    /// The rule: `iss` is this issuer, letter for letter, everywhere.
    pub fn exact(issuer: &Issuer) -> Self {
        Self {
            issuer: issuer.clone(),
            callback: issuer.as_str().to_owned(),
            also: Vec::new(),
            tenants: false,
        }
    }

    /// The callback's `iss` must be `issuer` instead: GitHub calls itself `https://github.com/login/oauth` there.
    pub fn callback_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.callback = issuer.into();
        self
    }

    /// The ID token's `iss` may also be the issuer without `https://`, as Google's older tokens have it. The
    /// callback's may not.
    pub fn or_without_scheme(mut self) -> Self {
        if let Some((_, rest)) = self.issuer.as_str().split_once("://") {
            self.also.push(rest.to_owned());
        }
        self
    }

    /// The issuer is a template: `{tenantid}` stands for the ID token's own `tid`, which must be a GUID
    /// (Microsoft Entra's shared endpoints).
    pub fn tenant_template(mut self) -> Self {
        self.tenants = true;
        self
    }

    /// The issuer itself.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What a callback's `iss` must be.
    pub fn expected_in_callback(&self) -> &str {
        &self.callback
    }

    /// The issuer that an ID token with this `iss` (and `tid`) is from; `None` when it is not accepted. Every
    /// accepted spelling gives the same issuer, so that one person is one account.
    pub(crate) fn accept_id_token(&self, iss: &str, tid: Option<&str>) -> Option<Issuer> {
        if self.tenants {
            let tid = tid.filter(|tid| is_guid(tid))?;
            let filled = self.issuer.as_str().replace("{tenantid}", tid);
            return (filled == iss).then(|| filled.parse().ok()).flatten();
        }
        (iss == self.issuer.as_str() || self.also.iter().any(|also| also == iss)).then(|| self.issuer.clone())
    }

    /// What to show as expected.
    pub(crate) fn shown(&self) -> String {
        let mut shown = self.issuer.as_str().to_owned();
        for also in &self.also {
            shown.push_str(" or ");
            shown.push_str(also);
        }
        shown
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    #[test]
    fn only_named_spellings_are_accepted() {
        let check = |policy: &IssuerPolicy, iss: &str, tid: Option<&str>, issuer: Option<&str>| {
            let accepted = policy.accept_id_token(iss, tid);
            assert_eq!(accepted.as_ref().map(Issuer::as_str), issuer, "{iss} {tid:?}");
        };
        let google = "https://accounts.google.com".parse::<Issuer>().unwrap();
        let exact = IssuerPolicy::exact(&google);
        check(
            &exact,
            "https://accounts.google.com",
            None,
            Some("https://accounts.google.com"),
        );
        check(&exact, "https://accounts.google.com/", None, None);
        check(&exact, "HTTPS://accounts.google.com", None, None);
        check(&exact, "accounts.google.com", None, None);
        check(&exact, "", None, None);
        let both = IssuerPolicy::exact(&google).or_without_scheme();
        check(
            &both,
            "accounts.google.com",
            None,
            Some("https://accounts.google.com"),
        );
        check(&both, "accounts.google.com.evil.example", None, None);
        assert_eq!(both.expected_in_callback(), "https://accounts.google.com");

        let entra = "https://login.microsoftonline.com/{tenantid}/v2.0"
            .parse::<Issuer>()
            .unwrap();
        let entra = IssuerPolicy::exact(&entra).tenant_template();
        let filled = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        check(&entra, &filled, Some(TENANT), Some(&filled));
        check(
            &entra,
            &filled,
            Some("00000000-0000-0000-0000-000000000000"),
            None,
        );
        check(&entra, &filled, None, None);
        check(
            &entra,
            "https://login.microsoftonline.com/x/v2.0",
            Some("x"),
            None,
        );
        check(
            &entra,
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            Some(TENANT),
            None,
        );
    }
}
