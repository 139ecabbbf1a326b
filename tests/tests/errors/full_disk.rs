//! A disk that is full, for real: nothing can be written, what is there can be read and used, and all is well
//! again when there is room.

use anyhow::{Context as _, Result, ensure};
use lab::full_disk::FullDisk;
use lab::pages::{ANN, BOB};
use lab::terminal::Terminal;
use lab::visitor::Decision;
use lab::{journey, keyring};

use crate::scene::{AHEAD, Scene, check};

#[tokio::test]
async fn what_is_there_can_be_used_and_the_rest_says_why_not() -> Result<()> {
    journey("errors-full-disk", async |desktop| {
        let disk = FullDisk::mount(desktop, &desktop.tessera()).await?;
        let terminal = Terminal::open(desktop)?.behind(disk.before());
        let scene = Scene::with(desktop, terminal).await?;
        let id = scene.account["id"].as_str().context("an id")?.to_owned();
        disk.fill()?;

        // Another sign-in ends before anybody is sent to a browser.
        let pages = scene.op.events("authorization").await?.len();
        check("login", &scene.login(&[])?.end().await?, 1, "disk_full")?;
        ensure!(scene.op.events("authorization").await?.len() == pages);
        scene.nothing_is_lost().await.context("on a full disk")?;
        check(
            "logout",
            &scene.terminal.run(&["logout", &id, "--json"]).await?,
            1,
            "disk_full",
        )?;
        let doctor = scene.terminal.run(&["doctor", "--json"]).await?;
        ensure!(doctor.code == Some(1), "{doctor:?}");
        ensure!(doctor.json()?[0]["error"]["code"] == "disk_full", "{doctor:?}");
        scene
            .nothing_is_lost()
            .await
            .context("after a sign-out that could not be")?;

        // What runs full while the person is in the browser, too.
        disk.make_room()?;
        let mut run = scene.login(&[])?;
        let callback = scene.visit(&mut run, BOB, Decision::Allow).await?;
        disk.fill()?;
        check("login", &scene.finish(run, &callback).await?, 1, "disk_full")?;
        scene
            .nothing_is_lost()
            .await
            .context("after a sign-in that could not be finished")?;
        let tokens = |kinds: Vec<String>| {
            kinds
                .into_iter()
                .filter(|kind| kind != "attempt")
                .collect::<Vec<_>>()
        };
        ensure!(
            tokens(keyring::kinds(desktop)?) == ["access", "account", "id_token", "refresh"],
            "only Ann's are kept"
        );

        // The access token ends: renewing it has to wait for room, and costs nothing.
        scene.op.set_ahead(AHEAD).await?;
        // The sign-in that could not be finished left the room of its own files.
        disk.fill()?;
        check("call", &scene.call().await?, 1, "disk_full")?;
        ensure!(scene.listed().await?["state"] == "signed_in");
        disk.make_room()?;
        let called = scene.call().await?;
        ensure!(called.code == Some(0), "{called:?}");
        scene.op.set_ahead(0).await?;
        let mut again = scene.login(&[])?;
        let callback = scene.visit(&mut again, ANN, Decision::Allow).await?;
        let ended = scene.finish(again, &callback).await?;
        ensure!(ended.code == Some(0), "{ended:?}");
        ensure!(scene.listed().await?["id"] == id.as_str());

        let copy = tempfile::tempdir()?;
        disk.copy_to(copy.path())?;
        ensure!(copy.path().join("tessera.db").is_file());
        scene.hunt(&[], &[copy.path().to_owned()]).await
    })
    .await
}
