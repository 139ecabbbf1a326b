//! A list of accounts that is damaged: kept aside, told of, and made anew from what the keychain knows.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use tessera_client::ports::VaultError;
use tessera_client::{AccountState, Client, SignInNeed};

use crate::refresh::expired;
use crate::rig::Rig;

/// How a file comes to harm.
type Harm = fn(&mut Vec<u8>);

/// The files that were put aside, but for what lay beside them.
fn aside(rig: &Rig) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(rig.folder()).unwrap();
    let mut kept: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("tessera.db.damaged-"))
        .filter(|path| !path.to_string_lossy().ends_with("-wal"))
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .collect();
    kept.sort();
    kept
}

#[tokio::test]
async fn a_damaged_list_is_kept_aside_and_its_accounts_come_back() {
    let harms: [(&str, Harm); 3] = [
        ("its beginning", |bytes| bytes[..100].fill(b'x')),
        ("its middle", |bytes| {
            let middle = bytes.len() / 2;
            bytes[4096..middle].fill(0xa5);
        }),
        ("its end", |bytes| bytes.truncate(bytes.len() / 2)),
    ];
    for (name, harm) in harms {
        let rig = Rig::new().await;
        let client = rig.client().await;
        let ann = rig.sign_in(&client, "ann").await.account;
        let bob = rig.sign_in(&client, "bob").await.account;
        client.settle().await.unwrap();
        drop(client);
        let file = rig.folder().join("tessera.db");
        written_whole(&file);
        let mut bytes = std::fs::read(&file).unwrap();
        harm(&mut bytes);
        std::fs::write(&file, &bytes).unwrap();

        let client = rig.client().await;
        let problem = client.store_problem().expect(name);
        assert_eq!(problem.code(), "store_begun_anew", "{name}");
        let kept = aside(&rig);
        assert_eq!(std::fs::read(&kept[0]).unwrap(), bytes, "{name}");
        assert!(
            problem.to_string().contains(kept[0].to_str().unwrap()),
            "{problem}"
        );
        // Whoever tidies up first removes nothing, and brings them back as well.
        assert_eq!(client.tidy_secrets().await.unwrap(), 0);
        let back = client.account(&ann.id).await.unwrap();
        assert_eq!(
            (&back.name, &back.email, &back.granted),
            (&ann.name, &ann.email, &ann.granted)
        );
        assert_eq!((&back.apis, &back.requested), (&ann.apis, &ann.requested));
        assert_eq!(back.state, AccountState::SignedIn);
        rig.sandbox.clock().advance(3600);
        client.access_token(&ann.id).await.unwrap();
        client.access_token(&bob.id).await.unwrap();
        assert_eq!(client.tidy_secrets().await.unwrap(), 0);
        drop(client);
        assert!(rig.client().await.store_problem().is_none(), "once is enough");
        assert_eq!(aside(&rig), kept);
    }
}

/// Brings what the log beside a database holds into the file.
fn written_whole(file: &Path) {
    let connection = rusqlite::Connection::open(file).unwrap();
    let busy: i64 = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(busy, 0);
}

/// A client on a list of accounts that was damaged since.
async fn damaged(rig: &Rig) -> Client {
    let file = rig.folder().join("tessera.db");
    written_whole(&file);
    std::fs::write(&file, "this is not a database any more".repeat(50)).unwrap();
    rig.client().await
}

#[tokio::test]
async fn accounts_come_back_when_the_keychain_is_unlocked_and_as_far_as_it_knows_them() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    let bob = rig.sign_in(&client, "bob").await.account.id;
    client.settle().await.unwrap();
    drop(client);
    rig.keychain.refuse("", VaultError::Locked);
    let client = damaged(&rig).await;
    let error = client.rebuild_accounts().await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    assert_eq!(client.tidy_secrets().await.unwrap_err().code(), "keychain_locked");
    assert!(client.accounts().await.unwrap().is_empty());
    drop(client);

    // The next start goes on with it. Of Ann nothing is there that could be renewed, and Bob's entry is another's.
    rig.keychain.relent();
    {
        let mut entries = rig.keychain.entries.lock().unwrap();
        entries.retain(|name, _| *name != format!("refresh/{ann}") && *name != format!("access/{ann}"));
        let of_ann = entries[&format!("account/{ann}")].clone();
        entries.insert(format!("account/{bob}"), of_ann);
    }
    let client = rig.client().await;
    assert!(client.store_problem().is_none());
    assert_eq!(client.rebuild_accounts().await.unwrap(), 1);
    assert_eq!(
        client.account(&ann).await.unwrap().state.need(),
        Some(SignInNeed::SecretsGone)
    );
    assert_eq!(client.accounts().await.unwrap().len(), 1);
    assert_eq!(client.rebuild_accounts().await.unwrap(), 0);
}

#[tokio::test]
async fn many_that_find_a_damaged_list_at_once_put_it_aside_once() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let ann = rig.sign_in(&client, "ann").await.account.id;
    let file = rig.folder().join("tessera.db");
    written_whole(&file);
    std::fs::write(&file, "this is not a database any more".repeat(50)).unwrap();
    let clients = join_all((0..16).map(|_| rig.client())).await;
    assert_eq!(aside(&rig).len(), 1);
    let told = clients.iter().filter(|client| client.store_problem().is_some());
    assert_eq!(told.count(), 1);
    let rebuilt = join_all(clients.iter().map(Client::rebuild_accounts)).await;
    assert_eq!(rebuilt.into_iter().map(Result::unwrap).sum::<usize>(), 1);
    clients[0].access_token(&ann).await.unwrap();
}

#[tokio::test]
async fn an_account_comes_back_with_the_permissions_that_it_has_now() {
    let rig = Rig::new().await;
    let (client, ann) = expired(&rig).await;
    let before = client.account(&ann).await.unwrap().granted;
    rig.fault("token-fewer-scopes");
    client.access_token(&ann).await.unwrap();
    let now = client.account(&ann).await.unwrap().granted;
    assert_ne!(now, before);
    let client = damaged(&rig).await;
    client.rebuild_accounts().await.unwrap();
    assert_eq!(client.account(&ann).await.unwrap().granted, now);
}
