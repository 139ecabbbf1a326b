//! What is told of a flow on the screen: everything that matters, and no secret. Reports have a file of their own.

use serde_json::Value;
use tessera_client::ports::VaultError;
use tessera_client::{
    Account, ApiRequest, Change, Client, Error, Field, FieldValue, FlowKind, Party, Report, Route, SignIn,
    Stage, Step, Storage, TraceEvent,
};
use tessera_oidc::checks::{CheckId, Outcome};
use tessera_sandbox::faults::{Fault, HttpFault};
use tessera_sandbox::log::Endpoint;
use tessera_sandbox::{Dpop, Options};

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
        let report = Report::of(&events).unwrap();
        let (outcome, words) = match code {
            None => ("done", ". Done.\n"),
            Some("api_refused") => ("refused", ". Refused by the API.\n"),
            Some(_) => ("failed", ". Failed.\n"),
        };
        assert!(report.markdown.contains(words), "{}", report.markdown);
        let report: Value = serde_json::from_str(&report.json).unwrap();
        assert_eq!(report["outcome"], outcome);
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

/// What a flow tells: messages with who sent them and who got them, and the codes of decisions. Checks are left out.
fn told(events: &[TraceEvent]) -> Vec<String> {
    let told = events.iter().filter_map(|event| match &event.step {
        Step::Message {
            from, to, message, ..
        } => Some(format!("{} {} {}", from.as_str(), message.code(), to.as_str())),
        Step::Decision { code, .. } => Some((*code).to_owned()),
        Step::Checks(_) => None,
        Step::Ended { error } => Some(error.as_ref().map_or("done", Error::code).to_owned()),
    });
    told.collect()
}

/// The fields of the last message of this name.
fn fields(events: &[TraceEvent], name: &str) -> Vec<Field> {
    let found = events.iter().rev().find_map(|event| match &event.step {
        Step::Message { message, fields, .. } if message.code() == name => Some(fields.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{name} is not in {:?}", told(events)))
}

fn masked(name: &'static str, secret: &str) -> Field {
    let characters = secret.chars().count();
    Field {
        name: name.into(),
        value: FieldValue::Masked { characters },
    }
}

async fn call(rig: &Rig, client: &Client, account: &Account) {
    let address = format!("{}/profile", rig.sandbox.api());
    client.call(&account.id, ApiRequest::get(address)).await.unwrap();
}

#[tokio::test]
async fn a_kept_token_that_is_still_good_is_told_where_it_was_wanted() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;

    let token = client.access_token(&account.id).await.unwrap();
    let events = last_flow(&client, FlowKind::Refresh);
    assert_eq!(
        told(&events),
        ["Keychain access_token_read Tessera", "access_token_kept", "done"]
    );
    assert_eq!(
        fields(&events, "access_token_read"),
        [masked("access_token", token.access_token.expose())]
    );
    let Step::Decision { sentence, .. } = &events[1].step else {
        panic!("{:?}", events[1]);
    };
    assert!(
        sentence.contains("still good, until ") && sentence.contains(" GMT"),
        "{sentence}"
    );

    // A call tells it itself: there was no refresh.
    let before = client.traced().len();
    call(&rig, &client, &account).await;
    assert!(
        client.traced()[before..]
            .iter()
            .all(|event| event.kind == FlowKind::Call)
    );
    assert_eq!(
        told(&last_flow(&client, FlowKind::Call)),
        [
            "origin_allowed",
            "Keychain access_token_read Tessera",
            "access_token_kept",
            "Tessera api_request API",
            "API api_response Tessera",
            "done"
        ]
    );
}

#[tokio::test]
async fn a_refresh_tells_what_the_keychain_gave_and_took() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.sandbox.clock().advance(3600);
    let token = client.access_token(&account.id).await.unwrap();
    let events = last_flow(&client, FlowKind::Refresh);
    assert_eq!(
        told(&events),
        [
            "Keychain access_token_read Tessera",
            "access_token_ended",
            "Keychain refresh_token_read Tessera",
            "Tessera metadata_request Provider",
            "Provider metadata_response Tessera",
            "Tessera token_request Provider",
            "Provider token_response Tessera",
            "Tessera tokens_stored Keychain",
            "Tessera key_set_request Provider",
            "Provider key_set_response Tessera",
            "Tessera id_token_check Tessera",
            "Tessera tokens_stored Keychain",
            "done"
        ]
    );
    assert_eq!(
        fields(&events, "tokens_stored"),
        [masked("access_token", token.access_token.expose())]
    );
}

#[tokio::test]
async fn a_refresh_that_failed_is_not_told_as_done_because_the_token_before_it_lives() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let first = client.access_token(&account.id).await.unwrap();
    rig.sandbox
        .clock()
        .advance(first.expires_at.unwrap().0 - rig.sandbox.clock().now() - 5);
    rig.fault("token-500");
    let again = client.access_token(&account.id).await.unwrap();
    assert_eq!(first.access_token, again.access_token);
    let told = told(&last_flow(&client, FlowKind::Refresh));
    assert_eq!(
        &told[told.len() - 4..],
        [
            "Provider error_response Tessera",
            "Keychain access_token_read Tessera",
            "access_token_lives",
            "token_endpoint_status"
        ]
    );
}

#[tokio::test]
async fn a_keychain_that_gives_nothing_is_told() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    rig.keychain.refuse("access", VaultError::Locked);
    client.access_token(&account.id).await.unwrap_err();
    assert_eq!(told(&last_flow(&client, FlowKind::Refresh)), ["keychain_locked"]);

    rig.keychain.relent();
    rig.keychain
        .entries
        .lock()
        .unwrap()
        .retain(|name, _| !name.starts_with("refresh"));
    rig.sandbox.clock().advance(3600);
    client.access_token(&account.id).await.unwrap_err();
    assert_eq!(
        told(&last_flow(&client, FlowKind::Refresh)),
        [
            "Keychain access_token_read Tessera",
            "access_token_ended",
            "Keychain refresh_token_read Tessera",
            "refresh_token_missing",
            "needs_sign_in"
        ]
    );
}

#[tokio::test]
async fn what_is_kept_in_memory_only_is_not_said_to_be_in_the_keychain() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let request = SignIn {
        storage: Storage::UntilQuit,
        ..rig.request(Route::Scheme)
    };
    let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    call(&rig, &client, &account).await;
    rig.sandbox.clock().advance(3600);
    call(&rig, &client, &account).await;
    client.sign_out(&account.id).await.unwrap();
    assert!(rig.keychain.diary.lock().unwrap().is_empty());
    let told = told(&client.traced());
    for name in [
        "tokens_stored",
        "access_token_read",
        "refresh_token_read",
        "tokens_read",
        "secrets_deleted",
    ] {
        assert!(
            told.contains(&format!("Tessera {name} Tessera")),
            "{name}: {told:#?}"
        );
    }
    assert!(!told.iter().any(|line| line.contains("Keychain")), "{told:#?}");
}

#[tokio::test]
async fn every_secret_that_a_sign_out_and_a_bound_call_read_is_told_by_its_length() {
    let rig = Rig::with(Options {
        dpop: Dpop::Offered,
        ..Options::default()
    })
    .await;
    rig.name_provider();
    let file = rig.folder().join("providers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{text}dpop = true\n")).unwrap();
    let client = rig.client().await;
    let request = SignIn::with(tessera_client::ProviderChoice::Known(
        tessera_client::ProviderId::new("box").unwrap(),
    ));
    let account = rig.sign_in_with(&client, request, "ann").await.unwrap().account;
    call(&rig, &client, &account).await;
    let key = "Keychain key_read Tessera".to_owned();
    assert!(told(&last_flow(&client, FlowKind::Call)).contains(&key));
    rig.sandbox.clock().advance(3600);
    call(&rig, &client, &account).await;
    assert!(told(&last_flow(&client, FlowKind::Refresh)).contains(&key));

    client.sign_out(&account.id).await.unwrap();
    let events = last_flow(&client, FlowKind::SignOut);
    let read = fields(&events, "tokens_read");
    let names: Vec<&str> = read.iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["refresh_token", "access_token", "id_token"]);
    assert!(
        read.iter()
            .all(|field| matches!(field.value, FieldValue::Masked { .. }))
    );
    let told = told(&events);
    let at = |line: &str| told.iter().position(|told| told == line).unwrap();
    assert!(at("Keychain tokens_read Tessera") < at("Tessera revocation_request Provider"));
    assert!(at("Tessera revocation_request Provider") < at("Tessera secrets_deleted Keychain"));
}

#[tokio::test]
async fn what_the_browser_shows_in_the_end_is_told_as_it_is() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let shown = |events: &[TraceEvent]| match &fields(events, "finished_page")[0].value {
        FieldValue::Shown(page) => page.clone(),
        masked @ FieldValue::Masked { .. } => panic!("{masked:?}"),
    };
    for (fault, expected) in [
        (None, "you are signed in"),
        (Some("token-invalid-grant"), "you are not signed in"),
        (Some("callback-wrong-iss"), "you are not signed in"),
    ] {
        rig.sandbox.faults().clear();
        if let Some(fault) = fault {
            rig.fault(fault);
        }
        let attempt = client.sign_in(rig.request(Route::Loopback)).unwrap();
        let callback = rig.visit(&attempt, "ann").await.unwrap();
        let mut stray = callback.clone();
        stray.set_query(Some("code=c&state=s"));
        reqwest::get(stray).await.unwrap();
        reqwest::get(callback).await.unwrap();
        assert_eq!(attempt.wait().await.is_ok(), fault.is_none(), "{fault:?}");
        let events = last_flow(&client, FlowKind::SignIn);
        assert_eq!(shown(&events), expected, "{fault:?}");
        let first = events.iter().position(
            |event| matches!(&event.step, Step::Message { message, .. } if message.code() == "finished_page"),
        );
        assert_eq!(
            shown(&events[..=first.unwrap()]),
            "this is not the answer that is awaited"
        );
        let refused = told(&events).contains(&"Provider error_response Tessera".to_owned());
        assert_eq!(refused, fault == Some("token-invalid-grant"));
    }
}

#[tokio::test]
async fn a_callback_that_the_system_brings_and_nobody_can_use_is_in_the_flow_that_waits() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    // Nobody waits: there is no flow that it could be in.
    client
        .deliver_callback("app:no address?state=s")
        .await
        .unwrap_err();
    assert!(client.traced().is_empty());

    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let secrets: Vec<String> = callback
        .query_pairs()
        .filter(|(name, _)| matches!(&**name, "code" | "state"))
        .map(|(_, value)| value.into_owned())
        .collect();
    let (code, state) = (&secrets[0], &secrets[1]);
    let mut stray = callback.clone();
    stray.set_query(Some(&format!("code={code}&state=another")));
    let mut without = callback.clone();
    without.set_query(Some(&format!("code={code}")));
    for (text, refusal) in [
        (
            format!("{callback}&state={state}"),
            "callback_duplicate_parameter",
        ),
        (format!("not?{state}"), "callback_not_an_address"),
        (stray.to_string(), "answer_not_awaited"),
        (without.to_string(), "answer_not_awaited"),
    ] {
        let mut changes = client.changes();
        let before = last_flow(&client, FlowKind::SignIn).len();
        let refused = client.deliver_callback(&text).await.unwrap_err();
        assert_eq!(refused.code(), refusal);
        assert!(matches!(changes.recv().await.unwrap(), Change::Notice(_)));
        let events = last_flow(&client, FlowKind::SignIn);
        let new = told(&events[before..]);
        assert_eq!(new[0], "Browser callback Tessera", "{refusal}");
        assert_eq!(new.get(1).is_some(), refusal.starts_with("callback_"), "{new:?}");
    }
    let whole = format!("{:?}", client.traced());
    for secret in &secrets {
        assert!(!whole.contains(secret.as_str()), "{secret} is in {whole}");
    }
    // What a person pastes does not come from the browser.
    attempt.deliver("not?x=y").await.unwrap_err();
    let events = last_flow(&client, FlowKind::SignIn);
    assert!(told(&events).contains(&"Person callback Tessera".to_owned()));
    client.deliver_callback(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_found_the_app_closed_is_told_from_the_keychain_on() {
    let rig = Rig::new().await;
    rig.name_provider();
    let before = rig.client().await;
    let request = SignIn::with(tessera_client::ProviderChoice::Known(
        tessera_client::ProviderId::new("box").unwrap(),
    ));
    let attempt = before.sign_in(request).unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let client = rig.client().await;
    client.deliver_callback(callback.as_str()).await.unwrap();
    client.attempt().unwrap().wait().await.unwrap();
    let told = told(&last_flow(&client, FlowKind::SignIn));
    assert_eq!(
        &told[..2],
        ["Keychain attempt_read Tessera", "Browser callback Tessera"]
    );
}

#[tokio::test]
async fn a_clock_that_is_set_back_meanwhile_makes_no_step_come_before_the_one_that_it_followed() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    attempt.opened().await.unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    rig.sandbox.clock().advance(-100);
    attempt.deliver(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
    let times: Vec<i64> = client.traced().iter().map(|event| event.at_millis).collect();
    assert!(times.len() > 10 && times.is_sorted(), "{times:?}");
}
