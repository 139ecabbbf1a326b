//! Proof of possession (RFC 9449).

use serde_json::json;

use super::{Named, row};
use crate::faults::{Change, Document, Fault};
use crate::options::Dpop;

#[rustfmt::skip]
pub(super) fn rows() -> Vec<Named> {
    let bearer = Fault::Json { document: Document::TokenResponse, change: Change::Set("token_type", json!("Bearer")) };
    let odd = Fault::Json { document: Document::TokenResponse, change: Change::Set("token_type", json!("dPoP")) };
    vec![
        row("dpop-offered", Fault::Dpop(Dpop::Offered), "The provider binds tokens to a key when a proof of it comes along, and says so."),
        row("dpop-nonces", Fault::Dpop(Dpop::WithNonces), "The provider binds tokens to a key, and wants its own nonce in every proof."),
        row("dpop-downgrade", bearer, "The token response says `Bearer`, whatever was asked for."),
        row("dpop-odd-case", odd, "The token response spells the token's type `dPoP`."),
        row("dpop-ever-new-nonces", Fault::EverNewNonces { api: false }, "The provider wants another nonce after every proof."),
        row("api-dpop-ever-new-nonces", Fault::EverNewNonces { api: true }, "The protected API wants another nonce after every proof."),
    ]
}
