//! What a report of a flow holds, whichever way the flow took: no secret.
//!
//! A secret is whatever the keychain was ever given, whatever went through the browser that only one of both sides may
//! know, and whatever the sandbox was shown as a code or a token: its log keeps fingerprints of those, and every word
//! of a report is held against them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tessera_client::{
    Account, AdHocProvider, ApiRequest, Client, FlowKind, MAX_BROWSER_SIGN_OUT, ProviderChoice, ProviderId,
    Report, Route, Scopes, SignIn, TraceEvent,
};
use tessera_sandbox::{
    CLIENT_ID, CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, Dpop, Fingerprint, GITHUB_CLIENT_ID,
    GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, Options, PushedRequests, Visitor,
};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::rig::{Rig, TestKeychain};

/// How long a text must be to be taken for a secret: what is random here has at least 32 bytes.
const SHORTEST: usize = 43;

/// What codes, tokens and everything else that is random are written with.
fn is_random(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.~".contains(c)
}

/// Every token, code, state and verifier in something that the keychain was given, which may be JSON in JSON.
fn collect(text: &str, secrets: &mut BTreeSet<String>) {
    fn within(value: &Value, secrets: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => collect(text, secrets),
            Value::Array(list) => list.iter().for_each(|value| within(value, secrets)),
            Value::Object(members) => members.values().for_each(|value| within(value, secrets)),
            _ => {}
        }
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => within(&value, secrets),
        // A key may be written in the other alphabet of base64.
        _ if text.len() >= SHORTEST && text.chars().all(|c| is_random(c) || "+/=".contains(c)) => {
            secrets.insert(text.to_owned());
        }
        _ => {}
    }
}

fn secrets_of(keychain: &TestKeychain) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for bytes in keychain.given.lock().unwrap().iter() {
        collect(std::str::from_utf8(bytes).unwrap(), &mut secrets);
    }
    // The last part of a signed token is enough to make it good.
    let signatures: Vec<String> = secrets
        .iter()
        .filter_map(|secret| secret.rsplit_once('.').map(|(_, signature)| signature.to_owned()))
        .collect();
    secrets.extend(signatures);
    secrets
}

/// A client secret in every form in which it is sent (RFC 6749 section 2.3.1).
fn forms_of(id: &str, secret: &str) -> [String; 3] {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret));
    [secret.to_owned(), encoded(secret), STANDARD.encode(pair)]
}

/// A client, the provider that it goes to, and what was secret on the way.
struct Walk {
    rig: Rig,
    client: Client,
    seen: BTreeSet<String>,
}

impl Walk {
    /// Knows the providers of this text, in which `{issuer}` and `{api}` are the sandbox's.
    async fn with(options: Options, providers: &str) -> Self {
        let rig = Rig::with(options).await;
        let text = providers
            .replace("{issuer}", rig.sandbox.issuer())
            .replace("{api}", rig.sandbox.api());
        std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
        Self {
            client: rig.client().await,
            rig,
            seen: BTreeSet::new(),
        }
    }

    /// Notes what is secret in an address that the browser was at.
    fn see(&mut self, address: &Url) {
        let is_secret = |name: &str| {
            [
                "code",
                "state",
                "nonce",
                "request_uri",
                "id_token_hint",
                "user_code",
            ]
            .contains(&name)
        };
        let secrets = address.query_pairs().filter(|(name, _)| is_secret(name));
        self.seen.extend(secrets.map(|(_, value)| value.into_owned()));
    }

    /// Ann signs in with this browser, by the way that the request says.
    async fn sign_in(&mut self, request: SignIn, ann: &mut Visitor) -> Account {
        let attempt = self.client.sign_in(request).unwrap();
        let page = attempt.opened().await.unwrap().url;
        self.see(&page);
        if let Some(prompt) = attempt.view().device {
            ann.enter_code(&prompt.verification_uri, &prompt.user_code)
                .await
                .unwrap();
            self.seen.insert(prompt.user_code);
            // The next poll comes at once.
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(5)).await;
            tokio::time::resume();
        } else {
            let callback = ann.visit(page.as_str()).await.unwrap();
            self.see(&callback);
            match attempt.view().route {
                Route::Scheme => self.client.deliver_callback(callback.as_str()).await.unwrap(),
                Route::Loopback => drop(reqwest::get(callback).await.unwrap()),
                _ => attempt.deliver(callback.as_str()).await.unwrap(),
            }
        }
        attempt.wait().await.unwrap().account
    }

    /// Ann signs in with a new browser.
    async fn sign_in_anew(&mut self, request: SignIn) -> Account {
        let mut ann = self.rig.sandbox.visitor("ann");
        self.sign_in(request, &mut ann).await
    }

    async fn call(&self, account: &Account, path: &str) -> tessera_client::CollectedResponse {
        let address = Url::parse(&format!("{}/{path}", self.rig.sandbox.api())).unwrap();
        let answer = self.client.call(&account.id, ApiRequest::get(address)).await;
        answer.unwrap().collect().await.unwrap()
    }

    /// A call, one that needs a fresh token, and the end.
    async fn use_and_sign_out(&self, account: &Account, path: &str) {
        assert_eq!(self.call(account, path).await.status, 200);
        self.rig.sandbox.clock().advance(8 * 3_600);
        assert_eq!(self.call(account, path).await.status, 200);
        self.client.sign_out(&account.id).await.unwrap();
    }

    /// What the sandbox was shown of codes and tokens.
    fn shown(&self) -> BTreeSet<Fingerprint> {
        let entries = self.rig.sandbox.log().entries();
        entries.iter().filter_map(|entry| entry.credential).collect()
    }

    /// No report of a flow holds a secret; there were flows of these kinds.
    fn check(self, kinds: &[FlowKind]) {
        let mut flows: BTreeMap<u64, Vec<TraceEvent>> = BTreeMap::new();
        for event in self.client.traced() {
            flows.entry(event.flow.0).or_default().push(event);
        }
        let seen: Vec<FlowKind> = flows.values().map(|events| events[0].kind).collect();
        for kind in kinds {
            assert!(seen.contains(kind), "{seen:?}");
        }

        let shown = self.shown();
        let mut secrets = secrets_of(&self.rig.keychain);
        let redeemed = |secret: &&String| shown.contains(&Fingerprint::of(secret));
        assert!(
            secrets.iter().any(|secret| redeemed(&secret)),
            "a token was shown"
        );
        secrets.extend(self.seen);
        for (id, secret) in [
            (CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET),
            (GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET),
            (GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET),
        ] {
            secrets.extend(forms_of(id, secret));
        }
        for events in flows.values() {
            let report = Report::of(events).unwrap();
            let written = format!(
                "{}\n{}\n{}\n{events:?}",
                report.name, report.json, report.markdown
            );
            for secret in &secrets {
                assert!(!written.contains(secret.as_str()), "{secret} is in\n{written}");
            }
            for word in written.split(|c| !is_random(c)) {
                for word in [word, word.trim_matches('.')] {
                    let is_secret = shown.contains(&Fingerprint::of(word));
                    assert!(!is_secret, "{word} is in\n{written}");
                }
                // Proofs are made for one request and kept nowhere; they too are signed tokens.
                let is_token = word.starts_with("eyJ") && word.contains('.');
                assert!(!is_token, "{word} is in\n{written}");
            }
        }
    }
}

fn known(id: &str) -> SignIn {
    SignIn::with(ProviderChoice::Known(ProviderId::new(id).unwrap()))
}

fn by(route: Route, request: SignIn) -> SignIn {
    SignIn {
        route: Some(route),
        ..request
    }
}

/// The permission to list calendars.
const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";

/// The provider that most flows go to.
const BOX: &str = "[[provider]]\nid = \"box\"\nissuer = \"{issuer}\"\napis = [\"{api}\"]\n";

fn with_box(more: &str) -> String {
    format!("{BOX}client_id = \"{CLIENT_ID}\"\n{more}\n")
}

#[tokio::test]
async fn a_report_of_any_flow_holds_no_secret() {
    let mut walk = Walk::with(Options::default(), &with_box("")).await;
    let mut accounts = Vec::new();
    // Each way in, …
    for route in [Route::Scheme, Route::Loopback, Route::Paste, Route::Device] {
        accounts.push(walk.sign_in_anew(walk.rig.request(route)).await);
    }
    let account = accounts.pop().unwrap();
    // … calls, one of which needs a fresh token, and one of an API that repeats the token, …
    walk.call(&account, "profile").await;
    walk.rig.sandbox.clock().advance(3_600);
    walk.call(&account, "echo").await;
    // … what goes wrong at each place, …
    for fault in [
        "id-token-wrong-nonce",
        "id-token-unknown-key",
        "token-500",
        "userinfo-wrong-sub",
    ] {
        walk.rig.sandbox.faults().clear();
        walk.rig.fault(fault);
        let request = walk.rig.request(Route::Scheme);
        let ended = walk.rig.sign_in_with(&walk.client, request, "ann").await;
        assert!(ended.is_err(), "{fault}");
    }
    walk.rig.sandbox.faults().clear();
    // … and the end.
    walk.client.sign_out(&account.id).await.unwrap();

    let codes = walk.seen.iter().map(|secret| Fingerprint::of(secret));
    assert!(codes.filter(|code| walk.shown().contains(code)).count() >= 3);
    walk.check(&[
        FlowKind::SignIn,
        FlowKind::Refresh,
        FlowKind::Call,
        FlowKind::SignOut,
    ]);
}

#[tokio::test]
async fn a_report_of_pushed_requests_and_bound_tokens_holds_no_secret() {
    let options = Options {
        pushed_requests: PushedRequests::Required,
        dpop: Dpop::WithNonces,
        ..Options::default()
    };
    let mut walk = Walk::with(options, &with_box("dpop = true")).await;
    for route in [Route::Scheme, Route::Loopback, Route::Paste, Route::Device] {
        let account = walk.sign_in_anew(by(route, known("box"))).await;
        walk.use_and_sign_out(&account, "profile").await;
    }
    walk.check(&[FlowKind::SignIn, FlowKind::Refresh, FlowKind::SignOut]);
}

#[tokio::test]
async fn a_report_of_a_client_with_a_secret_holds_none() {
    let google = format!(
        "[[provider]]\nid = \"google\"\nissuer = \"{{issuer}}/google\"\nclient_id = \"{GOOGLE_CLIENT_ID}\"\nclient_secret = \"{GOOGLE_CLIENT_SECRET}\"\napis = [\"{{api}}\"]\n"
    );
    let mut walk = Walk::with(Options::default(), &google).await;
    let own = SignIn {
        apis: vec![walk.rig.sandbox.api().to_owned()],
        ..SignIn::with(ProviderChoice::AdHoc(AdHocProvider {
            issuer: walk.rig.sandbox.issuer().to_owned(),
            client_id: CONFIDENTIAL_CLIENT_ID.to_owned(),
            client_secret: Some(tessera_oidc::ClientSecret::new(CONFIDENTIAL_CLIENT_SECRET)),
        }))
    };
    let account = walk.sign_in_anew(by(Route::Scheme, own)).await;
    walk.use_and_sign_out(&account, "profile").await;
    let google = SignIn {
        scopes: Some(Scopes::parse(&format!("openid email profile {CALENDAR}"))),
        ..known("google")
    };
    let account = walk.sign_in_anew(google).await;
    walk.use_and_sign_out(&account, "google/calendar/v3/users/me/calendarList")
        .await;
    walk.check(&[FlowKind::SignIn, FlowKind::Refresh, FlowKind::SignOut]);
}

#[tokio::test]
async fn a_report_of_githubs_ways_holds_no_secret() {
    let github = format!(
        "[[provider]]\nid = \"github\"\nweb = \"{{issuer}}/github\"\napi = \"{{api}}/github\"\nclient_id = \"{GITHUB_CLIENT_ID}\"\nclient_secret = \"{GITHUB_CLIENT_SECRET}\"\n"
    );
    let mut walk = Walk::with(Options::default(), &github).await;
    for route in [Route::Scheme, Route::Loopback, Route::Device] {
        let account = walk.sign_in_anew(by(route, known("github"))).await;
        walk.use_and_sign_out(&account, "github/user").await;
    }
    walk.check(&[FlowKind::SignIn, FlowKind::Refresh, FlowKind::SignOut]);
}

#[tokio::test]
async fn a_report_of_a_step_up_and_of_the_browsers_sign_out_holds_no_secret() {
    let mut walk = Walk::with(Options::default(), &with_box("routes = [\"scheme\", \"device\"]")).await;
    let mut ann = walk.rig.sandbox.visitor("ann");
    let mut account = walk.sign_in(known("box"), &mut ann).await;
    for (path, route) in [("strongbox", Route::Scheme), ("diary", Route::Device)] {
        walk.rig.sandbox.clock().advance(301);
        let wanted = walk.call(&account, path).await.step_up.unwrap();
        let request = walk.client.step_up(&account.id, wanted).await.unwrap();
        account = walk.sign_in(by(route, request), &mut ann).await;
        assert_eq!(walk.call(&account, path).await.status, 200);
    }
    let receipt = walk.client.sign_out(&account.id).await.unwrap();
    walk.rig.browser.opened.lock().unwrap().clear();
    let sign_out = walk
        .client
        .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT);
    let mut sign_out = sign_out.await.unwrap();
    let page = walk.rig.browser.opened_page().await;
    walk.see(&page);
    let back = ann.visit(page.as_str()).await.unwrap();
    walk.see(&back);
    walk.client.deliver_callback(back.as_str()).await.unwrap();
    sign_out.wait().await;
    walk.check(&[
        FlowKind::SignIn,
        FlowKind::Refresh,
        FlowKind::Call,
        FlowKind::SignOut,
    ]);
}
