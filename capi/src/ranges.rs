//! `pven_ranges`: parts of a disk that were changed.

use std::ffi::c_char;
use std::ptr;

use pve_native_core::chain::changed::Range;
use pve_native_core::{inspect, json as json_text};

use crate::error::Error;
use crate::ffi::{self, Handle, JsonOut, Out, Poison};
use crate::work::{Watched, WorkOpts};

/// Parts of a disk, in its order; no two of them touch. Made by pven_changed_extents() or
/// pven_bitmap_extents(), freed by pven_ranges_free().
#[derive(Debug)]
pub struct Ranges {
    poison: Poison,
    ranges: Vec<RangeC>,
}

/// A part of a disk.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RangeC {
    /// Where it begins, in bytes.
    pub start: u64,
    /// Bytes; never 0.
    pub length: u64,
}

impl Handle for Ranges {
    const NAME: &'static str = "ranges";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

impl Ranges {
    fn new(ranges: &[Range]) -> Box<Self> {
        let range = |range: &Range| RangeC {
            start: range.start,
            length: range.length,
        };
        Box::new(Ranges {
            poison: Poison::default(),
            ranges: ranges.iter().map(range).collect(),
        })
    }
}

/// The parts of the disk that were written in the images above base in the chain under top: outside
/// of them top reads as base does, or as zeros where base has ended.
///
/// top, base: as for pven_chain_open(); base must be in the chain, by whatever name.
/// opts, opts_size: a pven_work_opts and its size; NULL means all defaults.
/// More of them than max_ranges of the limits are PVEN_ERR_LIMIT.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_changed_extents(
    top: *const c_char,
    base: *const c_char,
    opts: *const WorkOpts,
    opts_size: usize,
    out: *mut Option<Box<Ranges>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let (top, base) = (ffi::path(top)?, ffi::path(base)?);
            let work = Watched::read(opts, opts_size)?;
            let open = &work.open;
            let changed = inspect::changed_extents(top, base, &open.chain(), open.bounds)?;
            let ranges = work.finish(changed)?;
            out.put_if_wanted(|| Some(Ranges::new(&ranges)));
            Ok(())
        })
    }
}

/// The dirty parts of a disk as a persistent bitmap of its qcow2 image says.
///
/// path: as for pven_chain_open().
/// bitmap: the name of the bitmap, bytes that end with a NUL.
/// opts, opts_size: a pven_work_opts and its size; NULL means all defaults. What only concerns chains
/// must be zero, the format qcow2 or NULL.
/// More of them than max_ranges of the limits are PVEN_ERR_LIMIT.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_bitmap_extents(
    path: *const c_char,
    bitmap: *const c_char,
    opts: *const WorkOpts,
    opts_size: usize,
    out: *mut Option<Box<Ranges>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let (path, name) = (ffi::path(path)?, ffi::name("bitmap", bitmap)?);
            let work = Watched::read(opts, opts_size)?.single()?;
            let dirty = inspect::bitmap_extents(path, name, work.open.bounds)?;
            let ranges = work.finish(dirty)?;
            out.put_if_wanted(|| Some(Ranges::new(&ranges)));
            Ok(())
        })
    }
}

/// Frees ranges. NULL is allowed.
///
/// One thread, when no other uses them any more.
#[unsafe(no_mangle)]
pub extern "C" fn pven_ranges_free(r: Option<Box<Ranges>>) {
    ffi::value((), || drop(r));
}

/// How many ranges there are. 0 for NULL.
///
/// Many threads may use them.
#[unsafe(no_mangle)]
pub extern "C" fn pven_ranges_len(r: Option<&Ranges>) -> usize {
    ffi::value_of(r, 0, |ranges| ranges.ranges.len())
}

/// The ranges: an array of pven_ranges_len(), which lives as long as the handle. NULL for NULL and
/// if there are none.
///
/// Many threads may use them.
#[unsafe(no_mangle)]
pub extern "C" fn pven_ranges_data(r: Option<&Ranges>) -> *const RangeC {
    ffi::value_of(r, ptr::null(), |ranges| match ranges.ranges.as_slice() {
        [] => ptr::null(),
        ranges => ranges.as_ptr(),
    })
}

/// The ranges as JSON: [[start, length], ...].
///
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Many threads may use them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_ranges_json(
    r: Option<&Ranges>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(r, err, |r| {
            let json = JsonOut::cleared(json, len).required()?;
            let range = |range: &RangeC| Range {
                start: range.start,
                length: range.length,
            };
            let ranges: Vec<Range> = r?.ranges.iter().map(range).collect();
            json.put(&json_text::to_text(&ranges))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_threads_may_use_them() {
        fn shared<T: Send + Sync>() {}
        shared::<Ranges>();
    }
}
