//! GitHub's token endpoint: codes, device codes and refresh tokens, with errors under status 200.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::OFFLINE_ACCESS;
use crate::answer;
use crate::clients::{Client, Dialect};
use crate::faults::{Circumstances, Document};
use crate::parameters::Parameters;
use crate::provider::device::{self, Poll};
use crate::provider::token::{DEVICE_GRANT, check_verifier, redeem};
use crate::records::Grant;
use crate::secret::{Fingerprint, Secret};
use crate::world::World;

/// Seconds that an access token lasts which can be refreshed: eight hours.
const ACCESS_TOKEN_LIFE: i64 = 28_800;
/// Seconds that a refresh token lasts: six months.
const REFRESH_TOKEN_LIFE: i64 = 15_897_600;
/// How many grants of one person to one app with the same scopes stay alive.
const LIVE_GRANTS: usize = 10;

/// GitHub's error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    Credentials,
    BadCode,
    RedirectMismatch,
    BadRefreshToken,
    GrantType,
    DeviceCode,
    DeviceFlowDisabled,
    Pending,
    /// The interval from now on.
    SlowDown(i64),
    Expired,
    Denied,
}

impl Error {
    fn code(self) -> &'static str {
        match self {
            Self::Credentials => "incorrect_client_credentials",
            Self::BadCode => "bad_verification_code",
            Self::RedirectMismatch => "redirect_uri_mismatch",
            Self::BadRefreshToken => "bad_refresh_token",
            Self::GrantType => "unsupported_grant_type",
            Self::DeviceCode => "incorrect_device_code",
            Self::DeviceFlowDisabled => "device_flow_disabled",
            Self::Pending => "authorization_pending",
            Self::SlowDown(_) => "slow_down",
            Self::Expired => "expired_token",
            Self::Denied => "access_denied",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Credentials => "The client_id and/or client_secret passed are incorrect.",
            Self::BadCode => "The code passed is incorrect or expired.",
            Self::RedirectMismatch => {
                "The redirect_uri MUST match the registered callback URL for this application."
            }
            Self::BadRefreshToken => "The refresh token passed is incorrect or expired.",
            Self::GrantType => "The grant type is not one that is known here.",
            Self::DeviceCode => "The device_code provided is not valid.",
            Self::DeviceFlowDisabled => "Device Flow must be explicitly enabled for this App",
            Self::Pending => "The authorization request is still pending.",
            Self::SlowDown(_) => "Too many requests have been made in the same timeframe.",
            Self::Expired => "The device_code has expired.",
            Self::Denied => "The authorization request was denied.",
        }
    }
}

/// In the encoding that the request asked for.
pub(super) struct Answer {
    json: bool,
}

impl Answer {
    pub(super) fn to(headers: &HeaderMap) -> Self {
        let json = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("json"));
        Self { json }
    }

    pub(super) fn fields(&self, fields: &[(&str, Value)]) -> Response {
        let object = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.object(object)
    }

    fn object(&self, object: Map<String, Value>) -> Response {
        if self.json {
            return answer::secret_json(Value::Object(object));
        }
        let text = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(object.iter().map(|(name, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (name.as_str(), value)
            }))
            .finish();
        let media_type = "application/x-www-form-urlencoded; charset=utf-8";
        answer::not_stored(([(header::CONTENT_TYPE, media_type)], text).into_response())
    }

    pub(super) fn error(&self, error: Error) -> Response {
        let mut fields = vec![
            ("error", json!(error.code())),
            ("error_description", json!(error.description())),
            (
                "error_uri",
                json!("https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps"),
            ),
        ];
        if let Error::SlowDown(interval) = error {
            fields.push(("interval", json!(interval)));
        }
        answer::with_error(self.fields(&fields), error.code())
    }
}

pub(super) async fn endpoint(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = Parameters::parse(&body);
    let answer = Answer::to(&headers);
    let earned = match parameters.get("grant_type") {
        // The web flow's request has no grant type in the documentation.
        None | Some("authorization_code") => by_code(&world, &headers, &parameters),
        Some("refresh_token") => by_refresh_token(&world, &headers, &parameters),
        Some(DEVICE_GRANT) => by_device_code(&world, &parameters),
        Some(_) => Err(Error::GrantType),
    };
    match earned {
        Ok((grant_id, grant)) => {
            let grant_type = parameters.get("grant_type").unwrap_or("authorization_code");
            respond(&world, &answer, grant_type, &grant_id, &grant)
        }
        Err(error) => answer.error(error),
    }
}

/// The client; with `secret`, only if it shows its secret.
fn client_of<'a>(
    world: &'a World,
    headers: &HeaderMap,
    parameters: &Parameters,
    secret: bool,
) -> Result<&'a Client, Error> {
    let basic = answer::basic_credentials(headers);
    let (id, shown) = match &basic {
        Some((id, shown)) => (Some(id.as_str()), Some(shown.as_str())),
        None => (parameters.get("client_id"), parameters.get("client_secret")),
    };
    let client = id
        .and_then(|id| world.client(Dialect::GitHub, id))
        .ok_or(Error::Credentials)?;
    let proven = client.secret.is_some() && client.secret == shown.map(Fingerprint::of);
    // A secret that is shown without need must still be right.
    if proven || (!secret && shown.is_none()) {
        Ok(client)
    } else {
        Err(Error::Credentials)
    }
}

fn by_code(world: &World, headers: &HeaderMap, parameters: &Parameters) -> Result<(String, Grant), Error> {
    let client = client_of(world, headers, parameters, true)?;
    let presented = parameters.get("code").ok_or(Error::BadCode)?;
    let code = redeem(world, Dialect::GitHub, &client.id, presented).ok_or(Error::BadCode)?;
    if parameters
        .get("redirect_uri")
        .is_some_and(|uri| uri != code.request.redirect_uri)
    {
        return Err(Error::RedirectMismatch);
    }
    // A verifier that no challenge asks for is not looked at there.
    if code.request.challenge.is_some() {
        check_verifier(code.request.challenge.as_ref(), parameters.get("code_verifier"))
            .map_err(|_| Error::BadCode)?;
    }
    live(world, code.grant).ok_or(Error::BadCode)
}

fn by_refresh_token(
    world: &World,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<(String, Grant), Error> {
    let client = client_of(world, headers, parameters, false)?;
    let presented = Fingerprint::of(parameters.get("refresh_token").ok_or(Error::BadRefreshToken)?);
    let now = world.now();
    let mut records = world.records_mut();
    let (id, grant) = records
        .refresh_token(presented, &client.id)
        .filter(|(token, grant)| token.used.is_none() && token.expires > now && !grant.revoked)
        .map(|(token, grant)| (token.grant.clone(), grant.clone()))
        .ok_or(Error::BadRefreshToken)?;
    if !grant.by_device {
        client_of(world, headers, parameters, true)?;
    }
    if let Some(token) = records.refresh_tokens.get_mut(&presented) {
        token.used = Some(now);
    }
    records.access_tokens.retain(|_, token| token.grant != id);
    Ok((id, grant))
}

fn by_device_code(world: &World, parameters: &Parameters) -> Result<(String, Grant), Error> {
    let client = parameters
        .get("client_id")
        .and_then(|id| world.client(Dialect::GitHub, id))
        .ok_or(Error::Credentials)?;
    let presented = parameters.get("device_code").ok_or(Error::DeviceCode)?;
    match device::poll(world, Dialect::GitHub, &client.id, presented) {
        Poll::Allowed(id) => live(world, id).ok_or(Error::DeviceCode),
        Poll::Pending => Err(Error::Pending),
        Poll::SlowDown(interval) => Err(Error::SlowDown(interval)),
        Poll::Denied => Err(Error::Denied),
        Poll::Expired => Err(Error::Expired),
        Poll::Unknown => Err(Error::DeviceCode),
    }
}

fn live(world: &World, id: String) -> Option<(String, Grant)> {
    let grant = world.records().live_grant(&id).cloned()?;
    Some((id, grant))
}

fn respond(world: &World, answer: &Answer, grant_type: &str, grant_id: &str, grant: &Grant) -> Response {
    let expires = grant.scopes.contains(OFFLINE_ACCESS);
    let scopes = grant.scopes.filter(|scope| scope != OFFLINE_ACCESS);
    let access_token =
        world.opaque_access_token(grant_id, &scopes, "gho_", expires.then_some(ACCESS_TOKEN_LIFE));
    let mut body = Map::new();
    body.insert("access_token".to_owned(), json!(access_token.expose()));
    body.insert("scope".to_owned(), json!(scopes.join(",")));
    body.insert("token_type".to_owned(), json!("bearer"));
    if expires {
        let refresh_token = Secret::random("ghr_");
        world.keep_refresh_token(grant_id, &refresh_token, REFRESH_TOKEN_LIFE);
        body.insert("expires_in".to_owned(), json!(ACCESS_TOKEN_LIFE));
        body.insert("refresh_token".to_owned(), json!(refresh_token.expose()));
        body.insert("refresh_token_expires_in".to_owned(), json!(REFRESH_TOKEN_LIFE));
    }
    world.records_mut().keep_youngest(LIVE_GRANTS, |other| {
        other.dialect == Dialect::GitHub
            && other.subject == grant.subject
            && other.client == grant.client
            && other.scopes == grant.scopes
    });
    let circumstances = Circumstances {
        client: Some(&grant.client),
        grant_type: Some(grant_type),
        ..Circumstances::of(Dialect::GitHub)
    };
    let shown = world.spoil(Document::TokenResponse, &circumstances, &mut body);
    answer::with_faults(answer.object(body), shown)
}
