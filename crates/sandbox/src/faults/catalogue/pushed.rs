//! Pushed authorization requests (RFC 9126).

use serde_json::json;

use super::{Named, row};
use crate::faults::{Change, Document, ELSEWHERE, Fault, HttpFault};
use crate::log::Endpoint;
use crate::options::PushedRequests;

#[rustfmt::skip]
pub(super) fn rows() -> Vec<Named> {
    let set = |name, value| Change::Set(name, value);
    let metadata = |name, change, says| row(name, Fault::Json { document: Document::Discovery, change }, says);
    let answer = |name, change, says| row(name, Fault::Json { document: Document::PushedResponse, change }, says);
    let http = |name, fault, says| row(name, Fault::Http { endpoint: Endpoint::PushedAuthorization, fault }, says);
    let status = |status| HttpFault::Status { status, retry_after: None };
    vec![
        row("par-offered", Fault::PushedRequests(PushedRequests::Offered), "The provider says where authorization requests can be pushed."),
        row("par-required", Fault::PushedRequests(PushedRequests::Required), "The provider takes only pushed authorization requests, and says so."),
        row("par-expired", Fault::PushedRequestExpired, "A pushed authorization request has run out as soon as it is named."),
        metadata("par-required-nowhere", set("require_pushed_authorization_requests", json!(true)), "The provider says that it takes only pushed authorization requests, and not where."),
        metadata("par-insecure", set("pushed_authorization_request_endpoint", json!("http://login.example.test/par")), "Authorization requests are to be pushed over an open line."),
        answer("par-no-request-uri", Change::Remove("request_uri"), "A pushed authorization request gets no name."),
        answer("par-odd-request-uri", set("request_uri", json!("urn:one two")), "A pushed authorization request gets a name with a space in it."),
        answer("par-no-expires-in", Change::Remove("expires_in"), "It is not said how long a pushed authorization request is good for."),
        http("par-400", status(400), "A pushed authorization request is answered with status 400 and no error code."),
        http("par-500", status(500), "A pushed authorization request is answered with status 500."),
        http("par-200", status(200), "A pushed authorization request is answered with status 200 and no name."),
        http("par-html", HttpFault::Html, "A web page comes instead of the answer to a pushed authorization request."),
        http("par-redirect", HttpFault::Redirect(ELSEWHERE), "A pushed authorization request is sent on to another address."),
        http("par-drop", HttpFault::Drop, "The connection is closed when an authorization request is pushed."),
    ]
}
