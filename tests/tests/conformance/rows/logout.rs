//! RP-initiated logout, and what else a sign-out has to do with the provider.

use super::Plan;
use crate::acts::{return_from_no_sign_out, sign_out, sign_out_in_the_browser};
use crate::row::Last::Nothing;
use crate::row::Outcome::SignedOut;
use crate::row::Provider::{Acts, Does, Right};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "RP-initiated logout and revocation",
    about: "The modules of `oidcc-client-rp-initiated-logout-rp-basic`, and our own.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("oidcc-client-test-rp-init-logout", &["LGO-1", "LGO-2", "LGO-3"],
            Right("The browser is signed out there and comes back with the state."), sign_out_in_the_browser, SignedOut { but: None }),
        Row::new("oidcc-client-test-rp-init-logout-other-state", &["LGO-4"],
            Does(&["sign-out-other-state"]), sign_out_in_the_browser, SignedOut { but: Some("sign_out_return_mismatch") }),
        Row::new("oidcc-client-test-rp-init-logout-no-state", &["LGO-4"],
            Does(&["sign-out-no-state"]), sign_out_in_the_browser, SignedOut { but: Some("sign_out_return_no_state") }),
        Row::new("tessera-sign-out-return-not-awaited", &["LGO-4"],
            Acts("The browser comes back from a sign-out page that nobody was sent to."), return_from_no_sign_out, refuse("sign_out_return_not_awaited", Nothing)),
        Row::new("tessera-revocation", &["REV-1", "REV-2", "REV-3"],
            Right("It revokes both tokens."), sign_out, SignedOut { but: None }),
        Row::new("tessera-revocation-503", &["REV-4", "REV-5"],
            Does(&["revocation-503-retry-after"]), sign_out, SignedOut { but: None })
                .and("what was not revoked is told, and revoked later"),
        Row::new("tessera-revocation-drop", &["REV-5"],
            Does(&["revocation-drop"]), sign_out, SignedOut { but: None })
                .and("what was not revoked is told, and revoked later"),
    ]
}

#[test]
fn every_row_about_signing_out_comes_out_as_it_says() {
    check(&rows());
}
