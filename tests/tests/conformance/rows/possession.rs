//! Tokens that are bound to a key.

use tessera_sandbox::log::Endpoint;

use super::Plan;
use crate::acts::{call_after_expiry, sign_in, sign_in_bound};
use crate::row::Last::Token;
use crate::row::Outcome::Accept;
use crate::row::Provider::{Does, Right};
use crate::row::Setting::Bound;
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Proof of possession",
    about: "Two modules of the FAPI 2 security profile, and our own, for RFC 9449.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("fapi2-security-profile-final-client-test-happy-path-no-dpop-nonce", &["DPP-1", "DPP-2", "DPP-6"],
            Right("No nonce is asked for."), sign_in_bound, Accept)
                .and("the request names the key, and every later one proves it").at(Bound),
        Row::new("fapi2-security-profile-final-client-test-rs-dpop-auth-scheme-case-insensitivity", &["DPP-3"],
            Does(&["dpop-nonces", "api-dpop-odd-case"]), sign_in_bound, Accept)
                .and("the API's wish for a nonce is understood, and the call is made once more").at(Bound),
        Row::new("tessera-dpop-nonces", &["DPP-3"],
            Does(&["dpop-nonces"]), sign_in_bound, Accept).at(Bound),
        Row::new("tessera-dpop-ever-new-nonces", &["DPP-3"],
            Does(&["dpop-ever-new-nonces"]), sign_in, refuse("use_dpop_nonce", Token)).asking(&[(Endpoint::Token, 2)]).at(Bound),
        Row::new("tessera-dpop-token-type-odd-case", &["DPP-4"],
            Does(&["dpop-odd-case"]), sign_in, Accept).at(Bound),
        Row::new("tessera-dpop-downgrade", &["DPP-4"],
            Does(&["dpop-downgrade"]), sign_in, refuse("dpop_downgrade", Token)).at(Bound),
        Row::new("tessera-dpop-refresh", &["DPP-5"],
            Right("The refresh token is bound to the key of the sign-in."), call_after_expiry, Accept).at(Bound),
    ]
}

#[test]
fn every_row_about_bound_tokens_comes_out_as_it_says() {
    check(&rows());
}
