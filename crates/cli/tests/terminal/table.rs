//! Ends that need no story: a command, and how it ends.

use serde_json::json;
use tessera_sandbox::faults::{Fault, Rule};
use tessera_sandbox::log::Endpoint;

use crate::terminal::{Terminal, fetch};

const ANN: &str = "ann@example.test";
const LOGIN: [&str; 5] = ["login", "--provider", "box", "--no-browser", "--json"];

async fn check(terminal: &Terminal, arguments: &[&str], exit: i32, code: &str) {
    let ended = terminal.run(&[arguments, &["--json"]].concat()).await;
    assert_eq!(
        (ended.code, ended.error()["code"].as_str()),
        (Some(exit), Some(code)),
        "{arguments:?}: {ended:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_meant_is_2_and_asks_nobody() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    terminal.sandbox.log().clear();
    let api = terminal.sandbox.api().to_owned();
    for (arguments, code) in [
        (&["login", "--provider", "google"][..], "client_id_missing"),
        (&["login", "--provider", "github"], "client_id_missing"),
        (&["login", "--provider", "A B"], "provider_unknown"),
        (
            &["login", "--provider", "box", "--redirect", "device"],
            "route_unavailable",
        ),
        (
            &["login", "--provider", "box", "--api", "api.example"],
            "api_invalid",
        ),
        (
            &["login", "--provider", "box", "--api", "http://api.example"],
            "api_invalid",
        ),
        (&["call", ANN, "profile"], "address_invalid"),
        (&["call", ANN, "-X", "GE T", &api], "method_invalid"),
        (&["call", ANN, "-X", "trace", &api], "method_invalid"),
        (&["call", ANN, "-X", "CONNECT", &api], "method_invalid"),
        (&["call", "nobody", &api], "account_unknown"),
        (&["token", "nobody"], "account_unknown"),
        (&["logout", "nobody"], "account_unknown"),
    ] {
        check(&terminal, arguments, 2, code).await;
    }
    // With two to choose from, one has to be named.
    let file = terminal.home().join("providers.toml");
    let one = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{one}{}", one.replace("\"box\"", "\"crate\""))).unwrap();
    check(&terminal, &["login"], 2, "provider_not_named").await;
    std::fs::write(&file, "[[provider]]\nid = \"box\"\nclient_secret = \"hush").unwrap();
    for arguments in [&["login", "--provider", "box"][..], &["login"]] {
        check(&terminal, arguments, 2, "providers_file_invalid").await;
    }
    // What needs no provider goes on, and says what is wrong.
    let listed = terminal.run(&["accounts", "--json"]).await;
    assert_eq!((listed.code, listed.json().len()), (Some(0), 1));
    assert!(listed.notes.contains("providers.toml"), "{listed:?}");
    assert!(terminal.sandbox.log().entries().is_empty(), "somebody was asked");
    let doctor = terminal.run(&["doctor", "--json"]).await;
    assert_eq!(
        (doctor.code, &doctor.json()[1]["error"]["code"]),
        (Some(2), &json!("providers_file_invalid"))
    );
    assert!(!doctor.out.contains("hush"), "{}", doctor.out);
}

#[tokio::test]
async fn every_way_to_fail_a_check_is_3_and_keeps_nothing() {
    let terminal = Terminal::open().await;
    for (fault, code) in [
        ("discovery-http-authorization-endpoint", "endpoint_insecure"),
        ("discovery-http-key-set", "endpoint_insecure"),
        ("discovery-other-issuer", "issuer_mismatch"),
        ("callback-no-iss", "callback_issuer_missing"),
        ("token-no-id-token", "id_token_missing"),
        ("token-other-type", "token_type_unsupported"),
        ("id-token-alg-none", "id_token_alg"),
        ("id-token-hmac", "id_token_alg"),
        ("id-token-other-key", "id_token_signature"),
        ("id-token-expired", "id_token_exp"),
        ("id-token-no-nonce", "id_token_nonce"),
        ("id-token-wrong-azp", "id_token_azp"),
        ("id-token-wrong-at-hash", "id_token_at_hash"),
    ] {
        terminal.fault(fault);
        terminal.sandbox.log().clear();
        let mut run = terminal.start(&LOGIN);
        if !fault.starts_with("discovery") {
            let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
            fetch(&callback).await;
        }
        let ended = run.end().await;
        assert_eq!(
            (ended.code, ended.error()["code"].as_str()),
            (Some(3), Some(code)),
            "{fault}: {ended:?}"
        );
        let spent = usize::from(!fault.starts_with("discovery") && !fault.starts_with("callback"));
        assert_eq!(terminal.count(Endpoint::Token), spent, "{fault}");
        assert_eq!(terminal.count(Endpoint::Userinfo), 0, "{fault}");
        terminal.sandbox.faults().clear();
    }
    assert!(terminal.json(&["accounts", "--json"]).await.is_empty());
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_5_and_no_sign_out() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let profile = format!("{}/profile", terminal.sandbox.api());
    for (fault, code) in [("api-drop", "answer_broken"), ("api-cut", "answer_broken")] {
        terminal.fault(fault);
        check(&terminal, &["call", ANN, &profile], 5, code).await;
        terminal.sandbox.faults().clear();
    }
    terminal.fault("api-500");
    let ended = terminal.run(&["call", ANN, &profile, "--json"]).await;
    assert_eq!(
        (ended.code, ended.json()[0]["status"].as_u64()),
        (Some(5), Some(500))
    );
    terminal.sandbox.faults().clear();
    let listed = terminal.json(&["accounts", "--json"]).await;
    assert_eq!(listed[0]["state"], "signed_in");
    assert_eq!(terminal.run(&["call", ANN, &profile]).await.code, Some(0));
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_renewed_is_7_when_it_is_over() {
    let terminal = Terminal::open().await;
    terminal.fault("token-no-refresh-token");
    terminal.first_tokens_end_at_once();
    terminal.sign_in("ann").await;
    terminal.sandbox.faults().clear();
    check(&terminal, &["token", ANN], 7, "needs_sign_in").await;
    check(
        &terminal,
        &["call", ANN, &format!("{}/profile", terminal.sandbox.api())],
        7,
        "needs_sign_in",
    )
    .await;
    assert_eq!(terminal.sandbox.log().token_requests("refresh_token"), 0);
    terminal.sign_in("ann").await;
    assert_eq!(terminal.run(&["token", ANN]).await.code, Some(0));
}

#[tokio::test]
async fn a_refresh_that_is_refused_for_other_reasons_signs_nobody_out() {
    let terminal = Terminal::open().await;
    for refusal in ["invalid_client", "temporarily_unavailable"] {
        terminal.first_tokens_end_at_once();
        terminal.sign_in("ann").await;
        let fault = Rule::new(Fault::Refuse(refusal)).grant_type("refresh_token");
        terminal.sandbox.faults().set(fault);
        check(&terminal, &["token", ANN], 5, refusal).await;
        terminal.sandbox.faults().clear();
        let listed = terminal.json(&["accounts", "--json"]).await;
        assert_ne!(listed[0]["state"], "needs_sign_in", "{refusal}");
        assert_eq!(terminal.run(&["token", ANN]).await.code, Some(0), "{refusal}");
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_1() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let (home, aside) = (terminal.home(), terminal.folder().join("aside"));
    // With its write-ahead log, in which the account may still be.
    std::fs::rename(&home, &aside).unwrap();
    std::fs::create_dir(&home).unwrap();
    let store = home.join("tessera.db");
    std::fs::write(&store, b"this was never a database".repeat(100)).unwrap();
    // One that is damaged makes way for what the keychain knows, which is said once.
    for said in [true, false] {
        let ended = terminal.run(&["token", ANN]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.notes.contains("kept it aside"), said, "{ended:?}");
    }
    // `user_version`, which says what the layout is (SQLite, "Database File Format", section 1.3).
    let mut newer = std::fs::read(aside.join("tessera.db")).unwrap();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&store, &newer).unwrap();
    check(&terminal, &["accounts"], 1, "store_too_new").await;
    assert_eq!(
        std::fs::read(&store).unwrap(),
        newer,
        "what cannot be read is not changed"
    );
    std::fs::remove_dir_all(&home).unwrap();
    std::fs::rename(&aside, &home).unwrap();
    assert_eq!(
        terminal.run(&["token", ANN]).await.code,
        Some(0),
        "nothing was lost"
    );

    let file = terminal.folder().join("file");
    std::fs::write(&file, "a file").unwrap();
    let file = file.to_str().unwrap();
    let ended = terminal
        .start_with(&["accounts", "--json"], &[("TESSERA_HOME", file)])
        .end()
        .await;
    assert_eq!(
        (ended.code, &ended.error()["code"]),
        (Some(1), &json!("store_unusable"))
    );
    assert_eq!(std::fs::read(file).unwrap(), b"a file");
}
