//! The device authorization grant.

use super::Plan;
use crate::acts::{
    cancel_on_another_device, decline_on_another_device, leave_the_code_to_run_out, poll_again_after_trouble,
    poll_more_slowly_ever_after, sign_in_on_another_device, sign_in_without_an_interval,
};
use crate::row::Last::{DeviceAuthorization, Discovery, KeySet, Token};
use crate::row::Outcome::Accept;
use crate::row::Provider::{Does, Right};
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Sign-in on another device",
    about: "Our own, for RFC 8628: the person types a code somewhere else, and the client asks until that is done.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("tessera-device-grant", &["DEV-1", "DEV-5"],
            Right("A device gets its codes, and the person types hers on another one."), sign_in_on_another_device, Accept),
        Row::new("tessera-device-declined", &["DEV-4"],
            Right("The person says no on the other device."), decline_on_another_device, refuse("access_denied", Token)),
        Row::new("tessera-device-expired", &["DEV-4"],
            Right("The codes have run out when the client asks, and the provider says so."), leave_the_code_to_run_out, refuse("timed_out", Token)),
        Row::new("tessera-device-cancelled", &["DEV-6"],
            Right("The person cancels before the code is typed."), cancel_on_another_device, refuse("cancelled", DeviceAuthorization)),
        Row::new("tessera-device-provider-away", &["DEV-3"],
            Does(&["token-drop"]), poll_again_after_trouble, Accept)
                .after("The first poll goes wrong.")
                .and("the next poll comes after twice the time"),
        Row::new("tessera-device-provider-busy", &["DEV-3"],
            Does(&["token-500"]), poll_again_after_trouble, Accept)
                .after("The first poll goes wrong.")
                .and("the next poll comes after twice the time"),
        Row::new("tessera-device-slow-down", &["DEV-2"],
            Does(&["token-slow-down"]), poll_again_after_trouble, Accept)
                .after("The first poll goes wrong.")
                .and("the next poll comes five seconds later than it would have"),
        Row::new("tessera-device-slow-down-lasting", &["DEV-2"],
            Does(&["token-slow-down"]), poll_more_slowly_ever_after, Accept)
                .after("The first poll goes wrong.")
                .and("all later polls come ten seconds after the one before, not the next alone"),
        Row::new("tessera-device-no-interval", &["DEV-1"],
            Does(&["device-no-interval"]), sign_in_without_an_interval, Accept)
                .and("no poll comes before five seconds are over"),
        Row::new("tessera-device-wrong-aud", &["IDT-3"],
            Does(&["id-token-wrong-aud"]), sign_in_on_another_device, refuse("id_token_aud", KeySet)),
        Row::new("tessera-device-not-offered", &["BCP-10"],
            Does(&["discovery-no-device-grant"]), sign_in_on_another_device, refuse("route_unavailable", Discovery)),
        Row::new("tessera-device-authorization-500", &["DEV-4"],
            Does(&["device-authorization-500"]), sign_in_on_another_device, refuse("device_status", DeviceAuthorization)),
    ]
}

#[test]
fn every_row_about_other_devices_comes_out_as_it_says() {
    check(&rows());
}
