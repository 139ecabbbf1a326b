//! Modules of the OpenID Foundation that do not concern a public native client of the code flow, and why.

/// A module and the reason; the prefix `oidcc-client-test` is left out.
#[rustfmt::skip]
pub(crate) const MODULES: &[(&str, &str)] = &[
    ("-userinfo-bearer-body", "Access tokens go into the header, which every provider must take; a form would be a second way for the same thing."),
    ("-nonce-unless-code-flow", "About flows in which the nonce is demanded; here it is sent with every request and demanded back."),
    ("-invalid-chash", "`c_hash` comes with codes that the front channel brings along with an ID token; only codes are asked for."),
    ("-missing-chash", "The same."),
    ("-form-post-error", "The answer is asked for in the query. That an error in it is told is `tessera-callback-declined`."),
    ("-3rd-party-init-login", "A native app has no address at which others could start its sign-in, and takes no such request from a link."),
    ("-discovery-webfinger-acct", "Providers are named by their issuer, not found by an e-mail address."),
    ("-discovery-webfinger-url", "The same."),
    ("-dynamic-registration", "A client id is registered by the person or comes with the build."),
    ("-request-uri-signed-rs256", "Requests are pushed (RFC 9126), not fetched from the client, which has no address."),
    ("-request-uri-signed-none", "The same."),
    ("-rp-backchannel-rpinitlogout", "A native app has no address that a provider could call."),
    ("-rp-backchannel-rpinitlogout-alg-none", "The same."),
    ("-rp-backchannel-rpinitlogout-no-event", "The same."),
    ("-rp-backchannel-rpinitlogout-with-nonce", "The same."),
    ("-rp-backchannel-rpinitlogout-wrong-alg", "The same."),
    ("-rp-backchannel-rpinitlogout-wrong-aud", "The same."),
    ("-rp-backchannel-rpinitlogout-wrong-event", "The same."),
    ("-rp-backchannel-rpinitlogout-wrong-iss", "The same."),
    ("-rp-frontchannel-opinitlogout", "Front-channel logout loads a page of the client in a frame; a native app has none."),
    ("-rp-frontchannel-rpinitlogout", "The same."),
    ("-session-management", "It watches the provider's session through a frame in the client's page; a native app has none."),
];
