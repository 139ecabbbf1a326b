//! `tessera logout --browser`: signed out here first, then in a browser, which is a program that notes where it was
//! sent.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tessera_sandbox::faults::{Change, Document, Fault};
use url::Url;

use crate::terminal::{Terminal, fetch};

const ANN: &str = "ann@example.test";

/// A browser that writes the address it is given to a pipe, where it can be awaited.
struct NotingBrowser {
    program: String,
    pipe: std::path::PathBuf,
}

impl NotingBrowser {
    fn new(terminal: &Terminal) -> Self {
        let pipe = terminal.folder().join("addresses");
        let program = terminal.folder().join("browser");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let script = format!("#!/bin/sh\necho \"$1\" > '{}'\n", pipe.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self {
            program: program.to_str().unwrap().to_owned(),
            pipe,
        }
    }

    /// Where it was sent.
    async fn address(&self) -> Url {
        let text = tokio::fs::read_to_string(&self.pipe).await.unwrap();
        text.trim().parse().unwrap()
    }
}

#[tokio::test]
async fn it_signs_out_here_and_then_in_the_browser() {
    let terminal = Terminal::open().await;
    let browser = NotingBrowser::new(&terminal);
    let mut login = terminal.start(&["login", "--provider", "box", "--no-browser", "--json"]);
    let open = login.event().await;
    let mut ann = terminal.sandbox.visitor("ann");
    fetch(&ann.visit(open["url"].as_str().unwrap()).await.unwrap()).await;
    assert_eq!(login.end().await.code, Some(0));

    let variables = [("BROWSER", browser.program.as_str())];
    let mut run = terminal.start_with(&["logout", ANN, "--browser", "--json"], &variables);
    let receipt = run.event().await;
    assert_eq!(receipt["event"], "signed_out");
    let lines = receipt["receipt"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line["what"] == "browser_session" && line["outcome"] == "offered"),
        "{receipt}"
    );
    // The browser is not done, and nothing of the account is left here.
    assert_eq!(
        terminal.json(&["accounts", "--json"]).await,
        Vec::<serde_json::Value>::new()
    );
    let open = run.event().await;
    let shown = open["url"].as_str().unwrap();
    assert!(
        shown.starts_with(&format!("{}/sign-out?", terminal.sandbox.issuer())),
        "{shown}"
    );
    assert!(!shown.contains("id_token_hint"), "{shown}");
    let address = browser.address().await;
    assert!(address.query().unwrap().contains("id_token_hint="));
    let page = fetch(&ann.visit(address.as_str()).await.unwrap()).await;
    assert!(page.contains("You are signed out"), "{page}");
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.json(),
        [json!({ "event": "browser_signed_out", "returned": true })]
    );
}

#[tokio::test]
async fn a_browser_that_does_not_come_back_is_no_failure() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let variables = [("BROWSER", "true")];
    let arguments = ["logout", ANN, "--browser", "--timeout", "1"];
    let ended = terminal.start_with(&arguments, &variables).end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("did not come back"), "{ended:?}");
    assert!(ended.out.contains("up to you"), "{ended:?}");
}

#[tokio::test]
async fn who_signs_out_here_alone_is_told_how_it_is_done_in_the_browser_too() {
    let terminal = Terminal::open().await;
    let with_browser = ["logout", ANN, "--browser", "--timeout", "1"];
    for (arguments, told) in [(&["logout", ANN][..], true), (&with_browser, false)] {
        terminal.sign_in("ann").await;
        let ended = terminal.start_with(arguments, &[("BROWSER", "true")]).end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(
            ended.notes.contains("`tessera logout ACCOUNT --browser`"),
            told,
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_done_in_the_browser_is_told_after_the_receipt() {
    let terminal = Terminal::open().await;
    let check = async |variables: &[(&str, &str)], exit: i32, code: &str| {
        terminal.sign_in("ann").await;
        let ended = terminal
            .start_with(&["logout", ANN, "--browser", "--json"], variables)
            .end()
            .await;
        assert_eq!(
            (ended.code, ended.error()["code"].as_str()),
            (Some(exit), Some(code)),
            "{ended:?}"
        );
        assert_eq!(ended.json()[0]["event"], "signed_out");
        assert_eq!(
            terminal.json(&["accounts", "--json"]).await,
            Vec::<serde_json::Value>::new()
        );
    };
    // Where there are no programs, there is none that opens addresses.
    check(&[("PATH", "/nowhere")], 1, "browser_sign_out_not_opened").await;
    let fault = Fault::Json {
        document: Document::Discovery,
        change: Change::Remove("end_session_endpoint"),
    };
    terminal.sandbox.faults().set(fault);
    check(&[], 2, "browser_sign_out_not_offered").await;
}

#[tokio::test]
async fn what_the_provider_could_not_be_told_stays_open_until_it_is_tried_again() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let fault = terminal.fault("revocation-drop");
    let ended = terminal.run(&["logout", ANN]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out.contains("  open          The permission to stay"),
        "{ended:?}"
    );
    assert!(ended.notes.contains("`tessera logout --retry`"), "{ended:?}");

    let ended = terminal.run(&["accounts"]).await;
    let begins = "Signing out of Box as Ann Archer is not finished: ";
    assert!(ended.out.starts_with(begins), "{ended:?}");
    let listed = terminal.json(&["accounts", "--json"]).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let open = &listed[0];
    assert_eq!(
        (
            &open["event"],
            &open["provider"],
            &open["way"],
            &open["stage"],
            &open["tries"]
        ),
        (
            &json!("open_sign_out"),
            &json!("box"),
            &json!("here"),
            &json!("waiting"),
            &json!(1)
        )
    );

    let ended = terminal.run(&["logout", "--retry", "--json"]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(
        (
            &ended.json()[0]["event"],
            &ended.json()[0]["stage"],
            &ended.json()[0]["code"]
        ),
        (
            &json!("sign_out_retried"),
            &json!("waiting"),
            &json!("answer_broken")
        )
    );
    terminal.sandbox.faults().remove(fault);
    let ended = terminal.run(&["logout", "--retry"]).await;
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "Signing out of Box as Ann Archer is finished.\n"),
        "{ended:?}"
    );
    assert_eq!(
        terminal.json(&["accounts", "--json"]).await,
        Vec::<serde_json::Value>::new()
    );
    let ended = terminal.run(&["logout", "--retry"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.notes.contains("No sign-out is left"), "{ended:?}");
}

#[tokio::test]
async fn one_that_cannot_be_finished_is_told_until_it_is_forgotten() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let fault = terminal.fault("revocation-drop");
    assert_eq!(terminal.run(&["logout", ANN]).await.code, Some(0));
    terminal.sandbox.faults().remove(fault);
    terminal.fault("revocation-bare-401");
    let ended = terminal.run(&["logout", "--retry"]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.out.contains("could not be finished: "), "{ended:?}");
    let listed = terminal.json(&["accounts", "--json"]).await;
    assert_eq!(
        (&listed[0]["stage"], &listed[0]["code"]),
        (&json!("over"), &json!("revocation_status"))
    );
    let id = listed[0]["id"].as_str().unwrap();
    let ended = terminal.run(&["logout", "--forget", "0", "--json"]).await;
    assert_eq!(
        (ended.code, ended.error()["code"].as_str()),
        (Some(2), Some("open_sign_out_unknown"))
    );
    let ended = terminal.run(&["logout", "--forget", id]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out.contains("Box may still hold what you allowed."),
        "{ended:?}"
    );
    assert_eq!(
        terminal.json(&["accounts", "--json"]).await,
        Vec::<serde_json::Value>::new()
    );
}

#[tokio::test]
async fn more_than_this_device_is_refused_where_the_provider_cannot() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    for (flag, code) in [
        ("--everywhere", "sign_out_everywhere_not_offered"),
        ("--leaked", "leak_report_not_offered"),
    ] {
        let ended = terminal.run(&["logout", ANN, flag, "--json"]).await;
        assert_eq!(
            (ended.code, ended.error()["code"].as_str()),
            (Some(2), Some(code)),
            "{ended:?}"
        );
        assert_eq!(terminal.json(&["accounts", "--json"]).await.len(), 1);
    }
    for wrong in [
        &["logout"][..],
        &["logout", ANN, "--retry"],
        &["logout", ANN, "--everywhere", "--leaked"],
        &["logout", "--forget", "0123", "--retry"],
    ] {
        assert_eq!(terminal.run(wrong).await.code, Some(2), "{wrong:?}");
    }
}
