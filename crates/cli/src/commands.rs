//! The commands that need an account.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Map, Value};
use tessera_client::{
    AccountState, ApiRequest, ApiResponse, Category, Client, Error, PolicyError, SignIn, SignInNeed, StepUp,
};
use tokio::io::AsyncReadExt as _;

use crate::Failure;
use crate::arguments::{self, Command};
use crate::hints::About;
use crate::output::{AccountRow, Body, Output, aside, row};
use crate::{doctor, login, open_sign_outs};

/// The most bytes that a body from standard input may have.
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// How long the person has to sign in for a call.
const ASKING: Duration = Duration::from_mins(5);

/// Runs every command but `login` and `logout`, which have their own ways through an interruption.
pub(crate) async fn run(
    client: &Client,
    command: Command,
    output: Output,
    about: &mut About,
) -> Result<(), Failure> {
    let by_provider = matches!(
        command,
        Command::Accounts(_) | Command::Token(_) | Command::Call(_)
    );
    if let Some(problem) = client.providers_problem().filter(|_| by_provider) {
        aside(&problem.message());
    }
    match command {
        Command::Login(_) | Command::Logout(_) => Ok(()),
        Command::Accounts(_) => accounts(client, output, about).await,
        Command::Token(account) => token(client, &account.account, output, about).await,
        Command::Call(request) => call(client, request, output, about).await,
        Command::Doctor(_) => doctor::doctor(client, output, about).await,
    }
}

#[derive(Serialize)]
struct AccountLine<'a> {
    #[serde(flatten)]
    account: AccountRow<'a>,
    state: &'static str,
    /// Why a new sign-in is needed.
    need: Option<&'static str>,
    reason: Option<&'a str>,
    next_try_at: Option<i64>,
    expires_at: Option<i64>,
    forecast: Option<ForecastRow>,
}

/// A new sign-in that will be needed.
#[derive(Serialize)]
struct ForecastRow {
    /// Seconds since 1970.
    at: Option<i64>,
    why: &'static str,
}

/// How far off that many seconds are, as far as it matters to somebody who must act before.
fn in_hours(seconds: i64) -> String {
    match seconds / 3600 {
        i64::MIN..=0 => "within the hour".to_owned(),
        1 => "in about an hour".to_owned(),
        hours => format!("in about {hours} hours"),
    }
}

async fn accounts(client: &Client, output: Output, about: &mut About) -> Result<(), Failure> {
    let accounts = client.accounts().await?;
    if output.is_json() {
        for account in &accounts {
            row(&AccountLine {
                account: AccountRow::of(account),
                state: account.state.as_str(),
                need: account.state.need().map(SignInNeed::as_str),
                reason: account.state.reason(),
                next_try_at: account
                    .state
                    .next_try()
                    .filter(|next| next.named)
                    .map(|next| next.at.0),
                expires_at: account.access_expires_at.map(|at| at.0),
                forecast: account.forecast().map(|forecast| ForecastRow {
                    at: forecast.at.map(|at| at.0),
                    why: forecast.why.as_str(),
                }),
            });
        }
        return open_sign_outs::list(client, output).await;
    }
    if accounts.is_empty() {
        output.note("You have no accounts here yet. `tessera login` adds one.");
    }
    output.table(accounts.iter().map(|account| {
        let state = match &account.state {
            AccountState::SignedIn => "signed in",
            AccountState::Refreshing => "refreshing",
            AccountState::Offline { .. } => "offline",
            AccountState::ProviderUnavailable { .. } => "provider unavailable",
            AccountState::KeychainUnavailable { locked: true, .. } => "keychain locked",
            AccountState::KeychainUnavailable { locked: false, .. } => "keychain unavailable",
            AccountState::NeedsSignIn { .. } => "needs sign-in",
        };
        let state = match account.state.reason() {
            Some(reason) => format!("{state}: {reason}"),
            None => state.to_owned(),
        };
        let email = account.email.as_deref().unwrap_or("-");
        [
            account.id.as_str(),
            &account.name,
            email,
            &account.provider_name,
            &state,
        ]
        .map(str::to_owned)
    }));
    for account in &accounts {
        let left = account
            .forecast()
            .and_then(|forecast| forecast.left_when_due(client.now()));
        if let Some(left) = left {
            about.account(client, account);
            output.note(&format!(
                "The sign-in of {} with {} ends {}. To sign in again before, run `{}`.",
                account.name,
                account.provider_name,
                in_hours(left),
                about.sign_in()
            ));
        }
    }
    let over = accounts.iter().filter(|account| account.state.need().is_some());
    for account in over {
        about.account(client, account);
        output.note(&format!(
            "To sign in again as {}, run `{}`.",
            account.name,
            about.sign_in()
        ));
    }
    open_sign_outs::list(client, output).await
}

#[derive(Serialize)]
struct TokenRow<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_at: Option<i64>,
    /// Whether it is of use only together with a key that stays here.
    bound_to_key: bool,
}

/// Said of a token that is bound to a key (RFC 9449).
const BOUND: &str = "This token is bound to a key in your keychain: other programs cannot use it. Call the API with `tessera call` instead.";

async fn token(client: &Client, account: &str, output: Output, about: &mut About) -> Result<(), Failure> {
    let account = client.find_account(account).await?;
    about.account(client, &account);
    let token = client.access_token(&account.id).await?;
    if output.is_json() {
        row(&TokenRow {
            access_token: token.access_token.expose(),
            token_type: &token.token_type,
            expires_at: token.expires_at.map(|at| at.0),
            bound_to_key: token.is_bound(),
        });
    } else {
        output.line(token.access_token.expose());
    }
    if token.is_bound() {
        output.note(BOUND);
    }
    Ok(())
}

#[derive(Serialize)]
struct Answer {
    status: u16,
    headers: Map<String, Value>,
    body: Value,
    decisions: Vec<DecisionRow>,
    next: Option<String>,
    missing_scope: Option<String>,
    step_up: Option<StepUpRow>,
}

#[derive(Serialize)]
struct StepUpRow {
    acr_values: Vec<String>,
    max_age: Option<u64>,
}

#[derive(Serialize)]
struct DecisionRow {
    code: &'static str,
    sentence: String,
}

async fn call(
    client: &Client,
    request: arguments::Call,
    output: Output,
    about: &mut About,
) -> Result<(), Failure> {
    let account = client.find_account(&request.account).await?;
    about.account(client, &account);
    let body = match request.data {
        Some(data) if data == "-" => Some(standard_input().await?),
        other => other.map(String::into_bytes),
    };
    let usual = if body.is_some() { "POST" } else { "GET" };
    let method = request.method.as_deref().unwrap_or(usual).to_ascii_uppercase();
    let refused = || Error::from(PolicyError::Method(method.chars().take(30).collect()));
    // A TRACE would have the token repeated, and a CONNECT is for a proxy (RFC 9110 sections 9.3.8 and 9.3.6).
    if ["TRACE", "CONNECT"].contains(&method.as_str()) {
        return Err(refused().into());
    }
    let method = method.parse().map_err(|_| refused())?;
    let call = ApiRequest {
        method,
        body,
        ..ApiRequest::get(request.url)
    };
    let mut answer = client.call(&account.id, call.clone()).await?;
    // Once: an API that is not content then will not be after another sign-in either.
    if let Some(wanted) = answer.step_up.clone().filter(|_| request.ask) {
        output.note(&wanted.to_string());
        let sign_in = SignIn {
            route: request.redirect.map(arguments::Redirect::route),
            open_browser: !request.no_browser,
            timeout: ASKING,
            ..client.step_up(&account.id, wanted).await?
        };
        login::course(&client.sign_in(sign_in)?, output, about).await?;
        answer = client.call(&account.id, call).await?;
    }

    let (status, step_up) = (answer.status, answer.step_up.clone());
    if output.is_json() {
        row(&collected(answer).await?);
    } else {
        if !status.is_success() {
            output.note(&format!("The API answered {status}."));
        }
        // The first one only says that the token went where it was asked to go.
        for decision in answer.decisions.iter().skip(1) {
            output.note(&decision.to_string());
        }
        let (mut body, mut shown) = (answer.body, Body::new());
        while let Some(chunk) = body.next().await {
            shown.write(&chunk.map_err(Error::from)?);
        }
        shown.end();
        if step_up.is_some() {
            output.note(if request.ask {
                "You have just signed in for this call, and the API is still not content with it."
            } else {
                "Run it again with `--ask` to sign in for this; the call is then made again."
            });
        }
    }
    if !status.is_success() {
        return Err(Failure::Told(Category::Network));
    }
    Ok(())
}

async fn standard_input() -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let read = tokio::io::stdin().take(MAX_BODY + 1).read_to_end(&mut body).await;
    match read {
        Ok(_) if body.len() as u64 <= MAX_BODY => Ok(body),
        _ => Err(PolicyError::Body.into()),
    }
}

async fn collected(answer: ApiResponse) -> Result<Answer, Error> {
    let answer = answer.collect().await?;
    let mut headers = Map::new();
    for (name, value) in &answer.headers {
        let text = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|before| {
                if let Value::String(before) = before {
                    before.push_str(", ");
                    before.push_str(&text);
                }
            })
            .or_insert_with(|| Value::String(text.clone().into_owned()));
    }
    let body = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer.body).into_owned()));
    Ok(Answer {
        status: answer.status.as_u16(),
        headers,
        body,
        decisions: answer
            .decisions
            .iter()
            .map(|decision| DecisionRow {
                code: decision.code(),
                sentence: decision.to_string(),
            })
            .collect(),
        next: answer.next.map(|next| next.to_string()),
        missing_scope: answer.step_up.as_ref().and_then(StepUp::missing_scope),
        step_up: answer
            .step_up
            .filter(StepUp::is_about_sign_in)
            .map(|wanted| StepUpRow {
                acr_values: wanted.acr_values,
                max_age: wanted.max_age,
            }),
    })
}
