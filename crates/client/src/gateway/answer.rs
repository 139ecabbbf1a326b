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

/// The schemes that an access token goes by (RFC 6750 section 2.1, RFC 9449 section 7.1).
const SCHEMES: [&str; 2] = ["Bearer", "DPoP"];

/// The parameters of a challenge of one of them (RFC 9110 section 11.2), names in lower case.
pub(crate) fn challenge_parameters(challenge: &str) -> Vec<(String, String)> {
    let Some((scheme, mut rest)) = challenge.trim_start().split_once(' ') else {
        return Vec::new();
    };
    if !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Vec::new();
    }
    let mut parameters = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_ascii_lowercase();
        let after = after.trim_start();
        let mut value = String::new();
        rest = if let Some(quoted) = after.strip_prefix('"') {
            let mut end = quoted.len();
            let mut escaped = false;
            for (index, c) in quoted.char_indices() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '"' if !escaped => {
                        end = index + 1;
                        break;
                    }
                    c => {
                        value.push(c);
                        escaped = false;
                    }
                }
            }
            &quoted[end..]
        } else {
            let end = after.find(',').unwrap_or(after.len());
            value.push_str(after[..end].trim());
            &after[end..]
        };
        parameters.push((name, value));
    }
    parameters
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
