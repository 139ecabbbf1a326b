//! The app against a provider that somebody else wrote (npm `oidc-provider`), by both ways back from the browser,
//! and a search for every secret of such a journey where none may be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::net::TcpStream;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, Result, ensure};
use lab::app::App;
use lab::browser::{self, Browser};
use lab::op::{Op, OpOptions};
use lab::pages::{ANN, BOB, Pages, Person};
use lab::processes::{self, Process};
use lab::secrets::{Places, Secrets};
use lab::setting::{self, Build};
use lab::watch::Watch;
use lab::{Desktop, journey, keyring};
use url::Url;

/// The id of the provider.
const PROVIDER: &str = "elsewhere";

/// Seconds that an access token lives.
const LIFE: u32 = 120;

/// A desktop with that provider, and an app that knows it.
struct Scene<'a> {
    desktop: &'a Desktop,
    browser: Browser<'a>,
    op: Op,
    ahead: AtomicI64,
    build: Build,
}

impl<'a> Scene<'a> {
    async fn set(desktop: &'a Desktop) -> Result<Self> {
        let build = Build::development()?;
        let options = OpOptions {
            access_token_seconds: LIFE,
            ..OpOptions::default()
        };
        let op = Op::start(desktop, options).await?;
        setting::provider(desktop, PROVIDER, &op.issuer, &op.client_id, &[])?;
        desktop.set("TESSERA_SANDBOX", "off");
        let browser = Browser::start(desktop, &[(&op.issuer, build.scheme)]).await?;
        Ok(Self {
            desktop,
            browser,
            op,
            ahead: AtomicI64::default(),
            build,
        })
    }

    async fn sign_in(&self, app: &App<'_>, person: Person) -> Result<()> {
        setting::begin(app, PROVIDER).await?;
        Pages::OidcProvider
            .sign_in(&self.browser, &self.op.issuer, person)
            .await?;
        setting::signed_in(app, person).await
    }

    /// Asks the provider who the access token is about: the one API that it has.
    async fn call(&self, app: &App<'_>, person: Person) -> Result<()> {
        setting::call(app, &format!("{}/me", self.op.issuer), person.email).await
    }

    /// Lets the access token run out, and calls: once with the old one, then with the new one that a refresh brought.
    async fn call_with_an_old_token(&self, app: &App<'_>, person: Person) -> Result<()> {
        let refreshes = self.refreshes().await?.len();
        // The provider forgives a clock that is a few seconds off, and the client one that is less than five minutes off.
        let past_its_end = i64::from(LIFE) + 20;
        let before = self.ahead.fetch_add(past_its_end, Ordering::Relaxed);
        self.op.set_ahead(before + past_its_end).await?;
        self.call(app, person).await?;
        let more = self.refreshes().await?.len() - refreshes;
        ensure!(more == 1, "{more} refreshes");
        Ok(())
    }

    /// The refresh tokens that were used, and what each brought.
    async fn refreshes(&self) -> Result<Vec<(String, String)>> {
        let events = self.op.events("token").await?;
        let refreshes = events.iter().filter(|event| event["grant"] == "refresh_token");
        refreshes
            .map(|event| {
                let text = |name: &str| event[name].as_str().map(ToOwned::to_owned);
                let pair = text("refresh_token_used").zip(text("refresh_token"));
                pair.context("a refresh uses a token and brings another")
            })
            .collect()
    }

    /// Signs out, and checks that the provider was told to end the tokens that were kept last.
    async fn sign_out(&self, app: &App<'_>) -> Result<()> {
        let kept = [
            keyring::value(self.desktop, "refresh", "")?,
            keyring::value(self.desktop, "access", "token")?,
        ];
        let receipt = setting::sign_out(app).await?;
        let done = receipt.iter().filter(|(outcome, _)| outcome == "done").count();
        ensure!(done == 4, "{receipt:#?}");
        let revocations = self.op.events("revocation").await?;
        let revoked: Vec<&str> = revocations
            .iter()
            .filter(|event| event["status"] == 200)
            .filter_map(|event| event["token"].as_str())
            .collect();
        ensure!(
            revoked == kept,
            "other tokens were revoked than those that were kept"
        );
        keyring::holds(self.desktop, &[]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_in_by_the_private_scheme_refreshes_and_signs_out() -> Result<()> {
    journey("provider-scheme", async |desktop| {
        let scene = Scene::set(desktop).await?;
        let app = App::start(desktop, &scene.build.program).await?;
        scene.sign_in(&app, ANN).await?;
        app.comes_forward().await?;
        scene.call(&app, ANN).await?;
        ensure!(
            scene.refreshes().await?.is_empty(),
            "a good token was thrown away"
        );

        scene.call_with_an_old_token(&app, ANN).await?;
        scene.call_with_an_old_token(&app, ANN).await?;
        let refreshes = scene.refreshes().await?;
        ensure!(refreshes[0].0 != refreshes[0].1, "the provider rotates");
        ensure!(
            refreshes[0].1 == refreshes[1].0,
            "the second refresh used what the first brought"
        );
        ensure!(
            keyring::value(desktop, "refresh", "")? == refreshes[1].1,
            "the last one is kept"
        );

        scene.sign_out(&app).await?;
        ensure!(scene.op.tokens_given("authorization_code").await? == 1);
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_in_by_the_loopback_address_refreshes_and_signs_out() -> Result<()> {
    journey("provider-loopback", async |desktop| {
        let scene = Scene::set(desktop).await?;
        let app = App::start(desktop, &scene.build.program).await?;
        // The private scheme first, as a person has it; then the other way instead.
        setting::begin(&app, PROVIDER).await?;
        scene.browser.new_page(&scene.op.issuer).await?;
        app.click("other-route-loopback").await?;
        Pages::OidcProvider
            .sign_in(&scene.browser, &scene.op.issuer, BOB)
            .await?;
        setting::signed_in(&app, BOB).await?;
        app.comes_forward().await?;

        let title = scene.browser.find("h1").await?.text().await?;
        ensure!(title == "All done here", "the browser ends on {title}");
        let ended_on: Url = scene.browser.page().current_url().await?;
        let port = ended_on.port().context("a port of the system's choosing")?;
        ensure!(
            ended_on.path() == "/callback",
            "the browser ends on {}",
            ended_on.path()
        );
        ensure!(
            TcpStream::connect(("127.0.0.1", port)).is_err(),
            "the listener is still open"
        );

        scene.call(&app, BOB).await?;
        scene.call_with_an_old_token(&app, BOB).await?;
        scene.sign_out(&app).await?;
        ensure!(scene.op.tokens_given("authorization_code").await? == 1);
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_no_secret_in_files_logs_arguments_or_environments() -> Result<()> {
    journey("secrets", async |desktop| {
        let watch = Watch::begin(desktop);
        let scene = Scene::set(desktop).await?;
        let app = App::start(desktop, &scene.build.program).await?;
        scene.sign_in(&app, ANN).await?;
        scene.call_with_an_old_token(&app, ANN).await?;
        app.close().await?;
        let app = App::start(desktop, &scene.build.program).await?;
        setting::signed_in(&app, ANN).await?;
        scene.call(&app, ANN).await?;
        let seen = watch.end()?;

        let mut all = Secrets::default();
        all.add(scene.op.secrets().await?)?;
        // state, nonce, code, verifier, ID tokens, and two of both tokens.
        ensure!(all.len() >= 9, "only {} secrets are known", all.len());
        let mut lasting = Secrets::default();
        lasting.add(scene.op.lasting_secrets().await?)?;
        ensure!(
            lasting.len() >= 6,
            "only {} lasting secrets are known",
            lasting.len()
        );

        // Files: everything on the desktop but the provider's own log, which tells them all, and the profile of the
        // browser, which keeps a history.
        let files = || Places {
            folders: vec![desktop.base().to_owned()],
            except: vec![
                desktop.logs().join("oidc-provider.out.log"),
                browser::profile(desktop),
            ],
            ..Places::default()
        };
        all.hunt(&files())?;
        // Processes: what went by an address (`state`, `nonce` and code) is seen for a moment in the arguments of
        // those that carry the address from the app to the browser and back. It is in no environment, and in nothing
        // of a process that stays. The rest is in no process at any time.
        let (staying, passing): (Vec<Process>, Vec<Process>) =
            seen.into_iter().partition(|process| processes::runs(process.pid));
        ensure!(
            staying.iter().any(|process| process.pid == app.pid().unwrap()),
            "the app was not looked at"
        );
        all.hunt(&of(staying))?;
        let passing = of(passing);
        lasting.hunt(&passing)?;
        let carried = all.found(&passing)?;
        ensure!(
            !carried.is_empty(),
            "those that carry an address were not looked at"
        );
        let elsewhere: Vec<&String> = carried
            .iter()
            .filter(|line| !line.contains(", arguments: "))
            .collect();
        ensure!(elsewhere.is_empty(), "{elsewhere:#?}");

        // All of that would have been found.
        for (number, secret) in scene.op.secrets().await?.into_iter().enumerate() {
            let planted = desktop.tessera().join(format!("planted-{number}"));
            std::fs::write(&planted, format!("{{\"kept\":\"{secret}\"}}"))?;
            let found = all.found(&files())?;
            let name = planted.display().to_string();
            ensure!(!found.is_empty(), "a secret in {name} was not found");
            ensure!(found.iter().all(|line| line.contains(&name)), "{found:#?}");
            std::fs::remove_file(planted)?;
        }
        app.close().await
    })
    .await
}

fn of(processes: Vec<Process>) -> Places {
    Places {
        processes,
        ..Places::default()
    }
}
