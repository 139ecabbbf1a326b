//! From the callback to the account: keys, profiles, permissions, and which client it is.

use tessera_client::ports::VaultError;
use tessera_client::{Category, Client, Route, SignIn};
use tessera_oidc::Scopes;
use tessera_oidc::checks::{CheckId, Outcome};
use tessera_sandbox::faults::{Change, Document, Fault};
use tessera_sandbox::log::Endpoint;

use crate::rig::{Rig, tidied};

#[tokio::test]
async fn signing_key_rotation() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.sign_in(&client, "ann").await;
    assert_eq!(rig.requests(Endpoint::KeySet), 1);
    // A moment later, when a stranger's token would not be worth another look.
    rig.sandbox.rotate_keys(false).unwrap();
    rig.sign_in(&client, "ann").await;
    assert_eq!(rig.requests(Endpoint::KeySet), 2);
    rig.sign_in(&client, "ann").await;
    assert_eq!(rig.requests(Endpoint::KeySet), 2, "the newer set is kept");
}

#[tokio::test]
async fn a_key_that_no_set_has_is_looked_for_once() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.sign_in(&client, "ann").await;
    rig.fault("id-token-unknown-key");
    let refused = rig.sign_in_with(&client, rig.request(Route::Scheme), "ann").await;
    assert_eq!(refused.unwrap_err().category(), Category::CheckFailed);
    assert_eq!(rig.requests(Endpoint::KeySet), 2);
}

#[tokio::test]
async fn a_profile_that_cannot_be_read_costs_the_profile_and_no_more() {
    for fault in [
        "userinfo-500",
        "userinfo-401",
        "userinfo-bare-401",
        "userinfo-encrypted",
    ] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        rig.fault(fault);
        let signed_in = rig.sign_in(&client, "ann").await;
        let verdict = signed_in
            .checks
            .iter()
            .find(|verdict| verdict.check.code() == "userinfo.sub")
            .unwrap();
        assert_eq!(verdict.outcome, Outcome::NotReached, "{fault}");
        assert_eq!(client.accounts().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn somebody_elses_profile_is_the_end_signed_or_not() {
    for (fault, code) in [
        ("userinfo-wrong-sub", "userinfo_sub"),
        ("userinfo-no-sub", "userinfo_sub"),
        ("userinfo-signed-wrong-sub", "userinfo_sub"),
        ("userinfo-bad-signature", "userinfo_signature"),
        ("userinfo-other-key", "userinfo_signature"),
        ("userinfo-unknown-key", "userinfo_unknown_key"),
        ("userinfo-alg-none", "userinfo_alg"),
        ("userinfo-hmac", "userinfo_alg"),
        ("userinfo-wrong-iss", "userinfo_iss"),
        ("userinfo-no-iss", "userinfo_iss"),
        ("userinfo-wrong-aud", "userinfo_aud"),
        ("userinfo-no-aud", "userinfo_aud"),
        ("userinfo-expired", "userinfo_exp"),
    ] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        rig.fault(fault);
        let refused = rig.sign_in_with(&client, rig.request(Route::Scheme), "ann").await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), code, "{fault}");
        assert_eq!(refused.category(), Category::CheckFailed, "{fault}");
        assert!(client.accounts().await.unwrap().is_empty());
        assert!(rig.keychain.kinds().is_empty(), "{fault}");
    }
}

#[tokio::test]
async fn a_signed_profile_is_as_good_as_a_plain_one() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.fault("userinfo-signed");
    let signed_in = rig.sign_in(&client, "ann").await;
    assert_eq!(signed_in.account.email.as_deref(), Some("ann@example.test"));
    for check in [
        CheckId::UserinfoSignature,
        CheckId::UserinfoIssuer,
        CheckId::UserinfoAudience,
        CheckId::UserinfoSubject,
    ] {
        assert_eq!(signed_in.checks.outcome(check), Some(Outcome::Passed), "{check}");
    }
}

#[tokio::test]
async fn a_name_cannot_turn_or_hide_text() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    for document in [Document::IdToken, Document::Userinfo] {
        let name = "Ann \u{202e}rehcrA\u{200b}\u{7}";
        let change = Change::Set("name", name.into());
        rig.sandbox.faults().set(Fault::Json { document, change });
    }
    assert_eq!(rig.sign_in(&client, "ann").await.account.name, "Ann rehcrA");
}

#[tokio::test]
async fn what_a_provider_does_not_have_is_asked_for_only_by_name() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let asked = async |request: SignIn| {
        let attempt = client.sign_in(request).unwrap();
        let page = attempt.opened().await.unwrap().url;
        attempt.cancel();
        let value = |wanted: &str| {
            let mut pairs = page.query_pairs();
            pairs
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.to_string())
        };
        let offline = value("scope")
            .unwrap()
            .split(' ')
            .any(|scope| scope == "offline_access");
        (offline, value("prompt"))
    };
    let consent = Some("consent".to_owned());
    assert_eq!(asked(rig.request(Route::Scheme)).await, (true, consent.clone()));

    let change = Change::Set(
        "scopes_supported",
        serde_json::json!(["openid", "profile", "email"]),
    );
    let document = Document::Discovery;
    rig.sandbox.faults().set(Fault::Json { document, change });
    // What was read of the provider is used for a while.
    rig.sandbox.clock().advance(11 * 60);
    assert_eq!(asked(rig.request(Route::Scheme)).await, (false, None));
    let by_name = SignIn {
        scopes: Some(Scopes::parse("openid offline_access")),
        ..rig.request(Route::Scheme)
    };
    assert_eq!(asked(by_name).await, (true, consent));
}

#[tokio::test]
async fn the_secret_of_another_client_is_not_kept() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    // As a client with a secret leaves it that signed the same person in before.
    let entry = format!("client/{}", account.id);
    rig.keychain.entries.lock().unwrap().insert(entry, b"S".to_vec());
    assert_eq!(
        rig.keychain.kinds(),
        ["access", "account", "client", "id_token", "refresh"]
    );
    rig.sign_in(&client, "ann").await;
    assert_eq!(rig.keychain.kinds(), ["access", "account", "id_token", "refresh"]);
    rig.sandbox.clock().advance(2 * 60 * 60);
    client.access_token(&account.id).await.unwrap();
    assert_eq!(rig.token_requests("refresh_token"), 1);
}

#[tokio::test]
async fn tokens_count_as_stored_only_when_they_are() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.keychain
        .refuse("access/", VaultError::Failed("it is full".to_owned()));
    let refused = rig.sign_in_with(&client, rig.request(Route::Scheme), "ann").await;
    assert_eq!(refused.unwrap_err().code(), "keychain_failed");
    assert!(!format!("{:?}", client.traced()).contains("TokensStored"));
    rig.keychain.relent();
    rig.sign_in(&client, "ann").await;
    assert!(format!("{:?}", client.traced()).contains("TokensStored"));
}

/// The permissions that the page of this attempt asks for, which ends by that.
async fn asked_for(client: &Client, request: SignIn) -> Scopes {
    let attempt = client.sign_in(request).unwrap();
    let page = attempt.opened().await.unwrap().url;
    attempt.cancel();
    let scope = page.query_pairs().find(|(name, _)| name == "scope");
    Scopes::parse(&scope.unwrap().1)
}

#[tokio::test]
async fn an_account_that_is_signed_in_again_keeps_what_it_was_granted() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let usual = asked_for(&client, rig.request(Route::Scheme)).await;
    let items = Scopes::parse("items:read");
    let with_items = SignIn {
        scopes: Some(usual.union(&items)),
        ..rig.request(Route::Scheme)
    };
    let account = rig
        .sign_in_with(&client, with_items, "ann")
        .await
        .unwrap()
        .account;
    assert!(account.granted.contains("items:read"));

    let again = || SignIn {
        account: Some(account.id.clone()),
        ..rig.request(Route::Scheme)
    };
    let named = SignIn {
        scopes: Some(Scopes::parse("openid email")),
        ..again()
    };
    assert_eq!(asked_for(&client, named).await, Scopes::parse("openid email"));
    // Who named no account is likely to be the only one that is here.
    let unnamed = rig.request(Route::Scheme);
    assert_eq!(asked_for(&client, unnamed).await, usual.union(&items));
    let renewed = rig.sign_in_with(&client, again(), "ann").await.unwrap().account;
    assert_eq!(renewed.id, account.id);
    assert_eq!(renewed.requested, usual.union(&items));
    assert!(renewed.granted.contains("items:read"));

    // Of two it is not known who comes, and Bob is not to be asked for what Ann was granted.
    let with_usual = SignIn {
        scopes: Some(usual.clone()),
        ..rig.request(Route::Scheme)
    };
    rig.sign_in_with(&client, with_usual, "bob").await.unwrap();
    assert_eq!(asked_for(&client, rig.request(Route::Scheme)).await, usual);
    assert_eq!(asked_for(&client, again()).await, usual.union(&items));
}

#[tokio::test]
async fn what_an_account_has_at_one_provider_is_not_asked_of_another() {
    let (rig, other) = (Rig::new().await, Rig::new().await);
    let client = rig.client().await;
    let with_items = SignIn {
        scopes: Some(Scopes::parse("openid items:read")),
        ..rig.request(Route::Scheme)
    };
    let account = rig
        .sign_in_with(&client, with_items, "ann")
        .await
        .unwrap()
        .account;
    let elsewhere = SignIn {
        account: Some(account.id),
        ..other.request(Route::Scheme)
    };
    assert!(!asked_for(&client, elsewhere).await.contains("items:read"));
}

#[tokio::test]
async fn a_key_that_nobody_names_is_found_after_it_was_changed() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.fault("id-token-no-kid");
    rig.fault("key-set-no-kids");
    rig.sign_in(&client, "ann").await;
    rig.sandbox.rotate_keys(false).unwrap();
    rig.sign_in(&client, "ann").await;
    assert_eq!(rig.requests(Endpoint::KeySet), 2);
}

#[tokio::test]
async fn a_look_for_newer_keys_that_came_to_nothing_says_nothing_of_the_token() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.sign_in(&client, "ann").await;
    rig.sandbox.rotate_keys(false).unwrap();
    rig.fault("key-set-500");
    let error = rig
        .sign_in_with(&client, rig.request(Route::Scheme), "ann")
        .await
        .unwrap_err();
    assert_eq!(error.category(), Category::Network);
    rig.sandbox.faults().clear();
    // The provider is well again, and is not asked again yet.
    let error = rig
        .sign_in_with(&client, rig.request(Route::Scheme), "ann")
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("key_set_unavailable", Category::Network)
    );
    rig.sandbox.clock().advance(31);
    rig.sign_in(&client, "ann").await;
}

#[tokio::test]
async fn what_the_keychain_does_not_take_is_given_back_to_the_provider() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.keychain
        .refuse("put refresh/", VaultError::Full("no room".to_owned()));
    let refused = rig.sign_in_with(&client, rig.request(Route::Scheme), "ann").await;
    assert_eq!(refused.unwrap_err().code(), "keychain_full");
    let revocation = |entry: &tessera_sandbox::log::Entry| {
        entry.endpoint == Endpoint::Revocation && entry.outcome.is_some()
    };
    rig.sandbox.log().wait_for_count(2, revocation).await.unwrap();
    rig.keychain.relent();

    // An account that is here would lose its own sign-in by that.
    rig.sign_in(&client, "ann").await;
    rig.keychain
        .refuse("put refresh/", VaultError::Full("no room".to_owned()));
    let refused = rig.sign_in_with(&client, rig.request(Route::Scheme), "ann").await;
    assert_eq!(refused.unwrap_err().code(), "keychain_full");
    tidied(&client).await;
    assert_eq!(rig.requests(Endpoint::Revocation), 2);
}
