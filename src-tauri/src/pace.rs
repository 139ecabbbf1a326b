//! How often the page may have the person's browser opened: a page that went wild must not bury them in tabs.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::ErrorView;

/// How many pages may be opened within [`SPAN`].
const MOST: usize = 5;
const SPAN: Duration = Duration::from_secs(10);

/// When pages were opened.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<VecDeque<Instant>>);

impl Pace {
    /// Takes note of a page that is about to be opened, or refuses it.
    pub(crate) fn step(&self) -> Result<(), ErrorView> {
        let now = Instant::now();
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|&at| now.duration_since(at) < SPAN);
        if opened.len() >= MOST {
            return Err(ErrorView {
                code: "too_many_pages".to_owned(),
                message: "Too many pages were opened in your browser in a short time.".to_owned(),
                hint: "Wait a few seconds, then try again.".to_owned(),
                detail: None,
            });
        }
        opened.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pages_are_opened_at_a_persons_pace() {
        let pace = Pace::default();
        for _ in 0..MOST {
            pace.step().unwrap();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(pace.step().unwrap_err().code, "too_many_pages");
        // What was refused does not count.
        tokio::time::advance(SPAN.saturating_sub(Duration::from_secs(5))).await;
        pace.step().unwrap();
        assert_eq!(pace.step().unwrap_err().code, "too_many_pages");
        tokio::time::advance(SPAN).await;
        for _ in 0..MOST {
            pace.step().unwrap();
        }
    }
}
