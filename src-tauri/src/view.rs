//! Turns what the client knows into what the window is shown.

use tessera_client::{
    Account, AccountState, AnotherPerson, AttemptSnapshot, BrowserChoice, Change, Client, Error,
    InstalledBrowser, KnownCall, OpenSignOut, OpenStage, Person, Provider, ProviderSource, Receipt, Retried,
    Route, Scopes, SignOutWay, Stage, StepUp, Storage, StoredSecret, Verdict,
};

use crate::permissions;
use crate::wire::{
    AccountDetail, AccountStateView, AccountView, AnotherPersonView, AppEvent, AttemptBrowserView,
    AttemptEnd, AttemptStage, AttemptView, BrowserSignOutEnd, BrowserView, CatalogueEntry, CheckView,
    ClaimView, DeviceView, ErrorView, ForecastView, KeptView, OpenSignOutView, PersonView, ProfileView,
    ProviderView, ReceiptLine, ReceiptView, RetriedView, RouteView, SignOutWayView, StepUpInput,
};

/// Everything as it is now.
pub(crate) async fn snapshot(client: &Client) -> Result<AppEvent, ErrorView> {
    let accounts = client.accounts().await?.into_iter().map(Into::into).collect();
    let attempt = client.attempt().map(|attempt| attempt.view().into());
    Ok(AppEvent::Snapshot {
        accounts,
        attempt,
        providers: providers(client),
        open_sign_outs: open_sign_outs(client).await?,
    })
}

/// What to tell of a change; nothing of notices, which are kept until a page is there.
pub(crate) async fn event(client: &Client, change: Change) -> Option<AppEvent> {
    Some(match change {
        Change::Attempt(attempt) => AppEvent::Attempt {
            attempt: (*attempt).into(),
        },
        Change::AttemptEnded { id, end } => AppEvent::AttemptEnded {
            id: id.as_str().to_owned(),
            end: end.into(),
        },
        Change::BrowserSignOut { account, end } => AppEvent::BrowserSignOut {
            account: account.to_string(),
            end: browser_sign_out(end)?,
        },
        Change::Accounts => match client.accounts().await {
            Ok(accounts) => AppEvent::Accounts {
                accounts: accounts.into_iter().map(Into::into).collect(),
            },
            Err(error) => AppEvent::Notice { error: error.into() },
        },
        Change::Providers => AppEvent::Providers {
            providers: providers(client),
        },
        Change::OpenSignOuts => match open_sign_outs(client).await {
            Ok(open_sign_outs) => AppEvent::OpenSignOuts { open_sign_outs },
            Err(error) => AppEvent::Notice { error: error.into() },
        },
        Change::Notice(_) => return None,
    })
}

/// How a sign-out in the browser ended; nothing of one that a newer one replaced.
fn browser_sign_out(end: tessera_client::BrowserSignOutEnd) -> Option<BrowserSignOutEnd> {
    Some(match end {
        tessera_client::BrowserSignOutEnd::Returned => BrowserSignOutEnd::Returned,
        tessera_client::BrowserSignOutEnd::NotReturned => BrowserSignOutEnd::NotReturned,
        tessera_client::BrowserSignOutEnd::Failed(error) => BrowserSignOutEnd::Failed { error: error.into() },
        tessera_client::BrowserSignOutEnd::Replaced => return None,
    })
}

async fn open_sign_outs(client: &Client) -> Result<Vec<OpenSignOutView>, Error> {
    let view = |open: OpenSignOut| OpenSignOutView {
        page: client.settings_page_of(&open).is_some(),
        id: open.id.to_string(),
        provider: open.provider.to_string(),
        provider_name: open.provider_name,
        kind: open.kind,
        name: open.name,
        since: open.since.0,
        over: open.stage == OpenStage::Over,
        reason: open.reason,
        next_try_at: open.next_try.map(|next| next.at.0),
    };
    Ok(client.open_sign_outs().await?.into_iter().map(view).collect())
}

fn providers(client: &Client) -> Vec<ProviderView> {
    client
        .providers()
        .iter()
        .map(|one| provider(client, one))
        .collect()
}

/// A provider, and whether a sign-in can start.
pub(crate) fn provider(client: &Client, provider: &Provider) -> ProviderView {
    let problem = client.readiness(provider);
    ProviderView {
        id: provider.id.to_string(),
        name: provider.name.clone(),
        kind: provider.kind.as_str().to_owned(),
        issuer: provider.issuer.as_str().to_owned(),
        ready: problem.is_none(),
        problem: problem.map(Into::into),
        client_id: provider.client_id.as_ref().map(|id| id.as_str().to_owned()),
        routes: client.routes(provider).into_iter().map(Into::into).collect(),
        apis: provider
            .apis
            .iter()
            .map(|api| api.origin().ascii_serialization())
            .collect(),
        editable: provider.source == ProviderSource::File,
    }
}

/// A check and its verdict.
pub(crate) fn check(verdict: &Verdict) -> CheckView {
    CheckView {
        id: verdict.check.code().to_owned(),
        title: verdict.check.title().to_owned(),
        section: verdict.check.section().to_owned(),
        outcome: verdict.outcome.as_str().to_owned(),
        expected: verdict.expected.clone(),
        seen: verdict.seen.clone(),
    }
}

/// An account, opened.
pub(crate) fn detail(client: &Client, account: Account, browser: Option<&BrowserChoice>) -> AccountDetail {
    let asked = account.requested.union(&account.granted);
    let permission = |scope: &str| permissions::view(scope, account.granted.contains(scope));
    let checks = account.checks.iter().map(check);
    AccountDetail {
        claims: account
            .claims
            .iter()
            .cloned()
            .map(|(name, value)| ClaimView { name, value })
            .collect(),
        permissions: asked.iter().map(permission).collect(),
        checks: checks.collect(),
        apis: client
            .apis(&account)
            .into_iter()
            .map(|(origin, _)| origin)
            .collect(),
        storage: client.storage_sentence(&account),
        access_expires_at: account.access_expires_at.map(|at| at.0),
        browser: browser.map(ToString::to_string),
        can_sign_out_everywhere: client.can_sign_out(&account, SignOutWay::Everywhere),
        can_report_leak: client.can_sign_out(&account, SignOutWay::Leaked),
        account: account.into(),
    }
}

impl From<&Error> for ErrorView {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.message(),
            hint: error.hint(),
            detail: error.detail(),
        }
    }
}

impl From<Error> for ErrorView {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        let forecast = account.forecast().map(|forecast| ForecastView {
            at: forecast.at.map(|at| at.0),
            why: forecast.why.as_str().to_owned(),
            notice_from: forecast.notice_from.map(|at| at.0),
        });
        Self {
            id: account.id.to_string(),
            provider: account.provider.to_string(),
            provider_name: account.provider_name,
            kind: account.kind,
            issuer: account.issuer.as_str().to_owned(),
            subject: account.subject.as_str().to_owned(),
            name: account.name,
            email: account.email,
            picture: account
                .picture
                .map(|picture| crate::body::data_url(&picture.media_type, &picture.bytes)),
            reason: account.state.reason().map(str::to_owned),
            need: account.state.need().map(|need| need.as_str().to_owned()),
            since: match &account.state {
                AccountState::Offline { since, .. } | AccountState::ProviderUnavailable { since, .. } => {
                    Some(since.0)
                }
                _ => None,
            },
            next_try_at: account.state.next_try().map(|next| next.at.0),
            next_try_named: account.state.next_try().is_some_and(|next| next.named),
            state: account.state.into(),
            signed_in_at: account.signed_in_at.0,
            until_quit: account.storage == Storage::UntilQuit,
            forecast,
        }
    }
}

impl From<AccountState> for AccountStateView {
    fn from(state: AccountState) -> Self {
        match state {
            AccountState::SignedIn => Self::SignedIn,
            AccountState::Refreshing => Self::Refreshing,
            AccountState::Offline { .. } => Self::Offline,
            AccountState::ProviderUnavailable { .. } => Self::ProviderUnavailable,
            AccountState::KeychainUnavailable { locked: true, .. } => Self::KeychainLocked,
            AccountState::KeychainUnavailable { locked: false, .. } => Self::KeychainUnavailable,
            AccountState::NeedsSignIn { .. } => Self::NeedsSignIn,
        }
    }
}

impl From<AttemptSnapshot> for AttemptView {
    fn from(attempt: AttemptSnapshot) -> Self {
        Self {
            id: attempt.id.as_str().to_owned(),
            revision: attempt.revision,
            provider: attempt.provider.to_string(),
            provider_name: attempt.provider_name,
            route: attempt.route.into(),
            other_routes: attempt.other_routes.into_iter().map(Into::into).collect(),
            page: attempt.page,
            browser_opened: attempt.browser_opened,
            stage: match attempt.stage {
                Stage::Preparing => AttemptStage::Preparing,
                Stage::Waiting => AttemptStage::Waiting,
                Stage::Finishing => AttemptStage::Finishing,
                Stage::AnotherPerson => AttemptStage::AnotherPerson,
            },
            expires_at: attempt.expires_at.0,
            device: attempt.device.map(|device| DeviceView {
                user_code: device.user_code,
                verification_uri: device.verification_uri,
            }),
            another: attempt.another.map(|another| (*another).into()),
            browser: attempt.browser.map(|browser| AttemptBrowserView {
                name: browser.name.to_owned(),
                profile: browser.profile,
                missing: browser.is_missing,
            }),
        }
    }
}

impl From<InstalledBrowser> for BrowserView {
    fn from(browser: InstalledBrowser) -> Self {
        let kind = browser.kind;
        let choice = |profile| BrowserChoice { kind, profile }.to_string();
        let profiles = browser.profiles.into_iter().map(|profile| ProfileView {
            id: choice(Some(profile.id)),
            name: profile.name,
        });
        Self {
            id: choice(None),
            name: kind.name().to_owned(),
            profiles: profiles.collect(),
        }
    }
}

impl From<AnotherPerson> for AnotherPersonView {
    fn from(another: AnotherPerson) -> Self {
        let person = |person: Person| PersonView {
            name: person.name,
            email: person.email,
        };
        Self {
            expected: person(another.expected),
            came: person(another.came),
            is_here: another.is_here,
        }
    }
}

impl From<tessera_client::AttemptEnd> for AttemptEnd {
    fn from(end: tessera_client::AttemptEnd) -> Self {
        match end {
            tessera_client::AttemptEnd::SignedIn { account, already } => Self::SignedIn {
                account: account.to_string(),
                already,
            },
            tessera_client::AttemptEnd::Failed(error) => Self::Failed { error: error.into() },
            tessera_client::AttemptEnd::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Route> for RouteView {
    fn from(route: Route) -> Self {
        match route {
            Route::Scheme => Self::Scheme,
            // Pasting is open to every attempt here; as a route of its own it uses the loopback address.
            Route::Loopback | Route::Paste => Self::Loopback,
            Route::Device => Self::Device,
        }
    }
}

impl From<RouteView> for Route {
    fn from(route: RouteView) -> Self {
        match route {
            RouteView::Scheme => Self::Scheme,
            RouteView::Loopback => Self::Loopback,
            RouteView::Device => Self::Device,
        }
    }
}

impl From<StepUpInput> for StepUp {
    fn from(input: StepUpInput) -> Self {
        Self {
            scopes: Scopes::from_tokens(input.scopes),
            acr_values: input.acr_values,
            max_age: input.max_age.map(u64::from),
        }
    }
}

impl From<StoredSecret> for KeptView {
    fn from(secret: StoredSecret) -> Self {
        Self {
            what: secret.what.to_owned(),
            of: secret.of,
            place: secret.place.as_str().to_owned(),
            place_name: secret.place_name,
            bytes: secret.bytes.map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX)),
            why: secret.why.to_owned(),
        }
    }
}

impl From<KnownCall> for CatalogueEntry {
    fn from(call: KnownCall) -> Self {
        Self {
            id: call.id.to_owned(),
            title: call.title.to_owned(),
            method: call.method.to_owned(),
            url: call.url.into(),
            scope: call.scope.map(str::to_owned),
        }
    }
}

impl From<SignOutWayView> for SignOutWay {
    fn from(way: SignOutWayView) -> Self {
        match way {
            SignOutWayView::Here => Self::Here,
            SignOutWayView::Everywhere => Self::Everywhere,
            SignOutWayView::Leaked => Self::Leaked,
        }
    }
}

impl From<Retried> for RetriedView {
    fn from(retried: Retried) -> Self {
        match retried {
            Retried::Done => Self::Done,
            Retried::Open(_) => Self::Open,
            Retried::Over(_) => Self::Over,
        }
    }
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        let line = |line: tessera_client::ReceiptLine| ReceiptLine {
            what: line.what.to_owned(),
            outcome: line.outcome.as_str().to_owned(),
            sentence: line.sentence,
        };
        Self {
            account: receipt.account.to_string(),
            browser: receipt.browser,
            name: receipt.name,
            provider_name: receipt.provider_name,
            lines: receipt.lines.into_iter().map(line).collect(),
            provider_page: receipt.provider_page.map(Into::into),
        }
    }
}
