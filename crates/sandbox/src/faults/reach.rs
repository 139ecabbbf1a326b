//! Where a fault can show, so that a rule which never could is refused instead of waiting in vain.

use super::{Document, Fault, Rule};
use crate::clients::Dialect;
use crate::log::Endpoint;
use crate::options::PushedRequests;
use crate::serve::{Server, place};

impl Fault {
    /// The endpoints at which it shows.
    fn endpoints(&self) -> &[Endpoint] {
        use Endpoint as At;
        match self {
            Self::Http { endpoint, .. } => std::slice::from_ref(endpoint),
            Self::Json { document, .. } => match document {
                Document::Discovery => &[At::Discovery],
                Document::IdToken
                | Document::IdTokenHeader
                | Document::AccessToken
                | Document::TokenResponse => &[At::Token],
                Document::PushedResponse => &[At::PushedAuthorization],
                Document::DeviceResponse => &[At::DeviceAuthorization],
                Document::Userinfo => &[At::Userinfo],
            },
            Self::Signature(_) | Self::Refuse(_) | Self::RefuseWithOk(_) => &[At::Token],
            Self::KeySet(_) => &[At::KeySet],
            Self::SignedUserinfo { .. } => &[At::Userinfo],
            Self::PushedRequests(PushedRequests::Required) => &[At::Discovery, At::Authorization],
            Self::PushedRequests(_) => &[At::Discovery],
            Self::Dpop(_) => &[
                At::Discovery,
                At::PushedAuthorization,
                At::Token,
                At::Userinfo,
                At::Api,
            ],
            Self::EverNewNonces { api: true } => &[At::Api],
            Self::EverNewNonces { api: false } => &[At::PushedAuthorization, At::Token, At::Userinfo],
            Self::PushedRequestExpired => &[At::Authorization],
            Self::ExactLoopbackPort => &[At::Authorization, At::PushedAuthorization],
            Self::BasicAsItStands => &[At::Token, At::PushedAuthorization, At::Revocation],
            Self::Callback(_) | Self::CallbackInFragment => &[At::Authorization, At::Page],
            Self::SignOutReturn(_) => &[At::EndSession],
        }
    }

    /// Whether only the standard dialect has what goes wrong.
    fn is_standard_only(&self) -> bool {
        matches!(
            self,
            Self::PushedRequests(_)
                | Self::Dpop(_)
                | Self::EverNewNonces { .. }
                | Self::PushedRequestExpired
                | Self::ExactLoopbackPort
                | Self::BasicAsItStands
                | Self::SignOutReturn(_)
                | Self::Json {
                    document: Document::DeviceResponse,
                    ..
                }
        )
    }
}

impl Rule {
    /// Whether there is a request that it could show in. What a client asks without saying who it is, such as for the
    /// discovery document, is nobody's.
    pub(crate) fn can_show(&self) -> bool {
        let names_nobody = |at: &Endpoint| matches!(at, Endpoint::Discovery | Endpoint::KeySet);
        let dialect_fits = !self.fault.is_standard_only() || self.dialect.is_none_or(is_standard);
        let at_an_endpoint = self.fault.endpoints().iter().any(|at| {
            (self.client.is_none() || !names_nobody(at))
                && (self.grant_type.is_none() || *at == Endpoint::Token)
                && self.path.as_deref().is_none_or(|path| {
                    let server = if *at == Endpoint::Api {
                        Server::Api
                    } else {
                        Server::Provider
                    };
                    let (dialect, endpoint) = place(server, path);
                    endpoint == *at
                        && self.dialect.is_none_or(|wanted| wanted == dialect)
                        && (!self.fault.is_standard_only() || is_standard(dialect))
                })
        });
        self.times != Some(0) && dialect_fits && at_an_endpoint
    }
}

fn is_standard(dialect: Dialect) -> bool {
    dialect == Dialect::Standard
}
