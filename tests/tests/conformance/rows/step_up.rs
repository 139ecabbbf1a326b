//! What an API wants first: another sign-in, or one more permission.

use super::Plan;
use crate::acts::{
    step_up_by_age, step_up_by_another_person, step_up_by_permission, step_up_by_strength,
    step_up_to_the_unknown, step_up_with_an_old_auth_time, step_up_with_another_acr, step_up_without_acr,
    step_up_without_auth_time,
};
use crate::row::Last::{Authorization, Token};
use crate::row::Outcome::Accept;
use crate::row::Provider::{Acts, Right};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Step-up",
    about: "Our own, for RFC 9470. Ann is signed in, an API does not answer before something more is shown, and she signs in once more for that.",
    rows,
};

/// What must hold of the account after a step-up that is refused.
const AS_IT_WAS: &str = "the account is as it was, and nothing in the keychain was changed";

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("tessera-step-up-max-age", &["STP-1", "STP-2", "IDT-13"],
            Right("The API wants a sign-in of the last five minutes, and the provider lets Ann sign in anew."), step_up_by_age, Accept)
                .and("the request asks for just that, and the call that waited is answered"),
        Row::new("tessera-step-up-acr-values", &["STP-1", "STP-2", "IDT-12"],
            Right("The API wants a sign-in with a second step, and the provider asks Ann for it."), step_up_by_strength, Accept)
                .and("the request asks for just that, and the call that waited is answered"),
        Row::new("tessera-step-up-scope", &["STP-2", "BRR-2", "BCP-8"],
            Right("The API wants a permission that was not asked for so far, and Ann gives it."), step_up_by_permission, Accept)
                .and("the request asks for it beside those there are and for no others, and the call that waited is answered"),
        Row::new("tessera-step-up-no-acr", &["STP-2", "IDT-12"],
            Acts("A second step was asked for, and the ID token has no `acr`."), step_up_without_acr, refuse("id_token_acr", Token))
                .and(AS_IT_WAS),
        Row::new("tessera-step-up-other-acr", &["STP-2", "IDT-12"],
            Acts("A second step was asked for, and the ID token's `acr` is that of a password alone."), step_up_with_another_acr, refuse("id_token_acr", Token))
                .and(AS_IT_WAS),
        Row::new("tessera-step-up-no-auth-time", &["STP-2", "IDT-13"],
            Acts("A sign-in of the last five minutes was asked for, and the ID token has no `auth_time`."), step_up_without_auth_time, refuse("id_token_auth_time", Token))
                .and(AS_IT_WAS),
        Row::new("tessera-step-up-old-auth-time", &["STP-2", "IDT-13"],
            Acts("A sign-in of the last five minutes was asked for, and the ID token's `auth_time` is from long ago."), step_up_with_an_old_auth_time, refuse("id_token_auth_time", Token))
                .and(AS_IT_WAS),
        Row::new("tessera-step-up-another-person", &["STP-2"],
            Right("Bob signs in where Ann was asked to."), step_up_by_another_person, refuse("other_account", Token))
                .and(AS_IT_WAS),
        Row::new("tessera-step-up-unmet", &["STP-2", "OAU-3"],
            Right("A kind of sign-in is wanted that the provider does not know, and it says so."), step_up_to_the_unknown, refuse("unmet_authentication_requirements", Authorization))
                .and(AS_IT_WAS),
    ]
}

#[test]
fn every_row_about_stepping_up_comes_out_as_it_says() {
    check(&rows());
}
