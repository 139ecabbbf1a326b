//! Profile pictures: small, fetched without any token, and never in anybody's way.

use std::time::Duration;

use http::header;
use tessera_oidc::is_secure;
use tessera_oidc::message::Request;
use url::Url;

use crate::account::{Account, Picture};
use crate::client::{Change, Client};
use crate::ports::Limits;

const LIMITS: Limits = Limits {
    body: 512 * 1024,
    time: Duration::from_secs(15),
};

/// Fetches the picture in the background, if its address is one that may be asked for.
pub(crate) fn fetch_later(client: &Client, account: &Account, address: &str) {
    let Some(url) = acceptable(address, account) else {
        return;
    };
    let (client, id, generation) = (client.clone(), account.id.clone(), account.generation);
    tokio::spawn(async move {
        let mut request = Request::get_json(url);
        request
            .headers
            .insert(header::ACCEPT, header::HeaderValue::from_static("image/*"));
        let Ok(response) = client.inner().ports.http.send(request, LIMITS).await else {
            return;
        };
        let Some(media_type) = image_type(&response.body).filter(|_| response.status.is_success()) else {
            return;
        };
        let picture = Picture {
            media_type: media_type.to_owned(),
            bytes: response.body.to_vec(),
        };
        if let Ok(true) = client.inner().store.set_picture(&id, generation, picture).await {
            client.changed(Change::Accounts);
        }
    });
}

/// A claim must not make the app knock on this machine's own doors: loopback addresses are asked only where
/// the issuer itself is one.
fn acceptable(address: &str, account: &Account) -> Option<Url> {
    let url = Url::parse(address).ok().filter(is_secure)?;
    let public =
        url.scheme() == "https" && matches!(url.host(), Some(url::Host::Domain(name)) if name != "localhost");
    (public || url.origin() == account.issuer.url().origin()).then_some(url)
}

/// The media type by the first bytes: what a server says it is does not matter to whoever decodes it.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    let starts = |prefix: &[u8]| bytes.starts_with(prefix);
    if starts(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if starts(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Some("image/gif")
    } else if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}
