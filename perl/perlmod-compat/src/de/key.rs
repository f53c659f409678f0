//! Hash keys, which are strings whatever they stand for.

use std::borrow::Cow;

use serde::de::{self, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::Error;

/// A key as Perl keeps it: one byte for each character, or UTF-8.
#[derive(Clone, Copy)]
pub(super) struct KeyDeserializer<'de> {
    stored: &'de [u8],
    utf8: bool,
}

impl<'de> KeyDeserializer<'de> {
    pub(super) fn new(stored: &'de [u8], utf8: bool) -> Self {
        Self { stored, utf8 }
    }

    /// The characters of the key; what is not Unicode as U+FFFD.
    pub(super) fn text(&self) -> Cow<'de, str> {
        if self.utf8 || self.stored.is_ascii() {
            String::from_utf8_lossy(self.stored)
        } else {
            Cow::Owned(self.stored.iter().map(|&b| char::from(b)).collect())
        }
    }

    fn characters<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.utf8 && std::str::from_utf8(self.stored).is_err() {
            return Error::fail("a hash key is not valid Unicode");
        }
        match self.text() {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text();
        let digits = text.strip_prefix('-').unwrap_or(&text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            if let Ok(v) = text.parse::<u64>() {
                return visitor.visit_u64(v);
            }
            if let Ok(v) = text.parse::<i64>() {
                return visitor.visit_i64(v);
            }
        }
        Err(Error::invalid_value(
            Unexpected::Str(super::text::excerpt(&text)),
            &visitor,
        ))
    }
}

macro_rules! by_integer {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.integer(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for KeyDeserializer<'de> {
    type Error = Error;

    by_integer!(
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64
    );

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.characters(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if !self.utf8 || self.stored.is_ascii() {
            return visitor.visit_borrowed_bytes(self.stored);
        }
        // Perl keeps keys as UTF-8 only if a character does not fit into a byte.
        Error::fail("a wide character in a hash key where bytes are expected")
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.text().into_deserializer())
    }
}
