//! The faults by name, as `POST /faults` takes them.

use std::time::Duration;

use serde_json::json;

use super::{Change, Document, Fault, HttpFault, SignatureFault};
use crate::log::Endpoint;

/// A row of the catalogue.
#[derive(Clone, Debug)]
pub struct Named {
    /// Stable name.
    pub name: &'static str,
    /// What goes wrong.
    pub fault: Fault,
}

/// Every fault that can be asked for by name.
pub fn catalogue() -> Vec<Named> {
    let mut rows = http_rows();
    rows.extend(document_rows());
    rows.extend(callback_rows());
    rows
}

fn row(name: &'static str, fault: Fault) -> Named {
    Named { name, fault }
}

fn http_rows() -> Vec<Named> {
    let status = |status, retry_after| HttpFault::Status { status, retry_after };
    [
        ("token-500", Endpoint::Token, status(500, None)),
        ("token-503-retry-after", Endpoint::Token, status(503, Some(2))),
        ("token-429-retry-after", Endpoint::Token, status(429, Some(2))),
        ("token-html", Endpoint::Token, HttpFault::Html),
        ("token-not-json", Endpoint::Token, HttpFault::NotJson),
        (
            "token-redirect",
            Endpoint::Token,
            HttpFault::Redirect("http://127.0.0.1:9/token"),
        ),
        (
            "token-slow",
            Endpoint::Token,
            HttpFault::Slow(Duration::from_secs(30)),
        ),
        ("token-hold", Endpoint::Token, HttpFault::Hold),
        ("token-drop", Endpoint::Token, HttpFault::Drop),
        ("token-drop-after", Endpoint::Token, HttpFault::DropAfter),
        ("token-cut", Endpoint::Token, HttpFault::Cut),
        ("discovery-404", Endpoint::Discovery, status(404, None)),
        ("discovery-500", Endpoint::Discovery, status(500, None)),
        ("discovery-html", Endpoint::Discovery, HttpFault::Html),
        ("discovery-not-json", Endpoint::Discovery, HttpFault::NotJson),
        ("key-set-500", Endpoint::KeySet, status(500, None)),
        ("key-set-html", Endpoint::KeySet, HttpFault::Html),
        ("userinfo-500", Endpoint::Userinfo, status(500, None)),
        ("userinfo-401", Endpoint::Userinfo, status(401, None)),
        (
            "revocation-503-retry-after",
            Endpoint::Revocation,
            status(503, Some(2)),
        ),
        ("revocation-drop", Endpoint::Revocation, HttpFault::Drop),
        (
            "device-authorization-500",
            Endpoint::DeviceAuthorization,
            status(500, None),
        ),
        ("api-500", Endpoint::Api, status(500, None)),
        ("api-429-retry-after", Endpoint::Api, status(429, Some(2))),
        (
            "api-slow",
            Endpoint::Api,
            HttpFault::Slow(Duration::from_secs(30)),
        ),
        ("api-hold", Endpoint::Api, HttpFault::Hold),
        ("api-drop", Endpoint::Api, HttpFault::Drop),
        ("api-cut", Endpoint::Api, HttpFault::Cut),
    ]
    .into_iter()
    .map(|(name, endpoint, fault)| row(name, Fault::Http { endpoint, fault }))
    .chain([
        row("token-invalid-grant", Fault::Refuse("invalid_grant")),
        row("github-bad-refresh-token", Fault::Refuse("bad_refresh_token")),
    ])
    .collect()
}

fn document_rows() -> Vec<Named> {
    use Document::{AccessToken, Discovery, IdToken, IdTokenHeader, TokenResponse, Userinfo};
    let elsewhere = "http://provider.example/endpoint";
    [
        (
            "discovery-issuer-mismatch",
            Discovery,
            Change::Append("issuer", "INVALID"),
        ),
        (
            "discovery-other-issuer",
            Discovery,
            Change::Set("issuer", json!("https://other.example")),
        ),
        (
            "discovery-http-token-endpoint",
            Discovery,
            Change::Set("token_endpoint", json!(elsewhere)),
        ),
        (
            "discovery-http-authorization-endpoint",
            Discovery,
            Change::Set("authorization_endpoint", json!(elsewhere)),
        ),
        (
            "discovery-http-key-set",
            Discovery,
            Change::Set("jwks_uri", json!(elsewhere)),
        ),
        (
            "discovery-no-token-endpoint",
            Discovery,
            Change::Remove("token_endpoint"),
        ),
        (
            "discovery-no-iss-parameter",
            Discovery,
            Change::Remove("authorization_response_iss_parameter_supported"),
        ),
        (
            "discovery-no-device-grant",
            Discovery,
            Change::Remove("device_authorization_endpoint"),
        ),
        ("id-token-wrong-iss", IdToken, Change::Append("iss", "1")),
        ("id-token-wrong-aud", IdToken, Change::Append("aud", "1")),
        (
            "id-token-extra-aud",
            IdToken,
            Change::Set("aud", json!(["tessera-desktop", "other"])),
        ),
        ("id-token-wrong-azp", IdToken, Change::Set("azp", json!("other"))),
        ("id-token-wrong-nonce", IdToken, Change::Append("nonce", "1")),
        ("id-token-wrong-sub", IdToken, Change::Append("sub", "1")),
        ("id-token-wrong-at-hash", IdToken, Change::Append("at_hash", "1")),
        (
            "id-token-expired",
            IdToken,
            Change::Set("exp", json!(1_000_000_000)),
        ),
        (
            "id-token-from-the-future",
            IdToken,
            Change::Set("iat", json!(32_503_680_000_i64)),
        ),
        ("id-token-old", IdToken, Change::Set("iat", json!(1_000_000_000))),
        ("id-token-no-iss", IdToken, Change::Remove("iss")),
        ("id-token-no-sub", IdToken, Change::Remove("sub")),
        ("id-token-no-aud", IdToken, Change::Remove("aud")),
        ("id-token-no-exp", IdToken, Change::Remove("exp")),
        ("id-token-no-iat", IdToken, Change::Remove("iat")),
        ("id-token-no-nonce", IdToken, Change::Remove("nonce")),
        ("id-token-no-at-hash", IdToken, Change::Remove("at_hash")),
        (
            "id-token-crit",
            IdTokenHeader,
            Change::Set("crit", json!(["unknown"])),
        ),
        ("access-token-wrong-iss", AccessToken, Change::Append("iss", "1")),
        ("access-token-wrong-aud", AccessToken, Change::Append("aud", "1")),
        ("token-no-id-token", TokenResponse, Change::Remove("id_token")),
        (
            "token-no-access-token",
            TokenResponse,
            Change::Remove("access_token"),
        ),
        (
            "token-no-refresh-token",
            TokenResponse,
            Change::Remove("refresh_token"),
        ),
        ("token-no-expires-in", TokenResponse, Change::Remove("expires_in")),
        ("token-no-scope", TokenResponse, Change::Remove("scope")),
        ("token-no-token-type", TokenResponse, Change::Remove("token_type")),
        (
            "token-other-type",
            TokenResponse,
            Change::Set("token_type", json!("DPoP")),
        ),
        (
            "token-type-lower-case",
            TokenResponse,
            Change::Set("token_type", json!("bearer")),
        ),
        ("userinfo-wrong-sub", Userinfo, Change::Append("sub", "invalid")),
        ("userinfo-no-sub", Userinfo, Change::Remove("sub")),
    ]
    .into_iter()
    .map(|(name, document, change)| row(name, Fault::Json { document, change }))
    .chain(
        [
            ("id-token-bad-signature", SignatureFault::Broken),
            ("id-token-alg-none", SignatureFault::None),
            ("id-token-other-key", SignatureFault::OtherKey),
            ("id-token-unknown-key", SignatureFault::UnknownKey),
            ("id-token-no-kid", SignatureFault::NoKeyId),
            ("id-token-hmac", SignatureFault::Hmac),
        ]
        .into_iter()
        .map(|(name, fault)| row(name, Fault::Signature(fault))),
    )
    .collect()
}

fn callback_rows() -> Vec<Named> {
    [
        ("callback-wrong-state", Change::Append("state", "1")),
        ("callback-no-state", Change::Remove("state")),
        ("callback-repeated-state", Change::Repeat("state")),
        ("callback-wrong-iss", Change::Append("iss", "1")),
        ("callback-no-iss", Change::Remove("iss")),
        ("callback-repeated-iss", Change::Repeat("iss")),
        ("callback-no-code", Change::Remove("code")),
        ("callback-repeated-code", Change::Repeat("code")),
        (
            "callback-error-and-code",
            Change::Set("error", json!("server_error")),
        ),
        (
            "callback-extra-parameter",
            Change::Set("hd", json!("example.test")),
        ),
    ]
    .into_iter()
    .map(|(name, change)| row(name, Fault::Callback(change)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        let mut names: Vec<&str> = catalogue().iter().map(|row| row.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
