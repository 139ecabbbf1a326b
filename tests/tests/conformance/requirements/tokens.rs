//! ID tokens, profiles, and signed tokens in general.

use super::Met::{At, DoesNotApply};
use super::{Family, item};

#[rustfmt::skip]
pub(super) const ID_TOKEN: Family = Family {
    title: "OpenID Connect Core 1.0: ID tokens",
    items: &[
        item("IDT-1", "Core 3.1.3.7, 1", "An encrypted ID token, which nobody asked for, is refused.",
            At("crates/oidc/src/id_token.rs", &[])),
        item("IDT-2", "Core 3.1.3.7, 2", "`iss` is exactly the issuer.",
            At("crates/oidc/src/id_token/claims.rs", &["only_named_spellings_are_accepted"])),
        item("IDT-3", "Core 3.1.3.7, 3", "`aud` holds the client's id, and nobody who is not trusted.",
            At("crates/oidc/src/id_token/claims.rs", &["claims_are_accepted_or_refused"])),
        item("IDT-4", "Core 3.1.3.7, 4", "`azp` is used as the text says that is in force.",
            At("crates/oidc/src/id_token/claims.rs", &["claims_are_accepted_or_refused"])),
        item("IDT-5", "Core 3.1.3.7, 5", "`azp`, where it is there, is the client's id.",
            At("crates/oidc/src/id_token/claims.rs", &["claims_are_accepted_or_refused"])),
        item("IDT-6", "Core 3.1.3.7, 6", "The signature is checked, by the issuer's own keys, also over TLS.",
            At("crates/oidc/src/key_set.rs", &["keys_are_chosen_as_the_suite_wants"])),
        item("IDT-7", "Core 3.1.3.7, 7", "The algorithm is one that the provider announces.",
            At("crates/oidc/src/id_token.rs", &["only_the_algorithms_that_are_named_are_accepted"])),
        item("IDT-8", "Core 3.1.3.7, 8", "Signatures by a client secret are never taken.",
            At("crates/oidc/src/key_set/jws.rs", &["a_public_key_is_never_a_shared_secret"])),
        item("IDT-9", "Core 3.1.3.7, 9", "It has not expired.",
            At("crates/oidc/src/id_token/claims.rs", &["five_minutes_are_tolerated_and_beyond_them_the_clock_is_to_blame"])),
        item("IDT-10", "Core 3.1.3.7, 10", "`iat` is there and not far from now.",
            At("crates/oidc/src/id_token/claims.rs", &["five_minutes_are_no_matter", "a_clock_that_is_further_off_is_named_with_its_difference"])),
        item("IDT-11", "Core 3.1.3.7, 11", "The nonce that was sent is there and equal.",
            At("crates/oidc/src/id_token/claims.rs", &["claims_are_accepted_or_refused"])),
        item("IDT-12", "Core 3.1.3.7, 12", "`acr` is one of those that were asked for.",
            At("crates/oidc/src/id_token/claims.rs", &["what_was_asked_for_is_held_against_the_token"])),
        item("IDT-13", "Core 3.1.3.7, 13", "`auth_time` is recent enough when that was asked for.",
            At("crates/oidc/src/id_token/claims.rs", &["the_age_of_a_sign_in_is_taken_by_the_providers_clock_where_it_is_known"])),
        item("IDT-14", "Core 2", "`sub` is there, and at most 255 ASCII characters.",
            At("crates/oidc/src/id_token/claims.rs", &["claims_are_accepted_or_refused"])),
        item("IDT-15", "Core 3.1.3.8", "`at_hash`, where it is there, is the access token's.",
            At("crates/oidc/src/id_token/claims.rs", &["the_access_token_is_the_one_that_came_with_it"])),
        item("IDT-16", "Core 2, 15.1", "`alg` is never `none`.",
            At("crates/oidc/src/key_set/jws.rs", &["only_the_algorithms_that_are_named_are_accepted"])),
        item("IDT-17", "Core 12.2", "A renewed ID token is of the same issuer, person, client and sign-in, and newly issued. A nonce that it repeats is that of the sign-in, of which a fingerprint is kept.",
            At("crates/client/src/fresh_token/renewed.rs", &["a_renewed_id_token_is_held_against_the_one_before", "a_renewed_id_token_is_checked_and_nothing_is_given_out_when_it_is_wrong"])),
    ],
};

#[rustfmt::skip]
pub(super) const USERINFO: Family = Family {
    title: "OpenID Connect Core 1.0: userinfo",
    items: &[
        item("UIN-1", "Core 5.3.2", "The profile is about the person of the ID token, or is not used.",
            At("crates/oidc/src/userinfo.rs", &["only_the_same_subject_is_accepted", "somebody_elses_profile_is_the_end_signed_or_not", "a_profile_that_cannot_be_read_costs_the_profile_and_no_more"])),
        item("UIN-2", "Core 5.3.1", "The access token is in the header.",
            At("crates/oidc/src/userinfo.rs", &["the_token_goes_into_the_header_and_nowhere_else"])),
        item("UIN-3", "Core 5.3.2", "A signed profile is checked as a token of this issuer for this client; an encrypted one is not used.",
            At("crates/oidc/src/userinfo.rs", &["profiles_are_accepted_or_refused"])),
    ],
};

#[rustfmt::skip]
pub(super) const JWT: Family = Family {
    title: "RFC 8725: JSON Web Token best current practices",
    items: &[
        item("JWT-1", "RFC 8725 3.1", "Algorithms are listed for each issuer and named letter for letter.",
            At("crates/oidc/src/key_set/jws.rs", &["algorithms_are_named_letter_for_letter", "tokens_signed_in_a_way_that_is_not_allowed"])),
        item("JWT-2", "RFC 8725 3.1", "A key serves one kind of algorithm.",
            At("crates/oidc/src/key_set.rs", &["every_algorithm_verifies_with_its_own_key_and_no_other", "a_key_is_used_only_for_what_its_issuer_means_it"])),
        item("JWT-3", "RFC 8725 3.8", "The key belongs to the issuer.",
            At("crates/oidc/src/key_set.rs", &["tokens_that_say_what_they_must_not"])),
        item("JWT-4", "RFC 8725 3.8", "Issuer and subject are a pair.",
            At("crates/client/src/account.rs", &["tests/tests/client/sign_in.rs::an_account_is_issuer_and_subject"])),
        item("JWT-5", "RFC 8725 3.9", "`aud` is there and is checked.",
            At("crates/oidc/src/id_token/claims.rs", &["tokens_that_lack_a_claim"])),
        item("JWT-6", "RFC 8725 3.10", "`kid` is text from outside: bounded, compared, and nothing else.",
            At("crates/oidc/src/key_set/jws.rs", &["a_header_is_judged_before_the_signature"])),
        item("JWT-7", "RFC 8725 3.10", "`jku`, `x5u` and `jwk` are not followed.",
            At("crates/oidc/src/key_set.rs", &["forged_and_mangled_tokens"])),
        item("JWT-8", "RFC 8725 3.11", "A kind that is named is the kind that is wanted.",
            At("crates/oidc/src/id_token.rs", &["another_kind_of_token_is_not_an_id_token"])),
        item("JWT-9", "RFC 8725 3.12", "No token of one kind passes for another.",
            At("crates/guard/src/claims.rs", &["tokens_that_are_not_access_tokens"])),
        item("JWT-10", "RFC 8725 2.7, RFC 7515 7.1", "Only the compact form is read, and strictly.",
            At("crates/oidc/src/key_set/jws.rs", &["only_the_strict_compact_form_is_read"])),
        item("JWT-11", "RFC 8725 3.3", "Decompression and password-based keys are bounded.",
            DoesNotApply("Encrypted tokens are refused before anything is decrypted or unpacked: see `tessera-id-token-encrypted`.")),
        item("JWT-12", "RFC 8725 3.4", "Points of keys are on their curve.",
            At("crates/oidc/src/key_set.rs", &["a_point_off_the_curve_or_of_the_wrong_length_verifies_nothing"])),
    ],
};
