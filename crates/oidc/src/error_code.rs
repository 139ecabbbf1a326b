//! The errors that an authorization server can answer with, from every specification spoken here and from the
//! providers that have some of their own, and what each means to a person.

use std::fmt;

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $text:literal;)*) => {
        /// An `error` of an authorization, token, device or revocation response.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$meta])* $variant,)*
            /// One that is not known here, cleaned and cut.
            Other(String),
        }

        impl ErrorCode {
            /// Reads an `error`. Never fails: what is not known is kept as text that can be shown.
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Other(crate::text::providers_words(other).chars().take(60).collect()),
                }
            }

            /// As it is written.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// A stable name: its own, or `provider_refused` for one that is not known here.
            pub fn refusal_code(&self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(_) => "provider_refused",
                }
            }

            #[cfg(test)]
            pub(crate) fn known() -> Vec<Self> {
                vec![$(Self::$variant),*]
            }
        }
    };
}

codes! {
    /// RFC 6749 section 4.1.2.1: the person or the server said no.
    AccessDenied = "access_denied";
    /// OpenID Connect Core section 3.1.2.6.
    AccountSelectionRequired = "account_selection_required";
    /// RFC 8628 section 3.5: not yet.
    AuthorizationPending = "authorization_pending";
    /// Microsoft Entra's name for a refusal on the other device.
    AuthorizationDeclined = "authorization_declined";
    /// GitHub's `invalid_grant` for refresh tokens.
    BadRefreshToken = "bad_refresh_token";
    /// GitHub's `invalid_grant` for codes.
    BadVerificationCode = "bad_verification_code";
    /// OpenID Connect Core section 3.1.2.6.
    ConsentRequired = "consent_required";
    /// GitHub: the app's settings do not allow the device grant.
    DeviceFlowDisabled = "device_flow_disabled";
    /// RFC 8628 section 3.5: the device code has expired.
    ExpiredToken = "expired_token";
    /// GitHub's `invalid_client`.
    IncorrectClientCredentials = "incorrect_client_credentials";
    /// GitHub: no such device code.
    IncorrectDeviceCode = "incorrect_device_code";
    /// RFC 9470 section 3.
    InsufficientUserAuthentication = "insufficient_user_authentication";
    /// OpenID Connect Core section 3.1.2.6.
    InteractionRequired = "interaction_required";
    /// RFC 6749 section 5.2: the client is not known or did not prove itself.
    InvalidClient = "invalid_client";
    /// RFC 9449 section 5: the proof of possession is not good.
    InvalidDpopProof = "invalid_dpop_proof";
    /// RFC 6749 section 5.2: the code or refresh token is spent, expired, revoked or another client's.
    InvalidGrant = "invalid_grant";
    /// RFC 6749 section 5.2.
    InvalidRequest = "invalid_request";
    /// RFC 6749 section 5.2.
    InvalidScope = "invalid_scope";
    /// RFC 6750 section 3.1.
    InvalidToken = "invalid_token";
    /// OpenID Connect Core section 3.1.2.6.
    LoginRequired = "login_required";
    /// GitHub's name for a redirect URI that is not registered.
    RedirectUriMismatch = "redirect_uri_mismatch";
    /// RFC 6749 section 4.1.2.1.
    ServerError = "server_error";
    /// RFC 8628 section 3.5: ask less often.
    SlowDown = "slow_down";
    /// RFC 6749 section 4.1.2.1.
    TemporarilyUnavailable = "temporarily_unavailable";
    /// RFC 6749 section 5.2.
    UnauthorizedClient = "unauthorized_client";
    /// OpenID Connect Core section 3.1.2.6 and OpenID Connect Unmet Authentication Requirements.
    UnmetAuthenticationRequirements = "unmet_authentication_requirements";
    /// RFC 6749 section 5.2.
    UnsupportedGrantType = "unsupported_grant_type";
    /// RFC 6749 section 4.1.2.1.
    UnsupportedResponseType = "unsupported_response_type";
    /// RFC 7009 section 2.2.1.
    UnsupportedTokenType = "unsupported_token_type";
    /// GitHub: the address of the person is not verified.
    UnverifiedUserEmail = "unverified_user_email";
    /// RFC 9449 section 8: the proof of possession must have a nonce.
    UseDpopNonce = "use_dpop_nonce";
}

impl ErrorCode {
    /// Whether it says that what the client holds is good no more, so that only a new sign-in helps. Never for
    /// anything that waiting or correcting the app's settings could mend.
    pub fn ends_session(&self) -> bool {
        matches!(
            self,
            Self::InvalidGrant
                | Self::BadRefreshToken
                | Self::InteractionRequired
                | Self::LoginRequired
                | Self::ConsentRequired
                | Self::AccountSelectionRequired
        )
    }

    /// Whether it is likely to pass by itself.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::ServerError | Self::TemporarilyUnavailable | Self::SlowDown
        )
    }

    /// What happened to the person. The provider's own words are added where they say more.
    pub(crate) fn message(&self, description: Option<&str>) -> String {
        let said = |sentence: &str| match description.filter(|words| !words.is_empty()) {
            Some(words) => format!("{sentence} It said: {words}"),
            None => sentence.to_owned(),
        };
        match self {
            Self::AccessDenied | Self::AuthorizationDeclined => {
                "You were not signed in: the request was declined on the provider's page.".to_owned()
            }
            Self::LoginRequired
            | Self::InteractionRequired
            | Self::AccountSelectionRequired
            | Self::ConsentRequired => {
                "You have to answer the provider in the browser before you can go on.".to_owned()
            }
            Self::ServerError | Self::TemporarilyUnavailable => {
                "You cannot sign in right now: the provider has trouble of its own.".to_owned()
            }
            Self::SlowDown => "You have to wait: the provider was asked too often.".to_owned(),
            Self::AuthorizationPending => "You have not finished on the other device yet.".to_owned(),
            Self::ExpiredToken => "You took longer than the code was good for.".to_owned(),
            Self::InvalidGrant
            | Self::BadRefreshToken
            | Self::BadVerificationCode
            | Self::IncorrectDeviceCode => {
                said("You need to sign in again: the provider no longer takes what this app holds for you.")
            }
            Self::InvalidClient | Self::IncorrectClientCredentials | Self::UnauthorizedClient => said(
                "You cannot sign in: the provider does not know this app by the client id that is set here.",
            ),
            Self::RedirectUriMismatch => said(
                "You cannot sign in: the provider does not send people back to the address this app asked for.",
            ),
            Self::InvalidScope => said(
                "You asked for a permission that the provider does not have or does not give to this app.",
            ),
            Self::DeviceFlowDisabled | Self::UnsupportedGrantType | Self::UnsupportedResponseType => {
                said("You cannot sign in this way: the provider does not allow it for this app.")
            }
            Self::InsufficientUserAuthentication | Self::UnmetAuthenticationRequirements => {
                said("You were not signed in strongly enough for what was asked.")
            }
            Self::UnverifiedUserEmail => {
                said("You were not signed in: the provider wants you to confirm your e-mail address first.")
            }
            Self::InvalidDpopProof | Self::UseDpopNonce => said(
                "You could not go on: the provider did not believe that this app has the key that your sign-in is bound to.",
            ),
            Self::InvalidRequest | Self::InvalidToken | Self::UnsupportedTokenType => {
                said("You could not go on: the provider did not accept the request.")
            }
            Self::Other(error) => said(&format!(
                "You could not go on: the provider refused with “{error}”."
            )),
        }
    }

    /// What the person can do next.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::AccessDenied | Self::AuthorizationDeclined => "Start again if you changed your mind.",
            Self::ServerError | Self::TemporarilyUnavailable | Self::SlowDown => {
                "Try again in a few minutes; nothing is lost."
            }
            Self::AuthorizationPending => "Type the code on the page that was shown, and confirm there.",
            Self::ExpiredToken | Self::IncorrectDeviceCode | Self::BadVerificationCode => {
                "Start again to get a new code."
            }
            Self::InvalidClient
            | Self::IncorrectClientCredentials
            | Self::UnauthorizedClient
            | Self::RedirectUriMismatch
            | Self::DeviceFlowDisabled
            | Self::UnsupportedGrantType
            | Self::UnsupportedResponseType => {
                "Compare the client id and the way back that are set here with what is registered at the provider."
            }
            Self::InvalidScope => "Ask for fewer permissions, or have them allowed at the provider.",
            Self::UnverifiedUserEmail => "Confirm your e-mail address at the provider, then sign in again.",
            Self::InvalidGrant
            | Self::BadRefreshToken
            | Self::LoginRequired
            | Self::InteractionRequired
            | Self::AccountSelectionRequired
            | Self::ConsentRequired
            | Self::InsufficientUserAuthentication
            | Self::UnmetAuthenticationRequirements => "Sign in again.",
            Self::InvalidDpopProof | Self::UseDpopNonce => {
                "Compare this computer's clock with the time, and try again; if it stays so, tell whoever runs the provider."
            }
            Self::InvalidRequest | Self::InvalidToken | Self::UnsupportedTokenType | Self::Other(_) => {
                "Try again; if it stays so, tell whoever runs the provider."
            }
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_new_sign_in_mends_ends_a_session() {
        let ending = ErrorCode::known().into_iter().filter(ErrorCode::ends_session);
        let names = ending.map(|code| code.to_string()).collect::<Vec<_>>();
        assert_eq!(
            names,
            [
                "account_selection_required",
                "bad_refresh_token",
                "consent_required",
                "interaction_required",
                "invalid_grant",
                "login_required",
            ]
        );
        assert!(!ErrorCode::parse("INVALID_GRANT").ends_session());
    }

    #[test]
    fn every_error_speaks_to_a_person() {
        for code in ErrorCode::known()
            .into_iter()
            .chain([ErrorCode::parse("odd_thing")])
        {
            assert_eq!(ErrorCode::parse(code.as_str()), code);
            assert!(code.message(None).starts_with("You "), "{code}");
            assert!(!code.hint().is_empty(), "{code}");
        }
        assert_eq!(ErrorCode::parse("a\nb\u{1b}").as_str(), "a b");
        assert!(ErrorCode::parse(&"x".repeat(10_000)).as_str().len() <= 60);
    }
}
