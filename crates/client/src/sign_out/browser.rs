//! Signing out in the browser as well (OpenID Connect RP-Initiated Logout 1.0). The account is gone from this
//! computer by then: whatever the provider does or does not do, and whatever comes back from the browser, changes
//! nothing here. It only tells the person whether the provider is done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tessera_oidc::discovery::Metadata;
use tessera_oidc::logout::{self, LogoutRequest, LogoutReturn, ReturnVerdict};
use tessera_oidc::{ClientId, RawIdToken, RedirectUri, State};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use url::Url;

use crate::account::{Account, AccountId, Storage};
use crate::browsers::BrowserChoice;
use crate::client::{Change, Client};
use crate::error::{Error, SignOutError};
use crate::ports::{BrowserPage, LoopbackBind, LoopbackListener};
use crate::provider::{LoopbackSettings, ProviderId, Route, scheme_of};
use crate::sign_in::received_on;
use crate::terms::Terms;
use crate::trace::{Field, Flow, FlowKind, MessageId, Party, parameters, place};

/// For how long a sign-out in the browser can follow the one on this computer, and be waited for: ten minutes. The
/// ID token is in memory for that long, and nowhere else.
pub const MAX_BROWSER_SIGN_OUT: Duration = Duration::from_mins(10);

/// The path that the browser comes back to after a sign-out.
const RETURN_PATH: &str = "/signed-out";

/// A sign-out in the browser that is under way. Dropping it does not end it.
#[derive(Clone, Debug)]
pub struct BrowserSignOut {
    page: Url,
    end: watch::Receiver<Option<BrowserSignOutEnd>>,
}

/// How a sign-out in the browser ended, as far as it can be known here.
#[derive(Clone, Debug)]
pub enum BrowserSignOutEnd {
    /// The provider sent the browser back.
    Returned,
    /// The browser did not come back in time, or there is no way for it to. Not a failure: a provider need not
    /// send it back.
    NotReturned,
    /// It could not be begun.
    Failed(Error),
    /// A newer one took its place.
    Replaced,
}

impl BrowserSignOut {
    /// The page, without the ID token, so that it can be shown: the provider then asks for a confirmation.
    pub fn page(&self) -> &Url {
        &self.page
    }

    /// Waits for the end.
    pub async fn wait(&mut self) -> BrowserSignOutEnd {
        let ended = self.end.wait_for(Option::is_some).await;
        let end = ended.ok().and_then(|end| end.clone());
        end.unwrap_or(BrowserSignOutEnd::Failed(Error::Stopped))
    }
}

/// How the browser can come back.
#[derive(Clone, Debug)]
enum WayBack {
    Scheme(RedirectUri),
    Loopback(LoopbackSettings),
    None,
}

/// What it takes to end the provider's session in the browser, when the account is gone from here.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    account: AccountId,
    provider: ProviderId,
    metadata: Arc<Metadata>,
    client_id: ClientId,
    id_token: Option<RawIdToken>,
    email: Option<String>,
    way: WayBack,
    /// Where the account's pages were opened.
    pub(super) browser: Option<BrowserChoice>,
}

/// The return that is awaited.
struct Awaited {
    state: State,
    came: oneshot::Sender<()>,
}

/// What sign-outs left to be done in the browser, and the one that is under way there.
#[derive(Default)]
pub(crate) struct BrowserSignOuts {
    offers: Mutex<Vec<(Instant, Offer)>>,
    awaited: Mutex<Option<Awaited>>,
}

impl BrowserSignOuts {
    /// Keeps an offer for [`MAX_BROWSER_SIGN_OUT`]. Must be called within a Tokio runtime.
    fn keep(self: &Arc<Self>, offer: Offer) {
        self.put(offer);
        // The ID token is wiped in time also when nobody asks again.
        let kept = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(MAX_BROWSER_SIGN_OUT).await;
            if let Some(kept) = kept.upgrade() {
                kept.forget_old();
            }
        });
    }

    fn put(&self, offer: Offer) {
        let mut offers = lock(&self.offers);
        offers.retain(|(_, other)| other.account != offer.account);
        offers.push((Instant::now() + MAX_BROWSER_SIGN_OUT, offer));
    }

    fn of(&self, account: &AccountId) -> Option<Offer> {
        self.forget_old();
        let offers = lock(&self.offers);
        let found = offers.iter().find(|(_, offer)| offer.account == *account);
        found.map(|(_, offer)| offer.clone())
    }

    fn forget_old(&self) {
        let now = Instant::now();
        lock(&self.offers).retain(|(until, _)| now < *until);
    }
}

/// No lock here is held while anything can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Keeps the ID token for a later sign-out. Without it the provider asks the person whether they mean it, and no
    /// more is lost.
    pub(crate) async fn keep_logout_hint(&self, id: &AccountId, storage: Storage, token: &RawIdToken) {
        if let Err(error) = self.inner().secrets.put_id_token(id, storage, token).await {
            tracing::warn!(
                code = Error::from(error).code(),
                "the ID token could not be kept for the sign-out"
            );
        }
    }

    /// What is needed to sign out in the browser too; `None` where the provider does not offer it.
    pub(super) fn offer(
        &self,
        account: &Account,
        terms: &Terms,
        metadata: &Arc<Metadata>,
        id_token: Option<RawIdToken>,
    ) -> Option<Offer> {
        metadata.end_session_endpoint.as_ref()?;
        Some(Offer {
            account: account.id.clone(),
            provider: account.provider.clone(),
            metadata: metadata.clone(),
            client_id: terms.client_id.clone(),
            id_token,
            email: account.email.clone(),
            way: self.way_back_from_sign_out(account),
            browser: None,
        })
    }

    /// The way that sign-ins with this provider come back by, as far as it can be used without one.
    fn way_back_from_sign_out(&self, account: &Account) -> WayBack {
        let provider = self.provider_of(account);
        let scheme = self.signed_out_redirect();
        let Some(provider) = provider else {
            return scheme.map_or_else(|| WayBack::Loopback(LoopbackSettings::default()), WayBack::Scheme);
        };
        let ways = self.routes(&provider).into_iter().find_map(|route| match route {
            Route::Scheme => scheme.clone().map(WayBack::Scheme),
            Route::Loopback | Route::Paste => Some(WayBack::Loopback(provider.loopback.clone())),
            Route::Device => None,
        });
        ways.unwrap_or(WayBack::None)
    }

    /// Keeps an offer in memory for [`MAX_BROWSER_SIGN_OUT`].
    pub(super) fn keep_offer(&self, offer: Offer) {
        self.inner().browser_sign_outs.keep(offer);
    }

    /// Sends the browser to the provider's sign-out page, for an account that was signed out here less than
    /// [`MAX_BROWSER_SIGN_OUT`] ago, and waits in the background until it comes back, at most `patience`. The one
    /// under way ends. Subscribers to [`Client::changes`] are told of the end. Must be called within a Tokio
    /// runtime.
    ///
    /// # Errors
    /// When the provider does not offer it, or it is too late for this account.
    pub async fn sign_out_in_browser(
        &self,
        account: &AccountId,
        patience: Duration,
    ) -> Result<BrowserSignOut, Error> {
        let inner = self.inner();
        let offer = inner.browser_sign_outs.of(account);
        let offer = offer.ok_or(SignOutError::NotOffered)?;
        let (redirect_uri, listener) = match &offer.way {
            WayBack::Scheme(uri) => (Some(uri.clone()), None),
            // A port that is not to be had costs the way back, and no more.
            WayBack::Loopback(settings) => self.listen(settings).await.unzip(),
            WayBack::None => (None, None),
        };
        let state = logout::new_state(&mut |buffer| inner.ports.entropy.fill(buffer));
        let request = LogoutRequest {
            client_id: &offer.client_id,
            id_token_hint: None,
            logout_hint: offer.email.as_deref(),
            post_logout_redirect_uri: redirect_uri.as_ref(),
            state: Some(&state),
        };
        let shown = logout::logout_url(&offer.metadata, &request).ok_or(SignOutError::NotOffered)?;
        let with_hint = LogoutRequest {
            id_token_hint: offer.id_token.as_ref(),
            // The ID token says it better.
            logout_hint: request.logout_hint.filter(|_| offer.id_token.is_none()),
            ..request
        };
        let page = logout::logout_url(&offer.metadata, &with_hint).ok_or(SignOutError::NotOffered)?;

        let (came, comes) = oneshot::channel();
        // Whoever waited before hears that the sender is gone.
        lock(&inner.browser_sign_outs.awaited).replace(Awaited { state, came });
        let end = watch::Sender::new(None);
        let sign_out = BrowserSignOut {
            page: shown,
            end: end.subscribe(),
        };
        let course = Course {
            client: self.clone(),
            account: offer.account,
            flow: inner
                .tracer
                .flow(FlowKind::SignOut, Some(&offer.provider), Some(account)),
            way: redirect_uri.zip(Some(listener)),
            comes,
            browser: offer.browser,
            patience: patience.min(MAX_BROWSER_SIGN_OUT),
        };
        tokio::spawn(course.run(page, end));
        Ok(sign_out)
    }

    async fn listen(&self, settings: &LoopbackSettings) -> Option<(RedirectUri, Box<dyn LoopbackListener>)> {
        let bind = LoopbackBind {
            host: settings.host,
            ports: settings.ports.clone(),
            path: RETURN_PATH.to_owned(),
        };
        let listener = self.inner().ports.loopback.bind(bind).await.ok()?;
        let port = listener.address().port();
        let uri = format!("http://{}:{port}{RETURN_PATH}", settings.host.as_str());
        Some((RedirectUri::new(uri).ok()?, listener))
    }

    /// Where a sign-out comes back to by the private scheme; `None` where the system brings this process none.
    fn signed_out_redirect(&self) -> Option<RedirectUri> {
        let callback = self.inner().config.scheme_redirect.as_ref()?;
        RedirectUri::new(format!("{}:{RETURN_PATH}", scheme_of(callback))).ok()
    }

    /// Reads what the system brought as the return from a sign-out; `None` when it leads elsewhere.
    pub(crate) fn logout_return(&self, text: &str) -> Option<LogoutReturn> {
        LogoutReturn::parse(text, &self.signed_out_redirect()?)
    }

    /// Takes the return that is awaited. Every other changes nothing, and the awaited one can still come.
    pub(crate) fn take_logout_return(&self, back: &LogoutReturn) -> Result<(), SignOutError> {
        let mut awaited = lock(&self.inner().browser_sign_outs.awaited);
        let verdict = awaited.as_ref().map(|awaited| back.judge(&awaited.state));
        match verdict {
            None => Err(SignOutError::ReturnNotAwaited),
            Some(ReturnVerdict::NoState) => Err(SignOutError::ReturnWithoutState),
            Some(ReturnVerdict::OtherState) => Err(SignOutError::ReturnWithOtherState),
            Some(ReturnVerdict::Awaited) => {
                if let Some(awaited) = awaited.take() {
                    // Whoever waits may just have given up.
                    let _ = awaited.came.send(());
                }
                Ok(())
            }
        }
    }
}

/// One sign-out in the browser, from opening the page to its end.
struct Course {
    client: Client,
    account: AccountId,
    flow: Flow,
    /// Where the browser comes back to, and who listens there, when it is not the system.
    way: Option<(RedirectUri, Option<Box<dyn LoopbackListener>>)>,
    comes: oneshot::Receiver<()>,
    browser: Option<BrowserChoice>,
    patience: Duration,
}

impl Course {
    async fn run(mut self, page: Url, end: watch::Sender<Option<BrowserSignOutEnd>>) {
        let query = page.query().unwrap_or_default();
        let mut fields = vec![Field::shown("page", place(&page))];
        fields.extend(parameters(query.as_bytes()));
        self.flow.message(
            Party::Tessera,
            Party::Browser,
            MessageId::EndSessionRequest,
            fields,
        );
        let ended = self.course(page).await;
        self.no_longer_awaited();
        match &ended {
            BrowserSignOutEnd::Failed(error) => self.flow.ended(Some(error)),
            BrowserSignOutEnd::Returned => self.flow.ended(None),
            BrowserSignOutEnd::Replaced => {
                self.flow.decided(
                    "sign_out_replaced",
                    "A newer sign-out in the browser took the place of this one, which is not waited for any more.",
                );
                self.flow.ended(None);
            }
            BrowserSignOutEnd::NotReturned => {
                self.flow.decided(
                    "browser_did_not_return",
                    "The browser did not come back from the provider's page. Nothing here depends on it.",
                );
                self.flow.ended(None);
            }
        }
        end.send_replace(Some(ended.clone()));
        self.client.changed(Change::BrowserSignOut {
            account: self.account,
            end: ended,
        });
    }

    fn no_longer_awaited(&mut self) {
        let mut awaited = lock(&self.client.inner().browser_sign_outs.awaited);
        // While the sender is there, what is awaited is this one's return and not that of a newer one.
        if matches!(self.comes.try_recv(), Err(TryRecvError::Empty)) {
            awaited.take();
        }
    }

    async fn course(&mut self, page: Url) -> BrowserSignOutEnd {
        let client = self.client.clone();
        let can_return = self.way.is_some();
        let opening = client.opening(self.browser.take()).await;
        let opening = async move {
            let opened = opening.open(&client, &page).await;
            // The ID token is in it, and is not needed for the waiting.
            drop(page);
            match opened {
                Ok(()) if can_return => std::future::pending().await,
                Ok(()) => BrowserSignOutEnd::NotReturned,
                Err(_) => BrowserSignOutEnd::Failed(SignOutError::NotOpened.into()),
            }
        };
        let patience = self.patience;
        tokio::select! {
            biased;
            ended = self.returned() => ended,
            ended = opening => ended,
            () = tokio::time::sleep(patience) => BrowserSignOutEnd::NotReturned,
        }
    }

    /// Waits for the return, by whichever way it comes.
    async fn returned(&mut self) -> BrowserSignOutEnd {
        let Self {
            client,
            flow,
            way,
            comes,
            ..
        } = self;
        let told = || {
            flow.message(
                Party::Browser,
                Party::Tessera,
                MessageId::EndSessionReturn,
                Vec::new(),
            );
            flow.decided(
                "sign_out_returned",
                "It came to the address that was asked for, with the state of this sign-out: it is the awaited one.",
            );
        };
        loop {
            let heard = async {
                match way.as_mut() {
                    Some((uri, Some(listener))) => listener.next().await.map(|heard| (uri.clone(), heard)),
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                came = &mut *comes => {
                    return if came.is_ok() {
                        told();
                        BrowserSignOutEnd::Returned
                    } else {
                        BrowserSignOutEnd::Replaced
                    };
                }
                heard = heard => {
                    let Ok((uri, heard)) = heard else {
                        return BrowserSignOutEnd::NotReturned;
                    };
                    let text = received_on(&uri, &heard.target);
                    let taken = LogoutReturn::parse(&text, &uri).map(|back| client.take_logout_return(&back));
                    if let Some(Err(error)) = &taken {
                        flow.decided("sign_out_return_refused", Error::from(*error).message());
                    }
                    (heard.answer)(if matches!(taken, Some(Ok(()))) {
                        BrowserPage::SignedOut
                    } else {
                        BrowserPage::SignOutNotAwaited
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use tessera_oidc::discovery;
    use tessera_oidc::message::Response;

    use super::*;
    use crate::testing::account;

    const ISSUER: &str = "https://login.example";

    fn metadata() -> Arc<Metadata> {
        let description = serde_json::json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/authorize"),
            "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/keys"),
            "end_session_endpoint": format!("{ISSUER}/sign-out"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
        });
        let response = Response {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: description.to_string().into_bytes().into(),
        };
        Arc::new(discovery::parse_metadata(&ISSUER.parse().unwrap(), &response).unwrap())
    }

    fn offer(subject: &str, metadata: &Arc<Metadata>) -> Offer {
        let account = account(ISSUER, subject, &[]);
        Offer {
            account: account.id,
            provider: account.provider,
            metadata: metadata.clone(),
            client_id: account.client_id,
            id_token: Some(RawIdToken::new("header.payload.signature")),
            email: None,
            way: WayBack::None,
            browser: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_id_token_is_wiped_after_ten_minutes_though_nobody_asks() {
        let kept = Arc::new(BrowserSignOuts::default());
        let (first, second) = (metadata(), metadata());
        // Whatever holds an ID token holds the description beside it.
        let held = |metadata: &Arc<Metadata>| Arc::strong_count(metadata) > 1;
        kept.keep(offer("ann", &first));
        let half = MAX_BROWSER_SIGN_OUT / 2;
        tokio::time::sleep(half).await;
        kept.keep(offer("bob", &second));
        tokio::time::sleep(half.checked_sub(Duration::from_secs(1)).unwrap()).await;
        assert!(held(&first) && held(&second));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!held(&first) && held(&second));
        tokio::time::sleep(half).await;
        assert!(!held(&second));
        assert!(lock(&kept.offers).is_empty());
    }
}
