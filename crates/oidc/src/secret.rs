//! Values that must never be shown: what a person or a log could misuse if it leaked.
//!
//! Every type here prints `[redacted]` when debugged, has no `Display`, `Deref` or `Serialize`, compares in
//! constant time and is wiped from memory when dropped. `expose` is the one way to read it, so that every
//! place a secret leaves its wrapper can be found by searching for one word.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

macro_rules! secrets {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        $(
            $(#[$meta])*
            #[derive(Clone)]
            pub struct $name(Zeroizing<String>);

            impl $name {
                /// Wraps a value that came from a provider, the keychain or a random generator.
                pub fn new(value: impl Into<String>) -> Self {
                    Self(Zeroizing::new(value.into()))
                }

                /// The value itself. Only for sending it to its provider or storing it in the keychain.
                pub fn expose(&self) -> &str {
                    &self.0
                }

                /// The start of its SHA-256 as 32 hexadecimal digits: enough to know it again without keeping it,
                /// and of no use for anything else.
                pub fn fingerprint(&self) -> String {
                    let digest = Sha256::digest(self.0.as_bytes());
                    digest
                        .iter()
                        .take(16)
                        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
                }
            }

            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(concat!(stringify!($name), "([redacted])"))
                }
            }

            impl PartialEq for $name {
                fn eq(&self, other: &Self) -> bool {
                    self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
                }
            }

            impl Eq for $name {}
        )*

        /// Formats one of each secret around `value`, for the test that looks for leaks.
        #[cfg(test)]
        fn formatted(value: &str) -> Vec<(&'static str, String)> {
            vec![$((stringify!($name), format!("{0:?} {0:#?}", $name::new(value)))),*]
        }
    };
}

secrets! {
    /// What a client presents to call a protected API (RFC 6749 section 1.4).
    AccessToken;
    /// The one-use code that the authorization server sends by way of the browser (RFC 6749 section 4.1.2).
    AuthorizationCode;
    /// A native client's secret. It proves nothing about the app (RFC 8252 section 8.5), yet is not shown.
    ClientSecret;
    /// The code a device polls with (RFC 8628 section 3.2). Not the code the person types.
    DeviceCode;
    /// An ID token as it came, before or after its checks. It names the person, and serves as a hint at logout.
    RawIdToken;
    /// Ties an ID token to the authorization request it answers (OpenID Connect Core section 3.1.2.1).
    Nonce;
    /// The secret half of PKCE (RFC 7636 section 4.1).
    PkceVerifier;
    /// What a client presents to get the next access token (RFC 6749 section 1.5).
    RefreshToken;
    /// Ties a callback to the authorization request it answers (RFC 6749 section 10.12). Whoever knows it
    /// could forge a callback, so it is kept like a secret for as long as the attempt lives.
    State;
}

#[cfg(test)]
mod tests;
