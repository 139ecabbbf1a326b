//! What is told of a flow on the screen: everything that matters, and no secret. Reports have a file of their own.

use serde_json::Value;
use tessera_client::{
    ApiRequest, Change, Client, Error, FlowKind, Party, Report, Route, SignIn, Stage, Step, TraceEvent,
};
use tessera_oidc::checks::{CheckId, Outcome};
use tessera_sandbox::faults::{Fault, HttpFault};
use tessera_sandbox::log::Endpoint;

use crate::rig::Rig;

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

/// The events of the last flow of a kind.
fn last_flow(client: &Client, kind: FlowKind) -> Vec<TraceEvent> {
    let mut events = client.traced();
    let last = events.iter().rfind(|event| event.kind == kind).unwrap().flow;
    events.retain(|event| event.flow == last);
    events
}

/// How a flow ended.
fn end(events: &[TraceEvent]) -> Option<&Error> {
    match &events.last().unwrap().step {
        Step::Ended { error } => error.as_ref(),
        step => panic!("it has not ended: {step:?}"),
    }
}

#[tokio::test]
async fn a_call_that_the_api_refuses_has_not_gone_well() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let statuses = [
        (None, "profile", 200, None),
        (None, "ledger", 403, Some("api_refused")),
        (Some(401), "profile", 401, Some("api_refused")),
        (Some(403), "profile", 403, Some("api_refused")),
        (Some(404), "profile", 404, Some("api_refused")),
        (Some(429), "profile", 429, Some("api_refused")),
        (Some(503), "profile", 503, Some("api_failed")),
    ];
    for (fault, path, status, code) in statuses {
        rig.sandbox.faults().clear();
        if let Some(status) = fault {
            let fault = HttpFault::Status {
                status,
                retry_after: None,
            };
            rig.sandbox.faults().set(Fault::Http {
                endpoint: Endpoint::Api,
                fault,
            });
        }
        let address = format!("{}/{path}", rig.sandbox.api());
        let answer = client.call(&account.id, ApiRequest::get(address)).await;
        assert_eq!(answer.unwrap().status, status, "for the caller it is an answer");
        let events = last_flow(&client, FlowKind::Call);
        let end = end(&events);
        assert_eq!(end.map(Error::code), code, "{status}");
        let report: Value = serde_json::from_str(&Report::of(&events).unwrap().json).unwrap();
        assert_eq!(report["outcome"], if code.is_some() { "failed" } else { "done" });
        if let Some(error) = end {
            assert!(
                error.message().contains(&status.to_string()),
                "{}",
                error.message()
            );
            assert!(!error.hint().is_empty());
            let wants = path == "ledger";
            assert_eq!(
                error.message().contains("`ledger:read`"),
                wants,
                "{}",
                error.message()
            );
        }
    }
}
