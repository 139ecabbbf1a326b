//! The sandbox's authorization endpoints, in each of its dialects.

use std::cell::OnceCell;
use std::net::SocketAddr;

use tessera_sandbox::{Options, Sandbox};
use tokio::runtime::Runtime;

use crate::scene::sound;
use crate::wire::{self, exchange};
use crate::{Judged, Limit};

/// A page, what the provider remembers of the request, and the tasks between them.
const LIMIT: Limit = Limit {
    fixed: 1024 * 1024,
    per_byte: 64,
    largest: 64 * 1024,
};

/// Where each dialect is asked.
const ENDPOINTS: [&str; 3] = [
    "/authorize",
    "/google/o/oauth2/v2/auth",
    "/github/login/oauth/authorize",
];

struct Running {
    runtime: Runtime,
    sandbox: Sandbox,
    address: SocketAddr,
}

thread_local! {
    static RUNNING: OnceCell<Running> = const { OnceCell::new() };
}

impl Running {
    fn start() -> Self {
        let runtime = wire::runtime();
        let sandbox = sound(runtime.block_on(Sandbox::start(Options::default())));
        let address = sound(sandbox.issuer().trim_start_matches("http://").parse());
        let running = Self {
            runtime,
            sandbox,
            address,
        };
        // What is made once and kept (keys, clocks, buffers) is no input's doing.
        for endpoint in ENDPOINTS {
            running.answer(&get(endpoint, address, ""));
        }
        running
    }

    fn answer(&self, request: &[u8]) -> String {
        let answer = LIMIT.holds(request.len(), || {
            self.runtime.block_on(exchange(self.address, request))
        });
        // As time passes, what was begun is forgotten; a log that grows would look like memory that leaks.
        self.sandbox.clock().advance(1);
        self.sandbox.log().clear();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Sends the input as a query to every dialect, and as a form to the standard one.
pub(crate) fn judge(input: &[u8]) -> Judged {
    RUNNING.with(|running| judge_at(running.get_or_init(Running::start), input))
}

fn judge_at(running: &Running, input: &[u8]) -> Judged {
    let query: String = input
        .iter()
        .map(|byte| match byte {
            b'!' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'~' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let mut request = form(running.address, input);
    request.extend_from_slice(input);
    assert_answered(&running.answer(&request));
    ENDPOINTS
        .map(|endpoint| assert_answered(&running.answer(&get(endpoint, running.address, &query))))
        .into_iter()
        .find(|judged| *judged == Judged::Accepted)
        .unwrap_or(Judged::Refused("refused"))
}

/// Checks that the provider answered, in full, with no trouble of its own, and sent nobody where it should not.
fn assert_answered(answer: &str) -> Judged {
    let (head, _) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no whole answer: {answer:?}"));
    let status = head.get(9..12).unwrap_or_default();
    assert!(!status.starts_with('5'), "{head}");
    let location = head
        .lines()
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap_or_default();
    if status == "303" && !location.starts_with('/') {
        // Whoever may be sent something is registered.
        let registered = [
            "app.tessera.desktop:",
            "http://127.0.0.1",
            "http://[::1]",
            "http://localhost",
        ];
        assert!(
            registered.iter().any(|start| location.starts_with(start)),
            "sent to {location}"
        );
        assert!(location.contains("error="), "{location}");
        return Judged::Refused("at_client");
    }
    match status {
        "200" | "302" | "303" => Judged::Accepted,
        _ => Judged::Refused("here"),
    }
}

fn get(endpoint: &str, address: SocketAddr, query: &str) -> Vec<u8> {
    format!("GET {endpoint}?{query} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").into_bytes()
}

fn form(address: SocketAddr, body: &[u8]) -> Vec<u8> {
    format!(
        "POST /authorize HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes()
}
