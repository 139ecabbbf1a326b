//! An API with one route that needs a scope and one that needs nothing.
//!
//! ```text
//! cargo run -p tessera-guard --features axum,reqwest --example orders -- \
//!     https://login.example https://login.example/jwks https://api.example
//! ```

#![expect(clippy::print_stdout, reason = "a program that says where it listens")]

use std::error::Error;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tessera_guard::{Caller, Guard, HttpKeys, KeySource, RequireAuth, RequireScope};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, jwks_uri, audience] = arguments.as_slice() else {
        return Err("say: ISSUER JWKS_URI AUDIENCE".into());
    };
    let guard = Guard::builder(issuer)
        .audience(audience)
        .key_source(KeySource::remote(jwks_uri, HttpKeys::new()?))
        .build()?;
    let app = Router::new()
        .route("/orders", get(orders).layer(RequireScope::all(["orders:read"])))
        .layer(RequireAuth::new(guard))
        .route("/health", get(|| async { "well" }));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/orders", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn orders(caller: Caller) -> Json<Value> {
    Json(json!({
        "of": caller.subject().as_str(),
        "through": caller.client_id().as_str(),
        "orders": [{"number": 1, "what": "a broken tile"}],
    }))
}
