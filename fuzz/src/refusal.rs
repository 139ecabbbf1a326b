//! What every refusal owes: a stable code, a sentence and a hint that fit on a screen, and nothing secret.

use std::fmt::Debug;

use crate::Judged;

/// The most characters of a sentence for a person. The provider's own words, of which it may repeat 300, are in it.
const MOST_CHARACTERS: usize = 600;

/// Checks what a refusal says.
///
/// # Panics
/// When it is not fit for a program to branch on, not fit to be shown, or holds one of `secrets`.
pub(crate) fn refused(
    code: &'static str,
    message: &str,
    hint: &str,
    debugged: &dyn Debug,
    secrets: &[&str],
) -> Judged {
    let is_code = (1..=60).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    assert!(is_code, "{code:?} is not a code");
    for sentence in [message, hint] {
        let length = sentence.chars().count();
        assert!(
            (1..=MOST_CHARACTERS).contains(&length),
            "{code}: a sentence of {length} characters: {sentence:?}"
        );
        assert!(
            !sentence.chars().any(dresses_up),
            "{code}: a sentence with control characters: {sentence:?}"
        );
    }
    conceals(&[message, hint, &format!("{debugged:?}")], secrets);
    Judged::Refused(code)
}

/// Checks that none of the texts holds one of the secrets.
///
/// # Panics
/// When one does.
pub(crate) fn conceals(texts: &[&str], secrets: &[&str]) {
    for text in texts {
        for secret in secrets {
            assert!(!text.contains(secret), "a secret is shown: {text:?}");
        }
    }
}

/// The parts of a token that may not be seen in a refusal of it. Shorter ones, and those with other characters than a
/// token has, may be in any sentence: a fuzzer that watches comparisons learns the sentences and sends them.
pub(crate) fn secret_parts(token: &str) -> Vec<&str> {
    let is_random = |part: &&str| {
        part.len() >= 40
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    token.split([' ', '.', '\n']).filter(is_random).collect()
}

/// Characters that end a line, hide text or turn it round.
fn dresses_up(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
}
