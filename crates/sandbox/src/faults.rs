//! Misbehaviour on demand: what a provider can do wrong, as data.
//!
//! A [`Fault`] says what goes wrong, a [`Rule`] when and for whom. Tests set rules by
//! [`Faults::set`]; a running sandbox takes them by `POST /faults` under the names of
//! [`catalogue`](crate::faults::catalogue). A new case is a row there, not new code.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::clients::Dialect;
use crate::log::Endpoint;
use crate::options::{Dpop, PushedRequests};
use crate::request;

mod catalogue;
mod reach;

pub use catalogue::{Named, catalogue};

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// An endpoint's answer as HTTP.
    Http {
        /// Whose answer.
        endpoint: Endpoint,
        /// What becomes of it.
        fault: HttpFault,
    },
    /// A JSON object that is sent, or signed and sent.
    Json {
        /// Which.
        document: Document,
        /// What is changed in it.
        change: Change,
    },
    /// How the ID token is signed.
    Signature(SignatureFault),
    /// The key set.
    KeySet(KeySetFault),
    /// The profile comes as a signed token (OpenID Connect Core section 5.3.2). Without more, that is no fault.
    SignedUserinfo {
        /// What is wrong with the signature.
        signature: Option<SignatureFault>,
        /// What is changed in it, its `iss` and `aud` included.
        change: Option<Change>,
    },
    /// How the provider stands to pushed authorization requests, whatever its options say.
    PushedRequests(PushedRequests),
    /// How the provider stands to proofs of possession, whatever its options say.
    Dpop(Dpop),
    /// After every proof another nonce is wanted.
    EverNewNonces {
        /// By the protected API, or else by the provider.
        api: bool,
    },
    /// A pushed authorization request has run out as soon as it is named.
    PushedRequestExpired,
    /// A loopback redirect address is taken with the registered port only, which RFC 8252 section 7.3 forbids.
    ExactLoopbackPort,
    /// A client's secret in `Authorization: Basic` is taken as it stands, and not decoded before, which RFC 6749 section
    /// 2.3.1 asks for.
    BasicAsItStands,
    /// The parameters of the authorization response.
    Callback(Change),
    /// The authorization response comes in the fragment.
    CallbackInFragment,
    /// The parameters that the browser takes back from the sign-out page.
    SignOutReturn(Change),
    /// The token endpoint refuses with this error code.
    Refuse(&'static str),
    /// The token endpoint refuses with this error code, and with status 200.
    RefuseWithOk(&'static str),
}

/// Stands in a fault for an address on another server, where nobody has any business: one of the sandbox's own, so that
/// its log tells who went there all the same ([`Endpoint::Elsewhere`](crate::log::Endpoint::Elsewhere)).
pub const ELSEWHERE: &str = "http://elsewhere.invalid/";

/// What becomes of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpFault {
    /// Another status, with a JSON body; nothing is done.
    Status {
        /// The status.
        status: u16,
        /// `Retry-After` in seconds.
        retry_after: Option<u32>,
    },
    /// Another status, and nothing else; nothing is done.
    Bare(u16),
    /// Status 200 and a web page; nothing is done.
    Html,
    /// Another status and a web page, as a server in front of the provider answers; nothing is done.
    Page(u16),
    /// Status 200, a media type of JSON and a body that is not; nothing is done.
    NotJson,
    /// Sends the caller elsewhere; nothing is done.
    Redirect(&'static str),
    /// The answer comes this much later.
    Slow(Duration),
    /// The answer waits until the rule is removed.
    Hold,
    /// The connection is closed without an answer; nothing is done.
    Drop,
    /// The request is carried out, and the connection closed without an answer.
    DropAfter,
    /// The request is carried out, and the answer waits until the rule is removed.
    HoldAfter,
    /// The request is carried out, and the connection closed in the middle of the answer's body.
    Cut,
    /// The request is carried out, and after half of the answer's body nothing more comes.
    Stall,
    /// The request is carried out, and the answer followed by so much white space that no limit lets it through.
    Huge,
    /// The request is carried out, and the answer labelled as this media type.
    Labelled(&'static str),
    /// The request is carried out, and the answer's challenges spell the scheme `DPoP` as `dPoP`, which is as good
    /// (RFC 9110 section 11.1).
    OddScheme,
}

/// Which JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The discovery document.
    Discovery,
    /// The claims of the ID token.
    IdToken,
    /// The header of the ID token.
    IdTokenHeader,
    /// The claims of the access token.
    AccessToken,
    /// The answer to a pushed authorization request.
    PushedResponse,
    /// The answer to a device that asks for its codes.
    DeviceResponse,
    /// The token endpoint's answer.
    TokenResponse,
    /// The userinfo answer.
    Userinfo,
}

/// What is changed in a set of named values.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// This value instead, or as well.
    Set(&'static str, Value),
    /// These characters at the end of the (string) value.
    Append(&'static str, &'static str),
    /// The name is not there.
    Remove(&'static str),
    /// The name is there twice. In a JSON object this changes nothing.
    Repeat(&'static str),
}

/// How an ID token's signature is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFault {
    /// Some of its bits are turned.
    Broken,
    /// `alg` is `none` and there is no signature.
    None,
    /// Made with a key that is not in the key set, under the name of one that is.
    OtherKey,
    /// Made with a key that is not in the key set, under its own name.
    UnknownKey,
    /// Without `kid`, but right.
    NoKeyId,
    /// HS256 with the client's id as the key.
    Hmac,
    /// HS256 with the provider's public key, as the key set writes it, as the key.
    HmacPublicKey,
    /// `alg` in letters of another case, and there is no signature.
    NoneSpelledOddly,
    /// ES512, with a key made for it.
    Es512,
    /// With an algorithm that the provider does not name: RS256 instead of ES256, and the other way round.
    OtherAlgorithm,
    /// Made with a key that the token brings along in `jwk`.
    EmbeddedKey,
    /// Made with a key that is not in the key set, and a header member of this name says where it could be had.
    KeyElsewhere(&'static str),
    /// Right, but the provider has just changed its keys.
    Rotated,
    /// Not a signature but five parts, as of an encrypted token.
    Encrypted,
    /// In the JSON form of a signed token instead of the compact one.
    JsonForm,
}

/// What is wrong with the key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySetFault {
    /// A key shows its private half.
    Private,
    /// A secret key is among them.
    Symmetric,
    /// No key has a `kid`.
    NoKeyIds,
    /// There are no keys.
    Empty,
    /// Every key is for an algorithm that nothing is signed with.
    OtherAlgorithm,
    /// Every key is for encryption.
    ForEncryption,
    /// The points of the keys are not on their curve.
    OffTheCurve,
    /// There are far more keys than any provider has.
    TooMany,
}

impl Change {
    /// Applies it to a JSON object.
    pub(crate) fn apply_to(&self, object: &mut serde_json::Map<String, Value>) {
        match self {
            Self::Set(name, value) => {
                object.insert((*name).to_owned(), value.clone());
            }
            Self::Append(name, text) => {
                // `aud` may be one string or a list of them.
                match object.get_mut(*name) {
                    Some(Value::String(value)) => value.push_str(text),
                    Some(Value::Array(values)) => {
                        for value in values {
                            if let Value::String(value) = value {
                                value.push_str(text);
                            }
                        }
                    }
                    _ => {}
                }
            }
            Self::Remove(name) => {
                object.remove(*name);
            }
            Self::Repeat(_) => {}
        }
    }

    /// Applies it to a list of parameters.
    pub(crate) fn apply_to_parameters(&self, parameters: &mut Vec<(String, String)>) {
        match self {
            Self::Set(name, value) => {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match parameters.iter_mut().find(|(own, _)| own == name) {
                    Some((_, own)) => *own = value,
                    None => parameters.push(((*name).to_owned(), value)),
                }
            }
            Self::Append(name, text) => {
                if let Some((_, value)) = parameters.iter_mut().find(|(own, _)| own == name) {
                    value.push_str(text);
                }
            }
            Self::Remove(name) => parameters.retain(|(own, _)| own != name),
            Self::Repeat(name) => {
                if let Some(pair) = parameters.iter().find(|(own, _)| own == name).cloned() {
                    parameters.push(pair);
                }
            }
        }
    }
}

/// A fault, and when it shows.
#[derive(Clone, Debug)]
pub struct Rule {
    name: String,
    fault: Fault,
    dialect: Option<Dialect>,
    client: Option<String>,
    grant_type: Option<String>,
    path: Option<String>,
    skip: u32,
    times: Option<u32>,
}

impl Rule {
    /// Always, for everyone.
    pub fn new(fault: Fault) -> Self {
        Self {
            name: format!("{fault:?}"),
            fault,
            dialect: None,
            client: None,
            grant_type: None,
            path: None,
            skip: 0,
            times: None,
        }
    }

    /// As the log and `GET /faults` call it.
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Only so many times.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only after so many that go well.
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Only for this client.
    pub fn client(mut self, client: &str) -> Self {
        self.client = Some(client.to_owned());
        self
    }

    /// Only in this dialect.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Only at the token endpoint and for this grant type.
    pub fn grant_type(mut self, grant_type: &str) -> Self {
        self.grant_type = Some(grant_type.to_owned());
        self
    }

    /// Only for this path.
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    fn covers(&self, circumstances: &Circumstances<'_>) -> bool {
        fn fits<T: PartialEq + ?Sized>(wanted: Option<&T>, actual: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| actual == Some(wanted))
        }
        fits(self.dialect.as_ref(), Some(&circumstances.dialect))
            && fits(self.client.as_deref(), circumstances.client)
            && fits(self.grant_type.as_deref(), circumstances.grant_type)
            && self.path.as_deref().is_none_or(request::is_at)
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

/// Who is asking, and how. For which path, the [`request`] itself knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) client: Option<&'a str>,
    pub(crate) grant_type: Option<&'a str>,
}

impl Circumstances<'_> {
    pub(crate) fn of(dialect: Dialect) -> Self {
        Self {
            dialect,
            client: None,
            grant_type: None,
        }
    }
}

/// A rule that was set, to remove it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

/// The rules in force.
#[derive(Debug)]
pub struct Faults {
    rules: Mutex<Vec<(FaultId, Rule)>>,
    /// Counts every change of the rules, so that answers held back look again.
    changes: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rules: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Faults {
    /// Puts a rule in force.
    pub fn set(&self, rule: impl Into<Rule>) -> FaultId {
        let mut number = 0;
        self.changes.send_modify(|count| {
            *count += 1;
            number = *count;
        });
        let id = FaultId(number);
        self.lock().push((id, rule.into()));
        id
    }

    /// Ends one rule, and lets go what it held.
    pub fn remove(&self, id: FaultId) {
        self.lock().retain(|(own, _)| *own != id);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Ends all rules, and lets go what they held.
    pub fn clear(&self) {
        self.lock().clear();
        self.changes.send_modify(|count| *count += 1);
    }

    /// The names of the rules in force.
    pub fn active(&self) -> Vec<String> {
        self.lock().iter().map(|(_, rule)| rule.name.clone()).collect()
    }

    /// What `pick` finds in the rules that cover these circumstances. Each rule found counts as shown once.
    pub(crate) fn take<T>(
        &self,
        circumstances: &Circumstances<'_>,
        pick: impl Fn(&Fault) -> Option<T>,
    ) -> Vec<Taken<T>> {
        let mut taken = Vec::new();
        self.lock().retain_mut(|(id, rule)| {
            if !rule.covers(circumstances) {
                return true;
            }
            let Some(found) = pick(&rule.fault) else {
                return true;
            };
            if rule.skip > 0 {
                rule.skip -= 1;
                return true;
            }
            taken.push(Taken {
                id: *id,
                name: rule.name.clone(),
                what: found,
            });
            match &mut rule.times {
                None => true,
                Some(times) => {
                    *times = times.saturating_sub(1);
                    // A rule that holds an answer back stays until someone removes it.
                    *times > 0
                        || matches!(
                            rule.fault,
                            Fault::Http {
                                fault: HttpFault::Hold | HttpFault::HoldAfter,
                                ..
                            }
                        )
                }
            }
        });
        taken
    }

    /// Waits until the rule is removed.
    pub(crate) async fn released(&self, id: FaultId) {
        let mut changes = self.changes.subscribe();
        while self.lock().iter().any(|(own, _)| *own == id) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(FaultId, Rule)>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fault that shows now.
#[derive(Debug)]
pub(crate) struct Taken<T> {
    pub(crate) id: FaultId,
    pub(crate) name: String,
    pub(crate) what: T,
}
