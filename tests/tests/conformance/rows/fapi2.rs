//! What is borrowed from the FAPI 2 security profile.

use super::Plan;
use crate::acts::{deliver_by_the_system, sign_in};
use crate::row::Last::{Authorization, KeySet};
use crate::row::Outcome::{Accept, WaitOn};
use crate::row::Provider::Does;
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Borrowed from FAPI 2",
    about: "Modules of the FAPI 2 security profile whose checks any client should make.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("fapi2-security-profile-final-client-test-invalid-authorization-response-iss", &["ISS-1", "ISS-2", "BCP-3"],
            Does(&["callback-wrong-iss"]), sign_in, refuse("callback_issuer_mismatch", Authorization)),
        Row::new("fapi2-security-profile-final-client-test-remove-authorization-response-iss", &["ISS-3"],
            Does(&["callback-no-iss"]), sign_in, refuse("callback_issuer_missing", Authorization)),
        Row::new("fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-state-fails", &["NAT-9", "BCP-2"],
            Does(&["callback-wrong-state"]), sign_in, WaitOn { code: "state_mismatch" }),
        Row::new("fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-missing-state-fails", &["NAT-9", "BCP-2"],
            Does(&["callback-no-state"]), deliver_by_the_system, WaitOn { code: "answer_not_awaited" }),
        Row::new("fapi2-security-profile-final-client-test-invalid-secondary-aud", &["IDT-3"],
            Does(&["id-token-extra-aud"]), sign_in, refuse("id_token_aud", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-valid-aud-as-array", &["IDT-3"],
            Does(&["id-token-aud-list"]), sign_in, Accept),
        Row::new("fapi2-security-profile-final-client-test-invalid-expired-exp", &["IDT-9"],
            Does(&["id-token-expired"]), sign_in, refuse("id_token_exp", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-invalid-missing-aud", &["IDT-3", "JWT-5"],
            Does(&["id-token-no-aud"]), sign_in, refuse("id_token_aud", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-invalid-missing-exp", &["IDT-9"],
            Does(&["id-token-no-exp"]), sign_in, refuse("id_token_exp", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-invalid-missing-iss", &["IDT-2"],
            Does(&["id-token-no-iss"]), sign_in, refuse("id_token_iss", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-invalid-missing-nonce", &["IDT-11"],
            Does(&["id-token-no-nonce"]), sign_in, refuse("id_token_nonce", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-invalid-null-alg", &["IDT-16", "JWT-1"],
            Does(&["id-token-alg-null"]), sign_in, refuse("id_token_malformed", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-invalid-alternate-alg", &["IDT-7", "JWT-1"],
            Does(&["id-token-other-alg"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("fapi2-security-profile-final-client-test-token-type-case-insensitivity", &["OAU-5"],
            Does(&["token-type-odd-case"]), sign_in, Accept),
        Row::new("fapi2-security-profile-final-client-test-token-endpoint-response-without-expires_in", &["OAU-7"],
            Does(&["token-no-expires-in"]), sign_in, Accept),
    ]
}

#[test]
fn every_row_borrowed_from_fapi2_comes_out_as_it_says() {
    check(&rows());
}
