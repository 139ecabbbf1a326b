//! What is done with the provider in a row. Each gives back what the last thing that the client was asked for came
//! to; what must hold on the way is asserted where it happens.

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tessera_client::Error;

use crate::scene::Scene;

/// What an act gives back.
type Played<'a> = LocalBoxFuture<'a, Result<(), Error>>;

/// Signs in at a provider that does from the beginning what the row says.
pub(crate) fn sign_in(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// The same at a provider that publishes an earlier key beside the one it signs with.
pub(crate) fn sign_in_with_two_keys(scene: &Scene) -> Played<'_> {
    async {
        scene.rig.sandbox.rotate_keys(true).unwrap();
        scene.go_wrong();
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// Asks for a profile and an address, and looks for them in the account.
pub(crate) fn asks_for_claims(scene: &Scene) -> Played<'_> {
    async {
        let account = scene.sign_in().await?.account;
        let claim = |name: &str| {
            let found = account.claims.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(claim("given_name"), Some("Ann"));
        assert_eq!(claim("family_name"), Some("Archer"));
        assert_eq!(claim("email"), Some("ann@example.test"));
        Ok(())
    }
    .boxed_local()
}
