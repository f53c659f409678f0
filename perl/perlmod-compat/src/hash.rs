//! Perl hashes. A tied hash is read from a plain copy and cannot be changed from here.

use std::borrow::Cow;
use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::error::CastError;
use crate::ffi::{self, Cursor, Kind, Sv};
use crate::interpreter::Interpreter;
use crate::{Scalar, ScalarRef, Value, panics};

/// An owned reference to a Perl hash itself.
#[derive(Clone)]
pub struct Hash(Scalar);

impl Hash {
    /// A new empty hash.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        // SAFETY: a new hash with one reference.
        Self(unsafe { Scalar::from_raw_move(ffi::pvm_new_hash(Interpreter::current(), 0)) })
    }

    /// The same reference, less specific.
    pub fn into_scalar(self) -> Scalar {
        self.0
    }

    /// The same reference, more specific.
    ///
    /// # Safety
    ///
    /// It must be a hash.
    pub unsafe fn from_scalar(scalar: Scalar) -> Self {
        Self(scalar)
    }

    /// Another reference to the same hash.
    pub fn clone_ref(&self) -> Self {
        self.clone()
    }

    /// An untied hash with the same contents; a copy lives on for the rest of the call.
    fn readable(&self, thx: Interpreter) -> *mut Sv {
        match self.look(thx).kind {
            Kind::Magical => match self.plain_or_throw(thx) {
                Cow::Owned(copy) => copy.into_mortal().into_raw(),
                Cow::Borrowed(hash) => hash.sv(),
            },
            _ => self.sv(),
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        let thx = Interpreter::current();
        // SAFETY: an untied hash.
        unsafe { ffi::pvm_hash_length(thx, self.readable(thx)) }
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key of characters; `None` if there is none.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.fetch(key.as_bytes(), !key.is_ascii())
    }

    /// The value of a key of bytes; `None` if there is none.
    pub fn get_by_bytes(&self, key: &[u8]) -> Option<Value> {
        self.fetch(key, false)
    }

    fn fetch(&self, key: &[u8], utf8: bool) -> Option<Value> {
        let thx = Interpreter::current();
        // SAFETY: an untied hash, and one of its values.
        unsafe {
            let sv = ffi::pvm_hash_get(
                thx,
                self.readable(thx),
                key.as_ptr().cast(),
                key.len(),
                utf8.into(),
            );
            (!sv.is_null()).then(|| Value::from_element(thx, sv))
        }
    }

    /// Sets the value of a key of characters. Dies in Perl if the hash is tied or restricted.
    pub fn insert(&self, key: &str, value: Value) {
        self.store(key.as_bytes(), !key.is_ascii(), value);
    }

    /// Sets the value of a key of bytes. Dies in Perl if the hash is tied or restricted.
    pub fn insert_by_bytes(&self, key: &[u8], value: Value) {
        self.store(key, false, value);
    }

    fn store(&self, key: &[u8], utf8: bool, value: Value) {
        let value = value.into_element();
        // SAFETY: a hash and a valid value, whose reference the hash takes over on success.
        unsafe {
            let stored = ffi::pvm_hash_set(
                Interpreter::current(),
                self.sv(),
                key.as_ptr().cast(),
                key.len(),
                utf8.into(),
                value.sv(),
            );
            if stored == 0 {
                panics::throw(Scalar::new_string(
                    "cannot change a tied or restricted hash\n",
                ));
            }
        }
        let _ = value.into_raw();
    }

    /// An iterator over keys (as they are stored: bytes, or UTF-8) and values, in Perl's order.
    ///
    /// The name is perlmod's, whose iterator is the one that `each` uses. This one has a place of
    /// its own; glue should rely on neither.
    pub fn shared_iter(&self) -> Iter<'_> {
        let thx = Interpreter::current();
        Iter {
            thx,
            hash: self.readable(thx),
            at: Cursor {
                bucket: 0,
                entry: std::ptr::null_mut(),
            },
            _hash: PhantomData,
        }
    }

    /// The hash as C knows it, without another reference.
    pub fn hv(&self) -> *mut Sv {
        self.sv()
    }
}

impl Deref for Hash {
    type Target = ScalarRef;

    fn deref(&self) -> &ScalarRef {
        &self.0
    }
}

impl DerefMut for Hash {
    fn deref_mut(&mut self) -> &mut ScalarRef {
        &mut self.0
    }
}

impl TryFrom<Scalar> for Hash {
    type Error = CastError;

    fn try_from(scalar: Scalar) -> Result<Self, CastError> {
        match Value::from_scalar(scalar) {
            Value::Hash(hash) => Ok(hash),
            _ => Err(CastError),
        }
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self
            .shared_iter()
            .map(|(key, value)| (String::from_utf8_lossy(key).into_owned(), value));
        f.debug_map().entries(entries).finish()
    }
}

/// An iterator over a hash.
pub struct Iter<'a> {
    thx: Interpreter,
    hash: *mut Sv,
    at: Cursor,
    _hash: PhantomData<&'a Hash>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], Value);

    fn next(&mut self) -> Option<Self::Item> {
        let (mut key, mut length, mut utf8): (_, usize, c_int) = (std::ptr::null(), 0, 0);
        // SAFETY: an untied hash; entries are not removed while it is borrowed, and Perl keeps a
        // copy of a tied one for the rest of the call.
        unsafe {
            let sv = ffi::pvm_hash_next(
                self.thx,
                self.hash,
                &mut self.at,
                &mut key,
                &mut length,
                &mut utf8,
            );
            if sv.is_null() {
                return None;
            }
            Some((
                std::slice::from_raw_parts(key.cast(), length),
                Value::from_element(self.thx, sv),
            ))
        }
    }
}
