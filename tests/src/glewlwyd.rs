//! Debian's `glewlwyd` as a provider to sign in to: written in C by somebody else, and set up through its own
//! administration API. Its pages are drawn by a script in the browser; a person's part is played by the calls that the
//! script makes.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::LOCATION;
use reqwest::{Client, Method, redirect};
use rusqlite::Connection;
use serde_json::{Value, json};
use url::Url;

use crate::pages::{ANN, BOB, Person};
use crate::program::Program;
use crate::{tools, wait};

/// The scopes that it knows besides `openid`.
const SCOPES: [&str; 3] = ["profile", "email", "offline_access"];

/// A client that is registered there.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Its id.
    pub client_id: &'static str,
    /// Its secret, if it is a confidential one.
    pub client_secret: Option<&'static str>,
}

/// The app as a public client.
pub const PUBLIC: Registered = Registered {
    client_id: "tessera-native",
    client_secret: None,
};

/// The app as a confidential client.
pub const CONFIDENTIAL: Registered = Registered {
    client_id: "tessera-confidential",
    // Letters only: it takes what Basic authentication carries as it comes, without undoing the form encoding.
    client_secret: Some("nosecretatall"),
};

/// A running provider.
pub struct Glewlwyd {
    /// Its issuer identifier.
    pub issuer: String,
    origin: String,
    _program: Program,
}

impl Glewlwyd {
    /// Starts one with its database in `folder`. An access token lives for `life` seconds, and every refresh brings a
    /// new refresh token and spends the old one. People and both clients are known to it; the clients by `redirect_uri`
    /// and no other.
    pub async fn start(folder: &Path, life: u32, redirect_uri: &str) -> Result<Self> {
        let program = tools::glewlwyd()?;
        let prefix = program
            .canonicalize()?
            .ancestors()
            .nth(2)
            .context("a program lies in a bin folder")?
            .to_owned();
        let schema = prefix.join("share/dbconfig-common/data/glewlwyd/install/sqlite3");
        let schema = fs::read_to_string(&schema).with_context(|| format!("reading {}", schema.display()))?;
        let database = folder.join("glewlwyd.db");
        Connection::open(&database)?.execute_batch(&schema)?;

        // It cannot take a port of the system's choosing by itself.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let origin = format!("http://127.0.0.1:{port}");
        let file = folder.join("glewlwyd.conf");
        fs::write(&file, configuration(&prefix, &database, port)?)?;
        let mut command = Command::new(&program);
        command.arg("--config-file").arg(&file).stdin(Stdio::null());
        let program = Program::start("glewlwyd", &mut command, folder)?;

        let provider = Self {
            issuer: format!("{origin}/api/oidc"),
            origin,
            _program: program,
        };
        provider.set_up(life, redirect_uri).await?;
        Ok(provider)
    }

    async fn set_up(&self, life: u32, redirect_uri: &str) -> Result<()> {
        let admin = browser()?;
        wait::until_true("glewlwyd's first answer", wait::STEP, async || {
            let config = admin.get(format!("{}/config", self.origin)).send().await;
            Ok(config.is_ok_and(|answer| answer.status().is_success()))
        })
        .await?;
        let login = json!({ "username": "admin", "password": "password" });
        self.tell(&admin, Method::POST, "auth", &login).await?;
        for scope in SCOPES {
            let scope = json!({ "name": scope, "display_name": scope, "description": scope, "scheme": {} });
            self.tell(&admin, Method::POST, "scope", &scope).await?;
        }
        let plugin = json!({
            "module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "enabled": true,
            "parameters": {
                "iss": self.issuer,
                "jwks-private": json!({ "keys": [signing_key()?] }).to_string(),
                "jwks-show": true,
                "access-token-duration": life,
                "refresh-token-duration": 86400,
                "refresh-token-one-use": "always",
                "auth-type-code-enabled": true,
                "auth-type-refresh-enabled": true,
                "pkce-allowed": true,
                "pkce-required": true,
                "subject-type": "public",
                "oauth-as-iss-id": true,
                "name-claim": "mandatory",
                "email-claim": "mandatory",
                "introspection-revocation-allowed": true,
                "introspection-revocation-allow-target-client": true,
                "allowed-scope": scopes(),
            },
        });
        self.tell(&admin, Method::POST, "mod/plugin", &plugin).await?;
        for registered in [PUBLIC, CONFIDENTIAL] {
            let mut client = json!({
                "client_id": registered.client_id, "name": "Tessera", "enabled": true,
                "confidential": registered.client_secret.is_some(),
                "scope": [], "redirect_uri": [redirect_uri],
                "authorization_type": ["code", "refresh_token"],
                "token_endpoint_auth_method": [
                    if registered.client_secret.is_some() { "client_secret_basic" } else { "none" }
                ],
            });
            if let Some(secret) = registered.client_secret {
                client["password"] = secret.into();
            }
            self.tell(&admin, Method::POST, "client", &client).await?;
        }
        for person in [ANN, BOB] {
            let user = json!({
                "username": person.user, "password": person.password, "enabled": true,
                "name": person.name, "email": person.email, "scope": scopes(),
            });
            self.tell(&admin, Method::POST, "user", &user).await?;
        }
        Ok(())
    }

    /// `person` at a browser of their own: from the page that was opened to the callback, which is not visited.
    pub async fn visit(&self, page: &Url, person: Person) -> Result<Url> {
        let browser = browser()?;
        let login = location(&browser, page.clone()).await?;
        let asked = |name: &str| {
            let mut pairs = login.query_pairs();
            pairs
                .find_map(|(other, value)| (other == name).then(|| value.into_owned()))
                .with_context(|| format!("{name} in {login}"))
        };
        let password = json!({ "username": person.user, "password": person.password });
        self.tell(&browser, Method::POST, "auth", &password).await?;
        let grant = json!({ "scope": asked("scope")? });
        let path = format!("auth/grant/{}", asked("client_id")?);
        self.tell(&browser, Method::PUT, &path, &grant).await?;
        let mut on: Url = asked("callback_url")?.parse()?;
        on.query_pairs_mut().append_key_only("g_continue");
        location(&browser, on).await
    }

    async fn tell(&self, browser: &Client, method: Method, path: &str, what: &Value) -> Result<()> {
        let address = format!("{}/api/{path}/", self.origin);
        let sent = browser.request(method, address).json(what).send().await?;
        let (status, answer) = (sent.status(), sent.text().await?);
        ensure!(status.is_success(), "{path} was answered {status}: {answer}");
        Ok(())
    }
}

fn scopes() -> Vec<&'static str> {
    [&["openid"], &SCOPES[..]].concat()
}

/// A browser that has been nowhere yet, and that stops at every redirect.
fn browser() -> Result<Client> {
    Ok(Client::builder()
        .cookie_store(true)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()?)
}

/// Where the page at `url` leads.
async fn location(browser: &Client, url: Url) -> Result<Url> {
    let response = browser.get(url).send().await?;
    let to = response.headers().get(LOCATION);
    let to = to.with_context(|| format!("a redirect, not {}", response.status()))?;
    Ok(response.url().join(to.to_str()?)?)
}

/// A new key to sign with, private half and all, as a JWK.
fn signing_key() -> Result<Value> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let private = key.private_key().as_be_bytes()?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // An uncompressed point: a byte that says so, then both coordinates.
    let point = key.public_key().as_ref();
    let (x, y) = point.get(1..).context("a point")?.split_at(32);
    Ok(json!({
        "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y), "d": text(private.as_ref()),
        "use": "sig", "alg": "ES256", "kid": "lab",
    }))
}

/// Its configuration file: on loopback only, and with every path in its own folders.
fn configuration(prefix: &Path, database: &Path, port: u16) -> Result<String> {
    let modules = prefix.join("lib/glewlwyd");
    let mut text = format!(
        "port = {port}\n\
         bind_address = \"127.0.0.1\"\n\
         external_url = \"http://127.0.0.1:{port}\"\n\
         login_url = \"login.html\"\n\
         api_prefix = \"api\"\n\
         log_mode = \"console\"\n\
         log_level = \"INFO\"\n\
         cookie_domain = \"127.0.0.1\"\n\
         cookie_secure = 0\n\
         session_key = \"GLEWLWYD\"\n\
         admin_scope = \"g_admin\"\n\
         profile_scope = \"g_profile\"\n\
         hash_algorithm = \"SHA512\"\n\
         database = {{ type = \"sqlite3\" path = \"{}\" }};\n",
        database.display()
    );
    for (setting, folder) in [
        ("user_module_path", "user"),
        ("user_middleware_module_path", "user_middleware"),
        ("client_module_path", "client"),
        ("user_auth_scheme_module_path", "scheme"),
        ("plugin_module_path", "plugin"),
    ] {
        writeln!(text, "{setting} = \"{}\"", modules.join(folder).display())?;
    }
    Ok(text)
}
