//! docs/conformance.md, written from the rows and the requirements, and compared with what is in the tree.

mod faults;
mod proofs;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tessera_sandbox::log::Endpoint;

use self::proofs::Tests;
use crate::elsewhere::MODULES;
use crate::requirements::{FAMILIES, Family, Item, Met};
use crate::row::{Outcome, Row};
use crate::rows::{PLANS, Plan};

/// The variable that makes the suite write what it otherwise compares. `cargo xtask conformance` sets it.
const WRITE: &str = "TESSERA_WRITE_DOCUMENTS";

/// What the document begins with.
const BEGINNING: &str = "\
# Conformance

What the standards ask of a native client, case by case, and what Tessera does. The suite writes this page from its own
rows (`cargo xtask conformance`), and fails when the page is not what the rows say; nothing on it is written by hand.

Every row is played with the real client library over real HTTP against the sandbox, which does what the row says:
`cargo test --workspace --all-features --test conformance`. A row that is *taken* ends with an account whose token an API
accepts. A row that is *refused* ends with a stable code, a sentence and a hint; the provider's own log proves that nothing
was sent afterwards, no later step was taken on the way, and no endpoint was asked a second time unless the row says so;
nothing new is in the keychain, no account was added, and somebody else's account that was there before is still signed in.
Where the account in use *lives on* after a refusal, the API is called with it once the provider is well again. In no row,
taken or refused, is a code or a refresh token sent twice, and none goes where a fault leads it: that address is the
sandbox's own, and its log shows who came. Of every row that names a fault, the log shows that fault at work.
Names that begin with `oidcc-` and `fapi2-` are the OpenID Foundation's client modules; `tessera-` are our own.
";

/// What comes before the modules that have no row.
const ELSEWHERE: &str = "
## Modules that have no row

Modules that do not concern a public native client of the code flow. The OpenID Foundation has 57 client modules: each is
played above or stands here, and the suite fails when one is in neither place, or in both.

| module | why |
|---|---|
";

/// What comes before the requirements.
const REQUIREMENTS: &str = "
## Requirements

Where each requirement is met, and what proves it: first the rows above, then the tests elsewhere in the tree, after the
file that they are in. The ids of OWASP ASVS are its own; the others are this project's. The suite fails when a requirement
has no proof, when a test that is named is not in the tree or could be several, and when a row names a requirement that is
not here.
";

/// The root of the tree.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn written() -> String {
    let mut text = BEGINNING.to_owned();
    for plan in PLANS {
        section(&mut text, plan);
    }
    text.push_str(ELSEWHERE);
    for (module, why) in MODULES {
        writeln!(text, "| `oidcc-client-test{module}` | {why} |").unwrap();
    }
    text.push_str(REQUIREMENTS);
    let tests = Tests::in_the_tree();
    for family in FAMILIES {
        requirements(&mut text, family, &tests);
    }
    text
}

fn requirements(text: &mut String, family: &Family, tests: &Tests) {
    write!(text, "\n### {}\n\n", family.title).unwrap();
    text.push_str("| id | asks | section | met in | proven by |\n|---|---|---|---|---|\n");
    for item in family.items {
        let (place, proof) = match item.met {
            Met::At(place, _) => (format!("[{place}](../{place})"), proofs(item, tests)),
            Met::DoesNotApply(why) => ("does not apply".to_owned(), why.to_owned()),
        };
        let Item {
            id, asks, section, ..
        } = item;
        writeln!(text, "| {id} | {asks} | {section} | {place} | {proof} |").unwrap();
    }
}

/// The rows that name a requirement, and the rows and tests that it names.
fn proofs(item: &Item, tests: &Tests) -> String {
    let by_name = |name: &str| rows().any(|row| row.name == name);
    let (of_rows, of_tests): (Vec<&str>, Vec<&str>) = named(item).iter().partition(|name| by_name(name));
    let naming = rows().filter(|row| row.requirements.contains(&item.id));
    let all_rows: Vec<String> = naming
        .map(|row| row.name)
        .chain(of_rows)
        .map(|name| format!("`{name}`"))
        .collect();

    let mut by_file: Vec<(&str, Vec<String>)> = Vec::new();
    for name in of_tests {
        let found = tests.find(name).unwrap();
        let name = format!("`{}`", found.name);
        match by_file.iter_mut().find(|(file, _)| *file == found.file) {
            Some((_, names)) => names.push(name),
            None => by_file.push((found.file, vec![name])),
        }
    }
    let told = by_file
        .into_iter()
        .map(|(file, names)| format!("[{file}](../{file}): {}", names.join(", ")));
    let groups = (!all_rows.is_empty()).then(|| all_rows.join(", ")).into_iter();
    groups.chain(told).collect::<Vec<_>>().join("; ")
}

/// The rows and tests that a requirement names.
fn named(item: &Item) -> &'static [&'static str] {
    match item.met {
        Met::At(_, names) => names,
        Met::DoesNotApply(_) => &[],
    }
}

fn section(text: &mut String, plan: &Plan) {
    let Plan { title, about, rows } = plan;
    write!(text, "\n## {title}\n\n{about}\n\n").unwrap();
    text.push_str("| module | the provider | requirements | outcome |\n|---|---|---|---|\n");
    for row in rows() {
        writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            row.name,
            sentences(&row),
            row.requirements.join(", "),
            outcome(&row)
        )
        .unwrap();
    }
}

/// Everything that happens, in order.
fn sentences(row: &Row) -> String {
    let told = [row.setting.words(), row.before, &row.provider.sentence()].map(str::to_owned);
    let told: Vec<String> = told.into_iter().filter(|words| !words.is_empty()).collect();
    told.join(" ")
}

fn outcome(row: &Row) -> String {
    let outcome = match row.outcome {
        Outcome::Accept => "taken".to_owned(),
        Outcome::SignedOut { but: None } => "signed out".to_owned(),
        Outcome::SignedOut { but: Some(code) } => format!("signed out; the return is refused: `{code}`"),
        Outcome::Refuse { code, last } => format!("refused: `{code}`; {}", last.words()),
        Outcome::WaitOn { code } => format!("not taken for the answer: `{code}`; goes on waiting for it"),
    };
    let and = (!row.and.is_empty()).then(|| row.and.to_owned());
    let asks = row.asks.iter().map(|(endpoint, times)| {
        let times = match times {
            2 => "twice".to_owned(),
            more => format!("{more} times"),
        };
        format!("{} {times}", asked(*endpoint))
    });
    let lives_on = row.lives_on.then(|| "the account lives on".to_owned());
    let told: Vec<String> = std::iter::once(outcome)
        .chain(and)
        .chain(asks)
        .chain(lives_on)
        .collect();
    told.join("; ")
}

/// What is asked for where a row says how often.
fn asked(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Discovery => "asks for the discovery document",
        Endpoint::Authorization => "opens the browser",
        Endpoint::Token => "asks for tokens",
        Endpoint::KeySet => "asks for the key set",
        Endpoint::Userinfo => "asks for the profile",
        Endpoint::Api => "calls the API",
        other => panic!("{other:?} has no words"),
    }
}

/// Writes a document, or compares it with what is in the tree.
fn up_to_date(file: &str, fresh: &str) {
    let path: PathBuf = root().join(file);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, fresh).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = fresh
        .lines()
        .zip(kept.lines())
        .find(|(fresh, kept)| fresh != kept);
    assert!(
        fresh == kept,
        "{file} is not what the suite would write; run `cargo xtask conformance`. First difference: {differs:#?}"
    );
}

#[test]
fn the_document_is_what_the_rows_say() {
    up_to_date("docs/conformance.md", &written());
}

#[test]
fn every_requirement_is_proven_and_every_proof_is_there() {
    let tests = Tests::in_the_tree();
    let rows: Vec<Row> = rows().collect();
    let mut problems = Vec::new();
    for item in FAMILIES.iter().flat_map(|family| family.items) {
        let Met::At(place, names) = item.met else { continue };
        if !root().join(place).exists() {
            problems.push(format!("{}: there is no {place}", item.id));
        }
        if names.is_empty() && rows.iter().all(|row| !row.requirements.contains(&item.id)) {
            problems.push(format!("{}: nothing proves it", item.id));
        }
        let no_rows = names
            .iter()
            .filter(|name| rows.iter().all(|row| row.name != **name));
        let missing = no_rows.filter_map(|name| tests.find(name).err());
        problems.extend(missing.map(|problem| format!("{}: {problem}", item.id)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_requirement_that_a_row_names_is_listed_once() {
    let mut ids: Vec<&str> = FAMILIES
        .iter()
        .flat_map(|family| family.items)
        .map(|item| item.id)
        .collect();
    for row in rows() {
        for id in row.requirements {
            assert!(ids.contains(id), "{}: {id} is not listed", row.name);
        }
        assert!(!row.requirements.is_empty(), "{} proves nothing", row.name);
    }
    ids.sort_unstable();
    assert!(
        ids.windows(2).all(|pair| pair[0] != pair[1]),
        "an id is listed twice"
    );
}

#[test]
fn every_row_has_a_name_of_its_own() {
    let mut names: Vec<&str> = rows().map(|row| row.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

fn rows() -> impl Iterator<Item = Row> {
    PLANS.iter().flat_map(|plan| (plan.rows)())
}
