//! HTTP exchanges in a trace: what was sent and received, taken from the messages themselves, so that the trace
//! cannot tell another story than the wire. What is not known to be public is masked.

use http::header;
use serde_json::Value;
use tessera_oidc::dpop;
use tessera_oidc::message::{Request, Response};
use tessera_oidc::text;
use zeroize::Zeroizing;

use super::{Field, FieldValue, Flow, MessageId, Party, echo};
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

impl Exchange {
    /// What an answer is: what was asked for, or an error.
    fn answered(self, response: &Response) -> MessageId {
        let error = error_name(response);
        let is_error = !response.status.is_success() || error.is_some();
        match (self.response, is_error) {
            // The last answer to a poll brings the tokens (RFC 8628 section 3.5).
            (MessageId::DevicePending, false) => MessageId::TokenResponse,
            (MessageId::DevicePending, true)
                if error.is_some_and(|name| matches!(&*name, "authorization_pending" | "slow_down")) =>
            {
                MessageId::DevicePending
            }
            (_, true) => MessageId::ErrorResponse,
            (message, false) => message,
        }
    }
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
        let mut sent = http.send(request, Limits::PROTOCOL).await;
        if let Ok(response) = &mut sent {
            echo::remove(response, &secrets);
        }
        match &sent {
            Ok(response) => self.message(
                Party::Provider,
                Party::Tessera,
                exchange.answered(response),
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

/// The error that an answer names, whatever its status: GitHub says with 200 that nobody has agreed yet.
fn error_name(response: &Response) -> Option<String> {
    let named = if is_form(response) {
        let mut pairs = url::form_urlencoded::parse(&response.body);
        pairs
            .find(|(name, _)| name == "error")
            .map(|(_, value)| value.into_owned())
    } else {
        let json = serde_json::from_slice::<Value>(&response.body).ok();
        json.and_then(|json| json.get("error").and_then(Value::as_str).map(str::to_owned))
    };
    named.filter(|name| !name.is_empty())
}

pub(super) fn is_form(response: &Response) -> bool {
    response.media_type() == "application/x-www-form-urlencoded"
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
    let proof = request
        .headers
        .get(dpop::PROOF)
        .and_then(|value| Some(Zeroizing::new(value.to_str().ok()?.to_owned())));
    let mut secrets: Vec<_> = credential.into_iter().chain(proof).collect();
    match serde_json::from_slice(&request.body) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => strings(json, &mut secrets),
        _ => secrets.extend(hidden_values(&request.body)),
    }
    secrets
}

/// How many characters a value in an answer has at the least to be a secret. What is shorter can be guessed, and is part
/// of words such as `Bearer`.
pub(super) const SHORTEST_SECRET: usize = 8;

/// What an answer brings that is not public: a provider that repeats its own token in a public member must not bring it
/// into the trace.
fn own_secrets(message: MessageId, response: &Response) -> Vec<Zeroizing<String>> {
    // In these nothing is a secret, and everything is said more than once.
    if matches!(
        message,
        MessageId::MetadataResponse | MessageId::KeySetResponse | MessageId::UserinfoResponse
    ) {
        return Vec::new();
    }
    // These are sentences, which often are the error's name once more.
    let is_secret = |name: &str| !matches!(name, "error_description" | "error_uri");
    let mut secrets = Vec::new();
    if is_form(response) {
        let pairs = url::form_urlencoded::parse(&response.body);
        let hidden = pairs.filter(|(name, _)| !PUBLIC_PARAMETERS.contains(&name.as_ref()) && is_secret(name));
        secrets.extend(hidden.map(|(_, value)| Zeroizing::new(value.into_owned())));
    } else if let Ok(Value::Object(members)) = serde_json::from_slice(&response.body) {
        let hidden = members
            .into_iter()
            .filter(|(name, _)| !PUBLIC_MEMBERS.contains(&name.as_str()) && is_secret(name));
        hidden.for_each(|(_, value)| strings(value, &mut secrets));
    }
    secrets.retain(|secret| secret.chars().count() >= SHORTEST_SECRET);
    secrets
}

/// Every text in a JSON value: no request of this app has anything public in one.
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
    let secrets = [secrets, &own_secrets(message, response)].concat();
    let fields = public_fields(message, response);
    fields
        .into_iter()
        .map(|field| shortened(field, &secrets))
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
    if is_form(response) {
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
    // Written as JSON, a text has escapes by which it would not be known for a secret again.
    let is_plain = match value {
        Value::Array(list) => !list.iter().any(|one| one.is_array() || one.is_object()),
        other => !other.is_object(),
    };
    let value = if PUBLIC_MEMBERS.contains(&name) && is_plain {
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
mod tests;
