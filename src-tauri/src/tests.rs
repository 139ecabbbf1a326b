//! The shell as a hostile page would meet it, without a display: which commands there are, who may call them, and
//! what a page is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use serde_json::{Value, json};
use tauri::ipc::{CallbackFn, Channel, InvokeBody, InvokeResponseBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, noop_assets};
use tauri::webview::InvokeRequest;
use tauri::{App, WebviewWindow, WebviewWindowBuilder};
use tessera_client::{ProviderChoice, SignIn};

use super::*;
use crate::wire::ErrorView;

const OWN_PAGE: &str = if cfg!(windows) {
    "http://tauri.localhost"
} else {
    "tauri://localhost"
};

/// The real configuration, permission manifest and capability, without the UI's files.
#[expect(
    clippy::exit,
    reason = "Tauri's macro has one, for a context that cannot be made"
)]
fn context() -> Context<MockRuntime> {
    tauri::generate_context!(assets = noop_assets())
}

/// An app with all commands and an open client in `folder`.
fn app(folder: &tempfile::TempDir) -> (App<MockRuntime>, Arc<Shell>) {
    let builder = mock_builder().invoke_handler(bindings::builder().invoke_handler());
    let app = builder.build(context()).unwrap();
    let shell = Arc::new(Shell::default());
    app.manage(shell.clone());
    let folder = DataFolder::at(folder.path());
    tauri::async_runtime::block_on(shell.open(folder, redirect().unwrap()));
    (app, shell)
}

fn window(app: &App<MockRuntime>, label: &str) -> WebviewWindow<MockRuntime> {
    WebviewWindowBuilder::new(app, label, tauri::WebviewUrl::default())
        .build()
        .unwrap()
}

/// What a page at `origin` in `window` gets for `command`.
fn invoke(
    window: &WebviewWindow<MockRuntime>,
    origin: &str,
    command: &str,
    arguments: Value,
) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: command.to_owned(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: origin.parse().unwrap(),
        body: InvokeBody::Json(arguments),
        headers: http::HeaderMap::default(),
        invoke_key: INVOKE_KEY.to_owned(),
    };
    get_ipc_response(window, request).map(|body| body.deserialize().unwrap())
}

/// Whether an answer is Tauri's refusal to call the command at all.
fn is_refused(answer: &Result<Value, Value>) -> bool {
    matches!(answer, Err(Value::String(said)) if said.contains("not allowed") || said.contains("not found"))
}

#[test]
fn the_manifest_and_the_capability_name_exactly_the_commands_there_are() {
    let mut types = specta::Types::default();
    let there = (bindings::all::<MockRuntime>().1)(&mut types).functions;
    let there: BTreeSet<String> = there.iter().map(|function| function.name().to_owned()).collect();
    let manifest: BTreeSet<String> = COMMANDS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(there, manifest);

    let capability: Value = serde_json::from_str(include_str!("../capabilities/main.json")).unwrap();
    let granted = capability["permissions"].as_array().unwrap();
    let granted: BTreeSet<String> = granted
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    let by_name = there
        .iter()
        .map(|name| format!("allow-{}", name.replace('_', "-")))
        .collect();
    assert_eq!(granted, by_name);
    assert_eq!(capability["windows"], json!([window::MAIN]));
    assert_eq!(capability.get("remote"), None);
}

#[test]
fn only_the_apps_own_page_in_its_own_window_may_call_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _shell) = app(&folder);
    let (main, other) = (window(&app, window::MAIN), window(&app, "other"));
    for command in COMMANDS {
        let check = |window, origin, refused| {
            let answer = invoke(window, origin, command, json!({}));
            assert_eq!(is_refused(&answer), refused, "{command} at {origin}: {answer:?}");
        };
        check(&main, OWN_PAGE, false);
        check(&other, OWN_PAGE, true);
        check(&main, "https://provider.example", true);
        check(&main, "http://127.0.0.1:1420", true);
    }
}

#[test]
fn nothing_of_tauris_own_may_be_called() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _shell) = app(&folder);
    app.handle().plugin(tauri_plugin_dialog::init()).unwrap();
    let main = window(&app, window::MAIN);
    for command in [
        "plugin:event|emit",
        "plugin:event|listen",
        "plugin:deep-link|get_current",
        "plugin:deep-link|register",
        "plugin:webview|create_webview_window",
        "plugin:webview|set_webview_zoom",
        "plugin:window|close",
        "plugin:app|version",
        "plugin:path|resolve_directory",
        "plugin:dialog|message",
        "plugin:dialog|open",
        "plugin:dialog|save",
        "plugin:fs|read_file",
        "plugin:shell|open",
        "plugin:shell|execute",
        "plugin:opener|open_url",
        "plugin:clipboard-manager|read_text",
        "no_such_command",
    ] {
        let answer = invoke(
            &main,
            OWN_PAGE,
            command,
            json!({ "event": "deep-link://new-url", "payload": [] }),
        );
        assert!(is_refused(&answer), "{command}: {answer:?}");
    }
}

#[test]
fn the_window_is_fenced_in() {
    let context = context();
    let config = context.config();
    assert_eq!(
        config.identifier,
        scheme_of(&RedirectUri::new(SCHEME_REDIRECT).unwrap())
    );
    assert_eq!(
        config.plugins.0["deep-link"],
        json!({ "desktop": { "schemes": [config.identifier] } })
    );
    assert_eq!(config.build.dev_url, None);
    assert!(!config.app.with_global_tauri && config.app.security.freeze_prototype);
    assert!(
        config.app.windows.is_empty(),
        "the window is made in Rust, where it can be fenced in"
    );
    let policy = config.app.security.csp.as_ref().unwrap().to_string();
    for loose in ["unsafe", "*", "https:", "blob:", "http://localhost"] {
        assert!(!policy.contains(loose), "{policy}");
    }
    assert!(policy.contains("default-src 'none'"), "{policy}");
}

#[test]
fn a_development_build_takes_a_scheme_of_its_own() {
    let mut context = context();
    name_after("app.tessera.desktop.dev", &mut context);
    assert_eq!(context.config().identifier, "app.tessera.desktop.dev");
    let schemes = json!({ "desktop": { "schemes": ["app.tessera.desktop.dev"] } });
    assert_eq!(context.config().plugins.0["deep-link"], schemes);
}

#[test]
fn what_flashes_before_the_page_has_the_pages_colours() {
    let tokens = include_str!("../../ui/src/style/tokens.css");
    let hex = |color: tauri::window::Color| format!("#{:02x}{:02x}{:02x}", color.0, color.1, color.2);
    let ground = format!(
        "--ground: light-dark({}, {});",
        hex(window::LIGHT_GROUND),
        hex(window::DARK_GROUND)
    );
    assert!(tokens.contains(&ground), "{ground}");
}

#[test]
fn what_cannot_be_done_is_told_with_code_sentence_and_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _shell) = app(&folder);
    let main = window(&app, window::MAIN);
    let check = |command: &str, arguments: Value, code: &str| {
        let error = invoke(&main, OWN_PAGE, command, arguments).expect_err(command);
        assert_eq!(error["code"], code, "{command}: {error}");
        assert!(
            error["message"].as_str().unwrap().ends_with('.')
                && error["hint"].as_str().unwrap().ends_with('.')
        );
    };
    let request = |provider: &str| json!({ "request": { "provider": provider, "route": null, "until_quit": false, "account": null, "choose": false, "step_up": null } });
    let call = |method: &str| json!({ "request": { "account": "0123456789abcdef", "method": method, "url": "https://x.example", "body": null } });
    let attempt = json!({ "id": "gone" });
    check("sign_in", request("nobody"), "provider_unknown");
    check("sign_in", request("NO BODY"), "provider_unknown");
    check("cancel_sign_in", attempt.clone(), "attempt_gone");
    check("open_again", attempt.clone(), "attempt_gone");
    check("copy_link", attempt.clone(), "attempt_gone");
    check("keep_another", attempt.clone(), "attempt_gone");
    check("ask_again", attempt, "attempt_gone");
    check(
        "go_by",
        json!({ "id": "gone", "route": "loopback" }),
        "attempt_gone",
    );
    check(
        "paste_callback",
        json!({ "id": "gone", "text": "x" }),
        "attempt_gone",
    );
    check(
        "account_detail",
        json!({ "id": "0123456789abcdef" }),
        "account_unknown",
    );
    check("account_detail", json!({ "id": "../../etc" }), "account_unknown");
    for way in ["here", "everywhere", "leaked"] {
        let id = "0123456789abcdef";
        check("sign_out", json!({ "id": id, "way": way }), "account_unknown");
    }
    for command in ["retry_sign_out", "forget_sign_out"] {
        for id in ["0123456789abcdef", "../../etc"] {
            check(command, json!({ "id": id }), "open_sign_out_unknown");
        }
    }
    check("catalogue", json!({ "account": "x" }), "account_unknown");
    check("call", call("GET"), "account_unknown");
    for method in ["G E T", "get", "CONNECT", "TRACE", "PURGE", ""] {
        check("call", call(method), "method_invalid");
    }
    for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        check("call", call(method), "account_unknown");
    }
    check("remove_provider", json!({ "id": "nobody" }), "provider_unknown");
    // An address is never taken from the page, only a name.
    check(
        "open_provider_page",
        json!({ "of": "https://evil.example/" }),
        "provider_unknown",
    );
}

#[test]
fn a_page_adds_no_api_address_without_the_person_and_opens_no_page_of_its_choosing() {
    let folder = tempfile::tempdir().unwrap();
    let (app, shell) = app(&folder);
    let main = window(&app, window::MAIN);
    let yes = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let (answer, count) = (yes.clone(), asked.clone());
    shell.person.answers(move |_, answered| {
        count.fetch_add(1, Ordering::SeqCst);
        let _ = answered.send(answer.load(Ordering::SeqCst));
    });
    let save = |id: &str, apis: &[&str]| {
        let input = json!({ "input": {
            "id": id, "name": "", "issuer": "https://login.acme.example/realm", "client_id": "tessera", "apis": apis
        } });
        invoke(&main, OWN_PAGE, "save_provider", input)
    };
    let providers = || std::fs::read_to_string(folder.path().join("providers.toml")).unwrap_or_default();

    assert_eq!(
        save("", &["https://evil.example"]).unwrap_err()["code"],
        "api_not_allowed"
    );
    assert_eq!(providers(), "");
    let saved = save("", &[]).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1, "nothing new is nothing to ask");
    let id = saved["id"].as_str().unwrap().to_owned();
    for evil in ["https://evil.example", "http://127.0.0.1:9"] {
        assert_eq!(save(&id, &[evil]).unwrap_err()["code"], "api_not_allowed");
    }
    assert!(!providers().contains("evil"), "{}", providers());

    yes.store(true, Ordering::SeqCst);
    let api = "https://api.acme.example";
    assert_eq!(save(&id, &[api]).unwrap()["apis"], json!([api]));
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    yes.store(false, Ordering::SeqCst);
    // What is there already is no news, however it is written.
    assert_eq!(
        save(&id, &["https://API.acme.example:443/"]).unwrap()["apis"],
        json!([api])
    );
    assert_eq!(
        save(&id, &[api, "https://evil.example"]).unwrap_err()["code"],
        "api_not_allowed"
    );
    assert_eq!(save(&id, &[]).unwrap()["apis"], json!([]));
    // And what was taken out is new once more.
    assert_eq!(save(&id, &[api]).unwrap_err()["code"], "api_not_allowed");
    assert_eq!(asked.load(Ordering::SeqCst), 6);

    // The issuer is an address of the page's choosing until somebody has an account there.
    let opened = invoke(&main, OWN_PAGE, "open_provider_page", json!({ "of": id }));
    assert_eq!(opened.unwrap_err()["code"], "no_provider_page");
}

#[test]
fn a_data_folder_that_cannot_be_used_is_told_by_every_command() {
    let builder = mock_builder().invoke_handler(bindings::builder().invoke_handler());
    let app = builder.build(context()).unwrap();
    let shell = Arc::new(Shell::default());
    app.manage(shell.clone());
    let file = tempfile::NamedTempFile::new().unwrap();
    tauri::async_runtime::block_on(shell.open(DataFolder::at(file.path()), redirect().unwrap()));
    let error = invoke(&window(&app, window::MAIN), OWN_PAGE, "app_info", json!({})).unwrap_err();
    assert_eq!(error["code"], "data_folder_unusable");
}

/// A page that listens, and what it has been told.
fn listener() -> (Channel<wire::AppEvent>, mpsc::Receiver<Value>) {
    let (sender, told) = mpsc::channel();
    let channel = Channel::new(move |body| {
        let InvokeResponseBody::Json(text) = body else {
            panic!("not JSON")
        };
        let _ = sender.send(serde_json::from_str(&text)?);
        Ok(())
    });
    (channel, told)
}

/// Saves a provider at which nobody has to answer.
fn save_provider(shell: &Shell, issuer: &str) -> tessera_client::Provider {
    let draft = tessera_client::ProviderDraft {
        id: None,
        name: String::new(),
        issuer: issuer.to_owned(),
        client_id: "tessera".to_owned(),
        apis: Vec::new(),
    };
    tauri::async_runtime::block_on(async {
        let client = shell.client().await.unwrap();
        client.save_provider(draft).await.unwrap()
    })
}

#[test]
fn what_happens_before_the_first_page_is_there_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (_app, shell) = app(&folder);
    save_provider(&shell, "https://early.example");
    let (channel, told) = listener();
    tauri::async_runtime::block_on(shell.subscribe(channel)).unwrap();
    let next = || told.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    let first = next();
    assert_eq!(first["event"], "snapshot");
    assert!(first.to_string().contains("https://early.example"), "{first}");
    save_provider(&shell, "https://late.example");
    let change = next();
    assert_eq!(change["event"], "providers");
    assert!(change.to_string().contains("https://late.example"), "{change}");
}

#[test]
fn what_can_wait_does_until_the_page_has_drawn_or_patience_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (app, shell) = app(&folder);
    let main = window(&app, window::MAIN);
    tauri::async_runtime::block_on(shell.drawn(std::time::Duration::from_millis(1)));
    let mut waits = Box::pin(shell.drawn(std::time::Duration::MAX));
    let mut is_over = || {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        tauri::async_runtime::block_on(async { waits.as_mut().poll(&mut context).is_ready() })
    };
    assert!(!is_over());
    invoke(&main, OWN_PAGE, "drawn", json!({})).unwrap();
    assert!(is_over());
}

#[test]
fn a_page_is_told_everything_first_and_then_each_change_until_the_next_page_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (_app, shell) = app(&folder);
    let next = |told: &mpsc::Receiver<Value>| told.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    let save = |issuer| save_provider(&shell, issuer);
    let notice = |code: &str| ErrorView {
        code: code.to_owned(),
        message: String::new(),
        hint: String::new(),
        detail: None,
    };

    // What happened before any page was there is not lost.
    shell.notice(notice("early"));
    assert!(!shell.has_listener());
    let (channel, first) = listener();
    tauri::async_runtime::block_on(shell.subscribe(channel)).unwrap();
    assert!(shell.has_listener());
    assert_eq!(next(&first)["event"], "snapshot");
    assert_eq!(next(&first)["error"]["code"], "early");
    save("https://one.example");
    let change = next(&first);
    assert_eq!(change["event"], "providers");
    assert!(
        change["providers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["issuer"] == "https://one.example")
    );

    let (channel, second) = listener();
    tauri::async_runtime::block_on(shell.subscribe(channel)).unwrap();
    assert_eq!(next(&second)["event"], "snapshot");
    save("https://two.example");
    assert_eq!(next(&second)["event"], "providers");
    // The first page's end of the channel is gone with its subscription.
    assert_eq!(
        first.recv_timeout(std::time::Duration::from_secs(20)),
        Err(mpsc::RecvTimeoutError::Disconnected)
    );

    shell.unsubscribe();
    assert!(!shell.has_listener());
    shell.notice(notice("between two pages"));
    let (channel, third) = listener();
    tauri::async_runtime::block_on(shell.subscribe(channel)).unwrap();
    assert_eq!(next(&third)["event"], "snapshot");
    assert_eq!(next(&third)["error"]["code"], "between two pages");
}

#[test]
fn a_flow_is_told_as_it_happens_kept_for_later_and_saved_as_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let reports = tempfile::tempdir().unwrap();
    let (app, shell) = app(&folder);
    let main = window(&app, window::MAIN);
    let (channel, told) = listener();
    // Nobody answers there.
    let provider = save_provider(&shell, "http://127.0.0.1:9");
    tauri::async_runtime::block_on(async {
        let client = shell.client().await.unwrap();
        shell.subscribe(channel).await.unwrap();
        let sign_in = SignIn {
            storage: tessera_client::Storage::UntilQuit,
            ..SignIn::with(ProviderChoice::Known(provider.id.clone()))
        };
        client.sign_in(sign_in).unwrap().wait().await.unwrap_err();
    });

    let step = |event: &Value| event["step"].clone();
    let pushed: Vec<Value> = told
        .iter()
        .filter(|event| event["event"] == "flow")
        .map(|event| step(&event))
        .take(4)
        .collect();
    let kept = invoke(&main, OWN_PAGE, "flows", json!({})).unwrap();
    assert_eq!(kept.as_array().unwrap(), &pushed);
    let told: Vec<String> = pushed
        .iter()
        .map(|event| {
            let step = &event["step"];
            let what = [&step["id"], &step["code"], &step["error"]["code"]];
            what.iter().filter_map(|name| name.as_str()).collect()
        })
        .collect();
    assert_eq!(
        told,
        ["sign_in", "metadata_request", "unreachable", "unreachable"]
    );
    assert!(
        pushed
            .iter()
            .all(|event| event["provider"] == provider.name.as_str())
    );
    assert!(pushed[1]["step"]["why"].as_str().unwrap().ends_with('.'));

    let save = |flow: u64| invoke(&main, OWN_PAGE, "save_report", json!({ "flow": flow }));
    assert_eq!(
        save(1).unwrap_err()["code"],
        "report_not_saved",
        "nobody said where to"
    );
    shell.reports_go_to(reports.path().join("Downloads"));
    assert_eq!(save(99).unwrap_err()["code"], "flow_gone");
    let saved = save(1).unwrap();
    let again = save(1).unwrap();
    for which in ["json", "markdown"] {
        assert_ne!(saved[which], again[which], "no report replaces another");
    }
    let read_of =
        |saved: &Value, which: &str| std::fs::read_to_string(saved[which].as_str().unwrap()).unwrap();
    let read = |which: &str| read_of(&saved, which);
    assert_eq!(read("markdown"), read_of(&again, "markdown"));
    let json: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(json["outcome"], "failed");
    assert_eq!(json["error"]["code"], "unreachable");
    assert!(read("markdown").contains(". Failed.\n"), "{}", read("markdown"));
    assert_eq!(
        std::fs::read_dir(reports.path().join("Downloads"))
            .unwrap()
            .count(),
        4
    );
}

#[test]
fn an_error_reaches_the_window_in_the_clients_own_words() {
    use tessera_client::ports::{HttpError, VaultError};
    use tessera_client::{
        AccountError, AttemptError, Error, PolicyError, ProviderError, SignInNeed, StoreError,
    };
    let unreachable = HttpError::Unreachable {
        host: "login.example".to_owned(),
        reason: "no route".to_owned(),
    };
    let errors: [Error; 8] = [
        StoreError::Full.into(),
        VaultError::Missing("no bus".to_owned()).into(),
        VaultError::Locked.into(),
        AttemptError::Gone.into(),
        AccountError::NeedsSignIn {
            need: SignInNeed::Ended,
            reason: "The provider ended the session.".to_owned(),
        }
        .into(),
        PolicyError::Origin("https://api.example".to_owned()).into(),
        ProviderError::NoClientId("Acme".to_owned()).into(),
        unreachable.into(),
    ];
    for error in errors {
        let view = ErrorView::from(&error);
        assert_eq!(
            (view.code.as_str(), view.message, view.hint),
            (error.code(), error.message(), error.hint())
        );
        // What stands behind it is the system's word, kept apart from the sentence.
        assert_eq!(view.detail, error.detail());
    }
}
