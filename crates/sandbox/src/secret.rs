//! Random values, and what is kept of them: the sandbox stores fingerprints, never the values themselves.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A value that whoever holds it may use: a code, a token, a cookie. Not shown when debugged.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// 256 random bits, base64url, after `prefix`.
    pub(crate) fn random(prefix: &str) -> Self {
        Self(format!(
            "{prefix}{}",
            URL_SAFE_NO_PAD.encode(random_bytes::<32>())
        ))
    }

    /// The same, with random characters to follow until it has `length` of them.
    pub(crate) fn random_of(prefix: &str, length: usize) -> Self {
        let Self(mut value) = Self::random(prefix);
        while value.len() < length {
            value.push_str(&Self::random("").0);
            value.truncate(length);
        }
        Self(value)
    }

    /// Wraps a value made elsewhere, such as a signed token.
    pub(crate) fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the one answer it is made for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What may be kept of it.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// The SHA-256 of a secret: enough to recognise it, useless to whoever reads it. Every secret made here has at
/// least 128 random bits, so no salt is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a secret in its text form.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// 64 hexadecimal digits, as it is stored.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Reads what [`to_hex`](Self::to_hex) wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for Fingerprint {
    /// The first eight digits: enough to tell two apart in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", &self.to_hex()[..8])
    }
}

/// Compares two secrets without telling by the time taken where they differ.
pub(crate) fn same_secret(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// A name that nobody can guess and that fits into an address: 128 random bits in hexadecimal.
pub(crate) fn random_name() -> String {
    hex(&random_bytes::<16>())
}

/// Eight letters to be typed by hand, `WDJB-MJHT`. Consonants only, so that no word appears, and none that
/// look alike (RFC 8628 section 6.1).
pub(crate) fn random_user_code() -> String {
    const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    let mut code = String::with_capacity(9);
    while code.len() < 9 {
        if code.len() == 4 {
            code.push('-');
        }
        let [byte] = random_bytes::<1>();
        // 240 is the largest multiple of 20 in a byte; above it letters would not be equally likely.
        if byte < 240 {
            code.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        }
    }
    code
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
            text
        })
}

#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "the sandbox's own source of randomness, and without one nothing here can be kept safe"
)]
fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has a random generator");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::random("rt_");
        assert!(!format!("{secret:?}").contains(&secret.expose()[3..]));
        assert!(secret.expose().len() >= 43);
    }

    #[test]
    fn a_secret_is_as_long_as_is_asked_and_never_less_random() {
        for (asked, length) in [(0, 46), (46, 46), (47, 47), (4_000, 4_000)] {
            let secret = Secret::random_of("rt_", asked);
            assert_eq!(secret.expose().len(), length);
            assert!(secret.expose().starts_with("rt_"));
        }
    }

    #[test]
    fn a_fingerprint_survives_being_written() {
        let fingerprint = Fingerprint::of("x");
        assert_eq!(Fingerprint::from_hex(&fingerprint.to_hex()), Some(fingerprint));
        assert_eq!(Fingerprint::from_hex("zz"), None);
    }

    #[test]
    fn a_user_code_can_be_typed() {
        let code = random_user_code();
        assert_eq!(code.len(), 9);
        assert_eq!(&code[4..5], "-");
        assert!(
            code.bytes()
                .filter(|b| *b != b'-')
                .all(|b| b"BCDFGHJKLMNPQRSTVWXZ".contains(&b))
        );
    }
}
