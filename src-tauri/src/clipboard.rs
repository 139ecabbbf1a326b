//! Puts a sign-in link on the system's clipboard without it passing through the web view.

use std::sync::{Arc, Mutex, PoisonError};

use arboard::Clipboard as System;
#[cfg(target_os = "macos")]
use arboard::SetExtApple as _;
#[cfg(target_os = "linux")]
use arboard::SetExtLinux as _;
#[cfg(windows)]
use arboard::SetExtWindows as _;
use url::Url;

/// The system's clipboard, opened when it is first used. It stays open, because on Linux what was put there is
/// served by this process.
#[derive(Clone, Default)]
pub(crate) struct Clipboard(Arc<Mutex<Option<System>>>);

impl Clipboard {
    /// Puts `link` there, and asks clipboard histories to leave it out: it holds the sign-in's `state`.
    pub(crate) async fn copy(&self, link: Url) -> Result<(), arboard::Error> {
        let held = self.0.clone();
        let copying = tauri::async_runtime::spawn_blocking(move || {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            let system = match &mut *held {
                Some(system) => system,
                none => none.insert(System::new()?),
            };
            system.set().exclude_from_history().text(String::from(link))
        });
        copying.await.unwrap_or(Err(arboard::Error::ClipboardOccupied))
    }
}
