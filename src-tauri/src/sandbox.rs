//! Development builds bring their own provider and API: the sandbox, as a process beside the app that ends with it.

use std::path::Path;

use serde::Deserialize;
use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_shell::ShellExt as _;
use tauri_plugin_shell::process::{CommandChild, CommandEvent};
use tessera_client::{ClientId, SandboxAddress};
use url::Url;

use crate::wire::ErrorView;

/// Keeps the sandbox's standard input open. It closes when the app ends, and so does the sandbox.
struct Running(#[expect(dead_code, reason = "it is kept, not used")] CommandChild);

/// The line that the sandbox prints when it is ready.
#[derive(Deserialize)]
struct Ready {
    issuer: String,
    api: Url,
    client_id: String,
}

/// Starts the sandbox, with what it keeps below `data`, and says where it is.
pub(crate) async fn start<R: Runtime>(app: &AppHandle<R>, data: &Path) -> Result<SandboxAddress, ErrorView> {
    run(app, data).await.map_err(|detail| ErrorView {
        code: "sandbox_not_started".to_owned(),
        message: "The sandbox could not be started.".to_owned(),
        hint: "Build it with `cargo build -p tessera-sandbox` and start Tessera again; all else works."
            .to_owned(),
        detail: Some(detail),
    })
}

async fn run<R: Runtime>(app: &AppHandle<R>, data: &Path) -> Result<SandboxAddress, String> {
    let command = app
        .shell()
        .sidecar("tessera-sandbox")
        .map_err(|error| error.to_string())?;
    let state = data.join("sandbox");
    let arguments = [
        "--exit-with-stdin".as_ref(),
        "--state".as_ref(),
        state.as_os_str(),
    ];
    let (mut events, child) = command
        .args(arguments)
        .spawn()
        .map_err(|error| error.to_string())?;
    app.manage(Running(child));
    let mut said = String::new();
    let address = loop {
        match events.recv().await {
            Some(CommandEvent::Stdout(line)) => break address(&line)?,
            Some(CommandEvent::Stderr(line)) => String::from_utf8_lossy(&line).trim().clone_into(&mut said),
            Some(CommandEvent::Error(error)) => return Err(error),
            Some(CommandEvent::Terminated(_)) | None => {
                return Err(format!("it ended before it was ready: {said}"));
            }
            Some(_) => {}
        }
    };
    // What it prints later is for nobody, but has to be read, or it would wait for a reader.
    tauri::async_runtime::spawn(async move { while events.recv().await.is_some() {} });
    Ok(address)
}

fn address(line: &[u8]) -> Result<SandboxAddress, String> {
    let ready: Ready = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let issuer = ready
        .issuer
        .parse()
        .map_err(|_| "its issuer is no address".to_owned())?;
    Ok(SandboxAddress {
        issuer,
        client_id: ClientId::new(ready.client_id),
        api: ready.api,
    })
}
