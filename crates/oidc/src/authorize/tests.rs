//! What the browser is sent, and what is kept of it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::testing::{CLIENT, NOW, REDIRECT, begin, counting, issuer, metadata, registration, request, url};

/// The query, in which no parameter may come twice.
fn query(url: &Url) -> BTreeMap<String, String> {
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let query: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(
        query.len(),
        pairs.len(),
        "a parameter comes twice: {:?}",
        query.keys()
    );
    query
}

#[test]
fn an_authorization_request_asks_for_a_code_with_pkce_state_and_nonce() {
    let (url, pending) = begin(&metadata(&json!({})), request());
    assert!(
        url.as_str().starts_with("https://login.example/authorize?"),
        "{url}"
    );
    let query = query(&url);
    let names = query.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "client_id",
            "code_challenge",
            "code_challenge_method",
            "nonce",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
        ]
    );
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], CLIENT);
    assert_eq!(query["redirect_uri"], REDIRECT);
    assert_eq!(query["scope"], "openid profile");
    assert_eq!(query["state"], pending.state().expose());
    assert_eq!(query["nonce"], pending.nonce().unwrap().expose());
    assert_eq!(query["code_challenge_method"], "S256");
    let digest = Sha256::digest(pending.verifier.expose());
    assert_eq!(query["code_challenge"], URL_SAFE_NO_PAD.encode(digest));
    assert_eq!(
        (
            pending.created_at(),
            pending.issuer(),
            pending.client_id().as_str()
        ),
        (NOW, &issuer(), CLIENT)
    );
}

#[test]
fn state_nonce_and_verifier_are_each_32_random_bytes() {
    let (_, pending) = begin(&metadata(&json!({})), request());
    let secrets = [
        pending.state.expose(),
        pending.nonce.as_ref().unwrap().expose(),
        pending.verifier.expose(),
    ];
    let bytes = secrets.map(|secret| URL_SAFE_NO_PAD.decode(secret).unwrap());
    assert_eq!(bytes.concat(), (0..96).collect::<Vec<u8>>());
    for secret in secrets {
        assert_eq!(secret.len(), 43);
    }
}

/// RFC 7636 appendix B.
#[test]
fn the_challenge_is_the_specifications_own() {
    let verifier = PkceVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(
        challenge(&verifier),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
}

#[test]
fn what_was_asked_for_is_sent() {
    let check = |change: fn(&mut AuthorizationRequest), name: &str, value: Option<&str>| {
        let mut request = request();
        change(&mut request);
        let (url, _) = begin(&metadata(&json!({})), request);
        assert_eq!(query(&url).get(name).map(String::as_str), value, "{name}");
    };
    check(
        |request| request.login_hint = Some("ann@example.test".into()),
        "login_hint",
        Some("ann@example.test"),
    );
    check(|_| {}, "login_hint", None);
    check(
        |request| request.prompt = vec![Prompt::None],
        "prompt",
        Some("none"),
    );
    check(
        |request| request.prompt = vec![Prompt::Login],
        "prompt",
        Some("login"),
    );
    check(
        |request| request.prompt = vec![Prompt::Consent],
        "prompt",
        Some("consent"),
    );
    check(
        |request| request.prompt = vec![Prompt::SelectAccount],
        "prompt",
        Some("select_account"),
    );
    check(
        |request| request.prompt = vec![Prompt::SelectAccount, Prompt::Consent],
        "prompt",
        Some("select_account consent"),
    );
    check(|_| {}, "prompt", None);
    check(|request| request.max_age = Some(0), "max_age", Some("0"));
    check(|_| {}, "max_age", None);
    check(
        |request| request.acr_values = vec!["gold".into(), "urn:a b".into()],
        "acr_values",
        Some("gold urn:a b"),
    );
    check(|_| {}, "acr_values", None);
    check(
        |request| request.scopes = Scopes::parse("email"),
        "scope",
        Some("email openid"),
    );
    check(|request| request.openid = false, "nonce", None);
    check(
        |request| (request.openid, request.scopes) = (false, Scopes::parse("repo user")),
        "scope",
        Some("repo user"),
    );
    check(
        |request| (request.openid, request.scopes) = (false, Scopes::default()),
        "scope",
        None,
    );
    let extra = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let mut with_extra = request();
    with_extra.extra = extra("access_type", "offline & more");
    assert_eq!(
        query(&begin(&metadata(&json!({})), with_extra).0)["access_type"],
        "offline & more"
    );
    for &own in OWN {
        let mut with_own = request();
        with_own.extra = extra(own, "forged");
        let (url, _) = begin(&metadata(&json!({})), with_own);
        assert_ne!(query(&url).get(own).map(String::as_str), Some("forged"), "{own}");
    }
}

#[test]
fn the_endpoints_own_query_is_kept() {
    let endpoint = "https://login.example/authorize?tenant=1&state=forged";
    let (url, pending) = begin(&metadata(&json!({"authorization_endpoint": endpoint})), request());
    let query = query(&url);
    assert_eq!(query["tenant"], "1");
    assert_eq!(query["state"], pending.state().expose());
}

#[test]
fn two_attempts_share_no_secret() {
    let (metadata, policy) = (metadata(&json!({})), IssuerPolicy::exact(&issuer()));
    let mut random = counting();
    let mut next = || authorize_one(&metadata, &policy, &mut random);
    let (first, second) = (next(), next());
    assert_ne!(first.state, second.state);
    assert_ne!(first.nonce, second.nonce);
    assert_ne!(first.verifier, second.verifier);
}

fn authorize_one(metadata: &Metadata, policy: &IssuerPolicy, random: &mut dyn FnMut(&mut [u8])) -> Pending {
    super::begin(
        metadata,
        &registration(TokenAuth::None),
        request(),
        policy,
        NOW,
        random,
    )
    .1
}

#[test]
fn a_kept_attempt_is_read_back_or_refused() {
    let (_, pending) = begin(&metadata(&json!({})), request());
    let row = pending.to_secret_json();
    let good: serde_json::Value = serde_json::from_slice(&row).unwrap();
    let check = |name: &str, value: serde_json::Value| {
        let mut row = good.clone();
        row[name] = value;
        let read = Pending::from_secret_json(row.to_string().as_bytes());
        assert_eq!(
            read.map(|_| ()).map_err(|error| error.code()),
            Err("pending_damaged"),
            "{name}"
        );
    };
    check("version", json!(2));
    check("state", json!(null));
    check("redirect_uri", json!("not an address"));
    check("issuer", json!("http://login.example"));
    check("issuer_required", json!("yes"));
    for bytes in [&b""[..], b"{}", b"[]", &row[..row.len() - 1]] {
        assert!(Pending::from_secret_json(bytes).is_err());
    }
    // No buffer had to grow, so no copy of the secrets was left behind.
    assert_eq!(row.capacity(), row.len());
}

proptest! {
    #[test]
    fn a_kept_attempt_is_the_same_when_it_is_read_back(
        scopes in proptest::collection::vec("[!-~]{1,12}", 0..5),
        client_id in "\\PC{1,40}",
        callback_issuer in "\\PC{0,40}",
        path in "[a-z\"\\\\é]{0,20}",
        now in any::<i64>(),
        max_age in proptest::option::of(any::<u64>()),
        openid in any::<bool>(),
    ) {
        let request = AuthorizationRequest {
            redirect_uri: RedirectUri::new(format!("app.tessera.desktop:/p{path}")).unwrap(),
            scopes: Scopes::from_tokens(scopes),
            max_age,
            openid,
            ..request()
        };
        let registration = Registration { client_id: ClientId::new(client_id), ..registration(TokenAuth::None) };
        let policy = IssuerPolicy::exact(&issuer()).callback_issuer(callback_issuer);
        let metadata = metadata(&json!({}));
        let (_, pending) =
            super::begin(&metadata, &registration, request, &policy, UnixTime(now), &mut counting());
        let read = Pending::from_secret_json(&pending.to_secret_json()).unwrap();
        prop_assert_eq!(read.to_secret_json(), pending.to_secret_json());
        prop_assert_eq!(read.state, pending.state);
        prop_assert_eq!(read.nonce, pending.nonce);
        prop_assert_eq!(read.verifier, pending.verifier);
        prop_assert_eq!(read.redirect_uri, pending.redirect_uri);
        prop_assert_eq!(read.scopes, pending.scopes);
        prop_assert_eq!(read.created_at, pending.created_at);
        prop_assert_eq!(read.issuer, pending.issuer);
        prop_assert_eq!(read.callback_issuer, pending.callback_issuer);
        prop_assert_eq!(read.issuer_required, pending.issuer_required);
        prop_assert_eq!(read.client_id, pending.client_id);
        prop_assert_eq!(read.max_age, pending.max_age);
    }

    #[test]
    fn any_parameter_arrives_as_it_was_meant(name in "\\PC{1,20}", value in "\\PC{0,40}") {
        prop_assume!(!OWN.contains(&name.as_str()));
        let mut request = request();
        request.extra = vec![(name.clone(), value.clone())];
        let (address, _) = begin(&metadata(&json!({})), request);
        let address = url(address.as_str());
        let query = query(&address);
        prop_assert_eq!(query.get(&name), Some(&value));
    }
}
