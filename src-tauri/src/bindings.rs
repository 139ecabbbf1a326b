//! The one list of commands with their types: Tauri answers by it, and ui/src/host/bindings.ts is written from it.
//! Beside it, the words that flows are told in, for the window's scripted host.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use tauri::Runtime;
use tauri_specta::{Builder, Commands, collect_commands};
use tessera_client::{CheckId, FlowOutcome, MessageId};

use crate::commands;

/// Writes the typed bindings of all commands as TypeScript to `path`.
pub fn write(path: &Path) -> Result<(), specta_typescript::Error> {
    let language = specta_typescript::Typescript::default()
        .header("// Generated from src-tauri by `cargo xtask bindings`; do not edit.\n");
    builder::<tauri::Wry>().export(language, path)
}

/// Every message and every check that a flow can hold, with its words, as JSON. The window's scripted host tells its
/// flows in them, so that its tests and its demo say what the app says.
pub fn words() -> serde_json::Result<String> {
    let words = Words {
        messages: MessageId::ALL
            .iter()
            .map(|message| MessageWords {
                id: message.code(),
                title: message.title(),
                why: message.why(),
                section: message.section(),
                unseen: message.is_unseen(),
            })
            .collect(),
        checks: CheckId::ALL
            .iter()
            .map(|check| CheckWords {
                id: check.code(),
                title: check.title(),
                section: check.section(),
            })
            .collect(),
        outcomes: FlowOutcome::ALL
            .iter()
            .map(|outcome| (outcome.as_str(), outcome.words()))
            .collect(),
    };
    serde_json::to_string_pretty(&words).map(|json| json + "\n")
}

#[derive(Serialize)]
struct Words {
    messages: Vec<MessageWords>,
    checks: Vec<CheckWords>,
    /// What a report says of each way in which a flow can stand, by its name.
    outcomes: BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
struct MessageWords {
    id: &'static str,
    title: &'static str,
    why: &'static str,
    section: Option<&'static str>,
    unseen: bool,
}

#[derive(Serialize)]
struct CheckWords {
    id: &'static str,
    title: &'static str,
    section: &'static str,
}

/// Every command with the types that it takes and gives.
pub(crate) fn builder<R: Runtime>() -> Builder<R> {
    Builder::new().commands(all()).disable_serde_phases()
}

/// Every command.
pub(crate) fn all<R: Runtime>() -> Commands<R> {
    collect_commands![
        commands::account_detail,
        commands::account_storage,
        commands::app_info,
        commands::ask_again,
        commands::call,
        commands::cancel_sign_in,
        commands::catalogue,
        commands::check_up,
        commands::copy_link,
        commands::drawn,
        commands::flows,
        commands::forget_sign_out,
        commands::go_by,
        commands::keep_another,
        commands::browsers,
        commands::set_browser,
        commands::move_storage,
        commands::open_again,
        commands::open_provider_page,
        commands::other_storage,
        commands::paste_callback,
        commands::remove_provider,
        commands::repair,
        commands::retry_sign_out,
        commands::save_provider,
        commands::save_report,
        commands::sign_in,
        commands::sign_out,
        commands::sign_out_in_browser,
        commands::subscribe,
    ]
}
