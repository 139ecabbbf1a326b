//! What is changed in JSON that is sent, or signed and sent.

use serde_json::{Value, json};

use super::{Named, row};
use crate::faults::Document::{
    AccessToken, DeviceResponse, Discovery, IdToken, IdTokenHeader, TokenResponse, Userinfo,
};
use crate::faults::{Change, Document, ELSEWHERE, Fault};

type Rows = Vec<(&'static str, Change, &'static str)>;

pub(super) fn rows() -> Vec<Named> {
    let of = |document: Document, rows: Rows| {
        let named = move |(name, change, says)| row(name, Fault::Json { document, change }, says);
        rows.into_iter().map(named).collect::<Vec<_>>()
    };
    [
        of(Discovery, discovery_names()),
        of(Discovery, discovery_addresses()),
        of(IdToken, id_token()),
        of(IdTokenHeader, id_token_header()),
        of(AccessToken, access_token()),
        of(TokenResponse, token_response()),
        of(Userinfo, userinfo()),
        of(DeviceResponse, device_response()),
    ]
    .concat()
}

fn set(name: &'static str, value: impl Into<Value>) -> Change {
    Change::Set(name, value.into())
}

fn add(name: &'static str, text: &'static str) -> Change {
    Change::Append(name, text)
}

fn without(name: &'static str) -> Change {
    Change::Remove(name)
}

#[rustfmt::skip]
fn discovery_names() -> Rows {
    let iss = "authorization_response_iss_parameter_supported";
    let pkce = "code_challenge_methods_supported";
    vec![
        ("discovery-issuer-mismatch", add("issuer", "INVALID"), "The discovery document names an issuer with something appended."),
        ("discovery-other-issuer", set("issuer", "https://other.example"), "The discovery document names another issuer altogether."),
        ("discovery-issuer-slash", add("issuer", "/"), "The discovery document names the issuer with a slash at the end."),
        ("discovery-no-issuer", without("issuer"), "The discovery document names no issuer."),
        ("discovery-no-iss-parameter", without(iss), "The discovery document does not say that callbacks carry `iss`."),
        ("discovery-pkce-plain", set(pkce, json!(["plain"])), "The discovery document offers PKCE with the method `plain` only."),
        ("discovery-pkce-none", set(pkce, json!([])), "The discovery document lists its PKCE methods, and there are none."),
        ("discovery-pkce-unmentioned", without(pkce), "The discovery document says nothing of PKCE."),
        ("discovery-algorithms-weak", set("id_token_signing_alg_values_supported", json!(["none", "HS256", "ES256"])), "The discovery document offers unsigned and secret-keyed ID tokens beside signed ones."),
        ("discovery-mtls-aliases", set("mtls_endpoint_aliases", json!({ "token_endpoint": "https://mtls.provider.example/token" })), "The discovery document names other endpoints for clients with certificates."),
    ]
}

#[rustfmt::skip]
fn discovery_addresses() -> Rows {
    let plain = "http://provider.example/endpoint";
    vec![
        ("discovery-http-token-endpoint", set("token_endpoint", plain), "The discovery document names a token endpoint over plain http."),
        ("discovery-http-authorization-endpoint", set("authorization_endpoint", plain), "The discovery document names an authorization endpoint over plain http."),
        ("discovery-http-key-set", set("jwks_uri", plain), "The discovery document names a key set over plain http."),
        ("discovery-http-userinfo", set("userinfo_endpoint", plain), "The discovery document names a userinfo endpoint over plain http."),
        ("discovery-file-authorization-endpoint", set("authorization_endpoint", "file:///etc/passwd"), "The discovery document names a file as its authorization endpoint."),
        ("discovery-private-token-endpoint", set("token_endpoint", "https://10.20.30.40/token"), "The discovery document names a token endpoint on a private network."),
        ("discovery-loopback-key-set", set("jwks_uri", "https://127.0.0.1:9/keys"), "The discovery document names a key set on the reader's own machine."),
        ("discovery-link-local-userinfo", set("userinfo_endpoint", "https://169.254.169.254/userinfo"), "The discovery document names a userinfo endpoint on a link-local address."),
        ("discovery-localhost-revocation", set("revocation_endpoint", "https://localhost:9/revoke"), "The discovery document names a revocation endpoint on the reader's own machine, by name."),
        ("discovery-moved-key-set", add("jwks_uri", "/moved"), "The discovery document names another address for the key set, and the keys are there."),
        ("discovery-no-token-endpoint", without("token_endpoint"), "The discovery document names no token endpoint."),
        ("discovery-no-authorization-endpoint", without("authorization_endpoint"), "The discovery document names no authorization endpoint."),
        ("discovery-no-key-set", without("jwks_uri"), "The discovery document names no key set."),
        ("discovery-no-userinfo", without("userinfo_endpoint"), "The discovery document names no userinfo endpoint."),
        ("discovery-no-device-grant", without("device_authorization_endpoint"), "The discovery document offers no sign-in on another device."),
        ("discovery-no-revocation", without("revocation_endpoint"), "The discovery document names no revocation endpoint."),
    ]
}

#[rustfmt::skip]
fn id_token() -> Rows {
    vec![
        ("id-token-wrong-iss", add("iss", "1"), "The ID token is from an issuer with something appended."),
        ("id-token-wrong-aud", add("aud", "1"), "The ID token is for a client with something appended."),
        ("id-token-extra-aud", set("aud", json!(["tessera-desktop", "other"])), "The ID token is for another client as well."),
        ("id-token-aud-list", set("aud", json!(["tessera-desktop"])), "The ID token names its one audience in a list."),
        ("id-token-empty-aud", set("aud", json!([])), "The ID token has a list of audiences with nobody in it."),
        ("id-token-wrong-azp", set("azp", "other"), "The ID token was handed to another client."),
        ("id-token-wrong-nonce", add("nonce", "1"), "The ID token's nonce has something appended."),
        ("id-token-wrong-sub", add("sub", "1"), "The ID token is about another person."),
        ("id-token-long-sub", set("sub", "x".repeat(256)), "The ID token names the person with more than 255 characters."),
        ("id-token-odd-sub", set("sub", "ann\u{202e}\n"), "The ID token names the person with characters that are not ASCII."),
        ("id-token-wrong-at-hash", add("at_hash", "1"), "The ID token's hash is of another access token."),
        ("id-token-expired", set("exp", 1_000_000_000), "The ID token expired years ago."),
        ("id-token-from-the-future", set("iat", 32_503_680_000_i64), "The ID token was issued in the far future."),
        ("id-token-old", set("iat", 1_000_000_000), "The ID token was issued years ago."),
        ("id-token-not-yet", set("nbf", 32_503_680_000_i64), "The ID token is good only in the far future."),
        ("id-token-no-iss", without("iss"), "The ID token names no issuer."),
        ("id-token-no-sub", without("sub"), "The ID token names no person."),
        ("id-token-no-aud", without("aud"), "The ID token names no audience."),
        ("id-token-no-exp", without("exp"), "The ID token does not say when it expires."),
        ("id-token-no-iat", without("iat"), "The ID token does not say when it was issued."),
        ("id-token-no-nonce", without("nonce"), "The ID token has no nonce."),
        ("id-token-no-at-hash", without("at_hash"), "The ID token has no hash of the access token."),
    ]
}

#[rustfmt::skip]
fn id_token_header() -> Rows {
    vec![
        ("id-token-crit", set("crit", json!(["unknown"])), "The ID token demands an extension that nobody knows."),
        ("id-token-crit-empty", set("crit", json!([])), "The ID token has an empty list of demanded extensions, which no token may have."),
        ("id-token-typ-access-token", set("typ", "at+jwt"), "The ID token says that it is an access token."),
        ("id-token-typ-logout", set("typ", "logout+jwt"), "The ID token says that it is a logout token."),
        ("id-token-alg-null", set("alg", Value::Null), "The ID token names no signature algorithm."),
        ("id-token-long-kid", set("kid", "k".repeat(5000)), "The ID token names its key with thousands of characters."),
        ("id-token-odd-kid", set("kid", "../../../../dev/null"), "The ID token names its key as a path to a file."),
        ("id-token-kid-number", set("kid", 1), "The ID token names its key by a number instead of text."),
    ]
}

#[rustfmt::skip]
fn access_token() -> Rows {
    vec![
        ("access-token-wrong-iss", add("iss", "1"), "The access token is from an issuer with something appended."),
        ("access-token-wrong-aud", add("aud", "1"), "The access token is for an API with something appended."),
    ]
}

#[rustfmt::skip]
fn token_response() -> Rows {
    vec![
        ("token-no-id-token", without("id_token"), "The token response has no ID token."),
        ("token-no-access-token", without("access_token"), "The token response has no access token."),
        ("token-no-refresh-token", without("refresh_token"), "The token response has no refresh token."),
        ("token-no-expires-in", without("expires_in"), "The token response does not say how long the access token is good for."),
        ("token-expires-in-text", set("expires_in", "300"), "The token response tells the access token's life in text."),
        ("token-expires-in-negative", set("expires_in", -1), "The token response tells a life of less than nothing."),
        ("token-no-scope", without("scope"), "The token response does not say what was granted."),
        ("token-fewer-scopes", set("scope", "openid email"), "The token response grants less than was asked for."),
        ("token-more-scopes", set("scope", "openid email profile offline_access items:read admin"), "The token response claims to grant more than was asked for."),
        ("token-no-token-type", without("token_type"), "The token response does not say how the access token is presented."),
        ("token-other-type", set("token_type", "MAC"), "The access token is of a kind that nobody uses."),
        ("token-type-lower-case", set("token_type", "bearer"), "The token response spells the token's type `bearer`."),
        ("token-type-odd-case", set("token_type", "bEARER"), "The token response spells the token's type `bEARER`."),
        ("token-line-breaks", set("access_token", "a\r\nb"), "The access token has a line break in it."),
        ("token-enormous", set("access_token", "a".repeat(100_000)), "The access token has a hundred thousand characters."),
        ("token-extra-members", set("unknown", json!({"a": [1]})), "The token response has members that nobody knows."),
    ]
}

fn device_response() -> Rows {
    vec![(
        "device-no-interval",
        without("interval"),
        "A device that asks for its codes is not told how long to wait between two polls.",
    )]
}

#[rustfmt::skip]
fn userinfo() -> Rows {
    let sources = json!({ "src1": { "endpoint": ELSEWHERE, "access_token": "for-the-claims" } });
    let aggregated = json!({ "src1": { "JWT": "eyJhbGciOiJub25lIn0.eyJhZGRyZXNzIjoiZWxzZXdoZXJlIn0." } });
    vec![
        ("userinfo-aggregated-claims", set("_claim_sources", aggregated), "The profile brings a statement of somebody else's along, with more claims."),
        ("userinfo-wrong-sub", add("sub", "invalid"), "The profile is about another person."),
        ("userinfo-no-sub", without("sub"), "The profile does not say whom it is about."),
        ("userinfo-claim-sources", set("_claim_sources", sources), "The profile names another address where more claims can be had."),
        ("userinfo-claim-names", set("_claim_names", json!({ "address": "src1" })), "The profile says that a claim is to be had from elsewhere."),
    ]
}
