//! Acts with what the browser comes back with.

use futures_util::FutureExt as _;
use tessera_client::{Route, SignIn};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{Options, Sandbox, VisitError};
use url::Url;

use super::Played;
use crate::scene::Scene;

/// The person says no.
pub(crate) fn decline(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let attempt = scene.client.sign_in(scene.request())?;
        let visitor = scene.rig.sandbox.visitor("ann").denying();
        let callback = scene.rig.visit_as(&attempt, visitor).await?;
        scene.deliver(&attempt, callback.as_str()).await.map(drop)
    }
    .boxed_local()
}

/// The system hands the callback to the client, which has to find the attempt that it answers.
pub(crate) fn deliver_by_the_system(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let attempt = scene.client.sign_in(scene.request())?;
        let callback = scene.callback(&attempt).await?;
        scene.client.deliver_callback(callback.as_str()).await?;
        attempt.wait().await.map(drop)
    }
    .boxed_local()
}

/// The callback comes a second time, after the sign-in that it answered.
pub(crate) fn replay_the_callback(scene: &Scene) -> Played<'_> {
    async {
        let attempt = scene.client.sign_in(scene.request())?;
        let callback = scene.callback(&attempt).await?;
        attempt.deliver(callback.as_str()).await?;
        attempt.wait().await?;
        scene.begin_here().await;
        scene.client.deliver_callback(callback.as_str()).await
    }
    .boxed_local()
}

/// The callback of a sign-in that was finished comes to a later one.
pub(crate) fn replay_of_a_finished_sign_in(scene: &Scene) -> Played<'_> {
    async {
        let earlier = scene.client.sign_in(scene.request())?;
        let old = scene.callback(&earlier).await?;
        earlier.deliver(old.as_str()).await?;
        earlier.wait().await?;
        scene.begin_here().await;
        let later = scene.client.sign_in(scene.request())?;
        scene.callback(&later).await?;
        scene.deliver(&later, old.as_str()).await.map(drop)
    }
    .boxed_local()
}

/// The callback of a sign-in that was cancelled comes to a later one.
pub(crate) fn replay_of_a_cancelled_sign_in(scene: &Scene) -> Played<'_> {
    async {
        let earlier = scene.client.sign_in(scene.request())?;
        let old = scene.callback(&earlier).await?;
        earlier.cancel();
        // Cancelled, and nothing else.
        let _ = earlier.wait().await;
        let later = scene.client.sign_in(scene.request())?;
        later.opened().await?;
        scene.callback(&later).await?;
        scene.deliver(&later, old.as_str()).await.map(drop)
    }
    .boxed_local()
}

/// The callback arrives at another address than the one that was asked for.
pub(crate) fn deliver_to_another_address(scene: &Scene) -> Played<'_> {
    async {
        let attempt = scene.client.sign_in(scene.request())?;
        let mut callback = scene.callback(&attempt).await?;
        callback.set_path("/other");
        scene.deliver(&attempt, callback.as_str()).await.map(drop)
    }
    .boxed_local()
}

/// Something on this machine calls the loopback listener before the browser does.
pub(crate) fn knock_at_the_listener(scene: &Scene) -> Played<'_> {
    async {
        let attempt = scene.client.sign_in(SignIn {
            route: Some(Route::Loopback),
            ..scene.request()
        })?;
        let callback = scene.callback(&attempt).await?;
        assert_eq!(callback.host_str(), Some("127.0.0.1"), "an IP literal");
        let mut forged = callback.clone();
        forged.set_query(Some("code=forged&state=forged"));
        assert!(reqwest::get(forged).await.unwrap().status().is_client_error());
        assert_eq!(scene.rig.requests(Endpoint::Token), 0);
        assert!(
            reqwest::get(callback.clone())
                .await
                .unwrap()
                .status()
                .is_success()
        );
        attempt.wait().await?;
        assert!(reqwest::get(callback).await.is_err(), "the port is closed");
        Ok(())
    }
    .boxed_local()
}

/// Mix-up (RFC 9700 section 4.4): the provider that the person chose sends the browser on to an honest one, with the
/// request that was meant for itself, so that the honest one's code comes back to the attempt of the first.
pub(crate) fn mix_up(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let honest = Sandbox::start(Options::default()).await.unwrap();
        let attempt = scene.client.sign_in(scene.request())?;
        let page = attempt.opened().await?;
        // The browser did come to the first provider.
        let mut visitor = scene.rig.sandbox.visitor("ann");
        visitor.visit(page.url.as_str()).await.unwrap();
        let sent_on = sent_on(scene, &page.url, &honest);
        let callback = honest.visitor("ann").visit(sent_on.as_str()).await.unwrap();
        let end = scene.deliver(&attempt, callback.as_str()).await;
        assert_no_token_of(&honest);
        end.map(drop)
    }
    .boxed_local()
}

/// The same where no callback says whose it is, and the honest provider knows another loopback address than the first:
/// its callback can come to its own address alone (RFC 9700 section 4.4.2.2), where nobody awaits it.
pub(crate) fn mix_up_of_addresses(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let honest = Sandbox::start(Options::default()).await.unwrap();
        scene.goes_wrong_too(&honest);
        let attempt = scene.client.sign_in(scene.request())?;
        let page = attempt.opened().await?;
        let mut visitor = scene.rig.sandbox.visitor("ann");
        let of_first = visitor.visit(page.url.as_str()).await.unwrap();
        let mut sent_on = sent_on(scene, &page.url, &honest);
        let refused = honest.visitor("ann").visit(sent_on.as_str()).await;
        assert!(
            matches!(refused, Err(VisitError::Page { status: 400, .. })),
            "the honest provider sends nobody to the first one's address"
        );

        let mut address = of_first.clone();
        address.set_query(None);
        address.set_path("/callback");
        let with_its_own = sent_on.query_pairs().map(|(name, value)| match &*name {
            "redirect_uri" => (name.into_owned(), address.to_string()),
            _ => (name.into_owned(), value.into_owned()),
        });
        let with_its_own: Vec<(String, String)> = with_its_own.collect();
        sent_on.query_pairs_mut().clear().extend_pairs(with_its_own);
        let callback = honest.visitor("ann").visit(sent_on.as_str()).await.unwrap();
        assert_eq!(callback.port(), of_first.port(), "it comes to the open port");
        for name in ["code", "state"] {
            assert!(callback.query_pairs().any(|(own, _)| own == name), "{name}");
        }
        assert!(callback.query_pairs().all(|(name, _)| name != "iss"));
        assert_eq!(reqwest::get(callback.clone()).await.unwrap().status(), 404);
        // Pasted by the person, it is no more than that.
        let end = scene.deliver(&attempt, callback.as_str()).await;
        assert_no_token_of(&honest);
        end.map(drop)
    }
    .boxed_local()
}

/// The authorization request for the first provider, as it sends it on to another.
fn sent_on(scene: &Scene, page: &Url, other: &Sandbox) -> Url {
    let text = page
        .as_str()
        .replacen(scene.rig.sandbox.issuer(), other.issuer(), 1);
    Url::parse(&text).unwrap()
}

fn assert_no_token_of(honest: &Sandbox) {
    let tokens = honest.log().matching(|entry| entry.endpoint == Endpoint::Token);
    assert!(tokens.is_empty(), "the honest provider was asked for tokens");
}
