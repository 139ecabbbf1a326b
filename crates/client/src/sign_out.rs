//! Signing out: end it at the provider where that can be done, delete it here in any case, and say exactly
//! what happened.

mod browser;
mod kept;
mod open;
mod revoke;

use crate::account::{Account, AccountId, Receipt, ReceiptLine, ReceiptOutcome, Storage};
use crate::client::{Change, Client};
use crate::error::{Error, SignOutError};
use crate::provider::ProviderKind;
use crate::trace::{Field, Flow, FlowKind, MessageId, Party};

pub(crate) use browser::BrowserSignOuts;
pub use browser::{BrowserSignOut, BrowserSignOutEnd, MAX_BROWSER_SIGN_OUT};
pub use open::{OpenSignOut, OpenSignOutId, OpenStage, Retried};
pub(crate) use revoke::ToRevoke;
use revoke::{Part, Revocations, Revoked};

/// How much a sign-out is to end at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutWay {
    /// This sign-in, on this computer.
    Here,
    /// All that the person allowed this app, on every device.
    Everywhere,
    /// Tokens that somebody saw who should not have.
    Leaked,
}

impl SignOutWay {
    const ALL: [Self; 3] = [Self::Here, Self::Everywhere, Self::Leaked];

    /// The stable name: `here`, `everywhere` or `leaked`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Everywhere => "everywhere",
            Self::Leaked => "leaked",
        }
    }

    /// The reverse of [`SignOutWay::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == text)
    }
}

impl Client {
    /// Whether an account can be signed out in this way. RFC 7009 promises nothing of other devices; Google ends all
    /// that the person allowed this app with any token of it, and GitHub deletes it for an app that has a secret, and
    /// takes reports of leaked tokens from anybody.
    pub fn can_sign_out(&self, account: &Account, way: SignOutWay) -> bool {
        let provider = self.provider_of(account);
        let github = |with_secret: bool| {
            provider.as_ref().is_some_and(|provider| {
                matches!(provider.kind, ProviderKind::GitHub { .. })
                    && (provider.client_secret.is_some() || !with_secret)
            })
        };
        match way {
            SignOutWay::Here => true,
            SignOutWay::Everywhere => account.kind == "google" || github(true),
            SignOutWay::Leaked => github(false),
        }
    }

    /// Signs an account out on this computer: [`Client::sign_out_by`] with [`SignOutWay::Here`].
    ///
    /// # Errors
    /// As [`Client::sign_out_by`].
    pub async fn sign_out(&self, id: &AccountId) -> Result<Receipt, Error> {
        self.sign_out_by(id, SignOutWay::Here).await
    }

    /// Signs an account out. What cannot be reached is a line of the receipt, not an error: the local copy is
    /// deleted even when the network is down, and the provider is asked later ([`Client::open_sign_outs`]).
    ///
    /// # Errors
    /// When there is no such account, it cannot be signed out in this way, or the local copy could not be deleted; then
    /// the account stays.
    pub async fn sign_out_by(&self, id: &AccountId, way: SignOutWay) -> Result<Receipt, Error> {
        let account = self.account(id).await?;
        if !self.can_sign_out(&account, way) {
            return Err(match way {
                SignOutWay::Leaked => SignOutError::LeakNotOffered.into(),
                SignOutWay::Here | SignOutWay::Everywhere => SignOutError::EverywhereNotOffered.into(),
            });
        }
        if way == SignOutWay::Everywhere && account.kind == "github" {
            // It is shown whose access is meant by a token that is good. Without one it says no, which is told.
            let _ = self.access_token(id).await;
        }
        let flow = self
            .inner()
            .tracer
            .flow(FlowKind::SignOut, Some(&account.provider), Some(id));
        flow.message(
            Party::Person,
            Party::Tessera,
            MessageId::SignOut,
            vec![Field::shown("account", account.name.clone())],
        );
        let result = match self.take_turn(id).await {
            Ok(turn) => {
                // Read again: its secrets may have been moved meanwhile.
                let result = match self.account(id).await {
                    Ok(account) => self.sign_out_in_turn(&account, way, &flow).await,
                    Err(error) => Err(error),
                };
                self.end_turn(turn).await;
                result
            }
            Err(error) => Err(error),
        };
        flow.ended(result.as_ref().err());
        self.changed(Change::OpenSignOuts);
        self.changed(Change::Accounts);
        result
    }

    async fn sign_out_in_turn(
        &self,
        account: &Account,
        way: SignOutWay,
        flow: &Flow,
    ) -> Result<Receipt, Error> {
        let inner = self.inner();
        let (id, storage) = (&account.id, account.storage);
        let terms = self.terms_of(account, Some(flow)).await;
        let there = match &terms {
            Ok(terms) => {
                let metadata = inner.directory.metadata(terms, flow).await;
                metadata.map(|metadata| (terms.clone(), metadata))
            }
            Err(error) => Err(error.clone()),
        };
        // A keychain that cannot be read now must not keep anyone signed in: what it holds is then only
        // deleted, not revoked.
        let kept = inner.secrets.refresh(id, storage).await;
        let access = inner.secrets.access(id, storage).await;
        let id_token = inner.secrets.id_token(id, storage).await;
        let is_unread = kept.is_err() || access.is_err() || id_token.is_err();
        let (kept, access) = (kept.unwrap_or_default(), access.unwrap_or_default());
        let id_token = id_token.unwrap_or_default();
        let read = [
            kept.as_ref().map(|token| Field::masked("refresh_token", token)),
            access
                .as_ref()
                .map(|kept| Field::masked("access_token", &kept.token)),
            id_token.as_ref().map(|token| Field::masked("id_token", token)),
        ];
        flow.read(
            storage,
            MessageId::TokensRead,
            read.into_iter().flatten().collect(),
        );
        if is_unread {
            flow.decided(
                "tokens_unread",
                "Not everything could be read, and what could not is only deleted here.",
            );
        }
        // One that the keychain did not take has replaced the one that is in it.
        let refresh = inner.flights.unsaved(id, account.generation).or(kept);
        let to = ToRevoke {
            way,
            refresh,
            access: access.map(|kept| kept.token),
        };
        let revocations = self.revoke_all(&there, &to, flow).await;
        let open = self.keep_open(account, &there, &revocations, flow).await;
        let is_open = open.is_some();
        let Revocations { parts, .. } = revocations;
        let lines = parts
            .into_iter()
            .map(|(part, revoked)| line(part, revoked, is_open, account));
        let mut lines: Vec<ReceiptLine> = lines.collect();

        let opened_in = inner.store.browser_of(id).await.unwrap_or_default();
        if let Err(error) = inner.secrets.forget(id, storage).await {
            // The account stays, and with it its tokens.
            if let Some(open) = open {
                self.take_back(&open, account).await;
            }
            return Err(error.into());
        }
        inner.flights.forget_unsaved(id);
        flow.wrote(storage, MessageId::SecretsDeleted, Vec::new());
        lines.push(ReceiptLine {
            what: "secrets_deleted",
            outcome: ReceiptOutcome::Done,
            sentence: match storage {
                Storage::Keychain if is_open => format!(
                    "What signed you in was deleted from {}; what is needed to end it at {} stays there until that is done.",
                    inner.secrets.keychain_name(),
                    account.provider_name
                ),
                Storage::Keychain => {
                    format!("Your tokens were deleted from {}.", inner.secrets.keychain_name())
                }
                Storage::UntilQuit => "Your tokens were wiped from Tessera's memory.".to_owned(),
            },
        });
        inner.store.remove_account(id).await?;
        lines.push(ReceiptLine {
            what: "account_removed",
            outcome: ReceiptOutcome::Done,
            sentence: "The account was removed from the list on this computer.".to_owned(),
        });
        let offer = there
            .as_ref()
            .ok()
            .and_then(|(terms, metadata)| self.offer(account, terms, metadata, id_token));
        let browser = offer.is_some();
        if let Some(mut offer) = offer {
            offer.browser = opened_in;
            self.keep_offer(offer);
        }
        lines.push(browser_line(browser, &account.provider_name));

        // The first of them is the one that others can be had with.
        let ended_there = lines
            .iter()
            .find(|line| line.what.ends_with("_revoked"))
            .is_some_and(|line| line.outcome == ReceiptOutcome::Done);
        let provider_page = terms
            .ok()
            .and_then(|terms| terms.settings_page())
            .filter(|_| !ended_there);
        Ok(Receipt {
            account: id.clone(),
            name: account.name.clone(),
            provider_name: account.provider_name.clone(),
            lines,
            provider_page,
            browser,
        })
    }
}

/// What is said of the provider's session in the browser, which Tessera never sees.
fn browser_line(offered: bool, provider: &str) -> ReceiptLine {
    let (outcome, sentence) = if offered {
        (
            ReceiptOutcome::Offered,
            format!(
                "Your browser may still be signed in with {provider}. You can have it signed out there too."
            ),
        )
    } else {
        (
            ReceiptOutcome::NotPossible,
            format!(
                "Your browser may still be signed in with {provider}; sign out there too if others use this browser."
            ),
        )
    };
    ReceiptLine {
        what: "browser_session",
        outcome,
        sentence,
    }
}

/// What is said of one request. `is_open`: what may be answered otherwise later is asked again.
fn line(part: Part, revoked: Revoked, is_open: bool, account: &Account) -> ReceiptLine {
    let (subject, provider) = (part.subject(), &account.provider_name);
    let is_open = is_open && revoked.passing().is_some();
    let (outcome, sentence) = match revoked {
        Revoked::Yes => (
            ReceiptOutcome::Done,
            match part {
                Part::Everything => format!("{subject} was ended at {provider}."),
                Part::Leaked => {
                    format!("{subject} was ended at {provider}, which writes to you about it.")
                }
                Part::Refresh | Part::Access => format!("{subject} was revoked at {provider}."),
            },
        ),
        Revoked::NoWay => (
            ReceiptOutcome::NotPossible,
            format!("{subject} could not be revoked: {provider} offers apps like this one no way to do it."),
        ),
        Revoked::Failed(error) if is_open => (
            ReceiptOutcome::Open,
            format!(
                "{subject} could not be revoked at {provider} yet. {} Tessera tries again until it is done.",
                error.message()
            ),
        ),
        Revoked::Failed(error) => (
            ReceiptOutcome::Failed,
            format!(
                "{subject} could not be revoked at {provider}. {} It may stay good there.",
                error.message()
            ),
        ),
    };
    ReceiptLine {
        what: part.what(),
        outcome,
        sentence,
    }
}
