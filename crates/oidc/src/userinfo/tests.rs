//! Whose profile it is. Names with dashes are modules of the OpenID conformance suite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::checks::Outcome;
use crate::key_set::testing::{Signer, key_set};
use crate::key_set::{Algorithm, KeySet};
use crate::testing::{CLIENT, ISSUER, NOW, header, issuer, json_response, response, url, with};
use crate::{ClientId, IssuerPolicy};

fn ann() -> Identity {
    let claims = json!({"sub": "ann-1", "name": "Ann"})
        .as_object()
        .unwrap()
        .clone();
    Identity::new(issuer(), Subject::new("ann-1"), claims)
}

#[test]
fn the_token_goes_into_the_header_and_nowhere_else() {
    let endpoint = url("https://login.example/userinfo?tenant=1");
    let request = userinfo_request(&endpoint, &AccessToken::new("acce55"));
    assert_eq!(request.method, http::Method::GET);
    assert_eq!(request.url, endpoint, "oidcc-client-test-userinfo-bearer-header");
    assert_eq!(
        header(&request, "authorization").as_deref(),
        Some("Bearer acce55")
    );
    assert!(request.headers["authorization"].is_sensitive());
    assert!(request.body.is_empty());
}

#[test]
fn profiles_are_accepted_or_refused() {
    let check = |name: &str, response: &Response, expected: &str| {
        let result = parse_userinfo(response, &ann());
        assert_eq!(
            result.map_or_else(|error| error.code(), |_| "ok"),
            expected,
            "{name}"
        );
    };
    let of = |sub: Value| json_response(200, &json!({ "sub": sub }));
    check(
        "oidcc-client-test-scope-userinfo-claims",
        &of(json!("ann-1")),
        "ok",
    );
    check(
        "oidcc-client-test-userinfo-invalid-sub",
        &of(json!("ann-1invalid")),
        "userinfo_sub",
    );
    check("sub in another case", &of(json!("Ann-1")), "userinfo_sub");
    check("sub of another type", &of(json!(["ann-1"])), "userinfo_sub");
    check(
        "no sub",
        &json_response(200, &json!({"name": "Ann"})),
        "userinfo_sub",
    );
    let good = json!({"sub": "ann-1"}).to_string();
    check(
        "a signed one, read as if it were not",
        &response(200, "application/jwt", "a.b.c"),
        "userinfo_not_json",
    );
    check(
        "a web page",
        &response(200, "text/html", good.clone()),
        "userinfo_not_json",
    );
    check(
        "nothing",
        &response(200, "application/json", ""),
        "userinfo_not_json",
    );
    check(
        "a list",
        &response(200, "application/json", "[]"),
        "userinfo_malformed",
    );
    check(
        "the token is not taken",
        &response(401, "application/json", good.clone()),
        "userinfo_unauthorized",
    );
    check(
        "a redirect",
        &response(302, "application/json", good.clone()),
        "userinfo_status",
    );
    check(
        "trouble",
        &response(503, "application/json", good),
        "userinfo_status",
    );
}

/// A provider that signs profiles, and the tools to let it err.
struct Provider {
    signer: Signer,
    keys: KeySet,
}

impl Provider {
    fn new() -> Self {
        let signer = Signer::new(Algorithm::ES256, "k1");
        let keys = key_set(&[signer.jwk()]);
        Self { signer, keys }
    }

    fn claims(changes: &Value) -> Value {
        let good = json!({
            "iss": ISSUER, "aud": CLIENT, "sub": "ann-1", "name": "Ann Archer", "exp": NOW.0 + 60,
        });
        with(good, changes)
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let header = with(self.signer.header(), header);
        self.signer
            .sign_as(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    fn judged(&self, token: &str) -> Result<Userinfo, UserinfoError> {
        let (policy, client_id) = (IssuerPolicy::exact(&issuer()), ClientId::new(CLIENT));
        let expected = SignedExpectations {
            issuer: &policy,
            client_id: &client_id,
            algorithms: &[Algorithm::ES256, Algorithm::RS256],
            now: NOW,
        };
        let answer = response(200, "Application/JWT; charset=utf-8", token);
        assert!(is_signed(&answer));
        parse_signed_userinfo(&answer, &ann(), &self.keys, &expected)
    }
}

#[test]
fn signed_profiles_are_accepted_or_refused() {
    let provider = Provider::new();
    let check = |name: &str, token: &str, expected: &str| {
        let result = provider.judged(token);
        assert_eq!(
            result.map_or_else(|error| error.code(), |_| "ok"),
            expected,
            "{name}"
        );
    };
    let claims = |name: &str, changes: Value, expected: &str| {
        check(
            name,
            &provider.signed(&json!({}), &Provider::claims(&changes)),
            expected,
        );
    };
    let header = |name: &str, changes: Value, expected: &str| {
        check(
            name,
            &provider.signed(&changes, &Provider::claims(&json!({}))),
            expected,
        );
    };
    claims("oidcc-client-test-userinfo-signed", json!({}), "ok");
    claims(
        "the client is one of several",
        json!({"aud": ["another", CLIENT]}),
        "ok",
    );
    claims("it does not say until when it holds", json!({"exp": null}), "ok");
    claims("a clock that is a little off", json!({"exp": NOW.0 - 200}), "ok");
    claims(
        "another issuer",
        json!({"iss": "https://login.example/"}),
        "userinfo_iss",
    );
    claims("no issuer", json!({"iss": null}), "userinfo_iss");
    claims("another app", json!({"aud": "another"}), "userinfo_aud");
    claims("no app", json!({"aud": null}), "userinfo_aud");
    claims(
        "an app of another type",
        json!({"aud": {"0": CLIENT}}),
        "userinfo_aud",
    );
    claims("expired", json!({"exp": NOW.0 - 400}), "userinfo_exp");
    claims("expired, in a way", json!({"exp": "never"}), "userinfo_exp");
    claims("somebody else's", json!({"sub": "bob-1"}), "userinfo_sub");
    claims("nobody's", json!({"sub": null}), "userinfo_sub");
    header("a typ that says nothing", json!({"typ": "JWT"}), "ok");
    header("an access token", json!({"typ": "at+jwt"}), "userinfo_typ");
    header("a logout token", json!({"typ": "logout+jwt"}), "userinfo_typ");
    header("none", json!({"alg": "none"}), "userinfo_alg");
    header("HS256", json!({"alg": "HS256"}), "userinfo_alg");
    header(
        "an algorithm of another key",
        json!({"alg": "RS256"}),
        "userinfo_key",
    );
    header(
        "an extension",
        json!({"crit": ["b64"], "b64": false}),
        "userinfo_crit",
    );
    header("an unknown key", json!({"kid": "k2"}), "userinfo_unknown_key");

    let good = provider.signed(&json!({}), &Provider::claims(&json!({})));
    let other = Signer::new(Algorithm::ES256, "k1");
    let forged = other.sign(Provider::claims(&json!({})).to_string().as_bytes());
    check("a stranger's", &forged, "userinfo_signature");
    let (start, _) = good.rsplit_once('.').unwrap();
    check(
        "another signature",
        &format!("{start}.AAAA"),
        "userinfo_signature",
    );
    check("encrypted", "a.b.c.d.e", "userinfo_encrypted");
    check("nothing", "", "userinfo_malformed");
    check("no token", "{\"sub\": \"ann-1\"}", "userinfo_malformed");
    check("no claims", &provider.signer.sign(b"[]"), "userinfo_malformed");
}

#[test]
fn only_a_flaw_that_a_check_found_ends_a_sign_in() {
    let provider = Provider::new();
    let refused = |token: &str| provider.judged(token).unwrap_err();
    let unread = refused("a.b.c.d.e");
    assert!(unread.failed_checks().is_none() && !unread.wants_new_keys());

    let other = provider.signed(
        &json!({}),
        &Provider::claims(&json!({"iss": "https://other.example"})),
    );
    let other = refused(&other);
    let verdicts = other.failed_checks().unwrap();
    for (check, outcome) in [
        (CheckId::UserinfoSignature, Outcome::Passed),
        (CheckId::UserinfoIssuer, Outcome::Failed),
        (CheckId::UserinfoAudience, Outcome::Passed),
        (CheckId::UserinfoExpiry, Outcome::Passed),
        (CheckId::UserinfoSubject, Outcome::NotReached),
    ] {
        assert_eq!(verdicts.outcome(check), Some(outcome), "{check}");
    }
    let unknown = provider.signed(&json!({"kid": "k2"}), &Provider::claims(&json!({})));
    assert!(refused(&unknown).wants_new_keys() && !other.wants_new_keys());
}

#[test]
fn a_profile_adds_to_what_was_signed_and_replaces_none_of_it() {
    let profile = json!({
        "sub": "ann-1", "iss": "https://evil.example", "auth_time": 1, "name": "Ann Archer", "email": "ann@example.test",
        "nickname": null,
    });
    let profile = parse_userinfo(&json_response(200, &profile), &ann()).unwrap();
    assert_eq!(
        profile.verdicts().outcome(CheckId::UserinfoSubject),
        Some(Outcome::Passed)
    );
    let identity = ann().with_userinfo(profile);
    assert_eq!(identity.name(), Some("Ann Archer"));
    assert_eq!(identity.email(), Some("ann@example.test"));
    // Whether a map keeps the order of what was read depends on who else is built with it.
    let mut names = identity.claims().keys().map(String::as_str).collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(names, ["email", "name", "sub"]);
}

#[test]
fn github_is_asked_as_it_wants_to_be() {
    let check = |api: &str, address: &str| {
        let request = github_user_request(&url(api), &AccessToken::new("gho_1"));
        assert_eq!(request.url.as_str(), address);
        assert_eq!(
            header(&request, "accept").as_deref(),
            Some("application/vnd.github+json")
        );
        assert_eq!(
            header(&request, "x-github-api-version").as_deref(),
            Some("2026-03-10")
        );
        assert!(header(&request, "user-agent").unwrap().starts_with("Tessera/"));
        assert_eq!(header(&request, "authorization").as_deref(), Some("Bearer gho_1"));
    };
    check("https://api.github.com", "https://api.github.com/user");
    check("https://git.example/api/v3", "https://git.example/api/v3/user");
    check("https://git.example/api/v3/", "https://git.example/api/v3/user");
}

#[test]
fn githubs_number_is_the_person() {
    let user = json!({
        "id": 583_231, "login": "octocat", "name": "The Octocat", "email": null,
        "avatar_url": "https://avatars.example/u/583231", "html_url": "https://github.com/octocat", "plan": {},
    });
    let identity = github_identity(&json_response(200, &user), &issuer()).unwrap();
    assert_eq!(identity.subject().as_str(), "583231");
    assert_eq!(identity.issuer(), &issuer());
    assert_eq!(identity.name(), Some("The Octocat"));
    assert_eq!(identity.email(), None);
    assert_eq!(identity.picture(), Some("https://avatars.example/u/583231"));
    assert_eq!(identity.claims()["preferred_username"], "octocat");
    assert!(identity.previous().is_none());

    let check = |user: Value, name: Option<&str>| {
        let identity = github_identity(&json_response(200, &user), &issuer());
        assert_eq!(identity.ok().as_ref().and_then(Identity::name), name, "{user}");
    };
    check(
        json!({"id": 1, "login": "octocat", "name": null}),
        Some("octocat"),
    );
    check(json!({"id": "1", "login": "octocat"}), None);
    check(json!({"id": -1, "login": "octocat"}), None);
    check(json!({"login": "octocat"}), None);
    let unauthorized = github_identity(&json_response(401, &user), &issuer());
    assert_eq!(unauthorized.unwrap_err(), UserinfoError::Unauthorized);
}

proptest! {
    #[test]
    fn any_answer_is_judged(status in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let response = response(status, "application/json", body);
        let _ = parse_userinfo(&response, &ann());
        let _ = github_identity(&response, &issuer());
    }

    #[test]
    fn only_the_same_subject_is_accepted(sub in "\\PC{0,8}") {
        let response = json_response(200, &json!({ "sub": sub }));
        prop_assert_eq!(parse_userinfo(&response, &ann()).is_ok(), sub == "ann-1");
    }
}
