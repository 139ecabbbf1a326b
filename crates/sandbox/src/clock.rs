//! The sandbox's own idea of the time, so that a test can let an hour pass without waiting for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, header};

use crate::world::World;

/// A wall clock in seconds since 1970, which can be moved or stopped.
#[derive(Debug, Default)]
pub struct SandboxClock(Mutex<Setting>);

#[derive(Clone, Copy, Debug)]
enum Setting {
    /// The machine's time and so many seconds more.
    Running(i64),
    /// Always this moment.
    Stopped(i64),
}

impl Default for Setting {
    fn default() -> Self {
        Self::Running(0)
    }
}

impl SandboxClock {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> i64 {
        match *self.setting() {
            Setting::Running(ahead) => machine_time().saturating_add(ahead),
            Setting::Stopped(at) => at,
        }
    }

    /// Stops the clock at `now`; only [`advance`](Self::advance) moves it from then on.
    pub fn set_now(&self, now: i64) {
        *self.setting() = Setting::Stopped(now);
    }

    /// Moves the clock by `seconds`, running or stopped; negative is back.
    pub fn advance(&self, seconds: i64) {
        let mut setting = self.setting();
        *setting = match *setting {
            Setting::Running(ahead) => Setting::Running(ahead.saturating_add(seconds)),
            Setting::Stopped(at) => Setting::Stopped(at.saturating_add(seconds)),
        };
    }

    fn setting(&self) -> std::sync::MutexGuard<'_, Setting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dates every answer by this clock (RFC 9110 section 6.6.1), which the tokens in it are dated by.
pub(crate) async fn date(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let seconds = u64::try_from(world.now()).unwrap_or_default();
    // The form of the field ends with the year 9999.
    let date = UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799));
    if let Ok(value) = HeaderValue::try_from(httpdate::fmt_http_date(date)) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the sandbox's own clock port made real"
)]
fn machine_time() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_can_be_stopped_and_moved() {
        let clock = SandboxClock::default();
        clock.set_now(1_000);
        assert_eq!(clock.now(), 1_000);
        clock.advance(60);
        assert_eq!(clock.now(), 1_060);
        clock.advance(-100);
        assert_eq!(clock.now(), 960);
    }

    #[test]
    fn a_running_clock_is_moved_by_the_difference() {
        let clock = SandboxClock::default();
        let before = clock.now();
        clock.advance(3_600);
        assert!(clock.now() >= before + 3_600);
    }
}
