//! Credentials in one flat object: a file of one of many tools, or environment variables. One table
//! holds the names that all of them use.

use super::fields::{self, PRODUCTION};
use super::json::{Node, Value};
use super::named::{Named, Texts};
use super::oauth::OAuthFields;
use super::private_key::PrivateKey;
use super::reader::{Fields, Wanted};
use super::service::ServiceFields;
use crate::error::{CredentialsError, Origin};
use crate::secret::Secret;

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    ClientId,
    ClientSecret,
    OrgId,
    AccountId,
    Scopes,
    Metascopes,
    PrivateKey,
    Passphrase,
    Host,
    Environment,
}

/// What one tool calls its values: for an error that names what is not there.
pub(super) struct Names {
    pub(super) client_id: &'static str,
    /// Of JWT credentials, which have one.
    pub(super) client_secret: &'static str,
    /// Of OAuth Server-to-Server credentials, which may have two.
    pub(super) client_secrets: &'static str,
    pub(super) org_id: &'static str,
    pub(super) account_id: &'static str,
    pub(super) scopes: &'static str,
    pub(super) metascopes: &'static str,
    pub(super) private_key: &'static str,
}

/// The values of one source, by what they mean.
pub(super) struct Flat<'a> {
    /// Before each name that an error shows.
    pub(super) prefix: String,
    pub(super) names: &'static Names,
    pub(super) values: Vec<(Slot, Value<'a>)>,
}

impl Slot {
    /// Capitals, underscores and dashes do not count: `clientID`, `client_id` and `CLIENT-ID` are
    /// one name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let is_letter = |c: &char| !matches!(c, '_' | '-');
        let name = name.chars().filter(is_letter).map(|c| c.to_ascii_lowercase()).collect::<String>();
        SLOTS.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(slot, _)| *slot)
    }
}

impl<'a> Flat<'a> {
    pub(super) fn of_object(object: &Value<'a>, names: &'static Names) -> Result<Self, CredentialsError> {
        let prefix = match object.name() {
            "" => String::new(),
            path => format!("{path}."),
        };
        let values = object.object()?.into_iter().filter_map(|(key, value)| Some((Slot::of(key)?, value)));
        Ok(Self { prefix, names, values: values.collect() })
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        self.given(slot).next().is_some()
    }

    /// Credentials that were migrated from JWT to OAuth Server-to-Server have both halves: the
    /// newer one counts.
    pub(super) fn is_jwt(&self, wanted: Wanted) -> bool {
        let is_jwt = self.has(Slot::PrivateKey) || self.has(Slot::Metascopes);
        is_jwt && (!self.has(Slot::Scopes) || wanted == Wanted::Service)
    }

    /// What kind it is, in words, and its fields.
    pub(super) fn read(
        &self,
        wanted: Wanted,
        jwt: Origin,
        oauth: Origin,
    ) -> (&'static str, Result<Fields, CredentialsError>) {
        match self.is_jwt(wanted) {
            true => ("JWT", self.service(jwt)),
            false => ("OAuth Server-to-Server", self.oauth(oauth)),
        }
    }

    pub(super) fn oauth(&self, origin: Origin) -> Result<Fields, CredentialsError> {
        Ok(Fields::OAuth(OAuthFields {
            origin,
            client_id: self.one(Slot::ClientId, self.names.client_id)?.text()?,
            client_secrets: self.client_secrets()?,
            org_id: self.one(Slot::OrgId, self.names.org_id)?.text()?,
            scopes: self.one(Slot::Scopes, self.names.scopes)?.texts()?,
            ims_host: self.ims_host(origin)?,
            send_org_id: false,
        }))
    }

    pub(super) fn service(&self, origin: Origin) -> Result<Fields, CredentialsError> {
        Ok(Fields::Service(ServiceFields {
            origin,
            ims_host: self.ims_host(origin)?,
            org_id: self.one(Slot::OrgId, self.names.org_id)?.text()?,
            technical_account_id: self.one(Slot::AccountId, self.names.account_id)?.text()?,
            client_id: self.one(Slot::ClientId, self.names.client_id)?.text()?,
            client_secret: self.one(Slot::ClientSecret, self.names.client_secret)?.text()?,
            metascopes: self.one(Slot::Metascopes, self.names.metascopes)?.texts()?,
            private_key: self.one(Slot::PrivateKey, self.names.private_key)?.lines()?.map(PrivateKey::Text),
            passphrase: self.one(Slot::Passphrase, "passphrase")?.text()?,
            certificate: Named::new("certificate", None),
            signing_key: None,
        }))
    }

    /// The value for this, whichever of its names was used. Two that differ are an error: to choose
    /// one would be a guess.
    fn one(&self, slot: Slot, name: &str) -> Result<Value<'a>, CredentialsError> {
        let mut given = self.given(slot);
        let Some(first) = given.next() else {
            return Ok(Value::absent(format!("{}{name}", self.prefix)));
        };
        match given.find(|other| !is_same(first, other)) {
            Some(other) => {
                Err(CredentialsError::Contradiction { first: first.name().to_owned(), second: other.name().to_owned() })
            }
            None => Ok(first.clone()),
        }
    }

    /// All of them, whichever names were used: the secrets of one client may differ.
    fn client_secrets(&self) -> Result<Named<Texts>, CredentialsError> {
        let mut given = self.given(Slot::ClientSecret);
        let Some(first) = given.next() else {
            return Ok(Named::new(format!("{}{}", self.prefix, self.names.client_secrets), None));
        };
        let mut secrets = first.texts()?;
        for other in given {
            let all = [secrets.value, other.texts()?.value].into_iter().flatten().flat_map(fields::secret_texts);
            secrets.value = Some(Texts::List(all.collect()));
        }
        Ok(secrets)
    }

    fn ims_host(&self, origin: Origin) -> Result<Named<Secret>, CredentialsError> {
        let host = self.one(Slot::Host, "")?;
        if host.is_given() {
            return host.text();
        }
        let environment = self.one(Slot::Environment, "")?.text()?;
        let host = match environment.value {
            Some(_) => environment.check(origin, fields::environment)?,
            None => PRODUCTION.to_owned(),
        };
        Ok(Named::new(environment.name, Some(Secret::from(host))))
    }

    fn given(&self, slot: Slot) -> impl Iterator<Item = &Value<'a>> {
        self.values.iter().filter(move |(of, value)| *of == slot && !is_blank(value)).map(|(_, value)| value)
    }
}

fn is_blank(value: &Value<'_>) -> bool {
    match value.node() {
        None => true,
        Some(Node::Text(text)) => text.expose().trim().is_empty(),
        Some(_) => false,
    }
}

fn is_same(one: &Value<'_>, other: &Value<'_>) -> bool {
    one.node().zip(other.node()).is_some_and(|(one, other)| is_same_node(one, other))
}

fn is_same_node(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Text(one), Node::Text(other)) => one.expose() == other.expose(),
        (Node::Number(Some(one)), Node::Number(Some(other))) => one == other,
        (Node::List(one), Node::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same_node(one, other))
        }
        _ => false,
    }
}

const SLOTS: [(Slot, &[&str]); 10] = [
    (Slot::ClientId, &["clientid", "apikey"]),
    (Slot::ClientSecret, &["clientsecret", "clientsecrets", "secret"]),
    (Slot::OrgId, &["orgid", "imsorgid", "imsorg", "organization"]),
    (Slot::AccountId, &["technicalaccountid", "techid", "account"]),
    (Slot::Scopes, &["scopes", "scope"]),
    (Slot::Metascopes, &["metascopes", "metascope"]),
    (Slot::PrivateKey, &["privatekey"]),
    (Slot::Passphrase, &["passphrase"]),
    (Slot::Host, &["imsendpoint", "imshost", "imsurl", "ims", "url"]),
    (Slot::Environment, &["environment", "imsenv", "env"]),
];
