//! Faults on demand: what they break, for whom, and how often.

use std::time::Duration;

use serde_json::json;
use tessera_sandbox::CLIENT_ID;
use tessera_sandbox::faults::{Change, Document, Fault, HttpFault, Rule, SignatureFault, catalogue};
use tessera_sandbox::log::Endpoint;

use crate::common::{Attempt, Lab, claims, header, parameter};

pub(crate) async fn named(lab: &Lab, body: serde_json::Value) -> u16 {
    let response = lab
        .http
        .post(lab.at("/faults"))
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    response.status().as_u16()
}

#[tokio::test]
async fn the_token_endpoint_answers_as_told() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid offline_access").await;
    for (name, expected) in [
        ("token-500", "status 500"),
        ("token-429-retry-after", "status 429"),
        ("token-503-retry-after", "status 503"),
        ("token-redirect", "status 307"),
        ("token-invalid-grant", "invalid_grant"),
    ] {
        assert_eq!(named(&lab, json!({ "fault": name, "times": 1 })).await, 204);
        assert_eq!(
            lab.refresh(&tokens).await.err().as_deref(),
            Some(expected),
            "{name}"
        );
    }
    for name in ["token-html", "token-not-json"] {
        named(&lab, json!({ "fault": name, "times": 1 })).await;
        assert_eq!(
            lab.refresh(&tokens).await.unwrap(),
            serde_json::Value::Null,
            "{name}"
        );
    }
    // None of them has used the token up.
    lab.refresh(&tokens).await.unwrap();
    let retry_after = Fault::Http {
        endpoint: Endpoint::Token,
        fault: HttpFault::Status {
            status: 429,
            retry_after: Some(7),
        },
    };
    lab.sandbox.faults().set(retry_after);
    let response = lab.http.post(lab.at("/token")).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "7");
}

#[tokio::test]
async fn connections_break_off() {
    let lab = Lab::start().await;
    let mut tokens = lab.sign_in("ann", "openid offline_access").await;
    for (fault, carried_out) in [
        (HttpFault::Drop, false),
        (HttpFault::DropAfter, true),
        (HttpFault::Cut, true),
    ] {
        let rule = Rule::new(Fault::Http {
            endpoint: Endpoint::Token,
            fault: fault.clone(),
        });
        lab.sandbox.faults().set(rule.times(1));
        let body = crate::common::encode(&[
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ]);
        let answer = lab
            .http
            .post(lab.at("/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await;
        let broken = match answer {
            Err(_) => true,
            Ok(response) => response.bytes().await.is_err(),
        };
        assert!(broken, "{fault:?}");
        // Whether the lost answer was worth something shows when the token is presented again.
        let again = lab.refresh(&tokens).await;
        assert_eq!(again.is_err(), carried_out, "{fault:?}");
        tokens = lab.sign_in("ann", "openid offline_access").await;
    }
}

#[tokio::test]
async fn an_answer_is_held_until_it_is_let_go() {
    for fault in [HttpFault::Hold, HttpFault::HoldAfter] {
        let lab = Lab::start().await;
        let tokens = lab.sign_in("ann", "openid offline_access").await;
        let held = lab.sandbox.faults().set(Rule::new(Fault::Http {
            endpoint: Endpoint::Token,
            fault,
        }));
        let (refreshed, ()) = tokio::join!(lab.refresh(&tokens), async {
            let waiting = lab
                .sandbox
                .log()
                .wait_for(|entry| entry.grant_type.as_deref() == Some("refresh_token"))
                .await
                .unwrap();
            assert_eq!(waiting.outcome, None);
            lab.sandbox.faults().remove(held);
        });
        refreshed.unwrap();
    }
}

#[tokio::test]
async fn a_slow_answer_comes_in_the_end() {
    let lab = Lab::start().await;
    lab.sandbox.faults().set(Fault::Http {
        endpoint: Endpoint::KeySet,
        fault: HttpFault::Slow(Duration::from_millis(1)),
    });
    lab.get_json("/keys").await;
    let log = lab.sandbox.log().entries();
    assert_eq!(log[0].outcome.as_ref().unwrap().faults.len(), 1);
}

#[tokio::test]
async fn id_tokens_are_wrong_as_told() {
    let lab = Lab::start().await;
    let good = claims(&lab.sign_in("ann", "openid").await["id_token"]);
    for row in catalogue()
        .into_iter()
        .filter(|row| row.name.starts_with("id-token-"))
    {
        lab.sandbox.faults().clear();
        lab.sandbox.faults().set(Rule::new(row.fault.clone()).times(1));
        let token = lab.sign_in("ann", "openid").await["id_token"].clone();
        let text = token.as_str().unwrap();
        match row.fault {
            Fault::Signature(SignatureFault::Encrypted) => {
                assert_eq!(text.split('.').count(), 5);
                continue;
            }
            Fault::Signature(SignatureFault::JsonForm) => {
                let form: serde_json::Value = serde_json::from_str(text).unwrap();
                assert!(form["protected"].is_string() && form["signature"].is_string());
                continue;
            }
            _ => {}
        }
        let (header, claims) = (header(&token), claims(&token));
        match row.fault {
            Fault::Json {
                document: Document::IdToken,
                change: Change::Remove(name),
            } => assert!(claims.get(name).is_none(), "{}", row.name),
            Fault::Json {
                document: Document::IdToken,
                change: Change::Set(name, _) | Change::Append(name, _),
            } => assert_ne!(claims[name], good[name], "{}", row.name),
            Fault::Json {
                document: Document::IdTokenHeader,
                change: Change::Set(name, value),
            } => assert_eq!(header[name], value, "{}", row.name),
            Fault::Signature(SignatureFault::None | SignatureFault::NoneSpelledOddly) => {
                assert!(header["alg"].as_str().unwrap().eq_ignore_ascii_case("none"));
                assert!(text.ends_with('.'));
            }
            Fault::Signature(SignatureFault::Hmac | SignatureFault::HmacPublicKey) => {
                assert_eq!(header["alg"], "HS256");
            }
            Fault::Signature(SignatureFault::Es512) => assert_eq!(header["alg"], "ES512"),
            Fault::Signature(SignatureFault::OtherAlgorithm) => assert_eq!(header["alg"], "RS256"),
            Fault::Signature(SignatureFault::NoKeyId) => assert!(header.get("kid").is_none()),
            Fault::Signature(fault) => {
                let published = lab.get_json("/keys").await["keys"][0]["kid"] == header["kid"];
                let stranger = matches!(
                    fault,
                    SignatureFault::UnknownKey
                        | SignatureFault::EmbeddedKey
                        | SignatureFault::KeyElsewhere(_)
                );
                assert_eq!(published, !stranger, "{}", row.name);
            }
            other => panic!("{} is {other:?}", row.name),
        }
    }
}

#[tokio::test]
async fn key_sets_are_wrong_as_told() {
    let lab = Lab::start().await;
    for (name, there) in [
        ("key-set-private-key", "/keys/0/d"),
        ("key-set-symmetric-key", "/keys/1/k"),
        ("key-set-too-many", "/keys/300/kid"),
    ] {
        named(&lab, json!({ "fault": name, "times": 1 })).await;
        assert!(lab.get_json("/keys").await.pointer(there).is_some(), "{name}");
        assert!(lab.get_json("/keys").await.pointer(there).is_none(), "{name}");
    }
    let good = lab.get_json("/keys").await;
    for (name, member, expected) in [
        ("key-set-no-kids", "kid", json!(null)),
        ("key-set-other-alg", "alg", json!("ES384")),
        ("key-set-for-encryption", "use", json!("enc")),
        ("key-set-off-the-curve", "x", good["keys"][0]["y"].clone()),
    ] {
        named(&lab, json!({ "fault": name, "times": 1 })).await;
        assert_eq!(lab.get_json("/keys").await["keys"][0][member], expected, "{name}");
    }
    named(&lab, json!({ "fault": "key-set-empty", "times": 1 })).await;
    assert_eq!(lab.get_json("/keys").await["keys"], json!([]));
    named(&lab, json!({ "fault": "discovery-moved-key-set" })).await;
    let moved = lab.get_json("/.well-known/openid-configuration").await["jwks_uri"].clone();
    assert_eq!(moved, format!("{}/keys/moved", lab.sandbox.issuer()));
    assert_eq!(lab.get_json("/keys/moved").await, good);
}

#[tokio::test]
async fn answers_are_too_long_or_wrongly_labelled() {
    let lab = Lab::start().await;
    named(&lab, json!({ "fault": "key-set-huge", "times": 1 })).await;
    let long = lab.http.get(lab.at("/keys")).send().await.unwrap();
    assert_eq!(long.content_length(), None);
    assert!(long.bytes().await.unwrap().len() > 4_000_000);
    named(&lab, json!({ "fault": "discovery-labelled-html", "times": 1 })).await;
    let at = lab.at("/.well-known/openid-configuration");
    let labelled = lab.http.get(at).send().await.unwrap();
    assert_eq!(labelled.headers()["content-type"], "text/html");
    named(&lab, json!({ "fault": "key-set-stall", "times": 1 })).await;
    let mut stalled = lab.http.get(lab.at("/keys")).send().await.unwrap();
    assert!(!stalled.chunk().await.unwrap().unwrap().is_empty());
    // No end of it is waited for: there is none.
    drop(stalled);
}

#[tokio::test]
async fn callbacks_are_wrong_as_told() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("openid");
    let issuer = lab.sandbox.issuer();
    for (name, parameter_name, expected) in [
        (
            "callback-wrong-state",
            "state",
            Some(format!("{}1", attempt.state)),
        ),
        ("callback-no-state", "state", None),
        ("callback-wrong-iss", "iss", Some(format!("{issuer}1"))),
        ("callback-no-iss", "iss", None),
        ("callback-no-code", "code", None),
        (
            "callback-error-and-code",
            "error",
            Some("server_error".to_owned()),
        ),
    ] {
        named(&lab, json!({ "fault": name, "times": 1 })).await;
        let callback = lab
            .sandbox
            .visitor("ann")
            .visit(&attempt.url(&lab))
            .await
            .unwrap();
        assert_eq!(parameter(&callback, parameter_name), expected, "{name}");
    }
    named(&lab, json!({ "fault": "callback-fragment", "times": 1 })).await;
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&attempt.url(&lab))
        .await
        .unwrap();
    assert!(callback.query().is_none() && callback.fragment().unwrap().contains("code="));
    named(&lab, json!({ "fault": "callback-repeated-code", "times": 1 })).await;
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&attempt.url(&lab))
        .await
        .unwrap();
    assert_eq!(
        callback.query_pairs().filter(|(name, _)| name == "code").count(),
        2
    );
}

#[tokio::test]
async fn documents_are_wrong_as_told() {
    let lab = Lab::start().await;
    named(&lab, json!({ "fault": "discovery-issuer-mismatch", "times": 1 })).await;
    let metadata = lab.get_json("/.well-known/openid-configuration").await;
    assert_eq!(metadata["issuer"], format!("{}INVALID", lab.sandbox.issuer()));
    named(
        &lab,
        json!({ "fault": "discovery-http-token-endpoint", "times": 1 }),
    )
    .await;
    let metadata = lab.get_json("/.well-known/openid-configuration").await;
    assert!(
        metadata["token_endpoint"]
            .as_str()
            .unwrap()
            .starts_with("http://provider.example")
    );

    let tokens = lab.sign_in("ann", "openid").await;
    named(&lab, json!({ "fault": "userinfo-wrong-sub", "times": 1 })).await;
    assert_eq!(lab.userinfo(&tokens).await.unwrap()["sub"], "person-1001invalid");
    assert_eq!(lab.userinfo(&tokens).await.unwrap()["sub"], "person-1001");
    named(&lab, json!({ "fault": "token-no-expires-in", "times": 1 })).await;
    assert!(lab.sign_in("ann", "openid").await.get("expires_in").is_none());
}

#[tokio::test]
async fn a_fault_shows_when_and_for_whom_it_should() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid offline_access").await;
    let fault = || Fault::Http {
        endpoint: Endpoint::Token,
        fault: HttpFault::Status {
            status: 500,
            retry_after: None,
        },
    };
    lab.sandbox
        .faults()
        .set(Rule::new(fault()).client("someone-else"));
    lab.sandbox
        .faults()
        .set(Rule::new(fault()).grant_type("authorization_code"));
    lab.sandbox
        .faults()
        .set(Rule::new(fault()).dialect(tessera_sandbox::Dialect::Google));
    let tokens = lab.refresh(&tokens).await.unwrap();
    lab.sandbox.faults().clear();

    lab.sandbox
        .faults()
        .set(Rule::new(fault()).client(CLIENT_ID).after(1).times(2));
    let tokens = lab.refresh(&tokens).await.unwrap();
    for _ in 0..2 {
        assert!(lab.refresh(&tokens).await.is_err());
    }
    lab.refresh(&tokens).await.unwrap();
    assert!(lab.sandbox.faults().active().is_empty());
}

#[tokio::test]
async fn switches_are_thrown_over_http() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid offline_access").await;
    assert_eq!(named(&lab, json!({ "expire_access_tokens": true })).await, 204);
    assert_eq!(lab.userinfo(&tokens).await, Err(401));
    let before = lab.get_json("/keys").await["keys"][0]["kid"].clone();
    assert_eq!(named(&lab, json!({ "rotate_keys": true })).await, 204);
    assert_ne!(lab.get_json("/keys").await["keys"][0]["kid"], before);
    assert_eq!(named(&lab, json!({ "advance_seconds": 2_592_000 })).await, 204);
    assert!(lab.refresh(&tokens).await.is_err());

    assert_eq!(named(&lab, json!({ "fault": "no-such-fault" })).await, 400);
    for never in [
        json!({ "fault": "par-offered", "client_id": CLIENT_ID }),
        json!({ "fault": "key-set-empty", "client_id": CLIENT_ID }),
        json!({ "fault": "par-required", "grant_type": "refresh_token" }),
        json!({ "fault": "dpop-nonces", "dialect": "google" }),
        json!({ "fault": "dpop-nonces", "path": "/google/token" }),
        json!({ "fault": "api-dpop-ever-new-nonces", "grant_type": "refresh_token" }),
        json!({ "fault": "token-500", "path": "/userinfo" }),
        json!({ "fault": "par-required", "path": "/keys" }),
        json!({ "fault": "token-500", "times": 0 }),
    ] {
        assert_eq!(named(&lab, never.clone()).await, 400, "{never}");
    }
    assert_eq!(lab.get_json("/faults").await["active"], json!([]));
    assert_eq!(named(&lab, json!({ "no_such_switch": true })).await, 422);
    named(&lab, json!({ "fault": "token-500" })).await;
    assert_eq!(lab.get_json("/faults").await["active"], json!(["token-500"]));
    lab.http.delete(lab.at("/faults")).send().await.unwrap();
    assert_eq!(lab.get_json("/faults").await["active"], json!([]));

    // What a web page could send without asking is not taken.
    let as_text = lab
        .http
        .post(lab.at("/faults"))
        .header("content-type", "text/plain");
    let refused = as_text.body(r#"{"fault":"token-500"}"#).send().await.unwrap();
    assert_eq!(refused.status(), 415);
}

#[tokio::test]
async fn the_api_answers_as_told() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let profile = format!("{}/profile", lab.sandbox.api());
    let call = || lab.http.get(&profile).bearer_auth(access_token);
    for (name, status, retry_after) in [("api-500", 500, None), ("api-429-retry-after", 429, Some("2"))] {
        assert_eq!(named(&lab, json!({ "fault": name, "times": 1 })).await, 204);
        let response = call().send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{name}");
        let told = response.headers().get("retry-after");
        assert_eq!(told.map(|told| told.to_str().unwrap()), retry_after, "{name}");
    }
    named(&lab, json!({ "fault": "api-drop", "times": 1 })).await;
    call().send().await.unwrap_err();
    named(&lab, json!({ "fault": "api-cut", "times": 1 })).await;
    let broken = async { call().send().await?.bytes().await };
    broken.await.unwrap_err();
    assert_eq!(call().send().await.unwrap().status().as_u16(), 200);

    // Whoever has no half minute hears nothing at all.
    named(&lab, json!({ "fault": "api-slow" })).await;
    let early = call().timeout(Duration::from_millis(200)).send().await;
    assert!(early.unwrap_err().is_timeout());
}

#[tokio::test]
async fn endpoints_on_the_readers_own_machine_are_named_as_told() {
    let lab = Lab::start().await;
    for (name, member, expected) in [
        (
            "discovery-loopback-key-set",
            "jwks_uri",
            "https://127.0.0.1:9/keys",
        ),
        (
            "discovery-localhost-revocation",
            "revocation_endpoint",
            "https://localhost:9/revoke",
        ),
    ] {
        named(&lab, json!({ "fault": name, "times": 1 })).await;
        let document = lab.get_json("/.well-known/openid-configuration").await;
        assert_eq!(document[member], expected, "{name}");
    }
}

#[tokio::test]
async fn whoever_follows_a_fault_elsewhere_is_in_the_log() {
    let lab = Lab::start().await;
    let trespasses = || {
        lab.sandbox
            .log()
            .matching(|entry| entry.endpoint == Endpoint::Elsewhere)
    };
    named(&lab, json!({ "fault": "discovery-redirect" })).await;
    let address = lab.at("/.well-known/openid-configuration");
    let response = lab.http.get(address).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 307);
    let elsewhere = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(elsewhere.starts_with(lab.sandbox.api()), "{elsewhere}");
    assert!(trespasses().is_empty());
    lab.http.get(&elsewhere).send().await.unwrap();
    assert_eq!(trespasses().len(), 1);

    // What names an address in a token's header names the same one.
    named(&lab, json!({ "fault": "id-token-jku" })).await;
    let token = lab.sign_in("ann", "openid").await["id_token"].clone();
    assert_eq!(header(&token)["jku"], elsewhere);
}

#[tokio::test]
async fn every_fault_has_its_switch() {
    let lab = Lab::start().await;
    for row in catalogue() {
        let answer = lab
            .http
            .post(lab.at("/faults"))
            .header("content-type", "application/json")
            .body(json!({ "fault": row.name, "times": 1 }).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 204, "{}", row.name);
    }
    let on = lab
        .http
        .get(lab.at("/faults"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for row in catalogue() {
        assert!(
            on.contains(&format!("\"{}\"", row.name)),
            "{} is not on",
            row.name
        );
    }
}
