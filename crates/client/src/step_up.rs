//! What an API wants before it answers: a permission that was not granted (RFC 6750 section 3.1), or a more recent or
//! a stronger sign-in (RFC 9470). It becomes a new, smaller authorization request for the same account.

use http::{HeaderMap, StatusCode, header};
use tessera_oidc::{Challenge, Scopes};

use crate::account::AccountId;
use crate::client::Client;
use crate::error::Error;
use crate::provider::{AdHocProvider, ProviderKind};
use crate::providers::ProviderError;
use crate::sign_in::{ProviderChoice, SignIn};

/// The schemes that an access token goes by (RFC 6750 section 2.1, RFC 9449 section 7.1).
const SCHEMES: [&str; 2] = ["Bearer", "DPoP"];

/// The most authentication contexts that an API can name, and the most characters of each.
const MOST_ACR_VALUES: usize = 10;
const LONGEST_ACR: usize = 200;

/// The longest list of permissions that an API can name, in characters.
const LONGEST_SCOPE: usize = 1000;

/// What an API wants before it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepUp {
    /// The permissions that are missing; empty when that is not why.
    pub scopes: Scopes,
    /// The authentication contexts of which the sign-in must have one (`acr_values`), best first; empty when any will
    /// do.
    pub acr_values: Vec<String>,
    /// The most seconds that may have passed since the person signed in; `None` when it does not matter.
    pub max_age: Option<u64>,
}

impl StepUp {
    /// Reads it from a refusal: a 403 with `insufficient_scope`, or a 401 with `insufficient_user_authentication`
    /// (RFC 9470 section 3). `None` for every other answer, and for a challenge that makes no sense.
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter();
        challenges
            .filter_map(|field| field.to_str().ok())
            .flat_map(Challenge::parse_all)
            .filter(|challenge| SCHEMES.iter().any(|scheme| challenge.is_of(scheme)))
            .find_map(|challenge| Self::of_challenge(status, &challenge))
    }

    fn of_challenge(status: StatusCode, challenge: &Challenge) -> Option<Self> {
        let value = |name: &str| challenge.parameter(name);
        let scopes = value("scope")
            .filter(|scope| scope.len() <= LONGEST_SCOPE && scope.chars().all(is_plain))
            .map(Scopes::parse)
            .unwrap_or_default();
        match (status, value("error")?) {
            (StatusCode::FORBIDDEN, "insufficient_scope") if !scopes.is_empty() => Some(Self {
                scopes,
                ..Self::default()
            }),
            (StatusCode::UNAUTHORIZED, "insufficient_user_authentication") => {
                let acr_values: Vec<String> = value("acr_values")
                    .unwrap_or_default()
                    .split_ascii_whitespace()
                    .filter(|acr| acr.len() <= LONGEST_ACR && acr.chars().all(is_plain))
                    .take(MOST_ACR_VALUES)
                    .map(str::to_owned)
                    .collect();
                let max_age = value("max_age").and_then(|seconds| seconds.parse().ok());
                // An API that names neither can only mean: sign in anew.
                let max_age = max_age.or_else(|| acr_values.is_empty().then_some(0));
                Some(Self {
                    scopes,
                    acr_values,
                    max_age,
                })
            }
            _ => None,
        }
    }

    /// The permissions as an API names them, separated by spaces; `None` when none is missing.
    pub fn missing_scope(&self) -> Option<String> {
        (!self.scopes.is_empty()).then(|| self.scopes.to_string())
    }

    /// Whether it is about how the person signed in, and not only about permissions.
    pub fn is_about_sign_in(&self) -> bool {
        !self.acr_values.is_empty() || self.max_age.is_some()
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_graphic() || c == ' '
}

impl std::fmt::Display for StepUp {
    /// What the API wants, in sentences.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sentences = Vec::new();
        if let Some(scope) = self.missing_scope() {
            sentences.push(format!(
                "The API wants the permission `{scope}`, which was not granted."
            ));
        }
        match self.max_age {
            None => {}
            Some(0) => sentences.push("The API wants you to sign in anew for this.".to_owned()),
            Some(seconds) if seconds < 120 => sentences.push(format!(
                "The API wants you to have signed in within the last {seconds} seconds."
            )),
            Some(seconds) => sentences.push(format!(
                "The API wants you to have signed in within the last {} minutes.",
                seconds / 60
            )),
        }
        if !self.acr_values.is_empty() {
            sentences.push(format!(
                "The API wants a stronger sign-in than yours: {}.",
                self.acr_values.join(" or ")
            ));
        }
        f.write_str(&sentences.join(" "))
    }
}

impl Client {
    /// The sign-in that brings what an API wants: by the same account, with the permissions that it has and those
    /// that are missing, and no more. If another person signs in, nothing is changed.
    ///
    /// # Errors
    /// When there is no such account, or its provider is not known any more.
    pub async fn step_up(&self, id: &AccountId, wanted: StepUp) -> Result<SignIn, Error> {
        let granted = self.account(id).await?.granted;
        Ok(SignIn {
            scopes: Some(granted.union(&wanted.scopes)),
            step_up: Some(wanted),
            ..self.renewal(id).await?
        })
    }

    /// The sign-in that renews an account: at its own provider, with the APIs that were named for it, and kept where it
    /// was.
    ///
    /// # Errors
    /// When there is no such account, or its provider is not known any more.
    pub async fn renewal(&self, id: &AccountId) -> Result<SignIn, Error> {
        let account = self.account(id).await?;
        let provider = if let Some(provider) = self.provider_of(&account) {
            ProviderChoice::Known(provider.id)
        } else {
            let terms = self.terms_of(&account, None).await?;
            if !matches!(terms.kind, ProviderKind::Oidc) {
                return Err(ProviderError::Unknown(account.provider.to_string()).into());
            }
            ProviderChoice::AdHoc(AdHocProvider {
                issuer: terms.issuer.to_string(),
                client_id: terms.client_id.to_string(),
                client_secret: terms.client_secret,
            })
        };
        Ok(SignIn {
            apis: account
                .apis
                .iter()
                .map(|api| api.origin().ascii_serialization())
                .collect(),
            storage: account.storage,
            account: Some(account.id),
            ..SignIn::with(provider)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(status: u16, challenge: &str) -> Option<StepUp> {
        let mut headers = HeaderMap::new();
        headers.insert(header::WWW_AUTHENTICATE, challenge.parse().unwrap());
        StepUp::of(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn only_a_challenge_that_says_what_it_wants_is_one() {
        let check = |status, challenge: &str, expected: Option<(&str, &[&str], Option<u64>)>| {
            let found = of(status, challenge);
            let found = found.as_ref().map(|wanted| {
                let acr_values: Vec<&str> = wanted.acr_values.iter().map(String::as_str).collect();
                (wanted.scopes.to_string(), acr_values, wanted.max_age)
            });
            let expected = expected.map(|(scopes, acr, age)| (scopes.to_owned(), acr.to_vec(), age));
            assert_eq!(found, expected, "{challenge}");
        };
        let scope = r#"Bearer error="insufficient_scope", scope="b a""#;
        check(403, scope, Some(("a b", &[], None)));
        check(401, scope, None);
        check(403, r#"Bearer error="insufficient_scope""#, None);
        check(403, "Bearer error=\"insufficient_scope\", scope=\"a\tb\"", None);
        let weak = r#"Bearer error="insufficient_user_authentication""#;
        check(401, weak, Some(("", &[], Some(0))));
        check(403, weak, None);
        check(
            401,
            &format!(r#"{weak}, acr_values="x:2 x:1", max_age="300""#),
            Some(("", &["x:2", "x:1"], Some(300))),
        );
        check(401, &format!("{weak}, max_age=5"), Some(("", &[], Some(5))));
        check(401, &format!(r#"{weak}, max_age="-5""#), Some(("", &[], Some(0))));
        check(
            401,
            &format!(r#"{weak}, max_age="soon", acr_values="x""#),
            Some(("", &["x"], None)),
        );
        let long = "x".repeat(LONGEST_ACR + 1);
        check(
            401,
            &format!(r#"{weak}, acr_values="{long}""#),
            Some(("", &[], Some(0))),
        );
        check(401, r#"Bearer error="invalid_token", max_age="5""#, None);
        check(401, "Bearer", None);
        check(
            401,
            &weak.replace("Bearer", "DPoP algs=\"ES256\","),
            Some(("", &[], Some(0))),
        );
        check(401, r#"Basic error="insufficient_user_authentication""#, None);
    }

    #[test]
    fn what_is_wanted_is_said_in_sentences() {
        let check = |challenge: &str, expected: &str| {
            let wanted = of(
                401,
                &format!(r#"Bearer error="insufficient_user_authentication", {challenge}"#),
            );
            assert_eq!(wanted.unwrap().to_string(), expected);
        };
        check("max_age=0", "The API wants you to sign in anew for this.");
        check(
            "max_age=60",
            "The API wants you to have signed in within the last 60 seconds.",
        );
        check(
            r#"max_age=300, acr_values="x:2 x:1""#,
            "The API wants you to have signed in within the last 5 minutes. \
             The API wants a stronger sign-in than yours: x:2 or x:1.",
        );
    }
}
