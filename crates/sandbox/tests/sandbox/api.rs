//! The protected API behind the guard.

use serde_json::Value;

use crate::common::{Lab, json};

#[tokio::test]
async fn without_a_token_there_is_a_challenge_and_no_error_code() {
    let lab = Lab::start().await;
    for path in ["/profile", "/items", "/ledger", "/picture", "/echo", "/elsewhere"] {
        let response = lab.http.get(lab.api(path)).send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.starts_with("Bearer ") && !challenge.contains("error"),
            "{challenge}"
        );
        assert!(response.headers().get("access-control-allow-origin").is_none());
    }
    assert_eq!(lab.http.get(lab.api("/")).send().await.unwrap().status(), 200);
    assert_eq!(
        lab.http.get(lab.api("/nowhere")).send().await.unwrap().status(),
        404
    );
}

#[tokio::test]
async fn a_token_opens_what_its_scopes_say() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid").await;
    let profile = lab.call(&lab.api("/profile"), &tokens).await.unwrap();
    assert_eq!(profile["subject"], "person-1001");
    assert_eq!(profile["name"], "Ann Archer");
    assert_eq!(lab.call(&lab.api("/items"), &tokens).await, Err(403));
    assert_eq!(lab.call(&lab.api("/ledger"), &tokens).await, Err(403));

    let response = lab
        .http
        .get(lab.api("/ledger"))
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("ledger:read"),
        "{challenge}"
    );

    let tokens = lab.sign_in("ann", "items:read ledger:read").await;
    lab.call(&lab.api("/items"), &tokens).await.unwrap();
    lab.call(&lab.api("/ledger"), &tokens).await.unwrap();
}

#[tokio::test]
async fn a_call_that_cannot_be_meant_is_told_apart_from_one_that_is_not_allowed() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "items:read items:write").await;
    let token = tokens["access_token"].as_str().unwrap();
    for path in ["/items?page=x", "/items?per_page=-1", "/items?page=0"] {
        let answer = lab
            .http
            .get(lab.api(path))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{path}");
        assert_eq!(json(answer).await["error"], "invalid_request", "{path}");
    }
    let answer = lab
        .http
        .post(lab.api("/items"))
        .bearer_auth(token)
        .body("no JSON")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(json(answer).await["error"], "invalid_request");
    // With no permission at all, too: no permission would help.
    let tokens = lab.sign_in("ann", "openid").await;
    let token = tokens["access_token"].as_str().unwrap();
    for path in ["/items", "/ledger"] {
        let answer = lab
            .http
            .delete(lab.api(path))
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 405, "{path}");
    }
}

#[tokio::test]
async fn only_access_tokens_are_tokens() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid offline_access").await;
    for name in ["id_token", "refresh_token"] {
        let wrong = serde_json::json!({ "access_token": tokens[name] });
        assert_eq!(lab.call(&lab.api("/profile"), &wrong).await, Err(401), "{name}");
    }
    let token = tokens["access_token"].as_str().unwrap();
    let in_query = lab.api(&format!("/profile?access_token={token}"));
    assert_eq!(lab.http.get(in_query).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn the_list_pages_by_links() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "items:read").await;
    let token = tokens["access_token"].as_str().unwrap();
    let mut address = lab.api("/items?page=1");
    let mut ids = Vec::new();
    loop {
        let response = lab.http.get(&address).bearer_auth(token).send().await.unwrap();
        let next = response.headers().get("link").and_then(|links| {
            let links = links.to_str().unwrap();
            let next = links.split(", ").find(|link| link.ends_with("rel=\"next\""))?;
            Some(next[1..next.find('>').unwrap()].to_owned())
        });
        let body = json(response).await;
        ids.extend(
            body["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_u64().unwrap()),
        );
        match next {
            Some(next) => address = next,
            None => break,
        }
    }
    assert_eq!(ids, (1..=95).collect::<Vec<u64>>());
    assert_eq!(lab.call(&lab.api("/items?page=0"), &tokens).await, Err(400));
    assert_eq!(lab.call(&lab.api("/items?page=x"), &tokens).await, Err(400));
    let beyond = lab.call(&lab.api("/items?page=9"), &tokens).await.unwrap();
    assert_eq!(beyond["items"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn an_item_can_be_added() {
    let lab = Lab::start().await;
    let add = |tokens: Value| {
        lab.http
            .post(lab.api("/items"))
            .bearer_auth(tokens["access_token"].as_str().unwrap())
            .header("content-type", "application/json")
            .body(r#"{"title":"A found tile"}"#)
            .send()
    };
    let reader = lab.sign_in("ann", "items:read").await;
    assert_eq!(add(reader.clone()).await.unwrap().status(), 403);
    let writer = lab.sign_in("ann", "items:write").await;
    assert_eq!(add(writer).await.unwrap().status(), 201);
    let page = lab.call(&lab.api("/items?page=5"), &reader).await.unwrap();
    assert_eq!(page["items"][15]["title"], "A found tile");
}

#[tokio::test]
async fn a_picture_and_a_way_elsewhere() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid").await;
    let get = |path: &str| {
        lab.http
            .get(lab.api(path))
            .bearer_auth(tokens["access_token"].as_str().unwrap())
            .send()
    };
    let picture = get("/picture").await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/png");
    assert!(picture.bytes().await.unwrap().starts_with(b"\x89PNG"));

    let redirect = get("/elsewhere").await.unwrap();
    assert_eq!(redirect.status(), 302);
    let location = redirect.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("http://localhost:") && !location.starts_with(lab.sandbox.api()));
    let arrived = json(lab.http.get(&location).send().await.unwrap()).await;
    assert_eq!(arrived["with_token"], false);
}

#[tokio::test]
async fn other_names_for_this_machine_are_not_served() {
    let lab = Lab::start().await;
    for origin in [lab.sandbox.issuer(), lab.sandbox.api()] {
        let port = origin.rsplit(':').next().unwrap();
        for (host, status) in [
            (format!("evil.example:{port}"), 421),
            ("evil.example".to_owned(), 421),
            ("127.0.0.1:1".to_owned(), 421),
            ("127.0.0.1".to_owned(), 421),
            (format!("localhost:{port}"), 200),
        ] {
            let request = lab.http.get(format!("{origin}/")).header("host", &host);
            assert_eq!(request.send().await.unwrap().status(), status, "{host}");
        }
    }
}
