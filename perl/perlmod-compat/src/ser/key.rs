//! Hash keys: strings, bytes, and what has an obvious text.

use serde::ser::{Impossible, Serialize, Serializer};

use crate::error::Error;

/// A key of a Perl hash.
pub(super) enum Key {
    Text(String),
    Bytes(Vec<u8>),
}

impl Key {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Whether the bytes are to be read as UTF-8.
    pub(super) fn is_utf8(&self) -> bool {
        matches!(self, Self::Text(text) if !text.is_ascii())
    }
}

pub(super) struct KeySerializer;

fn refuse<T>() -> Result<T, Error> {
    Error::fail("a hash key must be a string or a number")
}

macro_rules! by_text {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, v: $type) -> Result<Key, Error> {
            Ok(Key::Text(v.to_string()))
        })*
    };
}

impl Serializer for KeySerializer {
    type Ok = Key;
    type Error = Error;
    type SerializeSeq = Impossible<Key, Error>;
    type SerializeTuple = Impossible<Key, Error>;
    type SerializeTupleStruct = Impossible<Key, Error>;
    type SerializeTupleVariant = Impossible<Key, Error>;
    type SerializeMap = Impossible<Key, Error>;
    type SerializeStruct = Impossible<Key, Error>;
    type SerializeStructVariant = Impossible<Key, Error>;

    by_text! {
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_char(char), serialize_str(&str),
    }

    fn serialize_bool(self, v: bool) -> Result<Key, Error> {
        self.serialize_u8(v.into())
    }

    fn serialize_f32(self, _v: f32) -> Result<Key, Error> {
        refuse()
    }

    fn serialize_f64(self, _v: f64) -> Result<Key, Error> {
        refuse()
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Key, Error> {
        Ok(Key::Bytes(v.to_vec()))
    }

    fn serialize_none(self) -> Result<Key, Error> {
        refuse()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Key, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Key, Error> {
        refuse()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Key, Error> {
        refuse()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Key, Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Key, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<Key, Error> {
        refuse()
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        refuse()
    }

    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, Error> {
        refuse()
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        refuse()
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        refuse()
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Error> {
        refuse()
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStruct, Error> {
        refuse()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        refuse()
    }
}
