//! Calls: where a token goes, and where it never does.

use tessera_client::{
    Account, ApiRequest, Category, Client, OriginRule, ProviderChoice, ProviderDraft, ProviderId, Route,
    SignIn,
};
use tessera_oidc::Scopes;
use tessera_sandbox::faults::{Fault, HttpFault};
use tessera_sandbox::log::Endpoint;

use crate::rig::Rig;

async fn signed_in(rig: &Rig) -> (Client, Account) {
    let client = rig.client().await;
    let request = SignIn {
        scopes: Some(Scopes::parse("openid profile email offline_access items:read")),
        ..rig.request(Route::Scheme)
    };
    let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    (client, account)
}

fn url(rig: &Rig, path: &str) -> String {
    format!("{}/{path}", rig.sandbox.api())
}

#[tokio::test]
async fn a_protected_call_is_answered() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let answer = client
        .call(&account.id, ApiRequest::get(url(&rig, "profile")))
        .await
        .unwrap();
    let answer = answer.collect().await.unwrap();
    assert_eq!(answer.status, 200);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["subject"], account.subject.as_str());
    assert_eq!(answer.decisions[0].code(), "origin_allowed");
}

#[tokio::test]
async fn an_api_that_repeats_the_token_does_not_show_it() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let token = client.access_token(&account.id).await.unwrap();
    let answer = client
        .call(&account.id, ApiRequest::get(url(&rig, "echo")))
        .await
        .unwrap();
    let answer = answer.collect().await.unwrap();
    let body = String::from_utf8(answer.body).unwrap();
    let header = answer.headers["x-authorization"].to_str().unwrap();
    for said in [body.as_str(), header] {
        assert!(!said.contains(token.access_token.expose()));
        assert!(said.contains("Bearer [your access token]"), "{said}");
    }
}

#[tokio::test]
async fn a_list_names_its_next_page() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let mut next = Some(url(&rig, "items?page=1"));
    let mut pages = 0;
    while let Some(address) = next {
        let answer = client.call(&account.id, ApiRequest::get(address)).await.unwrap();
        assert_eq!(answer.status, 200);
        next = answer.next.as_ref().map(url::Url::to_string);
        pages += 1;
    }
    assert!(pages > 1);
}

#[tokio::test]
async fn nothing_is_sent_to_an_origin_that_is_not_allowed() {
    let rig = Rig::new().await;
    let other = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    for address in [
        other.sandbox.api().to_owned(),
        "https://api.example/x".to_owned(),
        "http://10.0.0.1/x".to_owned(),
    ] {
        let error = client
            .call(&account.id, ApiRequest::get(&address))
            .await
            .err()
            .unwrap();
        assert_eq!(
            (error.code(), error.category()),
            ("origin_not_allowed", Category::Policy),
            "{address}"
        );
    }
    assert!(other.sandbox.log().entries().is_empty());
    let error = client
        .call(&account.id, ApiRequest::get("profile"))
        .await
        .err()
        .unwrap();
    assert_eq!(
        (error.code(), error.category()),
        ("address_invalid", Category::Usage)
    );
}

/// What Settings write for the provider `box`.
fn draft(rig: &Rig, client_id: &str, apis: &[&str]) -> ProviderDraft {
    ProviderDraft {
        id: Some(ProviderId::new("box").unwrap()),
        name: "Box".to_owned(),
        issuer: rig.sandbox.issuer().to_owned(),
        client_id: client_id.to_owned(),
        apis: apis.iter().map(|&api| api.to_owned()).collect(),
    }
}

async fn refused(client: &Client, account: &Account, address: &str) {
    let result = client.call(&account.id, ApiRequest::get(address)).await;
    let code = result.err().map(|error| error.code());
    assert_eq!(code, Some("origin_not_allowed"), "{address}");
}

#[tokio::test]
async fn what_a_provider_names_counts_as_long_as_it_does() {
    let rig = Rig::new().await;
    let other = Rig::new().await;
    rig.name_provider();
    let client = rig.client().await;
    let request = SignIn::with(ProviderChoice::Known(ProviderId::new("box").unwrap()));
    let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    assert!(account.apis.is_empty(), "the account names none of its own");
    let (ours, later) = (url(&rig, "profile"), url(&other, "profile"));
    client.call(&account.id, ApiRequest::get(&ours)).await.unwrap();
    refused(&client, &account, &later).await;

    let both = [rig.sandbox.api(), other.sandbox.api()];
    let saved = client.save_provider(draft(&rig, account.client_id.as_str(), &both));
    saved.await.unwrap();
    client.call(&account.id, ApiRequest::get(&later)).await.unwrap();
    assert_eq!(
        client.apis(&account),
        [
            (rig.sandbox.issuer().to_owned(), OriginRule::Issuer),
            (rig.sandbox.api().to_owned(), OriginRule::Provider),
            (other.sandbox.api().to_owned(), OriginRule::Provider),
        ]
    );

    let none = client.save_provider(draft(&rig, account.client_id.as_str(), &[]));
    none.await.unwrap();
    refused(&client, &account, &ours).await;
    refused(&client, &account, &later).await;

    // The same entry for another client is another client's.
    let anothers = client.save_provider(draft(&rig, "another", &both));
    anothers.await.unwrap();
    refused(&client, &account, &ours).await;
    client.remove_provider(&account.provider).await.unwrap();
    refused(&client, &account, &ours).await;
}

#[tokio::test]
async fn what_a_person_named_for_an_account_stays_with_it() {
    let rig = Rig::new().await;
    let other = Rig::new().await;
    rig.name_provider();
    let client = rig.client().await;
    let request = SignIn::with(ProviderChoice::Known(ProviderId::new("box").unwrap()));
    let with_api = SignIn {
        apis: vec![other.sandbox.api().to_owned()],
        ..request.clone()
    };
    rig.sign_in_with(&client, with_api, "ann").await.unwrap();
    let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    assert_eq!(
        client.apis(&account),
        [
            (rig.sandbox.issuer().to_owned(), OriginRule::Issuer),
            (rig.sandbox.api().to_owned(), OriginRule::Provider),
            (other.sandbox.api().to_owned(), OriginRule::Account),
        ]
    );
    let there = url(&other, "profile");
    client.call(&account.id, ApiRequest::get(&there)).await.unwrap();
    client.remove_provider(&account.provider).await.unwrap();
    client.call(&account.id, ApiRequest::get(&there)).await.unwrap();
    refused(&client, &account, &url(&rig, "profile")).await;
}

#[tokio::test]
async fn an_address_that_is_more_than_a_server_is_not_allowed_as_an_api() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    for api in [
        "https://*.example",
        "https://api.example/v2",
        "https://api.example/?x",
    ] {
        let request = SignIn {
            apis: vec![api.to_owned()],
            ..rig.request(Route::Scheme)
        };
        let error = client.sign_in(request).err().unwrap();
        assert_eq!(
            (error.code(), error.category()),
            ("api_invalid", Category::Usage),
            "{api}"
        );
    }
}

#[tokio::test]
async fn a_redirect_elsewhere_is_not_followed() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let answer = client
        .call(&account.id, ApiRequest::get(url(&rig, "elsewhere")))
        .await
        .unwrap();
    assert!(answer.status.is_redirection());
    assert!(
        answer
            .decisions
            .iter()
            .any(|decision| decision.code() == "redirect_not_followed")
    );
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    rig.sandbox.expire_access_tokens();
    let answer = client
        .call(&account.id, ApiRequest::get(url(&rig, "profile")))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .decisions
            .iter()
            .any(|decision| decision.code() == "retried_with_fresh_token")
    );
    assert_eq!(rig.token_requests("refresh_token"), 1);
    assert_eq!(rig.requests(Endpoint::Api), 2);
}

#[tokio::test]
async fn an_api_that_refuses_every_token_is_asked_twice() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let fault = HttpFault::Status {
        status: 401,
        retry_after: None,
    };
    rig.sandbox.faults().set(Fault::Http {
        endpoint: Endpoint::Api,
        fault,
    });
    let answer = client
        .call(&account.id, ApiRequest::get(url(&rig, "profile")))
        .await
        .unwrap();
    assert_eq!(answer.status, 401);
    assert_eq!(rig.requests(Endpoint::Api), 2);
    assert_eq!(rig.token_requests("refresh_token"), 1);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let answer = client
        .call(&account.id, ApiRequest::get(url(&rig, "ledger")))
        .await
        .unwrap();
    assert_eq!(answer.status, 403);
    let wanted = answer.step_up.unwrap();
    assert_eq!(wanted.missing_scope().as_deref(), Some("ledger:read"));
}

#[tokio::test]
async fn an_answer_is_bounded() {
    let rig = Rig::new().await;
    let (client, account) = signed_in(&rig).await;
    let request = ApiRequest {
        body_limit: 16,
        ..ApiRequest::get(url(&rig, "items"))
    };
    let error = match client.call(&account.id, request).await {
        Ok(answer) => answer.collect().await.err(),
        Err(error) => Some(error),
    };
    assert_eq!(error.map(|error| error.code()), Some("answer_too_large"));
}
