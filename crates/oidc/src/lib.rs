//! The OAuth 2 and OpenID Connect protocol of a native client. No IO and no clock of its own: requests are
//! values to be sent by someone else, responses are values to be judged, and the time is a parameter.

mod ids;
pub mod key_set;
pub mod message;
mod secret;

pub use ids::{AddressError, ClientId, Issuer, RedirectUri, Scopes, Subject, UnixTime, is_secure};
pub use secret::{
    AccessToken, AuthorizationCode, ClientSecret, DeviceCode, Nonce, PkceVerifier, RawIdToken, RefreshToken,
    State,
};
