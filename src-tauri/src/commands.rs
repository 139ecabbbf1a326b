//! The commands that the window can call. Thin: each takes plain values, asks the client, and gives back a view or
//! an [`ErrorView`]. No command takes, returns or names a secret.

use tauri::ipc::Channel;

use crate::wire::{
    AccountDetail, AppEvent, AppInfo, AttemptView, CallRequest, CallResponse, CatalogueEntry, ErrorView,
    ProviderInput, ProviderView, ReceiptView, SignInRequest,
};

type Answer<T> = Result<T, ErrorView>;

fn not_ready<T>() -> Answer<T> {
    Err(ErrorView {
        code: "app.not_ready".to_owned(),
        message: "Tessera is still starting.".to_owned(),
        hint: "Try again in a moment.".to_owned(),
        detail: None,
    })
}

/// What this build is.
#[tauri::command]
#[specta::specta]
pub(crate) async fn app_info() -> Answer<AppInfo> {
    not_ready()
}

/// Tells everything as it is now (`snapshot`), and then each change, until the page goes away.
#[tauri::command]
#[specta::specta]
pub(crate) async fn subscribe(channel: Channel<AppEvent>) -> Answer<()> {
    let _ = channel;
    not_ready()
}

/// Starts a sign-in, in the place of one that is going on.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_in(request: SignInRequest) -> Answer<AttemptView> {
    let _ = request;
    not_ready()
}

/// Ends the attempt at once.
#[tauri::command]
#[specta::specta]
pub(crate) async fn cancel_sign_in(id: String) -> Answer<()> {
    let _ = id;
    not_ready()
}

/// Opens the attempt's page in the browser once more.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_again(id: String) -> Answer<()> {
    let _ = id;
    not_ready()
}

/// Puts the attempt's link on the clipboard. The link itself, which holds `state`, stays in Rust.
#[tauri::command]
#[specta::specta]
pub(crate) async fn copy_link(id: String) -> Answer<()> {
    let _ = id;
    not_ready()
}

/// Takes the address that the person's browser shows at the end.
#[tauri::command]
#[specta::specta]
pub(crate) async fn paste_callback(id: String, text: String) -> Answer<()> {
    let _ = (id, text);
    not_ready()
}

/// An account with its identity, permissions and checks.
#[tauri::command]
#[specta::specta]
pub(crate) async fn account_detail(id: String) -> Answer<AccountDetail> {
    let _ = id;
    not_ready()
}

/// Ends an account here, and at the provider as far as that goes.
#[tauri::command]
#[specta::specta]
pub(crate) async fn sign_out(id: String) -> Answer<ReceiptView> {
    let _ = id;
    not_ready()
}

/// The known calls of the account's provider.
#[tauri::command]
#[specta::specta]
pub(crate) async fn catalogue(account: String) -> Answer<Vec<CatalogueEntry>> {
    let _ = account;
    not_ready()
}

/// Calls an API as an account.
#[tauri::command]
#[specta::specta]
pub(crate) async fn call(request: CallRequest) -> Answer<CallResponse> {
    let _ = request;
    not_ready()
}

/// Adds or changes a provider.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_provider(input: ProviderInput) -> Answer<ProviderView> {
    let _ = input;
    not_ready()
}

/// Removes a provider that was added here.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_provider(id: String) -> Answer<()> {
    let _ = id;
    not_ready()
}

/// Opens the page where a provider lists what the app may do. `of` is an account's or a provider's id; the
/// address is Rust's own.
#[tauri::command]
#[specta::specta]
pub(crate) async fn open_provider_page(of: String) -> Answer<()> {
    let _ = of;
    not_ready()
}
