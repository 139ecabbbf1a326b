//! Every end but a good one: the exit code, and the code of the error.

use std::time::Duration;

use rustix::process::Signal;
use tessera_sandbox::log::Endpoint;
use tokio::net::TcpListener;

use crate::terminal::{Ended, Run, Terminal, fetch};

const ANN: &str = "ann@example.test";
const LOGIN: [&str; 5] = ["login", "--provider", "box", "--no-browser", "--json"];

fn check(ended: &Ended, exit: i32, code: &str) {
    assert_eq!(
        (ended.code, ended.error()["code"].as_str()),
        (Some(exit), Some(code)),
        "{ended:?}"
    );
}

/// Signs in with each of these faults of the sandbox, which show before or after the person's visit.
async fn sign_ins_end_with(exit: i32, faults: &[(&str, &str)]) {
    let terminal = Terminal::open().await;
    let mut ends = Vec::new();
    for (fault, _) in faults {
        terminal.fault(fault);
        let mut run = terminal.start(&LOGIN);
        if !fault.starts_with("discovery") {
            let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
            fetch(&callback).await;
        }
        let ended = run.end().await;
        terminal.sandbox.faults().clear();
        ends.push((
            *fault,
            ended.code,
            ended.error()["code"].as_str().unwrap().to_owned(),
        ));
    }
    let expected: Vec<_> = faults
        .iter()
        .map(|(fault, code)| (*fault, Some(exit), (*code).to_owned()))
        .collect();
    assert_eq!(ends, expected);
    assert!(terminal.json(&["accounts", "--json"]).await.is_empty());
}

#[tokio::test]
async fn wrong_usage_is_2() {
    let terminal = Terminal::open().await;
    for arguments in [
        &[][..],
        &["no-such-command"],
        &["login", "--no-such-flag"],
        &["login", "--issuer", "https://login.example"],
        &["login", "--client-id", "x"],
        &[
            "login",
            "--provider",
            "box",
            "--issuer",
            "https://login.example",
            "--client-id",
            "x",
        ],
        &["login", "--provider", "box", "--timeout", "0"],
        &["login", "--provider", "box", "--timeout", "soon"],
        &["login", "--provider", "box", "--redirect", "smoke"],
        &["login", "--issuer", "https://login.example", "--client-id", ""],
        &["token"],
        &["call", ANN],
    ] {
        let ended = terminal.run(arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(
            ended.out.is_empty() && !ended.notes.is_empty(),
            "{arguments:?}: {ended:?}"
        );
        // A program is told as well.
        let ended = terminal.run(&[&["--json"], arguments].concat()).await;
        check(&ended, 2, "usage");
        assert_eq!(ended.out.lines().count(), 1, "{arguments:?}: {ended:?}");
    }
    let help = terminal.run(&["login", "--help", "--json"]).await;
    assert!(
        help.code == Some(0) && help.out.contains("--provider"),
        "{help:?}"
    );
    let unknown = terminal.run(&["login", "--provider", "nobody", "--json"]).await;
    check(&unknown, 2, "provider_unknown");
    check(
        &terminal.run(&["token", "nobody", "--json"]).await,
        2,
        "account_unknown",
    );
    let address = terminal
        .run(&[
            "login",
            "--issuer",
            "not an address",
            "--client-id",
            "x",
            "--json",
        ])
        .await;
    check(&address, 2, "issuer_invalid");
    let told = terminal.run(&["token", "nobody"]).await;
    assert_eq!(told.notes.lines().count(), 2);
    assert!(
        told.out.is_empty() && told.notes.ends_with("[account_unknown]\n"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_check_that_failed_is_3() {
    sign_ins_end_with(
        3,
        &[
            ("discovery-issuer-mismatch", "issuer_mismatch"),
            ("discovery-http-token-endpoint", "endpoint_insecure"),
            ("callback-wrong-iss", "callback_issuer_mismatch"),
            ("id-token-wrong-nonce", "id_token_nonce"),
            ("id-token-wrong-aud", "id_token_aud"),
            ("id-token-bad-signature", "id_token_signature"),
            ("userinfo-wrong-sub", "userinfo_sub"),
        ],
    )
    .await;
    let terminal = Terminal::open().await;
    let plain = [
        "login",
        "--issuer",
        "http://login.example",
        "--client-id",
        "x",
        "--json",
    ];
    check(&terminal.run(&plain).await, 3, "issuer_insecure");
}

#[tokio::test]
async fn being_stopped_in_any_way_is_4() {
    let terminal = Terminal::open().await;
    let interrupted = async |signal: Signal| {
        let mut run = terminal.start(&LOGIN);
        let open = run.event().await;
        assert_eq!(open["event"], "open", "{open}");
        run.signal(signal);
        run.end().await
    };
    check(&interrupted(Signal::INT).await, 4, "cancelled");
    check(&interrupted(Signal::TERM).await, 4, "cancelled");
    check(
        &terminal.run(&[&LOGIN[..], &["--timeout", "1"]].concat()).await,
        4,
        "timed_out",
    );

    let mut run = terminal.start(&LOGIN);
    let denied = terminal
        .visit(&mut run, terminal.sandbox.visitor("ann").denying())
        .await;
    fetch(&denied).await;
    check(&run.end().await, 4, "access_denied");
    assert_eq!(terminal.count(Endpoint::Token), 0);

    terminal.sign_in("ann").await;
    terminal.fault("api-hold");
    let run = terminal.start(&[
        "call",
        ANN,
        &format!("{}/profile", terminal.sandbox.api()),
        "--json",
    ]);
    terminal
        .sandbox
        .log()
        .wait_for(|entry| entry.endpoint == Endpoint::Api)
        .await
        .unwrap();
    run.signal(Signal::INT);
    check(&run.end().await, 4, "interrupted");
    terminal.sandbox.faults().clear();
}

#[tokio::test]
async fn the_network_or_the_provider_is_5() {
    sign_ins_end_with(
        5,
        &[
            ("discovery-404", "metadata_status"),
            ("discovery-html", "metadata_not_json"),
            ("discovery-not-json", "metadata_not_json"),
            ("token-500", "token_endpoint_status"),
            ("token-html", "token_response_not_json"),
            ("token-cut", "answer_broken"),
            ("token-invalid-grant", "invalid_grant"),
        ],
    )
    .await;
    let terminal = Terminal::open().await;
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let issuer = format!("http://{closed}");
    let arguments = ["login", "--issuer", &issuer, "--client-id", "x", "--json"];
    check(&terminal.run(&arguments).await, 5, "unreachable");
}

#[tokio::test]
async fn without_a_keychain_it_is_6() {
    let terminal = Terminal::open().await;
    let account = terminal.sign_in("ann").await["account"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let without = |arguments: &[&str]| -> Run {
        terminal.start_with(
            arguments,
            &[("DBUS_SESSION_BUS_ADDRESS", ""), ("XDG_RUNTIME_DIR", "")],
        )
    };
    check(&without(&LOGIN).end().await, 6, "keychain_missing");
    check(
        &without(&["token", &account, "--json"]).end().await,
        6,
        "keychain_missing",
    );
    let doctor = without(&["doctor", "--json"]).end().await;
    assert_eq!(doctor.code, Some(6));
    let keychain = &doctor.json()[3];
    assert_eq!(
        (keychain["outcome"].as_str(), keychain["error"]["code"].as_str()),
        (Some("failed"), Some("keychain_missing"))
    );
    // Nobody was signed out by it.
    assert_eq!(
        terminal.json(&["accounts", "--json"]).await[0]["state"],
        "signed_in"
    );
}

#[tokio::test]
async fn a_session_that_the_provider_ended_is_7() {
    let terminal = Terminal::open().await;
    terminal.first_tokens_end_at_once();
    terminal.sign_in("ann").await;
    terminal.sandbox.revoke_everything();
    check(&terminal.run(&["token", ANN, "--json"]).await, 7, "needs_sign_in");
    let account = terminal.json(&["accounts", "--json"]).await.pop().unwrap();
    assert_eq!(account["state"], "needs_sign_in");
    assert!(
        account["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty()),
        "{account}"
    );
    terminal.sign_in("ann").await;
    assert_eq!(
        terminal.json(&["accounts", "--json"]).await[0]["state"],
        "signed_in"
    );
}

#[tokio::test]
async fn what_is_not_allowed_is_8_and_nothing_is_sent() {
    let terminal = Terminal::open().await;
    let issuer = terminal.sandbox.issuer().to_owned();
    // Otherwise the address and client id are those of a provider that allows the API.
    std::fs::remove_file(terminal.home().join("providers.toml")).unwrap();
    terminal
        .sign_in_with(
            "ann",
            &[
                "login",
                "--issuer",
                &issuer,
                "--client-id",
                "tessera-desktop",
                "--no-browser",
                "--json",
            ],
        )
        .await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for address in [
        format!("http://{}/profile", other.local_addr().unwrap()),
        format!("{}/profile", terminal.sandbox.api()),
        "https://api.example/".to_owned(),
    ] {
        check(
            &terminal.run(&["call", ANN, &address, "--json"]).await,
            8,
            "origin_not_allowed",
        );
    }
    assert_eq!(terminal.count(Endpoint::Api), 0);
    let connected = tokio::time::timeout(Duration::from_millis(10), other.accept()).await;
    assert!(connected.is_err(), "something was sent");
}

#[tokio::test]
async fn offline_is_a_state_and_no_sign_out() {
    let terminal = Terminal::open().await;
    terminal.first_tokens_end_at_once();
    terminal.sign_in("ann").await;
    terminal.fault("token-drop");
    let ended = terminal.run(&["token", ANN, "--json"]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(
        terminal.json(&["accounts", "--json"]).await[0]["state"],
        "offline"
    );
    terminal.sandbox.faults().clear();
    assert_eq!(terminal.run(&["token", ANN]).await.code, Some(0));
    assert_eq!(
        terminal.json(&["accounts", "--json"]).await[0]["state"],
        "signed_in"
    );
}
