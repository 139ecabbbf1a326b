//! Tells the system that this app takes the callbacks of its private scheme (RFC 8252 section 7.1).

use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_deep_link::DeepLinkExt as _;

/// Registers the scheme for this person, off the start-up path: on Linux it starts several programs. That it fails
/// is a warning: the other ways back still work.
///
/// Only the registering is taken from the plugin. Its event for new addresses could be sent and heard by a web view,
/// and plays no part in how callbacks come in; see `inbox`.
pub(crate) fn register<R: Runtime>(app: &AppHandle<R>) {
    if cfg!(target_os = "macos") || is_packaged(app) {
        return;
    }
    // The plugin reads the arguments as text, and panics over those that are none.
    if std::env::args_os().any(|argument| argument.to_str().is_none()) {
        tracing::warn!("the private scheme was not registered: an argument of this program is not text");
        return;
    }
    let registered = app
        .plugin(tauri_plugin_deep_link::init())
        .map_err(|error| error.to_string())
        .and_then(|()| app.deep_link().register_all().map_err(|error| error.to_string()));
    match registered {
        Ok(()) => tracing::info!("the private scheme is registered"),
        Err(error) => tracing::warn!(error, "the private scheme could not be registered"),
    }
}

/// Whether an installed package's own entry brings addresses of the scheme here, and nothing that an unpackaged copy
/// once registered stands before it. To register once more would leave an entry that outlives the package.
fn is_packaged<R: Runtime>(app: &AppHandle<R>) -> bool {
    let (Ok(program), Ok(data)) = (tauri::utils::platform::current_exe(), app.path().data_dir()) else {
        return false;
    };
    program.starts_with("/usr/bin") && !data.join("applications/tessera-desktop-handler.desktop").exists()
}
