//! The callback (authorization response, RFC 6749 section 4.1.2): the address that the browser came back
//! with. Anyone on this machine can send one, so it is text to be judged, and only a callback that passed
//! every check becomes what the code exchange takes.

use std::collections::BTreeMap;

use url::Url;
use zeroize::Zeroizing;

use crate::authorize::Pending;
use crate::checks::{CheckId, Verdicts};
use crate::error_code::ErrorCode;
use crate::explain::explained;
use crate::ids::{ClientId, Issuer, RedirectUri, Scopes, UnixTime};
use crate::secret::{AuthorizationCode, Nonce, PkceVerifier, State};
use crate::text;

/// The most bytes that a callback's address may have.
pub const MAX_CALLBACK_BYTES: usize = 16 * 1024;

/// The most parameters that it may have.
const MAX_PARAMETERS: usize = 64;

/// The checks that a callback goes through, in order.
const CHECKS: &[CheckId] = &[
    CheckId::CallbackRedirectUri,
    CheckId::CallbackState,
    CheckId::CallbackIssuer,
    CheckId::CallbackCode,
];

/// Parameters of an authorization response. None of them may come in a fragment: this app asks for a code in
/// the query, and what comes otherwise is not its answer.
const RESPONSE_PARAMETERS: &[&str] = &[
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "access_token",
    "id_token",
    "response",
];

/// A callback as it was received; nothing in it is trusted yet.
#[derive(Debug)]
pub struct Callback {
    target: Target,
    state: Option<State>,
    issuer: Option<String>,
    answer: Answer,
}

impl Callback {
    /// Reads the whole address as it was delivered. White space around it is dropped, for addresses that a
    /// person pastes. Parameters that are not known are ignored, those without a value count as missing, and
    /// one that comes twice refuses the callback (RFC 6749 section 3.1).
    pub fn parse(text: &str) -> Result<Self, CallbackError> {
        let text = text.trim();
        if text.len() > MAX_CALLBACK_BYTES {
            return Err(CallbackError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| CallbackError::NotAnAddress)?;
        let fragment = url.fragment().unwrap_or_default().as_bytes();
        if url::form_urlencoded::parse(fragment).any(|(name, _)| RESPONSE_PARAMETERS.contains(&name.as_ref()))
        {
            return Err(CallbackError::Fragment);
        }
        let mut parameters = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            if parameters.len() == MAX_PARAMETERS {
                return Err(CallbackError::TooManyParameters);
            }
            let value = Zeroizing::new(value.into_owned());
            if parameters.insert(name.into_owned(), value).is_some() {
                return Err(CallbackError::DuplicateParameter);
            }
        }
        let mut take = |name: &str| parameters.remove(name).filter(|value| !value.is_empty());
        let answer = match (take("error"), take("code")) {
            (Some(error), _) => Answer::Refused(AuthorizationRefusal {
                error: ErrorCode::parse(&error),
                description: take("error_description").map(|words| text::providers_words(&words)),
            }),
            (None, Some(code)) => Answer::Code(AuthorizationCode::new(code.as_str())),
            (None, None) => Answer::Nothing,
        };
        Ok(Self {
            target: Target::of(&url),
            state: take("state").map(|state| State::new(state.as_str())),
            issuer: take("iss").map(|issuer| issuer.as_str().to_owned()),
            answer,
        })
    }

    /// The attempt that it claims to answer.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Whether it came to this address: same scheme, host, port and path (RFC 8252 section 8.10).
    pub fn is_for(&self, redirect_uri: &RedirectUri) -> bool {
        Url::parse(redirect_uri.as_str()).is_ok_and(|url| self.target == Target::of(&url))
    }

    /// A value of the callback as it may be shown: one that repeats a secret of the attempt is not.
    fn without_secrets(&self, value: &str, pending: &Pending) -> String {
        let shown = text::value(value);
        let code = match &self.answer {
            Answer::Code(code) => Some(code.expose()),
            Answer::Refused(_) | Answer::Nothing => None,
        };
        let nonce = pending.nonce().map(Nonce::expose);
        let repeats = |secret: &str| value.contains(secret) || shown.contains(secret);
        if code
            .into_iter()
            .chain([pending.state().expose()])
            .chain(nonce)
            .any(repeats)
        {
            return "[not shown]".to_owned();
        }
        shown
    }

    /// Judges the callback as the answer to `pending`. Both are used up, except when this is not the answer
    /// that is awaited: then `pending` comes back, and the attempt goes on.
    pub fn validate(self, pending: Pending) -> Result<ValidatedCallback, CallbackRefusal> {
        let mut verdicts = Verdicts::new();
        let arrived = self.is_for(&pending.redirect_uri);
        let awaited = shown(pending.redirect_uri.as_str());
        // An address that lost its question mark has the answer's secrets in its path.
        let seen = if arrived {
            awaited.clone()
        } else {
            text::providers_words(&self.target.shown)
        };
        if !verdicts.compared(CheckId::CallbackRedirectUri, arrived, awaited, Some(seen)) {
            return Err(not_awaited(pending, NotAwaited::OtherAddress, verdicts));
        }
        // Secrets compare in constant time.
        let equal = self.state.as_ref().map(|state| *state == pending.state);
        if !verdicts.compared_hidden(CheckId::CallbackState, equal) {
            let why = if equal.is_some() {
                NotAwaited::OtherState
            } else {
                NotAwaited::NoState
            };
            return Err(not_awaited(pending, why, verdicts));
        }
        match &self.issuer {
            None if !pending.issuer_required => verdicts.not_applicable(CheckId::CallbackIssuer),
            seen => {
                let equal = seen.as_deref() == Some(pending.callback_issuer.as_str());
                let (expected, seen) = (
                    text::value(&pending.callback_issuer),
                    seen.as_deref()
                        .map(|issuer| self.without_secrets(issuer, &pending)),
                );
                if !verdicts.compared(CheckId::CallbackIssuer, equal, expected.as_str(), seen.clone()) {
                    verdicts.rest_not_reached(CHECKS);
                    return Err(CallbackRefusal::Issuer {
                        expected,
                        seen,
                        verdicts,
                    });
                }
            }
        }
        let code = match self.answer {
            Answer::Code(code) => code,
            Answer::Refused(refusal) => {
                verdicts.compared(CheckId::CallbackCode, false, "code", Some("error".to_owned()));
                return Err(CallbackRefusal::Provider { refusal, verdicts });
            }
            Answer::Nothing => {
                verdicts.compared(CheckId::CallbackCode, false, "code", None);
                return Err(CallbackRefusal::NoCode { verdicts });
            }
        };
        verdicts.passed(CheckId::CallbackCode);
        Ok(ValidatedCallback {
            code,
            verifier: pending.verifier,
            nonce: pending.nonce,
            redirect_uri: pending.redirect_uri,
            scopes: pending.scopes,
            issuer: pending.issuer,
            client_id: pending.client_id,
            created_at: pending.created_at,
            max_age: pending.max_age,
            acr_values: pending.acr_values,
            verdicts,
        })
    }
}

/// The answer to an authorization request, after every check of it. Only [`Callback::validate`] can make one,
/// and it alone unlocks the code exchange ([`crate::token::code_request`]).
#[derive(Debug)]
pub struct ValidatedCallback {
    pub(crate) code: AuthorizationCode,
    pub(crate) verifier: PkceVerifier,
    pub(crate) redirect_uri: RedirectUri,
    nonce: Option<Nonce>,
    scopes: Scopes,
    issuer: Issuer,
    client_id: ClientId,
    created_at: UnixTime,
    max_age: Option<u64>,
    acr_values: Vec<String>,
    verdicts: Verdicts,
}

impl ValidatedCallback {
    /// What the ID token must carry, if one was asked for.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// The permissions that were asked for.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Who answered.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Who had asked.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// When the request was written.
    pub fn created_at(&self) -> UnixTime {
        self.created_at
    }

    /// The most seconds that may have passed since the person signed in there, if that was asked for.
    pub fn max_age(&self) -> Option<u64> {
        self.max_age
    }

    /// The authentication contexts of which one was asked for; empty when none was.
    pub fn acr_values(&self) -> &[String] {
        &self.acr_values
    }

    /// What the checks said.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }
}

/// The text is not a callback at all. Whatever sent it, an attempt goes on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackError {
    /// Longer than [`MAX_CALLBACK_BYTES`].
    TooLong,
    /// Not an absolute address.
    NotAnAddress,
    /// A parameter comes twice.
    DuplicateParameter,
    /// More parameters than any provider sends.
    TooManyParameters,
    /// The answer is in the fragment.
    Fragment,
}

impl CallbackError {
    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "callback_too_long",
            Self::NotAnAddress => "callback_not_an_address",
            Self::DuplicateParameter => "callback_duplicate_parameter",
            Self::TooManyParameters => "callback_too_many_parameters",
            Self::Fragment => "callback_fragment",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::TooLong => "You sent an address that is too long to be the provider's answer.",
            Self::NotAnAddress => "You sent something that is not an address.",
            Self::DuplicateParameter => {
                "You were sent back with an answer that says the same thing twice, so it was not used."
            }
            Self::TooManyParameters => {
                "You were sent back with far more than a provider's answer holds, so it was not used."
            }
            Self::Fragment => "You were sent back with an answer of a kind that this app does not take.",
        }
        .to_owned()
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::TooLong | Self::NotAnAddress => {
                "Copy the whole address from the browser's address bar and paste that."
            }
            Self::DuplicateParameter | Self::TooManyParameters | Self::Fragment => {
                "Finish the sign-in in the browser, or start it again here."
            }
        }
        .to_owned()
    }
}

/// What the provider said instead of sending a code (RFC 6749 section 4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRefusal {
    /// The error.
    pub error: ErrorCode,
    /// In its own words, made fit to be shown.
    pub description: Option<String>,
}

/// Why a callback is not the awaited answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAwaited {
    /// It came to another address.
    OtherAddress,
    /// It has no state.
    NoState,
    /// Its state belongs to no attempt, or to another one.
    OtherState,
}

/// Why a callback does not lead to a code exchange.
#[derive(Debug)]
pub enum CallbackRefusal {
    /// It is not the answer to this attempt. The attempt goes on with what comes back here.
    NotAwaited {
        /// The attempt, unchanged.
        pending: Box<Pending>,
        /// Why not.
        why: NotAwaited,
        /// What the checks said.
        verdicts: Verdicts,
    },
    /// The provider refused, or the person did. The attempt is over.
    Provider {
        /// What it said.
        refusal: AuthorizationRefusal,
        /// What the checks said.
        verdicts: Verdicts,
    },
    /// It answers this attempt, but another provider than the one that was asked speaks (RFC 9207 section
    /// 2.4), or none says who it is although it promised to. The attempt is over.
    Issuer {
        /// Who was asked.
        expected: String,
        /// Who answered; `None` when that is missing.
        seen: Option<String>,
        /// What the checks said.
        verdicts: Verdicts,
    },
    /// It answers this attempt with neither a code nor an error. The attempt is over.
    NoCode {
        /// What the checks said.
        verdicts: Verdicts,
    },
}

impl CallbackRefusal {
    /// What the checks said.
    pub fn verdicts(&self) -> &Verdicts {
        match self {
            Self::NotAwaited { verdicts, .. }
            | Self::Provider { verdicts, .. }
            | Self::Issuer { verdicts, .. }
            | Self::NoCode { verdicts } => verdicts,
        }
    }

    /// The stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAwaited {
                why: NotAwaited::OtherAddress,
                ..
            } => "redirect_uri_mismatch",
            Self::NotAwaited {
                why: NotAwaited::NoState,
                ..
            } => "state_missing",
            Self::NotAwaited {
                why: NotAwaited::OtherState,
                ..
            } => "state_mismatch",
            Self::Provider { refusal, .. } => refusal.error.refusal_code(),
            Self::Issuer { seen: Some(_), .. } => "callback_issuer_mismatch",
            Self::Issuer { seen: None, .. } => "callback_issuer_missing",
            Self::NoCode { .. } => "callback_code_missing",
        }
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        match self {
            Self::NotAwaited {
                why: NotAwaited::OtherAddress,
                ..
            } => "You were sent back to an address that this sign-in is not waiting at.".to_owned(),
            Self::NotAwaited { .. } => {
                "You were sent back with an answer that does not belong to this sign-in, so it was not used."
                    .to_owned()
            }
            Self::Provider { refusal, .. } => refusal.error.message(refusal.description.as_deref()),
            Self::Issuer {
                expected,
                seen: Some(seen),
                ..
            } => {
                format!("You were not signed in: you asked {expected}, but the answer came from {seen}.")
            }
            Self::Issuer {
                expected, seen: None, ..
            } => {
                format!(
                    "You were not signed in: the answer does not say that it comes from {expected}, although it has to."
                )
            }
            Self::NoCode { .. } => {
                "You were not signed in: the provider sent you back without an answer.".to_owned()
            }
        }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::NotAwaited { .. } => {
                "Finish the sign-in in the browser page that was opened last, or start it again here.".to_owned()
            }
            Self::Provider { refusal, .. } => refusal.error.hint().to_owned(),
            Self::Issuer { .. } => {
                "Start again; if it happens once more, do not sign in there and tell whoever runs the provider.".to_owned()
            }
            Self::NoCode { .. } => "Start the sign-in again.".to_owned(),
        }
    }
}

explained!(CallbackError, CallbackRefusal);

fn not_awaited(pending: Pending, why: NotAwaited, mut verdicts: Verdicts) -> CallbackRefusal {
    verdicts.rest_not_reached(CHECKS);
    CallbackRefusal::NotAwaited {
        pending: Box::new(pending),
        why,
        verdicts,
    }
}

fn shown(redirect_uri: &str) -> String {
    Url::parse(redirect_uri)
        .map(|url| text::address(&url))
        .unwrap_or_default()
}

/// The answer itself.
#[derive(Debug)]
enum Answer {
    Code(AuthorizationCode),
    Refused(AuthorizationRefusal),
    Nothing,
}

/// The part of an address that says where something arrived.
pub(crate) struct Target {
    scheme: String,
    host: Option<String>,
    port: Option<u16>,
    path: String,
    credentials: bool,
    shown: String,
}

impl Target {
    pub(crate) fn of(url: &Url) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().map(str::to_owned),
            port: url.port_or_known_default(),
            path: url.path().to_owned(),
            credentials: !url.username().is_empty() || url.password().is_some(),
            shown: text::address(url),
        }
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        (&self.scheme, &self.host, self.port, &self.path, self.credentials)
            == (
                &other.scheme,
                &other.host,
                other.port,
                &other.path,
                other.credentials,
            )
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests;
