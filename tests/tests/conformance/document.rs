//! docs/conformance.md, written from the rows and the requirements, and compared with what is in the tree.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

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
was sent afterwards, nothing new is in the keychain, no account was added, and an account that was there before is still
signed in. Names that begin with `oidcc-` and `fapi2-` are the OpenID Foundation's client modules; `tessera-` are our own.
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
    text
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
            row.provider.sentence(),
            row.requirements.join(", "),
            outcome(&row)
        )
        .unwrap();
    }
}

fn outcome(row: &Row) -> String {
    match row.outcome {
        Outcome::Accept => "taken".to_owned(),
        Outcome::Refuse { code, last } => format!("refused: `{code}`; {}", last.words()),
        Outcome::WaitOn { code } => format!("not taken for the answer: `{code}`; goes on waiting for it"),
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
