//! Arrays and hashes under construction. They belong to Rust until they are done, so an error or a
//! panic half-way frees them with all they contain.

use serde::ser::{self, Serialize};

use super::Serializer;
use super::key::{Key, KeySerializer};
use crate::error::Error;
use crate::{Scalar, ffi, limits};

pub(super) struct ArrayBuilder {
    inner: Serializer,
    array: Scalar,
    as_list: bool,
    count: usize,
}

impl ArrayBuilder {
    pub(super) fn new(inner: Serializer, expected: usize, as_list: bool) -> Result<Self, Error> {
        let expected = expected.min(limits::RESERVE);
        // SAFETY: a new array with one reference.
        let array = unsafe { Scalar::from_raw_move(ffi::pvm_new_array(inner.thx, expected)) };
        Ok(Self {
            inner,
            array,
            as_list,
            count: 0,
        })
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let element = value
            .serialize(self.inner)
            .map_err(|err| err.at_index(self.count))?;
        // SAFETY: our own array; it takes the reference to the element over.
        unsafe { ffi::pvm_array_push(self.inner.thx, self.array.sv(), element.into_raw()) };
        self.count += 1;
        Ok(())
    }

    fn finish(self) -> Scalar {
        if self.as_list {
            self.array
        } else {
            self.inner.reference_to(self.array)
        }
    }
}

macro_rules! build_array {
    ($($trait:ident::$method:ident),*) => {
        $(impl ser::$trait for ArrayBuilder {
            type Ok = Scalar;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Result<Scalar, Error> {
                Ok(self.finish())
            }
        })*
    };
}

build_array!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

pub(super) struct HashBuilder {
    inner: Serializer,
    hash: Scalar,
    key: Option<Key>,
}

impl HashBuilder {
    pub(super) fn new(inner: Serializer, expected: usize) -> Result<Self, Error> {
        let expected = expected.min(limits::RESERVE);
        // SAFETY: a new hash with one reference.
        let hash = unsafe { Scalar::from_raw_move(ffi::pvm_new_hash(inner.thx, expected)) };
        Ok(Self {
            inner,
            hash,
            key: None,
        })
    }

    fn put<T: Serialize + ?Sized>(
        &mut self,
        key: &[u8],
        utf8: bool,
        value: &T,
    ) -> Result<(), Error> {
        let value = value
            .serialize(self.inner)
            .map_err(|err| err.at_key(&String::from_utf8_lossy(key)))?;
        self.store(key, utf8, value)
    }

    fn store(&mut self, key: &[u8], utf8: bool, value: Scalar) -> Result<(), Error> {
        // SAFETY: our own hash; it takes the reference to the value over unless the key is refused.
        let stored = unsafe {
            ffi::pvm_hash_put(
                self.inner.thx,
                self.hash.sv(),
                key.as_ptr().cast(),
                key.len(),
                utf8.into(),
                value.sv(),
            )
        };
        if stored == 0 {
            return Error::fail("a key is longer than 2 GiB");
        }
        let _ = value.into_raw();
        Ok(())
    }

    fn finish(self) -> Scalar {
        self.inner.reference_to(self.hash)
    }
}

impl ser::SerializeMap for HashBuilder {
    type Ok = Scalar;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = Some(key.serialize(KeySerializer)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self
            .key
            .take()
            .ok_or_else(|| Error::new("a value without a key"))?;
        self.put(key.as_bytes(), key.is_utf8(), value)
    }

    fn end(self) -> Result<Scalar, Error> {
        Ok(self.finish())
    }
}

impl ser::SerializeStruct for HashBuilder {
    type Ok = Scalar;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.put(key.as_bytes(), !key.is_ascii(), value)
    }

    fn end(self) -> Result<Scalar, Error> {
        Ok(self.finish())
    }
}

/// `{ variant => [ … ] }`
pub(super) struct VariantArray {
    outer: HashBuilder,
    variant: &'static str,
    array: ArrayBuilder,
}

impl VariantArray {
    pub(super) fn new(
        serializer: Serializer,
        variant: &'static str,
        len: usize,
    ) -> Result<Self, Error> {
        let outer = serializer.hash(1)?;
        let array = outer.inner.array(len)?;
        Ok(Self {
            outer,
            variant,
            array,
        })
    }
}

impl ser::SerializeTupleVariant for VariantArray {
    type Ok = Scalar;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.array.push(value)
    }

    fn end(self) -> Result<Scalar, Error> {
        wrap(self.outer, self.variant, self.array.finish())
    }
}

/// `{ variant => { … } }`
pub(super) struct VariantHash {
    outer: HashBuilder,
    variant: &'static str,
    hash: HashBuilder,
}

impl VariantHash {
    pub(super) fn new(
        serializer: Serializer,
        variant: &'static str,
        len: usize,
    ) -> Result<Self, Error> {
        let outer = serializer.hash(1)?;
        let hash = outer.inner.hash(len)?;
        Ok(Self {
            outer,
            variant,
            hash,
        })
    }
}

impl ser::SerializeStructVariant for VariantHash {
    type Ok = Scalar;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        ser::SerializeStruct::serialize_field(&mut self.hash, key, value)
    }

    fn end(self) -> Result<Scalar, Error> {
        wrap(self.outer, self.variant, self.hash.finish())
    }
}

fn wrap(mut outer: HashBuilder, variant: &str, content: Scalar) -> Result<Scalar, Error> {
    outer.store(variant.as_bytes(), !variant.is_ascii(), content)?;
    Ok(outer.finish())
}
