//! Signing in on another device (RFC 8628): the codes, the page where a person types theirs, and the polling.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{self, OAuthError};
use crate::browser::Browser;
use crate::clients::Dialect;
use crate::discovery::SCOPES;
use crate::faults::{Circumstances, Document};
use crate::pages;
use crate::parameters::Parameters;
use crate::provider::{authorize, interaction};
use crate::records::{Assurance, Decision, Device, Purpose};
use crate::scopes::Scopes;
use crate::secret::{Fingerprint, Secret, random_user_code};
use crate::world::World;

/// Seconds between two polls, to begin with (RFC 8628 section 3.2).
pub(crate) const INTERVAL: i64 = 5;

/// What a poll finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    Allowed(String),
    Pending,
    /// Too soon; the interval from now on.
    SlowDown(i64),
    Denied,
    Expired,
    Unknown,
}

/// The device authorization endpoint of the standard dialect.
pub(crate) async fn authorize(State(world): State<Arc<World>>, body: Bytes) -> Response {
    let parameters = Parameters::parse(&body);
    if parameters.repeated().is_some() {
        return OAuthError::new("invalid_request", "A parameter is given more than once.").into_response();
    }
    let Some(client) = parameters
        .get("client_id")
        .and_then(|id| world.client(Dialect::Standard, id))
    else {
        return OAuthError::new("invalid_client", "This client is not known here.")
            .status(StatusCode::UNAUTHORIZED)
            .into_response();
    };
    let scopes = Scopes::parse(parameters.get("scope").unwrap_or_default());
    if !scopes
        .iter()
        .all(|scope| SCOPES.iter().any(|(known, _)| *known == scope))
    {
        return OAuthError::new("invalid_scope", "A scope is not known here.").into_response();
    }
    let assurance = match authorize::read_assurance(&parameters) {
        Ok(assurance) => assurance,
        Err((code, description)) => return OAuthError::new(code, description).into_response(),
    };
    let (device_code, user_code) = admit(&world, Dialect::Standard, &client.id, scopes, assurance);
    let page = format!("{}/device", world.origin);
    let complete = format!("{page}?user_code={user_code}");
    let mut body = Map::new();
    body.insert("device_code".to_owned(), json!(device_code.expose()));
    body.insert("user_code".to_owned(), json!(user_code));
    body.insert("verification_uri".to_owned(), json!(page));
    body.insert("verification_uri_complete".to_owned(), json!(complete));
    body.insert("expires_in".to_owned(), json!(world.options.device_code_life));
    body.insert("interval".to_owned(), json!(INTERVAL));
    let circumstances = Circumstances {
        client: Some(&client.id),
        ..Circumstances::of(Dialect::Standard)
    };
    let shown = world.spoil(Document::DeviceResponse, &circumstances, &mut body);
    let response = Json(Value::Object(body)).into_response();
    answer::with_faults(answer::not_stored(response), shown)
}

/// Writes down that a device waits, and makes its two codes.
pub(crate) fn admit(
    world: &World,
    dialect: Dialect,
    client: &str,
    scopes: Scopes,
    assurance: Assurance,
) -> (Secret, String) {
    let device_code = Secret::random("");
    let user_code = random_user_code();
    world.records_mut().devices.insert(
        device_code.fingerprint(),
        Device {
            dialect,
            client: client.to_owned(),
            scopes,
            assurance,
            user_code: Fingerprint::of(&user_code),
            expires: world.now() + world.options.device_code_life,
            interval: INTERVAL,
            last_poll: None,
            decision: Decision::Pending,
        },
    );
    (device_code, user_code)
}

/// A device asks whether the person has decided (RFC 8628 section 3.5).
pub(crate) fn poll(world: &World, dialect: Dialect, client: &str, presented: &str) -> Poll {
    let now = world.now();
    let mut records = world.records_mut();
    let Some(device) = records
        .devices
        .get_mut(&Fingerprint::of(presented))
        .filter(|device| device.dialect == dialect && device.client == client)
    else {
        return Poll::Unknown;
    };
    match &device.decision {
        Decision::Denied => return Poll::Denied,
        Decision::Collected => return Poll::Unknown,
        _ if device.expires <= now => return Poll::Expired,
        Decision::Allowed(grant) => {
            let grant = grant.clone();
            device.decision = Decision::Collected;
            return Poll::Allowed(grant);
        }
        Decision::Pending => {}
    }
    let too_soon = device.last_poll.is_some_and(|last| now - last < device.interval);
    device.last_poll = Some(now);
    if too_soon {
        device.interval += 5;
        return Poll::SlowDown(device.interval);
    }
    Poll::Pending
}

/// The page where a person types the code.
pub(crate) async fn page(
    State(world): State<Arc<World>>,
    jar: CookieJar,
    RawQuery(query): RawQuery,
) -> Response {
    show(&world, jar, Dialect::Standard, query.as_deref())
}

/// The code as it was typed.
pub(crate) async fn entered(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    take(&world, jar, Dialect::Standard, &Parameters::parse(&body))
}

/// The page, in the manner of `dialect`.
pub(crate) fn show(world: &World, jar: CookieJar, dialect: Dialect, query: Option<&str>) -> Response {
    let browser = Browser::of(world, jar);
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    let code = normal_form(parameters.get("user_code").unwrap_or_default());
    let page = pages::device_code(dialect, page_path(dialect), &browser.csrf("device"), &code, false);
    (browser.into_cookies(), page).into_response()
}

/// Goes on with the device whose code was typed.
pub(crate) fn take(world: &World, jar: CookieJar, dialect: Dialect, form: &Parameters) -> Response {
    let browser = Browser::of(world, jar);
    if !browser.sent("device", form.get("csrf")) {
        return interaction::not_from_here();
    }
    let typed = normal_form(form.get("user_code").unwrap_or_default());
    let fingerprint = Fingerprint::of(&typed);
    let now = world.now();
    let found = world
        .records()
        .devices
        .iter()
        .find(|(_, device)| {
            device.dialect == dialect
                && device.user_code == fingerprint
                && device.decision == Decision::Pending
                && device.expires > now
        })
        .map(|(id, device)| (*id, device.clone()));
    let Some((
        device,
        Device {
            client,
            scopes,
            assurance,
            ..
        },
    )) = found
    else {
        let page = pages::device_code(dialect, page_path(dialect), &browser.csrf("device"), &typed, true)
            .status(StatusCode::UNPROCESSABLE_ENTITY);
        return answer::with_error(
            (browser.into_cookies(), page).into_response(),
            "unknown_user_code",
        );
    };
    let purpose = Purpose::Device {
        device,
        user_code: typed,
        dialect,
        client,
        scopes,
        assurance,
    };
    interaction::begin(world, browser, purpose)
}

fn page_path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::GitHub => "/github/login/device",
        Dialect::Standard | Dialect::Google => "/device",
    }
}

/// The code as it was made: people type small letters, spaces, and leave the dash out.
fn normal_form(typed: &str) -> String {
    let letters: String = typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_uppercase())
        .take(8)
        .collect();
    match letters.split_at_checked(4) {
        Some((first, second)) if !second.is_empty() => format!("{first}-{second}"),
        _ => letters,
    }
}
