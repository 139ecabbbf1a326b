//! GitHub's API: who the token belongs to, and the ways to end one.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer;
use crate::api::page_of;
use crate::clients::Dialect;
use crate::people::Person;
use crate::records::Consent;
use crate::scopes::Scopes;
use crate::secret::Fingerprint;
use crate::world::World;

/// How many repositories each person has, of which every tenth is private.
const REPOSITORIES: usize = 45;

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/user", get(user))
        .route("/user/emails", get(emails))
        .route("/user/repos", get(repositories))
        .route(
            "/applications/{client_id}/token",
            delete(delete_token).post(check_token),
        )
        .route("/applications/{client_id}/grant", delete(delete_grant))
        .route("/credentials/revoke", post(revoke_credentials))
        .fallback(|| async { refused(StatusCode::NOT_FOUND, "Not Found") })
        .layer(from_fn(with_user_agent))
}

/// Requests that do not say what program sends them are refused.
async fn with_user_agent(request: Request, next: Next) -> Response {
    let says = request
        .headers()
        .get(header::USER_AGENT)
        .is_some_and(|value| !value.is_empty());
    if says {
        return next.run(request).await;
    }
    let text =
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n";
    (StatusCode::FORBIDDEN, text).into_response()
}

/// Who calls, with which scopes.
fn caller<'a>(world: &'a World, headers: &HeaderMap) -> Option<(&'a Person, Scopes)> {
    let token = answer::bearer_token(headers).or_else(|| {
        // Its own older scheme.
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        value.strip_prefix("token ")
    });
    let (subject, scopes) = world
        .records()
        .access_token(Fingerprint::of(token?), world.now())
        .filter(|(_, grant)| grant.dialect == Dialect::GitHub)
        .map(|(token, grant)| (grant.subject.clone(), token.scopes.clone()))?;
    Some((world.person(&subject)?, scopes))
}

fn unauthorized(headers: &HeaderMap) -> Response {
    let presented = headers.contains_key(header::AUTHORIZATION);
    let message = if presented {
        "Bad credentials"
    } else {
        "Requires authentication"
    };
    answer::with_error(refused(StatusCode::UNAUTHORIZED, message), "bad_credentials")
}

fn refused(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.as_u16().to_string(),
    });
    (status, Json(body)).into_response()
}

/// Says which scopes the token has and which the call takes.
fn with_scopes(mut response: Response, scopes: &Scopes, accepted: &str) -> Response {
    for (name, value) in [
        ("x-oauth-scopes", scopes.join(", ")),
        ("x-accepted-oauth-scopes", accepted.to_owned()),
        ("x-ratelimit-limit", "5000".to_owned()),
        ("x-ratelimit-remaining", "4999".to_owned()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

async fn user(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let Some((person, scopes)) = caller(&world, &headers) else {
        return unauthorized(&headers);
    };
    let mut body = json!({
        "login": person.username,
        "id": person.number,
        "node_id": format!("U_{}", person.number),
        "avatar_url": world.picture_of(person),
        "html_url": format!("{}/github/{}", world.origin, person.username),
        "type": "User",
        "site_admin": false,
        "name": person.name(),
        "email": Value::Null,
        "public_repos": REPOSITORIES - REPOSITORIES.div_ceil(10),
    });
    if (scopes.contains("user") || scopes.contains("read:user"))
        && let Some(body) = body.as_object_mut()
    {
        body.insert("email".to_owned(), json!(person.email));
        body.insert("two_factor_authentication".to_owned(), json!(true));
    }
    with_scopes(Json(body).into_response(), &scopes, "")
}

async fn emails(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let Some((person, scopes)) = caller(&world, &headers) else {
        return unauthorized(&headers);
    };
    let accepted = "user, user:email";
    if !scopes.contains("user:email") && !scopes.contains("user") {
        // What the token may not see is not there.
        return with_scopes(refused(StatusCode::NOT_FOUND, "Not Found"), &scopes, accepted);
    }
    let body = json!([
        { "email": person.email, "primary": true, "verified": true, "visibility": "private" },
        {
            "email": format!("{}@users.noreply.example.test", person.username),
            "primary": false,
            "verified": true,
            "visibility": Value::Null,
        },
    ]);
    with_scopes(Json(body).into_response(), &scopes, accepted)
}

/// Which part of a list.
#[derive(Deserialize)]
struct Paging {
    page: Option<usize>,
    per_page: Option<usize>,
}

async fn repositories(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    Query(paging): Query<Paging>,
) -> Response {
    let Some((person, scopes)) = caller(&world, &headers) else {
        return unauthorized(&headers);
    };
    let may_see_private = scopes.contains("repo");
    let all: Vec<Value> = (0..REPOSITORIES)
        .map(|index| (index, index % 10 == 0))
        .filter(|(_, private)| may_see_private || !private)
        .map(|(index, private)| {
            json!({
                "id": person.number * 1000 + index as u64,
                "name": format!("mosaic-{}", index + 1),
                "full_name": format!("{}/mosaic-{}", person.username, index + 1),
                "private": private,
                "visibility": if private { "private" } else { "public" },
                "owner": { "login": person.username, "id": person.number },
            })
        })
        .collect();
    let address = format!("{}/github/user/repos", world.api_origin);
    let number = paging.page.unwrap_or(1).clamp(1, 1_000_000);
    let per_page = paging.per_page.unwrap_or(30).clamp(1, 100);
    let Ok((page, links)) = page_of(&address, number, per_page, all.len()) else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed");
    };
    let shown: Vec<Value> = all
        .into_iter()
        .skip(page.start)
        .take(page.end - page.start)
        .collect();
    let mut response = with_scopes(Json(shown).into_response(), &scopes, "");
    if let Some(links) = HeaderValue::try_from(links)
        .ok()
        .filter(|links| !links.is_empty())
    {
        response.headers_mut().insert(header::LINK, links);
    }
    response
}

/// What the calls about one token take.
#[derive(Deserialize)]
struct OneToken {
    access_token: String,
}

/// The app shows by `Authorization: Basic` that it is itself.
fn is_app(world: &World, headers: &HeaderMap, client_id: &str) -> bool {
    answer::basic_credentials(headers).is_some_and(|(id, secret)| {
        id == client_id
            && world
                .client(Dialect::GitHub, client_id)
                .is_some_and(|client| client.secret == Some(Fingerprint::of(&secret)))
    })
}

/// The fingerprint of a token of this app in the request's body.
#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn token_in(
    world: &World,
    headers: &HeaderMap,
    client_id: &str,
    body: &Bytes,
) -> Result<Fingerprint, Response> {
    if !is_app(world, headers, client_id) {
        return Err(unauthorized(headers));
    }
    let Ok(OneToken { access_token }) = serde_json::from_slice(body) else {
        return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed"));
    };
    let fingerprint = Fingerprint::of(&access_token);
    let known = world
        .records()
        .access_token(fingerprint, world.now())
        .is_some_and(|(_, grant)| grant.dialect == Dialect::GitHub && grant.client == client_id);
    if known {
        Ok(fingerprint)
    } else {
        Err(refused(StatusCode::NOT_FOUND, "Not Found"))
    }
}

async fn delete_token(
    State(world): State<Arc<World>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match token_in(&world, &headers, &client_id, &body) {
        Ok(fingerprint) => {
            let mut records = world.records_mut();
            // The refresh token goes with it.
            if let Some(grant) = records
                .access_tokens
                .get(&fingerprint)
                .map(|token| token.grant.clone())
            {
                records.revoke_grant(&grant);
            }
            StatusCode::NO_CONTENT.into_response()
        }
        Err(response) => response,
    }
}

async fn check_token(
    State(world): State<Arc<World>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fingerprint = match token_in(&world, &headers, &client_id, &body) {
        Ok(fingerprint) => fingerprint,
        Err(response) => return response,
    };
    let found = world
        .records()
        .access_token(fingerprint, world.now())
        .map(|(token, grant)| (token.scopes.clone(), grant.subject.clone()));
    let Some((scopes, subject)) = found else {
        return refused(StatusCode::NOT_FOUND, "Not Found");
    };
    let user = world
        .person(&subject)
        .map(|person| json!({ "login": person.username, "id": person.number }));
    Json(json!({ "scopes": scopes.iter().collect::<Vec<_>>(), "user": user })).into_response()
}

async fn delete_grant(
    State(world): State<Arc<World>>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fingerprint = match token_in(&world, &headers, &client_id, &body) {
        Ok(fingerprint) => fingerprint,
        Err(response) => return response,
    };
    let now = world.now();
    let mut records = world.records_mut();
    let subject = records
        .access_token(fingerprint, now)
        .map(|(_, grant)| grant.subject.clone());
    if let Some(subject) = subject {
        records.revoke_grants(|grant| {
            grant.dialect == Dialect::GitHub && grant.client == client_id && grant.subject == subject
        });
        records.consents.remove(&Consent {
            dialect: Dialect::GitHub,
            subject,
            client: client_id,
        });
    }
    StatusCode::NO_CONTENT.into_response()
}

/// What the call without a secret takes: tokens that were found where they should not be.
#[derive(Deserialize)]
struct Leaked {
    credentials: Vec<String>,
}

async fn revoke_credentials(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        return refused(
            StatusCode::FORBIDDEN,
            "This endpoint is for callers without credentials.",
        );
    }
    let Ok(Leaked { credentials }) = serde_json::from_slice(&body) else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed");
    };
    let mut records = world.records_mut();
    for credential in &credentials {
        let fingerprint = Fingerprint::of(credential);
        let grant = records
            .access_tokens
            .get(&fingerprint)
            .map(|token| token.grant.clone())
            .or_else(|| {
                records
                    .refresh_tokens
                    .get(&fingerprint)
                    .map(|token| token.grant.clone())
            });
        if let Some(grant) = grant {
            records.revoke_grant(&grant);
        }
    }
    drop(records);
    (StatusCode::ACCEPTED, Json(json!({}))).into_response()
}
