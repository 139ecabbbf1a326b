//! Google: its desktop clients come back by loopback only and show a secret, its ID tokens may spell the issuer
//! in two ways, and people choose what they grant.

use tessera_client::{
    ApiRequest, Category, Client, Error, ProviderChoice, ProviderId, ReceiptOutcome, Route, Scopes, SignIn,
    SignOutWay, SignedIn,
};
use tessera_oidc::checks::Outcome;
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{Dialect, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, Options, VisitError, Visitor};

use crate::rig::{Rig, rule};

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";

/// Names the sandbox's Google in providers.toml, with these lines beside.
fn name(rig: &Rig, more: &str) {
    let text = format!(
        "[[provider]]\nid = \"google\"\nissuer = \"{}/google\"\nclient_id = \"{GOOGLE_CLIENT_ID}\"\napis = [\"{}\"]\n{more}\n",
        rig.sandbox.issuer(),
        rig.sandbox.api(),
    );
    std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
}

fn with_secret(rig: &Rig) {
    name(rig, &format!("client_secret = \"{GOOGLE_CLIENT_SECRET}\""));
}

fn request() -> SignIn {
    SignIn::with(ProviderChoice::Known(ProviderId::new("google").unwrap()))
}

/// Signs in as this visitor, by loopback.
async fn sign_in(client: &Client, request: SignIn, visitor: Visitor) -> Result<SignedIn, Error> {
    let attempt = client.sign_in(request)?;
    let page = attempt.opened().await?;
    let mut visitor = visitor;
    let callback = visitor.visit(page.url.as_str()).await.unwrap();
    assert_eq!(callback.host_str(), Some("127.0.0.1"), "{callback}");
    // The page says whether it worked; the attempt's end says it better.
    let _ = reqwest::get(callback).await.unwrap();
    attempt.wait().await
}

fn calendars(rig: &Rig) -> ApiRequest {
    ApiRequest::get(format!(
        "{}/google/calendar/v3/users/me/calendarList",
        rig.sandbox.api()
    ))
}

#[tokio::test]
async fn from_signing_in_to_signing_out() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    let google = client.provider(&ProviderId::new("google").unwrap()).unwrap();
    assert_eq!(client.routes(&google), [Route::Loopback]);

    let signed_in = sign_in(&client, request(), rig.sandbox.visitor("ann"))
        .await
        .unwrap();
    let account = signed_in.account;
    assert_eq!(
        (
            account.name.as_str(),
            account.email.as_deref(),
            account.kind.as_str()
        ),
        ("Ann Archer", Some("ann@example.test"), "google")
    );
    for code in [
        "callback.iss",
        "id_token.signature",
        "id_token.at_hash",
        "userinfo.sub",
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
    // It answers with its own long names for what was asked for.
    assert_eq!(account.granted, Scopes::parse("openid email profile"));

    // Its tokens are renewed without being replaced, and nothing of the grant is lost by it.
    for refreshes in 1..=2 {
        rig.sandbox.clock().advance(3600);
        client.access_token(&account.id).await.unwrap();
        assert_eq!(rig.token_requests("refresh_token"), refreshes);
    }
    let renewed = client.account(&account.id).await.unwrap();
    assert_eq!(
        (renewed.granted, renewed.state.as_str()),
        (account.granted, "signed_in")
    );

    let token = client.access_token(&account.id).await.unwrap().access_token;
    let receipt = client.sign_out(&account.id).await.unwrap();
    for what in ["refresh_token_revoked", "access_token_revoked", "secrets_deleted"] {
        let line = receipt.lines.iter().find(|line| line.what == what);
        assert_eq!(
            line.map(|line| line.outcome),
            Some(ReceiptOutcome::Done),
            "{what}"
        );
    }
    assert_eq!(receipt.provider_page, None);
    let userinfo = format!("{}/google/v1/userinfo", rig.sandbox.issuer());
    let refused = reqwest::Client::new()
        .get(userinfo)
        .bearer_auth(token.expose())
        .send()
        .await;
    assert_eq!(refused.unwrap().status(), 401);
    assert!(rig.keychain.kinds().is_empty());
}

#[tokio::test]
async fn any_of_its_tokens_ends_all_that_was_allowed_on_every_device() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    let first = sign_in(&client, request(), rig.sandbox.visitor("ann"))
        .await
        .unwrap();
    let elsewhere = client.access_token(&first.account.id).await.unwrap().access_token;
    let second = sign_in(&client, request(), rig.sandbox.visitor("ann"))
        .await
        .unwrap();
    assert!(client.can_sign_out(&second.account, SignOutWay::Everywhere));
    assert!(!client.can_sign_out(&second.account, SignOutWay::Leaked));
    let receipt = client
        .sign_out_by(&second.account.id, SignOutWay::Everywhere)
        .await
        .unwrap();
    let line = receipt
        .lines
        .iter()
        .find(|line| line.what == "everywhere_revoked");
    assert_eq!(line.map(|line| line.outcome), Some(ReceiptOutcome::Done));
    let userinfo = format!("{}/google/v1/userinfo", rig.sandbox.issuer());
    let refused = reqwest::Client::new()
        .get(userinfo)
        .bearer_auth(elsewhere.expose())
        .send()
        .await;
    assert_eq!(refused.unwrap().status(), 401);
}

#[tokio::test]
async fn a_custom_scheme_is_never_chosen_and_would_be_refused() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    let by_scheme = SignIn {
        route: Some(Route::Scheme),
        ..request()
    };
    let error = client.sign_in(by_scheme.clone()).err().unwrap();
    assert_eq!(
        (error.code(), error.category()),
        ("route_unavailable", Category::Usage)
    );
    assert!(rig.sandbox.log().entries().is_empty(), "nothing was asked");

    // Somebody insists in providers.toml: the provider shows a page of its own, and nothing comes back.
    let secret = format!("client_secret = \"{GOOGLE_CLIENT_SECRET}\"\nroutes = [\"scheme\"]");
    name(&rig, &secret);
    let client = rig.client().await;
    let attempt = client.sign_in(by_scheme).unwrap();
    let page = attempt.opened().await.unwrap();
    let end = rig.sandbox.visitor("ann").visit(page.url.as_str()).await;
    assert!(
        matches!(end, Err(VisitError::Page { status: 400, .. })),
        "{end:?}"
    );
    attempt.cancel();
}

#[tokio::test]
async fn the_secret_is_demanded_although_there_is_pkce() {
    let rig = Rig::new().await;
    name(&rig, "");
    let client = rig.client().await;
    let error = client.sign_in(request()).err().unwrap();
    assert_eq!(
        (error.code(), error.category()),
        ("client_secret_missing", Category::Usage)
    );
    assert!(rig.sandbox.log().entries().is_empty(), "nothing was asked");

    name(&rig, "client_secret = \"not-the-one\"");
    let client = rig.client().await;
    let error = sign_in(&client, request(), rig.sandbox.visitor("ann"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("invalid_client", Category::Network)
    );

    // Where nobody knows that it is Google, the provider itself says what is missing.
    name(&rig, "kind = \"oidc\"\nroutes = [\"loopback\"]");
    let client = rig.client().await;
    let error = sign_in(&client, plain(), rig.sandbox.visitor("ann"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "invalid_request");
    assert!(
        error.message().contains("client_secret is missing"),
        "{}",
        error.message()
    );
    assert!(client.accounts().await.unwrap().is_empty() && rig.keychain.kinds().is_empty());
}

/// Without `offline_access`, which it does not know and refuses.
fn plain() -> SignIn {
    SignIn {
        scopes: Some(Scopes::parse("openid email profile")),
        ..request()
    }
}

#[tokio::test]
async fn both_spellings_of_the_issuer_are_the_same_account_and_nobody_elses_are() {
    let short = Options {
        google_short_issuer: true,
        ..Options::default()
    };
    let rig = Rig::with(short).await;
    with_secret(&rig);
    let client = rig.client().await;
    let account = sign_in(&client, request(), rig.sandbox.visitor("ann"))
        .await
        .unwrap()
        .account;
    assert_eq!(
        account.issuer.as_str(),
        format!("{}/google", rig.sandbox.issuer())
    );

    rig.fault("id-token-wrong-iss");
    let error = sign_in(&client, request(), rig.sandbox.visitor("ann"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("id_token_iss", Category::CheckFailed)
    );
    rig.sandbox.faults().clear();

    // Of any other provider the short spelling is another issuer's.
    let secret = format!("client_secret = \"{GOOGLE_CLIENT_SECRET}\"");
    name(
        &rig,
        &format!("kind = \"oidc\"\nroutes = [\"loopback\"]\n{secret}"),
    );
    let other = rig.client().await;
    let error = sign_in(&other, plain(), rig.sandbox.visitor("ann"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("id_token_iss", Category::CheckFailed)
    );
}

#[tokio::test]
async fn the_long_spelling_is_the_same_account() {
    let long = Rig::new().await;
    with_secret(&long);
    let client = long.client().await;
    let account = sign_in(&client, request(), long.sandbox.visitor("ann"))
        .await
        .unwrap()
        .account;
    assert_eq!(
        account.issuer.as_str(),
        format!("{}/google", long.sandbox.issuer())
    );
    long.fault("id-token-wrong-iss");
    let error = sign_in(&client, request(), long.sandbox.visitor("ann"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "id_token_iss");
    assert_eq!(client.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_not_granted_shows_and_a_call_that_needs_it_says_so() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    let with_calendar = SignIn {
        scopes: Some(Scopes::parse("openid email profile").union(&Scopes::parse(CALENDAR))),
        ..request()
    };
    let choosy = rig.sandbox.visitor("ann").without(CALENDAR);
    let account = sign_in(&client, with_calendar.clone(), choosy)
        .await
        .unwrap()
        .account;
    assert_eq!(
        account.requested.difference(&account.granted),
        Scopes::parse(CALENDAR)
    );
    let answer = client.call(&account.id, calendars(&rig)).await.unwrap();
    assert_eq!(answer.status, 403);
    let missing = answer.step_up.unwrap().missing_scope().unwrap();
    assert!(missing.split(' ').any(|scope| scope == CALENDAR), "{missing}");
    assert!(
        answer
            .decisions
            .iter()
            .any(|decision| decision.code() == "missing_scope")
    );
    assert_eq!(
        rig.token_requests("refresh_token"),
        0,
        "another token would not help"
    );

    // Asked again, they agree.
    let again = sign_in(&client, with_calendar, rig.sandbox.visitor("ann"))
        .await
        .unwrap()
        .account;
    assert_eq!(again.id, account.id);
    assert!(again.granted.contains(CALENDAR));
    let answer = client
        .call(&again.id, calendars(&rig))
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        String::from_utf8(answer.body)
            .unwrap()
            .contains("ann@example.test")
    );
}

#[tokio::test]
async fn access_that_was_ended_there_needs_a_new_sign_in() {
    let rig = Rig::new().await;
    with_secret(&rig);
    let client = rig.client().await;
    let account = sign_in(&client, request(), rig.sandbox.visitor("ann"))
        .await
        .unwrap()
        .account;
    rig.sandbox
        .faults()
        .set(rule("token-500").dialect(Dialect::Google));
    rig.sandbox.clock().advance(3600);
    let error = client.access_token(&account.id).await.unwrap_err();
    assert_eq!(error.category(), Category::Network);
    rig.sandbox.faults().clear();
    rig.sandbox.revoke_everything();
    let error = client.access_token(&account.id).await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("needs_sign_in", Category::NeedsSignIn)
    );
    assert_eq!(rig.requests(Endpoint::Revocation), 0);
}
