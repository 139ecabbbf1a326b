//! The rows, by the plans that they belong to.

mod basic;
mod callback;
mod config;
mod device;
mod discovery;
mod fapi2;
mod id_token;
mod logout;
mod other;
mod possession;
mod pushed;
mod refresh;
mod step_up;
mod tokens;

use crate::row::Row;

/// A group of rows.
pub(crate) struct Plan {
    /// Its heading in the document.
    pub(crate) title: &'static str,
    /// Where its names come from.
    pub(crate) about: &'static str,
    pub(crate) rows: fn() -> Vec<Row>,
}

/// All of them.
pub(crate) const PLANS: &[Plan] = &[
    basic::PLAN,
    config::PLAN,
    refresh::PLAN,
    logout::PLAN,
    other::PLAN,
    fapi2::PLAN,
    discovery::PLAN,
    callback::PLAN,
    tokens::PLAN,
    id_token::PLAN,
    pushed::PLAN,
    possession::PLAN,
    device::PLAN,
    step_up::PLAN,
];
