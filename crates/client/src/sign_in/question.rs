//! Who signed in need not be who was expected: whoever has several accounts at a provider may be signed in there as
//! another one than they think. Then nothing is kept before the person has said what is to become of it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tessera_oidc::discovery::Metadata;
use tessera_oidc::token::TokenResponse;
use tessera_oidc::{AccessToken, Identity, RefreshToken, text};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::drive::before;
use super::finish::{Came, Wanted, keep, shown_name};
use super::{Attempt, MAX_ATTEMPT, SignIn, SignedIn, Stage, prepare};
use crate::account::AccountId;
use crate::client::Client;
use crate::error::{AttemptError, Error};
use crate::picture;
use crate::sign_out::{SignOutWay, ToRevoke};
use crate::terms::Terms;
use crate::trace::Flow;

/// How long a program that ends waits for a provider to end what was received for nobody.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Somebody, as their provider calls them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// A name to show; never empty.
    pub name: String,
    /// E-mail address, when the provider gave one.
    pub email: Option<String>,
}

impl std::fmt::Display for Person {
    /// The name, with the address beside it where that says more.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.email {
            Some(email) if *email != self.name => write!(f, "{} <{email}>", self.name),
            _ => f.write_str(&self.name),
        }
    }
}

/// Another person signed in than the sign-in was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnotherPerson {
    /// Whom it was for.
    pub expected: Person,
    /// Who signed in.
    pub came: Person,
    /// Whether the account of whoever signed in is here already.
    pub is_here: bool,
}

/// What was received for somebody who is not to be kept, and where it can be ended.
pub(super) struct Unwanted {
    terms: Terms,
    metadata: Arc<Metadata>,
    access: AccessToken,
    refresh: Option<RefreshToken>,
}

impl Unwanted {
    fn of(terms: &Terms, metadata: &Arc<Metadata>, tokens: &TokenResponse) -> Self {
        Self {
            terms: terms.clone(),
            metadata: metadata.clone(),
            access: tokens.access_token.clone(),
            refresh: tokens.refresh_token.clone(),
        }
    }

    /// Revokes what was received, as far as the provider has a way to do it. What was not ends by itself: nobody has it
    /// any more.
    pub(super) async fn revoke(self, client: &Client, flow: &Flow) {
        let there = Ok((self.terms, self.metadata));
        let to = ToRevoke {
            way: SignOutWay::Here,
            refresh: self.refresh,
            access: Some(self.access),
        };
        client.revoke_all(&there, &to, flow).await;
    }
}

impl Client {
    /// Ends the attempt in which something is asked, as a cancel does, and gives the provider a moment to end what was
    /// received.
    pub(crate) async fn unask(&self) {
        if let Some(attempt) = self.attempt().filter(|attempt| attempt.open_question().is_some()) {
            attempt.cancel();
            // That it was cancelled is known.
            let _ = attempt.wait().await;
            self.tidied(LAST_WORD).await;
        }
    }
}

impl Attempt {
    /// Waits until it is asked what to do about another person: for ever where it is not.
    pub async fn question(&self) -> AnotherPerson {
        let mut view = self.shared.view.subscribe();
        loop {
            if let Some(another) = view.borrow_and_update().another.as_deref().cloned() {
                return another;
            }
            // The attempt, which tells of its changes, is held here.
            let _ = view.changed().await;
        }
    }

    /// Keeps whoever signed in, although another person was expected; that one's account stays as it is.
    ///
    /// # Errors
    /// When that is not asked, or not any more.
    pub fn keep(&self) -> Result<(), Error> {
        let question = self.open_question().take().ok_or(AttemptError::Gone)?;
        Ok(question.send(()).map_err(|()| AttemptError::Gone)?)
    }

    /// Ends this attempt, in which another person signed in than was expected, and begins the same sign-in anew: the
    /// provider is to let the person choose, and is told again who is expected. What was received is revoked there, as
    /// after a cancel.
    ///
    /// # Errors
    /// When that is not asked, or not any more.
    pub fn ask_again(&self) -> Result<Self, Error> {
        self.open_question().take().ok_or(AttemptError::Gone)?;
        self.client.sign_in(SignIn {
            choose: true,
            ..self.shared.request.clone()
        })
    }

    fn open_question(&self) -> std::sync::MutexGuard<'_, Option<oneshot::Sender<()>>> {
        self.shared
            .question
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and waits until somebody says to keep whoever came. Every other end is an error.
    async fn asked(&self, another: AnotherPerson) -> Result<(), Error> {
        let (sender, answer) = oneshot::channel();
        *self.open_question() = Some(sender);
        let time = self.shared.request.timeout.min(MAX_ATTEMPT);
        let seconds = i64::try_from(time.as_secs()).unwrap_or(600);
        self.update(|view| {
            view.stage = Stage::AnotherPerson;
            view.another = Some(Box::new(another));
            view.expires_at = self.client.now().plus(seconds);
        });
        let answered = before(self, Instant::now() + time, async {
            match answer.await {
                Ok(()) => Ok(()),
                // The sender was taken to ask the provider again, which ends this attempt.
                Err(_) => std::future::pending().await,
            }
        })
        .await;
        *self.open_question() = None;
        match answered {
            Ok(()) => {
                self.update(|view| {
                    view.stage = Stage::Finishing;
                    view.another = None;
                });
                Ok(())
            }
            Err(Error::Attempt(AttemptError::TimedOut)) => Err(AttemptError::NotAnswered.into()),
            Err(error) => Err(error),
        }
    }
}

/// Makes an account of whoever signed in. Where another person was expected, the person at this computer is asked first,
/// after `asking`; until they answer nothing is stored, and unless they want it nothing is.
pub(super) async fn settle(
    attempt: &Attempt,
    terms: &Terms,
    metadata: &Arc<Metadata>,
    came: Came<'_>,
    wanted: Wanted,
    flow: &mut Flow,
    asking: impl FnOnce(&Flow),
) -> Result<SignedIn, Error> {
    let client = &attempt.client;
    if let Some(another) = another(client, &came.identity, &wanted).await? {
        flow.decided(
            "another_person",
            "Another account was chosen than this sign-in was for. Nothing is kept before you say so.",
        );
        let is_here = another.is_here;
        let answered = if attempt.shared.request.can_ask {
            asking(flow);
            attempt.asked(another).await
        } else {
            Err(AttemptError::OtherAccount.into())
        };
        if let Err(error) = answered {
            turn_away(attempt, terms, metadata, &came.tokens, is_here, flow);
            return Err(error);
        }
        flow.decided(
            "another_person_kept",
            "You want it: the account that was chosen is kept, and the other one stays as it was.",
        );
    }
    // From here on a cancel comes too late: the account is written whole.
    let picture = came.identity.picture().map(str::to_owned);
    let checks = came.checks.clone();
    let id = AccountId::of(came.identity.issuer(), came.identity.subject());
    let received = Unwanted::of(terms, metadata, &came.tokens);
    let (account, was_here) = match keep(client, terms, came, wanted, flow).await {
        Ok(kept) => kept,
        Err(error) => {
            // Of an account that is here nothing is revoked, as below.
            if matches!(client.inner().store.account(&id).await, Ok(None)) {
                hold(attempt, received, flow);
            }
            return Err(error);
        }
    };
    attempt.remember_browser(&account.id).await;
    if let Some(picture) = &picture {
        picture::fetch_later(client, &account, picture);
    }
    Ok(SignedIn {
        account,
        checks,
        was_here,
    })
}

/// Who came in the place of the expected person; `None` when it is that one, or nobody in particular. An account that is
/// not here any more, or that is of another provider, is not expected.
async fn another(
    client: &Client,
    identity: &Identity,
    wanted: &Wanted,
) -> Result<Option<AnotherPerson>, Error> {
    let came = AccountId::of(identity.issuer(), identity.subject());
    let Some(expected) = wanted.expected.as_ref().filter(|expected| **expected != came) else {
        return Ok(None);
    };
    let Some(expected) = prepare::named(client, &wanted.provider, expected).await? else {
        return Ok(None);
    };
    Ok(Some(AnotherPerson {
        expected: Person {
            name: expected.name,
            email: expected.email,
        },
        came: Person {
            name: shown_name(identity),
            email: identity.email().map(text::value),
        },
        is_here: client.inner().store.account(&came).await?.is_some(),
    }))
}

/// Lets go of what came with somebody who is not to be kept. It is ended at the provider too, after the attempt is over,
/// unless their account is here already: revoking one token may end every other that the same person gave this client
/// (RFC 7009 section 2.1), and nothing that is here is to be changed.
pub(super) fn turn_away(
    attempt: &Attempt,
    terms: &Terms,
    metadata: &Arc<Metadata>,
    tokens: &TokenResponse,
    is_here: bool,
    flow: &Flow,
) {
    if is_here {
        flow.decided(
            "tokens_dropped",
            "What was received is forgotten, and not revoked at the provider: that could end the sign-in of the same account that is here.",
        );
        return;
    }
    hold(attempt, Unwanted::of(terms, metadata, tokens), flow);
}

/// Has what was received revoked once the attempt is over.
fn hold(attempt: &Attempt, unwanted: Unwanted, flow: &Flow) {
    flow.decided(
        "tokens_turned_away",
        "What was received is forgotten, and revoked at the provider as far as that can be done.",
    );
    let mut held = attempt
        .shared
        .unwanted
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *held = Some(unwanted);
}
