//! A restart is not a sign-out, and the file that makes it so holds no token.

use std::path::Path;

use serde_json::Value;
use tessera_sandbox::{GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, Options, Sandbox, StartError, StateError};

use crate::common::{Attempt, Lab, client, header, parameter};

fn options(folder: &Path) -> Options {
    Options {
        state: Some(folder.to_owned()),
        ..Options::default()
    }
}

async fn restart(lab: Lab, folder: &Path) -> Lab {
    lab.sandbox.stop().await;
    Lab::with(options(folder)).await
}

#[tokio::test]
async fn everything_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::with(options(folder.path())).await;
    let (issuer, api) = (lab.sandbox.issuer().to_owned(), lab.sandbox.api().to_owned());
    let first = lab.sign_in("ann", "openid offline_access items:read").await;
    let used = lab.sign_in("ann", "openid offline_access").await;
    let rotated = lab.refresh(&used).await.unwrap();

    let lab = restart(lab, folder.path()).await;
    assert_eq!(
        (lab.sandbox.issuer(), lab.sandbox.api()),
        (issuer.as_str(), api.as_str())
    );
    let keys = lab.get_json("/keys").await;
    assert_eq!(keys["keys"][0]["kid"], header(&first["id_token"])["kid"]);
    lab.call(&lab.api("/items"), &first).await.unwrap();
    let second = lab.refresh(&first).await.unwrap();

    let lab = restart(lab, folder.path()).await;
    lab.userinfo(&second).await.unwrap();
    assert_eq!(
        lab.refresh(&used).await.err().as_deref(),
        Some("invalid_grant"),
        "reuse is still noticed"
    );
    assert_eq!(
        lab.refresh(&rotated).await.err().as_deref(),
        Some("invalid_grant")
    );
    lab.refresh(&second).await.unwrap();
}

#[tokio::test]
async fn browsers_stay_signed_in() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::with(options(folder.path())).await;
    let mut ann = lab.sandbox.visitor("ann");
    ann.visit(&Attempt::new("openid").url(&lab)).await.unwrap();
    let lab = restart(lab, folder.path()).await;
    ann.move_to(&lab.sandbox);
    let silent = Attempt::new("openid").set("prompt", "none");
    let callback = ann.visit(&silent.url(&lab)).await.unwrap();
    silent.code(&lab, &callback);
}

#[tokio::test]
async fn the_file_holds_no_token_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let lab = Lab::with(options(&state)).await;
    let attempt = Attempt::new("openid offline_access");
    let callback = lab
        .sandbox
        .visitor("ann")
        .visit(&attempt.url(&lab))
        .await
        .unwrap();
    let code = attempt.code(&lab, &callback);
    let tokens = lab.exchange(&attempt, &code).await.unwrap();
    let refreshed = lab.refresh(&tokens).await.unwrap();
    let google = google_tokens(&lab).await;

    let mut secrets = vec![code, attempt.verifier.clone(), attempt.state.clone()];
    for tokens in [&tokens, &refreshed, &google] {
        for name in ["access_token", "refresh_token", "id_token"] {
            secrets.push(tokens[name].as_str().unwrap().to_owned());
        }
    }
    let mut files = 0;
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{}", path.display());
        }
        if path.ends_with("sandbox.json") {
            assert_private(&path, 0o600);
        }
        files += 1;
    }
    assert_eq!(files, 2, "the file and its lock; nothing half-written is left");
    assert_private(&state, 0o700);
}

async fn google_tokens(lab: &Lab) -> Value {
    let attempt = Attempt {
        redirect_uri: "http://127.0.0.1:5000/callback".to_owned(),
        ..Attempt::new("openid")
    };
    let address = format!(
        "{}?{}",
        lab.at("/google/o/oauth2/v2/auth"),
        attempt.query(GOOGLE_CLIENT_ID)
    );
    let callback = lab.sandbox.visitor("ann").visit(&address).await.unwrap();
    let code = parameter(&callback, "code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", GOOGLE_CLIENT_ID),
        ("client_secret", GOOGLE_CLIENT_SECRET),
        ("code", &code),
        ("redirect_uri", &attempt.redirect_uri),
        ("code_verifier", &attempt.verifier),
    ];
    lab.post("/google/token", &fields).await.1
}

#[cfg(unix)]
fn assert_private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let actual = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(actual, mode, "{}: {actual:o}", path.display());
}

#[cfg(not(unix))]
fn assert_private(_path: &Path, _mode: u32) {}

#[tokio::test]
async fn a_damaged_file_is_said_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.json");
    std::fs::write(&file, "{ not ours").unwrap();
    let refused = Sandbox::start(options(folder.path())).await;
    assert!(matches!(refused, Err(StartError::State(_))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{ not ours");
}

#[tokio::test]
async fn a_folder_serves_one_sandbox_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::with(options(folder.path())).await;
    let refused = Sandbox::start(options(folder.path())).await;
    assert!(
        matches!(refused, Err(StartError::State(StateError::InUse(_)))),
        "{refused:?}"
    );
    restart(lab, folder.path()).await;
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    for address in ["0.0.0.0", "192.0.2.1", "::"] {
        let refused = Sandbox::start(Options {
            address: address.parse().unwrap(),
            ..Options::default()
        })
        .await;
        assert!(matches!(refused, Err(StartError::NotLoopback(_))), "{address}");
    }
    let lab = Lab {
        sandbox: Sandbox::start(Options {
            address: "::1".parse().unwrap(),
            ..Options::default()
        })
        .await
        .unwrap(),
        http: client(),
    };
    assert!(lab.sandbox.issuer().starts_with("http://[::1]:"));
    let tokens = lab.sign_in("ann", "openid").await;
    lab.call(&lab.api("/profile"), &tokens).await.unwrap();
}
