//! Reading JSON answers: bounded, total, and telling a web page from a broken answer, because a web page where
//! JSON belongs is what a captive portal, a proxy or a mistyped address gives.

use http::{StatusCode, header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use zeroize::Zeroizing;

use crate::message::{MAX_RESPONSE_BYTES, Response};

/// An answer that is not the JSON that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotJson {
    /// A web page.
    Html,
    /// Larger than any protocol response.
    TooLarge,
    /// Neither a web page nor the JSON that belongs here.
    Malformed,
}

/// Reads the body as `T`. The label on the answer is not asked, except that a web page is never read: real
/// providers serve JSON under many names.
pub(crate) fn read<T: DeserializeOwned>(response: &Response) -> Result<T, NotJson> {
    if response.body.len() > MAX_RESPONSE_BYTES {
        return Err(NotJson::TooLarge);
    }
    if is_html(response) {
        return Err(NotJson::Html);
    }
    serde_json::from_slice(&response.body).map_err(|_| NotJson::Malformed)
}

/// Whether the answer is a web page, by its label or by how it begins.
pub(crate) fn is_html(response: &Response) -> bool {
    let first = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(
        response.media_type().as_str(),
        "text/html" | "application/xhtml+xml"
    ) || first == Some(&b'<')
}

/// Seconds to wait as the answer says (RFC 9110 section 10.2.3); a date is not read, because this crate has no
/// clock to compare it with.
pub(crate) fn retry_after(response: &Response) -> Option<u64> {
    response
        .headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Whether the trouble is not the client's and will pass: too many requests, anything from 500 up, or a
/// redirect, which no endpoint here sends but a network that wants people to sign in to it does.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || status.is_redirection()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        )
}

/// A secret text in a JSON row, wiped when dropped.
#[derive(Default)]
pub(crate) struct SecretText(pub(crate) Zeroizing<String>);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// The longest time that is believed, so that adding it to a time cannot overflow.
const HUNDRED_YEARS: u64 = 100 * 366 * 24 * 60 * 60;

/// A number of seconds as providers write it: a number or, with some, a string of digits. Anything else counts
/// as not given. At most a hundred years.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(whole), _) => Some(whole.min(HUNDRED_YEARS)),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float cast saturates, and what is below zero was filtered out"
            )]
            (None, Some(broken)) if broken >= 0.0 => Some((broken as u64).min(HUNDRED_YEARS)),
            _ => None,
        },
        serde_json::Value::String(text) => seconds_in(&text),
        _ => None,
    })
}

/// A number of seconds in text; what is not one counts as not given.
pub(crate) fn seconds_in(text: &str) -> Option<u64> {
    text.trim()
        .parse()
        .ok()
        .map(|seconds: u64| seconds.min(HUNDRED_YEARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_providers_write_them() {
        #[derive(Deserialize)]
        struct Row {
            #[serde(default, deserialize_with = "seconds")]
            expires_in: Option<u64>,
        }
        let check = |json: &str, expected: Option<u64>| {
            let row = serde_json::from_str::<Row>(json).map(|row| row.expires_in);
            assert_eq!(row.ok(), Some(expected), "{json}");
        };
        check(r#"{"expires_in":3600}"#, Some(3600));
        check(r#"{"expires_in":"3600"}"#, Some(3600));
        check(r#"{"expires_in":3599.9}"#, Some(3599));
        check(r#"{"expires_in":-1}"#, None);
        check(r#"{"expires_in":null}"#, None);
        check(r#"{"expires_in":"soon"}"#, None);
        check(r#"{"expires_in":[1]}"#, None);
        check("{}", None);
        check(r#"{"expires_in":18446744073709551615}"#, Some(3_162_240_000));
        check(r#"{"expires_in":1e300}"#, Some(3_162_240_000));
    }
}
