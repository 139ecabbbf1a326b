//! What is kept of a trace for someone who starts to look later: whole flows, as many as there is room for. When there
//! is no room, the oldest flow that is over goes, and all of it, for half a flow tells another story than the whole.
//! Renewals that went well go first: there are many of them, and nobody asks why.

use std::collections::{BTreeMap, VecDeque};

use super::{FlowId, FlowKind, Step, TraceEvent};

/// Of a flow that fills all the room alone, so many events from its beginning stay.
const BEGINNING: usize = 100;

/// The code of the decision that stands where the middle of such a flow was.
const LEFT_OUT: &str = "steps_left_out";

/// The kept events.
pub(super) struct Kept {
    room: usize,
    events: VecDeque<TraceEvent>,
    /// The flows that the events are of. Their numbers count up, so the oldest is the first.
    flows: BTreeMap<FlowId, Kind>,
}

/// What is known of a kept flow.
#[derive(Default)]
struct Kind {
    is_over: bool,
    /// A renewal that went well.
    is_dull: bool,
    left_out: usize,
}

impl Kept {
    /// Nothing yet, with room for so many events.
    pub(super) fn with_room(room: usize) -> Self {
        Self {
            room,
            events: VecDeque::new(),
            flows: BTreeMap::new(),
        }
    }

    /// The events, oldest first.
    pub(super) fn all(&self) -> Vec<TraceEvent> {
        self.events.iter().cloned().collect()
    }

    /// Whether this flow has not gone. What is still told of one that has would stand for the whole.
    pub(super) fn has(&self, flow: FlowId) -> bool {
        self.flows.contains_key(&flow)
    }

    /// Keeps an event.
    pub(super) fn add(&mut self, event: TraceEvent) {
        let of = event.flow;
        if self.events.len() >= self.room {
            self.make_room(of);
        }
        let flow = self.flows.entry(of).or_default();
        if let Step::Ended { error } = &event.step {
            flow.is_over = true;
            flow.is_dull = event.kind == FlowKind::Refresh && error.is_none();
        }
        self.events.push_back(event);
    }

    /// Lets the oldest other flow go, a renewal that went well before any other that is over, and one that is over before
    /// one that goes on; where there is none, the middle of this one.
    fn make_room(&mut self, of: FlowId) {
        let others = || self.flows.iter().filter(|(id, _)| **id != of);
        let oldest = others()
            .find(|(_, flow)| flow.is_dull)
            .or_else(|| others().find(|(_, flow)| flow.is_over))
            .or_else(|| others().next());
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.flows.remove(&id);
            self.events.retain(|event| event.flow != id);
        } else {
            self.leave_out(of);
        }
    }

    /// Takes away the event after the beginning, and says so in its place.
    fn leave_out(&mut self, of: FlowId) {
        let at = BEGINNING.min(self.room / 2);
        // At first the event there goes, later what says that some are gone.
        self.events.remove(at);
        let Some(event) = self.events.remove(at) else {
            return;
        };
        let flow = self.flows.entry(of).or_default();
        flow.left_out = flow.left_out.max(1) + 1;
        let sentence = format!("{} steps were here that are too many to be kept.", flow.left_out);
        let step = Step::Decision {
            code: LEFT_OUT,
            sentence,
        };
        self.events.insert(at, TraceEvent { step, ..event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::FlowKind;

    /// Room for ten events.
    struct Trace {
        kind: FlowKind,
        kept: Kept,
        told: u64,
        begun: Vec<u64>,
    }

    impl Trace {
        fn new() -> Self {
            Self {
                kind: FlowKind::Call,
                kept: Kept::with_room(10),
                told: 0,
                begun: Vec::new(),
            }
        }

        fn add(&mut self, flow: u64, step: Step) {
            self.told += 1;
            let is_first = !self.begun.contains(&flow);
            self.begun.push(flow);
            let event = TraceEvent {
                sequence: self.told,
                at_millis: 0,
                flow: FlowId(flow),
                kind: self.kind,
                provider: None,
                account: None,
                step,
            };
            if is_first || self.kept.has(event.flow) {
                self.kept.add(event);
            }
            assert!(self.kept.events.len() <= 10, "{:?}", self.kept.all());
        }

        fn goes_on(&mut self, flow: u64, steps: usize) {
            for _ in 0..steps {
                let sentence = String::new();
                self.add(
                    flow,
                    Step::Decision {
                        code: "step",
                        sentence,
                    },
                );
            }
        }

        fn is_over(&mut self, flow: u64) {
            self.add(flow, Step::Ended { error: None });
        }

        /// How many events are kept of each flow, oldest first.
        fn check(&self, expected: &[(u64, usize)]) {
            let all = self.kept.all();
            let mut found: Vec<(u64, usize)> = Vec::new();
            for event in &all {
                match found.iter_mut().find(|(flow, _)| *flow == event.flow.0) {
                    Some((_, events)) => *events += 1,
                    None => found.push((event.flow.0, 1)),
                }
            }
            assert_eq!(found, expected);
            assert!(all.is_sorted_by_key(|event| event.sequence));
        }
    }

    #[test]
    fn the_oldest_flow_that_is_over_goes_whole() {
        let mut trace = Trace::new();
        trace.goes_on(1, 2);
        for flow in [2, 3] {
            trace.goes_on(flow, 2);
            trace.is_over(flow);
        }
        trace.goes_on(4, 2);
        trace.check(&[(1, 2), (2, 3), (3, 3), (4, 2)]);
        trace.goes_on(4, 1);
        trace.check(&[(1, 2), (3, 3), (4, 3)]);
        // What is told of it after its end would be a flow without a beginning.
        trace.goes_on(2, 1);
        trace.check(&[(1, 2), (3, 3), (4, 3)]);
    }

    #[test]
    fn renewals_push_out_nothing_but_each_other() {
        let mut trace = Trace::new();
        trace.goes_on(1, 2);
        trace.is_over(1);
        trace.kind = FlowKind::Refresh;
        for flow in 2..50 {
            trace.goes_on(flow, 2);
            trace.is_over(flow);
        }
        trace.check(&[(1, 3), (48, 3), (49, 3)]);
        // One that failed is asked about.
        trace.goes_on(50, 2);
        let error = Some(crate::error::AttemptError::Gone.into());
        trace.add(50, Step::Ended { error });
        for flow in 51..60 {
            trace.goes_on(flow, 2);
            trace.is_over(flow);
        }
        trace.check(&[(1, 3), (50, 3), (59, 3)]);
    }

    #[test]
    fn where_none_is_over_the_oldest_goes_and_does_not_come_back_as_half() {
        let mut trace = Trace::new();
        trace.goes_on(1, 5);
        trace.goes_on(2, 5);
        trace.goes_on(2, 1);
        trace.goes_on(1, 1);
        trace.is_over(1);
        trace.check(&[(2, 6)]);
    }

    #[test]
    fn an_enormous_flow_is_bounded_and_says_what_is_missing() {
        let mut trace = Trace::new();
        trace.goes_on(1, 30);
        trace.is_over(1);
        trace.check(&[(1, 10)]);
        let all = trace.kept.all();
        let sequences: Vec<u64> = all.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5, 27, 28, 29, 30, 31]);
        let says = |event: &&TraceEvent| matches!(&event.step, Step::Decision { code: LEFT_OUT, sentence } if sentence.starts_with("22 steps"));
        assert_eq!(
            all.iter()
                .filter(says)
                .map(|event| event.sequence)
                .collect::<Vec<_>>(),
            [27]
        );
    }
}
