//! Perl values inside serde structures: kept as they are by this crate's serializer and
//! deserializer, converted by any other.
//!
//! The value itself travels beside serde, in a thread-local place, while a newtype of a private name
//! tells the other end to look there. So a foreign format never sees a pointer, nor can it forge
//! one.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::ffi::Kind;
use crate::interpreter::Interpreter;
use crate::{Array, Hash, Scalar, ScalarRef, Value, de};

/// The private name.
pub(crate) const NAME: &str = "$perlmod::Value";

thread_local! {
    static PASSED: Cell<Option<Scalar>> = const { Cell::new(None) };
}

pub(crate) fn pass(value: Scalar) {
    PASSED.set(Some(value));
}

pub(crate) fn take_passed() -> Option<Scalar> {
    PASSED.take()
}

/// A Perl value within data: what serde leaves alone.
#[derive(Clone)]
pub struct RawValue {
    value: Value,
}

impl RawValue {
    /// The value.
    pub fn into_inner(self) -> Value {
        self.value
    }

    /// The value, borrowed.
    pub fn get_ref(&self) -> &Value {
        &self.value
    }

    /// The value, borrowed mutably.
    pub fn get_mut(&mut self) -> &mut Value {
        &mut self.value
    }
}

impl From<Value> for RawValue {
    fn from(value: Value) -> Self {
        Self { value }
    }
}

impl Deref for RawValue {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl DerefMut for RawValue {
    fn deref_mut(&mut self) -> &mut Value {
        &mut self.value
    }
}

impl fmt::Debug for RawValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

impl Serialize for RawValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        pass(self.value.clone_ref().into_element());
        let result = serializer.serialize_newtype_struct(
            NAME,
            &Contents {
                value: self,
                depth: 0,
            },
        );
        take_passed();
        result
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from(self.clone_ref()).serialize(serializer)
    }
}

/// What the value contains, for serializers of other formats.
struct Contents<'a> {
    value: &'a ScalarRef,
    depth: u32,
}

impl Serialize for Contents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Not needed any more, and it must not be found by a value further down.
        take_passed();
        if self.depth > crate::limits::DEPTH {
            return Err(S::Error::custom(de::TOO_DEEP));
        }
        let thx = Interpreter::current();
        let depth = self.depth + 1;
        // What is inside of plain data is plain.
        let plain = match self.depth {
            0 => self.value.plain_or_throw(thx).into_owned(),
            _ => self.value.clone_ref(),
        };
        match Value::from_scalar(plain) {
            Value::Reference(reference) => match reference.dereference() {
                Some(target) => Contents {
                    value: &target,
                    depth,
                }
                .serialize(serializer),
                None => serializer.serialize_none(),
            },
            Value::Array(array) => {
                let mut seq = serializer.serialize_seq(Some(array.len()))?;
                for element in &array {
                    seq.serialize_element(&Contents {
                        value: &element,
                        depth,
                    })?;
                }
                seq.end()
            }
            Value::Hash(hash) => {
                let mut map = serializer.serialize_map(Some(hash.len()))?;
                for (key, value) in hash.shared_iter() {
                    map.serialize_entry(
                        &String::from_utf8_lossy(key),
                        &Contents {
                            value: &value,
                            depth,
                        },
                    )?;
                }
                map.end()
            }
            Value::Scalar(scalar) => {
                let view = scalar.look(thx);
                match de::number::as_number(&view) {
                    _ if view.kind != Kind::Scalar => {
                        Err(S::Error::custom("neither data nor a reference to data"))
                    }
                    _ if view.flags == 0 => serializer.serialize_none(),
                    Some(de::number::Number::Signed(v)) => serializer.serialize_i64(v),
                    Some(de::number::Number::Unsigned(v)) => serializer.serialize_u64(v),
                    Some(de::number::Number::Float(v)) => serializer.serialize_f64(v),
                    None => serializer.serialize_str(scalar.pv_string_utf8()),
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_newtype_struct(NAME, ValueVisitor)
            .map(Self::from)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, ValueVisitor)
    }
}

/// Takes the passed value, or builds one from what another format has.
struct ValueVisitor;

/// Builds values from a format that cannot pass them.
struct Built(Value);

impl<'de> Deserialize<'de> for Built {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Perl value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        Built::deserialize(inner).map(|built| built.0)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(take_passed().map_or_else(Value::new_undef, Value::from_scalar))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::new_undef())
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        Built::deserialize(inner).map(|built| built.0)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::new_int(v.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Value, E> {
        isize::try_from(v)
            .map(Value::new_int)
            .map_err(|_| E::custom("integer out of range"))
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Value, E> {
        usize::try_from(v)
            .map(Value::new_uint)
            .map_err(|_| E::custom("integer out of range"))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::new_float(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::new_string(v))
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Value, E> {
        Ok(Value::new_bytes(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let array = Array::new();
        while let Some(Built(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(Value::new_ref(&array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let hash = Hash::new();
        while let Some(Built(key)) = entries.next_key()? {
            if matches!(key, Value::Reference(_)) {
                return Err(A::Error::custom("a key must be a string"));
            }
            let Built(value) = entries.next_value()?;
            hash.insert(key.pv_string_utf8(), value);
        }
        Ok(Value::new_ref(&hash))
    }
}
