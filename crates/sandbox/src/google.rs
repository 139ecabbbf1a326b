//! Google's manner, under `/google`.

use crate::records::AuthorizationRequest;
use crate::scopes::Scopes;

/// What its scopes mean to a person.
pub(crate) const SCOPES: [(&str, &str); 0] = [];

/// What its callback carries beyond the standard.
pub(crate) fn callback_extras(_request: &AuthorizationRequest, _granted: &Scopes) -> Vec<(String, String)> {
    Vec::new()
}
