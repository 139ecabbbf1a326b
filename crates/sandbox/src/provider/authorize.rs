//! The authorization endpoint (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2), and the way back to
//! the client.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use http::{HeaderValue, StatusCode, header};
use url::form_urlencoded;

use crate::answer;
use crate::browser::Browser;
use crate::clients::Dialect;
use crate::faults::{Circumstances, Fault};
use crate::options::PushedRequests;
use crate::pages;
use crate::parameters::Parameters;
use crate::provider::{interaction, par};
use crate::records::{Assurance, AuthorizationRequest, Challenge, Purpose};
use crate::scopes::Scopes;
use crate::world::World;

/// Why a request is not taken up.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The browser cannot be sent back: the person is told (RFC 6749 section 4.1.2.1).
    Here {
        code: &'static str,
        explanation: &'static str,
    },
    /// The client is told.
    AtClient {
        redirect_uri: String,
        state: Option<String>,
        code: &'static str,
        description: &'static str,
    },
}

pub(crate) async fn get(
    State(world): State<Arc<World>>,
    jar: CookieJar,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    begin(&world, jar, Dialect::Standard, read(&world, &parameters))
}

pub(crate) async fn post(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    begin(
        &world,
        jar,
        Dialect::Standard,
        read(&world, &Parameters::parse(&body)),
    )
}

/// Takes a request up, or says why not.
pub(crate) fn begin(
    world: &World,
    jar: CookieJar,
    dialect: Dialect,
    request: Result<AuthorizationRequest, Refused>,
) -> Response {
    match request {
        Ok(request) => interaction::begin(world, Browser::of(world, jar), Purpose::Redirect(request)),
        Err(Refused::Here { code, explanation }) => answer::with_error(
            pages::error(dialect, "This sign-in cannot start", explanation, code).into_response(),
            code,
        ),
        Err(Refused::AtClient {
            redirect_uri,
            state,
            code,
            description,
        }) => send_error(
            world,
            dialect,
            None,
            &redirect_uri,
            state.as_deref(),
            code,
            description,
        ),
    }
}

/// The request itself, or the one that was pushed under the name that is given (RFC 9126 section 4).
fn read(world: &World, parameters: &Parameters) -> Result<AuthorizationRequest, Refused> {
    let client = parameters
        .get("client_id")
        .and_then(|id| world.client(Dialect::Standard, id));
    match (client, parameters.get("request_uri")) {
        (Some(client), Some(name)) => par::redeem(world, &client.id, name),
        (Some(_), None) if world.pushed_requests() == PushedRequests::Required => Err(Refused::Here {
            code: "invalid_request",
            explanation: "The app did not push its request beforehand, and this sandbox takes no other.",
        }),
        _ => read_request(world, parameters),
    }
}

/// Reads and checks a request by the standard dialect's rules.
pub(super) fn read_request(world: &World, parameters: &Parameters) -> Result<AuthorizationRequest, Refused> {
    let here = |code, explanation| Refused::Here { code, explanation };
    let client = parameters
        .get("client_id")
        .and_then(|id| world.client(Dialect::Standard, id))
        .ok_or(here(
            "invalid_client",
            "The app that sent you here is not known to this sandbox, or did not say who it is.",
        ))?;
    let circumstances = Circumstances {
        client: Some(&client.id),
        ..Circumstances::of(Dialect::Standard)
    };
    let to_the_letter = world.faults.take(&circumstances, |fault| {
        matches!(fault, Fault::ExactLoopbackPort).then_some(())
    });
    // OpenID Connect Core section 3.1.2.1: the address is required, and compared as a simple string.
    let redirect_uri = parameters
        .get("redirect_uri")
        .filter(|uri| {
            if to_the_letter.is_empty() {
                client.accepts_redirect(uri)
            } else {
                client.accepts_redirect_to_the_letter(uri)
            }
        })
        .ok_or(here(
            "invalid_redirect_uri",
            "The address that you would be sent back to is not registered for this app.",
        ))?;
    let state = parameters.get("state").map(str::to_owned);
    let at_client = |code, description| Refused::AtClient {
        redirect_uri: redirect_uri.to_owned(),
        state: state.clone(),
        code,
        description,
    };

    if parameters.repeated().is_some() {
        return Err(at_client(
            "invalid_request",
            "A parameter is given more than once.",
        ));
    }
    if parameters.get("request").is_some() {
        return Err(at_client(
            "request_not_supported",
            "Request objects are not taken here.",
        ));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => {
            return Err(at_client(
                "unsupported_response_type",
                "Only `code` is given here.",
            ));
        }
        None => return Err(at_client("invalid_request", "`response_type` is missing.")),
    }
    if parameters
        .get("response_mode")
        .is_some_and(|mode| mode != "query")
    {
        return Err(at_client(
            "invalid_request",
            "Only the response mode `query` is known here.",
        ));
    }
    let challenge = read_challenge(parameters, false)
        .map_err(|description| at_client("invalid_request", description))?
        .ok_or_else(|| {
            at_client(
                "invalid_request",
                "PKCE is required: `code_challenge` is missing.",
            )
        })?;
    let asked = Scopes::parse(parameters.get("scope").unwrap_or_default());
    let known = asked.filter(|scope| crate::discovery::SCOPES.iter().any(|(known, _)| *known == scope));
    if known != asked {
        return Err(at_client("invalid_scope", "A scope is not known here."));
    }
    let prompt = read_prompt(parameters).ok_or_else(|| {
        at_client(
            "invalid_request",
            "`prompt` is not understood, or `none` is not alone.",
        )
    })?;
    let assurance = read_assurance(parameters).map_err(|(code, description)| at_client(code, description))?;

    Ok(AuthorizationRequest {
        dialect: Dialect::Standard,
        client: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        scopes: known,
        nonce: parameters.get("nonce").map(str::to_owned),
        challenge: Some(challenge),
        prompt,
        assurance,
        dpop_jkt: parameters.get("dpop_jkt").map(str::to_owned),
        login_hint: parameters.get("login_hint").map(str::to_owned),
        state: state.clone(),
    })
}

/// How surely the person must be known, or an error code and what it means.
pub(super) fn read_assurance(parameters: &Parameters) -> Result<Assurance, (&'static str, &'static str)> {
    let max_age = match parameters.get("max_age").map(str::parse::<i64>) {
        None => None,
        Some(Ok(seconds)) if seconds >= 0 => Some(seconds),
        Some(_) => return Err(("invalid_request", "`max_age` is not a number of seconds.")),
    };
    let acr_values: Vec<String> = parameters
        .get("acr_values")
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    // RFC 9470 section 5: a client that needs one of them is better told than sent back without.
    if !acr_values.is_empty()
        && !acr_values
            .iter()
            .any(|acr| crate::discovery::ACRS.contains(&acr.as_str()))
    {
        return Err((
            "unmet_authentication_requirements",
            "No such way to sign in is known here.",
        ));
    }
    Ok(Assurance { max_age, acr_values })
}

/// The PKCE challenge (RFC 7636 section 4.3). Without a method it would be `plain`.
pub(crate) fn read_challenge(
    parameters: &Parameters,
    plain_allowed: bool,
) -> Result<Option<Challenge>, &'static str> {
    let Some(value) = parameters.get("code_challenge") else {
        return match parameters.get("code_challenge_method") {
            None => Ok(None),
            Some(_) => Err("`code_challenge` is missing."),
        };
    };
    let plain = match parameters.get("code_challenge_method") {
        Some("S256") => false,
        Some("plain") | None if plain_allowed => true,
        _ => return Err("PKCE is required with the method S256."),
    };
    let good = (43..=128).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    // A SHA-256 in base64url has always 43 characters.
    if !good || (!plain && value.len() != 43) {
        return Err("`code_challenge` is not one.");
    }
    Ok(Some(Challenge {
        plain,
        value: value.to_owned(),
    }))
}

/// The values of `prompt`; `None` when they make no sense together.
pub(crate) fn read_prompt(parameters: &Parameters) -> Option<Vec<String>> {
    let values: Vec<String> = parameters
        .get("prompt")
        .unwrap_or_default()
        .split(' ')
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect();
    let known = values
        .iter()
        .all(|value| matches!(value.as_str(), "none" | "login" | "consent" | "select_account"));
    (known && (values.len() < 2 || !values.iter().any(|value| value == "none"))).then_some(values)
}

/// Sends the browser back with an error (RFC 6749 section 4.1.2.1), and with `iss` (RFC 9207).
pub(crate) fn send_error(
    world: &World,
    dialect: Dialect,
    client: Option<&str>,
    redirect_uri: &str,
    state: Option<&str>,
    code: &'static str,
    description: &str,
) -> Response {
    let mut parameters = vec![
        ("error".to_owned(), code.to_owned()),
        ("error_description".to_owned(), description.to_owned()),
    ];
    parameters.extend(state.map(|state| ("state".to_owned(), state.to_owned())));
    parameters.push(("iss".to_owned(), world.issuer(dialect)));
    answer::with_error(send_back(world, dialect, client, redirect_uri, parameters), code)
}

/// Sends the browser back with these parameters, or with what a fault makes of them.
pub(crate) fn send_back(
    world: &World,
    dialect: Dialect,
    client: Option<&str>,
    redirect_uri: &str,
    mut parameters: Vec<(String, String)>,
) -> Response {
    let circumstances = Circumstances {
        client,
        ..Circumstances::of(dialect)
    };
    let taken = world.faults.take(&circumstances, |fault| match fault {
        Fault::Callback(change) => Some(change.clone()),
        _ => None,
    });
    let mut shown = Vec::new();
    for fault in taken {
        let before = parameters.clone();
        fault.what.apply_to_parameters(&mut parameters);
        // What changed nothing did not show.
        if parameters != before {
            shown.push(fault.name);
        }
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&parameters)
        .finish();
    let in_fragment = world.faults.take(&circumstances, |fault| {
        matches!(fault, Fault::CallbackInFragment).then_some(())
    });
    let joint = match redirect_uri.contains('?') {
        _ if !in_fragment.is_empty() => '#',
        true => '&',
        false => '?',
    };
    let response = match HeaderValue::try_from(format!("{redirect_uri}{joint}{query}")) {
        // 303, so that the browser never repeats a form at the client.
        Ok(location) => (
            StatusCode::SEE_OTHER,
            [
                (header::LOCATION, location),
                (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            ],
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    answer::with_faults(
        answer::not_stored(response),
        shown
            .into_iter()
            .chain(in_fragment.into_iter().map(|fault| fault.name)),
    )
}
