//! GitHub: OAuth without an ID token, with a secret for the web flow and none for a code on another device, and
//! errors that come with status 200.

use serde_json::Value;
use tessera_client::{
    Account, ApiRequest, Category, Client, Error, MessageId, ProviderChoice, ProviderId, Receipt,
    ReceiptOutcome, Retried, Route, Scopes, SignIn, SignOutWay, Step,
};
use tessera_oidc::checks::Outcome;
use tessera_sandbox::faults::{Fault, HttpFault, Rule};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{Dialect, GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, Options};

use crate::rig::Rig;

/// Names the sandbox's GitHub in providers.toml, with these lines beside.
fn name(rig: &Rig, more: &str) {
    let text = format!(
        "[[provider]]\nid = \"github\"\nweb = \"{}/github\"\napi = \"{}/github\"\nclient_id = \"{GITHUB_CLIENT_ID}\"\n{more}\n",
        rig.sandbox.issuer(),
        rig.sandbox.api(),
    );
    std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
}

fn with_secret(rig: &Rig) {
    name(rig, &format!("client_secret = \"{GITHUB_CLIENT_SECRET}\""));
}

fn github(client: &Client) -> tessera_client::Provider {
    client.provider(&ProviderId::new("github").unwrap()).unwrap()
}

fn request() -> SignIn {
    SignIn::with(ProviderChoice::Known(ProviderId::new("github").unwrap()))
}

/// Signs `person` in by the first way that there is.
async fn sign_in(rig: &Rig, client: &Client, person: &str) -> Result<Account, Error> {
    let attempt = client.sign_in(request())?;
    match attempt.view().route {
        Route::Device => {
            attempt.opened().await?;
            let prompt = attempt.view().device.unwrap();
            let mut visitor = rig.sandbox.visitor(person);
            visitor
                .enter_code(&prompt.verification_uri, &prompt.user_code)
                .await
                .unwrap();
        }
        route => {
            assert_eq!(route, Route::Scheme);
            let callback = rig.visit(&attempt, person).await?;
            client.deliver_callback(callback.as_str()).await?;
        }
    }
    let signed_in = attempt.wait().await?;
    for verdict in &signed_in.checks {
        assert!(
            matches!(verdict.outcome, Outcome::Passed | Outcome::NotApplicable),
            "{verdict:?}"
        );
        assert!(
            !verdict.check.code().starts_with("id_token"),
            "there is none: {verdict:?}"
        );
    }
    Ok(signed_in.account)
}

async fn get(rig: &Rig, client: &Client, account: &Account, path: &str) -> (u16, Value, Option<url::Url>) {
    let address = format!("{}/github/{path}", rig.sandbox.api());
    let answer = client.call(&account.id, ApiRequest::get(address)).await.unwrap();
    let answer = answer.collect().await.unwrap();
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status.as_u16(), body, answer.next)
}

fn outcome(receipt: &Receipt, what: &str) -> Option<ReceiptOutcome> {
    let line = receipt.lines.iter().find(|line| line.what == what);
    line.map(|line| line.outcome)
}

/// What the API says to somebody who still has this token.
async fn with_token(rig: &Rig, token: &str) -> u16 {
    let address = format!("{}/github/user", rig.sandbox.api());
    let request = reqwest::Client::new().get(address).header("User-Agent", "a test");
    request.bearer_auth(token).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn by_the_private_scheme_with_the_secret() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    assert_eq!(
        client.routes(&github(&client)),
        [Route::Scheme, Route::Loopback, Route::Device]
    );
    let account = sign_in(&rig, &client, "ann").await.unwrap();
    // Who it is, is what `GET /user` says: the number, for a login can be given to somebody else.
    assert!(
        account.subject.as_str().bytes().all(|b| b.is_ascii_digit()),
        "{}",
        account.subject
    );
    assert_eq!(
        (
            account.name.as_str(),
            account.email.as_deref(),
            account.kind.as_str()
        ),
        ("Ann Archer", Some("ann@example.test"), "github")
    );
    // It answers "read:user,user:email", and with a refresh token.
    assert_eq!(
        account.granted,
        Scopes::parse("read:user user:email offline_access")
    );
    assert!(account.requested.difference(&account.granted).is_empty());

    // Its API, which answers nobody who does not say what program they are.
    let (status, user, _) = get(&rig, &client, &account, "user").await;
    assert_eq!((status, user["login"].as_str()), (200, Some("ann")));
    let (status, emails, _) = get(&rig, &client, &account, "user/emails").await;
    assert_eq!(
        (status, emails[0]["email"].as_str()),
        (200, Some("ann@example.test"))
    );
    let (status, first, next) = get(&rig, &client, &account, "user/repos?per_page=30").await;
    assert_eq!((status, first.as_array().map(Vec::len)), (200, Some(30)));
    let next = client
        .call(&account.id, ApiRequest::get(next.unwrap()))
        .await
        .unwrap();
    assert_eq!((next.status.as_u16(), next.next), (200, None));

    // One refresh for all who ask; it is for one use, and ends the access token before it.
    let before = client.access_token(&account.id).await.unwrap().access_token;
    rig.sandbox.clock().advance(28_800 - 10);
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (client, id) = (client.clone(), account.id.clone());
            tokio::spawn(async move { client.access_token(&id).await })
        })
        .collect();
    for caller in callers {
        assert_ne!(caller.await.unwrap().unwrap().access_token, before);
    }
    assert_eq!(rig.token_requests("refresh_token"), 1);
    assert_eq!(with_token(&rig, before.expose()).await, 401);
    rig.sandbox.clock().advance(28_800);
    let last = client.access_token(&account.id).await.unwrap().access_token;
    assert_eq!(rig.token_requests("refresh_token"), 2);
    assert_eq!(
        client.account(&account.id).await.unwrap().granted,
        account.granted,
        "nothing of the grant is lost by it"
    );

    let receipt = client.sign_out(&account.id).await.unwrap();
    assert_eq!(
        outcome(&receipt, "access_token_revoked"),
        Some(ReceiptOutcome::Done)
    );
    assert_eq!(outcome(&receipt, "secrets_deleted"), Some(ReceiptOutcome::Done));
    let asked = rig
        .sandbox
        .log()
        .matching(|entry| entry.endpoint == Endpoint::Revocation);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].method.as_str(), "DELETE");
    assert_eq!(with_token(&rig, last.expose()).await, 401);
    assert!(rig.keychain.kinds().is_empty() && client.accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn by_a_code_on_another_device_without_a_secret() {
    let rig = Rig::new().await;
    name(&rig, "");
    let client = rig.client().await;
    assert_eq!(client.routes(&github(&client)), [Route::Device]);
    let account = sign_in(&rig, &client, "bob").await.unwrap();
    assert_eq!(
        (account.name.as_str(), account.email.as_deref()),
        ("Bob Baker", Some("bob@example.test"))
    );
    let (status, user, _) = get(&rig, &client, &account, "user").await;
    assert_eq!((status, user["login"].as_str()), (200, Some("bob")));
    // What came without a secret is renewed without one.
    rig.sandbox.clock().advance(28_800);
    client.access_token(&account.id).await.unwrap();
    assert_eq!(rig.token_requests("refresh_token"), 1);

    // Without the secret GitHub lets nobody revoke: the receipt says so, and where the person can.
    let receipt = client.sign_out(&account.id).await.unwrap();
    assert_eq!(
        outcome(&receipt, "access_token_revoked"),
        Some(ReceiptOutcome::NotPossible)
    );
    assert_eq!(
        outcome(&receipt, "refresh_token_revoked"),
        Some(ReceiptOutcome::NotPossible)
    );
    assert_eq!(outcome(&receipt, "secrets_deleted"), Some(ReceiptOutcome::Done));
    assert_eq!(rig.requests(Endpoint::Revocation), 0);
    let page = receipt.provider_page.unwrap();
    let settings = format!("/github/settings/connections/applications/{GITHUB_CLIENT_ID}");
    assert_eq!(page.path(), settings);
    assert!(rig.keychain.kinds().is_empty());
}

/// Signs Ann in twice, as on two devices: the token of the first sign-in, and the account of the second.
async fn on_two_devices(rig: &Rig, client: &Client) -> (String, Account) {
    let first = sign_in(rig, client, "ann").await.unwrap();
    let token = client.access_token(&first.id).await.unwrap().access_token;
    let second = sign_in(rig, client, "ann").await.unwrap();
    assert_eq!(with_token(rig, token.expose()).await, 200);
    (token.expose().to_owned(), second)
}

#[tokio::test]
async fn with_the_secret_all_that_was_allowed_is_ended_on_every_device() {
    for (way, there) in [(SignOutWay::Here, 200), (SignOutWay::Everywhere, 401)] {
        let rig = Rig::new().await;
        with_secret(&rig);
        let client = rig.client().await;
        let (elsewhere, account) = on_two_devices(&rig, &client).await;
        // Also when the token at hand has run out: it is by a good one that GitHub knows whose access is meant.
        if way == SignOutWay::Everywhere {
            let later = sign_in(&rig, &client, "bob").await.unwrap();
            assert!(client.can_sign_out(&later, way));
        }
        let receipt = client.sign_out_by(&account.id, way).await.unwrap();
        assert_eq!(with_token(&rig, &elsewhere).await, there, "{way:?}");
        let what = match way {
            SignOutWay::Everywhere => "everywhere_revoked",
            _ => "access_token_revoked",
        };
        assert_eq!(outcome(&receipt, what), Some(ReceiptOutcome::Done), "{way:?}");
        assert!(
            !rig.keychain
                .entries
                .lock()
                .unwrap()
                .keys()
                .any(|name| name.ends_with(account.id.as_str()))
        );
    }
}

#[tokio::test]
async fn a_token_that_has_run_out_is_renewed_to_end_all_that_was_allowed() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    let account = sign_in(&rig, &client, "ann").await.unwrap();
    rig.sandbox.clock().advance(28_800);
    let receipt = client
        .sign_out_by(&account.id, SignOutWay::Everywhere)
        .await
        .unwrap();
    assert_eq!(
        outcome(&receipt, "everywhere_revoked"),
        Some(ReceiptOutcome::Done)
    );
    assert_eq!(rig.token_requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_leaked_token_is_reported_by_nobody_in_particular_with_a_secret_and_without() {
    for secret in [true, false] {
        let rig = Rig::new().await;
        if secret {
            with_secret(&rig);
        } else {
            name(&rig, "");
        }
        let client = rig.client().await;
        let account = sign_in(&rig, &client, "bob").await.unwrap();
        assert_eq!(client.can_sign_out(&account, SignOutWay::Everywhere), secret);
        assert!(client.can_sign_out(&account, SignOutWay::Leaked));
        let token = client.access_token(&account.id).await.unwrap().access_token;
        let receipt = client.sign_out_by(&account.id, SignOutWay::Leaked).await.unwrap();
        assert_eq!(
            outcome(&receipt, "leaked_tokens_revoked"),
            Some(ReceiptOutcome::Done)
        );
        assert_eq!(with_token(&rig, token.expose()).await, 401);
        let asked = rig
            .sandbox
            .log()
            .matching(|entry| entry.endpoint == Endpoint::Revocation);
        assert_eq!(asked.len(), 1);
        assert_eq!(
            (asked[0].path.as_str(), &asked[0].scheme),
            ("/github/credentials/revoke", &None)
        );
        assert!(rig.keychain.kinds().is_empty());
    }
}

#[tokio::test]
async fn a_leak_is_reported_later_when_it_cannot_be_now_and_waits_for_the_provider_to_be_there() {
    let rig = Rig::new().await;
    name(&rig, "");
    let client = rig.client().await;
    let account = sign_in(&rig, &client, "bob").await.unwrap();
    let token = client.access_token(&account.id).await.unwrap().access_token;
    let fault = rig.sandbox.faults().set(Rule::new(Fault::Http {
        endpoint: Endpoint::Revocation,
        fault: HttpFault::Drop,
    }));
    let receipt = client.sign_out_by(&account.id, SignOutWay::Leaked).await.unwrap();
    assert_eq!(
        outcome(&receipt, "leaked_tokens_revoked"),
        Some(ReceiptOutcome::Open)
    );
    rig.sandbox.faults().remove(fault);
    // GitHub's addresses are in the list of providers alone.
    let file = rig.folder().join("providers.toml");
    let named = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    drop(client);
    let client = rig.client().await;
    let open = client.open_sign_outs().await.unwrap().remove(0);
    assert_eq!(open.way, SignOutWay::Leaked);
    let Retried::Open(waits) = client.retry_sign_out(&open.id).await.unwrap() else {
        panic!("nobody knows where GitHub is");
    };
    assert_eq!(
        (waits.code.as_deref(), waits.next_try),
        (Some("provider_unknown"), None)
    );
    std::fs::write(&file, named).unwrap();
    drop(client);
    let client = rig.client().await;
    assert!(matches!(
        client.retry_sign_out(&open.id).await.unwrap(),
        Retried::Done
    ));
    assert_eq!(with_token(&rig, token.expose()).await, 401);
}

/// "Not yet" comes with status 200 here, as the tokens do.
#[tokio::test]
async fn a_code_that_nobody_has_typed_yet_is_not_told_as_tokens() {
    let rig = Rig::new().await;
    name(&rig, "");
    let client = rig.client().await;
    let attempt = client.sign_in(request()).unwrap();
    attempt.opened().await.unwrap();
    let asked = rig
        .sandbox
        .log()
        .wait_for(|entry| entry.endpoint == Endpoint::Token && entry.outcome.is_some())
        .await
        .unwrap();
    let outcome = asked.outcome.unwrap();
    assert_eq!(
        (outcome.status, outcome.error.as_deref()),
        (200, Some("authorization_pending"))
    );
    let prompt = attempt.view().device.unwrap();
    let mut visitor = rig.sandbox.visitor("bob");
    visitor
        .enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
    attempt.wait().await.unwrap();
    let answers: Vec<MessageId> = client
        .traced()
        .into_iter()
        .filter_map(|event| match event.step {
            Step::Message { message, .. } => Some(message),
            _ => None,
        })
        .filter(|message| matches!(message, MessageId::DevicePending | MessageId::TokenResponse))
        .collect();
    assert_eq!(answers, [MessageId::DevicePending, MessageId::TokenResponse]);
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error() {
    let cases = [
        ("incorrect_client_credentials", Category::Network),
        ("bad_verification_code", Category::Network),
        ("redirect_uri_mismatch", Category::Network),
        ("unverified_user_email", Category::Network),
    ];
    for (refusal, category) in cases {
        let rig = Rig::new().await;
        with_secret(&rig);
        let client = rig.client().await;
        let fault = Rule::new(Fault::Refuse(refusal)).dialect(Dialect::GitHub);
        rig.sandbox.faults().set(fault);
        let error = sign_in(&rig, &client, "ann").await.unwrap_err();
        assert_eq!((error.code(), error.category()), (refusal, category));
        let refused = rig
            .sandbox
            .log()
            .matching(|entry| entry.endpoint == Endpoint::Token);
        let outcome = refused[0].outcome.clone().unwrap();
        assert_eq!((outcome.status, outcome.error.as_deref()), (200, Some(refusal)));
        assert!(client.accounts().await.unwrap().is_empty() && rig.keychain.kinds().is_empty());
    }

    // A real one: a secret that is not the app's.
    let rig = Rig::new().await;
    name(&rig, "client_secret = \"not-the-one\"");
    let client = rig.client().await;
    let error = sign_in(&rig, &client, "ann").await.unwrap_err();
    assert_eq!(error.code(), "incorrect_client_credentials");
}

#[tokio::test]
async fn a_refresh_token_that_it_takes_no_more_needs_a_new_sign_in() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    // What GitHub says of one that it never gave, and of one that it took back.
    for is_revoked in [false, true] {
        rig.sandbox.faults().clear();
        let account = sign_in(&rig, &client, "ann").await.unwrap();
        if is_revoked {
            rig.sandbox.revoke_everything();
        } else {
            rig.fault("github-bad-refresh-token");
        }
        rig.sandbox.clock().advance(28_800);
        let error = client.access_token(&account.id).await.unwrap_err();
        assert_eq!(
            (error.code(), error.category()),
            ("needs_sign_in", Category::NeedsSignIn)
        );
        assert_eq!(
            client.account(&account.id).await.unwrap().state.as_str(),
            "needs_sign_in"
        );
    }
}

#[tokio::test]
async fn the_device_flow_may_be_switched_off() {
    let rig = Rig::with(Options {
        github_device_flow: false,
        ..Options::default()
    })
    .await;
    name(&rig, "");
    let client = rig.client().await;
    let by_code = SignIn {
        route: Some(Route::Device),
        ..request()
    };
    let error = client.sign_in(by_code).unwrap().wait().await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("device_flow_disabled", Category::Network)
    );
}

#[tokio::test]
async fn tokens_that_do_not_expire_are_used_as_they_are() {
    let rig = Rig::new().await;
    name(
        &rig,
        &format!("client_secret = \"{GITHUB_CLIENT_SECRET}\"\nscopes = [\"read:user\"]"),
    );
    let client = rig.client().await;
    let account = sign_in(&rig, &client, "ann").await.unwrap();
    assert_eq!(
        (account.access_expires_at, rig.keychain.kinds()),
        (None, vec!["access".to_owned(), "account".to_owned()])
    );
    rig.sandbox.clock().advance(365 * 24 * 3600);
    let (status, ..) = get(&rig, &client, &account, "user").await;
    assert_eq!((status, rig.token_requests("refresh_token")), (200, 0));
    // When it is ended there, the API's word is all there is.
    rig.sandbox.revoke_everything();
    let (status, ..) = get(&rig, &client, &account, "user").await;
    assert_eq!((status, rig.token_requests("refresh_token")), (401, 0));
}
