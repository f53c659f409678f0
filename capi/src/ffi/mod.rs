//! What all exported functions share. Each of them runs inside [`call`], [`on`] or [`value`]:
//! out-parameters are cleared first, a panic ends as an error, errors become codes.

mod args;
mod handle;
mod out;
mod panic;

pub use args::{
    Plain, array, at, flag, name, optional_name, options, path, places, structs, text, word,
};
pub use handle::{Handle, Poison, fill, lent, on, on_mut, value_of};
pub use out::{JsonOut, Out, StructOut, copy_out};
pub use panic::outside;

use pve_native_core as core;

use crate::error::{Error, PVEN_OK};

/// Runs the body of a fallible function; its result is the function's.
///
/// # Safety
/// `err` is NULL or points to a place for a pointer.
pub unsafe fn call(err: *mut Option<Box<Error>>, body: impl FnOnce() -> core::Result<()>) -> i32 {
    // SAFETY: as this function demands.
    let err = unsafe { Out::cleared(err, None) };
    finish(err, panic::caught(body).unwrap_or_else(Err))
}

/// Runs the body of a function that cannot fail; `fallback` is what a panic gives.
pub fn value<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    panic::caught(body).unwrap_or(fallback)
}

/// Turns a result into a code, and hands out the error if somebody wants it.
fn finish(err: Out<Option<Box<Error>>>, result: core::Result<()>) -> i32 {
    match result {
        Ok(()) => PVEN_OK,
        Err(error) => {
            let code = error.code() as i32;
            err.put_if_wanted(|| Some(Box::new(Error::new(&error))));
            code
        }
    }
}
