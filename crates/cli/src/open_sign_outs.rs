//! Sign-outs that are not finished: what the provider could not be told yet. Listed by `tessera accounts`; tried again
//! and given up by `tessera logout`.

use serde::Serialize;
use tessera_client::{Category, Client, Error, OpenSignOut, OpenSignOutId, OpenStage, Retried, SignOutError};

use crate::Failure;
use crate::output::{Output, row};

/// One of them, in a list or after another try.
#[derive(Serialize)]
struct OpenRow<'a> {
    event: &'static str,
    id: &'a str,
    account: &'a str,
    provider: &'a str,
    name: &'a str,
    way: &'static str,
    since: i64,
    tries: u32,
    /// `waiting`, `over` or `done`.
    stage: &'static str,
    code: Option<&'a str>,
    reason: Option<&'a str>,
    next_try_at: Option<i64>,
    provider_page: Option<String>,
}

impl<'a> OpenRow<'a> {
    fn of(event: &'static str, stage: &'static str, client: &Client, open: &'a OpenSignOut) -> Self {
        Self {
            event,
            id: open.id.as_str(),
            account: open.account.as_str(),
            provider: open.provider.as_str(),
            name: &open.name,
            way: open.way.as_str(),
            since: open.since.0,
            tries: open.tries,
            stage,
            code: open.code.as_deref(),
            reason: open.reason.as_deref(),
            next_try_at: open.next_try.map(|next| next.at.0),
            provider_page: client.settings_page_of(open).map(|page| page.to_string()),
        }
    }
}

/// Lists them, below the accounts.
pub(crate) async fn list(client: &Client, output: Output) -> Result<(), Failure> {
    let all = client.open_sign_outs().await?;
    for open in &all {
        if output.is_json() {
            row(&OpenRow::of("open_sign_out", open.stage.as_str(), client, open));
        } else {
            output.line(&sentence(open));
        }
    }
    let waits = |open: &OpenSignOut| open.stage == OpenStage::Waiting;
    if all.iter().any(waits) {
        output.note("To try that again now, run `tessera logout --retry`.");
    }
    for open in all.iter().filter(|open| !waits(open)) {
        give_up_note(client, open, output);
    }
    Ok(())
}

/// Tries all of them again, and says what became of each.
pub(crate) async fn retry(client: &Client, output: Output) -> Result<(), Failure> {
    let all = client.open_sign_outs().await?;
    if all.is_empty() {
        output.note("No sign-out is left to be finished.");
    }
    let mut failed = None;
    for open in &all {
        let (open, stage) = match client.retry_sign_out(&open.id).await {
            // Or another process has just finished it.
            Ok(Retried::Done) | Err(Error::SignOut(SignOutError::NotOpen)) => (open.clone(), "done"),
            Ok(Retried::Open(open)) => (open, "waiting"),
            Ok(Retried::Over(open)) => (open, "over"),
            Err(error) => {
                let mut open = open.clone();
                open.code = Some(error.code().to_owned());
                open.reason = Some(format!("{} {}", error.message(), error.hint()));
                failed.get_or_insert(error.category());
                (open, "waiting")
            }
        };
        if stage != "done" {
            failed.get_or_insert(category(&open));
        }
        if output.is_json() {
            row(&OpenRow::of("sign_out_retried", stage, client, &open));
        } else if stage == "done" {
            output.line(&format!(
                "Signing out of {} as {} is finished.",
                open.provider_name, open.name
            ));
        } else {
            output.line(&sentence(&open));
            give_up_note(client, &open, output);
        }
    }
    failed.map_or(Ok(()), |category| Err(Failure::Told(category)))
}

#[derive(Serialize)]
struct Forgotten<'a> {
    event: &'static str,
    id: &'a str,
    provider_page: Option<String>,
}

/// Gives one up. What the provider still allows is the person's to end.
pub(crate) async fn forget(client: &Client, id: &str, output: Output) -> Result<(), Failure> {
    let all = client.open_sign_outs().await?;
    let mut fitting = all
        .iter()
        .filter(|open| open.id.as_str().starts_with(id) && id.len() >= 4);
    let (Some(open), None) = (fitting.next(), fitting.next()) else {
        return Err(Error::from(SignOutError::NotOpen).into());
    };
    let id: &OpenSignOutId = &open.id;
    client.forget_sign_out(id).await?;
    let page = client.settings_page_of(open).map(|page| page.to_string());
    if output.is_json() {
        row(&Forgotten {
            event: "sign_out_forgotten",
            id: id.as_str(),
            provider_page: page,
        });
        return Ok(());
    }
    output.line(&format!(
        "It is forgotten here. {} may still hold what you allowed.",
        open.provider_name
    ));
    if let Some(page) = page {
        output.line(&format!("You can end it there by hand: {page}"));
    }
    Ok(())
}

fn sentence(open: &OpenSignOut) -> String {
    let how = match open.stage {
        OpenStage::Over => "could not be finished",
        OpenStage::Waiting | OpenStage::Finished => "is not finished",
    };
    let reason = open
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    format!(
        "Signing out of {} as {} {how}{reason}",
        open.provider_name, open.name
    )
}

fn give_up_note(client: &Client, open: &OpenSignOut, output: Output) {
    if let Some(page) = client.settings_page_of(open) {
        output.note(&format!("You can end it there by hand: {page}"));
    }
    output.note(&format!(
        "To see this no more, run `tessera logout --forget {}`.",
        open.id
    ));
}

/// Whose fault it is that it is not finished.
fn category(open: &OpenSignOut) -> Category {
    let code = open.code.as_deref().unwrap_or_default();
    if code.starts_with("keychain_") || code == "open_sign_out_tokens_gone" {
        Category::Keychain
    } else if code.starts_with("provider_unknown") {
        Category::Usage
    } else {
        Category::Network
    }
}
