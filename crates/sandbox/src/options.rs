//! How a sandbox is set up.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::clients::Client;
use crate::people::Person;

/// What can be chosen when a sandbox starts. The defaults suit a trial run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where both servers listen: a loopback address, nothing else is accepted.
    pub address: IpAddr,
    /// The provider's port; 0 takes the one of the state folder, or any free one.
    pub port: u16,
    /// The protected API's port; 0 as above.
    pub api_port: u16,
    /// Where to remember everything across restarts; `None` forgets it all at the end.
    pub state: Option<PathBuf>,
    /// Who can sign in.
    pub people: Vec<Person>,
    /// Who may ask.
    pub clients: Vec<Client>,
    /// Seconds an access token is good for (the standard dialect).
    pub access_token_life: i64,
    /// Seconds a code is good for (the standard dialect).
    pub code_life: i64,
    /// Seconds a refresh token is good for when it is not used.
    pub refresh_token_life: i64,
    /// Seconds after its first use during which a refresh token may be used again; 0: never.
    pub refresh_reuse_grace: i64,
    /// What every refresh token begins with (the standard dialect): whoever looks for traces of any of them need not
    /// know each.
    pub refresh_token_mark: String,
    /// The least characters that a refresh token has (the standard dialect). Some providers' have thousands, which not
    /// every keychain keeps in one piece.
    pub refresh_token_length: usize,
    /// Seconds a device code is good for.
    pub device_code_life: i64,
    /// How it stands with pushed authorization requests (the standard dialect).
    pub pushed_requests: PushedRequests,
    /// How it stands with proofs of possession (the standard dialect, and the protected API).
    pub dpop: Dpop,
    /// Google: ID tokens name the issuer without `https://` (or, here, `http://`).
    pub google_short_issuer: bool,
    /// GitHub: the app has the device flow switched on.
    pub github_device_flow: bool,
}

/// How the provider stands to pushed authorization requests (RFC 9126).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PushedRequests {
    /// They are taken, but the discovery document does not say so.
    #[default]
    Unmentioned,
    /// They are taken, and the discovery document says where.
    Offered,
    /// Nothing else is taken.
    Required,
}

/// How the provider stands to proofs of possession (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dpop {
    /// They are not looked at, and every token is a bearer token.
    #[default]
    Unmentioned,
    /// Tokens are bound to a key when a proof of it comes along.
    Offered,
    /// The same, and provider and API want their own nonces in every proof.
    WithNonces,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            api_port: 0,
            state: None,
            people: Person::defaults(),
            clients: Client::defaults(),
            access_token_life: 300,
            code_life: 60,
            refresh_token_life: 30 * 24 * 60 * 60,
            refresh_reuse_grace: 0,
            refresh_token_mark: String::new(),
            refresh_token_length: 0,
            device_code_life: 900,
            pushed_requests: PushedRequests::Unmentioned,
            dpop: Dpop::Unmentioned,
            google_short_issuer: false,
            github_device_flow: true,
        }
    }
}
