//! What is told of a flow, on the screen and in a report: everything that matters, and no secret.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tessera_client::{
    ApiRequest, Change, Client, FlowKind, Party, Report, Route, SignIn, Stage, Step, TraceEvent,
};
use tessera_oidc::checks::{CheckId, Outcome};
use url::Url;

use crate::rig::{Rig, TestKeychain};

/// How long a text must be to be taken for a secret: what is random here has at least 32 bytes.
const SHORTEST: usize = 43;

/// Every token, code, state and verifier in something that the keychain was given, which may be JSON in JSON.
fn collect(text: &str, secrets: &mut BTreeSet<String>) {
    fn within(value: &Value, secrets: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => collect(text, secrets),
            Value::Array(list) => list.iter().for_each(|value| within(value, secrets)),
            Value::Object(members) => members.values().for_each(|value| within(value, secrets)),
            _ => {}
        }
    }
    let is_random = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => within(&value, secrets),
        _ if text.len() >= SHORTEST && text.chars().all(is_random) => {
            secrets.insert(text.to_owned());
        }
        _ => {}
    }
}

fn secrets_of(keychain: &TestKeychain) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for bytes in keychain.given.lock().unwrap().iter() {
        collect(std::str::from_utf8(bytes).unwrap(), &mut secrets);
    }
    // The last part of a signed token is enough to make it good.
    let signatures: Vec<String> = secrets
        .iter()
        .filter_map(|secret| secret.rsplit_once('.').map(|(_, signature)| signature.to_owned()))
        .collect();
    secrets.extend(signatures);
    secrets
}

fn flows(client: &Client) -> BTreeMap<u64, Vec<TraceEvent>> {
    let mut flows: BTreeMap<u64, Vec<TraceEvent>> = BTreeMap::new();
    for event in client.traced() {
        flows.entry(event.flow.0).or_default().push(event);
    }
    flows
}

/// Who was sent to a page so far, and to which.
fn sent_to_pages(client: &Client) -> Vec<(Party, &'static str)> {
    let steps = client.traced().into_iter().map(|event| event.step);
    steps
        .filter_map(|step| match step {
            Step::Message { to, message, .. } => Some((to, message.code())),
            _ => None,
        })
        .filter(|(_, code)| ["authorization_request", "verification_page"].contains(code))
        .collect()
}

/// The codes of what was decided so far.
fn decisions(client: &Client) -> Vec<&'static str> {
    let steps = client.traced().into_iter().map(|event| event.step);
    steps
        .filter_map(|step| match step {
            Step::Decision { code, .. } => Some(code),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn the_page_that_it_is_and_whoever_is_sent_there() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let mut told = Vec::new();
    for (route, page) in [
        (Route::Scheme, "authorization_request"),
        (Route::Paste, "authorization_request"),
        (Route::Device, "verification_page"),
    ] {
        for (open_browser, whom) in [(true, Party::Browser), (false, Party::Person)] {
            let request = SignIn {
                open_browser,
                ..rig.request(route)
            };
            let attempt = client.sign_in(request).unwrap();
            attempt.opened().await.unwrap();
            told.push((whom, page));
            assert_eq!(sent_to_pages(&client), told);
            attempt.cancel();
        }
    }
}

#[tokio::test]
async fn a_browser_that_does_not_start_is_told() {
    let rig = Rig::new().await;
    *rig.browser.broken.lock().unwrap() = true;
    let client = rig.client().await;
    let mut changes = client.changes();
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    loop {
        if let Change::Attempt(view) = changes.recv().await.unwrap()
            && view.stage == Stage::Waiting
            && !view.browser_opened
        {
            break;
        }
    }
    assert_eq!(decisions(&client), ["browser_not_started"]);
    attempt.cancel();
}

#[tokio::test]
async fn a_callback_that_its_form_refuses_is_told_without_its_secrets() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Loopback)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let secrets: Vec<String> = callback
        .query_pairs()
        .filter(|(name, _)| matches!(&**name, "code" | "state"))
        .map(|(_, value)| value.into_owned())
        .collect();
    assert_eq!(secrets.len(), 2);
    let query = callback.query().unwrap();
    let callbacks = || {
        let steps = client.traced().into_iter().map(|event| event.step);
        steps
            .filter_map(|step| match step {
                Step::Message { message, fields, .. } if message.code() == "callback" => Some(fields),
                _ => None,
            })
            .collect::<Vec<_>>()
    };

    // What the listener hears nobody waits for: the window is told.
    let mut changes = client.changes();
    let page = reqwest::get(format!("{callback}&state={}", secrets[0]))
        .await
        .unwrap();
    assert!(page.status().is_client_error(), "{}", page.status());
    let noticed = loop {
        if let Change::Notice(error) = changes.recv().await.unwrap() {
            break error;
        }
    };
    assert_eq!(noticed.code(), "callback_duplicate_parameter");
    assert_eq!(decisions(&client), ["callback_duplicate_parameter"]);
    let fields = callbacks().pop().unwrap();
    assert_eq!(fields.iter().filter(|field| field.name == "state").count(), 2);

    let mut address = callback.clone();
    address.set_query(None);
    let long = "x".repeat(100_000);
    for (text, code, name) in [
        (format!("{address}#{query}"), "callback_fragment", Some("code")),
        (format!("{callback}&x={long}"), "callback_too_long", None),
        (format!("not?{}", secrets[0]), "callback_not_an_address", None),
    ] {
        let refused = attempt.deliver(&text).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert_eq!(decisions(&client).last(), Some(&code));
        // Of what is no address, or too long for one, nothing is taken apart.
        let fields = callbacks().pop().unwrap();
        assert_eq!(fields.is_empty(), name.is_none(), "{fields:?}");
        assert!(
            name.is_none_or(|name| fields.iter().any(|field| field.name == name)),
            "{fields:?}"
        );
    }
    assert_eq!(callbacks().len(), 4);
    let told = format!("{:?}", client.traced());
    for secret in &secrets {
        assert!(!told.contains(secret.as_str()), "{secret} is in {told}");
    }

    reqwest::get(callback).await.unwrap();
    attempt.wait().await.unwrap();
}

#[tokio::test]
async fn a_trace_tells_everything_but_secrets() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    client.deliver_callback(callback.as_str()).await.unwrap();
    let account = attempt.wait().await.unwrap().account;
    let token = client.access_token(&account.id).await.unwrap();

    let traced = client.traced();
    let messages: Vec<&str> = traced
        .iter()
        .filter_map(|event| match &event.step {
            Step::Message { message, .. } => Some(message.code()),
            _ => None,
        })
        .collect();
    for what in [
        "authorization_request",
        "callback",
        "token_request",
        "token_response",
    ] {
        assert!(messages.contains(&what), "{what} is not in {messages:?}");
    }
    let outcomes = traced.iter().filter_map(|event| match &event.step {
        Step::Checks(verdicts) => verdicts.outcome(CheckId::IdTokenNonce),
        _ => None,
    });
    assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::Passed]);

    let told = format!("{traced:?} {:?} {account:?}", attempt.view());
    let secrets = callback
        .query_pairs()
        .filter(|(name, _)| matches!(&**name, "code" | "state"))
        .map(|(_, value)| value.into_owned());
    for secret in secrets.chain([token.access_token.expose().to_owned()]) {
        assert!(!told.contains(&secret), "a secret is in the trace");
    }
}

#[tokio::test]
async fn a_report_of_any_flow_holds_no_secret() {
    let rig = Rig::new().await;
    rig.name_provider();
    let client = rig.client().await;
    let call = async |path: &str| {
        let account = client.accounts().await.unwrap().pop().unwrap();
        let address = Url::parse(&format!("{}/{path}", rig.sandbox.api())).unwrap();
        client.call(&account.id, ApiRequest::get(address)).await
    };
    let mut codes = BTreeSet::new();

    // Each way in, …
    for route in [Route::Scheme, Route::Loopback] {
        let attempt = client.sign_in(rig.request(route)).unwrap();
        let callback = rig.visit(&attempt, "ann").await.unwrap();
        codes.extend(
            callback
                .query_pairs()
                .find(|(name, _)| name == "code")
                .map(|(_, code)| code.into_owned()),
        );
        if route == Route::Scheme {
            client.deliver_callback(callback.as_str()).await.unwrap();
        } else {
            reqwest::get(callback).await.unwrap();
        }
        attempt.wait().await.unwrap();
    }
    let attempt = client.sign_in(rig.request(Route::Device)).unwrap();
    attempt.opened().await.unwrap();
    let prompt = attempt.view().device.unwrap();
    let mut visitor = rig.sandbox.visitor("ann");
    visitor
        .enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
    attempt.wait().await.unwrap();
    // … calls, one of which needs a fresh token, and one of an API that repeats the token, …
    call("profile").await.unwrap();
    rig.sandbox.clock().advance(3_600);
    call("echo").await.unwrap();
    // … what goes wrong at each place, …
    for fault in [
        "id-token-wrong-nonce",
        "id-token-unknown-key",
        "token-500",
        "userinfo-wrong-sub",
    ] {
        rig.sandbox.faults().clear();
        rig.fault(fault);
        let ended = rig.sign_in_with(&client, rig.request(Route::Scheme), "ann").await;
        assert!(ended.is_err(), "{fault}");
    }
    rig.sandbox.faults().clear();
    // … and the end.
    let account = client.accounts().await.unwrap().pop().unwrap();
    client.sign_out(&account.id).await.unwrap();

    let flows = flows(&client);
    let kinds: Vec<FlowKind> = flows.values().map(|events| events[0].kind).collect();
    for kind in [
        FlowKind::SignIn,
        FlowKind::Refresh,
        FlowKind::Call,
        FlowKind::SignOut,
    ] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let mut secrets = secrets_of(&rig.keychain);
    secrets.extend(codes);
    assert!(secrets.len() > 25, "{} secrets were seen", secrets.len());
    for events in flows.values() {
        let report = Report::of(events).unwrap();
        let written = format!(
            "{}\n{}\n{}\n{events:?}",
            report.name, report.json, report.markdown
        );
        for secret in &secrets {
            assert!(!written.contains(secret.as_str()), "{secret} is in\n{written}");
        }
    }
}
