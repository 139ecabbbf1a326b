//! What is written: for a person on a terminal, or one JSON object a line. Standard output has the answer,
//! standard error everything around it.

use std::io::{self, Write as _};

use serde::Serialize;
use tessera_client::{Account, Error};

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

/// An account as `login` and `accounts` tell it.
#[derive(Serialize)]
pub(crate) struct AccountRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) name: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) scopes: Vec<&'a str>,
}

impl<'a> AccountRow<'a> {
    pub(crate) fn of(account: &'a Account) -> Self {
        Self {
            id: account.id.as_str(),
            provider: account.provider.as_str(),
            issuer: account.issuer.as_str(),
            subject: account.subject.as_str(),
            name: &account.name,
            email: account.email.as_deref(),
            scopes: account.granted.iter().collect(),
        }
    }
}

/// An error as every command tells it.
#[derive(Serialize)]
pub(crate) struct ErrorRow {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl ErrorRow {
    pub(crate) fn of(error: &Error) -> Self {
        Self {
            code: error.code(),
            message: error.message(),
            hint: error.hint(),
        }
    }
}

#[derive(Serialize)]
struct Failed {
    event: &'static str,
    error: ErrorRow,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Writes a line of the answer, for a person.
    pub(crate) fn line(self, text: &str) {
        if !self.json {
            raw(format!("{}\n", plain(text)).as_bytes());
        }
    }

    /// Writes a line about the answer, for a person.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            // Nobody is left to be told when standard error is closed.
            let _ = writeln!(io::stderr(), "{}", plain(text));
        }
    }

    /// Tells an error: as an event, or as a sentence, a hint and the code.
    pub(crate) fn failed(self, error: &Error) {
        if self.json {
            row(&Failed {
                event: "failed",
                error: ErrorRow::of(error),
            });
        } else {
            self.note(&error.message());
            self.note(&format!("{} [{}]", error.hint(), error.code()));
        }
    }
}

/// Writes one JSON object on a line of its own.
pub(crate) fn row(row: &impl Serialize) {
    let mut text = serde_json::to_vec(row).unwrap_or_default();
    text.push(b'\n');
    raw(&text);
}

/// Writes bytes of the answer as they are. A reader that has gone away, as in `| head`, is no error.
pub(crate) fn raw(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Text without control characters: names and messages come from providers, and a terminal obeys some of
/// them.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
