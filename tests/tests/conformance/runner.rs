//! Plays rows, each in a world of its own, and says of each whether it came out as it says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use lab::rig::tidied;
use tessera_client::{Error, Retried, Stage};
use tessera_sandbox::log::Endpoint;

use crate::row::{Last, Outcome, Row};
use crate::scene::Scene;

/// How long a row may take; the slowest lets a minute pass that nobody waits for.
const PATIENCE: Duration = Duration::from_mins(3);

/// Seconds after which whatever was put off is tried again.
const A_WHILE: i64 = 3600;

/// How many rows are played at once. Each waits for its own sandbox most of the time.
const AT_ONCE: usize = 4;

/// Plays these rows; fails with every row that came out otherwise.
pub(crate) fn check(rows: &[Row]) {
    let waiting = Mutex::new(rows.iter());
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE.min(rows.len()) {
            threads.spawn(|| {
                loop {
                    let Some(row) = waiting.lock().unwrap().next() else {
                        break;
                    };
                    if let Err(problem) = play_apart(row) {
                        problems.lock().unwrap().push(format!("{}: {problem}", row.name));
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(
        problems.is_empty(),
        "{} of {} rows:\n{}",
        problems.len(),
        rows.len(),
        problems.join("\n")
    );
}

/// Plays a row on a runtime of its own, so that a row can let time pass without the others; a panic in it is a
/// problem of this row alone.
fn play_apart(row: &Row) -> Result<(), String> {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(play(row))
    }));
    played.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        Err(format!("it broke off: {}", words.unwrap_or_default()))
    })
}

async fn play(row: &Row) -> Result<(), String> {
    let scene = Scene::set(row).await;
    let played = tokio::time::timeout(PATIENCE, (row.act)(&scene)).await;
    let result = played.map_err(|_| "does not come to an end".to_owned())?;
    // What goes on by itself belongs to what is looked at.
    tidied(&scene.client).await;
    match (row.outcome, result) {
        (Outcome::Accept, Ok(())) => accepted(&scene).await?,
        (Outcome::Accept, Err(error)) => return Err(format!("was refused: {}", told(&error))),
        (Outcome::SignedOut { but: None }, Ok(())) => signed_out(&scene).await?,
        (Outcome::SignedOut { but: None }, Err(error)) => return Err(format!("failed: {}", told(&error))),
        (Outcome::SignedOut { but: Some(code) }, Err(error)) => {
            expected_code(code, &error)?;
            signed_out(&scene).await?;
        }
        (Outcome::Refuse { .. } | Outcome::WaitOn { .. } | Outcome::SignedOut { .. }, Ok(())) => {
            return Err("was taken".to_owned());
        }
        (Outcome::Refuse { code, last }, Err(error)) => {
            expected_code(code, &error)?;
            nothing_after(&scene, last)?;
            nothing_again(&scene, row)?;
            if scene.client.attempt().is_some() {
                return Err("the attempt goes on".to_owned());
            }
        }
        (Outcome::WaitOn { code }, Err(error)) => {
            expected_code(code, &error)?;
            nothing_after(&scene, Last::Authorization)?;
            nothing_again(&scene, row)?;
            let attempt = scene.client.attempt().ok_or("the attempt is over")?;
            if attempt.view().stage != Stage::Waiting {
                return Err(format!("the attempt is at {:?}", attempt.view().stage));
            }
            attempt.cancel();
            // What it ended with is known: it was cancelled.
            let _ = attempt.wait().await;
        }
    }
    none("was sent twice", &scene.sent_twice())?;
    if !matches!(row.outcome, Outcome::Accept) {
        none("was left behind", &scene.left_behind().await)?;
    }
    none("was sent elsewhere", &scene.sent_elsewhere())?;
    none("never showed", &scene.unseen_faults())?;
    scene.bystander_is_well().await?;
    if row.lives_on {
        scene.rig.sandbox.faults().clear();
        scene.rig.sandbox.clock().advance(A_WHILE);
        for account in scene.accounts().await {
            let called = scene.call(&account).await;
            called.map_err(|error| format!("once the provider is well, {}", told(&error)))?;
        }
        accepted(&scene)
            .await
            .map_err(|problem| format!("once the provider is well, {problem}"))?;
    }
    Ok(())
}

fn none(what: &str, found: &[String]) -> Result<(), String> {
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("{what}: {}", found.join(", ")))
}

/// Signed in, and the access token is one that the API takes.
async fn accepted(scene: &Scene) -> Result<(), String> {
    let accounts = scene.accounts().await;
    let [account] = accounts.as_slice() else {
        return Err(format!("there are {} new accounts", accounts.len()));
    };
    if account.state.as_str() != "signed_in" {
        return Err(format!("the account is {}", account.state.as_str()));
    }
    scene.rig.sandbox.faults().clear();
    match scene.call(account).await {
        Ok(200) => Ok(()),
        Ok(status) => Err(format!("the API answered with status {status}")),
        Err(error) => Err(format!("the API cannot be called: {}", told(&error))),
    }
}

/// No account is left of whoever signed out, and nothing in the keychain; and the provider was not asked for more than
/// it takes. What it could not be told is told it first, when it does right again.
async fn signed_out(scene: &Scene) -> Result<(), String> {
    let asked = scene.asked();
    let times = |endpoint| asked.iter().filter(|own| **own == endpoint).count();
    // The refresh token and the access token are revoked one by one.
    if times(Endpoint::Revocation) > 2 || times(Endpoint::EndSession) > 1 || times(Endpoint::Token) > 0 {
        return Err(format!("more was asked than it takes: {asked:?}"));
    }
    if !scene.accounts().await.is_empty() {
        return Err("the account is still there".to_owned());
    }
    scene.rig.sandbox.faults().clear();
    scene.rig.sandbox.clock().advance(60);
    let open = scene.client.open_sign_outs().await;
    for open in open.map_err(|error| told(&error))? {
        match scene.client.retry_sign_out(&open.id).await {
            Ok(Retried::Done) => {}
            other => return Err(format!("the sign-out is not finished: {other:?}")),
        }
    }
    none("is still stored", &scene.stored())
}

/// By this code, and with a sentence and a hint for the person.
fn expected_code(code: &str, error: &Error) -> Result<(), String> {
    if error.code() != code {
        return Err(format!("was refused otherwise: {}", told(error)));
    }
    if error.message().is_empty() || !error.hint().ends_with('.') {
        return Err(format!("says too little: {}", told(error)));
    }
    Ok(())
}

/// The last request is the one that the row says, and none of those that must not be made was made before it either.
fn nothing_after(scene: &Scene, last: Last) -> Result<(), String> {
    let asked = scene.asked();
    let seen = asked.last().copied();
    if seen != last.endpoint() {
        return Err(format!("the last request was {seen:?}, not {last:?}"));
    }
    match asked.iter().find(|endpoint| last.forbids(**endpoint)) {
        Some(endpoint) => Err(format!(
            "{endpoint:?} was asked, though {last:?} was refused: {asked:?}"
        )),
        None => Ok(()),
    }
}

/// What a provider is asked for on the way to a refusal.
const PROTOCOL: &[Endpoint] = &[
    Endpoint::Discovery,
    Endpoint::PushedAuthorization,
    Endpoint::Authorization,
    Endpoint::DeviceAuthorization,
    Endpoint::Token,
    Endpoint::KeySet,
    Endpoint::Userinfo,
    Endpoint::Revocation,
    Endpoint::EndSession,
    Endpoint::Api,
];

/// Whoever was refused does not try the same again: each endpoint was asked once at the most, or as often as the row
/// says.
fn nothing_again(scene: &Scene, row: &Row) -> Result<(), String> {
    let asked = scene.asked();
    for endpoint in PROTOCOL {
        let seen = asked.iter().filter(|own| *own == endpoint).count();
        let more = row.asks.iter().find(|(own, _)| own == endpoint);
        let fits = more.map_or(seen <= 1, |(_, times)| seen == *times);
        if !fits {
            return Err(format!("{endpoint:?} was asked {seen} times: {asked:?}"));
        }
    }
    Ok(())
}

fn told(error: &Error) -> String {
    format!("{} ({} {})", error.code(), error.message(), error.hint())
}
