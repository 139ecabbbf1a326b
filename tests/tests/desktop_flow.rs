//! The Flow screen in the real window: a sign-in as it happened, also after the page was loaded anew, a report of it
//! without secrets, and a failure where it failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use anyhow::{Context as _, Result, ensure};
use lab::app::App;
use lab::pages::{ANN, Pages};
use lab::secrets::{Places, Secrets};
use lab::setting::{self, Setting};
use lab::{journey, keyring, wait};
use serde_json::Value;
use tessera_sandbox::faults::{Change, Document, Fault};

/// The messages of a sign-in by the private scheme, as they are sent.
const MESSAGES: [&str; 15] = [
    "sign_in",
    "metadata_request",
    "metadata_response",
    "attempt_kept",
    "authorization_request",
    "sign_in_pages",
    "callback",
    "token_request",
    "token_response",
    "key_set_request",
    "key_set_response",
    "id_token_check",
    "userinfo_request",
    "userinfo_response",
    "tokens_stored",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_drawn_while_it_happens_and_its_report_holds_no_secret() -> Result<()> {
    journey("flow", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        let mut secrets = Secrets::default();
        for name in ["state", "nonce", "verifier"] {
            secrets.add([keyring::value(desktop, "attempt", name)?])?;
        }

        app.click("see-what").await?;
        app.find("screen-flow").await?;
        let now = app.attribute("flow-step-sign_in_pages", "aria-current").await?;
        ensure!(now == "step", "the browser's turn is {now}");
        ensure!(drawn(&app).await? == MESSAGES[..6], "{:?}", drawn(&app).await?);

        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        ended(&app, "done").await?;
        ensure!(drawn(&app).await? == MESSAGES, "{:?}", drawn(&app).await?);
        secrets.add([
            keyring::value(desktop, "refresh", "")?,
            keyring::value(desktop, "access", "token")?,
        ])?;

        app.click("flow-step-token_request").await?;
        app.says("flow-detail", "code_verifier").await?;
        app.says("flow-detail", "characters, not shown").await?;
        app.click("save-report").await?;
        let saved = app.says("report-saved", ".json").await?;
        let downloads = desktop.home().join("Downloads");
        let (json, markdown) = reports(&downloads)?;
        for file in [&json, &markdown] {
            ensure!(saved.contains(file.as_str()), "{file} is not in {saved}");
        }
        let report: Value = serde_json::from_slice(&fs::read(downloads.join(&json))?)?;
        ensure!(report["outcome"] == "done", "{report}");
        let sent: Vec<&str> = report["steps"]
            .as_array()
            .context("the report's steps")?
            .iter()
            .filter(|step| step["type"] == "message")
            .filter_map(|step| step["id"].as_str())
            .collect();
        ensure!(sent == MESSAGES, "the report tells {sent:?}");
        let text = fs::read_to_string(downloads.join(&markdown))?;
        ensure!(text.contains("Done."), "{text}");

        app.reload().await?;
        app.click("nav-flow").await?;
        ended(&app, "done").await?;
        ensure!(drawn(&app).await? == MESSAGES, "{:?}", drawn(&app).await?);
        let page = app.script("return document.documentElement.outerHTML;").await?;
        secrets.hunt(&Places {
            folders: vec![downloads, desktop.tessera(), desktop.logs()],
            texts: vec![("the page".to_owned(), page.to_string().into_bytes())],
            ..Places::default()
        })?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_fails_leads_to_the_step_that_failed() -> Result<()> {
    journey("flow-failed", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sandbox.faults().set(Fault::Json {
            document: Document::IdToken,
            change: Change::Append("nonce", "1"),
        });
        scene.begin(&app).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::error(&app, "id_token_nonce").await?;

        app.click("see-where").await?;
        ended(&app, "failed").await?;
        app.find("flow-detail").await?;
        let open = app.attribute("flow-step-id_token_check", "aria-expanded").await?;
        ensure!(open == "true", "the step that failed is not open");
        let verdict = app.attribute("check-id_token.nonce", "data-outcome").await?;
        ensure!(verdict == "failed", "the check {verdict}");
        setting::error(&app, "id_token_nonce").await?;
        app.close().await
    })
    .await
}

/// Waits until the flow that is shown ended like this.
async fn ended(app: &App<'_>, how: &str) -> Result<()> {
    wait::until_true(&format!("a flow that is {how}"), wait::STEP, async || {
        Ok(app.attribute("flow-outcome", "data-outcome").await? == how)
    })
    .await
}

/// The messages that are drawn, in order.
async fn drawn(app: &App<'_>) -> Result<Vec<String>> {
    let found = app
        .script(
            "return [...document.querySelectorAll('[data-testid=\"sequence\"] ol > li > button')]
                 .map((step) => step.dataset.testid.replace('flow-step-', ''));",
        )
        .await?;
    let steps = found["value"].as_array().context("the steps on the screen")?;
    Ok(steps
        .iter()
        .filter_map(|step| Some(step.as_str()?.to_owned()))
        .collect())
}

/// The names of the two files of the one report in `folder`: JSON and Markdown.
fn reports(folder: &std::path::Path) -> Result<(String, String)> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    names.sort();
    let endings: Vec<Option<&str>> = names.iter().map(|name| Some(name.rsplit_once('.')?.1)).collect();
    ensure!(
        endings == [Some("json"), Some("md")],
        "no two files of a report: {names:?}"
    );
    let [json, markdown] = <[String; 2]>::try_from(names).map_err(|_| anyhow::anyhow!("two files"))?;
    Ok((json, markdown))
}
