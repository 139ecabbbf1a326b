//! From a click to an account, by every way back, and everything that is not the answer.

use std::time::Duration;

use tessera_client::ports::VaultError;
use tessera_client::{Category, Change, Error, Route, Stage, Storage};
use tessera_oidc::checks::Outcome;
use tessera_sandbox::log::Endpoint;
use url::Url;

use crate::rig::{Rig, tidied};

#[tokio::test]
async fn by_the_private_scheme() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let signed_in = rig.sign_in(&client, "ann").await;

    let account = &signed_in.account;
    assert_eq!(
        (account.name.as_str(), account.email.as_deref()),
        ("Ann Archer", Some("ann@example.test"))
    );
    assert!(account.granted.contains("openid"));
    let outcomes: Vec<Outcome> = signed_in.checks.iter().map(|verdict| verdict.outcome).collect();
    assert!(outcomes.contains(&Outcome::Passed));
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Passed | Outcome::NotApplicable))
    );
    for code in [
        "callback.state",
        "callback.iss",
        "id_token.signature",
        "id_token.nonce",
        "id_token.at_hash",
    ] {
        let verdict = signed_in
            .checks
            .iter()
            .find(|verdict| verdict.check.code() == code);
        assert_eq!(
            verdict.map(|verdict| verdict.outcome),
            Some(Outcome::Passed),
            "{code}"
        );
    }
    assert_eq!(
        rig.keychain.kinds(),
        ["access", "account", "id_token", "refresh"],
        "the attempt is gone from the keychain"
    );
    assert_eq!(rig.browser.opened.lock().unwrap().len(), 1, "one page was opened");
    assert!(client.attempt().is_none());
}

#[tokio::test]
async fn by_loopback_and_the_browser_gets_its_page() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Loopback)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    assert_eq!(callback.host_str(), Some("127.0.0.1"));
    let page = reqwest::get(callback.clone()).await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("Tessera"));
    assert_eq!(attempt.wait().await.unwrap().account.name, "Ann Archer");
    assert!(reqwest::get(callback).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn by_a_pasted_address() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Paste)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let refused = attempt.deliver("not an address").await.unwrap_err();
    assert_eq!(refused.code(), "callback_not_an_address");
    attempt.deliver(&format!("  {callback}\n")).await.unwrap();
    attempt.wait().await.unwrap();
}

#[tokio::test]
async fn on_another_device() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Device)).unwrap();
    attempt.opened().await.unwrap();
    let prompt = attempt.view().device.unwrap();
    let mut visitor = rig.sandbox.visitor("bob");
    visitor
        .enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
    assert_eq!(attempt.wait().await.unwrap().account.name, "Bob Baker");
}

#[tokio::test]
async fn a_provider_that_takes_no_other_port_is_reached_by_the_private_scheme() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.fault("redirect-exact-port");
    let attempt = client.sign_in(rig.request(Route::Loopback)).unwrap();
    // The person reads that on the provider's page; nothing comes back to the app.
    let page = attempt.opened().await.unwrap().url;
    let mut ann = rig.sandbox.visitor("ann");
    ann.visit(page.as_str()).await.unwrap_err();
    attempt.cancel();
    rig.sign_in(&client, "ann").await;
}

#[tokio::test]
async fn a_callback_that_finds_the_app_closed_completes_the_sign_in() {
    let rig = Rig::new().await;
    rig.name_provider();
    let callback = {
        let client = rig.client().await;
        let provider = tessera_client::ProviderId::new("box").unwrap();
        let attempt = client
            .sign_in(tessera_client::SignIn::with(
                tessera_client::ProviderChoice::Known(provider),
            ))
            .unwrap();
        rig.visit(&attempt, "ann").await.unwrap()
    };
    // Another process, with what the first one left behind.
    let client = rig.client().await;
    client.deliver_callback(callback.as_str()).await.unwrap();
    // The attempt is over by the time it is asked for, or is asked for in time.
    if let Some(attempt) = client.attempt() {
        attempt.wait().await.unwrap();
    }
    let accounts = client.accounts().await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(rig.keychain.kinds(), ["access", "account", "id_token", "refresh"]);
    // The other process' attempt cannot be answered again.
    let refused = client.deliver_callback(callback.as_str()).await.unwrap_err();
    assert_eq!(refused.code(), "attempt_gone");
    assert_eq!(rig.token_requests("authorization_code"), 1);
}

#[tokio::test]
async fn what_is_not_the_answer_is_refused_and_the_attempt_goes_on() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();

    let changed = |change: fn(&mut Url)| {
        let mut url = callback.clone();
        change(&mut url);
        url
    };
    let other_state = changed(|url| {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    if name == "state" {
                        "x".repeat(43)
                    } else {
                        value.to_string()
                    },
                )
            })
            .collect();
        url.query_pairs_mut().clear().extend_pairs(pairs);
    });
    let cases: [(&str, Url, &str); 4] = [
        ("another state", other_state, "state_mismatch"),
        (
            "a parameter twice",
            changed(|url| {
                url.query_pairs_mut().append_pair("code", "x");
            }),
            "callback_duplicate_parameter",
        ),
        (
            "another path",
            changed(|url| url.set_path("/other")),
            "redirect_uri_mismatch",
        ),
        (
            "no query at all",
            changed(|url| url.set_query(None)),
            "state_missing",
        ),
    ];
    for (name, url, code) in cases {
        let refused = attempt.deliver(url.as_str()).await.unwrap_err();
        assert_eq!(refused.code(), code, "{name}");
        assert_eq!(refused.category(), Category::CheckFailed, "{name}");
    }
    assert_eq!(
        rig.token_requests("authorization_code"),
        0,
        "no token request was spent on them"
    );
    assert_eq!(attempt.view().stage, Stage::Waiting);
    attempt.deliver(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
}

#[tokio::test]
async fn a_listener_that_hears_junk_goes_on_listening() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Loopback)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let mut forged = callback.clone();
    forged.set_query(Some("code=forged&state=forged"));
    let page = reqwest::get(forged).await.unwrap();
    assert!(page.status().is_client_error(), "{}", page.status());
    assert_eq!(rig.token_requests("authorization_code"), 0);
    reqwest::get(callback).await.unwrap();
    attempt.wait().await.unwrap();
}

#[tokio::test]
async fn an_answer_from_another_issuer_ends_it_before_a_token_is_asked_for() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let forged = callback.as_str().replace("iss=http", "iss=https");
    assert_ne!(forged, callback.as_str());
    client.deliver_callback(&forged).await.unwrap_err();
    let end = attempt.wait().await.unwrap_err();
    assert_eq!(
        (end.code(), end.category()),
        ("callback_issuer_mismatch", Category::CheckFailed)
    );
    assert_eq!(rig.token_requests("authorization_code"), 0);
    tidied(&client).await;
    assert!(rig.keychain.kinds().is_empty());
}

#[tokio::test]
async fn a_refusal_at_the_provider_is_told_as_one() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig
        .visit_as(&attempt, rig.sandbox.visitor("ann").denying())
        .await
        .unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap_err();
    let end = attempt.wait().await.unwrap_err();
    assert_eq!(
        (end.code(), end.category()),
        ("access_denied", Category::Cancelled)
    );
}

#[tokio::test]
async fn cancel_ends_it_at_once_and_leaves_nothing() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    attempt.cancel();
    assert_eq!(attempt.wait().await.unwrap_err().code(), "cancelled");
    tidied(&client).await;
    assert!(rig.keychain.kinds().is_empty());
    let late = client.deliver_callback(callback.as_str()).await.unwrap_err();
    assert_eq!(late.code(), "attempt_gone");
    assert!(!late.hint().is_empty());
    assert_eq!(rig.token_requests("authorization_code"), 0);
    assert!(client.accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn cancel_while_the_provider_is_slow() {
    let rig = Rig::new().await;
    rig.fault("token-hold");
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    rig.sandbox
        .log()
        .wait_for(|entry| entry.endpoint == Endpoint::Token)
        .await
        .unwrap();
    attempt.cancel();
    assert_eq!(attempt.wait().await.unwrap_err().code(), "cancelled");
    assert!(client.accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_newer_attempt_takes_the_place_of_the_older() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let first = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let old = rig.visit(&first, "ann").await.unwrap();
    let second = client.sign_in(rig.request(Route::Scheme)).unwrap();
    assert_eq!(first.wait().await.unwrap_err().code(), "replaced");
    let early = client.deliver_callback(old.as_str()).await.unwrap_err();
    assert_eq!(early.code(), "answer_not_awaited", "the newer one goes on");
    let new = rig.visit(&second, "ann").await.unwrap();
    client.deliver_callback(new.as_str()).await.unwrap();
    second.wait().await.unwrap();
    let late = client.deliver_callback(old.as_str()).await.unwrap_err();
    assert_eq!(late.code(), "attempt_gone");
}

#[tokio::test]
async fn it_times_out_by_itself() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let request = tessera_client::SignIn {
        timeout: Duration::from_millis(300),
        ..rig.request(Route::Loopback)
    };
    let end = client.sign_in(request).unwrap().wait().await.unwrap_err();
    assert_eq!((end.code(), end.category()), ("timed_out", Category::Cancelled));
    tidied(&client).await;
    assert!(rig.keychain.kinds().is_empty());
}

#[tokio::test]
async fn an_account_is_issuer_and_subject() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let first = rig.sign_in(&client, "ann").await.account;
    let again = rig.sign_in(&client, "ann").await.account;
    assert_eq!((&again.id, again.generation), (&first.id, first.generation + 1));
    let other = rig.sign_in(&client, "bob").await.account;
    assert_ne!(other.id, first.id);
    assert_eq!(client.accounts().await.unwrap().len(), 2);
    assert_eq!(
        client.find_account("ANN@example.test").await.unwrap().id,
        first.id
    );
    assert_eq!(
        client.find_account(&first.id.as_str()[..6]).await.unwrap().id,
        first.id
    );
    assert_eq!(
        client.find_account("nobody").await.unwrap_err().code(),
        "account_unknown"
    );
}

#[tokio::test]
async fn two_sign_ins_at_once_in_one_data_folder() {
    let rig = Rig::new().await;
    let (one, two) = (rig.client().await, rig.client().await);
    let (ann, bob) = tokio::join!(
        async {
            let attempt = one.sign_in(rig.request(Route::Loopback)).unwrap();
            reqwest::get(rig.visit(&attempt, "ann").await.unwrap())
                .await
                .unwrap();
            attempt.wait().await.unwrap()
        },
        async {
            let attempt = two.sign_in(rig.request(Route::Loopback)).unwrap();
            reqwest::get(rig.visit(&attempt, "bob").await.unwrap())
                .await
                .unwrap();
            attempt.wait().await.unwrap()
        },
    );
    assert_ne!(ann.account.id, bob.account.id);
    assert_eq!(one.accounts().await.unwrap().len(), 2);
}

#[tokio::test]
async fn without_a_keychain_no_browser_opens_and_memory_is_offered() {
    let rig = Rig::new().await;
    rig.keychain
        .refuse("", VaultError::Missing("no Secret Service".to_owned()));
    let client = rig.client().await;
    let end = client
        .sign_in(rig.request(Route::Scheme))
        .unwrap()
        .wait()
        .await
        .unwrap_err();
    assert_eq!(
        (end.code(), end.category()),
        ("keychain_missing", Category::Keychain)
    );
    assert!(rig.browser.opened.lock().unwrap().is_empty());
    assert_eq!(rig.requests(Endpoint::Authorization), 0);

    let request = tessera_client::SignIn {
        storage: Storage::UntilQuit,
        ..rig.request(Route::Scheme)
    };
    let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    client.access_token(&account.id).await.unwrap();
    assert!(
        rig.keychain.entries.lock().unwrap().is_empty(),
        "nothing is left behind"
    );

    let next_run = rig.client().await;
    let shown = next_run.account(&account.id).await.unwrap();
    assert_eq!(shown.state.as_str(), "needs_sign_in");
    assert_eq!(
        next_run.access_token(&account.id).await.unwrap_err().category(),
        Category::NeedsSignIn
    );
}

#[tokio::test]
async fn a_browser_that_does_not_start_is_not_the_end() {
    let rig = Rig::new().await;
    *rig.browser.broken.lock().unwrap() = true;
    let client = rig.client().await;
    let mut changes = client.changes();
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    loop {
        if let Change::Attempt(view) = changes.recv().await.unwrap()
            && view.stage == Stage::Waiting
            && !view.browser_opened
        {
            break;
        }
    }
    assert!(!attempt.opened().await.unwrap().browser_opened);
    assert_eq!(
        attempt.open_again().await.unwrap_err().code(),
        "browser_not_started"
    );
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
}

#[tokio::test]
async fn whoever_watches_is_told_every_stage() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let mut changes = client.changes();
    rig.sign_in(&client, "ann").await;
    let mut seen = Vec::new();
    let mut revisions = Vec::new();
    loop {
        match changes.recv().await.unwrap() {
            Change::Attempt(view) => {
                revisions.push(view.revision);
                seen.push(format!("{:?}", view.stage));
                assert!(!view.page.contains('?'), "a query would hold the state");
            }
            Change::AttemptEnded { .. } => break,
            Change::Accounts => seen.push("Accounts".to_owned()),
            _ => {}
        }
    }
    assert_eq!(seen, ["Preparing", "Waiting", "Finishing", "Accounts"]);
    assert!(
        revisions.is_sorted_by(|earlier, later| earlier < later),
        "who hears them in another order cannot tell which is the newest: {revisions:?}"
    );
}

#[tokio::test]
async fn an_error_is_never_silent() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let error: Error = client
        .deliver_callback("app.tessera.desktop:/callback?code=a&state=b")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "attempt_gone");
    assert!(!error.message().is_empty() && !error.hint().is_empty());
}
