//! A person without a screen: walks a provider's login and consent pages by plain HTTP, with a cookie jar.

use anyhow::{Context as _, Result, bail};
use html5gum::{StartTag, Token, Tokenizer};
use reqwest::header::LOCATION;
use reqwest::{Client, Response, redirect};
use url::Url;

use crate::pages::{Pages, Person};

/// More pages than any provider here shows.
const MOST_PAGES: usize = 20;

/// The button that ends the session at the provider.
const SIGN_OUT: &str = "logout";

/// The field for a device's code.
const CODE: &str = "user_code";

/// What a person decides on the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// Where a walk ended.
enum End {
    /// At an address of another origin, which was not visited.
    Elsewhere(Url),
    /// On a page on which there is nothing to send.
    Here(String),
}

/// A browser without a screen. Keeps its cookies from one visit to the next.
pub struct Visitor {
    http: Client,
    pages: Pages,
}

impl Visitor {
    /// A browser that has been nowhere yet.
    pub fn new(pages: Pages) -> Result<Self> {
        let http = Client::builder()
            .cookie_store(true)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, pages })
    }

    /// Follows `start` through the pages of its origin and gives back the first address that leads elsewhere:
    /// the callback, which is not visited.
    pub async fn walk(&self, start: &Url, person: Person, decision: Decision) -> Result<Url> {
        match self.go(start, person, decision, None).await? {
            End::Elsewhere(url) => Ok(url),
            End::Here(text) => bail!("the pages that began at {} end there: {text}", start.path()),
        }
    }

    /// Types the code of a device on the provider's page for that (RFC 8628 section 3.3), goes on from there, and
    /// gives back the page on which nothing more is asked.
    pub async fn enter_code(
        &self,
        page: &Url,
        code: &str,
        person: Person,
        decision: Decision,
    ) -> Result<String> {
        match self.go(page, person, decision, Some(code)).await? {
            End::Here(text) => Ok(text),
            End::Elsewhere(url) => bail!("the pages for a device led to {url}"),
        }
    }

    async fn go(
        &self,
        start: &Url,
        person: Person,
        decision: Decision,
        mut code: Option<&str>,
    ) -> Result<End> {
        let home = start.origin();
        let mut response = self.http.get(start.clone()).send().await?;
        for _ in 0..MOST_PAGES {
            let here = response.url().clone();
            if response.status().is_redirection() {
                let next = here.join(location(&response)?)?;
                if next.origin() != home {
                    return Ok(End::Elsewhere(next));
                }
                response = self.http.get(next).send().await?;
                continue;
            }
            let status = response.status();
            let text = response.text().await?;
            if !status.is_success() {
                bail!("{} answered {status}: {text}", here.path());
            }
            let mut page = Page::read(&text);
            let wants_code = page
                .fields
                .iter_mut()
                .find(|(name, value)| name == CODE && value.is_empty());
            match (wants_code, code.take()) {
                (Some((_, value)), Some(code)) => code.clone_into(value),
                // It was typed, and the provider is ready for another one.
                (Some(_), None) => return Ok(End::Here(text)),
                (None, kept) => code = kept,
            }
            let Some(action) = page.action.clone() else {
                return Ok(End::Here(text));
            };
            response = self.answer(&here, &action, page, person, decision).await?;
        }
        bail!(
            "the provider's pages do not end; the last began at {}",
            start.path()
        )
    }

    /// Goes to the callback of the loopback route, as the browser does by itself, and gives back the page.
    pub async fn finish(&self, callback: &Url) -> Result<(u16, String)> {
        let response = self.http.get(callback.clone()).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Sends the form of the page `here`.
    async fn answer(
        &self,
        here: &Url,
        action: &str,
        page: Page,
        person: Person,
        decision: Decision,
    ) -> Result<Response> {
        let asked_for_password = page.fields.iter().any(|(name, _)| name == "password");
        if decision == Decision::Deny
            && !asked_for_password
            && let Some(link) = page.links.iter().find(|link| link.ends_with("/abort"))
        {
            return Ok(self.http.get(here.join(link)?).send().await?);
        }
        let mut form = Vec::new();
        for (name, value) in page.fields {
            let known = self.pages.fields().into_iter().find(|(field, _)| *field == name);
            let value = match known {
                Some((_, true)) => person.password.to_owned(),
                Some((_, false)) => person.user.to_owned(),
                None => value,
            };
            form.push((name, value));
        }
        let wanted = match decision {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        };
        let says_so = |(name, value): &(String, String)| {
            value == wanted || (decision == Decision::Allow && name == SIGN_OUT && value == "yes")
        };
        form.extend(page.buttons.into_iter().filter(says_so));
        Ok(self.http.post(here.join(action)?).form(&form).send().await?)
    }
}

fn location(response: &Response) -> Result<&str> {
    Ok(response
        .headers()
        .get(LOCATION)
        .context("a redirect says where to")?
        .to_str()?)
}

/// What of a page a person can act on.
#[derive(Default)]
struct Page {
    action: Option<String>,
    fields: Vec<(String, String)>,
    buttons: Vec<(String, String)>,
    links: Vec<String>,
}

impl Page {
    fn read(html: &str) -> Self {
        let mut page = Self::default();
        for Ok(token) in Tokenizer::new(html) {
            let Token::StartTag(tag) = token else { continue };
            match tag.name.as_slice() {
                b"form" => {
                    let action = attribute(&tag, "action").unwrap_or_default();
                    page.action.get_or_insert(action);
                }
                b"a" => page.links.extend(attribute(&tag, "href")),
                b"button" => page.buttons.extend(named(&tag)),
                b"input" => match attribute(&tag, "type").as_deref() {
                    Some("submit") => page.buttons.extend(named(&tag)),
                    Some("checkbox") if attribute(&tag, "checked").is_none() => {}
                    _ => page.fields.extend(named(&tag)),
                },
                _ => {}
            }
        }
        page
    }
}

fn named(tag: &StartTag<()>) -> Option<(String, String)> {
    Some((
        attribute(tag, "name")?,
        attribute(tag, "value").unwrap_or_default(),
    ))
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(value).into_owned())
}
