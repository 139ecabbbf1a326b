//! What the provider can do beyond the plain journey, one feature at a time.

use anyhow::{Context as _, Result, ensure};
use lab::pages::{ANN, BOB};
use lab::visitor::Decision;
use serde_json::Value;
use tessera_client::{AccountId, ApiRequest, Attempt, BrowserSignOutEnd, MAX_BROWSER_SIGN_OUT, Route};
use url::Url;

use crate::library::{hunt, text};
use crate::rig::{Rig, passed, visitor};

/// A sign-in on another device, up to the code and the page to type it on.
async fn device(rig: &Rig) -> Result<(Attempt, String, Url)> {
    let attempt = rig.sign_in(Route::Device)?;
    let page = attempt.opened().await?.url;
    let prompt = attempt.view().device.context("a code to type")?;
    ensure!(
        page.as_str() == prompt.verification_uri,
        "{page} was opened, not {}",
        prompt.verification_uri
    );
    Ok((attempt, prompt.user_code, page))
}

#[tokio::test]
async fn on_another_device() -> Result<()> {
    let rig = Rig::with(&["device"]).await?;
    let (attempt, code, page) = device(&rig).await?;
    let last = visitor()?.enter_code(&page, &code, ANN, Decision::Allow).await?;
    ensure!(last.contains("Sign-in Success"), "{last}");
    let signed_in = attempt.wait().await?;
    ensure!(signed_in.account.subject.as_str() == ANN.user && signed_in.account.name == ANN.name);
    ensure!(
        signed_in.account.granted.contains("offline_access"),
        "{}",
        signed_in.account.granted
    );
    passed(&signed_in, &[])?;
    let asked = rig.op.events("device_authorization").await?;
    ensure!(asked.len() == 1 && asked[0]["status"] == 200, "{asked:?}");
    let polls = rig.op.events("token").await?;
    ensure!(
        polls
            .iter()
            .all(|poll| poll["device_code"] == asked[0]["device_code"]),
        "a poll was about something else"
    );
    ensure!(
        rig.op
            .tokens_given("urn:ietf:params:oauth:grant-type:device_code")
            .await?
            == 1
    );
    // From here on it is an account like any other.
    rig.outlive_access_token().await?;
    rig.client.access_token(&signed_in.account.id).await?;
    ensure!(rig.op.tokens_given("refresh_token").await? == 1);
    hunt(&rig).await
}

#[tokio::test]
async fn a_no_on_another_device_is_told_as_that() -> Result<()> {
    let rig = Rig::with(&["device"]).await?;
    let (attempt, code, page) = device(&rig).await?;
    visitor()?.enter_code(&page, &code, ANN, Decision::Deny).await?;
    let error = attempt.wait().await.err().context("nobody agreed")?;
    ensure!(error.code() == "access_denied", "{error:?}");
    ensure!(rig.client.accounts().await?.is_empty());
    ensure!(rig.keychain.is_empty());
    Ok(())
}

/// `url` with another value for a parameter; `None` takes it away.
fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(other, _)| other != name)
        .collect();
    let mut changed = url.clone();
    changed
        .query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .extend_pairs(value.map(|value| (name, value)));
    changed
}

#[tokio::test]
async fn an_answer_counts_only_with_the_providers_iss_be_it_yes_or_no() -> Result<()> {
    const OTHER: &str = "https://other.example";
    let rig = Rig::new().await?;
    for (decision, iss, code) in [
        (Decision::Allow, Some(OTHER), "callback_issuer_mismatch"),
        (Decision::Allow, None, "callback_issuer_missing"),
        (Decision::Deny, Some(OTHER), "callback_issuer_mismatch"),
        (Decision::Deny, None, "callback_issuer_missing"),
        (Decision::Deny, Some(rig.op.issuer.as_str()), "access_denied"),
    ] {
        let attempt = rig.sign_in(Route::Scheme)?;
        let page = attempt.opened().await?;
        let sent = visitor()?.walk(&page.url, ANN, decision).await?;
        ensure!(
            sent.query_pairs()
                .any(|(name, value)| name == "iss" && value == rig.op.issuer),
            "{decision:?}: {sent}"
        );
        let delivered = rig
            .client
            .deliver_callback(with(&sent, "iss", iss).as_str())
            .await;
        ensure!(
            delivered.is_err_and(|error| error.code() == code),
            "{decision:?} {iss:?}"
        );
        let error = attempt.wait().await.err().context("it was refused")?;
        ensure!(error.code() == code, "{decision:?} {iss:?}: {error:?}");
        // The attempt is over: what the provider really sent comes too late.
        let late = rig.client.deliver_callback(sent.as_str()).await;
        ensure!(late.is_err_and(|error| error.code() == "attempt_gone"));
    }
    ensure!(rig.op.events("token").await?.is_empty(), "a code was spent");
    ensure!(rig.client.accounts().await?.is_empty());
    ensure!(rig.keychain.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_signed_profile_is_checked_and_used() -> Result<()> {
    let rig = Rig::with(&["signed-userinfo"]).await?;
    let attempt = rig.sign_in(Route::Scheme)?;
    let callback = rig.visit(&attempt).await?;
    rig.client.deliver_callback(callback.as_str()).await?;
    let signed_in = attempt.wait().await?;
    ensure!(signed_in.account.name == ANN.name && signed_in.account.email.as_deref() == Some(ANN.email));
    passed(
        &signed_in,
        &[
            "userinfo.signature",
            "userinfo.iss",
            "userinfo.aud",
            "userinfo.exp",
            "userinfo.sub",
        ],
    )?;
    Ok(())
}

#[tokio::test]
async fn a_signed_profile_that_was_changed_is_the_end_and_leaves_what_was_there() -> Result<()> {
    let rig = Rig::with(&["signed-userinfo"]).await?;
    let bob = rig.signed_in(BOB).await?;
    let kept = rig.keychain.0.lock().unwrap().clone();
    rig.op.set_fault(Some("userinfo-forged")).await?;
    let attempt = rig.sign_in(Route::Scheme)?;
    let callback = rig.visit(&attempt).await?;
    rig.client.deliver_callback(callback.as_str()).await?;
    let error = attempt.wait().await.err().context("it was forged")?;
    ensure!(error.code() == "userinfo_signature", "{error:?}");
    let accounts = rig.client.accounts().await?;
    ensure!(accounts.len() == 1 && accounts[0].id == bob.id);
    ensure!(accounts[0].state.as_str() == "signed_in");
    ensure!(*rig.keychain.0.lock().unwrap() == kept);
    Ok(())
}

#[tokio::test]
async fn where_requests_are_pushed_the_browser_carries_only_the_client_and_the_name() -> Result<()> {
    for features in [&["par"], &["par-required"]] {
        let rig = Rig::with(features).await?;
        let account = rig.signed_in(ANN).await?;
        ensure!(account.name == ANN.name);
        let pushed = rig.op.events("pushed_authorization_request").await?;
        ensure!(pushed.len() == 1 && pushed[0]["status"] == 201, "{pushed:?}");
        let carried = rig.op.events("authorization_request").await?;
        ensure!(!carried.is_empty());
        for request in carried {
            let mut names: Vec<&str> = request["names"]
                .as_array()
                .context("names")?
                .iter()
                .filter_map(|name| name.as_str())
                .collect();
            names.sort_unstable();
            ensure!(names == ["client_id", "request_uri"], "{features:?}: {names:?}");
        }
        hunt(&rig).await?;
    }
    Ok(())
}

#[tokio::test]
async fn tokens_that_are_bound_to_a_key_are_renewed_and_used_with_it_and_useless_without() -> Result<()> {
    for (features, asked_twice) in [(&["dpop"], false), (&["dpop-nonce"], true)] {
        let rig = Rig::with(features).await?;
        let account = rig.signed_in(ANN).await?;
        ensure!(account.name == ANN.name);
        rig.outlive_access_token().await?;
        let userinfo = rig.endpoint("userinfo_endpoint").await?;
        let answer = rig.client.call(&account.id, ApiRequest::get(&userinfo)).await?;
        ensure!(answer.status == 200, "{features:?}: {}", answer.status);

        let tokens = rig.op.events("token").await?;
        let given: Vec<&Value> = tokens.iter().filter(|event| event["status"] == 200).collect();
        ensure!(given.len() == 2 && given[1]["grant"] == "refresh_token");
        ensure!(
            given.iter().all(|event| event["token_type"] == "DPoP"),
            "{features:?}"
        );
        let refused: Vec<&Value> = tokens.iter().filter(|event| event["status"] != 200).collect();
        ensure!(
            refused.iter().all(|event| event["error"] == "use_dpop_nonce")
                && refused.is_empty() != asked_twice,
            "{features:?}: {} were refused",
            refused.len()
        );
        let shown = rig.op.events("userinfo").await?;
        ensure!(
            shown.iter().all(|event| event["scheme"] == "DPoP"),
            "{features:?}"
        );
        // Whoever copies them has nothing.
        ensure!(rig.userinfo_with(text(given[1], "access_token")?).await? == 401);
        let (status, _) = rig.refresh_with(text(given[1], "refresh_token")?).await?;
        ensure!(status == 400, "{features:?}: {status}");
        hunt(&rig).await?;
    }
    Ok(())
}

#[tokio::test]
async fn signed_out_here_and_then_in_the_browser_too() -> Result<()> {
    let rig = Rig::new().await?;
    let browser = visitor()?;
    let sign_in = async || -> Result<AccountId> {
        let attempt = rig.sign_in(Route::Scheme)?;
        let page = attempt.opened().await?;
        let callback = browser.walk(&page.url, ANN, Decision::Allow).await?;
        rig.client.deliver_callback(callback.as_str()).await?;
        Ok(attempt.wait().await?.account.id)
    };
    let id = sign_in().await?;
    let receipt = rig.client.sign_out(&id).await?;
    ensure!(receipt.browser && rig.keychain.is_empty());
    ensure!(rig.op.events("session_ended").await?.is_empty());

    let mut sign_out = rig
        .client
        .sign_out_in_browser(&receipt.account, MAX_BROWSER_SIGN_OUT)
        .await?;
    let page = rig.opened_last("post_logout_redirect_uri").await?;
    let back = browser.walk(&page, ANN, Decision::Allow).await?;
    ensure!(
        back.as_str()
            .starts_with("app.tessera.desktop:/signed-out?state="),
        "{back}"
    );
    rig.client.deliver_callback(back.as_str()).await?;
    ensure!(matches!(sign_out.wait().await, BrowserSignOutEnd::Returned));
    ensure!(rig.op.events("session_ended").await?.len() == 1);
    hunt(&rig).await
}

#[tokio::test]
async fn a_rotated_token_that_comes_back_ends_that_session_and_no_other() -> Result<()> {
    let rig = Rig::new().await?;
    let ann = rig.signed_in(ANN).await?;
    let stolen = rig.op.events("token").await?[0].clone();
    let bob = rig.signed_in(BOB).await?;
    rig.outlive_access_token().await?;
    rig.client.access_token(&ann.id).await?;
    // Whoever has the old one tries it: the provider ends them all (RFC 9700 section 4.14.2).
    let (status, answer) = rig.refresh_with(text(&stolen, "refresh_token")?).await?;
    ensure!(status == 400 && answer["error"] == "invalid_grant", "{answer}");

    rig.outlive_access_token().await?;
    let error = rig
        .client
        .access_token(&ann.id)
        .await
        .err()
        .context("it is over")?;
    ensure!(error.code() == "needs_sign_in", "{error:?}");
    let told = rig.client.account(&ann.id).await?;
    ensure!(told.state.as_str() == "needs_sign_in");
    ensure!(told.state.reason().is_some_and(|reason| !reason.is_empty()));
    let asked = rig.op.events("token").await?.len();
    rig.client
        .access_token(&ann.id)
        .await
        .err()
        .context("it is over")?;
    ensure!(
        rig.op.events("token").await?.len() == asked,
        "the provider was not asked again"
    );

    // Bob is none of it.
    rig.client.access_token(&bob.id).await?;
    ensure!(rig.client.account(&bob.id).await?.state.as_str() == "signed_in");
    // A new sign-in mends it, in the same account.
    ensure!(rig.signed_in(ANN).await?.id == ann.id);
    ensure!(rig.client.account(&ann.id).await?.state.as_str() == "signed_in");
    ensure!(rig.client.accounts().await?.len() == 2);
    hunt(&rig).await
}
