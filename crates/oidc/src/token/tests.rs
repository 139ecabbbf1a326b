//! What is sent to the token endpoint, and what its answers mean. Names with dashes are modules of the OpenID
//! conformance suite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::checks::Outcome;
use crate::testing::{
    CLIENT, REDIRECT, SECRET, form, header, json_response, metadata, registration, response, validated, with,
};

const FORM: &str = "application/x-www-form-urlencoded";

fn good() -> Value {
    json!({
        "access_token": "acce55",
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": "refre5h",
        "scope": "openid profile",
        "id_token": "aa.bb.cc",
    })
}

fn parsed(response: &Response, dialect: Dialect) -> Result<TokenResponse, TokenError> {
    parse_token_response(response, &dialect, &Scopes::parse("openid profile"))
}

#[test]
fn a_checked_callback_is_exchanged_with_its_own_verifier_and_redirect_uri() {
    let callback = validated();
    let request = code_request(&callback, &metadata(&json!({})), &registration(TokenAuth::None));
    assert_eq!(request.method, http::Method::POST);
    assert_eq!(request.url.as_str(), "https://login.example/token");
    assert_eq!(header(&request, "content-type").as_deref(), Some(FORM));
    assert_eq!(header(&request, "accept").as_deref(), Some("application/json"));
    assert_eq!(header(&request, "authorization"), None);
    let fields = form(&request);
    assert_eq!(fields["code_verifier"], callback.verifier.expose());
    assert_eq!(fields["code_verifier"].len(), 43);
    let rest = fields.iter().filter(|(name, _)| *name != "code_verifier");
    assert_eq!(
        rest.map(|(name, value)| (name.as_str(), value.as_str()))
            .collect::<Vec<_>>(),
        [
            ("client_id", CLIENT),
            ("code", "c0de"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", REDIRECT),
        ]
    );
}

/// RFC 6749 section 2.3.1; `-client-secret-basic` of the basic plan.
#[test]
fn a_client_presents_itself_as_it_is_registered() {
    let token = RefreshToken::new("refre5h");
    let sent = |auth| refresh_request(&token, &metadata(&json!({})), &registration(auth), None);

    let none = sent(TokenAuth::None);
    assert_eq!(form(&none).get("client_id").map(String::as_str), Some(CLIENT));
    assert!(!form(&none).contains_key("client_secret") && header(&none, "authorization").is_none());

    let post = sent(TokenAuth::SecretPost);
    assert_eq!(form(&post)["client_id"], CLIENT);
    assert_eq!(form(&post)["client_secret"], SECRET);
    assert!(header(&post, "authorization").is_none());

    let basic = sent(TokenAuth::SecretBasic);
    assert!(!form(&basic).contains_key("client_id") && !form(&basic).contains_key("client_secret"));
    let value = header(&basic, "authorization").unwrap();
    let pair = STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap();
    assert_eq!(
        String::from_utf8(pair).unwrap(),
        "tessera-desktop:c%21ient+secret%3A%2B%2F%26%3D"
    );
    assert!(basic.headers["authorization"].is_sensitive());

    // A secret that is not there cannot be presented.
    let mut bare = registration(TokenAuth::SecretBasic);
    bare.client_secret = None;
    let bare = refresh_request(&token, &metadata(&json!({})), &bare, None);
    assert_eq!(form(&bare)["client_id"], CLIENT);
    assert!(header(&bare, "authorization").is_none());
}

#[test]
fn a_refresh_sends_the_token_and_asks_for_less_only_when_told_to() {
    let token = RefreshToken::new("refre5h");
    let (metadata, registration) = (metadata(&json!({})), registration(TokenAuth::None));
    let all = form(&refresh_request(&token, &metadata, &registration, None));
    assert_eq!(all["grant_type"], "refresh_token");
    assert_eq!(all["refresh_token"], "refre5h");
    assert!(!all.contains_key("scope"));
    let fewer = Scopes::parse("openid");
    let fewer = form(&refresh_request(&token, &metadata, &registration, Some(&fewer)));
    assert_eq!(fewer["scope"], "openid");
}

#[test]
fn a_good_answer_is_read_whole() {
    let tokens = parsed(&json_response(200, &good()), Dialect::STANDARD).unwrap();
    assert_eq!(tokens.access_token.expose(), "acce55");
    assert_eq!(tokens.token_type.as_str(), "Bearer");
    assert_eq!(tokens.expires_in, Some(3600));
    assert_eq!(tokens.refresh_token.unwrap().expose(), "refre5h");
    assert_eq!(tokens.refresh_expires_in, None);
    assert_eq!(tokens.scopes.to_string(), "openid profile");
    assert_eq!(tokens.id_token.unwrap().expose(), "aa.bb.cc");
    assert_eq!(tokens.verdicts.outcome(CheckId::TokenType), Some(Outcome::Passed));
}

#[test]
fn answers_are_accepted_or_refused() {
    let check = |name: &str, changes: Value, expected: &str| {
        let result = parsed(&json_response(200, &with(good(), &changes)), Dialect::STANDARD);
        assert_eq!(
            result.map_or_else(|error| error.code(), |_| "ok"),
            expected,
            "{name}"
        );
    };
    let client_test = "fapi2-security-profile-final-client-test";
    check(
        &format!("{client_test}-token-type-case-insensitivity"),
        json!({"token_type": "bEARER"}),
        "ok",
    );
    check(
        &format!("{client_test}-token-endpoint-response-without-expires_in"),
        json!({"expires_in": null}),
        "ok",
    );
    check(
        "only what must be there",
        json!({"expires_in": null, "refresh_token": null, "id_token": null,
        "scope": null}),
        "ok",
    );
    check("lifetime as text", json!({"expires_in": "3600"}), "ok");
    check("unknown members", json!({"x": {"y": [1]}}), "ok");
    check(
        "no access token",
        json!({"access_token": null}),
        "token_response_incomplete",
    );
    check(
        "empty access token",
        json!({"access_token": ""}),
        "token_response_incomplete",
    );
    check(
        "no token type",
        json!({"token_type": null}),
        "token_response_incomplete",
    );
    check(
        "a type this app cannot present",
        json!({"token_type": "mac"}),
        "token_type_unsupported",
    );
    check(
        "a bound token that nobody asked for",
        json!({"token_type": "DPoP"}),
        "token_type_unsupported",
    );
    check(
        "a token that is a number",
        json!({"access_token": 7}),
        "token_response_not_json",
    );
    for token in ["a b", "a\nb", "a\r\nX-Injected: 1", "ä", "\u{0}"] {
        for field in ["access_token", "refresh_token", "id_token"] {
            check(field, json!({field: token}), "token_response_unusable");
        }
    }
    check(
        "a token without end",
        json!({"access_token": "a".repeat(MAX_TOKEN_BYTES + 1)}),
        "token_response_unusable",
    );
    check(
        "an error beside tokens is not this dialect",
        json!({"error": "invalid_grant"}),
        "ok",
    );
    check(
        "an error instead of tokens with status 200",
        json!({"error": "invalid_grant", "access_token": null}),
        "token_response_incomplete",
    );
}

#[test]
fn scopes_are_what_was_granted_or_else_what_was_asked_for() {
    let check = |scope: Value, dialect: Dialect, expected: &str| {
        let tokens = parsed(
            &json_response(200, &with(good(), &json!({ "scope": scope }))),
            dialect,
        );
        assert_eq!(
            tokens.unwrap().scopes.to_string(),
            expected,
            "{scope} {dialect:?}"
        );
    };
    check(json!(null), Dialect::STANDARD, "openid profile");
    check(json!(""), Dialect::STANDARD, "openid profile");
    check(json!("openid"), Dialect::STANDARD, "openid");
    check(
        json!("openid email profile"),
        Dialect::STANDARD,
        "email openid profile",
    );
    check(json!(["openid", "email"]), Dialect::STANDARD, "email openid");
    check(json!("a,b"), Dialect::STANDARD, "a,b");
    check(json!("repo,user:email"), Dialect::GITHUB, "repo user:email");
    check(json!("repo, user"), Dialect::GITHUB, "repo user");
    check(json!(""), Dialect::GITHUB, "");
    check(json!(null), Dialect::GITHUB, "openid profile");
}

#[test]
fn githubs_ways_are_understood() {
    let github = |response: &Response| parsed(response, Dialect::GITHUB);
    let body = "access_token=gho_16C7&expires_in=28800&refresh_token=ghr_1B4a&refresh_token_expires_in=15897600\
                &scope=repo%2Cgist&token_type=bearer";
    let tokens = github(&response(200, FORM, body)).unwrap();
    assert_eq!(tokens.access_token.expose(), "gho_16C7");
    assert_eq!(tokens.refresh_token.unwrap().expose(), "ghr_1B4a");
    assert_eq!(
        (tokens.expires_in, tokens.refresh_expires_in),
        (Some(28_800), Some(15_897_600))
    );
    assert_eq!(tokens.scopes.to_string(), "gist repo");
    let body = "error=bad_verification_code&error_description=The+code+passed+is+incorrect+or+expired.";
    let error = github(&response(200, FORM, body)).unwrap_err();
    assert_eq!(
        (error.code(), error.ends_session()),
        ("bad_verification_code", false)
    );
    let refused = json!({"error": "bad_refresh_token", "error_description": "The refresh token passed is incorrect or expired."});
    let error = github(&json_response(200, &refused)).unwrap_err();
    assert_eq!((error.code(), error.ends_session()), ("bad_refresh_token", true));
    // Others do not get away with a form.
    let form = response(200, FORM, "access_token=a&token_type=bearer");
    assert_eq!(
        parsed(&form, Dialect::STANDARD).unwrap_err().code(),
        "token_response_not_json"
    );
}

/// Status, type and body of an answer that has no tokens; its code, whether it ends the session, whether it
/// passes.
#[test]
fn only_a_dead_grant_ends_a_session() {
    let check = |status: u16, media_type: &str, body: &str, code: &str, ends: bool, passes: bool| {
        let error = parsed(&response(status, media_type, body), Dialect::STANDARD).unwrap_err();
        assert_eq!(error.code(), code, "{status} {body}");
        assert_eq!(error.ends_session(), ends, "{status} {body}");
        assert_eq!(error.is_passing(), passes, "{status} {body}");
        assert!(!(ends && passes));
    };
    let json = "application/json";
    check(
        400,
        json,
        r#"{"error":"invalid_grant"}"#,
        "invalid_grant",
        true,
        false,
    );
    check(
        401,
        json,
        r#"{"error":"invalid_grant"}"#,
        "invalid_grant",
        true,
        false,
    );
    check(
        400,
        json,
        r#"{"error":"interaction_required"}"#,
        "interaction_required",
        true,
        false,
    );
    check(
        400,
        "",
        r#"{"error":"invalid_grant"}"#,
        "invalid_grant",
        true,
        false,
    );
    for status in [500, 502, 503, 504, 429, 408] {
        check(
            status,
            json,
            r#"{"error":"invalid_grant"}"#,
            "invalid_grant",
            false,
            true,
        );
        check(status, json, "{}", "token_endpoint_status", false, true);
        check(
            status,
            "text/html",
            "<html>",
            "token_endpoint_status",
            false,
            true,
        );
        check(status, "", "", "token_endpoint_status", false, true);
    }
    check(
        400,
        json,
        r#"{"error":"temporarily_unavailable"}"#,
        "temporarily_unavailable",
        false,
        true,
    );
    check(
        400,
        json,
        r#"{"error":"server_error"}"#,
        "server_error",
        false,
        true,
    );
    check(
        401,
        json,
        r#"{"error":"invalid_client"}"#,
        "invalid_client",
        false,
        false,
    );
    check(
        400,
        json,
        r#"{"error":"invalid_request"}"#,
        "invalid_request",
        false,
        false,
    );
    check(
        400,
        json,
        r#"{"error":"invalid_scope"}"#,
        "invalid_scope",
        false,
        false,
    );
    check(
        400,
        json,
        r#"{"error":"unauthorized_client"}"#,
        "unauthorized_client",
        false,
        false,
    );
    check(
        400,
        json,
        r#"{"error":"INVALID_GRANT"}"#,
        "provider_refused",
        false,
        false,
    );
    check(
        400,
        json,
        r#"{"error":["invalid_grant"]}"#,
        "token_endpoint_status",
        false,
        false,
    );
    check(
        400,
        "text/html",
        r#"{"error":"invalid_grant"}"#,
        "token_endpoint_status",
        false,
        true,
    );
    check(
        403,
        "text/html",
        "<html>invalid_grant",
        "token_endpoint_status",
        false,
        true,
    );
    // A network that wants people to sign in to it sends them there.
    check(302, "", "", "token_endpoint_status", false, true);
    check(200, "text/html", "<html>", "token_response_not_json", false, true);
    check(200, json, "", "token_response_not_json", false, true);
    check(200, json, "[]", "token_response_not_json", false, true);
    check(200, json, "{}", "token_response_incomplete", false, false);
}

#[test]
fn what_a_refusal_says_is_kept_and_made_harmless() {
    let body = json!({
        "error": "invalid_grant",
        "error_description": "AADSTS70008: The code 0.AXYA1234567890abcdefGHIJ is expired.\r\nTrace ID: 9f0c1b1e-7a0c-4f8e-9a53-0c6f6a1f0b00",
    });
    let mut response = json_response(400, &body);
    response
        .headers
        .insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    let error = parsed(&response, Dialect::STANDARD).unwrap_err();
    assert_eq!(error.retry_after(), Some(30));
    let TokenError::Refused(refusal) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(refusal.status, 400);
    assert_eq!(
        refusal.description.as_deref(),
        Some("AADSTS70008: The code … is expired. Trace ID: 9f0c1b1e-7a0c-4f8e-9a53-0c6f6a1f0b00")
    );
    response.headers.insert(
        header::RETRY_AFTER,
        HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"),
    );
    assert_eq!(
        parsed(&response, Dialect::STANDARD).unwrap_err().retry_after(),
        None
    );
}

proptest! {
    #[test]
    fn any_answer_is_judged(
        status in 100_u16..600,
        media_type in "(application/json|application/x-www-form-urlencoded|text/html)?",
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for dialect in [Dialect::STANDARD, Dialect::GITHUB] {
            let _ = parsed(&response(status, &media_type, body.clone()), dialect);
        }
    }

    #[test]
    fn any_json_is_judged(
        status in prop_oneof![Just(200_u16), Just(400), Just(503)],
        access in ".{0,8}", kind in "(bearer|Bearer|.{0,5})", error in proptest::option::of("[a-z_]{0,15}"),
    ) {
        let body = json!({"access_token": access, "token_type": kind, "error": error});
        if let Ok(tokens) = parsed(&json_response(status, &body), Dialect::GITHUB) {
            prop_assert_eq!(status, 200);
            prop_assert!(error.unwrap_or_default().is_empty());
            prop_assert!(kind.eq_ignore_ascii_case("bearer"));
            prop_assert_eq!(tokens.access_token.expose(), access);
        }
    }
}

#[test]
fn a_bound_token_that_was_asked_for_is_taken_in_any_case_and_nothing_less() {
    let bound = Dialect {
        token_type: TokenType::Dpop,
        ..Dialect::STANDARD
    };
    let answered = |token_type: &str, dialect: &Dialect| {
        let body = json!({"access_token": "t0ken", "token_type": token_type});
        parse_token_response(&json_response(200, &body), dialect, &Scopes::default())
    };
    for token_type in ["DPoP", "dpop", "DPOP"] {
        assert_eq!(answered(token_type, &bound).unwrap().token_type, TokenType::Dpop);
        // Nobody asked for it, so there is no key to use it with.
        let error = answered(token_type, &Dialect::STANDARD).unwrap_err();
        assert_eq!(error.code(), "token_type_unsupported");
    }
    for token_type in ["Bearer", "bearer", "mac", ""] {
        let error = answered(token_type, &bound).unwrap_err();
        assert_eq!(error.code(), "dpop_downgrade", "{token_type}");
        assert!(!error.is_passing() && !error.ends_session());
    }
    // A token in the place of its type is not shown.
    for dialect in [&bound, &Dialect::STANDARD] {
        let error = answered("gho_16C7e42F292c6912E7710c838347Ae178B4a", dialect).unwrap_err();
        assert!(
            !format!("{} {error:?}", error.message()).contains("gho_"),
            "{error:?}"
        );
    }
}
