//! The `Authorization` field of a request to an API behind the guard.

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use tessera_guard::{Algorithm, Guard, KeySource, MAX_TOKEN_BYTES, RequireAuthentication};

use crate::refusal::{conceals, secret_parts};
use crate::scene::{self, AUDIENCE, ISSUER, KEYS, NOW};
use crate::{Judged, Limit};

const LIMIT: Limit = Limit {
    fixed: 32 * 1024,
    per_byte: 200,
    largest: MAX_TOKEN_BYTES,
};

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let guard = Guard::builder(ISSUER)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .key_source(KeySource::fixed(KEYS.clone()))
        .clock(|| NOW);
    scene::sound(guard.build())
});

/// Reads each line of the input as one `Authorization` field of a request, and the input as the claims of a token that
/// the issuer signed.
pub(crate) fn judge(input: &[u8]) -> Judged {
    let token = scene::sign(scene::jws_header("at+jwt").as_bytes(), input);
    if judge_fields(format!("Bearer {token}").as_bytes()) == Judged::Accepted {
        return Judged::Accepted;
    }
    judge_fields(input)
}

fn judge_fields(input: &[u8]) -> Judged {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        // What the HTTP library does not take for a field's value does not come this far.
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(AUTHORIZATION, value);
        }
    }
    let judged = LIMIT.holds(input.len(), || GUARD.check(&headers).now_or_never());
    let refusal = match judged {
        None => panic!("a guard with its keys at hand waits for nobody"),
        Some(Ok(caller)) => {
            let text = String::from_utf8_lossy(input);
            let token = text
                .split_once(' ')
                .map(|(_, token)| token.trim_start_matches(' '));
            assert!(token.is_some_and(scene::is_signed), "nobody signed {text:?}");
            let recent = RequireAuthentication::new()
                .max_age(60)
                .acr_values(["urn:example:mfa"]);
            let _ = caller.require_authentication(&recent);
            let _ = caller.require_scopes(["orders:read"]);
            return Judged::Accepted;
        }
        Some(Err(refusal)) => refusal,
    };
    let response = refusal.to_response::<String>();
    assert!(matches!(response.status().as_u16(), 400 | 401), "{response:?}");
    assert!(
        response.headers().contains_key("www-authenticate"),
        "{response:?}"
    );
    let text = String::from_utf8_lossy(input);
    let secrets = secret_parts(&text);
    conceals(
        &[
            &format!("{response:?}"),
            &format!("{refusal:?}"),
            &refusal.to_string(),
        ],
        &secrets,
    );
    Judged::Refused(refusal.code())
}
