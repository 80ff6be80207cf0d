//! Formats the diagnosis as JSON. The serialized types stay private: serde traits are no part of
//! the API.

use serde::Serialize;

use super::{Check, Diagnosis};
use crate::error::Error;

pub(super) fn of(diagnosis: &Diagnosis) -> String {
    let checks = diagnosis.checks().map(CheckJson::of).collect();
    let json = DiagnosisJson { state: diagnosis.state().name(), exit_code: diagnosis.exit_code(), checks };
    // Texts and numbers always become JSON.
    serde_json::to_string_pretty(&json).unwrap_or_default()
}

#[derive(Serialize)]
struct DiagnosisJson<'a> {
    state: &'a str,
    exit_code: u8,
    checks: Vec<CheckJson<'a>>,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    id: &'a str,
    state: &'a str,
    seen: &'a str,
    hint: Option<&'a str>,
    error: Option<ErrorJson<'a>>,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    kind: String,
    transient: bool,
    status: Option<u16>,
    code: Option<&'a str>,
    description: Option<&'a str>,
    debug_id: Option<&'a str>,
    retry_after_seconds: Option<u64>,
    causes: Vec<String>,
}

impl<'a> CheckJson<'a> {
    fn of(check: &'a Check) -> Self {
        let (id, state, seen) = (check.id(), check.state().name(), check.seen());
        Self { id, state, seen, hint: check.hint(), error: check.error().map(ErrorJson::of) }
    }
}

impl<'a> ErrorJson<'a> {
    fn of(error: &'a Error) -> Self {
        Self {
            kind: error.kind().to_string(),
            transient: error.is_transient(),
            status: error.status().map(|status| status.as_u16()),
            code: error.code(),
            description: error.description(),
            debug_id: error.debug_id(),
            retry_after_seconds: error.retry_after().map(|wait| wait.as_secs()),
            causes: error.causes().map(ToString::to_string).collect(),
        }
    }
}
