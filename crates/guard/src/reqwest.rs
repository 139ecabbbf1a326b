//! Fetches key sets with reqwest.

use async_trait::async_trait;
use reqwest::{Client, redirect};
use url::Url;

use crate::keys::{FETCH_TIMEOUT, FetchError, FetchKeys};

/// An HTTP client that does nothing but fetch key sets: no redirects, no cookies, the system's trust roots.
#[derive(Clone, Debug)]
pub struct HttpKeys {
    client: Client,
}

impl HttpKeys {
    /// Fails when TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, FetchError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the Http port is the client's; an API has none"
        )]
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(FETCH_TIMEOUT)
            .build()
            .map_err(unreachable)?;
        Ok(Self { client })
    }
}

#[async_trait]
impl FetchKeys for HttpKeys {
    async fn fetch(&self, address: &Url, limit: usize) -> Result<Vec<u8>, FetchError> {
        let mut response = self
            .client
            .get(address.clone())
            .header(http::header::ACCEPT, "application/jwk-set+json, application/json")
            .send()
            .await
            .map_err(unreachable)?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > limit {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The innermost cause says most: "connection refused", "certificate expired".
fn unreachable(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    FetchError::Unreachable(cause.to_string())
}
