//! Finds the access token in a request: in its one `Authorization` field and nowhere else (RFC 6750
//! section 2.1, RFC 9449 section 7.1). A token in the address would be logged on its way, and one in a form is read too late.

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, Uri};

use crate::dpop::PROOF;
use crate::refusal::Reason;

/// A token that was presented. The field's value is shared, not copied, and is marked as sensitive, so that
/// it does not show itself when formatted.
pub(crate) struct Presented {
    field: HeaderValue,
    start: usize,
    proof: Option<Evidence>,
}

/// What a proof comes with, and is to be compared with.
pub(crate) struct Evidence {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) fields: Vec<HeaderValue>,
}

impl Presented {
    /// Reads the field: `Bearer`, in any case, one space or more, and a token of token68 characters
    /// (RFC 9110 section 11.4); or the same with `DPoP` (RFC 9449 section 7.1), where the `request` is at hand that a
    /// proof is to be compared with. Another scheme is no token for this API.
    pub(crate) fn find(headers: &HeaderMap, request: Option<(&Method, &Uri)>) -> Result<Self, Reason> {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let field = fields.next().ok_or(Reason::NoToken)?;
        if fields.next().is_some() {
            return Err(Reason::MalformedRequest(
                "it has more than one Authorization field",
            ));
        }
        let text = field
            .to_str()
            .map_err(|_| Reason::MalformedRequest("its Authorization field is not plain text"))?;
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        let proof = match request {
            _ if scheme.eq_ignore_ascii_case("Bearer") => None,
            Some((method, uri)) if scheme.eq_ignore_ascii_case("DPoP") => Some(Evidence {
                method: method.clone(),
                uri: uri.clone(),
                fields: headers.get_all(PROOF).iter().cloned().collect(),
            }),
            _ => return Err(Reason::NoToken),
        };
        let token = rest.trim_start_matches(' ');
        if !is_token68(token) {
            return Err(Reason::MalformedRequest(
                "what follows the scheme is not one token",
            ));
        }
        let start = text.len() - token.len();
        let mut field = field.clone();
        field.set_sensitive(true);
        Ok(Self { field, start, proof })
    }

    /// What came to show that its key is had; `None` for a bearer token.
    pub(crate) fn proof(&self) -> Option<&Evidence> {
        self.proof.as_ref()
    }

    /// The token itself, to be verified.
    pub(crate) fn expose(&self) -> &str {
        // It was text when it was found.
        self.field
            .to_str()
            .ok()
            .and_then(|text| text.get(self.start..))
            .unwrap_or_default()
    }
}

/// Marks what the request carries as sensitive: whoever formats it later, handlers and loggers included,
/// sees that it is there and not what it is.
pub(crate) fn hide(headers: &mut HeaderMap) {
    if let http::header::Entry::Occupied(mut entry) = headers.entry(AUTHORIZATION) {
        for value in entry.iter_mut() {
            value.set_sensitive(true);
        }
    }
}

fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}
