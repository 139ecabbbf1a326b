//! The desktop as a person has it: its own tools say who takes an address, and a real session bus what is on it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and makes the world that it runs in"
)]

#[allow(dead_code, reason = "the tests of the keychain use the rest")]
mod service;
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tessera_client::ports::{
    Desktop as _, DesktopError, HandlerProgram, Holder, LoopbackHost, SchemeHandler, SecretService,
};
use tessera_platform::SystemDesktop;

use service::{BUS, Daemon, home, in_session, in_session_with, without_bus};

const SCHEME: &str = "app.tessera.test";
const ENTRY: &str = "app.tessera.test-handler.desktop";

/// Writes a desktop entry that starts `exec`, and makes it the one for `mime`.
fn takes(mime: &str, exec: &str) {
    let entries = home().join("data-home/applications");
    std::fs::create_dir_all(&entries).unwrap();
    let text = format!("[Desktop Entry]\nType=Application\nName=T\nExec={exec} %u\nMimeType={mime};\n");
    std::fs::write(entries.join(ENTRY), text).unwrap();
    let set = Command::new("xdg-mime").args(["default", ENTRY, mime]).status();
    assert!(set.unwrap().success(), "xdg-mime (package xdg-utils)");
}

fn executable(path: &Path) {
    std::fs::write(path, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn handler() -> HandlerProgram {
    match SystemDesktop.scheme_handler(SCHEME).await {
        Ok(SchemeHandler::Program(program)) => program,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_systems_own_answer_says_who_takes_a_scheme() {
    without_bus("the_systems_own_answer_says_who_takes_a_scheme", async || {
        assert_eq!(
            SystemDesktop.scheme_handler(SCHEME).await,
            Ok(SchemeHandler::Nobody)
        );

        let mime = format!("x-scheme-handler/{SCHEME}");
        let own = std::env::current_exe().unwrap();
        let (link, other) = (home().join("a link"), home().join("other"));
        std::os::unix::fs::symlink(&own, &link).unwrap();
        executable(&other);
        let plain = home().join("no-program");
        std::fs::write(&plain, "").unwrap();
        let check = async |program: &Path, exists: bool, is_this: bool| {
            takes(&mime, &format!("\"{}\"", program.display()));
            let expected = HandlerProgram {
                entry: ENTRY.to_owned(),
                program: program.display().to_string(),
                exists,
                is_this,
            };
            assert_eq!(handler().await, expected);
        };
        check(&own, true, true).await;
        check(&link, true, true).await;
        check(&other, true, false).await;
        check(&plain, false, false).await;
        check(&home().join("gone"), false, false).await;

        // A program without a folder is looked for where programs are.
        takes(&mime, "sh");
        assert!(handler().await.exists);
        // An entry that is named and is not there.
        std::fs::remove_file(home().join("data-home/applications").join(ENTRY)).unwrap();
        let left = SystemDesktop.scheme_handler(SCHEME).await.unwrap();
        assert!(
            match &left {
                SchemeHandler::Nobody => true,
                SchemeHandler::Program(program) => !program.exists,
                SchemeHandler::Untold => false,
            },
            "{left:?}"
        );
    });
}

#[test]
fn the_browser_is_named_with_what_opens_it() {
    without_bus("the_browser_is_named_with_what_opens_it", async || {
        let told = SystemDesktop.browser().await.unwrap();
        assert!(told.contains("xdg-open"), "{told}");
        let browser = home().join("browser");
        executable(&browser);
        takes("x-scheme-handler/https", &browser.display().to_string());
        let told = SystemDesktop.browser().await.unwrap();
        assert!(told.contains(&browser.display().to_string()), "{told}");
        std::fs::remove_file(&browser).unwrap();
        // Some tools still name it, others the next one.
        match SystemDesktop.browser().await {
            Ok(told) => assert!(!told.contains(&browser.display().to_string()), "{told}"),
            Err(error) => assert_eq!(error, DesktopError::NotInstalled(browser.display().to_string())),
        }
    });
}

#[test]
fn tools_that_are_missing_are_named() {
    let environment = |_: &support::Home| vec![("PATH".to_owned(), "/nonexistent".to_owned())];
    support::in_child(
        "tools_that_are_missing_are_named",
        |_| Vec::new(),
        environment,
        async || {
            for error in [
                SystemDesktop.scheme_handler(SCHEME).await.map(drop).unwrap_err(),
                SystemDesktop.browser().await.map(drop).unwrap_err(),
            ] {
                assert!(
                    matches!(&error, DesktopError::NotInstalled(what) if what.contains("xdg-utils")),
                    "{error:?}"
                );
            }
            let url = format!("{SCHEME}:/check?nonce=1").parse().unwrap();
            let error = SystemDesktop.hand_over(&url).await.unwrap_err();
            assert!(!error.to_string().contains("nonce"), "{error}");
        },
    );
}

#[test]
fn an_address_that_is_handed_over_reaches_the_program_that_takes_it() {
    // The opener's own way to start a program needs a screen; that of this desktop does not.
    let environment = |home: &support::Home| {
        let mut all = service::environment(home);
        all.push(("XDG_CURRENT_DESKTOP".to_owned(), "GNOME".to_owned()));
        all
    };
    support::in_child(
        "an_address_that_is_handed_over_reaches_the_program_that_takes_it",
        |_| Vec::new(),
        environment,
        async || {
            let (program, told) = (home().join("handler"), home().join("told"));
            let made = Command::new("mkfifo").arg(&told).status().unwrap();
            assert!(made.success());
            executable(&program);
            let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" > '{}'\n", told.display());
            std::fs::write(&program, script).unwrap();
            takes(
                &format!("x-scheme-handler/{SCHEME}"),
                &program.display().to_string(),
            );
            let address = format!("{SCHEME}:/check?nonce=1");
            let url = address.parse().unwrap();
            let reading = tokio::task::spawn_blocking(move || std::fs::read_to_string(told).unwrap());
            let (handed, read) = tokio::join!(SystemDesktop.hand_over(&url), reading);
            handed.unwrap();
            assert_eq!(read.unwrap().trim(), address);
        },
    );
}

#[test]
fn what_is_on_the_session_bus_is_seen_without_touching_it() {
    in_session(
        "what_is_on_the_session_bus_is_seen_without_touching_it",
        async || {
            assert_eq!(
                SystemDesktop.session_bus().await,
                Ok(Some(SecretService::Missing))
            );
            let daemon = Daemon::unlocked().await;
            assert_eq!(SystemDesktop.session_bus().await, Ok(Some(SecretService::Open)));
            daemon.lock().await;
            assert_eq!(SystemDesktop.session_bus().await, Ok(Some(SecretService::Locked)));
            daemon.unlock().await;
            assert_eq!(SystemDesktop.session_bus().await, Ok(Some(SecretService::Open)));

            let name = "app.tessera.test.SingleInstance";
            assert_eq!(SystemDesktop.name_holder(name).await, Ok(Holder::Nobody));
            let own = zbus::Connection::session().await.unwrap();
            own.request_name(name).await.unwrap();
            assert_eq!(SystemDesktop.name_holder(name).await, Ok(Holder::This));
            let other = SystemDesktop.name_holder("org.freedesktop.secrets").await;
            assert!(
                matches!(
                    &other,
                    Ok(Holder::Program { program: Some(program), process: Some(_) })
                        if program.contains("gnome-keyring-daemon")
                ),
                "another process has it: {other:?}"
            );
        },
    );
}

/// A bus that does not say whose a name is has not said that it is nobody's.
#[test]
fn a_bus_that_refuses_to_answer_is_not_taken_for_a_name_that_nobody_has() {
    let deny = "  <deny send_interface=\"org.freedesktop.DBus\" send_member=\"GetConnectionUnixProcessID\"/>\n  </policy>";
    in_session_with(
        &BUS.replace("</policy>", deny),
        "a_bus_that_refuses_to_answer_is_not_taken_for_a_name_that_nobody_has",
        async || {
            let name = "app.tessera.test.SingleInstance";
            let own = zbus::Connection::session().await.unwrap();
            own.request_name(name).await.unwrap();
            for name in [name, "app.tessera.test.Nobody"] {
                let holder = SystemDesktop.name_holder(name).await;
                assert!(matches!(holder, Err(DesktopError::Failed(_))), "{holder:?}");
            }
        },
    );
}

#[tokio::test]
async fn who_listens_at_a_port_is_named() {
    let own = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = own.local_addr().unwrap().port();
    let holder = async |host| SystemDesktop.port_holder(host, port).await;
    assert_eq!(holder(LoopbackHost::V4).await, Holder::This);
    assert_eq!(holder(LoopbackHost::Localhost).await, Holder::This);
    assert_eq!(holder(LoopbackHost::V6).await, Holder::Nobody, "another address");
    // Another process that has inherited it, which this one lets go of.
    let socket = std::os::fd::OwnedFd::from(own.into_std().unwrap());
    let mut other = tokio::process::Command::new("sleep")
        .arg("1000")
        .stdin(socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let found = holder(LoopbackHost::V4).await;
    let process = other.id().unwrap();
    assert!(
        matches!(&found, Holder::Program { program: Some(program), process: Some(id) }
            if program.ends_with("sleep") && *id == process),
        "{found:?}"
    );
    other.kill().await.unwrap();
    assert_eq!(holder(LoopbackHost::V4).await, Holder::Nobody);
}

#[tokio::test]
async fn who_listens_at_every_address_listens_at_this_computers_own() {
    use LoopbackHost::{Localhost, V4, V6};
    for (everywhere, hosts) in [
        ("0.0.0.0:0", &[V4, Localhost][..]),
        ("[::]:0", &[V4, V6, Localhost]),
    ] {
        // A machine may have no IPv6.
        let Ok(own) = tokio::net::TcpListener::bind(everywhere).await else {
            continue;
        };
        let port = own.local_addr().unwrap().port();
        for host in [V4, V6, Localhost] {
            let is_there = SystemDesktop.port_holder(host, port).await == Holder::This;
            assert_eq!(is_there, hosts.contains(&host), "{everywhere}: {host:?}");
        }
    }
}

#[test]
fn without_a_session_bus_that_is_what_is_said() {
    without_bus("without_a_session_bus_that_is_what_is_said", async || {
        assert!(matches!(
            SystemDesktop.session_bus().await,
            Err(DesktopError::NoBus(_))
        ));
        assert!(matches!(
            SystemDesktop.name_holder("app.tessera.test").await,
            Err(DesktopError::NoBus(_))
        ));
    });
}
