//! Arguments coming in: bounded strings, arrays, and option structs that may be older or newer
//! than this library.

use std::ffi::c_char;
use std::mem::{MaybeUninit, size_of};
use std::slice;

use pve_native_core as core;
use pve_native_core::limits;

/// Longest word (the name of a format) that is looked at, in bytes.
const WORD: usize = 64;
/// Largest struct that any version of the ABI will have. Bytes; a size above it is a mistake.
pub(super) const STRUCT: usize = 64 << 10;

/// A struct of the ABI without padding, for which every pattern of bytes is a value, and zero
/// the default.
///
/// # Safety
/// `repr(C)`; only integers, floats, raw pointers and optional function pointers.
pub unsafe trait Plain: Copy {
    /// The value of all zeros.
    fn zeroed() -> Self {
        // SAFETY: every pattern of bytes is a value, as the trait demands.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }
}

/// A path: not NULL and shorter than `PATH_MAX`. The core refuses the empty one.
///
/// # Safety
/// NULL or a string that ends with a NUL and outlives the call.
pub unsafe fn path<'a>(path: *const c_char) -> core::Result<&'a [u8]> {
    if path.is_null() {
        return Err(core::Error::argument("path is NULL"));
    }
    // SAFETY: as this function demands.
    unsafe { bounded(path, limits::PATH) }
        .ok_or_else(|| core::Error::io("open", libc::ENAMETOOLONG))
}

/// A word called `name`; None for NULL.
///
/// # Safety
/// NULL or a string that ends with a NUL and outlives the call.
pub unsafe fn text<'a>(name: &str, text: *const c_char) -> core::Result<Option<&'a [u8]>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as this function demands.
    match unsafe { bounded(text, WORD) } {
        Some(text) => Ok(Some(text)),
        None => Err(core::Error::argument(format!(
            "{name} is longer than {} bytes",
            WORD - 1
        ))),
    }
}

/// A word called `name` that must be there.
///
/// # Safety
/// NULL or a string that ends with a NUL and outlives the call.
pub unsafe fn word<'a>(name: &str, word: *const c_char) -> core::Result<&'a [u8]> {
    // SAFETY: as this function demands.
    unsafe { text(name, word)? }.ok_or_else(|| core::Error::argument(format!("{name}: a NULL")))
}

/// A name called `what`, as an image or QEMU has it: not NULL and shorter than `PATH_MAX`.
///
/// # Safety
/// NULL or a string that ends with a NUL and outlives the call.
pub unsafe fn name<'a>(what: &str, name: *const c_char) -> core::Result<&'a [u8]> {
    if name.is_null() {
        return Err(core::Error::argument(format!("{what} is NULL")));
    }
    // SAFETY: as this function demands.
    unsafe { bounded(name, limits::PATH) }
        .ok_or_else(|| core::Error::argument(format!("{what} is too long")))
}

/// The same; None for NULL.
///
/// # Safety
/// NULL or a string that ends with a NUL and outlives the call.
pub unsafe fn optional_name<'a>(what: &str, text: *const c_char) -> core::Result<Option<&'a [u8]>> {
    match text.is_null() {
        true => Ok(None),
        // SAFETY: as this function demands.
        false => unsafe { name(what, text) }.map(Some),
    }
}

/// The string without its NUL; None if there is no NUL within `size` bytes.
///
/// # Safety
/// A string that ends with a NUL and outlives the call.
unsafe fn bounded<'a>(string: *const c_char, size: usize) -> Option<&'a [u8]> {
    // SAFETY: strnlen stops at the NUL, and so many bytes can be read.
    let bytes = unsafe {
        let length = libc::strnlen(string, size);
        slice::from_raw_parts(string.cast(), length)
    };
    (bytes.len() < size).then_some(bytes)
}

/// An array called `name` of at most `most` items; it is never NULL, even if it is empty.
///
/// # Safety
/// NULL or a pointer to `count` items that outlive the call.
pub unsafe fn array<'a, T>(
    name: &str,
    items: *const T,
    count: usize,
    most: usize,
) -> core::Result<&'a [T]> {
    if count > most {
        let message = format!("{name}: {count} items are more than {most}");
        return Err(core::Error::argument(message));
    }
    if items.is_null() {
        return Err(core::Error::argument(format!("{name} is NULL")));
    }
    // SAFETY: as this function demands; the count is bounded.
    Ok(unsafe { slice::from_raw_parts(items, count) })
}

/// An array called `name` of `count` places that hold nothing yet, of which at most `most` are used;
/// it is never NULL.
///
/// # Safety
/// NULL or a pointer to `count` places that nobody else uses during the call.
pub unsafe fn places<'a, T>(
    name: &str,
    places: *mut T,
    count: usize,
    most: usize,
) -> core::Result<&'a mut [MaybeUninit<T>]> {
    if places.is_null() {
        return Err(core::Error::argument(format!("{name} is NULL")));
    }
    // SAFETY: as this function demands; the count is bounded.
    Ok(unsafe { slice::from_raw_parts_mut(places.cast(), count.min(most)) })
}

/// An option struct of `size` bytes: NULL means all defaults, what is missing at the end is zero,
/// and what this library does not know must be zero.
///
/// # Safety
/// NULL or a pointer to `size` bytes.
pub unsafe fn options<T: Plain>(opts: *const T, size: usize) -> core::Result<T> {
    let mut known = T::zeroed();
    if opts.is_null() {
        return Ok(known);
    }
    if size > STRUCT {
        let message = format!("options of {size} bytes: that cannot be a size");
        return Err(core::Error::argument(message));
    }
    // SAFETY: as this function demands.
    let given = unsafe { slice::from_raw_parts(opts.cast::<u8>(), size) };
    let (head, tail) = given.split_at(size.min(size_of::<T>()));
    if tail.iter().any(|&byte| byte != 0) {
        let message = "options that this version does not know are set";
        return Err(core::Error::argument(message));
    }
    // SAFETY: `head` is no longer than the struct, every pattern of bytes is a value of it.
    unsafe {
        std::ptr::copy_nonoverlapping(head.as_ptr(), (&raw mut known).cast(), head.len());
    }
    Ok(known)
}

/// Copies of an array called `name` of `count` structs, at most `most`, which are `size` bytes apart:
/// each as for [`options`].
///
/// # Safety
/// NULL or a pointer to `count` times `size` bytes.
pub unsafe fn structs<T: Plain>(
    name: &str,
    items: *const T,
    size: usize,
    count: usize,
    most: usize,
) -> core::Result<Vec<T>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if size == 0 || size > STRUCT {
        let message = format!("{name}: {size} bytes cannot be the size of a struct");
        return Err(core::Error::argument(message));
    }
    // SAFETY: as this function demands; the count is bounded by array(), the product by both.
    let bytes = unsafe {
        array::<u8>(name, items.cast(), count, most)?;
        slice::from_raw_parts(items.cast::<u8>(), count * size)
    };
    let structs = bytes.chunks_exact(size);
    // SAFETY: each chunk is that long.
    structs
        .map(|s| unsafe { options(s.as_ptr().cast(), size) })
        .collect()
}

/// The item at `index`; an error that calls all of them `what` if there is none.
pub fn at<'a, T>(items: &'a [T], index: usize, what: &str) -> core::Result<&'a T> {
    items.get(index).ok_or_else(|| {
        let length = items.len();
        core::Error::argument(format!("index {index} is beyond the {length} {what}"))
    })
}

/// A switch called `name`: 0 or 1.
pub fn flag(name: &str, value: u8) -> core::Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(core::Error::argument(format!(
            "{name} is {other}, neither 0 nor 1"
        ))),
    }
}
