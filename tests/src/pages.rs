//! What a person does on a provider's pages: the same steps for a visible browser and for plain HTTP.

use anyhow::Result;

use crate::browser::Browser;

/// Whose pages they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Tessera's sandbox, also in its dialects.
    Sandbox,
    /// npm `oidc-provider`.
    OidcProvider,
}

/// Somebody who signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name they type.
    pub user: &'static str,
    /// The password they type.
    pub password: &'static str,
    /// The name they go by.
    pub name: &'static str,
    /// Their e-mail address.
    pub email: &'static str,
}

/// Ann Archer.
pub const ANN: Person = Person {
    user: "ann",
    password: "ann",
    name: "Ann Archer",
    email: "ann@example.test",
};

/// Bob Baker.
pub const BOB: Person = Person {
    user: "bob",
    password: "bob",
    name: "Bob Baker",
    email: "bob@example.test",
};

impl Pages {
    /// The fields of the login form: name, and whether it is the password.
    pub(crate) fn fields(self) -> [(&'static str, bool); 2] {
        match self {
            Self::Sandbox => [("username", false), ("password", true)],
            Self::OidcProvider => [("login", false), ("password", true)],
        }
    }

    /// What leads on from the login form.
    fn log_in(self) -> &'static str {
        match self {
            Self::Sandbox => "form button[type=submit], form button:not([type])",
            Self::OidcProvider => "form button.login-submit",
        }
    }

    /// What says yes on the consent page. It is the last click: the way back to the app follows.
    fn allow(self) -> &'static str {
        match self {
            Self::Sandbox => "button[name=decision][value=allow]",
            Self::OidcProvider => "form:has(input[name=prompt][value=consent]) button.login-submit",
        }
    }

    /// What says no on the consent page.
    fn deny(self) -> &'static str {
        match self {
            Self::Sandbox => "button[name=decision][value=deny]",
            Self::OidcProvider => "a[href$='/abort']",
        }
    }

    /// Fills in and sends the login form in the page that the browser shows.
    pub async fn log_in_with(self, browser: &Browser<'_>, person: Person) -> Result<()> {
        for (field, password) in self.fields() {
            let text = if password { person.password } else { person.user };
            browser.fill(&format!("input[name={field}]"), text).await?;
        }
        browser.click(self.log_in()).await
    }

    /// Chooses the account that the browser knows, on the sandbox's page that lets people choose.
    pub async fn choose_same_in(self, browser: &Browser<'_>) -> Result<()> {
        browser.click("button[name=account][value=same]").await
    }

    /// Says yes on the consent page.
    pub async fn allow_in(self, browser: &Browser<'_>) -> Result<()> {
        browser.click(self.allow()).await
    }

    /// Says no on the consent page.
    pub async fn deny_in(self, browser: &Browser<'_>) -> Result<()> {
        browser.click(self.deny()).await
    }

    /// Goes all the way: waits for the page that the app opened at `origin`, logs in and allows.
    pub async fn sign_in(self, browser: &Browser<'_>, origin: &str, person: Person) -> Result<()> {
        browser.new_page(origin).await?;
        self.log_in_with(browser, person).await?;
        self.allow_in(browser).await
    }
}
