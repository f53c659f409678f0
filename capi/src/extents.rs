//! `pven_extents`: which image of a chain serves which part of the disk, in arrays that are used
//! again and again.

use std::ffi::c_char;
use std::sync::Arc;

use pve_native_core as core;
use pve_native_core::chain::extents::{self, Extent};
use pve_native_core::inspect;

use crate::chain::Chain;
use crate::error::Error;
use crate::ffi::{self, Handle, JsonOut, Out, Poison};
use crate::opts::{Open, OpenOpts};

/// Bit of the flags of an extent: the disk reads as something in one of the images, not as the zeros
/// behind the chain's end.
pub const PVEN_EXTENT_PRESENT: u64 = 1;
/// Bit of the flags of an extent: it reads as zeros.
pub const PVEN_EXTENT_ZERO: u64 = 2;
/// Bit of the flags of an extent: it is stored as data; with PVEN_EXTENT_ZERO too, in a hole of the
/// file.
pub const PVEN_EXTENT_DATA: u64 = 4;
/// Bit of the flags of an extent: it is stored compressed.
pub const PVEN_EXTENT_COMPRESSED: u64 = 8;
/// The flags of an extent shifted right by so many bits are its depth: the index of the image that
/// serves it in pven_extents_chain(), the top one being 0.
pub const PVEN_EXTENT_DEPTH_SHIFT: u32 = 32;

/// Extents that one call of pven_extents_next() gives at the most.
pub const PVEN_EXTENTS_MAX: usize = 1 << 24;

/// A part of the disk that is stored alike, as long as it can be.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtentC {
    /// Offset in the disk, in bytes.
    pub start: u64,
    /// Bytes; never 0.
    pub length: u64,
    /// Where it lies in the file of the image that serves it, or in that image's data file: bytes
    /// from the start. PVEN_NO_OFFSET if it has no place of its own.
    pub offset: u64,
    /// PVEN_EXTENT_PRESENT, _ZERO, _DATA and _COMPRESSED, and the depth above
    /// PVEN_EXTENT_DEPTH_SHIFT.
    pub flags: u64,
}

/// The extents of a disk, from its start to its end. Made by pven_extents_open(), freed by
/// pven_extents_free(); the files of the chain are open until then.
pub struct Extents {
    poison: Poison,
    extents: extents::Extents,
    /// Apart from what pven_extents_next() changes: who was lent it may use it meanwhile.
    chain: Arc<Chain>,
}

impl Handle for Extents {
    const NAME: &'static str = "extents";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

impl From<Extent> for ExtentC {
    #[inline]
    fn from(extent: Extent) -> Self {
        ExtentC {
            start: extent.start,
            length: extent.length,
            offset: extent.offset,
            flags: extent.flags,
        }
    }
}

/// Opens the chain under the image at path to tell which image serves which part of the disk, as
/// qemu-img map does. Reads no tables yet. A chain that is not whole is an error.
///
/// path: as for pven_chain_open().
/// opts, opts_size: a pven_open_opts and its size; NULL means all defaults. Its timeout is for this
/// call, and anew for each pven_extents_next().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_extents_open(
    path: *const c_char,
    opts: *const OpenOpts,
    opts_size: usize,
    out: *mut Option<Box<Extents>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let path = ffi::path(path)?;
            let opts = Open::read(opts, opts_size)?;
            let extents = inspect::extents(path, &opts.chain(), opts.bounds)?;
            out.put_if_wanted(|| {
                Some(Box::new(Extents {
                    poison: Poison::default(),
                    chain: Arc::new(Chain::new(extents.chain().clone())),
                    extents,
                }))
            });
            Ok(())
        })
    }
}

/// Frees the extents, and closes the files. NULL is allowed.
///
/// One thread, when no other uses the extents or the chain that they lent any more.
#[unsafe(no_mangle)]
pub extern "C" fn pven_extents_free(e: Option<Box<Extents>>) {
    ffi::value((), || drop(e));
}

/// The next extents. They follow each other without a gap, and two that adjoin differ, whatever the
/// capacity: calls with the same array can walk any disk in little memory.
///
/// What was found before an error is given first; the error then comes with each further call.
///
/// out, capacity: an array with room for so many, at least one. What was in it before does not
/// matter; what lies behind the first count of them is not touched.
/// count: how many there are; 0 if the disk has no more.
/// One thread at a time, not always the same; no other may use the extents meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_extents_next(
    e: Option<&mut Extents>,
    out: *mut ExtentC,
    capacity: usize,
    count: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let count = Out::cleared(count, 0).required("count");
            let (e, count) = (e?, count?);
            let out = ffi::places("out", out, capacity, PVEN_EXTENTS_MAX)?;
            if out.is_empty() {
                return Err(core::Error::argument("capacity is 0"));
            }
            let found = e.extents.next(out)?;
            count.put_if_wanted(|| found);
            Ok(())
        })
    }
}

/// How far it is: bytes of the disk that the extents given so far reach over, about, and how many
/// the disk has. Each of the two may be NULL.
///
/// Many threads may use the extents, but none pven_extents_next() meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_extents_progress(
    e: Option<&Extents>,
    done: *mut u64,
    total: *mut u64,
) {
    let progress = ffi::value_of(e, (0, 0), |e| e.extents.progress());
    // SAFETY: NULL or places for numbers, as the header demands.
    unsafe {
        Out::cleared(done, progress.0);
        Out::cleared(total, progress.1);
    }
}

/// The images, the top one first: the depth of an extent is an index. It belongs to the extents: it
/// lives as long, and is not freed by itself. NULL for NULL.
///
/// Many threads may use the extents, but none pven_extents_next() meanwhile; the chain that was lent
/// may be used at any time.
#[unsafe(no_mangle)]
pub extern "C" fn pven_extents_chain(e: Option<&Extents>) -> Option<&Chain> {
    ffi::lent(e, |e| &*e.chain)
}

/// All extents as JSON: what qemu-img map --output=json prints. A text of more than 512 MiB, as
/// there can be for a disk in millions of pieces, is PVEN_ERR_LIMIT: take pven_extents_next() then.
///
/// path, opts, opts_size: as for pven_extents_open(), the timeout for all of it.
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_extents_json(
    path: *const c_char,
    opts: *const OpenOpts,
    opts_size: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            let path = ffi::path(path)?;
            let opts = Open::read(opts, opts_size)?;
            json.put(&inspect::map_text(path, &opts.chain(), opts.bounds)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_cores() {
        assert_eq!(PVEN_EXTENT_PRESENT, extents::PRESENT);
        assert_eq!(PVEN_EXTENT_ZERO, extents::ZERO);
        assert_eq!(PVEN_EXTENT_DATA, extents::DATA);
        assert_eq!(PVEN_EXTENT_COMPRESSED, extents::COMPRESSED);
        assert_eq!(PVEN_EXTENT_DEPTH_SHIFT, extents::DEPTH_SHIFT);
        assert_eq!(crate::error::PVEN_NO_OFFSET, extents::NO_OFFSET);
    }

    #[test]
    fn any_thread_may_go_on_and_many_may_look() {
        fn sent<T: Send>() {}
        fn shared<T: Sync>() {}
        sent::<Extents>();
        shared::<Extents>();
    }
}
