//! Commands that are ended while the provider renews a token: the one that was spent is worth nothing any more, so
//! the new one must not be lost.

use rustix::process::Signal;
use tessera_sandbox::faults::FaultId;

use crate::terminal::{Run, Terminal};

const ANN: &str = "ann@example.test";

/// A signed-in terminal whose next command renews the token first.
async fn about_to_renew() -> Terminal {
    let terminal = Terminal::open().await;
    terminal.first_tokens_end_at_once();
    terminal.sign_in("ann").await;
    terminal
}

/// A command that waits for the provider's answer, `count` of which have been asked for by now.
async fn renewing(terminal: &Terminal, arguments: &[&str], count: usize) -> Run {
    let run = terminal.start(arguments);
    terminal
        .sandbox
        .log()
        .wait_for_count(count, |entry| {
            entry.grant_type.as_deref() == Some("refresh_token")
        })
        .await
        .unwrap();
    run
}

fn held(terminal: &Terminal) -> FaultId {
    terminal.fault("token-hold")
}

#[tokio::test]
async fn a_renewal_that_is_interrupted_is_not_lost() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let terminal = about_to_renew().await;
        let hold = held(&terminal);
        let mut run = renewing(&terminal, &["token", ANN], 1).await;
        run.signal(signal);
        let note = run.note().await;
        assert!(note.contains("brought home"), "{note}");
        terminal.sandbox.faults().remove(hold);
        let ended = run.end().await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(4), ""), "{signal:?}");

        assert_eq!(terminal.run(&["token", ANN]).await.code, Some(0), "{signal:?}");
        assert_eq!(
            terminal.json(&["accounts", "--json"]).await[0]["state"],
            "signed_in",
            "{signal:?}"
        );
        assert_eq!(terminal.sandbox.log().token_requests("refresh_token"), 1);
    }
}

#[tokio::test]
async fn a_second_interruption_does_not_wait() {
    let terminal = about_to_renew().await;
    held(&terminal);
    let mut run = renewing(&terminal, &["token", ANN], 1).await;
    run.signal(Signal::INT);
    run.note().await;
    run.signal(Signal::INT);
    assert_eq!(run.end().await.code, Some(4));
    terminal.sandbox.faults().clear();
}

#[tokio::test]
async fn a_renewed_sign_in_that_cannot_be_saved_is_told() {
    let mut terminal = about_to_renew().await;
    let hold = held(&terminal);
    let run = renewing(&terminal, &["token", ANN, "--json"], 1).await;
    terminal.end_keyring().await;
    terminal.sandbox.faults().remove(hold);
    let ended = run.end().await;
    assert_eq!(
        (ended.code, ended.error()["code"].as_str()),
        (Some(6), Some("token_not_saved")),
        "{ended:?}"
    );
    assert_eq!(ended.json().len(), 2, "the token is good all the same");
}

#[tokio::test]
async fn nobody_waits_for_a_command_that_was_killed() {
    let terminal = about_to_renew().await;
    held(&terminal);
    let killed = renewing(&terminal, &["token", ANN], 1).await;
    killed.signal(Signal::KILL);
    killed.end().await;
    // The one that was killed could have held its turn for minutes.
    let next = renewing(&terminal, &["token", ANN], 2).await;
    terminal.sandbox.faults().clear();
    next.end().await;
}
