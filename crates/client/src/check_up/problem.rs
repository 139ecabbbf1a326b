//! What only a check-up can find wrong, in words.

use super::ports::told;
use crate::error::Category;
use crate::ports::{DesktopError, Holder};

/// What is wrong with this computer, before any sign-in begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckUpError {
    /// What was asked did not answer in the time that a check may take.
    NoAnswer(&'static str),
    /// The desktop could not be asked.
    Desktop(DesktopError),
    /// There is no session bus, and so no way to a keychain.
    NoSessionBus(String),
    /// Nothing opens a page.
    NoBrowser(String),
    /// Nobody takes the addresses of the private scheme.
    SchemeUnhandled,
    /// The program that takes them is not there.
    SchemeProgramGone(String),
    /// Another program takes them.
    SchemeElsewhere(String),
    /// The same program takes those of the installed app and of a development build.
    SchemeShared {
        /// The scheme that is not its own.
        scheme: String,
    },
    /// An address that was handed to the system did not come back.
    SchemeNotReturned,
    /// None of the ports is to be had to which alone a provider sends its answers.
    PortTaken {
        /// The provider's name.
        name: String,
        /// The addresses, as text.
        place: String,
        /// Who listens there, where it is known.
        holder: Option<String>,
        /// What the system said.
        reason: String,
    },
    /// The clocks differ by more than is allowed for.
    ClockDiffers {
        /// Seconds that this computer's is ahead.
        ahead: i64,
        /// Whose clock it was compared with.
        name: String,
    },
    /// Another process answers for the app.
    OtherInstance(Holder),
    /// No process answers for the app, also not the one that asks.
    NoInstance,
}

impl std::error::Error for CheckUpError {}

/// What the system said, where it said something; otherwise what a person is told.
impl std::fmt::Display for CheckUpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Desktop(error) => error.fmt(f),
            Self::NoSessionBus(reason) => f.write_str(reason),
            Self::PortTaken { place, reason, .. } => write!(f, "{place} could not be opened: {reason}"),
            _ => f.write_str(&self.message()),
        }
    }
}

impl CheckUpError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => "check_no_answer",
            Self::Desktop(_) => "desktop_not_asked",
            Self::NoSessionBus(_) => "session_bus_missing",
            Self::NoBrowser(_) => "browser_missing",
            Self::SchemeUnhandled => "scheme_unhandled",
            Self::SchemeProgramGone(_) => "scheme_program_missing",
            Self::SchemeElsewhere(_) => "scheme_elsewhere",
            Self::SchemeShared { .. } => "scheme_shared",
            Self::SchemeNotReturned => "scheme_not_returned",
            Self::PortTaken { .. } => "loopback_port_taken",
            Self::ClockDiffers { .. } => "clock_differs",
            Self::OtherInstance(_) => "other_instance",
            Self::NoInstance => "no_instance",
        }
    }

    pub(crate) fn category(&self) -> Category {
        match self {
            Self::NoSessionBus(_) => Category::Keychain,
            Self::ClockDiffers { .. } => Category::CheckFailed,
            _ => Category::Machine,
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::NoAnswer(what) => format!("{what} did not answer in time."),
            Self::Desktop(_) => "Your desktop could not be asked about this.".to_owned(),
            Self::NoSessionBus(_) => {
                "Tessera cannot reach your desktop from here, and so not your keychain either.".to_owned()
            }
            Self::NoBrowser(what) => format!("Your browser cannot be opened: {what} is not installed."),
            Self::SchemeUnhandled => {
                "Your browser's answer would not find its way back: no program opens Tessera's links."
                    .to_owned()
            }
            Self::SchemeProgramGone(program) => {
                format!("Your browser's answer would go to {program}, which is not there.")
            }
            Self::SchemeElsewhere(program) => {
                format!("Your browser's answer would go to {program}, which is not this program.")
            }
            Self::SchemeShared { scheme } => {
                format!(
                    "Your browser's answers to another build of Tessera ({scheme}) would come to this one."
                )
            }
            Self::SchemeNotReturned => {
                "A link that Tessera handed to your system did not come back in time.".to_owned()
            }
            Self::PortTaken {
                name, place, holder, ..
            } => {
                let way = format!("{name}'s answer could not come back: it goes to {place}");
                match holder {
                    Some(holder) => format!("{way}, which {holder} has taken."),
                    None => format!("{way}, which cannot be opened now."),
                }
            }
            Self::ClockDiffers { ahead, name } => format!(
                "Your computer's clock is {} that of {name}, so nothing that is dated there can be checked.",
                apart(*ahead)
            ),
            Self::OtherInstance(holder) => {
                let other = told(holder)
                    .map(|holder| format!(": {holder}"))
                    .unwrap_or_default();
                format!("Your browser's answer may go to another Tessera than this one{other}.")
            }
            Self::NoInstance => {
                "When Tessera is started once more, another window opens, and your browser's answer may go there."
                    .to_owned()
            }
        }
    }

    /// For the window; in a terminal a hint names a command.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoAnswer(_) => "Look again; if it stays so, restart what did not answer.",
            Self::Desktop(DesktopError::NotInstalled(_)) => {
                "Install what is named in the details, then look again."
            }
            Self::Desktop(_) => "Look again; if it stays so, log out and in again.",
            Self::NoSessionBus(_) => {
                "Log in to your desktop and start Tessera there; if you have, log out and in again."
            }
            Self::NoBrowser(_) => {
                "Install it; until then, choose “Copy link” while you sign in, and open it in a browser yourself."
            }
            Self::SchemeUnhandled | Self::SchemeProgramGone(_) | Self::SchemeElsewhere(_) => {
                "Register Tessera again in its Settings; until then, choose “Use a local address” while you sign in."
            }
            Self::SchemeShared { .. } => "Start the other build once: it then opens its own links.",
            Self::SchemeNotReturned => {
                "Look again; if it stays so, choose “Use a local address” while you sign in, which needs no such link."
            }
            Self::PortTaken { .. } => {
                "Quit what is listening there, or register another port at the provider and name it in providers.toml under “loopback”."
            }
            Self::ClockDiffers { .. } => "Set this computer's clock by the internet, then look again.",
            Self::OtherInstance(_) => "Quit every Tessera, then start it again.",
            Self::NoInstance => "Quit Tessera, then start it again.",
        }
        .to_owned()
    }
}

/// How far two clocks are apart: "3 minutes ahead of", "1 second behind".
pub(super) fn apart(ahead: i64) -> String {
    let of = |count: u64, unit: &str| match count {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    };
    let span = match ahead.unsigned_abs() {
        seconds @ ..120 => of(seconds, "second"),
        seconds @ ..7_200 => of(seconds / 60, "minute"),
        seconds @ ..172_800 => of(seconds / 3_600, "hour"),
        seconds => of(seconds / 86_400, "day"),
    };
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    format!("{span} {side}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_in_the_unit_that_fits() {
        let check = |ahead, expected: &str| assert_eq!(apart(ahead), expected);
        check(1, "1 second ahead of");
        check(-119, "119 seconds behind");
        check(120, "2 minutes ahead of");
        check(-7_199, "119 minutes behind");
        check(7_200, "2 hours ahead of");
        check(400 * 86_400, "400 days ahead of");
    }
}
