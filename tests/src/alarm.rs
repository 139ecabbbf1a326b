//! A wall clock to wait by that a test moves.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test stops at the first surprise"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tessera_client::UnixTime;
use tessera_client::ports::{Alarm, Woken};
use tessera_sandbox::Sandbox;
use tokio::sync::watch;

/// Goes by the sandbox's clock.
pub struct TestAlarm {
    sandbox: Arc<Sandbox>,
    happened: Mutex<VecDeque<Woken>>,
    moved: watch::Sender<()>,
    waits: watch::Sender<Waits>,
}

/// What is waited for.
#[derive(Clone, Copy, Default)]
enum Waits {
    #[default]
    NotYet,
    For(Option<UnixTime>),
}

impl TestAlarm {
    /// For the sandbox's clock.
    pub fn new(sandbox: &Arc<Sandbox>) -> Arc<Self> {
        Arc::new(Self {
            sandbox: sandbox.clone(),
            happened: Mutex::default(),
            moved: watch::Sender::default(),
            waits: watch::Sender::default(),
        })
    }

    /// Lets `seconds` pass, or takes them back.
    pub fn pass(&self, seconds: i64) {
        self.sandbox.clock().advance(seconds);
        self.moved.send_replace(());
    }

    /// Lets the time come that is `at`.
    pub fn pass_until(&self, at: UnixTime) {
        self.pass(at.0 - self.sandbox.clock().now());
    }

    /// Tells of something that happened.
    pub fn tell(&self, woken: Woken) {
        self.happened.lock().unwrap().push_back(woken);
        self.moved.send_replace(());
    }

    /// Returns what is waited for when it is such that `wanted` says so.
    pub async fn waits_for(&self, wanted: impl Fn(Option<UnixTime>) -> bool) -> Option<UnixTime> {
        let mut waits = self.waits.subscribe();
        loop {
            if let Waits::For(at) = *waits.borrow_and_update()
                && wanted(at)
            {
                return at;
            }
            waits.changed().await.unwrap();
        }
    }
}

#[async_trait]
impl Alarm for TestAlarm {
    async fn wait(&self, at: Option<UnixTime>) -> Woken {
        let mut moved = self.moved.subscribe();
        self.waits.send_replace(Waits::For(at));
        loop {
            if let Some(woken) = self.happened.lock().unwrap().pop_front() {
                return woken;
            }
            if at.is_some_and(|at| at.0 <= self.sandbox.clock().now()) {
                return Woken::Time;
            }
            moved.changed().await.unwrap();
        }
    }
}
