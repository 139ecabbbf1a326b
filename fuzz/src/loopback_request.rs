//! What any program and any web page on this machine may send to the loopback listener.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tessera_client::ports::{BrowserPage, Loopback as _, LoopbackBind, LoopbackHost};
use tessera_platform::LoopbackServer;
use tokio::runtime::Runtime;

use crate::refusal::conceals;
use crate::scene::sound;
use crate::wire::{self, exchange};
use crate::{Judged, Limit};

/// Head and parsed fields of one request, the callback, the page, and the tasks between them.
const LIMIT: Limit = Limit {
    fixed: 512 * 1024,
    per_byte: 16,
    largest: 64 * 1024,
};

/// Stands in an input for the name that the browser writes into `Host`: the port is another one each time.
const AUTHORITY: &[u8] = b"{authority}";

/// The code that the kept inputs carry.
const CODE: &str = "4/0AX4XfWhq2pN8xqv1wLrT";

/// A listener that takes every callback and answers it.
struct Listening {
    runtime: Runtime,
    address: SocketAddr,
    callbacks: Arc<Mutex<Vec<String>>>,
}

thread_local! {
    static LISTENING: OnceCell<Listening> = const { OnceCell::new() };
}

impl Listening {
    fn start() -> Self {
        let runtime = wire::runtime();
        let bind = LoopbackBind {
            host: LoopbackHost::V4,
            ports: vec![0],
            path: "/callback".to_owned(),
        };
        let server = LoopbackServer::new().with_head_time(Duration::from_secs(1));
        let mut listener = sound(runtime.block_on(server.bind(bind)));
        let address = listener.address();
        let callbacks = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&callbacks);
        runtime.spawn(async move {
            while let Ok(callback) = listener.next().await {
                let target = callback.target.as_str().to_owned();
                collected
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(target);
                (callback.answer)(BrowserPage::Finished);
            }
        });
        let listening = Self {
            runtime,
            address,
            callbacks,
        };
        // What is made once and kept is no input's doing.
        listening
            .runtime
            .block_on(exchange(address, b"GET / HTTP/1.1\r\n\r\n"));
        listening
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.callbacks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends the input as it is, but for the name of the listener.
pub(crate) fn judge(input: &[u8]) -> Judged {
    LISTENING.with(|listening| judge_at(listening.get_or_init(Listening::start), input))
}

fn judge_at(listening: &Listening, input: &[u8]) -> Judged {
    let authority = listening.address.to_string();
    let request = with_authority(input, authority.as_bytes());
    let answer = LIMIT.holds(request.len(), || {
        listening.runtime.block_on(exchange(listening.address, &request))
    });
    let answer = String::from_utf8_lossy(&answer);
    conceals(&[&answer], &[CODE]);
    let taken = listening.taken();
    if taken.is_empty() {
        return Judged::Refused(match answer.get(9..12) {
            Some("200") => panic!("a request that is no callback was welcome: {answer}"),
            Some("400") => "400",
            Some("403") => "403",
            Some("404") => "404",
            Some("405") => "405",
            Some(_) => "other",
            None => "closed",
        });
    }
    let sent = String::from_utf8_lossy(&request);
    for target in &taken {
        assert!(
            target == "/callback" || target.starts_with("/callback?"),
            "{target}"
        );
        assert!(sent.contains(target.as_str()), "{target}");
    }
    assert_eq!(taken.len(), 1, "one connection is one request");
    assert!(sent.contains("GET ") && sent.contains(&authority), "{sent}");
    Judged::Accepted
}

fn with_authority(input: &[u8], authority: &[u8]) -> Vec<u8> {
    let mut request = Vec::with_capacity(input.len() + authority.len());
    let mut rest = input;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(AUTHORITY) {
            request.extend_from_slice(authority);
            rest = after;
        } else {
            request.push(*first);
            rest = after;
        }
    }
    request
}
