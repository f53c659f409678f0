//! How large images become, how much room they have, and what merging them moves.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::image::ImageFormat;
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::measure::Measure;
use pve_native_core::{inspect, json as json_text};

use crate::error::Error;
use crate::ffi::{self, JsonOut, Plain, StructOut};
use crate::work::{Watched, WorkOpts};

/// There is no such number.
pub const PVEN_NO_SIZE: u64 = u64::MAX;
/// Options for creating an image that a function takes at the most.
pub const PVEN_OPTIONS_MAX: usize = 1000;

/// What an image would take: the numbers of qemu-img measure.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MeasureC {
    /// Bytes for what there is to store.
    pub required: u64,
    /// Bytes once all of the disk has been written.
    pub fully_allocated: u64,
    /// Bytes for the persistent bitmaps of the source; PVEN_NO_SIZE where not both formats have them.
    pub bitmaps: u64,
}

/// How much room there is for an image on its device.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HeadroomC {
    /// The first offset behind all that is allocated now.
    pub end: u64,
    /// Bytes before that end that are free: they are used again where writes fit in.
    pub free: u64,
    /// Size of the device; PVEN_NO_SIZE for a file, which can grow.
    pub device_size: u64,
    /// Where the end can be once all of the disk has been written, with this image's own layout.
    pub worst_case: u64,
    /// What the device lacks for that; 0 if there is enough, PVEN_NO_SIZE where there is no device.
    pub short_by: u64,
}

// SAFETY: each is repr(C), without padding, all fields plain.
unsafe impl Plain for MeasureC {}
// SAFETY: as above.
unsafe impl Plain for HeadroomC {}

impl MeasureC {
    fn new(measure: &Measure) -> Self {
        MeasureC {
            required: measure.required,
            fully_allocated: measure.fully_allocated,
            bitmaps: measure.bitmaps.unwrap_or(PVEN_NO_SIZE),
        }
    }
}

/// What an image of this format, made with these options, takes for a new disk.
///
/// size: bytes of the disk.
/// format: "raw", "qcow2" and what else qemu-img measure knows.
/// options, count: such as "cluster_size=128k", as for -o of qemu-img create; at most
/// PVEN_OPTIONS_MAX. NULL if there are none.
/// out, out_size: a pven_measure and its size. As much of it as both sides know is filled, the rest is
/// zero.
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_measure_size(
    size: u64,
    format: *const c_char,
    options: *const *const c_char,
    count: usize,
    out: *mut MeasureC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = StructOut::cleared(out, out_size).required()?;
            let format = ImageFormat::from_caller(ffi::word("format", format)?)?;
            let options = create_options(options, count)?;
            out.put(&MeasureC::new(&inspect::measure_size(
                size, format, options,
            )?));
            Ok(())
        })
    }
}

/// The same for what the chain under the image at path holds.
///
/// path: as for pven_chain_open().
/// format, options, count: of the new image, as for pven_measure_size().
/// opts, opts_size: a pven_work_opts and its size, with the format of the image at path; NULL means
/// all defaults.
/// out, out_size: as for pven_measure_size().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_measure_image(
    path: *const c_char,
    format: *const c_char,
    options: *const *const c_char,
    count: usize,
    opts: *const WorkOpts,
    opts_size: usize,
    out: *mut MeasureC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = StructOut::cleared(out, out_size).required()?;
            let path = ffi::path(path)?;
            let format = ImageFormat::from_caller(ffi::word("format", format)?)?;
            let options = create_options(options, count)?;
            let work = Watched::read(opts, opts_size)?;
            let open = &work.open;
            let measure =
                inspect::measure_image(path, &open.chain(), format, options, open.bounds)?;
            out.put(&MeasureC::new(&work.finish(measure)?));
            Ok(())
        })
    }
}

/// The text that qemu-img measure --output=json prints for a new disk.
///
/// size_kib: the size in KiB, as text.
/// format, options, count: as for pven_measure_size().
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_qemu_img_measure_json(
    size_kib: *const c_char,
    format: *const c_char,
    options: *const *const c_char,
    count: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            let size = ffi::word("size_kib", size_kib)?;
            let format = ffi::word("format", format)?;
            let options = create_options(options, count)?;
            json.put(&inspect::qemu_img_measure(size, format, &options)?)
        })
    }
}

/// How far an image reaches into its device, and how far it could once the guest has written all of
/// the disk: so a volume that is too small is seen before the guest is hurt. Raw and qcow2.
///
/// path: as for pven_chain_open().
/// device_size: bytes of the device that the image is meant for; 0 takes the size of the block device
/// that it is on.
/// opts, opts_size: a pven_work_opts and its size; NULL means all defaults. What only concerns chains
/// must be zero.
/// out, out_size: a pven_headroom and its size. As much of it as both sides know is filled, the rest
/// is zero.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_image_headroom(
    path: *const c_char,
    device_size: u64,
    opts: *const WorkOpts,
    opts_size: usize,
    out: *mut HeadroomC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = StructOut::cleared(out, out_size).required()?;
            let path = ffi::path(path)?;
            let work = Watched::read(opts, opts_size)?.single()?;
            let device_size = (device_size != 0).then_some(device_size);
            let open = &work.open;
            let room = inspect::headroom(path, open.format, device_size, open.bounds)?;
            let room = work.finish(room)?;
            out.put(&HeadroomC {
                end: room.end,
                free: room.free,
                device_size: room.device_size.unwrap_or(PVEN_NO_SIZE),
                worst_case: room.worst_case,
                short_by: room.short_by.unwrap_or(PVEN_NO_SIZE),
            });
            Ok(())
        })
    }
}

/// What merging each image of the chain under top with the one below it would move, the top pair
/// first, as JSON: [{ "image", "backing", "commit-cost", "stream-cost" }, ...], each cost { "data",
/// "zero" } in bytes of the disk. Committing moves what the upper image holds down into the lower
/// one; streaming (qemu-img rebase) moves what only the lower one holds up.
///
/// top: as for pven_chain_open().
/// opts, opts_size: a pven_work_opts and its size; NULL means all defaults.
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_merge_costs_json(
    top: *const c_char,
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
            let top = ffi::path(top)?;
            let work = Watched::read(opts, opts_size)?;
            let open = &work.open;
            let costs = inspect::merge_costs(top, &open.chain(), open.bounds)?;
            let costs = work.finish(costs)?;
            json.put(&json_text::to_text(&View::new(&costs, Names::Text)))
        })
    }
}

/// # Safety
/// NULL or so many strings that end with a NUL; they outlive the call.
unsafe fn create_options<'a>(
    options: *const *const c_char,
    count: usize,
) -> core::Result<Vec<&'a [u8]>> {
    if options.is_null() && count == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: as this function demands.
    unsafe {
        let options = ffi::array("options", options, count, PVEN_OPTIONS_MAX)?;
        let option = |&option| ffi::name("option", option);
        options.iter().map(option).collect()
    }
}
