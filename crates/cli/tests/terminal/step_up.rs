//! `tessera call --ask`: what an API wants first is asked for, and the call made again.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tessera_sandbox::faults::{Change, Document, Fault};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{ACR_PASSWORD, ACR_SECOND_STEP};

use crate::terminal::{Run, Terminal, fetch};

const ANN: &str = "ann@example.test";
/// A browser that goes nowhere: the test visits the address that is told.
const NO_BROWSER: [(&str, &str); 1] = [("BROWSER", "true")];

fn ask(terminal: &Terminal, path: &str) -> Run {
    let url = format!("{}/{path}", terminal.sandbox.api());
    terminal.start_with(&["call", ANN, &url, "--ask", "--json"], &NO_BROWSER)
}

#[tokio::test]
async fn what_an_api_wants_first_is_asked_for_and_the_call_made_again() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    for (path, asked) in [("strongbox", "acr_values="), ("ledger", "ledger%3Aread")] {
        let url = format!("{}/{path}", terminal.sandbox.api());
        let told = terminal.run(&["call", ANN, &url]).await;
        assert_eq!(told.code, Some(5));
        assert!(told.notes.contains("--ask"), "{told:?}");

        let mut run = ask(&terminal, path);
        let open = run.event().await;
        let page = open["url"].as_str().unwrap();
        assert!(page.contains(asked), "{page}");
        let callback = terminal.sandbox.visitor("ann").visit(page).await.unwrap();
        fetch(&callback).await;
        let ended = run.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.json().pop().unwrap()["status"], 200);
    }
    let refused = terminal.json(&["accounts", "--json"]).await;
    assert_eq!(refused.len(), 1);
}

#[tokio::test]
async fn it_is_asked_for_once_even_if_the_api_is_not_content_then() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    // The ID token tells of the second step, and the access token does not.
    let fault = Fault::Json {
        document: Document::AccessToken,
        change: Change::Set("acr", json!(ACR_PASSWORD)),
    };
    terminal.sandbox.faults().set(fault);
    terminal.sandbox.log().clear();
    let mut run = ask(&terminal, "strongbox");
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    fetch(&callback).await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let answer = ended.json().pop().unwrap();
    assert_eq!(answer["status"], 401);
    assert_eq!(
        answer["step_up"],
        json!({ "acr_values": [ACR_SECOND_STEP], "max_age": null })
    );
    assert_eq!(terminal.count(Endpoint::Api), 2);
    assert_eq!(terminal.sandbox.log().token_requests("authorization_code"), 1);
}

#[tokio::test]
async fn it_is_asked_for_by_the_way_that_is_named_and_without_a_browser() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let url = format!("{}/strongbox", terminal.sandbox.api());
    let browser = terminal.folder().join("browser");
    let opened = terminal.folder().join("opened");
    std::fs::write(&browser, format!("#!/bin/sh\ntouch '{}'\n", opened.display())).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();
    let variables = [("BROWSER", browser.to_str().unwrap())];
    let asked = ["call", ANN, &url, "--ask", "--no-browser", "--redirect", "paste"];
    let mut run = terminal.start_with(&asked, &variables);
    assert!(run.note().await.contains("a stronger sign-in"));
    assert_eq!(run.note().await, "Open this address in your browser:");
    let page = run.note().await;
    let callback = terminal.sandbox.visitor("ann").visit(page.trim()).await.unwrap();
    run.type_line(callback.as_str()).await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!opened.exists());

    // Neither means anything where nobody is asked.
    for flag in [&["--no-browser"][..], &["--redirect", "paste"]] {
        let ended = terminal.run(&[&["call", ANN, &url], flag].concat()).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
    }
}

#[tokio::test]
async fn another_person_is_refused_and_the_call_not_made_again() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    terminal.sandbox.log().clear();
    let mut run = ask(&terminal, "strongbox");
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("bob")).await;
    fetch(&callback).await;
    let ended = run.end().await;
    assert_eq!(
        (ended.code, ended.error()["code"].as_str()),
        (Some(3), Some("other_account"))
    );
    assert_eq!(terminal.count(Endpoint::Api), 1);
    assert_eq!(terminal.json(&["accounts", "--json"]).await.len(), 1);
}
