//! Callbacks to accept, to wait past, and to end at. Names with dashes are modules of the OpenID conformance
//! suite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::checks::Outcome;
use crate::testing::{
    ISSUER, REDIRECT, begin, callback_text, counting, issuer, metadata, registration, request,
};
use crate::{IssuerPolicy, authorize};

fn pending() -> Pending {
    begin(&metadata(&json!({})), request()).1
}

/// What becomes of a callback: `ok` or the code of the error or refusal.
fn verdict(text: &str, pending: Pending) -> &'static str {
    match Callback::parse(text) {
        Err(error) => error.code(),
        Ok(callback) => callback
            .validate(pending)
            .map_or_else(|refusal| refusal.code(), |_| "ok"),
    }
}

#[test]
fn callbacks_are_accepted_or_refused() {
    let check = |name: &str, changes: Value, expected: &str| {
        let pending = pending();
        let text = callback_text(&pending, &changes);
        assert_eq!(verdict(&text, pending), expected, "{name}");
    };
    check("oidcc-client-test", json!({}), "ok");
    check(
        "unknown parameters",
        json!({"scope": "openid", "authuser": "0", "session_state": "x"}),
        "ok",
    );
    check(
        "fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-state-fails",
        json!({"state": "x"}),
        "state_mismatch",
    );
    check(
        "fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-missing-state-fails",
        json!({"state": null}),
        "state_missing",
    );
    check("empty state", json!({"state": ""}), "state_missing");
    check(
        "fapi2-security-profile-final-client-test-invalid-authorization-response-iss",
        json!({"iss": "https://evil.example"}),
        "callback_issuer_mismatch",
    );
    check(
        "a slash more in iss",
        json!({"iss": format!("{ISSUER}/")}),
        "callback_issuer_mismatch",
    );
    check(
        "fapi2-security-profile-final-client-test-remove-authorization-response-iss",
        json!({"iss": null}),
        "callback_issuer_missing",
    );
    check("empty iss", json!({"iss": ""}), "callback_issuer_missing");
    check("no code", json!({"code": null}), "callback_code_missing");
    check("empty code", json!({"code": ""}), "callback_code_missing");
    check(
        "refused",
        json!({"code": null, "error": "access_denied"}),
        "access_denied",
    );
    check(
        "an error goes before a code",
        json!({"error": "access_denied"}),
        "access_denied",
    );
    check("an empty error is none", json!({"error": ""}), "ok");
    check(
        "an unknown error",
        json!({"error": "because"}),
        "provider_refused",
    );
    check(
        "an error of another issuer",
        json!({"error": "access_denied", "iss": "https://evil.example"}),
        "callback_issuer_mismatch",
    );
    check(
        "an error without iss",
        json!({"error": "access_denied", "iss": null}),
        "callback_issuer_missing",
    );
    check(
        "an error for another attempt",
        json!({"error": "access_denied", "state": "x"}),
        "state_mismatch",
    );
    check(
        "wrong state and wrong iss",
        json!({"state": "x", "iss": "x"}),
        "state_mismatch",
    );
}

#[test]
fn an_iss_that_repeats_a_secret_is_not_shown() {
    for secret in ["state", "code", "nonce"] {
        let pending = pending();
        let url = Url::parse(&callback_text(&pending, &json!({}))).unwrap();
        let in_callback = url.query_pairs().find(|(name, _)| name == secret);
        let value = in_callback.map_or_else(
            || pending.nonce().unwrap().expose().to_owned(),
            |(_, value)| value.into_owned(),
        );
        let text = callback_text(
            &pending,
            &json!({ "iss": format!("https://evil.example/{value}") }),
        );
        let refusal = Callback::parse(&text).unwrap().validate(pending).unwrap_err();
        assert_eq!(refusal.code(), "callback_issuer_mismatch");
        let told = format!("{} {} {refusal:?}", refusal.message(), refusal.hint());
        assert!(!told.contains(&value), "{secret} in {told}");
    }
}

#[test]
fn iss_is_required_only_when_promised_and_checked_when_there() {
    let silent = json!({"authorization_response_iss_parameter_supported": null});
    let check = |policy: &IssuerPolicy, iss: Value, expected: &str| {
        let registration = registration(authorize::TokenAuth::None);
        let (metadata, now) = (metadata(&silent), crate::testing::NOW);
        let (_, pending) =
            authorize::begin(&metadata, &registration, request(), policy, now, &mut counting());
        let text = callback_text(&pending, &json!({ "iss": iss }));
        assert_eq!(verdict(&text, pending), expected, "{iss}");
    };
    let exact = IssuerPolicy::exact(&issuer());
    check(&exact, json!(null), "ok");
    check(&exact, json!(ISSUER), "ok");
    check(&exact, json!("https://evil.example"), "callback_issuer_mismatch");
    // The second spelling of an ID token's issuer is not one of the callback's.
    check(
        &exact.clone().or_without_scheme(),
        json!("login.example"),
        "callback_issuer_mismatch",
    );
    let pinned = exact.callback_issuer("https://login.example/oauth");
    check(&pinned, json!(null), "ok");
    check(&pinned, json!("https://login.example/oauth"), "ok");
    check(&pinned, json!(ISSUER), "callback_issuer_mismatch");
}

#[test]
fn a_callback_counts_only_where_it_is_awaited() {
    let check = |redirect_uri: &str, arrived: &str, expected: &str| {
        let mut request = request();
        request.redirect_uri = RedirectUri::new(redirect_uri).unwrap();
        let (_, pending) = begin(&metadata(&json!({})), request);
        let good = callback_text(&pending, &json!({}));
        let query = good.split_once('?').unwrap().1;
        let text = format!("{arrived}?{query}");
        assert_eq!(verdict(&text, pending), expected, "{redirect_uri} at {arrived}");
    };
    let other = "redirect_uri_mismatch";
    check(REDIRECT, REDIRECT, "ok");
    check(REDIRECT, "APP.tessera.desktop:/callback", "ok");
    check(REDIRECT, "app.tessera.desktop:/callback/", other);
    check(REDIRECT, "app.tessera.desktop:/Callback", other);
    check(REDIRECT, "app.tessera.desktop:/", other);
    check(REDIRECT, "app.tessera.desktop.dev:/callback", other);
    check(REDIRECT, "app.tessera.desktop://evil.example/callback", other);
    check(REDIRECT, "http://127.0.0.1:4711/callback", other);
    check(
        "http://127.0.0.1:4711/callback",
        "http://127.0.0.1:4711/callback",
        "ok",
    );
    check(
        "http://127.0.0.1:4711/callback",
        "http://127.0.0.1:4712/callback",
        other,
    );
    check(
        "http://127.0.0.1:4711/callback",
        "http://localhost:4711/callback",
        other,
    );
    check(
        "http://127.0.0.1:4711/callback",
        "http://[::1]:4711/callback",
        other,
    );
    check(
        "http://127.0.0.1:4711/callback",
        "https://127.0.0.1:4711/callback",
        other,
    );
    check(
        "http://127.0.0.1:4711/callback",
        "http://ann@127.0.0.1:4711/callback",
        other,
    );
    check(
        "http://127.0.0.1:4711/callback",
        "http://127.0.0.1:4711/favicon.ico",
        other,
    );
    check("http://127.0.0.1/callback", "http://127.0.0.1:80/callback", "ok");
    check("http://[::1]:9/callback?own=1", "http://[::1]:9/callback", "ok");
}

#[test]
fn text_that_is_no_callback_is_refused_at_once() {
    let check = |text: &str, expected: &str| assert_eq!(verdict(text, pending()), expected, "{text:.80}");
    check("", "callback_not_an_address");
    check("/callback?code=a&state=b", "callback_not_an_address");
    check("code=a&state=b", "callback_not_an_address");
    check(
        &format!("{REDIRECT}?code=a&state=b&code=a"),
        "callback_duplicate_parameter",
    );
    check(
        &format!("{REDIRECT}?code=a&state=b&state=b"),
        "callback_duplicate_parameter",
    );
    check(
        &format!("{REDIRECT}?code=a&state=b&iss=c&iss="),
        "callback_duplicate_parameter",
    );
    check(
        &format!("{REDIRECT}?code=a&state=b&error=c&error=d"),
        "callback_duplicate_parameter",
    );
    check(
        &format!("{REDIRECT}?code=a&%63ode=b&state=b"),
        "callback_duplicate_parameter",
    );
    check(&format!("{REDIRECT}#code=a&state=b"), "callback_fragment");
    check(&format!("{REDIRECT}?state=b#access_token=a"), "callback_fragment");
    check(
        &format!("{REDIRECT}?code={}", "a".repeat(MAX_CALLBACK_BYTES)),
        "callback_too_long",
    );
    let many = (0..=MAX_PARAMETERS)
        .map(|number| format!("p{number}=1"))
        .collect::<Vec<_>>()
        .join("&");
    check(&format!("{REDIRECT}?{many}"), "callback_too_many_parameters");
}

#[test]
fn a_pasted_address_may_have_space_around_it_and_a_fragment_that_says_nothing() {
    for (before, after) in [(" \n", "\r\n"), ("", "#"), ("", "#_=_"), ("", "#top")] {
        let pending = pending();
        let text = callback_text(&pending, &json!({}));
        assert_eq!(
            verdict(&format!("{before}{text}{after}"), pending),
            "ok",
            "{after}"
        );
    }
}

#[test]
fn an_attempt_goes_on_after_an_answer_that_is_not_its_own() {
    let mut pending = pending();
    let stray = [
        format!("{REDIRECT}?code=c0de&state=wrong&iss={ISSUER}"),
        format!("{REDIRECT}?code=c0de"),
        format!("{REDIRECT}?error=access_denied"),
        format!(
            "app.tessera.desktop:/other?code=c0de&state={}",
            pending.state().expose()
        ),
    ];
    for text in stray {
        match Callback::parse(&text).unwrap().validate(pending) {
            Err(CallbackRefusal::NotAwaited {
                pending: back,
                verdicts,
                ..
            }) => {
                assert_eq!(verdicts.failed().count(), 1, "{text}");
                assert_eq!(verdicts.outcome(CheckId::CallbackCode), Some(Outcome::NotReached));
                pending = *back;
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let text = callback_text(&pending, &json!({}));
    let validated = Callback::parse(&text).unwrap().validate(pending).unwrap();
    assert_eq!(validated.code.expose(), "c0de");
    assert_eq!(validated.scopes().to_string(), "openid profile");
    assert!(validated.nonce().is_some());
    assert!(
        validated
            .verdicts()
            .iter()
            .all(|verdict| verdict.outcome == Outcome::Passed)
    );
}

#[test]
fn a_refusal_tells_what_the_provider_said_and_no_more() {
    let pending = pending();
    let said = "No\u{202e} chance,\r\nann. Code 4/0AX4XfWhq2pN8xqv1wLrT";
    let text = callback_text(
        &pending,
        &json!({"error": "invalid_scope", "error_description": said}),
    );
    let refusal = Callback::parse(&text).unwrap().validate(pending).unwrap_err();
    assert!(
        refusal.message().ends_with("It said: No chance, ann. Code …"),
        "{}",
        refusal.message()
    );
    assert_eq!(
        refusal.verdicts().outcome(CheckId::CallbackCode),
        Some(Outcome::Failed)
    );
    assert_eq!(
        refusal.verdicts().outcome(CheckId::CallbackState),
        Some(Outcome::Passed)
    );
}

#[test]
fn no_verdict_shows_a_state_or_a_code() {
    for changes in [
        json!({}),
        json!({"state": "the-wrong-state"}),
        json!({"iss": null}),
        json!({"code": null}),
    ] {
        let pending = pending();
        let state = pending.state().expose().to_owned();
        let text = callback_text(&pending, &changes);
        let verdicts = match Callback::parse(&text).unwrap().validate(pending) {
            Ok(validated) => validated.verdicts().clone(),
            Err(refusal) => refusal.verdicts().clone(),
        };
        let shown = format!("{verdicts:?}");
        assert_eq!(verdicts.len(), CHECKS.len());
        for secret in [state.as_str(), "c0de", "the-wrong-state"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_judged(text in "\\PC*") {
        let _ = verdict(&text, pending());
    }

    #[test]
    fn any_query_is_judged(query in "[a-z%&=+#?0-9]{0,60}") {
        prop_assert_ne!(verdict(&format!("{REDIRECT}?{query}"), pending()), "ok");
    }

    #[test]
    fn only_the_state_that_was_sent_is_accepted(state in "\\PC{0,60}") {
        let pending = pending();
        let same = state == pending.state().expose();
        let text = callback_text(&pending, &json!({ "state": state }));
        prop_assert_eq!(verdict(&text, pending) == "ok", same);
    }

    #[test]
    fn a_code_arrives_as_it_was_sent(code in "\\PC{1,60}") {
        let pending = pending();
        let text = callback_text(&pending, &json!({ "code": code }));
        let validated = Callback::parse(&text).unwrap().validate(pending).unwrap();
        prop_assert_eq!(validated.code.expose(), code);
    }
}
