//! A JSON value, as a broadcast or a caller has it.

use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};

use super::number::{Number, leading_number};
use super::scanner::{Scanner, Syntax};

/// A JSON value. Of equal keys the last counts; the order of keys does not.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// `null`, Perl's undef.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, also where it has digits only.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// The value of a text, and nothing else in it.
    pub fn of_text(text: &[u8]) -> Result<Self, Syntax> {
        let mut scanner = Scanner::new(text)?;
        let value = scanner.value()?;
        scanner.end().map(|()| value)
    }

    /// A number; an integer where it is one.
    pub fn of_number(value: f64) -> Self {
        let number = Number::Float(value);
        Json::Number(number.as_integer().map_or(number, Number::Int))
    }

    /// The value under a key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(object) => object.get(key),
            _ => None,
        }
    }

    /// Whether Perl takes it for true.
    pub fn is_true(&self) -> bool {
        match self {
            Json::Null | Json::Bool(false) => false,
            Json::Number(number) => number.as_f64() != 0.0,
            Json::String(text) => !text.is_empty() && text != "0",
            Json::Bool(true) | Json::Array(_) | Json::Object(_) => true,
        }
    }

    /// The number that Perl takes it for; none if that is an address.
    pub fn as_number(&self) -> Option<Number> {
        match self {
            Json::Null => Some(Number::Int(0)),
            Json::Bool(value) => Some(Number::Int(i128::from(*value))),
            Json::Number(number) => Some(*number),
            Json::String(text) => Some(leading_number(text)),
            Json::Array(_) | Json::Object(_) => None,
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Number(Number::Int(value)) => match (i64::try_from(*value), *value) {
                (Ok(value), _) => serializer.serialize_i64(value),
                (_, value) => serializer.serialize_u64(u64::try_from(value).unwrap_or(u64::MAX)),
            },
            // As it is written with 15 digits, without a point where Perl writes none.
            Json::Number(number @ Number::Float(_)) => {
                let value = number.to_string().parse().unwrap_or(f64::NAN);
                match Number::Float(value).as_integer().map(i64::try_from) {
                    Some(Ok(value)) => serializer.serialize_i64(value),
                    _ => serializer.serialize_f64(value),
                }
            }
            Json::String(text) => serializer.serialize_str(text),
            Json::Array(array) => serializer.collect_seq(array),
            Json::Object(object) => serializer.collect_map(object),
        }
    }
}
