//! A server that nobody has any business with: it only writes down who came.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A listening trap. Ends when it is dropped.
pub struct Trap {
    /// Its address, `http://127.0.0.1:PORT`.
    pub origin: String,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Trap {
    /// Listens on a free port.
    pub async fn set() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let caught = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((mut visitor, _)) = listener.accept().await {
                let caught = Arc::clone(&caught);
                tokio::spawn(async move {
                    let mut bytes = vec![0; 16 * 1024];
                    let read = visitor.read(&mut bytes).await.unwrap_or(0);
                    let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                    caught.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\
                                  Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\ncaught";
                    let _ = visitor.write_all(answer.as_bytes()).await;
                });
            }
        });
        Ok(Self { origin, seen, task })
    }

    /// Everything that came, as it was sent.
    pub fn caught(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.task.abort();
    }
}
