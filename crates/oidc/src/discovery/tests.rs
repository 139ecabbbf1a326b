//! Descriptions to accept and to refuse. Names in quotes are modules of the OpenID conformance suite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::checks::Outcome;
use crate::testing::{ISSUER, description, issuer, json_response, metadata, response, url, with};

/// What becomes of the good description with `changes`: `ok` or the error's code.
fn verdict(changes: &serde_json::Value) -> &'static str {
    let response = json_response(200, &with(description(), changes));
    parse_metadata(&issuer(), &response).map_or_else(|error| error.code(), |_| "ok")
}

#[test]
fn the_well_known_address_is_appended_to_the_issuer() {
    let check = |issuer: &str, address: &str| {
        let request = discovery_request(&issuer.parse().unwrap());
        assert_eq!(request.url.as_str(), address);
        assert_eq!(request.method, http::Method::GET);
        assert_eq!(request.headers[http::header::ACCEPT], "application/json");
        assert!(request.body.is_empty());
    };
    check(
        "https://a.example",
        "https://a.example/.well-known/openid-configuration",
    );
    check(
        "https://a.example/",
        "https://a.example/.well-known/openid-configuration",
    );
    check(
        "https://a.example/t/one",
        "https://a.example/t/one/.well-known/openid-configuration",
    );
    check(
        "https://a.example/t/one/",
        "https://a.example/t/one/.well-known/openid-configuration",
    );
    check(
        "https://a.example//",
        "https://a.example//.well-known/openid-configuration",
    );
    check(
        "http://127.0.0.1:9000/op/",
        "http://127.0.0.1:9000/op/.well-known/openid-configuration",
    );
}

#[test]
fn a_good_description_is_read_whole() {
    let metadata = metadata(&json!({
        "scopes_supported": ["openid", "offline_access"],
        "grant_types_supported": ["authorization_code", "refresh_token", "urn:example:own"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "pushed_authorization_request_endpoint": format!("{ISSUER}/par"),
        "require_pushed_authorization_requests": true,
        "dpop_signing_alg_values_supported": ["ES256"],
        "prompt_values_supported": ["none", "create"],
        "id_token_signing_alg_values_supported": ["HS256", "none", "ES256K", "EdDSA", "RS256", "EdDSA"],
    }));
    assert_eq!(metadata.issuer, issuer());
    assert_eq!(
        metadata.authorization_endpoint,
        url("https://login.example/authorize")
    );
    assert_eq!(metadata.token_endpoint, url("https://login.example/token"));
    assert_eq!(
        key_set_request(&metadata).unwrap().url,
        url("https://login.example/keys")
    );
    assert_eq!(
        metadata.userinfo_endpoint,
        Some(url("https://login.example/userinfo"))
    );
    assert_eq!(
        metadata.revocation_endpoint,
        Some(url("https://login.example/revoke"))
    );
    assert_eq!(
        metadata.end_session_endpoint,
        Some(url("https://login.example/logout"))
    );
    assert_eq!(
        metadata.device_authorization_endpoint,
        Some(url("https://login.example/device"))
    );
    assert!(metadata.has_device_grant());
    assert_eq!(
        metadata.pushed_authorization_request_endpoint,
        Some(url("https://login.example/par"))
    );
    assert!(metadata.require_pushed_authorization_requests && metadata.iss_parameter_supported);
    assert_eq!(metadata.scopes_supported.to_string(), "offline_access openid");
    assert_eq!(
        metadata.grant_types,
        ["authorization_code", "refresh_token", "urn:example:own"]
    );
    assert_eq!(
        metadata.token_endpoint_auth_methods,
        ["none", "client_secret_basic"]
    );
    assert_eq!(metadata.dpop_algorithms, ["ES256"]);
    assert_eq!(metadata.prompts_supported, ["none", "create"]);
    assert_eq!(metadata.id_token_algorithms, [Algorithm::EdDSA, Algorithm::RS256]);
    let verdicts = metadata.verdicts();
    assert_eq!(verdicts.len(), 4);
    assert!(
        verdicts.iter().all(|verdict| verdict.outcome == Outcome::Passed),
        "{verdicts:?}"
    );
}

#[test]
fn descriptions_are_accepted_or_refused() {
    let check = |name: &str, changes: serde_json::Value, expected: &str| {
        assert_eq!(verdict(&changes), expected, "{name}");
    };
    check("oidcc-client-test-discovery-openid-config", json!({}), "ok");
    check(
        "oidcc-client-test-discovery-issuer-mismatch",
        json!({"issuer": format!("{ISSUER}INVALID")}),
        "issuer_mismatch",
    );
    check(
        "a slash more",
        json!({"issuer": format!("{ISSUER}/")}),
        "issuer_mismatch",
    );
    check(
        "another case",
        json!({"issuer": "https://LOGIN.example"}),
        "issuer_mismatch",
    );
    check(
        "the default port",
        json!({"issuer": "https://login.example:443"}),
        "issuer_mismatch",
    );
    check(
        "another issuer whose other members are junk too",
        json!({"issuer": "https://evil.example", "token_endpoint": 7}),
        "issuer_mismatch",
    );
    check("no issuer", json!({"issuer": null}), "metadata_malformed");
    check(
        "issuer of another type",
        json!({"issuer": [ISSUER]}),
        "metadata_malformed",
    );

    for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        check(endpoint, json!({endpoint: null}), "metadata_malformed");
        check(
            endpoint,
            json!({endpoint: "not an address"}),
            "metadata_malformed",
        );
        check(endpoint, json!({endpoint: "/relative"}), "metadata_malformed");
    }
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "userinfo_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
        "device_authorization_endpoint",
        "pushed_authorization_request_endpoint",
    ] {
        check(
            endpoint,
            json!({endpoint: "http://login.example/x"}),
            "endpoint_insecure",
        );
        check(
            endpoint,
            json!({endpoint: "http://127.0.0.1:9/x"}),
            "endpoint_insecure",
        );
        check(
            endpoint,
            json!({endpoint: "javascript:alert(1)"}),
            "endpoint_insecure",
        );
        check(
            endpoint,
            json!({endpoint: "file:///etc/passwd"}),
            "endpoint_insecure",
        );
        check(
            endpoint,
            json!({endpoint: "https://login.example/x#y"}),
            "metadata_malformed",
        );
        check(
            endpoint,
            json!({endpoint: "https://ann:pw@login.example/x"}),
            "metadata_malformed",
        );
        check(
            endpoint,
            json!({endpoint: "https://elsewhere.example/x?tenant=1"}),
            "ok",
        );
        check(endpoint, json!({endpoint: 7}), "metadata_malformed");
    }

    check(
        "PKCE not mentioned",
        json!({"code_challenge_methods_supported": null}),
        "ok",
    );
    check(
        "PKCE with both methods",
        json!({"code_challenge_methods_supported": ["plain", "S256"]}),
        "ok",
    );
    check(
        "PKCE with plain only",
        json!({"code_challenge_methods_supported": ["plain"]}),
        "pkce_unsupported",
    );
    check(
        "PKCE with no method",
        json!({"code_challenge_methods_supported": []}),
        "pkce_unsupported",
    );
    check(
        "PKCE in lower case",
        json!({"code_challenge_methods_supported": ["s256"]}),
        "pkce_unsupported",
    );

    check(
        "no types of response",
        json!({"response_types_supported": null}),
        "ok",
    );
    check(
        "no types of subject",
        json!({"subject_types_supported": null}),
        "ok",
    );
    check(
        "no algorithms",
        json!({"id_token_signing_alg_values_supported": null}),
        "ok",
    );
    check(
        "members nobody reads are broken",
        json!({"op_policy_uri": "", "service_documentation": 7}),
        "ok",
    );
    check(
        "iss in callbacks not mentioned",
        json!({"authorization_response_iss_parameter_supported": null}),
        "ok",
    );
}

#[test]
fn without_a_usable_algorithm_it_is_rs256() {
    for named in [json!(null), json!([]), json!(["HS256", "none"])] {
        let metadata = metadata(&json!({"id_token_signing_alg_values_supported": named}));
        assert_eq!(metadata.id_token_algorithms, [Algorithm::RS256]);
    }
}

#[test]
fn an_issuer_on_this_machine_may_have_its_endpoints_here() {
    let local = "http://127.0.0.1:9000";
    let text = description().to_string().replace(ISSUER, local);
    let metadata = parse_metadata(&local.parse().unwrap(), &response(200, "application/json", text)).unwrap();
    assert_eq!(metadata.token_endpoint, url("http://127.0.0.1:9000/token"));
}

#[test]
fn answers_that_are_no_descriptions_say_what_they_are() {
    let check = |response: &Response, expected: DiscoveryError| {
        assert_eq!(
            parse_metadata(&issuer(), response).unwrap_err(),
            expected,
            "{response:?}"
        );
    };
    let html = || DiscoveryError::NotJson { html: true };
    let status = |status| DiscoveryError::Status {
        status,
        retry_after: None,
    };
    check(
        &response(200, "text/html; charset=utf-8", "<!doctype html>…"),
        html(),
    );
    check(&response(200, "text/html", description().to_string()), html());
    check(&response(200, "application/json", "\n <html></html>"), html());
    check(&response(200, "", ""), DiscoveryError::NotJson { html: false });
    check(
        &response(200, "application/json", "{"),
        DiscoveryError::NotJson { html: false },
    );
    check(
        &response(200, "application/json", "[]"),
        DiscoveryError::NotJson { html: false },
    );
    check(
        &response(200, "application/json", "[".repeat(100_000)),
        DiscoveryError::NotJson { html: false },
    );
    check(&response(404, "text/html", "<html>"), status(404));
    check(&response(204, "", ""), status(204));
    check(
        &response(302, "application/json", description().to_string()),
        status(302),
    );
    check(
        &response(500, "application/json", description().to_string()),
        status(500),
    );
    let mut busy = response(503, "", "");
    busy.headers
        .insert(http::header::RETRY_AFTER, "120".parse().unwrap());
    check(
        &busy,
        DiscoveryError::Status {
            status: 503,
            retry_after: Some(120),
        },
    );
    let mut long = description().to_string().into_bytes();
    long.resize(crate::message::MAX_RESPONSE_BYTES + 1, b' ');
    check(&response(200, "application/json", long), DiscoveryError::TooLarge);
    // The label is not asked when the content is what it should be.
    for label in [
        "application/json; charset=utf-8",
        "application/octet-stream",
        "text/plain",
        "",
    ] {
        assert!(
            parse_metadata(&issuer(), &response(200, label, description().to_string())).is_ok(),
            "{label}"
        );
    }
}

#[test]
fn only_trouble_that_passes_is_said_to_pass() {
    let passes = |status: u16| {
        parse_metadata(&issuer(), &response(status, "", ""))
            .unwrap_err()
            .is_passing()
    };
    assert!(passes(500) && passes(503) && passes(429) && passes(302));
    assert!(!passes(404) && !passes(403));
    // What is not JSON is a network's page or a broken server, and no word of the provider.
    let passes = |media_type: &str, body: &str| {
        parse_metadata(&issuer(), &response(200, media_type, body))
            .unwrap_err()
            .is_passing()
    };
    assert!(passes("text/html", "<html>") && passes("", ""));
    assert!(!passes("application/json", "{}"));
}

#[test]
fn a_provider_without_a_description_is_held_to_the_same_rule() {
    let fixed = |authorize: &str, token: &str| {
        Metadata::fixed(&issuer(), url(authorize), url(token)).map_err(|error| error.code())
    };
    let metadata = fixed("https://login.example/a", "https://login.example/t").unwrap();
    assert!(key_set_request(&metadata).is_none() && !metadata.iss_parameter_supported);
    assert_eq!(
        fixed("http://login.example/a", "https://login.example/t").unwrap_err(),
        "endpoint_insecure"
    );
    assert_eq!(
        fixed("https://login.example/a", "http://login.example/t").unwrap_err(),
        "endpoint_insecure"
    );
}

#[test]
fn an_endpoint_in_a_private_place_must_be_at_the_issuers_own_host() {
    let check = |issuer: &str, endpoint: &str, code: Option<&str>| {
        let issuer: Issuer = issuer.parse().unwrap();
        for token_endpoint in [endpoint, &format!("{endpoint}/t")] {
            let seen = Metadata::fixed(&issuer, issuer.url().clone(), url(token_endpoint));
            let seen = seen.err().map(|error| error.code());
            assert_eq!(seen, code, "{} names {token_endpoint}", issuer.as_str());
        }
    };
    for place in [
        "https://127.0.0.1:9",
        "https://127.8.8.8",
        "https://10.20.30.40",
        "https://172.16.0.1",
        "https://192.168.1.1",
        "https://169.254.169.254",
        "https://0.0.0.0",
        "https://[::1]",
        "https://[::]",
        "https://[fd00::1]",
        "https://[fe80::1]",
        "https://[::ffff:10.0.0.1]",
        "https://localhost",
        "https://localhost.",
        "https://keys.localhost",
        // Other spellings of the same addresses.
        "https://2130706433",
        "https://0x7f.1",
    ] {
        check("https://login.example", place, Some("endpoint_private"));
    }
    check("https://login.example", "https://keys.example", None);
    check("https://login.example", "https://8.8.8.8", None);
    check("https://login.example", "https://localhost.example", None);
    check("https://10.0.0.1", "https://10.0.0.1:8443", None);
    check("https://10.0.0.1", "https://10.0.0.2", Some("endpoint_private"));
    check("http://127.0.0.1:8080", "http://localhost:9090", None);
    check(
        "http://127.0.0.1:8080",
        "https://192.168.1.1",
        Some("endpoint_private"),
    );
    check(
        "https://192.168.1.1",
        "https://localhost",
        Some("endpoint_private"),
    );
}

#[test]
fn a_message_shows_no_query_and_no_credentials() {
    let changes = json!({"token_endpoint": "http://ann:hunter2@login.example/t?key=hunter2"});
    let error = parse_metadata(&issuer(), &json_response(200, &with(description(), &changes))).unwrap_err();
    assert!(
        !error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_answer_is_judged(body in proptest::collection::vec(any::<u8>(), 0..400), status in 100_u16..600) {
        let _ = parse_metadata(&issuer(), &response(status, "application/json", body));
    }

    #[test]
    fn only_the_issuer_that_was_asked_is_accepted(other in "[ -~]{0,40}") {
        let expected = if other == ISSUER { "ok" } else { "issuer_mismatch" };
        prop_assert_eq!(verdict(&json!({ "issuer": other })), expected);
    }
}
