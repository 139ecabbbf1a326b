//! An API's answer, prepared for showing: bounded, and without header fields that may hold secrets.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use tessera_client::{CollectedResponse, StepUp};

use crate::permissions;
use crate::wire::{BodyView, CallResponse, StepUpView};

/// The most bytes of text that are handed to the page; more is cut.
const MAX_TEXT: usize = 2 * 1024 * 1024;

/// Pictures that every web view draws, none of which can hold a script.
const IMAGES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// What stands in the place of a field's value that is not shown.
const MASKED: &str = "•••";

/// The answer to a call that took `took`.
pub(crate) fn response(response: CollectedResponse, took: Duration) -> CallResponse {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let shown = if may_be_secret(name.as_str()) {
            MASKED.into()
        } else {
            String::from_utf8_lossy(value.as_bytes())
        };
        (name.to_string(), shown.into_owned())
    };
    let media_type = response
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    CallResponse {
        status: response.status.as_u16(),
        milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        body: body(media_type.unwrap_or_default(), response.body),
        headers: response.headers.iter().map(header).collect(),
        next: response.next.map(Into::into),
        decisions: response.decisions.iter().map(ToString::to_string).collect(),
        step_up: response.step_up.map(step_up),
    }
}

fn step_up(wanted: StepUp) -> StepUpView {
    StepUpView {
        reason: wanted.to_string(),
        meaning: wanted.missing_scope().as_deref().map(permissions::meaning),
        scopes: wanted.scopes.iter().map(str::to_owned).collect(),
        acr_values: wanted.acr_values,
        max_age: wanted
            .max_age
            .map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
    }
}

/// A `data:` URL of these bytes.
pub(crate) fn data_url(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}

fn body(content_type: &str, bytes: Vec<u8>) -> BodyView {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if bytes.is_empty() {
        return BodyView::Empty;
    }
    if IMAGES.contains(&media_type.as_str()) {
        return BodyView::Image {
            data_url: data_url(&media_type, &bytes),
        };
    }
    let size = bytes.len() as u64;
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => BodyView::Binary {
            media_type,
            bytes: size,
        },
        Ok(text) if is_json(&media_type) && text.len() <= MAX_TEXT && is_well_formed(&text) => {
            BodyView::Json { text }
        }
        Ok(mut text) => {
            let end = text.floor_char_boundary(MAX_TEXT);
            let truncated = end < text.len();
            text.truncate(end);
            BodyView::Text { text, truncated }
        }
        Err(_) => BodyView::Binary {
            media_type,
            bytes: size,
        },
    }
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

fn is_well_formed(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether a field of this name (in lower case, as HTTP libraries give it) may hold a secret.
fn may_be_secret(name: &str) -> bool {
    const PARTS: [&str; 6] = ["auth", "cookie", "key", "secret", "session", "token"];
    name != "www-authenticate" && PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_body_is_shown_as_what_it_is() {
        let check = |media_type: &str, bytes: &[u8], expected: serde_json::Value| {
            let shown = serde_json::to_value(body(media_type, bytes.to_vec())).unwrap();
            assert_eq!(shown, expected, "{media_type} {bytes:?}");
        };
        let json = |text: &str| serde_json::json!({ "kind": "json", "text": text });
        let text = |text: &str| serde_json::json!({ "kind": "text", "text": text, "truncated": false });
        check("application/json", b"", serde_json::json!({ "kind": "empty" }));
        check("application/json", br#"{"a":1}"#, json(r#"{"a":1}"#));
        check("Application/JSON; charset=utf-8", b"[]", json("[]"));
        check("application/problem+json", b"{}", json("{}"));
        // What says that it is JSON and is none is shown as it came.
        check("application/json", b"<html>", text("<html>"));
        check("text/html; charset=utf-8", b"<p>hi", text("<p>hi"));
        check("", b"plain", text("plain"));
        check("image/svg+xml", b"<svg/>", text("<svg/>"));
        check(
            "image/png",
            b"\x89PNG",
            serde_json::json!({ "kind": "image", "data_url": "data:image/png;base64,iVBORw==" }),
        );
        check(
            "application/pdf",
            b"%PDF\xff",
            serde_json::json!({ "kind": "binary", "media_type": "application/pdf", "bytes": 5 }),
        );
        check(
            "text/plain",
            b"a\0b",
            serde_json::json!({ "kind": "binary", "media_type": "text/plain", "bytes": 3 }),
        );
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let long = format!("a{}", "ä".repeat(MAX_TEXT));
        let BodyView::Text { text, truncated } = body("text/plain", long.into_bytes()) else {
            panic!("not text");
        };
        assert!(truncated && text.len() == MAX_TEXT - 1 && text.ends_with('ä'));
    }

    #[test]
    fn fields_that_may_hold_secrets_are_masked() {
        let check = |name: &str, masked: bool| assert_eq!(may_be_secret(name), masked, "{name}");
        check("set-cookie", true);
        check("authorization", true);
        check("x-api-key", true);
        check("x-csrf-token", true);
        check("x-amz-security-token", true);
        check("www-authenticate", false);
        check("content-type", false);
        check("link", false);
        check("x-ratelimit-remaining", false);
    }
}
