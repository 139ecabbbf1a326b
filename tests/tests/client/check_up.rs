//! What is tried before a browser opens, and what a person is told of it. The desktop says what a test wants it to
//! say; everything else is real.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tessera_client::ports::{DesktopError, HandlerProgram, SchemeHandler, SecretService};
use tessera_client::{Change, Client, Error, Finding, ProviderId, Repair, Standing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;
use url::Url;

use crate::rig::Rig;

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
    assert!(
        findings.iter().all(|finding| finding.check != "clock"),
        "whoever answers there, it is not the provider's time"
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

    let tls = server(untrusted).await;
    let tls = provider_at(&format!("https://{tls}")).await;
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

/// Speaks TLS, by a certificate that nobody vouches for.
async fn untrusted(connection: tokio::net::TcpStream) {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let _ = tokio_rustls::TlsAcceptor::from(Arc::new(config))
        .accept(connection)
        .await;
}

#[tokio::test]
async fn providers_with_an_account_come_first_and_three_are_asked_at_most() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    rig.sign_in(&client, "ann").await;
    let away = ["a", "b", "c", "d"].map(|id| (id, format!("http://127.0.0.1:1/{id}")));
    let away: Vec<(&str, &str)> = away.iter().map(|(id, issuer)| (*id, issuer.as_str())).collect();
    name(&rig, &away);
    let findings = look(&rig, &rig.client().await).await;
    let asked: Vec<_> = findings
        .iter()
        .filter(|finding| finding.check == "provider")
        .collect();
    assert_eq!(asked.len(), 3, "{asked:#?}");
    // The sandbox is no entry of providers.toml: it was named for one sign-in, and its account stays.
    assert_eq!(asked[0].standing, Standing::Ok, "{asked:#?}");
    assert_eq!((code(asked[1]), code(asked[2])), ("unreachable", "unreachable"));
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
