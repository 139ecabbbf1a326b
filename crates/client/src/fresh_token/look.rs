//! A look at the kept access token: whether it will do, and what a trace tells of it.

use tessera_oidc::{AccessToken, UnixTime};

use super::{FreshToken, MARGIN_SECONDS, PRESUMED_LIFE_SECONDS, fresh};
use crate::account::Storage;
use crate::provider::ProviderId;
use crate::trace::{Field, Flow, MessageId, shown_time};
use crate::vault::StoredAccess;

/// Which token will do; by itself any that has a while to live.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// Not this one: an API did not take it.
    refused: Option<AccessToken>,
    /// One that is good for longer than until then.
    beyond: Option<UnixTime>,
}

impl Wish {
    pub(super) fn other_than(refused: AccessToken) -> Self {
        Self {
            refused: Some(refused),
            beyond: None,
        }
    }

    /// For renewing a token ahead of its `end`.
    pub(super) fn beyond(end: UnixTime) -> Self {
        Self {
            refused: None,
            beyond: Some(end),
        }
    }

    pub(super) fn refuses(&self, token: &AccessToken) -> bool {
        self.refused.as_ref() == Some(token)
    }

    pub(super) fn is_ahead(&self) -> bool {
        self.beyond.is_some()
    }

    pub(super) fn is_for_any(&self) -> bool {
        self.refused.is_none() && self.beyond.is_none()
    }

    fn outlives(&self, expires_at: Option<UnixTime>) -> bool {
        self.beyond
            .is_none_or(|end| expires_at.is_none_or(|expires_at| end < expires_at))
    }
}

/// An access token that may be used now, and where it comes from.
#[derive(Clone)]
pub(super) struct Obtained {
    pub(super) token: FreshToken,
    /// Whose it is and where it was kept, when nobody was asked for it.
    pub(super) kept: Option<(ProviderId, Storage)>,
}

impl Obtained {
    /// Tells, in the flow of whoever wanted it, that it was there already.
    pub(super) fn tell(&self, flow: &Flow) {
        if let Some((_, storage)) = &self.kept {
            let token = &self.token;
            flow.read(*storage, MessageId::AccessTokenRead, fields(&token.access_token));
            flow.decided("access_token_kept", still_good(token.expires_at));
        }
    }
}

/// What was found where the access token is kept.
pub(super) enum Look {
    /// One that will do.
    Good(FreshToken),
    /// One that will not, or none.
    Unfit(Option<StoredAccess>, Why),
}

/// Why another token is wanted.
#[derive(Clone, Copy)]
pub(super) enum Why {
    Missing,
    Refused,
    Ended,
    /// It has a while to live, and is renewed ahead of its end.
    Ahead,
    Old,
}

impl Look {
    /// Judges what was read by what is wished for.
    pub(super) fn at(access: Option<StoredAccess>, wish: &Wish, now: UnixTime) -> Self {
        let Some(access) = access else {
            return Self::Unfit(None, Why::Missing);
        };
        if wish.refuses(&access.token) {
            return Self::Unfit(Some(access), Why::Refused);
        }
        if !is_good(&access, now) {
            return Self::Unfit(Some(access), Why::Ended);
        }
        if !wish.outlives(access.expires_at) {
            return Self::Unfit(Some(access), Why::Ahead);
        }
        Self::Good(fresh(access))
    }

    /// The same for one of which nobody knows how long it lasts, when another can be had.
    pub(super) fn old(access: StoredAccess) -> Self {
        Self::Unfit(Some(access), Why::Old)
    }

    /// Tells it in the flow of a refresh.
    pub(super) fn tell(&self, storage: Storage, flow: &Flow) {
        let token = match self {
            Self::Good(token) => Some(&token.access_token),
            Self::Unfit(access, _) => access.as_ref().map(|access| &access.token),
        };
        flow.read(
            storage,
            MessageId::AccessTokenRead,
            token.map(fields).unwrap_or_default(),
        );
        match self {
            Self::Good(token) => flow.decided("access_token_kept", still_good(token.expires_at)),
            Self::Unfit(access, why) => {
                let expires_at = access.as_ref().and_then(|access| access.expires_at);
                let (code, reason) = why.told(expires_at);
                flow.decided(code, format!("{reason}, so the provider is asked for another."));
            }
        }
    }
}

impl Why {
    fn told(self, expires_at: Option<UnixTime>) -> (&'static str, String) {
        let (code, reason) = match (self, expires_at) {
            (Self::Missing, _) => ("access_token_missing", "No access token is kept"),
            (Self::Refused, _) => (
                "access_token_refused",
                "Another access token than the kept one is wanted",
            ),
            (Self::Ended, Some(at)) => {
                let when = shown_time(at);
                return (
                    "access_token_ended",
                    format!("The kept access token is good until {when}, which is over or too soon"),
                );
            }
            (Self::Ahead, Some(at)) => {
                let when = shown_time(at);
                return (
                    "access_token_ends",
                    format!("The kept access token is good until {when}, and is renewed ahead of that"),
                );
            }
            (Self::Ended | Self::Ahead | Self::Old, _) => (
                "access_token_old",
                "The kept access token is old, and the provider did not say how long it is good",
            ),
        };
        (code, reason.to_owned())
    }
}

/// Says of a kept token that it is used.
fn still_good(expires_at: Option<UnixTime>) -> String {
    match expires_at {
        Some(at) => format!(
            "The kept access token is still good, until {}, so the provider was not asked for another.",
            shown_time(at)
        ),
        None => "The provider did not say how long the kept access token is good, so it was not asked for another."
            .to_owned(),
    }
}

fn fields(token: &AccessToken) -> Vec<Field> {
    vec![Field::masked("access_token", token)]
}

/// Whether a kept token has a while to live: the margin, or a tenth of its life if that is less.
fn is_good(access: &StoredAccess, now: UnixTime) -> bool {
    access.expires_at.is_none_or(|expires_at| {
        let life = expires_at.since(access.received_at);
        expires_at.since(now) > MARGIN_SECONDS.min(life / 10)
    })
}

/// Whether one of which nobody knows how long it lasts has lived as long as such tokens usually do.
pub(super) fn is_old(access: &StoredAccess, now: UnixTime) -> bool {
    access.expires_at.is_none() && now.since(access.received_at) >= PRESUMED_LIFE_SECONDS
}
