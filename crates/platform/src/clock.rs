//! The wall clock and the system's random generator: the only places where either is asked.

use std::time::{SystemTime, UNIX_EPOCH};

use tessera_client::ports::{Clock, Entropy};
use tessera_oidc::UnixTime;

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Milliseconds since 1970; negative on a machine whose clock stands before that.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else is given"
    )]
    fn millis() -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime(Self::millis().div_euclid(1000))
    }

    fn now_millis(&self) -> i64 {
        Self::millis()
    }
}

/// The system's cryptographically secure generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the system has no randomness to give. Going on with guessable values would be worse.
    #[expect(clippy::expect_used, reason = "without randomness no sign-in can be safe")]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the randomness that everything else is given"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system's random generator answers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stands_in_this_century() {
        let year_2025 = 1_735_689_600;
        assert!(SystemClock.now().0 > year_2025);
        assert!((SystemClock.now_millis() / 1000 - SystemClock.now().0).abs() <= 1);
    }

    #[test]
    fn randomness_fills_the_whole_buffer() {
        let (mut first, mut second) = ([0_u8; 64], [0_u8; 64]);
        SystemEntropy.fill(&mut first);
        SystemEntropy.fill(&mut second);
        assert_ne!(first, second);
        assert!(first[32..].iter().any(|byte| *byte != 0));
    }
}
