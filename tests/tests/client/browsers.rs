//! Which browser a page is opened in: the one that an account remembers, and the system's default otherwise.

use tessera_client::{
    BrowserChoice, BrowserKind, BrowserProfile, BrowserWish, Client, InstalledBrowser, Route, SignIn,
};

use crate::rig::Rig;

fn work() -> BrowserChoice {
    BrowserChoice {
        kind: BrowserKind::Chrome,
        profile: Some("Profile 1".to_owned()),
    }
}

fn install(rig: &Rig) {
    let profile = |id: &str, name: &str| BrowserProfile {
        id: id.to_owned(),
        name: name.to_owned(),
    };
    *rig.browser.installed.lock().unwrap() = vec![
        InstalledBrowser {
            kind: BrowserKind::Chrome,
            profiles: vec![
                profile("Default", "Ann"),
                profile("Profile 1", "Work"),
                profile("Profile 2", "Twice"),
                profile("Profile 3", "Twice"),
            ],
        },
        InstalledBrowser {
            kind: BrowserKind::Firefox,
            profiles: Vec::new(),
        },
    ];
}

/// Ann signs in, and where the page was opened comes back with what the attempt told of it.
async fn sign_in(rig: &Rig, client: &Client, request: SignIn) -> (Option<BrowserChoice>, Option<String>) {
    let attempt = client.sign_in(request).unwrap();
    attempt.opened().await.unwrap();
    let told = attempt.view().browser.map(|browser| {
        let profile = browser.profile.unwrap_or_default();
        let missing = if browser.is_missing { " is missing" } else { "" };
        format!("{} {profile}{missing}", browser.name)
    });
    rig.browser.opened_page().await;
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    attempt.deliver(callback.as_str()).await.unwrap();
    attempt.wait().await.unwrap();
    let opened_in = rig.browser.opened_in.lock().unwrap().pop().unwrap();
    (opened_in, told)
}

#[tokio::test]
async fn an_account_is_opened_where_it_was_signed_in_and_otherwise_in_the_default() {
    let rig = Rig::new().await;
    install(&rig);
    let client = rig.client().await;
    let usual = || rig.request(Route::Scheme);
    assert_eq!(sign_in(&rig, &client, usual()).await, (None, None));
    let ann = client.accounts().await.unwrap().remove(0).id;
    assert_eq!(client.browser_of(&ann).await.unwrap(), None);

    let chosen = SignIn {
        browser: client.browser_wish("chrome:Work").await.unwrap(),
        ..usual()
    };
    let in_work = (Some(work()), Some("Chrome Work".to_owned()));
    assert_eq!(sign_in(&rig, &client, chosen).await, in_work);

    // The next process knows it too, and keeps it.
    let client = rig.client().await;
    let again = || SignIn {
        account: Some(ann.clone()),
        ..usual()
    };
    assert_eq!(sign_in(&rig, &client, again()).await, in_work);
    assert_eq!(client.browser_of(&ann).await.unwrap(), Some(work()));

    // One who names no account may be anybody.
    assert_eq!(sign_in(&rig, &client, usual()).await, (None, None));
    assert_eq!(client.browser_of(&ann).await.unwrap(), Some(work()));

    let default = SignIn {
        browser: BrowserWish::System,
        ..again()
    };
    assert_eq!(sign_in(&rig, &client, default).await, (None, None));
    assert_eq!(client.browser_of(&ann).await.unwrap(), None);

    client.set_browser(&ann, Some(&work())).await.unwrap();
    assert_eq!(sign_in(&rig, &client, again()).await, in_work);
}

#[tokio::test]
async fn one_that_is_gone_costs_the_choice_and_no_sign_in() {
    let rig = Rig::new().await;
    install(&rig);
    let client = rig.client().await;
    let chosen = SignIn {
        browser: BrowserWish::In(work()),
        ..rig.request(Route::Scheme)
    };
    sign_in(&rig, &client, chosen).await;
    let ann = client.accounts().await.unwrap().remove(0).id;
    let again = || SignIn {
        account: Some(ann.clone()),
        ..rig.request(Route::Scheme)
    };
    rig.browser.installed.lock().unwrap()[0].profiles.remove(1);
    let without_profile = sign_in(&rig, &client, again()).await;
    assert_eq!(
        without_profile,
        (None, Some("Chrome Profile 1 is missing".to_owned()))
    );
    rig.browser.installed.lock().unwrap().clear();
    let without_browser = sign_in(&rig, &client, again()).await;
    assert_eq!(
        without_browser,
        (None, Some("Chrome Profile 1 is missing".to_owned()))
    );
    // It may only be away, as a disk can be.
    assert_eq!(client.browser_of(&ann).await.unwrap(), Some(work()));
}

#[tokio::test]
async fn every_page_of_an_account_is_opened_there() {
    let rig = Rig::new().await;
    install(&rig);
    let client = rig.client().await;
    let chosen = SignIn {
        browser: BrowserWish::In(work()),
        ..rig.request(Route::Scheme)
    };
    let attempt = client.sign_in(chosen).unwrap();
    attempt.opened().await.unwrap();
    rig.browser.opened_page().await;
    attempt.open_again().await.unwrap();
    rig.browser.opened_page().await;
    // By another way back too.
    let attempt = attempt.go_by(Route::Loopback).unwrap();
    attempt.opened().await.unwrap();
    rig.browser.opened_page().await;
    let callback = rig.visit(&attempt, "ann").await.unwrap();
    attempt.deliver(callback.as_str()).await.unwrap();
    let ann = attempt.wait().await.unwrap().account.id;

    client.sign_out(&ann).await.unwrap();
    let patience = std::time::Duration::from_secs(5);
    let mut leaving = client.sign_out_in_browser(&ann, patience).await.unwrap();
    rig.browser.opened_page().await;
    let opened_in = rig.browser.opened_in.lock().unwrap().clone();
    assert_eq!(opened_in, vec![Some(work()); 4]);
    drop(client);
    let _ = leaving.wait().await;
}

#[tokio::test]
async fn who_goes_leaves_no_browser_behind() {
    let rig = Rig::new().await;
    install(&rig);
    let client = rig.client().await;
    let chosen = || SignIn {
        browser: BrowserWish::In(work()),
        ..rig.request(Route::Scheme)
    };
    sign_in(&rig, &client, chosen()).await;
    let ann = client.accounts().await.unwrap().remove(0).id;
    client.sign_out(&ann).await.unwrap();
    assert_eq!(client.browser_of(&ann).await.unwrap(), None);
    let gone = client.set_browser(&ann, Some(&work())).await.unwrap_err();
    assert_eq!(gone.code(), "account_unknown");
}

#[tokio::test]
async fn a_wish_is_understood_by_name_and_id_and_says_otherwise_what_there_is() {
    let rig = Rig::new().await;
    let client = rig.client().await;
    let nothing = client.browser_wish("firefox").await.unwrap_err();
    assert_eq!(nothing.here, [""; 0]);
    install(&rig);
    let chrome = |profile: Option<&str>| {
        BrowserWish::In(BrowserChoice {
            kind: BrowserKind::Chrome,
            profile: profile.map(str::to_owned),
        })
    };
    for (text, expected) in [
        ("system", BrowserWish::System),
        ("chrome", chrome(None)),
        ("chrome:Default", chrome(Some("Default"))),
        ("chrome:Ann", chrome(Some("Default"))),
        ("chrome:Work", chrome(Some("Profile 1"))),
        ("chrome:Profile 3", chrome(Some("Profile 3"))),
    ] {
        assert_eq!(client.browser_wish(text).await.unwrap(), expected, "{text}");
    }
    for text in [
        "",
        "netscape",
        "edge",
        "chrome:",
        "chrome:work",
        "chrome:Twice",
        "firefox:Ann",
    ] {
        let unknown = client.browser_wish(text).await.unwrap_err();
        assert_eq!(unknown.asked, text);
        assert_eq!(
            unknown.here,
            [
                "chrome",
                "chrome:Ann",
                "chrome:Work",
                "chrome:Profile 2",
                "chrome:Profile 3",
                "firefox",
            ]
        );
    }
}
