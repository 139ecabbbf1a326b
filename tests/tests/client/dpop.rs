//! Tokens that are bound to a key (RFC 9449): the sandbox's log proves which requests came with a proof, and its API,
//! behind the guard, that the proofs are good.

use tessera_client::ports::VaultError;
use tessera_client::{
    Account, AccountId, ApiRequest, Category, Client, Error, ProviderChoice, ProviderId, Route, SignIn,
    SignInNeed, Storage,
};
use tessera_sandbox::log::{Endpoint, Entry};
use tessera_sandbox::{CLIENT_ID, Dpop, Options};

use crate::rig::{Rig, rule};

/// A sandbox that stands so to proofs, and a profile that asks for them or does not.
async fn rig(dpop: Dpop, asked: bool) -> Rig {
    let rig = Rig::with(Options {
        dpop,
        ..Options::default()
    })
    .await;
    profile(&rig, asked);
    rig
}

fn profile(rig: &Rig, asked: bool) {
    let text = format!(
        "[[provider]]\nid = \"box\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\napis = [\"{}\"]\ndpop = {asked}\n",
        rig.sandbox.issuer(),
        rig.sandbox.api(),
    );
    std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
}

fn request() -> SignIn {
    SignIn::with(ProviderChoice::Known(ProviderId::new("box").unwrap()))
}

async fn signed_in(rig: &Rig, client: &Client) -> Account {
    rig.sign_in_with(client, request(), "ann").await.unwrap().account
}

fn sent(rig: &Rig, endpoint: Endpoint) -> Vec<Entry> {
    rig.sandbox.log().matching(|entry| entry.endpoint == endpoint)
}

async fn call(rig: &Rig, client: &Client, id: &AccountId) -> Result<u16, Error> {
    let request = ApiRequest::get(format!("{}/profile?page=2", rig.sandbox.api()));
    Ok(client.call(id, request).await?.status.as_u16())
}

#[tokio::test]
async fn a_sign_in_is_bound_from_the_first_request_to_the_last() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    let account = signed_in(&rig, &client).await;
    assert_eq!(
        rig.keychain.kinds(),
        ["access", "account", "dpop", "id_token", "refresh"]
    );
    assert_eq!(call(&rig, &client, &account.id).await.unwrap(), 200);

    let page = &sent(&rig, Endpoint::Authorization)[0];
    assert!(page.parameters.iter().any(|name| name == "dpop_jkt"));
    for entry in sent(&rig, Endpoint::Token) {
        assert!(entry.with_proof && entry.scheme.is_none(), "{entry:?}");
    }
    for endpoint in [Endpoint::Userinfo, Endpoint::Api] {
        let entries = sent(&rig, endpoint);
        assert_eq!(entries.len(), 1, "{endpoint:?}");
        assert!(entries[0].with_proof, "{endpoint:?}");
        assert_eq!(entries[0].scheme.as_deref(), Some("DPoP"), "{endpoint:?}");
        assert_eq!(entries[0].outcome.as_ref().unwrap().status, 200, "{endpoint:?}");
    }

    // Whoever copies the token has nothing.
    let token = client.access_token(&account.id).await.unwrap();
    assert!(token.is_bound());
    let profile = format!("{}/profile", rig.sandbox.api());
    for scheme in ["Bearer", "DPoP"] {
        let field = format!("{scheme} {}", token.access_token.expose());
        let http = reqwest::Client::new();
        let answer = http
            .get(&profile)
            .header("authorization", field)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{scheme}");
    }
}

#[tokio::test]
async fn the_next_process_renews_and_calls_with_the_same_key() {
    let rig = rig(Dpop::Offered, true).await;
    let id = signed_in(&rig, &rig.client().await).await.id;
    let key = |rig: &Rig| rig.keychain.entries.lock().unwrap()[&format!("dpop/{id}")].clone();
    let before = key(&rig);
    for _ in 0..2 {
        rig.sandbox.clock().advance(3600);
        let client = rig.client().await;
        assert_eq!(call(&rig, &client, &id).await.unwrap(), 200);
    }
    assert_eq!(rig.token_requests("refresh_token"), 2);
    assert_eq!(key(&rig), before);

    // The refresh token is of no use without the key, and trying that does not use it up.
    let stolen = rig.keychain.entries.lock().unwrap()[&format!("refresh/{id}")].clone();
    let form = format!(
        "grant_type=refresh_token&client_id={CLIENT_ID}&refresh_token={}",
        String::from_utf8(stolen).unwrap()
    );
    let answer = reqwest::Client::new()
        .post(format!("{}/token", rig.sandbox.issuer()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    rig.sandbox.clock().advance(3600);
    assert_eq!(call(&rig, &rig.client().await, &id).await.unwrap(), 200);
}

#[tokio::test]
async fn wherever_a_new_sign_in_is_broken_off_the_account_has_a_key_that_fits_its_tokens() {
    for (before, after) in [(true, true), (true, false), (false, true)] {
        let mut broken_off = 0;
        for writes in 0.. {
            let rig = rig(Dpop::Offered, before).await;
            let id = signed_in(&rig, &rig.client().await).await.id;
            profile(&rig, after);
            let client = rig.client().await;
            let attempt = client.sign_in(request()).unwrap();
            let callback = rig.visit(&attempt, "ann").await.unwrap();
            *rig.keychain.writes_left.lock().unwrap() = Some(writes);
            let _ = client.deliver_callback(callback.as_str()).await;
            let written = attempt.wait().await;
            *rig.keychain.writes_left.lock().unwrap() = None;

            // What is kept of the access token, and what it is renewed with.
            for _ in 0..2 {
                let status = call(&rig, &rig.client().await, &id).await;
                assert_eq!(status.unwrap(), 200, "{before} {after}, after {writes} writes");
                rig.sandbox.clock().advance(3600);
            }
            if written.is_ok() {
                break;
            }
            broken_off += 1;
        }
        assert!(broken_off > 4, "{broken_off}");
    }
}

#[tokio::test]
async fn only_where_both_want_it_is_anything_bound() {
    for (stand, asked) in [(Dpop::Offered, false), (Dpop::Unmentioned, true)] {
        let rig = rig(stand, asked).await;
        let client = rig.client().await;
        let account = signed_in(&rig, &client).await;
        assert_eq!(call(&rig, &client, &account.id).await.unwrap(), 200);
        assert_eq!(rig.keychain.kinds(), ["access", "account", "id_token", "refresh"]);
        let proven = rig.sandbox.log().matching(|entry| entry.with_proof);
        assert!(proven.is_empty(), "{stand:?} {asked}");
        assert!(!client.access_token(&account.id).await.unwrap().is_bound());
        let page = &sent(&rig, Endpoint::Authorization)[0];
        assert!(!page.parameters.iter().any(|name| name == "dpop_jkt"));
    }
}

#[tokio::test]
async fn a_callback_that_finds_the_app_closed_completes_a_bound_sign_in() {
    let rig = rig(Dpop::WithNonces, true).await;
    let callback = {
        let client = rig.client().await;
        let attempt = client.sign_in(request()).unwrap();
        rig.visit(&attempt, "ann").await.unwrap()
    };
    assert_eq!(rig.keychain.kinds(), ["attempt"]);
    let client = rig.client().await;
    client.deliver_callback(callback.as_str()).await.unwrap();
    if let Some(attempt) = client.attempt() {
        attempt.wait().await.unwrap();
    }
    let account = client.accounts().await.unwrap().remove(0);
    assert_eq!(
        rig.keychain.kinds(),
        ["access", "account", "dpop", "id_token", "refresh"]
    );
    assert_eq!(call(&rig, &client, &account.id).await.unwrap(), 200);
}

#[tokio::test]
async fn without_its_key_a_bound_sign_in_is_not_renewed_by_a_request_that_proves_nothing() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    let id = signed_in(&rig, &client).await.id;
    let key = format!("dpop/{id}");
    rig.keychain.entries.lock().unwrap().remove(&key).unwrap();
    rig.sandbox.clock().advance(3600);
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.category(), Category::NeedsSignIn);
    assert_eq!(rig.token_requests("refresh_token"), 0);
    assert_eq!(
        client.account(&id).await.unwrap().state.need(),
        Some(SignInNeed::SecretsGone)
    );
}

#[tokio::test]
async fn every_other_way_to_sign_in_is_bound_as_well() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    let device = SignIn {
        route: Some(Route::Device),
        ..request()
    };
    let attempt = client.sign_in(device).unwrap();
    attempt.opened().await.unwrap();
    let prompt = attempt.view().device.unwrap();
    let mut visitor = rig.sandbox.visitor("bob");
    visitor
        .enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
    let bob = attempt.wait().await.unwrap().account.id;
    assert_eq!(call(&rig, &client, &bob).await.unwrap(), 200);
    assert!(client.access_token(&bob).await.unwrap().is_bound());
    client.sign_out(&bob).await.unwrap();

    rig.fault("par-required");
    let request = SignIn {
        storage: Storage::UntilQuit,
        ..request()
    };
    let client = rig.client().await;
    let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    assert_eq!(call(&rig, &client, &account.id).await.unwrap(), 200);
    let pushed = &sent(&rig, Endpoint::PushedAuthorization)[0];
    assert!(pushed.parameters.iter().any(|name| name == "dpop_jkt"));
    assert!(rig.keychain.kinds().is_empty(), "the key is in memory, too");
}

/// How requests to this endpoint were answered, in order.
fn statuses(rig: &Rig, endpoint: Endpoint) -> Vec<u16> {
    let entries = sent(rig, endpoint).into_iter();
    entries.filter_map(|entry| Some(entry.outcome?.status)).collect()
}

#[tokio::test]
async fn a_nonce_costs_one_more_request_and_is_remembered() {
    let rig = rig(Dpop::WithNonces, true).await;
    let client = rig.client().await;
    let id = signed_in(&rig, &client).await.id;
    assert_eq!(statuses(&rig, Endpoint::Token), [400, 200]);
    assert_eq!(
        statuses(&rig, Endpoint::Userinfo),
        [200],
        "the same server's nonce"
    );
    assert_eq!(call(&rig, &client, &id).await.unwrap(), 200);
    assert_eq!(call(&rig, &client, &id).await.unwrap(), 200);
    assert_eq!(statuses(&rig, Endpoint::Api), [401, 200, 200]);

    // Another nonce is wanted by then, and each server hands it out once.
    rig.sandbox.clock().advance(3600);
    rig.sandbox.log().clear();
    assert_eq!(call(&rig, &client, &id).await.unwrap(), 200);
    assert_eq!(statuses(&rig, Endpoint::Token), [400, 200]);
    assert_eq!(statuses(&rig, Endpoint::Api), [401, 200]);
}

#[tokio::test]
async fn a_nonce_that_is_refused_again_is_not_tried_a_third_time() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    let id = signed_in(&rig, &client).await.id;
    rig.sandbox.log().clear();
    rig.fault("api-dpop-ever-new-nonces");
    assert_eq!(call(&rig, &client, &id).await.unwrap(), 401);
    assert_eq!(statuses(&rig, Endpoint::Api), [401, 401]);
    assert_eq!(
        rig.token_requests("refresh_token"),
        0,
        "the token was not what was refused"
    );

    rig.fault("dpop-ever-new-nonces");
    rig.sandbox.clock().advance(3600);
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("use_dpop_nonce", Category::Network)
    );
    assert_eq!(statuses(&rig, Endpoint::Token), [400, 400]);
    assert_eq!(client.account(&id).await.unwrap().state.as_str(), "signed_in");
    rig.sandbox.faults().clear();
    assert_eq!(call(&rig, &client, &id).await.unwrap(), 200);

    rig.fault("dpop-ever-new-nonces");
    rig.sandbox.log().clear();
    let error = rig.sign_in_with(&client, request(), "bob").await.unwrap_err();
    assert_eq!(error.code(), "use_dpop_nonce");
    assert_eq!(statuses(&rig, Endpoint::Token), [400, 400]);
}

#[tokio::test]
async fn a_token_that_anybody_could_use_is_not_taken_for_a_bound_one() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    rig.fault("dpop-downgrade");
    let error = rig.sign_in_with(&client, request(), "ann").await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("dpop_downgrade", Category::CheckFailed)
    );
    assert_eq!(rig.requests(Endpoint::Userinfo), 0);
    crate::rig::tidied(&client).await;
    assert!(rig.keychain.kinds().is_empty());

    rig.sandbox.faults().clear();
    rig.fault("dpop-odd-case");
    let id = signed_in(&rig, &client).await.id;
    rig.sandbox.faults().clear();
    rig.sandbox
        .faults()
        .set(rule("dpop-downgrade").grant_type("refresh_token").times(1));
    rig.sandbox.clock().advance(3600);
    let error = client.access_token(&id).await.unwrap_err();
    assert_eq!(error.code(), "dpop_downgrade");
    assert_eq!(client.account(&id).await.unwrap().state.as_str(), "signed_in");
}

#[tokio::test]
async fn the_key_goes_with_the_sign_in() {
    let rig = rig(Dpop::Offered, true).await;
    let id = signed_in(&rig, &rig.client().await).await.id;
    // The next sign-in of the same account is not bound: the key of the one before is no use.
    profile(&rig, false);
    let client = rig.client().await;
    assert_eq!(signed_in(&rig, &client).await.id, id);
    assert_eq!(rig.keychain.kinds(), ["access", "account", "id_token", "refresh"]);
    assert_eq!(call(&rig, &client, &id).await.unwrap(), 200);

    profile(&rig, true);
    let client = rig.client().await;
    signed_in(&rig, &client).await;
    assert!(rig.keychain.kinds().iter().any(|kind| kind == "dpop"));
    client.sign_out(&id).await.unwrap();
    assert!(rig.keychain.kinds().is_empty());
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_kept_leaves_the_earlier_one_its_key() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    let account = signed_in(&rig, &client).await;
    rig.keychain
        .refuse("refresh/", VaultError::Failed("it is full".to_owned()));
    let again = rig.sign_in_with(&client, request(), "ann").await;
    assert_eq!(again.unwrap_err().category(), Category::Keychain);
    rig.keychain.relent();
    rig.sandbox.clock().advance(3600);
    assert_eq!(call(&rig, &client, &account.id).await.unwrap(), 200);
}

#[tokio::test]
async fn without_the_key_nothing_is_sent_and_nobody_is_signed_out() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    let id = signed_in(&rig, &client).await.id;
    let entry = format!("dpop/{id}");
    let key = rig.keychain.entries.lock().unwrap().remove(&entry).unwrap();
    let error = call(&rig, &client, &id).await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("dpop_key_unusable", Category::Keychain)
    );
    rig.keychain
        .entries
        .lock()
        .unwrap()
        .insert(entry.clone(), b"broken".to_vec());
    let error = call(&rig, &client, &id).await.unwrap_err();
    assert_eq!(error.code(), "keychain_damaged");
    assert_eq!(rig.requests(Endpoint::Api), 0);
    assert_eq!(client.account(&id).await.unwrap().state.as_str(), "signed_in");

    rig.keychain.entries.lock().unwrap().insert(entry, key.clone());
    assert_eq!(call(&rig, &client, &id).await.unwrap(), 200);
    // It is in nothing that is told or written.
    let secret = String::from_utf8(key).unwrap();
    assert!(!format!("{:?}", client.traced()).contains(&secret));
    for file in std::fs::read_dir(rig.folder()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_here_makes_proofs_that_are_right_there() {
    let rig = rig(Dpop::Offered, true).await;
    for ahead in [-280, 280] {
        rig.ahead.store(ahead, std::sync::atomic::Ordering::SeqCst);
        let client = rig.client().await;
        let id = signed_in(&rig, &client).await.id;
        assert_eq!(call(&rig, &client, &id).await.unwrap(), 200, "{ahead}");
    }
}

#[tokio::test]
async fn nobody_else_sets_the_proof() {
    let rig = rig(Dpop::Offered, true).await;
    let client = rig.client().await;
    let id = signed_in(&rig, &client).await.id;
    let request = ApiRequest {
        headers: vec![("DPoP".to_owned(), "mine".to_owned())],
        ..ApiRequest::get(format!("{}/items", rig.sandbox.api()))
    };
    let error = client.call(&id, request).await.map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "header_not_allowed");
}
