//! Keys that are fetched: when, how often, and what happens while they are not to be had.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use async_trait::async_trait;
use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use tessera_guard::{Caller, FetchError, FetchKeys, Guard, HttpKeys, KeySource, Reason, Refusal, UnixTime};
use tokio::net::TcpListener;
use url::Url;

use crate::api::{client, fields, serve};
use crate::issuer::{Gated, Published, TestClock};
use crate::signer::{AUDIENCE, ISSUER, Signer, document};

fn guard(clock: &TestClock, source: KeySource) -> Guard {
    let clock = clock.clone();
    Guard::builder(ISSUER)
        .audience(AUDIENCE)
        .key_source(source)
        .clock(move || UnixTime(clock.now()))
        .build()
        .unwrap()
}

fn bearer(signer: &Signer, clock: &TestClock) -> http::HeaderMap {
    let mut claims = crate::signer::claims();
    claims["iat"] = clock.now().into();
    claims["exp"] = (clock.now() + 300).into();
    fields(&format!("Bearer {}", signer.sign(&signer.header(), &claims)))
}

/// `ok`, the fault of the token, or the seconds to wait.
fn verdict(outcome: Result<Caller, Refusal>) -> String {
    match outcome.map_err(|refusal| refusal.reason().clone()) {
        Ok(_) => "ok".into(),
        Err(Reason::InvalidToken(fault)) => fault.code().into(),
        Err(Reason::KeysUnavailable { retry_after }) => format!("wait {retry_after}"),
        Err(other) => other.to_string(),
    }
}

const JWKS: &str = "https://login.example/jwks";

/// Lets tasks that were started run until they wait for something.
async fn settle() {
    tokio::task::yield_now().await;
}

/// Polls once and expects no answer yet.
macro_rules! assert_waits {
    ($future:expr) => {
        assert!(
            $future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    };
}

#[tokio::test]
async fn keys_are_fetched_when_they_are_first_needed_and_kept() {
    let signer = Signer::new("k");
    let issuer = Published::start(document(&[&signer])).await;
    let clock = TestClock::new();
    let guard = guard(&clock, issuer.source());
    // Nothing is fetched for what can never be good.
    for field in ["Basic YW5uOmFubg==", "Bearer junk", "Bearer a.b.c"] {
        assert!(guard.check(&fields(field)).await.is_err());
    }
    let none = signer.sign_text(r#"{"alg":"none","typ":"at+jwt"}"#, "{}");
    let id_token = signer.sign_text(r#"{"alg":"ES256","kid":"k"}"#, "{}");
    for token in [none, id_token] {
        assert!(guard.check(&fields(&format!("Bearer {token}"))).await.is_err());
    }
    assert_eq!(issuer.fetches(), 0);
    for _ in 0..5 {
        assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    }
    assert_eq!(issuer.fetches(), 1);
    clock.set(599);
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    assert_eq!(issuer.fetches(), 1);
    clock.set(1200);
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn key_rotation() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = Published::start(document(&[&old])).await;
    let clock = TestClock::new();
    let guard = guard(&clock, issuer.source());
    assert_eq!(verdict(guard.check(&bearer(&old, &clock)).await), "ok");
    // Not within the cool-down …
    issuer.publish(&[&old, &new]);
    clock.set(29);
    assert_eq!(
        verdict(guard.check(&bearer(&new, &clock)).await),
        "token_unknown_key"
    );
    assert_eq!(issuer.fetches(), 1);
    // … and at once after it.
    clock.set(30);
    assert_eq!(verdict(guard.check(&bearer(&new, &clock)).await), "ok");
    assert_eq!(verdict(guard.check(&bearer(&old, &clock)).await), "ok");
    assert_eq!(issuer.fetches(), 2);
    // A key that is withdrawn is gone with the next set.
    issuer.publish(&[&new]);
    clock.set(30 + 1200);
    assert_eq!(verdict(guard.check(&bearer(&new, &clock)).await), "ok");
    assert_eq!(
        verdict(guard.check(&bearer(&old, &clock)).await),
        "token_unknown_key"
    );
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn key_rotation_of_tokens_without_a_kid() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = Published::start(document(&[&old])).await;
    let clock = TestClock::new();
    let guard = guard(&clock, issuer.source());
    let header = r#"{"alg":"ES256","typ":"at+jwt"}"#;
    let nameless = |signer: &Signer| {
        let claims = crate::signer::claims().to_string();
        fields(&format!("Bearer {}", signer.sign_text(header, &claims)))
    };
    assert_eq!(verdict(guard.check(&nameless(&old)).await), "ok");
    issuer.publish(&[&new]);
    assert_eq!(verdict(guard.check(&nameless(&new)).await), "token_signature");
    assert_eq!(issuer.fetches(), 1);
    clock.set(30);
    assert_eq!(verdict(guard.check(&nameless(&new)).await), "ok");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn unknown_keys_do_not_flood_the_issuer() {
    let (known, unknown) = (Signer::new("known"), Signer::new("unknown"));
    let issuer = Published::start(document(&[&known])).await;
    let clock = TestClock::new();
    let guard = guard(&clock, issuer.source());
    for second in 0..90 {
        clock.set(second);
        assert_eq!(
            verdict(guard.check(&bearer(&unknown, &clock)).await),
            "token_unknown_key"
        );
    }
    assert_eq!(issuer.fetches(), 3);
    // While it is down, they cannot be said not to exist.
    issuer.shut_down().await;
    clock.set(90);
    assert_eq!(verdict(guard.check(&bearer(&unknown, &clock)).await), "wait 30");
    clock.set(100);
    assert_eq!(verdict(guard.check(&bearer(&unknown, &clock)).await), "wait 20");
    assert_eq!(verdict(guard.check(&bearer(&known, &clock)).await), "ok");
}

#[tokio::test]
async fn a_hundred_requests_with_an_unknown_kid_cost_one_fetch() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let clock = TestClock::new();
    let fetch = Gated::new(&[&old]);
    let guard = guard(&clock, KeySource::remote(JWKS, fetch.clone()));
    fetch.gate.add_permits(1);
    assert_eq!(verdict(guard.check(&bearer(&old, &clock)).await), "ok");
    clock.set(60);

    // All of them ask before the answer comes. Known keys do not wait for it.
    let headers = bearer(&new, &clock);
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(guard.check(&headers))).collect();
    for check in &mut waiting {
        assert_waits!(check);
    }
    fetch.started.acquire_many(2).await.unwrap().forget();
    assert_eq!(verdict(guard.check(&bearer(&old, &clock)).await), "ok");
    assert_eq!(fetch.fetches(), 2);

    fetch.answer(Ok(document(&[&old, &new])));
    fetch.gate.add_permits(1);
    for check in waiting {
        assert_eq!(verdict(check.await), "ok");
    }
    assert_eq!(fetch.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_http_requests_with_an_unknown_kid_cost_one_fetch() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = Published::start(document(&[&old])).await;
    let clock = TestClock::new();
    let api = serve(guard(&clock, issuer.source())).await;
    let client = client();
    let status = async |signer: &Signer| {
        let headers = bearer(signer, &clock);
        let answer = client.get(format!("{api}/orders")).headers(headers).send();
        answer.await.unwrap().status().as_u16()
    };
    assert_eq!(status(&old).await, 200);
    clock.set(60);
    let requests = (0..100).map(|_| {
        let request = client.get(format!("{api}/orders")).headers(bearer(&new, &clock));
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap(), 401);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_caller_who_hangs_up_neither_undoes_nor_multiplies_the_fetch() {
    let signer = Signer::new("k");
    let clock = TestClock::new();
    let fetch = Gated::new(&[&signer]);
    let guard = guard(&clock, KeySource::remote(JWKS, fetch.clone()));
    let headers = bearer(&signer, &clock);
    {
        let mut hangs_up = pin!(guard.check(&headers));
        assert_waits!(hangs_up);
        fetch.started.acquire().await.unwrap().forget();
    }
    let mut stays = pin!(guard.check(&headers));
    assert_waits!(stays);
    fetch.gate.add_permits(1);
    assert_eq!(verdict(stays.await), "ok");
    assert_eq!(fetch.fetches(), 1);
}

#[tokio::test]
async fn ageing_keys_are_renewed_while_they_are_used() {
    let signer = Signer::new("k");
    let clock = TestClock::new();
    let fetch = Gated::new(&[&signer]);
    let guard = guard(&clock, KeySource::remote(JWKS, fetch.clone()));
    fetch.gate.add_permits(1);
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    clock.set(601);
    for _ in 0..10 {
        assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    }
    settle().await;
    assert_eq!(fetch.fetches(), 2);
}

#[tokio::test]
async fn issuer_down_known_keys_keep_serving_for_a_day() {
    let signer = Signer::new("k");
    let issuer = Published::start(document(&[&signer])).await;
    let clock = TestClock::new();
    let guard = guard(&clock, issuer.source());
    let api = serve(guard.clone()).await;
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    issuer.shut_down().await;
    for hours in [1, 5, 23] {
        clock.set(hours * 3600);
        for _ in 0..3 {
            assert_eq!(
                verdict(guard.check(&bearer(&signer, &clock)).await),
                "ok",
                "after {hours} hours"
            );
        }
    }
    clock.set(24 * 3600);
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "wait 30");
    let client = client();
    let request = client
        .get(format!("{api}/orders"))
        .headers(bearer(&signer, &clock));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "30");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(!answer.headers().contains_key("www-authenticate"));
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains(r#""error":"temporarily_unavailable""#)
    );
}

#[tokio::test]
async fn after_a_failure_nobody_waits_for_the_next_try() {
    let signer = Signer::new("k");
    let clock = TestClock::new();
    let fetch = Gated::new(&[&signer]);
    let guard = guard(&clock, KeySource::remote(JWKS, fetch.clone()));
    fetch.gate.add_permits(2);
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    fetch.answer(Err(FetchError::Status(500)));
    clock.set(3600);
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    assert_eq!(fetch.fetches(), 2);
    // The third fetch is not let through, and still the request is answered.
    clock.set(3630);
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
    settle().await;
    assert_eq!(fetch.fetches(), 3);
}

#[tokio::test]
async fn keys_are_given_up_when_their_private_half_is_shown_and_kept_when_the_issuer_is_away() {
    let signer = Signer::new("k");
    let good = document(&[&signer]);
    let private = good.replace(r#""kty""#, r#""d":"AA","kty""#);
    let symmetric = r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.to_owned();
    for (answer, expected) in [
        (Ok(private), "wait 30"),
        (Ok(symmetric), "wait 30"),
        (Ok("<html>".to_owned()), "ok"),
        (Err(FetchError::Status(500)), "ok"),
    ] {
        let clock = TestClock::new();
        let fetch = Gated::new(&[&signer]);
        let guard = guard(&clock, KeySource::remote(JWKS, fetch.clone()));
        fetch.gate.add_permits(2);
        assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "ok");
        fetch.answer(answer.clone());
        clock.set(3600);
        let headers = bearer(&signer, &clock);
        guard.check(&headers).await.ok();
        settle().await;
        assert_eq!(fetch.fetches(), 2);
        let after = verdict(guard.check(&headers).await);
        assert_eq!(after, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn the_issuer_rests_from_the_end_of_a_slow_failure() {
    let signer = Signer::new("k");
    let clock = TestClock::new();
    let fetch = Gated::new(&[]);
    fetch.answer(Err(FetchError::Status(500)));
    let guard = guard(&clock, KeySource::remote(JWKS, fetch.clone()));
    let headers = bearer(&signer, &clock);
    let mut waits = pin!(guard.check(&headers));
    assert_waits!(waits);
    settle().await;
    clock.set(4);
    fetch.gate.add_permits(1);
    assert_eq!(verdict(waits.await), "wait 30");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_never_answers_is_given_up() {
    struct Silent;
    #[async_trait]
    impl FetchKeys for Silent {
        async fn fetch(&self, _address: &Url, _limit: usize) -> Result<Vec<u8>, FetchError> {
            pending().await
        }
    }
    let signer = Signer::new("k");
    let clock = TestClock::new();
    let guard = guard(&clock, KeySource::remote(JWKS, Silent));
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "wait 30");
}

#[tokio::test]
async fn a_fetch_that_panics_is_a_failed_fetch() {
    struct Broken;
    #[async_trait]
    impl FetchKeys for Broken {
        async fn fetch(&self, _address: &Url, _limit: usize) -> Result<Vec<u8>, FetchError> {
            unreachable!("on purpose: this test is about panics")
        }
    }
    let signer = Signer::new("k");
    let clock = TestClock::new();
    let guard = guard(&clock, KeySource::remote(JWKS, Broken));
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "wait 30");
    assert_eq!(verdict(guard.check(&bearer(&signer, &clock)).await), "wait 30");
}

#[tokio::test]
async fn the_http_client_reads_no_more_than_it_was_told_to() {
    let issuer = Published::start("0123456789".into()).await;
    let address: Url = issuer.address.parse().unwrap();
    let fetch = HttpKeys::new().unwrap();
    assert_eq!(fetch.fetch(&address, 10).await, Ok(b"0123456789".to_vec()));
    assert_eq!(fetch.fetch(&address, 9).await, Err(FetchError::TooLarge));
    issuer.shut_down().await;
    let down = fetch.fetch(&address, 10).await;
    assert!(matches!(down, Err(FetchError::Unreachable(_))), "{down:?}");
}

/// Answers at `jwks_uri` that are not a key set to rely on: the token may be good, so it is not refused.
#[tokio::test]
async fn what_the_issuer_must_not_answer() {
    let signer = Signer::new("k");
    let good = document(&[&signer]);
    let private = good.replace(r#""kty""#, r#""d":"AA","kty""#);
    let large = format!("{good}{}", " ".repeat(1024 * 1024));
    let redirected = Published::start(good.clone()).await;
    let elsewhere = redirected.address.clone();
    let answers: Vec<(&str, Response, &str)> = vec![
        ("the document", good.clone().into_response(), "ok"),
        (
            "an error",
            (StatusCode::INTERNAL_SERVER_ERROR, good.clone()).into_response(),
            "wait 30",
        ),
        (
            "another success",
            (StatusCode::ACCEPTED, good.clone()).into_response(),
            "wait 30",
        ),
        ("nothing", StatusCode::NOT_FOUND.into_response(), "wait 30"),
        (
            "a page",
            "<!doctype html><title>Sign in</title>".into_response(),
            "wait 30",
        ),
        (
            "a redirect",
            Redirect::temporary(&elsewhere).into_response(),
            "wait 30",
        ),
        ("too much", large.into_response(), "wait 30"),
        ("a private key", private.into_response(), "wait 30"),
        ("no keys", r#"{"keys":[]}"#.into_response(), "token_unknown_key"),
    ];
    for (name, answer, expected) in answers {
        let answer = Arc::new(Mutex::new(Some(answer)));
        let once = move || {
            let answer = answer.lock().unwrap().take();
            async move { answer.unwrap_or_default() }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/jwks", listener.local_addr().unwrap());
        let app = Router::new().route("/jwks", get(once));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let clock = TestClock::new();
        let guard = guard(&clock, KeySource::remote(address, HttpKeys::new().unwrap()));
        assert_eq!(
            verdict(guard.check(&bearer(&signer, &clock)).await),
            expected,
            "{name}"
        );
    }
    assert_eq!(redirected.fetches(), 0, "a redirect was followed");
}
