//! The client's side of the protocol: PKCE, OAuth, issuer identification, metadata, devices, pushed requests, and the
//! end of a session.

use super::Met::At;
use super::{Family, item};

#[rustfmt::skip]
pub(super) const PKCE: Family = Family {
    title: "RFC 7636: PKCE",
    items: &[
        item("PKC-1", "RFC 7636 4.1", "The verifier has 43 to 128 unreserved characters, of at least 32 random bytes.",
            At("crates/oidc/src/authorize.rs", &["state_nonce_and_verifier_are_each_32_random_bytes"])),
        item("PKC-2", "RFC 7636 4.2, 7.2", "S256 only, and never less.",
            At("crates/oidc/src/discovery.rs", &["descriptions_are_accepted_or_refused"])),
        item("PKC-3", "RFC 7636 7.1", "Fresh for each request, and gone when it is used or has run out. In the keychain meanwhile, not in memory only: a callback that starts the app must find it (docs/decisions/0002).",
            At("crates/client/src/sign_in/kept.rs", &["two_attempts_share_no_secret", "cancel_ends_it_at_once_and_leaves_nothing", "what_a_dead_process_left_is_swept_at_the_next_start"])),
    ],
};

#[rustfmt::skip]
pub(super) const OAUTH: Family = Family {
    title: "RFC 6749: OAuth 2.0",
    items: &[
        item("OAU-1", "RFC 6749 3.1.2", "A redirect URI has no fragment.",
            At("crates/oidc/src/ids.rs", &["a_redirect_uri_has_no_fragment"])),
        item("OAU-2", "RFC 6749 3.1, 3.2", "Unknown parameters are ignored; one that comes twice refuses the answer.",
            At("crates/oidc/src/callback.rs", &["text_that_is_no_callback_is_refused_at_once"])),
        item("OAU-3", "RFC 6749 4.1.2.1", "`error` goes before `code`.",
            At("crates/oidc/src/callback.rs", &["callbacks_are_accepted_or_refused"])),
        item("OAU-4", "RFC 6749 4.1.3", "The token request names the same redirect URI.",
            At("crates/oidc/src/token.rs", &["a_checked_callback_is_exchanged_with_its_own_verifier_and_redirect_uri"])),
        item("OAU-5", "RFC 6749 7.1", "`token_type` has no case, and an unknown one makes the token unusable.",
            At("crates/oidc/src/token.rs", &["answers_are_accepted_or_refused"])),
        item("OAU-6", "RFC 6749 5.1", "Without `scope`, what was asked for is granted; with it, the two are compared.",
            At("crates/oidc/src/token.rs", &["scopes_are_what_was_granted_or_else_what_was_asked_for"])),
        item("OAU-7", "RFC 6749 5.1", "`expires_in` may be missing.",
            At("crates/client/src/fresh_token.rs", &["a_token_of_unknown_life_is_renewed_after_an_hour_where_it_can_be"])),
        item("OAU-8", "RFC 6749 6", "A new refresh token takes the place of the old one before the new access token is used.",
            At("crates/client/src/fresh_token.rs", &["the_rotated_token_is_stored_before_the_access_token_is_seen"])),
        item("OAU-9", "RFC 6749 6", "A refresh grants no more than was granted before.",
            At("crates/client/src/fresh_token/renewed.rs", &["a_refresh_gives_no_more_permissions_than_there_were"])),
        item("OAU-10", "RFC 6749 5.2", "`invalid_grant` at a refresh ends the session, once, and nothing else does.",
            At("crates/client/src/fresh_token.rs", &["only_the_providers_word_ends_a_session_and_it_is_asked_once", "trouble_that_passes_signs_nobody_out"])),
        item("OAU-11", "RFC 6749 3.2, RFC 9700 4.11", "The token endpoint is spoken to over verified TLS, and its redirects are not followed.",
            At("crates/platform/src/http.rs", &["a_redirect_is_an_answer_and_is_not_followed", "an_unknown_root_is_refused_and_nothing_is_said_to_it"])),
        item("OAU-12", "RFC 6749 4.1.2", "A code is used once, also when its answer is lost.",
            At("crates/client/src/sign_in/drive.rs", &["a_callback_that_finds_the_app_closed_completes_the_sign_in"])),
    ],
};

#[rustfmt::skip]
pub(super) const ISSUER: Family = Family {
    title: "RFC 9207: issuer identification",
    items: &[
        item("ISS-1", "RFC 9207 2.4", "`iss` is decoded and compared letter for letter.",
            At("crates/oidc/src/callback.rs", &["iss_is_required_only_when_promised_and_checked_when_there"])),
        item("ISS-2", "RFC 9207 2.4", "Another issuer's answer ends the sign-in before a token is asked for.",
            At("crates/oidc/src/callback.rs", &["an_answer_from_another_issuer_ends_it_before_a_token_is_asked_for"])),
        item("ISS-3", "RFC 9207 2.4", "Where `iss` is announced, an answer without it is refused.",
            At("crates/oidc/src/callback.rs", &[])),
        item("ISS-4", "RFC 9207 2.4", "Where it is not announced and there all the same, it is checked.",
            At("crates/oidc/src/callback.rs", &[])),
        item("ISS-5", "RFC 9207 2", "Errors are held to the same rules.",
            At("crates/oidc/src/callback.rs", &[])),
    ],
};

#[rustfmt::skip]
pub(super) const METADATA: Family = Family {
    title: "OpenID Connect Discovery 1.0 and RFC 8414: metadata",
    items: &[
        item("MET-1", "Discovery 4.3", "The issuer in the document is the one that was asked, letter for letter.",
            At("crates/oidc/src/discovery.rs", &["only_the_issuer_that_was_asked_is_accepted"])),
        item("MET-2", "Discovery 4", "One slash at the end of the issuer is dropped before the well-known path is appended.",
            At("crates/oidc/src/discovery.rs", &["the_well_known_address_is_appended_to_the_issuer"])),
        item("MET-3", "RFC 8414 3.1", "The path of RFC 8414, between host and path.",
            super::Met::DoesNotApply("Providers are found by OpenID Connect Discovery, which every one of them has that signs people in; GitHub, which has no metadata, is known by its documentation.")),
        item("MET-4", "RFC 8414 2, Core 16.17", "The issuer and every endpoint are encrypted, or on this computer, an endpoint only as its issuer is.",
            At("crates/oidc/src/discovery/endpoint.rs", &["descriptions_are_accepted_or_refused"])),
        item("MET-5", "Discovery 4.2", "Only status 200 with JSON is a description.",
            At("crates/oidc/src/discovery.rs", &["answers_that_are_no_descriptions_say_what_they_are"])),
        item("MET-6", "RFC 7517 9.2, 9.3", "A key set that shows a private or a secret key is refused as a whole.",
            At("crates/oidc/src/key_set.rs", &["a_key_set_is_refused_or_read_with_what_is_usable"])),
        item("MET-7", "Discovery 7, Core 10.1.1", "Descriptions and keys are kept for a while, and what is read is bounded in size and time; unknown keys are looked for once in half a minute, known ones serve for a day while the provider is away.",
            At("crates/client/src/directory.rs", &["a_large_answer_is_refused_however_it_is_made", "a_server_that_stalls_is_given_up", "stale_while_the_issuer_is_down"])),
    ],
};

#[rustfmt::skip]
pub(super) const DEVICE: Family = Family {
    title: "RFC 8628: device authorization grant",
    items: &[
        item("DEV-1", "RFC 8628 3.2, 3.5", "Five seconds between two polls unless the provider says otherwise, and never less.",
            At("crates/oidc/src/device.rs", &["codes_are_read_with_sensible_times"])),
        item("DEV-2", "RFC 8628 3.5", "`slow_down` adds five seconds for good.",
            At("crates/oidc/src/device.rs", &["each_answer_to_a_poll_has_its_meaning"])),
        item("DEV-3", "RFC 8628 3.5", "When the provider cannot be reached, the time between two polls is doubled.",
            At("crates/client/src/sign_in/device.rs", &[])),
        item("DEV-4", "RFC 8628 3.5", "It ends when it is declined or has run out.",
            At("crates/client/src/sign_in/device.rs", &["each_answer_to_a_poll_has_its_meaning", "codes_are_accepted_or_refused", "codes_that_have_run_out_are_not_asked_about"])),
        item("DEV-5", "RFC 8628 3.3, 5.4", "The code and the address are always shown, and the code is typed by the person.",
            At("crates/client/src/sign_in/device.rs", &["by_a_code_on_another_device_without_a_secret"])),
        item("DEV-6", "RFC 8628 5.5", "It can be cancelled.",
            At("crates/client/src/sign_in/device.rs", &[])),
    ],
};

#[rustfmt::skip]
pub(super) const PUSHED: Family = Family {
    title: "RFC 9126: pushed authorization requests",
    items: &[
        item("PAR-1", "RFC 9126 2.1", "Every parameter is pushed, with the client presented as at the token endpoint, and `request_uri` is none of them.",
            At("crates/oidc/src/par.rs", &["every_parameter_of_the_request_is_pushed_once_with_the_client_presented"])),
        item("PAR-2", "RFC 9126 4", "The browser then carries `client_id` and `request_uri` and nothing else.",
            At("crates/oidc/src/par.rs", &["where_they_are_offered_the_browser_carries_only_the_client_and_the_name"])),
        item("PAR-3", "RFC 9126 2.2", "Only status 201 with a name and a life took the request, and the name is used once.",
            At("crates/oidc/src/par.rs", &["each_answer_is_told_apart", "a_page_that_was_looked_at_can_be_opened_again_and_copied"])),
        item("PAR-4", "RFC 9126 5", "Where it is demanded, nothing else is tried.",
            At("crates/oidc/src/par.rs", &["a_provider_that_offers_nothing_gets_nothing_and_one_that_demands_must_say_where"])),
        item("PAR-5", "RFC 9126 2.1", "PKCE, state and nonce are in the pushed request.",
            At("crates/oidc/src/par.rs", &["where_they_are_offered_the_browser_carries_only_the_client_and_the_name"])),
    ],
};

#[rustfmt::skip]
pub(super) const ENDING: Family = Family {
    title: "RFC 7009 and OpenID Connect RP-Initiated Logout 1.0: the end of a session",
    items: &[
        item("REV-1", "RFC 7009 2.1", "A token is revoked by a POST of a form that says what kind it is.",
            At("crates/oidc/src/revocation.rs", &["a_token_is_named_with_its_kind"])),
        item("REV-2", "RFC 7009 2.1", "The refresh token first, with which others could be had.",
            At("crates/client/src/sign_out.rs", &["ends_it_here_and_there"])),
        item("REV-3", "RFC 7009 2.2", "Status 200 is a yes, also for a token that was none.",
            At("crates/oidc/src/revocation.rs", &["answers_mean_that_the_token_is_gone_or_may_not_be"])),
        item("REV-4", "RFC 7009 2.2.1", "Status 503 is no yes, and says when to ask again.",
            At("crates/oidc/src/revocation.rs", &["when_to_ask_again_is_kept", "a_provider_that_asks_to_wait_is_not_asked_before"])),
        item("REV-5", "RFC 7009 2", "What is here is deleted also when the provider cannot be reached, and the person is told.",
            At("crates/client/src/sign_out.rs", &["what_cannot_be_reached_is_a_line_and_the_local_copy_goes_all_the_same", "where_nothing_could_be_ended_the_receipt_says_so_and_claims_no_more", "the_account_is_gone_at_once_and_the_next_process_tells_the_provider"])),
        item("LGO-1", "RP-Initiated Logout 2", "`id_token_hint`, the client, a registered address to come back to, and `state`.",
            At("crates/oidc/src/logout.rs", &["the_provider_is_told_who_signs_out_and_where_to_come_back_to"])),
        item("LGO-2", "RP-Initiated Logout 2", "The request is made by the person's browser.",
            At("crates/client/src/sign_out/browser.rs", &["the_browser_is_signed_out_after_the_account_is_gone_here"])),
        item("LGO-3", "RP-Initiated Logout 2", "The session here is over before that.",
            At("crates/client/src/sign_out/browser.rs", &["the_browser_is_signed_out_after_the_account_is_gone_here"])),
        item("LGO-4", "RP-Initiated Logout 3", "A return with another state or none is survived, and triggers nothing.",
            At("crates/client/src/sign_out/browser.rs", &["a_return_that_is_not_the_awaited_one_changes_nothing_and_says_so", "a_return_that_finds_nothing_under_way_triggers_nothing"])),
    ],
};
