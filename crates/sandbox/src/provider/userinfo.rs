//! Who the access token is about (OpenID Connect Core section 5.3).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use crate::answer;
use crate::clients::Dialect;
use crate::secret::Fingerprint;
use crate::world::World;

pub(crate) async fn userinfo(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    respond(&world, Dialect::Standard, &headers)
}

/// The answer for whoever the token is about, in the manner of `dialect`.
pub(crate) fn respond(world: &World, dialect: Dialect, headers: &HeaderMap) -> Response {
    let Some(token) = answer::access_token(headers) else {
        return answer::bearer_refused(false);
    };
    let found = world
        .records()
        .access_token(Fingerprint::of(token), world.now())
        .map(|(token, grant)| (token.scopes.clone(), grant.clone()));
    match found {
        Some((scopes, grant)) if grant.dialect == dialect => {
            if let Some(refusal) = world.badly_presented(&grant, token, headers) {
                return world.with_nonce(headers, refusal);
            }
            if !scopes.contains("openid") {
                return answer::scope_missing("openid");
            }
            world
                .userinfo(&grant, &scopes)
                .unwrap_or_else(IntoResponse::into_response)
        }
        _ => answer::bearer_refused(true),
    }
}
