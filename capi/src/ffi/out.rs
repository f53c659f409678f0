//! Results going out. Each place is cleared when its wrapper is made, before anything is looked
//! at, and filled at most once, on success.

use std::ffi::c_char;
use std::mem::size_of;
use std::ptr::{self, NonNull};

use pve_native_core as core;

use super::args::{Plain, STRUCT};
use crate::string;

/// A place for one value.
pub struct Out<T>(Option<NonNull<T>>);

impl<T> Out<T> {
    /// Writes `empty`, without looking at what was there.
    ///
    /// # Safety
    /// NULL or a place for a `T`, valid as long as the wrapper.
    pub unsafe fn cleared(place: *mut T, empty: T) -> Self {
        let place = NonNull::new(place);
        if let Some(place) = place {
            // SAFETY: as this function demands.
            unsafe { place.write(empty) };
        }
        Out(place)
    }

    /// An error that names the parameter, if it is NULL.
    pub fn required(self, name: &str) -> core::Result<Self> {
        match self.0 {
            Some(_) => Ok(self),
            None => Err(core::Error::argument(format!("{name} is NULL"))),
        }
    }

    /// Hands out the value; nobody may want it.
    pub fn put_if_wanted(self, value: impl FnOnce() -> T) {
        if let Some(place) = self.0 {
            // SAFETY: the place is valid, as promised when it was cleared.
            unsafe { place.write(value()) };
        }
    }
}

/// Copies all values to an array that has `capacity` places; an error if they do not fit.
///
/// # Safety
/// NULL or so many places.
pub unsafe fn copy_out<T: Copy>(values: &[T], out: *mut T, capacity: usize) -> core::Result<()> {
    if out.is_null() {
        return Err(core::Error::argument("out is NULL"));
    }
    if capacity < values.len() {
        let count = values.len();
        let message = format!("capacity {capacity} is less than the {count} that there are");
        return Err(core::Error::argument(message));
    }
    // SAFETY: as this function demands; they fit, and cannot overlap.
    unsafe { ptr::copy_nonoverlapping(values.as_ptr(), out, values.len()) };
    Ok(())
}

/// A place for a text and one for its length.
pub struct JsonOut {
    text: Out<*mut c_char>,
    length: Out<usize>,
}

impl JsonOut {
    /// NULL and 0.
    ///
    /// # Safety
    /// Each NULL or a place for its value, valid as long as the wrapper.
    pub unsafe fn cleared(text: *mut *mut c_char, length: *mut usize) -> Self {
        // SAFETY: as this function demands.
        unsafe {
            JsonOut {
                text: Out::cleared(text, ptr::null_mut()),
                length: Out::cleared(length, 0),
            }
        }
    }

    /// An error if one of the parameters is NULL.
    pub fn required(self) -> core::Result<Self> {
        Ok(JsonOut {
            text: self.text.required("json")?,
            length: self.length.required("len")?,
        })
    }

    /// Hands out the text; the caller owns it then.
    pub fn put(self, text: &str) -> core::Result<()> {
        let copy = string::owned(text.as_bytes())?;
        self.text.put_if_wanted(|| copy);
        self.length.put_if_wanted(|| text.len());
        Ok(())
    }
}

/// A place for a struct of which the caller may know less, or more, than this library.
pub struct StructOut<T> {
    place: *mut T,
    size: usize,
}

impl<T: Plain> StructOut<T> {
    /// All zeros.
    ///
    /// # Safety
    /// NULL or a place of `size` bytes, valid as long as the wrapper.
    pub unsafe fn cleared(place: *mut T, size: usize) -> Self {
        if !place.is_null() && size <= STRUCT {
            // SAFETY: as this function demands.
            unsafe { place.cast::<u8>().write_bytes(0, size) };
        }
        StructOut { place, size }
    }

    /// An error if there is no place, or if its size cannot be one.
    pub fn required(self) -> core::Result<Self> {
        if self.place.is_null() {
            return Err(core::Error::argument("out is NULL"));
        }
        if self.size == 0 || self.size > STRUCT {
            let message = format!("out_size {} cannot be the size of a struct", self.size);
            return Err(core::Error::argument(message));
        }
        Ok(self)
    }

    /// Whether the caller's struct has the field that ends after this many bytes.
    pub fn reaches(&self, end: usize) -> bool {
        self.size >= end
    }

    /// Hands out as much as fits; what this library does not know stays zero.
    pub fn put(self, value: &T) {
        // SAFETY: so many bytes are there on both sides.
        unsafe {
            let size = self.size.min(size_of::<T>());
            let bytes = ptr::from_ref(value).cast::<u8>();
            ptr::copy_nonoverlapping(bytes, self.place.cast(), size);
        }
    }
}
