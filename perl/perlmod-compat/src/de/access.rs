//! Walking through arrays and hashes. Both are read in place; nothing that runs meanwhile can remove
//! what is being read.

use std::ffi::c_int;

use serde::de::{self, DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, Visitor};

use super::Deserializer;
use super::key::KeyDeserializer;
use crate::error::Error;
use crate::ffi::{self, Cursor, Sv};

pub(super) struct ArrayAccess<'de> {
    outer: Deserializer<'de>,
    array: *mut Sv,
    at: isize,
}

impl<'de> ArrayAccess<'de> {
    /// `array` must be an untied array.
    pub(super) fn new(outer: Deserializer<'de>, array: *mut Sv) -> Self {
        Self {
            outer,
            array,
            at: 0,
        }
    }

    fn length(&self) -> isize {
        // SAFETY: an untied array.
        unsafe { ffi::pvm_array_length(self.array) }
    }

    pub(super) fn len(&self) -> usize {
        usize::try_from(self.length() - self.at).unwrap_or(0)
    }
}

impl<'de> SeqAccess<'de> for ArrayAccess<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.at >= self.length() {
            return Ok(None);
        }
        let index = self.at;
        self.at += 1;
        // SAFETY: an untied array.
        let element = unsafe { ffi::pvm_array_at(self.array, index) };
        seed.deserialize(self.outer.inside(element))
            .map(Some)
            .map_err(|err| err.at_index(index as usize))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len())
    }
}

pub(super) struct HashAccess<'de> {
    outer: Deserializer<'de>,
    hash: *mut Sv,
    cursor: Cursor,
    /// The key that was given last, and its value.
    entry: Option<(KeyDeserializer<'de>, *mut Sv)>,
}

impl<'de> HashAccess<'de> {
    /// `hash` must be an untied hash.
    pub(super) fn new(outer: Deserializer<'de>, hash: *mut Sv) -> Self {
        let cursor = Cursor {
            bucket: 0,
            entry: std::ptr::null_mut(),
        };
        Self {
            outer,
            hash,
            cursor,
            entry: None,
        }
    }

    fn length(&self) -> usize {
        // SAFETY: an untied hash.
        unsafe { ffi::pvm_hash_length(self.outer.thx, self.hash) }
    }

    fn step(&mut self) -> Option<(KeyDeserializer<'de>, *mut Sv)> {
        let (mut key, mut length, mut utf8): (_, usize, c_int) = (std::ptr::null(), 0, 0);
        // SAFETY: an untied hash, whose keys live as long as it does.
        unsafe {
            let value = ffi::pvm_hash_next(
                self.outer.thx,
                self.hash,
                &mut self.cursor,
                &mut key,
                &mut length,
                &mut utf8,
            );
            if value.is_null() {
                return None;
            }
            let bytes = std::slice::from_raw_parts(key.cast(), length);
            Some((KeyDeserializer::new(bytes, utf8 != 0), value))
        }
    }
}

impl<'de> MapAccess<'de> for HashAccess<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        self.entry = self.step();
        match &self.entry {
            Some((key, _)) => seed.deserialize(*key).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let Some((key, value)) = self.entry.take() else {
            return Error::fail("a value was asked for before its key");
        };
        seed.deserialize(self.outer.inside(value))
            .map_err(|err| err.at_key(&key.text()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.length())
    }
}

/// An enum's variant: a string alone, or `{ variant => content }`.
pub(super) struct VariantAccess<'de> {
    variant: Result<KeyDeserializer<'de>, Deserializer<'de>>,
    content: Option<Deserializer<'de>>,
}

impl<'de> VariantAccess<'de> {
    pub(super) fn unit(value: Deserializer<'de>) -> Self {
        Self {
            variant: Err(value),
            content: None,
        }
    }

    pub(super) fn of_hash(outer: Deserializer<'de>, hash: *mut Sv) -> Result<Self, Error> {
        let mut access = HashAccess::new(outer, hash);
        match (access.length(), access.step()) {
            (1, Some((key, value))) => Ok(Self {
                variant: Ok(key),
                content: Some(outer.inside(value)),
            }),
            _ => Error::fail("a hash with one key, the variant, is expected"),
        }
    }

    fn content(self, what: &str) -> Result<Deserializer<'de>, Error> {
        self.content
            .ok_or_else(|| Error::custom(format_args!("the variant needs {what}")))
    }
}

impl<'de> EnumAccess<'de> for VariantAccess<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = match self.variant {
            Ok(key) => seed.deserialize(key)?,
            Err(value) => seed.deserialize(value)?,
        };
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for VariantAccess<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            None => Ok(()),
            Some(content) => de::Deserialize::deserialize(content),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content("a value")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_tuple(self.content("an array")?, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_struct(self.content("a hash")?, "", fields, visitor)
    }
}
