//! A Perl value sorted by what it is. This is what glue takes and returns where it wants the value
//! itself and not data converted from it.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::error::Error;
use crate::ffi::{self, Kind, Sv};
use crate::interpreter::Interpreter;
use crate::{Array, Hash, Mortal, RawValue, Scalar, ScalarRef};

/// An owned reference to a Perl value.
#[derive(Clone)]
pub enum Value {
    /// Undef, a number, a string, code, …
    Scalar(Scalar),
    /// A reference to another value.
    Reference(Scalar),
    /// An array itself, as opposed to a reference to it.
    Array(Array),
    /// A hash itself, as opposed to a reference to it.
    Hash(Hash),
}

impl Value {
    /// A new undef.
    pub fn new_undef() -> Self {
        Self::Scalar(Scalar::new_undef())
    }

    /// A new integer.
    pub fn new_int(v: isize) -> Self {
        Self::Scalar(Scalar::new_int(v))
    }

    /// A new unsigned integer, kept intact to 2⁶⁴−1.
    pub fn new_uint(v: usize) -> Self {
        Self::Scalar(Scalar::new_uint(v))
    }

    /// A new floating point number.
    pub fn new_float(v: f64) -> Self {
        Self::Scalar(Scalar::new_float(v))
    }

    /// A new character string.
    pub fn new_string(s: &str) -> Self {
        Self::Scalar(Scalar::new_string(s))
    }

    /// A new byte string.
    pub fn new_bytes(s: &[u8]) -> Self {
        Self::Scalar(Scalar::new_bytes(s))
    }

    /// A new empty hash (not a reference to one). An array is `Value::from(Array::new())`.
    pub fn new_hash() -> Self {
        Self::Hash(Hash::new())
    }

    /// A new reference to `value`.
    pub fn new_ref<T: Deref<Target = ScalarRef>>(value: &T) -> Self {
        // SAFETY: a valid value; the reference made is new and ours.
        Self::Reference(unsafe {
            Scalar::from_raw_move(ffi::pvm_new_rv(Interpreter::current(), value.sv()))
        })
    }

    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// As for [`Scalar::from_raw_move`].
    pub unsafe fn from_raw_move(ptr: *mut Sv) -> Self {
        // SAFETY: as promised by the caller.
        Self::from_scalar(unsafe { Scalar::from_raw_move(ptr) })
    }

    /// Makes another reference.
    ///
    /// # Safety
    ///
    /// As for [`Scalar::from_raw_ref`].
    pub unsafe fn from_raw_ref(ptr: *mut Sv) -> Self {
        // SAFETY: as promised by the caller.
        Self::from_scalar(unsafe { Scalar::from_raw_ref(ptr) })
    }

    /// Sorts a value by its type.
    pub fn from_scalar(scalar: Scalar) -> Self {
        // SAFETY: a valid value, which is made an array or a hash only if it is one.
        unsafe {
            match ffi::pvm_class(scalar.sv()) {
                1 => Self::Reference(scalar),
                2 => Self::Array(Array::from_scalar(scalar)),
                3 => Self::Hash(Hash::from_scalar(scalar)),
                _ => Self::Scalar(scalar),
            }
        }
    }

    /// An element of a container; what a tied variable would give for one is asked for now.
    ///
    /// # Safety
    ///
    /// As for [`from_raw_ref`](Self::from_raw_ref).
    pub(crate) unsafe fn from_element(thx: Interpreter, ptr: *mut Sv) -> Self {
        // SAFETY: as promised by the caller.
        let element = unsafe { Scalar::from_raw_ref(ptr) };
        match element.look(thx).kind {
            Kind::Magical => Self::from_scalar(element.plain_or_throw(thx).into_owned()),
            _ => Self::from_scalar(element),
        }
    }

    /// If this is an array itself: that array. For a reference, see
    /// [`dereference`](Self::dereference).
    pub fn as_array(&self) -> Option<&Array> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// As [`as_array`](Self::as_array), mutably.
    pub fn as_array_mut(&mut self) -> Option<&mut Array> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// If this is a hash itself: that hash. For a reference, see [`dereference`](Self::dereference).
    pub fn as_hash(&self) -> Option<&Hash> {
        match self {
            Self::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    /// As [`as_hash`](Self::as_hash), mutably.
    pub fn as_hash_mut(&mut self) -> Option<&mut Hash> {
        match self {
            Self::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    /// If this is an array itself: its element. `None` if there is none.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.as_array()?.get(index)
    }

    /// What a reference refers to; `None` for what is no reference.
    pub fn dereference(&self) -> Option<Value> {
        match self {
            Self::Reference(reference) => reference.dereference().map(Self::from_scalar),
            _ => None,
        }
    }

    /// Another reference to the same value.
    pub fn clone_ref(&self) -> Self {
        self.clone()
    }

    /// Blesses what this refers to into a package, and gives another reference to it.
    ///
    /// # Errors
    ///
    /// If there is no such package, or this is not a reference to something that can be blessed.
    pub fn bless(&self, package: &str) -> Result<Value, Error> {
        let utf8 = !package.is_ascii();
        // SAFETY: valid values; Perl copies the name.
        let refused = unsafe {
            ffi::pvm_bless(
                Interpreter::current(),
                self.sv(),
                package.as_ptr().cast(),
                package.len(),
                utf8.into(),
            )
        };
        match refused {
            0 => Ok(self.clone_ref()),
            1 => Err(Error::new_owned(format!("there is no package {package:?}"))),
            _ => Err(Error::new_owned(format!(
                "this cannot be blessed into {package:?}"
            ))),
        }
    }

    /// As [`bless`](Self::bless), with the package's name as Perl has it.
    ///
    /// # Errors
    ///
    /// As for [`bless`](Self::bless).
    pub fn bless_sv(&self, pkgsv: &ScalarRef) -> Result<Value, Error> {
        if pkgsv.dereference().is_some() {
            return Error::fail("a class name is needed here, not a reference");
        }
        self.bless(pkgsv.pv_string_utf8())
    }

    pub(crate) fn into_scalar(self) -> Scalar {
        match self {
            Self::Scalar(scalar) | Self::Reference(scalar) => scalar,
            Self::Array(array) => array.into_scalar(),
            Self::Hash(hash) => hash.into_scalar(),
        }
    }

    /// The value as it can stand in a container or a list: of arrays and hashes a reference.
    pub(crate) fn into_element(self) -> Scalar {
        match self {
            Self::Scalar(scalar) | Self::Reference(scalar) => scalar,
            container => Self::new_ref(&container).into_scalar(),
        }
    }

    /// Gives the reference to the caller.
    pub fn into_raw(self) -> *mut Sv {
        self.into_scalar().into_raw()
    }

    /// Hands the reference to Perl, which drops it when the running statement ends.
    pub fn into_mortal(self) -> Mortal {
        self.into_scalar().into_mortal()
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        Self::from_scalar(scalar)
    }
}

impl From<Array> for Value {
    fn from(array: Array) -> Self {
        Self::Array(array)
    }
}

impl From<Hash> for Value {
    fn from(hash: Hash) -> Self {
        Self::Hash(hash)
    }
}

impl From<RawValue> for Value {
    fn from(value: RawValue) -> Self {
        value.into_inner()
    }
}

impl Deref for Value {
    type Target = ScalarRef;

    fn deref(&self) -> &ScalarRef {
        match self {
            Self::Scalar(scalar) | Self::Reference(scalar) => scalar,
            Self::Array(array) => array,
            Self::Hash(hash) => hash,
        }
    }
}

impl DerefMut for Value {
    fn deref_mut(&mut self) -> &mut ScalarRef {
        match self {
            Self::Scalar(scalar) | Self::Reference(scalar) => scalar,
            Self::Array(array) => array,
            Self::Hash(hash) => hash,
        }
    }
}

impl AsRef<ScalarRef> for Value {
    fn as_ref(&self) -> &ScalarRef {
        self
    }
}

impl AsMut<ScalarRef> for Value {
    fn as_mut(&mut self) -> &mut ScalarRef {
        self
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
