//! The one window: it shows the app's own pages and can go nowhere else, open nothing and save nothing.

use std::path::PathBuf;

use tauri::webview::NewWindowResponse;
use tauri::window::Color;
use tauri::{
    AppHandle, Manager as _, Runtime, Theme, UserAttentionType, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder,
};
use url::Url;

/// The window's label, which its capability names.
pub(crate) const MAIN: &str = "main";

/// What its title bar says.
const TITLE: &str = if cfg!(feature = "development") {
    "Tessera (development)"
} else {
    "Tessera"
};

/// What the page will be painted with (`--ground` in ui/src/style/tokens.css), so that nothing flashes before it.
pub(crate) const LIGHT_GROUND: Color = Color(0xf6, 0xf5, 0xf2, 0xff);
pub(crate) const DARK_GROUND: Color = Color(0x15, 0x15, 0x13, 0xff);

/// Makes and shows the window. What the web view keeps for itself goes to `data`.
pub(crate) fn open<R: Runtime>(
    app: &AppHandle<R>,
    data: Option<PathBuf>,
    on_leaving_page: impl Fn() + Send + Sync + 'static,
) -> tauri::Result<WebviewWindow<R>> {
    let mut builder = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title(TITLE)
        .inner_size(1080.0, 760.0)
        .min_inner_size(400.0, 480.0)
        .prevent_overflow()
        .background_color(LIGHT_GROUND)
        .on_navigation(is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .on_page_load(move |_, payload| {
            if matches!(payload.event(), tauri::webview::PageLoadEvent::Started) {
                on_leaving_page();
            }
        });
    if let Some(data) = data {
        builder = builder.data_directory(data);
    }
    let window = builder.build()?;
    if window.theme()? == Theme::Dark {
        window.set_background_color(Some(DARK_GROUND))?;
    }
    Ok(window)
}

/// Brings the window before the person, or where the system does not let it, asks for their attention.
pub(crate) fn bring_forward<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(MAIN) else {
        return;
    };
    let brought = || -> tauri::Result<()> {
        window.unminimize()?;
        window.show()?;
        if !window.is_focused()? {
            window.set_focus()?;
            // Whether the focus was given shows only later; it takes the request for attention back.
            window.request_user_attention(Some(UserAttentionType::Informational))?;
        }
        Ok(())
    };
    if let Err(error) = brought() {
        tracing::warn!(%error, "the window could not be brought forward");
    }
}

/// Takes the window from the screen, where it has not gone already.
pub(crate) fn hide<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.hide()
    {
        tracing::warn!(%error, "the window could not be hidden");
    }
}

/// Takes back what [`bring_forward`] asked for, once the window has the focus.
pub(crate) fn was_focused<R: Runtime>(app: &AppHandle<R>) {
    if let Some(window) = app.get_webview_window(MAIN) {
        let _ = window.request_user_attention(None);
    }
}

/// Whether `url` is a page of this app. Only those are ever shown in the window.
fn is_own_page(url: &Url) -> bool {
    let (scheme, host) = if cfg!(windows) {
        ("http", "tauri.localhost")
    } else {
        ("tauri", "localhost")
    };
    url.scheme() == scheme && url.host_str() == Some(host) && url.port().is_none()
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_the_apps_own_pages_are_shown() {
        let check = |text: &str, own: bool| assert_eq!(is_own_page(&text.parse().unwrap()), own, "{text}");
        check("tauri://localhost", true);
        check("tauri://localhost/index.html#/accounts", true);
        check("tauri://localhost:81/", false);
        check("tauri://evil.example/", false);
        check("tauri://localhost.evil.example/", false);
        check("https://localhost/", false);
        check("https://tauri.localhost/", false);
        check("http://127.0.0.1:1420/", false);
        check("app.tessera.desktop:/callback", false);
        check("file:///etc/passwd", false);
        check("about:blank", false);
        check("data:text/html,hi", false);
        check("javascript:alert(1)", false);
        check("blob:tauri://localhost/4f5c", false);
        check("asset://localhost/etc/passwd", false);
    }
}
