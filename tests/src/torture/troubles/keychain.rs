//! A keychain that does not do what it should: the real keyring, and where one cannot be had that fails so, one in
//! memory.

use std::pin::pin;

use anyhow::{Context as _, Result, ensure};
use lab::rig::Rig;
use lab::{Desktop, keyring, prompt, wait};
use serde_json::json;
use tessera_client::ports::VaultError;
use tessera_client::{AccountId, Client};
use tessera_sandbox::faults::{Change, Document, Fault, Rule};

use super::{Row, Table, seen_by};
use crate::resident::Resident;
use crate::scene::Scene;
use crate::sends::{Sends, is_renewal};
use crate::traces;

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
    remove_half(desktop, "access/")?;
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
    row(
        "the refresh token is deleted by hand",
        "needs_sign_in, needs_sign_in: secrets_gone, 0 sent -> well, signed_in",
        gone(scene).await?,
    );
    Ok(())
}

/// A refresh token that is too long for one entry, at a provider that forgives nothing.
pub(super) async fn half_a_refresh_token(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let whole = scene.seen().await?;
    ensure!(whole == "well, signed_in", "a long refresh token: {whole}");
    remove_half(scene.desktop, "refresh/")?;
    table.add(Row::new(
        "keychain",
        "half of the pieces of the refresh token are missing",
        "needs_sign_in, needs_sign_in: secrets_gone, 0 sent -> well, signed_in",
        gone(scene).await?,
    ));
    Ok(())
}

/// What is seen twice of an account whose refresh token is not there any more, what is sent of it meanwhile, and what
/// is seen after a new sign-in.
async fn gone(scene: &Scene<'_>) -> Result<super::Seen> {
    let sent = scene.sent();
    let meanwhile = scene.seen().await?;
    let again = scene.seen().await?;
    ensure!(again == meanwhile, "{meanwhile}, and then {again}");
    let sent = scene.sent() - sent;
    scene.sign_in().await?;
    scene.after(format!("{meanwhile}, {sent} sent")).await
}

/// Removes every other piece of an entry of this kind.
fn remove_half(desktop: &Desktop, kind: &str) -> Result<()> {
    let pieces: Vec<String> = keyring::entries(desktop)?
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| name.starts_with(kind) && name.contains('#'))
        .collect();
    ensure!(pieces.len() > 8, "{pieces:?}");
    for piece in pieces.iter().step_by(2) {
        keyring::remove(desktop, piece)?;
    }
    Ok(())
}

/// A keyring that is locked while a process goes on, at a provider that forgives nothing.
pub(super) async fn locked_underneath(scene: &Scene<'_>, table: &mut Table) -> Result<()> {
    let desktop = scene.desktop;
    let mut resident = Resident::start(desktop).await?;
    let before = resident.asked("token").await?;
    ensure!(before == "well, signed_in", "before it is locked: {before}");
    let sent = scene.sent();
    prompt::lock(desktop)?;
    resident.ask("token").await?;
    let meanwhile = declining(desktop, resident.answer()).await?;
    let listed = resident.asked("accounts").await?;
    let sent = scene.sent() - sent;
    // The person agrees when they are asked again.
    resident.ask("token").await?;
    prompt::agree(desktop).await?;
    let afterwards = resident.answer().await?;
    resident.end(scene).await?;
    table.add(Row::new(
        "keychain",
        "it is locked under a process that goes on",
        "keychain_locked, keychain_locked, 1 listed, 0 sent -> well, signed_in",
        (
            format!("{meanwhile}, {listed}, {sent} sent -> {afterwards}"),
            scene.search()?,
        ),
    ));

    let mut resident = Resident::start(desktop).await?;
    let was = keyring::value(desktop, "refresh", "")?;
    scene.sandbox.log().clear();
    let held = scene.hold_answers();
    resident.ask("token").await?;
    scene.sandbox.log().wait_for(is_renewal).await?;
    prompt::lock(desktop)?;
    scene.sandbox.faults().remove(held);
    let meanwhile = declining(desktop, resident.answer()).await?;
    // What it could not keep is offered to the keyring again by itself, and the person agrees this time.
    prompt::agree(desktop).await?;
    wait::until_true("the renewed token in the keyring", wait::STEP, async || {
        Ok(keyring::value(desktop, "refresh", "")? != was)
    })
    .await?;
    resident.end(scene).await?;
    let seen = scene.after(meanwhile).await?;
    // Nothing was lost of what had come: nobody sends what the first process had sent.
    Sends::default().judge(&scene.sandbox.log().entries(), &[])?;
    table.add(Row::new(
        "keychain",
        "it is locked while a renewal is under way",
        "well, signed_in -> well, signed_in",
        seen,
    ));
    Ok(())
}

/// Waits for something while the person declines whenever they are asked for the keyring's password.
async fn declining<T>(desktop: &Desktop, what: impl Future<Output = Result<T>>) -> Result<T> {
    let mut what = pin!(what);
    loop {
        tokio::select! {
            came = &mut what => {
                prompt::gone(desktop).await?;
                return came;
            }
            declined = prompt::decline(desktop) => declined?,
        }
        tokio::select! {
            came = &mut what => {
                prompt::gone(desktop).await?;
                return came;
            }
            gone = prompt::gone(desktop) => gone?,
        }
    }
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
    table.add(Row::new(
        "keychain",
        "a write fails before anything was sent",
        "keychain_failed, keychain_unavailable, 0 sent -> well, signed_in",
        (
            format!("{meanwhile}, {sent} sent -> {afterwards}"),
            traces::search_beside(&rig, &[&client])?,
        ),
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
        traces::search_beside(&rig, &[&client])?;
        // A process that is gone has nothing in its hands any more.
        drop(client);
        rig.keychain.relent();
        rig.sandbox.clock().advance(3600);
        let next_client = rig.client().await;
        let next = seen(&next_client, &id).await?;
        let clean = traces::search_beside(&rig, &[&next_client])?;
        let expected = if once {
            "well, signed_in -> well, signed_in, saved, well, signed_in"
        } else {
            "well, signed_in -> well, signed_in, token_not_saved, needs_sign_in, needs_sign_in: maybe_rotated"
        };
        table.add(Row::new(
            "keychain",
            what,
            expected,
            (format!("{meanwhile} -> {later}, {ended}, {next}"), clean),
        ));
    }
    Ok(())
}
