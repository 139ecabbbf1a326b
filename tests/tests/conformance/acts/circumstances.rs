//! Acts in which it is not the provider that is odd: this computer's clock is, or the address that the person named.

use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use tessera_client::{AdHocProvider, ProviderChoice, SignIn};
use tessera_sandbox::CLIENT_ID;
use url::Url;

use super::Played;
use crate::scene::Scene;

/// Signs in where this computer's clock is so many seconds ahead of the provider's, or behind it.
pub(crate) fn sign_in_by_a_clock_ahead<const SECONDS: i64>(scene: &Scene) -> Played<'_> {
    async {
        scene.rig.ahead.store(SECONDS, Ordering::SeqCst);
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// Signs in at an issuer that is not encrypted and not named as this computer, though it is there and would answer.
pub(crate) fn sign_in_over_plain_http(scene: &Scene) -> Played<'_> {
    async {
        let mut issuer = Url::parse(scene.rig.sandbox.issuer()).unwrap();
        issuer.set_host(Some("0.0.0.0")).unwrap();
        let provider = ProviderChoice::AdHoc(AdHocProvider {
            issuer: issuer.as_str().trim_end_matches('/').to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: None,
        });
        scene.sign_in_as(SignIn::with(provider)).await.map(drop)
    }
    .boxed_local()
}
