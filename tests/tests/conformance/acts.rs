//! What is done with the provider in a row. Each gives back what the last thing that the client was asked for came
//! to; what must hold on the way is asserted where it happens.

mod answers;
mod circumstances;
mod device;
mod ending;
mod later;
mod step_up;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tessera_client::{CheckId, Error, Outcome, SignIn};
use tessera_oidc::Scopes;
use tessera_sandbox::log::Endpoint;

use crate::scene::Scene;

pub(crate) use answers::*;
pub(crate) use circumstances::*;
pub(crate) use device::*;
pub(crate) use ending::*;
pub(crate) use later::*;
pub(crate) use step_up::*;

/// What an act gives back.
pub(crate) type Played<'a> = LocalBoxFuture<'a, Result<(), Error>>;

/// Signs in at a provider that does from the beginning what the row says.
pub(crate) fn sign_in(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// The same, and the client does not take longer over it than it has patience: time passes as soon as the provider
/// was asked what it does not answer.
pub(crate) fn sign_in_in_no_time(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let asked = scene.slow_endpoint();
        let hurry = async {
            let log = scene.rig.sandbox.log();
            log.wait_for(|entry| entry.endpoint == asked).await.unwrap();
            tokio::time::pause();
            tokio::time::advance(tessera_client::ports::Limits::PROTOCOL.time).await;
            tokio::time::resume();
        };
        let (signed_in, ()) = tokio::join!(scene.sign_in(), hurry);
        signed_in.map(drop)
    }
    .boxed_local()
}

/// Signs in, and everything is asked for where the discovery document says: the keys too, and before anybody is shown
/// the access token.
pub(crate) fn sign_in_by_moved_keys(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        scene.sign_in().await?;
        let asked = scene.rig.sandbox.log().matching(|entry| {
            matches!(
                entry.endpoint,
                Endpoint::Discovery | Endpoint::KeySet | Endpoint::Userinfo
            )
        });
        let paths: Vec<&str> = asked.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(
            paths,
            ["/.well-known/openid-configuration", "/keys/moved", "/userinfo"]
        );
        Ok(())
    }
    .boxed_local()
}

/// Signs in at a provider that publishes an earlier key beside the one it signs with.
pub(crate) fn sign_in_with_two_keys(scene: &Scene) -> Played<'_> {
    async {
        scene.rig.sandbox.rotate_keys(true).unwrap();
        scene.go_wrong();
        scene.sign_in().await.map(drop)
    }
    .boxed_local()
}

/// Signs in twice, and between the two the provider changes its keys.
pub(crate) fn sign_in_again_after_rotation(scene: &Scene) -> Played<'_> {
    async {
        scene.sign_in().await?;
        scene.rig.sandbox.rotate_keys(false).unwrap();
        scene.sign_in().await?;
        assert_eq!(
            scene.rig.requests(Endpoint::KeySet),
            2,
            "the keys were read once more"
        );
        Ok(())
    }
    .boxed_local()
}

/// An ID token whose key nobody has is worth one more look at the key set.
pub(crate) fn unknown_key_is_looked_for_once(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let signed_in = scene.sign_in().await;
        assert_eq!(
            scene.rig.requests(Endpoint::KeySet),
            2,
            "the first look and one more"
        );
        signed_in.map(drop)
    }
    .boxed_local()
}

/// Asks for everything that a scope can ask of a profile (Core 5.4), and looks for all of it in the account.
pub(crate) fn sign_in_for_claims(scene: &Scene) -> Played<'_> {
    async {
        let asked = Scopes::parse("openid profile email phone address");
        let account = scene
            .sign_in_as(SignIn {
                scopes: Some(asked.clone()),
                ..scene.request()
            })
            .await?
            .account;
        assert_eq!(account.granted, asked);
        let claim = |name: &str| {
            let found = account.claims.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(claim("given_name"), Some("Ann"));
        assert_eq!(claim("family_name"), Some("Archer"));
        assert_eq!(claim("email"), Some("ann@example.test"));
        assert_eq!(claim("phone_number"), Some("+1 202 555 0101"));
        let address: serde_json::Value = serde_json::from_str(claim("address").unwrap()).unwrap();
        assert_eq!(address["street_address"], "1001 Sandbox Street");
        assert_eq!(address["locality"], "Exampleton");
        Ok(())
    }
    .boxed_local()
}

/// Every parameter of the authorization request that protects it, and that two requests share none of its secrets.
pub(crate) fn sign_in_with_fresh_protection(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        scene.sign_in().await?;
        scene.sign_in().await?;
        let pages = scene.rig.browser.opened.lock().unwrap().clone();
        let of = |name: &str| -> Vec<String> {
            let pages = pages.iter().rev().take(2);
            let values = pages.flat_map(|page| page.query_pairs().filter(|(own, _)| own == name));
            values.map(|(_, value)| value.into_owned()).collect()
        };
        assert_eq!(of("response_type"), ["code", "code"]);
        assert_eq!(of("code_challenge_method"), ["S256", "S256"]);
        for (name, least) in [("code_challenge", 43), ("state", 43), ("nonce", 43)] {
            let values = of(name);
            assert_eq!(values.len(), 2, "{name}");
            assert!(values.iter().all(|value| value.len() >= least), "{name}");
            assert_ne!(values[0], values[1], "{name}");
        }
        Ok(())
    }
    .boxed_local()
}

/// Signs in without the profile, which is not believed, or is not to be had; who signed in is known without it.
pub(crate) fn sign_in_and_leave_the_profile(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let signed_in = scene.sign_in().await?;
        let of_profile = signed_in
            .checks
            .iter()
            .find(|verdict| verdict.check == CheckId::UserinfoSubject);
        assert_eq!(
            of_profile.map(|verdict| verdict.outcome),
            Some(Outcome::NotReached),
            "nothing of it is used"
        );
        Ok(())
    }
    .boxed_local()
}

/// The API refuses the access token; it is replaced once, and then the API's answer is the answer.
pub(crate) fn call_with_a_token_for_another_api(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let account = scene.sign_in().await?.account;
        assert_eq!(scene.call(&account).await?, 401);
        assert_eq!(scene.rig.token_requests("refresh_token"), 1, "replaced once");
        assert_eq!(scene.rig.requests(Endpoint::Api), 2);
        Ok(())
    }
    .boxed_local()
}

/// From the first request to the last, everything names the key or proves that the client has it.
pub(crate) fn sign_in_bound(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let account = scene.sign_in().await?.account;
        assert_eq!(scene.call(&account).await?, 200);
        let sent = |endpoint| {
            scene
                .rig
                .sandbox
                .log()
                .matching(|entry| entry.endpoint == endpoint)
        };
        let page = sent(Endpoint::Authorization);
        assert!(
            page.iter()
                .all(|entry| entry.parameters.iter().any(|name| name == "dpop_jkt"))
        );
        for endpoint in [Endpoint::Token, Endpoint::Userinfo, Endpoint::Api] {
            let entries = sent(endpoint);
            assert!(!entries.is_empty(), "{endpoint:?}");
            assert!(entries.iter().all(|entry| entry.with_proof), "{endpoint:?}");
        }
        // A wish for a nonce that is not understood looks like a refused token, which would be replaced.
        let refreshes = scene.rig.token_requests("refresh_token");
        assert_eq!(refreshes, 0, "a nonce costs one more request and no token");
        Ok(())
    }
    .boxed_local()
}

/// The provider granted less than was asked for, and the account says so.
pub(crate) fn sign_in_and_be_granted_less(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let account = scene.sign_in().await?.account;
        assert!(
            account.requested.contains("profile") && !account.granted.contains("profile"),
            "{}",
            account.granted
        );
        Ok(())
    }
    .boxed_local()
}

/// The provider does not say what it granted: it granted what was asked for.
pub(crate) fn sign_in_and_be_granted_all(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let account = scene.sign_in().await?.account;
        assert!(account.granted.contains("profile") && account.granted.contains("email"));
        Ok(())
    }
    .boxed_local()
}

/// The scopes come with commas between them, and each is a permission of its own.
pub(crate) fn sign_in_and_be_granted_each(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let account = scene.sign_in().await?.account;
        // That a refresh token came is granted too, though GitHub has no scope for it.
        assert_eq!(
            account.granted,
            Scopes::parse("offline_access read:user user:email")
        );
        Ok(())
    }
    .boxed_local()
}

/// Everything is pushed that the browser would carry otherwise, and the browser carries the name of it.
pub(crate) fn sign_in_by_a_pushed_request(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        scene.sign_in().await?;
        let sent = |endpoint| {
            let mut entries = scene
                .rig
                .sandbox
                .log()
                .matching(|entry| entry.endpoint == endpoint);
            assert_eq!(entries.len(), 1, "{endpoint:?}");
            entries.remove(0).parameters
        };
        assert_eq!(sent(Endpoint::Authorization), ["client_id", "request_uri"]);
        let mut pushed = sent(Endpoint::PushedAuthorization);
        pushed.sort_unstable();
        assert_eq!(
            pushed,
            [
                "client_id",
                "code_challenge",
                "code_challenge_method",
                "nonce",
                "prompt",
                "redirect_uri",
                "response_type",
                "scope",
                "state",
            ]
        );
        Ok(())
    }
    .boxed_local()
}

/// Ann is signed in already, and does it once more.
pub(crate) fn sign_in_anew(scene: &Scene) -> Played<'_> {
    async {
        let account = scene.sign_in().await?.account;
        scene.begin_here().await;
        scene.go_wrong();
        let again = scene.sign_in().await;
        scene.rig.sandbox.faults().clear();
        let log = scene.rig.sandbox.log().entries().len();
        let now = scene.client.account(&account.id).await.unwrap();
        assert_eq!(
            (now.state.as_str(), now.generation),
            ("signed_in", account.generation)
        );
        assert_eq!(
            scene
                .client
                .access_token(&account.id)
                .await
                .map(drop)
                .err()
                .map(|e| e.code()),
            None
        );
        assert_eq!(
            scene.rig.sandbox.log().entries().len(),
            log,
            "the kept token still serves"
        );
        again.map(drop)
    }
    .boxed_local()
}
