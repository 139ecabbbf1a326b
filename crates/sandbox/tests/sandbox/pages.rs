//! The pages: forgery, headers, mistakes, and signing out.

use std::collections::BTreeMap;

use tessera_sandbox::{CLIENT_ID, GITHUB_CLIENT_ID};

use crate::common::{Attempt, Lab, REDIRECT, encode};

/// A browser by hand: sends what it is told and keeps cookies.
struct Browser<'a> {
    lab: &'a Lab,
    cookies: BTreeMap<String, String>,
}

struct Page {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl<'a> Browser<'a> {
    fn new(lab: &'a Lab) -> Self {
        Self {
            lab,
            cookies: BTreeMap::new(),
        }
    }

    async fn get(&mut self, address: &str) -> Page {
        let request = self.lab.http.get(address);
        self.send(request).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self
            .lab
            .http
            .post(self.lab.at(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encode(fields));
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if !value.is_empty() {
                assert!(
                    cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
                    "{cookie}"
                );
            }
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Page {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// Opens the sign-in page and gives a good password.
    async fn sign_in(&mut self, address: &str) -> Page {
        let page = self.get(address).await;
        let (interaction, csrf) = page.keys();
        let fields = [
            ("interaction", interaction.as_str()),
            ("csrf", &csrf),
            ("username", "ann"),
            ("password", "ann"),
        ];
        let answer = self.post("/sign-in", &fields).await;
        assert_eq!(answer.status, 303);
        let next = answer.location();
        self.get(&self.lab.at(&next)).await
    }
}

impl Page {
    fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&start).expect("the field");
        rest.split('"').next().unwrap().to_owned()
    }

    fn keys(&self) -> (String, String) {
        (self.hidden("interaction"), self.hidden("csrf"))
    }

    fn location(&self) -> String {
        self.headers["location"].to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_does_nothing() {
    let lab = Lab::start().await;
    let mut ann = Browser::new(&lab);
    let consent = ann.sign_in(&Attempt::new("openid").url(&lab)).await;
    let (interaction, csrf) = consent.keys();
    let other = ann.get(&Attempt::new("openid").url(&lab)).await.keys();

    for (interaction, csrf) in [
        (interaction.as_str(), ""),
        (interaction.as_str(), "0000"),
        // Another request's proof.
        (interaction.as_str(), other.1.as_str()),
        ("", csrf.as_str()),
    ] {
        let fields = [
            ("interaction", interaction),
            ("csrf", csrf),
            ("decision", "allow"),
        ];
        assert_eq!(
            ann.post("/consent", &fields).await.status,
            403,
            "{interaction} {csrf}"
        );
        assert_eq!(ann.post("/sign-in", &fields).await.status, 403);
        assert_eq!(ann.post("/account", &fields).await.status, 403);
    }
    // The right keys from a browser that was never shown the page.
    let fields = [
        ("interaction", interaction.as_str()),
        ("csrf", &csrf),
        ("decision", "allow"),
    ];
    assert_eq!(Browser::new(&lab).post("/consent", &fields).await.status, 403);
    assert_eq!(
        Browser::new(&lab)
            .get(&lab.at(&format!("/interaction/{interaction}")))
            .await
            .status,
        400
    );
    assert_eq!(
        Browser::new(&lab)
            .post("/device", &[("user_code", "BBBB-BBBB")])
            .await
            .status,
        403
    );

    let allowed = ann.post("/consent", &fields).await;
    assert!(allowed.location().starts_with(REDIRECT));
    assert_eq!(ann.post("/consent", &fields).await.status, 400, "once only");
}

#[tokio::test]
async fn what_is_allowed_on_ones_page_is_not_allowed_as_another() {
    let lab = Lab::start().await;
    let mut browser = Browser::new(&lab);
    // Bob has allowed all of it before.
    let bob = |keys: &(String, String)| {
        let (interaction, csrf) = keys.clone();
        move |password: &'static str| {
            [
                ("interaction", interaction.clone()),
                ("csrf", csrf.clone()),
                ("username", "bob".to_owned()),
                ("password", password.to_owned()),
            ]
        }
    };
    lab.sign_in("bob", "openid").await;
    let page = browser.sign_in(&Attempt::new("openid").url(&lab)).await;
    assert!(page.text.contains("Ann Archer"), "{}", page.text);
    let ann = page.keys();

    // In another tab of the same browser, Bob signs in.
    let attempt = Attempt::new("openid").url(&lab);
    let other = browser.get(&format!("{attempt}&prompt=login")).await.keys();
    let fields = bob(&other)("bob");
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(browser.post("/sign-in", &fields).await.status, 303);

    let allow = |keys: &(String, String)| {
        [
            ("interaction", keys.0.clone()),
            ("csrf", keys.1.clone()),
            ("decision", "allow".to_owned()),
        ]
    };
    let fields = allow(&ann);
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let again = browser.post("/consent", &fields).await;
    assert_eq!(again.status, 200, "{:?}", again.headers);
    assert!(
        again.text.contains("Bob Baker") && !again.text.contains("Ann Archer"),
        "{}",
        again.text
    );
    let fields = allow(&again.keys());
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let done = browser.post("/consent", &fields).await;
    assert!(done.location().starts_with(REDIRECT), "{}", done.location());
}

#[tokio::test]
async fn who_the_person_is_comes_first_on_the_consent_page() {
    let lab = Lab::start().await;
    let page = Browser::new(&lab)
        .sign_in(&Attempt::new("email items:read offline_access profile openid").url(&lab))
        .await;
    let places: Vec<usize> = [
        "Know that it is you",
        "See your name",
        "e-mail",
        "Keep you signed in",
    ]
    .iter()
    .map(|words| {
        page.text
            .find(words)
            .unwrap_or_else(|| panic!("{words} in {}", page.text))
    })
    .collect();
    assert!(places.is_sorted(), "{places:?} in {}", page.text);
}

#[tokio::test]
async fn an_address_that_nothing_is_at_says_so() {
    let lab = Lab::start().await;
    let answer = lab.http.get(lab.at("/nowhere")).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(crate::common::json(answer).await["error"], "not_found");
    for path in ["/nowhere", "/google/nowhere", "/github/nowhere"] {
        let request = lab.http.get(lab.at(path)).header("accept", "text/html,*/*");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert!(answer.text().await.unwrap().contains("Nothing is here"), "{path}");
    }
}

#[tokio::test]
async fn consent_cannot_come_before_the_password() {
    let lab = Lab::start().await;
    let mut stranger = Browser::new(&lab);
    let (interaction, csrf) = stranger.get(&Attempt::new("openid").url(&lab)).await.keys();
    let fields = [
        ("interaction", interaction.as_str()),
        ("csrf", &csrf),
        ("decision", "allow"),
    ];
    let answer = stranger.post("/consent", &fields).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.text.contains("name=\"password\""),
        "the sign-in page again"
    );
}

#[tokio::test]
async fn a_wrong_password_is_said_so_that_everyone_hears_it() {
    let lab = Lab::start().await;
    let mut ann = Browser::new(&lab);
    let (interaction, csrf) = ann.get(&Attempt::new("openid").url(&lab)).await.keys();
    for (username, password) in [
        ("ann", "bob"),
        ("nobody", "nobody"),
        ("", ""),
        ("\"><script>", "x"),
    ] {
        let fields = [
            ("interaction", interaction.as_str()),
            ("csrf", &csrf),
            ("username", username),
            ("password", password),
        ];
        let page = ann.post("/sign-in", &fields).await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains("role=\"alert\""), "{}", page.text);
        assert!(page.text.contains("aria-invalid=\"true\""));
        assert!(!page.text.contains("<script"));
    }
}

#[tokio::test]
async fn pages_can_neither_be_framed_nor_run_scripts() {
    let lab = Lab::start().await;
    for (redirect_uri, target) in [
        ("app.tessera.desktop:/callback", "app.tessera.desktop:"),
        ("http://127.0.0.1:49152/callback", "http://127.0.0.1:49152"),
    ] {
        let attempt = Attempt {
            redirect_uri: redirect_uri.to_owned(),
            ..Attempt::new("openid")
        };
        let page = Browser::new(&lab).sign_in(&attempt.url(&lab)).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            &format!("form-action 'self' {target};"),
        ] {
            assert!(policy.contains(directive), "{directive} in {policy}");
        }
        assert!(!policy.contains("script-src") && !policy.contains("unsafe"));
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert!(
            page.text
                .contains("This is the Tessera sandbox, for trying things out. Not a real provider.")
        );
        assert!(!page.text.contains("<script") && !page.text.contains(" style="));
    }
}

#[tokio::test]
async fn a_sign_in_makes_a_new_session() {
    let lab = Lab::start().await;
    let mut ann = Browser::new(&lab);
    let session = |browser: &Browser<'_>| {
        let found = browser
            .cookies
            .iter()
            .find(|(name, _)| name.ends_with("-standard"));
        found.map(|(_, value)| value.clone())
    };
    let name = format!(
        "tessera-sandbox-{}-standard",
        lab.sandbox.issuer().rsplit(':').next().unwrap()
    );
    ann.cookies.insert(name, "planted-by-someone-else".to_owned());
    ann.sign_in(&Attempt::new("openid").url(&lab)).await;
    let first = session(&ann);
    assert_ne!(first.as_deref(), Some("planted-by-someone-else"));
    ann.sign_in(&Attempt::new("openid").set("prompt", "login").url(&lab))
        .await;
    assert_ne!(session(&ann), first);
}

#[tokio::test]
async fn signing_out_asks_unless_it_is_proven_who_asks() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid").await;
    let id_token = tokens["id_token"].as_str().unwrap();
    let mut ann = Browser::new(&lab);
    ann.sign_in(&Attempt::new("openid").url(&lab)).await;
    let signed_in = |page: &Page| !page.text.contains("name=\"password\"");

    // Any page could have sent the browser here.
    let asked = ann.get(&lab.at("/sign-out")).await;
    assert!(asked.text.contains("Sign out?"), "{}", asked.text);
    assert_eq!(ann.post("/sign-out", &[("confirmed", "1")]).await.status, 403);
    assert!(signed_in(&ann.get(&Attempt::new("openid").url(&lab)).await));
    let csrf = asked.hidden("csrf");
    let done = ann
        .post("/sign-out", &[("confirmed", "1"), ("csrf", &csrf)])
        .await;
    assert!(done.text.contains("You are signed out"));
    assert!(!signed_in(&ann.get(&Attempt::new("openid").url(&lab)).await));

    ann.sign_in(&Attempt::new("openid").url(&lab)).await;
    let fields = [
        ("id_token_hint", id_token),
        ("post_logout_redirect_uri", "app.tessera.desktop:/signed-out"),
        ("state", "back again"),
    ];
    // The hint is good after the token has run out, too.
    lab.sandbox.clock().advance(3_600);
    let done = ann.get(&lab.at(&format!("/sign-out?{}", encode(&fields)))).await;
    assert_eq!(
        done.location(),
        "app.tessera.desktop:/signed-out?state=back+again"
    );
    assert!(!signed_in(&ann.get(&Attempt::new("openid").url(&lab)).await));
}

#[tokio::test]
async fn signing_out_leads_only_to_registered_addresses() {
    let lab = Lab::start().await;
    let tokens = lab.sign_in("ann", "openid").await;
    let id_token = tokens["id_token"].as_str().unwrap();
    let tampered = format!("{}x", &id_token[..id_token.len() - 4]);
    let back = ("post_logout_redirect_uri", "app.tessera.desktop:/callback");
    for (fields, status) in [
        (vec![("id_token_hint", id_token), back], 303),
        (vec![("client_id", CLIENT_ID), back], 303),
        (vec![back], 400),
        (vec![("client_id", "someone-else"), back], 400),
        (
            vec![("id_token_hint", id_token), ("client_id", "someone-else"), back],
            400,
        ),
        (vec![("id_token_hint", tampered.as_str()), back], 400),
        (
            vec![
                ("id_token_hint", id_token),
                ("post_logout_redirect_uri", "https://evil.example"),
            ],
            400,
        ),
    ] {
        let page = Browser::new(&lab)
            .get(&lab.at(&format!("/sign-out?{}", encode(&fields))))
            .await;
        assert_eq!(page.status, status, "{fields:?}");
    }
}

#[tokio::test]
async fn a_person_ends_what_an_app_may_do_at_github() {
    let lab = Lab::start().await;
    let attempt = Attempt::new("gist");
    let mut ann = Browser::new(&lab);
    let address = format!(
        "{}?{}",
        lab.at("/github/login/oauth/authorize"),
        attempt.query(GITHUB_CLIENT_ID)
    );
    let (interaction, csrf) = ann.sign_in(&address).await.keys();
    let fields = [
        ("interaction", interaction.as_str()),
        ("csrf", &csrf),
        ("decision", "allow"),
    ];
    assert!(ann.post("/consent", &fields).await.location().contains("code="));

    let settings = format!("/github/settings/connections/applications/{GITHUB_CLIENT_ID}");
    let page = ann.get(&lab.at(&settings)).await;
    assert!(page.text.contains("See and change your gists"), "{}", page.text);
    assert_eq!(ann.post(&settings, &[]).await.status, 403);
    let csrf = page.hidden("csrf");
    assert_eq!(ann.post(&settings, &[("csrf", &csrf)]).await.status, 200);
    let page = ann.get(&lab.at(&settings)).await;
    assert!(page.text.contains("Nothing is allowed"), "{}", page.text);
}

#[tokio::test]
async fn what_there_is_to_look_at() {
    let lab = Lab::start().await;
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/picture/ann", "image/png"),
        ("/device", "text/html; charset=utf-8"),
        ("/github/login/device", "text/html; charset=utf-8"),
    ] {
        let page = Browser::new(&lab).get(&lab.at(path)).await;
        assert_eq!(
            (page.status, page.headers["content-type"].to_str().unwrap()),
            (200, media_type),
            "{path}"
        );
    }
    assert_eq!(
        Browser::new(&lab).get(&lab.at("/picture/nobody")).await.status,
        404
    );
}
