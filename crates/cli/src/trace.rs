//! `--trace`: what happens, step by step, on standard error while it happens.

use tessera_client::{Client, Error, Field, FieldValue, FlowOutcome, Outcome, Party, Step, TraceEvent};
use tokio::sync::broadcast::error::RecvError;

use crate::output::aside;

/// Writes every step until `work` is done; without `wanted` only does the work.
pub(crate) async fn told<T>(client: &Client, wanted: bool, work: impl Future<Output = T>) -> T {
    if !wanted {
        return work.await;
    }
    let mut events = client.trace();
    let mut began = None;
    let mut tell = |event: TraceEvent| {
        let began = *began.get_or_insert(event.at_millis);
        step(event.at_millis.saturating_sub(began), &event.step);
    };
    let mut work = std::pin::pin!(work);
    let result = loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) => tell(event),
                Err(RecvError::Lagged(lost)) => aside(&format!("({lost} steps were too quick to be told)")),
                Err(RecvError::Closed) => break work.await,
            },
            result = &mut work => break result,
        }
    };
    while let Ok(event) = events.try_recv() {
        tell(event);
    }
    result
}

fn step(after: i64, step: &Step) {
    match step {
        Step::Message {
            from,
            to,
            message,
            fields,
        } => {
            let section = message
                .section()
                .map(|section| format!(" ({section})"))
                .unwrap_or_default();
            let who = if from == to {
                name(*from).to_owned()
            } else {
                format!("{} → {}", name(*from), name(*to))
            };
            aside(&format!("{}  {who}: {}{section}", time(after), message.title()));
            aside(&format!("{INDENT}{}", message.why()));
            for told in fields {
                aside(&format!("{INDENT}{}", field(told)));
            }
        }
        Step::Checks(verdicts) => {
            for verdict in verdicts.iter() {
                let mark = match verdict.outcome {
                    Outcome::Passed => "✓",
                    Outcome::Failed => "✗",
                    Outcome::NotApplicable | Outcome::NotReached => "–",
                };
                let told = match (&verdict.expected, &verdict.seen) {
                    (Some(expected), Some(seen)) if expected != seen => {
                        format!(": expected {expected}; seen {seen}")
                    }
                    (_, Some(seen)) => format!(": {seen}"),
                    (Some(expected), None) => format!(": expected {expected}"),
                    (None, None) => String::new(),
                };
                aside(&format!(
                    "{INDENT}{mark} {} ({}){told}",
                    verdict.check.title(),
                    verdict.check.section()
                ));
            }
        }
        Step::Decision { sentence, .. } => aside(&format!("{}  {sentence}", time(after))),
        Step::Ended { error } => aside(&format!("{}  {}", time(after), end(error.as_ref()))),
    }
}

/// How it ended. What went wrong is told in full by the command itself, but for an API's answer.
fn end(error: Option<&Error>) -> String {
    let words = FlowOutcome::of(error).words();
    match error {
        None => format!("{words}."),
        // Its sentence says what the API did.
        Some(error @ Error::Api(_)) => format!("{} {} [{}]", error.message(), error.hint(), error.code()),
        Some(error) => format!("{words}. [{}]", error.code()),
    }
}

/// As wide as a time and what follows it.
const INDENT: &str = "            ";

/// Milliseconds as seconds, in a column.
fn time(after: i64) -> String {
    format!("+{:>3}.{:03} s", after / 1000, after % 1000)
}

fn name(party: Party) -> &'static str {
    match party {
        // Whoever reads this is the person.
        Party::Person => "You",
        other => other.as_str(),
    }
}

fn field(field: &Field) -> String {
    match &field.value {
        FieldValue::Shown(value) => format!("{}: {value}", field.name),
        FieldValue::Masked { characters } => format!("{}: {characters} characters, not shown", field.name),
    }
}
