//! The time, as something that is handed in: tests fix it, and nothing here reads a clock of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use tessera_oidc::UnixTime;

/// The wall clock that tokens are dated by.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixTime;
}

impl<F: Fn() -> UnixTime + Send + Sync> Clock for F {
    fn now(&self) -> UnixTime {
        self()
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
    }
}
