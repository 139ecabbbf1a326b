//! One good token, one change, one verdict: by the guard's own words, and as a caller gets to see it.

use proptest::prelude::*;
use serde_json::{Value, json};
use tessera_guard::{Caller, MAX_TOKEN_BYTES, Reason, Refusal};

use crate::api::{client, fields, guard, serve};
use crate::signer::{AUDIENCE, ISSUER, NOW, Signer, claims};

/// What is changed in a good token. `null` takes a member away; `"<null>"` makes it null.
struct Change {
    name: &'static str,
    header: Value,
    claims: Value,
}

fn header(name: &'static str, header: Value) -> Change {
    let claims = json!({});
    Change { name, header, claims }
}

fn claim(name: &'static str, claims: Value) -> Change {
    let header = json!({});
    Change { name, header, claims }
}

pub(crate) fn changed(mut object: Value, changes: &Value) -> Value {
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            Value::String(text) if text == "<null>" => members.insert(name.clone(), Value::Null),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    object
}

/// The fault's code, or `ok`.
pub(crate) fn verdict(outcome: &Result<Caller, Refusal>) -> &'static str {
    match outcome.as_ref().map_err(Refusal::reason) {
        Ok(_) => "ok",
        Err(Reason::InvalidToken(fault)) => fault.code(),
        Err(_) => "another reason",
    }
}

async fn check_all(expected: &str, changes: Vec<Change>) {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    for Change {
        name,
        header,
        claims: changes,
    } in changes
    {
        let token = signer.sign(&changed(signer.header(), &header), &changed(claims(), &changes));
        let outcome = guard(&signer).check(&fields(&format!("Bearer {token}"))).await;
        assert_eq!(verdict(&outcome), expected, "{name}");
        check_answer(&api, &token, expected == "ok", name).await;
    }
}

/// Refused tokens get 401 `invalid_token` and hear nothing of themselves.
async fn check_answer(api: &str, token: &str, is_good: bool, name: &str) {
    let client = client();
    let answer = client
        .get(format!("{api}/who"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    if is_good {
        assert_eq!(answer.status(), 200, "{name}");
        return;
    }
    assert_eq!(answer.status(), 401, "{name}");
    let headers = answer.headers().clone();
    assert_eq!(headers["cache-control"], "no-store", "{name}");
    assert_eq!(headers["content-type"], "application/json", "{name}");
    let challenge = headers["www-authenticate"].to_str().unwrap();
    let start = r#"Bearer realm="https://api.example", error="invalid_token", error_description=""#;
    assert!(challenge.starts_with(start), "{name}: {challenge}");
    let text = answer.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["error"], "invalid_token", "{name}");
    assert!(
        body["error_description"].is_string() && body["hint"].is_string(),
        "{name}: {text}"
    );
    for part in token.split('.').filter(|part| part.len() > 8) {
        assert!(
            !text.contains(part) && !format!("{headers:?}").contains(part),
            "{name} repeats the token"
        );
    }
}

#[tokio::test]
async fn good_tokens() {
    check_all(
        "ok",
        vec![
            claim("as it is", json!({})),
            header("typ as a media type", json!({"typ": "application/at+jwt"})),
            header("typ in another case", json!({"typ": "Application/AT+JWT"})),
            header("kid-absent-single-jwks", json!({"kid": null})),
            claim("valid-aud-as-array", json!({"aud": [AUDIENCE]})),
            claim(
                "one audience of several",
                json!({"aud": ["https://other.example", AUDIENCE]}),
            ),
            claim("no scope", json!({"scope": null})),
            claim("empty scope", json!({"scope": ""})),
            claim("expired within the leeway", json!({"exp": NOW - 29})),
            claim("exp with a fraction", json!({"exp": 1_800_000_000.5})),
            claim("nbf now", json!({"nbf": NOW})),
            claim("nbf within the leeway", json!({"nbf": NOW + 30})),
            claim("iat within the leeway", json!({"iat": NOW + 30})),
            claim("iat long ago", json!({"iat": 1})),
            claim("exp far away", json!({"exp": i64::MAX})),
            claim("a client on its own behalf", json!({"sub": "app"})),
            claim(
                "unheard-of claims",
                json!({"groups": ["a", "b"], "act": {"sub": "bob"}, "nonce": 1}),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn tokens_that_are_not_access_tokens() {
    check_all(
        "token_type",
        vec![
            header("typ missing", json!({"typ": null})),
            header("typ JWT (an ID token)", json!({"typ": "JWT"})),
            header("typ of a logout token", json!({"typ": "logout+jwt"})),
            header("typ with a parameter", json!({"typ": "at+jwt; v=1"})),
            header("typ with a space", json!({"typ": "at+jwt "})),
            header("typ empty", json!({"typ": ""})),
        ],
    )
    .await;
}

#[tokio::test]
async fn tokens_signed_in_a_way_that_is_not_allowed() {
    check_all(
        "token_algorithm",
        vec![
            header("invalid-null-alg", json!({"alg": "none"})),
            header("alg none in another case", json!({"alg": "nOnE"})),
            header("invalid-sig-hs256", json!({"alg": "HS256"})),
            header("invalid-alternate-alg", json!({"alg": "ES384"})),
            header("alg in another case", json!({"alg": "es256"})),
        ],
    )
    .await;
    check_all("token_critical", vec![header("crit", json!({"crit": ["exp"]}))]).await;
    check_all(
        "token_unknown_key",
        vec![header("another kid", json!({"kid": "other"}))],
    )
    .await;
    check_all(
        "token_unfit_key",
        vec![header("another type of key", json!({"alg": "RS256"}))],
    )
    .await;
    check_all(
        "token_malformed",
        vec![
            header("kid of another type", json!({"kid": 1})),
            header("alg missing", json!({"alg": null})),
        ],
    )
    .await;
}

#[tokio::test]
async fn tokens_that_say_what_they_must_not() {
    check_all(
        "token_issuer",
        vec![
            claim("invalid-iss", json!({"iss": "https://login.example1"})),
            claim("iss with a slash", json!({"iss": "https://login.example/"})),
            claim("iss in another case", json!({"iss": "https://LOGIN.example"})),
        ],
    )
    .await;
    check_all(
        "token_audience",
        vec![
            claim("invalid-aud", json!({"aud": "https://api.example1"})),
            claim("aud with a slash", json!({"aud": "https://api.example/"})),
            claim("aud is the client", json!({"aud": "app"})),
            claim(
                "invalid-secondary-aud",
                json!({"aud": ["https://a.example", "https://b.example"]}),
            ),
            claim("aud is an empty list", json!({"aud": []})),
            claim("aud is empty", json!({"aud": ""})),
            claim(
                "aud is a list in one string",
                json!({"aud": "https://a.example https://api.example"}),
            ),
        ],
    )
    .await;
    check_all(
        "token_expired",
        vec![
            claim("invalid-expired-exp", json!({"exp": NOW - 30})),
            claim("expired long ago", json!({"exp": 0})),
            claim("expired before time began", json!({"exp": -1})),
            claim("exp with a fraction", json!({"exp": 1_799_999_970.9})),
        ],
    )
    .await;
    check_all(
        "token_not_yet_valid",
        vec![
            claim("nbf to come", json!({"nbf": NOW + 31})),
            claim("nbf far away", json!({"nbf": i64::MAX})),
        ],
    )
    .await;
    check_all(
        "token_issued_in_future",
        vec![claim("iat to come", json!({"iat": NOW + 31}))],
    )
    .await;
    check_all(
        "token_key_bound",
        vec![
            claim("bound to a DPoP key", json!({"cnf": {"jkt": "AA"}})),
            claim("bound to a certificate", json!({"cnf": {"x5t#S256": "AA"}})),
            claim("bound to nothing readable", json!({"cnf": "<null>"})),
        ],
    )
    .await;
}

#[tokio::test]
async fn tokens_that_lack_a_claim() {
    let required = ["iss", "aud", "exp", "iat", "sub", "client_id", "jti"];
    let missing = required.map(|name| claim(name, json!({name: null})));
    check_all("token_claim_missing", missing.into()).await;
    let null = required.map(|name| claim(name, json!({name: "<null>"})));
    check_all("token_claim_malformed", null.into()).await;
    let wrong = required.map(|name| claim(name, json!({name: {}})));
    check_all("token_claim_malformed", wrong.into()).await;
    check_all(
        "token_claim_malformed",
        vec![
            claim("sub empty", json!({"sub": ""})),
            claim("jti empty", json!({"jti": ""})),
            claim("client_id empty", json!({"client_id": ""})),
            claim("exp as text", json!({"exp": "1800000300"})),
            claim("exp out of every range", json!({"exp": 1e300})),
            claim("exp just out of range", json!({"exp": u64::MAX})),
            claim("nbf as text", json!({"nbf": "0"})),
            claim("nbf null", json!({"nbf": "<null>"})),
            claim("iat true", json!({"iat": true})),
            claim("aud with a number", json!({"aud": [AUDIENCE, 1]})),
            claim("scope as a list", json!({"scope": ["orders:read"]})),
            claim("auth_time as text", json!({"auth_time": "now"})),
            claim("acr as a number", json!({"acr": 1})),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_signed_must_be_claims() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    for payload in ["", "null", "[]", "\"ann\"", "{", "{} {}", "{\"iss\":"] {
        let token = signer.sign_text(&signer.header().to_string(), payload);
        let outcome = guard(&signer).check(&fields(&format!("Bearer {token}"))).await;
        assert_eq!(verdict(&outcome), "token_no_claims", "{payload}");
        check_answer(&api, &token, false, payload).await;
    }
}

#[tokio::test]
async fn forged_and_mangled_tokens() {
    let signer = Signer::new("k");
    let stranger = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let token = signer.token();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        unreachable!()
    };
    let with_key = changed(
        signer.header(),
        &json!({"jwk": stranger.jwk(), "jku": "https://evil.example/jwks"}),
    );
    let none = changed(signer.header(), &json!({"alg": "none"}));
    let unsigned = signer.sign(&none, &claims());
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    let others = signer.sign(&signer.header(), &changed(claims(), &json!({"sub": "bob"})));
    let cases = [
        (
            "invalid-sig-es256: another key of the same name",
            "token_signature",
            stranger.token(),
        ),
        (
            "a key brought along",
            "token_signature",
            stranger.sign(&with_key, &claims()),
        ),
        (
            "the signature of another token",
            "token_signature",
            format!("{header}.{}.{signature}", others.split('.').nth(1).unwrap()),
        ),
        ("no signature", "token_signature", format!("{header}.{payload}.")),
        ("idtoken-sig-none", "token_algorithm", format!("{unsigned}.")),
        ("two parts", "token_malformed", format!("{header}.{payload}")),
        ("four parts", "token_malformed", format!("{token}.{signature}")),
        (
            "an encrypted token's five parts",
            "token_malformed",
            format!("{token}.a.b"),
        ),
        ("padding", "token_malformed", format!("{token}==")),
        (
            "an opaque token",
            "token_malformed",
            "gho_16C7e42F292c6912E7710c838347Ae178B4a".into(),
        ),
        ("too long", "token_too_large", "a".repeat(MAX_TOKEN_BYTES + 1)),
    ];
    for (name, expected, token) in cases {
        let outcome = guard(&signer).check(&fields(&format!("Bearer {token}"))).await;
        assert_eq!(verdict(&outcome), expected, "{name}");
        check_answer(&api, &token, false, name).await;
    }
}

#[tokio::test]
async fn a_refusal_repeats_nothing_that_the_caller_wrote() {
    let signer = Signer::new("k");
    for (name, hostile) in [("kid", "said-kid"), ("alg", "said-alg"), ("typ", "said-typ")] {
        let header = changed(signer.header(), &json!({name: hostile}));
        let token = signer.sign(
            &header,
            &changed(claims(), &json!({"iss": "said-iss", "aud": "said-aud"})),
        );
        let refusal = guard(&signer)
            .check(&fields(&format!("Bearer {token}")))
            .await
            .unwrap_err();
        let said = format!("{refusal} {:?}", refusal.to_response::<String>());
        assert!(!said.contains("said-"), "{name}: {said}");
    }
}

#[tokio::test]
async fn the_callers_particulars_arrive() {
    let signer = Signer::new("k");
    let api = serve(guard(&signer)).await;
    let client = client();
    let all = changed(
        claims(),
        &json!({"auth_time": NOW - 60, "acr": "silver", "groups": ["staff"]}),
    );
    let token = signer.sign(&signer.header(), &all);
    let answer = client
        .get(format!("{api}/who"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let found: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let expected = json!({
        "issuer": ISSUER, "subject": "ann", "client_id": "app", "scopes": "orders:read profile",
        "token_id": "token-1", "issued_at": NOW, "expires_at": NOW + 300, "auth_time": NOW - 60, "acr": "silver",
        "claims": all,
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_caller_shows_only_names() {
    let signer = Signer::new("k");
    let personal = changed(claims(), &json!({"email": "ann@example.test"}));
    let token = signer.sign(&signer.header(), &personal);
    let caller = guard(&signer)
        .check(&fields(&format!("Bearer {token}")))
        .await
        .unwrap();
    let text = format!("{caller:?}");
    assert!(text.contains("ann") && text.contains("orders:read"), "{text}");
    assert!(
        !text.contains("example.test") && !text.contains("email"),
        "{text}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever single byte of a good token is changed: it gets nobody in.
    #[test]
    fn a_token_with_one_byte_changed_gets_nobody_in(position in any::<prop::sample::Index>(), byte in 0x21..0x7f_u8) {
        let signer = Signer::new("k");
        let mut bytes = signer.token().into_bytes();
        let index = position.index(bytes.len());
        prop_assume!(bytes[index] != byte);
        bytes[index] = byte;
        let token = String::from_utf8(bytes).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(guard(&signer).check(&fields(&format!("Bearer {token}"))));
        let refusal = outcome.expect_err("a changed token was accepted");
        let answer = refusal.to_response::<String>();
        prop_assert!(answer.status() == 401 || answer.status() == 400);
        let said = format!("{answer:?}");
        prop_assert!(token.split('.').filter(|part| part.len() > 8).all(|part| !said.contains(part)));
    }
}
