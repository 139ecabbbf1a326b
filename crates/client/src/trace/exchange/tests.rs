#![allow(clippy::unwrap_used)]

use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use url::Url;

use super::*;

fn told(fields: &[Field]) -> Vec<String> {
    fields
        .iter()
        .map(|field| match &field.value {
            FieldValue::Shown(value) => format!("{}={value}", field.name),
            FieldValue::Masked { characters } => format!("{}: {characters} hidden", field.name),
        })
        .collect()
}

#[test]
fn a_request_is_told_with_its_public_values_and_the_length_of_the_others() {
    let url = Url::parse("https://provider.example/token?tenant=secret-one").unwrap();
    let mut request = Request::post_form(
        url,
        [
            ("grant_type", "authorization_code"),
            ("code", "secret-code"),
            ("code_verifier", "secret-verifier"),
            ("unheard_of", "secret"),
        ],
    );
    request
        .headers
        .insert(header::AUTHORIZATION, HeaderValue::from_static("Basic c2VjcmV0"));
    assert_eq!(
        told(&request_fields(&request)),
        [
            "request=POST https://provider.example/token",
            "Authorization: Basic: 8 hidden",
            "tenant: 10 hidden",
            "grant_type=authorization_code",
            "code: 11 hidden",
            "code_verifier: 15 hidden",
            "unheard_of: 6 hidden",
        ]
    );
}

fn answer(media_type: &'static str, body: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Response {
        status: StatusCode::OK,
        headers,
        body: body.as_bytes().to_vec().into(),
    }
}

#[test]
fn an_answer_in_a_query_is_told_with_its_error_but_not_with_what_it_repeats() {
    let told = |query: &str| told(&parameters(query.as_bytes()).collect::<Vec<_>>());
    assert_eq!(
        told("error=access_denied&state=the-state"),
        ["error=access_denied", "state: 9 hidden"]
    );
    assert_eq!(
        told("error=no+the-state&state=the-state"),
        ["error: 12 hidden", "state: 9 hidden"]
    );
}

#[test]
fn a_secret_in_a_json_body_is_not_repeated_either() {
    let url = Url::parse("https://api.provider.example/revoke").unwrap();
    let mut request = Request::post_form(url, []);
    request.body = br#"{"credentials":["the-secret"]}"#.to_vec().into();
    let body = r#"{"error":"the-secret is unknown"}"#;
    let fields = response_fields(
        MessageId::RevocationResponse,
        &answer("application/json", body),
        &secrets(&request),
    );
    assert!(!told(&fields).concat().contains("the-secret"), "{fields:?}");
}

#[test]
fn an_answer_is_told_the_same_way() {
    let tokens =
        r#"{"access_token":"secret","token_type":"Bearer","expires_in":60,"id_token":"a.b.c","x":{"y":1}}"#;
    let mut members = told(&response_fields(
        MessageId::TokenResponse,
        &answer("application/json; charset=utf-8", tokens),
        &[],
    ));
    assert_eq!(members[..2], ["status=200", "content-type=application/json"]);
    members.sort();
    assert_eq!(
        members[..],
        [
            "access_token: 6 hidden",
            "content-type=application/json",
            "expires_in=60",
            "id_token: 5 hidden",
            "status=200",
            "token_type=Bearer",
            "x: 7 hidden",
        ]
    );
    assert_eq!(
        told(&response_fields(
            MessageId::TokenResponse,
            &answer(
                "application/x-www-form-urlencoded",
                "access_token=secret&scope=a%20b"
            ),
            &[]
        ))[2..],
        ["access_token: 6 hidden", "scope=a b"]
    );
    assert_eq!(
        told(&response_fields(
            MessageId::UserinfoResponse,
            &answer("application/json", r#"{"sub":"1","email":"ann@example.org"}"#),
            &[]
        ))[2..],
        ["claims=email sub"]
    );
    assert_eq!(
        told(&response_fields(
            MessageId::KeySetResponse,
            &answer(
                "application/json",
                r#"{"keys":[{"kid":"1","kty":"RSA","alg":"RS256","n":"x"},{"kty":"EC"}]}"#
            ),
            &[]
        ))[2..],
        ["keys=RSA RS256 1, EC"]
    );
}

#[test]
fn an_error_is_found_in_both_forms_of_an_answer() {
    let json = |body| error_name(&answer("application/json", body)).is_some();
    let form = |body| error_name(&answer("application/x-www-form-urlencoded; charset=utf-8", body)).is_some();
    assert!(json(r#"{"error":"authorization_pending"}"#) && form("interval=5&error=authorization_pending"));
    for body in [
        r#"{"error":""}"#,
        r#"{"error":null,"access_token":"a"}"#,
        "{}",
        "[]",
        "",
    ] {
        assert!(!json(body), "{body}");
    }
    for body in ["error=&access_token=a", "access_token=a&errors=none", ""] {
        assert!(!form(body), "{body}");
    }
}

#[test]
fn an_answer_is_what_was_asked_for_or_an_error() {
    use MessageId::{DevicePending, ErrorResponse, MetadataResponse, TokenResponse};
    let check = |exchange: Exchange, status, body: &str, expected| {
        let mut answer = answer("application/json", body);
        answer.status = StatusCode::from_u16(status).unwrap();
        assert_eq!(exchange.answered(&answer), expected, "{status} {body}");
    };
    let tokens = r#"{"access_token":"a"}"#;
    check(Exchange::TOKEN, 200, tokens, TokenResponse);
    check(
        Exchange::TOKEN,
        400,
        r#"{"error":"invalid_grant"}"#,
        ErrorResponse,
    );
    check(
        Exchange::TOKEN,
        200,
        r#"{"error":"bad_refresh_token"}"#,
        ErrorResponse,
    );
    check(Exchange::TOKEN, 500, "", ErrorResponse);
    check(Exchange::METADATA, 200, "{}", MetadataResponse);
    check(Exchange::METADATA, 404, "", ErrorResponse);
    check(Exchange::DEVICE_POLL, 200, tokens, TokenResponse);
    for (name, expected) in [
        ("authorization_pending", DevicePending),
        ("slow_down", DevicePending),
        ("access_denied", ErrorResponse),
        ("expired_token", ErrorResponse),
    ] {
        let body = format!(r#"{{"error":"{name}"}}"#);
        check(Exchange::DEVICE_POLL, 400, &body, expected);
        check(Exchange::DEVICE_POLL, 200, &body, expected);
    }
    check(Exchange::DEVICE_POLL, 503, "", ErrorResponse);
}

#[test]
fn a_provider_that_repeats_a_secret_does_not_bring_it_into_the_trace() {
    let url = Url::parse("https://provider.example/token").unwrap();
    let request = Request::post_form(url, [("refresh_token", "the-secret")]);
    let body = r#"{"error":"no the-secret","scope":"a the-secret","the-secret":1}"#;
    let fields = response_fields(
        MessageId::TokenResponse,
        &answer("application/json", body),
        &secrets(&request),
    );
    assert!(!told(&fields).concat().contains("the-secret"), "{fields:?}");
}

#[test]
fn an_answer_that_repeats_its_own_token_does_not_bring_it_into_the_trace() {
    let told = |media_type, body: &str| {
        let response = answer(media_type, body);
        told(&response_fields(MessageId::TokenResponse, &response, &[])).join(" ")
    };
    for body in [
        r#"{"access_token":"gho_0123","token_type":"gho_0123"}"#,
        r#"{"access_token":"gho_0123","scope":"openid gho_0123"}"#,
        r#"{"access_token":"gho_0123","scope":["openid",["gho_0123"]]}"#,
        r#"{"nested":[{"token":"gho_0123"}],"error":"no gho_0123","gho_0123":1}"#,
        r#"{"access_token":"gho_\"0123","scope":{"gho_\"0123":1}}"#,
    ] {
        let told = told("application/json", body);
        assert!(!told.contains("gho_"), "{told}");
    }
    let told_form = told(
        "application/x-www-form-urlencoded",
        "access_token=gho_0123&token_type=gho_0123&scope=openid+gho_0123&gho_0123=1",
    );
    assert!(!told_form.contains("gho_"), "{told_form}");
    // What is too short for a secret, or is there for a person to read, hides nothing else.
    let told = told(
        "application/json",
        r#"{"ok":"e","token_type":"Bearer","error":"invalid_grant","error_description":"invalid_grant"}"#,
    );
    assert!(
        told.contains("token_type=Bearer") && told.contains("error=invalid_grant"),
        "{told}"
    );
}

/// What is masked by its name, what is public by its name, and what nobody has heard of.
const MEMBERS: [&str; 6] = [
    "access_token",
    "error",
    "scope",
    "token_type",
    "keys",
    "unheard_of",
];

/// Where the secret is first: in a form, in a header, or in the answer itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    Form,
    Authorization,
    Proof,
    Answer,
}

/// That, and a message in which it can be.
fn first_in() -> impl Strategy<Value = (First, MessageId)> {
    let tokens = [
        MessageId::TokenResponse,
        MessageId::DevicePending,
        MessageId::DeviceAuthorizationResponse,
        MessageId::PushedResponse,
        MessageId::RevocationResponse,
    ];
    let documents = [
        MessageId::MetadataResponse,
        MessageId::UserinfoResponse,
        MessageId::KeySetResponse,
    ];
    let sent = prop::sample::select(vec![First::Form, First::Authorization, First::Proof]);
    prop_oneof![
        (
            sent,
            prop::sample::select([tokens.as_slice(), &documents].concat())
        ),
        (Just(First::Answer), prop::sample::select(tokens.to_vec())),
    ]
}

proptest! {
    /// However long it is and wherever it is put, not even a piece of it comes through.
    #[test]
    fn whatever_a_provider_repeats_no_secret_is_in_the_trace(
        secret in "[A-Za-z0-9_.~-]{24,400}",
        before in "[a-z \u{200b}\u{202e}\n]{0,260}",
        after in "[a-z ]{0,20}",
        member in prop::sample::select(&MEMBERS[..]),
        place in 0..5,
        (first, message) in first_in(),
    ) {
        let url = Url::parse("https://provider.example/token").unwrap();
        let mut request = Request::post_form(url, [("grant_type", "refresh_token")]);
        match first {
            First::Form => {
                request = Request::post_form(request.url, [("refresh_token", secret.as_str())]);
            }
            First::Authorization => {
                let value = HeaderValue::from_str(&format!("Bearer {secret}")).unwrap();
                request.headers.insert(header::AUTHORIZATION, value);
            }
            First::Proof => {
                request.headers.insert(dpop::PROOF, HeaderValue::from_str(&secret).unwrap());
            }
            First::Answer => {}
        }
        let words = format!("{before}{secret}{after}");
        let mut json = match place {
            0 => serde_json::json!({ member: words }),
            1 => serde_json::json!({ member: [words] }),
            2 => serde_json::json!({ &words: member }),
            3 => serde_json::json!({ "keys": [{ "kid": words, "kty": "EC" }] }),
            _ => serde_json::json!({ member: { &words: { &words: [words] } } }),
        };
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair(member, &words).append_pair(&words, "1");
        if first == First::Answer {
            json["refresh_token"] = secret.clone().into();
            form.append_pair("refresh_token", &secret);
        }
        for (media_type, body) in [
            ("application/json", json.to_string()),
            ("application/x-www-form-urlencoded", form.finish()),
        ] {
            let fields = response_fields(message, &answer(media_type, &body), &secrets(&request));
            let told = told(&fields).concat();
            let pieces = secret.as_bytes().windows(20).filter_map(|piece| std::str::from_utf8(piece).ok());
            for piece in pieces {
                prop_assert!(!told.contains(piece), "{piece} is in {told}");
            }
        }
    }
}

#[test]
fn what_a_server_sends_is_cut_and_cannot_dress_itself_up() {
    let long = format!(r#"{{"error":"{}\u202e\u0007"}}"#, "a".repeat(5_000));
    let fields = response_fields(MessageId::TokenResponse, &answer("application/json", &long), &[]);
    let FieldValue::Shown(shown) = &fields[2].value else {
        unreachable!("an error code is public")
    };
    assert_eq!(shown.chars().count(), 201);
    assert!(!shown.contains('\u{202e}'));
}
