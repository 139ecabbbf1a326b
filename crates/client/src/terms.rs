//! By whose rules one exchange goes: what is specific to a provider, gathered in one place, so that the flow
//! itself is the same for all.

use tessera_oidc::authorize::{Registration, TokenAuth};
use tessera_oidc::discovery::Metadata;
use tessera_oidc::dpop::DpopKey;
use tessera_oidc::token::{Dialect, TokenType};
use tessera_oidc::{ClientId, ClientSecret, Issuer, IssuerPolicy, Scopes};
use url::Url;

use crate::account::Account;
use crate::client::Client;
use crate::error::Error;
use crate::provider::{Provider, ProviderKind};
use crate::providers::ProviderError;
use crate::trace::{Field, Flow, MessageId};

/// Permissions that Google answers under another name than the one that is usually asked for.
const GOOGLE_NAMES: [(&str, &str); 2] = [
    ("https://www.googleapis.com/auth/userinfo.email", "email"),
    ("https://www.googleapis.com/auth/userinfo.profile", "profile"),
];

/// A provider's rules, with what this client is known as there.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) kind: ProviderKind,
    pub(crate) issuer: Issuer,
    pub(crate) client_id: ClientId,
    pub(crate) client_secret: Option<ClientSecret>,
    /// Whether a sign-in is to be bound to a key.
    pub(crate) dpop: bool,
}

impl Terms {
    pub(crate) fn of(provider: &Provider) -> Result<Self, ProviderError> {
        let client_id = provider.client_id.clone();
        Ok(Self {
            kind: provider.kind.clone(),
            issuer: provider.issuer.clone(),
            client_id: client_id.ok_or_else(|| ProviderError::NoClientId(provider.name.clone()))?,
            client_secret: provider.client_secret.clone(),
            dpop: provider.dpop,
        })
    }

    /// Those of a provider that was named for one sign-in only, or is not in the list any more.
    pub(crate) fn named_once(
        kind: &str,
        issuer: &Issuer,
        client_id: &ClientId,
        client_secret: Option<ClientSecret>,
    ) -> Self {
        Self {
            kind: if kind == "google" {
                ProviderKind::Google
            } else {
                ProviderKind::Oidc
            },
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret,
            // What was bound stays bound, by the key that is kept with the account.
            dpop: false,
        }
    }

    /// How this client presents itself at the token endpoint.
    pub(crate) fn registration(&self, metadata: &Metadata) -> Registration {
        let token_auth = match (&self.client_secret, &self.kind) {
            (None, _) => TokenAuth::None,
            (Some(_), ProviderKind::Google | ProviderKind::GitHub { .. }) => TokenAuth::SecretPost,
            (Some(_), _) => {
                // Basic is what a provider takes that does not say (OpenID Connect Discovery section 3).
                let methods = &metadata.token_endpoint_auth_methods;
                let basic =
                    methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
                if basic {
                    TokenAuth::SecretBasic
                } else {
                    TokenAuth::SecretPost
                }
            }
        };
        Registration {
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            token_auth,
        }
    }

    /// The registration for a grant in which a secret is not used: GitHub's device grant.
    pub(crate) fn public_registration(&self) -> Registration {
        Registration {
            client_id: self.client_id.clone(),
            client_secret: None,
            token_auth: TokenAuth::None,
        }
    }

    /// Which spellings of the issuer count.
    pub(crate) fn issuer_policy(&self) -> IssuerPolicy {
        let exact = IssuerPolicy::exact(&self.issuer);
        match self.kind {
            ProviderKind::Google => exact.or_without_scheme(),
            _ => exact,
        }
    }

    /// How its token endpoint speaks, to a request with a proof of `key` if there is one.
    pub(crate) fn dialect(&self, key: Option<&DpopKey>) -> Dialect {
        let dialect = match self.kind {
            ProviderKind::GitHub { .. } => Dialect::GITHUB,
            ProviderKind::Google | ProviderKind::Oidc | ProviderKind::Sandbox => Dialect::STANDARD,
        };
        Dialect {
            token_type: if key.is_some() {
                TokenType::Dpop
            } else {
                TokenType::Bearer
            },
            ..dialect
        }
    }

    /// What an answer grants, in the names that were asked for. `stays` says that there is a refresh token, which
    /// is what `offline_access` asks for: not every provider that gives one repeats the name.
    pub(crate) fn granted(&self, requested: &Scopes, answered: &Scopes, stays: bool) -> Scopes {
        let asked_for = |name: &str| {
            let google = matches!(self.kind, ProviderKind::Google);
            let short = GOOGLE_NAMES.iter().find(|(long, _)| google && *long == name);
            match short {
                Some((_, short)) if requested.contains(short) => (*short).to_owned(),
                _ => name.to_owned(),
            }
        };
        let granted = Scopes::from_tokens(answered.iter().map(asked_for));
        if stays && requested.contains("offline_access") {
            granted.union(&Scopes::parse("offline_access"))
        } else {
            granted
        }
    }

    /// Whether it issues ID tokens.
    pub(crate) fn is_openid(&self) -> bool {
        self.kind.is_openid()
    }

    /// What is known of a provider that publishes no description; `None` for those that do.
    pub(crate) fn fixed_metadata(&self) -> Option<Result<Metadata, Error>> {
        let ProviderKind::GitHub { web, .. } = &self.kind else {
            return None;
        };
        Some(github_metadata(&self.issuer, web))
    }

    /// Where a person sees and ends what they allowed, for when it cannot be ended from here.
    pub(crate) fn settings_page(&self) -> Option<Url> {
        match &self.kind {
            ProviderKind::Google => Url::parse("https://myaccount.google.com/connections").ok(),
            ProviderKind::GitHub { web, .. } => below(
                web,
                &format!("settings/connections/applications/{}", self.client_id),
            ),
            ProviderKind::Oidc | ProviderKind::Sandbox => None,
        }
    }
}

fn github_metadata(issuer: &Issuer, web: &Url) -> Result<Metadata, Error> {
    let unusable = || Error::from(ProviderError::File("GitHub's address cannot be used".to_owned()));
    let address = |path: &str| below(web, path).ok_or_else(unusable);
    let mut metadata = Metadata::fixed(
        issuer,
        address("login/oauth/authorize")?,
        address("login/oauth/access_token")?,
    )?;
    metadata.device_authorization_endpoint = Some(address("login/device/code")?);
    Ok(metadata)
}

/// `path` below `base`, whether or not `base` ends in a slash.
pub(crate) fn below(base: &Url, path: &str) -> Option<Url> {
    Url::parse(&format!("{}/{path}", base.as_str().trim_end_matches('/'))).ok()
}

impl Client {
    /// Where a person sees and ends what they allowed at this provider, when it has such a page.
    pub fn settings_page(&self, provider: &Provider) -> Option<Url> {
        Terms::of(provider).ok()?.settings_page()
    }

    /// The rules an account lives by: its provider's as they are now, or, for a provider that was named for
    /// one sign-in only, what was kept of it.
    pub(crate) async fn terms_of(&self, account: &Account, flow: Option<&Flow>) -> Result<Terms, Error> {
        if let Some(provider) = self.provider_of(account) {
            return Ok(Terms::of(&provider)?);
        }
        if account.kind == "github" {
            // Its addresses are not in the account; without the provider's entry there is nowhere to ask.
            return Err(ProviderError::Unknown(account.provider.to_string()).into());
        }
        let client_secret = self
            .inner()
            .secrets
            .client_secret(&account.id, account.storage)
            .await?;
        if let (Some(secret), Some(flow)) = (&client_secret, flow) {
            let fields = vec![Field::masked("client_secret", secret)];
            flow.read(account.storage, MessageId::ClientSecretRead, fields);
        }
        Ok(Terms::named_once(
            &account.kind,
            &account.issuer,
            &account.client_id,
            client_secret,
        ))
    }
}
