//! Credentials in environment variables: one of our own, and the families that Adobe's tools write,
//! by one table.

use std::collections::BTreeMap;
use std::path::Path;

use super::choice::{Candidate, choose};
use super::flat::{Flat, Names, Slot};
use super::json::{Node, Value};
use super::named::shown;
use super::private_key::PrivateKey;
use super::reader::{CredentialsReader, Fields, Inspected, Wanted};
use super::{Credentials, fields, shape, wrapped};
use crate::error::{CredentialsError, Error, Origin};
use crate::redact::is_showable;
use crate::secret::Secret;

/// The environment, read once: later changes do not count.
pub(super) struct Variables(BTreeMap<String, Node>);

/// Variables with one prefix.
struct Family {
    prefix: &'static str,
    names: Names,
}

impl Variables {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment for credentials")]
    pub(super) fn of_process() -> Self {
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let known = named.filter(|(name, _)| PREFIXES.iter().any(|prefix| starts_with(name, prefix).is_some()));
        Self::new(known.map(|(name, value)| (name, value.into_string().ok())))
    }

    /// A value is `None` if it is not Unicode.
    pub(super) fn new(variables: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let node = |value: Option<String>| value.map_or(Node::Number(None), |text| Node::Text(Secret::from(text)));
        Self(variables.into_iter().map(|(name, value)| (name, node(value))).collect())
    }

    fn value(&self, name: String) -> Option<Value<'_>> {
        self.0.get(&name).map(|node| Value::named(name, node))
    }
}

/// Our own variable, or else the one complete family.
pub(super) fn read(variables: &Variables, reader: &CredentialsReader) -> Result<Credentials, Error> {
    inspect(variables, reader)?.credentials
}

/// The same in steps, for a diagnosis.
pub(super) fn inspect(variables: &Variables, reader: &CredentialsReader) -> Result<Inspected, Error> {
    if let Some(value) = variables.value(OWN.to_owned()) {
        let value = value.text()?.value;
        return match value.as_ref().map(|value| value.expose().trim()).filter(|value| !value.is_empty()) {
            Some(value) => inspect_own(value, reader),
            // A mount that failed must not lead to the credentials of somebody else.
            None => Err(CredentialsError::NothingInEnvironment { blank: Some(OWN), looked_for: Vec::new() }.into()),
        };
    }
    let (mut candidates, contexts) = (families(variables, reader), contexts(variables, reader));
    if reader.selection().is_none() {
        // `aio` writes one credential in both ways; the context has all of its secrets.
        candidates.retain(|family| !contexts.iter().any(|context| context.is_usable() && context.is_same(family)));
    }
    candidates.extend(contexts);
    if candidates.is_empty() {
        let families = FAMILIES.iter().map(|family| format!("{}{}", family.prefix, family.names.client_id));
        let looked_for = [OWN.to_owned()].into_iter().chain(families).chain([format!("{CONTEXTS}<name>_client__id")]);
        return Err(CredentialsError::NothingInEnvironment { blank: None, looked_for: looked_for.collect() }.into());
    }
    let fields = choose(WORDS, Origin::Environment, candidates, reader.selection(), Wanted::Any)?;
    let source = match fields.client_id_name() {
        Some(name) => format!("environment variables: {name} and others"),
        None => WORDS.to_owned(),
    };
    Ok(Inspected { source, words: fields.words(), credentials: fields.check() })
}

/// The path of a file, its text, or base64 of it.
fn inspect_own(value: &str, reader: &CredentialsReader) -> Result<Inspected, Error> {
    let is_text = value.starts_with(['{', '[', '"', '\'']) || value.contains("-----BEGIN") || wrapped::is_base64(value);
    let is_own = |inspected: Inspected| Inspected {
        credentials: inspected.credentials.map_err(|error| error.named_by(OWN)),
        ..inspected
    };
    // The reader of JSON knows what a placeholder is.
    if is_text || fields::filled_in(value).is_err() {
        let inspected = reader.inspect(OWN.to_owned(), value.as_bytes());
        return inspected.map(is_own).map_err(|error| error.named_by(OWN));
    }
    let path = Path::new(value);
    if !is_showable(value) && !path.is_file() {
        let problem = "it is neither the path of a file nor its JSON nor base64 of it";
        return Err(CredentialsError::Field { name: OWN.to_owned(), problem, origin: Origin::Environment }.into());
    }
    let inspected = reader.inspect_file(path).map(is_own).map_err(|error| error.named_by(OWN))?;
    Ok(Inspected { source: format!("{OWN}: {}", inspected.source), ..inspected })
}

fn families(variables: &Variables, reader: &CredentialsReader) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for Family { prefix, names } in &FAMILIES {
        let value = |(suffix, slot): &(&str, Slot)| Some((*slot, variables.value(format!("{prefix}{suffix}"))?));
        let values = SUFFIXES.iter().filter_map(value).collect();
        let flat = Flat { prefix: (*prefix).to_owned(), names, values };
        // Without these it belongs to something else, or is a setting such as the host.
        if !flat.has(Slot::ClientId) && !flat.has(Slot::ClientSecret) {
            continue;
        }
        let (kind, mut fields) = flat.read(Wanted::Any, Origin::Environment, Origin::Environment);
        if let Ok(Fields::Service(fields)) = &mut fields {
            fields.private_key.value = fields.private_key.value.take().map(PrivateKey::or_path);
        }
        candidates.push(shape::named_candidate(prefix, (kind, fields), reader));
    }
    candidates
}

/// The contexts of `aio`: one environment holds several, and most of them cannot be used.
fn contexts(variables: &Variables, reader: &CredentialsReader) -> Vec<Candidate> {
    let mut contexts: BTreeMap<&str, Flat<'_>> = BTreeMap::new();
    for (variable, node) in &variables.0 {
        let Some((name, key)) = starts_with(variable, CONTEXTS).and_then(context_and_key) else { continue };
        let Some(slot) = Slot::of(key) else { continue };
        let prefix = shown(variable.strip_suffix(key).unwrap_or_default());
        let context = contexts.entry(name).or_insert(Flat { prefix, names: &CONTEXT, values: Vec::new() });
        context.values.push((slot, Value::named(shown(variable), node)));
    }
    let contexts = contexts.iter().filter(|(_, flat)| flat.has(Slot::ClientId)).map(|(name, flat)| {
        let name = name.replace("__", "_");
        let mut candidate =
            shape::named_candidate(&name, flat.read(Wanted::Any, Origin::Environment, Origin::Environment), reader);
        candidate.names.push(name.replace('_', " "));
        candidate
    });
    contexts.collect()
}

/// The name of a context and the key in it: one `_` separates parts, two mean one. Deeper parts
/// belong to the tokens of a user.
fn context_and_key(rest: &str) -> Option<(&str, &str)> {
    let is_single = |at: usize| {
        let (before, after) = (rest.get(..at).unwrap_or_default(), rest.get(at..).unwrap_or_default());
        !before.ends_with('_') && after.starts_with('_') && !after.starts_with("__")
    };
    let mut ends = rest.match_indices('_').map(|(at, _)| at).filter(|at| is_single(*at));
    let (end, None) = (ends.next()?, ends.next()) else { return None };
    let (name, key) = rest.split_at(end);
    Some((name, key.strip_prefix('_')?))
}

/// Windows ignores case here.
fn starts_with<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

const OWN: &str = "ADOBE_IMS_CREDENTIALS";
const CONTEXTS: &str = "AIO_ims_contexts_";
const WORDS: &str = "environment variables";

/// What is taken from the process at all.
const PREFIXES: [&str; 4] = [OWN, "AIO_", "IMS_", "OAUTH_"];

const S2S: Names = Names {
    client_id: "CLIENT_ID",
    client_secret: "CLIENT_SECRET",
    client_secrets: "CLIENT_SECRET",
    org_id: "ORG_ID",
    account_id: "TECHNICAL_ACCOUNT_ID",
    scopes: "SCOPES",
    metascopes: "METASCOPES",
    private_key: "PRIVATEKEY",
};
const FAMILIES: [Family; 5] = [
    Family { prefix: "IMS_OAUTH_S2S_", names: S2S },
    Family { prefix: "AIO_WORKSPACE_IMS_OAUTH_S2S_", names: S2S },
    Family { prefix: "AIO_COMMERCE_AUTH_IMS_", names: Names { client_secrets: "CLIENT_SECRETS", ..S2S } },
    Family { prefix: "OAUTH_", names: Names { client_secrets: "CLIENT_SECRETS", org_id: "IMS_ORG_ID", ..S2S } },
    Family {
        prefix: "IMS_",
        names: Names {
            client_id: "CLIENTID",
            client_secret: "CLIENTSECRET",
            client_secrets: "CLIENTSECRET",
            org_id: "ORGANIZATION",
            account_id: "ACCOUNT",
            ..S2S
        },
    },
];
const CONTEXT: Names = Names {
    client_id: "client__id",
    client_secret: "client__secret",
    client_secrets: "client__secrets",
    org_id: "ims__org__id",
    account_id: "technical__account__id",
    scopes: "scopes",
    metascopes: "meta__scopes",
    private_key: "private__key",
};
const SUFFIXES: [(&str, Slot); 18] = [
    ("CLIENT_ID", Slot::ClientId),
    ("CLIENTID", Slot::ClientId),
    ("CLIENT_SECRETS", Slot::ClientSecret),
    ("CLIENT_SECRET", Slot::ClientSecret),
    ("CLIENTSECRET", Slot::ClientSecret),
    ("ORG_ID", Slot::OrgId),
    ("IMS_ORG_ID", Slot::OrgId),
    ("ORGANIZATION", Slot::OrgId),
    ("SCOPES", Slot::Scopes),
    ("SCOPE", Slot::Scopes),
    ("TECHNICAL_ACCOUNT_ID", Slot::AccountId),
    ("ACCOUNT", Slot::AccountId),
    ("METASCOPES", Slot::Metascopes),
    ("PRIVATEKEY", Slot::PrivateKey),
    ("URL", Slot::Host),
    ("HOST", Slot::Host),
    ("ENVIRONMENT", Slot::Environment),
    ("ENV", Slot::Environment),
];

#[cfg(test)]
mod tests {
    use super::{CONTEXT, CONTEXTS, FAMILIES, OWN, SUFFIXES};

    /// C15 to C20: no name that is read is missing from the guide.
    #[test]
    fn the_guide_lists_every_variable() {
        let guide = include_str!("../guide/which_credential.md");
        let in_context = [
            CONTEXT.client_id,
            CONTEXT.client_secret,
            CONTEXT.client_secrets,
            CONTEXT.org_id,
            CONTEXT.account_id,
            CONTEXT.scopes,
            CONTEXT.metascopes,
            CONTEXT.private_key,
        ];
        let families = FAMILIES.iter().map(|family| family.prefix.to_owned());
        let suffixes = SUFFIXES.iter().map(|(suffix, _)| (*suffix).to_owned());
        let contexts = in_context.iter().filter(|key| **key != CONTEXT.client_id).map(|key| format!("…_{key}"));
        let others = [OWN.to_owned(), format!("{CONTEXTS}<name>_{}", CONTEXT.client_id)];
        for name in families.chain(suffixes).chain(contexts).chain(others) {
            assert!(guide.contains(&format!("`{name}`")), "{name}");
        }
    }
}
