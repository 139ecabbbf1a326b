//! `tessera login`.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use serde::Serialize;
use tessera_client::{
    AccountError, AdHocProvider, Attempt, AttemptBrowser, AttemptError, BrowserWish, Client, ClientSecret,
    Error, ProviderChoice, ProviderError, ProviderId, Route, Scopes, SignIn, SignedIn, Stage, Storage,
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use crate::Failure;
use crate::arguments::{Login, Redirect};
use crate::hints::{About, quoted};
use crate::interrupt::Interrupt;
use crate::output::{AccountRow, Output, aside, row};

/// How long a person waits for the browser before they are told what else can be done.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Serialize)]
struct Open<'a> {
    event: &'static str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_code: Option<&'a str>,
}

#[derive(Serialize)]
struct SignedInRow<'a> {
    event: &'static str,
    account: AccountRow<'a>,
    checks: Vec<CheckRow>,
    /// Whether somebody else was to be added, and this account was here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    already: bool,
}

#[derive(Serialize)]
struct CheckRow {
    id: &'static str,
    outcome: &'static str,
}

/// Signs in and tells who it is.
pub(crate) async fn login(
    client: &Client,
    login: Login,
    interrupt: &mut Interrupt,
    output: Output,
    about: &mut About,
) -> Result<(), Failure> {
    about.login(&login);
    let browser = match &login.with_browser {
        Some(wish) => client.browser_wish(wish).await.map_err(Error::from)?,
        None => BrowserWish::Remembered,
    };
    let request = SignIn {
        route: login.redirect.map(Redirect::route),
        scopes: (!login.scope.is_empty()).then(|| {
            // One flag may hold several, as a provider's documentation writes them.
            Scopes::from_tokens(login.scope.iter().flat_map(|scope| scope.split(' ')))
        }),
        choose: login.any_account,
        can_ask: at_keyboard(output),
        open_browser: !login.no_browser,
        browser,
        timeout: Duration::from_secs(login.timeout),
        ..whom(client, &login, about).await?
    };
    let before = client.accounts().await?;
    let attempt = client.sign_in(request)?;
    let signed_in = tokio::select! {
        signed_in = course(&attempt, output, about) => signed_in?,
        () = interrupt.came() => {
            // The provider may have been asked again meanwhile.
            let attempt = client.attempt().unwrap_or(attempt);
            attempt.cancel();
            // Forgetting the attempt may have to wait for the keychain; a second Ctrl-C does not.
            tokio::select! {
                ended = attempt.wait() => ended?,
                () = interrupt.came() => return Err(Error::from(AttemptError::Interrupted).into()),
            }
        }
    };
    tell(&signed_in, login.any_account, output);
    let account = &signed_in.account;
    let before = before.iter().find(|before| before.id == account.id);
    let lost = before.map(|before| before.granted.difference(&account.granted));
    if let Some(lost) = lost.filter(|lost| !lost.is_empty()) {
        output.note(&format!(
            "This account had more before: {lost}. To ask for that too, run `{} --scope {}`.",
            about.sign_in(),
            quoted(&account.granted.union(&lost).to_string())
        ));
    }
    Ok(())
}

/// Whether somebody can be asked.
fn at_keyboard(output: Output) -> bool {
    !output.is_json() && io::stdin().is_terminal()
}

/// What the flags say of the provider and the account.
async fn whom(client: &Client, login: &Login, about: &mut About) -> Result<SignIn, Error> {
    let Some(name) = &login.account else {
        return Ok(SignIn {
            apis: login.api.clone(),
            ..SignIn::with(choice(client, login)?)
        });
    };
    let account = client.find_account(name).await?;
    let is_of = match (&login.provider, &login.issuer, &login.client_id) {
        (Some(provider), ..) => account.provider.as_str() == provider,
        (None, Some(issuer), Some(client_id)) => {
            account.issuer.as_str() == issuer && account.client_id.as_str() == client_id
        }
        _ => true,
    };
    if !is_of {
        return Err(AccountError::OtherProvider.into());
    }
    about.account(client, &account);
    let renewal = client.renewal(&account.id).await?;
    let named = login.provider.is_some() || login.issuer.is_some();
    Ok(SignIn {
        provider: if named {
            choice(client, login)?
        } else {
            renewal.provider
        },
        apis: [renewal.apis, login.api.clone()].concat(),
        // This program's memory ends with it.
        storage: Storage::Keychain,
        ..renewal
    })
}

/// Whom to sign in with: as named, or the only provider there is.
fn choice(client: &Client, login: &Login) -> Result<ProviderChoice, Error> {
    if let (Some(issuer), Some(client_id)) = (&login.issuer, &login.client_id) {
        return Ok(ProviderChoice::AdHoc(AdHocProvider {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: login
                .client_secret
                .as_ref()
                .map(|secret| ClientSecret::new(secret.as_str())),
        }));
    }
    if let Some(name) = &login.provider {
        let id =
            ProviderId::new(name).ok_or_else(|| ProviderError::Unknown(name.chars().take(100).collect()))?;
        let is_ready = client
            .provider(&id)
            .is_ok_and(|provider| client.readiness(&provider).is_none());
        // What is said of the provider may be in the file that cannot be used.
        if let Some(problem) = client.providers_problem().filter(|_| !is_ready) {
            return Err(problem);
        }
        return Ok(ProviderChoice::Known(id));
    }
    if let Some(problem) = client.providers_problem() {
        return Err(problem);
    }
    let mut ready = client
        .providers()
        .into_iter()
        .filter(|provider| client.readiness(provider).is_none());
    match (ready.next(), ready.next()) {
        (Some(only), None) => Ok(ProviderChoice::Known(only.id)),
        _ => Err(ProviderError::NotNamed.into()),
    }
}

impl Redirect {
    /// The client's word for it.
    pub(crate) fn route(self) -> Route {
        match self {
            Self::Loopback => Route::Loopback,
            Self::Paste => Route::Paste,
            Self::Device => Route::Device,
        }
    }
}

/// That a browser opens which is not the default, or was not to be.
fn opens_in(browser: &AttemptBrowser) -> String {
    let name = match &browser.profile {
        Some(profile) => format!("{} with the profile “{profile}”", browser.name),
        None => browser.name.to_owned(),
    };
    if browser.is_missing {
        format!(
            "{name} is not here any more: your default browser opens. If it shows nothing, open this address:"
        )
    } else {
        format!("{name} opens. If it shows nothing, open this address:")
    }
}

/// Tells where to sign in, and waits for it; as often as the person has the provider asked again.
pub(crate) async fn course(attempt: &Attempt, output: Output, about: &mut About) -> Result<SignedIn, Error> {
    // One reader for all of it: a line that is awaited by one cannot be had by another.
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut attempt = attempt.clone();
    loop {
        match round(&attempt, &mut lines, output, about).await? {
            Round::Over(signed_in) => return Ok(*signed_in),
            Round::Again(next) => attempt = next,
        }
    }
}

type Typed = Lines<BufReader<Stdin>>;

/// What came of one attempt.
enum Round {
    Over(Box<SignedIn>),
    Again(Attempt),
}

async fn round(
    attempt: &Attempt,
    lines: &mut Typed,
    output: Output,
    about: &mut About,
) -> Result<Round, Error> {
    let page = attempt.opened().await?;
    let (device, paste) = (attempt.view().device, attempt.view().route == Route::Paste);
    about.waits(&page, device.is_some());
    if output.is_json() {
        let user_code = device.as_ref().map(|device| device.user_code.as_str());
        row(&Open {
            event: "open",
            url: page.url.as_str(),
            user_code,
        });
    } else {
        output.note(&match (page.browser_opened, attempt.view().browser) {
            (true, Some(browser)) => opens_in(&browser),
            (true, None) => "Your browser opens. If it shows nothing, open this address:".to_owned(),
            (false, _) => "Open this address in your browser:".to_owned(),
        });
        output.note(&format!("  {}", page.url));
        if let Some(lifetime) = page.lifetime {
            let seconds = lifetime.as_secs();
            output.note(&format!("It can be opened once, within {seconds} seconds."));
        }
        if let Some(device) = &device {
            output.note(&format!("and type this code there: {}", device.user_code));
        }
        if paste {
            output.note("When the browser is done, paste the address it ends on here and press Enter:");
        }
    }
    // What a script has on standard input is its own, unless it asked for this way.
    let typed = at_keyboard(output);
    let pastes = device.is_none() && typed;
    let ended = tokio::select! {
        ended = attempt.wait() => ended,
        next = read(attempt, lines, about, paste), if paste || typed => return Ok(Round::Again(next)),
        () = what_else(attempt, pastes, output), if device.is_none() => attempt.wait().await,
        () = ask(attempt, output) => attempt.wait().await,
    };
    Ok(Round::Over(Box::new(ended?)))
}

/// Asks what to do about another person than the sign-in was for.
async fn ask(attempt: &Attempt, output: Output) {
    let another = attempt.question().await;
    output.note(&format!(
        "You chose {}, but this was for {}. Nothing is kept yet.",
        another.came, another.expected
    ));
    output.note(&format!(
        "  y  {} {}; the other account stays as it is",
        if another.is_here { "renew" } else { "add" },
        another.came
    ));
    output.note(&format!("  a  ask again, to choose {}", another.expected));
    output.note("  n  cancel; nothing is changed");
    output.note(ANSWERS);
    std::future::pending::<()>().await;
}

/// What can be typed when it is asked.
const ANSWERS: &str = "Type y, a or n and press Enter:";

/// Says after a while what else can be done, and goes on waiting. Nothing is begun that nobody asked for.
async fn what_else(attempt: &Attempt, typed: bool, output: Output) {
    tokio::time::sleep(PATIENCE).await;
    let view = attempt.view();
    if view.stage == Stage::Waiting && view.route == Route::Loopback {
        output.note("Nothing has come back yet.");
        output.note(if typed {
            "If your browser ended on a page that does not load, paste its address here and press Enter."
        } else {
            "If your browser ended on a page that does not load, press Ctrl-C and run this again with `--redirect paste`."
        });
        if view.other_routes.contains(&Route::Device) {
            output.note(
                "To use a code on another device, press Ctrl-C and run this again with `--redirect device`.",
            );
        }
    }
    std::future::pending::<()>().await;
}

/// Brings every line of standard input to the attempt: as the address that the browser ended on, or as the answer to
/// what is asked. Comes back when the provider is asked again. That the input ends is told where an address was `asked`
/// for.
async fn read(attempt: &Attempt, lines: &mut Typed, about: &About, asked: bool) -> Attempt {
    while let Ok(Some(line)) = lines.next_line().await {
        let line = line.trim();
        let view = attempt.view();
        if view.another.is_some() {
            if let Some(next) = answered(attempt, line) {
                return next;
            }
        } else if !line.is_empty()
            && view.device.is_none()
            && let Err(error) = attempt.deliver(line).await
            && attempt.view().stage == Stage::Waiting
        {
            aside(&error.message());
            aside(&format!("{} [{}]", about.hint(&error), error.code()));
        }
    }
    if asked {
        aside(
            "Nothing more can be pasted: standard input has ended. A browser on this computer can still finish it.",
        );
    }
    // Nobody can answer any more.
    attempt.question().await;
    attempt.cancel();
    // Whoever is told what else can be done must not be cut short by it.
    std::future::pending().await
}

/// Does what was typed when it was asked; gives back the attempt in which the provider is asked again.
fn answered(attempt: &Attempt, line: &str) -> Option<Attempt> {
    // An answer that comes when nothing is asked any more changes nothing; how it ended is told.
    match line.to_ascii_lowercase().as_str() {
        "y" | "yes" => drop(attempt.keep()),
        "a" | "again" => return attempt.ask_again().ok(),
        "n" | "no" => attempt.cancel(),
        _ => aside(ANSWERS),
    }
    None
}

/// Tells who was signed in; `another` says that somebody else was to be added.
fn tell(signed_in: &SignedIn, another: bool, output: Output) {
    let account = &signed_in.account;
    let already = another && signed_in.was_here;
    if output.is_json() {
        let check = |verdict: &tessera_client::Verdict| CheckRow {
            id: verdict.check.code(),
            outcome: verdict.outcome.as_str(),
        };
        row(&SignedInRow {
            event: "signed_in",
            account: AccountRow::of(account),
            checks: signed_in.checks.iter().map(check).collect(),
            already,
        });
        return;
    }
    let email = account
        .email
        .as_ref()
        .map(|email| format!(" <{email}>"))
        .unwrap_or_default();
    output.line(&if already {
        format!(
            "You are already signed in with {} as {}{email}; that was renewed, and nobody was added.",
            account.provider_name, account.name
        )
    } else {
        format!(
            "You are signed in with {} as {}{email}.",
            account.provider_name, account.name
        )
    });
    output.line(&format!("Account: {}", account.id));
    let missing = account.requested.difference(&account.granted);
    if !missing.is_empty() {
        output.note(&format!("Not granted: {missing}"));
    }
}
