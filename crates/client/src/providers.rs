//! The providers of this data folder: the built-in ones, what providers.toml adds, and the sandbox.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde::Deserialize;
use tessera_oidc::{AddressError, ClientId, ClientSecret, Issuer, Scopes, is_secure};
use toml_edit::{DocumentMut, Item, Table, value};
use url::Url;

use crate::ports::LoopbackHost;
use crate::provider::{
    AdHocProvider, LoopbackSettings, Provider, ProviderDraft, ProviderId, ProviderKind, ProviderSource,
    Route, SandboxAddress,
};

/// Why a provider cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No provider has this name.
    #[error("there is no provider called `{0}`")]
    Unknown(String),
    /// Nobody said which one.
    #[error("no provider was named")]
    NotNamed,
    /// Nobody has given its client id.
    #[error("{0} needs a client id before anyone can sign in")]
    NoClientId(String),
    /// This provider insists on a client secret, and there is none.
    #[error("{0} wants a client secret even from desktop apps")]
    NoClientSecret(String),
    /// Its issuer's address cannot be one.
    #[error("the issuer address cannot be used: {0}")]
    Issuer(#[from] AddressError),
    /// An API origin is not an origin, or not encrypted.
    #[error("`{0}` is not the address of an API: an origin such as https://api.example is needed")]
    Api(String),
    /// The provider takes none of the ways back that are possible here.
    #[error("{name} cannot be used with the route `{route}`")]
    Route {
        /// The provider's name.
        name: String,
        /// The route asked for.
        route: &'static str,
    },
    /// providers.toml cannot be read.
    #[error("providers.toml cannot be used: {0}")]
    File(String),
    /// providers.toml cannot be written.
    #[error("providers.toml could not be saved: {0}")]
    Save(String),
    /// The provider cannot be changed or removed here.
    #[error("{0} is part of this build")]
    BuiltIn(String),
}

/// All providers, and where they came from.
pub(crate) struct Providers {
    file: PathBuf,
    loaded: RwLock<Loaded>,
}

#[derive(Default)]
struct Loaded {
    providers: Vec<Provider>,
    sandbox: Option<Provider>,
    problem: Option<ProviderError>,
}

/// `[[provider]]` in providers.toml.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoopbackEntry {
    host: Option<String>,
    ports: Option<Vec<u16>>,
    path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<Entry>,
}

impl Providers {
    /// Reads `file` if it is there. A file that cannot be used is a problem to be shown, not a reason to have
    /// no providers.
    pub(crate) fn load(file: PathBuf) -> Self {
        let providers = Self {
            file,
            loaded: RwLock::default(),
        };
        providers.reload();
        providers
    }

    fn reload(&self) {
        let mut list = built_in();
        let problem = match read(&self.file) {
            Ok(entries) => entries.into_iter().find_map(|entry| add(&mut list, entry).err()),
            Err(problem) => Some(problem),
        };
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.providers = list;
        loaded.problem = problem;
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// All of them: the sandbox first where it runs, then the built-in ones, then the file's in its order.
    pub(crate) fn all(&self) -> Vec<Provider> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.sandbox.iter().chain(&loaded.providers).cloned().collect()
    }

    pub(crate) fn find(&self, id: &ProviderId) -> Option<Provider> {
        self.all().into_iter().find(|provider| provider.id == *id)
    }

    pub(crate) fn problem(&self) -> Option<ProviderError> {
        self.loaded
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .problem
            .clone()
    }

    pub(crate) fn set_sandbox(&self, address: &SandboxAddress) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.sandbox = ProviderId::new(ProviderId::SANDBOX).map(|id| Provider {
            id,
            name: "Tessera Sandbox".to_owned(),
            kind: ProviderKind::Sandbox,
            issuer: address.issuer.clone(),
            client_id: Some(address.client_id.clone()),
            client_secret: None,
            scopes: Scopes::parse("openid profile email offline_access items:read"),
            routes: vec![Route::Scheme, Route::Loopback],
            loopback: LoopbackSettings::default(),
            apis: vec![address.api.clone()],
            source: ProviderSource::Run,
        });
    }

    /// Writes a draft into the file, keeping everything else in it as it is, and reads the file anew.
    /// Blocking: it touches the disk.
    pub(crate) fn save(&self, draft: &ProviderDraft) -> Result<Provider, ProviderError> {
        let id = match &draft.id {
            Some(id) => id.clone(),
            None => self.new_id(draft)?,
        };
        let built_in = matches!(id.as_str(), ProviderId::GOOGLE | ProviderId::GITHUB);
        if !built_in {
            draft.issuer.trim().parse::<Issuer>()?;
        }
        if draft.client_id.trim().is_empty() {
            return Err(ProviderError::NoClientId(draft.name.clone()));
        }
        let apis = draft
            .apis
            .iter()
            .map(|api| api_origin(api))
            .collect::<Result<Vec<_>, _>>()?;

        self.edit(|document| {
            let entry = entry_of(document, id.as_str())?;
            entry["client_id"] = value(draft.client_id.trim());
            if !built_in {
                entry["issuer"] = value(draft.issuer.trim());
                if draft.name.trim().is_empty() {
                    entry.remove("name");
                } else {
                    entry["name"] = value(draft.name.trim());
                }
                entry["apis"] = value(apis.iter().map(origin_text).collect::<toml_edit::Array>());
            }
            Ok(())
        })?;
        self.find(&id)
            .ok_or_else(|| ProviderError::Unknown(id.to_string()))
    }

    /// Removes a provider from the file. Blocking.
    pub(crate) fn remove(&self, id: &ProviderId) -> Result<(), ProviderError> {
        let provider = self
            .find(id)
            .ok_or_else(|| ProviderError::Unknown(id.to_string()))?;
        if provider.source != ProviderSource::File {
            return Err(ProviderError::BuiltIn(provider.name));
        }
        self.edit(|document| {
            if let Some(entries) = document
                .get_mut("provider")
                .and_then(Item::as_array_of_tables_mut)
            {
                entries.retain(|entry| entry.get("id").and_then(Item::as_str) != Some(id.as_str()));
            }
            Ok(())
        })
    }

    fn edit(
        &self,
        change: impl FnOnce(&mut DocumentMut) -> Result<(), ProviderError>,
    ) -> Result<(), ProviderError> {
        let before = read_text(&self.file)?.unwrap_or_default();
        let mut document: DocumentMut = before.parse().map_err(|_| ProviderError::File(unreadable()))?;
        change(&mut document)?;
        let after = document.to_string();
        // What cannot be read back must not replace what could.
        toml::from_str::<File>(&after).map_err(|_| ProviderError::File(unreadable()))?;
        let save = |error: std::io::Error| ProviderError::Save(error.to_string());
        let draft = self.file.with_extension("toml.new");
        std::fs::write(&draft, after).map_err(save)?;
        std::fs::rename(&draft, &self.file).map_err(save)?;
        self.reload();
        Ok(())
    }

    fn new_id(&self, draft: &ProviderDraft) -> Result<ProviderId, ProviderError> {
        let issuer: Issuer = draft.issuer.trim().parse()?;
        let base = slug(issuer.url());
        let taken = self.all();
        (1..1000)
            .map(|n| {
                if n == 1 {
                    base.clone()
                } else {
                    format!("{base}-{n}")
                }
            })
            .filter_map(|text| ProviderId::new(&text))
            .find(|id| taken.iter().all(|provider| provider.id != *id))
            .ok_or_else(|| ProviderError::Save("no free name is left for it".to_owned()))
    }
}

/// A provider for one sign-in, named by issuer and client id.
pub(crate) fn ad_hoc(named: &AdHocProvider, known: &[Provider]) -> Result<Provider, ProviderError> {
    let issuer: Issuer = named.issuer.parse()?;
    // The same issuer with the same client is the same provider, by whatever way it is named.
    let same = |provider: &&Provider| {
        provider.issuer == issuer
            && provider
                .client_id
                .as_ref()
                .is_some_and(|id| id.as_str() == named.client_id)
            && named.client_secret.is_none()
    };
    if let Some(provider) = known.iter().find(same) {
        return Ok(provider.clone());
    }
    let name = host(issuer.url());
    Ok(Provider {
        id: ProviderId::new(&slug(issuer.url())).ok_or_else(|| ProviderError::Unknown(name.clone()))?,
        name,
        kind: ProviderKind::Oidc,
        client_id: Some(ClientId::new(named.client_id.clone())),
        client_secret: named.client_secret.clone(),
        scopes: usual_scopes(),
        routes: vec![Route::Scheme, Route::Loopback, Route::Device],
        loopback: LoopbackSettings::default(),
        apis: Vec::new(),
        issuer,
        source: ProviderSource::Run,
    })
}

/// What is asked of an OpenID provider unless it is told otherwise.
pub(crate) fn usual_scopes() -> Scopes {
    Scopes::parse("openid profile email offline_access")
}

/// Reads the origin of an API, such as `https://api.example`; a path is dropped.
pub(crate) fn api_origin(text: &str) -> Result<Url, ProviderError> {
    let refused = || ProviderError::Api(text.chars().take(200).collect());
    let url = Url::parse(text.trim()).map_err(|_| refused())?;
    if !is_secure(&url) || !url.username().is_empty() || url.password().is_some() {
        return Err(refused());
    }
    Url::parse(&url.origin().ascii_serialization()).map_err(|_| refused())
}

fn built_in() -> Vec<Provider> {
    let google = ProviderId::new(ProviderId::GOOGLE).zip("https://accounts.google.com".parse().ok());
    let github = ProviderId::new(ProviderId::GITHUB).zip("https://github.com/login/oauth".parse().ok());
    let github_addresses = Url::parse("https://github.com")
        .ok()
        .zip(Url::parse("https://api.github.com").ok());
    let apis = |origins: &[&str]| {
        origins
            .iter()
            .filter_map(|origin| Url::parse(origin).ok())
            .collect()
    };

    let google = google.map(|(id, issuer)| Provider {
        id,
        name: "Google".to_owned(),
        kind: ProviderKind::Google,
        issuer,
        client_id: given(option_env!("TESSERA_GOOGLE_CLIENT_ID")).map(ClientId::new),
        client_secret: given(option_env!("TESSERA_GOOGLE_CLIENT_SECRET")).map(ClientSecret::new),
        scopes: Scopes::parse("openid email profile"),
        routes: vec![Route::Loopback],
        loopback: LoopbackSettings::default(),
        apis: apis(&[
            "https://openidconnect.googleapis.com",
            "https://www.googleapis.com",
            "https://gmail.googleapis.com",
            "https://people.googleapis.com",
        ]),
        source: ProviderSource::BuiltIn,
    });
    let github = github.zip(github_addresses).map(|((id, issuer), (web, api))| {
        let client_secret = given(option_env!("TESSERA_GITHUB_CLIENT_SECRET")).map(ClientSecret::new);
        Provider {
            id,
            name: "GitHub".to_owned(),
            issuer,
            client_id: given(option_env!("TESSERA_GITHUB_CLIENT_ID")).map(ClientId::new),
            routes: github_routes(client_secret.is_some()),
            client_secret,
            scopes: Scopes::parse("read:user user:email offline_access"),
            loopback: LoopbackSettings::default(),
            apis: vec![api.clone()],
            kind: ProviderKind::GitHub { web, api },
            source: ProviderSource::BuiltIn,
        }
    });
    google.into_iter().chain(github).collect()
}

/// GitHub's web flow wants the client secret; only the device grant does without.
fn github_routes(with_secret: bool) -> Vec<Route> {
    if with_secret {
        vec![Route::Scheme, Route::Loopback, Route::Device]
    } else {
        vec![Route::Device]
    }
}

fn given(text: Option<&'static str>) -> Option<&'static str> {
    text.filter(|text| !text.is_empty())
}

fn read(file: &Path) -> Result<Vec<Entry>, ProviderError> {
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

fn read_text(file: &Path) -> Result<Option<String>, ProviderError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ProviderError::File(error.to_string())),
    }
}

fn unreadable() -> String {
    "it is not readable as it is now; correct it by hand first".to_owned()
}

/// Adds an entry of the file, or fills in the built-in provider of its id.
fn add(list: &mut Vec<Provider>, entry: Entry) -> Result<(), ProviderError> {
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

    let client_secret = entry
        .client_secret
        .map(ClientSecret::new)
        .or_else(|| base.as_ref().and_then(|base| base.client_secret.clone()));
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
        client_id: entry
            .client_id
            .filter(|id| !id.is_empty())
            .map(ClientId::new)
            .or_else(|| base.as_ref().and_then(|base| base.client_id.clone())),
        source: base.as_ref().map_or(ProviderSource::File, |base| base.source),
        id,
        kind,
        issuer,
        client_secret,
        scopes,
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

fn entry_of<'d>(document: &'d mut DocumentMut, id: &str) -> Result<&'d mut Table, ProviderError> {
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

fn origin_text(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Host and, where it is not the usual one, port.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn slug(url: &Url) -> String {
    let text: String = format!("{}{}", host(url), url.path())
        .to_ascii_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .take(60)
        .collect();
    text.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
