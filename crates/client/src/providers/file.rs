//! providers.toml: what an entry may say, and what comes of it.

use std::path::Path;

use serde::Deserialize;
use tessera_oidc::{AddressError, ClientId, ClientSecret, Scopes, is_secure};
use toml_edit::{DocumentMut, Item, Table, value};
use url::Url;

use super::{ProviderError, api_origin, github_routes, host, usual_scopes};
use crate::ports::LoopbackHost;
use crate::provider::{LoopbackSettings, Provider, ProviderId, ProviderKind, ProviderSource, Route};

/// `[[provider]]` in providers.toml.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    id: String,
    name: Option<String>,
    kind: Option<String>,
    issuer: Option<String>,
    web: Option<String>,
    api: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scopes: Option<Vec<String>>,
    routes: Option<Vec<String>>,
    loopback: Option<LoopbackEntry>,
    apis: Option<Vec<String>>,
    dpop: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoopbackEntry {
    host: Option<String>,
    ports: Option<Vec<u16>>,
    path: Option<String>,
}

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    provider: Vec<Entry>,
}

pub(super) fn read(file: &Path) -> Result<Vec<Entry>, ProviderError> {
    let Some(text) = read_text(file)? else {
        return Ok(Vec::new());
    };
    let parsed = toml::from_str::<File>(&text).map_err(|error| {
        // Only the parser's own sentence and the line: the text around it may hold a client secret.
        let line = error
            .span()
            .map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        ProviderError::File(format!("{place}{}", error.message()))
    })?;
    Ok(parsed.provider)
}

pub(super) fn read_text(file: &Path) -> Result<Option<String>, ProviderError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ProviderError::File(error.to_string())),
    }
}

pub(super) fn unreadable() -> String {
    "it is not readable as it is now; correct it by hand first".to_owned()
}

/// Adds an entry of the file, or fills in the built-in provider of its id.
pub(super) fn add(list: &mut Vec<Provider>, entry: Entry) -> Result<(), ProviderError> {
    let id = ProviderId::new(&entry.id)
        .ok_or_else(|| ProviderError::File(format!("`{}` cannot be a provider's id", entry.id)))?;
    let problem = |what: String| ProviderError::File(format!("provider `{}`: {what}", entry.id));

    let before = list.iter().position(|provider| provider.id == id);
    let base = before.and_then(|index| list.get(index).cloned());
    if base
        .as_ref()
        .is_some_and(|base| base.source == ProviderSource::File)
    {
        return Err(problem("it is there twice".to_owned()));
    }
    let kind_name = entry
        .kind
        .as_deref()
        .unwrap_or_else(|| base.as_ref().map_or("oidc", |base| base.kind.as_str()));
    let address = |text: &str| {
        Url::parse(text)
            .ok()
            .filter(is_secure)
            .ok_or_else(|| problem(format!("`{text}` is not an https address")))
    };
    let kind = match kind_name {
        "oidc" => ProviderKind::Oidc,
        "google" => ProviderKind::Google,
        "github" => {
            let web = entry.web.as_deref().unwrap_or("https://github.com");
            let api = entry.api.as_deref().unwrap_or("https://api.github.com");
            ProviderKind::GitHub {
                web: address(web)?,
                api: address(api)?,
            }
        }
        other => {
            return Err(problem(format!(
                "kind `{other}` is not one of oidc, google, github"
            )));
        }
    };
    let issuer = match (&kind, &entry.issuer, &base) {
        (ProviderKind::GitHub { web, .. }, None, _) => {
            let text = format!("{}/login/oauth", web.as_str().trim_end_matches('/'));
            text.parse()
                .map_err(|error: AddressError| problem(error.to_string()))?
        }
        (_, Some(issuer), _) => issuer
            .parse()
            .map_err(|error: AddressError| problem(error.to_string()))?,
        (ProviderKind::Google, None, _) => "https://accounts.google.com"
            .parse()
            .map_err(|error: AddressError| problem(error.to_string()))?,
        (_, None, Some(base)) => base.issuer.clone(),
        (_, None, None) => return Err(problem("`issuer` is missing".to_owned())),
    };

    let client_id = entry.client_id.filter(|id| !id.is_empty()).map(ClientId::new);
    // A secret goes with its client id: what the build carries is nothing for somebody else's.
    let of_build = base
        .as_ref()
        .filter(|base| client_id.is_none() || client_id == base.client_id);
    let client_secret = entry
        .client_secret
        .map(ClientSecret::new)
        .or_else(|| of_build.and_then(|base| base.client_secret.clone()));
    let mut apis = match &kind {
        ProviderKind::GitHub { api, .. } => vec![api.clone()],
        _ => base.as_ref().map(|base| base.apis.clone()).unwrap_or_default(),
    };
    for api in entry.apis.iter().flatten() {
        apis.push(api_origin(api).map_err(|error| problem(error.to_string()))?);
    }
    let routes = match &entry.routes {
        Some(names) => names
            .iter()
            .map(|name| Route::parse(name).filter(|route| *route != Route::Paste))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| problem("`routes` may hold scheme, loopback and device".to_owned()))?,
        None => match &kind {
            ProviderKind::GitHub { .. } => github_routes(client_secret.is_some()),
            ProviderKind::Google => vec![Route::Loopback],
            _ => vec![Route::Scheme, Route::Loopback, Route::Device],
        },
    };
    let loopback = match &entry.loopback {
        None => LoopbackSettings::default(),
        Some(given) => loopback(given).ok_or_else(|| problem("`loopback` cannot be used".to_owned()))?,
    };
    let scopes_named = entry.scopes.is_some() || base.as_ref().is_some_and(|base| base.scopes_named);
    let scopes = match (&entry.scopes, &base) {
        (Some(tokens), _) => Scopes::from_tokens(tokens.clone()),
        (None, Some(base)) => base.scopes.clone(),
        (None, None) => match &kind {
            ProviderKind::Google => Scopes::parse("openid email profile"),
            ProviderKind::GitHub { .. } => Scopes::parse("read:user user:email offline_access"),
            _ => usual_scopes(),
        },
    };
    let provider = Provider {
        name: entry
            .name
            .or_else(|| base.as_ref().map(|base| base.name.clone()))
            .unwrap_or_else(|| host(issuer.url())),
        client_id: client_id.or_else(|| base.as_ref().and_then(|base| base.client_id.clone())),
        source: base.as_ref().map_or(ProviderSource::File, |base| base.source),
        id,
        kind,
        issuer,
        client_secret,
        scopes,
        scopes_named,
        dpop: entry
            .dpop
            .unwrap_or_else(|| base.as_ref().is_some_and(|base| base.dpop)),
        routes,
        loopback,
        apis,
    };
    match before.and_then(|index| list.get_mut(index)) {
        Some(place) => *place = provider,
        None => list.push(provider),
    }
    Ok(())
}

fn loopback(entry: &LoopbackEntry) -> Option<LoopbackSettings> {
    let usual = LoopbackSettings::default();
    let host = match entry.host.as_deref() {
        None | Some("127.0.0.1") => LoopbackHost::V4,
        Some("::1" | "[::1]") => LoopbackHost::V6,
        Some("localhost") => LoopbackHost::Localhost,
        Some(_) => return None,
    };
    let path = entry.path.clone().unwrap_or(usual.path);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    if !path.starts_with('/') || !path.chars().all(plain) {
        return None;
    }
    Some(LoopbackSettings {
        host,
        ports: entry
            .ports
            .clone()
            .filter(|ports| !ports.is_empty())
            .unwrap_or(usual.ports),
        path,
    })
}

pub(super) fn entry_of<'d>(document: &'d mut DocumentMut, id: &str) -> Result<&'d mut Table, ProviderError> {
    let entries = document
        .entry("provider")
        .or_insert_with(|| Item::ArrayOfTables(toml_edit::ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(|| ProviderError::File(unreadable()))?;
    let found = entries
        .iter()
        .position(|entry| entry.get("id").and_then(Item::as_str) == Some(id));
    let index = found.unwrap_or_else(|| {
        let mut entry = Table::new();
        entry["id"] = value(id);
        entries.push(entry);
        entries.len() - 1
    });
    entries
        .get_mut(index)
        .ok_or_else(|| ProviderError::File(unreadable()))
}
