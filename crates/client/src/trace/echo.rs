//! Error answers that repeat what was sent in confidence. A provider's own words are shown to people and logged, so a
//! token or code of the request is taken out of them before anybody reads the answer.

use serde_json::Value;
use tessera_oidc::message::Response;
use url::form_urlencoded::{Serializer, parse};
use zeroize::Zeroizing;

use super::exchange::{SHORTEST_SECRET, is_form};

/// The members of an error response that are words (RFC 6749 section 5.2).
const WORDS: &[&str] = &["error", "error_description"];

/// Puts `…` where the words of an error answer repeat one of `secrets`.
pub(super) fn remove(response: &mut Response, secrets: &[Zeroizing<String>]) {
    let cleaned = if is_form(response) {
        clean_form(&response.body, secrets)
    } else {
        clean_json(&response.body, secrets)
    };
    if let Some(body) = cleaned {
        response.body = body.into();
    }
}

/// The words without secrets; `None` when there are none in them.
fn clean(words: &str, secrets: &[Zeroizing<String>]) -> Option<String> {
    let mut found = secrets
        .iter()
        .filter(|secret| secret.chars().count() >= SHORTEST_SECRET && words.contains(secret.as_str()))
        .peekable();
    found.peek()?;
    Some(found.fold(words.to_owned(), |words, secret| {
        words.replace(secret.as_str(), "…")
    }))
}

fn clean_json(body: &[u8], secrets: &[Zeroizing<String>]) -> Option<Vec<u8>> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return None;
    };
    let mut changed = false;
    for name in WORDS {
        if let Some(Value::String(words)) = members.get_mut(*name)
            && let Some(cleaned) = clean(words, secrets)
        {
            *words = cleaned;
            changed = true;
        }
    }
    changed.then(|| serde_json::to_vec(&members).ok()).flatten()
}

fn clean_form(body: &[u8], secrets: &[Zeroizing<String>]) -> Option<Vec<u8>> {
    let mut changed = false;
    let mut form = Serializer::new(String::new());
    for (name, value) in parse(body) {
        let cleaned = WORDS
            .contains(&name.as_ref())
            .then(|| clean(&value, secrets))
            .flatten();
        changed |= cleaned.is_some();
        form.append_pair(&name, cleaned.as_deref().unwrap_or(&value));
    }
    changed.then(|| form.finish().into_bytes())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode, header};

    use super::*;

    fn cleaned(media_type: &'static str, body: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        let mut response = Response {
            status: StatusCode::BAD_REQUEST,
            headers,
            body: body.as_bytes().to_vec().into(),
        };
        let secrets = ["shorttoken", "9f0c1b1e-7a0c-4f8e-9a53-0c6f6a1f0b00", "abc"];
        remove(&mut response, &secrets.map(|secret| secret.to_owned().into()));
        String::from_utf8_lossy(&response.body).into_owned()
    }

    #[test]
    fn what_was_sent_in_confidence_is_not_in_the_words_of_the_refusal() {
        let json = |body: &str| cleaned("application/json", body);
        assert_eq!(
            json(
                r#"{"error":"invalid_grant","error_description":"shorttoken or 9f0c1b1e-7a0c-4f8e-9a53-0c6f6a1f0b00"}"#
            ),
            r#"{"error":"invalid_grant","error_description":"… or …"}"#
        );
        assert_eq!(json(r#"{"error":"no short\u0074oken"}"#), r#"{"error":"no …"}"#);
        assert_eq!(
            cleaned(
                "application/x-www-form-urlencoded",
                "error=bad&error_description=short%74oken+is+bad"
            ),
            "error=bad&error_description=%E2%80%A6+is+bad"
        );
    }

    #[test]
    fn everything_else_stays_as_it_came() {
        for body in [
            r#"{ "refresh_token": "shorttoken" }"#,
            r#"{ "error_description": "abc was wrong" }"#,
            r#"{ "error_description": 7 }"#,
            "<p>shorttoken",
            "",
        ] {
            assert_eq!(cleaned("application/json", body), body);
        }
    }
}
