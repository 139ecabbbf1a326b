//! Signing out at the provider as well (OpenID Connect RP-Initiated Logout 1.0): an address for the browser, and
//! what the browser comes back with. What this machine keeps is deleted before that, so whatever comes back
//! triggers nothing; it only tells whether the provider is done.

use url::Url;
use zeroize::Zeroizing;

use crate::authorize::unguessable;
use crate::callback::{MAX_CALLBACK_BYTES, Target};
use crate::discovery::Metadata;
use crate::ids::{ClientId, RedirectUri};
use crate::secret::{RawIdToken, State};

/// What to tell the provider. All of it is optional but the client.
#[derive(Clone, Debug)]
pub struct LogoutRequest<'a> {
    /// Who asks.
    pub client_id: &'a ClientId,
    /// The last ID token, so that the provider knows whose session it is.
    pub id_token_hint: Option<&'a RawIdToken>,
    /// Who is to be signed out, when there is no ID token at hand.
    pub logout_hint: Option<&'a str>,
    /// Where the browser comes back to; must be registered.
    pub post_logout_redirect_uri: Option<&'a RedirectUri>,
    /// Comes back with it.
    pub state: Option<&'a State>,
}

/// The address to open in the browser; `None` when the provider has no such endpoint. It carries the ID token,
/// so it is opened and never logged.
pub fn logout_url(metadata: &Metadata, request: &LogoutRequest<'_>) -> Option<Url> {
    const OWN: &[&str] = &[
        "client_id",
        "id_token_hint",
        "logout_hint",
        "post_logout_redirect_uri",
        "state",
    ];
    let mut url = metadata.end_session_endpoint.clone()?;
    let kept = url
        .query_pairs()
        .filter(|(name, _)| !OWN.contains(&name.as_ref()));
    let kept: Vec<(String, String)> = kept
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let mut query = url.query_pairs_mut();
    query.clear();
    query.extend_pairs(&kept);
    query.append_pair("client_id", request.client_id.as_str());
    if let Some(token) = request.id_token_hint {
        query.append_pair("id_token_hint", token.expose());
    }
    if let Some(hint) = request.logout_hint {
        query.append_pair("logout_hint", hint);
    }
    if let Some(uri) = request.post_logout_redirect_uri {
        query.append_pair("post_logout_redirect_uri", uri.as_str());
        // Without an address to come back to, there is nothing for it to come back with.
        if let Some(state) = request.state {
            query.append_pair("state", state.expose());
        }
    }
    drop(query);
    Some(url)
}

/// A `state` for one sign-out: 32 bytes of `random`, which fills a buffer from a cryptographically secure
/// generator, in 43 characters.
pub fn new_state(random: &mut dyn FnMut(&mut [u8])) -> State {
    State::new(unguessable(random))
}

/// What the browser brought to the `post_logout_redirect_uri` (section 3), as it was received. Anyone on this
/// machine can send one.
#[derive(Debug)]
pub struct LogoutReturn {
    state: ReturnedState,
}

#[derive(Debug)]
enum ReturnedState {
    None,
    One(State),
    /// Twice, which no provider sends (RFC 6749 section 3.1).
    Several,
}

/// Whether a return is the one that is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnVerdict {
    /// It has the state that was sent.
    Awaited,
    /// It has no state.
    NoState,
    /// It has another state, or several.
    OtherState,
}

impl LogoutReturn {
    /// Reads the whole address as it was delivered. `None` when it is none, is longer than
    /// [`MAX_CALLBACK_BYTES`], or does not lead to `post_logout_redirect_uri`: same scheme, host, port and path.
    pub fn parse(text: &str, post_logout_redirect_uri: &RedirectUri) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_CALLBACK_BYTES {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let home = Url::parse(post_logout_redirect_uri.as_str()).ok()?;
        if Target::of(&url) != Target::of(&home) {
            return None;
        }
        let mut states = url
            .query_pairs()
            .filter(|(name, value)| name == "state" && !value.is_empty())
            .map(|(_, value)| Zeroizing::new(value.into_owned()));
        let state = match (states.next(), states.next()) {
            (None, _) => ReturnedState::None,
            (Some(one), None) => ReturnedState::One(State::new(one.as_str())),
            (Some(_), Some(_)) => ReturnedState::Several,
        };
        Some(Self { state })
    }

    /// Compares with the state that was sent, in constant time.
    pub fn judge(&self, sent: &State) -> ReturnVerdict {
        match &self.state {
            ReturnedState::None => ReturnVerdict::NoState,
            ReturnedState::One(state) if state == sent => ReturnVerdict::Awaited,
            ReturnedState::One(_) | ReturnedState::Several => ReturnVerdict::OtherState,
        }
    }
}

#[cfg(test)]
mod tests;
