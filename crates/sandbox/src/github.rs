//! GitHub's manner: web pages and tokens under `/github` at the provider, the API under `/github` at the API's
//! origin. What its documentation says of OAuth apps, and what its servers are known to do beyond that.
//!
//! - OAuth without an ID token; the person is whoever `GET /user` says.
//! - The token endpoint answers errors with status 200, and in form encoding unless asked for JSON; `scope` is
//!   separated by commas, `token_type` is in small letters.
//! - PKCE with S256 is taken and not required; the client secret is required for the web flow, and not for the
//!   device flow or the refreshes of its tokens.
//! - Access tokens do not expire unless `offline_access` was asked for; then a refresh token comes along, good
//!   for one use, which also ends the access token before it.
//! - The callback carries `iss`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use http::HeaderMap;
use serde_json::json;

use crate::answer;
use crate::browser::Browser;
use crate::clients::Dialect;
use crate::pages;
use crate::parameters::Parameters;
use crate::provider::authorize::{self, Refused};
use crate::provider::{device, interaction};
use crate::records::{Assurance, AuthorizationRequest, Consent};
use crate::scopes::Scopes;
use crate::world::World;

mod api;
mod token;

pub(crate) use api::routes as api_routes;

/// What its scopes mean to a person.
pub(crate) const SCOPES: [(&str, &str); 8] = [
    ("read:user", "See your profile"),
    ("user", "See and change your profile"),
    ("user:email", "See your e-mail addresses"),
    ("read:org", "See the organisations you belong to"),
    ("repo", "See and change all your repositories"),
    ("public_repo", "See and change your public repositories"),
    ("gist", "See and change your gists"),
    ("notifications", "See your notifications"),
];

/// Asks for tokens that expire and can be refreshed.
const OFFLINE_ACCESS: &str = "offline_access";

pub(crate) fn web_routes() -> Router<Arc<World>> {
    Router::new()
        .route("/login/oauth/authorize", get(authorize))
        .route("/login/oauth/access_token", post(token::endpoint))
        .route("/login/device/code", post(device_code))
        .route("/login/device", get(device_page).post(device_entered))
        .route(
            "/settings/connections/applications/{client_id}",
            get(connection).post(end_connection),
        )
}

async fn authorize(State(world): State<Arc<World>>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    authorize::begin(&world, jar, Dialect::GitHub, read(&world, &parameters))
}

fn read(world: &World, parameters: &Parameters) -> Result<AuthorizationRequest, Refused> {
    let unknown = Refused::Here {
        code: "not_found",
        explanation: "There is no app with this client id.",
    };
    let client = parameters
        .get("client_id")
        .and_then(|id| world.client(Dialect::GitHub, id))
        .ok_or(unknown)?;
    let first = client.redirect_uris.first().cloned().unwrap_or_default();
    let asked = parameters.get("redirect_uri");
    let state = parameters.get("state").map(str::to_owned);
    let redirect_uri = asked.map_or_else(|| first.clone(), str::to_owned);
    let refused = |redirect_uri: &str, code, description| Refused::AtClient {
        redirect_uri: redirect_uri.to_owned(),
        state: state.clone(),
        code,
        description,
    };
    if !client.accepts_redirect(&redirect_uri) {
        // The documentation: the browser goes to the registered address with this error.
        return Err(refused(
            &first,
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
        ));
    }
    let challenge = authorize::read_challenge(parameters, false)
        .map_err(|description| refused(&redirect_uri, "invalid_request", description))?;
    let prompt = match parameters.get("prompt") {
        Some("select_account") => vec!["select_account".to_owned()],
        _ => Vec::new(),
    };
    Ok(AuthorizationRequest {
        dialect: Dialect::GitHub,
        client: client.id.clone(),
        redirect_uri,
        state: state.clone(),
        scopes: wanted_scopes(parameters),
        nonce: None,
        challenge,
        prompt,
        assurance: Assurance::default(),
        dpop_jkt: None,
        login_hint: parameters.get("login").map(str::to_owned),
    })
}

/// Separated by spaces or commas; unknown ones are left out without a word. None at all means those that the
/// person granted before (see [`interaction`]).
fn wanted_scopes(parameters: &Parameters) -> Scopes {
    Scopes::from_tokens(parameters.get("scope").unwrap_or_default().split([' ', ',']))
        .filter(|scope| scope == OFFLINE_ACCESS || SCOPES.iter().any(|(known, _)| *known == scope))
}

async fn device_code(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = Parameters::parse(&body);
    let Some(client) = parameters
        .get("client_id")
        .and_then(|id| world.client(Dialect::GitHub, id))
    else {
        return token::Answer::to(&headers).error(token::Error::Credentials);
    };
    if !world.options.github_device_flow {
        return token::Answer::to(&headers).error(token::Error::DeviceFlowDisabled);
    }
    let scopes = wanted_scopes(&parameters);
    let (device_code, user_code) =
        device::admit(&world, Dialect::GitHub, &client.id, scopes, Assurance::default());
    token::Answer::to(&headers).fields(&[
        ("device_code", json!(device_code.expose())),
        ("user_code", json!(user_code)),
        (
            "verification_uri",
            json!(format!("{}/github/login/device", world.origin)),
        ),
        ("expires_in", json!(world.options.device_code_life)),
        ("interval", json!(device::INTERVAL)),
    ])
}

async fn device_page(State(world): State<Arc<World>>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    device::show(&world, jar, Dialect::GitHub, query.as_deref())
}

async fn device_entered(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    device::take(&world, jar, Dialect::GitHub, &Parameters::parse(&body))
}

/// The page where a person ends what they allowed an app.
async fn connection(
    State(world): State<Arc<World>>,
    jar: CookieJar,
    Path(client_id): Path<String>,
) -> Response {
    let browser = Browser::of(&world, jar);
    let Some(client) = world.client(Dialect::GitHub, &client_id) else {
        return answer::with_error(
            pages::error(
                Dialect::GitHub,
                "No such app",
                "There is no app with this client id.",
                "not_found",
            )
            .into_response(),
            "not_found",
        );
    };
    let allowed = browser.session(&world, Dialect::GitHub).and_then(|session| {
        let scopes = world
            .records()
            .consents
            .get(&consent(&session.subject, &client_id))
            .cloned()?;
        Some((world.person(&session.subject)?, scopes))
    });
    let page = match allowed {
        Some((person, scopes)) => {
            let meanings: Vec<&str> = SCOPES
                .iter()
                .filter(|(scope, _)| scopes.contains(scope))
                .map(|(_, meaning)| *meaning)
                .collect();
            pages::connection(
                &client.name,
                &client.id,
                person,
                &meanings,
                &browser.csrf_for(&client_id, &person.subject),
            )
        }
        None => pages::message(
            Dialect::GitHub,
            "Nothing is allowed",
            &["In this browser nobody is signed in who has allowed this app anything."],
        ),
    };
    (browser.into_cookies(), page).into_response()
}

async fn end_connection(
    State(world): State<Arc<World>>,
    jar: CookieJar,
    Path(client_id): Path<String>,
    body: Bytes,
) -> Response {
    let browser = Browser::of(&world, jar);
    let session = browser.session(&world, Dialect::GitHub);
    let form = Parameters::parse(&body);
    // Also when another person has signed in since the page was shown.
    let Some(session) =
        session.filter(|session| browser.sent_for(&client_id, &session.subject, form.get("csrf")))
    else {
        return interaction::not_from_here();
    };
    {
        let mut records = world.records_mut();
        records.consents.remove(&consent(&session.subject, &client_id));
        records.revoke_grants(|grant| {
            grant.dialect == Dialect::GitHub && grant.client == client_id && grant.subject == session.subject
        });
    }
    let page = pages::message(
        Dialect::GitHub,
        "The app’s access is ended",
        &["It can no longer see or do anything in your name. You can close this page."],
    );
    (browser.into_cookies(), page).into_response()
}

fn consent(subject: &str, client: &str) -> Consent {
    Consent {
        dialect: Dialect::GitHub,
        subject: subject.to_owned(),
        client: client.to_owned(),
    }
}
