//! Strings. Perl's strings are sequences of characters, kept as one byte each or as UTF-8; which of
//! the two must not matter. So characters are always those of the string, and bytes are its
//! characters as long as each fits into one.

use std::ffi::c_char;

use crate::ffi::{self, HAS_FLOAT, HAS_INTEGER, HAS_TEXT, IS_UNSIGNED, IS_UTF8, View};
use crate::interpreter::Interpreter;

/// The text as Perl keeps it; empty for what is no string.
pub(crate) fn stored<'a>(view: &View) -> &'a [u8] {
    if view.flags & HAS_TEXT == 0 || view.text.is_null() {
        return &[];
    }
    // SAFETY: Perl's own pointer and length.
    unsafe { std::slice::from_raw_parts(view.text.cast(), view.length) }
}

/// A copy of `text` that Perl drops when the running statement ends.
fn mortal<'a>(thx: Interpreter, text: &[u8], utf8: bool) -> &'a [u8] {
    let mut view = View::EMPTY;
    // SAFETY: a new value, which Perl keeps for the rest of the call.
    unsafe {
        let sv = ffi::pvm_new_text(thx, text.as_ptr().cast::<c_char>(), text.len(), utf8.into());
        ffi::pvm_mortal(thx, sv);
        ffi::pvm_look(thx, sv, &mut view);
    }
    stored(&view)
}

fn number<'a>(thx: Interpreter, view: &View) -> Option<&'a [u8]> {
    if view.flags & (HAS_INTEGER | HAS_FLOAT) == 0 {
        return None;
    }
    let is_float = view.flags & HAS_INTEGER == 0;
    let is_unsigned = view.flags & IS_UNSIGNED != 0;
    let mut text = View::EMPTY;
    // SAFETY: a new value, which Perl keeps for the rest of the call.
    unsafe {
        let sv = ffi::pvm_number_text(
            thx,
            view.integer,
            view.number,
            is_float.into(),
            is_unsigned.into(),
        );
        ffi::pvm_look(thx, sv, &mut text);
    }
    Some(stored(&text))
}

/// The characters of a string or number. `None` for undef and containers, and, unless `lossy`, for
/// strings with characters that Unicode does not have.
///
/// # Safety
///
/// The result must not outlive the value, nor the running call.
pub(crate) unsafe fn characters<'a>(thx: Interpreter, view: &View, lossy: bool) -> Option<&'a str> {
    if view.flags & HAS_TEXT == 0 {
        return std::str::from_utf8(number(thx, view)?).ok();
    }
    let bytes = stored(view);
    if view.flags & IS_UTF8 == 0 && !bytes.is_ascii() {
        let text: String = bytes.iter().map(|&b| char::from(b)).collect();
        return std::str::from_utf8(mortal(thx, text.as_bytes(), true)).ok();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(_) if lossy => {
            let text = String::from_utf8_lossy(bytes);
            std::str::from_utf8(mortal(thx, text.as_bytes(), true)).ok()
        }
        Err(_) => None,
    }
}

/// The bytes of a string or number. `None` for undef and containers, and for strings with characters
/// beyond one byte.
///
/// # Safety
///
/// As for [`characters`].
pub(crate) unsafe fn bytes<'a>(thx: Interpreter, view: &View) -> Option<&'a [u8]> {
    if view.flags & HAS_TEXT == 0 {
        return number(thx, view);
    }
    let bytes = stored(view);
    if view.flags & IS_UTF8 == 0 || bytes.is_ascii() {
        return Some(bytes);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    Some(mortal(thx, &narrow?, false))
}

/// As much of a text as an error message should show.
pub(crate) fn excerpt(text: &str) -> &str {
    match text.char_indices().nth(80) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
