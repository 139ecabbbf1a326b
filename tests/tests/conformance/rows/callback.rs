//! Own rows about the authorization response.

use tessera_sandbox::log::Endpoint;

use super::Plan;
use crate::acts::{self, decline, deliver_by_the_system, mix_up, sign_in};
use crate::row::Last::{Authorization, Nothing};
use crate::row::Outcome::{Accept, WaitOn};
use crate::row::Provider::{Acts, Does, Right};
use crate::row::Setting::OwnAddress;
use crate::row::{Row, refuse};
use crate::runner::check;

pub(super) const PLAN: Plan = Plan {
    title: "Authorization requests and responses",
    about: "Our own: what the browser is sent with, and what it may come back with.",
    rows,
};

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    vec![
        Row::new("tessera-fresh-protection", &["PKC-1", "PKC-3", "NAT-2", "BCP-2", "BCP-4"],
            Right("Two sign-ins share no state, nonce or PKCE challenge, and each has all three."), acts::sign_in_with_fresh_protection, Accept),
        Row::new("tessera-loopback-listener", &["NAT-4", "NAT-5", "NAT-9", "NAT-10"],
            Acts("Another program on this machine calls the loopback listener with a made-up callback before the browser does."), acts::knock_at_the_listener, Accept)
                .and("the made-up callback is refused, and the port is closed when the right one has come"),
        Row::new("tessera-loopback-own-address", &["NAT-5", "NAT-10"],
            Acts("Another program on this machine calls the loopback listener with a made-up callback before the browser does."), acts::knock_at_the_listener, Accept)
                .and("the made-up callback is refused, and the port is closed when the right one has come").at(OwnAddress),
        Row::new("tessera-callback-unknown-parameter", &["OAU-2"],
            Does(&["callback-extra-parameter"]), sign_in, Accept),
        Row::new("tessera-callback-repeated-state", &["OAU-2"],
            Does(&["callback-repeated-state"]), sign_in, WaitOn { code: "callback_duplicate_parameter" }),
        Row::new("tessera-callback-repeated-code", &["OAU-2"],
            Does(&["callback-repeated-code"]), sign_in, WaitOn { code: "callback_duplicate_parameter" }),
        Row::new("tessera-callback-repeated-iss", &["OAU-2", "ISS-1"],
            Does(&["callback-repeated-iss"]), sign_in, WaitOn { code: "callback_duplicate_parameter" }),
        Row::new("tessera-callback-huge", &["OAU-2"],
            Does(&["callback-huge"]), sign_in, WaitOn { code: "callback_too_long" }),
        Row::new("tessera-callback-fragment", &["BCP-6"],
            Does(&["callback-fragment"]), sign_in, WaitOn { code: "callback_fragment" }),
        Row::new("tessera-callback-access-token", &["BCP-6"],
            Does(&["callback-token"]), sign_in, Accept)
                .and("the token is not looked at"),
        Row::new("tessera-callback-no-state", &["NAT-9"],
            Does(&["callback-no-state"]), sign_in, WaitOn { code: "state_missing" }),
        Row::new("tessera-callback-other-state-by-the-system", &["NAT-9"],
            Does(&["callback-wrong-state"]), deliver_by_the_system, WaitOn { code: "answer_not_awaited" })
                .after("The system hands the callback over."),
        Row::new("tessera-callback-other-address", &["NAT-10"],
            Acts("The callback arrives at another address than the one that was asked for."), acts::deliver_to_another_address, WaitOn { code: "redirect_uri_mismatch" }),
        Row::new("tessera-callback-no-code", &["OAU-3"],
            Does(&["callback-no-code"]), sign_in, refuse("callback_code_missing", Authorization)),
        Row::new("tessera-callback-error-and-code", &["OAU-3"],
            Does(&["callback-error-and-code"]), sign_in, refuse("server_error", Authorization)),
        Row::new("tessera-callback-declined", &["OAU-3"],
            Right("The person says no, and the provider says so."), decline, refuse("access_denied", Authorization)),
        Row::new("tessera-callback-error-from-another-issuer", &["ISS-5", "ISS-2"],
            Does(&["callback-wrong-iss"]), decline, refuse("callback_issuer_mismatch", Authorization))
                .after("The person says no."),
        Row::new("tessera-callback-error-without-issuer", &["ISS-5", "ISS-3"],
            Does(&["callback-no-iss"]), decline, refuse("callback_issuer_missing", Authorization))
                .after("The person says no."),
        Row::new("tessera-callback-iss-unannounced", &["ISS-4"],
            Does(&["discovery-no-iss-parameter"]), sign_in, Accept),
        Row::new("tessera-callback-iss-unannounced-and-wrong", &["ISS-4", "ISS-2"],
            Does(&["discovery-no-iss-parameter", "callback-wrong-iss"]), sign_in, refuse("callback_issuer_mismatch", Authorization)),
        Row::new("tessera-callback-without-iss-unannounced", &["ISS-3"],
            Does(&["discovery-no-iss-parameter", "callback-no-iss"]), sign_in, Accept),
        Row::new("tessera-callback-replay", &["OAU-12", "BCP-2"],
            Acts("The callback of a finished sign-in comes a second time."), acts::replay_the_callback, refuse("attempt_gone", Nothing)),
        Row::new("tessera-callback-replay-to-a-later-sign-in", &["BCP-2", "NAT-9"],
            Acts("The callback of a finished sign-in comes to a later one."), acts::replay_of_a_finished_sign_in, WaitOn { code: "state_mismatch" }),
        Row::new("tessera-callback-replay-of-a-cancelled-sign-in", &["BCP-2", "NAT-9"],
            Acts("The callback of a cancelled sign-in comes to a later one."), acts::replay_of_a_cancelled_sign_in, WaitOn { code: "state_mismatch" })
                .asking(&[(Endpoint::Authorization, 2)]),
        Row::new("tessera-mix-up", &["BCP-3", "ISS-2"],
            Acts("The provider sends the browser on to an honest provider, whose callback comes back instead of its own."), mix_up, refuse("callback_issuer_mismatch", Authorization))
                .and("the honest provider is asked for no token"),
        Row::new("tessera-mix-up-without-iss-announced", &["BCP-3", "ISS-4"],
            Does(&["discovery-no-iss-parameter"]), mix_up, refuse("callback_issuer_mismatch", Authorization))
                .after("The provider sends the browser on to an honest provider, as above.")
                .and("the honest provider is asked for no token"),
        Row::new("tessera-mix-up-without-iss", &["BCP-3", "NAT-10"],
            Does(&["discovery-no-iss-parameter", "callback-no-iss"]), acts::mix_up_of_addresses, WaitOn { code: "redirect_uri_mismatch" })
                .after("It sends the browser on to an honest provider, which does as it does and knows another address.")
                .and("nothing is at the honest provider's address, and it is asked for no token").at(OwnAddress),
    ]
}

#[test]
fn every_row_about_authorization_responses_comes_out_as_it_says() {
    check(&rows());
}
