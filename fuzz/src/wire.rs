//! Bytes to a server in this process and what comes back, over a real socket, all on this thread: what the servers do
//! for an input is done when [`exchange`] returns, and its memory counts as the input's.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::scene::sound;

/// Longer than any server here takes over anything: one that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most bytes of an answer that are read: more than any page here has.
const LARGEST: usize = 256 * 1024;

/// Servers and their clients on one thread.
pub(crate) fn runtime() -> Runtime {
    sound(Builder::new_current_thread().enable_all().build())
}

/// Sends `request` on a connection of its own and reads until the server ends it.
///
/// # Panics
/// When the server does not end it.
pub(crate) async fn exchange(server: SocketAddr, request: &[u8]) -> Vec<u8> {
    let talk = async {
        let socket = if server.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // Ports would run out: without this, each connection keeps one for a minute after its end.
        socket.set_zero_linger()?;
        let mut stream = socket.connect(server).await?;
        // A server that has heard enough may close while the rest is still being sent.
        let sent = stream.write_all(request).await;
        if sent.is_ok() && !is_whole(request) {
            // More will not come.
            let _ = stream.shutdown().await;
        }
        let mut answer = Vec::new();
        // So may one that closes without having read everything: what it said before counts.
        let _ = stream.take(LARGEST as u64).read_to_end(&mut answer).await;
        io::Result::Ok(answer)
    };
    let ended = timeout(PATIENCE, talk).await;
    sound(ended.unwrap_or_else(|_| panic!("the server does not end the connection")))
}

/// Whether the head of a request is there to its end, so that an answer must come.
fn is_whole(request: &[u8]) -> bool {
    let text = request.trim_ascii_start();
    [&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n"]
        .iter()
        .any(|end| text.windows(end.len()).any(|window| window == *end))
}
