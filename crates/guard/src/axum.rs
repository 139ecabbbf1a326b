//! The guard's types in axum handlers: [`Caller`] as an argument, [`Refusal`] as an answer.

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::caller::Caller;
use crate::refusal::Refusal;

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    /// Fails only where no [`RequireAuth`](crate::RequireAuth) is in front of the handler.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Refusal::unguarded)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.to_response::<Body>()
    }
}
