//! The plain journey at Debian's `glewlwyd`, and what it does differently from others. docs/interop.md has the list.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, ensure};
use lab::glewlwyd::{CONFIDENTIAL, Glewlwyd, PUBLIC, Registered};
use lab::pages::{ANN, BOB, Person};
use lab::terminal::Terminal;
use lab::{journey, keyring, setting};
use serde_json::Value;
use tessera_client::{
    AdHocProvider, ApiRequest, ClientSecret, ProviderChoice, ReceiptOutcome, Route, SCHEME_REDIRECT, SignIn,
    SignedIn,
};

use crate::rig::{Machine, passed};

/// How long an access token lives, in seconds.
const LIFE: u32 = 100;

/// A machine and a provider.
struct Scene {
    machine: Machine,
    provider: Glewlwyd,
}

impl Scene {
    async fn new() -> Result<Self> {
        let machine = Machine::new().await?;
        let provider = Glewlwyd::start(machine.folder.path(), LIFE, SCHEME_REDIRECT).await?;
        Ok(Self { machine, provider })
    }

    async fn signed_in(&self, registered: Registered, person: Person) -> Result<SignedIn> {
        let provider = ProviderChoice::AdHoc(AdHocProvider {
            issuer: self.provider.issuer.clone(),
            client_id: registered.client_id.to_owned(),
            client_secret: registered.client_secret.map(ClientSecret::new),
        });
        let client = &self.machine.client;
        let attempt = client.sign_in(SignIn {
            route: Some(Route::Scheme),
            ..SignIn::with(provider)
        })?;
        let page = attempt.opened().await?;
        let callback = self.provider.visit(&page.url, person).await?;
        client.deliver_callback(callback.as_str()).await?;
        Ok(attempt.wait().await?)
    }

    /// Moves the client's clock, so that it takes its access token to be over.
    fn outlive_access_token(&self) {
        self.machine.ahead.fetch_add(i64::from(LIFE), Ordering::SeqCst);
    }

    /// The refresh token that is kept.
    fn refresh_token(&self) -> Result<String> {
        let kept = self.machine.keychain.0.lock().unwrap();
        let (_, token) = kept
            .iter()
            .find(|(key, _)| key.contains("refresh"))
            .context("one is kept")?;
        Ok(String::from_utf8(token.clone())?)
    }

    /// How the provider answers somebody who tries this refresh token.
    async fn refresh_with(&self, token: &str) -> Result<(u16, String)> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", PUBLIC.client_id),
            ("refresh_token", token),
        ];
        let http = reqwest::Client::builder().no_proxy().build()?;
        let address = format!("{}/token", self.provider.issuer);
        let sent = http.post(address).form(&form).send().await?;
        Ok((sent.status().as_u16(), sent.text().await?))
    }
}

#[tokio::test]
async fn from_signing_in_to_signing_out() -> Result<()> {
    let scene = Scene::new().await?;
    let client = &scene.machine.client;
    let signed_in = scene.signed_in(CONFIDENTIAL, ANN).await?;
    let account = signed_in.account.clone();
    ensure!(account.issuer.as_str() == scene.provider.issuer);
    // Its subjects are its own, and no user names.
    ensure!(account.subject.as_str() != ANN.user && account.name == ANN.name);
    ensure!(account.email.as_deref() == Some(ANN.email));
    passed(
        &signed_in,
        &[
            "discovery.issuer",
            "callback.iss",
            "token.token_type",
            "id_token.signature",
            "userinfo.sub",
        ],
    )?;

    let userinfo = format!("{}/userinfo", scene.provider.issuer);
    let called = async || -> Result<Value> {
        let answer = client.call(&account.id, ApiRequest::get(&userinfo)).await?;
        let answer = answer.collect().await?;
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(serde_json::from_slice(&answer.body)?)
    };
    ensure!(called().await?["email"] == ANN.email);
    let first = scene.refresh_token()?;
    scene.outlive_access_token();
    ensure!(called().await?["sub"] == account.subject.as_str());
    let second = scene.refresh_token()?;
    ensure!(first != second, "it rotates");

    let receipt = client.sign_out(&account.id).await?;
    for what in [
        "refresh_token_revoked",
        "access_token_revoked",
        "secrets_deleted",
        "account_removed",
    ] {
        let line = receipt.lines.iter().find(|line| line.what == what);
        ensure!(
            line.is_some_and(|line| line.outcome == ReceiptOutcome::Done),
            "{what}: {line:?}"
        );
    }
    ensure!(scene.machine.keychain.is_empty());
    ensure!(client.accounts().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn by_the_terminal_on_a_port_that_is_registered() -> Result<()> {
    journey("interop-terminal-glewlwyd", async |desktop| {
        let elsewhere = tempfile::tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let redirect_uri = format!("http://127.0.0.1:{port}/callback");
        let provider = Glewlwyd::start(elsewhere.path(), LIFE, &redirect_uri).await?;
        setting::provider(desktop, "debian", &provider.issuer, PUBLIC.client_id, &[])?;
        let file = desktop.tessera().join("providers.toml");
        let text = fs::read_to_string(&file)?;
        fs::write(
            &file,
            format!("{}loopback = {{ ports = [{port}] }}\n", text.trim_start()),
        )?;

        let terminal = Terminal::open(desktop)?;
        let login = [
            "login",
            "--provider",
            "debian",
            "--redirect",
            "loopback",
            "--no-browser",
            "--json",
        ];
        let mut run = terminal.start(&login)?;
        let callback = provider.visit(&run.open().await?, BOB).await?;
        ensure!(callback.as_str().starts_with(&redirect_uri), "{callback}");
        let page = reqwest::Client::builder()
            .no_proxy()
            .build()?
            .get(callback)
            .send()
            .await?;
        ensure!(page.status() == 200);
        let event = run.event().await?;
        ensure!(
            event["event"] == "signed_in" && event["account"]["name"] == BOB.name,
            "{event}"
        );
        ensure!(run.end().await?.code == Some(0));

        let userinfo = format!("{}/userinfo", provider.issuer);
        let answer = terminal.json(&["call", BOB.email, &userinfo, "--json"]).await?;
        ensure!(answer[0]["body"]["email"] == BOB.email, "{answer:?}");
        let receipt = terminal.json(&["logout", BOB.email, "--json"]).await?;
        let lines = receipt[0]["receipt"].as_array().context("a receipt")?;
        for (what, outcome) in [("refresh_token_revoked", "failed"), ("secrets_deleted", "done")] {
            ensure!(
                lines
                    .iter()
                    .any(|line| line["what"] == what && line["outcome"] == outcome),
                "{what}: {receipt:?}"
            );
        }
        ensure!(
            keyring::entries(desktop)?.is_empty(),
            "the keyring is empty again"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_public_client_is_told_that_its_access_was_not_ended() -> Result<()> {
    let scene = Scene::new().await?;
    let account = scene.signed_in(PUBLIC, ANN).await?.account;
    let receipt = scene.machine.client.sign_out(&account.id).await?;
    let outcome = |what: &str| {
        let line = receipt.lines.iter().find(|line| line.what == what);
        line.map(|line| line.outcome)
    };
    ensure!(
        outcome("refresh_token_revoked") == Some(ReceiptOutcome::Failed),
        "{receipt:?}"
    );
    ensure!(
        outcome("account_removed") == Some(ReceiptOutcome::Done),
        "{receipt:?}"
    );
    ensure!(scene.machine.keychain.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_spent_refresh_token_that_comes_back_ends_that_session_and_no_other() -> Result<()> {
    let scene = Scene::new().await?;
    let client = &scene.machine.client;
    let ann = scene.signed_in(PUBLIC, ANN).await?.account;
    let stolen = scene.refresh_token()?;
    let bob = scene.signed_in(CONFIDENTIAL, BOB).await?.account;
    scene.outlive_access_token();
    client.access_token(&ann.id).await.context("the first refresh")?;
    // It says no more than the status.
    ensure!(scene.refresh_with(&stolen).await? == (400, String::new()));
    scene.outlive_access_token();
    let error = client.access_token(&ann.id).await.err().context("it is over")?;
    ensure!(
        error.code() == "token_endpoint_status",
        "{} {error:?}",
        error.code()
    );
    ensure!(error.hint().contains("sign in again"), "{error:?}");
    client.access_token(&bob.id).await.context("Bob is none of it")?;
    ensure!(client.account(&bob.id).await?.state.as_str() == "signed_in");
    // A new sign-in mends it.
    let again = scene.signed_in(PUBLIC, ANN).await.context("a new sign-in")?;
    ensure!(again.account.id == ann.id);
    client
        .access_token(&ann.id)
        .await
        .context("after a new sign-in")?;
    Ok(())
}
