//! What to do next, for somebody at a terminal: the client's own hint, or the command to run where the client's speaks
//! of what only the window has, or leaves open how it is done.

use std::path::PathBuf;

use crate::arguments::Login;
use tessera_client::ports::{DesktopError, VaultError};
use tessera_client::{
    Account, AccountError, AttemptError, Category, CheckUpError, Client, Error, Page, PolicyError,
    ProviderError, StoreError,
};

/// What a command is about, so that a hint can name the one that helps.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// Where providers.toml is; unknown while the data folder is not open.
    file: Option<PathBuf>,
    /// Who can be signed in with by name.
    ready: Vec<String>,
    /// The flags that name the provider, or the account, to sign in with.
    provider: String,
    /// The flags that name the provider alone.
    anybody: String,
    /// Whether its client id was named by a flag.
    by_flags: bool,
    /// What a sign-in waits for.
    waits: Option<Waits>,
}

/// What a sign-in waits for.
#[derive(Clone, Debug)]
enum Waits {
    /// For the browser to come back, from a page that was asked for like this.
    Browser { client_id: String, redirect_uri: String },
    /// For a code to be typed.
    Device,
}

impl About {
    /// Looks at what this data folder has.
    pub(crate) fn folder(&mut self, client: &Client) {
        self.file = Some(client.providers_file());
        self.ready = client
            .providers()
            .iter()
            .filter(|provider| client.readiness(provider).is_none())
            .map(|provider| provider.id.to_string())
            .collect();
    }

    /// A sign-in as somebody asked for it.
    pub(crate) fn login(&mut self, login: &Login) {
        self.by_flags = login.issuer.is_some();
        self.provider = match (&login.provider, &login.issuer, &login.client_id) {
            (Some(name), ..) => format!(" --provider {}", quoted(name)),
            (None, Some(issuer), Some(client_id)) => by_address(issuer, client_id),
            _ => String::new(),
        };
        if login.client_secret.is_some() {
            self.provider.push_str(" --client-secret SECRET");
        }
        self.anybody.clone_from(&self.provider);
        if let Some(account) = &login.account {
            self.provider.push_str(" --account ");
            self.provider.push_str(&quoted(account));
        }
    }

    /// An account, which can be signed in again.
    pub(crate) fn account(&mut self, client: &Client, account: &Account) {
        let by_name = client.provider(&account.provider).is_ok_and(|provider| {
            provider.issuer == account.issuer && provider.client_id.as_ref() == Some(&account.client_id)
        });
        self.by_flags = !by_name;
        self.anybody = if by_name {
            format!(" --provider {}", quoted(account.provider.as_str()))
        } else {
            by_address(account.issuer.as_str(), account.client_id.as_str())
        };
        self.provider = format!(" --account {}", account.id);
    }

    /// A sign-in has its page, and waits.
    pub(crate) fn waits(&mut self, page: &Page, is_device: bool) {
        let parameter = |name: &str| {
            let found = page.url.query_pairs().find(|(own, _)| own == name);
            found.map(|(_, value)| value.into_owned())
        };
        self.waits = if is_device {
            Some(Waits::Device)
        } else {
            // A pushed request names neither; its provider has looked at both already.
            parameter("client_id")
                .zip(parameter("redirect_uri"))
                .map(|(client_id, redirect_uri)| Waits::Browser {
                    client_id,
                    redirect_uri,
                })
        };
    }

    /// One sentence, or two: what to do next.
    pub(crate) fn hint(&self, error: &Error) -> String {
        let sign_in = self.sign_in();
        let hint = match error {
            Error::Account(error) => self.of_account(error),
            Error::Attempt(error) => self.of_attempt(error),
            Error::CheckUp(error) => self.of_check_up(error),
            Error::DeclinedOnDevice => Some(format!(
                "Run `{sign_in} --redirect device` again, and allow it there."
            )),
            Error::Device(_) if is_of_device(error.code()) => Some(format!(
                "Try again in a few minutes, or run `{sign_in} --redirect loopback` to use the browser on this computer."
            )),
            Error::DpopKey(_) => Some(format!("Run `{sign_in}`; that makes a new one.")),
            Error::Loopback(_) => Some(format!(
                "`tessera doctor` tries to open one. Where the provider offers it, `{sign_in} --redirect device` needs none."
            )),
            Error::NotSaved(error) => of_vault(error).map(|first| format!("{first} Then run `{sign_in}`.")),
            Error::Pending(_) => Some(format!("Run `{sign_in}` again.")),
            Error::Policy(PolicyError::Origin(origin)) => Some(format!(
                "If you trust that server with this account, run `{sign_in} --api {}` and sign in as the same person.",
                quoted(origin)
            )),
            Error::Provider(error) => self.of_provider(error),
            Error::Store(StoreError::Damaged(_)) => Some(format!(
                "Run this again: a damaged file is kept aside, and your accounts come back from the keychain. If this comes once more, move tessera.db {}aside yourself; the same happens then.",
                self.file
                    .as_ref()
                    .and_then(|file| file.parent())
                    .map(|folder| format!("in {} ", folder.display()))
                    .unwrap_or_default()
            )),
            Error::Vault(VaultError::Damaged) => Some(format!("Run `{sign_in}`; that replaces it.")),
            Error::Vault(error) => of_vault(error),
            Error::IdToken(_) | Error::Userinfo(_) if wants_a_report(error) => Some(format!(
                "Run `{sign_in}` again; if it happens once more, do not sign in there, and give what \
                 `tessera --trace{}` shows to whoever runs the provider.",
                sign_in.strip_prefix("tessera").unwrap_or(" login")
            )),
            Error::Refused(_) | Error::Token(_) | Error::Par(_) | Error::Device(_) => {
                self.of_refusal(error.code())
            }
            _ => None,
        };
        hint.unwrap_or_else(|| error.hint())
    }

    /// The command that signs in.
    pub(crate) fn sign_in(&self) -> String {
        format!("tessera login{}", self.provider)
    }

    /// The command that signs anybody in there.
    fn any(&self) -> String {
        format!("tessera login{}", self.anybody)
    }

    /// Where the client id in use was given.
    fn place(&self) -> String {
        if self.by_flags {
            "the flag `--client-id`".to_owned()
        } else {
            format!("`client_id` in {}", self.file())
        }
    }

    fn file(&self) -> String {
        self.file
            .as_ref()
            .map_or_else(|| "providers.toml".to_owned(), |file| file.display().to_string())
    }

    fn of_account(&self, error: &AccountError) -> Option<String> {
        let sign_in = self.sign_in();
        Some(match error {
            AccountError::Unknown(_) => {
                "Run `tessera accounts` for the names and ids that there are.".to_owned()
            }
            AccountError::Ambiguous(_) => "Use the account's id, which `tessera accounts` shows.".to_owned(),
            AccountError::NeedsSignIn { .. } => {
                format!("Run `{sign_in}` and sign in as the same person; nothing else is lost.")
            }
            AccountError::NoRefreshToken => {
                format!("Run `{sign_in}`; where the provider offers it, allow access while you are away.")
            }
            AccountError::OtherProvider
            | AccountError::ProviderAsksToWait { .. }
            | AccountError::Superseded => return None,
        })
    }

    fn of_attempt(&self, error: &AttemptError) -> Option<String> {
        let sign_in = self.sign_in();
        Some(match error {
            AttemptError::Cancelled => format!("Run `{sign_in}` again whenever you like."),
            AttemptError::Gone => format!("Run `{sign_in}` again; you can close that page."),
            AttemptError::OtherAccount => format!(
                "Run it again and choose that account. To add the one that you chose, run `{} --any-account`.",
                self.any()
            ),
            AttemptError::NotAnswered => {
                "Run it again whenever you like, and choose that account.".to_owned()
            }
            AttemptError::TimedOut => match &self.waits {
                None => format!("Run `{sign_in}` again; `--timeout` gives it more time."),
                Some(Waits::Device) => format!("Run `{sign_in} --redirect device` again to get a new code."),
                // A provider that does not know one of the two says so on its page, and sends nobody back
                // (RFC 6749 section 4.1.2.1).
                Some(Waits::Browser {
                    client_id,
                    redirect_uri,
                }) => format!(
                    "If your browser shows an error about the client or the redirect address, compare the client id `{client_id}` \
                     and the address {redirect_uri} with what is registered at the provider; the client id comes from {}. \
                     If your browser did finish, run `{sign_in} --redirect paste` and paste the address it ends on.",
                    self.place()
                ),
            },
            _ => return None,
        })
    }

    /// What a check-up finds, where the client's own hint names what only the window has.
    fn of_check_up(&self, error: &CheckUpError) -> Option<String> {
        let none_needed = "`tessera login` needs no such link.";
        Some(match error {
            CheckUpError::NoAnswer(_) => {
                "Run `tessera doctor` again; if it stays so, restart what did not answer.".to_owned()
            }
            CheckUpError::Desktop(DesktopError::NotInstalled(_)) => {
                "Install what is named in the details, then run `tessera doctor` again.".to_owned()
            }
            CheckUpError::Desktop(_) => {
                "Run `tessera doctor` again; if it stays so, log out and in again.".to_owned()
            }
            // It is the machine without a desktop that comes here, of which the manual tells more.
            CheckUpError::NoSessionBus(_) => {
                "Run this in a terminal of your desktop. Where there is none, a keychain can be had for one command: \
                 `dbus-run-session -- sh -c 'gnome-keyring-daemon --unlock --components=secrets && tessera login --redirect paste'`."
                    .to_owned()
            }
            CheckUpError::NoBrowser(_) => {
                "Install it; until then, run `tessera login --no-browser` and open the address that it prints yourself."
                    .to_owned()
            }
            CheckUpError::SchemeUnhandled
            | CheckUpError::SchemeProgramGone(_)
            | CheckUpError::SchemeElsewhere(_)
            | CheckUpError::SchemeNotReturned => {
                format!("{none_needed} Start the app once, or install it again: it then registers itself.")
            }
            CheckUpError::SchemeShared { .. } => {
                format!("{none_needed} Start the other build of the app once: it then opens its own links.")
            }
            CheckUpError::PortTaken { .. } => format!(
                "Quit what is listening there, or register another port at the provider and name it in {} under `loopback`; then run `tessera doctor` again.",
                self.file()
            ),
            CheckUpError::ClockDiffers { .. } => {
                "Set this computer's clock by the internet, then run `tessera doctor` again.".to_owned()
            }
            CheckUpError::OtherInstance(_) | CheckUpError::NoInstance => return None,
        })
    }

    fn of_provider(&self, error: &ProviderError) -> Option<String> {
        let by_address = "`tessera login --issuer URL --client-id ID`";
        Some(match error {
            ProviderError::Unknown(_) | ProviderError::NotNamed if self.ready.is_empty() => format!(
                "None is ready yet: run {by_address}, or put one into {}.",
                self.file()
            ),
            ProviderError::Unknown(_) | ProviderError::NotNamed => format!(
                "Run `tessera login --provider NAME` with one of these names: {}. Or run {by_address}.",
                self.ready.join(", ")
            ),
            ProviderError::NoClientId(_) => format!(
                "Register an app with the provider and put its client id into {}: under [[provider]], `id` is the name that you gave to --provider.",
                self.file()
            ),
            ProviderError::NoClientSecret(_) => format!(
                "Put the `client_secret` that came with the client id into {}, beside it.",
                self.file()
            ),
            ProviderError::Route { .. } => {
                "Name another way with --redirect (loopback, paste or device), or leave it out.".to_owned()
            }
            ProviderError::File(_) => {
                format!("Correct {}; the built-in providers still work.", self.file())
            }
            _ => return None,
        })
    }

    /// A refusal by the provider, which is known by its code (RFC 6749 sections 4.1.2.1 and 5.2, and GitHub's own).
    fn of_refusal(&self, code: &str) -> Option<String> {
        let sign_in = self.sign_in();
        Some(match code {
            "access_denied" | "authorization_declined" => {
                format!("Run `{sign_in}` again if you changed your mind.")
            }
            "invalid_client"
            | "incorrect_client_credentials"
            | "unauthorized_client"
            | "redirect_uri_mismatch"
            | "device_flow_disabled"
            | "unsupported_grant_type"
            | "unsupported_response_type" => format!(
                "Compare the client id and the way back (`--redirect`) with what is registered at the provider; the client id comes from {}.",
                self.place()
            ),
            "invalid_scope" => {
                "Ask for fewer permissions with --scope, or have them allowed at the provider.".to_owned()
            }
            _ => return None,
        })
    }
}

/// What helps a keychain, and how to see that it did.
fn of_vault(error: &VaultError) -> Option<String> {
    let first = match error {
        VaultError::Missing(_) => "Start a keychain such as GNOME Keyring or KWallet",
        VaultError::Locked => "Unlock it and run this again",
        VaultError::Refused(_) => "Allow Tessera in your keychain's own settings",
        VaultError::Full(_) => "Make room on this computer's disk and run this again",
        VaultError::TooSmall { .. } => "Use another keychain",
        VaultError::Failed(_) => "Run this again; if it stays so, restart the keychain",
        VaultError::Replaced | VaultError::HeldElsewhere | VaultError::Damaged => return None,
    };
    Some(format!("{first}. `tessera doctor` tries it."))
}

/// Whether the device grant gave an answer that is none; a refusal has its own code.
fn is_of_device(code: &str) -> bool {
    ["device_status", "device_not_json", "device_malformed"].contains(&code)
}

/// Whether whoever runs the provider has to see what came.
fn wants_a_report(error: &Error) -> bool {
    const ELSE: [&str; 10] = [
        "id_token_exp",
        "id_token_iat",
        "id_token_nbf",
        "id_token_nonce",
        "id_token_acr",
        "id_token_auth_time",
        "id_token_unknown_key",
        "clock_differs",
        "userinfo_exp",
        "userinfo_unauthorized",
    ];
    error.category() == Category::CheckFailed && !ELSE.contains(&error.code())
}

fn by_address(issuer: &str, client_id: &str) -> String {
    format!(" --issuer {} --client-id {}", quoted(issuer), quoted(client_id))
}

/// As a shell takes it for one word.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use tessera_client::ports::Holder;

    use super::*;

    #[test]
    fn what_a_check_up_finds_is_mended_without_the_window() {
        let text = || "text".to_owned();
        let about = About {
            file: Some("/home/ann/providers.toml".into()),
            ..About::default()
        };
        for (error, part) in [
            (CheckUpError::NoAnswer("Your keychain"), "`tessera doctor`"),
            (
                CheckUpError::Desktop(DesktopError::NotInstalled(text())),
                "`tessera doctor`",
            ),
            (
                CheckUpError::Desktop(DesktopError::Failed(text())),
                "`tessera doctor`",
            ),
            (
                CheckUpError::NoSessionBus(text()),
                "tessera login --redirect paste",
            ),
            (CheckUpError::NoBrowser(text()), "`tessera login --no-browser`"),
            (CheckUpError::SchemeUnhandled, "`tessera login`"),
            (CheckUpError::SchemeProgramGone(text()), "`tessera login`"),
            (CheckUpError::SchemeElsewhere(text()), "`tessera login`"),
            (CheckUpError::SchemeShared { scheme: text() }, "`tessera login`"),
            (CheckUpError::SchemeNotReturned, "`tessera login`"),
            (
                CheckUpError::PortTaken {
                    name: text(),
                    place: text(),
                    holder: None,
                    reason: text(),
                },
                "/home/ann/providers.toml",
            ),
            (
                CheckUpError::ClockDiffers {
                    ahead: 600,
                    name: text(),
                },
                "`tessera doctor`",
            ),
            (CheckUpError::OtherInstance(Holder::Nobody), "Quit every Tessera"),
            (CheckUpError::NoInstance, "Quit Tessera"),
        ] {
            let hint = about.hint(&error.into());
            assert!(hint.contains(part) && hint.ends_with('.'), "{hint}");
            // The names of the window's buttons and screens.
            for foreign in ["“", "Settings", "look again"] {
                assert!(!hint.to_lowercase().contains(&foreign.to_lowercase()), "{hint}");
            }
        }
    }
}
