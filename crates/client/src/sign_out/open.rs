//! Sign-outs that are not finished: the account is gone from this computer, and the provider could not be told. What
//! is still to be given back waits in the keychain under a name of its own, and is tried again until there is an
//! answer. [Decision 0008](../../../../docs/decisions/0008-open-sign-outs.md) says why and how.

use tessera_oidc::{ClientId, ClientSecret, Issuer, UnixTime};
use url::Url;

use super::kept::Entry;
use super::revoke::There;
use super::{SignOutError, SignOutWay};
use crate::account::{AccountId, NextTry, Storage};
use crate::client::{Change, Client};
use crate::error::{AccountError, Error};
use crate::fresh_token::next_try;
use crate::ports::VaultError;
use crate::provider::ProviderId;
use crate::providers::ProviderError;
use crate::store::Noted;
use crate::terms::Terms;
use crate::trace::{Field, Flow, FlowKind, MessageId};

/// Names a sign-out that is not finished: 16 random hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpenSignOutId(AccountId);

impl OpenSignOutId {
    /// Takes an id as it was shown or stored; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        AccountId::parse(text).map(Self)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl std::fmt::Display for OpenSignOutId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a sign-out that is not finished stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenStage {
    /// It is tried again.
    Waiting,
    /// The provider's part is done; the tokens are still to be deleted here. Not shown.
    Finished,
    /// It cannot be done, and is not tried any more: it is told until the person has seen it.
    Over,
}

impl OpenStage {
    const ALL: [Self; 3] = [Self::Waiting, Self::Finished, Self::Over];

    /// The stable name: `waiting`, `finished` or `over`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Finished => "finished",
            Self::Over => "over",
        }
    }

    /// The reverse of [`OpenStage::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

/// A sign-out that is not finished, with nothing secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSignOut {
    /// Its id.
    pub id: OpenSignOutId,
    /// The account that was signed out.
    pub account: AccountId,
    /// The provider it was signed in with.
    pub provider: ProviderId,
    /// That provider's name at the time.
    pub provider_name: String,
    /// That provider's kind: `oidc`, `google`, `github` or `sandbox`.
    pub kind: String,
    /// The issuer.
    pub issuer: Issuer,
    /// The client id that the tokens belong to.
    pub client_id: ClientId,
    /// Whose account it was, as it was shown.
    pub name: String,
    /// Where the tokens wait.
    pub storage: Storage,
    /// How much is to be ended.
    pub way: SignOutWay,
    /// Whether the refresh token is still to be given back.
    pub refresh: bool,
    /// Whether the access token is.
    pub access: bool,
    /// When the account was signed out here.
    pub since: UnixTime,
    /// How often it was tried, the sign-out itself included.
    pub tries: u32,
    /// Where it stands.
    pub stage: OpenStage,
    /// Why it is not finished: the code of an error; `None` where it was not tried yet.
    pub code: Option<String>,
    /// The same as a sentence.
    pub reason: Option<String>,
    /// When it is tried again; `None` where only an event can help, such as a provider's coming back into the list.
    pub next_try: Option<NextTry>,
    /// The process that has the tokens, where they are in memory only.
    pub(crate) holder: Option<String>,
    /// The mark of the keychain that has them.
    pub(crate) keychain: Option<String>,
}

/// What one more attempt came to.
#[derive(Clone, Debug)]
pub enum Retried {
    /// The provider has ended it, and the tokens are deleted here.
    Done,
    /// It has to be tried once more.
    Open(OpenSignOut),
    /// It cannot be done, and is not tried any more.
    Over(OpenSignOut),
}

impl Client {
    /// The sign-outs that are not finished, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open_sign_outs(&self) -> Result<Vec<OpenSignOut>, Error> {
        let mut open = self.inner().store.open_sign_outs().await?;
        open.retain(|open| open.stage != OpenStage::Finished);
        Ok(open)
    }

    /// Where a person can end by hand what is not finished.
    pub fn settings_page_of(&self, open: &OpenSignOut) -> Option<Url> {
        self.open_terms(open, None).ok()?.settings_page()
    }

    /// Tries once more to finish a sign-out.
    ///
    /// # Errors
    /// When there is no such sign-out, the provider has said when it wants to be asked again and that is later, or the
    /// store cannot be read or written. That the provider was not reached is no error: it is still open then.
    pub async fn retry_sign_out(&self, id: &OpenSignOutId) -> Result<Retried, Error> {
        let found = self.inner().store.open_sign_out(id).await?;
        let open = found.ok_or(SignOutError::NotOpen)?;
        if open.stage == OpenStage::Over {
            return Ok(Retried::Over(open));
        }
        if let Some(seconds) = open.next_try.and_then(|next| next.wait(self.now())) {
            return Err(AccountError::ProviderAsksToWait { seconds }.into());
        }
        let turn = self.take_turn(&id.0).await?;
        let result = self.retry_in_turn(id).await;
        self.end_turn(turn).await;
        self.changed(Change::OpenSignOuts);
        result
    }

    async fn retry_in_turn(&self, id: &OpenSignOutId) -> Result<Retried, Error> {
        // Somebody else may have had the turn before.
        let Some(open) = self.inner().store.open_sign_out(id).await? else {
            return Ok(Retried::Done);
        };
        match open.stage {
            OpenStage::Over => return Ok(Retried::Over(open)),
            OpenStage::Finished => return self.close(&open).await,
            OpenStage::Waiting => {}
        }
        let flow = self
            .inner()
            .tracer
            .flow(FlowKind::SignOut, Some(&open.provider), Some(&open.account));
        flow.decided(
            "sign_out_retried",
            "You are signed out here, and the provider could not be told before, so that is tried again.",
        );
        let result = self.try_again(&open, &flow).await;
        flow.ended(result.as_ref().err());
        result
    }

    async fn try_again(&self, open: &OpenSignOut, flow: &Flow) -> Result<Retried, Error> {
        let inner = self.inner();
        let secret = match inner.secrets.to_revoke(&open.id, open.storage).await {
            Ok(Some(secret)) => secret,
            Ok(None) => return self.missing(open).await,
            Err(error) => return self.still_open(open, &error.into()).await,
        };
        let Some(entry) = Entry::read(&secret) else {
            return self.over(open, &SignOutError::TokensGone.into()).await;
        };
        let to = entry.to_revoke();
        let read = [
            to.refresh
                .as_ref()
                .map(|token| Field::masked("refresh_token", token)),
            to.access
                .as_ref()
                .map(|token| Field::masked("access_token", token)),
        ];
        let read = read.into_iter().flatten().collect();
        flow.read(open.storage, MessageId::TokensRead, read);
        let terms = match self.open_terms(open, entry.client_secret()) {
            Ok(terms) => terms,
            Err(error) => return self.still_open(open, &error).await,
        };
        let metadata = inner.directory.metadata(&terms, flow).await;
        let there: There = metadata.map(|metadata| (terms, metadata));
        let revocations = self.revoke_all(&there, &to, flow).await;
        if let (Some(left), Some(error)) = (&revocations.left, revocations.passing()) {
            let kept = Entry::of(open, left, entry.client_secret().as_ref()).secret()?;
            if kept != secret
                && let Err(error) = inner.secrets.put_to_revoke(&open.id, open.storage, &kept).await
            {
                // More than is left to be done is in the keychain; that does no harm.
                tracing::warn!(
                    code = Error::from(error).code(),
                    "what is left to be revoked was not noted"
                );
            }
            let open = OpenSignOut {
                refresh: left.refresh.is_some(),
                access: left.access.is_some(),
                ..open.clone()
            };
            return self.still_open(&open, error).await;
        }
        let refused = revocations
            .parts
            .iter()
            .find_map(|(_, revoked)| revoked.refusal());
        if let Some(error) = refused {
            return self.over(open, &error).await;
        }
        self.finish_here_too(open, &entry).await?;
        inner.store.finish_open_sign_out(&open.id).await?;
        flow.wrote(open.storage, MessageId::SecretsDeleted, Vec::new());
        self.close(open).await
    }

    /// The provider's part is done. Where the keychain does not give the tokens up, that is tried again as well.
    async fn close(&self, open: &OpenSignOut) -> Result<Retried, Error> {
        let inner = self.inner();
        match inner.secrets.delete_to_revoke(&open.id, open.storage).await {
            Ok(()) => {
                inner.store.remove_open_sign_out(&open.id).await?;
            }
            Err(error) => {
                let error = error.into();
                let next_try = next_try(&error, open.tries, self.now());
                self.note(open, OpenStage::Finished, &error, Some(next_try))
                    .await?;
            }
        }
        Ok(Retried::Done)
    }

    /// The keychain, or this process, does not hold what was to be given back.
    async fn missing(&self, open: &OpenSignOut) -> Result<Retried, Error> {
        let inner = self.inner();
        match open.storage {
            Storage::Keychain => {
                let mark = inner.secrets.mark().await;
                if open.keychain.is_some()
                    && mark.as_ref().ok().and_then(Option::as_ref) != open.keychain.as_ref()
                {
                    return self.still_open(open, &VaultError::Replaced.into()).await;
                }
            }
            Storage::UntilQuit => {
                if self.is_of_another_process(open).await {
                    return Ok(Retried::Open(open.clone()));
                }
            }
        }
        self.over(open, &SignOutError::TokensGone.into()).await
    }

    /// Whether the tokens are in the memory of another process, which tries again by itself.
    pub(crate) async fn is_of_another_process(&self, open: &OpenSignOut) -> bool {
        match &open.holder {
            Some(holder) => *holder != self.process_name().await && !self.is_gone(holder).await,
            None => false,
        }
    }

    async fn still_open(&self, open: &OpenSignOut, error: &Error) -> Result<Retried, Error> {
        let next_try = match error {
            // Only the person can help.
            Error::Provider(_) | Error::Vault(VaultError::Replaced) => None,
            error => Some(next_try(error, open.tries, self.now())),
        };
        self.note(open, OpenStage::Waiting, error, next_try)
            .await
            .map(Retried::Open)
    }

    async fn over(&self, open: &OpenSignOut, error: &Error) -> Result<Retried, Error> {
        let noted = self.note(open, OpenStage::Over, error, None).await?;
        // They are of no use any more; what stays is tidied up.
        if let Err(error) = self
            .inner()
            .secrets
            .delete_to_revoke(&open.id, open.storage)
            .await
        {
            tracing::warn!(
                code = Error::from(error).code(),
                "tokens that nobody takes could not be deleted"
            );
        }
        Ok(Retried::Over(noted))
    }

    async fn note(
        &self,
        open: &OpenSignOut,
        stage: OpenStage,
        error: &Error,
        next_try: Option<NextTry>,
    ) -> Result<OpenSignOut, Error> {
        let noted = Noted {
            refresh: open.refresh,
            access: open.access,
            stage,
            why: (error.code(), error.message()),
            next_try,
        };
        let store = &self.inner().store;
        store.note_open_sign_out(&open.id, noted).await?;
        let noted = store.open_sign_out(&open.id).await?;
        Ok(noted.ok_or(SignOutError::NotOpen)?)
    }

    /// Gives a sign-out up, and deletes what is still here of it. The provider may go on holding what was allowed.
    ///
    /// # Errors
    /// When there is no such sign-out, or the keychain does not give up what it holds of it; then it stays.
    pub async fn forget_sign_out(&self, id: &OpenSignOutId) -> Result<(), Error> {
        let turn = self.take_turn(&id.0).await?;
        let forgotten = async {
            let inner = self.inner();
            let found = inner.store.open_sign_out(id).await?;
            let open = found.ok_or(SignOutError::NotOpen)?;
            inner.secrets.delete_to_revoke(id, open.storage).await?;
            inner.store.remove_open_sign_out(id).await?;
            Ok(())
        };
        let forgotten = forgotten.await;
        self.end_turn(turn).await;
        self.changed(Change::OpenSignOuts);
        forgotten
    }

    fn open_terms(&self, open: &OpenSignOut, client_secret: Option<ClientSecret>) -> Result<Terms, Error> {
        if let Some(provider) = self.provider_still(&open.provider, &open.issuer, &open.client_id) {
            return Ok(Terms::of(&provider)?);
        }
        if open.kind == "github" {
            return Err(ProviderError::Unknown(open.provider.to_string()).into());
        }
        Ok(Terms::named_once(
            &open.kind,
            &open.issuer,
            &open.client_id,
            client_secret,
        ))
    }
}
