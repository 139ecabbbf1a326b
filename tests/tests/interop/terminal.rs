//! `tessera` in a terminal: the built program, a real session bus and a real keyring.

use anyhow::{Context as _, Result, ensure};
use lab::op::{Op, OpOptions};
use lab::pages::{ANN, BOB, Pages, Person};
use lab::secrets::{Places, Secrets};
use lab::terminal::{Run, Terminal};
use lab::visitor::{Decision, Visitor};
use lab::{Desktop, journey, keyring};
use serde_json::{Value, json};
use url::Url;

/// How long an access token lives, in seconds.
const LIFE: u32 = 200;

/// How far the provider's clock goes ahead to end one, in seconds. Clocks that differ by less than five minutes are
/// put up with.
const AHEAD: i64 = 280;

/// Each of these is in every line that tells an account.
const ACCOUNT: [&str; 7] = ["email", "id", "issuer", "name", "provider", "scopes", "subject"];

/// Checks that a sign-in passes whose answer comes by a callback.
const BY_CALLBACK: [&str; 4] = [
    "callback.iss",
    "id_token.signature",
    "id_token.nonce",
    "userinfo.sub",
];

fn members(object: &Value) -> Vec<&str> {
    let mut members: Vec<&str> = object
        .as_object()
        .map(|object| object.keys().map(String::as_str).collect())
        .unwrap_or_default();
    members.sort_unstable();
    members
}

/// A desktop with a terminal, and the provider somewhere else.
struct Scene<'a> {
    op: Op,
    terminal: Terminal<'a>,
    desktop: &'a Desktop,
    /// Outside the desktop: the provider's log holds every secret.
    _logs: tempfile::TempDir,
}

impl<'a> Scene<'a> {
    async fn new(desktop: &'a Desktop) -> Result<Self> {
        let logs = tempfile::tempdir()?;
        let options = OpOptions {
            access_token_seconds: LIFE,
            features: &["device"],
            ..OpOptions::default()
        };
        Ok(Self {
            op: Op::start_alone(logs.path(), options).await?,
            terminal: Terminal::open(desktop)?,
            desktop,
            _logs: logs,
        })
    }

    fn login(&self, redirect: &str) -> Result<Run> {
        self.terminal.start(&[
            "login",
            "--issuer",
            &self.op.issuer,
            "--client-id",
            &self.op.client_id,
            "--redirect",
            redirect,
            "--no-browser",
            "--json",
        ])
    }

    /// From the address of the `open` event to the callback.
    async fn visit(&self, run: &mut Run, person: Person) -> Result<Url> {
        let address = run.open().await?;
        ensure!(address.as_str().starts_with(&self.op.issuer), "{address}");
        Visitor::new(Pages::OidcProvider)?
            .walk(&address, person, Decision::Allow)
            .await
    }

    /// Waits for the sign-in's end, and checks the last event against the contract, and that these checks passed.
    async fn signed_in(&self, mut run: Run, person: Person, passed: &[&str]) -> Result<Value> {
        let event = run.event().await?;
        ensure!(members(&event) == ["account", "checks", "event"], "{event}");
        ensure!(event["event"] == "signed_in");
        let account = &event["account"];
        ensure!(members(account) == ACCOUNT, "{event}");
        ensure!(account["issuer"] == self.op.issuer && account["subject"] == person.user);
        ensure!(account["name"] == person.name && account["email"] == person.email);
        ensure!(
            account["scopes"] == json!(["email", "offline_access", "openid", "profile"]),
            "{event}"
        );
        let checks = event["checks"].as_array().context("checks")?;
        ensure!(checks.len() > 10, "{event}");
        for check in checks {
            ensure!(members(check) == ["id", "outcome"], "{check}");
            let outcome = check["outcome"].as_str().unwrap_or_default();
            ensure!(["passed", "not_applicable"].contains(&outcome), "{check}");
        }
        for id in passed {
            ensure!(
                checks.contains(&json!({ "id": id, "outcome": "passed" })),
                "{id}: {event}"
            );
        }
        let ended = run.end().await?;
        ensure!(ended.code == Some(0) && ended.out.is_empty(), "{ended:?}");
        Ok(account.clone())
    }

    /// Uses and ends an account by every other command.
    async fn go_through(&self, account: &Value, person: Person) -> Result<()> {
        let (op, terminal) = (&self.op, &self.terminal);
        let id = account["id"].as_str().context("an id")?;
        let userinfo = format!("{}/me", op.issuer);

        let listed = terminal.json(&["accounts", "--json"]).await?;
        let mut row = listed
            .iter()
            .find(|row| row["id"] == id)
            .context("the account is listed")?
            .clone();
        let fields = row.as_object_mut().context("an object")?;
        ensure!(fields.remove("state") == Some(json!("signed_in")));
        for name in ["need", "next_try_at", "reason"] {
            ensure!(fields.remove(name) == Some(Value::Null), "{name}");
        }
        ensure!(fields.remove("expires_at").is_some_and(|at| at.is_i64()));
        ensure!(fields.remove("forecast").is_some(), "forecast");
        ensure!(row == *account, "{row} is not {account}");

        let answer = terminal
            .json(&["call", person.email, &userinfo, "--json"])
            .await?;
        ensure!(answer.len() == 1 && answer[0]["status"] == 200, "{answer:?}");
        ensure!(answer[0]["body"]["sub"] == person.user, "{answer:?}");
        let given = op.events("token").await?;
        let given = given.last().context("a token")?;
        let kept = terminal.json(&["token", id, "--json"]).await?;
        ensure!(members(&kept[0]) == ["access_token", "bound_to_key", "expires_at", "token_type"]);
        ensure!(kept[0]["access_token"] == given["access_token"]);
        ensure!(
            op.events("token").await?.last() == Some(given),
            "the token at hand was good for all of it"
        );

        // The provider ends the access token early: the call renews it once and is answered all the same.
        op.set_ahead(AHEAD).await?;
        let answer = terminal.json(&["call", id, &userinfo, "--json"]).await?;
        ensure!(answer[0]["status"] == 200, "{answer:?}");
        let decisions = answer[0]["decisions"].as_array().context("decisions")?;
        ensure!(
            decisions
                .iter()
                .any(|decision| decision["code"] == "retried_with_fresh_token"),
            "{answer:?}"
        );
        let renewed = op.events("token").await?.pop().context("a refresh")?;
        ensure!(renewed["refresh_token_used"] == given["refresh_token"]);
        let kept = terminal.run(&["token", id]).await?;
        ensure!(kept.code == Some(0) && kept.notes.is_empty());
        ensure!(renewed["access_token"] == kept.out.trim_end() && kept.out.lines().count() == 1);

        // While the account is there, and again when it is gone.
        self.hunt().await?;
        let receipt = terminal.json(&["logout", id, "--json"]).await?;
        ensure!(
            receipt.len() == 1 && receipt[0]["event"] == "signed_out",
            "{receipt:?}"
        );
        ensure!(members(&receipt[0]) == ["account", "event", "provider_page", "receipt"]);
        let lines = receipt[0]["receipt"].as_array().context("a receipt")?;
        for what in [
            "refresh_token_revoked",
            "access_token_revoked",
            "secrets_deleted",
            "account_removed",
        ] {
            ensure!(
                lines
                    .iter()
                    .any(|line| line["what"] == what && line["outcome"] == "done"),
                "{what}: {receipt:?}"
            );
        }
        let revoked = op.events("revocation").await?;
        for token in [&renewed["refresh_token"], &renewed["access_token"]] {
            ensure!(
                revoked
                    .iter()
                    .any(|event| event["token"] == *token && event["status"] == 200),
                "the provider was not told of it"
            );
        }
        let gone = terminal.run(&["token", id, "--json"]).await?;
        ensure!(
            gone.code == Some(2) && gone.error()?["code"] == "account_unknown",
            "{gone:?}"
        );
        op.set_ahead(0).await
    }

    /// Looks for everything that the provider handed out or was shown, in all that is left of the journey. The
    /// answers of `tessera token` are the one thing that may be there.
    async fn hunt(&self) -> Result<()> {
        let mut secrets = Secrets::default();
        secrets.add(self.op.secrets().await?)?;
        ensure!(secrets.len() > 6, "only {} secrets are known", secrets.len());
        let given = self.op.events("token").await?;
        let printed = |line: &&str| {
            line.starts_with("{\"access_token\":")
                || given.iter().any(|token| token["access_token"] == **line)
        };
        let written = self.terminal.written();
        let written: Vec<&str> = written.lines().filter(|line| !printed(line)).collect();
        secrets.hunt(&Places {
            folders: vec![self.desktop.base().to_owned()],
            processes: self.desktop.processes(),
            texts: vec![("the terminal".to_owned(), written.join("\n").into_bytes())],
            ..Places::default()
        })
    }
}

#[tokio::test]
async fn by_the_loopback_redirect() -> Result<()> {
    journey("interop-terminal-loopback", async |desktop| {
        let scene = Scene::new(desktop).await?;
        let mut run = scene.login("loopback")?;
        let callback = scene.visit(&mut run, ANN).await?;
        let (status, page) = Visitor::new(Pages::OidcProvider)?.finish(&callback).await?;
        ensure!(status == 200 && page.contains("Tessera"), "{status}: {page}");
        let account = scene.signed_in(run, ANN, &BY_CALLBACK).await?;
        ensure!(keyring::kinds(desktop)? == ["access", "account", "id_token", "refresh"]);
        scene.go_through(&account, ANN).await?;
        ensure!(
            keyring::entries(desktop)?.is_empty(),
            "the keyring is empty again"
        );
        scene.hunt().await
    })
    .await
}

#[tokio::test]
async fn by_a_pasted_address() -> Result<()> {
    journey("interop-terminal-paste", async |desktop| {
        let scene = Scene::new(desktop).await?;
        let mut run = scene.login("paste")?;
        let callback = scene.visit(&mut run, BOB).await?;
        run.type_line("what is this").await?;
        run.type_line(&callback.as_str().replace("state=", "state=x"))
            .await?;
        run.type_line(callback.as_str()).await?;
        let account = scene.signed_in(run, BOB, &BY_CALLBACK).await?;
        ensure!(
            scene.op.events("token").await?.len() == 1,
            "one token request for one answer"
        );
        scene.go_through(&account, BOB).await?;
        ensure!(
            keyring::entries(desktop)?.is_empty(),
            "the keyring is empty again"
        );
        scene.hunt().await
    })
    .await
}

#[tokio::test]
async fn on_another_device() -> Result<()> {
    journey("interop-terminal-device", async |desktop| {
        let scene = Scene::new(desktop).await?;
        let mut run = scene.login("device")?;
        let event = run.event().await?;
        ensure!(event["event"] == "open", "{event}");
        let page = event["url"].as_str().context("a page")?.parse()?;
        let code = event["user_code"].as_str().context("a code")?;
        let last = Visitor::new(Pages::OidcProvider)?
            .enter_code(&page, code, ANN, Decision::Allow)
            .await?;
        ensure!(last.contains("Sign-in Success"), "{last}");
        let account = scene
            .signed_in(run, ANN, &["id_token.signature", "userinfo.sub"])
            .await?;
        scene.go_through(&account, ANN).await?;
        ensure!(
            keyring::entries(desktop)?.is_empty(),
            "the keyring is empty again"
        );
        scene.hunt().await
    })
    .await
}
