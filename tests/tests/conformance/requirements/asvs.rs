//! OWASP ASVS 5.0: V10 for clients and resource servers, and V9. V10.4, V10.6 and V10.7 are for providers.

use super::Met::{At, DoesNotApply};
use super::{Family, item};

#[rustfmt::skip]
pub(super) const CLIENT: Family = Family {
    title: "OWASP ASVS 5.0, V10: OAuth client",
    items: &[
        item("10.1.1", "ASVS 5.0 V10.1", "Tokens go only to the parts that need them.",
            At("src-tauri/src/wire.rs", &["it_cannot_read_a_token", "leaves_no_secret_in_files_logs_arguments_or_environments"])),
        item("10.1.2", "ASVS 5.0 V10.1", "Values count only in the transaction that asked for them; its secrets cannot be guessed.",
            At("crates/oidc/src/authorize.rs", &["tessera-fresh-protection", "tessera-callback-replay-to-a-later-sign-in", "state_nonce_and_verifier_are_each_32_random_bytes"])),
        item("10.2.1", "ASVS 5.0 V10.2", "The code flow is protected against forged requests by PKCE or `state`.",
            At("crates/oidc/src/callback.rs", &["tessera-fresh-protection", "tessera-callback-no-state", "only_the_state_that_was_sent_is_accepted"])),
        item("10.2.2", "ASVS 5.0 V10.2", "Answers of several providers cannot be mixed up.",
            At("crates/oidc/src/callback.rs", &["tessera-mix-up", "tessera-mix-up-without-iss-announced", "tessera-mix-up-without-iss"])),
        item("10.2.3", "ASVS 5.0 V10.2", "Only the scopes that are needed are asked for.",
            At("crates/client/src/sign_in/drive.rs", &["what_a_provider_does_not_have_is_asked_for_only_by_name", "what_was_not_granted_shows_and_a_call_that_needs_it_says_so"])),
        item("10.5.1", "ASVS 5.0 V10.5", "An ID token cannot be replayed: its nonce is that of the request.",
            At("crates/oidc/src/id_token/claims.rs", &["oidcc-client-test-nonce-invalid", "fapi2-security-profile-final-client-test-invalid-missing-nonce"])),
        item("10.5.2", "ASVS 5.0 V10.5", "A person is known by `sub`, which is never reassigned.",
            At("crates/client/src/account.rs", &["tests/tests/client/sign_in.rs::an_account_is_issuer_and_subject"])),
        item("10.5.3", "ASVS 5.0 V10.5", "Metadata of another issuer than the expected one is refused.",
            At("crates/oidc/src/discovery.rs", &["oidcc-client-test-discovery-issuer-mismatch", "only_the_issuer_that_was_asked_is_accepted"])),
        item("10.5.4", "ASVS 5.0 V10.5", "An ID token is for this client: `aud` is its id.",
            At("crates/oidc/src/id_token/claims.rs", &["oidcc-client-test-invalid-aud", "fapi2-security-profile-final-client-test-invalid-secondary-aud"])),
        item("10.5.5", "ASVS 5.0 V10.5", "Back-channel logout tokens are checked as such.",
            DoesNotApply("A program on a person's computer has no address that a provider could send a logout token to. One that comes as an ID token is refused by its `typ`: see `tessera-id-token-typ-logout`.")),
    ],
};

#[rustfmt::skip]
pub(super) const RESOURCE_SERVER: Family = Family {
    title: "OWASP ASVS 5.0, V10: OAuth resource server",
    items: &[
        item("10.3.1", "ASVS 5.0 V10.3", "Only access tokens for this audience are taken.",
            At("crates/guard/src/claims.rs", &["tokens_that_say_what_they_must_not", "tokens_that_lack_a_claim"])),
        item("10.3.2", "ASVS 5.0 V10.3", "What is allowed follows from the token's `sub` and `scope`.",
            At("crates/guard/src/layer.rs", &["a_missing_scope_is_named", "the_callers_particulars_arrive", "a_token_opens_what_its_scopes_say"])),
        item("10.3.3", "ASVS 5.0 V10.3", "A person is known by `iss` and `sub` together.",
            At("crates/guard/src/caller.rs", &["the_callers_particulars_arrive"])),
        item("10.3.4", "ASVS 5.0 V10.3", "Where a strong or a recent sign-in is needed, `acr` and `auth_time` are checked.",
            At("crates/guard/src/layer.rs", &["a_sign_in_that_is_too_old_or_too_weak_is_told_what_is_needed"])),
        item("10.3.5", "ASVS 5.0 V10.3", "A stolen token is of no use: it is bound to a key of whoever it was given to.",
            At("crates/guard/src/dpop.rs", &["token_and_key_belong_together_or_nothing_is_accepted", "a_bound_token_with_a_proof_of_its_key_is_good_and_says_so"])),
    ],
};

#[rustfmt::skip]
pub(super) const TOKENS: Family = Family {
    title: "OWASP ASVS 5.0, V9: self-contained tokens",
    items: &[
        item("9.1.1", "ASVS 5.0 V9.1", "The signature is checked before anything in the token is believed.",
            At("crates/oidc/src/id_token.rs", &["oidcc-client-test-invalid-sig-rs256", "nothing_is_read_of_a_token_before_its_signature_is_good", "a_token_with_one_byte_changed_never_verifies"])),
        item("9.1.2", "ASVS 5.0 V9.1", "Only listed algorithms are taken; `none` never is.",
            At("crates/oidc/src/key_set/jws.rs", &["tessera-id-token-none-though-announced", "tessera-id-token-alg-none-odd-case", "tessera-id-token-hmac-with-public-key", "only_the_algorithms_that_are_named_are_accepted"])),
        item("9.1.3", "ASVS 5.0 V9.1", "Keys come from the issuer's key set, never from `jku`, `x5u` or `jwk`.",
            At("crates/oidc/src/key_set.rs", &["tessera-id-token-jwk", "tessera-id-token-jku", "tessera-id-token-x5u", "forged_and_mangled_tokens"])),
        item("9.2.1", "ASVS 5.0 V9.2", "A token holds only between `nbf` and `exp`.",
            At("crates/oidc/src/id_token/claims.rs", &["fapi2-security-profile-final-client-test-invalid-expired-exp", "tessera-id-token-not-yet", "tokens_that_say_what_they_must_not"])),
        item("9.2.2", "ASVS 5.0 V9.2", "A token is of the kind that is wanted.",
            At("crates/oidc/src/id_token.rs", &["tessera-id-token-typ-access-token", "another_kind_of_token_is_not_an_id_token", "tokens_that_are_not_access_tokens"])),
        item("9.2.3", "ASVS 5.0 V9.2", "A token is for whoever reads it: `aud`.",
            At("crates/oidc/src/id_token/claims.rs", &["oidcc-client-test-invalid-aud", "tokens_that_say_what_they_must_not"])),
        item("9.2.4", "ASVS 5.0 V9.2", "An issuer that signs for several audiences says for which, and the wrong one does not do.",
            At("crates/oidc/src/id_token/claims.rs", &["oidcc-client-test-missing-aud", "tokens_that_lack_a_claim"])),
    ],
};
