//! A person at a browser, for tests: opens the address that an app hands to the browser, fills in the
//! provider's pages, and comes back with the callback address. Goes through the same pages and cookies as a
//! real browser, without one.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode, header};
use tower::ServiceExt as _;
use url::{Url, form_urlencoded};

use crate::sandbox::Sandbox;

/// Someone with a browser of their own.
#[derive(Clone)]
pub struct Visitor {
    router: Router,
    origin: String,
    username: String,
    password: String,
    allow: bool,
    without: Vec<String>,
    cookies: BTreeMap<String, String>,
}

/// What a visit ended with instead of a callback.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// A page that asks for nothing: an error, or a closing word.
    #[error("the visit ended with status {status} on the page “{title}”")]
    Page {
        /// The status.
        status: u16,
        /// The page's heading.
        title: String,
    },
    /// Too many pages.
    #[error("the pages go round in circles")]
    Circle,
    /// An answer that a browser could not follow.
    #[error("the provider's answer makes no sense: {0}")]
    Nonsense(String),
}

impl Sandbox {
    /// Someone who signs in with this user name (and the password that goes with it) and allows everything.
    pub fn visitor(&self, username: &str) -> Visitor {
        Visitor {
            router: self.router(),
            origin: self.issuer().to_owned(),
            username: username.to_owned(),
            password: self.password_of(username),
            allow: true,
            without: Vec::new(),
            cookies: BTreeMap::new(),
        }
    }
}

impl Visitor {
    /// Denies what is asked for.
    pub fn denying(mut self) -> Self {
        self.allow = false;
        self
    }

    /// Leaves this scope out where the page lets people choose.
    pub fn without(mut self, scope: &str) -> Self {
        self.without.push(scope.to_owned());
        self
    }

    /// Goes on as someone else, in the same browser.
    pub fn now_as(&mut self, sandbox: &Sandbox, username: &str) {
        username.clone_into(&mut self.username);
        self.password = sandbox.password_of(username);
    }

    /// Goes on at another sandbox, or the same one after a restart, with the cookies of the first.
    pub fn move_to(&mut self, sandbox: &Sandbox) {
        self.router = sandbox.router();
        sandbox.issuer().clone_into(&mut self.origin);
    }

    /// Forgets all cookies.
    pub fn with_fresh_browser(&mut self) {
        self.cookies.clear();
    }

    /// Opens the authorization address and answers every page until the browser is sent back: the callback
    /// address.
    pub async fn visit(&mut self, address: &str) -> Result<Url, VisitError> {
        let mut response = self.send(Method::GET, address, None).await?;
        for _ in 0..12 {
            if response.status().is_redirection() {
                let location = self.location(&response)?;
                if !location.as_str().starts_with(&self.origin)
                    || ["/callback", "/signed-out"].contains(&location.path())
                {
                    return Ok(location);
                }
                response = self.send(Method::GET, location.as_str(), None).await?;
                continue;
            }
            response = self.answer(response).await?;
        }
        Err(VisitError::Circle)
    }

    /// Types a device's code on the page at `verification_uri` and decides. Returns the heading of the last
    /// page.
    pub async fn enter_code(
        &mut self,
        verification_uri: &str,
        user_code: &str,
    ) -> Result<String, VisitError> {
        let page = self.send(Method::GET, verification_uri, None).await?;
        let (_, text) = read(page).await?;
        let form = Form::find(&text).ok_or_else(|| VisitError::Nonsense("no form".to_owned()))?;
        let mut fields = form.hidden.clone();
        fields.push(("user_code".to_owned(), user_code.to_owned()));
        let mut response = self.send(Method::POST, &form.action, Some(&fields)).await?;
        for _ in 0..12 {
            if response.status().is_redirection() {
                let location = self.location(&response)?;
                response = self.send(Method::GET, location.as_str(), None).await?;
                continue;
            }
            match self.answer(response).await {
                Ok(next) => response = next,
                Err(VisitError::Page { status: 200, title }) => return Ok(title),
                Err(error) => return Err(error),
            }
        }
        Err(VisitError::Circle)
    }

    /// Fills in whatever form the page has, and sends it.
    async fn answer(&mut self, response: Response) -> Result<Response, VisitError> {
        let (status, text) = read(response).await?;
        let title = between(&text, "<h1>", "</h1>").unwrap_or_default().to_owned();
        let Some(form) = Form::find(&text).filter(|_| status == StatusCode::OK) else {
            return Err(VisitError::Page {
                status: status.as_u16(),
                title,
            });
        };
        let mut fields = form.hidden.clone();
        let mut add = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
        match form.action.as_str() {
            "/sign-in" => {
                add("username", &self.username);
                add("password", &self.password);
            }
            "/account" => {
                let own = text.contains(&format!("/picture/{}\"", self.username));
                add("account", if own { "same" } else { "other" });
            }
            "/consent" => {
                for scope in form.ticked.iter().filter(|scope| !self.without.contains(scope)) {
                    add("scope", scope);
                }
                add("decision", if self.allow { "allow" } else { "deny" });
            }
            "/sign-out" | "/second-step" => {}
            _ => {
                return Err(VisitError::Page {
                    status: status.as_u16(),
                    title,
                });
            }
        }
        self.send(Method::POST, &form.action, Some(&fields)).await
    }

    async fn send(
        &mut self,
        method: Method,
        address: &str,
        form: Option<&[(String, String)]>,
    ) -> Result<Response, VisitError> {
        let nonsense = |what: &str| VisitError::Nonsense(what.to_owned());
        let base = Url::parse(&self.origin).map_err(|_| nonsense("origin"))?;
        let url = base.join(address).map_err(|_| nonsense("address"))?;
        if url.origin() != base.origin() {
            return Err(nonsense("the address is not the sandbox's"));
        }
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let body = form
            .map(|fields| {
                form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(fields)
                    .finish()
            })
            .unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(
                header::HOST,
                &base[url::Position::BeforeHost..url::Position::AfterPort],
            )
            .header(header::COOKIE, cookies.join("; "))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .map_err(|_| nonsense("request"))?;
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().ok().and_then(|text| text.split(';').next());
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(response)
    }

    fn location(&self, response: &Response) -> Result<Url, VisitError> {
        response
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|location| Url::parse(&self.origin).ok()?.join(location).ok())
            .ok_or_else(|| VisitError::Nonsense("a redirect to nowhere".to_owned()))
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Visitor({})", self.username)
    }
}

/// The first form of one of our own pages.
struct Form {
    action: String,
    hidden: Vec<(String, String)>,
    ticked: Vec<String>,
}

impl Form {
    fn find(page: &str) -> Option<Self> {
        let form = between(page, "<form ", "</form>")?;
        let inputs = || {
            form.split("<input ")
                .skip(1)
                .map(|rest| rest.split('>').next().unwrap_or_default())
        };
        let of_type = |wanted: &'static str| {
            inputs().filter(move |input| attribute(input, "type").as_deref() == Some(wanted))
        };
        Some(Self {
            action: attribute(form, "action")?,
            hidden: of_type("hidden")
                .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value")?)))
                .collect(),
            ticked: of_type("checkbox")
                .filter_map(|input| attribute(input, "value"))
                .collect(),
        })
    }
}

async fn read(response: Response) -> Result<(StatusCode, String), VisitError> {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .map_err(|error| VisitError::Nonsense(error.to_string()))?;
    Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = between(tag, &format!("{name}=\""), "\"")?;
    let plain = value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    Some(plain.replace("&amp;", "&"))
}
