//! The providers of this data folder: the built-in ones, what providers.toml adds, and the sandbox.

mod file;

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use tessera_oidc::{AddressError, ClientId, ClientSecret, Issuer, Scopes, is_secure};
use toml_edit::{DocumentMut, Item, value};
use url::Url;

use crate::provider::{
    AdHocProvider, LoopbackSettings, Provider, ProviderDraft, ProviderId, ProviderKind, ProviderSource,
    Route, SandboxAddress,
};
use file::{File, add, entry_of, read, read_text, unreadable};

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
    #[error(
        "`{0}` is not the address of an API: an origin such as https://api.example is needed, without a path and without `*`"
    )]
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
    /// A provider that was added would become another one.
    #[error("{0} cannot be moved to another issuer")]
    OtherIssuer(String),
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
        let mut list = built_in(&GIVEN);
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
            scopes_named: true,
            dpop: false,
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
            let issuer = draft.issuer.trim().parse::<Issuer>()?;
            if draft.id.is_some() {
                self.keeps_its_issuer(&id, &issuer)?;
            }
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

    /// A provider keeps its issuer for as long as it is in the file: its client secret, which stands there too,
    /// must not go anywhere else.
    fn keeps_its_issuer(&self, id: &ProviderId, issuer: &Issuer) -> Result<(), ProviderError> {
        let provider = self
            .find(id)
            .filter(|provider| provider.source == ProviderSource::File)
            .ok_or_else(|| ProviderError::Unknown(id.to_string()))?;
        if provider.issuer == *issuer {
            Ok(())
        } else {
            Err(ProviderError::OtherIssuer(provider.name))
        }
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
        scopes_named: false,
        dpop: false,
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

/// Reads the origin of an API, such as `https://api.example`. A token goes to a whole server or not at all, so
/// whoever names more than an origin, or several at once, means something else than they would get.
pub(crate) fn api_origin(text: &str) -> Result<Url, ProviderError> {
    let refused = || ProviderError::Api(text.chars().take(200).collect());
    let url = Url::parse(text.trim()).map_err(|_| refused())?;
    let more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    let several = url.host_str().is_none_or(|host| host.contains('*'));
    if !is_secure(&url) || !url.username().is_empty() || url.password().is_some() || more || several {
        return Err(refused());
    }
    Url::parse(&url.origin().ascii_serialization()).map_err(|_| refused())
}

/// What whoever builds a release gives it, in the environment of the build.
struct Given {
    google_client_id: Option<&'static str>,
    google_client_secret: Option<&'static str>,
    github_client_id: Option<&'static str>,
    github_client_secret: Option<&'static str>,
}

/// What this build was given.
const GIVEN: Given = Given {
    google_client_id: option_env!("TESSERA_GOOGLE_CLIENT_ID"),
    google_client_secret: option_env!("TESSERA_GOOGLE_CLIENT_SECRET"),
    github_client_id: option_env!("TESSERA_GITHUB_CLIENT_ID"),
    github_client_secret: option_env!("TESSERA_GITHUB_CLIENT_SECRET"),
};

fn built_in(given: &Given) -> Vec<Provider> {
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
        client_id: filled(given.google_client_id).map(ClientId::new),
        client_secret: filled(given.google_client_secret).map(ClientSecret::new),
        scopes: Scopes::parse("openid email profile"),
        scopes_named: true,
        dpop: false,
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
        let client_secret = filled(given.github_client_secret).map(ClientSecret::new);
        Provider {
            id,
            name: "GitHub".to_owned(),
            issuer,
            client_id: filled(given.github_client_id).map(ClientId::new),
            routes: github_routes(client_secret.is_some()),
            client_secret,
            scopes: Scopes::parse("read:user user:email offline_access"),
            scopes_named: true,
            dpop: false,
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

/// A variable that is set to nothing gives nothing.
fn filled(text: Option<&'static str>) -> Option<&'static str> {
    text.filter(|text| !text.is_empty())
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
