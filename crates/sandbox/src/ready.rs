//! The one line that the program prints when both servers answer.

use serde::Serialize;

use crate::clients::{
    CLIENT_ID, GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET,
};
use crate::sandbox::Sandbox;

/// Where everything is. The client secrets in it are published ones that prove nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    event: &'static str,
    /// The standard dialect's issuer.
    pub issuer: String,
    /// The protected API's origin.
    pub api: String,
    /// The app's public client.
    pub client_id: &'static str,
    /// The other dialects.
    pub dialects: Dialects,
}

/// The other dialects.
#[derive(Clone, Debug, Serialize)]
pub struct Dialects {
    /// In Google's manner.
    pub google: Google,
    /// In GitHub's manner.
    pub github: GitHub,
}

/// Where the Google dialect is.
#[derive(Clone, Debug, Serialize)]
pub struct Google {
    /// Its issuer.
    pub issuer: String,
    /// The app's client there.
    pub client_id: &'static str,
    /// Demanded by the token endpoint.
    pub client_secret: &'static str,
}

/// Where the GitHub dialect is.
#[derive(Clone, Debug, Serialize)]
pub struct GitHub {
    /// What stands for `https://github.com`.
    pub web: String,
    /// What stands for `https://api.github.com`.
    pub api: String,
    /// The app's client there.
    pub client_id: &'static str,
    /// Demanded by the web flow.
    pub client_secret: &'static str,
}

impl Sandbox {
    /// Where everything is.
    pub fn ready(&self) -> Ready {
        Ready {
            event: "ready",
            issuer: self.issuer().to_owned(),
            api: self.api().to_owned(),
            client_id: CLIENT_ID,
            dialects: Dialects {
                google: Google {
                    issuer: format!("{}/google", self.issuer()),
                    client_id: GOOGLE_CLIENT_ID,
                    client_secret: GOOGLE_CLIENT_SECRET,
                },
                github: GitHub {
                    web: format!("{}/github", self.issuer()),
                    api: format!("{}/github", self.api()),
                    client_id: GITHUB_CLIENT_ID,
                    client_secret: GITHUB_CLIENT_SECRET,
                },
            },
        }
    }
}
