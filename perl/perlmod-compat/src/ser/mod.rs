//! From Rust to Perl: structures become hash references, sequences array references, `None` becomes
//! undef, booleans 1 and 0; 64-bit integers stay intact, bytes stay bytes.

mod containers;
mod key;
pub(crate) mod returns;

use serde::ser::{self, Serialize};

pub use returns::Return;

use crate::error::Error;
use crate::ffi;
use crate::interpreter::Interpreter;
use crate::{Scalar, Value, limits, raw_value};
use containers::{ArrayBuilder, HashBuilder, VariantArray, VariantHash};

/// Converts to a Perl value.
///
/// # Errors
///
/// If a key is not a string or number, data is nested deeper than 512 levels, or `T` itself fails.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    to_scalar(Interpreter::current(), value).map(Value::from_scalar)
}

pub(crate) fn to_scalar<T: Serialize + ?Sized>(
    thx: Interpreter,
    value: &T,
) -> Result<Scalar, Error> {
    value.serialize(Serializer {
        thx,
        depth: 0,
        as_list: false,
    })
}

/// As [`to_scalar`], but an outermost sequence gives the array itself and not a reference to it.
pub(crate) fn to_list<T: Serialize + ?Sized>(thx: Interpreter, value: &T) -> Result<Scalar, Error> {
    value.serialize(Serializer {
        thx,
        depth: 0,
        as_list: true,
    })
}

/// Makes one value.
#[derive(Clone, Copy)]
struct Serializer {
    thx: Interpreter,
    depth: u32,
    as_list: bool,
}

impl Serializer {
    /// The serializer for what is inside.
    fn inside(self) -> Result<Self, Error> {
        if self.depth >= limits::DEPTH {
            return Error::fail(crate::de::TOO_DEEP);
        }
        Ok(Self {
            thx: self.thx,
            depth: self.depth + 1,
            as_list: false,
        })
    }

    fn undef(self) -> Scalar {
        // SAFETY: a new value with one reference.
        unsafe { Scalar::from_raw_move(ffi::pvm_new_undef(self.thx)) }
    }

    fn hash(self, expected: usize) -> Result<HashBuilder, Error> {
        HashBuilder::new(self.inside()?, expected)
    }

    fn array(self, expected: usize) -> Result<ArrayBuilder, Error> {
        ArrayBuilder::new(self.inside()?, expected, self.as_list)
    }

    fn reference_to(self, target: Scalar) -> Scalar {
        // SAFETY: the reference to the target moves into the new value.
        unsafe { Scalar::from_raw_move(ffi::pvm_new_rv_owning(self.thx, target.into_raw())) }
    }
}

macro_rules! as_integer {
    ($($method:ident($type:ty) => $target:ident),* $(,)?) => {
        $(fn $method(self, v: $type) -> Result<Scalar, Error> {
            // SAFETY: a new value with one reference.
            Ok(unsafe { Scalar::from_raw_move(ffi::$target(self.thx, v.into())) })
        })*
    };
}

impl ser::Serializer for Serializer {
    type Ok = Scalar;
    type Error = Error;
    type SerializeSeq = ArrayBuilder;
    type SerializeTuple = ArrayBuilder;
    type SerializeTupleStruct = ArrayBuilder;
    type SerializeTupleVariant = VariantArray;
    type SerializeMap = HashBuilder;
    type SerializeStruct = HashBuilder;
    type SerializeStructVariant = VariantHash;

    as_integer! {
        serialize_bool(bool) => pvm_new_iv,
        serialize_i8(i8) => pvm_new_iv,
        serialize_i16(i16) => pvm_new_iv,
        serialize_i32(i32) => pvm_new_iv,
        serialize_i64(i64) => pvm_new_iv,
        serialize_u8(u8) => pvm_new_uv,
        serialize_u16(u16) => pvm_new_uv,
        serialize_u32(u32) => pvm_new_uv,
        serialize_u64(u64) => pvm_new_uv,
        serialize_f32(f32) => pvm_new_nv,
        serialize_f64(f64) => pvm_new_nv,
    }

    fn serialize_char(self, v: char) -> Result<Scalar, Error> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<Scalar, Error> {
        Ok(Scalar::text(self.thx, v))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Scalar, Error> {
        Ok(Scalar::bytes(self.thx, v))
    }

    fn serialize_none(self) -> Result<Scalar, Error> {
        Ok(self.undef())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Scalar, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Scalar, Error> {
        Ok(self.undef())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Scalar, Error> {
        Ok(self.undef())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Scalar, Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Scalar, Error> {
        if name == raw_value::NAME {
            if let Some(passed) = raw_value::take_passed() {
                return Ok(passed);
            }
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Scalar, Error> {
        let mut hash = self.hash(1)?;
        ser::SerializeStruct::serialize_field(&mut hash, variant, value)?;
        ser::SerializeStruct::end(hash)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ArrayBuilder, Error> {
        self.array(len.unwrap_or(0))
    }

    fn serialize_tuple(self, len: usize) -> Result<ArrayBuilder, Error> {
        self.array(len)
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<ArrayBuilder, Error> {
        self.array(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<VariantArray, Error> {
        VariantArray::new(self, variant, len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<HashBuilder, Error> {
        self.hash(len.unwrap_or(0))
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<HashBuilder, Error> {
        self.hash(len)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<VariantHash, Error> {
        VariantHash::new(self, variant, len)
    }
}
