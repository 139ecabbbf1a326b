//! The lab itself, so that a red journey means that the app is at fault and not its surroundings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};
use lab::browser::Browser;
use lab::desktop::{Desktop, journey};
use lab::op::{Op, OpOptions};
use lab::pages::{ANN, BOB, Pages};
use lab::secrets::{Places, Secrets};
use lab::visitor::{Decision, Visitor};
use lab::{tools, wait};
use url::Url;

const SCHEME: &str = "app.tessera.desktop.dev";

/// A public client's authorization request with the example challenge of RFC 7636, appendix B.
fn authorization_url(op: &Op, redirect_uri: &str) -> Url {
    let mut url: Url = format!("{}/auth", op.issuer).parse().unwrap();
    url.query_pairs_mut().extend_pairs([
        ("client_id", op.client_id.as_str()),
        ("redirect_uri", redirect_uri),
        ("response_type", "code"),
        ("scope", "openid profile email offline_access"),
        ("prompt", "consent"),
        ("state", "the-state-of-this-attempt"),
        ("nonce", "the-nonce-of-this-attempt"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    url
}

fn query(url: &Url) -> HashMap<String, String> {
    url.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn two_desktops_share_nothing_and_leave_nothing() -> Result<()> {
    let (one, two) = tokio::try_join!(Desktop::start("one"), Desktop::start("two"))?;
    ensure!(one.get("DISPLAY") != two.get("DISPLAY"));
    let secret_tool = tools::find("secret-tool")?;
    let store = "printf lab | secret-tool store --label=Lab lab entry";
    one.run(one.command("/bin/sh").args(["-c", store]))?;
    ensure!(one.run(one.command(&secret_tool).args(["lookup", "lab", "entry"]))? == "lab");
    ensure!(
        two.run(two.command(&secret_tool).args(["lookup", "lab", "entry"]))
            .is_err()
    );

    let pids: Vec<u32> = one.processes().iter().map(|process| process.pid).collect();
    ensure!(
        pids.len() >= 4,
        "screen, bus, keyring and window manager run: {pids:?}"
    );
    let base = one.base().to_owned();
    drop(one);
    ensure!(
        !pids.into_iter().any(lab::processes::runs),
        "something was left running"
    );
    ensure!(!base.exists(), "the folder was left behind");
    ensure!(two.processes().len() >= 4, "the other desktop goes on");
    Ok(())
}

#[tokio::test]
async fn an_address_goes_to_the_browser_and_comes_back_by_the_private_scheme() -> Result<()> {
    journey("lab-scheme", async |desktop| {
        let op = Op::start(desktop, OpOptions::default()).await?;
        let callback = desktop.base().join("callback");
        let handler = desktop.bin().join("handler");
        let (part, whole) = (callback.with_extension("part"), callback.display());
        let script = format!("#!/bin/sh\nprintf %s \"$1\" >'{0}' && mv '{0}' '{whole}'\n", part.display());
        fs::write(&handler, script)?;
        fs::set_permissions(&handler, fs::Permissions::from_mode(0o755))?;
        fs::write(
            desktop.data().join("applications/handler.desktop"),
            format!(
                "[Desktop Entry]\nType=Application\nName=Handler\nExec=\"{}\" %u\nMimeType=x-scheme-handler/{SCHEME};\n",
                handler.display()
            ),
        )?;
        desktop.handle_scheme(SCHEME, "handler.desktop")?;
        ensure!(desktop.scheme_handler(SCHEME)? == "handler.desktop");

        let browser = Browser::start(desktop, &[(&op.issuer, SCHEME)]).await?;
        let pid = browser.pid()?;
        for person in [ANN, BOB] {
            let url = authorization_url(&op, &format!("{SCHEME}:/callback"));
            desktop.run(desktop.command(tools::find("xdg-open")?).arg(url.as_str()))?;
            Pages::OidcProvider.sign_in(&browser, &op.issuer, person).await?;
            let text = wait::until("the callback at the handler", wait::STEP, async || {
                Ok(fs::read_to_string(&callback).ok())
            })
            .await?;
            fs::remove_file(&callback)?;
            let query = query(&text.parse()?);
            ensure!(query["state"] == "the-state-of-this-attempt");
            ensure!(query["iss"] == op.issuer);
            let secrets = op.secrets().await?;
            ensure!(secrets.contains(&query["code"]), "the provider told which code it gave");
            // The next person starts with an empty browser.
            browser.page().delete_all_cookies().await?;
        }
        wait::until_true("the browser in front", wait::STEP, async || {
            Ok(desktop.active_window().is_some_and(|window| window.pid == pid))
        })
        .await?;
        desktop.picture(&tools::target_dir()?.join("lab/lab-scheme.png"))
    })
    .await
}

#[tokio::test]
async fn a_browser_that_does_not_run_yet_is_started_by_the_address() -> Result<()> {
    journey("lab-cold-browser", async |desktop| {
        let op = Op::start(desktop, OpOptions::default()).await?;
        lab::browser::install(desktop)?;
        let url = authorization_url(&op, "http://127.0.0.1:9/callback");
        desktop.run(desktop.command(tools::find("xdg-open")?).arg(url.as_str()))?;
        let browser = Browser::attach(desktop).await?;
        browser.new_page(&op.issuer).await?;
        Pages::OidcProvider.log_in_with(&browser, ANN).await
    })
    .await
}

#[tokio::test]
async fn a_visitor_signs_in_and_says_no_by_plain_http() -> Result<()> {
    let logs = tempfile::tempdir()?;
    let op = Op::start_alone(logs.path(), OpOptions::default()).await?;
    let start = authorization_url(&op, "http://127.0.0.1:43210/callback");
    let yes = Visitor::new(Pages::OidcProvider)?
        .walk(&start, ANN, Decision::Allow)
        .await?;
    ensure!(
        yes.as_str().starts_with("http://127.0.0.1:43210/callback?code="),
        "{yes}"
    );
    ensure!(query(&yes)["state"] == "the-state-of-this-attempt");
    let no = Visitor::new(Pages::OidcProvider)?
        .walk(&start, BOB, Decision::Deny)
        .await?;
    ensure!(query(&no)["error"] == "access_denied", "{no}");
    Ok(())
}

#[tokio::test]
async fn secrets_are_seen_in_files_arguments_and_environment() -> Result<()> {
    journey("lab-secrets", async |desktop| {
        let mut secrets = Secrets::default();
        secrets.add([
            "in-the-file-0123456789",
            "in-the-arguments-0123456789",
            "in-the-environment-0123456789",
        ])?;
        fs::write(desktop.tessera().join("tessera.db"), "in-the-file-0123456789")?;
        let mut command = desktop.command("/bin/sleep");
        command.env("X", "in-the-environment-0123456789");
        let leak = desktop.spawn("leak", command.arg("1000"))?;
        let mut shell = desktop.command("/bin/sh");
        let shell = desktop.spawn(
            "leak",
            shell.args(["-c", "sleep 1000; true", "in-the-arguments-0123456789"]),
        )?;
        let wanted = [
            ("tessera.db".to_owned(), "in-t… (22"),
            (format!("process {} ", leak.pid()), "environment"),
            (format!("process {} ", shell.pid()), "arguments"),
        ];
        // A program that has just started shows its environment a moment later.
        wait::until_true("each secret being seen", wait::STEP, async || {
            let places = Places {
                folders: vec![desktop.base().to_owned()],
                processes: desktop.processes(),
                ..Places::default()
            };
            let found = secrets.found(&places)?;
            let seen = |(place, what): &(String, &str)| {
                found
                    .iter()
                    .any(|line| line.contains(place) && line.contains(what))
            };
            Ok(wanted.iter().all(seen))
        })
        .await?;
        Ok(())
    })
    .await
}

#[test]
fn a_missing_tool_is_named_with_its_package() {
    let error = tools::find("no-such-program").unwrap_err().to_string();
    assert!(
        error.contains("no-such-program") && error.contains("apt-get install"),
        "{error}"
    );
}
