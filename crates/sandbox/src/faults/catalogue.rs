//! The faults by name, as `POST /faults` takes them. docs/sandbox-faults.md is written from here.

mod callback;
mod documents;
mod dpop;
mod http;
mod pushed;
mod signatures;

use super::Fault;

/// A row of the catalogue.
#[derive(Clone, Debug)]
pub struct Named {
    /// Stable name.
    pub name: &'static str,
    /// What goes wrong, as a plain sentence.
    pub says: &'static str,
    /// What goes wrong, as the sandbox does it.
    pub fault: Fault,
}

/// Every fault that can be asked for by name.
pub fn catalogue() -> Vec<Named> {
    let mut rows = http::rows();
    rows.extend(documents::rows());
    rows.extend(signatures::rows());
    rows.extend(callback::rows());
    rows.extend(pushed::rows());
    rows.extend(dpop::rows());
    rows
}

fn row(name: &'static str, fault: Fault, says: &'static str) -> Named {
    Named { name, says, fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_says_what_goes_wrong() {
        let mut names: Vec<&str> = catalogue().iter().map(|row| row.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for row in catalogue() {
            let sentence = row.says.ends_with('.') && row.says.starts_with(char::is_uppercase);
            assert!(sentence, "{}: {}", row.name, row.says);
        }
    }
}
