//! Request parameters as OAuth reads them: each at most once, and an empty one counts as absent
//! (RFC 6749 sections 3.1 and 3.2).

use url::form_urlencoded;

/// The parameters of one request, in order.
#[derive(Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query or an `application/x-www-form-urlencoded` body.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The value; `None` when absent, empty, or given more than once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(own, _)| own == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// Every value of a parameter that may come several times (a page's check boxes).
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every name, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The first name that is given more than once.
    pub(crate) fn repeated(&self) -> Option<&str> {
        self.0.iter().enumerate().find_map(|(index, (name, _))| {
            self.0[..index]
                .iter()
                .any(|(earlier, _)| earlier == name)
                .then_some(name.as_str())
        })
    }
}

impl std::fmt::Debug for Parameters {
    /// Names only: values may be codes, tokens and passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_counts_once_and_filled() {
        let check = |text: &str, expected: Option<&str>, repeated: Option<&str>| {
            let parameters = Parameters::parse(text.as_bytes());
            assert_eq!(parameters.get("a"), expected, "{text}");
            assert_eq!(parameters.repeated(), repeated, "{text}");
        };
        check("a=1", Some("1"), None);
        check("a=", None, None);
        check("b=1", None, None);
        check("a=1&a=1", None, Some("a"));
        check("a=1&b=2&b=2", Some("1"), Some("b"));
        check("a=x+y%2Fz", Some("x y/z"), None);
    }
}
