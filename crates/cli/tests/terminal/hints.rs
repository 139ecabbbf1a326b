//! What is said to do next can be done in a terminal: the command stands there, and does it.

use tessera_sandbox::CLIENT_ID;

use crate::terminal::{Terminal, fetch};

const ANN: &str = "ann@example.test";

/// The command that a text names between backticks, without the program's name.
fn named(text: &str) -> Vec<String> {
    let (_, rest) = text
        .split_once("`tessera ")
        .unwrap_or_else(|| panic!("no command in {text:?}"));
    let command = rest.split('`').next().unwrap();
    command.split(' ').map(str::to_owned).collect()
}

async fn hint(terminal: &Terminal, arguments: &[&str]) -> String {
    let ended = terminal.run(&[arguments, &["--json"]].concat()).await;
    ended.error()["hint"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_api_that_is_not_allowed_is_allowed_by_the_command_that_the_hint_names() {
    let terminal = Terminal::open().await;
    let file = terminal.home().join("providers.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    let api = terminal.sandbox.api().to_owned();
    let profile = format!("{api}/profile");
    // The second has lost its provider's name.
    for providers in [whole.replace("apis = ", "# "), String::new()] {
        std::fs::write(&file, whole.replace("apis = ", "# ")).unwrap();
        let id = terminal.sign_in("ann").await["account"]["id"].clone();
        let expected = format!("login --account {} --api {api}", id.as_str().unwrap());
        std::fs::write(&file, providers).unwrap();
        let told = hint(&terminal, &["call", ANN, &profile]).await;
        let command = named(&told);
        assert_eq!(command.join(" "), expected, "{told}");
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        terminal
            .sign_in_with("ann", &[&command[..], &["--no-browser", "--json"]].concat())
            .await;
        let answer = terminal.json(&["call", ANN, &profile, "--json"]).await;
        assert_eq!(answer[0]["status"], 200, "{answer:?}");
        assert_eq!(terminal.run(&["logout", ANN]).await.code, Some(0));
    }
}

#[tokio::test]
async fn a_sign_in_that_is_over_names_the_command_that_makes_a_new_one() {
    let terminal = Terminal::open().await;
    terminal.first_tokens_end_at_once();
    let id = terminal.sign_in("ann").await["account"]["id"].clone();
    let expected = ["login", "--account", id.as_str().unwrap()];
    terminal.sandbox.revoke_everything();
    let told = hint(&terminal, &["token", ANN]).await;
    assert_eq!(named(&told), expected, "{told}");
    let listed = terminal.run(&["accounts"]).await;
    assert!(
        listed.notes.contains("Ann Archer") && named(&listed.notes) == expected,
        "{listed:?}"
    );
    terminal.sign_in("ann").await;
    assert_eq!(terminal.run(&["accounts"]).await.notes, "");
}

#[tokio::test]
async fn what_is_missing_is_named_with_where_it_goes() {
    let terminal = Terminal::open().await;
    let file = terminal.home().join("providers.toml");
    let path = file.display().to_string();
    let check = async |arguments: &[&str], expected: &[&str]| {
        let told = hint(&terminal, arguments).await;
        for part in expected {
            assert!(told.contains(part), "{arguments:?}: {told} has no {part}");
        }
    };
    check(&["token", "nobody"], &["`tessera accounts`"]).await;
    check(
        &["login", "--provider", "nobody"],
        &["--provider NAME", ": box.", "--issuer URL"],
    )
    .await;
    check(
        &["login", "--provider", "google"],
        &[&path, "[[provider]]", "--provider"],
    )
    .await;
    check(
        &["login", "--provider", "box", "--redirect", "device"],
        &["--redirect"],
    )
    .await;
    std::fs::write(&file, "").unwrap();
    check(&["login"], &[&path, "--issuer URL --client-id ID"]).await;
    std::fs::write(&file, "[[provider]").unwrap();
    check(&["login"], &[&path]).await;
    let doctor = terminal.run(&["doctor"]).await;
    assert!(doctor.out.contains(&format!("Correct {path}")), "{doctor:?}");
}

/// The provider shows its error to the person and sends nobody back (RFC 6749 section 4.1.2.1).
#[tokio::test]
async fn a_browser_that_does_not_come_back_may_have_shown_an_error_of_the_client() {
    let terminal = Terminal::open().await;
    let issuer = terminal.sandbox.issuer().to_owned();
    let path = terminal.home().join("providers.toml").display().to_string();
    let waits = ["--no-browser", "--timeout", "2", "--json"];
    let by_flags = ["login", "--issuer", &issuer, "--client-id", "nobody-knows-it"];
    for (arguments, client, place) in [
        (&by_flags[..], "nobody-knows-it", "the flag `--client-id`"),
        (&["login", "--provider", "box"], CLIENT_ID, path.as_str()),
    ] {
        let mut run = terminal.start(&[arguments, &waits].concat());
        let open = run.event().await;
        let page = open["url"].as_str().unwrap();
        let back = terminal.sandbox.visitor("ann").visit(page).await;
        assert_eq!(back.is_err(), client == "nobody-knows-it", "{back:?}");
        let error = run.end().await.error();
        assert_eq!(error["code"], "timed_out");
        let told = error["hint"].as_str().unwrap();
        for part in [client, "http://127.0.0.1:", place, "--redirect paste"] {
            assert!(told.contains(part), "{told} has no {part}");
        }
    }
}

#[tokio::test]
async fn signing_in_again_asks_for_what_the_account_has() {
    let terminal = Terminal::open().await;
    let login = ["login", "--provider", "box", "--no-browser"];
    let usual = terminal.sign_in("ann").await["account"]["scopes"].clone();
    let more = [&login[..], &["--json", "--scope", "openid email ledger:read"]].concat();
    let with_more = terminal.sign_in_with("ann", &more).await["account"]["scopes"].clone();
    assert_eq!(with_more, serde_json::json!(["email", "ledger:read", "openid"]));

    let mut run = terminal.start(&[&login[..], &["--json"]].concat());
    let open = run.event().await;
    let page = open["url"].as_str().unwrap();
    // Somebody else may sign in as well.
    assert!(!page.contains("login_hint"), "{page}");
    fetch(&terminal.sandbox.visitor("ann").visit(page).await.unwrap()).await;
    let account = run.end().await.json().pop().unwrap()["account"].clone();
    let scopes = account["scopes"].as_array().unwrap();
    for scope in usual
        .as_array()
        .unwrap()
        .iter()
        .chain(with_more.as_array().unwrap())
    {
        assert!(scopes.contains(scope), "{scope} was lost: {account}");
    }

    // Whoever names them gets those, and is told what went.
    let mut run = terminal.start(&[&login[..], &["--scope", "openid email"]].concat());
    run.note().await;
    let page = run.note().await;
    fetch(&terminal.sandbox.visitor("ann").visit(page.trim()).await.unwrap()).await;
    let ended = run.end().await;
    assert!(
        ended.notes.contains("had more before") && ended.notes.contains("ledger:read"),
        "{ended:?}"
    );

    // Of two, nobody is asked for what the other was granted.
    terminal.sign_in("bob").await;
    terminal.sign_in_with("ann", &more).await;
    let mut run = terminal.start(&[&login[..], &["--json"]].concat());
    let open = run.event().await;
    assert!(!open["url"].as_str().unwrap().contains("ledger"), "{open}");
    run.signal(rustix::process::Signal::INT);
    run.end().await;
}
