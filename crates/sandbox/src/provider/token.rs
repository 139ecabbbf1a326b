//! The token endpoint of the standard dialect (RFC 6749 sections 4.1.3 and 6, RFC 7636 section 4.6,
//! RFC 8628 section 3.4).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, json};
use sha2::{Digest as _, Sha256};

use crate::answer::{self, OAuthError};
use crate::clients::{Client, Dialect};
use crate::faults::{Circumstances, Document, Fault};
use crate::issue::{IdTokenFor, Made};
use crate::parameters::Parameters;
use crate::provider::device::{self, Poll};
use crate::records::{Challenge, Code, Grant, RefreshRefused};
use crate::scopes::Scopes;
use crate::secret::{Fingerprint, Secret, same_secret};
use crate::world::World;

/// The grant type of RFC 8628.
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a token request earns.
struct Earned {
    grant_id: String,
    grant: Grant,
    scopes: Scopes,
    nonce: Option<String>,
}

pub(crate) async fn token(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    let response = match answer_request(&world, &headers, &Parameters::parse(&body)) {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    world.with_nonce(&headers, response)
}

fn answer_request(
    world: &World,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, OAuthError> {
    if parameters.repeated().is_some() {
        return Err(OAuthError::new(
            "invalid_request",
            "A parameter is given more than once.",
        ));
    }
    let client = client_of(world, headers, parameters)?;
    let key = world.key_shown("/token", headers, None)?;
    let grant_type = parameters
        .get("grant_type")
        .ok_or(OAuthError::new("invalid_request", "`grant_type` is missing."))?;
    let earned = match grant_type {
        "authorization_code" => by_code(world, client, parameters, key.as_deref())?,
        "refresh_token" => by_refresh_token(world, client, parameters, key.as_deref())?,
        DEVICE_GRANT => by_device_code(world, client, parameters, key.as_deref())?,
        _ => {
            return Err(OAuthError::new(
                "unsupported_grant_type",
                "This grant type is not known here.",
            ));
        }
    };
    respond(world, grant_type, &earned)
}

/// The client that asks. A public one says who it is and proves it by PKCE; one with a secret shows it in the
/// header (RFC 6749 section 2.3.1).
pub(crate) fn client_of<'a>(
    world: &'a World,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<&'a Client, OAuthError> {
    let refused =
        |description| OAuthError::new("invalid_client", description).status(StatusCode::UNAUTHORIZED);
    let mut basic = answer::basic_credentials(headers);
    let circumstances = Circumstances {
        client: basic.as_ref().map(|(name, _)| name.as_str()),
        ..Circumstances::of(Dialect::Standard)
    };
    let as_it_stands = world.faults.take(&circumstances, |fault| {
        matches!(fault, Fault::BasicAsItStands).then_some(())
    });
    if !as_it_stands.is_empty() {
        basic = answer::raw_basic_credentials(headers);
    }
    let named = basic.as_ref().map(|(name, _)| name.as_str());
    let client = named
        .or_else(|| parameters.get("client_id"))
        .and_then(|id| world.client(Dialect::Standard, id))
        .ok_or(refused("This client is not known here."))?;
    if parameters.get("client_secret").is_some() {
        return Err(refused("A secret is shown in the header, or not at all."));
    }
    match (&client.secret, &basic) {
        (None, None) => Ok(client),
        (None, Some(_)) => Err(refused("A public client has no secret to show.")),
        (Some(secret), Some((_, shown))) if Fingerprint::of(shown) == *secret => Ok(client),
        (Some(_), _) => Err(refused("This client's secret is missing or wrong.")),
    }
}

fn by_code(
    world: &World,
    client: &Client,
    parameters: &Parameters,
    key: Option<&str>,
) -> Result<Earned, OAuthError> {
    let presented = parameters
        .get("code")
        .ok_or(OAuthError::new("invalid_request", "`code` is missing."))?;
    let code = redeem(world, Dialect::Standard, &client.id, presented).ok_or(OAuthError::new(
        "invalid_grant",
        "The code is not good (any more).",
    ))?;
    if parameters.get("redirect_uri") != Some(&code.request.redirect_uri) {
        return Err(OAuthError::new(
            "invalid_grant",
            "`redirect_uri` is not that of the request.",
        ));
    }
    check_verifier(code.request.challenge.as_ref(), parameters.get("code_verifier"))
        .map_err(|description| OAuthError::new("invalid_grant", description))?;
    // RFC 9449 section 10: what the browser brought was for this key only.
    if code.request.dpop_jkt.is_some() && code.request.dpop_jkt.as_deref() != key {
        return Err(OAuthError::new(
            "invalid_grant",
            "The code is bound to another key.",
        ));
    }
    let grant = bound(world, &code.grant, key)?;
    Ok(Earned {
        scopes: grant.scopes.clone(),
        grant_id: code.grant,
        grant,
        nonce: code.request.nonce,
    })
}

/// Uses a code up. The second time, everything that was issued for it is revoked (RFC 6749 section 4.1.2).
pub(crate) fn redeem(world: &World, dialect: Dialect, client: &str, presented: &str) -> Option<Code> {
    let now = world.now();
    let mut records = world.records_mut();
    let code = records.codes.get_mut(&Fingerprint::of(presented))?;
    if code.request.dialect != dialect || code.request.client != client {
        return None;
    }
    let used_before = std::mem::replace(&mut code.used, true);
    let code = code.clone();
    if used_before {
        records.revoke_grant(&code.grant);
        return None;
    }
    (code.expires > now).then_some(code)
}

/// RFC 7636 section 4.6.
pub(crate) fn check_verifier(
    challenge: Option<&Challenge>,
    verifier: Option<&str>,
) -> Result<(), &'static str> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        // A verifier without a challenge is a downgrade attack (RFC 9700 section 4.8.2).
        (None, Some(_)) => Err("There was no `code_challenge`, so there must be no `code_verifier`."),
        (Some(_), None) => Err("`code_verifier` is missing."),
        (Some(challenge), Some(verifier)) => {
            let computed = if challenge.plain {
                verifier.to_owned()
            } else {
                URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
            };
            if same_secret(&computed, &challenge.value) {
                Ok(())
            } else {
                Err("`code_verifier` does not fit.")
            }
        }
    }
}

fn by_refresh_token(
    world: &World,
    client: &Client,
    parameters: &Parameters,
    key: Option<&str>,
) -> Result<Earned, OAuthError> {
    let presented = parameters
        .get("refresh_token")
        .ok_or(OAuthError::new("invalid_request", "`refresh_token` is missing."))?;
    let fingerprint = Fingerprint::of(presented);
    // What is asked for is checked first, and the key that the token is bound to, so that a refused request does not use the token up.
    let scopes = {
        let records = world.records();
        let granted = records
            .refresh_token(fingerprint, &client.id)
            .map(|(_, grant)| (grant.scopes.clone(), grant.key.clone()))
            .unwrap_or_default();
        let (granted, bound_to) = granted;
        if bound_to.is_some() && bound_to.as_deref() != key {
            return Err(OAuthError::new(
                "invalid_grant",
                "The refresh token is bound to another key.",
            ));
        }
        match parameters.get("scope").map(Scopes::parse) {
            None => granted,
            Some(asked) if granted.covers(&asked) => asked,
            Some(_) => {
                return Err(OAuthError::new(
                    "invalid_scope",
                    "More is asked for than was granted.",
                ));
            }
        }
    };
    let grace = world.options.refresh_reuse_grace;
    let grant_id = world
        .records_mut()
        .use_refresh_token(fingerprint, &client.id, world.now(), grace)
        .map_err(|refused| match refused {
            RefreshRefused::Unknown => {
                OAuthError::new("invalid_grant", "The refresh token is not good (any more).")
            }
            RefreshRefused::Reused => OAuthError::new(
                "invalid_grant",
                "The refresh token was used before. Everything that came of it is revoked.",
            )
            .ending_family(),
        })?;
    let grant = live_grant(world, &grant_id)?;
    Ok(Earned {
        grant_id,
        scopes,
        nonce: grant.nonce.clone(),
        grant,
    })
}

fn by_device_code(
    world: &World,
    client: &Client,
    parameters: &Parameters,
    key: Option<&str>,
) -> Result<Earned, OAuthError> {
    let presented = parameters
        .get("device_code")
        .ok_or(OAuthError::new("invalid_request", "`device_code` is missing."))?;
    let grant_id = match device::poll(world, Dialect::Standard, &client.id, presented) {
        Poll::Allowed(grant) => grant,
        Poll::Pending => {
            return Err(OAuthError::new(
                "authorization_pending",
                "The person has not decided yet.",
            ));
        }
        Poll::SlowDown(_) => return Err(OAuthError::new("slow_down", "Ask less often: five seconds more.")),
        Poll::Denied => {
            return Err(OAuthError::new(
                "access_denied",
                "The person did not give permission.",
            ));
        }
        Poll::Expired => return Err(OAuthError::new("expired_token", "The code has run out.")),
        Poll::Unknown => return Err(OAuthError::new("invalid_grant", "The device code is not good.")),
    };
    let grant = bound(world, &grant_id, key)?;
    Ok(Earned {
        scopes: grant.scopes.clone(),
        grant_id,
        grant,
        nonce: None,
    })
}

/// The grant, whose tokens are bound to `key` from now on, if there is one.
fn bound(world: &World, id: &str, key: Option<&str>) -> Result<Grant, OAuthError> {
    if let (Some(key), Some(grant)) = (key, world.records_mut().grants.get_mut(id)) {
        grant.key = Some(key.to_owned());
    }
    live_grant(world, id)
}

fn live_grant(world: &World, id: &str) -> Result<Grant, OAuthError> {
    world
        .records()
        .live_grant(id)
        .cloned()
        .ok_or(OAuthError::new("invalid_grant", "This was revoked."))
}

fn respond(world: &World, grant_type: &str, earned: &Earned) -> Result<Response, OAuthError> {
    let Earned {
        grant_id,
        grant,
        scopes,
        nonce,
    } = earned;
    let circumstances = Circumstances {
        client: Some(&grant.client),
        grant_type: Some(grant_type),
        ..Circumstances::of(Dialect::Standard)
    };
    let Made {
        it: access_token,
        mut faults,
    } = world.signed_access_token(grant_id, grant, scopes, &circumstances)?;
    let mut body = Map::new();
    body.insert("access_token".to_owned(), json!(access_token.expose()));
    body.insert(
        "token_type".to_owned(),
        json!(if grant.key.is_some() { "DPoP" } else { "Bearer" }),
    );
    body.insert("expires_in".to_owned(), json!(world.options.access_token_life));
    body.insert("scope".to_owned(), json!(scopes.to_string()));
    if grant.scopes.contains("offline_access") {
        let options = &world.options;
        let token = Secret::random_of(&options.refresh_token_mark, options.refresh_token_length);
        world.keep_refresh_token(grant_id, &token, options.refresh_token_life);
        body.insert("refresh_token".to_owned(), json!(token.expose()));
    }
    if scopes.contains("openid") {
        let person = world.person(&grant.subject).ok_or_else(OAuthError::broken)?;
        let token = world.id_token(&IdTokenFor {
            grant,
            person,
            scopes,
            nonce: nonce.as_deref(),
            access_token: &access_token,
            grant_type,
        })?;
        faults.extend(token.faults);
        body.insert("id_token".to_owned(), json!(token.it));
    }
    faults.extend(world.spoil(Document::TokenResponse, &circumstances, &mut body));
    Ok(answer::with_faults(
        answer::secret_json(serde_json::Value::Object(body)),
        faults,
    ))
}
