//! What the provider, the network and the person do, each with the end that it must have.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use lab::journey;
use lab::pages::{ANN, BOB};
use lab::terminal::Ended;
use lab::visitor::Decision;
use tokio::net::TcpListener;
use url::Url;

use crate::scene::{Scene, check, visitor};

/// Shown to a provider that knows this client without one.
const CLIENT_SECRET: &str = "a-client-secret-of-some-length";

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
enum Cause {
    /// An issuer address that cannot be one.
    Address(&'static str),
    /// Nobody is there.
    NobodyThere,
    /// A fault of the provider before there is a page to open.
    Before(&'static str),
    /// A fault of the provider after the person has agreed.
    After(&'static str),
    /// The person says no on the provider's page.
    Declined,
    /// A client secret that the provider does not want.
    Secret,
    /// Ctrl-C.
    Interrupted,
    /// The person does not come back.
    TooLate,
    /// There is no session bus.
    NoKeychain,
}

struct Case {
    cause: Cause,
    exit: i32,
    code: &'static str,
}

const fn case(cause: Cause, exit: i32, code: &'static str) -> Case {
    Case { cause, exit, code }
}

const CASES: [Case; 18] = [
    case(Cause::Address("login.example"), 2, "issuer_invalid"),
    case(
        Cause::Address("https://login.example/?tenant=1"),
        2,
        "issuer_invalid",
    ),
    case(Cause::Address("http://login.example"), 3, "issuer_insecure"),
    case(Cause::NobodyThere, 5, "unreachable"),
    case(Cause::Before("metadata-404"), 5, "metadata_status"),
    case(Cause::Before("metadata-html"), 5, "metadata_not_json"),
    case(Cause::Before("metadata-not-json"), 5, "metadata_not_json"),
    case(Cause::Before("metadata-other-issuer"), 3, "issuer_mismatch"),
    case(Cause::Before("metadata-plain-http"), 3, "endpoint_insecure"),
    case(Cause::Declined, 4, "access_denied"),
    case(Cause::After("token-html"), 5, "token_response_not_json"),
    case(Cause::After("id-token-forged"), 3, "id_token_signature"),
    case(Cause::After("userinfo-other-subject"), 3, "userinfo_sub"),
    case(Cause::Secret, 5, "invalid_client"),
    case(Cause::Interrupted, 4, "cancelled"),
    case(Cause::TooLate, 4, "timed_out"),
    case(Cause::NoKeychain, 6, "keychain_missing"),
    // Once more at the end: nothing of what came before is left.
    case(Cause::NobodyThere, 5, "unreachable"),
];

/// Lets it go wrong.
async fn end_of(scene: &Scene<'_>, cause: Cause) -> Result<Ended> {
    let named = async |issuer: &str| {
        let arguments = [
            "login",
            "--issuer",
            issuer,
            "--client-id",
            "x",
            "--no-browser",
            "--json",
        ];
        scene.terminal.run(&arguments).await
    };
    match cause {
        Cause::Address(address) => named(address).await,
        Cause::NobodyThere => {
            let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
            named(&format!("http://{port}")).await
        }
        Cause::Before(fault) => {
            scene.op.set_fault(Some(fault)).await?;
            let ended = scene.login(&[])?.end().await;
            scene.op.set_fault(None).await?;
            ended
        }
        Cause::After(fault) => {
            let mut run = scene.login(&[])?;
            let callback = scene.visit(&mut run, BOB, Decision::Allow).await?;
            scene.op.set_fault(Some(fault)).await?;
            let ended = scene.finish(run, &callback).await;
            scene.op.set_fault(None).await?;
            ended
        }
        Cause::Declined => {
            let mut run = scene.login(&[])?;
            let callback = scene.visit(&mut run, BOB, Decision::Deny).await?;
            scene.finish(run, &callback).await
        }
        Cause::Secret => {
            let mut run = scene.login(&["--client-secret", CLIENT_SECRET])?;
            let callback = scene.visit(&mut run, BOB, Decision::Allow).await?;
            scene.finish(run, &callback).await
        }
        Cause::Interrupted => {
            let mut run = scene.login(&[])?;
            run.open().await?;
            run.interrupt()?;
            run.end().await
        }
        Cause::TooLate => {
            let mut run = scene.login(&["--timeout", "1"])?;
            run.open().await?;
            run.end().await
        }
        Cause::NoKeychain => {
            let without = [("DBUS_SESSION_BUS_ADDRESS", ""), ("XDG_RUNTIME_DIR", "")];
            scene.login_with(&[], &without)?.end().await
        }
    }
}

#[tokio::test]
async fn each_has_its_own_end_and_costs_nothing_that_was_there() -> Result<()> {
    journey("errors-table", async |desktop| {
        let scene = Scene::new(desktop).await?;
        let mut words = BTreeMap::new();
        for Case { cause, exit, code } in CASES {
            let given = scene.op.tokens_given("authorization_code").await?;
            let name = format!("{cause:?}");
            let ended = end_of(&scene, cause).await.with_context(|| name.clone())?;
            let (message, _) = check(&name, &ended, exit, code)?;
            let other = words.insert(code, message.clone());
            ensure!(
                words.iter().filter(|(_, words)| **words == message).count() == 1 || other.is_some(),
                "{name} says what another says: {message}"
            );
            let spent = scene.op.tokens_given("authorization_code").await? - given;
            let expected = usize::from(matches!(cause, Cause::After(_)));
            ensure!(spent == expected, "{name} spent {spent} codes");
            scene
                .nothing_is_lost()
                .await
                .with_context(|| format!("after {name}"))?;
        }
        ensure!(words.len() >= 15, "{words:?}");
        scene.hunt(&[CLIENT_SECRET], &[]).await
    })
    .await
}

#[tokio::test]
async fn an_answer_for_a_sign_in_that_is_over_is_refused_in_words_and_costs_no_token_request() -> Result<()> {
    journey("errors-gone", async |desktop| {
        let scene = Scene::new(desktop).await?;
        let arguments = [
            "login",
            "--issuer",
            &scene.op.issuer,
            "--client-id",
            &scene.op.client_id,
            "--redirect",
            "paste",
            "--no-browser",
        ];
        let begin = async || -> Result<_> {
            let mut run = scene.terminal.start(&arguments)?;
            ensure!(run.note().await? == "Open this address in your browser:");
            let address: Url = run.note().await?.trim().parse()?;
            ensure!(run.note().await?.starts_with("When the browser is done, paste"));
            Ok((run, address))
        };
        let (first, address) = begin().await?;
        let late = visitor()?.walk(&address, BOB, Decision::Allow).await?;
        first.interrupt()?;
        let ended = first.end().await?;
        ensure!(
            ended.code == Some(4) && ended.notes.contains("[cancelled]"),
            "{ended:?}"
        );

        let before = scene.op.events("token").await?.len();
        let (mut second, address) = begin().await?;
        let here = address.query_pairs().find(|(name, _)| name == "redirect_uri");
        let mut here: Url = here.context("a redirect URI")?.1.parse()?;
        here.set_query(late.query());
        for (line, code) in [
            (late.to_string(), "redirect_uri_mismatch"),
            (here.to_string(), "state_mismatch"),
            (
                here.as_str().replace("/callback", "/other"),
                "redirect_uri_mismatch",
            ),
            (here.as_str().replace("state=", "other="), "state_missing"),
            ("yes".to_owned(), "callback_not_an_address"),
        ] {
            second.type_line(&line).await?;
            let (message, hint) = (second.note().await?, second.note().await?);
            ensure!(
                message.ends_with('.') && hint.ends_with(&format!(". [{code}]")),
                "{code}: {message} {hint}"
            );
        }
        // The old sign-in's port answers nobody any more.
        ensure!(visitor()?.finish(&late).await.is_err());
        ensure!(
            scene.op.events("token").await?.len() == before,
            "a token request was spent"
        );
        // It went on waiting: its own answer is taken.
        let own = visitor()?.walk(&address, ANN, Decision::Allow).await?;
        second.type_line(own.as_str()).await?;
        let ended = second.end().await?;
        ensure!(
            ended.code == Some(0) && ended.out.contains("You are signed in"),
            "{ended:?}"
        );
        ensure!(scene.op.events("token").await?.len() == before + 1);
        ensure!(
            scene.listed().await?["id"] == scene.account["id"],
            "Ann again is the same account"
        );
        scene.hunt(&[], &[]).await
    })
    .await
}
