//! Google's manner, under `/google`: what its documentation says of desktop clients, and what its servers are
//! known to do beyond that.
//!
//! - Only loopback redirects; a custom scheme, like every other mistake in the request, ends on a page of its own.
//! - `client_secret` is demanded at the token endpoint, also with PKCE.
//! - Scopes for the profile come back as whole addresses; unknown scopes (`offline_access` too) are refused.
//! - A person may leave out what goes beyond their profile; `scope` in the answer says what is left.
//! - Always a refresh token, never a new one at a refresh, at most 100 alive for each person and client.
//! - The callback carries `iss` without announcing it, and `scope`, `authuser` and `prompt`.
//! - Revoking one token ends everything that the person allowed the client.
//! - An API (there is one, under `/google` at the API's origin: the list of calendars) answers a token that lacks a
//!   permission with 403 and a `WWW-Authenticate` that names all of those that would do.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_extra::extract::CookieJar;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::answer::{self, OAuthError};
use crate::clients::{self, Client, Dialect};
use crate::faults::{Circumstances, Document};
use crate::issue::{IdTokenFor, Made};
use crate::parameters::Parameters;
use crate::provider::authorize::{self, Refused};
use crate::provider::{token, userinfo};
use crate::records::{Assurance, AuthorizationRequest, Consent, Grant};
use crate::scopes::Scopes;
use crate::secret::{Fingerprint, Secret};
use crate::world::World;

/// Seconds an access token is good for.
const ACCESS_TOKEN_LIFE: i64 = 3599;
/// Seconds a refresh token lasts without being used: six months.
const REFRESH_TOKEN_LIFE: i64 = 183 * 24 * 60 * 60;
/// How many grants of one person to one client stay alive.
const LIVE_GRANTS: usize = 100;

const USERINFO_PROFILE: &str = "https://www.googleapis.com/auth/userinfo.profile";
const USERINFO_EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";

/// The scopes beyond the profile that are known here, with what they mean to a person.
pub(crate) const SCOPES: [(&str, &str); 6] = [
    (
        "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
        "See the list of your calendars",
    ),
    (
        "https://www.googleapis.com/auth/calendar.readonly",
        "See your calendars",
    ),
    (
        "https://www.googleapis.com/auth/drive.file",
        "See and change the files that you open with this app",
    ),
    (
        "https://www.googleapis.com/auth/drive.metadata.readonly",
        "See what files you have",
    ),
    (
        "https://www.googleapis.com/auth/gmail.labels",
        "See and change your mail labels",
    ),
    ("https://www.googleapis.com/auth/gmail.readonly", "See your mail"),
];

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/oauth2/v3/certs", get(keys))
        .route("/o/oauth2/v2/auth", get(authorize))
        .route("/token", post(token_endpoint))
        .route("/revoke", post(revoke))
        .route("/v1/userinfo", get(who).post(who))
        .route("/device/code", post(device_code))
}

pub(crate) fn api_routes() -> Router<Arc<World>> {
    Router::new().route("/calendar/v3/users/me/calendarList", get(calendars))
}

/// The permissions of which any one lets a caller see the list of calendars.
const CALENDAR_SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
    "https://www.googleapis.com/auth/calendar.readonly",
];

async fn calendars(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let caller = answer::bearer_token(&headers).and_then(|token| {
        let records = world.records();
        let (token, grant) = records
            .access_token(Fingerprint::of(token), world.now())
            .filter(|(_, grant)| grant.dialect == Dialect::Google)?;
        Some((token.scopes.clone(), world.person(&grant.subject)?.email.clone()))
    });
    let Some((scopes, email)) = caller else {
        return refused(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "error=\"invalid_token\"",
        );
    };
    if !CALENDAR_SCOPES.iter().any(|scope| scopes.contains(scope)) {
        let challenge = format!(
            "error=\"insufficient_scope\", scope=\"{}\"",
            CALENDAR_SCOPES.join(" ")
        );
        return refused(StatusCode::FORBIDDEN, "PERMISSION_DENIED", &challenge);
    }
    let primary =
        json!({ "kind": "calendar#calendarListEntry", "id": email, "summary": email, "primary": true });
    Json(json!({ "kind": "calendar#calendarList", "items": [primary] })).into_response()
}

fn refused(status: StatusCode, name: &'static str, challenge: &str) -> Response {
    let body = json!({ "error": { "code": status.as_u16(), "message": "Request refused.", "status": name } });
    let mut response = (status, Json(body)).into_response();
    let challenge = format!("Bearer realm=\"https://accounts.google.com/\", {challenge}");
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    answer::with_error(response, name)
}

async fn metadata(State(world): State<Arc<World>>) -> Response {
    crate::provider::discovery_document(&world, Dialect::Google)
}

async fn keys(State(world): State<Arc<World>>) -> Response {
    crate::provider::key_set(&world, Dialect::Google)
}

async fn who(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    userinfo::respond(&world, Dialect::Google, &headers)
}

/// Devices need a client of another type there ("TVs and Limited Input devices").
async fn device_code() -> Response {
    OAuthError::new("invalid_client", "Invalid client type.")
        .status(StatusCode::UNAUTHORIZED)
        .into_response()
}

async fn authorize(State(world): State<Arc<World>>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    authorize::begin(&world, jar, Dialect::Google, read(&world, &parameters))
}

fn read(world: &World, parameters: &Parameters) -> Result<AuthorizationRequest, Refused> {
    let here = |code, explanation| Refused::Here { code, explanation };
    let client = parameters
        .get("client_id")
        .and_then(|id| world.client(Dialect::Google, id))
        .ok_or(here("invalid_client", "The OAuth client was not found."))?;
    let redirect_uri = parameters.get("redirect_uri").ok_or(here(
        "invalid_request",
        "Missing required parameter: redirect_uri",
    ))?;
    if !redirect_uri.starts_with("http") {
        return Err(here(
            "invalid_request",
            "Custom URI scheme is not supported for this client type. Use a loopback address.",
        ));
    }
    if !clients::is_loopback_redirect(redirect_uri) {
        return Err(here(
            "redirect_uri_mismatch",
            "The redirect address does not match what this client may use.",
        ));
    }
    if parameters.repeated().is_some() {
        return Err(here("invalid_request", "A parameter is given more than once."));
    }
    if parameters.get("response_type") != Some("code") {
        return Err(here(
            "invalid_request",
            "Required parameter is missing or not supported: response_type",
        ));
    }
    let challenge = authorize::read_challenge(parameters, true)
        .map_err(|explanation| here("invalid_request", explanation))?;
    let asked = Scopes::parse(parameters.get("scope").unwrap_or_default());
    if asked.is_empty() {
        return Err(here("invalid_request", "Missing required parameter: scope"));
    }
    let asked = Scopes::from_tokens(asked.iter().map(short_name));
    let known = |scope: &str| {
        matches!(scope, "openid" | "profile" | "email") || SCOPES.iter().any(|(known, _)| *known == scope)
    };
    if !asked.iter().all(known) {
        return Err(here("invalid_scope", "Some requested scopes were invalid."));
    }
    let prompt = authorize::read_prompt(parameters)
        .filter(|values| !values.iter().any(|value| value == "login"))
        .ok_or(here("invalid_request", "Invalid parameter value for prompt"))?;
    Ok(AuthorizationRequest {
        dialect: Dialect::Google,
        client: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: parameters.get("state").map(str::to_owned),
        scopes: asked,
        nonce: parameters.get("nonce").map(str::to_owned),
        challenge,
        prompt,
        assurance: Assurance::default(),
        dpop_jkt: None,
        login_hint: parameters.get("login_hint").map(str::to_owned),
    })
}

/// The two scopes that have a short and a long name are one and the same.
fn short_name(scope: &str) -> &str {
    match scope {
        USERINFO_PROFILE => "profile",
        USERINFO_EMAIL => "email",
        other => other,
    }
}

/// What was granted, as its answers spell it.
fn long_names(scopes: &Scopes) -> Scopes {
    Scopes::from_tokens(scopes.iter().map(|scope| match scope {
        "profile" => USERINFO_PROFILE,
        "email" => USERINFO_EMAIL,
        other => other,
    }))
}

/// What its callback carries beyond the standard.
pub(crate) fn callback_extras(request: &AuthorizationRequest, granted: &Scopes) -> Vec<(String, String)> {
    let prompt = request.prompt.first().map_or("consent", String::as_str);
    [
        ("scope", format!("{} {}", granted, long_names(granted))),
        ("authuser", "0".to_owned()),
        ("hd", "example.test".to_owned()),
        ("prompt", prompt.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

async fn token_endpoint(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    answer_request(&world, &headers, &Parameters::parse(&body)).unwrap_or_else(IntoResponse::into_response)
}

fn answer_request(
    world: &World,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, OAuthError> {
    let client = client_of(world, headers, parameters)?;
    match parameters.get("grant_type") {
        Some("authorization_code") => by_code(world, client, parameters),
        Some("refresh_token") => by_refresh_token(world, client, parameters),
        Some(_) => Err(OAuthError::new("unsupported_grant_type", "Invalid grant_type.")),
        None => Err(OAuthError::new(
            "invalid_request",
            "Required parameter is missing: grant_type",
        )),
    }
}

/// By the body or by `Authorization: Basic`. The secret is demanded of desktop clients too.
fn client_of<'a>(
    world: &'a World,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<&'a Client, OAuthError> {
    let basic = answer::basic_credentials(headers);
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (parameters.get("client_id"), parameters.get("client_secret")),
    };
    let client = id
        .and_then(|id| world.client(Dialect::Google, id))
        .ok_or_else(|| {
            OAuthError::new("invalid_client", "The OAuth client was not found.")
                .status(StatusCode::UNAUTHORIZED)
        })?;
    let secret = secret
        .filter(|secret| !secret.is_empty())
        .ok_or(OAuthError::new("invalid_request", "client_secret is missing."))?;
    if client.secret == Some(Fingerprint::of(secret)) {
        Ok(client)
    } else {
        Err(OAuthError::new("invalid_client", "Unauthorized").status(StatusCode::UNAUTHORIZED))
    }
}

fn by_code(world: &World, client: &Client, parameters: &Parameters) -> Result<Response, OAuthError> {
    let presented = parameters.get("code").ok_or(OAuthError::new(
        "invalid_request",
        "Missing required parameter: code",
    ))?;
    let code = token::redeem(world, Dialect::Google, &client.id, presented)
        .ok_or(OAuthError::new("invalid_grant", "Malformed auth code."))?;
    if parameters.get("redirect_uri") != Some(&code.request.redirect_uri) {
        return Err(OAuthError::new("redirect_uri_mismatch", "Bad Request"));
    }
    token::check_verifier(code.request.challenge.as_ref(), parameters.get("code_verifier")).map_err(
        |_| {
            let missing = parameters.get("code_verifier").is_none();
            OAuthError::new(
                "invalid_grant",
                if missing {
                    "Missing code verifier."
                } else {
                    "Invalid code verifier."
                },
            )
        },
    )?;
    let grant = world
        .records()
        .live_grant(&code.grant)
        .cloned()
        .ok_or(OAuthError::new("invalid_grant", "Bad Request"))?;
    let refresh_token = Secret::random("1//");
    world.keep_refresh_token(&code.grant, &refresh_token, REFRESH_TOKEN_LIFE);
    world
        .records_mut()
        .keep_youngest(LIVE_GRANTS, |other| same_person_and_client(other, &grant));
    let mut body = respond(
        world,
        "authorization_code",
        &code.grant,
        &grant,
        code.request.nonce.as_deref(),
    )?;
    body.it
        .insert("refresh_token".to_owned(), json!(refresh_token.expose()));
    Ok(finish(world, "authorization_code", &grant, body))
}

fn by_refresh_token(world: &World, client: &Client, parameters: &Parameters) -> Result<Response, OAuthError> {
    let presented = parameters.get("refresh_token").ok_or(OAuthError::new(
        "invalid_request",
        "Missing required parameter: refresh_token",
    ))?;
    let refused = OAuthError::new("invalid_grant", "Token has been expired or revoked.");
    let now = world.now();
    let (grant_id, grant) = {
        let mut records = world.records_mut();
        let fingerprint = Fingerprint::of(presented);
        let (id, grant) = records
            .refresh_token(fingerprint, &client.id)
            .filter(|(token, grant)| {
                token.expires > now && !grant.revoked && grant.dialect == Dialect::Google
            })
            .map(|(token, grant)| (token.grant.clone(), grant.clone()))
            .ok_or(refused)?;
        // Its life is counted from the last use.
        if let Some(token) = records.refresh_tokens.get_mut(&fingerprint) {
            token.expires = now + REFRESH_TOKEN_LIFE;
        }
        (id, grant)
    };
    let body = respond(world, "refresh_token", &grant_id, &grant, None)?;
    Ok(finish(world, "refresh_token", &grant, body))
}

fn respond(
    world: &World,
    grant_type: &str,
    grant_id: &str,
    grant: &Grant,
    nonce: Option<&str>,
) -> Result<Made<Map<String, Value>>, OAuthError> {
    let mut faults = Vec::new();
    let access_token = world.opaque_access_token(grant_id, &grant.scopes, "ya29.", Some(ACCESS_TOKEN_LIFE));
    let mut body = Map::new();
    body.insert("access_token".to_owned(), json!(access_token.expose()));
    body.insert("expires_in".to_owned(), json!(ACCESS_TOKEN_LIFE));
    body.insert("scope".to_owned(), json!(long_names(&grant.scopes).to_string()));
    body.insert("token_type".to_owned(), json!("Bearer"));
    if grant.scopes.contains("openid") {
        let person = world.person(&grant.subject).ok_or_else(OAuthError::broken)?;
        let token = world.id_token(&IdTokenFor {
            grant,
            person,
            scopes: &grant.scopes,
            nonce,
            access_token: &access_token,
            grant_type,
        })?;
        faults = token.faults;
        body.insert("id_token".to_owned(), json!(token.it));
    }
    Ok(Made { it: body, faults })
}

fn finish(world: &World, grant_type: &str, grant: &Grant, body: Made<Map<String, Value>>) -> Response {
    let circumstances = Circumstances {
        client: Some(&grant.client),
        grant_type: Some(grant_type),
        ..Circumstances::of(Dialect::Google)
    };
    let Made {
        it: mut body,
        mut faults,
    } = body;
    faults.extend(world.spoil(Document::TokenResponse, &circumstances, &mut body));
    answer::with_faults(answer::secret_json(Value::Object(body)), faults)
}

async fn revoke(State(world): State<Arc<World>>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let query = Parameters::parse(query.unwrap_or_default().as_bytes());
    let Some(presented) = form.get("token").or(query.get("token")) else {
        return OAuthError::new("invalid_request", "Missing required parameter: token").into_response();
    };
    let fingerprint = Fingerprint::of(presented);
    let now = world.now();
    let mut records = world.records_mut();
    let found = records
        .refresh_tokens
        .get(&fingerprint)
        .and_then(|token| records.live_grant(&token.grant))
        .or_else(|| records.access_token(fingerprint, now).map(|(_, grant)| grant))
        .filter(|grant| grant.dialect == Dialect::Google)
        .cloned();
    let Some(grant) = found else {
        return OAuthError::new("invalid_token", "Token expired or revoked").into_response();
    };
    records.revoke_grants(|other| same_person_and_client(other, &grant));
    records.consents.remove(&Consent {
        dialect: Dialect::Google,
        subject: grant.subject,
        client: grant.client,
    });
    drop(records);
    answer::secret_json(json!({}))
}

fn same_person_and_client(one: &Grant, other: &Grant) -> bool {
    one.dialect == other.dialect && one.subject == other.subject && one.client == other.client
}
