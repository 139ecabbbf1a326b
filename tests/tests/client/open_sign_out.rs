//! A sign-out that could not be finished at the provider: the account is gone here at once, and the provider is told as
//! soon as it can be, by whichever process is there.

use std::sync::Arc;

use lab::alarm::TestAlarm;
use tessera_client::ports::{VaultError, Woken};
use tessera_client::{
    Account, AccountId, Change, Client, ClientId, OpenSignOut, OpenStage, Receipt, ReceiptOutcome, Retried,
    Route, SandboxAddress, SignIn, SignOutWay, Storage, UnixTime,
};
use tessera_sandbox::faults::{Fault, HttpFault, Rule};
use tessera_sandbox::log::{Endpoint, Entry};

use crate::rig::{Rig, rule};

fn outcome(receipt: &Receipt, what: &str) -> Option<ReceiptOutcome> {
    let line = receipt.lines.iter().find(|line| line.what == what);
    line.map(|line| line.outcome)
}

/// Signs Ann in and out while the provider cannot be told.
async fn left_open(rig: &Rig, client: &Client) -> OpenSignOut {
    let account = rig.sign_in(client, "ann").await.account;
    let fault = rig.sandbox.faults().set(rule("revocation-drop"));
    client.sign_out(&account.id).await.unwrap();
    rig.sandbox.faults().remove(fault);
    the_only(client).await
}

async fn the_only(client: &Client) -> OpenSignOut {
    let mut open = client.open_sign_outs().await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

/// The revocations that the provider has answered with a yes.
fn revoked(rig: &Rig) -> Vec<Entry> {
    rig.sandbox.log().matching(|entry| {
        let yes = entry
            .outcome
            .as_ref()
            .is_some_and(|outcome| outcome.status == 200 && outcome.faults.is_empty());
        entry.endpoint == Endpoint::Revocation && yes
    })
}

/// What the provider says to somebody who still has this access token.
async fn with_token(rig: &Rig, token: &str) -> u16 {
    let userinfo = format!("{}/userinfo", rig.sandbox.issuer());
    let request = reqwest::Client::new().get(userinfo).bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

fn stop<T>(task: &tokio::task::JoinHandle<T>) {
    task.abort();
}

#[tokio::test]
async fn the_account_is_gone_at_once_and_the_next_process_tells_the_provider() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let token = client.access_token(&account.id).await.unwrap().access_token;
    let fault = rig.sandbox.faults().set(rule("revocation-drop"));
    let receipt = client.sign_out(&account.id).await.unwrap();
    for what in ["refresh_token_revoked", "access_token_revoked"] {
        assert_eq!(outcome(&receipt, what), Some(ReceiptOutcome::Open), "{what}");
    }
    assert_eq!(outcome(&receipt, "secrets_deleted"), Some(ReceiptOutcome::Done));
    assert_eq!(outcome(&receipt, "account_removed"), Some(ReceiptOutcome::Done));
    let said = &receipt.lines[0].sentence;
    assert!(said.ends_with("Tessera tries again until it is done."), "{said}");
    assert_eq!(rig.keychain.kinds(), ["revoke"]);
    assert!(client.accounts().await.unwrap().is_empty());
    let open = the_only(&client).await;
    assert_eq!(
        (
            open.name.as_str(),
            open.refresh,
            open.access,
            open.tries,
            open.way
        ),
        (account.name.as_str(), true, true, 1, SignOutWay::Here)
    );
    assert_eq!(open.code.as_deref(), Some("answer_broken"));
    assert_eq!(open.stage, OpenStage::Waiting);
    assert!(open.next_try.unwrap().at > open.since);
    assert_eq!(with_token(&rig, token.expose()).await, 200, "nobody was told");

    // Still away: it stays, and says so.
    drop(client);
    let client = rig.client().await;
    let Retried::Open(again) = client.retry_sign_out(&open.id).await.unwrap() else {
        panic!("the provider cannot be reached");
    };
    assert_eq!(again.tries, 2);
    assert_eq!(rig.keychain.kinds(), ["revoke"]);

    rig.sandbox.faults().remove(fault);
    let mut changes = client.changes();
    assert!(matches!(
        client.retry_sign_out(&open.id).await.unwrap(),
        Retried::Done
    ));
    assert!(matches!(changes.recv().await.unwrap(), Change::OpenSignOuts));
    assert_eq!(with_token(&rig, token.expose()).await, 401);
    assert_eq!(revoked(&rig).len(), 2, "both tokens");
    assert!(rig.keychain.kinds().is_empty(), "what was kept for it is deleted");
    assert!(client.open_sign_outs().await.unwrap().is_empty());
    let error = client.retry_sign_out(&open.id).await.unwrap_err();
    assert_eq!(error.code(), "open_sign_out_unknown");
}

#[tokio::test]
async fn only_what_is_left_is_asked_again() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.sandbox.faults().set(rule("revocation-drop").times(1));
    let receipt = client.sign_out(&account.id).await.unwrap();
    assert_eq!(
        outcome(&receipt, "refresh_token_revoked"),
        Some(ReceiptOutcome::Open)
    );
    assert_eq!(
        outcome(&receipt, "access_token_revoked"),
        Some(ReceiptOutcome::Done)
    );
    let open = the_only(&client).await;
    assert!(open.refresh && !open.access, "{open:?}");
    assert!(matches!(
        client.retry_sign_out(&open.id).await.unwrap(),
        Retried::Done
    ));
    assert_eq!(rig.requests(Endpoint::Revocation), 3);
}

/// What the next process finds when one was killed at any moment of a sign-out.
#[tokio::test]
async fn a_sign_out_that_is_killed_is_found_whole_or_did_not_come_to_pass() {
    // Where the keychain hangs, and whether the sign-out is known then.
    for (verb, kind, known) in [
        ("put", "revoke/", false),
        ("get", "revoke/", false),
        ("delete", "refresh/", true),
        ("delete", "account/", true),
    ] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        let account = rig.sign_in(&client, "ann").await.account;
        rig.sandbox.clock().advance(2);
        let fault = rig.sandbox.faults().set(rule("revocation-drop"));
        rig.keychain.silent.send_replace(Some((verb, kind)));
        let id = account.id.clone();
        let signing_out = tokio::spawn(async move { client.sign_out(&id).await });
        rig.keychain
            .asked_to(&format!("{verb} {}", kind.trim_end_matches('/')))
            .await;
        let other = rig.client().await;
        let open = other.open_sign_outs().await.unwrap();
        assert_eq!(open.len(), usize::from(known), "{verb} {kind}");
        let holds = rig.keychain.kinds().contains(&"revoke".to_owned());
        assert_eq!(holds, (verb, kind) != ("put", "revoke/"), "{verb} {kind}");
        stop(&signing_out);
        assert!(signing_out.await.unwrap_err().is_cancelled());
        rig.keychain.silent.send_replace(None);
        rig.sandbox.faults().remove(fault);

        let next = rig.client().await;
        next.tidy_secrets().await.unwrap();
        let accounts = next.accounts().await.unwrap().len();
        assert_eq!(accounts, usize::from(!known), "{verb} {kind}");
        let holds = rig.keychain.kinds().contains(&"revoke".to_owned());
        assert_eq!(holds, known, "{verb} {kind}");
        if known {
            let open = the_only(&next).await;
            assert!(matches!(
                next.retry_sign_out(&open.id).await.unwrap(),
                Retried::Done
            ));
            assert_eq!(revoked(&rig).len(), 2, "{verb} {kind}");
        } else {
            rig.sandbox.clock().advance(3600);
            next.access_token(&account.id).await.unwrap();
            assert_eq!(revoked(&rig).len(), 0, "{verb} {kind}");
        }
    }
}

#[tokio::test]
async fn what_the_store_forgot_is_taken_up_again_from_the_keychain() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let open = left_open(&rig, &client).await;
    client.tidy_secrets().await.unwrap();
    assert_eq!(rig.keychain.kinds(), ["revoke"], "it is no leftover");
    drop(client);
    for file in ["tessera.db", "tessera.db-wal", "tessera.db-shm"] {
        let _ = std::fs::remove_file(rig.folder().join(file));
    }
    let client = rig.client().await;
    assert!(client.open_sign_outs().await.unwrap().is_empty());
    client.tidy_secrets().await.unwrap();
    let found = the_only(&client).await;
    assert_eq!(
        (&found.id, &found.account, &found.name, found.since),
        (&open.id, &open.account, &open.name, open.since)
    );
    assert_eq!((found.tries, found.code.as_deref()), (0, None));
    assert!(matches!(
        client.retry_sign_out(&found.id).await.unwrap(),
        Retried::Done
    ));
    assert_eq!(revoked(&rig).len(), 2);
}

#[tokio::test]
async fn a_definite_no_is_told_until_it_was_seen() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let open = left_open(&rig, &client).await;
    rig.fault("revocation-bare-401");
    let Retried::Over(over) = client.retry_sign_out(&open.id).await.unwrap() else {
        panic!("the provider said no");
    };
    assert_eq!(
        (over.stage, over.code.as_deref()),
        (OpenStage::Over, Some("revocation_status"))
    );
    assert!(rig.keychain.kinds().is_empty(), "nobody takes them");
    let asked = rig.requests(Endpoint::Revocation);
    assert!(matches!(
        client.retry_sign_out(&open.id).await.unwrap(),
        Retried::Over(_)
    ));
    assert_eq!(rig.requests(Endpoint::Revocation), asked, "it is not asked again");
    client.forget_sign_out(&open.id).await.unwrap();
    assert!(client.open_sign_outs().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_that_is_given_up_leaves_nothing_and_asks_nobody() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let open = left_open(&rig, &client).await;
    let asked = rig.requests(Endpoint::Revocation);
    rig.keychain.refuse("delete revoke/", VaultError::Locked);
    assert_eq!(
        client.forget_sign_out(&open.id).await.unwrap_err().code(),
        "keychain_locked"
    );
    assert_eq!(
        the_only(&client).await.id,
        open.id,
        "what is in the keychain is not hidden"
    );
    rig.keychain.relent();
    client.forget_sign_out(&open.id).await.unwrap();
    assert!(rig.keychain.kinds().is_empty());
    assert!(client.open_sign_outs().await.unwrap().is_empty());
    assert_eq!(rig.requests(Endpoint::Revocation), asked);
    assert_eq!(
        client.forget_sign_out(&open.id).await.unwrap_err().code(),
        "open_sign_out_unknown"
    );
}

#[tokio::test]
async fn what_cannot_be_kept_is_only_deleted_and_the_receipt_says_so() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.fault("revocation-drop");
    rig.keychain
        .refuse("put revoke/", VaultError::Full("it is".to_owned()));
    let receipt = client.sign_out(&account.id).await.unwrap();
    assert_eq!(
        outcome(&receipt, "refresh_token_revoked"),
        Some(ReceiptOutcome::Failed)
    );
    assert!(receipt.lines[0].sentence.ends_with("It may stay good there."));
    assert_eq!(outcome(&receipt, "account_removed"), Some(ReceiptOutcome::Done));
    assert!(rig.keychain.kinds().is_empty());
    assert!(client.open_sign_outs().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_account_that_could_not_be_removed_is_not_signed_out_later() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.fault("revocation-drop");
    rig.keychain.refuse("delete refresh/", VaultError::Locked);
    let error = client.sign_out(&account.id).await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    assert_eq!(client.accounts().await.unwrap().len(), 1);
    assert!(client.open_sign_outs().await.unwrap().is_empty());
    assert!(!rig.keychain.kinds().contains(&"revoke".to_owned()));
    // It is whole.
    rig.keychain.relent();
    rig.sandbox.clock().advance(3600);
    client.access_token(&account.id).await.unwrap();
}

#[tokio::test]
async fn an_account_that_was_removed_in_part_has_lost_its_tokens_and_the_provider_is_told_of_them() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let fault = rig.sandbox.faults().set(rule("revocation-drop"));
    rig.keychain.refuse("delete access/", VaultError::Locked);
    let error = client.sign_out(&account.id).await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    rig.keychain.relent();
    rig.sandbox.faults().remove(fault);
    let open = the_only(&client).await;
    client.retry_sign_out(&open.id).await.unwrap();
    assert_eq!(
        revoked(&rig).len(),
        2,
        "the refresh token is nowhere else any more"
    );
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_is_not_asked_before() {
    let rig = Rig::new().await;
    rig.sandbox.clock().set_now(rig.sandbox.clock().now());
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.sandbox
        .faults()
        .set(rule("revocation-503-retry-after").times(2));
    client.sign_out(&account.id).await.unwrap();
    let open = the_only(&client).await;
    let next = open.next_try.unwrap();
    assert_eq!((next.at, next.named), (open.since.plus(2), true));
    let error = client.retry_sign_out(&open.id).await.unwrap_err();
    assert_eq!(error.code(), "provider_unavailable");
    assert_eq!(rig.requests(Endpoint::Revocation), 2);
    rig.sandbox.clock().advance(2);
    assert!(matches!(
        client.retry_sign_out(&open.id).await.unwrap(),
        Retried::Done
    ));
}

#[tokio::test]
async fn two_processes_ask_once() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let open = left_open(&rig, &client).await;
    let asked = rig.requests(Endpoint::Revocation);
    let held = rig.sandbox.faults().set(Rule::new(Fault::Http {
        endpoint: Endpoint::Revocation,
        fault: HttpFault::Hold,
    }));
    let other = rig.client().await;
    let retry = |client: Client| {
        let id = open.id.clone();
        tokio::spawn(async move { client.retry_sign_out(&id).await })
    };
    let first = retry(client.clone());
    let is_third = |entry: &Entry| entry.endpoint == Endpoint::Revocation;
    rig.sandbox
        .log()
        .wait_for_count(asked + 1, is_third)
        .await
        .unwrap();
    let others = [retry(client), retry(other)];
    rig.sandbox.faults().remove(held);
    assert!(matches!(first.await.unwrap().unwrap(), Retried::Done));
    for other in others {
        // Whoever comes when it is done already finds nothing.
        match other.await.unwrap() {
            Ok(Retried::Done) => {}
            Err(error) => assert_eq!(error.code(), "open_sign_out_unknown"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rig.requests(Endpoint::Revocation), asked + 2);
}

#[tokio::test]
async fn what_was_in_memory_only_is_told_by_its_process_or_is_gone_with_it() {
    for quits in [false, true] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        let request = SignIn {
            storage: Storage::UntilQuit,
            ..rig.request(Route::Scheme)
        };
        let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
        let fault = rig.sandbox.faults().set(rule("revocation-drop"));
        client.sign_out(&account.id).await.unwrap();
        rig.sandbox.faults().remove(fault);
        assert!(rig.keychain.kinds().is_empty());
        let open = the_only(&client).await;
        let other = rig.client().await;
        let Retried::Open(same) = other.retry_sign_out(&open.id).await.unwrap() else {
            panic!("another process has it");
        };
        assert_eq!(same, open);
        if quits {
            drop(client);
            let Retried::Over(over) = other.retry_sign_out(&open.id).await.unwrap() else {
                panic!("the tokens are gone");
            };
            assert_eq!(over.code.as_deref(), Some("open_sign_out_tokens_gone"));
        } else {
            assert!(matches!(
                client.retry_sign_out(&open.id).await.unwrap(),
                Retried::Done
            ));
            assert_eq!(revoked(&rig).len(), 2);
        }
    }
}

#[tokio::test]
async fn another_keychain_is_waited_for_and_an_emptied_one_is_not() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let open = left_open(&rig, &client).await;
    let entries = std::mem::take(&mut *rig.keychain.entries.lock().unwrap());
    let Retried::Open(waits) = client.retry_sign_out(&open.id).await.unwrap() else {
        panic!("the right one may come back");
    };
    assert_eq!(
        (waits.code.as_deref(), waits.next_try),
        (Some("keychain_replaced"), None)
    );
    let marked = entries
        .into_iter()
        .filter(|(name, _)| name.starts_with("keychain/"));
    rig.keychain.entries.lock().unwrap().extend(marked);
    let Retried::Over(over) = client.retry_sign_out(&open.id).await.unwrap() else {
        panic!("the tokens are gone");
    };
    assert_eq!(over.code.as_deref(), Some("open_sign_out_tokens_gone"));
}

#[tokio::test]
async fn no_step_of_it_shows_a_token() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let open = left_open(&rig, &client).await;
    client.retry_sign_out(&open.id).await.unwrap();
    let told = format!("{:?}{:?}", client.traced(), open);
    assert!(told.contains("RevocationKept") && told.contains("sign_out_retried"));
    let given = rig.keychain.given.lock().unwrap().clone();
    for secret in given {
        let secret = String::from_utf8(secret).unwrap();
        // What is kept for another try holds tokens as well.
        for part in secret.split('"').filter(|part| part.len() > 20) {
            assert!(!told.contains(part) || part.starts_with("http"), "{part}");
        }
    }
}

/// A client that looks after its sign-outs by itself.
async fn kept(rig: &Rig) -> (Client, Arc<TestAlarm>) {
    let client = rig.client().await;
    let alarm = TestAlarm::new(&rig.sandbox);
    tokio::spawn({
        let (client, alarm) = (client.clone(), alarm.clone());
        async move { client.keep_fresh(&*alarm).await }
    });
    (client, alarm)
}

async fn becomes(client: &Client, wanted: impl Fn(&[OpenSignOut]) -> bool) {
    let mut changes = client.changes();
    while !wanted(&client.open_sign_outs().await.unwrap()) {
        changes.recv().await.unwrap();
    }
}

#[tokio::test]
async fn it_is_tried_at_the_start_later_and_later_and_at_once_when_a_network_comes() {
    let rig = Rig::new().await;
    rig.sandbox.clock().set_now(rig.sandbox.clock().now());
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let fault = rig.sandbox.faults().set(rule("revocation-drop"));
    client.sign_out(&account.id).await.unwrap();
    drop(client);
    let now = rig.sandbox.clock().now();

    let (client, alarm) = kept(&rig).await;
    becomes(&client, |open| open[0].tries == 2).await;
    let wait = |seconds| Some(UnixTime(now + seconds));
    assert_eq!(alarm.waits_for(|at| at == wait(30)).await, wait(30));
    assert_eq!(rig.requests(Endpoint::Revocation), 4, "nobody asks meanwhile");
    alarm.pass(30);
    becomes(&client, |open| open[0].tries == 3).await;
    assert_eq!(alarm.waits_for(|at| at == wait(90)).await, wait(90));

    rig.sandbox.faults().remove(fault);
    alarm.tell(Woken::Network);
    becomes(&client, <[_]>::is_empty).await;
    assert_eq!(revoked(&rig).len(), 2);
    assert!(rig.keychain.kinds().is_empty());
    assert_eq!(
        alarm.waits_for(|at| at.is_none()).await,
        None,
        "nothing is left to do"
    );
}

#[tokio::test]
async fn it_is_tried_at_once_when_the_list_of_providers_has_changed() {
    let rig = Rig::new().await;
    rig.sandbox.clock().set_now(rig.sandbox.clock().now());
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let fault = rig.sandbox.faults().set(rule("revocation-drop"));
    client.sign_out(&account.id).await.unwrap();
    drop(client);
    let (client, _alarm) = kept(&rig).await;
    becomes(&client, |open| open[0].tries == 2).await;
    rig.sandbox.faults().remove(fault);
    client.set_sandbox(&SandboxAddress {
        issuer: rig.sandbox.issuer().parse().unwrap(),
        client_id: ClientId::new(tessera_sandbox::CLIENT_ID),
        api: rig.sandbox.api().parse().unwrap(),
    });
    becomes(&client, <[_]>::is_empty).await;
    assert_eq!(revoked(&rig).len(), 2);
}

#[tokio::test]
async fn what_the_keychain_does_not_give_up_when_all_is_done_is_deleted_later_and_nobody_is_asked_again() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let open = left_open(&rig, &client).await;
    rig.keychain.refuse("delete revoke/", VaultError::Locked);
    assert!(matches!(
        client.retry_sign_out(&open.id).await.unwrap(),
        Retried::Done
    ));
    assert!(client.open_sign_outs().await.unwrap().is_empty());
    assert_eq!(rig.keychain.kinds(), ["revoke"]);
    let asked = rig.requests(Endpoint::Revocation);
    rig.keychain.relent();
    drop(client);
    let (client, _alarm) = kept(&rig).await;
    let mut changes = client.changes();
    while !rig.keychain.kinds().is_empty() {
        changes.recv().await.unwrap();
    }
    assert_eq!(rig.requests(Endpoint::Revocation), asked);
}

#[tokio::test]
async fn a_keychain_that_would_ask_is_left_alone_until_it_is_unlocked() {
    let rig = Rig::new().await;
    rig.sandbox.clock().set_now(rig.sandbox.clock().now());
    let client = rig.client().await;
    left_open(&rig, &client).await;
    drop(client);
    *rig.keychain.asks.lock().unwrap() = true;
    let asked = rig.requests(Endpoint::Revocation);
    let (client, alarm) = kept(&rig).await;
    alarm.waits_for(|at| at.is_some()).await;
    assert_eq!(rig.requests(Endpoint::Revocation), asked);
    *rig.keychain.asks.lock().unwrap() = false;
    alarm.tell(Woken::Keychain);
    becomes(&client, <[_]>::is_empty).await;
    assert_eq!(revoked(&rig).len(), 2);
}

#[tokio::test]
async fn more_than_this_device_is_ended_only_where_the_provider_can() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account: Account = rig.sign_in(&client, "ann").await.account;
    for (way, code) in [
        (SignOutWay::Everywhere, "sign_out_everywhere_not_offered"),
        (SignOutWay::Leaked, "leak_report_not_offered"),
    ] {
        assert!(!client.can_sign_out(&account, way));
        let error = client.sign_out_by(&account.id, way).await.unwrap_err();
        assert_eq!(error.code(), code);
        let id: AccountId = client.accounts().await.unwrap().remove(0).id;
        assert_eq!(id, account.id, "nothing was changed");
    }
    assert_eq!(rig.requests(Endpoint::Revocation), 0);
}
