//! Known calls of the APIs that people mostly want to try first.

use url::Url;

use crate::account::Account;
use crate::gateway::apis;
use crate::provider::{Provider, ProviderKind};
use crate::terms::below;

/// A call worth offering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCall {
    /// Stable id.
    pub id: &'static str,
    /// What it does, in plain words.
    pub title: &'static str,
    /// Method.
    pub method: &'static str,
    /// Address.
    pub url: Url,
    /// The permission it needs beyond being signed in.
    pub scope: Option<&'static str>,
}

struct Row {
    id: &'static str,
    title: &'static str,
    path: &'static str,
    scope: Option<&'static str>,
}

const fn row(id: &'static str, title: &'static str, path: &'static str, scope: Option<&'static str>) -> Row {
    Row {
        id,
        title,
        path,
        scope,
    }
}

const SANDBOX: &[Row] = &[
    row("sandbox-profile", "Who the API thinks you are", "profile", None),
    row(
        "sandbox-items",
        "A list in pages",
        "items?page=1",
        Some("items:read"),
    ),
    row(
        "sandbox-ledger",
        "Something that needs one more permission",
        "ledger",
        Some("ledger:read"),
    ),
    row("sandbox-picture", "A picture", "picture", None),
    row(
        "sandbox-echo",
        "The call as the API got it, without your token",
        "echo",
        None,
    ),
    row(
        "sandbox-diary",
        "Your diary, which wants a sign-in of the last five minutes",
        "diary",
        None,
    ),
    row(
        "sandbox-strongbox",
        "Your strongbox, which wants a stronger sign-in",
        "strongbox",
        None,
    ),
    row(
        "sandbox-elsewhere",
        "An answer that leads to another server",
        "elsewhere",
        None,
    ),
];

const GITHUB: &[Row] = &[
    row("github-user", "Your profile", "user", None),
    row(
        "github-emails",
        "Your e-mail addresses",
        "user/emails",
        Some("user:email"),
    ),
    row(
        "github-repos",
        "Your repositories",
        "user/repos?per_page=30",
        None,
    ),
];

const GOOGLE_SCOPE_CALENDAR: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";
const GOOGLE_SCOPE_FILES: &str = "https://www.googleapis.com/auth/drive.file";

/// The calls to offer for an account.
pub(crate) fn known_calls(account: &Account, provider: Option<&Provider>) -> Vec<KnownCall> {
    let Some(provider) = provider else {
        return own_calls(account, None);
    };
    match &provider.kind {
        ProviderKind::Sandbox => provider
            .apis
            .first()
            .map(|api| all(SANDBOX, api))
            .unwrap_or_default(),
        ProviderKind::GitHub { api, .. } => all(GITHUB, api),
        ProviderKind::Google => [
            (
                "google-userinfo",
                "Your profile",
                "https://openidconnect.googleapis.com/v1/userinfo",
                None,
            ),
            (
                "google-calendars",
                "Your calendars",
                "https://www.googleapis.com/calendar/v3/users/me/calendarList",
                Some(GOOGLE_SCOPE_CALENDAR),
            ),
            (
                "google-files",
                "Files that you opened with this app",
                "https://www.googleapis.com/drive/v3/files",
                Some(GOOGLE_SCOPE_FILES),
            ),
        ]
        .into_iter()
        .filter_map(|(id, title, url, scope)| {
            Some(KnownCall {
                id,
                title,
                method: "GET",
                url: Url::parse(url).ok()?,
                scope,
            })
        })
        .collect(),
        ProviderKind::Oidc => own_calls(account, Some(provider)),
    }
}

/// Where nothing is known of the APIs: their addresses as they are, to begin from.
fn own_calls(account: &Account, provider: Option<&Provider>) -> Vec<KnownCall> {
    let start = |api: &Url| KnownCall {
        id: "api",
        title: "The API's first page",
        method: "GET",
        url: api.clone(),
        scope: None,
    };
    let mut starts: Vec<&Url> = Vec::new();
    for api in apis(account, provider) {
        if !starts.contains(&api) {
            starts.push(api);
        }
    }
    starts.into_iter().map(start).collect()
}

fn all(rows: &[Row], api: &Url) -> Vec<KnownCall> {
    rows.iter()
        .filter_map(|row| {
            let url = below(api, row.path)?;
            Some(KnownCall {
                id: row.id,
                title: row.title,
                method: "GET",
                url,
                scope: row.scope,
            })
        })
        .collect()
}
