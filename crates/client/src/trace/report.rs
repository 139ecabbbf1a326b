//! A flow as a file to keep or to show to somebody who helps: JSON for programs, Markdown for people. It is made
//! from trace events, which hold no secret.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tessera_oidc::checks::Verdict;

use super::{Field, FieldValue, FlowOutcome, Step, TraceEvent};

/// Names the form of the JSON file, so that a program can tell a later one from it.
const FORM: &str = "tessera-flow-1";

/// A flow, written down.
#[derive(Clone, Debug)]
pub struct Report {
    /// The JSON file's content.
    pub json: String,
    /// The Markdown file's content.
    pub markdown: String,
    /// A name for both without its ending, such as `tessera-sign_in-1795508399123`: the kind of flow, and when it
    /// began in milliseconds since 1970. Whoever saves it sees to it that no other report of that name is lost.
    pub name: String,
}

#[derive(Serialize)]
struct Row<'a> {
    form: &'static str,
    kind: &'static str,
    provider: Option<&'a str>,
    /// Milliseconds since 1970.
    began_at: i64,
    outcome: &'static str,
    error: Option<ErrorRow>,
    steps: Vec<StepRow<'a>>,
}

#[derive(Serialize)]
struct ErrorRow {
    code: &'static str,
    message: String,
    hint: String,
}

#[derive(Serialize)]
struct StepRow<'a> {
    /// Milliseconds since the flow began.
    after: i64,
    #[serde(flatten)]
    what: WhatRow<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WhatRow<'a> {
    Message {
        from: &'static str,
        to: &'static str,
        id: &'static str,
        title: &'static str,
        why: &'static str,
        section: Option<&'static str>,
        fields: Vec<FieldRow<'a>>,
    },
    Check {
        id: &'static str,
        title: &'static str,
        section: &'static str,
        outcome: &'static str,
        expected: Option<&'a str>,
        seen: Option<&'a str>,
    },
    Decision {
        code: &'static str,
        sentence: &'a str,
    },
}

#[derive(Serialize)]
struct FieldRow<'a> {
    name: &'a str,
    value: Option<&'a str>,
    /// Of a value that is not shown.
    characters: Option<usize>,
}

impl Report {
    /// Writes down the events of one flow, oldest first; `None` when there are none.
    pub fn of(events: &[TraceEvent]) -> Option<Self> {
        let first = events.first()?;
        let began_at = first.at_millis;
        let steps = events
            .iter()
            .flat_map(|event| {
                rows(&event.step).into_iter().map(move |what| StepRow {
                    after: event.at_millis.saturating_sub(began_at),
                    what,
                })
            })
            .collect();
        let ended = events.iter().find_map(|event| match &event.step {
            Step::Ended { error } => Some(error),
            _ => None,
        });
        let outcome = ended.map_or(FlowOutcome::Running, |error| FlowOutcome::of(error.as_ref()));
        let row = Row {
            form: FORM,
            kind: first.kind.as_str(),
            provider: first.provider.as_ref().map(crate::provider::ProviderId::as_str),
            began_at,
            outcome: outcome.as_str(),
            error: ended.and_then(Option::as_ref).map(|error| ErrorRow {
                code: error.code(),
                message: error.message(),
                hint: error.hint(),
            }),
            steps,
        };
        Some(Self {
            // Strings and numbers only: writing them cannot fail.
            json: serde_json::to_string_pretty(&row).unwrap_or_default(),
            markdown: markdown(&row, outcome),
            name: format!("tessera-{}-{began_at}", row.kind),
        })
    }
}

fn rows(step: &Step) -> Vec<WhatRow<'_>> {
    match step {
        Step::Message {
            from,
            to,
            message,
            fields,
        } => vec![WhatRow::Message {
            from: from.as_str(),
            to: to.as_str(),
            id: message.code(),
            title: message.title(),
            why: message.why(),
            section: message.section(),
            fields: fields.iter().map(field).collect(),
        }],
        Step::Checks(verdicts) => verdicts.iter().map(check).collect(),
        Step::Decision { code, sentence } => vec![WhatRow::Decision { code, sentence }],
        Step::Ended { .. } => Vec::new(),
    }
}

fn field(field: &Field) -> FieldRow<'_> {
    let (value, characters) = match &field.value {
        FieldValue::Shown(value) => (Some(value.as_str()), None),
        FieldValue::Masked { characters } => (None, Some(*characters)),
    };
    FieldRow {
        name: &field.name,
        value,
        characters,
    }
}

fn check(verdict: &Verdict) -> WhatRow<'_> {
    WhatRow::Check {
        id: verdict.check.code(),
        title: verdict.check.title(),
        section: verdict.check.section(),
        outcome: verdict.outcome.as_str(),
        expected: verdict.expected.as_deref(),
        seen: verdict.seen.as_deref(),
    }
}

fn markdown(row: &Row<'_>, outcome: FlowOutcome) -> String {
    let mut text = String::new();
    let began = Duration::from_millis(u64::try_from(row.began_at).unwrap_or(0));
    let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + began);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "# {} with {}\n\n{date}. {}.\n",
        match row.kind {
            "sign_in" => "A sign-in",
            "refresh" => "A fresh token",
            "call" => "A call",
            _ => "A sign-out",
        },
        row.provider.map_or_else(|| "a provider".to_owned(), literal),
        outcome.words(),
    );
    if let Some(error) = &row.error {
        let _ = write!(
            text,
            "\n**{}** {} (`{}`)\n",
            literal(&error.message),
            literal(&error.hint),
            error.code
        );
    }
    text.push_str("\nSecrets are not in this report: of each only its length in characters is told.\n");
    for step in &row.steps {
        let after = format!("+{}.{:03} s", step.after / 1000, step.after % 1000);
        let _ = match &step.what {
            WhatRow::Message {
                from,
                to,
                title,
                why,
                section,
                fields,
                ..
            } => {
                let section = section.map(|section| format!(" ({section})")).unwrap_or_default();
                let who = if from == to {
                    (*from).to_owned()
                } else {
                    format!("{from} → {to}")
                };
                let mut told = write!(text, "\n## {after} · {who}: {title}\n\n{why}{section}\n");
                if !fields.is_empty() {
                    text.push('\n');
                }
                for field in fields {
                    told = match (field.value, field.characters) {
                        (Some(value), _) => {
                            writeln!(text, "- {}: {}", literal(field.name), literal(value))
                        }
                        (None, characters) => writeln!(
                            text,
                            "- {}: {} characters, not shown",
                            literal(field.name),
                            characters.unwrap_or_default()
                        ),
                    };
                }
                told
            }
            WhatRow::Check {
                title,
                section,
                outcome,
                expected,
                seen,
                ..
            } => {
                let told = |name: &str, value: Option<&str>| {
                    value
                        .map(|value| format!("; {name}: {}", literal(value)))
                        .unwrap_or_default()
                };
                writeln!(
                    text,
                    "\n{}: {title} ({section}){}{}",
                    match *outcome {
                        "passed" => "✓ Passed",
                        "failed" => "✗ **Failed**",
                        "not_applicable" => "– Does not apply",
                        _ => "– Not reached",
                    },
                    told("expected", *expected),
                    told("seen", *seen)
                )
            }
            WhatRow::Decision { sentence, .. } => writeln!(text, "\n{after} · {}", literal(sentence)),
        };
    }
    text
}

/// Foreign text in Markdown, as it is.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!'
        ) {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}
