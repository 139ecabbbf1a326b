//! How a token may be presented, and what a caller hears who presents none, presents it badly, or is not
//! permitted.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::api::{client, guard, serve};
use crate::signer::{NOW, Signer, claims};

/// Sends `fields` to `target` and returns the status, the challenge and the body's error code.
async fn ask(target: &str, fields: &[&str]) -> (u16, Option<String>, String) {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(AUTHORIZATION, HeaderValue::from_bytes(field.as_bytes()).unwrap());
    }
    let answer = client().get(target).headers(headers).send().await.unwrap();
    let status = answer.status().as_u16();
    let challenge = answer
        .headers()
        .get("www-authenticate")
        .map(|value| value.to_str().unwrap().to_owned());
    let is_refusal = answer
        .headers()
        .get("cache-control")
        .is_some_and(|value| value == "no-store");
    assert_eq!(
        is_refusal,
        status != 200,
        "{target}: refusals, and only they, are not stored"
    );
    let text = answer.text().await.unwrap();
    let error = serde_json::from_str::<Value>(&text).map_or(text.clone(), |body| body["error"].to_string());
    (status, challenge, error.trim_matches('"').to_owned())
}

#[tokio::test]
async fn no_token_is_told_only_that_one_is_needed() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let token = signer.token();
    let bare = Some(r#"Bearer realm="https://api.example""#.to_owned());
    let basic = "Basic YW5uOmFubg==";
    let dpop = format!("DPoP {token}");
    // Without the space that ends it, a scheme is another scheme.
    let tab = format!("Bearer\t{token}");
    for fields in [
        &[][..],
        &[basic],
        &["Digest username=\"ann\""],
        &[&dpop],
        &["Bearers x"],
        &[&token],
        &[&tab],
    ] {
        let found = ask(&format!("{api}/who"), fields).await;
        assert_eq!(found, (401, bare.clone(), "token_required".into()), "{fields:?}");
    }
    // A token elsewhere is not looked at.
    let query = format!("{api}/who?access_token={token}");
    assert_eq!(
        ask(&query, &[]).await,
        (401, bare.clone(), "token_required".into())
    );
    let form = client()
        .post(format!("{api}/echo"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("access_token={token}"))
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 401);
    // Nor does it harm.
    let good = format!("Bearer {token}");
    let found = ask(&format!("{api}/orders?access_token=junk"), &[&good]).await;
    assert_eq!(found, (200, None, "orders".into()));
}

#[tokio::test]
async fn a_field_that_cannot_be_read_is_a_bad_request() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let token = signer.token();
    let good = format!("Bearer {token}");
    let cases = [
        vec!["Bearer".to_owned()],
        vec!["Bearer ".to_owned()],
        vec![format!("{good} {token}")],
        vec![format!("{good}, {good}")],
        vec![format!("{good},")],
        vec![format!("Bearer \"{token}\"")],
        vec!["Bearer ====".to_owned()],
        vec!["Bearer tökén".to_owned()],
        vec![good.clone(), good.clone()],
        vec![good.clone(), "Basic YW5uOmFubg==".to_owned()],
        vec!["Basic YW5uOmFubg==".to_owned(), good.clone()],
    ];
    for fields in cases {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let (status, challenge, error) = ask(&format!("{api}/who"), &fields).await;
        assert_eq!((status, error.as_str()), (400, "invalid_request"), "{fields:?}");
        let challenge = challenge.unwrap();
        let start = r#"Bearer realm="https://api.example", error="invalid_request", error_description=""#;
        assert!(challenge.starts_with(start), "{challenge}");
    }
}

#[tokio::test]
async fn the_scheme_has_no_case_and_may_be_followed_by_spaces() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    for start in ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer    "] {
        let field = format!("{start}{}", signer.token());
        let found = ask(&format!("{api}/orders"), &[&field]).await;
        assert_eq!(found, (200, None, "orders".into()), "{start:?}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let check = async |scope: &str, path: &str, expected: (u16, Option<&str>)| {
        let mut claims = claims();
        claims["scope"] = scope.into();
        let field = format!("Bearer {}", signer.sign(&signer.header(), &claims));
        let (status, challenge, error) = ask(&format!("{api}{path}"), &[&field]).await;
        let start = concat!(
            r#"Bearer realm="https://api.example", error="insufficient_scope", "#,
            r#"error_description="the access token does not permit this", scope="#
        );
        let needed = challenge.map(|text| text.strip_prefix(start).unwrap_or("?").to_owned());
        assert_eq!((status, needed.as_deref()), expected, "{scope:?} at {path}");
        assert_eq!(
            status == 403,
            error == "insufficient_scope",
            "{scope:?} at {path}"
        );
    };
    let both = Some(r#""orders:read orders:write""#);
    check("orders:read", "/orders", (200, None)).await;
    check("profile orders:read", "/orders", (200, None)).await;
    check("", "/orders", (403, Some(r#""orders:read""#))).await;
    check("orders", "/orders", (403, Some(r#""orders:read""#))).await;
    check("orders:read2", "/orders", (403, Some(r#""orders:read""#))).await;
    check("Orders:Read", "/orders", (403, Some(r#""orders:read""#))).await;
    check("orders:write", "/refund", (403, both)).await;
    check("orders:read", "/refund", (403, both)).await;
    check("orders:write orders:read", "/refund", (200, None)).await;
    check("orders:read", "/late", (403, Some(r#""orders:write""#))).await;
    check("orders:write", "/late", (200, None)).await;
}

/// RFC 9470 section 3. The guard's leeway is thirty seconds.
#[tokio::test]
async fn a_sign_in_that_is_too_old_or_too_weak_is_told_what_is_needed() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let check = async |said: Value, path: &str, expected: Option<&str>| {
        let mut claims = claims();
        for (name, value) in said.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let field = format!("Bearer {}", signer.sign(&signer.header(), &claims));
        let (status, challenge, error) = ask(&format!("{api}{path}"), &[&field]).await;
        let start = r#"Bearer realm="https://api.example", error="insufficient_user_authentication", error_description="#;
        let needed = challenge.map(|text| text.strip_prefix(start).unwrap_or("?").to_owned());
        assert_eq!(needed.as_deref(), expected, "{said} at {path}");
        let code = expected.map_or(200, |_| 401);
        assert_eq!(status, code, "{said} at {path}");
        assert_eq!(
            status == 401,
            error == "insufficient_user_authentication",
            "{said} at {path}"
        );
    };
    let old = Some(r#""a more recent sign-in is needed", max_age="60""#);
    let weak = Some(r#""a stronger sign-in is needed", acr_values="gold silver""#);
    let both = Some(r#""a stronger and more recent sign-in is needed", acr_values="gold", max_age="60""#);
    check(json!({"auth_time": NOW}), "/recent", None).await;
    check(json!({"auth_time": NOW - 90}), "/recent", None).await;
    check(json!({"auth_time": NOW - 91}), "/recent", old).await;
    check(json!({"auth_time": NOW + 31}), "/recent", old).await;
    check(json!({}), "/recent", old).await;
    check(json!({"acr": "gold"}), "/recent", old).await;
    check(json!({"acr": "gold"}), "/strong", None).await;
    check(json!({"acr": "silver"}), "/strong", None).await;
    check(json!({"acr": "Gold"}), "/strong", weak).await;
    check(json!({"acr": "gold silver"}), "/strong", weak).await;
    check(json!({"auth_time": NOW}), "/strong", weak).await;
    check(json!({"acr": "gold", "auth_time": NOW}), "/both", None).await;
    check(json!({"acr": "silver", "auth_time": NOW}), "/both", both).await;
    check(json!({"acr": "gold", "auth_time": NOW - 3600}), "/both", both).await;
}

#[tokio::test]
async fn where_no_guard_is_the_door_is_shut() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let field = format!("Bearer {}", signer.token());
    for path in [
        "/no-guard",
        "/no-guard-scope",
        "/no-guard-sign-in",
        "/no-scope",
        "/any-sign-in",
    ] {
        let found = ask(&format!("{api}{path}"), &[&field]).await;
        assert_eq!(found, (500, None, "server_error".into()), "{path}");
    }
    assert_eq!(
        ask(&format!("{api}/health"), &[]).await,
        (200, None, "well".into())
    );
}

#[tokio::test]
async fn bodies_pass_and_the_token_does_not_show_itself() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let body = "x".repeat(1_000_000);
    let request = client()
        .post(format!("{api}/echo"))
        .bearer_auth(signer.token())
        .body(body.clone());
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), body);
    let field = client().get(format!("{api}/field")).bearer_auth(signer.token());
    assert_eq!(
        field.send().await.unwrap().text().await.unwrap(),
        "Some(Sensitive)"
    );
}
