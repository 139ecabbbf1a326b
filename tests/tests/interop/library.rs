//! The client library, from signing in to signing out.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use lab::pages::ANN;
use lab::secrets::{Places, Secrets};
use serde_json::Value;
use tessera_client::{ApiRequest, ReceiptOutcome, Route};

use crate::rig::{Rig, passed, visitor};

/// The checks that this provider gives occasion for.
const CHECKS: [&str; 18] = [
    "discovery.response",
    "discovery.issuer",
    "discovery.endpoints",
    "discovery.pkce",
    "callback.redirect_uri",
    "callback.state",
    "callback.iss",
    "callback.code",
    "token.token_type",
    "id_token.alg",
    "id_token.key",
    "id_token.signature",
    "id_token.iss",
    "id_token.aud",
    "id_token.exp",
    "id_token.iat",
    "id_token.nonce",
    "userinfo.sub",
];

/// A text of an event of the provider's log.
pub(crate) fn text<'a>(event: &'a Value, field: &str) -> Result<&'a str> {
    event[field]
        .as_str()
        .with_context(|| format!("{field} of a {} event", event["event"]))
}

/// Nothing that the provider ever handed out or was shown is in the data folder or in what is told of it all.
pub(crate) async fn hunt(rig: &Rig) -> Result<()> {
    let mut secrets = Secrets::default();
    secrets.add(rig.op.secrets().await?)?;
    ensure!(secrets.len() > 6, "only {} secrets are known", secrets.len());
    secrets.hunt(&Places {
        folders: vec![rig.data_folder()],
        texts: vec![(
            "the trace".to_owned(),
            format!("{:?}", rig.client.traced()).into_bytes(),
        )],
        ..Places::default()
    })
}

/// Signs in by `route`, calls, refreshes twice and signs out. The provider's log must tell the same story.
async fn a_life(route: Route) -> Result<()> {
    let rig = Rig::new().await?;
    let (client, op) = (&rig.client, &rig.op);

    // Signing in.
    let attempt = rig.sign_in(route)?;
    let callback = rig.visit(&attempt).await?;
    if route == Route::Loopback {
        ensure!(callback.scheme() == "http" && callback.host_str() == Some("127.0.0.1"));
        let (status, page) = visitor()?.finish(&callback).await?;
        ensure!(
            status == 200 && page.contains("Tessera"),
            "the browser got {status}: {page}"
        );
    } else {
        ensure!(callback.as_str().starts_with("app.tessera.desktop:/callback?"));
        client.deliver_callback(callback.as_str()).await?;
    }
    let signed_in = attempt.wait().await?;
    let account = signed_in.account.clone();
    ensure!(account.issuer.as_str() == op.issuer && account.subject.as_str() == ANN.user);
    ensure!(account.name == ANN.name && account.email.as_deref() == Some(ANN.email));
    ensure!(account.granted.contains("offline_access"), "{}", account.granted);
    passed(&signed_in, &CHECKS)?;
    let first = op.events("token").await?;
    ensure!(first.len() == 1 && first[0]["grant"] == "authorization_code" && first[0]["status"] == 200);
    ensure!(text(&first[0], "verifier")?.len() == 43);
    let code = callback.query_pairs().find(|(name, _)| name == "code");
    ensure!(code.is_some_and(|(_, code)| first[0]["code"] == *code));
    ensure!(rig.opened.0.lock().unwrap().len() == 1, "one page was opened");

    // The same answer once more is nobody's.
    let again = client.deliver_callback(callback.as_str()).await;
    ensure!(again.is_err_and(|error| error.code() == "attempt_gone"));

    // A call with the token at hand.
    let userinfo = rig.endpoint("userinfo_endpoint").await?;
    let call = async || -> Result<Value> {
        let answer = client.call(&account.id, ApiRequest::get(&userinfo)).await?;
        let answer = answer.collect().await?;
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(serde_json::from_slice(&answer.body)?)
    };
    let shown = async || -> Result<Value> { op.events("userinfo").await?.pop().context("a call") };
    ensure!(call().await?["sub"] == ANN.user);
    ensure!(shown().await?["token"] == first[0]["access_token"]);
    ensure!(op.events("token").await?.len() == 1, "the token at hand was good");

    // The access token ends: by the provider's own word, not only by the client's clock.
    rig.outlive_access_token().await?;
    ensure!(rig.userinfo_with(text(&first[0], "access_token")?).await? == 401);
    ensure!(call().await?["email"] == ANN.email);
    let second = op.events("token").await?.pop().context("a refresh")?;
    ensure!(second["grant"] == "refresh_token" && second["status"] == 200);
    ensure!(second["refresh_token_used"] == first[0]["refresh_token"]);
    ensure!(second["refresh_token"] != first[0]["refresh_token"], "it rotates");
    ensure!(shown().await?["token"] == second["access_token"]);

    // Next time it is the rotated one that is used, once, however many ask.
    rig.outlive_access_token().await?;
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (client, id) = (client.clone(), account.id.clone());
            tokio::spawn(async move { client.access_token(&id).await })
        })
        .collect();
    let mut seen = BTreeSet::new();
    for caller in callers {
        seen.insert(caller.await??.access_token.expose().to_owned());
    }
    let third = op.events("token").await?.pop().context("a refresh")?;
    ensure!(op.tokens_given("refresh_token").await? == 2);
    ensure!(third["refresh_token_used"] == second["refresh_token"]);
    ensure!(seen == BTreeSet::from([text(&third, "access_token")?.to_owned()]));

    // Signing out ends both tokens there and leaves nothing here.
    hunt(&rig).await?;
    let receipt = client.sign_out(&account.id).await?;
    for what in [
        "refresh_token_revoked",
        "access_token_revoked",
        "secrets_deleted",
        "account_removed",
    ] {
        let line = receipt.lines.iter().find(|line| line.what == what);
        ensure!(
            line.is_some_and(|line| line.outcome == ReceiptOutcome::Done),
            "{what}: {line:?}"
        );
    }
    let revoked: Vec<Value> = op.events("revocation").await?;
    ensure!(revoked.iter().all(|event| event["status"] == 200), "{revoked:?}");
    let revoked: Vec<(&str, &str)> = revoked
        .iter()
        .map(|event| Ok((text(event, "hint")?, text(event, "token")?)))
        .collect::<Result<_>>()?;
    let (refresh, access) = (text(&third, "refresh_token")?, text(&third, "access_token")?);
    ensure!(revoked == [("refresh_token", refresh), ("access_token", access)]);
    let (status, answer) = rig.refresh_with(refresh).await?;
    ensure!((status, &answer["error"]) == (400, &Value::from("invalid_grant")));
    ensure!(rig.userinfo_with(access).await? == 401);
    ensure!(client.accounts().await?.is_empty());
    ensure!(rig.keychain.is_empty());

    hunt(&rig).await
}

#[tokio::test]
async fn by_the_loopback_redirect() -> Result<()> {
    a_life(Route::Loopback).await
}

#[tokio::test]
async fn by_the_private_scheme() -> Result<()> {
    a_life(Route::Scheme).await
}

#[tokio::test]
async fn a_provider_that_goes_away_signs_nobody_out() -> Result<()> {
    let rig = Rig::new().await?;
    let attempt = rig.sign_in(Route::Scheme)?;
    let callback = rig.visit(&attempt).await?;
    rig.client.deliver_callback(callback.as_str()).await?;
    let id = attempt.wait().await?.account.id;
    rig.outlive_access_token().await?;
    rig.op.stop();
    let error = rig
        .client
        .access_token(&id)
        .await
        .err()
        .context("nobody is there")?;
    ensure!(error.code() == "unreachable", "{error:?}");
    let account = rig.client.account(&id).await?;
    ensure!(account.state.as_str() == "offline", "{:?}", account.state);
    ensure!(account.state.reason().is_some_and(|reason| !reason.is_empty()));
    Ok(())
}
