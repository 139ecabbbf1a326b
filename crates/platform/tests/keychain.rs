//! The keychain on a real Secret Service: GNOME's, on a bus and in a home of its own.
//!
//! Needs the packages dbus, gnome-keyring, xvfb and xdotool. The program that shows password windows is the
//! real one where a password is typed; where a window is ignored or closed it is played, to be counted.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and makes the world that it runs in"
)]

mod service;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use keyring_core::api::CredentialStoreApi as _;
use tessera_client::ports::{SecretBytes, Vault as _, VaultError};
use tessera_platform::{DataFolder, KeychainLimits, OsKeychain};
use tokio::time::timeout;

use service::{Daemon, Prompter, Screen, home, in_session, without_bus};

const KEY: &str = "refresh/3f2c";

/// Short where a test waits for a limit to pass.
const SHORT: KeychainLimits = KeychainLimits {
    unlock: Duration::from_millis(600),
    answer: Duration::from_secs(5),
};

fn folder(name: &str) -> DataFolder {
    DataFolder::at(&home().join(name)).unwrap()
}

fn keychain() -> OsKeychain {
    OsKeychain::new(&folder("data"))
}

fn bytes(length: usize, seed: u8) -> SecretBytes {
    let byte = |index: usize| u8::try_from((index + index / 256) % 256).unwrap() ^ seed;
    SecretBytes::new((0..length).map(byte).collect::<Vec<_>>())
}

#[test]
fn a_secret_of_any_size_and_content_comes_back() {
    in_session("a_secret_of_any_size_and_content_comes_back", async || {
        let _daemon = Daemon::unlocked().await;
        let keychain = keychain();
        assert_eq!(keychain.get(KEY).await, Ok(None));
        for size in [0, 1, 256, 2000, 20_000, 5000, 10] {
            keychain.put(KEY, bytes(size, 7)).await.unwrap();
            assert_eq!(keychain.get(KEY).await, Ok(Some(bytes(size, 7))), "{size} bytes");
        }
        assert_eq!(
            self::keychain().get(KEY).await,
            Ok(Some(bytes(10, 7))),
            "for another process"
        );
        assert_eq!(keychain.describe(), "the GNOME keyring");
        keychain.delete(KEY).await.unwrap();
        assert_eq!(keychain.get(KEY).await, Ok(None));
        keychain.delete(KEY).await.unwrap();
    });
}

#[test]
fn folders_do_not_see_each_others_entries() {
    in_session("folders_do_not_see_each_others_entries", async || {
        let _daemon = Daemon::unlocked().await;
        let (one, other) = (OsKeychain::new(&folder("one")), OsKeychain::new(&folder("other")));
        one.put(KEY, bytes(3000, 1)).await.unwrap();
        assert_eq!(other.get(KEY).await, Ok(None));
        other.put(KEY, bytes(4, 2)).await.unwrap();
        other.delete(KEY).await.unwrap();
        assert_eq!(one.get(KEY).await, Ok(Some(bytes(3000, 1))));
    });
}

#[test]
fn what_is_there_is_listed_by_name_and_nobody_is_asked_for_it() {
    let name = "what_is_there_is_listed_by_name_and_nobody_is_asked_for_it";
    in_session(name, async || {
        let daemon = Daemon::unlocked().await;
        let keychain = keychain();
        assert_eq!(keychain.list().await, Ok(Some(Vec::new())));
        keychain.put(KEY, bytes(20_000, 1)).await.unwrap();
        keychain.put("access/3f2c", bytes(4, 2)).await.unwrap();
        OsKeychain::new(&folder("other"))
            .put("refresh/other", bytes(4, 3))
            .await
            .unwrap();
        let names = ["access/3f2c", KEY].map(str::to_owned).to_vec();
        assert_eq!(keychain.list().await, Ok(Some(names)));
        let prompter = Prompter::new().await;
        daemon.lock().await;
        assert_eq!(keychain.list().await, Err(VaultError::Locked));
        let nothing = OsKeychain::new(&folder("nothing")).list().await;
        assert_eq!(nothing, Err(VaultError::Locked), "what is not there");
        assert_eq!(prompter.begun.load(Ordering::SeqCst), 0);
        daemon.kill().await;
        assert!(matches!(keychain.list().await, Err(VaultError::Missing(_))));
    });
}

#[test]
fn a_missing_piece_is_damage_and_not_an_empty_place() {
    in_session("a_missing_piece_is_damage_and_not_an_empty_place", async || {
        let _daemon = Daemon::unlocked().await;
        let keychain = keychain();
        keychain.put(KEY, bytes(9000, 1)).await.unwrap();
        let namespace = folder("data").namespace().to_owned();
        tokio::task::spawn_blocking(move || {
            let store = zbus_secret_service_keyring_store::Store::new().unwrap();
            let piece = store.build(&namespace, &format!("{KEY}#a1"), None).unwrap();
            piece.delete_credential().unwrap();
        })
        .await
        .unwrap();
        assert_eq!(keychain.get(KEY).await, Err(VaultError::Damaged));
        keychain.put(KEY, bytes(9000, 2)).await.unwrap();
        assert_eq!(keychain.get(KEY).await, Ok(Some(bytes(9000, 2))));
    });
}

#[test]
fn writers_at_the_same_time_leave_one_whole_value() {
    in_session("writers_at_the_same_time_leave_one_whole_value", async || {
        let _daemon = Daemon::unlocked().await;
        let values: Vec<SecretBytes> = (1..=3).map(|seed| bytes(6000, seed)).collect();
        keychain().put(KEY, values[0].clone()).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for value in values.clone() {
            // Each with a keychain of its own, as if in a process of its own.
            let keychain = keychain();
            tasks.spawn(async move {
                for _ in 0..5 {
                    keychain.put(KEY, value.clone()).await.unwrap();
                }
            });
        }
        let reader = keychain();
        while !tasks.is_empty() {
            let found = reader.get(KEY).await.unwrap().unwrap();
            assert!(values.contains(&found), "a mixture was read");
            while let Some(done) = tasks.try_join_next() {
                done.unwrap();
            }
        }
    });
}

#[test]
fn many_at_once_on_one_keychain() {
    in_session("many_at_once_on_one_keychain", async || {
        let _daemon = Daemon::unlocked().await;
        let keychain = Arc::new(keychain());
        let mut tasks = tokio::task::JoinSet::new();
        for seed in 0..20 {
            let keychain = Arc::clone(&keychain);
            tasks.spawn(async move {
                let key = format!("access/{}", seed % 5);
                keychain.put(&key, bytes(100, seed)).await.unwrap();
                assert!(keychain.get(&key).await.unwrap().is_some());
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn a_service_that_was_restarted_is_found_again() {
    in_session("a_service_that_was_restarted_is_found_again", async || {
        let daemon = Daemon::unlocked().await;
        let keychain = keychain();
        keychain.put(KEY, bytes(5000, 1)).await.unwrap();
        daemon.kill().await;
        let _daemon = Daemon::unlocked().await;
        assert_eq!(keychain.get(KEY).await, Ok(Some(bytes(5000, 1))));
        keychain.put(KEY, bytes(10, 2)).await.unwrap();
        assert_eq!(keychain.get(KEY).await, Ok(Some(bytes(10, 2))));
    });
}

#[test]
fn a_service_that_ended_is_missing_until_it_is_back() {
    in_session("a_service_that_ended_is_missing_until_it_is_back", async || {
        let daemon = Daemon::unlocked().await;
        let keychain = keychain();
        keychain.put(KEY, bytes(10, 1)).await.unwrap();
        daemon.kill().await;
        assert!(matches!(keychain.get(KEY).await, Err(VaultError::Missing(_))));
        let _daemon = Daemon::unlocked().await;
        assert_eq!(keychain.get(KEY).await, Ok(Some(bytes(10, 1))));
    });
}

#[test]
fn a_service_that_hangs_is_given_up_and_taken_up_again() {
    in_session(
        "a_service_that_hangs_is_given_up_and_taken_up_again",
        async || {
            let daemon = Daemon::unlocked().await;
            let limits = KeychainLimits {
                answer: Duration::from_millis(500),
                ..SHORT
            };
            let keychain = OsKeychain::with_limits(&folder("data"), limits);
            self::keychain().put(KEY, bytes(10, 1)).await.unwrap();
            daemon.freeze();
            assert!(matches!(keychain.get(KEY).await, Err(VaultError::Failed(_))));
            daemon.thaw();
            assert_eq!(self::keychain().get(KEY).await, Ok(Some(bytes(10, 1))));
        },
    );
}

#[test]
fn a_locked_keychain_that_nobody_can_be_asked_about_is_locked() {
    in_session(
        "a_locked_keychain_that_nobody_can_be_asked_about_is_locked",
        async || {
            let daemon = Daemon::unlocked().await;
            let keychain = keychain();
            keychain.put(KEY, bytes(10, 1)).await.unwrap();
            assert!(!keychain.asks().await);
            daemon.lock().await;
            assert!(keychain.asks().await);
            assert_eq!(keychain.get(KEY).await, Err(VaultError::Locked));
            assert_eq!(
                keychain.get("refresh/other").await,
                Err(VaultError::Locked),
                "what is not there"
            );
            assert_eq!(keychain.put(KEY, bytes(10, 2)).await, Err(VaultError::Locked));
            assert_eq!(keychain.delete(KEY).await, Err(VaultError::Locked));
            daemon.unlock().await;
            assert_eq!(keychain.get(KEY).await, Ok(Some(bytes(10, 1))));
        },
    );
}

#[test]
fn a_person_who_types_the_password_is_waited_for() {
    in_session("a_person_who_types_the_password_is_waited_for", async || {
        let daemon = Daemon::unlocked().await;
        let keychain = Arc::new(keychain());
        keychain.put(KEY, bytes(5000, 1)).await.unwrap();
        let screen = Screen::new(&daemon).await;
        daemon.lock().await;
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let keychain = Arc::clone(&keychain);
            waiting.spawn(async move { keychain.get(KEY).await });
        }
        screen.until_asked().await;
        let mut results = Vec::new();
        while results.len() < 3 {
            // A window that has only just appeared does not have the keyboard yet; then it is typed again.
            screen.type_password().await;
            while let Ok(Some(result)) = timeout(Duration::from_secs(1), waiting.join_next()).await {
                results.push(result.unwrap());
            }
        }
        assert_eq!(results, [1, 1, 1].map(|seed| Ok(Some(bytes(5000, seed)))));
    });
}

#[test]
fn a_prompt_that_is_declined_is_declined_for_all_who_waited() {
    let name = "a_prompt_that_is_declined_is_declined_for_all_who_waited";
    in_session(name, async || {
        let daemon = Daemon::unlocked().await;
        let keychain = keychain();
        keychain.put(KEY, bytes(10, 1)).await.unwrap();
        let prompter = Prompter::new().await;
        daemon.lock().await;
        let waiting = (0..5).map(async |index| keychain.get(&format!("refresh/{index}")).await);
        let declining = async {
            prompter.until_shown().await;
            prompter.decline();
        };
        // All begin before the window can be there, let alone declined.
        let (results, ()) = tokio::join!(join_all(waiting), declining);
        assert!(
            results.iter().all(|result| *result == Err(VaultError::Locked)),
            "{results:?}"
        );
        // The keyring shows one window after the other, so others would have been declined, too.
        assert_eq!(prompter.begun.load(Ordering::SeqCst), 1);
        assert_eq!(keychain.get(KEY).await, Err(VaultError::Locked));
        assert_eq!(
            prompter.begun.load(Ordering::SeqCst),
            2,
            "who begins later is asked anew"
        );
    });
}

#[test]
fn a_prompt_that_nobody_answers_is_given_up_and_shared() {
    in_session(
        "a_prompt_that_nobody_answers_is_given_up_and_shared",
        async || {
            let daemon = Daemon::unlocked().await;
            let keychain = Arc::new(OsKeychain::with_limits(&folder("data"), SHORT));
            keychain.put(KEY, bytes(10, 1)).await.unwrap();
            let prompter = Prompter::new().await;
            daemon.lock().await;
            let mut waiting = tokio::task::JoinSet::new();
            for index in 0..5 {
                let keychain = Arc::clone(&keychain);
                waiting.spawn(async move { keychain.get(&format!("refresh/{index}")).await });
            }
            for result in waiting.join_all().await {
                assert_eq!(result, Err(VaultError::Locked));
            }
            assert_eq!(prompter.begun.load(Ordering::SeqCst), 1, "one prompt for all");
            assert_eq!(keychain.get(KEY).await, Err(VaultError::Locked));
            assert_eq!(
                prompter.begun.load(Ordering::SeqCst),
                1,
                "and the same for who comes later"
            );
            daemon.unlock().await;
            assert_eq!(keychain.get(KEY).await, Ok(Some(bytes(10, 1))));
        },
    );
}

#[test]
fn where_there_is_no_keyring_and_nobody_to_make_one_it_is_missing() {
    in_session(
        "where_there_is_no_keyring_and_nobody_to_make_one_it_is_missing",
        async || {
            let _daemon = Daemon::new_and_empty().await;
            let keychain = keychain();
            assert!(matches!(
                keychain.put(KEY, bytes(10, 1)).await,
                Err(VaultError::Missing(_))
            ));
            assert!(matches!(keychain.get(KEY).await, Err(VaultError::Missing(_))));
            assert_eq!(keychain.delete(KEY).await, Ok(()));
        },
    );
}

#[test]
fn a_bus_without_a_secret_service_has_no_keychain() {
    in_session("a_bus_without_a_secret_service_has_no_keychain", async || {
        let keychain = keychain();
        assert!(matches!(
            keychain.put(KEY, bytes(10, 1)).await,
            Err(VaultError::Missing(_))
        ));
        assert!(matches!(keychain.get(KEY).await, Err(VaultError::Missing(_))));
        assert!(matches!(keychain.delete(KEY).await, Err(VaultError::Missing(_))));
        assert_eq!(keychain.describe(), "the Secret Service");
    });
}

#[test]
fn no_bus_is_no_keychain() {
    without_bus("no_bus_is_no_keychain", async || {
        let keychain = keychain();
        assert!(matches!(
            keychain.put(KEY, bytes(10, 1)).await,
            Err(VaultError::Missing(_))
        ));
        assert!(matches!(keychain.get(KEY).await, Err(VaultError::Missing(_))));
    });
}

#[test]
fn a_name_that_could_be_a_piece_is_refused() {
    without_bus("a_name_that_could_be_a_piece_is_refused", async || {
        for key in ["", "refresh/1#a0", "with space", "ä"] {
            assert!(
                matches!(keychain().get(key).await, Err(VaultError::Failed(_))),
                "{key}"
            );
        }
    });
}
