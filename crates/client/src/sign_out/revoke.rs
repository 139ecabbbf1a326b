//! What is asked of a provider to end tokens, in its own way, and what came of each request.

use std::sync::Arc;

use tessera_oidc::discovery::Metadata;
use tessera_oidc::message::{Request, Response};
use tessera_oidc::revocation::{self, RevocationError, TokenToRevoke};
use tessera_oidc::{AccessToken, RefreshToken};

use super::SignOutWay;
use crate::client::Client;
use crate::error::Error;
use crate::provider::ProviderKind;
use crate::terms::Terms;
use crate::trace::{Exchange, Flow};

/// A provider's rules and its description, or why they are not to be had.
pub(crate) type There = Result<(Terms, Arc<Metadata>), Error>;

/// What became of one request.
pub(crate) enum Revoked {
    Yes,
    NoWay,
    Failed(Error),
}

impl Revoked {
    /// Why the same request may be answered otherwise later, if it may.
    pub(super) fn passing(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) if error.is_transient() => Some(error),
            _ => None,
        }
    }

    /// Why it is not done, and never will be.
    pub(super) fn refusal(&self) -> Option<Error> {
        match self {
            Self::Yes => None,
            Self::NoWay => Some(super::SignOutError::NoWay.into()),
            Self::Failed(error) => Some(error.clone()).filter(|error| !error.is_transient()),
        }
    }
}

/// One request, by what it is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The refresh token.
    Refresh,
    /// The access token.
    Access,
    /// All that the person allowed this app, on every device.
    Everything,
    /// Both tokens, as leaked.
    Leaked,
}

impl Part {
    /// The id of its line in a receipt.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Refresh => "refresh_token_revoked",
            Self::Access => "access_token_revoked",
            Self::Everything => "everywhere_revoked",
            Self::Leaked => "leaked_tokens_revoked",
        }
    }

    /// What it is to end, as the beginning of a sentence.
    pub(super) fn subject(self) -> &'static str {
        match self {
            Self::Refresh => "The permission to stay signed in",
            Self::Access => "The current access token",
            Self::Everything => "All access of this app, on every device,",
            Self::Leaked => "The token that leaked, and whatever belongs to it,",
        }
    }
}

/// The tokens that a sign-out has to give back, and how.
#[derive(Clone)]
pub(crate) struct ToRevoke {
    pub(crate) way: SignOutWay,
    pub(crate) refresh: Option<RefreshToken>,
    pub(crate) access: Option<AccessToken>,
}

impl ToRevoke {
    /// The requests that it takes, the one first that others can be had with.
    fn parts(&self, terms: Option<&Terms>) -> Vec<Part> {
        let github = terms.is_some_and(|terms| matches!(terms.kind, ProviderKind::GitHub { .. }));
        let any = self.refresh.is_some() || self.access.is_some();
        let refresh = self.refresh.as_ref().map(|_| Part::Refresh);
        let access = self.access.as_ref().map(|_| Part::Access);
        match self.way {
            SignOutWay::Leaked => any.then_some(Part::Leaked).into_iter().collect(),
            SignOutWay::Everywhere if github => any.then_some(Part::Everything).into_iter().collect(),
            // At Google any of its tokens stands for all that was allowed.
            SignOutWay::Everywhere if refresh.is_some() => {
                [Some(Part::Everything), access].into_iter().flatten().collect()
            }
            SignOutWay::Everywhere => access.map(|_| Part::Everything).into_iter().collect(),
            SignOutWay::Here => [refresh, access].into_iter().flatten().collect(),
        }
    }

    /// What is left of it when these are settled and others are not.
    fn without(&self, settled: &[Part]) -> Self {
        let has = |part| settled.contains(&part);
        Self {
            way: if has(Part::Everything) {
                SignOutWay::Here
            } else {
                self.way
            },
            refresh: self
                .refresh
                .clone()
                .filter(|_| !has(Part::Refresh) && !has(Part::Everything)),
            access: self.access.clone().filter(|_| !has(Part::Access)),
        }
    }

    /// The request of one part, and how its answer is judged; `None` where the provider has no way.
    fn request(&self, part: Part, terms: &Terms, metadata: &Metadata) -> Option<(Request, Judge)> {
        let registration = terms.registration(metadata);
        let (refresh, access) = (self.refresh.as_ref(), self.access.as_ref());
        if let ProviderKind::GitHub { api, .. } = &terms.kind {
            // GitHub revokes by its API, and knows access tokens only, with the client's own credentials; unless one
            // leaked.
            return match part {
                Part::Refresh => None,
                Part::Access => revocation::github_revocation_request(api, &registration, access?)
                    .map(|request| (request, revocation::judge_github as Judge)),
                Part::Everything => revocation::github_grant_deletion_request(api, &registration, access?)
                    .map(|request| (request, revocation::judge_github_grant_deletion as Judge)),
                Part::Leaked => Some((
                    revocation::github_leak_report(api, refresh, access),
                    revocation::judge_github_leak_report,
                )),
            };
        }
        let (refresh, access) = (
            refresh.map(TokenToRevoke::Refresh),
            access.map(TokenToRevoke::Access),
        );
        let token = match part {
            Part::Refresh => refresh,
            Part::Access => access,
            Part::Everything => refresh.or(access),
            Part::Leaked => None,
        };
        let endpoint = metadata.revocation_endpoint.as_ref()?;
        let request = revocation::revocation_request(endpoint, token?, &registration);
        Some((request, revocation::judge))
    }
}

type Judge = fn(&Response) -> Result<(), RevocationError>;

/// What came of all requests of a sign-out.
pub(crate) struct Revocations {
    /// Each of them, in order.
    pub(super) parts: Vec<(Part, Revoked)>,
    /// What may still be given back later, if anything.
    pub(super) left: Option<ToRevoke>,
}

impl Revocations {
    /// Why something is left, if there is.
    pub(super) fn passing(&self) -> Option<&Error> {
        self.parts.iter().find_map(|(_, revoked)| revoked.passing())
    }
}

impl Client {
    /// Asks the provider to end what is to be ended. What may be answered otherwise later is left.
    pub(crate) async fn revoke_all(&self, there: &There, to: &ToRevoke, flow: &Flow) -> Revocations {
        let terms = there.as_ref().ok().map(|(terms, _)| terms);
        let mut parts = Vec::new();
        for part in to.parts(terms) {
            let revoked = match there {
                Ok((terms, metadata)) => self.revoke(part, to, terms, metadata, flow).await,
                Err(error) => Revoked::Failed(error.clone()),
            };
            parts.push((part, revoked));
        }
        let settled = |(part, revoked): &(Part, Revoked)| revoked.passing().is_none().then_some(*part);
        let settled: Vec<Part> = parts.iter().filter_map(settled).collect();
        let left = (settled.len() < parts.len()).then(|| to.without(&settled));
        Revocations { parts, left }
    }

    async fn revoke(
        &self,
        part: Part,
        to: &ToRevoke,
        terms: &Terms,
        metadata: &Metadata,
        flow: &Flow,
    ) -> Revoked {
        let Some((request, judge)) = to.request(part, terms, metadata) else {
            return Revoked::NoWay;
        };
        let http = &*self.inner().ports.http;
        match flow.exchange(http, Exchange::REVOCATION, request).await {
            Ok(response) => {
                judge(&response).map_or_else(|error| Revoked::Failed(error.into()), |()| Revoked::Yes)
            }
            Err(error) => Revoked::Failed(error.into()),
        }
    }
}
