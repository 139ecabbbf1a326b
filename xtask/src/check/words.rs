//! Words that have no place in the repository: marks of unfinished work, tests that are switched off, paths of
//! somebody's machine, and imports from where only one folder may import.

use anyhow::Result;

use super::none_found;
use crate::tree;

/// What must not be found, where, and why.
struct Rule {
    word: String,
    /// Whether the rule is for this file.
    in_file: fn(&str) -> bool,
    why: &'static str,
}

/// Looks through every tracked text file.
pub(crate) fn check() -> Result<()> {
    let rules = rules();
    let mut found = Vec::new();
    for file in tree::files()?.iter().filter(|file| !generated(file)) {
        let rules: Vec<&Rule> = rules.iter().filter(|rule| (rule.in_file)(file)).collect();
        let Some(text) = tree::text(file)? else { continue };
        for (number, line) in text.lines().enumerate() {
            for rule in rules.iter().filter(|rule| line.contains(&rule.word)) {
                found.push(format!("{file}:{}: `{}`: {}", number + 1, rule.word, rule.why));
            }
        }
    }
    none_found(&found, "places to mend")
}

/// This file names every word; lock files name whatever others called their packages.
fn generated(file: &str) -> bool {
    file == "xtask/src/check/words.rs" || file.ends_with("Cargo.lock") || file.ends_with("package-lock.json")
}

fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut rule = |word: &str, in_file, why| {
        rules.push(Rule {
            word: word.to_owned(),
            in_file,
            why,
        });
    };

    for word in ["FIXME", "TODO"] {
        rule(word, source, "finish it, or write down in an issue what is left");
    }
    for word in ["#[ignore", "#[should_panic"] {
        rule(word, rust, "a test runs, and says what it expects");
    }
    for word in [
        "it.skip(",
        "test.skip(",
        "describe.skip(",
        "it.only(",
        "test.only(",
        "describe.only(",
        "it.todo(",
    ] {
        rule(word, script, "a test runs, and with all the others");
    }
    for word in ["@ts-ignore", "@ts-nocheck", "@ts-expect-error"] {
        rule(word, script, "give it its type");
    }
    rule(
        "@tauri-apps/",
        ui_outside_host,
        "only ui/src/host/ talks to the shell",
    );
    rule("allow(clippy::all", rust, "name the lint, and say why");
    for word in ["<<<<<<< ", ">>>>>>> "] {
        rule(word, anything, "a merge was left half done");
    }
    let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
    for folder in [Some(tree::root().to_owned()), home].into_iter().flatten() {
        // The root of the file system, and a folder in it, are parts of many a path that is not meant.
        if folder.components().count() > 2 {
            rule(
                &(folder.to_string_lossy().into_owned() + "/"),
                anything,
                "a path of this machine",
            );
        }
    }
    rules
}

fn anything(_: &str) -> bool {
    true
}

fn rust(file: &str) -> bool {
    extension(file) == "rs"
}

fn script(file: &str) -> bool {
    matches!(extension(file), "ts" | "js" | "mjs" | "svelte")
}

fn source(file: &str) -> bool {
    rust(file) || script(file) || matches!(extension(file), "css" | "html" | "toml" | "sh")
}

fn ui_outside_host(file: &str) -> bool {
    file.starts_with("ui/src/") && !file.starts_with("ui/src/host/")
}

fn extension(file: &str) -> &str {
    file.rsplit_once('.').map_or("", |(_, extension)| extension)
}
