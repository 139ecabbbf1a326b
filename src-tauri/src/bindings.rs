//! The one list of commands with their types: Tauri answers by it, and ui/src/host/bindings.ts is written from it.

use std::path::Path;

use tauri::Runtime;
use tauri_specta::{Builder, Commands, collect_commands};

use crate::commands;

/// Writes the typed bindings of all commands as TypeScript to `path`.
pub fn write(path: &Path) -> Result<(), specta_typescript::Error> {
    let language = specta_typescript::Typescript::default()
        .header("// Generated from src-tauri by `cargo xtask bindings`; do not edit.\n");
    builder::<tauri::Wry>().export(language, path)
}

/// Every command with the types that it takes and gives.
pub(crate) fn builder<R: Runtime>() -> Builder<R> {
    Builder::new().commands(all()).disable_serde_phases()
}

/// Every command.
pub(crate) fn all<R: Runtime>() -> Commands<R> {
    collect_commands![
        commands::account_detail,
        commands::app_info,
        commands::call,
        commands::cancel_sign_in,
        commands::catalogue,
        commands::copy_link,
        commands::flows,
        commands::open_again,
        commands::open_provider_page,
        commands::paste_callback,
        commands::remove_provider,
        commands::save_provider,
        commands::save_report,
        commands::sign_in,
        commands::sign_out,
        commands::sign_out_in_browser,
        commands::subscribe,
    ]
}
