//! HTTP messages as values: this crate writes requests and reads responses, and never sends anything.

use std::time::UNIX_EPOCH;

use http::{HeaderMap, Method, StatusCode, header};
use url::Url;
use zeroize::Zeroizing;

use crate::ids::UnixTime;

/// The most bytes that any protocol response (metadata, keys, tokens, userinfo) may have.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// A request to be sent as it is, without following redirects (RFC 9700 section 4.11 and OAuth practice:
/// a redirected token request would carry its secrets elsewhere).
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: Url,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body; may hold secrets, so it is wiped when dropped.
    pub body: Zeroizing<Vec<u8>>,
}

impl Request {
    /// A GET that asks for JSON.
    pub fn get_json(url: Url) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT,
            header::HeaderValue::from_static("application/json"),
        );
        Self {
            method: Method::GET,
            url,
            headers,
            body: Zeroizing::default(),
        }
    }

    /// A POST of form fields (`application/x-www-form-urlencoded`) that asks for JSON.
    pub fn post_form<'a>(url: Url, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let mut request = Self::get_json(url);
        request.method = Method::POST;
        request.headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        request.body = Zeroizing::new(form.finish().into_bytes());
        request
    }
}

impl std::fmt::Debug for Request {
    /// Method and address without query: bodies, headers and queries may carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let origin = self.url.origin().ascii_serialization();
        write!(f, "Request({} {origin}{})", self.method, self.url.path())
    }
}

/// A response, read whole and bounded by whoever received it.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The body; may hold secrets, so it is wiped when dropped.
    pub body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// The media type without parameters, in lower case; empty when the field is missing or unreadable.
    pub fn media_type(&self) -> String {
        self.headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase())
            .unwrap_or_default()
    }

    /// What the time is at the sender, by the date that it gave the answer (RFC 9110 section 6.6.1) and, where a cache
    /// handed it on, the time that it was kept there (RFC 9111 section 5.1); `None` when it does not say, or what it
    /// says is no date, or is given twice. It is as good as the connection that it came by.
    pub fn date(&self) -> Option<UnixTime> {
        let age = self.age()?;
        let mut fields = self.headers.get_all(header::DATE).iter();
        let (field, None) = (fields.next()?, fields.next()) else {
            return None;
        };
        let date = httpdate::parse_http_date(field.to_str().ok()?).ok()?;
        let seconds = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
        i64::try_from(seconds)
            .ok()
            .map(|seconds| UnixTime(seconds).plus(age))
    }

    /// Seconds that the answer was kept in caches; 0 where none says so, `None` where what it says cannot be read.
    fn age(&self) -> Option<i64> {
        let mut fields = self.headers.get_all(header::AGE).iter();
        let Some(field) = fields.next() else {
            return Some(0);
        };
        let text = field.to_str().ok().filter(|_| fields.next().is_none())?;
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_plain)
    }
}

impl std::fmt::Debug for Response {
    /// Status, media type and size: the body may be a token response.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Response({} {:?} {} bytes)",
            self.status.as_u16(),
            self.media_type(),
            self.body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read_or_there_is_none() {
        let check = |fields: &[&str], expected: Option<i64>| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::DATE, header::HeaderValue::from_str(field).unwrap());
            }
            let response = Response {
                status: StatusCode::OK,
                headers,
                body: Zeroizing::default(),
            };
            assert_eq!(response.date(), expected.map(UnixTime), "{fields:?}");
        };
        check(&["Fri, 15 Jan 2027 08:00:00 GMT"], Some(1_800_000_000));
        // The obsolete forms, which a recipient has to read (RFC 9110 section 5.6.7).
        check(&["Friday, 15-Jan-27 08:00:00 GMT"], Some(1_800_000_000));
        check(&["Fri Jan 15 08:00:00 2027"], Some(1_800_000_000));
        check(&[], None);
        check(&["now"], None);
        check(&["1800000000"], None);
        check(&["Fri, 15 Jan 2027 08:00:00 +0100"], None);
        check(&["Fri, 15 Jan 2027 08:00:00 GMT"; 2], None);
    }

    #[test]
    fn an_answer_that_a_cache_kept_is_as_old_as_the_cache_says() {
        let check = |ages: &[&str], expected: Option<i64>| {
            let mut headers = HeaderMap::new();
            headers.append(
                header::DATE,
                header::HeaderValue::from_static("Fri, 15 Jan 2027 08:00:00 GMT"),
            );
            for age in ages {
                headers.append(header::AGE, header::HeaderValue::from_str(age).unwrap());
            }
            let response = Response {
                status: StatusCode::OK,
                headers,
                body: Zeroizing::default(),
            };
            assert_eq!(response.date(), expected.map(UnixTime), "{ages:?}");
        };
        check(&[], Some(1_800_000_000));
        check(&["0"], Some(1_800_000_000));
        check(&["3000"], Some(1_800_003_000));
        for unreadable in ["", "-1", "+1", "1.5", "old", "99999999999999999999"] {
            check(&[unreadable], None);
        }
        check(&["1", "1"], None);
    }
}
