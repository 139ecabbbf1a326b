//! Signing out at the provider as well (OpenID Connect RP-Initiated Logout 1.0): an address for the browser.
//! What this machine keeps is deleted before that, so whatever comes back from the browser triggers nothing.

use url::Url;

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

#[cfg(test)]
mod tests;
