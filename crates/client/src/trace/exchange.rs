//! HTTP exchanges in a trace: what was sent and received, taken from the messages themselves, so that the trace
//! cannot tell another story than the wire. What is not known to be public is masked.

use http::header;
use serde_json::Value;
use tessera_oidc::dpop;
use tessera_oidc::message::{Request, Response};
use tessera_oidc::text;
use zeroize::Zeroizing;

use super::{Field, FieldValue, Flow, MessageId, Party};
use crate::error::Error;
use crate::ports::{Http, HttpError, Limits};

/// Fields of a form or a query whose values are no secret.
const PUBLIC_PARAMETERS: &[&str] = &[
    "acr_values",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
    "error",
    "expires_in",
    "grant_type",
    "iss",
    "max_age",
    "post_logout_redirect_uri",
    "prompt",
    "redirect_uri",
    "refresh_token_expires_in",
    "response_type",
    "scope",
    "token_type",
    "token_type_hint",
];

/// Members of a JSON answer whose values are no secret.
const PUBLIC_MEMBERS: &[&str] = &[
    "authorization_endpoint",
    "authorization_response_iss_parameter_supported",
    "code_challenge_methods_supported",
    "device_authorization_endpoint",
    "dpop_signing_alg_values_supported",
    "end_session_endpoint",
    "error",
    "expires_in",
    "id_token_signing_alg_values_supported",
    "interval",
    "issuer",
    "jwks_uri",
    "pushed_authorization_request_endpoint",
    "refresh_token_expires_in",
    "require_pushed_authorization_requests",
    "revocation_endpoint",
    "scope",
    "scopes_supported",
    "token_endpoint",
    "token_type",
    "userinfo_endpoint",
    "verification_uri",
    "verification_url",
];

/// A request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    request: MessageId,
    response: MessageId,
}

macro_rules! exchanges {
    ($($name:ident = $request:ident, $response:ident;)*) => {
        impl Exchange {
            $(pub(crate) const $name: Self = Self {
                request: MessageId::$request,
                response: MessageId::$response,
            };)*
        }
    };
}

exchanges! {
    PUSH = PushedRequest, PushedResponse;
    METADATA = MetadataRequest, MetadataResponse;
    KEY_SET = KeySetRequest, KeySetResponse;
    TOKEN = TokenRequest, TokenResponse;
    USERINFO = UserinfoRequest, UserinfoResponse;
    DEVICE = DeviceAuthorizationRequest, DeviceAuthorizationResponse;
    DEVICE_POLL = DevicePoll, DevicePending;
    REVOCATION = RevocationRequest, RevocationResponse;
}

impl Flow {
    /// Sends a request to the provider and writes both down.
    pub(crate) async fn exchange(
        &self,
        http: &dyn Http,
        exchange: Exchange,
        request: Request,
    ) -> Result<Response, HttpError> {
        self.message(
            Party::Tessera,
            Party::Provider,
            exchange.request,
            request_fields(&request),
        );
        let secrets = secrets(&request);
        let sent = http.send(request, Limits::PROTOCOL).await;
        match &sent {
            Ok(response) => self.message(
                Party::Provider,
                Party::Tessera,
                // The last answer to a poll brings the tokens.
                if exchange.response == MessageId::DevicePending && response.status.is_success() {
                    MessageId::TokenResponse
                } else {
                    exchange.response
                },
                response_fields(exchange.response, response, &secrets),
            ),
            Err(error) => {
                let error = Error::from(error.clone());
                self.decided(error.code(), error.message());
            }
        }
        sent
    }
}

/// What is shown of a request: method and address, and its form or query.
pub(crate) fn request_fields(request: &Request) -> Vec<Field> {
    let mut fields = vec![Field::shown(
        "request",
        format!("{} {}", request.method, place(&request.url)),
    )];
    fields.extend(authorization(&request.headers));
    fields.extend(proof(&request.headers));
    fields.extend(parameters(request.url.query().unwrap_or_default().as_bytes()));
    let is_form = request
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| media_type == "application/x-www-form-urlencoded");
    if is_form {
        fields.extend(parameters(&request.body));
    }
    fields
}

/// An address without query and fragment.
pub(crate) fn place(url: &url::Url) -> String {
    cut(&format!("{}{}", url.origin().ascii_serialization(), url.path()))
}

/// The kind of credential in the `Authorization` field, and its length.
fn authorization(headers: &http::HeaderMap) -> Option<Field> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    Some(Field {
        name: format!("Authorization: {}", text::value(scheme)).into(),
        value: masked(credential),
    })
}

/// The proof of possession that goes with a request (RFC 9449), by its length: until it is used it is good for one.
fn proof(headers: &http::HeaderMap) -> Option<Field> {
    let value = headers.get(dpop::PROOF)?.to_str().ok()?;
    Some(Field {
        name: "DPoP".into(),
        value: masked(value),
    })
}

/// Named values of a form or a query. One that repeats what is masked beside it is masked as well.
pub(crate) fn parameters(encoded: &[u8]) -> impl Iterator<Item = Field> {
    let secrets = hidden_values(encoded);
    named_values(encoded).map(move |field| shortened(field, &secrets))
}

/// The values of a form or a query that are not shown.
fn hidden_values(encoded: &[u8]) -> Vec<Zeroizing<String>> {
    url::form_urlencoded::parse(encoded)
        .filter(|(name, value)| !PUBLIC_PARAMETERS.contains(&name.as_ref()) && !value.is_empty())
        .map(|(_, value)| Zeroizing::new(value.into_owned()))
        .collect()
}

/// The same at full length.
fn named_values(encoded: &[u8]) -> impl Iterator<Item = Field> {
    url::form_urlencoded::parse(encoded).map(|(name, value)| {
        let is_public = PUBLIC_PARAMETERS.contains(&name.as_ref());
        Field {
            value: if is_public {
                FieldValue::Shown(value.into_owned())
            } else {
                masked(&value)
            },
            name: name.into_owned().into(),
        }
    })
}

/// What was sent and is not public: a provider that repeats it in its answer must not bring it into the trace.
fn secrets(request: &Request) -> Vec<Zeroizing<String>> {
    let credential = request
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.split_once(' '))
        .map(|(_, credential)| Zeroizing::new(credential.to_owned()));
    let mut secrets: Vec<_> = credential.into_iter().collect();
    match serde_json::from_slice(&request.body) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => strings(json, &mut secrets),
        _ => secrets.extend(hidden_values(&request.body)),
    }
    secrets
}

/// Every text in a JSON body, which no request of this app has anything public in.
fn strings(json: Value, found: &mut Vec<Zeroizing<String>>) {
    match json {
        Value::String(text) if !text.is_empty() => found.push(Zeroizing::new(text)),
        Value::Array(list) => list.into_iter().for_each(|one| strings(one, found)),
        Value::Object(members) => members.into_iter().for_each(|(_, one)| strings(one, found)),
        _ => {}
    }
}

/// What is shown of an answer: status and media type, and of a JSON object what is public in it.
fn response_fields(message: MessageId, response: &Response, secrets: &[Zeroizing<String>]) -> Vec<Field> {
    let fields = public_fields(message, response);
    fields
        .into_iter()
        .map(|field| shortened(field, secrets))
        .collect()
}

/// A field as it is shown, without any of `secrets`. They are looked for before anything is cut, because of a long one
/// the beginning would be left; and after it, because what is taken away may have stood in between.
fn shortened(mut field: Field, secrets: &[Zeroizing<String>]) -> Field {
    let holds_secret = |text: &str| secrets.iter().any(|secret| text.contains(secret.as_str()));
    let shortened = |whole: &str| {
        let short = cut(whole);
        (!holds_secret(whole) && !holds_secret(&short)).then_some(short)
    };
    if let FieldValue::Shown(value) = &field.value {
        field.value = shortened(value).map_or_else(|| masked(value), FieldValue::Shown);
    }
    field.name = shortened(&field.name).unwrap_or_else(|| "…".to_owned()).into();
    field
}

/// The same at full length.
fn public_fields(message: MessageId, response: &Response) -> Vec<Field> {
    let mut fields = vec![Field::shown("status", response.status.as_str())];
    let media_type = response.media_type();
    if !media_type.is_empty() {
        fields.push(Field::shown("content-type", media_type.as_str()));
    }
    if media_type == "application/x-www-form-urlencoded" {
        fields.extend(named_values(&response.body));
        return fields;
    }
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(&response.body) else {
        return fields;
    };
    match message {
        // Claims are about a person, and a report may be shown around: their names will do.
        MessageId::UserinfoResponse => {
            let mut names: Vec<&str> = members.keys().map(String::as_str).collect();
            names.sort_unstable();
            fields.push(Field::shown("claims", names.join(" ")));
        }
        MessageId::KeySetResponse => fields.extend(members.get("keys").and_then(keys)),
        _ => fields.extend(
            members
                .iter()
                .filter_map(|(name, value)| member(message, name, value)),
        ),
    }
    fields
}

fn member(message: MessageId, name: &str, value: &Value) -> Option<Field> {
    let shown = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list
            .iter()
            .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    };
    let value = if PUBLIC_MEMBERS.contains(&name) {
        FieldValue::Shown(shown)
    } else if message == MessageId::MetadataResponse {
        // It has dozens of members that nobody here uses.
        return None;
    } else {
        masked(&shown)
    };
    Some(Field {
        name: name.to_owned().into(),
        value,
    })
}

/// The keys of a set by name and kind.
fn keys(value: &Value) -> Option<Field> {
    let of = |key: &Value, name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
    let list = value.as_array()?.iter().take(20).map(|key| {
        let words = ["kty", "alg", "kid"].map(|name| of(key, name));
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    Some(Field::shown("keys", list.collect::<Vec<_>>().join(", ")))
}

fn masked(secret: &str) -> FieldValue {
    FieldValue::Masked {
        characters: secret.chars().count(),
    }
}

/// As much of a foreign text as is shown, without characters that could dress it up.
fn cut(foreign: &str) -> String {
    let mut shown = text::value(foreign);
    if foreign.chars().count() > shown.chars().count() + 50 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
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
        let tokens = r#"{"access_token":"secret","token_type":"Bearer","expires_in":60,"id_token":"a.b.c","x":{"y":1}}"#;
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

    /// What is masked by its name, what is public by its name, and what nobody has heard of.
    const MEMBERS: [&str; 6] = [
        "access_token",
        "error",
        "scope",
        "token_type",
        "keys",
        "unheard_of",
    ];

    proptest! {
        /// However long it is and wherever it is put, not even a piece of it comes through.
        #[test]
        fn whatever_a_provider_repeats_no_secret_of_the_request_is_in_the_trace(
            secret in "[A-Za-z0-9_.~-]{24,400}",
            before in "[a-z \u{200b}\u{202e}\n]{0,260}",
            after in "[a-z ]{0,20}",
            member in prop::sample::select(&MEMBERS[..]),
            place in 0..5,
            message in prop::sample::select(vec![MessageId::TokenResponse, MessageId::MetadataResponse,
                MessageId::UserinfoResponse, MessageId::KeySetResponse, MessageId::DeviceAuthorizationResponse]),
        ) {
            let url = Url::parse("https://provider.example/token").unwrap();
            let request = Request::post_form(url, [("grant_type", "refresh_token"), ("refresh_token", &secret)]);
            let words = format!("{before}{secret}{after}");
            let (media_type, body) = match place {
                0 => ("application/json", serde_json::json!({ member: words }).to_string()),
                1 => ("application/json", serde_json::json!({ member: [words] }).to_string()),
                2 => ("application/json", serde_json::json!({ words: member }).to_string()),
                3 => ("application/json", serde_json::json!({ "keys": [{ "kid": words, "kty": "EC" }] }).to_string()),
                _ => {
                    let form = url::form_urlencoded::Serializer::new(String::new())
                        .append_pair(member, &words)
                        .append_pair(&words, "1")
                        .finish();
                    ("application/x-www-form-urlencoded", form)
                }
            };
            let fields = response_fields(message, &answer(media_type, &body), &secrets(&request));
            let told = told(&fields).concat();
            let pieces = secret.as_bytes().windows(20).filter_map(|piece| std::str::from_utf8(piece).ok());
            for piece in pieces {
                prop_assert!(!told.contains(piece), "{piece} is in {told}");
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
}
