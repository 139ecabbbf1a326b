//! Config RP: how a relying party finds out about its provider.

use super::Plan;
use crate::acts::{
    sign_in, sign_in_again_after_rotation, sign_in_by_moved_keys, sign_in_just_after_the_keys_were_read,
};
use crate::row::Last::Discovery;
use crate::row::Outcome::Accept;
use crate::row::Provider::{Does, Right};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Config RP",
    about: "The modules of `oidcc-client-config-certification-test-plan`; `oidcc-client-test-idtoken-sig-none`, which is one of them too, is above.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("oidcc-client-test-discovery-openid-config", &["BCP-10", "MET-1", "MET-2"],
            Right("The discovery document is where the issuer says, and the endpoints are where the document says."), sign_in, Accept),
        Row::new("oidcc-client-test-discovery-jwks-uri-keys", &["BCP-11", "IDT-6"],
            Does(&["discovery-moved-key-set"]), sign_in_by_moved_keys, Accept)
                .and("the key set is read there and nowhere else, after the discovery document and before the profile"),
        Row::new("oidcc-client-test-discovery-issuer-mismatch", &["MET-1"],
            Does(&["discovery-issuer-mismatch"]), sign_in, refuse("issuer_mismatch", Discovery)),
        Row::new("oidcc-client-test-signing-key-rotation-just-before-signing", &["IDT-6", "MET-7"],
            Does(&["id-token-rotated-key"]), sign_in_just_after_the_keys_were_read, Accept)
                .after("The keys were read a moment ago.")
                .and("the key set is read when a key is unknown"),
        Row::new("oidcc-client-test-signing-key-rotation", &["IDT-6", "MET-7"],
            Right("Between two sign-ins the provider changes its keys and forgets the earlier ones."), sign_in_again_after_rotation, Accept)
                .and("the key set is read twice"),
    ]
}

#[test]
fn every_row_of_config_rp_comes_out_as_it_says() {
    check(&rows());
}
