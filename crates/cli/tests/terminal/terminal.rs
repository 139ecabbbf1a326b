//! A terminal in which `tessera` is typed, beside a sandbox.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tessera_sandbox::faults::{Change, Document, Fault, FaultId, Rule, catalogue};
use tessera_sandbox::{CLIENT_ID, Options, Sandbox, Visitor};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use url::Url;

use crate::session::{Session, program};

/// Words for what only the window has.
const OF_THE_WINDOW: [&str; 8] = [
    "Press",
    "press ",
    "Settings",
    "button",
    "window",
    "in the app",
    "copy the report",
    "listed names",
];

/// A session, a sandbox, and everything that was ever printed.
pub(crate) struct Terminal {
    pub(crate) sandbox: Sandbox,
    session: Session,
    printed: Arc<Mutex<String>>,
}

/// A command that runs.
pub(crate) struct Run {
    child: Child,
    input: Option<ChildStdin>,
    /// The keyboard, where standard input is a terminal.
    keyboard: Option<File>,
    lines: Lines<BufReader<ChildStdout>>,
    notes: mpsc::UnboundedReceiver<String>,
    printed: Arc<Mutex<String>>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// What was on standard output and not read before.
    pub(crate) out: String,
    pub(crate) notes: String,
}

impl Terminal {
    pub(crate) async fn open() -> Self {
        Self::with(Options::default()).await
    }

    /// With a sandbox set up like this; it is the provider `box` of the data folder `home`.
    pub(crate) async fn with(options: Options) -> Self {
        let (session, sandbox) = tokio::join!(Session::start(), Sandbox::start(options));
        let terminal = Self {
            sandbox: sandbox.unwrap(),
            session,
            printed: Arc::default(),
        };
        terminal.write_providers("box", &terminal.home());
        // The keyring is there a moment before it is unlocked.
        while terminal.run(&["doctor"]).await.code != Some(0) {}
        terminal
    }

    /// The data folder of every command that is not given another.
    pub(crate) fn home(&self) -> PathBuf {
        self.session.folder().join("home")
    }

    /// Where the session bus is.
    pub(crate) fn bus(&self) -> &str {
        let environment = self.session.environment();
        let bus = environment
            .iter()
            .find(|(name, _)| name == "DBUS_SESSION_BUS_ADDRESS");
        bus.map(|(_, address)| address.as_str()).unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.session.folder()
    }

    /// Ends the keyring, as when a person logs out.
    pub(crate) async fn end_keyring(&mut self) {
        self.session.end_keyring().await;
    }

    pub(crate) fn write_providers(&self, id: &str, home: &Path) {
        std::fs::create_dir_all(home).unwrap();
        let (issuer, api) = (self.sandbox.issuer(), self.sandbox.api());
        let text = format!(
            "[[provider]]\nid = \"{id}\"\nname = \"Box\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT_ID}\"\n\
             routes = [\"loopback\"]\napis = [\"{api}\"]\n"
        );
        std::fs::write(home.join("providers.toml"), text).unwrap();
    }

    /// Lets the sandbox misbehave by a name of its catalogue.
    pub(crate) fn fault(&self, name: &str) -> FaultId {
        let named = catalogue()
            .into_iter()
            .find(|row| row.name == name)
            .unwrap_or_else(|| panic!("no fault {name}"));
        self.sandbox.faults().set(Rule::new(named.fault).named(name))
    }

    /// Lets every token that a sign-in brings be over already; what a refresh brings lasts as usual.
    pub(crate) fn first_tokens_end_at_once(&self) {
        let fault = Fault::Json {
            document: Document::TokenResponse,
            change: Change::Set("expires_in", json!(0)),
        };
        self.sandbox
            .faults()
            .set(Rule::new(fault).grant_type("authorization_code"));
    }

    /// Starts `tessera`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Run {
        self.start_with(arguments, &[])
    }

    /// Starts `tessera` with some variables changed; an empty value takes one away.
    pub(crate) fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        self.start_at(arguments, variables, Stdio::piped(), None)
    }

    /// Starts `tessera` where a person sits at a keyboard.
    pub(crate) fn start_at_keyboard(&self, arguments: &[&str]) -> Run {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let seat = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
            .open(name.to_str().unwrap())
            .unwrap();
        self.start_at(arguments, &[], Stdio::from(seat), Some(File::from(keyboard)))
    }

    fn start_at(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        stdin: Stdio,
        keyboard: Option<File>,
    ) -> Run {
        let mut command = program(env!("CARGO_BIN_EXE_tessera"), self.session.environment());
        command.env("TESSERA_HOME", self.home());
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        command
            .args(arguments)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, notes) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = stderr.next_line().await {
                let _ = tell.send(line);
            }
        });
        Run {
            input: child.stdin.take(),
            keyboard,
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
            notes,
            printed: Arc::clone(&self.printed),
        }
    }

    /// Runs `tessera` to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end().await
    }

    /// Runs a `--json` command that ends well, and gives its lines.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.json()
    }

    /// Signs `person` in and gives the `signed_in` event.
    pub(crate) async fn sign_in(&self, person: &str) -> Value {
        self.sign_in_with(person, &["login", "--provider", "box", "--no-browser", "--json"])
            .await
    }

    pub(crate) async fn sign_in_with(&self, person: &str, arguments: &[&str]) -> Value {
        let mut run = self.start(arguments);
        let callback = self.visit(&mut run, self.sandbox.visitor(person)).await;
        let page = fetch(&callback).await;
        let ended = run.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(page.ends_with("</html>\n"), "the last page was cut off: {page:?}");
        ended.json().pop().unwrap()
    }

    /// Walks the provider's pages from the address of the `open` event on, to the callback.
    pub(crate) async fn visit(&self, run: &mut Run, mut visitor: Visitor) -> Url {
        let open = run.event().await;
        assert_eq!(open["event"], "open");
        visitor.visit(open["url"].as_str().unwrap()).await.unwrap()
    }

    /// How many requests this endpoint had.
    pub(crate) fn count(&self, endpoint: tessera_sandbox::log::Endpoint) -> usize {
        self.sandbox
            .log()
            .entries()
            .iter()
            .filter(|entry| entry.endpoint == endpoint)
            .count()
    }

    /// Everything that any command has printed.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }
}

impl Run {
    /// The next line of standard output as JSON.
    pub(crate) async fn event(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap();
        let line = line.expect("the command still has something to say");
        let _ = writeln!(self.printed.lock().unwrap(), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    /// The next line of standard error.
    pub(crate) async fn note(&mut self) -> String {
        let line = self
            .notes
            .recv()
            .await
            .expect("the command still has something to note");
        let _ = writeln!(self.printed.lock().unwrap(), "{line}");
        line
    }

    /// Types a line.
    pub(crate) async fn type_line(&mut self, line: &str) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
            return;
        }
        let input = self.input.as_mut().expect("standard input is open");
        input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Closes standard input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    pub(crate) async fn end(mut self) -> Ended {
        let mut out = String::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            out.push_str(&line);
            out.push('\n');
        }
        let mut notes = String::new();
        while let Some(line) = self.notes.recv().await {
            notes.push_str(&line);
            notes.push('\n');
        }
        let code = self.child.wait().await.unwrap().code();
        let _ = writeln!(self.printed.lock().unwrap(), "{out}\n{notes}");
        Ended { code, out, notes }
    }
}

impl Ended {
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The error of a `failed` event, which is the last line.
    pub(crate) fn error(&self) -> Value {
        let last = self
            .json()
            .pop()
            .unwrap_or_else(|| panic!("nothing was said: {self:?}"));
        assert_eq!(last["event"], "failed", "{last}");
        let error = last["error"].clone();
        for field in ["code", "message", "hint"] {
            assert!(
                error[field].as_str().is_some_and(|text| !text.is_empty()),
                "{last}"
            );
        }
        let hint = error["hint"].as_str().unwrap();
        for elsewhere in OF_THE_WINDOW {
            assert!(
                !hint.contains(elsewhere),
                "there is no {elsewhere} in a terminal: {last}"
            );
        }
        error
    }
}

/// Fetches an address of this computer as a browser would, and gives the whole answer.
pub(crate) async fn fetch(url: &Url) -> String {
    request(
        url,
        &format!("GET {}?{} HTTP/1.1", url.path(), url.query().unwrap_or_default()),
    )
    .await
}

/// Sends a request line of one's own.
pub(crate) async fn request(url: &Url, line: &str) -> String {
    let authority = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(&authority).await.unwrap();
    stream
        .write_all(format!("{line}\r\nHost: {authority}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
