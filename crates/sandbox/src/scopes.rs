//! Scope lists (RFC 6749 section 3.3) in the order they were asked for, without repeats.

use std::fmt;

/// What was asked for, or what was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    /// Splits a list at spaces.
    pub(crate) fn parse(text: &str) -> Self {
        Self::from_tokens(text.split(' '))
    }

    /// Collects tokens; empty and repeated ones are dropped.
    pub(crate) fn from_tokens<T: Into<String>>(tokens: impl IntoIterator<Item = T>) -> Self {
        let mut list: Vec<String> = Vec::new();
        for token in tokens {
            let token = token.into();
            if !token.is_empty() && !list.contains(&token) {
                list.push(token);
            }
        }
        Self(list)
    }

    /// Whether `scope` is in the list.
    pub(crate) fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own == scope)
    }

    /// Whether everything in `other` is in the list too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        other.iter().all(|scope| self.contains(scope))
    }

    /// The tokens in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those for which `keep` says yes.
    pub(crate) fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|scope| keep(scope)).cloned().collect())
    }

    /// This list and then what only `other` has.
    pub(crate) fn union(&self, other: &Self) -> Self {
        Self::from_tokens(self.0.iter().chain(&other.0).cloned())
    }

    /// One text with `separator` between the tokens.
    pub(crate) fn join(&self, separator: &str) -> String {
        self.0.join(separator)
    }
}

impl fmt::Display for Scopes {
    /// The space-delimited list.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join(" "))
    }
}
