//! What several test modules need: an account to begin from.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

use tessera_oidc::checks::Verdicts;
use tessera_oidc::{ClientId, Scopes, Subject, UnixTime};
use url::Url;

use crate::account::{Account, AccountId, AccountState, Storage};
use crate::provider::ProviderId;

/// An account of `subject` at `issuer`, signed in, with nothing special about it.
pub(crate) fn account(issuer: &str, subject: &str, apis: &[&str]) -> Account {
    let issuer = issuer.parse().expect("a test's issuer is one");
    let subject = Subject::new(subject);
    Account {
        id: AccountId::of(&issuer, &subject),
        provider: ProviderId::new("acme").expect("a test's id is one"),
        provider_name: "Acme".to_owned(),
        kind: "oidc".to_owned(),
        issuer,
        name: subject.to_string(),
        subject,
        client_id: ClientId::new("client"),
        email: None,
        picture: None,
        claims: vec![("locale".to_owned(), "en".to_owned())],
        requested: Scopes::parse("openid profile"),
        granted: Scopes::parse("openid"),
        checks: Verdicts::new(),
        apis: apis
            .iter()
            .map(|api| Url::parse(api).expect("a test's address is one"))
            .collect(),
        storage: Storage::Keychain,
        state: AccountState::SignedIn,
        access_expires_at: Some(UnixTime(2_000)),
        signed_in_at: UnixTime(1_000),
        nonce: None,
        renewed_at: UnixTime(1_000),
        refresh_expires_at: None,
        rotation: 1,
        generation: 0,
    }
}
