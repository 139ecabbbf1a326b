//! `tessera logout`: here first, always; then in the browser, where that was asked for. What the provider could not be
//! told stays open.

use std::pin::pin;
use std::time::Duration;

use serde::Serialize;
use tessera_client::{
    Account, AttemptError, BrowserSignOutEnd, Client, Error, Receipt, ReceiptLine, ReceiptOutcome,
    SignOutError, SignOutWay,
};

use crate::Failure;
use crate::arguments::Logout;
use crate::hints::About;
use crate::interrupt::Interrupt;
use crate::open_sign_outs;
use crate::output::{Output, row};

#[derive(Serialize)]
struct SignedOut<'a> {
    event: &'static str,
    account: &'a str,
    receipt: Vec<ReceiptRow<'a>>,
    provider_page: Option<String>,
}

#[derive(Serialize)]
struct ReceiptRow<'a> {
    what: &'a str,
    outcome: &'static str,
    sentence: &'a str,
}

#[derive(Serialize)]
struct Open<'a> {
    event: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct BrowserSignedOut {
    event: &'static str,
    returned: bool,
}

/// Signs out and gives the receipt. Half a sign-out helps nobody, so the first interruption waits for it; the wait
/// for the browser ends with one.
pub(crate) async fn logout(
    client: &Client,
    logout: Logout,
    interrupt: &mut Interrupt,
    output: Output,
    about: &mut About,
) -> Result<(), Failure> {
    let Some(account) = &logout.account else {
        let rest = async {
            match &logout.forget {
                Some(id) => open_sign_outs::forget(client, id, output).await,
                None => open_sign_outs::retry(client, output).await,
            }
        };
        return tokio::select! {
            result = rest => result,
            () = interrupt.came() => Err(interrupted()),
        };
    };
    let account = client.find_account(account).await?;
    about.account(client, &account);
    let way = match (logout.everywhere, logout.leaked) {
        (true, _) => SignOutWay::Everywhere,
        (_, true) => SignOutWay::Leaked,
        _ => SignOutWay::Here,
    };
    let receipt = {
        let mut sign_out = pin!(client.sign_out_by(&account.id, way));
        tokio::select! {
            receipt = &mut sign_out => receipt?,
            () = interrupt.came() => tokio::select! {
                receipt = &mut sign_out => {
                    tell(&receipt?, logout.browser, output);
                    return if logout.browser { Err(interrupted()) } else { Ok(()) };
                }
                () = interrupt.came() => return Err(interrupted()),
            },
        }
    };
    tell(&receipt, logout.browser, output);
    if !logout.browser {
        return Ok(());
    }
    tokio::select! {
        ended = in_browser(client, &account, Duration::from_secs(logout.timeout), output) => ended,
        () = interrupt.came() => Err(interrupted()),
    }
}

fn interrupted() -> Failure {
    Error::from(AttemptError::Interrupted).into()
}

/// Gives the receipt. `browser`: what can be done in the browser comes next.
fn tell(receipt: &Receipt, browser: bool, output: Output) {
    let provider_page = receipt.provider_page.as_ref().map(ToString::to_string);
    if output.is_json() {
        row(&SignedOut {
            event: "signed_out",
            account: receipt.account.as_str(),
            receipt: receipt
                .lines
                .iter()
                .map(|line| ReceiptRow {
                    what: line.what,
                    outcome: line.outcome.as_str(),
                    sentence: &line.sentence,
                })
                .collect(),
            provider_page,
        });
        return;
    }
    output.line(&format!(
        "{} is signed out of {}.",
        receipt.name, receipt.provider_name
    ));
    for line in &receipt.lines {
        let mark = match line.outcome {
            ReceiptOutcome::Done => "done        ",
            ReceiptOutcome::Open => "open        ",
            ReceiptOutcome::Failed => "failed      ",
            ReceiptOutcome::NotPossible => "not possible",
            ReceiptOutcome::Offered => "up to you   ",
        };
        output.line(&format!("  {mark}  {}", line.sentence));
    }
    // The account is gone, and with it what `--browser` would go by.
    let offered = |line: &ReceiptLine| line.outcome == ReceiptOutcome::Offered;
    if !browser && receipt.lines.iter().any(offered) {
        output.note(&format!(
            "To sign out there now, open the site of {}. `tessera logout ACCOUNT --browser` does both in one.",
            receipt.provider_name
        ));
    }
    if receipt
        .lines
        .iter()
        .any(|line| line.outcome == ReceiptOutcome::Open)
    {
        output.note("What is open is shown by `tessera accounts`; `tessera logout --retry` tries it again.");
    }
    if let Some(page) = provider_page {
        output.line(&format!("You can end it there by hand: {page}"));
    }
}

/// Sends the browser to the provider's sign-out page. That it does not come back is no failure.
async fn in_browser(
    client: &Client,
    account: &Account,
    patience: Duration,
    output: Output,
) -> Result<(), Failure> {
    let mut sign_out = client.sign_out_in_browser(&account.id, patience).await?;
    if output.is_json() {
        row(&Open {
            event: "open",
            url: sign_out.page().as_str(),
        });
    } else {
        output.note("Your browser opens. If it shows nothing, open this address:");
        output.note(&format!("  {}", sign_out.page()));
    }
    let returned = match sign_out.wait().await {
        BrowserSignOutEnd::Returned => true,
        BrowserSignOutEnd::NotReturned => false,
        BrowserSignOutEnd::Failed(error) => return Err(error.into()),
        // Nothing else in this process begins one.
        BrowserSignOutEnd::Replaced => return Err(Error::from(SignOutError::NotOffered).into()),
    };
    if output.is_json() {
        row(&BrowserSignedOut {
            event: "browser_signed_out",
            returned,
        });
    } else if returned {
        output.line(&format!(
            "{} says that it has ended your session in the browser.",
            account.provider_name
        ));
    } else {
        output.line(&format!(
            "The browser did not come back. Look there whether {} has signed you out; here you are.",
            account.provider_name
        ));
    }
    Ok(())
}
