//! The program as others start it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::common::{client, json};

/// Ends the program with the test, also when the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program under test is started as it is"
)]
fn start(arguments: &[&str]) -> Running {
    Running(
        Command::new(env!("CARGO_BIN_EXE_tessera-sandbox"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    )
}

fn first_line(running: &mut Running) -> Value {
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    serde_json::from_str(&line).unwrap()
}

#[tokio::test]
async fn it_says_where_everything_is_and_ends_with_its_parent() {
    let mut running = start(&["--exit-with-stdin"]);
    let ready = first_line(&mut running);
    assert_eq!(ready["event"], "ready");
    assert_eq!(ready["client_id"], "tessera-desktop");
    let issuer = ready["issuer"].as_str().unwrap();
    let api = ready["api"].as_str().unwrap();
    assert_eq!(ready["dialects"]["google"]["issuer"], format!("{issuer}/google"));
    assert_eq!(ready["dialects"]["github"]["web"], format!("{issuer}/github"));
    assert_eq!(ready["dialects"]["github"]["api"], format!("{api}/github"));
    for (dialect, name) in [
        ("google", "client_id"),
        ("google", "client_secret"),
        ("github", "client_id"),
        ("github", "client_secret"),
    ] {
        assert!(ready["dialects"][dialect][name].is_string(), "{dialect} {name}");
    }
    let address = format!("{issuer}/.well-known/openid-configuration");
    let metadata = json(client().get(address).send().await.unwrap()).await;
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(client().get(api).send().await.unwrap().status(), 200);

    drop(running.0.stdin.take());
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn it_refuses_other_addresses() {
    let mut running = start(&["--address", "0.0.0.0", "--exit-with-stdin"]);
    drop(running.0.stdin.take());
    assert_eq!(running.0.wait().unwrap().code(), Some(1));
    let mut lines = BufReader::new(running.0.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("only on loopback")));
}
