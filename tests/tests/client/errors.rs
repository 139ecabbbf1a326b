//! Whatever goes wrong has its own code, a sentence and a hint; nothing that was there is lost, and no secret
//! is in anything that was said or written.

use tessera_client::ports::VaultError;
use tessera_client::{AdHocProvider, Category, ProviderChoice, Route, SignIn};
use tessera_sandbox::CLIENT_ID;
use tessera_sandbox::log::Endpoint;

use crate::rig::Rig;

/// What must not happen after which fault: the sandbox's log proves it.
struct Case {
    fault: &'static str,
    code: &'static str,
    category: Category,
    /// Nothing of this kind is sent.
    never: Endpoint,
}

const fn case(fault: &'static str, code: &'static str, category: Category, never: Endpoint) -> Case {
    Case {
        fault,
        code,
        category,
        never,
    }
}

#[tokio::test]
async fn a_provider_that_errs_is_told_apart() {
    use Category::{CheckFailed, Network};
    use Endpoint::{Authorization, Userinfo};
    let cases = [
        case("discovery-404", "metadata_status", Network, Authorization),
        case("discovery-500", "metadata_status", Network, Authorization),
        case("discovery-html", "metadata_not_json", Network, Authorization),
        case("discovery-not-json", "metadata_not_json", Network, Authorization),
        case(
            "discovery-issuer-mismatch",
            "issuer_mismatch",
            CheckFailed,
            Authorization,
        ),
        case(
            "discovery-http-token-endpoint",
            "endpoint_insecure",
            CheckFailed,
            Authorization,
        ),
        case(
            "discovery-no-token-endpoint",
            "metadata_malformed",
            Network,
            Authorization,
        ),
        case("token-500", "token_endpoint_status", Network, Userinfo),
        case("token-html", "token_response_not_json", Network, Userinfo),
        case("token-cut", "answer_broken", Network, Userinfo),
        case("token-redirect", "token_endpoint_status", Network, Userinfo),
        case("token-invalid-grant", "invalid_grant", Network, Userinfo),
        case("id-token-wrong-iss", "id_token_iss", CheckFailed, Userinfo),
        case("id-token-wrong-aud", "id_token_aud", CheckFailed, Userinfo),
        case("id-token-wrong-azp", "id_token_azp", CheckFailed, Userinfo),
        case("key-set-500", "key_set_status", Network, Userinfo),
        case("key-set-html", "key_set_not_json", Network, Userinfo),
    ];
    for Case {
        fault,
        code,
        category,
        never,
    } in cases
    {
        let rig = Rig::new().await;
        let client = rig.client().await;
        let before = rig.sign_in(&client, "bob").await.account;
        let kept = rig.keychain.entries.lock().unwrap().clone();
        rig.sandbox.log().clear();

        // Another process, which has read nothing yet.
        let client = rig.client().await;
        rig.fault(fault);
        let error = rig
            .sign_in_with(&client, rig.request(Route::Scheme), "ann")
            .await
            .unwrap_err();
        assert_eq!(
            (error.code(), error.category()),
            (code, category),
            "{fault}: {error:?}"
        );
        assert!(
            error.message().ends_with(['.', ':']) || error.message().contains("said"),
            "{fault}: {}",
            error.message()
        );
        assert!(error.hint().ends_with('.'), "{fault}: {}", error.hint());
        assert_eq!(rig.requests(never), 0, "{fault}: {never:?} came all the same");
        let accounts = client.accounts().await.unwrap();
        assert_eq!(
            accounts.iter().map(|account| &account.id).collect::<Vec<_>>(),
            [&before.id],
            "{fault}"
        );
        assert_eq!(
            *rig.keychain.entries.lock().unwrap(),
            kept,
            "{fault}: the keychain is as it was"
        );
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_one_never_leaves_this_machine() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let check = async |issuer: &str, code: &str, category: Category| {
        let provider = ProviderChoice::AdHoc(AdHocProvider {
            issuer: issuer.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: None,
        });
        let error = match client.sign_in(SignIn::with(provider)) {
            Ok(attempt) => attempt.wait().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!((error.code(), error.category()), (code, category), "{issuer}");
    };
    check("login.example", "issuer_invalid", Category::Usage).await;
    check("http://login.example", "issuer_insecure", Category::CheckFailed).await;
    check(
        "https://login.example/?tenant=1",
        "issuer_invalid",
        Category::Usage,
    )
    .await;
    check("http://127.0.0.1:9", "unreachable", Category::Network).await;
}

#[tokio::test]
async fn a_keychain_that_takes_only_half_of_it_is_left_as_it_was() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let broken = || {
        rig.keychain
            .refuse("access/", VaultError::Failed("it is full".to_owned()));
    };
    broken();
    let sign_in = async || {
        rig.sign_in_with(&client, rig.request(Route::Scheme), "ann")
            .await
            .map(|signed_in| signed_in.account)
    };
    let error = sign_in().await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("keychain_failed", Category::Keychain)
    );
    assert!(client.accounts().await.unwrap().is_empty());
    assert!(rig.keychain.kinds().is_empty(), "{:?}", rig.keychain.kinds());

    // An account that was there goes on as it was.
    rig.keychain.relent();
    let account = sign_in().await.unwrap();
    broken();
    // The tokens that are there then tell of another moment at which the person signed in.
    rig.sandbox.clock().advance(5);
    sign_in().await.unwrap_err();
    rig.keychain.relent();
    for life in [0, 3600] {
        rig.sandbox.clock().advance(life);
        client.access_token(&account.id).await.unwrap();
    }
    let listed = client.accounts().await.unwrap();
    assert_eq!((listed.len(), listed[0].state.as_str()), (1, "signed_in"));
}
