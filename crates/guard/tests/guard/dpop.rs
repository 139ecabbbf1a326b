//! Proofs of possession (RFC 9449): one good proof, one change, one verdict; and what a caller hears of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tessera_guard::dpop::{Nonces, ProofFault, ProofFor, Proofs};
use tessera_guard::{Caller, Guard, KeySource, Reason, Refusal, RequireAuth, UnixTime};
use tower::{Layer as _, ServiceExt as _};

use crate::signer::{AUDIENCE, ISSUER, NOW, Signer, claims, key_set};
use crate::tokens::changed;

/// An issuer, a caller's key, and a guard that takes proofs.
struct Scene {
    issuer: Signer,
    caller: Signer,
    guard: Guard,
    now: Arc<AtomicI64>,
}

fn scene() -> Scene {
    scene_with(Proofs::at(AUDIENCE).unwrap())
}

fn scene_with(proofs: Proofs) -> Scene {
    let issuer = Signer::new("k");
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = now.clone();
    let guard = Guard::builder(ISSUER)
        .audience(AUDIENCE)
        .key_source(KeySource::fixed(key_set(&[&issuer])))
        .proofs(proofs)
        .clock(move || UnixTime(clock.load(Ordering::SeqCst)))
        .build()
        .unwrap();
    Scene {
        issuer,
        caller: Signer::new("caller"),
        guard,
        now,
    }
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// The public half, as a proof shows it.
fn public(signer: &Signer) -> Value {
    let mut jwk = signer.jwk();
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

fn thumbprint(signer: &Signer) -> String {
    let jwk = public(signer);
    hash(&format!(
        r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
        jwk["x"], jwk["y"]
    ))
}

impl Scene {
    /// An access token that is bound to the caller's key.
    fn token(&self) -> String {
        self.token_with(&json!({"cnf": {"jkt": thumbprint(&self.caller)}}))
    }

    fn token_with(&self, changes: &Value) -> String {
        self.issuer
            .sign(&self.issuer.header(), &changed(claims(), changes))
    }

    /// A good proof for `GET /who` with `token`, with changes of its header and claims.
    fn proof(&self, token: &str, header: &Value, changes: &Value) -> String {
        let good = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(&self.caller)});
        let said = json!({
            "jti": "proof-1", "htm": "GET", "htu": format!("{AUDIENCE}/who"), "iat": NOW, "ath": hash(token),
        });
        self.caller.sign(&changed(good, header), &changed(said, changes))
    }

    async fn ask(&self, scheme: &str, token: &str, proofs: &[&str]) -> Result<Caller, Refusal> {
        let mut headers = HeaderMap::new();
        let field = format!("{scheme} {token}");
        headers.insert("authorization", field.parse().unwrap());
        for proof in proofs {
            headers.append("dpop", HeaderValue::from_str(proof).unwrap());
        }
        let uri: Uri = "/who?page=2".parse().unwrap();
        self.guard.check_request(&Method::GET, &uri, &headers).await
    }

    async fn verdict(&self, token: &str, proofs: &[&str]) -> &'static str {
        verdict(&self.ask("DPoP", token, proofs).await)
    }
}

/// The fault's code, or `ok`.
fn verdict(outcome: &Result<Caller, Refusal>) -> &'static str {
    match outcome.as_ref().map_err(Refusal::reason) {
        Ok(_) => "ok",
        Err(Reason::InvalidToken(fault)) => fault.code(),
        Err(Reason::InvalidProof(fault)) => fault.code(),
        Err(_) => "another reason",
    }
}

#[tokio::test]
async fn a_bound_token_with_a_proof_of_its_key_is_good_and_says_so() {
    let scene = scene();
    let token = scene.token();
    for scheme in ["DPoP", "dpop"] {
        let proof = scene.proof(&token, &json!({}), &json!({"jti": scheme}));
        let caller = scene.ask(scheme, &token, &[&proof]).await.unwrap();
        assert_eq!(caller.bound_to(), Some(thumbprint(&scene.caller).as_str()));
    }
    // Bearer tokens are what they were.
    let bearer = scene.ask("Bearer", &scene.issuer.token(), &[]).await.unwrap();
    assert_eq!(bearer.bound_to(), None);
}

#[tokio::test]
async fn one_change_of_the_proof_and_it_is_none() {
    let scene = scene();
    let token = scene.token();
    let (none, address) = (json!({}), format!("{AUDIENCE}/who"));
    let mut private = public(&scene.caller);
    private["d"] = json!("AAAA");
    let stranger = public(&Signer::new("stranger"));
    let symmetric = json!({"kty": "oct", "k": "AAAA"});
    let cases: Vec<(&str, Value, Value)> = vec![
        ("proof_type", json!({"typ": "at+jwt"}), none.clone()),
        ("proof_type", json!({"typ": null}), none.clone()),
        ("proof_signature", json!({"alg": "none"}), none.clone()),
        ("proof_signature", json!({"alg": "HS256"}), none.clone()),
        ("proof_signature", json!({"alg": "ES384"}), none.clone()),
        ("proof_signature", json!({"alg": "RS256"}), none.clone()),
        ("proof_signature", json!({"crit": ["exp"]}), none.clone()),
        ("proof_signature", json!({"jwk": stranger}), none.clone()),
        ("proof_key", json!({"jwk": null}), none.clone()),
        ("proof_key", json!({"jwk": "key"}), none.clone()),
        (
            "proof_key",
            json!({"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}),
            none.clone(),
        ),
        ("proof_private_key", json!({"jwk": private}), none.clone()),
        ("proof_key", json!({"jwk": symmetric}), none.clone()),
        ("proof_claim", none.clone(), json!({"jti": null})),
        ("proof_claim", none.clone(), json!({"jti": ""})),
        ("proof_claim", none.clone(), json!({"jti": 7})),
        ("proof_claim", none.clone(), json!({"jti": "x".repeat(257)})),
        ("proof_claim", none.clone(), json!({"htm": null})),
        ("proof_claim", none.clone(), json!({"htu": null})),
        ("proof_claim", none.clone(), json!({"iat": null})),
        ("proof_claim", none.clone(), json!({"iat": "now"})),
        ("proof_claim", none.clone(), json!({"ath": null})),
        ("proof_method", none.clone(), json!({"htm": "POST"})),
        ("proof_method", none.clone(), json!({"htm": "get"})),
        (
            "proof_address",
            none.clone(),
            json!({"htu": format!("{AUDIENCE}/other")}),
        ),
        (
            "proof_address",
            none.clone(),
            json!({"htu": "https://evil.example/who"}),
        ),
        (
            "proof_address",
            none.clone(),
            json!({"htu": "http://api.example/who"}),
        ),
        (
            "proof_address",
            none.clone(),
            json!({"htu": "https://a@api.example/who"}),
        ),
        ("proof_address", none.clone(), json!({"htu": "/who"})),
        ("proof_token", none.clone(), json!({"ath": hash("another")})),
        ("proof_time", none.clone(), json!({"iat": NOW - 61})),
        ("proof_time", none.clone(), json!({"iat": NOW + 61})),
        ("proof_time", none.clone(), json!({"iat": i64::MIN})),
        // The same, said in another way.
        (
            "ok",
            none.clone(),
            json!({"jti": "2", "htu": format!("{address}?page=7#top")}),
        ),
        (
            "ok",
            none.clone(),
            json!({"jti": "3", "htu": "HTTPS://API.example:443/a/../who"}),
        ),
        (
            "ok",
            json!({"typ": "DPOP+JWT"}),
            json!({"jti": "4", "iat": NOW - 60}),
        ),
        (
            "ok",
            json!({"kid": "mine"}),
            json!({"jti": "5", "iat": NOW + 60, "nonce": "unasked"}),
        ),
    ];
    for (expected, header, changes) in cases {
        let proof = scene.proof(&token, &header, &changes);
        assert_eq!(
            scene.verdict(&token, &[&proof]).await,
            expected,
            "{header} {changes}"
        );
    }
    let good = scene.proof(&token, &none, &none);
    assert_eq!(scene.verdict(&token, &[]).await, "proof_missing");
    assert_eq!(scene.verdict(&token, &[&good, &good]).await, "proof_repeated");
    assert_eq!(
        scene.verdict(&token, &[&format!("{good}, {good}")]).await,
        "proof_signature"
    );
    assert_eq!(scene.verdict(&token, &["no proof"]).await, "proof_signature");
    assert_eq!(
        scene
            .verdict(&token, &[&format!("{good}{}", "A".repeat(9000))])
            .await,
        "proof_too_large"
    );
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(
        scene.verdict(&token, &[&format!("{signed}.")]).await,
        "proof_signature"
    );
    // None of them used it up.
    assert_eq!(scene.verdict(&token, &[&good]).await, "ok");
}

#[tokio::test]
async fn token_and_key_belong_together_or_nothing_is_accepted() {
    let scene = scene();
    let token = scene.token();
    let stolen = scene.ask("Bearer", &token, &[]).await;
    assert_eq!(verdict(&stolen), "token_key_bound");
    let with_proof = scene.proof(&token, &json!({}), &json!({}));
    let stolen = scene.ask("Bearer", &token, &[&with_proof]).await;
    assert_eq!(verdict(&stolen), "token_key_bound", "by the wrong scheme");

    let thief = Signer::new("thief");
    for (cnf, expected) in [
        (json!(null), "token_not_bound"),
        (json!("<null>"), "token_claim_malformed"),
        (json!({}), "token_claim_malformed"),
        (json!({"jkt": ""}), "token_claim_malformed"),
        (json!({"jkt": 7}), "token_claim_malformed"),
        (json!({"x5t#S256": "AA"}), "token_claim_malformed"),
        // Both ways of confirming would have to be checked, and one cannot be.
        (
            json!({"jkt": thumbprint(&scene.caller), "x5t#S256": "AA"}),
            "token_claim_malformed",
        ),
        (json!({"jkt": thumbprint(&thief)}), "proof_other_key"),
    ] {
        let token = scene.token_with(&json!({ "cnf": cnf }));
        let proof = scene.proof(&token, &json!({}), &json!({"jti": cnf.to_string()}));
        assert_eq!(scene.verdict(&token, &[&proof]).await, expected, "{cnf}");
    }
}

#[tokio::test]
async fn a_proof_is_good_once_for_as_long_as_it_could_be_used() {
    let scene = scene();
    let token = scene.token();
    let proof = scene.proof(&token, &json!({}), &json!({}));
    assert_eq!(scene.verdict(&token, &[&proof]).await, "ok");
    for later in [0, 30, 60] {
        scene.now.store(NOW + later, Ordering::SeqCst);
        assert_eq!(
            scene.verdict(&token, &[&proof]).await,
            "proof_replayed",
            "{later}"
        );
    }
    scene.now.store(NOW + 61, Ordering::SeqCst);
    let next = scene.proof(&token, &json!({}), &json!({"jti": "2", "iat": NOW + 61}));
    assert_eq!(scene.verdict(&token, &[&next]).await, "ok");
    // A clock that is set back brings nothing to life again.
    scene.now.store(NOW, Ordering::SeqCst);
    assert_eq!(scene.verdict(&token, &[&proof]).await, "proof_time");
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_nothing_is_forgotten_for_it() {
    let scene = scene_with(Proofs::at(AUDIENCE).unwrap().memory(2, 3));
    let token = scene.token();
    let proof = |jti: &str, iat: i64| scene.proof(&token, &json!({}), &json!({"jti": jti, "iat": iat}));
    let (first, second) = (proof("1", NOW), proof("2", NOW));
    assert_eq!(scene.verdict(&token, &[&first]).await, "ok");
    assert_eq!(scene.verdict(&token, &[&second]).await, "ok");
    let refused = scene.ask("DPoP", &token, &[&proof("3", NOW)]).await.unwrap_err();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.to_response::<String>().headers()["retry-after"], "1");
    assert_eq!(scene.verdict(&token, &[&first]).await, "proof_replayed");
    // Proofs that could not have come through take no place.
    scene.now.store(NOW + 61, Ordering::SeqCst);
    for _ in 0..5 {
        let stranger = scene.token_with(&json!({"cnf": {"jkt": "another"}}));
        let other = scene.proof(&stranger, &json!({}), &json!({"iat": NOW + 61}));
        assert_eq!(scene.verdict(&stranger, &[&other]).await, "proof_other_key");
    }
    assert_eq!(scene.verdict(&token, &[&proof("4", NOW + 61)]).await, "ok");
    assert_eq!(scene.verdict(&token, &[&proof("5", NOW + 61)]).await, "ok");
}

#[tokio::test]
async fn one_key_cannot_crowd_out_another() {
    let mut scene = scene_with(Proofs::at(AUDIENCE).unwrap().memory(4, 2));
    let token = scene.token();
    let proof = |scene: &Scene, token: &str, jti: &str, iat: i64| {
        scene.proof(token, &json!({}), &json!({"jti": jti, "iat": iat}))
    };
    for jti in ["1", "2"] {
        let good = proof(&scene, &token, jti, NOW);
        assert_eq!(scene.verdict(&token, &[&good]).await, "ok");
    }
    for jti in ["3", "4", "5"] {
        let more = proof(&scene, &token, jti, NOW);
        let refused = scene.ask("DPoP", &token, &[&more]).await;
        assert_eq!(verdict(&refused), "proof_key_crowded");
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.status().as_u16(), refused.code()),
            (429, "too_many_requests")
        );
        let answer = refused.to_response::<String>();
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers().get("www-authenticate"), None);
    }
    // One that was used is still known as that.
    let again = proof(&scene, &token, "1", NOW);
    assert_eq!(scene.verdict(&token, &[&again]).await, "proof_replayed");

    let first = std::mem::replace(&mut scene.caller, Signer::new("another caller"));
    let other_token = scene.token();
    for jti in ["1", "2"] {
        let good = proof(&scene, &other_token, jti, NOW);
        assert_eq!(scene.verdict(&other_token, &[&good]).await, "ok");
    }
    // What has had its time makes room again, for each key its own.
    scene.caller = first;
    scene.now.store(NOW + 61, Ordering::SeqCst);
    for (jti, expected) in [("6", "ok"), ("7", "ok"), ("8", "proof_key_crowded")] {
        let next = proof(&scene, &token, jti, NOW + 61);
        assert_eq!(scene.verdict(&token, &[&next]).await, expected, "{jti}");
    }
}

#[test]
fn a_proof_is_for_the_path_as_it_was_asked_for() {
    let (signer, proofs) = (Signer::new("caller"), Proofs::at(AUDIENCE).unwrap());
    let passes = |jti: &str, htu: &str, path: &str| {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(&signer)});
        let said = json!({"jti": jti, "htm": "GET", "htu": format!("{AUDIENCE}{htu}"), "iat": NOW});
        let fields = [HeaderValue::from_str(&signer.sign(&header, &said)).unwrap()];
        let uri: Uri = path.parse().unwrap();
        let of = ProofFor {
            method: &Method::GET,
            uri: &uri,
            fields: &fields,
            token: None,
            bound_to: None,
        };
        match proofs.check(&of, UnixTime(NOW)) {
            Ok(_) => true,
            Err(fault) => {
                assert_eq!(fault, ProofFault::OtherAddress, "{htu} {path}");
                false
            }
        }
    };
    for path in [
        "/a/../b",
        "/./b",
        "/a/%2e%2e/b",
        "/a/%2E./b",
        "/a/.%2e/b",
        "/%2e/b",
        "/a\\..\\b",
        "/\\b",
    ] {
        assert!(!passes(path, "/b", path), "{path}");
        assert!(!passes(path, path, path), "{path} as it is");
    }
    for path in ["/a/..", "/a/.", "/a/%2e"] {
        assert!(!passes(path, "/a/", path) && !passes(path, "/", path), "{path}");
    }
    assert!(!passes("backslash", "/a/b", "/a\\b"));
    // Dots in names are dots, and a proof may say the same address in another way.
    for (jti, htu, path) in [
        ("1", "/b", "/b?from=/a/../b"),
        ("2", "/.well-known/a..b", "/.well-known/a..b"),
        ("3", "/...", "/..."),
        ("4", "/a/../b", "/b"),
        ("5", "/a%2F..", "/a%2F.."),
    ] {
        assert!(passes(jti, htu, path), "{htu} {path}");
    }
}

struct One;

impl Nonces for One {
    fn wanted(&self) -> Option<String> {
        Some("nonce-2".to_owned())
    }

    fn accepts(&self, nonce: &str) -> bool {
        ["nonce-1", "nonce-2"].contains(&nonce)
    }
}

#[tokio::test]
async fn a_nonce_that_is_wanted_must_be_in_the_proof_and_the_next_one_comes_with_the_answer() {
    let scene = scene_with(Proofs::at(AUDIENCE).unwrap().nonces(One));
    let token = scene.token();
    for (nonce, expected) in [
        (json!(null), "proof_nonce"),
        (json!("nonce-0"), "proof_nonce"),
        (json!(1), "proof_nonce"),
        (json!("nonce-1"), "ok"),
        (json!("nonce-2"), "ok"),
    ] {
        let proof = scene.proof(
            &token,
            &json!({}),
            &json!({"jti": nonce.to_string(), "nonce": nonce}),
        );
        let outcome = scene.ask("DPoP", &token, &[&proof]).await;
        assert_eq!(verdict(&outcome), expected, "{nonce}");
        if let Err(refusal) = outcome {
            let answer = refusal.to_response::<String>();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["dpop-nonce"]),
                (401, &"nonce-2".parse().unwrap())
            );
            let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
            assert!(challenge.starts_with("DPoP realm="), "{challenge}");
            assert!(challenge.contains(r#"error="use_dpop_nonce""#), "{challenge}");
        }
    }
    let service = RequireAuth::new(scene.guard.clone()).layer(tower::service_fn(|_: Request<Body>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::empty()))
    }));
    let proof = scene.proof(&token, &json!({}), &json!({"jti": "layer", "nonce": "nonce-1"}));
    let request = |authorization: String, proof: &str| {
        let request = Request::get("/who").header("authorization", authorization);
        request.header("dpop", proof).body(Body::empty()).unwrap()
    };
    let answer = service
        .clone()
        .oneshot(request(format!("DPoP {token}"), &proof))
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["dpop-nonce"]),
        (200, &"nonce-2".parse().unwrap())
    );
    let bearer = format!("Bearer {}", scene.issuer.token());
    let answer = service.oneshot(request(bearer, "none")).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers().get("dpop-nonce")),
        (200, None)
    );
}

/// The challenges that a refusal gives.
fn challenges(refusal: &Refusal) -> Vec<String> {
    let answer = refusal.to_response::<String>();
    let fields = answer.headers().get_all("www-authenticate").iter();
    fields.map(|field| field.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_caller_hears_by_which_schemes_it_can_come() {
    let scene = scene();
    let token = scene.token();
    let algs = r#"algs="RS256 PS256 ES256 EdDSA""#;
    let offer = format!(r#"DPoP realm="{AUDIENCE}", {algs}"#);
    let uri: Uri = "/who".parse().unwrap();
    let nothing = scene
        .guard
        .check_request(&Method::GET, &uri, &HeaderMap::new())
        .await;
    assert_eq!(
        challenges(&nothing.unwrap_err()),
        [format!(r#"Bearer realm="{AUDIENCE}""#), offer.clone()]
    );
    let as_bearer = challenges(&scene.ask("Bearer", &token, &[]).await.unwrap_err());
    assert!(as_bearer[0].starts_with("Bearer realm=") && as_bearer[0].contains(r#"error="invalid_token""#));
    assert_eq!(as_bearer[1], offer);
    let without = scene.ask("DPoP", &token, &[]).await.unwrap_err();
    let told = challenges(&without);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("DPoP realm=") && told[0].contains(r#"error="invalid_dpop_proof""#));
    assert!(told[0].contains(algs));
    assert_eq!(without.code(), "invalid_dpop_proof");
    // What a good caller may not do is told by its own scheme.
    let proof = scene.proof(&token, &json!({}), &json!({}));
    let caller = scene.ask("DPoP", &token, &[&proof]).await.unwrap();
    let told = challenges(&caller.require_scopes(["orders:write"]).unwrap_err());
    assert!(told[0].starts_with("DPoP realm=") && told[0].contains(r#"error="insufficient_scope""#));
}

#[tokio::test]
async fn without_proofs_the_scheme_is_not_known_and_settings_that_leave_it_open_are_none() {
    let scene = scene();
    let token = scene.token();
    let proof = scene.proof(&token, &json!({}), &json!({}));
    let headers: HeaderMap = [
        (
            "authorization".parse().unwrap(),
            format!("DPoP {token}").parse().unwrap(),
        ),
        ("dpop".parse().unwrap(), proof.parse().unwrap()),
    ]
    .into_iter()
    .collect();
    // Header fields alone say nothing of method and address.
    let refusal = scene.guard.check(&headers).await.unwrap_err();
    assert_eq!(refusal.reason(), &Reason::NoToken);
    let plain = crate::api::guard(&scene.issuer);
    let uri: Uri = "/who".parse().unwrap();
    let refusal = plain
        .check_request(&Method::GET, &uri, &headers)
        .await
        .unwrap_err();
    assert_eq!(refusal.reason(), &Reason::NoToken);

    for address in [
        "",
        "api.example",
        "http://api.example",
        "https://api.example?x",
        "ftp://api.example",
    ] {
        assert_eq!(
            Proofs::at(address).unwrap_err().code(),
            "guard_proof_address",
            "{address}"
        );
    }
    let window = Proofs::at(AUDIENCE).unwrap().window(301).unwrap_err();
    assert_eq!(window.code(), "guard_proof_window");
}

#[test]
fn the_thumbprint_is_that_of_the_specification() {
    // RFC 9449 sections 4.1 and 6.1; its proof is older than any window, which is the last thing that is looked at.
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let proofs = Proofs::at("https://server.example.com").unwrap();
    let fields = [HeaderValue::from_static(proof)];
    let uri: Uri = "/token".parse().unwrap();
    let of = |bound_to| ProofFor {
        method: &Method::POST,
        uri: &uri,
        fields: &fields,
        token: None,
        bound_to,
    };
    let taken = proofs.check(&of(None), UnixTime(1_562_262_616)).unwrap();
    assert_eq!(taken.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let other = proofs.check(&of(Some("other")), UnixTime(1_562_262_616));
    assert_eq!(other, Err(ProofFault::OtherKey));
}

proptest! {
    #[test]
    fn a_mutated_proof_never_passes(at in any::<prop::sample::Index>(), flip in 1_u8..128) {
        let scene = scene();
        let token = scene.token();
        let mut bytes = scene.proof(&token, &json!({}), &json!({})).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let Ok(field) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let uri: Uri = "/who".parse().unwrap();
        let headers: HeaderMap = [
            ("authorization".parse().unwrap(), format!("DPoP {token}").parse().unwrap()),
            ("dpop".parse().unwrap(), field),
        ]
        .into_iter()
        .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(scene.guard.check_request(&Method::GET, &uri, &headers));
        prop_assert!(outcome.is_err());
    }
}
