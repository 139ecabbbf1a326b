//! The provider's own description of itself (OpenID Connect Discovery 1.0, RFC 8414): where its endpoints are
//! and what it can do. Everything later follows these addresses, so nothing of it is used before the checks.

mod endpoint;

use http::StatusCode;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, ProviderMetadata, UserInfoUrl};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::checks::{CheckId, Verdicts};
use crate::explain::explained;
use crate::ids::{Issuer, Scopes};
use crate::json::{self, NotJson};
use crate::key_set::Algorithm;
use crate::message::{Request, Response};
use crate::text;
use endpoint::secured;

/// What a provider says of itself, checked. The fields may be narrowed by whoever knows the provider better.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The issuer, letter for letter what was asked for.
    pub issuer: Issuer,
    /// Where the browser is sent.
    pub authorization_endpoint: Url,
    /// Where a code or a refresh token becomes an access token.
    pub token_endpoint: Url,
    /// Where the signing keys are; a provider without ID tokens has none.
    pub jwks_uri: Option<Url>,
    /// Where the person's profile is.
    pub userinfo_endpoint: Option<Url>,
    /// Where tokens are revoked (RFC 7009).
    pub revocation_endpoint: Option<Url>,
    /// Where the browser is sent to sign out (OpenID Connect RP-Initiated Logout 1.0).
    pub end_session_endpoint: Option<Url>,
    /// Where a device gets its codes (RFC 8628).
    pub device_authorization_endpoint: Option<Url>,
    /// Where an authorization request is pushed beforehand (RFC 9126).
    pub pushed_authorization_request_endpoint: Option<Url>,
    /// Whether it takes only pushed authorization requests (RFC 9126 section 5).
    pub require_pushed_authorization_requests: bool,
    /// The scopes that it names; empty when it names none.
    pub scopes_supported: Scopes,
    /// The signature algorithms of its ID tokens that this crate can verify; RS256 when it names none of them,
    /// because every provider must have that one (OpenID Connect Core section 15.1).
    pub id_token_algorithms: Vec<Algorithm>,
    /// The same of profiles that are signed (Discovery section 3); those of its ID tokens when it names none.
    pub userinfo_algorithms: Vec<Algorithm>,
    /// The grants that it names; `authorization_code` when it names none (Discovery section 3 has `implicit`
    /// there too, which is never used here).
    pub grant_types: Vec<String>,
    /// How clients may present themselves at the token endpoint; empty when it does not say.
    pub token_endpoint_auth_methods: Vec<String>,
    /// Whether every callback carries `iss` (RFC 9207 section 3).
    pub iss_parameter_supported: bool,
    /// The algorithms that it takes for DPoP proofs (RFC 9449 section 5.1).
    pub dpop_algorithms: Vec<String>,
    /// The prompts that it names.
    pub prompts_supported: Vec<String>,
    verdicts: Verdicts,
}

impl Metadata {
    /// A provider that publishes no description, by what its documentation says. Both addresses are held to
    /// the same rule as discovered ones; optional endpoints can be set afterwards.
    pub fn fixed(
        issuer: &Issuer,
        authorization_endpoint: Url,
        token_endpoint: Url,
    ) -> Result<Self, DiscoveryError> {
        let mut verdicts = Verdicts::new();
        verdicts.not_applicable(CheckId::DiscoveryResponse);
        verdicts.not_applicable(CheckId::DiscoveryIssuer);
        Ok(Self {
            issuer: issuer.clone(),
            authorization_endpoint: secured(issuer, "authorization_endpoint", authorization_endpoint)?,
            token_endpoint: secured(issuer, "token_endpoint", token_endpoint)?,
            jwks_uri: None,
            userinfo_endpoint: None,
            revocation_endpoint: None,
            end_session_endpoint: None,
            device_authorization_endpoint: None,
            pushed_authorization_request_endpoint: None,
            require_pushed_authorization_requests: false,
            scopes_supported: Scopes::default(),
            id_token_algorithms: Vec::new(),
            userinfo_algorithms: Vec::new(),
            grant_types: vec!["authorization_code".to_owned()],
            token_endpoint_auth_methods: Vec::new(),
            iss_parameter_supported: false,
            dpop_algorithms: Vec::new(),
            prompts_supported: Vec::new(),
            verdicts: {
                verdicts.passed(CheckId::DiscoveryEndpoints);
                verdicts.not_applicable(CheckId::DiscoveryPkce);
                verdicts
            },
        })
    }

    /// What the checks of the description said.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// Whether the device grant can be used (RFC 8628).
    pub fn has_device_grant(&self) -> bool {
        self.device_authorization_endpoint.is_some()
    }
}

/// Asks an issuer for its description (OpenID Connect Discovery section 4: one slash at the end is dropped
/// before the well-known path is appended).
pub fn discovery_request(issuer: &Issuer) -> Request {
    let mut url = issuer.url().clone();
    let path = url.path().strip_suffix('/').unwrap_or(url.path()).to_owned();
    url.set_path(&format!("{path}/.well-known/openid-configuration"));
    Request::get_json(url)
}

/// Asks for the provider's signing keys; `None` for a provider that has none.
pub fn key_set_request(metadata: &Metadata) -> Option<Request> {
    metadata.jwks_uri.clone().map(Request::get_json)
}

/// Checks a provider's description: status 200, JSON, exactly this issuer (Discovery section 4.3), every
/// endpoint encrypted, PKCE with S256 not excluded.
pub fn parse_metadata(issuer: &Issuer, response: &Response) -> Result<Metadata, DiscoveryError> {
    let mut members = members(response)?;
    let mut verdicts = Verdicts::new();
    verdicts.passed(CheckId::DiscoveryResponse);

    // The issuer is compared before anything else is read: what another issuer says of itself is no matter.
    let seen = members.get("issuer").and_then(serde_json::Value::as_str);
    let seen = seen.ok_or_else(|| DiscoveryError::Malformed {
        what: "it names no issuer".to_owned(),
    })?;
    if !verdicts.compared(
        CheckId::DiscoveryIssuer,
        seen == issuer.as_str(),
        text::value(issuer.as_str()),
        Some(text::value(seen)),
    ) {
        let (expected, seen) = (text::value(issuer.as_str()), text::value(seen));
        return Err(DiscoveryError::IssuerMismatch { expected, seen });
    }

    // Members that are not read here must not be able to spoil the rest.
    members.retain(|name, value| READ.contains(&name.as_str()) && !value.is_null());
    for &(name, presumed) in PRESUMED {
        members
            .entry(name)
            .or_insert_with(|| serde_json::json!([presumed]));
    }
    let provider: Provider = serde_json::from_value(serde_json::Value::Object(members)).map_err(|error| {
        DiscoveryError::Malformed {
            what: text::providers_words(&error.to_string()),
        }
    })?;
    let more = provider.additional_metadata();

    let token_endpoint = provider.token_endpoint().map(|endpoint| endpoint.url().clone());
    let token_endpoint = token_endpoint.ok_or_else(|| DiscoveryError::Malformed {
        what: "it names no token endpoint".to_owned(),
    })?;
    let authorization_endpoint = provider.authorization_endpoint().url().clone();
    let optional = |name, url: Option<&Url>| url.cloned().map(|url| secured(issuer, name, url)).transpose();
    let mut metadata = Metadata::fixed(issuer, authorization_endpoint, token_endpoint)?;
    metadata.jwks_uri = optional("jwks_uri", Some(provider.jwks_uri().url()))?;
    metadata.userinfo_endpoint = optional(
        "userinfo_endpoint",
        provider.userinfo_endpoint().map(UserInfoUrl::url),
    )?;
    metadata.revocation_endpoint = optional("revocation_endpoint", more.revocation_endpoint.as_ref())?;
    metadata.end_session_endpoint = optional("end_session_endpoint", more.end_session_endpoint.as_ref())?;
    metadata.device_authorization_endpoint = optional(
        "device_authorization_endpoint",
        more.device_authorization_endpoint.as_ref(),
    )?;
    metadata.pushed_authorization_request_endpoint = optional(
        "pushed_authorization_request_endpoint",
        more.pushed_authorization_request_endpoint.as_ref(),
    )?;
    verdicts.passed(CheckId::DiscoveryEndpoints);

    match &more.code_challenge_methods_supported {
        None => verdicts.not_applicable(CheckId::DiscoveryPkce),
        Some(methods) => {
            let shown = text::value(&methods.join(" "));
            let offered = methods.iter().any(|method| method == "S256");
            if !verdicts.compared(CheckId::DiscoveryPkce, offered, "S256", Some(shown)) {
                return Err(DiscoveryError::PkceExcluded);
            }
        }
    }

    metadata.require_pushed_authorization_requests = more.require_pushed_authorization_requests;
    metadata.iss_parameter_supported = more.authorization_response_iss_parameter_supported;
    metadata
        .dpop_algorithms
        .clone_from(&more.dpop_signing_alg_values_supported);
    metadata
        .prompts_supported
        .clone_from(&more.prompt_values_supported);
    if let Some(scopes) = provider.scopes_supported() {
        metadata.scopes_supported = Scopes::from_tokens(scopes.iter().map(|scope| scope.as_str()));
    }
    if let Some(grants) = provider.grant_types_supported() {
        metadata.grant_types = grants.iter().map(|grant| grant.as_ref().to_owned()).collect();
    }
    if let Some(methods) = provider.token_endpoint_auth_methods_supported() {
        metadata.token_endpoint_auth_methods =
            methods.iter().map(|method| method.as_ref().to_owned()).collect();
    }
    metadata.id_token_algorithms = known_algorithms(provider.id_token_signing_alg_values_supported());
    if metadata.id_token_algorithms.is_empty() {
        metadata.id_token_algorithms.push(Algorithm::RS256);
    }
    metadata.userinfo_algorithms = provider
        .userinfo_signing_alg_values_supported()
        .map(|named| known_algorithms(named))
        .filter(|known| !known.is_empty())
        .unwrap_or_else(|| metadata.id_token_algorithms.clone());
    metadata.verdicts = verdicts;
    Ok(metadata)
}

/// Why a provider's description cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryError {
    /// The answer was not 200.
    Status {
        /// The status.
        status: u16,
        /// Seconds after which to ask again, if the provider said so.
        retry_after: Option<u64>,
    },
    /// The answer was a web page or something else that is not JSON.
    NotJson {
        /// Whether it was a web page.
        html: bool,
    },
    /// The answer was larger than any description needs to be.
    TooLarge,
    /// A required member is missing or is not what it should be.
    Malformed {
        /// Which, in short.
        what: String,
    },
    /// It describes another issuer.
    IssuerMismatch {
        /// Who was asked.
        expected: String,
        /// Who answered.
        seen: String,
    },
    /// One of its addresses is not encrypted.
    InsecureEndpoint {
        /// The member's name.
        name: &'static str,
        /// The address, without query.
        address: String,
    },
    /// One of its addresses is on a private network, or on this machine, and the issuer is not.
    PrivateEndpoint {
        /// The member's name.
        name: &'static str,
        /// The address, without query.
        address: String,
    },
    /// It lists its PKCE methods and S256 is not among them.
    PkceExcluded,
}

impl DiscoveryError {
    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Status { .. } => "metadata_status",
            Self::NotJson { .. } => "metadata_not_json",
            Self::TooLarge => "metadata_too_large",
            Self::Malformed { .. } => "metadata_malformed",
            Self::IssuerMismatch { .. } => "issuer_mismatch",
            Self::InsecureEndpoint { .. } => "endpoint_insecure",
            Self::PrivateEndpoint { .. } => "endpoint_private",
            Self::PkceExcluded => "pkce_unsupported",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::Status { status: 404, .. } => {
                "You cannot sign in there: that address has no description of a sign-in provider.".to_owned()
            }
            Self::Status { status, .. } => {
                format!("You cannot sign in now: the provider answered with status {status} when it was asked to describe itself.")
            }
            Self::NotJson { html: true } => {
                "You cannot sign in there: the address answered with a web page instead of a provider's description."
                    .to_owned()
            }
            Self::NotJson { html: false } => {
                "You cannot sign in there: the address answered with something that is not a provider's description."
                    .to_owned()
            }
            Self::TooLarge => {
                "You cannot sign in there: the provider's description is far larger than it should be.".to_owned()
            }
            Self::Malformed { what } => {
                format!("You cannot sign in there: the provider's description is incomplete or broken ({what}).")
            }
            Self::IssuerMismatch { expected, seen } => {
                format!("You were kept from signing in: you asked for {expected}, but the answer speaks for {seen}.")
            }
            Self::InsecureEndpoint { name, address } => format!(
                "You were kept from signing in: the provider's {name} ({address}) is not encrypted, so others could read along."
            ),
            Self::PrivateEndpoint { name, address } => format!(
                "You were kept from signing in: the provider's {name} ({address}) is an address of your own network or computer, which the provider is not on."
            ),
            Self::PkceExcluded => {
                "You cannot sign in there: the provider does not offer the protection that an app like this needs."
                    .to_owned()
            }
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Status { status: 429 | 500.., .. } => "Try again in a few minutes; nothing is lost.",
            Self::Status { .. } => "Check the issuer address for typing mistakes, or ask whoever runs the provider for it.",
            Self::NotJson { html: true } => {
                "Check the issuer address; on a hotel or company network, open a browser first and see whether it wants you to sign in to the network."
            }
            Self::NotJson { html: false } | Self::TooLarge => "Check the issuer address for typing mistakes.",
            Self::IssuerMismatch { .. } => {
                "Enter the issuer exactly as the provider names it, slash at the end included; if you did, do not sign in and tell whoever runs it."
            }
            Self::PrivateEndpoint { .. } => {
                "If you did not expect this, do not sign in there; if you run the provider, give its endpoints addresses of its own host."
            }
            Self::Malformed { .. } | Self::InsecureEndpoint { .. } | Self::PkceExcluded => {
                "Tell whoever runs the provider; only they can change this."
            }
        }
        .to_owned()
    }

    /// Whether the trouble is likely to pass by itself.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => StatusCode::from_u16(*status).is_ok_and(json::is_passing),
            Self::NotJson { .. } => true,
            _ => false,
        }
    }
}

explained!(DiscoveryError);

type Provider = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The members that are read; those of [`Provider`] and those of [`More`].
const READ: &[&str] = &[
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "scopes_supported",
    "response_types_supported",
    "grant_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "revocation_endpoint",
    "end_session_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
    "authorization_response_iss_parameter_supported",
    "code_challenge_methods_supported",
    "dpop_signing_alg_values_supported",
    "prompt_values_supported",
];

/// Members that the library wants to be there, and what they are taken to say when they are not: nothing here
/// depends on them, and real providers leave them out.
const PRESUMED: &[(&str, &str)] = &[
    ("response_types_supported", "code"),
    ("subject_types_supported", "public"),
    ("id_token_signing_alg_values_supported", "RS256"),
];

/// Members of RFC 8414, 8628, 9126, 9207, 9449 and of logout, which the library leaves to its users.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct More {
    revocation_endpoint: Option<Url>,
    end_session_endpoint: Option<Url>,
    device_authorization_endpoint: Option<Url>,
    pushed_authorization_request_endpoint: Option<Url>,
    #[serde(default)]
    require_pushed_authorization_requests: bool,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    dpop_signing_alg_values_supported: Vec<String>,
    #[serde(default)]
    prompt_values_supported: Vec<String>,
}

impl AdditionalProviderMetadata for More {}

type Members = serde_json::Map<String, serde_json::Value>;

fn members(response: &Response) -> Result<Members, DiscoveryError> {
    if response.status != StatusCode::OK {
        return Err(DiscoveryError::Status {
            status: response.status.as_u16(),
            retry_after: json::retry_after(response),
        });
    }
    json::read(response).map_err(|error| match error {
        NotJson::Html => DiscoveryError::NotJson { html: true },
        NotJson::TooLarge => DiscoveryError::TooLarge,
        NotJson::Malformed => DiscoveryError::NotJson { html: false },
    })
}

/// The algorithms by this crate's names, without those that cannot be verified with a public key.
fn known_algorithms(named: &[CoreJwsSigningAlgorithm]) -> Vec<Algorithm> {
    let mut known = Vec::new();
    for name in named {
        let name = serde_json::to_value(name).ok();
        let algorithm = name
            .as_ref()
            .and_then(|name| name.as_str())
            .and_then(|name| name.parse().ok());
        if let Some(algorithm) = algorithm.filter(|algorithm| !known.contains(algorithm)) {
            known.push(algorithm);
        }
    }
    known
}

#[cfg(test)]
mod tests;
