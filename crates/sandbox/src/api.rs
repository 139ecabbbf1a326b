//! The protected API, on an origin of its own and behind `tessera-guard`.
//!
//! | call | needs | shows |
//! |---|---|---|
//! | `GET /` | nothing | what there is |
//! | `GET /profile` | any token | who the API thinks you are |
//! | `GET /items?page=N` | `items:read` | a list in pages, linked as RFC 8288 says |
//! | `POST /items` | `items:write` | a call that changes something |
//! | `GET /ledger` | `ledger:read` | a permission that is usually missing: 403 `insufficient_scope` |
//! | `GET /diary` | a sign-in within the last five minutes | 401 `insufficient_user_authentication` with `max_age` |
//! | `GET /strongbox` | a sign-in with a second step | the same with `acr_values` |
//! | `GET /picture` | any token | an answer that is not text |
//! | `GET /echo` | any token | the call as the API got it, with its token: a careless API |
//! | `GET /elsewhere` | any token | a redirect to another origin |
//! | `GET /arrived` | nothing | the other end of it: says whether a token came along |
//!
//! No answer allows other origins' scripts to read it (no CORS).

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tessera_guard::dpop::Proofs;
use tessera_guard::{
    Algorithm, Caller, Guard, KeySet, KeySource, RequireAuth, RequireAuthentication, RequireScope, UnixTime,
};
use tower::{Layer as _, ServiceExt as _};

use crate::answer;
use crate::dpop;
use crate::github;
use crate::google;
use crate::people::Person;
use crate::records::ACR_SECOND_STEP;
use crate::serve::Server;
use crate::world::World;

const PICTURE: &[u8] = include_bytes!("../../../icons/128x128@2x.png");
/// How many items there are to begin with.
const ITEMS: usize = 95;
/// How many seconds ago the sign-in may be for `GET /diary`.
const RECENT: u64 = 300;
/// How many of them are on a page when nobody says.
const PAGE: usize = 20;

/// What the API's handlers share.
struct Api {
    world: Arc<World>,
    /// The guard, and the name of the key it was made for: a new key makes a new guard.
    guard: Mutex<Option<(String, Guard)>>,
    proofs: Option<Proofs>,
    items: Mutex<Vec<String>>,
}

pub(crate) fn routes(world: &Arc<World>) -> Router {
    let api = Arc::new(Api {
        world: Arc::clone(world),
        guard: Mutex::default(),
        proofs: dpop::proofs(world, Server::Api),
        items: Mutex::new((1..=ITEMS).map(title).collect()),
    });
    // Around the handlers alone: another method is no question of permission.
    let items = get(items)
        .route_layer(RequireScope::all(["items:read"]))
        .merge(axum::routing::post(add_item).route_layer(RequireScope::all(["items:write"])));
    Router::new()
        .route("/profile", get(profile))
        .route("/items", items)
        .route(
            "/ledger",
            get(ledger).route_layer(RequireScope::all(["ledger:read"])),
        )
        .route(
            "/diary",
            get(diary).route_layer(RequireAuthentication::new().max_age(RECENT)),
        )
        .route(
            "/strongbox",
            get(strongbox).route_layer(RequireAuthentication::new().acr_values([ACR_SECOND_STEP])),
        )
        .route("/picture", get(picture))
        .route("/echo", get(echo))
        .route("/elsewhere", get(elsewhere))
        .layer(from_fn_with_state(Arc::clone(&api), still_good))
        .layer(from_fn_with_state(Arc::clone(&api), guarded))
        .route("/", get(index))
        .route("/arrived", get(arrived))
        .fallback(nothing_here)
        .with_state(api)
        .nest("/github", github::api_routes().with_state(Arc::clone(world)))
        .nest("/google", google::api_routes().with_state(Arc::clone(world)))
        .layer(from_fn(plain_headers))
}

/// Lets through who the guard lets through.
async fn guarded(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let Some(guard) = api.guard() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match RequireAuth::new(guard).layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A signed token says of itself until when it is good; that it was revoked before only its issuer knows, who
/// is next door here.
async fn still_good(State(api): State<Arc<Api>>, caller: Caller, request: Request, next: Next) -> Response {
    let known = api.world.records().knows_jti(caller.token_id());
    if known {
        next.run(request).await
    } else {
        answer::bearer_refused(true)
    }
}

impl Api {
    /// The guard for the keys of this moment. Issuer and API share clock and process, so there is neither
    /// leeway nor fetching.
    fn guard(&self) -> Option<Guard> {
        let (current, keys) = {
            let keys = self.world.keys();
            (keys.current().id.clone(), keys.public().to_string())
        };
        let mut slot = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made_for, guard)) = slot.as_ref()
            && *made_for == current
        {
            return Some(guard.clone());
        }
        let world = Arc::clone(&self.world);
        let guard = KeySet::parse(keys.as_bytes())
            .map_err(|error| tracing::error!(%error, "the key set cannot be used"))
            .ok()
            .and_then(|keys| {
                let guard = Guard::builder(self.world.origin.clone());
                let guard = match &self.proofs {
                    Some(proofs) => guard.proofs(proofs.clone()),
                    None => guard,
                };
                guard
                    .audience(self.world.api_origin.clone())
                    .algorithms([Algorithm::ES256])
                    .key_source(KeySource::fixed(keys))
                    .leeway(0)
                    .clock(move || UnixTime(world.now()))
                    .build()
                    .map_err(|error| tracing::error!(%error, "the API cannot be guarded"))
                    .ok()
            })?;
        *slot = Some((current, guard.clone()));
        Some(guard)
    }

    fn items(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn index(State(api): State<Arc<Api>>) -> Response {
    Json(json!({
        "about": "The protected API of the Tessera sandbox, for trying things out.",
        "issuer": api.world.origin,
        "calls": [
            { "call": "GET /profile", "needs": "any access token" },
            { "call": "GET /items?page=1", "needs": "items:read" },
            { "call": "POST /items", "needs": "items:write" },
            { "call": "GET /ledger", "needs": "ledger:read" },
            { "call": "GET /diary", "needs": "a sign-in within the last five minutes" },
            { "call": "GET /strongbox", "needs": "a sign-in with a second step" },
            { "call": "GET /picture", "needs": "any access token" },
            { "call": "GET /echo", "needs": "any access token" },
            { "call": "GET /elsewhere", "needs": "any access token" },
        ],
    }))
    .into_response()
}

async fn profile(State(api): State<Arc<Api>>, caller: Caller) -> Response {
    let name = api.world.person(caller.subject().as_str()).map(Person::name);
    Json(json!({
        "message": match &name {
            Some(name) => format!("Hello, {name}. The API knows you by your access token."),
            None => "Hello. The API knows you by your access token.".to_owned(),
        },
        "subject": caller.subject().as_str(),
        "name": name,
        "client_id": caller.client_id().as_str(),
        "scopes": caller.scopes().iter().collect::<Vec<_>>(),
        "token": {
            "issuer": caller.issuer().as_str(),
            "issued_at": caller.issued_at().0,
            "expires_at": caller.expires_at().0,
            "signed_in_at": caller.auth_time().map(|time| time.0),
        },
    }))
    .into_response()
}

/// Which part of a list.
#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    page: Option<usize>,
    #[serde(default)]
    per_page: Option<usize>,
}

async fn items(State(api): State<Arc<Api>>, paging: Result<Query<Paging>, QueryRejection>) -> Response {
    let Ok(Query(paging)) = paging else {
        return invalid("`page` and `per_page` are numbers.");
    };
    let items = api.items().clone();
    let total = items.len();
    let address = format!("{}/items", api.world.api_origin);
    let per_page = paging.per_page.unwrap_or(PAGE);
    let (page, links) = match page_of(&address, paging.page.unwrap_or(1), per_page, total) {
        Ok(found) => found,
        Err(message) => return invalid(message),
    };
    let shown: Vec<Value> = (page.start..page.end.min(total))
        .map(|index| json!({ "id": index + 1, "title": items[index] }))
        .collect();
    let body = json!({ "items": shown, "page": page.number, "per_page": per_page, "total": total });
    let mut response = Json(body).into_response();
    if let Ok(links) = HeaderValue::try_from(links) {
        response.headers_mut().insert(header::LINK, links);
    }
    response
}

/// A part of a list, as indices of it.
pub(crate) struct Page {
    pub(crate) number: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Page `number` of `total` entries at `address`, and the links to its neighbours (RFC 8288).
pub(crate) fn page_of(
    address: &str,
    number: usize,
    per_page: usize,
    total: usize,
) -> Result<(Page, String), &'static str> {
    if !(1..=100).contains(&per_page) {
        return Err("`per_page` is a number from 1 to 100.");
    }
    if !(1..=1_000_000).contains(&number) {
        return Err("`page` is a number, and the first page is 1.");
    }
    let last = total.div_ceil(per_page).max(1);
    let link =
        |page: usize, name: &str| format!("<{address}?page={page}&per_page={per_page}>; rel=\"{name}\"");
    let mut links = Vec::new();
    if number > 1 {
        links.push(link(1, "first"));
        links.push(link((number - 1).min(last), "prev"));
    }
    if number < last {
        links.push(link(number + 1, "next"));
        links.push(link(last, "last"));
    }
    let start = ((number - 1) * per_page).min(total);
    Ok((
        Page {
            number,
            start,
            end: start + per_page,
        },
        links.join(", "),
    ))
}

/// What `POST /items` takes.
#[derive(Deserialize)]
struct NewItem {
    title: String,
}

async fn add_item(State(api): State<Arc<Api>>, item: Result<Json<NewItem>, JsonRejection>) -> Response {
    const LIMIT: usize = 1_000;
    let Ok(Json(item)) = item else {
        return invalid("The body is JSON with a `title`.");
    };
    let title = item.title.trim();
    if title.is_empty() || title.chars().count() > 200 {
        return invalid("`title` has 1 to 200 characters.");
    }
    let mut items = api.items();
    if items.len() >= LIMIT {
        let body = json!({ "error": "conflict", "error_description": "The list is full." });
        return (StatusCode::CONFLICT, Json(body)).into_response();
    }
    items.push(title.to_owned());
    let id = items.len();
    (StatusCode::CREATED, Json(json!({ "id": id, "title": title }))).into_response()
}

async fn ledger(caller: Caller) -> Response {
    Json(json!({
        "owner": caller.subject().as_str(),
        "entries": [
            { "date": "2026-11-02", "text": "Two amphorae of oil", "amount": -24 },
            { "date": "2026-11-09", "text": "Guest from Pergamon, three nights", "amount": 36 },
            { "date": "2026-11-17", "text": "A new half for a lost tessera", "amount": -3 },
        ],
    }))
    .into_response()
}

async fn diary(caller: Caller) -> Response {
    Json(json!({
        "owner": caller.subject().as_str(),
        "signed_in_at": caller.auth_time().map(|time| time.0),
        "entry": "Nobody reads this without having signed in a moment ago.",
    }))
    .into_response()
}

async fn strongbox(caller: Caller) -> Response {
    Json(json!({
        "owner": caller.subject().as_str(),
        "acr": caller.acr(),
        "holds": ["One half of a tile", "A letter of credit"],
    }))
    .into_response()
}

async fn picture(_caller: Caller) -> Response {
    ([(header::CONTENT_TYPE, "image/png")], PICTURE).into_response()
}

/// Repeats what it was sent, as careless APIs do, also in a header.
async fn echo(_caller: Caller, headers: HeaderMap) -> Response {
    let fields: serde_json::Map<String, Value> = headers
        .iter()
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), Value::from(text))
        })
        .collect();
    let mut response = Json(json!({ "headers": fields })).into_response();
    if let Some(credentials) = headers.get(header::AUTHORIZATION) {
        response
            .headers_mut()
            .insert("x-authorization", credentials.clone());
    }
    response
}

/// The name `localhost` is another origin than the address that it stands for.
async fn elsewhere(State(api): State<Arc<Api>>, _caller: Caller) -> Response {
    let port = api.world.api_origin.rsplit(':').next().unwrap_or_default();
    match HeaderValue::try_from(format!("http://localhost:{port}/arrived")) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn arrived(headers: HeaderMap) -> Response {
    let with_token = headers.contains_key(header::AUTHORIZATION);
    Json(json!({
        "message": if with_token {
            "A token came along to where it does not belong."
        } else {
            "You arrived without a token, as it should be."
        },
        "with_token": with_token,
    }))
    .into_response()
}

fn invalid(why: &str) -> Response {
    let body = json!({ "error": "invalid_request", "error_description": why });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

async fn nothing_here() -> Response {
    let body = json!({ "error": "not_found", "error_description": "The API has no such call." });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// No answer of an API is a page, and none is for keeping.
async fn plain_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn title(number: usize) -> String {
    const ADJECTIVES: [&str; 5] = ["glazed", "broken", "painted", "borrowed", "mended"];
    const THINGS: [&str; 19] = [
        "tile", "lamp", "key", "seal", "cup", "coin", "comb", "bell", "ring", "bowl", "hook", "needle",
        "token", "brush", "jar", "stylus", "tablet", "buckle", "whistle",
    ];
    format!(
        "A {} {}",
        ADJECTIVES[number % ADJECTIVES.len()],
        THINGS[number % THINGS.len()]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_link_to_their_neighbours() {
        let check = |number, total, expected: &[&str]| {
            let names: Vec<String> = page_of("http://api/items", number, 20, total)
                .map(|(_, links)| links)
                .unwrap_or_default()
                .split("rel=")
                .skip(1)
                .map(|rest| rest.split('"').nth(1).unwrap_or_default().to_owned())
                .collect();
            assert_eq!(names, expected, "page {number} of {total} entries");
        };
        check(1, 95, &["next", "last"]);
        check(3, 95, &["first", "prev", "next", "last"]);
        check(5, 95, &["first", "prev"]);
        check(9, 95, &["first", "prev"]);
        check(1, 20, &[]);
        check(1, 0, &[]);
        assert!(page_of("", 0, 20, 95).is_err());
        assert!(page_of("", 1, 0, 95).is_err());
        assert!(page_of("", 1, 101, 95).is_err());
    }
}
