//! The other plans' modules that concern a public client of the code flow.

use super::Plan;
use crate::acts::sign_in;
use crate::row::Last::KeySet;
use crate::row::Outcome::Accept;
use crate::row::Provider::{Does, Right};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Other modules",
    about: "Modules of the comprehensive and dynamic plans that concern a public client of the code flow. Those that do not are listed below with the reason.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("oidcc-client-test-missing-aud", &["IDT-3"],
            Does(&["id-token-no-aud"]), sign_in, refuse("id_token_aud", KeySet)),
        Row::new("oidcc-client-test-invalid-sig-hs256", &["IDT-8", "JWT-1"],
            Does(&["id-token-hmac"]), sign_in, refuse("id_token_alg", KeySet)),
        Row::new("oidcc-client-test-invalid-sig-es256", &["IDT-6"],
            Does(&["id-token-bad-signature"]), sign_in, refuse("id_token_signature", KeySet)),
        Row::new("oidcc-client-test-userinfo-bearer-header", &["UIN-2", "BRR-1"],
            Right("The userinfo endpoint takes the access token from the header only."), sign_in, Accept),
        Row::new("oidcc-client-test-userinfo-signed", &["UIN-3"],
            Does(&["userinfo-signed"]), sign_in, Accept),
        Row::new("oidcc-client-test-invalid-athash", &["IDT-15"],
            Does(&["id-token-wrong-at-hash"]), sign_in, refuse("id_token_at_hash", KeySet)),
        Row::new("oidcc-client-test-missing-athash", &["IDT-15"],
            Does(&["id-token-no-at-hash"]), sign_in, Accept),
        Row::new("oidcc-client-test-aggregated-claims", &["BCP-11"],
            Does(&["userinfo-aggregated-claims"]), sign_in, Accept),
        Row::new("oidcc-client-test-distributed-claims", &["BCP-11"],
            Does(&["userinfo-claim-names", "userinfo-claim-sources"]), sign_in, Accept),
        Row::new("oidcc-client-test-mtls-endpoint-aliases", &["BCP-11"],
            Does(&["discovery-mtls-aliases"]), sign_in, Accept),
    ]
}

#[test]
fn every_row_of_the_other_plans_comes_out_as_it_says() {
    check(&rows());
}
