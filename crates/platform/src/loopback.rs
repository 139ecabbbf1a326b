//! The loopback listener that a browser brings the callback to (RFC 8252 section 7.3).
//!
//! It is open to every program and every web page on this machine, so it takes nothing on trust: one method,
//! one path, its own name in `Host`, small requests, not for long, and where the system tells, only from this user's
//! own programs. A callback is only handed on; whether
//! it is the awaited one is for the client to say.

mod connection;
mod pages;
pub(crate) mod peer;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tessera_client::ports::{
    Loopback, LoopbackBind, LoopbackCallback, LoopbackError, LoopbackHost, LoopbackListener,
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use connection::Rules;

/// How long a connection may take to send its request.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// How many connections may be open. Beyond that, the one that has been silent longest gives way, so that
/// nobody keeps the browser out by holding connections.
const CONNECTIONS: usize = 64;

/// How many callbacks may wait for the client to look at them.
const CALLBACKS: usize = 16;

/// How often both addresses of `localhost` are tried before one port that is free on both is given up.
const PAIRS: usize = 20;

/// How often in a row accepting may fail before the listener counts as broken.
const FAILURES: usize = 100;

/// Opens loopback listeners, and knows which browsers still wait for their page.
#[derive(Clone, Debug)]
pub struct LoopbackServer {
    connections: TaskTracker,
    head_time: Duration,
}

impl LoopbackServer {
    /// A server with nothing open.
    pub fn new() -> Self {
        let connections = TaskTracker::new();
        // A closed tracker still takes tasks; being closed only means that waiting for none ends.
        connections.close();
        Self {
            connections,
            head_time: HEAD_TIME,
        }
    }

    /// The same, with another limit to how long a connection may take to send its request.
    pub fn with_head_time(self, head_time: Duration) -> Self {
        Self { head_time, ..self }
    }

    /// Waits until every browser that brought a callback has its page, at most `patience`. For a program that
    /// is about to end: its end would cut the page off.
    pub async fn pages_delivered(&self, patience: Duration) {
        let _ = timeout(patience, self.connections.wait()).await;
    }
}

impl Default for LoopbackServer {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Loopback for LoopbackServer {
    async fn bind(&self, request: LoopbackBind) -> Result<Box<dyn LoopbackListener>, LoopbackError> {
        let mut reason = "none was given".to_owned();
        for port in &request.ports {
            match open(request.host, *port).await {
                Ok(sockets) => return Ok(Box::new(Listener::new(self, sockets, &request)?)),
                Err(error) => reason = error.kind().to_string(),
            }
        }
        Err(LoopbackError::NoPort(request.ports, reason))
    }

    async fn try_port(&self, host: LoopbackHost, port: u16) -> Result<u16, LoopbackError> {
        let tried = claimed(host, port).and_then(|sockets| match sockets.first() {
            Some(first) => Ok(first.local_addr()?.port()),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        });
        tried.map_err(|error| LoopbackError::NoPort(vec![port], error.kind().to_string()))
    }
}

/// Claims what [`open`] would open, and listens to nothing. On Linux two sockets may have one address, as long as both
/// allow it and neither listens (socket(7), `SO_REUSEADDR`), so this is in the way of no listener. On Windows the same
/// option would take the address from whoever has it, and is left alone.
fn claimed(host: LoopbackHost, port: u16) -> io::Result<Vec<TcpSocket>> {
    let claim = |ip: IpAddr, port: u16| {
        let socket = if ip.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if cfg!(unix) {
            socket.set_reuseaddr(true)?;
        }
        socket.bind(SocketAddr::new(ip, port))?;
        io::Result::Ok(socket)
    };
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    match host {
        LoopbackHost::V4 => Ok(vec![claim(v4, port)?]),
        LoopbackHost::V6 => Ok(vec![claim(v6, port)?]),
        LoopbackHost::Localhost => {
            let first = claim(v4, port)?;
            match claim(v6, first.local_addr()?.port()) {
                Ok(second) => Ok(vec![first, second]),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && port != 0 => Err(error),
                // As when it is opened: without IPv6 there is the other address alone. Of a port that the system
                // chooses, another one may be free on both.
                Err(_) => Ok(vec![first]),
            }
        }
    }
}

/// Opens what `host` means: one address, or both on one port.
async fn open(host: LoopbackHost, port: u16) -> io::Result<Vec<TcpListener>> {
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    match host {
        LoopbackHost::V4 => Ok(vec![TcpListener::bind((v4, port)).await?]),
        LoopbackHost::V6 => Ok(vec![TcpListener::bind((v6, port)).await?]),
        LoopbackHost::Localhost => {
            let mut tries = if port == 0 { PAIRS } else { 1 };
            loop {
                let first = TcpListener::bind((v4, port)).await?;
                match TcpListener::bind((v6, first.local_addr()?.port())).await {
                    Ok(second) => return Ok(vec![first, second]),
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                        tries -= 1;
                        if tries == 0 {
                            return Err(error);
                        }
                    }
                    // A machine without IPv6 resolves `localhost` to the other address alone.
                    Err(_) => return Ok(vec![first]),
                }
            }
        }
    }
}

/// Open sockets. They are fields of this struct and nowhere else, so that dropping it closes the port at once.
struct Listener {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
    rules: Arc<Rules>,
    callbacks: mpsc::Receiver<LoopbackCallback>,
    report: mpsc::Sender<LoopbackCallback>,
    open: VecDeque<Open>,
    connections: TaskTracker,
    closed: CancellationToken,
    _close: DropGuard,
    failures: usize,
}

/// A connection that is being served.
struct Open {
    task: AbortHandle,
    answering: Arc<AtomicBool>,
}

impl Listener {
    fn new(
        server: &LoopbackServer,
        sockets: Vec<TcpListener>,
        request: &LoopbackBind,
    ) -> Result<Self, LoopbackError> {
        let address = match sockets.first().map(TcpListener::local_addr) {
            Some(Ok(address)) => address,
            Some(Err(error)) => return Err(LoopbackError::Failed(error.kind().to_string())),
            None => return Err(LoopbackError::Failed("no socket was opened".to_owned())),
        };
        let (report, callbacks) = mpsc::channel(CALLBACKS);
        let closed = CancellationToken::new();
        Ok(Self {
            sockets,
            address,
            rules: Arc::new(Rules::new(
                request.host,
                address.port(),
                &request.path,
                server.head_time,
            )),
            callbacks,
            report,
            open: VecDeque::new(),
            connections: server.connections.clone(),
            _close: closed.clone().drop_guard(),
            closed,
            failures: 0,
        })
    }

    fn serve(&mut self, stream: TcpStream) {
        self.open.retain(|open| !open.task.is_finished());
        if self.open.len() >= CONNECTIONS {
            let silent = |open: &Open| !open.answering.load(Ordering::Acquire);
            match self
                .open
                .iter()
                .position(silent)
                .and_then(|index| self.open.remove(index))
            {
                Some(oldest) => oldest.task.abort(),
                None => return,
            }
        }
        let answering = Arc::new(AtomicBool::new(false));
        let task = self.connections.spawn(connection::serve(
            stream,
            Arc::clone(&self.rules),
            self.report.clone(),
            Arc::clone(&answering),
            self.closed.clone(),
        ));
        self.open.push_back(Open {
            task: task.abort_handle(),
            answering,
        });
    }

    /// One connection could not be taken: gone again, or no file descriptor left. The next may do better.
    async fn accept_failed(&mut self, error: &io::Error) -> Result<(), LoopbackError> {
        self.failures += 1;
        if self.failures >= FAILURES {
            return Err(LoopbackError::Failed(error.kind().to_string()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    }
}

#[async_trait]
impl LoopbackListener for Listener {
    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn next(&mut self) -> Result<LoopbackCallback, LoopbackError> {
        loop {
            let accepted = tokio::select! {
                Some(callback) = self.callbacks.recv() => return Ok(callback),
                accepted = accept(&self.sockets) => accepted,
            };
            match accepted {
                Ok(stream) => {
                    self.failures = 0;
                    self.serve(stream);
                }
                Err(error) => self.accept_failed(&error).await?,
            }
        }
    }
}

/// The next connection on any of the sockets.
async fn accept(sockets: &[TcpListener]) -> io::Result<TcpStream> {
    let (first, second) = (sockets.first(), sockets.get(1));
    let one = async |socket: Option<&TcpListener>| match socket {
        Some(socket) => socket.accept().await,
        None => std::future::pending().await,
    };
    let (stream, _) = tokio::select! {
        accepted = one(first) => accepted?,
        accepted = one(second) => accepted?,
    };
    Ok(stream)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    /// A check-up may look in the very moment in which a sign-in begins.
    #[tokio::test]
    async fn a_port_that_is_only_tried_is_free_for_a_listener() {
        use LoopbackHost::{Localhost, V4, V6};
        let server = LoopbackServer::new();
        for host in [V4, V6, Localhost] {
            // A machine may have no IPv6.
            let Ok(tried) = claimed(host, 0) else {
                assert_eq!(host, V6);
                continue;
            };
            let port = tried[0].local_addr().unwrap().port();
            let request = LoopbackBind {
                host,
                ports: vec![port],
                path: "/callback".to_owned(),
            };
            let listener = server.bind(request).await.unwrap();
            assert_eq!(listener.address().port(), port);
            drop(tried);
            let again = server.try_port(host, port).await;
            assert!(
                matches!(&again, Err(LoopbackError::NoPort(ports, why)) if *ports == [port] && why.contains("in use")),
                "{host:?}: {again:?}"
            );
            drop(listener);
            assert_eq!(server.try_port(host, port).await, Ok(port), "{host:?}");
        }
    }
}
