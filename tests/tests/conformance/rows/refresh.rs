//! Refresh tokens: the plan, and what the standards ask beside it.

use super::Plan;
use crate::acts::{
    call_after_expiry, call_after_expiry_and_gain_nothing, call_after_expiry_by_somebody_else,
    call_after_expiry_twice, call_after_the_session_ended,
};
use crate::row::Last::{KeySet, Token};
use crate::row::Outcome::Accept;
use crate::row::Provider::{Does, Right};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Refresh tokens",
    about: "The modules of `oidcc-client-refreshtoken-test-plan`, and our own. Ann is signed in, her access token has run out, and an API is called.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("oidcc-client-test-refresh-token", &["OAU-8", "BCP-9", "IDT-17"],
            Right("A refresh token is taken once and replaced, and a new ID token comes along, which repeats the nonce."), call_after_expiry_twice, Accept)
                .and("each token is used once, and the second refresh goes as well as the first"),
        Row::new("oidcc-client-test-refresh-token-invalid-issuer", &["IDT-17"],
            Does(&["id-token-wrong-iss"]), call_after_expiry, refuse("id_token_iss", KeySet))
                .living_on(),
        Row::new("oidcc-client-test-refresh-token-invalid-sub", &["IDT-17"],
            Does(&["id-token-wrong-sub"]), call_after_expiry_by_somebody_else, refuse("refresh_sub", KeySet))
                .and("the session is over, for the tokens are somebody else's"),
        Row::new("tessera-refresh-invalid-aud", &["IDT-17"],
            Does(&["id-token-wrong-aud"]), call_after_expiry, refuse("id_token_aud", KeySet))
                .living_on(),
        Row::new("tessera-refresh-invalid-signature", &["IDT-6", "IDT-17"],
            Does(&["id-token-bad-signature"]), call_after_expiry, refuse("id_token_signature", KeySet))
                .living_on(),
        Row::new("tessera-refresh-old-id-token", &["IDT-17"],
            Does(&["id-token-old"]), call_after_expiry, refuse("id_token_iat", KeySet))
                .living_on(),
        Row::new("tessera-refresh-other-nonce", &["IDT-17"],
            Does(&["id-token-wrong-nonce"]), call_after_expiry, refuse("id_token_nonce", KeySet))
                .living_on(),
        Row::new("tessera-refresh-without-nonce", &["IDT-17"],
            Does(&["id-token-no-nonce"]), call_after_expiry, Accept),
        Row::new("tessera-refresh-without-id-token", &["IDT-17"],
            Does(&["token-no-id-token"]), call_after_expiry, Accept),
        Row::new("tessera-refresh-without-new-refresh-token", &["OAU-8"],
            Does(&["token-no-refresh-token"]), call_after_expiry, Accept)
                .and("the old one is kept"),
        Row::new("tessera-refresh-more-scopes", &["OAU-9"],
            Does(&["token-more-scopes"]), call_after_expiry_and_gain_nothing, Accept)
                .and("nothing is gained"),
        Row::new("tessera-refresh-invalid-grant", &["OAU-10"],
            Does(&["token-invalid-grant"]), call_after_the_session_ended, refuse("needs_sign_in", Token))
                .and("asked once, however often the account is used"),
        Row::new("tessera-refresh-provider-down", &["OAU-10"],
            Does(&["token-503-retry-after"]), call_after_expiry, refuse("token_endpoint_status", Token))
                .living_on(),
        Row::new("tessera-refresh-too-often", &["OAU-10"],
            Does(&["token-429-retry-after"]), call_after_expiry, refuse("token_endpoint_status", Token))
                .living_on(),
        Row::new("tessera-refresh-redirect", &["OAU-11"],
            Does(&["token-redirect"]), call_after_expiry, refuse("token_endpoint_status", Token))
                .living_on(),
    ]
}

#[test]
fn every_row_about_refresh_tokens_comes_out_as_it_says() {
    check(&rows());
}
