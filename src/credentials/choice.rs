//! One of several credentials in one source: which of them can be used, and which one is meant.

use super::named::shown;
use super::reader::{Fields, Wanted};
use crate::error::{CredentialsError, Origin};

/// One of several.
pub(super) struct Candidate {
    /// What a message calls it.
    pub(super) shown: String,
    /// By what it can be selected: name, id, client id.
    pub(super) names: Vec<String>,
    /// What kind of credential it is, in words.
    pub(super) kind: &'static str,
    /// `None` for a kind that gets no token here, or one without any secret.
    fields: Option<Fields>,
    /// Why it cannot be read: of no concern for the others.
    fault: Option<CredentialsError>,
}

impl Candidate {
    /// `names` without the client id, which is among its fields.
    pub(super) fn new(
        shown: String,
        names: impl IntoIterator<Item = String>,
        kind: &'static str,
        fields: Result<Option<Fields>, CredentialsError>,
    ) -> Self {
        let (fields, fault) = match fields {
            Ok(fields) => (fields, None),
            Err(fault) => (None, Some(fault)),
        };
        let names = names.into_iter().chain(fields.as_ref().and_then(Fields::client_id)).collect();
        Self { shown, names, kind, fields, fault }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.fields.as_ref().is_some_and(|fields| fields.missing().is_empty())
    }

    /// Whether they are the same client.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let client_id = |candidate: &Self| candidate.fields.as_ref().and_then(Fields::client_id);
        client_id(self).is_some() && client_id(self) == client_id(other)
    }

    fn is_wanted(&self, wanted: Wanted) -> bool {
        self.fields.as_ref().is_some_and(|fields| fields.is(wanted))
    }

    /// For a message. The name may be anything.
    fn described(&self) -> String {
        let name = shown(&self.shown);
        let lacks = self.fields.as_ref().map(Fields::missing).unwrap_or_default();
        let described = match lacks.is_empty() {
            true if self.fault.is_some() => format!("{name}: {} that cannot be read", self.kind),
            true => format!("{name}: {}", self.kind),
            false => format!("{name}: {} without {}", self.kind, lacks.join(", ")),
        };
        described.chars().take(MAX_DESCRIBED).collect()
    }
}

/// The one that is selected, or the only one that can be used. Of those that can be, the kind that
/// the caller wants comes first.
pub(super) fn choose(
    found: &'static str,
    origin: Origin,
    candidates: Vec<Candidate>,
    select: Option<&str>,
    wanted: Wanted,
) -> Result<Fields, CredentialsError> {
    let is_selected = |candidate: &Candidate| select.is_none_or(|name| candidate.names.iter().any(|own| own == name));
    if !candidates.iter().any(is_selected) && select.is_some() {
        return Err(CredentialsError::NotSelected { found, candidates: described(&candidates), origin });
    }
    let candidates: Vec<Candidate> = candidates.into_iter().filter(is_selected).collect();
    let (usable, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(Candidate::is_usable);
    let (favoured, usable): (Vec<_>, Vec<_>) = usable.into_iter().partition(|candidate| candidate.is_wanted(wanted));
    let usable = if favoured.is_empty() { usable } else { favoured };
    if usable.len() > 1 {
        return Err(CredentialsError::Ambiguous { found, candidates: described(&usable), origin });
    }
    if let Some(fields) = usable.into_iter().next().and_then(|candidate| candidate.fields) {
        return Ok(fields);
    }
    // If there is only one, its own error best says what it lacks.
    let none = CredentialsError::NoneUsable { found, candidates: described(&others), origin };
    let own = |candidate: Candidate| candidate.fault.map(Err).or(candidate.fields.map(Ok));
    let mut incomplete = others.into_iter().filter_map(own);
    match (incomplete.next(), incomplete.next()) {
        (Some(fields), None) => fields,
        _ => Err(none),
    }
}

fn described(candidates: &[Candidate]) -> Vec<String> {
    let mut described: Vec<String> = candidates.iter().take(MAX_SHOWN).map(Candidate::described).collect();
    if let more @ 1.. = candidates.len().saturating_sub(MAX_SHOWN) {
        described.push(format!("and {more} more"));
    }
    described
}

const MAX_DESCRIBED: usize = 180;
const MAX_SHOWN: usize = 8;
