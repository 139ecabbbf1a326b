//! Log files: a line for what this app did, in the data folder, for a person to read and send. What other crates
//! log is left out, for nobody vouches that it holds no address with a query.

use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{InitError, Rotation};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// How many days of logs are kept.
const DAYS: usize = 7;

/// Starts to log into `folder`, one file a day. Logging goes on for as long as what is returned lives.
pub(crate) fn start(folder: &Path) -> Result<WorkerGuard, InitError> {
    // The appender makes the folder too, but complains on standard error that there was none.
    let _ = std::fs::create_dir_all(folder);
    let files = tracing_appender::rolling::Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("tessera")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(folder)?;
    let (writer, guard) = tracing_appender::non_blocking(files);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false);
    // Every target that begins so is one of our crates.
    let ours = Targets::new().with_target("tessera", LevelFilter::INFO);
    // A second start in one process happens in tests only; the first one's files stay in use.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines).with(ours));
    log_panics();
    Ok(guard)
}

/// Logs where and why a thread panicked, and nothing of what it was working on.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, message, "panicked");
    }));
}
