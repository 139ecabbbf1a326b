//! The words themselves, as the terminal and the app's window get them from the client: the window shows code,
//! sentence and hint as they are.

use std::collections::BTreeSet;

use tessera_client::ports::{BrowserError, DesktopError, Holder, HttpError, VaultError};
use tessera_client::{
    AccountError, AddressError, AttemptError, BrowserUnknown, Category, CheckUpError, Error, Issuer,
    PolicyError, ProviderError, SignInNeed, SignOutError, StoreError,
};

/// Stands where text of the system or of others goes into an error.
const ELSEWHERE: &str = "text from elsewhere";

fn elsewhere() -> String {
    ELSEWHERE.to_owned()
}

fn address(text: &str) -> AddressError {
    text.parse::<Issuer>().expect_err("this is no issuer")
}

/// Every error of the list that needs no provider's answer, with its code and kind.
fn errors() -> Vec<(Error, &'static str, Category)> {
    use Category::{Cancelled, CheckFailed, Keychain, Machine, NeedsSignIn, Network, Policy, Usage};
    let unreachable = HttpError::Unreachable {
        host: "login.example".to_owned(),
        reason: elsewhere(),
    };
    vec![
        (
            ProviderError::Issuer(address("login.example")).into(),
            "issuer_invalid",
            Usage,
        ),
        (
            ProviderError::Issuer(address("http://login.example")).into(),
            "issuer_insecure",
            CheckFailed,
        ),
        (
            ProviderError::Unknown("acme".to_owned()).into(),
            "provider_unknown",
            Usage,
        ),
        (
            ProviderError::NoClientId("Acme".to_owned()).into(),
            "client_id_missing",
            Usage,
        ),
        (
            ProviderError::NoClientSecret("Acme".to_owned()).into(),
            "client_secret_missing",
            Usage,
        ),
        (
            ProviderError::Save(elsewhere()).into(),
            "providers_file_not_saved",
            Machine,
        ),
        (unreachable.into(), "unreachable", Network),
        (
            HttpError::Insecure("login.example".to_owned()).into(),
            "endpoint_insecure",
            CheckFailed,
        ),
        (
            HttpError::TimedOut("login.example".to_owned()).into(),
            "no_answer_in_time",
            Network,
        ),
        (AttemptError::Cancelled.into(), "cancelled", Cancelled),
        (AttemptError::Interrupted.into(), "interrupted", Cancelled),
        (AttemptError::Replaced.into(), "replaced", Cancelled),
        (AttemptError::TimedOut.into(), "timed_out", Cancelled),
        (AttemptError::Gone.into(), "attempt_gone", CheckFailed),
        (AttemptError::NotThisOne.into(), "answer_not_awaited", CheckFailed),
        (AttemptError::OtherAccount.into(), "other_account", CheckFailed),
        (
            AttemptError::NotAnswered.into(),
            "question_not_answered",
            Cancelled,
        ),
        (AttemptError::NotACallback.into(), "not_a_callback", Usage),
        (Error::DeclinedOnDevice, "access_denied", Cancelled),
        (Error::NoIdToken, "id_token_missing", CheckFailed),
        (Error::NoKeySet, "key_set_missing", CheckFailed),
        (BrowserError(elsewhere()).into(), "browser_not_started", Machine),
        (
            BrowserUnknown {
                asked: "netscape".to_owned(),
                here: vec!["firefox".to_owned()],
            }
            .into(),
            "browser_unknown",
            Usage,
        ),
        (
            VaultError::Missing(elsewhere()).into(),
            "keychain_missing",
            Keychain,
        ),
        (VaultError::Locked.into(), "keychain_locked", Keychain),
        (
            VaultError::Refused(elsewhere()).into(),
            "keychain_refused",
            Keychain,
        ),
        (VaultError::Full(elsewhere()).into(), "keychain_full", Keychain),
        (
            VaultError::TooSmall { limit: 64 }.into(),
            "keychain_too_small",
            Keychain,
        ),
        (VaultError::Replaced.into(), "keychain_replaced", Keychain),
        (VaultError::Damaged.into(), "keychain_damaged", Keychain),
        (
            VaultError::Failed(elsewhere()).into(),
            "keychain_failed",
            Keychain,
        ),
        (Error::NotSaved(VaultError::Locked), "token_not_saved", Keychain),
        (StoreError::Full.into(), "disk_full", Machine),
        (
            StoreError::Unusable(elsewhere()).into(),
            "store_unusable",
            Machine,
        ),
        (StoreError::Damaged(elsewhere()).into(), "store_damaged", Machine),
        (
            StoreError::BegunAnew("tessera.db.damaged".into()).into(),
            "store_begun_anew",
            Machine,
        ),
        (
            StoreError::TooNew { found: 9, known: 1 }.into(),
            "store_too_new",
            Machine,
        ),
        (StoreError::Busy.into(), "store_busy", Machine),
        (
            AccountError::Unknown("ann".to_owned()).into(),
            "account_unknown",
            Usage,
        ),
        (
            AccountError::OtherProvider.into(),
            "account_of_other_provider",
            Usage,
        ),
        (
            AccountError::NeedsSignIn {
                need: SignInNeed::Ended,
                reason: "The provider ended the session.".to_owned(),
            }
            .into(),
            "needs_sign_in",
            NeedsSignIn,
        ),
        (
            AccountError::ProviderAsksToWait { seconds: 90 }.into(),
            "provider_unavailable",
            Network,
        ),
        (
            AccountError::NoRefreshToken.into(),
            "no_refresh_token",
            NeedsSignIn,
        ),
        (
            SignOutError::EverywhereNotOffered.into(),
            "sign_out_everywhere_not_offered",
            Usage,
        ),
        (
            SignOutError::LeakNotOffered.into(),
            "leak_report_not_offered",
            Usage,
        ),
        (SignOutError::NotOpen.into(), "open_sign_out_unknown", Usage),
        (SignOutError::NoWay.into(), "revocation_not_offered", Network),
        (
            SignOutError::TokensGone.into(),
            "open_sign_out_tokens_gone",
            Keychain,
        ),
        (
            PolicyError::Origin("https://api.example".to_owned()).into(),
            "origin_not_allowed",
            Policy,
        ),
    ]
}

#[test]
fn each_has_its_own_code_sentence_and_hint() {
    let (mut codes, mut sentences) = (BTreeSet::new(), BTreeSet::new());
    for (error, code, category) in errors() {
        assert_eq!((error.code(), error.category()), (code, category), "{error:?}");
        let (message, hint) = (error.message(), error.hint());
        for text in [&message, &hint] {
            let sentence = text.len() > 10 && text.starts_with(char::is_uppercase) && text.ends_with('.');
            assert!(sentence, "{code}: {text}");
            assert!(!text.contains(ELSEWHERE), "{code} lets others speak: {text}");
            assert!(
                !code.contains('_') || !text.contains(code),
                "{code} speaks in codes: {text}"
            );
        }
        assert!(codes.insert(code), "{code} is there twice");
        assert!(
            sentences.insert(message.clone()),
            "{code} says what another says: {message}"
        );
    }
}

/// What a check-up can find wrong.
fn of_check_ups() -> [CheckUpError; 15] {
    [
        CheckUpError::NoAnswer("Your keychain"),
        CheckUpError::Desktop(DesktopError::NotInstalled(elsewhere())),
        CheckUpError::Desktop(DesktopError::Failed(elsewhere())),
        CheckUpError::Desktop(DesktopError::NoBus(elsewhere())),
        CheckUpError::NoSessionBus(elsewhere()),
        CheckUpError::NoBrowser("a program".to_owned()),
        CheckUpError::SchemeUnhandled,
        CheckUpError::SchemeProgramGone("a program".to_owned()),
        CheckUpError::SchemeElsewhere("a program".to_owned()),
        CheckUpError::SchemeShared {
            scheme: "app.tessera.desktop.dev".to_owned(),
        },
        CheckUpError::SchemeNotReturned,
        CheckUpError::PortTaken {
            name: "Acme".to_owned(),
            place: "127.0.0.1:8400".to_owned(),
            holder: None,
            reason: elsewhere(),
        },
        CheckUpError::ClockDiffers {
            ahead: 600,
            name: "Acme".to_owned(),
        },
        CheckUpError::OtherInstance(Holder::Nobody),
        CheckUpError::NoInstance,
    ]
}

/// The window shows these as they are, to people who may never have seen a terminal. A button that is named is there.
#[test]
fn what_a_check_up_finds_is_told_without_commands_and_in_plain_words() {
    let messages = lab::tools::tests_dir().join("../ui/src/messages/en.ts");
    let messages = std::fs::read_to_string(messages).expect("the window's words");
    for error in of_check_ups() {
        let error = Error::from(error);
        for text in [error.message(), error.hint()] {
            let sentence = text.starts_with(char::is_uppercase) && text.ends_with('.');
            assert!(sentence, "{}: {text}", error.code());
            for foreign in ["`", "session bus", "session's bus", "D-Bus", "prints", ELSEWHERE] {
                assert!(!text.contains(foreign), "{}: {text}", error.code());
            }
        }
        let hint = error.hint();
        let named = hint.split('“').skip(1).filter_map(|rest| rest.split('”').next());
        for named in named.filter(|named| *named != "loopback") {
            assert!(messages.contains(&format!("'{named}'")), "no button says {named}");
        }
    }
}

/// The window offers to stay signed in until it closes, for exactly the errors that this helps with.
#[test]
fn the_window_knows_every_error_of_a_keychain_that_is_not_to_be_had() {
    let panel = lab::tools::tests_dir().join("../ui/src/screens/FailurePanel.svelte");
    let panel = std::fs::read_to_string(panel).expect("the window's panel");
    let helps = [
        "keychain_missing",
        "keychain_locked",
        "keychain_refused",
        "keychain_full",
        "keychain_too_small",
        "keychain_failed",
    ];
    for (_, code, _) in errors() {
        let offered = panel.contains(&format!("'{code}'"));
        assert_eq!(offered, helps.contains(&code), "{code}");
    }
}
