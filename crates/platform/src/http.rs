//! HTTP as the client needs it: the system's trust roots and proxy, no redirects ever, https or loopback only,
//! and every answer bounded in size and time.

mod failure;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::redirect::Policy;
use tessera_client::ports::{BodyStream, Http, HttpError, Limits, StreamedResponse};
use tessera_oidc::is_secure;
use tessera_oidc::message::{Request, Response};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;
use zeroize::Zeroizing;

/// What every request calls itself, unless the request says otherwise. Some APIs (GitHub's) insist on one.
const USER_AGENT: &str = concat!("Tessera/", env!("CARGO_PKG_VERSION"));

/// How long an idle connection may be used again. Short, because after sleep or a change of network such a
/// connection is dead without anyone having said so.
const IDLE: Duration = Duration::from_secs(20);

/// Sends HTTP requests. Trust roots and proxy settings are read at the first request that needs them.
#[derive(Default)]
pub struct HttpClient {
    /// For plain http to this machine: no trust roots, no proxy.
    plain_loopback: OnceCell<reqwest::Client>,
    /// For https to this machine: no proxy, which could not reach it.
    loopback: OnceCell<reqwest::Client>,
    /// For everything else.
    remote: OnceCell<reqwest::Client>,
}

impl HttpClient {
    /// A client that has looked at nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    async fn client(&self, url: &Url) -> Result<&reqwest::Client, HttpError> {
        let route = Route::of(url);
        let cell = match route {
            Route::PlainLoopback => &self.plain_loopback,
            Route::Loopback => &self.loopback,
            Route::Remote => &self.remote,
        };
        cell.get_or_try_init(|| async move {
            let unusable = |reason: String| HttpError::Tls {
                host: failure::place(url),
                reason,
            };
            // Reads some hundred files with trust roots: not on a thread that others wait for.
            tokio::task::spawn_blocking(move || route.client())
                .await
                .map_err(|_| unusable("the trust roots could not be read".to_owned()))?
                .map_err(|error| unusable(failure::innermost(&error)))
        })
        .await
    }

    /// Sends and waits for the header fields.
    async fn begin(&self, request: Request) -> Result<(String, reqwest::Response), HttpError> {
        let place = failure::place(&request.url);
        if !is_secure(&request.url) {
            return Err(HttpError::Insecure(request.url.origin().ascii_serialization()));
        }
        let client = self.client(&request.url).await?;
        let response = client
            .request(request.method, request.url)
            .headers(request.headers)
            // Handed over as it is, so that it is still wiped when the transport is done with it.
            .body(Bytes::from_owner(request.body))
            .send()
            .await
            .map_err(|error| failure::explain(&place, &error))?;
        Ok((place, response))
    }
}

#[async_trait]
impl Http for HttpClient {
    async fn send(&self, request: Request, limits: Limits) -> Result<Response, HttpError> {
        let place = failure::place(&request.url);
        let whole = async {
            let (place, response) = self.begin(request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut body = Body::new(place, response, limits.body)?;
            let mut chunks = Vec::new();
            while let Some(chunk) = body.next().await? {
                chunks.push(chunk);
            }
            // Gathered at once: a vector that grows leaves copies behind that nobody wipes.
            let body = Zeroizing::new(chunks.concat());
            Ok(Response {
                status,
                headers,
                body,
            })
        };
        timeout(limits.time, whole)
            .await
            .unwrap_or(Err(HttpError::TimedOut(place)))
    }

    async fn stream(&self, request: Request, limits: Limits) -> Result<StreamedResponse, HttpError> {
        let place = failure::place(&request.url);
        let (place, response) = timeout_at(Instant::now() + limits.time, self.begin(request))
            .await
            .unwrap_or(Err(HttpError::TimedOut(place)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Body::new(place, response, limits.body)?;
        Ok(StreamedResponse {
            status,
            headers,
            body: chunks(body, limits.time),
        })
    }

    fn proxy(&self, url: &Url) -> Option<String> {
        if !matches!(Route::of(url), Route::Remote) {
            return None;
        }
        // The library that `reqwest` asks as well.
        let proxy = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
        Some(
            proxy.uri().host()?.to_owned()
                + &proxy
                    .uri()
                    .port()
                    .map(|port| format!(":{port}"))
                    .unwrap_or_default(),
        )
    }
}

/// Which way a request leaves this machine, or that it does not.
#[derive(Clone, Copy)]
enum Route {
    PlainLoopback,
    Loopback,
    Remote,
}

impl Route {
    fn of(url: &Url) -> Self {
        let loopback = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match (loopback, url.scheme()) {
            (true, "http") => Self::PlainLoopback,
            (true, _) => Self::Loopback,
            (false, _) => Self::Remote,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the client that everything else is given"
    )]
    fn client(self) -> reqwest::Result<reqwest::Client> {
        // `localhost` means this machine, whatever a name server says.
        let this_machine: Vec<SocketAddr> =
            [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
                .map(|ip| SocketAddr::new(ip, 0))
                .into();
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .referer(false)
            .pool_idle_timeout(IDLE)
            .resolve_to_addrs("localhost", &this_machine);
        match self {
            Self::PlainLoopback => builder.no_proxy().tls_certs_only([]),
            Self::Loopback => builder.no_proxy(),
            Self::Remote => builder,
        }
        .build()
    }
}

/// A body that is counted as it comes, after decompression.
struct Body {
    place: String,
    response: reqwest::Response,
    limit: usize,
    read: usize,
}

impl Body {
    fn new(place: String, response: reqwest::Response, limit: usize) -> Result<Self, HttpError> {
        let announced = response.content_length().unwrap_or_default();
        let body = Self {
            place,
            response,
            limit,
            read: 0,
        };
        if usize::try_from(announced).is_ok_and(|announced| announced <= limit) {
            Ok(body)
        } else {
            Err(body.too_large())
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        let chunk = self.response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| failure::explain(&self.place, &error))? else {
            return Ok(None);
        };
        self.read = self.read.saturating_add(chunk.len());
        if self.read > self.limit {
            return Err(self.too_large());
        }
        Ok(Some(chunk))
    }

    fn too_large(&self) -> HttpError {
        HttpError::TooLarge {
            host: self.place.clone(),
            limit: self.limit,
        }
    }
}

/// The body chunk by chunk, each within `patience`; ends after the first error.
fn chunks(body: Body, patience: Duration) -> BodyStream {
    Box::pin(stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match timeout(patience, body.next()).await {
            Ok(Ok(None)) => None,
            Ok(Ok(Some(chunk))) => Some((Ok(chunk), Some(body))),
            Ok(Err(error)) => Some((Err(error), None)),
            Err(_) => Some((Err(HttpError::TimedOut(body.place)), None)),
        }
    }))
}
