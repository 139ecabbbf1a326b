//! `tessera login`: each way through, and everything that is not a way through.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tessera_sandbox::CLIENT_ID;
use tessera_sandbox::log::Endpoint;

use crate::terminal::{Terminal, fetch, request};

const LOGIN: [&str; 5] = ["login", "--provider", "box", "--no-browser", "--json"];

fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn the_events_are_as_documented() {
    let terminal = Terminal::open().await;
    let signed_in = terminal.sign_in("ann").await;
    assert_eq!(keys(&signed_in), ["account", "checks", "event"]);
    assert_eq!(signed_in["event"], "signed_in");
    let account = &signed_in["account"];
    assert_eq!(
        keys(account),
        ["email", "id", "issuer", "name", "provider", "scopes", "subject"]
    );
    assert_eq!(account["provider"], "box");
    assert_eq!(account["issuer"], terminal.sandbox.issuer());
    assert_eq!(
        (&account["name"], &account["email"]),
        (&json!("Ann Archer"), &json!("ann@example.test"))
    );
    assert!(account["scopes"].as_array().unwrap().contains(&json!("openid")));
    let checks = signed_in["checks"].as_array().unwrap();
    assert!(checks.len() > 10);
    for check in checks {
        assert_eq!(keys(check), ["id", "outcome"]);
        assert!(
            ["passed", "not_applicable"].contains(&check["outcome"].as_str().unwrap()),
            "{check}"
        );
    }
}

#[tokio::test]
async fn a_person_is_told_in_plain_words() {
    let terminal = Terminal::open().await;
    let mut run = terminal.start(&["login", "--provider", "box", "--no-browser"]);
    assert_eq!(run.note().await, "Open this address in your browser:");
    let address = run.note().await;
    let callback = terminal
        .sandbox
        .visitor("ann")
        .visit(address.trim())
        .await
        .unwrap();
    fetch(&callback).await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0));
    let mut lines = ended.out.lines();
    assert_eq!(
        lines.next(),
        Some("You are signed in with Box as Ann Archer <ann@example.test>.")
    );
    assert!(lines.next().unwrap().starts_with("Account: ") && lines.next().is_none());
}

#[tokio::test]
async fn any_issuer_by_its_address() {
    let terminal = Terminal::open().await;
    let (issuer, api) = (
        terminal.sandbox.issuer().to_owned(),
        terminal.sandbox.api().to_owned(),
    );
    let arguments = [
        "login",
        "--issuer",
        &issuer,
        "--client-id",
        CLIENT_ID,
        "--api",
        &api,
        "--no-browser",
        "--json",
    ];
    let arguments = [
        &arguments[..],
        &["--scope", "openid", "--scope", "email offline_access"],
    ]
    .concat();
    let account = terminal.sign_in_with("ann", &arguments).await["account"].clone();
    assert_eq!(account["scopes"], json!(["email", "offline_access", "openid"]));
    let answer = terminal
        .json(&["call", "ann@example.test", &format!("{api}/profile"), "--json"])
        .await;
    assert_eq!(answer[0]["status"], 200, "{answer:?}");
}

#[tokio::test]
async fn a_pasted_address_completes_the_sign_in() {
    let terminal = Terminal::open().await;
    let mut run = terminal.start(&[&LOGIN[..], &["--redirect", "paste"]].concat());
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    let before = terminal.count(Endpoint::Token);
    run.type_line("").await;
    for (refused, code) in [
        ("what is this", "[callback_not_an_address]"),
        (
            &callback.as_str().replace("state=", "state=x"),
            "[state_mismatch]",
        ),
    ] {
        run.type_line(refused).await;
        let told = [run.note().await, run.note().await];
        assert!(told[1].contains(code), "{told:?}");
    }
    run.type_line(&format!("  {callback}  ")).await;
    assert_eq!(run.event().await["event"], "signed_in");
    assert_eq!(run.end().await.code, Some(0));
    assert_eq!(terminal.count(Endpoint::Token) - before, 1);
}

#[tokio::test]
async fn where_nothing_can_be_pasted_a_browser_on_this_computer_still_finishes_it() {
    let terminal = Terminal::open().await;
    let mut run = terminal.start(&[&LOGIN[..], &["--redirect", "paste"]].concat());
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    run.close_input();
    let note = run.note().await;
    assert!(note.contains("standard input has ended"), "{note}");
    fetch(&callback).await;
    assert_eq!(run.event().await["event"], "signed_in");
    assert_eq!(run.end().await.code, Some(0));
}

#[tokio::test]
async fn who_waits_in_vain_is_told_what_else_can_be_done() {
    let terminal = Terminal::open().await;
    let file = terminal.home().join("providers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("[\"loopback\"]", "[\"loopback\", \"device\"]"),
    )
    .unwrap();
    let mut run = terminal.start(&["login", "--provider", "box", "--no-browser"]);
    let (_, address) = (run.note().await, run.note().await);
    assert_eq!(run.note().await, "Nothing has come back yet.");
    let (paste, device) = (run.note().await, run.note().await);
    assert!(paste.contains("`--redirect paste`"), "{paste}");
    assert!(device.contains("`--redirect device`"), "{device}");

    // It goes on all the same.
    let mut ann = terminal.sandbox.visitor("ann");
    fetch(&ann.visit(address.trim()).await.unwrap()).await;
    assert_eq!(run.end().await.code, Some(0));
    assert_eq!(terminal.count(Endpoint::Authorization), 1);
}

#[tokio::test]
async fn at_a_keyboard_an_address_can_be_pasted_by_every_way_that_has_one() {
    let terminal = Terminal::open().await;
    let mut run = terminal.start_at_keyboard(&["login", "--provider", "box", "--no-browser"]);
    let (_, address) = (run.note().await, run.note().await);
    let mut ann = terminal.sandbox.visitor("ann");
    let callback = ann.visit(address.trim()).await.unwrap();
    run.type_line("what is this").await;
    let told = [run.note().await, run.note().await];
    assert!(told[1].contains("[callback_not_an_address]"), "{told:?}");
    run.type_line(callback.as_str()).await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("as Ann Archer"), "{ended:?}");
}

#[tokio::test]
async fn what_is_not_the_awaited_answer_is_refused_and_waited_on() {
    let terminal = Terminal::open().await;
    let mut run = terminal.start(&LOGIN);
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    let query = callback.query().unwrap();
    let before = terminal.count(Endpoint::Token);
    for (line, status) in [
        (
            format!("GET /callback?{} HTTP/1.1", query.replace("state=", "state=x")),
            "400",
        ),
        ("GET /callback?code=guess HTTP/1.1".to_owned(), "400"),
        ("GET /callback HTTP/1.1".to_owned(), "400"),
        (format!("GET /other?{query} HTTP/1.1"), "404"),
        (format!("POST /callback?{query} HTTP/1.1"), "405"),
        (format!("HEAD /callback?{query} HTTP/1.1"), "405"),
        ("GET /favicon.ico HTTP/1.1".to_owned(), "404"),
    ] {
        let answer = request(&callback, &line).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{line}: {answer}"
        );
    }
    assert_eq!(
        terminal.count(Endpoint::Token),
        before,
        "a token request was spent on it"
    );
    fetch(&callback).await;
    assert_eq!(run.event().await["event"], "signed_in");
    assert_eq!(run.end().await.code, Some(0));
}

#[tokio::test]
async fn the_persons_own_browser_is_opened_unless_they_say_otherwise() {
    let terminal = Terminal::open().await;
    let bin = terminal.folder().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let program = bin.join("xdg-open");
    std::fs::write(&program, "#!/bin/sh\nprintf %s \"$1\" > \"$HOME/opened\"\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let opened = terminal.folder().join("opened");

    let mut run = terminal.start_with(&LOGIN, &[("PATH", &path)]);
    run.event().await;
    run.signal(rustix::process::Signal::INT);
    assert_eq!(run.end().await.code, Some(4));
    assert!(!opened.exists());

    // The address is told before the browser has it; whoever reads a pipe waits until somebody has written.
    let made = std::process::Command::new("mkfifo")
        .arg(&opened)
        .status()
        .unwrap();
    assert!(made.success());
    let mut run = terminal.start_with(&["login", "--provider", "box", "--json"], &[("PATH", &path)]);
    let open = run.event().await;
    let got = tokio::task::spawn_blocking(move || std::fs::read_to_string(opened));
    assert_eq!(got.await.unwrap().unwrap(), open["url"].as_str().unwrap());
    run.signal(rustix::process::Signal::INT);
    run.end().await;
}

#[tokio::test]
async fn an_account_is_issuer_and_subject() {
    let terminal = Terminal::open().await;
    let first = terminal.sign_in("ann").await;
    let again = terminal.sign_in("ann").await;
    assert_eq!(first["account"], again["account"]);
    assert_eq!(terminal.json(&["accounts", "--json"]).await.len(), 1);
    let other = terminal.sign_in("bob").await;
    assert_ne!(first["account"]["id"], other["account"]["id"]);
    assert_eq!(terminal.json(&["accounts", "--json"]).await.len(), 2);
}

#[tokio::test]
async fn two_sign_ins_at_once_do_not_disturb_each_other() {
    let terminal = Terminal::open().await;
    let (mut first, mut second) = (terminal.start(&LOGIN), terminal.start(&LOGIN));
    let ann = terminal.visit(&mut first, terminal.sandbox.visitor("ann")).await;
    let bob = terminal.visit(&mut second, terminal.sandbox.visitor("bob")).await;
    tokio::join!(fetch(&bob), fetch(&ann));
    let (first, second) = tokio::join!(first.end(), second.end());
    let name = |json: Vec<Value>| json[0]["account"]["name"].clone();
    assert_eq!(
        (name(first.json()), name(second.json())),
        (json!("Ann Archer"), json!("Bob Baker"))
    );
    assert_eq!(terminal.json(&["accounts", "--json"]).await.len(), 2);
    for account in ["ann@example.test", "bob@example.test"] {
        assert_eq!(terminal.run(&["token", account]).await.code, Some(0), "{account}");
    }
}

#[tokio::test]
async fn a_browser_that_is_not_here_is_usage_and_says_which_are() {
    let terminal = Terminal::open().await;
    terminal.sandbox.log().clear();
    let ended = terminal
        .run(&["login", "--provider", "box", "--with-browser", "netscape"])
        .await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.notes.contains("“netscape”"), "{}", ended.notes);
    assert!(ended.notes.contains("[browser_unknown]"), "{}", ended.notes);
    assert!(terminal.sandbox.log().entries().is_empty());
    // Both at once contradict each other.
    let both = [
        "login",
        "--provider",
        "box",
        "--with-browser",
        "system",
        "--no-browser",
    ];
    assert_eq!(terminal.run(&both).await.code, Some(2));
}
