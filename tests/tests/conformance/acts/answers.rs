//! Acts with what the browser comes back with.

use futures_util::FutureExt as _;
use tessera_client::{Route, SignIn};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{Options, Sandbox};

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
        let sent_on = page
            .url
            .as_str()
            .replacen(scene.rig.sandbox.issuer(), honest.issuer(), 1);
        let callback = honest.visitor("ann").visit(&sent_on).await.unwrap();
        let end = scene.deliver(&attempt, callback.as_str()).await;
        let tokens = honest.log().matching(|entry| entry.endpoint == Endpoint::Token);
        assert!(tokens.is_empty(), "the honest provider was asked for tokens");
        end.map(drop)
    }
    .boxed_local()
}
