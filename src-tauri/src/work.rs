//! What the app does by itself while its window is there: open the client, hand on callbacks, and bring the window
//! forward when the browser is done. None of it is on the way to the first window.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tauri::{AppHandle, Runtime};
use tessera_client::{AttemptEnd, AttemptId, BrowserSignOutEnd, Change, Client, RedirectUri, Stage};
use tessera_platform::{DataFolder, DataFolderError, SystemAlarm};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};

use crate::inbox::Callback;
use crate::shell::Shell;
use crate::wire::ErrorView;
use crate::{scheme, window};

/// How long work that can wait does so for the page to be drawn. A page that nobody sees is never drawn.
const DRAWING: Duration = Duration::from_secs(5);

/// The attempt that was told of last, and whether the window came forward for a callback that was refused during it
/// or since. Any page can send such callbacks; the person is called to the window once.
#[derive(Debug, Default)]
struct Called(Mutex<(Option<AttemptId>, bool)>);

impl Called {
    fn attempt(&self, id: &AttemptId) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.as_ref() != Some(id) {
            *last = (Some(id.clone()), false);
        }
    }

    /// Whether it is the first time.
    fn first(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut last.1, true)
    }
}

/// Opens the client in `folder`, and goes on with everything else. `sandbox`: whether a development build brings its
/// own.
pub(crate) async fn begin<R: Runtime>(
    app: AppHandle<R>,
    shell: Arc<Shell>,
    folder: Result<DataFolder, DataFolderError>,
    redirect: RedirectUri,
    callbacks: mpsc::Receiver<Callback>,
    sandbox: bool,
) {
    let data = folder.as_ref().ok().map(|folder| folder.path().to_owned());
    shell.open(folder, redirect).await;
    let Ok(client) = shell.client().await else {
        return;
    };
    let called = Arc::new(Called::default());
    tauri::async_runtime::spawn(attend(
        app.clone(),
        shell.clone(),
        called.clone(),
        client.changes(),
    ));
    tauri::async_runtime::spawn(deliver(app.clone(), client.clone(), called, callbacks));
    tauri::async_runtime::spawn(bring_back(shell.clone(), client.clone()));
    let registering = app.clone();
    tauri::async_runtime::spawn_blocking(move || scheme::register(&registering));
    if let (true, Some(data)) = (sandbox, data) {
        bring_sandbox(&app, &shell, client, &data).await;
    }
    shell.drawn(DRAWING).await;
    let alarm = SystemAlarm::new();
    // Neither waits for the other: tidying may have to wait for another process's turn.
    tokio::join!(client.keep_fresh(&alarm), tidy(client));
}

/// Removes what an earlier run left in the keychain.
async fn tidy(client: &Client) {
    match client.tidy_secrets().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "secrets that belonged to nothing were removed"),
        Err(error) => tracing::warn!(code = error.code(), "the keychain was not tidied up"),
    }
}

/// Brings back the accounts of a list that was damaged. The keychain may have to be unlocked for it.
async fn bring_back(shell: Arc<Shell>, client: Client) {
    shell.drawn(DRAWING).await;
    if let Err(error) = client.rebuild_accounts().await {
        tracing::warn!(code = error.code(), "accounts were not brought back");
    }
}

#[cfg(feature = "development")]
async fn bring_sandbox<R: Runtime>(app: &AppHandle<R>, shell: &Shell, client: &Client, data: &Path) {
    match crate::sandbox::start(app, data).await {
        Ok(address) => client.set_sandbox(&address),
        Err(error) => shell.notice(error),
    }
}

/// A release has none.
#[cfg(not(feature = "development"))]
#[expect(clippy::unused_async, reason = "the caller is the same in both builds")]
async fn bring_sandbox<R: Runtime>(_app: &AppHandle<R>, _shell: &Shell, _client: &Client, _data: &Path) {}

/// Hands each callback to the client.
async fn deliver<R: Runtime>(
    app: AppHandle<R>,
    client: Client,
    called: Arc<Called>,
    mut callbacks: mpsc::Receiver<Callback>,
) {
    while let Some(callback) = callbacks.recv().await {
        // Sent out by a check-up, and nothing to anybody else.
        if client.takes_back(callback.expose()) {
            continue;
        }
        if let Err(error) = client.deliver_callback(callback.expose()).await {
            tracing::warn!(code = error.code(), "a callback was refused");
            // The person looks at a browser that is done; what happened is told in the window.
            if called.first() {
                window::bring_forward(&app);
            }
        }
    }
}

/// Brings the window forward when a sign-in ends or asks something, and keeps for the next page what no page was there to hear.
async fn attend<R: Runtime>(
    app: AppHandle<R>,
    shell: Arc<Shell>,
    called: Arc<Called>,
    mut changes: broadcast::Receiver<Change>,
) {
    loop {
        match changes.recv().await {
            Ok(Change::Notice(error)) => shell.notice(ErrorView::from(error)),
            Ok(Change::Attempt(attempt)) => {
                called.attempt(&attempt.id);
                // The same person looks at the same browser, and is asked something here.
                if attempt.stage == Stage::AnotherPerson {
                    window::bring_forward(&app);
                }
            }
            Ok(Change::AttemptEnded { end, .. }) => ended(&app, &shell, &end),
            // The person looks at a browser that is done.
            Ok(Change::BrowserSignOut {
                end: BrowserSignOutEnd::Returned,
                ..
            }) => window::bring_forward(&app),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn ended<R: Runtime>(app: &AppHandle<R>, shell: &Shell, end: &AttemptEnd) {
    match end {
        AttemptEnd::SignedIn { .. } => tracing::info!("signed in"),
        AttemptEnd::Failed(error) => {
            tracing::warn!(code = error.code(), "a sign-in failed");
            if !shell.has_listener() {
                shell.notice(ErrorView::from(error));
            }
        }
        // The person did it here, and is looking at the window already.
        AttemptEnd::Cancelled => return,
    }
    window::bring_forward(app);
}
