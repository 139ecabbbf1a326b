//! What becomes of whole answers, and refusals of the token endpoint.

use std::time::Duration;

use super::{Named, row};
use crate::faults::{ELSEWHERE, Fault, HttpFault};
use crate::log::Endpoint;

const SLOW: HttpFault = HttpFault::Slow(Duration::from_secs(30));

pub(super) fn rows() -> Vec<Named> {
    let of = |endpoint: Endpoint, rows: Vec<(&'static str, HttpFault, &'static str)>| {
        let named = move |(name, fault, says)| row(name, Fault::Http { endpoint, fault }, says);
        rows.into_iter().map(named).collect::<Vec<_>>()
    };
    [
        of(Endpoint::Discovery, discovery()),
        of(Endpoint::KeySet, key_set()),
        of(Endpoint::Token, token()),
        vec![row(
            "basic-as-it-stands",
            Fault::BasicAsItStands,
            "A client's secret in the header is not decoded before it is compared.",
        )],
        refusals(),
        of(Endpoint::Userinfo, userinfo()),
        of(Endpoint::Revocation, revocation()),
        of(Endpoint::DeviceAuthorization, device()),
        of(Endpoint::Api, api()),
    ]
    .concat()
}

fn status(status: u16) -> HttpFault {
    HttpFault::Status {
        status,
        retry_after: None,
    }
}

fn later(status: u16) -> HttpFault {
    HttpFault::Status {
        status,
        retry_after: Some(2),
    }
}

type Rows = Vec<(&'static str, HttpFault, &'static str)>;

#[rustfmt::skip]
fn discovery() -> Rows {
    vec![
        ("discovery-404", status(404), "The discovery document is not there."),
        ("discovery-500", status(500), "The discovery document is answered with status 500."),
        ("discovery-html", HttpFault::Html, "A web page comes instead of the discovery document."),
        ("discovery-not-json", HttpFault::NotJson, "The discovery document is broken JSON."),
        ("discovery-redirect", HttpFault::Redirect(ELSEWHERE), "The discovery document has moved to another server, where nobody has any business."),
        ("discovery-drop", HttpFault::Drop, "The connection is closed when the discovery document is asked for."),
        ("discovery-stall", HttpFault::Stall, "The discovery document breaks off in the middle, and the connection stays open."),
        ("discovery-huge", HttpFault::Huge, "The discovery document is followed by megabytes of white space."),
        ("discovery-labelled-text", HttpFault::Labelled("text/plain"), "The discovery document is right, and labelled as plain text."),
        ("discovery-labelled-html", HttpFault::Labelled("text/html"), "The discovery document is right, and labelled as a web page."),
    ]
}

#[rustfmt::skip]
fn key_set() -> Rows {
    vec![
        ("key-set-500", status(500), "The key set is answered with status 500."),
        ("key-set-html", HttpFault::Html, "A web page comes instead of the key set."),
        ("key-set-not-json", HttpFault::NotJson, "The key set is broken JSON."),
        ("key-set-redirect", HttpFault::Redirect(ELSEWHERE), "The key set has moved to another server, where nobody has any business."),
        ("key-set-stall", HttpFault::Stall, "The key set breaks off in the middle, and the connection stays open."),
        ("key-set-huge", HttpFault::Huge, "The key set is followed by megabytes of white space."),
    ]
}

#[rustfmt::skip]
fn token() -> Rows {
    vec![
        ("token-500", status(500), "The token endpoint answers with status 500."),
        ("token-bare-400", HttpFault::Bare(400), "The token endpoint refuses with status 400 and does not say why."),
        ("token-503-retry-after", later(503), "The token endpoint answers with status 503 and asks to wait two seconds."),
        ("token-429-retry-after", later(429), "The token endpoint answers with status 429 and asks to wait two seconds."),
        ("token-502-html", HttpFault::Page(502), "The token endpoint answers with status 502 and a web page, as a server in front of it does."),
        ("token-html", HttpFault::Html, "A web page comes instead of the token response."),
        ("token-not-json", HttpFault::NotJson, "The token response is broken JSON."),
        ("token-redirect", HttpFault::Redirect(ELSEWHERE), "The token endpoint sends the request, secrets and all, to another address."),
        ("token-slow", SLOW, "The token endpoint takes half a minute to answer."),
        ("token-hold", HttpFault::Hold, "The token endpoint does not answer until the fault is ended."),
        ("token-drop", HttpFault::Drop, "The token endpoint closes the connection and does nothing."),
        ("token-drop-after", HttpFault::DropAfter, "The token endpoint carries the request out and closes the connection without an answer."),
        ("token-cut", HttpFault::Cut, "The token response breaks off in the middle."),
        ("token-stall", HttpFault::Stall, "The token response breaks off in the middle, and the connection stays open."),
        ("token-huge", HttpFault::Huge, "The token response is followed by megabytes of white space."),
        ("token-labelled-text", HttpFault::Labelled("text/plain"), "The token response is right, and labelled as plain text."),
        ("token-labelled-html", HttpFault::Labelled("text/html"), "The token response is right, and labelled as a web page."),
    ]
}

#[rustfmt::skip]
fn refusals() -> Vec<Named> {
    vec![
        row("token-invalid-grant", Fault::Refuse("invalid_grant"), "The token endpoint refuses what it is shown with `invalid_grant`."),
        row("token-invalid-client", Fault::Refuse("invalid_client"), "The token endpoint does not know the client."),
        row("token-slow-down", Fault::Refuse("slow_down"), "The token endpoint wants to be asked less often."),
        row("token-error-with-200", Fault::RefuseWithOk("invalid_grant"), "The token endpoint refuses with `invalid_grant`, and says so with status 200."),
        row("github-bad-refresh-token", Fault::Refuse("bad_refresh_token"), "The token endpoint refuses with GitHub's own `bad_refresh_token`."),
        row("github-bad-code", Fault::Refuse("bad_verification_code"), "The token endpoint refuses with GitHub's own `bad_verification_code`."),
    ]
}

#[rustfmt::skip]
fn userinfo() -> Rows {
    vec![
        ("userinfo-500", status(500), "The profile is answered with status 500."),
        ("userinfo-401", status(401), "The profile is refused to the token that was just given."),
        ("userinfo-bare-401", HttpFault::Bare(401), "The profile is refused with status 401 and nothing else."),
        ("userinfo-html", HttpFault::Html, "A web page comes instead of the profile."),
        ("userinfo-redirect", HttpFault::Redirect(ELSEWHERE), "The userinfo endpoint sends the request, token and all, to another address."),
        ("userinfo-huge", HttpFault::Huge, "The profile is followed by megabytes of white space."),
    ]
}

#[rustfmt::skip]
fn revocation() -> Rows {
    vec![
        ("revocation-503-retry-after", later(503), "Revocation is answered with status 503 and a wish to wait two seconds."),
        ("revocation-bare-401", HttpFault::Bare(401), "Revocation is refused with status 401 and nothing else, as to a client without a secret."),
        ("revocation-drop", HttpFault::Drop, "The connection is closed when a token is to be revoked."),
    ]
}

#[rustfmt::skip]
fn device() -> Rows {
    vec![("device-authorization-500", status(500), "A device that asks for its codes is answered with status 500.")]
}

#[rustfmt::skip]
fn api() -> Rows {
    vec![
        ("api-500", status(500), "The protected API answers with status 500."),
        ("api-429-retry-after", later(429), "The protected API answers with status 429 and asks to wait two seconds."),
        ("api-slow", SLOW, "The protected API takes half a minute to answer."),
        ("api-hold", HttpFault::Hold, "The protected API does not answer until the fault is ended."),
        ("api-drop", HttpFault::Drop, "The protected API closes the connection without an answer."),
        ("api-cut", HttpFault::Cut, "The protected API's answer breaks off in the middle."),
        ("api-dpop-odd-case", HttpFault::OddScheme, "The protected API spells the scheme of its challenges `dPoP`."),
    ]
}
