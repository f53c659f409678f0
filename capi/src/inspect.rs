//! Questions that are answered with JSON: one image, many images, and QEMU's own text.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::chain::walk::Broken;
use pve_native_core::image::ImageInfo;
use pve_native_core::image::json::{Names, View};
use pve_native_core::inspect::{self, ManyOptions};
use pve_native_core::json as json_text;

use crate::error::Error;
use crate::ffi::{self, JsonOut, Plain};
use crate::limits::LimitsC;
use crate::opts::{self, Open, OpenOpts, unset};

/// Images that one call of pven_inspect_many_json() takes at the most.
pub const PVEN_MANY_MAX: usize = 100_000;

/// How to look at many images. Zero is the default everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ManyOpts {
    /// How long the whole call may take, in seconds; fractions are allowed. 0: no limit.
    pub timeout: f64,
    /// Images that are looked at side by side, at the most. 0: 16, which is also the most.
    pub threads: u32,
    /// Zero.
    pub reserved: [u8; 4],
    /// What each image may cost. NULL: all defaults.
    pub limits: *const LimitsC,
    /// Size of what limits points to.
    pub limits_size: usize,
}

/// How to ask for QEMU's text. Zero is the default everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct QemuImgInfoOpts {
    /// Format of the image by QEMU's name. NULL or "auto-detect" probes, as QEMU does: never on
    /// data that a guest can write.
    pub format: *const c_char,
    /// How long storage may take altogether, in seconds; fractions are allowed. 0: no limit.
    pub timeout: f64,
    /// 1: the whole backing chain, as with --backing-chain.
    pub backing_chain: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// What each image may cost. NULL: all defaults.
    pub limits: *const LimitsC,
    /// Size of what limits points to.
    pub limits_size: usize,
}

// SAFETY: each is repr(C), without padding, all fields plain.
unsafe impl Plain for ManyOpts {}
// SAFETY: as above.
unsafe impl Plain for QemuImgInfoOpts {}

/// One image as JSON: what qemu-img info --output=json prints. Nothing that the image names is
/// opened, but for the extents of a vmdk image.
///
/// path, opts, opts_size: as for pven_chain_open(); what only concerns chains must be zero.
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_image_info_json(
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
            let opts = Open::read(opts, opts_size)?.single()?;
            let info = inspect::info(path, opts.format, opts.bounds)?;
            json.put(&json_text::to_text(&View::new(&info, Names::Text)))
        })
    }
}

/// Many images as one JSON array in the order of paths: for each what pven_image_info_json()
/// gives, or { "filename", "error": { "code", "message" } }. One slow or broken image delays no
/// other. The extension of a name decides on its format.
///
/// paths, count: the names, each as for pven_chain_open(); at most PVEN_MANY_MAX.
/// opts, opts_size: a pven_many_opts and its size; NULL means all defaults.
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe. May use threads of its own; they have ended when it returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_inspect_many_json(
    paths: *const *const c_char,
    count: usize,
    opts: *const ManyOpts,
    opts_size: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            let paths = ffi::array("paths", paths, count, PVEN_MANY_MAX)?;
            let paths = paths.iter().map(|&path| ffi::path(path));
            let paths = paths.collect::<core::Result<Vec<_>>>()?;
            let opts = ffi::options(opts, opts_size)?;
            unset(&opts.reserved)?;
            let bounds = opts::bounds(opts.timeout, opts.limits, opts.limits_size)?;
            let options = ManyOptions {
                timeout: bounds.timeout,
                threads: opts.threads as usize,
                limits: bounds.limits,
            };
            let answers = inspect::inspect_many(&paths, &options)?;
            let entries = paths.iter().zip(answers);
            let entries = entries.map(|(path, info)| Answer { path, info });
            let entries: Vec<Answer> = entries.collect();
            json.put(&json_text::to_text(&entries))
        })
    }
}

/// The text that qemu-img info --output=json prints for a file: an object, or an array with
/// backing_chain. As there, backing images whose format is not recorded are probed, and a chain
/// that is not whole is an error.
///
/// path: as for pven_chain_open().
/// opts, opts_size: a pven_qemu_img_info_opts and its size; NULL means all defaults.
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_qemu_img_info_json(
    path: *const c_char,
    opts: *const QemuImgInfoOpts,
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
            let opts = ffi::options(opts, opts_size)?;
            unset(&opts.reserved)?;
            let format = ffi::text("format", opts.format)?;
            let bounds = opts::bounds(opts.timeout, opts.limits, opts.limits_size)?;
            let follow = ffi::flag("backing_chain", opts.backing_chain)?;
            json.put(&inspect::qemu_img_info(path, format, bounds, follow)?)
        })
    }
}

/// An entry of the answer about many images.
struct Answer<'a> {
    path: &'a [u8],
    info: core::Result<ImageInfo>,
}

impl serde::Serialize for Answer<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.info {
            Ok(info) => View::new(info, Names::Text).serialize(serializer),
            Err(error) => {
                let broken = Broken {
                    filename: self.path.to_vec(),
                    error: error.clone(),
                };
                View::new(&broken, Names::Text).serialize(serializer)
            }
        }
    }
}
