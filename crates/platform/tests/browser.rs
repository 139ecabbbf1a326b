//! The opener as a person has it: a program on the path, found and started with the right environment.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and makes the world that it runs in"
)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tessera_client::ports::Browser as _;
use tessera_platform::SystemBrowser;
use url::Url;

use support::{Home, in_child};

const PAGE: &str = "https://login.example/authorize?state=s&code_challenge=c";

/// Tells what it was started with by way of a named pipe, so that the test can wait for it.
const TELLS: &str = "#!/bin/sh\n{ printf '%s\\n' \"$#\" \"$@\"; env; ps -o pgid= -p $$; } > \"$HOME/told\"\n";

fn write_program(home: &Path, name: &str, script: &str) {
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let path = bin.join(name);
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A home whose `bin` is all of the path that holds openers: the tools that the scripts use are linked there.
fn with_programs(
    name: &str,
    programs: &'static [(&'static str, &'static str)],
    environment: &'static [(&'static str, &'static str)],
    body: impl AsyncFnOnce(),
) {
    let environment = |home: &Home| {
        std::fs::create_dir_all(home.path().join("bin")).unwrap();
        for tool in ["sh", "env", "ps", "mkfifo", "sleep", "cat"] {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            let tool_path = found.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(tool_path, home.path().join("bin").join(tool)).unwrap();
        }
        for (name, script) in programs {
            write_program(home.path(), name, script);
        }
        let bin = home.path().join("bin").display().to_string();
        let mut all = vec![("PATH".to_owned(), bin)];
        all.extend(
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        all
    };
    in_child(name, |_| Vec::new(), environment, async || body().await);
}

fn told() -> PathBuf {
    std::env::home_dir().unwrap().join("told")
}

async fn open(url: &str) -> Result<(), String> {
    let url: Url = url.parse().unwrap();
    SystemBrowser::new()
        .open(&url)
        .await
        .map_err(|error| error.to_string())
}

#[test]
fn the_opener_gets_the_address_as_its_one_argument() {
    with_programs(
        "the_opener_gets_the_address_as_its_one_argument",
        &[("xdg-open", TELLS)],
        &[],
        async || {
            open(PAGE).await.unwrap();
            let told = std::fs::read_to_string(told()).unwrap();
            let mut lines = told.lines();
            assert_eq!((lines.next(), lines.next()), (Some("1"), Some(PAGE)));
            let group: u32 = told.lines().last().unwrap().trim().parse().unwrap();
            let own = rustix::process::getpgrp().as_raw_nonzero().get();
            assert_ne!(
                group,
                u32::try_from(own).unwrap(),
                "Ctrl-C here would reach the browser"
            );
        },
    );
}

#[test]
fn an_opener_outside_the_appimage_inherits_nothing_from_inside() {
    with_programs(
        "an_opener_outside_the_appimage_inherits_nothing_from_inside",
        &[("xdg-open", TELLS)],
        &[
            ("APPDIR", "/tmp/.mount_Tessera"),
            ("APPIMAGE", "/home/ann/Tessera.AppImage"),
            ("LD_LIBRARY_PATH", "/tmp/.mount_Tessera/usr/lib"),
            ("XDG_DATA_DIRS", "/tmp/.mount_Tessera/usr/share:/usr/share"),
            ("GDK_BACKEND", "x11"),
            ("DISPLAY", ":7"),
        ],
        async || {
            open(PAGE).await.unwrap();
            let told = std::fs::read_to_string(told()).unwrap();
            assert!(
                !told.contains(".mount_Tessera") && !told.contains("GDK_BACKEND"),
                "{told}"
            );
            assert!(!told.contains("APPIMAGE="), "{told}");
            assert!(
                told.contains("XDG_DATA_DIRS=/usr/share\n") && told.contains("DISPLAY=:7\n"),
                "{told}"
            );
        },
    );
}

#[test]
fn without_an_opener_the_error_names_what_to_install() {
    with_programs(
        "without_an_opener_the_error_names_what_to_install",
        &[],
        &[],
        async || {
            let error = open(PAGE).await.unwrap_err();
            assert!(error.contains("xdg-open is not installed"), "{error}");
            assert!(!error.contains("login.example"), "{error}");
        },
    );
}

#[test]
fn an_opener_that_fails_is_reported_and_another_is_tried() {
    with_programs(
        "an_opener_that_fails_is_reported_and_another_is_tried",
        &[("xdg-open", "#!/bin/sh\nexit 3\n")],
        &[],
        async || {
            let error = open(PAGE).await.unwrap_err();
            assert!(error.contains("xdg-open ended with 3"), "{error}");
            write_program(&std::env::home_dir().unwrap(), "gio", TELLS);
            open(PAGE).await.unwrap();
            let told = std::fs::read_to_string(told()).unwrap();
            assert!(told.starts_with(&format!("2\nopen\n{PAGE}\n")), "{told}");
        },
    );
}

#[test]
fn an_opener_that_becomes_the_browser_is_not_waited_for_and_leaves_no_zombie() {
    with_programs(
        "an_opener_that_becomes_the_browser_is_not_waited_for_and_leaves_no_zombie",
        &[("xdg-open", "#!/bin/sh\nexec cat \"$HOME/wait\"\n")],
        &[],
        async || {
            let pipe = std::env::home_dir().unwrap().join("wait");
            assert!(
                std::process::Command::new("mkfifo")
                    .arg(&pipe)
                    .status()
                    .unwrap()
                    .success()
            );
            open(PAGE).await.unwrap();
            let children = || {
                let own = std::process::id().to_string();
                let output = std::process::Command::new("ps")
                    .args(["-o", "stat=,comm=", "--ppid", &own])
                    .output();
                let text = String::from_utf8(output.unwrap().stdout).unwrap();
                text.lines()
                    .filter(|line| line.ends_with("cat") || line.contains("xdg-open"))
                    .count()
            };
            assert_eq!(children(), 1, "the browser runs");
            drop(std::fs::OpenOptions::new().write(true).open(&pipe).unwrap());
            while children() > 0 {
                tokio::task::yield_now().await;
            }
        },
    );
}

#[test]
fn only_pages_that_are_safe_to_open_are_opened() {
    with_programs(
        "only_pages_that_are_safe_to_open_are_opened",
        &[("xdg-open", TELLS)],
        &[],
        async || {
            for url in [
                "http://login.example/",
                "file:///etc/passwd",
                "javascript:alert(1)",
                "mailto:ann@example.test",
            ] {
                let error = open(url).await.unwrap_err();
                assert!(!error.contains("passwd") && !told().exists(), "{url}: {error}");
            }
            open("http://127.0.0.1:4000/authorize").await.unwrap();
            assert!(told().exists());
        },
    );
}
