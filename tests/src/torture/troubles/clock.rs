//! A clock that is wrong, and sleep. The client library itself, whose clock can be moved: nobody can have a computer's
//! clock wrong for the length of a test.

use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};
use lab::alarm::TestAlarm;
use lab::rig::Rig;
use tessera_client::ports::Woken;
use tessera_client::{AccountId, ApiRequest, Client};

use super::{Row, Table, seen_by};
use crate::traces;

/// A client that keeps Ann's account fresh.
pub(super) struct Kept {
    pub(super) rig: Rig,
    pub(super) client: Client,
    pub(super) id: AccountId,
    pub(super) alarm: std::sync::Arc<TestAlarm>,
}

impl Kept {
    pub(super) async fn new() -> Self {
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

    /// An API is called, whatever it takes.
    pub(super) async fn call(&self) -> Result<String> {
        let request = ApiRequest::get(format!("{}/profile", self.rig.sandbox.api()));
        let came = self.client.call(&self.id, request).await;
        seen_by(&self.client, &self.id, came).await
    }
}

pub(super) async fn all(table: &mut Table) -> Result<()> {
    for (what, ahead, expected) in [
        (
            "ten minutes ahead",
            600,
            "clock_differs, signed_in -> well, signed_in",
        ),
        (
            "ten minutes behind",
            -600,
            "clock_differs, signed_in -> well, signed_in",
        ),
        ("four minutes ahead", 240, "well, signed_in -> well, signed_in"),
        ("four minutes behind", -240, "well, signed_in -> well, signed_in"),
        (
            "jumps back by an hour, and forth again",
            -3600,
            "clock_differs, signed_in -> well, signed_in",
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
        let clean = traces::search_beside(&kept.rig, &[&kept.client]).with_context(|| seen.clone())?;
        table.add(Row::new("clock", what, expected, (seen, clean)));
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
    table.add(Row::new(
        "clock",
        "the computer sleeps for nine hours",
        "1 renewal by itself -> well, signed_in, 0 more",
        (
            format!("{renewed} renewal by itself -> {call}, {asked} more"),
            traces::search_beside(&kept.rig, &[&kept.client])?,
        ),
    ));
    Ok(())
}
