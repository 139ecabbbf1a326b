//! What the browser brings back to the client.

use serde_json::json;

use super::{Named, row};
use crate::faults::{Change, Fault};

#[rustfmt::skip]
pub(super) fn rows() -> Vec<Named> {
    let set = |name, value: &str| Change::Set(name, json!(value));
    let changed = |name, change, says| row(name, Fault::Callback(change), says);
    vec![
        changed("callback-wrong-state", Change::Append("state", "1"), "The callback's state has something appended."),
        changed("callback-no-state", Change::Remove("state"), "The callback has no state."),
        changed("callback-repeated-state", Change::Repeat("state"), "The callback has its state twice."),
        changed("callback-wrong-iss", Change::Append("iss", "1"), "The callback is from an issuer with something appended."),
        changed("callback-no-iss", Change::Remove("iss"), "The callback does not say which issuer it is from."),
        changed("callback-repeated-iss", Change::Repeat("iss"), "The callback names its issuer twice."),
        changed("callback-no-code", Change::Remove("code"), "The callback has neither a code nor an error."),
        changed("callback-repeated-code", Change::Repeat("code"), "The callback has its code twice."),
        changed("callback-error-and-code", set("error", "server_error"), "The callback has an error and a code."),
        changed("callback-extra-parameter", set("hd", "example.test"), "The callback has a parameter that nobody knows."),
        changed("callback-token", set("access_token", "from-the-front"), "The callback has an access token in it beside the code."),
        changed("callback-huge", set("error_description", &"x".repeat(20_000)), "The callback is far longer than any address should be."),
        row("sign-out-other-state", Fault::SignOutReturn(Change::Append("state", "_INVALID")), "The browser comes back from the sign-out page with something appended to the state."),
        row("sign-out-no-state", Fault::SignOutReturn(Change::Remove("state")), "The browser comes back from the sign-out page without the state."),
        row("redirect-exact-port", Fault::ExactLoopbackPort, "A loopback address with another port than the registered one is not taken."),
        row("callback-fragment", Fault::CallbackInFragment, "The callback has its parameters in the fragment."),
    ]
}
