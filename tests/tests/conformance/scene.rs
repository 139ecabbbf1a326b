//! Where a row is played: a provider with a log, a client, and an account that was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;

use lab::rig::{Rig, tidied};
use tessera_client::{
    Account, AccountId, AdHocProvider, ApiRequest, Attempt, Client, Error, FieldValue, Party, ProviderChoice,
    ProviderId, Route, SignIn, SignedIn, Step,
};
use tessera_sandbox::faults::{Fault, HttpFault};
use tessera_sandbox::log::{Endpoint, Entry};
use tessera_sandbox::{
    CLIENT_ID, CONFIDENTIAL_CLIENT_ID, CONFIDENTIAL_CLIENT_SECRET, Client as Registered, Dpop,
    GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, Options, Sandbox,
};
use url::Url;

use crate::row::{Outcome, Provider, Row, Setting};

/// A provider, a client that has read nothing yet, and Bob's account, which nothing may touch.
pub(crate) struct Scene {
    pub(crate) rig: Rig,
    pub(crate) client: Client,
    setting: Setting,
    provider: Provider,
    waits_on: bool,
    bystander: Bystander,
    before: Mutex<Before>,
}

/// What was there before the last thing that an act does, beside the bystander's.
#[derive(Default)]
struct Before {
    stored: BTreeMap<String, Vec<u8>>,
    accounts: BTreeSet<AccountId>,
}

/// The account that was there before.
struct Bystander {
    id: AccountId,
    secrets: BTreeMap<String, Vec<u8>>,
}

impl Scene {
    /// Bob is signed in; then another process begins with an empty log.
    pub(crate) async fn set(row: &Row) -> Self {
        let rig = Rig::with(options(row.setting)).await;
        name_providers(&rig, row.setting);
        let client = rig.client().await;
        let bob = rig.sign_in(&client, "bob").await.account;
        // His picture is fetched when he is signed in already, and would come into the row's log.
        rig.sandbox
            .log()
            .wait_for(|entry| entry.endpoint == Endpoint::Asset && entry.outcome.is_some())
            .await
            .unwrap();
        let bystander = Bystander {
            secrets: rig.keychain.entries.lock().unwrap().clone(),
            id: bob.id,
        };
        rig.sandbox.log().clear();
        Self {
            client: rig.client().await,
            setting: row.setting,
            provider: row.provider,
            waits_on: matches!(row.outcome, Outcome::WaitOn { .. }),
            rig,
            bystander,
            before: Mutex::default(),
        }
    }

    /// What went before belongs to the scenery: the log begins here, and what is there now may stay.
    pub(crate) async fn begin_here(&self) {
        tidied(&self.client).await;
        let before = Before {
            stored: self.secrets(),
            accounts: self
                .accounts()
                .await
                .into_iter()
                .map(|account| account.id)
                .collect(),
        };
        *self.before.lock().unwrap() = before;
        self.rig.sandbox.log().clear();
    }

    /// What a refusal left behind that was not there before. What was there may be gone: a provider's word can end a
    /// session, and a refresh token that was replaced is of no use to anyone.
    pub(crate) async fn left_behind(&self) -> Vec<String> {
        tidied(&self.client).await;
        let accounts = self.accounts().await;
        let before = self.before.lock().unwrap();
        let new_secret = |(name, secret): (String, Vec<u8>)| match before.stored.get(&name) {
            // The provider replaced it: the earlier one is void, and this one belongs to the same account.
            Some(_) if name.starts_with("refresh/") => None,
            Some(earlier) if *earlier == secret => None,
            _ => Some(name),
        };
        let new_account = |account: Account| {
            (!before.accounts.contains(&account.id)).then(|| format!("the account {}", account.name))
        };
        let secrets = self.secrets().into_iter().filter_map(new_secret);
        secrets
            .chain(accounts.into_iter().filter_map(new_account))
            .collect()
    }

    /// From now on the provider does what the row says.
    pub(crate) fn go_wrong(&self) {
        self.goes_wrong_too(&self.rig.sandbox);
    }

    /// From now on another provider does what the row says.
    pub(crate) fn goes_wrong_too(&self, other: &Sandbox) {
        for rule in self.provider.rules() {
            other.faults().set(rule);
        }
    }

    /// The endpoint whose answer the row holds up.
    pub(crate) fn slow_endpoint(&self) -> Endpoint {
        let catalogue = tessera_sandbox::faults::catalogue();
        let held_up = |name: &&str| {
            let named = catalogue.iter().find(|row| row.name == *name)?;
            match named.fault {
                Fault::Http { endpoint, .. } => Some(endpoint),
                _ => None,
            }
        };
        self.provider.faults().iter().find_map(held_up).unwrap()
    }

    /// The provider of the row's setting.
    pub(crate) fn choice(&self) -> ProviderChoice {
        let known = |id| ProviderChoice::Known(ProviderId::new(id).unwrap());
        let named = |id: &str, secret: Option<&str>| {
            ProviderChoice::AdHoc(AdHocProvider {
                issuer: self.rig.sandbox.issuer().to_owned(),
                client_id: id.to_owned(),
                client_secret: secret.map(tessera_oidc::ClientSecret::new),
            })
        };
        match self.setting {
            Setting::Standard => named(CLIENT_ID, None),
            Setting::Secret => named(CONFIDENTIAL_CLIENT_ID, Some(CONFIDENTIAL_CLIENT_SECRET)),
            Setting::Google => known("google"),
            Setting::GitHub => known("github"),
            Setting::Bound => known("bound"),
            Setting::OwnAddress => known("own-address"),
        }
    }

    /// The usual sign-in there.
    pub(crate) fn request(&self) -> SignIn {
        SignIn {
            route: match self.setting {
                Setting::Google | Setting::OwnAddress => None,
                Setting::Standard | Setting::Secret | Setting::GitHub | Setting::Bound => Some(Route::Scheme),
            },
            apis: vec![self.rig.sandbox.api().to_owned()],
            ..SignIn::with(self.choice())
        }
    }

    /// Ann signs in, and the callback is handed to the attempt as it came.
    pub(crate) async fn sign_in(&self) -> Result<SignedIn, Error> {
        self.sign_in_as(self.request()).await
    }

    /// The same with a sign-in of the act's own.
    pub(crate) async fn sign_in_as(&self, request: SignIn) -> Result<SignedIn, Error> {
        let attempt = self.client.sign_in(request)?;
        let callback = self.callback(&attempt).await?;
        self.deliver(&attempt, callback.as_str()).await
    }

    /// Hands a callback to the attempt: what it ends with, or where it is to wait on, why this was not the answer.
    pub(crate) async fn deliver(&self, attempt: &Attempt, callback: &str) -> Result<SignedIn, Error> {
        match attempt.deliver(callback).await {
            Err(error) if self.waits_on => Err(error),
            // What else is wrong with it is the attempt's end.
            _ => attempt.wait().await,
        }
    }

    /// What the browser comes back with from this attempt's page.
    pub(crate) async fn callback(&self, attempt: &Attempt) -> Result<Url, Error> {
        self.rig.visit(attempt, "ann").await
    }

    /// Calls an API of the provider's with the account's token.
    pub(crate) async fn call(&self, account: &Account) -> Result<u16, Error> {
        let (issuer, api) = (self.rig.sandbox.issuer(), self.rig.sandbox.api());
        let address = match self.setting {
            Setting::Standard | Setting::Secret | Setting::Bound | Setting::OwnAddress => {
                format!("{api}/profile")
            }
            Setting::Google => format!("{issuer}/google/v1/userinfo"),
            Setting::GitHub => format!("{api}/github/user"),
        };
        let answer = self.client.call(&account.id, ApiRequest::get(address)).await?;
        Ok(answer.status.as_u16())
    }

    /// What is wrong with the account that was there before; nothing may be.
    pub(crate) async fn bystander_is_well(&self) -> Result<(), String> {
        let account = self.client.account(&self.bystander.id).await;
        let state = account.map(|account| account.state.as_str());
        if state.as_ref().ok() != Some(&"signed_in") {
            return Err(format!("the account that was there before is now: {state:?}"));
        }
        let kept = self.rig.keychain.entries.lock().unwrap().clone();
        let gone = self
            .bystander
            .secrets
            .iter()
            .find(|(name, secret)| kept.get(*name) != Some(secret));
        match gone {
            Some((name, _)) => Err(format!("{name} of the account that was there before was touched")),
            None => Ok(()),
        }
    }

    /// The names of what the keychain holds beside what belongs to the account that was there before.
    pub(crate) fn stored(&self) -> Vec<String> {
        self.secrets().into_keys().collect()
    }

    fn secrets(&self) -> BTreeMap<String, Vec<u8>> {
        let mut kept = self.rig.keychain.entries.lock().unwrap().clone();
        kept.retain(|name, _| !self.bystander.secrets.contains_key(name));
        kept
    }

    /// The accounts beside the one that was there before.
    pub(crate) async fn accounts(&self) -> Vec<Account> {
        let mut accounts = self.client.accounts().await.unwrap();
        accounts.retain(|account| account.id != self.bystander.id);
        accounts
    }

    /// What the provider was asked for, in order, by the client or by the browser that the client opened.
    pub(crate) fn asked(&self) -> Vec<Endpoint> {
        let entries = self.rig.sandbox.log().entries();
        let asked = entries.iter().map(|entry| entry.endpoint);
        // The pages are the person's own walk, after the authorization request that brought them there.
        asked
            .filter(|endpoint| !matches!(endpoint, Endpoint::Page | Endpoint::Asset))
            .collect()
    }

    /// Codes and refresh tokens that the provider was shown twice: whatever went wrong, the second time can only harm
    /// (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2). A request that was to be made again with a nonce was not
    /// looked at before (RFC 9449 section 8).
    pub(crate) fn sent_twice(&self) -> Vec<String> {
        let mut shown = BTreeSet::new();
        let mut twice = Vec::new();
        for entry in self.rig.sandbox.log().entries() {
            let error = entry.outcome.and_then(|outcome| outcome.error);
            // GitHub is not told the grant; a device's code is for many polls.
            let grant = entry.grant_type.unwrap_or_else(|| "code".to_owned());
            let is_for_once = entry.endpoint == Endpoint::Token && !grant.ends_with(":device_code");
            let Some(credential) = entry.credential.filter(|_| is_for_once) else {
                continue;
            };
            if error.as_deref() != Some("use_dpop_nonce") && !shown.insert(credential) {
                twice.push(grant);
            }
        }
        twice
    }

    /// The faults of the row that left no mark: a row in which one of them never shows proves nothing.
    pub(crate) fn unseen_faults(&self) -> Vec<String> {
        let entries = self.rig.sandbox.log().entries();
        let catalogue = tessera_sandbox::faults::catalogue();
        let named = self.provider.faults().iter().filter(|name| {
            let fault = catalogue
                .iter()
                .find(|row| row.name == **name)
                .map(|row| &row.fault);
            !entries
                .iter()
                .any(|entry| fault.is_some_and(|fault| shows_in(entry, name, fault)))
        });
        named.map(|name| (*name).to_owned()).collect()
    }
}

/// Whether a request shows that the provider did this. Most faults change an answer, and the log names them there; a
/// provider's stance changes what it is asked for, and an answer that nobody waits for has no end.
fn shows_in(entry: &Entry, name: &str, fault: &Fault) -> bool {
    let is_at = |endpoint| entry.endpoint == endpoint;
    match fault {
        Fault::PushedRequests(_) => is_at(Endpoint::PushedAuthorization),
        Fault::Dpop(Dpop::WithNonces) | Fault::EverNewNonces { .. } => {
            let error = entry
                .outcome
                .as_ref()
                .and_then(|outcome| outcome.error.as_deref());
            error == Some("use_dpop_nonce")
        }
        // Whoever shows a secret meets it.
        Fault::BasicAsItStands => is_at(Endpoint::Token) && entry.scheme.as_deref() == Some("Basic"),
        Fault::Dpop(_) => is_at(Endpoint::Token) && entry.with_proof,
        Fault::Http {
            endpoint,
            fault: HttpFault::Slow(_),
        } => is_at(*endpoint) && entry.outcome.is_none(),
        _ => entry
            .outcome
            .as_ref()
            .is_some_and(|outcome| outcome.faults.iter().any(|own| own == name)),
    }
}

impl Scene {
    /// Requests that went to anyone but this provider and its API, by the client's own trace; and those that went where a
    /// fault led them, by the log of who listens there.
    pub(crate) fn sent_elsewhere(&self) -> Vec<String> {
        let log = self.rig.sandbox.log();
        let followed = log.matching(|entry| entry.endpoint == Endpoint::Elsewhere);
        let followed = followed
            .into_iter()
            .map(|entry| format!("{} {}", entry.method, entry.path));
        let homes = [self.rig.sandbox.issuer(), self.rig.sandbox.api()];
        let at_home = |address: &str| homes.iter().any(|home| address.starts_with(&format!("{home}/")));
        let sent = self
            .client
            .traced()
            .into_iter()
            .filter_map(|event| match event.step {
                Step::Message {
                    from: Party::Tessera,
                    to: Party::Provider | Party::Api,
                    fields,
                    ..
                } => fields.into_iter().find(|field| field.name == "request"),
                _ => None,
            });
        sent.filter_map(|field| match field.value {
            FieldValue::Shown(request) => Some(request),
            FieldValue::Masked { .. } => None,
        })
        .filter(|request| !at_home(request.split_once(' ').map_or("", |(_, address)| address)))
        .chain(followed)
        .collect()
    }
}

/// The path of the loopback address that one provider alone has.
const OWN_PATH: &str = "/own/callback";

/// The provider of a setting.
fn options(setting: Setting) -> Options {
    let mut options = Options::default();
    match setting {
        Setting::Bound => options.dpop = Dpop::Offered,
        Setting::OwnAddress => {
            let is_ours = |client: &&mut Registered| client.id == CLIENT_ID;
            let ours = options.clients.iter_mut().find(is_ours).unwrap();
            ours.redirect_uris.push(format!("http://127.0.0.1{OWN_PATH}"));
        }
        Setting::Standard | Setting::Secret | Setting::Google | Setting::GitHub => {}
    }
    options
}

/// Writes the sandbox's other dialects into providers.toml, and the entry of a setting that asks for something.
fn name_providers(rig: &Rig, setting: Setting) {
    let (issuer, api) = (rig.sandbox.issuer(), rig.sandbox.api());
    let mut text = format!(
        r#"
[[provider]]
id = "google"
issuer = "{issuer}/google"
client_id = "{GOOGLE_CLIENT_ID}"
client_secret = "{GOOGLE_CLIENT_SECRET}"
apis = ["{api}"]

[[provider]]
id = "github"
web = "{issuer}/github"
api = "{api}/github"
client_id = "{GITHUB_CLIENT_ID}"
client_secret = "{GITHUB_CLIENT_SECRET}"
"#
    );
    let own = match setting {
        Setting::Bound => Some(("bound", "dpop = true".to_owned())),
        Setting::OwnAddress => Some((
            "own-address",
            format!("routes = [\"loopback\", \"scheme\"]\nloopback = {{ path = \"{OWN_PATH}\" }}"),
        )),
        Setting::Standard | Setting::Secret | Setting::Google | Setting::GitHub => None,
    };
    if let Some((id, asks)) = own {
        write!(
            text,
            "\n[[provider]]\nid = \"{id}\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT_ID}\"\napis = [\"{api}\"]\n{asks}\n"
        )
        .unwrap();
    }
    std::fs::write(rig.folder().join("providers.toml"), text).unwrap();
}
