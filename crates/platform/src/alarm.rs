//! Waiting by the wall clock, and for what makes plans void: sleep, a clock that was set, a network that came or went, a
//! keychain that was unlocked.

#[cfg(target_os = "linux")]
mod keychain;

use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use if_watch::tokio::IfWatcher;
use tessera_client::ports::{Alarm, Woken};
use tessera_oidc::UnixTime;
use tokio::sync::{Mutex, Notify};
use tokio_util::task::AbortOnDropHandle;

/// Changes of a network come in bursts, and the first addresses are there before names can be looked up.
const BURST: Duration = Duration::from_secs(1);

/// The system's clock, networks and keychain.
pub struct SystemAlarm {
    network: std::sync::Arc<Notify>,
    unlocked: std::sync::Arc<Notify>,
    /// Only one waits at a time: what is told is told once.
    clock: Mutex<clock::WallClock>,
    _watching: Vec<AbortOnDropHandle<()>>,
}

impl SystemAlarm {
    /// Watches from now on. Must be called within a Tokio runtime.
    pub fn new() -> Self {
        let network = std::sync::Arc::new(Notify::new());
        let unlocked = std::sync::Arc::new(Notify::new());
        let mut watching = Vec::new();
        match IfWatcher::new() {
            Ok(watcher) => {
                let watch = tokio::spawn(watch(watcher, network.clone()));
                watching.push(AbortOnDropHandle::new(watch));
            }
            Err(error) => tracing::warn!(%error, "it will not be noticed when a network comes or goes"),
        }
        #[cfg(target_os = "linux")]
        watching.push(AbortOnDropHandle::new(tokio::spawn(keychain::watch(
            unlocked.clone(),
        ))));
        Self {
            network,
            unlocked,
            clock: Mutex::new(clock::WallClock::new()),
            _watching: watching,
        }
    }
}

impl Default for SystemAlarm {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Alarm for SystemAlarm {
    async fn wait(&self, at: Option<UnixTime>) -> Woken {
        let mut clock = self.clock.lock().await;
        tokio::select! {
            woken = clock.wait(at) => woken,
            () = self.network.notified() => Woken::Network,
            () = self.unlocked.notified() => Woken::Keychain,
        }
    }
}

/// Tells once of each burst of changes, when it is over.
async fn watch(mut watcher: IfWatcher, network: std::sync::Arc<Notify>) {
    use futures_util::StreamExt as _;
    // What there is already is told first, and is no change.
    let mut burst = pin!(tokio::time::sleep(BURST));
    let mut changing = true;
    let mut first = true;
    loop {
        tokio::select! {
            event = watcher.next() => match event {
                Some(Ok(_)) => {
                    if !changing {
                        burst.as_mut().reset(tokio::time::Instant::now() + BURST);
                        changing = true;
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "changes of the network are not noticed any more");
                    return;
                }
                None => return,
            },
            () = &mut burst, if changing => {
                changing = false;
                if !std::mem::replace(&mut first, false) {
                    network.notify_one();
                }
            }
        }
    }
}

/// A timer of the kernel that goes by the wall clock and says when that was set, which it is after sleep.
#[cfg(target_os = "linux")]
mod clock {
    use std::os::fd::OwnedFd;

    use async_io::Async;
    use rustix::io::Errno;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tessera_client::ports::Woken;
    use tessera_oidc::UnixTime;

    /// For who waits for no time: a moment that is not reached.
    const NEVER: i64 = i64::MAX / 4_000_000_000;

    pub(super) struct WallClock(Option<Async<OwnedFd>>);

    impl WallClock {
        pub(super) fn new() -> Self {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Realtime, flags)
                .map_err(std::io::Error::from)
                .and_then(Async::new_nonblocking);
            if let Err(error) = &timer {
                tracing::warn!(%error, "the system has no timer by the wall clock");
            }
            Self(timer.ok())
        }

        pub(super) async fn wait(&mut self, at: Option<UnixTime>) -> Woken {
            let Some(timer) = &self.0 else {
                return super::stepwise::wait(at).await;
            };
            let seconds = at.map_or(NEVER, |at| at.0.max(1));
            let none = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let setting = Itimerspec {
                it_interval: none,
                it_value: Timespec {
                    tv_sec: seconds,
                    tv_nsec: 0,
                },
            };
            let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
            match timerfd_settime(timer, flags, &setting) {
                // It was set since the last time, and the timer runs all the same.
                Err(Errno::CANCELED) => return Woken::Clock,
                Err(_) => return super::stepwise::wait(at).await,
                Ok(_) => {}
            }
            loop {
                if timer.readable().await.is_err() {
                    return super::stepwise::wait(at).await;
                }
                let mut count = [0; 8];
                match rustix::io::read(timer, &mut count) {
                    Ok(_) => return Woken::Time,
                    Err(Errno::CANCELED) => return Woken::Clock,
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(_) => return super::stepwise::wait(at).await,
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod clock {
    use tessera_client::ports::Woken;
    use tessera_oidc::UnixTime;

    pub(super) struct WallClock;

    impl WallClock {
        pub(super) fn new() -> Self {
            Self
        }

        pub(super) async fn wait(&mut self, at: Option<UnixTime>) -> Woken {
            super::stepwise::wait(at).await
        }
    }
}

/// Where no timer goes by the wall clock: looks at it every few seconds.
mod stepwise {
    use std::time::Duration;

    use tessera_client::ports::{Clock as _, Woken};
    use tessera_oidc::UnixTime;

    use crate::clock::SystemClock;

    const STEP: Duration = Duration::from_secs(5);

    /// How far the clock and the time waited may be apart, in milliseconds.
    const TOLERANCE: i64 = 3_000;

    pub(super) async fn wait(at: Option<UnixTime>) -> Woken {
        loop {
            let before = SystemClock.now_millis();
            let rest = at.map(|at| at.0.saturating_mul(1000).saturating_sub(before));
            if rest.is_some_and(|rest| rest <= 0) {
                return Woken::Time;
            }
            let step = rest
                .and_then(|rest| u64::try_from(rest).ok())
                .map_or(STEP, |rest| STEP.min(Duration::from_millis(rest)));
            tokio::time::sleep(step).await;
            let passed = SystemClock.now_millis().saturating_sub(before);
            let waited = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
            if (passed.saturating_sub(waited)).abs() > TOLERANCE {
                return Woken::Clock;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
    #![cfg_attr(
        target_os = "linux",
        expect(
            clippy::disallowed_methods,
            reason = "a test starts itself with networks of its own"
        )
    )]

    #[cfg(target_os = "linux")]
    use std::process::Command;

    use tessera_client::ports::Clock as _;

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn it_is_told_when_it_is_time_and_at_once_when_it_was_before() {
        let alarm = SystemAlarm::new();
        let now = SystemClock.now();
        assert_eq!(alarm.wait(Some(now.plus(-5))).await, Woken::Time);
        assert_eq!(alarm.wait(Some(UnixTime(-1))).await, Woken::Time);
        let soon = now.plus(2);
        assert_eq!(alarm.wait(Some(soon)).await, Woken::Time);
        assert!(SystemClock.now() >= soon);
        assert_eq!(stepwise::wait(Some(soon)).await, Woken::Time);
        assert_eq!(stepwise::wait(Some(SystemClock.now().plus(1))).await, Woken::Time);
    }

    /// Set for the process that has networks of its own.
    #[cfg(target_os = "linux")]
    const INSIDE: &str = "TESSERA_TEST_OWN_NETWORKS";

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_comes_and_one_that_goes_are_told_while_nobody_waits_too() {
        if std::env::var_os(INSIDE).is_none() {
            let program = std::env::current_exe().unwrap();
            let name = std::thread::current().name().unwrap().to_owned();
            let output = Command::new("unshare")
                .args(["--map-root-user", "--net"])
                .arg(program)
                .args(["--exact", &name])
                .env(INSIDE, "1")
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stdout)
            );
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
            return;
        }
        let ip = |arguments: &str| {
            let done = Command::new("ip").args(arguments.split(' ')).status().unwrap();
            assert!(done.success(), "{arguments}");
        };
        let alarm = SystemAlarm::new();
        // What there is already is no change.
        let patience = SystemClock.now().plus(3);
        assert_eq!(alarm.wait(Some(patience)).await, Woken::Time);
        ip("link set lo up");
        ip("address add 192.0.2.1/32 dev lo");
        assert_eq!(alarm.wait(None).await, Woken::Network);
        ip("address del 192.0.2.1/32 dev lo");
        assert_eq!(alarm.wait(None).await, Woken::Network);
    }
}
