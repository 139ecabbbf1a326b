//! The check-up as the window has it: what the client tries, what only the app can try, and the repairs that it can
//! make by itself.

use std::sync::{Arc, OnceLock};

use tauri::{AppHandle, Runtime};
use tessera_client::{Client, Finding, Repair, Standing};
use tokio::sync::Mutex;

use crate::scheme;
use crate::shell::Opened;
use crate::wire::{ErrorView, FindingView, RepairView, StandingView};

type Register = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the app itself is to the system.
#[derive(Default)]
pub(crate) struct Checks {
    app: OnceLock<(String, Register)>,
    /// One look at a time: each starts programs, and the page decides how often.
    looking: Mutex<()>,
}

impl Checks {
    /// From now on, `app` is what is looked at.
    pub(crate) fn are_of<R: Runtime>(&self, app: AppHandle<R>) {
        let name = format!("{}.SingleInstance", app.config().identifier);
        // Whoever came first stays.
        let _ = self.app.set((name, Arc::new(move || scheme::register(&app))));
    }

    /// Tries everything.
    pub(crate) async fn look(&self, opened: &Opened) -> Result<Vec<FindingView>, ErrorView> {
        let Ok(_looking) = self.looking.try_lock() else {
            return Err(ErrorView {
                code: "check_up_under_way".to_owned(),
                message: "A check-up is under way already.".to_owned(),
                hint: "Wait two seconds, then look again.".to_owned(),
                detail: None,
            });
        };
        let (findings, instance) = tokio::join!(opened.client.check_up(), self.instance(&opened.client));
        Ok(findings.into_iter().chain(instance).map(Into::into).collect())
    }

    /// Whether what a second start of the app is given comes to this process.
    async fn instance(&self, client: &Client) -> Option<Finding> {
        let (name, _) = self.app.get()?;
        client.check_instance(name).await
    }

    /// Does a repair that a finding named, if it is one that the app can do.
    pub(crate) async fn repair(&self, opened: &Opened, id: &str) -> Result<(), ErrorView> {
        match id {
            "register_scheme" => self.register().await.map_err(|detail| ErrorView {
                code: "scheme_not_registered".to_owned(),
                message: "Tessera could not be registered with your system.".to_owned(),
                hint: "Look at the details; until then, choose “Use a local address” while you sign in."
                    .to_owned(),
                detail: Some(detail),
            }),
            "unlock_keychain" => Ok(opened.client.unlock_keychain().await?),
            _ => Err(ErrorView {
                code: "repair_unknown".to_owned(),
                message: "Tessera cannot do that by itself.".to_owned(),
                hint: "Do what the finding says, then look again.".to_owned(),
                detail: None,
            }),
        }
    }

    async fn register(&self) -> Result<(), String> {
        let (_, register) = self.app.get().ok_or("the app has not started yet")?;
        let register = register.clone();
        let registered = tokio::task::spawn_blocking(move || register()).await;
        registered.unwrap_or_else(|error| Err(error.to_string()))
    }
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        Self {
            check: finding.check.to_owned(),
            about: finding.about.map(|about| about.to_string()),
            standing: finding.standing.into(),
            sentence: finding.sentence,
            problem: finding.problem.map(Into::into),
            repair: finding.repair.map(Into::into),
        }
    }
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Ok => Self::Ok,
            Standing::Tolerated => Self::Tolerated,
            Standing::Failed => Self::Failed,
        }
    }
}

impl From<Repair> for RepairView {
    fn from(repair: Repair) -> Self {
        let (id, label) = (repair.id().to_owned(), repair.label().to_owned());
        let (provider, command) = match repair {
            Repair::ProviderSettings(provider) => (Some(provider.to_string()), None),
            Repair::Command(command) => (None, Some(command)),
            Repair::RegisterScheme | Repair::UnlockKeychain => (None, None),
        };
        Self {
            id,
            label,
            command,
            provider,
        }
    }
}
