//! When the processes are killed: drawn from a seed, so that a run can be had again.
//!
//! What is drawn is what to wait for and how long after it. None of it is measured in the run, and nothing that happens
//! in the run changes what is drawn next: the same seed draws the same aims in the same order, on any machine. When the
//! machine comes to each of them is its own.

use std::time::Duration;

/// The spans that pauses are drawn from: those of a whole renewal by `tessera token` and of the parts of it, on a machine
/// that is not the fastest. Where one is faster, more processes have ended before they are killed.
const WHOLE: Duration = Duration::from_millis(400);
const ASKING: Duration = Duration::from_millis(10);
const SAVING: Duration = Duration::from_millis(40);

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// So long after it was started.
    Started(Duration),
    /// So long after the provider was asked for a renewal for the first or second time in the round, by whomever.
    Asked(usize, Duration),
    /// So long after the provider granted one for the first or second time in the round, to whomever.
    Answered(usize, Duration),
}

/// Numbers that are the same for the same seed (Steele, Lea and Flood's SplitMix): nothing secret comes of them.
pub(crate) struct Plan(u64);

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The aims of the next round. The first process is mostly killed around the answer, where the most can be lost;
    /// the other one at any time, and sometimes when it does over what the first one had begun.
    pub(crate) fn next_round(&mut self) -> [Aim; 2] {
        let first = match self.below(4) {
            0 => Aim::Started(self.within(WHOLE)),
            1 => Aim::Asked(1, self.within(ASKING)),
            _ => Aim::Answered(1, self.within(SAVING)),
        };
        let second = match self.below(4) {
            0 | 1 => Aim::Started(self.within(WHOLE)),
            2 => Aim::Asked(2, self.within(ASKING)),
            _ => Aim::Answered(2, self.within(SAVING)),
        };
        [first, second]
    }

    fn within(&mut self, span: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(seed: u64) -> Vec<[Aim; 2]> {
        let mut plan = Plan::of(seed);
        (0..500).map(|_| plan.next_round()).collect()
    }

    #[test]
    fn a_seed_draws_the_same_aims_again_and_another_one_others() {
        for seed in [0, 1, 6, 7, u64::MAX] {
            assert_eq!(rounds(seed), rounds(seed));
            assert_ne!(rounds(seed), rounds(seed ^ 1));
        }
    }

    #[test]
    fn every_kind_of_aim_is_drawn_and_all_over_its_span() {
        let drawn: Vec<Aim> = rounds(7).into_iter().flatten().collect();
        let kinds = [
            (WHOLE, pauses(&drawn, |aim| matches!(aim, Aim::Started(_)))),
            (ASKING, pauses(&drawn, |aim| matches!(aim, Aim::Asked(..)))),
            (SAVING, pauses(&drawn, |aim| matches!(aim, Aim::Answered(..)))),
        ];
        for (span, pauses) in kinds {
            assert!(pauses.len() > 100, "{}", pauses.len());
            assert!(pauses.iter().all(|pause| *pause < span));
            assert!(pauses.iter().any(|pause| *pause < span / 10));
            assert!(pauses.iter().any(|pause| span / 10 * 9 < *pause));
        }
    }

    fn pauses(drawn: &[Aim], wanted: fn(&Aim) -> bool) -> Vec<Duration> {
        let drawn = drawn.iter().filter(|aim| wanted(aim));
        drawn.map(|aim| aim.pause()).collect()
    }

    impl Aim {
        fn pause(self) -> Duration {
            match self {
                Self::Started(pause) | Self::Asked(_, pause) | Self::Answered(_, pause) => pause,
            }
        }
    }
}
