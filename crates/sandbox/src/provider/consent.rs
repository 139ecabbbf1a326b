//! What a request asks a person for, and what their answer grants.

use crate::clients::Dialect;
use crate::discovery::SCOPES;
use crate::pages::Asked;
use crate::parameters::Parameters;
use crate::records::{Consent, Interaction};
use crate::scopes::Scopes;
use crate::world::World;

/// Who would agree to what with whom.
pub(crate) fn of(interaction: &Interaction, subject: &str) -> Consent {
    Consent {
        dialect: interaction.dialect(),
        subject: subject.to_owned(),
        client: interaction.client().to_owned(),
    }
}

/// What is asked for. GitHub takes a request without scopes to mean those that the person granted before.
pub(crate) fn scopes(world: &World, interaction: &Interaction, subject: &str) -> Scopes {
    let scopes = interaction.scopes();
    if interaction.dialect() == Dialect::GitHub && scopes.is_empty() {
        let consent = of(interaction, subject);
        return world
            .records()
            .consents
            .get(&consent)
            .cloned()
            .unwrap_or_default();
    }
    scopes.clone()
}

/// The lines of the consent page: who the person is comes before what else is asked for.
pub(crate) fn asked(world: &World, interaction: &Interaction, subject: &str) -> Vec<Asked> {
    const FIRST: [&str; 5] = ["openid", "profile", "email", "phone", "address"];
    let scopes = scopes(world, interaction, subject);
    let asked_first = FIRST.into_iter().filter(|first| scopes.contains(first));
    let rest = scopes.iter().filter(|scope| !FIRST.contains(scope));
    asked_first
        .chain(rest)
        .map(|scope| Asked {
            scope: scope.to_owned(),
            meaning: meaning(scope),
            optional: is_optional(interaction.dialect(), scope),
        })
        .collect()
}

/// What a person who pressed Allow has granted: all that was asked for, but for the boxes they left empty. A
/// form that says nothing of boxes left none empty.
pub(crate) fn granted(world: &World, interaction: &Interaction, subject: &str, form: &Parameters) -> Scopes {
    let ticked = Scopes::from_tokens(form.all("scope"));
    let boxes_shown = form.get("shown").is_some();
    scopes(world, interaction, subject)
        .filter(|scope| !boxes_shown || !is_optional(interaction.dialect(), scope) || ticked.contains(scope))
}

/// Google's consent is granular: what goes beyond knowing the person can be left out.
fn is_optional(dialect: Dialect, scope: &str) -> bool {
    dialect == Dialect::Google && !matches!(scope, "openid" | "profile" | "email")
}

fn meaning(scope: &str) -> String {
    let own = SCOPES
        .iter()
        .chain(&crate::google::SCOPES)
        .chain(&crate::github::SCOPES);
    own.into_iter()
        .find(|(name, _)| *name == scope)
        .map_or_else(|| scope.to_owned(), |(_, meaning)| (*meaning).to_owned())
}
