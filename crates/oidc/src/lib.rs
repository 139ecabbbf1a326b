//! The OAuth 2 and OpenID Connect protocol of a native client. No IO and no clock of its own: requests are
//! values to be sent by someone else, responses are values to be judged, and time and randomness are
//! parameters.
//!
//! One way through: [`discovery`] → [`authorize::begin`] → the browser → [`callback::Callback::validate`] →
//! [`token::code_request`] → [`id_token::verify`] → [`Identity`]. Every check on the way leaves a verdict
//! ([`checks`]), and every refusal explains itself ([`Explain`]).

pub mod authorize;
pub mod callback;
mod challenge;
pub mod checks;
pub mod device;
pub mod discovery;
pub mod dpop;
mod error_code;
mod explain;
pub mod id_token;
mod identity;
mod ids;
mod issuer_policy;
mod json;
pub mod key_set;
pub mod logout;
pub mod message;
pub mod par;
pub mod revocation;
mod secret;
#[cfg(test)]
mod testing;
pub mod text;
pub mod token;
pub mod userinfo;

pub use challenge::Challenge;
pub use error_code::ErrorCode;
pub use explain::Explain;
pub use identity::{Claims, Identity, PreviousIdToken};
pub use ids::{AddressError, ClientId, Issuer, RedirectUri, Scopes, Subject, UnixTime, is_secure};
pub use issuer_policy::IssuerPolicy;
pub use secret::{
    AccessToken, AuthorizationCode, ClientSecret, DeviceCode, Nonce, PkceVerifier, RawIdToken, RefreshToken,
    State,
};
