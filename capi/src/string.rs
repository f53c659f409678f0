//! Strings across the border: those that the caller comes to own, and those inside our objects.

use std::ffi::{CString, c_char};
use std::ptr;

use pve_native_core as core;

use crate::ffi;

/// Frees a string that this library handed out. NULL is allowed.
///
/// Thread-safe; each string is freed once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_string_free(s: *mut c_char) {
    ffi::value((), || {
        // SAFETY: `owned` got it from malloc, and nobody has freed it.
        unsafe { libc::free(s.cast()) };
    });
}

/// A copy with a NUL behind it that the caller comes to own. It lives in malloc's memory, so that
/// a caller may shorten it in place without harm.
pub fn owned(bytes: &[u8]) -> core::Result<*mut c_char> {
    // SAFETY: the size is not zero; a slice is never longer than isize::MAX.
    let place = unsafe { libc::malloc(bytes.len() + 1) }.cast::<u8>();
    if place.is_null() {
        return Err(core::Error::io("allocate", libc::ENOMEM));
    }
    // SAFETY: there is room for the bytes and the NUL.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        place.add(bytes.len()).write(0);
    }
    Ok(place.cast())
}

/// The bytes as a string of ours, up to the first NUL.
pub fn held(bytes: &[u8]) -> CString {
    CString::new(core::text::until_nul(bytes)).unwrap_or_default()
}

/// The text as a string of ours, a NUL written out as an escape.
pub fn held_text(text: &str) -> CString {
    match CString::new(text) {
        Ok(text) => text,
        Err(_) => held(text.replace('\0', "\\u{0}").as_bytes()),
    }
}

/// The pointer to lend; NULL for none.
pub fn lent(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}
