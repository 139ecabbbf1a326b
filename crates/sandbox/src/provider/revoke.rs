//! Revocation (RFC 7009).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::answer::{self, OAuthError};
use crate::parameters::Parameters;
use crate::provider::token::client_of;
use crate::secret::Fingerprint;
use crate::world::World;

pub(crate) async fn revoke(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = Parameters::parse(&body);
    let client = match client_of(&world, &headers, &parameters) {
        Ok(client) => client,
        Err(error) => return error.into_response(),
    };
    let Some(token) = parameters.get("token") else {
        return OAuthError::new("invalid_request", "`token` is missing.").into_response();
    };
    let fingerprint = Fingerprint::of(token);
    let mut records = world.records_mut();
    // Section 2.1: a refresh token takes its access tokens with it, and only its own client may end it.
    if let Some((token, _)) = records.refresh_token(fingerprint, &client.id) {
        let grant = token.grant.clone();
        records.revoke_grant(&grant);
    } else if records
        .access_token(fingerprint, world.now())
        .is_some_and(|(_, grant)| grant.client == client.id)
    {
        records.access_tokens.remove(&fingerprint);
    }
    drop(records);
    // Section 2.2: a token that is not known is as good as revoked.
    answer::not_stored(StatusCode::OK.into_response())
}
