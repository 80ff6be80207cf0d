//! JSON values of servers and files whose type cannot be relied on.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A text, or a whole number as one; anything else is skipped without an error.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(from = "Any")]
pub(crate) struct LenientText(Option<String>);

/// A whole number, written as one or as a text of one: IMS and its fixtures do both. Anything else
/// is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Any")]
pub(crate) struct LenientU64(pub(crate) u64);

/// Takes an object only: a derived `Deserialize` would also take an array of the values.
pub(crate) struct Object<T>(pub(crate) T);

impl LenientText {
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The text itself, without a copy.
    pub(crate) fn into_text(self) -> Option<String> {
        self.0
    }

    /// As a whole number, if it is one.
    pub(crate) fn number(&self) -> Option<u64> {
        self.text().and_then(whole)
    }
}

impl From<String> for LenientText {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Any {
    Text(String),
    Whole(u64),
    Float(f64),
    Other(IgnoredAny),
}

impl From<Any> for LenientText {
    fn from(any: Any) -> Self {
        Self(match any {
            Any::Text(text) => Some(text),
            Any::Whole(number) => Some(number.to_string()),
            Any::Float(number) => whole_float(number).map(|number| number.to_string()),
            Any::Other(_) => None,
        })
    }
}

impl TryFrom<Any> for LenientU64 {
    type Error = &'static str;

    fn try_from(any: Any) -> Result<Self, Self::Error> {
        let number = match any {
            Any::Text(text) => whole(&text),
            Any::Whole(number) => Some(number),
            Any::Float(number) => whole_float(number),
            Any::Other(_) => None,
        };
        number.map(Self).ok_or("not a whole number")
    }
}

/// Digits, or another notation of a whole number. Not a sign, which `parse` would take.
fn whole(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).and_then(whole_float)
}

/// `86399999.0` is a whole number, up to where floats count each one.
fn whole_float(number: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    let whole = number as u64;
    ((0.0..=MAX_WHOLE_FLOAT).contains(&number) && number.fract() == 0.0).then_some(whole)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// 2^53
const MAX_WHOLE_FLOAT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{LenientText, LenientU64, Object};

    fn text(json: &str) -> Option<String> {
        serde_json::from_str::<LenientText>(json).unwrap().text().map(str::to_owned)
    }

    fn number(json: &str) -> Option<u64> {
        serde_json::from_str::<LenientU64>(json).ok().map(|LenientU64(number)| number)
    }

    /// A9, A14
    #[test]
    fn a_text_is_taken_from_texts_and_whole_numbers_and_all_else_is_skipped() {
        assert_eq!(text(r#""invalid_token""#).as_deref(), Some("invalid_token"));
        assert_eq!(text("401013").as_deref(), Some("401013"));
        for json in ["-1", "1.5", "1e30", "true", "null", "[1,{\"a\":[]}]", "{\"a\":{\"b\":1}}"] {
            assert_eq!(text(json), None, "{json}");
        }
    }

    /// T16
    #[test]
    fn a_whole_number_is_taken_in_any_notation_and_all_else_is_an_error() {
        let cases = [
            ("86399999", 86_399_999),
            (r#""86399999""#, 86_399_999),
            ("86399999.0", 86_399_999),
            ("8.6399999e7", 86_399_999),
            (r#""86399999.0""#, 86_399_999),
            ("0", 0),
            ("-0.0", 0),
            ("18446744073709551615", u64::MAX),
            ("9007199254740992.0", 1 << 53),
        ];
        for (json, expected) in cases {
            assert_eq!(number(json), Some(expected), "{json}");
        }
        let refused = [
            "1.5",
            "-1",
            "-1.0",
            "1e30",
            "9007199254740994.0",
            "true",
            "null",
            "[]",
            "{}",
            r#""""#,
            r#""+1""#,
            r#""-1""#,
            r#""inf""#,
            r#""nan""#,
            r#""1.5""#,
            r#"" 1""#,
            r#""soon""#,
        ];
        for json in refused {
            assert_eq!(number(json), None, "{json}");
        }
    }

    /// A16
    #[test]
    fn an_array_is_not_an_object() {
        #[derive(Debug, Deserialize)]
        struct Pair {
            a: u8,
        }
        assert_eq!(serde_json::from_str::<Object<Pair>>(r#"{"a":1}"#).unwrap().0.a, 1);
        assert!(serde_json::from_str::<Object<Pair>>("[1]").is_err());
        assert_eq!(serde_json::from_str::<Pair>("[1]").unwrap().a, 1);
    }
}
