//! Where a token may go, and what an answer says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use futures_util::stream;

use super::*;
use crate::ports::StreamedResponse;
use crate::testing::account;

fn response(status: u16, fields: &[(&str, &str)]) -> StreamedResponse {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    StreamedResponse {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: Box::pin(stream::empty()),
    }
}

#[test]
fn a_token_goes_only_to_allowed_origins() {
    let account = account(
        "https://login.example/tenant",
        "ann",
        &["https://api.example", "http://127.0.0.1:4000"],
    );
    let check = |url: &str, good: bool| {
        let decision = allowed(&account, None, &Url::parse(url).unwrap());
        assert_eq!(decision.is_ok(), good, "{url}: {decision:?}");
    };
    check("https://login.example/userinfo", true);
    check("https://login.example:443/userinfo", true);
    check("https://api.example/items?page=2", true);
    check("http://127.0.0.1:4000/x", true);
    check("https://API.example/x", true);
    // Another host, port, scheme or user is another place.
    check("https://login.example:8443/userinfo", false);
    check("https://api.example.evil.example/x", false);
    check("https://evil.example/?https://api.example", false);
    check("https://evil.example\\@api.example/", false);
    check("http://api.example/x", false);
    check("http://127.0.0.1:4001/x", false);
    check("http://localhost:4000/x", false);
    check("https://ann@api.example/x", false);
    check("https://api.example@evil.example/x", false);
    check("ftp://api.example/x", false);
    check("data:text/plain,x", false);
}

#[test]
fn fields_that_carry_identity_are_not_the_callers() {
    let check = |name: &str, text: &str, good: bool| {
        let request = ApiRequest {
            headers: vec![(name.to_owned(), text.to_owned())],
            ..ApiRequest::get("https://x")
        };
        assert_eq!(fields(&request).is_ok(), good, "{name}");
    };
    check("Accept-Language", "en", true);
    check("authorization", "Bearer x", false);
    check("Cookie", "a=b", false);
    check("HOST", "evil.example", false);
    check("Content-Length", "0", false);
    check("Transfer-Encoding", "chunked", false);
    check("X-Split", "a\r\nB: c", false);
    check("bad name", "x", false);
}

#[test]
fn a_403_says_which_permission_is_missing() {
    let check = |status: u16, challenge: &str, scope: Option<&str>| {
        let response = response(status, &[("www-authenticate", challenge)]);
        let wanted = StepUp::of(response.status, &response.headers);
        let missing = wanted.and_then(|wanted| wanted.missing_scope());
        assert_eq!(missing.as_deref(), scope, "{status} {challenge}");
    };
    let plain = r#"Bearer realm="api", error="insufficient_scope", scope="a:read b:read""#;
    check(403, plain, Some("a:read b:read"));
    check(403, "bearer error=insufficient_scope, scope=a", Some("a"));
    check(
        403,
        r#"Bearer error_description="a \"scope=b\", c", error="insufficient_scope", scope="x""#,
        Some("x"),
    );
    check(403, r#"Bearer error="insufficient_scope""#, None);
    check(403, r#"Bearer error="invalid_token", scope="a""#, None);
    check(403, r#"Basic error="insufficient_scope", scope="a""#, None);
    check(401, plain, None);
    check(403, "Bearer", None);
    check(
        403,
        r#"Bearer error="insufficient_scope", scope="unterminated"#,
        Some("unterminated"),
    );
}

#[test]
fn the_next_page_is_in_the_same_origin() {
    let from = Url::parse("https://api.example/items?page=1").unwrap();
    let check = |link: &str, next: Option<&str>| {
        let response = response(200, &[("link", link)]);
        assert_eq!(
            next_page(&response.headers, &from).as_ref().map(Url::as_str),
            next,
            "{link}"
        );
    };
    check(
        r#"</items?page=2>; rel="next""#,
        Some("https://api.example/items?page=2"),
    );
    check(
        r#"<https://api.example/items?page=0>; rel="prev", <https://api.example/items?page=2>; rel="next last""#,
        Some("https://api.example/items?page=2"),
    );
    check(
        r#"<?page=2>; title="x"; REL=next"#,
        Some("https://api.example/items?page=2"),
    );
    check(r#"<https://evil.example/items?page=2>; rel="next""#, None);
    check(r#"</items?page=2>; rel="prev""#, None);
    check("nonsense", None);
}

#[test]
fn a_redirect_is_read_only_from_a_redirect() {
    let from = Url::parse("https://api.example/a/b").unwrap();
    let check = |status: u16, location: &str, target: Option<&str>| {
        let response = response(status, &[("location", location)]);
        assert_eq!(
            redirect(&response, &from).as_ref().map(Url::as_str),
            target,
            "{status} {location}"
        );
    };
    check(302, "../c", Some("https://api.example/c"));
    check(307, "//evil.example/x", Some("https://evil.example/x"));
    check(200, "/c", None);
    check(304, "/c", None);
}
