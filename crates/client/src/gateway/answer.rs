//! What an API's answer says beside its body: where it leads, what is missing, where the list goes on.

use http::{HeaderMap, header};
use url::Url;

use crate::ports::StreamedResponse;

pub(super) fn redirect(response: &StreamedResponse, from: &Url) -> Option<Url> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.get(header::LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

/// The address that `Link: <…>; rel="next"` names (RFC 8288), when it is in the same origin.
pub(super) fn next_page(headers: &HeaderMap, from: &Url) -> Option<Url> {
    headers
        .get_all(header::LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|value| {
            value.split(',').find_map(|link| {
                let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
                let is_next = parameters
                    .split(';')
                    .filter_map(|parameter| parameter.trim().split_once('='))
                    .any(|(name, relations)| {
                        name.eq_ignore_ascii_case("rel")
                            && relations
                                .trim_matches('"')
                                .split(' ')
                                .any(|rel| rel.eq_ignore_ascii_case("next"))
                    });
                let url = from.join(target).ok()?;
                (is_next && url.origin() == from.origin()).then_some(url)
            })
        })
}
