//! An account that is signed in already, in the real window: another one beside it, a call that wants more, a renewal under way when the app is
//! closed, one that a locked keyring stood in the way of, and the end of the session in the browser.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use anyhow::{Context as _, Result, ensure};
use lab::app::App;
use lab::pages::{ANN, BOB, Pages, Person};
use lab::secrets::{Places, Secrets};
use lab::setting::{self, Build, Setting};
use lab::{browser, journey, keyring, prompt, tools};
use rusqlite::Connection;
use tessera_sandbox::faults::{Fault, HttpFault, Rule};
use tessera_sandbox::log::{Endpoint, Entry, Outcome};
use tessera_sandbox::{Fingerprint, Options};

/// Seconds that the sandbox's diary lets pass since the sign-in, and one more.
const NOT_RECENT: i64 = 301;

/// Sends a call that wants more, presses what is offered, and waits for the one page that the browser opens for it.
async fn ask_for_more(
    scene: &Setting<'_>,
    app: &App<'_>,
    path: &str,
    [notice, button]: [&str; 2],
) -> Result<()> {
    app.click("nav-explorer").await?;
    app.fill("call-url", &format!("{}/{path}", scene.sandbox.api()))
        .await?;
    app.click("call-send").await?;
    app.find(notice).await?;
    app.click(button).await?;
    scene.browser.new_page(scene.sandbox.issuer()).await
}

/// Waits for the answer to the call that waited, and checks that the browser was asked once and the API twice.
async fn goes_on(
    scene: &Setting<'_>,
    app: &App<'_>,
    path: &str,
    answer: &str,
    (tabs, asked): (usize, usize),
) -> Result<Entry> {
    app.says("call-status", "200").await?;
    app.says("call-body", answer).await?;
    app.comes_forward().await?;
    let requests = scene.asked(Endpoint::Authorization);
    ensure!(
        requests.len() == asked + 1 && scene.browser.tabs().await? == tabs + 1,
        "the browser was asked {} times for {path}",
        requests.len() - asked
    );
    let calls = scene
        .sandbox
        .log()
        .matching(|entry| entry.endpoint == Endpoint::Api && entry.path == format!("/{path}"));
    let answers: Vec<u16> = calls
        .iter()
        .filter_map(|call| call.outcome.as_ref())
        .map(|outcome| outcome.status)
        .collect();
    ensure!(
        answers.len() == 2 && answers[0] >= 400 && answers[1] == 200,
        "{path} was answered {answers:?}"
    );
    requests
        .into_iter()
        .next_back()
        .context("an authorization request")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_wants_more_asks_the_browser_once_and_goes_on_by_itself() -> Result<()> {
    journey("step-up", async |desktop| {
        let options = Options {
            access_token_life: 3600,
            ..Options::default()
        };
        let scene = Setting::new(desktop, Build::development()?, options).await?;
        // A while ago, as the provider sees it, so that the app's clock and the provider's agree in the end.
        scene.sandbox.clock().advance(-NOT_RECENT);
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let refresh = keyring::value(desktop, "refresh", "")?;
        let before = async || {
            let asked = scene.asked(Endpoint::Authorization).len();
            anyhow::Ok((scene.browser.tabs().await?, asked))
        };

        // A permission: the browser still knows her, and she only allows it.
        let at = before().await?;
        ask_for_more(&scene, &app, "ledger", ["missing-scope", "ask-scope"]).await?;
        scene.browser.find("button[name=decision][value=allow]").await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        let request = goes_on(&scene, &app, "ledger", "amphorae", at).await?;
        for name in ["max_age", "acr_values"] {
            ensure!(
                !request.parameters.iter().any(|own| own == name),
                "{name} was asked for"
            );
        }

        // A recent sign-in: she gives her password again.
        scene.sandbox.clock().advance(NOT_RECENT);
        let at = before().await?;
        ask_for_more(&scene, &app, "diary", ["step-up", "ask-step-up"]).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        let request = goes_on(&scene, &app, "diary", "Nobody reads this", at).await?;
        ensure!(
            request.parameters.iter().any(|own| own == "max_age"),
            "{request:?}"
        );

        // A stronger one: a second step.
        let at = before().await?;
        ask_for_more(&scene, &app, "strongbox", ["step-up", "ask-step-up"]).await?;
        scene.browser.click("form[action='/second-step'] button").await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        let request = goes_on(&scene, &app, "strongbox", "letter of credit", at).await?;
        ensure!(
            request.parameters.iter().any(|own| own == "acr_values"),
            "{request:?}"
        );

        // It is one account, with the tokens of its last sign-in.
        keyring::holds(desktop, &["access", "account", "id_token", "refresh"]).await?;
        ensure!(
            keyring::value(desktop, "refresh", "")? != refresh,
            "nothing new is kept"
        );
        app.click("nav-accounts").await?;
        setting::signed_in(&app, ANN).await?;
        ensure!(
            app.all("account-card").await?.len() == 1,
            "there are several accounts"
        );
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_is_signed_out_after_the_account_and_comes_back_by_the_private_scheme() -> Result<()> {
    journey("browser-sign-out", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let mut secrets = Secrets::default();
        secrets.add([
            keyring::value(desktop, "refresh", "")?,
            keyring::value(desktop, "access", "token")?,
            keyring::value(desktop, "id_token", "")?,
        ])?;
        scene.sign_out(&app).await?;
        ensure!(
            scene.asked(Endpoint::EndSession).is_empty(),
            "the browser was sent before anyone said so"
        );

        // Chromium lets no page open another program until somebody has used it since the last time.
        desktop.focus(&scene.browser.window().await?).await?;
        scene.browser.page().goto(scene.sandbox.issuer()).await?;
        scene.browser.click("h1").await?;
        app.click("receipt-browser").await?;
        app.says("receipt-browser-notice", "came back").await?;
        app.comes_forward().await?;
        let asked = scene.asked(Endpoint::EndSession);
        ensure!(asked.len() == 1, "the browser was sent {} times", asked.len());
        for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
            ensure!(
                asked[0].parameters.iter().any(|own| own == name),
                "without {name}"
            );
        }
        ensure!(!app.shows("receipt-browser").await?, "it is offered again");

        // Nothing came back with it, and nothing stays but in the browser's own history.
        keyring::holds(desktop, &[]).await?;
        secrets.hunt(&Places {
            folders: vec![desktop.base().to_owned()],
            except: vec![browser::profile(desktop)],
            processes: desktop.processes(),
            ..Places::default()
        })?;
        app.click("receipt-close").await?;
        app.find("accounts-empty").await?;

        // The provider does not know her any more: it asks for her password.
        scene.sign_in(&app, ANN).await?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_that_the_provider_could_not_be_told_of_stays_open_until_it_is_there_again() -> Result<()>
{
    journey("open-sign-out", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let tokens = [
            keyring::value(desktop, "refresh", "")?,
            keyring::value(desktop, "access", "token")?,
        ];
        let mut secrets = Secrets::default();
        secrets.add(tokens.clone())?;
        let away = Rule::new(Fault::Http {
            endpoint: Endpoint::Revocation,
            fault: HttpFault::Drop,
        });
        let away = scene.sandbox.faults().set(away.named("away"));
        let receipt = setting::sign_out(&app).await?;
        let outcomes: Vec<&str> = receipt.iter().map(|(outcome, _)| outcome.as_str()).collect();
        ensure!(
            outcomes == ["open", "open", "done", "done", "offered"],
            "the receipt says {receipt:#?}"
        );
        keyring::holds(desktop, &["revoke"]).await?;
        app.click("receipt-close").await?;
        app.find("accounts-empty").await?;
        app.says("open-sign-out", ANN.name).await?;
        app.close().await?;

        // What the next try finds in its way is then nobody's to try again for a quarter of an hour, but the person's.
        let store = Connection::open(desktop.tessera().join("tessera.db"))?;
        store.execute("UPDATE open_sign_out SET tries = 20", [])?;
        drop(store);
        let before = scene.asked(Endpoint::Revocation).len();
        let app = scene.open().await?;
        app.click("nav-accounts").await?;
        app.says("open-sign-out", "tries again").await?;
        let is_try = |entry: &Entry| entry.endpoint == Endpoint::Revocation && entry.outcome.is_some();
        scene.sandbox.log().wait_for_count(before + 2, is_try).await?;
        scene.sandbox.faults().remove(away);
        app.click("open-sign-out-retry").await?;
        app.gone("open-sign-outs").await?;

        keyring::holds(desktop, &[]).await?;
        let revoked: Vec<Fingerprint> = scene
            .asked(Endpoint::Revocation)
            .into_iter()
            .filter(|entry| {
                entry
                    .outcome
                    .as_ref()
                    .is_some_and(|outcome| outcome.faults.is_empty())
            })
            .filter_map(|entry| entry.credential)
            .collect();
        ensure!(
            revoked == tokens.each_ref().map(|token| Fingerprint::of(token)),
            "{revoked:?}"
        );
        for token in &tokens {
            scene.is_dead(token).await?;
        }
        secrets.hunt(&Places {
            folders: vec![desktop.base().to_owned()],
            except: vec![browser::profile(desktop)],
            processes: desktop.processes(),
            ..Places::default()
        })?;
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_under_way_comes_home_though_the_app_is_closed() -> Result<()> {
    journey("close-while-renewing", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let spent = keyring::value(desktop, "refresh", "")?;
        scene.sandbox.expire_access_tokens();
        let fault = Fault::Http {
            endpoint: Endpoint::Token,
            fault: HttpFault::HoldAfter,
        };
        let held = scene
            .sandbox
            .faults()
            .set(Rule::new(fault).grant_type("refresh_token"));
        app.click("nav-explorer").await?;
        app.fill("call-url", &format!("{}/profile", scene.sandbox.api()))
            .await?;
        app.click("call-send").await?;
        let is_renewal = |entry: &Entry| entry.grant_type.as_deref() == Some("refresh_token");
        scene.sandbox.log().wait_for(is_renewal).await.unwrap();

        // The person sees no more than a window that closes.
        let closing = app.close_window().await?;
        ensure!(closing.runs(), "nobody waits for what the provider has answered");
        scene.sandbox.faults().remove(held);
        closing.ended().await?;

        let renewals = scene.sandbox.log().matching(is_renewal);
        ensure!(
            renewals.len() == 1 && renewals[0].outcome.as_ref().is_some_and(Outcome::is_success),
            "{renewals:?}"
        );
        ensure!(
            renewals[0].credential == Some(Fingerprint::of(&spent)),
            "another token was spent than the one that was kept"
        );
        ensure!(
            keyring::value(desktop, "refresh", "")? != spent,
            "the spent one is kept"
        );

        // The kept one is good: it brings the next.
        let app = scene.open().await?;
        app.click("nav-accounts").await?;
        setting::signed_in(&app, ANN).await?;
        scene.sandbox.expire_access_tokens();
        scene.call_profile(&app, ANN).await?;
        let renewals = scene.sandbox.log().matching(is_renewal);
        ensure!(
            renewals.len() == 2
                && renewals
                    .iter()
                    .all(|entry| entry.outcome.as_ref().is_some_and(Outcome::is_success)),
            "{renewals:?}"
        );
        app.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_a_locked_keyring_stood_in_the_way_of_comes_with_the_unlocking() -> Result<()> {
    journey("unlocked", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        app.close().await?;
        // By its age it is due since a while.
        let store = Connection::open(desktop.tessera().join("tessera.db"))?;
        store.execute("UPDATE account SET renewed_at = renewed_at - 10000", [])?;
        drop(store);
        let entry = keyring::entries(desktop)?
            .into_iter()
            .next()
            .context("an entry")?
            .name;
        prompt::lock(desktop)?;

        let is_renewal = |entry: &Entry| entry.grant_type.as_deref() == Some("refresh_token");
        let app = scene.open().await?;
        app.click("nav-accounts").await?;
        setting::is_shown_as(&app, "keychain_locked").await?;
        ensure!(
            scene.sandbox.log().matching(is_renewal).is_empty(),
            "the keyring is locked"
        );
        // Another program asks the person for the keyring's password.
        let mut other = desktop.command(tools::find("secret-tool")?);
        other.args(["lookup", "username", &entry]);
        let other = desktop.spawn("another-program", &mut other)?;
        prompt::agree(desktop).await?;
        scene.sandbox.log().wait_for(is_renewal).await?;
        setting::is_shown_as(&app, "signed_in").await?;
        drop(other);
        app.close().await
    })
    .await
}

/// Has Ann signed in again from her page; in the browser, which has forgotten everybody, it is `person` who signs in.
async fn again_as(scene: &Setting<'_>, app: &App<'_>, person: Person) -> Result<()> {
    app.click("nav-accounts").await?;
    app.click("account-open").await?;
    scene.browser.page().delete_all_cookies().await?;
    app.click("account-sign-in-again").await?;
    setting::waiting(app).await?;
    comes(scene, person).await
}

/// Waits for the page that the browser is sent to, and signs `person` in on it.
async fn comes(scene: &Setting<'_>, person: Person) -> Result<()> {
    scene.browser.new_page(scene.sandbox.issuer()).await?;
    Pages::Sandbox.log_in_with(&scene.browser, person).await?;
    Pages::Sandbox.allow_in(&scene.browser).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_in_the_place_of_another_is_asked_about_and_becomes_a_second_card() -> Result<()> {
    journey("another-person", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let refresh = keyring::value(desktop, "refresh", "")?;

        // Bob comes, and she wants to choose once more.
        again_as(&scene, &app, BOB).await?;
        app.says(
            "attempt-waiting",
            "You chose Bob Baker, but this was for Ann Archer",
        )
        .await?;
        app.comes_forward().await?;
        ensure!(
            keyring::value(desktop, "refresh", "")? == refresh,
            "what Bob brought is kept before anybody said so"
        );
        app.click("ask-again").await?;
        // The browser knows Bob, and the page is for Ann: it asks who she is.
        comes(&scene, BOB).await?;
        app.find("another-person").await?;
        ensure!(
            scene.asked(Endpoint::Revocation).len() == 2,
            "what Bob brought first was not ended"
        );

        // Now she wants him beside her.
        app.click("keep-another").await?;
        app.says("welcome", "Bob Baker").await?;
        setting::signed_in(&app, ANN).await?;
        setting::signed_in(&app, BOB).await?;
        ensure!(app.all("account-card").await?.len() == 2, "there are not two");
        let kept = [
            "access", "access", "account", "account", "id_token", "id_token", "refresh", "refresh",
        ];
        keyring::holds(desktop, &kept).await?;
        scene.call_profile(&app, ANN).await?;

        // To add a third, the provider lets her choose; she chooses one who is here.
        app.click("nav-accounts").await?;
        app.click(&format!("another-{}", setting::PROVIDER)).await?;
        setting::waiting(&app).await?;
        scene.browser.new_page(scene.sandbox.issuer()).await?;
        Pages::Sandbox.choose_same_in(&scene.browser).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        app.says("welcome", "You are already signed in as Bob Baker")
            .await?;
        ensure!(app.all("account-card").await?.len() == 2, "there are not two");
        app.close().await
    })
    .await
}
