//! A terminal with one account signed in, which nothing that follows may cost.

use anyhow::{Context as _, Result, ensure};
use lab::op::{Op, OpOptions};
use lab::pages::{ANN, Pages, Person};
use lab::secrets::{Places, Secrets};
use lab::terminal::{Ended, Run, Terminal};
use lab::visitor::{Decision, Visitor};
use lab::{Desktop, keyring};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

pub(crate) struct Scene<'a> {
    pub(crate) desktop: &'a Desktop,
    pub(crate) op: Op,
    pub(crate) terminal: Terminal<'a>,
    /// As `accounts` listed it before anything went wrong.
    pub(crate) account: Value,
    /// Outside the desktop: the provider's log holds every secret.
    _logs: TempDir,
}

/// Seconds that an access token lives.
const LIFE: u32 = 200;

/// How far the provider's clock goes ahead to end one, in seconds. Clocks that differ by less than five minutes are
/// put up with.
pub(crate) const AHEAD: i64 = 280;

impl<'a> Scene<'a> {
    /// Signs Ann in, in `terminal`.
    pub(crate) async fn with(desktop: &'a Desktop, terminal: Terminal<'a>) -> Result<Self> {
        let logs = tempfile::tempdir()?;
        let options = OpOptions {
            access_token_seconds: LIFE,
            ..OpOptions::default()
        };
        let mut scene = Self {
            desktop,
            op: Op::start_alone(logs.path(), options).await?,
            terminal,
            account: Value::Null,
            _logs: logs,
        };
        let mut run = scene.login(&[])?;
        let callback = scene.visit(&mut run, ANN, Decision::Allow).await?;
        let ended = scene.finish(run, &callback).await?;
        ensure!(ended.code == Some(0), "{ended:?}");
        scene.account = scene.listed().await?;
        Ok(scene)
    }

    pub(crate) async fn new(desktop: &'a Desktop) -> Result<Self> {
        Self::with(desktop, Terminal::open(desktop)?).await
    }

    /// Begins a sign-in at the provider.
    pub(crate) fn login(&self, more: &[&str]) -> Result<Run> {
        self.login_with(more, &[])
    }

    pub(crate) fn login_with(&self, more: &[&str], variables: &[(&str, &str)]) -> Result<Run> {
        let usual = [
            "login",
            "--issuer",
            &self.op.issuer,
            "--client-id",
            &self.op.client_id,
            "--no-browser",
            "--json",
        ];
        self.terminal.start_with(&[&usual[..], more].concat(), variables)
    }

    /// From the address to open to the callback.
    pub(crate) async fn visit(&self, run: &mut Run, person: Person, decision: Decision) -> Result<Url> {
        let address = run.open().await?;
        visitor()?.walk(&address, person, decision).await
    }

    /// Takes the browser back to the port that waits for it.
    pub(crate) async fn finish(&self, run: Run, callback: &Url) -> Result<Ended> {
        visitor()?.finish(callback).await?;
        run.end().await
    }

    /// The one account, as it is listed.
    pub(crate) async fn listed(&self) -> Result<Value> {
        let mut listed = self.terminal.json(&["accounts", "--json"]).await?;
        ensure!(listed.len() == 1, "{listed:?}");
        listed.pop().context("one account")
    }

    /// Calls the provider's userinfo for the account.
    pub(crate) async fn call(&self) -> Result<Ended> {
        let address = format!("{}/me", self.op.issuer);
        self.terminal.run(&["call", ANN.email, &address, "--json"]).await
    }

    /// The account is listed as it was, and works.
    pub(crate) async fn nothing_is_lost(&self) -> Result<()> {
        let listed = self.listed().await?;
        ensure!(listed == self.account, "{listed} was {}", self.account);
        ensure!(listed["state"] == json!("signed_in"));
        let called = self.call().await?;
        let answer = called.json()?.pop().context("an answer")?;
        ensure!(
            called.code == Some(0) && answer["body"]["sub"] == ANN.user,
            "{called:?}"
        );
        Ok(())
    }

    /// Looks for every secret of this scene in everything that was said and written. `more` are further folders.
    pub(crate) async fn hunt(&self, more: &[&str], folders: &[std::path::PathBuf]) -> Result<()> {
        let mut secrets = Secrets::default();
        secrets.add(self.op.secrets().await?)?;
        for entry in keyring::entries(self.desktop)? {
            secrets.add(entry.secrets().into_iter().filter(|secret| secret.len() >= 24))?;
        }
        secrets.add(more.iter().copied())?;
        ensure!(secrets.len() > 6, "only {} secrets are known", secrets.len());
        secrets.hunt(&Places {
            folders: [&[self.desktop.base().to_owned()], folders].concat(),
            processes: self.desktop.processes(),
            texts: vec![("the terminal".to_owned(), self.terminal.written().into_bytes())],
            ..Places::default()
        })
    }
}

pub(crate) fn visitor() -> Result<Visitor> {
    Visitor::new(Pages::OidcProvider)
}

/// Checks the end of a command: exit code, code, and that it speaks to a person.
pub(crate) fn check(name: &str, ended: &Ended, exit: i32, code: &str) -> Result<(String, String)> {
    let error = ended.error().with_context(|| name.to_owned())?;
    ensure!(
        ended.code == Some(exit) && error["code"] == code,
        "{name} should end with {exit} and {code}: {ended:?}"
    );
    let mut texts = ["message", "hint"].map(|field| error[field].as_str().unwrap_or_default().to_owned());
    for text in &texts {
        ensure!(
            text.len() > 10
                && text.starts_with(char::is_uppercase)
                // A provider's own words end as it likes.
                && (text.ends_with('.') || text.contains(". It said: ")),
            "{name} does not speak in sentences: {error}"
        );
        ensure!(
            !code.contains('_') || !text.contains(code),
            "{name} speaks in codes: {error}"
        );
    }
    ensure!(texts[0] != texts[1], "{name}: {error}");
    Ok((std::mem::take(&mut texts[0]), std::mem::take(&mut texts[1])))
}
