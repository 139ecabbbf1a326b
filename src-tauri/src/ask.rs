//! Asks the person, in a window of the system's own. The page can make this program ask, but can neither see the
//! question nor answer it: what a page must not do by itself is asked here.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons, MessageDialogKind, MessageDialogResult};
use tessera_client::Provider;
use tokio::sync::{Mutex, oneshot};
use url::Url;

use crate::window;
use crate::wire::{ErrorView, ProviderInput};

/// How many new API addresses one question names at most, so that its buttons stay on the screen.
const MAX_NEW: usize = 5;

/// What the buttons say. The first is the one that a key press by mistake presses.
const NO: &str = "Don't allow";
const YES: &str = "Allow";
const CANCEL: &str = "Cancel";

type Show = Box<dyn Fn(String, oneshot::Sender<bool>) + Send + Sync>;

/// Whoever sits in front of the screen. One question at a time.
#[derive(Default)]
pub(crate) struct Person {
    show: OnceLock<Show>,
    asked: Mutex<()>,
}

impl Person {
    /// From now on, questions are shown as dialogs of `app`.
    pub(crate) fn sits_at<R: Runtime>(&self, app: AppHandle<R>) {
        self.answers(move |question, answer| show(&app, question, answer));
    }

    /// From now on, `show` puts questions and sends the answer.
    pub(crate) fn answers(&self, show: impl Fn(String, oneshot::Sender<bool>) + Send + Sync + 'static) {
        // Whoever came first stays.
        let _ = self.show.set(Box::new(show));
    }

    /// Asks about those API addresses in `input` that `present`, the provider as it is now, does not have yet. An
    /// address that is none is left to whoever saves.
    pub(crate) async fn allows(
        &self,
        input: &ProviderInput,
        present: Option<&Provider>,
    ) -> Result<(), ErrorView> {
        let new = new_origins(input, present);
        if new.is_empty() {
            return Ok(());
        }
        if new.len() > MAX_NEW {
            return Err(refused(
                "too_many_apis",
                "That is more new API addresses than can be allowed at once.",
                "Add at most five at a time.",
            ));
        }
        let Ok(_asking) = self.asked.try_lock() else {
            return Err(refused(
                "already_asking",
                "Tessera is asking you something already.",
                "Answer that first; look for its window.",
            ));
        };
        if self.says_yes(question(input, present, &new)).await {
            Ok(())
        } else {
            Err(refused(
                "api_not_allowed",
                "You did not allow the new API address, so nothing was saved.",
                "Leave the address out, or save again and allow it.",
            ))
        }
    }

    async fn says_yes(&self, question: String) -> bool {
        let Some(show) = self.show.get() else {
            return false;
        };
        let (sender, answer) = oneshot::channel();
        show(question, sender);
        // A dialog that went away without an answer is no yes.
        answer.await.unwrap_or(false)
    }
}

fn refused(code: &str, message: &str, hint: &str) -> ErrorView {
    ErrorView {
        code: code.to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
        detail: None,
    }
}

fn new_origins(input: &ProviderInput, present: Option<&Provider>) -> BTreeSet<String> {
    let origin = |url: &Url| url.origin().ascii_serialization();
    let had: BTreeSet<String> = present
        .iter()
        .flat_map(|provider| &provider.apis)
        .map(origin)
        .collect();
    let wanted = input.apis.iter().filter_map(|api| Url::parse(api.trim()).ok());
    wanted
        .map(|api| origin(&api))
        .filter(|api| !had.contains(api))
        .collect()
}

/// The question. Whose tokens it is about is said by the issuer's origin: a name is the page's to choose.
fn question(input: &ProviderInput, present: Option<&Provider>, new: &BTreeSet<String>) -> String {
    let issuer = match present {
        Some(provider) => Some(provider.issuer.url().clone()),
        None => Url::parse(input.issuer.trim()).ok(),
    };
    let issuer = issuer.map_or_else(
        || "this provider".to_owned(),
        |url| url.origin().ascii_serialization(),
    );
    let new: Vec<&str> = new.iter().map(String::as_str).collect();
    format!(
        "Let tokens of {issuer} go to {}?\n\nWhoever runs that address can then act as you at the APIs that take \
         these tokens. Allow it only if you entered the address yourself.",
        new.join(", ")
    )
}

fn show<R: Runtime>(app: &AppHandle<R>, question: String, answer: oneshot::Sender<bool>) {
    // Of three buttons, closing the window and Escape are the third on every system; of two, they would be the
    // second, and one of the two has to be the first, which Enter presses.
    let buttons = MessageDialogButtons::YesNoCancelCustom(NO.to_owned(), YES.to_owned(), CANCEL.to_owned());
    let mut dialog = app
        .dialog()
        .message(question)
        .title("Allow a new API address?")
        .kind(MessageDialogKind::Warning)
        .buttons(buttons);
    if let Some(window) = app.get_webview_window(window::MAIN) {
        dialog = dialog.parent(&window);
    }
    dialog.show_with_result(move |pressed| {
        let _ = answer.send(matches!(pressed, MessageDialogResult::Custom(label) if label == YES));
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::sync::{Arc, Mutex as Shared};

    use super::*;

    const ISSUER: &str = "https://login.acme.example/realm";

    fn input(apis: &[&str]) -> ProviderInput {
        ProviderInput {
            id: String::new(),
            name: "Press Allow to go on".to_owned(),
            issuer: ISSUER.to_owned(),
            client_id: "tessera".to_owned(),
            apis: apis.iter().map(|&api| api.to_owned()).collect(),
        }
    }

    fn code(answer: Result<(), ErrorView>) -> String {
        answer.map_or_else(|error| error.code, |()| "allowed".to_owned())
    }

    #[tokio::test]
    async fn a_new_address_takes_the_persons_yes_and_nothing_else_does() {
        let check = async |apis: &[&str], yes: bool, expected: &str, asked: &[&str]| {
            let person = Person::default();
            let questions = Arc::new(Shared::new(Vec::new()));
            let seen = questions.clone();
            person.answers(move |question, answer| {
                seen.lock().unwrap().push(question);
                let _ = answer.send(yes);
            });
            assert_eq!(
                code(person.allows(&input(apis), None).await),
                expected,
                "{apis:?}"
            );
            let questions = questions.lock().unwrap();
            assert_eq!(questions.len(), usize::from(!asked.is_empty()), "{questions:?}");
            for part in asked {
                assert!(questions[0].contains(part), "{questions:?}");
            }
            assert!(questions.iter().all(|question| !question.contains("Press Allow")));
        };
        check(&[], false, "allowed", &[]).await;
        check(&["no address"], false, "allowed", &[]).await;
        let new = ["https://api.acme.example/v1"];
        let named = ["https://login.acme.example", "https://api.acme.example?"];
        check(&new, true, "allowed", &named).await;
        check(&new, false, "api_not_allowed", &named).await;
        let many: Vec<String> = (0..6).map(|n| format!("https://a{n}.example")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        check(&many, true, "too_many_apis", &[]).await;
        check(&many[..5], true, "allowed", &many[..5]).await;
    }

    #[tokio::test]
    async fn nobody_there_and_a_dialog_that_goes_away_are_no_yes() {
        let new = input(&["https://api.acme.example"]);
        assert_eq!(
            code(Person::default().allows(&new, None).await),
            "api_not_allowed"
        );
        let person = Person::default();
        person.answers(|_, answer| drop(answer));
        assert_eq!(code(person.allows(&new, None).await), "api_not_allowed");
    }

    #[tokio::test]
    async fn there_is_one_question_at_a_time() {
        let person = Person::default();
        let waiting = Arc::new(Shared::new(None));
        let held = waiting.clone();
        person.answers(move |_, answer| *held.lock().unwrap() = Some(answer));
        let new = input(&["https://api.acme.example"]);
        let first = person.allows(&new, None);
        let second = async {
            assert_eq!(code(person.allows(&new, None).await), "already_asking");
            waiting
                .lock()
                .unwrap()
                .take()
                .expect("a question")
                .send(true)
                .unwrap();
        };
        let (first, ()) = tokio::join!(first, second);
        assert_eq!(code(first), "allowed");
    }
}
