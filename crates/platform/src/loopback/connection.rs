//! One connection to the loopback listener: one request, judged, and one page in answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tessera_client::ports::{BrowserPage, LoopbackCallback, LoopbackHost};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::pages::{self, Page};
use super::peer;

/// The largest request head: longer than any browser's, and than the longest codes of any provider.
const HEAD_BYTES: usize = 32 * 1024;

/// The most header fields.
const HEADERS: usize = 100;

/// A connection whose callback nobody answers ends after this, whatever became of the attempt.
const LIFETIME: Duration = Duration::from_mins(15);

type Request = http::Request<Incoming>;
type Response = http::Response<Full<Bytes>>;

/// What a request must be to count as a callback.
pub(super) struct Rules {
    /// As a browser writes it in `Host` after following the redirect URI.
    authority: String,
    path: String,
    head_time: Duration,
}

impl Rules {
    pub(super) fn new(host: LoopbackHost, port: u16, path: &str, head_time: Duration) -> Self {
        let authority = match port {
            80 => host.as_str().to_owned(),
            port => format!("{}:{port}", host.as_str()),
        };
        Self {
            authority,
            path: path.to_owned(),
            head_time,
        }
    }

    /// The page that says why this request is not a callback.
    fn refusal(&self, request: &Request) -> Option<Page> {
        // Another name in `Host` is a web page that had its own name resolve to this machine.
        if only(request.headers(), &header::HOST) != Some(self.authority.as_bytes()) {
            return Some(Page::WrongHost);
        }
        if request.uri().scheme().is_some() || request.uri().authority().is_some() {
            return Some(Page::WrongHost);
        }
        if request.method() != Method::GET {
            return Some(Page::WrongMethod);
        }
        if request.uri().path() != self.path {
            return Some(Page::NotFound);
        }
        // The answer that was asked for comes in the query; something that brings a body is no browser.
        (!request.body().is_end_stream()).then_some(Page::BodyRefused)
    }
}

/// The one value of a field that must be there once.
fn only<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

/// Serves one connection to its end. When the listener is closed, a connection without a callback ends at
/// once; one that brought a callback still gets its page.
pub(super) async fn serve(
    stream: TcpStream,
    rules: Arc<Rules>,
    report: mpsc::Sender<LoopbackCallback>,
    answering: Arc<AtomicBool>,
    closed: CancellationToken,
) {
    let head_time = rules.head_time;
    let ends = stream.peer_addr().ok().zip(stream.local_addr().ok());
    // Only the service may hold the sender: a callback that nobody can receive must be answered, not kept.
    let service = {
        let answering = Arc::clone(&answering);
        service_fn(move |request| {
            let (rules, report, answering) = (Arc::clone(&rules), report.clone(), Arc::clone(&answering));
            async move { Ok::<_, Infallible>(answer(&rules, &report, &answering, ends, request).await) }
        })
    };
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let connection = tokio::time::timeout(LIFETIME, connection);
    let no_longer_wanted = async {
        closed.cancelled().await;
        if answering.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
    };
    // How it ended concerns nobody: junk, a closed tab and a page well delivered are all the same here.
    tokio::select! {
        _ = connection => {}
        () = no_longer_wanted => {}
    }
}

async fn answer(
    rules: &Rules,
    report: &mpsc::Sender<LoopbackCallback>,
    answering: &AtomicBool,
    ends: Option<(SocketAddr, SocketAddr)>,
    request: Request,
) -> Response {
    if let Some(refusal) = rules.refusal(&request) {
        return pages::response(refusal);
    }
    if let Some((peer, here)) = ends {
        let strange = tokio::task::spawn_blocking(move || peer::is_a_strangers(peer, here));
        if strange.await.unwrap_or(false) {
            return pages::response(Page::Stranger);
        }
    }
    let target = request
        .uri()
        .path_and_query()
        .map_or("", http::uri::PathAndQuery::as_str);
    let (decide, decided) = oneshot::channel::<BrowserPage>();
    let callback = LoopbackCallback {
        target: Zeroizing::new(target.to_owned()),
        answer: Box::new(move |page| {
            let _ = decide.send(page);
        }),
    };
    answering.store(true, Ordering::Release);
    if report.try_send(callback).is_err() {
        return pages::response(Page::Busy);
    }
    let page = decided.await.unwrap_or(BrowserPage::Finished);
    pages::response(Page::End(page))
}

impl Page {
    /// The status that goes with it.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::End(
                BrowserPage::Finished | BrowserPage::Refused | BrowserPage::Question | BrowserPage::SignedOut,
            ) => StatusCode::OK,
            Self::End(BrowserPage::NotAwaited | BrowserPage::SignOutNotAwaited)
            | Self::WrongHost
            | Self::BodyRefused => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Stranger => StatusCode::FORBIDDEN,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
