//! What guests use and how vectors of resources compare: the core's statistics as numbers.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::placement::statistics::{self, DotProduct};

use crate::error::Error;
use crate::ffi::{self, Out};

/// Samples, or dimensions of a vector, that a function takes at the most.
pub const PVEN_SAMPLES_MAX: usize = 1 << 24;

/// The p-th percentile of samples, by nearest rank: always one of them, in their unit.
///
/// p: 0 to 100.
/// samples, count: in any order. What is not finite is unknown and left out; 0 is a sample.
/// out: NAN if no sample is known: that is no data, not no load.
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_percentile(
    p: f64,
    samples: *const f64,
    count: usize,
    out: *mut f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, f64::NAN).required("out")?;
            let known = statistics::percentile(p, doubles("samples", samples, count)?)?;
            out.put_if_wanted(|| known.unwrap_or(f64::NAN));
            Ok(())
        })
    }
}

/// The distance between two points. Different units say nothing together: see pven_normalised().
///
/// a, b: finite numbers.
/// a_count, b_count: their dimensions. PVEN_ERR_ARGUMENT unless they are the same.
/// out: in the unit of both; NAN on failure.
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_euclidean_distance(
    a: *const f64,
    a_count: usize,
    b: *const f64,
    b_count: usize,
    out: *mut f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, f64::NAN).required("out")?;
            let (a, b) = (doubles("a", a, a_count)?, doubles("b", b, b_count)?);
            let distance = statistics::euclidean_distance(a, b)?;
            out.put_if_wanted(|| distance);
            Ok(())
        })
    }
}

/// The dot product of two vectors: of a guest's need and a node's free room, the largest is the best
/// aligned.
///
/// a, a_count, b, b_count: as for pven_euclidean_distance().
/// mode: "" or NULL divides by nothing, "normR" by both lengths, "normC" by the square of the second
/// one's. Where that is 0, so is the answer.
/// out: NAN on failure.
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_dotprod(
    a: *const f64,
    a_count: usize,
    b: *const f64,
    b_count: usize,
    mode: *const c_char,
    out: *mut f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, f64::NAN).required("out")?;
            let mode = DotProduct::from_caller(ffi::text("mode", mode)?)?;
            let (a, b) = (doubles("a", a, a_count)?, doubles("b", b, b_count)?);
            let product = statistics::dot_product(a, b, mode)?;
            out.put_if_wanted(|| product);
            Ok(())
        })
    }
}

/// Each resource as a fraction of a capacity, so that cores and bytes can be compared. Of a capacity of
/// 0, nothing is 0 and anything more is 1.
///
/// vector, capacity: so many finite numbers each; no capacity is negative.
/// out: a place for as many; may be the vector itself. Untouched on failure.
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_normalised(
    vector: *const f64,
    capacity: *const f64,
    count: usize,
    out: *mut f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let vector = doubles("vector", vector, count)?;
            let capacity = doubles("capacity", capacity, count)?;
            let fractions = statistics::normalised(vector, capacity)?;
            ffi::copy_out(&fractions, out, count)
        })
    }
}

/// An array of numbers; none may be NULL.
///
/// # Safety
/// NULL or a pointer to `count` doubles that outlive the call.
unsafe fn doubles<'a>(name: &str, items: *const f64, count: usize) -> core::Result<&'a [f64]> {
    if items.is_null() && count == 0 {
        return Ok(&[]);
    }
    // SAFETY: as this function demands.
    unsafe { ffi::array(name, items, count, PVEN_SAMPLES_MAX) }
}
