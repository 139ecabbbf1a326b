//! What the inputs are about: one provider, one client, one key, one time. All of it is fixed, so that an input kept in
//! `corpus/` means the same for ever.

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tessera_oidc::authorize::{self, AuthorizationRequest, Pending, Registration, TokenAuth};
use tessera_oidc::discovery::{Metadata, parse_metadata};
use tessera_oidc::key_set::KeySet;
use tessera_oidc::message::Response;
use tessera_oidc::{ClientId, Issuer, IssuerPolicy, RedirectUri, Scopes, UnixTime};
use zeroize::Zeroizing;

/// The provider.
pub(crate) const ISSUER: &str = "https://login.example";
/// The client.
pub(crate) const CLIENT: &str = "tessera-desktop";
/// Where its callbacks come.
pub(crate) const REDIRECT: &str = "app.tessera.desktop:/callback";
/// The API.
pub(crate) const AUDIENCE: &str = "https://api.example";
/// The time.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);
/// The name of the key.
const KID: &str = "key-1";
/// What the key is made of. It is no secret: it signs nothing but tests.
const SEED: [u8; 32] = [7; 32];

/// The issuer.
pub(crate) static THE_ISSUER: LazyLock<Issuer> = LazyLock::new(|| sound(ISSUER.parse()));

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let document = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "authorization_response_iss_parameter_supported": true,
    });
    let answer = answer(
        StatusCode::OK,
        "application/json",
        document.to_string().as_bytes(),
    );
    sound(parse_metadata(&THE_ISSUER, &answer))
});

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| sound(Ed25519KeyPair::from_seed_unchecked(&SEED)));

/// The provider's key set.
pub(crate) static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let mut key = jwk();
    key["kid"] = KID.into();
    let set = json!({ "keys": [key] });
    sound(KeySet::parse(set.to_string().as_bytes()))
});

/// The public half of the one key there is.
pub(crate) fn jwk() -> Value {
    let x = URL_SAFE_NO_PAD.encode(KEY.public_key().as_ref());
    json!({"kty": "OKP", "crv": "Ed25519", "x": x})
}

/// An authorization request that awaits its callback. Its secrets are those of [`counting`].
pub(crate) fn pending() -> Pending {
    let registration = Registration {
        client_id: ClientId::new(CLIENT),
        client_secret: None,
        token_auth: TokenAuth::None,
    };
    let request = AuthorizationRequest {
        redirect_uri: sound(RedirectUri::new(REDIRECT)),
        scopes: Scopes::parse("openid profile"),
        login_hint: None,
        prompt: Vec::new(),
        max_age: None,
        acr_values: Vec::new(),
        dpop_jkt: None,
        extra: Vec::new(),
        openid: true,
    };
    let policy = IssuerPolicy::exact(&THE_ISSUER);
    authorize::begin(&METADATA, &registration, request, &policy, NOW, &mut counting()).1
}

/// "Random" bytes that are the same for every attempt: 0, 1, 2 …
fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0_u8;
    move |buffer| {
        for byte in buffer {
            *byte = next;
            next = next.wrapping_add(1);
        }
    }
}

/// An answer of the provider.
pub(crate) fn answer(status: StatusCode, media_type: &str, body: &[u8]) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(media_type) = HeaderValue::from_str(media_type) {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    Response {
        status,
        headers,
        body: Zeroizing::new(body.to_vec()),
    }
}

/// The header of a good token of this kind.
pub(crate) fn jws_header(typ: &str) -> String {
    json!({"alg": "EdDSA", "kid": KID, "typ": typ}).to_string()
}

/// Signs whatever it is given. The same gives the same (RFC 8032 section 5.1.6).
pub(crate) fn sign(header: &[u8], payload: &[u8]) -> String {
    sign_parts(
        &[header, payload]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join("."),
    )
}

/// Whether the provider's key made this token, told without the code that is tested.
pub(crate) fn is_signed(token: &str) -> bool {
    token
        .rsplit_once('.')
        .is_some_and(|(signed, _)| sign_parts(signed) == token)
}

fn sign_parts(signed: &str) -> String {
    let signature = KEY.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// What cannot fail, because nothing in it comes from outside.
pub(crate) fn sound<T, E: std::fmt::Debug>(made: Result<T, E>) -> T {
    made.unwrap_or_else(|error| panic!("the scene is not sound: {error:?}"))
}
