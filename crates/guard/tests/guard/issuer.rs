//! What an issuer does with its keys while a guard runs: publishes them at an address, takes its time, breaks.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use tessera_guard::{FetchError, FetchKeys, HttpKeys, KeySource};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use url::Url;

use crate::signer::{NOW, Signer, document};

/// A clock that a test sets.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }

    /// Moves the clock to `seconds` after the start. Tokens live for five minutes from there.
    pub(crate) fn set(&self, seconds: i64) {
        self.0.store(NOW + seconds, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// An issuer's `jwks_uri` on a loopback port, which can be changed, counted and shut down.
pub(crate) struct Published {
    pub(crate) address: String,
    document: Arc<Mutex<String>>,
    fetches: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Published {
    pub(crate) async fn start(document: String) -> Self {
        let (document, fetches) = (Arc::new(Mutex::new(document)), Arc::new(AtomicUsize::new(0)));
        let (shown, counted) = (document.clone(), fetches.clone());
        let jwks = move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = shown.lock().unwrap().clone();
            async move { answer }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/jwks", listener.local_addr().unwrap());
        let app = Router::new().route("/jwks", get(jwks));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            document,
            fetches,
            server,
        }
    }

    pub(crate) fn publish(&self, signers: &[&Signer]) {
        *self.document.lock().unwrap() = document(signers);
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Goes away; the port is closed when this returns.
    pub(crate) async fn shut_down(self) {
        self.server.abort();
        let _ = self.server.await;
    }

    pub(crate) fn source(&self) -> KeySource {
        KeySource::remote(&self.address, HttpKeys::new().unwrap())
    }
}

/// A fetch that a test lets through by hand, and can make fail.
#[derive(Clone)]
pub(crate) struct Gated {
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) started: Arc<Semaphore>,
    answer: Arc<Mutex<Result<String, FetchError>>>,
    fetches: Arc<AtomicUsize>,
}

impl Gated {
    pub(crate) fn new(signers: &[&Signer]) -> Self {
        Self {
            gate: Arc::new(Semaphore::new(0)),
            started: Arc::new(Semaphore::new(0)),
            answer: Arc::new(Mutex::new(Ok(document(signers)))),
            fetches: Arc::default(),
        }
    }

    pub(crate) fn answer(&self, answer: Result<String, FetchError>) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl FetchKeys for Gated {
    async fn fetch(&self, _address: &Url, _limit: usize) -> Result<Vec<u8>, FetchError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.started.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        self.answer.lock().unwrap().clone().map(String::into_bytes)
    }
}
