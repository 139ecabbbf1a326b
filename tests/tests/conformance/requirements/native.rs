//! RFC 8252 and RFC 9700.

use super::Met::{At, DoesNotApply};
use super::{Family, item};

#[rustfmt::skip]
pub(super) const APPS: Family = Family {
    title: "RFC 8252: OAuth for native apps",
    items: &[
        item("NAT-1", "RFC 8252 5, 8.12", "The person signs in in their own browser, never in a web view.",
            At("crates/platform/src/browser.rs", &["the_opener_gets_the_address_as_its_one_argument", "only_the_apps_own_pages_are_shown", "an_address_goes_to_the_browser_and_comes_back_by_the_private_scheme"])),
        item("NAT-2", "RFC 8252 6, 8.1", "The code flow with PKCE.",
            At("crates/oidc/src/authorize.rs", &["an_authorization_request_asks_for_a_code_with_pkce_state_and_nonce"])),
        item("NAT-3", "RFC 8252 7.1", "A private scheme is a domain turned round, with a single slash.",
            At("src-tauri/src/inbox.rs", &["only_addresses_of_exactly_our_scheme_are_taken", "tests/tests/client/sign_in.rs::by_the_private_scheme"])),
        item("NAT-4", "RFC 8252 7.3, 8.3", "A loopback redirect names an IP literal, not `localhost`, unless the provider knows only that.",
            At("crates/client/src/provider.rs", &["each_host_answers_by_its_own_name"])),
        item("NAT-5", "RFC 8252 8.3", "The system chooses the port, and it is open only while an answer is awaited.",
            At("crates/platform/src/loopback.rs", &["the_port_is_closed_the_moment_the_listener_is_dropped", "the_port_is_closed_as_soon_as_the_answer_is_taken"])),
        item("NAT-6", "RFC 8252 7.3", "The listener is on loopback only.",
            At("crates/platform/src/loopback.rs", &["each_host_answers_by_its_own_name", "another_users_program_is_told_from_ones_own"])),
        item("NAT-7", "RFC 8252 7.2", "Claimed https redirects, where the system has them.",
            DoesNotApply("Linux and Windows hand no https addresses of a domain to an ordinary program; macOS does to an app that is signed and associated with the domain, which Tessera is not.")),
        item("NAT-8", "RFC 8252 8.4, 8.5", "The client is public; a secret that is shipped proves nothing, and nothing rests on it.",
            At("crates/client/src/terms.rs", &["tessera-id-token-hmac-with-client-id", "a_client_presents_itself_as_it_is_registered"])),
        item("NAT-9", "RFC 8252 8.9", "An answer whose `state` fits no sign-in under way is refused.",
            At("crates/oidc/src/callback.rs", &["what_is_not_the_answer_is_refused_and_the_attempt_goes_on"])),
        item("NAT-10", "RFC 8252 8.10", "An answer counts only at the address that was asked for. The address is one per provider where providers.toml says so, and otherwise shared: then it is `iss` that tells providers apart.",
            At("crates/oidc/src/callback.rs", &["a_callback_counts_only_where_it_is_awaited"])),
    ],
};

#[rustfmt::skip]
pub(super) const BEST_PRACTICE: Family = Family {
    title: "RFC 9700: best current practice for OAuth 2.0 security",
    items: &[
        item("BCP-1", "RFC 9700 2.1", "The client is no open redirector.",
            At("crates/platform/src/loopback/pages.rs", &["a_page_loads_nothing_runs_nothing_and_leads_nowhere"])),
        item("BCP-2", "RFC 9700 2.1, 4.7", "Forged answers are refused: PKCE, nonce and state belong to one transaction.",
            At("crates/oidc/src/callback.rs", &["two_attempts_share_no_secret"])),
        item("BCP-3", "RFC 9700 2.1, 4.4", "Several providers cannot be mixed up, as far as the honest one sends `iss` or has a loopback address of its own.",
            At("crates/oidc/src/callback.rs", &["iss_is_required_only_when_promised_and_checked_when_there"])),
        item("BCP-4", "RFC 9700 2.1.1", "PKCE with S256, always.",
            At("crates/oidc/src/authorize.rs", &["the_challenge_is_the_specifications_own"])),
        item("BCP-5", "RFC 9700 2.1, 4.8", "Protection against forgery does not rest on PKCE alone where it is not known that the provider has it.",
            At("crates/oidc/src/callback.rs", &["only_the_state_that_was_sent_is_accepted"])),
        item("BCP-6", "RFC 9700 2.1.2", "No token in the authorization response.",
            At("crates/oidc/src/callback.rs", &["text_that_is_no_callback_is_refused_at_once"])),
        item("BCP-7", "RFC 9700 2.4", "No password is ever asked for.",
            At("crates/oidc/src/token.rs", &["a_checked_callback_is_exchanged_with_its_own_verifier_and_redirect_uri", "a_poll_names_the_grant_the_code_and_the_client"])),
        item("BCP-8", "RFC 9700 2.3", "Tokens can do no more than is needed, and the person sees what was granted.",
            At("crates/client/src/sign_in/drive.rs", &["a_refresh_gives_no_more_permissions_than_there_were"])),
        item("BCP-9", "RFC 9700 2.2.2, 4.14", "Refresh tokens that are replaced at each use are handled so that none is lost and none used twice.",
            At("crates/client/src/fresh_token.rs", &["the_rotated_token_is_stored_before_the_access_token_is_seen", "a_hundred_callers_on_an_expired_token_are_one_refresh", "two_processes_take_turns"])),
        item("BCP-10", "RFC 9700 2.6", "The provider's metadata is used instead of settings by hand.",
            At("crates/oidc/src/discovery.rs", &["a_good_description_is_read_whole"])),
        item("BCP-11", "RFC 9700 4.9", "Requests go only to the endpoints of the provider that was chosen, and a token to no other server.",
            At("crates/client/src/gateway.rs", &["a_token_goes_only_to_allowed_origins", "nothing_is_sent_to_an_origin_that_is_not_allowed", "an_endpoint_in_a_private_place_must_be_at_the_issuers_own_host"])),
        item("BCP-12", "RFC 9700 4.15", "A client cannot be taken for a person, nor a provider's person for another's: an account is issuer and subject.",
            At("crates/client/src/store.rs", &["tests/tests/client/sign_in.rs::an_account_is_issuer_and_subject", "tokens_that_lack_a_claim", "the_callers_particulars_arrive"])),
    ],
};
