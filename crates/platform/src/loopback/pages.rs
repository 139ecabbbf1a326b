//! What the browser shows at the end: a plain page without scripts, links, pictures or anything to load.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http_body_util::Full;
use sha2::{Digest as _, Sha256};
use tessera_client::ports::BrowserPage;

/// Everything that may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// What the client decided about a callback.
    End(BrowserPage),
    /// `Host` is not the address that was opened.
    WrongHost,
    /// Not a GET.
    WrongMethod,
    /// Not the callback's path.
    NotFound,
    /// A GET with a body.
    BodyRefused,
    /// Another user's program, or one that did not stay for the page.
    Stranger,
    /// More callbacks wait than anybody will look at.
    Busy,
}

/// The whole answer.
pub(super) fn response(page: Page) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::new(Bytes::from(html(page))));
    *response.status_mut() = page.status();
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    if page == Page::WrongMethod {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

const FIXED: [(HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    // The address holds the code: it is neither kept nor passed on.
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Allows this one style sheet and nothing else.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Title and sentences of a page, and whether the halves of the mark have met.
struct Words {
    title: &'static str,
    first: &'static str,
    second: &'static str,
    whole: bool,
}

fn words(page: Page) -> Words {
    match page {
        Page::End(BrowserPage::Finished) => Words {
            title: "All done here",
            first: "You can close this page and go back to Tessera.",
            second: "",
            whole: true,
        },
        Page::End(BrowserPage::Refused) => Words {
            title: "You were not signed in",
            first: "Tessera says why, and what to do next.",
            second: "You can close this page and go back to it.",
            whole: false,
        },
        Page::End(BrowserPage::Question) => Words {
            title: "You chose another account",
            first: "It is not the one that this sign-in was for. Tessera asks you what to do.",
            second: "You can close this page and go back to it.",
            whole: false,
        },
        Page::End(BrowserPage::NotAwaited) => Words {
            title: "Not the answer Tessera is waiting for",
            first: "It belongs to an older sign-in, or something else opened this page.",
            second: "Nothing was changed. Go back to Tessera, and sign in from there.",
            whole: false,
        },
        Page::End(BrowserPage::SignedOut) => Words {
            title: "You are signed out",
            first: "Your provider says that it has ended your session in this browser.",
            second: "You can close this page.",
            whole: false,
        },
        Page::End(BrowserPage::SignOutNotAwaited) => Words {
            title: "Not the sign-out that Tessera started",
            first: "Something else opened this page, or your provider sent you back with the wrong word.",
            second: "Nothing was changed. Look at your provider's site whether you are signed in there.",
            whole: false,
        },
        Page::WrongHost | Page::WrongMethod | Page::NotFound | Page::BodyRefused | Page::Stranger => Words {
            title: "Nothing is here",
            first: "Tessera is waiting at this address for your browser to come back from signing in. This was not it.",
            second: "You can close this page.",
            whole: false,
        },
        Page::Busy => Words {
            title: "Too many answers at once",
            first: "Something on this computer keeps calling Tessera.",
            second: "Go back to Tessera, and sign in again from there.",
            whole: false,
        },
    }
}

fn html(page: Page) -> String {
    let Words {
        title,
        first,
        second,
        whole,
    } = words(page);
    let mark = if whole { "mark whole" } else { "mark" };
    let second = match second {
        "" => String::new(),
        text => format!("\n<p class=\"soft\">{text}</p>"),
    };
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · Tessera</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<svg class="{mark}" viewBox="0 0 64 64" width="72" height="72" aria-hidden="true">
<path class="first" d="M16 4H37L25 24L33 40L21 60H16A12 12 0 0 1 4 48V16A12 12 0 0 1 16 4Z"/>
<path class="second" d="M43 4H48A12 12 0 0 1 60 16V48A12 12 0 0 1 48 60H27L39 40L31 24Z"/>
</svg>
<h1>{title}</h1>
<p>{first}</p>{second}
</main>
</body>
</html>
"#
    )
}

/// The halves stand apart until the sign-in is finished; then they touch.
const STYLE: &str = "
:root { color-scheme: light dark; --ground: #f6f5f2; --surface: #fff; --line: #e0ddd6; --ink: #1c1b19;
  --soft: #5f5c55; --first: #0f766e; --second: #35b8a8; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #151513; --surface: #1e1d1b; --line: #34322e; --ink: #efede8; --soft: #aaa69d;
    --first: #17998e; --second: #5fd3c4; }
}
* { box-sizing: border-box; margin: 0; }
body { min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Cantarell, Ubuntu, sans-serif;
  overflow-wrap: break-word; }
main { width: 100%; max-width: 28rem; padding: 3rem 2rem; background: var(--surface);
  border: 1px solid var(--line); border-radius: 0.75rem; text-align: center; }
h1 { margin: 1.5rem 0 0.5rem; font-size: 1.5rem; line-height: 1.3; font-weight: 600; text-wrap: balance; }
p { text-wrap: balance; }
.soft { margin-top: 0.5rem; color: var(--soft); }
.mark { overflow: visible; }
.first { fill: var(--first); transform: translate(-3px, 1px); }
.second { fill: var(--second); transform: translate(3px, -1px); }
.whole .first, .whole .second { transform: none; }
@media (forced-colors: active) { .first, .second { fill: CanvasText; } .second { opacity: 0.6; } }
@media (prefers-reduced-motion: no-preference) {
  .whole .first { animation: from-left 400ms ease-out; }
  .whole .second { animation: from-right 400ms ease-out; }
}
@keyframes from-left { from { transform: translate(-10px, 3px); } }
@keyframes from-right { from { transform: translate(10px, -3px); } }
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ALL: [Page; 12] = [
        Page::End(BrowserPage::Finished),
        Page::End(BrowserPage::NotAwaited),
        Page::End(BrowserPage::Refused),
        Page::End(BrowserPage::Question),
        Page::End(BrowserPage::SignedOut),
        Page::End(BrowserPage::SignOutNotAwaited),
        Page::WrongHost,
        Page::Stranger,
        Page::WrongMethod,
        Page::NotFound,
        Page::BodyRefused,
        Page::Busy,
    ];

    #[test]
    fn a_page_loads_nothing_runs_nothing_and_leads_nowhere() {
        for page in ALL {
            let html = html(page);
            for word in [
                "<script",
                "<link",
                "javascript:",
                "src=",
                "href=",
                "url(",
                "@import",
                "http",
                "style=",
                " onload=",
            ] {
                assert!(!html.contains(word), "{page:?} holds {word}");
            }
        }
    }

    #[test]
    fn the_policy_allows_exactly_the_style_that_is_sent() {
        let policy = POLICY.to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        for page in ALL {
            let html = html(page);
            let style = html
                .split("<style>")
                .nth(1)
                .unwrap()
                .split("</style>")
                .next()
                .unwrap();
            let hash = STANDARD.encode(Sha256::digest(style));
            assert!(policy.contains(&format!("'sha256-{hash}'")));
        }
    }

    #[test]
    fn the_ends_of_a_sign_in_or_sign_out_cannot_be_mistaken_for_each_other() {
        let mut titles = ALL[..6].iter().map(|page| words(*page).title).collect::<Vec<_>>();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), 6);
        assert!(ALL.iter().all(|page| words(*page).whole == (*page == ALL[0])));
    }
}
