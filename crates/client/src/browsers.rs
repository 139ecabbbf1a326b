//! Which browser, and which of its profiles, a page is opened in: the system's default, or one that the person chose for
//! an account.

use std::fmt;

use url::Url;

use crate::account::AccountId;
use crate::client::{Change, Client};
use crate::error::Error;
use crate::sign_in::{Attempt, AttemptBrowser};

/// A browser whose profiles can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BrowserKind {
    /// Google Chrome.
    Chrome,
    /// Chromium.
    Chromium,
    /// Microsoft Edge.
    Edge,
    /// Brave.
    Brave,
    /// Mozilla Firefox.
    Firefox,
}

impl BrowserKind {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 5] = [
        Self::Chrome,
        Self::Chromium,
        Self::Edge,
        Self::Brave,
        Self::Firefox,
    ];

    /// `chrome`, `chromium`, `edge`, `brave` or `firefox`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Chromium => "chromium",
            Self::Edge => "edge",
            Self::Brave => "brave",
            Self::Firefox => "firefox",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chrome => "Chrome",
            Self::Chromium => "Chromium",
            Self::Edge => "Edge",
            Self::Brave => "Brave",
            Self::Firefox => "Firefox",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A browser, and one of its profiles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrowserChoice {
    /// The browser.
    pub kind: BrowserKind,
    /// The profile by its [id](BrowserProfile::id); `None` for the one that the browser opens by itself.
    pub profile: Option<String>,
}

impl BrowserChoice {
    /// Reads what [`fmt::Display`] writes: `firefox`, or `chrome:Profile 1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, profile) = match text.split_once(':') {
            Some((kind, profile)) => (kind, Some(profile)),
            None => (text, None),
        };
        if profile.is_some_and(str::is_empty) {
            return None;
        }
        Some(Self {
            kind: BrowserKind::parse(kind)?,
            profile: profile.map(str::to_owned),
        })
    }
}

impl fmt::Display for BrowserChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        match &self.profile {
            Some(profile) => write!(f, ":{profile}"),
            None => Ok(()),
        }
    }
}

/// Where a sign-in is to open its page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BrowserWish {
    /// Where the account that is signed in again was signed in before; otherwise in the system's default browser.
    #[default]
    Remembered,
    /// In the system's default browser, and the account is to remember no other.
    System,
    /// In this one, which the account is to remember.
    In(BrowserChoice),
}

impl BrowserWish {
    /// The text that [`BrowserWish::parse`] reads; nothing for what is remembered.
    pub(crate) fn to_text(&self) -> Option<String> {
        match self {
            Self::Remembered => None,
            Self::System => Some(SYSTEM.to_owned()),
            Self::In(choice) => Some(choice.to_string()),
        }
    }

    /// Reads `system`, or a [`BrowserChoice`].
    pub fn parse(text: &str) -> Option<Self> {
        if text == SYSTEM {
            return Some(Self::System);
        }
        BrowserChoice::parse(text).map(Self::In)
    }
}

/// The system's default browser.
const SYSTEM: &str = "system";

/// A browser that is installed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledBrowser {
    /// Which.
    pub kind: BrowserKind,
    /// Its profiles; empty where it has not been used yet, or has one that it does not name.
    pub profiles: Vec<BrowserProfile>,
}

/// One profile of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserProfile {
    /// What the browser itself calls it: a folder, or for Firefox a name.
    pub id: String,
    /// What the person called it.
    pub name: String,
}

impl InstalledBrowser {
    /// The choice that is meant by one in which a profile may stand by its name.
    fn understand(&self, meant: &BrowserChoice) -> Option<BrowserChoice> {
        if self.kind != meant.kind {
            return None;
        }
        let Some(profile) = &meant.profile else {
            return Some(meant.clone());
        };
        let by_id = self.profile(profile);
        let by_name = || {
            let mut named = self.profiles.iter().filter(|own| own.name == *profile);
            // Of two that are called the same, neither is meant for certain.
            named.next().filter(|_| named.next().is_none())
        };
        Some(BrowserChoice {
            kind: self.kind,
            profile: Some(by_id.or_else(by_name)?.id.clone()),
        })
    }

    /// What a person can ask for: the browser alone, and with each profile by its name, where that is its own.
    fn choices(&self) -> Vec<String> {
        let name = |profile: &BrowserProfile| {
            let is_alone = self
                .profiles
                .iter()
                .filter(|own| own.name == profile.name)
                .count()
                == 1;
            if is_alone {
                profile.name.clone()
            } else {
                profile.id.clone()
            }
        };
        let with_profiles = self
            .profiles
            .iter()
            .map(|profile| format!("{}:{}", self.kind.as_str(), name(profile)));
        std::iter::once(self.kind.as_str().to_owned())
            .chain(with_profiles)
            .collect()
    }

    fn profile(&self, id: &str) -> Option<&BrowserProfile> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    /// Whether a page can be opened in it as a choice says.
    fn has(&self, choice: &BrowserChoice) -> bool {
        let has_profile = choice
            .profile
            .as_ref()
            .is_none_or(|id| self.profile(id).is_some());
        self.kind == choice.kind && has_profile
    }
}

/// A browser or profile that is not here was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this computer has no browser `{asked}`")]
pub struct BrowserUnknown {
    /// What was asked for.
    pub asked: String,
    /// What could be asked for instead.
    pub here: Vec<String>,
}

impl Client {
    /// Reads a person's wish: `system`, or a browser that is installed here, alone or with one of its profiles by its
    /// name or its id (`chrome:Work`).
    ///
    /// # Errors
    /// When there is no such browser, or it has no such profile.
    pub async fn browser_wish(&self, text: &str) -> Result<BrowserWish, BrowserUnknown> {
        let installed = self.browsers().await;
        let found = match BrowserWish::parse(text) {
            Some(BrowserWish::In(choice)) => installed
                .iter()
                .find_map(|own| own.understand(&choice))
                .map(BrowserWish::In),
            other => other,
        };
        found.ok_or_else(|| BrowserUnknown {
            asked: text.chars().take(100).collect(),
            here: installed.iter().flat_map(InstalledBrowser::choices).collect(),
        })
    }

    /// The browsers that are installed here and can be chosen for an account.
    pub async fn browsers(&self) -> Vec<InstalledBrowser> {
        self.inner().ports.browser.installed().await
    }

    /// Where an account's pages are opened; `None` for the system's default browser.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn browser_of(&self, id: &AccountId) -> Result<Option<BrowserChoice>, Error> {
        Ok(self.inner().store.browser_of(id).await?)
    }

    /// Has an account's pages opened there from now on; `None` for the system's default browser.
    ///
    /// # Errors
    /// When there is no such account, or the store cannot be written.
    pub async fn set_browser(&self, id: &AccountId, choice: Option<&BrowserChoice>) -> Result<(), Error> {
        self.account(id).await?;
        self.inner().store.set_browser(id, choice).await?;
        self.changed(Change::Accounts);
        Ok(())
    }

    /// Where a page that is to be opened in `choice` will be: there, or, where that is not installed any more, in the
    /// system's default browser.
    pub(crate) async fn opening(&self, choice: Option<BrowserChoice>) -> Opening {
        let Some(choice) = choice else {
            return Opening::default();
        };
        let installed = self.browsers().await;
        let found = installed.iter().find(|browser| browser.has(&choice));
        let profile = choice.profile.as_ref().map(|id| {
            let named = found.and_then(|browser| browser.profile(id));
            named.map_or(id, |profile| &profile.name).clone()
        });
        let is_missing = found.is_none();
        Opening {
            shown: Some(AttemptBrowser {
                name: choice.kind.name(),
                profile,
                is_missing,
            }),
            choice: (!is_missing).then_some(choice),
        }
    }
}

/// Where a page is opened.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    choice: Option<BrowserChoice>,
    /// What is told of it; nothing where it is the system's default browser as always.
    pub(crate) shown: Option<AttemptBrowser>,
}

impl Opening {
    /// Opens it.
    pub(crate) async fn open(&self, client: &Client, url: &Url) -> Result<(), Error> {
        let browser = &*client.inner().ports.browser;
        match &self.choice {
            Some(choice) => browser.open_in(url, choice).await?,
            None => browser.open(url).await?,
        }
        Ok(())
    }
}

impl Attempt {
    /// Where this sign-in's page is opened.
    pub(crate) async fn opening(&self) -> Opening {
        let store = &self.client.inner().store;
        let choice = match (&self.request().browser, &self.request().account) {
            (BrowserWish::In(choice), _) => Some(choice.clone()),
            // Not to know it costs a choice, and no sign-in.
            (BrowserWish::Remembered, Some(id)) => store.browser_of(id).await.unwrap_or_default(),
            (BrowserWish::System, _) | (BrowserWish::Remembered, None) => None,
        };
        self.client.opening(choice).await
    }

    /// Has the account that came of it remember where its page was opened, if that was said.
    pub(crate) async fn remember_browser(&self, id: &AccountId) {
        let choice = match &self.request().browser {
            BrowserWish::Remembered => return,
            BrowserWish::System => None,
            BrowserWish::In(choice) => Some(choice),
        };
        if let Err(error) = self.client.inner().store.set_browser(id, choice).await {
            tracing::warn!(
                code = Error::from(error).code(),
                "the browser of an account could not be written down"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_written() {
        for kind in BrowserKind::ALL {
            for profile in [None, Some("Default"), Some("Profile 1"), Some("a:b")] {
                let choice = BrowserChoice {
                    kind,
                    profile: profile.map(str::to_owned),
                };
                assert_eq!(BrowserChoice::parse(&choice.to_string()), Some(choice.clone()));
                assert_eq!(
                    BrowserWish::parse(&choice.to_string()),
                    Some(BrowserWish::In(choice))
                );
            }
        }
        assert_eq!(BrowserWish::parse("system"), Some(BrowserWish::System));
        for text in ["", "netscape", "chrome:", ":Default", "Chrome"] {
            assert_eq!(BrowserWish::parse(text), None, "{text}");
        }
    }
}
