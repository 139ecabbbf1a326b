//! Acts with a code that the person types on another device (RFC 8628).

use std::time::Duration;

use futures_util::FutureExt as _;

use tessera_client::{Attempt, Error, MessageId, Route, SignIn, Step, TraceEvent};
use tessera_sandbox::log::Endpoint;

use super::Played;
use crate::scene::Scene;

/// Seconds between two polls, as the sandbox asks for.
const INTERVAL: u64 = 5;

/// Seconds that the sandbox's codes are good for.
const CODE_LIFE: i64 = 900;

/// An attempt whose code is there to be typed.
async fn prompted(scene: &Scene) -> Result<Attempt, Error> {
    let attempt = scene.client.sign_in(SignIn {
        route: Some(Route::Device),
        ..scene.request()
    })?;
    attempt.opened().await?;
    let prompt = attempt.view().device.unwrap();
    assert!(!prompt.user_code.is_empty() && !prompt.verification_uri.is_empty());
    Ok(attempt)
}

async fn type_the_code(scene: &Scene, attempt: &Attempt) {
    let prompt = attempt.view().device.unwrap();
    let mut visitor = scene.rig.sandbox.visitor("ann");
    visitor
        .enter_code(&prompt.verification_uri, &prompt.user_code)
        .await
        .unwrap();
}

/// Lets so many seconds pass at once, here and at the provider.
async fn let_pass(scene: &Scene, seconds: u64) {
    scene.rig.sandbox.clock().advance(i64::try_from(seconds).unwrap());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// When the polls came, by the provider's clock, once there were so many and the client has heard the last answer: not
/// before that does it wait for the next time.
async fn polls(scene: &Scene, count: usize) -> Vec<i64> {
    let mut trace = scene.client.trace();
    let log = scene.rig.sandbox.log();
    let polled = log.wait_for_count(count, |entry| {
        entry.endpoint == Endpoint::Token && entry.outcome.is_some()
    });
    let polled = polled.await.unwrap();
    while scene.client.traced().last().is_some_and(is_a_poll) {
        trace.recv().await.unwrap();
    }
    polled.iter().map(|entry| entry.at).collect()
}

fn is_a_poll(event: &TraceEvent) -> bool {
    matches!(
        event.step,
        Step::Message {
            message: MessageId::DevicePoll,
            ..
        }
    )
}

/// Ann types the code before the first poll.
pub(crate) fn sign_in_on_another_device(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let attempt = prompted(scene).await?;
        type_the_code(scene, &attempt).await;
        let_pass(scene, INTERVAL).await;
        attempt.wait().await.map(drop)
    }
    .boxed_local()
}

/// The first poll fails as the row says; the next comes after twice the time, and brings the tokens.
pub(crate) fn poll_again_after_trouble(scene: &Scene) -> Played<'_> {
    async {
        let attempt = prompted(scene).await?;
        type_the_code(scene, &attempt).await;
        scene.go_wrong();
        let_pass(scene, INTERVAL).await;
        let first = polls(scene, 1).await;
        scene.rig.sandbox.faults().clear();
        let_pass(scene, INTERVAL).await;
        // A poll that came too soon would have come before this answer.
        reqwest::get(format!("{}/keys", scene.rig.sandbox.issuer()))
            .await
            .unwrap();
        let_pass(scene, INTERVAL).await;
        let all = polls(scene, 2).await;
        let apart = all.last().unwrap() - first.first().unwrap();
        assert!(apart >= 10, "the polls are {apart} seconds apart");
        attempt.wait().await.map(drop)
    }
    .boxed_local()
}

/// The client is not told how often to poll: it does not do it before five seconds are over (RFC 8628 section 3.2).
pub(crate) fn sign_in_without_an_interval(scene: &Scene) -> Played<'_> {
    async {
        scene.go_wrong();
        let attempt = prompted(scene).await?;
        type_the_code(scene, &attempt).await;
        let_pass(scene, INTERVAL - 1).await;
        nothing_polled_yet(scene, 0).await;
        let_pass(scene, 1).await;
        attempt.wait().await.map(drop)
    }
    .boxed_local()
}

/// The first poll came too soon: from then on all of them are ten seconds apart, not just the next.
pub(crate) fn poll_more_slowly_ever_after(scene: &Scene) -> Played<'_> {
    async {
        let attempt = prompted(scene).await?;
        scene.go_wrong();
        let_pass(scene, INTERVAL).await;
        polls(scene, 1).await;
        scene.rig.sandbox.faults().clear();
        for earlier in 1..4 {
            if earlier == 3 {
                type_the_code(scene, &attempt).await;
            }
            let_pass(scene, 2 * INTERVAL - 1).await;
            nothing_polled_yet(scene, earlier).await;
            let_pass(scene, 1).await;
            polls(scene, earlier + 1).await;
        }
        attempt.wait().await.map(drop)
    }
    .boxed_local()
}

/// Sees that no poll was sent since there were so many: one under way would have come before the answer to this.
async fn nothing_polled_yet(scene: &Scene, polled: usize) {
    reqwest::get(format!("{}/icon.svg", scene.rig.sandbox.issuer()))
        .await
        .unwrap();
    assert_eq!(
        scene.rig.requests(Endpoint::Token),
        polled,
        "a poll came too soon"
    );
}

/// Ann says no on the other device.
pub(crate) fn decline_on_another_device(scene: &Scene) -> Played<'_> {
    async {
        let attempt = prompted(scene).await?;
        let prompt = attempt.view().device.unwrap();
        let mut visitor = scene.rig.sandbox.visitor("ann").denying();
        visitor
            .enter_code(&prompt.verification_uri, &prompt.user_code)
            .await
            .unwrap();
        let_pass(scene, INTERVAL).await;
        attempt.wait().await.map(drop)
    }
    .boxed_local()
}

/// Nobody types the code until the provider has given it up, and the next poll hears so.
pub(crate) fn leave_the_code_to_run_out(scene: &Scene) -> Played<'_> {
    async {
        let attempt = prompted(scene).await?;
        scene.rig.sandbox.clock().advance(CODE_LIFE + 1);
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(INTERVAL)).await;
        tokio::time::resume();
        let ended = attempt.wait().await;
        let polls = scene
            .rig
            .sandbox
            .log()
            .matching(|entry| entry.endpoint == Endpoint::Token);
        let errors: Vec<Option<String>> = polls
            .into_iter()
            .map(|entry| entry.outcome.and_then(|outcome| outcome.error))
            .collect();
        assert_eq!(errors, [Some("expired_token".to_owned())]);
        ended.map(drop)
    }
    .boxed_local()
}

/// Ann cancels before she has typed anything.
pub(crate) fn cancel_on_another_device(scene: &Scene) -> Played<'_> {
    async {
        let attempt = prompted(scene).await?;
        attempt.cancel();
        attempt.wait().await.map(drop)
    }
    .boxed_local()
}
