//! Bearer tokens at both ends, and access tokens at the resource server.

use super::Met::{At, DoesNotApply};
use super::{Family, item};

#[rustfmt::skip]
pub(super) const BEARER: Family = Family {
    title: "RFC 6750 and RFC 9470: bearer tokens",
    items: &[
        item("BRR-1", "RFC 6750 2.1", "The token is in the header, never in the query.",
            At("crates/client/src/gateway.rs", &["the_token_goes_into_the_header_and_nowhere_else"])),
        item("BRR-2", "RFC 6750 3.1", "A token that an API refuses is replaced once; a missing permission is told as that.",
            At("crates/client/src/gateway.rs", &["a_refused_token_is_replaced_once", "an_api_that_refuses_every_token_is_asked_twice", "a_missing_permission_is_named"])),
        item("BRR-3", "RFC 6750 5.3", "The token goes only to origins that it is for, and to none that a redirect names.",
            At("crates/client/src/gateway.rs", &["a_token_goes_only_to_allowed_origins", "a_redirect_elsewhere_is_not_followed"])),
        item("BRR-4", "RFC 6750 5.3", "The token is never logged.",
            At("crates/client/src/trace.rs", &["a_trace_tells_everything_but_secrets", "a_report_of_any_flow_holds_no_secret", "a_report_of_pushed_requests_and_bound_tokens_holds_no_secret", "a_report_of_a_client_with_a_secret_holds_none", "a_report_of_githubs_ways_holds_no_secret", "a_report_of_a_step_up_and_of_the_browsers_sign_out_holds_no_secret", "no_secret_is_printed_or_kept_in_a_file"])),
        item("BRR-5", "RFC 6750 3", "A resource server says what is wrong in `WWW-Authenticate`, and names no error when there was no token.",
            At("crates/guard/src/refusal.rs", &["no_token_is_told_only_that_one_is_needed", "without_a_token_there_is_a_challenge_and_no_error_code"])),
        item("STP-1", "RFC 9470 3", "A client reads from the challenge how recent or how strong the sign-in must be.",
            At("crates/client/src/step_up.rs", &["a_recent_sign_in_is_asked_for_and_the_call_goes_through", "a_stronger_sign_in_is_asked_for_and_the_call_goes_through"])),
        item("STP-2", "RFC 9470 4", "It asks for just that, once, of the same person, and believes only an ID token that shows it.",
            At("crates/client/src/step_up.rs", &["an_id_token_that_does_not_show_what_was_asked_for_changes_nothing", "another_person_is_refused_and_nothing_is_changed", "a_missing_permission_is_asked_for_beside_those_there_are_and_no_others"])),
        item("STP-3", "RFC 9470 4", "A resource server asks for a stronger or a more recent sign-in where it needs one.",
            At("crates/guard/src/layer.rs", &["a_sign_in_that_is_too_old_or_too_weak_is_told_what_is_needed"])),
        item("INT-1", "RFC 7662 2.1", "A resource server that introspects presents itself.", NOT_INTROSPECTED),
        item("INT-2", "RFC 7662 2.2", "`active: false` is a refusal.", NOT_INTROSPECTED),
        item("INT-3", "RFC 7662 4", "Audience, issuer, expiry and scope are checked all the same.", NOT_INTROSPECTED),
        item("INT-4", "RFC 7662 4", "Answers are kept for a short while only.", NOT_INTROSPECTED),
    ],
};

#[rustfmt::skip]
pub(super) const POSSESSION: Family = Family {
    title: "RFC 9449: proof of possession",
    items: &[
        item("DPP-1", "RFC 9449 4.2", "A proof is a `dpop+jwt`, signed by an asymmetric key whose public half it shows.",
            At("crates/oidc/src/dpop.rs", &["a_proof_is_for_one_request_and_shows_the_public_key_only"])),
        item("DPP-2", "RFC 9449 4.2", "It is for one request: method, address, time, a name of its own, the token's hash, and the nonce that was given.",
            At("crates/oidc/src/dpop.rs", &["a_token_comes_along_with_its_hash_in_the_proof_and_a_nonce_as_it_was_given", "every_proof_has_a_name_of_its_own_and_replaces_the_one_before"])),
        item("DPP-3", "RFC 9449 8, 9", "A server that asks for its nonce gets the request once more, and the latest nonce of each origin is kept.",
            At("crates/client/src/dpop.rs", &["a_nonce_costs_one_more_request_and_is_remembered", "a_nonce_that_is_refused_again_is_not_tried_a_third_time"])),
        item("DPP-4", "RFC 9449 5", "A token that is not bound although that was asked for is a downgrade.",
            At("crates/oidc/src/token.rs", &["a_bound_token_that_was_asked_for_is_taken_in_any_case_and_nothing_less"])),
        item("DPP-5", "RFC 9449 5", "The refresh token is bound to the key, which is kept in the keychain as long.",
            At("crates/client/src/vault.rs", &["the_next_process_renews_and_calls_with_the_same_key", "the_key_goes_with_the_sign_in"])),
        item("DPP-6", "RFC 9449 10", "The code is bound as well: the request names the key, also where it is pushed.",
            At("crates/client/src/sign_in/drive.rs", &["a_sign_in_is_bound_from_the_first_request_to_the_last", "every_other_way_to_sign_in_is_bound_as_well"])),
        item("DPP-7", "RFC 9449 4.3", "A resource server makes the twelve checks of a proof.",
            At("crates/guard/src/dpop.rs", &["one_change_of_the_proof_and_it_is_none", "token_and_key_belong_together_or_nothing_is_accepted", "a_proof_is_good_once_for_as_long_as_it_could_be_used"])),
    ],
};

/// Why none of introspection applies.
const NOT_INTROSPECTED: super::Met =
    DoesNotApply("The guard checks signed access tokens by itself (RFC 9068) and asks nobody about them.");

#[rustfmt::skip]
pub(super) const ACCESS_TOKEN: Family = Family {
    title: "RFC 9068: signed access tokens at the resource server",
    items: &[
        item("RSJ-1", "RFC 9068 4", "`typ` is `at+jwt`.",
            At("crates/guard/src/claims.rs", &["tokens_that_are_not_access_tokens"])),
        item("RSJ-2", "RFC 9068 4", "`iss` is exactly the issuer.",
            At("crates/guard/src/claims.rs", &["tokens_that_say_what_they_must_not"])),
        item("RSJ-3", "RFC 9068 4", "`aud` holds the resource server.",
            At("crates/guard/src/claims.rs", &["tokens_that_say_what_they_must_not"])),
        item("RSJ-4", "RFC 9068 4", "The signature is the issuer's, and never `none`.",
            At("crates/guard/src/guard.rs", &["tokens_signed_in_a_way_that_is_not_allowed", "forged_and_mangled_tokens"])),
        item("RSJ-5", "RFC 9068 4", "It has not expired.",
            At("crates/guard/src/claims.rs", &["tokens_that_say_what_they_must_not"])),
        item("RSJ-6", "RFC 9068 2.2", "Every claim that must be there is.",
            At("crates/guard/src/claims.rs", &["tokens_that_lack_a_claim"])),
        item("RSJ-7", "RFC 9068 5", "Without the scope, status 403.",
            At("crates/guard/src/layer.rs", &["a_missing_scope_is_named"])),
    ],
};
