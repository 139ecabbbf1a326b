//! The commands that the window can call. Thin: each takes plain values, asks the client, and gives back a view or
//! an [`ErrorView`]. No command takes, returns or names a secret, and none takes an address to open.

use std::sync::Arc;

use http::Method;
use tauri::State;
use tauri::ipc::Channel;
use tessera_client::{
    AccountError, AccountId, ApiRequest, Attempt, AttemptError, BrowserWish, Client, Error,
    MAX_BROWSER_SIGN_OUT, OpenSignOutId, ProviderChoice, ProviderDraft, ProviderError, ProviderId, SignIn,
    SignOutError, Storage,
};
use tokio::time::Instant;
use url::Url;

use crate::shell::Shell;
use crate::wire::{
    AccountDetail, AppEvent, AppInfo, AttemptView, BrowserView, CallRequest, CallResponse, CatalogueEntry,
    ErrorView, FindingView, FlowEventView, KeptView, ProviderInput, ProviderView, ReceiptView, RetriedView,
    RouteView, SavedReport, SignInRequest, SignOutWayView,
};
use crate::{body, flows, view};

type Answer<T> = Result<T, ErrorView>;
type Held<'a> = State<'a, Arc<Shell>>;

/// The longest text that can be pasted as a callback, in bytes.
const MAX_PASTE: usize = 32 * 1024;

/// The largest answer of an API that is shown, in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// What this build is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_info(shell: Held<'_>) -> Answer<AppInfo> {
    let client = shell.client().await?;
    Ok(AppInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        development: cfg!(feature = "development"),
        platform: std::env::consts::OS.to_owned(),
        providers_file: client.providers_file().display().to_string(),
        providers_problem: client.providers_problem().as_ref().map(ErrorView::from),
    })
}

/// Tells everything as it is now (`snapshot`), and then each change, until the page goes away.
#[tauri::command]
#[specta::specta]
pub(crate) async fn subscribe(shell: Held<'_>, channel: Channel<AppEvent>) -> Answer<()> {
    shell.subscribe(channel).await
}

/// The page has drawn what it was told first: what can wait begins.
#[tauri::command]
#[specta::specta]
pub(crate) async fn drawn(shell: Held<'_>) -> Answer<()> {
    shell.has_drawn();
    Ok(())
}

/// Starts a sign-in, in the place of one that is going on.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_in(shell: Held<'_>, request: SignInRequest) -> Answer<AttemptView> {
    let client = shell.client().await?;
    let provider = provider_id(&request.provider)?;
    let account = request.account.as_deref().map(account_id).transpose()?;
    let route = request.route.map(Into::into);
    let browser = wish(client, request.browser).await?;
    let sign_in = match (request.step_up, account) {
        (Some(wanted), Some(account)) => SignIn {
            route,
            ..client.step_up(&account, wanted.into()).await?
        },
        (_, account) => SignIn {
            route,
            storage: storage(request.until_quit),
            account,
            choose: request.choose,
            can_ask: true,
            browser,
            ..SignIn::with(ProviderChoice::Known(provider))
        },
    };
    shell.pace.step()?;
    Ok(client.sign_in(sign_in)?.view().into())
}

/// Ends the attempt at once.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_sign_in(shell: Held<'_>, id: String) -> Answer<()> {
    attempt(shell.client().await?, &id)?.cancel();
    Ok(())
}

/// Keeps whoever signed in, although another person was expected, whose account stays as it is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn keep_another(shell: Held<'_>, id: String) -> Answer<()> {
    Ok(attempt(shell.client().await?, &id)?.keep()?)
}

/// Ends the attempt in which another person signed in, and has the provider asked again for the one who is expected.
#[tauri::command]
#[specta::specta]
pub(crate) async fn ask_again(shell: Held<'_>, id: String) -> Answer<AttemptView> {
    let attempt = attempt(shell.client().await?, &id)?;
    shell.pace.step()?;
    Ok(attempt.ask_again()?.view().into())
}

/// Opens the attempt's page in the browser once more.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_again(shell: Held<'_>, id: String) -> Answer<()> {
    let attempt = attempt(shell.client().await?, &id)?;
    shell.pace.step()?;
    Ok(attempt.open_again().await?)
}

/// Ends the attempt, and begins the same sign-in by another way back.
#[tauri::command]
#[specta::specta]
pub(crate) async fn go_by(shell: Held<'_>, id: String, route: RouteView) -> Answer<AttemptView> {
    let attempt = attempt(shell.client().await?, &id)?;
    shell.pace.step()?;
    Ok(attempt.go_by(route.into())?.view().into())
}

/// Puts the attempt's link on the clipboard. The link itself, which holds `state`, stays in Rust.
#[tauri::command]
#[specta::specta]
pub(crate) async fn copy_link(shell: Held<'_>, id: String) -> Answer<()> {
    let link = attempt(shell.client().await?, &id)?.link().await?;
    shell.clipboard.copy(link).await.map_err(|error| ErrorView {
        code: "clipboard_unavailable".to_owned(),
        message: "The link could not be copied.".to_owned(),
        hint: "Open the page again instead, or choose another way back.".to_owned(),
        detail: Some(error.to_string()),
    })
}

/// Takes the address that the person's browser shows at the end.
#[tauri::command]
#[specta::specta]
pub(crate) async fn paste_callback(shell: Held<'_>, id: String, text: String) -> Answer<()> {
    let attempt = attempt(shell.client().await?, &id)?;
    if text.len() > MAX_PASTE {
        return Err(Error::from(AttemptError::NotACallback).into());
    }
    Ok(attempt.deliver(text.trim()).await?)
}

/// An account with its identity, permissions and checks.
#[tauri::command]
#[specta::specta]
pub(crate) async fn account_detail(shell: Held<'_>, id: String) -> Answer<AccountDetail> {
    let client = shell.client().await?;
    let account = client.account(&account_id(&id)?).await?;
    let browser = client.browser_of(&account.id).await?;
    Ok(view::detail(client, account, browser.as_ref()))
}

/// The browsers that are installed here and can be chosen for an account.
#[tauri::command]
#[specta::specta]
pub(crate) async fn browsers(shell: Held<'_>) -> Answer<Vec<BrowserView>> {
    let browsers = shell.client().await?.browsers().await;
    Ok(browsers.into_iter().map(Into::into).collect())
}

/// Has an account's pages opened in a browser from now on; nothing for the system's default.
#[tauri::command]
#[specta::specta]
pub(crate) async fn set_browser(shell: Held<'_>, id: String, browser: Option<String>) -> Answer<()> {
    let client = shell.client().await?;
    let choice = match wish(client, browser).await? {
        BrowserWish::In(choice) => Some(choice),
        BrowserWish::System | BrowserWish::Remembered => None,
    };
    Ok(client.set_browser(&account_id(&id)?, choice.as_ref()).await?)
}

/// What a choice of the window means.
async fn wish(client: &Client, browser: Option<String>) -> Result<BrowserWish, Error> {
    match browser {
        Some(browser) => Ok(client.browser_wish(&browser).await?),
        None => Ok(BrowserWish::Remembered),
    }
}

/// Every secret that is kept of an account: where, how large and why, never what it is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn account_storage(shell: Held<'_>, id: String) -> Answer<Vec<KeptView>> {
    let client = shell.client().await?;
    let kept = client.stored_secrets(&account_id(&id)?).await?;
    Ok(kept.into_iter().map(Into::into).collect())
}

/// Everything that is kept beside the accounts, such as what a sign-out that is not finished has to give back.
#[tauri::command]
#[specta::specta]
pub(crate) async fn other_storage(shell: Held<'_>) -> Answer<Vec<KeptView>> {
    let kept = shell.client().await?.stored_beside_accounts().await?;
    Ok(kept.into_iter().map(Into::into).collect())
}

/// Moves what is kept of an account into memory, until the app quits, or into the keychain.
#[tauri::command]
#[specta::specta]
pub(crate) async fn move_storage(shell: Held<'_>, id: String, until_quit: bool) -> Answer<()> {
    let to = storage(until_quit);
    Ok(shell.client().await?.move_secrets(&account_id(&id)?, to).await?)
}

/// Ends an account here, and at the provider as far as that goes and `way` asks for.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_out(shell: Held<'_>, id: String, way: SignOutWayView) -> Answer<ReceiptView> {
    let client = shell.client().await?;
    Ok(client.sign_out_by(&account_id(&id)?, way.into()).await?.into())
}

/// Tries once more to finish a sign-out that the provider could not be told of.
#[tauri::command]
#[specta::specta]
pub(crate) async fn retry_sign_out(shell: Held<'_>, id: String) -> Answer<RetriedView> {
    let client = shell.client().await?;
    Ok(client.retry_sign_out(&open_sign_out_id(&id)?).await?.into())
}

/// Gives such a sign-out up, and deletes what is here of it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn forget_sign_out(shell: Held<'_>, id: String) -> Answer<()> {
    let client = shell.client().await?;
    Ok(client.forget_sign_out(&open_sign_out_id(&id)?).await?)
}

/// Opens the provider's sign-out page in the browser, for an account that was just signed out. How it ends is told
/// by an event.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_out_in_browser(shell: Held<'_>, id: String) -> Answer<()> {
    let client = shell.client().await?;
    shell.pace.step()?;
    client
        .sign_out_in_browser(&account_id(&id)?, MAX_BROWSER_SIGN_OUT)
        .await?;
    Ok(())
}

/// The known calls of the account's provider.
#[tauri::command]
#[specta::specta]
pub(crate) async fn catalogue(shell: Held<'_>, account: String) -> Answer<Vec<CatalogueEntry>> {
    let client = shell.client().await?;
    let account = client.account(&account_id(&account)?).await?;
    Ok(client.catalogue(&account).into_iter().map(Into::into).collect())
}

/// Tries what a sign-in needs, before any browser opens.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_up(shell: Held<'_>) -> Answer<Vec<FindingView>> {
    shell.checks.look(shell.opened().await?).await
}

/// Puts right what a check-up found, as far as the app can. `id` is that of the finding's repair.
#[tauri::command]
#[specta::specta]
pub(crate) async fn repair(shell: Held<'_>, id: String) -> Answer<()> {
    shell.checks.repair(shell.opened().await?, &id).await
}

/// Calls an API as an account.
#[tauri::command]
#[specta::specta]
pub(crate) async fn call(shell: Held<'_>, request: CallRequest) -> Answer<CallResponse> {
    let client = shell.client().await?;
    let pressed = Instant::now();
    let id = account_id(&request.account)?;
    let method = method(&request.method)?;
    let body = request.body.map(String::into_bytes);
    let request = ApiRequest {
        method,
        body,
        body_limit: MAX_BODY,
        ..ApiRequest::get(request.url)
    };
    let response = client.call(&id, request).await?.collect().await?;
    Ok(body::response(response, pressed.elapsed()))
}

/// Adds or changes a provider.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_provider(shell: Held<'_>, input: ProviderInput) -> Answer<ProviderView> {
    let client = shell.client().await?;
    let id = Some(input.id.as_str())
        .filter(|id| !id.is_empty())
        .map(provider_id)
        .transpose()?;
    let present = id.as_ref().map(|id| client.provider(id)).transpose()?;
    shell.person.allows(&input, present.as_ref()).await?;
    let draft = ProviderDraft {
        id,
        name: input.name,
        issuer: input.issuer,
        client_id: input.client_id,
        apis: input.apis,
    };
    let saved = client.save_provider(draft).await?;
    Ok(view::provider(client, &saved))
}

/// Removes a provider that was added here.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_provider(shell: Held<'_>, id: String) -> Answer<()> {
    Ok(shell.client().await?.remove_provider(&provider_id(&id)?).await?)
}

/// Opens the page where a provider lists what the app may do. `of` is an account's or a provider's id; the
/// address is Rust's own.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_provider_page(shell: Held<'_>, of: String) -> Answer<()> {
    let opened = shell.opened().await?;
    let page = provider_page(&opened.client, &of).await?;
    shell.pace.step()?;
    Ok(opened.browser.open(&page).await.map_err(Error::from)?)
}

/// The provider's settings page where one is known, else the issuer of an account that is here.
async fn provider_page(client: &Client, of: &str) -> Answer<Url> {
    let (provider, issuer) = if let Some(id) = AccountId::parse(of) {
        let account = client.account(&id).await?;
        (client.provider(&account.provider).ok(), Some(account.issuer))
    } else {
        let provider = client.provider(&provider_id(of)?)?;
        let accounts = client.accounts().await?;
        let has_account = accounts.iter().any(|account| account.issuer == provider.issuer);
        let issuer = has_account.then(|| provider.issuer.clone());
        (Some(provider), issuer)
    };
    provider
        .and_then(|provider| client.settings_page(&provider))
        .or_else(|| issuer.map(|issuer| origin(issuer.url())))
        .ok_or_else(|| ErrorView {
            code: "no_provider_page".to_owned(),
            message: "Tessera knows no page of this provider.".to_owned(),
            hint: "Open the provider's site in your browser yourself.".to_owned(),
            detail: None,
        })
}

/// `url` without path and query.
fn origin(url: &Url) -> Url {
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    origin
}

/// What happened in this run, step by step, oldest first, as much as is kept. What happens from now on is told to
/// whoever subscribed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn flows(shell: Held<'_>) -> Answer<Vec<FlowEventView>> {
    let client = shell.client().await?;
    let events = client.traced().into_iter();
    Ok(events.map(|event| flows::event(client, event)).collect())
}

/// Writes what happened in a flow to a JSON and a Markdown file in the person's Downloads folder.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_report(shell: Held<'_>, flow: u32) -> Answer<SavedReport> {
    flows::save(shell.client().await?, u64::from(flow), shell.reports()?).await
}

/// A method that an API is called with. TRACE would send the token back to the page, and CONNECT is for proxies
/// (RFC 9110 sections 9.3.6 and 9.3.8).
fn method(text: &str) -> Answer<Method> {
    const TAKEN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    TAKEN
        .into_iter()
        .find(|method| method.as_str() == text)
        .ok_or_else(|| ErrorView {
            code: "method_invalid".to_owned(),
            message: "That is not a method that an API can be called with.".to_owned(),
            hint: "Choose GET, POST, PUT, PATCH or DELETE.".to_owned(),
            detail: None,
        })
}

fn storage(until_quit: bool) -> Storage {
    if until_quit {
        Storage::UntilQuit
    } else {
        Storage::Keychain
    }
}

fn account_id(text: &str) -> Result<AccountId, Error> {
    AccountId::parse(text).ok_or_else(|| AccountError::Unknown(shown(text)).into())
}

fn open_sign_out_id(text: &str) -> Result<OpenSignOutId, Error> {
    OpenSignOutId::parse(text).ok_or(SignOutError::NotOpen.into())
}

fn provider_id(text: &str) -> Result<ProviderId, Error> {
    ProviderId::new(text).ok_or_else(|| ProviderError::Unknown(shown(text)).into())
}

/// The attempt under way, if it is the one that is meant.
fn attempt(client: &Client, id: &str) -> Result<Attempt, Error> {
    client
        .attempt()
        .filter(|attempt| attempt.id().as_str() == id)
        .ok_or(AttemptError::Gone.into())
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
