//! What the provider says of itself (OpenID Connect Discovery section 3, RFC 8414, RFC 9207 section 3).

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthUrl, AuthenticationContextClass, IssuerUrl, JsonWebKeySetUrl,
    ProviderMetadata, ResponseTypes, Scope, TokenUrl, UserInfoUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::ParseError;

use crate::clients::Dialect;
use crate::options::{Dpop, PushedRequests};
use crate::records::{ACR_PASSWORD, ACR_SECOND_STEP};
use crate::world::World;

/// What the library's own type has no field for.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Extensions {
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_session_endpoint: Option<String>,
    device_authorization_endpoint: String,
    code_challenge_methods_supported: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_signing_alg_values_supported: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed_authorization_request_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_pushed_authorization_requests: Option<bool>,
    /// RFC 9207. Google sends `iss` and does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_response_iss_parameter_supported: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_values_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Extensions {}

type Metadata = ProviderMetadata<
    Extensions,
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

/// The scopes that the standard dialect knows, with what they mean to a person.
pub(crate) const SCOPES: [(&str, &str); 9] = [
    ("openid", "Know that it is you"),
    ("profile", "See your name and picture"),
    ("email", "See your e-mail address"),
    ("phone", "See your phone number"),
    ("address", "See your postal address"),
    ("offline_access", "Keep you signed in while you are away"),
    ("items:read", "See your items"),
    ("items:write", "Add to your items"),
    ("ledger:read", "See your ledger"),
];

/// The ways to sign in (`acr_values_supported`).
pub(crate) const ACRS: [&str; 2] = [ACR_PASSWORD, ACR_SECOND_STEP];

impl World {
    /// The discovery document of a dialect that has one.
    pub(crate) fn metadata(&self, dialect: Dialect) -> Result<Map<String, Value>, ParseError> {
        let metadata = match dialect {
            Dialect::Google => self.google_metadata()?,
            _ => self.standard_metadata()?,
        };
        match serde_json::to_value(metadata) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Ok(Map::new()),
        }
    }

    fn standard_metadata(&self) -> Result<Metadata, ParseError> {
        let pushed = self.pushed_requests();
        let at = |path: &str| format!("{}{path}", self.origin);
        let text = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        Ok(Metadata::new(
            IssuerUrl::new(self.origin.clone())?,
            AuthUrl::new(at("/authorize"))?,
            JsonWebKeySetUrl::new(at("/keys"))?,
            vec![ResponseTypes::new(vec![CoreResponseType::Code])],
            vec![CoreSubjectIdentifierType::Public],
            vec![CoreJwsSigningAlgorithm::EcdsaP256Sha256],
            Extensions {
                revocation_endpoint: at("/revoke"),
                revocation_endpoint_auth_methods_supported: text(&["none", "client_secret_basic"]),
                end_session_endpoint: Some(at("/sign-out")),
                device_authorization_endpoint: at("/device_authorization"),
                code_challenge_methods_supported: text(&["S256"]),
                authorization_response_iss_parameter_supported: Some(true),
                prompt_values_supported: Some(text(&["none", "login", "consent", "select_account"])),
                dpop_signing_alg_values_supported: (self.dpop() != Dpop::Unmentioned)
                    .then(|| text(&["ES256", "EdDSA"])),
                pushed_authorization_request_endpoint: (pushed >= PushedRequests::Offered)
                    .then(|| at("/par")),
                require_pushed_authorization_requests: (pushed == PushedRequests::Required).then_some(true),
            },
        )
        .set_token_endpoint(Some(TokenUrl::new(at("/token"))?))
        .set_userinfo_endpoint(Some(UserInfoUrl::new(at("/userinfo"))?))
        .set_scopes_supported(Some(
            SCOPES
                .iter()
                .map(|(scope, _)| Scope::new((*scope).to_owned()))
                .collect(),
        ))
        .set_acr_values_supported(Some(
            ACRS.map(|acr| AuthenticationContextClass::new(acr.to_owned()))
                .to_vec(),
        ))
        .set_response_modes_supported(Some(vec![CoreResponseMode::Query]))
        .set_grant_types_supported(Some(vec![
            CoreGrantType::AuthorizationCode,
            CoreGrantType::RefreshToken,
            CoreGrantType::Extension("urn:ietf:params:oauth:grant-type:device_code".to_owned()),
        ]))
        .set_token_endpoint_auth_methods_supported(Some(vec![
            CoreClientAuthMethod::None,
            CoreClientAuthMethod::ClientSecretBasic,
        ]))
        .set_claim_types_supported(Some(vec![CoreClaimType::Normal]))
        .set_claims_supported(Some(claim_names(&[
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "acr",
            "nonce",
            "at_hash",
            "name",
            "given_name",
            "family_name",
            "preferred_username",
            "picture",
            "email",
            "email_verified",
            "phone_number",
            "phone_number_verified",
            "address",
        ])))
        .set_claims_parameter_supported(Some(false))
        .set_request_parameter_supported(Some(false))
        .set_request_uri_parameter_supported(Some(false)))
    }

    fn google_metadata(&self) -> Result<Metadata, ParseError> {
        let at = |path: &str| format!("{}/google{path}", self.origin);
        let text = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        Ok(Metadata::new(
            IssuerUrl::new(self.issuer(Dialect::Google))?,
            AuthUrl::new(at("/o/oauth2/v2/auth"))?,
            JsonWebKeySetUrl::new(at("/oauth2/v3/certs"))?,
            vec![ResponseTypes::new(vec![CoreResponseType::Code])],
            vec![CoreSubjectIdentifierType::Public],
            vec![CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256],
            Extensions {
                revocation_endpoint: at("/revoke"),
                revocation_endpoint_auth_methods_supported: text(&["client_secret_post"]),
                device_authorization_endpoint: at("/device/code"),
                code_challenge_methods_supported: text(&["plain", "S256"]),
                ..Extensions::default()
            },
        )
        .set_token_endpoint(Some(TokenUrl::new(at("/token"))?))
        .set_userinfo_endpoint(Some(UserInfoUrl::new(at("/v1/userinfo"))?))
        .set_scopes_supported(Some(
            ["openid", "email", "profile"]
                .map(|scope| Scope::new(scope.to_owned()))
                .to_vec(),
        ))
        .set_grant_types_supported(Some(vec![
            CoreGrantType::AuthorizationCode,
            CoreGrantType::RefreshToken,
        ]))
        .set_token_endpoint_auth_methods_supported(Some(vec![
            CoreClientAuthMethod::ClientSecretPost,
            CoreClientAuthMethod::ClientSecretBasic,
        ]))
        .set_claims_supported(Some(claim_names(&[
            "aud",
            "email",
            "email_verified",
            "exp",
            "family_name",
            "given_name",
            "iat",
            "iss",
            "name",
            "picture",
            "sub",
        ]))))
    }
}

fn claim_names(names: &[&str]) -> Vec<CoreClaimName> {
    names
        .iter()
        .map(|name| CoreClaimName::new((*name).to_owned()))
        .collect()
}
