//! The commands that use an account, from signing in to signing out.

use serde_json::{Value, json};
use tessera_sandbox::faults::{Change, Document, Fault, Rule};

use crate::terminal::{Terminal, fetch};

const ANN: &str = "ann@example.test";

#[tokio::test]
async fn an_account_from_signing_in_to_signing_out() {
    let terminal = Terminal::open().await;
    let account = terminal.sign_in("ann").await["account"].clone();
    let id = account["id"].as_str().unwrap().to_owned();

    let mut listed = terminal.json(&["accounts", "--json"]).await.pop().unwrap();
    let rest = listed.as_object_mut().unwrap();
    assert_eq!(rest.remove("state"), Some(json!("signed_in")));
    for name in ["need", "reason", "next_try_at", "forecast"] {
        assert_eq!(rest.remove(name), Some(Value::Null), "{name}");
    }
    assert!(rest.remove("expires_at").unwrap().is_i64());
    assert_eq!(listed, account);
    let shown = terminal.run(&["accounts"]).await.out;
    for word in [&id, "Ann Archer", ANN, "Box", "signed in"] {
        assert!(shown.contains(word), "{shown}");
    }

    let called = terminal
        .json(&[
            "call",
            ANN,
            &format!("{}/profile", terminal.sandbox.api()),
            "--json",
        ])
        .await;
    assert_eq!(
        (&called[0]["status"], &called[0]["body"]["name"]),
        (&json!(200), &json!("Ann Archer"))
    );
    let called = terminal
        .run(&["call", &id, &format!("{}/profile", terminal.sandbox.api())])
        .await;
    let body: Value = serde_json::from_str(&called.out).unwrap();
    assert_eq!((called.code, &body["name"]), (Some(0), &json!("Ann Archer")));

    let receipt = terminal.json(&["logout", &id, "--json"]).await.pop().unwrap();
    assert_eq!(
        (&receipt["event"], &receipt["account"]),
        (&json!("signed_out"), &json!(id))
    );
    let lines = receipt["receipt"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["outcome"] == "done"), "{receipt}");
    assert_eq!(terminal.json(&["accounts", "--json"]).await, Vec::<Value>::new());
    let gone = terminal.run(&["token", &id, "--json"]).await;
    assert_eq!(
        (gone.code, gone.error()["code"].as_str()),
        (Some(2), Some("account_unknown"))
    );
}

#[tokio::test]
async fn a_token_that_is_still_good_costs_no_request() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let plain = terminal.run(&["token", ANN]).await;
    let token = plain.out.strip_suffix('\n').unwrap();
    assert!(plain.notes.is_empty() && token.split('.').count() == 3 && !token.contains(char::is_whitespace));
    let row = terminal.json(&["token", ANN, "--json"]).await.pop().unwrap();
    assert_eq!(
        (&row["access_token"], &row["token_type"]),
        (&json!(token), &json!("Bearer"))
    );
    assert!(
        row["expires_at"].is_i64() && row.as_object().unwrap().len() == 4,
        "{row}"
    );
    assert_eq!(row["bound_to_key"], json!(false));
    assert_eq!(terminal.sandbox.log().token_requests("refresh_token"), 0);
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_printed_with_a_word_of_what_it_is_worth() {
    let terminal = Terminal::open().await;
    terminal.fault("dpop-offered");
    let file = terminal.home().join("providers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}dpop = true\n")).unwrap();
    terminal.sign_in("ann").await;
    let plain = terminal.run(&["token", ANN]).await;
    let token = plain.out.strip_suffix('\n').unwrap();
    assert!(token.split('.').count() == 3 && !token.contains(char::is_whitespace));
    assert!(plain.notes.contains("bound to a key"), "{}", plain.notes);
    let row = terminal.json(&["token", ANN, "--json"]).await.pop().unwrap();
    assert_eq!(
        (&row["access_token"], &row["token_type"], &row["bound_to_key"]),
        (&json!(token), &json!("DPoP"), &json!(true))
    );
    // With the key that the real keychain gives back.
    let profile = format!("{}/profile", terminal.sandbox.api());
    let called = terminal.run(&["call", ANN, &profile]).await;
    assert_eq!(called.code, Some(0), "{called:?}");
}

#[tokio::test]
async fn a_token_that_is_over_is_renewed_once_however_many_ask() {
    let terminal = Terminal::open().await;
    terminal.first_tokens_end_at_once();
    terminal.sign_in("ann").await;
    let mut commands = tokio::task::JoinSet::new();
    for _ in 0..6 {
        commands.spawn(terminal.start(&["token", ANN]).end());
    }
    let ended = commands.join_all().await;
    let token = &ended[0].out;
    assert!(token.len() > 100);
    for ended in &ended {
        assert_eq!((ended.code, &ended.out), (Some(0), token), "{ended:?}");
    }
    assert_eq!(terminal.sandbox.log().token_requests("refresh_token"), 1);
}

#[tokio::test]
async fn what_is_sent_and_where() {
    let terminal = Terminal::open().await;
    let arguments = ["login", "--provider", "box", "--no-browser", "--json"];
    let scopes = ["--scope", "openid email items:read items:write offline_access"];
    terminal
        .sign_in_with("ann", &[&arguments[..], &scopes].concat())
        .await;
    let api = terminal.sandbox.api().to_owned();
    let items = format!("{api}/items");
    let call = async |rest: &[&str]| terminal.run(&[&["call", ANN, "--json"], rest].concat()).await;

    let posted = call(&["-X", "POST", "-d", "{\"title\":\"from a terminal\"}", &items]).await;
    assert_eq!(
        (posted.code, posted.json()[0]["status"].as_u64()),
        (Some(0), Some(201)),
        "{posted:?}"
    );
    let listed = call(&[&items]).await.json().pop().unwrap();
    assert!(
        listed["next"].as_str().is_some_and(|next| next.starts_with(&api)),
        "{listed}"
    );
    assert!(listed["headers"]["content-type"].as_str().is_some());
    let mut run = terminal.start(&["call", ANN, "-d", "-", &items]);
    run.type_line("{\"title\":\"from standard input\"}").await;
    run.close_input();
    assert_eq!(run.end().await.code, Some(0));

    let missing = call(&[&format!("{api}/ledger")]).await;
    assert_eq!(missing.code, Some(5));
    assert_eq!(missing.json()[0]["missing_scope"], "ledger:read");
    let nothing = call(&[&format!("{api}/no-such-thing")]).await;
    assert_eq!(
        (nothing.code, nothing.json()[0]["status"].as_u64()),
        (Some(5), Some(404))
    );
    let elsewhere = call(&[&format!("{api}/elsewhere")]).await;
    assert_eq!(elsewhere.code, Some(5), "an answer that leads elsewhere is none");
    let elsewhere = elsewhere.json().pop().unwrap();
    assert!(
        elsewhere["decisions"].as_array().unwrap().len() > 1,
        "{elsewhere}"
    );
    assert!(
        !terminal
            .sandbox
            .log()
            .entries()
            .iter()
            .any(|entry| entry.path == "/arrived" && entry.credential.is_some())
    );
}

#[tokio::test]
async fn another_folder_is_another_world() {
    let terminal = Terminal::open().await;
    terminal.sign_in("ann").await;
    let other = terminal.folder().join("other");
    terminal.write_providers("box", &other);
    let other = [("TESSERA_HOME", other.to_str().unwrap())];
    assert_eq!(
        terminal
            .start_with(&["accounts", "--json"], &other)
            .end()
            .await
            .out,
        ""
    );

    let mut run = terminal.start_with(&["login", "--provider", "box", "--no-browser", "--json"], &other);
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    fetch(&callback).await;
    assert_eq!(run.end().await.code, Some(0));
    let signed_out = terminal
        .start_with(&["logout", ANN, "--json"], &other)
        .end()
        .await;
    assert_eq!(signed_out.code, Some(0));
    assert_eq!(
        terminal.run(&["token", ANN]).await.code,
        Some(0),
        "the first folder's secrets are still there"
    );
}

#[tokio::test]
async fn the_check_up_tries_everything_and_says_so() {
    let terminal = Terminal::open().await;
    let findings = terminal.json(&["doctor", "--json"]).await;
    let checks: Vec<&str> = findings
        .iter()
        .map(|finding| finding["check"].as_str().unwrap())
        .collect();
    assert_eq!(
        checks,
        [
            "data_folder",
            "providers",
            "session_bus",
            "keychain",
            "loopback",
            "browser",
            "scheme",
            "single_instance",
            "provider",
            "clock"
        ]
    );
    assert!(
        findings
            .iter()
            .all(|finding| finding["outcome"] == "ok" && finding["error"].is_null()),
        "{findings:?}"
    );
    let message = |check: &str| {
        let found = findings.iter().find(|finding| finding["check"] == check);
        found.unwrap()["message"].as_str().unwrap()
    };
    assert!(message("keychain").contains("the GNOME keyring"), "{findings:?}");
    assert!(
        message("provider").starts_with("Box answers at 127.0.0.1:"),
        "{findings:?}"
    );
    assert!(
        message("scheme").contains("the terminal needs none"),
        "{findings:?}"
    );
    let about = findings.iter().filter(|finding| finding["about"] == "box");
    assert_eq!(about.count(), 2, "{findings:?}");
    let shown = terminal.run(&["doctor"]).await;
    assert_eq!(
        (shown.code, shown.out.lines().count()),
        (Some(0), 10),
        "{shown:?}"
    );
}

#[tokio::test]
async fn the_check_up_says_what_is_wrong_and_ends_as_the_first_failure_does() {
    let mut terminal = Terminal::open().await;
    let handlers = terminal.folder().join("share/applications");
    std::fs::create_dir_all(&handlers).unwrap();
    let entry = "[Desktop Entry]\nType=Application\nName=T\nExec=sh %u\n";
    std::fs::write(handlers.join("tessera.desktop"), entry).unwrap();
    let both =
        ["", ".dev"].map(|build| format!("x-scheme-handler/app.tessera.desktop{build}=tessera.desktop\n"));
    let defaults = format!("[Default Applications]\n{}", both.concat());
    std::fs::write(terminal.folder().join("config/mimeapps.list"), defaults).unwrap();

    // What the terminal does not need is told, and is no failure.
    let ended = terminal.run(&["doctor", "--json"]).await;
    let scheme = finding(&ended.out, "scheme");
    assert_eq!(
        (ended.code, &scheme["outcome"]),
        (Some(0), &json!("tolerated")),
        "{ended:?}"
    );
    assert_eq!(scheme["error"]["code"], "scheme_shared");
    names(&scheme, "`tessera login`");
    let app = finding(&ended.out, "single_instance");
    assert_eq!(
        app["message"],
        "The app is not open here; the terminal does not need it."
    );
    let none = terminal
        .start_with(&["doctor", "--json"], &[("PATH", "/nonexistent")])
        .end()
        .await;
    let browser = finding(&none.out, "browser");
    assert_eq!(
        (none.code, &browser["outcome"]),
        (Some(0), &json!("tolerated")),
        "{none:?}"
    );
    assert_eq!(browser["error"]["code"], "browser_missing");
    names(&browser, "`tessera login --no-browser`");
    let alone = [("DBUS_SESSION_BUS_ADDRESS", ""), ("XDG_RUNTIME_DIR", "")];
    let none = terminal.start_with(&["doctor", "--json"], &alone).end().await;
    let bus = finding(&none.out, "session_bus");
    assert_eq!(
        (none.code, &bus["error"]["code"]),
        (Some(6), &json!("session_bus_missing")),
        "{none:?}"
    );
    names(&bus, "dbus-run-session -- sh -c ");

    let issuer = terminal.sandbox.issuer().to_owned();
    let file = terminal.home().join("providers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&issuer, "http://127.0.0.1:1")).unwrap();
    let ended = terminal.run(&["doctor", "--json"]).await;
    let provider = finding(&ended.out, "provider");
    assert_eq!(
        (ended.code, &provider["outcome"]),
        (Some(5), &json!("failed")),
        "{ended:?}"
    );
    assert_eq!(provider["repair"], json!({"id": "provider_settings"}));
    assert!(
        provider["detail"]
            .as_str()
            .unwrap()
            .contains("nothing is listening there")
    );

    terminal.end_keyring().await;
    let ended = terminal.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.out.contains("\nfailed     keychain     "), "{ended:?}");
    assert!(ended.out.contains("[keychain_missing]"), "{ended:?}");
}

/// The app has a name on the session bus while it is open.
#[tokio::test]
async fn the_check_up_says_that_the_app_is_open_beside_it() {
    let terminal = Terminal::open().await;
    let app = zbus::connection::Builder::address(terminal.bus())
        .unwrap()
        .name("app.tessera.desktop.SingleInstance")
        .unwrap()
        .build()
        .await
        .unwrap();
    let ended = terminal.run(&["doctor", "--json"]).await;
    let found = finding(&ended.out, "single_instance");
    let told = found["message"].as_str().unwrap();
    assert_eq!((ended.code, &found["outcome"]), (Some(0), &json!("ok")), "{told}");
    let process = format!("(process {})", std::process::id());
    assert!(
        told.starts_with("The installed app is open: ") && told.contains(&process),
        "{told}"
    );
    drop(app);
}

#[tokio::test]
async fn the_check_up_tries_the_ports_that_a_provider_insists_on() {
    let terminal = Terminal::open().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = terminal.home().join("providers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}loopback = {{ ports = [{port}] }}\n")).unwrap();
    let ended = terminal.run(&["doctor", "--json"]).await;
    let found = ended
        .json()
        .into_iter()
        .find(|finding| finding["check"] == "loopback" && finding["about"] == "box")
        .unwrap();
    assert_eq!(
        (ended.code, &found["outcome"]),
        (Some(1), &json!("failed")),
        "{found}"
    );
    assert_eq!(found["error"]["code"], "loopback_port_taken");
    names(&found, &format!("name it in {} under", file.display()));
    let told = found["message"].as_str().unwrap();
    assert!(
        told.contains(&format!("127.0.0.1:{port}"))
            && told.contains(&format!("(process {})", std::process::id())),
        "{told}"
    );
}

/// It waits in another process, as the app would.
#[tokio::test]
async fn the_check_up_leaves_a_sign_in_alone_that_waits_at_a_providers_port() {
    let terminal = Terminal::open().await;
    let port = {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let file = terminal.home().join("providers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}loopback = {{ ports = [{port}] }}\n")).unwrap();
    let mut run = terminal.start(&["login", "--provider", "box", "--no-browser", "--json"]);
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    assert_eq!(callback.port(), Some(port));
    let ended = terminal.run(&["doctor", "--json"]).await;
    let found = ended
        .json()
        .into_iter()
        .find(|finding| finding["check"] == "loopback" && finding["about"] == "box")
        .unwrap();
    assert_eq!(
        (ended.code, &found["outcome"]),
        (Some(0), &json!("ok")),
        "{found}"
    );
    let told = found["message"].as_str().unwrap();
    assert!(
        told.contains("where a sign-in of ") && told.contains("/tessera (process "),
        "{told}"
    );
    fetch(&callback).await;
    assert_eq!(run.end().await.code, Some(0));
}

/// What a finding says to do names this, and nothing that only the window has.
fn names(finding: &Value, part: &str) {
    let hint = finding["error"]["hint"].as_str().unwrap();
    assert!(hint.contains(part), "{hint}");
    assert!(!hint.contains('“') && !hint.contains("Settings"), "{hint}");
}

/// What the check-up with `--json` says of this.
fn finding(out: &str, check: &str) -> Value {
    let mut findings = out.lines().map(|line| serde_json::from_str(line).unwrap());
    findings
        .find(|finding: &Value| finding["check"] == check)
        .unwrap()
}

#[tokio::test]
async fn no_secret_is_printed_or_kept_in_a_file() {
    let terminal = Terminal::open().await;
    let issuer = terminal.sandbox.issuer().to_owned();
    let secret = "a-client-secret-of-some-length";
    let login = [
        "login",
        "--issuer",
        &issuer,
        "--client-id",
        "tessera-desktop",
        "--no-browser",
        "--json",
    ];
    let mut run = terminal.start(&login);
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    let code = callback
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    fetch(&callback).await;
    assert_eq!(run.end().await.code, Some(0));
    // A public client that presents a secret is refused; what it presented is not repeated.
    let mut run = terminal.start(&[&login[..], &["--client-secret", secret]].concat());
    let callback = terminal.visit(&mut run, terminal.sandbox.visitor("ann")).await;
    fetch(&callback).await;
    run.end().await;
    let api = terminal.sandbox.api().to_owned();
    for arguments in [
        &["accounts"][..],
        &["accounts", "--json"],
        &["doctor", "--json"],
        &["call", ANN, &format!("{api}/profile"), "--json"],
        &["call", ANN, &format!("{issuer}/userinfo")],
    ] {
        terminal.run(arguments).await;
    }
    let printed = terminal.printed();
    let token = terminal.run(&["token", ANN]).await.out.trim().to_owned();
    assert!(token.len() > 100 && code.len() >= 16);
    let mut places = vec![("standard output and error".to_owned(), printed.into_bytes())];
    for entry in std::fs::read_dir(terminal.home()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    assert!(places.iter().any(|(name, _)| name.ends_with("tessera.db")));
    let signature = token.rsplit('.').next().unwrap();
    for (place, bytes) in places {
        for secret in [code.as_str(), signature, secret] {
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "{place} holds {secret}"
            );
        }
    }
}

#[tokio::test]
async fn a_new_sign_in_that_can_be_foreseen_is_listed() {
    let terminal = Terminal::open().await;
    terminal.sandbox.faults().set(Rule::new(Fault::Json {
        document: Document::TokenResponse,
        change: Change::Set("refresh_expires_in", json!(30 * 24 * 3600)),
    }));
    terminal.sign_in("ann").await;
    let listed = terminal.json(&["accounts", "--json"]).await.pop().unwrap();
    assert_eq!(listed["forecast"]["why"], "expired");
    let access_ends = listed["expires_at"].as_i64().unwrap();
    let ends = listed["forecast"]["at"].as_i64().unwrap();
    assert!(29 * 24 * 3600 < ends - access_ends, "{listed}");
    // It is far off: nobody needs to be told.
    let shown = terminal.run(&["accounts"]).await;
    assert!(!shown.notes.contains("ends"), "{}", shown.notes);
}
