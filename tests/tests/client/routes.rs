//! Ways back: what is pasted completes any of them, and a sign-in that waits in vain goes on by another one, because
//! the person says so and not before.

use tessera_client::{Attempt, AttemptError, Client, Error, Route, Scopes, SignIn, Stage, Storage};

use crate::rig::Rig;

/// Pages that were opened so far.
fn opened(rig: &Rig) -> usize {
    rig.browser.opened.lock().unwrap().len()
}

async fn waiting(client: &Client, request: SignIn) -> Attempt {
    let attempt = client.sign_in(request).unwrap();
    attempt.opened().await.unwrap();
    attempt
}

#[tokio::test]
async fn a_paste_completes_each_of_them() {
    for (route, opens) in [(Route::Scheme, 1), (Route::Loopback, 1), (Route::Paste, 1)] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        let attempt = waiting(&client, rig.request(route)).await;
        let callback = rig.visit(&attempt, "ann").await.unwrap();
        attempt.deliver(callback.as_str()).await.unwrap();
        assert_eq!(
            attempt.wait().await.unwrap().account.name,
            "Ann Archer",
            "{route:?}"
        );
        assert_eq!(opened(&rig), opens, "{route:?}");
    }
}

#[tokio::test]
async fn a_sign_in_goes_on_by_another_way_with_all_that_it_was_for() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let ann = rig.sign_in(&client, "ann").await.account;
    rig.browser.opened.lock().unwrap().clear();
    let request = SignIn {
        scopes: Some(Scopes::parse("openid email")),
        storage: Storage::UntilQuit,
        account: Some(ann.id.clone()),
        ..rig.request(Route::Scheme)
    };
    let first = waiting(&client, request).await;
    let late = rig.visit(&first, "ann").await.unwrap();
    assert_eq!(opened(&rig), 1);

    let second = first.go_by(Route::Loopback).unwrap();
    assert_eq!(first.wait().await.unwrap_err().code(), "replaced");
    let page = second.opened().await.unwrap().url;
    let parameter = |name: &str| {
        let found = page.query_pairs().find(|(own, _)| own == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    assert!(parameter("redirect_uri").starts_with("http://127.0.0.1:"));
    assert_eq!(parameter("scope"), "email openid");
    assert_eq!(parameter("login_hint"), "ann@example.test");
    assert_eq!(opened(&rig), 2, "who presses gets a page");

    // The page of the way before is still there, and answers nobody.
    let refused = client.deliver_callback(late.as_str()).await.unwrap_err();
    assert_eq!(refused.code(), "answer_not_awaited");

    // The address bar of a browser that does not reach the port.
    let callback = rig.visit(&second, "ann").await.unwrap();
    second.deliver(callback.as_str()).await.unwrap();
    let account = second.wait().await.unwrap().account;
    assert_eq!((account.id, account.storage), (ann.id, Storage::UntilQuit));
    assert_eq!(account.requested, Scopes::parse("openid email"));
    assert_eq!(account.apis, ann.apis);
}

#[tokio::test]
async fn a_code_for_another_device_opens_nothing_here() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let first = waiting(&client, rig.request(Route::Scheme)).await;
    let second = first.go_by(Route::Device).unwrap();
    second.opened().await.unwrap();
    assert_eq!(opened(&rig), 1);
    let prompt = second.view().device.unwrap();
    let mut ann = rig.sandbox.visitor("ann");
    ann.enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
    second.wait().await.unwrap();
    assert_eq!(opened(&rig), 1);
}

#[tokio::test]
async fn what_cannot_go_on_by_another_way_stays_as_it_is() {
    let rig = Rig::new().await;
    rig.name_provider_by(Route::Scheme);
    let client = rig.client().await;
    let known = tessera_client::ProviderId::new("box").unwrap();
    let request = SignIn::with(tessera_client::ProviderChoice::Known(known));
    let first = waiting(&client, request).await;
    let refused = first.go_by(Route::Device).err().unwrap();
    assert_eq!(refused.code(), "route_unavailable");
    assert_eq!(first.view().stage, Stage::Waiting, "it goes on");

    let second = waiting(&client, rig.request(Route::Scheme)).await;
    let gone = |error: Result<Attempt, Error>| matches!(error, Err(Error::Attempt(AttemptError::Gone)));
    assert!(gone(first.go_by(Route::Scheme)), "another one waits now");
    second.cancel();
    second.wait().await.unwrap_err();
    assert!(gone(second.go_by(Route::Scheme)), "nobody waits");
    assert_eq!(opened(&rig), 2);
}
