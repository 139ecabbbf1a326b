//! The desktop app's program.
// No console window beside the app on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use tessera_desktop::{Start, StartError};

#[expect(
    clippy::exit,
    reason = "Tauri's macro has one, for a context that cannot be made"
)]
fn main() -> ExitCode {
    let start = start();
    #[cfg(target_os = "linux")]
    without_dmabuf_on_nvidia(&start.arguments);
    match tessera_desktop::run(tauri::Builder::default(), tauri::generate_context!(), start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the program starts here")]
fn start() -> Start {
    Start {
        began: Instant::now(),
        arguments: std::env::args_os().collect(),
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
#[expect(
    clippy::disallowed_methods,
    reason = "the program starts here, itself and nothing else"
)]
fn without_dmabuf_on_nvidia(arguments: &[OsString]) {
    use std::os::unix::process::CommandExt as _;

    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let is_nvidia = std::path::Path::new("/proc/driver/nvidia/version").exists();
    if !is_nvidia || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        let mut again = std::process::Command::new(program);
        // It comes back only when it failed; then the app goes on as it is.
        let _failed = again.args(arguments.iter().skip(1)).env(VARIABLE, "1").exec();
    }
}
