//! Several accounts at one provider: the person at the browser may be another one than the sign-in was for, and then
//! nothing is kept, changed or lost before somebody has said what they want.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tessera_client::{
    Account, ApiRequest, Attempt, AttemptEnd, Category, Change, Client, Error, Person, ProviderChoice,
    ProviderId, Route, SignIn, Stage,
};
use tessera_sandbox::faults::{self, Document, Fault};
use tessera_sandbox::log::{Endpoint, Outcome};
use tessera_sandbox::{
    GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, Options,
};
use url::Url;

use crate::rig::{Rig, tidied};

/// Ann is here; a shell that can ask signs her in again.
fn again(rig: &Rig, ann: &Account) -> SignIn {
    SignIn {
        account: Some(ann.id.clone()),
        can_ask: true,
        ..rig.request(Route::Scheme)
    }
}

/// A sign-in that is to add an account.
fn another(rig: &Rig) -> SignIn {
    SignIn {
        choose: true,
        ..rig.request(Route::Scheme)
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(own, _)| own == name);
    found.map(|(_, value)| value.into_owned())
}

/// What a page of this attempt asks the provider for; the attempt ends by that.
async fn asked(client: &Client, request: SignIn) -> (Option<String>, Option<String>) {
    let attempt = client.sign_in(request).unwrap();
    let page = attempt.opened().await.unwrap().url;
    attempt.cancel();
    (parameter(&page, "prompt"), parameter(&page, "login_hint"))
}

/// Waits until the attempt has come this far.
async fn until(client: &Client, stage: Stage) -> Attempt {
    let mut changes = client.changes();
    loop {
        if let Some(attempt) = client.attempt().filter(|attempt| attempt.view().stage == stage) {
            return attempt;
        }
        if let Change::AttemptEnded { end, .. } = changes.recv().await.unwrap() {
            panic!("it ended: {end:?}");
        }
    }
}

/// Ann is to be signed in again, and `person` is whom the browser answers for. Waits until that is asked.
async fn chosen(rig: &Rig, client: &Client, request: SignIn, person: &str) -> Attempt {
    let attempt = client.sign_in(request).unwrap();
    let callback = rig.visit(&attempt, person).await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    until(client, Stage::AnotherPerson).await
}

fn person(name: &str, email: &str) -> Person {
    Person {
        name: name.to_owned(),
        email: Some(email.to_owned()),
    }
}

/// What is kept of accounts.
fn entries(rig: &Rig) -> BTreeMap<String, Vec<u8>> {
    let mut entries = rig.keychain.entries.lock().unwrap().clone();
    entries.retain(|name, _| !name.starts_with("attempt/"));
    entries
}

fn revocations(rig: &Rig) -> usize {
    rig.requests(Endpoint::Revocation)
}

async fn works(rig: &Rig, client: &Client, account: &Account) {
    let request = ApiRequest::get(format!("{}/profile", rig.sandbox.api()));
    let answer = client.call(&account.id, request).await.unwrap();
    assert_eq!(answer.status, 200, "{}", account.name);
}

async fn with_ann() -> (Rig, Client, Account) {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let ann = rig.sign_in(&client, "ann").await.account;
    (rig, client, ann)
}

#[tokio::test]
async fn another_person_is_asked_about_and_kept_beside_the_one_who_was_expected() {
    let (rig, client, ann) = with_ann().await;
    let before = entries(&rig);
    let attempt = chosen(&rig, &client, again(&rig, &ann), "bob").await;
    let question = attempt.view().another.unwrap();
    assert_eq!(question.expected, person("Ann Archer", "ann@example.test"));
    assert_eq!(question.came, person("Bob Baker", "bob@example.test"));
    assert!(!question.is_here);
    assert_eq!(entries(&rig), before, "nothing is kept before the answer");
    assert_eq!(client.accounts().await.unwrap().len(), 1);

    attempt.keep().unwrap();
    let bob = attempt.wait().await.unwrap().account;
    assert_eq!(bob.name, "Bob Baker");
    let after = entries(&rig);
    for (name, secret) in &before {
        assert_eq!(after.get(name), Some(secret), "{name} is as it was");
    }
    assert_eq!(
        client.account(&ann.id).await.unwrap().generation,
        ann.generation,
        "Ann's sign-in is the one she had"
    );
    works(&rig, &client, &bob).await;
    works(&rig, &client, &ann).await;
    assert_eq!(revocations(&rig), 0);
    assert_eq!(
        attempt.keep().unwrap_err().code(),
        "attempt_gone",
        "it is asked once"
    );
}

#[tokio::test]
async fn what_is_not_kept_is_revoked_and_nothing_is_changed() {
    let endings: [(&str, &str, Category); 4] = [
        ("cancelled", "cancelled", Category::Cancelled),
        ("replaced", "replaced", Category::Cancelled),
        ("not answered", "question_not_answered", Category::Cancelled),
        ("quit", "cancelled", Category::Cancelled),
    ];
    for (name, code, category) in endings {
        let (rig, client, ann) = with_ann().await;
        let before = entries(&rig);
        let attempt = chosen(&rig, &client, again(&rig, &ann), "bob").await;
        match name {
            "cancelled" => attempt.cancel(),
            "replaced" => {
                let next = client.sign_in(rig.request(Route::Scheme)).unwrap();
                next.cancel();
            }
            "not answered" => {
                tokio::time::pause();
                tokio::time::advance(Duration::from_secs(601)).await;
                tokio::time::resume();
            }
            _ => {
                client.settle().await.unwrap();
                assert!(client.attempt().is_none(), "it is over when the program ends");
            }
        }
        let error = attempt.wait().await.unwrap_err();
        assert_eq!((error.code(), error.category()), (code, category), "{name}");
        assert_eq!(attempt.keep().unwrap_err().code(), "attempt_gone", "{name}");
        if name != "quit" {
            tidied(&client).await;
        }
        assert_eq!(entries(&rig), before, "{name}");
        let told = format!("{:?}", client.traced());
        let client = rig.client().await;
        assert_eq!(client.accounts().await.unwrap().len(), 1, "{name}");
        let revoked = rig.sandbox.log().matching(|entry| {
            let is_done = entry.outcome.as_ref().is_some_and(Outcome::is_success);
            entry.endpoint == Endpoint::Revocation && is_done
        });
        assert_eq!(revoked.len(), 2, "{name}: the refresh and the access token");
        works(&rig, &client, &ann).await;
        assert!(told.contains("tokens_turned_away"), "{name}");
        assert!(
            !told.contains("Bob") && !told.contains("bob@"),
            "{name}: nobody's name is told"
        );
    }
}

#[tokio::test]
async fn a_shell_that_cannot_ask_changes_nothing() {
    let (rig, client, ann) = with_ann().await;
    let before = entries(&rig);
    let silent = SignIn {
        can_ask: false,
        ..again(&rig, &ann)
    };
    let error = rig.sign_in_with(&client, silent, "bob").await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("other_account", Category::CheckFailed)
    );
    tidied(&client).await;
    assert_eq!(entries(&rig), before);
    assert_eq!(
        (client.accounts().await.unwrap().len(), revocations(&rig)),
        (1, 2)
    );
}

#[tokio::test]
async fn asking_again_names_who_is_expected_and_lets_them_choose() {
    let (rig, client, ann) = with_ann().await;
    let attempt = chosen(&rig, &client, again(&rig, &ann), "bob").await;
    let next = attempt.ask_again().unwrap();
    assert_eq!(attempt.wait().await.unwrap_err().code(), "replaced");
    let page = next.opened().await.unwrap().url;
    let prompt = parameter(&page, "prompt").unwrap();
    assert!(
        prompt.split(' ').any(|prompt| prompt == "select_account"),
        "{prompt}"
    );
    assert_eq!(
        parameter(&page, "login_hint").as_deref(),
        Some("ann@example.test")
    );
    // Whoever chooses the other one once more is asked once more.
    let callback = rig.visit(&next, "bob").await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    let next = until(&client, Stage::AnotherPerson).await.ask_again().unwrap();
    let callback = rig.visit(&next, "ann").await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    let renewed = next.wait().await.unwrap();
    assert!(renewed.was_here && renewed.account.id == ann.id);
    tidied(&client).await;
    assert_eq!(
        (client.accounts().await.unwrap().len(), revocations(&rig)),
        (1, 4)
    );
}

#[tokio::test]
async fn an_account_that_is_here_already_is_renewed_or_left_alone() {
    for keep in [true, false] {
        let (rig, client, ann) = with_ann().await;
        let bob = rig.sign_in(&client, "bob").await.account;
        let before = entries(&rig);
        let attempt = chosen(&rig, &client, again(&rig, &ann), "bob").await;
        assert!(attempt.view().another.unwrap().is_here);
        if keep {
            attempt.keep().unwrap();
            let renewed = attempt.wait().await.unwrap();
            assert!(renewed.was_here);
            assert_eq!(renewed.account.id, bob.id);
            assert!(renewed.account.generation > bob.generation);
        } else {
            attempt.cancel();
            attempt.wait().await.unwrap_err();
            tidied(&client).await;
            assert_eq!(entries(&rig), before);
        }
        assert_eq!(
            revocations(&rig),
            0,
            "what is revoked could take Bob's own sign-in with it"
        );
        assert_eq!(client.accounts().await.unwrap().len(), 2);
        works(&rig, &client, &bob).await;
        works(&rig, &client, &ann).await;
    }
}

#[tokio::test]
async fn it_is_asked_too_when_the_app_was_closed_meanwhile() {
    let rig = Rig::new().await;
    rig.name_provider();
    let first = rig.client().await;
    let known = SignIn::with(ProviderChoice::Known(ProviderId::new("box").unwrap()));
    let ann = rig
        .sign_in_with(&first, known.clone(), "ann")
        .await
        .unwrap()
        .account;
    let request = SignIn {
        account: Some(ann.id.clone()),
        can_ask: true,
        ..known
    };
    let attempt = first.sign_in(request).unwrap();
    let callback = rig.visit(&attempt, "bob").await.unwrap();
    let client = rig.client().await;
    client.deliver_callback(callback.as_str()).await.unwrap();
    let attempt = until(&client, Stage::AnotherPerson).await;
    assert_eq!(
        attempt.view().another.unwrap().expected,
        person("Ann Archer", "ann@example.test")
    );
    assert_eq!(client.accounts().await.unwrap().len(), 1);
    let next = attempt.ask_again().unwrap();
    let page = next.opened().await.unwrap().url;
    assert_eq!(
        parameter(&page, "login_hint").as_deref(),
        Some("ann@example.test")
    );
    let callback = rig.visit(&next, "bob").await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    let attempt = until(&client, Stage::AnotherPerson).await;
    attempt.keep().unwrap();
    assert_eq!(attempt.wait().await.unwrap().account.name, "Bob Baker");
    assert_eq!(client.accounts().await.unwrap().len(), 2);
}

#[tokio::test]
async fn it_is_asked_by_every_way_back() {
    let (rig, client, ann) = with_ann().await;
    let by_loopback = SignIn {
        route: Some(Route::Loopback),
        ..again(&rig, &ann)
    };
    let attempt = client.sign_in(by_loopback).unwrap();
    let callback = rig.visit(&attempt, "bob").await.unwrap();
    // The browser is not kept waiting for what the person says.
    let page = reqwest::get(callback).await.unwrap().text().await.unwrap();
    assert!(page.contains("You chose another account"), "{page}");
    until(&client, Stage::AnotherPerson).await.cancel();
    attempt.wait().await.unwrap_err();

    let by_device = SignIn {
        route: Some(Route::Device),
        ..again(&rig, &ann)
    };
    let attempt = client.sign_in(by_device).unwrap();
    attempt.opened().await.unwrap();
    let prompt = attempt.view().device.unwrap();
    let mut bob = rig.sandbox.visitor("bob");
    bob.enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
    until(&client, Stage::AnotherPerson).await.keep().unwrap();
    assert_eq!(attempt.wait().await.unwrap().account.name, "Bob Baker");
}

#[tokio::test]
async fn the_time_that_a_person_thinks_is_taken_from_the_token() {
    let (rig, client, ann) = with_ann().await;
    let attempt = chosen(&rig, &client, again(&rig, &ann), "bob").await;
    let received = client.now();
    assert_eq!(attempt.view().expires_at, received.plus(600));
    rig.sandbox.clock().advance(120);
    attempt.keep().unwrap();
    let bob = attempt.wait().await.unwrap().account;
    let life = Options::default().access_token_life;
    let expires = bob.access_expires_at.unwrap();
    assert!(
        expires <= received.plus(life),
        "{expires:?}, received at {received:?}"
    );
}

#[tokio::test]
async fn a_second_account_is_chosen_at_the_provider_where_that_can_be_done() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let plain = || rig.request(Route::Scheme);
    let consent = |before: &str| Some(format!("{before}consent"));
    let select = || consent("select_account ");
    assert_eq!(asked(&client, plain()).await.0, consent(""), "nobody is here yet");
    let ann = rig.sign_in(&client, "ann").await.account;
    let ann_again = || again(&rig, &ann);
    let hint = Some("ann@example.test".to_owned());
    assert_eq!(asked(&client, plain()).await, (select(), None));
    assert_eq!(asked(&client, another(&rig)).await, (select(), None));
    assert_eq!(asked(&client, ann_again()).await, (consent(""), hint.clone()));

    for (offered, by_itself, chosen) in [
        (json!(["none", "login", "consent"]), "", "login "),
        (json!(["none", "consent"]), "", ""),
        // Who says nothing of it may refuse a prompt that they do not know.
        (json!([]), "", "login "),
        (
            json!(["consent", "select_account"]),
            "select_account ",
            "select_account ",
        ),
    ] {
        let change = faults::Change::Set("prompt_values_supported", offered.clone());
        let document = Document::Discovery;
        rig.sandbox.faults().set(Fault::Json { document, change });
        // What was read of the provider is used for a while.
        rig.sandbox.clock().advance(11 * 60);
        assert_eq!(asked(&client, plain()).await.0, consent(by_itself), "{offered}");
        assert_eq!(
            asked(&client, another(&rig)).await.0,
            consent(chosen),
            "{offered}"
        );
        let chosen_again = SignIn {
            choose: true,
            ..ann_again()
        };
        assert_eq!(
            asked(&client, chosen_again).await,
            (consent(chosen), hint.clone()),
            "{offered}"
        );
        rig.sandbox.faults().clear();
    }
}

#[tokio::test]
async fn nobody_chooses_where_no_account_is_signed_in() {
    let (rig, client, ann) = with_ann().await;
    rig.sandbox.revoke_everything();
    rig.sandbox.clock().advance(2 * 60 * 60);
    client.access_token(&ann.id).await.unwrap_err();
    let account = client.account(&ann.id).await.unwrap();
    assert!(account.state.need().is_some());
    let plain = rig.request(Route::Scheme);
    assert_eq!(asked(&client, plain).await.0.as_deref(), Some("consent"));
    let chosen = asked(&client, another(&rig)).await;
    assert_eq!(chosen.0.as_deref(), Some("select_account consent"));
}

#[tokio::test]
async fn who_comes_back_although_another_account_was_to_be_added_is_told() {
    let (rig, client, ann) = with_ann().await;
    for (request, expected) in [
        (another(&rig), true),
        (rig.request(Route::Scheme), false),
        (again(&rig, &ann), false),
    ] {
        let mut changes = client.changes();
        let signed_in = rig.sign_in_with(&client, request, "ann").await.unwrap();
        assert!(signed_in.was_here);
        let end = loop {
            if let Change::AttemptEnded { end, .. } = changes.recv().await.unwrap() {
                break end;
            }
        };
        let AttemptEnd::SignedIn { account, already } = end else {
            panic!("{end:?}");
        };
        assert_eq!((account, already), (ann.id.clone(), expected));
    }
    let bob = rig.sign_in_with(&client, another(&rig), "bob").await.unwrap();
    assert!(!bob.was_here);
    // Of whoever is added nobody expects what somebody else was granted.
    assert_eq!(client.accounts().await.unwrap().len(), 2);
}

#[tokio::test]
async fn without_an_address_the_hint_is_the_user_name() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    for document in [Document::IdToken, Document::Userinfo] {
        let change = faults::Change::Remove("email");
        rig.sandbox.faults().set(Fault::Json { document, change });
    }
    let ann = rig.sign_in(&client, "ann").await.account;
    let claim = ann.claims.iter().find(|(name, _)| name == "preferred_username");
    assert_eq!(ann.email, None);
    assert_eq!(
        asked(&client, again(&rig, &ann)).await.1.as_ref(),
        claim.map(|(_, value)| value)
    );
}

/// Signs `person` in at one of the sandbox's dialects.
async fn at(rig: &Rig, client: &Client, request: SignIn, person: &str) -> Result<Account, Error> {
    let attempt = client.sign_in(request).unwrap();
    let callback = rig.visit(&attempt, person).await.unwrap();
    match attempt.view().route {
        Route::Loopback => drop(reqwest::get(callback).await.unwrap()),
        _ => client.deliver_callback(callback.as_str()).await.unwrap(),
    }
    attempt.wait().await.map(|signed_in| signed_in.account)
}

#[tokio::test]
async fn google_and_github_are_told_in_their_own_words() {
    let rig = Rig::new().await;
    let text = format!(
        "[[provider]]\nid = \"google\"\nissuer = \"{issuer}/google\"\nclient_id = \"{GOOGLE_CLIENT_ID}\"\n\
         client_secret = \"{GOOGLE_CLIENT_SECRET}\"\n\
         [[provider]]\nid = \"github\"\nweb = \"{issuer}/github\"\napi = \"{}/github\"\n\
         client_id = \"{GITHUB_CLIENT_ID}\"\nclient_secret = \"{GITHUB_CLIENT_SECRET}\"\n",
        rig.sandbox.api(),
        issuer = rig.sandbox.issuer(),
    );
    std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
    let client = rig.client().await;
    for (id, hint_name, other, hint) in [
        ("google", "login_hint", "login", "ann@example.test"),
        ("github", "login", "login_hint", "ann"),
    ] {
        let request = SignIn::with(ProviderChoice::Known(ProviderId::new(id).unwrap()));
        let ann = at(&rig, &client, request.clone(), "ann").await.unwrap();
        let page = async |request: SignIn| {
            let attempt = client.sign_in(request).unwrap();
            let page = attempt.opened().await.unwrap().url;
            attempt.cancel();
            page
        };
        let added = page(request.clone()).await;
        assert_eq!(
            parameter(&added, "prompt").as_deref(),
            Some("select_account"),
            "{id}"
        );
        let again = SignIn {
            account: Some(ann.id.clone()),
            ..request
        };
        let named = page(again.clone()).await;
        assert_eq!(parameter(&named, hint_name).as_deref(), Some(hint), "{id}");
        assert_eq!(parameter(&named, other), None, "{id}");
        assert_eq!(parameter(&named, "prompt"), None, "{id}");
        let error = at(&rig, &client, again, "bob").await.unwrap_err();
        assert_eq!(error.code(), "other_account", "{id}");
        tidied(&client).await;
        let of_here = client.accounts().await.unwrap();
        assert_eq!(
            of_here
                .iter()
                .filter(|account| account.provider.as_str() == id)
                .count(),
            1
        );
        works_at(&client, &ann).await;
    }
}

/// Ann's own tokens were not revoked with Bob's.
async fn works_at(client: &Client, account: &Account) {
    client.access_token(&account.id).await.unwrap();
}
