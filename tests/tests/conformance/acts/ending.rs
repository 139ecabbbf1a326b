//! Acts that end a session, here and in the browser.

use futures_util::FutureExt as _;
use tessera_client::{BrowserSignOutEnd, Error, MAX_BROWSER_SIGN_OUT, Route};
use tessera_sandbox::log::Endpoint;

use super::Played;
use crate::scene::Scene;

/// Ann signs out here, and then in her browser, which comes back as the provider sends it.
pub(crate) fn sign_out_in_the_browser(scene: &Scene) -> Played<'_> {
    async {
        // The way back from the sign-out page is that of a provider the app knows.
        scene.rig.name_provider_by(Route::Scheme);
        let client = scene.rig.client().await;
        let mut browser = scene.rig.sandbox.visitor("ann");
        let attempt = client.sign_in(scene.rig.request(Route::Scheme))?;
        let page = attempt.opened().await?.url;
        let callback = browser.visit(page.as_str()).await.unwrap();
        attempt.deliver(callback.as_str()).await?;
        let account = attempt.wait().await?.account;
        scene.begin_here().await;
        scene.go_wrong();

        let receipt = client.sign_out(&account.id).await?;
        assert!(
            scene.accounts().await.is_empty(),
            "signed out before any browser opens"
        );
        assert_eq!(scene.rig.requests(Endpoint::EndSession), 0);
        scene.rig.browser.opened.lock().unwrap().clear();
        let mut sign_out = client
            .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
            .await?;
        let page = scene.rig.browser.opened_page().await;
        for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
            assert!(page.query_pairs().any(|(own, _)| own == name), "{name}");
        }
        let back = browser.visit(page.as_str()).await.unwrap();
        client.deliver_callback(back.as_str()).await?;
        assert!(matches!(sign_out.wait().await, BrowserSignOutEnd::Returned));
        Ok(())
    }
    .boxed_local()
}

/// Ann signs out while the provider does what the row says.
pub(crate) fn sign_out(scene: &Scene) -> Played<'_> {
    async {
        let account = scene.sign_in().await?.account;
        scene.begin_here().await;
        scene.go_wrong();
        let receipt = scene.client.sign_out(&account.id).await?;
        let revocations = scene
            .rig
            .sandbox
            .log()
            .matching(|entry| entry.endpoint == Endpoint::Revocation);
        assert!(!revocations.is_empty(), "the provider was asked to revoke");
        let told = receipt
            .lines
            .iter()
            .any(|line| line.what == "refresh_token_revoked");
        assert!(told, "what became of it is told");
        Ok(())
    }
    .boxed_local()
}

/// A return from a sign-out page that nobody is on.
pub(crate) fn return_from_no_sign_out(scene: &Scene) -> Played<'_> {
    async {
        let stray = "app.tessera.desktop:/signed-out?state=made-up&code=made-up";
        let taken: Result<(), Error> = scene.client.deliver_callback(stray).await;
        taken
    }
    .boxed_local()
}
