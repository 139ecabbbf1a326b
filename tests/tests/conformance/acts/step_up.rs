//! Acts in which an API wants more than the account has: another sign-in of the same person, and the call again
//! (RFC 9470, RFC 6750 section 3.1).

use futures_util::FutureExt as _;
use lab::rig::tidied;
use serde_json::json;
use tessera_client::{Account, ApiRequest, Error, Route, SignIn, StepUp};
use tessera_oidc::Scopes;
use tessera_sandbox::faults::{Change, Document, Fault};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{ACR_PASSWORD, ACR_SECOND_STEP};
use url::Url;

use super::Played;
use crate::scene::Scene;

/// What the API wants a sign-in of the last five minutes for.
const RECENT: &str = "diary";
/// What it wants a second step for.
const STRONG: &str = "strongbox";
/// What it wants one more permission for.
const PERMITTED: &str = "ledger";

/// The permissions that Ann gives at first, in the order that they are sent in.
const FEW: &str = "email offline_access openid";

/// Ann's account, whose sign-in is five minutes old.
async fn signed_in(scene: &Scene) -> Result<Account, Error> {
    let request = SignIn {
        scopes: Some(Scopes::parse(FEW)),
        ..scene.request()
    };
    let account = scene.sign_in_as(request).await?.account;
    scene.rig.sandbox.clock().advance(301);
    Ok(account)
}

/// What comes of a call, and what the API wants before it answers.
async fn call(scene: &Scene, account: &Account, path: &str) -> Result<(u16, Option<StepUp>), Error> {
    let request = ApiRequest::get(format!("{}/{path}", scene.rig.sandbox.api()));
    let answer = scene.client.call(&account.id, request).await?;
    Ok((answer.status.as_u16(), answer.step_up))
}

/// `person` signs in for what the API wants; gives back the page that the browser was sent to as well.
async fn sign_in_for(
    scene: &Scene,
    account: &Account,
    wanted: StepUp,
    person: &str,
) -> (Url, Result<Account, Error>) {
    let request = SignIn {
        route: Some(Route::Scheme),
        ..scene.client.step_up(&account.id, wanted).await.unwrap()
    };
    let attempt = scene.client.sign_in(request).unwrap();
    let page = attempt.opened().await.unwrap().url;
    let callback = scene.rig.visit(&attempt, person).await.unwrap();
    let ended = scene.deliver(&attempt, callback.as_str()).await;
    (page, ended.map(|signed_in| signed_in.account))
}

/// Ann does what the API wants, of which the browser's page says just that, and the call that waited is answered.
async fn taken(
    scene: &Scene,
    path: &str,
    status: u16,
    asked: [(&str, Option<&str>); 3],
) -> Result<(), Error> {
    let account = signed_in(scene).await?;
    let (refused, wanted) = call(scene, &account, path).await?;
    assert_eq!(refused, status);
    scene.rig.sandbox.log().clear();
    let (page, again) = sign_in_for(scene, &account, wanted.unwrap(), "ann").await;
    for (name, value) in asked {
        let found = page.query_pairs().find(|(own, _)| own == name);
        let found = found.map(|(_, value)| value.into_owned());
        assert_eq!(found.as_deref(), value, "{name}");
    }
    let again = again?;
    assert_eq!(again.id, account.id);
    let answered = call(scene, &again, path).await?;
    assert_eq!(answered, (200, None));
    assert_eq!(scene.rig.requests(Endpoint::Authorization), 1, "asked once");
    Ok(())
}

/// The API wants a sign-in that is not older than five minutes.
pub(crate) fn step_up_by_age(scene: &Scene) -> Played<'_> {
    let asked = [
        ("max_age", Some("300")),
        ("acr_values", None),
        ("scope", Some(FEW)),
    ];
    taken(scene, RECENT, 401, asked).boxed_local()
}

/// The API wants a stronger sign-in.
pub(crate) fn step_up_by_strength(scene: &Scene) -> Played<'_> {
    let asked = [
        ("max_age", None),
        ("acr_values", Some(ACR_SECOND_STEP)),
        ("scope", Some(FEW)),
    ];
    taken(scene, STRONG, 401, asked).boxed_local()
}

/// The API wants a permission that Ann did not give.
pub(crate) fn step_up_by_permission(scene: &Scene) -> Played<'_> {
    let asked = [
        ("max_age", None),
        ("acr_values", None),
        ("scope", Some("email ledger:read offline_access openid")),
    ];
    taken(scene, PERMITTED, 403, asked).boxed_local()
}

/// `person` signs in for what the API wants, at a provider whose ID token is changed so. The account must be as it was.
async fn refused(scene: &Scene, path: &str, change: Option<Change>, person: &str) -> Result<(), Error> {
    let account = signed_in(scene).await?;
    let wanted = call(scene, &account, path).await?.1.unwrap();
    refused_for(scene, &account, wanted, change, person).await
}

async fn refused_for(
    scene: &Scene,
    account: &Account,
    wanted: StepUp,
    change: Option<Change>,
    person: &str,
) -> Result<(), Error> {
    scene.begin_here().await;
    let kept = scene.rig.keychain.entries.lock().unwrap().clone();
    let is_changed = change.is_some();
    if let Some(change) = change {
        let document = Document::IdToken;
        scene.rig.sandbox.faults().set(Fault::Json { document, change });
    }
    let (_, ended) = sign_in_for(scene, account, wanted, person).await;
    scene.rig.sandbox.faults().clear();
    let log = scene.rig.sandbox.log().entries();
    let shown = log.iter().filter_map(|entry| entry.outcome.as_ref());
    assert_eq!(
        shown.filter(|outcome| !outcome.faults.is_empty()).count(),
        usize::from(is_changed),
        "the ID token was changed"
    );
    tidied(&scene.client).await;
    assert_eq!(*scene.rig.keychain.entries.lock().unwrap(), kept);
    let now = scene.client.account(&account.id).await?;
    assert_eq!(
        (now.state.as_str(), now.generation, now.granted),
        ("signed_in", account.generation, account.granted.clone())
    );
    ended.map(drop)
}

/// The ID token does not say how Ann signed in, although that was asked for.
pub(crate) fn step_up_without_acr(scene: &Scene) -> Played<'_> {
    refused(scene, STRONG, Some(Change::Remove("acr")), "ann").boxed_local()
}

/// The ID token says that Ann signed in by her password alone.
pub(crate) fn step_up_with_another_acr(scene: &Scene) -> Played<'_> {
    let change = Change::Set("acr", json!(ACR_PASSWORD));
    refused(scene, STRONG, Some(change), "ann").boxed_local()
}

/// The ID token does not say when Ann signed in.
pub(crate) fn step_up_without_auth_time(scene: &Scene) -> Played<'_> {
    refused(scene, RECENT, Some(Change::Remove("auth_time")), "ann").boxed_local()
}

/// The ID token says that Ann signed in long ago.
pub(crate) fn step_up_with_an_old_auth_time(scene: &Scene) -> Played<'_> {
    let change = Change::Set("auth_time", json!(1));
    refused(scene, RECENT, Some(change), "ann").boxed_local()
}

/// Bob signs in where Ann was asked to. He has an account here, which is not touched either.
pub(crate) fn step_up_by_another_person(scene: &Scene) -> Played<'_> {
    refused(scene, STRONG, None, "bob").boxed_local()
}

/// The API wants a sign-in of a kind that the provider does not know.
pub(crate) fn step_up_to_the_unknown(scene: &Scene) -> Played<'_> {
    async {
        let account = signed_in(scene).await?;
        let wanted = StepUp {
            acr_values: vec!["urn:example:iris".to_owned()],
            ..StepUp::default()
        };
        refused_for(scene, &account, wanted, None, "ann").await
    }
    .boxed_local()
}
