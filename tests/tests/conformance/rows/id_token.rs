//! Own rows about the ID token and the keys that it is checked with.

use tessera_sandbox::log::Endpoint;

use super::Plan;
use crate::acts::{self, sign_in, sign_in_in_no_time, unknown_key_is_looked_for_once};
use crate::row::Last::KeySet;
use crate::row::Outcome::Accept;
use crate::row::Provider::{Acts, Does};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "ID tokens and key sets",
    about: "Our own: how an ID token may be wrong beside what the modules above try, and how a key set may be.",
    rows,
};

/// A key that nobody has is worth one more look at the key set.
const TWO_LOOKS: &[(Endpoint, usize)] = &[(Endpoint::KeySet, 2)];

/// Four sign-ins, of which the first two looks and the last are made.
const A_FLOOD_STOPPED: &[(Endpoint, usize)] = &[
    (Endpoint::Authorization, 4),
    (Endpoint::Token, 4),
    (Endpoint::KeySet, 3),
];

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("tessera-id-token-alg-none-odd-case", &["IDT-16", "JWT-1"],
            Does(&["id-token-alg-none-odd-case"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("tessera-id-token-hmac-with-client-id", &["IDT-8", "JWT-2"],
            Does(&["discovery-algorithms-weak", "id-token-hmac"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("tessera-id-token-hmac-with-public-key", &["IDT-8", "JWT-2"],
            Does(&["discovery-algorithms-weak", "id-token-hmac-public-key"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("tessera-id-token-none-though-announced", &["IDT-16", "JWT-1"],
            Does(&["discovery-algorithms-weak", "id-token-alg-none"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("tessera-id-token-es512", &["IDT-7", "JWT-1"],
            Does(&["id-token-es512"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("tessera-id-token-other-key", &["IDT-6", "JWT-3"],
            Does(&["id-token-other-key"]), sign_in, refuse("id_token_signature", KeySet)),
        Row::new("tessera-id-token-unknown-key", &["IDT-6", "JWT-3", "MET-7"],
            Does(&["id-token-unknown-key"]), unknown_key_is_looked_for_once, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-id-token-unknown-keys-again-and-again", &["MET-7"],
            Does(&["id-token-unknown-key"]), acts::unknown_keys_do_not_make_a_flood, refuse("id_token_unknown_key", KeySet))
                .after("Ann tries four times, the last time half a minute later.")
                .and("the key set is read once more, and again only after half a minute")
                .asking(A_FLOOD_STOPPED),
        Row::new("tessera-id-token-jwk", &["JWT-7"],
            Does(&["id-token-jwk"]), sign_in, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-id-token-jku", &["JWT-7"],
            Does(&["id-token-jku"]), sign_in, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-id-token-x5u", &["JWT-7"],
            Does(&["id-token-x5u"]), sign_in, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-id-token-crit", &["IDT-6"],
            Does(&["id-token-crit"]), sign_in, refuse("id_token_crit", KeySet)),
        Row::new("tessera-id-token-crit-empty", &["IDT-6"],
            Does(&["id-token-crit-empty"]), sign_in, refuse("id_token_crit", KeySet)),
        Row::new("tessera-id-token-long-kid", &["JWT-6"],
            Does(&["id-token-long-kid"]), sign_in, refuse("id_token_malformed", KeySet)),
        Row::new("tessera-id-token-odd-kid", &["JWT-6"],
            Does(&["id-token-odd-kid"]), sign_in, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-id-token-kid-number", &["JWT-6"],
            Does(&["id-token-kid-number"]), sign_in, refuse("id_token_malformed", KeySet)),
        Row::new("tessera-id-token-typ-access-token", &["JWT-8", "JWT-9"],
            Does(&["id-token-typ-access-token"]), sign_in, refuse("id_token_typ", KeySet)),
        Row::new("tessera-id-token-typ-logout", &["JWT-8", "JWT-9"],
            Does(&["id-token-typ-logout"]), sign_in, refuse("id_token_typ", KeySet)),
        Row::new("tessera-id-token-encrypted", &["IDT-1", "JWT-11"],
            Does(&["id-token-encrypted"]), sign_in, refuse("id_token_encrypted", KeySet)),
        Row::new("tessera-id-token-json-form", &["JWT-10"],
            Does(&["id-token-json-form"]), sign_in, refuse("id_token_malformed", KeySet)),
        Row::new("tessera-id-token-empty-aud", &["IDT-3"],
            Does(&["id-token-empty-aud"]), sign_in, refuse("id_token_aud", KeySet)),
        Row::new("tessera-id-token-wrong-azp", &["IDT-4", "IDT-5"],
            Does(&["id-token-wrong-azp"]), sign_in, refuse("id_token_azp", KeySet)),
        Row::new("tessera-id-token-long-sub", &["IDT-14"],
            Does(&["id-token-long-sub"]), sign_in, refuse("id_token_sub", KeySet)),
        Row::new("tessera-id-token-odd-sub", &["IDT-14"],
            Does(&["id-token-odd-sub"]), sign_in, refuse("id_token_sub", KeySet)),
        Row::new("tessera-id-token-other-person", &["UIN-1", "JWT-4"],
            Does(&["id-token-wrong-sub"]), sign_in, refuse("userinfo_sub", crate::row::Last::Userinfo)),
        Row::new("tessera-id-token-from-the-future", &["IDT-10"],
            Does(&["id-token-from-the-future"]), sign_in, refuse("id_token_iat", KeySet)),
        Row::new("tessera-id-token-old", &["IDT-10"],
            Does(&["id-token-old"]), sign_in, refuse("id_token_iat", KeySet)),
        Row::new("tessera-id-token-not-yet", &["IDT-9"],
            Does(&["id-token-not-yet"]), sign_in, refuse("id_token_nbf", KeySet)),
        Row::new("tessera-clock-a-little-ahead", &["IDT-9", "IDT-10"],
            Acts("This computer's clock is 290 seconds ahead of the provider's."), acts::sign_in_by_a_clock_ahead::<290>, Accept),
        // The sandbox's ID tokens are good for five minutes, so that it takes this much to need the tolerance.
        Row::new("tessera-clock-ahead-of-the-end", &["IDT-9", "IDT-10"],
            Acts("This computer's clock is 590 seconds ahead of the provider's, and so 290 past the end of the ID token."), acts::sign_in_by_a_clock_ahead::<590>, Accept),
        Row::new("tessera-clock-a-little-behind", &["IDT-9", "IDT-10"],
            Acts("This computer's clock is 290 seconds behind the provider's."), acts::sign_in_by_a_clock_ahead::<-290>, Accept),
        Row::new("tessera-clock-far-ahead", &["IDT-9"],
            Acts("This computer's clock is 720 seconds ahead of the provider's."), acts::sign_in_by_a_clock_ahead::<720>, refuse("clock_differs", KeySet)),
        Row::new("tessera-clock-far-behind", &["IDT-10"],
            Acts("This computer's clock is 720 seconds behind the provider's."), acts::sign_in_by_a_clock_ahead::<-720>, refuse("clock_differs", KeySet)),
        Row::new("tessera-key-set-500", &["MET-5"],
            Does(&["key-set-500"]), sign_in, refuse("key_set_status", KeySet)),
        Row::new("tessera-key-set-html", &["MET-5"],
            Does(&["key-set-html"]), sign_in, refuse("key_set_not_json", KeySet)),
        Row::new("tessera-key-set-not-json", &["MET-5"],
            Does(&["key-set-not-json"]), sign_in, refuse("key_set_malformed", KeySet)),
        Row::new("tessera-key-set-redirect", &["BCP-11"],
            Does(&["key-set-redirect"]), sign_in, refuse("key_set_status", KeySet)),
        Row::new("tessera-key-set-stall", &["MET-7"],
            Does(&["key-set-stall"]), sign_in_in_no_time, refuse("no_answer_in_time", KeySet)),
        Row::new("tessera-key-set-huge", &["MET-7"],
            Does(&["key-set-huge"]), sign_in, refuse("answer_too_large", KeySet)),
        Row::new("tessera-key-set-too-many", &["MET-7"],
            Does(&["key-set-too-many"]), sign_in, refuse("key_set_too_many_keys", KeySet)),
        Row::new("tessera-key-set-private-key", &["MET-6"],
            Does(&["key-set-private-key"]), sign_in, refuse("key_set_private_key", KeySet)),
        Row::new("tessera-key-set-symmetric-key", &["MET-6"],
            Does(&["key-set-symmetric-key"]), sign_in, refuse("key_set_symmetric_key", KeySet)),
        Row::new("tessera-key-set-no-kids", &["IDT-6"],
            Does(&["key-set-no-kids"]), unknown_key_is_looked_for_once, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-key-set-empty", &["IDT-6"],
            Does(&["key-set-empty"]), sign_in, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-key-set-other-alg", &["JWT-2"],
            Does(&["key-set-other-alg"]), sign_in, refuse("id_token_key", KeySet)),
        Row::new("tessera-key-set-for-encryption", &["JWT-2"],
            Does(&["key-set-for-encryption"]), sign_in, refuse("id_token_unknown_key", KeySet)).asking(TWO_LOOKS),
        Row::new("tessera-key-set-off-the-curve", &["JWT-12"],
            Does(&["key-set-off-the-curve"]), sign_in, refuse("id_token_signature", KeySet)),
        Row::new("tessera-stale-keys-while-the-provider-is-down", &["MET-7"],
            Does(&["key-set-500"]), acts::sign_in_hours_after_the_keys_were_read, Accept)
                .after("The keys were read 23 hours ago."),
        Row::new("tessera-stale-keys-are-dropped-after-a-day", &["MET-7"],
            Does(&["key-set-500"]), acts::sign_in_a_day_after_the_keys_were_read, refuse("key_set_status", KeySet))
                .after("The keys were read a day ago."),
        Row::new("tessera-stale-keys-are-dropped-when-a-secret-shows", &["MET-6", "MET-7"],
            Does(&["key-set-private-key"]), acts::sign_in_hours_after_the_keys_were_read, refuse("key_set_private_key", KeySet))
                .after("The keys were read 23 hours ago."),
        Row::new("tessera-stale-keys-are-for-known-keys-only", &["MET-7"],
            Does(&["key-set-500"]), acts::sign_in_with_a_new_key_hours_later, refuse("key_set_status", KeySet))
                .after("The keys were read 23 hours ago, and the provider has changed them since.")
                .asking(TWO_LOOKS),
    ]
}

#[test]
fn every_row_about_id_tokens_and_keys_comes_out_as_it_says() {
    check(&rows());
}
