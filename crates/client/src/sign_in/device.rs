//! The device grant (RFC 8628): a code to type in any browser, here or elsewhere, and no way back at all.

use std::sync::Arc;
use std::time::Duration;

use tessera_oidc::Scopes;
use tessera_oidc::authorize::Registration;
use tessera_oidc::device::{self, DeviceGrant, DeviceRequest, PollOutcome};
use tessera_oidc::discovery::Metadata;
use tessera_oidc::dpop::DpopKey;
use tessera_oidc::token::TokenResponse;
use tokio::time::Instant;

use super::drive::{before, pause, show};
use super::{Attempt, DevicePrompt, Kept, Page, SignedIn, Stage, finish, question};
use crate::dpop::For;
use crate::error::{AttemptError, Error};
use crate::provider::{ProviderKind, Route};
use crate::providers::ProviderError;
use crate::terms::Terms;
use crate::trace::{Exchange, Flow, MessageId};

/// How often a provider that cannot be reached is asked at the least, in seconds (RFC 8628 section 3.5 wants
/// growing pauses).
const SLOWEST_SECONDS: u64 = 60;

#[expect(
    clippy::too_many_arguments,
    reason = "each is a different part of one attempt, named at one caller"
)]
pub(super) async fn course(
    attempt: &Attempt,
    terms: &Terms,
    metadata: &Arc<Metadata>,
    requested: DeviceRequest<'_>,
    wanted: finish::Wanted,
    open_browser: bool,
    flow: &mut Flow,
    deadline: Instant,
) -> Result<SignedIn, Error> {
    let inner = attempt.client.inner();
    // GitHub takes its desktop apps at their client id here, also when a secret is known.
    let registration = match terms.kind {
        ProviderKind::GitHub { .. } => terms.public_registration(),
        _ => terms.registration(metadata),
    };
    let asked = async {
        Kept::probe(&attempt.client, wanted.storage, attempt.id().as_str()).await?;
        let unavailable = || ProviderError::Route {
            name: wanted.provider.name.clone(),
            route: Route::Device.as_str(),
        };
        let request = device::device_request(metadata, &registration, &requested).ok_or_else(unavailable)?;
        let http = &*inner.ports.http;
        let response = flow.exchange(http, Exchange::DEVICE, request).await?;
        Ok(device::parse_device_response(&response, &terms.dialect(None))?)
    };
    let grant = before(attempt, deadline, asked).await?;
    let deadline = deadline.min(Instant::now() + Duration::from_secs(grant.expires_in));
    let prompt = DevicePrompt {
        user_code: grant.user_code.clone(),
        verification_uri: grant.verification_uri.to_string(),
    };
    attempt.update(|view| {
        view.device = Some(prompt);
        let codes_end = attempt
            .client
            .now()
            .plus(i64::try_from(grant.expires_in).unwrap_or(600));
        // The attempt may end before its codes do.
        view.expires_at = view.expires_at.min(codes_end);
    });
    // The page without the code: the person is to compare and type it (RFC 8628 section 5.4).
    let polling = Box::pin(poll(
        attempt,
        terms,
        metadata,
        &registration,
        &grant,
        requested.scopes,
        wanted.dpop_key.as_ref(),
        flow,
        deadline,
    ));
    let page = Page {
        url: grant.verification_uri.clone(),
        browser_opened: open_browser,
        lifetime: None,
    };
    let tokens = show(attempt, page, MessageId::VerificationPage, flow, polling).await?;
    attempt.update(|view| view.stage = Stage::Finishing);
    let asked = finish::Asked {
        nonce: None,
        scopes: requested.scopes,
        // A provider may have passed over them, and anybody may have typed the code.
        max_age: requested.max_age,
        acr_values: requested.acr_values,
        until: Instant::now() + finish::FINISH_TIME,
    };
    let checks = metadata.verdicts().clone();
    let came = finish::with_tokens(attempt, terms, metadata, tokens, asked, checks, &wanted, flow).await?;
    question::settle(attempt, terms, metadata, came, wanted, flow, |_| {}).await
}

#[expect(
    clippy::too_many_arguments,
    reason = "each is a different part of one attempt, named at one caller"
)]
async fn poll(
    attempt: &Attempt,
    terms: &Terms,
    metadata: &Metadata,
    registration: &Registration,
    grant: &DeviceGrant,
    scopes: &Scopes,
    key: Option<&DpopKey>,
    flow: &Flow,
    deadline: Instant,
) -> Result<TokenResponse, Error> {
    let mut interval = grant.interval;
    loop {
        pause(attempt, deadline, Duration::from_secs(interval)).await?;
        let request = device::poll_request(&grant.device_code, metadata, registration);
        let sent = async {
            let client = &attempt.client;
            client
                .exchange(terms, key, For::Provider, Exchange::DEVICE_POLL, request, flow)
                .await
        };
        let response = match before(attempt, deadline, sent).await {
            Ok(response) => response,
            Err(error) if error.is_transient() => {
                interval = slower(interval);
                continue;
            }
            Err(error) => return Err(error),
        };
        match device::parse_poll_response(&response, &terms.dialect(key), scopes, interval) {
            PollOutcome::Pending => {}
            PollOutcome::SlowDown { interval: slower } => interval = slower,
            PollOutcome::Unavailable { .. } => interval = slower(interval),
            PollOutcome::Denied => return Err(Error::DeclinedOnDevice),
            PollOutcome::Expired => return Err(AttemptError::TimedOut.into()),
            PollOutcome::Done(tokens) => return Ok(*tokens),
            PollOutcome::Failed { error } => return Err(error.into()),
        }
    }
}

/// How long to wait after a provider that could not be asked: longer than before, and never less than it wants.
fn slower(interval: u64) -> u64 {
    interval.saturating_mul(2).min(SLOWEST_SECONDS.max(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_more_often_after_an_error() {
        for (before, after) in [
            (5, 10),
            (30, 60),
            (40, 60),
            (60, 60),
            (90, 90),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(slower(before), after, "{before}");
        }
    }
}
