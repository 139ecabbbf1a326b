//! Everything that can go wrong, told to three: a stable code for programs, a sentence and a hint for the
//! person, and a category for whoever must decide what to do next.

mod words;

use std::sync::Arc;

use tessera_oidc::authorize::PendingError;
use tessera_oidc::callback::{CallbackError, CallbackRefusal, NotAwaited};
use tessera_oidc::device::DeviceError;
use tessera_oidc::discovery::DiscoveryError;
use tessera_oidc::dpop::DpopKeyError;
use tessera_oidc::id_token::IdTokenRefusal;
use tessera_oidc::key_set::KeySetError;
use tessera_oidc::par::ParError;
use tessera_oidc::revocation::RevocationError;
use tessera_oidc::token::TokenError;
use tessera_oidc::userinfo::UserinfoError;

use crate::account::SignInNeed;
use crate::browsers::BrowserUnknown;
use crate::check_up::CheckUpError;
use crate::gateway::{ApiRefusal, PolicyError};
use crate::ports::{BrowserError, HttpError, LoopbackError, VaultError};
use crate::providers::ProviderError;
use crate::store::StoreError;

/// What kind of trouble it is: what a shell branches on, and the terminal's exit code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Something was asked for that cannot be: an unknown name, an impossible address.
    Usage,
    /// A check failed, and what was being done was stopped because of it.
    CheckFailed,
    /// The person, a newer attempt or the clock ended it.
    Cancelled,
    /// The network or the provider.
    Network,
    /// The keychain.
    Keychain,
    /// The account needs a new sign-in.
    NeedsSignIn,
    /// It is not allowed; nothing was sent.
    Policy,
    /// This machine: the disk, the data folder.
    Machine,
}

/// What is wrong with an attempt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    /// The person ended it.
    #[error("the sign-in was cancelled")]
    Cancelled,
    /// The person interrupted the program.
    #[error("interrupted")]
    Interrupted,
    /// A newer one took its place.
    #[error("a newer sign-in took the place of this one")]
    Replaced,
    /// Nothing came back in time.
    #[error("nothing came back in time")]
    TimedOut,
    /// A callback came for an attempt that is not there any more.
    #[error("this answer is for a sign-in that is over")]
    Gone,
    /// A callback came that does not answer the attempt under way.
    #[error("this answer is not the one that is awaited")]
    NotThisOne,
    /// The sign-in was for one account, and another one was chosen.
    #[error("another account was chosen than the sign-in was for")]
    OtherAccount,
    /// Another one was chosen, and nobody said in time what to do about it.
    #[error("nobody said what to do about the other account")]
    NotAnswered,
    /// What was pasted or delivered is not a callback.
    #[error("this is not the address that the browser ends on")]
    NotACallback,
    /// There is no address to open yet, or any more.
    #[error("there is no page to open")]
    NoPage,
}

/// What is wrong with an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// There is none by that name.
    #[error("there is no account `{0}`")]
    Unknown(String),
    /// There are several.
    #[error("several accounts fit `{0}`")]
    Ambiguous(String),
    /// It is one of another provider than was named.
    #[error("the account is not one of the provider that was named")]
    OtherProvider,
    /// A new sign-in is needed.
    #[error("{reason}")]
    NeedsSignIn {
        /// Why, for programs.
        need: SignInNeed,
        /// Why, as a sentence.
        reason: String,
    },
    /// The provider said when it wants to be asked again, and that is later.
    #[error("the provider asks to wait {seconds} seconds")]
    ProviderAsksToWait {
        /// How long, in seconds.
        seconds: i64,
    },
    /// The token cannot be renewed, for the provider gave nothing to do it with.
    #[error("the provider gave no refresh token")]
    NoRefreshToken,
    /// A newer sign-in, or a sign-out, owns the account now.
    #[error("the account was signed in anew or out meanwhile")]
    Superseded,
}

/// What is wrong with a sign-out: with the part at the provider, the one in the browser, or what came back from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignOutError {
    /// The provider has no page for it, or it is too long since the sign-out here.
    #[error("a sign-out in the browser is not offered")]
    NotOffered,
    /// No browser could be started.
    #[error("no browser could be started for the sign-out")]
    NotOpened,
    /// A return came, and none is awaited.
    #[error("this return from a sign-out is not awaited")]
    ReturnNotAwaited,
    /// A return came without a state.
    #[error("the return from the sign-out has no state")]
    ReturnWithoutState,
    /// A return came with a state that was not sent.
    #[error("the return from the sign-out has another state")]
    ReturnWithOtherState,
    /// The provider has no way to end it on all devices.
    #[error("a sign-out on all devices is not offered")]
    EverywhereNotOffered,
    /// The provider takes no reports of leaked tokens.
    #[error("the provider takes no reports of leaked tokens")]
    LeakNotOffered,
    /// There is no such sign-out that is not finished.
    #[error("there is no such unfinished sign-out")]
    NotOpen,
    /// The provider has no way to take a token back.
    #[error("the provider has no way to take a token back")]
    NoWay,
    /// What was still to be given back is not here any more.
    #[error("what was still to be revoked is gone")]
    TokensGone,
}

/// Everything that can go wrong.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// About an account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// An API refused a call, or failed at it. Told in a trace: whoever calls gets the answer itself.
    #[error(transparent)]
    Api(#[from] ApiRefusal),
    /// About an attempt.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// No browser could be started.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// A browser that is not here was asked for.
    #[error(transparent)]
    BrowserUnknown(#[from] BrowserUnknown),
    /// The callback was refused, or brought a refusal.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// What a check-up found.
    #[error(transparent)]
    CheckUp(#[from] CheckUpError),
    /// The device grant gave no codes.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The person declined on the other device.
    #[error("declined on the other device")]
    DeclinedOnDevice,
    /// The provider's description cannot be used.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The key that a sign-in is bound to cannot be used, or is not there any more.
    #[error(transparent)]
    DpopKey(#[from] DpopKeyError),
    /// A request got no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The ID token did not pass its checks.
    #[error(transparent)]
    IdToken(#[from] IdTokenRefusal),
    /// The provider sent no ID token although one was asked for.
    #[error("the provider sent no ID token")]
    NoIdToken,
    /// The provider names no key set, although it issues ID tokens.
    #[error("the provider names no key set")]
    NoKeySet,
    /// A callback that is not the answer that is awaited.
    #[error("a callback that is not the awaited answer")]
    NotAwaited(NotAwaited),
    /// The provider refused, or the callback failed a check: the attempt's end.
    #[error("{}", .0.message())]
    Refused(Arc<CallbackRefusal>),
    /// The provider's key set cannot be used.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// The provider's key set was not given.
    #[error("the key set was answered with status {0}")]
    KeySetStatus(u16),
    /// The key set could not be fetched a moment ago, and is not asked for again yet.
    #[error("the key set cannot be fetched now")]
    KeysUnavailable {
        /// Seconds after which it can be tried again.
        retry_after: u32,
    },
    /// The loopback route is not to be had.
    #[error(transparent)]
    Loopback(#[from] LoopbackError),
    /// A rotated token could not be stored, and is in memory only.
    #[error("a renewed token could not be saved: {0}")]
    NotSaved(VaultError),
    /// The request could not be pushed.
    #[error(transparent)]
    Par(#[from] ParError),
    /// The kept attempt cannot be read.
    #[error(transparent)]
    Pending(#[from] PendingError),
    /// Not allowed; nothing was sent.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// About a provider.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The provider did not revoke a token.
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    /// About a sign-out.
    #[error(transparent)]
    SignOut(#[from] SignOutError),
    /// The worker that did it stopped.
    #[error("the work was stopped")]
    Stopped,
    /// About the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token endpoint did not give a token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The profile cannot be used.
    #[error(transparent)]
    Userinfo(#[from] UserinfoError),
    /// About the keychain.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.told().code
    }

    /// What kind of trouble it is.
    pub fn category(&self) -> Category {
        self.told().category
    }

    /// One sentence: what happened to you.
    pub fn message(&self) -> String {
        self.told().message
    }

    /// One sentence: what to do next.
    pub fn hint(&self) -> String {
        self.told().hint
    }

    /// Technical detail, free of secrets, where it says more than the message.
    pub fn detail(&self) -> Option<String> {
        let detail = self.to_string();
        (detail != self.message()).then_some(detail)
    }

    /// Whether the person, or something newer that they began, ended it: nothing went wrong.
    pub fn is_called_off(&self) -> bool {
        matches!(
            self,
            Self::Attempt(AttemptError::Cancelled | AttemptError::Replaced | AttemptError::Interrupted)
                | Self::Account(AccountError::Superseded)
        )
    }

    /// Whether it may be over by itself: nothing is wrong with the account.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(error) => !matches!(error, HttpError::Insecure(_)),
            Self::Discovery(error) => error.is_passing(),
            Self::Token(error) => error.is_passing(),
            Self::Par(error) => error.is_passing(),
            Self::Revocation(error) => error.is_passing(),
            Self::KeySet(error) => matches!(error, KeySetError::WebPage | KeySetError::Malformed),
            Self::KeySetStatus(_)
            | Self::KeysUnavailable { .. }
            | Self::Stopped
            | Self::Account(AccountError::ProviderAsksToWait { .. }) => true,
            _ => false,
        }
    }
}
