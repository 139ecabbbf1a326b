//! Tower layers for the authors of APIs: who calls, and may they?
//!
//! An API behind [`RequireAuth`] is reached only with an access token that its issuer signed for it
//! (RFC 9068), presented as RFC 6750 says. Handlers get a [`Caller`], which nothing else can make.
//! [`RequireScope`] and [`RequireAuthentication`] narrow single routes. It works with axum and with every other tower service whose
//! responses have a body that can be made from a `String`.
//!
//! ```
//! use axum::{Extension, Json, Router, routing::get};
//! use serde_json::json;
//! use tessera_guard::{Caller, Guard, KeySet, KeySource, RequireAuth, RequireScope};
//!
//! // With feature `axum`, `caller: Caller` does.
//! async fn orders(Extension(caller): Extension<Caller>) -> Json<serde_json::Value> {
//!     Json(json!({"of": caller.subject().as_str(), "by": caller.client_id().as_str(), "orders": []}))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Most APIs name their issuer's `jwks_uri` instead (feature `reqwest`):
//! //     KeySource::remote("https://login.example/jwks", HttpKeys::new()?)
//! let keys = KeySet::parse(br#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2026",
//!     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)?;
//! let guard = Guard::builder("https://login.example")
//!     .audience("https://api.example")
//!     .key_source(KeySource::fixed(keys))
//!     .build()?;
//! let app = Router::new()
//!     .route("/orders", get(orders).layer(RequireScope::all(["orders:read"])))
//!     .layer(RequireAuth::new(guard))
//!     .route("/health", get(|| async { "well" })); // not behind the guard
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! tokio::spawn(async move { axum::serve(listener, app).await });
//!
//! let answer = reqwest::get(format!("http://{address}/orders")).await?;
//! assert_eq!(answer.status(), 401);
//! assert_eq!(answer.headers()["www-authenticate"], r#"Bearer realm="https://api.example""#);
//! assert_eq!(reqwest::get(format!("http://{address}/health")).await?.text().await?, "well");
//! # Ok(())
//! # }
//! ```
//!
//! # What is checked
//!
//! Exactly one `Authorization` field with the scheme `Bearer`; a token in the address or the body is not
//! looked at. Then the signature, by a key of the issuer and an allowed algorithm with a public half; `typ`
//! is `at+jwt`; `iss` is the issuer, letter for letter; `aud` names this API; `exp`, `nbf` and `iat` agree
//! with the clock; `sub`, `client_id` and `jti` are there; no `cnf`, because a token that is bound to a key
//! is not a bearer token.
//!
//! With [`GuardBuilder::proofs`], tokens that are bound to a key are accepted as well, by the scheme `DPoP` and with a
//! proof of the key (RFC 9449): one proof, signed by the key that it shows and that the token's `cnf.jkt` names, for this
//! method, address and token, made just now, with the nonce that is wanted, and never used before. What is remembered of
//! proofs is bounded, in all and for each key; where more come at once, they are refused rather than forgotten.
//!
//! # What callers are told
//!
//! | what is wrong | status | `error` | `WWW-Authenticate` |
//! |---|---|---|---|
//! | no token | 401 | `token_required` | `Bearer realm="…"` |
//! | the field cannot be read | 400 | `invalid_request` | with error |
//! | the token is not good | 401 | `invalid_token` | with error |
//! | the proof is not good | 401 | `invalid_dpop_proof` | `DPoP` with error |
//! | the proof lacks a nonce | 401, with `DPoP-Nonce` | `use_dpop_nonce` | `DPoP` with error |
//! | a scope is missing | 403 | `insufficient_scope` | with error and `scope` |
//! | the sign-in is too old or too weak | 401 | `insufficient_user_authentication` | with error, `acr_values` and `max_age` |
//! | the issuer's keys are not available, or too many proofs came at once | 503, with `Retry-After` | `temporarily_unavailable` | none |
//! | too many proofs of this key came at once | 429, with `Retry-After` | `too_many_requests` | none |
//! | a scope, a sign-in or a `Caller` is needed where no `RequireAuth` is, or nothing is named that is needed | 500 | `server_error` | none |
//!
//! Each with a JSON body `{error, error_description, hint?}` that repeats nothing of the token.
//!
//! # Keys
//!
//! [`KeySource::remote`] fetches the issuer's key set through a [`FetchKeys`] of your choice (or `HttpKeys`,
//! feature `reqwest`) inside the tokio runtime that serves the requests: when it is first needed, when it is
//! ten minutes old, and when a token names a key that is not known, at most every 30 seconds and once at a
//! time. While the issuer is down, keys that are known keep serving for up to 24 hours, which is also how
//! long a key that was withdrawn in that time is still trusted.
//!
//! # Features
//!
//! - `axum`: [`Caller`] is an extractor and [`Refusal`] a response.
//! - `reqwest`: `HttpKeys`.
//!
//! # What it does not do yet
//!
//! - **Sessions and revocation.** A token that was revoked or whose person signed out is good until its `exp`:
//!   keep access tokens short-lived. There is no list of blocked tokens and no introspection (RFC 7662).
//! - **Tokens that are not RFC 9068 JWTs:** opaque ones, and JWTs whose issuer does not set `typ`.
//! - **More than one issuer** behind one guard.
//! - **Tokens that are bound to a client certificate** (mTLS, RFC 8705): refused.
//! - **Cross-origin preflights:** an `OPTIONS` request carries no token and is refused; put a CORS layer
//!   outside of the guard.

#[cfg(feature = "axum")]
mod axum;
mod bearer;
mod caller;
mod claims;
mod clock;
pub mod dpop;
mod guard;
mod keys;
mod layer;
mod refusal;
#[cfg(feature = "reqwest")]
mod reqwest;

pub use caller::Caller;
pub use clock::{Clock, SystemClock};
pub use guard::{DEFAULT_ALGORITHMS, Guard, GuardBuilder, GuardError, MAX_LEEWAY_SECONDS, MAX_TOKEN_BYTES};
pub use keys::{FETCH_TIMEOUT, FetchError, FetchKeys, KeySource};
pub use layer::{
    Answer, AuthenticationGuarded, Guarded, RequireAuth, RequireAuthentication, RequireScope, ScopeGuarded,
};
pub use refusal::{Reason, Refusal, TokenFault};
#[cfg(feature = "reqwest")]
pub use reqwest::HttpKeys;
pub use tessera_oidc::key_set::{Algorithm, JwsError, KeySet, KeySetError};
pub use tessera_oidc::{ClientId, Issuer, Scopes, Subject, UnixTime};
