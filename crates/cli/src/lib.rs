//! The same client in a terminal: accounts are shared with the desktop app. What it takes and answers is
//! written down in docs/cli.md.

pub mod arguments;
mod commands;
mod login;
mod output;

use std::process::ExitCode;

use tessera_client::{Category, Client, Config, Error, StoreError};
use tessera_platform::{DataFolder, IDENTIFIER};
use tokio::runtime::Builder;

use crate::arguments::{Arguments, Command};
use crate::output::Output;

/// Runs one command to its end.
pub fn run(arguments: Arguments) -> ExitCode {
    let output = Output::new(arguments.json());
    let Ok(runtime) = Builder::new_multi_thread().worker_threads(2).enable_all().build() else {
        output.failed(&Error::Stopped);
        return exit_code(Category::Machine);
    };
    let result = runtime.block_on(interruptible(arguments, output));
    // A keychain that waits for its unlock must not keep the terminal after the answer is known.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended(category)) => exit_code(category),
    }
}

/// A command that did not do what was asked; everything has been said.
pub(crate) struct Ended(pub(crate) Category);

/// Ends with 4 on Ctrl-C, wherever the command is. A sign-in takes care of that itself.
async fn interruptible(arguments: Arguments, output: Output) -> Result<(), Ended> {
    if let Command::Login(login) = arguments.command {
        return reported(login::login(&open, login, output).await, output);
    }
    tokio::select! {
        result = commands::run(&open, arguments.command, output) => reported(result, output),
        _ = tokio::signal::ctrl_c() => {
            let error = Error::Attempt(tessera_client::AttemptError::Interrupted);
            reported(Err(Failure::Error(error)), output)
        }
    }
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

fn reported(result: Result<(), Failure>, output: Output) -> Result<(), Ended> {
    match result {
        Ok(()) => Ok(()),
        Err(Failure::Told(category)) => Err(Ended(category)),
        Err(Failure::Error(error)) => {
            output.failed(&error);
            Err(Ended(error.category()))
        }
    }
}

/// Opens the data folder's client. Touches neither network nor keychain.
async fn open() -> Result<Client, Error> {
    let folder = DataFolder::locate(IDENTIFIER).map_err(|error| StoreError::Unusable(error.to_string()))?;
    let config = Config {
        data_folder: folder.path().to_owned(),
        scheme_redirect: None,
    };
    Client::open(config, tessera_platform::ports(&folder)).await
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
