//! A field with the name it had where it was found, so that every name is written once: next to its
//! value.

use std::borrow::Cow;

use crate::error::{CredentialsError, Origin};
use crate::redact::{looks_like_credential, printable};
use crate::secret::Secret;

/// A value and its name: path in a file, function of a builder, environment variable.
#[derive(Clone)]
pub(super) struct Named<T> {
    pub(super) name: Cow<'static, str>,
    pub(super) value: Option<T>,
}

/// A text, or a list of texts: Adobe's tools write lists in both ways.
#[derive(Clone)]
pub(super) enum Texts {
    Text(Secret),
    List(Vec<Secret>),
}

impl<T> Named<T> {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, value: Option<T>) -> Self {
        Self { name: name.into(), value }
    }

    /// Another value under another name, if there is one.
    pub(super) fn replace(&mut self, name: &'static str, value: Option<T>) {
        if value.is_some() {
            *self = Self::new(name, value);
        }
    }

    pub(super) fn map<U>(self, into: impl FnOnce(T) -> U) -> Named<U> {
        Named { name: self.name, value: self.value.map(into) }
    }

    /// The value as `check` accepts it.
    pub(super) fn check<U>(
        &self,
        origin: Origin,
        check: impl FnOnce(&T) -> Result<U, &'static str>,
    ) -> Result<U, CredentialsError> {
        let Some(value) = &self.value else {
            return Err(CredentialsError::Missing { names: vec![self.name.clone().into_owned()], origin });
        };
        check(value).map_err(|problem| CredentialsError::Field {
            name: self.name.clone().into_owned(),
            problem,
            origin,
        })
    }
}

impl Named<Secret> {
    /// For what is kept like a secret and is not one.
    pub(super) fn shown(&self) -> Option<&str> {
        self.value.as_ref().map(Secret::expose)
    }
}

/// A field of any type, for the one question that is asked of all at once.
pub(super) trait Field {
    /// Its name, if nothing is in it.
    fn missing(&self) -> Option<&str>;
}

impl<T: IsBlank> Field for Named<T> {
    fn missing(&self) -> Option<&str> {
        match &self.value {
            Some(value) if !value.is_blank() => None,
            _ => Some(&self.name),
        }
    }
}

/// A name from a file or the environment, as it may appear in a message.
pub(super) fn shown(name: &str) -> String {
    match printable(name, MAX_NAME) {
        name if name.is_empty() || looks_like_credential(&name) => "(unnamed)".to_owned(),
        name => name,
    }
}

/// The names of all fields with nothing in them.
pub(super) fn missing(fields: &[&dyn Field]) -> Vec<String> {
    fields.iter().filter_map(|field| field.missing()).map(str::to_owned).collect()
}

pub(super) trait IsBlank {
    fn is_blank(&self) -> bool;
}

impl IsBlank for Secret {
    fn is_blank(&self) -> bool {
        self.expose().trim().is_empty()
    }
}

/// Separators without items between them count as nothing.
impl IsBlank for Texts {
    fn is_blank(&self) -> bool {
        let is_nothing = |text: &Secret| {
            text.expose().chars().all(|c| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '"' | '\'' | '\\'))
        };
        match self {
            Self::Text(text) => is_nothing(text),
            Self::List(texts) => texts.iter().all(is_nothing),
        }
    }
}

const MAX_NAME: usize = 80;
