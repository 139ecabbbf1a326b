//! The client library as a shell holds it, beside a provider whose clock it shares.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use lab::op::{Op, OpOptions};
use lab::pages::{ANN, Pages, Person};
use lab::visitor::{Decision, Visitor};
use lab::wait;
use serde_json::Value;
use tempfile::TempDir;
use tessera_client::ports::{Browser, BrowserError, Clock, Ports, SecretBytes, Vault, VaultError};
use tessera_client::{
    Account, AdHocProvider, Attempt, BrowserChoice, Client, Config, InstalledBrowser, Outcome,
    ProviderChoice, ProviderId, RedirectUri, Route, SCHEME_REDIRECT, SignIn, SignedIn, UnixTime,
};
use tessera_platform::{HttpClient, LoopbackServer, SystemClock, SystemDesktop, SystemEntropy};
use url::Url;

/// How long an access token lives, in seconds.
pub(crate) const LIFE: u32 = 600;

/// A data folder, and a client on it.
pub(crate) struct Machine {
    pub(crate) client: Client,
    pub(crate) keychain: Arc<Keychain>,
    pub(crate) opened: Arc<Opened>,
    /// How many seconds the client's clock is ahead.
    pub(crate) ahead: Arc<AtomicI64>,
    pub(crate) folder: TempDir,
}

impl Machine {
    pub(crate) async fn new() -> Result<Self> {
        Self::on(tempfile::tempdir()?).await
    }

    /// One whose data folder, `data` in `folder`, may have something in it.
    async fn on(folder: TempDir) -> Result<Self> {
        let (keychain, opened, ahead) = (Arc::default(), Arc::default(), Arc::default());
        let config = Config {
            data_folder: folder.path().join("data"),
            scheme_redirect: Some(RedirectUri::new(SCHEME_REDIRECT)?),
        };
        let ports = Ports {
            keychain: Arc::clone(&keychain) as Arc<dyn Vault>,
            browser: Arc::clone(&opened) as Arc<dyn Browser>,
            loopback: Arc::new(LoopbackServer::new()),
            http: Arc::new(HttpClient::new()),
            clock: Arc::new(Ahead(Arc::clone(&ahead))),
            entropy: Arc::new(SystemEntropy),
            desktop: Arc::new(SystemDesktop),
        };
        Ok(Self {
            client: Client::open(config, ports).await?,
            keychain,
            opened,
            ahead,
            folder,
        })
    }
}

/// A machine, and a provider whose clock it shares.
pub(crate) struct Rig {
    pub(crate) op: Op,
    pub(crate) client: Client,
    pub(crate) keychain: Arc<Keychain>,
    pub(crate) opened: Arc<Opened>,
    ahead: Arc<AtomicI64>,
    provider: ProviderChoice,
    http: reqwest::Client,
    folder: TempDir,
}

impl Rig {
    pub(crate) async fn new() -> Result<Self> {
        Self::with(&[]).await
    }

    /// With optional features of the provider, by the names that op/server.mjs knows.
    pub(crate) async fn with(features: &'static [&'static str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let options = OpOptions {
            access_token_seconds: LIFE,
            features,
            ..OpOptions::default()
        };
        let op = Op::start_alone(folder.path(), options).await?;
        let bound = features.iter().any(|feature| feature.starts_with("dpop"));
        let provider = if bound {
            // Only a provider's entry can ask for it.
            let text = format!(
                "[[provider]]\nid = \"op\"\nissuer = {:?}\nclient_id = {:?}\ndpop = true\n",
                op.issuer, op.client_id
            );
            std::fs::create_dir(folder.path().join("data"))?;
            std::fs::write(folder.path().join("data/providers.toml"), text)?;
            ProviderChoice::Known(ProviderId::new("op").context("an id")?)
        } else {
            ProviderChoice::AdHoc(AdHocProvider {
                issuer: op.issuer.clone(),
                client_id: op.client_id.clone(),
                client_secret: None,
            })
        };
        let Machine {
            client,
            keychain,
            opened,
            ahead,
            folder,
        } = Machine::on(folder).await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            op,
            client,
            keychain,
            opened,
            ahead,
            provider,
            http,
            folder,
        })
    }

    pub(crate) fn data_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn sign_in(&self, route: Route) -> Result<Attempt> {
        Ok(self.client.sign_in(SignIn {
            route: Some(route),
            ..SignIn::with(self.provider.clone())
        })?)
    }

    /// Signs `person` in, all the way.
    pub(crate) async fn signed_in(&self, person: Person) -> Result<Account> {
        let attempt = self.sign_in(Route::Scheme)?;
        let page = attempt.opened().await?;
        let callback = visitor()?.walk(&page.url, person, Decision::Allow).await?;
        self.client.deliver_callback(callback.as_str()).await?;
        Ok(attempt.wait().await?.account)
    }

    /// Moves everybody's clock, so that the current access token is over.
    pub(crate) async fn outlive_access_token(&self) -> Result<()> {
        // The provider forgives a clock that is a few seconds off.
        let life = i64::from(LIFE) + 60;
        let before = self.ahead.fetch_add(life, Ordering::SeqCst);
        self.op.set_ahead(before + life).await
    }

    /// Ann at her browser: from the page that was opened to the callback, which is not delivered.
    pub(crate) async fn visit(&self, attempt: &Attempt) -> Result<Url> {
        let page = attempt.opened().await?;
        visitor()?.walk(&page.url, ANN, Decision::Allow).await
    }

    /// The page that the browser was given whose address has this parameter, as soon as it was.
    pub(crate) async fn opened_last(&self, parameter: &str) -> Result<Url> {
        wait::until("the page", wait::STEP, async || {
            let opened = self.opened.0.lock().unwrap();
            let page = opened.last();
            Ok(page
                .filter(|page| page.query_pairs().any(|(name, _)| name == parameter))
                .cloned())
        })
        .await
    }

    /// The provider's address for `name` in its own description.
    pub(crate) async fn endpoint(&self, name: &str) -> Result<String> {
        let address = format!("{}/.well-known/openid-configuration", self.op.issuer);
        let metadata: Value = self.http.get(address).send().await?.json().await?;
        Ok(metadata[name].as_str().context("an endpoint")?.to_owned())
    }

    /// How the provider answers somebody who shows this access token.
    pub(crate) async fn userinfo_with(&self, token: &str) -> Result<u16> {
        let address = self.endpoint("userinfo_endpoint").await?;
        let sent = self.http.get(address).bearer_auth(token).send().await?;
        Ok(sent.status().as_u16())
    }

    /// How the provider answers somebody who tries this refresh token.
    pub(crate) async fn refresh_with(&self, token: &str) -> Result<(u16, Value)> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.op.client_id),
            ("refresh_token", token),
        ];
        let address = self.endpoint("token_endpoint").await?;
        let sent = self.http.post(address).form(&form).send().await?;
        Ok((sent.status().as_u16(), sent.json().await?))
    }
}

pub(crate) fn visitor() -> Result<Visitor> {
    Visitor::new(Pages::OidcProvider)
}

/// Checks that nothing of a sign-in failed, and that these checks were made.
pub(crate) fn passed(signed_in: &SignedIn, checks: &[&str]) -> Result<()> {
    for check in checks {
        let verdict = signed_in
            .checks
            .iter()
            .find(|verdict| verdict.check.code() == *check);
        ensure!(
            verdict.is_some_and(|verdict| verdict.outcome == Outcome::Passed),
            "{check}: {verdict:?}"
        );
    }
    ensure!(
        signed_in
            .checks
            .iter()
            .all(|verdict| matches!(verdict.outcome, Outcome::Passed | Outcome::NotApplicable)),
        "{:?}",
        signed_in.checks
    );
    Ok(())
}

/// The machine's clock, moved.
struct Ahead(Arc<AtomicI64>);

impl Clock for Ahead {
    fn now(&self) -> UnixTime {
        SystemClock.now().plus(self.0.load(Ordering::SeqCst))
    }
}

/// A browser that only remembers what it was given.
#[derive(Default)]
pub(crate) struct Opened(pub(crate) Mutex<Vec<Url>>);

#[async_trait]
impl Browser for Opened {
    async fn installed(&self) -> Vec<InstalledBrowser> {
        Vec::new()
    }

    async fn open_in(&self, url: &Url, _choice: &BrowserChoice) -> Result<(), BrowserError> {
        self.open(url).await
    }

    async fn open(&self, url: &Url) -> Result<(), BrowserError> {
        self.0.lock().unwrap().push(url.clone());
        Ok(())
    }
}

/// A keychain in memory.
#[derive(Default)]
pub(crate) struct Keychain(pub(crate) Mutex<BTreeMap<String, Vec<u8>>>);

impl Keychain {
    /// Whether there is nothing in it but what it is known by.
    pub(crate) fn is_empty(&self) -> bool {
        let entries = self.0.lock().unwrap();
        entries.keys().all(|entry| entry.starts_with("keychain/"))
    }
}

#[async_trait]
impl Vault for Keychain {
    async fn put(&self, key: &str, secret: SecretBytes) -> Result<(), VaultError> {
        let mut entries = self.0.lock().unwrap();
        entries.insert(key.to_owned(), secret.expose().to_vec());
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<SecretBytes>, VaultError> {
        let entries = self.0.lock().unwrap();
        Ok(entries.get(key).cloned().map(SecretBytes::new))
    }

    async fn delete(&self, key: &str) -> Result<(), VaultError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }

    async fn list(&self) -> Result<Option<Vec<String>>, VaultError> {
        Ok(Some(self.0.lock().unwrap().keys().cloned().collect()))
    }

    fn describe(&self) -> String {
        "the test's keychain".to_owned()
    }
}
