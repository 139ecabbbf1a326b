//! Basic RP: the plan that a relying party is certified by.

use super::Plan;
use crate::acts::{self, sign_in};
use crate::row::Last::{KeySet, Userinfo};
use crate::row::Outcome::Accept;
use crate::row::Provider::{Does, Right};
use crate::row::Setting::{Google, Secret};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Basic RP",
    about: "The modules of `oidcc-client-basic-certification-test-plan`, in its order.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("oidcc-client-test", &["BCP-10", "UIN-1", "UIN-2", "BRR-1"],
            Right("Everything is as it should be."), sign_in, Accept),
        Row::new("oidcc-client-test-invalid-iss", &["IDT-2", "BCP-12"],
            Does(&["id-token-wrong-iss"]), sign_in, refuse("id_token_iss", KeySet)),
        Row::new("oidcc-client-test-missing-sub", &["IDT-14"],
            Does(&["id-token-no-sub"]), sign_in, refuse("id_token_sub", KeySet)),
        Row::new("oidcc-client-test-invalid-aud", &["IDT-3"],
            Does(&["id-token-wrong-aud"]), sign_in, refuse("id_token_aud", KeySet)),
        Row::new("oidcc-client-test-missing-iat", &["IDT-10"],
            Does(&["id-token-no-iat"]), sign_in, refuse("id_token_iat", KeySet)),
        Row::new("oidcc-client-test-kid-absent-single-jwks", &["IDT-6", "IDT-7"],
            Does(&["id-token-no-kid", "key-set-no-kids"]), sign_in, Accept).at(Google),
        Row::new("oidcc-client-test-kid-absent-multiple-jwks", &["IDT-6", "JWT-2"],
            Does(&["id-token-no-kid", "key-set-no-kids"]), acts::sign_in_with_two_keys, Accept)
                .after("The provider publishes an earlier key beside the one it signs with.")
                .and("each key is tried"),
        Row::new("oidcc-client-test-idtoken-sig-rs256", &["IDT-6", "IDT-7"],
            Right("Everything is as it should be."), sign_in, Accept).at(Google),
        Row::new("oidcc-client-test-idtoken-sig-none", &["IDT-16", "JWT-1"],
            Does(&["id-token-alg-none"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("oidcc-client-test-invalid-sig-rs256", &["IDT-6"],
            Does(&["id-token-bad-signature"]), sign_in, refuse("id_token_signature", KeySet)).at(Google),
        Row::new("oidcc-client-test-userinfo-invalid-sub", &["UIN-1"],
            Does(&["userinfo-wrong-sub"]), sign_in, refuse("userinfo_sub", Userinfo)),
        Row::new("oidcc-client-test-nonce-invalid", &["IDT-11", "BCP-2"],
            Does(&["id-token-wrong-nonce"]), sign_in, refuse("id_token_nonce", KeySet)),
        Row::new("oidcc-client-test-scope-userinfo-claims", &["BCP-8", "UIN-1"],
            Right("The profile has the claims of the scopes that were asked for: `profile`, `email`, `phone` and `address`."), acts::sign_in_for_claims, Accept)
                .and("the account has the claims of all four"),
        Row::new("oidcc-client-test-client-secret-basic", &["NAT-8"],
            Right("It takes the secret from the header of the token request only."), sign_in, Accept).at(Secret),
    ]
}

#[test]
fn every_row_of_basic_rp_comes_out_as_it_says() {
    check(&rows());
}
