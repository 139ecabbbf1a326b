//! The desktop app's program.
// No console window beside the app on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

#[cfg(unix)]
use tessera_desktop::again;
use tessera_desktop::{Start, StartError};

#[expect(
    clippy::exit,
    reason = "Tauri's macro has one, for a context that cannot be made"
)]
fn main() -> ExitCode {
    match tessera_desktop::run(tauri::Builder::default(), tauri::generate_context!(), &start()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the program starts here")]
fn start() -> Start {
    let began = Instant::now();
    #[cfg_attr(not(unix), expect(unused_mut, reason = "nothing is taken out of them there"))]
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    #[cfg(target_os = "linux")]
    without_dmabuf_on_nvidia(&arguments);
    Start {
        began,
        #[cfg(unix)]
        again: again::Again::begin(&mut arguments, |name| std::env::var_os(name)),
        arguments,
        sandbox: std::env::var_os("TESSERA_SANDBOX").is_none_or(|value| value != "off"),
    }
}

#[expect(clippy::print_stderr, reason = "there is no window to say it in")]
fn complain(error: &StartError) {
    eprintln!("Tessera could not open its window: {error}");
}

/// With NVIDIA's driver, WebKitGTK's DMA-BUF renderer shows an empty window
/// (<https://github.com/tauri-apps/tauri/issues/9304>). The variable that turns it off must be there before GTK
/// starts, and to set one in a running process is unsafe; so the program starts itself once more with it. Only where
/// that driver is loaded, because it costs the time of loading all libraries again.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the program starts here")]
fn without_dmabuf_on_nvidia(arguments: &[OsString]) {
    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let is_nvidia = std::path::Path::new("/proc/driver/nvidia/version").exists();
    if is_nvidia && std::env::var_os(VARIABLE).is_none() {
        // It comes back only when it did not work; then the app goes on as it is.
        let _failed = again::with_variable(arguments, VARIABLE, "1");
    }
}
