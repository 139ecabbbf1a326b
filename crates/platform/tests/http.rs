//! HTTP against real sockets and a real TLS server: limits, refusals and what is told apart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and makes the world that it runs in"
)]

mod support;

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tessera_client::ports::{Http as _, HttpError, Limits};
use tessera_oidc::message::{Request, Response};
use tessera_platform::HttpClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const LIMITS: Limits = Limits {
    body: 64 * 1024,
    time: Duration::from_secs(20),
};
/// Enough for a machine under load to answer, short enough for a test that waits for it to pass.
const IMPATIENT: Limits = Limits {
    time: Duration::from_millis(300),
    ..LIMITS
};

/// A server that hears requests and says `answer` to each, byte for byte.
struct Server {
    port: u16,
    heard: mpsc::UnboundedReceiver<String>,
}

impl Server {
    async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        Self::keeping_open(answer, false).await
    }

    /// With `open`, the connection is not closed after the answer.
    async fn keeping_open(answer: impl Into<Vec<u8>>, open: bool) -> Self {
        let (answer, listener) = (answer.into(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let port = listener.local_addr().unwrap().port();
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = head(&mut stream).await else {
                    continue;
                };
                let _ = tell.send(request);
                let _ = stream.write_all(&answer).await;
                if open {
                    kept.push(stream);
                } else {
                    let _ = stream.shutdown().await;
                }
            }
        });
        Self { port, heard }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn send(&self, limits: Limits) -> Result<Response, HttpError> {
        HttpClient::new()
            .send(get(&self.url("/path?code=the-secret")), limits)
            .await
    }
}

/// Reads up to the empty line.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(text).ok()
}

fn get(url: &str) -> Request {
    Request::get_json(url.parse().unwrap())
}

fn ok(body: &[u8]) -> Vec<u8> {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\r\n",
        body.len()
    );
    let mut answer = answer.into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn compressed(body: &[u8]) -> Vec<u8> {
    let body = gzip(body);
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}

#[tokio::test]
async fn an_answer_comes_whole_with_its_header_fields() {
    let mut server = Server::saying(ok(b"{\"a\":1}")).await;
    let response = server.send(LIMITS).await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(&response.body[..], b"{\"a\":1}");
    assert_eq!(response.headers["date"], "Tue, 15 Nov 1994 08:12:31 GMT");
    let request = server.heard.recv().await.unwrap().to_ascii_lowercase();
    assert!(
        request.starts_with("get /path?code=the-secret http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains(&format!("user-agent: tessera/{}\r\n", env!("CARGO_PKG_VERSION"))));
    assert!(request.contains("accept: application/json\r\n"));
}

#[tokio::test]
async fn a_form_is_sent_as_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/token", listener.local_addr().unwrap().port());
    let request = Request::post_form(url.parse().unwrap(), [("code", "a b&c")]);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await.unwrap().to_ascii_lowercase();
        let mut body = [0; 10];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(&ok(b"{}")).await.unwrap();
        assert!(
            head.contains("content-type: application/x-www-form-urlencoded\r\n"),
            "{head}"
        );
        assert!(head.contains("content-length: 10\r\n"), "{head}");
        assert_eq!(&body, b"code=a+b%2");
    };
    let client = HttpClient::new();
    let request = Request {
        body: b"code=a+b%2".to_vec().into(),
        ..request
    };
    let (response, ()) = tokio::join!(client.send(request, LIMITS), serve);
    assert_eq!(response.unwrap().status, 200);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let mut target = Server::saying(ok(b"stolen")).await;
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            target.url("/")
        );
        let response = Server::saying(answer).await.send(LIMITS).await.unwrap();
        assert_eq!(response.status, status);
        assert!(target.heard.try_recv().is_err(), "{status} was followed");
    }
}

#[tokio::test]
async fn nothing_is_sent_without_encryption_beyond_this_machine() {
    let client = HttpClient::new();
    for url in [
        "http://login.example/token?code=x",
        "http://10.0.0.1/",
        "http://localhost.evil.example/",
        "ftp://127.0.0.1/",
    ] {
        for result in [
            client.send(get(url), LIMITS).await.map(|_| ()),
            client.stream(get(url), LIMITS).await.map(|_| ()),
        ] {
            let Err(HttpError::Insecure(place)) = result else {
                panic!("{url}: {result:?}");
            };
            assert!(!place.contains("code"), "{place}");
        }
    }
}

#[tokio::test]
async fn a_large_answer_is_refused_however_it_is_made() {
    let large = vec![b'x'; LIMITS.body + 1];
    let announced = Server::saying(ok(&large)).await;
    let mut unannounced = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    unannounced.extend_from_slice(&large);
    let unannounced = Server::saying(unannounced).await;
    let bomb = Server::saying(compressed(&vec![0; 40 * 1024 * 1024])).await;
    for (name, server) in [
        ("announced", announced),
        ("unannounced", unannounced),
        ("compressed", bomb),
    ] {
        let error = server.send(LIMITS).await.map(|_| ()).unwrap_err();
        let expected = HttpError::TooLarge {
            host: format!("127.0.0.1:{}", server.port),
            limit: LIMITS.body,
        };
        assert_eq!(error, expected, "{name}");
        let streamed = HttpClient::new().stream(get(&server.url("/")), LIMITS).await;
        let error = match streamed {
            Err(error) => error,
            Ok(response) => response
                .body
                .collect::<Vec<_>>()
                .await
                .pop()
                .unwrap()
                .unwrap_err(),
        };
        assert_eq!(error, expected, "{name}, streamed");
    }
    let just_right = Server::saying(ok(&large[1..])).await.send(LIMITS).await.unwrap();
    assert_eq!(just_right.body.len(), LIMITS.body);
    let small = Server::saying(compressed(b"hello"))
        .await
        .send(LIMITS)
        .await
        .unwrap();
    assert_eq!(&small.body[..], b"hello");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    let cut: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access_token\":\"the-secret\"",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"this is not HTTP at all\r\n\r\n",
        b"",
    ];
    for answer in cut {
        let error = Server::saying(answer)
            .await
            .send(LIMITS)
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(matches!(error, HttpError::Broken { .. }), "{error:?}");
        assert!(!error.to_string().contains("the-secret"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up() {
    let answers: [&[u8]; 2] = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"];
    for answer in answers {
        let server = Server::keeping_open(answer, true).await;
        let error = server.send(IMPATIENT).await.map(|_| ()).unwrap_err();
        assert_eq!(error, HttpError::TimedOut(format!("127.0.0.1:{}", server.port)));
    }
    let server = Server::keeping_open(answers[1], true).await;
    let response = HttpClient::new()
        .stream(get(&server.url("/")), IMPATIENT)
        .await
        .unwrap();
    let chunks: Vec<_> = response.body.collect().await;
    let timed_out = HttpError::TimedOut(format!("127.0.0.1:{}", server.port));
    assert_eq!(chunks, [Ok("half".into()), Err(timed_out)]);
}

#[tokio::test]
async fn a_body_is_handed_on_as_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let (go_on, may_go_on) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            .await
            .unwrap();
        let () = may_go_on.await.unwrap();
        stream.write_all(b"later").await.unwrap();
    });
    let mut response = HttpClient::new().stream(get(&url), LIMITS).await.unwrap();
    assert_eq!(response.body.next().await, Some(Ok("first".into())));
    go_on.send(()).unwrap();
    assert_eq!(response.body.next().await, Some(Ok("later".into())));
    assert_eq!(response.body.next().await, None);
}

#[tokio::test]
async fn an_unknown_root_is_refused_and_nothing_is_said_to_it() {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handshake = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        match acceptor.accept(stream).await {
            Ok(mut stream) => stream.read_to_end(&mut received).await.map(|_| received),
            Err(error) => Err(error),
        }
    });
    let error = HttpClient::new()
        .send(
            get(&format!("https://localhost:{port}/token?code=the-secret")),
            LIMITS,
        )
        .await
        .map(|_| ())
        .unwrap_err();
    let HttpError::Tls { host, reason } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(host, &format!("localhost:{port}"));
    assert!(
        !reason.is_empty() && !error.to_string().contains("the-secret"),
        "{error}"
    );
    let received = handshake.await.unwrap();
    assert!(
        received.map_or(true, |bytes| bytes.is_empty()),
        "the server was told something"
    );
}

#[tokio::test]
async fn what_keeps_a_host_out_of_reach_is_told_apart() {
    let reason = async |url: &str| match HttpClient::new().send(get(url), LIMITS).await {
        Err(HttpError::Unreachable { host, reason }) => (host, reason),
        other => panic!("{other:?}"),
    };
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (host, refused) = reason(&format!("http://127.0.0.1:{closed}/x?code=the-secret")).await;
    assert_eq!(host, format!("127.0.0.1:{closed}"));
    let (host, unknown) = reason("https://no-such-host.invalid/x?code=the-secret").await;
    assert_eq!(host, "no-such-host.invalid");
    assert_ne!(refused, unknown);
    assert!(!refused.contains("the-secret") && !unknown.contains("the-secret"));
}

#[test]
fn this_machine_is_never_reached_by_way_of_a_proxy_and_the_rest_always_is() {
    let name = "this_machine_is_never_reached_by_way_of_a_proxy_and_the_rest_always_is";
    // A proxy that writes down what it hears first, and hangs up.
    let environment = |home: &support::Home| {
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", proxy.local_addr().unwrap());
        let note = home.path().join("heard");
        std::thread::spawn(move || {
            let (stream, _) = proxy.accept().unwrap();
            let mut line = String::new();
            std::io::BufReader::new(stream.try_clone().unwrap())
                .read_line(&mut line)
                .unwrap();
            std::fs::write(note, line).unwrap();
        });
        let names = [
            "http_proxy",
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
        ];
        names.map(|name| (name.to_owned(), address.clone())).into()
    };
    support::in_child(
        name,
        |_| Vec::new(),
        environment,
        async || {
            let heard = || std::fs::read_to_string(std::env::home_dir().unwrap().join("heard")).ok();
            let server = Server::saying(ok(b"{}")).await;
            let client = HttpClient::new();
            for host in ["127.0.0.1", "localhost"] {
                let url = format!("http://{host}:{}/", server.port);
                assert_eq!(
                    client.send(get(&url), LIMITS).await.unwrap().status,
                    200,
                    "{host}"
                );
            }
            let closed = TcpListener::bind("127.0.0.1:0")
                .await
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let encrypted = client
                .send(get(&format!("https://127.0.0.1:{closed}/")), LIMITS)
                .await
                .map(|_| ());
            assert!(
                matches!(encrypted, Err(HttpError::Unreachable { .. })),
                "{encrypted:?}"
            );
            assert_eq!(heard(), None);
            assert!(
                client
                    .send(get("https://login.example/token"), LIMITS)
                    .await
                    .is_err()
            );
            assert_eq!(heard().as_deref(), Some("CONNECT login.example:443 HTTP/1.1\r\n"));
        },
    );
}

#[test]
fn a_proxy_is_named_without_its_credentials_and_only_where_it_is_used() {
    let environment = |_: &support::Home| {
        [
            ("HTTPS_PROXY", "http://ann:the-secret@proxy.example:3128"),
            ("NO_PROXY", "inside.example"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    };
    support::in_child(
        "a_proxy_is_named_without_its_credentials_and_only_where_it_is_used",
        |_| Vec::new(),
        environment,
        async || {
            let check = |url: &str, expected: Option<&str>| {
                let proxy = HttpClient::new().proxy(&url.parse().unwrap());
                assert_eq!(proxy.as_deref(), expected, "{url}");
            };
            check(
                "https://login.example/.well-known/x?a=b",
                Some("proxy.example:3128"),
            );
            check("https://login.inside.example/", None);
            check("https://127.0.0.1:8080/", None);
            check("http://localhost/", None);
        },
    );
}
