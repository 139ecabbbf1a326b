//! What an API wants first: a new, smaller authorization request for the same account, and the call again (RFC 9470,
//! RFC 6750 section 3.1).

use std::time::Duration;

use serde_json::{Value, json};
use tessera_client::{
    Account, ApiRequest, Category, Client, CollectedResponse, Error, Route, Scopes, SignIn, StepUp, Storage,
};
use tessera_sandbox::faults::{Change, Document, Fault};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{ACR_PASSWORD, ACR_SECOND_STEP, Options, Visitor};
use url::Url;

use crate::rig::{Rig, tidied};

/// Seconds that the sandbox's diary lets pass since the sign-in.
const RECENT: u64 = 300;

async fn signed_in(rig: &Rig) -> (Client, Account) {
    rig.name_provider();
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    (client, account)
}

async fn call(rig: &Rig, client: &Client, account: &Account, path: &str) -> CollectedResponse {
    let request = ApiRequest::get(format!("{}/{path}", rig.sandbox.api()));
    let answer = client.call(&account.id, request).await.unwrap();
    answer.collect().await.unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(own, _)| own == name);
    found.map(|(_, value)| value.into_owned())
}

/// Signs `person` in for what the API wants, and gives back the page that the browser was sent to.
async fn step_up(
    rig: &Rig,
    client: &Client,
    account: &Account,
    wanted: StepUp,
    person: &str,
) -> (Url, Result<Account, Error>) {
    let request = client.step_up(&account.id, wanted).await.unwrap();
    let attempt = client.sign_in(request).unwrap();
    let page = attempt.opened().await.unwrap().url;
    let callback = rig.visit(&attempt, person).await.unwrap();
    let _ = client.deliver_callback(callback.as_str()).await;
    (page, attempt.wait().await.map(|signed_in| signed_in.account))
}

#[tokio::test]
async fn a_recent_sign_in_is_asked_for_and_the_call_goes_through() {
    let rig = Rig::with(Options {
        access_token_life: 3600,
        ..Options::default()
    })
    .await;
    let (client, account) = signed_in(&rig).await;
    assert_eq!(call(&rig, &client, &account, "diary").await.status, 200);
    rig.sandbox.clock().advance(301);
    let refused = call(&rig, &client, &account, "diary").await;
    assert_eq!(refused.status, 401);
    let wanted = refused.step_up.unwrap();
    assert_eq!(
        wanted,
        StepUp {
            max_age: Some(RECENT),
            ..StepUp::default()
        }
    );
    assert!(
        refused
            .decisions
            .iter()
            .any(|decision| decision.code() == "step_up_needed")
    );
    // A fresh token tells of the same sign-in, so none was fetched for it.
    assert_eq!(rig.token_requests("refresh_token"), 0);

    let (page, again) = step_up(&rig, &client, &account, wanted, "ann").await;
    assert_eq!(parameter(&page, "max_age").as_deref(), Some("300"));
    assert_eq!(parameter(&page, "acr_values"), None);
    assert_eq!(
        parameter(&page, "login_hint").as_deref(),
        Some("ann@example.test")
    );
    let again = again.unwrap();
    assert_eq!(
        (again.id.clone(), again.granted.clone()),
        (account.id.clone(), account.granted)
    );
    assert_eq!(again.apis, account.apis);
    assert_eq!(call(&rig, &client, &again, "diary").await.status, 200);
}

#[tokio::test]
async fn a_stronger_sign_in_is_asked_for_and_the_call_goes_through() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let refused = call(&rig, &client, &account, "strongbox").await;
    assert_eq!(refused.status, 401);
    let wanted = refused.step_up.unwrap();
    assert_eq!(
        (wanted.acr_values.as_slice(), wanted.max_age),
        (&[ACR_SECOND_STEP.to_owned()][..], None)
    );
    let (page, again) = step_up(&rig, &client, &account, wanted, "ann").await;
    assert_eq!(parameter(&page, "acr_values").as_deref(), Some(ACR_SECOND_STEP));
    let again = again.unwrap();
    let passed = again
        .checks
        .iter()
        .find(|verdict| verdict.check.code() == "id_token.acr");
    assert_eq!(passed.unwrap().outcome.as_str(), "passed");
    let answer = call(&rig, &client, &again, "strongbox").await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (answer.status.as_u16(), &body["acr"]),
        (200, &json!(ACR_SECOND_STEP))
    );
}

#[tokio::test]
async fn a_missing_permission_is_asked_for_beside_those_there_are_and_no_others() {
    let rig = Rig::new().await;
    rig.name_provider();
    let client = rig.client().await;
    let few = SignIn {
        scopes: Some(Scopes::parse("openid email offline_access")),
        ..rig.request(Route::Scheme)
    };
    let account = rig.sign_in_with(&client, few, "ann").await.unwrap().account;
    let wanted = call(&rig, &client, &account, "ledger").await.step_up.unwrap();
    let (page, again) = step_up(&rig, &client, &account, wanted, "ann").await;
    let asked = Scopes::parse("openid email offline_access ledger:read");
    assert_eq!(Scopes::parse(&parameter(&page, "scope").unwrap()), asked);
    assert_eq!(
        (parameter(&page, "max_age"), parameter(&page, "acr_values")),
        (None, None)
    );
    let again = again.unwrap();
    assert_eq!(again.granted, asked);
    assert_eq!(call(&rig, &client, &again, "ledger").await.status, 200);
}

#[tokio::test]
async fn another_person_is_refused_and_nothing_is_changed() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let revocations = || rig.requests(Endpoint::Revocation);
    let wanted = call(&rig, &client, &account, "strongbox").await.step_up.unwrap();
    let before = rig.keychain.entries.lock().unwrap().clone();
    let (_, ended) = step_up(&rig, &client, &account, wanted, "bob").await;
    let error = ended.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("other_account", Category::CheckFailed)
    );
    tidied(&client).await;
    // What was received for Bob is given back.
    assert_eq!(revocations(), 2);
    assert_eq!(*rig.keychain.entries.lock().unwrap(), before);
    let accounts = client.accounts().await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(
        (&accounts[0].id, accounts[0].generation),
        (&account.id, account.generation)
    );
    assert_eq!(call(&rig, &client, &account, "profile").await.status, 200);

    // Unless he is here himself: that could end his own sign-in.
    let bob = rig.sign_in(&client, "bob").await.account;
    let wanted = call(&rig, &client, &account, "strongbox").await.step_up.unwrap();
    let (_, ended) = step_up(&rig, &client, &account, wanted, "bob").await;
    assert_eq!(ended.unwrap_err().code(), "other_account");
    tidied(&client).await;
    assert_eq!(revocations(), 2);
    assert_eq!(call(&rig, &client, &bob, "profile").await.status, 200);
}

#[tokio::test]
async fn another_person_is_refused_also_when_the_app_was_closed_meanwhile() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let wanted = call(&rig, &client, &account, "strongbox").await.step_up.unwrap();
    let request = client.step_up(&account.id, wanted).await.unwrap();
    let attempt = client.sign_in(request).unwrap();
    let callback = rig.visit(&attempt, "bob").await.unwrap();
    let next = rig.client().await;
    let mut changes = next.changes();
    next.deliver_callback(callback.as_str()).await.unwrap();
    let ended = loop {
        if let tessera_client::Change::AttemptEnded { end, .. } = changes.recv().await.unwrap() {
            break end;
        }
    };
    let tessera_client::AttemptEnd::Failed(error) = ended else {
        panic!("somebody else was let in: {ended:?}");
    };
    assert_eq!(error.code(), "other_account");
    assert_eq!(next.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_id_token_that_does_not_show_what_was_asked_for_changes_nothing() {
    let set = |name, value| Change::Set(name, value);
    for (path, change, code) in [
        ("strongbox", Change::Remove("acr"), "id_token_acr"),
        ("strongbox", set("acr", json!(ACR_PASSWORD)), "id_token_acr"),
        ("diary", Change::Remove("auth_time"), "id_token_auth_time"),
        ("diary", set("auth_time", json!(1)), "id_token_auth_time"),
    ] {
        let rig = Rig::new().await;
        let (client, account) = signed_in(&rig).await;
        rig.sandbox.clock().advance(301);
        let wanted = call(&rig, &client, &account, path).await.step_up.unwrap();
        let document = Document::IdToken;
        rig.sandbox.faults().set(Fault::Json { document, change });
        let before = rig.keychain.entries.lock().unwrap().clone();
        let (_, ended) = step_up(&rig, &client, &account, wanted, "ann").await;
        assert_eq!(ended.unwrap_err().code(), code);
        tidied(&client).await;
        assert_eq!(*rig.keychain.entries.lock().unwrap(), before, "{code}");
        assert_eq!(call(&rig, &client, &account, "profile").await.status, 200);
    }
}

#[tokio::test]
async fn a_provider_that_knows_no_such_sign_in_says_so_and_nothing_is_changed() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let wanted = StepUp {
        acr_values: vec!["urn:example:iris".to_owned()],
        ..StepUp::default()
    };
    let (_, ended) = step_up(&rig, &client, &account, wanted, "ann").await;
    assert_eq!(ended.unwrap_err().code(), "unmet_authentication_requirements");
    assert_eq!(call(&rig, &client, &account, "profile").await.status, 200);
}

/// Signs in on another device for what the API wants.
async fn step_up_by_device(
    client: &Client,
    account: &Account,
    wanted: StepUp,
    visitor: &mut Visitor,
) -> Result<Account, Error> {
    let request = SignIn {
        route: Some(Route::Device),
        ..client.step_up(&account.id, wanted).await.unwrap()
    };
    let attempt = client.sign_in(request)?;
    attempt.opened().await?;
    let prompt = attempt.view().device.unwrap();
    visitor
        .enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
    // The next poll comes at once.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::resume();
    attempt.wait().await.map(|signed_in| signed_in.account)
}

#[tokio::test]
async fn a_missing_permission_is_asked_for_on_another_device() {
    let rig = Rig::new().await;
    rig.name_provider();
    let client = rig.client().await;
    let few = SignIn {
        scopes: Some(Scopes::parse("openid email offline_access")),
        ..rig.request(Route::Scheme)
    };
    let account = rig.sign_in_with(&client, few, "ann").await.unwrap().account;
    let wanted = call(&rig, &client, &account, "ledger").await.step_up.unwrap();
    let mut ann = rig.sandbox.visitor("ann");
    let again = step_up_by_device(&client, &account, wanted, &mut ann).await;
    let again = again.unwrap();
    assert_eq!(again.id, account.id);
    assert_eq!(
        again.granted,
        Scopes::parse("openid email offline_access ledger:read")
    );
    assert_eq!(call(&rig, &client, &again, "ledger").await.status, 200);
}

#[tokio::test]
async fn another_sign_in_is_asked_for_on_another_device_and_believed_when_the_id_token_shows_it() {
    let remove = |name| Some(Change::Remove(name));
    for (path, change, expected) in [
        ("diary", None, Ok(200)),
        ("strongbox", None, Ok(200)),
        ("diary", remove("auth_time"), Err("id_token_auth_time")),
        ("strongbox", remove("acr"), Err("id_token_acr")),
    ] {
        let rig = Rig::with(Options {
            access_token_life: 3600,
            ..Options::default()
        })
        .await;
        rig.name_provider();
        let client = rig.client().await;
        // The device's page is shown to a browser that knows her, but not well enough.
        let mut ann = rig.sandbox.visitor("ann");
        let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
        let page = attempt.opened().await.unwrap().url;
        let callback = ann.visit(page.as_str()).await.unwrap();
        attempt.deliver(callback.as_str()).await.unwrap();
        let account = attempt.wait().await.unwrap().account;
        rig.sandbox.clock().advance(301);
        let wanted = call(&rig, &client, &account, path).await.step_up.unwrap();
        if let Some(change) = change {
            let document = Document::IdToken;
            rig.sandbox.faults().set(Fault::Json { document, change });
        }
        let again = step_up_by_device(&client, &account, wanted, &mut ann).await;
        let got = match again {
            Ok(again) => Ok(call(&rig, &client, &again, path).await.status.as_u16()),
            Err(error) => Err(error.code()),
        };
        assert_eq!(got, expected, "{path}");
        assert_eq!(call(&rig, &client, &account, "profile").await.status, 200);
    }
}

#[tokio::test]
async fn a_provider_that_knows_no_such_sign_in_on_another_device_says_so() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let wanted = StepUp {
        acr_values: vec!["urn:example:iris".to_owned()],
        ..StepUp::default()
    };
    let request = SignIn {
        route: Some(Route::Device),
        ..client.step_up(&account.id, wanted).await.unwrap()
    };
    let refused = client.sign_in(request).unwrap().wait().await.unwrap_err();
    assert_eq!(refused.code(), "unmet_authentication_requirements");
}

#[tokio::test]
async fn an_account_stays_where_it_was_kept() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let until_quit = SignIn {
        storage: Storage::UntilQuit,
        ..rig.request(Route::Scheme)
    };
    let account = rig
        .sign_in_with(&client, until_quit, "ann")
        .await
        .unwrap()
        .account;
    let wanted = call(&rig, &client, &account, "strongbox").await.step_up.unwrap();
    let (_, again) = step_up(&rig, &client, &account, wanted, "ann").await;
    assert_eq!(again.unwrap().storage, Storage::UntilQuit);
    assert!(rig.keychain.kinds().is_empty());
}
