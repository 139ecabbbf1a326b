//! The OpenID Foundation's modules that the suite answers for, by name, from the source of its own suite. A module is
//! played by a row, or stands in [`elsewhere`](crate::elsewhere) with the reason why not.

use crate::elsewhere::MODULES;
use crate::rows::PLANS;

/// Its modules for clients of OpenID Connect, each once, by the plan that has it first.
const CLIENT_MODULES: [&str; 57] = [
    // Basic RP.
    "oidcc-client-test",
    "oidcc-client-test-invalid-iss",
    "oidcc-client-test-missing-sub",
    "oidcc-client-test-invalid-aud",
    "oidcc-client-test-missing-iat",
    "oidcc-client-test-kid-absent-single-jwks",
    "oidcc-client-test-kid-absent-multiple-jwks",
    "oidcc-client-test-idtoken-sig-rs256",
    "oidcc-client-test-idtoken-sig-none",
    "oidcc-client-test-invalid-sig-rs256",
    "oidcc-client-test-userinfo-invalid-sub",
    "oidcc-client-test-nonce-invalid",
    "oidcc-client-test-scope-userinfo-claims",
    "oidcc-client-test-client-secret-basic",
    // Config RP.
    "oidcc-client-test-discovery-openid-config",
    "oidcc-client-test-discovery-jwks-uri-keys",
    "oidcc-client-test-discovery-issuer-mismatch",
    "oidcc-client-test-signing-key-rotation-just-before-signing",
    "oidcc-client-test-signing-key-rotation",
    // Refresh tokens.
    "oidcc-client-test-refresh-token",
    "oidcc-client-test-refresh-token-invalid-issuer",
    "oidcc-client-test-refresh-token-invalid-sub",
    // RP-initiated logout.
    "oidcc-client-test-rp-init-logout",
    "oidcc-client-test-rp-init-logout-other-state",
    "oidcc-client-test-rp-init-logout-no-state",
    // Dynamic RP.
    "oidcc-client-test-discovery-webfinger-acct",
    "oidcc-client-test-discovery-webfinger-url",
    "oidcc-client-test-dynamic-registration",
    "oidcc-client-test-request-uri-signed-rs256",
    "oidcc-client-test-request-uri-signed-none",
    "oidcc-client-test-userinfo-signed",
    // The comprehensive, implicit, hybrid and form_post plans.
    "oidcc-client-test-missing-aud",
    "oidcc-client-test-invalid-sig-hs256",
    "oidcc-client-test-invalid-sig-es256",
    "oidcc-client-test-userinfo-bearer-header",
    "oidcc-client-test-userinfo-bearer-body",
    "oidcc-client-test-nonce-unless-code-flow",
    "oidcc-client-test-invalid-athash",
    "oidcc-client-test-missing-athash",
    "oidcc-client-test-invalid-chash",
    "oidcc-client-test-missing-chash",
    "oidcc-client-test-form-post-error",
    "oidcc-client-test-aggregated-claims",
    "oidcc-client-test-distributed-claims",
    "oidcc-client-test-mtls-endpoint-aliases",
    "oidcc-client-test-3rd-party-init-login",
    // Back-channel and front-channel logout, and session management.
    "oidcc-client-test-rp-backchannel-rpinitlogout",
    "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
    "oidcc-client-test-rp-backchannel-rpinitlogout-no-event",
    "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
    "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
    "oidcc-client-test-rp-frontchannel-opinitlogout",
    "oidcc-client-test-rp-frontchannel-rpinitlogout",
    "oidcc-client-test-session-management",
];

/// Modules of its FAPI 2 security profile whose checks any client should make.
const BORROWED: [&str; 17] = [
    "fapi2-security-profile-final-client-test-happy-path-no-dpop-nonce",
    "fapi2-security-profile-final-client-test-invalid-authorization-response-iss",
    "fapi2-security-profile-final-client-test-remove-authorization-response-iss",
    "fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-state-fails",
    "fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-missing-state-fails",
    "fapi2-security-profile-final-client-test-invalid-secondary-aud",
    "fapi2-security-profile-final-client-test-valid-aud-as-array",
    "fapi2-security-profile-final-client-test-invalid-expired-exp",
    "fapi2-security-profile-final-client-test-invalid-missing-aud",
    "fapi2-security-profile-final-client-test-invalid-missing-exp",
    "fapi2-security-profile-final-client-test-invalid-missing-iss",
    "fapi2-security-profile-final-client-test-invalid-missing-nonce",
    "fapi2-security-profile-final-client-test-invalid-null-alg",
    "fapi2-security-profile-final-client-test-invalid-alternate-alg",
    "fapi2-security-profile-final-client-test-token-type-case-insensitivity",
    "fapi2-security-profile-final-client-test-token-endpoint-response-without-expires_in",
    "fapi2-security-profile-final-client-test-rs-dpop-auth-scheme-case-insensitivity",
];

#[test]
fn every_module_has_a_row_or_a_reason_and_never_both() {
    let modules = || CLIENT_MODULES.into_iter().chain(BORROWED);
    // Our own rows are known by their prefix.
    let rows = PLANS.iter().flat_map(|plan| (plan.rows)()).map(|row| row.name);
    let played: Vec<&str> = rows.filter(|name| !name.starts_with("tessera-")).collect();
    let explained: Vec<String> = MODULES
        .iter()
        .map(|(module, _)| format!("oidcc-client-test{module}"))
        .collect();
    let named: Vec<&str> = played
        .into_iter()
        .chain(explained.iter().map(String::as_str))
        .collect();

    let mut problems = Vec::new();
    for module in modules() {
        match named.iter().filter(|name| **name == module).count() {
            0 => problems.push(format!("{module} has neither a row nor a reason")),
            1 => {}
            times => problems.push(format!("{module} is there {times} times")),
        }
        if modules().filter(|other| *other == module).count() > 1 {
            problems.push(format!("{module} is listed twice"));
        }
    }
    let unknown = named
        .iter()
        .filter(|name| modules().all(|module| module != **name));
    problems.extend(unknown.map(|name| format!("{name} is no module of the OpenID Foundation's")));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
