//! A session bus and an unlocked keyring that end with the test.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// A bus on which nothing starts by itself, so that a test does not depend on what is installed.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Where a person is logged in.
pub(crate) struct Session {
    environment: Vec<(String, String)>,
    folder: TempDir,
    keyring: Child,
    /// The bus ends when its input does, and with it the keyring: whatever becomes of this process.
    _bus: (Child, ChildStdin),
}

impl Session {
    /// Starts bus and keyring. The keyring may not be unlocked yet.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("tessera-cli").tempdir().unwrap();
        let mut environment = vec![
            ("HOME".to_owned(), folder.path().display().to_string()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ];
        for (name, folder_name) in [
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_DATA_HOME", "share"),
            ("XDG_CONFIG_HOME", "config"),
        ] {
            let path = folder.path().join(folder_name);
            DirBuilder::new().mode(0o700).create(&path).unwrap();
            environment.push((name.to_owned(), path.display().to_string()));
        }
        let config = folder.path().join("bus.conf");
        std::fs::write(&config, BUS).unwrap();
        let mut bus = program("dbus-run-session", &environment)
            .arg(format!("--config-file={}", config.display()))
            .args(["--", "sh", "-c", "echo \"$DBUS_SESSION_BUS_ADDRESS\"; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Killed, it could not end the bus that it started.
            .kill_on_drop(false)
            .spawn()
            .expect("dbus-run-session starts (package dbus)");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap())
            .read_line(&mut address)
            .await
            .unwrap();
        environment.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), address.trim().to_owned()));
        let mut keyring = program("gnome-keyring-daemon", &environment)
            .args(["--foreground", "--components=secrets", "--unlock"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon starts (package gnome-keyring)");
        keyring
            .stdin
            .take()
            .unwrap()
            .write_all(b"password")
            .await
            .unwrap();
        let input = bus.stdin.take().unwrap();
        Self {
            environment,
            folder,
            keyring,
            _bus: (bus, input),
        }
    }

    /// A folder for whatever a test needs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the keyring.
    pub(crate) async fn end_keyring(&mut self) {
        self.keyring.kill().await.unwrap();
    }

    /// What a program of this session is started with.
    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }
}

/// A program that knows nothing of the machine but where programs are, and ends with the test.
pub(crate) fn program(name: &str, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(name);
    command
        .env_clear()
        .envs(
            ["PATH", "LD_LIBRARY_PATH"]
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
