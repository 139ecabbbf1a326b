//! Flows for the window: the client's trace as views, and the report that a person can save of one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tessera_client::{
    Client, Field, FieldValue, FlowId, FlowKind, FlowOutcome, MessageId, Party, Report, Step, TraceEvent,
};
use tokio::io::AsyncWriteExt as _;

use crate::view;
use crate::wire::{
    ErrorView, FlowEventView, FlowFieldView, FlowKindView, FlowOutcomeView, FlowStepView, PartyView,
    SavedReport,
};

/// A step of a flow, as the window draws it.
pub(crate) fn event(client: &Client, event: TraceEvent) -> FlowEventView {
    let provider = event.provider.map(|id| {
        client
            .provider(&id)
            .map_or_else(|_| id.to_string(), |provider| provider.name)
    });
    FlowEventView {
        sequence: event.sequence,
        at_millis: event.at_millis,
        flow: event.flow.0,
        kind: match event.kind {
            FlowKind::SignIn => FlowKindView::SignIn,
            FlowKind::Refresh => FlowKindView::Refresh,
            FlowKind::Call => FlowKindView::Call,
            FlowKind::SignOut => FlowKindView::SignOut,
        },
        provider,
        account: event.account.map(|id| id.to_string()),
        step: step(event.step),
    }
}

fn step(step: Step) -> FlowStepView {
    match step {
        Step::Message {
            from,
            to,
            message,
            fields,
        } => message_view(from, to, message, fields),
        Step::Checks(verdicts) => FlowStepView::Checks {
            checks: verdicts.iter().map(view::check).collect(),
        },
        Step::Decision { code, sentence } => FlowStepView::Decision {
            code: code.to_owned(),
            sentence,
        },
        Step::Ended { error } => FlowStepView::Ended {
            outcome: outcome(FlowOutcome::of(error.as_ref())),
            error: error.as_ref().map(ErrorView::from),
        },
    }
}

fn outcome(outcome: FlowOutcome) -> FlowOutcomeView {
    match outcome {
        FlowOutcome::Running => FlowOutcomeView::Running,
        FlowOutcome::Done => FlowOutcomeView::Done,
        FlowOutcome::Cancelled => FlowOutcomeView::Cancelled,
        FlowOutcome::Refused => FlowOutcomeView::Refused,
        FlowOutcome::Failed => FlowOutcomeView::Failed,
    }
}

fn message_view(from: Party, to: Party, message: MessageId, fields: Vec<Field>) -> FlowStepView {
    FlowStepView::Message {
        from: party(from),
        to: party(to),
        id: message.code().to_owned(),
        title: message.title().to_owned(),
        why: message.why().to_owned(),
        section: message.section().map(str::to_owned),
        unseen: message.is_unseen(),
        fields: fields.into_iter().map(field).collect(),
    }
}

fn field(field: Field) -> FlowFieldView {
    let (value, characters) = match field.value {
        FieldValue::Shown(value) => (Some(value), None),
        FieldValue::Masked { characters } => (None, Some(characters)),
    };
    FlowFieldView {
        name: field.name.into_owned(),
        value,
        characters,
    }
}

fn party(party: Party) -> PartyView {
    match party {
        Party::Person => PartyView::Person,
        Party::Tessera => PartyView::Tessera,
        Party::Browser => PartyView::Browser,
        Party::Provider => PartyView::Provider,
        Party::Api => PartyView::Api,
        Party::Keychain => PartyView::Keychain,
    }
}

/// Writes what happened in a flow to two files in `folder`, beside those that were saved before.
pub(crate) async fn save(client: &Client, flow: u64, folder: &Path) -> Result<SavedReport, ErrorView> {
    let events: Vec<TraceEvent> = client
        .traced()
        .into_iter()
        .filter(|event| event.flow == FlowId(flow))
        .collect();
    let report = Report::of(&events).ok_or_else(|| ErrorView {
        code: "flow_gone".to_owned(),
        message: "What happened there is not kept any more.".to_owned(),
        hint: "Do it once more, and save the report soon after.".to_owned(),
        detail: None,
    })?;
    let written = write(&report, folder).await;
    let [json, markdown] = written.map_err(|error| unsaved(folder, &error.to_string()))?;
    Ok(SavedReport {
        json: json.display().to_string(),
        markdown: markdown.display().to_string(),
    })
}

/// Writes both files under the first free name: nothing in a person's folder is written over.
async fn write(report: &Report, folder: &Path) -> std::io::Result<[PathBuf; 2]> {
    tokio::fs::create_dir_all(folder).await?;
    for number in 1_u32.. {
        let name = match number {
            1 => report.name.clone(),
            number => format!("{}-{number}", report.name),
        };
        let files = [("json", &report.json), ("md", &report.markdown)];
        let files = files.map(|(ending, text)| (folder.join(format!("{name}.{ending}")), text));
        let mut made = Vec::new();
        let written = async {
            for (path, text) in &files {
                let mut file = tokio::fs::File::create_new(path).await?;
                made.push(path);
                file.write_all(text.as_bytes()).await?;
                file.flush().await?;
            }
            Ok(())
        };
        let written: std::io::Result<()> = written.await;
        match written {
            Ok(()) => return Ok(files.map(|(path, _)| path)),
            Err(error) => {
                // Half a report is none.
                for path in made {
                    let _ = tokio::fs::remove_file(path).await;
                }
                if error.kind() != ErrorKind::AlreadyExists {
                    return Err(error);
                }
            }
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// Why there is no report.
pub(crate) fn unsaved(folder: &Path, why: &str) -> ErrorView {
    ErrorView {
        code: "report_not_saved".to_owned(),
        message: "The report could not be written to your Downloads folder.".to_owned(),
        hint: "Make sure that the folder is there and the disk is not full, then save it again.".to_owned(),
        detail: Some(format!("{}: {why}", folder.display())),
    }
}
