//! A clock that is wrong, and sleep. The client library itself, whose clock can be moved: nobody can have a computer's
//! clock wrong for the length of a test.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};
use lab::alarm::TestAlarm;
use lab::rig::Rig;
use lab::secrets::{Places, Secrets};
use tessera_client::ports::Woken;
use tessera_client::{AccountId, ApiRequest, Client, Error};

use super::Row;

/// A client that keeps Ann's account fresh.
struct Kept {
    rig: Rig,
    client: Client,
    id: AccountId,
    alarm: std::sync::Arc<TestAlarm>,
}

impl Kept {
    async fn new() -> Self {
        let rig = Rig::new().await;
        rig.sandbox.clock().set_now(rig.sandbox.clock().now());
        let client = rig.client().await;
        let id = rig.sign_in(&client, "ann").await.account.id;
        let alarm = TestAlarm::new(&rig.sandbox);
        tokio::spawn({
            let (client, alarm) = (client.clone(), alarm.clone());
            async move { client.keep_fresh(&*alarm).await }
        });
        alarm.waits_for(|at| at.is_some()).await;
        Self {
            rig,
            client,
            id,
            alarm,
        }
    }

    fn set_ahead(&self, seconds: i64) {
        self.rig.ahead.store(seconds, Ordering::SeqCst);
    }

    async fn seen<T>(&self, came: Result<T, Error>) -> Result<String> {
        let told = came.map_or_else(|error| error.code(), |_| "well");
        let state = self.client.account(&self.id).await?.state;
        Ok(format!("{told}, {}", state.as_str()))
    }

    /// An API is called, whatever it takes.
    async fn call(&self) -> Result<String> {
        let request = ApiRequest::get(format!("{}/profile", self.rig.sandbox.api()));
        let came = self.client.call(&self.id, request).await;
        self.seen(came).await
    }

    fn no_secret_is_outside(&self) -> Result<()> {
        let mut secrets = Secrets::default();
        let entries = self.rig.keychain.entries.lock();
        let entries = entries.unwrap_or_else(PoisonError::into_inner);
        // What the keychain itself is known by is no secret.
        let marks: Vec<_> = entries
            .iter()
            .filter(|(name, _)| name.starts_with("keychain/"))
            .collect();
        let given = self.rig.keychain.given.lock();
        let given = given.unwrap_or_else(PoisonError::into_inner);
        let long = given
            .iter()
            .filter(|secret| secret.len() >= 16 && marks.iter().all(|(_, mark)| mark != secret));
        secrets.add(long.map(|secret| String::from_utf8_lossy(secret).into_owned()))?;
        secrets.hunt(&Places {
            folders: vec![self.rig.folder().to_owned()],
            ..Places::default()
        })
    }
}

pub(super) async fn all() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, ahead, expected) in [
        (
            "ten minutes ahead",
            600,
            "clock_wrong, signed_in -> well, signed_in",
        ),
        (
            "ten minutes behind",
            -600,
            "clock_wrong, signed_in -> well, signed_in",
        ),
        ("four minutes ahead", 240, "well, signed_in -> well, signed_in"),
        ("four minutes behind", -240, "well, signed_in -> well, signed_in"),
        (
            "jumps back by an hour, and forth again",
            -3600,
            "well, signed_in -> well, signed_in",
        ),
    ] {
        let kept = Kept::new().await;
        kept.set_ahead(ahead);
        kept.alarm.tell(Woken::Clock);
        // What is kept has ended by the provider's clock.
        kept.rig.sandbox.clock().advance(400);
        let meanwhile = kept.call().await?;
        kept.set_ahead(0);
        kept.alarm.tell(Woken::Clock);
        let seen = format!("{meanwhile} -> {}", kept.call().await?);
        kept.no_secret_is_outside().with_context(|| seen.clone())?;
        rows.push(Row::new("clock", what, expected, seen));
    }

    let kept = Kept::new().await;
    kept.rig.sandbox.clock().advance(9 * 3600);
    kept.alarm.tell(Woken::Clock);
    // Waits for the renewal that nobody asks for; the next moment that is waited for is after it.
    let now = kept.rig.sandbox.clock().now();
    kept.alarm.waits_for(|at| at.is_some_and(|at| now < at.0)).await;
    let renewed = kept.rig.token_requests("refresh_token");
    let call = kept.call().await?;
    let asked = kept.rig.token_requests("refresh_token") - renewed;
    kept.no_secret_is_outside()?;
    rows.push(Row::new(
        "clock",
        "the computer sleeps for nine hours",
        "1 renewal by itself -> well, signed_in, 0 more",
        format!("{renewed} renewal by itself -> {call}, {asked} more"),
    ));
    Ok(rows)
}
