//! Where the tests are that requirements and faults name.

use std::collections::BTreeMap;
use std::path::Path;

use super::root;

/// The test functions of the workspace.
pub(super) struct Tests {
    /// The files that have a test of a name, and its text. One that has two is there twice.
    files: BTreeMap<String, Vec<(String, String)>>,
}

/// A test that somebody named.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// Its file, from the root of the tree.
    pub(super) file: &'a str,
    pub(super) name: &'a str,
    /// From its name to the next test.
    pub(super) text: &'a str,
}

impl Tests {
    /// All that there are.
    pub(super) fn in_the_tree() -> Self {
        let mut found = Self {
            files: BTreeMap::new(),
        };
        for folder in ["crates", "src-tauri", "tests", "xtask"] {
            found.look_in(folder);
        }
        found
    }

    /// The test of this name; or, where several files have one, of this `file::name`.
    pub(super) fn find<'a>(&'a self, named: &'a str) -> Result<Found<'a>, String> {
        let (file, name) = match named.rsplit_once("::") {
            Some((file, name)) => (Some(file), name),
            None => (None, named),
        };
        let all = self.files.get(name).into_iter().flatten();
        let fitting: Vec<&(String, String)> = all
            .filter(|(own, _)| file.is_none_or(|file| file == own))
            .collect();
        match fitting[..] {
            [] => Err(format!("there is no test {named}")),
            [(file, text)] => Ok(Found { file, name, text }),
            [..] => Err(format!(
                "{named} is not one test; name it as file::name: {}",
                fitting
                    .iter()
                    .map(|(file, _)| file.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }

    fn look_in(&mut self, folder: &str) {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let place = format!("{folder}/{name}");
            // What was built or installed there is nobody's test.
            let is_source = name != "target" && name != "node_modules";
            if entry.path().is_dir() && is_source {
                self.look_in(&place);
            } else if Path::new(&name).extension().is_some_and(|end| end == "rs") {
                self.add(&place, &std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }

    fn add(&mut self, file: &str, source: &str) {
        for (name, text) in tests_in(source) {
            self.files.entry(name).or_default().push((file.to_owned(), text));
        }
    }
}

/// The functions that stand under an attribute of tests, also those in `proptest!`: their names and their texts.
fn tests_in(source: &str) -> Vec<(String, String)> {
    let mut tests: Vec<(String, String)> = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if let Some((_, text)) = tests.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && !line.starts_with("#[") && !line.starts_with("//") {
            is_test = false;
            let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            tests.extend(name.map(|(name, _)| (name.to_owned(), String::new())));
        }
    }
    tests
}

#[test]
fn a_name_alone_is_enough_for_one_test_only() {
    let mut tests = Tests {
        files: BTreeMap::new(),
    };
    let attribute = "#[test]\n";
    tests.add("a.rs", &format!("{attribute}fn one() {{"));
    tests.add("b.rs", &format!("{attribute}fn both() {{"));
    tests.add("c.rs", &format!("{attribute}fn both() {{"));
    let check = |named, expected: Option<(&str, &str)>| {
        let found = tests.find(named).ok().map(|found| (found.file, found.name));
        assert_eq!(found, expected, "{named}");
    };
    check("one", Some(("a.rs", "one")));
    check("a.rs::one", Some(("a.rs", "one")));
    check("b.rs::one", None);
    check("none", None);
    check("both", None);
    check("c.rs::both", Some(("c.rs", "both")));
    check("both::both", None);
}
