//! `tessera doctor`: what the check-up found, line by line.

use serde::Serialize;
use tessera_client::{Client, Error, Finding, ProviderId, Repair, Standing};

use crate::Failure;
use crate::hints::About;
use crate::output::{ErrorRow, Output, row};

/// Below what the first line says of a finding.
const INDENT: &str = "                            ";

#[derive(Serialize)]
struct FindingRow<'a> {
    check: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'a str>,
    outcome: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<RepairRow>,
}

#[derive(Serialize)]
struct RepairRow {
    id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

/// Tries everything and tells all of it. What is tolerated is no failure.
pub(crate) async fn doctor(client: &Client, output: Output, about: &About) -> Result<(), Failure> {
    let findings = client.check_up().await;
    for finding in &findings {
        if output.is_json() {
            row(&FindingRow {
                check: finding.check,
                about: finding.about.as_ref().map(ProviderId::as_str),
                outcome: finding.standing.as_str(),
                message: &finding.sentence,
                error: finding
                    .problem
                    .as_ref()
                    .map(|problem| ErrorRow::of(problem, about)),
                detail: finding.problem.as_ref().and_then(Error::detail),
                repair: finding.repair.as_ref().map(|repair| RepairRow {
                    id: repair.id(),
                    command: command(repair),
                }),
            });
        } else {
            told(finding, output, about);
        }
    }
    let mut findings = findings.into_iter();
    let failed = |finding: Finding| finding.problem.filter(|_| finding.standing == Standing::Failed);
    match findings.find_map(failed) {
        None => Ok(()),
        Some(problem) => Err(Failure::Told(problem.category())),
    }
}

fn told(finding: &Finding, output: Output, about: &About) {
    output.line(&format!(
        "{:9}  {:15}  {}",
        finding.standing.as_str(),
        finding.check,
        finding.sentence
    ));
    if let Some(problem) = &finding.problem {
        output.line(&format!("{INDENT}{} [{}]", about.hint(problem), problem.code()));
        if let Some(detail) = problem.detail() {
            output.line(&format!("{INDENT}({detail})"));
        }
    }
    if let Some(command) = finding.repair.as_ref().and_then(command) {
        output.line(&format!("{INDENT}$ {command}"));
    }
}

/// What a person can type. The rest is done in the window, or by what the hint says.
fn command(repair: &Repair) -> Option<String> {
    match repair {
        Repair::Command(command) => Some(command.clone()),
        Repair::RegisterScheme | Repair::UnlockKeychain | Repair::ProviderSettings(_) => None,
    }
}
