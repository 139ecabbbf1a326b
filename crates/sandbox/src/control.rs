//! The switches of a running sandbox: `GET`, `POST` and `DELETE /faults`.
//!
//! Only requests with a JSON media type are taken: a web page cannot send one here without asking first, and
//! asking is not answered.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::answer;
use crate::clients::Dialect;
use crate::faults::{Rule, catalogue};
use crate::world::World;

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new().route("/faults", get(list).post(set).delete(clear))
}

/// What `POST /faults` takes; see the crate's documentation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    fault: Option<String>,
    times: Option<u32>,
    #[serde(default)]
    after: u32,
    client_id: Option<String>,
    dialect: Option<String>,
    grant_type: Option<String>,
    path: Option<String>,
    #[serde(default)]
    expire_access_tokens: bool,
    #[serde(default)]
    rotate_keys: bool,
    #[serde(default)]
    forget_earlier_keys: bool,
    #[serde(default)]
    advance_seconds: i64,
}

async fn list(State(world): State<Arc<World>>) -> Response {
    let known: Vec<&str> = catalogue().iter().map(|row| row.name).collect();
    Json(json!({ "active": world.faults.active(), "known": known })).into_response()
}

async fn clear(State(world): State<Arc<World>>) -> Response {
    world.faults.clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn set(State(world): State<Arc<World>>, Json(wanted): Json<Wanted>) -> Response {
    match apply(&world, &wanted) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(message) => answer::with_error(
            (StatusCode::BAD_REQUEST, Json(json!({ "message": message }))).into_response(),
            "invalid_request",
        ),
    }
}

fn apply(world: &World, wanted: &Wanted) -> Result<(), String> {
    let dialect = match &wanted.dialect {
        None => None,
        Some(name) => Some(Dialect::from_name(name).ok_or(format!("there is no dialect `{name}`"))?),
    };
    if let Some(name) = &wanted.fault {
        let row = catalogue()
            .into_iter()
            .find(|row| row.name == name)
            .ok_or(format!("there is no fault `{name}`"))?;
        let mut rule = Rule::new(row.fault).named(row.name).after(wanted.after);
        if let Some(times) = wanted.times {
            rule = rule.times(times);
        }
        if let Some(client) = &wanted.client_id {
            rule = rule.client(client);
        }
        if let Some(dialect) = dialect {
            rule = rule.dialect(dialect);
        }
        if let Some(grant_type) = &wanted.grant_type {
            rule = rule.grant_type(grant_type);
        }
        if let Some(path) = &wanted.path {
            rule = rule.path(path);
        }
        if !rule.can_show() {
            return Err(format!("`{name}` never shows with these restrictions"));
        }
        world.faults.set(rule);
    }
    if wanted.expire_access_tokens {
        world.records_mut().expire_access_tokens();
    }
    if wanted.rotate_keys {
        world
            .rotate_keys(!wanted.forget_earlier_keys)
            .map_err(|error| error.to_string())?;
    }
    if wanted.advance_seconds != 0 {
        world.clock.advance(wanted.advance_seconds);
    }
    Ok(())
}
