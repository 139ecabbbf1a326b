//! GitHub's manner, under `/github`.

/// What its scopes mean to a person.
pub(crate) const SCOPES: [(&str, &str); 0] = [];
