//! `--trace`: every step on standard error, and no secret among them.

use tessera_sandbox::log::Endpoint;

use crate::terminal::{Run, Terminal, fetch};

const LOGIN: [&str; 5] = ["--trace", "login", "--provider", "box", "--no-browser"];

/// The lines of the trace that name a step, without their times.
fn steps(notes: &str) -> Vec<&str> {
    notes
        .lines()
        .filter_map(|line| line.strip_prefix('+')?.split_once(" s  "))
        .map(|(_, step)| step)
        .collect()
}

/// The address that the person is to open.
async fn address(run: &mut Run) -> String {
    loop {
        let note = run.note().await;
        if let Some(address) = note.strip_prefix("  http") {
            return format!("http{address}");
        }
    }
}

#[tokio::test]
async fn a_sign_in_is_told_step_by_step_and_without_its_secrets() {
    let terminal = Terminal::open().await;
    let mut run = terminal.start(&LOGIN);
    let address = address(&mut run).await;
    let callback = terminal.sandbox.visitor("ann").visit(&address).await.unwrap();
    fetch(&callback).await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = terminal.printed();
    assert_eq!(
        steps(&told)
            .iter()
            .map(|step| step.split(": ").next().unwrap())
            .collect::<Vec<_>>(),
        [
            "You → Tessera",
            "Tessera → Provider",
            "Provider → Tessera",
            "Tessera → Keychain",
            // It was told to open no browser.
            "Tessera → You",
            "You → Provider",
            "Browser → Tessera",
            "Tessera → Provider",
            "Provider → Tessera",
            "Tessera → Provider",
            "Provider → Tessera",
            "Tessera",
            "Tessera → Provider",
            "Provider → Tessera",
            "Tessera → Keychain",
            "Tessera → Browser",
            "Done."
        ],
        "{told}"
    );

    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1;
    let token = terminal.run(&["token", "ann@example.test"]).await.out;
    let signature = token.trim().rsplit('.').next().unwrap();
    assert!(told.contains("code_verifier: 43 characters, not shown"), "{told}");
    for secret in [&*code, signature] {
        assert!(!told.contains(secret), "the trace holds {secret}");
    }
}

#[tokio::test]
async fn a_failed_check_is_told_with_what_was_expected_and_seen() {
    let terminal = Terminal::open().await;
    terminal.fault("id-token-wrong-iss");
    let mut run = terminal.start(&LOGIN);
    let address = address(&mut run).await;
    let callback = terminal.sandbox.visitor("ann").visit(&address).await.unwrap();
    fetch(&callback).await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(terminal.count(Endpoint::Userinfo), 0);
    let told = terminal.printed();
    let failed = told
        .lines()
        .find(|line| line.trim_start().starts_with('✗'))
        .unwrap();
    let expected = format!("expected {}; seen ", terminal.sandbox.issuer());
    assert!(failed.contains(&expected), "{failed}");
    assert!(steps(&told).ends_with(&["Failed. [id_token_iss]"]), "{told}");
}

#[tokio::test]
async fn a_token_that_is_still_good_and_a_call_that_the_api_refuses_are_told_as_that() {
    let terminal = Terminal::open().await;
    let mut run = terminal.start(&LOGIN[1..]);
    let address = address(&mut run).await;
    let callback = terminal.sandbox.visitor("ann").visit(&address).await.unwrap();
    fetch(&callback).await;
    assert_eq!(run.end().await.code, Some(0));

    let ended = terminal.run(&["--trace", "token", "ann@example.test"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = steps(&ended.notes);
    assert!(told[0].starts_with("Keychain → Tessera: "), "{told:?}");
    assert!(
        told[1].starts_with("The kept access token is still good, until "),
        "{told:?}"
    );
    assert_eq!(told[2..], ["Done."]);

    let ledger = format!("{}/ledger", terminal.sandbox.api());
    let ended = terminal
        .run(&["--trace", "call", "ann@example.test", &ledger])
        .await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let told = steps(&ended.notes);
    let last = told.last().unwrap();
    assert!(last.starts_with("The API refused the call with 403."), "{told:?}");
    assert!(
        last.contains("--ask") && last.ends_with("[api_refused]"),
        "{told:?}"
    );
    assert!(!told.contains(&"Done."), "{told:?}");
}
