//! What a row of the suite says.

use futures_util::future::LocalBoxFuture;
use lab::rig::rule;
use tessera_client::Error;
use tessera_sandbox::log::Endpoint;

use crate::scene::Scene;

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The OpenID Foundation's module, in full, or a name of our own that begins with `tessera-`.
    pub(crate) name: &'static str,
    /// The requirements that it proves; see [`crate::document`].
    pub(crate) requirements: &'static [&'static str],
    /// Whose ways the provider has.
    pub(crate) setting: Setting,
    /// What the provider does.
    pub(crate) provider: Provider,
    /// What went before, where that matters; a sentence, or nothing.
    pub(crate) before: &'static str,
    /// What is done with it.
    pub(crate) act: Act,
    /// What must come of it.
    pub(crate) outcome: Outcome,
    /// What else must, which the act sees to; half a sentence, or nothing.
    pub(crate) and: &'static str,
    /// What is asked for exactly so often before a refusal; of everything else once is all.
    pub(crate) asks: &'static [(Endpoint, usize)],
    /// Whether the account that was being used lives on after a refusal: once the provider does nothing wrong any more,
    /// the API can be called as before.
    pub(crate) lives_on: bool,
}

/// What is done with the provider: what the last thing that the client was asked for came to.
pub(crate) type Act = for<'a> fn(&'a Scene) -> LocalBoxFuture<'a, Result<(), Error>>;

/// Whose ways the provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// OpenID Connect by the book; ID tokens are signed by ES256, the client is public.
    Standard,
    /// The same, with a client that has a secret and shows it by `client_secret_basic`.
    Secret,
    /// Google's: ID tokens are signed by RS256, the browser comes back by loopback.
    Google,
    /// GitHub's: no ID tokens.
    GitHub,
    /// By the book, and tokens are bound to a key (RFC 9449), which the provider's entry asks for.
    Bound,
    /// By the book, and the browser comes back by loopback to an address that no other provider has.
    OwnAddress,
}

/// What the provider does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Provider {
    /// What is right, said in a sentence.
    Right(&'static str),
    /// These entries of the sandbox's catalogue of faults, all at once. Some of them are unusual and yet right.
    Does(&'static [&'static str]),
    /// Something that only the act itself can do, said in a sentence.
    Acts(&'static str),
}

impl Setting {
    /// What the document says of it, before what the provider does.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Standard => "",
            Self::Secret => "The client has a secret.",
            Self::Google => "The provider has Google's ways, and signs by RS256.",
            Self::GitHub => "The provider has GitHub's ways.",
            Self::Bound => "Tokens are bound to a key.",
            Self::OwnAddress => "The provider has a loopback address of its own.",
        }
    }
}

impl Provider {
    /// The faults to switch on.
    pub(crate) fn faults(self) -> &'static [&'static str] {
        match self {
            Self::Does(faults) => faults,
            Self::Right(_) | Self::Acts(_) => &[],
        }
    }

    /// In words: the catalogue's own, where there are faults.
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Right(sentence) | Self::Acts(sentence) => sentence.to_owned(),
            Self::Does(faults) => {
                let catalogue = tessera_sandbox::faults::catalogue();
                let says = |name: &&'static str| {
                    let row = catalogue.iter().find(|row| row.name == *name);
                    row.map_or_else(|| panic!("no fault is called {name}"), |row| row.says)
                };
                faults.iter().map(says).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// Rules for the faults.
    pub(crate) fn rules(self) -> impl Iterator<Item = tessera_sandbox::faults::Rule> {
        self.faults().iter().map(|name| rule(name))
    }
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It is taken.
    Accept,
    /// The account is signed out, and nothing of it is left.
    SignedOut {
        /// By this stable code, what the browser came back with is refused; `None` where it is what is awaited.
        but: Option<&'static str>,
    },
    /// It is refused and what was being done is over.
    Refuse {
        /// By this stable code.
        code: &'static str,
        /// The last message that the provider got: nothing is sent after it.
        last: Last,
    },
    /// It is refused as not being the answer, and the sign-in goes on waiting for the one that is.
    WaitOn {
        /// By this stable code.
        code: &'static str,
    },
}

/// After which message nothing more is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// Not even the discovery document was asked for.
    Nothing,
    /// The discovery document was; no browser was opened.
    Discovery,
    /// The request was pushed; no browser was opened.
    PushedAuthorization,
    /// The browser was at the authorization endpoint; no token was asked for.
    Authorization,
    /// The device asked for its codes.
    DeviceAuthorization,
    /// A token was asked for.
    Token,
    /// The keys were read; nobody was shown the access token.
    KeySet,
    /// The profile was asked for.
    Userinfo,
    /// The keys were read once more, for a signed profile; the access token was not used again.
    KeySetOfUserinfo,
}

impl Last {
    /// As the provider's log calls it.
    pub(crate) fn endpoint(self) -> Option<Endpoint> {
        match self {
            Self::Nothing => None,
            Self::Discovery => Some(Endpoint::Discovery),
            Self::PushedAuthorization => Some(Endpoint::PushedAuthorization),
            Self::Authorization => Some(Endpoint::Authorization),
            Self::DeviceAuthorization => Some(Endpoint::DeviceAuthorization),
            Self::Token => Some(Endpoint::Token),
            Self::KeySet | Self::KeySetOfUserinfo => Some(Endpoint::KeySet),
            Self::Userinfo => Some(Endpoint::Userinfo),
        }
    }

    /// Whether such a request may not have been made at all, neither at the end nor on the way: it belongs to a later
    /// step than the one that went wrong.
    pub(crate) fn forbids(self, endpoint: Endpoint) -> bool {
        let step = match self {
            Self::Nothing => 0,
            Self::Discovery => 1,
            Self::PushedAuthorization => 2,
            Self::Authorization | Self::DeviceAuthorization => 3,
            Self::Token => 4,
            Self::KeySet => 5,
            Self::Userinfo | Self::KeySetOfUserinfo => 6,
        };
        let asked = match endpoint {
            Endpoint::Discovery => 1,
            Endpoint::PushedAuthorization => 2,
            Endpoint::Authorization | Endpoint::DeviceAuthorization => 3,
            Endpoint::Token => 4,
            Endpoint::KeySet => 5,
            Endpoint::Userinfo => 6,
            Endpoint::Api => 7,
            // None of the steps of a sign-in, a refresh or a call.
            _ => return false,
        };
        asked > step
    }

    /// For the document: “… and sends nothing after …”.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Nothing => "sends nothing at all",
            Self::Discovery => "sends nothing after the discovery request",
            Self::PushedAuthorization => "sends nothing after the pushed authorization request",
            Self::Authorization => "sends nothing after the authorization request",
            Self::DeviceAuthorization => "sends nothing after the device authorization request",
            Self::Token => "sends nothing after the token request",
            Self::KeySet => "sends nothing after the key set request",
            Self::KeySetOfUserinfo => "sends nothing after the second key set request",
            Self::Userinfo => "sends nothing after the userinfo request",
        }
    }
}

/// Refused by this code, and nothing sent after this.
pub(crate) const fn refuse(code: &'static str, last: Last) -> Outcome {
    Outcome::Refuse { code, last }
}

impl Row {
    /// A row about a provider of the standard's ways.
    pub(crate) const fn new(
        name: &'static str,
        requirements: &'static [&'static str],
        provider: Provider,
        act: Act,
        outcome: Outcome,
    ) -> Self {
        Self {
            name,
            requirements,
            setting: Setting::Standard,
            provider,
            before: "",
            act,
            outcome,
            and: "",
            asks: &[],
            lives_on: false,
        }
    }

    /// The same after this.
    pub(crate) const fn after(mut self, before: &'static str) -> Self {
        self.before = before;
        self
    }

    /// The same, and this beside the outcome.
    pub(crate) const fn and(mut self, what: &'static str) -> Self {
        self.and = what;
        self
    }

    /// The same, and these are asked for exactly so often on the way to the refusal.
    pub(crate) const fn asking(mut self, times: &'static [(Endpoint, usize)]) -> Self {
        self.asks = times;
        self
    }

    /// The same, and nobody is signed out by the refusal.
    pub(crate) const fn living_on(mut self) -> Self {
        self.lives_on = true;
        self
    }

    /// The same with other ways.
    pub(crate) const fn at(mut self, setting: Setting) -> Self {
        self.setting = setting;
        self
    }
}
