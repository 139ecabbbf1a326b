//! The `DPoP` field of a request (RFC 9449 section 4): a token signed by a key that it brings along.

use http::{HeaderValue, Method, Uri};
use serde_json::{Value, json};
use tessera_guard::dpop::{MAX_PROOF_BYTES, ProofFor, Proofs};

use crate::refusal::{refused, secret_parts};
use crate::scene::{self, AUDIENCE, NOW};
use crate::{Judged, Limit};

/// Three times what it holds: the header as text, as JSON, and as a key set of the one key in it.
const LIMIT: Limit = Limit {
    fixed: 32 * 1024,
    per_byte: 300,
    largest: MAX_PROOF_BYTES,
};

/// Reads the input as a proof, and as the header and the claims of one that is signed by the key that it shows.
pub(crate) fn judge(input: &[u8]) -> Judged {
    let header = json!({"alg": "EdDSA", "typ": "dpop+jwt", "jwk": scene::jwk()}).to_string();
    let claims = json!({"jti": "1", "htm": "GET", "htu": AUDIENCE, "iat": NOW.0}).to_string();
    judge_proof(scene::sign(input, claims.as_bytes()).as_bytes());
    if judge_proof(scene::sign(header.as_bytes(), input).as_bytes()) == Judged::Accepted {
        assert_claims(input);
        return Judged::Accepted;
    }
    judge_proof(input)
}

fn judge_proof(field: &[u8]) -> Judged {
    // What the HTTP library does not take for a field's value does not come this far.
    let Ok(field) = HeaderValue::from_bytes(field) else {
        return Judged::Refused("no_field");
    };
    let fields = [field];
    let request = ProofFor {
        method: &Method::GET,
        uri: &Uri::from_static("/"),
        fields: &fields,
        token: None,
        bound_to: None,
    };
    // A new memory each time: what was taken before must not matter.
    let proofs = scene::sound(Proofs::at(AUDIENCE));
    let verdict = LIMIT.holds(fields[0].len(), || proofs.check(&request, NOW));
    let text = String::from_utf8_lossy(fields[0].as_bytes());
    match verdict {
        Ok(_) => {
            assert!(
                proofs.check(&request, NOW).is_err(),
                "a proof was taken twice: {text:?}"
            );
            Judged::Accepted
        }
        Err(fault) => {
            let parts = secret_parts(&text);
            let sentence = fault.to_string();
            refused(fault.code(), &sentence, &sentence, &fault, &parts)
        }
    }
}

/// Checks what was accepted without the code that accepted it.
fn assert_claims(payload: &[u8]) {
    let claims: Value = serde_json::from_slice(payload).unwrap_or_default();
    assert_eq!(claims["htm"], "GET");
    let address = claims["htu"].as_str().unwrap_or_default().trim();
    assert!(address.to_ascii_lowercase().starts_with("https:"), "{address}");
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    assert!(
        claims["iat"]
            .as_f64()
            .is_some_and(|made| (made - 1_800_000_000.0).abs() < 61.0)
    );
}
