//! The identity provider: the standard dialect's endpoints, and the pages that all dialects share.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::answer;
use crate::clients::Dialect;
use crate::faults::{Circumstances, Document, Fault};
use crate::keys;
use crate::pages;
use crate::world::World;

pub(crate) mod authorize;
mod consent;
pub(crate) mod device;
pub(crate) mod interaction;
mod par;
mod revoke;
mod sign_out;
pub(crate) mod token;
pub(crate) mod userinfo;

/// The standard dialect and the shared pages.
pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/", get(home))
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/keys", get(keys))
        // Where `discovery-moved-key-set` says that it is.
        .route("/keys/moved", get(keys))
        .route("/authorize", get(authorize::get).post(authorize::post))
        .route("/interaction/{name}", get(interaction::show))
        .route("/sign-in", post(interaction::sign_in))
        .route("/account", post(interaction::account))
        .route("/second-step", post(interaction::second_step))
        .route("/consent", post(interaction::decide))
        .route("/par", post(par::push))
        .route("/token", post(token::token))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/revoke", post(revoke::revoke))
        .route("/device_authorization", post(device::authorize))
        .route("/device", get(device::page).post(device::entered))
        .route("/sign-out", get(sign_out::get).post(sign_out::post))
        .route("/picture/{username}", get(picture))
        .route(pages::STYLE_PATH, get(style))
        .route(pages::ICON_PATH, get(icon))
}

/// What is said of an address that nothing is at: to a browser a page, to a program JSON.
pub(crate) async fn nothing_here(headers: HeaderMap) -> Response {
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_page {
        let lines = ["The sandbox has no page at this address."];
        return pages::message(Dialect::Standard, "Nothing is here", &lines)
            .status(StatusCode::NOT_FOUND)
            .into_response();
    }
    let body =
        json!({ "error": "not_found", "error_description": "The provider has nothing at this address." });
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

async fn home(State(world): State<Arc<World>>) -> Response {
    pages::message(
        Dialect::Standard,
        "This sandbox is running",
        &[
            "Apps sign people in here to try things out. Start in the app: it opens the right page.",
            &format!("Issuer: {}", world.origin),
            &format!("Protected API: {}", world.api_origin),
        ],
    )
    .into_response()
}

async fn metadata(State(world): State<Arc<World>>) -> Response {
    discovery_document(&world, Dialect::Standard)
}

/// The discovery document, spoiled if a fault says so.
pub(crate) fn discovery_document(world: &World, dialect: Dialect) -> Response {
    match world.metadata(dialect) {
        Ok(mut document) => {
            let shown = world.spoil(Document::Discovery, &Circumstances::of(dialect), &mut document);
            answer::with_faults(axum::Json(document).into_response(), shown)
        }
        Err(error) => {
            tracing::error!(%error, "cannot describe the provider");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn keys(State(world): State<Arc<World>>) -> Response {
    key_set(&world, Dialect::Standard)
}

/// The key set, spoiled if a fault says so.
pub(crate) fn key_set(world: &World, dialect: Dialect) -> Response {
    let mut set = match world.keys_of(dialect) {
        Ok(keys) => keys.public(),
        Err(error) => return answer::OAuthError::from(error).into_response(),
    };
    let taken = world
        .faults
        .take(&Circumstances::of(dialect), |fault| match fault {
            Fault::KeySet(fault) => Some(*fault),
            _ => None,
        });
    for fault in &taken {
        keys::spoil_key_set(&mut set, fault.what);
    }
    let names = taken.into_iter().map(|fault| fault.name);
    answer::with_faults(axum::Json(set).into_response(), names)
}

async fn picture(State(world): State<Arc<World>>, Path(username): Path<String>) -> Response {
    match world
        .options
        .people
        .iter()
        .find(|person| person.username == username)
    {
        Some(person) => ([(header::CONTENT_TYPE, "image/png")], person.portrait()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A picture that, opened on its own, can do nothing.
pub(crate) fn svg(picture: String) -> Response {
    (
        [
            (header::CONTENT_TYPE, "image/svg+xml"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        picture,
    )
        .into_response()
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], pages::STYLE).into_response()
}

async fn icon() -> Response {
    svg(pages::ICON.to_owned())
}
