//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): ends the browser's session, not the refresh
//! tokens that were granted for when the person is away.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use http::{HeaderValue, StatusCode, header};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;
use url::form_urlencoded;

use crate::answer;
use crate::browser::Browser;
use crate::clients::Dialect;
use crate::faults::{Circumstances, Fault};
use crate::pages;
use crate::parameters::Parameters;
use crate::provider::interaction;
use crate::world::World;

pub(crate) async fn get(
    State(world): State<Arc<World>>,
    jar: CookieJar,
    RawQuery(query): RawQuery,
) -> Response {
    respond(
        &world,
        jar,
        &Parameters::parse(query.unwrap_or_default().as_bytes()),
    )
}

pub(crate) async fn post(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    respond(&world, jar, &Parameters::parse(&body))
}

/// Whose sign-out it is, as a good `id_token_hint` proves.
struct Hint {
    client: String,
    subject: String,
}

fn respond(world: &World, jar: CookieJar, parameters: &Parameters) -> Response {
    let browser = Browser::of(world, jar);
    let hint = parameters
        .get("id_token_hint")
        .map(|token| read_hint(world, token));
    let hint = match hint {
        None => None,
        Some(Some(hint)) => Some(hint),
        Some(None) => return refused("The app sent an ID token that this sandbox did not sign."),
    };
    let client = match (parameters.get("client_id"), &hint) {
        (Some(id), Some(hint)) if id != hint.client => {
            return refused("The app named another app than its ID token does.");
        }
        (Some(id), _) => Some(id),
        (None, Some(hint)) => Some(hint.client.as_str()),
        (None, None) => None,
    };
    let back = match parameters.get("post_logout_redirect_uri") {
        None => None,
        Some(uri) => {
            let registered = client
                .and_then(|id| world.client(Dialect::Standard, id))
                .is_some_and(|client| client.accepts_post_logout_redirect(uri));
            if !registered {
                return refused("The address that you would be sent back to is not registered for this app.");
            }
            Some(uri)
        }
    };

    let session = browser.session(world, Dialect::Standard);
    let confirmed = parameters.get("confirmed").is_some() && browser.sent("sign-out", parameters.get("csrf"));
    if parameters.get("confirmed").is_some() && !confirmed {
        return interaction::not_from_here();
    }
    if let Some(session) = session {
        // Section 2: without a proof of who asks, the person is asked, for any web page could have sent them.
        let proven = hint.as_ref().is_some_and(|hint| hint.subject == session.subject);
        if !proven && !confirmed {
            let request: Vec<(&str, &str)> = ["client_id", "post_logout_redirect_uri", "state"]
                .into_iter()
                .filter_map(|name| Some((name, parameters.get(name)?)))
                .chain(
                    // The hint names another person, but still the right app.
                    parameters
                        .get("client_id")
                        .is_none()
                        .then_some(client)
                        .flatten()
                        .map(|id| ("client_id", id)),
                )
                .collect();
            if let Some(person) = world.person(&session.subject) {
                let mut page = pages::confirm_sign_out(&browser.csrf("sign-out"), person, &request);
                if let Some(uri) = back {
                    page = page.may_lead_to(uri);
                }
                return (browser.into_cookies(), page).into_response();
            }
        }
    }
    let browser = browser.sign_out(world, Dialect::Standard);
    let mut response = match back {
        None => pages::message(
            Dialect::Standard,
            "You are signed out",
            &["This browser is no longer signed in at the sandbox. You can close this page."],
        )
        .into_response(),
        Some(uri) => {
            let circumstances = Circumstances {
                client,
                ..Circumstances::of(Dialect::Standard)
            };
            let faults = world.faults.take(&circumstances, |fault| match fault {
                Fault::SignOutReturn(change) => Some(change.clone()),
                _ => None,
            });
            let mut brought: Vec<(String, String)> = parameters
                .get("state")
                .map(|state| ("state".to_owned(), state.to_owned()))
                .into_iter()
                .collect();
            for fault in &faults {
                fault.what.apply_to_parameters(&mut brought);
            }
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&brought)
                .finish();
            let joint = if query.is_empty() { "" } else { "?" };
            let response = match HeaderValue::try_from(format!("{uri}{joint}{query}")) {
                Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
                Err(_) => refused("The address that you would be sent back to cannot be used."),
            };
            answer::with_faults(response, faults.into_iter().map(|fault| fault.name))
        }
    };
    response.headers_mut().insert(
        http::HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\""),
    );
    (browser.into_cookies(), response).into_response()
}

/// An ID token of ours, whether or not it has run out (section 2).
fn read_hint(world: &World, token: &str) -> Option<Hint> {
    let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
    let keys = world.keys().public();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).ok()?;
    let key = DecodingKey::from_jwk(set.find(&kid)?).ok()?;
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_issuer(&[&world.origin]);
    validation.set_required_spec_claims(&["iss", "sub", "aud"]);
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
        .ok()?
        .claims;
    Some(Hint {
        client: claims.get("aud")?.as_str()?.to_owned(),
        subject: claims.get("sub")?.as_str()?.to_owned(),
    })
}

fn refused(explanation: &str) -> Response {
    answer::with_error(
        pages::error(
            Dialect::Standard,
            "You are not signed out",
            explanation,
            "invalid_request",
        )
        .into_response(),
        "invalid_request",
    )
}
