//! What the provider remembers: browser sessions, requests under way, codes, and what was granted to whom.
//! Of every secret only the fingerprint.

use std::collections::HashMap;

use crate::clients::Dialect;
use crate::scopes::Scopes;
use crate::secret::{Fingerprint, random_name};

/// Everything remembered.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// By the fingerprint of the session cookie.
    pub(crate) sessions: HashMap<Fingerprint, Session>,
    /// Authorization requests whose person has not decided yet, by their one-time name.
    pub(crate) interactions: HashMap<String, Interaction>,
    /// Pushed authorization requests, by the fingerprint of their `request_uri`.
    pub(crate) pushed: HashMap<Fingerprint, Pushed>,
    pub(crate) codes: HashMap<Fingerprint, Code>,
    pub(crate) grants: HashMap<String, Grant>,
    pub(crate) refresh_tokens: HashMap<Fingerprint, RefreshToken>,
    pub(crate) access_tokens: HashMap<Fingerprint, AccessToken>,
    /// What a person has agreed to before.
    pub(crate) consents: HashMap<Consent, Scopes>,
    /// By the fingerprint of the device code.
    pub(crate) devices: HashMap<Fingerprint, Device>,
}

/// Who agreed, and with which client.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Consent {
    pub(crate) dialect: Dialect,
    pub(crate) subject: String,
    pub(crate) client: String,
}

/// A browser that someone has signed in with.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) dialect: Dialect,
    pub(crate) subject: String,
    /// When they last gave their password.
    pub(crate) auth_time: i64,
    /// Whether a second step followed the password.
    pub(crate) second_step: bool,
    pub(crate) expires: i64,
}

/// A valid authorization request.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationRequest {
    pub(crate) dialect: Dialect,
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) scopes: Scopes,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) prompt: Vec<String>,
    pub(crate) assurance: Assurance,
    pub(crate) login_hint: Option<String>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 section 10).
    pub(crate) dpop_jkt: Option<String>,
}

/// The `acr` of a sign-in by password alone.
pub const ACR_PASSWORD: &str = "urn:tessera:sandbox:password";
/// The `acr` of a sign-in with a second step after the password.
pub const ACR_SECOND_STEP: &str = "urn:tessera:sandbox:second-step";

/// A request that was pushed and that no browser has brought yet (RFC 9126).
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) request: AuthorizationRequest,
    pub(crate) expires: i64,
}

/// A PKCE challenge (RFC 7636 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) plain: bool,
    pub(crate) value: String,
}

/// What the pages work towards.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// Sending the browser back to the client.
    Redirect(AuthorizationRequest),
    /// Letting a device in, by the fingerprint of its code.
    Device {
        device: Fingerprint,
        /// As the person typed it, to be shown again beside the question.
        user_code: String,
        dialect: Dialect,
        client: String,
        scopes: Scopes,
        assurance: Assurance,
    },
}

/// How surely the person must be known (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Assurance {
    /// The most seconds since they last gave their password.
    pub(crate) max_age: Option<i64>,
    /// Of which the sign-in must be one; empty where any will do.
    pub(crate) acr_values: Vec<String>,
}

impl Assurance {
    /// Whether a password alone is not enough.
    pub(crate) fn wants_second_step(&self) -> bool {
        !self.acr_values.is_empty() && !self.acr_values.iter().any(|acr| acr == ACR_PASSWORD)
    }
}

/// A request whose person has not decided yet. Bound to one browser.
#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    pub(crate) purpose: Purpose,
    /// The fingerprint of the browser's own cookie: nobody else may go on with this request.
    pub(crate) browser: Fingerprint,
    pub(crate) expires: i64,
    /// The person gave their password for this very request.
    pub(crate) signed_in: bool,
    /// The person said which account to go on with.
    pub(crate) account_chosen: bool,
}

impl Interaction {
    pub(crate) fn dialect(&self) -> Dialect {
        match &self.purpose {
            Purpose::Redirect(request) => request.dialect,
            Purpose::Device { dialect, .. } => *dialect,
        }
    }

    pub(crate) fn client(&self) -> &str {
        match &self.purpose {
            Purpose::Redirect(request) => &request.client,
            Purpose::Device { client, .. } => client,
        }
    }

    pub(crate) fn scopes(&self) -> &Scopes {
        match &self.purpose {
            Purpose::Redirect(request) => &request.scopes,
            Purpose::Device { scopes, .. } => scopes,
        }
    }

    pub(crate) fn assurance(&self) -> &Assurance {
        match &self.purpose {
            Purpose::Redirect(request) => &request.assurance,
            Purpose::Device { assurance, .. } => assurance,
        }
    }
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) request: AuthorizationRequest,
    pub(crate) grant: String,
    pub(crate) expires: i64,
    pub(crate) used: bool,
}

/// What one person has allowed one client at one time; all tokens that come of it hang on it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) dialect: Dialect,
    pub(crate) client: String,
    pub(crate) subject: String,
    pub(crate) scopes: Scopes,
    pub(crate) auth_time: i64,
    /// Whether a second step followed the password.
    pub(crate) second_step: bool,
    pub(crate) created: i64,
    /// It came by the device grant.
    pub(crate) by_device: bool,
    /// The thumbprint of the key that its tokens are bound to (RFC 9449).
    pub(crate) key: Option<String>,
    /// The nonce of the request that it came by, which ID tokens of a refresh repeat (OpenID Connect Core section 12.2).
    pub(crate) nonce: Option<String>,
    pub(crate) revoked: bool,
}

impl Grant {
    /// How the person signed in (`acr`, OpenID Connect Core section 2).
    pub(crate) fn acr(&self) -> &'static str {
        if self.second_step {
            ACR_SECOND_STEP
        } else {
            ACR_PASSWORD
        }
    }
}

/// A refresh token that was handed out.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) grant: String,
    pub(crate) expires: i64,
    /// When it was first exchanged for the next one.
    pub(crate) used: Option<i64>,
}

/// An access token that was handed out.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub(crate) grant: String,
    pub(crate) scopes: Scopes,
    /// `None`: does not expire.
    pub(crate) expires: Option<i64>,
    /// The name of a signed token (`jti`).
    pub(crate) jti: Option<String>,
}

/// A device that waits (RFC 8628).
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) dialect: Dialect,
    pub(crate) client: String,
    pub(crate) scopes: Scopes,
    pub(crate) assurance: Assurance,
    pub(crate) user_code: Fingerprint,
    pub(crate) expires: i64,
    /// Seconds that must lie between two polls.
    pub(crate) interval: i64,
    pub(crate) last_poll: Option<i64>,
    pub(crate) decision: Decision,
}

/// What became of a device's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Pending,
    Denied,
    /// Allowed, under this grant.
    Allowed(String),
    /// The device has its tokens.
    Collected,
}

/// Why a refresh token is not exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshRefused {
    /// Not one of ours, expired, revoked, or another client's.
    Unknown,
    /// It was exchanged before: the whole grant is revoked now.
    Reused,
}

impl Records {
    /// Drops what has run out. Used codes and refresh tokens stay as long as reuse of them must be noticed.
    pub(crate) fn prune(&mut self, now: i64) {
        const KEPT: i64 = 24 * 60 * 60;
        self.sessions.retain(|_, session| session.expires > now);
        self.interactions
            .retain(|_, interaction| interaction.expires > now);
        self.pushed.retain(|_, pushed| pushed.expires > now);
        self.codes.retain(|_, code| code.expires + KEPT > now);
        self.refresh_tokens
            .retain(|_, token| token.expires > now && token.used.is_none_or(|used| used + 30 * KEPT > now));
        self.access_tokens
            .retain(|_, token| token.expires.is_none_or(|expires| expires + KEPT > now));
        self.devices.retain(|_, device| device.expires + KEPT > now);
        let used: std::collections::HashSet<&str> = (self.codes.values().map(|code| code.grant.as_str()))
            .chain(self.refresh_tokens.values().map(|token| token.grant.as_str()))
            .chain(self.access_tokens.values().map(|token| token.grant.as_str()))
            .chain(self.devices.values().filter_map(|device| match &device.decision {
                Decision::Allowed(grant) => Some(grant.as_str()),
                _ => None,
            }))
            .collect();
        self.grants.retain(|id, _| used.contains(id.as_str()));
    }

    /// Writes down what was granted, and names it.
    pub(crate) fn add_grant(&mut self, grant: Grant) -> String {
        let id = random_name();
        self.grants.insert(id.clone(), grant);
        id
    }

    /// The grant, unless it was revoked.
    pub(crate) fn live_grant(&self, id: &str) -> Option<&Grant> {
        self.grants.get(id).filter(|grant| !grant.revoked)
    }

    /// Ends a grant with every token of it.
    pub(crate) fn revoke_grant(&mut self, id: &str) {
        if let Some(grant) = self.grants.get_mut(id) {
            grant.revoked = true;
        }
        self.access_tokens.retain(|_, token| token.grant != id);
    }

    /// Ends every grant for which `which` says yes.
    pub(crate) fn revoke_grants(&mut self, which: impl Fn(&Grant) -> bool) {
        let ids: Vec<String> = self
            .grants
            .iter()
            .filter(|(_, grant)| !grant.revoked && which(grant))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            self.revoke_grant(&id);
        }
    }

    /// Keeps the `limit` youngest of the grants for which `which` says yes, and revokes the rest.
    pub(crate) fn keep_youngest(&mut self, limit: usize, which: impl Fn(&Grant) -> bool) {
        let mut live: Vec<(i64, String)> = self
            .grants
            .iter()
            .filter(|(_, grant)| !grant.revoked && which(grant))
            .map(|(id, grant)| (grant.created, id.clone()))
            .collect();
        live.sort();
        let surplus = live.len().saturating_sub(limit);
        for (_, id) in live.drain(..surplus) {
            self.revoke_grant(&id);
        }
    }

    /// Whose refresh token it is, without using it.
    pub(crate) fn refresh_token(
        &self,
        presented: Fingerprint,
        client: &str,
    ) -> Option<(&RefreshToken, &Grant)> {
        let token = self.refresh_tokens.get(&presented)?;
        let grant = self.grants.get(&token.grant)?;
        (grant.client == client).then_some((token, grant))
    }

    /// What a refresh token that was handed out hangs on, good or not.
    pub(crate) fn family_of(&self, presented: Fingerprint) -> Option<Fingerprint> {
        let token = self.refresh_tokens.get(&presented)?;
        Some(Fingerprint::of(&token.grant))
    }

    /// Uses up a refresh token (RFC 9700 section 4.14.2). One that was used before ends its whole grant, unless
    /// that was at most `grace` seconds ago.
    pub(crate) fn use_refresh_token(
        &mut self,
        presented: Fingerprint,
        client: &str,
        now: i64,
        grace: i64,
    ) -> Result<String, RefreshRefused> {
        let (token, grant) = self
            .refresh_token(presented, client)
            .ok_or(RefreshRefused::Unknown)?;
        let id = token.grant.clone();
        if grant.revoked || token.expires <= now {
            return Err(RefreshRefused::Unknown);
        }
        match token.used {
            Some(used) if grace == 0 || now - used > grace => {
                self.revoke_grant(&id);
                Err(RefreshRefused::Reused)
            }
            Some(_) => Ok(id),
            None => {
                if let Some(token) = self.refresh_tokens.get_mut(&presented) {
                    token.used = Some(now);
                }
                Ok(id)
            }
        }
    }

    /// The access token with its grant, if it is good now.
    pub(crate) fn access_token(&self, presented: Fingerprint, now: i64) -> Option<(&AccessToken, &Grant)> {
        let token = self.access_tokens.get(&presented)?;
        let grant = self.live_grant(&token.grant)?;
        token
            .expires
            .is_none_or(|expires| expires > now)
            .then_some((token, grant))
    }

    /// The client that a token was given to, good or not.
    pub(crate) fn client_of(&self, token: Fingerprint) -> Option<String> {
        let by_access_token = self.access_tokens.get(&token).map(|token| &token.grant);
        let by_refresh_token = || self.refresh_tokens.get(&token).map(|token| &token.grant);
        let grant = by_access_token.or_else(by_refresh_token)?;
        Some(self.grants.get(grant)?.client.clone())
    }

    /// Whether the signed access token of this name is one that was neither revoked nor ended.
    pub(crate) fn knows_jti(&self, jti: &str) -> bool {
        self.access_tokens
            .values()
            .any(|token| token.jti.as_deref() == Some(jti) && self.live_grant(&token.grant).is_some())
    }

    /// Ends every access token that is ever to end, and no refresh token.
    pub(crate) fn expire_access_tokens(&mut self) {
        self.access_tokens.retain(|_, token| token.expires.is_none());
    }

    /// Adds to what a person has agreed to.
    pub(crate) fn remember_consent(&mut self, consent: Consent, scopes: &Scopes) {
        let known = self.consents.entry(consent).or_default();
        *known = known.union(scopes);
    }
}
