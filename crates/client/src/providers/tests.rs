//! providers.toml: what it may say, what happens when it says something else, and that saving keeps the rest.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use super::*;

fn with_file(text: &str) -> (tempfile::TempDir, Providers) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("providers.toml");
    std::fs::write(&file, text).unwrap();
    (folder, Providers::load(file))
}

fn id(text: &str) -> ProviderId {
    ProviderId::new(text).unwrap()
}

#[test]
fn without_a_file_there_are_the_built_in_providers() {
    let folder = tempfile::tempdir().unwrap();
    let providers = Providers::load(folder.path().join("providers.toml"));
    assert_eq!(providers.problem(), None);
    let ids: Vec<String> = providers
        .all()
        .iter()
        .map(|provider| provider.id.to_string())
        .collect();
    assert_eq!(ids, ["google", "github"]);
}

#[test]
fn an_entry_says_as_little_as_it_likes() {
    let (_folder, providers) = with_file(
        r#"
        [[provider]]
        id = "acme"
        issuer = "https://login.acme.example"
        client_id = "abc"
        "#,
    );
    assert_eq!(providers.problem(), None);
    let acme = providers.find(&id("acme")).unwrap();
    assert_eq!(acme.name, "login.acme.example");
    assert_eq!(acme.kind, ProviderKind::Oidc);
    assert_eq!(acme.scopes, usual_scopes());
    assert_eq!(acme.routes, [Route::Scheme, Route::Loopback, Route::Device]);
    assert_eq!(acme.loopback, LoopbackSettings::default());
    assert_eq!(acme.source, ProviderSource::File);
}

#[test]
fn an_entry_can_fill_in_a_built_in_provider() {
    let (_folder, providers) = with_file(
        r#"
        [[provider]]
        id = "github"
        client_id = "Iv1.abc"

        [[provider]]
        id = "google"
        client_id = "x.apps.googleusercontent.com"
        client_secret = "not-so-secret"
        "#,
    );
    assert_eq!(providers.problem(), None);
    let github = providers.find(&id("github")).unwrap();
    // Without a secret GitHub's web flow cannot be used.
    assert_eq!(github.routes, [Route::Device]);
    assert_eq!(github.issuer.as_str(), "https://github.com/login/oauth");
    assert_eq!(github.source, ProviderSource::BuiltIn);
    let google = providers.find(&id("google")).unwrap();
    assert_eq!(google.routes, [Route::Loopback]);
    assert_eq!(google.client_secret, Some(ClientSecret::new("not-so-secret")));
    assert_eq!(providers.all().len(), 2);
}

#[test]
fn an_enterprise_server_is_named_by_its_addresses() {
    let (_folder, providers) = with_file(
        r#"
        [[provider]]
        id = "work"
        kind = "github"
        web = "https://git.acme.example"
        api = "https://git.acme.example/api/v3"
        client_id = "abc"
        client_secret = "s"
        "#,
    );
    assert_eq!(providers.problem(), None);
    let work = providers.find(&id("work")).unwrap();
    assert_eq!(work.issuer.as_str(), "https://git.acme.example/login/oauth");
    assert_eq!(work.routes, [Route::Scheme, Route::Loopback, Route::Device]);
    assert_eq!(work.apis.len(), 1);
}

#[test]
fn a_bad_file_is_a_problem_and_not_the_end() {
    let check = |text: &str, says: &str| {
        let (_folder, providers) = with_file(text);
        let problem = providers.problem().expect("this file cannot be used").to_string();
        assert!(problem.contains(says), "{problem}");
        assert!(!problem.contains("hush"), "a secret is repeated: {problem}");
        assert!(
            providers.all().len() >= 2,
            "the built-in providers are still there"
        );
    };
    check(
        "[[provider]]\nid = \"a\"\nclient_secret = \"hush\"\nissuer = 5",
        "line 4",
    );
    check("[[provider]]\nid = \"a\"\nclient_secret = \"hush", "line 3");
    check(
        "[[provider]]\nid = \"a\"\nclient_sekret = \"hush\"",
        "unknown field",
    );
    check(
        "[[provider]]\nid = \"A B\"\nissuer = \"https://x.example\"",
        "cannot be a provider's id",
    );
    check("[[provider]]\nid = \"a\"", "`issuer` is missing");
    check(
        "[[provider]]\nid = \"a\"\nissuer = \"http://x.example\"",
        "not encrypted",
    );
    check(
        "[[provider]]\nid = \"a\"\nissuer = \"https://x.example\"\nkind = \"saml\"",
        "not one of",
    );
    check(
        "[[provider]]\nid = \"a\"\nissuer = \"https://x.example\"\nroutes = [\"paste\"]",
        "`routes` may hold",
    );
    check(
        "[[provider]]\nid = \"a\"\nissuer = \"https://x.example\"\napis = [\"api.example\"]",
        "not the address of an API",
    );
    let loopback =
        "[[provider]]\nid = \"a\"\nissuer = \"https://x.example\"\nloopback = { host = \"0.0.0.0\" }";
    check(loopback, "`loopback` cannot be used");
    let entry = "[[provider]]\nid = \"a\"\nissuer = \"https://x.example\"\n";
    check(&format!("{entry}{entry}"), "it is there twice");
}

#[test]
fn an_api_is_one_server_and_nothing_less() {
    let check = |text: &str, origin: Option<&str>| {
        let read = api_origin(text);
        assert_eq!(read.as_ref().ok().map(Url::as_str), origin, "{text}: {read:?}");
    };
    check("https://api.example", Some("https://api.example/"));
    check(" https://API.example:443/ ", Some("https://api.example/"));
    check("http://127.0.0.1:4000", Some("http://127.0.0.1:4000/"));
    check("https://api.example/v2", None);
    check("https://api.example/?tenant=1", None);
    check("https://api.example?", None);
    check("https://api.example/#x", None);
    check("https://*.example", None);
    check("https://api.*", None);
    check("https://%2a.example", None);
    check("https://ann@api.example", None);
    check("http://api.example", None);
    check("api.example", None);
}

#[test]
fn saving_keeps_what_it_does_not_change() {
    let (folder, providers) = with_file(
        "# Ours.\n[[provider]]\nid = \"acme\" # do not rename\nissuer = \"https://login.acme.example\"\nclient_id = \"old\"\nclient_secret = \"s\"\n",
    );
    let draft = ProviderDraft {
        id: Some(id("acme")),
        name: "Acme".to_owned(),
        issuer: "https://login.acme.example".to_owned(),
        client_id: "new".to_owned(),
        apis: vec!["https://api.acme.example/".to_owned()],
    };
    let saved = providers.save(&draft).unwrap();
    assert_eq!(saved.client_id, Some(ClientId::new("new")));
    assert_eq!(saved.apis[0].as_str(), "https://api.acme.example/");
    let text = std::fs::read_to_string(folder.path().join("providers.toml")).unwrap();
    assert!(
        text.contains("# Ours.")
            && text.contains("# do not rename")
            && text.contains("client_secret = \"s\"")
    );

    let fresh = ProviderDraft {
        id: None,
        issuer: "https://login.acme.example".to_owned(),
        ..draft
    };
    let second = providers.save(&fresh).unwrap();
    assert_eq!(second.id.as_str(), "login.acme.example");
    providers.remove(&second.id).unwrap();
    assert!(providers.find(&second.id).is_none());
    assert!(providers.find(&id("acme")).is_some());
    assert!(matches!(
        providers.remove(&id("google")),
        Err(ProviderError::BuiltIn(_))
    ));
}

#[test]
fn a_provider_keeps_its_issuer_and_with_it_its_secret() {
    let text = "[[provider]]\nid = \"acme\"\nissuer = \"https://login.acme.example\"\nclient_id = \"abc\"\n\
                client_secret = \"s\"\n";
    let (folder, providers) = with_file(text);
    let draft = |id_: &str, issuer: &str| ProviderDraft {
        id: Some(id(id_)),
        name: String::new(),
        issuer: issuer.to_owned(),
        client_id: "abc".to_owned(),
        apis: Vec::new(),
    };
    assert!(matches!(
        providers.save(&draft("acme", "https://login.evil.example")),
        Err(ProviderError::OtherIssuer(_))
    ));
    // Only what is in the file can be changed there.
    for other in ["sandbox", "unheard-of"] {
        assert!(matches!(
            providers.save(&draft(other, "https://login.acme.example")),
            Err(ProviderError::Unknown(_))
        ));
    }
    let after = std::fs::read_to_string(folder.path().join("providers.toml")).unwrap();
    assert_eq!(after, text);
}

#[test]
fn a_draft_that_cannot_be_a_provider_changes_nothing() {
    let (folder, providers) = with_file("# nothing yet\n");
    let draft = |issuer: &str, client_id: &str, api: &str| ProviderDraft {
        id: None,
        name: String::new(),
        issuer: issuer.to_owned(),
        client_id: client_id.to_owned(),
        apis: vec![api.to_owned()],
    };
    let good = "https://x.example";
    assert!(matches!(
        providers.save(&draft("x.example", "c", good)),
        Err(ProviderError::Issuer(_))
    ));
    assert!(matches!(
        providers.save(&draft(good, " ", good)),
        Err(ProviderError::NoClientId(_))
    ));
    assert!(matches!(
        providers.save(&draft(good, "c", "http://api.example")),
        Err(ProviderError::Api(_))
    ));
    assert_eq!(
        std::fs::read_to_string(folder.path().join("providers.toml")).unwrap(),
        "# nothing yet\n"
    );
}

#[test]
fn a_provider_named_for_once_is_a_known_one_where_it_is_the_same() {
    let (_folder, providers) = with_file(
        "[[provider]]\nid = \"acme\"\nissuer = \"https://login.acme.example\"\nclient_id = \"abc\"\n",
    );
    let named = |client_id: &str| AdHocProvider {
        issuer: "https://login.acme.example".to_owned(),
        client_id: client_id.to_owned(),
        client_secret: None,
    };
    assert_eq!(
        ad_hoc(&named("abc"), &providers.all()).unwrap().id.as_str(),
        "acme"
    );
    assert_eq!(
        ad_hoc(&named("other"), &providers.all()).unwrap().id.as_str(),
        "login.acme.example"
    );
}

#[test]
fn a_build_can_carry_its_client_ids() {
    let nothing = Given {
        google_client_id: None,
        google_client_secret: None,
        github_client_id: None,
        github_client_secret: None,
    };
    let check = |given: &Given, google: (Option<&str>, Option<&str>), github: (Option<&str>, &[Route])| {
        let providers = built_in(given);
        let id = |provider: &Provider| provider.client_id.as_ref().map(|id| id.as_str().to_owned());
        let secret = |provider: &Provider| {
            let secret = provider.client_secret.as_ref();
            secret.map(|secret| secret.expose().to_owned())
        };
        assert_eq!(id(&providers[0]).as_deref(), google.0);
        assert_eq!(secret(&providers[0]).as_deref(), google.1);
        assert_eq!(providers[0].routes, [Route::Loopback]);
        assert_eq!(id(&providers[1]).as_deref(), github.0);
        assert_eq!(providers[1].routes, github.1);
    };
    let web = [Route::Scheme, Route::Loopback, Route::Device];
    check(&nothing, (None, None), (None, &[Route::Device]));
    let empty = Given {
        google_client_id: Some(""),
        google_client_secret: Some(""),
        github_client_id: Some(""),
        github_client_secret: Some(""),
    };
    check(&empty, (None, None), (None, &[Route::Device]));
    let all = Given {
        google_client_id: Some("x.apps.googleusercontent.com"),
        google_client_secret: Some("not-so-secret"),
        github_client_id: Some("Iv1.abc"),
        github_client_secret: Some("nor-this"),
    };
    let google = (Some("x.apps.googleusercontent.com"), Some("not-so-secret"));
    check(&all, google, (Some("Iv1.abc"), &web));
    let without_secret = Given {
        github_client_id: Some("Iv1.abc"),
        ..nothing
    };
    check(&without_secret, (None, None), (Some("Iv1.abc"), &[Route::Device]));
}

#[test]
fn a_file_goes_before_what_the_build_carries() {
    let mut list = built_in(&Given {
        google_client_id: Some("of-the-build"),
        google_client_secret: Some("secret-of-the-build"),
        github_client_id: None,
        github_client_secret: None,
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("providers.toml");
    std::fs::write(
        &file,
        "[[provider]]\nid = \"google\"\nclient_id = \"of-the-file\"",
    )
    .unwrap();
    for entry in read(&file).unwrap() {
        add(&mut list, entry).unwrap();
    }
    assert_eq!(list[0].client_id, Some(ClientId::new("of-the-file")));
    assert_eq!(
        list[0].client_secret, None,
        "the build's secret goes with the build's id"
    );
}
