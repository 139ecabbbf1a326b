//! The loopback listener over raw sockets: what browsers send, and what everything else on a machine may send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and makes the world that it runs in"
)]

use std::net::SocketAddr;
use std::time::Duration;

use tessera_client::ports::{
    BrowserPage, Loopback as _, LoopbackBind, LoopbackCallback, LoopbackError, LoopbackHost, LoopbackListener,
};
use tessera_platform::LoopbackServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

const GOOD: &str = "GET /callback?code=a%20b&state=s HTTP/1.1\r\nHost: {authority}\r\n\r\n";

fn request(host: LoopbackHost, ports: &[u16]) -> LoopbackBind {
    LoopbackBind {
        host,
        ports: ports.into(),
        path: "/callback".to_owned(),
    }
}

async fn bind() -> Box<dyn LoopbackListener> {
    LoopbackServer::new()
        .bind(request(LoopbackHost::V4, &[0]))
        .await
        .unwrap()
}

/// A listener whose callbacks are collected, each answered with "finished". Ends with the receiver.
struct Running {
    address: SocketAddr,
    authority: String,
    callbacks: mpsc::UnboundedReceiver<String>,
}

impl Running {
    async fn start() -> Self {
        Self::on(LoopbackServer::new(), LoopbackHost::V4).await
    }

    async fn on(server: LoopbackServer, host: LoopbackHost) -> Self {
        let mut listener = server.bind(request(host, &[0])).await.unwrap();
        let address = listener.address();
        let (tell, callbacks) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(callback) = listener.next().await {
                if tell.send(callback.target.to_string()).is_err() {
                    break;
                }
                (callback.answer)(BrowserPage::Finished);
            }
        });
        Self {
            address,
            authority: format!("{}:{}", host.as_str(), address.port()),
            callbacks,
        }
    }

    /// What comes back when `bytes` are sent; `{authority}` stands for the right `Host`.
    async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        exchange(self.address, &self.authority, bytes.as_ref()).await
    }
}

async fn exchange(address: SocketAddr, authority: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let bytes = match std::str::from_utf8(bytes) {
        Ok(text) => text.replace("{authority}", authority).into_bytes(),
        Err(_) => bytes.to_vec(),
    };
    // A server that has heard enough may close while the rest is still being sent.
    let _ = stream.write_all(&bytes).await;
    rest(&mut stream).await
}

/// What should come at once, but on a machine under load may take a while.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), what).await.expect("it comes")
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_callback_is_handed_on_letter_for_letter_and_answered_with_a_finished_page() {
    let mut running = Running::start().await;
    let answer = running.exchange(GOOD).await;
    assert_eq!(
        running.callbacks.recv().await.unwrap(),
        "/callback?code=a%20b&state=s"
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    for field in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; style-src 'sha256-",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "connection: close",
    ] {
        assert!(head.contains(field), "{field} is missing from {head}");
    }
    let length: usize = head
        .split("content-length: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(body.len(), length);
    assert!(body.contains("go back to Tessera") && body.contains("<svg") && body.ends_with("</html>\n"));
    assert!(!body.contains("code=") && !body.contains("<script"));
}

#[tokio::test]
async fn each_decision_has_its_page_and_no_decision_is_the_finished_one() {
    let decisions = [
        (Some(BrowserPage::Finished), "200", "All done here"),
        (Some(BrowserPage::NotAwaited), "400", "Not the answer"),
        (Some(BrowserPage::Refused), "200", "You were not signed in"),
        (Some(BrowserPage::Question), "200", "You chose another account"),
        (Some(BrowserPage::SignedOut), "200", "You are signed out"),
        (Some(BrowserPage::SignOutNotAwaited), "400", "Not the sign-out"),
        (None, "200", "All done here"),
    ];
    for (decision, status, words) in decisions {
        let mut listener = bind().await;
        let (address, authority) = (listener.address(), listener.address().to_string());
        let browser = tokio::spawn(async move { exchange(address, &authority, GOOD.as_bytes()).await });
        let callback = listener.next().await.unwrap();
        match decision {
            Some(page) => (callback.answer)(page),
            None => drop(callback),
        }
        let answer = browser.await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words),
            "{decision:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn what_is_not_a_callback_gets_an_error_page_and_is_not_reported() {
    let mut running = Running::start().await;
    let requests = [
        ("404", "GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n"),
        ("404", "GET /favicon.ico HTTP/1.1\r\nHost: {authority}\r\n\r\n"),
        ("404", "GET /callback/ HTTP/1.1\r\nHost: {authority}\r\n\r\n"),
        (
            "404",
            "GET /Callback?code=x HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
        (
            "404",
            "GET /call%62ack?code=x HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
        (
            "404",
            "GET //callback?code=x HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
        (
            "404",
            "GET /a/../callback?code=x HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
        (
            "405",
            "HEAD /callback?code=x HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
        (
            "405",
            "POST /callback?code=x HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 3\r\n\r\na=b",
        ),
        (
            "405",
            "OPTIONS /callback HTTP/1.1\r\nHost: {authority}\r\nAccess-Control-Request-Method: GET\r\n\r\n",
        ),
        (
            "405",
            "PUT /callback?code=x HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
        ("400", "GET /callback?code=x HTTP/1.1\r\n\r\n"),
        ("400", "GET /callback?code=x HTTP/1.0\r\n\r\n"),
        (
            "400",
            "GET /callback?code=x HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        ),
        ("400", "GET /callback?code=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        (
            "400",
            "GET /callback?code=x HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n",
        ),
        (
            "400",
            "GET /callback?code=x HTTP/1.1\r\nHost: {authority}.evil.example\r\n\r\n",
        ),
        (
            "400",
            "GET /callback?code=x HTTP/1.1\r\nHost: {authority}\r\nHost: evil.example\r\n\r\n",
        ),
        (
            "400",
            "GET http://{authority}/callback?code=x HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
        (
            "400",
            "GET /callback?code=x HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 3\r\n\r\nabc",
        ),
        (
            "400",
            "GET /callback?code=x HTTP/1.1\r\nHost: {authority}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("400", "\r\n\r\njunk\r\n\r\n"),
        ("400", "GET /callback?code=x SPDY/9\r\n\r\n"),
        (
            "400",
            "GET /callback?code=\u{0} HTTP/1.1\r\nHost: {authority}\r\n\r\n",
        ),
    ];
    for (status, text) in requests {
        let answer = running.exchange(text).await;
        let line = answer.lines().next().unwrap_or_default();
        assert_eq!(line.split(' ').nth(1), Some(status), "{text:?} got {line:?}");
        assert!(
            !answer.to_ascii_lowercase().contains("access-control"),
            "{answer}"
        );
    }
    let method = running.exchange(requests[8].1).await;
    assert!(
        method.to_ascii_lowercase().contains("\r\nallow: get\r\n"),
        "{method}"
    );
    assert!(
        running.callbacks.try_recv().is_err(),
        "something else counted as a callback"
    );
    running.exchange(GOOD).await;
    assert!(running.callbacks.recv().await.is_some());
}

#[tokio::test]
async fn junk_of_every_kind_is_survived() {
    let mut running = Running::start().await;
    let client_hello = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        &[0x5a; 500],
    ]
    .concat();
    let long_target = format!(
        "GET /callback?code={} HTTP/1.1\r\nHost: {{authority}}\r\n\r\n",
        "a".repeat(70_000)
    );
    let long_field = format!(
        "GET /callback HTTP/1.1\r\nHost: {{authority}}\r\nX: {}\r\n\r\n",
        "a".repeat(70_000)
    );
    let many_fields = format!(
        "GET /callback HTTP/1.1\r\nHost: {{authority}}\r\n{}\r\n",
        "X: y\r\n".repeat(500)
    );
    let junk: [&[u8]; 7] = [
        &[0xff; 4096],
        &client_hello,
        long_target.as_bytes(),
        long_field.as_bytes(),
        many_fields.as_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET",
    ];
    for bytes in &junk[..6] {
        let answer = running.exchange(bytes).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Gone before anything was said, and gone in the middle of a word.
    drop(TcpStream::connect(running.address).await.unwrap());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(junk[6]).await.unwrap();
    drop(stream);
    assert!(running.callbacks.try_recv().is_err());
    let long_but_fine = format!("/callback?code={}&state=s", "a".repeat(8000));
    running
        .exchange(format!(
            "GET {long_but_fine} HTTP/1.1\r\nHost: {{authority}}\r\n\r\n"
        ))
        .await;
    assert_eq!(running.callbacks.recv().await.unwrap(), long_but_fine);
}

#[tokio::test]
async fn one_connection_is_one_request() {
    let mut running = Running::start().await;
    let twice = format!("{GOOD}{GOOD}");
    let answer = running.exchange(twice).await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
    assert!(running.callbacks.recv().await.is_some());
    assert!(running.callbacks.try_recv().is_err());
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_drips_is_closed() {
    let server = LoopbackServer::new().with_head_time(Duration::from_millis(200));
    let mut running = Running::on(server, LoopbackHost::V4).await;
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut half = TcpStream::connect(running.address).await.unwrap();
    half.write_all(b"GET /callback?code=x HTTP/1.1\r\nHost: ")
        .await
        .unwrap();
    // Both end without the clients doing anything.
    soon(rest(&mut silent)).await;
    soon(rest(&mut half)).await;
    assert!(running.callbacks.try_recv().is_err());
}

#[tokio::test]
async fn connections_that_are_held_do_not_keep_the_browser_out() {
    let mut running = Running::start().await;
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"GET /callback").await.unwrap();
        held.push(stream);
    }
    soon(running.exchange(GOOD)).await;
    assert!(running.callbacks.recv().await.is_some());
}

#[tokio::test]
async fn the_port_is_closed_the_moment_the_listener_is_dropped() {
    let listener = bind().await;
    let address = listener.address();
    drop(listener);
    assert!(TcpStream::connect(address).await.is_err());
    // And can be had again, which a fixed port needs.
    let again = LoopbackServer::new()
        .bind(request(LoopbackHost::V4, &[address.port()]))
        .await
        .unwrap();
    assert_eq!(again.address(), address);
}

#[tokio::test]
async fn the_page_of_an_accepted_callback_outlives_the_listener() {
    let server = LoopbackServer::new().with_head_time(Duration::from_mins(10));
    let mut listener = server.bind(request(LoopbackHost::V4, &[0])).await.unwrap();
    let address = listener.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let browser = tokio::spawn(async move { exchange(address, &address.to_string(), GOOD.as_bytes()).await });
    let LoopbackCallback { answer, .. } = listener.next().await.unwrap();
    drop(listener);
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the port is still open"
    );
    assert_eq!(
        soon(rest(&mut idle)).await,
        "",
        "a connection without a callback is still served"
    );
    answer(BrowserPage::Refused);
    server.pages_delivered(Duration::from_mins(1)).await;
    assert!(browser.await.unwrap().ends_with("</html>\n"));
}

#[tokio::test]
async fn a_browser_that_leaves_is_no_trouble() {
    let mut listener = bind().await;
    let address = listener.address();
    let mut browser = TcpStream::connect(address).await.unwrap();
    browser
        .write_all(GOOD.replace("{authority}", &address.to_string()).as_bytes())
        .await
        .unwrap();
    let callback = listener.next().await.unwrap();
    drop(browser);
    (callback.answer)(BrowserPage::Finished);
    let second = tokio::spawn(async move { exchange(address, &address.to_string(), GOOD.as_bytes()).await });
    drop(listener.next().await.unwrap());
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn the_first_free_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .into_std()
        .unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let listener = LoopbackServer::new()
        .bind(request(LoopbackHost::V4, &[taken_port, free, 0]))
        .await
        .unwrap();
    assert_eq!(listener.address().port(), free);
    let none = LoopbackServer::new()
        .bind(request(LoopbackHost::V4, &[taken_port]))
        .await;
    assert!(matches!(none, Err(LoopbackError::NoPort(ports, _)) if ports == [taken_port]));
}

#[tokio::test]
async fn each_host_answers_by_its_own_name() {
    let mut v6 = Running::on(LoopbackServer::new(), LoopbackHost::V6).await;
    assert!(v6.address.is_ipv6() && v6.address.ip().is_loopback());
    v6.exchange(GOOD).await;
    assert!(v6.callbacks.recv().await.is_some());

    let mut both = Running::on(LoopbackServer::new(), LoopbackHost::Localhost).await;
    let port = both.address.port();
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let address: SocketAddr = address.parse().unwrap();
        exchange(address, &both.authority, GOOD.as_bytes()).await;
        assert!(both.callbacks.recv().await.is_some(), "{address}");
        let by_number = exchange(address, &address.to_string(), GOOD.as_bytes()).await;
        assert!(by_number.starts_with("HTTP/1.1 400 "), "{by_number}");
    }
}
