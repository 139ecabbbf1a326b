//! The client library with everything around it: a sandbox in this process, a data folder, a keychain in memory
//! that fails on demand, and a person who walks the provider's pages.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tessera_client::ports::{
    Browser, BrowserError, Clock, Desktop, DesktopError, Holder, Loopback, LoopbackBind, LoopbackError,
    LoopbackHost, LoopbackListener, Ports, SchemeHandler, SecretBytes, SecretService, Vault, VaultError,
};
use tessera_client::{
    AdHocProvider, Attempt, BrowserChoice, Client, Config, Error, InstalledBrowser, ProviderChoice, Route,
    SCHEME_REDIRECT, SignIn, SignedIn,
};
use tessera_oidc::{RedirectUri, UnixTime};
use tessera_platform::{HttpClient, LoopbackServer, SystemEntropy};
use tessera_sandbox::faults::{Rule, catalogue};
use tessera_sandbox::{CLIENT_ID, Options, Sandbox, Visitor};
use tokio::sync::watch;
use url::Url;

/// A sandbox, a data folder, and a keychain that outlives the client.
pub struct Rig {
    /// The provider and its API.
    pub sandbox: Arc<Sandbox>,
    /// Outlives every client of the rig.
    pub keychain: Arc<TestKeychain>,
    /// What was opened.
    pub browser: Arc<TestBrowser>,
    /// Seconds that this computer's clock is ahead of the provider's.
    pub ahead: Arc<AtomicI64>,
    /// What the check-up is told of the desktop.
    pub desktop: Arc<TestDesktop>,
    /// Which ports were asked for.
    pub loopback: Arc<TestLoopback>,
    folder: TempDir,
}

impl Rig {
    /// With a sandbox as it comes.
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// With a sandbox that is set up so.
    pub async fn with(options: Options) -> Self {
        Self {
            sandbox: Arc::new(Sandbox::start(options).await.unwrap()),
            keychain: Arc::default(),
            browser: Arc::default(),
            ahead: Arc::default(),
            desktop: Arc::default(),
            loopback: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens a client on the data folder, as the next process would.
    pub async fn client(&self) -> Client {
        self.open(Some(RedirectUri::new(SCHEME_REDIRECT).unwrap())).await
    }

    /// The same without the private scheme, as a terminal does.
    pub async fn terminal(&self) -> Client {
        self.open(None).await
    }

    async fn open(&self, scheme_redirect: Option<RedirectUri>) -> Client {
        let config = Config {
            data_folder: self.folder().to_owned(),
            scheme_redirect,
        };
        let ports = Ports {
            keychain: self.keychain.clone(),
            browser: self.browser.clone(),
            loopback: self.loopback.clone(),
            http: Arc::new(HttpClient::new()),
            clock: Arc::new(SandboxTime(self.sandbox.clone(), self.ahead.clone())),
            entropy: Arc::new(SystemEntropy),
            desktop: self.desktop.clone(),
        };
        Client::open(config, ports).await.unwrap()
    }

    /// What to sign in with at the sandbox by this route.
    pub fn request(&self, route: Route) -> SignIn {
        let provider = ProviderChoice::AdHoc(AdHocProvider {
            issuer: self.sandbox.issuer().to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: None,
        });
        SignIn {
            route: Some(route),
            apis: vec![self.sandbox.api().to_owned()],
            ..SignIn::with(provider)
        }
    }

    /// Writes providers.toml so that the sandbox is a known provider, which cold starts need.
    pub fn name_provider(&self) {
        let text = format!(
            "[[provider]]\nid = \"box\"\nname = \"Box\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\napis = [\"{}\"]\n",
            self.sandbox.issuer(),
            self.sandbox.api(),
        );
        std::fs::write(self.folder().join("providers.toml"), text).unwrap();
    }

    /// The same, for a provider that takes this way back alone.
    pub fn name_provider_by(&self, route: Route) {
        self.name_provider();
        let file = self.folder().join("providers.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, format!("{text}routes = [\"{}\"]\n", route.as_str())).unwrap();
    }

    /// Signs `person` in by the private scheme.
    pub async fn sign_in(&self, client: &Client, person: &str) -> SignedIn {
        self.sign_in_with(client, self.request(Route::Scheme), person)
            .await
            .unwrap()
    }

    /// Signs `person` in as `request` says: the callback is delivered as the system would.
    pub async fn sign_in_with(
        &self,
        client: &Client,
        request: SignIn,
        person: &str,
    ) -> Result<SignedIn, Error> {
        let attempt = client.sign_in(request)?;
        let callback = self.visit(&attempt, person).await?;
        // Whatever is wrong with the callback is the attempt's end, or a test's own business.
        let _ = client.deliver_callback(callback.as_str()).await;
        attempt.wait().await
    }

    /// Walks the provider's pages and gives back the callback, undelivered.
    pub async fn visit(&self, attempt: &Attempt, person: &str) -> Result<Url, Error> {
        self.visit_as(attempt, self.sandbox.visitor(person)).await
    }

    /// Walks the provider's pages as this visitor does.
    pub async fn visit_as(&self, attempt: &Attempt, mut visitor: Visitor) -> Result<Url, Error> {
        let page = attempt.opened().await?;
        Ok(visitor.visit(page.url.as_str()).await.unwrap())
    }

    /// Switches a fault of the sandbox's catalogue on.
    pub fn fault(&self, name: &str) {
        self.sandbox.faults().set(rule(name));
    }

    /// How many token requests of this grant type the sandbox has seen.
    pub fn token_requests(&self, grant_type: &str) -> usize {
        self.sandbox.log().token_requests(grant_type)
    }

    /// How many requests of this kind the sandbox has seen.
    pub fn requests(&self, endpoint: tessera_sandbox::log::Endpoint) -> usize {
        self.sandbox
            .log()
            .matching(|entry| entry.endpoint == endpoint)
            .len()
    }
}

/// Waits until the client has removed what it keeps of attempts that are over.
pub async fn tidied(client: &Client) {
    client.tidied(Duration::from_secs(30)).await;
}

/// A rule for a fault of the catalogue.
pub fn rule(name: &str) -> Rule {
    let named = catalogue().into_iter().find(|row| row.name == name);
    Rule::new(named.unwrap_or_else(|| panic!("no fault is called {name}")).fault).named(name)
}

/// The sandbox's clock, so that both sides agree however far a test moves it; unless this computer's is wrong.
struct SandboxTime(Arc<Sandbox>, Arc<AtomicI64>);

impl Clock for SandboxTime {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.clock().now() + self.1.load(Ordering::SeqCst))
    }
}

/// A browser that only remembers what it was given.
#[derive(Default)]
pub struct TestBrowser {
    /// Every address, in order.
    pub opened: Mutex<Vec<Url>>,
    /// Does not start.
    pub broken: Mutex<bool>,
    /// Becomes the browser, so that starting it does not come to an end.
    pub stays: Mutex<bool>,
    /// What is installed beside it.
    pub installed: Mutex<Vec<InstalledBrowser>>,
    /// Where each of [`TestBrowser::opened`] was opened; `None` for the default.
    pub opened_in: Mutex<Vec<Option<BrowserChoice>>>,
    started: watch::Sender<()>,
}

impl TestBrowser {
    fn take(&self, url: &Url, choice: Option<BrowserChoice>) {
        self.opened_in.lock().unwrap().push(choice);
        self.opened.lock().unwrap().push(url.clone());
        self.started.send_replace(());
    }

    /// Waits for a page that was opened, and takes it: the next call waits for the next one.
    pub async fn opened_page(&self) -> Url {
        let mut started = self.started.subscribe();
        loop {
            let oldest = {
                let mut opened = self.opened.lock().unwrap();
                (!opened.is_empty()).then(|| opened.remove(0))
            };
            if let Some(url) = oldest {
                return url;
            }
            started.changed().await.unwrap();
        }
    }
}

#[async_trait]
impl Browser for TestBrowser {
    async fn installed(&self) -> Vec<InstalledBrowser> {
        self.installed.lock().unwrap().clone()
    }

    async fn open_in(&self, url: &Url, choice: &BrowserChoice) -> Result<(), BrowserError> {
        self.take(url, Some(choice.clone()));
        Ok(())
    }

    async fn open(&self, url: &Url) -> Result<(), BrowserError> {
        if *self.broken.lock().unwrap() {
            return Err(BrowserError("there is none".to_owned()));
        }
        self.take(url, None);
        if *self.stays.lock().unwrap() {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// A desktop that says what a test wants it to say, and hands addresses to nobody. The real one is met by the tests of
/// `tessera-platform` and by the journeys.
#[derive(Default)]
pub struct TestDesktop {
    /// Who takes which scheme.
    pub handlers: Mutex<BTreeMap<String, SchemeHandler>>,
    /// What is on the session bus; otherwise there is no such thing.
    pub bus: Mutex<Option<Result<SecretService, DesktopError>>>,
    /// Has nothing to open pages with.
    pub no_browser: Mutex<bool>,
    /// Whose which name on the session bus is; otherwise nothing is told.
    pub names: Mutex<BTreeMap<String, Result<Holder, DesktopError>>>,
    /// Who listens on which port; otherwise nothing is told.
    pub ports: Mutex<BTreeMap<u16, Holder>>,
    /// The address that was handed over last.
    pub handed: watch::Sender<Option<Url>>,
    /// Answers nothing.
    pub silent: watch::Sender<bool>,
}

impl TestDesktop {
    async fn answers(&self) {
        let _ = self.silent.subscribe().wait_for(|silent| !silent).await;
    }
}

#[async_trait]
impl Desktop for TestDesktop {
    async fn scheme_handler(&self, scheme: &str) -> Result<SchemeHandler, DesktopError> {
        self.answers().await;
        let handlers = self.handlers.lock().unwrap();
        Ok(handlers.get(scheme).cloned().unwrap_or(SchemeHandler::Nobody))
    }

    async fn hand_over(&self, url: &Url) -> Result<(), DesktopError> {
        self.handed.send_replace(Some(url.clone()));
        Ok(())
    }

    async fn browser(&self) -> Result<String, DesktopError> {
        self.answers().await;
        if *self.no_browser.lock().unwrap() {
            return Err(DesktopError::NotInstalled("xdg-open".to_owned()));
        }
        Ok("Pages are opened by the test.".to_owned())
    }

    async fn session_bus(&self) -> Result<Option<SecretService>, DesktopError> {
        self.answers().await;
        self.bus.lock().unwrap().clone().transpose()
    }

    async fn name_holder(&self, name: &str) -> Result<Holder, DesktopError> {
        self.answers().await;
        let names = self.names.lock().unwrap();
        names.get(name).cloned().unwrap_or(Ok(Holder::Untold))
    }

    async fn port_holder(&self, _host: LoopbackHost, port: u16) -> Holder {
        self.answers().await;
        let ports = self.ports.lock().unwrap();
        ports.get(&port).cloned().unwrap_or(Holder::Untold)
    }

    fn set_clock(&self) -> Option<String> {
        Some("set-the-clock".to_owned())
    }
}

/// The real listeners, and which ports were asked for.
#[derive(Default)]
pub struct TestLoopback {
    server: LoopbackServer,
    /// The ports that listeners were asked for at.
    pub asked: Mutex<Vec<u16>>,
    /// The ports that were only tried.
    pub tried: Mutex<Vec<u16>>,
}

#[async_trait]
impl Loopback for TestLoopback {
    async fn bind(&self, request: LoopbackBind) -> Result<Box<dyn LoopbackListener>, LoopbackError> {
        self.asked.lock().unwrap().extend(&request.ports);
        self.server.bind(request).await
    }

    async fn try_port(&self, host: LoopbackHost, port: u16) -> Result<u16, LoopbackError> {
        self.tried.lock().unwrap().push(port);
        self.server.try_port(host, port).await
    }
}

/// A keychain in memory that keeps a diary and fails on demand.
#[derive(Default)]
pub struct TestKeychain {
    /// What is stored.
    pub entries: Mutex<BTreeMap<String, Vec<u8>>>,
    /// What was done, as `put refresh`; and `asks`, when it was looked whether it would ask.
    pub diary: Mutex<Vec<String>>,
    /// Every secret that was ever stored.
    pub given: Mutex<Vec<Vec<u8>>>,
    /// Refuses to store and to read entries whose name begins so, or only one of the things that can be done to them:
    /// `put refresh/`, `delete refresh/`.
    pub refuses: Mutex<Option<(&'static str, VaultError)>>,
    /// How often more something can be stored or removed; after that nothing can, as if the process had been killed.
    pub writes_left: Mutex<Option<usize>>,
    /// Stores entries whose name begins so, and says that it did not.
    pub denies: Mutex<Option<&'static str>>,
    /// Cannot tell what it holds.
    pub keeps_no_list: AtomicBool,
    /// Would ask the person first.
    pub asks: Mutex<bool>,
    /// Does not answer what is done so to entries whose name begins so.
    pub silent: watch::Sender<Option<(&'static str, &'static str)>>,
    asked: watch::Sender<()>,
}

impl TestKeychain {
    /// Names of what is stored, by kind: `refresh`, `access`, `id_token`, `attempt`, … What the keychain is known by
    /// belongs to no account, and is left out.
    pub fn kinds(&self) -> Vec<String> {
        let entries = self.entries.lock().unwrap();
        entries
            .keys()
            .filter(|key| !key.starts_with("keychain/"))
            .map(|key| key.split('/').next().unwrap_or_default().to_owned())
            .collect()
    }

    /// Refuses what [`refuses`](Self::refuses) says, with this error.
    pub fn refuse(&self, prefix: &'static str, error: VaultError) {
        *self.refuses.lock().unwrap() = Some((prefix, error));
    }

    /// Refuses nothing any more.
    pub fn relent(&self) {
        *self.refuses.lock().unwrap() = None;
    }

    /// Waits until this is in the diary.
    pub async fn asked_to(&self, what: &str) {
        let mut asked = self.asked.subscribe();
        while !self.diary.lock().unwrap().iter().any(|line| line == what) {
            asked.changed().await.unwrap();
        }
    }

    async fn check(&self, verb: &str, key: &str) -> Result<(), VaultError> {
        self.diary
            .lock()
            .unwrap()
            .push(format!("{verb} {}", key.split('/').next().unwrap_or_default()));
        self.asked.send_replace(());
        let answers = |silent: &Option<(&str, &str)>| {
            !silent.is_some_and(|(silent, prefix)| silent == verb && key.starts_with(prefix))
        };
        let _ = self.silent.subscribe().wait_for(answers).await;
        if verb == "put" || verb == "delete" {
            match &mut *self.writes_left.lock().unwrap() {
                None => {}
                Some(0) => return Err(VaultError::Refused("nothing is written any more".to_owned())),
                Some(left) => *left -= 1,
            }
        }
        match &*self.refuses.lock().unwrap() {
            Some((what, error)) => {
                let (named, prefix) = what.split_once(' ').unwrap_or(("", what));
                let refused = match named {
                    "" => verb != "delete",
                    named => verb == named,
                };
                if refused && key.starts_with(prefix) {
                    return Err(error.clone());
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Vault for TestKeychain {
    async fn put(&self, key: &str, secret: SecretBytes) -> Result<(), VaultError> {
        self.check("put", key).await?;
        if !key.starts_with("account/") && !key.starts_with("keychain/") {
            self.given.lock().unwrap().push(secret.expose().to_vec());
        }
        self.entries
            .lock()
            .unwrap()
            .insert(key.to_owned(), secret.expose().to_vec());
        match *self.denies.lock().unwrap() {
            Some(prefix) if key.starts_with(prefix) => {
                Err(VaultError::Failed("its answer did not come".to_owned()))
            }
            _ => Ok(()),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<SecretBytes>, VaultError> {
        self.check("get", key).await?;
        Ok(self
            .entries
            .lock()
            .unwrap()
            .get(key)
            .map(|bytes| SecretBytes::new(bytes.clone())))
    }

    async fn delete(&self, key: &str) -> Result<(), VaultError> {
        self.check("delete", key).await?;
        self.entries.lock().unwrap().remove(key);
        Ok(())
    }

    async fn list(&self) -> Result<Option<Vec<String>>, VaultError> {
        self.check("list", "").await?;
        let entries = self.entries.lock().unwrap();
        let listed = || Some(entries.keys().cloned().collect());
        Ok(listed().filter(|_| !self.keeps_no_list.load(Ordering::SeqCst)))
    }

    async fn asks(&self) -> bool {
        let asks = *self.asks.lock().unwrap();
        self.diary.lock().unwrap().push("asks".to_owned());
        self.asked.send_replace(());
        asks
    }

    fn describe(&self) -> String {
        "the test's keychain".to_owned()
    }
}
