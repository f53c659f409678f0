//! `pven_check`: whether the tables and refcounts of an image are sound.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::image::check::Checked;
use pve_native_core::image::json::{Names, View};
use pve_native_core::{inspect, json as json_text};

use crate::error::Error;
use crate::ffi::{self, JsonOut, Plain, StructOut};
use crate::work::{Watched, WorkOpts};

/// What a check says: the numbers of qemu-img check.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CheckC {
    /// What could not be checked.
    pub check_errors: u64,
    /// What would lose or mix data: QEMU's status 2.
    pub corruptions: u64,
    /// Clusters that are taken, but used by nothing: QEMU's status 3.
    pub leaks: u64,
    /// The first offset in the file behind all that is in use, in bytes.
    pub image_end_offset: u64,
    /// Clusters of the disk.
    pub total_clusters: u64,
    /// Those of them that have a place in the file.
    pub allocated_clusters: u64,
    /// Those of them that do not follow the one before.
    pub fragmented_clusters: u64,
    /// Those of them that are compressed.
    pub compressed_clusters: u64,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for CheckC {}

/// Checks an image without changing it, as qemu-img check does: every reference is counted and
/// compared with the refcounts. Memory is a byte for each cluster in use. PVEN_OK also if much is
/// wrong with it; PVEN_ERR_UNSUPPORTED for formats that have no check.
///
/// path: as for pven_chain_open().
/// opts, opts_size: a pven_work_opts and its size; NULL means all defaults. What only concerns chains
/// must be zero.
/// out, out_size: a pven_check_result and its size. As much of it as both sides know is filled, the
/// rest is zero.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_check(
    path: *const c_char,
    opts: *const WorkOpts,
    opts_size: usize,
    out: *mut CheckC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = StructOut::cleared(out, out_size).required()?;
            let result = check(path, opts, opts_size)?.result;
            out.put(&CheckC {
                check_errors: result.check_errors,
                corruptions: result.corruptions,
                leaks: result.leaks,
                image_end_offset: result.image_end_offset,
                total_clusters: result.total_clusters,
                allocated_clusters: result.allocated_clusters,
                fragmented_clusters: result.fragmented_clusters,
                compressed_clusters: result.compressed_clusters,
            });
            Ok(())
        })
    }
}

/// The same as JSON: what qemu-img check --output=json prints, and "findings", each { "code",
/// "offset", "message" }; of more than a thousand the first.
///
/// path, opts, opts_size: as for pven_check().
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_check_json(
    path: *const c_char,
    opts: *const WorkOpts,
    opts_size: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            let checked = check(path, opts, opts_size)?;
            json.put(&json_text::to_text(&View::new(&checked, Names::Text)))
        })
    }
}

/// # Safety
/// NULL or what the types say.
unsafe fn check(
    path: *const c_char,
    opts: *const WorkOpts,
    opts_size: usize,
) -> core::Result<Checked> {
    // SAFETY: as this function demands.
    let (path, work) = unsafe { (ffi::path(path)?, Watched::read(opts, opts_size)?.single()?) };
    work.finish(inspect::check(path, work.open.format, work.open.bounds)?)
}
