//! ID tokens to accept and to refuse, each really signed. Names with dashes are modules of the OpenID
//! conformance suite.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod asked;
mod clock;
mod signature;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::Subject;
use crate::checks::Outcome;
use crate::key_set::testing::{Signer, key_set};
use crate::testing::{CLIENT, ISSUER, NOW, issuer, with};

const NONCE: &str = "n0nce-of-this-sign-in";
const ACCESS: &str = "acce55";

/// The claims that a good provider sends, with `changes`; `null` takes a claim away.
fn claims(changes: &Value) -> Value {
    let good = json!({
        "iss": ISSUER,
        "sub": "ann-1",
        "aud": CLIENT,
        "exp": NOW.0 + 600,
        "iat": NOW.0,
        "nonce": NONCE,
        "name": "Ann Archer",
    });
    with(good, changes)
}

/// A provider with one ES256 key, and what a client expects of it.
struct Stage {
    signer: Signer,
    policy: IssuerPolicy,
    client_id: ClientId,
    nonce: Nonce,
    access_token: AccessToken,
}

impl Stage {
    fn new(algorithm: Algorithm) -> Self {
        Self {
            signer: Signer::new(algorithm, "k"),
            policy: IssuerPolicy::exact(&issuer()),
            client_id: ClientId::new(CLIENT),
            nonce: Nonce::new(NONCE),
            access_token: AccessToken::new(ACCESS),
        }
    }

    fn expectations(&self) -> Expectations<'_> {
        Expectations {
            nonce: Some(&self.nonce),
            access_token: Some(&self.access_token),
            ..Expectations::new(&self.policy, &self.client_id, Algorithm::ALL, NOW)
        }
    }

    fn keys(&self) -> KeySet {
        key_set(&[self.signer.jwk()])
    }

    fn token(&self, claims: &Value) -> RawIdToken {
        RawIdToken::new(self.signer.sign(claims.to_string().as_bytes()))
    }

    fn token_as(&self, header: &Value, claims: &Value) -> RawIdToken {
        RawIdToken::new(
            self.signer
                .sign_as(header.to_string().as_bytes(), claims.to_string().as_bytes()),
        )
    }

    /// `ok`, or the code of the refusal; either way there is one verdict per check, and what failed is told.
    fn verdict(token: &RawIdToken, keys: &KeySet, expected: &Expectations<'_>) -> &'static str {
        let result = verify(token, keys, expected);
        let verdicts = match &result {
            Ok((_, verdicts)) => verdicts,
            Err(refusal) => &refusal.verdicts,
        };
        let mut all = CHECKS.to_vec();
        if expected.refresh.is_some() {
            all.extend(REFRESH_CHECKS);
        }
        let mut made = verdicts.iter().map(|verdict| verdict.check).collect::<Vec<_>>();
        made.sort();
        all.sort();
        assert_eq!(made, all);
        let shown = format!("{verdicts:?}");
        assert!(!shown.contains(NONCE) && !shown.contains(ACCESS), "{shown}");
        match &result {
            Ok(_) => {
                let good = |outcome| matches!(outcome, Outcome::Passed | Outcome::NotApplicable);
                assert!(
                    verdicts.iter().all(|verdict| good(verdict.outcome)),
                    "{verdicts:?}"
                );
                "ok"
            }
            Err(refusal) => {
                let first = verdicts.failed().next().map(|verdict| verdict.check);
                assert_eq!(first, Some(refusal.reason.check()), "{verdicts:?}");
                refusal.code()
            }
        }
    }

    /// The verdict on claims with changes, under the usual expectations.
    fn check(&self, name: &str, changes: &Value, expected: &str) {
        let token = self.token(&claims(changes));
        assert_eq!(
            Self::verdict(&token, &self.keys(), &self.expectations()),
            expected,
            "{name} {changes}"
        );
    }
}

#[test]
fn claims_are_accepted_or_refused() {
    let stage = Stage::new(Algorithm::ES256);
    let check = |name: &str, changes: Value, expected: &str| stage.check(name, &changes, expected);
    check("oidcc-client-test", json!({}), "ok");

    check(
        "oidcc-client-test-invalid-iss",
        json!({"iss": format!("{ISSUER}1")}),
        "id_token_iss",
    );
    check("invalid-missing-iss", json!({"iss": null}), "id_token_iss");
    check(
        "a slash more",
        json!({"iss": format!("{ISSUER}/")}),
        "id_token_iss",
    );
    check("iss of another type", json!({"iss": [ISSUER]}), "id_token_iss");
    check(
        "without the scheme",
        json!({"iss": "login.example"}),
        "id_token_iss",
    );

    check(
        "oidcc-client-test-missing-sub",
        json!({"sub": null}),
        "id_token_sub",
    );
    check("empty sub", json!({"sub": ""}), "id_token_sub");
    check("sub of another type", json!({"sub": 7}), "id_token_sub");
    check("sub of 255", json!({"sub": "s".repeat(255)}), "ok");
    check("sub of 256", json!({"sub": "s".repeat(256)}), "id_token_sub");
    check("sub that is not ASCII", json!({"sub": "änn"}), "id_token_sub");
    check(
        "sub with a control character",
        json!({"sub": "ann\n"}),
        "id_token_sub",
    );

    check(
        "oidcc-client-test-invalid-aud",
        json!({"aud": format!("{CLIENT}1")}),
        "id_token_aud",
    );
    check(
        "oidcc-client-test-missing-aud",
        json!({"aud": null}),
        "id_token_aud",
    );
    check("valid-aud-as-array", json!({"aud": [CLIENT]}), "ok");
    check(
        "invalid-secondary-aud",
        json!({"aud": [CLIENT, "other"]}),
        "id_token_aud",
    );
    check("empty aud", json!({"aud": []}), "id_token_aud");
    check(
        "aud of another type",
        json!({"aud": {"x": CLIENT}}),
        "id_token_aud",
    );
    check("aud of mixed types", json!({"aud": [CLIENT, 7]}), "id_token_aud");
    check(
        "aud in another case",
        json!({"aud": CLIENT.to_uppercase()}),
        "id_token_aud",
    );

    check("azp that is this app", json!({"azp": CLIENT}), "ok");
    check("azp that is another app", json!({"azp": "other"}), "id_token_azp");
    check("azp of another type", json!({"azp": [CLIENT]}), "id_token_azp");

    check(
        "invalid-expired-exp",
        json!({"exp": NOW.0 - 3600}),
        "id_token_exp",
    );
    check("invalid-missing-exp", json!({"exp": null}), "id_token_exp");
    check(
        "exp of another type",
        json!({"exp": "4102444800"}),
        "id_token_exp",
    );
    check("expired within the leeway", json!({"exp": NOW.0 - 299}), "ok");
    check(
        "expired at the leeway",
        json!({"exp": NOW.0 - 300}),
        "id_token_exp",
    );

    check(
        "oidcc-client-test-missing-iat",
        json!({"iat": null}),
        "id_token_iat",
    );
    check(
        "iat of another type",
        json!({"iat": NOW.0.to_string()}),
        "id_token_iat",
    );
    check(
        "iat in the future within the leeway",
        json!({"iat": NOW.0 + 300}),
        "ok",
    );
    check("iat in the future", json!({"iat": NOW.0 + 301}), "id_token_iat");
    check(
        "iat long ago",
        json!({"iat": NOW.0 - MAX_AGE_SECONDS - 301}),
        "id_token_iat",
    );
    check("iat with a fraction", json!({"iat": 1_800_000_000.25}), "ok");

    check("nbf in the past", json!({"nbf": NOW.0 - 1}), "ok");
    check("nbf within the leeway", json!({"nbf": NOW.0 + 300}), "ok");
    check("nbf in the future", json!({"nbf": NOW.0 + 301}), "id_token_nbf");
    check("nbf of another type", json!({"nbf": "now"}), "id_token_nbf");

    check(
        "oidcc-client-test-nonce-invalid",
        json!({"nonce": format!("{NONCE}1")}),
        "id_token_nonce",
    );
    check("invalid-missing-nonce", json!({"nonce": null}), "id_token_nonce");
    check("empty nonce", json!({"nonce": ""}), "id_token_nonce");
    check(
        "nonce of another type",
        json!({"nonce": [NONCE]}),
        "id_token_nonce",
    );

    check(
        "several at once",
        json!({"iss": "x", "aud": "x", "nonce": "x"}),
        "id_token_iss",
    );
    check(
        "times at the edge of numbers",
        json!({"exp": i64::MAX, "iat": i64::MIN}),
        "id_token_iat",
    );
    check(
        "times beyond numbers",
        json!({"exp": 1e300, "iat": -1e300}),
        "id_token_iat",
    );
}

#[test]
fn every_wrong_claim_is_listed_and_not_only_the_first() {
    let stage = Stage::new(Algorithm::ES256);
    let token = stage.token(&claims(&json!({"iss": "x", "aud": "x", "nonce": "x", "exp": 1})));
    let refusal = verify(&token, &stage.keys(), &stage.expectations()).unwrap_err();
    let failed = refusal
        .verdicts
        .failed()
        .map(|verdict| verdict.check.code())
        .collect::<Vec<_>>();
    assert_eq!(
        failed,
        ["id_token.iss", "id_token.aud", "id_token.exp", "id_token.nonce"]
    );
}

#[test]
fn googles_two_spellings_are_one_account() {
    let mut stage = Stage::new(Algorithm::ES256);
    stage.policy = stage.policy.or_without_scheme();
    for iss in [ISSUER, "login.example"] {
        let token = stage.token(&claims(&json!({ "iss": iss })));
        let (identity, _) = verify(&token, &stage.keys(), &stage.expectations()).unwrap();
        assert_eq!(identity.issuer(), &issuer());
    }
    stage.check("http", &json!({"iss": "http://login.example"}), "id_token_iss");
}

#[test]
fn an_identity_holds_what_was_signed_and_nothing_of_the_checks() {
    let stage = Stage::new(Algorithm::ES256);
    let half = URL_SAFE_NO_PAD.encode(&Sha256::digest(ACCESS)[..16]);
    let changes = json!({"at_hash": half, "auth_time": NOW.0 - 5, "email": " ann@example.test ", "picture": "http://x/y"});
    let token = stage.token(&claims(&changes));
    let (identity, verdicts) = verify(&token, &stage.keys(), &stage.expectations()).unwrap();
    assert_eq!(identity.subject(), &Subject::new("ann-1"));
    assert_eq!(identity.name(), Some("Ann Archer"));
    assert_eq!(identity.email(), Some("ann@example.test"));
    assert_eq!(
        identity.picture(),
        None,
        "a picture over plain http is not fetched"
    );
    assert_eq!(identity.auth_time(), Some(NOW.plus(-5)));
    assert!(!identity.claims().contains_key("nonce") && !identity.claims().contains_key("at_hash"));
    assert_eq!(
        verdicts.outcome(CheckId::IdTokenAccessTokenHash),
        Some(Outcome::Passed)
    );
    assert_eq!(
        verdicts.outcome(CheckId::IdTokenAcr),
        Some(Outcome::NotApplicable)
    );
    let previous = identity.previous().unwrap();
    assert_eq!(
        (previous.issued_at, previous.audience),
        (NOW, vec![CLIENT.to_owned()])
    );
}

#[test]
fn a_refusal_for_the_clock_says_how_far_it_is_off() {
    let check = |reason: IdTokenError, part: &str| {
        assert!(reason.message().contains(part), "{}", reason.message());
        assert!(reason.hint().contains("clock"), "{}", reason.hint());
    };
    check(IdTokenError::Expiry { seconds: Some(1) }, "expired 1 second ago");
    check(
        IdTokenError::Expiry { seconds: Some(119) },
        "expired 119 seconds ago",
    );
    check(
        IdTokenError::IssuedAt { seconds: Some(-720) },
        "12 minutes in the future",
    );
    check(
        IdTokenError::IssuedAt {
            seconds: Some(90_000),
        },
        "25 hours old",
    );
    check(
        IdTokenError::NotBefore {
            seconds: Some(864_000),
        },
        "in 10 days",
    );
    check(
        IdTokenError::Expiry {
            seconds: Some(i64::MIN),
        },
        "days",
    );
}

proptest! {
    #[test]
    fn any_text_is_judged(text in "\\PC*", parts in "[A-Za-z0-9_.-]{0,80}") {
        let stage = Stage::new(Algorithm::EdDSA);
        for text in [text, parts] {
            prop_assert!(verify(&RawIdToken::new(text), &stage.keys(), &stage.expectations()).is_err());
        }
    }

    #[test]
    fn any_signed_claims_are_judged(name in "(iss|sub|aud|azp|exp|iat|nbf|nonce|at_hash|auth_time|tid)", text in "\\PC{0,9}",
        number in any::<i64>(), float in any::<f64>(), shape in 0..6) {
        let value = match shape {
            0 => json!(text),
            1 => json!(number),
            2 => json!(float),
            3 => json!([text, number]),
            4 => json!({ "x": text }),
            _ => json!(true),
        };
        let stage = Stage::new(Algorithm::EdDSA);
        let token = stage.token(&claims(&json!({ name: value })));
        let _ = Stage::verdict(&token, &stage.keys(), &stage.expectations());
    }
}
