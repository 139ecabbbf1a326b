//! What the command takes.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Sign in once, in your own browser. Call any API you may. Your tokens stay in the keychain.
#[derive(Debug, Parser)]
#[command(name = "tessera", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    /// Show each step as it happens: what is sent, received and checked, and why. No secrets
    #[arg(long, global = true)]
    pub trace: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  this computer could not do it (disk, data folder)
  2  wrong usage
  3  refused because a check failed
  4  cancelled or timed out
  5  the network or the provider failed
  6  the keychain failed
  7  the account needs a new sign-in
  8  not allowed; nothing was sent

TESSERA_HOME names another data folder; its keychain entries are kept apart as well.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in through your browser
    Login(Login),
    /// List your accounts
    Accounts(Accounts),
    /// Print an access token that is good now
    Token(Account),
    /// Sign an account out, and say what was deleted and revoked; with --browser, in your browser too
    Logout(Logout),
    /// Call an API with an account's token
    Call(Call),
    /// Try what a sign-in needs on this computer
    Doctor(Doctor),
}

/// `tessera login`
#[derive(Debug, Args)]
pub struct Login {
    /// A provider by its name: google, github, or one of providers.toml
    #[arg(long, value_name = "NAME", conflicts_with_all = ["issuer", "client_id"])]
    pub provider: Option<String>,
    /// A provider by its issuer address
    #[arg(long, value_name = "URL", requires = "client_id")]
    pub issuer: Option<String>,
    /// The client id that the issuer knows this app by
    #[arg(long, value_name = "ID", requires = "issuer", value_parser = NonEmptyStringValueParser::new())]
    pub client_id: Option<String>,
    /// A client secret, only for issuers that insist on one
    #[arg(long, value_name = "SECRET", requires = "issuer", value_parser = NonEmptyStringValueParser::new())]
    pub client_secret: Option<String>,
    /// The account to sign in again: its id, the start of its id (four characters or more), e-mail address or name
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Choose an account at the provider, also where your browser knows one: to add another
    #[arg(long, conflicts_with = "account")]
    pub any_account: bool,
    /// A permission to ask for instead of the usual ones; may be repeated
    #[arg(long, value_name = "SCOPE")]
    pub scope: Vec<String>,
    /// How the browser's answer comes back
    #[arg(long, value_name = "WAY")]
    pub redirect: Option<Redirect>,
    /// An API that the account's token may be sent to, such as https://api.example; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub api: Vec<String>,
    /// The browser to open, and its profile, as in chrome:Work: chrome, chromium, edge, brave, firefox, or system for the
    /// default. The account is opened there from then on
    #[arg(long, value_name = "BROWSER[:PROFILE]", conflicts_with = "no_browser")]
    pub with_browser: Option<String>,
    /// Only print the address; open no browser
    #[arg(long)]
    pub no_browser: bool,
    /// How long to wait for you, at most 600
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// How the browser's answer comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Redirect {
    /// To a port that is open on this computer while you sign in
    Loopback,
    /// You paste the address that the browser ends on
    Paste,
    /// You type a code in a browser on any device
    Device,
}

/// `tessera accounts`
#[derive(Debug, Args)]
pub struct Accounts {
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `tessera token`
#[derive(Debug, Args)]
pub struct Account {
    /// Its id, the start of its id (four characters or more), e-mail address or name
    pub account: String,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `tessera logout`
#[derive(Debug, Args)]
pub struct Logout {
    /// Its id, the start of its id (four characters or more), e-mail address or name
    #[arg(required_unless_present_any = ["retry", "forget"])]
    pub account: Option<String>,
    /// End all that you allowed this app there, on every device, where the provider can
    #[arg(long, conflicts_with_all = ["leaked", "retry", "forget"])]
    pub everywhere: bool,
    /// Somebody else saw a token: have the provider end it, where it takes such reports (GitHub)
    #[arg(long, conflicts_with_all = ["retry", "forget"])]
    pub leaked: bool,
    /// Instead, try again what could not be finished at the provider
    #[arg(long, conflicts_with_all = ["account", "browser", "forget"])]
    pub retry: bool,
    /// Instead, give such a sign-out up: its id, or the start of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["account", "browser"])]
    pub forget: Option<String>,
    /// Afterwards open the provider's sign-out page in your browser, where it has one
    #[arg(long)]
    pub browser: bool,
    /// How long to wait for the browser to come back, at most 600
    #[arg(long, value_name = "SECONDS", requires = "browser", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `tessera call`
#[derive(Debug, Args)]
pub struct Call {
    /// Its id, the start of its id (four characters or more), e-mail address or name
    pub account: String,
    /// The method; GET, or POST when there is a body
    #[arg(short = 'X', value_name = "METHOD")]
    pub method: Option<String>,
    /// A JSON body; `-` reads it from standard input
    #[arg(short = 'd', value_name = "BODY", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// The address
    pub url: String,
    /// Where the API first wants a permission or another sign-in, ask you for it in your browser, and call again
    #[arg(long)]
    pub ask: bool,
    /// How the browser's answer comes back then
    #[arg(long, value_name = "WAY", requires = "ask")]
    pub redirect: Option<Redirect>,
    /// Then only print the address; open no browser
    #[arg(long, requires = "ask")]
    pub no_browser: bool,
    /// Write one JSON object with status, headers and body
    #[arg(long)]
    pub json: bool,
}

/// `tessera doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    /// Whether the answer is for a program.
    pub fn json(&self) -> bool {
        match &self.command {
            Command::Login(login) => login.json,
            Command::Accounts(accounts) => accounts.json,
            Command::Token(account) => account.json,
            Command::Logout(logout) => logout.json,
            Command::Call(call) => call.json,
            Command::Doctor(doctor) => doctor.json,
        }
    }
}
