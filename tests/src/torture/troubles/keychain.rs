//! A keychain that does not do what it should: the real keyring, and where one cannot be had that fails so, one in
//! memory.

use anyhow::{Context as _, Result, ensure};
use lab::rig::Rig;
use lab::{keyring, prompt};
use serde_json::json;
use tessera_client::ports::VaultError;
use tessera_client::{AccountId, Client};
use tessera_sandbox::faults::{Change, Document, Fault, Rule};

use super::{Row, Table, no_secret_is_beside, seen_by};
use crate::scene::Scene;

pub(super) async fn real(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let mut row = |what, expected, seen| table.add(Row::new("keychain", what, expected, seen));
    let desktop = scene.desktop;

    prompt::lock(desktop)?;
    let meanwhile = declined(scene).await?;
    unlocked(scene).await?;
    row(
        "it is locked, and the person declines",
        "keychain_locked, signed_in -> well, signed_in",
        scene.after(meanwhile).await?,
    );

    desktop.end_keyring().await?;
    // The bus starts it anew, and it is locked then.
    let meanwhile = declined(scene).await?;
    unlocked(scene).await?;
    row(
        "its service is killed, and the person declines",
        "keychain_locked, signed_in -> well, signed_in",
        scene.after(meanwhile).await?,
    );

    // An access token as large as they get: its entry is in pieces.
    let large = scene.sandbox.faults().set(Rule::new(Fault::Json {
        document: Document::AccessToken,
        change: Change::Set("padding", json!("x".repeat(20_000))),
    }));
    ensure!(scene.renew().await?.code == Some(0), "a large token");
    let pieces: Vec<String> = keyring::entries(desktop)?
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| name.starts_with("access/") && name.contains('#'))
        .collect();
    ensure!(pieces.len() > 8, "{pieces:?}");
    for piece in pieces.iter().step_by(2) {
        keyring::remove(desktop, piece)?;
    }
    let meanwhile = scene.seen().await?;
    scene.sandbox.faults().remove(large);
    row(
        "half of the pieces of the access token are missing",
        "well, signed_in -> well, signed_in",
        scene.after(meanwhile).await?,
    );

    let refresh = keyring::entries(desktop)?
        .into_iter()
        .find(|entry| entry.name.starts_with("refresh/"))
        .context("a refresh token")?;
    keyring::remove(desktop, &refresh.name)?;
    let meanwhile = scene.seen().await?;
    let asked = scene.sandbox.log().token_requests("refresh_token");
    let again = scene.seen().await?;
    ensure!(
        asked == scene.sandbox.log().token_requests("refresh_token"),
        "nothing is sent"
    );
    row(
        "the refresh token is deleted by hand",
        "needs_sign_in, needs_sign_in: secrets_gone -> the same",
        format!(
            "{meanwhile} -> {}",
            if again == meanwhile { "the same" } else { &again }
        ),
    );
    scene.sign_in().await?;
    scene.no_secret_is_outside()?;
    Ok(())
}

/// What is seen when the person does not unlock it.
async fn declined(scene: &Scene<'_>) -> Result<String> {
    let run = scene.terminal.start(&["token", "ann@example.test", "--json"])?;
    prompt::decline(scene.desktop).await?;
    let seen = scene.listed(&run.end().await?).await?;
    prompt::gone(scene.desktop).await?;
    Ok(seen)
}

/// The person is asked, and unlocks it.
async fn unlocked(scene: &Scene<'_>) -> Result<()> {
    let run = scene.terminal.start(&["token", "ann@example.test", "--json"])?;
    prompt::agree(scene.desktop).await?;
    ensure!(run.end().await?.code == Some(0), "after it was unlocked");
    Ok(())
}

/// A client with an account whose access token has ended.
async fn expired(rig: &Rig) -> (Client, AccountId) {
    let client = rig.client().await;
    let id = rig.sign_in(&client, "ann").await.account.id;
    rig.sandbox.clock().advance(3600);
    (client, id)
}

async fn seen(client: &Client, id: &AccountId) -> Result<String> {
    seen_by(client, id, client.access_token(id).await).await
}

/// Failures that no real keyring can be made to show.
pub(super) async fn failing(table: &mut Table) -> Result<()> {
    let failure = || VaultError::Failed("it failed".to_owned());

    let rig = Rig::new().await;
    let (client, id) = expired(&rig).await;
    rig.keychain.refuse("probe/", failure());
    let meanwhile = seen(&client, &id).await?;
    let sent = rig.token_requests("refresh_token");
    rig.keychain.relent();
    let afterwards = seen(&client, &id).await?;
    no_secret_is_beside(&rig)?;
    table.add(Row::new(
        "keychain",
        "a write fails before anything was sent",
        "keychain_failed, keychain_unavailable, 0 sent -> well, signed_in",
        format!("{meanwhile}, {sent} sent -> {afterwards}"),
    ));

    for (what, once) in [
        ("the write of the renewed token fails once", true),
        ("the write of the renewed token fails always", false),
    ] {
        let rig = Rig::new().await;
        let (client, id) = expired(&rig).await;
        rig.keychain.refuse("put refresh/", failure());
        let meanwhile = seen(&client, &id).await?;
        if once {
            rig.keychain.relent();
        }
        rig.sandbox.clock().advance(3600);
        let later = seen(&client, &id).await?;
        let ended = client
            .settle()
            .await
            .map_or_else(|error| error.code(), |()| "saved");
        drop(client);
        rig.keychain.relent();
        rig.sandbox.clock().advance(3600);
        let next = seen(&rig.client().await, &id).await?;
        no_secret_is_beside(&rig)?;
        let expected = if once {
            "well, signed_in -> well, signed_in, saved, well, signed_in"
        } else {
            "well, signed_in -> well, signed_in, token_not_saved, needs_sign_in, needs_sign_in: maybe_rotated"
        };
        table.add(Row::new(
            "keychain",
            what,
            expected,
            format!("{meanwhile} -> {later}, {ended}, {next}"),
        ));
    }
    Ok(())
}
