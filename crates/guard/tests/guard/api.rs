//! A small API behind the guard, served on a loopback port.

use axum::body::Bytes;
use axum::extract::Request;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tessera_guard::{
    Caller, Guard, KeySource, Refusal, RequireAuth, RequireAuthentication, RequireScope, UnixTime,
};
use tokio::net::TcpListener;

use crate::signer::{AUDIENCE, ISSUER, NOW, Signer, key_set};

/// A guard that knows this signer and whose clock stands at `NOW`.
pub(crate) fn guard(signer: &Signer) -> Guard {
    Guard::builder(ISSUER)
        .audience(AUDIENCE)
        .key_source(KeySource::fixed(key_set(&[signer])))
        .clock(|| UnixTime(NOW))
        .build()
        .unwrap()
}

/// Starts the API and says where it is. It ends with the test's runtime.
pub(crate) async fn serve(guard: Guard) -> String {
    let guarded = Router::new()
        .route("/who", get(who))
        .route(
            "/orders",
            get(|| async { "orders" }).layer(RequireScope::all(["orders:read"])),
        )
        .route(
            "/refund",
            get(|| async { "refund" }).layer(RequireScope::all(["orders:read", "orders:write"])),
        )
        .route("/no-scope", get(|| async { "?" }).layer(RequireScope::all([""])))
        .route(
            "/recent",
            get(|| async { "recent" }).layer(RequireAuthentication::new().max_age(60)),
        )
        .route(
            "/strong",
            get(|| async { "strong" }).layer(RequireAuthentication::new().acr_values(["gold", "silver"])),
        )
        .route(
            "/both",
            get(|| async { "both" }).layer(RequireAuthentication::new().max_age(60).acr_values(["gold"])),
        )
        .route(
            "/any-sign-in",
            get(|| async { "?" }).layer(RequireAuthentication::new()),
        )
        .route("/late", get(late))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/field", get(field))
        .layer(RequireAuth::new(guard));
    let open = Router::new()
        .route("/health", get(|| async { "well" }))
        .route("/no-guard", get(who))
        .route(
            "/no-guard-scope",
            get(|| async { "?" }).layer(RequireScope::all(["orders:read"])),
        )
        .route(
            "/no-guard-sign-in",
            get(|| async { "?" }).layer(RequireAuthentication::new().max_age(60)),
        );
    let app = guarded.merge(open);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn who(caller: Caller) -> Json<Value> {
    Json(json!({
        "issuer": caller.issuer().as_str(),
        "subject": caller.subject().as_str(),
        "client_id": caller.client_id().as_str(),
        "scopes": caller.scopes().to_string(),
        "token_id": caller.token_id(),
        "issued_at": caller.issued_at().0,
        "expires_at": caller.expires_at().0,
        "auth_time": caller.auth_time().map(|time| time.0),
        "acr": caller.acr(),
        "claims": caller.claims(),
    }))
}

/// Finds out only inside that a scope is needed.
async fn late(caller: Caller) -> Result<&'static str, Refusal> {
    caller.require_scopes(["orders:write"])?;
    Ok("done")
}

/// The authorization field as a careless handler would log it.
async fn field(request: Request) -> String {
    format!("{:?}", request.headers().get(AUTHORIZATION))
}

/// Header fields with this `Authorization`.
pub(crate) fn fields(authorization: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
}

/// An HTTP client for this machine.
#[expect(clippy::disallowed_methods, reason = "the one client of these tests")]
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
