//! What is posted to IMS: a path and a form, in memory that is wiped. Knows no HTTP.

use bytes::Bytes;
use form_urlencoded::Serializer;
use zeroize::Zeroizing;

use crate::redact::Secrets;
use crate::secret::Secret;

/// One request on any of IMS's paths.
pub(crate) struct ImsRequest {
    pub(crate) path: &'static str,
    fields: Vec<(&'static str, Value)>,
}

/// What a form field holds.
pub(crate) enum Value {
    Public(String),
    Secret(Secret),
}

impl ImsRequest {
    pub(crate) fn new(path: &'static str, fields: Vec<(&'static str, Value)>) -> Self {
        Self { path, fields }
    }

    /// Encodes the fields as `application/x-www-form-urlencoded`, into a buffer that is wiped when
    /// HTTP lets go of it.
    pub(crate) fn form(&self) -> Bytes {
        let fields = || self.fields.iter().map(|(name, value)| (*name, value.text()));
        // A byte takes at most three: a buffer that never grows leaves no copy behind.
        let size = fields().fold(0_usize, |size, (name, value)| {
            size.saturating_add(name.len()).saturating_add(value.len().saturating_mul(3)).saturating_add(2)
        });
        let mut form = Zeroizing::new(String::with_capacity(size));
        Serializer::new(&mut *form).extend_pairs(fields());
        Bytes::from_owner(form)
    }

    /// What must not appear in a message if the server echoes it. `more` is what came with the
    /// response.
    pub(crate) fn secrets(&self, more: Option<&str>) -> Secrets {
        let sent = self.fields.iter().filter_map(|(_, value)| match value {
            Value::Public(_) => None,
            Value::Secret(secret) => Some(secret.expose()),
        });
        Secrets::new(sent.chain(more))
    }
}

impl Value {
    pub(crate) fn public(text: &str) -> Self {
        Self::Public(text.to_owned())
    }

    fn text(&self) -> &str {
        match self {
            Self::Public(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ImsRequest, Value};
    use crate::secret::Secret;

    #[test]
    fn a_form_is_encoded() {
        let secret = Value::Secret(Secret::from("x y&=+%é".to_owned()));
        let fields = vec![("a", Value::public("p8e-_.*")), ("b", secret), ("c", Value::public(""))];
        assert_eq!(ImsRequest::new("/", fields).form(), "a=p8e-_.*&b=x+y%26%3D%2B%25%C3%A9&c=");
    }
}
