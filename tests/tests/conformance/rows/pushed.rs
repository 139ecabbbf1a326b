//! Pushed authorization requests.

use super::Plan;
use crate::acts::{sign_in, sign_in_by_a_pushed_request};
use crate::row::Last::{Discovery, PushedAuthorization};
use crate::row::Outcome::Accept;
use crate::row::Provider::Does;
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Pushed authorization requests",
    about: "Our own, for RFC 9126.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("tessera-par-offered", &["PAR-1", "PAR-2", "PAR-5"],
            Does(&["par-offered"]), sign_in_by_a_pushed_request, Accept)
                .and("every parameter is pushed, and the browser carries only the client and the name of the request"),
        Row::new("tessera-par-required", &["PAR-1", "PAR-4"],
            Does(&["par-required"]), sign_in_by_a_pushed_request, Accept)
                .and("every parameter is pushed, and the browser carries only the client and the name of the request"),
        Row::new("tessera-par-required-nowhere", &["PAR-4"],
            Does(&["par-required-nowhere"]), sign_in, refuse("par_endpoint_missing", Discovery)),
        Row::new("tessera-par-over-http", &["MET-4"],
            Does(&["par-insecure"]), sign_in, refuse("endpoint_insecure", Discovery)),
        Row::new("tessera-par-no-request-uri", &["PAR-3"],
            Does(&["par-offered", "par-no-request-uri"]), sign_in, refuse("par_malformed", PushedAuthorization)),
        Row::new("tessera-par-odd-request-uri", &["PAR-3"],
            Does(&["par-offered", "par-odd-request-uri"]), sign_in, refuse("par_malformed", PushedAuthorization)),
        Row::new("tessera-par-no-expires-in", &["PAR-3"],
            Does(&["par-offered", "par-no-expires-in"]), sign_in, refuse("par_malformed", PushedAuthorization)),
        Row::new("tessera-par-200", &["PAR-3"],
            Does(&["par-offered", "par-200"]), sign_in, refuse("par_status", PushedAuthorization)),
        Row::new("tessera-par-html", &["PAR-3"],
            Does(&["par-offered", "par-html"]), sign_in, refuse("par_status", PushedAuthorization)),
        Row::new("tessera-par-400", &["PAR-3"],
            Does(&["par-offered", "par-400"]), sign_in, refuse("par_status", PushedAuthorization)),
        Row::new("tessera-par-drop", &["PAR-4"],
            Does(&["par-offered", "par-drop"]), sign_in, refuse("answer_broken", PushedAuthorization)),
        Row::new("tessera-par-500", &["PAR-4"],
            Does(&["par-required", "par-500"]), sign_in, refuse("par_status", PushedAuthorization)),
        Row::new("tessera-par-redirect", &["OAU-11", "BCP-11"],
            Does(&["par-offered", "par-redirect"]), sign_in, refuse("par_status", PushedAuthorization)),
    ]
}

#[test]
fn every_row_about_pushed_requests_comes_out_as_it_says() {
    check(&rows());
}
