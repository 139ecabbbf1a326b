//! What a person sees: plain pages that work without scripts, in light and dark, by keyboard and by screen
//! reader.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, html};
use url::Url;

use crate::clients::Dialect;
use crate::people::Person;

/// The style sheet, served from the provider's own origin so that no inline style has to be allowed.
pub(crate) const STYLE: &str = include_str!("style.css");
/// Where it is served.
pub(crate) const STYLE_PATH: &str = "/style.css";

/// The mark, as every other part of Tessera shows it.
pub(crate) const ICON: &str = include_str!("../../../icons/tessera.svg");
/// Where it is served.
pub(crate) const ICON_PATH: &str = "/icon.svg";

/// A page, and where its forms may lead.
pub(crate) struct Page {
    status: StatusCode,
    title: String,
    dialect: Dialect,
    form_target: Option<String>,
    body: Markup,
}

impl Page {
    /// A page with status 200 whose forms stay here.
    pub(crate) fn new(title: &str, dialect: Dialect, body: Markup) -> Self {
        Self {
            status: StatusCode::OK,
            title: title.to_owned(),
            dialect,
            form_target: None,
            body,
        }
    }

    /// Another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Lets its forms be answered by a redirect to this address.
    pub(crate) fn may_lead_to(mut self, redirect_uri: &str) -> Self {
        self.form_target = form_action_source(redirect_uri);
        self
    }
}

/// What `form-action` has to name so that the answer to a form may redirect to `address`: browsers check it at
/// every hop (Content Security Policy Level 3 section 6.4.1). Host sources cannot name an IPv6 address, so for
/// one of those the scheme stands alone.
fn form_action_source(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    Some(match (url.scheme(), url.host()) {
        (scheme @ ("http" | "https"), Some(url::Host::Ipv6(_))) => format!("{scheme}:"),
        (scheme @ ("http" | "https"), Some(host)) => {
            let port = url.port_or_known_default()?;
            format!("{scheme}://{host}:{port}")
        }
        (scheme, _) => format!("{scheme}:"),
    })
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · Tessera sandbox" }
                    link rel="stylesheet" href=(STYLE_PATH);
                    link rel="icon" href=(ICON_PATH) type="image/svg+xml";
                }
                body {
                    header {
                        img.mark src=(ICON_PATH) alt="" width="40" height="40";
                        p.name {
                            "Tessera sandbox"
                            @match self.dialect {
                                Dialect::Standard => {}
                                Dialect::Google => { span.dialect { " in Google’s manner" } }
                                Dialect::GitHub => { span.dialect { " in GitHub’s manner" } }
                            }
                        }
                        p { "This is the Tessera sandbox, for trying things out. Not a real provider." }
                    }
                    main { (self.body) }
                }
            }
        };
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'{}; base-uri 'none'; \
             frame-ancestors 'none'",
            self.form_target
                .map(|source| format!(" {source}"))
                .unwrap_or_default()
        );
        let mut response = (self.status, markup).into_response();
        let headers = response.headers_mut();
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// What every form of a request under way carries.
#[derive(Clone, Debug)]
pub(crate) struct FormKeys {
    /// Which request.
    pub(crate) interaction: String,
    /// That this browser was shown the form.
    pub(crate) csrf: String,
}

impl FormKeys {
    fn fields(&self) -> Markup {
        html! {
            input type="hidden" name="interaction" value=(self.interaction);
            input type="hidden" name="csrf" value=(self.csrf);
        }
    }
}

/// User name and password.
pub(crate) fn sign_in(
    dialect: Dialect,
    client_name: &str,
    keys: &FormKeys,
    username: &str,
    people: &[Person],
    failed: bool,
) -> Page {
    let body = html! {
        h1 { "Sign in" }
        p.lead { "to go on to " strong { (client_name) } }
        @if failed {
            p.alert role="alert" id="problem" {
                "That user name and password do not go together. Try again."
            }
        }
        form method="post" action="/sign-in" {
            (keys.fields())
            label for="username" { "User name" }
            input id="username" name="username" type="text" autocomplete="username" autocapitalize="none"
                spellcheck="false" required autofocus[username.is_empty() || !failed] value=(username)
                aria-describedby=[failed.then_some("problem")] aria-invalid=[failed.then_some("true")];
            label for="password" { "Password" }
            input id="password" name="password" type="password" autocomplete="current-password" required
                autofocus[failed && !username.is_empty()]
                aria-describedby=[failed.then_some("problem")] aria-invalid=[failed.then_some("true")];
            div.buttons { button.primary type="submit" { "Sign in" } }
        }
        @if !people.is_empty() {
            p.hint {
                "Try "
                @for (index, person) in people.iter().take(4).enumerate() {
                    @if index > 0 { " or " }
                    code { (person.username) }
                }
                ". The password is the same as the user name."
            }
        }
    };
    Page::new("Sign in", dialect, body)
}

/// Which account to go on with.
pub(crate) fn choose_account(dialect: Dialect, client_name: &str, keys: &FormKeys, person: &Person) -> Page {
    let body = html! {
        h1 { "Choose an account" }
        p.lead { "to go on to " strong { (client_name) } }
        form method="post" action="/account" {
            (keys.fields())
            button.account type="submit" name="account" value="same" autofocus {
                img src={ "/picture/" (person.username) } alt="" width="40" height="40";
                span { strong { (person.name()) } br; (person.email) }
            }
            button.account type="submit" name="account" value="other" {
                span.other aria-hidden="true" { "+" }
                span { "Use another account" }
            }
        }
    };
    Page::new("Choose an account", dialect, body)
}

/// What follows the password where an app needs a stronger sign-in.
pub(crate) fn second_step(dialect: Dialect, client_name: &str, keys: &FormKeys, person: &Person) -> Page {
    let body = html! {
        h1 { "One more step" }
        p.lead { strong { (client_name) } " needs to be surer that it is you" }
        p.person {
            img src={ "/picture/" (person.username) } alt="" width="40" height="40";
            span { strong { (person.name()) } br; (person.email) }
        }
        p { "A real provider would ask for a code or a key now. Here, saying so is enough." }
        form method="post" action="/second-step" {
            (keys.fields())
            button.primary type="submit" autofocus { "It is me" }
        }
    };
    Page::new("One more step", dialect, body)
}

/// One line of the consent page.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// As it is sent.
    pub(crate) scope: String,
    /// In words.
    pub(crate) meaning: String,
    /// The person may leave it out.
    pub(crate) optional: bool,
}

/// What is asked for, and Allow or Deny.
pub(crate) fn consent(
    dialect: Dialect,
    client_name: &str,
    keys: &FormKeys,
    person: &Person,
    asked: &[Asked],
    user_code: Option<&str>,
) -> Page {
    let body = html! {
        h1 { (client_name) " asks for your permission" }
        p.person {
            img src={ "/picture/" (person.username) } alt="" width="40" height="40";
            span { strong { (person.name()) } br; (person.email) }
        }
        @if let Some(code) = user_code {
            p { "Only go on if your device shows this code:" }
            p.code { (code) }
        }
        form method="post" action="/consent" {
            (keys.fields())
            input type="hidden" name="shown" value="1";
            @if asked.is_empty() {
                p { strong { (client_name) } " wants to see what is public about you." }
            } @else {
                fieldset {
                    legend { strong { (client_name) } " wants to" }
                    ul {
                        @for (index, one) in asked.iter().enumerate() {
                            li {
                                @if one.optional {
                                    input type="checkbox" name="scope" value=(one.scope) id={ "scope-" (index) }
                                        checked;
                                    label for={ "scope-" (index) } { (one.meaning) }
                                } @else {
                                    span.tick aria-hidden="true" { "✓" }
                                    span { (one.meaning) }
                                }
                            }
                        }
                    }
                }
            }
            div.buttons {
                button.primary type="submit" name="decision" value="allow" { "Allow" }
                button type="submit" name="decision" value="deny" { "Deny" }
            }
        }
    };
    Page::new("Permission", dialect, body)
}

/// Where a person types the code that their device shows.
pub(crate) fn device_code(dialect: Dialect, action: &str, csrf: &str, code: &str, failed: bool) -> Page {
    let body = html! {
        h1 { "Connect a device" }
        p.lead { "Type the code that your device shows." }
        @if failed {
            p.alert role="alert" id="problem" {
                "No device waits with this code. Look again at your device: codes last fifteen minutes."
            }
        }
        form method="post" action=(action) {
            input type="hidden" name="csrf" value=(csrf);
            label for="user_code" { "Code" }
            input.code id="user_code" name="user_code" type="text" autocomplete="off"
                autocapitalize="characters" spellcheck="false" placeholder="XXXX-XXXX" required autofocus
                value=(code) aria-describedby=[failed.then_some("problem")]
                aria-invalid=[failed.then_some("true")];
            div.buttons { button.primary type="submit" { "Go on" } }
        }
    };
    Page::new("Connect a device", dialect, body)
}

/// Asks before signing out, when the request does not prove who sends it.
pub(crate) fn confirm_sign_out(csrf: &str, person: &Person, request: &[(&str, &str)]) -> Page {
    let body = html! {
        h1 { "Sign out?" }
        p.person {
            img src={ "/picture/" (person.username) } alt="" width="40" height="40";
            span { strong { (person.name()) } br; (person.email) }
        }
        form method="post" action="/sign-out" {
            input type="hidden" name="csrf" value=(csrf);
            input type="hidden" name="confirmed" value="1";
            @for (name, value) in request {
                input type="hidden" name=(name) value=(value);
            }
            div.buttons { button.primary type="submit" autofocus { "Sign out" } }
        }
        p.hint { "To stay signed in, close this page." }
    };
    Page::new("Sign out", Dialect::Standard, body)
}

/// What a person has allowed an app, and a button to end it.
pub(crate) fn connection(
    client_name: &str,
    client_id: &str,
    person: &Person,
    meanings: &[&str],
    csrf: &str,
) -> Page {
    let body = html! {
        h1 { (client_name) }
        p.person {
            img src={ "/picture/" (person.username) } alt="" width="40" height="40";
            span { strong { (person.name()) } br; (person.email) }
        }
        p { "You have allowed this app to:" }
        ul {
            li { span.tick aria-hidden="true" { "✓" } span { "See what is public about you" } }
            @for meaning in meanings {
                li { span.tick aria-hidden="true" { "✓" } span { (meaning) } }
            }
        }
        form method="post" action={ "/github/settings/connections/applications/" (client_id) } {
            input type="hidden" name="csrf" value=(csrf);
            div.buttons { button type="submit" { "End its access" } }
        }
    };
    Page::new("Connected app", Dialect::GitHub, body)
}

/// A page that only says something.
pub(crate) fn message(dialect: Dialect, title: &str, lines: &[&str]) -> Page {
    let body = html! {
        h1 { (title) }
        @for line in lines { p { (line) } }
    };
    Page::new(title, dialect, body)
}

/// A request that cannot be answered by sending the browser back.
pub(crate) fn error(dialect: Dialect, title: &str, explanation: &str, code: &str) -> Page {
    let body = html! {
        div role="alert" {
            h1 { (title) }
            p { (explanation) }
        }
        p.hint { "Error code: " code { (code) } }
    };
    Page::new(title, dialect, body).status(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_may_lead_to_the_redirect_address_and_nowhere_else() {
        let check = |address: &str, source: Option<&str>| {
            assert_eq!(form_action_source(address).as_deref(), source, "{address}");
        };
        check("app.tessera.desktop:/callback", Some("app.tessera.desktop:"));
        check("http://127.0.0.1:4711/callback", Some("http://127.0.0.1:4711"));
        check("http://127.0.0.1/callback", Some("http://127.0.0.1:80"));
        check("http://[::1]:4711/callback", Some("http:"));
        check("nonsense", None);
    }
}
