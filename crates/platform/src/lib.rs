//! The client's ports made real: the operating system's keychain, the person's browser, loopback listeners,
//! HTTP, the clock, randomness, the desktop, and the folder where a person's data lives.
//!
//! Nothing here knows OAuth. Constructing any of these costs nothing: keychain, trust roots and proxies are
//! looked at when they are first needed, so that a window can open before them.

mod alarm;
mod browser;
mod clock;
mod desktop;
mod http;
mod keychain;
mod loopback;
mod paths;

use std::sync::Arc;

use tessera_client::ports::Ports;

pub use alarm::SystemAlarm;
pub use browser::SystemBrowser;
pub use clock::{SystemClock, SystemEntropy};
pub use desktop::SystemDesktop;
pub use http::HttpClient;
pub use keychain::{KeychainLimits, OsKeychain};
pub use loopback::LoopbackServer;
pub use paths::{DataFolder, DataFolderError, IDENTIFIER};

/// All ports, for the accounts of one data folder.
pub fn ports(folder: &DataFolder) -> Ports {
    Ports {
        keychain: Arc::new(OsKeychain::new(folder)),
        browser: Arc::new(SystemBrowser::new()),
        loopback: Arc::new(LoopbackServer::new()),
        http: Arc::new(HttpClient::new()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        desktop: Arc::new(SystemDesktop),
    }
}
