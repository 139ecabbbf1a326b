//! What a permission means, in plain words. What is not in the list is shown under the name that the provider has
//! for it.

use crate::wire::PermissionView;

const MEANINGS: &[(&str, &str)] = &[
    // OpenID Connect Core sections 3.1.2.1, 5.4 and 11.
    ("openid", "Know who you are"),
    ("profile", "See your name and picture"),
    ("email", "See your e-mail address"),
    ("address", "See your postal address"),
    ("phone", "See your phone number"),
    ("offline_access", "Keep you signed in while you are away"),
    // The sandbox.
    ("items:read", "See your list of items"),
    ("ledger:read", "See your ledger"),
    // GitHub.
    ("read:user", "See your profile"),
    ("user", "See and change your profile"),
    ("user:email", "See your e-mail addresses"),
    ("read:org", "See the organisations you belong to"),
    ("repo", "See and change all your repositories"),
    ("public_repo", "See and change your public repositories"),
    ("gist", "See and change your gists"),
    ("notifications", "See your notifications"),
    // Google.
    (
        "https://www.googleapis.com/auth/userinfo.email",
        "See your e-mail address",
    ),
    (
        "https://www.googleapis.com/auth/userinfo.profile",
        "See your name and picture",
    ),
    (
        "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
        "See the list of your calendars",
    ),
    (
        "https://www.googleapis.com/auth/calendar.readonly",
        "See your calendars",
    ),
    (
        "https://www.googleapis.com/auth/drive.file",
        "See and change the files that you open with this app",
    ),
    (
        "https://www.googleapis.com/auth/drive.readonly",
        "See all your files",
    ),
    // Microsoft.
    ("User.Read", "See your profile"),
];

/// What permissions mean that an API names, separated by spaces (RFC 6750 section 3).
pub(crate) fn meaning(scopes: &str) -> String {
    let meanings: Vec<String> = scopes
        .split_whitespace()
        .map(|scope| view(scope, false).meaning)
        .collect();
    meanings.join(", ")
}

/// A permission with its meaning, and whether it was granted.
pub(crate) fn view(scope: &str, granted: bool) -> PermissionView {
    let known = MEANINGS.iter().find(|(name, _)| *name == scope);
    let meaning = known.map_or_else(|| format!("Use “{scope}”"), |(_, meaning)| (*meaning).to_owned());
    PermissionView {
        scope: scope.to_owned(),
        meaning,
        granted,
    }
}
