//! Perl arrays. A tied array is read from a plain copy and cannot be changed from here.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::error::CastError;
use crate::ffi::{self, Kind, Sv};
use crate::interpreter::Interpreter;
use crate::{Scalar, ScalarRef, Value, panics};

/// An owned reference to a Perl array itself.
#[derive(Clone)]
pub struct Array(Scalar);

impl Array {
    /// A new empty array.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        // SAFETY: a new array with one reference.
        Self(unsafe { Scalar::from_raw_move(ffi::pvm_new_array(Interpreter::current(), 0)) })
    }

    /// The same reference, less specific.
    pub fn into_scalar(self) -> Scalar {
        self.0
    }

    /// The same reference, more specific.
    ///
    /// # Safety
    ///
    /// It must be an array.
    pub unsafe fn from_scalar(scalar: Scalar) -> Self {
        Self(scalar)
    }

    /// Another reference to the same array.
    pub fn clone_ref(&self) -> Self {
        self.clone()
    }

    fn readable(&self, thx: Interpreter) -> Cow<'_, ScalarRef> {
        match self.look(thx).kind {
            Kind::Magical => self.plain_or_throw(thx),
            _ => Cow::Borrowed(self),
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        // SAFETY: an untied array.
        unsafe { ffi::pvm_array_length(self.readable(Interpreter::current()).sv()) as usize }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at `index`; `None` if there is none.
    pub fn get(&self, index: usize) -> Option<Value> {
        let index = isize::try_from(index).ok()?;
        let thx = Interpreter::current();
        let array = self.readable(thx);
        // SAFETY: an untied array, and one of its elements.
        unsafe {
            let sv = ffi::pvm_array_at(array.sv(), index);
            (!sv.is_null()).then(|| Value::from_element(thx, sv))
        }
    }

    /// An iterator over the elements.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            array: Cow::Borrowed(self),
            at: 0,
        }
    }

    /// Makes room for `more` elements.
    pub fn reserve(&self, more: usize) {
        let more = more.min(crate::limits::RESERVE);
        // SAFETY: an array.
        unsafe { ffi::pvm_array_reserve(Interpreter::current(), self.sv(), more) };
    }

    /// Appends a value. Dies in Perl if the array is tied or read-only.
    pub fn push(&self, value: Value) {
        let value = value.into_element();
        // SAFETY: an array and a valid value, whose reference the array takes over on success.
        unsafe {
            if ffi::pvm_array_append(Interpreter::current(), self.sv(), value.sv()) == 0 {
                panics::throw(Scalar::new_string(
                    "cannot change a tied or read-only array\n",
                ));
            }
        }
        let _ = value.into_raw();
    }

    /// Takes the last value off. `None` if there is none, or the array is tied or read-only.
    pub fn pop(&self) -> Option<Value> {
        // SAFETY: an array; what comes out of it comes with its reference.
        unsafe {
            let sv = ffi::pvm_array_take_last(Interpreter::current(), self.sv());
            (!sv.is_null()).then(|| Value::from_raw_move(sv))
        }
    }

    /// The array as C knows it, without another reference.
    pub fn av(&self) -> *mut Sv {
        self.sv()
    }
}

impl Deref for Array {
    type Target = ScalarRef;

    fn deref(&self) -> &ScalarRef {
        &self.0
    }
}

impl DerefMut for Array {
    fn deref_mut(&mut self) -> &mut ScalarRef {
        &mut self.0
    }
}

impl TryFrom<Scalar> for Array {
    type Error = CastError;

    fn try_from(scalar: Scalar) -> Result<Self, CastError> {
        match Value::from_scalar(scalar) {
            Value::Array(array) => Ok(array),
            _ => Err(CastError),
        }
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// An iterator over an array's elements; missing ones come as undef.
pub struct Iter<'a> {
    array: Cow<'a, Array>,
    at: usize,
}

impl Iterator for Iter<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        if self.at >= self.array.len() {
            return None;
        }
        self.at += 1;
        Some(self.array.get(self.at - 1).unwrap_or_else(Value::new_undef))
    }
}

impl IntoIterator for Array {
    type Item = Value;
    type IntoIter = Iter<'static>;

    fn into_iter(self) -> Iter<'static> {
        Iter {
            array: Cow::Owned(self),
            at: 0,
        }
    }
}

impl<'a> IntoIterator for &'a Array {
    type Item = Value;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
