//! Calls protected APIs for an account: decides whether the account's token may go there, sends it, and
//! makes sense of a refusal. Nobody outside this file puts an access token into a request to an API.

mod answer;
mod mask;
mod refusal;

use std::time::Duration;

use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tessera_oidc::dpop::{self, DpopKey, DpopKeyError, challenges_for_nonce};
use tessera_oidc::message::Request;
use tessera_oidc::{AccessToken, is_secure};
use url::{Origin, Url};
use zeroize::Zeroizing;

use crate::account::{Account, AccountId};
use crate::client::Client;
use crate::dpop::{For, told};
use crate::error::Error;
use crate::fresh_token::FreshToken;
use crate::ports::{BodyStream, Limits, StreamedResponse};
use crate::provider::Provider;
use crate::step_up::StepUp;
use crate::terms::Terms;
use crate::trace::{Field, Flow, FlowKind, MessageId, Party, request_fields};
use answer::{next_page, redirect};
use mask::Mask;
pub use refusal::ApiRefusal;

/// The most bytes of a body that are read when a caller names no limit of its own: 16 MiB.
pub const DEFAULT_BODY_LIMIT: usize = 16 * 1024 * 1024;

/// Redirects within one origin that are followed before it counts as a loop.
const MAX_REDIRECTS: usize = 5;

/// What is told in the flow of a call that cannot be made.
const NO_TOKEN: &str = "No access token could be had for it, so nothing is sent; its own flow tells why.";

/// What to send.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: String,
    /// Further header fields. `Authorization`, `DPoP`, `Cookie` and `Host` are not the caller's to set.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// The body's media type; JSON when not given.
    pub content_type: Option<String>,
    /// The most bytes of the answer's body, after decompression.
    pub body_limit: usize,
}

impl ApiRequest {
    /// A GET of `url` with the usual limit.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            content_type: None,
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }
}

/// What came back.
pub struct ApiResponse {
    /// The status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body, as it arrives.
    pub body: BodyStream,
    /// What was decided on the way, in order.
    pub decisions: Vec<Decision>,
    /// What the API wants before it answers, when that is why it refused; see [`Client::step_up`].
    pub step_up: Option<StepUp>,
    /// The next page (RFC 8288, `rel="next"`).
    pub next: Option<Url>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct CollectedResponse {
    /// The status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// What was decided on the way, in order.
    pub decisions: Vec<Decision>,
    /// What the API wants before it answers.
    pub step_up: Option<StepUp>,
    /// The next page.
    pub next: Option<Url>,
}

impl ApiResponse {
    /// Reads the body to its end.
    pub async fn collect(mut self) -> Result<CollectedResponse, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = self.body.next().await {
            body.extend_from_slice(&chunk?);
        }
        Ok(CollectedResponse {
            status: self.status,
            headers: self.headers,
            body,
            decisions: self.decisions,
            step_up: self.step_up,
            next: self.next,
        })
    }
}

/// Something the gateway decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The token may go to this origin, and why.
    OriginAllowed {
        /// The origin.
        origin: String,
        /// Whether it is the issuer's own, an API of the provider, or one that the person named.
        because: OriginRule,
    },
    /// The API refused the token; a fresh one was fetched and the call repeated once.
    Retried,
    /// The answer led to another place in the same origin, and was followed.
    Followed {
        /// The path it led to.
        path: String,
    },
    /// The answer led to another origin. It was not followed: the token is not for there.
    NotFollowed {
        /// The origin it led to.
        origin: String,
    },
    /// The API wants a permission that was not granted, or another sign-in.
    Wanted(StepUp),
}

/// Why an origin is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginRule {
    /// It is the issuer's own.
    Issuer,
    /// The account's provider names it as it is now.
    Provider,
    /// The person named it for this account when they signed in.
    Account,
}

impl Decision {
    /// A stable id.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OriginAllowed { .. } => "origin_allowed",
            Self::Retried => "retried_with_fresh_token",
            Self::Followed { .. } => "redirect_followed",
            Self::NotFollowed { .. } => "redirect_not_followed",
            Self::Wanted(wanted) if wanted.is_about_sign_in() => "step_up_needed",
            Self::Wanted(_) => "missing_scope",
        }
    }
}

impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OriginAllowed {
                origin,
                because: OriginRule::Issuer,
            } => {
                write!(
                    f,
                    "Your token may go to {origin}: it is the provider's own address."
                )
            }
            Self::OriginAllowed {
                origin,
                because: OriginRule::Provider,
            } => {
                write!(
                    f,
                    "Your token may go to {origin}: it is one of the provider's APIs."
                )
            }
            Self::OriginAllowed {
                origin,
                because: OriginRule::Account,
            } => {
                write!(
                    f,
                    "Your token may go to {origin}: you named this API when you signed in."
                )
            }
            Self::Retried => {
                f.write_str("The API refused the token, so a fresh one was fetched and the call repeated.")
            }
            Self::Followed { path } => write!(
                f,
                "The answer led to {path} on the same server, and was followed."
            ),
            Self::NotFollowed { origin } => {
                write!(
                    f,
                    "The answer leads to {origin}. It was not followed, because your token is not for there."
                )
            }
            Self::Wanted(wanted) => wanted.fmt(f),
        }
    }
}

/// Why nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The address is not one that can be called.
    #[error("`{0}` is not an address that can be called")]
    Address(String),
    /// The method is not one.
    #[error("`{0}` is not a method")]
    Method(String),
    /// The body could not be read, or is too large.
    #[error("the body could not be read")]
    Body,
    /// The account's token may not go there.
    #[error("this account's token may not go to {0}")]
    Origin(String),
    /// The caller wants to set a field that is not its to set, or that is not valid.
    #[error("the header field `{0}` cannot be set")]
    Header(String),
}

/// Whether the account's token may go to this address.
pub(crate) fn allowed(
    account: &Account,
    provider: Option<&Provider>,
    url: &Url,
) -> Result<Decision, PolicyError> {
    let origin = url.origin();
    let text = origin.ascii_serialization();
    if !is_secure(url) || !url.username().is_empty() || url.password().is_some() {
        return Err(PolicyError::Origin(text));
    }
    let rule = places(account, provider).find(|(place, _)| place.origin() == origin);
    match rule {
        Some((_, because)) => Ok(Decision::OriginAllowed {
            origin: text,
            because,
        }),
        None => Err(PolicyError::Origin(text)),
    }
}

/// Where an account's token may go, and why.
fn places<'a>(
    account: &'a Account,
    provider: Option<&'a Provider>,
) -> impl Iterator<Item = (&'a Url, OriginRule)> {
    let of_provider = provider
        .map(|provider| provider.apis.as_slice())
        .unwrap_or_default();
    std::iter::once((account.issuer.url(), OriginRule::Issuer))
        .chain(of_provider.iter().map(|api| (api, OriginRule::Provider)))
        .chain(account.apis.iter().map(|api| (api, OriginRule::Account)))
}

/// The origins of these places, each once and for the first reason.
pub(crate) fn origins(account: &Account, provider: Option<&Provider>) -> Vec<(String, OriginRule)> {
    let mut origins: Vec<(String, OriginRule)> = Vec::new();
    for (place, because) in places(account, provider) {
        let origin = place.origin().ascii_serialization();
        if origins.iter().all(|(known, _)| *known != origin) {
            origins.push((origin, because));
        }
    }
    origins
}

/// The APIs that an account's token may go to, beside the issuer: those its provider names now, and those the
/// person named for the account.
pub(crate) fn apis<'a>(
    account: &'a Account,
    provider: Option<&'a Provider>,
) -> impl Iterator<Item = &'a Url> {
    places(account, provider)
        .filter(|(_, because)| *because != OriginRule::Issuer)
        .map(|(place, _)| place)
}

impl Client {
    /// Calls an API with the account's token, which the answer does not show even where the API repeats it. The answer's status is the API's: a 404 is an answer, not an
    /// error. Errors mean that there is no answer, or that nothing was sent.
    pub async fn call(&self, id: &AccountId, request: ApiRequest) -> Result<ApiResponse, Error> {
        let account = self.account(id).await?;
        let flow = self
            .inner()
            .tracer
            .flow(FlowKind::Call, Some(&account.provider), Some(id));
        let result = self.call_traced(&account, request, &flow).await;
        match &result {
            // An answer for the caller; for the person, whose call it is, the end of it.
            Ok(answer) => {
                let refusal = ApiRefusal::of(answer.status, answer.step_up.as_ref());
                flow.ended(refusal.map(Error::Api).as_ref());
            }
            Err(error) => flow.ended(Some(error)),
        }
        result
    }

    async fn call_traced(
        &self,
        account: &Account,
        request: ApiRequest,
        flow: &Flow,
    ) -> Result<ApiResponse, Error> {
        let shown = |text: &str| {
            text.split(['?', '#'])
                .next()
                .unwrap_or_default()
                .chars()
                .take(200)
                .collect::<String>()
        };
        let mut url = Url::parse(&request.url).map_err(|_| PolicyError::Address(shown(&request.url)))?;
        let headers = fields(&request)?;
        let provider = self.provider_of(account);

        let mut decisions = Vec::new();
        let mut decide = |decision: Decision| {
            flow.decided(decision.code(), decision.to_string());
            decisions.push(decision);
        };
        match allowed(account, provider.as_ref(), &url) {
            Ok(decision) => decide(decision),
            Err(refusal) => {
                flow.decided("origin_refused", refusal.to_string());
                return Err(refusal.into());
            }
        }

        let mut method = request.method.clone();
        let mut body = request.body.clone();
        let token = self.token_for_call(&account.id, None, flow).await;
        let mut token = token.inspect_err(|_| flow.decided("no_access_token", NO_TOKEN))?;
        let mut key = self.key_of(account, &token, flow).await?;
        let mut retried = false;
        let mut nonce_added = false;
        let mut followed = 0;
        let mut mask = Mask::default();
        loop {
            mask.hide(&token.access_token);
            let mut message = message(&method, &url, &headers, body.as_deref(), &token.access_token);
            if let Some((terms, key)) = &key {
                self.prove(terms, key, For::Resource(&token.access_token), &mut message)?;
            }
            let limits = Limits {
                body: request.body_limit,
                time: Duration::from_mins(1),
            };
            flow.message(
                Party::Tessera,
                Party::Api,
                MessageId::ApiRequest,
                request_fields(&message),
            );
            let response = self.inner().ports.http.stream(message, limits).await?;
            flow.message(
                Party::Api,
                Party::Tessera,
                MessageId::ApiResponse,
                answer_fields(&response, &mask),
            );

            let has_nonce = key.is_some() && self.inner().nonces.take(&url, &response.headers);
            let wants_nonce = key.is_some() && challenges_for_nonce(response.status, &response.headers);
            if wants_nonce && has_nonce && !nonce_added {
                nonce_added = true;
                told(flow);
                continue;
            }
            let step_up = StepUp::of(response.status, &mask.headers(response.headers.clone()));
            // Where the proof is what was refused, another token would be, too; and where the sign-in is, a fresh
            // token would tell of the same one.
            let is_token = !wants_nonce && step_up.is_none();
            if response.status == StatusCode::UNAUTHORIZED && !retried && is_token {
                retried = true;
                // A refusal of the fetch itself is the truer answer than the API's 401, except where the
                // provider gives no refresh tokens: then the API's word is all there is.
                if let Some(fresh) = self.replace_token(&account.id, &token, flow).await? {
                    token = fresh;
                    // It may be that of another sign-in, which has a key of its own.
                    key = self.key_of(account, &token, flow).await?;
                    decide(Decision::Retried);
                    continue;
                }
            }
            match redirect(&response, &url) {
                Some(target) if target.origin() == url.origin() && followed < MAX_REDIRECTS => {
                    followed += 1;
                    decide(Decision::Followed {
                        path: mask.text(target.path()),
                    });
                    if !matches!(response.status.as_u16(), 307 | 308) && method != Method::HEAD {
                        method = Method::GET;
                        body = None;
                    }
                    url = target;
                    continue;
                }
                Some(target) if target.origin() != url.origin() => {
                    decide(Decision::NotFollowed {
                        origin: match target.origin() {
                            origin @ Origin::Tuple(..) => origin.ascii_serialization(),
                            Origin::Opaque(_) => format!("an address that begins with {}:", target.scheme()),
                        },
                    });
                }
                _ => {}
            }
            let headers = mask.headers(response.headers);
            if let Some(wanted) = &step_up {
                decide(Decision::Wanted(wanted.clone()));
            }
            return Ok(ApiResponse {
                next: next_page(&headers, &url),
                status: response.status,
                headers,
                body: mask.body(response.body),
                decisions,
                step_up,
            });
        }
    }

    /// The key that goes with a bound token, and whose clock its proofs go by.
    async fn key_of(
        &self,
        account: &Account,
        token: &FreshToken,
        flow: &Flow,
    ) -> Result<Option<(Terms, DpopKey)>, Error> {
        if !token.is_bound() {
            return Ok(None);
        }
        let key = self
            .inner()
            .secrets
            .dpop_key(&account.id, account.storage)
            .await?;
        if key.is_some() {
            flow.read(account.storage, MessageId::KeyRead, Vec::new());
        }
        Ok(Some((
            self.terms_of(account, Some(flow)).await?,
            key.ok_or(DpopKeyError)?,
        )))
    }

    /// Another token than the one that was refused; `None` when the provider gives none.
    async fn replace_token(
        &self,
        id: &AccountId,
        refused: &FreshToken,
        flow: &Flow,
    ) -> Result<Option<FreshToken>, Error> {
        match self.token_for_call(id, Some(&refused.access_token), flow).await {
            Ok(token) => Ok(Some(token)),
            Err(Error::Account(crate::error::AccountError::NoRefreshToken)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What the trace shows of an API's answer: its status, its media type, and why the API refused.
fn answer_fields(response: &StreamedResponse, mask: &Mask) -> Vec<Field> {
    let mut fields = vec![Field::shown("status", response.status.as_str())];
    for (shown, name) in [
        ("content-type", header::CONTENT_TYPE),
        ("www-authenticate", header::WWW_AUTHENTICATE),
    ] {
        if let Some(value) = response.headers.get(name).and_then(|value| value.to_str().ok()) {
            fields.push(Field::shown(shown, tessera_oidc::text::value(&mask.text(value))));
        }
    }
    fields
}

fn fields(request: &ApiRequest) -> Result<HeaderMap, PolicyError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("application/json, */*;q=0.8"),
    );
    for (name, text) in &request.headers {
        let refused = || PolicyError::Header(name.chars().take(100).collect());
        let field: HeaderName = name.parse().map_err(|_| refused())?;
        let ours = [
            header::AUTHORIZATION,
            header::COOKIE,
            header::HOST,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
            dpop::PROOF,
        ];
        if ours.contains(&field) {
            return Err(refused());
        }
        headers.insert(field, HeaderValue::from_str(text).map_err(|_| refused())?);
    }
    if request.body.is_some() {
        let text = request.content_type.as_deref().unwrap_or("application/json");
        let media_type =
            HeaderValue::from_str(text).map_err(|_| PolicyError::Header(header::CONTENT_TYPE.to_string()))?;
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    Ok(headers)
}

fn message(
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    token: &AccessToken,
) -> Request {
    let mut headers = headers.clone();
    let text = Zeroizing::new(format!("Bearer {}", token.expose()));
    // Only a token with characters that no header can carry fails here; it is then left out, and the API
    // answers 401 as it should.
    if let Ok(mut credentials) = HeaderValue::from_str(&text) {
        credentials.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, credentials);
    }
    Request {
        method: method.clone(),
        url: url.clone(),
        headers,
        body: Zeroizing::new(body.unwrap_or_default().to_vec()),
    }
}

#[cfg(test)]
mod tests;
