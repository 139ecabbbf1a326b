//! Takes connections on loopback and hands their requests on; notes each in the log, lets faults show, and has
//! everything on disk before an answer leaves.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tessera_guard::dpop::PROOF;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::answer::{self, ErrorCode, FamilyEnded, Shown};
use crate::clients::Dialect;
use crate::faults::{Circumstances, ELSEWHERE, Fault, HttpFault, Taken};
use crate::log::{Endpoint, Entry, Outcome};
use crate::parameters::Parameters;
use crate::request::{CURRENT, CurrentRequest};
use crate::secret::Fingerprint;
use crate::state_file::StateFile;
use crate::world::World;

/// The most bytes a request's body may have.
const BODY_LIMIT: usize = 64 * 1024;

/// Which of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Provider,
    Api,
}

/// What the middleware of one server knows.
pub(crate) struct Front {
    pub(crate) server: Server,
    pub(crate) world: Arc<World>,
    pub(crate) state_file: Option<Arc<StateFile>>,
    pub(crate) port: u16,
    pub(crate) api_port: u16,
}

/// Left on a response that must never be sent: the connection is closed instead.
#[derive(Clone, Debug)]
struct Dropped;

/// Left on a request: the other end of its connection.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

/// Takes connections until `stop` says so; then ends all of them and closes the port.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An error means that the sandbox is gone, which is as good as being told.
            _ = stop.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Bound to loopback, so this cannot happen; it costs nothing to be sure.
                    if peer.ip().is_loopback() {
                        connections.spawn(serve_connection(stream, peer, router.clone()));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not taken");
                    // Such as too many open files: a moment later some may be closed.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

async fn serve_connection(stream: tokio::net::TcpStream, peer: SocketAddr, router: Router) {
    let service = hyper::service::service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let router = router.clone();
        async move {
            let response = match router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            if response.extensions().get::<Dropped>().is_some() {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted));
            }
            Ok::<_, std::io::Error>(response)
        }
    });
    let ended = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Opens a port on a loopback address.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// The outermost layer of both servers.
pub(crate) async fn observe(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    if !is_for_us(&front, &request) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "This address is not served here.\n",
        )
            .into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let about = About::read(front.server, &parts, &body);
    let number = front.world.log.begin(Entry {
        number: 0,
        at: front.world.now(),
        from: parts.extensions.get::<Peer>().map(|peer| peer.0),
        dialect: about.dialect,
        endpoint: about.endpoint,
        method: parts.method.clone(),
        path: about.path.clone(),
        client: about.client.clone(),
        scheme: answer::scheme(&parts.headers).map(str::to_owned),
        with_proof: parts.headers.contains_key(PROOF),
        parameters: about.parameters.clone(),
        grant_type: about.grant_type.clone(),
        credential: about.credential,
        family: (about.credential).and_then(|token| front.world.records().family_of(token)),
        outcome: None,
    });

    // A request that does not say who it is from may still show a token that does.
    let of_token = || {
        about
            .credential
            .and_then(|token| front.world.records().client_of(token))
    };
    let client = about.client.clone().or_else(of_token);
    let current = CurrentRequest::new(about.path.clone(), client.clone(), about.grant_type.clone());
    let request = Request::from_parts(parts, Body::from(body));
    let answered = answer(&front, about, client.as_deref(), request, next);
    let (response, outcome) = CURRENT.scope(current, answered).await;
    front.world.log.end(number, outcome);
    response
}

/// The answer, with whatever faults are in force, and what the log says of it.
async fn answer(
    front: &Front,
    about: About,
    client: Option<&str>,
    request: Request,
    next: Next,
) -> (Response, Outcome) {
    let circumstances = Circumstances {
        dialect: about.dialect,
        client,
        grant_type: about.grant_type.as_deref(),
    };
    let faults = front.world.faults.take(&circumstances, |fault| match fault {
        Fault::Http { endpoint, fault } if *endpoint == about.endpoint => Some(fault.clone()),
        _ => None,
    });
    let refusals = if about.endpoint == Endpoint::Token {
        front.world.faults.take(&circumstances, |fault| match fault {
            Fault::Refuse(code) => Some((*code, StatusCode::BAD_REQUEST)),
            Fault::RefuseWithOk(code) => Some((*code, StatusCode::OK)),
            _ => None,
        })
    } else {
        Vec::new()
    };

    let response = match instead(&front.world, about.dialect, &faults, &refusals).await {
        Some(response) => response,
        None => next.run(request).await,
    };
    save(front).await;
    for fault in faults.iter().filter(|fault| fault.what == HttpFault::HoldAfter) {
        front.world.faults.released(fault.id).await;
    }
    let response = spoil_afterwards(response, &faults).await;

    let changed = faults
        .iter()
        .filter(|fault| fault.what != HttpFault::OddScheme || has_odd_scheme(&response));
    let mut shown: Vec<String> = changed.map(|fault| fault.name.clone()).collect();
    shown.extend(refusals.iter().map(|fault| fault.name.clone()));
    if let Some(more) = response.extensions().get::<Shown>() {
        shown.extend(more.0.iter().cloned());
    }
    let outcome = Outcome {
        status: response.status().as_u16(),
        error: response
            .extensions()
            .get::<ErrorCode>()
            .map(|code| code.0.clone()),
        ended_family: response.extensions().get::<FamilyEnded>().is_some(),
        faults: shown,
    };
    tracing::debug!(
        "{} {} {} {:?}",
        about.path,
        about.grant_type.unwrap_or_default(),
        outcome.status,
        outcome.error.as_deref().unwrap_or("ok")
    );
    (response, outcome)
}

/// A page in the browser can make any name lead to this machine; only our own names are answered, so that such
/// a page cannot read what is here.
fn is_for_us(front: &Front, request: &Request) -> bool {
    let port = match front.server {
        Server::Provider => front.port,
        Server::Api => front.api_port,
    };
    request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.rsplit_once(':'))
        .is_some_and(|(name, own)| {
            matches!(name, "127.0.0.1" | "[::1]" | "localhost") && own.parse() == Ok(port)
        })
}

/// What a request is about, as far as the log and the faults care.
struct About {
    dialect: Dialect,
    endpoint: Endpoint,
    path: String,
    client: Option<String>,
    parameters: Vec<String>,
    grant_type: Option<String>,
    credential: Option<Fingerprint>,
}

impl About {
    fn read(server: Server, parts: &http::request::Parts, body: &Bytes) -> Self {
        let path = parts.uri.path();
        let (dialect, endpoint) = place(server, path);
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        let form = if is_form && parts.method == http::Method::POST {
            Parameters::parse(body)
        } else {
            Parameters::parse(parts.uri.query().unwrap_or_default().as_bytes())
        };
        let owned = |name: &str| form.get(name).map(str::to_owned);
        let credential = answer::access_token(&parts.headers)
            .or_else(|| form.get("refresh_token"))
            .or_else(|| form.get("code"))
            .or_else(|| form.get("device_code"))
            .or_else(|| form.get("token"))
            .map(Fingerprint::of);
        Self {
            dialect,
            endpoint,
            // The name of a one-time page is part of what makes it one.
            path: match path.strip_prefix("/interaction/") {
                Some(_) => "/interaction/…".to_owned(),
                None => path.to_owned(),
            },
            parameters: form.names().map(str::to_owned).collect(),
            client: owned("client_id")
                .or_else(|| answer::basic_credentials(&parts.headers).map(|(name, _)| name)),
            grant_type: (endpoint == Endpoint::Token)
                .then(|| owned("grant_type"))
                .flatten(),
            credential,
        }
    }
}

/// Which endpoint a path is, and in whose manner.
pub(crate) fn place(server: Server, path: &str) -> (Dialect, Endpoint) {
    let dialect = [Dialect::Google, Dialect::GitHub]
        .into_iter()
        .find(|dialect| {
            path.strip_prefix(dialect.prefix())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .unwrap_or(Dialect::Standard);
    let rest = path.strip_prefix(dialect.prefix()).unwrap_or(path);
    if server == Server::Api {
        let endpoint = if dialect == Dialect::GitHub
            && (rest.starts_with("/applications/") || rest == "/credentials/revoke")
        {
            Endpoint::Revocation
        } else if path == crate::world::ELSEWHERE_PATH {
            Endpoint::Elsewhere
        } else {
            Endpoint::Api
        };
        return (dialect, endpoint);
    }
    let endpoint = match rest {
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => {
            Endpoint::Discovery
        }
        "/keys" | "/keys/moved" | "/oauth2/v3/certs" => Endpoint::KeySet,
        "/authorize" | "/o/oauth2/v2/auth" | "/login/oauth/authorize" => Endpoint::Authorization,
        "/par" => Endpoint::PushedAuthorization,
        "/token" | "/login/oauth/access_token" => Endpoint::Token,
        "/userinfo" | "/v1/userinfo" => Endpoint::Userinfo,
        "/revoke" => Endpoint::Revocation,
        "/sign-out" => Endpoint::EndSession,
        "/device_authorization" | "/device/code" | "/login/device/code" => Endpoint::DeviceAuthorization,
        "/" | "/sign-in" | "/account" | "/second-step" | "/consent" | "/device" | "/login/device" => {
            Endpoint::Page
        }
        "/faults" => Endpoint::Control,
        _ if rest.starts_with("/interaction/") => Endpoint::Page,
        _ if rest.starts_with("/picture/") || rest == "/style.css" || rest == "/icon.svg" => Endpoint::Asset,
        _ => Endpoint::Unknown,
    };
    (dialect, endpoint)
}

fn page(status: StatusCode) -> Response {
    let page = "<!doctype html><title>Not JSON</title><p>This is a web page.";
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// What faults answer in place of the handler.
async fn instead(
    world: &World,
    dialect: Dialect,
    faults: &[Taken<HttpFault>],
    refusals: &[Taken<(&'static str, StatusCode)>],
) -> Option<Response> {
    for fault in faults {
        match &fault.what {
            HttpFault::Slow(time) => tokio::time::sleep(*time).await,
            HttpFault::Hold => world.faults.released(fault.id).await,
            HttpFault::Status { status, retry_after } => return Some(plain_failure(*status, *retry_after)),
            HttpFault::Bare(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Some(status.into_response());
            }
            HttpFault::Html => return Some(page(StatusCode::OK)),
            HttpFault::Page(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Some(page(status));
            }
            HttpFault::NotJson => {
                return Some(
                    ([(header::CONTENT_TYPE, "application/json")], "{\"not\": json").into_response(),
                );
            }
            HttpFault::Redirect(to) => {
                let location = to.replace(ELSEWHERE, &world.elsewhere());
                let location = HeaderValue::try_from(location).ok()?;
                return Some(
                    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response(),
                );
            }
            HttpFault::Drop => return Some(dropped()),
            HttpFault::DropAfter
            | HttpFault::HoldAfter
            | HttpFault::Cut
            | HttpFault::Stall
            | HttpFault::Huge
            | HttpFault::Labelled(_)
            | HttpFault::OddScheme => {}
        }
    }
    let (code, status) = refusals.first()?.what;
    let body = json!({ "error": code, "error_description": "Refused by a fault of the sandbox." });
    let status = match dialect {
        // There, errors of the token endpoint are no errors of HTTP.
        Dialect::GitHub => StatusCode::OK,
        Dialect::Standard | Dialect::Google => status,
    };
    Some(answer::not_stored(answer::with_error(
        (status, axum::Json(body)).into_response(),
        code,
    )))
}

fn plain_failure(status: u16, retry_after: Option<u32>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (
        status,
        axum::Json(json!({ "message": "A fault of the sandbox." })),
    )
        .into_response();
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn dropped() -> Response {
    let mut response = StatusCode::BAD_GATEWAY.into_response();
    response.extensions_mut().insert(Dropped);
    response
}

/// What faults make of an answer after the request was carried out.
async fn spoil_afterwards(response: Response, faults: &[Taken<HttpFault>]) -> Response {
    if faults.iter().any(|fault| fault.what == HttpFault::DropAfter) {
        let mut response = response;
        response.extensions_mut().insert(Dropped);
        return response;
    }
    let mut response = response;
    for fault in faults {
        response = match &fault.what {
            HttpFault::Cut => cut(response).await,
            HttpFault::Stall => stalled(response).await,
            HttpFault::Huge => huge(response),
            HttpFault::Labelled(media_type) => {
                let media_type = HeaderValue::from_static(media_type);
                response.headers_mut().insert(header::CONTENT_TYPE, media_type);
                response
            }
            HttpFault::OddScheme => spelled_oddly(response),
            _ => response,
        };
    }
    response
}

/// The scheme of RFC 9449 section 7.1 as it is registered, and as it is spelled for clients that compare letters.
const SCHEME: &str = "DPoP ";
const ODD_SCHEME: &str = "dPoP ";

fn challenges(response: &Response) -> impl Iterator<Item = &str> {
    let fields = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
    fields.filter_map(|field| field.to_str().ok())
}

fn has_odd_scheme(response: &Response) -> bool {
    challenges(response).any(|challenge| challenge.contains(ODD_SCHEME))
}

fn spelled_oddly(mut response: Response) -> Response {
    let odd: Vec<HeaderValue> = challenges(&response)
        .filter_map(|challenge| HeaderValue::try_from(challenge.replace(SCHEME, ODD_SCHEME)).ok())
        .collect();
    let headers = response.headers_mut();
    headers.remove(header::WWW_AUTHENTICATE);
    for challenge in odd {
        headers.append(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Sends half of the body, and then nothing until the other side goes away.
async fn stalled(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = Ok::<_, std::io::Error>(bytes.slice(..bytes.len() / 2));
    let rest = stream::once(std::future::ready(half)).chain(stream::pending());
    Response::from_parts(without_length(parts), Body::from_stream(rest))
}

/// Sends four million spaces after the body, without announcing how long it is.
fn huge(response: Response) -> Response {
    const SPACES: &[u8] = &[b' '; 64 * 1024];
    let (parts, body) = response.into_parts();
    let spaces = (0..64).map(|_| Ok(Bytes::from_static(SPACES)));
    let all = body.into_data_stream().chain(stream::iter(spaces));
    Response::from_parts(without_length(parts), Body::from_stream(all))
}

fn without_length(mut parts: http::response::Parts) -> http::response::Parts {
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
}

/// Announces the whole body and sends half of it.
async fn cut(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = bytes.slice(..bytes.len() / 2);
    let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted));
    Response::from_parts(parts, Body::from_stream(stream::iter([Ok(half), broken])))
}

/// Puts what has changed on disk, so that no answer promises what a restart would forget.
async fn save(front: &Front) {
    if !front.world.take_changed() {
        return;
    }
    front.world.records().prune(front.world.now());
    let Some(file) = front.state_file.clone() else {
        return;
    };
    let (world, port, api_port) = (Arc::clone(&front.world), front.port, front.api_port);
    let written = tokio::task::spawn_blocking(move || file.write(&world, port, api_port)).await;
    match written {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the state was not written"),
        Err(error) => tracing::error!(%error, "the state was not written"),
    }
}
