//! Acts with an account that is there: refreshes, calls, and what happens a day later.

use futures_util::FutureExt as _;
use tessera_client::{Account, Error};
use tessera_sandbox::log::Endpoint;

use super::Played;
use crate::scene::Scene;

/// An account whose access token has run out. The row begins here.
async fn expired(scene: &Scene) -> Result<Account, Error> {
    let account = scene.sign_in().await?.account;
    scene.rig.sandbox.clock().advance(3600);
    scene.begin_here().await;
    scene.go_wrong();
    Ok(account)
}

/// The access token has run out, and an API is called.
pub(crate) fn call_after_expiry(scene: &Scene) -> Played<'_> {
    async {
        let account = expired(scene).await?;
        let status = scene.call(&account).await?;
        assert_eq!(status, 200);
        assert_eq!(scene.rig.token_requests("refresh_token"), 1);
        Ok(())
    }
    .boxed_local()
}

/// The same, and the provider claims to grant more than there was.
pub(crate) fn call_after_expiry_and_gain_nothing(scene: &Scene) -> Played<'_> {
    async {
        let account = expired(scene).await?;
        scene.call(&account).await?;
        let now = scene.client.account(&account.id).await?;
        assert!(!now.granted.contains("admin"), "{}", now.granted);
        Ok(())
    }
    .boxed_local()
}

/// The same, twice, with the refresh token that the provider gave or left.
pub(crate) fn call_after_expiry_twice(scene: &Scene) -> Played<'_> {
    async {
        let account = expired(scene).await?;
        scene.call(&account).await?;
        scene.rig.sandbox.clock().advance(3600);
        scene.call(&account).await?;
        assert_eq!(scene.rig.token_requests("refresh_token"), 2);
        Ok(())
    }
    .boxed_local()
}

/// The same, and the provider renews somebody else's sign-in.
pub(crate) fn call_after_expiry_by_somebody_else(scene: &Scene) -> Played<'_> {
    async {
        let account = expired(scene).await?;
        let called = scene.call(&account).await.map(drop);
        let now = scene.client.account(&account.id).await?;
        assert_eq!(now.state.as_str(), "needs_sign_in");
        assert!(scene.stored().iter().all(|name| !name.starts_with("refresh/")));
        called
    }
    .boxed_local()
}

/// A refresh is refused for good, and whoever asks again hears the same without the provider being asked.
pub(crate) fn call_after_the_session_ended(scene: &Scene) -> Played<'_> {
    async {
        let account = expired(scene).await?;
        let first = scene.call(&account).await.map(drop);
        assert_eq!(first.err().map(|error| error.code()), Some("needs_sign_in"));
        let again = scene.call(&account).await.map(drop);
        assert_eq!(scene.rig.token_requests("refresh_token"), 1, "asked once");
        again
    }
    .boxed_local()
}

/// The keys were read a moment ago, and the provider does from now on what the row says.
pub(crate) fn sign_in_just_after_the_keys_were_read(scene: &Scene) -> Played<'_> {
    async {
        scene.sign_in().await?;
        scene.begin_here().await;
        scene.go_wrong();
        let signed_in = scene.sign_in().await;
        assert_eq!(
            scene.rig.requests(Endpoint::KeySet),
            1,
            "the key set is read anew"
        );
        signed_in.map(drop)
    }
    .boxed_local()
}

/// Hours after the keys were read, the provider's key set cannot be had; the ID token is signed with a known key.
pub(crate) fn sign_in_hours_after_the_keys_were_read(scene: &Scene) -> Played<'_> {
    async {
        scene.sign_in().await?;
        scene.rig.sandbox.clock().advance(23 * 60 * 60);
        scene.begin_here().await;
        scene.go_wrong();
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// The same a day later: what was read then is not relied on any more.
pub(crate) fn sign_in_a_day_after_the_keys_were_read(scene: &Scene) -> Played<'_> {
    async {
        scene.sign_in().await?;
        scene.rig.sandbox.clock().advance(24 * 60 * 60);
        scene.begin_here().await;
        scene.go_wrong();
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// Hours later the key set cannot be had and the ID token is signed with a key that was not in it.
pub(crate) fn sign_in_with_a_new_key_hours_later(scene: &Scene) -> Played<'_> {
    async {
        scene.sign_in().await?;
        scene.rig.sandbox.clock().advance(23 * 60 * 60);
        scene.rig.sandbox.rotate_keys(false).unwrap();
        scene.begin_here().await;
        scene.go_wrong();
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// Ann signs in again and again at a provider whose ID tokens are signed with keys that nobody has.
pub(crate) fn unknown_keys_do_not_make_a_flood(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        for _ in 0..3 {
            let refused = scene.sign_in().await;
            assert_eq!(
                refused.err().map(|error| error.code()),
                Some("id_token_unknown_key")
            );
        }
        assert_eq!(
            scene.rig.requests(Endpoint::KeySet),
            2,
            "the first look and one more"
        );
        scene.rig.sandbox.clock().advance(31);
        let refused = scene.sign_in().await;
        assert_eq!(
            scene.rig.requests(Endpoint::KeySet),
            3,
            "after half a minute one more"
        );
        refused.map(drop)
    }
    .boxed_local()
}
