//! RP-initiated logout through the browser: after the sign-out here, never instead of it, and never waited for in
//! vain. Names with dashes are modules of the OpenID conformance suite.

use std::time::Duration;

use tessera_client::{
    BrowserSignOutEnd, Change, Client, FieldValue, MAX_BROWSER_SIGN_OUT, Receipt, ReceiptOutcome, Route, Step,
};
use tessera_sandbox::faults::{Change as Altered, Document, Fault};
use tessera_sandbox::log::Entry;
use tessera_sandbox::{Sandbox, Visitor};
use url::Url;

use crate::rig::Rig;

/// Signs Ann in with a browser of her own, and out again here; the browser keeps its session.
async fn signed_out_here(rig: &Rig, client: &Client, route: Route) -> (Visitor, Receipt) {
    let mut ann = rig.sandbox.visitor("ann");
    let attempt = client.sign_in(rig.request(route)).unwrap();
    let page = attempt.opened().await.unwrap().url;
    let callback = ann.visit(page.as_str()).await.unwrap();
    attempt.deliver(callback.as_str()).await.unwrap();
    let account = attempt.wait().await.unwrap().account;
    rig.browser.opened.lock().unwrap().clear();
    let receipt = client.sign_out(&account.id).await.unwrap();
    (ann, receipt)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(own, _)| own == name);
    found.map(|(_, value)| value.into_owned())
}

/// Whether the browser had a session at the provider until now: only then does the sign-out page ask, and is
/// confirmed by a POST.
async fn had_session(sandbox: &Sandbox, browser: &mut Visitor) -> bool {
    let confirmed = || {
        let of_page = |entry: &&Entry| entry.path == "/sign-out" && entry.method == "POST";
        sandbox.log().entries().iter().filter(of_page).count()
    };
    let before = confirmed();
    browser
        .visit(&format!("{}/sign-out", sandbox.issuer()))
        .await
        .expect_err("it ends on a page");
    confirmed() > before
}

// oidcc-client-test-rp-init-logout
#[tokio::test]
async fn the_browser_is_signed_out_after_the_account_is_gone_here() {
    for route in [Route::Scheme, Route::Loopback] {
        let rig = Rig::new().await;
        rig.name_provider_by(route);
        let client = rig.client().await;
        let (mut ann, receipt) = signed_out_here(&rig, &client, route).await;
        // LGO-3: nothing is left here before any browser opens.
        assert!(rig.keychain.kinds().is_empty() && client.accounts().await.unwrap().is_empty());
        assert!(rig.browser.opened.lock().unwrap().is_empty());
        let line = receipt.lines.iter().find(|line| line.what == "browser_session");
        assert_eq!(line.unwrap().outcome, ReceiptOutcome::Offered);
        assert!(receipt.browser);

        let mut changes = client.changes();
        let mut sign_out = client
            .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
            .await
            .unwrap();
        let page = rig.browser.opened_page().await;
        assert!(
            page.as_str()
                .starts_with(&format!("{}/sign-out?", rig.sandbox.issuer()))
        );
        for (name, expected) in [
            ("client_id", Some(tessera_sandbox::CLIENT_ID)),
            ("logout_hint", None),
        ] {
            assert_eq!(parameter(&page, name).as_deref(), expected, "{name}");
        }
        assert_eq!(parameter(&page, "id_token_hint").unwrap().split('.').count(), 3);
        let back = parameter(&page, "post_logout_redirect_uri").unwrap();
        match route {
            Route::Scheme => assert_eq!(back, "app.tessera.desktop:/signed-out"),
            _ => assert!(
                back.starts_with("http://127.0.0.1:") && back.ends_with("/signed-out"),
                "{back}"
            ),
        }
        // What may be shown holds everything but the ID token.
        assert_eq!(parameter(sign_out.page(), "id_token_hint"), None);
        assert_eq!(parameter(sign_out.page(), "state"), parameter(&page, "state"));

        // With the hint, nobody is asked.
        let returned = ann.visit(page.as_str()).await.unwrap();
        assert_eq!(parameter(&returned, "state"), parameter(&page, "state"));
        if route == Route::Scheme {
            client.deliver_callback(returned.as_str()).await.unwrap();
        } else {
            let shown = reqwest::get(returned.clone()).await.unwrap();
            assert_eq!(shown.status(), 200);
            assert!(shown.text().await.unwrap().contains("You are signed out"));
        }
        assert!(matches!(sign_out.wait().await, BrowserSignOutEnd::Returned));
        let told = loop {
            if let Change::BrowserSignOut { account, end } = changes.recv().await.unwrap() {
                break (account, end);
            }
        };
        assert_eq!(told.0, receipt.account);
        assert!(matches!(told.1, BrowserSignOutEnd::Returned));
        assert!(!had_session(&rig.sandbox, &mut ann).await);

        // Once: the same return is then one of many that nobody waits for.
        if route == Route::Scheme {
            let again = client.deliver_callback(returned.as_str()).await.unwrap_err();
            assert_eq!(again.code(), "sign_out_return_not_awaited");
        }
    }
}

#[tokio::test]
async fn a_return_that_is_not_the_awaited_one_changes_nothing_and_says_so() {
    // oidcc-client-test-rp-init-logout-other-state, oidcc-client-test-rp-init-logout-no-state
    for (fault, code, page) in [
        (
            "sign-out-other-state",
            "sign_out_return_mismatch",
            "Not the sign-out",
        ),
        (
            "sign-out-no-state",
            "sign_out_return_no_state",
            "Not the sign-out",
        ),
    ] {
        for route in [Route::Scheme, Route::Loopback] {
            let rig = Rig::new().await;
            rig.name_provider_by(route);
            let client = rig.client().await;
            let bob = rig.sign_in_with(&client, rig.request(route), "bob").await;
            let bob = bob.unwrap().account;
            let (mut ann, receipt) = signed_out_here(&rig, &client, route).await;
            let before = rig.keychain.entries.lock().unwrap().clone();
            let mut changes = client.changes();
            let mut sign_out = client
                .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
                .await
                .unwrap();
            let opened = rig.browser.opened_page().await;
            rig.fault(fault);
            let wrong = ann.visit(opened.as_str()).await.unwrap();
            if route == Route::Scheme {
                let refused = client.deliver_callback(wrong.as_str()).await.unwrap_err();
                assert_eq!(refused.code(), code);
                let noticed = loop {
                    if let Change::Notice(error) = changes.recv().await.unwrap() {
                        break error;
                    }
                };
                assert_eq!(noticed.code(), code);
            } else {
                let shown = reqwest::get(wrong).await.unwrap();
                assert_eq!(shown.status(), 400, "{fault}");
                assert!(shown.text().await.unwrap().contains(page), "{fault}");
            }
            assert_eq!(client.accounts().await.unwrap().len(), 1);
            assert_eq!(client.account(&bob.id).await.unwrap().state.as_str(), "signed_in");
            assert_eq!(*rig.keychain.entries.lock().unwrap(), before);

            // The right one can still come.
            let mut right = Url::parse(&parameter(&opened, "post_logout_redirect_uri").unwrap()).unwrap();
            right
                .query_pairs_mut()
                .append_pair("state", &parameter(&opened, "state").unwrap());
            if route == Route::Scheme {
                client.deliver_callback(right.as_str()).await.unwrap();
            } else {
                assert_eq!(reqwest::get(right).await.unwrap().status(), 200);
            }
            assert!(matches!(sign_out.wait().await, BrowserSignOutEnd::Returned));
        }
    }
}

#[tokio::test]
async fn a_return_that_finds_nothing_under_way_triggers_nothing() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let account = rig.sign_in(&client, "ann").await.account;
    let attempt = client.sign_in(rig.request(Route::Scheme)).unwrap();
    let page = attempt.opened().await.unwrap().url;
    let state = parameter(&page, "state").unwrap();
    // Not even with the state of a sign-in.
    for stray in [
        "app.tessera.desktop:/signed-out".to_owned(),
        format!("app.tessera.desktop:/signed-out?state={state}"),
        format!("app.tessera.desktop:/signed-out?state={state}&code=c&error=access_denied"),
    ] {
        let refused = client.deliver_callback(&stray).await.unwrap_err();
        assert_eq!(refused.code(), "sign_out_return_not_awaited", "{stray}");
    }
    assert_eq!(client.attempt().unwrap().id(), attempt.id());
    assert_eq!(
        client.account(&account.id).await.unwrap().state.as_str(),
        "signed_in"
    );
    attempt.cancel();
}

#[tokio::test]
async fn a_provider_that_never_returns_is_no_failure() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let (_, receipt) = signed_out_here(&rig, &client, Route::Loopback).await;
    let mut sign_out = client
        .sign_out_in_browser(&receipt.account, Duration::ZERO)
        .await
        .unwrap();
    assert!(matches!(sign_out.wait().await, BrowserSignOutEnd::NotReturned));
    let last = client.traced().pop().unwrap();
    assert!(matches!(last.step, Step::Ended { error: None }));
}

#[tokio::test]
async fn ten_minutes_after_the_sign_out_here_it_is_too_late_and_says_so() {
    for (late, expected) in [
        (
            MAX_BROWSER_SIGN_OUT.checked_sub(Duration::from_secs(1)).unwrap(),
            None,
        ),
        (MAX_BROWSER_SIGN_OUT, Some("browser_sign_out_not_offered")),
    ] {
        let rig = Rig::new().await;
        let client = rig.client().await;
        let (_, receipt) = signed_out_here(&rig, &client, Route::Scheme).await;
        tokio::time::pause();
        tokio::time::advance(late).await;
        tokio::time::resume();
        let begun = client
            .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
            .await;
        assert_eq!(begun.as_ref().err().map(tessera_client::Error::code), expected);
        if begun.is_ok() {
            let page = rig.browser.opened_page().await;
            assert!(parameter(&page, "id_token_hint").is_some());
        } else {
            assert!(rig.browser.opened.lock().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_newer_one_takes_the_place_of_an_older_one() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let (mut ann, receipt) = signed_out_here(&rig, &client, Route::Scheme).await;
    let begin = || client.sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT);
    let mut first = begin().await.unwrap();
    let older = rig.browser.opened_page().await;
    let mut second = begin().await.unwrap();
    assert!(matches!(first.wait().await, BrowserSignOutEnd::Replaced));
    let newer = rig.browser.opened_page().await;
    assert_ne!(parameter(&older, "state"), parameter(&newer, "state"));
    let late = ann.visit(older.as_str()).await.unwrap();
    let refused = client.deliver_callback(late.as_str()).await.unwrap_err();
    assert_eq!(refused.code(), "sign_out_return_mismatch");
    let right = ann.visit(newer.as_str()).await.unwrap();
    client.deliver_callback(right.as_str()).await.unwrap();
    assert!(matches!(second.wait().await, BrowserSignOutEnd::Returned));
}

#[tokio::test]
async fn without_a_browser_it_ends_and_says_so() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let (_, receipt) = signed_out_here(&rig, &client, Route::Scheme).await;
    *rig.browser.broken.lock().unwrap() = true;
    let mut sign_out = client
        .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
        .await
        .unwrap();
    let BrowserSignOutEnd::Failed(error) = sign_out.wait().await else {
        panic!("it went on without a browser");
    };
    assert_eq!(error.code(), "browser_sign_out_not_opened");
}

#[tokio::test]
async fn it_is_offered_only_where_the_provider_has_a_page_for_it() {
    let rig = Rig::new().await;
    let fault = Fault::Json {
        document: Document::Discovery,
        change: Altered::Remove("end_session_endpoint"),
    };
    rig.sandbox.faults().set(fault);
    let client = rig.client().await;
    let (_, receipt) = signed_out_here(&rig, &client, Route::Scheme).await;
    let line = receipt.lines.iter().find(|line| line.what == "browser_session");
    assert_eq!(line.unwrap().outcome, ReceiptOutcome::NotPossible);
    assert!(!receipt.browser);
    let refused = client
        .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "browser_sign_out_not_offered");
    assert!(rig.browser.opened.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_trace_shows_where_the_browser_went_and_neither_the_hint_nor_the_state() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let (mut ann, receipt) = signed_out_here(&rig, &client, Route::Scheme).await;
    let mut sign_out = client
        .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
        .await
        .unwrap();
    let page = rig.browser.opened_page().await;
    let back = ann.visit(page.as_str()).await.unwrap();
    client.deliver_callback(back.as_str()).await.unwrap();
    sign_out.wait().await;
    let traced = client.traced();
    let messages: Vec<&str> = traced
        .iter()
        .filter_map(|event| match &event.step {
            Step::Message { message, .. } => Some(message.code()),
            _ => None,
        })
        .collect();
    assert!(
        messages.ends_with(&["end_session_request", "end_session_return"]),
        "{messages:?}"
    );
    let deleted = messages
        .iter()
        .position(|code| *code == "secrets_deleted")
        .unwrap();
    assert!(deleted < messages.len() - 2);
    let fields = traced.iter().rev().find_map(|event| match &event.step {
        Step::Message { message, fields, .. } if message.code() == "end_session_request" => Some(fields),
        _ => None,
    });
    for field in fields.unwrap() {
        let secret = ["id_token_hint", "state"].contains(&&*field.name);
        assert_eq!(
            matches!(field.value, FieldValue::Masked { .. }),
            secret,
            "{field:?}"
        );
    }
    let all = format!("{traced:?}");
    for name in ["id_token_hint", "state"] {
        assert!(!all.contains(&parameter(&page, name).unwrap()), "{name}");
    }
}

#[tokio::test]
async fn what_stays_in_the_browser_without_it_is_a_session() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let (mut ann, _) = signed_out_here(&rig, &client, Route::Scheme).await;
    assert!(had_session(&rig.sandbox, &mut ann).await);
}
