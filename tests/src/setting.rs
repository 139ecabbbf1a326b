//! The scene of most journeys: a desktop with a browser, a provider to sign in to, and the app that knows it.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use tessera_sandbox::log::{Endpoint, Entry, Outcome};
use tessera_sandbox::{CLIENT_ID, Fingerprint, Options, Sandbox};

use crate::app::App;
use crate::browser::Browser;
use crate::desktop::Desktop;
use crate::pages::{Pages, Person};
use crate::{keyring, tools, wait};

/// The id of the journeys' own provider.
pub const PROVIDER: &str = "house";

/// Which build of the app is under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The program.
    pub program: PathBuf,
    /// Its private scheme.
    pub scheme: &'static str,
}

impl Build {
    /// The development build, as `cargo xtask` makes it.
    pub fn development() -> Result<Self> {
        Ok(Self {
            program: tools::built("tessera-desktop")?,
            scheme: "app.tessera.desktop.dev",
        })
    }

    /// A release, wherever it was installed.
    pub fn release(program: PathBuf) -> Self {
        Self {
            program,
            scheme: "app.tessera.desktop",
        }
    }
}

/// A desktop with everything on it but the app itself, which a journey opens and closes as it likes.
pub struct Setting<'a> {
    /// The desktop.
    pub desktop: &'a Desktop,
    /// The person's browser.
    pub browser: Browser<'a>,
    /// The provider and its protected API, in this process, so that a journey sees what was asked of them.
    pub sandbox: Sandbox,
    /// The app under test.
    pub build: Build,
}

impl<'a> Setting<'a> {
    /// Sets the scene for `build`, with `sandbox` as the one provider that the app knows.
    pub async fn new(desktop: &'a Desktop, build: Build, sandbox: Options) -> Result<Self> {
        let sandbox = Sandbox::start(sandbox).await?;
        provider(desktop, PROVIDER, sandbox.issuer(), CLIENT_ID, &[sandbox.api()])?;
        // The journeys bring their own, into which they can look.
        desktop.set("TESSERA_SANDBOX", "off");
        let browser = Browser::start(desktop, &[(sandbox.issuer(), build.scheme)]).await?;
        Ok(Self {
            desktop,
            browser,
            sandbox,
            build,
        })
    }

    /// The same for the development build and an ordinary sandbox.
    pub async fn ordinary(desktop: &'a Desktop) -> Result<Self> {
        Self::new(desktop, Build::development()?, Options::default()).await
    }

    /// Opens the app and waits until it knows its providers.
    pub async fn open(&self) -> Result<App<'a>> {
        let app = App::start(self.desktop, &self.build.program).await?;
        app.click("nav-sign-in").await?;
        app.find("screen-sign-in").await?;
        Ok(app)
    }

    /// Presses *Sign in* on the provider's tile, and waits until the browser shows its page.
    pub async fn begin(&self, app: &App<'_>) -> Result<()> {
        begin(app, PROVIDER).await?;
        self.browser.new_page(self.sandbox.issuer()).await
    }

    /// Signs `person` in, from the tile to the card.
    pub async fn sign_in(&self, app: &App<'_>, person: Person) -> Result<()> {
        self.begin(app).await?;
        Pages::Sandbox.log_in_with(&self.browser, person).await?;
        Pages::Sandbox.allow_in(&self.browser).await?;
        signed_in(app, person).await
    }

    /// The same for someone whom the browser still knows: only the permission is asked for.
    pub async fn sign_in_again(&self, app: &App<'_>, person: Person) -> Result<()> {
        self.begin(app).await?;
        Pages::Sandbox.allow_in(&self.browser).await?;
        signed_in(app, person).await
    }

    /// Calls the protected API's profile in the Explorer and checks that it knows the person.
    pub async fn call_profile(&self, app: &App<'_>, person: Person) -> Result<()> {
        call(app, &format!("{}/profile", self.sandbox.api()), person.name).await
    }

    /// Closes the app, opens it again, and checks that `person` is still signed in without any browser.
    pub async fn restart(&self, app: App<'_>, person: Person) -> Result<App<'a>> {
        app.close().await?;
        let before = (
            self.browser.tabs().await?,
            self.asked(Endpoint::Authorization).len(),
        );
        let app = self.open().await?;
        app.click("nav-accounts").await?;
        signed_in(&app, person).await?;
        self.call_profile(&app, person).await?;
        let after = (
            self.browser.tabs().await?,
            self.asked(Endpoint::Authorization).len(),
        );
        ensure!(before == after, "a browser was needed: {before:?}, {after:?}");
        Ok(app)
    }

    /// Signs the one account out, and checks that the receipt says what was done, that it was done at the provider
    /// and at the keyring, and that what was revoked gets nothing more.
    pub async fn sign_out(&self, app: &App<'_>) -> Result<()> {
        let tokens = [
            keyring::value(self.desktop, "refresh", "")?,
            keyring::value(self.desktop, "access", "token")?,
        ];
        let receipt = sign_out(app).await?;
        let expected = [
            ("done", "revoked"),
            ("done", "revoked"),
            ("done", "deleted"),
            ("done", "removed"),
            ("offered", "browser"),
        ];
        let as_expected = receipt
            .iter()
            .map(|(outcome, text)| (outcome.as_str(), text))
            .zip(expected)
            .all(|((outcome, text), (wanted, word))| outcome == wanted && text.contains(word));
        ensure!(
            receipt.len() == expected.len() && as_expected,
            "the receipt says {receipt:#?}"
        );
        let revoked: Vec<Fingerprint> = self
            .asked(Endpoint::Revocation)
            .into_iter()
            .filter(|entry| entry.outcome.as_ref().is_some_and(Outcome::is_success))
            .filter_map(|entry| entry.credential)
            .collect();
        let kept = tokens.each_ref().map(|token| Fingerprint::of(token));
        ensure!(revoked == kept, "kept were {kept:?}, revoked {revoked:?}");
        for token in tokens {
            self.is_dead(&token).await?;
        }
        keyring::holds(self.desktop, &[]).await
    }

    /// Hands an address to the system, as a link in any page or program does.
    pub fn hand_over(&self, url: &str) -> Result<()> {
        let xdg_open = tools::find("xdg-open")?;
        self.desktop.run(self.desktop.command(xdg_open).arg(url))?;
        Ok(())
    }

    /// Tries a token as a thief would, at the API and for a refresh, and checks that it gets nothing.
    pub async fn is_dead(&self, token: &str) -> Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let profile = format!("{}/profile", self.sandbox.api());
        let called = http.get(profile).bearer_auth(token).send().await?.status();
        ensure!(
            called == 401,
            "the API answered {called} to a token that was revoked"
        );
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            ("refresh_token", token),
        ];
        let endpoint = format!("{}/token", self.sandbox.issuer());
        let refreshed = http.post(endpoint).form(&form).send().await?;
        let (status, answer) = (refreshed.status(), refreshed.text().await?);
        ensure!(
            status == 400 && answer.contains("invalid_grant"),
            "a refresh was answered {status}"
        );
        Ok(())
    }

    /// What the provider and the API were asked for at `endpoint`.
    pub fn asked(&self, endpoint: Endpoint) -> Vec<Entry> {
        self.sandbox.log().matching(|entry| entry.endpoint == endpoint)
    }

    /// How often a code was spent at the token endpoint.
    pub fn codes_spent(&self) -> usize {
        self.sandbox.log().token_requests("authorization_code")
    }
}

/// Writes a provider into the app's providers.toml, beside those that are there.
pub fn provider(desktop: &Desktop, id: &str, issuer: &str, client_id: &str, apis: &[&str]) -> Result<()> {
    let file = desktop.tessera().join("providers.toml");
    let mut text = std::fs::read_to_string(&file).unwrap_or_default();
    let apis: Vec<String> = apis.iter().map(|api| format!("{api:?}")).collect();
    write!(
        text,
        "[[provider]]\nid = {id:?}\nname = {id:?}\nissuer = {issuer:?}\nclient_id = {client_id:?}\n\
         routes = [\"scheme\", \"loopback\", \"device\"]\napis = [{}]\n\n",
        apis.join(", ")
    )?;
    std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))
}

/// Presses *Sign in* on a provider's tile and waits until the app says that it waits for the browser.
pub async fn begin(app: &App<'_>, provider: &str) -> Result<()> {
    app.click("nav-sign-in").await?;
    app.click(&format!("provider-{provider}")).await?;
    waiting(app).await
}

/// Waits until the app says that it waits for the browser.
pub async fn waiting(app: &App<'_>) -> Result<()> {
    wait::until_true("the app waiting for the browser", wait::STEP, async || {
        let Some(panel) = app.all("attempt-waiting").await?.pop() else {
            return Ok(false);
        };
        // The panel may be drawn anew while it is read.
        Ok(panel
            .attr("data-stage")
            .await
            .is_ok_and(|stage| stage.as_deref() == Some("waiting")))
    })
    .await
}

/// Waits for the person's card on Accounts, and checks that it says that they are signed in.
pub async fn signed_in(app: &App<'_>, person: Person) -> Result<()> {
    app.says("account-card", person.name).await?;
    let state = app.attribute("account-state", "data-state").await?;
    ensure!(state == "signed_in", "{} is {state}", person.name);
    Ok(())
}

/// Waits until the first account is in this state.
pub async fn is_shown_as(app: &App<'_>, state: &str) -> Result<()> {
    wait::until_true(&format!("an account that is {state}"), wait::STEP, async || {
        Ok(app.attribute("account-state", "data-state").await? == state)
    })
    .await
}

/// Waits until the window shows an error with this code.
pub async fn error(app: &App<'_>, code: &str) -> Result<()> {
    wait::until_true(
        &format!("the error `{code}` in the window"),
        wait::STEP,
        async || {
            for error in app.all("error").await? {
                if error
                    .attr("data-code")
                    .await
                    .is_ok_and(|found| found.as_deref() == Some(code))
                {
                    return Ok(true);
                }
            }
            Ok(false)
        },
    )
    .await
}

/// Calls an address in the Explorer, as the account that it shows, and checks that the answer says `part`.
pub async fn call(app: &App<'_>, url: &str, part: &str) -> Result<()> {
    app.click("nav-explorer").await?;
    app.fill("call-url", url).await?;
    app.click("call-send").await?;
    app.says("call-status", "200").await?;
    app.says("call-body", part).await.map(drop)
}

/// Calls an address in the Explorer, and checks that the gateway does not let the token go there.
pub async fn refused_call(app: &App<'_>, url: &str) -> Result<()> {
    app.click("nav-explorer").await?;
    app.fill("call-url", url).await?;
    app.click("call-send").await?;
    error(app, "origin_not_allowed").await
}

/// Opens the first account's page and signs out there. Gives back each line of the receipt: outcome and text.
pub async fn sign_out(app: &App<'_>) -> Result<Vec<(String, String)>> {
    app.click("nav-accounts").await?;
    app.click("account-open").await?;
    app.click("sign-out").await?;
    app.click("sign-out-confirm").await?;
    let receipt = app.find("receipt").await?;
    let mut lines = Vec::new();
    for line in receipt.find_all(thirtyfour::By::Css("li[data-outcome]")).await? {
        let outcome = line.attr("data-outcome").await?.unwrap_or_default();
        lines.push((outcome, line.text().await?));
    }
    Ok(lines)
}
