//! One check: its question, what was seen, and what to do.

use std::fmt;

use crate::error::Error;

/// One of the checks of a [`Diagnosis`](crate::Diagnosis).
///
/// `Display` is what the diagnosis shows of it, on one or several lines.
#[derive(Clone, Debug)]
pub struct Check {
    id: &'static str,
    state: CheckState,
    seen: String,
    hint: Option<String>,
    error: Option<Error>,
}

/// How a check went. `Display` is the name in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// It works, but will fail later, or something was corrected automatically.
    Warning,
    /// The reason, or a reason, why there is no token.
    Failed,
    /// There is nothing to check, or an earlier check failed.
    Skipped,
}

impl Check {
    pub(super) fn new(id: &'static str, state: CheckState, seen: impl Into<String>) -> Self {
        Self { id, state, seen: seen.into(), hint: None, error: None }
    }

    pub(super) fn failed(id: &'static str, error: &Error) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { id, state: CheckState::Failed, seen: error.to_string(), hint, error: Some(error.clone()) }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Which check it is, such as `certificate`.
    pub fn id(&self) -> &str {
        self.id
    }

    /// How it went.
    pub fn state(&self) -> CheckState {
        self.state
    }

    /// What was seen, in one sentence; for a skipped check, the reason.
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// What to do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The error of a failed check, for programs: its kind, the status and code of IMS, whether to
    /// retry.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// `known` is the check that has already given the same hint.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, known: Option<&str>) -> fmt::Result {
        let Self { id, state, seen, hint, error } = self;
        write!(f, "{:<8} {id:<12} ", state.name())?;
        write_wrapped(f, seen)?;
        let hint = hint.as_ref().map(|hint| known.map_or_else(|| hint.clone(), |id| format!("see {id}")));
        let lines = match error {
            Some(error) => error.details(hint.as_deref()),
            None => hint.iter().map(|hint| format!("hint: {hint}")).collect(),
        };
        for line in lines {
            write!(f, "\n{:INDENT$}", "")?;
            write_wrapped(f, &line)?;
        }
        Ok(())
    }
}

/// Wraps text for a terminal: breaks lines between words, and indents all but the first.
fn write_wrapped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut column = INDENT;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column.saturating_add(length) >= WIDTH && column > INDENT {
            write!(f, "\n{:INDENT$}", "")?;
            column = INDENT;
        } else if column > INDENT {
            f.write_str(" ")?;
            column = column.saturating_add(1);
        }
        f.write_str(word)?;
        column = column.saturating_add(length);
    }
    Ok(())
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

impl CheckState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The column after state and id.
const INDENT: usize = 22;
/// The width of a usual terminal window.
const WIDTH: usize = 100;
