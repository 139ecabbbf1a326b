//! Sign-ins that go wrong, in the real window: each says what happened in its own words, and who was signed in before
//! stays signed in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use lab::app::App;
use lab::pages::{ANN, Pages};
use lab::secrets::{Places, Secrets};
use lab::setting::{self, Setting};
use lab::{Desktop, journey, keyring};
use serde_json::json;
use tessera_sandbox::faults::{Change, Document, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that answers everything with `body`. Says where it is.
async fn answers(media_type: &'static str, body: String) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4096]).await;
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{body}"
            );
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    Ok(format!("http://{address}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_provider_costs_nothing_that_was_there() -> Result<()> {
    journey("errors-address", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let description = json!({
            "issuer": "https://other.example",
            "authorization_endpoint": "https://other.example/authorize",
            "token_endpoint": "https://other.example/token",
            "jwks_uri": "https://other.example/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let portal = answers("text/html", "<html>Accept our terms</html>".to_owned()).await?;
        let other = answers("application/json", description.to_string()).await?;
        for (id, issuer) in [
            ("nobody", "http://127.0.0.1:1"),
            ("portal", &portal),
            ("other", &other),
        ] {
            setting::provider(desktop, id, issuer, "client", &[])?;
        }
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let secrets = kept(desktop)?;

        let mut told = BTreeSet::new();
        for (id, code) in [
            ("nobody", "unreachable"),
            ("portal", "metadata_not_json"),
            ("other", "issuer_mismatch"),
        ] {
            app.click("nav-sign-in").await?;
            app.click(&format!("provider-{id}")).await?;
            told.insert(failed(&app, code).await?);
        }
        ensure!(told.len() == 3, "each in its own words: {told:#?}");
        nothing_is_lost(&scene, &app, &secrets).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_a_no_or_a_lie_costs_nothing_that_was_there() -> Result<()> {
    journey("errors-answer", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let secrets = kept(desktop)?;

        let mut told = BTreeSet::new();
        scene.begin(&app).await?;
        // With an account here, the provider is asked to let her choose.
        Pages::Sandbox.choose_same_in(&scene.browser).await?;
        Pages::Sandbox.deny_in(&scene.browser).await?;
        told.insert(failed(&app, "access_denied").await?);

        scene.sandbox.faults().set(Fault::Json {
            document: Document::IdToken,
            change: Change::Append("nonce", "1"),
        });
        scene.begin(&app).await?;
        Pages::Sandbox.choose_same_in(&scene.browser).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        told.insert(failed(&app, "id_token_nonce").await?);
        ensure!(told.len() == 2, "each in its own words: {told:#?}");

        nothing_is_lost(&scene, &app, &secrets).await
    })
    .await
}

/// The tokens that the keyring holds.
fn kept(desktop: &Desktop) -> Result<Secrets> {
    let mut secrets = Secrets::default();
    secrets.add([
        keyring::value(desktop, "refresh", "")?,
        keyring::value(desktop, "access", "token")?,
    ])?;
    Ok(secrets)
}

/// Ann is still signed in, her calls work, and nothing secret was written.
async fn nothing_is_lost(scene: &Setting<'_>, app: &App<'_>, secrets: &Secrets) -> Result<()> {
    app.click("nav-accounts").await?;
    setting::signed_in(app, ANN).await?;
    scene.call_profile(app, ANN).await?;
    secrets.hunt(&Places {
        folders: vec![scene.desktop.tessera(), scene.desktop.logs()],
        processes: scene.desktop.processes(),
        ..Places::default()
    })
}

/// Waits for the error with this code, and gives back what it says.
async fn failed(app: &App<'_>, code: &str) -> Result<String> {
    setting::error(app, code).await?;
    for error in app.all("error").await? {
        if error.attr("data-code").await?.as_deref() == Some(code) {
            let text = error.text().await?;
            ensure!(text.contains("Details"), "{code} has details: {text}");
            return Ok(text);
        }
    }
    bail!("`{code}` went away")
}
