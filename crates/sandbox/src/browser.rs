//! The person's browser as the provider knows it: by two cookies.
//!
//! One names the browser and ties forms to it; the other, one for each dialect, says who is signed in. Cookies
//! do not tell ports apart, so the port is in their names: two sandboxes on one machine do not disturb each
//! other.

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::clients::Dialect;
use crate::records::Session;
use crate::secret::{Fingerprint, Secret, same_secret};
use crate::world::World;

/// Seconds that a browser stays signed in.
const SESSION_LIFE: i64 = 8 * 60 * 60;

/// The cookies of one request, and those of its answer.
pub(crate) struct Browser {
    jar: CookieJar,
    id: String,
}

impl Browser {
    /// Knows the browser again, or gives it a name.
    pub(crate) fn of(world: &World, jar: CookieJar) -> Self {
        let name = cookie_name(world, "browser");
        match jar.get(&name).map(|cookie| cookie.value().to_owned()) {
            Some(id) if !id.is_empty() => Self { jar, id },
            _ => {
                let id = Secret::random("").expose().to_owned();
                let jar = jar.add(cookie(name, id.clone()));
                Self { jar, id }
            }
        }
    }

    /// What may be kept of its name.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.id)
    }

    /// What a form for `purpose` must carry to prove that this browser was shown it. Nobody can work it out
    /// without the cookie.
    pub(crate) fn csrf(&self, purpose: &str) -> String {
        Fingerprint::of(&format!("csrf {purpose}\n{}", self.id)).to_hex()
    }

    /// Whether a form came from a page that this browser was shown.
    pub(crate) fn sent(&self, purpose: &str, csrf: Option<&str>) -> bool {
        csrf.is_some_and(|csrf| same_secret(csrf, &self.csrf(purpose)))
    }

    /// What a form shows that was drawn for one person: it proves nothing for another.
    pub(crate) fn csrf_for(&self, purpose: &str, subject: &str) -> String {
        self.csrf(&format!("{purpose}\n{subject}"))
    }

    /// Whether a form came from a page that this browser was shown for `subject`.
    pub(crate) fn sent_for(&self, purpose: &str, subject: &str, csrf: Option<&str>) -> bool {
        csrf.is_some_and(|csrf| same_secret(csrf, &self.csrf_for(purpose, subject)))
    }

    /// Who is signed in.
    pub(crate) fn session(&self, world: &World, dialect: Dialect) -> Option<Session> {
        let cookie = self.jar.get(&cookie_name(world, dialect.name()))?;
        let now = world.now();
        world
            .records()
            .sessions
            .get(&Fingerprint::of(cookie.value()))
            .filter(|session| session.dialect == dialect && session.expires > now)
            .filter(|session| world.person(&session.subject).is_some())
            .cloned()
    }

    /// Remembers that `subject` gave their password just now. Always under a new name, so that nobody can fix
    /// it beforehand.
    pub(crate) fn sign_in(mut self, world: &World, dialect: Dialect, subject: &str) -> Self {
        self = self.sign_out(world, dialect);
        let id = Secret::random("");
        let now = world.now();
        world.records_mut().sessions.insert(
            id.fingerprint(),
            Session {
                dialect,
                subject: subject.to_owned(),
                auth_time: now,
                second_step: false,
                expires: now + SESSION_LIFE,
            },
        );
        self.jar = self
            .jar
            .add(cookie(cookie_name(world, dialect.name()), id.expose().to_owned()));
        self
    }

    /// Remembers that the person who is signed in has taken the second step.
    pub(crate) fn take_second_step(&self, world: &World, dialect: Dialect) {
        if let Some(cookie) = self.jar.get(&cookie_name(world, dialect.name()))
            && let Some(session) = world
                .records_mut()
                .sessions
                .get_mut(&Fingerprint::of(cookie.value()))
        {
            session.second_step = true;
        }
    }

    /// Forgets who is signed in.
    pub(crate) fn sign_out(mut self, world: &World, dialect: Dialect) -> Self {
        let name = cookie_name(world, dialect.name());
        if let Some(cookie) = self.jar.get(&name) {
            let fingerprint = Fingerprint::of(cookie.value());
            world.records_mut().sessions.remove(&fingerprint);
            self.jar = self.jar.remove(Cookie::build(name).path("/").build());
        }
        self
    }

    /// The cookies to answer with.
    pub(crate) fn into_cookies(self) -> CookieJar {
        self.jar
    }
}

fn cookie_name(world: &World, what: &str) -> String {
    let port = world.origin.rsplit(':').next().unwrap_or_default();
    format!("tessera-sandbox-{port}-{what}")
}

/// Without `Secure`: the sandbox speaks plain http, and only on loopback.
fn cookie(name: String, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .build()
}
