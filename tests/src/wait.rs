//! Waiting for what can be seen, with a deadline and a sentence for when it does not come.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long an ordinary step may take on a slow, busy machine. Generous on purpose: it is a limit, not a
/// measurement.
pub const STEP: Duration = Duration::from_mins(1);

/// How often a condition is looked at when nothing announces it.
const GLANCE: Duration = Duration::from_millis(50);

/// Looks until `look` finds something, and fails with "`what` did not come" after `limit`.
///
/// An error of `look` ends the waiting at once; what is merely not there yet is `Ok(None)`.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!(
                "waited {} s for this and it did not come: {what}",
                limit.as_secs()
            );
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// The same for a plain yes or no.
pub async fn until_true(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    until(what, limit, async || Ok(look().await?.then_some(()))).await
}
