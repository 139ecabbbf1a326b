//! Starting the program once more in its own place, for what can only be settled before it runs.
//!
//! A callback among the arguments can be read by every program of this person for as long as this one runs, and
//! changing one's own arguments is not safe code. So the first instance starts once more without it, and is handed
//! it on standard input. It costs some hundredths of a second, and only when the app was closed while the browser
//! was open.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// The argument that says that the others come on standard input.
const ON_STANDARD_INPUT: &str = "--arguments-on-standard-input";

/// The most bytes that are handed over: what a pipe takes before anyone reads it.
const MAX_HANDED: usize = 48 * 1024;

/// What ends each argument on standard input: the one byte that no argument can hold.
const END: u8 = 0;

/// Variables that GTK takes out of the environment when it starts, and that let the window have the focus.
const ACTIVATION: [&str; 2] = ["DESKTOP_STARTUP_ID", "XDG_ACTIVATION_TOKEN"];

/// Where a program stands that may start once more.
pub struct Again {
    activation: Vec<(&'static str, OsString)>,
    is_second: bool,
}

impl Again {
    /// Looks at what the program was started with, and replaces `arguments` by those on standard input, if that is
    /// where they are. `variable` reads the environment.
    pub fn begin(arguments: &mut Vec<OsString>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let activation = ACTIVATION
            .into_iter()
            .filter_map(|name| Some((name, variable(name)?)))
            .collect();
        let is_second = arguments
            .get(1)
            .is_some_and(|argument| argument == ON_STANDARD_INPUT);
        if is_second {
            arguments.truncate(1);
            arguments.extend(taken(io::stdin()));
        }
        Self {
            activation,
            is_second,
        }
    }

    /// Whether the program has not been started once more yet.
    pub(crate) fn is_first(&self) -> bool {
        !self.is_second
    }

    /// Starts the program once more, with `arguments` on standard input. Comes back only when that did not work.
    pub(crate) fn without_arguments(&self, arguments: &[OsString]) -> io::Error {
        match self.command(arguments) {
            Ok(mut command) => command.exec(),
            Err(error) => error,
        }
    }

    fn command(&self, arguments: &[OsString]) -> io::Result<Command> {
        let (reader, writer) = io::pipe()?;
        hand(arguments, writer)?;
        let mut command = program()?;
        command.arg(ON_STANDARD_INPUT).stdin(Stdio::from(reader));
        command.envs(self.activation.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

/// Starts the program once more with the same arguments and `variable` in its environment. Comes back only when that
/// did not work.
pub fn with_variable(arguments: &[OsString], variable: &str, value: &str) -> io::Error {
    match program() {
        Ok(mut command) => command.args(arguments.iter().skip(1)).env(variable, value).exec(),
        Err(error) => error,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it starts itself, in its own environment"
)]
fn program() -> io::Result<Command> {
    std::env::current_exe().map(Command::new)
}

/// Writes all arguments but the program's name. Never waits: more than fits is refused.
fn hand(arguments: &[OsString], mut to: impl io::Write) -> io::Result<()> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(MAX_HANDED));
    for argument in arguments.iter().skip(1) {
        bytes.extend_from_slice(argument.as_bytes());
        bytes.push(END);
    }
    if bytes.len() > MAX_HANDED {
        return Err(io::ErrorKind::ArgumentListTooLong.into());
    }
    to.write_all(&bytes)
}

/// The arguments that [`hand`] wrote.
fn taken(from: impl io::Read) -> Vec<OsString> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(MAX_HANDED));
    if from.take(MAX_HANDED as u64).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    // What follows the last end is nothing, or an argument that was cut off.
    let Some(last) = bytes.iter().rposition(|&byte| byte == END) else {
        return Vec::new();
    };
    bytes[..last]
        .split(|&byte| byte == END)
        .map(|part| OsString::from_vec(part.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn arguments_come_through_as_they_were() {
        let check = |arguments: &[&[u8]]| {
            let all: Vec<OsString> = [b"program".as_slice()]
                .iter()
                .chain(arguments)
                .map(|part| OsString::from_vec(part.to_vec()))
                .collect();
            let mut pipe = Vec::new();
            hand(&all, &mut pipe).unwrap();
            assert_eq!(taken(pipe.as_slice()), all[1..]);
        };
        check(&[]);
        check(&[b"app.tessera.desktop:/callback?code=c&state=s"]);
        check(&[b"--option", b"", b"two\nlines", b"\xff"]);
    }

    #[test]
    fn what_no_pipe_holds_is_refused_before_it_is_written() {
        let long = vec![OsString::new(), OsString::from("a".repeat(MAX_HANDED))];
        let mut pipe = Vec::new();
        assert!(hand(&long, &mut pipe).is_err() && pipe.is_empty());
    }

    #[test]
    fn the_program_is_started_once_more_at_most_once() {
        let mut arguments = vec!["program".into(), "app.x:/callback?code=c".into()];
        let again = Again::begin(&mut arguments, |_| None);
        assert!(again.is_first() && arguments.len() == 2);
        let command = again.command(&arguments).unwrap();
        assert_eq!(command.get_args().collect::<Vec<_>>(), [ON_STANDARD_INPUT]);
    }
}
