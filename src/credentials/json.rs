//! A JSON document as a tree in which each value knows what it is called. Not a
//! `serde_json::Value`: a key given twice is refused and texts are wiped. Messages of the JSON
//! reader are never shown, because they print the offending value.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::named::{Named, Texts, shown};
use crate::error::{CredentialsError, Place, TOO_EARLY};
use crate::secret::Secret;

pub(super) enum Node {
    Null,
    Bool(bool),
    /// As a whole number, if it is one.
    Number(Option<u64>),
    Text(Secret),
    List(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

impl Node {
    pub(super) fn parse(text: &str) -> Result<Self, CredentialsError> {
        serde_json::from_str(text).map_err(|error| {
            // The first words of the reader's message are its own; what follows may be a value.
            let message = error.to_string();
            let problem = match error.classify() {
                Category::Eof => TOO_EARLY,
                Category::Data => "a key appears twice",
                _ if message.starts_with("invalid escape") => "invalid escape sequence",
                _ if message.starts_with("control character") => "a line break or control character inside a text",
                _ if message.starts_with("trailing characters") => "something follows its end",
                _ => "syntax error",
            };
            CredentialsError::Json { problem, place: Place { line: error.line(), column: error.column() } }
        })
    }
}

/// A node with its path from the root, such as `integration.technicalAccount`; or the absence of
/// one.
#[derive(Clone)]
pub(super) struct Value<'a> {
    name: String,
    node: Option<&'a Node>,
}

impl<'a> Value<'a> {
    pub(super) fn root(node: &'a Node) -> Self {
        Self::named("", node)
    }

    /// For values whose name is not a path, such as an environment variable.
    pub(super) fn named(name: impl Into<String>, node: &'a Node) -> Self {
        Self { name: name.into(), node: Some(node) }
    }

    pub(super) fn absent(name: impl Into<String>) -> Self {
        Self { name: name.into(), node: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is anything but `null`.
    pub(super) fn is_given(&self) -> bool {
        !matches!(self.node, None | Some(Node::Null))
    }

    pub(super) fn node(&self) -> Option<&'a Node> {
        self.node.filter(|node| !matches!(node, Node::Null))
    }

    /// The value of this key, if this is an object; for recognising files.
    pub(super) fn get(&self, key: &str) -> Self {
        let node = match self.node {
            Some(Node::Object(fields)) => fields.get(key),
            _ => None,
        };
        Self { name: self.path_to(key), node }
    }

    /// The value of these keys, one within the other; whatever is there has to be an object.
    pub(super) fn field(&self, path: &[&str]) -> Result<Self, CredentialsError> {
        path.iter().try_fold(self.clone(), |value, key| {
            value.object()?;
            Ok(value.get(key))
        })
    }

    /// The fields of an object; none if it is absent.
    pub(super) fn object(&self) -> Result<Vec<(&'a str, Self)>, CredentialsError> {
        match self.node() {
            None => Ok(Vec::new()),
            Some(Node::Object(fields)) => {
                let field = |(key, node): (&'a String, &'a Node)| {
                    (key.as_str(), Self { name: self.path_to(&shown(key)), node: Some(node) })
                };
                Ok(fields.iter().map(field).collect())
            }
            Some(_) => Err(self.must_be("an object")),
        }
    }

    /// The items of a list; none if it is absent.
    pub(super) fn list(&self) -> Result<Vec<Self>, CredentialsError> {
        match self.node() {
            None => Ok(Vec::new()),
            Some(Node::List(items)) => {
                let item = |(at, node)| Self { name: format!("{}[{at}]", self.name), node: Some(node) };
                Ok(items.iter().enumerate().map(item).collect())
            }
            Some(_) => Err(self.must_be("a list")),
        }
    }

    pub(super) fn text(&self) -> Result<Named<Secret>, CredentialsError> {
        match self.node() {
            None => Ok(self.with(None)),
            Some(Node::Text(text)) => Ok(self.with(Some(text.clone()))),
            Some(_) => Err(self.must_be("a string")),
        }
    }

    /// What is not a text counts as absent.
    pub(super) fn text_if_any(&self) -> Named<Secret> {
        self.with(match self.node {
            Some(Node::Text(text)) => Some(text.clone()),
            _ => None,
        })
    }

    pub(super) fn texts(&self) -> Result<Named<Texts>, CredentialsError> {
        match self.node() {
            None => Ok(self.with(None)),
            Some(Node::Text(text)) => Ok(self.with(Some(Texts::Text(text.clone())))),
            Some(Node::List(items)) => Ok(self.with(Some(Texts::List(self.list_of_texts(items)?)))),
            Some(_) => Err(self.must_be("a string or a list of strings")),
        }
    }

    /// A text, or the list of its lines.
    pub(super) fn lines(&self) -> Result<Named<Secret>, CredentialsError> {
        let Some(Node::List(items)) = self.node else { return self.text() };
        let lines = self.list_of_texts(items)?;
        let length = lines.iter().fold(0_usize, |sum, line| sum.saturating_add(line.expose().len()).saturating_add(1));
        let mut text = Zeroizing::new(String::with_capacity(length));
        for line in &lines {
            text.push_str(line.expose());
            text.push('\n');
        }
        Ok(self.with(Some(Secret::from(std::mem::take(&mut *text)))))
    }

    /// As a name to show or compare: a text, or a number as one.
    pub(super) fn label(&self) -> Option<String> {
        match self.node? {
            Node::Text(text) => Some(text.expose().to_owned()),
            Node::Number(Some(number)) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn must_be(&self, expected: &'static str) -> CredentialsError {
        let name = match self.name.as_str() {
            "" => "the JSON".to_owned(),
            name => name.to_owned(),
        };
        CredentialsError::Type { name, expected, place: None }
    }

    fn list_of_texts(&self, items: &[Node]) -> Result<Vec<Secret>, CredentialsError> {
        let texts = items.iter().map(|item| match item {
            Node::Text(text) => Ok(text.clone()),
            _ => Err(self.must_be("a string or a list of strings")),
        });
        texts.collect()
    }

    fn with<T>(&self, value: Option<T>) -> Named<T> {
        Named::new(self.name.clone(), value)
    }

    fn path_to(&self, key: &str) -> String {
        match self.name.as_str() {
            "" => key.to_owned(),
            name => format!("{name}.{key}"),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(Some(number)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(Secret::from(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut nodes = BTreeMap::new();
        while let Some((key, node)) = fields.next_entry::<String, Node>()? {
            if nodes.insert(key, node).is_some() {
                return Err(A::Error::custom("duplicate field"));
            }
        }
        Ok(Node::Object(nodes))
    }
}

/// The place of the value with this name. The tree does not keep places: they are needed only when
/// something is wrong.
pub(super) fn place(text: &str, name: &str) -> Option<Place> {
    let seed = Search { path: String::new(), name };
    let error = seed.deserialize(&mut serde_json::Deserializer::from_str(text)).err()?;
    Some(Place { line: error.line(), column: error.column() })
}

/// Stops with an error at the value that is looked for.
struct Search<'a> {
    path: String,
    name: &'a str,
}

impl Search<'_> {
    fn at(&self, path: String) -> Self {
        Self { path, name: self.name }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.name.strip_prefix(&self.path) {
            Some("") => deserializer.deserialize_any(Stop),
            Some(rest) if self.path.is_empty() || rest.starts_with(['.', '[']) => deserializer.deserialize_any(self),
            _ => IgnoredAny::deserialize(deserializer).map(|_| ()),
        }
    }
}

/// Takes nothing: the reader's error has the place of the value.
struct Stop;

impl<'de> Visitor<'de> for Stop {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for at in 0_usize.. {
            if items.next_element_seed(self.at(format!("{}[{at}]", self.path)))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(key) = fields.next_key::<String>()? {
            let dot = if self.path.is_empty() { "" } else { "." };
            fields.next_value_seed(self.at(format!("{}{dot}{key}", self.path)))?;
        }
        Ok(())
    }
}
