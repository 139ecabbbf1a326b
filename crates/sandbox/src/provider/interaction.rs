//! The pages between an authorization request and its answer: sign in, choose an account, consent.
//!
//! A request under way has a one-time name and belongs to one browser. Each page's form carries the name and a
//! proof that this browser was shown the page. What comes next is worked out anew each time, so reloading a
//! page, going back and having two requests open all work. What a person decides counts for the person whom the page
//! showed: another may have signed in since, in another tab.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use http::StatusCode;

use crate::answer;
use crate::browser::Browser;
use crate::clients::Dialect;
use crate::pages::{self, FormKeys, Page};
use crate::parameters::Parameters;
use crate::people::Person;
use crate::provider::authorize::{send_back, send_error};
use crate::provider::consent;
use crate::records::{Code, Decision, Grant, Interaction, Purpose, Session};
use crate::scopes::Scopes;
use crate::secret::{Secret, random_name, same_secret};
use crate::world::World;

/// Seconds a person has for the pages.
const INTERACTION_LIFE: i64 = 15 * 60;

/// What has to happen next.
enum Step {
    SignIn,
    ChooseAccount(Session),
    BeSurer(Session),
    Consent(Session),
    Done(Session),
    /// `prompt=none`, and a page would be needed (OpenID Connect Core section 3.1.2.6).
    Refused(&'static str, &'static str),
}

/// Takes up a request for this browser and shows its first page, or answers it at once.
pub(crate) fn begin(world: &World, browser: Browser, purpose: Purpose) -> Response {
    let name = random_name();
    let interaction = Interaction {
        purpose,
        browser: browser.fingerprint(),
        expires: world.now() + INTERACTION_LIFE,
        signed_in: false,
        account_chosen: false,
    };
    world
        .records_mut()
        .interactions
        .insert(name.clone(), interaction.clone());
    go_on(world, browser, &name, &interaction)
}

/// The page of a request under way.
pub(crate) async fn show(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    jar: CookieJar,
) -> Response {
    let browser = Browser::of(&world, jar);
    match of_browser(&world, &name, &browser) {
        Some(interaction) => go_on(&world, browser, &name, &interaction),
        None => gone(),
    }
}

/// The sign-in form.
pub(crate) async fn sign_in(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (browser, name, interaction) = match sent_by(&world, jar, &form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let username = form.get("username").unwrap_or_default();
    let password = form.get("password").unwrap_or_default();
    let person = world
        .options
        .people
        .iter()
        .find(|person| person.username == username)
        .filter(|person| same_secret(&person.password, password));
    let Some(person) = person else {
        let page = pages::sign_in(
            interaction.dialect(),
            client_name(&world, &interaction),
            &form_keys(&browser, &name),
            username,
            &world.options.people,
            true,
        )
        .status(StatusCode::UNPROCESSABLE_ENTITY);
        return answer::with_error(
            (browser.into_cookies(), leading_on(page, &interaction)).into_response(),
            "wrong_password",
        );
    };
    let browser = browser.sign_in(&world, interaction.dialect(), &person.subject);
    update(&world, &name, |interaction| {
        interaction.signed_in = true;
        interaction.account_chosen = true;
    });
    (
        browser.into_cookies(),
        Redirect::to(&format!("/interaction/{name}")),
    )
        .into_response()
}

/// The form that chooses an account.
pub(crate) async fn account(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (mut browser, name, interaction) = match sent_by(&world, jar, &form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    if form.get("account") == Some("same") {
        let session = browser.session(&world, interaction.dialect());
        if !session.is_some_and(|session| is_of(&browser, &name, &session, &form)) {
            return go_on(&world, browser, &name, &interaction);
        }
        update(&world, &name, |interaction| interaction.account_chosen = true);
    } else {
        browser = browser.sign_out(&world, interaction.dialect());
    }
    (
        browser.into_cookies(),
        Redirect::to(&format!("/interaction/{name}")),
    )
        .into_response()
}

/// The form of the second step.
pub(crate) async fn second_step(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (browser, name, interaction) = match sent_by(&world, jar, &form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    if let Step::BeSurer(session) = next_step(&world, &browser, &interaction)
        && is_of(&browser, &name, &session, &form)
    {
        browser.take_second_step(&world, interaction.dialect());
    }
    (
        browser.into_cookies(),
        Redirect::to(&format!("/interaction/{name}")),
    )
        .into_response()
}

/// The consent form: what the person decided.
pub(crate) async fn decide(State(world): State<Arc<World>>, jar: CookieJar, body: Bytes) -> Response {
    let form = Parameters::parse(&body);
    let (browser, name, interaction) = match sent_by(&world, jar, &form) {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    // The decision counts only at the point where it was asked for.
    let (Step::Consent(session) | Step::Done(session)) = next_step(&world, &browser, &interaction) else {
        return go_on(&world, browser, &name, &interaction);
    };
    match form.get("decision") {
        Some("allow") => {
            if !is_of(&browser, &name, &session, &form) {
                return ask(&world, browser, &name, &interaction, &session);
            }
            let granted = consent::granted(&world, &interaction, &session.subject, &form);
            finish(&world, browser, &name, &interaction, &session, &granted)
        }
        Some("deny") => deny(&world, browser, &name, &interaction),
        _ => go_on(&world, browser, &name, &interaction),
    }
}

fn next_step(world: &World, browser: &Browser, interaction: &Interaction) -> Step {
    let session = browser.session(world, interaction.dialect());
    let (prompt, hint, redirect_uri) = match &interaction.purpose {
        Purpose::Redirect(request) => (
            request.prompt.as_slice(),
            request.login_hint.as_deref(),
            request.redirect_uri.as_str(),
        ),
        Purpose::Device { .. } => ([].as_slice(), None, ""),
    };
    let prompted = |wanted: &str| prompt.iter().any(|value| value == wanted);
    let silent = prompted("none");

    let Some(session) = session else {
        return if silent {
            Step::Refused("login_required", "Nobody is signed in in this browser.")
        } else {
            Step::SignIn
        };
    };
    if !interaction.signed_in {
        let too_old = interaction
            .assurance()
            .max_age
            .is_some_and(|max_age| world.now() - session.auth_time > max_age);
        let other_person = hint.is_some_and(|hint| !is_hint_for(world, hint, &session.subject));
        if silent && (too_old || other_person) {
            return Step::Refused("login_required", "Someone has to sign in again.");
        }
        if prompted("login") || too_old || (other_person && !interaction.account_chosen) {
            return Step::SignIn;
        }
    }
    // GitHub always asks for the account when the answer does not go to a web address.
    let always_choose = interaction.dialect() == Dialect::GitHub && !redirect_uri.starts_with("http");
    if !silent && !interaction.account_chosen && (prompted("select_account") || always_choose) {
        return Step::ChooseAccount(session);
    }
    if interaction.assurance().wants_second_step() && !session.second_step {
        return if silent {
            Step::Refused("login_required", "A second step is needed.")
        } else {
            Step::BeSurer(session)
        };
    }
    let scopes = consent::scopes(world, interaction, &session.subject);
    let agreed = world
        .records()
        .consents
        .get(&consent::of(interaction, &session.subject))
        .is_some_and(|agreed| agreed.covers(&scopes));
    // A device is let in only by a decision: whoever sends a person a link to its page must not get in.
    let must_ask = prompted("consent") || matches!(interaction.purpose, Purpose::Device { .. });
    match (agreed && !must_ask, silent) {
        (true, _) => Step::Done(session),
        (false, true) => Step::Refused("consent_required", "Permission has not been given yet."),
        (false, false) => Step::Consent(session),
    }
}

fn go_on(world: &World, browser: Browser, name: &str, interaction: &Interaction) -> Response {
    let dialect = interaction.dialect();
    let client = client_name(world, interaction);
    let page = match next_step(world, &browser, interaction) {
        Step::SignIn => {
            let hint = match &interaction.purpose {
                Purpose::Redirect(request) => request.login_hint.as_deref(),
                Purpose::Device { .. } => None,
            };
            let username = hint
                .and_then(|hint| hinted(world, hint))
                .map_or("", |person| person.username.as_str());
            let keys = form_keys(&browser, name);
            pages::sign_in(dialect, client, &keys, username, &world.options.people, false)
        }
        Step::ChooseAccount(session) => match world.person(&session.subject) {
            Some(person) => {
                pages::choose_account(dialect, client, &form_keys_for(&browser, name, &session), person)
            }
            None => return gone(),
        },
        Step::BeSurer(session) => match world.person(&session.subject) {
            Some(person) => {
                pages::second_step(dialect, client, &form_keys_for(&browser, name, &session), person)
            }
            None => return gone(),
        },
        Step::Consent(session) => return ask(world, browser, name, interaction, &session),
        Step::Done(session) => {
            let scopes = consent::scopes(world, interaction, &session.subject);
            return finish(world, browser, name, interaction, &session, &scopes);
        }
        Step::Refused(code, description) => {
            return refuse(world, browser, name, interaction, code, description);
        }
    };
    (browser.into_cookies(), leading_on(page, interaction)).into_response()
}

/// The consent page for whoever is signed in now.
fn ask(
    world: &World,
    browser: Browser,
    name: &str,
    interaction: &Interaction,
    session: &Session,
) -> Response {
    let Some(person) = world.person(&session.subject) else {
        return gone();
    };
    let page = pages::consent(
        interaction.dialect(),
        client_name(world, interaction),
        &form_keys_for(&browser, name, session),
        person,
        &consent::asked(world, interaction, &session.subject),
        shown_user_code(interaction),
    );
    (browser.into_cookies(), leading_on(page, interaction)).into_response()
}

/// Any of the forms may be the last one, whose answer sends the browser back to the client.
fn leading_on(page: Page, interaction: &Interaction) -> Page {
    match &interaction.purpose {
        Purpose::Redirect(request) => page.may_lead_to(&request.redirect_uri),
        Purpose::Device { .. } => page,
    }
}

/// The person said yes, now or before: writes down what is granted and answers the request.
fn finish(
    world: &World,
    browser: Browser,
    name: &str,
    interaction: &Interaction,
    session: &Session,
    granted: &Scopes,
) -> Response {
    let now = world.now();
    let by_device = matches!(interaction.purpose, Purpose::Device { .. });
    let mut records = world.records_mut();
    // Whoever sends the same form twice at once gets one answer.
    if records.interactions.remove(name).is_none() {
        drop(records);
        return gone();
    }
    records.remember_consent(consent::of(interaction, &session.subject), granted);
    let grant = records.add_grant(Grant {
        dialect: interaction.dialect(),
        client: interaction.client().to_owned(),
        subject: session.subject.clone(),
        scopes: granted.clone(),
        auth_time: session.auth_time,
        second_step: session.second_step,
        created: now,
        by_device,
        key: None,
        nonce: match &interaction.purpose {
            Purpose::Redirect(request) => request.nonce.clone(),
            Purpose::Device { .. } => None,
        },
        revoked: false,
    });
    match &interaction.purpose {
        Purpose::Redirect(request) => {
            let code = Secret::random("");
            let life = match request.dialect {
                Dialect::Standard => world.options.code_life,
                Dialect::Google | Dialect::GitHub => 600,
            };
            records.codes.insert(
                code.fingerprint(),
                Code {
                    request: request.clone(),
                    grant,
                    expires: now + life,
                    used: false,
                },
            );
            drop(records);
            let mut parameters = vec![("code".to_owned(), code.expose().to_owned())];
            parameters.extend(
                request
                    .state
                    .iter()
                    .map(|state| ("state".to_owned(), state.clone())),
            );
            parameters.push(("iss".to_owned(), world.issuer(request.dialect)));
            if request.dialect == Dialect::Google {
                parameters.extend(crate::google::callback_extras(request, granted));
            }
            let response = send_back(
                world,
                request.dialect,
                Some(&request.client),
                &request.redirect_uri,
                parameters,
            );
            (browser.into_cookies(), response).into_response()
        }
        Purpose::Device { device, dialect, .. } => {
            if let Some(device) = records.devices.get_mut(device) {
                device.decision = Decision::Allowed(grant);
            }
            drop(records);
            let page = pages::message(
                *dialect,
                "Your device is connected",
                &["Go back to your device: it goes on by itself. You can close this page."],
            );
            (browser.into_cookies(), page).into_response()
        }
    }
}

/// The person said no.
fn deny(world: &World, browser: Browser, name: &str, interaction: &Interaction) -> Response {
    refuse(
        world,
        browser,
        name,
        interaction,
        "access_denied",
        "The person did not give permission.",
    )
}

fn refuse(
    world: &World,
    browser: Browser,
    name: &str,
    interaction: &Interaction,
    code: &'static str,
    description: &str,
) -> Response {
    let mut records = world.records_mut();
    if records.interactions.remove(name).is_none() {
        drop(records);
        return gone();
    }
    let response = match &interaction.purpose {
        Purpose::Redirect(request) => {
            drop(records);
            send_error(
                world,
                request.dialect,
                Some(&request.client),
                &request.redirect_uri,
                request.state.as_deref(),
                code,
                description,
            )
        }
        Purpose::Device { device, dialect, .. } => {
            if let Some(device) = records.devices.get_mut(device) {
                device.decision = Decision::Denied;
            }
            drop(records);
            pages::message(
                *dialect,
                "Your device is not connected",
                &["Nothing was allowed. You can close this page."],
            )
            .into_response()
        }
    };
    (browser.into_cookies(), response).into_response()
}

/// The request that a form belongs to, if this browser was shown the form.
#[expect(clippy::result_large_err, reason = "the error is the page to answer with")]
fn sent_by(
    world: &World,
    jar: CookieJar,
    form: &Parameters,
) -> Result<(Browser, String, Interaction), Response> {
    let browser = Browser::of(world, jar);
    let name = form.get("interaction").unwrap_or_default();
    let csrf = form.get("csrf");
    let mut people = world.options.people.iter();
    if !browser.sent(name, csrf) && !people.any(|person| browser.sent_for(name, &person.subject, csrf)) {
        return Err(not_from_here());
    }
    match of_browser(world, name, &browser) {
        Some(interaction) => Ok((browser, name.to_owned(), interaction)),
        None => Err(gone()),
    }
}

fn of_browser(world: &World, name: &str, browser: &Browser) -> Option<Interaction> {
    let now = world.now();
    world
        .records()
        .interactions
        .get(name)
        .filter(|interaction| interaction.expires > now && interaction.browser == browser.fingerprint())
        .cloned()
}

fn update(world: &World, name: &str, change: impl FnOnce(&mut Interaction)) {
    if let Some(interaction) = world.records_mut().interactions.get_mut(name) {
        change(interaction);
    }
}

/// Where a request is over, or belongs to another browser.
fn gone() -> Response {
    answer::with_error(
        pages::error(
            Dialect::Standard,
            "This page is no longer in use",
            "The sign-in it belonged to is finished, took too long, or was started in another browser. \
             Go back to the app and start again.",
            "sign_in_gone",
        )
        .into_response(),
        "sign_in_gone",
    )
}

/// Where a form did not come from a page of ours.
pub(crate) fn not_from_here() -> Response {
    answer::with_error(
        pages::error(
            Dialect::Standard,
            "This form was not sent from here",
            "Nothing was done. Go back to the app and start again; cookies must be allowed for this page.",
            "csrf",
        )
        .status(StatusCode::FORBIDDEN)
        .into_response(),
        "csrf",
    )
}

fn form_keys(browser: &Browser, name: &str) -> FormKeys {
    FormKeys {
        interaction: name.to_owned(),
        csrf: browser.csrf(name),
    }
}

/// The same for a page that shows a person.
fn form_keys_for(browser: &Browser, name: &str, session: &Session) -> FormKeys {
    FormKeys {
        interaction: name.to_owned(),
        csrf: browser.csrf_for(name, &session.subject),
    }
}

/// Whether a form came from a page that showed the person of `session`.
fn is_of(browser: &Browser, name: &str, session: &Session, form: &Parameters) -> bool {
    browser.sent_for(name, &session.subject, form.get("csrf"))
}

fn client_name<'a>(world: &'a World, interaction: &Interaction) -> &'a str {
    world
        .client(interaction.dialect(), interaction.client())
        .map_or("An app", |client| client.name.as_str())
}

/// The person that a `login_hint` means: by user name, address or subject.
fn hinted<'a>(world: &'a World, hint: &str) -> Option<&'a Person> {
    world.options.people.iter().find(|person| {
        [&person.username, &person.email, &person.subject]
            .into_iter()
            .any(|own| own == hint)
    })
}

fn is_hint_for(world: &World, hint: &str, subject: &str) -> bool {
    hinted(world, hint).is_none_or(|person| person.subject == subject)
}

fn shown_user_code(interaction: &Interaction) -> Option<&str> {
    match &interaction.purpose {
        Purpose::Redirect(_) => None,
        Purpose::Device { user_code, .. } => Some(user_code),
    }
}
