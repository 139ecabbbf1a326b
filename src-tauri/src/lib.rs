//! The desktop shell: one window, the commands it may call, and the inbox for callbacks. It holds no rule of the
//! protocol and no secret; those are the client's.

#[cfg(unix)]
pub mod again;
mod ask;
pub mod bindings;
mod body;
mod check_up;
mod clipboard;
mod commands;
mod flows;
mod inbox;
mod logs;
mod pace;
mod permissions;
#[cfg(feature = "development")]
mod sandbox;
mod scheme;
mod shell;
mod view;
mod window;
pub mod wire;
mod work;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Instant;

use tauri::{AppHandle, Context, Manager as _, RunEvent, Runtime, WindowEvent};
use tessera_client::{DEVELOPMENT_SCHEME_REDIRECT, RedirectUri, SCHEME_REDIRECT, scheme_of};
use tessera_platform::DataFolder;

use crate::inbox::Inbox;
use crate::shell::Shell;

include!("command_names.rs");

/// What the program was started with.
pub struct Start {
    /// When the process began.
    pub began: Instant,
    /// Its arguments, the program's name first. They may hold a callback.
    pub arguments: Vec<OsString>,
    /// Whether a development build brings its sandbox.
    pub sandbox: bool,
    /// Whether and how the program can start once more.
    #[cfg(unix)]
    pub again: again::Again,
}

/// Why the app could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The redirect URI of this build is none.
    #[error(transparent)]
    Redirect(#[from] tessera_client::AddressError),
    /// There is no window system, or it refused the window.
    #[error(transparent)]
    Window(#[from] tauri::Error),
}

/// Runs the app until its window is closed.
pub fn run<R: Runtime>(
    builder: tauri::Builder<R>,
    mut context: Context<R>,
    start: &Start,
) -> Result<(), StartError> {
    let redirect = redirect()?;
    name_after(scheme_of(&redirect), &mut context);

    let folder = DataFolder::locate(&context.config().identifier);
    let logging = folder
        .as_ref()
        .ok()
        .and_then(|folder| logs::start(&folder.path().join("logs")).ok());
    let (inbox, callbacks) = Inbox::new(scheme_of(&redirect));
    let has_callback = inbox.put_arguments(&start.arguments);

    let second = inbox.clone();
    let builder = builder
        // First, so that a second process hands over its arguments before it does anything else.
        .plugin(tauri_plugin_single_instance::init(
            move |app, arguments, _folder| {
                if !second.put_arguments(&arguments) {
                    window::bring_forward(app);
                }
            },
        ))
        // For questions that Rust asks. The page is granted none of its commands.
        .plugin(tauri_plugin_dialog::init())
        .invoke_handler(bindings::builder().invoke_handler());
    #[cfg(feature = "development")]
    let builder = builder.plugin(tauri_plugin_shell::init());

    let Start { began, sandbox, .. } = *start;
    let shell = Arc::new(Shell::default());
    let ending = shell.clone();
    let app = builder
        .setup(move |app| {
            app.manage(shell.clone());
            shell.person.sits_at(app.handle().clone());
            shell.checks.are_of(app.handle().clone());
            // A desktop that names no such folder has it where the others do.
            let downloads = app.path().download_dir();
            if let Ok(reports) =
                downloads.or_else(|_| Ok::<_, tauri::Error>(app.path().home_dir()?.join("Downloads")))
            {
                shell.reports_go_to(reports);
            }
            let page_data = folder.as_ref().ok().map(|folder| folder.path().join("webview"));
            let left = shell.clone();
            window::open(app.handle(), page_data, move || left.unsubscribe())?;
            tracing::info!(milliseconds = began.elapsed().as_millis(), "window shown");
            let app = app.handle().clone();
            tauri::async_runtime::spawn(work::begin(app, shell, folder, redirect, callbacks, sandbox));
            Ok(())
        })
        .build(context)?;
    #[cfg(unix)]
    if has_callback && start.again.is_first() {
        // No other instance runs: it would have been handed the arguments, and this process would be gone.
        tauri_plugin_single_instance::destroy(&app);
        let error = start.again.without_arguments(&start.arguments);
        tracing::warn!(%error, "a callback stays among the arguments of this process");
    }
    app.run_return(move |app, event| match event {
        RunEvent::WindowEvent {
            event: WindowEvent::Focused(true),
            ..
        } => window::was_focused(app),
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => {
            for url in urls {
                inbox.put(url.as_str());
            }
        }
        RunEvent::ExitRequested { code: None, api, .. } => {
            api.prevent_exit();
            wind_up(app, ending.clone());
        }
        // On macOS the app menu's Quit leads straight here, with the window still there.
        RunEvent::Exit => {
            window::hide(app);
            tauri::async_runtime::block_on(ending.settle());
        }
        _ => {}
    });
    // What was logged last is written before the process ends.
    drop(logging);
    Ok(())
}

/// Lets what is under way come home after the last window is gone, and ends the app then. The event loop goes on
/// meanwhile: a system that is not listened to leaves the window where it was.
fn wind_up<R: Runtime>(app: &AppHandle<R>, shell: Arc<Shell>) {
    // Whoever opens the app from here on gets one of their own, which takes turns with this one by the store.
    tauri_plugin_single_instance::destroy(app);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        shell.settle().await;
        app.exit(0);
    });
}

/// The private-scheme redirect URI of this build. A development build has its own, so that it and an installed app
/// never take each other's callbacks.
fn redirect() -> Result<RedirectUri, tessera_client::AddressError> {
    RedirectUri::new(if cfg!(feature = "development") {
        DEVELOPMENT_SCHEME_REDIRECT
    } else {
        SCHEME_REDIRECT
    })
}

/// Gives the app the name that goes with its scheme: the two are the same (RFC 8252 section 7.1).
fn name_after<R: Runtime>(scheme: &str, context: &mut Context<R>) {
    let config = context.config_mut();
    scheme.clone_into(&mut config.identifier);
    let schemes = serde_json::json!({ "desktop": { "schemes": [scheme] } });
    config.plugins.0.insert("deep-link".to_owned(), schemes);
}

#[cfg(test)]
mod tests;
