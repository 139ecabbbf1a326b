//! The authorization request: the address that the person's browser is sent to, and what must be remembered
//! until the answer comes.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::discovery::Metadata;
use crate::explain::explained;
use crate::ids::{ClientId, Issuer, RedirectUri, Scopes, UnixTime};
use crate::issuer_policy::IssuerPolicy;
use crate::secret::{ClientSecret, Nonce, PkceVerifier, State};

/// What the provider knows this client as (RFC 6749 section 2).
#[derive(Clone, Debug)]
pub struct Registration {
    /// The client id.
    pub client_id: ClientId,
    /// Only for providers that insist on one from native apps. It proves nothing (RFC 8252 section 8.5).
    pub client_secret: Option<ClientSecret>,
    /// How the client presents itself at the token endpoint.
    pub token_auth: TokenAuth,
}

/// How a client presents itself at the token endpoint (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenAuth {
    /// By its client id alone: a public client.
    #[default]
    None,
    /// With its secret in the form.
    SecretPost,
    /// With its secret in the `Authorization` header.
    SecretBasic,
}

/// What a person is to be shown before they are sent back (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Nothing: answer at once or refuse.
    None,
    /// The sign-in, also when they are signed in.
    Login,
    /// What they agree to.
    Consent,
    /// A choice of accounts.
    SelectAccount,
}

impl Prompt {
    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
        }
    }
}

/// What to ask for.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Where the browser comes back to.
    pub redirect_uri: RedirectUri,
    /// The permissions.
    pub scopes: Scopes,
    /// Who is expected to sign in.
    pub login_hint: Option<String>,
    /// What the person is to be shown. [`Prompt::None`] makes sense alone only.
    pub prompt: Vec<Prompt>,
    /// The most seconds that may have passed since the person last signed in there.
    pub max_age: Option<u64>,
    /// The authentication contexts of which one is needed, best first; empty when any will do.
    pub acr_values: Vec<String>,
    /// The key that the code, and the tokens that come of it, are to be bound to, by its thumbprint (RFC 9449
    /// section 10).
    pub dpop_jkt: Option<String>,
    /// More parameters. Those that this crate writes itself cannot be replaced: they are left out.
    pub extra: Vec<(String, String)>,
    /// Whether an ID token is asked for: adds the scope `openid` and a nonce.
    pub openid: bool,
}

/// The parameters that only this crate writes.
const OWN: &[&str] = &[
    "response_type",
    "response_mode",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "login_hint",
    "prompt",
    "max_age",
    "acr_values",
    "dpop_jkt",
    "request",
    "request_uri",
];

/// Writes the address to open in the browser, and what must be kept until the answer comes.
///
/// `random` fills a buffer from a cryptographically secure generator. State, nonce and verifier are 32 of its
/// bytes each, 43 characters (RFC 7636 section 4.1, RFC 6749 section 10.10).
pub fn begin(
    metadata: &Metadata,
    registration: &Registration,
    request: AuthorizationRequest,
    policy: &IssuerPolicy,
    now: UnixTime,
    random: &mut dyn FnMut(&mut [u8]),
) -> (Url, Pending) {
    let state = State::new(unguessable(random));
    let nonce = request.openid.then(|| Nonce::new(unguessable(random)));
    let verifier = PkceVerifier::new(unguessable(random));
    let scopes = if request.openid {
        request.scopes.union(&Scopes::parse("openid"))
    } else {
        request.scopes
    };

    let mut url = metadata.authorization_endpoint.clone();
    // The endpoint's own query is kept (RFC 6749 section 3.1), but no parameter may come twice.
    let mut kept = query_of_endpoint(&url);
    let extra = request.extra.into_iter();
    kept.extend(extra.filter(|(name, _)| !OWN.contains(&name.as_str())));
    let max_age = request.max_age.map(|seconds| seconds.to_string());
    {
        let mut query = url.query_pairs_mut();
        query.clear();
        query.extend_pairs(&kept);
        query.append_pair("response_type", "code");
        query.append_pair("client_id", registration.client_id.as_str());
        query.append_pair("redirect_uri", request.redirect_uri.as_str());
        if !scopes.is_empty() {
            query.append_pair("scope", &scopes.to_string());
        }
        query.append_pair("state", state.expose());
        if let Some(nonce) = &nonce {
            query.append_pair("nonce", nonce.expose());
        }
        query.append_pair("code_challenge", &challenge(&verifier));
        query.append_pair("code_challenge_method", "S256");
        if let Some(hint) = &request.login_hint {
            query.append_pair("login_hint", hint);
        }
        if !request.prompt.is_empty() {
            let prompts: Vec<&str> = request.prompt.iter().map(|prompt| prompt.as_str()).collect();
            query.append_pair("prompt", &prompts.join(" "));
        }
        if let Some(max_age) = &max_age {
            query.append_pair("max_age", max_age);
        }
        if !request.acr_values.is_empty() {
            query.append_pair("acr_values", &request.acr_values.join(" "));
        }
        if let Some(thumbprint) = &request.dpop_jkt {
            query.append_pair("dpop_jkt", thumbprint);
        }
    }

    let pending = Pending {
        state,
        nonce,
        verifier,
        redirect_uri: request.redirect_uri,
        scopes,
        created_at: now,
        issuer: metadata.issuer.clone(),
        callback_issuer: policy.expected_in_callback().to_owned(),
        issuer_required: metadata.iss_parameter_supported,
        client_id: registration.client_id.clone(),
        max_age: request.max_age,
        acr_values: request.acr_values,
    };
    (url, pending)
}

/// What of the endpoint's own query is kept in every address that is made of it, and comes first there.
pub(crate) fn query_of_endpoint(endpoint: &Url) -> Vec<(String, String)> {
    let pairs = endpoint.query_pairs().into_owned();
    pairs.filter(|(name, _)| !OWN.contains(&name.as_str())).collect()
}

/// 32 random bytes in base64url: 43 characters of RFC 7636's alphabet.
pub(crate) fn unguessable(random: &mut dyn FnMut(&mut [u8])) -> String {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    random(bytes.as_mut_slice());
    URL_SAFE_NO_PAD.encode(bytes.as_slice())
}

/// The public half of the verifier (RFC 7636 section 4.2).
fn challenge(verifier: &PkceVerifier) -> String {
    let verifier = PkceCodeVerifier::new(verifier.expose().to_owned());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier)
        .as_str()
        .to_owned();
    // The library does not wipe its copy.
    drop(Zeroizing::new(verifier.into_secret()));
    challenge
}

/// An authorization request that awaits its answer. It answers one callback: [`Callback::validate`] takes it
/// by value, and there is no second one, because it cannot be cloned.
///
/// [`Callback::validate`]: crate::callback::Callback::validate
#[derive(Debug)]
pub struct Pending {
    pub(crate) state: State,
    pub(crate) nonce: Option<Nonce>,
    pub(crate) verifier: PkceVerifier,
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) scopes: Scopes,
    pub(crate) created_at: UnixTime,
    pub(crate) issuer: Issuer,
    pub(crate) callback_issuer: String,
    pub(crate) issuer_required: bool,
    pub(crate) client_id: ClientId,
    pub(crate) max_age: Option<u64>,
    pub(crate) acr_values: Vec<String>,
}

impl Pending {
    /// What the callback must carry.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the ID token must carry, if one was asked for.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// Where the answer is awaited.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// The permissions that were asked for.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// When the request was written.
    pub fn created_at(&self) -> UnixTime {
        self.created_at
    }

    /// Who was asked.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Who asked.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// For the keychain: a callback may find the app closed, and the start it causes must be able to go on.
    pub fn to_secret_json(&self) -> Zeroizing<Vec<u8>> {
        let row = PendingRow {
            version: ROW_VERSION,
            state: self.state.expose(),
            nonce: self.nonce.as_ref().map(Nonce::expose),
            verifier: self.verifier.expose(),
            redirect_uri: self.redirect_uri.as_str().into(),
            scopes: self.scopes.iter().map(Cow::from).collect(),
            created_at: self.created_at.0,
            issuer: self.issuer.as_str().into(),
            callback_issuer: self.callback_issuer.as_str().into(),
            issuer_required: self.issuer_required,
            client_id: self.client_id.as_str().into(),
            max_age: self.max_age,
            acr_values: self.acr_values.iter().map(Cow::from).collect(),
        };
        // Sized beforehand: a buffer that grows leaves copies behind that nobody wipes.
        let mut sized = Counter(0);
        let mut bytes = Zeroizing::default();
        if serde_json::to_writer(&mut sized, &row).is_ok() {
            bytes = Zeroizing::new(Vec::with_capacity(sized.0));
            if serde_json::to_writer(&mut *bytes, &row).is_err() {
                bytes.clear();
            }
        }
        bytes
    }

    /// The reverse of [`Pending::to_secret_json`].
    pub fn from_secret_json(bytes: &[u8]) -> Result<Self, PendingError> {
        let row: PendingRow<'_> = serde_json::from_slice(bytes).map_err(|_| PendingError)?;
        if row.version != ROW_VERSION {
            return Err(PendingError);
        }
        Ok(Self {
            state: State::new(row.state),
            nonce: row.nonce.map(Nonce::new),
            verifier: PkceVerifier::new(row.verifier),
            redirect_uri: RedirectUri::new(row.redirect_uri).map_err(|_| PendingError)?,
            scopes: Scopes::from_tokens(row.scopes),
            created_at: UnixTime(row.created_at),
            issuer: row.issuer.parse().map_err(|_| PendingError)?,
            callback_issuer: row.callback_issuer.into_owned(),
            issuer_required: row.issuer_required,
            client_id: ClientId::new(row.client_id),
            max_age: row.max_age,
            acr_values: row.acr_values.into_iter().map(Cow::into_owned).collect(),
        })
    }
}

/// What was kept of a sign-in cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingError;

impl PendingError {
    /// The stable name.
    pub fn code(&self) -> &'static str {
        "pending_damaged"
    }

    /// What happened to you.
    pub fn message(&self) -> String {
        "You have to start this sign-in again: what the app kept of it cannot be read.".to_owned()
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        "Press Sign in once more.".to_owned()
    }
}

explained!(PendingError);

const ROW_VERSION: u8 = 1;

/// A [`Pending`] as the keychain holds it. Its secrets are borrowed, so that reading makes no copies of them.
#[derive(Serialize, Deserialize)]
struct PendingRow<'a> {
    version: u8,
    state: &'a str,
    nonce: Option<&'a str>,
    verifier: &'a str,
    redirect_uri: Cow<'a, str>,
    scopes: Vec<Cow<'a, str>>,
    created_at: i64,
    issuer: Cow<'a, str>,
    callback_issuer: Cow<'a, str>,
    issuer_required: bool,
    client_id: Cow<'a, str>,
    max_age: Option<u64>,
    /// An attempt that an earlier version left has none.
    #[serde(default)]
    acr_values: Vec<Cow<'a, str>>,
}

/// Counts what is written.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
