//! What is written: for a person on a terminal, or one JSON object a line. Standard output has the answer,
//! standard error everything around it.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use tessera_client::{Account, Error};

use crate::hints::About;

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
    pub(crate) fn of(error: &Error, about: &About) -> Self {
        Self {
            code: error.code(),
            message: error.message(),
            hint: about.hint(error),
        }
    }
}

#[derive(Serialize)]
struct Failed {
    event: &'static str,
    error: ErrorRow,
}

/// Tells a program of wrong usage, in the words that a person gets.
pub(crate) fn usage(told: &str) {
    let first = told.lines().next().unwrap_or_default();
    row(&Failed {
        event: "failed",
        error: ErrorRow {
            code: "usage",
            message: plain(first.strip_prefix("error: ").unwrap_or(first)),
            hint: "Run it with --help to see what it takes.".to_owned(),
        },
    });
}

/// Writes a line that is no part of the answer, also beside one that is for a program.
pub(crate) fn aside(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr(), "{}", plain(text));
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

    /// Writes rows of the answer with their columns below each other, for a person.
    pub(crate) fn table<const N: usize>(self, rows: impl Iterator<Item = [String; N]>) {
        let rows: Vec<[String; N]> = rows.collect();
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        for row in &rows {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| format!("{cell:0$}", width(column)))
                .collect();
            self.line(cells.join("  ").trim_end());
        }
    }

    /// Writes a line about the answer, for a person.
    pub(crate) fn note(self, text: &str) {
        if !self.json {
            aside(text);
        }
    }

    /// Tells an error: as an event, or as a sentence, a hint and the code.
    pub(crate) fn failed(self, error: &Error, about: &About) {
        if self.json {
            row(&Failed {
                event: "failed",
                error: ErrorRow::of(error, about),
            });
        } else {
            self.note(&error.message());
            self.note(&format!("{} [{}]", about.hint(error), error.code()));
        }
    }
}

/// Writes one JSON object on a line of its own.
pub(crate) fn row(row: &impl Serialize) {
    let mut text = serde_json::to_vec(row).unwrap_or_default();
    text.push(b'\n');
    raw(&text);
}

/// The body of an API's answer: as it is for a file or a program, without what a terminal obeys for a person.
pub(crate) struct Body {
    terminal: bool,
    /// The byte before, of which the next may be the second half.
    last: u8,
}

impl Body {
    pub(crate) fn new() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            last: b'\n',
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if !self.terminal {
            return raw(bytes);
        }
        let harmless: Vec<u8> = bytes.iter().map(|byte| self.harmless(*byte)).collect();
        raw(&harmless);
    }

    /// A prompt begins on a line of its own.
    pub(crate) fn end(self) {
        if self.terminal && self.last != b'\n' {
            raw(b"\n");
        }
    }

    /// Control characters are single bytes below 0x20 and 0x7f, and U+0080 to U+009F, which UTF-8 writes as
    /// 0xC2 and a byte from 0x80 to 0x9F.
    fn harmless(&mut self, byte: u8) -> u8 {
        let second_half = self.last == 0xc2 && (0x80..=0x9f).contains(&byte);
        self.last = byte;
        match byte {
            b'\n' | b'\t' => byte,
            0..0x20 | 0x7f => b' ',
            // U+00A0, a space that is none to a terminal, keeps the pair whole.
            _ if second_half => 0xa0,
            _ => byte,
        }
    }
}

/// Writes bytes of the answer as they are. A reader that has gone away, as in `| head`, is no error.
pub(crate) fn raw(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Text without control characters, of which a terminal obeys some, and without those that reverse or hide text:
/// names and messages come from providers.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !reorders_or_hides(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Unicode's controls of direction, its zero-width characters and the byte order mark.
fn reorders_or_hides(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        let check = |before: &str, after: &str| {
            let mut body = Body {
                terminal: true,
                last: b'\n',
            };
            let harmless: Vec<u8> = before.bytes().map(|byte| body.harmless(byte)).collect();
            assert_eq!(String::from_utf8(harmless).as_deref(), Ok(after));
        };
        check("{\n\t\"a\": \"ä€\"}\n", "{\n\t\"a\": \"ä€\"}\n");
        check("\u{1b}]0;title\u{7}\r\u{7f}", " ]0;title   ");
        check("\u{9b}2J\u{a0}", "\u{a0}2J\u{a0}");
        assert_eq!(plain("a\u{1b}[2Jb\u{9b}\n"), "a [2Jb  ");
        assert_eq!(plain("Ann\u{202e}rehcrA\u{200b}\u{feff}\u{2066}"), "AnnrehcrA");
    }
}
