//! A look at everything a sign-in needs on this computer, before anyone is sent to a browser.
//!
//! Everything is really tried, all at once, and nothing is waited for longer than [`CHECK_PATIENCE`]: what does not answer
//! by then is a finding like any other.

mod desktop;
mod home;
mod ports;
mod problem;
mod providers;
mod round_trip;

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};

use crate::client::Client;
use crate::error::Error;
use crate::provider::ProviderId;

pub use problem::CheckUpError;
pub(crate) use round_trip::RoundTrips;

/// How long each check may take, and so the whole: less than two seconds.
const CHECK_PATIENCE: Duration = Duration::from_millis(1_800);

/// One thing that was tried.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Stable id: `data_folder`, `providers`, `session_bus`, `keychain`, `loopback`, `browser`, `scheme`,
    /// `single_instance`, `provider`, `clock` or `providers_left`.
    pub check: &'static str,
    /// The provider that it is about, where it is about one.
    pub about: Option<ProviderId>,
    /// How it stands.
    pub standing: Standing,
    /// What was found, as a sentence.
    pub sentence: String,
    /// What is wrong, if anything is.
    pub problem: Option<Error>,
    /// What can be done about it, where it is known.
    pub repair: Option<Repair>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it should be.
    Ok,
    /// Not as it should be, but a sign-in works.
    Tolerated,
    /// A sign-in, or one way of it, does not work.
    Failed,
}

impl Standing {
    /// `ok`, `tolerated` or `failed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Tolerated => "tolerated",
            Self::Failed => "failed",
        }
    }
}

/// What puts a finding right. A shell offers what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Tell the system again that this program takes its private scheme.
    RegisterScheme,
    /// Have the keychain ask the person to unlock it: [`Client::unlock_keychain`].
    UnlockKeychain,
    /// Look at what Settings say of this provider.
    ProviderSettings(ProviderId),
    /// Run this command.
    Command(String),
}

impl Repair {
    /// Stable id.
    pub fn id(&self) -> &'static str {
        match self {
            Self::RegisterScheme => "register_scheme",
            Self::UnlockKeychain => "unlock_keychain",
            Self::ProviderSettings(_) => "provider_settings",
            Self::Command(_) => "command",
        }
    }

    /// What a button says that does it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::RegisterScheme => "Register Tessera again",
            Self::UnlockKeychain => "Unlock the keychain",
            Self::ProviderSettings(_) => "Look at its settings",
            Self::Command(_) => "Copy the command",
        }
    }
}

impl Finding {
    /// A finding from what came of a check: `Err` is a failure.
    pub fn of(check: &'static str, found: Result<String, Error>) -> Self {
        let (standing, sentence, problem) = match found {
            Ok(sentence) => (Standing::Ok, sentence, None),
            Err(problem) => (Standing::Failed, problem.message(), Some(problem)),
        };
        Self {
            check,
            about: None,
            standing,
            sentence,
            problem,
            repair: None,
        }
    }

    /// The same, with what puts it right, if anything is wrong.
    #[must_use]
    fn repaired_by(mut self, repair: impl FnOnce(&Error) -> Option<Repair>) -> Self {
        self.repair = self.problem.as_ref().and_then(repair);
        self
    }

    /// The same, about a provider.
    #[must_use]
    fn about(self, provider: &ProviderId) -> Self {
        Self {
            about: Some(provider.clone()),
            ..self
        }
    }

    /// The same, where a sign-in works without it.
    #[must_use]
    fn tolerated_if(mut self, tolerable: bool) -> Self {
        if tolerable && self.standing == Standing::Failed {
            self.standing = Standing::Tolerated;
        }
        self
    }
}

impl Client {
    /// Tries, for real, what a sign-in needs here: the data folder, the keychain, the loopback ports, what the desktop
    /// does with an address, and the providers that a person is or may be signed in with. Takes less than two
    /// seconds, whatever does not answer. Opens no page and no prompt. Whether the app is one at a time is asked by
    /// [`Client::check_instance`]; a client that takes no addresses of the private scheme is told whether the app runs
    /// beside it.
    pub async fn check_up(&self) -> Vec<Finding> {
        let until = Instant::now() + CHECK_PATIENCE;
        let bus = in_time(until, "Your desktop", self.look_at_bus()).shared();
        let (store, keychain, loopback, ports, bus, browser, scheme, app, providers) = tokio::join!(
            in_time(until, "Your data folder", self.try_folder()),
            in_time(until, "Your keychain", self.try_keychain(bus.clone())),
            in_time(until, "This computer's own address", self.try_loopback()),
            self.try_named_ports(until),
            bus,
            in_time(until, "What opens your browser", self.look_for_browser()),
            self.try_scheme(until),
            self.look_for_app(until),
            self.try_providers(until),
        );
        let terminal = self.scheme().is_none();
        let mut findings = vec![Finding::of("data_folder", store), self.providers_file_finding()];
        let bus = bus.transpose();
        findings.extend(bus.map(|bus| Finding::of("session_bus", bus.and_then(desktop::bus_told))));
        findings.extend([
            Finding::of("keychain", keychain).repaired_by(home::unlock),
            Finding::of("loopback", loopback),
        ]);
        findings.extend(ports);
        // The address can be opened by hand, and a device grant needs no browser here.
        findings.extend([Finding::of("browser", browser).tolerated_if(terminal), scheme]);
        findings.extend(app);
        findings.extend(providers);
        findings
    }

    /// Has the keychain ask the person to unlock it, if it has to, and waits for their answer.
    ///
    /// # Errors
    /// When the person declines, or the keychain does not work.
    pub async fn unlock_keychain(&self) -> Result<(), Error> {
        self.use_keychain().await?;
        self.keychain_unlocked();
        Ok(())
    }
}

/// What came of `what`; that it did not answer, where it did not.
async fn in_time<T>(
    until: Instant,
    subject: &'static str,
    what: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout_at(until, what)
        .await
        .unwrap_or_else(|_| Err(CheckUpError::NoAnswer(subject).into()))
}
