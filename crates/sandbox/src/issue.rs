//! Makes tokens: signed access tokens (RFC 9068), opaque ones for the dialects, refresh tokens and ID tokens.

use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use http::{HeaderValue, header};
use openidconnect::core::{CoreGenderClaim, CoreIdTokenClaims, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AddressClaim, AddressCountry, AddressLocality, AddressPostalCode, Audience, ClientId,
    EmptyAdditionalClaims, EndUserEmail, EndUserFamilyName, EndUserGivenName, EndUserName,
    EndUserPhoneNumber, EndUserPictureUrl, EndUserUsername, FormattedAddress, IssuerUrl, LocalizedClaim,
    Nonce, StandardClaims, StreetAddress, SubjectIdentifier,
};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::answer::{self, OAuthError};
use crate::clients::Dialect;
use crate::faults::{Change, Circumstances, Document, Fault, SignatureFault, Taken};
use crate::people::{Address, Person};
use crate::records::{AccessToken, Grant, RefreshToken};
use crate::scopes::Scopes;
use crate::secret::{Secret, random_name};
use crate::world::World;

/// Seconds an ID token is good for.
const ID_TOKEN_LIFE: i64 = 300;

/// What an access token says (RFC 9068 section 2.2).
#[derive(Serialize)]
struct AccessTokenClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    client_id: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    scope: String,
    auth_time: i64,
    acr: &'a str,
}

/// A request's own share of an ID token.
pub(crate) struct IdTokenFor<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) person: &'a Person,
    pub(crate) scopes: &'a Scopes,
    /// That of the authorization request; `None` where there was none.
    pub(crate) nonce: Option<&'a str>,
    pub(crate) access_token: &'a Secret,
    pub(crate) grant_type: &'a str,
}

/// What was made, and the names of the faults that changed it.
pub(crate) struct Made<T> {
    pub(crate) it: T,
    pub(crate) faults: Vec<String>,
}

impl World {
    /// A signed access token under `grant`, for the protected API.
    pub(crate) fn signed_access_token(
        &self,
        grant_id: &str,
        grant: &Grant,
        scopes: &Scopes,
        circumstances: &Circumstances<'_>,
    ) -> Result<Made<Secret>, OAuthError> {
        let now = self.now();
        let expires = now + self.options.access_token_life;
        let jti = random_name();
        let mut claims = object(&AccessTokenClaims {
            iss: &self.issuer(grant.dialect),
            sub: &grant.subject,
            aud: &self.api_origin,
            client_id: &grant.client,
            iat: now,
            exp: expires,
            jti: &jti,
            scope: scopes.to_string(),
            auth_time: grant.auth_time,
            acr: grant.acr(),
        })?;
        if let Some(key) = &grant.key {
            claims.insert("cnf".to_owned(), serde_json::json!({ "jkt": key }));
        }
        let faults = self.spoil(Document::AccessToken, circumstances, &mut claims);
        let token = Secret::new(self.keys().current().sign("at+jwt", &claims)?);
        self.records_mut().access_tokens.insert(
            token.fingerprint(),
            AccessToken {
                grant: grant_id.to_owned(),
                scopes: scopes.clone(),
                expires: Some(expires),
                jti: Some(jti),
            },
        );
        Ok(Made { it: token, faults })
    }

    /// An access token that means something only to this provider.
    pub(crate) fn opaque_access_token(
        &self,
        grant_id: &str,
        scopes: &Scopes,
        prefix: &str,
        life: Option<i64>,
    ) -> Secret {
        let token = Secret::random(prefix);
        self.records_mut().access_tokens.insert(
            token.fingerprint(),
            AccessToken {
                grant: grant_id.to_owned(),
                scopes: scopes.clone(),
                expires: life.map(|life| self.now() + life),
                jti: None,
            },
        );
        token
    }

    /// Makes a refresh token good under `grant`.
    pub(crate) fn keep_refresh_token(&self, grant_id: &str, token: &Secret, life: i64) {
        self.records_mut().refresh_tokens.insert(
            token.fingerprint(),
            RefreshToken {
                grant: grant_id.to_owned(),
                expires: self.now() + life,
                used: None,
            },
        );
    }

    /// A signed ID token (OpenID Connect Core section 2), with whatever faults are in force.
    pub(crate) fn id_token(&self, about: &IdTokenFor<'_>) -> Result<Made<String>, OAuthError> {
        let now = self.now();
        let dialect = about.grant.dialect;
        let issuer = IssuerUrl::new(self.issuer(dialect)).map_err(|_| OAuthError::broken())?;
        let mut claims = CoreIdTokenClaims::new(
            issuer,
            vec![Audience::new(about.grant.client.clone())],
            date(now + ID_TOKEN_LIFE)?,
            date(now)?,
            self.standard_claims(dialect, about.person, about.scopes),
            EmptyAdditionalClaims {},
        )
        .set_auth_time(Some(date(about.grant.auth_time)?))
        .set_nonce(about.nonce.map(|nonce| Nonce::new(nonce.to_owned())))
        .set_access_token_hash(Some(AccessTokenHash::new(half_hash(about.access_token.expose()))));
        if dialect == Dialect::Google {
            claims = claims.set_authorized_party(Some(ClientId::new(about.grant.client.clone())));
        }
        let mut claims = object(&claims)?;
        claims.insert("aud".to_owned(), Value::String(about.grant.client.clone()));
        if dialect == Dialect::Standard {
            claims.insert("acr".to_owned(), Value::from(about.grant.acr()));
        }
        if dialect == Dialect::Google && self.options.google_short_issuer {
            let short = self.issuer(dialect).replacen("http://", "", 1);
            claims.insert("iss".to_owned(), Value::String(short));
        }

        let circumstances = Circumstances {
            client: Some(&about.grant.client),
            grant_type: Some(about.grant_type),
            ..Circumstances::of(dialect)
        };
        let mut faults = self.spoil(Document::IdToken, &circumstances, &mut claims);
        let signature = self
            .faults
            .take(&circumstances, |fault| match fault {
                Fault::Signature(fault) => Some(*fault),
                _ => None,
            })
            .pop();
        faults.extend(signature.iter().map(|taken| taken.name.clone()));
        let signature = signature.map(|taken| taken.what);
        let header = self.changes(Document::IdTokenHeader, &circumstances);
        faults.extend(header.iter().map(|taken| taken.name.clone()));
        let header: Vec<Change> = header.into_iter().map(|taken| taken.what).collect();
        if signature == Some(SignatureFault::Rotated) {
            self.rotate_keys(false)?;
        }
        let keys = self.keys_of(dialect)?;
        Ok(Made {
            it: keys.sign_id_token(
                &claims,
                signature,
                &header,
                &about.grant.client,
                &self.elsewhere(),
            )?,
            faults,
        })
    }

    /// What the scopes allow an ID token to say of a person (OpenID Connect Core section 5.4).
    pub(crate) fn standard_claims(
        &self,
        dialect: Dialect,
        person: &Person,
        scopes: &Scopes,
    ) -> StandardClaims<CoreGenderClaim> {
        let mut claims = StandardClaims::new(SubjectIdentifier::new(person.subject.clone()));
        if scopes.contains("profile") {
            claims = claims
                .set_name(Some(LocalizedClaim::from(EndUserName::new(person.name()))))
                .set_given_name(Some(LocalizedClaim::from(EndUserGivenName::new(
                    person.given_name.clone(),
                ))))
                .set_family_name(Some(LocalizedClaim::from(EndUserFamilyName::new(
                    person.family_name.clone(),
                ))))
                .set_picture(Some(LocalizedClaim::from(EndUserPictureUrl::new(
                    self.picture_of(person),
                ))));
            if dialect == Dialect::Standard {
                claims = claims.set_preferred_username(Some(EndUserUsername::new(person.username.clone())));
            }
        }
        if scopes.contains("email") {
            claims = claims
                .set_email(Some(EndUserEmail::new(person.email.clone())))
                .set_email_verified(Some(true));
        }
        claims
    }

    /// The userinfo answer (OpenID Connect Core section 5.3.2).
    pub(crate) fn userinfo(&self, grant: &Grant, scopes: &Scopes) -> Result<Response, OAuthError> {
        let person = self.person(&grant.subject).ok_or_else(OAuthError::broken)?;
        let claims = reachable(
            self.standard_claims(grant.dialect, person, scopes),
            person,
            scopes,
        );
        let mut claims = object(&CoreUserInfoClaims::new(claims, EmptyAdditionalClaims {}))?;
        let circumstances = Circumstances {
            client: Some(&grant.client),
            ..Circumstances::of(grant.dialect)
        };
        let signed = self
            .faults
            .take(&circumstances, |fault| match fault {
                Fault::SignedUserinfo { signature, change } => Some((*signature, change.clone())),
                _ => None,
            })
            .pop();
        let mut shown = self.spoil(Document::Userinfo, &circumstances, &mut claims);
        let response = match signed {
            None => answer::secret_json(Value::Object(claims)),
            Some(fault) => {
                let (signature, change) = fault.what;
                shown.push(fault.name);
                claims.insert("iss".to_owned(), self.issuer(grant.dialect).into());
                claims.insert("aud".to_owned(), grant.client.clone().into());
                if let Some(change) = change {
                    change.apply_to(&mut claims);
                }
                let keys = self.keys_of(grant.dialect)?;
                let token = keys.sign_id_token(&claims, signature, &[], &grant.client, &self.elsewhere())?;
                let media_type = HeaderValue::from_static("application/jwt");
                answer::not_stored(([(header::CONTENT_TYPE, media_type)], token).into_response())
            }
        };
        Ok(answer::with_faults(response, shown))
    }

    /// Where a person's portrait is.
    pub(crate) fn picture_of(&self, person: &Person) -> String {
        format!("{}/picture/{}", self.origin, person.username)
    }

    /// Applies the faults in force to a document, and names those that changed it.
    pub(crate) fn spoil(
        &self,
        document: Document,
        circumstances: &Circumstances<'_>,
        object: &mut Map<String, Value>,
    ) -> Vec<String> {
        let changes = self.changes(document, circumstances).into_iter();
        changes
            .filter_map(|taken| {
                let before = object.clone();
                taken.what.apply_to(object);
                self.name_elsewhere(object);
                (*object != before).then_some(taken.name)
            })
            .collect()
    }

    fn changes(&self, document: Document, circumstances: &Circumstances<'_>) -> Vec<Taken<Change>> {
        self.faults.take(circumstances, |fault| match fault {
            Fault::Json {
                document: own,
                change,
            } if *own == document => Some(change.clone()),
            _ => None,
        })
    }
}

/// Adds how a person can be reached, as far as the scopes allow it. Only userinfo says that: what is not needed to know
/// who signed in has no place in a token that is shown around (OpenID Connect Core section 5.4).
fn reachable(
    mut claims: StandardClaims<CoreGenderClaim>,
    person: &Person,
    scopes: &Scopes,
) -> StandardClaims<CoreGenderClaim> {
    if scopes.contains("phone") {
        claims = claims
            .set_phone_number(Some(EndUserPhoneNumber::new(person.phone.clone())))
            .set_phone_number_verified(Some(true));
    }
    if scopes.contains("address") {
        claims = claims.set_address(Some(address(&person.address)));
    }
    claims
}

/// An address as a claim, in parts and as it stands on a letter (OpenID Connect Core section 5.1.1).
fn address(address: &Address) -> AddressClaim {
    let Address {
        street,
        town,
        postal_code,
        country,
    } = address;
    let formatted = format!("{street}\n{town} {postal_code}\n{country}");
    AddressClaim {
        formatted: Some(FormattedAddress::new(formatted)),
        street_address: Some(StreetAddress::new(street.clone())),
        locality: Some(AddressLocality::new(town.clone())),
        region: None,
        postal_code: Some(AddressPostalCode::new(postal_code.clone())),
        country: Some(AddressCountry::new(country.clone())),
    }
}

/// The left half of the SHA-256, base64url (`at_hash`, OpenID Connect Core section 3.1.3.6).
fn half_hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2])
}

fn date(seconds: i64) -> Result<DateTime<Utc>, OAuthError> {
    DateTime::from_timestamp(seconds, 0).ok_or_else(OAuthError::broken)
}

fn object(value: &impl Serialize) -> Result<Map<String, Value>, OAuthError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(OAuthError::broken()),
    }
}
