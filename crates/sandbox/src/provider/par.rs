//! Pushed authorization requests (RFC 9126): checked when they are pushed, good once, for a minute, and for the
//! client that pushed them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::answer::{self, OAuthError};
use crate::clients::Dialect;
use crate::faults::{Circumstances, Document, Fault};
use crate::parameters::Parameters;
use crate::provider::authorize::{self, Refused};
use crate::provider::token::client_of;
use crate::records::{AuthorizationRequest, Pushed};
use crate::secret::{Fingerprint, Secret};
use crate::world::World;

/// Seconds that a pushed request is good for.
const LIFE: i64 = 60;
/// What every name of one begins with (RFC 9126 section 2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

pub(super) async fn push(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let response = match take(&world, &headers, &Parameters::parse(&body)) {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    world.with_nonce(&headers, response)
}

fn take(world: &World, headers: &HeaderMap, parameters: &Parameters) -> Result<Response, OAuthError> {
    let invalid = |description| OAuthError::new("invalid_request", description);
    if parameters.repeated().is_some() {
        return Err(invalid("A parameter is given more than once."));
    }
    let client = client_of(world, headers, parameters)?;
    // RFC 9126 section 2.1: the one parameter that must not be pushed.
    if parameters.get("request_uri").is_some() {
        return Err(invalid("A name of another request cannot be pushed."));
    }
    if parameters.get("client_id") != Some(&client.id) {
        return Err(invalid("The request is not that of the client that pushes it."));
    }
    let key = world.key_shown("/par", headers, None)?;
    let mut request = authorize::read_request(world, parameters).map_err(|refused| match refused {
        Refused::Here { code, explanation } => OAuthError::new(code, explanation),
        Refused::AtClient {
            code, description, ..
        } => OAuthError::new(code, description),
    })?;
    // RFC 9449 section 10.1: a proof binds the code as `dpop_jkt` does, and the two must not differ.
    if let Some(key) = key {
        if request.dpop_jkt.as_ref().is_some_and(|named| *named != key) {
            return Err(OAuthError::new(
                "invalid_dpop_proof",
                "The proof is of another key than `dpop_jkt` names.",
            ));
        }
        request.dpop_jkt = Some(key);
    }
    let name = Secret::random(PREFIX);
    world.records_mut().pushed.insert(
        name.fingerprint(),
        Pushed {
            request,
            expires: world.now() + LIFE,
        },
    );
    let mut body = Map::new();
    body.insert("request_uri".to_owned(), json!(name.expose()));
    body.insert("expires_in".to_owned(), json!(LIFE));
    let circumstances = Circumstances {
        client: Some(&client.id),
        ..Circumstances::of(Dialect::Standard)
    };
    let shown = world.spoil(Document::PushedResponse, &circumstances, &mut body);
    let response = (StatusCode::CREATED, Json(Value::Object(body))).into_response();
    Ok(answer::with_faults(answer::not_stored(response), shown))
}

/// The request that a browser names by its `request_uri`, which is used up by that.
pub(super) fn redeem(
    world: &World,
    client: &str,
    request_uri: &str,
) -> Result<AuthorizationRequest, Refused> {
    let (now, name) = (world.now(), Fingerprint::of(request_uri));
    let mut records = world.records_mut();
    // Another client's stays for that client.
    let is_own = |pushed: &Pushed| pushed.request.client == client;
    let found = records.pushed.get(&name).is_some_and(is_own);
    let pushed = found.then(|| records.pushed.remove(&name)).flatten();
    drop(records);
    let circumstances = Circumstances {
        client: Some(client),
        ..Circumstances::of(Dialect::Standard)
    };
    let expired = world.faults.take(&circumstances, |fault| {
        matches!(fault, Fault::PushedRequestExpired).then_some(())
    });
    pushed
        .filter(|pushed| pushed.expires > now && expired.is_empty())
        .map(|pushed| pushed.request)
        .ok_or(Refused::Here {
            code: "invalid_request_uri",
            explanation: "The app's request is not there (any more), or was used before. Start again in the app.",
        })
}
