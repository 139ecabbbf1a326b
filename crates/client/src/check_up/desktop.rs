//! What the desktop does: opens pages, takes the addresses of the private scheme, and has a session bus.

use tokio::time::Instant;

use super::{CHECK_PATIENCE, CheckUpError, Finding, Repair, Standing, in_time, ports};
use crate::client::Client;
use crate::error::Error;
use crate::ports::{DesktopError, HandlerProgram, Holder, SchemeHandler, SecretService, VaultError};
use crate::provider::{DEVELOPMENT_SCHEME, SCHEME, scheme_of};

impl Client {
    /// The private scheme of this program, where the system brings its addresses here.
    pub(super) fn scheme(&self) -> Option<&str> {
        let redirect = self.inner().config.scheme_redirect.as_ref()?;
        Some(scheme_of(redirect))
    }

    /// What answers on the session bus; `None` where there is none to be had, or need be.
    pub(super) async fn look_at_bus(&self) -> Result<Option<SecretService>, Error> {
        self.inner()
            .ports
            .desktop
            .session_bus()
            .await
            .map_err(|error| match error {
                DesktopError::NoBus(reason) => CheckUpError::NoSessionBus(reason).into(),
                other => CheckUpError::Desktop(other).into(),
            })
    }

    pub(super) async fn look_for_browser(&self) -> Result<String, Error> {
        self.inner()
            .ports
            .desktop
            .browser()
            .await
            .map_err(|error| match error {
                DesktopError::NotInstalled(what) => CheckUpError::NoBrowser(what).into(),
                other => CheckUpError::Desktop(other).into(),
            })
    }

    /// Who takes the addresses of the app's scheme, and in the app itself: whether one comes back.
    pub(super) async fn try_scheme(&self, until: Instant) -> Finding {
        let (installed, development) = (SCHEME, DEVELOPMENT_SCHEME);
        let ask = |scheme| in_time(until, "Your desktop", self.ask_for_handler(scheme));
        let Some(own) = self.scheme() else {
            let (installed_by, development_by) = tokio::join!(ask(installed), ask(development));
            return handlers_told([(installed, installed_by), (development, development_by)]);
        };
        let other = if own == installed { development } else { installed };
        let (found, others) = tokio::join!(self.try_own_scheme(own, until), ask(other));
        let others = match others {
            Ok(SchemeHandler::Program(program)) if program.exists => Some(program),
            _ => None,
        };
        let found = found.and_then(|sentence| match others {
            // Whoever takes both takes the other's callbacks.
            Some(program) if program.is_this => Err(CheckUpError::SchemeShared {
                scheme: other.to_owned(),
            }
            .into()),
            Some(program) => Ok(format!(
                "{sentence} {} has its own: {}.",
                whose(other),
                program.program
            )),
            None => Ok(sentence),
        });
        Finding::of("scheme", found).repaired_by(|problem| {
            matches!(
                problem,
                Error::CheckUp(
                    CheckUpError::SchemeUnhandled
                        | CheckUpError::SchemeProgramGone(_)
                        | CheckUpError::SchemeElsewhere(_)
                )
            )
            .then_some(Repair::RegisterScheme)
        })
    }

    /// Hands an address to the system, and sees it come back; but only where nothing but this program can get it.
    async fn try_own_scheme(&self, scheme: &str, until: Instant) -> Result<String, Error> {
        match in_time(until, "Your desktop", self.ask_for_handler(scheme)).await? {
            SchemeHandler::Nobody => return Err(CheckUpError::SchemeUnhandled.into()),
            SchemeHandler::Program(HandlerProgram {
                exists: false,
                program,
                ..
            }) => {
                return Err(CheckUpError::SchemeProgramGone(program).into());
            }
            SchemeHandler::Program(HandlerProgram {
                is_this: false,
                program,
                ..
            }) => {
                return Err(CheckUpError::SchemeElsewhere(program).into());
            }
            SchemeHandler::Program(_) | SchemeHandler::Untold => {}
        }
        self.go_round(scheme, until).await?;
        Ok(format!(
            "A link of Tessera's ({scheme}) went out through your system and came back to this program: {}.",
            whose(scheme).to_lowercase()
        ))
    }

    /// Where there is no window: whether the app runs beside this program, which then gets what comes for its scheme.
    /// `None` where the system has no such question, and in the app.
    pub(super) async fn look_for_app(&self, until: Instant) -> Option<Finding> {
        if self.scheme().is_some() {
            return None;
        }
        let ask = async |scheme| {
            let name = instance_name(scheme);
            in_time(until, "Your desktop", self.ask_for_name(&name)).await
        };
        let (installed, development) = tokio::join!(ask(SCHEME), ask(DEVELOPMENT_SCHEME));
        let told = async || {
            let mut told = Vec::new();
            for (scheme, holder) in [(SCHEME, installed?), (DEVELOPMENT_SCHEME, development?)] {
                match holder {
                    Holder::Untold => return Ok(None),
                    holder => told.extend(
                        ports::told(&holder).map(|program| format!("{} is open: {program}.", whose(scheme))),
                    ),
                }
            }
            Ok(Some(match told.len() {
                0 => "The app is not open here; the terminal does not need it.".to_owned(),
                _ => format!(
                    "{} It gets what your browser sends to its app link; a sign-in from this terminal has an address of its own.",
                    told.join(" ")
                ),
            }))
        };
        let found = told().await.transpose()?;
        Some(Finding::of("single_instance", found).tolerated_if(true))
    }

    /// In the app: whether what a second start of it is given comes to this process, where the app goes by `name` on the
    /// session bus. `None` where the system has no such question.
    pub async fn check_instance(&self, name: &str) -> Option<Finding> {
        let until = Instant::now() + CHECK_PATIENCE;
        let found = match in_time(until, "Your desktop", self.ask_for_name(name)).await {
            Ok(Holder::Untold) => return None,
            Ok(Holder::This) => {
                Ok("When Tessera is started once more, this window comes forward.".to_owned())
            }
            Ok(Holder::Nobody) => Err(CheckUpError::NoInstance.into()),
            Ok(holder @ Holder::Program { .. }) => Err(CheckUpError::OtherInstance(holder).into()),
            Err(error) => Err(error),
        };
        Some(Finding::of("single_instance", found))
    }

    /// Whose `name` on the session bus is.
    async fn ask_for_name(&self, name: &str) -> Result<Holder, Error> {
        let holder = self.inner().ports.desktop.name_holder(name).await;
        holder.map_err(|error| match error {
            DesktopError::NoBus(reason) => CheckUpError::NoSessionBus(reason).into(),
            other => CheckUpError::Desktop(other).into(),
        })
    }

    async fn ask_for_handler(&self, scheme: &str) -> Result<SchemeHandler, Error> {
        let handler = self.inner().ports.desktop.scheme_handler(scheme).await;
        handler.map_err(|error| CheckUpError::Desktop(error).into())
    }
}

/// What the session bus has, as a sentence.
pub(super) fn bus_told(service: SecretService) -> Result<String, Error> {
    Ok(match service {
        SecretService::Open => "Tessera reaches your desktop, and the keychain on it.",
        SecretService::Locked => "Tessera reaches your desktop, and the keychain on it, which is locked.",
        SecretService::Startable => {
            "Tessera reaches your desktop, which starts a keychain when one is needed."
        }
        SecretService::Missing => {
            return Err(VaultError::Missing("no Secret Service is on the session bus".to_owned()).into());
        }
    }
    .to_owned())
}

/// The name on the session bus by which the app knows whether it is open already. It goes by the app's identifier, which
/// is its scheme.
fn instance_name(scheme: &str) -> String {
    format!("{scheme}.SingleInstance")
}

/// Which of the two builds goes by this scheme.
fn whose(scheme: &str) -> &'static str {
    if scheme == SCHEME {
        "The installed app"
    } else {
        "A development build"
    }
}

/// Where there is no window: who takes which addresses. A terminal waits for none of them.
fn handlers_told(handlers: [(&str, Result<SchemeHandler, Error>); 2]) -> Finding {
    let mut told = Vec::new();
    let mut problem = None;
    let mut programs = Vec::new();
    for (scheme, handler) in handlers {
        match handler {
            Ok(SchemeHandler::Program(program)) if program.exists => {
                told.push(format!(
                    "{} opens the links of {scheme}: {}.",
                    whose(scheme),
                    program.program
                ));
                programs.push((scheme, program.program));
            }
            Ok(SchemeHandler::Program(program)) => {
                problem = problem.or(Some(CheckUpError::SchemeProgramGone(program.program).into()));
            }
            Ok(SchemeHandler::Nobody | SchemeHandler::Untold) => {}
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    if let [(_, one), (scheme, other)] = &programs[..]
        && one == other
    {
        problem = Some(
            CheckUpError::SchemeShared {
                scheme: (*scheme).to_owned(),
            }
            .into(),
        );
    }
    if let Some(problem) = problem {
        return Finding {
            standing: Standing::Tolerated,
            ..Finding::of("scheme", Err(problem))
        };
    }
    if told.is_empty() {
        told.push("No app opens Tessera's links here; the terminal needs none.".to_owned());
    }
    Finding::of("scheme", Ok(told.join(" ")))
}
