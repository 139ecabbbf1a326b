//! What the commands share: the client once it is open, the one subscription of the page, and notices that wait
//! for a page to show them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tauri::async_runtime::JoinHandle;
use tauri::ipc::Channel;
use tessera_client::ports::Browser;
use tessera_client::{Change, Client, Config, Error, RedirectUri, TraceEvent};
use tessera_platform::{DataFolder, DataFolderError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, SetOnce, broadcast};

use crate::ask::Person;
use crate::check_up::Checks;
use crate::clipboard::Clipboard;
use crate::pace::Pace;

use crate::wire::{AppEvent, ErrorView};
use crate::{flows, view};

/// How many notices wait at most; older ones give way.
const MAX_NOTICES: usize = 8;

/// The shared state of the shell.
#[derive(Default)]
pub(crate) struct Shell {
    opened: SetOnce<Result<Opened, ErrorView>>,
    /// What the first page will be told: read while the page is on its way, for a long list takes a while.
    first: Mutex<Option<Told>>,
    subscription: Mutex<Option<JoinHandle<()>>>,
    /// Counts subscriptions and their ends, so that one which is over knows it.
    subscriptions: AtomicU64,
    notices: Mutex<VecDeque<ErrorView>>,
    noticed: Notify,
    /// Set when a page has drawn what it was told first.
    drawn: SetOnce<()>,
    /// The system's clipboard.
    pub(crate) clipboard: Clipboard,
    /// Who is asked what the page must not decide.
    pub(crate) person: Person,
    /// What the check-up needs of the app.
    pub(crate) checks: Checks,
    /// How often the page had the browser opened.
    pub(crate) pace: Pace,
    /// Where reports are written, once it is known.
    reports: OnceLock<PathBuf>,
}

/// What there is once the client is open.
pub(crate) struct Opened {
    /// The client.
    pub(crate) client: Client,
    /// The person's browser, for pages that are no sign-in.
    pub(crate) browser: Arc<dyn Browser>,
}

/// Everything as it is at one moment, and all that happens from then on.
struct Told {
    snapshot: AppEvent,
    changes: broadcast::Receiver<Change>,
    trace: broadcast::Receiver<TraceEvent>,
}

impl Told {
    async fn now(client: &Client) -> Result<Self, ErrorView> {
        // From before the snapshot, so that nothing falls between the two.
        let (changes, trace) = (client.changes(), client.trace());
        Ok(Self {
            snapshot: view::snapshot(client).await?,
            changes,
            trace,
        })
    }
}

impl Shell {
    /// Opens the client in `folder`. Commands that came before wait for this.
    pub(crate) async fn open(&self, folder: Result<DataFolder, DataFolderError>, redirect: RedirectUri) {
        let opened = open(folder, redirect).await;
        if let Err(error) = &opened {
            tracing::error!(
                code = error.code,
                detail = error.detail,
                "the client could not be opened"
            );
        }
        if let Ok(Opened { client, .. }) = &opened {
            if let Some(problem) = client.store_problem() {
                self.notice(problem.into());
            }
            // A page that finds none asks once more, and shows why it cannot be told.
            *lock(&self.first) = Told::now(client).await.ok();
        }
        // Only this function sets it, and it is called once.
        let _ = self.opened.set(opened);
    }

    /// The client and what belongs to it, as soon as it is open; or why it could not be opened.
    pub(crate) async fn opened(&self) -> Result<&Opened, ErrorView> {
        self.opened.wait().await.as_ref().map_err(Clone::clone)
    }

    /// The client, as soon as it is open.
    pub(crate) async fn client(&self) -> Result<&Client, ErrorView> {
        self.opened().await.map(|opened| &opened.client)
    }

    /// Lets what a provider may already have answered come home before the process ends: the refresh token that was
    /// spent on it is worth nothing any more. Every part of it has a limit of its own, so that this ends as well.
    pub(crate) async fn settle(&self) {
        let Some(Ok(opened)) = self.opened.get() else {
            return;
        };
        if let Err(error) = opened.client.settle().await {
            tracing::error!(code = error.code(), "a renewed sign-in is lost");
        }
    }

    /// Says where reports are written.
    pub(crate) fn reports_go_to(&self, folder: PathBuf) {
        // Only the start of the app says it.
        let _ = self.reports.set(folder);
    }

    /// Where reports are written.
    pub(crate) fn reports(&self) -> Result<&Path, ErrorView> {
        let folder = self.reports.get();
        folder
            .map(PathBuf::as_path)
            .ok_or_else(|| flows::unsaved(Path::new("Downloads"), "this person has no home folder"))
    }

    /// Shows `error` to the person: at once when a page is there, otherwise when the next one comes.
    pub(crate) fn notice(&self, error: ErrorView) {
        let mut notices = lock(&self.notices);
        if notices.len() == MAX_NOTICES {
            notices.pop_front();
        }
        notices.push_back(error);
        drop(notices);
        self.noticed.notify_one();
    }

    /// Says that a page has drawn what it was told first.
    pub(crate) fn has_drawn(&self) {
        // Another page than the first has drawn as well.
        let _ = self.drawn.set(());
    }

    /// Waits until a page has drawn what it was told first, and no longer than `patience`.
    pub(crate) async fn drawn(&self, patience: Duration) {
        // Whoever waits goes on either way.
        let _ = tokio::time::timeout(patience, self.drawn.wait()).await;
    }

    /// Whether a page listens.
    pub(crate) fn has_listener(&self) -> bool {
        lock(&self.subscription).is_some()
    }

    /// Ends what an earlier page subscribed to.
    pub(crate) fn unsubscribe(&self) {
        self.subscriptions.fetch_add(1, Ordering::SeqCst);
        if let Some(earlier) = lock(&self.subscription).take() {
            earlier.abort();
        }
    }

    /// Sends everything as it is now, then each change, to `channel`, in the place of an earlier subscription.
    pub(crate) async fn subscribe(self: &Arc<Self>, channel: Channel<AppEvent>) -> Result<(), ErrorView> {
        let client = self.client().await?;
        let kept = lock(&self.first).take();
        let told = match kept {
            Some(told) if told.changes.is_empty() => told,
            // What has happened is in what is read now; told twice, it would look as if it were new.
            _ => Told::now(client).await?,
        };
        self.unsubscribe();
        let number = self.subscriptions.load(Ordering::SeqCst);
        if channel.send(told.snapshot).is_err() {
            return Ok(());
        }
        let forwarding = self
            .clone()
            .forward(number, client.clone(), told.changes, told.trace, channel);
        *lock(&self.subscription) = Some(tauri::async_runtime::spawn(forwarding));
        Ok(())
    }

    async fn forward(
        self: Arc<Self>,
        number: u64,
        client: Client,
        mut changes: broadcast::Receiver<Change>,
        mut trace: broadcast::Receiver<TraceEvent>,
        channel: Channel<AppEvent>,
    ) {
        loop {
            let events = tokio::select! {
                change = changes.recv() => match change {
                    Ok(change) => view::event(&client, change).await.into_iter().collect(),
                    // Too much happened to tell it one by one.
                    Err(RecvError::Lagged(_)) => vec![view::snapshot(&client).await.unwrap_or_else(notice_event)],
                    Err(RecvError::Closed) => return,
                },
                step = trace.recv() => match step {
                    Ok(step) => vec![AppEvent::Flow { step: flows::event(&client, step) }],
                    // The page finds the gap in the numbers, and asks for what is kept.
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                () = self.noticed.notified() => {
                    let mut notices = lock(&self.notices);
                    if self.subscriptions.load(Ordering::SeqCst) != number {
                        // An ended task runs on until it waits: what came since is for the next page.
                        drop(notices);
                        self.noticed.notify_one();
                        return;
                    }
                    notices.drain(..).map(notice_event).collect::<Vec<_>>()
                }
            };
            for event in events {
                if channel.send(event).is_err() {
                    return;
                }
            }
        }
    }
}

fn notice_event(error: ErrorView) -> AppEvent {
    AppEvent::Notice { error }
}

async fn open(
    folder: Result<DataFolder, DataFolderError>,
    redirect: RedirectUri,
) -> Result<Opened, ErrorView> {
    let folder = folder.map_err(|error| ErrorView {
        code: "data_folder_unusable".to_owned(),
        message: "Tessera cannot use the folder that it keeps your accounts in.".to_owned(),
        hint:
            "Make sure that the folder can be written to and the disk is not full, then start Tessera again."
                .to_owned(),
        detail: Some(error.to_string()),
    })?;
    let ports = tessera_platform::ports(&folder);
    let browser = ports.browser.clone();
    let config = Config {
        data_folder: PathBuf::from(folder.path()),
        scheme_redirect: Some(redirect),
    };
    let client = Client::open(config, ports)
        .await
        .map_err(|error: Error| ErrorView::from(&error))?;
    Ok(Opened { client, browser })
}

/// No lock here is held while anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
