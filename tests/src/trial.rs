//! What `cargo xtask run` does where there is no display: everything that a person does with Tessera in its first
//! ten minutes, by itself, on a virtual desktop, with a picture of every screen.
//!
//! Here the app brings its own sandbox, as it does for a person who tries it.
#![expect(clippy::print_stdout, reason = "a program's own word to whoever ran it")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use lab::app::App;
use lab::browser::Browser;
use lab::pages::{ANN, Pages};
use lab::setting::{self, Build};
use lab::{Desktop, journey, keyring, tools};
use serde_json::Value;

/// The sandbox's tile.
const SANDBOX: &str = "sandbox";

fn main() -> ExitCode {
    let started = Instant::now();
    let end = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .and_then(|runtime| runtime.block_on(trial()));
    let took = started.elapsed().as_secs_f64();
    match end {
        Ok(steps) => {
            println!("\nAll {steps} steps worked, in {took:.1} s.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("\nA step failed after {took:.1} s: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Goes all the way, and says how many steps it was.
async fn trial() -> Result<usize> {
    let mut steps = Steps::new()?;
    println!("A virtual desktop: screen, session bus, unlocked keychain, window manager.");
    journey("trial", async |desktop| walk(desktop, &mut steps).await).await?;
    Ok(steps.done)
}

async fn walk(desktop: &Desktop, steps: &mut Steps) -> Result<()> {
    let build = Build::development()?;
    let app = steps
        .step("Open Tessera", async || App::start(desktop, &build.program).await)
        .await?;
    let issuer = steps
        .step("The sandbox provider and its API are up", async || {
            app.click("nav-sign-in").await?;
            app.find(&format!("provider-{SANDBOX}")).await?;
            issuer(desktop)
        })
        .await?;
    steps.picture(&app, "sign-in").await?;
    let browser = steps
        .step("Chromium is the system's browser", async || {
            Browser::start(desktop, &[(&issuer, build.scheme)]).await
        })
        .await?;

    sign_in(steps, &app, &browser, &issuer).await?;
    look_around(steps, &app).await?;
    call(steps, &app).await?;
    ask_for_more(steps, &app, &browser, &issuer).await?;

    steps.step("Close Tessera", async || app.close().await).await?;
    let tabs = browser.tabs().await?;
    let app = steps
        .step("Open it again: still signed in, without a browser", async || {
            let app = App::start(desktop, &build.program).await?;
            setting::signed_in(&app, ANN).await?;
            Ok(app)
        })
        .await?;
    steps.picture(&app, "opened-again").await?;
    steps
        .step(
            "The API still answers, with a token from the keychain",
            async || {
                profile(&app).await?;
                ensure!(
                    browser.tabs().await? == tabs,
                    "the browser was asked for something"
                );
                Ok(())
            },
        )
        .await?;

    sign_out(steps, &app, desktop).await?;
    steps.step("Close Tessera", async || app.close().await).await
}

async fn sign_in(steps: &mut Steps, app: &App<'_>, browser: &Browser<'_>, issuer: &str) -> Result<()> {
    steps
        .step("Press Sign in on the sandbox", async || {
            setting::begin(app, SANDBOX).await
        })
        .await?;
    steps.picture(app, "waiting").await?;
    steps
        .step("The browser opens the provider's page", async || {
            browser.new_page(issuer).await?;
            browser.find("input[name=username]").await.map(drop)
        })
        .await?;
    steps.browser_picture(browser, "browser-sign-in").await?;
    steps
        .step("Ann signs in there", async || {
            Pages::Sandbox.log_in_with(browser, ANN).await?;
            browser.find("button[name=decision][value=allow]").await.map(drop)
        })
        .await?;
    steps.browser_picture(browser, "browser-consent").await?;
    steps
        .step("She allows it, and the window shows who she is", async || {
            Pages::Sandbox.allow_in(browser).await?;
            setting::signed_in(app, ANN).await
        })
        .await?;
    steps
        .step("The window comes forward", async || app.comes_forward().await)
        .await?;
    steps.picture(app, "accounts").await
}

async fn look_around(steps: &mut Steps, app: &App<'_>) -> Result<()> {
    steps
        .step("The account says what was checked", async || {
            app.click("account-open").await?;
            app.find("account-detail").await?;
            let outcome = app.attribute("check-id_token.signature", "data-outcome").await?;
            ensure!(outcome == "passed", "the ID token's signature: {outcome}");
            Ok(())
        })
        .await?;
    steps.picture(app, "account").await?;
    app.script("document.querySelector('[data-testid=\"check-id_token.signature\"]').scrollIntoView({ block: 'center' });")
        .await?;
    steps.picture(app, "checks").await?;
    steps
        .step("Flow shows every message of the sign-in", async || {
            app.click("nav-flow").await?;
            app.find("flow-step-tokens_stored").await?;
            let outcome = app.attribute("flow-outcome", "data-outcome").await?;
            ensure!(outcome == "done", "the sign-in is {outcome}");
            app.click("flow-step-callback").await?;
            app.says("flow-detail", "characters, not shown").await.map(drop)
        })
        .await?;
    app.script("document.querySelector('[data-testid=\"flow\"]').scrollIntoView();")
        .await?;
    steps.picture(app, "flow").await?;
    steps
        .step("Settings", async || {
            app.click("nav-settings").await?;
            app.find("screen-settings").await.map(drop)
        })
        .await?;
    steps.picture(app, "settings").await
}

async fn call(steps: &mut Steps, app: &App<'_>) -> Result<()> {
    steps
        .step("Call the protected API: who is this?", async || {
            profile(app).await
        })
        .await?;
    steps.picture(app, "explorer").await
}

async fn ask_for_more(steps: &mut Steps, app: &App<'_>, browser: &Browser<'_>, issuer: &str) -> Result<()> {
    steps
        .step("A call that needs one more permission says so", async || {
            app.click("call-sandbox-ledger").await?;
            app.click("call-send").await?;
            app.find("missing-scope").await.map(drop)
        })
        .await?;
    steps.picture(app, "missing-permission").await?;
    steps
        .step(
            "Ask for it, allow it in the browser, and the call goes on",
            async || {
                app.click("ask-scope").await?;
                browser.new_page(issuer).await?;
                Pages::Sandbox.allow_in(browser).await?;
                app.says("call-status", "200").await.map(drop)
            },
        )
        .await?;
    steps.picture(app, "permission-given").await
}

async fn sign_out(steps: &mut Steps, app: &App<'_>, desktop: &Desktop) -> Result<()> {
    let receipt = steps
        .step("Sign out", async || setting::sign_out(app).await)
        .await?;
    for (_, line) in &receipt {
        println!("      {line}");
    }
    steps.picture(app, "receipt").await?;
    steps
        .step("Nothing of the account is left in the keychain", async || {
            ensure!(
                receipt.iter().all(|(outcome, _)| outcome != "failed"),
                "the receipt says that something failed"
            );
            let left = keyring::kinds(desktop)?;
            ensure!(left.is_empty(), "the keychain still holds {left:?}");
            Ok(())
        })
        .await
}

/// Sends the first call that a person finds in the Explorer.
async fn profile(app: &App<'_>) -> Result<()> {
    app.click("nav-explorer").await?;
    app.click("call-sandbox-profile").await?;
    app.click("call-send").await?;
    app.says("call-status", "200").await?;
    app.says("call-body", ANN.name).await.map(drop)
}

/// Where the app's own sandbox is. It chose its port when it first started, and wrote it down.
fn issuer(desktop: &Desktop) -> Result<String> {
    let file = desktop.tessera().join("sandbox/sandbox.json");
    let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let state: Value = serde_json::from_slice(&text)?;
    let port = state["port"].as_u64().context("the sandbox's port")?;
    Ok(format!("http://127.0.0.1:{port}"))
}

/// Counts and times the steps, and numbers the pictures in the order in which they were taken.
struct Steps {
    done: usize,
    pictures: PathBuf,
    taken: usize,
}

impl Steps {
    /// Pictures of an earlier walk are removed, so that none is taken for one of this.
    fn new() -> Result<Self> {
        let pictures = tools::target_dir()?.join("run");
        if pictures.exists() {
            std::fs::remove_dir_all(&pictures)?;
        }
        std::fs::create_dir_all(&pictures)?;
        Ok(Self {
            done: 0,
            pictures,
            taken: 0,
        })
    }

    async fn step<T>(&mut self, what: &str, step: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        let number = self.done + 1;
        let started = Instant::now();
        let end = step().await;
        let mark = if end.is_ok() { "ok  " } else { "FAIL" };
        println!(
            "{number:>3} {mark} {:>6.2} s  {what}",
            started.elapsed().as_secs_f64()
        );
        std::io::stdout().flush()?;
        let value = end.with_context(|| what.to_owned())?;
        self.done = number;
        Ok(value)
    }

    async fn picture(&mut self, app: &App<'_>, name: &str) -> Result<()> {
        let path = self.next(name);
        app.picture(&path).await
    }

    async fn browser_picture(&mut self, browser: &Browser<'_>, name: &str) -> Result<()> {
        let path = self.next(name);
        Ok(browser.page().screenshot(&path).await?)
    }

    fn next(&mut self, name: &str) -> PathBuf {
        self.taken += 1;
        self.pictures.join(format!("{:02}-{name}.png", self.taken))
    }
}
