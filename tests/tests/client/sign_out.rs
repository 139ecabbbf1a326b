//! Signing out: what is deleted here, what ends there, and an honest receipt of both.

use tessera_client::ports::VaultError;
use tessera_client::{Category, ReceiptOutcome};
use tessera_sandbox::log::{Endpoint, Entry};

use crate::rig::{Rig, rule};

fn outcome(receipt: &tessera_client::Receipt, what: &str) -> Option<ReceiptOutcome> {
    receipt
        .lines
        .iter()
        .find(|line| line.what == what)
        .map(|line| line.outcome)
}

#[tokio::test]
async fn ends_it_here_and_there() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let entry = format!("refresh/{}", account.id);
    let refresh_token = rig.keychain.entries.lock().unwrap().get(&entry).cloned().unwrap();
    let receipt = client.sign_out(&account.id).await.unwrap();
    for what in [
        "refresh_token_revoked",
        "access_token_revoked",
        "secrets_deleted",
        "account_removed",
    ] {
        assert_eq!(outcome(&receipt, what), Some(ReceiptOutcome::Done), "{what}");
    }
    assert!(rig.keychain.kinds().is_empty());
    assert!(client.accounts().await.unwrap().is_empty());
    assert_eq!(
        client.access_token(&account.id).await.unwrap_err().category(),
        Category::Usage
    );

    // The provider takes the old refresh token no more.
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", tessera_sandbox::CLIENT_ID),
        ("refresh_token", std::str::from_utf8(&refresh_token).unwrap()),
    ];
    let endpoint = format!("{}/token", rig.sandbox.issuer());
    let answer = reqwest::Client::new()
        .post(endpoint)
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);

    // Which it was asked to end before the other.
    let entries = rig.sandbox.log().matching(|_| true);
    let presented = entries.last().unwrap().credential;
    let revoked: Vec<_> = entries
        .into_iter()
        .filter(|entry| entry.endpoint == Endpoint::Revocation)
        .map(|entry| entry.credential)
        .collect();
    assert_eq!(revoked.len(), 2);
    assert_eq!(revoked[0], presented);
    assert_ne!(revoked[1], presented);
}

#[tokio::test]
async fn what_cannot_be_reached_is_a_line_and_the_local_copy_goes_all_the_same() {
    for (fault, outcome_then) in [
        ("revocation-drop", ReceiptOutcome::Open),
        ("revocation-bare-401", ReceiptOutcome::Failed),
    ] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        let account = rig.sign_in(&client, "ann").await.account;
        rig.fault(fault);
        let receipt = client.sign_out(&account.id).await.unwrap();
        assert_eq!(
            outcome(&receipt, "refresh_token_revoked"),
            Some(outcome_then),
            "{fault}"
        );
        assert_eq!(
            outcome(&receipt, "secrets_deleted"),
            Some(ReceiptOutcome::Done),
            "{fault}"
        );
        let kept: &[&str] = match outcome_then {
            ReceiptOutcome::Open => &["revoke"],
            _ => &[],
        };
        assert_eq!(rig.keychain.kinds(), kept, "{fault}");
    }
}

#[tokio::test]
async fn a_keychain_that_cannot_be_read_does_not_keep_anyone_signed_in() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.keychain.refuse("", VaultError::Locked);
    let receipt = client.sign_out(&account.id).await.unwrap();
    assert_eq!(outcome(&receipt, "secrets_deleted"), Some(ReceiptOutcome::Done));
    assert!(client.accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_was_never_saved_is_the_one_that_is_revoked() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let id = rig.sign_in(&client, "ann").await.account.id;
    rig.sandbox.clock().advance(3600);
    let held = rig.sandbox.faults().set(rule("token-hold"));
    let caller = tokio::spawn({
        let (client, id) = (client.clone(), id.clone());
        async move { client.access_token(&id).await }
    });
    let spent = |entry: &Entry| entry.grant_type.as_deref() == Some("refresh_token");
    let spent = rig.sandbox.log().wait_for(spent).await.unwrap();
    rig.keychain.refuse("refresh/", VaultError::Locked);
    rig.sandbox.faults().remove(held);
    caller.await.unwrap().unwrap();
    // The keychain holds the one that was spent, and can be read again.
    rig.keychain.relent();
    let receipt = client.sign_out(&id).await.unwrap();
    assert_eq!(
        outcome(&receipt, "refresh_token_revoked"),
        Some(ReceiptOutcome::Done)
    );
    let revoked = rig
        .sandbox
        .log()
        .matching(|entry| entry.endpoint == Endpoint::Revocation);
    assert!(
        revoked.iter().all(|entry| entry.credential != spent.credential),
        "the old one was revoked"
    );
}

#[tokio::test]
async fn where_nothing_could_be_ended_the_receipt_says_so_and_claims_no_more() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.fault("revocation-bare-401");
    let receipt = client.sign_out(&account.id).await.unwrap();
    let line = receipt
        .lines
        .iter()
        .find(|line| line.what == "refresh_token_revoked")
        .unwrap();
    assert!(
        line.sentence.ends_with("It may stay good there."),
        "{}",
        line.sentence
    );
}

#[tokio::test]
async fn a_renewal_under_way_leaves_nothing_behind_the_sign_out_that_waits_for_it() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let id = rig.sign_in(&client, "ann").await.account.id;
    rig.sandbox.clock().advance(3600);
    let held = rig.sandbox.faults().set(rule("token-hold"));
    let caller = tokio::spawn({
        let (client, id) = (client.clone(), id.clone());
        async move { client.access_token(&id).await }
    });
    let renewal = |entry: &Entry| entry.grant_type.as_deref() == Some("refresh_token");
    let spent = rig.sandbox.log().wait_for(renewal).await.unwrap();
    let leaving = tokio::spawn({
        let (client, id) = (client.clone(), id.clone());
        async move { client.sign_out(&id).await }
    });
    rig.sandbox.faults().remove(held);
    let receipt = leaving.await.unwrap().unwrap();
    // Whether it was given its token in time is of no matter.
    let _ = caller.await.unwrap();
    assert_eq!(
        outcome(&receipt, "refresh_token_revoked"),
        Some(ReceiptOutcome::Done)
    );
    let revoked = rig
        .sandbox
        .log()
        .matching(|entry| entry.endpoint == Endpoint::Revocation);
    assert_ne!(
        revoked[0].credential, spent.credential,
        "the one that was spent is not worth revoking"
    );
    let left: Vec<String> = rig.keychain.entries.lock().unwrap().keys().cloned().collect();
    assert!(left.iter().all(|entry| !entry.ends_with(id.as_str())), "{left:?}");
}
