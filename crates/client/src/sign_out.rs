//! Signing out: end it at the provider where that can be done, delete it here in any case, and say exactly
//! what happened.

mod browser;

use std::sync::Arc;

use tessera_oidc::discovery::Metadata;
use tessera_oidc::revocation::{self, TokenToRevoke};

use crate::account::{Account, AccountId, Receipt, ReceiptLine, ReceiptOutcome, Storage};
use crate::client::{Change, Client};
use crate::error::Error;
use crate::provider::ProviderKind;
use crate::terms::Terms;
use crate::trace::{Exchange, Field, Flow, FlowKind, MessageId, Party};

pub(crate) use browser::BrowserSignOuts;
pub use browser::{BrowserSignOut, BrowserSignOutEnd, MAX_BROWSER_SIGN_OUT};

/// A provider's rules and its description, or why they are not to be had.
type There = Result<(Terms, Arc<Metadata>), Error>;

/// What became of one token at the provider.
enum Revoked {
    Yes,
    NoWay,
    Failed(Error),
}

impl Client {
    /// Signs an account out. What cannot be reached is a line of the receipt, not an error: the local copy is
    /// deleted even when the network is down.
    ///
    /// # Errors
    /// When there is no such account, or the local copy could not be deleted; then the account stays.
    pub async fn sign_out(&self, id: &AccountId) -> Result<Receipt, Error> {
        let account = self.account(id).await?;
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
                    Ok(account) => self.sign_out_in_turn(&account, &flow).await,
                    Err(error) => Err(error),
                };
                self.end_turn(turn).await;
                result
            }
            Err(error) => Err(error),
        };
        flow.ended(result.as_ref().err());
        self.changed(Change::Accounts);
        result
    }

    async fn sign_out_in_turn(&self, account: &Account, flow: &Flow) -> Result<Receipt, Error> {
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
        let mut lines = Vec::new();

        if let Some(token) = &refresh {
            let revoked = self.revoke(&there, TokenToRevoke::Refresh(token), flow).await;
            lines.push(line(
                "refresh_token_revoked",
                "The permission to stay signed in",
                revoked,
                account,
            ));
        }
        if let Some(kept) = &access {
            let revoked = self
                .revoke(&there, TokenToRevoke::Access(&kept.token), flow)
                .await;
            lines.push(line(
                "access_token_revoked",
                "The current access token",
                revoked,
                account,
            ));
        }

        let opened_in = inner.store.browser_of(id).await.unwrap_or_default();
        inner.secrets.forget(id, storage).await?;
        inner.flights.set_unsaved(id, None);
        flow.wrote(storage, MessageId::SecretsDeleted, Vec::new());
        lines.push(ReceiptLine {
            what: "secrets_deleted",
            outcome: ReceiptOutcome::Done,
            sentence: match storage {
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

    async fn revoke(&self, there: &There, token: TokenToRevoke<'_>, flow: &Flow) -> Revoked {
        let (terms, metadata) = match there {
            Ok(there) => there,
            Err(error) => return Revoked::Failed(error.clone()),
        };
        let sent = async {
            let registration = terms.registration(metadata);
            let request = match (&terms.kind, &token) {
                // GitHub revokes by its API, with the client's own credentials, and knows access tokens only.
                (ProviderKind::GitHub { api, .. }, TokenToRevoke::Access(access)) => {
                    revocation::github_revocation_request(api, &registration, access)
                }
                (ProviderKind::GitHub { .. }, TokenToRevoke::Refresh(_)) => None,
                _ => metadata
                    .revocation_endpoint
                    .as_ref()
                    .map(|endpoint| revocation::revocation_request(endpoint, token, &registration)),
            };
            let Some(request) = request else {
                return Ok(Revoked::NoWay);
            };
            let http = &*self.inner().ports.http;
            let response = flow.exchange(http, Exchange::REVOCATION, request).await?;
            match terms.kind {
                ProviderKind::GitHub { .. } => revocation::judge_github(&response)?,
                _ => revocation::judge(&response)?,
            }
            Ok::<_, Error>(Revoked::Yes)
        };
        sent.await.unwrap_or_else(Revoked::Failed)
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

fn line(what: &'static str, subject: &str, revoked: Revoked, account: &Account) -> ReceiptLine {
    let provider = &account.provider_name;
    let (outcome, sentence) = match revoked {
        Revoked::Yes => (
            ReceiptOutcome::Done,
            format!("{subject} was revoked at {provider}."),
        ),
        Revoked::NoWay => (
            ReceiptOutcome::NotPossible,
            format!("{subject} could not be revoked: {provider} offers apps like this one no way to do it."),
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
        what,
        outcome,
        sentence,
    }
}
