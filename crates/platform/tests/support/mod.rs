//! Runs the body of a test in a process of its own: a test process can change neither its environment nor its
//! session bus. The parent starts this same test binary again for the one test; the child finds its name in
//! the environment and runs the body.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

/// Names the test whose body this process runs.
const CHILD: &str = "TESSERA_TEST_CHILD";

/// How long a body may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a child gets to run in.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn path(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// Runs `body` in a child with the variables that `environment` gives and little else, below the command that
/// `wrapper` begins. `name` is the test's own.
pub(crate) fn in_child<F: Future<Output = ()>>(
    name: &str,
    wrapper: impl FnOnce(&Home) -> Vec<String>,
    environment: impl FnOnce(&Home) -> Vec<(String, String)>,
    body: impl FnOnce() -> F,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    if std::env::var(CHILD).as_deref() == Ok(name) {
        runtime.block_on(body());
        return;
    }
    let folder = tempfile::Builder::new()
        .prefix("tessera-test")
        .tempdir()
        .expect("a folder can be made");
    let home = Home { folder };
    let mut words = wrapper(&home);
    let log_path = home.path().join("log");
    let log = std::fs::File::create(&log_path).expect("the home can be written to");
    words.push(
        std::env::current_exe()
            .expect("this program has a path")
            .display()
            .to_string(),
    );
    words.extend([name.to_owned(), "--exact".to_owned(), "--nocapture".to_owned()]);
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .env_clear()
        .envs(
            ["PATH", "LD_LIBRARY_PATH", "RUST_BACKTRACE"]
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .env("HOME", home.path())
        .env("LANG", "C.UTF-8")
        .env(CHILD, name)
        .envs(environment(&home))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be held twice"))
        .stderr(log)
        .kill_on_drop(true);
    let ended = runtime.block_on(async {
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{} does not start ({error}): is it installed?", words[0]),
        };
        tokio::time::timeout(PATIENCE, child.wait()).await
    });
    let log = String::from_utf8_lossy(&std::fs::read(log_path).unwrap_or_default()).into_owned();
    let status = ended
        .unwrap_or_else(|_| panic!("{name} hangs\n{log}"))
        .expect("a child can be waited for");
    assert!(
        status.success() && log.contains("1 passed"),
        "{name}: {status}\n{log}"
    );
}
