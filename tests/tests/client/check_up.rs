//! What is tried before a browser opens, and what a person is told of it. The desktop says what a test wants it to
//! say; everything else is real.

mod ports;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tessera_client::ports::{DesktopError, HandlerProgram, Holder, SchemeHandler, SecretService};
use tessera_client::{Change, Client, Error, Finding, ProviderId, Repair, Standing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;
use url::Url;

use crate::rig::{Rig, tidied};
use lab::untrusted::Untrusted;

const OWN: &str = "app.tessera.desktop";
const OTHER: &str = "app.tessera.desktop.dev";

/// A program that takes a scheme.
fn program(path: &str, exists: bool, is_this: bool) -> SchemeHandler {
    SchemeHandler::Program(HandlerProgram {
        entry: "tessera.desktop".to_owned(),
        program: path.to_owned(),
        exists,
        is_this,
    })
}

fn takes(rig: &Rig, scheme: &str, handler: SchemeHandler) {
    let mut handlers = rig.desktop.handlers.lock().unwrap();
    handlers.insert(scheme.to_owned(), handler);
}

/// Checks up while the system does with an address what it should: bring it back.
async fn look(rig: &Rig, client: &Client) -> Vec<Finding> {
    let mut handed = rig.desktop.handed.subscribe();
    let system = async {
        loop {
            handed.changed().await.unwrap();
            let address = handed.borrow_and_update().clone().unwrap();
            assert!(client.takes_back(address.as_str()), "{address}");
        }
    };
    tokio::select! {
        findings = client.check_up() => findings,
        () = system => unreachable!("it goes on for ever"),
    }
}

fn find<'f>(findings: &'f [Finding], check: &str) -> &'f Finding {
    let found = findings.iter().find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("no {check} in {findings:#?}"))
}

fn code(finding: &Finding) -> &'static str {
    finding.problem.as_ref().map_or("none", Error::code)
}

/// The finding about the provider at this address, which providers.toml names.
async fn provider_at(issuer: &str) -> Finding {
    let rig = Rig::new().await;
    name(&rig, &[("there", issuer)]);
    let findings = look(&rig, &rig.client().await).await;
    // Whoever answers there, it is not the provider's time; and that is no fault of this computer's clock.
    let clock = find(&findings, "clock");
    assert_eq!((code(clock), clock.standing), ("none", Standing::Tolerated));
    assert!(
        clock
            .sentence
            .contains("could not be compared with that of there, which "),
        "{}",
        clock.sentence
    );
    let found = find(&findings, "provider").clone();
    assert_eq!(found.about.as_ref().map(ProviderId::as_str), Some("there"));
    found
}

fn name(rig: &Rig, providers: &[(&str, &str)]) {
    let one = |(id, issuer): &(&str, &str)| {
        format!("[[provider]]\nid = \"{id}\"\nname = \"{id}\"\nissuer = \"{issuer}\"\nclient_id = \"c\"\n")
    };
    let text = providers.iter().map(one).collect::<Vec<_>>().join("\n");
    std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
}

/// A server that does `serve` with each connection.
async fn server<F>(serve: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection));
        }
    });
    address.to_string()
}

#[tokio::test]
async fn all_is_well_where_all_is_well() {
    let rig = Rig::new().await;
    rig.name_provider();
    takes(&rig, OWN, program("/opt/this", true, true));
    takes(&rig, OTHER, program("/opt/dev", true, false));
    *rig.desktop.bus.lock().unwrap() = Some(Ok(SecretService::Open));
    let findings = look(&rig, &rig.client().await).await;
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
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
            "provider",
            "clock"
        ]
    );
    for finding in &findings {
        assert_eq!(finding.standing, Standing::Ok, "{finding:?}");
        assert!(
            finding.problem.is_none() && finding.repair.is_none(),
            "{finding:?}"
        );
        assert!(finding.sentence.ends_with('.'), "{finding:?}");
    }
    let scheme = &find(&findings, "scheme").sentence;
    assert!(
        scheme.contains("came back") && scheme.contains("/opt/dev"),
        "{scheme}"
    );
    assert!(
        rig.keychain.entries.lock().unwrap().is_empty(),
        "a probe is left behind"
    );
    rig.keychain.diary.lock().unwrap().clear();
    tidied(&rig.client().await).await;
    assert_eq!(
        *rig.keychain.diary.lock().unwrap(),
        Vec::<String>::new(),
        "the next start looks for nothing that the check-up left"
    );
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_with_how_far() {
    for (ahead, standing, told) in [
        (30, Standing::Ok, "ahead of that of Box; up to five minutes"),
        (-45, Standing::Ok, "behind that of Box; up to five minutes"),
        (200, Standing::Tolerated, "3 minutes ahead of that of Box"),
        (12 * 60 + 30, Standing::Failed, "12 minutes ahead of that of Box"),
        (-3 * 86_400 + 100, Standing::Failed, "2 days behind that of Box"),
    ] {
        let rig = Rig::new().await;
        rig.name_provider();
        rig.ahead.store(ahead, Ordering::SeqCst);
        let findings = look(&rig, &rig.client().await).await;
        let clock = find(&findings, "clock");
        assert_eq!(clock.standing, standing, "{clock:?}");
        assert!(clock.sentence.contains(told), "{}", clock.sentence);
        let failed = standing == Standing::Failed;
        assert_eq!(code(clock), if failed { "clock_differs" } else { "none" });
        let repair = failed.then(|| Repair::Command("set-the-clock".to_owned()));
        assert_eq!(clock.repair, repair);
    }
}

#[tokio::test]
async fn what_keeps_a_provider_away_is_told_apart() {
    let refused = provider_at("http://127.0.0.1:1").await;
    assert_eq!(
        (code(&refused), refused.standing),
        ("unreachable", Standing::Failed)
    );
    assert!(
        refused.sentence.contains("without a proxy"),
        "{}",
        refused.sentence
    );
    assert!(matches!(&refused.repair, Some(Repair::ProviderSettings(id)) if id.as_str() == "there"));

    let portal = server(async |mut connection| {
        let _ = connection.read(&mut [0; 4096]).await;
        let page = "<html>Accept our terms</html>";
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{page}",
            page.len()
        );
        let _ = connection.write_all(answer.as_bytes()).await;
    })
    .await;
    let portal = provider_at(&format!("http://{portal}")).await;
    assert_eq!(code(&portal), "metadata_not_json", "{portal:?}");

    let untrusted = Untrusted::start().await.unwrap();
    let tls = provider_at(&untrusted.issuer()).await;
    assert_eq!(code(&tls), "tls_untrusted", "{tls:?}");
    let detail = tls.problem.as_ref().and_then(Error::detail);
    assert!(
        detail.is_some_and(|detail| detail.contains("UnknownIssuer")),
        "{tls:?}"
    );
    assert_eq!(tls.repair, None);

    let told: BTreeSet<String> = [refused, portal, tls].map(|finding| finding.sentence).into();
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test]
async fn providers_with_an_account_come_first_and_those_beyond_twelve_are_named() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.sign_in(&client, "ann").await;
    let away: Vec<(String, String)> = ('a'..='n')
        .map(|id| (id.to_string(), format!("http://127.0.0.1:1/{id}")))
        .collect();
    let check = async |count: usize, left: Option<&str>| {
        let named: Vec<(&str, &str)> = away[..count]
            .iter()
            .map(|(id, issuer)| (id.as_str(), issuer.as_str()))
            .collect();
        name(&rig, &named);
        let findings = look(&rig, &rig.client().await).await;
        let asked: Vec<_> = findings
            .iter()
            .filter(|finding| finding.check == "provider")
            .collect();
        assert_eq!(asked.len(), (count + 1).min(12), "{asked:#?}");
        // The sandbox is no entry of providers.toml: it was named for one sign-in, and its account stays.
        assert_eq!(asked[0].standing, Standing::Ok, "{asked:#?}");
        assert!(asked[1..].iter().all(|one| code(one) == "unreachable"));
        let told = findings.iter().find(|finding| finding.check == "providers_left");
        assert_eq!(told.map(|told| told.standing), left.map(|_| Standing::Tolerated));
        if let (Some(told), Some(left)) = (told, left) {
            assert!(told.sentence.ends_with(left), "{}", told.sentence);
        }
    };
    check(11, None).await;
    check(14, Some(": l, m, n.")).await;
}

#[tokio::test]
async fn a_clock_that_nothing_can_be_compared_with_is_told_as_that() {
    // Nobody to ask.
    let rig = Rig::new().await;
    let findings = look(&rig, &rig.client().await).await;
    let clock = find(&findings, "clock");
    assert_eq!((code(clock), clock.standing), ("none", Standing::Tolerated));
    assert!(
        clock.sentence.contains("no provider is set up"),
        "{}",
        clock.sentence
    );
    // Somebody who answers well, and says no time.
    let timeless = server(async |mut connection| {
        let mut head = vec![0; 4096];
        let length = connection.read(&mut head).await.unwrap_or_default();
        let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
        let host = head
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .unwrap_or_default();
        let here = format!("http://{host}");
        let described = serde_json::json!({
            "issuer": here,
            "authorization_endpoint": format!("{here}/authorize"),
            "token_endpoint": format!("{here}/token"),
            "jwks_uri": format!("{here}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
        .to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{described}",
            described.len()
        );
        let _ = connection.write_all(answer.as_bytes()).await;
    })
    .await;
    name(&rig, &[("there", &format!("http://{timeless}"))]);
    let findings = look(&rig, &rig.client().await).await;
    assert_eq!(code(find(&findings, "provider")), "none", "{findings:#?}");
    let clock = find(&findings, "clock");
    assert_eq!((code(clock), clock.standing), ("none", Standing::Tolerated));
    assert!(
        clock.sentence.ends_with("which does not say what time it has."),
        "{}",
        clock.sentence
    );
}

#[tokio::test]
async fn a_terminal_is_told_whether_the_app_is_open_beside_it() {
    let program = |program: &str| {
        Ok(Holder::Program {
            program: Some(program.to_owned()),
            process: Some(7),
        })
    };
    let no_bus = || Err(DesktopError::NoBus("gone".to_owned()));
    let failed = || Err(DesktopError::Failed("odd".to_owned()));
    for (installed, development, expected) in [
        (
            Ok(Holder::Nobody),
            Ok(Holder::Nobody),
            ("none", Standing::Ok, "is not open here"),
        ),
        (
            program("/opt/app"),
            Ok(Holder::Nobody),
            (
                "none",
                Standing::Ok,
                "The installed app is open: /opt/app (process 7).",
            ),
        ),
        (
            Ok(Holder::Nobody),
            program("/src/app"),
            (
                "none",
                Standing::Ok,
                "A development build is open: /src/app (process 7).",
            ),
        ),
        (
            no_bus(),
            no_bus(),
            ("session_bus_missing", Standing::Tolerated, ""),
        ),
        // Who could not be asked has not said that it is not open.
        (
            failed(),
            failed(),
            ("desktop_not_asked", Standing::Tolerated, "could not be asked"),
        ),
    ] {
        let rig = Rig::new().await;
        for (build, holder) in [("", installed), (".dev", development)] {
            let name = format!("app.tessera.desktop{build}.SingleInstance");
            rig.desktop.names.lock().unwrap().insert(name, holder);
        }
        let findings = rig.terminal().await.check_up().await;
        let app = find(&findings, "single_instance");
        assert_eq!((code(app), app.standing), (expected.0, expected.1), "{app:?}");
        assert!(app.sentence.contains(expected.2), "{}", app.sentence);
        // The app itself looks for others of its kind, not for itself.
        let findings = look(&rig, &rig.client().await).await;
        assert!(findings.iter().all(|finding| finding.check != "single_instance"));
    }
    // A system without such names has nothing to tell.
    let findings = Rig::new().await.terminal().await.check_up().await;
    assert!(findings.iter().all(|finding| finding.check != "single_instance"));
}

/// The app's name on the session bus says whether a second start comes to the window that is open.
#[tokio::test]
async fn the_app_is_told_where_a_second_start_of_it_goes() {
    let failed = || DesktopError::Failed("the session bus failed: odd".to_owned());
    let other = Holder::Program {
        program: Some("/opt/other".to_owned()),
        process: Some(7),
    };
    let mut told = BTreeSet::new();
    for (holder, expected, part) in [
        (
            Ok(Holder::This),
            ("none", Standing::Ok),
            "this window comes forward",
        ),
        (
            Ok(other),
            ("other_instance", Standing::Failed),
            "another Tessera than this one: /opt/other (process 7)",
        ),
        (
            Ok(Holder::Nobody),
            ("no_instance", Standing::Failed),
            "another window opens",
        ),
        (
            Err(failed()),
            ("desktop_not_asked", Standing::Failed),
            "could not be asked",
        ),
        (
            Err(DesktopError::NoBus("gone".to_owned())),
            ("session_bus_missing", Standing::Failed),
            "cannot reach your desktop",
        ),
    ] {
        let rig = Rig::new().await;
        let name = format!("{OWN}.SingleInstance");
        rig.desktop.names.lock().unwrap().insert(name.clone(), holder);
        let found = rig.client().await.check_instance(&name).await.unwrap();
        assert_eq!((code(&found), found.standing), expected, "{found:?}");
        assert!(found.sentence.contains(part), "{}", found.sentence);
        assert!(told.insert(found.sentence), "each has its own sentence");
    }
    let client = Rig::new().await.client().await;
    let untold = client.check_instance("a name that nobody tells of").await;
    assert!(untold.is_none(), "{untold:?}");
}

#[tokio::test]
async fn an_address_goes_out_only_where_this_program_gets_it() {
    for (handler, expected, repair) in [
        (SchemeHandler::Nobody, "scheme_unhandled", true),
        (program("/opt/gone", false, false), "scheme_program_missing", true),
        (program("/opt/other", true, false), "scheme_elsewhere", true),
    ] {
        let rig = Rig::new().await;
        takes(&rig, OWN, handler);
        let findings = look(&rig, &rig.client().await).await;
        let scheme = find(&findings, "scheme");
        assert_eq!((code(scheme), scheme.standing), (expected, Standing::Failed));
        assert_eq!(scheme.repair, repair.then_some(Repair::RegisterScheme));
        assert_eq!(
            *rig.desktop.handed.borrow(),
            None,
            "{expected}: a browser may have opened"
        );
    }
}

#[tokio::test]
async fn two_builds_that_one_program_answers_for_are_told() {
    let rig = Rig::new().await;
    takes(&rig, OWN, program("/opt/this", true, true));
    takes(&rig, OTHER, program("/opt/this", true, true));
    let findings = look(&rig, &rig.client().await).await;
    assert_eq!(code(find(&findings, "scheme")), "scheme_shared");
}

#[tokio::test]
async fn an_address_of_the_check_up_is_never_taken_for_a_callback() {
    let rig = Rig::new().await;
    takes(&rig, OWN, program("/opt/this", true, true));
    let client = rig.client().await;
    let attempt = client
        .sign_in(rig.request(tessera_client::Route::Scheme))
        .unwrap();
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    let mut changes = client.changes();

    let findings = look(&rig, &client).await;
    assert_eq!(find(&findings, "scheme").standing, Standing::Ok);
    let sent = rig.desktop.handed.borrow().clone().unwrap();
    // It is known by its number alone, and brings nothing.
    let names: Vec<String> = sent.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!((sent.path(), names), ("/check", vec!["nonce".to_owned()]));
    // Late, once more, made up, or with what belongs into a callback: dropped without a word.
    let state = callback
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1;
    for text in [
        sent.to_string(),
        format!("{OWN}:/check"),
        format!("{OWN}:/check?nonce=0"),
        format!("{OWN}:/check?code=c&state={state}"),
    ] {
        assert!(client.takes_back(&text), "{text}");
    }
    while let Ok(change) = changes.try_recv() {
        assert!(!matches!(change, Change::Notice(_)), "{change:?}");
    }
    // And a callback is none of the check-up's.
    for text in [
        callback.as_str(),
        "app.tessera.desktop:/check/?nonce=0",
        "app.tessera.desktop.dev:/check?nonce=0",
        "https://elsewhere.example/check?nonce=0",
        "check",
    ] {
        assert!(!client.takes_back(text), "{text}");
    }
    client.deliver_callback(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
}

#[tokio::test]
async fn another_number_than_the_one_sent_is_not_the_one_that_came_back() {
    let rig = Rig::new().await;
    takes(&rig, OWN, program("/opt/this", true, true));
    let client = rig.client().await;
    let mut handed = rig.desktop.handed.subscribe();
    let (findings, ()) = tokio::join!(client.check_up(), async {
        handed.changed().await.unwrap();
        let sent: Url = handed.borrow_and_update().clone().unwrap();
        assert!(client.takes_back(&format!("{OWN}:/check?nonce=1")));
        assert!(client.takes_back(&format!("{sent}1")));
    });
    assert_eq!(code(find(&findings, "scheme")), "scheme_not_returned");
}

#[tokio::test]
async fn a_keychain_that_is_locked_is_not_asked_until_the_person_wants_it() {
    let rig = Rig::new().await;
    *rig.desktop.bus.lock().unwrap() = Some(Ok(SecretService::Locked));
    let client = rig.client().await;
    client.tidied(Duration::from_secs(30)).await;
    rig.keychain.diary.lock().unwrap().clear();
    let findings = look(&rig, &client).await;
    let keychain = find(&findings, "keychain");
    assert_eq!(
        (code(keychain), keychain.standing),
        ("keychain_locked", Standing::Failed)
    );
    assert_eq!(keychain.repair, Some(Repair::UnlockKeychain));
    assert_eq!(*rig.keychain.diary.lock().unwrap(), Vec::<String>::new());
    client.unlock_keychain().await.unwrap();
    assert_eq!(
        *rig.keychain.diary.lock().unwrap(),
        ["put probe", "get probe", "delete probe"]
    );
}

#[tokio::test]
async fn what_is_missing_on_the_desktop_is_told_apart() {
    for (bus, expected) in [
        (Ok(SecretService::Missing), "keychain_missing"),
        (Err(DesktopError::NoBus("gone".to_owned())), "session_bus_missing"),
        (Err(DesktopError::Failed("odd".to_owned())), "desktop_not_asked"),
        (Ok(SecretService::Startable), "none"),
    ] {
        let rig = Rig::new().await;
        *rig.desktop.bus.lock().unwrap() = Some(bus);
        *rig.desktop.no_browser.lock().unwrap() = true;
        let findings = look(&rig, &rig.client().await).await;
        assert_eq!(code(find(&findings, "session_bus")), expected);
        let browser = find(&findings, "browser");
        assert_eq!(
            (code(browser), browser.standing),
            ("browser_missing", Standing::Failed)
        );
    }
}

/// The time is the runtime's: it jumps to the next limit whenever nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn nothing_that_does_not_answer_holds_it_up() {
    let rig = Rig::new().await;
    let silent = server(|mut connection| async move {
        let mut all = Vec::new();
        let _ = connection.read_to_end(&mut all).await;
    })
    .await;
    let issuers = ["a", "b", "c"].map(|id| (id, format!("http://{silent}/{id}")));
    let issuers: Vec<(&str, &str)> = issuers
        .iter()
        .map(|(id, issuer)| (*id, issuer.as_str()))
        .collect();
    name(&rig, &issuers);
    let client = rig.client().await;
    rig.desktop.silent.send_replace(true);
    rig.keychain.silent.send_replace(Some(("put", "probe")));
    let began = Instant::now();
    let findings = client.check_up().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    for check in ["session_bus", "keychain", "browser", "scheme"] {
        assert_eq!(code(find(&findings, check)), "check_no_answer", "{check}");
    }
    let providers: Vec<_> = findings.iter().filter(|one| one.check == "provider").collect();
    assert_eq!(providers.len(), 3);
    assert!(
        providers.iter().all(|one| code(one) == "no_answer_in_time"),
        "{providers:#?}"
    );
    // What went on without anyone waiting takes its probe away when it can.
    rig.keychain.silent.send_replace(None);
    client.tidied(Duration::from_secs(30)).await;
    assert!(
        rig.keychain.entries.lock().unwrap().is_empty(),
        "a probe is left behind"
    );
}
