//! A sandbox with an HTTP client beside it, and an app's half of the code flow.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tessera_sandbox::{CLIENT_ID, Options, Sandbox};
use url::{Url, form_urlencoded};

pub(crate) const REDIRECT: &str = "app.tessera.desktop:/callback";

/// A running sandbox and a client that follows no redirects.
pub(crate) struct Lab {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self {
            sandbox: Sandbox::start(options).await.expect("the sandbox starts"),
            http: client(),
        }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.issuer())
    }

    pub(crate) fn api(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.api())
    }

    pub(crate) async fn get_json(&self, path: &str) -> Value {
        let response = self.http.get(self.at(path)).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        json(response).await
    }

    /// A form to an endpoint: status and JSON (null where there is none).
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let response = self
            .http
            .post(self.at(path))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encode(fields))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), json(response).await)
    }

    /// The token endpoint: the answer, or the error code.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Result<Value, String> {
        let (status, body) = self.post("/token", fields).await;
        match body.get("error") {
            None if status == 200 => Ok(body),
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Err(format!("status {status}")),
        }
    }

    pub(crate) async fn exchange(&self, attempt: &Attempt, code: &str) -> Result<Value, String> {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("code", code),
            ("redirect_uri", &attempt.redirect_uri),
            ("code_verifier", &attempt.verifier),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, tokens: &Value) -> Result<Value, String> {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT_ID),
            (
                "refresh_token",
                tokens["refresh_token"].as_str().expect("a refresh token"),
            ),
        ])
        .await
    }

    /// The userinfo endpoint: the answer, or the status.
    pub(crate) async fn userinfo(&self, tokens: &Value) -> Result<Value, u16> {
        self.call(&self.at("/userinfo"), tokens).await
    }

    /// A GET with the access token: the JSON, or the status.
    pub(crate) async fn call(&self, address: &str, tokens: &Value) -> Result<Value, u16> {
        let token = tokens["access_token"].as_str().expect("an access token");
        let response = self
            .http
            .get(address)
            .header("authorization", format!("Bearer {token}"))
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        if status == 200 {
            Ok(json(response).await)
        } else {
            Err(status)
        }
    }

    /// Signs in as `username` and exchanges the code.
    pub(crate) async fn sign_in(&self, username: &str, scope: &str) -> Value {
        let attempt = Attempt::new(scope);
        let callback = self
            .sandbox
            .visitor(username)
            .visit(&attempt.url(self))
            .await
            .unwrap();
        let code = attempt.code(self, &callback);
        self.exchange(&attempt, &code).await.unwrap()
    }
}

/// A client that follows no redirects.
#[expect(
    clippy::disallowed_methods,
    reason = "tests speak to the sandbox as any program would"
)]
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client")
}

pub(crate) async fn json(response: reqwest::Response) -> Value {
    let bytes = response.bytes().await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// Claims of a token, unchecked.
pub(crate) fn claims(token: &Value) -> Value {
    let payload = token
        .as_str()
        .expect("a token")
        .split('.')
        .nth(1)
        .expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Header of a token, unchecked.
pub(crate) fn header(token: &Value) -> Value {
    let header = token
        .as_str()
        .expect("a token")
        .split('.')
        .next()
        .expect("a header");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// An authorization request with every parameter as it should be; tests change one.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) changes: Vec<(String, Option<String>)>,
}

impl Attempt {
    pub(crate) fn new(scope: &str) -> Self {
        Self {
            redirect_uri: REDIRECT.to_owned(),
            scope: scope.to_owned(),
            state: "state-of-this-attempt".to_owned(),
            nonce: "nonce-of-this-attempt".to_owned(),
            verifier: "a-verifier-that-is-long-enough-to-be-one-0123456789".to_owned(),
            changes: Vec::new(),
        }
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.changes.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.changes.push((name.to_owned(), None));
        self
    }

    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    pub(crate) fn query(&self, client_id: &str) -> String {
        let challenge = self.challenge();
        let mut fields: Vec<(String, String)> = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        for (name, value) in &self.changes {
            fields.retain(|(own, _)| own != name);
            if let Some(value) = value {
                fields.push((name.clone(), value.clone()));
            }
        }
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
    }

    pub(crate) fn url(&self, lab: &Lab) -> String {
        format!("{}?{}", lab.at("/authorize"), self.query(CLIENT_ID))
    }

    /// The code of a good callback.
    pub(crate) fn code(&self, lab: &Lab, callback: &Url) -> String {
        assert!(callback.as_str().starts_with(&self.redirect_uri), "{callback}");
        assert_eq!(parameter(callback, "state").as_deref(), Some(self.state.as_str()));
        assert_eq!(parameter(callback, "iss").as_deref(), Some(lab.sandbox.issuer()));
        parameter(callback, "code").unwrap_or_else(|| panic!("no code in {callback}"))
    }
}
