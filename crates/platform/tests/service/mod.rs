//! A session bus, GNOME's keyring and a prompter that belong to one test alone.
#![allow(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "the bus decides what its methods take"
)]

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::watch;
use zbus::message::Header;
use zbus::object_server::ResponseDispatchNotifier;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, fdo::DBusProxy};

use crate::support::{Home, in_child};

const PASSWORD: &str = "a1b2c3";
const SECRETS: &str = "org.freedesktop.secrets";

/// A bus on which nothing starts by itself, so that a test does not depend on what is installed.
pub(crate) const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
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

/// The home of the test whose body this process runs.
pub(crate) fn home() -> PathBuf {
    std::env::home_dir().expect("a child has a home")
}

/// Runs `body` on a session bus of its own.
pub(crate) fn in_session<F: Future<Output = ()>>(name: &str, body: impl FnOnce() -> F) {
    in_session_with(BUS, name, body);
}

/// The same on a bus that is set up otherwise than [`BUS`].
pub(crate) fn in_session_with<F: Future<Output = ()>>(bus: &str, name: &str, body: impl FnOnce() -> F) {
    let wrapper = |home: &Home| {
        let config = home.path().join("bus.conf");
        std::fs::write(&config, bus).expect("the home can be written to");
        [
            "dbus-run-session".to_owned(),
            format!("--config-file={}", config.display()),
            "--".to_owned(),
        ]
        .into()
    };
    in_child(name, wrapper, environment, body);
}

/// Runs `body` where there is no session bus.
pub(crate) fn without_bus<F: Future<Output = ()>>(name: &str, body: impl FnOnce() -> F) {
    in_child(name, |_| Vec::new(), environment, body);
}

pub(crate) fn environment(home: &Home) -> Vec<(String, String)> {
    let folders = [
        ("XDG_RUNTIME_DIR", "run"),
        ("XDG_DATA_HOME", "data-home"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
    ];
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    folders
        .into_iter()
        .map(|(name, folder)| {
            let path = home.path().join(folder);
            builder.create(&path).expect("the home can be written to");
            (name.to_owned(), path.display().to_string())
        })
        .collect()
}

/// A running `gnome-keyring-daemon`; ended when dropped.
pub(crate) struct Daemon {
    process: Child,
    bus: Connection,
}

impl Daemon {
    /// With its usual keyring, made at the first start, unlocked.
    pub(crate) async fn unlocked() -> Self {
        let daemon = Self::start(&["--unlock"]).await;
        daemon.until_unlocked().await;
        daemon
    }

    /// As on the first day, with no keyring.
    pub(crate) async fn new_and_empty() -> Self {
        Self::start(&["--start"]).await
    }

    async fn start(mode: &[&str]) -> Self {
        let bus = Connection::session().await.expect("the test has a session bus");
        let arguments = [&["--foreground", "--components=secrets"], mode].concat();
        let process = with_name(&bus, SECRETS, async || run(&arguments).await).await;
        Self { process, bus }
    }

    /// Ends it the hard way and waits until the bus has noticed.
    pub(crate) async fn kill(mut self) {
        let names = DBusProxy::new(&self.bus).await.unwrap();
        let mut owners = names
            .receive_name_owner_changed_with_args(&[(0, SECRETS)])
            .await
            .unwrap();
        self.process.kill().await.unwrap();
        while owners
            .next()
            .await
            .expect("the bus goes on")
            .args()
            .unwrap()
            .new_owner
            .is_some()
        {}
    }

    pub(crate) fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// Locks the keyring, as the person's own tool would.
    pub(crate) async fn lock(&self) {
        let reply = self.call("Lock", &(vec![self.default().await],)).await;
        let (locked, _): (Vec<OwnedObjectPath>, OwnedObjectPath) = reply.body().deserialize().unwrap();
        assert_eq!(locked.len(), 1);
    }

    /// Unlocks the keyring, as GNOME's own tools do, without a window.
    pub(crate) async fn unlock(&self) {
        let reply = self.call("OpenSession", &("plain", Value::from(""))).await;
        let (_, session): (OwnedValue, OwnedObjectPath) = reply.body().deserialize().unwrap();
        let password = (session, Vec::<u8>::new(), PASSWORD.as_bytes(), "text/plain");
        self.call_on(
            "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
            "UnlockWithMasterPassword",
            &(self.default().await, password),
        )
        .await;
        self.until_unlocked().await;
    }

    /// The daemon takes its name on the bus before it has read the password.
    async fn until_unlocked(&self) {
        loop {
            let default = self.default().await;
            if default.as_str() != "/" {
                let locked = self
                    .bus
                    .call_method(
                        Some(SECRETS),
                        &default,
                        Some("org.freedesktop.DBus.Properties"),
                        "Get",
                        &("org.freedesktop.Secret.Collection", "Locked"),
                    )
                    .await
                    .unwrap();
                let locked: OwnedValue = locked.body().deserialize().unwrap();
                if !bool::try_from(locked).unwrap() {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    async fn default(&self) -> OwnedObjectPath {
        self.call("ReadAlias", &("default",))
            .await
            .body()
            .deserialize()
            .unwrap()
    }

    async fn call<B>(&self, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + DynamicType,
    {
        self.call_on("org.freedesktop.Secret.Service", method, body).await
    }

    async fn call_on<B>(&self, interface: &str, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + DynamicType,
    {
        let (service, path) = (Some(SECRETS), "/org/freedesktop/secrets");
        self.bus
            .call_method(service, path, Some(interface), method, body)
            .await
            .unwrap()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.process.id().expect("it runs")).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }
}

/// Starts a program and waits until it has taken its name on the bus.
async fn with_name(bus: &Connection, name: &str, start: impl AsyncFnOnce() -> Child) -> Child {
    let names = DBusProxy::new(bus).await.unwrap();
    let mut owners = names
        .receive_name_owner_changed_with_args(&[(0, name)])
        .await
        .unwrap();
    let process = start().await;
    while owners
        .next()
        .await
        .expect("the bus goes on")
        .args()
        .unwrap()
        .new_owner
        .is_none()
    {}
    process
}

/// Starts the program with the password on its input.
async fn run(arguments: &[&str]) -> Child {
    let mut process = Command::new("gnome-keyring-daemon")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("gnome-keyring-daemon does not start ({error}): is it installed?"));
    let mut input = process.stdin.take().unwrap();
    input.write_all(PASSWORD.as_bytes()).await.unwrap();
    drop(input);
    process
}

/// In the place of the program that shows password windows. Leaves them open until it is told to decline.
pub(crate) struct Prompter {
    /// How many windows it was asked for.
    pub(crate) begun: Arc<AtomicUsize>,
    shown: watch::Receiver<bool>,
    declines: watch::Sender<bool>,
    _bus: Connection,
}

struct Prompting {
    begun: Arc<AtomicUsize>,
    shown: watch::Sender<bool>,
    declines: watch::Receiver<bool>,
    /// The bus runs its objects on a thread that knows no runtime.
    runtime: Handle,
}

type Properties = std::collections::HashMap<String, OwnedValue>;

#[zbus::interface(name = "org.gnome.keyring.internal.Prompter")]
impl Prompting {
    fn begin_prompting(
        &self,
        callback: OwnedObjectPath,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> ResponseDispatchNotifier<()> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.answer(bus, &header, callback, "", std::future::ready(()))
    }

    fn perform_prompt(
        &self,
        callback: OwnedObjectPath,
        _kind: String,
        _properties: Properties,
        _exchange: String,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> ResponseDispatchNotifier<()> {
        self.shown.send_replace(true);
        let mut declines = self.declines.clone();
        let no = async move {
            if declines.wait_for(|declines| *declines).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        self.answer(bus, &header, callback, "no", no)
    }

    fn stop_prompting(&self, _callback: OwnedObjectPath) {}
}

impl Prompting {
    /// Tells the keyring that the window is ready or how it was closed, `when` that is so and the call that
    /// asked has been answered: what comes earlier is not heard.
    fn answer(
        &self,
        bus: &Connection,
        header: &Header<'_>,
        callback: OwnedObjectPath,
        answer: &'static str,
        when: impl Future<Output = ()> + Send + 'static,
    ) -> ResponseDispatchNotifier<()> {
        let (response, answered) = ResponseDispatchNotifier::new(());
        let (bus, keyring) = (
            bus.clone(),
            header.sender().expect("a call has a sender").to_owned(),
        );
        self.runtime.spawn(async move {
            answered.await;
            when.await;
            let interface = Some("org.gnome.keyring.internal.Prompter.Callback");
            let body = (answer, Properties::new(), "");
            let _ = bus
                .call_method(Some(keyring), callback, interface, "PromptReady", &body)
                .await;
        });
        response
    }
}

impl Prompter {
    pub(crate) async fn new() -> Self {
        let begun = Arc::default();
        let (shown_here, shown) = watch::channel(false);
        let (declines, declines_there) = watch::channel(false);
        let prompting = Prompting {
            begun: Arc::clone(&begun),
            shown: shown_here,
            declines: declines_there,
            runtime: Handle::current(),
        };
        let bus = zbus::connection::Builder::session()
            .unwrap()
            .name("org.gnome.keyring.SystemPrompter")
            .unwrap()
            .serve_at("/org/gnome/keyring/Prompter", prompting)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self {
            begun,
            shown,
            declines,
            _bus: bus,
        }
    }

    /// Waits until there is a window.
    pub(crate) async fn until_shown(&self) {
        self.shown.clone().wait_for(|shown| *shown).await.unwrap();
    }

    /// Closes the window that is open, and from now on every one as soon as it opens.
    pub(crate) fn decline(&self) {
        self.declines.send_replace(true);
    }
}

/// A display that nobody sees, with the keyring's real password windows on it; both end when dropped.
pub(crate) struct Screen {
    name: String,
    _display: Child,
    _windows: Child,
}

impl Screen {
    pub(crate) async fn new(daemon: &Daemon) -> Self {
        let mut display = program(
            "Xvfb",
            &[
                "-displayfd",
                "1",
                "-screen",
                "0",
                "640x480x24",
                "-nolisten",
                "tcp",
            ],
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("Xvfb does not start ({error}): is package xvfb installed?"));
        let mut number = String::new();
        BufReader::new(display.stdout.take().unwrap())
            .read_line(&mut number)
            .await
            .unwrap();
        let name = format!(":{}", number.trim());
        let windows = with_name(&daemon.bus, "org.gnome.keyring.SystemPrompter", async || {
            // Which program shows them is written where the bus looks for it.
            let service = "/usr/share/dbus-1/services/org.gnome.keyring.SystemPrompter.service";
            let service = std::fs::read_to_string(service).expect("package gcr is installed");
            let path = service
                .lines()
                .find_map(|line| line.strip_prefix("Exec="))
                .expect("a service has a program");
            program(path, &[])
                .env("DISPLAY", &name)
                .env("NO_AT_BRIDGE", "1")
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        });
        let windows = windows.await;
        Self {
            name,
            _display: display,
            _windows: windows,
        }
    }

    /// Waits for a password window.
    pub(crate) async fn until_asked(&self) {
        self.xdotool(&["search", "--sync", "--onlyvisible", "--class", "prompter"])
            .await;
    }

    /// Types the right password into whatever window there is.
    pub(crate) async fn type_password(&self) {
        self.xdotool(&["key", "ctrl+a", "type", PASSWORD]).await;
        self.xdotool(&["key", "Return"]).await;
    }

    async fn xdotool(&self, arguments: &[&str]) {
        let status = program("xdotool", arguments)
            .env("DISPLAY", &self.name)
            .stdout(Stdio::null())
            .status()
            .await;
        let status =
            status.unwrap_or_else(|error| panic!("xdotool does not start ({error}): is it installed?"));
        assert!(status.success(), "xdotool {arguments:?}: {status}");
    }
}

fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
