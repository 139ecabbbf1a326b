//! What a failed request means to a person. Names the host and never the path or query, which may hold secrets.

use std::error::Error;
use std::io;

use tessera_client::ports::HttpError;
use url::Url;

/// Host, and port where the address names one.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("that address");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Sorts what the library says by type, never by text.
pub(super) fn explain(place: &str, error: &reqwest::Error) -> HttpError {
    let host = place.to_owned();
    if let Some(tls) = cause::<rustls::Error>(error) {
        return HttpError::Tls {
            host,
            reason: tls.to_string(),
        };
    }
    if error.is_timeout() {
        return HttpError::TimedOut(host);
    }
    if error.is_dns() {
        let reason = "its name could not be found; check the spelling and the network".to_owned();
        return HttpError::Unreachable { host, reason };
    }
    if error.is_connect() {
        return match cause::<io::Error>(error).map(io::Error::kind) {
            Some(io::ErrorKind::TimedOut) => HttpError::TimedOut(host),
            Some(io::ErrorKind::ConnectionRefused) => HttpError::Unreachable {
                host,
                reason: "nothing is listening there".to_owned(),
            },
            Some(kind @ (io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable)) => {
                HttpError::Unreachable {
                    host,
                    reason: kind.to_string(),
                }
            }
            _ => HttpError::Unreachable {
                host,
                reason: innermost(error),
            },
        };
    }
    HttpError::Broken {
        host,
        reason: innermost(error),
    }
}

/// The words of the first cause. The outer layers only say that something beneath them failed, and the
/// outermost repeats the whole address.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut deepest: Option<&(dyn Error + 'static)> = error.source();
    while let Some(next) = deepest.and_then(beneath) {
        deepest = Some(next);
    }
    deepest.map_or_else(|| "no reason was given".to_owned(), ToString::to_string)
}

/// The first cause of this type.
fn cause<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut link: Option<&(dyn Error + 'static)> = error.source();
    while let Some(current) = link {
        if let Some(found) = current.downcast_ref() {
            // An I/O error may only be the wrapping of what is looked for, never the other way round.
            return Some(found);
        }
        link = beneath(current);
    }
    None
}

/// One layer down. An I/O error hides what it wraps from `source`, which goes on to the cause of that.
fn beneath<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
