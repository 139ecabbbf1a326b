//! The person's profile: userinfo (OpenID Connect Core section 5.3), and GitHub's `/user`, which is all that
//! GitHub says of who signed in.

mod signed;

use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

pub use self::signed::{ProfileFlaw, SignedExpectations, is_signed, parse_signed_userinfo};
use crate::checks::{CheckId, Verdicts};
use crate::explain::explained;
use crate::identity::{Claims, Identity};
use crate::ids::{Issuer, Subject};
use crate::json::{self, NotJson};
use crate::message::{Request, Response};
use crate::secret::AccessToken;
use crate::token::sensitive;

/// The version of GitHub's API that is spoken here.
pub const GITHUB_API_VERSION: &str = "2026-03-10";

/// Asks for the profile; the token goes into the header and nowhere else (RFC 6750 section 2.1).
pub fn userinfo_request(endpoint: &Url, token: &AccessToken) -> Request {
    let mut request = Request::get_json(endpoint.clone());
    request.headers.insert(header::AUTHORIZATION, bearer(token));
    request
}

/// The checks that only a signed profile gives occasion for.
const OF_SIGNED: [CheckId; 4] = [
    CheckId::UserinfoSignature,
    CheckId::UserinfoIssuer,
    CheckId::UserinfoAudience,
    CheckId::UserinfoExpiry,
];

/// Judges a profile in plain JSON: it must be the same person's as the ID token (Core section 5.3.2). What comes back
/// can be added to the identity with [`Identity::with_userinfo`]. For one that [`is_signed`] there is
/// [`parse_signed_userinfo`].
pub fn parse_userinfo(response: &Response, identity: &Identity) -> Result<Userinfo, UserinfoError> {
    let claims: Claims = read(response)?;
    let mut verdicts = Verdicts::new();
    for check in OF_SIGNED {
        verdicts.not_applicable(check);
    }
    of_the_same_person(claims, identity, verdicts)
}

fn of_the_same_person(
    claims: Claims,
    identity: &Identity,
    mut verdicts: Verdicts,
) -> Result<Userinfo, UserinfoError> {
    let subject = claims
        .get("sub")
        .map(|sub| sub.as_str() == Some(identity.subject().as_str()));
    if !verdicts.compared_hidden(CheckId::UserinfoSubject, subject) {
        return Err(UserinfoError::OtherSubject { verdicts });
    }
    Ok(Userinfo { claims, verdicts })
}

/// A profile that belongs to the person it was asked for.
#[derive(Clone, PartialEq)]
pub struct Userinfo {
    claims: Claims,
    verdicts: Verdicts,
}

impl Userinfo {
    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What the checks said.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    pub(crate) fn into_claims(self) -> Claims {
        self.claims
    }
}

impl std::fmt::Debug for Userinfo {
    /// The number of claims: they are about a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Userinfo({} claims)", self.claims.len())
    }
}

/// Asks GitHub who the token belongs to. `api` is `https://api.github.com`, or an Enterprise Server's
/// `https://HOST/api/v3`.
pub fn github_user_request(api: &Url, token: &AccessToken) -> Request {
    let mut request = github_request(api, &["user"]);
    request.headers.insert(header::AUTHORIZATION, bearer(token));
    request
}

/// A GET to GitHub's API, with the headers that GitHub insists on.
pub(crate) fn github_request(api: &Url, path: &[&str]) -> Request {
    let mut url = api.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    let mut request = Request::get_json(url);
    let headers = &mut request.headers;
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("application/vnd.github+json"),
    );
    headers.insert(
        HeaderName::from_static("x-github-api-version"),
        HeaderValue::from_static(GITHUB_API_VERSION),
    );
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("Tessera/", env!("CARGO_PKG_VERSION"))),
    );
    request
}

/// Reads GitHub's answer: its number for the person is the subject, because a login can be renamed and given
/// to someone else. The claims get the names that OpenID Connect has for them.
pub fn github_identity(response: &Response, issuer: &Issuer) -> Result<Identity, UserinfoError> {
    let user: GithubUser = read(response)?;
    let mut claims = Claims::new();
    let text = |value: Option<String>| value.filter(|text| !text.is_empty()).map(Value::String);
    let pairs = [
        ("iss", Some(Value::from(issuer.as_str()))),
        ("sub", Some(Value::from(user.id.to_string()))),
        ("preferred_username", text(user.login)),
        ("name", text(user.name)),
        ("email", text(user.email)),
        ("picture", text(user.avatar_url)),
        ("profile", text(user.html_url)),
    ];
    claims.extend(
        pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    Ok(Identity::new(
        issuer.clone(),
        Subject::new(user.id.to_string()),
        claims,
    ))
}

/// Why there is no profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserinfoError {
    /// The token was not accepted.
    Unauthorized,
    /// Another status.
    Status {
        /// The status.
        status: u16,
        /// Seconds after which to ask again, if the provider said so.
        retry_after: Option<u64>,
    },
    /// Something that is not JSON.
    NotJson {
        /// Whether it was a web page.
        html: bool,
    },
    /// An encrypted profile, which this app did not ask for.
    Encrypted,
    /// JSON that lacks what it must have.
    Malformed,
    /// A signed profile that does not prove what it says.
    Flawed {
        /// Why not.
        flaw: ProfileFlaw,
        /// What the checks said.
        verdicts: Verdicts,
    },
    /// Someone else's profile.
    OtherSubject {
        /// What the checks said.
        verdicts: Verdicts,
    },
}

impl UserinfoError {
    /// Whether the trouble is likely to pass by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => StatusCode::from_u16(*status).is_ok_and(json::is_passing),
            Self::NotJson { .. } => true,
            _ => false,
        }
    }

    /// What the checks said, where one of them failed: then the profile is not merely missing, and what came with it is
    /// not to be relied on either.
    pub fn failed_checks(&self) -> Option<&Verdicts> {
        match self {
            Self::Flawed { verdicts, .. } | Self::OtherSubject { verdicts } => Some(verdicts),
            _ => None,
        }
    }

    /// Whether the key set at hand lacks the key of a signed profile; see [`IdTokenRefusal::wants_new_keys`].
    ///
    /// [`IdTokenRefusal::wants_new_keys`]: crate::id_token::IdTokenRefusal::wants_new_keys
    pub fn wants_new_keys(&self) -> bool {
        matches!(
            self,
            Self::Flawed {
                flaw: ProfileFlaw::UnknownKey,
                ..
            }
        )
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "userinfo_unauthorized",
            Self::Status { .. } => "userinfo_status",
            Self::NotJson { .. } => "userinfo_not_json",
            Self::Encrypted => "userinfo_encrypted",
            Self::Flawed { flaw, .. } => flaw.code(),
            Self::Malformed => "userinfo_malformed",
            Self::OtherSubject { .. } => "userinfo_sub",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::Unauthorized => {
                "Your profile could not be read: the provider did not accept the access that it gave."
                    .to_owned()
            }
            Self::Status { status, .. } => {
                format!("Your profile could not be read: the provider answered with status {status}.")
            }
            Self::NotJson { html: true } => {
                "Your profile could not be read: a web page came where it should be.".to_owned()
            }
            Self::NotJson { html: false } | Self::Malformed => {
                "Your profile could not be read: the provider's answer is not one.".to_owned()
            }
            Self::Encrypted => {
                "Your profile could not be read: the provider encrypted it, which this app did not ask for."
                    .to_owned()
            }
            Self::Flawed { flaw, .. } => flaw.message(),
            Self::OtherSubject { .. } => {
                "You were sent somebody else's profile, so it was not used.".to_owned()
            }
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unauthorized => "Sign in again.",
            Self::Status { .. } | Self::NotJson { .. } => "Try again in a few minutes; nothing is lost.",
            Self::Encrypted | Self::Malformed => "Tell whoever runs the provider; only they can change this.",
            Self::Flawed {
                flaw: ProfileFlaw::Expiry,
                ..
            } => "Set this computer's clock by the internet, then sign in again.",
            Self::Flawed { .. } | Self::OtherSubject { .. } => {
                "Sign in again; if it happens once more, copy the report and give it to whoever runs the provider."
            }
        }
        .to_owned()
    }
}

explained!(UserinfoError);

/// The token as a header value that no log prints.
pub(crate) fn bearer(token: &AccessToken) -> HeaderValue {
    let value = Zeroizing::new(format!("Bearer {}", token.expose()));
    sensitive(&value)
}

fn read<T: DeserializeOwned>(response: &Response) -> Result<T, UserinfoError> {
    is_there(response)?;
    json::read(response).map_err(|error| match error {
        NotJson::Html => UserinfoError::NotJson { html: true },
        NotJson::Malformed if serde_json::from_slice::<IgnoredAny>(&response.body).is_ok() => {
            UserinfoError::Malformed
        }
        NotJson::TooLarge | NotJson::Malformed => UserinfoError::NotJson { html: false },
    })
}

fn is_there(response: &Response) -> Result<(), UserinfoError> {
    match response.status {
        StatusCode::OK => Ok(()),
        StatusCode::UNAUTHORIZED => Err(UserinfoError::Unauthorized),
        status => Err(UserinfoError::Status {
            status: status.as_u16(),
            retry_after: json::retry_after(response),
        }),
    }
}

/// What is read of GitHub's user.
#[derive(Deserialize)]
struct GithubUser {
    id: u64,
    login: Option<String>,
    name: Option<String>,
    email: Option<String>,
    avatar_url: Option<String>,
    html_url: Option<String>,
}

#[cfg(test)]
mod tests;
