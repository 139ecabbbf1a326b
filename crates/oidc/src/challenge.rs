//! Challenges of `WWW-Authenticate` (RFC 9110 section 11.6.1), in which a resource server says what it wants: several in
//! a field, each a scheme with its parameters, all of them separated by commas.

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Reads a field. What cannot be understood is passed over: a server's oddity in one challenge takes nothing from
    /// the others.
    pub fn parse_all(field: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut rest = field;
        loop {
            let gap = rest.len() - rest.trim_start_matches([' ', '\t', ',']).len();
            let after_comma = rest[..gap].contains(',');
            rest = &rest[gap..];
            if rest.is_empty() {
                return found;
            }
            let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
            if end == 0 {
                // A value without a name.
                rest = value(rest.strip_prefix('=').unwrap_or(rest)).1;
                continue;
            }
            let (word, after) = rest.split_at(end);
            rest = after;
            if let Some(text) = after.trim_start_matches([' ', '\t']).strip_prefix('=') {
                let (text, after) = value(text.trim_start_matches([' ', '\t']));
                if let Some(challenge) = found.last_mut() {
                    challenge.parameters.push((word.to_ascii_lowercase(), text));
                }
                rest = after;
            } else if after_comma || found.last().is_none_or(|last| !last.parameters.is_empty()) {
                found.push(Self {
                    scheme: word.to_owned(),
                    parameters: Vec::new(),
                });
            }
            // Otherwise it is what some schemes have in place of parameters (`token68`).
        }
    }

    /// Whether it is of this scheme, whose name has no case.
    pub fn is_of(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of a parameter, by its name in lower case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A parameter's value, quoted or not, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '"' => return (value, &quoted[index + 1..]),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(field: &str) -> Vec<(String, Vec<(String, String)>)> {
        let challenges = Challenge::parse_all(field);
        challenges
            .into_iter()
            .map(|one| (one.scheme, one.parameters))
            .collect()
    }

    #[test]
    fn a_field_may_hold_several_challenges_and_commas_in_quotes() {
        let check = |field: &str, expected: &[(&str, &[(&str, &str)])]| {
            let expected: Vec<_> = expected
                .iter()
                .map(|(scheme, parameters)| {
                    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
                    ((*scheme).to_owned(), parameters.iter().map(owned).collect())
                })
                .collect();
            assert_eq!(read(field), expected, "{field}");
        };
        check("", &[]);
        check("Bearer", &[("Bearer", &[])]);
        check(
            r#"Bearer error="invalid_token""#,
            &[("Bearer", &[("error", "invalid_token")])],
        );
        check(
            r#"DPoP error_description="a nonce, as announced", error="use_dpop_nonce""#,
            &[(
                "DPoP",
                &[
                    ("error_description", "a nonce, as announced"),
                    ("error", "use_dpop_nonce"),
                ],
            )],
        );
        check(
            r#"Negotiate, Bearer error="insufficient_scope", scope="a b""#,
            &[
                ("Negotiate", &[]),
                ("Bearer", &[("error", "insufficient_scope"), ("scope", "a b")]),
            ],
        );
        check(
            r#"DPoP algs="ES256", Bearer error="insufficient_user_authentication", max_age=5"#,
            &[
                ("DPoP", &[("algs", "ES256")]),
                (
                    "Bearer",
                    &[("error", "insufficient_user_authentication"), ("max_age", "5")],
                ),
            ],
        );
        check(
            r#"Negotiate YII=, Basic realm = "x\"y" ,, Bearer"#,
            &[
                ("Negotiate", &[("yii", "")]),
                ("Basic", &[("realm", "x\"y")]),
                ("Bearer", &[]),
            ],
        );
        check(
            "Negotiate abc, Bearer a=b",
            &[("Negotiate", &[]), ("Bearer", &[("a", "b")])],
        );
        check(
            r#"Bearer Error=a ERROR_x="never ends"#,
            &[("Bearer", &[("error", "a"), ("error_x", "never ends")])],
        );
        check(r#"="x", Bearer a=b"#, &[("Bearer", &[("a", "b")])]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(field in ".{0,200}") {
            Challenge::parse_all(&field);
        }

        #[test]
        fn what_is_quoted_comes_back(value in "[^\"\\\\]{0,40}") {
            let field = format!("Basic realm=\"x, y\", Bearer scope=\"{value}\", error=\"e\"");
            let challenges = Challenge::parse_all(&field);
            prop_assert_eq!(challenges.len(), 2);
            prop_assert_eq!(challenges[1].parameter("scope"), Some(value.as_str()));
            prop_assert_eq!(challenges[1].parameter("error"), Some("e"));
        }
    }
}
