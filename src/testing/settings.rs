//! What a credential is registered with: values that cannot be wrong once they exist.

use super::error::unusable;
use crate::Error;

/// A bare host name.
#[derive(Clone, Debug)]
pub(super) struct ImsHost(String);

impl ImsHost {
    pub(super) fn parse(text: String) -> Result<Self, Error> {
        match is_plain(&text) && !text.contains('/') {
            true => Ok(Self(text)),
            false => Err(unusable("the IMS host is not a bare host name")),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As a token names it in its claim `as`.
    pub(super) fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientId(String);

impl ClientId {
    pub(super) fn parse(text: String) -> Result<Self, Error> {
        match is_plain(&text) {
            true => Ok(Self(text)),
            false => Err(unusable("a client id is empty or not printable ASCII")),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// `…@AdobeOrg`.
#[derive(Clone, Debug)]
pub(super) struct OrgId(String);

impl OrgId {
    pub(super) fn parse(text: String) -> Result<Self, Error> {
        match is_org_id(&text) {
            true => Ok(Self(text)),
            false => Err(unusable("an organization id does not end in @AdobeOrg or is not printable ASCII")),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Scopes, or the short names of metascopes; at least one.
#[derive(Clone, Debug)]
pub(super) struct Scopes(Vec<String>);

impl Scopes {
    pub(super) fn parse(names: Vec<String>) -> Result<Self, Error> {
        match !names.is_empty() && names.iter().all(|name| is_short_name(name)) {
            true => Ok(Self(names)),
            false => Err(unusable("scopes and metascopes are a list of short names, and not empty")),
        }
    }

    pub(super) fn contain(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0
    }
}

pub(super) fn is_org_id(text: &str) -> bool {
    is_plain(text) && text.strip_suffix("@AdobeOrg").is_some_and(|name| !name.is_empty())
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Letters, digits and what joins them: neither the comma of a list nor the slash of a full claim.
fn is_short_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}
