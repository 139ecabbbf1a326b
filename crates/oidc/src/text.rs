//! Text that came from outside, made fit to be shown: bounded, on one line, and without anything that looks
//! like a secret that a provider echoed.

use url::Url;

/// The most characters of a provider's own words that are kept.
const MAX_WORDS: usize = 300;

/// A run of this many characters that looks random is taken for a secret.
const SECRET_LENGTH: usize = 20;

/// A provider's own words: control characters and those that reverse or hide text are dropped, what looks
/// like a token becomes `…`, and the rest is cut after 300 characters.
pub(crate) fn providers_words(text: &str) -> String {
    let mut shown = String::new();
    let mut run = String::new();
    // What is not seen must not part a secret into runs that look harmless and are shown side by side.
    for c in text.chars().filter(|&c| !reorders_or_hides(c)).take(MAX_WORDS) {
        if is_token_character(c) {
            run.push(c);
            continue;
        }
        finish_run(&mut shown, &mut run);
        match c {
            c if c.is_whitespace() || c.is_control() => {
                if !shown.ends_with(' ') {
                    shown.push(' ');
                }
            }
            c => shown.push(c),
        }
    }
    finish_run(&mut shown, &mut run);
    shown.trim().to_owned()
}

/// A short value such as an issuer or an algorithm, cleaned and cut after 200 characters.
pub fn value(text: &str) -> String {
    text.chars()
        .filter(|&c| !c.is_control() && !reorders_or_hides(c))
        .take(200)
        .collect()
}

/// An address without credentials, query and fragment.
pub(crate) fn address(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    // Both fail only for addresses that cannot have credentials.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    value(bare.as_str())
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '/' | '=')
}

fn finish_run(shown: &mut String, run: &mut String) {
    if looks_secret(run) {
        shown.push('…');
    } else {
        shown.push_str(run);
    }
    run.clear();
}

/// Whether a run of token characters is long and random; a trace id in the form of a GUID is not.
fn looks_secret(run: &str) -> bool {
    let is_guid = run.len() == 36
        && run.bytes().enumerate().all(|(at, b)| {
            if matches!(at, 8 | 13 | 18 | 23) {
                b == b'-'
            } else {
                b.is_ascii_hexdigit()
            }
        });
    run.len() >= SECRET_LENGTH && run.bytes().any(|b| b.is_ascii_digit()) && !is_guid
}

/// Unicode's controls of direction, its zero-width characters and the byte order mark.
fn reorders_or_hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_providers_words_are_made_harmless() {
        let check = |text: &str, shown: &str| assert_eq!(providers_words(text), shown, "{text:?}");
        check("The user said no.", "The user said no.");
        check("two\r\nlines\u{1b}[31m", "two lines [31m");
        check("code 4/0AX4XfWhq2pN8xqv1wLrT is spent", "code … is spent");
        check("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "…");
        check(
            "Trace ID: 9f0c1b1e-7a0c-4f8e-9a53-0c6f6a1f0b00",
            "Trace ID: 9f0c1b1e-7a0c-4f8e-9a53-0c6f6a1f0b00",
        );
        check(
            "internationalisation-of-everything",
            "internationalisation-of-everything",
        );
        check("a\u{202e}b\u{200b}c", "abc");
        check("code 4/0AX4XfWhq\u{200b}2pN8xqv1wLrT is spent", "code … is spent");
        check("", "");
        assert!(providers_words(&"x ".repeat(10_000)).chars().count() <= MAX_WORDS);
    }

    #[test]
    fn an_address_is_shown_without_query_and_credentials() {
        let shown = |text: &str| Url::parse(text).map(|url| address(&url));
        assert_eq!(
            shown("https://ann:pw@x.example/a?code=1#y"),
            Ok("https://x.example/a".to_owned())
        );
        assert_eq!(shown("app.x:/callback?code=1"), Ok("app.x:/callback".to_owned()));
    }
}
