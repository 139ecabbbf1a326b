//! Who can sign in here.

/// A person with an account at the sandbox.
#[derive(Clone)]
pub struct Person {
    /// What they type into the user name field.
    pub username: String,
    /// What they type into the password field. The default people have published ones.
    pub password: String,
    /// The issuer's name for them (`sub`), never reassigned.
    pub subject: String,
    /// GitHub's name for them: a number.
    pub number: u64,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Their address; counts as verified.
    pub email: String,
}

impl Person {
    /// Someone whose password is their user name. `number` tells people apart and makes the subject.
    pub fn new(username: &str, given_name: &str, family_name: &str, number: u64) -> Self {
        Self {
            username: username.to_owned(),
            password: username.to_owned(),
            subject: format!("person-{number}"),
            number,
            given_name: given_name.to_owned(),
            family_name: family_name.to_owned(),
            email: format!("{username}@example.test"),
        }
    }

    /// Ann Archer and Bob Baker.
    pub fn defaults() -> Vec<Self> {
        vec![
            Self::new("ann", "Ann", "Archer", 1001),
            Self::new("bob", "Bob", "Baker", 1002),
        ]
    }

    /// Both names.
    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// A portrait: a disc with the initials, in a colour of their own.
    pub fn portrait(&self) -> String {
        let initials: String = [&self.given_name, &self.family_name]
            .iter()
            .filter_map(|name| name.chars().find(|c| c.is_alphabetic()))
            .collect();
        let hue = self.number.wrapping_mul(47) % 360;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 96 96\" width=\"96\" height=\"96\">\
             <rect width=\"96\" height=\"96\" fill=\"hsl({hue} 45% 38%)\"/>\
             <text x=\"48\" y=\"48\" dy=\".35em\" text-anchor=\"middle\" fill=\"#fff\" \
             font-family=\"system-ui, sans-serif\" font-size=\"38\" font-weight=\"600\">{initials}</text></svg>"
        )
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({} {})", self.username, self.subject)
    }
}
