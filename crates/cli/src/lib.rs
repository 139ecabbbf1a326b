//! The same client in a terminal: accounts are shared with the desktop app. What it takes and answers is
//! written down in docs/cli.md.

pub mod arguments;
mod commands;
mod doctor;
mod hints;
mod interrupt;
mod login;
mod logout;
mod open_sign_outs;
mod output;
mod trace;

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tessera_client::ports::Ports;
use tessera_client::{AttemptError, Category, Client, Config, Error, StoreError};
use tessera_platform::{DataFolder, IDENTIFIER, LoopbackServer};
use tokio::runtime::Builder;

use crate::arguments::{Arguments, Command};
use crate::hints::About;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// How long the browser may take to fetch its last page when everything else is done.
const LAST_PAGE: Duration = Duration::from_secs(5);

/// How long the keychain may take to give up what was kept of a sign-in that is over. What it does not give up in
/// that time cannot be used by anybody, and is removed by a later run.
const TIDYING: Duration = Duration::from_secs(2);

/// Tells wrong usage, which is found before a command begins; or help, where that was asked for.
pub fn usage(error: &clap::Error, for_program: bool) -> ExitCode {
    // Nobody is left to be told when standard error is closed.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if for_program {
        output::usage(&error.render().to_string());
    }
    exit_code(Category::Usage)
}

/// Runs one command to its end.
pub fn run(arguments: Arguments) -> ExitCode {
    let output = Output::new(arguments.json());
    let Ok(runtime) = Builder::new_multi_thread().worker_threads(2).enable_all().build() else {
        output.failed(&Error::Stopped, &About::default());
        return exit_code(Category::Machine);
    };
    let result = runtime.block_on(async {
        let mut interrupt = Interrupt::listen();
        let loopback = LoopbackServer::new();
        let (mut signed_in_with, mut about) = (None, About::default());
        let result = Box::pin(command(
            arguments.command,
            arguments.trace,
            &loopback,
            &mut interrupt,
            output,
            &mut signed_in_with,
            &mut about,
        ))
        .await;
        let result = reported(result, output, &about);
        // The end of this program would cut off what the browser is about to show, and what is being removed.
        let finished = async {
            if let Some(client) = signed_in_with {
                client.tidied(TIDYING).await;
            }
            loopback.pages_delivered(LAST_PAGE).await;
        };
        tokio::select! {
            () = finished => {}
            () = interrupt.came() => {}
        }
        result
    });
    // A keychain that waits for its unlock must not keep the terminal after the answer is known.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended(category)) => exit_code(category),
    }
}

/// A command that did not do what was asked; everything has been said.
struct Ended(Category);

/// Does what was asked for, or stops when it is interrupted.
async fn command(
    command: Command,
    trace: bool,
    loopback: &LoopbackServer,
    interrupt: &mut Interrupt,
    output: Output,
    signed_in_with: &mut Option<Client>,
    about: &mut About,
) -> Result<(), Failure> {
    let client = tokio::select! {
        client = open(loopback) => client?,
        () = interrupt.came() => return Err(Error::from(AttemptError::Interrupted).into()),
    };
    about.folder(&client);
    let work = async {
        match command {
            Command::Login(login) => {
                *signed_in_with = Some(client.clone());
                login::login(&client, login, interrupt, output, about).await
            }
            Command::Logout(logout) => logout::logout(&client, logout, interrupt, output, about).await,
            command => {
                if matches!(&command, Command::Call(call) if call.ask) {
                    *signed_in_with = Some(client.clone());
                }
                tokio::select! {
                    result = commands::run(&client, command, output, about) => result,
                    () = interrupt.came() => {
                        given_up(&client, interrupt).await;
                        Err(Error::from(AttemptError::Interrupted).into())
                    }
                }
            }
        }
    };
    let result = trace::told(&client, trace, Box::pin(work)).await;
    settled(&client, result, interrupt, output).await
}

/// Ends a sign-in that a call waits for. Forgetting it may have to wait for the keychain; a second Ctrl-C does not.
async fn given_up(client: &Client, interrupt: &mut Interrupt) {
    if let Some(attempt) = client.attempt() {
        attempt.cancel();
        tokio::select! {
            _ = attempt.wait() => {}
            () = interrupt.came() => {}
        }
    }
}

/// Lets what a provider may already have answered come home before the program ends: the refresh token that was
/// spent on it is worth nothing any more. A second interruption does not wait for it.
async fn settled(
    client: &Client,
    result: Result<(), Failure>,
    interrupt: &mut Interrupt,
    output: Output,
) -> Result<(), Failure> {
    let mut settle = pin!(client.settle());
    let settled = if let Some(settled) = settle.as_mut().now_or_never() {
        settled
    } else {
        if matches!(
            &result,
            Err(Failure::Error(Error::Attempt(AttemptError::Interrupted)))
        ) {
            output
                .note("What the provider is just renewing is brought home first. Ctrl-C again ends at once.");
        }
        tokio::select! {
            settled = settle => settled,
            () = interrupt.came() => return result,
        }
    };
    // A sign-in that is lost is worse news than any other.
    settled.map_err(Failure::Error).and(result)
}

/// Why a command ended without success.
pub(crate) enum Failure {
    /// To be told.
    Error(Error),
    /// Told already.
    Told(Category),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn reported(result: Result<(), Failure>, output: Output, about: &About) -> Result<(), Ended> {
    match result {
        Ok(()) => Ok(()),
        Err(Failure::Told(category)) => Err(Ended(category)),
        Err(Failure::Error(error)) => {
            output.failed(&error, about);
            Err(Ended(error.category()))
        }
    }
}

/// Opens the data folder's client. Touches neither network nor keychain, but for accounts that have to be brought back.
async fn open(loopback: &LoopbackServer) -> Result<Client, Error> {
    let folder = DataFolder::locate(IDENTIFIER).map_err(|error| StoreError::Unusable(error.to_string()))?;
    let config = Config {
        data_folder: folder.path().to_owned(),
        scheme_redirect: None,
    };
    let ports = Ports {
        loopback: Arc::new(loopback.clone()),
        ..tessera_platform::ports(&folder)
    };
    let client = Client::open(config, ports).await?;
    let problem = client.store_problem();
    if let Some(problem) = &problem {
        output::aside(&format!("{} {}", problem.message(), problem.hint()));
    }
    // A keychain that does not tell is tried again by each command, and spoken of by the first.
    if let Err(error) = client.rebuild_accounts().await
        && problem.is_some()
    {
        output::aside(&error.message());
    }
    Ok(client)
}

/// The exit codes of docs/cli.md.
fn exit_code(category: Category) -> ExitCode {
    ExitCode::from(match category {
        Category::Machine => 1,
        Category::Usage => 2,
        Category::CheckFailed => 3,
        Category::Cancelled => 4,
        Category::Network => 5,
        Category::Keychain => 6,
        Category::NeedsSignIn => 7,
        Category::Policy => 8,
    })
}
