//! What the tests of this crate share: one provider, one client, and the pieces of a sign-in between them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::authorize::{self, AuthorizationRequest, Pending, Registration, TokenAuth};
use crate::callback::{Callback, ValidatedCallback};
use crate::discovery::{Metadata, parse_metadata};
use crate::message::{Request, Response};
use crate::{ClientId, ClientSecret, Issuer, IssuerPolicy, RedirectUri, Scopes, UnixTime};

/// The provider.
pub(crate) const ISSUER: &str = "https://login.example";
/// The client.
pub(crate) const CLIENT: &str = "tessera-desktop";
/// Its redirect URI.
pub(crate) const REDIRECT: &str = "app.tessera.desktop:/callback";
/// The client's secret, where it has one.
pub(crate) const SECRET: &str = "c!ient secret:+/&=";
/// The time.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

pub(crate) fn issuer() -> Issuer {
    ISSUER.parse().unwrap()
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

pub(crate) fn response(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Response {
    let mut headers = HeaderMap::new();
    if !media_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap());
    }
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: Zeroizing::new(body.into()),
    }
}

pub(crate) fn json_response(status: u16, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}

/// `object` with the members of `changes`; `null` takes a member away.
pub(crate) fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}

/// The provider's description.
pub(crate) fn description() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/keys"),
        "userinfo_endpoint": format!("{ISSUER}/userinfo"),
        "revocation_endpoint": format!("{ISSUER}/revoke"),
        "end_session_endpoint": format!("{ISSUER}/logout"),
        "device_authorization_endpoint": format!("{ISSUER}/device"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

pub(crate) fn metadata(changes: &Value) -> Metadata {
    parse_metadata(&issuer(), &json_response(200, &with(description(), changes))).unwrap()
}

pub(crate) fn registration(token_auth: TokenAuth) -> Registration {
    Registration {
        client_id: ClientId::new(CLIENT),
        client_secret: (token_auth != TokenAuth::None).then(|| ClientSecret::new(SECRET)),
        token_auth,
    }
}

pub(crate) fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        redirect_uri: RedirectUri::new(REDIRECT).unwrap(),
        scopes: Scopes::parse("openid profile"),
        login_hint: None,
        prompt: Vec::new(),
        max_age: None,
        acr_values: Vec::new(),
        dpop_jkt: None,
        extra: Vec::new(),
        openid: true,
    }
}

/// "Random" bytes that are different each time they are asked for.
pub(crate) fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0_u8;
    move |buffer| {
        for byte in buffer {
            *byte = next;
            next = next.wrapping_add(1);
        }
    }
}

/// An attempt at that provider, with `request`.
pub(crate) fn begin(metadata: &Metadata, request: AuthorizationRequest) -> (Url, Pending) {
    let policy = IssuerPolicy::exact(&metadata.issuer);
    authorize::begin(
        metadata,
        &registration(TokenAuth::None),
        request,
        &policy,
        NOW,
        &mut counting(),
    )
}

/// The callback that a good provider sends for `pending`, with `changes`; `null` takes a parameter away.
pub(crate) fn callback_text(pending: &Pending, changes: &Value) -> String {
    let good = json!({"code": "c0de", "state": pending.state().expose(), "iss": ISSUER});
    let mut url = url(pending.redirect_uri().as_str());
    for (name, value) in with(good, changes).as_object().unwrap() {
        url.query_pairs_mut().append_pair(name, value.as_str().unwrap());
    }
    url.into()
}

/// A callback that passed every check.
pub(crate) fn validated() -> ValidatedCallback {
    let (_, pending) = begin(&metadata(&json!({})), request());
    let text = callback_text(&pending, &json!({}));
    Callback::parse(&text).unwrap().validate(pending).unwrap()
}

/// The fields of a form.
pub(crate) fn form(request: &Request) -> BTreeMap<String, String> {
    let pairs: Vec<_> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let fields: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(
        fields.len(),
        pairs.len(),
        "a field is sent twice: {:?}",
        fields.keys()
    );
    fields
}

/// One header field as text.
pub(crate) fn header(request: &Request, name: &str) -> Option<String> {
    request
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
}
