//! The callback: an address that any program can deliver and any person can paste.

use std::sync::LazyLock;

use tessera_oidc::callback::{Callback, MAX_CALLBACK_BYTES};
use tessera_oidc::logout::LogoutReturn;
use tessera_oidc::{RedirectUri, State};
use url::Url;

use crate::refusal::{conceals, refused};
use crate::scene::{REDIRECT, pending, sound};
use crate::{Judged, Limit};

const LIMIT: Limit = Limit {
    fixed: 16 * 1024,
    per_byte: 32,
    largest: MAX_CALLBACK_BYTES,
};

/// Where a sign-out in the browser comes back.
const SIGNED_OUT: &str = "app.tessera.desktop:/signed-out";

static HOME: LazyLock<RedirectUri> = LazyLock::new(|| sound(RedirectUri::new(SIGNED_OUT)));

/// The state that such a return is to bring.
const AWAITED: &str = "the-state-of-the-sign-out";

/// Reads the input as the whole address, and as what follows the redirect URI.
pub(crate) fn judge(input: &[u8]) -> Judged {
    // Addresses are delivered and pasted as text.
    let text = String::from_utf8_lossy(input);
    judge_address(&format!("{REDIRECT}?{text}"));
    judge_return(&format!("{SIGNED_OUT}?{text}"));
    judge_return(&text);
    judge_address(&text)
}

/// What the browser brings back from a provider's sign-out page comes by the same ways.
fn judge_return(text: &str) {
    let state = State::new(AWAITED);
    let verdict = LIMIT.holds(text.len(), || {
        LogoutReturn::parse(text, &HOME).map(|back| (back.judge(&state), format!("{back:?}")))
    });
    if let Some((_, shown)) = verdict {
        conceals(&[&shown], &[AWAITED]);
    }
}

fn judge_address(text: &str) -> Judged {
    let awaited = pending();
    let state = awaited.state().expose().to_owned();
    let nonce = awaited.nonce().map_or("", |nonce| nonce.expose()).to_owned();
    let secrets = [state.as_str(), nonce.as_str()];
    let verdict = LIMIT.holds(text.len(), || {
        Callback::parse(text).map(|callback| callback.validate(awaited))
    });
    match verdict {
        Err(error) => refused(error.code(), &error.message(), &error.hint(), &error, &secrets),
        Ok(Err(error)) => refused(error.code(), &error.message(), &error.hint(), &error, &secrets),
        Ok(Ok(validated)) => {
            // Read as browsers do: without what surrounds it, line breaks, steps up and down, or the case of its scheme.
            let address = sound(Url::parse(text.trim()));
            let place = (address.scheme(), address.host_str(), address.path());
            assert_eq!(place, ("app.tessera.desktop", None, "/callback"), "{text:?}");
            let states = address.query_pairs().filter(|(name, _)| name == "state");
            assert_eq!(states.count(), 1, "{text:?}");
            conceals(&[&format!("{validated:?}")], &secrets);
            Judged::Accepted
        }
    }
}
