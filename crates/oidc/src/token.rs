//! The token endpoint (RFC 6749 sections 3.2, 4.1.3, 5 and 6): from a checked callback or a refresh token to
//! tokens, and what an answer means that has none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::authorize::{Registration, TokenAuth};
use crate::callback::ValidatedCallback;
use crate::checks::{CheckId, Verdicts};
use crate::discovery::Metadata;
use crate::error_code::ErrorCode;
use crate::explain::explained;
use crate::ids::{Scopes, UnixTime};
use crate::json::{self, NotJson, SecretText};
use crate::message::{Request, Response};
use crate::secret::{AccessToken, RawIdToken, RefreshToken};
use crate::text;

/// The most bytes that one token may have.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// How a provider's answers are to be read: where they differ from the specification, and what was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// `scope` is separated by commas, and one that is there and empty means that nothing was granted.
    pub comma_scopes: bool,
    /// An error may come with status 200.
    pub error_in_ok: bool,
    /// The answer may be a form instead of JSON.
    pub form_encoded: bool,
    /// The kind of access token that was asked for.
    pub token_type: TokenType,
}

impl Dialect {
    /// As the specification says. Google, GitLab and Microsoft Entra answer so.
    pub const STANDARD: Self = Self {
        comma_scopes: false,
        error_in_ok: false,
        form_encoded: false,
        token_type: TokenType::Bearer,
    };
    /// GitHub's way.
    pub const GITHUB: Self = Self {
        comma_scopes: true,
        error_in_ok: true,
        form_encoded: true,
        token_type: TokenType::Bearer,
    };
}

/// Exchanges the code of a checked callback (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
pub fn code_request(
    callback: &ValidatedCallback,
    metadata: &Metadata,
    registration: &Registration,
) -> Request {
    token_request(
        &metadata.token_endpoint,
        registration,
        &[
            ("grant_type", "authorization_code"),
            ("code", callback.code.expose()),
            ("redirect_uri", callback.redirect_uri.as_str()),
            ("code_verifier", callback.verifier.expose()),
        ],
    )
}

/// Asks for the next access token (RFC 6749 section 6). `scopes` asks for fewer permissions than were granted;
/// `None` for all of them.
pub fn refresh_request(
    token: &RefreshToken,
    metadata: &Metadata,
    registration: &Registration,
    scopes: Option<&Scopes>,
) -> Request {
    let scopes = scopes.map(Scopes::to_string);
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())];
    if let Some(scopes) = &scopes {
        fields.push(("scope", scopes));
    }
    token_request(&metadata.token_endpoint, registration, &fields)
}

/// A form for the token endpoint and its kin, with the client presented as its registration says.
pub(crate) fn token_request(url: &Url, registration: &Registration, fields: &[(&str, &str)]) -> Request {
    let client_id = registration.client_id.as_str();
    let mut fields = fields.to_vec();
    let basic = match (registration.token_auth, &registration.client_secret) {
        (TokenAuth::SecretBasic, Some(secret)) => Some(basic_credentials(client_id, secret.expose())),
        (TokenAuth::SecretPost, Some(secret)) => {
            fields.extend([("client_id", client_id), ("client_secret", secret.expose())]);
            None
        }
        _ => {
            fields.push(("client_id", client_id));
            None
        }
    };
    let mut request = Request::post_form(url.clone(), fields);
    if let Some(basic) = basic {
        request.headers.insert(header::AUTHORIZATION, basic);
    }
    request
}

/// Client id and secret for the `Authorization` header, each form-encoded first (RFC 6749 section 2.3.1).
pub(crate) fn basic_credentials(client_id: &str, secret: &str) -> HeaderValue {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret)));
    sensitive(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// A header value that no log prints. The text must be one that a header can hold; if it is not, the value is
/// empty, and the server refuses the request.
pub(crate) fn sensitive(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// What the token endpoint granted.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// For calling APIs.
    pub access_token: AccessToken,
    /// How it is presented.
    pub token_type: TokenType,
    /// Seconds that it is good for; `None` when the provider does not say.
    pub expires_in: Option<u64>,
    /// For the next access token. After a refresh, `None` means that the old one stays.
    pub refresh_token: Option<RefreshToken>,
    /// Seconds that the refresh token is good for, with providers that say so.
    pub refresh_expires_in: Option<u64>,
    /// What was granted; what was asked for when the provider does not say (RFC 6749 section 5.1).
    pub scopes: Scopes,
    /// Who signed in, not checked yet.
    pub id_token: Option<RawIdToken>,
    /// The provider's own time when it answered, where it says.
    pub answered_at: Option<UnixTime>,
    /// What the checks said.
    pub verdicts: Verdicts,
}

/// How an access token is presented (RFC 6749 section 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenType {
    /// RFC 6750: whoever has it can use it.
    #[default]
    Bearer,
    /// RFC 9449: only whoever has the key that it is bound to can use it.
    Dpop,
}

impl TokenType {
    /// As it is written in an `Authorization` header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// Judges the token endpoint's answer. `requested` is what was asked for.
pub fn parse_token_response(
    response: &Response,
    dialect: &Dialect,
    requested: &Scopes,
) -> Result<TokenResponse, TokenError> {
    let status = response.status;
    let retry_after = json::retry_after(response);
    let row = match read(response, *dialect) {
        Ok(row) => row,
        Err(_) if status != StatusCode::OK => {
            let (status, html) = (status.as_u16(), json::is_html(response));
            return Err(TokenError::Status {
                status,
                html,
                retry_after,
            });
        }
        Err(NotJson::Html) => return Err(TokenError::NotJson { html: true }),
        Err(NotJson::TooLarge | NotJson::Malformed) => return Err(TokenError::NotJson { html: false }),
    };
    if (status != StatusCode::OK || dialect.error_in_ok)
        && let Some(error) = row.error.as_deref().filter(|error| !error.is_empty())
    {
        return Err(TokenError::Refused(TokenRefusal {
            error: ErrorCode::parse(error),
            description: row.error_description.as_deref().map(text::providers_words),
            status: status.as_u16(),
            interval: row.interval,
            retry_after,
        }));
    }
    if status != StatusCode::OK {
        return Err(TokenError::Status {
            status: status.as_u16(),
            html: false,
            retry_after,
        });
    }
    let mut tokens = granted(row, *dialect, requested)?;
    tokens.answered_at = response.date();
    Ok(tokens)
}

/// How many characters of a foreign `token_type` are shown.
const LONGEST_TYPE_SHOWN: usize = 20;

fn granted(row: TokenRow, dialect: Dialect, requested: &Scopes) -> Result<TokenResponse, TokenError> {
    let access_token = present(row.access_token).ok_or(TokenError::Missing {
        field: "access_token",
    })?;
    let token_type = row
        .token_type
        .ok_or(TokenError::Missing { field: "token_type" })?;
    let mut verdicts = Verdicts::new();
    let asked = dialect.token_type;
    let as_asked = token_type.eq_ignore_ascii_case(asked.as_str());
    // A longer one may be a token that stands in the wrong place.
    let shown = if token_type.chars().count() <= LONGEST_TYPE_SHOWN {
        text::value(&token_type)
    } else {
        "something longer than a type".to_owned()
    };
    if !verdicts.compared(CheckId::TokenType, as_asked, asked.as_str(), Some(shown.clone())) {
        return Err(match asked {
            TokenType::Bearer => TokenError::TokenType { seen: shown },
            TokenType::Dpop => TokenError::Downgrade { seen: shown },
        });
    }
    let refresh_token = present(row.refresh_token);
    let id_token = present(row.id_token);
    for (field, token) in [
        ("access_token", Some(&access_token)),
        ("refresh_token", refresh_token.as_ref()),
        ("id_token", id_token.as_ref()),
    ] {
        if token.is_some_and(|token| !is_token(token)) {
            return Err(TokenError::Unusable { field });
        }
    }
    Ok(TokenResponse {
        access_token: AccessToken::new(access_token.as_str()),
        token_type: asked,
        expires_in: row.expires_in,
        refresh_token: refresh_token.map(|token| RefreshToken::new(token.as_str())),
        refresh_expires_in: row.refresh_token_expires_in.or(row.refresh_expires_in),
        scopes: row
            .scope
            .and_then(|scope| scope.granted(dialect))
            .unwrap_or_else(|| requested.clone()),
        id_token: id_token.map(|token| RawIdToken::new(token.as_str())),
        answered_at: None,
        verdicts,
    })
}

fn present(text: Option<SecretText>) -> Option<Zeroizing<String>> {
    text.map(|text| text.0).filter(|text| !text.is_empty())
}

/// Whether this can be a token at all: visible ASCII (RFC 6749 appendix A.12 and A.17 without the space, which
/// no header of RFC 6750 section 2.1 could carry), of bounded length.
fn is_token(text: &str) -> bool {
    text.len() <= MAX_TOKEN_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Why there are no tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The provider said no, and why.
    Refused(TokenRefusal),
    /// Status 200 with something that is not JSON.
    NotJson {
        /// Whether it was a web page.
        html: bool,
    },
    /// Another status, without an error that could be read.
    Status {
        /// The status.
        status: u16,
        /// Whether it was a web page.
        html: bool,
        /// Seconds after which to ask again, if the provider said so.
        retry_after: Option<u64>,
    },
    /// The answer lacks something.
    Missing {
        /// What.
        field: &'static str,
    },
    /// The answer holds something that cannot be a token.
    Unusable {
        /// What.
        field: &'static str,
    },
    /// The access token is of a kind that this app cannot present (RFC 6749 section 7.1).
    TokenType {
        /// Which kind.
        seen: String,
    },
    /// A token that is bound to a key was asked for, and one came that is not (RFC 9449 section 5).
    Downgrade {
        /// Which kind came.
        seen: String,
    },
}

/// An error response of the token endpoint (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRefusal {
    /// The error.
    pub error: ErrorCode,
    /// In the provider's own words, made fit to be shown.
    pub description: Option<String>,
    /// The status it came with.
    pub status: u16,
    /// Seconds between two polls from now on, which GitHub sends along with `slow_down`.
    pub interval: Option<u64>,
    /// Seconds after which to ask again, if the provider said so.
    pub retry_after: Option<u64>,
}

impl TokenError {
    /// Whether what the client holds is good no more, so that only a new sign-in helps. Never for trouble that
    /// may pass (5xx, 429, a web page), nor for what the app's settings could mend.
    pub fn ends_session(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.error.ends_session() && !is_passing(refusal.status),
            _ => false,
        }
    }

    /// Whether the trouble is likely to pass by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => is_passing(refusal.status) || refusal.error.is_passing(),
            // No token endpoint answers with a web page, but networks do that want people to sign in to them.
            Self::Status { status, html, .. } => *html || is_passing(*status),
            Self::NotJson { .. } => true,
            Self::Missing { .. }
            | Self::Unusable { .. }
            | Self::TokenType { .. }
            | Self::Downgrade { .. } => false,
        }
    }

    /// Seconds after which to ask again, if the provider said so.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.error.refusal_code(),
            Self::NotJson { .. } => "token_response_not_json",
            Self::Status { .. } => "token_endpoint_status",
            Self::Missing { .. } => "token_response_incomplete",
            Self::Unusable { .. } => "token_response_unusable",
            Self::TokenType { .. } => "token_type_unsupported",
            Self::Downgrade { .. } => "dpop_downgrade",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.error.message(refusal.description.as_deref()),
            Self::NotJson { html: true }
            | Self::Status {
                html: true,
                status: 200..500,
                ..
            } => "You could not go on: a web page came where the provider's answer should be.".to_owned(),
            Self::NotJson { html: false } => {
                "You could not go on: the provider's answer cannot be read.".to_owned()
            }
            Self::Status { status, .. } => {
                format!("You could not go on: the provider answered with status {status}.")
            }
            Self::Missing { field } => {
                format!("You could not go on: the provider's answer is incomplete ({field} is missing).")
            }
            Self::Unusable { field } => {
                format!("You could not go on: the provider's answer is broken ({field} cannot be used).")
            }
            Self::TokenType { seen } => {
                format!(
                    "You could not go on: the provider gave access of a kind that this app cannot use ({seen})."
                )
            }
            Self::Downgrade { seen } => format!(
                "You were kept from going on: access that is bound to a key of this app was asked for, and the provider gave some that anybody could use ({seen})."
            ),
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Refused(refusal) if is_passing(refusal.status) => "Try again in a few minutes; nothing is lost.",
            Self::Refused(refusal) => refusal.error.hint(),
            Self::NotJson { html: true } | Self::Status { html: true, status: 200..500, .. } => {
                "Open a browser and see whether the network you are on wants you to sign in to it, then try again."
            }
            // It may have meant that what was shown is spent, and not said so (RFC 6749 section 5.2).
            Self::Status { status, .. } if !is_passing(*status) => "Try again in a few minutes; if it stays so, sign in again.",
            Self::Status { .. } | Self::NotJson { .. } => "Try again in a few minutes; nothing is lost.",
            Self::Downgrade { .. } => {
                "Tell whoever runs the provider; if it cannot bind access to a key after all, leave `dpop` out of providers.toml."
            }
            Self::Missing { .. } | Self::Unusable { .. } | Self::TokenType { .. } => {
                "Tell whoever runs the provider; only they can change this."
            }
        }
        .to_owned()
    }
}

explained!(TokenError);

fn is_passing(status: u16) -> bool {
    StatusCode::from_u16(status).is_ok_and(json::is_passing)
}

/// A token response or an error response, as it comes.
#[derive(Default, Deserialize)]
struct TokenRow {
    access_token: Option<SecretText>,
    token_type: Option<String>,
    #[serde(default, deserialize_with = "json::seconds")]
    expires_in: Option<u64>,
    refresh_token: Option<SecretText>,
    #[serde(default, deserialize_with = "json::seconds")]
    refresh_token_expires_in: Option<u64>,
    #[serde(default, deserialize_with = "json::seconds")]
    refresh_expires_in: Option<u64>,
    scope: Option<ScopeRow>,
    id_token: Option<SecretText>,
    error: Option<String>,
    error_description: Option<String>,
    #[serde(default, deserialize_with = "json::seconds")]
    interval: Option<u64>,
}

/// `scope` as providers write it.
#[derive(Deserialize)]
#[serde(untagged)]
enum ScopeRow {
    Text(String),
    List(Vec<String>),
}

impl ScopeRow {
    /// The set; `None` when it says nothing.
    fn granted(self, dialect: Dialect) -> Option<Scopes> {
        let scopes = match self {
            Self::Text(text) if dialect.comma_scopes => {
                return Some(Scopes::from_tokens(text.split([',', ' '])));
            }
            Self::Text(text) => Scopes::parse(&text),
            Self::List(list) => Scopes::from_tokens(list),
        };
        (!scopes.is_empty()).then_some(scopes)
    }
}

fn read(response: &Response, dialect: Dialect) -> Result<TokenRow, NotJson> {
    let is_form = response.media_type() == "application/x-www-form-urlencoded";
    if !(dialect.form_encoded && is_form) || response.body.len() > crate::message::MAX_RESPONSE_BYTES {
        return json::read(response);
    }
    let mut row = TokenRow::default();
    for (name, value) in url::form_urlencoded::parse(&response.body) {
        let value = value.into_owned();
        match name.as_ref() {
            "access_token" => row.access_token = Some(SecretText(Zeroizing::new(value))),
            "token_type" => row.token_type = Some(value),
            "expires_in" => row.expires_in = json::seconds_in(&value),
            "refresh_token" => row.refresh_token = Some(SecretText(Zeroizing::new(value))),
            "refresh_token_expires_in" => row.refresh_token_expires_in = json::seconds_in(&value),
            "scope" => row.scope = Some(ScopeRow::Text(value)),
            "error" => row.error = Some(value),
            "error_description" => row.error_description = Some(value),
            "interval" => row.interval = json::seconds_in(&value),
            _ => {}
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests;
