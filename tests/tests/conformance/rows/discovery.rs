//! Own rows about the discovery document.

use super::Plan;
use crate::acts::{sign_in, sign_in_in_no_time, sign_in_over_plain_http};
use crate::row::Last::{Discovery, Nothing};
use crate::row::Outcome::Accept;
use crate::row::Provider::{Acts, Does};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Discovery",
    about: "Our own: what may be wrong with the discovery document, and what is merely missing.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("tessera-discovery-other-issuer", &["MET-1"],
            Does(&["discovery-other-issuer"]), sign_in, refuse("issuer_mismatch", Discovery)),
        Row::new("tessera-discovery-issuer-slash", &["MET-1"],
            Does(&["discovery-issuer-slash"]), sign_in, refuse("issuer_mismatch", Discovery)),
        Row::new("tessera-discovery-no-issuer", &["MET-1"],
            Does(&["discovery-no-issuer"]), sign_in, refuse("metadata_malformed", Discovery)),
        Row::new("tessera-discovery-404", &["MET-5"],
            Does(&["discovery-404"]), sign_in, refuse("metadata_status", Discovery)),
        Row::new("tessera-discovery-500", &["MET-5"],
            Does(&["discovery-500"]), sign_in, refuse("metadata_status", Discovery)),
        Row::new("tessera-discovery-html", &["MET-5"],
            Does(&["discovery-html"]), sign_in, refuse("metadata_not_json", Discovery)),
        Row::new("tessera-discovery-not-json", &["MET-5"],
            Does(&["discovery-not-json"]), sign_in, refuse("metadata_not_json", Discovery)),
        Row::new("tessera-discovery-labelled-text", &["MET-5"],
            Does(&["discovery-labelled-text"]), sign_in, Accept),
        Row::new("tessera-discovery-labelled-html", &["MET-5"],
            Does(&["discovery-labelled-html"]), sign_in, refuse("metadata_not_json", Discovery)),
        Row::new("tessera-discovery-redirect", &["MET-5", "BCP-11"],
            Does(&["discovery-redirect"]), sign_in, refuse("metadata_status", Discovery)),
        Row::new("tessera-discovery-drop", &["MET-5"],
            Does(&["discovery-drop"]), sign_in, refuse("answer_broken", Discovery)),
        Row::new("tessera-discovery-stall", &["MET-7"],
            Does(&["discovery-stall"]), sign_in_in_no_time, refuse("no_answer_in_time", Discovery)),
        Row::new("tessera-discovery-huge", &["MET-7"],
            Does(&["discovery-huge"]), sign_in, refuse("answer_too_large", Discovery)),
        Row::new("tessera-discovery-over-plain-http", &["MET-4"],
            Acts("The issuer's own address is `http`, and not one of this computer."), sign_in_over_plain_http, refuse("issuer_insecure", Nothing)),
        Row::new("tessera-discovery-http-authorization-endpoint", &["MET-4"],
            Does(&["discovery-http-authorization-endpoint"]), sign_in, refuse("endpoint_insecure", Discovery)),
        Row::new("tessera-discovery-http-token-endpoint", &["MET-4"],
            Does(&["discovery-http-token-endpoint"]), sign_in, refuse("endpoint_insecure", Discovery)),
        Row::new("tessera-discovery-http-key-set", &["MET-4"],
            Does(&["discovery-http-key-set"]), sign_in, refuse("endpoint_insecure", Discovery)),
        Row::new("tessera-discovery-http-userinfo", &["MET-4"],
            Does(&["discovery-http-userinfo"]), sign_in, refuse("endpoint_insecure", Discovery)),
        Row::new("tessera-discovery-file-authorization-endpoint", &["MET-4"],
            Does(&["discovery-file-authorization-endpoint"]), sign_in, refuse("endpoint_insecure", Discovery)),
        Row::new("tessera-discovery-private-token-endpoint", &["BCP-11"],
            Does(&["discovery-private-token-endpoint"]), sign_in, refuse("endpoint_private", Discovery)),
        Row::new("tessera-discovery-link-local-userinfo", &["BCP-11"],
            Does(&["discovery-link-local-userinfo"]), sign_in, refuse("endpoint_private", Discovery)),
        Row::new("tessera-discovery-no-authorization-endpoint", &["MET-5"],
            Does(&["discovery-no-authorization-endpoint"]), sign_in, refuse("metadata_malformed", Discovery)),
        Row::new("tessera-discovery-no-token-endpoint", &["MET-5"],
            Does(&["discovery-no-token-endpoint"]), sign_in, refuse("metadata_malformed", Discovery)),
        Row::new("tessera-discovery-no-key-set", &["IDT-6"],
            Does(&["discovery-no-key-set"]), sign_in, refuse("metadata_malformed", Discovery)),
        Row::new("tessera-discovery-no-userinfo", &["UIN-1"],
            Does(&["discovery-no-userinfo"]), sign_in, Accept),
        Row::new("tessera-discovery-no-revocation", &["BCP-10"],
            Does(&["discovery-no-revocation"]), sign_in, Accept),
        Row::new("tessera-pkce-downgrade-to-plain", &["PKC-2", "BCP-4"],
            Does(&["discovery-pkce-plain"]), sign_in, refuse("pkce_unsupported", Discovery)),
        Row::new("tessera-pkce-downgrade-to-none", &["PKC-2", "BCP-4", "BCP-5"],
            Does(&["discovery-pkce-none"]), sign_in, refuse("pkce_unsupported", Discovery)),
        Row::new("tessera-pkce-unmentioned", &["PKC-2", "BCP-5"],
            Does(&["discovery-pkce-unmentioned"]), crate::acts::sign_in_with_fresh_protection, Accept),
        Row::new("tessera-discovery-weak-algorithms", &["IDT-8", "IDT-16", "JWT-1"],
            Does(&["discovery-algorithms-weak"]), sign_in, Accept),
    ]
}

#[test]
fn every_row_about_discovery_comes_out_as_it_says() {
    check(&rows());
}
