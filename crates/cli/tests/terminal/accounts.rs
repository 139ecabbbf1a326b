//! Several accounts at one provider: who is expected is named, and another person is asked about where somebody can
//! answer.

use serde_json::{Value, json};
use tessera_sandbox::Visitor;
use tessera_sandbox::log::Endpoint;
use url::Url;

use crate::terminal::{Run, Terminal, fetch};

const ANN: &str = "ann@example.test";
const QUIET: [&str; 2] = ["--no-browser", "--json"];

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(own, _)| own == name);
    found.map(|(_, value)| value.into_owned())
}

async fn names(terminal: &Terminal) -> Vec<Value> {
    let accounts = terminal.json(&["accounts", "--json"]).await;
    accounts.iter().map(|account| account["name"].clone()).collect()
}

/// The address that a person at a keyboard is told.
async fn address(run: &mut Run) -> Url {
    assert_eq!(run.note().await, "Open this address in your browser:");
    Url::parse(run.note().await.trim()).unwrap()
}

/// Ann is to be signed in again at a keyboard, and `visitor` comes; reads up to the question.
async fn chosen(run: &mut Run, mut visitor: Visitor, question: [&str; 5]) -> Url {
    let page = address(run).await;
    let answer = fetch(&visitor.visit(page.as_str()).await.unwrap()).await;
    assert!(answer.contains("You chose another account"), "{answer}");
    for expected in question {
        assert_eq!(run.note().await, expected);
    }
    page
}

const QUESTION: [&str; 5] = [
    "You chose Bob Baker <bob@example.test>, but this was for Ann Archer <ann@example.test>. Nothing is kept yet.",
    "  y  add Bob Baker <bob@example.test>; the other account stays as it is",
    "  a  ask again, to choose Ann Archer <ann@example.test>",
    "  n  cancel; nothing is changed",
    "Type y, a or n and press Enter:",
];

#[tokio::test]
async fn at_a_keyboard_somebody_else_is_asked_about() {
    let terminal = Terminal::open().await;
    let ann = terminal.sign_in("ann").await["account"]["id"].clone();
    let start = || terminal.start_at_keyboard(&["login", "--account", ANN, "--no-browser"]);
    let bob = || terminal.sandbox.visitor("bob");

    let mut run = start();
    let page = chosen(&mut run, bob(), QUESTION).await;
    assert_eq!(parameter(&page, "login_hint").as_deref(), Some(ANN));
    run.type_line("what").await;
    assert_eq!(run.note().await, QUESTION[4]);
    run.type_line("n").await;
    let ended = run.end().await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(4), ""), "{ended:?}");
    assert!(ended.notes.contains("[cancelled]"), "{ended:?}");
    assert_eq!(names(&terminal).await, ["Ann Archer"]);
    assert_eq!(terminal.count(Endpoint::Revocation), 2);

    // Where the keyboard is gone nobody can answer.
    let mut run = start();
    chosen(&mut run, bob(), QUESTION).await;
    run.type_line("\u{4}").await;
    assert_eq!(run.end().await.code, Some(4));
    assert_eq!(names(&terminal).await, ["Ann Archer"]);

    let mut run = start();
    chosen(&mut run, bob(), QUESTION).await;
    run.type_line("a").await;
    let page = address(&mut run).await;
    let prompt = parameter(&page, "prompt").unwrap();
    assert!(prompt.contains("select_account"), "{prompt}");
    assert_eq!(parameter(&page, "login_hint").as_deref(), Some(ANN));
    let mut visitor = terminal.sandbox.visitor("ann");
    fetch(&visitor.visit(page.as_str()).await.unwrap()).await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("as Ann Archer"), "{ended:?}");

    let mut run = start();
    chosen(&mut run, bob(), QUESTION).await;
    run.type_line(" Y ").await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("as Bob Baker"), "{ended:?}");
    assert_eq!(names(&terminal).await, ["Ann Archer", "Bob Baker"]);
    let accounts = terminal.json(&["accounts", "--json"]).await;
    assert_eq!(accounts[0]["id"], ann);

    // Whoever is here already is renewed, and not added.
    let mut run = start();
    let mut known = QUESTION;
    known[1] = "  y  renew Bob Baker <bob@example.test>; the other account stays as it is";
    chosen(&mut run, bob(), known).await;
    run.type_line("again").await;
    address(&mut run).await;
    run.signal(rustix::process::Signal::INT);
    let ended = run.end().await;
    assert!(
        ended.code == Some(4) && ended.notes.contains("[cancelled]"),
        "the one that goes on is cancelled: {ended:?}"
    );
    assert_eq!(terminal.run(&["token", "bob@example.test"]).await.code, Some(0));
}

#[tokio::test]
async fn where_nobody_can_be_asked_nothing_is_changed() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let before = terminal.json(&["accounts", "--json"]).await;
    for flags in [&QUIET[..], &["--no-browser"]] {
        let arguments = [&["login", "--provider", "box", "--account", ANN], flags].concat();
        let mut run = terminal.start(&arguments);
        let page = if flags.contains(&"--json") {
            let open = run.event().await;
            Url::parse(open["url"].as_str().unwrap()).unwrap()
        } else {
            address(&mut run).await
        };
        let mut bob = terminal.sandbox.visitor("bob");
        let answer = fetch(&bob.visit(page.as_str()).await.unwrap()).await;
        assert!(answer.contains("You were not signed in"), "{answer}");
        let ended = run.end().await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let told = if flags.contains(&"--json") {
            let error = ended.error();
            assert_eq!(error["code"], "other_account");
            error["hint"].as_str().unwrap().to_owned()
        } else {
            assert!(ended.notes.contains("[other_account]"), "{ended:?}");
            ended.notes
        };
        assert!(
            told.contains("`tessera login --provider box --any-account`"),
            "{told}"
        );
    }
    assert_eq!(terminal.json(&["accounts", "--json"]).await, before);
    assert_eq!(terminal.count(Endpoint::Revocation), 4);
}

#[tokio::test]
async fn another_account_is_chosen_at_the_provider() {
    let terminal = Terminal::open().await;
    let any = [&["login", "--provider", "box", "--any-account"], &QUIET[..]].concat();
    let mut run = terminal.start(&any);
    let open = run.event().await;
    // Also where nobody is here yet.
    assert!(open["url"].as_str().unwrap().contains("select_account"), "{open}");
    run.signal(rustix::process::Signal::INT);
    run.end().await;
    terminal.sign_in("ann").await;
    let mut run = terminal.start(&any);
    let open = run.event().await;
    let page = Url::parse(open["url"].as_str().unwrap()).unwrap();
    let prompt = parameter(&page, "prompt").unwrap();
    assert!(prompt.contains("select_account"), "{prompt}");
    assert_eq!(parameter(&page, "login_hint"), None);
    let mut ann = terminal.sandbox.visitor("ann");
    fetch(&ann.visit(page.as_str()).await.unwrap()).await;
    let ended = run.end().await;
    assert_eq!(ended.json()[0]["already"], json!(true), "{ended:?}");

    let told = &any[..any.len() - 1];
    let mut run = terminal.start(told);
    let page = address(&mut run).await;
    let mut ann = terminal.sandbox.visitor("ann");
    fetch(&ann.visit(page.as_str()).await.unwrap()).await;
    let ended = run.end().await;
    assert!(
        ended.out.starts_with(
            "You are already signed in with Box as Ann Archer <ann@example.test>; that was renewed, and nobody was added.\n"
        ),
        "{ended:?}"
    );

    let added = terminal.sign_in_with("bob", &any).await;
    assert_eq!(added.get("already"), None);
    assert_eq!(names(&terminal).await, ["Ann Archer", "Bob Baker"]);
}

#[tokio::test]
async fn an_account_is_named_by_whatever_names_it_and_only_at_its_provider() {
    let terminal = Terminal::open().await;
    let id = terminal.sign_in("ann").await["account"]["id"].clone();
    let id = id.as_str().unwrap();
    let issuer = terminal.sandbox.issuer().to_owned();
    for (arguments, code) in [
        (&["--account", "nobody"][..], "account_unknown"),
        (
            &["--provider", "google", "--account", ANN],
            "account_of_other_provider",
        ),
        (
            &["--issuer", &issuer, "--client-id", "another", "--account", ANN],
            "account_of_other_provider",
        ),
    ] {
        let ended = terminal.run(&[&["login"], arguments, &QUIET].concat()).await;
        assert_eq!((ended.code, &ended.error()["code"]), (Some(2), &json!(code)));
    }
    let both = terminal
        .run(&["login", "--account", ANN, "--any-account", "--json"])
        .await;
    assert_eq!(both.code, Some(2));
    for name in [ANN, id, &id[..6], "Ann Archer"] {
        let arguments = [&["login", "--account", name], &QUIET[..]].concat();
        let again = terminal.sign_in_with("ann", &arguments).await;
        assert_eq!(again["account"]["id"], id);
    }
}
